"""Fill a file with raw results: one row per cell, twin, seed and answer.

``python -m benchmarks.recovery.run --output results.csv`` runs the whole grid in its
order of tiers, a few seeds of every cell before more of any. What the file holds
already is skipped, so that a run can be stopped and continued, with other methods or
cells. Every fit is a process of its own with a time limit; a fit that exceeds it gets
a row that says so and counts as nothing found.
"""

import argparse
import contextlib
import csv
import fnmatch
import functools
import importlib
import json
import multiprocessing
import os
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from threadpoolctl import threadpool_limits

from benchmarks.recovery.designs import read_grid
from benchmarks.recovery.methods import ANSWERS, METHODS, persona
from benchmarks.recovery.scoring import FIELDS, score

COLUMNS = ("cell", "null", "seed", "method", "status", "seconds", *FIELDS, "version")
PACKAGES = {
    "pysubgroup": "pysubgroup",
    "causal-forest": "econml",
    "causal-tree": "scikit-learn",
    "virtual-twins": "scikit-learn",
    "interaction-tree": "numpy",
    "interaction-adjusted": "scikit-learn",
    "prim": "numpy",
    "everyone": "numpy",
}
# Seeds of every cell that are run before more of any.
BLOCK = 10


def version_of(method):
    """Package and version behind a method."""
    if method == "mob":
        done = subprocess.run(
            ["Rscript", "-e", "cat(as.character(packageVersion('partykit')))"],
            capture_output=True,
            text=True,
            check=False,
        )
        return f"partykit {done.stdout.strip()}"
    if method in PACKAGES:
        try:
            return f"{PACKAGES[method]} {version(PACKAGES[method])}"
        except PackageNotFoundError:
            return f"{PACKAGES[method]} missing"
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD:sklearn_persona"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    return f"sklearn-persona tree {done.stdout.strip()}"


def fit_and_score(function, design, seed, null, queue):
    """In the process of the fit: rows without the columns that name it."""
    # A fit has one core, whichever method it belongs to: libraries yet to be loaded
    # read the environment, the others are told.
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    try:
        trial = design.draw(seed, null)
        with threadpool_limits(1):
            start = time.perf_counter()
            answers = function(trial, seed)
            seconds = time.perf_counter() - start
        fresh = design.fresh()
        rows = {
            name: {
                "status": "ok",
                "seconds": round(seconds, 3),
                **score(found, design, trial, fresh, null),
            }
            for name, found in answers.items()
        }
    except Exception as error:
        text = f"{type(error).__name__}: {error}"[:200]
        rows = {None: {"status": "error", "rule": text}}
    queue.put(rows)


class Job:
    """One fit in a process of its own."""

    def __init__(self, key, names, function, design, limit):
        self.key, self.names, self.limit = key, names, limit
        context = multiprocessing.get_context("fork")
        self.queue = context.SimpleQueue()
        _, null, seed, _ = key
        self.process = context.Process(
            target=fit_and_score, args=(function, design, seed, null, self.queue)
        )
        self.start = time.perf_counter()
        self.process.start()

    def rows(self):
        """Rows when the fit is over, None while it runs."""
        late = time.perf_counter() - self.start > self.limit
        if not self.queue.empty():
            rows = self.queue.get()
        elif late or not self.process.is_alive():
            self.process.kill()
            rows = {None: {"status": "timeout" if late else "died"}}
        else:
            return None
        self.process.join()
        if None in rows:
            failed = {"seconds": round(time.perf_counter() - self.start, 3)}
            # Nothing was found: that is an index of 0, in planted twins.
            failed["jaccard"] = "" if self.key[1] else 0.0
            rows = {name: {**rows[None], **failed} for name in self.names}
        return rows


def tasks(designs, methods, seeds, twins):
    """(cell, null, seed, method) in the order of running."""
    most = max(design.repetitions for design in designs.values())
    last = most if seeds is None else min(most, seeds)
    for tier in sorted({design.tier for design in designs.values()}):
        for start in range(0, last, BLOCK):
            for name, design in designs.items():
                stop = min(start + BLOCK, last, design.repetitions)
                for seed in range(start, stop) if design.tier == tier else ():
                    for null in twins:
                        for method in methods:
                            yield name, null, seed, method


