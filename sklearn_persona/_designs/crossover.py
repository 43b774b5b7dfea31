"""Two-period crossover: the unit is the complete pair of a participant's cases."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from sklearn_persona._designs.labels import arm_rows
from sklearn_persona._designs.parallel import Parallel
from sklearn_persona._designs.strata import stratified
from sklearn_persona._designs.units import Units, against_others
from sklearn_persona._outcomes import mean_of
from sklearn_persona.exceptions import (
    IncompleteParticipantWarning,
    PeriodUnknownWarning,
    warn_caller,
)
from sklearn_persona.inference import (
    floor_from_sequences,
    floor_from_sizes,
    permutation_pvalue,
    sequence_pvalue,
)

__all__ = ["Crossover"]


@dataclass(frozen=True)
class Crossover(Units):
    """One one-sample unit per complete pair, its outcome treated minus control.

    Attributes
    ----------
    sequence : ndarray of int, shape (n_units,), or None
        With known period: 1 if treated first, else -1.
    """

    design: ClassVar[str] = "crossover"
    unit: ClassVar[str] = "complete pair"
    cases_per_unit: ClassVar[int] = 2
    description: ClassVar[str] = (
        "a two-period crossover, analyzed by complete pair: the outcome of a pair is "
        "its value under treatment minus that under control"
    )
    adjustable: ClassVar[bool] = False
    paired: ClassVar[bool] = True

    sequence: np.ndarray | None = None

    @classmethod
    def from_cases(cls, cases):
        """Build the units; see `Units.from_cases`.

        Raises
        ------
        ValueError
            When a participant has several cases in an arm or in a period, or when no
            pair is complete.
        """
        pair = _complete_pairs(cases)
        rows, sequence = _first_rows(cases, pair)
        strata = cases.strata[rows]
        order = sequence if sequence is not None else np.zeros(len(pair), np.int64)
        treated, control = pair.T
        response = cases.response
        return cls(
            rows=rows,
            groups=cases.groups[rows],
            strata=strata,
            split_strata=3 * strata + order + 1,
            outcome=cases.outcome[treated] - cases.outcome[control],
            treated=None,
            by_arm=np.column_stack([cases.y[treated], cases.y[control]]),
            response_by_arm=None if response is None else response[pair].astype(float),
            kind=cases.kind,
            sequence=sequence,
        )

    @property
    def period_known(self):
        """Whether the sequence of each pair is known."""
        return self.sequence is not None

    @property
    def period_effects(self):
        """First minus second period in the stratum of each pair, in outcome units.

        The weighted mean of the strata where a stratum has one sequence only, and 0.0
        if it cannot be told at all.
        """
        # In sequence treated-control the difference holds +period, in the other
        # -period (Jones & Kenward, 2014, section 2.3).
        first = self.sequence > 0
        cells = stratified([(first, 0.5), (~first, -0.5)], self.strata)
        common = self.estimate(self.outcome, cells)
        effects = np.full(len(self), 0.0 if np.isnan(common) else common)
        if self.is_stratified:
            for code in np.unique(self.strata):
                here = self.strata == code
                sides = [self.outcome[here & side] for side in (first, ~first)]
                if all(map(len, sides)):
                    effects[here] = (sides[0].mean() - sides[1].mean()) / 2
        return effects

    @property
    def value(self):
        """Outcome of each pair, free of the period effect of these pairs."""
        if self.sequence is None:
            return self.outcome
        return self.outcome - self.sequence * self.period_effects

    def within_strata(self, score, treated):
        """Differences as they are: strata differ in the effect of the period only."""
        return score

    def residuals(self, score, treated):
        """Differences without their mean, whatever the stratum."""
        return self.kind.residuals(score, arm_rows(None, len(score)))

    def blocks(self):
        """All pairs, or both sequences with the same weight.

        Equal weights cancel the period effect of these very pairs; one estimated over
        everybody would carry in the effect of the others.
        """
        if self.sequence is None:
            return [(self.everyone, 1.0)]
        return [(self.sequence > 0, 0.5), (self.sequence < 0, 0.5)]

    def effect(self, inside, values=None):
        """Effect in a subgroup; of all its pairs where a sequence is empty."""
        effect = super().effect(inside, values)
        if np.isnan(effect):
            values = self.value if values is None else values
            return mean_of(values[inside])
        return effect

    def interval_values(self):
        """Differences as they are: the sequences cancel the period effect."""
        return self.outcome

    def contrasts(self, inside):
        """Members against others; see `Units.contrasts`."""
        cells = stratified(against_others(self.blocks(), inside), self.strata)
        return [(self.outcome, self.contrast_cells(inside))] + [
            (values, cells) for values in self._oriented_by_arm()
        ]

    def _oriented_by_arm(self):
        """Oriented outcomes of the treated and the control case of each pair."""
        if self.response_by_arm is not None:
            return self.response_by_arm.T
        return self.kind.sign * self.by_arm.T

    def spread_samples(self, inside):
        """The pairs inside as one sample of differences."""
        return [inside]

    def columns(self, table, inside):
        """What members have under treatment and control; see `Units.columns`."""
        return table[inside, 0], table[inside, 1]

    @property
    def first_period(self):
        """The first period, whose arms nothing can be carried over to."""
        if self.sequence is None:
            return None
        return self._between(self._in_period(1), self.sequence > 0)

    def _in_period(self, period):
        """Oriented outcome of each pair in a period."""
        treated, control = self._oriented_by_arm()
        first = self.sequence > 0 if period == 1 else self.sequence < 0
        return np.where(first, treated, control)

    def _between(self, outcome, treated):
        """Pairs as participants of a trial of two arms."""
        unseen = np.full((len(self), 2), np.nan)
        return Parallel(
            rows=self.rows,
            groups=self.groups,
            strata=self.strata,
            split_strata=self.split_strata,
            outcome=outcome,
            treated=treated,
            by_arm=unseen,
            kind=self.kind,
        )

    def more_evidence(self, inside, *, n_permutations, random_state):
        """Effects in each period, with tests in the first, and a test of carry-over.

        Carry-over is tested by the sums of the pairs (Grizzle, 1965).
        """
        if self.sequence is None:
            return {}
        first, early = self.sequence > 0, self.first_period
        late = self._between(self._in_period(2), ~first)
        total = self._between(sum(self._oriented_by_arm()), first)
        seeded = {"n_permutations": n_permutations, "random_state": random_state}
        effect, contrast, carryover = (
            early.effect_test(inside, **seeded),
            early.contrast_test(inside, **seeded),
            total.effect_test(inside, n_permutations=1000, random_state=0),
        )
        if carryover is None:
            return {}
        values, cells = early.contrasts(inside)[0]
        return {
            "effect_period1": early.effect(inside),
            "effect_period2": late.effect(inside),
            "p_carryover": carryover.p_value,
            "p_value_period1": effect.p_value,
            "contrast_period1": early.estimate(values, cells),
            "ci_contrast_period1": tuple(map(float, early.interval(values, cells))),
            "p_interaction_period1": np.nan if contrast is None else contrast.p_value,
        }

    def is_divided(self, inside):
        """Whether members and others share a stratum (and a sequence)."""
        strata = self.contrast_strata
        return bool(np.isin(strata[inside], strata[~inside]).any())

    @property
    def contrast_strata(self):
        """Strata and sequences."""
        if self.sequence is None:
            return self.strata
        return 2 * self.strata + (self.sequence > 0)

    def permuted(self, rng, score, exchange):
        """Signs, or sequences where the period is known; see `Units.permuted`."""
        if self.sequence is None:
            return score * rng.choice([-1.0, 1.0], size=len(self)), None
        sequence = self.sequence[exchange(rng)]
        drawn = replace(self, outcome=sequence * self._by_period(), sequence=sequence)
        return drawn.score, None

    def _by_period(self):
        """First minus second period.

        Without an effect it does not depend on the sequence, whatever the effect of
        the period; the means of the sequences differ by twice the treatment effect.
        """
        return self.sequence * self.outcome

    def permuted_residuals(self, rng, residuals, exchange):
        """Differences exchanged between pairs; see `Units.permuted_residuals`."""
        return residuals[exchange(rng)], None

    def sides(self, inside):
        """Pairs of each sequence."""
        return inside & (self.sequence > 0), inside & (self.sequence < 0)

    def effect_test(self, inside, *, n_permutations, random_state):
        """Signs are flipped, or sequences exchanged; see `Units.effect_test`."""
        options = {"n_permutations": n_permutations, "random_state": random_state}
        if self.sequence is None:
            if not inside.any():
                return None
            values = self.score[inside]
            return permutation_pvalue(
                values, np.zeros(len(values)), paired=True, **options
            )
        if not all(side.any() for side in self.sides(inside)):
            return None
        return sequence_pvalue(
            self._by_period(),
            self.sequence > 0,
            inside,
            strata=self.strata,
            **options,
        )

    def _floor(self, inside, n_permutations):
        if self.sequence is None:
            n = int(np.count_nonzero(inside))
            return floor_from_sizes(n, n_permutations=n_permutations) if n else 1.0
        if not all(side.any() for side in self.sides(inside)):
            return 1.0
        return floor_from_sequences(
            self.sequence > 0,
            inside,
            strata=self.strata,
            n_permutations=n_permutations,
        )

    def arm_sizes(self, labels):
        """Number of pairs; see `Units.arm_sizes`."""
        return {"complete pairs": len(self)}


def _complete_pairs(cases):
    """Rows of the treated and the control case of complete participants."""
    n_groups = len(cases.participants)
    row = np.full((n_groups, 2), -1)
    for arm, chosen in enumerate((cases.treated, ~cases.treated)):
        rows = np.flatnonzero(chosen)
        counts = np.bincount(cases.groups[rows], minlength=n_groups)
        if counts.max() > 1:
            label = cases.participants[int(np.argmax(counts > 1))]
            raise ValueError(
                f"design='crossover' takes one case per participant and arm, but "
                f"participant {label!r} has {counts.max()} cases in arm "
                f"{cases.arms[1 - arm]!r}. Average or select them first."
            )
        row[cases.groups[rows], arm] = rows
    complete = (row >= 0).all(axis=1)
    n_incomplete = int(np.count_nonzero(~complete))
    if not complete.any():
        raise ValueError(
            f"design='crossover' needs participants with a case in both arms; none of "
            f"{n_groups} has. Pass groups=participant identifiers, or use "
            "design='parallel'."
        )
    if n_incomplete:
        warn_caller(
            f"{n_incomplete} of {n_groups} participants have only one arm; they enter "
            "neither the search nor the tests.",
            IncompleteParticipantWarning,
        )
    return row[complete]


def _first_rows(cases, pair):
    """Row that describes each pair, that of the first period, and the sequences."""
    treated_row, control_row = pair.T
    if cases.period is None:
        warn_caller(
            "No period was given: differences are not adjusted for it, carry-over "
            "cannot be told from an effect, and membership comes from each "
            "participant's first row. Pass period=.",
            PeriodUnknownWarning,
        )
        return pair.min(axis=1), None
    if cases.period.max() < 2:
        raise ValueError(
            "period must have two values, got one. Number the sessions of a "
            "two-period crossover 1 and 2."
        )
    same = cases.period[treated_row] == cases.period[control_row]
    if same.any():
        label = cases.participants[cases.groups[treated_row[int(np.argmax(same))]]]
        raise ValueError(
            f"Participant {label!r} has both cases in the same period; a crossover "
            "has one case per period. Correct period."
        )
    sequence = np.where(cases.period[treated_row] == 1, 1, -1)
    return np.where(sequence > 0, treated_row, control_row), sequence
