"""Permutations carried through the search, against a loop of whole searches."""

import itertools
import signal
import subprocess
import sys
import textwrap
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pytest

import sklearn_persona._claims.null_distribution as null_module
from sklearn_persona._claims.null_distribution import (
    STOP_AFTER,
    null_maxima,
    reach_counts,
)
from sklearn_persona._data.table import read_table
from sklearn_persona._designs import Permutations, make_units, read_cases
from sklearn_persona._designs.labels import Labels
from sklearn_persona._search._kernel import (
    pack_rows,
    sets_in_order,
    transpose_sets,
    words_for,
)
from sklearn_persona._search.beam import beam_search
from sklearn_persona._search.binning import make_selectors
from sklearn_persona._search.greedy import SearchSettings, find_rules
from sklearn_persona.exceptions import PeriodUnknownWarning

OBJECTIVES = ["effect", "contrast", "sum-of-squares", "mean-shift", "arm-shift"]
DESIGNS = ["parallel", "pooled", "crossover", "crossover with period", "single-arm"]
SETTINGS = SearchSettings(
    objective="effect",
    min_variables=1,
    max_variables=3,
    min_modalities=1,
    least_arm=2,
    least_members=4,
    n_personas=3,
    max_overlap=0.5,
    signs=(1, -1),
    exact=True,
    max_time=None,
)


def units_of(design, n=26, seed=0, *, n_strata=3, binary=False):
    """Units of a simulated trial with a main effect and unequal arms."""
    rng = np.random.default_rng(seed)
    crossover = design.startswith("crossover")
    rows = 2 * n if crossover else n
    y = rng.normal(size=rows)
    if binary:
        y = (rng.random(rows) < 0.12).astype(float)
    columns = {"strata": rng.integers(n_strata, size=n)}
    if crossover:
        columns = {name: np.repeat(value, 2) for name, value in columns.items()}
        columns["groups"] = np.repeat(np.arange(n), 2)
        first = np.repeat(rng.random(n) < 0.4, 2)
        columns["period"] = np.tile([1, 2], n)
        columns["treatment"] = (columns["period"] == 1) == first
    elif design != "single-arm":
        columns["treatment"] = rng.permutation(n) < 0.4 * n
    if not binary:
        y += 1.5 * columns.get("treatment", np.zeros(rows))
        y += 0.7 * (columns.get("period", np.zeros(rows)) == 2)
    if design == "crossover":
        del columns["period"]
    cases = read_cases(rows, y, **columns)
    warns = pytest.warns(PeriodUnknownWarning)
    with warns if design == "crossover" else nullcontext():
        return make_units("crossover" if crossover else design, cases)


def problem(design="parallel", p=5, *, n_cuts=4, seed=0, **options):
    units = units_of(design, seed=seed, **options)
    X = np.random.default_rng(100 + seed).normal(size=(len(units), p))
    selectors = make_selectors(
        read_table(X),
        np.arange(len(units)),
        n_cuts=n_cuts,
        conditions="one-sided",
        modality=np.arange(p) % 2,
        least_members=4,
    )
    return units, selectors, Permutations(units, 7)


def search(selectors, label, settings):
    """Best objective of a whole search, 0.0 without a rule."""
    rules, _ = find_rules(selectors, Labels(*label), settings)
    return [rule.objective for rule in rules] or [0.0]


def loop(selectors, labels, settings, n):
    settings = replace(settings, n_personas=1)
    return np.array([search(selectors, labels[b], settings)[0] for b in range(n)])


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_both_answers_equal_a_loop_of_searches(objective, design):
    units, selectors, labels = problem(design)
    settings = replace(SETTINGS, objective=objective)
    expected = loop(selectors, labels, settings, 25)
    assert len(set(expected)) > 10
    got = null_maxima(selectors, labels, settings, n_permutations=25)
    np.testing.assert_allclose(got, expected, rtol=1e-12)

    seen = search(selectors, (units.score, units.treated), settings)
    # In an order of its own, with values in the middle and at a maximum.
    observed = [seen[-1], *np.quantile(expected, [0.5, 0.9]), expected[3], seen[0]]
    counts = reach_counts(
        selectors, labels, settings, observed, n_permutations=25, stop_after=None
    )
    reached = [np.sum(expected >= value * (1 - 1e-9)) for value in observed]
    assert counts.n_reached.tolist() == reached
    np.testing.assert_array_equal(counts.p_value, (np.array(reached) + 1) / 26)
    assert (counts.n_permutations == 25).all()


