"""The command line, at small sizes."""

import runpy
import sys

import pytest

import sklearn_persona
from sklearn_persona import __main__ as program
from sklearn_persona._cli.commands import demo
from sklearn_persona.datasets import make_ketamine_crossover


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Few participants, and a table of ten columns that holds the planted ones."""

    def make(**options):
        trial = make_ketamine_crossover(**options)
        planted = list(next(iter(trial.planted.values())))
        others = [c for c in trial.data if c not in planted]
        kept = planted + others[:: len(others) // 6][:6]
        trial.data = trial.data[kept]
        trial.modalities = {c: trial.modalities[c] for c in kept}
        return trial

    monkeypatch.setattr(demo, "make_ketamine_crossover", make)
    monkeypatch.setattr(demo, "LARGE", 60)
    monkeypatch.setattr(demo, "PUBLISHED", 33)


def test_demo_prints_the_cards(capsys):
    assert program.main(["demo"]) == 0
    text = capsys.readouterr().out
    assert "60 participants" in text and "33 participants" in text
    assert "3 participants incomplete" in text
    assert text.count("planted:") == 2
    assert "optimal proven" in text
    for part in (
        "persona range",
        "holdout",
        "p value, inside minus outside",
        "Jaccard",
    ):
        assert part in text
    assert "nan" not in text


def test_seed(capsys):
    texts = []
    for seed in ("0", "0", "5"):
        program.main(["demo", "--seed", seed])
        # Times differ.
        lines = capsys.readouterr().out.splitlines()
        texts.append([line for line in lines if "searched" not in line])
    assert texts[0] == texts[1] != texts[2]


def test_output_file(tmp_path, capsys):
    path = tmp_path / "cards.txt"
    assert program.main(["demo", "-o", str(path)]) == 0
    out = capsys.readouterr().out
    assert f"Written to {path}" in out
    written = path.read_text(encoding="utf-8")
    assert out.startswith(written.rstrip("\n"))
    assert "planted:" in written


def test_output_that_cannot_be_written(tmp_path, capsys):
    path = tmp_path / "nowhere" / "cards.txt"
    assert program.main(["demo", "--output", str(path)]) == 2
    captured = capsys.readouterr()
    assert f"{path}: cannot be written" in captured.err
    # Before the work.
    assert not captured.out


def test_version(capsys):
    with pytest.raises(SystemExit) as exit_:
        program.main(["--version"])
    assert exit_.value.code == 0
    assert sklearn_persona.__version__ in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["discover-all"], ["demo", "--seed", "x"]])
def test_usage(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        program.main(arguments)
    assert exit_.value.code == 2
    assert "usage: sklearn-persona" in capsys.readouterr().err


def test_as_a_module(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sklearn_persona", "--version"])
    monkeypatch.delitem(sys.modules, "sklearn_persona.__main__")
    with pytest.raises(SystemExit) as exit_:
        runpy.run_module("sklearn_persona", run_name="__main__")
    assert exit_.value.code == 0
    assert sklearn_persona.__version__ in capsys.readouterr().out
