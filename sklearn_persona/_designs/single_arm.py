"""A single arm: no contrast between treatments, only between inside and outside."""

import numpy as np

from sklearn_persona._designs.units import Units

__all__ = ["single_arm_units"]


def single_arm_units(cases):
    """One one-sample unit per participant; several rows of one are averaged."""
    first, row_of = np.unique(cases.groups, return_index=True)
    counts = np.bincount(cases.groups, minlength=len(first)).astype(float)

    def mean(values):
        return np.bincount(cases.groups, weights=values, minlength=len(first)) / counts

    strata = cases.strata[row_of]
    unseen = np.full(len(first), np.nan)
    response = None
    if cases.response is not None:
        response = np.column_stack([mean(cases.response.astype(float)), unseen])
    return Units(
        design="single-arm",
        rows=row_of,
        groups=first,
        strata=strata,
        split_strata=strata,
        outcome=mean(cases.outcome),
        treated=None,
        by_arm=np.column_stack([mean(cases.y), unseen]),
        response_by_arm=response,
        sign=cases.sign,
    )
