"""Columns with a role: outcome, arm and other labels of the rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sklearn_persona._cli.errors import InputError, place, some_names, unknown_name
from sklearn_persona._text.numbers import plural
from sklearn_persona._text.safe import shown
from sklearn_persona.metrics import percent_change

__all__ = ["Roles", "read_arms", "read_labels", "read_outcome"]


@dataclass(frozen=True)
class Roles:
    """The columns that the user named for each role.

    Attributes
    ----------
    outcome : str
    columns : dict
        Column of each of `_data.roles.ROLES`, or None.
    baseline : str or None
        Earlier values of the outcome; its percent change from them is analyzed.
    """

    outcome: str
    columns: dict
    baseline: str | None = None

    def given(self):
        """Column of each role that has one, without the baseline of the outcome."""
        columns = {"outcome": self.outcome} | self.columns
        return {role: name for role, name in columns.items() if name is not None}

    def check_design(self, design):
        """Refuse roles that do not fit a design.

        Parameters
        ----------
        design : str

        Raises
        ------
        InputError
        """
        single = design == "single-arm"
        if self.outcome is None:
            raise InputError("--outcome COLUMN is required.")
        if self.columns["treatment"] is None and not single:
            raise InputError(
                "--treatment COLUMN is required. A trial without a comparison needs "
                "--design single-arm."
            )
        if self.columns["period"] is not None and self.columns["groups"] is None:
            raise InputError(
                "--period COLUMN means a crossover, which needs --groups COLUMN, the "
                "participant of each row."
            )
        if self.columns["treatment"] is not None and single:
            raise InputError("--design single-arm has no arms; omit --treatment.")

    def check_columns(self, table):
        """Refuse columns that do not exist or have several roles.

        Parameters
        ----------
        table : RawTable

        Raises
        ------
        InputError
        """
        given = self.given()
        for role, name in given.items():
            table.check_column(name, f"--{role}")
        names = list(given.values())
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise InputError(
                f"{place(table.path, min(twice))}: has more than one role: "
                f"{', '.join(f'--{r}' for r, n in given.items() if n in twice)}."
            )


def read_arms(table, name, labels, wanted, account):
    """Choose the arms, and the rows that belong to them.

    Parameters
    ----------
    table : RawTable
    name : str
        Column of the arm.
    labels : ndarray of str or None
        Its values.
    wanted : tuple of str or None
        Control and treated label named by the user; if both are, other arms are left
        out.
    account : Account
        Receives a note of the choice.

    Returns
    -------
    arms : tuple of str
    chosen : ndarray of bool

    Raises
    ------
    InputError
    """
    missing = np.array([label is None for label in labels])
    if missing.any():
        raise InputError(
            f"{_first(table, name, missing)}: the arm is missing "
            f"({plural(int(missing.sum()), 'row')}). Every row needs a label; "
            "remove the others."
        )
    found = sorted(set(labels), key=_label_order)
    control, treated = wanted
    for option, label in (("--control", control), ("--treated", treated)):
        if label is not None and label not in found:
            raise InputError(
                f"{place(table.path, name)}: has no arm '{shown(label)}' ({option})"
                f"{unknown_name(label, found)}"
            )
    if control is not None and control == treated:
        raise InputError("--control and --treated name the same arm.")
    chosen = np.ones(len(labels), bool)
    if control is not None and treated is not None:
        chosen = np.isin(labels.astype(str), [control, treated])
        if not chosen.all():
            others = [label for label in found if label not in (control, treated)]
            account.notes.append(
                f"other arms left out: {some_names(others)} "
                f"({plural(int((~chosen).sum()), 'row')})"
            )
        return (control, treated), chosen
    if len(found) != 2:
        raise InputError(
            f"{place(table.path, name)}: contains {plural(len(found), 'arm')} "
            f"({some_names(found)}), expected two. "
            + (
                "Choose them with --control and --treated."
                if len(found) > 2
                else "Use --design single-arm without --treatment."
            )
        )
    reference = control or next(label for label in found if label != treated)
    other = next(label for label in found if label != reference)
    if control is None and treated is None:
        account.notes.append(
            f"control arm: '{shown(reference)}', the first in sorted order; treated: "
            f"'{shown(other)}' (--control)"
        )
    return (reference, other), chosen


def _label_order(label):
    try:
        return 0, float(label), label
    except ValueError:
        return 1, 0.0, label


def read_outcome(table, roles, reading, chosen, *, labels, drop_missing, account):
    """Read the outcome as numbers, or its percent change; NaN where it is missing.

    Parameters
    ----------
    table : RawTable
    roles : Roles
    reading : Reading
    chosen : ndarray of bool
        Rows in the analysis.
    labels : ndarray of str or None
        Arm of each row, if there are arms.
    drop_missing : bool
        Whether to leave out rows without an outcome; otherwise they are an error.
    account : Account
        Receives notes of a percent change and of rows that are left out.

    Returns
    -------
    y : ndarray of float64

    Raises
    ------
    InputError
        For text, missing outcomes, and a baseline of 0.
    """
    y = _numbers(table, roles.outcome, reading, "an outcome")
    culprit, missing = roles.outcome, np.isnan(y) & chosen
    if roles.baseline:
        y = _percent_change(table, roles, reading, y, chosen)
        account.notes.append(
            f"outcome: percent change of '{shown(roles.outcome)}' from "
            f"'{shown(roles.baseline)}'"
        )
        if not missing.any():
            culprit, missing = roles.baseline, np.isnan(y) & chosen
    if missing.any() and not drop_missing:
        raise InputError(
            f"{_first(table, culprit, missing)}: the outcome is missing "
            f"({plural(int(missing.sum()), 'row')}). Impute it beforehand by a "
            "prespecified rule, or leave such rows out with --drop-missing-outcome."
        )
    missing = np.isnan(y) & chosen
    if missing.any():
        by_arm = ""
        if labels is not None:
            counts = pd.Series(labels[missing]).value_counts().sort_index()
            by_arm = f" ({', '.join(f'{shown(a)}: {k}' for a, k in counts.items())})"
        account.notes.append(
            f"rows without an outcome left out: {int(missing.sum())}{by_arm}"
        )
    return y


def _percent_change(table, roles, reading, y, chosen):
    table.check_column(roles.baseline, "--baseline")
    if roles.baseline in roles.given().values():
        raise InputError(
            f"{place(table.path, roles.baseline)}: --baseline names a column that "
            "has another role."
        )
    before = _numbers(table, roles.baseline, reading, "a baseline of the outcome")
    zero = (before == 0) & chosen
    if zero.any():
        raise InputError(
            f"{_first(table, roles.baseline, zero)}: is 0; a percent change "
            "from it cannot be calculated."
        )
    with np.errstate(all="ignore"):
        return percent_change(np.where(before == 0, np.nan, before), y)


def read_labels(table, name, reading, chosen):
    """Read labels that every chosen row must have, as numbers if all of them are.

    Parameters
    ----------
    table : RawTable
    name : str
        Column of the labels.
    reading : Reading
    chosen : ndarray of bool

    Returns
    -------
    labels : ndarray

    Raises
    ------
    InputError
    """
    column = reading.column(table, name, category=True)
    missing = column.absent & chosen
    if missing.any():
        raise InputError(
            f"{_first(table, name, missing)}: the label is missing "
            f"({plural(int(missing.sum()), 'row')}). Every row needs one."
        )
    labels = column.labels()
    try:
        # Numeric periods and sites must sort as numbers.
        return np.array([np.nan if v is None else float(v) for v in labels])
    except ValueError:
        return labels


def _numbers(table, name, reading, what):
    column = reading.column(table, name, category=False)
    if column.kind == "empty":
        raise InputError(f"{place(table.path, name)}: has no values, expected {what}.")
    if column.kind != "number":
        odd = int(np.argmax(~column.absent))
        raise InputError(
            f"{place(table.path, name, table.rows[odd])}: "
            f"'{shown(column.values[odd], 40)}' is not a number, expected {what}. "
            "Code a binary outcome as 0 and 1."
        )
    return column.values


def _first(table, name, mask):
    """Place of the first row in a mask."""
    return place(table.path, name, table.rows[int(np.argmax(mask))])
