"""Baseline inside and outside of each persona that was tested."""

from sklearn_persona._text.numbers import alike, number, percent
from sklearn_persona._text.safe import shown
from sklearn_persona.report._section import Section

__all__ = ["SECTION"]


def _values(data):
    """Texts of the in-versus-out tables; no tables without the baseline data."""
    if data.baseline is None:
        return {"tables": None}
    tables = []
    for table in data.baseline:
        rows = [
            {
                "variable": shown(row["variable"]),
                "level": None if row["level"] is None else shown(row["level"]),
                "own": row["own"],
                "cells": [
                    (_mean if row["level"] is None else _level)(row[side])
                    for side in ("inside", "outside")
                ],
                "difference": number(row["difference"]),
            }
            for row in table["rows"]
        ]
        outcomes = None
        if table["outcomes"] is not None:
            outcomes = {
                "half": table["outcomes"]["half"],
                "rows": [
                    {
                        "arm": "all" if row["arm"] is None else shown(row["arm"]),
                        "cells": [_mean(row["inside"]), _mean(row["outside"])],
                    }
                    for row in table["outcomes"]["rows"]
                ],
            }
        n = table["n_inside"] + table["n_outside"]
        tables.append(
            {
                "number": table["persona"] + 1,
                "n_inside": table["n_inside"],
                "n_outside": table["n_outside"],
                "share_inside": percent(table["n_inside"] / n),
                "share_outside": percent(table["n_outside"] / n),
                "rows": rows,
                "n_left_out": table["n_left_out"],
                "outcomes": outcomes,
            }
        )
    return {"tables": tables}


def _mean(values):
    mean, sd, n = values
    if not n:
        return "-"
    mean, sd = alike(mean, sd)
    return f"{mean} ({sd}), n = {n}"


def _level(values):
    share, _, n = values
    return f"{percent(share)} of {n}" if n else "-"


SECTION = Section(
    "baseline",
    "Baseline inside and outside",
    _values,
    link="Baseline",
    template="baseline.html.j2",
)
