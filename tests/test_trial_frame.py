import pickle
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, RegressorMixin, clone, is_classifier
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    cross_val_predict,
    cross_validate,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from sklearn_persona._trial_frame import TrialFrame
from sklearn_persona.model_selection import ArmStratifiedGroupKFold

METADATA = ("treatment", "groups", "period", "strata")


class Recorder(RegressorMixin, BaseEstimator):
    """Consumes all metadata and keeps what every method was given."""

    __metadata_request__fit: ClassVar = dict.fromkeys(METADATA, True)
    __metadata_request__score: ClassVar = dict.fromkeys(METADATA, True)

    def __init__(self, offset=0.0):
        self.offset = offset

    def fit(
        self,
        X,
        y,
        *,
        treatment=None,
        groups=None,
        period=None,
        strata=None,
        sample_weight=None,
    ):
        assert sklearn.get_config()["enable_metadata_routing"]
        self.X_ = X
        self.fit_ = {
            "treatment": treatment,
            "groups": groups,
            "period": period,
            "strata": strata,
            "sample_weight": sample_weight,
        }
        self.mean_ = np.mean(y)
        return self

    def predict(self, X, shift=0.0):
        return np.full(len(X), self.mean_ + self.offset + shift)

    def score(
        self,
        X,
        y,
        *,
        treatment=None,
        groups=None,
        period=None,
        strata=None,
        sample_weight=None,
    ):
        self.score_X_ = X
        self.score_ = {
            "treatment": treatment,
            "groups": groups,
            "sample_weight": sample_weight,
        }
        return -abs(self.offset)


class Undecided(RegressorMixin, BaseEstimator):
    """Takes the arm, but nobody has said whether it is requested."""

    def fit(self, X, y, treatment=None):
        return self

    def predict(self, X):
        return np.zeros(len(X))


class TrustingTransformer(BaseEstimator):
    """Requests the arm when it transforms."""

    __metadata_request__transform: ClassVar = {"treatment": True}

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X, treatment=None):
        return np.zeros((len(X), 1 if treatment is None else 2))


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    n = 12
    return pd.DataFrame(
        {
            "age": rng.normal(50, 9, 2 * n),
            "arm": rng.permuted(np.tile(["drug", "saline"], (n, 1)), axis=1).ravel(),
            "row": np.arange(2.0 * n),
            "patient": np.repeat([f"p{i:02d}" for i in range(n)], 2),
            "visit": np.tile([1, 2], n),
            "site": np.repeat(["A", "B"], n),
        },
        index=rng.permutation(2 * n) + 100,
    )


@pytest.fixture
def y():
    return np.arange(24.0)


ALL = {"treatment": "arm", "groups": "patient", "period": "visit", "strata": "site"}


@pytest.mark.parametrize("outside", [False, True])
def test_columns_reach_the_last_step_and_are_hidden(table, y, outside):
    pipe = Pipeline([("scale", StandardScaler()), ("rec", Recorder())])
    pipe.set_output(transform="pandas")
    with sklearn.config_context(enable_metadata_routing=outside):
        model = TrialFrame(pipe, **ALL).fit(table, y)
        assert model.score(table, y) == 0
    recorder = model.estimator_["rec"]
    assert list(recorder.X_.columns) == ["age", "row"]
    assert list(model.estimator_["scale"].feature_names_in_) == ["age", "row"]
    for role, column in ALL.items():
        assert recorder.fit_[role].tolist() == table[column].tolist()
    assert recorder.score_["treatment"].tolist() == table["arm"].tolist()
    assert list(recorder.score_X_.columns) == ["age", "row"]
    assert model.feature_names_in_.tolist() == table.columns.tolist()
    assert model.n_features_in_ == 6
    assert model.roles_ == ALL
    assert "arm" in table.columns


