"""Designs: how cases become analysis units, one file a design."""

import numpy as np

from sklearn_persona._data.cases import Cases, read_cases
from sklearn_persona._designs.crossover import crossover_units
from sklearn_persona._designs.parallel import parallel_units
from sklearn_persona._designs.permutations import (
    Permutations,
    ResidualPermutations,
    exchanged,
    residuals,
)
from sklearn_persona._designs.pooled import pooled_units
from sklearn_persona._designs.single_arm import single_arm_units
from sklearn_persona._designs.units import Units

__all__ = [
    "DESIGNS",
    "Cases",
    "Permutations",
    "ResidualPermutations",
    "Units",
    "exchanged",
    "make_units",
    "read_cases",
    "residuals",
    "resolve_design",
]

DESIGNS = ("parallel", "crossover", "pooled", "single-arm")


def resolve_design(design, cases):
    """The design meant by ``"auto"``; checks the others against the data.

    Raises
    ------
    ValueError
        When a design with arms has no treatment, or the single-arm one has.
    """
    if design == "auto":
        if cases.treated is None:
            return "single-arm"
        n = len(cases.participants)
        seen = np.zeros((n, 2), bool)
        seen[cases.groups, cases.treated.astype(int)] = True
        return "crossover" if seen.all(axis=1).any() else "parallel"
    if design == "single-arm" and cases.treated is not None:
        raise ValueError(
            "design='single-arm' but treatment was given; leave treatment out, or use "
            "another design."
        )
    if design != "single-arm" and cases.treated is None:
        raise ValueError(
            f"design={design!r} needs treatment=, the arm of each case; got None."
        )
    return design


def make_units(design, cases):
    """Build the units of a resolved design."""
    if design == "crossover":
        return crossover_units(cases)
    builders = {
        "parallel": parallel_units,
        "pooled": pooled_units,
        "single-arm": single_arm_units,
    }
    return builders[design](cases)
