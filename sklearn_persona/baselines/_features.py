"""Conversion of a table to the numeric matrix that scikit-learn's estimators need."""

import numpy as np
from sklearn.utils.validation import validate_data

from sklearn_persona._data.table import (
    FLOATS,
    check_names,
    is_frame,
    numbers,
    read_table,
)

__all__ = ["FeatureMatrix", "read_features"]


def read_features(estimator, X, *, reset):
    """Read the columns of X; the estimator learns or checks their number and names.

    Parameters
    ----------
    estimator : BaseEstimator
        Gets ``n_features_in_`` and ``feature_names_in_``.
    X : array-like or DataFrame of shape (n_samples, n_features)
        Numbers, NaN if missing; a DataFrame may also hold categories.
    reset : bool
        True in `fit`.

    Returns
    -------
    columns : list of TableColumn
    """
    if not is_frame(X):
        X = validate_data(
            estimator, X, dtype=FLOATS, ensure_all_finite="allow-nan", reset=reset
        )
        return read_table(X)
    check_names(X)
    validate_data(estimator, X, skip_check_array=True, reset=reset)
    for size, what in zip(X.shape, ("sample(s)", "feature(s)")):
        if not size:
            raise ValueError(
                f"Found array with 0 {what} (shape={X.shape}) while a minimum of 1 is "
                "required."
            )
    return read_table(X)


class FeatureMatrix:
    """Matrix of numeric columns and of an indicator per level of categories.

    Parameters
    ----------
    columns : list of TableColumn
        The training table. A category with two levels gives one indicator.

    Attributes
    ----------
    names : tuple of str
        Names of the matrix columns: ``age``, ``site = B``; ``x0`` without names.
    """

    def __init__(self, columns):
        self.levels = [column.levels for column in columns]
        names = []
        for column in columns:
            name = f"x{column.position}" if column.name is None else str(column.name)
            if column.levels is None:
                found = [name]
            else:
                found = [f"{name} = {level}" for level in self._shown(column.levels)]
            names += found
        self.names = tuple(names)

    def __call__(self, columns):
        """Matrix of shape (n_rows, n_columns_out), NaN where missing.

        All indicators are 0 for a level that was not seen at fit.
        """
        parts = []
        for column, levels in zip(columns, self.levels, strict=True):
            if levels is not None and column.levels is None:
                if np.isnan(column.values).all():
                    # All values are missing, so the kind of column is unknown.
                    shape = len(column.values), len(self._shown(levels))
                    parts.append(np.full(shape, np.nan))
                    continue
                raise ValueError(self._other_kind(column, "numbers", "categories"))
            if levels is None and column.levels is not None:
                raise ValueError(self._other_kind(column, "categories", "numbers"))
            if levels is None:
                parts.append(numbers(column.values)[:, None])
                continue
            known = np.array([*column.levels, None], dtype=object)[column.values]
            missing = column.values < 0
            indicators = np.column_stack(
                [[value == level for value in known] for level in self._shown(levels)]
                or [np.empty((len(known), 0))]
            ).astype(float)
            indicators[missing] = np.nan
            parts.append(indicators)
        return np.concatenate(parts, axis=1)

    @staticmethod
    def _other_kind(column, got, expected):
        name = column.position if column.name is None else column.name
        return (
            f"Column {name!r} holds {got}, but held {expected} when the estimator was "
            "fitted. Convert it in the same way."
        )

    @staticmethod
    def _shown(levels):
        """Levels that have an indicator: all, or the second of two."""
        return levels[1:] if len(levels) == 2 else levels
