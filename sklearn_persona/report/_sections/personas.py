"""The persona cards."""

from sklearn_persona._text.evidence import Line, halves_of, notes, persona_lines
from sklearn_persona._text.numbers import alike, estimate, number, percent
from sklearn_persona._text.safe import one_line, shown
from sklearn_persona._text.stability import edge_spread, stability_rows
from sklearn_persona._text.words import (
    agreement_text,
    arm_text,
    kind_text,
    range_text,
    rule_text,
)
from sklearn_persona.report._drawing import Axis, make_axis
from sklearn_persona.report._section import Section, escape, table_lines
from sklearn_persona.report._sections.reading import doubts

__all__ = ["SECTION", "half_name"]


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
    halves = [(half_name(data, half), r) for half, r in halves_of(persona)]
    last = halves[-1] if halves else None
    lines = _lines(data, persona, [half for half, _ in halves_of(persona)])
    return {
        "number": i + 1,
        "column": f"persona{i}",
        "confirmed": persona.confirmed,
        "claim": persona.claim,
        "kind": kind_text(persona),
        "reversal": persona.reversal,
        "modalities": [shown(m) for m in persona.modalities],
        "ranges": [_range(c, edge_spread(persona, c)) for c in persona.conditions],
        "halves": [name for name, _ in halves],
        "members": [line for line in lines if line.group == "members"],
        "outcomes": last and _outcomes(data, *last),
        "effects": last and _effects(data, persona, *last),
        "evidence": [line for line in lines if line.group != "members"],
        "notes": notes(persona),
        "stability": stability_rows(persona),
        "doubts": doubts(data, persona),
        "alternatives": [
            {"rule": rule_text(a.conditions), "agreement": agreement_text(a)}
            for a in persona.alternatives
        ],
        "criteria": persona.to_text(),
        "exports": _exports(persona),
    }


def half_name(data, half):
    """What a half is called; all cases where there was no split."""
    return "All cases" if data.flow["holdout"] is None else half.capitalize()


def _arms(data):
    """Names of the treated and of the control arm."""
    if not data.arms:
        return ("inside", "outside")
    return tuple(arm_text(arm, 30) for arm in data.arms[::-1])


def _lines(data, persona, halves):
    """Rows of evidence, with the effect in everyone, and what was not computed."""
    lines = persona_lines(persona, _arms(data))
    if data.arms and lines:
        whole = [data.flow[half] for half in halves]
        texts = tuple(estimate(each["effect"], each["ci_effect"]) for each in whole)
        labels = [line.label for line in lines]
        at = labels.index("effect outside") + 1
        lines.insert(at, Line("effect", "effect in everyone (95% CI)", texts))
    if lines and persona.effect_corrected is None:
        before = ("",) * (len(halves) - 1)
        text = "not computed (n_resamples=0)"
        lines.append(Line("claim", "corrected effect (95% CI)", (*before, text)))
    return lines


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


def _outcomes(data, half, record):
    """Mean outcome of each arm inside, with intervals."""
    arms = _arms(data)
    sizes = (record.n_treated, record.n_control)
    means = (record.mean_treated, record.mean_control)
    pairs = (record.ci_treated, record.ci_control)
    rates = (record.rate_treated, record.rate_control)
    axis = make_axis([*means, *pairs[0], *pairs[1]])
    rows = []
    for k, side in enumerate(("treated", "control")):
        text = estimate(means[k], pairs[k])
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
                "text": estimate(effect, pair)
                if pair
                else alike(record.effect, effect)[1],
                "mark": axis.mark(effect, pair),
            }
            for label, covered, effect, pair in rows
        ],
        "ticks": axis.labels,
        "zero": axis.at(0.0),
    }


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
        rows = [(line.label, *line.texts) for line in card["members"]]
        rows += [(line.label, *line.texts) for line in card["evidence"]]
        lines += table_lines(("", *card["halves"]), rows)
        for note in card["notes"]:
            lines += [escape(note), ""]
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
