"""Reading of what describes a case besides its baseline: outcome, arm, participant."""

from dataclasses import dataclass

import numpy as np

from sklearn_persona._data.labels import encode_labels
from sklearn_persona._data.roles import ROLES
from sklearn_persona._outcomes import Continuous, resolve_outcome

__all__ = ["Cases", "read_cases"]


@dataclass(frozen=True)
class Cases:
    """Validated cases, one entry a row of the table.

    Attributes
    ----------
    y : ndarray of shape (n_cases,)
        In the user's units.
    kind : Continuous
        Kind of the outcome.
    arm : ndarray of int, shape (n_cases,), or None
        Position of each case's arm in `arms`; None without treatment.
    arms : tuple
        Labels, the reference first: ``(control, treated)``. Empty without treatment.
    groups : ndarray of int
        Participant codes.
    participants : ndarray
        Participant label of each code.
    grouped : bool
        Whether the user gave groups.
    period : ndarray of int or None
        1 for the first period, 2 for the second.
    strata : ndarray of int
    """

    y: np.ndarray
    kind: Continuous
    arm: np.ndarray | None
    arms: tuple
    groups: np.ndarray
    participants: np.ndarray
    grouped: bool
    period: np.ndarray | None
    strata: np.ndarray

    @property
    def sign(self):
        """1 when larger outcomes are better, else -1."""
        return self.kind.sign

    @property
    def two_arm(self):
        """Whether the cases have arms to compare."""
        return self.arm is not None

    @property
    def treated(self):
        """Whether each case is in another arm than the reference; None without arms."""
        return None if self.arm is None else self.arm > 0

    @property
    def arm_masks(self):
        """Masks of treated and control cases; of everyone without treatment."""
        if self.arm is None:
            return [np.ones(len(self.y), bool)]
        return [self.arm > 0, self.arm == 0]

    @property
    def outcome(self):
        """Oriented outcome: the response where there is a threshold."""
        return self.kind.oriented(self.y)

    @property
    def response(self):
        """Whether each case responded, where there is a threshold; else None."""
        return self.kind.response(self.y)


def read_cases(
    n_rows,
    y,
    *,
    control=None,
    arms=None,
    n_arms=2,
    greater_is_better=True,
    response_threshold=None,
    **roles,
):
    """Check and code the columns that describe a trial.

    Parameters
    ----------
    n_rows : int
        Rows of the table.
    y : array-like of shape (n_rows,)
    control : label, optional
        The reference arm; default the first in sorted order.
    arms : tuple, optional
        ``(control, treated)`` known from a fit: the rows may then lack one of them.
    n_arms : int
        Arms that the design compares.
    greater_is_better : bool
    response_threshold : float or None
    **roles : array-like of shape (n_rows,) or None
        By the names in `ROLES`.

    Returns
    -------
    cases : Cases

    Raises
    ------
    ValueError
        With what was got, what was expected and what to do.
    """
    unknown = sorted(set(roles) - set(ROLES))
    if unknown:
        raise TypeError(f"Cases have no roles {unknown}, only {list(ROLES)}.")
    kind = resolve_outcome(greater_is_better, response_threshold)
    y = kind.read(y)
    _same_length("y", y, n_rows)
    arm, labels = None, ()
    if roles.get("treatment") is not None:
        arm, labels = _read_arms(roles["treatment"], n_rows, control, arms, n_arms)
    codes, participants = _codes("groups", roles.get("groups"), n_rows)
    strata = np.zeros(n_rows, np.int64)
    if roles.get("strata") is not None:
        strata = _codes("strata", roles["strata"], n_rows)[0]
    return Cases(
        y=y,
        kind=kind,
        arm=arm,
        arms=labels,
        groups=codes,
        participants=participants,
        grouped=roles.get("groups") is not None,
        period=_read_period(roles.get("period"), n_rows),
        strata=strata,
    )


def _read_period(period, n_rows):
    """1 for the first period, 2 for the second; None without."""
    if period is None:
        return None
    codes, labels = _codes("period", period, n_rows)
    if len(labels) > 2:
        raise ValueError(
            f"period must have two values, got {len(labels)}: {labels[:5].tolist()}. "
            "Number the sessions of a two-period crossover 1 and 2."
        )
    return codes + 1


def _same_length(name, values, n_rows):
    if len(values) != n_rows:
        raise ValueError(
            f"{name} has {len(values)} entries but X has {n_rows} rows; inconsistent "
            "numbers of samples. Pass one entry a row, in the same order."
        )


def _codes(name, values, n_rows):
    """Integer codes in sorted order of the labels; rows themselves for None."""
    if values is None:
        return np.arange(n_rows), np.arange(n_rows)
    codes, labels = encode_labels(values, name)
    _same_length(name, codes, n_rows)
    return codes, labels


def _read_arms(treatment, n_rows, control, arms, n_arms):
    """Position of each case's arm, the reference first, and the labels in order."""
    codes, labels = _codes("treatment", treatment, n_rows)
    labels = [v.item() if isinstance(v, np.generic) else v for v in labels]
    if arms:
        unknown = [label for label in labels if label not in arms]
        if unknown:
            raise ValueError(
                f"treatment holds {unknown[:5]}, which is no arm of the fit: "
                f"{list(arms)}."
            )
        return np.array([arms.index(label) for label in labels])[codes], tuple(arms)
    if len(labels) != n_arms:
        hint = (
            "Leave treatment out for a single-arm analysis."
            if len(labels) < 2
            else "Select the two arms to compare."
        )
        expected = {2: "two"}.get(n_arms, n_arms)
        raise ValueError(
            f"treatment must have exactly {expected} arms, got {len(labels)}: "
            f"{labels[:6]}. {hint}"
        )
    if control is None:
        reference = 0
    elif control in labels:
        reference = labels.index(control)
    else:
        raise ValueError(f"control={control!r} is no arm of treatment: {labels}.")
    order = [reference, *(i for i in range(len(labels)) if i != reference)]
    return np.argsort(order)[codes], tuple(labels[i] for i in order)
