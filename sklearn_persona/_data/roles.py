"""Roles that columns of a trial can have, besides outcome and baseline variables.

All lists of roles come from here: default requests of metadata, `TrialFrame` and the
command line. A new role needs an entry in `ROLES`, a keyword of each public method that
takes it (scikit-learn inspects signatures) and a field of `Cases` for its values.
"""

from dataclasses import dataclass

__all__ = ["ROLES", "Role", "requested"]


@dataclass(frozen=True)
class Role:
    """Meaning of a column, and the methods that use it.

    Attributes
    ----------
    meaning : str
        Meaning of its value in a row, which is a case.
    methods : tuple of str
        Methods that request it by default in scikit-learn's metadata routing:
        ``"fit"`` and ``"score"`` of estimators of effects, ``"split"`` of splitters.
    """

    meaning: str
    methods: tuple[str, ...] = ("fit", "score")


# By their keyword.
ROLES = {
    "treatment": Role("arm of the case", ("fit", "score", "split")),
    "groups": Role("participant of the case", ("fit", "score", "split")),
    "period": Role("period of the case in a crossover"),
    "strata": Role("randomization stratum of the case"),
}


def requested(method):
    """Return the default requests of a method.

    Parameters
    ----------
    method : {"fit", "score", "split"}

    Returns
    -------
    requests : dict of str to bool
        Value of the class attribute ``__metadata_request__{method}``.

    Examples
    --------
    >>> from sklearn_persona._data.roles import requested
    >>> requested("split")
    {'treatment': True, 'groups': True}
    """
    return {name: True for name, role in ROLES.items() if method in role.methods}
