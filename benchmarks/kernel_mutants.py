"""Do the oracle tests catch a kernel that prunes a little too much?

Each mutant changes one line of a copy of the C headers: a bound that is slightly too
small, an arm forgotten, a tie dropped, rounding in the wrong direction. The copy is
compiled without optimisation, for the portable loops alone or with all instruction
sets, and the oracle tests must fail::

    python -m benchmarks.kernel_mutants --only bound

Needs gcc and Cython. The unchanged copy is compiled and tested first: it must pass.
"""

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PORTABLE, ALL = "portable", "all instruction sets"
BRUTE = "tests/test_oracle.py::test_rules_equal_brute_force"
SUBSETS = "tests/test_oracle.py::test_bound_holds_for_every_subset"
EQUAL = "tests/test_oracle.py::test_earliest_of_many_equal_conditions"
VECTORS = "tests/test_vectors.py"
SEARCH = "_search/native/core/search_template.h"
# Name, instruction sets that are compiled, header, old text, new text.
MUTANTS = [
    (
        "bound a millionth too small",
        PORTABLE,
        SEARCH,
        "return best * (1 + 1e-9);",
        "return best * (1 - 1e-6);",
    ),
    (
        "bound forgets the second arm",
        PORTABLE,
        SEARCH,
        "sum += FN(arm_bound)(problem, extent, 1, c);",
        "sum += 0;",
    ),
    (
        "bound stops one short of the largest size",
        PORTABLE,
        SEARCH,
        "if (++k > most)",
        "if (++k >= most)",
    ),
    (
        "bound skips the smallest size",
        PORTABLE,
        SEARCH,
        "if (k >= least) {",
        "if (k > least) {",
    ),
    (
        "bound of a prefix that is one too long",
        PORTABLE,
        SEARCH,
        "arm, (double)k, sum, c);",
        "arm, (double)(k + 1), sum, c);",
    ),
    (
        "bound looks at prefixes only",
        PORTABLE,
        SEARCH,
        "if (scans & SCAN_BACKWARD) {",
        "if (0) {",
    ),
    (
        "branch with a bound equal to the best value dropped",
        PORTABLE,
        SEARCH,
        "if (bound < worker->threshold)",
        "if (bound <= worker->threshold * (1 + 1e-6))",
    ),
    (
        "rule equal to the best value dropped",
        PORTABLE,
        "_search/native/core/rules.h",
        "if (value < worker->threshold || value <= LEAST_VALUE)",
        "if (value <= worker->threshold || value <= LEAST_VALUE)",
    ),
    (
        "ties by side before column",
        PORTABLE,
        "_search/native/core/rules.h",
        "keys[0] = problem->feature;\n    keys[1] = problem->side;",
        "keys[1] = problem->feature;\n    keys[0] = problem->side;",
    ),
    (
        "ties prefer more variables",
        PORTABLE,
        "_search/native/core/rules.h",
        "return n_a < n_b;",
        "return n_a > n_b;",
    ),
    (
        "overlap of exactly the limit refused",
        PORTABLE,
        "_search/native/core/rules.h",
        "(double)any > shared->max_overlap",
        "(double)any >= shared->max_overlap",
    ),
    (
        "least members one too many",
        PORTABLE,
        SEARCH,
        "if (members < problem->least_members)",
        "if (members <= problem->least_members)",
    ),
    (
        "least of the second arm forgotten",
        PORTABLE,
        SEARCH,
        "members - treated < problem->least[1]",
        "members - treated < 1",
    ),
    (
        "complement one too large",
        PORTABLE,
        SEARCH,
        "if (n[0] > (double)problem->most[0] ||",
        "if (n[0] >= (double)problem->most[0] ||",
    ),
    (
        "effect: second arm's term with the wrong sign",
        PORTABLE,
        "_search/native/objectives/effect.h",
        "s - k * c : k * c - s;",
        "s - k * c : s - k * c;",
    ),
    (
        "mean-shift: control arm scanned from the wrong end",
        PORTABLE,
        "_search/native/objectives/mean_shift.h",
        "SCAN_1 SCAN_BACKWARD",
        "SCAN_1 SCAN_FORWARD",
    ),
    (
        "arm-shift: term without the curvature",
        PORTABLE,
        "_search/native/objectives/arm_shift.h",
        "x * x / (k * (1 - all->curvature * k)) : 0;",
        "x * x / k : 0;",
    ),
    (
        "equal row sets: the later condition stays",
        PORTABLE,
        "_search/native/core/levels.h",
        "if (selector < level->items[last].selector)",
        "if (selector > level->items[last].selector)",
    ),
    (
        "slices: no room for the rounding of sums",
        ALL,
        "_search/native/simd/tables.h",
        "tables->slack[arm] = (float)(error / scale +",
        "tables->slack[arm] = (float)(-error / scale +",
    ),
    (
        "small levels: slices rounded down",
        ALL,
        "_search/native/simd/simd_small_tables.h",
        "sum = _mm512_set1_ps((float)up + 0.999f);",
        "sum = _mm512_set1_ps((float)up - 0.999f);",
    ),
    (
        "packed sums: no room for what a row loses",
        ALL,
        "_search/native/core/packed.h",
        "packed->slack[arm] = n * packed->step[arm] + 1e-12 * sizes;",
        "packed->slack[arm] = -n * packed->step[arm];",
    ),
]


