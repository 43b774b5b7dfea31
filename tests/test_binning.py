"""Cuts, conditions and packed row sets."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from _brute_force import conditions_of, cuts_of
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sklearn_persona._search import _kernel as _kernel
from sklearn_persona._search import binning as binning
from sklearn_persona._search.binning import column_cuts, make_selectors

pack_rows, unpack_rows = _kernel.pack_rows, _kernel.unpack_rows
words_for = _kernel.words_for

plain = settings(max_examples=100, deadline=None, derandomize=True, database=None)


def numeric(values, position=0):
    values = np.asarray(values, dtype=float)
    return SimpleNamespace(values=values, levels=None, position=position)


def category(codes, levels, position=0):
    codes = np.asarray(codes, dtype=np.int64)
    return SimpleNamespace(values=codes, levels=tuple(levels), position=position)


def select(columns, **options):
    options = {
        "n_cuts": 3,
        "conditions": "interval",
        "modality": np.arange(len(columns)),
        "least_members": 1,
        **options,
    }
    rows = options.pop("rows", np.arange(len(columns[0].values)))
    return make_selectors(columns, rows, **options)


def keys_of(selectors):
    return list(
        zip(
            selectors.feature.tolist(),
            selectors.side.tolist(),
            selectors.cut.tolist(),
            selectors.limits,
        )
    )


def reread(column, limit):
    """Members of a condition, from its limits alone."""
    x = column.values
    if column.levels is not None:
        return np.array([code >= 0 and column.levels[code] in limit for code in x])
    low, high = limit
    member = ~np.isnan(x)
    if low is not None:
        member &= x > low
    if high is not None:
        member &= x <= high
    return member


VALUES = st.one_of(
    # Halves of single-precision numbers are exact, and so are their midpoints.
    st.floats(-(2.0**20), 2.0**20, width=32, allow_subnormal=False),
    st.integers(-3, 3).map(float),
    st.just(float("nan")),
    st.sampled_from([1.0, np.nextafter(1.0, 2.0), np.nextafter(1.0, 0.0), -0.0]),
)
COLUMNS = st.integers(1, 70).flatmap(lambda n: arrays(float, n, elements=VALUES))
CUTS = st.one_of(st.just("all"), st.integers(1, 12))


@plain
@given(COLUMNS, st.integers(1, 12))
def test_quantile_cuts_follow_the_formula(values, k):
    known = values[~np.isnan(values)]
    cuts = column_cuts(values, k)
    if len(known):
        expected = np.unique(np.quantile(known, np.arange(1, k + 1) / (k + 1)))
        np.testing.assert_array_equal(cuts, expected)
    else:
        assert len(cuts) == 0
    assert np.all(np.diff(cuts) > 0)


@plain
@given(COLUMNS)
def test_all_cuts_separate_neighbors(values):
    known = np.unique(values[~np.isnan(values)])
    cuts = column_cuts(values, "all")
    assert len(cuts) == max(len(known) - 1, 0)
    assert np.all((known[:-1] <= cuts) & (cuts < known[1:]))
    np.testing.assert_array_equal(cuts, cuts_of(values, "all"))


def test_all_cuts_are_midpoints():
    cuts = column_cuts(np.array([4.0, 1.0, np.nan, 2.0, 4.0]), "all")
    np.testing.assert_array_equal(cuts, [1.5, 3.0])


@pytest.mark.parametrize(
    "low",
    [1.0, -1.0, 0.0, 5e-324, -5e-324, 1e-310, 1e308, -np.finfo(float).max, 1 - 2**-53],
)
def test_all_cuts_between_neighboring_floats(low):
    high = np.nextafter(low, np.inf)
    higher = np.nextafter(high, np.inf)
    column = numeric([low, high, higher, high])
    cuts = column_cuts(column.values, "all")
    np.testing.assert_array_equal(cuts, [low, high])
    selectors = select([column], n_cuts="all")
    members = unpack_rows(selectors.bits, 4).astype(int).tolist()
    assert members == [
        [1, 0, 0, 0],
        [1, 1, 0, 1],
        [0, 1, 1, 1],
        [0, 0, 1, 0],
        [0, 1, 0, 1],
    ]


def test_all_cuts_of_huge_values_do_not_overflow():
    top = np.finfo(float).max
    cuts = column_cuts(np.array([-top, top / 2, top]), "all")
    np.testing.assert_array_equal(cuts, [-top / 4, top * 0.75])


@pytest.mark.parametrize("n_cuts", ["all", 1, 9])
@pytest.mark.parametrize("values", [[], [np.nan, np.nan], [np.nan]])
def test_nothing_known_has_no_cuts(values, n_cuts):
    assert len(column_cuts(np.array(values, dtype=float), n_cuts)) == 0


def test_constant_column_has_no_separating_condition():
    column = numeric(np.full(9, 2.5))
    assert len(column_cuts(column.values, "all")) == 0
    selectors = select([column], n_cuts=4)
    assert unpack_rows(selectors.bits, 9).all()
    assert selectors.n_conditions.tolist() == [2]


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 127, 128, 129, 192, 200, 256, 257])
def test_rows_survive_packing(n):
    rng = np.random.default_rng(n)
    member = np.vstack([rng.random((5, n)) < 0.5, np.ones((1, n)), np.zeros((1, n))])
    member = member.astype(bool)
    bits = pack_rows(member)
    assert bits.dtype == np.uint64 and bits.shape == (7, words_for(n))
    np.testing.assert_array_equal(unpack_rows(bits, n), member)
    counts = [sum(int(word).bit_count() for word in row) for row in bits]
    assert counts == member.sum(axis=1).tolist()
    for i in range(n):
        single = pack_rows(np.arange(n)[None] == i)[0]
        assert int(single[i // 64]) == 1 << i % 64
        assert np.count_nonzero(single) == 1


def test_words_are_padded_to_compiled_widths():
    rows = [1, 64, 65, 128, 129, 192, 193, 256, 257, 320, 321]
    assert [words_for(n) for n in rows] == [1, 1, 2, 2, 4, 4, 4, 4, 5, 5, 6]


@pytest.mark.parametrize("n", [1, 63, 64, 65])
def test_no_row_sets_keep_their_shape(n):
    bits = pack_rows(np.zeros((0, n), bool))
    assert bits.shape == (0, words_for(n))
    assert unpack_rows(bits, n).shape == (0, n)


@plain
@given(st.lists(COLUMNS, min_size=1, max_size=3), CUTS, st.booleans(), st.data())
def test_conditions_equal_their_limits(tables, n_cuts, intervals, data):
    n = min(map(len, tables))
    columns = [numeric(x[:n], j) for j, x in enumerate(tables)]
    n_levels = data.draw(st.integers(1, 7))
    codes = data.draw(arrays(np.int64, n, elements=st.integers(-1, n_levels - 1)))
    columns.append(category(codes, "abcdefg"[:n_levels], len(columns)))
    least = data.draw(st.integers(0, 4))
    selectors = select(
        columns,
        n_cuts=n_cuts,
        conditions="interval" if intervals else "one-sided",
        least_members=least,
    )
    members = unpack_rows(selectors.bits, n)
    for feature, limit, member in zip(selectors.feature, selectors.limits, members):
        column = columns[feature]
        np.testing.assert_array_equal(member, reread(column, limit))
        unknown = np.isnan(column.values) if column.levels is None else codes < 0
        assert not (member & unknown).any()
    expected, counts = [], []
    for column in columns:
        found = conditions_of(column, np.arange(n), n_cuts, intervals)
        counts.append(len(found))
        expected += [
            (column.position, side, rank, limit)
            for side, rank, limit, member in found
            if member.sum() >= max(least, 1)
        ]
    assert keys_of(selectors) == expected
    assert selectors.n_conditions.tolist() == counts
    assert selectors.modality.tolist() == selectors.feature.tolist()
    assert selectors.n_units == n


def test_units_are_described_by_their_rows():
    column = numeric([10.0, 20.0, 30.0, 40.0, np.nan])
    rows = np.array([3, 3, 0, 4, 0, 1])
    selectors = select([column], rows=rows, n_cuts="all", conditions="one-sided")
    assert selectors.limits == [(None, 15.0), (None, 30.0), (15.0, None), (30.0, None)]
    assert unpack_rows(selectors.bits, 6).astype(int).tolist() == [
        [0, 0, 1, 0, 1, 0],
        [0, 0, 1, 0, 1, 1],
        [1, 1, 0, 0, 0, 1],
        [1, 1, 0, 0, 0, 0],
    ]


def test_value_at_the_cut_is_at_most():
    selectors = select([numeric([1.0, 2.0, 3.0])], n_cuts=1)
    assert selectors.limits == [(None, 2.0), (2.0, None)]
    assert unpack_rows(selectors.bits, 3).astype(int).tolist() == [[1, 1, 0], [0, 0, 1]]


def test_infinite_values_are_on_the_right_side():
    selectors = select([numeric([-np.inf, 0.0, 1.0, np.inf])], n_cuts="all")
    for limit, member in zip(selectors.limits, unpack_rows(selectors.bits, 4)):
        column = numeric([-np.inf, 0.0, 1.0, np.inf])
        np.testing.assert_array_equal(member, reread(column, limit))
        assert not np.isnan([c for c in limit if c is not None]).any()


def test_unknown_levels_are_in_no_condition():
    column = category([-1, 0, 1, -1, 2, 2], "abc")
    selectors = select([column])
    members = unpack_rows(selectors.bits, 6)
    assert not members[:, [0, 3]].any()
    assert selectors.limits == [
        ("a",),
        ("b",),
        ("c",),
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
    ]
    assert members.sum(axis=1).tolist() == [1, 1, 2, 2, 3, 3]
    everything_unknown = select([category([-1, -1], "abc")])
    assert len(everything_unknown.bits) == 0
    assert everything_unknown.n_conditions.tolist() == [6]


@pytest.mark.parametrize(
    "n_levels, n_conditions", [(0, 0), (1, 1), (2, 2), (3, 6), (4, 14), (5, 30), (6, 6)]
)
def test_number_of_level_sets(n_levels, n_conditions):
    codes = np.arange(12) % n_levels if n_levels else np.full(12, -1)
    selectors = select([category(codes, "abcdef"[:n_levels])])
    assert selectors.n_conditions.tolist() == [n_conditions]
    assert len(selectors.bits) == n_conditions
    assert len(set(selectors.limits)) == n_conditions


@pytest.mark.parametrize("n_cuts", [1, 2, 5, 9])
@pytest.mark.parametrize("conditions", ["one-sided", "interval"])
def test_number_of_conditions_of_a_number(n_cuts, conditions):
    column = numeric(np.random.default_rng(0).normal(size=50))
    selectors = select([column], n_cuts=n_cuts, conditions=conditions)
    n_intervals = n_cuts * (n_cuts - 1) // 2 if conditions == "interval" else 0
    assert selectors.n_conditions.tolist() == [2 * n_cuts + n_intervals]
    assert len(selectors.bits) == 2 * n_cuts + n_intervals


def test_small_conditions_are_counted_but_not_built():
    column = numeric(np.arange(10.0))
    selectors = select([column], n_cuts="all", least_members=4)
    assert selectors.n_conditions.tolist() == [2 * 9 + 36]
    members = unpack_rows(selectors.bits, 10)
    assert members.sum(axis=1).min() == 4
    # Ranks are those among all conditions, so that ties break alike at any size.
    assert selectors.cut[selectors.side == binning.AT_MOST].tolist() == [
        3,
        4,
        5,
        6,
        7,
        8,
    ]


@plain
@given(st.lists(st.integers(0, 30), max_size=6), st.integers(1, 4))
def test_number_of_candidates(counts, max_variables):
    nothing = np.empty(0, np.int32)
    selectors = binning.Selectors(
        pack_rows(np.zeros((0, 5), bool)),
        nothing,
        nothing,
        nothing,
        nothing,
        [],
        np.array(counts, dtype=np.int64),
        5,
    )
    expected = sum(
        int(np.prod(chosen))
        for size in range(1, max_variables + 1)
        for chosen in itertools.combinations(counts, size)
    )
    assert selectors.n_candidates(max_variables) == expected


def test_number_of_candidates_is_exact_beyond_64_bits():
    nothing = np.empty(0, np.int32)
    counts = np.full(100_000, 200)
    selectors = binning.Selectors(
        np.empty((0, 1), np.uint64), nothing, nothing, nothing, nothing, [], counts, 5
    )
    p = 100_000
    assert selectors.n_candidates(4) == sum(
        count * 200**size
        for size, count in (
            (1, p),
            (2, p * (p - 1) // 2),
            (3, p * (p - 1) * (p - 2) // 6),
            (4, p * (p - 1) * (p - 2) * (p - 3) // 24),
        )
    )


def test_more_rows_and_cuts_than_fit_one_block():
    values = np.random.default_rng(0).normal(size=40_000)
    values[::100] = np.nan
    selectors = select([numeric(values)], n_cuts=60)
    assert len(selectors.bits) == 2 * 60 + 60 * 59 // 2
    assert len(selectors.bits) * len(values) > 2**26
    for i in [*range(0, len(selectors.bits), 97), len(selectors.bits) - 1]:
        member = unpack_rows(selectors.bits[i : i + 1], len(values))[0]
        expected = reread(numeric(values), selectors.limits[i])
        np.testing.assert_array_equal(member, expected)


def test_too_much_memory_is_refused(monkeypatch):
    columns = [numeric(np.arange(100.0), j) for j in range(5)]
    n_bytes = select(columns).bits.nbytes
    monkeypatch.setattr(binning, "MAX_BYTES", n_bytes)
    assert select(columns).bits.nbytes == n_bytes
    monkeypatch.setattr(binning, "MAX_BYTES", n_bytes - 1)
    with pytest.raises(ValueError, match="lower n_cuts"):
        select(columns)


def test_too_much_memory_is_refused_before_it_is_taken(monkeypatch):
    built = []
    real = binning.pack_rows
    monkeypatch.setattr(
        binning, "pack_rows", lambda member: built.append(1) or real(member)
    )
    monkeypatch.setattr(binning, "MAX_BYTES", 100)
    with pytest.raises(ValueError, match="5 columns over 100 units"):
        select([numeric(np.arange(100.0), j) for j in range(5)])
    assert len(built) <= 1


def test_no_columns():
    selectors = make_selectors(
        [],
        np.arange(70),
        n_cuts=3,
        conditions="interval",
        modality=np.empty(0, int),
        least_members=1,
    )
    assert selectors.bits.shape == (0, 2)
    assert selectors.n_candidates(3) == 0
