"""Pooled cases, as published: every case counts; splits keep participants whole."""

import numpy as np

from sklearn_persona._designs.units import Units

__all__ = ["pooled_units"]


def pooled_units(cases):
    """One two-sample unit per case."""
    n = len(cases.y)
    column = np.where(cases.treated, 0, 1)
    by_arm, response = np.full((n, 2), np.nan), None
    by_arm[np.arange(n), column] = cases.y
    if cases.response is not None:
        response = np.full((n, 2), np.nan)
        response[np.arange(n), column] = cases.response
    # A participant's split stratum: which arms it has, in which order if known.
    n_groups = len(cases.participants)
    arms = np.zeros(n_groups, np.int64)
    np.bitwise_or.at(arms, cases.groups, 1 + cases.treated)
    first = np.zeros(n_groups, np.int64)
    if cases.period is not None:
        in_first = cases.period == 1
        first[cases.groups[in_first]] = 1 + cases.treated[in_first]
    strata = np.zeros(n_groups, np.int64)
    strata[cases.groups] = cases.strata
    return Units(
        design="pooled",
        rows=np.arange(n),
        groups=cases.groups,
        strata=cases.strata,
        split_strata=(12 * strata + 3 * arms + first)[cases.groups],
        outcome=cases.outcome,
        treated=cases.treated,
        by_arm=by_arm,
        response_by_arm=response,
        sign=cases.sign,
    )
