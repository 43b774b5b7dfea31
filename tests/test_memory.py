"""Searches that do not fit are refused before anything is built."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sklearn_persona._search.memory as module
from sklearn_persona import PersonaDiscoverer
from sklearn_persona._data.table import read_table
from sklearn_persona._search.binning import _level_sets, make_selectors, n_level_sets
from sklearn_persona._search.memory import _n_conditions, available_bytes, check_room


def table(n=40, p=30, seed=0):
    return np.random.default_rng(seed).normal(size=(n, p))


def room(columns, n_units, **options):
    options = {"n_cuts": 9, "conditions": "one-sided", **options}
    check_room(columns, np.arange(n_units), **options)


@pytest.mark.parametrize("conditions", ["one-sided", "interval"])
@pytest.mark.parametrize("n_cuts", [1, 9, "all"])
def test_the_number_of_conditions_is_that_of_the_search(n_cuts, conditions):
    X = pd.DataFrame(table(p=4))
    X.columns = list("abcd")
    X["b"] = (X["b"] > 0).astype(float)
    X["c"] = np.nan
    X["d"] = pd.Series(list("uvw") * 13 + ["u"], dtype="category")
    columns, rows = read_table(X), np.arange(40)
    selectors = make_selectors(
        columns,
        rows,
        n_cuts=n_cuts,
        conditions=conditions,
        modality=np.zeros(4, int),
        least_members=1,
    )
    n = _n_conditions(columns, rows, n_cuts, conditions == "interval")
    assert n == selectors.n_conditions.sum()


def test_sets_of_levels():
    for n in range(8):
        assert n_level_sets(n) == len(_level_sets(n))


def test_too_many_columns_are_refused_at_once():
    X = np.zeros((12, 10**6), np.float32)
    X[:] = np.arange(12)[:, None]
    arm = np.arange(12) % 2
    finder = PersonaDiscoverer(min_arm_size=2, validation=None)
    start = time.process_time()
    with pytest.raises(ValueError) as error:
        finder.fit(X, np.arange(12.0), treatment=arm)
    assert time.process_time() - start < 30
    for words in ("1,000,000 columns over 12 units", "n_cuts=9", "select columns"):
        assert words in str(error.value)
    assert not hasattr(finder, "search_")


def test_what_is_there_decides(monkeypatch):
    columns = read_table(table())
    monkeypatch.setattr(module, "available_bytes", lambda: 600_000)
    room(columns, 40)
    with pytest.raises(ValueError, match=r"0\.00056 GiB are available: use condition"):
        room(columns, 40, conditions="interval")
    with pytest.raises(ValueError, match="lower n_cuts='all'"):
        room(columns, 40, n_cuts="all")
    monkeypatch.setattr(module, "available_bytes", lambda: 1000)
    with pytest.raises(ValueError, match="are available: select columns"):
        room(columns, 40, n_cuts=1)
    monkeypatch.setattr(module, "available_bytes", lambda: None)
    room(columns, 40, n_cuts="all", conditions="interval")


def test_it_is_asked_before_the_prognostic_model(monkeypatch):
    import sklearn_persona._selection.procedure as procedure_module

    monkeypatch.setattr(
        procedure_module.Procedure, "adjust", lambda *_: pytest.fail("adjusted")
    )
    monkeypatch.setattr(module, "available_bytes", lambda: 1000)
    with pytest.raises(ValueError, match="GiB of memory"):
        PersonaDiscoverer(random_state=0).fit(
            table(), np.arange(40.0), treatment=np.arange(40) % 2
        )


def write(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_control_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "GROUP", tmp_path)
    assert module._left_of_group() is None
    write(
        tmp_path,
        memory__memory_dot_limit_in_bytes="2000",
        memory__memory_dot_usage_in_bytes="1500",
        memory__memory_dot_stat="inactive_file 9\ntotal_inactive_file 100\n",
    )
    assert module._left_of_group() == 600
    write(tmp_path, memory_dot_max="max", memory_dot_current="10")
    assert module._left_of_group() == 600
    write(tmp_path, memory_dot_max="1000", memory_dot_current="900")
    assert module._left_of_group() == 100
    assert available_bytes() == 100
    write(tmp_path, memory_dot_stat="anon 5\ninactive_file 30\nslab 1\n")
    assert module._left_of_group() == 130
    write(tmp_path, memory_dot_current="5000")
    assert module._left_of_group() == 0


def test_a_system_that_says_nothing(monkeypatch):
    for name in ("_free", "_left_of_group", "_left_of_process", "_installed"):
        monkeypatch.setattr(module, name, lambda: None)
    assert available_bytes() is None
    room(read_table(table()), 40)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs RLIMIT_AS")
def test_a_limit_of_the_process_is_an_error_that_names_the_setting():
    code = """
        import resource, sys
        sys.path.insert(0, {path!r})
        import numpy as np
        from sklearn_persona import PersonaDiscoverer
        from sklearn_persona._search.memory import available_bytes
        X = np.random.default_rng(0).normal(size=(60, 3000))
        arm = np.arange(60) % 2
        used = int(open("/proc/self/statm").read().split()[0]) * 4096
        resource.setrlimit(resource.RLIMIT_AS, (used + 3 * 2**20,) * 2)
        assert available_bytes() <= 3 * 2**20
        try:
            PersonaDiscoverer(validation=None, n_cuts=20).fit(X, X[:, 0], treatment=arm)
        except ValueError as error:
            print(error)
    """
    path = str(Path(module.__file__).resolve().parents[2])
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code).format(path=path)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stderr
    assert "of memory" in result.stdout and "n_cuts=20" in result.stdout
