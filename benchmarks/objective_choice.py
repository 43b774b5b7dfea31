"""The choice of the default objective, of its prior, and of the penalties of rules.

Trials with a known persona of 40 % among 20 variables, parallel with 200 participants
unless the name says otherwise. The first answer with ``validation=None`` is compared
with the truth on 4,000 fresh participants: Jaccard index, nothing found is 0. One table
each:

objective  the objectives as they are, then what ``objective="auto"`` adds, step by step
variance   prior variance of the main effect in arm-shift, by brute force over two
           variables with the numpy twin of the objective
pairs      objectives in crossovers of 100 participants
prognostic models of the outcome on baseline, or none
penalty    of a unit of the logarithm of the number of candidates; rules of up to three
           variables, truths of one to three
interval   what a rule with intervals costs more, in the same units

``python -m benchmarks.objective_choice`` prints all of them. The last column is the
difference from the default, paired by trial, with its standard error.
"""

import argparse
import warnings
from contextlib import contextmanager

import numpy as np
from joblib import Parallel, delayed
from sklearn.linear_model import LassoCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.recovery.planted import Planted
from sklearn_persona import PersonaDiscoverer, _discoverer
from sklearn_persona._data.table import read_table
from sklearn_persona._designs.labels import arm_rows, pooled_sd
from sklearn_persona._search import objectives as _objectives
from sklearn_persona._search import spaces as _spaces
from sklearn_persona._search._kernel import unpack_rows
from sklearn_persona._search.binning import make_selectors
from sklearn_persona._search.objectives import OBJECTIVES
from sklearn_persona.exceptions import PersonaWarning

N, P = 200, 20
ABOVE_BELOW = {"variables": 2}
DESIGNS = {
    "plain": (1.5, ABOVE_BELOW, {}),
    "main effect .8": (1.5, ABOVE_BELOW, {"main_effect": 0.8}),
    "main effect 2": (1.5, ABOVE_BELOW, {"main_effect": 2.0}),
    "unfavorable": (-1.5, ABOVE_BELOW, {"main_effect": 0.5}),
    "20 % treated": (2.0, ABOVE_BELOW, {"treated_share": 0.2}),
    "80 % treated": (2.0, ABOVE_BELOW, {"treated_share": 0.8}),
    "prognostic": (1.5, ABOVE_BELOW, {"prognostic": 1.5}),
    "curved prognosis": (
        1.5,
        {**ABOVE_BELOW, "prognosis": "curved"},
        {"prognostic": 1.5},
    ),
    "one variable": (1.5, {"variables": 1}, {}),
    "three variables": (2.0, {"variables": 3}, {}),
    "range": (1.5, {"kinds": ["between"]}, {}),
    "range and bound": (2.0, {"kinds": ["between", "above"]}, {}),
    "pairs": (1.0, ABOVE_BELOW, {"kind": "crossover", "n": 100}),
    "pairs, main effect .8": (
        1.0,
        ABOVE_BELOW,
        {"kind": "crossover", "n": 100, "main_effect": 0.8},
    ),
}
TWO = tuple(DESIGNS)[:7]
BARE = {"conditions": "one-sided", "refine_cuts": False}
# Name: parameters, penalty and interval cost; the last one is the default.
OBJECTIVE = {
    "effect": ({"objective": "effect"}, 1.5, 2.0),
    "contrast": ({"objective": "contrast"}, 1.5, 2.0),
    "sum-of-squares": ({"objective": "sum-of-squares"}, 1.5, 2.0),
    "arm-shift, treated arm": ({"objective": "arm-shift"}, 1.5, 2.0),
    "arm-shift, either arm": (BARE, 0.0, 2.0),
    "... with penalty": (BARE, 1.5, 2.0),
    "... with intervals": ({"refine_cuts": False}, 1.5, 2.0),
    "... with refinement: auto": ({}, 1.5, 2.0),
}
PAIRS = {name: OBJECTIVE[name] for name in ("effect", "contrast")}
PAIRS["auto"] = ({}, 1.5, 2.0)
LASSO = make_pipeline(StandardScaler(), LassoCV(alphas=30, cv=5, max_iter=5000))
PROGNOSTIC = {
    "None": ({"prognostic": None}, 1.5, 2.0),
    "lasso of the variables": ({"prognostic": LASSO}, 1.5, 2.0),
    "... and their squares: auto": ({}, 1.5, 2.0),
}
PENALTY = {f"{penalty:g}": ({}, penalty, 2.0) for penalty in (0.0, 0.75, 2.0, 1.5)}
INTERVAL = {f"{cost:g}": ({}, 1.5, cost) for cost in (0.0, 4.0, 2.0)}
VARIANCE = (0.0, 0.03, 0.3, 1e6, 0.1)


