"""How the table was read, and variables that may not be baseline."""

from sklearn_persona._text.safe import shown
from sklearn_persona.report._section import Section

__all__ = ["SECTION", "doubts"]

# A note may list some columns.
LONGEST_NOTE = 1000


def doubts(data, persona):
    """Variables of a persona that may have been measured after treatment began.

    Parameters
    ----------
    data : ReportData
    persona : Persona

    Returns
    -------
    lines : list of str
    """
    suspects = {} if data.reading is None else data.reading["suspects"]
    return [
        f"{shown(c.label)} may have been measured after treatment began "
        f"({shown(suspects[c.label])}). If so, this persona is not a baseline "
        "subgroup, and its effect is biased."
        for c in persona.conditions
        if c.label in suspects
    ]


def _values(data):
    """Lines about how the table was read; None when that is not known."""
    if data.reading is None:
        return None
    return {"bullets": [shown(note, LONGEST_NOTE) for note in data.reading["notes"]]}


SECTION = Section("reading", "How the table was read", _values, link="Reading")
