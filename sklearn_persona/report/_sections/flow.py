"""Boxes of the flow from rows to halves."""

from sklearn_persona._text.numbers import UNKNOWN, alike, count, percent, plural
from sklearn_persona._text.words import arm_text
from sklearn_persona.report._section import Section

__all__ = ["SECTION"]


def _values(data):
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
    halves = [("training", "Training" if flow["holdout"] else "Analyzed")]
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
            keys = ("treated", "control")
            means = alike(*(record[f"mean_{key}"] for key in keys))
            for arm, key, mean in zip(data.arms[::-1], keys, means):
                text = f"{arm_text(arm, 30)}: {count(record[f'n_{key}'])}"
                lines.append(text + (f", mean {mean}" if mean != UNKNOWN else ""))
        boxes.append((name, lines))
    return {"boxes": boxes}


SECTION = Section("flow", "Flow", _values, template="flow.html.j2")
