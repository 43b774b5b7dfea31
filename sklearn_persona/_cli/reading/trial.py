"""From a file to a trial: outcome, arm, other labels and baseline variables."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sklearn_persona._cli.errors import InputError, place, some_names
from sklearn_persona._cli.reading.account import Account
from sklearn_persona._cli.reading.cells import MISSING, Reading
from sklearn_persona._cli.reading.files import read_file
from sklearn_persona._cli.reading.guesses import drop_reason, suspect_reasons
from sklearn_persona._cli.reading.roles import (
    Roles,
    read_arms,
    read_labels,
    read_outcome,
)
from sklearn_persona._data.roles import ROLES

__all__ = ["Trial", "read_trial"]


@dataclass(frozen=True)
class Trial:
    """Data of a trial, as a search or a test needs them.

    Attributes
    ----------
    X : DataFrame
    y : ndarray of float64
    metadata : dict
        Labels of the rows, or None, by role. The roles are keywords of
        `PersonaDiscoverer.fit`.
    arms : tuple
        Control and treated label as text; empty for a single arm.
    account : Account
        How the file was read.
    path : Path
    columns : list of str
        All columns of the file.
    """

    X: pd.DataFrame
    y: np.ndarray
    metadata: dict
    arms: tuple
    account: Account
    path: Path
    columns: list

    @property
    def treatment(self):
        """Arm of each row; None for a single arm."""
        return self.metadata["treatment"]


def read_trial(
    path,
    *,
    outcome,
    treatment=None,
    groups=None,
    period=None,
    strata=None,
    baseline=None,
    control=None,
    treated=None,
    design="auto",
    drop=(),
    keep=(),
    category=(),
    variables=None,
    missing=(),
    drop_missing_outcome=False,
    delimiter=None,
    encoding=None,
    decimal=None,
    sheet=None,
):
    """Read the table of a trial.

    Parameters
    ----------
    path : path-like
        Delimited text, Parquet, Excel, SAS transport or SAS data set.
    outcome : str
        Column of the outcome.
    treatment, groups, period, strata : str, optional
        Columns of the arm, the participant, the period and the stratum.
    baseline : str, optional
        Column of earlier values of the outcome; the percent change is analyzed.
    control, treated : str, optional
        Labels of the arms; if both are given, rows of other arms are left out.
    design : str
        Only "single-arm" allows a trial without `treatment`.
    drop, keep : sequence of str
        Columns to leave out, and columns that must not be left out by a guess.
    category : sequence of str
        Columns to read as categories whatever they contain.
    variables : dict, optional
        Baseline variables to read, and whether each is a category; then nothing is
        guessed. By default, all columns without a role are candidates.
    missing : sequence of str
        Cells that stand for a missing value, besides the usual ones.
    drop_missing_outcome : bool
        Whether to leave out rows without an outcome; otherwise they are an error.
    delimiter, encoding : str, optional
        For text files; detected by default.
    decimal : {".", ","}, optional
        Decimal mark; detected by default.
    sheet : str, optional
        Sheet of a workbook; the first by default.

    Returns
    -------
    trial : Trial

    Raises
    ------
    InputError
        Naming file, column and row.
    """
    given = (treatment, groups, period, strata)
    roles = Roles(outcome, dict(zip(ROLES, given, strict=True)), baseline)
    roles.check_design(design)
    table = read_file(
        path,
        delimiter=delimiter,
        encoding=encoding,
        sheet=sheet,
        expected=[name for name in (*roles.given().values(), baseline) if name],
    )
    roles.check_columns(table)
    asked_for = {"--drop": drop, "--keep": keep}
    if variables is None:
        asked_for["--category"] = category
    for option, names in asked_for.items():
        for name in names:
            table.check_column(name, option)

    reading = Reading(MISSING | set(missing), decimal, frozenset(category))
    account = Account(notes=list(table.notes))
    arms, chosen, y, metadata = _read_roles(
        table, roles, reading, (control, treated), drop_missing_outcome, account
    )
    if variables is None:
        taken = roles.given().values()
        wanted = {name: None for name in table.cells.columns if name not in taken}
        keep = {*keep, *([baseline] if baseline else [])}
        columns = _read_columns(table, wanted, reading, chosen, drop, account)
        columns = _guess_baseline(columns, outcome, y, metadata, keep, account)
        if not columns:
            raise _none_left(table, roles, account)
    else:
        columns = _read_columns(table, variables, reading, chosen, drop, account)
    account.describe(columns)
    account.n_rows = len(y)
    frame = {column.name: column.values for column in columns}
    return Trial(
        X=pd.DataFrame(frame, columns=list(frame)),
        y=y,
        metadata=metadata,
        arms=arms,
        account=account,
        path=table.path,
        columns=list(table.cells.columns),
    )


def _read_roles(table, roles, reading, wanted, drop_missing, account):
    """Read arms, and the rows in the analysis with their outcome and labels."""
    labels, arms = None, ()
    chosen = np.ones(len(table.rows), bool)
    name = roles.columns["treatment"]
    if name:
        labels = reading.column(table, name, category=True).labels()
        arms, chosen = read_arms(table, name, labels, wanted, account)
    y = read_outcome(
        table,
        roles,
        reading,
        chosen,
        labels=labels,
        drop_missing=drop_missing,
        account=account,
    )
    chosen &= ~np.isnan(y)
    metadata = {"treatment": None if labels is None else labels[chosen]}
    for role in ROLES:
        if role not in metadata:
            name = roles.columns[role]
            found = read_labels(table, name, reading, chosen) if name else None
            metadata[role] = found[chosen] if name else None
    return arms, chosen, y[chosen], metadata


def _read_columns(table, wanted, reading, chosen, drop, account):
    """Read the chosen rows of columns, some of which are known to be categories."""
    columns = []
    for name, category in wanted.items():
        if name in drop:
            account.dropped[name] = "--drop"
            continue
        table.check_column(name, "a persona")
        column = reading.column(table, name, category=category)
        columns.append(column.rows(chosen))
    return columns


def _guess_baseline(columns, outcome, y, metadata, keep, account):
    """Select possible baseline variables, and record why others are left out."""
    groups = metadata["groups"]
    units = np.arange(len(y))
    if groups is not None:
        units = np.unique(pd.factorize(groups)[0], return_index=True)[1]
    left = []
    for column in columns:
        reason = drop_reason(column, units)
        if reason and (column.name not in keep or column.kind in ("empty", "date")):
            account.dropped[column.name] = reason
        else:
            left.append(column)
    copies, suspects = suspect_reasons(left, y, metadata["treatment"], outcome)
    for name, reason in copies.items():
        if name in keep:
            suspects[name] = reason
        else:
            account.dropped[name] = f"{reason}; --keep keeps it"
    account.suspects |= {k: v for k, v in suspects.items() if k not in account.dropped}
    return [column for column in left if column.name not in account.dropped]


def _none_left(table, roles, account):
    n_dropped = len(account.dropped)
    return InputError(
        f"{place(table.path)}: no baseline variable is left besides "
        f"{some_names(list(roles.given().values()))}"
        + (f" and {n_dropped} dropped ones" if n_dropped else "")
        + ". Check the delimiter, or use --keep."
    )
