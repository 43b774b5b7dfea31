"""Text for terminals, in which names from a file are harmless."""

from dataclasses import replace

from sklearn_persona._text.card import card, columns
from sklearn_persona._text.evidence import evidence_lines
from sklearn_persona._text.numbers import plural
from sklearn_persona._text.safe import shown
from sklearn_persona._text.words import rule_text

__all__ = ["harmless", "reading_lines", "record_lines", "safe_card"]


def harmless(persona):
    """A persona whose names and levels are safe to show in a terminal.

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


def reading_lines(trial):
    """How a trial was read, one entry per line.

    Parameters
    ----------
    trial : Trial

    Returns
    -------
    lines : list of str
    """
    account = trial.account
    return [
        f"{shown(trial.path, 200)}: {plural(account.n_rows, 'row')} analyzed",
        *(f"  {line}" for line in account.lines()),
    ]


def record_lines(persona, record, more=()):
    """Evidence from another trial, one entry per line.

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
