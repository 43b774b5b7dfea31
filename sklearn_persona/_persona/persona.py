"""Personas: frozen subgroup rules with the evidence for them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Integral

import numpy as np

from sklearn_persona._data.table import numbers, read_column
from sklearn_persona._designs import make_units, read_cases, resolve_design
from sklearn_persona._estimates.evidence import Evidence
from sklearn_persona._estimates.measure import measure
from sklearn_persona._persona.languages import (
    criteria_text,
    json_schema,
    pandas_query,
    r_expression,
    sql_where,
)
from sklearn_persona._persona.stability import Stability
from sklearn_persona._text.card import card
from sklearn_persona._text.numbers import limit_text
from sklearn_persona.inference import enrichment_design

__all__ = ["Alternative", "Condition", "Persona"]

# Quantile that turns the half-width of a 95 % interval into a standard error.
NORMAL = 1.959964
SCHEMA = "sklearn-persona/persona/1"


@dataclass(frozen=True)
class Condition:
    """One variable with one range.

    Attributes
    ----------
    name : str or None
        Column name; None when the data had no names.
    position : int or None
        Column position, by which arrays are matched.
    low, high : float or None
        The range ``low < x <= high``; None leaves a side open.
    levels : tuple or None
        Category values, instead of a range.
    data_low, data_high : float or None
        Smallest and largest value in the training cases, for the card.
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

    name: str | None
    position: int | None
    low: float | None = None
    high: float | None = None
    levels: tuple | None = None
    data_low: float | None = None
    data_high: float | None = None
    modality: str | None = None

    @property
    def label(self):
        """Name of the variable, ``x{position}`` when it has none."""
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
        """Rows of X that satisfy the condition; missing and unknown values do not.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)

        Returns
        -------
        inside : ndarray of bool, shape (n_samples,)
        """
        return self.covers_column(read_column(X, self.name, self.position))

    def covers_column(self, column):
        """The same for a column that was read already.

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
                f"The condition {self} needs numbers, but column {self.label!r} holds "
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
    """Another short rule that describes almost the members of a persona.

    It was found from the baseline variables of the members alone, so it says nothing
    about effects; `Persona.from_conditions` and `Persona.evaluate` test it on a trial.

    Attributes
    ----------
    conditions : tuple of Condition
    jaccard : float
        Training units that satisfy this rule and the persona, over those that satisfy
        at least one of them.
    jaccard_holdout : float or None
        The same in the holdout, which did not choose this rule; None without one.
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

    conditions: tuple
    jaccard: float
    jaccard_holdout: float | None = None
    shares_variable: bool = False

    @property
    def rule(self):
        """The conditions as one line of text."""
        return _rule(self.conditions)

    @property
    def n_variables(self):
        """Number of variables to be measured."""
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