def test_unnamed_roles_stay_variables(table, y):
    model = TrialFrame(Recorder(), treatment="arm").fit(table, y)
    assert list(model.estimator_.X_.columns) == [
        "age", "row", "patient", "visit", "site"
    ]  # fmt: skip
    assert model.estimator_.fit_["groups"] is None
    single = TrialFrame(Recorder(), treatment=None, groups="patient").fit(table, y)
    assert "arm" in single.estimator_.X_.columns
    assert single.estimator_.fit_["treatment"] is None


def test_estimator_that_consumes_nothing(table, y):
    model = TrialFrame(SVC(), **ALL).fit(table, y > 11)
    assert model.estimator_.feature_names_in_.tolist() == ["age", "row"]
    inner = SVC().fit(table[["age", "row"]], y > 11)
    assert model.score(table, y > 11) == inner.score(table[["age", "row"]], y > 11)


@pytest.mark.parametrize(
    "inner", [Undecided(), make_pipeline(StandardScaler(), Undecided())]
)
def test_arm_is_never_lost_unnoticed(table, y, inner):
    numbers = table[["age", "arm"]]
    with pytest.raises(UnsetMetadataPassedError, match="set_fit_request"):
        TrialFrame(inner, treatment="arm").fit(numbers, y)


def test_renamed_request(table, y):
    with sklearn.config_context(enable_metadata_routing=True):
        inner = Recorder().set_fit_request(
            strata="groups", groups=False, treatment=False
        )
    model = TrialFrame(inner, treatment="arm", groups="patient").fit(table, y)
    assert model.estimator_.fit_["treatment"] is None
    assert model.estimator_.fit_["groups"] is None
    assert model.estimator_.fit_["strata"].tolist() == table["patient"].tolist()


def test_missing_arms_are_passed_on(table, y):
    table["arm"] = table["arm"].astype(object)
    table.iloc[3, 1] = np.nan
    model = TrialFrame(Recorder(), treatment="arm").fit(table, y)
    assert np.flatnonzero(pd.isna(model.estimator_.fit_["treatment"])).tolist() == [3]


def test_inner_search_gets_its_groups(table, y):
    search = GridSearchCV(Recorder(), {"offset": [2.0, 1.0]}, cv=GroupKFold(3))
    model = TrialFrame(search, **ALL).fit(table, y)
    best = model.estimator_.best_estimator_
    assert best.offset == 1.0
    assert best.fit_["treatment"].tolist() == table["arm"].tolist()
    assert list(best.X_.columns) == ["age", "row"]
    assert model.score(table, y) == -1.0


# New patients


def test_new_patients_need_no_arm(table, y):
    model = TrialFrame(make_pipeline(StandardScaler(), Ridge()), **ALL).fit(table, y)
    expected = model.predict(table)
    new = table[["age", "row"]]
    np.testing.assert_array_equal(model.predict(new), expected)
    np.testing.assert_array_equal(model.predict(new.assign(arm="drug")), expected)
    with pytest.raises(ValueError, match="Column 'arm', named as treatment, is not in"):
        model.score(new, y)
    with pytest.raises(ValueError, match="Column 'patient', named as groups"):
        model.score(table.drop(columns="patient"), y)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(new[["age"]])


def test_roles_are_those_of_the_fit(table, y):
    model = TrialFrame(Ridge(), **ALL).fit(table, y)
    model.set_params(treatment="no such column")
    assert model.score(table, y) > 0.9


def test_transform_may_consume_the_arm(table, y):
    model = TrialFrame(TrustingTransformer(), treatment="arm").fit(table, y)
    assert model.transform(table).shape == (24, 2)
    assert model.transform(table.drop(columns="arm")).shape == (24, 1)


# Delegation


