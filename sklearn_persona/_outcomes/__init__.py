"""Kinds of outcome, one file each.

A kind says how outcomes are read and oriented, which number of each unit the search
sees, how an effect and its interval are estimated, what is reported of each arm, and
when an outcome is too sparse for asymptotic tests.
"""

from sklearn_persona._outcomes.binary import Response
from sklearn_persona._outcomes.continuous import Continuous, mean_of

__all__ = ["Continuous", "Response", "mean_of", "resolve_outcome"]


def resolve_outcome(greater_is_better=True, response_threshold=None):
    """Choose the kind of outcome that the parameters of an estimator describe.

    Parameters
    ----------
    greater_is_better : bool
    response_threshold : float or None

    Returns
    -------
    kind : Continuous
    """
    sign = 1 if greater_is_better else -1
    if response_threshold is None:
        return Continuous(sign)
    return Response(sign, response_threshold)
