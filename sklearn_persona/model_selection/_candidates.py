"""Estimators of a comparison: checks, kinds, and preparation for a split."""

from collections.abc import Mapping

import numpy as np
from sklearn.base import clone, is_classifier

from sklearn_persona._data.labels import encode_labels
from sklearn_persona._data.routing import set_open_seeds
from sklearn_persona._discoverer import PersonaDiscoverer
from sklearn_persona._trial_frame import TrialFrame
from sklearn_persona.baselines import HonestCausalTree, VirtualTwins

__all__ = [
    "CLASSIFIER",
    "EFFECTS",
    "OTHER",
    "check_candidates",
    "check_orientation",
    "framed_columns",
    "is_framed",
    "kind_of",
    "prepared",
]

# Classifiers of the response; effect estimators such as those of econml, which have
# fit(y, treatment, X=X) and effect(X); all others, which are fitted on the outcome.
CLASSIFIER, EFFECTS, OTHER = "classifier", "effects", "other"
EFFECT_TREES = (HonestCausalTree, VirtualTwins)


def check_candidates(estimators):
    """Raise unless `estimators` is a dict from names to estimators."""
    if not isinstance(estimators, Mapping):
        raise TypeError(
            f"estimators must be a dict from names to estimators, got "
            f"{type(estimators).__name__}. Pass {{'svc': SVC(), ...}}."
        )
    if not estimators:
        raise ValueError("estimators is empty, expected at least one. Add one.")
    for name, estimator in estimators.items():
        if not isinstance(name, str):
            raise TypeError(
                f"Names of estimators must be strings, got {name!r} of type "
                f"{type(name).__name__}."
            )
        asked = hasattr(estimator, "predict") or hasattr(estimator, "effect")
        if isinstance(estimator, type) or not (hasattr(estimator, "fit") and asked):
            raise TypeError(
                f"Estimator {name!r} is {estimator!r:.80}, expected an estimator with "
                "fit and predict (or effect). Pass an instance; put a transformer into "
                "a pipeline that ends with a model."
            )


def kind_of(estimator):
    """One of CLASSIFIER, EFFECTS, OTHER."""
    if not hasattr(estimator, "predict"):
        return EFFECTS
    return CLASSIFIER if is_classifier(estimator) else OTHER


def check_orientation(name, estimator, trial, has_response):
    """Raise if an estimator has another direction or reference arm."""
    better = trial.cases.sign > 0
    if kind_of(estimator) == CLASSIFIER and has_response:
        # A classifier is fitted on the response, of which more is better.
        better = True
    for part in _parts(estimator).values():
        if not isinstance(part, (PersonaDiscoverer, *EFFECT_TREES)):
            continue
        if bool(part.greater_is_better) != better:
            raise ValueError(
                f"Estimator {name!r} has greater_is_better={part.greater_is_better}, "
                f"expected {better}, the direction of the outcome that it is fitted on "
                "here. Change it there, or pass greater_is_better to compare."
            )
        if trial.cases.arms:
            control = part.control
            if control is None:
                _, labels = encode_labels(trial.metadata["treatment"], "treatment")
                control = labels[0]
            if control != trial.cases.arms[0]:
                raise ValueError(
                    f"Estimator {name!r} takes {control!s} as control, and the "
                    f"comparison {trial.cases.arms[0]!s}. Pass the same control to "
                    "both."
                )


def framed_columns(estimators, roles):
    """Columns that `TrialFrame` adapters take from the table, with their roles."""
    columns = {}
    for name, estimator in estimators.items():
        for part in _parts(estimator).values():
            if not isinstance(part, TrialFrame):
                continue
            for role in roles:
                column = getattr(part, role)
                if column is None:
                    continue
                if roles[role] is None:
                    raise ValueError(
                        f"Estimator {name!r} takes {role} from column {column!r}, "
                        f"which compare does not know. Pass {role}={column!r} to "
                        "compare too: splits, metrics and other estimators need it."
                    )
                columns[column] = role
    return columns


def is_framed(estimator):
    """Whether the estimator expects a table with role columns."""
    return any(isinstance(part, TrialFrame) for part in _parts(estimator).values())


def prepared(estimator, seed):
    """Clone an estimator for one split.

    Effect trees are set to predict personas, and open seeds are set.

    Parameters
    ----------
    estimator : estimator
    seed : int or None
        None leaves seeds open.

    Returns
    -------
    model : estimator
    """
    model = clone(estimator, safe=False)
    for name, part in _parts(model).items():
        if isinstance(part, EFFECT_TREES):
            model.set_params(**{f"{name}__output" if name else "output": "persona"})
    if seed is not None and hasattr(model, "get_params"):
        set_open_seeds(model, np.random.RandomState(seed))
    return model


def _parts(estimator):
    """The estimator and everything nested in it, by parameter name."""
    parts = {"": estimator}
    if hasattr(estimator, "get_params"):
        parts |= estimator.get_params()
    return parts
