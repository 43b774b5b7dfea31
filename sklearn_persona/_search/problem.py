"""The search problem: conditions, outcomes and arms for the compiled searches."""

from dataclasses import dataclass

import numpy as np

from sklearn_persona._designs.labels import pooled_sd
from sklearn_persona._search._cube import CellTable
from sklearn_persona._search._kernel import Problem, sets_in_order, transpose_sets
from sklearn_persona._search.objectives import OBJECTIVES

__all__ = [
    "ProblemBuilder",
    "fixed_point",
    "make_problem",
    "origin",
    "search_order",
    "size_limits",
    "sort_into_cells",
]


@dataclass(frozen=True)
class FixedPoint:
    """Outcomes of the units as the kernels read them.

    Attributes
    ----------
    fixed : ndarray of int64, shape (n_units,)
    scale : float
        SD units per step of ``fixed``.
    outcome : ndarray of float64, shape (n_units,)
        In SD units.
    """

    fixed: np.ndarray
    scale: float
    outcome: np.ndarray


def fixed_point(label, objective):
    """Standardize the outcomes and round them to integers whose sums are exact.

    Returns None when they do not vary within arms.
    """
    outcome = np.asarray(label.outcome, dtype=float)
    shifted = outcome - origin(label, objective)
    largest = np.abs(shifted).max()
    if largest == 0:
        return None
    exponent = int(np.frexp(largest)[1])
    shifted = np.ldexp(shifted, -exponent)
    sd = pooled_sd(shifted, label.treated)
    if sd <= 1e-13:
        return None
    # |sum| < 2**62 whatever the rows.
    steps = 62 - max(int(np.ceil(np.log2(len(outcome)))), 0) - 1
    fixed = np.rint(np.ldexp(shifted, steps)).astype(np.int64)
    return FixedPoint(fixed, float(np.ldexp(1.0, -steps) / sd), shifted / sd)


def size_limits(label, settings):
    """Least and most units of an arm inside, as keyword arguments of the kernels."""
    counts = np.count_nonzero(label.arms, axis=1).tolist()
    rest = [0] * (2 - len(counts))
    return {
        "least": [settings.least_arm] * len(counts) + rest,
        "most": [n - settings.least_arm for n in counts] + rest,
        "least_members": settings.least_members,
    }


class ProblemBuilder:
    """Builds problems that differ in their labels; the rest is prepared once.

    Parameters
    ----------
    selectors : Selectors
    settings : SearchSettings
    """

    def __init__(self, selectors, settings):
        self.selectors, self.settings = selectors, settings
        self.rows = transpose_sets(selectors.bits)

    def build(self, label, sign):
        """The problem of these labels and a direction, or None (see `make_problem`)."""
        n = len(self.selectors.bits)
        return _problem(
            label,
            sign,
            self.selectors,
            self.settings,
            lambda order: sets_in_order(self.rows, order, n),
        )


def make_problem(selectors, label, sign, settings):
    """Order the units by outcome within arms for the kernel.

    Returns None when the outcome does not vary within arms.
    """
    return _problem(
        label, sign, selectors, settings, lambda order: _reorder(selectors.bits, order)
    )


def _problem(label, sign, selectors, settings, in_order):
    values = fixed_point(label, settings.objective)
    if values is None:
        return None
    fixed, outcome = sign * values.fixed, sign * values.outcome
    arm = label.arms[0]
    order = _order(outcome, arm)
    return Problem(
        in_order(order),
        selectors.feature,
        selectors.side,
        selectors.cut,
        selectors.modality,
        fixed[order],
        values.scale,
        int(np.count_nonzero(arm)),
        objective=settings.objective,
        arms=label.n_arms,
        centers=_centers(settings.objective, outcome, label),
        min_variables=settings.min_variables,
        max_variables=settings.max_variables,
        min_modalities=settings.min_modalities,
        **size_limits(label, settings),
    )


def search_order(label, sign, objective):
    """Units in the order of the rows of a problem."""
    outcome = sign * fixed_point(label, objective).outcome
    return _order(outcome, label.arms[0])


def _order(outcome, arm):
    return np.lexsort((np.where(arm, -outcome, outcome), ~arm))


def origin(label, objective):
    """The value that is subtracted from outcomes.

    Only effects in one sample depend on where zero is. Elsewhere it is an outcome of
    the data, so that sums of round numbers stay exact and large offsets cancel.
    """
    if label.n_arms == 1 and OBJECTIVES[objective].from_zero:
        return 0.0
    middle = len(label.outcome) // 2
    return np.partition(label.outcome, middle)[middle]


def _centers(objective, outcome, label):
    """Constants that separate the bounds of two arms."""
    center = OBJECTIVES[objective].center
    if label.n_arms == 1 or center is None:
        return [0.0]
    middle = center(outcome, label.arms)
    return [middle, middle - 0.4, middle + 0.4]


def _reorder(bits, order):
    """Row sets with their rows in another order, in blocks to keep copies small."""
    out = np.empty_like(bits)
    block = 64 * max(1, 2**14 // max(bits.shape[1], 1))
    for start in range(0, len(bits), block):
        part = bits[start : start + block]
        out[start : start + block] = sets_in_order(
            transpose_sets(part), order, len(part)
        )
    return out


def sort_into_cells(selectors, settings, arms):
    """The cell of every unit in every variable, for a search by cubes.

    Parameters
    ----------
    selectors : Selectors
    settings : SearchSettings
    arms : {1, 2}

    Returns
    -------
    table : CellTable
        Not ``eligible`` when a variable or a tuple of variables has too many cells.
    """
    return CellTable(
        selectors.bits,
        selectors.feature,
        selectors.side,
        selectors.cut,
        selectors.modality,
        selectors.n_units,
        arms=arms,
        min_variables=settings.min_variables,
        max_variables=settings.max_variables,
        min_modalities=settings.min_modalities,
    )
