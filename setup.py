"""Build of the compiled search; everything else is in pyproject.toml."""

import os
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

# A debug build flips the checks on: PERSONA_DEBUG=1 pip install .
DEBUG = os.environ.get("PERSONA_DEBUG") == "1"
# Lines of the Cython sources can be followed: tools/cython_coverage.py.
TRACE = os.environ.get("PERSONA_TRACE") == "1"
MACROS = [("CYTHON_TRACE_NOGIL", "1")] if TRACE else []
HEADERS = sorted(
    str(path) for path in Path("sklearn_persona/_search/native").rglob("*.h")
)
if sys.platform == "win32":
    FLAGS = ["/O2"]
else:
    # Every variant of the search rounds alike.
    FLAGS = ["-O1" if DEBUG else "-O2", "-ffp-contract=off"]

# Loops with a division under a condition become vectors only when a division by zero
# may be carried out and thrown away.
VECTOR_FLAGS = []
if sys.platform != "win32" and not DEBUG:
    VECTOR_FLAGS = ["-O3", "-fno-trapping-math"]

setup(
    ext_modules=cythonize(
        [
            Extension(
                "sklearn_persona._search._kernel",
                ["sklearn_persona/_search/_kernel.pyx"],
                depends=HEADERS,
                define_macros=MACROS,
                extra_compile_args=FLAGS,
            ),
            Extension(
                "sklearn_persona._search._cube",
                ["sklearn_persona/_search/_cube.pyx"],
                depends=HEADERS,
                define_macros=MACROS,
                extra_compile_args=FLAGS + VECTOR_FLAGS,
            ),
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
