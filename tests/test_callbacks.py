"""Progress on standard error, and callbacks of scikit-learn 1.9."""

import inspect
import threading
import warnings

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_persona import PersonaDiscoverer
from sklearn_persona import _discoverer as discoverer_module
from sklearn_persona import _progress as progress_module
from sklearn_persona._progress import Progress
from sklearn_persona.datasets import make_parallel_trial
from sklearn_persona.exceptions import SingleArmWarning

CALLBACKS = progress_module.callback_management_context is not None


def test_callbacks_are_there_from_1_9_on():
    major, minor = map(int, sklearn.__version__.split(".")[:2])
    assert ((major, minor) >= (1, 9)) == CALLBACKS


needs_callbacks = pytest.mark.skipif(not CALLBACKS, reason="scikit-learn before 1.9")


class Recorder:
    """Writes down every task."""

    max_propagation_depth = None

    def __init__(self):
        self.log, self.set_up, self.torn_down = [], 0, 0

    def setup(self, estimator, context):
        self.set_up += 1

    def teardown(self, estimator, context):
        self.torn_down += 1

    def on_fit_task_begin(self, estimator, context):
        self.log.append(("begin", context.estimator_name, context.task_name))

    def on_fit_task_end(self, estimator, context):
        self.log.append(("end", context.estimator_name, context.task_name))

    def count(self, event, task):
        return sum(entry[::2] == (event, task) for entry in self.log)


def small(**options):
    options = {"max_variables": 1, "n_bootstrap": 0, "prognostic": None} | options
    return PersonaDiscoverer(random_state=0, n_permutations=99, **options)


@pytest.fixture(scope="module")
def trial():
    return make_parallel_trial(n_samples=120, n_features=6, effect=2.0, random_state=0)


def fit(finder, trial):
    return finder.fit(trial.data, trial.target, treatment=trial.treatment)


PARTS = [
    ({}, ["search"]),
    ({"validation": "permutation"}, ["search", "permutations"]),
    ({"validation": "repeated", "n_splits": 3}, ["search", "splits"]),
    ({"n_resamples": 4, "n_jobs": 2}, ["search", "resamples"]),
]


@needs_callbacks
@pytest.mark.parametrize(("options", "parts"), PARTS)
def test_parts_of_a_fit_are_tasks(options, parts, trial):
    recorder = Recorder()
    finder = small(**options).set_callbacks(recorder)
    fit(finder, trial)
    assert recorder.set_up == recorder.torn_down == 1
    for part in ["fit", *parts]:
        assert recorder.count("begin", part) == recorder.count("end", part) == 1
    assert recorder.count("begin", "part") == recorder.count("end", "part")
    for other in {"permutations", "splits", "resamples"} - set(parts):
        assert not recorder.count("begin", other)
    if parts[1:]:
        # What has a known number of steps is done to the end at least once.
        assert recorder.count("end", "part") >= progress_module.TICKS
    # Callbacks change no result and leave nothing behind.
    plain = fit(small(**options), trial)
    assert [p.rule for p in plain.personas_] == [p.rule for p in finder.personas_]
    assert set(vars(finder)) - set(vars(plain)) == {"_skl_callbacks"}


@needs_callbacks
def test_teardown_after_an_error(trial):
    recorder = Recorder()
    finder = small().set_callbacks(recorder)
    with pytest.raises(ValueError, match="Too few"):
        finder.fit(trial.data[:6], trial.target[:6], treatment=trial.treatment[:6])
    assert recorder.set_up == recorder.torn_down == 1
    assert not hasattr(finder, "_callback_fit_ctx")
    # The next fit starts afresh.
    fit(finder, trial)
    assert recorder.torn_down == 2 and recorder.count("end", "fit") == 1


@needs_callbacks
def test_under_a_grid_search(trial):
    recorder = Recorder()
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(small(validation=None), {"n_cuts": [2, 3]}, cv=2)
        search.set_callbacks(recorder)
        search.fit(trial.data, trial.target, treatment=trial.treatment)
    assert recorder.set_up == recorder.torn_down == 1
    # Two settings in two folds, and the refit.
    searches = [
        entry
        for entry in recorder.log
        if entry == ("begin", "PersonaDiscoverer", "search")
    ]
    assert len(searches) == 5


