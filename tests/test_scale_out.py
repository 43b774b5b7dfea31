"""The same results on every joblib backend, and when a worker dies."""

import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from test_null import SETTINGS, Permutations, problem
from test_search import DEFAULT, change, find, table, words

import sklearn_persona._search.branch_and_bound as branch_module
import sklearn_persona._search.greedy as greedy_module
import sklearn_persona._search.slices as slices_module
from sklearn_persona import PersonaDiscoverer
from sklearn_persona._claims.null_distribution import null_maxima, reach_counts
from sklearn_persona._designs.labels import Labels
from sklearn_persona._search.greedy import find_rules
from sklearn_persona._search.problem import make_problem
from sklearn_persona.datasets import make_parallel_trial

# Clusters of this machine do not stand beside one another.
pytestmark = pytest.mark.xdist_group("engines")

DOCS = Path(__file__).resolve().parents[1] / "docs"
PACKAGE = Path(branch_module.__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def client():
    """A cluster of two worker processes on this machine."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def ray_backend():
    """Ray on two processors, known to joblib. Not a part of the test extra: 240 MB."""
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    register_ray()
    yield
    ray.shutdown()


RAY = pytest.param("ray", marks=pytest.mark.slow)


@pytest.fixture(params=["loky", "dask", RAY])
def backend(request):
    """A selected backend whose workers share no memory."""
    if request.param != "loky":
        name = {"dask": "client", "ray": "ray_backend"}[request.param]
        request.getfixturevalue(name)
    with joblib.parallel_config(backend=request.param, n_jobs=2):
        yield request.param


@pytest.fixture
def sliced(monkeypatch):
    """Every search counts as a long one of bits."""
    monkeypatch.setattr(branch_module, "SHORT", -1)
    monkeypatch.setattr(greedy_module, "cube_seconds", lambda *_: np.inf)
    used = []
    run_slices = branch_module.run_slices

    def noted(search, build, options, **kwargs):
        used.append(options)
        run_slices(search, build, options, **kwargs)

    monkeypatch.setattr(branch_module, "run_slices", noted)
    return used


def both(n_jobs):
    """Both answers about a null distribution, as plain values."""
    _, selectors, labels = problem()
    return answers(selectors, labels, n_jobs)


def answers(selectors, labels, n_jobs):
    counts = reach_counts(
        selectors,
        labels,
        SETTINGS,
        [4.5, 3.0, 2.2],
        n_permutations=80,
        stop_after=7,
        n_jobs=n_jobs,
    )
    maxima = null_maxima(selectors, labels, SETTINGS, n_permutations=40, n_jobs=n_jobs)
    return [*(value.tolist() for value in vars(counts).values()), maxima.tolist()]


def test_permutations_are_the_same_on_every_backend(backend):
    with joblib.parallel_config(backend="threading"):
        expected = both(2)
    assert expected[1][2] == 7 and expected[1][0] < 7
    assert both(None) == expected


SPACES = {
    "best": DEFAULT,
    "first only": change(n_personas=1),
    "pairs": change(max_variables=2, n_personas=4),
    "contrast": change(objective="contrast", n_personas=5, signs=(1,)),
    "four variables": change(max_variables=4, n_personas=1),
}


@pytest.mark.parametrize("ties", [False, True])
def test_sliced_search_is_the_same_on_every_backend(backend, sliced, ties):
    # Ray takes seconds to start a pool.
    names = ["first only"] if backend == "ray" else SPACES
    for name in names:
        chosen = SPACES[name]
        X, outcome, treated = table(p=12 if "four" in name else 40)
        if ties:
            # Hundreds of rules share the best objective.
            X, outcome = np.round(X), np.round(outcome)
        with joblib.parallel_config(backend="threading"):
            selectors, expected, record = find(X, outcome, treated, chosen, n_jobs=2)
        assert not sliced
        _, rules, got = find(X, outcome, treated, chosen, n_jobs=2)
        assert words(selectors, rules) == words(selectors, expected)
        assert got.proven_optimal and got.n_candidates == record.n_candidates
        assert sliced
        sliced.clear()


def test_lists_without_room_are_the_same(sliced, monkeypatch):
    X, outcome, treated = table(p=10)
    selectors, expected, _ = find(X, outcome, treated, change(n_personas=4))
    monkeypatch.setattr(branch_module, "COLLECTED_BYTES", 300)
    with joblib.parallel_config(backend="loky", n_jobs=2):
        _, rules, record = find(X, outcome, treated, change(n_personas=4), n_jobs=2)
    assert words(selectors, rules) == words(selectors, expected)
    # Once for the list of each direction, then for the steps.
    assert record.proven_optimal and len(sliced) > 4


def test_a_list_is_collected_by_one_search_a_direction(sliced):
    X, outcome, treated = table(p=40)
    with joblib.parallel_config(backend="loky", n_jobs=2):
        find(X, outcome, treated, change(n_personas=5), n_jobs=2)
    assert [bool(options.limit) for options in sliced[:2]] == [True, True]
    assert len(sliced) <= 4


def test_ties_with_earlier_slices_survive(sliced, monkeypatch):
    # One slice a round: each starts from the best of all the earlier ones.
    monkeypatch.setattr(slices_module, "ROUNDS", 10)
    monkeypatch.setattr(slices_module, "SLICES", 1)
    for seed in range(4):
        X, outcome, treated = table(p=15, seed=seed)
        X, outcome = np.round(X), np.round(outcome)
        chosen = change(n_personas=1)
        selectors, expected, _ = find(X, outcome, treated, chosen)
        with joblib.parallel_config(backend="threading"):
            # Threads stand in for other processes, to be quick.
            monkeypatch.setattr(branch_module, "shares_memory", lambda: False)
            _, rules, _ = find(X, outcome, treated, chosen, n_jobs=2)
        assert words(selectors, rules) == words(selectors, expected)
    assert sliced


@pytest.mark.parametrize("n_slices", [(1, 1), (3, 40)])
def test_number_of_slices_does_not_matter(sliced, monkeypatch, n_slices):
    X, outcome, treated = table(p=20)
    selectors, expected, _ = find(X, outcome, treated)
    monkeypatch.setattr(slices_module, "ROUNDS", n_slices[0])
    monkeypatch.setattr(slices_module, "SLICES", n_slices[1])
    shares = []
    with joblib.parallel_config(backend="loky", n_jobs=2):
        _, rules, _ = find(
            X, outcome, treated, change(max_time=600.0), n_jobs=2, on_poll=shares.append
        )
    assert words(selectors, rules) == words(selectors, expected)
    assert max(shares) == 1 and sliced


def test_sliced_search_keeps_its_time_limit(sliced):
    X, outcome, treated = table(p=300)
    limited = change(max_variables=4, max_time=1.0)
    with joblib.parallel_config(backend="loky", n_jobs=2):
        _, rules, record = find(X, outcome, treated, limited, n_jobs=2)
    assert rules and not record.proven_optimal and sliced
    assert record.seconds < 30


def test_short_searches_stay_here():
    X, outcome, treated = table(p=20)
    with joblib.parallel_config(backend="loky", n_jobs=2):
        _, rules, record = find(X, outcome, treated, n_jobs=2)
    assert len(rules) == 3 and record.seconds < 20


def test_workers_that_disagree_are_refused(sliced, monkeypatch):
    monkeypatch.setattr(slices_module, "crc32", lambda _: -1)
    X, outcome, treated = table(p=20)
    with joblib.parallel_config(backend="loky", n_jobs=2):
        with pytest.raises(RuntimeError, match="order its branches differently"):
            find(X, outcome, treated, n_jobs=2)


def set_short(seconds):
    branch_module.SHORT = seconds


@pytest.mark.parametrize("spread", [False, True])
def test_grid_search_and_cross_validation_run_on_the_cluster(client, spread):
    # A search inside of a task is spread over the same workers when it is long.
    client.run(set_short, -1 if spread else branch_module.SHORT)
    # Metadata routing is switched on here, and must be in the workers too.
    trial = make_parallel_trial(n_samples=120, n_features=6, random_state=0)
    params = {"treatment": trial.treatment}
    data = trial.data, trial.target
    model = PersonaDiscoverer(validation=None, n_personas=2, random_state=0)
    cv = KFold(2)

    def run():
        with sklearn.config_context(enable_metadata_routing=True):
            scores = cross_validate(model, *data, params=params, cv=cv)["test_score"]
            grid = GridSearchCV(model, {"max_variables": [1, 2]}, cv=cv)
            grid.fit(*data, **params)
        return [*scores, *grid.cv_results_["mean_test_score"]]

    expected = run()
    with joblib.parallel_config(backend="dask"):
        got = run()
    client.run(set_short, branch_module.SHORT)
    np.testing.assert_array_equal(got, expected)
    assert any(expected)


def note(folder, name):
    """Leave a file that says who did what."""
    (Path(folder) / f"{name} {os.getpid()}").touch()
    # Long enough to be killed in the middle.
    time.sleep(0.05)


def notes(folder):
    """Process numbers by what they did."""
    seen = defaultdict(set)
    for path in Path(folder).iterdir():
        name, pid = path.name.rsplit(" ", 1)
        seen[name].add(int(pid))
    return seen


class NotedLabels:
    """Permutations that leave a note of each process that asked for one."""

    def __init__(self, labels, folder):
        self.labels, self.folder = labels, str(folder)

    def __getitem__(self, b):
        note(self.folder, b)
        return self.labels[b]


class NotedProblem:
    """Builds problems like `make_problem`, with a note."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __call__(self, selectors, label, sign, settings):
        # The search of each direction has its tasks.
        note(self.folder, f"{sign} {time.monotonic_ns()}")
        time.sleep(0.5)
        return make_problem(selectors, label, sign, settings)


class Killer(threading.Thread):
    """Kills the process that left the first note but a few."""

    def __init__(self, folder, after):
        super().__init__(daemon=True)
        self.folder, self.after, self.pid = folder, after, None

    def run(self):
        while self.pid is None:
            by_pid = defaultdict(int)
            for pids in notes(self.folder).values():
                for pid in pids - {os.getpid()}:
                    by_pid[pid] += 1
            ready = [pid for pid, n in by_pid.items() if n >= self.after]
            if ready:
                self.pid = ready[0]
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.005)


