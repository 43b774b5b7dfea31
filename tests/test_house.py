"""The house around the package: links, floors, versions, what a wheel may hold."""

import importlib.util
import json
import re
import tomllib
import unicodedata
from pathlib import Path

import pandas
import pytest

import sklearn_persona
from sklearn_persona import show_versions

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path
    for folder in (".", "docs", "benchmarks")
    for path in (ROOT / folder).glob("*.md")
)


def tool(name, folder="tools"):
    spec = importlib.util.spec_from_file_location(name, ROOT / folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def without_code(text):
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def anchors(path):
    """Anchors of the headings of a page, as GitHub makes them."""
    found = set()
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for heading in re.findall(r"^#+ +(.+?) *$", text, flags=re.MULTILINE):
        heading = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        kept = (c for c in heading if c in "-_ " or unicodedata.category(c)[0] in "LN")
        anchor = "".join(kept).replace(" ", "-")
        n = 1
        while anchor in found:
            anchor, n = f"{anchor}-{n}", n + 1
        found.add(anchor)
    return found


def broken_links(path):
    """Links of a page to files or headings that are not there."""
    broken = []
    links = re.findall(
        r"\[[^]]*\]\(<?([^)\s>]+)>?(?: [^)]*)?\)",
        without_code(path.read_text(encoding="utf-8")),
    )
    for link in links:
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name) if name else path
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in anchors(target)
        ):
            broken.append(link)
    return broken


def test_links_inside_the_project():
    assert len(PAGES) > 10
    broken = {str(page): links for page in PAGES if (links := broken_links(page))}
    assert not broken


def test_a_broken_link_is_seen(tmp_path):
    (tmp_path / "other.md").write_text("# One, two & *three*\n## A [link](x.md)\n")
    page = tmp_path / "page.md"
    page.write_text(
        "# Top\n[a](other.md) [b](other.md#one-two--three) [c](other.md#a-link)\n"
        "[d](#top) [e](https://example.org/x) `[f](code.md)`\n```\n[g](more.md)\n```\n"
    )
    assert broken_links(page) == []
    page.write_text("[a](none.md) [b](other.md#none) [c](#none)")
    assert broken_links(page) == ["none.md", "other.md#none", "#none"]


def test_floors_are_those_of_pyproject():
    module = tool("floors")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found = module.floors(project)
    assert set(found) >= {
        "scikit-learn",
        "numpy",
        "scipy",
        "pandas",
        "joblib",
        "Cython",
    }
    for requirement in project["project"]["dependencies"]:
        name, floor = requirement.split(">=")
        assert found[name] == floor
    project["project"]["optional-dependencies"]["more"] = ["numpy>=2"]
    with pytest.raises(ValueError, match="numpy has the floors"):
        module.floors(project)
    project["project"]["optional-dependencies"]["more"] = ["numpy<3"]
    with pytest.raises(ValueError, match="name>=version"):
        module.floors(project)


def project_floors():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return tool("floors").floors(tomllib.loads(text))


def test_hooks_have_the_versions_of_the_extra():
    # One version of a formatter: a newer one writes other code.
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    hooks = dict(re.findall(r"repo: https://\S+/(\S+)\n +rev: v(\S+)", text))
    hooks["ruff"] = hooks.pop("ruff-pre-commit")
    assert set(hooks) == {"ruff", "cython-lint", "codespell"}
    known = project_floors()
    assert hooks == {name: known[name] for name in hooks}
    # The same programs run from the extra.
    assert set(hooks) <= {program for program, *_ in tool("lint").PROGRAMS}


def test_workflows_install_what_pyproject_names():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = set(project["project"]["optional-dependencies"])
    known = project_floors()
    requirements = [
        # Quotation marks keep a shell from reading > as a file.
        requirement.strip("\"'")
        for path in sorted((ROOT / ".github/workflows").glob("*.yml"))
        for line in re.findall(r"pip install (.+)", path.read_text(encoding="utf-8"))
        for requirement in line.split()
    ]
    requirements += project["tool"]["cibuildwheel"]["test-requires"]
    assert len(requirements) > 8
    for requirement in requirements:
        if requirement.startswith("."):
            assert set(re.findall(r"\w+", requirement)) <= extras
            continue
        name, floor = requirement.split(">=")
        # Builds wheels on hosted machines only, hence in no extra.
        assert name == "cibuildwheel" or known[name] == floor, requirement


