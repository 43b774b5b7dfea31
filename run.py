"""Set up an environment in .venv, then run the demonstration or the tests.

Needs Python >= 3.11 with venv, and a C compiler; everything else is installed.

    python3 run.py demo      find the personas of two simulated trials
    python3 run.py test      run the tests

To change the code, see CONTRIBUTING.md.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
BIN = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
# Output of the demonstration.
DEMO = ROOT / "persona_demo.txt"


def call(*command):
    """Run a program of the environment in the root of the project."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    program = str(BIN / command[0])
    result = subprocess.run([program, *command[1:]], cwd=ROOT, env=environment)
    if result.returncode:
        sys.exit(result.returncode)


def install(extra=""):
    """Build and install this checkout as a user would."""
    if sys.version_info < (3, 11):  # noqa: UP036 - runs before pip can refuse
        sys.exit(f"Python >= 3.11 is needed, got {sys.version.split()[0]}.")
    if not (BIN / ("python.exe" if os.name == "nt" else "python")).exists():
        print(f"Creating an environment in {ENVIRONMENT}", flush=True)
        venv.create(ENVIRONMENT, with_pip=True)
    print("Building and installing sklearn-persona (about a minute)", flush=True)
    quiet = "--quiet", "--disable-pip-version-check"
    call("python", "-m", "pip", "install", *quiet, f".{extra}")


def main():
    """Read the command line."""
    task = sys.argv[1] if len(sys.argv) > 1 else ""
    if task == "demo":
        install()
        call("sklearn-persona", "demo", "--output", str(DEMO))
    elif task == "test":
        install("[test]")
        # The installed package, not the folder beside this file.
        call("pytest", "tests", *sys.argv[2:])
        call("pytest", "--pyargs", "sklearn_persona", "--doctest-modules", "-q")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
