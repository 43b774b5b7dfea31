"""Imports inside the package go one way."""

import ast
from pathlib import Path

import pytest

import sklearn_persona

ROOT = Path(sklearn_persona.__file__).parent

# A module imports only from modules to its left. Leaves import nothing else of the
# package and may be imported by anyone.
LEAVES = (
    "_callbacks",
    "exceptions",
    "_version",
    "_figure",
    "_frames",
    "_labels",
    "_printing",
    "_progress",
    "_routing",
    "_splitting",
    "datasets",
)
ORDER = (
    "_checkpoints",
    "_kernel",
    "_cube",
    "_table",
    "_binning",
    "_memory",
    "_alternatives",
    "_designs",
    "_objectives",
    "_columns",
    "_beam",
    "_cost",
    "_slices",
    "_directions",
    "_search",
    "_refinement",
    "inference",
    "_null",
    "_selection",
    "_baseline_model",
    "_adjustment",
    "_specificity",
    "_evidence",
    "_flow",
    "_procedure",
    "_validation",
    "_partition",
    "_winner",
    "_stability",
    "_card",
    "_export",
    "_persona",
    "_repr_html",
    "_persona_table",
    "_naming",
    "_repeated",
    "_resampling",
    "metrics",
    "_discoverer",
    "_trial_frame",
    "baselines",
    "model_selection",
    "report",
    "plotting",
    "_versions",
    "__init__",
    "_cli",
    "__main__",
)


def component(path):
    """First name below the package: a module or a subpackage."""
    part = path.relative_to(ROOT).parts[0]
    return part.removesuffix(".py")


def imported(path):
    """Components of the package that a file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            parts = (node.module or "").split(".")
            if parts[0] != "sklearn_persona":
                continue
            if len(parts) > 1:
                found.add(parts[1])
            else:
                found |= {exported(alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                if parts[0] == "sklearn_persona":
                    found.add(parts[1] if len(parts) > 1 else "__init__")
    return found


def exported(name):
    """The component that ``from sklearn_persona import name`` needs."""
    if (ROOT / name).is_dir() or (ROOT / f"{name}.py").exists():
        return name
    return "__init__"


FILES = sorted(p for p in ROOT.rglob("*.py") if "tests" not in p.parts)


def test_every_module_has_a_place():
    seen = {component(path) for path in FILES} | {"_kernel", "_cube"}
    seen -= {"_native"}
    assert seen == set(ORDER) | set(LEAVES)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path):
    own = component(path)
    others = imported(path) - {own}
    if own in LEAVES:
        assert others <= {"_labels"} - {own}
        return
    allowed = set(LEAVES) | set(ORDER[: ORDER.index(own)])
    assert others <= allowed, f"{own} imports {sorted(others - allowed)}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_designs_know_a_crossover(path):
    # Below the designs and in the search, units are one-sample or two-sample.
    if component(path) not in {
        "_binning",
        "_objectives",
        "_beam",
        "_cost",
        "_columns",
        "_search",
    }:
        return
    assert "crossover" not in path.read_text(encoding="utf-8").lower()


def test_modules_stay_readable():
    lengths = {p.name: len(p.read_text(encoding="utf-8").splitlines()) for p in FILES}
    assert max(lengths.values()) < 1000
    assert "utils.py" not in lengths and "_utils.py" not in lengths
