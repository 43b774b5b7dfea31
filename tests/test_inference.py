"""Statistics against brute force, other libraries and simulation."""

import itertools
import math
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special, stats

from sklearn_persona.inference import (
    adjust_pvalues,
    bootstrap_ci,
    detectable_effect,
    floor_from_sizes,
    interaction_test,
    max_statistic_pvalues,
    mean_interval,
    permutation_pvalue,
    smallest_testable_size,
    welch_interval,
)
from sklearn_persona.inference._arrangements import log_comb, random_sums

PLACEBO = [-9, -6, -2, 6]
KETAMINE = [-28, -17, -14, -11]

small = st.lists(st.integers(-5, 5), min_size=1, max_size=4)
decimal = st.lists(
    st.floats(-3, 3, allow_nan=False).map(lambda v: round(v, 1)),
    min_size=1,
    max_size=4,
)


# --- brute force -------------------------------------------------------------


def splits(strata, n_treated):
    """Yield every treated index set that keeps the treated count of each stratum."""
    strata = np.asarray(strata)
    wanted = np.bincount(strata[:n_treated], minlength=strata.max() + 1)
    per_stratum = [
        itertools.combinations(np.flatnonzero(strata == s), k)
        for s, k in enumerate(wanted)
    ]
    for parts in itertools.product(*per_stratum):
        yield list(itertools.chain.from_iterable(parts))


def all_differences(treated, control, strata=None):
    """Return |mean difference within strata| of every split, the observed one first."""
    pool = np.array([*treated, *control], dtype=float)
    strata = np.zeros(len(pool), int) if strata is None else np.asarray(strata)

    def difference(mask):
        parts = [
            (pool[mask & (strata == s)], pool[~mask & (strata == s)])
            for s in set(strata)
        ]
        parts = [(a, b) for a, b in parts if len(a) and len(b)]
        if not parts:
            return 0.0
        weights = [len(a) * len(b) / (len(a) + len(b)) for a, b in parts]
        return abs(np.average([a.mean() - b.mean() for a, b in parts], weights=weights))

    out = [difference(np.arange(len(pool)) < len(treated))]
    for chosen in splits(strata, len(treated)):
        mask = np.zeros(len(pool), bool)
        mask[chosen] = True
        out.append(difference(mask))
    return out[0], np.array(out[1:])


def all_flips(differences):
    signs = itertools.product([1, -1], repeat=len(differences))
    return np.array([abs(np.dot(s, differences)) / len(differences) for s in signs])


def share_at_least(values, threshold):
    return np.mean(values >= threshold - 1e-9 * max(values.max(), 1e-300))


# --- permutation_pvalue ------------------------------------------------------


def test_published_card():
    result = permutation_pvalue(KETAMINE, PLACEBO)
    assert result.p_value == result.p_floor == 2 / 70
    assert result.exact and result.n_arrangements == 70
    assert result.statistic == np.mean(KETAMINE) - np.mean(PLACEBO)
    assert permutation_pvalue(PLACEBO, KETAMINE).p_value == 2 / 70
    with pytest.raises(FrozenInstanceError):
        result.p_value = 0.0
    assert pickle.loads(pickle.dumps(result)) == result


@given(small, small)
def test_two_sample_against_enumeration(treated, control):
    observed, values = all_differences(treated, control)
    result = permutation_pvalue(treated, control)
    assert result.exact and result.n_arrangements == len(values)
    assert_allclose(result.p_value, share_at_least(values, observed))
    assert_allclose(result.p_floor, share_at_least(values, values.max()))
    assert result.p_floor <= result.p_value <= 1


@given(decimal, decimal)
def test_two_sample_ties_by_rounding(treated, control):
    exact = permutation_pvalue(
        np.rint(np.multiply(treated, 10)), np.rint(np.multiply(control, 10))
    )
    for shift in (0.0, 1e5):
        result = permutation_pvalue(np.add(treated, shift), np.add(control, shift))
        assert_allclose(result.p_value, exact.p_value)
        assert_allclose(result.p_floor, exact.p_floor)


@given(small, small, st.data())
def test_strata_against_enumeration(treated, control, data):
    n = len(treated) + len(control)
    labels = data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    codes = np.unique(labels, return_inverse=True)[1]
    observed, values = all_differences(treated, control, codes)
    names = np.array(["a", "b", "c"])[labels]
    result = permutation_pvalue(treated, control, strata=names)
    assert result.n_arrangements == len(values)
    assert_allclose(result.p_value, share_at_least(values, observed))
    assert_allclose(result.p_floor, share_at_least(values, values.max()))


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=8))
def test_paired_against_enumeration(differences):
    values = all_flips(differences)
    result = permutation_pvalue(differences, np.zeros(len(differences)), paired=True)
    assert result.exact and result.n_arrangements == len(values)
    assert_allclose(result.p_value, share_at_least(values, abs(np.mean(differences))))
    assert_allclose(result.p_floor, share_at_least(values, values.max()))
    zeros = differences.count(0)
    assert result.p_floor == min(1.0, 2 * 2**zeros / 2 ** len(differences))


@pytest.mark.parametrize("sizes", [(6, 6), (3, 9), (9, 3), (2, 12), (5, 7)])
def test_agrees_with_scipy(sizes):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=sizes[0]), rng.normal(size=sizes[1]) + 1

    def statistic(a, b, axis):
        return np.abs(a.mean(axis=axis) - b.mean(axis=axis))

    expected = stats.permutation_test(
        (x, y), statistic, n_resamples=np.inf, alternative="greater", vectorized=True
    )
    assert_allclose(permutation_pvalue(x, y).p_value, expected.pvalue)


