"""Cubes against brute force and against the branch and bound over row sets."""

import contextlib
import itertools
import math
import time
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from _brute_force import best_rules
from _counted import count, profile
from _paths import expand_in_parts, force_path
from hypothesis import assume, given
from hypothesis import strategies as st
from test_oracle import BORDERS, SMALL, assert_same, cases, run
from test_search import change, find, selectors_of, table

import sklearn_persona._search.greedy as greedy_module
from sklearn_persona._designs.labels import Labels
from sklearn_persona._search._cube import CellTable, Cubes, CubeSearch
from sklearn_persona._search._kernel import (
    available_isas,
    pack_rows,
    round_value,
    unpack_rows,
)
from sklearn_persona._search.binning import Selectors, make_selectors
from sklearn_persona._search.cost import cube_seconds, quick_seconds
from sklearn_persona._search.greedy import find_rules
from sklearn_persona._search.problem import fixed_point, make_problem
from sklearn_persona.exceptions import SearchCostWarning

OBJECTIVES = ("effect", "contrast", "sum-of-squares", "mean-shift", "arm-shift")


def check(case):
    expected, n_candidates = best_rules(*case)
    isas = [{"isa": isa} for isa in available_isas()[:-1]]
    for how in ({}, *isas, {"n_jobs": 2}, {"n_jobs": 3}, {"parts": True}):
        how = dict(how)
        parts = expand_in_parts() if how.pop("parts", 0) else contextlib.nullcontext()
        with parts:
            rules, record = run(case, path="cubes", **how)
        count("searches by cubes equal to brute force")
        assert_same(rules, expected)
        assert record.proven_optimal
        assert record.n_candidates == n_candidates
    by_bits, _ = run(case, path="bits")
    assert [rule[3] for rule in rules] == [rule[3] for rule in by_bits]


@profile(150)
@given(cases(SMALL))
def test_rules_equal_brute_force(case):
    check(case)


@profile(40)
@given(cases(BORDERS))
def test_rules_equal_brute_force_across_words(case):
    check(case)


@pytest.mark.slow
@profile(1500)
@given(cases(SMALL))
def test_rules_equal_brute_force_deep(case):
    check(case)


@pytest.mark.slow
@profile(250)
@given(cases(BORDERS))
def test_rules_equal_brute_force_across_words_deep(case):
    check(case)


def make_table(selectors, **options):
    options = {
        "arms": 2,
        "min_variables": 1,
        "max_variables": 2,
        "min_modalities": 1,
    } | options
    return CellTable(
        selectors.bits,
        selectors.feature,
        selectors.side,
        selectors.cut,
        selectors.modality,
        selectors.n_units,
        **options,
    )


def make_cubes(selectors, outcome, treated, objective, least=2, members=5, **options):
    signs = options.pop("signs", (1,))
    values = fixed_point(Labels(outcome, treated), objective)
    arms = [np.ones(len(outcome), bool)] if treated is None else [treated, ~treated]
    rest = [0] * (2 - len(arms))
    return Cubes(
        make_table(selectors, arms=len(arms), **options),
        values.fixed,
        treated,
        values.scale,
        objective=objective,
        signs=signs,
        least=[least] * len(arms) + rest,
        most=[int(arm.sum()) - least for arm in arms] + rest,
        least_members=members,
    )


def any_columns(rng, n):
    few = rng.integers(0, 4, n).astype(float)
    few[rng.random(n) < 0.1] = np.nan
    columns = [
        (rng.normal(size=n), None),
        (few, None),
        (rng.integers(-1, 4, n), tuple("abcd")),
        (np.round(rng.normal(size=n), 1), None),
    ]
    return [
        SimpleNamespace(values=values, levels=levels, position=j)
        for j, (values, levels) in enumerate(columns)
    ]


def any_selectors(n, *, n_cuts=4, seed=0, conditions="interval"):
    rng = np.random.default_rng(seed)
    return make_selectors(
        any_columns(rng, n),
        np.arange(n),
        n_cuts=n_cuts,
        conditions=conditions,
        modality=np.array([0, 1, 0, 1]),
        least_members=2,
    )


