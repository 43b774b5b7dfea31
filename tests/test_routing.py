"""Inside scikit-learn: pipelines, cross-validation, grids, metadata routing."""

import pickle
from typing import ClassVar

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from _paths import force_path
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_validate
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.metadata_routing import get_routing_for_object

import sklearn_persona._search.branch_and_bound
from sklearn_persona import PersonaDiscoverer, TrialFrame
from sklearn_persona.datasets import make_parallel_trial
from sklearn_persona.metrics import (
    coverage_scorer,
    targeting_gain,
    targeting_gain_scorer,
)
from sklearn_persona.model_selection import (
    ArmStratifiedGroupKFold,
    ArmStratifiedGroupShuffleSplit,
)


@pytest.fixture(autouse=True)
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.fixture(scope="module")
def trial():
    return make_parallel_trial(n_samples=160, n_features=3, effect=5.0, random_state=0)


@pytest.fixture(scope="module")
def crossover():
    rng = np.random.RandomState(0)
    n = 80
    group = np.repeat(np.arange(n), 2)
    period = np.tile([1, 2], n)
    first = rng.permutation(np.arange(n) % 2 == 0)[group]
    table = pd.DataFrame(
        {
            "a": rng.standard_normal(n)[group],
            "b": rng.standard_normal(n)[group],
            "arm": np.where(np.where(period == 1, first, ~first), "drug", "saline"),
            "who": group,
            "when": period,
            "site": (np.arange(n) // 2 % 2)[group],
        }
    )
    gain = 3.0 * (table.arm == "drug") * (table.a > 0)
    y = gain + (period == 2) + rng.standard_normal(2 * n)
    return table, y.to_numpy()


def quick(**options):
    defaults = {"max_variables": 1, "n_bootstrap": 0, "n_permutations": 99}
    return PersonaDiscoverer(**defaults | {"random_state": 0} | options)


def columns(trial):
    return {"treatment": trial.treatment, "groups": trial.groups}


def same_personas(a, b):
    return list(map(str, a.personas_)) == list(map(str, b.personas_))


def test_everything_is_requested_by_default():
    router = get_routing_for_object(quick())
    roles = {"treatment", "groups", "period", "strata"}
    for method in ("fit", "score"):
        assert router.consumes(method, roles) == roles


def test_pipeline(trial):
    pipe = make_pipeline(StandardScaler(), quick()).fit(
        trial.data, trial.target, **columns(trial)
    )
    assert pipe[-1].two_arm_ and pipe[-1].n_confirmed_
    alone = quick().fit(
        StandardScaler().fit_transform(trial.data), trial.target, **columns(trial)
    )
    assert same_personas(pipe[-1], alone)
    assert pipe.score(trial.data, trial.target, **columns(trial)) == alone.score(
        StandardScaler().fit_transform(trial.data), trial.target, **columns(trial)
    )
    assert_array_equal(
        pipe.get_feature_names_out(),
        [f"persona{i}" for i in range(len(alone.personas_))],
    )


def test_pipeline_score_without_treatment(trial):
    pipe = make_pipeline(StandardScaler(), quick()).fit(
        trial.data, trial.target, **columns(trial)
    )
    with pytest.raises(ValueError, match="fitted with treatment, so score needs"):
        pipe.score(trial.data, trial.target)


def test_cross_validate(trial):
    cv = ArmStratifiedGroupKFold(4)
    pipe = make_pipeline(StandardScaler(), quick())
    result = cross_validate(
        pipe,
        trial.data,
        trial.target,
        params=columns(trial),
        cv=cv,
        return_estimator=True,
        error_score="raise",
    )
    splits = cv.split(trial.data, trial.target, trial.groups, trial.treatment)
    for (train, test), fitted, score in zip(
        splits, result["estimator"], result["test_score"], strict=True
    ):
        assert fitted[-1].two_arm_
        assert len(fitted[-1].split_) == len(train)
        assert score == fitted.score(
            trial.data.iloc[test],
            trial.target[test],
            treatment=trial.treatment[test],
            groups=trial.groups[test],
        )
    assert result["test_score"].mean() > 0


def test_cross_val_predict(trial):
    prediction = cross_val_predict(
        quick(validation=None),
        trial.data,
        trial.target,
        params=columns(trial),
        cv=ArmStratifiedGroupKFold(3),
    )
    assert set(np.unique(prediction)) <= {-1, 0, 1} and prediction.any()


def test_scorers(trial):
    result = cross_validate(
        quick(),
        trial.data,
        trial.target,
        params=columns(trial),
        cv=ArmStratifiedGroupShuffleSplit(3, test_size=0.3, random_state=0),
        scoring={"gain": targeting_gain_scorer, "coverage": coverage_scorer},
        return_estimator=True,
        return_indices=True,
        error_score="raise",
    )
    for i, finder in enumerate(result["estimator"]):
        test = result["indices"]["test"][i]
        prediction = finder.predict(trial.data.iloc[test])
        assert result["test_coverage"][i] == (prediction != 0).mean()
        gain = targeting_gain_scorer(
            finder,
            trial.data.iloc[test],
            trial.target[test],
            treatment=trial.treatment[test],
        )
        assert result["test_gain"][i] == gain
    assert result["test_gain"].mean() > 0


def test_scorer_without_treatment(trial):
    finder = quick().fit(trial.data, trial.target, **columns(trial))
    with pytest.raises(ValueError, match="scorer got none"):
        targeting_gain_scorer(finder, trial.data, trial.target)


@pytest.mark.parametrize("lower_is_better", [False, True])
@pytest.mark.parametrize("labels", [("ketamine", "saline"), ("drug", "control")])
def test_scorer_agrees_with_the_estimator(trial, labels, lower_is_better):
    # The control is the second label, and less may be better: the scorer has to
    # read a gain as the estimator does.
    treated, control = labels
    arm = np.where(trial.treatment == 1, treated, control)
    y = -trial.target if lower_is_better else trial.target
    finder = quick(control=control, greater_is_better=not lower_is_better).fit(
        trial.data, y, treatment=arm
    )
    assert finder.score(trial.data, y, treatment=arm) > 0
    assert targeting_gain_scorer(finder, trial.data, y, treatment=arm) > 0


def test_scorer_takes_the_outcome_as_given(trial):
    """So that values of a threshold are compared by one outcome."""
    finder = quick(response_threshold=1.0)
    finder.fit(trial.data, trial.target, **columns(trial))
    said = finder.predict(trial.data)
    assert said.any()
    given = {"treatment": trial.treatment}
    raw = targeting_gain(trial.target, said, trial.treatment)
    assert targeting_gain_scorer(finder, trial.data, trial.target, **given) == raw
    response = (trial.target >= 1.0).astype(float)
    cut = targeting_gain(response, said, trial.treatment)
    assert targeting_gain_scorer(finder, trial.data, response, **given) == cut != raw
    # The estimator's own score is of the response.
    own = finder.score(trial.data, trial.target, **columns(trial))
    assert own == pytest.approx(cut)


GRID = {"alpha": [0.01, 0.05], "min_effect_size": [0.2, 30.0], "max_variables": [1, 2]}


def test_grid_over_thresholds(trial):
    search = GridSearchCV(
        quick(), GRID, cv=ArmStratifiedGroupKFold(3), error_score="raise"
    ).fit(trial.data, trial.target, **columns(trial))
    scores = pd.DataFrame(search.cv_results_)
    # A threshold that nothing reaches explains nobody.
    assert (scores.mean_test_score[scores.param_min_effect_size == 30.0] == 0).all()
    assert search.best_params_["min_effect_size"] == 0.2
    assert search.best_score_ > 0
    assert search.score(trial.data, trial.target, **columns(trial)) > 0
    assert search.predict(trial.data).any()


def test_nested(trial):
    grid = GridSearchCV(
        Pipeline([("scale", StandardScaler()), ("find", quick())]),
        {"find__min_effect_size": [0.2, 30.0]},
        cv=ArmStratifiedGroupKFold(2),
        error_score="raise",
    )
    result = cross_validate(
        grid,
        trial.data,
        trial.target,
        params=columns(trial),
        cv=ArmStratifiedGroupKFold(2),
        error_score="raise",
        return_estimator=True,
    )
    for fitted in result["estimator"]:
        assert fitted.best_params_ == {"find__min_effect_size": 0.2}
        assert fitted.best_estimator_[-1].two_arm_


def test_swapping_the_step_in_a_grid(trial):
    pipe = Pipeline([("scale", StandardScaler()), ("find", quick())])
    search = GridSearchCV(
        pipe,
        {"find": [quick(n_cuts=3), quick(n_cuts=5)]},
        cv=ArmStratifiedGroupKFold(2),
        error_score="raise",
    ).fit(trial.data, trial.target, **columns(trial))
    assert search.best_estimator_[-1].two_arm_


def test_feature_union_joins_personas_to_other_features(trial):
    union = FeatureUnion(
        [
            ("raw", FunctionTransformer(feature_names_out="one-to-one")),
            ("personas", quick()),
        ]
    ).set_output(transform="pandas")
    out = union.fit(trial.data, trial.target, **columns(trial)).transform(trial.data)
    n_personas = len(union.named_transformers["personas"].personas_)
    assert out.shape == (160, 3 + n_personas)
    assert out.columns[3] == "personas__persona0"


def test_feature_union_without_any_persona(trial):
    union = FeatureUnion([("raw", StandardScaler()), ("personas", quick())])
    with pytest.warns(UserWarning, match="No persona was found"):
        union.fit(trial.data, np.zeros(160), **columns(trial))
    assert union.transform(trial.data).shape == (160, 3)


def test_column_transformer(trial):
    columns_of = ColumnTransformer(
        [("find", quick(), ["x0", "x1"])], remainder="passthrough"
    )
    out = columns_of.fit_transform(trial.data, trial.target, **columns(trial))
    assert out.shape[1] > 1


class TestTrialFrame:
    roles: ClassVar = {
        "treatment": "arm",
        "groups": "who",
        "period": "when",
        "strata": "site",
    }

    def test_same_as_metadata(self, crossover):
        table, y = crossover
        wrapped = TrialFrame(quick(control="saline"), **self.roles).fit(table, y)
        given = {role: table[name] for role, name in self.roles.items()}
        alone = quick(control="saline").fit(table[["a", "b"]], y, **given)
        assert wrapped.estimator_.design_ == "crossover"
        assert same_personas(wrapped.estimator_, alone)
        assert wrapped.score(table, y) == alone.score(table[["a", "b"]], y, **given)
        assert_array_equal(
            wrapped.predict(table[["a", "b"]]), alone.predict(table[["a", "b"]])
        )

    def test_cross_validate(self, crossover):
        table, y = crossover
        model = TrialFrame(
            make_pipeline(StandardScaler(), quick(control="saline")), **self.roles
        )
        result = cross_validate(
            model,
            table,
            y,
            cv=ArmStratifiedGroupKFold(3),
            params={"groups": table.who, "treatment": table.arm},
            error_score="raise",
            return_estimator=True,
        )
        assert result["test_score"].mean() > 0
        for fitted in result["estimator"]:
            assert fitted.estimator_[-1].n_features_in_ == 2

    def test_grid_inside(self, crossover):
        table, y = crossover
        grid = GridSearchCV(
            quick(control="saline"),
            {"min_effect_size": [0.2, 30.0]},
            cv=ArmStratifiedGroupKFold(2),
            error_score="raise",
        )
        model = TrialFrame(grid, **self.roles)
        with sklearn.config_context(enable_metadata_routing=False):
            model.fit(table, y)
        assert model.estimator_.best_params_ == {"min_effect_size": 0.2}


def test_period_and_strata_reach_the_fit(crossover):
    table, y = crossover
    given = {
        "treatment": table.arm,
        "groups": table.who,
        "period": table.when,
        "strata": table.site,
    }
    pipe = make_pipeline(StandardScaler(), quick(control="saline"))
    result = cross_validate(
        pipe,
        table[["a", "b"]],
        y,
        params=given,
        cv=ArmStratifiedGroupKFold(2),
        return_estimator=True,
        return_indices=True,
        error_score="raise",
    )
    for i, fitted in enumerate(result["estimator"]):
        finder = fitted[-1]
        # Without a period there would be no effect by period, and a warning.
        assert finder.personas_[0].train.effect_period1 is not None
        rows = result["indices"]["train"][i]
        site = table.site.to_numpy()[rows]
        counts = np.bincount(site[finder.split_ == "holdout"])
        assert abs(counts[0] - counts[1]) <= 4
        # Permuting within sites changes the test.
        loose = clone(finder).fit(
            table[["a", "b"]].iloc[rows],
            y[rows],
            **{k: v.iloc[rows] for k, v in given.items() if k != "strata"},
        )
        assert not same_personas(loose, finder)


def test_set_output(trial):
    finder = quick().set_output(transform="pandas")
    finder.fit(trial.data, trial.target, **columns(trial))
    out = finder.transform(trial.data.set_axis(np.arange(160) + 7))
    assert list(out.columns) == list(finder.get_feature_names_out())
    assert list(out.index) == list(range(7, 167))
    # Predictions do not go through the wrapped output.
    assert isinstance(finder.predict(trial.data), np.ndarray)
    assert finder.score(trial.data, trial.target, **columns(trial)) > 0
    out = finder.set_output(transform="polars").transform(trial.data)
    assert out.columns == list(finder.get_feature_names_out())


def test_clone_and_pickle(trial):
    modalities = {"x0": "MRI"}
    finder = quick(modalities=modalities, n_cuts=4)
    copy = clone(finder)
    assert copy.get_params()["modalities"] == modalities
    assert copy.get_params().keys() == finder.get_params().keys()
    assert finder.modalities is modalities
    finder.fit(trial.data, trial.target, **columns(trial))
    assert not hasattr(clone(finder), "personas_")
    again = pickle.loads(pickle.dumps(finder))
    assert same_personas(again, finder)
    assert_array_equal(again.predict(trial.data), finder.predict(trial.data))


def counted_searches(monkeypatch):
    calls = []
    original = sklearn_persona._search.branch_and_bound.beam_search

    def beam_search(*args, **kwargs):
        calls.append(1)
        return original(*args, **kwargs)

    monkeypatch.setattr(
        sklearn_persona._search.branch_and_bound, "beam_search", beam_search
    )
    return calls


def test_memory_searches_once_over_a_grid_of_thresholds(trial, tmp_path, monkeypatch):
    calls = counted_searches(monkeypatch)

    def run(memory):
        calls.clear()
        search = GridSearchCV(
            # By beam, since an exact search may go by cubes and need none.
            quick(memory=memory, direction="favorable", search="beam"),
            {"min_effect_size": [0.1, 0.3, 0.5, 0.7], "alpha": [0.04, 0.05]},
            cv=ArmStratifiedGroupKFold(2),
            refit=False,
            error_score="raise",
        )
        # The faster path depends on the machine, and cubes have no beam.
        with force_path("bits"):
            search.fit(trial.data, trial.target, **columns(trial))
        return search.cv_results_["mean_test_score"], len(calls)

    plain, n_plain = run(None)
    cached, n_cached = run(str(tmp_path))
    # Each fold searches once, and its refinement some times more.
    assert n_cached >= 2
    assert n_plain == 8 * n_cached
    assert_allclose(cached, plain)
    again, n_again = run(joblib.Memory(str(tmp_path), verbose=0))
    assert n_again == 0
    assert_allclose(again, plain)


def test_memory_changes_no_result(trial, tmp_path):
    plain = quick(max_variables=2).fit(trial.data, trial.target, **columns(trial))
    for n_jobs in (1, 2):
        cached = quick(max_variables=2, memory=str(tmp_path), n_jobs=n_jobs).fit(
            trial.data, trial.target, **columns(trial)
        )
        assert same_personas(plain, cached)
        assert cached.search_.best_objective == plain.search_.best_objective
