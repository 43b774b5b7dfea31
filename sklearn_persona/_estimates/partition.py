"""Explained and unexplained: who is covered by a claim, and the effect there."""

import numpy as np
import pandas as pd

from sklearn_persona._estimates.measure import effect_inside, effect_interval

__all__ = ["partition_table"]


def partition_table(units, members, favorable):
    """Sizes and effects of the explained and of the unexplained.

    Parameters
    ----------
    units : Units
        Of the half that tested the personas, where there is one.
    members : list of ndarray of bool, shape (n_units,)
        Of each claimed persona, in the order of `predict`.
    favorable : list of bool
        Direction of each.

    Returns
    -------
    table : DataFrame
        Rows ``favorable``, ``unfavorable`` (by the first covering persona),
        ``explained``, ``unexplained`` and ``everyone``; columns ``n`` (cases),
        ``n_groups`` (participants), ``coverage`` (share of the units), ``effect``
        (oriented; NaN without both arms), ``ci_low`` and ``ci_high`` (95 % t
        interval).
    """
    explained = np.zeros(len(units), bool)
    parts = {True: explained.copy(), False: explained.copy()}
    for inside, direction in zip(members, favorable):
        parts[direction] |= inside & ~explained
        explained |= inside
    rows = {
        "favorable": parts[True],
        "unfavorable": parts[False],
        "explained": explained,
        "unexplained": ~explained,
        "everyone": np.ones(len(units), bool),
    }
    table = {name: _row(units, inside) for name, inside in rows.items()}
    return pd.DataFrame.from_dict(table, orient="index")


def _row(units, inside):
    n = int(np.count_nonzero(inside))
    low, high = effect_interval(units, inside) if n else (np.nan, np.nan)
    return {
        "n": n * (2 if units.paired else 1),
        "n_groups": len(np.unique(units.groups[inside])),
        "coverage": n / len(units),
        "effect": effect_inside(units, inside, units.value) if n else np.nan,
        "ci_low": low,
        "ci_high": high,
    }
