"""Loading executes nothing; nothing calls home; what is stored is plain."""

import ast
import builtins
import contextlib
import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from _fits import KINDS, fitted

import sklearn_persona
from sklearn_persona import Persona
from sklearn_persona.datasets import _nimh, fetch_nimh_ketamine

PACKAGE = Path(sklearn_persona.__file__).resolve().parent
# What a persona's file may hold in place of any value.
HOSTILE = (
    "__import__('os').system('touch hacked')",
    {"__class__": "os.system", "args": ["touch hacked"]},
    {"__reduce__": ["os.system", ["touch hacked"]]},
    {"py/object": "os.system"},
    ["!!python/object/apply:os.system", "touch hacked"],
    "{{ 7 * 7 }}",
    "\u0000",
    10**400,
    -1,
    1e308,
    None,
    [],
    {},
    True,
    [[[[[[]]]]]],
)


@pytest.fixture
def guarded(monkeypatch, tmp_path):
    """Nothing is executed, started or imported by name while this is in force."""
    monkeypatch.chdir(tmp_path)
    fitted("parallel")

    def forbidden(*arguments, **options):
        raise SystemExit(f"called with {arguments}")

    for owner, name in (
        (os, "system"),
        (subprocess, "Popen"),
        (pickle, "loads"),
        (pickle, "load"),
        (builtins, "eval"),
    ):
        monkeypatch.setattr(owner, name, forbidden)
    yield
    assert not list(tmp_path.iterdir())


def places(value, path=()):
    """Paths to every value of a document."""
    yield path
    items = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, inner in items:
        yield from places(inner, (*path, key))


def changed(document, path, value):
    if not path:
        return value
    document = json.loads(json.dumps(document))
    owner = document
    for key in path[:-1]:
        owner = owner[key]
    owner[path[-1]] = value
    return document


def test_a_persona_of_any_file_is_read_or_refused(guarded):
    finder, _ = fitted("parallel")
    document = json.loads(json.dumps(finder.personas_[0].to_dict()))
    n_refused = n_read = 0
    for path in places(document):
        for value in HOSTILE:
            try:
                persona = Persona.from_dict(changed(document, path, value))
            except ValueError as error:
                assert str(error)
                n_refused += 1
                continue
            n_read += 1
            # What was read is shown as text, or cannot be shown.
            with contextlib.suppress(Exception):
                str(persona)
            persona.to_dict()
    assert n_refused > 100
    assert n_read > 100


def called(tree):
    """Names of what a module calls, as ``name`` or ``owner.name``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_no_module_of_the_package_can_execute_what_it_reads():
    forbidden = {"eval", "exec", "compile", "__import__", "os.system", "joblib.load"}
    for path in PACKAGE.rglob("*.py"):
        names = set(called(ast.parse(path.read_text(encoding="utf-8"))))
        assert not names & forbidden, path
        starts = {name.split(".")[0] for name in names}
        assert not starts & {"pickle", "marshal", "shelve", "subprocess", "yaml"}, path


BLOCKED = """
    import socket, sys
    sys.path[:0] = {paths!r}

    class Blocked(Exception):
        pass

    def refuse(*arguments, **options):
        raise Blocked(arguments)

    class Socket(socket.socket):
        connect = connect_ex = sendto = bind = refuse

    socket.socket = Socket
    socket.create_connection = socket.getaddrinfo = refuse
    import sklearn_persona
    from sklearn_persona.report import PersonaReport
    from _fits import fitted
    for kind in ("parallel", "permutation"):
        finder, data = fitted(kind)
        finder.predict(data["X"])
        finder.score(**data)
    PersonaReport.from_estimator(finder, X=data["X"]).to_markdown()
    print("done")
"""


def test_no_network_at_import_fit_or_report():
    paths = [str(PACKAGE.parent), str(Path(__file__).resolve().parent)]
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(BLOCKED).format(paths=paths)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == "done\n"


def test_a_download_with_another_checksum_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(
        _nimh.urllib.request, "urlopen", lambda *_, **__: io.BytesIO(b"other")
    )
    with pytest.raises(OSError, match="SHA-256"):
        fetch_nimh_ketamine(data_home=tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    # Nor is a file that somebody put there.
    folder = tmp_path / "ds005917"
    (folder / "participants.tsv").write_bytes(b"other")
    with pytest.raises(OSError, match=hashlib.sha256(b"other").hexdigest()):
        fetch_nimh_ketamine(data_home=tmp_path, download_if_missing=False)


def plain(value):
    """Whether a fitted attribute is of plain values and the package's records."""
    if isinstance(value, np.ndarray):
        return value.dtype != object or all(plain(v) for v in value.ravel())
    if isinstance(value, dict):
        return all(plain(v) for item in value.items() for v in item)
    if isinstance(value, list | tuple):
        return all(plain(v) for v in value)
    if hasattr(value, "__dataclass_fields__"):
        return all(plain(getattr(value, name)) for name in value.__dataclass_fields__)
    if type(value).__name__ == "DataFrame":
        return True
    return value is None or isinstance(value, str | int | float | bool | np.generic)


@pytest.mark.parametrize("kind", KINDS)
def test_fitted_attributes_are_plain(kind):
    finder, _ = fitted(kind)
    for name, value in vars(finder).items():
        if name.endswith("_"):
            assert plain(value), name


def test_skops_needs_to_trust_only_records_of_the_package():
    skops = pytest.importorskip("skops.io")
    finder, data = fitted("parallel")
    dumped = skops.dumps(finder)
    untrusted = skops.get_untrusted_types(data=dumped)
    assert all(name.startswith(("sklearn_persona.", "pandas.")) for name in untrusted)
    with pytest.raises(Exception, match=r"(?i)untrusted"):
        skops.loads(dumped, trusted=[])
    loaded = skops.loads(dumped, trusted=untrusted)
    pd.testing.assert_frame_equal(loaded.table_, finder.table_)
    np.testing.assert_array_equal(loaded.predict(data["X"]), finder.predict(data["X"]))
    assert [str(p) for p in loaded.personas_] == [str(p) for p in finder.personas_]


@pytest.mark.parametrize("kind", KINDS)
def test_stored_frames_come_back_as_they_were(kind):
    finder, _ = fitted(kind)
    loaded = pickle.loads(pickle.dumps(finder))
    frames = [name for name, v in vars(finder).items() if isinstance(v, pd.DataFrame)]
    assert {"table_", "partition_"} <= set(frames)
    for name in frames:
        pd.testing.assert_frame_equal(getattr(loaded, name), getattr(finder, name))
    assert vars(loaded).keys() == vars(finder).keys()
