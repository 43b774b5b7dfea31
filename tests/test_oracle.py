"""The exact search against brute force, and its bounds against all subsets."""

import contextlib
import itertools
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from _brute_force import Values, allowed, best_rules, conditions_of
from _counted import count, profile
from _paths import force_isa, force_path
from hypothesis import assume, given
from hypothesis import strategies as st

import sklearn_persona._search.branch_and_bound as branch_module
from sklearn_persona._designs.labels import Labels
from sklearn_persona._search._kernel import available_isas, pack_rows
from sklearn_persona._search.beam import Pool
from sklearn_persona._search.binning import Selectors, make_selectors
from sklearn_persona._search.greedy import SearchSettings, find_rules
from sklearn_persona._search.problem import make_problem

OBJECTIVES = ("effect", "contrast", "sum-of-squares", "mean-shift", "arm-shift")
ISAS = available_isas()
real_beam_search = branch_module.beam_search
# Brute force in exact rationals takes about 20 microseconds a conjunction.
MOST_CANDIDATES = 4000


def make_feature(rng, kind, n, position):
    levels = None
    if kind == "normal":
        values = rng.normal(size=n)
    elif kind == "few":
        values = rng.integers(0, 4, n).astype(float)
    elif kind == "binary":
        values = rng.integers(0, 2, n).astype(float)
    elif kind == "constant":
        values = np.full(n, 3.0)
    elif kind == "missing":
        values = np.full(n, np.nan)
    elif kind == "neighbors":
        values = np.nextafter(1.0, 2.0) * rng.integers(0, 2, n) + 1.0 * (
            rng.integers(0, 2, n)
        )
    else:
        levels = tuple("abcdefg"[: int(kind)])
        values = rng.integers(0, len(levels), n)
    return SimpleNamespace(values=values, levels=levels, position=position)


def make_outcome(rng, kind, n):
    if kind == "binary":
        return rng.integers(0, 2, n).astype(float)
    if kind == "few":
        return rng.integers(-2, 3, n).astype(float)
    if kind == "integer":
        return rng.integers(-50, 51, n).astype(float)
    scale, offset = {
        "normal": (1, 0),
        "huge": (1e12, 0),
        "tiny": (1e-12, 0),
        "offset": (1, 1e9),
        "shifted": (1, 20),
    }[kind]
    outcome = offset + scale * rng.normal(size=n)
    if kind == "normal" and rng.integers(4) == 0:
        outcome[rng.integers(n)] += 1e3
    return outcome


