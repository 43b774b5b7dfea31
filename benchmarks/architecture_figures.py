"""The pictures and numbers of docs/architecture.md: the packages, and eight patients.

    python benchmarks/architecture_figures.py

Writes two SVG files and prints the numbers of the page, all computed by the package.
"""

import argparse
import warnings
from html import escape
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from sklearn_persona import PersonaDiscoverer
from sklearn_persona._data.table import read_table
from sklearn_persona._search.binning import make_selectors
from sklearn_persona._search.objectives import OBJECTIVES
from sklearn_persona.exceptions import PersonaWarning

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "images"
BLUE, BROWN, GREY, INK = "#0b5394", "#b45f06", "#8a8a8a", "#222222"
PALE, LINE = "#eef3f8", "#c9d3dc"
SANS, MONO = "system-ui, sans-serif", "ui-monospace, Menlo, Consolas, monospace"

# -- Eight patients ----------------------------------------------------------------
TABLE = pd.DataFrame(
    {
        "age": [31, 38, 42, 47, 53, 58, 64, 70],
        "severity": [24, 26, 30, 28, 22, 15, 18, 21],
        "arm": ["drug", "placebo"] * 4,
        "outcome": [4, 3, 9, 2, 8, 4, 3, 1],
    }
)
VARIABLES = ["age", "severity"]
CUTS, LEAST_ARM = 3, 2


def follow():
    """Everything that the page and the picture show, by stage.

    Returns
    -------
    steps : dict
        ``conditions`` (text), ``bits`` (n_conditions, n_patients), ``objective``
        (text of a rule to value, for rules that are large enough), ``persona``,
        ``record``, ``sd``, ``inside``, ``card``, ``arm`` (size, mean and sum of
        squares by arm).
    """
    treated = (TABLE["arm"] == "drug").to_numpy()
    outcome = TABLE["outcome"].to_numpy(float)
    built = make_selectors(
        read_table(TABLE[VARIABLES]),
        np.arange(len(TABLE)),
        n_cuts=CUTS,
        conditions="one-sided",
        modality=np.zeros(len(VARIABLES), int),
        least_members=2 * LEAST_ARM,
    )
    words = built.bits[:, 0].astype(int).tolist()
    bits = np.array([[word >> row & 1 for row in range(len(TABLE))] for word in words])
    names = [
        f"{VARIABLES[at]} {'≤' if low is None else '>'} {high if low is None else low}"
        for at, (low, high) in zip(built.feature, built.limits)
    ]
    names = [name.removesuffix(".0") for name in names]
    finder = fitted(outcome, TABLE["arm"], validation="permutation")
    persona = finder.personas_[0]
    return {
        "conditions": names,
        "feature": built.feature.tolist(),
        "words": words,
        "bits": bits,
        "objective": values(names, built.feature, bits, outcome, treated, finder),
        "persona": persona,
        "record": finder.search_,
        "sd": finder.outcome_sd_,
        "inside": finder.transform(TABLE[VARIABLES])[:, 0] == 1,
        "treated": treated,
        "card": str(persona),
        "exchanges": np.array([best_objective(outcome, chosen) for chosen in drugs()]),
    }


def fitted(outcome, arm, **parameters):
    """The estimator of the page."""
    finder = PersonaDiscoverer(
        max_variables=2,
        n_cuts=CUTS,
        conditions="one-sided",
        objective="effect",
        prognostic=None,
        min_arm_size=LEAST_ARM,
        control="placebo",
        random_state=0,
        **parameters,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersonaWarning)
        return finder.fit(TABLE[VARIABLES], outcome, treatment=arm)


def drugs():
    """Every choice of those who have the drug."""
    return combinations(range(len(TABLE)), np.count_nonzero(TABLE["arm"] == "drug"))


def best_objective(outcome, chosen):
    """Best objective under one exchange of arms."""
    arm = np.full(len(TABLE), "placebo")
    arm[list(chosen)] = "drug"
    only_search = {
        "validation": None,
        "n_personas": 1,
        "n_alternatives": 0,
        "n_bootstrap": 0,
        "n_permutations": 1,
    }
    best = fitted(outcome, arm, **only_search).search_.best_objective
    # None where no rule is large enough.
    return 0.0 if np.isnan(best) else best


