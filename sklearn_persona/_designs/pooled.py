"""Pooled cases, as published: every case counts; splits keep participants whole."""

import numpy as np

from sklearn_persona._designs.units import Units

__all__ = ["Pooled"]


class Pooled(Units):
    """One two-sample unit per case."""

    design = "pooled"
    one_row_each = False
    description = "cases pooled over periods and analyzed as if they were independent"

    @classmethod
    def from_cases(cls, cases):
        """Build the units; see `Units.from_cases`."""
        n = len(cases.y)
        column = np.where(cases.treated, 0, 1)

        def seen(values):
            table = np.full((n, 2), np.nan)
            table[np.arange(n), column] = values
            return table

        # A participant's split stratum: its arms, in which order if that is known.
        n_groups = len(cases.participants)
        arms = np.zeros(n_groups, np.int64)
        np.bitwise_or.at(arms, cases.groups, 1 + cases.treated)
        first = np.zeros(n_groups, np.int64)
        if cases.period is not None:
            in_first = cases.period == 1
            first[cases.groups[in_first]] = 1 + cases.treated[in_first]
        strata = np.zeros(n_groups, np.int64)
        strata[cases.groups] = cases.strata
        response = cases.response
        return cls(
            rows=np.arange(n),
            groups=cases.groups,
            strata=cases.strata,
            split_strata=(12 * strata + 3 * arms + first)[cases.groups],
            outcome=cases.outcome,
            treated=cases.treated,
            by_arm=seen(cases.y),
            response_by_arm=None if response is None else seen(response),
            kind=cases.kind,
        )
