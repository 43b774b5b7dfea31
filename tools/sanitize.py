"""Run tests with the compiled search under address and undefined-behavior sanitizers.

Builds in a folder of its own (debug build: Cython's bounds checks are on as well) and
stops at the first finding. Needs gcc with libasan, and what the tests need.

    python tools/sanitize.py                        the quick part
    python tools/sanitize.py --folder /tmp/checked  keep the build for the next time
    python tools/sanitize.py -- tests/test_cube.py  what pytest is to run
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLAGS = (
    "-fsanitize=address,undefined -fno-sanitize-recover=undefined "
    "-fno-omit-frame-pointer -g1"
)
QUICK = ("tests/test_oracle.py", "tests/test_cube.py", "tests/test_vectors.py")


def build(folder, **variables):
    """Copy the sources and build them there.

    Parameters
    ----------
    folder : Path
    **variables
        Of the environment of the build.
    """
    ignore = shutil.ignore_patterns("*.so", "*.c", "__pycache__")
    for name in ("sklearn_persona", "tests", "benchmarks"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    subprocess.run(command, cwd=folder, env=os.environ | variables, check=True)


def run(folder, arguments):
    """Run pytest there.

    Returns
    -------
    code : int
        Exit code.
    """
    compiler = os.environ.get("CC", "gcc")
    library = subprocess.run(
        [compiler, "-print-file-name=libasan.so"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    environment = os.environ | {
        "PYTHONPATH": str(folder),
        "LD_PRELOAD": library,
        # Python itself leaves memory at exit; its own allocator would hide errors.
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0:halt_on_error=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "PYTHONMALLOC": "malloc",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    # A finding is written past Python, to the file behind its stderr.
    command += ["-W", "error", "--capture=sys", *arguments]
    return subprocess.run(command, cwd=folder, env=environment).returncode


def main():
    """Read the command line."""
    argv = sys.argv[1:]
    at = argv.index("--") if "--" in argv else len(argv)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where to build, or an old build")
    folder = parser.parse_args(argv[:at]).folder
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "build" if folder is None else folder.resolve()
        if not list(folder.glob("sklearn_persona/_cube.*.so")):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            linker = "-fsanitize=address,undefined"
            build(folder, PERSONA_DEBUG="1", CFLAGS=FLAGS, LDFLAGS=linker)
        sys.exit(run(folder, argv[at + 1 :] or QUICK))


if __name__ == "__main__":
    main()
