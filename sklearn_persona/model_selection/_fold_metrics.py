"""Metrics of an estimator's recommendations for the test rows of one split."""

import numpy as np
from sklearn.metrics import roc_auc_score

from sklearn_persona._designs.labels import pooled_sd
from sklearn_persona.metrics import mean_effect, targeting_gain

__all__ = [
    "COLUMNS",
    "RESPONSE_METRICS",
    "TARGETING_METRICS",
    "responding",
    "rows_of_split",
    "targeting",
]

COLUMNS = (
    "estimator",
    "split",
    "subset",
    "metric",
    "value",
    "coverage",
    "n_train",
    "n_test",
    "seconds",
    "error",
)
TARGETING_METRICS = (
    "targeting_gain",
    "favorable_share",
    "effect_favorable",
    "effect_rest",
    "effect_contrast",
)
RESPONSE_METRICS = ("balanced_accuracy", "sensitivity", "specificity", "roc_auc")


def rows_of_split(name, split, rows, recommended, trial, scorers, error_score):
    """Rows of the table for one estimator in one split.

    Parameters
    ----------
    name : str
    split : int
    rows : (train, test)
    recommended : dict of str to Recommendation or str
        Of every estimator in this split; an error message if the fit failed.
    trial : ComparedTrial
    scorers : list of str
        Names of the user's metrics.
    error_score : float

    Returns
    -------
    found : list of tuple
        In the order of COLUMNS.
    """
    train, test = rows
    cases, own = trial.cases, recommended[name]
    sizes = tuple(len(np.unique(cases.groups[part])) for part in rows)
    known = [
        *TARGETING_METRICS,
        *(RESPONSE_METRICS if trial.labels is not None else ()),
    ]
    if isinstance(own, str):
        return [
            (name, split, "all", metric, error_score, 1.0, *sizes, np.nan, own)
            for metric in (*known, *scorers)
        ]
    sd = pooled_sd(
        cases.outcome[train], cases.treated[train] if cases.two_arm else None
    )
    scored = {}
    for metric, subset, value, error in own.scores:
        value = error_score if error else value
        scored.setdefault(subset, []).append((metric, value, error))

    found = []
    for subset, inside, has_arms in _subsets(recommended, trial, test):
        chosen, values = test[inside], []
        if has_arms:
            arms = [arm[chosen] for arm in cases.arm_masks]
            made = targeting(own.sign[inside], cases.outcome[chosen], arms, sd)
            values += zip(TARGETING_METRICS, made)
        if trial.labels is not None:
            made = responding(
                own.sign[inside], own.rank[inside], trial.responder[chosen]
            )
            values += zip(RESPONSE_METRICS, made)
        values = [(metric, value, "") for metric, value in values]
        if subset == "all":
            values += scored.get("all", [])
        elif subset == _explained_by(name):
            values += scored.get("explained", [])
        found += [
            (name, split, subset, metric, value, inside.mean(), *sizes, own.seconds, e)
            for metric, value, e in values
        ]
    return found


def _explained_by(name):
    return f"explained by {name}"


def _subsets(recommended, trial, test):
    """Name and mask of each subset, and whether it has both arms."""
    yield "all", np.ones(len(test), bool), True
    if trial.cases.two_arm and trial.labels is not None:
        # The control label comes first, and its mask last.
        for label, arm in zip(trial.cases.arms, trial.cases.arm_masks[::-1]):
            yield f"arm {label}", arm[test], False
    for name, recommendation in recommended.items():
        if not isinstance(recommendation, str) and recommendation.abstains:
            yield _explained_by(name), recommendation.sign != 0, True


def targeting(sign, outcome, arms, sd):
    """Compare the effect of treatment in those called favorable and the rest.

    Parameters
    ----------
    sign : ndarray of int, shape (n,)
    outcome : ndarray of float, shape (n,)
        Oriented.
    arms : list of ndarray of bool, shape (n,)
        Treated and control, or everyone in a single arm.
    sd : float
        Standard deviation, the unit of the gain.

    Returns
    -------
    values : tuple of float
        One for each of TARGETING_METRICS; NaN where an arm is missing.
    """
    if not len(sign):
        return (np.nan,) * len(TARGETING_METRICS)
    favorable = sign > 0
    inside, rest = (_effect(outcome, arms, rows) for rows in (favorable, ~favorable))
    gain = np.nan
    if all(arm.any() for arm in arms):
        treatment = arms[0] if len(arms) == 2 else None
        gain = targeting_gain(outcome, sign, treatment, sd=sd)
    return gain, float(favorable.mean()), inside, rest, inside - rest


def responding(sign, rank, responder):
    """Measure how well responders are distinguished from nonresponders.

    Parameters
    ----------
    sign : ndarray of int, shape (n,)
        0 counts as half right, like a coin toss.
    rank : ndarray of float, shape (n,)
    responder : ndarray of bool, shape (n,)

    Returns
    -------
    values : tuple of float
        One for each of RESPONSE_METRICS; NaN where a class is missing.
    """
    if not len(sign):
        return (np.nan,) * len(RESPONSE_METRICS)
    called = (sign + 1) / 2
    sensitivity = called[responder].mean() if responder.any() else np.nan
    specificity = 1 - called[~responder].mean() if not responder.all() else np.nan
    auc = np.nan
    if 0 < responder.sum() < len(responder):
        auc = roc_auc_score(responder, rank)
    mean = (sensitivity + specificity) / 2
    return tuple(float(v) for v in (mean, sensitivity, specificity, auc))


def _effect(outcome, arms, rows):
    """Effect inside, or the mean of a single arm; NaN without an arm."""
    arms = [arm & rows for arm in arms]
    return mean_effect(outcome, arms) if all(arm.any() for arm in arms) else np.nan
