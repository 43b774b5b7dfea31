import os
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import FitFailedWarning, UnsetMetadataPassedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

import sklearn_persona._progress as progress_module
from sklearn_persona import PersonaDiscoverer, TrialFrame
from sklearn_persona.baselines import ArmClassifier, HonestCausalTree, VirtualTwins
from sklearn_persona.datasets import make_ketamine_crossover, make_parallel_trial
from sklearn_persona.exceptions import IncompleteParticipantWarning
from sklearn_persona.metrics import targeting_gain, targeting_gain_scorer
from sklearn_persona.model_selection import (
    ArmStratifiedGroupKFold,
    ArmStratifiedGroupShuffleSplit,
    ComparisonDisplay,
    compare,
    comparison_differences,
    comparison_paper,
    comparison_summary,
)


def quick(**options):
    """A discoverer that takes milliseconds and claims all it finds."""
    defaults = {
        "validation": None,
        "max_variables": 1,
        "n_cuts": 3,
        "n_personas": 2,
        "n_alternatives": 0,
        "n_bootstrap": 0,
        "prognostic": None,
    }
    return PersonaDiscoverer(**{**defaults, **options})


class Fixed(BaseEstimator):
    """Says of a patient what the first column decides; learns nothing.

    Parameters
    ----------
    cuts : tuple of float
        Unfavorable below the first, favorable above the second.
    """

    def __init__(self, cuts=(-0.5, 0.5)):
        self.cuts = cuts

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        x = np.asarray(X)[:, 0]
        return (x > self.cuts[1]).astype(int) - (x < self.cuts[0])


class Recorder(ClassifierMixin, BaseEstimator):
    """Leaves what it was fitted on in a list."""

    def __init__(self, log=None, name="", fail=()):
        self.log = log
        self.name = name
        self.fail = fail

    def fit(self, X, y, **given):
        LOGS[self.log].append((self.name, np.asarray(X)[:, 0], np.asarray(y), given))
        if len(LOGS[self.log]) in self.fail:
            raise RuntimeError("no convergence")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return self.classes_[(np.asarray(X)[:, 0] > 0).astype(int)]


class Taker(Recorder):
    def fit(self, X, y, *, treatment=None, groups=None):
        return super().fit(X, y, treatment=treatment, groups=groups)


LOGS = {}


@pytest.fixture
def log(request):
    LOGS[request.node.name] = []
    yield request.node.name
    del LOGS[request.node.name]


@pytest.fixture(scope="module")
def trial():
    """80 participants with two rows each, the same at baseline."""
    trial = make_parallel_trial(
        n_samples=80, n_features=4, binary=True, effect=2.0, random_state=0
    )
    rows = np.repeat(np.arange(80), 2)
    trial.data = trial.data.iloc[rows].reset_index(drop=True)
    trial.target = np.asarray(trial.target, int)[rows]
    trial.target[1::16] ^= 1
    trial.groups = rows
    trial.treatment = np.where(trial.treatment[rows] == 1, "drug", "placebo")
    return trial


def run(estimators, trial, **options):
    options = {"treatment": trial.treatment, "groups": trial.groups, **options}
    return compare(estimators, trial.data, trial.target, **options)


def only(table, metric, subset="all", estimator=None):
    rows = table[(table.metric == metric) & (table.subset == subset)]
    return (rows if estimator is None else rows[rows.estimator == estimator]).value


# --- splits and routing ------------------------------------------------------


def test_splits_are_identical_and_respect_participants(trial, log):
    data = pd.DataFrame({"row": np.arange(160), "x0": trial.data.x0})
    models = {name: Recorder(log=log, name=name) for name in "ab"}
    table = compare(
        models,
        data,
        trial.target,
        treatment=trial.treatment,
        groups=trial.groups,
        n_repeats=2,
        random_state=0,
    )
    fits = LOGS[log]
    assert len(fits) == 2 * 10 and table.split.nunique() == 10
    seen = {}
    for name in "ab":
        seen[name] = [rows.astype(int) for who, rows, _, _ in fits if who == name]
    for first, second in zip(seen["a"], seen["b"]):
        np.testing.assert_array_equal(first, second)
        tested = np.setdiff1d(np.arange(160), first)
        assert not set(trial.groups[first]) & set(trial.groups[tested])
        # 8 of 16 participants in a test set.
        assert np.sum(trial.treatment[tested] == "drug") == 16
    # A repeat tests everybody once, and the second one otherwise than the first.
    for half in (seen["a"][:5], seen["a"][5:]):
        assert (np.bincount(np.concatenate(half)) == 4).all()
    assert not np.array_equal(seen["a"][0], seen["a"][5])
    assert set(table.n_train) == {64} and set(table.n_test) == {16}


