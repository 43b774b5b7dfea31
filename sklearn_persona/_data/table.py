"""Columns of a user's table X: names, numbers and categories."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Number

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_array

__all__ = [
    "FLOATS",
    "TableColumn",
    "check_names",
    "modality_codes",
    "nearest_names",
    "numbers",
    "read_column",
    "read_table",
]


# Types that are kept; all other numbers become the first.
FLOATS = (np.float64, np.float32)


@dataclass(frozen=True)
class TableColumn:
    """One baseline variable.

    Attributes
    ----------
    name : str or None
        None when X has no column names.
    position : int
    values : ndarray, shape (n_rows,)
        float64 or float32 with NaN for missing values, or int64 codes of levels with
        -1 for missing values. Use `numbers` to compare with a float64.
    levels : tuple or None
        Categories in order; None for a number.
    """

    name: str | None
    position: int
    values: np.ndarray
    levels: tuple | None


def numbers(values):
    """Convert values of a numeric column to float64.

    Columns of float32 are not converted when read, to avoid a copy of a large table;
    but numpy would round a cut to float32 before comparing.
    """
    return np.asarray(values).astype(np.float64, copy=False)


def is_frame(X):
    """Whether X has named columns (pandas, polars)."""
    return hasattr(X, "columns") and hasattr(X, "__getitem__")


def read_table(X):
    """Read every column of X.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_rows, n_columns)
        Numbers; in a DataFrame also categories (object, string, categorical).

    Returns
    -------
    columns : list of TableColumn

    Raises
    ------
    ValueError
        For infinite values, duplicate column names or sparse input.
    TypeError
        For columns that are neither numbers nor categories, such as dates.
    """
    if not is_frame(X):
        array = check_array(
            X, dtype=FLOATS, ensure_all_finite="allow-nan", input_name="X"
        )
        return [TableColumn(None, j, array[:, j], None) for j in range(array.shape[1])]
    check_names(X)
    names = list(X.columns)
    return [_read_series(X[name], name, j) for j, name in enumerate(names)]


def check_names(X):
    """Raise an error if a column name occurs more than once."""
    names = list(X.columns)
    duplicated = pd.Index(names)[pd.Index(names).duplicated()].unique().tolist()
    if duplicated:
        raise ValueError(
            f"Column names must be unique; got {duplicated} more than once. "
            "Rename or drop the repeated columns."
        )


def read_column(X, name, position):
    """Read one column of X, by name from a DataFrame and by position from an array."""
    if is_frame(X):
        if name is None:
            names = list(X.columns)
            if position >= len(names):
                raise ValueError(f"X has {len(names)} columns, need column {position}.")
            name = names[position]
        elif name not in X.columns:
            raise ValueError(
                f"X has no column {name!r}{nearest_names(name, list(X.columns))}."
            )
        return _read_series(X[name], name, position)
    array = np.asarray(X)
    if array.ndim != 2:
        raise ValueError(f"X must have two dimensions, got shape {array.shape}.")
    if position is None:
        raise ValueError(
            f"The condition on {name!r} has no column position, so X must be a "
            "DataFrame with that column; got an array."
        )
    if position >= array.shape[1]:
        raise ValueError(f"X has {array.shape[1]} columns, need column {position}.")
    values = array[:, position]
    if values.dtype.kind not in "biuf":
        return _read_objects(values, name, position)
    return TableColumn(name, position, values.astype(np.float64), None)


def nearest_names(name, names):
    """Suggest existing names that are close to a wrong one, for an error message."""
    close = difflib.get_close_matches(str(name), [str(n) for n in names], 3)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""


def _read_series(series, name, position):
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        present = set(series.dropna().tolist())
        levels = tuple(level for level in dtype.categories.tolist() if level in present)
        codes = series.cat.set_categories(list(levels)).cat.codes
        return TableColumn(name, position, codes.to_numpy(np.int64), levels)
    if isinstance(series, pd.Series):
        if pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype):
            if pd.api.types.is_complex_dtype(dtype):
                raise ValueError(
                    f"Complex data not supported: column {name!r} has dtype {dtype}."
                )
            if dtype in FLOATS:
                return _numeric(series.to_numpy(), name, position)
            values = series.to_numpy(dtype=np.float64, na_value=np.nan)
            return _numeric(values, name, position)
        if not (
            pd.api.types.is_object_dtype(dtype) or pd.api.types.is_string_dtype(dtype)
        ):
            raise TypeError(_unreadable(name, dtype))
        return _read_objects(series.to_numpy(dtype=object), name, position)
    # Other data frames, such as those of polars.
    array = series.to_numpy()
    if array.dtype.kind in "biuf":
        return _numeric(array.astype(np.float64), name, position)
    if array.dtype.kind in "mM":
        raise TypeError(_unreadable(name, dtype))
    return _read_objects(np.array(series.to_list(), dtype=object), name, position)


def _unreadable(name, dtype):
    return (
        f"Column {name!r} has dtype {dtype}; expected numbers, booleans or categories. "
        "Convert it (for example a date to an age) or drop it."
    )


def _numeric(values, name, position):
    infinite = np.isinf(values)
    if infinite.any():
        raise ValueError(
            f"Input X contains infinity in column {name!r}, row "
            f"{int(np.argmax(infinite))}; replace it by a number, or by NaN if missing."
        )
    return TableColumn(name, position, values, None)


def _read_objects(values, name, position):
    """Read Python objects: as numbers if all of them are, otherwise as categories."""
    missing = pd.isna(values)
    seen = values[~missing]
    if all(isinstance(v, Number | np.bool_) for v in seen):
        numbers = np.full(len(values), np.nan)
        try:
            numbers[~missing] = seen.astype(np.float64)
        except TypeError as error:
            raise TypeError(_unreadable(name, "object (complex)")) from error
        return _numeric(numbers, name, position)
    odd = next((v for v in seen if not isinstance(v, str | Number | np.bool_)), None)
    if odd is not None:
        raise TypeError(
            f"Column {name!r} holds a {type(odd).__name__} ({odd!r}); expected "
            "numbers, or categories given as strings, integers or booleans."
        )
    seen = [v.item() if isinstance(v, np.generic) else v for v in seen]
    levels = sorted(set(seen), key=lambda v: (isinstance(v, str), str(v)))
    code = {level: i for i, level in enumerate(levels)}
    codes = np.array([-1 if m else code[v] for v, m in zip(values, missing)], np.int64)
    return TableColumn(name, position, codes, tuple(levels))


def modality_codes(modalities, columns):
    """Encode the modality (source) of each column.

    Parameters
    ----------
    modalities : mapping, callable or None
        Maps a column's name or position to its modality, or returns the modality for
        a name (for a position if there are no names). All other columns have the
        modality "other".
    columns : list of TableColumn

    Returns
    -------
    codes : ndarray of int32, shape (n_columns,)
    labels : list of str
        Label of each code; empty if `modalities` is None.

    Raises
    ------
    ValueError
        For a modality of a column that does not exist.
    """
    if modalities is None:
        return np.zeros(len(columns), np.int32), []
    keys = [c.position if c.name is None else c.name for c in columns]
    if isinstance(modalities, Mapping):
        known = {c.name for c in columns if c.name is not None}
        known |= {c.position for c in columns}
        unknown = [key for key in modalities if key not in known]
        if unknown:
            raise ValueError(
                f"modalities names {len(unknown)} column(s) that X does not have, "
                f"first {unknown[0]!r}{nearest_names(unknown[0], keys)}."
            )
        found = [
            modalities.get(c.name, modalities.get(c.position, "other")) for c in columns
        ]
    elif callable(modalities):
        found = [modalities(key) for key in keys]
    else:
        raise TypeError(
            "modalities must map columns to modalities or be callable, got "
            f"{type(modalities).__name__}."
        )
    found = ["other" if label is None else str(label) for label in found]
    labels = sorted(set(found))
    return np.array([labels.index(label) for label in found], np.int32), labels
