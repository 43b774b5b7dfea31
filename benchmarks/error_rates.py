"""How often something is confirmed: null trials and their planted twins, by cell.

Trials with a holdout, by permutation of the whole search, and by the published rule
(p < .05 and d > .5 in both halves, no contrast, no correction). The cells were fixed
before the first result (``error_rates.toml``). A run that was ended goes on where it
stopped; the table is of what is there.
"""

import argparse
import tomllib
import warnings
from itertools import product
from pathlib import Path

import numpy as np
from scipy.stats import binom, binomtest
from sklearn.linear_model import LogisticRegression

from benchmarks.recovery.designs import make_designs
from benchmarks.resume import complete, read
from sklearn_persona import PersonaDiscoverer
from sklearn_persona.exceptions import PersonaWarning

CELLS = Path(__file__).with_name("error_rates.toml")
OWN = ("ties", "missing", "n_null", "n_planted")
ALPHA = 0.05
QUICK = {"n_bootstrap": 0, "n_alternatives": 0}
MODES = {
    "holdout": QUICK,
    "permutation": {**QUICK, "validation": "permutation", "n_permutations": 99},
    "published": {
        **QUICK,
        "criterion": "effect",
        "correction": None,
        "n_holdout": 10,
    },
}
# Trials of a cell at most: some modes cost more.
MOST = {
    "holdout": {"null": 1000, "planted": 100},
    "permutation": {"null": 300, "planted": 25},
    "published": {"null": 200, "planted": 0},
}
FIELDS = ("cell", "twin", "mode", "seed", "confirmed", "right")


def read_cells():
    """Designs and own settings of each cell."""
    grid = tomllib.loads(CELLS.read_text(encoding="utf-8"))
    own = {}
    for cell in grid["cell"]:
        settings = {**grid["defaults"], **cell}
        own[cell["name"]] = {key: settings[key] for key in OWN if key in settings}
    for cell in [grid["defaults"], *grid["cell"]]:
        for key in OWN:
            cell.pop(key, None)
    return make_designs(grid), own


def draw(design, own, seed, null):
    """A trial of a cell."""
    trial = design.draw(seed, null)
    rng = np.random.default_rng([seed, int(null)])
    X, y = trial.X, trial.y
    if "missing" in own:
        X = np.where(rng.random(X.shape) < own["missing"], np.nan, X)
    if "ties" in own:
        y = np.round(own["ties"] * y) / own["ties"]
    return trial, X, y


def run_one(design, own, twin, mode, seed):
    """Whether anything is confirmed in a trial, and whether it is the right thing."""
    trial, X, y = draw(design, own, seed, twin == "null")
    propensity = None if trial.randomized else LogisticRegression()
    finder = PersonaDiscoverer(random_state=seed, propensity=propensity, **MODES[mode])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersonaWarning)
        finder.fit(
            X,
            y,
            treatment=trial.treated.astype(int),
            groups=trial.groups,
            period=trial.period,
        )
    if mode == "published":
        kept = [persona for persona in finder.personas_ if persona.replicated]
    else:
        kept = [persona for persona in finder.personas_ if persona.confirmed]
    right = False
    if kept and twin == "planted":
        fresh = design.fresh()
        found, truth = kept[0].covers(fresh), design.targets(fresh)[0]
        right = np.count_nonzero(found & truth) > 0.5 * np.count_nonzero(found | truth)
    return int(bool(kept)), int(right)


def jobs(own, arguments):
    """What is to be run, in an order in which all rows of the table grow alike."""
    out = []
    for mode, twin in product(arguments.modes.split(","), ("null", "planted")):
        for cell, settings in own.items():
            if arguments.cells and cell not in arguments.cells.split(","):
                continue
            most = min(settings[f"n_{twin}"], MOST[mode][twin])
            n = round(most * arguments.share)
            out += [(seed / n, (cell, twin, mode, seed)) for seed in range(n)]
    return [job for _, job in sorted(out)]


def run(arguments):
    """Append the results that are missing."""
    designs, own = read_cells()

    def task(cell, twin, mode, seed):
        return run_one(designs[cell], own[cell], twin, mode, seed)

    complete(arguments.output, FIELDS, jobs(own, arguments), task, arguments.jobs)


def table(path):
    """Lines of markdown: a row a cell and mode."""
    data = read(path)
    header = "cell, mode, null trials, confirmed, bound, planted, confirmed, right"
    yield f"| {header.replace(', ', ' | ')} |"
    yield "|---|---|---|---|---|---|---|---|"
    for (mode, cell), part in data.groupby(["mode", "cell"], sort=False):
        null, planted = part[part.twin == "null"], part[part.twin == "planted"]
        n, errors = len(null), int(null.confirmed.sum())
        text = ""
        if n:
            interval = binomtest(errors, n).proportion_ci(0.95)
            most = binom.ppf(0.99, n, ALPHA) / n
            over = " **above**" if errors / n > most else ""
            text = (
                f"{errors / n:.3f} ({interval.low:.3f} to {interval.high:.3f}){over} | "
                f"{most:.3f}"
            )
        rates = " | "
        if len(planted):
            rates = f"{planted.confirmed.mean():.2f} | {planted.right.mean():.2f}"
        yield f"| {cell} | {mode} | {n} | {text or ' | '} | {len(planted)} | {rates} |"


def main():
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("error_rates.csv"))
    parser.add_argument("--modes", default="holdout,published,permutation")
    parser.add_argument("--cells", help="all, unless named")
    parser.add_argument("--share", type=float, default=1.0, help="of the trials")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--table", action="store_true", help="print, run nothing")
    arguments = parser.parse_args()
    if not arguments.table:
        run(arguments)
    for line in table(arguments.output):
        print(line)


if __name__ == "__main__":
    main()
