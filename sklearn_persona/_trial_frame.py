"""Lets estimators that take the arm as metadata work on a table that holds it."""

from difflib import get_close_matches

import numpy as np
import pandas as pd
from sklearn import config_context
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_persona._data.roles import ROLES
from sklearn_persona._data.routing import consumed, estimator_has

__all__ = ["TrialFrame"]


class TrialFrame(MetaEstimatorMixin, BaseEstimator):
    """Adapter that takes arm, participant and period from columns of the table.

    The outermost wrapper around an estimator or pipeline. It removes the named
    columns from the table, so that neither the estimator nor its preprocessing sees
    them as variables, and passes them on as the metadata `treatment`, `groups`,
    `period` and `strata` to whatever requests them inside: the last step of a
    :class:`~sklearn.pipeline.Pipeline`, the splitter of a grid search, a scorer.
    Metadata that nothing inside consumes is dropped. No global switch is needed, and
    in cross-validation the columns follow the rows by themselves.

    Parameters
    ----------
    estimator : estimator object
        Takes the table without the named columns. It is cloned before fitting.
    treatment : str or None
        Name of the column with the arm of every case. None for a single-arm study.
    groups : str, default=None
        Name of the column with the participant of every case.
    period : str, default=None
        Name of the column with the period of every case of a crossover.
    strata : str, default=None
        Name of the column with the randomization stratum of every case.

    Attributes
    ----------
    estimator_ : estimator object
        The fitted clone of `estimator`.
    roles_ : dict of str to str
        The columns used at fit, by role.
    classes_ : ndarray of shape (n_classes,)
        The classes. Exists only if `estimator_` has it.
    n_features_in_ : int
        Number of columns of the table seen at fit, the named columns included.
    feature_names_in_ : ndarray of str
        Names of these columns. Exists only if all of them are strings.

    See Also
    --------
    sklearn_persona.model_selection.ArmStratifiedGroupKFold : Splits a trial by
        participants with balanced arms.

    Notes
    -----
    `TrialFrame` itself requests no `treatment`, `groups`, `period` or `strata`: it
    has them. In ``cross_validate(..., params={"groups": ...})`` they therefore go to
    the splitter and scorers alone. `sample_weight` can be requested with
    ``set_fit_request`` and ``set_score_request`` as usual.

    A patient to be predicted has no arm: `predict`, `transform` and their kin take
    tables with or without the named columns. `score` needs all of them.

    Routing follows scikit-learn's metadata routing user guide,
    https://scikit-learn.org/stable/metadata_routing.html. An estimator inside that
    accepts one of these metadata without having requested or refused it raises
    :class:`~sklearn.exceptions.UnsetMetadataPassedError`, so that an arm never gets
    lost unnoticed.

    Examples
    --------
    The folds of the inner search keep participants whole, and the arm is not
    among the variables of the model.

    >>> import pandas as pd
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.model_selection import GridSearchCV, GroupKFold
    >>> from sklearn_persona._trial_frame import TrialFrame
    >>> table = pd.DataFrame({
    ...     "patient": [1, 1, 2, 2, 3, 3, 4, 4],
    ...     "arm": ["drug", "saline"] * 4,
    ...     "age": [30, 30, 41, 41, 52, 52, 63, 63],
    ... })
    >>> change = [-12, -2, -11, -3, -9, -4, -8, -5]
    >>> search = GridSearchCV(Ridge(), {"alpha": [1, 10]}, cv=GroupKFold(2))
    >>> model = TrialFrame(search, treatment="arm", groups="patient")
    >>> model.fit(table, change).estimator_.best_estimator_.feature_names_in_
    array(['age'], dtype=object)
    >>> model.predict(pd.DataFrame({"age": [46.5]})).round(1)
    array([-6.8])
    """

    def __init__(self, estimator, *, treatment, groups=None, period=None, strata=None):
        self.estimator = estimator
        self.treatment = treatment
        self.groups = groups
        self.period = period
        self.strata = strata

    def fit(self, X, y=None, sample_weight=None, **params):
        """Fit the estimator on the table without the named columns.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_columns)
            Table (pandas or polars) that holds the named columns.
        y : array-like of shape (n_samples,), default=None
            Outcome.
        sample_weight : array-like of shape (n_samples,), default=None
            Passed to the estimator's `fit` if not None.
        **params : dict
            Passed to the estimator's `fit` unchanged.

        Returns
        -------
        self : TrialFrame
            The fitted adapter.

        Raises
        ------
        TypeError
            If `X` is not a table, a column is not given by its name, or a role is
            also passed as a parameter.
        ValueError
            If a column is not in the table or has two roles.
        """
        roles = self._checked_roles()
        columns = _column_names(X)
        estimator = clone(self.estimator)
        with config_context(enable_metadata_routing=True):
            features, metadata = self._take(estimator, "fit", X, roles, params)
            if features.shape[1] == 0:
                raise ValueError(
                    f"The table's columns {columns!r} all have a role, expected at "
                    "least one more as a variable. Add the baseline variables."
                )
            if sample_weight is not None:
                params["sample_weight"] = sample_weight
            self.estimator_ = estimator.fit(features, y, **metadata, **params)
        self.roles_ = roles
        self.n_features_in_ = len(columns)
        if all(isinstance(name, str) for name in columns):
            self.feature_names_in_ = np.array(columns, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    @available_if(estimator_has("predict"))
    def predict(self, X, **params):
        """Predict with the fitted estimator.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_columns)
            Table with or without the named columns.
        **params : dict
            Passed to the estimator's `predict` unchanged.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,)
            The estimator's predictions.
        """
        return self._delegate("predict", X, params)

    @available_if(estimator_has("predict_proba"))
    def predict_proba(self, X, **params):
        """Predict class probabilities with the fitted estimator.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_columns)
            Table with or without the named columns.
        **params : dict
            Passed to the estimator's `predict_proba` unchanged.

        Returns
        -------
        y_proba : ndarray of shape (n_samples, n_classes)
            The estimator's probabilities.
        """
        return self._delegate("predict_proba", X, params)

    @available_if(estimator_has("predict_log_proba"))
    def predict_log_proba(self, X, **params):
        """Predict logarithms of class probabilities with the fitted estimator.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_columns)
            Table with or without the named columns.
        **params : dict
            Passed to the estimator's `predict_log_proba` unchanged.

        Returns
        -------
        y_log_proba : ndarray of shape (n_samples, n_classes)
            Natural logarithms of the estimator's probabilities.
        """
        return self._delegate("predict_log_proba", X, params)

    @available_if(estimator_has("decision_function"))
    def decision_function(self, X, **params):
        """Compute the decision function of the fitted estimator.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_columns)
            Table with or without the named columns.
        **params : dict
            Passed to the estimator's `decision_function` unchanged.

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
            The estimator's decision function.
        """
        return self._delegate("decision_function", X, params)

    @available_if(estimator_has("transform"))
    def transform(self, X, **params):
        """Transform the table without the named columns.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_columns)
            Table with or without the named columns.
        **params : dict
            Passed to the estimator's `transform` unchanged.

        Returns
        -------
        X_new : {ndarray, DataFrame} of shape (n_samples, n_features_out)
            The estimator's output, in the container chosen by `set_output`.
        """
        return self._delegate("transform", X, params)

    @available_if(estimator_has("transform"))
    def fit_transform(self, X, y=None, sample_weight=None, **params):
        """Fit, then transform the same table.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_columns)
            Table (pandas or polars) that holds the named columns.
        y : array-like of shape (n_samples,), default=None
            Outcome.
        sample_weight : array-like of shape (n_samples,), default=None
            Passed to the estimator's `fit` if not None.
        **params : dict
            Passed to the estimator's `fit` unchanged.

        Returns
        -------
        X_new : {ndarray, DataFrame} of shape (n_samples, n_features_out)
            The estimator's output, in the container chosen by `set_output`.
        """
        return self.fit(X, y, sample_weight=sample_weight, **params).transform(X)

    @available_if(estimator_has("score"))
    def score(self, X, y=None, sample_weight=None, **params):
        """Score with the fitted estimator.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_columns)
            Table that holds the named columns.
        y : array-like of shape (n_samples,), default=None
            Outcome.
        sample_weight : array-like of shape (n_samples,), default=None
            Passed to the estimator's `score` if not None.
        **params : dict
            Passed to the estimator's `score` unchanged.

        Returns
        -------
        score : float
            The estimator's score.

        Raises
        ------
        ValueError
            If a column used at fit is not in the table.
        """
        if sample_weight is not None:
            params["sample_weight"] = sample_weight
        return self._delegate("score", X, params, y, columns_required=True)

    @property
    def classes_(self):
        """Classes of the fitted estimator."""
        return self.estimator_.classes_

    @available_if(estimator_has("get_feature_names_out"))
    def get_feature_names_out(self, input_features=None):
        """Get the names of the columns that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the table's columns, with or without the named ones.

        Returns
        -------
        feature_names_out : ndarray of str
            The estimator's names.
        """
        check_is_fitted(self)
        if input_features is not None:
            hidden = set(self.roles_.values())
            input_features = [name for name in input_features if name not in hidden]
        return self.estimator_.get_feature_names_out(input_features)

    @available_if(estimator_has("set_output"))
    def set_output(self, *, transform=None):
        """Choose the container that `transform` returns.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            Passed to the estimator, before and after fitting. None changes nothing.

        Returns
        -------
        self : TrialFrame
            The adapter.
        """
        self.estimator.set_output(transform=transform)
        if hasattr(self, "estimator_"):
            self.estimator_.set_output(transform=transform)
        return self

    def __sklearn_is_fitted__(self):
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        for name in (
            "estimator_type",
            "classifier_tags",
            "regressor_tags",
            "transformer_tags",
            "target_tags",
            "non_deterministic",
        ):
            setattr(tags, name, getattr(inner, name))
        for name in ("allow_nan", "categorical", "string"):
            setattr(tags.input_tags, name, getattr(inner.input_tags, name))
        return tags

    def _checked_roles(self):
        """Name of the column of each role that was given."""
        named = {role: getattr(self, role) for role in ROLES}
        roles, taken = {}, {}
        for role, column in named.items():
            if column is None:
                continue
            if not pd.api.types.is_hashable(column):
                raise TypeError(
                    f"{role} is of type {type(column).__name__}, expected the name of "
                    f"the column with the {ROLES[role].meaning}. Pass the name, e.g. "
                    f"{role}='arm', and leave the column in the table."
                )
            if column in taken:
                raise ValueError(
                    f"Column {column!r} is both {taken[column]} and {role}, expected a "
                    f"different column for each. Change {role}, or leave it out."
                )
            roles[role], taken[column] = column, role
        return roles

    def _delegate(self, method, X, params, *args, columns_required=False):
        check_is_fitted(self)
        present = self.roles_
        if not columns_required:
            columns = _column_names(X)
            present = {r: name for r, name in present.items() if name in columns}
        with config_context(enable_metadata_routing=True):
            features, metadata = self._take(self.estimator_, method, X, present, params)
            return getattr(self.estimator_, method)(
                features, *args, **metadata, **params
            )

    def _take(self, estimator, method, X, roles, params):
        """Divide the table into variables and the metadata that `method` consumes."""
        passed = [role for role in ROLES if role in params]
        if passed:
            role = passed[0]
            raise TypeError(
                f"{role} was passed to {method}, expected only the table: it is taken "
                f"from the column named in TrialFrame({role}={getattr(self, role)!r}). "
                "Leave the argument out, or name the column there."
            )
        columns = _column_names(X)
        for role, column in roles.items():
            _check_column(column, role, columns)
        metadata = {role: np.asarray(X[column]) for role, column in roles.items()}
        hidden = list(roles.values())
        if isinstance(X, pd.DataFrame):
            features = X.drop(columns=hidden)
        else:
            features = X.drop(hidden)
        return features, consumed(self, estimator, method, metadata)


def _column_names(X):
    # A lazy frame has no shape, and asking for its columns would compute them.
    if not all(hasattr(X, name) for name in ("shape", "drop", "columns")):
        raise TypeError(
            f"TrialFrame got {type(X).__name__}, expected a table with named columns "
            "(a pandas or polars DataFrame). Build one, e.g. pandas.DataFrame(X, "
            "columns=names), or fit the estimator itself and pass the arm as an "
            "array: estimator.fit(X, y, treatment=arm)."
        )
    return list(X.columns)


def _check_column(column, role, columns):
    n_found = columns.count(column)
    if n_found > 1:
        raise ValueError(
            f"The table has {n_found} columns named {column!r}, expected one as "
            f"{role}. Rename or remove the others."
        )
    if n_found == 0:
        by_lower = {str(name).lower(): str(name) for name in columns}
        close = get_close_matches(str(column).lower(), by_lower, n=3, cutoff=0.5)
        nearest = [repr(by_lower[name]) for name in close]
        hint = f"nearest are {', '.join(nearest)}" if nearest else f"it has {columns}"
        raise ValueError(
            f"Column {column!r}, named as {role}, is not in the table: {hint}. Correct "
            f"the name in TrialFrame({role}=...) or add the column."
        )
