"""Rows of evidence: one list for card, terminal, report, Markdown and notebook.

A new field of `Evidence` or `Persona` is shown everywhere by one entry in the lists.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sklearn_persona._text.numbers import (
    UNKNOWN,
    alike,
    count,
    estimate,
    number,
    p_text,
    percent,
)

__all__ = [
    "Line",
    "brief_titles",
    "evidence_lines",
    "halves_of",
    "notes",
    "persona_lines",
    "tested_record",
]

ARMS = ("treated", "control")
SIDES = ("inside", "outside")


@dataclass(frozen=True)
class Row:
    """How a row is made.

    Attributes
    ----------
    group : {"members", "outcome", "effect", "test", "claim", "stability"}
    label : str
        ``{arms}`` stands for all arms; ``{arm}`` makes a row for each of them.
    text : callable
        Takes the record, and with ``{arm}`` also "treated" or "control". Returns a
        text, or None where the record has nothing to say.
    brief : bool
        Whether short tables show it too; for rows with one label only.
    """

    group: str
    label: str
    text: Callable
    brief: bool = False


@dataclass(frozen=True)
class Line:
    """A row with its texts, one for each half.

    Attributes
    ----------
    group, label : str
    texts : tuple of str
    """

    group: str
    label: str
    texts: tuple


def _both(record, name):
    """A field of each arm, as a share."""
    values = [getattr(record, f"{name}_{arm}") for arm in ARMS]
    return None if values[0] is None else " / ".join(map(percent, values))


def _with_interval(record, name):
    value = getattr(record, name)
    return None if value is None else estimate(value, getattr(record, f"ci_{name}"))


def _between_arms(text):
    """A row of designs that compare arms."""
    return lambda record: text(record) if record.has_arms else None


def _is_paired(record):
    return record.cases_per_unit > 1


# Of one half, or of another trial.
EVIDENCE = (
    Row("members", "coverage", lambda r: percent(r.coverage), brief=True),
    Row("members", "participants", lambda r: count(r.n_groups)),
    Row("members", "cases", lambda r: f"{count(r.n)} of {count(r.total)}"),
    Row(
        "members",
        "complete pairs",
        lambda r: count(r.n_treated) if _is_paired(r) else None,
    ),
    Row(
        "members",
        "units, {arms}",
        lambda r: None if _is_paired(r) else f"{r.n_treated} / {r.n_control}",
    ),
    Row(
        "outcome",
        "mean, {arm} (95% CI)",
        lambda r, arm: estimate(getattr(r, f"mean_{arm}"), getattr(r, f"ci_{arm}")),
    ),
    Row("outcome", "response rate, {arms}", lambda r: _both(r, "rate")),
    Row(
        "effect",
        "effect (95% CI)",
        lambda r: estimate(r.effect, r.ci_effect),
        brief=True,
    ),
    Row(
        "effect",
        "effect outside",
        _between_arms(lambda r: alike(r.effect, r.effect_complement)[1]),
        brief=True,
    ),
    Row(
        "effect",
        "inside minus outside (95% CI)",
        lambda r: _with_interval(r, "contrast"),
    ),
    Row(
        "effect",
        "inside minus outside, {arm}",
        lambda r, arm: _with_interval(r, f"contrast_{arm}"),
    ),
    Row(
        "effect",
        "effect in period 1 / 2",
        lambda r: (
            None
            if r.effect_period1 is None
            else " / ".join(alike(r.effect_period1, r.effect_period2))
        ),
    ),
    Row(
        "effect",
        "inside minus outside, period 1 (95% CI)",
        lambda r: _with_interval(r, "contrast_period1"),
    ),
    Row("effect", "Cohen's d", lambda r: number(r.effect_size)),
    Row("test", "p value", lambda r: p_text(r.p_value)),
    Row("test", "smallest possible p value", lambda r: p_text(r.p_floor)),
    Row(
        "test",
        "p value, inside minus outside",
        _between_arms(lambda r: p_text(r.p_interaction)),
    ),
    Row(
        "test",
        "p value, inside minus outside, period 1",
        lambda r: (
            None if r.p_interaction_period1 is None else p_text(r.p_interaction_period1)
        ),
    ),
    Row(
        "test",
        "p value of carry-over",
        lambda r: None if r.effect_period1 is None else p_text(r.p_carryover),
    ),
)
# Of the persona as a whole.
CLAIM = (
    Row(
        "claim",
        "effect adjusted for prognosis",
        lambda p: None if p.effect_adjusted is None else number(p.effect_adjusted),
    ),
    Row(
        "claim",
        "corrected effect (95% CI)",
        lambda p: (
            None
            if p.effect_corrected is None
            else estimate(p.effect_corrected, p.ci_corrected)
        ),
    ),
    Row("claim", "adjusted p value", lambda p: _known_p(p.p_adjusted), brief=True),
    Row(
        "claim",
        "adjusted p, inside minus outside",
        lambda p: _known_p(p.p_adjusted_interaction),
    ),
    Row("claim", "adjusted p, effect inside", lambda p: _known_p(p.p_adjusted_members)),
    Row("claim", "p beyond earlier personas", lambda p: _known_p(p.p_conditional)),
    Row(
        "stability",
        "mean Jaccard in half-samples",
        lambda p: None if p.stability is None else number(p.stability.jaccard, 2),
    ),
    Row(
        "stability",
        "same variables in half-samples",
        lambda p: None if p.stability is None else percent(p.stability.same_variables),
    ),
)


def _known_p(value):
    return None if value != value else p_text(value)


def _variants(row, names):
    """Label, and arguments of the text, of each row that an entry makes."""
    if "{arm}" not in row.label:
        return [(row.label.format(arms=" / ".join(names)), ())]
    return [(row.label.format(arm=name), (arm,)) for name, arm in zip(names, ARMS)]


def evidence_lines(records, arms=ARMS):
    """Rows of one record or of several side by side.

    Parameters
    ----------
    records : sequence of Evidence
    arms : tuple of str
        Names of the treated and of the control arm. A single arm has none: its rows
        compare inside and outside.

    Returns
    -------
    lines : list of Line
        Rows about which no record says anything are left out.
    """
    if not records:
        return []
    names = arms if records[0].has_arms else SIDES
    lines = []
    for row in EVIDENCE:
        for label, given in _variants(row, names):
            texts = [row.text(record, *given) for record in records]
            if any(text is not None for text in texts):
                shown = tuple(text or UNKNOWN for text in texts)
                lines.append(Line(row.group, label, shown))
    return lines


def halves_of(persona):
    """Name and record of each half that measured a persona.

    Parameters
    ----------
    persona : Persona

    Returns
    -------
    halves : list of tuple
    """
    both = (("training", persona.train), ("holdout", persona.holdout))
    return [(name, record) for name, record in both if record is not None]


def tested_record(persona):
    """The record that tests a persona: of the holdout, else of training, else None."""
    return persona.train if persona.holdout is None else persona.holdout


def persona_lines(persona, arms=ARMS):
    """Rows of all halves, then those of the persona as a whole in the last column.

    Parameters
    ----------
    persona : Persona
    arms : tuple of str

    Returns
    -------
    lines : list of Line
    """
    halves = halves_of(persona)
    lines = evidence_lines([record for _, record in halves], arms)
    before = ("",) * (len(halves) - 1)
    for row in CLAIM:
        text = row.text(persona)
        if text is not None:
            lines.append(Line(row.group, row.label, (*before, text)))
    return lines


def brief_titles():
    """Labels of the rows that short tables show."""
    return [row.label for row in (*EVIDENCE, *CLAIM) if row.brief]


def notes(persona):
    """What a reader of the rows must know, a sentence each.

    Parameters
    ----------
    persona : Persona

    Returns
    -------
    notes : list of str
    """
    found = []
    if persona.effect_adjusted is not None:
        found.append(
            "p values compare outcomes minus their prediction from baseline variables."
        )
    if persona.train is not None and not persona.train.randomised:
        found.append(
            "Not randomized: p values compare within propensity strata and are "
            "approximate."
        )
    if persona.holdout is not None:
        found.append(
            "The training p value belongs to a rule chosen for it; only the holdout "
            "tests."
        )
    return found
