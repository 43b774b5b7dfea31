"""Threads, time limits, Ctrl-C and invariances of the search."""

import dataclasses
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from _paths import force_path

import sklearn_persona._search.branch_and_bound as branch_module
from sklearn_persona import PersonaDiscoverer
from sklearn_persona._designs.labels import Labels
from sklearn_persona._search import _kernel
from sklearn_persona._search.binning import make_selectors
from sklearn_persona._search.greedy import SearchSettings, find_rules
from sklearn_persona._search.objectives import OBJECTIVES
from sklearn_persona.exceptions import NoPersonaWarning

DEFAULT = SearchSettings(
    objective="effect",
    min_variables=1,
    max_variables=3,
    min_modalities=1,
    least_arm=4,
    least_members=7,
    n_personas=3,
    max_overlap=0.5,
    signs=(1, -1),
    exact=True,
    max_time=None,
)


def change(**options):
    return dataclasses.replace(DEFAULT, **options)


def columns_of(X):
    return [
        SimpleNamespace(values=X[:, j].copy(), levels=None, position=j)
        for j in range(X.shape[1])
    ]


def table(n=63, p=60, seed=0, two_arms=True):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    treated = np.arange(n) % 2 == 0 if two_arms else None
    outcome = rng.normal(size=n)
    outcome += 0.8 * (X[:, 0] > 0) * (1 if treated is None else treated)
    return X, outcome, treated


def selectors_of(X, *, n_cuts=9, conditions="one-sided", least_members=7):
    return make_selectors(
        columns_of(X),
        np.arange(len(X)),
        n_cuts=n_cuts,
        conditions=conditions,
        modality=np.zeros(X.shape[1], int),
        least_members=least_members,
    )


def find(X, outcome, treated, chosen=DEFAULT, *, n_jobs=1, on_poll=None, **options):
    selectors = selectors_of(X, least_members=chosen.least_members, **options)
    label = Labels(outcome, treated)
    rules, record = find_rules(selectors, label, chosen, n_jobs=n_jobs, on_poll=on_poll)
    return selectors, rules, record


def words(selectors, rules):
    """What a user sees of the rules."""
    return [
        (
            sorted(
                (int(selectors.feature[i]), selectors.limits[i]) for i in r.selectors
            ),
            r.sign,
            r.objective,
        )
        for r in rules
    ]


def members(rules):
    return [(rule.sign, rule.members.tolist()) for rule in rules]


def assert_same_rules(rules, others, rel=1e-9):
    assert members(rules) == members(others)
    got, expected = [r.objective for r in rules], [r.objective for r in others]
    np.testing.assert_allclose(got, expected, rtol=rel)


@pytest.mark.parametrize("objective", ["effect", "contrast"])
def test_any_number_of_threads_gives_the_same(objective):
    X, outcome, treated = table()
    results = []
    for n_jobs in (1, 2, 3):
        for _ in range(2):
            selectors, rules, record = find(
                X, outcome, treated, change(objective=objective), n_jobs=n_jobs
            )
            assert record.proven_optimal
            results.append((words(selectors, rules), record.n_candidates))
    assert len(results[0][0]) == 3
    assert all(result == results[0] for result in results)


def test_any_number_of_threads_breaks_ties_the_same():
    # Few distinct values: hundreds of rules share the best objective.
    X, _, treated = table(p=30)
    X = np.round(X)
    outcome = np.random.default_rng(1).integers(0, 2, len(X)).astype(float)
    results = []
    for n_jobs in (1, 2, 3, 2, 3):
        selectors, rules, _ = find(X, outcome, treated, n_jobs=n_jobs)
        results.append(words(selectors, rules))
    assert results[0]
    assert all(result == results[0] for result in results)


