"""How the imaging literature evaluates responder classifiers, and what it omits."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from scipy import special
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _num_samples

from sklearn_persona._labels import encode_labels
from sklearn_persona.baselines._null_labels import shuffled_labels
from sklearn_persona.baselines._performance import (
    Predictions,
    accuracy_intervals,
    auc_test,
    balanced_accuracy_test,
    calibration,
    delong,
    net_benefit,
    reliability,
)
from sklearn_persona.baselines._protocol_figure import draw
from sklearn_persona.baselines._refitting import fit_clone, folds_of_rows

__all__ = ["ProtocolResult", "published_protocol"]

BOOTSTRAP = "participant bootstrap, percentile"
DELONG = "DeLong"
REFITTED = "refitted label permutation, one-sided"


@dataclass(frozen=True)
class ProtocolResult:
    """What `published_protocol` found.

    Attributes
    ----------
    table : DataFrame
        A row per cohort and metric: ``cohort``, ``n``, ``n_positive``, ``metric``,
        ``estimate``, ``low``, ``high``, ``interval``, ``p_value``, ``test``.
    predictions : DataFrame
        A row per cohort, row and repeat: ``cohort``, ``row``, ``group``, ``site``,
        ``repeat``, ``positive``, ``decision``, ``predicted``, ``probability``.
    calibration : DataFrame
        A row per cohort and fifth of the predicted probabilities: ``cohort``, ``n``,
        ``predicted``, ``observed``; empty without probabilities.
    decision_curve : DataFrame
        A row per cohort and threshold: ``cohort``, ``threshold``, ``model``,
        ``everybody``: net benefit of treating those above the threshold, and of
        treating everybody; nobody has 0. Empty without probabilities.
    model : estimator
        The frozen model, fitted on the discovery cohort.
    protocol : str
        One sentence on how the discovery cohort was evaluated.
    level : float
        Coverage of the intervals.
    """

    table: pd.DataFrame
    predictions: pd.DataFrame
    calibration: pd.DataFrame
    decision_curve: pd.DataFrame
    model: Any
    protocol: str
    level: float

    def paper(self):
        """The table as papers print it.

        Returns
        -------
        table : DataFrame
            A row per cohort: n, responders, balanced accuracy, sensitivity and
            specificity in percent, AUC, each with its interval, p and differences of
            AUC.
        """
        rows = {}
        for cohort, part in self.table.groupby("cohort", sort=False):
            found = part.set_index("metric")
            if "auc_difference" in found.index:
                continue
            row = {
                "n": int(found["n"].iloc[0]),
                "responders": int(found["n_positive"].iloc[0]),
            }
            for metric, title in (
                ("balanced_accuracy", "balanced accuracy, %"),
                ("sensitivity", "sensitivity, %"),
                ("specificity", "specificity, %"),
                ("auc", "AUC"),
            ):
                row[title] = _printed(found.loc[metric], 1 if title == "AUC" else 100)
            row["p"] = _printed_p(found.loc["balanced_accuracy", "p_value"])
            rows[cohort] = row
        for _, row in self.table[self.table.metric == "auc_difference"].iterrows():
            name, _, other = row["cohort"].rpartition(" - ")
            text = f"{_printed(row, 1)}, p {_printed_p(row['p_value'])}"
            rows[name][f"AUC less that of {other}"] = text
        table = pd.DataFrame.from_dict(rows, orient="index").fillna("")
        table.index.name = "cohort"
        return table

    def plot(self):
        """Draw ROC curves, balanced accuracies, calibration and decision curves.

        Returns
        -------
        figure : matplotlib.figure.Figure
            Needs matplotlib, which is imported here.
        """
        return draw(self)


def published_protocol(
    estimator,
    X,
    y,
    *,
    groups=None,
    sites=None,
    external=None,
    placebo=None,
    positive=None,
    n_splits=10,
    n_repeats=10,
    level=0.95,
    n_bootstrap=2000,
    n_permutations=10_000,
    n_refits=0,
    correct_overlap=True,
    thresholds=None,
    random_state=None,
    n_jobs=None,
):
    """Evaluate a responder classifier as the imaging literature does, and further.

    Repeated nested cross-validation of the discovery cohort (the inner loop is the
    estimator's own); the model fitted on all of it and frozen, on external cohorts and
    on placebo cohorts. Beyond the literature: intervals of everything, tests with a
    name, differences of AUC between drug and placebo, calibration and decision curves.

    Parameters
    ----------
    estimator : classifier
        With `decision_function` or `predict_proba`; cloned. It gets `groups` if it
        requests them. Probabilities come from `response_probability` or
        `predict_proba`, if it has one.
    X : array-like or DataFrame of shape (n_samples, n_features)
        Discovery cohort.
    y : array-like of shape (n_samples,)
        Response, two classes.
    groups : array-like of shape (n_samples,), default=None
        Participant of each row; never split.
    sites : array-like of shape (n_samples,), default=None
        Site of each row; balanced over folds, and permutations stay within.
    external : dict of str to cohort, default=None
        Cohorts treated with the drug. A cohort is a tuple ``(X, y)`` or a mapping
        with ``data``, ``target`` and, if there are any, ``groups`` and ``site``.
        Several are also evaluated together, as "external".
    placebo : cohort or dict of str to cohort, default=None
        Cohorts without the drug; a single one is called "placebo".
    positive : label, default=None
        The class of responders; by default the second in sorted order.
    n_splits, n_repeats : int, default=10, 10
        Outer folds, and how often they are drawn anew.
    level : float, default=0.95
        Coverage of the intervals.
    n_bootstrap : int, default=2000
        Participants are drawn with replacement; models are not refitted.
    n_permutations : int, default=10_000
        Of tests of frozen predictions that cannot be enumerated.
    n_refits : int, default=0
        Permutations of the discovery outcomes with a whole repetition of the nested
        cross-validation each; its p is NaN without them, because predictions of folds
        are not independent and no simpler test holds.
    correct_overlap : bool, default=True
        Whether intervals of the discovery cohort allow for training rows that folds
        share. False gives those of the literature, which are too narrow.
    thresholds : array-like of float, default=None
        Of the decision curve, in (0, 1); by default 0.05, 0.10, ..., 0.95.
    random_state : int, RandomState instance or None, default=None
    n_jobs : int, default=None
        Repeats and refits worked on at once. Results do not depend on it.

    Returns
    -------
    result : ProtocolResult

    Raises
    ------
    ValueError
        If y has other than two classes, a cohort has other labels, lengths differ, or
        a count is out of range.
    TypeError
        If a cohort is neither a tuple nor a mapping, or the estimator does not rank.

    Notes
    -----
    Metrics of the discovery cohort are means over repeats, each over all participants.
    Decisions are divided by their standard deviation over the training rows of their
    fold, which makes folds comparable and moves no boundary.

    Folds share training rows, so that their models are wrong together, which neither
    the bootstrap nor DeLong's variance knows. `correct_overlap` multiplies the variance
    by ``1 + k / (k - 1)`` with k folds (Nadeau & Bengio 2003): about 2.1 for ten.

    The difference of two AUCs has the interval of independent samples, DeLong et al.
    (1988), and the p value of the same normal approximation, two-sided. For the
    discovery cohort it neglects that its participants also trained the frozen model.

    References
    ----------
    .. [1] Structural imaging predictors of ketamine response in treatment-resistant
       depression: a machine learning approach. Translational Psychiatry, 2026,
       doi:10.1038/s41398-026-04085-4.
    .. [2] DeLong, E. R., DeLong, D. M. & Clarke-Pearson, D. L. (1988). Comparing the
       areas under two or more correlated receiver operating characteristic curves.
       Biometrics 44, 837-845.
    .. [3] Obuchowski, N. A. (1997). Nonparametric analysis of clustered ROC curve data.
       Biometrics 53, 567-578.
    .. [4] Van Calster, B. et al. (2016). A calibration hierarchy for risk models was
       defined. Journal of Clinical Epidemiology 74, 167-176.
    .. [5] Nadeau, C. & Bengio, Y. (2003). Inference for the generalization error.
       Machine Learning 52, 239-281.
    .. [6] Vickers, A. J. & Elkin, E. B. (2006). Decision curve analysis. Medical
       Decision Making 26, 565-574.

    Examples
    --------
    >>> from sklearn_persona.baselines import StructuralMRISVC, published_protocol
    >>> from sklearn_persona.datasets import make_structural_mri_cohorts
    >>> study = make_structural_mri_cohorts(random_state=0)
    >>> discovery = study.cohorts["discovery"]
    >>> result = published_protocol(
    ...     StructuralMRISVC(covariates=study.covariates, C_grid=[0.01]),
    ...     discovery.data, discovery.target,
    ...     external={"external": study.cohorts["external"]},
    ...     placebo={"saline": study.cohorts["saline"]},
    ...     n_splits=5, n_repeats=1, random_state=0,
    ... )
    >>> result.paper()["AUC"].index.tolist()
    ['discovery', 'external', 'saline']
    >>> result.table.query("metric == 'auc'").estimate.round(2).tolist()
    [0.73, 0.88, 0.49]
    """
    counts = {
        "n_splits": (n_splits, 2),
        "n_repeats": (n_repeats, 1),
        "n_bootstrap": (n_bootstrap, 0),
        "n_permutations": (n_permutations, 0),
        "n_refits": (n_refits, 0),
    }
    for name, (value, least) in counts.items():
        if not isinstance(value, Integral) or value < least:
            raise ValueError(f"{name} must be an integer >= {least}, got {value!r}.")
    if not 0 < level < 1:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level!r}.")
    grid = (
        np.arange(1, 20) / 20 if thresholds is None else np.asarray(thresholds, float)
    )
    if grid.ndim != 1 or not ((grid > 0) & (grid < 1)).all():
        raise ValueError(f"thresholds must lie strictly in (0, 1), got {thresholds!r}.")

    discovery = _Cohort("discovery", X, y, groups, sites)
    classes = _classes(discovery, positive)
    drug = _cohorts(external, "external")
    control = _cohorts(placebo, "placebo")
    taken = [c.name for c in (discovery, *drug, *control)]
    if len(set(taken)) < len(taken):
        raise ValueError(f"Cohorts need different names, got {taken}. Rename them.")
    rng = check_random_state(random_state)
    seeds = rng.randint(np.iinfo(np.int32).max, size=n_repeats + n_refits + 2)
    labels = discovery.labels(classes)

    repeats = Parallel(n_jobs=n_jobs)(
        delayed(_one_repeat)(estimator, discovery, labels, classes, n_splits, seed)
        for seed in seeds[2 : 2 + n_repeats]
    )
    everyone = np.arange(len(labels))
    model = fit_clone(
        estimator,
        X,
        classes[labels],
        discovery.people,
        everyone,
        np.random.RandomState(seeds[0]),
    )
    found = {"discovery": _collect(discovery, labels, repeats)}
    for cohort in (*drug, *control):
        found[cohort.name] = _frozen(model, cohort, classes)
    drug_names = [c.name for c in drug]
    if len(drug) > 1 and "external" not in found:
        found = _with_all(found, drug_names)
        drug_names = [*drug_names, "external"]

    draws = np.random.default_rng(int(seeds[1]))
    widening = dict.fromkeys(found, 1.0)
    if correct_overlap:
        n_folds = min(n_splits, len(discovery.group_labels))
        widening["discovery"] = math.sqrt(1 + n_folds / (n_folds - 1))
    rows = []
    for name, predictions in found.items():
        tests = {}
        if name != "discovery":
            options = {"n_permutations": n_permutations, "rng": draws}
            tests["balanced_accuracy"] = balanced_accuracy_test(predictions, **options)
            tests["auc"] = auc_test(predictions, **options)
        elif n_refits:
            tests = _refit_tests(
                estimator,
                discovery,
                labels,
                classes,
                n_splits,
                predictions,
                seeds[2 + n_repeats :],
                n_jobs,
            )
        rows += _rows(
            name, predictions, tests, level, n_bootstrap, draws, widening[name]
        )
    for name in ("discovery", *drug_names):
        for other in control:
            rows.append(_difference(found, name, other.name, level, widening[name]))
    table = pd.DataFrame(rows)
    return ProtocolResult(
        table=table,
        predictions=_long(found, [discovery, *drug, *control]),
        calibration=_reliability(found),
        decision_curve=_curves(found, grid),
        model=model,
        protocol=f"{n_repeats} x {n_splits}-fold cross-validation by participant, "
        "everything refitted in each fold",
        level=level,
    )


class _Cohort:
    """Rows of one cohort; y, groups and sites as labels and codes.

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
        self.people = self.group_labels = np.arange(n)
        self.places, self.site_labels = np.zeros(n, np.intp), np.array([""])
        if groups is not None:
            self.people, self.group_labels = encode_labels(groups, f"groups of {name}")
            given["groups"] = self.people
        if sites is not None:
            self.places, self.site_labels = encode_labels(sites, f"sites of {name}")
            given["sites"] = self.places
        for what, values in given.items():
            if len(values) != n:
                raise ValueError(
                    f"{what} of {name} has {len(values)} entries but X has {n} rows. "
                    "Pass one entry a row, in the same order."
                )

    def labels(self, classes):
        """0 and 1 for each row, 1 for the positive class."""
        unknown = [label for label in self.y_labels.tolist() if label not in classes]
        if unknown:
            raise ValueError(
                f"y of {self.name} holds {unknown[:5]}, expected the classes of "
                f"discovery, {classes.tolist()}. Code the response alike in all "
                "cohorts."
            )
        positive = np.array([label == classes[1] for label in self.y_labels])
        return positive[self.y_codes].astype(int)


def _classes(discovery, positive):
    """Labels of both classes, the positive one second."""
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
    raise ValueError(f"positive={positive!r} is no class of y: {labels.tolist()}.")


def _cohorts(given, default):
    """Cohorts from what the user gave."""
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
            out.append(_Cohort(name, cohort["data"], cohort["target"], *roles))
        elif isinstance(cohort, tuple) and len(cohort) == 2:
            out.append(_Cohort(name, *cohort))
        else:
            raise TypeError(
                f"Cohort {name!r} is a {type(cohort).__name__}, expected a tuple "
                "(X, y) or a mapping with data and target."
            )
    return out


def _one_repeat(estimator, cohort, labels, classes, n_splits, seed):
    """Decision, prediction and probability of every row, from models without it."""
    rng = np.random.RandomState(seed)
    fold = folds_of_rows(labels, cohort.people, cohort.places, n_splits, rng)
    y = classes[labels]
    out = np.full((3, len(labels)), np.nan)
    for k in range(fold.max() + 1):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        model = fit_clone(estimator, cohort.X, y, cohort.people, train, rng)
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


def _collect(cohort, labels, parts):
    decision, predicted, probability = np.stack(parts, axis=-1)
    return Predictions(
        positive=labels == 1,
        decision=decision,
        predicted=predicted == 1,
        probability=None if np.isnan(probability).any() else probability,
        people=cohort.people,
        places=cohort.places,
    )


def _frozen(model, cohort, classes):
    labels = cohort.labels(classes)
    return _collect(cohort, labels, [_predict(model, cohort.X, None, None, classes)])


def _with_all(found, names):
    """All external cohorts as one more, after the last of them."""
    parts = [found[name] for name in names]
    joined, people, places = {}, [], []
    for part in parts:
        people.append(part.people + 1 + max((p.max() for p in people), default=-1))
        places.append(part.places + 1 + max((p.max() for p in places), default=-1))
    for name in ("positive", "decision", "predicted"):
        joined[name] = np.concatenate([getattr(part, name) for part in parts])
    probability = None
    if all(part.probability is not None for part in parts):
        probability = np.concatenate([part.probability for part in parts])
    together = Predictions(
        **joined,
        probability=probability,
        people=np.concatenate(people),
        places=np.concatenate(places),
    )
    out = {}
    for name, part in found.items():
        out[name] = part
        if name == names[-1]:
            out["external"] = together
    return out


def _refit_tests(
    estimator, cohort, labels, classes, n_splits, predictions, seeds, n_jobs
):
    """The nested cross-validation against itself with exchanged outcomes."""

    def drawn(seed):
        rng = np.random.RandomState(seed)
        return shuffled_labels(labels, cohort.people, cohort.places, rng)

    shuffled = [drawn(seed) for seed in seeds]
    parts = Parallel(n_jobs=n_jobs)(
        delayed(_one_repeat)(estimator, cohort, codes, classes, n_splits, seed)
        for codes, seed in zip(shuffled, seeds)
    )
    null = [_collect(cohort, codes, [part]) for codes, part in zip(shuffled, parts)]
    tests = {}
    for metric, statistic in (
        ("balanced_accuracy", _balanced_accuracy),
        ("auc", lambda found: delong(found)[0]),
    ):
        # The mean over repeats varies less than one repeat: conservative.
        observed = statistic(predictions)
        reached = sum(statistic(found) >= observed - 1e-12 for found in null)
        tests[metric] = (1 + reached) / (1 + len(null)), REFITTED
    return tests


def _balanced_accuracy(predictions):
    correct = (predictions.predicted == predictions.positive[:, None]).mean(axis=1)
    return (
        correct[predictions.positive].mean() + correct[~predictions.positive].mean()
    ) / 2


def _rows(name, predictions, tests, level, n_bootstrap, rng, widening):
    """Rows of the table for one cohort."""
    remark = "" if widening == 1 else f", widened {widening:.2f}"
    found = accuracy_intervals(
        predictions, level=level, n_bootstrap=n_bootstrap, rng=rng
    )
    methods = dict.fromkeys(found, BOOTSTRAP + remark)
    auc, variance = delong(predictions)
    half = float(special.ndtri((1 + level) / 2)) * math.sqrt(variance)
    found["auc"] = auc, auc - half, auc + half
    methods["auc"] = DELONG + remark
    for metric, (value, low, high) in found.items():
        ends = value - np.array([value - low, value - high]) * widening
        found[metric] = value, *np.clip(ends, 0.0, 1.0).tolist()
    if predictions.probability is not None:
        more = calibration(predictions, level=level)
        methods |= {
            key: "" if math.isnan(low) else "Wald" for key, (_, low, _) in more.items()
        }
        found |= more
    return [
        {
            "cohort": name,
            "n": len(np.unique(predictions.people)),
            "n_positive": int(predictions.positive.sum()),
            "metric": metric,
            "estimate": estimate,
            "low": low,
            "high": high,
            "interval": methods[metric],
            "p_value": tests.get(metric, (math.nan, ""))[0],
            "test": tests.get(metric, (math.nan, ""))[1],
        }
        for metric, (estimate, low, high) in found.items()
    ]


def _difference(found, name, other, level, widening):
    """AUC of a drug cohort less that of a placebo cohort."""
    (a, var_a), (b, var_b) = delong(found[name]), delong(found[other])
    error = math.sqrt(widening**2 * var_a + var_b)
    half = float(special.ndtri((1 + level) / 2)) * error
    p_value = math.nan
    if error > 0:
        p_value = float(2 * special.ndtr(-abs(a - b) / error))
    return {
        "cohort": f"{name} - {other}",
        "n": sum(len(np.unique(found[c].people)) for c in (name, other)),
        "n_positive": sum(int(found[c].positive.sum()) for c in (name, other)),
        "metric": "auc_difference",
        "estimate": a - b,
        "low": a - b - half,
        "high": a - b + half,
        "interval": DELONG if widening == 1 else f"{DELONG}, widened {widening:.2f}",
        "p_value": p_value,
        "test": "DeLong, independent samples, two-sided",
    }


def _long(found, cohorts):
    parts = []
    for cohort in cohorts:
        predictions = found[cohort.name]
        n, n_repeats = predictions.decision.shape
        probability = predictions.probability
        parts.append(
            pd.DataFrame(
                {
                    "cohort": cohort.name,
                    "row": np.repeat(np.arange(n), n_repeats),
                    "group": np.repeat(cohort.group_labels[cohort.people], n_repeats),
                    "site": np.repeat(cohort.site_labels[cohort.places], n_repeats),
                    "repeat": np.tile(np.arange(n_repeats), n),
                    "positive": np.repeat(predictions.positive, n_repeats),
                    "decision": predictions.decision.ravel(),
                    "predicted": predictions.predicted.ravel(),
                    "probability": np.nan
                    if probability is None
                    else probability.ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _reliability(found):
    rows = [
        (name, *bin_)
        for name, predictions in found.items()
        if predictions.probability is not None
        for bin_ in reliability(predictions)
    ]
    return pd.DataFrame(rows, columns=["cohort", "n", "predicted", "observed"])


def _curves(found, thresholds):
    rows = []
    for name, predictions in found.items():
        if predictions.probability is None:
            continue
        model, everybody = net_benefit(predictions, thresholds)
        rows += [(name, *row) for row in zip(thresholds, model, everybody)]
    return pd.DataFrame(rows, columns=["cohort", "threshold", "model", "everybody"])


def _printed(row, factor):
    digits = 1 if factor == 100 else 2
    values = [
        f"{factor * row[column]:.{digits}f}" for column in ("estimate", "low", "high")
    ]
    return f"{values[0]} ({values[1]} to {values[2]})"


def _printed_p(p):
    if math.isnan(p):
        return ""
    return "<.001" if p < 0.001 else f"{p:.3f}".lstrip("0")
