"""Argument checks of the data set functions."""

from math import isfinite
from numbers import Integral, Real

import numpy as np


def check_integer(name, value, *, low, high=None):
    """Return ``value`` as int, or raise ValueError unless low <= value <= high."""
    expected = f"an integer >= {low}" if high is None else f"an integer {low}..{high}"
    valid = isinstance(value, Integral) and not isinstance(value, bool)
    if not valid or value < low or (high is not None and value > high):
        raise ValueError(f"{name} must be {expected}; got {value!r}.")
    return int(value)


def check_real(name, value, *, low=None, high=None, open_low=False, open_high=False):
    """Return ``value`` as float, or raise ValueError unless finite and in range."""
    left = "-inf" if low is None else f"{low:g}"
    right = "inf" if high is None else f"{high:g}"
    left = ("(" if open_low or low is None else "[") + left
    right = right + (")" if open_high or high is None else "]")
    valid = isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)
    if valid and low is not None:
        valid = value > low if open_low else value >= low
    if valid and high is not None:
        valid = value < high if open_high else value <= high
    if not valid:
        raise ValueError(
            f"{name} must be a finite number in {left}, {right}; got {value!r}."
        )
    return float(value)


def check_flag(name, value):
    """Return ``value`` as bool, or raise ValueError when it is anything else."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False; got {value!r}.")
    return bool(value)
