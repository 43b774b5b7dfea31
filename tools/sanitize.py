"""Run tests with the compiled search under address and undefined-behavior sanitizers.

Makes a debug build in a separate folder, with Cython's bounds checks, and stops at the
first finding. Needs gcc with libasan, and the requirements of the tests.

    python tools/sanitize.py                        the quick part
    python tools/sanitize.py --folder /tmp/checked  keep the build for the next time
    python tools/sanitize.py -- tests/test_cube.py  arguments of pytest
"""

import os
import subprocess
import sys

from own_build import main

FLAGS = (
    "-fsanitize=address,undefined -fno-sanitize-recover=undefined "
    "-fno-omit-frame-pointer -g1"
)
QUICK = ("tests/test_oracle.py", "tests/test_cube.py", "tests/test_vectors.py")


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
        # Python itself leaks memory at exit; its allocator would hide errors.
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0:halt_on_error=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "PYTHONMALLOC": "malloc",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    # Findings go to the file descriptor of stderr, not through Python.
    command += ["-W", "error", "--capture=sys", *arguments]
    return subprocess.run(command, cwd=folder, env=environment).returncode


if __name__ == "__main__":
    linker = "-fsanitize=address,undefined"
    main(__doc__, run, QUICK, CFLAGS=FLAGS, LDFLAGS=linker)
