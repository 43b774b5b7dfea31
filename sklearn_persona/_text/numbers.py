"""Numbers as papers print them."""

import math

__all__ = ["printed_interval", "printed_p"]


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
