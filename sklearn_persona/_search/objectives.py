"""Objectives: the scores of rules.

Each has a C header in ``native/objectives`` (squared value and separable bound, for the
kernel) and a numpy twin below, which computes reported values and tests the kernel.
Outcomes are in SD units, oriented so that larger is better.
"""

from dataclasses import dataclass

import numpy as np

from sklearn_persona._designs.labels import arm_rows

__all__ = ["OBJECTIVES", "Objective"]

# Prior variance of the main effect in "arm-shift", in SD^2, as in its header. Smaller
# ones fail with a strong main effect, larger ones recover no more personas
# (benchmarks/objective_choice.py).
MAIN_EFFECT_VARIANCE = 0.1


@dataclass(frozen=True)
class Objective:
    """A score of rules.

    Attributes
    ----------
    name : str
        As given to the estimator; the header has underscores for hyphens.
    squared : bool
        Whether the reported value is the squared one.
    score : callable
        ``score(n, s, N, S) -> ndarray of shape (n_rules,)``, the reported values for
        the favorable direction, 0.0 where the sign is wrong, from the units and the
        sums of their outcomes: ``n`` and ``s``, of shape (n_arms, n_rules), inside;
        ``N`` and ``S``, of shape (n_arms, 1), of everyone. The treated arm comes
        first; one-sample units are one arm.
    from_zero : bool
        Whether the value in one-sample units depends on where the outcome is zero.
    center : callable or None
        ``center(outcome, arms) -> float``: the middle of the constants at which the
        bound separates two arms (see the header); None if it needs none.
    first_arm : bool
        Whether the value is carried by the first arm alone.
    description : str
        What is maximized, in the words of a report.
    """

    name: str
    squared: bool
    score: callable
    from_zero: bool = False
    center: callable = None
    first_arm: bool = False
    description: str = ""

    def value(self, outcome, treated, inside):
        """Reported value of one rule.

        Parameters
        ----------
        outcome : ndarray of float64, shape (n_units,)
        treated : ndarray of bool, shape (n_units,), or None
        inside : ndarray of bool, shape (n_units,)

        Returns
        -------
        value : float
        """
        arms = arm_rows(treated, len(outcome))
        sums = [
            [[np.count_nonzero(rows)] for rows in (arms & inside)],
            [[outcome[rows].sum()] for rows in (arms & inside)],
            [[np.count_nonzero(rows)] for rows in arms],
            [[outcome[rows].sum()] for rows in arms],
        ]
        return float(self.score(*map(np.array, sums))[0])


def _shift(n, s, N, S):
    """Mean inside minus mean outside, by arm."""
    return s / n - (S - s) / (N - n)


def _weight(n, N):
    """Inverse variance of a difference inside - outside, in units of the SD."""
    return n * (N - n) / N


def _effect(n, s, N, S):
    if len(n) == 1:
        return np.maximum(0.0, s[0] / np.sqrt(n[0]))
    weight = n[0] * n[1] / (n[0] + n[1])
    return np.maximum(0.0, np.sqrt(weight) * (s[0] / n[0] - s[1] / n[1]))


def _contrast(n, s, N, S):
    shift, weight = _shift(n, s, N, S), _weight(n, N)
    if len(n) == 1:
        return np.maximum(0.0, np.sqrt(weight[0]) * shift[0])
    weight = weight[0] * weight[1] / (weight[0] + weight[1])
    return np.maximum(0.0, np.sqrt(weight) * (shift[0] - shift[1]))


def _sum_of_squares(n, s, N, S):
    if len(n) == 1:
        return _contrast(n, s, N, S) ** 2
    shift = _shift(n, s, N, S)
    # Equal shifts may differ in the last bits.
    larger = shift[0] - shift[1] > 1e-9
    return np.where(larger, (_weight(n, N) * shift**2).sum(axis=0), 0.0)


def _mean_shift(n, s, N, S):
    k = n.sum(axis=0)
    shift = s.sum(axis=0) / k - S.sum() / N.sum()
    return np.maximum(0.0, np.sqrt(k) * shift)


def _arm_shift(n, s, N, S):
    c = MAIN_EFFECT_VARIANCE / (1 + MAIN_EFFECT_VARIANCE * N[0])
    reference, curvature = c * S[0], c
    if len(n) == 2:
        rest = 1 - c * N[0]
        weight = N.sum() - c * N[0] ** 2
        reference = reference + rest * (S.sum() - c * N[0] * S[0]) / weight
        curvature = curvature + rest**2 / weight
    x = s[0] - n[0] * reference
    shift = _shift(n, s, N, S)
    # Equal shifts may differ in the last bits.
    counted = (x > 0) & (shift[0] - (shift[1] if len(n) == 2 else 0.0) > 1e-9)
    return np.where(counted, x**2 / (n[0] - curvature * n[0] ** 2), 0.0)


def _middle_of_arms(outcome, arms):
    return sum(outcome[arm].mean() for arm in arms) / 2


def _zero(outcome, arms):
    return 0.0


OBJECTIVES = {
    objective.name: objective
    for objective in (
        Objective(
            "effect",
            False,
            _effect,
            from_zero=True,
            center=_middle_of_arms,
            description="the effect inside against zero",
        ),
        Objective(
            "contrast",
            False,
            _contrast,
            center=_zero,
            description="the effect inside against that in the complement",
        ),
        Objective(
            "sum-of-squares",
            True,
            _sum_of_squares,
            description="the sum of squares between the groups of arm by membership",
        ),
        Objective(
            "mean-shift",
            False,
            _mean_shift,
            description="the mean inside, whatever the arm",
        ),
        Objective(
            "arm-shift",
            True,
            _arm_shift,
            from_zero=True,
            first_arm=True,
            description="the shift of the treated members against everyone else",
        ),
    )
}
