"""Randomization test of a subgroup's effect in a crossover with a period effect."""

import math
from functools import lru_cache

import numpy as np

from sklearn_persona._data.checks import (
    as_codes,
    as_count,
    as_generator,
    as_values,
    rescale,
    unscale,
)
from sklearn_persona.inference._arrangements import MAX_EXACT
from sklearn_persona.inference._permutation import (
    PermutationResult,
    centered,
    tie_width,
)

__all__ = ["floor_from_sequences", "sequence_pvalue"]


def sequence_pvalue(
    difference,
    sequence,
    inside,
    *,
    strata=None,
    n_permutations=10_000,
    random_state=None,
):
    """Test the treatment effect among members of a subgroup of a crossover.

    Sequences were randomized, so the sequence labels of all pairs are exchanged.
    Unless treatment works, the difference between the first and the second period does
    not depend on the sequence, whatever the period effect. Only members enter the
    statistic, so an effect among the others does not bias it. The statistic is the
    difference between the members' means in the two sequences, divided by the square
    root of the sum of the inverse numbers of members, which vary among arrangements.
    With strata it is the sum over strata of the differences times ``a * b / (a + b)``,
    with a and b members of each sequence, over the square root of the sum of these
    weights: a period effect that differs between strata cancels.

    Parameters
    ----------
    difference : array-like of shape (n_pairs,)
        First minus second period.
    sequence : array-like of bool, shape (n_pairs,)
        Whether the treatment under test came first.
    inside : array-like of bool, shape (n_pairs,)
        Members.
    strata : array-like of shape (n_pairs,), default=None
        Sequences are compared and exchanged within strata only.
    n_permutations : int, default=10_000
        Random arrangements when there are more than 15 members.
    random_state : int, RandomState instance, Generator or None, default=None

    Returns
    -------
    result : PermutationResult
        Its `statistic` is the treatment effect: half the difference of the means, with
        the weights above over strata. p is 1.0, and the effect 0.0, when no stratum has
        members of both sequences.

    Raises
    ------
    ValueError
        If lengths differ, a value is not finite, or there are no members.

    Notes
    -----
    With up to 15 members, all patterns of their labels are enumerated, each weighted
    by its probability, a product of hypergeometric probabilities. Six members, three
    of each sequence, among 12 pairs reach p = .043; exchanging labels among the members
    alone could not go below .1. The usual analysis compares period differences between
    the sequences [1]_; this is its randomization test.

    References
    ----------
    .. [1] Hills, M., Armitage, P. (1979). The two-period cross-over clinical trial.
       British Journal of Clinical Pharmacology 8, 7-20.

    Examples
    --------
    >>> from sklearn_persona.inference import sequence_pvalue
    >>> difference = [5, 6, 4, -4, -5, -6, 1, 0, 2, 0, 1, -1]
    >>> first = [True] * 3 + [False] * 3 + [True] * 3 + [False] * 3
    >>> inside = [True] * 6 + [False] * 6
    >>> result = sequence_pvalue(difference, first, inside)
    >>> result.statistic, round(result.p_value, 3)
    (5.0, 0.043)
    """
    difference = as_values("difference", difference)
    sequence, inside = np.asarray(sequence, bool), np.asarray(inside, bool)
    n = len(difference)
    if not len(sequence) == len(inside) == n:
        raise ValueError(
            f"difference, sequence and inside must be equally long, got {n}, "
            f"{len(sequence)} and {len(inside)}."
        )
    if not inside.any():
        raise ValueError("inside has no members; there is nothing to test.")
    codes = _stratum_codes(strata, n)
    own_codes = np.unique(codes[inside], return_inverse=True)[1]
    values, exponent = rescale(difference[inside])
    values = centered(values, own_codes)
    observed = sequence[inside][None]
    sums, total = _sums(values, observed, own_codes)
    statistic = sums[0] / total[0] / 2 if total[0] else 0.0
    own = abs(_standardized(values, observed, own_codes)[0])
    m = len(values)
    exact = 2**m <= MAX_EXACT
    if exact:
        patterns = _patterns(m)
        weights = _weights(patterns, sequence, inside, codes)
        possible = weights > 0
        weights = weights[possible]
        others = np.abs(_standardized(values, patterns[possible], own_codes))
        tie = tie_width(others.max(), m)
        reached = others >= own - tie
        p = 1.0 if reached.all() else weights[reached].sum()
        floor = weights[others >= others.max() - tie].sum()
        visited = len(patterns)
    else:
        visited = as_count("n_permutations", n_permutations)
        rng = as_generator(random_state)
        labels = _exchanged(sequence, codes, visited, rng)[:, inside]
        others = np.abs(_standardized(values, labels, own_codes))
        tie = tie_width(max(own, others.max()), m)
        p = (np.count_nonzero(others >= own - tie) + 1) / (visited + 1)
        floor = floor_from_sequences(
            sequence, inside, strata=strata, n_permutations=visited
        )
    return PermutationResult(
        p_value=float(min(p, 1.0)),
        p_floor=float(min(floor, 1.0)),
        exact=exact,
        n_arrangements=visited,
        statistic=float(unscale(statistic, exponent)),
    )


