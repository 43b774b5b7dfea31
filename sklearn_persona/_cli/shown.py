"""Text for terminals, in which names from a file are harmless."""

from dataclasses import replace

from sklearn_persona._text.card import card
from sklearn_persona._text.numbers import interval, number, p_text, plural
from sklearn_persona._text.safe import shown
from sklearn_persona._text.words import rule_text

__all__ = ["evidence_lines", "harmless", "reading_lines", "safe_card"]


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


def evidence_lines(persona, record):
    """Evidence from another trial, one entry per line.

    Parameters
    ----------
    persona : Persona
    record : Evidence

    Returns
    -------
    lines : list of str
    """
    single = record.design == "single-arm"
    one, other = ("inside", "outside") if single else ("treated", "control")
    rows = {
        "rule": rule_text(persona.conditions),
        "direction": persona.direction,
        "cases inside": f"{record.n} of {record.total} ({record.coverage:.1%})",
        f"{one} / {other}": f"{record.n_treated} / {record.n_control}",
        "means": f"{number(record.mean_treated)} / {number(record.mean_control)}",
        "effect [95 % CI]": f"{number(record.effect)} {interval(record.ci_effect)}",
    }
    if not single:
        rows["effect outside"] = number(record.effect_complement)
    rows["Cohen's d"] = number(record.effect_size)
    rows["p value (floor)"] = f"{p_text(record.p_value)} ({p_text(record.p_floor)})"
    if not single:
        rows["p inside v outside"] = p_text(record.p_interaction)
    return [f"  {label:<20}{text}" for label, text in rows.items()]