def test_methods_follow_the_estimator(table, y):
    methods = {
        LogisticRegression(): {
            "predict", "predict_proba", "predict_log_proba", "decision_function",
            "score",
        },
        Ridge(): {"predict", "score"},
        StandardScaler(): {
            "transform", "fit_transform", "get_feature_names_out", "set_output"
        },
        KMeans(2, n_init=1, random_state=0): {
            "predict", "transform", "fit_transform", "score", "set_output",
            "get_feature_names_out",
        },
    }  # fmt: skip
    every = set().union(*methods.values())
    for inner, expected in methods.items():
        model = TrialFrame(inner, **ALL)
        assert {m for m in every if hasattr(model, m)} == expected
        assert not hasattr(model, "classes_")
        model.fit(table, y > 11)
        assert {m for m in every if hasattr(model, m)} == expected
        plain = clone(inner).fit(table[["age", "row"]], y > 11)
        for method in expected & {
            "predict", "predict_proba", "predict_log_proba", "decision_function",
            "transform",
        }:  # fmt: skip
            np.testing.assert_array_equal(
                getattr(model, method)(table),
                getattr(plain, method)(table[["age", "row"]]),
            )
        assert hasattr(model, "classes_") == hasattr(plain, "classes_")


def test_unavailable_method_says_why(table, y):
    model = TrialFrame(Ridge(), treatment="arm")
    with pytest.raises(AttributeError, match="predict_proba"):
        model.predict_proba(table)


def test_predict_parameters_pass(table, y):
    model = TrialFrame(Recorder(), **ALL).fit(table, y)
    assert (model.predict(table, shift=2.0) == 13.5).all()


def test_sample_weight(table, y):
    weight = np.arange(1.0, 25.0)
    model = TrialFrame(LinearRegression(), **ALL).fit(table, y**2, sample_weight=weight)
    X = table[["age", "row"]]
    plain = LinearRegression().fit(X, y**2, sample_weight=weight)
    np.testing.assert_array_equal(model.estimator_.coef_, plain.coef_)
    assert model.score(table, y, sample_weight=weight) == plain.score(X, y, weight)
    recorder = TrialFrame(Recorder(), **ALL).fit(table, y)
    recorder.score(table, y, sample_weight=weight)
    assert recorder.estimator_.score_["sample_weight"] is weight


def test_set_output_and_names(table, y):
    model = TrialFrame(PCA(2), **ALL)
    before = clone(model).set_output(transform="pandas").fit(table, y).transform(table)
    model.fit(table, y)
    assert isinstance(model.transform(table), np.ndarray)
    after = model.set_output(transform="pandas").transform(table)
    pd.testing.assert_frame_equal(before, after)
    assert after.columns.tolist() == model.get_feature_names_out().tolist()
    assert after.index.tolist() == table.index.tolist()
    with sklearn.config_context(transform_output="pandas"):
        assert isinstance(clone(model).fit_transform(table, y), pd.DataFrame)


def test_feature_names_out_ignores_hidden_columns(table, y):
    model = TrialFrame(StandardScaler(), **ALL)
    with pytest.raises(NotFittedError):
        model.get_feature_names_out()
    model.fit(table)
    for names in (None, table.columns, ["age", "row"]):
        assert model.get_feature_names_out(names).tolist() == ["age", "row"]


def test_tags_and_fitted_state(table, y):
    model = TrialFrame(SVC(), treatment="arm")
    assert is_classifier(model)
    assert get_tags(model).target_tags == get_tags(SVC()).target_tags
    assert not get_tags(TrialFrame(PCA(), treatment="arm")).target_tags.required
    with pytest.raises(NotFittedError):
        model.predict(table)
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    check_is_fitted(model.fit(table[["age", "arm"]], y > 3))


def test_clone_pickle_and_nested_parameters(table, y):
    model = TrialFrame(make_pipeline(StandardScaler(), Ridge()), **ALL)
    model.set_params(estimator__ridge__alpha=3.0)
    copy = clone(model)
    assert copy.get_params()["estimator__ridge__alpha"] == 3.0
    copy.fit(table, y)
    assert copy.estimator is not copy.estimator_
    assert not hasattr(copy.estimator[0], "mean_")
    again = pickle.loads(pickle.dumps(copy))
    np.testing.assert_array_equal(again.predict(table), copy.predict(table))
    assert "treatment='arm'" in repr(again)
    assert "Ridge" in again._repr_html_()


# Cross-validation


