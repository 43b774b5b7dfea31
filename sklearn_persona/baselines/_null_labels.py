"""Outcomes exchanged between participants, as if they had nothing to do with X."""

import numpy as np

from sklearn_persona._designs.permutations import exchanged

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
    kind = places[order[start]] * (size.max() + 1) + size
    giver = exchanged(kind, rng)
    # Rows of one participant in their order get those of the giver in theirs.
    source = np.arange(len(codes)) + np.repeat(start[giver] - start, size)
    shuffled = np.empty_like(codes)
    shuffled[order] = codes[order[source]]
    return shuffled
