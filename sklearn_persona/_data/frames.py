"""DataFrames as plain values, so that estimators can be stored without pickles."""

import pandas as pd

__all__ = ["from_plain", "to_plain"]

# What marks a dict as a frame.
MARK = "data frame"


def to_plain(value):
    """A DataFrame as a dict of lists; anything else as it is.

    Parameters
    ----------
    value : object

    Returns
    -------
    value : object
    """
    if not isinstance(value, pd.DataFrame):
        return value
    return {
        MARK: [list(value.columns), value.index.name],
        "index": _listed(value.index),
        "columns": [_listed(value[name]) for name in value.columns],
    }


def _listed(values):
    return [str(values.dtype), values.tolist()]


def from_plain(value):
    """The DataFrame of `to_plain`; anything else as it is.

    Parameters
    ----------
    value : object

    Returns
    -------
    value : object
    """
    if not (isinstance(value, dict) and MARK in value):
        return value
    names, title = value[MARK]
    dtype, labels = value["index"]
    index = pd.Index(labels, dtype=dtype, name=title)
    if dtype == "int64" and labels == list(range(len(labels))) and title is None:
        index = pd.RangeIndex(len(labels))
    columns = {
        name: pd.Series(items, index=index, dtype=dtype)
        for name, (dtype, items) in zip(names, value["columns"])
    }
    return pd.DataFrame(columns, index=index, columns=names)
