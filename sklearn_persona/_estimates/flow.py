"""Who went where: rows to units of each half, units to explained and unexplained."""

import numpy as np
import pandas as pd

from sklearn_persona._data.checks import rescale, unscale

__all__ = ["describe_flow", "partition_table"]


def describe_flow(columns, cases, units, train, holdout):
    """Count rows, participants and units, and measure each half as a whole.

    Parameters
    ----------
    columns : list of TableColumn
    cases : Cases
    units, train : Units
    holdout : Units or None

    Returns
    -------
    flow : dict
        Plain values: ``n_rows``, ``n_participants``, ``n_incomplete`` (participants
        who enter neither search nor tests), ``unit`` (what is counted and tested),
        ``n_columns``, ``n_columns_missing`` (with at least one missing value),
        ``share_missing`` (of all baseline values), ``n_strata``, ``period_known``,
        ``grouped``, and ``training`` and ``holdout`` (None without one), each with
        ``n_units``, ``n_participants``, ``n_cases``, ``n_treated``, ``n_control``,
        ``mean_treated``, ``mean_control`` (in the user's units), ``effect`` and
        ``ci_effect`` (oriented: positive is benefit), ``sd``, the sample standard
        deviation of the units' values within arms, and ``p_floor``, below which no
        exchange of these arms can bring a p value. With a single arm, the means, the
        effect and the floor are None but ``mean``, of the outcome, is not.
    """
    missing = [_share_missing(column) for column in columns]
    return {
        "n_rows": len(cases.y),
        "n_participants": len(cases.participants),
        "n_incomplete": len(cases.participants) - len(np.unique(units.groups)),
        "unit": units.unit if cases.grouped else "case",
        "n_columns": len(columns),
        "n_columns_missing": sum(share > 0 for share in missing),
        "share_missing": float(np.mean(missing)),
        "n_strata": len(np.unique(units.strata)),
        "period_known": units.period_known,
        "grouped": cases.grouped,
        "training": _half(train),
        "holdout": None if holdout is None else _half(holdout),
    }


def _share_missing(column):
    if column.levels is not None:
        return float(np.mean(column.values < 0))
    return float(np.mean(np.isnan(column.values)))


def _half(units):
    counts = np.count_nonzero(~np.isnan(units.by_arm), axis=0).tolist()
    out = {
        "n_units": len(units),
        "n_participants": len(np.unique(units.groups)),
        "n_cases": units.n_cases,
        "n_treated": counts[0] if units.has_arms else None,
        "n_control": counts[1] if units.has_arms else None,
        "mean": None if units.has_arms else float(units.by_arm[:, 0].mean()),
        "mean_treated": None,
        "mean_control": None,
        "effect": None,
        "ci_effect": None,
        "sd": _spread(units),
        "p_floor": None,
    }
    if not units.has_arms:
        return out
    everyone = units.everyone
    out["p_floor"] = float(units.size_floor(everyone, None, contrast=False))
    if all(counts):
        means = np.nanmean(units.by_arm, axis=0).tolist()
        low, high = units.effect_interval(everyone)
        out |= {
            "mean_treated": means[0],
            "mean_control": means[1],
            "effect": float(units.effect(everyone)),
            "ci_effect": None if np.isnan(low + high) else [float(low), float(high)],
        }
    return out


def _spread(units):
    """Sample standard deviation within arms; None with too few units."""
    # By a power of two, so that no square is too large or too small for a double.
    value, exponent = rescale(units.kind.unit_values(units.value))
    parts = [value[sample] for sample in units.spread_samples(units.everyone)]
    parts = [part for part in parts if len(part)]
    dof = sum(len(part) - 1 for part in parts)
    if dof < 1:
        return None
    squares = sum(((part - part.mean()) ** 2).sum() for part in parts)
    return unscale(np.sqrt(squares / dof), exponent)


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
        "everyone": units.everyone,
    }
    table = {name: _row(units, inside) for name, inside in rows.items()}
    return pd.DataFrame.from_dict(table, orient="index")


def _row(units, inside):
    n = int(np.count_nonzero(inside))
    low, high = units.effect_interval(inside) if n else (np.nan, np.nan)
    return {
        "n": n * units.cases_per_unit,
        "n_groups": len(np.unique(units.groups[inside])),
        "coverage": n / len(units),
        "effect": units.effect(inside) if n else np.nan,
        "ci_low": low,
        "ci_high": high,
    }