@pytest.mark.parametrize(
    "options",
    [
        {"signs": (1,)},
        {"signs": (-1,)},
        {"min_variables": 2, "max_variables": 2},
        {"max_variables": 1},
        {"max_variables": 4},
        {"min_modalities": 2},
        {"least_arm": 4, "least_members": 12},
    ],
)
def test_the_same_rules_are_searched(options):
    _, selectors, labels = problem()
    settings = replace(SETTINGS, objective="contrast", **options)
    expected = loop(selectors, labels, settings, 20)
    got = null_maxima(selectors, labels, settings, n_permutations=20)
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    observed = np.quantile(expected[expected > 0], [0.2, 0.6, 1.0])
    counts = reach_counts(
        selectors, labels, settings, observed, n_permutations=20, stop_after=None
    )
    reached = (expected[:, None] >= observed * (1 - 1e-9)).sum(axis=0)
    assert counts.n_reached.tolist() == reached.tolist()


def test_first_incumbents_cut_off_nothing(monkeypatch):
    # A beam that misses the best rule of each direction by a little.
    def missing(search_problem, selectors, **options):
        pool = beam_search(search_problem, selectors, **options | {"pool_size": 50})
        return replace(pool, rules=pool.rules[1:], values=pool.values[1:])

    monkeypatch.setattr(null_module, "beam_search", missing)
    _, selectors, labels = problem(p=8)
    expected = loop(selectors, labels, SETTINGS, 25)
    got = null_maxima(selectors, labels, SETTINGS, n_permutations=25)
    np.testing.assert_allclose(got, expected, rtol=1e-12)


# In the second case two of the permutations need the exchange of conditions at the end.
@pytest.mark.parametrize(
    ("sizes", "n_variables"), [({"p": 8}, 3), ({"p": 80, "n": 40}, 4)]
)
def test_beam_search_is_repeated_as_it_was(sizes, n_variables):
    _, selectors, labels = problem(**sizes)
    settings = replace(SETTINGS, exact=False, max_variables=n_variables)
    expected = loop(selectors, labels, settings, 13)
    got = null_maxima(selectors, labels, settings, n_permutations=13)
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    observed = np.median(expected)
    counts = reach_counts(
        selectors, labels, settings, [observed], n_permutations=13, stop_after=None
    )
    assert counts.n_reached == np.sum(expected >= observed * (1 - 1e-9))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_equal_values_count_as_reached(objective):
    # Sparse responses: a few values carry most of the distribution.
    units, selectors, _ = problem(binary=True, n_cuts=2)
    labels = Permutations(replace(units, strata=np.zeros(len(units), int)), 7)
    settings = replace(SETTINGS, objective=objective)
    expected = loop(selectors, labels, settings, 40)
    values, n_times = np.unique(np.round(expected[expected > 0], 9), return_counts=True)
    common = expected[np.isclose(expected, values[n_times.argmax()])][0]
    assert n_times.max() > 3
    at_least, above = (expected > common * k for k in (1 - 1e-9, 1 + 1e-9))
    assert at_least.sum() > above.sum() + 3
    counts = reach_counts(
        selectors, labels, settings, [common], n_permutations=40, stop_after=None
    )
    assert counts.n_reached == at_least.sum()


def test_any_number_of_tasks_gives_the_same(monkeypatch):
    _, selectors, labels = problem()
    maxima = loop(selectors, labels, SETTINGS, 60)
    observed = np.quantile(maxima, [0.5, 0.8, 0.97])

    def both(n_jobs):
        counts = reach_counts(
            selectors,
            labels,
            SETTINGS,
            observed,
            n_permutations=60,
            stop_after=5,
            n_jobs=n_jobs,
        )
        whole = null_maxima(
            selectors, labels, SETTINGS, n_permutations=60, n_jobs=n_jobs
        )
        return *(value.tolist() for value in vars(counts).values()), whole.tolist()

    expected = both(1)
    # By hand, in the order of the permutations.
    at = np.flatnonzero(maxima >= observed[0] * (1 - 1e-9))[4] + 1
    assert expected[0][0] == 5 / at and expected[2][0] == at
    assert expected[1][2] < 5 and expected[2][2] == 60
    for n_jobs in (2, 3):
        assert both(n_jobs) == expected
    for tasks in (1, 50):
        monkeypatch.setattr(null_module, "TASKS", tasks)
        assert both(2) == expected
    with joblib.parallel_config(backend="loky", n_jobs=2):
        assert both(None) == expected


