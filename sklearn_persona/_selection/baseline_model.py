"""Cross-fitted models of something on the baseline table."""

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from sklearn_persona._data.table import numbers
from sklearn_persona._designs.splitting import stratified_group_folds

__all__ = ["BaselineModel"]

N_FOLDS = 5
# Units that are predicted at once.
BLOCK = 100_000


def _design_matrix(columns, rows, medians):
    """Numbers with the median for missing values, and an indicator per level."""
    parts = []
    for j, column in enumerate(columns):
        values = column.values[rows]
        if column.levels is None:
            values = numbers(values)
            parts.append(np.where(np.isnan(values), medians[j], values)[:, None])
        else:
            parts.append((values[:, None] == np.arange(len(column.levels))) * 1.0)
    return np.concatenate(parts, axis=1)


def _medians(columns, rows):
    """What stands for the missing values of each column."""
    out = []
    for column in columns:
        known = np.empty(0)
        if column.levels is None:
            known = numbers(column.values[rows])
            known = known[~np.isnan(known)]
        out.append(float(np.median(known)) if len(known) else 0.0)
    return out


class BaselineModel:
    """A model on baseline whose predictions of a unit do not depend on that unit.

    Parameters
    ----------
    model : estimator
        A scikit-learn regressor, or a classifier of two classes; cloned.
    columns : list of TableColumn
    most_units : int or None
        Fit on a random choice of so many units where there are more.
    probability : bool
        Predict the probability of True rather than a value.
    """

    def __init__(self, model, columns, most_units=None, probability=False):
        self.model, self.columns, self.most_units = model, columns, most_units
        self.probability = probability

    def fit_predict(self, rows, groups, target, rng):
        """Cross-fitted predictions of the training units.

        Each participant is predicted by a model fitted without it. The model of all
        training units is kept for `predict`.
        """
        labels, first, codes = np.unique(groups, return_index=True, return_inverse=True)
        if len(labels) < 2 * N_FOLDS:
            # Too few to fit on: the mean is all that can be known.
            self.model_ = None
            self.mean_ = float(target.mean())
            return np.full(len(target), self.mean_)
        # A classifier needs both classes in every fold.
        strata = target[first].astype(int) if self.probability else np.zeros_like(first)
        folds = stratified_group_folds(strata, N_FOLDS, rng)[codes]
        predicted = np.empty(len(target))
        self.medians_ = _medians(self.columns, rows)
        for fold in range(N_FOLDS):
            test = folds == fold
            model = self._fit(rows[~test], target[~test], rng)
            predicted[test] = self._predict(model, rows[test])
        self.model_ = self._fit(rows, target, rng)
        return predicted

    def predict(self, rows):
        """Predictions of other units by the model of all training units."""
        if self.model_ is None:
            return np.full(len(rows), self.mean_)
        return self._predict(self.model_, rows)

    def _predict(self, model, rows):
        out = np.empty(len(rows))
        for start in range(0, len(rows), BLOCK):
            block = slice(start, start + BLOCK)
            X = _design_matrix(self.columns, rows[block], self.medians_)
            if self.probability:
                out[block] = model.predict_proba(X)[:, 1]
            else:
                out[block] = model.predict(X)
        return out

    def _fit(self, rows, y, rng):
        if self.most_units is not None and len(rows) > self.most_units:
            chosen = rng.choice(len(rows), self.most_units, replace=False)
            rows, y = rows[chosen], y[chosen]
        X = _design_matrix(self.columns, rows, self.medians_)
        with warnings.catch_warnings():
            # A path that has not converged at its smallest penalties is still a
            # valid adjustment: any function of baseline is.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return clone(self.model).fit(X, y)
