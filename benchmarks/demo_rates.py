"""How often the demonstration discovers and confirms its planted persona.

Discovered: some kept favorable persona has a Jaccard index above .5 with the planted
one over all participants. Confirmed: such a persona is confirmed. "Anything" counts
any confirmed persona; on the null twins (effect 0 for everyone) that is the error.
"""

import argparse
import time
import warnings

import numpy as np
from joblib import Parallel, delayed

from sklearn_persona._cli.commands.demo import (
    EFFECT,
    LARGE,
    MAX_VARIABLES,
    PUBLISHED,
    discover,
)
from sklearn_persona.exceptions import PersonaWarning


def run(n_participants, effect, seed):
    """One trial: discovered, confirmed, anything confirmed, seconds."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersonaWarning)
        trial, finder = discover(n_participants, seed, effect=effect)
    truth = trial.persona
    found = confirmed = False
    for persona in finder.personas_:
        inside = persona.covers(trial.data)
        right = (
            persona.direction == "favorable"
            and (inside & truth).sum() / (inside | truth).sum() > 0.5
        )
        found |= right
        confirmed |= right and persona.confirmed
    return found, confirmed, finder.n_confirmed_ > 0, time.perf_counter() - start


def main():
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    print("| participants | effect | discovered | confirmed | anything | s a trial |")
    print("|---|---|---|---|---|---|")
    for n in (LARGE, PUBLISHED):
        for effect in (EFFECT, 0.0):
            rows = Parallel(arguments.jobs)(
                delayed(run)(n, effect, seed) for seed in range(arguments.seeds)
            )
            found, confirmed, anything, seconds = np.mean(rows, axis=0)
            print(
                f"| {n} | {'planted' if effect else 'none'} | {found:.3f} | "
                f"{confirmed:.3f} | {anything:.3f} | {seconds:.2f} |",
                flush=True,
            )
    print(
        f"\n{arguments.seeds} seeds from 0; effect {EFFECT} MADRS points; at most "
        f"{MAX_VARIABLES} variables"
    )


if __name__ == "__main__":
    main()
