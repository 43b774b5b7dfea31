"""Ways to correct the effect of the best persona for its selection, side by side.

The trials of `corrected_intervals`, all participants searched, 20 refits a way. In each
refit the first rule of the persona's direction counts. *Optimism* is what this rule
shows among the participants that chose it, less what it shows elsewhere; it is taken
off the naive effect. Elsewhere is the whole sample (Rosenkranz, 2014), or the
participants left out. *Unseen* is the effect among those left out itself. Coverage is
that of the naive interval moved to the corrected effect.

``python -m benchmarks.winner_designs`` prints the table.
"""

import argparse
import time
import warnings
from math import inf, sqrt

import numpy as np

from benchmarks.corrected_intervals import CELLS, ranges_of, trial, truth
from sklearn_persona import PersonaDiscoverer
from sklearn_persona._claims.corrected import Sums, weights_of
from sklearn_persona._claims.resampling import _for_share
from sklearn_persona._designs.splitting import stratified_group_folds
from sklearn_persona._persona.builder import PersonaBuilder
from sklearn_persona.exceptions import PersonaWarning

REFITS = 20


class Open(PersonaDiscoverer):
    """Keeps what a refit needs."""

    def _procedure(self, *given):
        self.procedure_ = super()._procedure(*given)
        return self.procedure_

    def _split(self, units, rng):
        self.units_ = units
        return super()._split(units, rng)


def bootstrap(units, rng):
    """Units drawn again with replacement within strata."""
    strata = units.split_strata
    for _ in range(REFITS):
        yield np.concatenate(
            [
                rng.choice(np.flatnonzero(strata == s), np.count_nonzero(strata == s))
                for s in np.unique(strata)
            ]
        )


def without_parts(n_parts):
    """Units without one part of a random partition."""

    def draw(units, rng):
        for _ in range(REFITS // n_parts):
            folds = stratified_group_folds(units.split_strata, n_parts, rng)
            for part in range(n_parts):
                yield np.flatnonzero(folds != part)

    return draw


def refits(finder, draw, sign, rng, share):
    """In-sample, whole-sample and out-of-sample effect of the refits' rules."""
    units = finder.units_
    procedure = _for_share(finder.procedure_, share)
    seen, whole, total = [], [], None
    for chosen in draw(units, rng):
        try:
            train, _ = procedure.adjust(
                units.take(chosen), np.zeros(len(chosen), bool), rng
            )
        except ValueError:
            continue
        found = procedure.find(train, n_jobs=1)
        rule = next((r for r in found.rules if r.sign == sign), None)
        if rule is None:
            continue
        builder = PersonaBuilder(procedure.columns, [rule], train.rows)
        inside = builder.covered()[0][units.rows]
        weights = weights_of(units, inside)
        unseen = ~np.isin(np.arange(len(units)), chosen)
        sums = Sums.inside(units, inside, unseen)
        total = sums if total is None else total + sums
        seen.append(train.effect(rule.members))
        whole.append(units.effect(inside))
    if total is None or not total.n.all():
        return (np.nan,) * 3
    return np.mean(seen), np.mean(whole), float(weights @ total.mean)


def estimates(finder, persona, sign, rng):
    """Corrected effects by name."""
    naive = persona.train.effect
    yield "naive", naive
    seen, whole, unseen = refits(finder, bootstrap, sign, rng, 1)
    yield "bootstrap, whole sample (Rosenkranz)", naive - (seen - whole)
    yield "bootstrap, left out", naive - (seen - unseen)
    yield "bootstrap, left out, over root 2", naive - (seen - unseen) / sqrt(2)
    seen, _, unseen = refits(finder, without_parts(2), sign, rng, 1 / 2)
    yield "halves, optimism", naive - (seen - unseen)
    yield "halves, optimism over root 2", naive - (seen - unseen) / sqrt(2)
    yield "halves, unseen", unseen
    seen, _, unseen = refits(finder, without_parts(5), sign, rng, 4 / 5)
    yield "fifths, optimism", naive - (seen - unseen)
    yield "fifths, unseen", unseen
    yield "fifths, root .8 of the way to unseen", naive - sqrt(0.8) * (naive - unseen)
    _, _, unseen = refits(finder, without_parts(10), sign, rng, 9 / 10)
    yield "tenths, unseen", unseen


def errors(cell, seed):
    """Error of each estimate in one trial, and whether its interval covers."""
    X, y, arm, groups = trial(cell, seed)
    finder = Open(
        max_variables=2,
        n_personas=4,
        n_alternatives=0,
        prognostic=None,
        validation=None,
        n_permutations=1,
        n_bootstrap=0,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersonaWarning)
        finder.fit(X, y, treatment=arm, groups=groups)
    if not finder.personas_:
        return
    persona = max(finder.personas_, key=lambda p: p.objective)
    sign = 1 if persona.direction == "favorable" else -1
    true = truth(cell, ranges_of(persona))
    half = (persona.train.ci_effect[1] - persona.train.ci_effect[0]) / 2
    rng = np.random.RandomState(seed)
    for name, value in estimates(finder, persona, sign, rng):
        yield name, sign * (value - true), abs(value - true) <= half


def main():
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the first trial")
    parser.add_argument("--seconds", type=float, default=inf, help="stop after")
    arguments = parser.parse_args()
    start, found, n_trials = time.monotonic(), {}, 0
    for seed in range(arguments.seed, arguments.seed + arguments.trials):
        for k, cell in enumerate(CELLS):
            for name, error, covered in errors(cell, seed):
                found.setdefault(name, []).append((k, error, covered))
        n_trials += 1
        if time.monotonic() - start > arguments.seconds:
            break
    names = " | ".join(cell.name for cell in CELLS)
    print(f"| way | bias | RMSE | coverage | bias: {names} |")
    print("|" + "---|" * (4 + len(CELLS)))
    for name, rows in found.items():
        cells, error, covered = (np.array(column) for column in zip(*rows))
        by_cell = " | ".join(
            f"{np.nanmean(error[cells == k]):+.2f}" for k in range(len(CELLS))
        )
        print(
            f"| {name} | {np.nanmean(error):+.2f} | "
            f"{sqrt(np.nanmean(error**2)):.2f} | {covered.mean():.2f} | {by_cell} |"
        )
    print(f"\n{n_trials} trials a cell, seeds from {arguments.seed}")


if __name__ == "__main__":
    main()
