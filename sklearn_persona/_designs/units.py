"""Analysis units: what the search counts, the tests permute and a split keeps whole.

A design is one class that derives from `Units`. It says how cases become units, which
samples (cells) make the effect of a subgroup and with which weights, which labels the
null hypothesis exchanges, and what a split balances. Estimates, tests, corrected
effects, partition and flow are written once, on what the class offers.
"""

from dataclasses import dataclass, fields, replace
from typing import ClassVar

import numpy as np

from sklearn_persona._designs.labels import Labels, arm_rows
from sklearn_persona._designs.splitting import stratified_group_split
from sklearn_persona._designs.strata import (
    Cell,
    additive_residuals,
    stratified,
    without_strata,
)
from sklearn_persona._outcomes import Continuous
from sklearn_persona.inference import (
    floor_from_strata,
    interaction_test,
    permutation_pvalue,
    smallest_testable_size,
)

__all__ = ["DESIGNS", "DESIGN_NAMES", "Units", "against_others"]

# Classes by name, in the order in which they were defined, and what `design=` takes.
DESIGNS = {}
DESIGN_NAMES = {"auto"}
CONTINUOUS = Continuous()


@dataclass(frozen=True)
class Units:
    """Units of a trial with two arms; other designs override what differs.

    Two-sample units are cases with an arm. One-sample units have none: pairs, whose
    outcome is a difference between arms, or cases of a single arm.

    Attributes
    ----------
    rows : ndarray of int, shape (n_units,)
        Row of the table that describes the unit.
    groups : ndarray of int, shape (n_units,)
        Participant code.
    strata : ndarray of int, shape (n_units,)
        Estimates, tests and permutations compare within.
    split_strata : ndarray of int, shape (n_units,)
        A split balances these; constant within a participant.
    outcome : ndarray of shape (n_units,)
        Oriented: larger is better. For pairs treated minus control.
    treated : ndarray of bool, shape (n_units,), or None
    by_arm : ndarray of float64, shape (n_units, 2)
        Outcome in the user's units under treatment and control, NaN if not seen.
    response_by_arm : ndarray of float64, shape (n_units, 2), or None
        Response (0/1) in the same layout, when there is a response threshold.
    kind : Continuous
        Kind of the outcome.
    prognosis : ndarray of float64, shape (n_units,), or None
        Outcome predicted from baseline without the arm.
    randomised : bool
        Whether the arms were drawn by lot.
    weights : ndarray of float64, shape (n_units,), or None
        Of the units in estimates; equal when None.
    """

    # Name in `design=`. A class without one is a base of others.
    design: ClassVar[str]
    # What the data are, in a report; `{unit}` is what is counted.
    description: ClassVar[str] = "a trial, analyzed by {unit}"
    # Arms that `treatment` must hold.
    n_labels: ClassVar[int] = 2
    # What one unit is called where participants are known.
    unit: ClassVar[str] = "case"
    cases_per_unit: ClassVar[int] = 1
    # Whether one row describes all cases of a participant.
    one_row_each: ClassVar[bool] = True
    # Whether treatment is compared, rather than members with others.
    has_arms: ClassVar[bool] = True
    # Whether a prognosis or a propensity can be taken out of the outcome.
    adjustable: ClassVar[bool] = True
    paired: ClassVar[bool] = False
    period_known: ClassVar[bool] = False

    rows: np.ndarray
    groups: np.ndarray
    strata: np.ndarray
    split_strata: np.ndarray
    outcome: np.ndarray
    treated: np.ndarray | None
    by_arm: np.ndarray
    response_by_arm: np.ndarray | None = None
    kind: Continuous = CONTINUOUS
    prognosis: np.ndarray | None = None
    randomised: bool = True
    weights: np.ndarray | None = None

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "design" in vars(cls):
            DESIGNS[cls.design] = cls
            DESIGN_NAMES.add(cls.design)

    @classmethod
    def from_cases(cls, cases):
        """Build the units of a trial.

        Parameters
        ----------
        cases : Cases

        Returns
        -------
        units : Units

        Raises
        ------
        ValueError
            When the cases do not fit the design.
        """
        raise NotImplementedError

    def __len__(self):
        return len(self.rows)

    @property
    def n_cases(self):
        """Cases (rows) analysed."""
        return self.cases_per_unit * len(self)

    @property
    def value(self):
        """Outcome of each unit as effects are estimated from it."""
        return self.outcome

    @property
    def score(self):
        """One number a unit for objective and tests.

        It is ``value`` without prognosis and without what differs between strata.
        """
        score = self.kind.score(self.value)
        if self.prognosis is not None:
            score = score - self.prognosis
        return self.within_strata(score, self.treated)

    @property
    def is_stratified(self):
        """Whether there are several strata."""
        return bool((self.strata != self.strata[:1]).any())

    def within_strata(self, score, treated):
        """Scores without what differs between strata, the arm in the model.

        Adding a number to a stratum changes nothing, so a permutation may start from
        the scores of the arms as observed.
        """
        if not self.is_stratified:
            return score
        return without_strata(score, arm_rows(treated, len(score)), self.strata)

    @property
    def blind_score(self):
        """Scores that no arm has entered, for a prognostic model."""
        score = self.kind.score(self.value)
        if not self.is_stratified:
            return score
        return without_strata(score, arm_rows(None, len(score)), self.strata)

    @property
    def labels(self):
        """Scores and arms as observed."""
        return Labels(self.score, self.treated)

    @property
    def arms(self):
        """Masks of the samples whose outcomes are compared, the treated first."""
        return arm_rows(self.treated, len(self))

    @property
    def n_arms(self):
        """Number of these samples, 1 or 2."""
        return len(self.arms)

    @property
    def everyone(self):
        """Mask of all units."""
        return np.ones(len(self), bool)

    # Subsets and adjustments

    def take(self, chosen):
        """Units of a boolean mask."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        arrays = {
            name: value[chosen]
            for name, value in values.items()
            if isinstance(value, np.ndarray)
        }
        return replace(self, **arrays)

    def with_prognosis(self, prognosis):
        """The same units with a prediction of their outcomes."""
        return replace(self, prognosis=np.asarray(prognosis, dtype=float))

    def in_strata(self, codes):
        """The same units, whose arms were not randomised, within further strata.

        Parameters
        ----------
        codes : ndarray of int, shape (n_units,)
        """
        strata = self.strata * (codes.max(initial=0) + 1) + codes
        strata = np.unique(strata, return_inverse=True)[1]
        return replace(self, strata=strata, randomised=False)

    def split(self, size, rng):
        """Choose the units of a holdout: whole participants, balanced over strata.

        Parameters
        ----------
        size : float
            Share of the participants.
        rng : numpy.random.RandomState

        Returns
        -------
        holdout : ndarray of bool, shape (n_units,)
        """
        codes, strata = self.participants()
        if len(strata) < 2:
            return ~self.everyone
        return stratified_group_split(strata, size, rng)[codes]

    def participants(self):
        """Codes of the participants of the units, and the split stratum of each.

        Returns
        -------
        codes : ndarray of int, shape (n_units,)
        strata : ndarray of int, shape (n_participants,)
        """
        _, first, codes = np.unique(self.groups, return_index=True, return_inverse=True)
        strata = np.unique(self.split_strata[first], return_inverse=True)[1]
        return codes, strata

    # Cells: samples whose weighted estimates make an effect

    def blocks(self):
        """Samples whose weighted estimates make the effect in everyone.

        Returns
        -------
        blocks : list of (ndarray of bool, float)
            Mask and weight.
        """
        return [(self.treated, 1.0), (~self.treated, -1.0)]

    def samples(self, inside):
        """Samples whose weighted estimates make the effect in a subgroup and stratum.

        Parameters
        ----------
        inside : ndarray of bool, shape (n_units,)

        Returns
        -------
        samples : list of (ndarray of bool, float)
        """
        return [(block & inside, weight) for block, weight in self.blocks()]

    def cells(self, inside):
        """The samples by stratum: their weighted estimates make the effect.

        Strata weigh as in `stratum_weights`.

        Parameters
        ----------
        inside : ndarray of bool, shape (n_units,)

        Returns
        -------
        cells : list of Cell
        """
        return stratified(self.samples(inside), self.strata)

    def contrast_cells(self, inside):
        """Cells of the effect in members less that in the others."""
        first, second = self.cells(inside), self.cells(~inside)
        n_pools = 1 + max(cell.pool for cell in first)
        return first + [
            Cell(units, -weight, n_pools + pool) for units, weight, pool in second
        ]

    def contrasts(self, inside):
        """Members against others: their effects, then their outcomes by arm.

        Returns
        -------
        contrasts : list of (ndarray, list of Cell)
            Values and cells of the contrast of effects, and of the contrasts within
            the treated and within the control arm.
        """
        return [(self.value, self.contrast_cells(inside))] + [
            (self.value, stratified(against_others([(arm, 1.0)], inside), self.strata))
            for arm in (self.treated, ~self.treated)
        ]

    def spread_samples(self, inside):
        """Samples within which the spread of the outcome is measured."""
        return [cell.units for cell in self.cells(inside)]

    def columns(self, table, inside):
        """The two columns of a card: what members have under treatment and control.

        Parameters
        ----------
        table : ndarray of float64, shape (n_units, 2)
            NaN where not seen.
        inside : ndarray of bool, shape (n_units,)

        Returns
        -------
        first, second : ndarray of float64
        """
        return tuple(column[~np.isnan(column)] for column in table[inside].T)

    def interval_values(self):
        """Outcomes whose means in the cells have the standard error of the effect."""
        return self.value

    def estimate(self, values, cells):
        """Weighted sum of the estimates of cells; NaN where one is empty."""
        return sum(cell.weight * self._estimate(values, cell.units) for cell in cells)

    def effect(self, inside, values=None):
        """Effect in a subgroup; NaN where a cell is empty.

        Parameters
        ----------
        inside : ndarray of bool, shape (n_units,)
        values : ndarray of shape (n_units,), optional
            In place of ``value``, for example ``score``.

        Returns
        -------
        effect : float
        """
        values = self.value if values is None else values
        return self.estimate(values, self.cells(inside))

    def interval(self, values, cells):
        """95 % interval of `estimate`; NaN where the spread is unknown."""
        return self.kind.interval(*self._by_cell(values, cells))

    def p_value(self, values, cells):
        """p value of the t test that belongs to `interval`."""
        return self.kind.p_value(*self._by_cell(values, cells))

    def _by_cell(self, values, cells):
        units, weights, pools = zip(*cells)
        own = None if self.weights is None else [self.weights[rows] for rows in units]
        return [values[rows] for rows in units], weights, own, pools

    def effect_interval(self, inside):
        """95 % interval of `effect`; NaN where the spread is unknown."""
        return self.interval(self.interval_values(), self.cells(inside))

    def _estimate(self, values, units):
        weights = None if self.weights is None else self.weights[units]
        return self.kind.estimate(values[units], weights)

    def more_evidence(self, inside, *, n_permutations, random_state):
        """Further fields of `Evidence` that only this design has."""
        return {}

    @property
    def first_period(self):
        """The first period as a trial of two arms; None where there is no other."""
        return None

    # Exchange of labels: tests and permutations

    @property
    def contrast_strata(self):
        """Strata within which units exchange under the same effect in everyone."""
        return self.strata

    def permuted(self, rng, score, exchange):
        """Labels that no effect in anyone makes as likely as those seen.

        Parameters
        ----------
        rng : Generator
        score : ndarray of float64, shape (n_units,)
            That of the units.
        exchange : callable
            Given `rng`, positions exchanged within ``strata``.

        Returns
        -------
        outcome : ndarray of float64, shape (n_units,)
        treated : ndarray of bool, shape (n_units,), or None
        """
        treated = self.treated[exchange(rng)]
        return self.within_strata(score, treated), treated

    def residuals(self, score, treated):
        """Scores without the effect that everyone shares."""
        arms = arm_rows(treated, len(score))
        if self.is_stratified:
            return additive_residuals(score, arms, self.strata)[0]
        return self.kind.residuals(score, arms)

    def permuted_residuals(self, rng, residuals, exchange):
        """Labels that the same effect in everyone makes as likely as those seen."""
        treated = self.treated[exchange(rng)]
        return self.residuals(residuals, treated), treated

    def sides(self, inside):
        """The two samples that a test of the effect in a subgroup compares."""
        return inside & self.treated, inside & ~self.treated

    def effect_test(self, inside, *, n_permutations, random_state):
        """Randomisation test of the effect in a subgroup; None when a side is empty.

        Parameters
        ----------
        inside : ndarray of bool, shape (n_units,)
        n_permutations : int
        random_state : int

        Returns
        -------
        test : PermutationResult or None
        """
        first, second = self.sides(inside)
        if not first.any() or not second.any():
            return None
        strata = np.concatenate([self.strata[first], self.strata[second]])
        return permutation_pvalue(
            self.score[first],
            self.score[second],
            strata=_if_several(strata),
            n_permutations=n_permutations,
            random_state=random_state,
        )

    def contrast_test(self, inside, *, n_permutations, random_state):
        """Test of members against others; None where they cannot be compared."""
        if not self.is_divided(inside):
            return None
        return interaction_test(
            self.score,
            self.treated,
            inside,
            strata=_if_several(self.contrast_strata),
            n_permutations=n_permutations,
            random_state=random_state,
        )

    def is_sparse(self):
        """Whether an arm has too few events for an asymptotic test of contrast."""
        return self.n_arms > 1 and self.kind.is_sparse(self.outcome, self.arms)

    def is_divided(self, inside):
        """Whether there is an effect inside, and one outside to compare it with."""
        return all(
            len(cell.units) for side in (inside, ~inside) for cell in self.cells(side)
        )

    def size_floor(self, inside, n_permutations, *, contrast):
        """Smallest p value that sizes alone allow; 1.0 when there is nothing to test.

        With `contrast` the complement must hold every arm too.
        """
        if contrast and not self.is_divided(inside):
            return 1.0
        return self._floor(inside, n_permutations)

    def _floor(self, inside, n_permutations):
        first, second = self.sides(inside)
        if not first.any() or not second.any():
            return 1.0
        sizes = [
            (int(np.count_nonzero(first & part)), int(np.count_nonzero(second & part)))
            for part in (self.strata == s for s in np.unique(self.strata))
        ]
        return floor_from_strata(sizes, n_permutations=n_permutations)

    @classmethod
    def least_size(cls, alpha):
        """Fewest units of an arm whose test can reach alpha."""
        return smallest_testable_size(alpha, one_sample=cls.paired)

    def arm_sizes(self, labels):
        """Numbers of units to be divided by a subgroup, by what they are called.

        Parameters
        ----------
        labels : tuple
            Of the arms, the reference first.

        Returns
        -------
        sizes : dict of str to int
        """
        control, *others = labels
        n_treated = int(np.count_nonzero(self.treated))
        return {
            f"cases in arm {control!r}": len(self) - n_treated,
            f"cases in arm {', '.join(map(repr, others))}": n_treated,
        }

    def objective(self, name):
        """Name in the compiled search of an objective that was asked for."""
        return "arm-shift" if name == "auto" else name


def against_others(blocks, inside):
    """Cells of members against others, with the weights of the blocks."""
    return [
        (block & side, sign * weight)
        for block, weight in blocks
        for side, sign in ((inside, 1), (~inside, -1))
    ]


def _if_several(strata):
    """Strata for a test; None for a single one."""
    return strata if len(np.unique(strata)) > 1 else None
