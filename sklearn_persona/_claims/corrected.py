"""Effects of selected personas, freed of the luck that had them selected.

The effect in the data that chose a rule is too large. What the same selection shows
among participants it did not see is not: over five-fold refits, the members among those
left out are pooled. Where a holdout tested the persona, both are combined, and where
only a passed test makes it reported, its interval is conditional on that.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from sklearn_persona._designs.strata import stratum_weights
from sklearn_persona.inference import conditional_interval

__all__ = ["Correction", "Sums", "corrected_effects", "corrections"]

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
    """Number, mean and sum of squared deviations of outcomes, by stratum and sample.

    Attributes
    ----------
    n, mean, deviations : ndarray of float64, shape (n_strata, n_samples)
    """

    n: np.ndarray
    mean: np.ndarray
    deviations: np.ndarray

    @classmethod
    def of(cls, values, samples, strata):
        """Of the units in each sample, a list of masks."""
        if len(samples) == 1:
            # Compared with nothing, it stays whole: see `stratified`.
            strata = np.zeros_like(strata)
        n_strata = strata.max(initial=0) + 1
        n, mean, deviations = np.zeros((3, n_strata, len(samples)))
        for k, mask in enumerate(samples):
            own, codes = values[mask], strata[mask]
            n[:, k] = np.bincount(codes, minlength=n_strata)
            sums = np.bincount(codes, weights=own, minlength=n_strata)
            mean[:, k] = sums / np.maximum(n[:, k], 1)
            squares = (own - mean[codes, k]) ** 2
            deviations[:, k] = np.bincount(codes, weights=squares, minlength=n_strata)
        return cls(n, mean, deviations)

    @classmethod
    def inside(cls, units, inside, among=None):
        """Of the samples whose weighted means make the effect of a subgroup.

        Parameters
        ----------
        units : Units
        inside : ndarray of bool, shape (n_units,)
        among : ndarray of bool, shape (n_units,), optional
            Only these units count.
        """
        values = units.kind.unit_values(units.interval_values())
        masks = [mask for mask, _ in units.samples(inside)]
        if among is not None:
            masks = [mask & among for mask in masks]
        return cls.of(values, masks, units.strata)

    @property
    def freedom(self):
        """Degrees of freedom of the spread of each sample within strata."""
        return np.maximum(self.n - 1, 0).sum(axis=0)

    @property
    def variances(self):
        """Of the outcomes of each sample, within strata."""
        return self.deviations.sum(axis=0) / np.maximum(self.freedom, 1)

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
    variances : ndarray of float64, shape (n_samples,)
        Of the outcomes in each sample.
    freedom : ndarray of float64, shape (n_samples,)
        Degrees of freedom of each sample of the persona in training.
    factors : ndarray of float64, shape (n_samples,)
        The variance of the effect has so much of each variance.
    unknown : float
        Variance for what refits cannot tell of this very rule.
    """

    effect: float
    variances: np.ndarray
    freedom: np.ndarray
    factors: np.ndarray
    unknown: float

    @property
    def effect_size(self):
        """Effect over the standard deviation inside, in SD; 0.0 without spread."""
        total = self.freedom.sum()
        sd = math.sqrt(self.freedom @ self.variances / total) if total else 0.0
        # The mean of two sequences is a mean of the same differences.
        return self.effect / sd if sd > 0 else 0.0

    def part(self):
        """The estimate with its standard error; None without one."""
        return _part(
            self.effect, self.factors, self.variances, self.freedom, self.unknown
        )


def _weights(units, *sums):
    """Weights of the means of a subgroup, of the strata that all sums have.

    Returns
    -------
    weights : ndarray of float64, shape (n_strata, n_samples), or None
        None when no stratum has units in all samples.
    """
    signs = np.array([weight for _, weight in units.samples(units.everyone)])
    present = np.logical_and.reduce([each.n > 0 for each in sums])
    shares = stratum_weights(np.where(present, sums[0].n, 0), signs)
    return None if np.isnan(shares).any() else np.outer(shares, signs)


