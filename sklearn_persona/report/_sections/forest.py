"""Effects inside all personas on one axis, and in everyone."""

from sklearn_persona._text.evidence import tested_record
from sklearn_persona._text.numbers import estimate, percent
from sklearn_persona._text.words import rule_text
from sklearn_persona.report._drawing import make_axis
from sklearn_persona.report._section import Section
from sklearn_persona.report._sections.personas import half_name

__all__ = ["SECTION"]


def _n_units(record):
    """Units inside: pairs of a crossover, members of a single arm, else cases."""
    if record.cases_per_unit > 1 or not record.has_arms:
        return record.n_treated
    return record.n_treated + record.n_control


def _values(data):
    rows = []
    for i, persona in enumerate(data.personas, 1):
        record = tested_record(persona)
        if record is None:
            # Written by hand, never measured.
            continue
        half = "training" if persona.holdout is None else "holdout"
        rows.append(
            {
                "label": f"Persona {i}",
                "rule": rule_text(persona.conditions),
                "half": half_name(data, half).lower(),
                "side": "inside" if persona.confirmed else "other",
                "n": _n_units(record),
                "share": percent(record.coverage),
                "effect": record.effect,
                "pair": record.ci_effect,
            }
        )
    if not rows:
        return None
    for half in ("training", "holdout"):
        whole = data.flow[half]
        if whole is not None and whole["effect"] is not None:
            rows.append(
                {
                    "label": "Everyone",
                    "rule": "",
                    "half": half_name(data, half).lower(),
                    "side": "whole",
                    "n": whole["n_units"],
                    "share": "100%",
                    "effect": whole["effect"],
                    "pair": whole["ci_effect"],
                }
            )
    axis = make_axis(
        [v for row in rows for v in (row["effect"], *(row["pair"] or ()))], zero=True
    )
    for row in rows:
        row["mark"] = axis.mark(row["effect"], row["pair"])
        row["text"] = estimate(row["effect"], row["pair"])
    return {
        "rows": rows,
        "ticks": axis.labels,
        "zero": axis.at(0.0),
        "comparison": data.comparison,
        "good": "benefit" if data.arms else "better",
    }


SECTION = Section("forest", "All effects", _values, template="forest.html.j2")
