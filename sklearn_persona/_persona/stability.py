"""`Stability`: what became of a persona when the selection was repeated."""

import math
from dataclasses import dataclass
from typing import Literal

from sklearn_persona._data.serialization import record_from_plain, record_to_plain

__all__ = ["Edge", "Stability"]


@dataclass(frozen=True)
class Edge:
    """Spread of one edge of a persona's range over half-samples.

    Attributes
    ----------
    variable : str
    side : {"low", "high"}
    value : float
        Of the persona.
    low, high : float
        2.5 % and 97.5 % quantiles among the best-matching rules that have an edge on
        this side of this variable; NaN without any.
    n : int
        Number of those rules.

    Examples
    --------
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(n_samples=120, effect=2.0, random_state=0)
    >>> finder = PersonaDiscoverer(
    ...     max_variables=1, n_resamples=4, prognostic=None, random_state=0
    ... )
    >>> finder = finder.fit(trial.data, trial.target, treatment=trial.treatment)
    >>> edge = finder.personas_[0].stability.edges[0]
    >>> edge.low <= edge.high, edge.side in ("low", "high")
    (True, True)
    """

    variable: str
    side: Literal["low", "high"]
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Stability:
    """What became of a persona when the selection was repeated on fewer participants.

    Half-samples are complementary pairs (Shah & Samworth, 2013). In each the best
    match is the rule of the same direction whose members among all training units
    agree best with the persona's.

    Attributes
    ----------
    n_resamples : int
        Half-samples.
    jaccard : float
        Mean Jaccard index of the best match with the persona; 0 where a half-sample
        has no rule of this direction.
    jaccard_quantiles : tuple of float
        Its 2.5, 25, 50, 75 and 97.5 % quantiles.
    same_variables : float
        Share of the half-samples in which a rule of the same variables and direction
        was found.
    variable_frequencies : tuple of float
        For each condition the share of the half-samples whose best rule of all uses
        its variable.
    edges : tuple of Edge
    n_left_out : int
        Participants who were left out one at a time.
    left_out_same : float
        Share of these refits in which a rule of the same variables and direction was
        found; NaN without any.
    left_out_jaccard : float
        Smallest Jaccard index of the best match over these refits; NaN without any.

    Examples
    --------
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(n_samples=120, effect=2.0, random_state=0)
    >>> finder = PersonaDiscoverer(
    ...     max_variables=1, n_resamples=4, prognostic=None, random_state=0
    ... )
    >>> finder = finder.fit(trial.data, trial.target, treatment=trial.treatment)
    >>> stability = finder.personas_[0].stability
    >>> stability.n_resamples, 0 <= stability.jaccard <= 1
    (4, True)
    >>> len(stability.variable_frequencies)
    1
    >>> Stability.from_dict(stability.to_dict()).jaccard == stability.jaccard
    True
    """

    n_resamples: int
    jaccard: float
    jaccard_quantiles: tuple[float, ...]
    same_variables: float
    variable_frequencies: tuple[float, ...]
    edges: tuple[Edge, ...]
    n_left_out: int
    left_out_same: float
    left_out_jaccard: float

    def to_dict(self):
        """Plain values, with lists for tuples; NaN stays NaN.

        Returns
        -------
        values : dict
        """
        return record_to_plain(self, nan=math.nan)

    @classmethod
    def from_dict(cls, values):
        """Rebuild from `to_dict`; None in place of a number is NaN.

        Parameters
        ----------
        values : mapping

        Returns
        -------
        stability : Stability

        Raises
        ------
        ValueError
            For unknown or missing fields, and values of another kind.
        """
        return record_from_plain(cls, values)