def test_each_gets_what_it_consumes(trial, log):
    models = {
        "plain": Recorder(log=log, name="plain"),
        "groups": Taker(log=log, name="groups"),
        "both": Taker(log=log, name="both"),
    }
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        models["groups"].set_fit_request(groups=True, treatment=False)
        models["both"].set_fit_request(groups=True, treatment=True)
    run(models, trial, cv=2)
    for name, _, y, given in LOGS[log]:
        if name == "plain":
            assert not given
            continue
        assert given["groups"] is not None and len(given["groups"]) == len(y) == 80
        assert (given["treatment"] is None) == (name == "groups")


def test_an_arm_does_not_get_lost(trial, log):
    """An estimator that takes an arm and never said whether it wants it."""
    with pytest.raises(UnsetMetadataPassedError, match="treatment"):
        run({"unset": Taker(log=log)}, trial, cv=2, error_score="raise")


def test_other_splitters(trial):
    seen = {}
    for name, cv in {
        "group": GroupKFold(3),
        "shuffle": ArmStratifiedGroupShuffleSplit(4, random_state=0),
        "pairs": list(
            ArmStratifiedGroupKFold(2).split(
                trial.data, groups=trial.groups, treatment=trial.treatment
            )
        ),
    }.items():
        seen[name] = run({"fixed": Fixed()}, trial, cv=cv).split.nunique()
    assert seen == {"group": 3, "shuffle": 4, "pairs": 2}


@pytest.mark.parametrize(
    ("cv", "message"),
    [
        (KFold(4, shuffle=True, random_state=0), "both training and test set"),
        ([(np.arange(60), np.arange(59, 160))], "both training and test set"),
        ([(np.arange(0), np.arange(160))], "must hold row numbers"),
        ([(np.arange(60), np.arange(60, 161))], "from 60 to 160"),
        ([(np.arange(60) > 3, np.arange(60) < 3)], "must hold row numbers"),
        ([], "no splits"),
        ([1, 2], "pairs"),
        ([(np.arange(2), np.arange(2, 160))], "one arm only"),
    ],
)
def test_splits_that_leak_or_lack(trial, cv, message):
    with pytest.raises(ValueError, match=message):
        run({"fixed": Fixed()}, trial, cv=cv)


# --- metrics -----------------------------------------------------------------


def test_metrics_by_hand(trial):
    """Everything of a table again, from scikit-learn and plain means."""
    models = {"fixed": Fixed(), "logistic": LogisticRegression()}
    features = trial.data[["x0", "x1"]]
    table = compare(
        models, features, trial.target, treatment=trial.treatment, groups=trial.groups
    )
    X, y = features.to_numpy(), np.asarray(trial.target, float)
    arm = trial.treatment == "placebo"  # the second in sorted order
    splits = ArmStratifiedGroupKFold(5).split(X, y, trial.groups, trial.treatment)
    for split, (train, test) in enumerate(splits):
        sd = np.sqrt(
            np.mean([y[train][arm[train] == a].var() for a in (True, False)])
        )  # equally many an arm
        fixed = Fixed().fit(X, y).predict(X[test])
        model = LogisticRegression().fit(X[train], y[train])
        predicted = model.predict(X[test])
        said = {
            "fixed": (fixed, fixed),
            "logistic": (
                np.where(predicted == 1, 1, -1),
                model.decision_function(X[test]),
            ),
        }
        subsets = {"all": np.full(len(test), True), "explained by fixed": fixed != 0}
        for name, (sign, rank) in said.items():
            for subset, inside in subsets.items():
                rows = table[
                    (table.estimator == name)
                    & (table.split == split)
                    & (table.subset == subset)
                ].set_index("metric")
                o, t, s = y[test][inside], arm[test][inside], sign[inside]
                expected = {
                    "targeting_gain": targeting_gain(o, s, t, sd=sd),
                    "favorable_share": np.mean(s == 1),
                    "roc_auc": roc_auc_score(o, rank[inside]),
                }
                for metric, chosen in (
                    ("effect_favorable", s == 1),
                    ("effect_rest", s != 1),
                ):
                    expected[metric] = (
                        o[chosen & t].mean() - o[chosen & ~t].mean()
                        if (chosen & t).any() and (chosen & ~t).any()
                        else np.nan
                    )
                expected["effect_contrast"] = (
                    expected["effect_favorable"] - expected["effect_rest"]
                )
                if name == "logistic" or subset != "all":
                    expected["balanced_accuracy"] = balanced_accuracy_score(o, s == 1)
                for metric, value in expected.items():
                    assert rows.value[metric] == pytest.approx(value, nan_ok=True)
                assert (rows.coverage == inside.mean()).all()


