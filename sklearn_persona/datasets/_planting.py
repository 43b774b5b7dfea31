"""Planted conjunctions: how often they hold, who meets them, and missing values."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

# With 80 nodes the probability of a conjunction is accurate to about 1e-9 for the
# correlations used here, at most 0.6.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def conjunction_probability(upper, correlation, signs=None):
    """Probability that equicorrelated standard normals are all below their edges.

    Parameters
    ----------
    upper : array-like of shape (n_variables,)
        Upper edges, in standard deviations.
    correlation : float
        Correlation of any two variables, in [0, 1).
    signs : array-like of shape (n_variables,), default=None
        -1 for a variable whose sign is reversed; None is 1 for all.

    Returns
    -------
    float
        Probability that ``signs[j] * z[j] <= upper[j]`` for all j.
    """
    upper = np.asarray(upper, dtype=float)
    signs = np.ones_like(upper) if signs is None else np.asarray(signs, dtype=float)
    shared = np.sqrt(correlation) * np.outer(_NODES, signs)
    inside = ndtr((upper - shared) / np.sqrt(1.0 - correlation))
    return float(_WEIGHTS @ inside.prod(axis=1))


def shift_to_probability(upper, correlation, probability, signs=None):
    """Common shift of all edges that gives the conjunction a probability.

    Parameters
    ----------
    upper, correlation, signs
        As in :func:`conjunction_probability`.
    probability : float
        Wanted probability, in (0, 1).

    Returns
    -------
    float
        The shift, in standard deviations.
    """
    upper = np.asarray(upper, dtype=float)
    return brentq(
        lambda shift: (
            conjunction_probability(upper + shift, correlation, signs) - probability
        ),
        -12.0,
        12.0,
        xtol=1e-10,
    )


def meets(table, names, conditions):
    """Rows that meet every condition ``low < x <= high``; a NaN meets none.

    Parameters
    ----------
    table : ndarray of shape (n_samples, n_features)
    names : list of str of length n_features
    conditions : dict of str to (float, float)
        Column name to (low, high).

    Returns
    -------
    ndarray of shape (n_samples,), dtype bool
    """
    inside = np.ones(len(table), dtype=bool)
    for name, (low, high) in conditions.items():
        column = table[:, names.index(name)]
        inside &= (column > low) & (column <= high)
    return inside


def with_missing(table, rate, rng):
    """Copy of ``table`` with a share ``rate`` of the cells set to NaN at random.

    One uniform number is drawn for each cell at any rate, so cells that are missing at
    a lower rate are also missing at a higher one.
    """
    table = table.copy()
    table[rng.uniform(size=table.shape) < rate] = np.nan
    return table
