"""Searches in parts (penalties, either arm, intervals) against brute force."""

from dataclasses import replace
from itertools import combinations
from math import log
from unittest import mock

import numpy as np
import pytest
from _brute_force import SQUARED, Values, allowed
from _paths import force_path
from hypothesis import given, settings
from hypothesis import strategies as st
from test_oracle import empty_pool, real_beam_search, worst_pool

import sklearn_persona._search.branch_and_bound as branch_module
from sklearn_persona._claims.null_distribution import null_maxima, reach_counts
from sklearn_persona._data.table import read_table
from sklearn_persona._designs import Permutations, make_units, read_cases
from sklearn_persona._designs.labels import Labels
from sklearn_persona._search._kernel import unpack_rows
from sklearn_persona._search.binning import BETWEEN, make_selectors
from sklearn_persona._search.greedy import SearchSettings, find_rules
from sklearn_persona._search.spaces import INTERVAL_COST, spaces_of

SETTINGS = SearchSettings(
    objective="arm-shift",
    min_variables=1,
    max_variables=3,
    min_modalities=1,
    least_arm=2,
    least_members=3,
    n_personas=4,
    max_overlap=0.5,
    signs=(1, -1),
    exact=True,
    max_time=None,
    penalty=0.8,
    either_arm=True,
    interval_variables=2,
)


def problem(seed, *, n=20, p=3, n_cuts=2, two_arms=True, conditions="interval"):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    y = rng.normal(size=n)
    treated = rng.permutation(n) < n // 2 if two_arms else None
    y += 1.5 * (X[:, 0] > 0) * (1 if treated is None else treated)
    selectors = make_selectors(
        read_table(X),
        np.arange(n),
        n_cuts=n_cuts,
        conditions=conditions,
        modality=np.zeros(p, int),
        least_members=3,
    )
    return selectors, Labels(y, treated)


def every_extent(selectors, options, label):
    """Yield (n_variables, has an interval, members) of every allowed rule."""
    member = unpack_rows(selectors.bits, selectors.n_units)
    for k in range(options.min_variables, options.max_variables + 1):
        for chosen in combinations(range(len(member)), k):
            if len(set(selectors.feature[list(chosen)])) < k:
                continue
            interval = bool((selectors.side[list(chosen)] == BETWEEN).any())
            if interval and k > options.interval_variables:
                continue
            inside = member[list(chosen)].all(axis=0)
            if allowed(inside, label.treated, options.least_arm, options.least_members):
                yield k, interval, inside


def greedy(selectors, label, options):
    """The list by brute force: (objective, sign, members)."""
    n_intervals = selectors.n_intervals
    plain, whole = selectors.n_conditions - n_intervals, selectors.n_conditions

    def n_of_size(counts, k):
        return sum(int(np.prod(c)) for c in combinations(counts.tolist(), k))

    base = n_of_size(plain, options.min_variables)

    def penalty(k, interval):
        if not interval:
            return options.penalty * log(n_of_size(plain, k) / base)
        n = n_of_size(whole, k)
        return options.penalty * (log(n / base) + INTERVAL_COST)

    arms = [(label.treated, 1)]
    if options.either_arm and label.treated is not None:
        arms.append((~label.treated, -1))
    scored = []
    values = {
        (sign, flip): Values(options.objective, label.outcome, treated, sign * flip)
        for sign in options.signs
        for treated, flip in arms
    }
    cheapest = {}
    for k, interval, inside in every_extent(selectors, options, label):
        key = inside.tobytes()
        cost = penalty(k, interval)
        if key not in cheapest or cost < cheapest[key][0]:
            cheapest[key] = cost, inside
    for cost, inside in cheapest.values():
        for sign in options.signs:
            best = max(float(values[sign, flip](inside)) for _, flip in arms)
            if best > 0:
                scored.append((best - cost, sign, inside))
    scored.sort(key=lambda item: -item[0])
    kept = []
    for value, sign, inside in scored:
        apart = all(
            s != sign
            or (
                (inside & other).sum() <= options.max_overlap * (inside | other).sum()
                and (inside != other).any()
            )
            for _, s, other in kept
        )
        if apart and len(kept) < options.n_personas:
            kept.append((value, sign, inside))
    return kept


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    two_arms=st.booleans(),
    objective=st.sampled_from(SQUARED),
    penalty=st.sampled_from([0.3, 1.5, 4.0]),
    n_personas=st.sampled_from([1, 4, 15]),
    min_variables=st.sampled_from([1, 2]),
    pool=st.sampled_from([real_beam_search, empty_pool, worst_pool]),
    path=st.sampled_from(["bits", "cubes"]),
)
def test_list_equals_brute_force(
    seed, two_arms, objective, penalty, n_personas, min_variables, pool, path
):
    selectors, label = problem(seed, two_arms=two_arms)
    options = replace(
        SETTINGS,
        objective=objective,
        penalty=penalty,
        n_personas=n_personas,
        min_variables=min_variables,
    )
    expected = greedy(selectors, label, options)
    for n_jobs in (1, 2):
        # Whatever the beam knows, the list is the same.
        known = mock.patch.object(branch_module, "beam_search", pool)
        with known, force_path(path):
            rules, record = find_rules(selectors, label, options, n_jobs=n_jobs)
        got = [rule.objective for rule in rules]
        np.testing.assert_allclose(got, [e[0] for e in expected], rtol=1e-7, atol=1e-9)
        assert record.proven_optimal
        for rule in rules:
            raw = rule.objective + rule.penalty
            treated, sign = label.treated, rule.sign
            if rule.swapped:
                treated, sign = ~treated, -sign
            value = Values(objective, label.outcome, treated, sign)(rule.members)
            assert raw == pytest.approx(float(value), rel=1e-9)


