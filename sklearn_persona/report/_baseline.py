"""The baseline inside a persona against outside, as counts, means and shares."""

import numpy as np
from sklearn.utils.validation import column_or_1d

from sklearn_persona._data.table import numbers, read_table

__all__ = ["baseline_tables"]

# Variables shown besides the persona's own: those that differ most.
MOST_VARIABLES = 10
MOST_LEVELS = 4


def baseline_tables(estimator, X, y=None, treatment=None):
    """Tables of the personas that were tested, or of the first one.

    Parameters
    ----------
    estimator : PersonaDiscoverer
        Fitted.
    X : array-like or DataFrame of shape (n_samples, n_features)
        As in the fit.
    y, treatment : array-like of shape (n_samples,), optional
        With both, each table gives the outcome by arm, inside and outside.

    Returns
    -------
    tables : list of dict
        ``persona`` (position in `personas_`), ``n_inside``, ``n_outside`` (units),
        ``rows``, ``n_left_out`` (variables not shown) and ``outcomes``. A row has
        ``variable``, ``level`` (None for a number), ``own`` (whether the persona has
        a condition on it), ``inside`` and ``outside`` (``[mean, sd, n]`` of a number,
        ``[share, None, n]`` of a level) and ``difference``, standardized by the mean
        variance of the two sides.

    Raises
    ------
    ValueError
        When `X` has other rows than the fit, or `y` or `treatment` other rows than
        `X`.
    """
    membership = estimator._membership(X)
    n_rows = len(estimator.split_)
    if len(membership) != n_rows:
        raise ValueError(
            f"X has {len(membership)} rows, but the fit had {n_rows}; pass the table "
            "of the fit."
        )
    columns = read_table(X)
    tested = [
        i
        for i, persona in enumerate(estimator.personas_)
        if persona.confirmed or persona.holdout is not None
    ]
    tables = []
    for i in tested or list(range(len(estimator.personas_)))[:1]:
        persona = estimator.personas_[i]
        inside = membership[estimator.unit_rows_, i]
        own = {c.position for c in persona.conditions}
        rows, left_out = _rows(columns, estimator.unit_rows_, inside, own)
        tables.append(
            {
                "persona": i,
                "n_inside": int(np.count_nonzero(inside)),
                "n_outside": int(np.count_nonzero(~inside)),
                "rows": rows,
                "n_left_out": left_out,
                "outcomes": _outcomes(estimator, membership[:, i], y, treatment),
            }
        )
    return tables


def _rows(columns, unit_rows, inside, own):
    measured = []
    for column in columns:
        values = column.values[unit_rows]
        rows = (
            [_number_row(values, inside)]
            if column.levels is None
            else _level_rows(values, column.levels, inside)
        )
        size = max((abs(r["difference"] or 0.0) for r in rows), default=0.0)
        name = f"x{column.position}" if column.name is None else str(column.name)
        mine = column.position in own
        for row in rows:
            row |= {"variable": name, "own": mine}
        measured.append((not mine, -size, column.position, rows))
    measured.sort(key=lambda item: item[:3])
    kept = measured[: len(own) + MOST_VARIABLES]
    rows = [row for *_, some in kept for row in some]
    return rows, len(measured) - len(kept)


def _number_row(values, inside):
    values = numbers(values)
    sides = [_moments(values[side & ~np.isnan(values)]) for side in (inside, ~inside)]
    spread = _difference(*((m, s) for m, s, _ in sides))
    return {
        "level": None,
        "inside": sides[0],
        "outside": sides[1],
        "difference": spread,
    }


def _level_rows(codes, levels, inside):
    known = codes >= 0
    counts = np.bincount(codes[known], minlength=len(levels))
    rows = []
    for code in np.argsort(-counts, kind="stable")[:MOST_LEVELS]:
        sides = []
        for side in (inside & known, ~inside & known):
            n = int(np.count_nonzero(side))
            share = float(np.mean(codes[side] == code)) if n else None
            sides.append([share, None, n])
        spreads = [
            (share, None if share is None else float(np.sqrt(share * (1 - share))))
            for share, _, _ in sides
        ]
        rows.append(
            {
                "level": str(levels[code]),
                "inside": sides[0],
                "outside": sides[1],
                "difference": _difference(*spreads),
            }
        )
    return rows


def _moments(values):
    n = len(values)
    mean = float(values.mean()) if n else None
    sd = float(values.std(ddof=1)) if n > 1 else None
    return [mean, sd, n]


def _difference(one, other):
    """Standardized difference (Austin, 2009); None where it is not defined."""
    if any(value is None for value in (*one, *other)):
        return None
    spread = np.sqrt((one[1] ** 2 + other[1] ** 2) / 2)
    return float((one[0] - other[0]) / spread) if spread > 0 else None


def _outcomes(estimator, inside, y, treatment):
    """Mean outcome of the arms inside and outside, over cases of the holdout.

    Without a holdout, over all analysed cases.
    """
    if y is None or (estimator.two_arm_ and treatment is None):
        return None
    y = np.asarray(column_or_1d(y), dtype=np.float64)
    if len(y) != len(inside):
        raise ValueError(f"y has {len(y)} entries, but X has {len(inside)} rows.")
    half = "holdout" if "holdout" in estimator.split_ else "training"
    counted = estimator.split_ == half
    arms = [(None, counted)]
    if estimator.two_arm_:
        given = np.array([str(arm) for arm in column_or_1d(treatment)])
        if len(given) != len(inside):
            raise ValueError(
                f"treatment has {len(given)} entries, but X has {len(inside)} rows."
            )
        arms = [
            (str(arm), counted & (given == str(arm))) for arm in estimator.arms_[::-1]
        ]
    return {
        "half": half,
        "rows": [
            {
                "arm": arm,
                "inside": _moments(y[rows & inside]),
                "outside": _moments(y[rows & ~inside]),
            }
            for arm, rows in arms
        ],
    }