@pytest.mark.parametrize("n", [1, 63, 64, 65, 8191, 8192, 8193, 20_000])
@pytest.mark.parametrize("two_arms", [False, True])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_largest_value_of_every_tuple(objective, two_arms, n):
    # Against the row sets, value by value; blocks of rows end at 8,192.
    rng = np.random.default_rng(n)
    selectors = any_selectors(n)
    if not len(selectors.bits):
        return
    outcome = rng.normal(size=n)
    treated = rng.random(n) < 0.4 if two_arms else None
    cubes = make_cubes(selectors, outcome, treated, objective, signs=(1, -1))
    search = CubeSearch(cubes, (0, 1))
    search.run()
    label = Labels(outcome, treated)
    chosen = change(objective=objective, max_variables=2, least_arm=2, least_members=5)
    n_evaluated = 0
    for d, sign in enumerate((1, -1)):
        column = make_problem(selectors, label, sign, chosen)
        everyone = pack_rows(np.ones((1, n), bool))
        single = column.evaluate(everyone)[0]
        pairs = column.evaluate(column.bits)
        best = (-1.0, 0)
        for t, features in enumerate(cubes.table.tuples.tolist()):
            members = [np.flatnonzero(selectors.feature == f) for f in features[:2]]
            if features[1] < 0:
                values = single[members[0]]
            else:
                values = pairs[np.ix_(*members)]
            n_evaluated += np.count_nonzero(values > -2)
            assert cubes.largest[d][t] == max(values.max(), -1)
            best = max(best, (float(values.max()), t))
        if best[0] > 1e-18:
            assert search.best[d][0] == round_value(best[0])
        else:
            assert search.best[d] is None
    assert search.n_evaluated == n_evaluated


def test_cells_are_the_rows_that_satisfy_the_same_conditions():
    # 40 cuts with intervals give more conditions than one 64-bit key holds.
    selectors = any_selectors(3000, n_cuts=40)
    table = make_table(selectors)
    assert table.eligible
    assert max(np.bincount(selectors.feature)) > 64


@pytest.mark.parametrize("levels, eligible", [(254, True), (255, True), (256, False)])
def test_more_cells_than_a_byte_numbers_are_left_to_the_row_sets(levels, eligible):
    rng = np.random.default_rng(0)
    x = np.concatenate([np.arange(levels), rng.integers(0, levels, 900)])[:, None]
    y = rng.integers(0, 3, len(x)).astype(float)
    treated = rng.random(len(x)) < 0.5
    selectors = selectors_of(x.astype(float), n_cuts="all", least_members=1)
    options = {"arms": 2, "max_variables": 1}
    assert make_table(selectors, **options).eligible is eligible
    chosen = change(max_variables=1, objective="effect")
    found = {}
    for path in ("bits", "cubes"):
        with force_path(path):
            _, rules, _ = find(x.astype(float), y, treated, chosen, n_cuts="all")
        found[path] = [rule.selectors for rule in rules]
    assert found["bits"] == found["cubes"]


def test_too_large_cubes_are_left_to_the_row_sets():
    X = np.random.default_rng(0).normal(size=(2000, 4))
    selectors = selectors_of(X, n_cuts=150, least_members=1)
    for depth, eligible in ((2, True), (3, False), (4, False)):
        assert make_table(selectors, max_variables=depth).eligible is eligible
    with pytest.raises(ValueError, match="too many cells"):
        make_cubes(selectors, X[:, 0], X[:, 1] > 0, "effect", max_variables=4)


def test_conditions_may_be_any_row_sets():
    # Complements, nobody and everybody, in cells that no order makes runs of.
    rng = np.random.default_rng(4)
    n = 200
    member = rng.random((12, n)) < 0.5
    member[3], member[4], member[5] = ~member[2], False, True
    feature = np.repeat(np.arange(3), 4).astype(np.int32)
    zeros = np.zeros(12, np.int32)
    cut = np.arange(12, dtype=np.int32)
    selectors = Selectors(
        pack_rows(member), feature, zeros, cut, zeros, [None] * 12, np.full(3, 4), n
    )
    outcome, treated = rng.normal(size=n), rng.random(n) < 0.5
    chosen = change(max_variables=3, least_arm=1, least_members=1, max_overlap=0.3)
    label = Labels(outcome, treated)
    lists = []
    for path in ("bits", "cubes"):
        with force_path(path):
            rules, _ = find_rules(selectors, label, chosen)
        lists.append([(rule.selectors, rule.objective) for rule in rules])
    assert lists[0]
    assert [sorted(rule[0]) for rule in lists[0]] == [
        sorted(rule[0]) for rule in lists[1]
    ]


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("two_arms", [False, True])
def test_list_of_many_rows_equals_that_of_the_row_sets(depth, two_arms):
    n = 1500
    rng = np.random.default_rng(depth)
    X = rng.normal(size=(n, 6))
    X[:, 3] = X[:, 0]
    X[rng.random((n, 6)) < 0.05] = np.nan
    treated = rng.random(n) < 0.5 if two_arms else None
    outcome = rng.normal(size=n) + (X[:, 0] > 0) * (1 if treated is None else treated)
    chosen = change(max_variables=depth, n_personas=6, objective="contrast")
    found = {}
    for path, n_jobs in (("bits", 1), ("cubes", 1), ("cubes", 3)):
        with force_path(path):
            _, rules, record = find(
                X, outcome, treated, chosen, n_jobs=n_jobs, n_cuts=4
            )
        assert record.proven_optimal
        found[path, n_jobs] = [
            (sorted(rule.selectors), rule.sign, rule.objective) for rule in rules
        ]
    assert len(found["bits", 1]) == 6
    assert found["bits", 1] == found["cubes", 1] == found["cubes", 3]


