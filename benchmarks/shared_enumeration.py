"""Whether several permutations should share one enumeration.

Of random pairs of conditions: the share whose bound reaches the optimum of one
permutation, and of any of eight. Searches that share an enumeration each evaluate every
pair that any of them needs; searches one by one evaluate only their own.
"""

from dataclasses import replace

import numpy as np

from benchmarks.permutation_cost import SETTINGS, trial
from sklearn_persona._designs import Permutations
from sklearn_persona._designs.labels import Labels
from sklearn_persona._search._kernel import pack_rows, unpack_rows
from sklearn_persona._search.greedy import find_rules
from sklearn_persona._search.problem import make_problem

N_LABELINGS = 8
N_PAIRS = 400_000


def main():
    """Print the shares."""
    selectors, units = trial(0, False)
    n = len(units)
    labels = Permutations(units, 0)
    members = unpack_rows(selectors.bits, n).astype(bool)
    rng = np.random.RandomState(0)
    one, other = rng.randint(len(members), size=(2, N_PAIRS))
    apart = selectors.feature[one] != selectors.feature[other]
    pairs = members[one[apart]] & members[other[apart]]
    settings = replace(SETTINGS, signs=(1,))
    row_of = {members[:, row].tobytes(): row for row in range(n)}
    alive = []
    for b in range(N_LABELINGS):
        label = Labels(*labels[b])
        (best,), _ = find_rules(selectors, label, settings)
        problem = make_problem(selectors, label, 1, settings)
        ordered = unpack_rows(np.ascontiguousarray(problem.bits), n).astype(bool)
        order = [row_of[ordered[:, i].tobytes()] for i in range(n)]
        packed = pack_rows(np.ascontiguousarray(pairs[:, order]))
        alive.append(problem.bound(packed) >= best.objective**2)
    each, union = np.mean(alive, axis=1), np.mean(np.any(alive, axis=0))
    print(
        f"pairs that a permutation visits: {each.mean():.3f} ({each.min():.3f} to "
        f"{each.max():.3f}); any of {N_LABELINGS}: {union:.3f}\n"
        f"work of all: {each.sum():.3f} one by one, {N_LABELINGS * union:.3f} shared"
    )


if __name__ == "__main__":
    main()
