"""Seconds of the exact search on simulated parallel trials and pairs.

Search only, binning apart; the median of the runs; planted and null trials.
"""

import argparse
import time

import numpy as np

from sklearn_persona._data.table import read_table
from sklearn_persona._designs.labels import Labels
from sklearn_persona._search.binning import make_selectors
from sklearn_persona._search.greedy import SearchSettings, find_rules

CASES = [
    # objective, rows, columns, cuts, conditions, variables, pairs, personas
    ("effect", 63, 360, 9, "one-sided", 2, False, 1),
    ("effect", 63, 360, 9, "one-sided", 3, False, 1),
    ("contrast", 63, 360, 9, "one-sided", 3, False, 1),
    ("sum-of-squares", 63, 360, 9, "one-sided", 3, False, 1),
    ("mean-shift", 63, 360, 9, "one-sided", 3, False, 1),
    ("effect", 63, 360, 9, "one-sided", 3, False, 10),
    ("effect", 63, 360, 3, "interval", 3, False, 1),
    ("effect", 32, 360, 9, "one-sided", 4, False, 1),
    ("contrast", 15, 400, 9, "one-sided", 3, True, 1),
    ("contrast", 100, 400, 9, "one-sided", 2, True, 1),
]


def run(case, seed, planted, n_jobs):
    """Seconds, record of one search."""
    objective, n, p, n_cuts, conditions, variables, pairs, n_personas = case
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n, p))
    treated = rng.permutation(n) < n // 2
    outcome = rng.normal(size=n)
    inside = (X[:, 0] > -0.3) & (X[:, 1] > -0.3) & (X[:, 2] > -0.6)
    if planted:
        outcome += 2.3 * inside * (1 if pairs else treated)
    least = 6 if pairs else 4
    selectors = make_selectors(
        read_table(X),
        np.arange(n),
        n_cuts=n_cuts,
        conditions=conditions,
        modality=np.zeros(p, int),
        least_members=least if pairs else 2 * least,
    )
    settings = SearchSettings(
        objective=objective,
        min_variables=1,
        max_variables=variables,
        min_modalities=1,
        least_arm=least,
        least_members=int(np.ceil(0.1 * n)),
        n_personas=n_personas,
        max_overlap=0.5,
        signs=(1,),
        exact=True,
        max_time=None,
    )
    start = time.perf_counter()
    _, record = find_rules(
        selectors,
        Labels(outcome, None if pairs else treated),
        settings,
        n_jobs=n_jobs,
    )
    return time.perf_counter() - start, record


def main():
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    print(
        "| objective | units | columns | cuts | conditions | variables | personas | "
        "candidates | evaluated, planted / null | s, planted / null |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for case in CASES:
        objective, n, p, n_cuts, conditions, variables, pairs, n_personas = case
        seconds, evaluated = [], []
        for planted in (True, False):
            rows = [
                run(case, seed, planted, arguments.jobs)
                for seed in range(arguments.seeds)
            ]
            seconds.append(np.median([row[0] for row in rows]))
            evaluated.append(np.median([row[1].n_evaluated for row in rows]))
            assert all(row[1].proven_optimal for row in rows)
        units = f"{n} {'pairs' if pairs else 'cases'}"
        print(
            f"| {objective} | {units} | {p} | {n_cuts} | {conditions} | {variables} | "
            f"{n_personas} | {rows[0][1].n_candidates:.2g} | "
            f"{evaluated[0]:.2g} / {evaluated[1]:.2g} | "
            f"{seconds[0]:.2f} / {seconds[1]:.2f} |",
            flush=True,
        )
    print(f"\nmedian of seeds 0..{arguments.seeds - 1}, {arguments.jobs} thread(s)")


if __name__ == "__main__":
    main()
