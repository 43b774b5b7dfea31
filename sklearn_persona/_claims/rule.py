"""`ClaimRule`: what a persona must show before it is claimed."""

from dataclasses import dataclass

import numpy as np

from sklearn_persona._estimates.evidence import Evidence

__all__ = ["ClaimRule", "Subgroup", "Verdict", "subgroups_of"]

NOT_KNOWN = float("nan")


@dataclass(frozen=True)
class ClaimRule:
    """Thresholds of a claim, and how its tests are made.

    Attributes
    ----------
    alpha : float
        Level of all claims.
    min_effect_size : float
        Cohen's d to be exceeded.
    criterion : {"heterogeneity", "effect"}
        Whether the contrast with the complement counts.
    correction : str or None
        Adjustment over the personas tested in the holdout.
    n_holdout : int
        Most personas tested there.
    n_permutations, n_bootstrap : int
    """

    alpha: float
    min_effect_size: float
    criterion: str
    correction: str | None
    n_holdout: int
    n_permutations: int
    n_bootstrap: int

    @property
    def needs_contrast(self):
        """Whether the contrast with the complement counts."""
        return self.criterion == "heterogeneity"

    @property
    def confirmed(self):
        """The claim that is made of a confirmed persona."""
        if self.needs_contrast:
            return "confirmed"
        return "effect in subgroup, heterogeneity not shown"

    def has_direction(self, record, sign):
        """Whether effect, and contrast where it counts, point the persona's way."""
        if not sign * record.effect > 0:
            return False
        if not self.needs_contrast or np.isnan(record.effect_complement):
            # A single arm has no effect outside: the effect is the contrast.
            return True
        return bool(sign * (record.effect - record.effect_complement) > 0)

    def replicates(self, record, sign):
        """The published rule in one half."""
        return bool(
            sign * record.effect > 0
            and record.p_value < self.alpha
            and abs(record.effect_size) > self.min_effect_size
        )

    def confirming(self, record):
        """The p value that decides; an untested contrast confirms nothing."""
        if not self.needs_contrast:
            return record.p_value
        contrast = record.p_interaction
        return max(record.p_value, 1.0 if np.isnan(contrast) else contrast)

    def share(self, n_tests):
        """Level of the first of several tests."""
        split = self.correction in ("holm", "bh")
        return self.alpha / n_tests if split else self.alpha


@dataclass(frozen=True)
class Subgroup:
    """A rule that was found, among the units that test it.

    Attributes
    ----------
    sign : int
        1 for a favorable rule, -1 for an unfavorable one.
    inside : ndarray of bool, shape (n_training_units,)
    held_out : ndarray of bool, shape (n_holdout_units,), or None
    seeds : tuple of int
        Of the Monte-Carlo tests of its training and its holdout evidence.
    """

    sign: int
    inside: np.ndarray
    held_out: np.ndarray | None = None
    seeds: tuple = (0, 0)


@dataclass(frozen=True)
class Verdict:
    """What the evidence allows to be said of a persona; fields as in `Persona`."""

    train: Evidence
    reversal: bool
    claim: str
    holdout: Evidence | None = None
    replicated: bool = False
    confirmed: bool = False
    p_adjusted: float = NOT_KNOWN
    p_adjusted_interaction: float = NOT_KNOWN
    p_conditional: float = NOT_KNOWN
    effect_adjusted: float | None = None


def subgroups_of(builder, seeds, holdout=None):
    """The rules of a builder among the units that test them.

    Parameters
    ----------
    builder : PersonaBuilder
    seeds : list of tuple of int
    holdout : Units or None

    Returns
    -------
    subgroups : list of Subgroup
    """
    held_out = [None] * len(seeds)
    if holdout is not None:
        held_out = [covered[holdout.rows] for covered in builder.covered()]
    return [
        Subgroup(rule.sign, rule.members, *rest)
        for rule, *rest in zip(builder.rules, held_out, seeds)
    ]
