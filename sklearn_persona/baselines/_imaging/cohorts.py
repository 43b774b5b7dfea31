"""Cohorts of the published protocol, and predictions of a model for them."""

from collections.abc import Mapping

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from sklearn_persona._data.labels import encode_labels
from sklearn_persona.baselines._imaging.performance import Predictions
from sklearn_persona.baselines._imaging.refitting import fit_clone, folds_of_rows

__all__ = [
    "Cohort",
    "collect",
    "join_cohorts",
    "one_repeat",
    "predict_frozen",
    "read_cohorts",
    "response_classes",
]


class Cohort:
    """Data of one cohort, with y, groups and sites as labels and codes.

    Parameters
    ----------
    name : str
    X, y, groups, sites
        As in `published_protocol`.
    """

    def __init__(self, name, X, y, groups=None, sites=None):
        self.name, self.X = name, X
        n = _num_samples(X)
        self.y_codes, self.y_labels = encode_labels(y, f"y of {name}")
        given = {"y": self.y_codes}
        self.participants = self.group_labels = np.arange(n)
        self.sites, self.site_labels = np.zeros(n, np.intp), np.array([""])
        if groups is not None:
            self.participants, self.group_labels = encode_labels(
                groups, f"groups of {name}"
            )
            given["groups"] = self.participants
        if sites is not None:
            self.sites, self.site_labels = encode_labels(sites, f"sites of {name}")
            given["sites"] = self.sites
        for what, values in given.items():
            if len(values) != n:
                raise ValueError(
                    f"{what} of {name} has {len(values)} entries but X has {n} rows. "
                    "Pass one entry a row, in the same order."
                )

    def labels(self, classes):
        """1 for rows of the positive class, 0 for others."""
        unknown = [label for label in self.y_labels.tolist() if label not in classes]
        if unknown:
            raise ValueError(
                f"y of {self.name} holds {unknown[:5]}, expected the classes of "
                f"discovery, {classes.tolist()}. Use the same labels in all "
                "cohorts."
            )
        positive = np.array([label == classes[1] for label in self.y_labels])
        return positive[self.y_codes].astype(int)


def response_classes(discovery, positive):
    """Labels of both classes, the positive class second."""
    labels = discovery.y_labels
    if len(labels) != 2:
        raise ValueError(
            f"y must have two classes, got {len(labels)}: {labels[:5].tolist()}. Cut a "
            "continuous outcome at the threshold of response."
        )
    if positive is None or positive == labels[1]:
        return labels
    if positive == labels[0]:
        return labels[::-1]
    raise ValueError(f"positive={positive!r} is not a class of y: {labels.tolist()}.")


def read_cohorts(given, default):
    """Read one cohort or a dict of cohorts."""
    if given is None:
        return []
    single = isinstance(given, tuple) or (
        isinstance(given, Mapping) and "data" in given and "target" in given
    )
    named = {default: given} if single else given
    if not isinstance(named, Mapping):
        raise TypeError(
            f"{default} must be a dict of cohorts, got {type(given).__name__}. Pass "
            "{name: (X, y)}."
        )
    out = []
    for name, cohort in named.items():
        if isinstance(cohort, Mapping) and {"data", "target"} <= set(cohort):
            roles = cohort.get("groups"), cohort.get("site")
            out.append(Cohort(name, cohort["data"], cohort["target"], *roles))
        elif isinstance(cohort, tuple) and len(cohort) == 2:
            out.append(Cohort(name, *cohort))
        else:
            raise TypeError(
                f"Cohort {name!r} is a {type(cohort).__name__}, expected a tuple "
                "(X, y) or a mapping with data and target."
            )
    return out


def one_repeat(estimator, cohort, labels, classes, n_splits, seed):
    """Decision, prediction and probability of each row, from models without it."""
    rng = np.random.RandomState(seed)
    fold = folds_of_rows(labels, cohort.participants, cohort.sites, n_splits, rng)
    y = classes[labels]
    out = np.full((3, len(labels)), np.nan)
    for k in range(fold.max() + 1):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        model = fit_clone(estimator, cohort.X, y, cohort.participants, train, rng)
        out[:, test] = _predict(model, cohort.X, train, test, classes)
    return out


def _predict(model, X, train, test, classes):
    """Scaled decision, prediction and probability of the positive class."""
    part = X if test is None else _safe_indexing(X, test)
    turned = bool(model.classes_[1] != classes[1])
    probability = np.full(_num_samples(part), np.nan)
    if hasattr(model, "response_probability"):
        probability = model.response_probability(part)
    elif hasattr(model, "predict_proba"):
        probability = model.predict_proba(part)[:, 1]
    if hasattr(model, "decision_function"):
        decision, spread = model.decision_function(part), 1.0
        if train is not None:
            spread = np.std(model.decision_function(_safe_indexing(X, train)))
        decision = decision / (spread if spread > 0 else 1.0)
    elif hasattr(model, "predict_proba"):
        decision = probability
    else:
        raise TypeError(
            f"{type(model).__name__} has neither decision_function nor predict_proba; "
            "an AUC needs one of them."
        )
    predicted = np.asarray(model.predict(part)) == classes[1]
    if turned:
        decision, probability = -decision, 1 - probability
    return np.array([decision, predicted, probability], dtype=float)


def collect(cohort, labels, parts):
    """Predictions of one or more repeats as columns."""
    decision, predicted, probability = np.stack(parts, axis=-1)
    return Predictions(
        positive=labels == 1,
        decision=decision,
        predicted=predicted == 1,
        probability=None if np.isnan(probability).any() else probability,
        participants=cohort.participants,
        sites=cohort.sites,
    )


def predict_frozen(model, cohort, classes):
    """Predictions of a model that was fitted on another cohort."""
    labels = cohort.labels(classes)
    return collect(cohort, labels, [_predict(model, cohort.X, None, None, classes)])


def join_cohorts(found, names):
    """Add all external cohorts together as another one, after the last of them."""
    parts = [found[name] for name in names]
    joined, participants, sites = {}, [], []
    for part in parts:
        participants.append(
            part.participants + 1 + max((p.max() for p in participants), default=-1)
        )
        sites.append(part.sites + 1 + max((p.max() for p in sites), default=-1))
    for name in ("positive", "decision", "predicted"):
        joined[name] = np.concatenate([getattr(part, name) for part in parts])
    probability = None
    if all(part.probability is not None for part in parts):
        probability = np.concatenate([part.probability for part in parts])
    together = Predictions(
        **joined,
        probability=probability,
        participants=np.concatenate(participants),
        sites=np.concatenate(sites),
    )
    out = {}
    for name, part in found.items():
        out[name] = part
        if name == names[-1]:
            out["external"] = together
    return out
