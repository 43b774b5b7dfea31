"""Error rate on the NIMH crossover with arms exchanged within participants."""

import argparse
import warnings

import numpy as np
from joblib import Parallel, delayed
from sklearn.utils import check_random_state

from sklearn_persona import PersonaDiscoverer
from sklearn_persona.datasets import fetch_nimh_ketamine
from sklearn_persona.exceptions import PersonaWarning


def run(trial, seed, with_period, planted):
    """Whether anything is confirmed, and whether anything reached the holdout."""
    rng = check_random_state(seed)
    participants, codes = np.unique(trial.groups, return_inverse=True)
    swap = (rng.rand(len(participants)) < 0.5)[codes]
    treated = (trial.treatment == "ketamine") ^ swap
    outcome = trial.target - planted * (treated & (trial.data["age"] <= 35))
    finder = PersonaDiscoverer(
        design="crossover", greater_is_better=False, random_state=seed, n_bootstrap=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersonaWarning)
        finder.fit(
            trial.data,
            outcome,
            treatment=treated,
            groups=trial.groups,
            period=trial.period if with_period else None,
        )
    tested = any(persona.holdout is not None for persona in finder.personas_)
    return finder.n_confirmed_ > 0, tested


def main():
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data_home")
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    trial = fetch_nimh_ketamine(
        data_home=arguments.data_home, download_if_missing=False
    )
    print("| period | planted at age <= 35 | tested | confirmed |")
    print("|---|---|---|---|")
    for with_period in (True, False):
        for planted in (0, 20):
            rows = Parallel(arguments.jobs)(
                delayed(run)(trial, seed, with_period, planted)
                for seed in range(arguments.runs)
            )
            confirmed, tested = np.mean(rows, axis=0)
            print(
                f"| {'given' if with_period else 'unknown'} | {planted} points | "
                f"{tested:.3f} | {confirmed:.3f} |",
                flush=True,
            )
    print(f"\n{arguments.runs} runs, seeds from 0")


if __name__ == "__main__":
    main()
