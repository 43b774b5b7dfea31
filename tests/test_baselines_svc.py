"""Covariates out, support vectors in: the structural-imaging classifier."""

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sklearn_persona.baselines import (
    ArmClassifier,
    CovariateResidualizer,
    StructuralMRISVC,
    region_stability,
)
from sklearn_persona.baselines._imaging.refitting import shuffled_labels
from sklearn_persona.model_selection import ArmStratifiedGroupKFold


def brains(n=120, n_regions=8, signal=1.0, seed=0):
    """Regions that depend on age and site; the first two also on response."""
    rng = np.random.RandomState(seed)
    age = rng.uniform(20, 65, n)
    site = rng.choice(["A", "B", "C"], n)
    y = rng.permutation(n) < n // 2
    regions = rng.standard_normal((n, n_regions))
    regions[:, 0] += signal * y
    regions[:, 1] -= signal * y
    regions += 0.05 * age[:, None] + 2.0 * (site == "B")[:, None]
    table = pd.DataFrame(regions, columns=[f"r{j}" for j in range(n_regions)])
    table.insert(1, "age", age)
    table["site"] = site
    return table, np.where(y, "yes", "no")


# --- residuals ---------------------------------------------------------------


def test_residuals_are_those_of_a_regression():
    table, _ = brains()
    step = CovariateResidualizer(["age", "site"]).fit(table[:80])
    assert_array_equal(step.get_feature_names_out(), [f"r{j}" for j in range(8)])
    design = pd.get_dummies(table[["age", "site"]], dtype=float)
    regions = table.drop(columns=["age", "site"])
    plain = LinearRegression().fit(design[:80], regions[:80])
    expected = regions - plain.predict(design) + regions[:80].mean().to_numpy()
    assert_allclose(step.transform(table), expected)
    assert_allclose(step.intercept_, regions[:80].mean())
    # By position, with sites as numbers.
    coded = table.assign(site=pd.factorize(table.site)[0]).to_numpy(dtype=float)
    other = CovariateResidualizer([1, -1], categorical=[9]).fit(coded[:80])
    assert_allclose(other.transform(coded), expected)
    alone = CovariateResidualizer("age").fit(table.drop(columns="site"))
    assert alone.covariates_.tolist() == [1]
    assert step.set_output(transform="pandas").transform(table).shape == (120, 8)


def test_missing_and_unseen_count_as_average():
    table, _ = brains()
    table.loc[:9, "r0"] = np.nan
    step = CovariateResidualizer(["age", "site"]).fit(table)
    rows = table.iloc[[20, 20, 20]].copy()
    rows["site"] = ["A", "D", None]
    rows["age"] = [table.age.mean(), table.age.mean(), np.nan]
    got = step.transform(rows)
    regions = rows[[f"r{j}" for j in range(8)]].to_numpy()
    assert_allclose(got[1:], regions[1:])
    assert np.abs(got[0] - regions[0]).min() > 0.1
    # A region with missing values is fitted on its known rows.
    known = table.iloc[10:]
    plain = CovariateResidualizer(["age", "site"]).fit(known)
    design = pd.get_dummies(known[["age", "site"]], dtype=float)
    fitted = LinearRegression().fit(design, known["r0"])
    assert_allclose(
        plain.transform(known)[:, 0],
        known.r0 - fitted.predict(design) + known.r0.mean(),
    )
    residual = step.transform(table)
    assert np.isnan(residual[:10, 0]).all() and not np.isnan(residual[10:]).any()
    assert_allclose(
        np.ptp(residual[10:, 0] - plain.transform(known)[:, 0]), 0, atol=1e-9
    )


def test_errors_of_covariates():
    table, y = brains()
    for wanted, message in (
        (["aeg"], "did you mean 'age'"),
        ([10], "none of the 10 columns"),
        (["age", 1], "names column 1 twice"),
        (["age"], "'site' holds categories and is not a covariate"),
        (list(table), r"10 feature\(s\) and all are covariates"),
    ):
        with pytest.raises(ValueError, match=message):
            CovariateResidualizer(wanted).fit(table)
        with pytest.raises(ValueError, match=message):
            StructuralMRISVC(covariates=wanted).fit(table, y)
    step = CovariateResidualizer(["age", "site"]).fit(table)
    with pytest.raises(ValueError, match="is a number in one table"):
        step.transform(table.assign(site=1.0))


# --- classifier --------------------------------------------------------------


