"""Analysis units: what the search counts, the tests permute and a split keeps whole."""

from dataclasses import dataclass, replace

import numpy as np

from sklearn_persona._designs.labels import arm_rows

__all__ = ["Units"]


@dataclass(frozen=True)
class Units:
    """Units of one design; below this point nothing asks which design it was.

    Two-sample units are cases with an arm. One-sample units have none: pairs, whose
    outcome is a difference between arms, or cases of a single arm.

    Attributes
    ----------
    design : str
    rows : ndarray of int, shape (n_units,)
        Row of the table that describes the unit.
    groups : ndarray of int, shape (n_units,)
        Participant code.
    strata : ndarray of int, shape (n_units,)
        Permutations stay within.
    split_strata : ndarray of int, shape (n_units,)
        A split balances these; constant within a participant.
    outcome : ndarray of float64, shape (n_units,)
        Oriented: larger is better. For pairs treated minus control.
    treated : ndarray of bool, shape (n_units,), or None
    by_arm : ndarray of float64, shape (n_units, 2)
        Outcome in the user's units under treatment and control, NaN if not seen.
    response_by_arm : ndarray of float64, shape (n_units, 2), or None
        Response (0/1) in the same layout, when there is a response threshold.
    sign : int
        1 when larger outcomes are better, else -1.
    paired : bool
    sequence : ndarray of int, shape (n_units,), or None
        Pairs with known period: 1 if treated first, else -1.
    prognosis : ndarray of float64, shape (n_units,), or None
        Outcome predicted from baseline without the arm.
    randomised : bool
        Whether the arms were drawn by lot.
    """

    design: str
    rows: np.ndarray
    groups: np.ndarray
    strata: np.ndarray
    split_strata: np.ndarray
    outcome: np.ndarray
    treated: np.ndarray | None
    by_arm: np.ndarray
    response_by_arm: np.ndarray | None
    sign: int
    paired: bool = False
    sequence: np.ndarray | None = None
    prognosis: np.ndarray | None = None
    randomised: bool = True

    def __len__(self):
        return len(self.rows)

    @property
    def n_cases(self):
        """Cases (rows) analysed."""
        return 2 * len(self) if self.paired else len(self)

    @property
    def arms(self):
        """Masks of the units by arm, shape (n_arms, n_units), the treated first."""
        return arm_rows(self.treated, len(self))

    @property
    def n_arms(self):
        """Samples that are compared, 1 or 2."""
        return 1 if self.treated is None else 2

    @property
    def has_arms(self):
        """False for a single arm, whose effect is inside minus outside."""
        return self.treated is not None or self.paired

    @property
    def period_effect(self):
        """First minus second period, in outcome units; 0.0 if it cannot be told."""
        if self.sequence is None:
            return 0.0
        first = self.sequence > 0
        if first.all() or not first.any():
            return 0.0
        # In sequence treated-control the difference holds +period, in the other
        # -period (Jones & Kenward, 2014, section 2.3).
        return (self.outcome[first].mean() - self.outcome[~first].mean()) / 2

    @property
    def value(self):
        """Outcome of each unit, free of the period effect of these units."""
        if self.sequence is None:
            return self.outcome
        return self.outcome - self.sequence * self.period_effect

    @property
    def score(self):
        """What objective and tests see: ``value`` without the prognosis."""
        return self.value if self.prognosis is None else self.value - self.prognosis

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
        return replace(self, strata=strata, randomised=False)

    def take(self, chosen):
        """Units of a boolean mask; a period effect is estimated anew in them."""
        arrays = {
            name: value[chosen]
            for name, value in vars(self).items()
            if isinstance(value, np.ndarray)
        }
        return replace(self, **arrays)
