"""Size of the test of heterogeneity with binary outcomes, by the rarest kind in an arm.

Trials of 120 cases and four variables with the same risk difference in everybody, with
the refusal of sparse outcomes taken out: share of the best personas whose
``p_adjusted_interaction`` is at most .05, by the number of the rarer kind of outcome in
the arm that has fewest. The package refuses below ten::

    python -m benchmarks.sparse_outcomes
"""

import argparse
import warnings
from itertools import product
from unittest.mock import patch

import numpy as np
from joblib import Parallel, delayed
from scipy.stats import binom

from sklearn_persona import PersonaDiscoverer
from sklearn_persona.exceptions import PersonaWarning

ALPHA = 0.05
N, P = 120, 4
SHARES = (0.5, 0.25, 0.125)
RISKS = (0.04, 0.1, 0.2, 0.4)
DIFFERENCES = (0.0, 0.15, 0.4)
GROUPS = ((0, 2), (3, 5), (6, 9), (10, 14), (15, 60))


def run_one(share, risk, difference, seed):
    """Fewest cases of a kind in an arm, and the p value of the best persona."""
    rng = np.random.default_rng(
        [seed, *(round(100 * v) for v in (share, risk, difference))]
    )
    X = rng.standard_normal((N, P))
    arm = rng.permutation(np.arange(N) < share * N)
    y = (rng.random(N) < risk + difference * arm).astype(float)
    kinds = [np.sum(y[a] == kind) for a in (arm, ~arm) for kind in (0, 1)]
    if np.ptp(y) == 0:
        return None
    finder = PersonaDiscoverer(
        max_variables=2,
        validation="permutation",
        n_permutations=99,
        n_personas=1,
        n_bootstrap=0,
        n_alternatives=0,
        random_state=seed,
    )
    with (
        warnings.catch_warnings(),
        patch("sklearn_persona._outcomes.continuous.LEAST_EVENTS", 0),
    ):
        warnings.simplefilter("ignore", PersonaWarning)
        finder.fit(X, y, treatment=arm.astype(int))
    p_values = [p.p_adjusted_interaction for p in finder.personas_]
    return min(kinds), share, (p_values or [1.0])[0]


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=40, help="of each of 36 settings")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    results = Parallel(n_jobs=arguments.jobs)(
        delayed(run_one)(*setting, seed)
        for setting in product(SHARES, RISKS, DIFFERENCES)
        for seed in range(arguments.seeds)
    )
    results = np.array([r for r in results if r is not None])
    print("| rarer kind in an arm | treated | trials | p up to .05 | 99 % bound |")
    print("|---|---|---|---|---|")
    for (low, high), share in product(GROUPS, SHARES):
        rows = results[
            (results[:, 0] >= low) & (results[:, 0] <= high) & (results[:, 1] == share)
        ]
        if not len(rows):
            continue
        size = np.mean(rows[:, 2] <= ALPHA)
        bound = binom.ppf(0.99, len(rows), ALPHA) / len(rows)
        mark = " (above)" if size > bound else ""
        print(
            f"| {low} to {high} | {share:g} | {len(rows)} | {size:.3f}{mark} | "
            f"{bound:.3f} |"
        )


if __name__ == "__main__":
    main()