def test_one_address_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    source = project["project"]["urls"]["Source"]
    assert all(url.startswith(source) for url in project["project"]["urls"].values())
    assert f'"{source}"' in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    for path in (*PAGES, *sorted((ROOT / ".github").rglob("*.*"))):
        text = path.read_text(encoding="utf-8")
        host = source.split("/sklearn-persona")[0]
        for found in re.findall(rf"{host}/[^\s)]*sklearn-persona[^\s)]*", text):
            assert found.startswith(source), f"{path}: {found}"


def test_numbers_of_the_architecture_page():
    module = tool("architecture_figures", "benchmarks")
    found = module.numbers(module.follow())
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    space = {}
    exec(re.search(r"(?ms)^(table = .*?^\}\))$", page)[1], {"pd": pandas}, space)
    pandas.testing.assert_frame_equal(space["table"], module.TABLE)
    assert found.pop("confirmed") is False
    assert found.pop("best rule") == "age > 41 and severity > 20.25"
    for name, value in found.items():
        assert re.search(rf"(?<![\d.]){re.escape(str(value))}(?![\d.]*\d)", page), name


def check_dist(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return tool("check_dist")


def test_what_a_wheel_may_hold(monkeypatch):
    module = check_dist(monkeypatch)
    good = [
        *(
            f"sklearn_persona/{name}"
            for name in ("__init__.py", "inference/__init__.py")
        ),
        *(
            f"sklearn_persona/_search/{name}"
            for name in ("_kernel.abc.so", "_cube.pyd")
        ),
        *(f"sklearn_persona/_search/{name}" for name in ("_kernel.pyi", "_cube.pyi")),
        "sklearn_persona/report/templates/report.html.j2",
        "sklearn_persona/report/templates/report.css",
        "sklearn_persona-0.1.dist-info/METADATA",
    ]
    assert module.wheel_problems(good) == []
    for name in ("_kernel.c", "_kernel.pyx", "native/core/rules.h", "README.md"):
        assert module.wheel_problems([*good, f"sklearn_persona/_search/{name}"])
    for name in ("data.csv", "core.h"):
        assert module.wheel_problems([*good, f"sklearn_persona/{name}"])
    assert module.wheel_problems([*good, "tests/test_house.py"])
    for name in good[2:8]:
        assert module.wheel_problems([other for other in good if other != name])


def test_compiled_files_are_small(monkeypatch):
    module = check_dist(monkeypatch)
    sizes = {
        "sklearn_persona/_search/_kernel.abc.so": module.MOST_BYTES,
        "a.csv": 10**9,
    }
    assert module.size_problems(sizes) == []
    assert module.size_problems({"_kernel.pyd": module.MOST_BYTES + 1})


def test_what_an_sdist_must_hold(monkeypatch):
    module = check_dist(monkeypatch)
    assert module.sdist_problems(module.SOURCES) == []
    assert all((ROOT / name).exists() for name in module.SOURCES)
    assert module.sdist_problems(module.SOURCES[1:])
    for name in (
        "sklearn_persona/_search/_kernel.c",
        "sklearn_persona/_cube.so",
        "a/b.pyc",
    ):
        assert module.sdist_problems([*module.SOURCES, name])


def test_show_versions(capsys):
    values = show_versions(as_dict=True)
    assert capsys.readouterr().out == ""
    assert values["sklearn_persona"] == sklearn_persona.__version__
    assert values["packages"]["numpy"] and values["cpus"] >= 1
    assert show_versions() is None
    shown = json.loads(capsys.readouterr().out)
    assert shown["packages"] == values["packages"]


def test_a_package_that_is_not_there_has_no_version(monkeypatch):
    from sklearn_persona import _show_versions

    monkeypatch.setattr(_show_versions, "OPTIONAL", ("surely-not-installed-anywhere",))
    packages = show_versions(as_dict=True)["packages"]
    assert packages["surely-not-installed-anywhere"] is None
