"""From found rules to personas: names, ranges of the data, other descriptions."""

from dataclasses import replace

import numpy as np

from sklearn_persona._persona.condition import Alternative, Condition
from sklearn_persona._persona.persona import Persona
from sklearn_persona._search.alternatives import AlternativeSearch
from sklearn_persona._search.greedy import FAVORABLE

__all__ = ["Naming"]


class Naming:
    """Gives names and ranges to rules of column positions and limits.

    Parameters
    ----------
    columns : list of TableColumn
    labels : sequence of str
        Names of the modalities; empty without.
    modality : ndarray of int, shape (n_columns,)
        Code of each column's.
    rows : ndarray of int, shape (n_units,)
        Row of the table that describes each training unit.
    """

    def __init__(self, columns, labels, modality, rows):
        self.columns, self.rows = columns, rows
        self.labels, self.modality = labels, modality

    def persona(self, rule):
        """A persona without evidence from a `FoundRule`."""
        conditions = self._conditions(rule.conditions)
        found = {c.modality for c in conditions if c.modality is not None}
        return Persona(
            conditions=conditions,
            direction="favorable" if rule.sign == FAVORABLE else "unfavorable",
            modalities=tuple(sorted(found)),
            objective=rule.objective,
        )

    def with_alternatives(self, personas, members, selectors, n_alternatives, holdout):
        """Attach to personas the other descriptions of their members.

        Parameters
        ----------
        personas : list of Persona
        members : list of ndarray of bool, shape (n_units,)
            Of each persona among the training units.
        selectors : Selectors
        n_alternatives : int
        holdout : Units or None

        Returns
        -------
        personas : list of Persona
        """
        search = AlternativeSearch(selectors, n_alternatives)
        done = []
        for persona, inside in zip(personas, members):
            variables = {c.position for c in persona.conditions}
            found = [
                Alternative(
                    conditions=self._conditions(rule.conditions),
                    jaccard=rule.jaccard,
                    shares_variable=any(p in variables for p, _ in rule.conditions),
                )
                for rule in search(inside, variables)
            ]
            if holdout is not None:
                agreements = [
                    self._agreement(persona, other, holdout.rows) for other in found
                ]
                found = [
                    replace(other, jaccard_holdout=agreement)
                    for other, agreement in zip(found, agreements)
                ]
            done.append(replace(persona, alternatives=tuple(found)))
        return done

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
        a, b = (
            np.logical_and.reduce([self._covers(c, rows) for c in rule.conditions])
            for rule in (one, other)
        )
        either = np.count_nonzero(a | b)
        return float(np.count_nonzero(a & b) / either) if either else None

    def _covers(self, condition, rows):
        column = self.columns[condition.position]
        return condition.covers_column(replace(column, values=column.values[rows]))
