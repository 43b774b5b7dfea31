"""Outcomes exchanged between participants, as if they had nothing to do with X."""

import numpy as np

__all__ = ["shuffled_labels"]


def shuffled_labels(codes, people, places, rng):
    """Exchange the outcomes of participants within sites.

    Parameters
    ----------
    codes : ndarray of int, shape (n_rows,)
        Outcomes.
    people : ndarray of int, shape (n_rows,)
        Participants. The outcomes of one move together, to one with as many rows.
    places : ndarray of int, shape (n_rows,)
        Sites; of a participant that of the first row.
    rng : RandomState

    Returns
    -------
    shuffled : ndarray of int, shape (n_rows,)
    """
    order = np.argsort(people, kind="stable")
    _, start, size = np.unique(people[order], return_index=True, return_counts=True)
    shuffled = np.empty_like(codes)
    kind = np.column_stack([places[order[start]], size])
    _, kind = np.unique(kind, axis=0, return_inverse=True)
    kind = kind.ravel()
    for k in range(kind.max() + 1):
        chosen = np.flatnonzero(kind == k)
        rows = order[start[chosen][:, None] + np.arange(size[chosen[0]])]
        shuffled[rows] = codes[rows[rng.permutation(len(chosen))]]
    return shuffled