def test_exact_limit():
    rng = np.random.default_rng(1)
    assert permutation_pvalue(rng.normal(size=9), rng.normal(size=9)).exact
    assert permutation_pvalue([0.5], rng.normal(size=4000)).exact
    assert not permutation_pvalue(rng.normal(size=9), rng.normal(size=10)).exact
    x = rng.normal(size=16)
    assert permutation_pvalue(x[:15], 0 * x[:15], paired=True).exact
    assert not permutation_pvalue(x, 0 * x, paired=True).exact
    # 2 x 9 v 9 is too many at once but not within strata of three
    strata = np.tile(np.repeat([0, 1, 2], 3), 2)
    assert permutation_pvalue(x[:9], x[7:16], strata=strata).n_arrangements == 20**3


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("n", [20, 21])
def test_monte_carlo(paired, n):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=20) + 0.5, rng.normal(size=20 if paired else n)
    first = permutation_pvalue(x, y, paired=paired, n_permutations=4000, random_state=5)
    again = permutation_pvalue(x, y, paired=paired, n_permutations=4000, random_state=5)
    assert first == again and not first.exact and first.n_arrangements == 4000
    assert round(first.p_value * 4001, 6).is_integer()
    t = stats.ttest_rel(x, y) if paired else stats.ttest_ind(x, y)
    assert abs(first.p_value - t.pvalue) < 0.03
    assert first.p_floor == 1 / 4001


@pytest.mark.parametrize("sizes", [(25, 5), (5, 25), (14, 14)])
def test_monte_carlo_is_uniform_over_arrangements(sizes):
    """The labeled sum of random arrangements has the exact mean and variance."""
    rng = np.random.default_rng(3)
    x = rng.exponential(size=sum(sizes))
    n, k = len(x), sizes[0]
    sums, squares = random_sums([(x, k)], 20_000, rng)
    sd = math.sqrt(k * (n - k) / n * x.var(ddof=1))
    assert abs(sums.mean() - k * x.mean()) < 4 * sd / math.sqrt(20_000)
    assert abs(sums.std() / sd - 1) < 0.03
    assert abs(squares.mean() / (k * np.mean(x**2)) - 1) < 0.02


@pytest.mark.parametrize(("n", "k"), [(1, 0), (7, 3), (40, 38), (900, 450)])
def test_logarithm_of_the_number_of_subsets(n, k):
    assert log_comb(n, k) == pytest.approx(math.log(math.comb(n, k)), abs=1e-10)


def test_monte_carlo_floor_counts_ties():
    treated, control = [1.0] * 3 + [0.0] * 17, [0.0] * 20
    result = permutation_pvalue(treated, control, n_permutations=2000, random_state=0)
    # all three ones in one arm: C(37, 17) of C(40, 20) splits, and the mirror image
    expected = 2 * math.comb(37, 17) / math.comb(40, 20)
    assert_allclose(result.p_floor, expected)
    assert abs(result.p_value - expected) < 0.03
    strata = np.tile(np.repeat([0, 1], 10), 2)
    result = permutation_pvalue(
        treated, control, strata=strata, n_permutations=2000, random_state=0
    )
    expected = 2 * math.comb(17, 7) / math.comb(20, 10)
    assert_allclose(result.p_floor, expected)
    assert abs(result.p_value - expected) < 0.03


def test_monte_carlo_large_groups():
    rng = np.random.default_rng(0)
    x = rng.normal(size=200_000)
    result = permutation_pvalue(x[:90_000], x[90_000:], n_permutations=9)
    assert result.p_value >= result.p_floor == 0.1
    assert "n_arrangements=9" in repr(result)


def test_constant_values():
    for size in (1, 4, 30):
        for paired in (False, True):
            result = permutation_pvalue([0.1] * size, [0.1] * size, paired=paired)
            assert result.p_value == result.p_floor == 1.0
    # constant within strata: no arrangement differs from the observed one
    result = permutation_pvalue([1, 2, 2], [1, 1, 2], strata=[0, 1, 1, 0, 0, 1])
    assert result.p_value == result.p_floor == 1.0
    # pairs with one and the same difference
    assert permutation_pvalue([1.1, 2.1], [0.1, 1.1], paired=True).p_value == 0.5


def test_rounding_alone_is_no_difference():
    x, y = [0.1 + 0.2] * 6, [0.3] * 6
    for paired in (False, True):
        result = permutation_pvalue(x, y, paired=paired)
        assert result.p_value == result.p_floor == 1.0
    # but a small difference far from zero is one
    x, y = np.add(1e12, KETAMINE), np.add(1e12, PLACEBO)
    assert permutation_pvalue(x, y).p_value == 2 / 70


@pytest.mark.parametrize("scale", [1e-320, 1e-200, 1e-3, 1e200, 2.0**1018])
def test_scale_does_not_matter(scale):
    result = permutation_pvalue(
        np.multiply(KETAMINE, scale), np.multiply(PLACEBO, scale)
    )
    assert result.p_value == 2 / 70 and result.statistic < 0


