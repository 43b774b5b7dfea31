"""Recommendations of a fitted estimator of any kind for the test rows of a split."""

import time
import warnings
from dataclasses import dataclass

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.utils import _safe_indexing

from sklearn_persona._data.routing import consumed
from sklearn_persona.exceptions import NoPersonaWarning
from sklearn_persona.model_selection._candidates import (
    CLASSIFIER,
    EFFECTS,
    is_framed,
    kind_of,
)

__all__ = ["Recommendation", "fit_and_recommend"]


@dataclass(frozen=True)
class Recommendation:
    """Recommendations of a fitted estimator for the test rows of a split.

    Attributes
    ----------
    sign : ndarray of int8, shape (n_test,)
        1 favorable, -1 unfavorable, 0 an abstention.
    rank : ndarray of float64, shape (n_test,)
        Larger for those expected to do better.
    abstains : bool
        Whether the estimator can abstain.
    seconds : float
        Time of the fit.
    scores : tuple
        ``(metric, subset, value, error)`` of the user's scorers; `subset` is "all" or
        "explained".
    """

    sign: np.ndarray
    rank: np.ndarray
    abstains: bool
    seconds: float
    scores: tuple


def fit_and_recommend(estimator, trial, train, test, scorers, strict, key):
    """Fit a clone on the training rows and predict the test rows.

    Parameters
    ----------
    estimator : estimator
        An estimator prepared for this split.
    trial : ComparedTrial
    train, test : ndarray of int
    scorers : dict of str to callable
    strict : bool
        Whether errors of scorers are raised.
    key : str
        Identifies in a cache `trial` and everything else that affects the result.

    Returns
    -------
    recommendation : Recommendation
    """
    kind = kind_of(estimator)
    table = trial.table if is_framed(estimator) else trial.features
    target = trial.labels if kind == CLASSIFIER else trial.y
    seen, asked = _safe_indexing(table, train), _safe_indexing(table, test)
    model = clone(estimator, safe=False)
    with config_context(enable_metadata_routing=True), warnings.catch_warnings():
        # Finding no persona in a split is a result, which the coverage shows.
        warnings.simplefilter("ignore", NoPersonaWarning)
        start = time.perf_counter()
        if kind == EFFECTS:
            arm = trial.cases.treated[train].astype(int)
            model.fit(target[train], arm, X=_matrix(seen))
        else:
            given = consumed("compare", model, "fit", trial.metadata)
            model.fit(seen, target[train], **_rows(given, train))
        seconds = time.perf_counter() - start
        sign, rank, abstains = _recommend(model, kind, asked, seen, trial)
        subsets = {"all": np.arange(len(test))}
        if abstains:
            subsets["explained"] = np.flatnonzero(sign)
        scores = []
        for metric, scorer in scorers.items():
            given = consumed("compare", scorer, "score", trial.metadata)
            for subset, rows in subsets.items():
                value, error = np.nan, ""
                if len(rows):
                    chosen = test[rows]
                    part = _safe_indexing(asked, rows)
                    try:
                        value = scorer(
                            model, part, target[chosen], **_rows(given, chosen)
                        )
                    except Exception as problem:
                        if strict:
                            raise
                        error = f"{type(problem).__name__}: {problem}"
                scores.append((metric, subset, float(value), error))
    return Recommendation(sign.astype(np.int8), rank, abstains, seconds, tuple(scores))


def _rows(metadata, rows):
    return {name: _safe_indexing(value, rows) for name, value in metadata.items()}


def _matrix(table):
    return np.asarray(table, dtype=float)


def _recommend(model, kind, asked, seen, trial):
    """Sign, rank and whether the estimator can abstain."""
    if kind == EFFECTS:
        effects = (_column(model.effect(_matrix(table))) for table in (asked, seen))
        return _against_mean(*effects, trial.cases.sign)
    predicted = _column(model.predict(asked))
    if kind == CLASSIFIER:
        sign = np.where(predicted == trial.good, 1, -1)
        return sign, _confidence(model, asked, sign, trial.good), False
    if predicted.dtype.kind in "iu" and np.isin(predicted, (-1, 0, 1)).all():
        return predicted, predicted.astype(float), True
    return _against_mean(predicted, _column(model.predict(seen)), trial.cases.sign)


def _column(predicted):
    """Predictions as an array with one per row."""
    predicted = np.asarray(predicted)
    if predicted.ndim == 2 and predicted.shape[1] == 1:
        return predicted[:, 0]
    if predicted.ndim != 1:
        raise ValueError(
            f"Predictions have shape {predicted.shape}, expected one per row. "
            "Compare models of a single outcome."
        )
    return predicted


def _confidence(model, asked, sign, good):
    """Values of a classifier that rank the rows."""
    classes = list(model.classes_)
    if len(classes) == 2 and good in classes:
        position = classes.index(good)
        if hasattr(model, "decision_function"):
            decision = _column(model.decision_function(asked)).astype(float)
            return decision if position == 1 else -decision
        if hasattr(model, "predict_proba"):
            return np.asarray(model.predict_proba(asked), dtype=float)[:, position]
    return sign.astype(float)


def _against_mean(predicted, of_training, sign):
    """Sign and rank of predictions: favorable above the mean over training rows."""
    rank, reference = sign * predicted.astype(float), sign * of_training.astype(float)
    if not np.isfinite(rank).all():
        raise ValueError("Predictions hold NaN or infinite values, expected numbers.")
    return np.where(rank > reference.mean(), 1, -1), rank, False
