"""How much of a persona a trial tells at most, beside what the default recovers.

The reader of these trials knows nearly everything: the number of conditions, the edges,
the effect, the noise, and that treatment does nothing else; but not the variables, nor
on which side of its edge each of them counts. All rules are enumerated, equally likely
beforehand. *Most likely*: the rule of the largest posterior probability. *Best rule*:
the rule, of any length, with the largest posterior mean of the Jaccard index. *Best
set*: people described by no rule, those above some posterior probability of being
members. *Promised*: the posterior mean of its index. The trials are those of the
recovery benchmark, the indices of fresh participants.

``python -m benchmarks.information_limit`` prints the table.
"""

import argparse
from math import sqrt

import numpy as np

from benchmarks.recovery.designs import read_grid
from benchmarks.recovery.methods import persona

CELLS = (
    "n63-p360-k3",
    "n100-p360-k2",
    "n63-p20-k2",
    "n100-p10-k2",
    "n200-p10-k2-1.0sd",
    "n200-p10-k3",
    "n200-p30-k3",
)
WAYS = ("everyone", "default", "most likely", "best rule", "best set", "promised")
# Rules drawn from the posterior, and how many of them are candidates themselves.
DRAWN, CANDIDATES = 3000, 1000
# Conditions of which all pairs are candidates, and thresholds of a membership.
FREQUENT, THRESHOLDS = 40, 40


def conditions(design, X):
    """Whether each row is above, and whether it is below, the edge of each variable."""
    low = next(low for low, high in design.ranges if np.isinf(high))
    # The persona of one variable has no condition of the other kind.
    high = next((high for low, high in design.ranges if np.isinf(low)), -low)
    return np.hstack([X > low, X <= high])


class Posterior:
    """Posterior probabilities of all conjunctions of k conditions.

    Parameters
    ----------
    inside : ndarray of bool, shape (n_treated, n_conditions)
        First one kind of condition of each variable, then the other.
    gain : ndarray of float64, shape (n_treated,)
        Log likelihood of each outcome in a member, less that in another.
    k : int
    """

    def __init__(self, inside, gain, k):
        self.inside, self.gain = inside.astype(np.float32), gain.astype(np.float32)
        self.k, n = k, inside.shape[1]
        variable = np.arange(n) % (n // 2)
        self.in_order = variable[:, None] < variable
        self.variable = variable
        best = (-np.inf, ())
        for first in self._firsts():
            log = self._log(first)
            i = int(log.argmax())
            best = max(best, (float(log.flat[i]), self._rule(first, i)))
        self.top, self.most_likely = best
        self.mass = [self._weights(first).sum() for first in self._firsts()]

    def _firsts(self):
        return range(self.inside.shape[1]) if self.k == 3 else (None,)

    def _log(self, first):
        """Log likelihood of all rules that start with a condition."""
        weighted = self.gain[:, None] * self.inside
        if self.k == 1:
            return weighted.sum(axis=0)
        allowed = self.in_order
        if first is not None:
            weighted = weighted * self.inside[:, [first]]
            allowed = allowed & self.in_order[first][:, None]
        return np.where(allowed, weighted.T @ self.inside, -np.inf)

    def _weights(self, first):
        return np.exp(self._log(first).astype(float) - self.top)

    def _rule(self, first, i):
        n = self.inside.shape[1]
        last = (i,) if self.k == 1 else divmod(i, n)
        return tuple(map(int, last if first is None else (first, *last)))

    def draw(self, size, rng):
        """Rules at random, by their probability."""
        counts = rng.multinomial(size, np.array(self.mass) / np.sum(self.mass))
        rules = []
        for first, count in zip(self._firsts(), counts):
            if count:
                total = np.cumsum(self._weights(first))
                places = np.searchsorted(total, rng.random(count) * total[-1], "right")
                rules += [self._rule(first, i) for i in places]
        return rules


def mean_index(sets, drawn):
    """Mean Jaccard index of each set with the sets drawn; columns are sets."""
    sets, drawn = sets.astype(np.float32), drawn.astype(np.float32)
    both = sets.T @ drawn
    either = sets.sum(axis=0)[:, None] + drawn.sum(axis=0) - both
    return (both / np.maximum(either, 1)).mean(axis=1)


def covered(rules, among):
    """Members of each rule, in columns."""
    return np.column_stack([among[:, list(rule)].all(axis=1) for rule in rules])


def indices(design, seed):
    """Index of each way in one trial, in the order of ``WAYS``."""
    trial, fresh = design.draw(seed), design.fresh()
    truth = design.targets(fresh)[0]
    effect, treated = design.effect_size, trial.treated
    posterior = Posterior(
        conditions(design, trial.X[treated]),
        effect * trial.y[treated] - effect**2 / 2,
        len(design.ranges),
    )
    among, rng = conditions(design, fresh), np.random.default_rng(seed)
    rules = posterior.draw(DRAWN, rng)
    drawn = covered(rules, among)

    unique, counts = np.unique(np.array(rules), axis=0, return_counts=True)
    frequent = np.argsort(-np.bincount(unique.ravel(), np.repeat(counts, posterior.k)))
    shorter = [()] + [(j,) for j in range(among.shape[1])]
    shorter += [
        (i, j)
        for i in frequent[:FREQUENT]
        for j in frequent[:FREQUENT]
        if posterior.variable[i] < posterior.variable[j]
    ]
    longer = map(tuple, unique[np.argsort(-counts)[:CANDIDATES]])
    candidates = covered([*shorter, *longer], among)
    best_rule = candidates[:, mean_index(candidates, drawn).argmax()]

    probability = drawn.mean(axis=1)
    levels = np.quantile(probability, np.linspace(0, 0.95, THRESHOLDS))
    sets = probability[:, None] >= levels
    promised = mean_index(sets, drawn)
    best_set = sets[:, promised.argmax()]

    found = persona(trial, seed)["persona"].covers(fresh)
    answers = (
        np.ones(len(fresh), bool),
        found,
        covered([posterior.most_likely], among)[:, 0],
        best_rule,
        best_set,
    )

    def index(answer):
        return np.count_nonzero(answer & truth) / np.count_nonzero(answer | truth)

    return [*map(index, answers), promised.max()]


def main():
    """Print a row a cell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", nargs="+", default=CELLS)
    parser.add_argument("--seeds", type=int, default=100)
    arguments = parser.parse_args()
    designs = read_grid()
    print(f"| trial | seeds | {' | '.join(WAYS)} |")
    print("|" + "---|" * (len(WAYS) + 2))
    for name in arguments.cells:
        got = np.array([indices(designs[name], s) for s in range(arguments.seeds)])
        errors = got.std(axis=0, ddof=1) / sqrt(len(got))
        cells = [f"{m:.2f} ({e:.2f})" for m, e in zip(got.mean(axis=0), errors)]
        print(f"| {name} | {len(got)} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
