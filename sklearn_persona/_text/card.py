"""The card of a persona as text."""

from sklearn_persona._text.evidence import halves_of, notes, persona_lines
from sklearn_persona._text.numbers import number
from sklearn_persona._text.words import agreement_text, kind_text

__all__ = ["card", "columns"]


def _range_text(condition):
    return str(condition).replace(condition.label, "x", 1)


def _data_range(condition):
    if condition.data_low is None:
        return ""
    return f"{number(condition.data_low)} to {number(condition.data_high)}"


def _alternatives(persona):
    """Lines of the other descriptions of the members."""
    lines = []
    for alternative in persona.alternatives:
        start = "" if lines else "also described by:"
        agreement = agreement_text(alternative)
        lines.append(f"  {start:<20}{alternative.rule} (Jaccard {agreement})")
    return lines


def columns(rows):
    """Rows of text as aligned lines, indented by two blanks.

    Parameters
    ----------
    rows : list of sequence of str
        Of one length.

    Returns
    -------
    lines : list of str
    """
    widths = [max(map(len, column)) for column in zip(*rows)]
    return [
        "  " + "  ".join(f"{text:<{n}}" for text, n in zip(row, widths)).rstrip()
        for row in rows
    ]


def card(persona, title="Persona"):
    """Lay out a persona with its ranges and its evidence.

    Parameters
    ----------
    persona : Persona
    title : str

    Returns
    -------
    text : str
    """
    kind = kind_text(persona) + (", reversal" if persona.reversal else "")
    lines = [f"{title}: {kind} - {persona.claim}"]
    ranges = [(c.label, _range_text(c), _data_range(c)) for c in persona.conditions]
    lines += columns([("variable", "persona range", "data range"), *ranges])
    if len(persona.modalities) > 1:
        lines.append(f"  combines: {', '.join(persona.modalities)}")
    lines += _alternatives(persona)
    halves = halves_of(persona)
    if halves:
        rows = [(line.label, *line.texts) for line in persona_lines(persona)]
        lines += ["", *columns([("", *(name for name, _ in halves)), *rows])]
        lines += [f"  {note}" for note in notes(persona)]
    return "\n".join(lines)
