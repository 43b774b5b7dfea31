"""Summaries of a table of `compare`: means, tested differences, a table to print."""

from itertools import combinations

import numpy as np
import pandas as pd

from sklearn_persona._text.numbers import estimate, percent
from sklearn_persona.inference import adjust_pvalues, corrected_resampled_test
from sklearn_persona.model_selection._fold_metrics import COLUMNS, RESPONSE_METRICS

__all__ = [
    "check_table",
    "comparison_differences",
    "comparison_paper",
    "comparison_summary",
]

_SHARES = (*RESPONSE_METRICS, "favorable_share")


def comparison_summary(table, *, level=0.95):
    """Mean of each metric over the splits, with an interval.

    Parameters
    ----------
    table : DataFrame
        Result of `compare`.
    level : float, default=0.95
        Nominal coverage of the intervals.

    Returns
    -------
    summary : DataFrame
        A row per estimator, subset and metric: ``estimator``, ``subset``, ``metric``,
        ``mean``, ``low``, ``high``, ``sd`` (over splits), ``coverage`` (mean share of
        the test rows), ``n_splits`` (with a value), ``n_failed``.

    Raises
    ------
    ValueError
        If the table lacks a column.

    See Also
    --------
    comparison_differences : Differences between estimators.
    sklearn_persona.inference.corrected_resampled_test : Computes the intervals.

    Notes
    -----
    Splits in which a metric has no value are left out of its mean; use fewer folds if
    test sets are small. Intervals of shares are cut off at 0 and 1.

    References
    ----------
    Nadeau, C. & Bengio, Y. (2003). Inference for the generalization error. Machine
    Learning 52, 239-281.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_persona.model_selection import comparison_summary
    >>> table = pd.DataFrame({
    ...     "estimator": "svc", "split": [0, 1, 2, 3], "subset": "all",
    ...     "metric": "roc_auc", "value": [0.7, 0.6, 0.8, 0.7], "coverage": 1.0,
    ...     "n_train": 75, "n_test": 25, "seconds": 0.1, "error": "",
    ... })
    >>> comparison_summary(table)[["mean", "low", "high"]].round(2).values.tolist()
    [[0.7, 0.5, 0.9]]
    """
    check_table(table)
    rows = []
    by = ["estimator", "subset", "metric"]
    for keys, part in table.groupby(by, sort=False):
        known = part[part["value"].notna()]
        mean, ends, _, n_splits = _tested(known["value"], None, known, level)
        low, high = np.clip(ends, 0.0, 1.0) if keys[2] in _SHARES else ends
        rows.append(
            {
                **dict(zip(by, keys)),
                "mean": mean,
                "low": low,
                "high": high,
                "sd": float(known["value"].std()),
                "coverage": float(part["coverage"].mean()),
                "n_splits": n_splits,
                "n_failed": int((part["error"] != "").sum()),
            }
        )
    return pd.DataFrame(rows)


def comparison_differences(table, *, reference=None, level=0.95):
    """Differences between estimators over identical splits, with a corrected test.

    Parameters
    ----------
    table : DataFrame
        Result of `compare`.
    reference : str, default=None
        Estimator that is subtracted from each of the others. None: all pairs, the
        later subtracted from the earlier.
    level : float, default=0.95
        Nominal coverage of the intervals.

    Returns
    -------
    differences : DataFrame
        A row per pair, subset and metric: ``estimator``, ``reference``, ``subset``,
        ``metric``, ``difference``, ``low``, ``high``, ``p_value`` (two-sided),
        ``p_adjusted`` (Holm, over the pairs of one metric and subset), ``n_splits``
        (in which both have a value).

    Raises
    ------
    ValueError
        If the table lacks a column, or `reference` is not among its estimators.

    See Also
    --------
    sklearn_persona.inference.corrected_resampled_test : The test.

    References
    ----------
    Nadeau, C. & Bengio, Y. (2003). Inference for the generalization error. Machine
    Learning 52, 239-281.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_persona.model_selection import comparison_differences
    >>> table = pd.DataFrame({
    ...     "estimator": ["svc"] * 4 + ["tree"] * 4, "split": [0, 1, 2, 3] * 2,
    ...     "subset": "all", "metric": "roc_auc",
    ...     "value": [0.7, 0.6, 0.8, 0.7, 0.6, 0.6, 0.7, 0.5], "coverage": 1.0,
    ...     "n_train": 75, "n_test": 25, "seconds": 0.1, "error": "",
    ... })
    >>> found = comparison_differences(table)
    >>> found[["estimator", "reference"]].values.tolist()
    [['svc', 'tree']]
    >>> found[["difference", "p_value"]].round(3).values.tolist()
    [[0.1, 0.207]]
    """
    check_table(table)
    names = list(dict.fromkeys(table["estimator"]))
    if reference is not None and reference not in names:
        raise ValueError(
            f"reference={reference!r} is not an estimator of the table: {names}."
        )
    pairs = list(combinations(names, 2))
    if reference is not None:
        pairs = [(name, reference) for name in names if name != reference]
    rows = []
    for (subset, metric), part in table.groupby(["subset", "metric"], sort=False):
        sizes = part.drop_duplicates("split").set_index("split")
        values = part.pivot(index="split", columns="estimator", values="value")
        found = []
        for name, other in pairs:
            if not {name, other} <= set(values):
                continue
            both = values[[name, other]].dropna()
            mean, (low, high), p_value, n_splits = _tested(
                both[name], both[other], sizes.loc[both.index], level
            )
            found.append(
                {
                    "estimator": name,
                    "reference": other,
                    "subset": subset,
                    "metric": metric,
                    "difference": mean,
                    "low": low,
                    "high": high,
                    "p_value": p_value,
                    "p_adjusted": np.nan,
                    "n_splits": n_splits,
                }
            )
        tested = [row for row in found if not np.isnan(row["p_value"])]
        adjusted = adjust_pvalues([row["p_value"] for row in tested], "holm")
        for row, p_value in zip(tested, adjusted):
            row["p_adjusted"] = float(p_value)
        rows += found
    columns = ["estimator", "reference", "subset", "metric", "difference", "low"]
    columns += ["high", "p_value", "p_adjusted", "n_splits"]
    return pd.DataFrame(rows, columns=columns)