def test_an_abstention_is_half_right():
    """With 0 for everybody the accuracy is one half, not zero."""
    x = np.repeat([-1.0, 0.0, 1.0], 40)[:, None]
    y = np.tile([0, 1], 60)
    y[x[:, 0] < 0], y[x[:, 0] > 0] = 0, 1
    models = {"knows": Fixed(), "silent": Fixed(cuts=(-9, 9))}
    table = compare(models, x, y, cv=ArmStratifiedGroupKFold(4))
    values = only(table, "balanced_accuracy", estimator="knows")
    # All right in two thirds, a coin in the rest.
    np.testing.assert_allclose(values, 5 / 6)
    explained = only(table, "balanced_accuracy", "explained by knows", "knows")
    np.testing.assert_allclose(explained, 1.0)
    coverage = table[table.subset == "explained by knows"].coverage
    np.testing.assert_allclose(coverage, 2 / 3)
    silent = table[table.estimator == "silent"]
    assert (only(silent, "balanced_accuracy") == 0.5).all()
    assert (only(silent, "targeting_gain") == 0).all()
    nobody = table[table.subset == "explained by silent"]
    assert nobody.value.isna().all() and (nobody.coverage == 0).all()
    assert (nobody.error == "").all() and len(nobody)
    # Others are judged in the same patients.
    np.testing.assert_allclose(
        only(table, "balanced_accuracy", "explained by knows", "silent"), 0.5
    )


def test_what_regressors_and_effects_say(trial):
    """Above the mean of the training rows, in the direction of benefit."""

    class Effects:
        """As econml's estimators: no get_params, no predict."""

        def fit(self, Y, T, *, X=None):
            assert set(T) == {0, 1} and X.dtype == float
            self.slope = [
                LinearRegression().fit(X[T == arm], Y[T == arm]) for arm in (0, 1)
            ]
            return self

        def effect(self, X):
            control, treated = self.slope
            return (treated.predict(X) - control.predict(X))[:, None]

    X, y = trial.data[["x0", "x1"]].to_numpy(), np.asarray(trial.target, float)
    arm = trial.treatment == "drug"
    models = {"outcome": LinearRegression(), "effects": Effects()}
    for better in (True, False):
        table = compare(
            models,
            X,
            y,
            treatment=trial.treatment,
            groups=trial.groups,
            control="placebo",
            greater_is_better=better,
            cv=3,
        )
        sign = 1 if better else -1
        splits = ArmStratifiedGroupKFold(3).split(X, y, trial.groups, trial.treatment)
        for split, (train, test) in enumerate(splits):
            outcome = LinearRegression().fit(X[train], y[train])
            effects = Effects().fit(y[train], arm[train].astype(int), X=X[train])
            for name, ask in (
                ("outcome", outcome.predict),
                ("effects", lambda X, model=effects: model.effect(X)[:, 0]),
            ):
                said = sign * (ask(X[test]) - ask(X[train]).mean()) > 0
                rows = table[(table.estimator == name) & (table.split == split)]
                assert only(rows, "favorable_share").item() == said.mean()
                inside = (
                    y[test][said & arm[test]].mean() - y[test][said & ~arm[test]].mean()
                )
                assert only(rows, "effect_favorable").item() == pytest.approx(
                    sign * inside
                )
    with pytest.raises(ValueError, match="no treatment was given"):
        compare(models, X, y)


@pytest.mark.slow
def test_estimators_of_econml(trial):
    econml = pytest.importorskip("econml.metalearners")
    dr = pytest.importorskip("econml.dr")
    models = {
        "t-learner": econml.TLearner(models=LinearRegression()),
        "doubly robust": dr.LinearDRLearner(
            model_propensity=LogisticRegression(),
            model_regression=LinearRegression(),
        ),
        "logistic": LogisticRegression(),
    }
    table = run(models, trial, cv=3, random_state=0)
    assert (table.error == "").all()
    arm = (np.asarray(trial.treatment) == "drug").astype(int)
    X, y = np.asarray(trial.data, float), np.asarray(trial.target, float)
    # The same by hand.
    train, test = next(ArmStratifiedGroupKFold(3).split(X, y, trial.groups, arm))
    by_hand = econml.TLearner(models=LinearRegression()).fit(
        y[train], arm[train], X=X[train]
    )
    said = by_hand.effect(X[test]) > by_hand.effect(X[train]).mean()
    one = run(
        {"t-learner": models["t-learner"]},
        trial,
        cv=[(train, test)],
        control="placebo",
    )
    assert only(one, "favorable_share").item() == said.mean()


def test_single_arm(trial):
    models = {"fixed": Fixed(cuts=(-0.1, 0.1))}
    table = compare(models, trial.data, trial.target, groups=trial.groups)
    assert set(table.subset) == {"all", "explained by fixed"}
    x = trial.data.x0.to_numpy()
    splits = ArmStratifiedGroupKFold(5).split(x, trial.target, trial.groups)
    for split, (_, test) in enumerate(splits):
        y = np.asarray(trial.target)[test]
        value = only(table[table.split == split], "effect_favorable").item()
        assert value == pytest.approx(y[x[test] > 0.1].mean())


