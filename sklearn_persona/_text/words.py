"""Words for arms, ranges, rules and agreement."""

from sklearn_persona._text.numbers import limit_text, number
from sklearn_persona._text.safe import shown

__all__ = ["agreement_text", "arm_text", "kind_text", "range_text", "rule_text"]


def agreement_text(alternative):
    """How well another description agrees with a persona, in training and holdout."""
    text = number(alternative.jaccard, 2)
    if alternative.jaccard_holdout is not None:
        text += f", holdout {number(alternative.jaccard_holdout, 2)}"
    return text


def arm_text(label, longest=40):
    """The label of an arm; 1 becomes "arm 1", so that it does not read as a count."""
    text = shown(label, longest)
    return text if any(c.isalpha() for c in text) else f"arm {text}"


def kind_text(persona):
    """The direction of a persona, and what is shown of its members.

    Parameters
    ----------
    persona : Persona

    Returns
    -------
    text : str
        "favorable" or "unfavorable", with the meaning in brackets.
    """
    record = persona.train if persona.holdout is None else persona.holdout
    favorable = persona.direction == "favorable"
    if record is None:
        return persona.direction
    if not record.has_arms:
        meaning = f"{'better' if favorable else 'worse'} outcome than others"
    elif (favorable, persona.members_claim) in ((True, "benefit"), (False, "harm")):
        meaning = persona.members_claim
    else:
        meaning = f"{'more' if favorable else 'less'} benefit than others"
    return f"{persona.direction} ({meaning})"


def range_text(condition):
    """The range of a condition, without its variable."""
    if condition.levels is not None:
        return ", ".join(shown(level) for level in condition.levels)
    if condition.low is None:
        return f"≤ {limit_text(condition.high)}"
    if condition.high is None:
        return f"> {limit_text(condition.low)}"
    return f"> {limit_text(condition.low)} and ≤ {limit_text(condition.high)}"


def rule_text(conditions):
    """Conditions as one line."""
    parts = []
    for condition in conditions:
        sign = ""
        if condition.levels is not None:
            sign = "is " if len(condition.levels) == 1 else "is one of "
        parts.append(f"{shown(condition.label)} {sign}{range_text(condition)}")
    return " and ".join(parts)
