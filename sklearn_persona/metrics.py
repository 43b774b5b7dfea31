"""Effect sizes and the score of a targeting rule.

`targeting_gain_scorer` and `coverage_scorer` are scorers for the argument `scoring` of
:func:`sklearn.model_selection.cross_validate` and of searches; the former requests
`treatment` by default.
"""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import UNUSED

from sklearn_persona._data.checks import as_values

__all__ = [
    "cohens_d",
    "coverage_scorer",
    "percent_change",
    "targeting_gain",
    "targeting_gain_scorer",
]


def cohens_d(treated, control, *, greater_is_better=True):
    """Standardized mean difference, Cohen's d with the pooled sample SD.

    Parameters
    ----------
    treated : array-like of shape (n_treated,)
        Outcomes under treatment.
    control : array-like of shape (n_control,)
        Outcomes under control.
    greater_is_better : bool, default=True
        If False, the sign is reversed, so that a positive d is a benefit.

    Returns
    -------
    float
        ``(mean(treated) - mean(control)) / sd``, in pooled standard deviations
        (ddof=1); 0.0 if both arms are constant.

    Raises
    ------
    ValueError
        If an arm is empty, not one-dimensional or not finite, or there are fewer than
        three values.

    References
    ----------
    Cohen, J. (1988). Statistical Power Analysis for the Behavioral Sciences, 2nd ed.

    Examples
    --------
    Change in a depression score, where less is better:

    >>> from sklearn_persona.metrics import cohens_d
    >>> ketamine, placebo = [-28, -17, -14, -11], [-9, -6, -2, 6]
    >>> round(cohens_d(ketamine, placebo, greater_is_better=False), 4)
    2.1153
    """
    treated = as_values("treated", treated, min_size=0)
    control = as_values("control", control, min_size=0)
    n = len(treated) + len(control)
    if min(len(treated), len(control)) < 1 or n < 3:
        raise ValueError(
            "Cohen's d needs one value per arm and three in all, got "
            f"{len(treated)} treated and {len(control)} control values."
        )
    sd = np.sqrt((_squares(treated) + _squares(control)) / (n - 2))
    if sd == 0:
        return 0.0
    d = float((treated.mean() - control.mean()) / sd)
    return d if greater_is_better else -d


def percent_change(baseline, y):
    """Change from baseline in percent.

    Parameters
    ----------
    baseline : array-like of shape (n,)
        Score before treatment.
    y : array-like of shape (n,)
        Score after treatment (not its change).

    Returns
    -------
    ndarray of shape (n,)
        ``100 * (y - baseline) / baseline``: -40 is a reduction by 40 %. NaN if either
        value is NaN.

    Raises
    ------
    ValueError
        If the shapes differ or a baseline is zero.

    References
    ----------
    Vickers, A. J. (2001). The use of percentage change from baseline as an outcome in
    a controlled trial is statistically inefficient. BMC Medical Research Methodology
    1, 6.

    Examples
    --------
    Response as a reduction by at least 40 %:

    >>> from sklearn_persona.metrics import percent_change
    >>> change = percent_change([30, 40, 25], [18, 30, 10])
    >>> change
    array([-40., -25., -60.])
    >>> change <= -40
    array([ True, False,  True])
    """
    baseline = np.asarray(baseline, dtype=float)
    y = np.asarray(y, dtype=float)
    if baseline.shape != y.shape:
        raise ValueError(
            f"baseline and y must have one shape, got {baseline.shape} and {y.shape}."
        )
    zero = np.flatnonzero(baseline == 0)
    if zero.size:
        raise ValueError(
            "A percent change needs baselines other than zero, got zero at "
            f"position(s) {', '.join(map(str, zero[:10]))}"
            f"{' ...' if zero.size > 10 else ''}."
        )
    return 100 * (y - baseline) / baseline