def values(names, feature, bits, outcome, treated, finder):
    """Objective of every rule that is large enough, by the indices of its conditions.

    The sum of the outcomes in units of their standard deviation, as the search has it.
    """
    found = {}
    pairs = [(i, j) for i in range(len(names)) for j in range(i, len(names))]
    for i, j in pairs:
        if i != j and feature[i] == feature[j]:
            continue
        inside = (bits[i] & bits[j]).astype(bool)
        parts = [
            arm & side for arm in (treated, ~treated) for side in (inside, ~inside)
        ]
        if min(map(np.count_nonzero, parts)) < LEAST_ARM:
            continue
        found[i, j] = OBJECTIVES["effect"].value(
            outcome / finder.outcome_sd_, treated, inside
        )
    best = max(found.values())
    assert np.isclose(best, finder.search_.best_objective), best
    return found


def numbers(steps):
    """The numbers of the page, by what they are."""
    persona = steps["persona"]
    evidence = persona.train
    i, j = max(steps["objective"], key=steps["objective"].get)
    words = steps["words"]
    return {
        "conditions": len(steps["conditions"]),
        "candidates": int(steps["record"].n_candidates),
        "rules large enough": len(steps["objective"]),
        "best rule": f"{steps['conditions'][i]} and {steps['conditions'][j]}",
        "words": f"{words[i]:08b} & {words[j]:08b} = {words[i] & words[j]:08b}",
        "objective": f"{steps['record'].best_objective:.3f}",
        "standard deviation": f"{steps['sd']:.3f}",
        "mean of drug inside": f"{evidence.mean_treated:.1f}",
        "mean of placebo inside": f"{evidence.mean_control:.1f}",
        "effect inside": f"{evidence.effect:.0f}",
        "effect outside": f"{evidence.effect_complement:.0f}",
        "interval of the effect": "{:.2f} to {:.2f}".format(*evidence.ci_effect),
        "p value": f"{evidence.p_value:.2f}",
        "lowest p value": f"{evidence.p_floor:.2f}",
        "p value of the contrast": f"{evidence.p_interaction:.3f}",
        "exchanges that reach it": "{} of {}".format(
            np.count_nonzero(
                steps["exchanges"] >= steps["record"].best_objective - 1e-9
            ),
            len(steps["exchanges"]),
        ),
        "p value after the search": f"{persona.p_adjusted:.2f}",
        "confirmed": persona.confirmed,
    }


# -- Drawing -----------------------------------------------------------------------
def text(x, y, content, size=13, color=INK, anchor="start", weight="400", font=SANS):
    return (
        f'<text x="{x:g}" y="{y:g}" font-family="{font}" font-size="{size}" '
        f'font-weight="{weight}" fill="{color}" text-anchor="{anchor}" '
        f'xml:space="preserve">{escape(str(content))}</text>'
    )


def box(x, y, width, height, fill="#ffffff", stroke=LINE, radius=6, line=1):
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
        f'rx="{radius}" fill="{fill}" stroke="{stroke}" stroke-width="{line}"/>'
    )


def arrow(*points):
    path = " ".join(f"{x:g},{y:g}" for x, y in points)
    return (
        f'<polyline points="{path}" fill="none" stroke="{GREY}" stroke-width="1.5" '
        'marker-end="url(#tip)"/>'
    )


