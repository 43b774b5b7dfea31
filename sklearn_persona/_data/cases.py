"""Reading of what describes a case besides its baseline: outcome, arm, participant."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_array, column_or_1d

from sklearn_persona._data.labels import encode_labels

__all__ = ["Cases", "read_cases"]


@dataclass(frozen=True)
class Cases:
    """Validated cases, one entry a row of the table.

    Attributes
    ----------
    y : ndarray of float64
        In the user's units.
    treated : ndarray of bool or None
    arms : tuple
        ``(control, treated)`` labels, empty without treatment.
    groups : ndarray of int
        Participant codes.
    participants : ndarray
        Participant label of each code.
    grouped : bool
        Whether the user gave groups.
    period : ndarray of int or None
        1 for the first period, 2 for the second.
    strata : ndarray of int
    sign : int
        1 when larger outcomes are better, else -1.
    response : ndarray of bool or None
        Whether the case responded, when there is a threshold.
    """

    y: np.ndarray
    treated: np.ndarray | None
    arms: tuple
    groups: np.ndarray
    participants: np.ndarray
    grouped: bool
    period: np.ndarray | None
    strata: np.ndarray
    sign: int
    response: np.ndarray | None

    @property
    def outcome(self):
        """Oriented outcome: the response where there is a threshold."""
        if self.response is not None:
            return self.response.astype(float)
        return self.sign * self.y

    @property
    def two_arm(self):
        """Whether there are two arms to compare."""
        return self.treated is not None

    @property
    def arm_masks(self):
        """Masks of the cases: treated and control, or everyone in a single arm."""
        if self.treated is None:
            return [np.ones(len(self.y), bool)]
        return [self.treated, ~self.treated]


def read_cases(
    n_rows,
    y,
    *,
    treatment=None,
    groups=None,
    period=None,
    strata=None,
    control=None,
    arms=None,
    greater_is_better=True,
    response_threshold=None,
):
    """Check and code the columns that describe a trial.

    Parameters
    ----------
    n_rows : int
        Rows of the table.
    y : array-like of shape (n_rows,)
    treatment, groups, period, strata : array-like of shape (n_rows,), optional
    control : label, optional
        The reference arm; default the first in sorted order.
    arms : tuple, optional
        ``(control, treated)`` known from a fit: the rows may then lack one of them.
    greater_is_better : bool
    response_threshold : float or None

    Returns
    -------
    cases : Cases

    Raises
    ------
    ValueError
        With what was got, what was expected and what to do.
    """
    y = _read_outcome(y)
    _same_length("y", y, n_rows)
    treated, known, arms = None, arms, ()
    if treatment is not None:
        treated, arms = _read_arms(treatment, n_rows, control, known)
    codes, participants = _codes("groups", groups, n_rows)
    periods = None
    if period is not None:
        periods, labels = _codes("period", period, n_rows)
        if len(labels) > 2:
            raise ValueError(
                f"period must have two values, got {len(labels)}: "
                f"{labels[:5].tolist()}. Number the sessions of a two-period crossover "
                "1 and 2."
            )
        periods = periods + 1
    response = None
    if response_threshold is not None:
        c = response_threshold
        response = y >= c if greater_is_better else y <= c
    return Cases(
        y=y,
        treated=treated,
        arms=arms,
        groups=codes,
        participants=participants,
        grouped=groups is not None,
        period=periods,
        strata=_codes("strata", strata, n_rows)[0]
        if strata is not None
        else np.zeros(n_rows, np.int64),
        sign=1 if greater_is_better else -1,
        response=response,
    )


def _same_length(name, values, n_rows):
    if len(values) != n_rows:
        raise ValueError(
            f"{name} has {len(values)} entries but X has {n_rows} rows; inconsistent "
            "numbers of samples. Pass one entry a row, in the same order."
        )


def _read_outcome(y):
    if y is None:
        raise ValueError(
            "This PersonaDiscoverer estimator requires y to be passed, but the target "
            "y is None."
        )
    y = column_or_1d(y, warn=True)
    if y.dtype.kind in "mM":
        raise ValueError(
            f"y must be numeric, got {y.dtype}. Convert it, for example to days."
        )
    if y.dtype.kind not in "biuf":
        missing = pd.isna(y)
        seen = y[~missing]
        text = next((v for v in seen if isinstance(v, str)), None)
        if text is not None:
            raise ValueError(
                f"y must be numeric, got the string {str(text)!r} (unknown label "
                "type). Encode a binary outcome as 0 and 1."
            )
        if y.dtype.kind == "O":
            y = np.where(missing, np.nan, y).astype(np.float64)
    y = check_array(
        y, ensure_2d=False, dtype=np.float64, ensure_all_finite=False, input_name="y"
    )
    missing = np.isnan(y)
    if missing.any():
        raise ValueError(
            f"Input y contains NaN: {np.count_nonzero(missing)} outcomes are missing, "
            f"first in row {int(np.argmax(missing))}. Drop those cases, or impute them "
            "beforehand by a prespecified rule."
        )
    return check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")


def _codes(name, values, n_rows):
    """Integer codes in sorted order of the labels; rows themselves for None."""
    if values is None:
        return np.arange(n_rows), np.arange(n_rows)
    codes, labels = encode_labels(values, name)
    _same_length(name, codes, n_rows)
    return codes, labels


def _read_arms(treatment, n_rows, control, arms=None):
    codes, labels = _codes("treatment", treatment, n_rows)
    labels = [v.item() if isinstance(v, np.generic) else v for v in labels]
    if arms:
        unknown = [label for label in labels if label not in arms]
        if unknown:
            raise ValueError(
                f"treatment holds {unknown[:5]}, which is no arm of the fit: "
                f"{list(arms)}."
            )
        return np.array([label == arms[1] for label in labels])[codes], tuple(arms)
    if len(labels) != 2:
        hint = (
            "Leave treatment out for a single-arm analysis."
            if len(labels) < 2
            else "Select the two arms to compare."
        )
        raise ValueError(
            f"treatment must have exactly two arms, got {len(labels)}: {labels[:6]}. "
            f"{hint}"
        )
    if control is None:
        reference = 0
    elif control in labels:
        reference = labels.index(control)
    else:
        raise ValueError(f"control={control!r} is no arm of treatment: {labels}.")
    return codes != reference, (labels[reference], labels[1 - reference])
