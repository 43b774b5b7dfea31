"""Objectives compared by what is found and confirmed.

Crossovers of 100 pairs with 400 variables and parallel trials of 200 cases with 30,
both with one planted persona; with and without a main effect and prognostic
variables; two variables at most.
"""

import argparse
import warnings

import numpy as np
from joblib import Parallel, delayed

from sklearn_persona import PersonaDiscoverer
from sklearn_persona.datasets import make_ketamine_crossover, make_parallel_trial
from sklearn_persona.exceptions import PersonaWarning

OBJECTIVES = ("effect", "contrast", "sum-of-squares")
CELLS = {
    "crossover": {"main_effect": 0.0},
    "crossover, main effect": {"main_effect": 8.0},
    "parallel": {},
    "parallel, main effect": {"main_effect": 0.8},
    "parallel, prognostic": {"prognostic": 1.0},
}


def run(cell, objective, prognostic, seed):
    """Jaccard index of the first favorable persona, and confirmation of a right one."""
    options = CELLS[cell]
    if cell.startswith("crossover"):
        trial = make_ketamine_crossover(
            n_participants=110, effect=(12.0, 0.0), random_state=seed, **options
        )
        finder = PersonaDiscoverer(greater_is_better=False, control="saline")
    else:
        trial = make_parallel_trial(
            n_samples=200, n_features=30, effect=1.5, random_state=seed, **options
        )
        finder = PersonaDiscoverer()
    finder.set_params(
        objective=objective,
        prognostic=prognostic,
        max_variables=2,
        n_personas=3,
        n_bootstrap=0,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersonaWarning)
        finder.fit(
            trial.data,
            trial.target,
            treatment=trial.treatment,
            groups=trial.groups,
            period=trial.period,
        )
    shares = [0.0]
    confirmed = False
    for persona in finder.personas_:
        inside = persona.covers(trial.data)
        share = (inside & trial.persona).sum() / (inside | trial.persona).sum()
        if persona.direction == "favorable":
            shares.append(share)
            confirmed |= persona.confirmed and share > 0.5
    return shares[1] if len(shares) > 1 else 0.0, confirmed


def main():
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    print("| trial | objective | prognostic | Jaccard | confirmed |")
    print("|---|---|---|---|---|")
    for cell in CELLS:
        adjustments = (None,) if cell.startswith("crossover") else (None, "auto")
        # Of pairs the sum of squares is the square of the contrast.
        names = OBJECTIVES[:2] if cell.startswith("crossover") else OBJECTIVES
        for prognostic in adjustments:
            for objective in names:
                rows = Parallel(arguments.jobs)(
                    delayed(run)(cell, objective, prognostic, seed)
                    for seed in range(arguments.seeds)
                )
                share, confirmed = np.mean(rows, axis=0)
                print(
                    f"| {cell} | {objective} | {prognostic} | {share:.2f} | "
                    f"{confirmed:.2f} |",
                    flush=True,
                )
    print(f"\n{arguments.seeds} seeds from 0")


if __name__ == "__main__":
    main()
