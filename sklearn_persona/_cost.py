"""How long an exact search will take, from a probe of its tree."""

import time

import numpy as np

__all__ = ["predicted_seconds"]

PROBES = 24
# Below so many candidates times words no search is long enough for a probe.
FEW_CANDIDATES = 5e9


def predicted_seconds(column, selectors, threshold, settings):
    """Estimate the time of one search for the best rule on one thread.

    The tree is sampled as by Knuth (1975): a few branches are followed, the number
    of children that the bound leaves is counted at each level, and the time of a
    bound and of a value is measured on the way.

    Parameters
    ----------
    column : Column
    selectors : Selectors
    threshold : float
        Squared value of the incumbent.
    settings : SearchSettings

    Returns
    -------
    seconds : float
    """
    n_words = column.bits.shape[1]
    if selectors.n_candidates(settings.max_variables) * n_words < FEW_CANDIDATES:
        return 0.0
    rng = np.random.RandomState(0)
    start = time.monotonic()
    bounds = column.bound(column.bits)
    per_bound = (time.monotonic() - start) / len(bounds)
    order = np.argsort(-bounds, kind="stable")
    roots = order[bounds[order] >= threshold]
    some = column.bits[roots[:50]]
    if not len(some):
        return 0.0
    start = time.monotonic()
    column.evaluate(some)
    per_value = (time.monotonic() - start) / (len(some) * len(bounds))

    n = len(roots)
    if settings.max_variables <= 2:
        return n * n / 2 * per_value
    seconds = n * n / 2 * per_bound
    total = 0.0
    for _ in range(PROBES):
        total += _branch(
            column,
            selectors,
            roots,
            threshold,
            settings.max_variables,
            per_bound,
            per_value,
            rng,
        )
    return seconds + n * total / PROBES


def _branch(column, selectors, roots, threshold, depth, per_bound, per_value, rng):
    """Time below one random root, scaled from one random path."""
    items, extents = roots, column.bits[roots]
    weight, seconds = 1.0, 0.0
    for level in range(2, depth):
        i = rng.randint(len(items))
        other = selectors.feature[items[:i]] != selectors.feature[items[i]]
        children = extents[:i][other] & extents[i]
        bounds = column.bound(np.ascontiguousarray(children))
        if level > 2:
            seconds += weight * len(children) * per_bound
        keep = np.flatnonzero(bounds >= threshold)
        keep = keep[np.argsort(-bounds[keep], kind="stable")]
        if not len(keep):
            return seconds
        items, extents = items[:i][other][keep], children[keep]
        if level + 1 == depth:
            return seconds + weight * len(keep) ** 2 / 2 * per_value
        weight *= len(keep)
    return seconds
