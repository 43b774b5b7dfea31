"""Prognostic adjustment: what baseline alone says of the outcome, taken out of it."""

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LassoCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_persona._splitting import stratified_group_folds

__all__ = ["Prognosis", "default_prognostic_model"]

N_FOLDS = 5


def default_prognostic_model():
    """Lasso with a penalty by cross-validation, on standardized variables."""
    return make_pipeline(StandardScaler(), LassoCV(alphas=30, cv=5, max_iter=5000))


def _design_matrix(columns, rows, medians=None):
    """Numbers with the median for missing values, and an indicator per level."""
    parts, used = [], []
    for j, column in enumerate(columns):
        values = column.values[rows]
        if column.levels is None:
            if medians is None:
                known = values[~np.isnan(values)]
                used.append(float(np.median(known)) if len(known) else 0.0)
            else:
                used.append(medians[j])
            parts.append(np.where(np.isnan(values), used[-1], values)[:, None])
        else:
            used.append(0.0)
            parts.append((values[:, None] == np.arange(len(column.levels))) * 1.0)
    return np.concatenate(parts, axis=1), used


class Prognosis:
    """A regression of the outcome on baseline that never sees the arm.

    Parameters
    ----------
    model : estimator
        Any scikit-learn regressor; cloned.
    columns : list of TableColumn
    """

    def __init__(self, model, columns):
        self.model, self.columns = model, columns

    def fit_predict(self, rows, groups, outcome, rng):
        """Cross-fitted predictions of the training units.

        Each participant is predicted by a model fitted without it. The model of all
        training units is kept for `predict`.
        """
        X, self.medians_ = _design_matrix(self.columns, rows)
        labels, codes = np.unique(groups, return_inverse=True)
        if len(labels) < 2 * N_FOLDS:
            # Too few to fit on: the mean is all that can be known.
            self.model_ = None
            self.mean_ = float(outcome.mean())
            return np.full(len(outcome), self.mean_)
        folds = stratified_group_folds(np.zeros(len(labels), int), N_FOLDS, rng)[codes]
        predicted = np.empty(len(outcome))
        for fold in range(N_FOLDS):
            test = folds == fold
            predicted[test] = self._fit(X[~test], outcome[~test]).predict(X[test])
        self.model_ = self._fit(X, outcome)
        return predicted

    def predict(self, rows):
        """Predictions of other units by the model of all training units."""
        if self.model_ is None:
            return np.full(len(rows), self.mean_)
        X, _ = _design_matrix(self.columns, rows, self.medians_)
        return np.asarray(self.model_.predict(X), dtype=float)

    def _fit(self, X, y):
        with warnings.catch_warnings():
            # A path that has not converged at its smallest penalties is still a
            # valid adjustment: any function of baseline is.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return clone(self.model).fit(X, y)
