"""From found rules to personas: names, ranges of the data, evidence, built once."""

from dataclasses import replace

import numpy as np

from sklearn_persona._persona.condition import Alternative, Condition
from sklearn_persona._persona.persona import Persona
from sklearn_persona._search.alternatives import AlternativeSearch
from sklearn_persona._search.greedy import FAVORABLE

__all__ = ["PersonaBuilder", "covered_by"]


class PersonaBuilder:
    """Collects what is known of the rules of a search, and builds their personas.

    Everything is aligned with the rules by position; `build` sorts at the end.

    Parameters
    ----------
    columns : list of TableColumn
    rules : list of FoundRule
        Best first.
    rows : ndarray of int, shape (n_units,)
        Row of the table that describes each training unit.
    modality : ndarray of int, shape (n_columns,), optional
        Code of each column's modality.
    labels : sequence of str
        Names of the modalities; empty without.

    Attributes
    ----------
    conditions : list of tuple of Condition
        Of each rule.
    """

    def __init__(self, columns, rules, rows, modality=None, labels=()):
        self.columns, self.rules, self.rows = columns, rules, rows
        self.modality, self.labels = modality, labels
        self.conditions = [self._conditions(rule.conditions) for rule in rules]

    def covered(self):
        """Membership of each row of the table in each rule.

        Returns
        -------
        covered : list of ndarray of bool, shape (n_rows,)
        """
        return [covered_by(own, self.columns) for own in self.conditions]

    def alternatives(self, selectors, n_alternatives, holdout):
        """Other descriptions of the members of each rule.

        Parameters
        ----------
        selectors : Selectors
        n_alternatives : int
            At most, for each rule.
        holdout : Units or None

        Returns
        -------
        alternatives : list of tuple of Alternative
        """
        search = AlternativeSearch(selectors, n_alternatives)
        rows = None if holdout is None else holdout.rows
        out = []
        for rule, conditions in zip(self.rules, self.conditions):
            variables = {c.position for c in conditions}
            out.append(
                tuple(
                    self._alternative(found, conditions, variables, rows)
                    for found in search(rule.members, variables)
                )
            )
        return out

    def _alternative(self, found, conditions, variables, rows):
        own = self._conditions(found.conditions)
        return Alternative(
            conditions=own,
            jaccard=found.jaccard,
            jaccard_holdout=None
            if rows is None
            else self._agreement(conditions, own, rows),
            shares_variable=any(c.position in variables for c in own),
        )

    def build(self, verdicts, alternatives, stability=None, corrected=None):
        """Personas with everything that is known of them, confirmed ones first.

        Parameters
        ----------
        verdicts : list of Verdict
        alternatives : list of tuple of Alternative
        stability : list of Stability, optional
        corrected : list of tuple or None, optional
            Corrected effect and its interval.

        Returns
        -------
        personas : list of Persona
        """
        personas = []
        for i, (rule, conditions) in enumerate(zip(self.rules, self.conditions)):
            effect, interval = (corrected[i] if corrected else None) or (None, None)
            found = {c.modality for c in conditions if c.modality is not None}
            personas.append(
                Persona(
                    conditions=conditions,
                    direction="favorable" if rule.sign == FAVORABLE else "unfavorable",
                    modalities=tuple(sorted(found)),
                    objective=rule.objective,
                    alternatives=alternatives[i],
                    stability=stability[i] if stability else None,
                    effect_corrected=effect,
                    ci_corrected=interval,
                    **vars(verdicts[i]),
                )
            )
        return sorted(personas, key=lambda persona: not persona.confirmed)

    def _conditions(self, conditions):
        ordered = sorted(conditions, key=lambda c: c[0])
        return tuple(self._condition(*condition) for condition in ordered)

    def _condition(self, position, limits):
        column = self.columns[position]
        common = {
            "name": column.name,
            "position": column.position,
            "modality": self.labels[self.modality[position]] if self.labels else None,
        }
        if column.levels is not None:
            return Condition(levels=limits, **common)
        values = column.values[self.rows]
        return Condition(
            low=limits[0],
            high=limits[1],
            data_low=float(np.nanmin(values)),
            data_high=float(np.nanmax(values)),
            **common,
        )

    def _agreement(self, one, other, rows):
        """Jaccard index of two rules among some rows; None where both are empty."""
        columns = {
            c.position: replace(
                self.columns[c.position], values=self.columns[c.position].values[rows]
            )
            for c in (*one, *other)
        }
        a, b = covered_by(one, columns), covered_by(other, columns)
        either = np.count_nonzero(a | b)
        return float(np.count_nonzero(a & b) / either) if either else None


def covered_by(conditions, columns):
    """Rows that satisfy all conditions.

    Parameters
    ----------
    conditions : sequence of Condition
    columns : sequence or mapping of TableColumn
        By position.

    Returns
    -------
    inside : ndarray of bool, shape (n_rows,)
    """
    return np.logical_and.reduce(
        [c.covers_column(columns[c.position]) for c in conditions]
    )
