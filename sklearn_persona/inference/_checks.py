"""Argument checks shared by the statistics of this package."""

import math
from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state


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


def as_count(name, value, *, minimum=1):
    """Return `value` as an int of at least `minimum`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < minimum:
        raise ValueError(f"{name} must be an integer >= {minimum}, got {value!r}.")
    return int(value)


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

    Exact but for subnormal numbers, so squares and sums can neither overflow nor
    vanish: ``values == numpy.ldexp(scaled, exponent)``.
    """
    exponent = math.frexp(float(np.max(np.abs(values), initial=0.0)))[1]
    return np.ldexp(values, -exponent), exponent


def unscale(value, exponent):
    """Undo `rescale` for one number; what exceeds a double becomes infinite."""
    with np.errstate(over="ignore"):
        return float(np.ldexp(value, exponent))
