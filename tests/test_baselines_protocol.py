"""The published protocol: metrics, intervals, tests, and no leakage."""

import dataclasses
import itertools
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import optimize, special, stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from sklearn_persona.baselines import (
    CovariateResidualizer,
    StructuralMRISVC,
    published_protocol,
)
from sklearn_persona.baselines._imaging.performance import (
    Predictions,
    accuracy_intervals,
    auc_test,
    balanced_accuracy_test,
    calibration,
    delong,
    delong_within_sites,
    exact_accuracy_p,
    net_benefit,
    reliability,
)
from sklearn_persona.datasets import make_structural_mri_cohorts


def predictions(n=40, n_repeats=1, seed=0, groups=None, sites=None, shift=0.5):
    rng = np.random.RandomState(seed)
    positive = np.arange(n) % 5 < 2
    decision = np.round(
        rng.standard_normal((n, n_repeats)) + shift * positive[:, None], 1
    )
    return Predictions(
        positive=positive,
        decision=decision,
        predicted=decision > 0,
        probability=special.expit(decision),
        participants=np.arange(n) if groups is None else groups,
        sites=np.zeros(n, int) if sites is None else sites,
    )


# --- area under the curve ----------------------------------------------------


def delong_by_hand(positive, decision):
    """The published formulas, one pair at a time."""
    x, y = decision[positive], decision[~positive]
    psi = np.array([[1.0 if a > b else 0.5 if a == b else 0.0 for b in y] for a in x])
    v10, v01 = psi.mean(axis=1), psi.mean(axis=0)
    auc = psi.mean()
    s10 = sum((v - auc) ** 2 for v in v10) / (len(x) - 1)
    s01 = sum((v - auc) ** 2 for v in v01) / (len(y) - 1)
    return auc, s10 / len(x) + s01 / len(y), v10, v01


@pytest.mark.parametrize("seed", range(5))
def test_delong_by_hand(seed):
    found = predictions(seed=seed)
    auc, variance, *_ = delong_by_hand(found.positive, found.decision[:, 0])
    assert_allclose(delong(found), (auc, variance))
    assert_allclose(auc, roc_auc_score(found.positive, found.decision[:, 0]))


def test_delong_of_repeats():
    """The variance of a mean of correlated areas, from their covariance matrix."""
    found = predictions(n_repeats=3)
    parts = [delong_by_hand(found.positive, d) for d in found.decision.T]
    m, n = found.positive.sum(), (~found.positive).sum()
    covariance = np.cov([p[2] for p in parts]) / m + np.cov([p[3] for p in parts]) / n
    auc, variance = delong(found)
    assert_allclose(auc, np.mean([p[0] for p in parts]))
    assert_allclose(variance, covariance.mean())


def test_delong_of_clusters():
    groups = np.repeat(np.arange(16), [1, 2, 3, 4] * 4)
    found = predictions(groups=groups)
    auc, _, v10, v01 = delong_by_hand(found.positive, found.decision[:, 0])
    placement = np.empty(40)
    placement[found.positive], placement[~found.positive] = v10, v01
    sums = {}
    for name, side in (("10", found.positive), ("01", ~found.positive)):
        sums[name] = [(placement[side & (groups == g)] - auc).sum() for g in range(16)]
    m, n = found.positive.sum(), (~found.positive).sum()
    with_positive = len(set(groups[found.positive]))
    with_negative = len(set(groups[~found.positive]))
    s10 = with_positive / ((with_positive - 1) * m) * np.square(sums["10"]).sum()
    s01 = with_negative / ((with_negative - 1) * n) * np.square(sums["01"]).sum()
    s11 = 16 / 15 * np.dot(sums["10"], sums["01"])
    expected = s10 / m + s01 / n + 2 * s11 / (m * n)
    assert_allclose(delong(found), (auc, expected))
    # Copies of participants are no news.
    one = predictions(n=20)
    twice = Predictions(
        *(
            np.repeat(getattr(one, name), 2, axis=0)
            for name in (
                "positive",
                "decision",
                "predicted",
                "probability",
                "participants",
            )
        ),
        np.zeros(40, int),
    )
    assert_allclose(delong(twice), delong(one))


