"""The house: rooms import one way, stay small, and only designs know the design."""

import ast
import graphlib
from pathlib import Path

import pytest

import sklearn_persona

ROOT = Path(sklearn_persona.__file__).parent

# Rooms by stage of the work. A room imports from rooms to its left and from leaves,
# which import nothing of the package. What stands above the rooms is not listed: its
# order is found from the imports.
ROOMS = (
    "_data",
    "_text",
    "inference",
    "_outcomes",
    "_designs",
    "_search",
    "_selection",
    "_estimates",
    "_persona",
    "_claims",
)
FILES = sorted(ROOT.rglob("*.py"))
SOURCES = {path: path.read_text(encoding="utf-8") for path in FILES}
TREES = {path: ast.parse(text) for path, text in SOURCES.items()}


def name_of(path):
    return str(path.relative_to(ROOT))


def component(path):
    """First name below the package: a module or a subpackage."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(tree):
    """Dotted names below the package that a module imports from."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            parts = (node.module or "").split(".")
            if parts[0] == "sklearn_persona" and len(parts) > 1:
                yield parts[1:]
            elif parts[0] == "sklearn_persona":
                yield from ([alias.name] for alias in node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                if parts[0] == "sklearn_persona":
                    yield parts[1:] or ["__init__"]


def is_component(name):
    return (ROOT / name).is_dir() or (ROOT / f"{name}.py").exists()


def graph():
    """Components that each component imports."""
    out = {}
    for path, tree in TREES.items():
        own = component(path)
        # Names of the package itself come from its __init__.
        found = {p[0] if is_component(p[0]) else "__init__" for p in imports(tree)}
        out.setdefault(own, set()).update(found - {own})
    return out


def test_imports_have_one_direction():
    graphlib.TopologicalSorter(graph()).prepare()


def test_a_cycle_is_seen():
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(graph() | {"_data": {"_claims"}}).prepare()


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_from_earlier_rooms_and_leaves(room):
    edges = graph()
    leaves = {name for name, others in edges.items() if not others}
    # A leaf may use another one.
    leaves |= {name for name, others in edges.items() if others <= leaves}
    allowed = set(ROOMS[: ROOMS.index(room)]) | (leaves - set(ROOMS))
    assert edges[room] <= allowed, sorted(edges[room] - allowed)


def test_no_private_name_of_a_package_is_imported_elsewhere():
    wrong = []
    for path, tree in TREES.items():
        for parts in imports(tree):
            inner = [part for part in parts[1:] if part.startswith("_")]
            # Rooms are private as a whole; the underscores there are compiled modules.
            public = not parts[0].startswith("_")
            if inner and public and parts[0] != component(path):
                wrong.append((name_of(path), ".".join(parts)))
    assert not wrong


# What only designs may ask of units and cases.
DESIGN_ATTRIBUTES = {"paired", "sequence"}


def asks_for_the_design(tree):
    """Lines that ask whether there are arms, pairs or sequences."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in DESIGN_ATTRIBUTES:
            yield node.lineno
        if isinstance(node, ast.Compare) and isinstance(
            node.ops[0], ast.Is | ast.IsNot
        ):
            left = node.left
            name = getattr(left, "attr", getattr(left, "id", ""))
            if name == "treated" and getattr(node.comparators[0], "value", 0) is None:
                yield node.lineno


# `inference` takes plain arrays, pairs among them; the reading of a file asks whether
# an option was given.
FREE = {"_designs", "inference", "_cli"}


@pytest.mark.parametrize(
    "path", [p for p in FILES if component(p) not in FREE], ids=name_of
)
def test_only_designs_ask_for_the_design(path):
    assert not list(asks_for_the_design(TREES[path]))


def test_a_question_for_the_design_is_seen():
    for text in ("units.treated is None", "if u.paired: x", "treated is not None"):
        assert list(asks_for_the_design(ast.parse(text)))
    assert not list(asks_for_the_design(ast.parse("control is None or treated.sum()")))


def test_the_search_knows_no_design_by_name():
    for path, text in SOURCES.items():
        if component(path) == "_search":
            assert "crossover" not in text.lower(), name_of(path)


def test_rooms_stay_small():
    entries = [
        path.name
        for path in ROOT.iterdir()
        if path.name != "__pycache__" and path.suffix != ".so"
    ]
    assert len(entries) <= 25
    for folder in {path.parent for path in FILES}:
        n = sum(path.parent == folder and path.name != "__init__.py" for path in FILES)
        n += len(list(folder.glob("*.pyx")))
        assert n <= 15, name_of(folder)


def test_modules_stay_readable():
    lengths = {p.name: len(text.splitlines()) for p, text in SOURCES.items()}
    assert max(lengths.values()) < 1000
    assert "utils.py" not in lengths and "_utils.py" not in lengths
