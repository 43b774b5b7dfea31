"""The persona card as text: what the published card shows, in the contract's words."""

from sklearn_persona._text.numbers import interval, number, p_text

__all__ = ["card"]

WIDTH = 26


def _range_text(condition):
    return str(condition).replace(condition.label, "x", 1)


def _data_range(condition):
    if condition.data_low is None:
        return ""
    return f"{number(condition.data_low)} to {number(condition.data_high)}"


def _rows(record):
    """Label and text of one half's evidence."""
    single = record.design == "single-arm"
    one, other = ("inside", "outside") if single else ("treated", "control")
    rows = {
        "cases": f"{record.n} of {record.total} ({record.coverage:.1%})",
        "participants": str(record.n_groups),
        f"{one} / {other}": f"{record.n_treated} / {record.n_control}",
        f"mean {one} [95 % CI]": f"{number(record.mean_treated)} "
        f"{interval(record.ci_treated)}",
        f"mean {other} [95 % CI]": f"{number(record.mean_control)} "
        f"{interval(record.ci_control)}",
    }
    if record.rate_treated is not None:
        rows[f"response {one} / {other}"] = (
            f"{record.rate_treated:.1%} / {record.rate_control:.1%}"
        )
    rows["effect [95 % CI]"] = f"{number(record.effect)} {interval(record.ci_effect)}"
    if not single:
        rows["effect outside"] = number(record.effect_complement)
    rows["Cohen's d"] = number(record.effect_size)
    rows["p value (floor)"] = f"{p_text(record.p_value)} ({p_text(record.p_floor)})"
    if not single:
        rows["p inside v outside"] = p_text(record.p_interaction)
    if record.contrast is not None:
        rows["inside - outside [95 % CI]"] = (
            f"{number(record.contrast)} {interval(record.ci_contrast)}"
        )
        for arm in ("treated", "control"):
            value = getattr(record, f"contrast_{arm}")
            pair = getattr(record, f"ci_contrast_{arm}")
            rows[f"members v others, {arm}"] = f"{number(value)} {interval(pair)}"
    if record.effect_period1 is not None:
        rows["effect in period 1, 2"] = (
            f"{number(record.effect_period1)}, {number(record.effect_period2)}"
        )
        rows["p of carry-over"] = p_text(record.p_carryover)
    return rows


def _footer(persona):
    """What stands below the two columns."""
    lines = []

    def row(label, text):
        lines.append(f"  {label:<{WIDTH + 2}}{text}")

    if persona.effect_adjusted is not None:
        half = "training" if persona.holdout is None else "holdout"
        row("effect, adjusted", f"{number(persona.effect_adjusted)} ({half})")
        lines.append(
            "  p values compare outcomes freed of the prognosis that baseline gives."
        )
    if not persona.train.randomised:
        lines.append(
            "  Not randomised: p values compare within propensity strata and are "
            "approximate."
        )
    if persona.effect_corrected is not None:
        text = f"{number(persona.effect_corrected)} {interval(persona.ci_corrected)}"
        row("effect, corrected [95 % CI]", text)
    if persona.stability is not None:
        held = persona.stability
        row(
            "in half-samples",
            f"mean Jaccard {held.jaccard:.2f}, "
            f"same variables {held.same_variables:.0%}",
        )
    if persona.holdout is not None:
        row("p adjusted", p_text(persona.p_adjusted))
        if persona.confirmed:
            row("p beyond earlier personas", p_text(persona.p_conditional))
        lines.append(
            "  The training p value is of a selected rule; only the holdout tests it."
        )
    return lines


def _alternatives(persona):
    """Lines of the other descriptions of the members."""
    lines = []
    for alternative in persona.alternatives:
        start = "" if lines else "also described by:"
        agreement = f"Jaccard {alternative.jaccard:.2f}"
        if alternative.jaccard_holdout is not None:
            agreement += f", holdout {alternative.jaccard_holdout:.2f}"
        lines.append(f"  {start:<20}{alternative.rule} ({agreement})")
    return lines


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
    kind = persona.direction + (", reversal" if persona.reversal else "")
    lines = [f"{title}: {kind} - {persona.claim}"]
    table = [("variable", "persona range", "data range")]
    table += [(c.label, _range_text(c), _data_range(c)) for c in persona.conditions]
    widths = [max(len(row[i]) for row in table) for i in range(2)]
    lines += [
        f"  {a:<{widths[0]}}  {b:<{widths[1]}}  {c}".rstrip() for a, b, c in table
    ]
    if len(persona.modalities) > 1:
        lines.append(f"  combines: {', '.join(persona.modalities)}")
    lines += _alternatives(persona)
    halves = [
        (name, _rows(record))
        for name, record in (("training", persona.train), ("holdout", persona.holdout))
        if record is not None
    ]
    if halves:
        lines.append("")
        widest = max(len(text) for _, rows in halves for text in rows.values())
        column = max(widest, len("training")) + 2
        lines.append(
            f"  {'':<{WIDTH + 2}}" + "".join(f"{name:<{column}}" for name, _ in halves)
        )
        for label in halves[0][1]:
            cells = "".join(f"{rows.get(label, '-'):<{column}}" for _, rows in halves)
            lines.append(f"  {label:<{WIDTH + 2}}{cells}".rstrip())
        lines += _footer(persona)
    return "\n".join(line.rstrip() for line in lines)