def test_single_thread_record_is_reproducible():
    X, outcome, treated = table(p=20)
    records = [find(X, outcome, treated)[2] for _ in range(2)]
    assert records[0].n_evaluated == records[1].n_evaluated > 0
    assert records[0].seconds > 0


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_time_limit_gives_best_so_far(n_jobs):
    X, outcome, treated = table(p=150)
    limited = change(max_variables=4, max_time=1e-6)
    _, rules, record = find(X, outcome, treated, limited, n_jobs=n_jobs)
    assert not record.proven_optimal
    assert len(rules) == 3
    assert record.best_objective == rules[0].objective > 0
    assert record.seconds < 20


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_time_limit_is_kept(n_jobs):
    X, outcome, treated = table(p=300)
    limited = change(max_variables=4, max_time=1.5)
    _, rules, record = find(
        X, outcome, treated, limited, n_jobs=n_jobs, conditions="interval"
    )
    assert rules and not record.proven_optimal
    assert record.seconds < 10


def test_generous_time_limit_changes_nothing():
    X, outcome, treated = table(p=30)
    selectors, rules, record = find(X, outcome, treated)
    _, limited, limited_record = find(X, outcome, treated, change(max_time=600.0))
    assert record.proven_optimal and limited_record.proven_optimal
    assert words(selectors, limited) == words(selectors, rules)


@pytest.mark.parametrize("objective", ["effect", "contrast", "mean-shift"])
@pytest.mark.parametrize("two_arms", [False, True])
def test_beam_is_never_proven_and_never_better(objective, two_arms):
    for seed in range(2):
        X, outcome, treated = table(p=8, seed=seed, two_arms=two_arms)
        chosen = change(objective=objective)
        _, exact, exact_record = find(X, outcome, treated, chosen)
        _, beam, record = find(
            X, outcome, treated, dataclasses.replace(chosen, exact=False)
        )
        assert exact_record.proven_optimal and not record.proven_optimal
        assert beam[0].objective <= exact[0].objective * (1 + 1e-9)
        for rule in beam:
            inside, rest = rule.members, ~rule.members
            assert inside.sum() >= 7
            arms = [np.ones(63, bool)] if treated is None else [treated, ~treated]
            for arm in arms:
                assert (inside & arm).sum() >= 4 and (rest & arm).sum() >= 4


@pytest.mark.parametrize("exact", [True, False])
def test_kept_rules_overlap_at_most_as_allowed(exact):
    X, outcome, treated = table(p=20)
    for most in (0.0, 0.3, 0.8):
        chosen = change(exact=exact, n_personas=8, max_overlap=most)
        _, rules, _ = find(X, outcome, treated, chosen)
        objectives = [rule.objective for rule in rules]
        assert objectives == sorted(objectives, reverse=True)
        for sign in (1, -1):
            kept = [rule.members for rule in rules if rule.sign == sign]
            for i, a in enumerate(kept):
                assert all((a & b).sum() <= most * (a | b).sum() for b in kept[:i])


@pytest.mark.parametrize("exact, room", [(True, 2**28), (True, 300), (False, 2**28)])
def test_no_rule_is_kept_twice_when_any_overlap_is_allowed(exact, room, monkeypatch):
    # Without room for the list at once, every step searches.
    monkeypatch.setattr(branch_module, "COLLECTED_BYTES", room)
    X, outcome, treated = table(p=5)
    chosen = change(exact=exact, max_overlap=1.0, n_personas=5)
    _, rules, _ = find(X, outcome, treated, chosen)
    assert len(rules) == 5
    assert len({(rule.members.tobytes(), rule.sign) for rule in rules}) == 5


