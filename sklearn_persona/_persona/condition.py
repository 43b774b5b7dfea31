"""Conditions on single variables, and rules made of them."""

import math
from collections.abc import Hashable
from dataclasses import dataclass, field
from numbers import Integral

import numpy as np

from sklearn_persona._data.serialization import array_of
from sklearn_persona._data.table import numbers, read_column
from sklearn_persona._text.numbers import limit_text

__all__ = ["Alternative", "Condition", "check_rule", "read_condition", "rule_text"]


@dataclass(frozen=True)
class Condition:
    """One variable with one range.

    Attributes
    ----------
    name : str or None
        Column name; None if the data had no names.
    position : int or None
        Column position, which selects the column of an array.
    low, high : float or None
        The range ``low < x <= high``; None leaves a side open.
    levels : tuple or None
        Categories, instead of a range.
    data_low, data_high : float or None
        Smallest and largest value among the training cases, for the card.
    modality : str or None

    Examples
    --------
    >>> from sklearn_persona import Persona
    >>> persona = Persona.from_conditions({"age": (None, 40), "sex": {"F"}})
    >>> age, sex = persona.conditions
    >>> age.high, sex.levels, age.label
    (40.0, ('F',), 'age')
    >>> print(age)
    age <= 40
    >>> import pandas as pd
    >>> age.covers(pd.DataFrame({"age": [30, 50]})).tolist()
    [True, False]
    """

    # Columns of data frames may also be named by numbers or tuples.
    name: Hashable | None
    position: int | None
    low: float | None = None
    high: float | None = None
    levels: tuple[str | bool | int | float, ...] | None = field(
        default=None,
        metadata={
            "schema": {
                "type": ["array", "null"],
                "items": {"type": ["string", "number", "boolean"]},
                "minItems": 1,
            }
        },
    )
    data_low: float | None = None
    data_high: float | None = None
    modality: str | None = None

    @property
    def label(self):
        """Name of the variable, or ``x{position}`` if it has none."""
        return f"x{self.position}" if self.name is None else str(self.name)

    def __str__(self):
        if self.levels is not None:
            if len(self.levels) == 1:
                return f"{self.label} = {self.levels[0]}"
            return f"{self.label} in {{{', '.join(map(str, self.levels))}}}"
        if self.low is None:
            return f"{self.label} <= {limit_text(self.high)}"
        if self.high is None:
            return f"{self.label} > {limit_text(self.low)}"
        return f"{limit_text(self.low)} < {self.label} <= {limit_text(self.high)}"

    def covers(self, X):
        """Find the rows of X that satisfy the condition; missing values do not.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)

        Returns
        -------
        inside : ndarray of bool, shape (n_samples,)
        """
        return self.covers_column(read_column(X, self.name, self.position))

    def covers_column(self, column):
        """Find the entries of a column that satisfy the condition.

        Parameters
        ----------
        column : TableColumn

        Returns
        -------
        inside : ndarray of bool, shape (n_samples,)
        """
        if self.levels is not None:
            if column.levels is None:
                known = [v for v in self.levels if not isinstance(v, str)]
                return np.isin(column.values, known)
            wanted = [i for i, v in enumerate(column.levels) if v in self.levels]
            return np.isin(column.values, wanted)
        if column.levels is not None:
            raise ValueError(
                f"The condition {self} needs numbers, but column {self.label!r} has "
                f"categories such as {column.levels[:3]}."
            )
        values = numbers(column.values)
        inside = ~np.isnan(values)
        if self.low is not None:
            inside &= values > self.low
        if self.high is not None:
            inside &= values <= self.high
        return inside


