"""How a selection repeats: over half-samples, and over random splits."""

from sklearn_persona._text.numbers import number, p_text, percent, plural, some
from sklearn_persona._text.safe import shown
from sklearn_persona.report._section import Section, table_lines

__all__ = ["SECTION", "splits_text"]


def _values(data):
    """Tables of how often half-samples choose variables and pairs of them."""
    if data.selection is None:
        return None
    tables = []
    for title, key in (("Variable", "variables"), ("Pair of variables", "pairs")):
        found = data.selection[key]
        if not found["rows"]:
            continue
        rows = [
            {
                "names": [shown(name) for name in row["names"]],
                "share": round(100 * row["frequency"], 2),
                "cells": [
                    percent(row["frequency"]),
                    percent(row["frequency_kept"]),
                    number(row["false_bound"]),
                ],
            }
            for row in found["rows"]
        ]
        tables.append({"title": title, "rows": rows, "n_left_out": found["n_left_out"]})
    return {"tables": tables} if tables else None


def splits_text(data):
    """How the smallest adjusted p values of repeated splits spread.

    Parameters
    ----------
    data : ReportData

    Returns
    -------
    text : str or None
        None without repeated splits.
    """
    found = data.splits
    if found is None:
        return None
    low, first, middle, third, high = map(p_text, found["quantiles"])
    n = found["n"]
    if found["n_untested"] == n:
        return (
            f"In none of the {plural(n, 'split')} was a persona tested with p below 1."
        )
    text = (
        f"Over the {plural(n, 'split')}, this smallest p value went from {low} to "
        f"{high}, half of them from {first} to {third}, with a median of {middle}. It "
        f"was below {data.settings['alpha']:g} in {some(found['n_below'])} of {n}."
    )
    if found["n_untested"]:
        text += f" It was 1, mostly without any test, in {some(found['n_untested'])}."
    return text


def _markdown(values):
    lines = ["## Selection over half-samples", ""]
    for table in values["tables"]:
        rows = [(" and ".join(r["names"]), *r["cells"]) for r in table["rows"]]
        head = (table["title"], "in the best rule", "in any kept rule", "false ones")
        lines += table_lines(head, rows)
    return lines


SECTION = Section(
    "selection",
    "Selection over half-samples",
    _values,
    link="Selection",
    template="selection.html.j2",
    markdown=_markdown,
)
