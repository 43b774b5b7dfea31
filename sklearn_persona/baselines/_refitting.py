"""Fits of clones on some rows, whatever the estimator takes besides X and y."""

import numpy as np
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.metadata_routing import get_routing_for_object

from sklearn_persona._designs.splitting import group_strata, stratified_group_folds

__all__ = ["fit_clone", "folds_of_rows", "set_open_seeds"]


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


def set_open_seeds(model, rng):
    """Draw a seed for every `random_state` that is None, nested ones too."""
    unset = {
        name: int(rng.randint(np.iinfo(np.int32).max))
        for name, value in sorted(model.get_params().items())
        if name.rsplit("__", 1)[-1] == "random_state" and value is None
    }
    if unset:
        model.set_params(**unset)


def folds_of_rows(codes, people, places, n_splits, rng):
    """Fold of each row: participants whole, outcomes and then sites balanced."""
    strata = group_strata(people, codes, places)
    n_splits = min(n_splits, len(strata))
    return stratified_group_folds(strata, n_splits, rng, np.bincount(people))[people]
