"""The persona card as text: what the published card shows, in the contract's words."""

import math

__all__ = ["card"]

WIDTH = 26


def number(value, digits=4):
    """A number with few significant digits and no exponent where readable."""
    if value is None or math.isnan(value):
        return "-"
    if value == round(value) and abs(value) < 1e6:
        return str(round(value))
    if 1e-3 <= abs(value) < 1e6:
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        return f"{value:.{min(decimals, 6)}f}"
    return f"{value:.{digits - 1}g}"


def p_text(value):
    """A p value, never rounded down to zero."""
    if value is None or math.isnan(value):
        return "-"
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"


def interval(pair):
    """A confidence interval, or a dash when it is not known."""
    if any(math.isnan(v) for v in pair):
        return "[-]"
    return f"[{number(pair[0])}, {number(pair[1])}]"


def _range_text(condition):
    return str(condition).replace(condition.label, "x", 1)


def _data_range(condition):
    if condition.data_low is None:
        return ""
    return f"{number(condition.data_low)} to {number(condition.data_high)}"


def _rows(record):
    """Label and text of one half's evidence."""
    rows = {
        "cases": f"{record.n} of {record.total} ({record.coverage:.1%})",
        "participants": str(record.n_groups),
        "treated / control": f"{record.n_treated} / {record.n_control}",
        "mean treated [95 % CI]": f"{number(record.mean_treated)} "
        f"{interval(record.ci_treated)}",
        "mean control [95 % CI]": f"{number(record.mean_control)} "
        f"{interval(record.ci_control)}",
    }
    if record.rate_treated is not None:
        rows["response treated / control"] = (
            f"{record.rate_treated:.0%} / {number(record.rate_control * 100, 3)}%"
            if not math.isnan(record.rate_treated)
            else "-"
        )
    rows |= {
        "effect [95 % CI]": f"{number(record.effect)} {interval(record.ci_effect)}",
        "effect outside": number(record.effect_complement),
        "Cohen's d": number(record.effect_size),
        "p value (floor)": f"{p_text(record.p_value)} ({p_text(record.p_floor)})",
        "p inside v outside": p_text(record.p_interaction),
    }
    if record.effect_period1 is not None:
        rows["effect in period 1, 2"] = (
            f"{number(record.effect_period1)}, {number(record.effect_period2)}"
        )
        rows["p of carry-over"] = p_text(record.p_carryover)
    return rows


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
        if persona.holdout is not None:
            lines.append(f"  {'p adjusted':<{WIDTH + 2}}{p_text(persona.p_adjusted)}")
            lines.append(
                "  The training p value is of a selected rule; only the holdout tests "
                "it."
            )
    return "\n".join(line.rstrip() for line in lines)
