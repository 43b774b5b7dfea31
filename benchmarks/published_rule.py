"""The published design and rule on trials in which nobody differs from anybody.

Simulated crossovers of the published size (33 participants, 63 cases, 400 baseline
variables): no effect in anyone, or the trial's own mean effect in everyone. The rule as
published: cases pooled, split in halves by case, personas with p < .05 and d > .5 in
training and again in the holdout, no correction; here the ten best of two or three
variables. Beside it this package with its defaults. Writes a row a trial, and with
``--figure`` the picture.
"""

import argparse
import csv
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from sklearn_persona import PersonaDiscoverer
from sklearn_persona.datasets import make_ketamine_crossover
from sklearn_persona.exceptions import PersonaWarning

# Mean paired difference of the real trial at day 2, in MADRS points.
WORLDS = {"no effect in anyone": 0.0, "the same effect in everyone": 6.75}
COMMON = {"greater_is_better": False, "n_bootstrap": 0, "n_alternatives": 0}
RULES = {
    "published": {
        **COMMON,
        "design": "pooled",
        "objective": "effect",
        "search": "beam",
        "conditions": "one-sided",
        "prognostic": None,
        "min_variables": 2,
        "max_variables": 3,
        "n_cuts": 4,
        # Holdout personas of the published cards hold a quarter or more of the cases.
        "min_coverage": 0.25,
        "criterion": "effect",
        "correction": None,
        "n_holdout": 10,
    },
    "this package": {**COMMON, "max_variables": 2},
}


def one(world, rule, seed):
    """Number of personas that a rule counts in a trial."""
    trial = make_ketamine_crossover(
        effect=0.0, main_effect=WORLDS[world], random_state=seed
    )
    finder = PersonaDiscoverer(random_state=seed, **RULES[rule])
    by_participant = {"groups": trial.groups, "period": trial.period}
    if rule == "published":
        by_participant = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersonaWarning)
        finder.fit(
            trial.data, trial.target, treatment=trial.treatment, **by_participant
        )
    if rule == "published":
        return world, rule, seed, sum(p.replicated for p in finder.personas_)
    return world, rule, seed, finder.n_confirmed_


def run(arguments):
    """Append what is missing to the file."""
    path, done = arguments.output, set()
    new = not path.exists()
    if not new:
        rows = pd.read_csv(path)[["world", "rule", "seed"]].values.tolist()
        done = set(map(tuple, rows))
    jobs = [
        (world, rule, seed)
        for seed in range(arguments.seeds)
        for world in WORLDS
        for rule in RULES
        if (world, rule, seed) not in done
    ]
    with path.open("a", newline="") as stream:
        writer = csv.writer(stream)
        if new:
            writer.writerow(("world", "rule", "seed", "personas"))
        parallel = Parallel(n_jobs=arguments.jobs, return_as="generator_unordered")
        for row in parallel(delayed(one)(*job) for job in jobs):
            writer.writerow(row)
            stream.flush()


def table(data):
    """Lines of markdown."""
    yield "| trials in which | rule | trials | with a persona | personas a trial |"
    yield "|---|---|---|---|---|"
    for (world, rule), part in data.groupby(["world", "rule"], sort=False):
        share, n = (part.personas > 0).mean(), len(part)
        error = np.sqrt(share * (1 - share) / n)
        yield (
            f"| {world} | {rule} | {n} | {share:.3f} ({error:.3f}) | "
            f"{part.personas.mean():.2f} |"
        )


def figure(data, path):
    """How many personas a trial without any yields, by rule."""
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
    colors = {"published": "#c0392b", "this package": "#1f5fa8"}
    most = 6
    for ax, (world, part) in zip(axes, data.groupby("world", sort=False)):
        for shift, (rule, rows) in zip((-0.2, 0.2), part.groupby("rule", sort=False)):
            counts = np.bincount(np.minimum(rows.personas, most), minlength=most + 1)
            ax.bar(
                np.arange(most + 1) + shift,
                counts / len(rows),
                0.4,
                color=colors[rule],
                label=f"{rule}: any in {np.mean(rows.personas > 0):.1%} of trials",
            )
        ax.set_title(f"Truth: {world}", fontsize=10)
        ax.set_xlabel("personas counted in a trial")
        ax.set_xticks(range(most + 1), [*range(most), f"{most}+"])
        ax.legend(fontsize=8, frameon=False)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("share of trials")
    fig.savefig(path)


def main():
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("published_rule.csv"))
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--table", action="store_true", help="print, run nothing")
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    if not arguments.table:
        run(arguments)
    data = pd.read_csv(arguments.output)
    for line in table(data):
        print(line)
    if arguments.figure:
        figure(data, arguments.figure)


if __name__ == "__main__":
    main()
