"""Long runs that were interrupted go on where they were, with the same result."""

import pickle
from pathlib import Path

import joblib
import numpy as np
import pytest

import sklearn_persona._claims.null_distribution as null_module
import sklearn_persona._claims.repeated as repeated_module
import sklearn_persona._claims.resampling as resampling_module
import sklearn_persona._selection.checkpoints as module
import sklearn_persona._selection.procedure as procedure_module
from sklearn_persona import PersonaDiscoverer
from sklearn_persona._selection.checkpoints import Checkpoints

QUICK = {
    "max_variables": 2,
    "n_cuts": 3,
    "n_personas": 2,
    "n_alternatives": 0,
    "n_bootstrap": 0,
    "prognostic": None,
    "random_state": 0,
}
# What is repeated, the function that does one part of it, and its parts in all.
RUNS = {
    "permutations": (
        {"validation": "permutation", "n_permutations": 60},
        (null_module, "_reach_chunk"),
    ),
    "resamples": (
        {"validation": None, "n_resamples": 10},
        (resampling_module, "_refit"),
    ),
    "splits": (
        {"validation": "repeated", "n_splits": 9, "n_permutations": 99},
        (repeated_module, "_split_pvalue"),
    ),
}


class Interrupted(BaseException):
    """Like Ctrl-C, nothing that anybody catches."""


def trial(seed=0, n=60, effect=0.7):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    arm = rng.permutation(np.arange(n) % 2)
    return X, rng.normal(size=n) + effect * arm * (X[:, 0] > 0), {"treatment": arm}


def fit(**options):
    X, y, columns = trial()
    return PersonaDiscoverer(**QUICK, **options).fit(X, y, **columns)


def counted(monkeypatch, place, stop_after=np.inf):
    """Count the parts that are computed; be interrupted at one of them."""
    owner, name = place
    original, calls = getattr(owner, name), []

    def one(*arguments, **options):
        if len(calls) >= stop_after:
            raise Interrupted
        result = original(*arguments, **options)
        calls.append(1)
        return result

    monkeypatch.setattr(owner, name, one)
    return calls


def outcome(finder):
    """Everything that a run says."""
    return repr(
        [
            [persona.to_dict() for persona in finder.personas_],
            finder.__dict__.get("split_p_values_", np.empty(0)).tolist(),
        ]
    )


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("run", RUNS)
def test_an_interrupted_run_goes_on(run, n_jobs, tmp_path, monkeypatch):
    options, place = RUNS[run]
    expected = outcome(fit(**options))
    with monkeypatch.context() as patch:
        n_all = counted(patch, place)
        fit(**options, memory=str(tmp_path / "whole"), n_jobs=n_jobs)
    assert len(n_all) > 5

    with monkeypatch.context() as patch:
        calls = counted(patch, place, stop_after=4)
        with pytest.raises(Interrupted):
            fit(**options, memory=str(tmp_path / "part"), n_jobs=n_jobs)
    for n_left in (len(n_all) - len(calls), 0):
        with monkeypatch.context() as patch:
            calls = counted(patch, place)
            again = fit(**options, memory=str(tmp_path / "part"), n_jobs=n_jobs)
        assert outcome(again) == expected
        # What was done beside the interrupted part may be lost.
        assert len(calls) >= n_left
        assert len(calls) <= (n_left if n_jobs == 1 else len(n_all))
    assert not calls


def test_blocks_do_not_depend_on_the_workers(tmp_path, monkeypatch):
    options, place = RUNS["permutations"]
    fit(**options, memory=str(tmp_path), n_jobs=1)
    calls = counted(monkeypatch, place)
    fit(**options, memory=str(tmp_path), n_jobs=3)
    assert not calls


@pytest.mark.parametrize(
    ("run", "change"),
    [
        ("permutations", {"max_overlap": 0.3}),
        ("permutations", {"random_state": 1}),
        ("resamples", {"n_cuts": 4}),
        ("splits", {"alpha": 0.04}),
    ],
)
def test_another_question_takes_nothing_from_the_folder(
    run, change, tmp_path, monkeypatch
):
    options, place = RUNS[run]
    fit(**options, memory=str(tmp_path))
    changed = {**QUICK, **options, **change}
    X, y, columns = trial()
    plain = PersonaDiscoverer(**changed).fit(X, y, **columns)
    calls = counted(monkeypatch, place)
    kept = PersonaDiscoverer(**changed, memory=str(tmp_path)).fit(X, y, **columns)
    assert calls
    assert outcome(kept) == outcome(plain)


def test_another_version_of_the_package_computes_anew(tmp_path, monkeypatch):
    searches = counted(monkeypatch, (procedure_module, "find_refined"))
    for version, n in (("1", 1), ("1", 1), ("2", 2)):
        monkeypatch.setattr(module, "_VERSIONS", (version,))
        # Refined lists search again; here only the whole search is counted.
        fit(validation=None, memory=str(tmp_path), refine_cuts=False)
        assert len(searches) == n


def test_a_time_limit_is_never_kept(tmp_path, monkeypatch):
    searches = counted(monkeypatch, (procedure_module, "find_refined"))
    for n in (1, 2):
        fit(validation=None, memory=str(tmp_path), max_time=60.0, refine_cuts=False)
        assert len(searches) == n


def files(folder):
    return sorted(Path(folder).rglob("output.pkl"))


def test_a_write_that_was_cut_off_is_computed_again(tmp_path):
    parts, asked = [("a",), ("b",), ("c",)], []

    def compute(missing):
        asked.append(missing)
        return ([i, i] for i in missing)

    def run():
        return list(Checkpoints(str(tmp_path), "what").results(parts, compute))

    assert run() == run() == [[0, 0], [1, 1], [2, 2]]
    assert asked == [[0, 1, 2]]
    for content in (b"", b"\x80\x04", pickle.dumps([7])[:-2]):
        broken = files(tmp_path)[1]
        broken.write_bytes(content)
        assert run() == [[0, 0], [1, 1], [2, 2]]
        assert len(asked[-1]) == 1
        assert run() == [[0, 0], [1, 1], [2, 2]]
    assert len(asked) == 4


def test_results_are_stored_one_by_one(tmp_path):
    def compute(missing):
        for i in missing:
            assert len(files(tmp_path)) == i
            yield i

    parts = [(i,) for i in range(4)]
    assert list(Checkpoints(str(tmp_path), 1).results(parts, compute)) == [0, 1, 2, 3]
    assert list(Checkpoints(None, 1).results([(5,)], lambda missing: missing)) == [0]


@pytest.mark.parametrize("memory", [None, joblib.Memory(None)])
def test_without_a_folder_nothing_is_kept(memory):
    calls = []

    def compute(missing):
        calls.append(missing)
        return missing

    for _ in range(2):
        assert list(Checkpoints(memory).results([(0,), (1,)], compute)) == [0, 1]
    assert calls == [[0, 1], [0, 1]]


def test_a_memory_of_another_kind_is_called_for_nothing():
    class Other:
        def cache(self, function, ignore=()):
            return lambda *_: pytest.fail("has no way to say what it has")

    assert list(Checkpoints(Other()).results([(0,)], lambda missing: [5])) == [5]


def test_the_workers_need_no_folder(tmp_path):
    # What is sent to them holds no memory.
    seen = []

    def refit(procedure, *_):
        seen.append(procedure.memory)
        return resampling_module.Refit([], [])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resampling_module, "_refit", refit)
        with pytest.raises(IndexError):
            fit(validation=None, n_resamples=10, memory=str(tmp_path))
    assert seen and set(seen) == {None}
