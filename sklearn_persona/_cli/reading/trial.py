"""From a table to a trial: who is in which arm, with what outcome and baseline."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sklearn_persona._cli.errors import InputError, place, some_names, unknown_name
from sklearn_persona._cli.reading.account import Account
from sklearn_persona._cli.reading.cells import Reading
from sklearn_persona._cli.reading.guesses import drop_reason, suspect_reasons
from sklearn_persona._text.numbers import plural
from sklearn_persona._text.safe import shown
from sklearn_persona.metrics import percent_change

__all__ = ["Roles", "Trial", "read_trial"]


@dataclass(frozen=True)
class Roles:
    """Which columns say what, as named by the user; None where there is none."""

    outcome: str
    treatment: str | None = None
    groups: str | None = None
    period: str | None = None
    strata: str | None = None
    baseline: str | None = None

    def given(self):
        """Name of each role's column, the baseline of the outcome left out."""
        named = vars(self).items()
        return {k: v for k, v in named if v is not None and k != "baseline"}


@dataclass(frozen=True)
class Trial:
    """What a search or a test needs.

    Attributes
    ----------
    X : DataFrame
    y : ndarray of float64
    treatment, groups, period, strata : ndarray or None
    arms : tuple
        Control and treated label as text; empty for a single arm.
    account : Account
    """

    X: pd.DataFrame
    y: np.ndarray
    treatment: np.ndarray | None
    groups: np.ndarray | None
    period: np.ndarray | None
    strata: np.ndarray | None
    arms: tuple
    account: Account

    @property
    def metadata(self):
        """Keywords of `PersonaDiscoverer.fit`."""
        names = ("treatment", "groups", "period", "strata")
        return {name: getattr(self, name) for name in names}


def read_trial(
    table,
    roles,
    *,
    reading=None,
    control=None,
    treated=None,
    drop=(),
    keep=(),
    drop_missing_outcome=False,
    variables=None,
):
    """Divide a table into outcome, arm and the rest.

    Parameters
    ----------
    table : RawTable
    roles : Roles
    reading : Reading, optional
    control, treated : str, optional
        Labels of the arms; with both, rows of other arms are left out.
    drop, keep : sequence of str
        Columns to leave out; columns that no guess may leave out.
    drop_missing_outcome : bool
        Whether rows without outcome are left out; else they are an error.
    variables : dict, optional
        Baseline variables to be read, and whether each is a category; then nothing
        is guessed. By default all columns.

    Returns
    -------
    trial : Trial

    Raises
    ------
    InputError
        Naming file, column and row.
    """
    reading = reading or Reading()
    account = Account(notes=list(table.notes))
    given = roles.given()
    for role, name in given.items():
        table.column(name, f"--{role}")
    twice = {n for n in given.values() if list(given.values()).count(n) > 1}
    if twice:
        raise InputError(
            f"{place(table.path, min(twice))}: has more than one role: "
            f"{', '.join(f'--{r}' for r, n in given.items() if n in twice)}."
        )
    for names, what in ((drop, "--drop"), (keep, "--keep")):
        for name in names:
            table.column(name, what)
    for name in reading.categories if variables is None else ():
        table.column(name, "--category")

    labels, arms = None, ()
    chosen = np.ones(len(table.rows), bool)
    if roles.treatment:
        labels = _labels(table, roles.treatment, reading)
        arms, chosen = _arms(table, roles.treatment, labels, control, treated, account)
    y = _outcome(table, roles, reading, chosen, labels, drop_missing_outcome, account)
    chosen &= ~np.isnan(y)
    metadata = {"treatment": None if labels is None else labels[chosen]}
    for role in ("groups", "period", "strata"):
        name = given.get(role)
        metadata[role] = None
        if name:
            metadata[role] = _complete(table, name, reading, chosen)[chosen]

    names = list(table.cells.columns) if variables is None else list(variables)
    roles_taken = set(given.values())
    columns = []
    for name in names:
        if name in roles_taken and variables is None:
            continue
        if name in drop:
            account.dropped[name] = "--drop"
            continue
        table.column(name, "a persona")
        column = reading.column(table, name, category=(variables or {}).get(name))
        columns.append(_taken(column, chosen))
    if variables is None:
        keep = {*keep, *([roles.baseline] if roles.baseline else [])}
        columns = _chosen_columns(
            columns, roles.outcome, y[chosen], metadata, keep, account
        )
        if not columns:
            raise InputError(
                f"{place(table.path)}: no baseline variable is left beside "
                f"{some_names(roles_taken)}"
                + (f" and {len(account.dropped)} dropped ones" * bool(account.dropped))
                + ". Check the delimiter, or use --keep."
            )
    account.describe(columns)
    account.n_rows = int(chosen.sum())
    frame = {c.name: c.values for c in columns}
    X = pd.DataFrame(frame, columns=list(frame))
    return Trial(X=X, y=y[chosen], arms=arms, account=account, **metadata)


