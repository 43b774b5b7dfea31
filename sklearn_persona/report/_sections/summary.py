"""The plain-language summary."""

import math

from sklearn_persona._claims.limits import (
    POWER,
    detectable,
    lowest_p_value,
    n_tests,
    smallest_p_value,
    tested_half,
)
from sklearn_persona._designs import DESIGNS
from sklearn_persona._text.evidence import tested_record
from sklearn_persona._text.numbers import (
    alike,
    count,
    estimate_words,
    number,
    p_equation,
    p_text,
    percent,
    plural,
    some,
)
from sklearn_persona._text.words import rule_text
from sklearn_persona.report._section import Section, escape
from sklearn_persona.report._sections.explained import together
from sklearn_persona.report._sections.reading import doubts
from sklearn_persona.report._sections.selection import splits_text

__all__ = ["SECTION", "headline", "summary"]


def headline(data):
    """The result in one sentence."""
    n, validation = data.n_confirmed, data.settings["validation"]
    if validation is None:
        return "Nothing was tested, so nothing is claimed."
    if validation == "repeated":
        found = data.trial_p_value < data.settings["alpha"]
        return (
            "Over many splits, the search "
            + ("finds" if found else "does not find")
            + " more in this trial than chance does."
        )
    lowest = lowest_p_value(data.limits)
    if lowest is not None:
        what = "arrangements of the arms exist"
        if lowest.reason == "permutations":
            what = "permutations were drawn"
        return f"No persona could have been confirmed: too few {what}."
    verb = "personas were confirmed" if n > 1 else "persona was confirmed"
    text = f"{some(n).capitalize()} {verb}."
    if n and data.settings["criterion"] == "effect":
        text += " That others respond differently was not shown."
    return text


def summary(data):
    """Sections of the summary.

    Parameters
    ----------
    data : ReportData

    Returns
    -------
    sections : list of tuple
        Heading, paragraphs and list items of each.
    """
    claims = [
        _claim(data, i, persona)
        for i, persona in enumerate(data.personas, 1)
        if persona.confirmed
    ]
    return [
        ("What was searched", _searched(data), []),
        ("What was confirmed", _confirmed(data), claims),
        ("What this trial could not have shown", [], _not_shown(data)),
    ]


def _searched(data):
    flow, half, search = data.flow, data.flow["training"], data.search
    low, high = data.settings["min_variables"], data.settings["max_variables"]
    length = plural(high, "variable") if low == high else f"{low} to {high} variables"
    text = (
        f"{count(search['n_candidates'])} rules of {length}, made from "
        f"{plural(flow['n_columns'], 'baseline variable')}, were searched in "
        f"{plural(half['n_units'], flow['unit'])}. "
    )
    if search["proven_optimal"]:
        text += "It is proven that no rule of this kind is better than those kept. "
    else:
        text += (
            "Better rules of this kind may exist: the search ended without a proof. "
        )
    kept = len(data.personas)
    if kept:
        text += f"{some(kept).capitalize()} {'was' if kept == 1 else 'were'} kept."
    else:
        text += "No rule had the required size and effect."
    paragraphs = [text]
    if half["effect"] is not None:
        value, ends = estimate_words(half["effect"], half["ci_effect"])
        paragraphs.append(
            f"In all of these {flow['unit']}s, the effect of {data.comparison} is "
            f"{value} ({ends}; positive is benefit)."
        )
    if not data.arms:
        paragraphs.append(
            "There was no comparison of treatments. A persona here differs from the "
            "rest in outcome, not in the effect of a treatment."
        )
    return paragraphs


def _confirmed(data):
    flow, validation = data.flow, data.settings["validation"]
    taken = sum(persona.holdout is not None for persona in data.personas)
    if validation is None:
        return [
            "The personas below describe the data that chose them. Their p values mean "
            "nothing by themselves: the best of that many rules looks good on pure "
            "noise."
        ]
    if validation == "repeated":
        return [
            f"{headline(data)} Its p value is {p_text(data.trial_p_value)}: twice the "
            "median, over "
            f"{data.settings['n_splits']} random splits, of the smallest adjusted p "
            "value. It is a p value of the whole procedure. Each split finds other "
            "personas, so none of those below is confirmed by it.",
            splits_text(data),
        ]
    lowest = lowest_p_value(data.limits)
    if lowest is not None:
        return [f"{headline(data)} {_hopeless(data, lowest)}"]
    if validation == "permutation":
        text = (
            "All participants chose the personas and tested them; the p values are "
            "adjusted for the whole search by permutation. "
        )
    elif flow["holdout"] is None:
        text = "There were too few participants for a holdout. "
    elif not data.personas:
        text = "There was nothing to test. "
    elif taken == 0:
        text = "None of them was tested in the holdout. "
    else:
        n = flow["holdout"]["n_units"]
        text = (
            f"{some(taken).capitalize()} of them "
            f"{'was' if taken == 1 else 'were'} tested in the other "
            f"{plural(n, flow['unit'])}, which had no part in the choice. "
        )
    paragraphs = [text + headline(data)]
    if any(p.train is not None and not p.train.randomised for p in data.personas):
        paragraphs.append(
            "The arms were not randomized: p values are approximate, and nothing "
            "accounts for confounders that were not measured."
        )
    covered = together(data)
    if covered is not None:
        paragraphs.append(covered)
    if data.n_confirmed == 0:
        paragraphs.append(
            "This does not show that everyone responds alike: see what this trial "
            "could not have shown."
        )
    else:
        paragraphs.append(
            "A confirmed persona is a finding about groups in this trial, to be tested "
            "in the next one. It does not tell which of its members respond."
        )
    return paragraphs


