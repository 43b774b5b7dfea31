"""Numbers for people: one format each for numbers, intervals, p values and shares."""

import math

__all__ = [
    "UNKNOWN",
    "alike",
    "count",
    "estimate",
    "estimate_words",
    "limit_text",
    "number",
    "p_equation",
    "p_text",
    "percent",
    "plural",
    "some",
]

UNKNOWN = "-"
# Significant digits of a number, and of half an interval's width.
DIGITS, WIDTH_DIGITS = 3, 2
MOST_DECIMALS = 6
SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def number(value, decimals=None):
    """A number with three significant digits; whole numbers as they are.

    Parameters
    ----------
    value : float or None
    decimals : int, optional
        Instead of significant digits.

    Returns
    -------
    text : str
        ``1.25``, ``12``, ``0.0345``; ``-`` for None and NaN.
    """
    if _is_unknown(value):
        return UNKNOWN
    if decimals is None and math.isfinite(value) and value == round(value):
        decimals = 0 if abs(value) < 1e9 else None
    elif decimals is None:
        decimals = _decimals(value)
    return _fixed(value, decimals)


def alike(*values):
    """Numbers with the same decimals: three significant digits of the largest.

    Parameters
    ----------
    *values : float or None

    Returns
    -------
    texts : list of str
        Of 1.25 and 0.0345 ``1.25`` and ``0.03``.
    """
    known = [v for v in values if not _is_unknown(v)]
    if all(math.isfinite(v) and v == round(v) for v in known):
        return [number(v) for v in values]
    decimals = _decimals(*known)
    return [UNKNOWN if _is_unknown(v) else _fixed(v, decimals) for v in values]


def estimate(value, pair, decimals=None):
    """An estimate and its interval, rounded alike.

    Parameters
    ----------
    value : float or None
    pair : tuple of float, or None
    decimals : int, optional
        By default three significant digits of the largest of the three numbers, and
        at least two of half the interval's width.

    Returns
    -------
    text : str
        ``1.25 (0.50 to 2.00)``; ``1.25 (-)`` when the interval is not known.
    """
    text, ends = _parts(value, pair, decimals)
    return UNKNOWN if text == UNKNOWN else f"{text} ({ends})"


def estimate_words(value, pair):
    """The two texts of `estimate`, for sentences.

    Parameters
    ----------
    value : float or None
    pair : tuple of float, or None

    Returns
    -------
    value, ends : str
        ``1.25`` and ``95% CI 0.50 to 2.00``, or ``95% CI unknown``.
    """
    text, ends = _parts(value, pair, None)
    return text, f"95% CI {'unknown' if ends == UNKNOWN else ends}"


def _parts(value, pair, decimals):
    """Value and ends, rounded alike."""
    known = pair is not None and not any(map(_is_unknown, pair))
    if decimals is None:
        numbers = [value, *pair] if known else [value]
        decimals = _decimals(*(v for v in numbers if not _is_unknown(v)))
        half = (pair[1] - pair[0]) / 2 if known else 0.0
        if decimals is not None and 0 < half < math.inf:
            places = WIDTH_DIGITS - 1 - math.floor(math.log10(half))
            decimals = min(max(decimals, places), MOST_DECIMALS)
    text = UNKNOWN if _is_unknown(value) else _fixed(value, decimals)
    ends = " to ".join(_fixed(v, decimals) for v in pair) if known else UNKNOWN
    return text, ends


def _is_unknown(value):
    return value is None or math.isnan(value)


def _decimals(*values):
    """Decimals that show three digits of the largest value; None for an exponent."""
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    if largest == 0:
        return 0
    if not 1e-4 <= largest < 1e9:
        return None
    return max(0, DIGITS - 1 - math.floor(math.log10(largest)))


def _fixed(value, decimals):
    # The z drops the sign of a zero.
    return f"{value:.{DIGITS}g}" if decimals is None else f"{value:z.{decimals}f}"


def limit_text(value):
    """Shortest text that keeps six digits, without an exponent where readable."""
    if value == round(value) and abs(value) < 1e15:
        return str(round(value))
    return f"{value:.6g}"


def p_text(value):
    """A p value with three decimals, below 0.1 with a fourth unless it is zero.

    Parameters
    ----------
    value : float or None

    Returns
    -------
    text : str
        ``0.234``, ``0.034``, ``0.0286``, ``< 0.0001``; ``-`` for None and NaN.
    """
    if _is_unknown(value):
        return UNKNOWN
    if value < 1e-4:
        return "< 0.0001"
    return f"{value:.3f}" if value >= 0.1 else f"{value:.4f}".removesuffix("0")


def p_equation(value):
    """A p value within a sentence: ``p = 0.0286``, ``p < 0.0001``."""
    text = p_text(value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def percent(share, decimals=1):
    """A share as a percentage, without a decimal that is zero."""
    if _is_unknown(share):
        return UNKNOWN
    return f"{share:.{decimals}%}".replace(".0%", "%")


def count(n):
    """A count with separated thousands, or three digits of a huge one."""
    return f"{n:,}" if n < 10**9 else f"{n:.3g}"


def some(n):
    """A small count in words."""
    return SMALL[n] if n < len(SMALL) else count(n)


def plural(n, noun):
    """A count and its noun."""
    return f"{count(n)} {noun}" + ("" if n == 1 else "s")
