"""Names and numbers as they stand in a report."""

import math
import unicodedata

from sklearn_persona._persona.languages import limit_text, one_line
from sklearn_persona._text import card as _card
from sklearn_persona._text.card import p_text

__all__ = [
    "arm_text",
    "between",
    "count",
    "number",
    "p_text",
    "percent",
    "plural",
    "range_text",
    "rule_text",
    "shorten",
    "shown",
    "some",
]

LONGEST_NAME = 72
# First strong isolate, and its end: a name written from right to left turns nothing
# but itself.
ISOLATE, END = "\u2068", "\u2069"
SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def shown(text, longest=LONGEST_NAME):
    """A name of the user's as one line of bearable length.

    Parameters
    ----------
    text : object
    longest : int
        What is longer loses its middle, so that names that differ at either end
        still do.

    Returns
    -------
    name : str
    """
    line = shorten(one_line(text), longest)
    if any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in line):
        return f"{ISOLATE}{line}{END}"
    return line


def arm_text(label, longest=40):
    """The label of an arm; a number is called arm 1, so that it is no count."""
    text = shown(label, longest)
    return text if any(c.isalpha() for c in text) else f"arm {text}"


def number(value):
    """A measured number with three digits."""
    return _card.number(value, 3)


def shorten(line, longest=LONGEST_NAME):
    """A line without its middle, where it is too long."""
    if len(line) <= longest:
        return line
    head = longest * 2 // 3
    return f"{line[:head]} … {line[len(line) - (longest - head - 3) :]}"


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


def percent(share):
    """A share as a percentage."""
    if share is None or share != share:
        return "-"
    return f"{share:.1%}".replace(".0%", "%")


def between(pair):
    """An interval, which may be unknown."""
    if pair is None or any(v is None for v in pair):
        return "[-]"
    if any(math.isnan(v) for v in pair):
        return "[-]"
    return f"[{number(pair[0])}, {number(pair[1])}]"


def count(n):
    """A count with separated thousands, or three digits of a huge one."""
    return f"{n:,}" if n < 10**9 else f"{n:.3g}"


def some(n):
    """Small counts in words."""
    return SMALL[n] if n < len(SMALL) else count(n)


def plural(n, noun):
    """A count and its noun."""
    return f"{count(n)} {noun}" + ("" if n == 1 else "s")
