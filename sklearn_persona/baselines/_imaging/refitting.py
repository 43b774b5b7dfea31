"""Refits of a classifier: on some rows, in folds, and for exchanged outcomes."""

import numpy as np
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.metadata_routing import get_routing_for_object

from sklearn_persona._data.routing import set_open_seeds
from sklearn_persona._designs.permutations import exchanged
from sklearn_persona._designs.splitting import group_strata, stratified_group_folds

__all__ = ["fit_clone", "folds_of_rows", "shuffled_labels"]


def fit_clone(estimator, X, y, people, rows, rng):
    """Fit a clone on some rows; groups go to an estimator that requests them.

    A nested estimator without a seed gets one, so that results can be repeated.
    """
    model = clone(estimator)
    set_open_seeds(model, rng)
    extra = {}
    if get_routing_for_object(model).consumes("fit", ["groups"]):
        extra["groups"] = people[rows]
    return model.fit(_safe_indexing(X, rows), y[rows], **extra)


def folds_of_rows(labels, people, places, n_splits, rng):
    """Fold of each row: participants whole, outcomes and then sites balanced."""
    strata = group_strata(people, labels, places)
    n_splits = min(n_splits, len(strata))
    return stratified_group_folds(strata, n_splits, rng, np.bincount(people))[people]


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