CTRL_C = """
    import signal
    import sys

    sys.path[:0] = {paths!r}
    # A shell starts background jobs with Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from test_search import Labels, change, find_rules, selectors_of, table

    X, outcome, treated = table(p=300)
    selectors = selectors_of(X, conditions="interval")
    started = []

    def on_poll(share):
        if not started:
            started.append(True)
            print("searching", flush=True)

    find_rules(
        selectors,
        Labels(outcome, treated),
        change(max_variables=4),
        n_jobs={n_jobs},
        on_poll=on_poll,
    )
    print("finished", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent there")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_ends_the_search(n_jobs):
    # The package that this process tests, installed or not.
    package = Path(branch_module.__file__).resolve().parents[2]
    paths = [str(package), str(Path(__file__).resolve().parent)]
    code = textwrap.dedent(CTRL_C).format(paths=paths, n_jobs=n_jobs)
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout.readline() == "searching\n"
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert out == ""
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert process.returncode in (1, -signal.SIGINT)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent there")
def test_ctrl_c_while_waiting_for_other_threads_stops_them(request):
    # The calling thread may run out of work long before another one does.
    stopped = threading.Event()

    class Slow:
        best, n_evaluated, timed_out = None, 0, False

        def __init__(self, *_):
            self.caller = threading.current_thread()

        def start(self):
            pass

        def run(self):
            if threading.current_thread() is self.caller:
                return
            time.sleep(0.2)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            if not stopped.wait(5):
                raise AssertionError("the search was not stopped")

        def stop(self):
            stopped.set()

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, previous))
    X, outcome, treated = table(p=3)
    start = time.monotonic()
    with mock.patch.object(branch_module, "Search", Slow), force_path("bits"):
        with pytest.raises(KeyboardInterrupt):
            find(X, outcome, treated, n_jobs=2)
    assert stopped.is_set()
    assert time.monotonic() - start < 4


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_error_of_the_caller_ends_the_search(n_jobs):
    def on_poll(share):
        raise RuntimeError(f"at {share >= 0}")

    X, outcome, treated = table(p=200)
    with pytest.raises(RuntimeError, match="at True"):
        find(
            X,
            outcome,
            treated,
            change(max_variables=4, max_time=60.0),
            n_jobs=n_jobs,
            on_poll=on_poll,
        )


def test_share_done_is_reported():
    shares = []
    X, outcome, treated = table(p=100)
    find(X, outcome, treated, change(max_time=2.0), on_poll=shares.append)
    assert shares
    # Each step of the list starts anew, so the shares need not rise throughout.
    assert all(0 <= share <= 1.5 for share in shares)


def test_other_threads_run_during_the_search():
    X, outcome, treated = table(p=300)
    selectors = selectors_of(X, conditions="interval")
    chosen = change(max_variables=4, max_time=0.8)
    ticks, done = [], threading.Event()

    def tick():
        while not done.wait(0.005):
            ticks.append(time.monotonic())

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        start = time.monotonic()
        find_rules(selectors, Labels(outcome, treated), chosen)
        end = time.monotonic()
    finally:
        done.set()
        thread.join()
    during = [t for t in ticks if start < t < end]
    assert len(during) > 20
    assert np.diff(during).max() < 0.8 * (end - start)


@pytest.mark.parametrize("value", [0.0, 3.0, 1e9, -1e-9])
@pytest.mark.parametrize("two_arms", [False, True])
@pytest.mark.parametrize(
    "objective", ["effect", "contrast", "sum-of-squares", "mean-shift", "arm-shift"]
)
def test_constant_outcome_has_no_rules(objective, two_arms, value):
    X, outcome, treated = table(p=5, two_arms=two_arms)
    _, rules, record = find(
        X, np.full_like(outcome, value), treated, change(objective=objective)
    )
    assert rules == [] and np.isnan(record.best_objective)


def test_outcome_constant_within_arms_has_no_rules():
    X, _, treated = table(p=5)
    assert find(X, np.where(treated, 0.1, 0.3), treated)[1] == []


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_no_selector_has_no_rules(n_jobs):
    _, outcome, treated = table()
    for X in (np.empty((63, 0)), np.full((63, 3), np.nan)):
        selectors, rules, record = find(X, outcome, treated, n_jobs=n_jobs)
        assert len(selectors.bits) == 0
        assert rules == [] and record.n_candidates == 0 and record.n_evaluated == 0
        assert np.isnan(record.best_objective)


def test_impossible_sizes_have_no_rules():
    X, outcome, treated = table(p=4)
    for options in (
        {"least_arm": 17},
        {"least_arm": 1000},
        {"least_members": 64},
        {"min_modalities": 2},
    ):
        _, rules, record = find(X, outcome, treated, change(**options))
        assert rules == [] and record.proven_optimal


def test_more_variables_wanted_than_columns():
    X, outcome, treated = table(p=2)
    chosen = change(min_variables=3, max_variables=3)
    _, rules, record = find(X, outcome, treated, chosen)
    assert rules == [] and record.proven_optimal


@pytest.mark.parametrize("two_arms", [False, True])
@pytest.mark.parametrize("objective", ["effect", "sum-of-squares"])
def test_row_order_does_not_matter(objective, two_arms):
    X, outcome, treated = table(p=6, two_arms=two_arms)
    chosen = change(objective=objective)
    order = np.random.default_rng(0).permutation(len(X))
    _, rules, _ = find(X, outcome, treated, chosen)
    _, others, _ = find(
        X[order], outcome[order], None if treated is None else treated[order], chosen
    )
    back = np.argsort(order)
    for rule, other in zip(rules, others, strict=True):
        np.testing.assert_array_equal(rule.members, other.members[back])
        assert rule.sign == other.sign
        assert rule.objective == pytest.approx(other.objective, rel=1e-9)
    assert rules


def test_increasing_transform_of_columns_does_not_matter():
    X, outcome, treated = table(p=4)
    chosen = change(max_variables=2)
    _, rules, record = find(X, outcome, treated, chosen, n_cuts="all")
    for Z in (np.exp(X), X**3, 1e-9 * X + 5):
        _, others, other_record = find(Z, outcome, treated, chosen, n_cuts="all")
        assert_same_rules(rules, others)
        assert record.n_candidates == other_record.n_candidates
    # Falling transforms swap the sides, so every member set is still there.
    _, others, _ = find(-X, outcome, treated, chosen, n_cuts="all")
    assert_same_rules(rules, others)


def test_column_order_changes_ties_only():
    rng = np.random.default_rng(4)
    for rounded in (False, True):
        X, outcome, treated = table(p=12)
        if rounded:
            X, outcome = np.round(X), np.round(outcome)
        order = rng.permutation(X.shape[1])
        _, rules, _ = find(X, outcome, treated, change(n_personas=1))
        _, others, _ = find(X[:, order], outcome, treated, change(n_personas=1))
        assert rules[0].objective == pytest.approx(others[0].objective, rel=1e-9)
        if not rounded:
            assert_same_rules(rules, others)


@pytest.mark.parametrize("objective", ["contrast", "sum-of-squares", "mean-shift"])
@pytest.mark.parametrize("two_arms", [False, True])
@pytest.mark.parametrize("a, b", [(0.3, 7.0), (1e12, -3e12), (1e-12, 0.0)])
def test_units_of_the_outcome_do_not_matter(objective, two_arms, a, b):
    X, outcome, treated = table(p=4, two_arms=two_arms)
    chosen = change(objective=objective)
    _, rules, _ = find(X, outcome, treated, chosen)
    _, others, _ = find(X, a * outcome + b, treated, chosen)
    assert_same_rules(rules, others)


@pytest.mark.parametrize("two_arms", [False, True])
@pytest.mark.parametrize("a, b", [(0.3, 7.0), (1e12, -3e12), (1e-12, 0.0)])
@pytest.mark.parametrize("objective", ["effect", "arm-shift"])
def test_units_of_the_outcome_do_not_matter_for_an_effect(objective, two_arms, a, b):
    X, outcome, treated = table(p=4, two_arms=two_arms)
    # The mean of one sample is measured from zero.
    b = b if two_arms else 0.0
    chosen = change(objective=objective)
    _, rules, _ = find(X, outcome, treated, chosen)
    _, others, _ = find(X, a * outcome + b, treated, chosen)
    assert_same_rules(rules, others)


@pytest.mark.parametrize(
    "objective", ["effect", "contrast", "sum-of-squares", "mean-shift", "arm-shift"]
)
@pytest.mark.parametrize("two_arms", [False, True])
def test_large_offset_costs_no_precision(objective, two_arms):
    # Dyadic outcomes, so that adding the offset is exact.
    X, outcome, treated = table(p=4, two_arms=two_arms)
    outcome = np.round(outcome * 2**10) / 2**10
    if objective in ("effect", "arm-shift") and not two_arms:
        # The mean of one sample is measured from zero.
        return
    chosen = change(objective=objective)
    _, rules, _ = find(X, outcome, treated, chosen)
    _, others, _ = find(X, outcome + 2.0**30, treated, chosen)
    assert_same_rules(rules, others)


@pytest.mark.parametrize(
    "objective", ["effect", "contrast", "sum-of-squares", "mean-shift", "arm-shift"]
)
@pytest.mark.parametrize("two_arms", [False, True])
def test_unfavorable_is_favorable_on_the_negative_outcome(objective, two_arms):
    X, outcome, treated = table(p=6, two_arms=two_arms)
    _, down, _ = find(X, outcome, treated, change(objective=objective, signs=(-1,)))
    _, up, _ = find(X, -outcome, treated, change(objective=objective, signs=(1,)))
    assert len(down) == 3
    assert [-rule.sign for rule in down] == [rule.sign for rule in up]
    assert [r.members.tolist() for r in down] == [r.members.tolist() for r in up]
    np.testing.assert_allclose([r.objective for r in down], [r.objective for r in up])


@pytest.mark.parametrize("objective", ["effect", "contrast", "sum-of-squares"])
def test_swapping_the_arms_swaps_the_directions(objective):
    X, outcome, treated = table(p=10)
    _, rules, _ = find(X, outcome, treated, change(objective=objective, signs=(1,)))
    _, others, _ = find(X, outcome, ~treated, change(objective=objective, signs=(-1,)))
    assert [r.members.tolist() for r in rules] == [r.members.tolist() for r in others]


def test_both_directions_merge_their_lists():
    X, outcome, treated = table(p=10)
    both = find(X, outcome, treated, change(n_personas=6))[1]
    alone = [
        rule
        for sign in (1, -1)
        for rule in find(X, outcome, treated, change(n_personas=6, signs=(sign,)))[1]
    ]
    alone.sort(key=lambda rule: -rule.objective)
    assert_same_rules(both, alone[:6])


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("validation", ["holdout", "permutation"])
@pytest.mark.parametrize("objective", ["auto", "effect"])
@pytest.mark.parametrize("path", ["bits", "cubes"])
def test_fewer_columns_than_variables_asked_for(path, objective, validation, missing):
    # One column makes no rule of two variables; one without values makes none at all.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 1))
    if missing:
        X[:] = np.nan
    finder = PersonaDiscoverer(
        min_variables=1 if missing else 2,
        objective=objective,
        prognostic=None,
        validation=validation,
        n_permutations=20,
        random_state=0,
    )
    with force_path(path), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        finder.fit(X, rng.normal(size=40), treatment=np.arange(40) % 2)
    assert NoPersonaWarning in [warning.category for warning in caught]
    assert finder.personas_ == []
    assert finder.search_.proven_optimal


def test_c_and_python_have_the_same_objectives():
    assert set(_kernel.OBJECTIVES) == set(OBJECTIVES)


# In the order in which they may import each other.
MODULES = (
    "_native objectives _kernel binning memory _cube problem beam cost slices spaces "
    "branch_and_bound cubes greedy refinement alternatives"
).split()


def test_modules_of_the_search_import_one_way():
    # Of the checkout: what is installed has no sources of compiled modules.
    folder = Path(__file__).resolve().parents[1] / "sklearn_persona" / "_search"
    files = [*folder.glob("*.py"), *folder.glob("*.pyx"), *folder.glob("*.pxd")]
    assert {path.stem for path in files} == {"__init__", *MODULES}
    for path in files:
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"^from sklearn_persona\._search\.(\w+) ", text, re.M):
            assert MODULES.index(name) < MODULES.index(path.stem)
