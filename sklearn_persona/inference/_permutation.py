"""Permutation test of a difference in means, and its smallest attainable p value."""

import math
from dataclasses import dataclass

import numpy as np

from sklearn_persona._data.checks import (
    as_codes,
    as_count,
    as_generator,
    as_probability,
    as_values,
    rescale,
    unscale,
)
from sklearn_persona.inference._arrangements import (
    MAX_EXACT,
    all_sums,
    count_choices,
    log_comb,
    n_arrangements,
    random_sign_sums,
    random_sums,
    sign_sums,
)

# Statistics that differ by less than this share of the largest one count as equal.
_TIE = 1e-9


def tie_width(scale, n):
    """Return the largest difference at which sums of `n` values below 1 are tied.

    The second term allows for rounding, as in 0.1 + 0.2 against 0.3.
    """
    return max(_TIE * scale, n * np.finfo(float).eps)


@dataclass(frozen=True)
class PermutationResult:
    """Result of `permutation_pvalue`.

    Attributes
    ----------
    p_value : float
        Two-sided p value.
    p_floor : float
        Smallest p value over all arrangements of these observations; with random
        arrangements at least ``1 / (n_permutations + 1)``.
    exact : bool
        Whether every arrangement was visited.
    n_arrangements : int
        Arrangements visited: all of them if `exact`, else `n_permutations`.
    statistic : float
        Mean of treated minus mean of control, in the units of the data.

    Examples
    --------
    >>> from sklearn_persona.inference import permutation_pvalue
    >>> result = permutation_pvalue([5, 6, 7, 8], [1, 2, 3, 4])
    >>> result.statistic, result.exact, result.n_arrangements
    (4.0, True, 70)
    >>> result.p_value == result.p_floor == 2 / 70
    True
    """

    p_value: float
    p_floor: float
    exact: bool
    n_arrangements: int
    statistic: float


def permutation_pvalue(
    treated,
    control,
    *,
    paired=False,
    strata=None,
    n_permutations=10_000,
    random_state=None,
):
    """Two-sided permutation test of a difference in means.

    The p value is the share of arrangements whose absolute difference in means is
    at least the observed one. Differences that agree to 1e-9 of the largest
    attainable difference count as equal, so that rounding does not break ties.
    Up to 50,000 arrangements are all visited; otherwise `n_permutations` random ones
    are, with p value ``(b + 1) / (n_permutations + 1)``.

    Parameters
    ----------
    treated : array-like of shape (n_treated,)
        Outcomes under treatment.
    control : array-like of shape (n_control,)
        Outcomes under control; when `paired`, of the same participants in the same
        order.
    paired : bool, default=False
        If True, swap treatment and control within pairs (2**m sign flips of the
        differences) instead of permuting all cases (C(n, n_treated) splits).
    strata : array-like of shape (n_treated + n_control,), default=None
        Stratum of each case, treated first. Cases are compared and permuted within
        strata only. When `paired`, one label per pair, which is checked but has no
        effect because a flip stays within its pair.
    n_permutations : int, default=10_000
        Random arrangements when there are too many to visit them all.
    random_state : int, RandomState, Generator or None, default=None
        Source of the random arrangements; unused when the test is exact.

    Returns
    -------
    PermutationResult
        With `p_value`, `p_floor`, `exact`, `n_arrangements` and `statistic`.

    Raises
    ------
    ValueError
        If an arm is empty, not one-dimensional or not finite, the arms of a paired
        test differ in size, or strata are missing or have another length.

    Notes
    -----
    With strata the statistic is the mean of the differences within strata, with
    weights ``n_t * n_c / (n_t + n_c)`` (Mantel & Haenszel, 1959): those of least
    variance when all outcomes vary alike. A stratum with a single arm has weight 0, so
    that strata with other shares of treated and another prognosis bias nothing.

    `p_floor` is the share of arrangements with the largest attainable absolute
    difference, in which the treated have the k largest or the k smallest values,
    counted with ties, or all differences of pairs have one sign. It is exact even when
    `p_value` is estimated, which may then fall below it by chance.

    References
    ----------
    Fisher, R. A. (1935). The Design of Experiments.
    Mantel, N. & Haenszel, W. (1959). Statistical aspects of the analysis of data from
    retrospective studies of disease. Journal of the National Cancer Institute 22,
    719-748.
    Phipson, B. & Smyth, G. K. (2010). Permutation p-values should never be zero.
    Statistical Applications in Genetics and Molecular Biology 9, 39.
    Tarone, R. E. (1990). A modified Bonferroni method for discrete data.
    Biometrics 46, 515-522.

    Examples
    --------
    Change in a depression score after ketamine and after placebo:

    >>> from sklearn_persona.inference import permutation_pvalue
    >>> result = permutation_pvalue([-28, -17, -14, -11], [-9, -6, -2, 6])
    >>> round(result.p_value, 4), result.p_floor == 2 / 70, result.exact
    (0.0286, True, True)

    The same values as pairs cannot go below 2 / 2**4:

    >>> permutation_pvalue([-28, -17, -14, -11], [-9, -6, -2, 6], paired=True).p_value
    0.125
    """
    treated = as_values("treated", treated)
    control = as_values("control", control)
    n_permutations = as_count("n_permutations", n_permutations)
    if paired and len(treated) != len(control):
        raise ValueError(
            "paired=True needs one treated and one control value per pair, got "
            f"{len(treated)} treated and {len(control)} control values."
        )
    n_treated = len(treated)
    pool, exponent = rescale(np.concatenate([treated, control]))
    n_labels = n_treated if paired else len(pool)
    codes = np.zeros(n_labels, np.intp)
    if strata is not None:
        codes = as_codes("strata", strata, n_labels)

    if paired:
        statistic = pool[:n_treated].mean() - pool[n_treated:].mean()
        x = pool[:n_treated] - pool[n_treated:]
        observed = abs(x.sum())
        tie = tie_width(np.abs(x).sum(), len(x))
        total = 2 ** len(x)
        floor = min(1.0, 2.0 ** (1 + int((np.abs(x) <= tie).sum()) - len(x)))
    else:
        statistic = _stratified_difference(pool, n_treated, codes)
        # The weighted mean of the differences is the labeled sum of centered values
        # times a constant.
        x = centered(pool, codes)
        observed = abs(x[:n_treated].sum())
        blocks = _blocks(x, n_treated, codes)
        total = n_arrangements(blocks)
        tie, floor = _extreme(blocks)

    exact = total <= MAX_EXACT
    if not exact:
        rng = as_generator(random_state)
        if paired:
            sums = random_sign_sums(x, n_permutations, rng)
        else:
            sums = random_sums(blocks, n_permutations, rng)[0]
    elif paired:
        sums = sign_sums(x)
    else:
        sums = all_sums(_halve(blocks))

    count = int(np.count_nonzero(np.abs(sums) >= observed - tie))
    if exact:
        p_value = count / len(sums)
    else:
        p_value = (count + 1) / (n_permutations + 1)
        floor = max(floor, 1 / (n_permutations + 1))
    return PermutationResult(
        p_value=p_value,
        p_floor=floor,
        exact=exact,
        n_arrangements=total if exact else n_permutations,
        statistic=unscale(statistic, exponent),
    )


