"""How the table was read, and which variables may be no baseline."""

from collections.abc import Mapping

from sklearn_persona._text.safe import shown

__all__ = ["check_reading", "doubts", "reading_notes"]

# A note may list some columns.
LONGEST_NOTE = 1000


def check_reading(reading):
    """What a report keeps of how its table was read, as plain values.

    Parameters
    ----------
    reading : mapping or None
        ``notes``, a list of str, and ``suspects``, a mapping of columns to reasons;
        either may be left out.

    Returns
    -------
    reading : dict or None

    Raises
    ------
    ValueError
        For anything else.
    """
    if reading is None:
        return None
    expected = (
        "reading must map 'notes' to a list of text and 'suspects' to a mapping of "
        "columns to reasons"
    )
    if not isinstance(reading, Mapping) or set(reading) - {"notes", "suspects"}:
        got = sorted(map(str, reading)) if isinstance(reading, Mapping) else reading
        raise ValueError(f"{expected}, got {shown(got)}.")
    notes, suspects = reading.get("notes", []), reading.get("suspects", {})
    if not isinstance(notes, list | tuple) or not isinstance(suspects, Mapping):
        raise ValueError(
            f"{expected}, got {type(notes).__name__} and {type(suspects).__name__}."
        )
    return {
        "notes": [str(note) for note in notes],
        "suspects": {str(name): str(reason) for name, reason in suspects.items()},
    }


def reading_notes(data):
    """Lines about how the table was read; None when nobody said.

    Parameters
    ----------
    data : ReportData

    Returns
    -------
    notes : list of str or None
    """
    if data.reading is None:
        return None
    return [shown(note, LONGEST_NOTE) for note in data.reading["notes"]]


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
        f"({shown(suspects[c.label])}). If it was, this persona is no baseline "
        "subgroup, and its effect is biased."
        for c in persona.conditions
        if c.label in suspects
    ]
