"""Size and power of the next trial, with and without enrichment for a persona."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from sklearn_persona._data.checks import as_count, as_probability
from sklearn_persona.inference._power import t_power

__all__ = ["EnrichmentDesign", "enrichment_design"]

# Gauss-Hermite nodes that average the power over the estimate's distribution.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(64)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
# Largest trial that is planned, cases per arm.
_MOST = 10_000_000


@dataclass(frozen=True)
class EnrichmentDesign:
    """Result of `enrichment_design`.

    Sizes are per arm; with ``paired=True`` they are participants in all.

    Attributes
    ----------
    n_per_arm : int
        Members needed for the power if the estimated effect is the true one.
    n_screened : int
        Expected number of people to screen for them: over the uncertainty of the
        prevalence if `n_observed` is known, which makes it larger.
    screened_range : tuple of int
        The same for the 97.5 % and the 2.5 % quantile of the prevalence.
    power : float
        Power at `n_per_arm` if the estimated effect is the true one.
    assurance : float
        Expected power at `n_per_arm`, averaged over the uncertainty of the effect.
    n_per_arm_assured : int or None
        Members needed for the expected power to reach the wanted one; None if no
        number suffices, because the effect may be absent.
    effect_everyone : float
        Effect that an all-comers trial would see.
    n_per_arm_everyone : int or None
        Size of an all-comers trial with that power; None when its effect is not
        positive.
    power_everyone, assurance_everyone : float
        Power and expected power of an all-comers trial of `n_per_arm`.

    Examples
    --------
    >>> from sklearn_persona.inference import enrichment_design
    >>> plan = enrichment_design(0.5, 1.0, 0.25, se=0.2, power=0.9)
    >>> plan.n_per_arm, plan.n_screened
    (86, 688)
    >>> plan.assurance < plan.power
    True
    """

    n_per_arm: int
    n_screened: int
    screened_range: tuple
    power: float
    assurance: float
    n_per_arm_assured: int | None
    effect_everyone: float
    n_per_arm_everyone: int | None
    power_everyone: float
    assurance_everyone: float


def enrichment_design(
    effect,
    sd,
    prevalence,
    *,
    se=0.0,
    effect_outside=0.0,
    se_outside=0.0,
    n_observed=None,
    alpha=0.05,
    power=0.8,
    paired=False,
):
    """Plan a trial in the members of a persona and compare it with one in all comers.

    Parameters
    ----------
    effect : float
        Effect inside, oriented: positive is benefit. Give a corrected effect: the
        naive effect of a selected persona is too large, which makes the trial too
        small.
    sd : float
        Standard deviation of the outcome within arms; of the differences when
        `paired`.
    prevalence : float
        Share of members among the people screened, in (0, 1].
    se : float, default=0.0
        Standard error of `effect`; 0 takes it as known.
    effect_outside, se_outside : float, default=0.0
        Effect among the others and its standard error, for the all-comers trial.
    n_observed : int, default=None
        Number of people from whom `prevalence` was estimated; None takes it as
        known.
    alpha : float, default=0.05
        Two-sided level of the t test. Power counts benefit only.
    power : float, default=0.8
        Above ``alpha / 2``.
    paired : bool, default=False
        A crossover: `n_per_arm` is the number of participants, who have both arms.

    Returns
    -------
    EnrichmentDesign

    Raises
    ------
    ValueError
        If `effect` or `sd` is not positive, a standard error is negative,
        `prevalence` is not in (0, 1], or a level is not strictly between 0 and 1.

    Notes
    -----
    Power is that of Student's t test by the noncentral t distribution (Cohen, 1988).
    The expected power, or assurance, averages it over a normal distribution of the
    effect around its estimate (O'Hagan, Stevens & Campbell, 2005). The distribution is
    not truncated: effects at or below zero count with their small power. The limit
    for large trials is the probability that the effect is positive.

    The all-comers effect is the mean of both effects weighted by prevalence. Effects
    vary between participants of an all-comers trial, which adds
    ``prevalence * (1 - prevalence) * (effect - effect_outside)**2`` to the variance
    of the treated (of the differences when `paired`). Quantiles of the prevalence
    are those of the beta distribution with Jeffreys' prior.

    References
    ----------
    Cohen, J. (1988). Statistical Power Analysis for the Behavioral Sciences, 2nd ed.
    O'Hagan, A., Stevens, J. W. & Campbell, M. J. (2005). Assurance in clinical trial
    design. Pharmaceutical Statistics 4, 187-201.

    Examples
    --------
    >>> from sklearn_persona.inference import enrichment_design
    >>> plan = enrichment_design(0.5, 1.0, 0.25, se=0.2)
    >>> plan.n_per_arm, plan.n_screened, plan.n_per_arm_everyone
    (64, 512, 1030)
    >>> round(plan.power, 2), round(plan.assurance, 2)
    (0.8, 0.71)
    """
    effect = _number("effect", effect)
    sd = _number("sd", sd)
    for name, value in (("effect", effect), ("sd", sd)):
        if value <= 0:
            raise ValueError(
                f"{name} must be positive, got {value}: there is no benefit to plan a "
                "trial for. An unfavorable persona has nothing to enrich."
                if name == "effect"
                else f"{name} must be positive, got {value}."
            )
    se, se_outside = _number("se", se), _number("se_outside", se_outside)
    effect_outside = _number("effect_outside", effect_outside)
    for name, value in (("se", se), ("se_outside", se_outside)):
        if value < 0:
            raise ValueError(f"{name} must be at least 0, got {value}.")
    prevalence = _number("prevalence", prevalence)
    if not 0 < prevalence <= 1:
        raise ValueError(f"prevalence must lie in (0, 1], got {prevalence}.")
    alpha, power = as_probability("alpha", alpha), as_probability("power", power)
    if power <= alpha / 2:
        raise ValueError(
            f"power must exceed alpha / 2 = {alpha / 2}, got {power}: without any "
            "effect the test finds benefit that often."
        )

    inside = _Trial(sd, sd, paired, alpha)
    spread = math.sqrt(prevalence * (1 - prevalence)) * abs(effect - effect_outside)
    everyone = _Trial(math.hypot(sd, spread), sd, paired, alpha)
    effect_all = prevalence * effect + (1 - prevalence) * effect_outside
    se_all = math.hypot(prevalence * se, (1 - prevalence) * se_outside)

    n = inside.smallest(lambda size: inside.power(effect, size), power)
    if n is None:
        raise ValueError(
            f"An effect of {effect} with an SD of {sd} needs more than {_MOST} cases "
            "an arm; give both in the same units."
        )
    persons = n if paired else 2 * n
    return EnrichmentDesign(
        n_per_arm=n,
        n_screened=_expected_screened(persons, prevalence, n_observed),
        screened_range=_screened_range(persons, prevalence, n_observed),
        power=inside.power(effect, n),
        assurance=inside.assurance(effect, se, n),
        n_per_arm_assured=inside.smallest(
            lambda size: inside.assurance(effect, se, size), power
        ),
        effect_everyone=effect_all,
        n_per_arm_everyone=everyone.smallest(
            lambda size: everyone.power(effect_all, size), power
        )
        if effect_all > 0
        else None,
        power_everyone=everyone.power(effect_all, n),
        assurance_everyone=everyone.assurance(effect_all, se_all, n),
    )


@dataclass(frozen=True)
class _Trial:
    """A t test of given spread; sizes are per arm, or pairs."""

    sd_treated: float
    sd_control: float
    paired: bool
    alpha: float

    def power(self, effect, n):
        if self.paired:
            error, df = self.sd_treated / math.sqrt(n), n - 1
        else:
            error = math.hypot(self.sd_treated, self.sd_control) / math.sqrt(n)
            df = 2 * n - 2
        critical = -special.stdtrit(df, self.alpha / 2)
        return t_power(effect / error, critical, df, benefit_only=True)

    def assurance(self, effect, se, n):
        if se == 0:
            return self.power(effect, n)
        values = [self.power(effect + se * node, n) for node in _NODES]
        return float(_WEIGHTS @ np.array(values))

    def smallest(self, power_of, wanted):
        """Smallest size with the wanted power, or None."""
        low, high = 1, 2
        while power_of(high) < wanted:
            low, high = high, 2 * high
            if high > _MOST:
                return None
        while high - low > 1:
            middle = (low + high) // 2
            if power_of(middle) < wanted:
                low = middle
            else:
                high = middle
        return high


def _screened(n, prevalence):
    # Rounding may lift a whole quotient slightly above its value.
    return math.ceil(n / prevalence - 1e-9)


def _expected_screened(n, prevalence, n_observed):
    """Mean over the posterior of the prevalence, with the prior of Jeffreys."""
    if n_observed is None:
        return _screened(n, prevalence)
    n_observed = as_count("n_observed", n_observed)
    members = prevalence * n_observed
    if members < 1:
        raise ValueError(
            f"prevalence={prevalence} of n_observed={n_observed} is less than one "
            "member, so nothing is known of the number to screen. Pass more observed "
            "people, or leave n_observed out."
        )
    # E[1 / p] under Beta(a, b) is (a + b - 1) / (a - 1).
    return _screened(n, (members - 0.5) / n_observed)


def _screened_range(n, prevalence, n_observed):
    if n_observed is None:
        return (_screened(n, prevalence),) * 2
    n_observed = as_count("n_observed", n_observed)
    members = prevalence * n_observed
    quantiles = special.betaincinv(
        members + 0.5, n_observed - members + 0.5, np.array([0.975, 0.025])
    )
    return tuple(_screened(n, float(quantile)) for quantile in quantiles)


def _number(name, value):
    try:
        value = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number, got {value!r}.") from None
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}.")
    return value
