"""The pictures of docs/how_it_works.md: comparisons, bounds, penalties, edges.

Simulated trials, seeds fixed; writes three SVG files.
"""

import argparse
import warnings
from math import comb, log
from pathlib import Path

import matplotlib
import numpy as np

from sklearn_persona import PersonaDiscoverer
from sklearn_persona._designs.labels import arm_rows, pooled_sd
from sklearn_persona._discoverer import PENALTY
from sklearn_persona._search import objectives as _objectives
from sklearn_persona._search.binning import column_cuts
from sklearn_persona._search.objectives import OBJECTIVES
from sklearn_persona.datasets import make_parallel_trial
from sklearn_persona.exceptions import PersonaWarning

matplotlib.use("Agg")
# The same bytes for the same data; text stays text.
matplotlib.rcParams.update({"svg.hashsalt": "how-it-works", "svg.fonttype": "none"})
import matplotlib.pyplot as plt  # noqa: E402

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "images"
BLUE, BROWN, GREY = "#0b5394", "#b45f06", "0.6"
CUTS = 9


def reference(y, treated, variance):
    """The m of arm-shift: what the members of the treated arm are compared with."""
    n, total = np.count_nonzero(treated), len(y)
    c = variance / (1 + variance * n)
    s = y[treated].sum()
    return c * s + (1 - c * n) * (y.sum() - c * n * s) / (total - c * n**2)


def what_is_compared():
    """Outcomes by arm and membership, and the reference by prior variance."""
    trial = make_parallel_trial(
        n_samples=120, effect=1.5, main_effect=0.8, prevalence=0.3, random_state=3
    )
    treated = np.asarray(trial.treatment) == 1
    inside = np.asarray(trial.persona, bool)
    y = np.asarray(trial.target)
    y = y / pooled_sd(y, treated)
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9, 3.8), width_ratios=(3, 2), sharey=True, layout="constrained"
    )
    rng = np.random.default_rng(0)
    parts = [
        ("treated,\ninside", treated & inside, BLUE),
        ("treated,\noutside", treated & ~inside, GREY),
        ("control,\ninside", ~treated & inside, GREY),
        ("control,\noutside", ~treated & ~inside, GREY),
    ]
    for x, (_, rows, color) in enumerate(parts):
        spread = x + rng.uniform(-0.22, 0.22, rows.sum())
        left.scatter(spread, y[rows], s=14, color=color, alpha=0.8, linewidth=0)
        left.plot([x - 0.3, x + 0.3], [y[rows].mean()] * 2, color=color, linewidth=2.5)
    default = reference(y, treated, _objectives.MAIN_EFFECT_VARIANCE)
    left.axhline(default, color=BROWN, linestyle="--", linewidth=1.2)
    left.text(3.45, default + 0.08, "m", color=BROWN, ha="right", va="bottom")
    left.set_xticks(range(4), [name for name, *_ in parts])
    left.set_ylabel("outcome (SD)")
    left.set_title("Members of one arm against m", fontsize="medium")

    variances = np.geomspace(1e-4, 1e2, 200)
    right.plot(variances, [reference(y, treated, v) for v in variances], color=BROWN)
    for value, text in (
        (y[treated].mean(), "mean of the arm"),
        (y.mean(), "mean of everyone"),
    ):
        right.axhline(value, color=GREY, linestyle=":", linewidth=1)
        above = text.endswith("arm")
        right.text(
            1e-4,
            value + (0.08 if above else -0.08),
            text,
            color="0.4",
            fontsize="small",
            va="bottom" if above else "top",
        )
    right.plot(_objectives.MAIN_EFFECT_VARIANCE, default, "o", color=BROWN)
    right.annotate(
        "default",
        (_objectives.MAIN_EFFECT_VARIANCE, default),
        xytext=(6, -14),
        textcoords="offset points",
        fontsize="small",
    )
    right.set_xscale("log")
    right.set_xlabel("prior variance of the main effect (SD²)")
    right.set_title("m by prior variance", fontsize="medium")
    return figure


def values_of(n, s, y, treated):
    """arm-shift of subsets of the treated arm with n units and sums s."""
    arms = arm_rows(treated, len(y))
    total = arms.sum(axis=1)[:, None].astype(float)
    sums = (arms @ y)[:, None]
    # The rest of the score: some members of the other arm, at its mean.
    some = np.full(len(n), total[1, 0] / 2)
    rest = some * sums[1, 0] / total[1, 0]
    return OBJECTIVES["arm-shift"].score(
        np.array([n, some]), np.array([s, rest]), total, sums
    )


