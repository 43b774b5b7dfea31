"""Do the tests notice when the inference package is wrong?

Each mutant is one change by one of mutmut's default operators inside a function of
`sklearn_persona.inference`. The tests that execute the changed line, the fastest
first, run until one fails. A mutant that ends in an error or runs on for too long is
caught as well::

    python -m benchmarks.mutants --every 1 --output mutants.csv

Everything is imported once; each mutant lives in a process forked from there (Linux,
macOS). Needs mutmut 3 and coverage.
"""

import argparse
import ast
import csv
import importlib
import os
import random
import resource
import signal
import sys
import time
from pathlib import Path

import coverage
import libcst as cst
import pytest
from mutmut.mutation.file_mutation import MutationVisitor, deep_replace
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

ROOT = Path(__file__).parents[1]
PACKAGE = "sklearn_persona.inference"
TESTS = [
    "test_inference",
    "test_refusals",
    "test_sequence",
    "test_planning",
    "test_resampled",
    "test_scale",
]
# Seconds of a test that runs only where there is no other.
TOO_SLOW = 20.0
# Bytes; some mutants would take all there are.
MEMORY = 8 << 30
CAUGHT, SURVIVED, NO_TEST = "caught", "survived", "no test"


def mutants_of(path):
    """Yield (line, source of the mutant) of every mutation of a file."""
    wrapper = cst.metadata.MetadataWrapper(cst.parse_module(path.read_text()))
    visitor = MutationVisitor(mutation_operators, IgnoredCode(set(), set(), set()))
    module = wrapper.visit(visitor)
    positions = wrapper.resolve(cst.metadata.PositionProvider)
    for mutation in visitor.mutations:
        if mutation.contained_by_top_level_function is None:
            continue
        node = mutation.original_node
        code = deep_replace(module, node, mutation.mutated_node).code
        yield positions[node].start.line, code


class Durations:
    """Seconds of each test, and which passed."""

    def __init__(self):
        self.seconds = {}

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and report.passed:
            self.seconds[report.nodeid] = report.duration


def run_tests(arguments, plugins=()):
    """Run pytest in this process without a word; its exit code."""
    options = ["-q", "-p", "no:cacheprovider", "--rootdir", str(ROOT), "--tb=no"]
    return pytest.main([*arguments, *options], plugins=list(plugins))


def tests_of_lines(names):
    """Tests that execute each line of the package: {file: {line: [node ids]}}."""
    durations = Durations()
    data_file = f"/tmp/mutants-{os.getpid()}.coverage"
    os.environ["COVERAGE_FILE"] = data_file
    files = [str(ROOT / "tests" / f"{name}.py") for name in names]
    package = str(ROOT / "sklearn_persona" / "inference")
    options = [f"--cov={package}", "--cov-context=test", "--cov-report="]
    run_tests([*files, *options], [durations])
    data = coverage.CoverageData(data_file)
    data.read()
    found = {}
    for file in data.measured_files():
        by_line = data.contexts_by_lineno(file)
        found[file] = {
            line: sorted(
                {c.split("|")[0] for c in contexts} & set(durations.seconds),
                key=durations.seconds.get,
            )
            for line, contexts in by_line.items()
        }
    os.remove(data_file)
    return found, durations.seconds


def executed_lines(path):
    """Line whose tests are those of a line: of its statement, of a header's body."""
    found = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.stmt):
            continue
        last = node.end_lineno
        if isinstance(node, ast.FunctionDef):
            # Run at import, before any test.
            first = node.body[
                ast.get_docstring(node) is not None and len(node.body) > 1
            ]
            line, last = first.lineno, node.body[0].lineno - 1
        elif getattr(node, "body", None):
            line, last = node.lineno, node.body[0].lineno - 1
        else:
            line = node.lineno
        for k in range(node.lineno, last + 1):
            found[k] = line
    return found


def put_in_place(name, code):
    """Execute a mutant as its module; everybody who holds the old one gets the new."""
    module = sys.modules[name]
    old = {
        key: value
        for key, value in vars(module).items()
        if getattr(value, "__module__", None) == name
    }
    exec(compile(code, module.__file__, "exec"), vars(module))
    renewed = {id(value): vars(module)[key] for key, value in old.items()}
    for other in list(sys.modules.values()):
        own = getattr(other, "__name__", "")
        if own.startswith(("sklearn_persona", "test_")):
            for key, value in list(vars(other).items()):
                if id(value) in renewed:
                    setattr(other, key, renewed[id(value)])


def verdict(name, code, tests, limit):
    """What the tests say of a mutant, in a process of its own."""
    if not tests:
        return NO_TEST
    child = os.fork()
    if not child:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        signal.alarm(int(limit))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        try:
            put_in_place(name, code)
            os._exit(0 if run_tests([*tests, "-x"]) == 0 else 1)
        except BaseException:
            os._exit(1)
    return SURVIVED if os.waitpid(child, 0)[1] == 0 else CAUGHT


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="one in so many mutants")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="modules whose name holds this")
    parser.add_argument("--lines", default="", help="only these lines, as 12,40")
    parser.add_argument(
        "--again", type=Path, help="only what this file says was missed"
    )
    parser.add_argument("--most-tests", type=int, default=80, help="a mutant")
    parser.add_argument("--limit", type=float, default=300, help="seconds a mutant")
    parser.add_argument("--output", type=Path, default=Path("mutants.csv"))
    options = parser.parse_args()
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    tests, seconds = tests_of_lines(TESTS)
    for name in TESTS:
        importlib.import_module(name)
    rng = random.Random(options.seed)
    lines = {int(line) for line in options.lines.split(",") if line}
    missed = None
    if options.again:
        with options.again.open(newline="") as file:
            missed = {
                (row["module"], int(row["line"]), row["mutant"])
                for row in csv.DictReader(file)
                if row["result"] != CAUGHT
            }
    results, start = [], time.monotonic()
    with options.output.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["module", "line", "result", "original", "mutant"])
        for path in sorted(
            (ROOT / "sklearn_persona/inference").glob("[!_]*.py")
        ) + sorted((ROOT / "sklearn_persona/inference").glob("_[!_]*.py")):
            if options.only not in path.stem:
                continue
            source = path.read_text().splitlines()
            n, caught, executed = 0, 0, executed_lines(path)
            for line, code in mutants_of(path):
                pairs = zip(code.splitlines(), source)
                changed = next((new.strip() for new, old in pairs if new != old), "")
                if missed is not None:
                    if (path.stem, line, changed) not in missed:
                        continue
                elif (lines and line not in lines) or rng.randrange(options.every):
                    continue
                chosen = tests.get(str(path), {}).get(executed.get(line, line), [])
                chosen = [t for t in chosen if seconds[t] < TOO_SLOW] or chosen
                result = verdict(
                    f"{PACKAGE}.{path.stem}",
                    code,
                    chosen[: options.most_tests],
                    options.limit,
                )
                n += 1
                caught += result == CAUGHT
                results.append(result)
                row = [path.stem, line, result, source[line - 1].strip(), changed]
                writer.writerow(row)
                file.flush()
            print(f"{path.stem}: {caught} of {n} caught", flush=True)
    n, caught = len(results), results.count(CAUGHT)
    print(f"{caught} of {n} caught, {caught / max(n, 1):.1%}; seed {options.seed}, one")
    print(f"in {options.every}, {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
