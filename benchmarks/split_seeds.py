"""How far a claim depends on the split: one trial, 100 seeds of its split.

A planted trial of each effect (200 cases, 10 variables, a persona of two variables that
covers 40 %) and one without any, each fitted with `validation="holdout"` and seeds 0 to
99. Prints a table, and with ``--figure`` draws the smallest adjusted p values.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np

from benchmarks.recovery.designs import read_grid
from sklearn_persona import PersonaDiscoverer
from sklearn_persona.exceptions import PersonaWarning

CELLS = {"1": "n200-p10-k2-1.0sd", "1.5": "n200-p10-k2-1.5sd", "2": "n200-p10-k2-2.0sd"}
ALPHA = 0.05


def spread(design, trial, n_seeds):
    """Smallest adjusted p, and Jaccard index with the truth of what is confirmed."""
    fresh = design.fresh()
    truth = design.targets(fresh)[0]
    p_values, indices = [], []
    for seed in range(n_seeds):
        finder = PersonaDiscoverer(n_bootstrap=0, n_alternatives=0, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PersonaWarning)
            finder.fit(trial.X, trial.y, treatment=trial.treated.astype(int))
        tested = [p.p_adjusted for p in finder.personas_ if not np.isnan(p.p_adjusted)]
        p_values.append(min(tested, default=1.0))
        if finder.n_confirmed_:
            found = finder.personas_[0].covers(fresh)
            indices.append(np.mean(found & truth) / np.mean(found | truth))
    return np.array(p_values), np.array(indices)


def figure(rows, path):
    """The p values of each trial over its seeds, on a logarithmic scale."""
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
    rng = np.random.RandomState(0)
    for i, (_, p_values, _) in enumerate(rows):
        heights = i + rng.uniform(-0.28, 0.28, len(p_values))
        ax.scatter(p_values, heights, s=9, alpha=0.6, color="#1f5fa8", linewidths=0)
        ax.plot([np.median(p_values)] * 2, [i - 0.4, i + 0.4], color="#c0392b")
    ax.axvline(ALPHA, color="0.4", linestyle=":")
    ax.set_xscale("log")
    ax.set_yticks(range(len(rows)), [name for name, *_ in rows])
    ax.invert_yaxis()
    ax.set_xlabel(
        "smallest adjusted p value of a split (red: median; dotted: alpha = .05)"
    )
    ax.spines[["top", "right"]].set_visible(False)
    fig.savefig(path)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="of the split")
    parser.add_argument("--trial", type=int, default=0, help="seed of the trials")
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    designs, rows = read_grid(), []
    print(
        "| trial | splits that confirm | middle 80 % of p | twice the median p | "
        "Jaccard index of what is confirmed |\n|---|---|---|---|---|"
    )
    for effect, cell in [*CELLS.items(), ("none", CELLS["2"])]:
        design = designs[cell]
        trial = design.draw(arguments.trial, effect == "none")
        p_values, indices = spread(design, trial, arguments.seeds)
        name = "no persona" if effect == "none" else f"{effect} SD"
        rows.append((name, p_values, indices))
        low, high = np.quantile(p_values, [0.1, 0.9])
        index = "-"
        if len(indices):
            index = f"{indices.mean():.2f} ({indices.min():.2f} to {indices.max():.2f})"
        print(
            f"| {name} | {len(indices)} of {len(p_values)} | {low:.2g} to {high:.2g} | "
            f"{min(1.0, 2 * np.median(p_values)):.2g} | {index} |",
            flush=True,
        )
    if arguments.figure:
        figure(rows, arguments.figure)


if __name__ == "__main__":
    main()
