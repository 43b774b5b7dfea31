"""The persona cards."""

import math

from sklearn_persona._text.numbers import between, p_text, percent
from sklearn_persona._text.numbers import number3 as number
from sklearn_persona._text.safe import one_line, shown
from sklearn_persona._text.stability import edge_spread, stability_rows
from sklearn_persona._text.words import arm_text, range_text, rule_text
from sklearn_persona.report._drawing import Axis, make_axis
from sklearn_persona.report._section import Section, escape, table_lines
from sklearn_persona.report._sections.reading import doubts

__all__ = ["SECTION", "halves_of"]

HALVES = {"train": "Training", "holdout": "Holdout"}


def _card(data, i):
    """Texts and places of one persona.

    Parameters
    ----------
    data : ReportData
    i : int
        Position in ``data.personas``.

    Returns
    -------
    card : dict
    """
    persona = data.personas[i]
    halves = halves_of(data, persona)
    last = halves[-1] if halves else None
    return {
        "number": i + 1,
        "column": f"persona{i}",
        "confirmed": persona.confirmed,
        "claim": persona.claim,
        "kind": persona.direction,
        "reversal": persona.reversal,
        "modalities": [shown(m) for m in persona.modalities],
        "ranges": [_range(c, edge_spread(persona, c)) for c in persona.conditions],
        "halves": [name for name, _ in halves],
        "shares": _shares(data, halves),
        "outcomes": last and _outcomes(data, *last),
        "effects": last and _effects(data, persona, *last),
        "tests": _tests(data, persona, halves),
        "corrected": _corrected(persona),
        "stability": stability_rows(persona),
        "doubts": doubts(data, persona),
        "alternatives": [_alternative(a) for a in persona.alternatives],
        "criteria": persona.to_text(),
        "exports": _exports(persona),
    }


def halves_of(data, persona):
    """Name and record of what is known; all cases where there was no split."""
    both = [(HALVES[half], getattr(persona, half)) for half in HALVES]
    known = [(name, record) for name, record in both if record is not None]
    if data.flow["holdout"] is None:
        known = [("All cases", record) for _, record in known]
    return known


def _range(condition, spread):
    """A variable's range within the range of the data, and the spread of its edges."""
    out = {
        "variable": shown(condition.label),
        "modality": shown(condition.modality) if condition.modality else None,
        "text": range_text(condition),
        "levels": None,
        "bar": None,
    }
    if condition.levels is not None:
        out["levels"] = [shown(level) for level in condition.levels]
        return out
    low, high = condition.data_low, condition.data_high
    if low is None or high is None or not high > low:
        return out
    axis = Axis(low, high)
    start = 0.0 if condition.low is None else axis.at(condition.low)
    end = 100.0 if condition.high is None else axis.at(condition.high)
    out |= {
        "low": number(low),
        "high": number(high),
        "bar": {
            "start": start,
            "width": round(max(end - start, 0.6), 2),
            "edges": [(axis.at(a), axis.at(b)) for a, b in spread],
        },
    }
    return out


def _shares(data, halves):
    """Rows of the table of counts: a label, and a text for each half."""
    arms = ("inside", "outside")
    if data.arms:
        arms = [arm_text(arm, 30) for arm in data.arms[::-1]]

    def units(record):
        if record.design == "crossover":
            return f"{record.n_treated} complete pairs"
        return f"{arms[0]}: {record.n_treated}, {arms[1]}: {record.n_control}"

    rows = {
        "share": lambda r: percent(r.coverage),
        "participants": lambda r: str(r.n_groups),
        "cases": lambda r: f"{r.n} of {r.total}",
        "units": units,
    }
    return [
        (label, [text(record) for _, record in halves]) for label, text in rows.items()
    ]


def _outcomes(data, half, record):
    """Mean outcome of each arm inside, with intervals."""
    arms = ("inside", "outside")
    if data.arms:
        arms = [arm_text(arm) for arm in data.arms[::-1]]
    sizes = (record.n_treated, record.n_control)
    means = (record.mean_treated, record.mean_control)
    pairs = (record.ci_treated, record.ci_control)
    rates = (record.rate_treated, record.rate_control)
    axis = make_axis([*means, *pairs[0], *pairs[1]])
    rows = []
    for k, side in enumerate(("treated", "control")):
        text = f"{number(means[k])} {between(pairs[k])}"
        if rates[k] is not None:
            text += f", {percent(rates[k])} respond"
        rows.append(
            {
                "label": arms[k],
                "n": f"n = {sizes[k]}",
                "side": side,
                "text": text,
                "mark": axis.mark(means[k], pairs[k]),
            }
        )
    return {"half": half, "rows": rows, "ticks": axis.labels, "zero": None}


def _effects(data, persona, half, record):
    """Effect inside, outside and in everyone of a half."""
    whole = data.flow["training" if half != "Holdout" else "holdout"]
    share = percent(record.coverage)
    rows = [("inside", share, record.effect, record.ci_effect)]
    if persona.effect_corrected is not None:
        corrected = persona.effect_corrected, persona.ci_corrected
        rows.append(("inside, corrected", share, *corrected))
    if data.arms:
        rest = percent(1 - record.coverage)
        rows.append(("outside", rest, record.effect_complement, None))
        rows.append(("everyone", "100%", whole["effect"], whole["ci_effect"]))
    axis = make_axis(
        [v for *_, effect, pair in rows for v in (effect, *(pair or ()))], zero=True
    )
    return {
        "half": half,
        "comparison": data.comparison,
        "unit": data.flow["unit"],
        "rows": [
            {
                "label": label,
                "n": covered,
                "side": "inside" if label.startswith("inside") else "other",
                "text": number(effect) + (f" {between(pair)}" if pair else ""),
                "mark": axis.mark(effect, pair),
            }
            for label, covered, effect, pair in rows
        ],
        "ticks": axis.labels,
        "zero": axis.at(0.0),
    }