def _labels(table, name, reading):
    column = reading.column(table, name, category=True)
    return column.labels()


def _arms(table, name, labels, control, treated, account):
    """Control and treated label, and which rows have one of them."""
    missing = np.array([label is None for label in labels])
    if missing.any():
        row = table.rows[int(np.argmax(missing))]
        raise InputError(
            f"{place(table.path, name, row)}: the arm is missing "
            f"({plural(int(missing.sum()), 'row')}). Expected a label in every row; "
            "remove the others."
        )
    found = sorted(set(labels), key=_label_order)
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
            f"{place(table.path, name)}: holds {plural(len(found), 'arm')} "
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


def _outcome(table, roles, reading, chosen, labels, drop_missing, account):
    y = _numbers(table, roles.outcome, reading, "an outcome")
    missing = np.isnan(y) & chosen
    name = roles.outcome
    if roles.baseline:
        table.column(roles.baseline, "--baseline")
        if roles.baseline in roles.given().values():
            raise InputError(
                f"{place(table.path, roles.baseline)}: --baseline names a column that "
                "has another role."
            )
        before = _numbers(table, roles.baseline, reading, "a baseline of the outcome")
        zero = (before == 0) & chosen
        if zero.any():
            raise InputError(
                f"{place(table.path, roles.baseline, table.rows[int(np.argmax(zero))])}"
                ": is 0, from which no percent change can be calculated."
            )
        with np.errstate(all="ignore"):
            y = percent_change(np.where(before == 0, np.nan, before), y)
        account.notes.append(
            f"outcome: change of '{shown(name)}' from '{shown(roles.baseline)}' in "
            "percent"
        )
        if not missing.any():
            missing = np.isnan(y) & chosen
            name = roles.baseline if missing.any() else name
    if not missing.any():
        return y
    n = int(missing.sum())
    if not drop_missing:
        row = table.rows[int(np.argmax(missing))]
        raise InputError(
            f"{place(table.path, name, row)}: the outcome is missing "
            f"({plural(n, 'row')}). Impute it beforehand by a prespecified rule, or "
            "leave such rows out with --drop-missing-outcome."
        )
    missing = np.isnan(y) & chosen
    by_arm = ""
    if labels is not None:
        counts = pd.Series(labels[missing]).value_counts().sort_index()
        by_arm = f" ({', '.join(f'{shown(a)}: {k}' for a, k in counts.items())})"
    account.notes.append(f"rows without outcome left out: {int(missing.sum())}{by_arm}")
    return y


def _numbers(table, name, reading, what):
    column = reading.column(table, name, category=False)
    if column.kind == "empty":
        raise InputError(
            f"{place(table.path, name)}: holds no values at all, expected {what}."
        )
    if column.kind != "number":
        odd = int(np.argmax(~column.absent))
        raise InputError(
            f"{place(table.path, name, table.rows[odd])}: "
            f"'{shown(column.values[odd], 40)}' is no number, expected {what}. Code "
            "two results as 0 and 1."
        )
    return column.values


def _complete(table, name, reading, chosen):
    column = reading.column(table, name, category=True)
    missing = column.absent & chosen
    if missing.any():
        raise InputError(
            f"{place(table.path, name, table.rows[int(np.argmax(missing))])}: is "
            f"missing ({plural(int(missing.sum()), 'row')}), expected a label in every "
            "row."
        )
    labels = column.labels()
    try:
        # Periods and sites sort as numbers where they are numbers.
        return np.array([np.nan if v is None else float(v) for v in labels])
    except ValueError:
        return labels


def _taken(column, chosen):
    """The chosen rows of a column."""
    values = column.values[chosen]
    kind = column.kind if not pd.isna(values).all() else "empty"
    return type(column)(column.name, kind, values, column.missing, column.comma)


def _chosen_columns(columns, outcome, y, metadata, keep, account):
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