@pytest.mark.parametrize("outside", [False, True])
def test_cross_validate_takes_metadata_from_the_fold(table, y, outside):
    with sklearn.config_context(enable_metadata_routing=outside):
        model = TrialFrame(make_pipeline(StandardScaler(), Recorder()), **ALL)
        result = cross_validate(
            model, table, y, cv=4, return_estimator=True, return_indices=True
        )
    for fitted, train, test in zip(
        result["estimator"], *result["indices"].values(), strict=True
    ):
        recorder = fitted.estimator_[-1]
        scaler = fitted.estimator_[0]
        rows = scaler.inverse_transform(recorder.X_)[:, 1].round().astype(int)
        assert rows.tolist() == train.tolist()
        for role, column in ALL.items():
            assert recorder.fit_[role].tolist() == table[column].iloc[train].tolist()
        assert recorder.score_["groups"].tolist() == (
            table["patient"].iloc[test].tolist()
        )


def test_params_outside_reach_only_the_splitter(table, y):
    model = TrialFrame(Recorder(), **ALL)
    with sklearn.config_context(enable_metadata_routing=True):
        result = cross_validate(
            model,
            table,
            y,
            cv=ArmStratifiedGroupKFold(4),
            params={"groups": table["patient"], "treatment": table["arm"]},
            return_estimator=True,
            return_indices=True,
        )
    for fitted, train, test in zip(
        result["estimator"], *result["indices"].values(), strict=True
    ):
        patient = table["patient"].to_numpy()
        assert not set(patient[train]) & set(patient[test])
        assert fitted.estimator_.fit_["groups"].tolist() == patient[train].tolist()


def test_sample_weight_is_requested_as_usual(table, y):
    weight = np.arange(24.0)
    with sklearn.config_context(enable_metadata_routing=True):
        model = TrialFrame(Recorder(), **ALL)
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            cross_validate(model, table, y, params={"sample_weight": weight})
        model.set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=False)
        result = cross_validate(
            model,
            table,
            y,
            cv=3,
            params={"sample_weight": weight},
            return_estimator=True,
            return_indices=True,
        )
    for fitted, train in zip(
        result["estimator"], result["indices"]["train"], strict=True
    ):
        assert fitted.estimator_.fit_["sample_weight"].tolist() == train.tolist()


def test_grid_search_over_nested_parameters(table, y):
    model = TrialFrame(Pipeline([("s", StandardScaler()), ("r", Recorder())]), **ALL)
    grid = {
        "estimator__r__offset": [3.0, 1.0],
        "estimator__s": [StandardScaler(), "passthrough"],
    }
    search = GridSearchCV(model, grid, cv=3, error_score="raise").fit(table, y)
    assert search.best_params_["estimator__r__offset"] == 1.0
    assert search.best_estimator_.estimator_[-1].fit_["groups"].tolist() == (
        table["patient"].tolist()
    )
    assert search.predict(table[["age", "row"]]).shape == (24,)


def test_scorers_and_parallel_folds(table, y):
    model = TrialFrame(LogisticRegression(), **ALL)
    result = cross_validate(model, table, y > 11, scoring="roc_auc", cv=3, n_jobs=2)
    assert (result["test_score"] > 0.9).all()
    proba = cross_val_predict(model, table, y > 11, method="predict_proba", cv=3)
    assert proba.shape == (24, 2)


# Other tables


def test_polars(table, y):
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({name: table[name].to_list() for name in table})
    model = TrialFrame(Recorder(), **ALL).fit(frame, y)
    assert isinstance(model.estimator_.X_, pl.DataFrame)
    assert model.estimator_.X_.columns == ["age", "row"]
    for role, column in ALL.items():
        assert model.estimator_.fit_[role].tolist() == table[column].tolist()
    assert model.feature_names_in_.tolist() == table.columns.tolist()
    assert len(model.predict(frame.drop(["arm"]))) == 24

    pipe = TrialFrame(make_pipeline(StandardScaler(), Ridge()), **ALL)
    result = cross_validate(pipe, frame, y, cv=3, error_score="raise")
    reference = cross_validate(pipe, table, y, cv=3)
    np.testing.assert_allclose(result["test_score"], reference["test_score"])
    with pytest.raises(TypeError, match="LazyFrame, expected a table"):
        model.fit(frame.lazy(), y)