def test_sweep_over_the_rows_in_several_parts():
    # 18 tuples of 2 x 61 x 61 cells are more than one sweep holds.
    X, outcome, treated = table(n=700, p=19)
    chosen = change(max_variables=2, objective="contrast", n_personas=8)
    lists = []
    for path in ("bits", "cubes"):
        with force_path(path):
            _, rules, _ = find(X, outcome, treated, chosen, n_cuts=60)
        lists.append([(sorted(rule.selectors), rule.objective) for rule in rules])
    assert len(lists[0]) == 8
    assert lists[0] == lists[1]


def test_probe_leads_to_the_cubes_where_branches_are_many():
    # Neither path is ahead beforehand, and the branches turn out to be slow.
    X, outcome, treated = table(n=200, p=12)
    names = []

    def spy(*args):
        names.append("cubes")
        return real(*args)

    real = greedy_module.cube_directions
    slow = mock.patch.object(greedy_module, "_bit_seconds", lambda *_: 1e9)
    for patch, expected in ((slow, ["cubes"]), (contextlib.nullcontext(), [])):
        names.clear()
        with (
            patch,
            mock.patch.object(greedy_module, "quick_seconds", lambda *_: 0.0),
            mock.patch.object(greedy_module, "cube_directions", spy),
        ):
            _, rules, _ = find(X, outcome, treated, change())
        assert names == expected
        assert len(rules) == 3


def test_long_visit_of_cubes_is_announced():
    X, outcome, treated = table(n=200, p=5)
    with (
        force_path("cubes"),
        mock.patch.object(greedy_module, "cube_seconds", lambda *_: 1e6),
        pytest.warns(SearchCostWarning, match="hours"),
    ):
        find(X, outcome, treated, change())


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_time_limit_gives_a_list_without_proof(n_jobs):
    X, outcome, treated = table(n=4000, p=60)
    with force_path("cubes"):
        start = time.monotonic()
        _, rules, record = find(
            X, outcome, treated, change(max_time=0.2, n_personas=6), n_jobs=n_jobs
        )
    assert not record.proven_optimal
    assert time.monotonic() - start < 10
    assert len(rules) == 6


def test_no_time_at_all_gives_no_proof():
    X, outcome, treated = table(n=4000, p=60)
    with force_path("cubes"):
        _, _, record = find(X, outcome, treated, change(max_time=1e-9))
    assert not record.proven_optimal


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_error_of_the_caller_ends_the_search(n_jobs):
    def on_poll(share):
        raise RuntimeError(f"at {0 <= share <= 1}")

    X, outcome, treated = table(n=2000, p=60)
    with force_path("cubes"), pytest.raises(RuntimeError, match="at True"):
        find(X, outcome, treated, change(), n_jobs=n_jobs, on_poll=on_poll)


def test_polls_come_often():
    class Enough(Exception):
        pass

    def on_poll(share):
        shares.append(share)
        if len(shares) > 3:
            raise Enough

    # Many rows in few tuples, and many rules in one tuple of few rows.
    for n, p, n_cuts, depth in ((300_000, 20, 3, 2), (300, 3, 60, 3)):
        X, outcome, treated = table(n=n, p=p)
        shares = []
        conditions = "one-sided" if depth == 2 else "interval"
        # Long before the search ends, however slow the machine.
        with force_path("cubes"), pytest.raises(Enough):
            find(
                X,
                outcome,
                treated,
                change(max_variables=depth, n_personas=1),
                n_cuts=n_cuts,
                conditions=conditions,
                on_poll=on_poll,
            )