def test_random_state_kinds():
    x, y = np.arange(12.0), np.arange(12.0) + 2
    call = {"n_permutations": 50}
    for state in (3, np.random.RandomState(3), np.random.default_rng(3), None):
        assert not permutation_pvalue(x, y, random_state=state, **call).exact
    np.random.seed(4)  # noqa: NPY002
    first = permutation_pvalue(x, y, **call)
    np.random.seed(4)  # noqa: NPY002
    assert permutation_pvalue(x, y, **call) == first
    generator = np.random.default_rng(3)
    draws = {permutation_pvalue(x, y, random_state=generator, **call) for _ in "abcdef"}
    assert len(draws) > 1


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        (([], [1.0]), {}, "treated must hold at least 1"),
        (([1.0], []), {}, "control must hold at least 1"),
        (([1.0, np.nan], [1.0]), {}, "treated must be finite, got nan at position 1"),
        (([1.0], [np.inf]), {}, "control must be finite, got inf"),
        (([[1.0]], [1.0]), {}, "one-dimensional"),
        (([1.0, 2.0], [1.0]), {"paired": True}, "2 treated and 1 control"),
        (([1.0], [1.0]), {"strata": [0]}, r"strata must have shape \(2,\)"),
        (([1.0], [1.0]), {"strata": ["a", None]}, "strata must not be missing"),
        (([1.0], [1.0]), {"n_permutations": 0}, "n_permutations must be an integer"),
        (([1.0], [1.0]), {"n_permutations": 9.5}, "n_permutations must be an integer"),
    ],
)
def test_permutation_pvalue_errors(args, kwargs, message):
    with pytest.raises(ValueError, match=message):
        permutation_pvalue(*args, **kwargs)


def test_accepts_series_and_strata_of_pairs():
    x, y = pd.Series(KETAMINE, index=list("abcd")), pd.Series(PLACEBO)
    assert permutation_pvalue(x, y).p_value == 2 / 70
    result = permutation_pvalue(x, y, paired=True, strata=["DP", "PD", "DP", "PD"])
    assert result == permutation_pvalue(x, y, paired=True)


# --- floors ------------------------------------------------------------------


def test_floor_values():
    assert floor_from_sizes(4, 4) == 2 / 70
    assert floor_from_sizes(4, 5) == floor_from_sizes(5, 4) == 1 / 126
    assert floor_from_sizes(1, 1) == floor_from_sizes(1) == 1.0
    assert floor_from_sizes(6) == 2 / 64
    assert floor_from_sizes(10, 10) == 2 / math.comb(20, 10)
    assert floor_from_sizes(10, 10, n_permutations=1000) == 1 / 1001
    assert floor_from_sizes(9, 9, n_permutations=1000) == 2 / math.comb(18, 9)
    assert floor_from_sizes(16, n_permutations=99) == 0.01
    # more permutations than arrangements do not help
    assert floor_from_sizes(16, n_permutations=10**9) == 2 / 2**16
    assert floor_from_sizes(5000, 5000) == 0.0 == floor_from_sizes(5000)
    for bad in (0, -1, 2.5, True):
        with pytest.raises(ValueError, match="n_treated must be an integer"):
            floor_from_sizes(bad)
    with pytest.raises(ValueError, match="n_control must be an integer"):
        floor_from_sizes(1, 0)


@given(small, small, st.booleans())
def test_floor_is_a_lower_bound(treated, control, paired):
    if paired:
        size = min(len(treated), len(control))
        result = permutation_pvalue(treated[:size], control[:size], paired=True)
        assert floor_from_sizes(size) <= result.p_floor
    else:
        result = permutation_pvalue(treated, control)
        assert floor_from_sizes(len(treated), len(control)) <= result.p_floor


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 500), st.integers(0, 99))
def test_floor_is_reached_by_generic_values(n_treated, n_control, b, seed):
    x = np.random.default_rng(seed).normal(size=n_treated + n_control)
    call = {"n_permutations": b, "random_state": 0}
    result = permutation_pvalue(x[:n_treated], x[n_treated:], **call)
    assert result.p_floor == floor_from_sizes(n_treated, n_control, n_permutations=b)
    result = permutation_pvalue(x, 0 * x, paired=True, **call)
    assert result.p_floor == floor_from_sizes(len(x), n_permutations=b)


def test_smallest_testable_size():
    assert smallest_testable_size(0.05) == 4
    assert smallest_testable_size(0.05, one_sample=True) == 6
    for alpha in (0.9, 0.1, 2 / 70, 0.05 / 3, 1e-9, 1e-200):
        for one_sample in (False, True):
            k = smallest_testable_size(alpha, one_sample=one_sample)
            floor = [
                floor_from_sizes(size, None if one_sample else size)
                for size in (k, max(k - 1, 1))
            ]
            assert floor[0] <= alpha and (k == 1 or floor[1] > alpha)
    for bad in (0, 1, -0.1, np.nan, "0.05"):
        with pytest.raises(ValueError, match="alpha must lie strictly"):
            smallest_testable_size(bad)


# --- bootstrap_ci ------------------------------------------------------------


def test_bootstrap_published_card():
    assert bootstrap_ci(PLACEBO) == (-7.5, 3.0)
    assert bootstrap_ci(KETAMINE) == (-24.5, -12.5)


def range_of(sample):
    return sample.max() - sample.min()


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("statistic", [np.mean, np.median, range_of])
@pytest.mark.parametrize("level", [0.95, 0.8, 0.5])
def test_bootstrap_is_the_full_enumeration(n, statistic, level):
    x = np.round(np.random.default_rng(n).normal(size=n), 1)
    samples = x[np.array(list(itertools.product(range(n), repeat=n)))]
    values = (
        samples.max(axis=1) - samples.min(axis=1)
        if statistic is range_of
        else statistic(samples, axis=1)
    )
    expected = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    got = bootstrap_ci(x, statistic=statistic, level=level)
    assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


@given(st.lists(st.integers(-9, 9), min_size=2, max_size=5), st.floats(0.01, 0.99))
@settings(max_examples=50, deadline=None)
def test_bootstrap_enumeration_with_ties(x, level):
    n = len(x)
    values = np.array([np.mean(s) for s in itertools.product(x, repeat=n)])
    expected = np.quantile(values, [(1 - level) / 2, 1 - (1 - level) / 2])
    assert_allclose(bootstrap_ci(x, level=level), expected, atol=1e-9)


