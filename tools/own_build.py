"""Build the package in a separate folder and run something there."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def build(folder, **variables):
    """Copy the sources and build them there.

    Parameters
    ----------
    folder : Path
    **variables
        Environment variables of the build.
    """
    ignore = shutil.ignore_patterns("*.so", "*.c", "__pycache__")
    for name in ("sklearn_persona", "tests", "benchmarks"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    subprocess.run(command, cwd=folder, env=os.environ | variables, check=True)


def main(document, run, tests, **variables):
    """Read the command line, build if necessary, and exit with the code of `run`.

    Parameters
    ----------
    document : str
        Docstring of the script.
    run : callable
        Called with the folder and the arguments of pytest; returns an exit code.
    tests : sequence of str
        Arguments of pytest unless the command line has some.
    **variables
        Environment variables of the build.
    """
    argv = sys.argv[1:]
    at = argv.index("--") if "--" in argv else len(argv)
    parser = argparse.ArgumentParser(description=document.splitlines()[0])
    parser.add_argument(
        "--folder", type=Path, help="where to build, or an earlier build"
    )
    folder = parser.parse_args(argv[:at]).folder
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "build" if folder is None else folder.resolve()
        if not list(folder.glob("sklearn_persona/_search/_cube.*.so")):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            build(folder, PERSONA_DEBUG="1", **variables)
        sys.exit(run(folder, argv[at + 1 :] or tests))