def test_continuous_outcome_and_response(trial):
    """Classifiers see the response, everything else the outcome."""
    rng = np.random.default_rng(0)
    change = -10 * np.asarray(trial.target) + rng.normal(size=160)
    better = np.where(change < -5, "yes", "no")
    models = {
        "logistic": LogisticRegression(),
        "personas": quick(greater_is_better=False),
    }
    options = {"treatment": trial.treatment, "groups": trial.groups}
    options |= {"greater_is_better": False, "control": "drug", "cv": 3}
    table = compare(models, trial.data, change, response=better, **options)
    assert {"arm drug", "arm placebo"} < set(table.subset)
    features = trial.data.to_numpy()
    splits = ArmStratifiedGroupKFold(3).split(
        features, better, trial.groups, trial.treatment
    )
    for split, (train, test) in enumerate(splits):
        model = LogisticRegression().fit(trial.data.iloc[train], better[train])
        rows = table[(table.estimator == "logistic") & (table.split == split)]
        assert only(rows, "roc_auc").item() == pytest.approx(
            roc_auc_score(
                better[test] == "yes", model.decision_function(trial.data.iloc[test])
            )
        )
    with pytest.raises(ValueError, match="is a classifier, but y has 160 values"):
        compare(models, trial.data, change, **options)
    with pytest.raises(ValueError, match="two classes, got 160"):
        compare(models, trial.data, change, response=change, **options)


def test_a_bad_event_as_outcome(trial):
    """Relapse: those predicted to have it are not called favorable."""
    models = {"logistic": LogisticRegression()}
    folds = list(GroupKFold(4).split(trial.data, groups=trial.groups))
    good = run(models, trial, cv=folds)
    turned = compare(
        models,
        trial.data,
        1 - np.asarray(trial.target),
        treatment=trial.treatment,
        groups=trial.groups,
        greater_is_better=False,
        cv=folds,
    )
    np.testing.assert_allclose(good.value, turned.value)


# --- kinds of estimators -----------------------------------------------------


def test_any_mix(trial):
    joined = FeatureUnion(
        [
            ("clinical", FunctionTransformer(feature_names_out="one-to-one")),
            ("personas", quick()),
        ]
    )
    models = {
        "personas": quick(),
        "scaled": make_pipeline(StandardScaler(), quick()),
        "joined": make_pipeline(joined, StandardScaler(), LogisticRegression()),
        "svc": make_pipeline(StandardScaler(), SVC()),
        "arm": ArmClassifier(LogisticRegression(), arm="drug"),
        "tree": HonestCausalTree(),
        "scaled tree": make_pipeline(StandardScaler(), HonestCausalTree()),
        "twins": VirtualTwins(n_estimators=5, n_permutations=0),
        "search": GridSearchCV(
            quick(), {"n_cuts": [2, 3]}, cv=ArmStratifiedGroupKFold(2)
        ),
        "majority": DummyClassifier(),
    }
    table = run(models, trial, cv=2, random_state=0, error_score="raise", n_jobs=1)
    assert list(dict.fromkeys(table.estimator)) == list(models)
    explained = {s.removeprefix("explained by ") for s in table.subset if "by" in s}
    abstaining = {"personas", "scaled", "tree", "scaled tree", "twins", "search"}
    assert explained == abstaining
    assert (table.error == "").all()
    same = [only(table, "targeting_gain", estimator=n) for n in ("personas", "scaled")]
    np.testing.assert_allclose(*same)
    np.testing.assert_allclose(only(table, "roc_auc", estimator="majority"), 0.5)
    # The user's estimators are not touched.
    assert models["tree"].output == "effect" and not hasattr(models["tree"], "tree_")
    assert models["svc"][-1].random_state is None


@pytest.mark.parametrize("frame", ["pandas", "polars"])
def test_names_of_columns_and_trial_frames(trial, frame):
    """The arm in the table is a variable for nobody."""
    table = trial.data.assign(arm=trial.treatment, who=trial.groups)
    if frame == "polars":
        polars = pytest.importorskip("polars")
        table = polars.DataFrame(table.to_dict("list"))
    models = {
        "alone": quick(),
        "framed": TrialFrame(quick(), treatment="arm", groups="who"),
        "grid": GridSearchCV(
            TrialFrame(quick(), treatment="arm", groups="who"), {}, cv=2
        ),
        "logistic": LogisticRegression(),
    }
    found = compare(models, table, trial.target, treatment="arm", groups="who", cv=2)
    arrays = run({k: models[k] for k in ("alone", "logistic")}, trial, cv=2)
    for name, other in (("framed", "alone"), ("grid", "alone")):
        for metric in ("targeting_gain", "favorable_share"):
            np.testing.assert_array_equal(
                only(found, metric, estimator=name),
                only(found, metric, estimator=other),
            )
    for name in ("alone", "logistic"):
        np.testing.assert_array_equal(
            only(found, "roc_auc", estimator=name),
            only(arrays, "roc_auc", estimator=name),
        )
    # Arrays for the others, the column for the adapter.
    mixed = compare(
        models,
        table,
        trial.target,
        treatment=trial.treatment,
        groups=trial.groups,
        cv=2,
    )
    pd.testing.assert_frame_equal(
        mixed.drop(columns="seconds"), found.drop(columns="seconds")
    )
    with pytest.raises(ValueError, match="takes groups from column 'who'"):
        compare(models, table, trial.target, treatment="arm")