def test_bootstrap_random():
    x = np.random.default_rng(0).normal(size=50)
    low, high = bootstrap_ci(x, random_state=1)
    assert (low, high) == bootstrap_ci(x, random_state=1)
    assert (low, high) != bootstrap_ci(x, random_state=2)
    half = 1.96 * x.std() / math.sqrt(50)
    assert_allclose((low, high), (x.mean() - half, x.mean() + half), atol=0.02)
    a = bootstrap_ci(x, statistic=lambda s: s.mean(), n_bootstrap=500, random_state=1)
    b = bootstrap_ci(x, n_bootstrap=500, random_state=1)
    assert_allclose(a, b)
    # seven are enumerated, eight are not
    assert bootstrap_ci(x[:7], random_state=1) == bootstrap_ci(x[:7], random_state=2)
    assert bootstrap_ci(x[:8], random_state=1) != bootstrap_ci(x[:8], random_state=2)


def test_bootstrap_edge_cases():
    assert bootstrap_ci([3.5]) == (3.5, 3.5)
    assert_allclose(bootstrap_ci([0.1] * 6), (0.1, 0.1))
    assert bootstrap_ci([1, 2, 3], statistic=sum) == bootstrap_ci(
        [1, 2, 3], statistic=np.sum
    )
    # A builtin without a signature, and many observations without spread.
    assert bootstrap_ci([1, 2, 3], statistic=max) == bootstrap_ci(
        [1, 2, 3], statistic=np.max
    )
    assert bootstrap_ci(np.full(10_001, 0.5)) == (0.5, 0.5)
    low, high = bootstrap_ci([1.0, 2.0], statistic=lambda s: np.nan)
    assert math.isnan(low) and math.isnan(high)
    assert all(type(v) is float for v in bootstrap_ci(PLACEBO))
    for kwargs, message in [
        ({"x": []}, "at least 1"),
        ({"x": [1, np.nan]}, "finite"),
        ({"x": [1, 2], "level": 95}, "level must lie"),
        ({"x": [1, 2], "n_bootstrap": 0}, "n_bootstrap must be"),
    ]:
        with pytest.raises(ValueError, match=message):
            bootstrap_ci(**kwargs)


# --- interaction_test --------------------------------------------------------


def cell_statistic(y, label, inside, arms=True):
    """Return the studentized statistic, plainly; None where a cell has no spread."""
    total, error = 0.0, 0.0
    for member in (True, False):
        for side in (True, False) if arms else (member,):
            cell = y[(inside == member) & (label == side)]
            if len(cell) < 2 or cell.var() < 1e-12:
                return None
            sign = (1 if member else -1) * (1 if side or not arms else -1)
            total += sign * cell.mean()
            error += cell.var(ddof=1) / len(cell)
    return total / math.sqrt(error)


@pytest.mark.parametrize("cells", [(3, 3, 4, 4), (2, 4, 3, 5), (4, 2, 2, 5)])
def test_two_sample_interaction_against_enumeration(cells):
    rng = np.random.default_rng(sum(cells))
    t = np.repeat([True, False, True, False], cells)
    m = np.repeat([True, True, False, False], cells)
    y = rng.normal(size=len(t)) + 2 * t + m + t * m
    result = interaction_test(y, t, m)
    effects = [y[m & t].mean() - y[m & ~t].mean(), y[~m & t].mean() - y[~m & ~t].mean()]
    assert_allclose([result.effect_inside, result.effect_outside], effects)
    w = [cells[0] * cells[1] / sum(cells[:2]), cells[2] * cells[3] / sum(cells[2:])]
    adjusted = y - np.average(effects, weights=w) * t
    observed = cell_statistic(y, t, m)
    null = []
    for chosen_in in itertools.combinations(np.flatnonzero(m), cells[0]):
        for chosen_out in itertools.combinations(np.flatnonzero(~m), cells[2]):
            label = np.zeros(len(t), bool)
            label[[*chosen_in, *chosen_out]] = True
            null.append(abs(cell_statistic(adjusted, label, m)))
    assert result.exact and result.n_arrangements == len(null)
    assert_allclose(result.statistic, observed)
    assert_allclose(
        result.p_value, np.mean(np.array(null) >= abs(observed) * (1 - 1e-9))
    )


def within(y, label, codes):
    """Mean difference within strata, with spreads pooled over them, by plain loops."""
    n_arms = [[], []]
    weights, differences, squares, freedom = [], [], [0.0, 0.0], [0, 0]
    for code in sorted(set(codes)):
        samples = [y[(codes == code) & side] for side in (label, ~label)]
        for k, sample in enumerate(samples):
            if len(sample):
                squares[k] += ((sample - sample.mean()) ** 2).sum()
                freedom[k] += len(sample) - 1
        if all(map(len, samples)):
            a, b = map(len, samples)
            weights.append(a * b / (a + b))
            differences.append(samples[0].mean() - samples[1].mean())
            n_arms[0].append(a)
            n_arms[1].append(b)
    share = np.array(weights) / sum(weights)
    effect = float(share @ differences)
    terms = [
        squares[k] / freedom[k] * (share**2 / np.array(n_arms[k])).sum()
        for k in range(2)
    ]
    error = np.sqrt(sum(terms))
    df = sum(terms) ** 2 / sum(t**2 / f for t, f in zip(terms, freedom, strict=True))
    half = stats.t.ppf(0.975, df) * error
    return {
        "effect": effect,
        "statistic": effect / error,
        "ci": (effect - half, effect + half),
        "error": error,
    }


