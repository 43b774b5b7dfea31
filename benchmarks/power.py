"""Power as a share of the oracle's: the package and split-sample peers.

Trials of 200 cases with one persona of two variables that covers 40 %; its effect and
the number of baseline variables make the cells, and the null twins of the smallest
effect tell the error rate. The oracle is the interaction test of the true rule with
everybody's data. A peer learns its region in a random half; one interaction test of the
other half at .05 is its claim. A run that was ended goes on where it stopped.
"""

import argparse
import dataclasses
import math
import warnings
from itertools import product
from pathlib import Path

import matplotlib
import numpy as np
from scipy import stats

from benchmarks.recovery.designs import make_designs
from benchmarks.recovery.methods import METHODS
from benchmarks.resume import complete, read
from sklearn_persona import PersonaDiscoverer
from sklearn_persona.exceptions import PersonaWarning

ALPHA = 0.05
EFFECTS = (1.0, 1.5, 2.0, 3.0)
NULL = 0.0
# Trials of a cell by number of variables and method: some searches are dear.
QUICK = {10: 100, 30: 100, 100: 60, 360: 40}
TRIALS = {
    "oracle": dict.fromkeys(QUICK, 200),
    "permutation": {10: 40, 30: 20, 100: 10, 360: 6},
    "holdout": QUICK,
    "interaction-tree": QUICK,
    "virtual-twins": {10: 60, 30: 40, 100: 20, 360: 10},
    "pysubgroup": {10: 20, 30: 0, 100: 0, 360: 0},
}
OWN = {
    "holdout": {},
    "permutation": {"validation": "permutation", "n_permutations": 99},
}
# The figure has no point of fewer trials.
FEW = 6
FIELDS = ("p", "effect", "method", "seed", "claimed", "right")


def design(p, effect):
    """One cell; 0 stands for the null twin of the smallest effect."""
    cell = {"name": f"power-{p}-{effect or EFFECTS[0]:g}", "p": p, "n": 200}
    cell.update(family="planted", variables=2, prevalence=0.4)
    cell["effect"] = effect or EFFECTS[0]
    return make_designs({"defaults": {}, "cell": [cell]})[cell["name"]]


def interaction_p(trial, inside):
    """Two-sided Welch test of the effect inside against the effect outside."""
    samples = [
        trial.y[region & arm]
        for region in (inside, ~inside)
        for arm in (trial.treated, ~trial.treated)
    ]
    if min(map(len, samples)) < 2:
        return 1.0
    means = [s.mean() for s in samples]
    parts = [s.var(ddof=1) / len(s) for s in samples]
    if not sum(parts):
        return 1.0
    # A contrast of four means, with Satterthwaite's degrees of freedom.
    freedom = sum(parts) ** 2 / sum(
        v * v / (len(s) - 1) for v, s in zip(parts, samples)
    )
    gap = means[0] - means[1] - means[2] + means[3]
    return 2 * stats.t.sf(abs(gap) / math.sqrt(sum(parts)), freedom)


def part(trial, rows):
    """Some of the cases of a parallel trial."""
    return dataclasses.replace(
        trial, X=trial.X[rows], y=trial.y[rows], treated=trial.treated[rows]
    )


def split_sample(trial, method, seed):
    """Region of a peer from one half and whether the other half confirms it."""
    rng = np.random.default_rng(seed)
    order = np.concatenate(
        [rng.permutation(np.flatnonzero(trial.treated == arm)) for arm in (True, False)]
    )
    found = next(iter(METHODS[method](part(trial, order[::2]), seed).values()))
    other = part(trial, order[1::2])
    return interaction_p(other, found.covers(other.X)) <= ALPHA, found.covers


def package(trial, method, seed):
    """Whether the package confirms anything, and its first confirmed persona."""
    finder = PersonaDiscoverer(
        n_bootstrap=0, n_alternatives=0, random_state=seed, **OWN[method]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersonaWarning)
        finder.fit(trial.X, trial.y, treatment=trial.treated.astype(int))
    kept = [persona for persona in finder.personas_ if persona.confirmed]
    return bool(kept), kept[0].covers if kept else None


def run_one(p, effect, method, seed):
    """Whether a subgroup is claimed, and whether it is the right one."""
    cell = design(p, effect)
    trial = cell.draw(seed, null=not effect)
    if method == "oracle":
        claimed = interaction_p(trial, cell.targets(trial.X)[0]) <= ALPHA
        return int(claimed), int(claimed and effect > 0)
    answer = package if method in OWN else split_sample
    claimed, covers = answer(trial, method, seed)
    right = False
    if claimed and effect:
        fresh = cell.fresh()
        found, truth = covers(fresh), cell.targets(fresh)[0]
        right = np.sum(found & truth) > 0.5 * np.sum(found | truth)
    return int(claimed), int(right)