def test_crossover():
    trial = make_ketamine_crossover(n_participants=24, effect=(12, 0), random_state=0)
    models = {
        "personas": quick(greater_is_better=False, control="saline"),
        "tree": HonestCausalTree(greater_is_better=False, control="saline"),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IncompleteParticipantWarning)
        table = compare(
            models,
            trial.data.iloc[:, :5],
            trial.target,
            treatment=trial.treatment,
            groups=trial.groups,
            period=trial.period,
            control="saline",
            greater_is_better=False,
            cv=3,
            random_state=0,
            error_score="raise",
        )
    assert (table.n_train + table.n_test == 24).all()
    # Positive is benefit, in points of the scale.
    assert only(table, "effect_favorable", estimator="personas").mean() > 0


# --- scorers and failures ----------------------------------------------------


def test_scorers(trial):
    models = {"personas": quick(), "logistic": LogisticRegression()}
    table = run(
        models,
        trial,
        cv=2,
        scoring={"brier": "neg_brier_score", "gain": targeting_gain_scorer},
        error_score=-1.0,
    )
    assert (only(table, "brier", estimator="logistic") < 0).all()
    failed = table[(table.estimator == "personas") & (table.metric == "brier")]
    assert (failed.value == -1).all() and failed.error.str.contains(
        "predict_proba"
    ).all()
    # Given the arm, and only of one's own patients.
    gain = table[table.metric == "gain"]
    assert set(gain[gain.estimator == "personas"].subset) == {
        "all",
        "explained by personas",
    }
    assert set(gain[gain.estimator == "logistic"].subset) == {"all"}
    own = gain[(gain.estimator == "personas") & (gain.subset == "all")]
    np.testing.assert_allclose(
        np.sign(own.value), np.sign(only(table, "targeting_gain", estimator="personas"))
    )
    with pytest.raises(AttributeError, match="predict_proba"):
        run(models, trial, cv=2, scoring="neg_brier_score", error_score="raise")
    for scoring in (["accuracy"], "accuracy", lambda model, X, y: model.score(X, y)):
        found = run({"logistic": LogisticRegression()}, trial, cv=2, scoring=scoring)
        name = scoring if isinstance(scoring, str) else "accuracy"
        name = "<lambda>" if callable(scoring) else name
        assert found.metric.iloc[9] == name
        assert found.value.iloc[9] > 0.5


def test_a_failed_fit(trial, log):
    models = {"broken": Recorder(log=log, fail=(2,)), "fixed": Fixed()}
    with pytest.warns(FitFailedWarning, match="'broken' failed in 1 of 3 splits"):
        table = run(models, trial, cv=3)
    lost = table[(table.error != "") & (table.estimator == "broken")]
    assert set(lost.split) == {1} and lost.value.isna().all()
    assert set(lost.error) == {"RuntimeError: no convergence"}
    kept = table[(table.estimator == "fixed")]
    assert (kept.error == "").all()
    summary = comparison_summary(table)
    row = summary[(summary.estimator == "broken") & (summary.metric == "roc_auc")]
    assert row.n_failed.iloc[0] == 1 and row.n_splits.iloc[0] == 2
    pair = comparison_differences(table).query(
        "metric == 'roc_auc' and subset == 'all'"
    )
    assert pair.n_splits.item() == 2

    LOGS[log].clear()
    with pytest.raises(RuntimeError, match="no convergence"):
        run(models, trial, cv=3, error_score="raise")
    LOGS[log].clear()
    always = {"broken": Recorder(log=log, fail=range(9))}
    with pytest.raises(ValueError, match=r"All 3 fits failed.*no convergence"):
        run(always, trial, cv=3)


def test_finding_nothing_is_an_answer(trial):
    """No warning from each fold, coverage of zero."""
    options = {"treatment": trial.treatment, "groups": trial.groups, "cv": 2}
    table = compare({"quick": quick()}, trial.data, np.zeros(160), **options)
    rows = table[table.subset == "explained by quick"]
    assert (rows.coverage == 0).all() and len(rows)
    assert (only(table, "favorable_share") == 0).all()
    assert (only(table, "targeting_gain") == 0).all()


# --- seeds, workers, resuming ------------------------------------------------


class Noise(RegressorMixin, BaseEstimator):
    """Predictions that depend on the seed alone; notes each fit as a file."""

    def __init__(self, folder=None, random_state=None, stop_at=None):
        self.folder = folder
        self.random_state = random_state
        self.stop_at = stop_at

    def fit(self, X, y):
        if self.folder is not None:
            n_fits = len(list(Path(self.folder).iterdir()))
            if self.stop_at is not None and n_fits == FULL_STOP.get(self.folder):
                raise KeyboardInterrupt
            (Path(self.folder) / f"fit {n_fits} {os.getpid()}").touch()
        self.seed_ = self.random_state
        return self

    def predict(self, X):
        return np.random.RandomState(self.seed_).normal(size=len(X))


