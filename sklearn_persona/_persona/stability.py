"""`Stability`: agreement of a persona with selections from fewer participants."""

import math
from dataclasses import dataclass
from typing import Literal

from sklearn_persona._data.serialization import record_from_plain, record_to_plain

__all__ = ["Edge", "Stability"]


@dataclass(frozen=True)
class Edge:
    """Variation of one edge of a persona's range over half-samples.

    Attributes
    ----------
    variable : str
    side : {"low", "high"}
    value : float
        Edge of the persona.
    low, high : float
        2.5 % and 97.5 % quantiles among the best-matching rules with an edge on this
        side of this variable; NaN if there are none.
    n : int
        Number of these rules.

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
    """Agreement of a persona with selections from fewer participants.

    Half-samples are complementary pairs (Shah & Samworth, 2013). The best match in a
    half-sample is the rule of the same direction whose members, among all training
    units, agree best with those of the persona.

    Attributes
    ----------
    n_resamples : int
        Number of half-samples.
    jaccard : float
        Mean Jaccard index of the best match and the persona; a half-sample without a
        rule of this direction counts as 0.
    jaccard_quantiles : tuple of float
        Its 2.5, 25, 50, 75 and 97.5 % quantiles.
    same_variables : float
        Share of the half-samples with a rule of the same variables and direction.
    variable_frequencies : tuple of float
        For each condition, share of the half-samples whose best rule in either
        direction uses its variable.
    edges : tuple of Edge
    n_left_out : int
        Number of refits that each left out one participant.
    left_out_same : float
        Share of these refits with a rule of the same variables and direction; NaN
        without refits.
    left_out_jaccard : float
        Smallest Jaccard index of the best match over these refits; NaN without refits.

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
        """Convert to plain values, with lists for tuples; NaN stays NaN.

        Returns
        -------
        values : dict
        """
        return record_to_plain(self, nan=math.nan)

    @classmethod
    def from_dict(cls, values):
        """Rebuild from the values of `to_dict`; None in place of a number is NaN.

        Parameters
        ----------
        values : mapping

        Returns
        -------
        stability : Stability

        Raises
        ------
        ValueError
            For unknown or missing fields, or values of a wrong kind.
        """
        return record_from_plain(cls, values)