@st.composite
def cases(draw, sizes):
    """A table, its labels and the options of a search, small enough to enumerate."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(sizes)
    numeric = ["normal", "few", "binary", "constant", "missing", "neighbors"]
    kinds = draw(
        st.lists(
            st.sampled_from(["normal", "normal", "few", "few", *numeric, *"123457"]),
            min_size=draw(st.sampled_from([1, 2, 3, 4])),
            max_size=5,
        )
    )
    columns = [make_feature(rng, kind, n, j) for j, kind in enumerate(kinds)]
    for j in range(draw(st.sampled_from([0, 0, 0, 1, 2, 3]))):
        copied = columns[0]
        columns[1 + j : 2 + j] = [
            SimpleNamespace(
                values=copied.values.copy(), levels=copied.levels, position=1 + j
            )
        ]
    if draw(st.booleans()):
        for column in columns:
            gone = rng.random(n) < 0.15
            column.values[gone] = np.nan if column.levels is None else -1
    two_arms = draw(st.booleans())
    treated = None
    if two_arms:
        share = draw(st.sampled_from([0.5, 0.5, 0.25, 0.8]))
        treated = rng.random(n) < share
        least = min(np.count_nonzero(treated), np.count_nonzero(~treated))
        assume(least >= 3)
    outcome = make_outcome(
        rng,
        draw(
            st.sampled_from(
                ["binary", "few", "integer", "normal"] * 2
                + ["huge", "tiny", "offset", "shifted"]
            )
        ),
        n,
    )
    max_variables = draw(st.sampled_from([1, 2, 3, 3, 4]))
    options = {
        "objective": draw(st.sampled_from(OBJECTIVES)),
        "n_cuts": draw(st.sampled_from([1, 2, 3, 4, "all"])),
        "intervals": draw(st.booleans()),
        "min_variables": min(draw(st.sampled_from([1, 1, 1, 2, 3])), max_variables),
        "max_variables": max_variables,
        "modality": list(rng.integers(0, 3, len(columns))),
        "min_modalities": draw(st.sampled_from([1, 1, 1, 2, 3])),
        "least_arm": draw(st.sampled_from([1, 2, 2, 3, 4])),
        "least_members": draw(st.integers(0, 6)),
        "n_personas": draw(st.sampled_from([1, 4, 6])),
        "max_overlap": draw(st.sampled_from([0.0, 0.2, 0.5, 0.75, 0.9, 1.0])),
        "signs": draw(st.sampled_from([(1, -1), (1, -1), (1,), (-1,), (-1, 1)])),
    }
    # Units have an order of their own, and some share the row that describes them.
    rows = rng.integers(0, n, n) if draw(st.booleans()) else rng.permutation(n)
    if count_candidates(columns, rows, options) > MOST_CANDIDATES:
        options["intervals"] = False
    while count_candidates(columns, rows, options) > MOST_CANDIDATES:
        if options["n_cuts"] == "all":
            options["n_cuts"] = 4
        elif options["max_variables"] > 2:
            options["max_variables"] -= 1
        else:
            columns.pop()
            options["modality"].pop()
    options["min_variables"] = min(options["min_variables"], options["max_variables"])
    return columns, rows, outcome, treated, options


def count_candidates(columns, rows, options):
    counts = [
        len(conditions_of(column, rows, options["n_cuts"], options["intervals"]))
        for column in columns
    ]
    sizes = range(1, options["max_variables"] + 1)
    return sum(
        int(np.prod(chosen))
        for size in sizes
        for chosen in itertools.combinations(counts, size)
    )


def run(case, *, n_jobs=1, isa="auto", pool=None, room=True, path="bits"):
    """The package's answer in the words of the brute force."""
    columns, rows, outcome, treated, options = case
    selectors = make_selectors(
        columns,
        rows,
        n_cuts=options["n_cuts"],
        conditions="interval" if options["intervals"] else "one-sided",
        modality=np.array(options["modality"]),
        least_members=options["least_members"],
    )
    names = (
        "objective min_variables max_variables min_modalities least_arm "
        "least_members n_personas max_overlap signs"
    )
    chosen = SearchSettings(
        **{name: options[name] for name in names.split()},
        exact=True,
        max_time=None,
    )
    with contextlib.ExitStack() as stack:
        stack.enter_context(force_path(path))
        stack.enter_context(force_isa(isa))
        if not room:
            stack.enter_context(little_room())
        if pool is not None:
            stack.enter_context(mock.patch.object(branch_module, "beam_search", pool))
        found, record = find_rules(
            selectors, Labels(outcome, treated), chosen, n_jobs=n_jobs
        )
    rules = []
    for rule in found:
        parts = sorted((int(selectors.feature[i]), i) for i in rule.selectors)
        rules.append(
            (
                tuple(feature for feature, _ in parts),
                tuple(selectors.limits[i] for _, i in parts),
                rule.sign,
                rule.objective,
                rule.members,
            )
        )
    return rules, record


def empty_pool(problem, selectors, **_):
    nothing = np.empty((0, problem.bits.shape[1]), np.uint64)
    return Pool([], np.empty(0), nothing, 0)


def worst_pool(problem, selectors, **options):
    pool = real_beam_search(problem, selectors, **options)
    worst = slice(-8, None)
    return Pool(
        pool.rules[worst], pool.values[worst], pool.extents[worst], pool.n_evaluated
    )


def pool_without_the_best(problem, selectors, **options):
    pool = real_beam_search(problem, selectors, **options)
    return Pool(pool.rules[1:], pool.values[1:], pool.extents[1:], pool.n_evaluated)


def little_room():
    """Row sets that lists are chosen from do not fit, so every step searches."""
    return mock.patch.object(branch_module, "COLLECTED_BYTES", 300, create=True)