FULL_STOP = {}


def test_seeds(trial):
    models = {"noise": Noise(), "own": Noise(random_state=3)}
    one, two, other = (run(models, trial, random_state=seed) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(
        one.drop(columns="seconds"), two.drop(columns="seconds")
    )
    assert not np.array_equal(only(one, "roc_auc"), only(other, "roc_auc"))
    # Another seed in each split; the user's own stays, with the same folds.
    assert only(one, "roc_auc", estimator="noise").nunique() == 5
    # More repeats leave the first ones alone.
    more = run(models, trial, random_state=0, n_repeats=2)
    pd.testing.assert_frame_equal(
        one.drop(columns="seconds"),
        more[more.split < 5].reset_index(drop=True).drop(columns="seconds"),
    )
    assert models["noise"].random_state is None
    # Another estimator beside it changes nothing.
    alone = run({"own": Noise(random_state=3)}, trial, random_state=0)
    np.testing.assert_array_equal(alone.value, one[one.estimator == "own"].value)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_does_not_depend_on_workers(trial, backend, tmp_path):
    models = {"personas": quick(), "logistic": LogisticRegression()}
    expected = run(models, trial, cv=3, random_state=0)
    with joblib.parallel_config(backend=backend, n_jobs=2):
        found = run(models, trial, cv=3, random_state=0, memory=str(tmp_path))
    pd.testing.assert_frame_equal(
        found.drop(columns="seconds"), expected.drop(columns="seconds")
    )
    # What the workers kept is found again, to the time that it took.
    again = run(models, trial, cv=3, random_state=0, memory=str(tmp_path))
    pd.testing.assert_frame_equal(again, found)


def test_an_interrupted_run_goes_on(trial, tmp_path):
    notes = tmp_path / "notes"
    notes.mkdir()
    options = {"random_state": 0, "memory": str(tmp_path / "cache"), "n_repeats": 2}
    models = {
        name: Noise(str(notes), stop_at=stop) for name, stop in (("a", 1), ("b", 2))
    }
    FULL_STOP[str(notes)] = 7
    with pytest.raises(KeyboardInterrupt):
        run(models, trial, **options)
    assert len(list(notes.iterdir())) == 7
    FULL_STOP.clear()
    table = run(models, trial, **options)
    # 20 fits in all, 13 of them now.
    assert len(list(notes.iterdir())) == 20
    again = run(models, trial, **options)
    assert len(list(notes.iterdir())) == 20
    pd.testing.assert_frame_equal(again, table)
    # Without a cache the same.
    plain = run(models, trial, **{**options, "memory": None})
    pd.testing.assert_frame_equal(
        plain.drop(columns="seconds"), table.drop(columns="seconds")
    )
    n_notes = len(list(notes.iterdir()))
    # Only what is new is computed.
    run({**models, "c": Noise(str(notes), random_state=1)}, trial, **options)
    assert len(list(notes.iterdir())) == n_notes + 10
    run(models, trial, **{**options, "n_repeats": 3})
    assert len(list(notes.iterdir())) == n_notes + 20
    # Another outcome is another trial.
    compare(
        models,
        trial.data,
        1 - np.asarray(trial.target),
        treatment=trial.treatment,
        groups=trial.groups,
        **options,
    )
    assert len(list(notes.iterdir())) == n_notes + 40


def test_failures_are_not_kept(trial, log, tmp_path):
    models = {"broken": Recorder(log=log, fail=(2,))}
    options = {"cv": 3, "memory": joblib.Memory(tmp_path, verbose=0)}
    with pytest.warns(FitFailedWarning):
        run(models, trial, **options)
    table = run(models, trial, **options)
    assert len(LOGS[log]) == 4 and (table.error == "").all()


def test_progress(trial, capsys, monkeypatch):
    ticks = iter(range(1000))
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: next(ticks))
    run({"fixed": Fixed()}, trial, cv=4)
    assert capsys.readouterr() == ("", "")
    run({"fixed": Fixed()}, trial, cv=4, verbose=1)
    out, err = capsys.readouterr()
    assert not out and "compare:" in err and " 25.0%" in err and "100.0%" in err


def process(model, X, y):
    """The process that scores, as a scorer."""
    return os.getpid()


