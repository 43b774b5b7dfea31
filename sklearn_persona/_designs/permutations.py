"""Permutations of the units that a null hypothesis makes as likely as the one seen."""

import numpy as np

__all__ = ["Permutations", "ResidualPermutations", "exchanged"]


class Permutations:
    """Random permutations under the null hypothesis of no effect in anyone.

    The design draws again what was randomised, within strata: arms, sequences, signs
    of pairs, or the outcomes of a single arm. Predictions from baseline never saw the
    arm and stay as they are.

    Parameters
    ----------
    units : Units
    seed : int

    Notes
    -----
    Permutation ``b`` depends on `seed` and ``b`` alone, so it does not matter who asks
    for which. Nothing is stored for each of them.
    """

    def __init__(self, units, seed):
        self.units, self.seed = units, seed
        self._score = units.score
        self._set_strata(units.strata)

    def _set_strata(self, strata):
        self._strata = strata
        self._by_stratum = np.argsort(strata, kind="stable")

    def _exchange(self, rng):
        """Positions of the units, exchanged at random within strata."""
        return exchanged(self._strata, rng, self._by_stratum)

    def __getitem__(self, b):
        """Permutation `b` as ``(outcome, treated)``, the fields of `Labels`."""
        rng = np.random.default_rng([self.seed, b])
        return self.units.permuted(rng, self._score, self._exchange)


class ResidualPermutations(Permutations):
    """Random permutations under the null hypothesis of the same effect in everyone.

    The effect is estimated and taken out; then labels are drawn again, and the effect
    that they show is taken out once more. Pairs and cases of a single arm exchange
    their outcomes within strata (pairs also within sequences), which under this
    hypothesis do not depend on baseline.

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
        self._score = units.residuals(units.score, units.treated)
        self._set_strata(units.contrast_strata)

    def __getitem__(self, b):
        rng = np.random.default_rng([self.seed, 1, b])
        return self.units.permuted_residuals(rng, self._score, self._exchange)


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
