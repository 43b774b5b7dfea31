"""Questions from guidelines on subgroups, with the answers that a fit can give."""

from sklearn_persona._text.evidence import tested_record
from sklearn_persona._text.numbers import (
    count,
    estimate_words,
    p_equation,
    p_text,
    plural,
    some,
)
from sklearn_persona._text.safe import shown
from sklearn_persona.report._section import Section, table_lines

__all__ = ["SECTION"]

SOURCES = {
    "ICEMAN": "Schandelmaier et al. (2020), CMAJ 192, E901",
    "PATH": "Kent et al. (2020), Annals of Internal Medicine 172, 35",
    "EMA 2019": "European Medicines Agency (2019), guideline on subgroups in "
    "confirmatory trials",
    "FDA 2019": "Food and Drug Administration (2019), guidance on enrichment",
    "CONSORT": "Schulz et al. (2010), BMJ 340, c332",
    "TRIPOD+AI": "Collins et al. (2024), BMJ 385, e078378",
}
AUTHORS = "For the authors"


def checklist(data):
    """Questions in the package's words, and answers.

    Parameters
    ----------
    data : ReportData

    Returns
    -------
    rows : list of tuple of str
        Guideline, question, answer.
    """
    flow, settings = data.flow, data.settings
    return [
        (
            "ICEMAN",
            "Was the direction of the difference stated before the data were seen?",
            f"No. Personas come from a search, in {data.directions}: exploratory.",
        ),
        (
            "ICEMAN",
            "Does earlier evidence support it?",
            f"{AUTHORS}: only this trial was read.",
        ),
        (
            "ICEMAN",
            "Does a test of interaction make chance an unlikely explanation?",
            _interaction(data),
        ),
        (
            "ICEMAN",
            "Were few modifiers tried, or was their number allowed for?",
            f"{plural(flow['n_columns'], 'variable')} and "
            f"{count(data.search['n_candidates'])} rules were tried. "
            f"{_allowed(data)}",
        ),
        (
            "ICEMAN",
            "Were the edges of continuous variables fixed independently of outcomes?",
            f"No: the search chose them. {_allowed(data)} {_edges(data)}",
        ),
        (
            "PATH",
            "Are effects given on the absolute scale, by group and arm?",
            "Yes: means (and response rates) of each arm inside, effects inside and "
            "outside, on the cards."
            if data.arms
            else "There are no arms.",
        ),
        (
            "PATH",
            "Was the finding checked in participants who did not lead to it?",
            _validated(data),
        ),
        (
            "EMA 2019",
            "What is the effect in the whole trial, against which to read subgroups?",
            _whole(data),
        ),
        (
            "EMA 2019",
            "Is the finding plausible, biologically and clinically?",
            f"{AUTHORS}.",
        ),
        (
            "EMA 2019",
            "Was it replicated in another trial?",
            f"{AUTHORS}: test the frozen criteria there (Persona.evaluate).",
        ),
        (
            "EMA 2019",
            "Do conclusions rest on enough participants in every cell?",
            _sizes(data),
        ),
        (
            "FDA 2019",
            "Can members be identified at baseline, by criteria a site can apply?",
            _measurable(data),
        ),
        (
            "CONSORT",
            "Is everyone accounted for, and are missing data described?",
            f"{plural(flow['n_rows'], 'case')} of "
            f"{plural(flow['n_participants'], 'participant')}, "
            f"{count(flow['n_incomplete'])} incomplete (flow). Cases without an "
            "outcome must be left out before the fit. Why they are missing: "
            f"{AUTHORS.lower()}.",
        ),
        (
            "CONSORT",
            "Were the arms randomized?",
            f"{AUTHORS}: the analysis assumes it."
            if settings.get("propensity") is None
            else "No: arms are exchanged within strata of a propensity score.",
        ),
        (
            "TRIPOD+AI",
            "Can the analysis be repeated?",
            "Versions and all parameters are below. "
            + (
                "No seed was set."
                if settings["random_state"] is None
                else f"Seed: {shown(settings['random_state'])}."
            ),
        ),
    ]


def _whole(data):
    half = data.flow["training"]
    if half["effect"] is None:
        return "No comparison of treatments."
    value, ends = estimate_words(half["effect"], half["ci_effect"])
    where = "training half" if data.flow["holdout"] else "trial"
    return f"{value} ({ends}) in the {where}; see the flow."


def _interaction(data):
    if not data.arms:
        return "There is no treatment, hence no interaction."
    if data.settings["criterion"] == "effect":
        return "Not required: criterion='effect' leaves the contrast out."
    confirmed = [p for p in data.personas if p.confirmed]
    if not confirmed:
        return "No persona was confirmed."
    texts = []
    for i, persona in enumerate(confirmed, 1):
        record = tested_record(persona)
        texts.append(
            f"persona {i}: {p_equation(record.p_interaction)}, adjusted "
            f"{p_text(persona.p_adjusted_interaction)}"
        )
    return f"{'; '.join(texts)}.".capitalize()


def _allowed(data):
    return {
        "holdout": "The holdout, which chose nothing, allows for it.",
        "permutation": "The permutation of the whole search allows for it.",
        "repeated": "The holdout of each split allows for it.",
        None: "Nothing allows for it.",
    }[data.settings["validation"]]


def _edges(data):
    if any(persona.stability for persona in data.personas):
        return "Their spread over resamples is on the cards."
    return "Their spread was not computed (n_resamples=0)."


def _validated(data):
    validation = data.settings["validation"]
    if validation == "permutation":
        return (
            "No: all participants chose and tested, with p values adjusted for the "
            "whole search."
        )
    if validation == "repeated":
        return "In many random splits, for the procedure as a whole."
    if validation is None or data.flow["holdout"] is None:
        return "No."
    taken = sum(persona.holdout is not None for persona in data.personas)
    return (
        f"Yes: {some(taken)} of the personas, in a holdout of "
        f"{plural(data.flow['holdout']['n_units'], data.flow['unit'])}."
    )


def _sizes(data):
    records = [
        (i, tested_record(persona))
        for i, persona in enumerate(data.personas, 1)
        if persona.confirmed
    ]
    if not records:
        return "No persona was confirmed."
    texts = []
    for i, record in records:
        inside = f"{record.n_treated} inside"
        if record.has_arms and record.cases_per_unit == 1:
            smaller = min(record.n_treated, record.n_control)
            inside = f"{smaller} in its smaller arm"
        texts.append(f"persona {i}: {inside}, {record.n_complement} outside")
    return f"{'; '.join(texts)}.".capitalize()


def _measurable(data):
    if not data.personas:
        return "There are no personas."
    others = sum(bool(persona.alternatives) for persona in data.personas)
    return (
        "The rules use only the variables that were given as baseline; the criteria "
        f"are on the cards. {some(others).capitalize() if others else 'None'} of "
        f"{plural(len(data.personas), 'persona')} {'have' if others > 1 else 'has'} "
        "another description with fewer or other variables. Feasibility at a site: "
        f"{AUTHORS.lower()}."
    )


def _values(data):
    return {"rows": checklist(data), "sources": SOURCES}


def _markdown(values):
    head = ("guideline", "question", "answer")
    return ["## Checklist", "", *table_lines(head, values["rows"])]


SECTION = Section(
    "checklist",
    "Checklist",
    _values,
    template="checklist.html.j2",
    markdown=_markdown,
)