def centered(x, codes):
    """Return `x` less the mean of its stratum.

    Subtracting one value first avoids rounding under a large common offset.
    """
    x = x - x[0]
    counts = np.bincount(codes)
    return x - (np.bincount(codes, weights=x) / np.maximum(counts, 1))[codes]


def _stratified_difference(pool, n_treated, codes):
    """Return the weighted mean of the differences within strata; NaN without any."""
    labeled = np.arange(len(pool)) < n_treated
    differences, weights = [], []
    for code in range(codes.max() + 1):
        here = codes == code
        treated, control = pool[here & labeled], pool[here & ~labeled]
        if len(treated) and len(control):
            differences.append(treated.mean() - control.mean())
            weights.append(len(treated) * len(control) / np.count_nonzero(here))
    if not weights:
        return math.nan
    return float(np.dot(weights / np.sum(weights), differences))


def _blocks(x, n_treated, codes):
    """Return a block per stratum of `x`, whose first `n_treated` are labeled."""
    labeled = np.arange(len(x)) < n_treated
    return [
        (x[codes == code], int(labeled[codes == code].sum()))
        for code in range(codes.max() + 1)
    ]


def _halve(blocks):
    """Leave out mirror images when every arrangement has one.

    With values centered and all blocks split in equal halves, swapping the halves
    changes the sign of a sum, so one value can be held in its place.
    """
    if any(2 * k != len(x) for x, k in blocks):
        return blocks
    x, k = blocks[0]
    return [(x[:1], 1), (x[1:], k - 1), *blocks[1:]]


def _extreme(blocks):
    """Return the tie width and the share of arrangements with the largest sum."""
    blocks = [(np.sort(x), k) for x, k in blocks]
    high = sum(x[len(x) - k :].sum() for x, k in blocks)
    low = sum(x[:k].sum() for x, k in blocks)
    scale = max(abs(high), abs(low))
    tie = tie_width(scale, sum(len(x) for x, _ in blocks))
    reached = []
    if abs(high) >= scale - tie:
        reached.append([_ways(-x[::-1], k, tie) for x, k in blocks])
    if abs(low) >= scale - tie:
        reached.append([_ways(x, k, tie) for x, k in blocks])
    total = n_arrangements(blocks)
    if math.isfinite(total):
        return tie, min(1.0, sum(map(count_choices, reached)) / total)
    log_total = sum(log_comb(len(x), k) for x, k in blocks)
    logs = [sum(log_comb(*way) for way in ways) for ways in reached]
    return tie, min(1.0, sum(math.exp(log - log_total) for log in logs))


