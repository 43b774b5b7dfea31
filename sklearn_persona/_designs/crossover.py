"""Two-period crossover: the unit is the complete pair of a participant's cases."""

import numpy as np

from sklearn_persona._designs.units import Units
from sklearn_persona.exceptions import (
    IncompleteParticipantWarning,
    PeriodUnknownWarning,
    warn_caller,
)

__all__ = ["crossover_units"]


def crossover_units(cases):
    """One one-sample unit per complete pair.

    Raises
    ------
    ValueError
        When a participant has several cases in an arm or in a period, or when no
        pair is complete.
    """
    n_groups = len(cases.participants)
    row = np.full((n_groups, 2), -1)
    for arm, chosen in enumerate((cases.treated, ~cases.treated)):
        rows = np.flatnonzero(chosen)
        counts = np.bincount(cases.groups[rows], minlength=n_groups)
        if counts.max() > 1:
            label = cases.participants[int(np.argmax(counts > 1))]
            raise ValueError(
                f"design='crossover' takes one case per participant and arm, but "
                f"participant {label!r} has {counts.max()} cases in arm "
                f"{cases.arms[1 - arm]!r}. Average or select them first."
            )
        row[cases.groups[rows], arm] = rows
    complete = (row >= 0).all(axis=1)
    n_incomplete = int(np.count_nonzero(~complete))
    if not complete.any():
        raise ValueError(
            f"design='crossover' needs participants with a case in both arms; none of "
            f"{n_groups} has. Pass groups=participant identifiers, or use "
            "design='parallel'."
        )
    if n_incomplete:
        warn_caller(
            f"{n_incomplete} of {n_groups} participants have only one arm; they enter "
            "neither the search nor the tests.",
            IncompleteParticipantWarning,
        )
    pair = row[complete]
    treated_row, control_row = pair.T
    sequence = None
    if cases.period is None:
        warn_caller(
            "No period was given: differences are not adjusted for it, and membership "
            "comes from each participant's first row. Pass period=.",
            PeriodUnknownWarning,
        )
        rows = pair.min(axis=1)
    else:
        if cases.period.max() < 2:
            raise ValueError(
                "period must have two values, got one. Number the sessions of a "
                "two-period crossover 1 and 2."
            )
        same = cases.period[treated_row] == cases.period[control_row]
        if same.any():
            label = cases.participants[complete][int(np.argmax(same))]
            raise ValueError(
                f"Participant {label!r} has both cases in the same period; a crossover "
                "has one case per period. Correct period."
            )
        sequence = np.where(cases.period[treated_row] == 1, 1, -1)
        rows = np.where(sequence > 0, treated_row, control_row)
    strata = cases.strata[rows]
    order = sequence if sequence is not None else np.zeros(len(pair), np.int64)
    by_arm = np.column_stack([cases.y[treated_row], cases.y[control_row]])
    response = None
    if cases.response is not None:
        response = cases.response[pair].astype(float)
    return Units(
        design="crossover",
        rows=rows,
        groups=cases.groups[rows],
        strata=strata,
        split_strata=3 * strata + order + 1,
        outcome=cases.outcome[treated_row] - cases.outcome[control_row],
        treated=None,
        by_arm=by_arm,
        response_by_arm=response,
        sign=cases.sign,
        paired=True,
        sequence=sequence,
    )