def _tests(data, persona, halves):
    """Rows of the table of tests: a label, and a text for each half."""

    def row(label, text):
        return label, [text(record) for _, record in halves]

    rows = [row("Cohen's d", lambda r: number(r.effect_size))]
    rows.append(row("p value of the effect", lambda r: p_text(r.p_value)))
    rows.append(row("smallest possible p value", lambda r: p_text(r.p_floor)))
    if data.arms:
        rows.append(row("p inside against outside", lambda r: p_text(r.p_interaction)))
    # Whether the persona tells who profits, or who does well anyway.
    contrasts = [_contrasts(record) for _, record in halves]
    if all(contrasts):
        names = ("effect", *(f"under {arm_text(arm, 30)}" for arm in data.arms[::-1]))
        for k, name in enumerate(names):
            label = f"inside less outside, {name} [95% interval]"
            rows.append((label, [texts[k] for texts in contrasts]))
    if any(record.effect_period1 is not None for _, record in halves):
        rows.append(row("effect in period 1", lambda r: number(r.effect_period1)))
        rows.append(row("effect in period 2", lambda r: number(r.effect_period2)))
        rows.append(row("p of carry-over", lambda r: p_text(r.p_carryover)))
    extra = []
    if persona.effect_adjusted is not None:
        extra.append(("effect adjusted for prognosis", number(persona.effect_adjusted)))
    named = (
        ("adjusted p value", persona.p_adjusted),
        ("adjusted p value, inside against outside", persona.p_adjusted_interaction),
        ("p beyond earlier confirmed personas", persona.p_conditional),
    )
    extra += [(label, p_text(p)) for label, p in named if not math.isnan(p)]
    return {"halves": rows, "extra": extra}


def _contrasts(record):
    """Inside less outside: of the effect, and of the outcome of either arm."""
    if record.contrast is None:
        return None
    found = (
        (record.contrast, record.ci_contrast),
        (record.contrast_treated, record.ci_contrast_treated),
        (record.contrast_control, record.ci_contrast_control),
    )
    return [f"{number(value)} {between(pair)}" for value, pair in found]


def _corrected(persona):
    if persona.effect_corrected is None:
        return None
    text = number(persona.effect_corrected)
    if persona.ci_corrected is not None:
        text += f" {between(persona.ci_corrected)}"
    return text


def _alternative(alternative):
    text = f"{alternative.jaccard:.2f}"
    if alternative.jaccard_holdout is not None:
        text += f", holdout {alternative.jaccard_holdout:.2f}"
    return {"rule": rule_text(alternative.conditions), "agreement": text}


def _exports(persona):
    """The rule in other languages; what cannot be written says why."""
    out = []
    for label, write in (
        ("pandas query", persona.to_query),
        ("SQL", persona.to_sql),
        ("R", persona.to_r),
    ):
        try:
            text = write()
        except ValueError as error:
            text = f"Not available. {one_line(error)}"
        if one_line(text) != text:
            text = (
                "Not shown: a name holds line breaks or marks of direction. The "
                "methods of Persona write it."
            )
        out.append((label, text))
    return out


def _values(data):
    if not data.personas:
        return None
    return {
        "cards": [_card(data, i) for i in range(len(data.personas))],
        "good": "benefit" if data.arms else "better",
        "tested": data.settings["validation"] is not None,
    }


def _markdown(values):
    return [line for card in values["cards"] for line in _card_lines(card)]


def _card_lines(card):
    kind = card["kind"] + (", reversal" if card["reversal"] else "")
    lines = [f"## Persona {card['number']}: {kind} ({escape(card['claim'])})", ""]
    rows = [
        (
            r["variable"],
            r["text"],
            f"{r['low']} to {r['high']}" if r["bar"] else "-",
        )
        for r in card["ranges"]
    ]
    lines += table_lines(("variable", "persona range", "data range"), rows)
    if card["halves"]:
        counts = [*card["shares"], *card["tests"]["halves"]]
        rows = [(label, *texts) for label, texts in counts]
        lines += table_lines(("", *card["halves"]), rows)
        shown_rows = [(r["label"], r["text"]) for r in card["outcomes"]["rows"]]
        shown_rows += [
            (f"effect {r['label']}", r["text"]) for r in card["effects"]["rows"]
        ]
        shown_rows += card["tests"]["extra"]
        shown_rows.append(("corrected effect", card["corrected"] or "not computed"))
        lines += table_lines((card["outcomes"]["half"], "[95% interval]"), shown_rows)
    for doubt in card["doubts"]:
        lines += [f"**{escape(doubt)}**", ""]
    for other in card["alternatives"]:
        lines += [
            f"Also described by {escape(other['rule'])} (Jaccard "
            f"{other['agreement']}).",
            "",
        ]
    lines += [escape(line) + "  " for line in card["criteria"].split("\n")]
    return [*lines, ""]


SECTION = Section(
    "personas",
    "Personas",
    _values,
    template="personas.html.j2",
    markdown=_markdown,
)