@needs_callbacks
def test_progress_bar(trial, capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    finder = small(validation="permutation").set_callbacks(ProgressBar())
    fit(finder, trial)
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(small(validation=None), {"n_cuts": [2, 3]}, cv=2)
        search.set_callbacks(ProgressBar(max_propagation_depth=None))
        search.fit(trial.data, trial.target, treatment=trial.treatment)
    out = capsys.readouterr().out
    assert "PersonaDiscoverer - search" in out
    assert "PersonaDiscoverer - permutations" in out
    assert "GridSearchCV" in out and "100%" in out


@needs_callbacks
def test_clones_keep_callbacks(trial):
    recorder = Recorder()
    fit(clone(small().set_callbacks(recorder)), trial)
    assert recorder.count("end", "fit") == 1


def test_without_callbacks(trial, monkeypatch):
    # As with an older scikit-learn.
    monkeypatch.setattr(progress_module, "callback_management_context", None)
    finder = fit(small(), trial)
    assert finder.personas_ and progress_module.open_task(finder, "search") is None


@needs_callbacks
def test_rounds_of_a_task():
    recorder = Recorder()
    finder = small().set_callbacks(recorder)
    with progress_module.fit_context(finder, None, None, 1):
        task = progress_module.open_task(finder, "search")
        for share in (0.1, 0.5, 0.5, 1.0, 0.2, 7.0):
            task(share)
        task.close()
    assert recorder.count("begin", "round") == recorder.count("end", "round") == 2
    assert recorder.count("end", "part") == 2 * progress_module.TICKS


@needs_callbacks
def test_threads_may_report_at_once():
    recorder = Recorder()
    finder = small().set_callbacks(recorder)
    with progress_module.fit_context(finder, None, None, 1):
        task = progress_module.open_task(finder, "search")
        threads = [
            threading.Thread(target=lambda: [task(k / 40) for k in range(41)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        task.close()
    assert recorder.count("begin", "part") == recorder.count("end", "part")


@pytest.mark.parametrize("with_callbacks", [False, True])
def test_warnings_point_at_the_caller(with_callbacks, trial):
    finder = small()
    if with_callbacks and CALLBACKS:
        finder.set_callbacks(Recorder())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line = inspect.currentframe().f_lineno + 1
        finder.fit(trial.data, trial.target)
        finder.fit(trial.data, np.ones(120), treatment=trial.treatment)
    assert caught[0].category is SingleArmWarning
    assert (caught[0].filename, caught[0].lineno) == (__file__, line)
    assert {warning.filename for warning in caught} == {__file__}


# The line on standard error.


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress_module, "time", clock)
    return clock


def test_time_left_and_best(clock, capsys):
    progress = Progress(1, "search")
    progress.best(5.4321)
    clock.now += 10
    progress(0.25)
    clock.now += 1
    progress(0.05)
    progress.close()
    lines = capsys.readouterr().err.split("\r")
    assert lines[1].rstrip() == (
        "search: [#####...............]  25.0%, about 30 s left, "
        "best objective 5.43, 10 s so far"
    )
    # A smaller share is another round, which began when the last one was seen.
    assert lines[2].rstrip() == (
        "search: [#...................]   5.0% of round 2, about 19 s left, "
        "best objective 5.43, 11 s so far"
    )


def test_nothing_is_left_of_a_longer_line(clock, capsys):
    progress = Progress(1, "search")
    clock.now += 1
    progress(0.00001)
    clock.now += 1
    progress(1.0)
    progress.close()
    first, second = capsys.readouterr().err.strip("\r\n").split("\r")
    assert len(second) >= len(first) and "27.8 h" in first


def test_quick_work_says_nothing(clock, capsys):
    for verbose in (0, 1):
        progress = Progress(verbose, "search")
        clock.now += 0.1
        progress(0.5)
        progress.close()
    assert capsys.readouterr().err == ""
    assert not Progress(0, "search") and Progress(1, "search")


@pytest.mark.parametrize(("options", "parts"), PARTS)
def test_every_part_tells_share_and_best(options, parts, trial, monkeypatch):
    told = {}

    class Heard(Progress):
        def __call__(self, share):
            super().__call__(share)
            told.setdefault(self.label, []).append((share, self.best_objective))

    monkeypatch.setattr(discoverer_module, "Progress", Heard)
    finder = fit(small(verbose=1, **options), trial)
    # A search of so few rules may be over before it is asked.
    assert set(told) | {"search"} == set(parts)
    for part in parts[1:]:
        shares = [share for share, _ in told[part]]
        # Permutations may be stopped once a p value is clearly large.
        assert max(shares) == pytest.approx(1.0) and min(shares) > 0
        assert {best for _, best in told[part]} == {finder.search_.best_objective}


@pytest.mark.parametrize("options", [{}, {"search": "beam"}, {"n_personas": 1}])
def test_the_best_objective_is_known_during_the_search(options, trial, monkeypatch):
    known = []
    monkeypatch.setattr(Progress, "best", lambda self, value: known.append(value))
    finder = fit(small(verbose=1, refine_cuts=False, **options), trial)
    assert known[-1] == pytest.approx(finder.search_.best_objective)
    assert sorted(known) == known