@dataclass(frozen=True)
class Persona:
    """A conjunction of conditions on different variables, and what is known of it.

    A persona holds plain values only, so that it can be pickled, written as JSON
    and read back; see `to_dict`.

    Attributes
    ----------
    conditions : tuple of Condition
    direction : {"favorable", "unfavorable"}
        Whether the effect inside is above or below the effect in the complement.
    reversal : bool
        Whether it also has the opposite sign to the effect in the whole trial.
    modalities : tuple of str
    replicated, confirmed : bool
    claim : str
        What the evidence allows to be said, in words.
    objective : float
    train, holdout : Evidence or None
    p_adjusted, p_adjusted_interaction : float
    p_conditional : float
        Test of the effect among members outside all earlier confirmed personas.
    effect_adjusted : float or None
        Effect in the holdout (without one: in training) after prognostic adjustment.
    effect_corrected : float or None
        Effect among the members in the population, corrected for the selection of the
        rule; see `PersonaDiscoverer`'s `n_resamples`, without which it is None.
    ci_corrected : tuple of float or None
        Its 95 % interval.
    stability : Stability or None
        What became of the persona when the selection was repeated on fewer
        participants.
    alternatives : tuple of Alternative
        Rules of one or two conditions that leave out a variable of this one and have
        almost its training members, best first; see `PersonaDiscoverer`.

    Examples
    --------
    >>> from sklearn_persona import Persona
    >>> persona = Persona.from_conditions({"age": (None, 40), "sex": {"F"}})
    >>> import pandas as pd
    >>> persona.covers(pd.DataFrame({"age": [30, 50, 35], "sex": ["F", "F", "M"]}))
    array([ True, False, False])
    >>> persona.rule
    'age <= 40 and sex = F'
    >>> Persona.from_dict(persona.to_dict()).rule == persona.rule
    True

    On a trial that did not choose it, and as the plan of the next one:

    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(n_samples=200, effect=2.0, random_state=0)
    >>> half = Persona.from_conditions({"x0": (0, None)})
    >>> evidence = half.evaluate(trial.data, trial.target, treatment=trial.treatment)
    >>> evidence.p_value < 0.05
    True
    >>> from sklearn_persona import PersonaDiscoverer
    >>> finder = PersonaDiscoverer(max_variables=1, random_state=0)
    >>> finder = finder.fit(trial.data, trial.target, treatment=trial.treatment)
    >>> finder.personas_[0].enrichment_design(power=0.9).power >= 0.9
    True
    """

    conditions: tuple
    direction: str
    reversal: bool = False
    modalities: tuple = ()
    replicated: bool = False
    confirmed: bool = False
    claim: str = "not tested"
    objective: float = float("nan")
    train: Evidence | None = None
    holdout: Evidence | None = None
    p_adjusted: float = float("nan")
    p_adjusted_interaction: float = float("nan")
    p_conditional: float = float("nan")
    effect_adjusted: float | None = None
    effect_corrected: float | None = None
    ci_corrected: tuple | None = None
    stability: Stability | None = None
    alternatives: tuple = ()

    @classmethod
    def from_conditions(cls, conditions, *, direction="favorable"):
        """Write a persona by hand, for example one that was published.

        Parameters
        ----------
        conditions : mapping
            Column name (or position, for arrays) to its range: ``(low, high)``
            means ``low < x <= high``, with None for an open side; a set or list of
            categories; or one category.
        direction : {"favorable", "unfavorable"}, default="favorable"

        Returns
        -------
        persona : Persona

        Raises
        ------
        ValueError
            When a range is empty or cannot be read.

        Examples
        --------
        >>> from sklearn_persona import Persona
        >>> print(Persona.from_conditions({"BMI": (25, 30)}).rule)
        25 < BMI <= 30
        """
        if direction not in ("favorable", "unfavorable"):
            raise ValueError(
                f"direction must be 'favorable' or 'unfavorable', got {direction!r}."
            )
        if not isinstance(conditions, Mapping) or not conditions:
            raise ValueError(
                "conditions must map at least one column to its range, got "
                f"{conditions!r}."
            )
        read = tuple(_read_condition(key, value) for key, value in conditions.items())
        return cls(conditions=read, direction=direction)

    @property
    def rule(self):
        """The conditions as one line of text."""
        return _rule(self.conditions)

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

    def evaluate(
        self,
        X,
        y,
        *,
        treatment,
        groups=None,
        period=None,
        strata=None,
        design="auto",
        control=None,
        greater_is_better=True,
        response_threshold=None,
        n_permutations=10_000,
        n_bootstrap=10_000,
        random_state=0,
    ):
        """Test this persona, as it stands, on another trial.

        Nothing is selected here, so p values and intervals hold as they are.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        treatment : array-like of shape (n_samples,) or None
            Arm of each case; None for a single arm.
        groups, period, strata : array-like of shape (n_samples,), optional
            As in `PersonaDiscoverer.fit`.
        design, control, greater_is_better, response_threshold
            As in `PersonaDiscoverer`.
        n_permutations, n_bootstrap : int, default=10_000
        random_state : int, default=0
            Seed of Monte-Carlo tests and of the bootstrap.

        Returns
        -------
        evidence : Evidence

        Raises
        ------
        ValueError
            When the trial cannot be read, or nobody lies inside.
        """
        inside = self.covers(X)
        cases = read_cases(
            len(inside),
            y,
            treatment=treatment,
            groups=groups,
            period=period,
            strata=strata,
            control=control,
            greater_is_better=greater_is_better,
            response_threshold=response_threshold,
        )
        units = make_units(resolve_design(design, cases), cases)
        members = inside[units.rows]
        if not members.any():
            raise ValueError(
                f"No analysed case satisfies {self.rule}; check the units and names of "
                "these columns."
            )
        return measure(
            units,
            members,
            n_permutations=n_permutations,
            n_bootstrap=n_bootstrap,
            random_state=random_state,
        )

    def enrichment_design(self, *, alpha=0.05, power=0.8):
        """Plan the next trial in the members of this persona.

        The effect is the corrected one where there is one, else that of the holdout;
        standard deviation, prevalence and the effect outside are those of the
        holdout (with a corrected effect and no holdout, of the training cases).

        Parameters
        ----------
        alpha, power : float
            As in `inference.enrichment_design`.

        Returns
        -------
        design : EnrichmentDesign

        Raises
        ------
        ValueError
            When the effect is not a benefit, there is no control arm, or no effect is
            known but the one of the data that chose the rule.
        """
        record = self.train if self.holdout is None else self.holdout
        if record is None or (self.holdout is None and self.effect_corrected is None):
            raise ValueError(
                "The effect of a persona in the data that chose it is too large to "
                "plan with. Fit with n_resamples=100, keep a holdout, or pass numbers "
                "to inference.enrichment_design."
            )
        if record.design == "single-arm":
            raise ValueError(
                "A single arm has no treatment effect; an enriched trial cannot be "
                "planned from it."
            )
        effect, interval = self.effect_corrected, self.ci_corrected
        if effect is None:
            effect, interval = record.effect, record.ci_effect
        if not record.effect_size:
            raise ValueError(
                "The outcome does not vary inside, so no size can be computed."
            )
        if not effect > 0:
            raise ValueError(
                f"The effect inside is {effect:g}: no benefit to enrich a trial for."
            )
        outside = math.sqrt(
            max(
                _half_width(record.ci_contrast) ** 2
                - _half_width(record.ci_effect) ** 2,
                0,
            )
        )
        paired = record.design == "crossover"
        return enrichment_design(
            effect,
            record.effect / record.effect_size,
            record.coverage,
            # Half-widths over the normal quantile: wider than the standard errors.
            se=_half_width(interval) / NORMAL,
            effect_outside=record.effect_complement,
            se_outside=outside / NORMAL,
            n_observed=record.total // 2 if paired else record.total,
            alpha=alpha,
            power=power,
            paired=paired,
        )

    def to_dict(self):
        """Plain values for JSON, with a schema name. NaN is written as None.

        Returns
        -------
        values : dict
        """
        out = {"schema": SCHEMA}
        for name, value in vars(self).items():
            if name == "conditions":
                value = _written(value)
            elif name == "alternatives":
                value = [
                    vars(alternative) | {"conditions": _written(alternative.conditions)}
                    for alternative in value
                ]
            elif isinstance(value, Evidence | Stability):
                value = value.to_dict()
            elif isinstance(value, tuple):
                value = list(value)
            out[name] = value
        return _without_nan(out)

    @classmethod
    def from_dict(cls, values):
        """Rebuild a persona from `to_dict`.

        Parameters
        ----------
        values : mapping

        Returns
        -------
        persona : Persona

        Raises
        ------
        ValueError
            For another schema, unknown fields, or values of another kind.
        """
        try:
            return cls._read(dict(values))
        except (AttributeError, KeyError, OverflowError, TypeError) as error:
            raise ValueError(
                f"Expected values as of to_dict, got some of another kind: {error}."
            ) from error

    @classmethod
    def _read(cls, values):
        schema = values.pop("schema", None)
        if schema != SCHEMA:
            raise ValueError(f"Expected schema {SCHEMA!r}, got {schema!r}.")
        unknown = sorted(set(values) - set(cls.__dataclass_fields__))
        if unknown:
            raise ValueError(f"A persona has no fields {unknown}.")
        values["conditions"] = _read_back(values.get("conditions"))
        # Personas of earlier versions have none.
        values["alternatives"] = tuple(
            _read_alternative(given) for given in values.get("alternatives") or ()
        )
        for name in ("train", "holdout"):
            if values.get(name) is not None:
                record = dict(values[name])
                for key, value in record.items():
                    if value is None and not _optional(Evidence, key):
                        record[key] = float("nan")
                values[name] = Evidence.from_dict(record)
        if values.get("stability") is not None:
            values["stability"] = Stability.from_dict(values["stability"])
        for name, value in values.items():
            if isinstance(value, list):
                values[name] = tuple(value)
            elif value is None and not _optional(cls, name):
                values[name] = float("nan")
        return cls(**values)

    def to_text(self):
        """Eligibility criteria, ready for a protocol.

        Limits have six digits, with the exact limit beside them where that differs.

        Returns
        -------
        text : str

        Examples
        --------
        >>> from sklearn_persona import Persona
        >>> print(Persona.from_conditions({"age": (None, 40), "sex": {"F"}}).to_text())
        A participant is eligible who meets all of these at baseline:
        1. age: at most 40;
        2. sex: F.
        A missing value does not meet a criterion.
        """
        return criteria_text(self.conditions)

    def to_query(self):
        """The rule for `pandas.DataFrame.query`.

        Variables without a name are called ``x0``, ``x1``, ... by position.

        Returns
        -------
        query : str

        Raises
        ------
        ValueError
            For a column name that pandas cannot quote (a backtick, a control
            character, no string).

        Examples
        --------
        >>> from sklearn_persona import Persona
        >>> Persona.from_conditions({"age": (None, 40), "sex": {"F"}}).to_query()
        "(`age` <= 40) and (`sex` in ['F'])"
        """
        return pandas_query(self.conditions)

    def to_sql(self, *, table=None):
        """The rule for WHERE, in standard SQL.

        Missing values must be stored as NULL, not as NaN. MySQL needs its modes
        ANSI_QUOTES and NO_BACKSLASH_ESCAPES. SQLite reads the quoted name of a column
        that is not there as text, unless `table` is given.

        Parameters
        ----------
        table : str, optional
            Name or alias of the table, put before each column.

        Returns
        -------
        where : str

        Raises
        ------
        ValueError
            For a NUL character, which SQL cannot hold.

        Examples
        --------
        >>> from sklearn_persona import Persona
        >>> Persona.from_conditions({"age": (30, 40)}).to_sql()
        '"age" IS NOT NULL AND "age" > 30 AND "age" <= 40'
        """
        return sql_where(self.conditions, table)

    def to_r(self, *, data="data"):
        """The rule as an R expression, TRUE or FALSE a row of a data frame.

        R changes column names as it reads a file unless told ``check.names = FALSE``.

        Parameters
        ----------
        data : str, default="data"
            Name of the data frame; ``".data"`` inside dplyr verbs.

        Returns
        -------
        expression : str

        Raises
        ------
        ValueError
            For a NUL character, which R cannot hold, and when `data` is no name.

        Examples
        --------
        >>> from sklearn_persona import Persona
        >>> print(Persona.from_conditions({"age": (None, 40)}).to_r())
        !is.na(data[["age"]]) & data[["age"]] <= 40
        """
        return r_expression(self.conditions, data)

    @staticmethod
    def json_schema():
        """JSON Schema (2020-12) of what `to_dict` writes.

        Returns
        -------
        schema : dict

        Examples
        --------
        >>> from sklearn_persona import Persona
        >>> Persona.json_schema()["properties"]["direction"]["enum"]
        ['favorable', 'unfavorable']
        """
        return json_schema(Persona, Condition, Alternative, SCHEMA)

    def __str__(self):
        return card(self)


