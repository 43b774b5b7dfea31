"""Predicted times of an exact search, by cubes and by branch and bound."""

import time

import numpy as np

from sklearn_persona._search._kernel import available_isas

__all__ = [
    "cube_seconds",
    "least_bit_seconds",
    "predicted_seconds",
    "quick_seconds",
]

PROBES = 24
# With fewer candidates times words than this no search is long enough for a probe.
FEW_CANDIDATES = 2e8
# Most tuples of features that are listed, 24 bytes each.
MOST_TUPLES = 2**23
# Seconds on one thread, by `python benchmarks/cost_constants.py`: per row in the cubes
# of one tuple, per tuple, per rule in one direction; per row in one value or bound of
# the branch and bound, and per value or bound in addition to its rows.
CUBE_ROW, CUBE_TUPLE, CUBE_RULE = 1e-9, 2e-7, 6e-9
VALUE_ROW, BOUND_ROW, BIT_RULE = 2e-10, 1.6e-9, 5e-8
# The same with vectors, up to this many rows; most bounds are the quick ones, which
# take a third of the time that the benchmark prints.
VECTOR_VALUE_ROW, VECTOR_BOUND_ROW = 1.5e-11, 2e-10
MOST_VECTOR_ROWS = 510
# A branch and bound of noise evaluates this power of n_units / ALL_UNITS as its share
# of all rules, and all of them from ALL_UNITS on. The last one is the seconds per rule
# and unit with vectors. All are about what `python -m benchmarks.proof_times` prints.
ALL_UNITS, SHARE_POWER, RULE_UNIT = 600, 3.5, 7e-12


def _features(selectors):
    """Conditions of each feature that has any."""
    counts = np.bincount(selectors.feature) if len(selectors.feature) else np.zeros(0)
    return [int(count) for count in counts if count]


def _conjunctions(counts, min_variables, max_variables):
    """Ways to choose features within these limits, and one of ``counts`` from each."""
    e = [1] + [0] * max_variables
    for count in counts:
        for k in range(max_variables, 0, -1):
            e[k] += e[k - 1] * count
    return sum(e[min_variables:])


def cube_seconds(selectors, settings):
    """Predict the time of one visit of all cubes, in all directions, on one thread.

    Parameters
    ----------
    selectors : Selectors
    settings : SearchSettings

    Returns
    -------
    seconds : float
        Infinite when there are too many tuples, or none.
    """
    counts = _features(selectors)
    limits = settings.min_variables, settings.max_variables
    n_tuples = _conjunctions([1] * len(counts), *limits)
    if not 0 < n_tuples <= MOST_TUPLES:
        return np.inf
    n_rules = _conjunctions(counts, *limits) * len(settings.signs)
    per_tuple = selectors.n_units * CUBE_ROW + CUBE_TUPLE
    return n_tuples * per_tuple + n_rules * CUBE_RULE


def quick_seconds(selectors, settings):
    """Predict the least time of a branch and bound in all directions, on one thread.

    It counts pairs of conditions, by a value each or by a bound if they can be refined;
    longer rules are left out.

    Parameters
    ----------
    selectors : Selectors
    settings : SearchSettings

    Returns
    -------
    seconds : float
    """
    vectors = len(available_isas()) > 2 and selectors.n_units <= MOST_VECTOR_ROWS
    if settings.max_variables <= 2:
        per_row = VECTOR_VALUE_ROW if vectors else VALUE_ROW
    else:
        per_row = VECTOR_BOUND_ROW if vectors else BOUND_ROW
    n_rules = _conjunctions(_features(selectors), 1, min(settings.max_variables, 2))
    per_rule = selectors.n_units * per_row + (0 if vectors else BIT_RULE)
    return n_rules * per_rule * len(settings.signs)


def least_bit_seconds(n_rules, n_units):
    """Predict the time of a branch and bound from sizes alone.

    Parameters
    ----------
    n_rules : int
        In all directions.
    n_units : int

    Returns
    -------
    seconds : float
        About the time of noise with a penalty on length, on one thread of a machine
        with all vectors; other machines take longer.
    """
    share = min(n_units / ALL_UNITS, 1) ** SHARE_POWER
    per_rule = n_units * RULE_UNIT
    if n_units > MOST_VECTOR_ROWS:
        per_rule = n_units * VALUE_ROW + BIT_RULE
    return n_rules * share * per_rule


def predicted_seconds(problem, selectors, threshold, settings):
    """Estimate the time of one search for the best rule on one thread.

    The tree is sampled as in Knuth (1975): a few branches are followed, with the number
    of children that the bound leaves at each level. The time of a bound and of a value
    is measured beforehand.

    Parameters
    ----------
    problem : Problem
    selectors : Selectors
    threshold : float
        Squared value of the incumbent.
    settings : SearchSettings

    Returns
    -------
    seconds : float
    """
    n_words = problem.bits.shape[1]
    if selectors.n_candidates(settings.max_variables) * n_words < FEW_CANDIDATES:
        return 0.0
    rng = np.random.RandomState(0)
    bounds = problem.bound(problem.bits)
    order = np.argsort(-bounds, kind="stable")
    roots = order[bounds[order] >= threshold]
    if not len(roots):
        return 0.0
    per_bound, per_value = _seconds_of_each(problem, roots[:50])

    n = len(roots)
    if settings.max_variables <= 2:
        return n * n / 2 * per_value
    seconds = n * n / 2 * per_bound
    total = 0.0
    for _ in range(PROBES):
        total += _branch(
            problem,
            selectors,
            roots,
            threshold,
            settings.max_variables,
            per_bound,
            per_value,
            rng,
        )
    return seconds + n * total / PROBES


def _seconds_of_each(problem, parents):
    """Seconds of a bound and of a value, by the loops that the search uses."""
    start = time.monotonic()
    if problem.vectors:
        everyone = np.bitwise_or.reduce(problem.bits, axis=0)
        problem.vector_bound(everyone, problem.bits, True)
    else:
        problem.bound(problem.bits)
    middle = time.monotonic()
    if problem.vectors:
        rules = parents.astype(np.int32)[:, None]
        problem.expand(rules, problem.bits[parents], 1)
    else:
        problem.evaluate(problem.bits[parents])
    end = time.monotonic()
    n = len(problem.bits)
    return (middle - start) / n, (end - middle) / (n * len(parents))


def _branch(problem, selectors, roots, threshold, depth, per_bound, per_value, rng):
    """Time below one random root, scaled from one random path."""
    items, extents = roots, problem.bits[roots]
    weight, seconds = 1.0, 0.0
    for level in range(2, depth):
        i = rng.randint(len(items))
        other = selectors.feature[items[:i]] != selectors.feature[items[i]]
        children = extents[:i][other] & extents[i]
        bounds = problem.bound(np.ascontiguousarray(children))
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
