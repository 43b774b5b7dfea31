"""A beam over rules: the first incumbents of the exact search, or the whole search."""

from dataclasses import dataclass

import numpy as np

from sklearn_persona._search._kernel import pack_rows

__all__ = ["Pool", "beam_search"]

WIDTH = 300
POOL_SIZE = 2000
# Rules whose conditions are exchanged one by one, and the most rounds of exchange.
EXCHANGED, ROUNDS = 20, 4
# Most word operations of a beam; wider tables get a narrower beam.
BUDGET = 4e9


@dataclass
class Pool:
    """Good rules with distinct members, best first.

    Attributes
    ----------
    rules : list of tuple of int
    values : ndarray of float64
        Squared values.
    extents : ndarray of uint64, shape (n_rules, n_words)
    n_evaluated : int
    """

    rules: list
    values: np.ndarray
    extents: np.ndarray
    n_evaluated: int


def _distinct(values, lengths, rules, extents, size):
    """The best rules with distinct members; ties go to the shorter, earlier rule."""
    order = np.lexsort((np.arange(len(rules)), lengths, -values))
    keys = np.ascontiguousarray(extents[order])
    if keys.shape[1] > 1:
        keys = keys.view(np.dtype((np.void, keys.shape[1] * 8)))
    _, first = np.unique(keys.ravel(), return_index=True)
    chosen = order[np.sort(first)[:size]]
    return values[chosen], lengths[chosen], rules[chosen], extents[chosen]


def _best(values, rules, extents, size):
    """The best rules, with ties in the order of the selectors.

    Most candidates are worse, so only the best are sorted.
    """
    if len(values) > size:
        good = values >= np.partition(values, len(values) - size)[len(values) - size]
        values, rules, extents = values[good], rules[good], extents[good]
    order = np.lexsort((*rules.T[::-1], -values))[:size]
    return values[order], rules[order], extents[order]


def _shortened(rules):
    """Each rule without each of its conditions in turn, in a fixed order."""
    parts = [np.delete(rules, i, axis=1) for i in range(rules.shape[1])]
    return np.unique(np.sort(np.concatenate(parts), axis=1), axis=0).astype(np.int32)


def beam_search(
    problem,
    selectors,
    *,
    min_variables,
    max_variables,
    min_modalities,
    most=WIDTH,
    pool_size=POOL_SIZE,
    exchange=False,
):
    """Refine the best rules of each length by every condition.

    Parameters
    ----------
    problem : Problem
    selectors : Selectors
    min_variables, max_variables, min_modalities : int
    most : int
        Most rules of each length that are refined.
    pool_size : int
        Most rules that are returned.
    exchange : bool
        Replace each condition of the best rules of ``max_variables`` by every other
        one: a beam fixes an edge before it knows the conditions that will join it.

    Returns
    -------
    pool : Pool
    """
    n_selectors, n_words = problem.bits.shape
    cost = max(n_selectors * n_words * max(max_variables - 1, 1), 1)
    width = int(np.clip(BUDGET / (40 * cost), min(10, most), most))
    # Values, lengths, rules (padded) and members.
    pool = (
        np.empty(0),
        np.empty(0, int),
        np.empty((0, max_variables), np.int32),
        np.empty((0, n_words), np.uint64),
    )
    parents = np.empty((1, 0), np.int32)
    rows = pack_rows(np.ones((1, selectors.n_units), bool))
    n_evaluated = 0
    size = max(pool_size, most)

    def add(pool, values, rules, extents):
        depth = rules.shape[1]
        ok = np.ones(len(rules), bool)
        if min_modalities > 1:
            found = np.sort(selectors.modality[rules], axis=1)
            ok = 1 + (np.diff(found, axis=1) != 0).sum(axis=1) >= min_modalities
        padded = np.pad(rules[ok], ((0, 0), (0, max_variables - depth)))
        new = values[ok], np.full(ok.sum(), depth), padded, extents[ok]
        return _distinct(*map(np.concatenate, zip(pool, new)), pool_size)

    for depth in range(1, max_variables + 1):
        values, rules, extents, n = problem.expand(parents, rows, size)
        n_evaluated += n
        if not len(values):
            break
        values, rules, extents = _best(values, rules, extents, size)
        if depth >= min_variables:
            pool = add(pool, values, rules, extents)
        parents, rows = np.ascontiguousarray(rules[:width]), extents[:width]
    for _ in range(ROUNDS if exchange and max_variables > 1 else 0):
        values, lengths, rules, _ = pool
        parents = _shortened(rules[lengths == max_variables][:EXCHANGED])
        if not len(parents):
            break
        rows = np.bitwise_and.reduce(problem.bits[parents], axis=1)
        *found, n = problem.expand(parents, rows, size)
        n_evaluated += n
        pool = add(pool, *_best(*found, size))
        if pool[0][0] == values[0]:
            break
    values, lengths, rules, extents = pool
    rules = [tuple(rule[:n]) for rule, n in zip(rules.tolist(), lengths.tolist())]
    return Pool(rules, values, extents, n_evaluated)
