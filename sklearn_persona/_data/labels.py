"""Integer codes for labels of any kind, such as arms, participants and sites."""

import numpy as np
import pandas as pd

__all__ = ["encode_labels"]


def encode_labels(values, name):
    """Encode the values of a column by their rank among the distinct values.

    Parameters
    ----------
    values : array-like of shape (n_samples,)
        Labels of any kind.
    name : str
        Name of the column in errors.

    Returns
    -------
    codes : ndarray of shape (n_samples,), dtype=intp
        Position of each value in `classes`.
    classes : ndarray of shape (n_classes,)
        The distinct values in sorted order; values that cannot be compared with each
        other are sorted by type and text.

    Raises
    ------
    ValueError
        If the values have more than one dimension or a value is missing.

    Examples
    --------
    >>> from sklearn_persona._data.labels import encode_labels
    >>> codes, classes = encode_labels(["saline", "ketamine", "saline"], "treatment")
    >>> codes.tolist(), classes.tolist()
    ([1, 0, 1], ['ketamine', 'saline'])
    """
    if not hasattr(values, "__array__"):
        values = list(values)
        if not any(pd.api.types.is_list_like(value) for value in values):
            # numpy would turn [1, "a", nan] into three strings.
            values = pd.Series(values, dtype=object).infer_objects().to_numpy()
    values = np.asarray(values)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(
            f"{name} has shape {values.shape}, expected one label per row, of shape "
            "(n_samples,). Pass a single column."
        )
    if values.dtype.kind not in "biufmM":
        values = values.astype(object)
    codes, classes = pd.factorize(values)
    n_missing = int(np.count_nonzero(codes < 0))
    if n_missing:
        raise ValueError(
            f"{name} is missing in {n_missing} of {len(values)} rows, expected a "
            "label in every row. Drop those rows or fill in the labels."
        )
    order = _sorted_positions(classes)
    rank = np.empty(len(classes), dtype=np.intp)
    rank[order] = np.arange(len(classes))
    return rank[codes], classes[order]


def _sorted_positions(classes):
    try:
        return np.argsort(classes, kind="stable")
    except TypeError:
        keys = [(type(value).__name__, str(value)) for value in classes]
        return np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.intp)
