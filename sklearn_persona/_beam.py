"""A beam over rules: the first incumbents of the exact search, or the whole search."""

from dataclasses import dataclass

import numpy as np

from sklearn_persona._kernel import LEAST_VALUE, pack_rows, round_value

__all__ = ["Pool", "beam_search"]

WIDTH = 300
POOL_SIZE = 2000
# Word operations that a beam may spend; wider tables get a narrower beam.
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


def _distinct(values, rules, extents, size):
    """The best rules with distinct members; ties go to the shorter, earlier rule."""
    order = sorted(range(len(rules)), key=lambda i: (-values[i], len(rules[i])))
    seen, chosen = set(), []
    for i in order:
        key = extents[i].tobytes()
        if key not in seen:
            seen.add(key)
            chosen.append(i)
            if len(chosen) == size:
                break
    return values[chosen], [rules[i] for i in chosen], extents[chosen]


def beam_search(
    column,
    selectors,
    *,
    min_variables,
    max_variables,
    min_modalities,
    most=WIDTH,
    pool_size=POOL_SIZE,
):
    """Refine the best rules of each length by every condition.

    Parameters
    ----------
    column : Column
    selectors : Selectors
    min_variables, max_variables, min_modalities : int
    most : int
        Rules of a length that are refined, at most.
    pool_size : int
        Rules that are returned, at most.

    Returns
    -------
    pool : Pool
    """
    n_selectors, n_words = column.bits.shape
    cost = max(n_selectors * n_words * max(max_variables - 1, 1), 1)
    width = int(np.clip(BUDGET / (40 * cost), min(10, most), most))
    everyone = pack_rows(np.ones((1, selectors.n_units), bool))
    pool = (np.empty(0), [], np.empty((0, n_words), np.uint64))
    parents, rows = [()], everyone
    n_evaluated = 0
    size = 8 * max(pool_size, most)
    for depth in range(1, max_variables + 1):
        found = []
        block = max(1, 2**22 // max(n_selectors, 1))
        for start in range(0, len(parents), block):
            values = column.evaluate(rows[start : start + block])
            n_evaluated += int(np.count_nonzero(values > -2))
            for p, rule in enumerate(parents[start : start + block]):
                if rule:
                    used = np.isin(selectors.feature, selectors.feature[list(rule)])
                    values[p, used] = -2
            enough = np.flatnonzero(values.ravel() > LEAST_VALUE)
            if len(enough) > size:
                flat = values.ravel()[enough]
                enough = enough[np.argpartition(-flat, size)[:size]]
            found += [
                (values.ravel()[i], start + i // n_selectors, i % n_selectors)
                for i in enough
            ]
        if not found:
            break
        found.sort(key=lambda f: (-f[0], f[1], f[2]))
        found = found[:size]
        scores = np.array([round_value(f[0]) for f in found])
        rules = [(*parents[f[1]], int(f[2])) for f in found]
        extents = rows[[f[1] for f in found]] & column.bits[[f[2] for f in found]]
        if depth >= min_variables:
            ok = [
                len(set(selectors.modality[list(rule)])) >= min_modalities
                for rule in rules
            ]
            pool = _distinct(
                np.concatenate([pool[0], scores[ok]]),
                pool[1] + [rule for rule, keep in zip(rules, ok) if keep],
                np.concatenate([pool[2], extents[ok]]),
                pool_size,
            )
        _, parents, rows = _distinct(scores, rules, extents, width)
    return Pool(pool[1], pool[0], pool[2], n_evaluated)
