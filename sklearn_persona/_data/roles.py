"""Roles of the columns of a trial that are neither baseline variables nor outcome.

Everything that lists the roles takes them from here: default requests of metadata,
`TrialFrame`, comparisons and the command line. A new role is one entry of `ROLES`, a
keyword of the public methods that take it (scikit-learn reads signatures), and a field
of `Cases`, which holds what was read.
"""

from dataclasses import dataclass

__all__ = ["ROLES", "Role", "requested"]


@dataclass(frozen=True)
class Role:
    """Meaning of a column, and the methods that take it.

    Attributes
    ----------
    meaning : str
        Of its value in one row, the case.
    methods : tuple of str
        Methods that request it by default under scikit-learn's metadata routing:
        ``"fit"`` and ``"score"`` of estimators of effects, ``"split"`` of splitters.
    """

    meaning: str
    methods: tuple[str, ...] = ("fit", "score")


# By the keyword of the methods.
ROLES = {
    "treatment": Role("arm of the case", ("fit", "score", "split")),
    "groups": Role("participant of the case", ("fit", "score", "split")),
    "period": Role("period of the case in a crossover"),
    "strata": Role("randomization stratum of the case"),
}


def requested(method):
    """Default requests of a method, as scikit-learn reads them from a class.

    Parameters
    ----------
    method : {"fit", "score", "split"}

    Returns
    -------
    requests : dict of str to bool
        For the class attribute ``__metadata_request__{method}``.

    Examples
    --------
    >>> from sklearn_persona._data.roles import requested
    >>> requested("split")
    {'treatment': True, 'groups': True}
    """
    return {name: True for name, role in ROLES.items() if method in role.methods}
