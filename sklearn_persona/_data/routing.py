"""Metadata, methods and seeds of the estimators inside meta-estimators."""

import numpy as np
from sklearn import config_context
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

__all__ = ["consumed", "estimator_has", "require_treatment", "set_open_seeds"]


def estimator_has(method):
    """For `available_if`: whether the estimator inside, fitted or not, has a method."""

    def check(self):
        # getattr rather than hasattr: the inner error says why it is not available.
        getattr(getattr(self, "estimator_", self.estimator), method)
        return True

    return check


def require_treatment(estimator, treatment):
    """Refuse to score a fit with treatment on data without: it got lost on the way.

    Parameters
    ----------
    estimator : object with two_arm_
    treatment : array-like or None
    """
    if estimator.two_arm_ and treatment is None:
        raise ValueError(
            f"This {type(estimator).__name__} was fitted with treatment, so score "
            "needs treatment= too. With metadata routing, pass it in params."
        )


def consumed(owner, consumer, method, given, must=()):
    """Choose what a method takes of the metadata at hand.

    Parameters
    ----------
    owner : object
        Who passes it on; named in errors.
    consumer : estimator, splitter or scorer
    method : str
        "fit", "split", "score", ...
    given : dict of str to array-like
        Metadata; None counts as not given.
    must : iterable of str
        Those that must not be left over.

    Returns
    -------
    taken : dict of str to array-like
        What the consumer, or anything inside it, has requested.

    Raises
    ------
    UnsetMetadataPassedError
        If something inside accepts one of them without having requested or refused
        it, so that an arm never gets lost unnoticed.
    TypeError
        If nothing takes one of `must`.
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