@dataclass(frozen=True)
class Alternative:
    """Another short rule with almost the same members as a persona.

    It is found from baseline variables and membership alone, so it says nothing about
    effects; `Persona.from_conditions` and `Persona.evaluate` test it on a trial.

    Attributes
    ----------
    conditions : tuple of Condition
    jaccard : float
        Training units that satisfy both this rule and the persona, divided by those
        that satisfy at least one of them.
    jaccard_holdout : float or None
        The same in the holdout, which did not choose this rule; None without a holdout.
    shares_variable : bool
        Whether the persona has a condition on one of the same variables.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(n_samples=200, effect=2.0, random_state=0)
    >>> twice = trial.data.assign(other=10 * trial.data["x0"])
    >>> finder = PersonaDiscoverer(max_variables=2, random_state=0)
    >>> finder = finder.fit(twice, trial.target, treatment=trial.treatment)
    >>> other = finder.personas_[0].alternatives[0]
    >>> other.n_variables, other.jaccard > 0.7
    (2, True)
    >>> "other" in other.rule, other.covers(twice).shape
    (True, (200,))
    """

    conditions: tuple[Condition, ...] = field(metadata=array_of(Condition, minItems=1))
    jaccard: float
    jaccard_holdout: float | None = None
    shares_variable: bool = False

    @property
    def rule(self):
        """The conditions as one line of text."""
        return rule_text(self.conditions)

    @property
    def n_variables(self):
        """Number of variables to measure."""
        return len(self.conditions)

    def covers(self, X):
        """Membership of each row of X.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            DataFrames are matched by column name, arrays by position.

        Returns
        -------
        inside : ndarray of bool, shape (n_samples,)
        """
        return np.logical_and.reduce([c.covers(X) for c in self.conditions])


def rule_text(conditions):
    """Write conditions as one line of text.

    Parameters
    ----------
    conditions : sequence of Condition

    Returns
    -------
    text : str
    """
    return " and ".join(map(str, conditions))


def check_rule(conditions):
    """Check conditions that were read from plain values.

    Parameters
    ----------
    conditions : sequence of Condition

    Raises
    ------
    ValueError
        If there is no condition, or one has no range or a negative position.
    """
    if not conditions:
        raise ValueError("A rule needs at least one condition, got none.")
    for condition in conditions:
        if condition.low is condition.high is condition.levels is None:
            raise ValueError(
                f"The condition on {condition.label!r} has neither low, high nor "
                "levels."
            )
        if condition.position is not None and condition.position < 0:
            raise ValueError(
                f"The position of a condition must be 0 or more, got "
                f"{condition.position}."
            )


def read_condition(key, value):
    """Read one entry of the mapping given to `Persona.from_conditions`.

    Parameters
    ----------
    key : str or int
        Column name, or position.
    value : tuple, set, list or label
        Range or categories.

    Returns
    -------
    condition : Condition

    Raises
    ------
    ValueError
        If the range is empty or cannot be read.
    """
    number = isinstance(key, Integral) and not isinstance(key, bool | np.bool_)
    name, position = (None, int(key)) if number else (key, None)
    if isinstance(value, tuple) and len(value) == 2 and all(map(_is_bound, value)):
        low, high = _read_range(key, value)
        return Condition(name=name, position=position, low=low, high=high)
    if isinstance(value, str | bool | np.bool_):
        value = (value,)
    if isinstance(value, set | frozenset | list | tuple) and len(value):
        levels = sorted(value, key=lambda v: (isinstance(v, str), str(v)))
        plain = tuple(v.item() if isinstance(v, np.generic) else v for v in levels)
        return Condition(name=name, position=position, levels=plain)
    raise ValueError(
        f"Cannot read the range of {key!r}: {value!r}. Give (low, high) for "
        "low < x <= high, with None for an open side, or a set of categories."
    )


def _is_bound(value):
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return number or value is None


def _read_range(key, value):
    """Bounds of a range; None on an open side."""
    low, high = (None if v is None else float(v) for v in value)
    if any(v is not None and math.isnan(v) for v in (low, high)):
        raise ValueError(f"The range of {key!r} has a NaN bound.")
    low = None if low == -math.inf else low
    high = None if high == math.inf else high
    if low is None and high is None:
        raise ValueError(f"The range of {key!r} is open on both sides.")
    least = -math.inf if low is None else low
    most = math.inf if high is None else high
    if not least < most:
        raise ValueError(f"The range of {key!r} is empty: {least} < x <= {most}.")
    return low, high