@pytest.mark.parametrize("strata", [None, [0, 0, 0, 0, 1, 1, 1, 1, 1]])
def test_one_sample_interaction_against_enumeration(strata):
    rng = np.random.default_rng(8)
    y = rng.normal(size=9)
    m = np.array([1, 1, 0, 0, 1, 1, 0, 0, 0], bool)
    result = interaction_test(y, None, m, strata=strata)
    codes = np.zeros(9, int) if strata is None else np.array(strata)
    observed = within(y, m, codes)
    null = []
    for chosen in itertools.combinations(range(9), 4):
        label = np.zeros(9, bool)
        label[list(chosen)] = True
        if all(label[codes == c].sum() == m[codes == c].sum() for c in set(codes)):
            null.append(within(y, label, codes)["statistic"])
    assert result.exact and result.n_arrangements == len(null)
    assert_allclose(result.statistic, observed["statistic"])
    reached = np.abs(null) >= abs(observed["statistic"]) * (1 - 1e-9)
    assert_allclose(result.p_value, reached.mean())
    assert_allclose(result.ci, observed["ci"])
    assert_allclose(result.effect_inside - result.effect_outside, observed["effect"])
    if strata is None:
        welch = stats.ttest_ind(y[m], y[~m], equal_var=False)
        assert_allclose(result.statistic, welch.statistic)
        assert_allclose(result.ci, welch.confidence_interval(0.95))
        assert_allclose(result.effect_inside, y[m].mean())


def stratified_statistic(y, label, inside, codes):
    parts = [within(y[side], label[side], codes[side]) for side in (inside, ~inside)]
    error = np.hypot(parts[0]["error"], parts[1]["error"])
    return (parts[0]["effect"] - parts[1]["effect"]) / error


def test_stratified_two_sample_interaction_against_enumeration():
    """Arms confounded with a strong stratum effect: labels move within strata."""
    rng = np.random.default_rng(4)
    m = np.array([1] * 6 + [0] * 7, bool)
    s = np.array([0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1])
    t = np.array([1, 1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0], bool)
    y = rng.normal(size=13) + 10 * s + 3 * t
    result = interaction_test(y, t, m, strata=np.array(["x", "y"])[s])
    blocks = [(m == a) & (s == b) for a in (True, False) for b in (0, 1)]
    sizes = [((b & t).sum(), (b & ~t).sum()) for b in blocks]
    effect = np.average(
        [y[b & t].mean() - y[b & ~t].mean() for b in blocks],
        weights=[i * j / (i + j) for i, j in sizes],
    )
    choices = [
        itertools.combinations(np.flatnonzero(b), i)
        for b, (i, _) in zip(blocks, sizes, strict=True)
    ]
    null = []
    for chosen in itertools.product(*choices):
        label = np.zeros(13, bool)
        label[list(itertools.chain(*chosen))] = True
        null.append(abs(stratified_statistic(y - effect * t, label, m, s)))
    assert result.exact and result.n_arrangements == len(null) == 3 * 3 * 6 * 3
    observed = stratified_statistic(y, t, m, s)
    assert_allclose(result.statistic, observed)
    reached = np.array(null) >= abs(observed) * (1 - 1e-9)
    assert_allclose(result.p_value, reached.mean())
    assert abs(result.effect_inside - 3) < 3  # not confounded by the strata
    # Arm fixed by stratum: nothing to compare.
    with pytest.raises(ValueError, match="none holds both arms to be compared"):
        interaction_test(y, t, m, strata=t)


def test_exact_and_monte_carlo_agree(monkeypatch):
    from sklearn_persona.inference import _interaction

    rng = np.random.default_rng(5)
    t = np.repeat([True, False, True, False], (4, 3, 4, 5))
    m = np.repeat([True, True, False, False], (4, 3, 4, 5))
    y = rng.integers(0, 3, size=len(t)).astype(float)
    y[m & t] += 2
    strata = np.arange(len(t)) % 2
    for kwargs in ({}, {"strata": strata}):
        for arm in (t, None):
            exact = interaction_test(y, arm, m, **kwargs)
            with monkeypatch.context() as patch:
                patch.setattr(_interaction, "MAX_EXACT", 0)
                sampled = interaction_test(
                    y, arm, m, n_permutations=20_000, random_state=1, **kwargs
                )
            assert exact.exact and not sampled.exact
            assert abs(exact.p_value - sampled.p_value) < 0.015
            assert sampled.statistic == exact.statistic
            assert sampled.ci == exact.ci


def test_interaction_is_invariant():
    rng = np.random.default_rng(6)
    t = rng.random(40) < 0.5
    m = rng.random(40) < 0.4
    y = rng.normal(size=40)
    base = interaction_test(y, t, m, n_permutations=300, random_state=0)
    for other in (y * 1e200, y * 1e-200, y + 1e6, y + 7 * t, y + 7 * m):
        result = interaction_test(other, t, m, n_permutations=300, random_state=0)
        assert_allclose(result.statistic, base.statistic, rtol=1e-6)
        assert abs(result.p_value - base.p_value) < 0.01
    named = np.where(t, "ketamine", "a saline")
    assert base == interaction_test(
        pd.Series(y),
        pd.Series(named),
        m.astype(float),
        n_permutations=300,
        random_state=0,
    )
    swapped = interaction_test(y, t, ~m, n_permutations=300, random_state=0)
    assert_allclose(swapped.statistic, -base.statistic)
    assert_allclose(swapped.ci, [-base.ci[1], -base.ci[0]])


def test_interaction_interval():
    rng = np.random.default_rng(9)
    cells = (5, 7, 12, 9)
    t = np.repeat([True, False, True, False], cells)
    m = np.repeat([True, True, False, False], cells)
    y = rng.normal(size=len(t)) * (1 + t)
    result = interaction_test(y, t, m, n_permutations=10, level=0.9)
    parts = [y[a & b] for a in (m, ~m) for b in (t, ~t)]
    v = np.array([p.var(ddof=1) / len(p) for p in parts])
    df = v.sum() ** 2 / (v**2 / (np.array(cells) - 1)).sum()
    half = stats.t.ppf(0.95, df) * math.sqrt(v.sum())
    d = result.effect_inside - result.effect_outside
    assert_allclose(result.ci, (d - half, d + half))


