"""Estimates reported only after a test on all or part of the data was passed."""

import math

import numpy as np
from scipy import optimize, special

from sklearn_persona._data.checks import as_probability

__all__ = ["conditional_interval"]

# Largest distance of a bound in standard errors, and points of the integral.
_FAR, _POINTS = 10.0, 1001


def conditional_interval(estimate, se, *, threshold, se_tested=None, level=0.95):
    """Interval of a mean, given that a test on all or part of the data passed.

    A mean that is reported only when significant is too large on average, and its
    usual interval covers too rarely. This interval has its nominal coverage among the
    means that are reported.

    Parameters
    ----------
    estimate : float
        Normal with standard error `se`: the tested estimate itself, or its
        inverse-variance weighted mean with an independent one.
    se : float
        Standard error of `estimate`.
    threshold : float
        What the tested estimate had to exceed.
    se_tested : float, default=None
        Standard error of the tested estimate, at least `se`; None when that is
        `estimate` itself.
    level : float, default=0.95
        Nominal coverage.

    Returns
    -------
    center : float
        Median-unbiased estimate given that the threshold was exceeded.
    low, high : float
        Equal-tailed interval.

    Raises
    ------
    ValueError
        If a number is not finite, `se` is not positive, `se_tested` is below `se`,
        or `estimate` itself was tested and does not exceed the threshold.

    Notes
    -----
    The interval is exact when standard errors are known. If only part of the data was
    tested, it is shorter than the truncated normal interval (Fithian, Sun & Taylor,
    2014). If the tested estimate is all there is and barely exceeds the threshold, it
    says little about the mean; bounds end 10 standard errors below it.

    References
    ----------
    Cohen, A. & Sackrowitz, H. B. (1989). Two stage conditionally unbiased estimators
    of the selected mean. Statistics & Probability Letters 8, 273-278.
    Fithian, W., Sun, D. & Taylor, J. (2014). Optimal inference after model selection.
    arXiv:1410.2597.

    Examples
    --------
    >>> from sklearn_persona.inference import conditional_interval
    >>> [round(v, 2) for v in conditional_interval(2.5, 1.0, threshold=1.96)]
    [1.54, -4.46, 4.33]
    >>> [round(v, 2) for v in conditional_interval(9.0, 1.0, threshold=1.96)]
    [9.0, 7.04, 10.96]
    """
    estimate, se, threshold = (float(v) for v in (estimate, se, threshold))
    se_tested = se if se_tested is None else float(se_tested)
    if not all(map(math.isfinite, (estimate, se, threshold, se_tested))):
        raise ValueError(
            "estimate, se, threshold and se_tested must be finite, got "
            f"{estimate}, {se}, {threshold} and {se_tested}."
        )
    if not 0 < se <= se_tested * (1 + 1e-12):
        raise ValueError(
            f"Expected 0 < se <= se_tested, got se={se} and se_tested={se_tested}."
        )
    level = as_probability("level", level)
    rest = math.sqrt(max(se_tested**2 - se**2, 0.0)) / se
    cut = (threshold - estimate) / se
    if rest < 1e-6 and cut > 1e-9:
        raise ValueError(
            f"estimate={estimate} does not exceed threshold={threshold}, so it was not "
            "selected; give se_tested if only a part of it was tested."
        )

    def share_below(mean):
        """Conditional probability of at most the estimate, taken as the origin."""
        if rest < 1e-6:
            low, high = special.log_ndtr(-np.array([0.0, cut]) + mean)
            # 1 - P(above estimate) / P(above threshold)
            return -math.expm1(min(low - high, 0.0))
        start = min(mean, 0.0) - 9
        stop = max(mean, 0.0, cut) + 9
        below = np.linspace(start, 0.0, _POINTS)
        above = np.linspace(0.0, stop, _POINTS)
        parts = [
            _log_integral(
                x, -((x - mean) ** 2) / 2 + special.log_ndtr((x - cut) / rest)
            )
            for x in (below, above)
        ]
        return special.expit(parts[0] - parts[1])

    def solve(share):
        if share_below(-_FAR) <= share:
            return -_FAR
        return optimize.brentq(lambda m: share_below(m) - share, -_FAR, _FAR)

    tail = (1 - level) / 2
    return tuple(estimate + se * float(solve(share)) for share in (0.5, 1 - tail, tail))


def _log_integral(x, log_density):
    """Logarithm of the integral by the trapezoid rule."""
    weights = np.full(len(x), x[1] - x[0])
    weights[[0, -1]] /= 2
    return special.logsumexp(log_density, b=weights)
