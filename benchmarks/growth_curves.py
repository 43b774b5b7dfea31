"""How the time of the exact search grows with rows, columns, cuts and variables.

Writes a figure and its data; each point is the median of the seeds. Where a search was
stopped at the limit the curve ends.
"""

import argparse
import platform
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from compare_search import bin_trial, coverage, default_isa, make_trial, our_search

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "images"
BASE = {"n": 63, "p": 100, "cuts": 9, "variables": 3}
PANELS = [
    # swept, label, values, the rest where it differs from BASE
    (
        "n",
        "rows (50 columns, 9 cuts, 2 variables)",
        [30, 60, 100, 300, 1000, 3000, 10_000, 30_000, 100_000],
        {"p": 50, "variables": 2},
    ),
    (
        "p",
        "columns (63 rows, 9 cuts, 3 variables)",
        [10, 20, 50, 100, 200, 500, 1000],
        {},
    ),
    (
        "cuts",
        "cuts (63 rows, 100 columns, 3 variables)",
        [1, 2, 3, 5, 9, 15, 31, 62],
        {},
    ),
    (
        "variables",
        "variables (63 rows, 100 columns, 9 cuts)",
        [1, 2, 3, 4],
        {},
    ),
]


def measure(case, planted, options):
    """Median seconds, or None when a search hit the limit."""
    seconds = []
    for seed in range(options.seeds):
        trial = make_trial(seed, case["n"], case["p"], planted)
        # As many cuts as there are gaps: that is every cut point.
        cuts = "all" if case["cuts"] >= case["n"] - 1 else case["cuts"]
        selectors = bin_trial(trial, cuts, max(8, coverage(case["n"])))
        taken, (_, record) = our_search(
            trial, selectors, options, variables=case["variables"]
        )
        if not record.proven_optimal:
            return None
        seconds.append(taken)
    return float(np.median(seconds))


def sweep(options):
    """Per panel, per kind of trial: the measured values and seconds."""
    curves = []
    for swept, label, values, rest in PANELS:
        if options.quick and swept != "variables":
            values = values[: len(values) // 2 + 1]
        for planted in (True, False):
            done, seconds = [], []
            for value in values:
                case = {**BASE, **rest, swept: value}
                taken = measure(case, planted, options)
                print(f"{swept} {value} {planted}: {taken}", flush=True)
                if taken is None:
                    break
                done.append(value)
                seconds.append(taken)
            curves.append((swept, label, planted, done, seconds))
    return curves


def draw(curves, file):
    """Four panels, both axes logarithmic except for the number of variables."""
    import matplotlib

    matplotlib.use("Agg")
    # The same bytes for the same data; text stays text.
    matplotlib.rcParams.update({"svg.hashsalt": "growth", "svg.fonttype": "none"})
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(9, 7), sharey=True, layout="constrained")
    panels = dict(zip([panel[0] for panel in PANELS], axes.flat))
    for swept, label, planted, values, seconds in curves:
        ax = panels[swept]
        ax.plot(
            values,
            seconds,
            marker="o" if planted else "s",
            linestyle="-" if planted else "--",
            color="#0b5394" if planted else "#b45f06",
            label="planted persona" if planted else "no persona",
        )
        ax.set_yscale("log")
        if swept == "variables":
            ax.set_xticks(values)
        else:
            ax.set_xscale("log")
        ax.set_xlabel(label)
        ax.grid(True, which="major", color="0.85")
    for ax in axes[:, 0]:
        ax.set_ylabel("search time (s)")
    # A guide for the eye: time in proportion to the rows.
    curve = next(c for c in curves if c[0] == "n" and not c[2])
    if len(curve[3]) > 1:
        values, seconds = np.array(curve[3], float), curve[4]
        panels["n"].plot(
            values,
            seconds[-1] * values / values[-1],
            color="0.6",
            linestyle=":",
            label="proportional to the rows",
        )
    panels["n"].legend(loc="upper left", fontsize="small")
    file.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"Date": None} if file.suffix == ".svg" else None
    figure.savefig(file, metadata=metadata)


def table(curves, options):
    """The data of the figure in Markdown."""
    lines = [
        "# Growth of the search time\n",
        "Seconds of the exact search, objective `effect`, one-sided conditions, "
        f"median of {options.seeds} seed(s), {options.threads} thread(s), kernel "
        f"{default_isa()}, {platform.machine()}. A dash: stopped after "
        f"{options.limit:.0f} s.",
    ]
    for swept, label, values, _ in PANELS:
        known = {
            planted: dict(zip(done, seconds))
            for name, _, planted, done, seconds in curves
            if name == swept
        }
        lines += ["", f"| {label} | planted | no persona |", "|---|---|---|"]
        for value in values:
            if options.quick and value not in known[True] and value not in known[False]:
                continue
            cells = [
                f"{known[p][value]:.3g}" if value in known[p] else "-"
                for p in (True, False)
            ]
            lines.append(f"| {value:,} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines) + "\n"


def main():
    """Measure, draw and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller points")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--limit", type=float, default=20, help="seconds for a search")
    parser.add_argument("--output", type=Path, default=FOLDER / "growth.svg")
    arguments = parser.parse_args()
    options = SimpleNamespace(**vars(arguments), repeats=1, repeat_seconds=1)
    if options.quick:
        options.seeds, options.limit = 1, min(options.limit, 5)
    curves = sweep(options)
    draw(curves, options.output)
    options.output.with_suffix(".md").write_text(table(curves, options))


if __name__ == "__main__":
    main()
