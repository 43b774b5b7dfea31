"""`Stability`: what became of a persona when the selection was repeated."""

from dataclasses import asdict, dataclass, fields

__all__ = ["Edge", "Stability"]

NOT_KNOWN = float("nan")


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
    side: str
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
    jaccard_quantiles: tuple
    same_variables: float
    variable_frequencies: tuple
    edges: tuple
    n_left_out: int
    left_out_same: float
    left_out_jaccard: float

    def to_dict(self):
        """Plain values, with lists for tuples.

        Returns
        -------
        values : dict
        """
        out = asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in out.items()}

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
            For unknown keys.
        """
        unknown = sorted(set(values) - {f.name for f in fields(cls)})
        if unknown:
            raise ValueError(f"Stability has no fields {unknown}.")
        values = {key: _read(value) for key, value in values.items()}
        values["edges"] = tuple(
            Edge(**{key: _read(value) for key, value in edge.items()})
            for edge in values["edges"]
        )
        return cls(**values)


def _read(value):
    if isinstance(value, list):
        return tuple(_read(v) for v in value)
    return NOT_KNOWN if value is None else value
