"""The protocol by which the imaging literature evaluates responder classifiers."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state
from sklearn.utils.parallel import Parallel, delayed

from sklearn_persona._data.checks import as_count, as_probability
from sklearn_persona._text.numbers import estimate, p_equation, p_text
from sklearn_persona.baselines._imaging.cohorts import (
    Cohort,
    collect,
    join_cohorts,
    one_repeat,
    predict_frozen,
    read_cohorts,
    response_classes,
)
from sklearn_persona.baselines._imaging.protocol_figure import draw
from sklearn_persona.baselines._imaging.protocol_tables import (
    calibration_table,
    curve_table,
    difference_row,
    metric_rows,
    prediction_table,
)
from sklearn_persona.baselines._imaging.protocol_tests import (
    frozen_tests,
    refitted_tests,
)
from sklearn_persona.baselines._imaging.refitting import fit_clone

__all__ = ["ProtocolResult", "published_protocol"]


@dataclass(frozen=True)
class ProtocolResult:
    """Result of `published_protocol`.

    Attributes
    ----------
    table : DataFrame
        A row per cohort and metric: ``cohort``, ``n``, ``n_positive``, ``metric``,
        ``estimate``, ``low``, ``high``, ``interval``, ``p_value``, ``test``, and
        ``p_exact``, that of the balanced accuracy with ties counted against it.
    predictions : DataFrame
        A row per cohort, row and repeat: ``cohort``, ``row``, ``group``, ``site``,
        ``repeat``, ``positive``, ``decision``, ``predicted``, ``probability``.
    calibration : DataFrame
        A row per cohort and fifth of the predicted probabilities: ``cohort``, ``n``,
        ``predicted``, ``observed``; empty without probabilities.
    decision_curve : DataFrame
        A row per cohort and threshold: ``cohort``, ``threshold``, and net benefit of
        treating those above the threshold (``model``) and everyone (``everybody``);
        that of treating no one is 0. Empty without probabilities.
    model : estimator
        The frozen model, fitted on the discovery cohort.
    protocol : str
        One sentence on the evaluation of the discovery cohort.
    level : float
        Coverage of the intervals.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_persona.baselines import published_protocol
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(
    ...     n_samples=60, n_features=3, prognostic=1.0, binary=True, random_state=0
    ... )
    >>> result = published_protocol(
    ...     LogisticRegression(), trial.data, trial.target, n_splits=3, n_repeats=1,
    ...     n_bootstrap=50, random_state=0,
    ... )
    >>> result.paper().index.tolist()
    ['discovery']
    >>> "auc" in set(result.table["metric"])
    True
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> result.plot() is not None
    True
    """

    table: pd.DataFrame
    predictions: pd.DataFrame
    calibration: pd.DataFrame
    decision_curve: pd.DataFrame
    model: Any
    protocol: str
    level: float

    def paper(self):
        """Format the table for a paper.

        Returns
        -------
        table : DataFrame
            A row per cohort: n, responders, balanced accuracy, sensitivity and
            specificity in percent, AUC (also within sites if there are several), each
            with its interval; p of the balanced accuracy; and differences of AUC
            within sites.
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
                ("auc_within_sites", "AUC within sites"),
            ):
                if metric in found.index:
                    scale = 1 if title.startswith("AUC") else 100
                    row[title] = _printed(found.loc[metric], scale)
            p_value = found.loc["balanced_accuracy", "p_value"]
            row["p"] = "" if math.isnan(p_value) else p_text(p_value)
            rows[cohort] = row
        for _, row in self.table[self.table.metric == "auc_difference"].iterrows():
            name, _, other = row["cohort"].rpartition(" - ")
            text = f"{_printed(row, 1)}, {p_equation(row['p_value'])}"
            rows[name][f"AUC less that of {other}"] = text
        table = pd.DataFrame.from_dict(rows, orient="index").fillna("")
        table.index.name = "cohort"
        return table

    def plot(self):
        """Draw ROC curves, balanced accuracies, calibration and decision curves.

        Returns
        -------
        figure : matplotlib.figure.Figure
            Requires matplotlib, which is imported here.
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
    """Evaluate a responder classifier by the protocol of the imaging literature.

    The discovery cohort is evaluated by repeated nested cross-validation, in which the
    inner loop belongs to the estimator. The model fitted on the whole discovery cohort
    is frozen and evaluated on external and placebo cohorts. This function adds
    intervals of all metrics, tests, differences of AUC between drug and placebo,
    calibration and decision curves.

    Parameters
    ----------
    estimator : classifier
        With `decision_function` or `predict_proba`; cloned. It gets `groups` if it
        requests them. Probabilities come from `response_probability` or
        `predict_proba`, if available.
    X : array-like or DataFrame of shape (n_samples, n_features)
        Discovery cohort.
    y : array-like of shape (n_samples,)
        Response, two classes.
    groups : array-like of shape (n_samples,), default=None
        Participant of each row; participants are kept whole.
    sites : array-like of shape (n_samples,), default=None
        Site of each row. Sites are balanced over folds; permutations, and the pairs
        of `auc_within_sites` and of differences, stay within sites.
    external : dict of str to cohort, default=None
        Cohorts treated with the drug. A cohort is a tuple ``(X, y)`` or a mapping
        with ``data``, ``target`` and optionally ``groups`` and ``site``. Several
        cohorts are also evaluated together, as "external".
    placebo : cohort or dict of str to cohort, default=None
        Cohorts without the drug; a single cohort is called "placebo".
    positive : label, default=None
        The class of responders; by default the second in sorted order.
    n_splits, n_repeats : int, default=10, 10
        Number of outer folds and of repeats with newly drawn folds.
    level : float, default=0.95
        Coverage of the intervals.
    n_bootstrap : int, default=2000
        Bootstrap samples of participants; models are not refitted.
    n_permutations : int, default=10_000
        Permutations of the outcomes in the tests of the frozen model; 0 skips them.
    n_refits : int, default=0
        Permutations of the discovery outcomes, each with a complete nested
        cross-validation. Without them p of the discovery cohort is NaN, because
        predictions of folds are not independent and no simpler test is valid.
    correct_overlap : bool, default=True
        Whether intervals of the discovery cohort allow for training rows shared by
        folds. False gives the intervals of the literature, which are too narrow.
    thresholds : array-like of float, default=None
        Thresholds of the decision curve, in (0, 1); by default 0.05, 0.10, ..., 0.95.
    random_state : int, RandomState instance or None, default=None
    n_jobs : int, default=None
        Number of repeats and refits in parallel. Results do not depend on it.

    Returns
    -------
    result : ProtocolResult

    Raises
    ------
    ValueError
        If y does not have two classes, a cohort has other labels, lengths differ, or
        a count is out of range.
    TypeError
        If a cohort is neither a tuple nor a mapping, or the estimator has neither
        decisions nor probabilities.

    Notes
    -----
    Metrics of the discovery cohort are means over repeats, each over all participants.
    Decisions are divided by their standard deviation over the training rows of their
    fold, which makes folds comparable without moving the boundary.

    Folds share training rows, so the errors of their models are correlated, for which
    neither the bootstrap nor DeLong's variance allows. `correct_overlap` multiplies the
    variance by ``1 + k / (k - 1)`` with k folds (Nadeau & Bengio 2003): about 2.1 for
    ten.

    A frozen model is tested against outcomes exchanged between participants within
    sites. The statistic is the balanced accuracy, with ties broken by the AUC within
    sites (Streitberg & Roehmel 1990), so p is uniform under the null hypothesis.
    ``p_exact`` counts all ties against the model, as Fisher's exact test does, and is
    conservative.

    The difference between drug and placebo is that of AUCs *within sites*, which
    compare a responder and a nonresponder from the same site. Cohorts come from
    different scanners, whose offsets lower an AUC across sites. With one site it is
    the ordinary AUC. The interval is that of independent samples (DeLong et al. 1988),
    and the two-sided p value uses the same normal approximation. The difference for
    the discovery cohort ignores that its participants also trained the frozen model.

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
    .. [7] Streitberg, B. & Roehmel, J. (1990). On tests that are uniformly more
       powerful than the Wilcoxon-Mann-Whitney test. Biometrics 46, 481-484.

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
    [0.65, 0.92, 0.47]
    """
    as_count("n_splits", n_splits, minimum=2)
    as_count("n_repeats", n_repeats)
    for name, count in (
        ("n_bootstrap", n_bootstrap),
        ("n_permutations", n_permutations),
        ("n_refits", n_refits),
    ):
        as_count(name, count, minimum=0)
    as_probability("level", level)
    thresholds = _read_thresholds(thresholds)

    discovery = Cohort("discovery", X, y, groups, sites)
    classes = response_classes(discovery, positive)
    drug = read_cohorts(external, "external")
    control = read_cohorts(placebo, "placebo")
    taken = [c.name for c in (discovery, *drug, *control)]
    if len(set(taken)) < len(taken):
        raise ValueError(f"Cohorts need different names, got {taken}. Rename them.")
    rng = check_random_state(random_state)
    seeds = rng.randint(np.iinfo(np.int32).max, size=n_repeats + n_refits + 2)
    labels = discovery.labels(classes)

    repeats = Parallel(n_jobs=n_jobs)(
        delayed(one_repeat)(estimator, discovery, labels, classes, n_splits, seed)
        for seed in seeds[2 : 2 + n_repeats]
    )
    everyone = np.arange(len(labels))
    model = fit_clone(
        estimator,
        X,
        classes[labels],
        discovery.participants,
        everyone,
        np.random.RandomState(seeds[0]),
    )
    found = {"discovery": collect(discovery, labels, repeats)}
    for cohort in (*drug, *control):
        found[cohort.name] = predict_frozen(model, cohort, classes)
    drug_names = [c.name for c in drug]
    if len(drug) > 1 and "external" not in found:
        found = join_cohorts(found, drug_names)
        drug_names = [*drug_names, "external"]

    draws = np.random.default_rng(int(seeds[1]))
    widening = dict.fromkeys(found, 1.0)
    if correct_overlap:
        n_folds = min(n_splits, len(discovery.group_labels))
        widening["discovery"] = math.sqrt(1 + n_folds / (n_folds - 1))
    rows = []
    for name, predictions in found.items():
        tests, frozen = {}, name != "discovery"
        if frozen:
            tests = frozen_tests(predictions, n_permutations=n_permutations, rng=draws)
        elif n_refits:
            more = seeds[2 + n_repeats :]
            shared = estimator, discovery, labels, classes, n_splits
            tests = refitted_tests(*shared, predictions, more, n_jobs)
        rows += metric_rows(
            name,
            predictions,
            tests,
            level,
            n_bootstrap,
            draws,
            widening[name],
            frozen=frozen,
        )
    for name in ("discovery", *drug_names):
        for other in control:
            rows.append(difference_row(found, name, other.name, level, widening[name]))
    table = pd.DataFrame(rows)
    return ProtocolResult(
        table=table,
        predictions=prediction_table(found, [discovery, *drug, *control]),
        calibration=calibration_table(found),
        decision_curve=curve_table(found, thresholds),
        model=model,
        protocol=f"{n_repeats} x {n_splits}-fold cross-validation by participant, "
        "everything refitted in each fold",
        level=level,
    )


def _read_thresholds(thresholds):
    """Thresholds of the decision curve as an array."""
    if thresholds is None:
        return np.arange(1, 20) / 20
    grid = np.asarray(thresholds, float)
    if grid.ndim != 1 or not ((grid > 0) & (grid < 1)).all():
        raise ValueError(f"thresholds must lie strictly in (0, 1), got {thresholds!r}.")
    return grid


def _printed(row, factor):
    """The estimate of a row with its interval; in percent with a factor of 100."""
    value, *ends = (factor * float(row[name]) for name in ("estimate", "low", "high"))
    return "" if math.isnan(value) else estimate(value, ends, 1 if factor == 100 else 2)
