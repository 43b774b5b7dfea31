"""Labelings of the units that the null hypothesis makes as likely as the one seen."""

from dataclasses import replace

import numpy as np

__all__ = ["Permutations", "ResidualPermutations", "exchanged"]


class Permutations:
    """Random labelings under the null hypothesis of no effect in anyone.

    What was randomised is drawn again, within strata: the arms of two-sample units; the
    sequences of a crossover with known period, whose period effect is then estimated
    anew; the sign of a pair without period; the outcomes of a single arm.
    Predictions from baseline never saw the arm and stay as they are.

    Parameters
    ----------
    units : Units
    seed : int

    Notes
    -----
    Labeling ``b`` depends on `seed` and ``b`` alone, so that it does not matter who
    asks for which. Nothing is stored for each of them.
    """

    def __init__(self, units, seed):
        self.units, self.seed = units, seed
        self._score = units.score
        self._by_stratum = np.argsort(units.strata, kind="stable")

    def __getitem__(self, b):
        """Labeling `b` as ``(outcome, treated)``, like those of a label column."""
        rng = np.random.default_rng([self.seed, b])
        units = self.units
        if units.treated is not None:
            return self._score, units.treated[self._exchange(rng)]
        if not units.paired:
            return self._score[self._exchange(rng)], None
        if units.sequence is None:
            return self._score * rng.choice([-1.0, 1.0], size=len(units)), None
        # First minus second period does not depend on the sequence under the null.
        difference = units.sequence * units.outcome
        sequence = units.sequence[self._exchange(rng)]
        drawn = replace(units, outcome=sequence * difference, sequence=sequence)
        return drawn.score, None

    def _exchange(self, rng):
        """Positions of the units, exchanged at random within strata."""
        return exchanged(self.units.strata, rng, self._by_stratum)


class ResidualPermutations(Permutations):
    """Random labelings under the null hypothesis of the same effect in everyone.

    The effect is estimated as the difference of the arms and taken out; then the arms
    are drawn again within strata and what difference they have is taken out once more.
    Pairs and cases of a single arm exchange their outcomes within strata (pairs also
    within sequences), which under this hypothesis do not depend on baseline.

    Parameters
    ----------
    units : Units
    seed : int

    Notes
    -----
    For two arms this is asymptotic: the effect is estimated, and the residuals of the
    arms may be spread differently.
    """

    def __init__(self, units, seed):
        super().__init__(units, seed)
        self._score = residuals(units.score, units.treated)
        if units.sequence is not None:
            codes = 2 * units.strata + (units.sequence > 0)
            self.units = replace(units, strata=codes)
            self._by_stratum = np.argsort(codes, kind="stable")

    def __getitem__(self, b):
        rng = np.random.default_rng([self.seed, 1, b])
        if self.units.treated is None:
            return self._score[self._exchange(rng)], None
        treated = self.units.treated[self._exchange(rng)]
        return residuals(self._score, treated), treated


def exchanged(strata, rng, by_stratum=None):
    """Exchange positions at random within strata.

    Parameters
    ----------
    strata : ndarray of int, shape (n,)
    rng : Generator or RandomState
    by_stratum : ndarray of int, shape (n,), optional
        Stable argsort of `strata`, where it is known.

    Returns
    -------
    positions : ndarray of int, shape (n,)
        A permutation that maps every stratum to itself.
    """
    if by_stratum is None:
        by_stratum = np.argsort(strata, kind="stable")
    positions = np.empty(len(strata), np.intp)
    positions[by_stratum] = np.lexsort((rng.random(len(strata)), strata))
    return positions


def residuals(score, treated):
    """Scores without the means of the arms, or without their mean in one sample."""
    score = np.array(score, dtype=float)
    arms = [slice(None)] if treated is None else [treated, ~treated]
    for arm in arms:
        score[arm] -= score[arm].mean()
    return score