def targeting_gain(y, prediction, treatment=None, *, sd=None, sample_weight=None):
    """Gain from treating by the rule, in standard deviations of the outcome.

    ``share_fav * (effect_fav - effect_all) + share_unfav * (effect_all -
    effect_unfav)``, divided by `sd`: the deviation of the treatment effect in the
    predicted direction, weighted by the share of rows with a prediction.

    Parameters
    ----------
    y : array-like of shape (n,)
        Outcome; larger is better.
    prediction : array-like of shape (n,)
        1 favorable, -1 unfavorable, 0 neither.
    treatment : array-like of shape (n,), default=None
        Two labels, of which the first in sorted order is the control. None for a
        single arm: means are then used instead of effects.
    sd : float, default=None
        Unit of the gain; None for the pooled within-arm standard deviation of `y`
        (ddof=0, unweighted).
    sample_weight : array-like of shape (n,), default=None
        Nonnegative weights of rows in means and shares.

    Returns
    -------
    float
        0 for a rule that is unrelated to the treatment effect, positive for a useful
        rule. A term is 0.0 if its side or the whole lacks an arm; the gain is 0.0 if
        nothing is predicted or `sd` is zero.

    Raises
    ------
    ValueError
        If lengths differ, values are missing or infinite, predictions are other than
        -1, 0 and 1, treatment has more than two labels, or a weight or `sd` is
        negative.

    References
    ----------
    Zhao, L., Tian, L., Cai, T., Claggett, B. & Wei, L. J. (2013). Effectively
    selecting a target population for a future comparative study. Journal of the
    American Statistical Association 108, 527-539.

    Examples
    --------
    >>> from sklearn_persona.metrics import targeting_gain
    >>> y = [3, 1, 0, 0, 1, 0, 1, 0]
    >>> arm = [1, 1, 0, 0, 1, 1, 0, 0]
    >>> prediction = [1, 1, 1, 1, 0, 0, 0, 0]
    >>> targeting_gain(y, prediction, arm, sd=1.0)
    0.5
    """
    y = as_values("y", y, min_size=0)
    prediction = as_values("prediction", prediction, min_size=0)
    weight = (
        np.ones(len(y))
        if sample_weight is None
        else as_values("sample_weight", sample_weight, min_size=0)
    )
    for name, values in (("prediction", prediction), ("sample_weight", weight)):
        if len(values) != len(y):
            raise ValueError(
                f"{name} must have one value per row, got {len(values)} for {len(y)}."
            )
    if not np.isin(prediction, (-1, 0, 1)).all():
        raise ValueError(
            "prediction must hold -1, 0 and 1 only, got "
            f"{np.unique(prediction)[:5].tolist()}."
        )
    if (weight < 0).any():
        raise ValueError(f"sample_weight must not be negative, got {weight.min()}.")
    arms = [np.ones(len(y), bool)] if treatment is None else _arms(treatment, len(y))
    if sd is None:
        sd = np.sqrt(sum(_squares(y[arm]) for arm in arms) / max(len(y), 1))
    elif not (np.isfinite(sd) and sd >= 0):
        raise ValueError(f"sd must be a nonnegative number, got {sd!r}.")
    everyone = _effect(y, weight, arms, np.ones(len(y), dtype=bool))
    if sd == 0 or everyone is None:
        return 0.0
    gain = 0.0
    for sign in (1, -1):
        side = prediction == sign
        effect = _effect(y, weight, arms, side)
        if effect is not None:
            share = weight[side].sum() / weight.sum()
            gain += share * sign * (effect - everyone)
    return float(gain / sd)


def mean_effect(y, arms):
    """Difference of the means of two arms, or the mean of the only one.

    Parameters
    ----------
    y : ndarray of float, shape (n,)
    arms : sequence of ndarray of bool, shape (n,)
        Treated and control; or everyone.

    Returns
    -------
    effect : float
    """
    means = [float(y[arm].mean()) for arm in arms]
    return means[0] if len(means) == 1 else means[0] - means[1]


def _squares(x):
    """Return the sum of squared deviations; exactly 0 for equal values."""
    if not len(x):
        return 0.0
    shifted = x - x[0]
    return float(((shifted - shifted.mean()) ** 2).sum())


def _arms(treatment, n):
    """Return masks of treated and control; with one label, all are control."""
    treatment = np.asarray(treatment)
    if treatment.shape != (n,):
        raise ValueError(f"treatment must have shape ({n},), got {treatment.shape}.")
    if treatment.dtype.kind == "f" and np.isnan(treatment).any():
        raise ValueError("treatment must not be missing, got NaN.")
    labels = np.unique(treatment)
    if len(labels) > 2:
        raise ValueError(f"treatment must have two labels, got {labels[:5].tolist()}.")
    control = treatment == labels[0] if n else np.zeros(0, dtype=bool)
    return [~control, control]


