"""Designs: how cases become analysis units, one class a design."""

import numpy as np

from sklearn_persona._designs.cases import Cases, read_cases
from sklearn_persona._designs.crossover import Crossover
from sklearn_persona._designs.labels import Labels, arm_rows, pooled_sd, standardized
from sklearn_persona._designs.parallel import Parallel
from sklearn_persona._designs.permutations import Permutations, ResidualPermutations
from sklearn_persona._designs.pooled import Pooled
from sklearn_persona._designs.single_arm import SingleArm
from sklearn_persona._designs.units import DESIGN_NAMES, DESIGNS, Units

__all__ = [
    "DESIGNS",
    "DESIGN_NAMES",
    "Cases",
    "Crossover",
    "Labels",
    "Parallel",
    "Permutations",
    "Pooled",
    "ResidualPermutations",
    "SingleArm",
    "Units",
    "arm_rows",
    "make_units",
    "n_labels_of",
    "pooled_sd",
    "read_cases",
    "resolve_design",
    "standardized",
]


def n_labels_of(design):
    """Arms that `treatment` must hold for a design, as it was asked for."""
    if design in ("auto", "single-arm"):
        return 2
    if design not in DESIGNS:
        raise ValueError(f"design must be one of {['auto', *DESIGNS]}, got {design!r}.")
    return DESIGNS[design].n_labels


def resolve_design(design, cases):
    """The design meant by ``"auto"``; checks the others against the data.

    Raises
    ------
    ValueError
        When a design with arms has no treatment, or the single-arm one has.
    """
    if design == "auto":
        if not cases.two_arm:
            return "single-arm"
        n = len(cases.participants)
        seen = np.zeros((n, 2), bool)
        seen[cases.groups, cases.treated.astype(int)] = True
        return "crossover" if seen.all(axis=1).any() else "parallel"
    if design == "single-arm" and cases.two_arm:
        raise ValueError(
            "design='single-arm' but treatment was given; leave treatment out, or use "
            "another design."
        )
    if design != "single-arm" and not cases.two_arm:
        raise ValueError(
            f"design={design!r} needs treatment=, the arm of each case; got None."
        )
    return design


def make_units(design, cases):
    """Build the units of a resolved design."""
    return DESIGNS[design].from_cases(cases)
