"""Personas: frozen subgroup rules with the evidence for them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

import numpy as np
import pandas as pd

from sklearn_persona._data.serialization import (
    array_of,
    record_from_plain,
    record_schema,
    record_to_plain,
)
from sklearn_persona._designs import (
    make_units,
    n_labels_of,
    read_cases,
    resolve_design,
)
from sklearn_persona._estimates.evidence import Evidence
from sklearn_persona._estimates.measure import measure
from sklearn_persona._persona.condition import (
    Alternative,
    Condition,
    check_rule,
    read_condition,
    rule_text,
)
from sklearn_persona._persona.languages import (
    criteria_text,
    pandas_query,
    r_expression,
    sql_where,
)
from sklearn_persona._persona.stability import Stability
from sklearn_persona._text.card import card
from sklearn_persona.inference import enrichment_design

__all__ = ["Persona", "persona_table"]

# Quantile that turns the half-width of a 95 % interval into a standard error.
NORMAL = 1.959964
SCHEMA = "sklearn-persona/persona/1"


@dataclass(frozen=True)
class Persona:
    """A conjunction of conditions on different variables, with its evidence.

    A persona holds only plain values, so it can be pickled, written as JSON and read
    back; see `to_dict`.

    Attributes
    ----------
    conditions : tuple of Condition
    direction : {"favorable", "unfavorable"}
        Whether the effect inside is above or below the effect in the complement.
    reversal : bool
        Whether the effect inside also has the opposite sign to the effect in the whole
        trial. Where the members were tested, only if their effect was shown.
    modalities : tuple of str
    replicated, confirmed : bool
    claim : str
        Conclusion that the evidence supports, in words.
    objective : float
    train, holdout : Evidence or None
    members_claim : {"not tested", "no effect shown", "benefit", "harm"}
        What is shown of the effect in the members of a confirmed persona, apart from
        any comparison with others: at most `alpha` of trials make a false statement of
        this kind.
    p_adjusted, p_adjusted_interaction : float
    p_adjusted_members : float
        Adjusted p value of no effect in the members, on which `members_claim` rests.
    p_conditional : float
        The test of the claim among participants that no earlier confirmed persona
        covers; from the second persona on a claim needs it below `alpha`.
    effect_adjusted : float or None
        Effect after prognostic adjustment, in the holdout or else in training.
    effect_corrected : float or None
        Effect among the members in the population, corrected for the selection of the
        rule; None without `n_resamples` (see `PersonaDiscoverer`).
    ci_corrected : tuple of float or None
        Its 95 % interval.
    stability : Stability or None
        Agreement with the selections from fewer participants; None without
        `n_resamples`.
    alternatives : tuple of Alternative
        Rules of one or two conditions that omit a variable of this one and have almost
        the same training members, best first; see `PersonaDiscoverer`.

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

    Test on a trial that did not choose it, and plan of the next trial:

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

    conditions: tuple[Condition, ...] = field(metadata=array_of(Condition, minItems=1))
    direction: Literal["favorable", "unfavorable"]
    reversal: bool = False
    modalities: tuple[str, ...] = field(default=(), metadata=array_of(str))
    replicated: bool = False
    confirmed: bool = False
    claim: str = "not tested"
    members_claim: Literal["not tested", "no effect shown", "benefit", "harm"] = (
        "not tested"
    )
    objective: float = float("nan")
    train: Evidence | None = None
    holdout: Evidence | None = None
    p_adjusted: float = float("nan")
    p_adjusted_interaction: float = float("nan")
    p_adjusted_members: float = float("nan")
    p_conditional: float = float("nan")
    effect_adjusted: float | None = None
    effect_corrected: float | None = None
    ci_corrected: tuple[float, float] | None = None
    stability: Stability | None = None
    alternatives: tuple[Alternative, ...] = field(
        default=(), metadata=array_of(Alternative)
    )

    @classmethod
    def from_conditions(cls, conditions, *, direction="favorable"):
        """Make a persona from given conditions, such as published ones.

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
            If a range is empty or cannot be read.

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
        read = tuple(read_condition(key, value) for key, value in conditions.items())
        return cls(conditions=read, direction=direction)

    @property
    def rule(self):
        """The conditions as one line of text."""
        return rule_text(self.conditions)

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
        """Test this persona, unchanged, on another trial.

        Nothing is selected here, so p values and intervals need no correction.

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
            Seed of Monte Carlo tests and of the bootstrap.

        Returns
        -------
        evidence : Evidence

        Raises
        ------
        ValueError
            If the trial cannot be read or contains no member.
        """
        inside = self.covers(X)
        cases = read_cases(
            len(inside),
            y,
            treatment=treatment,
            groups=groups,
            period=period,
            strata=strata,
            n_arms=n_labels_of(design),
            control=control,
            greater_is_better=greater_is_better,
            response_threshold=response_threshold,
        )
        units = make_units(resolve_design(design, cases), cases)
        members = inside[units.rows]
        if not members.any():
            raise ValueError(
                f"No analyzed case satisfies {self.rule}; check the units and names of "
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
        """Plan a trial that enrolls only members of this persona.

        The effect is the corrected one if there is one, else that of the holdout.
        Standard deviation, prevalence and the effect outside are from the holdout, or
        from the training cases if there is a corrected effect but no holdout.

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
            If the effect is not a benefit, if there is no control arm, or if the only
            known effect is from the data that chose the rule.
        """
        record = self.train if self.holdout is None else self.holdout
        if record is None or (self.holdout is None and self.effect_corrected is None):
            raise ValueError(
                "The effect of a persona in the data that chose it is too large to "
                "plan with. Fit with n_resamples=100, keep a holdout, or pass numbers "
                "to inference.enrichment_design."
            )
        if not record.has_arms:
            raise ValueError(
                "A single arm has no treatment effect to plan an enriched trial from."
            )
        effect, interval = self.effect_corrected, self.ci_corrected
        if effect is None:
            effect, interval = record.effect, record.ci_effect
        if not record.effect_size:
            raise ValueError(
                "The outcome does not vary inside, so no sample size can be computed."
            )
        if not effect > 0:
            raise ValueError(
                f"The effect inside is {effect:g}, which is no benefit to enrich for."
            )
        outside = math.sqrt(
            max(
                _half_width(record.ci_contrast) ** 2
                - _half_width(record.ci_effect) ** 2,
                0,
            )
        )
        paired = record.cases_per_unit == 2
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
        """Convert to plain values for JSON, with a schema name; NaN becomes None.

        Returns
        -------
        values : dict
        """
        return record_to_plain(self, schema=SCHEMA)

    @classmethod
    def from_dict(cls, values):
        """Rebuild a persona from the values of `to_dict`.

        Parameters
        ----------
        values : mapping

        Returns
        -------
        persona : Persona

        Raises
        ------
        ValueError
            For another schema, unknown or missing fields, or values of a wrong kind.
        """
        if isinstance(values, Mapping) and values.get("alternatives", ()) is None:
            # As some earlier files have it.
            values = {**values, "alternatives": []}
        persona = record_from_plain(cls, values, schema=SCHEMA)
        for rule in (persona, *persona.alternatives):
            check_rule(rule.conditions)
        return persona

    def to_text(self):
        """Write the rule as eligibility criteria for a protocol.

        Limits have six digits, followed by the exact limit if that differs.

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
        """Write the rule for `pandas.DataFrame.query`.

        Variables without a name are called ``x0``, ``x1``, ... by position.

        Returns
        -------
        query : str

        Raises
        ------
        ValueError
            For a column name that pandas cannot quote: one with a backtick or a
            control character, or one that is not a string.

        Examples
        --------
        >>> from sklearn_persona import Persona
        >>> Persona.from_conditions({"age": (None, 40), "sex": {"F"}}).to_query()
        "(`age` <= 40) and (`sex` in ['F'])"
        """
        return pandas_query(self.conditions)

    def to_sql(self, *, table=None):
        """Write the rule for WHERE, in standard SQL.

        Missing values must be stored as NULL, not as NaN. MySQL needs the modes
        ANSI_QUOTES and NO_BACKSLASH_ESCAPES. If a column does not exist, SQLite reads
        its quoted name as text unless `table` is given.

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
        """Write the rule as an R expression, TRUE or FALSE for each row.

        R changes column names as it reads a file, unless ``check.names = FALSE``.

        Parameters
        ----------
        data : str, default="data"
            Name of the data frame; ``".data"`` in dplyr verbs.

        Returns
        -------
        expression : str

        Raises
        ------
        ValueError
            For a NUL character, which R cannot hold, or if `data` is not a name.

        Examples
        --------
        >>> from sklearn_persona import Persona
        >>> print(Persona.from_conditions({"age": (None, 40)}).to_r())
        !is.na(data[["age"]]) & data[["age"]] <= 40
        """
        return r_expression(self.conditions, data)

    @staticmethod
    def json_schema():
        """Describe the values of `to_dict` in JSON Schema (2020-12).

        Returns
        -------
        schema : dict

        Examples
        --------
        >>> from sklearn_persona import Persona
        >>> Persona.json_schema()["properties"]["direction"]["enum"]
        ['favorable', 'unfavorable']
        """
        return record_schema(Persona, SCHEMA)

    def __str__(self):
        return card(self)


def persona_table(personas):
    """One row per persona; columns of evidence have the half as a prefix."""
    rows = [_row(persona) for persona in personas]
    index = pd.Index([f"persona{i}" for i in range(len(rows))], name="persona")
    if not rows:
        return pd.DataFrame(columns=list(_row(Persona((), "favorable"))), index=index)
    return pd.DataFrame(rows, index=index)


def _row(persona):
    row = {
        "rule": persona.rule,
        "direction": persona.direction,
        "reversal": persona.reversal,
        "modalities": ", ".join(persona.modalities),
        "replicated": persona.replicated,
        "confirmed": persona.confirmed,
        "claim": persona.claim,
        "objective": persona.objective,
        "p_adjusted": persona.p_adjusted,
        "p_adjusted_interaction": persona.p_adjusted_interaction,
        "p_conditional": persona.p_conditional,
        "effect_corrected": persona.effect_corrected,
        "ci_corrected": persona.ci_corrected,
    }
    for half in ("train", "holdout"):
        record = getattr(persona, half)
        row |= {
            f"{half}_{f.name}": getattr(record, f.name) if record else None
            for f in fields(Evidence)
        }
    return row


def _half_width(interval):
    return (interval[1] - interval[0]) / 2