def test_interaction_pairs_from_groups():
    rng = np.random.default_rng(10)
    groups = np.array([f"p{i // 2}" for i in range(24)])
    t = np.tile([0, 1], 12)
    y = rng.normal(size=24)
    m = np.repeat(np.arange(12) < 5, 2)
    order = rng.permutation(24)
    pairs = interaction_test(y[1::2] - y[::2], None, m[::2])
    result = interaction_test(y[order], t[order], m[order], groups=groups[order])
    assert pairs.exact and result.n_arrangements == math.comb(12, 5)
    assert_allclose(result.p_value, pairs.p_value)
    assert_allclose(result.ci, pairs.ci)
    # an incomplete participant changes nothing
    more = interaction_test([*y, 99.0], [*t, 1], [*m, True], groups=[*groups, "p99"])
    assert_allclose(more.p_value, pairs.p_value)
    # strata are taken per participant
    strata = np.arange(12) % 2
    assert_allclose(
        interaction_test(y, t, m, groups=groups, strata=np.repeat(strata, 2)).p_value,
        interaction_test(y[1::2] - y[::2], None, m[::2], strata=strata).p_value,
    )


def test_interaction_averages_rows_of_a_participant():
    rng = np.random.default_rng(11)
    t, m = np.arange(12) % 2, np.arange(12) < 6
    y = rng.normal(size=(12, 3))
    result = interaction_test(
        y.ravel(), np.repeat(t, 3), np.repeat(m, 3), groups=np.repeat(np.arange(12), 3)
    )
    expected = interaction_test(y.mean(axis=1), t, m)
    assert_allclose(result.p_value, expected.p_value)
    assert_allclose(result.ci, expected.ci)
    single = interaction_test(
        y.ravel(), None, np.repeat(m, 3), groups=np.repeat(np.arange(12), 3)
    )
    assert_allclose(
        single.statistic, interaction_test(y.mean(axis=1), None, m).statistic
    )


def test_interaction_without_spread():
    t = np.repeat([1, 0, 1, 0], 3)
    m = np.repeat([1, 1, 0, 0], 3)
    constant = interaction_test(np.full(12, 0.1), t, m)
    assert constant.statistic == 0 and constant.p_value == 1.0
    assert all(math.isnan(v) for v in constant.ci)
    additive = interaction_test(0.1 + 0.7 * t + 0.3 * m, t, m)
    assert additive.statistic == 0 and additive.p_value == 1.0
    certain = interaction_test(0.1 + 0.7 * t * m, t, m)
    assert certain.statistic == math.inf
    # reached by the observed labels and their mirror image inside both sides
    assert certain.p_value <= 4 / 400
    one = interaction_test(np.repeat([1.0, 2.0], [3, 5]), None, [1] * 3 + [0] * 5)
    assert one.statistic == -math.inf and one.p_value == 1 / math.comb(8, 3)
    # a cell without spread, a cell of one: the variance of the arm is borrowed
    y = np.array([5.0, 5, 5, 1, 2, 3, 1, 2, 4, 0, 1, 5])
    flat = interaction_test(y, t, m)
    arm = y[6:9].var() * 3 / 4
    rest = [y[c : c + 3].var(ddof=1) for c in (3, 6, 9)]
    expected = (5 - 2 - 7 / 3 + 2) / math.sqrt((arm + sum(rest)) / 3)
    assert_allclose(flat.statistic, expected)
    assert np.isfinite(flat.ci).all()
    single = interaction_test(y[2:], t[2:], m[2:])
    expected = (5 - 2 - 7 / 3 + 2) / math.sqrt(rest[1] + sum(rest) / 3)
    assert_allclose(single.statistic, expected)
    nothing = interaction_test([1.0, 2.0, 3.0, 5.0], [1, 0, 1, 0], [1, 1, 0, 0])
    assert nothing.p_value == 0.5 and math.isnan(nothing.ci[0])


def test_interaction_finds_a_real_one():
    rng = np.random.default_rng(12)
    t, m = rng.random(80) < 0.5, rng.random(80) < 0.5
    y = rng.normal(size=80) + 2 * t * m
    result = interaction_test(y, t, m, n_permutations=999, random_state=0)
    assert result.p_value == 0.001 and result.ci[0] > 0
    assert pickle.loads(pickle.dumps(result)) == result


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"membership": [1, 1, 1, 1]}, "0 treated non-members, 0 control non-members"),
        ({"membership": [1, 0, 1, 0]}, "0 control members"),
        ({"membership": [1, 2, 0, 0]}, "membership must hold True and False"),
        ({"membership": [1, 0]}, r"membership must have shape \(4,\)"),
        ({"treatment": [1, 1, 1, 1]}, "exactly two labels"),
        ({"treatment": [0, 1, 2, 1]}, "exactly two labels"),
        ({"treatment": [0, 1, np.nan, 1]}, "treatment must not be missing"),
        ({"treatment": ["a", "b", None, "a"]}, "treatment must not be missing"),
        ({"y": [1, 2, np.nan, 3]}, "y must be finite"),
        ({"y": [1, 2]}, "membership must have shape"),
        ({"strata": [1, 2]}, "strata must have shape"),
        ({"groups": [1, 2]}, "groups must have shape"),
        ({"groups": [1, 1, 2, None]}, "groups must not be missing"),
        ({"n_permutations": -1}, "n_permutations"),
        ({"level": 2}, "level"),
        ({"treatment": None, "membership": [1, 1, 1, 1]}, "4 members, 0 non-members"),
        ({"groups": [1, 1, 2, 3]}, "1 members, 0 non-members"),
    ],
)
def test_interaction_errors(change, message):
    call = {
        "y": [1.0, 2.0, 3.0, 4.0],
        "treatment": [1, 0, 1, 0],
        "membership": [1, 1, 0, 0],
    }
    with pytest.raises(ValueError, match=message):
        interaction_test(**(call | change))