def finished(path):
    """Keys of the rows that a file holds."""
    if not path.exists():
        return set()
    with path.open(newline="", encoding="utf-8") as file:
        return {
            (row["cell"], row["null"] == "1", int(row["seed"]), row["method"])
            for row in csv.DictReader(file)
        }


def select(names, patterns):
    """Names that match any of some shell patterns, in their own order."""
    chosen = [n for n in names if any(fnmatch.fnmatch(n, p) for p in patterns)]
    if not chosen:
        raise SystemExit(f"nothing matches {patterns}; there are {list(names)}")
    return chosen


def run(designs, methods, versions, arguments):
    """Work through all tasks, so many at a time."""
    path = Path(arguments.output)
    done = finished(path)
    new = not path.exists()
    running = []
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        if new:
            writer.writeheader()

        def collect():
            for job in list(running):
                rows = job.rows()
                if rows is None:
                    continue
                running.remove(job)
                cell, null, seed, method = job.key
                for name, row in rows.items():
                    row = {key: _short(value) for key, value in row.items()}
                    row.update(cell=cell, null=int(null), seed=seed)
                    row.update(
                        method=job.names[0] if name == method else name,
                        version=versions[method],
                    )
                    writer.writerow(row)
                file.flush()

        todo = tasks(designs, list(methods), arguments.seeds, arguments.twins)
        for key in todo:
            cell, null, seed, method = key
            names = ANSWERS.get(method, (method,))
            if all((cell, null, seed, name) in done for name in names):
                continue
            while len(running) >= arguments.jobs:
                collect()
                time.sleep(0.002)
            design = designs[cell]
            # In this process, so that no fit has to find them again.
            _ = design.mean_effect
            job = Job(key, names, methods[method], design, arguments.limit)
            running.append(job)
        while running:
            collect()
            time.sleep(0.002)


def _short(value):
    return f"{value:.5g}" if isinstance(value, float) else value


def _variant(text):
    name, _, options = text.partition("=")
    return name, json.loads(options)


def _renamed(function, name, trial, seed, **options):
    """Answer of a variant, under its own name."""
    return {name: next(iter(function(trial, seed, **options).values()))}


def main():
    """Read arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", nargs="+", default=["*"], help="names or patterns")
    parser.add_argument("--methods", nargs="+", default=["*"], help="names or patterns")
    parser.add_argument(
        "--variant",
        type=_variant,
        action="append",
        default=[],
        metavar="NAME=JSON",
        help="another contestant: PersonaDiscoverer with these parameters",
    )
    parser.add_argument("--tier", type=int, nargs="+", help="only cells of these tiers")
    parser.add_argument("--seeds", type=int, help="at most so many of each cell")
    parser.add_argument("--twins", choices=("both", "planted", "null"), default="both")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds a fit")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    twins = {"both": (False, True), "planted": (False,), "null": (True,)}
    arguments.twins = twins[arguments.twins]
    designs = read_grid()
    if arguments.tier:
        designs = {k: d for k, d in designs.items() if d.tier in arguments.tier}
    designs = {name: designs[name] for name in select(designs, arguments.cells)}
    methods = dict(METHODS)
    for name, options in arguments.variant:
        methods[name] = functools.partial(_renamed, persona, name, **options)
    wanted = [*arguments.methods, *(name for name, _ in arguments.variant)]
    if arguments.methods == ["none"]:
        wanted = wanted[1:]
    methods = {name: methods[name] for name in select(methods, wanted)}
    versions = {name: version_of(name) for name in methods}
    # Once, not in each process; what is missing fails there, and gets rows that say so.
    for name in ("econml.dml", "econml.cate_interpreter", "pysubgroup"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    run(designs, methods, versions, arguments)


if __name__ == "__main__":
    main()