def design_of(name):
    """The population of a design, its edges found."""
    effect, options, rest = DESIGNS[name]
    design = Planted(
        f"objective-choice-{name}",
        **{"n": N, "p": P, **rest},
        effect_size=effect,
        options={"prevalence": 0.4, **options},
    )
    _ = design.ranges
    return design


@contextmanager
def constants(penalty, interval_cost):
    """Other penalties for a while."""
    before = _discoverer.PENALTY, _spaces.INTERVAL_COST
    _discoverer.PENALTY, _spaces.INTERVAL_COST = penalty, interval_cost
    try:
        yield
    finally:
        _discoverer.PENALTY, _spaces.INTERVAL_COST = before


def share(found, true):
    """Jaccard index."""
    return np.count_nonzero(found & true) / np.count_nonzero(found | true)


def answers(design, seed, variants, max_variables):
    """Jaccard index and number of variables of each variant in one trial."""
    trial, fresh = design.draw(seed), design.fresh()
    true = design.targets(fresh)[0]
    out = []
    for options, penalty, interval_cost in variants.values():
        finder = PersonaDiscoverer(
            validation=None,
            max_variables=max_variables,
            n_bootstrap=0,
            n_permutations=1,
            random_state=seed,
            **options,
        )
        with constants(penalty, interval_cost), warnings.catch_warnings():
            warnings.simplefilter("ignore", PersonaWarning)
            finder.fit(
                trial.X,
                trial.y,
                treatment=trial.treated,
                groups=trial.groups,
                period=trial.period,
            )
        if finder.personas_:
            first = finder.personas_[0]
            out.append((share(first.covers(fresh), true), len(first.conditions)))
        else:
            out.append((0.0, 0))
    return np.array(out, float)


def _pairs(member, weight):
    """Sums of weights over the members of each two conditions."""
    return (member * weight) @ member.T


def brute_force(design, seed):
    """Jaccard index of the best rule of two variables, by prior variance."""
    trial, fresh = design.draw(seed), design.fresh()
    true = design.targets(fresh)[0]
    selectors = make_selectors(
        read_table(trial.X),
        np.arange(N),
        n_cuts=9,
        conditions="one-sided",
        modality=np.zeros(P, int),
        least_members=N // 10,
    )
    member = unpack_rows(selectors.bits, N).astype(float)
    different = selectors.feature[:, None] < selectors.feature
    arms = arm_rows(trial.treated, N)
    outcome = trial.y / pooled_sd(trial.y, trial.treated)
    n = np.array([_pairs(member, arm)[different] for arm in arms])
    s = np.array([_pairs(member, arm * outcome)[different] for arm in arms])
    total = arms.sum(axis=1)[:, None].astype(float)
    # 4 an arm inside and outside, 20 members: the default sizes.
    allowed = (n.sum(axis=0) >= N / 10) & ((n >= 4) & (total - n >= 4)).all(axis=0)
    n, s = n[:, allowed], s[:, allowed]
    sums = (arms @ outcome)[:, None]
    rules = np.argwhere(different)[allowed]
    score = OBJECTIVES["arm-shift"].score
    before, out = _objectives.MAIN_EFFECT_VARIANCE, []
    for variance in VARIANCE:
        _objectives.MAIN_EFFECT_VARIANCE = variance
        values = [
            score(n[order], sign * s[order], total[order], sign * sums[order])
            for order, sign in ([[0, 1], 1], [[0, 1], -1], [[1, 0], 1], [[1, 0], -1])
        ]
        best = rules[int(np.argmax(np.max(values, axis=0)))]
        found = np.ones(len(fresh), bool)
        for i in best:
            low, high = selectors.limits[i]
            column = fresh[:, selectors.feature[i]]
            found &= column > (-np.inf if low is None else low)
            found &= column <= (np.inf if high is None else high)
        out.append(share(found, true))
    _objectives.MAIN_EFFECT_VARIANCE = before
    return np.array(out)[:, None]