def floor_from_sequences(sequence, inside, *, strata=None, n_permutations=None):
    """Smallest attainable p value of `sequence_pvalue`, from the labels alone.

    Parameters
    ----------
    sequence, inside : array-like of bool, shape (n_pairs,)
    strata : array-like of shape (n_pairs,), default=None
    n_permutations : int, default=None
        If given, also the limit of random arrangements where they are used.

    Returns
    -------
    floor : float
        Probability of the members' labels as observed or all reversed; 1.0 when all
        members have the same sequence.

    Examples
    --------
    >>> from sklearn_persona.inference import floor_from_sequences
    >>> first = [True] * 3 + [False] * 3 + [True] * 3 + [False] * 3
    >>> round(floor_from_sequences(first, [True] * 6 + [False] * 6), 3)
    0.043
    """
    sequence, inside = np.asarray(sequence, bool), np.asarray(inside, bool)
    codes = _stratum_codes(strata, len(sequence))
    own = sequence[inside]
    if not own.any() or own.all():
        return 1.0
    patterns = np.stack([own, ~own])
    floor = _weights(patterns, sequence, inside, codes).sum()
    if n_permutations is not None and 2 ** len(own) > MAX_EXACT:
        floor = max(floor, 1 / (as_count("n_permutations", n_permutations) + 1))
    return float(min(floor, 1.0))


def _stratum_codes(strata, n):
    return np.zeros(n, np.int64) if strata is None else as_codes("strata", strata, n)


@lru_cache(maxsize=16)
def _patterns(m):
    """All labelings of m members, bool of shape (2**m, m)."""
    patterns = (np.arange(2**m)[:, None] >> np.arange(m)) & 1 == 1
    patterns.flags.writeable = False
    return patterns


def _sums(values, labels, codes):
    """Weighted sum of the differences within strata, and the sum of the weights.

    The sum of the values with the first label is that weighted sum, as `values` are
    centered within strata.
    """
    weights = np.zeros(len(labels))
    for code in range(codes.max() + 1):
        here = codes == code
        m = np.count_nonzero(here)
        n_first = labels[:, here].sum(axis=1)
        weights += n_first * (m - n_first) / m
    return labels @ values, weights


def _standardized(values, labels, codes):
    """Difference of the means of the two labels, in units of its spread."""
    sums, weights = _sums(values, labels, codes)
    known = weights > 0
    return np.where(known, sums / np.sqrt(np.where(known, weights, 1.0)), 0.0)


def _weights(patterns, sequence, inside, codes):
    """Probability of each labeling of the members when labels are exchanged."""
    weights = np.ones(len(patterns))
    within = codes[inside]
    for stratum in np.unique(codes):
        here = codes == stratum
        total, first = int(here.sum()), int((here & sequence).sum())
        members = within == stratum
        m = int(members.sum())
        # math.comb is exact; it is called once for each distinct count.
        chance = np.array(
            [
                math.comb(total - m, first - k) / math.comb(total, first)
                if 0 <= first - k <= total - m
                else 0.0
                for k in range(m + 1)
            ]
        )
        weights *= chance[patterns[:, members].sum(axis=1)]
    return weights


def _exchanged(sequence, codes, size, rng):
    """Random exchanges of the labels within strata, bool of shape (size, n)."""
    out = np.empty((size, len(sequence)), bool)
    for stratum in np.unique(codes):
        here = np.flatnonzero(codes == stratum)
        out[:, here] = rng.permuted(np.tile(sequence[here], (size, 1)), axis=1)
    return out