def assert_same(rules, expected):
    got = [(rule[0], rule[1], rule[2]) for rule in rules]
    objectives = [rule[3] for rule in rules]
    np.testing.assert_allclose(objectives, [r[3] for r in expected], rtol=1e-9, atol=0)
    assert got == [(rule[0], rule[1], rule[2]) for rule in expected]
    for rule, other in zip(rules, expected):
        np.testing.assert_array_equal(rule[4], other[4])


def check(case):
    expected, n_candidates = best_rules(*case)
    for how in (
        {},
        *({"isa": isa} for isa in ISAS[:-1]),
        {"n_jobs": 2},
        {"n_jobs": 3},
        {"pool": empty_pool},
        {"pool": empty_pool, "n_jobs": 2},
        {"pool": worst_pool},
        {"pool": worst_pool, "n_jobs": 2},
        {"pool": pool_without_the_best},
        {"room": False},
    ):
        rules, record = run(case, **how)
        count("searches by row sets equal to brute force")
        assert_same(rules, expected)
        assert record.proven_optimal
        assert record.n_candidates == n_candidates
        if rules:
            assert record.best_objective == rules[0][3]
        else:
            assert np.isnan(record.best_objective)


SMALL = st.integers(8, 40)
BORDERS = st.sampled_from([63, 64, 65, 70, 127, 128, 129, 140, 191, 257, 300])


@profile(200)
@given(cases(SMALL))
def test_rules_equal_brute_force(case):
    check(case)


@profile(50)
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


@pytest.mark.slow
@profile(60)
@given(cases(st.sampled_from([1023, 1024, 1025, 1100])))
def test_rules_equal_brute_force_beyond_the_byte_table(case):
    check(case)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("two_arms", [False, True])
def test_many_rows_equal_brute_force(objective, two_arms):
    # Above 16 words the sums come from a loop over members instead of a table.
    rng = np.random.default_rng(3)
    n = 1090
    columns = [make_feature(rng, kind, n, j) for j, kind in enumerate(("few", "4"))]
    options = {
        "objective": objective,
        "n_cuts": 3,
        "intervals": True,
        "min_variables": 1,
        "max_variables": 2,
        "modality": [0, 0],
        "min_modalities": 1,
        "least_arm": 20,
        "least_members": 100,
        "n_personas": 4,
        "max_overlap": 0.4,
        "signs": (1, -1),
    }
    treated = rng.random(n) < 0.3 if two_arms else None
    outcome = rng.normal(size=n) + (columns[0].values > 2)
    check((columns, rng.permutation(n), outcome, treated, options))


@pytest.mark.parametrize("length", [2, 3, 4])
@pytest.mark.parametrize("seed", range(6))
def test_earliest_of_many_equal_conditions(length, seed):
    """More variables with the same members than a rule has room for."""
    rng = np.random.default_rng(seed)
    n = 26
    first, second = rng.integers(0, 2, (2, n)).astype(float)
    values = [first, *[second] * 3, *[np.where(first == 1, second, 0.0)] * 2]
    order = rng.permutation(len(values))
    columns = [
        SimpleNamespace(values=values[k].copy(), levels=None, position=j)
        for j, k in enumerate(order)
    ]
    options = {
        "objective": OBJECTIVES[seed % len(OBJECTIVES)],
        "n_cuts": 1,
        "intervals": False,
        "min_variables": length,
        "max_variables": length,
        "modality": [0] * len(columns),
        "min_modalities": 1,
        "least_arm": 1,
        "least_members": 2,
        "n_personas": 3,
        "max_overlap": 0.9,
        "signs": (1, -1),
    }
    treated = rng.permutation(n) < n // 2
    outcome = rng.normal(size=n) + 2 * treated * (first + second)
    check((columns, rng.permutation(n), outcome, treated, options))


def row_sets(n):
    """A column whose selectors are single rows, so that unions make any row set."""
    rows = np.arange(n, dtype=np.int32)
    words = make_identity(n)
    zeros = np.zeros(n, np.int32)
    return Selectors(words, rows, zeros, zeros, zeros, [None] * n, np.ones(n, int), n)


