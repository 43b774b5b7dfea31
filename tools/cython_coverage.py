"""Lines of the Cython sources that the tests of the searches execute.

Builds in a separate folder with Cython's line tracing and prints coverage's table.
Needs Python 3.11, because coverage's Cython plugin relies on its tracing.

    python tools/cython_coverage.py
    python tools/cython_coverage.py --folder /tmp/traced -- tests/test_cube.py
"""

import os
import subprocess
import sys

from own_build import main

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


def run(folder, tests):
    """Run pytest there and print the table.

    Returns
    -------
    code : int
        Exit code of pytest.
    """
    settings = folder / "coverage.ini"
    settings.write_text(SETTINGS)
    coverage = [sys.executable, "-m", "coverage"]
    options = {"cwd": folder, "env": os.environ | {"PYTHONPATH": str(folder)}}
    command = ["run", f"--rcfile={settings}", "-m", "pytest", "-q", *tests]
    code = subprocess.run([*coverage, *command], **options).returncode
    report = ["report", f"--rcfile={settings}"]
    subprocess.run([*coverage, *report], check=True, **options)
    return code


if __name__ == "__main__":
    tests = [f"tests/{name}.py" for name in TESTS]
    main(__doc__, run, tests, PERSONA_TRACE="1")
