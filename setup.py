"""Build of the compiled search; everything else is in pyproject.toml."""

import os
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

# A debug build turns the checks on: PERSONA_DEBUG=1 pip install .
DEBUG = os.environ.get("PERSONA_DEBUG") == "1"
# A traced build records which lines of the Cython sources run:
# tools/cython_coverage.py.
TRACE = os.environ.get("PERSONA_TRACE") == "1"
MACROS = [("CYTHON_TRACE_NOGIL", "1")] if TRACE else []
SEARCH = Path("sklearn_persona/_search")
HEADERS = [path.as_posix() for path in sorted(SEARCH.glob("native/**/*.h"))]
if sys.platform == "win32":
    FLAGS = ["/O2"]
else:
    # Every variant of the search rounds alike.
    FLAGS = ["-O1" if DEBUG else "-O2", "-ffp-contract=off"]

# Compilers vectorize a loop with a conditional division only if they may divide by zero
# and discard the result.
VECTOR_FLAGS = []
if sys.platform != "win32" and not DEBUG:
    VECTOR_FLAGS = ["-O3", "-fno-trapping-math"]

# Debug information would be four fifths of the installed files.
LINK_FLAGS = []
if not DEBUG and not TRACE and sys.platform != "win32":
    FLAGS.append("-g0")
    LINK_FLAGS = ["-Wl,-S", "-Wl,-x"] if sys.platform == "darwin" else ["-Wl,-s"]


def extension(name, flags):
    """One module of the compiled search."""
    return Extension(
        f"sklearn_persona._search.{name}",
        [f"{SEARCH.as_posix()}/{name}.pyx"],
        depends=[*HEADERS, f"{SEARCH.as_posix()}/_native.pxd"],
        define_macros=MACROS,
        extra_compile_args=flags,
        extra_link_args=LINK_FLAGS,
    )


setup(
    ext_modules=cythonize(
        [
            extension("_kernel", FLAGS),
            extension("_cube", FLAGS + VECTOR_FLAGS),
        ],
        compiler_directives={
            "language_level": 3,
            "boundscheck": DEBUG,
            "wraparound": False,
            "initializedcheck": DEBUG,
            "nonecheck": DEBUG,
            "cdivision": True,
            "linetrace": TRACE,
            "freethreading_compatible": True,
        },
    )
)
