"""Checks of numeric arguments, and scaling that keeps their squares finite."""

import math
from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

__all__ = [
    "as_codes",
    "as_count",
    "as_flag",
    "as_generator",
    "as_probability",
    "as_real",
    "as_values",
    "rescale",
    "unscale",
]


def as_values(name, values, *, min_size=1):
    """Return `values` as a finite float array of shape (n,), or say what is wrong."""
    array = np.asarray(values, dtype=float)
    if array.ndim != 1:
        raise ValueError(
            f"{name} must be one-dimensional, got an array of shape {array.shape}."
        )
    if array.size < min_size:
        raise ValueError(
            f"{name} must hold at least {min_size} value(s), got {array.size}."
        )
    finite = np.isfinite(array)
    if not finite.all():
        position = int(np.flatnonzero(~finite)[0])
        raise ValueError(
            f"{name} must be finite, got {array[position]} at position {position} "
            f"({array.size - int(finite.sum())} such value(s)). Drop or impute them."
        )
    return array


def as_codes(name, labels, n):
    """Return integer codes (n,), numbered by first appearance, of `n` labels."""
    labels = np.asarray(labels)
    if labels.shape != (n,):
        raise ValueError(f"{name} must have shape ({n},), got {labels.shape}.")
    codes, _ = pd.factorize(labels)
    if codes.size and codes.min() < 0:
        raise ValueError(
            f"{name} must not be missing, got {int((codes < 0).sum())} missing "
            "label(s). Drop these rows or give them a label of their own."
        )
    return codes


def as_count(name, value, *, minimum=1, maximum=math.inf):
    """Return `value` as an int from `minimum` to `maximum`."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not (whole and minimum <= value <= maximum):
        bounds = f">= {minimum}" if maximum == math.inf else f"{minimum}..{maximum}"
        raise ValueError(f"{name} must be an integer {bounds}, got {value!r}.")
    return int(value)


def as_real(name, value, *, low=None, high=None, open_low=False, open_high=False):
    """Return `value` as a finite float in the range."""
    left = "-inf" if low is None else f"{low:g}"
    right = "inf" if high is None else f"{high:g}"
    left = ("(" if open_low or low is None else "[") + left
    right = right + (")" if open_high or high is None else "]")
    number = isinstance(value, Real) and not isinstance(value, bool)
    valid = number and math.isfinite(value)
    if valid and low is not None:
        valid = value > low if open_low else value >= low
    if valid and high is not None:
        valid = value < high if open_high else value <= high
    if not valid:
        raise ValueError(
            f"{name} must be a finite number in {left}, {right}, got {value!r}."
        )
    return float(value)


def as_flag(name, value):
    """Return `value`, True or False, as a bool."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False, got {value!r}.")
    return bool(value)


def as_probability(name, value):
    """Return `value` as a float strictly between 0 and 1."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < value < 1:
        raise ValueError(f"{name} must lie strictly between 0 and 1, got {value!r}.")
    return float(value)


def as_generator(random_state):
    """Return a numpy Generator from any kind of `random_state`.

    An integer seeds it directly; None and a RandomState are drawn from, so that
    ``numpy.random.seed`` keeps its usual meaning.
    """
    if isinstance(random_state, np.random.Generator):
        return random_state
    if isinstance(random_state, Integral) and not isinstance(random_state, bool):
        return np.random.default_rng(int(random_state))
    state = check_random_state(random_state)
    return np.random.default_rng(state.randint(np.iinfo(np.int32).max, size=4))


def rescale(values):
    """Return `values` times a power of two, at most 1 in size, and the exponent.

    Exact except for subnormal numbers. Squares and sums can then neither overflow
    nor vanish: ``values == numpy.ldexp(scaled, exponent)``.
    """
    exponent = math.frexp(float(np.max(np.abs(values), initial=0.0)))[1]
    return np.ldexp(values, -exponent), exponent


def unscale(value, exponent):
    """Undo `rescale` for one number; infinite if it exceeds a double."""
    with np.errstate(over="ignore"):
        return float(np.ldexp(value, exponent))
