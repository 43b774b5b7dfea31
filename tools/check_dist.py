"""Check the sdist, the wheel that it makes, and the package that the wheel installs.

The wheel is built from the sdist by pip in an isolated environment, so that neither
this checkout nor an installed Cython can help. Needs `build`.

    python tools/check_dist.py                    newest versions, a few tests
    python tools/check_dist.py --floors           the lowest versions that are allowed
    python tools/check_dist.py --keep dist        leave sdist and wheel in dist/
    python tools/check_dist.py --python python3.13 -- tests/test_kernel.py

What follows ``--`` goes to pytest, in the unpacked sdist.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

from floors import floors

ROOT = Path(__file__).resolve().parents[1]
# Tests that take seconds: compiled paths, files, designs and the command line.
TESTS = (
    "test_oracle",
    "test_cube",
    "test_null",
    "test_persona",
    "test_common",
    "test_main",
)
# The README tells users to run some of these.
SOURCES = (
    "README.md LICENSE CITATION.cff pyproject.toml setup.py run.py "
    "tests/test_oracle.py tests/_brute_force.py tools/check_dist.py tools/one_search.h "
    "docs/user_guide.md examples/nimh_ketamine.py benchmarks/error_rates.toml "
    "sklearn_persona/_search/_kernel.pyx sklearn_persona/_search/_native.pxd "
    "sklearn_persona/_search/native/core/kernels.h sklearn_persona/_search/README.md"
).split()
COMPILED = ("_search/_kernel", "_search/_cube")
# Bytes of a compiled file; with debug information it would have more.
MOST_BYTES = 3 * 2**20


def call(*command, **options):
    """Run a program; end with its exit code when it fails."""
    print("+", *(str(part) for part in command), flush=True)
    result = subprocess.run([str(part) for part in command], **options)
    if result.returncode:
        sys.exit(result.returncode)


def sdist_problems(names):
    """List the problems with the files of an sdist.

    Parameters
    ----------
    names : iterable of str
        Below its top folder.

    Returns
    -------
    problems : list of str
    """
    names = set(names)
    generated = (".so", ".pyd", ".pyc", ".o")
    problems = [f"{name} is missing from the sdist" for name in SOURCES]
    problems = [p for p, name in zip(problems, SOURCES) if name not in names]
    for name in sorted(names):
        inside = name.startswith("sklearn_persona/")
        if name.endswith(generated) or (inside and name.endswith((".c", ".cpp"))):
            problems.append(f"{name} is generated and in the sdist")
    return problems


def wheel_problems(names):
    """List the problems with the files of a wheel.

    Parameters
    ----------
    names : iterable of str

    Returns
    -------
    problems : list of str
    """
    names = [name for name in names if ".dist-info/" not in name]
    kept = (".py", ".pyi", ".so", ".pyd", "/py.typed")
    problems = []
    for name in sorted(names):
        template = name.startswith("sklearn_persona/report/templates/")
        if not name.startswith("sklearn_persona/"):
            problems.append(f"{name} is outside the package")
        elif not name.endswith(kept) and not template:
            problems.append(f"{name} does not belong in the wheel")
    wanted = [f"sklearn_persona/{stem}." for stem in COMPILED]
    for start in wanted:
        for end in ((".so", ".pyd"), (".pyi",)):
            if not any(n.startswith(start) and n.endswith(end) for n in names):
                problems.append(f"{start}* ending with {end} is missing")
    for name in ("report/templates/report.html.j2", "report/templates/report.css"):
        if f"sklearn_persona/{name}" not in names:
            problems.append(f"{name} is missing from the wheel")
    return problems


def size_problems(sizes):
    """List the compiled files that are too large.

    Parameters
    ----------
    sizes : dict of str to int
        Bytes of each file of a wheel.

    Returns
    -------
    problems : list of str
    """
    return [
        f"{name} has {size:,} bytes: debug information was not removed"
        for name, size in sorted(sizes.items())
        if name.endswith((".so", ".pyd")) and size > MOST_BYTES
    ]


def report(problems):
    """End with the problems, if there are any."""
    if problems:
        sys.exit("\n".join(problems))


def main():
    """Read the command line."""
    argv = sys.argv[1:]
    at = argv.index("--") if "--" in argv else len(argv)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="of the environment")
    parser.add_argument("--floors", action="store_true", help="lowest versions")
    parser.add_argument("--keep", type=Path, help="folder for sdist and wheel")
    arguments = parser.parse_args(argv[:at])
    tests = argv[at + 1 :] or [f"tests/{name}.py" for name in TESTS]
    with tempfile.TemporaryDirectory() as folder:
        check(Path(folder), arguments, tests)


def check(folder, arguments, tests):
    """Build, look inside, install, test."""
    call(sys.executable, "-m", "build", "--sdist", "-o", folder, ROOT)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
        files = [member.name for member in archive if member.isfile()]
    report(sdist_problems(name.split("/", 1)[1] for name in files))

    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    limits = []
    if arguments.floors:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        path = folder / "floors.txt"
        lowest = floors(project)
        path.write_text("".join(f"{k}=={v}\n" for k, v in lowest.items()))
        limits = ["-c", path]
        environment["PIP_BUILD_CONSTRAINT"] = str(path)
    call(arguments.python, "-m", "venv", folder / "env")
    python = folder / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    options = {"cwd": folder, "env": environment}
    quiet = ("-q", "--disable-pip-version-check")
    call(python, "-m", "pip", "install", *quiet, "pip>=25.3", **options)
    call(
        python,
        "-m",
        "pip",
        "wheel",
        *quiet,
        "--no-deps",
        "-w",
        folder,
        sdist,
        **options,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        report(wheel_problems(archive.namelist()))
        report(size_problems({i.filename: i.file_size for i in archive.infolist()}))
    call(python, "-m", "pip", "install", *quiet, *limits, f"{wheel}[test]", **options)
    call(python, "-m", "pip", "check", **options)
    if arguments.floors:
        check_versions(python, lowest, options)
    options["cwd"] = folder / sdist.name.removesuffix(".tar.gz")
    # The installed package, not the unpacked folder beside the tests.
    shutil.rmtree(options["cwd"] / "sklearn_persona")
    call(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, **options)
    if arguments.keep is not None:
        arguments.keep.mkdir(parents=True, exist_ok=True)
        for path in (sdist, wheel):
            shutil.copy(path, arguments.keep)


def check_versions(python, lowest, options):
    """End unless the installed packages have exactly the lowest versions."""
    code = (
        "import sys; from importlib.metadata import version, PackageNotFoundError\n"
        "from packaging.version import Version\n"
        "for pair in sys.argv[1:]:\n"
        "    name, floor = pair.split('==')\n"
        "    try:\n        found = version(name)\n"
        "    except PackageNotFoundError:\n        continue\n"
        "    if Version(found) != Version(floor):\n"
        "        sys.exit(f'{name} {found} is installed, not {floor}')\n"
        "    print(f'{name} {found}')\n"
    )
    # An environment has its own setuptools, which the build does not use.
    pairs = [f"{k}=={version}" for k, version in lowest.items() if k != "setuptools"]
    call(python, "-c", code, *pairs, **options)


if __name__ == "__main__":
    main()
