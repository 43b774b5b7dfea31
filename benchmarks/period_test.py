"""Tests of a persona's effect in a crossover with a period effect.

Half trials of complete pairs with unequal sequences, no treatment effect, a period
effect of 1.5 SD. Four two-sided tests at .05 of the pairs inside:

* flips: signs of the period-adjusted differences are flipped;
* flips by sequence: the same for the mean of the two sequence means;
* members: sequence labels are exchanged among the members;
* sequences: sequence labels are exchanged among all pairs, and the statistic is that of
  the members (used here).
"""

import argparse
from itertools import product

import numpy as np

from sklearn_persona.inference import permutation_pvalue, sequence_pvalue


def share_reached(statistics, observed):
    """Two-sided p value by enumeration."""
    return np.mean(np.abs(statistics) >= abs(observed) * (1 - 1e-9) - 1e-12)


def run(rng, n_pairs, n_first, members, skewed, effect):
    """Four p values, or None when the members have one sequence only."""
    sequence = np.where(np.arange(n_pairs) < n_first, 1, -1)
    noise = rng.exponential(size=n_pairs) - 1 if skewed else rng.normal(size=n_pairs)
    period_difference = noise + 1.5 + effect * sequence
    inside = rng.choice(n_pairs, members, replace=False)
    member = np.isin(np.arange(n_pairs), inside)
    first = sequence[inside] > 0
    if first.all() or not first.any():
        return None
    difference = sequence * period_difference
    period = (difference[sequence > 0].mean() - difference[sequence < 0].mean()) / 2
    adjusted = (difference - sequence * period)[inside]
    signs = np.array(list(product([1, -1], repeat=members)))
    weights = np.where(first, 0.5 / first.sum(), 0.5 / (~first).sum())
    both = period_difference[inside]
    return (
        share_reached(signs @ adjusted, adjusted.sum()),
        share_reached(signs @ (weights * adjusted), weights @ adjusted),
        permutation_pvalue(both[first], both[~first]).p_value,
        sequence_pvalue(period_difference, sequence > 0, member).p_value,
    )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=2000)
    arguments = parser.parse_args()
    print(
        "| pairs | first sequence | inside | noise | effect, SD | flips | "
        "flips by sequence | members | sequences |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    rng = np.random.RandomState(0)
    for n_pairs, n_first in ((12, 6), (12, 3), (24, 12), (24, 6), (24, 3)):
        for members in (6, 8, 10):
            for skewed, effect in ((False, 0), (True, 0), (False, 2)):
                rows = [
                    run(rng, n_pairs, n_first, members, skewed, effect)
                    for _ in range(arguments.runs)
                ]
                rejected = np.array([row for row in rows if row is not None]) <= 0.05
                cells = " | ".join(f"{rate:.3f}" for rate in rejected.mean(axis=0))
                print(
                    f"| {n_pairs} | {n_first} | {members} | "
                    f"{'exponential' if skewed else 'normal'} | {effect} | {cells} |",
                    flush=True,
                )
    print(f"\n{arguments.runs} runs a row, seed 0")


if __name__ == "__main__":
    main()
