"""Metadata, methods and seeds of the estimators inside meta-estimators."""

import numpy as np
from sklearn import config_context
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

__all__ = ["consumed", "estimator_has", "require_treatment", "set_open_seeds"]


def estimator_has(method):
    """Condition for `available_if`: the inner estimator has a method, fitted or not."""

    def check(self):
        # Unlike hasattr, getattr raises the inner error, which explains the reason.
        getattr(getattr(self, "estimator_", self.estimator), method)
        return True

    return check


def require_treatment(estimator, treatment):
    """Raise an error if treatment was given to `fit` but not to `score`.

    Parameters
    ----------
    estimator : object with two_arm_
    treatment : array-like or None

    Raises
    ------
    ValueError
    """
    if estimator.two_arm_ and treatment is None:
        raise ValueError(
            f"This {type(estimator).__name__} was fitted with treatment, so score "
            "needs treatment= too. With metadata routing, pass it in params."
        )


def consumed(owner, consumer, method, given, must=()):
    """Select the metadata that a method of an estimator, or anything inside, requests.

    Parameters
    ----------
    owner : object
        The object that passes the metadata on; named in errors.
    consumer : estimator, splitter or scorer
    method : str
        "fit", "split", "score", ...
    given : dict of str to array-like
        Available metadata; None counts as not given.
    must : iterable of str
        Names of metadata that something must request.

    Returns
    -------
    taken : dict of str to array-like
        The requested metadata.

    Raises
    ------
    UnsetMetadataPassedError
        If something inside accepts metadata that it has neither requested nor refused,
        so that treatment is never dropped silently.
    TypeError
        If nothing requests one of `must`.
    """
    given = {name: value for name, value in given.items() if value is not None}
    mapping = MethodMapping().add(caller=method, callee=method)
    with config_context(enable_metadata_routing=True):
        router = MetadataRouter(owner=owner)
        router.add(consumer=consumer, method_mapping=mapping)
        asked = {name: value for name, value in given.items() if name in must}
        router.validate_metadata(params=asked, method=method)
        return dict(router.route_params(params=given, caller=method).consumer[method])


def set_open_seeds(model, rng):
    """Draw a seed for every `random_state` that is None, nested ones too."""
    unset = {
        name: int(rng.randint(np.iinfo(np.int32).max))
        for name, value in sorted(model.get_params().items())
        if name.rsplit("__", 1)[-1] == "random_state" and value is None
    }
    if unset:
        model.set_params(**unset)
