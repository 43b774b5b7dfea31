"""Objectives: what a rule is scored by.

Each has a C header here (squared value and separable bound, for the kernel) and a
numpy twin below, from which reported values are computed and against which the
kernel is tested. Outcomes are in SD units, oriented so that larger is better.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["OBJECTIVES", "Objective", "pooled_sd"]


@dataclass(frozen=True)
class Objective:
    """A score of rules.

    Attributes
    ----------
    name : str
        As given to the estimator; the header has underscores for hyphens.
    squared : bool
        Whether the reported value is the squared one.
    value : callable
        ``value(outcome, treated, inside) -> float``, the reported value for the
        favorable direction; 0.0 where the sign is wrong. ``treated`` is None for
        one-sample units.
    """

    name: str
    squared: bool
    value: callable


def pooled_sd(outcome, treated=None):
    """Standard deviation within arms (ddof=0); around the mean for one sample."""
    if treated is None:
        return float(np.std(outcome))
    residual = np.array(outcome, dtype=float)
    for arm in (treated, ~treated):
        residual[arm] -= residual[arm].mean()
    return float(np.sqrt(np.mean(residual**2)))


def _inside_minus_outside(outcome, inside):
    return outcome[inside].mean() - outcome[~inside].mean()


def _weight(inside):
    """Inverse variance of a difference inside - outside, in units of the SD."""
    k = np.count_nonzero(inside)
    return k * (len(inside) - k) / len(inside)


def _effect(outcome, treated, inside):
    if treated is None:
        return max(0.0, outcome[inside].sum() / np.sqrt(np.count_nonzero(inside)))
    a, b = outcome[inside & treated], outcome[inside & ~treated]
    weight = len(a) * len(b) / (len(a) + len(b))
    return max(0.0, np.sqrt(weight) * (a.mean() - b.mean()))


def _contrast(outcome, treated, inside):
    if treated is None:
        difference, weight = _inside_minus_outside(outcome, inside), _weight(inside)
    else:
        arms = treated, ~treated
        shifts = [_inside_minus_outside(outcome[arm], inside[arm]) for arm in arms]
        weights = [_weight(inside[arm]) for arm in arms]
        difference = shifts[0] - shifts[1]
        weight = weights[0] * weights[1] / sum(weights)
    return max(0.0, np.sqrt(weight) * difference)


def _sum_of_squares(outcome, treated, inside):
    if treated is None:
        return _contrast(outcome, None, inside) ** 2
    arms = treated, ~treated
    shifts = [_inside_minus_outside(outcome[arm], inside[arm]) for arm in arms]
    if shifts[0] - shifts[1] <= 1e-9:  # equal shifts may differ in the last bits
        return 0.0
    return sum(_weight(inside[arm]) * shift**2 for arm, shift in zip(arms, shifts))


def _mean_shift(outcome, treated, inside):
    shift = outcome[inside].mean() - outcome.mean()
    return max(0.0, np.sqrt(np.count_nonzero(inside)) * shift)


OBJECTIVES = {
    objective.name: objective
    for objective in (
        Objective("effect", False, _effect),
        Objective("contrast", False, _contrast),
        Objective("sum-of-squares", True, _sum_of_squares),
        Objective("mean-shift", False, _mean_shift),
    )
}