@pytest.mark.slow
@pytest.mark.xdist_group("engines")
def test_on_a_cluster(trial):
    distributed = pytest.importorskip("distributed")
    models = {
        "personas": quick(),
        "tree": HonestCausalTree(),
        "logistic": LogisticRegression(),
    }
    expected = run(models, trial, cv=3, random_state=0)
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        distributed.Client(cluster) as client,
        joblib.parallel_config(backend="dask"),
    ):
        client.wait_for_workers(2)
        found = run(models, trial, cv=3, random_state=0)
        where = run({"noise": Noise()}, trial, cv=3, scoring={"pid": process})
        workers = set(client.run(os.getpid).values())
    assert os.getpid() not in workers
    assert set(only(where, "pid")) <= workers
    pd.testing.assert_frame_equal(
        found.drop(columns="seconds"), expected.drop(columns="seconds")
    )


# --- what is said of a table -------------------------------------------------


def scores(seed=0, n_splits=6):
    """A table of three estimators with known values."""
    rng = np.random.default_rng(seed)
    rows = [
        (name, split, "all", metric, rng.normal(), 1.0, 40, 10, 0.1, "")
        for name in ("a", "b", "c")
        for split in range(n_splits)
        for metric in ("gain", "roc_auc")
    ]
    columns = (
        "estimator split subset metric value coverage n_train n_test seconds error"
    )
    return pd.DataFrame(rows, columns=columns.split())


def test_summary_and_differences_by_hand():
    table = scores()
    wide = table[table.metric == "gain"].pivot(
        index="split", columns="estimator", values="value"
    )
    summary = comparison_summary(table, level=0.9).query("metric == 'gain'")
    for row in summary.itertuples():
        x = wide[row.estimator]
        half = stats.t.ppf(0.95, 5) * x.std() * np.sqrt(1 / 6 + 0.25)
        np.testing.assert_allclose(
            [row.mean, row.low, row.high, row.sd],
            [x.mean(), x.mean() - half, x.mean() + half, x.std()],
        )
    found = comparison_differences(table).query("metric == 'gain'")
    assert found[["estimator", "reference"]].values.tolist() == [
        ["a", "b"],
        ["a", "c"],
        ["b", "c"],
    ]
    p_values = []
    for row in found.itertuples():
        d = wide[row.estimator] - wide[row.reference]
        t = d.mean() / (d.std() * np.sqrt(1 / 6 + 0.25))
        p_values.append(2 * stats.t.sf(abs(t), 5))
        assert row.difference == pytest.approx(d.mean())
    np.testing.assert_allclose(found.p_value, p_values)
    # Holm: the smallest times three.
    smallest = np.argmin(p_values)
    assert found.p_adjusted.iloc[smallest] == pytest.approx(min(1, 3 * min(p_values)))
    assert (found.p_adjusted >= found.p_value).all()
    against = comparison_differences(table, reference="c").query("metric == 'gain'")
    assert against[["estimator", "reference"]].values.tolist() == [
        ["a", "c"],
        ["b", "c"],
    ]
    # Rows in any order, and splits paired by their number.
    shuffled = table.sample(frac=1, random_state=0)
    again = comparison_differences(shuffled, reference="c").query(
        "metric == 'gain' and estimator == 'a'"
    )
    assert again.difference.item() == pytest.approx(against.difference.iloc[0])


def test_splits_without_a_value():
    table = scores()
    table.loc[(table.estimator == "a") & (table.split > 0), "value"] = np.nan
    summary = comparison_summary(table).query("estimator == 'a'")
    assert (summary.n_splits == 1).all() and summary.low.isna().all()
    pairs = comparison_differences(table)
    alone = pairs[pairs.estimator == "a"]
    assert alone.p_value.isna().all() and (alone.n_splits == 1).all()
    assert alone.difference.notna().all()
    rest = pairs[pairs.estimator == "b"]
    assert (rest.p_adjusted == rest.p_value).all()
    table.loc[table.estimator == "a", "value"] = np.nan
    gone = comparison_differences(table).query("estimator == 'a'")
    assert gone.difference.isna().all() and (gone.n_splits == 0).all()


def test_paper_and_figure(trial, tmp_path):
    models = {"fixed": Fixed(), "logistic": LogisticRegression()}
    table = run(models, trial, cv=5)
    paper = comparison_paper(table, metrics=["targeting_gain", "roc_auc"])
    assert list(paper.columns) == ["patients", "targeting_gain", "roc_auc"]
    assert paper.loc[("all", "logistic"), "patients"] == "100%"
    share = table[table.subset == "explained by fixed"].coverage.mean()
    assert paper.loc[("explained by fixed", "logistic"), "patients"] == f"{share:.0%}"
    mean = only(table, "roc_auc", estimator="logistic").mean()
    assert paper.loc[("all", "logistic"), "roc_auc"].startswith(f"{mean:.2f} (")
    with pytest.raises(ValueError, match=r"metrics \['auc'\] are not in the table"):
        comparison_paper(table, metrics=["auc"])
    with pytest.raises(ValueError, match="expected a DataFrame of compare"):
        comparison_summary(paper)
    with pytest.raises(ValueError, match="reference='svc' is not an estimator"):
        comparison_differences(table, reference="svc")

    pytest.importorskip("matplotlib")
    display = ComparisonDisplay.from_table(table, metric="roc_auc")
    assert display.plot() is display
    labels = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert labels == ["fixed", "logistic"]
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == ["all", "explained by fixed"]
    notes = [text.get_text() for text in display.ax_.texts]
    assert notes == [f"{share:.0%} of patients"] * 2
    display.figure_.savefig(tmp_path / "figure.png")
    means = {
        line.get_xdata()[0] for line in display.ax_.lines if line.get_marker() == "o"
    }
    assert min(abs(mean - other) for other in means) < 1e-12
    own = display.figure_.subplots()
    assert ComparisonDisplay.from_table(table).plot(ax=own).ax_ is own
    with pytest.raises(ValueError, match="metric='auc' is not in the table"):
        ComparisonDisplay.from_table(table, metric="auc")
    with pytest.raises(ValueError, match="subsets"):
        ComparisonDisplay.from_table(table, subsets=["none"])