def test_categories_and_nullable_columns(table, y):
    table["arm"] = table["arm"].astype("category")
    table["visit"] = table["visit"].astype("Int64")
    table["sex"] = pd.Categorical(["f", "m"] * 12)
    encode = make_column_transformer(
        (OneHotEncoder(), ["sex"]), remainder="passthrough"
    )
    model = TrialFrame(make_pipeline(encode, Recorder()), **ALL).fit(table, y)
    assert model.estimator_[-1].X_.shape == (24, 4)
    assert model.estimator_[-1].fit_["treatment"].tolist() == table["arm"].tolist()
    assert model.estimator_[-1].fit_["period"].tolist() == [1, 2] * 12


def test_column_names_that_are_not_strings(table, y):
    numbered = table[["age", "row", "arm"]].set_axis([0, 1, 2], axis=1)
    model = TrialFrame(Recorder(), treatment="arm").fit(table, y)
    assert hasattr(model, "feature_names_in_")
    model.set_params(treatment=2).fit(numbered, y)
    assert not hasattr(model, "feature_names_in_")
    assert list(model.estimator_.X_.columns) == [0, 1]


# Errors


def test_unknown_column(table, y):
    with pytest.raises(
        ValueError,
        match=r"Column 'Patients', named as groups, is not in the table: nearest are "
        r"'patient'.*TrialFrame\(groups=",
    ):
        TrialFrame(Recorder(), treatment="arm", groups="Patients").fit(table, y)
    with pytest.raises(ValueError, match=r"'qqq'.*it has \['age', 'arm', 'row'"):
        TrialFrame(Recorder(), treatment="qqq").fit(table, y)


def test_column_with_two_roles(table, y):
    with pytest.raises(ValueError, match="'arm' is both treatment and period"):
        TrialFrame(Recorder(), treatment="arm", period="arm").fit(table, y)


def test_column_that_occurs_twice(table, y):
    twice = pd.concat([table, table[["arm"]]], axis=1)
    with pytest.raises(ValueError, match="2 columns named 'arm', expected one"):
        TrialFrame(Recorder(), treatment="arm").fit(twice, y)


@pytest.mark.parametrize("X", [np.zeros((24, 2)), [[0.0]] * 24, pd.Series([0.0] * 24)])
def test_arrays_are_refused_with_advice(table, X, y):
    with pytest.raises(TypeError, match=r"expected a table.*Build one.*treatment=arm"):
        TrialFrame(Recorder(), treatment="arm").fit(X, y)
    model = TrialFrame(Ridge(), **ALL).fit(table, y)
    for call in (model.predict, lambda X: model.score(X, y)):
        with pytest.raises(TypeError, match="expected a table with named columns"):
            call(X)


def test_arm_in_place_of_its_name(table, y):
    with pytest.raises(TypeError, match="treatment is of type Series, expected the na"):
        TrialFrame(Recorder(), treatment=table["arm"]).fit(table, y)


def test_metadata_passed_twice(table, y):
    model = TrialFrame(Recorder(), treatment="arm")
    with pytest.raises(TypeError, match=r"treatment was passed to fit.*='arm'"):
        model.fit(table, y, treatment=table["arm"])
    with pytest.raises(TypeError, match=r"groups was passed to fit.*name the col"):
        model.fit(table, y, groups=table["patient"])
    with pytest.raises(TypeError, match="treatment was passed to score"):
        model.fit(table, y).score(table, y, treatment=table["arm"])


def test_table_without_variables(table, y):
    with pytest.raises(ValueError, match="all have a role, expected at least one more"):
        TrialFrame(Recorder(), treatment="arm").fit(table[["arm"]], y)
