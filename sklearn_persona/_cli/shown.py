"""Text for terminals, in which names from a file are only text."""

from dataclasses import replace

from sklearn_persona._text.card import card, columns
from sklearn_persona._text.evidence import evidence_lines
from sklearn_persona._text.safe import shown
from sklearn_persona._text.words import rule_text

__all__ = ["harmless", "record_lines", "safe_card"]


def harmless(persona):
    """A persona whose names and levels can be shown in a terminal.

    Parameters
    ----------
    persona : Persona

    Returns
    -------
    persona : Persona
    """

    def safe(conditions):
        return tuple(
            replace(
                c,
                name=shown(c.label),
                levels=c.levels and tuple(map(shown, c.levels)),
            )
            for c in conditions
        )

    return replace(
        persona,
        conditions=safe(persona.conditions),
        modalities=tuple(map(shown, persona.modalities)),
        alternatives=tuple(
            replace(a, conditions=safe(a.conditions)) for a in persona.alternatives
        ),
    )


def safe_card(persona, title):
    """The card of a persona, with harmless names."""
    return card(harmless(persona), title=title)


def record_lines(persona, record, more=()):
    """What another trial says of a persona, one line for each row.

    Parameters
    ----------
    persona : Persona
    record : Evidence
    more : sequence of tuple
        Further labels and texts.

    Returns
    -------
    lines : list of str
    """
    rows = [
        ("rule", rule_text(persona.conditions)),
        ("direction", persona.direction),
        *((line.label, *line.texts) for line in evidence_lines([record])),
        *more,
    ]
    return columns(rows)
