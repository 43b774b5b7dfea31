"""`ArmClassifier`: an outcome model of one arm."""

from difflib import get_close_matches
from typing import ClassVar

import numpy as np
from sklearn import config_context, get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    _check_method_params,
    _num_samples,
    check_is_fitted,
)

from sklearn_persona._data.labels import encode_labels
from sklearn_persona._data.routing import consumed, estimator_has, require_treatment
from sklearn_persona.exceptions import SingleArmWarning, warn_caller

__all__ = ["ArmClassifier"]

_PREDICTIONS = ("predict", "predict_proba", "predict_log_proba", "decision_function")


class ArmClassifier(MetaEstimatorMixin, BaseEstimator):
    """Fit a classifier or regressor on the cases of one arm of a trial.

    The literature fits responder models only on treated patients. Such a model
    predicts who does well under the drug, not who does well because of it; scores in
    the other arm show the difference.

    Parameters
    ----------
    estimator : estimator
        Any scikit-learn classifier or regressor; cloned.
    arm : label
        Label in `treatment` of the arm to fit.

    Attributes
    ----------
    estimator_ : estimator
        Fitted on the cases of the arm.
    two_arm_ : bool
        Whether the fit had treatment.
    n_cases_ : int
        Number of cases that were fitted.
    classes_ : ndarray of shape (n_classes,)
        If `estimator` is a classifier.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    See Also
    --------
    StructuralMRISVC : The responder classifier of the imaging literature.

    Notes
    -----
    `treatment` and `groups` are requested by default. `groups` and all metadata that
    `estimator` requests are passed on for the cases of the arm, so that an inner
    cross-validation can keep participants whole. `score` uses the cases of the arm.

    Without `treatment`, all cases are fitted, with a warning.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_persona.baselines import ArmClassifier
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(binary=True, effect=2.0, random_state=0)
    >>> model = ArmClassifier(LogisticRegression(), arm=1)
    >>> model = model.fit(trial.data, trial.target, treatment=trial.treatment)
    >>> model.n_cases_
    100
    >>> drug = model.score(trial.data, trial.target, treatment=trial.treatment)
    >>> placebo = trial.treatment == 0
    >>> control = model.estimator_.score(trial.data[placebo], trial.target[placebo])
    >>> round(drug, 2), round(control, 2)
    (0.73, 0.53)
    >>> model.classes_.tolist(), model.n_features_in_, model.feature_names_in_[0]
    ([0.0, 1.0], 10, 'x0')
    """

    __metadata_request__fit: ClassVar = {"treatment": True, "groups": True}
    __metadata_request__score: ClassVar = {"treatment": True, "groups": True}

    def __init__(self, estimator, *, arm):
        self.estimator = estimator
        self.arm = arm

    def fit(self, X, y, *, treatment=None, groups=None, **params):
        """Fit a clone of the estimator on the cases of the arm.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Classes, or numbers for a regressor.
        treatment : array-like of shape (n_samples,), default=None
            Arm of each case. None: all cases are fitted.
        groups : array-like of shape (n_samples,), default=None
            Participant of each case, for an estimator that requests it.
        **params : dict
            Metadata that the estimator requests, e.g. ``sample_weight``.

        Returns
        -------
        self : ArmClassifier

        Raises
        ------
        ValueError
            If no case has the arm, lengths differ, or an arm label is missing.
        TypeError
            If the estimator does not accept a parameter.
        """
        if treatment is None:
            warn_caller(
                f"No treatment was given: all cases are fitted as if they had arm "
                f"{self.arm!r}.",
                SingleArmWarning,
            )
        estimator = clone(self.estimator)
        X_arm, y_arm, kept = self._cases(
            estimator, "fit", X, y, treatment, groups, params
        )
        with config_context(enable_metadata_routing=True):
            self.estimator_ = estimator.fit(X_arm, y_arm, **kept)
        self.two_arm_ = treatment is not None
        self.n_cases_ = _num_samples(X_arm)
        return self

    @available_if(estimator_has("predict"))
    def predict(self, X):
        """Predict the outcome under the arm.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)

        Returns
        -------
        prediction : ndarray of shape (n_samples,)
            Predictions of `estimator_`, whatever arm the cases had.
        """
        return self._fitted().predict(X)

    @available_if(estimator_has("predict_proba"))
    def predict_proba(self, X):
        """Predict class probabilities under the arm.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)

        Returns
        -------
        probability : ndarray of shape (n_samples, n_classes)
        """
        return self._fitted().predict_proba(X)

    @available_if(estimator_has("predict_log_proba"))
    def predict_log_proba(self, X):
        """Predict logarithms of class probabilities under the arm.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)

        Returns
        -------
        log_probability : ndarray of shape (n_samples, n_classes)
        """
        return self._fitted().predict_log_proba(X)

    @available_if(estimator_has("decision_function"))
    def decision_function(self, X):
        """Decision function of the estimator.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        return self._fitted().decision_function(X)

    @available_if(estimator_has("score"))
    def score(self, X, y, *, treatment=None, groups=None, sample_weight=None, **params):
        """Score of the estimator on the cases of the arm.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        treatment : array-like of shape (n_samples,), default=None
            Arm of each case; needed when the fit had it.
        groups : array-like of shape (n_samples,), default=None
            For an estimator whose `score` requests it.
        sample_weight : array-like of shape (n_samples,), default=None
            Passed to the estimator's `score` if not None.
        **params : dict
            Metadata that the estimator's `score` requests.

        Returns
        -------
        score : float

        Raises
        ------
        ValueError
            If the fit had treatment and this call has none, or no case has the arm.
        """
        estimator = self._fitted()
        require_treatment(self, treatment)
        if not self.two_arm_:
            treatment = None
        # Like Pipeline, pass it on regardless of requests.
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        X_arm, y_arm, kept = self._cases(
            estimator, "score", X, y, treatment, groups, params, weights
        )
        with config_context(enable_metadata_routing=True):
            return estimator.score(X_arm, y_arm, **kept)

    @property
    def classes_(self):
        """Classes of the fitted classifier."""
        return self._fitted().classes_

    @property
    def n_features_in_(self):
        """Number of columns seen at fit."""
        return self._known("n_features_in_")

    @property
    def feature_names_in_(self):
        """Names of the columns seen at fit, if they are strings."""
        return self._known("feature_names_in_")

    def get_metadata_routing(self):
        """Get the requests of this estimator and of the one inside.

        Returns
        -------
        routing : MetadataRouter
        """
        mapping = MethodMapping()
        for method in ("fit", "score", *_PREDICTIONS):
            mapping.add(caller=method, callee=method)
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags = inner.classifier_tags
        tags.regressor_tags = inner.regressor_tags
        tags.target_tags = inner.target_tags
        tags.input_tags = inner.input_tags
        tags.non_deterministic = inner.non_deterministic
        return tags

    def _fitted(self):
        check_is_fitted(self)
        return self.estimator_

    def _known(self, name):
        if not hasattr(self, "estimator_"):
            raise AttributeError(f"{type(self).__name__} has no {name} before fit.")
        return getattr(self.estimator_, name)

    def _cases(self, estimator, method, X, y, treatment, groups, params, more=None):
        """X, y and the metadata of the cases of the arm."""
        given, metadata = {"groups": groups, **params}, dict(more or {})
        if not get_config()["enable_metadata_routing"]:
            # Without routing, all named metadata go to the estimator.
            given, metadata = {"groups": groups}, {**metadata, **params}
        must = given.keys() - {"groups"}
        metadata = {**consumed(self, estimator, method, given, must), **metadata}
        if treatment is None:
            return X, y, metadata
        rows = self._rows(X, y, treatment)
        metadata = _check_method_params(X, metadata, indices=rows)
        return _safe_indexing(X, rows), _safe_indexing(y, rows), metadata

    def _rows(self, X, y, treatment):
        """Rows of the cases of the arm."""
        codes, labels = encode_labels(treatment, "treatment")
        for name, n in (("X", _num_samples(X)), ("y", _num_samples(y))):
            if n != len(codes):
                raise ValueError(
                    f"treatment has {len(codes)} entries but {name} has {n} rows; "
                    "inconsistent numbers of samples. Pass one entry a row, in the "
                    "same order."
                )
        own = np.array([bool(label == self.arm) for label in labels], dtype=bool)
        if not own.any():
            known = [v.item() if isinstance(v, np.generic) else v for v in labels[:6]]
            close = get_close_matches(str(self.arm), [str(v) for v in known], 1)
            hint = f"; did you mean {close[0]!r}?" if close else "."
            raise ValueError(
                f"No case has arm={self.arm!r}: treatment holds {known}{hint} Pass one "
                "of these labels as arm, with its type."
            )
        return np.flatnonzero(own[codes])
