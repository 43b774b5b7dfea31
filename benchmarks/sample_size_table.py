"""What sample size recovers what: Jaccard index of the first persona with the true one.

Parallel trials with one planted persona that covers 40 % of the population, by one, two
or three variables among equally correlated (.1) normal ones; noise with SD 1; no main
effect and nothing prognostic. `PersonaDiscoverer` as it comes, with
``validation=None``; members are compared on 4,000 fresh participants. Nothing found
counts 0; everyone would reach .40.

``python -m benchmarks.sample_size_table`` prints the table.
"""

import argparse
import warnings
from itertools import product

import numpy as np
from joblib import Parallel, delayed

from benchmarks.recovery.planted import Planted
from sklearn_persona import PersonaDiscoverer
from sklearn_persona.exceptions import PersonaWarning

SIZES = (63, 100, 200, 500)
COLUMNS = (10, 30)
EFFECTS = (1.0, 1.5, 2.0, 3.0)


def design_of(n, p, n_variables, effect):
    """The population of a cell."""
    return Planted(
        f"sample-size-{n}-{p}-{n_variables}-{effect}",
        n,
        p,
        effect_size=effect,
        options={"variables": n_variables, "prevalence": 0.4},
    )


def jaccard(design, seed):
    """Jaccard index on fresh participants in one trial."""
    trial = design.draw(seed)
    finder = PersonaDiscoverer(validation=None, n_bootstrap=0, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersonaWarning)
        finder.fit(trial.X, trial.y, treatment=trial.treated)
    if not finder.personas_:
        return 0.0
    fresh = design.fresh()
    found, true = finder.personas_[0].covers(fresh), design.targets(fresh)[0]
    return np.count_nonzero(found & true) / np.count_nonzero(found | true)


def cell(n, p, n_variables, effect, arguments):
    """Text of a cell: mean and standard error."""
    design = design_of(n, p, n_variables, effect)
    # Found once, not in each process.
    _ = design.ranges
    values = Parallel(arguments.jobs)(
        delayed(jaccard)(design, seed) for seed in range(arguments.seeds)
    )
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{np.mean(values):.2f} ({error:.2f})"


def main():
    """Print the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="trials of each cell")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--columns", type=int, nargs="+", default=COLUMNS)
    parser.add_argument("--variables", type=int, nargs="+", default=(1, 2, 3))
    arguments = parser.parse_args()
    if arguments.seeds < 2:
        parser.error("a standard error needs --seeds 2 or more")
    effects = " | ".join(f"{effect:g} SD" for effect in EFFECTS)
    print(f"| variables | columns | participants | {effects} |")
    print("|---" * (3 + len(EFFECTS)) + "|")
    rows = product(arguments.variables, arguments.columns, arguments.sizes)
    for n_variables, p, n in rows:
        cells = [cell(n, p, n_variables, effect, arguments) for effect in EFFECTS]
        print(
            f"| {n_variables} | {p} | {n} | {' | '.join(cells)} |",
            flush=True,
        )
    print(f"\n{arguments.seeds} seeds a cell, from 0; mean (standard error)")


if __name__ == "__main__":
    main()
