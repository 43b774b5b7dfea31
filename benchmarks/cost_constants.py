"""Measure the constants by which the search chooses between cubes and row sets.

Prints the assignments of ``sklearn_persona/_cost.py``: the least processor time of
some runs, which other load disturbs little.
"""

import argparse
import time

import numpy as np

from sklearn_persona._data.table import read_table
from sklearn_persona._designs.labels import Labels
from sklearn_persona._search._cube import CellTable, Cubes, CubeSearch
from sklearn_persona._search.binning import make_selectors
from sklearn_persona._search.greedy import SearchSettings
from sklearn_persona._search.problem import fixed_point, make_problem, size_limits


def case(n, p, n_cuts, variables):
    """Selectors, labels and settings of a null trial."""
    rng = np.random.RandomState(0)
    label = Labels(rng.normal(size=n), np.arange(n) % 2 == 0)
    selectors = make_selectors(
        read_table(rng.normal(size=(n, p))),
        np.arange(n),
        n_cuts=n_cuts,
        conditions="one-sided",
        modality=np.zeros(p, int),
        least_members=1,
    )
    settings = SearchSettings(
        objective="sum-of-squares",
        min_variables=variables,
        max_variables=variables,
        min_modalities=1,
        least_arm=2,
        least_members=4,
        n_personas=1,
        max_overlap=0.5,
        signs=(1,),
        exact=True,
        max_time=None,
    )
    return selectors, label, settings


def cubes(n, p, n_cuts, variables, runs):
    """Seconds, tuples and rules of one visit of all cubes."""
    selectors, label, settings = case(n, p, n_cuts, variables)
    table = CellTable(
        selectors.bits,
        selectors.feature,
        selectors.side,
        selectors.cut,
        selectors.modality,
        n,
        arms=2,
        min_variables=variables,
        max_variables=variables,
        min_modalities=1,
    )
    values = fixed_point(label, settings.objective)
    seconds = []
    for _ in range(runs):
        state = Cubes(
            table,
            values.fixed,
            label.treated,
            values.scale,
            objective=settings.objective,
            signs=settings.signs,
            **size_limits(label, settings),
        )
        search = CubeSearch(state, (0,))
        start = time.process_time()
        search.run()
        seconds.append(time.process_time() - start)
    n_rules = table.n_tuples * (2 * n_cuts) ** variables
    return min(seconds), table.n_tuples, n_rules


def row_sets(n, runs):
    """Seconds of a value and of a bound, on row sets of a quarter of the rows."""
    selectors, label, settings = case(n, 12, 3, 2)
    problem = make_problem(selectors, label, 1, settings)
    pairs = problem.bits[:6, None] & problem.bits[None, 12:36]
    pairs = np.ascontiguousarray(pairs.reshape(-1, pairs.shape[-1]))
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        problem.evaluate(pairs)
        middle = time.process_time()
        problem.bound(pairs)
        seconds.append((middle - start, time.process_time() - middle))
    value, bound = np.min(seconds, axis=0) / len(pairs)
    return value / len(problem.bits), bound


def vectors(n, runs):
    """Seconds of a value and of a bound, 32 or 64 row sets at once."""
    selectors, label, settings = case(n, 60, 9, 2)
    problem = make_problem(selectors, label, 1, settings)
    everyone = np.bitwise_or.reduce(problem.bits, axis=0)
    rules = np.arange(100, dtype=np.int32)[:, None]
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        problem.expand(rules, problem.bits[:100], 1)
        middle = time.process_time()
        for _ in range(20):
            problem.vector_bound(everyone, problem.bits, True)
        seconds.append((middle - start, time.process_time() - middle))
    value, bound = np.min(seconds, axis=0) / len(problem.bits)
    return value / 100, bound / 20


def main():
    """Print the constants."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    seconds, n_tuples, _ = cubes(200_000, 10, 1, 2, runs)
    row = seconds / n_tuples / 200_000
    seconds, n_tuples, _ = cubes(64, 60, 1, 3, runs)
    each = seconds / n_tuples - 64 * row
    seconds, n_tuples, n_rules = cubes(300, 20, 9, 3, runs)
    rule = (seconds - n_tuples * (each + 300 * row)) / n_rules
    print(f"CUBE_ROW, CUBE_TUPLE, CUBE_RULE = {row:.1e}, {each:.1e}, {rule:.1e}")
    few_value, few_bound = row_sets(64, runs)
    value, bound = row_sets(20_000, runs)
    print(
        f"VALUE_ROW, BOUND_ROW, BIT_RULE = {value / 20_000:.1e}, {bound / 20_000:.1e}, "
        f"{(few_value + few_bound) / 2:.1e}"
    )
    value, bound = vectors(128, runs)
    print(f"VECTOR_VALUE_ROW, VECTOR_BOUND_ROW = {value / 128:.1e}, {bound / 128:.1e}")


if __name__ == "__main__":
    main()