OUTCOMES = {
    "normal": lambda rng, t, m: rng.normal(size=len(t)),
    "main effects": lambda rng, t, m: rng.normal(size=len(t)) + 3 * t + 2 * m,
    "skewed": lambda rng, t, m: rng.exponential(size=len(t)) + 2 * t,
    "tied": lambda rng, t, m: rng.integers(0, 4, size=len(t)) + 2.0 * t,
    "binary": lambda rng, t, m: 1.0 * (rng.random(len(t)) < 0.4),
    "binary response": lambda rng, t, m: 1.0 * (rng.random(len(t)) < 0.1 + 0.4 * t),
    "spread by side": lambda rng, t, m: rng.normal(size=len(t)) * (1 + m),
}


def interaction_size(cells, outcome, n_trials, *, pairs=False):
    """Return the share of null trials with p <= .05."""
    rng = np.random.default_rng(20)
    if pairs:
        m, t = np.repeat([True, False], cells), np.zeros(sum(cells), bool)
    else:
        t = np.repeat([True, False, True, False], cells)
        m = np.repeat([True, True, False, False], cells)
    rejected = [
        interaction_test(
            OUTCOMES[outcome](rng, t, m),
            None if pairs else t,
            m,
            n_permutations=199,
            random_state=rng,
        ).p_value
        <= 0.05
        for _ in range(n_trials)
    ]
    return np.mean(rejected)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_interaction_size_small(outcome):
    # 400 trials: a true .05 stays below .09 with probability .9997
    assert interaction_size((4, 4, 11, 11), outcome, 400) < 0.09


@pytest.mark.parametrize("outcome", ["normal", "skewed", "tied", "binary"])
def test_one_sample_interaction_size_small(outcome):
    assert interaction_size((5, 11), outcome, 300, pairs=True) < 0.09


@pytest.mark.slow
@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize(
    "cells", [(4, 4, 11, 11), (6, 6, 10, 10), (4, 8, 12, 24), (15, 15, 40, 40)]
)
def test_interaction_size(cells, outcome):
    assert interaction_size(cells, outcome, 3000) < 0.075


@pytest.mark.slow
@pytest.mark.parametrize("outcome", ["normal", "skewed", "tied", "binary"])
@pytest.mark.parametrize("cells", [(4, 11), (8, 24), (15, 40)])
def test_one_sample_interaction_size(cells, outcome):
    assert interaction_size(cells, outcome, 3000, pairs=True) < 0.065


# --- max_statistic_pvalues, adjust_pvalues -----------------------------------


@given(
    st.lists(st.integers(-3, 3), max_size=6), st.lists(st.integers(-3, 3), max_size=9)
)
def test_max_statistic_pvalues(observed, null):
    expected = [(1 + sum(v >= o for v in null)) / (len(null) + 1) for o in observed]
    assert_array_equal(max_statistic_pvalues(observed, null), expected)


def test_max_statistic_pvalues_details():
    assert max_statistic_pvalues(0.1 + 0.2, [0.3]) == 1.0
    assert max_statistic_pvalues(-0.1 - 0.2, [-0.3]) == 1.0
    assert max_statistic_pvalues(-0.3, [-0.1 - 0.2]) == 1.0
    assert max_statistic_pvalues(0.3001, [0.3]) == 0.5
    assert_array_equal(
        max_statistic_pvalues([np.inf, 1, -np.inf], [-np.inf, 2.0, np.inf]),
        [0.5, 0.75, 1.0],
    )
    assert max_statistic_pvalues(np.ones((2, 3)), np.zeros(9)).shape == (2, 3)
    assert_array_equal(max_statistic_pvalues(np.ones((2, 3)), np.zeros(9)), 0.1)
    with pytest.raises(ValueError, match="observed must not hold NaN"):
        max_statistic_pvalues([np.nan], [1.0])
    with pytest.raises(ValueError, match="null must not hold NaN"):
        max_statistic_pvalues([1.0], [np.nan, 1.0])
    with pytest.raises(ValueError, match="null must be one-dimensional"):
        max_statistic_pvalues([1.0], [[1.0]])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_adjust_pvalues(p):
    m = len(p)
    holm = adjust_pvalues(p, "holm")
    for value, got in zip(p, holm, strict=True):
        steps = [(m - sum(r < q for r in p)) * q for q in p if q <= value]
        assert math.isclose(got, min(1.0, max(steps)))
    assert (holm >= p).all() and (holm <= np.minimum(1, np.multiply(m, p))).all()
    assert adjust_pvalues(p, "fixed-sequence").tolist() == list(
        itertools.accumulate(p, max)
    )
    assert_array_equal(adjust_pvalues(p, "bh"), stats.false_discovery_control(p))
    assert_array_equal(adjust_pvalues(p, None), p)