def paired(values):
    """Mean difference from the last variant over designs, and its standard error."""
    difference = values - values[:, :, -1:]
    error = difference.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
    return difference.mean(axis=(0, 1)), np.sqrt((error**2).sum(axis=0)) / len(values)


def show(title, names, designs, values, order=None):
    """Print a table; values of shape (designs, seeds, variants, what is measured)."""
    share = values[..., 0]
    means = share.mean(axis=1)
    difference, error = paired(share)
    more = values.shape[-1] > 1
    head = [title, *designs, "mean", *(["variables"] if more else []), "- default"]
    print("\n| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for i in range(len(names)) if order is None else order:
        cells = [f"{value:.2f}" for value in (*means[:, i], means[:, i].mean())]
        if more:
            cells.append(f"{values[:, :, i, 1].mean():.1f}")
        is_default = i == len(names) - 1
        cells.append("" if is_default else f"{difference[i]:+.3f} ({error[i]:.3f})")
        print(f"| {names[i]} | " + " | ".join(cells) + " |", flush=True)


def run(function, designs, arguments, *options):
    """Values of a function of designs and seeds."""
    out = []
    for name in designs:
        design = design_of(name)
        out.append(
            Parallel(arguments.jobs)(
                delayed(function)(design, seed, *options)
                for seed in range(arguments.seeds)
            )
        )
    return np.array(out)


def by_number(names):
    """Positions of names in the order of the numbers they are."""
    return np.argsort([float(name) for name in names])


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=24, help="trials of each design")
    parser.add_argument("--jobs", type=int, default=1)
    tables = ("variance", "objective", "interval", "penalty", "pairs", "prognostic")
    parser.add_argument("--tables", nargs="+", choices=tables, default=tables)
    arguments = parser.parse_args()
    if arguments.seeds < 2:
        parser.error("a standard error needs --seeds 2 or more")
    for table in arguments.tables:
        if table == "variance":
            designs = [name for name in TWO if name != "prognostic"]
            names = [f"{value:g}" for value in VARIANCE]
            values = run(brute_force, designs, arguments)
            show("prior variance", names, designs, values, by_number(names))
        elif table == "objective":
            values = run(answers, TWO, arguments, OBJECTIVE, 2)
            show("objective", list(OBJECTIVE), TWO, values)
        elif table == "penalty":
            designs = ["plain", "prognostic", "one variable", "three variables"]
            values = run(answers, designs, arguments, PENALTY, 3)
            show("penalty", list(PENALTY), designs, values, by_number(PENALTY))
        elif table == "pairs":
            designs = ["pairs", "pairs, main effect .8"]
            show(
                "pairs",
                list(PAIRS),
                designs,
                run(answers, designs, arguments, PAIRS, 2),
            )
        elif table == "prognostic":
            designs = [*TWO[:2], "prognostic", "curved prognosis"]
            values = run(answers, designs, arguments, PROGNOSTIC, 2)
            show("prognostic", list(PROGNOSTIC), designs, values)
        else:
            designs = ["plain", "one variable", "range", "range and bound"]
            values = run(answers, designs, arguments, INTERVAL, 2)
            show("interval cost", list(INTERVAL), designs, values, by_number(INTERVAL))
    print(f"\n{arguments.seeds} seeds a design, from 0")


if __name__ == "__main__":
    main()
