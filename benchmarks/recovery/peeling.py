"""Patient rule induction: boxes by peeling the transformed outcome."""

import math

import numpy as np

from benchmarks.recovery.regions import (
    Box,
    answer,
    everyone,
    make_units,
    transformed_outcome,
)

PEEL = 0.1
SUPPORT = 0.1
# A subgroup of more variables is no persona; PRIM itself has no limit.
MOST_VARIABLES = 4


def prim(trial, seed):
    """PRIM (Friedman & Fisher 1999) upwards and downwards; the best box of both.

    Peels a tenth at a time, down to a tenth of the units. The box of a trajectory is
    the one with the largest ``sqrt(size) * (mean - mean of all)``. Claims always.
    """
    units = make_units(trial)
    z = transformed_outcome(trial, units, seed)
    boxes = [peel(units.X, sign * (z - z.mean())) for sign in (1, -1)]
    boxes = [box for box in boxes if box.limits]
    if not boxes:
        return {"prim": everyone()}
    return {"prim": answer(boxes, units, lambda _: True)}


def peel(X, z):
    """Box with the largest ``sqrt(size) * mean(z)`` of one trajectory."""
    box, inside = Box(), np.ones(len(z), bool)
    best, best_value = box, 0.0
    least = max(math.ceil(SUPPORT * len(z)), 8)
    while True:
        step = _best_peel(X, z, inside, least, set(box.variables))
        if step is None:
            return best
        j, low, high = step
        box = box.refine(j, low, high)
        inside = inside & (X[:, j] > low) & (X[:, j] <= high)
        value = math.sqrt(inside.sum()) * z[inside].mean()
        if value > best_value:
            best, best_value = box, value


def _best_peel(X, z, inside, least, used):
    """The strip without which the mean is largest."""
    x, values = X[inside], z[inside]
    low_cuts = np.quantile(x, PEEL, axis=0, method="lower")
    high_cuts = np.quantile(x, 1 - PEEL, axis=0, method="higher")
    best, best_mean = None, -math.inf
    for kept, side in (((x > low_cuts), "low"), ((x < high_cuts), "high")):
        sizes = kept.sum(axis=0)
        means = values @ kept / np.maximum(sizes, 1)
        allowed = (sizes >= least) & (sizes < len(values))
        if len(used) >= MOST_VARIABLES:
            allowed &= np.isin(np.arange(X.shape[1]), list(used))
        if not allowed.any():
            continue
        j = int(np.argmax(np.where(allowed, means, -math.inf)))
        if means[j] <= best_mean:
            continue
        best_mean = means[j]
        if side == "low":
            best = (j, float(low_cuts[j]), math.inf)
        else:
            below = x[x[:, j] < high_cuts[j], j].max()
            best = (j, -math.inf, float((below + high_cuts[j]) / 2))
    return best
