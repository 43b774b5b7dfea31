"""Make the page of results from the raw file that `run` has filled.

``python -m benchmarks.recovery.table results.csv docs/recovery.md``
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binom

from benchmarks.recovery.designs import read_grid
from benchmarks.recovery.methods import OURS
from benchmarks.recovery.scoring import stability

FIRST, VALIDATED = OURS
ORDER = (
    FIRST,
    "everyone",
    "interaction-tree",
    "interaction-node",
    "interaction-adjusted",
    "mob",
    "causal-tree",
    "virtual-twins",
    "forest-tree",
    "forest-policy",
    "pysubgroup",
    "prim",
)
TEMPLATE = Path(__file__).with_name("page.md")


def read(paths):
    """Raw results of some files, one row per fit and answer."""
    text = dict.fromkeys(("members", "variables", "rule", "version"), str)
    data = pd.concat([pd.read_csv(path, dtype=text) for path in paths])
    return data.drop_duplicates(["cell", "null", "seed", "method"], keep="last")


def mean_and_error(values):
    """Mean and its standard error; NaN error for a single value."""
    values = np.asarray(values, float)
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return values.mean(), error


def paired(wide, a, b):
    """Mean difference of two columns over the seeds that have both, and its error."""
    difference = (wide[a] - wide[b]).dropna()
    return (*mean_and_error(difference), len(difference))


def signed(mean, error):
    """Difference with its standard error."""
    return f"{mean:+.2f} ({error:.2f})"


def markdown(header, rows):
    """Lines of a table, or of what stands in its place."""
    if not rows:
        return ["Not run."]
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]


def jaccard_table(planted, methods, cells):
    """Mean Jaccard index by cell and method, and the paired differences."""
    header = ["trial", "seeds", *methods, "- everyone", "best peer", "- best peer"]
    rows, summary = [], []
    for cell in cells:
        part = planted[planted.cell == cell]
        wide = part.pivot(index="seed", columns="method", values="jaccard")
        shown = [m for m in methods if m in wide]
        if FIRST not in wide:
            continue
        means = {m: wide[m].mean() for m in shown}
        best = max(means.values())
        # By the seeds in common, at least half of them: few seeds are easily best.
        peers = {m: paired(wide, FIRST, m) for m in shown}
        peers = {
            m: v[:2]
            for m, v in peers.items()
            if m not in (FIRST, "everyone") and 2 * v[2] >= wide[FIRST].count()
        }
        row = [cell, int(wide[FIRST].count())]
        for m in methods:
            text = f"{means[m]:.2f}" if m in means else ""
            if m in means and wide[m].count() < wide[FIRST].count():
                text += f"<sup>{wide[m].count()}</sup>"
            if m in means and means[m] > best - 0.005:
                text = f"**{text}**"
            if m == FIRST:
                text += f" ({mean_and_error(wide[m].dropna())[1]:.2f})"
            row.append(text)
        trivial = paired(wide, FIRST, "everyone")[:2] if "everyone" in wide else ()
        row.append(signed(*trivial) if trivial else "")
        if peers:
            name = min(peers, key=lambda m: peers[m][0])
            difference, error = peers[name]
            row += [name, signed(difference, error)]
            summary.append((cell, means[FIRST], name, means[name], difference, error))
        else:
            row += ["", ""]
        rows.append(row)
    return markdown(header, rows), summary


def card_table(planted, methods):
    """Columns of the score-card, means over the cells of their means."""
    header = [
        "method",
        "cells",
        "Jaccard",
        "no split is 0",
        "either side",
        "recall",
        "precision",
        "variables",
        "size",
        "true effect",
        "bias",
        "stability",
        "seconds",
    ]
    columns = [
        "jaccard",
        "split",
        "jaccard_either",
        "recall",
        "precision",
        "n_variables",
        "size",
        "true_effect",
        "bias",
    ]
    rows = []
    common = cells_of_all(planted, methods)
    for m in methods:
        part = planted[(planted.method == m) & planted.cell.isin(common)].copy()
        part["split"] = part.jaccard.where(part.n_variables > 0, 0.0)
        sign = np.sign(part.naive_effect - part.reference)
        part["bias"] = part.bias * sign
        part["true_effect"] = (part.true_effect - part.reference) * sign
        if part.empty:
            continue
        by_cell = part.groupby("cell")[columns].mean()
        stable = [
            stability(group.members.dropna().tolist())
            for _, group in part.groupby("cell")
        ]
        values = [*by_cell.mean(), np.nanmean(stable)]
        seconds = part.seconds.median()
        row = [m, len(by_cell), *(f"{v:.2f}" for v in values), f"{seconds:.2g}"]
        rows.append([("" if text == "nan" else text) for text in row])
    return markdown(header, rows)


def cells_of_all(data, methods):
    """Cells in which every one of some methods has results."""
    counts = data[data.method.isin(methods)].groupby("cell").method.nunique()
    return set(counts.index[counts == len(methods)])


def claims_table(null, planted, methods):
    """How often anything is claimed without heterogeneity, and with it."""
    header = [
        "method",
        "null trials",
        "claimed",
        "worst cell",
        "naive p < .05",
        "size",
        "bias",
        "claimed, planted",
    ]
    rows = []
    for m in methods:
        part = null[null.method == m]
        if part.empty:
            continue
        claims = part.claimed.dropna()
        own = f"{claims.mean():.3f}" if len(claims) else "no rule"
        worst = ""
        if len(claims):
            rates = part.dropna(subset="claimed").groupby("cell").claimed
            counts = rates.agg(["sum", "count"])
            over = counts[counts["sum"] > binom.ppf(0.99, counts["count"], 0.05)]
            top = (counts["sum"] / counts["count"]).max()
            worst = f"{top:.2f}; {len(over)} of {len(counts)} above"
        sign = np.sign(part.naive_effect - part.reference)
        power = planted[planted.method == m].claimed.dropna()
        rows.append(
            [
                m,
                len(part),
                own,
                worst,
                f"{(part.naive_p < 0.05).mean():.2f}",
                f"{part['size'].mean():.2f}",
                f"{(part.bias * sign).mean():.2f}",
                f"{power.mean():.2f}" if len(power) else "",
            ]
        )
    return markdown(header, rows)


def confirmed_table(null, planted, cells):
    """Confirmations of the default validation by cell."""
    header = ["trial", "planted seeds", "confirmed", "right", "null seeds", "confirmed"]
    rows = []
    for cell in cells:
        a = planted[(planted.cell == cell) & (planted.method == VALIDATED)]
        b = null[(null.cell == cell) & (null.method == VALIDATED)]
        if a.empty and b.empty:
            continue
        row = [cell, len(a)]
        right = a.claimed.astype(float) * (a.jaccard > 0.5)
        row += (
            [f"{a.claimed.mean():.2f}", f"{right.mean():.2f}"] if len(a) else ["", ""]
        )
        row += [len(b), f"{b.claimed.mean():.3f}" if len(b) else ""]
        rows.append(row)
    return markdown(header, rows)


def bias_table(null, designs, methods):
    """Which variables null twins select, by what they are."""
    header = ["method", "of many values", "five levels", "two levels", "prognostic"]
    mixed = [n for n, d in designs.items() if d.options.get("columns") == "mixed"]
    rows = []
    shares = []
    for m in methods:
        part = null[(null.method == m) & null.cell.isin(mixed)]
        used = _used(part)
        row = [m]
        row += [
            f"{np.mean(used % 3 == kind):.2f}" if len(used) else "" for kind in range(3)
        ]
        hits, chances = [], []
        for name, design in designs.items():
            columns = design.prognostic_columns
            if not columns:
                continue
            used = _used(null[(null.method == m) & (null.cell == name)])
            hits += list(np.isin(used, columns))
            chances += [len(columns) / design.p] * len(used)
        if hits:
            row.append(f"{np.mean(hits) / np.mean(chances):.1f}")
        else:
            row.append("")
        shares.append(row)
    p = designs[mixed[0]].p if mixed else 3
    expected = [f"{np.mean(np.arange(p) % 3 == kind):.2f}" for kind in range(3)]
    rows = [["expected", *expected, "1.0"], *shares]
    return markdown(header, [row for row in rows if any(row[1:])])


def _used(part):
    """Positions of all variables that some answers use."""
    text = ";".join(part.variables.dropna())
    return np.array([int(v) for v in text.split(";") if v], int)


def page(paths):
    """Text of the page, and its comparisons with the best peers."""
    designs = read_grid()
    data = read(paths)
    data = data[data.cell.isin(designs)]
    means = {name: designs[name].mean_effect for name in data.cell.unique()}
    data["reference"] = data.cell.map(means)
    planted, null = data[data.null == 0], data[data.null == 1]
    present = set(data.method)
    methods = [m for m in ORDER if m in present]
    cells = [name for name in designs if name in set(data.cell)]
    table, summary = jaccard_table(planted, methods, cells)
    wins = sum(difference > 0 for *_, difference, _ in summary)
    lost = [row for row in summary if row[4] < -2 * row[5]]
    versions = sorted(data.version.dropna().unique())
    failed = data[data.status != "ok"].groupby(["method", "status"]).size()
    covered = {m: set(planted[planted.method == m].cell) for m in methods}
    widest = max(len(c) for c in covered.values())
    carded = [m for m in methods if len(covered[m]) > 0.75 * widest]
    failures = ""
    if len(failed):
        rows = [(m, status, n) for (m, status), n in failed.items()]
        failures = "\n## Failures\n\n"
        failures += "\n".join(markdown(["method", "status", "fits"], rows)) + "\n"
    text = TEMPLATE.read_text(encoding="utf-8").format(
        versions="; ".join(versions),
        jaccard="\n".join(table),
        wins=wins,
        rows=len(summary),
        losses=len(lost),
        common=len(cells_of_all(planted, carded)),
        card="\n".join(card_table(planted, carded)),
        claims="\n".join(claims_table(null, planted, [*methods, VALIDATED])),
        confirmed="\n".join(confirmed_table(null, planted, cells)),
        bias="\n".join(bias_table(null, designs, methods)),
        failures=failures,
    )
    return text.rstrip() + "\n", summary


def main():
    """Write the page; print where the package is behind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="+", help="files of raw results")
    parser.add_argument("page")
    arguments = parser.parse_args()
    text, summary = page(arguments.results)
    Path(arguments.page).write_text(text, encoding="utf-8")
    for cell, ours, name, theirs, difference, error in summary:
        mark = "behind" if difference < 0 else ""
        print(
            f"{cell:36s} {ours:.2f} {theirs:.2f} {name:18s} {difference:+.2f} "
            f"({error:.2f}) {mark}"
        )


if __name__ == "__main__":
    main()
