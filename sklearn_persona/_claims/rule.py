"""`ClaimRule`: what a persona must show before it is claimed."""

from dataclasses import dataclass

import numpy as np

from sklearn_persona._estimates.evidence import Evidence

__all__ = ["ClaimRule", "Subgroup", "Verdict", "subgroups_of"]

NOT_KNOWN = float("nan")


# Cohen's d that the published rule asks for, in both halves.
PUBLISHED_SIZE = 0.5


@dataclass(frozen=True)
class ClaimRule:
    """Thresholds of a claim, and how its tests are made.

    A claim of heterogeneity rests on the contrast of members with others. What is said
    of the effect in the members themselves is a statement of its own, with its own
    adjusted p value.

    Attributes
    ----------
    alpha : float
        Level of all claims, and of all statements about members.
    min_effect_size : float or "auto"
        Cohen's d to be exceeded.
    criterion : {"heterogeneity", "effect"}
        Whether a claim is of the contrast or of the effect in the members.
    correction : str or None
        Adjustment over the personas tested in the holdout.
    n_holdout : int
        Most personas tested there.
    n_permutations, n_bootstrap : int
    """

    alpha: float
    min_effect_size: float | str
    criterion: str
    correction: str | None
    n_holdout: int
    n_permutations: int
    n_bootstrap: int

    @property
    def needs_contrast(self):
        """Whether a claim rests on the contrast with the complement."""
        return self.criterion == "heterogeneity"

    @property
    def confirmed(self):
        """The claim that is made of a confirmed persona."""
        if self.needs_contrast:
            return "confirmed"
        return "effect in subgroup, heterogeneity not shown"

    @property
    def replicated_size(self):
        """Cohen's d that the published rule asks for."""
        return (
            PUBLISHED_SIZE if self.min_effect_size == "auto" else self.min_effect_size
        )

    @property
    def claimed_size(self):
        """Cohen's d that a claim asks for; 0 for none, with any effect inside."""
        if self.min_effect_size == "auto" and self.needs_contrast:
            return 0.0
        return self.replicated_size

    def has_direction(self, record, sign):
        """Whether what a claim is about points the persona's way."""
        effect = record.effect
        if self.needs_contrast and not np.isnan(record.effect_complement):
            # A single arm has no effect outside: the effect is the contrast.
            effect = effect - record.effect_complement
        return bool(sign * effect > 0)

    def is_large(self, effect_size, sign):
        """Whether the effect in the members is as large as a claim asks for."""
        size = self.claimed_size
        return not size or bool(sign * effect_size > size)

    def replicates(self, record, sign):
        """The published rule in one half."""
        return bool(
            sign * record.effect > 0
            and record.p_value < self.alpha
            and abs(record.effect_size) > self.replicated_size
        )

    def confirming(self, record, sign):
        """The p value that decides; an untested contrast confirms nothing."""
        if self.needs_contrast:
            return _guarded(
                record.p_interaction,
                record.p_interaction_period1,
                record.contrast_period1,
                sign,
            )
        return self.of_members(record)

    def of_members(self, record):
        """The p value of the effect in the members.

        Exchanging arms compares whole distributions. A statement is about means, so the
        t test that allows for arms of other spread must agree.
        """
        sign = 1 if record.effect > 0 else -1
        p_value = record.p_value
        if record.p_welch is not None:
            p_value = float(np.fmax(p_value, record.p_welch))
        return _guarded(p_value, record.p_value_period1, record.effect_period1, sign)

    def statement(self, effect, p_value):
        """What is shown of the members, given the adjusted p value of their effect."""
        if not p_value < self.alpha:
            return "no effect shown"
        return "benefit" if effect > 0 else "harm"

    def share(self, n_tests):
        """Level of the first of several tests."""
        split = self.correction in ("holm", "bh")
        return self.alpha / n_tests if split else self.alpha


def _guarded(p_value, in_period1, effect, sign):
    """p value of a test that a carry-over cannot pass.

    Carry-over of the first treatment into the second period changes the differences of
    pairs, but nothing in the first period. There the direction is given, so its test is
    one-sided; the larger p value is valid whatever the carry-over (Berger, 1982).
    """
    if np.isnan(p_value):
        return 1.0
    if in_period1 is None:
        return p_value
    if np.isnan(in_period1) or np.isnan(effect):
        return 1.0
    one_sided = in_period1 / 2 if sign * effect > 0 else 1 - in_period1 / 2
    return max(p_value, one_sided)


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
    members_claim: str = "not tested"
    p_adjusted: float = NOT_KNOWN
    p_adjusted_interaction: float = NOT_KNOWN
    p_adjusted_members: float = NOT_KNOWN
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
