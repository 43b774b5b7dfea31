"""Numbers for people."""

import math

__all__ = [
    "between",
    "count",
    "interval",
    "limit_text",
    "number",
    "number3",
    "p_text",
    "percent",
    "plural",
    "printed_interval",
    "printed_p",
    "some",
]


SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


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


def number3(value):
    """A measured number with three digits."""
    return number(value, 3)


def limit_text(value):
    """Shortest text that keeps six digits, without an exponent where readable."""
    if value == round(value) and abs(value) < 1e15:
        return str(round(value))
    return f"{value:.6g}"


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


def between(pair):
    """An interval, which may be unknown."""
    if pair is None or any(v is None for v in pair):
        return "[-]"
    if any(math.isnan(v) for v in pair):
        return "[-]"
    return f"[{number3(pair[0])}, {number3(pair[1])}]"


def percent(share):
    """A share as a percentage."""
    if share is None or share != share:
        return "-"
    return f"{share:.1%}".replace(".0%", "%")


def count(n):
    """A count with separated thousands, or three digits of a huge one."""
    return f"{n:,}" if n < 10**9 else f"{n:.3g}"


def some(n):
    """Small counts in words."""
    return SMALL[n] if n < len(SMALL) else count(n)


def plural(n, noun):
    """A count and its noun."""
    return f"{count(n)} {noun}" + ("" if n == 1 else "s")


def printed_interval(value, low, high, *, digits=2, factor=1):
    """``0.72 (0.61 to 0.83)``; without ends the value alone, without it nothing.

    Parameters
    ----------
    value, low, high : float
    digits : int
        Decimals.
    factor : float
        100 for percent.

    Returns
    -------
    text : str
    """
    if math.isnan(value):
        return ""
    texts = [f"{factor * number:.{digits}f}" for number in (value, low, high)]
    if math.isnan(low) or math.isnan(high):
        return texts[0]
    return f"{texts[0]} ({texts[1]} to {texts[2]})"


def printed_p(p):
    """``.034``, ``<.001``; nothing for NaN.

    Parameters
    ----------
    p : float

    Returns
    -------
    text : str
    """
    if math.isnan(p):
        return ""
    return "<.001" if p < 0.001 else f"{p:.3f}".lstrip("0")