def comparison_paper(table, *, metrics=None, subsets=None, level=0.95, digits=2):
    """Format the means of `comparison_summary` for a paper.

    Parameters
    ----------
    table : DataFrame
        Result of `compare`.
    metrics : list of str, default=None
        Columns in this order. None: all metrics.
    subsets : list of str, default=None
        None: all subsets except single arms.
    level : float, default=0.95
        Nominal coverage of the intervals.
    digits : int, default=2
        Number of decimals.

    Returns
    -------
    paper : DataFrame of str
        A row per subset and estimator: ``patients``, the share of the test rows in
        percent, and each metric as ``mean (low to high)``.

    Raises
    ------
    ValueError
        If the table lacks a metric or a subset.

    See Also
    --------
    comparison_summary : The same values as numbers.

    References
    ----------
    Nadeau, C. & Bengio, Y. (2003). Inference for the generalization error. Machine
    Learning 52, 239-281.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_persona.model_selection import comparison_paper
    >>> table = pd.DataFrame({
    ...     "estimator": "svc", "split": [0, 1, 2, 3], "subset": "all",
    ...     "metric": "roc_auc", "value": [0.7, 0.6, 0.8, 0.7], "coverage": 1.0,
    ...     "n_train": 75, "n_test": 25, "seconds": 0.1, "error": "",
    ... })
    >>> comparison_paper(table).loc[("all", "svc")].tolist()
    ['100%', '0.70 (0.50 to 0.90)']
    """
    check_table(table)
    summary = comparison_summary(table, level=level)
    wanted = {"metric": metrics, "subset": subsets}
    for column, names in wanted.items():
        known = list(dict.fromkeys(summary[column]))
        if names is None:
            wanted[column] = [name for name in known if not name.startswith("arm ")]
            continue
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(f"{column}s {unknown} are not in the table: {known}.")
        wanted[column] = list(names)
    rows = {}
    for subset in wanted["subset"]:
        part = summary[summary["subset"] == subset]
        for name in dict.fromkeys(part["estimator"]):
            own = part[part["estimator"] == name].set_index("metric")
            row = {"patients": percent(own["coverage"].iloc[0], 0)}
            for metric in wanted["metric"]:
                row[metric] = ""
                if metric in own.index and not np.isnan(own.loc[metric, "mean"]):
                    mean, *ends = own.loc[metric, ["mean", "low", "high"]].astype(float)
                    row[metric] = estimate(mean, ends, digits)
            rows[subset, name] = row
    paper = pd.DataFrame.from_dict(rows, orient="index")
    paper.index = pd.MultiIndex.from_tuples(rows, names=["subset", "estimator"])
    return paper


def check_table(table):
    """Raise unless the table has the columns of `compare`."""
    lacking = [c for c in COLUMNS if c not in getattr(table, "columns", ())]
    if lacking:
        raise ValueError(
            f"table lacks the column(s) {lacking}, expected a DataFrame of compare."
        )


def _tested(values, others, rows, level):
    """Mean, interval, p value and number of splits; NaN with fewer than two."""
    if len(values) < 2:
        mean = values.sum() - (0 if others is None else others.sum())
        nowhere = np.nan, np.nan
        return float(mean) if len(values) else np.nan, nowhere, np.nan, len(values)
    found = corrected_resampled_test(
        values,
        others,
        n_train=rows["n_train"],
        n_test=rows["n_test"],
        level=level,
    )
    return found.mean, found.ci, found.p_value, found.n_splits
