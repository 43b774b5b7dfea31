"""Comparisons within strata, and scores without what differs between strata."""

from typing import NamedTuple

import numpy as np

__all__ = [
    "Cell",
    "additive_residuals",
    "stratified",
    "stratum_weights",
    "without_strata",
]


class Cell(NamedTuple):
    """A sample whose weighted estimate is part of an effect.

    Attributes
    ----------
    units : ndarray of int
        Positions of its units.
    weight : float
    pool : int
        Cells of one pool (the strata of an arm) share a spread.
    """

    units: np.ndarray
    weight: float
    pool: int


def stratum_weights(sizes, weights):
    """Weights of strata with the least variance when all outcomes vary alike.

    Parameters
    ----------
    sizes : ndarray of shape (n_strata, n_cells)
        Units of each cell; strata with an empty cell get the weight 0.
    weights : sequence of float, shape (n_cells,)
        Of the cells in the effect within a stratum.

    Returns
    -------
    shares : ndarray of float64, shape (n_strata,)
        With sum 1; NaN when every stratum has an empty cell.

    Notes
    -----
    For two arms ``n_t * n_c / (n_t + n_c)`` (Mantel & Haenszel, 1959).
    """
    complete = (sizes > 0).all(axis=1)
    variance = (np.square(weights) / np.where(complete[:, None], sizes, 1)).sum(axis=1)
    shares = np.where(complete, 1 / variance, 0.0)
    with np.errstate(invalid="ignore"):
        return shares / shares.sum()


def stratified(cells, strata):
    """Divide the samples of one effect by stratum.

    Parameters
    ----------
    cells : list of (ndarray of bool, float)
        Samples and weights of an effect.
    strata : ndarray of int, shape (n_units,)
        Codes from 0.

    Returns
    -------
    cells : list of Cell
        One for each sample and stratum that has units in all samples; empty cells
        when there is no such stratum. A single sample is compared with nothing and
        stays whole.
    """
    n_strata = strata.max(initial=0) + 1
    masks, weights = zip(*cells)
    rows = [np.flatnonzero(mask) for mask in masks]
    if n_strata == 1 or len(cells) == 1:
        return [Cell(own, weights[k], k) for k, own in enumerate(rows)]
    sizes = np.column_stack(
        [np.bincount(strata[own], minlength=n_strata) for own in rows]
    )
    shares = stratum_weights(sizes, weights)
    out = []
    for k, (own, weight) in enumerate(zip(rows, weights)):
        by_stratum = own[np.argsort(strata[own], kind="stable")]
        parts = np.split(by_stratum, np.cumsum(sizes[:-1, k]))
        out += [
            Cell(part, weight * share, k)
            for part, share in zip(parts, shares)
            if share > 0
        ]
    return out or [Cell(own[:0], weight, k) for k, weight in enumerate(weights)]


def additive_residuals(score, arms, strata):
    """Scores without the mean of the stratum and the effect of the arm.

    Least squares on both; the arm is in the model because strata with other shares of
    treated would lose some of the effect with their means.

    Parameters
    ----------
    score : ndarray of float64, shape (n_units,)
    arms : sequence of ndarray of bool, shape (n_arms, n_units)
    strata : ndarray of int, shape (n_units,)

    Returns
    -------
    residuals : ndarray of float64, shape (n_units,)
    effects : ndarray of float64, shape (n_units,)
        That of each unit's arm, less that of the last arm.
    """
    counts = np.maximum(np.bincount(strata), 1)

    def centered(values):
        return values - (np.bincount(strata, weights=values) / counts)[strata]

    residuals = centered(score)
    indicators = np.array(arms[:-1], float).reshape(len(arms) - 1, len(score))
    if not len(indicators):
        return residuals, np.zeros(len(score))
    design = np.column_stack([centered(arm) for arm in indicators])
    effects = np.linalg.lstsq(design, residuals, rcond=None)[0]
    return residuals - design @ effects, effects @ indicators


def without_strata(score, arms, strata):
    """Scores without what differs between strata, on the same level.

    Parameters
    ----------
    score, arms, strata
        As in `additive_residuals`.

    Returns
    -------
    score : ndarray of float64, shape (n_units,)
    """
    residuals, effects = additive_residuals(score, arms, strata)
    return residuals + effects + (score.mean() - effects.mean())