def _effect(y, weight, arms, rows):
    """Return the weighted mean difference, or mean of one arm; None if one is empty."""
    means = []
    for arm in arms:
        share = weight * (arm & rows)
        total = share.sum()
        if not total > 0:
            return None
        means.append(share @ y / total)
    return means[0] if len(means) == 1 else means[0] - means[1]


class _TargetingGainScorer(BaseEstimator):
    """Scorer: `targeting_gain` of ``estimator.predict(X)``.

    It requests `treatment` and `sample_weight`. Direction and reference arm are those
    of the estimator. The unit is the standard deviation of the scored rows. y is taken
    as given and not cut at a `response_threshold`, so that different thresholds, and
    other estimators, are compared by one outcome. `score` of the estimator uses the
    unit and the threshold of its fit; pass a binary y to score the response.

    Examples
    --------
    >>> import sklearn
    >>> from sklearn.model_selection import cross_validate
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> from sklearn_persona.metrics import targeting_gain_scorer
    >>> trial = make_parallel_trial(n_samples=160, effect=3.0, random_state=0)
    >>> finder = PersonaDiscoverer(max_variables=1, prognostic=None, random_state=0)
    >>> with sklearn.config_context(enable_metadata_routing=True):
    ...     found = cross_validate(
    ...         finder, trial.data, trial.target, cv=2, scoring=targeting_gain_scorer,
    ...         params={"treatment": trial.treatment},
    ...     )
    >>> found["test_score"].shape
    (2,)
    """

    # scikit-learn reads requests from a method named `score`, whose first argument, the
    # estimator, is not metadata.
    __metadata_request__score = {  # noqa: RUF012
        "estimator": UNUSED,
        "treatment": True,
        "sample_weight": True,
    }

    def __call__(self, estimator, X, y, *, treatment=None, sample_weight=None):
        """Return the gain of the predictions of `estimator` for X of shape (n, p)."""
        return self.score(
            estimator, X, y, treatment=treatment, sample_weight=sample_weight
        )

    def score(self, estimator, X, y, *, treatment=None, sample_weight=None):
        """Return the gain of the predictions of `estimator` for X of shape (n, p)."""
        core = _innermost(estimator)
        if treatment is None and getattr(core, "two_arm_", False):
            raise ValueError(
                "The estimator was fitted with treatment but the scorer got none. "
                "Pass params={'treatment': ...} with "
                "sklearn.set_config(enable_metadata_routing=True)."
            )
        y = np.asarray(y)
        if not getattr(core, "greater_is_better", True):
            y = -y
        arms = getattr(core, "arms_", ())
        if treatment is not None and arms:
            # The reference arm need not be the first in sorted order.
            treatment = np.asarray(treatment) == arms[1]
        return targeting_gain(
            y, estimator.predict(X), treatment, sample_weight=sample_weight
        )


def _innermost(estimator):
    """The innermost estimator of searches, pipelines and adapters."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "estimator_"):
            estimator = estimator.estimator_
        elif hasattr(estimator, "steps"):
            estimator = estimator.steps[-1][1]
        else:
            return estimator


class _CoverageScorer(BaseEstimator):
    """Scorer: share of rows that the estimator explains, ``predict(X) != 0``.

    Examples
    --------
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> from sklearn_persona.metrics import coverage_scorer
    >>> trial = make_parallel_trial(n_samples=200, effect=3.0, random_state=0)
    >>> finder = PersonaDiscoverer(max_variables=1, prognostic=None, random_state=0)
    >>> finder = finder.fit(trial.data, trial.target, treatment=trial.treatment)
    >>> 0 < coverage_scorer(finder, trial.data) < 1
    True
    """

    def __call__(self, estimator, X, y=None):
        """Return the covered share of X of shape (n, p), in [0, 1]."""
        return float(np.mean(np.asarray(estimator.predict(X)) != 0))


targeting_gain_scorer = _TargetingGainScorer()
coverage_scorer = _CoverageScorer()