def is_gone(pid):
    """Whether a process has ended, waiting for its parent to notice."""
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_permutations_of_a_killed_worker_run_again(client, tmp_path):
    _, selectors, labels = problem()
    expected = answers(selectors, labels, 2)
    workers = set(client.run(os.getpid).values())
    killer = Killer(tmp_path, after=3)
    killer.start()
    with joblib.parallel_config(backend="dask"):
        got = answers(selectors, NotedLabels(labels, tmp_path), None)
    killer.join(10)
    assert killer.pid in workers and is_gone(killer.pid)
    assert killer.pid not in client.run(os.getpid).values()
    # It was in the middle of a chunk, which another process began anew.
    again = [pids for pids in notes(tmp_path).values() if killer.pid in pids]
    assert any(len(pids) > 1 for pids in again)
    assert got == expected


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_slices_of_a_killed_worker_run_again(client, sliced, tmp_path, monkeypatch):
    X, outcome, treated = table(p=40)
    # One direction: a second one starts from the best of the first and needs few.
    chosen = change(n_personas=1, signs=(1,))
    selectors, expected, _ = find(X, outcome, treated, chosen, n_jobs=2)
    client.wait_for_workers(2)
    workers = set(client.run(os.getpid).values())
    monkeypatch.setattr(branch_module, "make_problem", NotedProblem(tmp_path))
    killer = Killer(tmp_path, after=2)
    killer.start()
    with joblib.parallel_config(backend="dask"):
        rules, record = find_rules(
            selectors, Labels(outcome, treated), chosen, n_jobs=2
        )
    killer.join(10)
    assert killer.pid in workers and is_gone(killer.pid)
    assert words(selectors, rules) == words(selectors, expected)
    assert record.proven_optimal
    # One column here, one a slice, and those of slices that the worker had begun, or
    # finished without handing over the result, again.
    n_slices = slices_module.ROUNDS * slices_module.SLICES * 2
    assert len(notes(tmp_path)) > n_slices + 1


@pytest.mark.parametrize("name", ["dask", RAY])
def test_scripts_of_the_guide_run_as_they_stand(name, tmp_path):
    pytest.importorskip({"dask": "distributed"}.get(name, name))
    text = (DOCS / "scaling.md").read_text(encoding="utf-8")
    scripts = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    script = next(s for s in scripts if f'backend="{name}"' in s)
    path = tmp_path / "script.py"
    path.write_text(script, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    done = subprocess.run(
        [sys.executable, str(path)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"best depth: \d", done.stdout)
    assert "persona" in done.stdout


def test_permutations_travel_small():
    # Labelings are drawn where they are needed, not sent.
    units, _, labels = problem()
    assert len(pickle.dumps(labels)) < 3 * len(pickle.dumps(units))
    again = pickle.loads(pickle.dumps(labels))
    for b in (0, 10**6):
        np.testing.assert_array_equal(again[b][1], Permutations(units, 7)[b][1])
