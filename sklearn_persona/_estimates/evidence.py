"""`Evidence`: estimates and tests of a subgroup in one set of cases."""

import math
from dataclasses import dataclass

from sklearn_persona._data.serialization import record_from_plain, record_to_plain
from sklearn_persona._designs import DESIGNS, Units

__all__ = ["Evidence"]


@dataclass(frozen=True)
class Evidence:
    """Estimates and tests of a subgroup in one half of a trial, or in another trial.

    Effects are oriented so that a positive effect is a benefit of treatment. Means and
    their intervals are in the user's units. Undefined numbers are NaN.

    Attributes
    ----------
    n : int
        Cases (rows) inside, or participants if the rows of each were averaged.
    n_groups : int
        Participants inside.
    coverage : float
        Share of the analysis units inside.
    n_treated, n_control : int
        Units of each arm inside; pairs in a crossover; inside and outside for a
        single arm.
    effect : float
        Treated minus control; inside minus outside for a single arm.
    effect_complement : float
        The same among the units outside.
    effect_size : float
        Cohen's d: effect divided by the sample standard deviation inside (pooled over
        arms; of the differences in a crossover).
    p_value : float
        Two-sided randomization test of the effect.
    p_floor : float
        Smallest attainable p value for these values and sizes.
    p_interaction : float
        Test of the effect inside against the effect outside.
    mean_treated, mean_control : float
    ci_treated, ci_control : tuple of float
        95 % percentile bootstrap intervals of the means, as published; their coverage
        is too low below about 12 units per arm.
    ci_effect : tuple of float
        95 % t interval of the effect (Welch).
    p_welch : float or None
        t test of the effect that belongs to `ci_effect`, which allows for arms of other
        spread and size.
    n_complement : int
        Units outside.
    total : int
        Analyzed cases, inside and outside.
    exact : bool
        Whether ``p_value`` comes from all arrangements.
    design : str
        Design of the trial.
    rate_treated, rate_control : float or None
        Response rates; None without a response threshold.
    effect_period1, effect_period2 : float or None
        Effect between participants within each period of a crossover. Period 1 is
        affected least by unblinding.
    p_carryover : float or None
        Permutation test of the participants' sums between the sequences (Grizzle,
        1965).
    p_value_period1, p_interaction_period1 : float or None
        The tests of the effect, and of inside against outside, in the first period of a
        crossover alone, which no carry-over reaches.
    contrast_period1 : float or None
        Effect inside minus effect outside in the first period.
    ci_contrast_period1 : tuple of float or None
        Its 95 % t interval.
    randomised : bool
        Whether the arms were randomized.
    contrast : float or None
        Effect inside minus effect outside, equal to `contrast_treated` minus
        `contrast_control`; None for a single arm.
    ci_contrast : tuple of float or None
        95 % t interval of `contrast` (Welch, Satterthwaite).
    contrast_treated, contrast_control : float or None
        Oriented mean of the members minus that of the others, within the treated and
        within the control arm (in a crossover, the treated and the control case of
        each pair). Both are equal for a persona that is merely prognostic; they differ
        for one that is specific to the treatment.
    ci_contrast_treated, ci_contrast_control : tuple of float or None
        Their 95 % t intervals.

    Examples
    --------
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(n_samples=200, effect=2.0, random_state=0)
    >>> finder = PersonaDiscoverer(max_variables=2, random_state=0)
    >>> finder = finder.fit(trial.data, trial.target, treatment=trial.treatment)
    >>> holdout = finder.personas_[0].holdout
    >>> holdout.p_value <= 0.05, holdout.effect > holdout.effect_complement
    (True, True)
    >>> holdout.n == holdout.n_treated + holdout.n_control
    True
    >>> Evidence.from_dict(holdout.to_dict()) == holdout
    True
    >>> holdout.has_arms, holdout.cases_per_unit
    (True, 1)
    """

    n: int
    n_groups: int
    coverage: float
    n_treated: int
    n_control: int
    effect: float
    effect_complement: float
    effect_size: float
    p_value: float
    p_floor: float
    p_interaction: float
    mean_treated: float
    mean_control: float
    ci_treated: tuple[float, float]
    ci_control: tuple[float, float]
    ci_effect: tuple[float, float]
    n_complement: int
    total: int
    exact: bool
    design: str
    p_welch: float | None = None
    rate_treated: float | None = None
    rate_control: float | None = None
    effect_period1: float | None = None
    effect_period2: float | None = None
    p_carryover: float | None = None
    p_value_period1: float | None = None
    p_interaction_period1: float | None = None
    contrast_period1: float | None = None
    ci_contrast_period1: tuple[float, float] | None = None
    randomised: bool = True
    contrast: float | None = None
    ci_contrast: tuple[float, float] | None = None
    contrast_treated: float | None = None
    ci_contrast_treated: tuple[float, float] | None = None
    contrast_control: float | None = None
    ci_contrast_control: tuple[float, float] | None = None

    @property
    def has_arms(self):
        """Whether the effect compares treatments, rather than members with others."""
        return DESIGNS.get(self.design, Units).has_arms

    @property
    def cases_per_unit(self):
        """Cases of each unit of analysis, 2 for the pairs of a crossover."""
        return DESIGNS.get(self.design, Units).cases_per_unit

    def to_dict(self):
        """Convert to plain values, with lists for intervals; NaN stays NaN.

        Returns
        -------
        values : dict
        """
        return record_to_plain(self, nan=math.nan)

    @classmethod
    def from_dict(cls, values):
        """Rebuild from the values of `to_dict`; None in place of a number is NaN.

        Parameters
        ----------
        values : mapping

        Returns
        -------
        evidence : Evidence

        Raises
        ------
        ValueError
            For unknown or missing fields, or values of a wrong kind.
        """
        return record_from_plain(cls, values)
