"""Participants that a claim explains, those it does not, and the effect in each."""

from sklearn_persona._text.numbers import count, estimate, estimate_words, percent
from sklearn_persona.report._section import Section, escape, table_lines

__all__ = ["SECTION", "together"]

ROWS = {
    "favorable": "Explained, favorable",
    "unfavorable": "Explained, unfavorable",
    "explained": "Explained, either way",
    "unexplained": "Unexplained",
    "everyone": "Everyone",
}


def _rows(data):
    """Rows of the table of the explained and the unexplained.

    Parameters
    ----------
    data : ReportData

    Returns
    -------
    rows : list of dict
        ``label``, ``whole`` (whether it is everyone), and ``cells``: coverage,
        participants, cases, and the effect with its interval.
    """
    rows = []
    for name, label in ROWS.items():
        row = data.partition[name]
        effect = "-"
        if row["effect"] is not None:
            effect = estimate(row["effect"], _interval(row))
        cells = [percent(row["coverage"]), count(row["n_groups"]), count(row["n"])]
        rows.append(
            {"label": label, "whole": name == "everyone", "cells": [*cells, effect]}
        )
    return rows


def _text(data):
    """What the table counts, in a sentence or two."""
    if data.settings["validation"] is None:
        claim = "Participants are explained when any persona below covers them; none "
        claim += "of these personas was tested."
    else:
        claim = "Participants are explained when a confirmed persona covers them."
    half = "all analyzed participants"
    if data.flow["holdout"] is not None:
        half = "the holdout, which chose nothing"
    return (
        f"{claim} Counted in {half}. The figures of the explained hold for their "
        "share only."
    )


def together(data):
    """The joint coverage of the confirmed personas; None without a claim."""
    explained, rest = (data.partition[k] for k in ("explained", "unexplained"))
    if not explained["n"] or data.settings["validation"] is None:
        return None
    many = data.n_confirmed > 1
    what = "confirmed personas together cover" if many else "confirmed persona covers"
    text = (
        f"The {what} {percent(explained['coverage'])} of those who tested "
        f"{'them' if many else 'it'}; "
        f"{percent(rest['coverage'])} stay unexplained"
    )
    if data.arms and rest["effect"] is not None:
        value, ends = estimate_words(rest["effect"], _interval(rest))
        text += f", with an effect of {value} ({ends})"
    return text + "."


def _interval(row):
    return row["ci_low"], row["ci_high"]


def _values(data):
    return {
        "text": _text(data),
        "rows": _rows(data),
        "effect": "Effect" if data.arms else "Outcome minus that of all others",
    }


def _markdown(values):
    head = ("", "coverage", "participants", "cases", "effect (95% CI)")
    rows = [(row["label"], *row["cells"]) for row in values["rows"]]
    lines = ["## Explained and unexplained", "", escape(values["text"]), ""]
    return [*lines, *table_lines(head, rows)]


SECTION = Section(
    "explained",
    "Explained and unexplained",
    _values,
    link="Explained",
    template="explained.html.j2",
    markdown=_markdown,
)