@pytest.mark.parametrize("pca", [None, 4, 0.8])
def test_equals_the_pipeline_of_scikit_learn(pca):
    table, y = brains(signal=0.7)
    table.iloc[::9, 4] = np.nan
    model = StructuralMRISVC(
        covariates=["age", "site"], pca=pca, C_grid=[0.05], random_state=0
    ).fit(table[:90], y[:90])
    steps = [
        CovariateResidualizer(["age", "site"]),
        SimpleImputer(strategy="median"),
        StandardScaler(),
        *([] if pca is None else [PCA(pca, svd_solver="full")]),
        SVC(kernel="linear", C=0.05, class_weight="balanced"),
    ]
    pipe = make_pipeline(*steps).fit(table[:90], y[:90])
    assert_allclose(
        model.decision_function(table), pipe.decision_function(table), atol=1e-3
    )
    assert_array_equal(model.classes_, ["no", "yes"])
    assert set(model.predict(table)) == {"no", "yes"}
    weights = pipe[-1].coef_[0]
    if pca is not None:
        weights = weights @ pipe[-2].components_
    assert_allclose(model.coef_[0], weights, atol=1e-3)
    assert_array_equal(model.region_names_, [f"r{j}" for j in range(8)])
    standardized = pipe[2].transform(pipe[1].transform(pipe[0].transform(table[:90])))
    decision = pipe.decision_function(table[:90])
    expected = [np.corrcoef(column, decision)[0, 1] for column in standardized.T]
    assert_allclose(model.patterns_, expected, atol=1e-3)


def test_c_is_chosen_by_cross_validation_of_whole_groups():
    table, y = brains(signal=0.7)
    groups = np.repeat(np.arange(60), 2)
    cv = GroupKFold(4)
    model = StructuralMRISVC(
        covariates=["age", "site"],
        inner_cv=cv,
        scoring="roc_auc",
        C_grid=[1e-3, 0.1, 10],
    ).fit(table, y, groups=groups)
    pooled = []
    for C in (1e-3, 0.1, 10):
        decision = np.empty(120)
        for train, test in cv.split(table, groups=groups):
            fixed = clone(model).set_params(C_grid=[C], inner_cv=2)
            decision[test] = fixed.fit(table.iloc[train], y[train]).decision_function(
                table.iloc[test]
            )
        pooled.append(sklearn.metrics.roc_auc_score(y == "yes", decision))
    assert_allclose(model.inner_scores_, pooled, atol=1e-3)
    assert model.C_ == [1e-3, 0.1, 10][int(np.argmax(pooled))]

    folds = []

    class Watching(StructuralMRISVC):
        def _inner_folds(self, *args):
            folds.extend(super()._inner_folds(*args))
            return folds

    Watching(covariates=["age", "site"], C_grid=[1.0], random_state=0).fit(
        table, y, groups=groups
    )
    assert len(folds) == 5
    for train, test in folds:
        assert not set(groups[train]) & set(groups[test])


def test_covariates_are_no_help_once_regressed_out():
    """A response that follows age alone is invisible when age is a covariate."""
    rng = np.random.RandomState(0)
    age = rng.uniform(20, 70, 300)
    table = pd.DataFrame(0.1 * age[:, None] + rng.standard_normal((300, 5)))
    table.columns = list("abcde")
    y = age > 45
    with_age = table.assign(age=age)
    naive = StructuralMRISVC(random_state=0).fit(table[:200], y[:200])
    adjusted = StructuralMRISVC(covariates=["age"], random_state=0)
    adjusted.fit(with_age[:200], y[:200])
    assert naive.score(table[200:], y[200:]) > 0.85
    assert abs(adjusted.score(with_age[200:], y[200:]) - 0.5) < 0.15


def test_probabilities_are_calibrated():
    table, y = brains(n=600, signal=0.5)
    model = StructuralMRISVC(covariates=["age", "site"], random_state=0)
    model.fit(table[:300], y[:300])
    probability = model.response_probability(table[300:])
    positive = y[300:] == "yes"
    assert abs(probability.mean() - positive.mean()) < 0.08
    upper = probability > np.median(probability)
    for half in (upper, ~upper):
        assert abs(probability[half].mean() - positive[half].mean()) < 0.12
    assert model.calibration_[0] > 0


def test_few_cases():
    # No inner fold is possible: the middle of the grid.
    X = np.arange(8.0).reshape(4, 2)
    model = StructuralMRISVC(C_grid=[1, 2, 3]).fit(X, [0, 1, 1, 1])
    assert model.C_ == 2 and np.isnan(model.inner_scores_).all()
    # A class in one participant only.
    model = StructuralMRISVC(C_grid=[1, 2, 3]).fit(X, [0, 0, 1, 1], groups=[1, 1, 2, 3])
    assert model.C_ == 2


def test_errors():
    table, y = brains()
    model = StructuralMRISVC(covariates=["age", "site"])
    with pytest.raises(ValueError, match=r"one class, 'yes'"):
        model.fit(table, np.full(120, "yes"))
    with pytest.raises(ValueError, match="Only binary classification"):
        model.fit(table, np.arange(120) % 3)
    with pytest.raises(ValueError, match="groups has 3 entries"):
        model.fit(table, y, groups=[1, 2, 3])
    with pytest.raises(ValueError, match="C_grid must hold one or more positive"):
        clone(model).set_params(C_grid=[0.0]).fit(table, y)
    with pytest.raises(ValueError, match="requires y"):
        model.fit(table, None)


