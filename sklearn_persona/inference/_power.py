"""The smallest effect that a trial of a given size can detect."""

import math

import numpy as np
from scipy import optimize, special, stats

from sklearn_persona._data.checks import as_count, as_probability

# Beyond this critical value (few degrees of freedom at a tiny alpha) scipy's
# noncentral t breaks down, and its limit is accurate to 1e-6.
_LARGE = 1e3


def detectable_effect(
    n_treated, n_control, *, n_candidates=1, alpha=0.05, power=0.8, paired=False
):
    """Smallest standardized effect that a t test detects with the given power.

    Parameters
    ----------
    n_treated, n_control : int
        Cases in each arm. When `paired`, both are the number of pairs, and
        `n_control` may be None.
    n_candidates : int, default=1
        Number of tests that share the level (Bonferroni): 1 for a persona fixed in
        advance, the number of personas tested in the holdout, or the number of all
        conjunctions that were searched.
    alpha : float, default=0.05
        Two-sided level of all tests together.
    power : float, default=0.8
        Probability of detecting the effect; above ``alpha / n_candidates``.
    paired : bool, default=False
        Whether the test is the one-sample t test of differences within pairs.

    Returns
    -------
    float
        Effect in standard deviations: the common one within arms or, when `paired`,
        that of the differences.

    Raises
    ------
    ValueError
        If a size or `n_candidates` is not a positive integer, there are fewer than
        three cases (two pairs), the sizes of a paired test differ, or `alpha` or
        `power` is not strictly between 0 and 1.

    References
    ----------
    Cohen, J. (1988). Statistical Power Analysis for the Behavioral Sciences, 2nd ed.

    Examples
    --------
    >>> from sklearn_persona.inference import detectable_effect
    >>> round(detectable_effect(64, 64), 2)
    0.5
    >>> round(detectable_effect(10, 10), 2)
    1.32
    >>> round(detectable_effect(10, 10, n_candidates=1_000_000), 2)
    4.6
    """
    n_treated = as_count("n_treated", n_treated)
    n_candidates = as_count("n_candidates", n_candidates)
    alpha = as_probability("alpha", alpha)
    power = as_probability("power", power)
    if paired:
        if n_control is not None and n_control != n_treated:
            raise ValueError(
                "paired=True needs as many control as treated values, got "
                f"n_treated={n_treated} and n_control={n_control}."
            )
        df, root = n_treated - 1, math.sqrt(n_treated)
    else:
        n_control = as_count("n_control", n_control)
        df = n_treated + n_control - 2
        root = math.sqrt(n_treated * n_control / (n_treated + n_control))
    if df < 1:
        raise ValueError(
            "A t test needs at least three cases or two pairs, got "
            f"n_treated={n_treated} and n_control={n_control}."
        )
    tail = alpha / n_candidates / 2
    if power <= 2 * tail:
        raise ValueError(
            f"power must exceed alpha / n_candidates = {2 * tail}, got {power}: "
            "without any effect the test rejects that often."
        )
    critical = -special.stdtrit(df, tail)

    def lack(noncentrality):
        return t_power(noncentrality, critical, df) - power

    high = critical + 1.0
    while lack(high) < 0:
        high *= 2
    return optimize.brentq(lack, 0.0, high, xtol=1e-12, rtol=1e-10) / root


def t_power(noncentrality, critical, df, *, benefit_only=False):
    """Return P(|T| >= critical) of a noncentral t variable, or P(T >= critical)."""
    if critical > _LARGE:
        # The noise of the numerator is negligible; only the estimated SD matters.
        if benefit_only and noncentrality <= 0:
            return 0.0
        return float(special.chdtr(df, df * (noncentrality / critical) ** 2))
    with np.errstate(all="ignore"):
        upper = stats.nct.sf(critical, df, noncentrality)
        # The lower tail only matters near no effect; further out it can be NaN.
        lower = stats.nct.cdf(-critical, df, noncentrality)
    if benefit_only:
        # Far below zero scipy may give NaN instead of 0.
        return float(np.nan_to_num(upper) if noncentrality < 0 else upper)
    return float(upper + np.nan_to_num(lower))
