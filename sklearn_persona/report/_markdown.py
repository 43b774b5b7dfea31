"""The report as Markdown."""

import re

from sklearn_persona._text.safe import shown
from sklearn_persona.report._cards import make_card
from sklearn_persona.report._checklist import checklist
from sklearn_persona.report._explained import explained_rows, explained_text
from sklearn_persona.report._methods import methods
from sklearn_persona.report._reading import reading_notes
from sklearn_persona.report._selected import selected_tables
from sklearn_persona.report._summary import headline, summary

__all__ = ["markdown"]

# What begins markup within a line.
RUNNING = re.compile(r"([\\`*_\[\]<>|~&@$^#])")


def escape(text):
    """Text in which nothing is markup, HTML included."""
    text = RUNNING.sub(r"\\\1", str(text).replace("\n", " "))
    # A bare address would become a link.
    return re.sub(r"(?i)(https?|ftp|www|mailto)([:.])", r"\1&#8203;\2", text)


def markdown(data):
    """Summary, cards, methods and checklist.

    Parameters
    ----------
    data : ReportData

    Returns
    -------
    text : str
    """
    lines = [f"# {escape(shown(data.title or 'Personas'))}", ""]
    lines += [f"**{escape(headline(data))}**", ""]
    for heading, paragraphs, items in summary(data):
        lines += [f"## {heading}", ""]
        for paragraph in paragraphs:
            lines += [escape(paragraph), ""]
        lines += [f"* {escape(item)}" for item in items]
        lines += [""] if items else []
    for i in range(len(data.personas)):
        lines += _card(make_card(data, i))
    lines += ["## Explained and unexplained", "", escape(explained_text(data)), ""]
    head = ("", "coverage", "participants", "cases", "effect [95% interval]")
    rows = [(row["label"], *row["cells"]) for row in explained_rows(data)]
    lines += _table(head, rows)
    for table in selected_tables(data) or ():
        rows = [(" and ".join(r["names"]), *r["cells"]) for r in table["rows"]]
        head = (table["title"], "in the best rule", "in any kept rule", "false ones")
        lines += ["## Selection over half-samples", "", *_table(head, rows)]
    if data.reading is not None:
        lines += ["## How the table was read", ""]
        lines += [*(f"* {escape(note)}" for note in reading_notes(data)), ""]
    lines += ["## Methods", ""]
    for paragraph in methods(data):
        lines += [escape(paragraph), ""]
    rows = [(source, question, answer) for source, question, answer in checklist(data)]
    lines += ["## Checklist", "", *_table(("guideline", "question", "answer"), rows)]
    versions = ", ".join(f"{name} {v}" for name, v in data.versions.items())
    lines += ["## Versions", "", escape(versions), ""]
    return "\n".join(lines)


def _card(card):
    kind = card["kind"] + (", reversal" if card["reversal"] else "")
    lines = [f"## Persona {card['number']}: {kind} ({escape(card['claim'])})", ""]
    rows = [
        (
            r["variable"],
            r["text"],
            f"{r['low']} to {r['high']}" if r["bar"] else "-",
        )
        for r in card["ranges"]
    ]
    lines += _table(("variable", "persona range", "data range"), rows)
    if card["halves"]:
        counts = [*card["shares"], *card["tests"]["halves"]]
        rows = [(label, *texts) for label, texts in counts]
        lines += _table(("", *card["halves"]), rows)
        shown_rows = [(r["label"], r["text"]) for r in card["outcomes"]["rows"]]
        shown_rows += [
            (f"effect {r['label']}", r["text"]) for r in card["effects"]["rows"]
        ]
        shown_rows += card["tests"]["extra"]
        shown_rows.append(("corrected effect", card["corrected"] or "not computed"))
        lines += _table((card["outcomes"]["half"], "[95% interval]"), shown_rows)
    for doubt in card["doubts"]:
        lines += [f"**{escape(doubt)}**", ""]
    for other in card["alternatives"]:
        lines += [
            f"Also described by {escape(other['rule'])} (Jaccard "
            f"{other['agreement']}).",
            "",
        ]
    lines += [escape(line) + "  " for line in card["criteria"].split("\n")]
    return [*lines, ""]


def _table(head, rows):
    lines = [
        "| " + " | ".join(escape(cell) for cell in row) + " |" for row in (head, *rows)
    ]
    lines.insert(1, "|" + "---|" * len(head))
    return [*lines, ""]