def make_identity(n):
    n_words = -(-n // 64)
    n_words = {3: 4}.get(n_words, n_words)
    words = np.zeros((n, n_words), np.uint64)
    for i in range(n):
        words[i, i // 64] = np.uint64(1) << np.uint64(i % 64)
    return words


def plain_settings(objective, least_arm, least_members):
    return SearchSettings(
        objective=objective,
        min_variables=1,
        max_variables=2,
        min_modalities=1,
        least_arm=least_arm,
        least_members=least_members,
        n_personas=1,
        max_overlap=0.5,
        signs=(1,),
        exact=True,
        max_time=None,
    )


def subset_table(k):
    return (np.arange(2**k)[:, None] >> np.arange(k) & 1).astype(bool)


def squared_values(objective, outcome, treated, inside):
    """Squared values of many member sets in floats, without limits."""
    arms = [np.ones(len(outcome), bool)] if treated is None else [treated, ~treated]
    from_zero = treated is None and objective in ("effect", "arm-shift")
    y = outcome - (0 if from_zero else outcome.mean())
    residual = y.copy()
    for arm in arms:
        residual[arm] -= y[arm].mean()
    variance = np.mean(residual**2)
    n = np.array([inside[:, arm].sum(axis=1) for arm in arms]).astype(float)
    s = np.array([inside[:, arm] @ y[arm] for arm in arms])
    size = np.array([arm.sum() for arm in arms])[:, None]
    total = np.array([y[arm].sum() for arm in arms])[:, None]
    if objective == "arm-shift":
        # The covariance of the outcomes, inverted by numpy.
        t, one = arms[0].astype(float), np.ones((len(y), len(arms) - 1))
        inverse = np.linalg.inv(np.eye(len(y)) + 0.1 * np.outer(t, t))
        P = inverse - inverse @ one @ np.linalg.pinv(one.T @ inverse @ one) @ (
            one.T @ inverse
        )
        chosen = (inside & arms[0]).astype(float)
        x, xx = chosen @ P @ y, ((chosen @ P) * chosen).sum(axis=1)
        u = s / n - (total - s) / (size - n)
        counted = (x > 0) & (u[0] - (u[1] if len(u) == 2 else 0) > 0)
        return np.where(counted, x * x / xx, 0) / variance
    if objective == "mean-shift":
        k, x = n.sum(axis=0), s.sum(axis=0) - n.sum(axis=0) * y.mean()
        return np.where(x > 0, x * x / k, 0) / variance
    if objective == "effect":
        u, w = s / n, n
        if treated is None:
            return np.where(u[0] > 0, n[0] * u[0] ** 2, 0) / variance
    else:
        u, w = s / n - (total - s) / (size - n), n * (size - n) / size
    d = u[0] - (u[1] if len(u) == 2 else 0)
    if objective == "sum-of-squares":
        value = (w * u * u).sum(axis=0)
    else:
        value = d * d * (w[0] if len(u) == 1 else w[0] * w[1] / (w[0] + w[1]))
    return np.where(d > 0, value, 0) / variance


@st.composite
def bound_cases(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.sampled_from([9, 14, 20, 40, 63, 64, 65, 66, 129, 130, 200, 260]))
    treated = None
    if draw(st.booleans()):
        treated = rng.random(n) < draw(st.sampled_from([0.5, 0.3, 0.8]))
        assume(min(treated.sum(), (~treated).sum()) >= 3)
    kind = draw(
        st.sampled_from(
            ["binary", "few", "integer", "normal", "huge", "tiny", "shifted"]
        )
    )
    outcome = make_outcome(rng, kind, n)
    if draw(st.booleans()):
        shift = rng.normal() * np.std(outcome)
        outcome += shift if treated is None else shift * treated
    members = min(12, n)
    sets = [rng.choice(n, rng.integers(1, members + 1), False) for _ in range(6)]
    if treated is not None:
        # An arm inside a row set is often all of the arm, so that the limit on the
        # complement cuts the scan short.
        small = np.flatnonzero(treated if treated.sum() <= n / 2 else ~treated)
        if len(small) <= 8:
            others = np.setdiff1d(np.arange(n), small)
            sets.append(np.concatenate([small, rng.choice(others, 3, False)]))
    least_arm, least_members = draw(st.integers(1, 4)), draw(st.integers(0, 5))
    isa = draw(st.sampled_from(ISAS))
    return outcome, treated, sets, least_arm, least_members, isa


def check_bounds(case):
    outcome, treated, sets, least_arm, least_members, isa = case
    n = len(outcome)
    assume(np.ptp(outcome) > 0)
    selectors = row_sets(n)
    for objective in OBJECTIVES:
        chosen = plain_settings(objective, least_arm, least_members)
        with force_isa(isa):
            problem = make_problem(selectors, Labels(outcome, treated), 1, chosen)
        if problem is None:
            assert Values(objective, outcome, treated, 1).variance == 0
            return
        extents = [np.bitwise_or.reduce(problem.bits[chosen]) for chosen in sets]
        bounds = problem.bound(np.array(extents))
        if problem.vectors:
            # Vectors first sort out with a bound of their own.
            union = np.bitwise_or.reduce(extents, axis=0)
            for universe in (union, pack_rows(np.ones((1, n), bool))[0]):
                for exact in (False, True):
                    vector = problem.vector_bound(universe, np.array(extents), exact)
                    bounds = np.minimum(bounds, vector)
        for chosen, bound in zip(sets, bounds):
            inside = np.zeros((2 ** len(chosen), n), bool)
            inside[:, chosen] = subset_table(len(chosen))
            enough = inside.sum(axis=1) >= least_members
            arms = [np.ones(n, bool)] if treated is None else [treated, ~treated]
            for arm in arms:
                k = inside[:, arm].sum(axis=1)
                enough &= (k >= least_arm) & (arm.sum() - k >= least_arm)
            if not enough.any():
                continue
            values = squared_values(objective, outcome, treated, inside[enough])
            count("bounds at least the best of all subsets")
            # Up to 1e-9 SD a value is rounding, for the search too.
            assert bound >= values.max() or values.max() <= 1e-18


@profile(100)
@given(bound_cases())
def test_bound_holds_for_every_subset(case):
    check_bounds(case)


@pytest.mark.slow
@profile(500)
@given(bound_cases())
def test_bound_holds_for_every_subset_deep(case):
    check_bounds(case)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_bound_of_one_sample_is_reached(objective):
    # A bound that is merely large would hide a wrong one; here it is attained.
    rng = np.random.default_rng(0)
    for _ in range(20):
        outcome = rng.normal(size=30)
        problem = make_problem(
            row_sets(30),
            Labels(outcome, None),
            1,
            plain_settings(objective, 2, 2),
        )
        chosen = rng.choice(30, 10, False)
        bound = problem.bound(np.bitwise_or.reduce(problem.bits[chosen])[None])[0]
        inside = np.zeros((2**10, 30), bool)
        inside[:, chosen] = subset_table(10)
        inside = inside[inside.sum(axis=1) >= 2]
        values = squared_values(objective, outcome, None, inside)
        assert bound >= values.max()
        if objective != "sum-of-squares":
            assert bound == pytest.approx(values.max(), rel=1e-8)


def problem_of_sets(objective, outcome, treated, sets, *, least_members=1):
    """A problem whose selectors are the given member sets."""
    n = len(outcome)
    words = make_identity(n)
    zeros = np.zeros(len(sets), np.int32)
    selectors = Selectors(
        np.array([np.bitwise_or.reduce(words[member]) for member in sets]),
        np.arange(len(sets), dtype=np.int32),
        zeros,
        zeros,
        zeros,
        [None] * len(sets),
        np.ones(len(sets), int),
        n,
    )
    chosen = plain_settings(objective, 1, least_members)
    return make_problem(selectors, Labels(outcome, treated), 1, chosen)


@pytest.mark.parametrize("objective", ["contrast", "sum-of-squares"])
@pytest.mark.parametrize("n_values", [2, 3, 4])
def test_equal_shifts_of_the_arms_are_no_effect(objective, n_values):
    # The effect inside equals the one outside in about one in five hundred member
    # sets of a binary outcome; rounding must not decide on which side it falls.
    rng = np.random.default_rng(n_values)
    n_equal = 0
    for _ in range(120):
        n = int(rng.integers(9, 40))
        treated = rng.random(n) < 0.5
        outcome = rng.integers(0, n_values, n).astype(float)
        exact = Values(objective, outcome, treated, 1)
        sets = [
            member
            for member in rng.random((20, n)) < 0.5
            if allowed(member, treated, 1, 1)
        ]
        if not sets or not exact.variance:
            continue
        problem = problem_of_sets(objective, outcome, treated, sets)
        values = np.diag(problem.evaluate(problem.bits))
        for member, value in zip(sets, values):
            expected = exact(member)
            n_equal += not expected and not Values(objective, outcome, treated, -1)(
                member
            )
            if expected:
                assert value == pytest.approx(float(expected), rel=1e-9)
            else:
                assert value <= 1e-18
    assert n_equal > 0


@pytest.mark.parametrize("sizes", [(2, 2, 2, 2), (2, 3, 3, 2)])
def test_rules_of_every_binary_outcome_equal_brute_force(sizes):
    # Treated inside, treated outside, control inside, control outside.
    treated = np.repeat([True, True, False, False], sizes)
    inside = np.repeat([1.0, 0.0, 1.0, 0.0], sizes)
    column = SimpleNamespace(values=inside, levels=None, position=0)
    options = {
        "objective": "sum-of-squares",
        "n_cuts": "all",
        "intervals": False,
        "min_variables": 1,
        "max_variables": 1,
        "modality": [0],
        "min_modalities": 1,
        "least_arm": 1,
        "least_members": 1,
        "n_personas": 2,
        "max_overlap": 0.5,
        "signs": (1, -1),
    }
    for hits in itertools.product(*(range(size + 1) for size in sizes)):
        parts = [np.arange(size) < hit for size, hit in zip(sizes, hits)]
        outcome = np.concatenate(parts).astype(float)
        check(([column], np.arange(len(outcome)), outcome, treated, options))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("two_arms", [False, True])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_values_of_pairs_equal_exact_ones(objective, two_arms, isa):
    rng = np.random.default_rng(5)
    for n in (20, 64, 65, 129, 300, 1100):
        treated = rng.random(n) < 0.4 if two_arms else None
        outcome = rng.normal(size=n)
        sets = rng.random((8, n)) < 0.8
        with force_isa(isa):
            problem = problem_of_sets(
                objective, outcome, treated, sets, least_members=n // 2
            )
        got = problem.evaluate(problem.bits)
        exact = Values(objective, outcome, treated, 1)
        for i, j in itertools.product(range(len(sets)), repeat=2):
            both = sets[i] & sets[j]
            if not allowed(both, treated, 1, n // 2):
                assert got[i, j] < 0
            elif exact(both):
                assert got[i, j] == pytest.approx(float(exact(both)), rel=1e-9)
            else:
                assert got[i, j] <= 1e-18


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("n", [63, 64, 65, 130, 290, 509, 511, 600])
def test_every_instruction_set_finds_the_same(objective, n):
    # Row sets of one to many bytes, arms of equal and unequal size, with ties.
    rng = np.random.default_rng(n)
    columns = [
        make_feature(rng, kind, n, j) for j, kind in enumerate(["normal"] * 6 + ["3"])
    ]
    outcomes = [rng.normal(size=n), rng.standard_t(2, n) * 1e6, rng.random(n) < 0.2]
    for outcome, share in zip(outcomes, (None, 0.5, 0.2)):
        treated = None if share is None else rng.random(n) < share
        options = {
            "objective": objective,
            "n_cuts": 5,
            "intervals": share == 0.5,
            "min_variables": 1,
            "max_variables": 3,
            "modality": [0] * len(columns),
            "min_modalities": 1,
            "least_arm": 4,
            "least_members": 8,
            "n_personas": 5,
            "max_overlap": 0.5,
            "signs": (1, -1),
        }
        case = columns, np.arange(n), outcome.astype(float), treated, options
        first, *others = (run(case, isa=isa, pool=empty_pool)[0] for isa in ISAS)
        assert len(first) == 5
        for rules in others:
            assert_same(rules, first)