@pytest.mark.parametrize("ties", [False, True])
def test_early_stopping_is_valid(ties, monkeypatch):
    # The observed value and the permuted ones are exchangeable draws.
    rng = np.random.default_rng(0)
    draws = iter(())

    def fake(parallel, n_workers, function, shared, span, options, *_):
        return np.array(list(itertools.islice(draws, span[1] - span[0])))

    monkeypatch.setattr(null_module, "_in_chunks", fake)
    settings = replace(SETTINGS, objective="sum-of-squares")
    p_values, n_seen = [], []
    for _ in range(1500):
        values = rng.integers(1, 30, 101) if ties else rng.random(101)
        draws = iter(values[1:].astype(float))
        counts = reach_counts(
            None,
            None,
            settings,
            [values[0]],
            n_permutations=100,
            stop_after=5,
            n_jobs=1,
        )
        p_values.append(counts.p_value[0])
        n_seen.append(counts.n_permutations[0])
    for alpha in (0.02, 0.05, 0.1, 0.3, 0.6):
        size = np.mean(np.array(p_values) <= alpha)
        assert size <= alpha + 2.6 * np.sqrt(alpha * (1 - alpha) / 1500)
        if not ties:
            # Not by being conservative: l takes few values, the steps are known.
            assert size >= 0.6 * alpha
    assert np.mean(n_seen) < 40


def test_values_are_closed_one_by_one(monkeypatch):
    # Each value stops at its own permutation; later ones search only what is open.
    asked, best = [], np.array([3.0, 1.0, 3.0, 1.0, 2.0, 2.0, 9.0, 0.0] * 4)

    def fake(parallel, n_workers, function, shared, span, options, *_):
        asked.append((*span, *options))
        low, enough = options
        cut = np.where(best >= low, np.minimum(best, enough), 0.0)
        return cut[slice(*span)]

    monkeypatch.setattr(null_module, "_in_chunks", fake)
    settings = replace(SETTINGS, objective="sum-of-squares")
    counts = reach_counts(
        None, None, settings, [1.0, 9.0, 2.0, 9.0], n_permutations=30, stop_after=2
    )
    assert counts.n_reached.tolist() == [2, 2, 2, 2]
    assert counts.n_permutations.tolist() == [2, 15, 3, 15]
    np.testing.assert_array_equal(counts.p_value, [1.0, 2 / 15, 2 / 3, 2 / 15])
    lows = [round(low, 6) for _, _, low, _ in asked]
    assert lows[0] == 1 and lows[-1] == 9 and lows == sorted(lows)
    assert [a[0] for a in asked[1:]] == [a[1] for a in asked[:-1]]


def test_the_default_stops_early():
    _, selectors, labels = problem()
    observed = [0.3]
    counts = reach_counts(selectors, labels, SETTINGS, observed, n_permutations=500)
    assert counts.n_permutations == counts.n_reached == STOP_AFTER
    assert counts.p_value == 1


@pytest.mark.parametrize("value", [0.0, 2.0])
def test_constant_outcome_reaches_nothing(value):
    units, selectors, _ = problem()
    units = replace(units, outcome=np.full(len(units), value))
    labels = Permutations(units, 0)
    counts = reach_counts(selectors, labels, SETTINGS, [1e-3], n_permutations=9)
    assert counts.n_reached == 0 and counts.p_value == 0.1
    assert not null_maxima(selectors, labels, SETTINGS, n_permutations=3).any()