def drawing(width, height, title, parts):
    """A picture on a ground of its own, which white and dark pages can hold."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">',
            f"<title>{escape(title)}</title>",
            '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" '
            'markerWidth="7" markerHeight="7" orient="auto-start-reverse">'
            f'<path d="M0 0L10 5L0 10z" fill="{GREY}"/></marker></defs>',
            box(0.5, 0.5, width - 1, height - 1, radius=10),
            *parts,
            "</svg>\n",
        ]
    )


# Name, what it does, and what it hands on; one list for each floor of the picture.
ROOMS = (
    (
        "Foundations",
        (
            ("_data", ("table, roles,", "labels"), "columns"),
            ("_text", ("numbers, safe", "cells, cards"), None),
            ("inference", ("tests, intervals,", "power, on arrays"), None),
        ),
    ),
    (
        "From cases to rules",
        (
            ("_outcomes", ("one module for a", "kind of outcome"), "outcome"),
            ("_designs", ("cases; one class", "for a design"), "units"),
            ("_search", ("conditions, bounds,", "cubes, beam"), "search"),
            ("_selection", ("adjustment and search:", "what is repeated"), "rules"),
        ),
    ),
    (
        "From rules to claims",
        (
            ("_estimates", ("effects on cells,", "flow, partition"), "evidence"),
            ("_persona", ("condition, persona,", "JSON, SQL, R"), "names"),
            ("_claims", ("holdout, permutation,", "resampling"), "claims"),
        ),
    ),
    (
        "For users",
        (
            ("_discoverer.py", ("PersonaDiscoverer:", "calls all of the above"), "fit"),
            ("_trial_frame.py", ("and metrics, baselines,", "model_selection"), None),
            ("report", ("and plotting: HTML,", "Markdown, figures"), None),
            ("_cli", ("the command", "sklearn-persona"), None),
        ),
    ),
)


def rooms():
    """The packages from top to bottom, and what each hands to the next."""
    width, tall, gap, left = 172, 78, 58, 20
    parts, y = [], 30
    for floor, (title, boxes) in enumerate(ROOMS):
        parts.append(text(left, y, title, 13, GREY, weight="600"))
        last = 0
        for at, (name, lines, gives) in enumerate(boxes):
            x = left + at * (width + gap)
            parts.append(box(x, y + 10, width, tall, PALE if gives else "#ffffff"))
            parts.append(text(x + 12, y + 33, name, 14, BLUE, weight="600", font=MONO))
            for n, line in enumerate(lines):
                parts.append(text(x + 12, y + 53 + 17 * n, line, 12.5))
            if at and gives and boxes[at - 1][2]:
                parts.append(arrow((x - gap + 3, y + 49), (x - 3, y + 49)))
                given = boxes[at - 1][2]
                parts.append(text(x - gap / 2, y + 42, given, 11.5, BROWN, "middle"))
            last = x if gives else last
        if floor < len(ROOMS) - 1:
            start, end, turn = last + width / 2, left + width / 2, y + tall + 26
            given = next(gives for *_, gives in reversed(boxes) if gives)
            below = end, y + tall + 60
            corners = [(start, turn), (end, turn)] if start > end else []
            parts.append(arrow((start, y + tall + 12), *corners, below))
            parts.append(text(end + 8, turn + 17, given, 11.5, BROWN))
        y += tall + 80
    wide = 2 * left + 4 * width + 3 * gap
    return drawing(wide, y - 50, "The packages of sklearn_persona", parts)


def patients(steps):
    """The table, the conditions as bits, every rule, the evidence and the card."""
    parts = []
    parts += draw_table(20, 34, steps)
    parts += draw_bits(330, 34, steps)
    parts += draw_rules(20, 368, steps)
    parts += draw_cells(506, 368, steps)
    parts += draw_claim(20, 644, steps)
    parts += draw_card(380, 644, steps)
    return drawing(900, 664 + 17 * len(shown_card(steps)) + 16, TITLE, parts)


TITLE = "Eight patients, from a table to a card"
ROW, TOP = 24, 62
ARMS = {"drug": BLUE, "placebo": BROWN}


def draw_table(x, y, steps):
    parts = [text(x, y, "1  Table: a row for each patient", 14, weight="600")]
    columns = [("", 24), ("age", 70), ("severity", 132), ("arm", 152), ("outcome", 278)]
    for name, right in columns:
        start = name == "arm"
        anchor = "start" if start else "end"
        parts.append(text(x + right, y + TOP - 24, name, 12, GREY, anchor))
    for row, (age, severity, arm, outcome) in enumerate(TABLE.itertuples(index=False)):
        at = y + TOP + ROW * row
        if steps["inside"][row]:
            parts.append(box(x + 2, at - 16, 284, ROW - 2, PALE, PALE, 3))
        shown = (row + 1, age, severity, arm, outcome)
        for (name, right), value in zip(columns, shown):
            anchor = "start" if name == "arm" else "end"
            color = ARMS[arm] if name in ("arm", "outcome") else INK
            color = color if name else GREY
            parts.append(text(x + right, at, value, 13, color, anchor))
    parts.append(
        text(
            x,
            y + TOP + ROW * len(TABLE) + 6,
            "Shaded: the members in the end",
            12,
            GREY,
        )
    )
    return parts


def draw_bits(x, y, steps):
    parts = [text(x, y, "2  Conditions: a bit for each patient", 14, weight="600")]
    wide = 66
    i, j = max(steps["objective"], key=steps["objective"].get)
    for at, (name, word) in enumerate(zip(steps["conditions"], steps["words"])):
        left = x + at * wide
        variable, rest = name.split(" ", 1)
        used = at in (i, j)
        color = INK if used else GREY
        weight = "600" if used else "400"
        middle = left + wide / 2 - 3
        parts.append(text(middle, y + TOP - 38, variable, 12, color, "middle", weight))
        parts.append(text(middle, y + TOP - 22, rest, 12, color, "middle", weight))
        for row, bit in enumerate(steps["bits"][at]):
            fill = (BLUE if used else "#7fa3c7") if bit else "#ffffff"
            parts.append(
                box(
                    left + 10,
                    y + TOP - 16 + ROW * row,
                    wide - 26,
                    ROW - 4,
                    fill,
                    LINE,
                    3,
                )
            )
            parts.append(
                text(
                    middle,
                    y + TOP - 1 + ROW * row,
                    bit,
                    12,
                    "#ffffff" if bit else GREY,
                    "middle",
                    font=MONO,
                )
            )
        parts.append(
            text(
                middle,
                y + TOP + ROW * len(TABLE) + 6,
                f"{word:>3}",
                12,
                color,
                "middle",
                weight,
                MONO,
            )
        )
    both = steps["words"][i] & steps["words"][j]
    lines = (
        "Below the bits: their number, patient 1 in the lowest bit.",
        f"{steps['words'][i]} and {steps['words'][j]}, bit by bit, are {both}: "
        f"{both:b} marks the members.",
    )
    for n, line in enumerate(lines):
        at = y + TOP + ROW * len(TABLE) + 28 + 17 * n
        parts.append(text(x + 10, at, line, 12, GREY))
    return parts


def draw_rules(x, y, steps):
    parts = [text(x, y, "3  Rules: the objective of each", 14, weight="600")]
    feature = np.array(steps["feature"])
    rows, columns = np.flatnonzero(feature == 1), np.flatnonzero(feature == 0)
    wide, tall, left, top = 70, 34, 108, 52
    best = max(steps["objective"].values())
    heads = [("alone", None), *((steps["conditions"][c], c) for c in columns)]
    sides = [("alone", None), *((steps["conditions"][r], r) for r in rows)]
    for a, (name, column) in enumerate(heads):
        parts.append(
            text(x + left + wide * (a + 0.5), y + top - 10, name, 12, GREY, "middle")
        )
        for b, (side, row) in enumerate(sides):
            if a == 0:
                at = y + top + tall * (b + 0.5) + 4
                parts.append(text(x + left - 10, at, side, 12, GREY, "end"))
            if column is None and row is None:
                continue
            key = tuple(sorted(k for k in (column, row) if k is not None))
            value = steps["objective"].get(key if len(key) == 2 else key * 2)
            share = 0 if value is None else value / best
            fill = mixed(share) if value is not None else "#ffffff"
            place = x + left + wide * a, y + top + tall * b
            top_value = value is not None and np.isclose(value, best)
            parts.append(
                box(
                    place[0] + 2,
                    place[1] + 2,
                    wide - 4,
                    tall - 4,
                    fill,
                    BROWN if top_value else LINE,
                    4,
                    2.5 if top_value else 1,
                )
            )
            shown = "too small" if value is None else f"{value:.2f}"
            color = GREY if value is None else ("#ffffff" if share > 0.6 else INK)
            size = 10.5 if value is None else 13
            parts.append(
                text(place[0] + wide / 2, place[1] + 22, shown, size, color, "middle")
            )
    return parts


def mixed(share):
    """A color between white and blue."""
    blue = [int(BLUE[at : at + 2], 16) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(255 + (b - 255) * share):02x}" for b in blue)


def draw_cells(x, y, steps):
    parts = [text(x, y, "4  Estimates: by arm and membership", 14, weight="600")]
    evidence = steps["persona"].train
    bottom, unit, wide = y + 206, 17, 76
    for tick in (0, 5, 10):
        at = bottom - unit * tick
        parts.append(
            f'<line x1="{x + 26}" y1="{at}" x2="{x + 356}" y2="{at}" stroke="{LINE}"/>'
        )
        parts.append(text(x + 20, at + 4, tick, 11, GREY, "end"))
    outcome = TABLE["outcome"].to_numpy(float)
    at = x + 40
    for name, side in (("inside", steps["inside"]), ("outside", ~steps["inside"])):
        for arm, rows in (("drug", steps["treated"]), ("placebo", ~steps["treated"])):
            chosen = outcome[rows & side]
            color = ARMS[arm]
            mean = bottom - unit * chosen.mean()
            parts.append(
                f'<line x1="{at + 10}" y1="{mean:g}" x2="{at + 62}" y2="{mean:g}" '
                f'stroke="{color}" stroke-width="3"/>'
            )
            middle = at + wide / 2 - 2
            for value in chosen:
                parts.append(
                    f'<circle cx="{middle:g}" cy="{bottom - unit * value:g}" r="5" '
                    f'fill="{color}" fill-opacity="0.75"/>'
                )
            parts.append(text(middle, bottom + 18, arm, 12, color, "middle"))
            at += wide
        effect = evidence.effect if name == "inside" else evidence.effect_complement
        parts.append(
            text(
                at - wide - 2,
                bottom + 36,
                f"{name}: effect {effect:g}",
                12.5,
                INK,
                "middle",
            )
        )
        at += 10
    return parts


def shown_card(steps):
    return steps["card"].split("\n")


def draw_card(x, y, steps):
    parts = [text(x, y, "6  Card: the persona in words", 14, weight="600")]
    for n, line in enumerate(shown_card(steps)):
        parts.append(text(x, y + 28 + 17 * n, line, 12, font=MONO))
    return parts


def draw_claim(x, y, steps):
    """How many exchanges of arms have which best objective."""
    parts = [text(x, y, "5  Claim: the search on every exchange", 14, weight="600")]
    observed = steps["record"].best_objective
    at = np.round(steps["exchanges"] / 0.5).astype(int)
    bottom, tall = y + 228, 7.5
    for place in range(at.min(), at.max() + 1):
        left = x + 6 + 34 * (place - at.min())
        parts.append(text(left + 14, bottom + 16, f"{place / 2:g}", 11, GREY, "middle"))
        here = np.count_nonzero(at == place)
        if not here:
            continue
        color = BROWN if place >= round(observed / 0.5) else "#7fa3c7"
        top = bottom - tall * here
        parts.append(box(left, top, 28, tall * here, color, color, 2))
        parts.append(text(left + 14, top - 5, here, 11, INK, "middle"))
    parts.append(text(x + 6, bottom + 34, "best objective of an exchange", 12, GREY))
    reached = np.count_nonzero(steps["exchanges"] >= observed - 1e-9)
    evidence = steps["persona"].train
    lines = (
        f"{reached} of {len(at)} exchanges reach {observed:.2f}: p = "
        f"{reached / len(at):.2f}.",
        f"Inside, 2 v 2 have 6 arrangements: p is at least {evidence.p_floor:.2f}.",
        "Nothing is confirmed.",
    )
    for n, line in enumerate(lines):
        parts.append(text(x + 6, bottom + 60 + 18 * n, line, 12.5))
    return parts


def main():
    """Write the pictures and print the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=FOLDER)
    folder = parser.parse_args().folder
    steps = follow()
    for name, picture in (("rooms", rooms()), ("eight_patients", patients(steps))):
        (folder / f"{name}.svg").write_text(picture, encoding="utf-8")
    for name, value in numbers(steps).items():
        print(f"{name:28}{value}")


if __name__ == "__main__":
    main()
