"""Coverage of naive and corrected 95 % intervals of the effect of selected personas.

The truth is the effect among population members of the reported rule, known exactly:
variables are independent and standard normal, and one planted persona of two variables
covers 35 % of the population. Outcomes have normal noise of SD 1 within arms (of the
differences, in the pairs) and a main effect of .3. The oracle is the t interval of the
same rule on a fresh trial of the same size. "Selected" is the best persona of the
search, "confirmed" every confirmed one.

``python -m benchmarks.corrected_intervals`` prints the table.
"""

import argparse
import time
import warnings
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from scipy.special import ndtr, ndtri

from sklearn_persona import PersonaDiscoverer
from sklearn_persona._claims.resampling import repeat_selection
from sklearn_persona.exceptions import PersonaWarning
from sklearn_persona.inference import mean_interval, welch_interval

EDGE = -ndtri(sqrt(0.35))
PLANTED = {0: (EDGE, inf), 1: (-inf, -EDGE)}
MAIN = 0.3


@dataclass(frozen=True)
class Cell:
    """Size and effect of simulated trials."""

    n: int
    p: int
    effect: float
    pairs: bool = False

    @property
    def name(self):
        """As in the table."""
        what = "pairs" if self.pairs else "cases"
        return f"{self.n} {what}, {self.p} variables, effect {self.effect:g}"


CELLS = (
    *(Cell(200, 10, effect) for effect in (0.0, 1.5)),
    *(Cell(64, 30, effect) for effect in (0.0, 2.0, 3.0)),
    *(Cell(33, 360, effect, pairs=True) for effect in (0.0, 2.0, 4.0)),
)


VALIDATIONS = ("holdout", "permutation")


def trial(cell, seed):
    """Variables, outcomes, arms and participants of one trial."""
    # Another generator than the estimator's, whose split by the same seed would not be
    # independent of the trial.
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((cell.n, cell.p))
    effects = MAIN + cell.effect * inside(PLANTED, X)
    if cell.pairs:
        level = rng.standard_normal(cell.n)
        noise = rng.standard_normal(cell.n)
        y = np.concatenate([level, level + effects + noise])
        arm = np.repeat([0, 1], cell.n)
        return np.tile(X, (2, 1)), y, arm, np.tile(np.arange(cell.n), 2)
    arm = rng.permutation(np.arange(cell.n) % 2)
    y = rng.standard_normal(cell.n) + effects * arm
    return X, y, arm, np.arange(cell.n)


def inside(ranges, X):
    """Members of a rule given as ranges of columns."""
    out = np.ones(len(X), bool)
    for j, (low, high) in ranges.items():
        out &= (X[:, j] > low) & (X[:, j] <= high)
    return out


def ranges_of(persona):
    """Ranges of columns with infinite ends."""
    return {
        c.position: (
            -inf if c.low is None else c.low,
            inf if c.high is None else c.high,
        )
        for c in persona.conditions
    }


def truth(cell, ranges):
    """Effect among the population members of a rule."""

    def probability(rule):
        ends = np.array([(low, max(low, high)) for low, high in rule.values()])
        return np.prod(ndtr(ends[:, 1]) - ndtr(ends[:, 0]))

    both = {}
    for j in set(ranges) | set(PLANTED):
        pair = [rule[j] for rule in (ranges, PLANTED) if j in rule]
        both[j] = max(low for low, _ in pair), min(high for _, high in pair)
    return MAIN + cell.effect * probability(both) / probability(ranges)


def oracle_width(cell, ranges, seed):
    """Width of the interval of the same rule on a fresh trial; NaN without one."""
    X, y, arm, _ = trial(cell, seed + 10**6)
    members = inside(ranges, X)
    try:
        if cell.pairs:
            low, high = mean_interval((y[cell.n :] - y[: cell.n])[members[: cell.n]])
        else:
            low, high = welch_interval(y[members & (arm == 1)], y[members & (arm == 0)])
    except ValueError:
        return np.nan
    return high - low


class Corrected(PersonaDiscoverer):
    """Without the refits that only stability needs."""

    def _resample(self, procedure, units, found, rng):
        return repeat_selection(
            procedure, units, found.rules, self.n_resamples, rng, kinds=("folds",)
        )


def rows(cell, validation, seed, n_resamples):
    """Naive and corrected errors of the personas of one trial."""
    X, y, arm, groups = trial(cell, seed)
    finder = Corrected(
        max_variables=2,
        n_personas=4,
        n_alternatives=0,
        prognostic=None,
        validation=validation,
        n_permutations=200,
        n_bootstrap=0,
        n_resamples=n_resamples,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersonaWarning)
        finder.fit(X, y, treatment=arm, groups=groups)
    best = max((p.objective for p in finder.personas_), default=None)
    for persona in finder.personas_:
        selected = persona.objective == best
        if not (selected or persona.confirmed) or persona.effect_corrected is None:
            continue
        ranges = ranges_of(persona)
        true = truth(cell, ranges)
        sign = 1 if persona.direction == "favorable" else -1
        # What is reported without resampling: the effect in the data that tested.
        record = persona.holdout if persona.confirmed else persona.train
        record = record or persona.train
        low, high = persona.ci_corrected
        yield {
            "selected": selected,
            "confirmed": persona.confirmed,
            "naive": record.ci_effect[0] <= true <= record.ci_effect[1],
            "naive_bias": sign * (record.effect - true),
            "covered": low <= true <= high,
            "bias": sign * (persona.effect_corrected - true),
            "width": high - low,
            "oracle": oracle_width(cell, ranges, seed),
        }


def line(name, validation, who, found):
    """One row of the table."""
    n = len(found)
    if not n:
        return f"| {name} | {validation} | {who} | 0 | - | - | - | - | - |"

    def mean(key):
        return np.mean([row[key] for row in found])

    covered = mean("covered")
    error = sqrt(covered * (1 - covered) / n)
    width = np.median([row["width"] for row in found])
    known = [row["oracle"] for row in found if not np.isnan(row["oracle"])]
    ratio = width / np.median(known) if known else np.nan
    return (
        f"| {name} | {validation} | {who} | {n} | {mean('naive'):.3f} | "
        f"{covered:.3f} ({error:.3f}) | {ratio:.2f} | {mean('naive_bias'):+.2f} | "
        f"{mean('bias'):+.2f} |"
    )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--resamples", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the first trial")
    parser.add_argument("--only", default="", help="cells whose name has these words")
    parser.add_argument("--seconds", type=float, default=inf, help="stop after")
    arguments = parser.parse_args()
    start, done = time.monotonic(), {}
    n_trials = 0
    for seed in range(arguments.seed, arguments.seed + arguments.trials):
        for cell in CELLS:
            for validation in VALIDATIONS:
                if arguments.only not in f"{cell.name}, {validation}":
                    continue
                found = done.setdefault((cell.name, validation), [])
                found += rows(cell, validation, seed, arguments.resamples)
        n_trials += 1
        if time.monotonic() - start > arguments.seconds:
            break
    print(
        "| trials | validation | personas | n | naive coverage | corrected (SE) | "
        "width / oracle | naive bias | corrected bias |\n"
        "|---|---|---|---|---|---|---|---|---|"
    )
    for validation in VALIDATIONS:
        done["all of these", validation] = [
            row for key, found in done.items() if key[1] == validation for row in found
        ]
    for (name, validation), found in done.items():
        for who in ("selected", "confirmed"):
            print(line(name, validation, who, [row for row in found if row[who]]))
    print(f"\n{n_trials} trials a cell, seeds from {arguments.seed}")


if __name__ == "__main__":
    main()