def test_stopped_search_returns():
    X, outcome, treated = table(n=2000, p=40)
    selectors = selectors_of(X)
    cubes = make_cubes(selectors, outcome, treated, "effect", max_variables=3)
    search = CubeSearch(cubes, (0,))
    search.stop()
    search.run()
    assert search.best == [None]
    assert np.isinf(cubes.largest).all()


def test_step_skips_tuples_without_a_better_rule():
    X, outcome, treated = table(n=2000, p=30)
    outcome = outcome + 2 * treated * (X[:, 3] > 0) * (X[:, 5] > 0)
    cubes = make_cubes(selectors_of(X), outcome, treated, "effect", max_variables=2)
    first = CubeSearch(cubes, (0,))
    first.run()
    again = CubeSearch(cubes, (0,))
    again.run()
    assert again.best == first.best
    assert again.n_evaluated < first.n_evaluated / 20


def test_labels_must_fit_the_table():
    selectors = any_selectors(50)
    outcome, treated = np.arange(50.0), np.arange(50) % 2 == 0
    with pytest.raises(ValueError, match="labels do not fit"):
        make_cubes(selectors, outcome[:-1], treated[:-1], "effect")
    table = make_table(selectors, arms=1)
    with pytest.raises(ValueError, match="labels do not fit"):
        Cubes(
            table,
            np.zeros(50, np.int64),
            treated,
            1.0,
            objective="effect",
            signs=(1,),
            least=[1, 1],
            most=[9, 9],
            least_members=1,
        )


@pytest.mark.parametrize(
    "n, p, n_cuts, depth, cubes",
    [
        (63, 360, 9, 3, False),
        (63, 200, 9, 4, False),
        (20_000, 50, 9, 2, True),
        (20_000, 50, 9, 3, True),
        (1_000_000, 50, 9, 2, True),
    ],
)
def test_cost_model_chooses_cubes_for_many_rows(n, p, n_cuts, depth, cubes):
    selectors = SimpleNamespace(feature=np.repeat(np.arange(p), 2 * n_cuts), n_units=n)
    chosen = change(max_variables=depth)
    assert (cube_seconds(selectors, chosen) < quick_seconds(selectors, chosen)) == cubes


@st.composite
def tables(draw):
    n = draw(st.integers(1, 200))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_features, n_sets = draw(st.integers(1, 4)), draw(st.integers(1, 90))
    distinct = draw(st.integers(1, 40))
    rows = rng.integers(0, distinct, n)
    member = [
        (rng.random((n_sets, distinct)) < 0.5)[:, rows] for _ in range(n_features)
    ]
    return np.concatenate(member), np.repeat(np.arange(n_features), n_sets)


@profile(60)
@given(tables(), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
def test_tuples_are_all_combinations(case, low, high, n_modalities):
    member, feature = case
    low = min(low, high)
    feature = feature.astype(np.int32)
    modality = (feature % 2).astype(np.int32)
    cell_table = CellTable(
        pack_rows(member),
        feature,
        feature,
        feature,
        modality,
        member.shape[1],
        arms=1,
        min_variables=low,
        max_variables=high,
        min_modalities=n_modalities,
    )
    # Four variables of many cells each are left to the other path.
    assume(cell_table.eligible)
    n_features = feature[-1] + 1
    expected = 0
    for size in range(low, high + 1):
        mixed = math.comb(n_features, size)
        if n_modalities == 2:
            for parity in range(2):
                mixed -= math.comb(
                    np.count_nonzero(np.arange(n_features) % 2 == parity), size
                )
        expected += mixed if n_modalities <= 2 else 0
    assert cell_table.n_tuples == expected
    chosen = [tuple(f for f in row if f >= 0) for row in cell_table.tuples.tolist()]
    assert len(set(chosen)) == expected
    assert all(list(row) == sorted(set(row)) for row in chosen)
    tasks = cell_table.tasks
    assert tasks[0] == 0 and tasks[-1] == expected and (np.diff(tasks) > 0).all()
    for first, last in itertools.pairwise(tasks):
        heads = {(len(row), row[:-1]) for row in chosen[first:last]}
        assert len(heads) == 1
    assert unpack_rows(pack_rows(member), member.shape[1]).shape == member.shape