def tasks(arguments):
    """What is to be run, all cells growing alike."""
    out = []
    for method in arguments.methods.split(","):
        for p, effect in product(QUICK, (NULL, *EFFECTS)):
            n = round(TRIALS[method][p] * arguments.share)
            out += [(seed / n, (p, effect, method, seed)) for seed in range(n)]
    return [task for _, task in sorted(out)]


def rates(data):
    """Share of claims and of right ones, and trials, by p, effect and method."""
    grouped = data.groupby(["p", "effect", "method"])
    return grouped.agg(
        claimed=("claimed", "mean"), right=("right", "mean"), n=("right", "size")
    )


def table(data):
    """Lines of markdown: claims, and right ones, as shares of the oracle's power."""
    found = rates(data)
    methods = [m for m in TRIALS if m in set(data.method) and m != "oracle"]
    yield f"| variables | effect, SD | oracle | {' | '.join(methods)} |"
    yield "|---|---|---|" + "---|" * len(methods)
    for p, effect in product(QUICK, EFFECTS):
        if (p, effect, "oracle") not in found.index:
            continue
        oracle = found.loc[p, effect, "oracle"].claimed
        cells = []
        for method in methods:
            text = "-"
            if (p, effect, method) in found.index:
                row = found.loc[p, effect, method]
                text = f"{row.claimed / oracle:.2f}, {row.right / oracle:.2f}"
                text += f" <sup>{row.n:.0f}</sup>"
            cells.append(text)
        yield f"| {p} | {effect:g} | {oracle:.2f} | {' | '.join(cells)} |"
    yield "\nClaims in null twins:\n"
    yield f"| variables | oracle | {' | '.join(methods)} |"
    yield "|---|---|" + "---|" * len(methods)
    for p in QUICK:
        cells = []
        for method in ("oracle", *methods):
            text = "-"
            if (p, NULL, method) in found.index:
                row = found.loc[p, NULL, method]
                text = f"{row.claimed * row.n:.0f} of {row.n:.0f}"
            cells.append(text)
        yield f"| {p} | {' | '.join(cells)} |"


def figure(data, path):
    """Share of the oracle's power over the effect, one panel a number of variables."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    found = rates(data)
    methods = [m for m in TRIALS if m in set(data.method) and m != "oracle"]
    fig, panels = plt.subplots(
        1, len(QUICK), figsize=(10, 3.2), sharey=True, layout="constrained"
    )
    for panel, p in zip(panels, QUICK):
        for k, method in enumerate(methods):
            points = [
                (
                    effect,
                    *found.loc[p, effect, method][["right", "n"]],
                    found.loc[p, effect, "oracle"].claimed,
                )
                for effect in EFFECTS
                if (p, effect, method) in found.index
                and found.loc[p, effect, method].n >= FEW
            ]
            if not points:
                continue
            effect, right, n, oracle = np.array(points).T
            panel.errorbar(
                effect + 0.02 * (k - 2),
                right / oracle,
                np.sqrt(right * (1 - right) / n) / oracle,
                marker="os^Dv"[k % 5],
                ms=4,
                lw=1.8 if method in OWN else 0.9,
                ls="-" if method in OWN else "--",
                color=f"C{k}",
                label=method,
            )
        panel.set_title(f"{p} baseline variables", fontsize=9)
        panel.set_xticks(EFFECTS)
        panel.set_ylim(-0.03, 1.05)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("right claims / power of the oracle")
    fig.supxlabel("effect inside the persona, SD", fontsize=10)
    handles, labels = panels[0].get_legend_handles_labels()
    fig.legend(
        handles, labels, loc="outside upper center", ncols=len(labels), frameon=False
    )
    fig.savefig(path, metadata={"Date": None})


def main():
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("power.csv"))
    parser.add_argument("--methods", default=",".join(TRIALS))
    parser.add_argument("--share", type=float, default=1.0, help="of the trials")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--table", action="store_true", help="print, run nothing")
    arguments = parser.parse_args()
    if not arguments.table:
        todo = tasks(arguments)
        complete(arguments.output, FIELDS, todo, run_one, arguments.jobs)
    data = read(arguments.output)
    for line in table(data):
        print(line)
    if arguments.figure:
        figure(data, arguments.figure)


if __name__ == "__main__":
    main()