def compile_kernel(c_file, package, sets):
    """Build the kernel of a copy of the package."""
    headers = package / "_search" / "native"
    if sets == PORTABLE:
        for header in headers.rglob("*.h"):
            text = header.read_text()
            header.write_text(text.replace("defined(__x86_64__)", "0"))
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    command = ["gcc", "-O1" if sets == ALL else "-O0", "-w", "-fPIC", "-shared"]
    command += ["-ffp-contract=off", f"-I{sysconfig.get_path('include')}"]
    target = package / "_search" / f"_kernel{suffix}"
    target.unlink(missing_ok=True)
    command += [f"-I{package / '_search'}", str(c_file), "-o", str(target)]
    subprocess.run(command, check=True)


def passes(copy, tests, timeout):
    """Whether the tests pass with the package of a copy."""
    command = [sys.executable, "-m", "pytest", *tests, "-q", "-x", "--tb=no"]
    environment = dict(os.environ, PYTHONPATH=str(copy), SKLEARN_PERSONA_SHRINK="0")
    try:
        done = subprocess.run(
            [*command, "-p", "no:cacheprovider"],
            cwd=copy,
            env=environment,
            timeout=timeout,
            capture_output=True,
        )
    except subprocess.TimeoutExpired:
        return False
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stdout.decode() + done.stderr.decode())
    return done.returncode == 0


def copy_of(folder):
    """The package, its tests and its settings, to be changed."""
    for name in ("sklearn_persona", "tests"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder / "sklearn_persona"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="mutants whose name holds this")
    parser.add_argument("--first", type=int, default=1, help="of the list, from 1")
    parser.add_argument("--sets", default="", help="only those compiled for these")
    parser.add_argument("--timeout", type=float, default=3600, help="seconds a mutant")
    parser.add_argument("--no-control", action="store_true", help="no unchanged copy")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        c_file = Path(scratch) / "_kernel.c"
        directives = "boundscheck wraparound initializedcheck nonecheck".split()
        command = [sys.executable, "-m", "cython", "-3", "-X", "cdivision=True"]
        command += ["-X", "freethreading_compatible=True", "-o", str(c_file)]
        for name in directives:
            command += ["-X", f"{name}=False"]
        source = ROOT / "sklearn_persona/_search/_kernel.pyx"
        subprocess.run([*command, str(source)], check=True)
        chosen = [
            mutant
            for mutant in MUTANTS[options.first - 1 :]
            if options.only in mutant[0] and options.sets in mutant[1]
        ]
        if not options.no_control:
            kinds = sorted({mutant[1] for mutant in chosen})
            chosen[:0] = [("unchanged", kind, None, "", "") for kind in kinds]
        n = caught = 0
        for i, (name, sets, header, old, new) in enumerate(chosen):
            start = time.monotonic()
            folder = Path(scratch) / str(i)
            package = copy_of(folder)
            if header:
                text = (package / header).read_text()
                if text.count(old) != 1:
                    raise ValueError(f"{name}: {header} holds {text.count(old)} {old}")
                (package / header).write_text(text.replace(old, new))
            compile_kernel(c_file, package, sets)
            tests = [EQUAL, SUBSETS, BRUTE]
            if sets != PORTABLE:
                tests.insert(0, VECTORS)
            good = passes(folder, tests, options.timeout)
            shutil.rmtree(folder)
            if header:
                n, caught = n + 1, caught + (not good)
            verdict = "passes" if good else "caught" if header else "FAILS"
            seconds = time.monotonic() - start
            print(f"{verdict:7}{name} ({sets}), {seconds:.0f} s", flush=True)
        print(f"{caught} of {n} caught")


if __name__ == "__main__":
    main()
