"""Parallel groups: a participant has one arm; several rows of one are averaged."""

import numpy as np

from sklearn_persona._designs.units import Units

__all__ = ["parallel_units"]


def parallel_units(cases):
    """One two-sample unit per participant.

    Raises
    ------
    ValueError
        When a participant has cases in both arms.
    """
    first, row_of = np.unique(cases.groups, return_index=True)
    counts = np.bincount(cases.groups, minlength=len(first)).astype(float)

    def mean(values):
        return np.bincount(cases.groups, weights=values, minlength=len(first)) / counts

    share = mean(cases.treated.astype(float))
    mixed = (share > 0) & (share < 1)
    if mixed.any():
        label = cases.participants[int(np.argmax(mixed))]
        raise ValueError(
            f"design='parallel' but {np.count_nonzero(mixed)} participant(s) have "
            f"cases in both arms, first {label!r}. Use design='crossover', or give "
            "each participant one arm."
        )
    treated = share > 0
    strata = cases.strata[row_of]
    nothing = np.full((len(first), 2), np.nan)
    by_arm, response = nothing.copy(), None
    column = np.where(treated, 0, 1)
    by_arm[np.arange(len(first)), column] = mean(cases.y)
    if cases.response is not None:
        response = nothing.copy()
        response[np.arange(len(first)), column] = mean(cases.response.astype(float))
    return Units(
        design="parallel",
        rows=row_of,
        groups=first,
        strata=strata,
        split_strata=2 * strata + treated,
        outcome=mean(cases.outcome),
        treated=treated,
        by_arm=by_arm,
        response_by_arm=response,
        sign=cases.sign,
    )