def _half_width(interval):
    return (interval[1] - interval[0]) / 2


def _rule(conditions):
    return " and ".join(map(str, conditions))


def _written(conditions):
    """Conditions as plain values."""
    return [
        {key: list(v) if isinstance(v, tuple) else v for key, v in vars(c).items()}
        for c in conditions
    ]


def _read_back(conditions):
    """Conditions from plain values."""
    known = {f.name for f in fields(Condition)}
    if not conditions or not all(_is_condition(c, known) for c in conditions):
        raise ValueError(
            f"A persona needs conditions with fields among {sorted(known)}, got "
            f"{conditions!r}."
        )
    return tuple(
        Condition(**{k: tuple(v) if isinstance(v, list) else v for k, v in c.items()})
        for c in conditions
    )


def _is_condition(values, known):
    """Whether these are plain values of a condition, of the right kinds."""
    if not isinstance(values, Mapping) or set(values) - known:
        return False
    edges = [values.get("low"), values.get("high")]
    position, levels = values.get("position"), values.get("levels")
    return (
        _is_range(edges)
        and (levels is not None or edges != [None, None])
        and (position is None or (isinstance(position, int) and position >= 0))
        and (levels is None or isinstance(levels, list | tuple))
    )


def _read_alternative(values):
    """An alternative from plain values."""
    known = [f.name for f in fields(Alternative)]
    if not {"conditions", "jaccard"} <= set(values) <= set(known):
        raise ValueError(
            f"An alternative needs fields among {known}, got {sorted(values)}."
        )
    return Alternative(
        **(dict(values) | {"conditions": _read_back(values["conditions"])})
    )


def _optional(cls, name):
    return cls.__dataclass_fields__[name].default is None


def _read_condition(key, value):
    number = isinstance(key, Integral) and not isinstance(key, bool | np.bool_)
    name, position = (None, int(key)) if number else (key, None)
    if isinstance(value, tuple) and len(value) == 2 and _is_range(value):
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


def _is_range(value):
    return all(
        v is None
        or (isinstance(v, int | float | np.number) and not isinstance(v, bool))
        for v in value
    )


def _without_nan(value):
    if isinstance(value, dict):
        return {key: _without_nan(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_without_nan(v) for v in value]
    if isinstance(value, float) and math.isnan(value):
        return None
    return value