def test_adjust_pvalues_details():
    assert_allclose(
        adjust_pvalues([0.01, 0.04, 0.03, 0.005], "holm"), [0.03, 0.06, 0.06, 0.02]
    )
    assert_allclose(adjust_pvalues([0.03, 0.03], "holm"), [0.06, 0.06])
    for method in ("holm", "fixed-sequence", "bh", None):
        assert adjust_pvalues([], method).shape == (0,)
        with pytest.raises(ValueError, match="p must be finite"):
            adjust_pvalues([0.1, np.nan], method)
        with pytest.raises(ValueError, match=r"p must lie in \[0, 1\], got 1.5"):
            adjust_pvalues([0.1, 1.5], method)
    p = np.array([0.2, 0.1])
    adjust_pvalues(p, None)[0] = 9
    assert p[0] == 0.2
    with pytest.raises(ValueError, match="got 'sidak'"):
        adjust_pvalues([0.1], "sidak")
    with pytest.raises(ValueError, match="got 'sidak'"):
        adjust_pvalues([], "sidak")


# --- detectable_effect -------------------------------------------------------


def power_by_quadrature(effect, df, root, alpha):
    s = np.sqrt(stats.chi2.ppf((np.arange(100_000) + 0.5) / 100_000, df) / df)
    c = stats.t.isf(alpha / 2, df)
    delta = effect * root
    return (special.ndtr(delta - c * s) + special.ndtr(-delta - c * s)).mean()


@pytest.mark.parametrize(
    "sizes", [(2, 1), (2, 2), (3, 5), (4, 4), (12, 30), (500, 900)]
)
@pytest.mark.parametrize("n_candidates", [1, 3, 10**6, 16 * 10**9])
@pytest.mark.parametrize("power", [0.1, 0.8, 0.99])
def test_detectable_effect_has_the_power(sizes, n_candidates, power):
    effect = detectable_effect(*sizes, n_candidates=n_candidates, power=power)
    n, m = sizes
    root = math.sqrt(n * m / (n + m))
    got = power_by_quadrature(effect, n + m - 2, root, 0.05 / n_candidates)
    assert abs(got - power) < 1e-3
    paired = detectable_effect(
        n, n, n_candidates=n_candidates, power=power, paired=True
    )
    got = power_by_quadrature(paired, n - 1, math.sqrt(n), 0.05 / n_candidates)
    assert abs(got - power) < 1e-3


def test_detectable_effect_known_values():
    # the textbook examples: 64 per arm, 34 pairs, for d = 0.5 at 80 %
    assert abs(detectable_effect(64, 64) - 0.5) < 0.003
    assert abs(detectable_effect(34, None, paired=True) - 0.5) < 0.01
    assert type(detectable_effect(5, 5)) is float


def test_detectable_effect_is_monotone():
    def falls(values):
        return (np.diff(values) < 0).all()

    assert falls([detectable_effect(n, n) for n in (2, 3, 5, 10, 50, 1000)])
    assert falls([detectable_effect(8, n) for n in (2, 3, 5, 10, 50, 1000)])
    assert falls(
        [detectable_effect(8, 8, n_candidates=10**k) for k in range(12, -1, -1)]
    )
    assert falls([detectable_effect(8, 8, power=p) for p in (0.99, 0.9, 0.5, 0.06)])
    assert falls([detectable_effect(8, 8, alpha=a) for a in (0.001, 0.05, 0.2)])


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((0, 5), {}, "n_treated"),
        ((5, None), {}, "n_control"),
        ((1, 1), {}, "at least three cases"),
        ((1, 1), {"paired": True}, "two pairs"),
        ((5, 6), {"paired": True}, "as many control"),
        ((5, 5), {"n_candidates": 0}, "n_candidates"),
        ((5, 5), {"alpha": 1.0}, "alpha"),
        ((5, 5), {"power": 0}, "power"),
        ((5, 5), {"power": 0.04}, "power must exceed"),
    ],
)
def test_detectable_effect_errors(args, kwargs, message):
    with pytest.raises(ValueError, match=message):
        detectable_effect(*args, **kwargs)


# --- t intervals -------------------------------------------------------------


@given(st.integers(2, 9), st.integers(2, 9), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_welch_interval_is_scipys(n, m, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=n), 3 * rng.normal(size=m) + 1
    for level in (0.95, 0.5):
        expected = stats.ttest_ind(x, y, equal_var=False).confidence_interval(level)
        assert_allclose(welch_interval(x, y, level), expected, rtol=1e-9)
        expected = stats.ttest_1samp(x, 0).confidence_interval(level)
        assert_allclose(mean_interval(x, level=level), expected, rtol=1e-9)


def test_intervals_without_spread():
    nan = pytest.approx((math.nan, math.nan), nan_ok=True)
    assert welch_interval([1.0], [1.0, 2.0]) == nan
    assert welch_interval([1.0, 2.0], [1.0]) == nan
    assert welch_interval([0.1] * 3, [0.7] * 3) == nan
    assert mean_interval([1.0]) == nan
    assert mean_interval([0.1] * 7) == nan
    low, high = welch_interval([0.1] * 3, [1.0, 2.0, 3.0])
    expected = mean_interval([1.0, 2.0, 3.0])
    assert_allclose((low, high), (0.1 - expected[1], 0.1 - expected[0]))
    for scale in (1e-250, 1e250):
        x = np.multiply(scale, KETAMINE)
        assert_allclose(np.divide(mean_interval(x), scale), mean_interval(KETAMINE))
    with pytest.raises(ValueError, match="treated must hold"):
        welch_interval([], [1.0])
    with pytest.raises(ValueError, match="x must be finite"):
        mean_interval([1.0, np.inf])
    with pytest.raises(ValueError, match="level must lie"):
        mean_interval([1.0], level=1.0)


@pytest.mark.parametrize("level", [0, 1, 95, True, "high"])
def test_intervals_name_the_level_they_refuse(level):
    with pytest.raises(ValueError, match=r"^level must"):
        bootstrap_ci([1.0, 2.0, 3.0], level=level)