def test_no_rule_under_permutation():
    _, selectors, labels = problem()
    for settings, chosen in (
        (replace(SETTINGS, least_arm=20), selectors),
        (SETTINGS, replace(selectors, **no_selectors(selectors))),
    ):
        counts = reach_counts(chosen, labels, settings, [1e-3], n_permutations=4)
        assert counts.n_reached == 0 and counts.p_value == 0.2
        assert null_maxima(chosen, labels, settings, n_permutations=2).tolist() == [
            0.0,
            0.0,
        ]


def no_selectors(selectors):
    names = ("bits", "feature", "side", "cut", "modality")
    return {name: getattr(selectors, name)[:0] for name in names}


def test_strata_of_one_arm_permute_nothing():
    units, selectors, _ = problem()
    units = replace(units, strata=units.treated.astype(int))
    labels = Permutations(units, 0)
    observed = search(selectors, (units.score, units.treated), SETTINGS)[:1]
    counts = reach_counts(selectors, labels, SETTINGS, observed, n_permutations=30)
    assert counts.n_reached == counts.n_permutations == STOP_AFTER
    assert counts.p_value == 1


def test_nothing_observed_asks_nothing():
    _, selectors, labels = problem()
    counts = reach_counts(selectors, labels, SETTINGS, [], n_permutations=10)
    assert all(len(value) == 0 for value in vars(counts).values())


@pytest.mark.parametrize(
    "options, match",
    [
        ({"observed": [1.0, 0.0]}, r"above 0, got 0\.0"),
        ({"observed": [-2.0]}, r"above 0, got -2"),
        ({"observed": [np.nan]}, "observed must be finite"),
        ({"n_permutations": 0}, "n_permutations must be an integer >= 1, got 0"),
        ({"n_permutations": 2.5}, "n_permutations must be an integer >= 1, got 2.5"),
        ({"stop_after": 0}, "stop_after must be an integer >= 1, got 0"),
        ({"settings": replace(SETTINGS, max_time=3.0)}, "max_time=3.0 cannot be"),
    ],
)
def test_bad_input_is_refused(options, match):
    _, selectors, labels = problem()
    given = {"settings": SETTINGS, "observed": [1.0], "n_permutations": 5} | options
    with pytest.raises(ValueError, match=match):
        reach_counts(selectors, labels, **given)
    del given["observed"]
    if not {"observed", "stop_after"} & set(options):
        with pytest.raises(ValueError, match=match):
            null_maxima(selectors, labels, **given)


def test_share_done_is_reported():
    _, selectors, labels = problem()
    shares = []
    reach_counts(
        selectors, labels, SETTINGS, [9.0], n_permutations=50, on_poll=shares.append
    )
    assert len(shares) > 1 and shares == sorted(shares) and shares[-1] == 1


def test_an_error_in_a_task_is_raised():
    _, selectors, labels = problem()

    class Broken:
        def __getitem__(self, b):
            if b == 17:
                raise OSError("labeling 17")
            return labels[b]

    for n_jobs in (1, 2):
        with pytest.raises(OSError, match="labeling 17"):
            null_maxima(selectors, Broken(), SETTINGS, n_permutations=40, n_jobs=n_jobs)


