"""Lines of the Cython sources that the tests of the searches execute.

Builds in a folder of its own with Cython's line tracing and prints coverage's table.
Needs Python 3.11, whose tracing coverage's plugin of Cython follows.

    python tools/cython_coverage.py
    python tools/cython_coverage.py --folder /tmp/traced -- tests/test_cube.py
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sanitize import build

TESTS = (
    "test_oracle",
    "test_cube",
    "test_vectors",
    "test_beam",
    "test_search",
    "test_directions",
    "test_refinement",
    "test_null",
    "test_faults",
    "test_callbacks",
)
SETTINGS = """[run]
plugins = Cython.Coverage
source = sklearn_persona
concurrency = thread
[report]
include = */_kernel.pyx, */_cube.pyx
show_missing = true
"""


def main():
    """Read the command line."""
    argv = sys.argv[1:]
    at = argv.index("--") if "--" in argv else len(argv)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where to build, or an old build")
    folder = parser.parse_args(argv[:at]).folder
    tests = argv[at + 1 :] or [f"tests/{name}.py" for name in TESTS]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "build" if folder is None else folder.resolve()
        if not list(folder.glob("sklearn_persona/_cube.*.so")):
            folder.mkdir(parents=True, exist_ok=True)
            build(folder, PERSONA_DEBUG="1", PERSONA_TRACE="1")
        settings = folder / "coverage.ini"
        settings.write_text(SETTINGS)
        coverage = [sys.executable, "-m", "coverage"]
        options = os.environ | {"PYTHONPATH": str(folder)}
        done = subprocess.run(
            [*coverage, "run", f"--rcfile={settings}", "-m", "pytest", "-q", *tests],
            cwd=folder,
            env=options,
        )
        subprocess.run(
            [*coverage, "report", f"--rcfile={settings}"],
            cwd=folder,
            env=options,
            check=True,
        )
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