def _factors(weights, n):
    """Variance of the weighted means in units of the variance of each sample."""
    return (weights**2 / np.maximum(n, 1)).sum(axis=0)


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
        None where a sample has no spread within strata.
    """
    out = []
    for i, inside in enumerate(members):
        sums = [refit.matches[i].sums for refit in refits]
        sums = [s for s in sums if s is not None]
        own = Sums.inside(units, inside)
        total = sum(sums[1:], sums[0]) if sums else None
        if total is None or min(total.freedom.min(), own.freedom.min()) < 1:
            out.append(None)
            continue
        weights, shared = _weights(units, own), _weights(units, own, total)
        if shared is None:
            out.append(None)
            continue
        luck = (shared * (own.mean - total.mean)).sum()
        # Each stratum beyond the first costs a degree of freedom.
        sizes = total.n.sum(axis=0) - (total.n > 0).sum(axis=0) + 1
        out.append(
            Correction(
                effect=float((weights * own.mean).sum() - KEPT * luck),
                variances=total.deviations.sum(axis=0) / sizes,
                freedom=own.freedom,
                factors=_factors(weights, own.n),
                unknown=float((UNKNOWN * luck) ** 2),
            )
        )
    return out


@dataclass(frozen=True)
class _Part:
    """An estimate with its variance and degrees of freedom."""

    effect: float
    variance: float
    df: float

    def combine(self, other):
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


def _part(effect, factors, variances, freedom, unknown=0.0):
    terms = factors * variances
    within = float((terms**2 / freedom).sum())
    if not within > 0:
        return None
    total = float(terms.sum()) + unknown
    return _Part(float(effect), total, total**2 / within)


def _measured(units, inside):
    """Effect inside as it is; None where it has no standard error."""
    sums = Sums.inside(units, inside)
    weights = _weights(units, sums)
    if weights is None or sums.freedom.min() < 1:
        return None
    return _part(
        (weights * sums.mean).sum(),
        _factors(weights, sums.n),
        sums.variances,
        sums.freedom,
    )


def corrected_effects(rule, holdout, subgroups, verdicts, given):
    """Corrected effects and their intervals of validated personas.

    Parameters
    ----------
    rule : ClaimRule
    holdout : Units or None
    subgroups : list of Subgroup
    verdicts : list of Verdict
    given : list of Correction or None
        What participants say that did not choose the rules.

    Returns
    -------
    effects : list of tuple or None
        ``(effect, interval)`` of each; None where it has no standard error.
    """
    taken = [i for i, verdict in enumerate(verdicts) if verdict.holdout is not None]
    p_values = [rule.confirming(verdicts[i].holdout, subgroups[i].sign) for i in taken]
    levels = dict(zip(taken, levels_tested(p_values, rule.correction, rule.alpha)))
    out = []
    for i, (subgroup, verdict) in enumerate(zip(subgroups, verdicts)):
        correction, tested = given[i], None
        parts = [] if correction is None else [correction.part()]
        if holdout is not None:
            tested = _measured(holdout, subgroup.held_out)
        parts = [part for part in (*parts, tested) if part is not None]
        if not parts:
            out.append(None)
            continue
        joint = joint_of(parts, tested)
        threshold = None
        if verdict.confirmed and tested is not None:
            threshold = _threshold(rule, holdout, subgroup, verdict, tested, levels[i])
        elif _asked_for_size(rule, verdict) and correction.effect_size:
            # Without a holdout the claim asked for a corrected d.
            sd = abs(correction.effect / correction.effect_size)
            tested, threshold = joint, rule.claimed_size * sd
        effect, interval = joint.effect, joint.interval
        if threshold is not None:
            effect, interval = _given_claim(joint, tested, subgroup.sign, threshold)
        out.append((float(effect), tuple(map(float, interval))))
    return out


def joint_of(parts, tested):
    """Mean of one or two parts; the tested one alone where another adds nothing."""
    joint = parts[0] if len(parts) == 1 else parts[0].combine(parts[1])
    if tested is not None and joint.scale >= tested.scale:
        return tested
    return joint


def _asked_for_size(rule, verdict):
    """Whether a claim without a holdout rests on the size of the corrected effect."""
    return verdict.confirmed and verdict.holdout is None and rule.claimed_size > 0


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


def _threshold(rule, holdout, subgroup, verdict, tested, level):
    """What the oriented effect inside had to exceed for the claim, by t tests.

    None when nothing is known of it.
    """
    tail = 1 - level / 2
    values = []
    if not rule.needs_contrast or not holdout.has_arms:
        values.append(stats.t.ppf(tail, tested.df) * math.sqrt(tested.variance))
    record = verdict.holdout
    if rule.claimed_size and record.effect_size:
        sd = record.effect / record.effect_size
        values.append(rule.claimed_size * abs(sd))
    if rule.needs_contrast and holdout.has_arms:
        outside = _measured(holdout, ~subgroup.held_out)
        if outside is not None:
            # Given the effect outside, which is independent of the one inside.
            both = tested.variance + outside.variance
            df = both**2 / (
                tested.variance**2 / tested.df + outside.variance**2 / outside.df
            )
            values.append(
                subgroup.sign * outside.effect + stats.t.ppf(tail, df) * math.sqrt(both)
            )
    return max(values, default=None)


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
