"""Refits of a classifier on some rows, in folds, and to exchanged outcomes."""

import numpy as np
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.metadata_routing import get_routing_for_object

from sklearn_persona._data.routing import set_open_seeds
from sklearn_persona._designs.permutations import exchanged
from sklearn_persona._designs.splitting import group_strata, stratified_group_folds

__all__ = ["fit_clone", "folds_of_rows", "shuffled_labels"]


def fit_clone(estimator, X, y, participants, rows, rng):
    """Fit a clone on some rows, with groups if the estimator requests them.

    Open seeds are set, so that results can be reproduced.
    """
    model = clone(estimator)
    set_open_seeds(model, rng)
    extra = {}
    if get_routing_for_object(model).consumes("fit", ["groups"]):
        extra["groups"] = participants[rows]
    return model.fit(_safe_indexing(X, rows), y[rows], **extra)


def folds_of_rows(labels, participants, sites, n_splits, rng):
    """Fold of each row: whole participants, balanced by outcome, then by site."""
    strata = group_strata(participants, labels, sites)
    n_splits = min(n_splits, len(strata))
    return stratified_group_folds(strata, n_splits, rng, np.bincount(participants))[
        participants
    ]


def shuffled_labels(codes, participants, sites, rng):
    """Exchange the outcomes of participants within sites.

    Parameters
    ----------
    codes : ndarray of int, shape (n_rows,)
        Outcomes.
    participants : ndarray of int, shape (n_rows,)
        Participants. Outcomes of one are given to another with as many rows.
    sites : ndarray of int, shape (n_rows,)
        Sites; a participant has the site of the first row.
    rng : RandomState

    Returns
    -------
    shuffled : ndarray of int, shape (n_rows,)
    """
    order = np.argsort(participants, kind="stable")
    _, start, size = np.unique(
        participants[order], return_index=True, return_counts=True
    )
    kind = sites[order[start]] * (size.max() + 1) + size
    giver = exchanged(kind, rng)
    # Rows keep their order within a participant.
    source = np.arange(len(codes)) + np.repeat(start[giver] - start, size)
    shuffled = np.empty_like(codes)
    shuffled[order] = codes[order[source]]
    return shuffled
