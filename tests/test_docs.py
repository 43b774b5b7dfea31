"""The site holds every page, example and public name, and links lead somewhere."""

import ast
import importlib
import re
from pathlib import Path

import pytest

import sklearn_persona

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(
    path
    for pattern in ("*.md", "*.rst", "images/*.md")
    for path in DOCS.glob(pattern)
    if path.name != "sg_execution_times.rst"
)
MARKDOWN = [
    ROOT / "README.md",
    ROOT / "benchmarks" / "README.md",
    *(page for page in PAGES if page.suffix == ".md"),
]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
# What sphinx-gallery writes.
BUILT = {"gallery/index"}

pytestmark = pytest.mark.skipif(
    not DOCS.is_dir(), reason="the documentation is not beside these tests"
)


def pages_of_toctrees():
    """Every document that a toctree lists."""
    found = []
    for page in PAGES:
        if page.suffix != ".rst":
            continue
        for block in re.split(r"(?m)^\.\. toctree::", page.read_text())[1:]:
            lines = block.split("\n")[1:]
            for line in lines:
                if line and not line.startswith("   "):
                    break
                name = line.strip()
                if name and not name.startswith(":"):
                    found.append(name)
    return found


def test_every_page_is_in_one_toctree():
    listed = pages_of_toctrees()
    assert len(set(listed)) == len(listed)
    names = {str(page.relative_to(DOCS).with_suffix("")) for page in PAGES}
    assert set(listed) - BUILT == names - {"index"}


def words(path):
    """Text outside fenced code, and the targets of its links."""
    text = re.sub(r"(?ms)^```.*?^```$", "", path.read_text())
    return text, re.findall(r"\]\(([^)\s]+)\)", text)


def anchors(path):
    """What a code host makes of the headings of a page."""
    text, _ = words(path)
    headings = re.findall(r"(?m)^#{1,3} (.+)$", text)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    for target in words(path)[1]:
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        other = (path.parent / name).resolve() if name else path
        assert other.is_file(), f"{path.name}: {target}"
        assert ROOT in other.parents, f"{path.name}: {target} leaves the project"
        if anchor:
            assert anchor in anchors(other), f"{path.name}: {target}"


def reading_order():
    tree = ast.parse((DOCS / "_extensions" / "gallery_setup.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "ORDER":
            return ast.literal_eval(node.value)
    raise AssertionError("no ORDER")


def test_every_example_is_in_the_gallery_and_in_the_readme():
    names = sorted(path.stem for path in EXAMPLES)
    assert sorted(reading_order()) == names
    for path in EXAMPLES:
        assert f"(examples/{path.name})" in words(ROOT / "README.md")[0]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_a_gallery_script(path):
    doc = ast.get_docstring(ast.parse(path.read_text()))
    title, line, blank, first = doc.split("\n")[:4]
    assert line == "=" * len(title) and not blank and first
    text = path.read_text()
    assert "\n# %%\n" in text
    # Headings of cells.
    for heading, line in re.findall(r"(?m)^# %%\n# (.+)\n# ([-=]+)$", text):
        assert len(line) == len(heading), heading
    # No path of one machine.
    assert not re.search(r"[\"'](/|~/|[A-Z]:\\)\w", text)


@pytest.mark.parametrize("name", ["get_started", "migration"])
def test_snippets_run(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(
        r"(?ms)^```python\n(.*?)^```$", (DOCS / f"{name}.md").read_text()
    )
    ours = [b for b in blocks if "import pysubgroup" not in b and "econml" not in b]
    assert ours
    space = {}
    for block in ours:
        exec(compile(block, f"{name}.md", "exec"), space)
    assert space["finder"].n_confirmed_ >= 1
    assert "confirmed" in capsys.readouterr().out


def public_names():
    modules = [name for name in sklearn_persona.__all__ if name != "__version__"]
    for name in modules:
        thing = getattr(sklearn_persona, name)
        if hasattr(thing, "__path__") or hasattr(thing, "__file__"):
            place = importlib.import_module(f"sklearn_persona.{name}")
            yield from (f"{name}.{public}" for public in place.__all__)
        else:
            yield name


def test_every_public_name_has_a_page():
    text = (DOCS / "api.rst").read_text()
    listed = re.findall(r"(?m)^   ([A-Za-z_]\w*(?:\.\w+)?)$", text)
    assert len(set(listed)) == len(listed)
    assert set(listed) == set(public_names())
