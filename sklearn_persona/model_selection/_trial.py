"""Data shared by all estimators of a comparison: table, outcome and roles."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.utils.validation import _num_samples, column_or_1d

from sklearn_persona._data.labels import encode_labels
from sklearn_persona._designs import Cases, read_cases

__all__ = ["ComparedTrial", "read_compared_trial"]


@dataclass(frozen=True)
class ComparedTrial:
    """Validated input of a comparison.

    Attributes
    ----------
    table : array-like or DataFrame
        Includes columns that have a role.
    features : array-like or DataFrame
        Excludes them.
    y : ndarray of shape (n_samples,)
        As given.
    cases : Cases
    metadata : dict of str to ndarray
        Roles that were given.
    labels : ndarray of shape (n_samples,) or None
        Target of classifiers; None if y is continuous and there is no response.
    good : label or None
        The label of responders.
    """

    table: object
    features: object
    y: np.ndarray
    cases: Cases
    metadata: dict
    labels: np.ndarray | None
    good: object

    @property
    def responder(self):
        """Whether each case responded; None without a binary outcome."""
        return None if self.labels is None else self.labels == self.good


def read_compared_trial(
    X, y, roles, *, framed=None, response=None, control=None, greater_is_better=True
):
    """Check the input of a comparison.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_columns)
    y : array-like of shape (n_samples,)
    roles : dict of str to (array-like, str or None)
        Arrays, or names of columns of X.
    framed : dict of str to str, optional
        Columns that adapters take from the table, with their roles.
    response : array-like of shape (n_samples,), optional
    control : label, optional
    greater_is_better : bool

    Returns
    -------
    trial : ComparedTrial

    Raises
    ------
    ValueError, TypeError
        If the input is not valid.
    """
    n_rows = _num_samples(X)
    named = {role: name for role, name in roles.items() if isinstance(name, str)}
    metadata = {}
    for role, given in roles.items():
        if role in named:
            metadata[role] = _column(X, role, given)
        elif given is not None:
            metadata[role] = np.asarray(given)
    if y is None:
        raise ValueError("y is None, expected the outcome of each row.")
    cases = read_cases(
        n_rows,
        y,
        **metadata,
        control=control,
        greater_is_better=greater_is_better,
    )
    for column, role in (framed or {}).items():
        # An adapter must read the same values as all other estimators.
        differ = _column(X, role, column) != metadata[role]
        if np.any(differ):
            raise ValueError(
                f"{role} differs from column {column!r}, which a TrialFrame takes for "
                f"it, in {np.count_nonzero(differ)} rows. Pass {role}={column!r}."
            )
    y = column_or_1d(y)
    labels = good = None
    if response is not None:
        codes, classes = encode_labels(response, "response")
        if len(codes) != n_rows:
            raise ValueError(
                f"response has {len(codes)} entries but X has {n_rows} rows. Pass one "
                "entry a row, in the same order."
            )
        if len(classes) != 2:
            raise ValueError(
                f"response must have two classes, got {len(classes)}: "
                f"{classes[:5].tolist()}. Cut the outcome at the threshold of response."
            )
        labels, good = classes[codes], classes[1]
    elif len(np.unique(cases.y)) == 2:
        labels, good = y, y.max() if greater_is_better else y.min()
    drop = list(dict.fromkeys([*named.values(), *(framed or {})]))
    features = X
    if drop:
        features = X.drop(columns=drop) if isinstance(X, pd.DataFrame) else X.drop(drop)
    return ComparedTrial(X, features, y, cases, metadata, labels, good)


def _column(X, role, name):
    if not hasattr(X, "columns"):
        raise TypeError(
            f"{role}={name!r} names a column, but X is of type {type(X).__name__}. "
            "Pass a table with that column, or an array and no TrialFrame."
        )
    if list(X.columns).count(name) != 1:
        raise ValueError(
            f"{role}={name!r} must name one column of X, found "
            f"{list(X.columns).count(name)} among {list(X.columns)[:20]}."
        )
    return np.asarray(X[name])