def _hopeless(data, lowest):
    """Why no persona could have been confirmed, whatever the outcomes."""
    where = f" in the {lowest.half} half" if lowest.half else ""
    advice = "more participants"
    if lowest.reason == "permutations":
        advice = f"more than n_permutations={data.settings['n_permutations']}"
    elif data.flow["n_strata"] > 1:
        advice = "larger strata, or more participants"
    return (
        f"The smallest p value that any persona could have{where}, whatever the "
        f"outcomes, is {p_text(lowest.value)}, and a claim needs one below "
        f"{data.settings['alpha']:g}. That requires {advice}. The personas below "
        "describe the data that chose them."
    )


def _claim(data, i, persona):
    record = tested_record(persona)
    text = (
        f"Persona {i}: {rule_text(persona.conditions)}. "
        f"{percent(record.coverage)} of the participants who tested it are members. "
    )
    if data.arms:
        text += f"Among them, the effect of {data.comparison} is "
    else:
        text += "Their mean outcome minus that of all others is "
    good = "benefit" if data.arms else "better"
    value, ends = estimate_words(record.effect, record.ci_effect)
    text += f"{value} ({ends}; positive is {good})"
    if data.arms:
        outside = alike(record.effect, record.effect_complement)[1]
        text += f"; among all others, it is {outside}"
    p_value = persona.p_adjusted_interaction
    if data.settings["criterion"] == "effect":
        p_value = persona.p_adjusted_members if data.arms else persona.p_adjusted
    text += f". Adjusted p value: {p_text(p_value)}."
    return " ".join([text, *_of_members(data, persona), *doubts(data, persona)])


def _of_members(data, persona):
    """What is shown of the effect in the members themselves."""
    if not data.arms or data.settings["criterion"] == "effect":
        return []
    p_members = p_equation(persona.p_adjusted_members)
    if persona.members_claim in ("benefit", "harm"):
        return [f"The treatment is shown to {_does(persona)} ({p_members})."]
    favorable = persona.direction == "favorable"
    return [
        f"Members have {'more' if favorable else 'less'} benefit than others; that the "
        f"treatment does anything in them is not shown ({p_members})."
    ]


def _does(persona):
    if persona.members_claim == "harm":
        return "harm the members on average"
    text = "benefit the members on average"
    if persona.direction == "unfavorable":
        text += ", though less than others"
    return text


def _not_shown(data):
    flow, unit = data.flow, data.flow["unit"]
    if tested_half(data.limits) is None:
        return ["Anything: nothing was tested."]
    if lowest_p_value(data.limits) is not None:
        return [
            "Any persona: no p value could have reached the level of "
            f"{data.settings['alpha']:g}."
        ]
    paragraphs = []
    for effect in detectable(data.limits):
        where = (
            f"in a persona with {percent(effect.share)} of the tested {unit}s "
            f"({effect.n_inside})"
        )
        if math.isinf(effect.inside):
            paragraphs.append(
                f"Anything {where}: its smallest possible p value is above the level "
                f"of {data.settings['alpha']:g}, {_shared(data)}."
            )
            continue
        what = "An effect" if data.arms else "A difference"
        text = (
            f"{what} below about {number(effect.inside, 2)} SD{_points(data, effect)} "
            f"{where}: it would have been significant at level "
            f"{data.settings['alpha']:g}, {_shared(data)}, with a "
            f"probability below {percent(POWER)}."
        )
        if data.arms:
            text += (
                " The same holds for a difference from the effect in everyone else "
                f"below about {number(effect.contrast, 2)} SD."
            )
        paragraphs.append(text)
    floor = smallest_p_value(data.limits)
    if floor is not None and floor < 1:
        what = plural(data.min_arm_size, unit)
        if DESIGNS[data.design].cases_per_unit == 1:
            what += " of each arm"
        paragraphs.append(
            f"A p value below {p_text(floor)} in the smallest persona allowed "
            f"({what}): too few arrangements of the arms exist."
        )
    untestable = sum(
        persona.claim == "not testable in the holdout" for persona in data.personas
    )
    if untestable:
        paragraphs.append(
            f"Anything about {plural(untestable, 'persona')} below: in the holdout, "
            "the smallest possible p value was above the threshold."
        )
    if DESIGNS[data.design].cases_per_unit > 1:
        paragraphs.append(
            "Who responds: one crossover cannot tell an individual's response from "
            "the variation between any two of their periods."
        )
    if flow["n_incomplete"]:
        paragraphs.append(
            f"Anything about the {plural(flow['n_incomplete'], 'participant')} without "
            "both arms."
        )
    paragraphs.append("That a variable in no persona has no influence on the effect.")
    return paragraphs


def _points(data, effect):
    """An effect in the units of the outcome, in brackets; "" if they are unknown."""
    if not effect.sd:
        return ""
    points = effect.inside * effect.sd
    if data.settings["response_threshold"] is None:
        return f" ({number(points)} in units of the outcome)"
    if points > 1:
        return " (more than response rates can differ)"
    return f" (a difference of {percent(points)} in response rates)"


def _shared(data):
    tests = n_tests(data.limits)
    if data.settings["validation"] == "permutation":
        return f"shared among {count(tests)} rules (the permutation test requires less)"
    return "in one test" if tests == 1 else f"shared among {some(tests)} tests"


def _values(data):
    return {"columns": summary(data)}


def _markdown(values):
    lines = []
    for heading, paragraphs, items in values["columns"]:
        lines += [f"## {heading}", ""]
        for paragraph in paragraphs:
            lines += [escape(paragraph), ""]
        lines += [f"* {escape(item)}" for item in items]
        lines += [""] if items else []
    return lines


SECTION = Section(
    "summary", "Summary", _values, template="summary.html.j2", markdown=_markdown
)