def test_inside_scikit_learn():
    table, y = brains(signal=1.5)
    groups = np.repeat(np.arange(60), 2)
    model = StructuralMRISVC(covariates=["age", "site"], C_grid=[0.01, 0.1])
    arm = np.arange(120) % 2
    with sklearn.config_context(enable_metadata_routing=True):
        result = cross_validate(
            model,
            table,
            y,
            params={"groups": groups},
            cv=ArmStratifiedGroupKFold(3),
            scoring="balanced_accuracy",
            error_score="raise",
        )
        assert result["test_score"].mean() > 0.7
        grid = GridSearchCV(
            ArmClassifier(model, arm=1),
            {"estimator__pca": [None, 3]},
            cv=ArmStratifiedGroupKFold(2),
            error_score="raise",
        ).fit(table, y, treatment=arm, groups=groups)
    assert grid.best_estimator_.estimator_.coef_.shape == (1, 8)


# --- stability ---------------------------------------------------------------


def test_stability_finds_the_planted_regions():
    table, y = brains(n=150, n_regions=40, signal=1.5)
    model = StructuralMRISVC(covariates=["age", "site"], C_grid=[0.01], inner_cv=2)
    options = {
        "groups": np.arange(150),
        "sites": table.site,
        "n_splits": 3,
        "n_permutations": 19,
        "random_state": 0,
    }
    found = region_stability(model, table, y, **options)
    assert set(found.index[found.p_pattern <= 0.05]) == {"r0", "r1"}
    assert set(found.index[found.p_weight <= 0.05]) == {"r0", "r1"}
    assert found.pattern["r0"] > 0 > found.pattern["r1"]
    assert (found.sign_consistency[["r0", "r1"]] == 1).all()
    # Everything is consistent over folds that share their cases.
    assert (found.p_consistency > 0.05).all()
    with joblib.parallel_config(backend="threading"):
        again = region_stability(model, table, y, **options, n_jobs=2)
    pd.testing.assert_frame_equal(found, again)


@pytest.mark.slow
def test_stability_on_noise():
    """Any false region in about 5 % of 30 studies; consistent signs in most."""
    n, found = 30, []
    model = StructuralMRISVC(covariates=["age", "site"], C_grid=[0.01], inner_cv=2)
    for seed in range(n):
        table, y = brains(n=40, n_regions=8, signal=0.0, seed=seed)
        one = region_stability(
            model, table, y, n_splits=3, n_permutations=19, random_state=seed
        )
        names = ["p_weight", "p_pattern", "p_consistency"]
        found.append([*(one[names].min() <= 0.05), (one.sign_consistency == 1).any()])
    false, consistent = np.mean(found, axis=0)[:3], np.mean(found, axis=0)[3]
    assert (false < 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / n)).all()
    # Which is why constant signs are no evidence.
    assert consistent > 0.8


def test_stability_of_families():
    table, y = brains(n=150, n_regions=12, signal=1.5)
    model = StructuralMRISVC(covariates=["age", "site"], C_grid=[0.01])
    lobes = {f"r{j}": ("front" if j == 0 else "rest") for j in range(6)}
    found = region_stability(
        model, table, y, families=lobes, n_splits=3, n_permutations=0, random_state=0
    )
    assert found.index.tolist() == ["front", "rest"]
    assert found.p_pattern.isna().all() and found.weight["front"] > 0
    by_name = region_stability(
        model,
        table,
        y,
        families=lobes.get,
        n_splits=3,
        n_permutations=0,
        random_state=0,
    )
    pd.testing.assert_frame_equal(found, by_name)
    with pytest.raises(ValueError, match="families has none"):
        region_stability(model, table, y, families={"q": "x"}, n_permutations=0)
    with pytest.raises(TypeError, match="must map region names"):
        region_stability(model, table, y, families=3, n_permutations=0)
    with pytest.raises(ValueError, match="n_splits must be an integer >= 2"):
        region_stability(model, table, y, n_splits=1)
    with pytest.raises(ValueError, match="two classes, got 3"):
        region_stability(model, table, np.arange(150) % 3)


def test_shuffled_outcomes_move_with_participants():
    participants = np.array([3, 3, 1, 1, 2, 0, 4, 5])
    sites = np.array([0, 0, 0, 0, 1, 1, 1, 0])
    codes = np.array([1, 1, 0, 1, 0, 1, 1, 0])
    seen = {
        tuple(shuffled_labels(codes, participants, sites, np.random.RandomState(b)))
        for b in range(200)
    }
    # Two participants with two rows; three with one at site 1; one alone at site 0.
    assert {s[:4] for s in seen} == {(1, 1, 0, 1), (0, 1, 1, 1)}
    assert {s[4:7] for s in seen} == {(0, 1, 1), (1, 0, 1), (1, 1, 0)}
    assert {s[7] for s in seen} == {0}