def _ways(x, k, tie):
    """Return (n, m): C(n, m) of the k-subsets of ascending `x` have the least sum."""
    if k == 0:
        return 0, 0
    below = int(np.searchsorted(x, x[k - 1] - tie, side="left"))
    upto = int(np.searchsorted(x, x[k - 1] + tie, side="right"))
    return upto - below, k - below


def floor_from_sizes(n_treated, n_control=None, *, n_permutations=None):
    """Smallest attainable two-sided p value, from the sizes alone.

    The smallest p value of :func:`permutation_pvalue` for values without ties; the
    `p_floor` of actual values is at least this large. It does not depend on outcomes,
    so a comparison that cannot reach alpha may be left out before testing and needs no
    correction for multiplicity (Tarone 1990).

    Parameters
    ----------
    n_treated : int
        Treated cases, or pairs of a one-sample test when `n_control` is None.
    n_control : int or None, default=None
        Control cases; None for a one-sample (sign-flip) test.
    n_permutations : int or None, default=None
        Random arrangements drawn if there are more than 50,000; they limit the p value
        to at least ``1 / (n_permutations + 1)``. None gives the floor of the exact
        test.

    Returns
    -------
    float
        ``2 / C(n, n_treated)`` for equal arms, ``1 / C(n, n_treated)`` for unequal
        ones, which have no mirrored arrangement, and ``2 / 2**n_treated`` for one
        sample.

    Raises
    ------
    ValueError
        If a size is not a positive integer.

    References
    ----------
    Tarone, R. E. (1990). A modified Bonferroni method for discrete data.
    Biometrics 46, 515-522.

    Examples
    --------
    >>> from sklearn_persona.inference import floor_from_sizes
    >>> round(floor_from_sizes(4, 4), 4), round(floor_from_sizes(4, 5), 4)
    (0.0286, 0.0079)
    >>> floor_from_sizes(4)
    0.125
    """
    n_treated = as_count("n_treated", n_treated)
    if n_control is None:
        reached, total = 2, 2**n_treated
    else:
        n_control = as_count("n_control", n_control)
        reached = 2 if n_treated == n_control else 1
        total = count_choices([(n_treated + n_control, n_treated)])
    floor = reached / total
    if n_permutations is not None and total > MAX_EXACT:
        floor = max(floor, 1 / (as_count("n_permutations", n_permutations) + 1))
    return floor


def floor_from_strata(sizes, *, n_permutations=None):
    """Smallest attainable two-sided p value when labels are permuted within strata.

    Parameters
    ----------
    sizes : sequence of (int, int)
        Treated and control cases of each stratum.
    n_permutations : int or None, default=None
        As in :func:`floor_from_sizes`.

    Returns
    -------
    float
        One arrangement, or two when every stratum is split in halves, divided by the
        product of the numbers of arrangements over the strata.

    Examples
    --------
    >>> from sklearn_persona.inference import floor_from_strata
    >>> floor_from_strata([(1, 1), (1, 1), (1, 1)])
    0.25
    """
    total = count_choices([(a + b, a) for a, b in sizes])
    floor = min(1.0, (2 if all(a == b for a, b in sizes) else 1) / total)
    if n_permutations is not None and total > MAX_EXACT:
        floor = max(floor, 1 / (as_count("n_permutations", n_permutations) + 1))
    return floor


def smallest_testable_size(alpha, *, one_sample=False):
    """Smallest group size at which an exact two-sided test can reach `alpha`.

    Parameters
    ----------
    alpha : float
        Level, strictly between 0 and 1.
    one_sample : bool, default=False
        If True, count pairs of a sign-flip test, otherwise cases per arm of a
        comparison of two equal arms.

    Returns
    -------
    int
        The smallest k with ``floor_from_sizes(k, k) <= alpha``, or
        ``floor_from_sizes(k) <= alpha`` for one sample.

    Raises
    ------
    ValueError
        If `alpha` is not strictly between 0 and 1.

    References
    ----------
    Tarone, R. E. (1990). A modified Bonferroni method for discrete data.
    Biometrics 46, 515-522.

    Examples
    --------
    >>> from sklearn_persona.inference import smallest_testable_size
    >>> smallest_testable_size(0.05), smallest_testable_size(0.05, one_sample=True)
    (4, 6)
    """
    alpha = as_probability("alpha", alpha)
    size = 1
    while floor_from_sizes(size, None if one_sample else size) > alpha:
        size += 1
    return size
