"""Who went where: from the rows that were given to the units of each half."""

import numpy as np

from sklearn_persona._data.checks import rescale, unscale
from sklearn_persona._estimates.measure import (
    effect_inside,
    effect_interval,
    size_floor,
)

__all__ = ["describe_flow"]

UNITS = {"crossover": "complete pair", "parallel": "participant"}


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
        "unit": UNITS.get(units.design, "case") if cases.grouped else "case",
        "n_columns": len(columns),
        "n_columns_missing": sum(share > 0 for share in missing),
        "share_missing": float(np.mean(missing)),
        "n_strata": len(np.unique(units.strata)),
        "period_known": units.sequence is not None,
        "grouped": cases.grouped,
        "training": _half(train),
        "holdout": None if holdout is None else _half(holdout),
    }


def _share_missing(column):
    if column.levels is not None:
        return float(np.mean(column.values < 0))
    return float(np.mean(np.isnan(column.values)))


def _half(units):
    single = units.treated is None and not units.paired
    everyone = np.ones(len(units), bool)
    counts = np.count_nonzero(~np.isnan(units.by_arm), axis=0).tolist()
    out = {
        "n_units": len(units),
        "n_participants": len(np.unique(units.groups)),
        "n_cases": units.n_cases,
        "n_treated": None if single else counts[0],
        "n_control": None if single else counts[1],
        "mean": float(units.by_arm[:, 0].mean()) if single else None,
        "mean_treated": None,
        "mean_control": None,
        "effect": None,
        "ci_effect": None,
        "sd": _spread(units),
        "p_floor": None,
    }
    if not single:
        floor = size_floor(units, everyone, None, contrast=False)
        out["p_floor"] = float(floor)
    if not single and all(counts):
        means = np.nanmean(units.by_arm, axis=0).tolist()
        low, high = effect_interval(units, everyone)
        out |= {
            "mean_treated": means[0],
            "mean_control": means[1],
            "effect": float(effect_inside(units, everyone, units.value)),
            "ci_effect": None if np.isnan(low + high) else [float(low), float(high)],
        }
    return out


def _spread(units):
    """Sample standard deviation within arms; None with too few units."""
    # By a power of two, so that no square is too large or too small for a double.
    value, exponent = rescale(units.value)
    parts = [value]
    if units.treated is not None:
        parts = [value[units.treated], value[~units.treated]]
    dof = sum(len(part) - 1 for part in parts if len(part))
    if dof < 1:
        return None
    squares = sum(((part - part.mean()) ** 2).sum() for part in parts if len(part))
    return unscale(np.sqrt(squares / dof), exponent)
