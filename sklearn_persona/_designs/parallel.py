"""Parallel groups: a participant has one arm; several rows of one are averaged."""

import numpy as np

from sklearn_persona._designs.units import Units

__all__ = ["Parallel", "averaged"]


class Parallel(Units):
    """One two-sample unit per participant."""

    design = "parallel"
    unit = "participant"
    description = "a parallel-group trial, analyzed by {unit}"

    @classmethod
    def from_cases(cls, cases):
        """Build the units; see `Units.from_cases`.

        Raises
        ------
        ValueError
            When a participant has cases in both arms.
        """
        first, row_of, mean = averaged(cases)
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
        column = np.where(treated, 0, 1)

        def seen(values):
            table = np.full((len(first), 2), np.nan)
            table[np.arange(len(first)), column] = mean(values)
            return table

        response = cases.response
        return cls(
            rows=row_of,
            groups=first,
            strata=strata,
            split_strata=2 * strata + treated,
            outcome=mean(cases.outcome),
            treated=treated,
            by_arm=seen(cases.y),
            response_by_arm=None if response is None else seen(response.astype(float)),
            kind=cases.kind,
        )


def averaged(cases):
    """Participants, the first row of each, and how to average values over their rows.

    Parameters
    ----------
    cases : Cases

    Returns
    -------
    groups, rows : ndarray of int, shape (n_participants,)
    mean : callable
        From values of cases to means of participants.
    """
    groups, rows = np.unique(cases.groups, return_index=True)
    counts = np.bincount(cases.groups, minlength=len(groups)).astype(float)

    def mean(values):
        sums = np.bincount(cases.groups, weights=values, minlength=len(groups))
        return sums / counts

    return groups, rows, mean
