"""Effects of selected personas, freed of the luck that had them selected.

The effect in the data that chose a rule is too large. What the same selection shows
among participants it did not see is not: over five-fold refits, the members among those
left out are pooled. Where a holdout tested the persona, both are combined, and where
only a passed test makes it reported, its interval is conditional on that.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from sklearn_persona.inference import conditional_interval

__all__ = ["Correction", "Sums", "cells_of", "correct_all", "corrections"]

NORMAL = float(stats.norm.ppf(0.975))
# Refits have four fifths of the participants. Luck of selection falls with the root of
# their number, so the distance from the naive effect is this share shorter for all.
KEPT = math.sqrt(0.8)
# Whether this very rule is better or worse than those that refits select is not known;
# a standard error of so much of that distance stands for it (by simulation, see
# docs/inference.md).
UNKNOWN = 0.4


@dataclass(frozen=True)
class Sums:
    """Number, mean and sum of squared deviations of the outcomes in each cell.

    Attributes
    ----------
    n, mean, deviations : ndarray of float64, shape (n_cells,)
    """

    n: np.ndarray
    mean: np.ndarray
    deviations: np.ndarray

    @classmethod
    def of(cls, values, cells):
        """Of the units in each cell, a list of masks."""
        parts = [values[cell] for cell in cells]
        mean = np.array([part.mean() if len(part) else 0.0 for part in parts])
        return cls(
            np.array([len(part) for part in parts], dtype=float),
            mean,
            np.array([((p - m) ** 2).sum() for p, m in zip(parts, mean)]),
        )

    def __add__(self, other):
        # Chan, Golub & LeVeque (1983): no cancellation whatever the offset.
        n = self.n + other.n
        share = other.n / np.maximum(n, 1)
        gap = other.mean - self.mean
        return Sums(
            n,
            self.mean + share * gap,
            self.deviations + other.deviations + gap**2 * self.n * share,
        )


@dataclass(frozen=True)
class Correction:
    """Effect of a persona from participants that did not choose it.

    Attributes
    ----------
    effect : float
    variances : ndarray of float64, shape (n_cells,)
        Of the outcomes in each cell.
    sizes : ndarray of float64, shape (n_cells,)
        Units of each cell that the persona has in training.
    weights : ndarray of float64, shape (n_cells,)
        The effect is so much of the mean of each.
    unknown : float
        Variance for what refits cannot tell of this very rule.
    """

    effect: float
    variances: np.ndarray
    sizes: np.ndarray
    weights: np.ndarray
    unknown: float

    @property
    def effect_size(self):
        """Effect over the standard deviation inside, in SD; 0.0 without spread."""
        dof = np.maximum(self.sizes - 1, 0)
        total = dof.sum()
        sd = math.sqrt(dof @ self.variances / total) if total else 0.0
        # The mean of two sequences is a mean of the same differences.
        return self.effect / sd if sd > 0 else 0.0


def cells_of(units, inside):
    """Samples whose weighted means make the effect of a subgroup.

    Parameters
    ----------
    units : Units
    inside : ndarray of bool, shape (n_units,)

    Returns
    -------
    values : ndarray of float64, shape (n_units,)
    cells : list of ndarray of bool
    weights : tuple of float
    """
    if units.treated is not None:
        arms = units.treated, ~units.treated
        return units.value, [inside & arm for arm in arms], (1.0, -1.0)
    if not units.paired:
        return units.value, [inside, ~inside], (1.0, -1.0)
    if units.sequence is None:
        return units.value, [inside], (1.0,)
    # Equal weights of the sequences cancel the period effect.
    sides = units.sequence > 0, units.sequence < 0
    return units.outcome, [inside & side for side in sides], (0.5, 0.5)


def corrections(units, members, refits):
    """Effects of reported rules among participants that did not choose them.

    Parameters
    ----------
    units : Units
        That chose the rules.
    members : list of ndarray of bool, shape (n_units,)
        Of each rule.
    refits : list of Refit
        Without one part of the participants each.

    Returns
    -------
    corrections : list of Correction or None
        None where a cell has fewer than two units.
    """
    out = []
    for i, inside in enumerate(members):
        sums = [refit.matches[i].sums for refit in refits]
        sums = [s for s in sums if s is not None]
        values, cells, weights = cells_of(units, inside)
        own = Sums.of(values, cells)
        total = sum(sums[1:], sums[0]) if sums else None
        if total is None or total.n.min() < 2 or own.n.min() < 2:
            out.append(None)
            continue
        weights = np.array(weights)
        naive, unseen = weights @ own.mean, weights @ total.mean
        out.append(
            Correction(
                effect=float(naive - KEPT * (naive - unseen)),
                variances=total.deviations / total.n,
                sizes=own.n,
                weights=weights,
                unknown=float((UNKNOWN * (naive - unseen)) ** 2),
            )
        )
    return out


@dataclass(frozen=True)
class _Part:
    """An estimate with its variance and degrees of freedom."""

    effect: float
    variance: float
    df: float

    def and_(self, other):
        """Inverse-variance weighted mean.

        Weights from estimated variances favor the part whose variance came out too
        small; the variance of the mean is corrected for that (Meier, 1953).
        """
        precision = 1 / np.array([self.variance, other.variance])
        share = precision / precision.sum()
        doubt = 1 / np.array([self.df, other.df])
        return _Part(
            float(share @ [self.effect, other.effect]),
            float((1 + 4 * (share * (1 - share)) @ doubt) / precision.sum()),
            1 / float(share**2 @ doubt),
        )

    @property
    def scale(self):
        """Standard error with which normal quantiles give the interval of t."""
        return math.sqrt(self.variance) * stats.t.ppf(0.975, self.df) / NORMAL

    @property
    def interval(self):
        half = NORMAL * self.scale
        return self.effect - half, self.effect + half


def _part(effect, weights, variances, sizes, unknown=0.0):
    terms = weights**2 * variances / sizes
    within = float((terms**2 / (sizes - 1)).sum())
    if not within > 0:
        return None
    total = float(terms.sum()) + unknown
    return _Part(float(effect), total, total**2 / within)


def _measured(units, inside):
    """Effect inside as it is; None where it has no standard error."""
    values, cells, weights = cells_of(units, inside)
    sums, weights = Sums.of(values, cells), np.array(weights)
    if sums.n.min() < 2:
        return None
    variances = sums.deviations / (sums.n - 1)
    return _part(weights @ sums.mean, weights, variances, sums.n)


def correct_all(
    personas, found, holdout, columns, *, alpha, criterion, min_effect_size, correction
):
    """Attach corrected effects and their intervals to validated personas.

    Parameters
    ----------
    personas : list of Persona
        With their claims, in any order.
    found : list of tuple of Persona and Correction or None
        Before validation.
    holdout : Units or None
    columns : list of TableColumn
    alpha, criterion, min_effect_size, correction
        As in the estimator.

    Returns
    -------
    personas : list of Persona
        Without the new values where an effect has no standard error.
    """
    known = {(p.conditions, p.direction): given for p, given in found}
    taken = [p for p in personas if p.holdout is not None]
    p_values = [_confirming(p.holdout, criterion) for p in taken]
    levels = dict(zip(map(id, taken), levels_tested(p_values, correction, alpha)))
    done = []
    for persona in personas:
        parts = []
        given = known[persona.conditions, persona.direction]
        if given is not None:
            parts.append(
                _part(
                    given.effect,
                    given.weights,
                    given.variances,
                    given.sizes,
                    given.unknown,
                )
            )
        tested, rule = None, None
        if holdout is not None:
            inside = persona.covers_columns(columns)[holdout.rows]
            tested = _measured(holdout, inside)
            if persona.confirmed:
                rule = _Rule(holdout, inside, levels[id(persona)], criterion)
        parts = [part for part in (*parts, tested) if part is not None]
        if parts:
            joint = joint_of(parts, tested)
            effect, interval = joint.effect, joint.interval
            sign = 1 if persona.direction == "favorable" else -1
            if rule is not None and tested is not None:
                threshold = rule.threshold(persona, tested, sign, min_effect_size)
                effect, interval = _given_claim(joint, tested, sign, threshold)
            elif holdout is None and persona.confirmed and given.effect_size:
                # Without a holdout the claim asked for a corrected d.
                threshold = min_effect_size * abs(given.effect / given.effect_size)
                effect, interval = _given_claim(joint, joint, sign, threshold)
            persona = replace(
                persona,
                effect_corrected=float(effect),
                ci_corrected=tuple(map(float, interval)),
            )
        done.append(persona)
    return done


def joint_of(parts, tested):
    """Mean of one or two parts; the tested one alone where another adds nothing."""
    joint = parts[0] if len(parts) == 1 else parts[0].and_(parts[1])
    if tested is not None and joint.scale >= tested.scale:
        return tested
    return joint


def _confirming(record, criterion):
    """The p value that decides; an untested contrast confirms nothing."""
    contrast = 0.0 if criterion == "effect" else record.p_interaction
    return max(record.p_value, 1.0 if math.isnan(contrast) else contrast)


def _given_claim(joint, tested, sign, threshold):
    """Effect and interval among the estimates whose test was passed."""
    center, low, high = conditional_interval(
        sign * joint.effect,
        joint.scale,
        # Permutation tests may pass a little below the threshold of the t test.
        threshold=min(threshold, sign * tested.effect),
        se_tested=tested.scale,
    )
    return sign * center, sorted((sign * low, sign * high))


@dataclass(frozen=True)
class _Rule:
    """What a confirmed persona had to pass in the holdout."""

    units: object
    inside: np.ndarray
    level: float
    criterion: str

    def threshold(self, persona, tested, sign, min_effect_size):
        """What the oriented effect inside had to exceed, by t tests."""
        tail = 1 - self.level / 2
        values = [stats.t.ppf(tail, tested.df) * math.sqrt(tested.variance)]
        if persona.holdout.effect_size:
            sd = persona.holdout.effect / persona.holdout.effect_size
            values.append(min_effect_size * abs(sd))
        single = self.units.treated is None and not self.units.paired
        if self.criterion == "heterogeneity" and not single:
            outside = _measured(self.units, ~self.inside)
            if outside is not None:
                # Given the effect outside, which is independent of the one inside.
                both = tested.variance + outside.variance
                df = both**2 / (
                    tested.variance**2 / tested.df + outside.variance**2 / outside.df
                )
                values.append(
                    sign * outside.effect + stats.t.ppf(tail, df) * math.sqrt(both)
                )
        return max(values)


def levels_tested(p_values, correction, alpha):
    """Level that each of the tests was held to.

    Parameters
    ----------
    p_values : array-like of shape (n_tests,)
    correction : str or None
    alpha : float

    Returns
    -------
    levels : ndarray of float64, shape (n_tests,)
    """
    p_values = np.asarray(p_values, dtype=float)
    m = len(p_values)
    if correction not in ("holm", "bh"):
        return np.full(m, alpha)
    rank = np.argsort(np.argsort(p_values, kind="stable"), kind="stable")
    return alpha / (m - rank) if correction == "holm" else alpha * (rank + 1) / m
