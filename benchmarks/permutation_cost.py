"""Cost of permutations carried through the search, in units of one whole search.

U is the mean time of a whole search under permuted arms, first incumbent included, with
as many threads on one search as the permutations then have among them. The p near .05
is that of the 95th percentile of the null distribution of the trial without a persona.
"""

import argparse
import time

import numpy as np

from sklearn_persona._claims.null_distribution import (
    STOP_AFTER,
    null_maxima,
    reach_counts,
)
from sklearn_persona._data.table import read_table
from sklearn_persona._designs import Permutations, make_units, read_cases
from sklearn_persona._designs.labels import Labels
from sklearn_persona._search.binning import make_selectors
from sklearn_persona._search.greedy import SearchSettings, find_rules

SETTINGS = SearchSettings(
    objective="effect",
    min_variables=1,
    max_variables=3,
    min_modalities=1,
    least_arm=4,
    least_members=7,
    n_personas=1,
    max_overlap=0.5,
    signs=(1, -1),
    exact=True,
    max_time=None,
)


def trial(seed, planted, n=63, p=360):
    """Selectors and units of a simulated trial, as in `search_speed`."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n, p))
    treated = rng.permutation(n) < n // 2
    outcome = rng.normal(size=n)
    inside = (X[:, 0] > -0.3) & (X[:, 1] > -0.3) & (X[:, 2] > -0.6)
    if planted:
        outcome += 2.3 * inside * treated
    selectors = make_selectors(
        read_table(X),
        np.arange(n),
        n_cuts=9,
        conditions="one-sided",
        modality=np.zeros(p, int),
        least_members=8,
    )
    return selectors, make_units("parallel", read_cases(n, outcome, treatment=treated))


def seconds_of(function, *args, **options):
    """Seconds of a call, and its result."""
    start = time.perf_counter()
    result = function(*args, **options)
    return time.perf_counter() - start, result


def run(seed, planted, arguments):
    """Yield the rows of the table for one trial."""
    n_jobs, n_permutations = arguments.jobs, arguments.permutations
    selectors, units = trial(seed, planted)
    labels = Permutations(units, seed)
    observed = find_rules(
        selectors, Labels(units.score, units.treated), SETTINGS, n_jobs=n_jobs
    )[0][0].objective
    unit = np.mean(
        [
            seconds_of(
                find_rules,
                selectors,
                Labels(*labels[10**6 + b]),
                SETTINGS,
                n_jobs=n_jobs,
            )[0]
            for b in range(arguments.searches)
        ]
    )
    space = selectors, labels, SETTINGS
    options = {"n_permutations": n_permutations, "n_jobs": n_jobs}
    what = "planted" if planted else "null"

    def reached(name, value, stop_after):
        seconds, counts = seconds_of(
            reach_counts, *space, [value], stop_after=stop_after, **options
        )
        return name, value, counts.p_value[0], counts.n_permutations[0], seconds, unit

    yield reached(f"{what}, all permutations", observed, None)
    yield reached(f"{what}, until {STOP_AFTER} reach it", observed, STOP_AFTER)
    if arguments.whole:
        seconds, maxima = seconds_of(null_maxima, *space, **options)
        name = f"{what}, whole null distribution"
        yield name, np.nan, np.nan, len(maxima), seconds, unit
        if not planted:
            value = np.quantile(maxima, 0.95)
            yield reached("p near .05, all permutations", value, None)
            yield reached(f"p near .05, until {STOP_AFTER}", value, STOP_AFTER)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--permutations", type=int, default=1000)
    parser.add_argument("--searches", type=int, default=20, help="that U is made of")
    parser.add_argument("--no-whole", dest="whole", action="store_false")
    arguments = parser.parse_args()
    print(
        "| seed | question | observed | p | permutations | s | U, s | in U |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    totals = {}
    for seed in range(arguments.seeds):
        for planted in (True, False):
            for name, value, p, n, seconds, unit in run(seed, planted, arguments):
                totals.setdefault(name, []).append(seconds / unit)
                print(
                    f"| {seed} | {name} | {value:.2f} | {p:.3f} | {n} | {seconds:.1f} "
                    f"| {unit:.2f} | {seconds / unit:.1f} |",
                    flush=True,
                )
    print("\n| question | median of the seeds, U | mean, U |\n|---|---|---|")
    for name, units in totals.items():
        print(f"| {name} | {np.median(units):.1f} | {np.mean(units):.1f} |")
    print(
        f"\nseeds 0..{arguments.seeds - 1}, {arguments.jobs} threads, n = 63, p = 360, "
        "9 cuts, 3 variables, objective effect, both directions"
    )


if __name__ == "__main__":
    main()