CTRL_C = """
    import signal
    import sys
    import threading

    sys.path[:0] = {paths!r}
    # A shell starts background jobs with Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from test_null import SETTINGS, problem, null_maxima, replace

    _, selectors, labels = problem(p=400, n_cuts=9)

    class Telling:
        def __getitem__(self, b):
            if b == 1:
                print("searching", flush=True)
            return labels[b]

    try:
        null_maxima(
            selectors, Telling(), replace(SETTINGS, max_variables=4),
            n_permutations=1000, n_jobs={n_jobs},
        )
    except KeyboardInterrupt:
        for thread in threading.enumerate():
            if thread is not threading.main_thread():
                thread.join(10)
        print("stopped", threading.active_count(), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent there")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_stops_every_thread(n_jobs):
    # The package that this process tests, installed or not.
    package = Path(null_module.__file__).resolve().parents[2]
    paths = [str(package), str(Path(__file__).resolve().parent)]
    code = textwrap.dedent(CTRL_C).format(paths=paths, n_jobs=n_jobs)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout.readline() == "searching\n"
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=30)
        finally:
            process.kill()
    assert out == "stopped 1\n"


def test_arms_are_exchanged_within_strata():
    units = units_of("parallel", n=40)
    labels, again = Permutations(units, 3), Permutations(units, 3)
    drawn = [labels[b] for b in range(300)]
    sizes = [units.treated[units.strata == s].sum() for s in range(3)]
    for outcome, treated in drawn:
        # Levels of strata and one effect are fitted anew.
        sites = (units.strata[:, None] == np.arange(3)).astype(float)
        design = np.column_stack([treated, sites])
        fit = np.linalg.lstsq(design, units.outcome, rcond=None)[0]
        expected = units.outcome - sites @ fit[1:]
        np.testing.assert_allclose(
            outcome - outcome.mean(), expected - expected.mean(), atol=1e-12
        )
        assert [treated[units.strata == s].sum() for s in range(3)] == sizes
    share = np.mean([treated for _, treated in drawn], axis=0)
    for s in range(3):
        here = units.strata == s
        np.testing.assert_allclose(share[here], units.treated[here].mean(), atol=0.15)
    # Whatever was asked before.
    np.testing.assert_array_equal(again[299][1], drawn[299][1])
    assert (Permutations(units, 4)[0][1] != drawn[0][1]).any()


def test_predictions_stay_as_they_are():
    units = units_of("parallel")
    prognosis = np.random.default_rng(1).normal(size=len(units))
    units = replace(units, strata=np.zeros(len(units), int))
    outcome, _ = Permutations(units.with_prognosis(prognosis), 0)[5]
    np.testing.assert_array_equal(outcome, units.outcome - prognosis)


def test_outcomes_of_a_single_arm_are_exchanged_within_strata():
    units = units_of("single-arm")
    outcome, treated = Permutations(units, 0)[0]
    assert treated is None
    assert (outcome != units.score).any()
    for s in range(3):
        here = units.strata == s
        np.testing.assert_array_equal(
            np.sort(outcome[here]), np.sort(units.score[here])
        )


def test_signs_of_pairs_are_drawn_alone():
    units = units_of("crossover", n=4)
    drawn = [Permutations(units, 0)[b][0] for b in range(400)]
    np.testing.assert_array_equal(np.abs(drawn), np.abs([units.score] * 400))
    _, n_times = np.unique(drawn, axis=0, return_counts=True)
    assert len(n_times) == 16 and n_times.min() > 8


def test_sequences_are_exchanged_and_the_period_effect_estimated_anew():
    # All exchanges by hand, on the cases: who changes sequence swaps the two arms.
    rng = np.random.default_rng(0)
    n, period = 7, np.tile([1, 2], 7)
    first = np.array([1, 1, 0, 0, 0, 1, 0], bool)
    strata = np.array([0, 0, 0, 0, 1, 1, 1])
    y = rng.normal(size=14) + 3.0 * (period == 2)

    def units(first):
        cases = read_cases(
            14,
            y,
            treatment=(period == 1) == np.repeat(first, 2),
            groups=np.repeat(np.arange(n), 2),
            period=period,
            strata=np.repeat(strata, 2),
        )
        return make_units("crossover", cases)

    expected = set()
    for order in itertools.permutations(range(4)):
        for other in itertools.permutations(range(4, 7)):
            scores = units(first[[*order, *other]]).score
            expected.add(tuple(np.round(scores, 9)))
    assert len(expected) == 6 * 3
    labels = Permutations(units(first), 11)
    drawn = [tuple(np.round(labels[b][0], 9)) for b in range(500)]
    assert set(drawn) == expected
    assert min(drawn.count(scores) for scores in expected) > 10


@pytest.mark.parametrize("n_rows", [1, 63, 64, 65, 130, 200, 700])
@pytest.mark.parametrize("n_sets", [0, 1, 63, 64, 65, 150])
def test_row_sets_are_reordered(n_rows, n_sets):
    rng = np.random.default_rng(n_rows)
    member = rng.random((n_sets, n_rows)) < 0.4
    bits = pack_rows(member) if n_sets else np.empty((0, words_for(n_rows)), np.uint64)
    rows = transpose_sets(bits)
    for order in (np.arange(n_rows), rng.permutation(n_rows)):
        got = sets_in_order(rows, order, n_sets)
        assert got.shape == bits.shape
        if n_sets:
            np.testing.assert_array_equal(got, pack_rows(member[:, order]))