@pytest.mark.parametrize("pool", [empty_pool, worst_pool])
def test_rules_below_their_price_are_searched_too(pool):
    for seed in range(4):
        selectors, label = problem(seed)
        options = replace(SETTINGS, penalty=4.0, n_personas=15)
        expected = [e[0] for e in greedy(selectors, label, options)]
        assert expected[-1] < 0
        with mock.patch.object(branch_module, "beam_search", pool):
            with force_path("bits"):
                rules, _ = find_rules(selectors, label, options)
        np.testing.assert_allclose([rule.objective for rule in rules], expected)


def test_a_price_buys_fewer_variables():
    sizes = []
    for penalty in (0.0, 3.0):
        total = 0
        for seed in range(15):
            selectors, label = problem(seed, n=60, n_cuts=4, conditions="one-sided")
            options = replace(SETTINGS, penalty=penalty, n_personas=1)
            (rule,), _ = find_rules(selectors, label, options)
            total += len(rule.conditions)
        sizes.append(total / 15)
    assert sizes[1] < 1.5 < sizes[0]


def test_either_arm_finds_a_shift_of_the_control_arm():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(120, 3))
    treated = np.arange(120) % 2 == 0
    inside = X[:, 0] > 0.2
    y = rng.normal(size=120) - 2.0 * (inside & ~treated)
    selectors = make_selectors(
        read_table(X),
        np.arange(120),
        n_cuts=9,
        conditions="one-sided",
        modality=np.zeros(3, int),
        least_members=12,
    )
    options = replace(SETTINGS, n_personas=1, least_members=12)
    label = Labels(y, treated)
    (rule,), _ = find_rules(selectors, label, options)
    assert rule.sign == 1 and rule.swapped
    assert (rule.members & inside).sum() / (rule.members | inside).sum() > 0.8
    (one_arm,), _ = find_rules(selectors, label, replace(options, either_arm=False))
    assert one_arm.objective < rule.objective
    # Exchanging the arms exchanges the sign and who carries the shift.
    (other,), _ = find_rules(selectors, Labels(y, ~treated), options)
    assert (other.sign, other.swapped) == (-1, False)
    assert other.objective == pytest.approx(rule.objective)


def test_spaces_hold_each_length_once_and_intervals_where_allowed():
    selectors, _ = problem(0)
    spaces = spaces_of(selectors, SETTINGS)
    lengths = [options.max_variables for _, options, _ in spaces]
    assert lengths == [1, 1, 2, 2, 3]
    assert [bool((s.side == BETWEEN).any()) for s, _, _ in spaces] == [0, 1, 0, 1, 0]
    penalties = [penalty for _, _, penalty in spaces]
    assert penalties[0] == 0 and penalties[0] < penalties[2] < penalties[4]
    free = replace(SETTINGS, penalty=0.0, interval_variables=3)
    assert len(spaces_of(selectors, free)) == 1


@pytest.mark.parametrize("two_arms", [True, False])
def test_permutations_repeat_every_part(two_arms):
    rng = np.random.default_rng(5)
    n = 24
    X = rng.normal(size=(n, 3))
    arm = {"treatment": rng.permutation(n) < 12} if two_arms else {}
    cases = read_cases(n, rng.normal(size=n), **arm)
    units = make_units("parallel" if two_arms else "single-arm", cases)
    selectors = make_selectors(
        read_table(X),
        np.arange(n),
        n_cuts=3,
        conditions="interval",
        modality=np.zeros(3, int),
        least_members=3,
    )
    objective = "arm-shift" if two_arms else "sum-of-squares"
    options = replace(SETTINGS, objective=objective, n_personas=1)
    labels = Permutations(units, 3)
    expected = []
    for b in range(20):
        (rule,), _ = find_rules(selectors, Labels(*labels[b]), options)
        expected.append(rule.objective)
    got = null_maxima(selectors, labels, options, n_permutations=20, n_jobs=2)
    np.testing.assert_allclose(got, expected, rtol=1e-9)
    # Also values below 0, which rules with a penalty may have.
    values = [*np.quantile(expected, [0.2, 0.7]), -5.0]
    counts = reach_counts(
        selectors, labels, options, values, n_permutations=20, stop_after=None
    )
    reached = [np.sum(np.array(expected) >= v - 1e-9 * abs(v)) for v in values]
    assert counts.n_reached.tolist() == reached


def test_a_full_list_needs_no_further_search():
    selectors, label = problem(0)
    options = replace(SETTINGS, penalty=0.0, either_arm=False, interval_variables=3)
    options = replace(options, signs=(1,), n_personas=1)
    run, calls = branch_module.Direction._run, []

    def counted(self, *args):
        calls.append(args)
        return run(self, *args)

    with mock.patch.object(branch_module.Direction, "_run", counted):
        with force_path("bits"):
            find_rules(selectors, label, options)
    assert len(calls) == 1
