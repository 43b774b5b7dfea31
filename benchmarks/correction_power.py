"""Adjustments over the personas taken to the holdout: what each confirms.

The same searches with every ``correction``: share of planted trials in which something
is confirmed, in which a persona with a Jaccard index above .5 with a truth is, how many
personas are confirmed, and the share of null twins in which anything is.
"""

import argparse
import tempfile
import warnings

import numpy as np
from joblib import Parallel, delayed

from benchmarks.recovery.designs import read_grid
from sklearn_persona import PersonaDiscoverer
from sklearn_persona.exceptions import PersonaWarning

CORRECTIONS = ("holm", "fixed-sequence", "bh", None)
CELLS = (
    "n200-p10-k2-1.0sd",
    "n200-p10-k2-1.5sd",
    "n200-p10-k2-2.0sd",
    "n200-p10-unfavorable",
)


def one(design, seed, null, memory):
    """Number of confirmed personas and whether one is right, by correction."""
    trial, fresh = design.draw(seed, null), design.fresh()
    truths = [] if null else design.targets(fresh)
    out = []
    for correction in CORRECTIONS:
        finder = PersonaDiscoverer(
            correction=correction,
            n_bootstrap=0,
            n_alternatives=0,
            memory=memory,
            random_state=seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PersonaWarning)
            finder.fit(
                trial.X,
                trial.y,
                treatment=trial.treated.astype(int),
                groups=trial.groups,
                period=trial.period,
            )
        right = False
        for persona in finder.personas_[: finder.n_confirmed_]:
            found = persona.covers(fresh)
            for truth in truths:
                right |= np.sum(found & truth) > 0.5 * np.sum(found | truth)
        out.append((finder.n_confirmed_, right))
    return out


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    grid = read_grid()
    print(
        "| trial | correction | something confirmed | right | personas confirmed | "
        "null twins |\n|---|---|---|---|---|---|"
    )
    for cell in CELLS:
        results = {}
        for null in (False, True):
            with tempfile.TemporaryDirectory() as memory:
                results[null] = np.array(
                    Parallel(n_jobs=arguments.jobs)(
                        delayed(one)(grid[cell], seed, null, memory)
                        for seed in range(arguments.seeds)
                    )
                )
        for k, correction in enumerate(CORRECTIONS):
            number, right = results[False][:, k].T
            print(
                f"| {cell} | {correction} | {np.mean(number > 0):.2f} | "
                f"{np.mean(right):.2f} | {np.mean(number):.2f} | "
                f"{np.mean(results[True][:, k, 0] > 0):.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