# --- what is refused ---------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"estimators": [SVC()]}, TypeError, "must be a dict"),
        ({"estimators": {}}, ValueError, "estimators is empty"),
        ({"estimators": {1: SVC()}}, TypeError, "must be strings"),
        ({"estimators": {"svc": SVC}}, TypeError, "Pass an instance"),
        ({"estimators": {"scale": StandardScaler()}}, TypeError, "fit and predict"),
        ({"cv": 1}, ValueError, "n_splits"),
        ({"cv": 81}, ValueError, "n_splits=81 is greater"),
        ({"cv": "five"}, ValueError, "cv must be an integer"),
        ({"n_repeats": 0}, ValueError, "n_repeats must be"),
        ({"n_repeats": 2, "cv": GroupKFold(2)}, ValueError, "repeats the folds of an"),
        ({"error_score": "nan"}, ValueError, "error_score must be"),
        ({"control": "saline"}, ValueError, "control='saline' is no arm"),
        ({"treatment": "arm"}, ValueError, "must name one column of X, found 0"),
        ({"treatment": ["a", "b"]}, ValueError, "treatment has 2 entries"),
        ({"groups": np.arange(7)}, ValueError, "groups has 7 entries"),
        ({"response": ["a", "b"]}, ValueError, "response has 2 entries"),
        ({"scoring": {"roc_auc": "roc_auc"}}, ValueError, "Rename it"),
        ({"scoring": [3]}, ValueError, "A metric of scoring is called 3"),
        ({"scoring": {"x": 3}}, ValueError, "names or scorers, got 3"),
        ({"scoring": "quality"}, ValueError, "quality"),
    ],
)
def test_errors(trial, options, error, message):
    estimators = options.pop("estimators", {"fixed": Fixed()})
    with pytest.raises(error, match=message):
        run(estimators, trial, **options)


def test_directions_must_agree(trial):
    lower = make_pipeline(StandardScaler(), quick(greater_is_better=False))
    with pytest.raises(ValueError, match="'lower' has greater_is_better=False"):
        run({"lower": lower}, trial)
    with pytest.raises(ValueError, match="'tree' has greater_is_better=True"):
        run({"tree": HonestCausalTree()}, trial, greater_is_better=False)
    # Of the response more is better, whatever the outcome.
    joined = make_pipeline(quick(), LogisticRegression())
    response = np.asarray(trial.target) == 0
    options = {"greater_is_better": False, "response": response, "cv": 2}
    assert len(run({"joined": joined}, trial, **options))
    with pytest.raises(ValueError, match="expected True"):
        wrong = clone(joined).set_params(personadiscoverer__greater_is_better=False)
        run({"joined": wrong}, trial, **options)
    with pytest.raises(ValueError, match="takes drug as control"):
        run({"personas": quick()}, trial, control="placebo")
    assert len(run({"personas": quick(control="placebo")}, trial, control="placebo"))


def test_an_adapter_reads_the_same_arm(trial):
    table = trial.data.assign(arm=trial.treatment)
    framed = {"framed": TrialFrame(quick(), treatment="arm")}
    other = np.where(np.arange(160) < 4, "drug", trial.treatment)
    n_other = np.count_nonzero(other != trial.treatment)
    options = {"cv": 2, "groups": trial.groups}
    with pytest.raises(ValueError, match=f"takes for it, in {n_other} rows"):
        compare(framed, table, trial.target, treatment=other, **options)
    with pytest.raises(ValueError, match="must name one column of X, found 0"):
        run(framed, trial)
    with pytest.raises(TypeError, match="X is of type ndarray"):
        compare(framed, table.to_numpy(), trial.target, treatment=other)
    with pytest.raises(ValueError, match="y is None"):
        compare(framed, table, None, treatment="arm")


def test_names_need_a_table(trial):
    with pytest.raises(TypeError, match="names a column, but X is of type ndarray"):
        compare({"fixed": Fixed()}, np.zeros((4, 1)), np.zeros(4), treatment="arm")
