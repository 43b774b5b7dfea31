"""The report as one HTML page."""

import functools

from sklearn_persona._text.numbers import count, percent, plural
from sklearn_persona._text.numbers import number3 as number
from sklearn_persona._text.safe import shown
from sklearn_persona._text.words import arm_text
from sklearn_persona.report._cards import make_card, make_forest
from sklearn_persona.report._checklist import SOURCES, checklist
from sklearn_persona.report._explained import explained_rows, explained_text
from sklearn_persona.report._methods import methods
from sklearn_persona.report._reading import reading_notes
from sklearn_persona.report._selected import selected_tables
from sklearn_persona.report._summary import headline, summary

__all__ = ["page"]


def page(data):
    """Fill the template.

    Parameters
    ----------
    data : ReportData

    Returns
    -------
    html : str

    Raises
    ------
    ImportError
        Without jinja2.
    """
    try:
        import jinja2
    except ImportError as error:
        raise ImportError(
            "The HTML report needs jinja2, which is not installed. Install the extra: "
            "pip install 'sklearn-persona[report]'."
        ) from error
    cards = [make_card(data, i) for i in range(len(data.personas))]
    return (
        _environment(jinja2)
        .get_template("report.html.j2")
        .render(
            title=shown(data.title or "Personas"),
            headline=headline(data),
            sections=summary(data),
            cards=cards,
            good="benefit" if data.arms else "better",
            tested=data.settings["validation"] is not None,
            flow=_flow(data),
            forest=make_forest(data),
            explained=explained_rows(data),
            explained_text=explained_text(data),
            explained_effect="Effect" if data.arms else "Outcome less all others'",
            selected=selected_tables(data),
            reading=reading_notes(data),
            baseline=_baseline(data),
            methods=methods(data),
            checklist=checklist(data),
            sources=SOURCES,
            settings=[(k, shown(v)) for k, v in sorted(data.settings.items())],
            versions=data.versions,
        )
    )


@functools.cache
def _environment(jinja2):
    """Compiled templates, which do not change."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("sklearn_persona.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _flow(data):
    """Boxes of the flow from rows to halves."""
    flow = data.flow
    boxes = [
        (
            "Given",
            [
                plural(flow["n_rows"], "case"),
                plural(flow["n_participants"], "participant"),
                plural(flow["n_columns"], "baseline variable"),
            ],
        ),
        (
            "Incomplete",
            [
                f"{plural(flow['n_incomplete'], 'participant')} left out",
                f"{plural(flow['n_columns_missing'], 'variable')} with missing values "
                f"({percent(flow['share_missing'])} of all values)",
            ],
        ),
    ]
    halves = [("training", "Training" if flow["holdout"] else "Analysed")]
    if flow["holdout"]:
        halves.append(("holdout", "Holdout"))
    for half, name in halves:
        record = flow[half]
        lines = [
            plural(record["n_units"], flow["unit"]),
            f"{plural(record['n_participants'], 'participant')}, "
            f"{plural(record['n_cases'], 'case')}",
        ]
        if data.arms:
            for arm, key in zip(data.arms[::-1], ("treated", "control")):
                mean = record[f"mean_{key}"]
                lines.append(
                    f"{arm_text(arm, 30)}: {count(record[f'n_{key}'])}"
                    + ("" if mean is None else f", mean {number(mean)}")
                )
        boxes.append((name, lines))
    return boxes


def _baseline(data):
    """Texts of the in-versus-out tables; None without them."""
    if data.baseline is None:
        return None
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
    return tables


def _mean(values):
    mean, sd, n = values
    return f"{number(mean)} ({number(sd)}), n = {n}" if n else "-"


def _level(values):
    share, _, n = values
    return f"{percent(share)} of {n}" if n else "-"