def the_bound():
    """Sorted outcomes of a rule's members, and the values of their subsets."""
    trial = make_parallel_trial(n_samples=80, effect=2.0, random_state=5)
    treated = np.asarray(trial.treatment) == 1
    y = np.asarray(trial.target)
    y = y / pooled_sd(y, treated)
    inside = trial.data["x0"].to_numpy() > -0.4
    members = np.sort(y[treated & inside])[::-1]
    k = np.arange(1, len(members) + 1)
    least = 4
    m = reference(y, treated, _objectives.MAIN_EFFECT_VARIANCE)
    prefixes = values_of(k, members.cumsum(), y, treated)
    best = int(np.argmax(np.where(k >= least, prefixes, 0)))
    rng = np.random.default_rng(0)
    sizes = rng.integers(least, len(members) + 1, 400)
    sums = [rng.permutation(members)[:size].sum() for size in sizes]
    subsets = values_of(sizes, np.array(sums), y, treated)

    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9, 3.8), layout="constrained", sharex=True
    )
    colors = np.where(k <= best + 1, BLUE, GREY)
    left.bar(k, members - m, bottom=m, color=colors, width=0.8)
    left.axhline(m, color=BROWN, linestyle="--", linewidth=1.2)
    left.text(len(members) + 0.5, m + 0.05, "m", color=BROWN, va="bottom")
    left.set_xlabel("treated members of the rule, by falling outcome")
    left.set_ylabel("outcome (SD)")
    left.set_title("The best subset is a prefix", fontsize="medium")
    right.scatter(
        sizes, subsets, s=5, color=GREY, alpha=0.5, linewidth=0, label="random subsets"
    )
    right.plot(k[least - 1 :], prefixes[least - 1 :], color=BLUE, label="prefixes")
    right.plot(k[best], prefixes[best], "o", color=BLUE)
    right.axhline(prefixes[best], color=BLUE, linestyle=":", linewidth=1)
    right.text(1, prefixes[best] * 1.01, "bound", color=BLUE, ha="left", va="bottom")
    right.plot(k[-1], prefixes[-1], "D", color=BROWN, label="the rule itself")
    right.set_xlabel("treated members kept")
    right.set_ylabel("objective")
    right.set_ylim(0, prefixes[best] * 1.35)
    right.legend(loc="upper right", fontsize="small")
    right.set_title("No refinement exceeds the bound", fontsize="medium")
    return figure


def best_by_length(n_variables, effect, seeds, p):
    """Mean best objective of rules of one, two and three variables."""
    means = []
    for length in (1, 2, 3):
        values = []
        for seed in range(seeds):
            trial = make_parallel_trial(
                n_features=p, n_variables=n_variables, effect=effect, random_state=seed
            )
            # Of a single length, so that nothing is taken off.
            finder = PersonaDiscoverer(
                min_variables=length,
                max_variables=length,
                conditions="one-sided",
                refine_cuts=False,
                direction="favorable",
                prognostic=None,
                validation=None,
                n_personas=1,
                n_bootstrap=0,
                n_permutations=1,
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", PersonaWarning)
                finder.fit(trial.data, trial.target, treatment=trial.treatment)
            values.append(finder.search_.best_objective)
        means.append(np.mean(values))
    return np.array(means)


def penalties_and_edges(seeds=20, p=20):
    """Objectives by length before and after the penalty; an edge that moves."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    counts = [comb(p, k) * (2 * CUTS) ** k for k in (1, 2, 3)]
    penalty = np.array([PENALTY * log(count / counts[0]) for count in counts])
    for n_variables, color in ((1, BLUE), (2, BROWN), (3, "#38761d")):
        raw = best_by_length(n_variables, 2.0, seeds, p)
        net = raw - penalty
        left.plot((1, 2, 3), raw, color=color, linestyle=":", linewidth=1.2)
        left.plot((1, 2, 3), net, color=color, marker="o", markersize=4)
        top = int(np.argmax(net))
        left.plot(top + 1, net[top], "o", color=color, markersize=9)
        plural = "s" if n_variables > 1 else ""
        left.plot(
            [], [], color=color, label=f"true rule: {n_variables} variable{plural}"
        )
    left.plot([], [], color="0.3", linestyle=":", label="before the penalty")
    left.set_xticks((1, 2, 3))
    left.set_xlabel("variables of the best rule")
    left.set_ylabel(f"objective, mean of {seeds} trials")
    left.legend(fontsize="small")
    left.set_title("The penalty decides the length", fontsize="medium")

    trial = make_parallel_trial(
        n_samples=200, n_variables=1, effect=1.5, prevalence=0.35, random_state=1
    )
    treated = np.asarray(trial.treatment) == 1
    y = np.asarray(trial.target)
    y = y / pooled_sd(y, treated)
    x = trial.data["x0"].to_numpy()

    def value(cut):
        inside = x > cut
        arms = [a & b for a in (inside, ~inside) for b in (treated, ~treated)]
        if min(rows.sum() for rows in arms) < 4 or inside.mean() < 0.1:
            return np.nan
        return OBJECTIVES["arm-shift"].value(y, treated, inside)

    edge = trial.planted["persona 1"]["x0"][0]
    right.axvline(edge, color=GREY, linestyle=":", label="true edge")
    ordered = np.unique(x)
    everywhere = column_cuts(x, "all")
    fine = np.array([value(cut) for cut in everywhere])
    coarse = column_cuts(x, CUTS)
    known = np.array([value(cut) for cut in coarse])
    right.stairs(fine, ordered, color=BLUE, baseline=None, label="every place")
    right.plot(coarse, known, "o", color="0.2", label=f"{CUTS} quantiles")
    best, start = np.nanargmax(fine), np.nanargmax(known)
    right.annotate(
        "",
        (everywhere[best], fine[best]),
        xytext=(coarse[start], known[start]),
        arrowprops={"arrowstyle": "->", "color": BROWN, "linewidth": 1.5},
    )
    right.plot(everywhere[best], fine[best], "D", color=BROWN, label="refined edge")
    right.set_xlabel("edge c of x > c")
    right.set_ylabel("objective")
    right.legend(fontsize="small", loc="upper left")
    right.set_title("The edge moves over every place", fontsize="medium")
    return figure


PICTURES = {
    "arm_shift": what_is_compared,
    "bound": the_bound,
    "penalties": penalties_and_edges,
}


def main():
    """Draw and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--format", default="svg", choices=("svg", "png"))
    arguments = parser.parse_args()
    for name, draw in PICTURES.items():
        figure = draw()
        for ax in figure.axes:
            ax.spines[["top", "right"]].set_visible(False)
        file = arguments.folder / f"{name}.{arguments.format}"
        figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)


if __name__ == "__main__":
    main()