def test_delong_within_sites():
    sites = np.repeat([0, 1, 2], [20, 15, 5])
    found = predictions(sites=sites)
    # An offset of a scanner is no matter.
    moved = dataclasses.replace(found, decision=found.decision + 9 * sites[:, None])
    assert_allclose(delong_within_sites(moved), delong_within_sites(found))
    assert abs(delong(moved)[0] - delong(found)[0]) > 0.02
    auc, variance = delong_within_sites(found)
    y, decision = found.positive, found.decision[:, 0]
    assert_allclose(auc, within_sites(y, decision, sites))
    # One site with both classes: the ordinary area there.
    alone = predictions(sites=(np.arange(40) >= 35).astype(int))
    alone = dataclasses.replace(
        alone, positive=np.where(np.arange(40) < 35, alone.positive, False)
    )
    first = Predictions(*(getattr(alone, name)[:35] for name in vars(alone)))
    assert_allclose(delong_within_sites(alone), delong(first))
    # No site with both classes.
    split = dataclasses.replace(found, sites=found.positive.astype(int))
    assert np.isnan(delong_within_sites(split)).all()
    # A site with a single positive has the largest variance.
    few = dataclasses.replace(found, positive=found.positive & (np.arange(40) < 36))
    auc, variance = delong_within_sites(few)
    areas = [delong(few.at(site)) for site in range(3)]
    assert few.at(2).positive.sum() == 1 and np.isnan(areas[2][1])
    weight = np.array([8 * 12, 6 * 9, 4]) / (8 * 12 + 6 * 9 + 4)
    assert_allclose(auc, weight @ [area for area, _ in areas])
    known = [areas[0][1], areas[1][1], auc * (1 - auc)]
    assert_allclose(variance, weight**2 @ known)
    # The variance is that of the area over draws of patients.
    found = predictions(n=90, sites=np.arange(90) // 45)
    rng, areas, variances = np.random.RandomState(0), [], []
    for _ in range(800):
        drawn = rng.standard_normal((90, 1)) + found.positive[:, None]
        drawn = dataclasses.replace(found, decision=drawn)
        auc, variance = delong_within_sites(drawn)
        areas.append(auc)
        variances.append(variance)
    assert_allclose(np.mean(variances), np.var(areas), rtol=0.2)


def test_delong_without_a_class():
    found = predictions(n=2)
    assert np.isnan(delong(found)).all()
    auc, variance = delong(predictions(n=3))
    assert 0 <= auc <= 1 and np.isnan(variance)


# --- accuracy ----------------------------------------------------------------


def test_accuracy_and_its_bootstrap():
    found = predictions(n=100)
    rng = np.random.default_rng(0)
    got = accuracy_intervals(found, level=0.9, n_bootstrap=40_000, rng=rng)
    predicted = found.predicted[:, 0]
    assert_allclose(
        got["balanced_accuracy"][0], balanced_accuracy_score(found.positive, predicted)
    )
    for name, side, right in (
        ("sensitivity", found.positive, predicted),
        ("specificity", ~found.positive, ~predicted),
    ):
        n, rate = side.sum(), right[side].mean()
        assert_allclose(got[name][0], rate)
        # Resampled counts are binomial.
        exact = stats.binom.ppf([0.05, 0.95], n, rate) / n
        assert_allclose(got[name][1:], exact, atol=1.01 / n)
    skipped = accuracy_intervals(found, level=0.9, n_bootstrap=0, rng=rng)
    assert np.isnan(skipped["sensitivity"][1:]).all()


def test_bootstrap_draws_participants():
    one = predictions(n=60)
    twice = Predictions(
        *(
            np.repeat(getattr(one, name), 2, axis=0)
            for name in (
                "positive",
                "decision",
                "predicted",
                "probability",
                "participants",
            )
        ),
        np.zeros(120, int),
    )
    got = [
        accuracy_intervals(p, level=0.95, n_bootstrap=500, rng=np.random.default_rng(0))
        for p in (one, twice)
    ]
    assert_allclose(list(got[0].values()), list(got[1].values()))


# --- tests of frozen predictions ---------------------------------------------


def test_exact_p_is_that_of_fisher():
    for seed in range(5):
        found = predictions(seed=seed)
        predicted = found.predicted[:, 0]
        counts = [
            [np.sum(predicted & side), np.sum(~predicted & side)]
            for side in (found.positive, ~found.positive)
        ]
        expected = stats.fisher_exact(counts, alternative="greater").pvalue
        assert_allclose(exact_accuracy_p(found), expected)


def within_sites(y, decision, sites):
    """Pairs of one site, one by one."""
    wins, n_pairs = 0.0, 0
    for i, j in itertools.product(np.flatnonzero(y), np.flatnonzero(y == 0)):
        if sites[i] == sites[j]:
            n_pairs += 1
            wins += np.heaviside(decision[i] - decision[j], 0.5)
    return wins / n_pairs


def test_tests_by_enumeration_within_sites():
    sites = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
    found = predictions(n=10, sites=sites, seed=3, shift=1.0)
    labels = found.positive.astype(int)
    arrangements = [
        np.r_[a, b]
        for a in set(itertools.permutations(labels[:4]))
        for b in set(itertools.permutations(labels[4:]))
    ]
    predicted, decision = found.predicted[:, 0], found.decision[:, 0]

    def share(statistic):
        null = [statistic(arrangement) for arrangement in arrangements]
        reached = [
            tuple(np.round(v, 9)) >= tuple(np.round(statistic(labels), 9)) for v in null
        ]
        return np.mean(reached)

    def accuracy(y):
        return balanced_accuracy_score(y, predicted)

    alone = share(lambda y: (accuracy(y),))
    assert_allclose(exact_accuracy_p(found), alone)
    rng = np.random.default_rng(0)
    tied = share(lambda y: (accuracy(y), within_sites(y, decision, sites)))
    assert tied < alone
    options = {"n_permutations": 20_000, "rng": rng}
    p, name = balanced_accuracy_test(found, **options)
    assert_allclose(p, tied, atol=0.012)
    assert "balanced accuracy, ties by AUC, one-sided" in name
    p, name = auc_test(found, **options)
    assert_allclose(p, share(lambda y: (roc_auc_score(y, decision),)), atol=0.012)
    assert "AUC" in name
    # Participants with several rows: the same by other draws.
    twice = Predictions(
        *(np.repeat(getattr(found, field), 2, axis=0) for field in vars(found))
    )
    drawn, _ = balanced_accuracy_test(twice, n_permutations=2000, rng=rng)
    assert_allclose(drawn, tied, atol=0.04)
    drawn, _ = auc_test(twice, n_permutations=2000, rng=rng)
    assert_allclose(drawn, p, atol=0.04)
    assert np.isnan(exact_accuracy_p(twice))
    for test in (auc_test, balanced_accuracy_test):
        assert np.isnan(test(found, n_permutations=0, rng=rng)[0])


def test_auc_test_is_that_of_mann_and_whitney():
    found = predictions(n=20, shift=0.2)
    decision = np.random.RandomState(0).standard_normal((20, 1))
    found = dataclasses.replace(found, decision=decision)
    sides = decision[found.positive, 0], decision[~found.positive, 0]
    exact = stats.mannwhitneyu(*sides, alternative="greater", method="exact").pvalue
    rng = np.random.default_rng(0)
    p, _ = auc_test(found, n_permutations=20_000, rng=rng)
    assert_allclose(p, exact, atol=0.01)


def test_blocks_of_permutations(monkeypatch):
    found = predictions(shift=0.3)
    whole = auc_test(found, n_permutations=500, rng=np.random.default_rng(0))
    monkeypatch.setattr("sklearn_persona.baselines._imaging.performance._BLOCK", 400)
    parts = auc_test(found, n_permutations=500, rng=np.random.default_rng(0))
    assert parts == whole


def test_predicting_one_class_is_no_evidence():
    found = predictions()
    constant = Predictions(
        found.positive,
        np.zeros((40, 1)),
        np.ones((40, 1), bool),
        None,
        found.participants,
        found.sites,
    )
    rng = np.random.default_rng(0)
    assert balanced_accuracy_test(constant, n_permutations=9, rng=rng)[0] == 1.0
    assert auc_test(constant, n_permutations=99, rng=rng)[0] == 1.0
    # The decisions tell them apart, but nothing was predicted by them.
    ranked = dataclasses.replace(constant, decision=found.positive[:, None] * 1.0)
    assert auc_test(ranked, n_permutations=99, rng=rng)[0] == 0.01
    assert balanced_accuracy_test(ranked, n_permutations=99, rng=rng)[0] == 1.0
    assert exact_accuracy_p(ranked) == 1.0


# --- probabilities -----------------------------------------------------------


def test_calibration():
    found = predictions(n=400, shift=1.0)
    got = calibration(found, level=0.95)
    y, risk = found.positive, found.risk
    logit = special.logit(risk)
    assert_allclose(got["brier"][0], np.mean((risk - y) ** 2))
    assert_allclose(got["observed_expected"][0], y.mean() / risk.mean())
    slope = LogisticRegression(C=np.inf).fit(logit[:, None], y).coef_[0, 0]
    value, low, high = got["calibration_slope"]
    assert_allclose(value, slope, atol=1e-3)

    def loss(beta):
        z = beta[0] + beta[1] * logit
        return np.sum(np.logaddexp(0, z) - y * z)

    # Errors from the curvature of the likelihood at its minimum.
    best = optimize.minimize(loss, [0.0, 1.0], method="Nelder-Mead", tol=1e-10).x
    assert_allclose(value, best[1], atol=1e-4)
    step = 1e-3 * np.eye(2)
    curvature = [
        [
            loss(best + a + b)
            - loss(best + a - b)
            - loss(best - a + b)
            + loss(best - a - b)
            for a in step
        ]
        for b in step
    ]
    error = np.sqrt(np.linalg.inv(np.array(curvature) / 4e-6)[1, 1])
    assert_allclose((high - low) / 2, 1.959964 * error, rtol=1e-3)
    value, low, high = got["calibration_intercept"]
    p = special.expit(value + logit)
    assert_allclose(p.sum(), y.sum())
    assert_allclose((high - low) / 2, 1.959964 / np.sqrt(np.sum(p * (1 - p))))
    # Separated outcomes have no slope.
    split = Predictions(
        np.array([0, 0, 1, 1]) > 0,
        *[np.array([[0.1], [0.2], [0.8], [0.9]])] * 3,
        np.arange(4),
        np.zeros(4, int),
    )
    assert np.isnan(calibration(split, level=0.95)["calibration_slope"]).all()


def test_reliability_and_net_benefit():
    found = predictions(n=40)
    bins = reliability(found)
    assert [b[0] for b in bins] == [8] * 5
    assert_allclose(np.mean([b[1] for b in bins]), found.risk.mean())
    assert_allclose(np.mean([b[2] for b in bins]), found.positive.mean())
    model, everybody = net_benefit(found, np.array([0.2, 0.5]))
    for i, t in enumerate((0.2, 0.5)):
        chosen = found.risk >= t
        true, false = (chosen & found.positive).sum(), (chosen & ~found.positive).sum()
        assert_allclose(model[i], true / 40 - false / 40 * t / (1 - t))
        assert_allclose(everybody[i], 16 / 40 - 24 / 40 * t / (1 - t))


# --- the protocol ------------------------------------------------------------


@pytest.fixture(scope="module")
def study():
    return make_structural_mri_cohorts(random_state=1)


def quick(study, **options):
    discovery = study.cohorts["discovery"]
    defaults = {
        "external": {"external": study.cohorts["external"]},
        "placebo": {"saline": study.cohorts["saline"]},
        "n_splits": 4,
        "n_repeats": 2,
        "n_bootstrap": 200,
        "n_permutations": 200,
        "random_state": 0,
    }
    model = options.pop("estimator", None)
    if model is None:
        model = StructuralMRISVC(covariates=study.covariates, C_grid=[0.01], inner_cv=2)
    return published_protocol(
        model, discovery.data, discovery.target, **defaults | options
    )


@pytest.fixture(scope="module")
def result(study):
    return quick(study)


def test_table(study, result):
    table = result.table
    assert table.cohort.unique().tolist() == [
        "discovery",
        "external",
        "saline",
        "discovery - saline",
        "external - saline",
    ]
    assert not table.duplicated(["cohort", "metric"]).any()
    indexed = table.set_index(["cohort", "metric"])
    for name, part in study.cohorts.items():
        rows = indexed.loc[name]
        assert (rows.n == len(part.target)).all()
        assert (rows.n_positive == part.target.sum()).all()
        accuracy = rows.loc["balanced_accuracy"]
        pair = rows.loc[["sensitivity", "specificity"], "estimate"]
        assert_allclose(accuracy.estimate, pair.mean())
        assert accuracy.low < accuracy.estimate < accuracy.high
        remark = ", widened 1.53" if name == "discovery" else ""
        assert accuracy.interval == "participant bootstrap, percentile" + remark
        assert rows.loc["auc", "interval"] == "DeLong" + remark
        assert ("auc_within_sites" in rows.index) == (name == "external")
        exact = rows.p_exact["balanced_accuracy"]
        assert rows.p_exact.drop("balanced_accuracy").isna().all()
        assert np.isnan(exact) == (name == "discovery")
        # Up to the resolution of 200 permutations.
        assert not exact < accuracy.p_value - 1 / 201
        named = rows.loc[["balanced_accuracy", "auc"]]
        if name == "discovery":
            assert named.p_value.isna().all() and (named.test == "").all()
        else:
            assert named.p_value.between(0, 1).all()
            assert named.test.str.contains("permutation").all()
    auc = indexed.xs("auc", level="metric").estimate
    auc = auc.to_dict()
    auc["external"] = indexed.estimate["external", "auc_within_sites"]
    for name in ("discovery", "external"):
        row = indexed.loc[(f"{name} - saline", "auc_difference")]
        assert_allclose(row.estimate, auc[name] - auc["saline"])
        assert_allclose((row.low + row.high) / 2, row.estimate)
        covers = row.low <= 0 <= row.high
        assert covers == (row.p_value >= 0.05)
    assert "2 x 4-fold" in result.protocol


def test_predictions_and_frozen_model(study, result):
    found = result.predictions
    assert found.groupby("cohort").size().to_dict() == {
        "discovery": 198,
        "external": 51,
        "saline": 49,
    }
    part = study.cohorts["external"]
    rows = found[found.cohort == "external"]
    assert_array_equal(rows.decision, result.model.decision_function(part.data))
    assert_array_equal(rows.probability, result.model.response_probability(part.data))
    assert_array_equal(rows.positive, part.target == 1)
    auc = result.table.query("cohort == 'discovery' and metric == 'auc'").estimate
    held_out = found[found.cohort == "discovery"]
    areas = [
        roc_auc_score(repeat.positive, repeat.decision)
        for _, repeat in held_out.groupby("repeat")
    ]
    assert_allclose(auc, np.mean(areas))
    assert set(result.calibration.cohort) == set(study.cohorts)
    assert len(result.decision_curve) == 3 * 19


def test_paper_and_plot(result):
    paper = result.paper()
    assert paper.index.tolist() == ["discovery", "external", "saline"]
    assert paper.loc["discovery", "p"] == "" and paper.loc["external", "p"]
    assert "to" in paper.loc["saline", "balanced accuracy, %"]
    assert paper.loc["saline", "AUC less that of saline"] == ""
    assert "p " in paper.loc["external", "AUC less that of saline"]
    assert "to" in paper.loc["external", "AUC within sites"]
    assert paper.loc["saline", "AUC within sites"] == ""
    pytest.importorskip("matplotlib")
    figure = result.plot()
    assert len(figure.axes) == 4
    assert figure.axes[0].get_legend() is not None
    figure.canvas.draw()


def test_matplotlib_is_imported_late(tmp_path):
    code = "import sys, sklearn_persona.baselines; print('matplotlib' in sys.modules)"
    # Elsewhere, so that the installed package is imported.
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout.strip() == "False"


def test_does_not_depend_on_n_jobs(study, result):
    with joblib.parallel_config(backend="threading"):
        again = quick(study, n_jobs=2)
    pd.testing.assert_frame_equal(again.table, result.table)
    pd.testing.assert_frame_equal(again.predictions, result.predictions)


class Recording(ClassifierMixin, BaseEstimator):
    """Remembers which participants it was fitted on."""

    seen = []  # noqa: RUF012

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.seen.append(X[:, 0].astype(int))
        return self

    def decision_function(self, X):
        return X[:, 1]

    def predict(self, X):
        return self.classes_[(X[:, 1] > 0).astype(int)]


def test_participants_are_whole_and_sites_balanced():
    rng = np.random.RandomState(0)
    groups = np.repeat(np.arange(40), 2)
    sites = np.where(groups % 4 == 0, "B", "A")
    X = np.column_stack([groups, rng.standard_normal(80)])
    y = np.repeat(np.arange(40) % 2, 2)
    Recording.seen.clear()
    result = published_protocol(
        Recording(),
        X,
        y,
        groups=groups,
        sites=sites,
        n_splits=5,
        n_repeats=2,
        random_state=0,
    )
    *folds, everyone = Recording.seen
    assert len(folds) == 10 and len(everyone) == 80
    for train in folds:
        assert len(train) == 64 and (np.unique(train, return_counts=True)[1] == 2).all()
        assert abs(np.mean(train % 4 == 0) - 0.25) < 0.04
    assert result.table.n.tolist()[0] == 40
    assert result.calibration.empty and result.decision_curve.empty
    assert result.predictions.probability.isna().all()


def test_other_estimators_and_labels(study):
    regions = list(study.frontal)
    parts = {
        name: (part.data[regions], np.where(part.target == 1, "in", "out"))
        for name, part in study.cohorts.items()
    }
    X, y = parts["discovery"]
    options = {
        "external": {"site": parts["external"]},
        "placebo": parts["saline"],
        "n_splits": 3,
        "n_repeats": 1,
        "n_permutations": 99,
        "random_state": 0,
    }
    inside = published_protocol(GaussianNB(), X, y, positive="in", **options)
    outside = published_protocol(GaussianNB(), X, y, **options)
    assert inside.table.cohort.tolist()[-1] == "site - placebo"
    metric = {}
    for name, found in (("in", inside), ("out", outside)):
        metric[name] = found.table.set_index(["cohort", "metric"]).estimate
    for cohort in ("discovery", "site", "placebo"):
        assert_allclose(metric["in"][cohort]["auc"], metric["out"][cohort]["auc"])
        assert_allclose(
            metric["in"][cohort]["sensitivity"], metric["out"][cohort]["specificity"]
        )
        assert_allclose(metric["in"][cohort]["brier"], metric["out"][cohort]["brier"])
    margin = published_protocol(LinearSVC(), X / 1e4, y, **options)
    assert margin.calibration.empty
    constant = published_protocol(DummyClassifier(), X, y, **options)
    found = constant.table.set_index(["cohort", "metric"])
    assert found.estimate["site"]["auc"] == 0.5
    assert found.p_value["site"]["balanced_accuracy"] == 1.0


def test_overlap_of_training_rows(study):
    options = {"n_splits": 5, "n_repeats": 1}
    wide = quick(study, **options).table
    narrow = quick(study, **options, correct_overlap=False).table
    assert_array_equal(wide.estimate, narrow.estimate)
    width = (wide.high - wide.low) / (narrow.high - narrow.low)
    metrics = ["balanced_accuracy", "sensitivity", "specificity", "auc"]
    first = (wide.cohort == "discovery") & wide.metric.isin(metrics)
    assert_allclose(width[first], np.sqrt(1 + 5 / 4))
    mixed = wide.cohort == "discovery - saline"
    assert 1 < width[mixed].item() < 1.5
    same = ~first & ~mixed & wide.low.notna()
    assert_allclose(width[same], 1)


def test_several_external_cohorts(study):
    part = study.cohorts["external"]
    first = part.site == "B"
    cohorts = {
        "Boston": (part.data[first], part.target[first]),
        "Zurich": (part.data[~first], part.target[~first]),
    }
    result = quick(study, external=cohorts, n_splits=2, n_repeats=1)
    assert result.table.cohort.unique().tolist() == [
        "discovery",
        "Boston",
        "Zurich",
        "external",
        "saline",
        "discovery - saline",
        "Boston - saline",
        "Zurich - saline",
        "external - saline",
    ]
    whole = quick(study, n_splits=2, n_repeats=1).table
    both = [
        t.query("cohort == 'external' and metric in ['balanced_accuracy', 'auc']")
        for t in (whole, result.table)
    ]
    for column in ("n", "estimate"):
        assert_allclose(both[0][column], both[1][column])
    # Permuted within sites, as given by site= or by the cohorts.
    accuracy = [t.p_value.iloc[0] for t in both]
    assert_allclose(accuracy[0], accuracy[1])


def test_refitted_permutations(study):
    discovery = study.cohorts["discovery"]
    result = published_protocol(
        GaussianNB(),
        discovery.data[study.frontal],
        discovery.target,
        n_splits=2,
        n_repeats=1,
        n_refits=19,
        random_state=0,
    )
    rows = result.table.set_index(["cohort", "metric"]).loc["discovery"]
    for metric in ("balanced_accuracy", "auc"):
        assert rows.p_value[metric] in np.arange(1, 21) / 20
        assert "refitted" in rows.test[metric]


def test_errors(study):
    discovery = study.cohorts["discovery"]
    model, X, y = GaussianNB(), discovery.data[study.frontal], discovery.target
    with pytest.raises(ValueError, match="two classes, got 3"):
        published_protocol(model, X, np.arange(99) % 3)
    with pytest.raises(ValueError, match="positive='yes' is not a class of y"):
        published_protocol(model, X, y, positive="yes")
    with pytest.raises(
        ValueError, match=r"y of there holds \[2\], expected the classes"
    ):
        published_protocol(model, X, y, external={"there": (X, y + 1)})
    with pytest.raises(ValueError, match="groups of discovery has 3 entries"):
        published_protocol(model, X, y, groups=[1, 2, 3])
    with pytest.raises(ValueError, match="Cohorts need different names"):
        published_protocol(model, X, y, external={"discovery": (X, y)})
    with pytest.raises(TypeError, match="expected a tuple"):
        published_protocol(model, X, y, external={"there": X})
    with pytest.raises(TypeError, match="placebo must be a dict of cohorts"):
        published_protocol(model, X, y, placebo=[X, y])
    with pytest.raises(ValueError, match="n_splits must be an integer >= 2"):
        published_protocol(model, X, y, n_splits=1)
    with pytest.raises(ValueError, match="level must lie strictly"):
        published_protocol(model, X, y, level=1)
    with pytest.raises(ValueError, match="thresholds must lie strictly"):
        published_protocol(model, X, y, thresholds=[0.0])

    class Silent(Recording):
        decision_function = None

        def __getattribute__(self, name):
            if name == "decision_function":
                raise AttributeError(name)
            return super().__getattribute__(name)

    with pytest.raises(TypeError, match="neither decision_function nor predict_proba"):
        published_protocol(Silent(), X.to_numpy(), y, n_splits=2, n_repeats=1)


# --- what the protocol must show, by simulation ------------------------------


def many(n_seeds, n_splits=5, **options):
    """Tables of so many studies, one repeat; seeds from 100."""
    tables = []
    for seed in range(100, 100 + n_seeds):
        study = make_structural_mri_cohorts(random_state=seed, **options)
        result = quick(
            study, n_splits=n_splits, n_repeats=1, n_bootstrap=0, random_state=seed
        )
        tables.append(result.table.set_index(["cohort", "metric"]).assign(seed=seed))
    return pd.concat(tables)


def mean_and_error(table, cohort, metric):
    values = table.loc[(cohort, metric)].estimate
    return values.mean(), values.std() / np.sqrt(len(values))


@pytest.fixture(scope="module")
def noise():
    return many(50, signal=0.0)


@pytest.mark.slow
@pytest.mark.parametrize("cohort", ["discovery", "external", "saline"])
def test_no_leakage(noise, cohort):
    for metric in ("balanced_accuracy", "auc"):
        mean, error = mean_and_error(noise, cohort, metric)
        assert abs(mean - 0.5) < 2.6 * error and error < 0.02


@pytest.mark.slow
def test_a_leak_is_caught():
    """Regions chosen by the outcomes of all rows, before the folds."""
    accuracy = []
    for seed in range(100, 120):
        study = make_structural_mri_cohorts(signal=0.0, random_state=seed)
        part = study.cohorts["discovery"]
        step = CovariateResidualizer(study.covariates)
        adjusted = pd.DataFrame(step.fit_transform(part.data))
        strength = adjusted.corrwith(pd.Series(part.target)).abs()
        result = published_protocol(
            make_pipeline(StandardScaler(), LogisticRegression(C=0.1)),
            adjusted[strength.nlargest(15).index].to_numpy(),
            part.target,
            n_splits=5,
            n_repeats=1,
            n_bootstrap=0,
            random_state=seed,
        )
        accuracy.append(result.table.estimate.iloc[0])
    assert np.mean(accuracy) - 0.5 > 2.6 * np.std(accuracy) / np.sqrt(20)


@pytest.mark.slow
def test_p_of_the_protocol_is_uniform(noise):
    """50 studies without a signal, from the volumes to p."""
    for cohort in ("external", "saline"):
        for metric in ("balanced_accuracy", "auc"):
            p = noise.loc[(cohort, metric)].p_value
            assert stats.kstest(p, "uniform").pvalue > 0.01


@pytest.mark.slow
def test_p_of_frozen_scores_is_uniform():
    """1,000 external cohorts without a signal, whose sites differ in both."""
    n, sites = 1000, np.repeat([0, 1], [26, 25])
    names = ("accuracy", "auc", "exact", "blind accuracy", "blind auc")
    p = pd.DataFrame(index=range(n), columns=names, dtype=float)
    for seed in range(n):
        rng = np.random.default_rng(seed)
        positive = rng.uniform(size=51) < np.where(sites == 0, 0.65, 0.4)
        decision = rng.standard_normal((51, 1)) + 0.5 - 0.7 * sites[:, None]
        found = Predictions(
            positive, decision, decision > 0, None, np.arange(51), sites
        )
        blind = dataclasses.replace(found, sites=np.zeros(51, int))
        options = {"n_permutations": 999, "rng": rng}
        p.loc[seed] = [
            balanced_accuracy_test(found, **options)[0],
            auc_test(found, **options)[0],
            exact_accuracy_p(found),
            balanced_accuracy_test(blind, **options)[0],
            auc_test(blind, **options)[0],
        ]
    for alpha in (0.01, 0.05, 0.1, 0.5):
        error = np.sqrt(alpha * (1 - alpha) / n)
        rate = (p <= alpha + 1e-12).mean()
        assert abs(rate["accuracy"] - alpha) < 2.6 * error
        assert abs(rate["auc"] - alpha) < 2.6 * error
        # Discrete: never too often.
        assert rate["exact"] < alpha + 2.6 * error
    fit = {name: stats.kstest(p[name], "uniform").pvalue for name in names}
    assert fit["accuracy"] > 0.01 and fit["auc"] > 0.01
    # What this test can see: ties that count against the model, and sites ignored.
    for name in ("exact", "blind accuracy", "blind auc"):
        assert fit[name] < 1e-6


@pytest.mark.slow
def test_the_published_pattern():
    """Discovery near .72, external between, saline at chance; 50 seeds."""
    table = many(50)
    discovery, _ = mean_and_error(table, "discovery", "balanced_accuracy")
    external, _ = mean_and_error(table, "external", "balanced_accuracy")
    saline, error = mean_and_error(table, "saline", "balanced_accuracy")
    assert abs(discovery - 0.72) < 0.03
    assert 0.55 < external < discovery - 0.03
    assert abs(saline - 0.5) < 2.6 * error
    for name in ("discovery", "external"):
        difference, error = mean_and_error(table, f"{name} - saline", "auc_difference")
        assert difference > 5 * error


@pytest.mark.slow
def test_a_prognostic_signal_is_seen_under_saline():
    """The interval of the difference covers zero, scanners or not."""
    n = 100
    table = many(n, n_splits=3, mechanism="prognostic", saline_response_rate=0.525)
    for name in ("discovery", "external"):
        rows = table.loc[(f"{name} - saline", "auc_difference")]
        covered = np.mean((rows.low <= 0) & (rows.high >= 0))
        assert covered > 0.95 - 2.6 * np.sqrt(0.95 * 0.05 / n)
    mean, error = mean_and_error(table, "external - saline", "auc_difference")
    assert abs(mean) < 2.6 * error
    assert mean_and_error(table, "saline", "balanced_accuracy")[0] > 0.65
    # What within sites is for: the AUC of all pairs is lower, by offsets of scanners.
    lost = (table.loc[("external", "auc")].set_index("seed").estimate) - (
        table.loc[("external", "auc_within_sites")].set_index("seed").estimate
    )
    assert lost.mean() < -5 * lost.std() / np.sqrt(n) < -0.01
