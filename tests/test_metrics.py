"""Effect sizes, the targeting gain and its scorers."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_persona.metrics import (
    cohens_d,
    coverage_scorer,
    percent_change,
    targeting_gain,
    targeting_gain_scorer,
)

PLACEBO = [-9, -6, -2, 6]
KETAMINE = [-28, -17, -14, -11]


class SignOfColumn(ClassifierMixin, BaseEstimator):
    """Predict the sign of one column; takes no treatment."""

    def __init__(self, column=0):
        self.column = column

    def fit(self, X, y):
        self.classes_ = np.array([-1, 0, 1])
        return self

    def predict(self, X):
        return np.sign(np.asarray(X)[:, self.column]).astype(int)


def trial(n=200, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    treatment = rng.integers(0, 2, size=n)
    y = rng.normal(size=n) + 2 * treatment * np.sign(X[:, 0])
    return X, y, treatment


# --- cohens_d ----------------------------------------------------------------


def test_cohens_d_published_card():
    assert round(cohens_d(KETAMINE, PLACEBO), 4) == -2.1153
    assert round(cohens_d(KETAMINE, PLACEBO, greater_is_better=False), 4) == 2.1153


@given(
    st.lists(st.integers(-9, 9), min_size=1, max_size=6),
    st.lists(st.integers(-9, 9), min_size=2, max_size=6),
)
def test_cohens_d_formula(treated, control):
    n, m = len(treated), len(control)
    squares = n * np.var(treated) + m * np.var(control)
    got = cohens_d(treated, control)
    if len(set(treated)) == len(set(control)) == 1:
        assert got == 0.0
    else:
        expected = (np.mean(treated) - np.mean(control)) / np.sqrt(
            squares / (n + m - 2)
        )
        assert_allclose(got, expected, atol=1e-12)
    assert_allclose(cohens_d(control, treated), -got)


def test_cohens_d_edge_cases():
    assert cohens_d([0.1] * 3, [0.7] * 6) == 0.0
    assert cohens_d([2], [0, 2]) == pytest.approx(1 / np.sqrt(2))
    assert type(cohens_d([2], [0, 2])) is float
    for treated, control in (([], [1, 2, 3]), ([1, 2, 3], []), ([1], [2])):
        with pytest.raises(ValueError, match="one value per arm and three in all"):
            cohens_d(treated, control)
    with pytest.raises(ValueError, match=r"treated must be .* got nan at position 1"):
        cohens_d([1, np.nan], [1, 2])
    with pytest.raises(
        ValueError, match=r"control must be .* got an array of shape \(1, 2\)"
    ):
        cohens_d([1, 2], [[1, 2]])


# --- percent_change ----------------------------------------------------------


def test_percent_change():
    got = percent_change(pd.Series([30, 40, -10, 20]), [18, 50, -15, np.nan])
    assert isinstance(got, np.ndarray)
    assert_array_equal(got, [-40, 25, 50, np.nan])
    assert percent_change([], []).shape == (0,)


def test_percent_change_errors():
    with pytest.raises(ValueError, match=r"zero at position\(s\) 1, 3\."):
        percent_change([1, 0, 2, 0], [1, 1, 1, 1])
    with pytest.raises(ValueError, match="one shape"):
        percent_change([1, 2], [1])


# --- targeting_gain ----------------------------------------------------------


def plain_gain(y, prediction, treatment=None, sd=None, weight=None):
    """Return the gain by its definition, row by row."""
    n = len(y)
    weight = [1.0] * n if weight is None else weight

    def mean(rows):
        total = sum(weight[i] for i in rows)
        return None if total == 0 else sum(weight[i] * y[i] for i in rows) / total

    def effect(rows):
        if treatment is None:
            return mean(rows)
        first = min(treatment)
        sides = (
            mean([i for i in rows if treatment[i] != first]),
            mean([i for i in rows if treatment[i] == first]),
        )
        return None if None in sides else sides[0] - sides[1]

    if sd is None:
        labels = set(treatment) if treatment is not None else {None}
        parts = [
            [y[i] for i in range(n) if treatment is None or treatment[i] == label]
            for label in labels
        ]
        sd = np.sqrt(sum(len(p) * np.var(p) for p in parts) / n)
    everyone = effect(range(n))
    if sd < 1e-12 or everyone is None:
        return 0.0
    gain = 0.0
    for sign in (1, -1):
        rows = [i for i in range(n) if prediction[i] == sign]
        inside = effect(rows)
        if inside is not None:
            share = sum(weight[i] for i in rows) / sum(weight)
            gain += share * sign * (inside - everyone)
    return gain / sd


rows = st.lists(
    st.tuples(
        st.integers(-3, 3), st.integers(-1, 1), st.integers(0, 1), st.integers(0, 3)
    ),
    min_size=1,
    max_size=12,
)


@given(rows, st.booleans(), st.booleans(), st.sampled_from([None, 2.0]))
def test_targeting_gain_by_definition(rows, two_arms, weighted, sd):
    y, prediction, treatment, weight = map(list, zip(*rows, strict=True))
    treatment = treatment if two_arms else None
    weight = weight if weighted else None
    got = targeting_gain(y, prediction, treatment, sd=sd, sample_weight=weight)
    assert_allclose(got, plain_gain(y, prediction, treatment, sd, weight), atol=1e-12)
    assert type(got) is float


def test_targeting_gain_by_hand():
    y = [3, 1, 0, 0, 1, 0, 1, 0]
    arm = np.array([1, 1, 0, 0, 1, 1, 0, 0])
    # effects: 2 in the first half, 0 in the second, 1 overall
    first = [1, 1, 1, 1, 0, 0, 0, 0]
    both = [1, 1, 1, 1, -1, -1, -1, -1]
    assert targeting_gain(y, first, arm, sd=1) == 0.5
    assert targeting_gain(y, both, arm, sd=1) == 1.0
    assert targeting_gain(y, np.negative(both), arm, sd=1) == -1.0
    assert targeting_gain(y, both, arm, sd=2) == 0.5
    assert targeting_gain(y, np.ones(8), arm) == 0.0
    # mean square deviation from the arm means 1.25 and .25
    within = (1.75**2 + 0.25**2 * 2 + 1.25**2 + 0.25**2 * 3 + 0.75**2) / 8
    assert_allclose(targeting_gain(y, both, arm), 1 / np.sqrt(within))
    # a side without control contributes nothing
    assert targeting_gain(y, [1, 1, 0, 0, -1, -1, -1, -1], arm, sd=1) == 0.5
    assert targeting_gain(y, [1, 1, 0, 0, 0, 0, 0, 0], arm, sd=1) == 0.0
    named = np.where(arm == 1, "ketamine", "a saline")
    assert targeting_gain(y, both, named, sd=1) == 1.0
    assert targeting_gain(y, both, arm.astype(bool), sd=1) == 1.0
    assert targeting_gain(y, first, sd=1) == 0.5 * (1 - 0.75)


def test_targeting_gain_is_zero():
    y, arm = [3, 1, 0, 0], [1, 0, 1, 0]
    assert targeting_gain(y, [0, 0, 0, 0], arm) == 0.0
    assert targeting_gain(y, [1, 1, 0, 0], ["a"] * 4) == 0.0
    assert targeting_gain([0.1] * 4, [1, 1, 0, 0], arm) == 0.0
    assert targeting_gain(y, [1, 1, 0, 0], arm, sd=0.0) == 0.0
    assert targeting_gain(y, [1, 1, 0, 0], arm, sample_weight=[0] * 4) == 0.0
    assert targeting_gain([], []) == 0.0
    assert targeting_gain([], [], []) == 0.0


def test_integer_weights_are_repeated_rows():
    rng = np.random.default_rng(0)
    y, arm = rng.normal(size=30), rng.integers(0, 2, 30)
    prediction, weight = rng.integers(-1, 2, 30), rng.integers(1, 4, 30)
    assert_allclose(
        targeting_gain(y, prediction, arm, sd=1, sample_weight=weight),
        targeting_gain(
            *(np.repeat(part, weight) for part in (y, prediction, arm)), sd=1
        ),
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": [1, np.nan]}, "y must be"),
        ({"prediction": [1]}, "prediction must have one value per row, got 1 for 2"),
        ({"prediction": [1, 2]}, "prediction must hold -1, 0 and 1"),
        ({"treatment": [1]}, r"treatment must have shape \(2,\)"),
        ({"treatment": [1, np.nan]}, "treatment must not be missing"),
        ({"sample_weight": [1, -1]}, "must not be negative, got -1"),
        ({"sample_weight": [1]}, "sample_weight must have one value"),
        ({"sd": -1}, "sd must be a nonnegative"),
        ({"sd": np.nan}, "sd must be a nonnegative"),
    ],
)
def test_targeting_gain_errors(change, message):
    call = {"y": [1, 2], "prediction": [1, 0], "treatment": [0, 1]}
    with pytest.raises(ValueError, match=message):
        targeting_gain(**(call | change))


def test_targeting_gain_three_labels():
    with pytest.raises(ValueError, match=r"two labels, got \[0, 1, 2\]"):
        targeting_gain([1, 2, 3], [1, 0, 0], [0, 1, 2])


# --- scorers -----------------------------------------------------------------


def test_scorer_values():
    X, y, treatment = trial()
    est = SignOfColumn().fit(X, y)
    gain = targeting_gain_scorer(est, X, y, treatment=treatment)
    assert gain == targeting_gain(y, np.sign(X[:, 0]), treatment) > 0.8
    assert coverage_scorer(est, np.vstack([X, np.zeros((200, 3))]), None) == 0.5
    weight = np.random.default_rng(1).random(200)
    assert targeting_gain_scorer(
        est, X, y, treatment=treatment, sample_weight=weight
    ) == targeting_gain(y, np.sign(X[:, 0]), treatment, sample_weight=weight)


def test_scorer_refuses_to_lose_the_treatment():
    X, y, _ = trial()
    est = SignOfColumn().fit(X, y)
    assert targeting_gain_scorer(est, X, y) == targeting_gain(y, est.predict(X))
    est.two_arm_ = True
    with pytest.raises(ValueError, match="fitted with treatment but the scorer got"):
        targeting_gain_scorer(est, X, y)


@pytest.mark.parametrize("scorer", [targeting_gain_scorer, coverage_scorer])
def test_scorers_can_be_copied(scorer):
    X, y, treatment = trial()
    est = SignOfColumn().fit(X, y)
    kwargs = {"treatment": treatment} if scorer is targeting_gain_scorer else {}
    value = scorer(est, X, y, **kwargs)
    for copy in (pickle.loads(pickle.dumps(scorer)), clone(scorer)):
        assert copy(est, X, y, **kwargs) == value
        assert "scorer" in repr(copy).lower()


def test_cross_validate_routes_treatment_by_default():
    X, y, treatment = trial()
    cv = KFold(4)
    with config_context(enable_metadata_routing=True):
        for est in (SignOfColumn(), make_pipeline(StandardScaler(), SignOfColumn())):
            out = cross_validate(
                est,
                X,
                y,
                cv=cv,
                scoring=targeting_gain_scorer,
                params={"treatment": treatment},
            )
            if isinstance(est, SignOfColumn):
                expected = [
                    targeting_gain(y[i], np.sign(X[i, 0]), treatment[i])
                    for _, i in cv.split(X)
                ]
                assert_allclose(out["test_score"], expected)
            assert (out["test_score"] > 0.3).all()


def test_several_scorers_at_once():
    X, y, treatment = trial()
    with config_context(enable_metadata_routing=True):
        out = cross_validate(
            SignOfColumn(),
            X,
            y,
            cv=KFold(3),
            scoring={"gain": targeting_gain_scorer, "coverage": coverage_scorer},
            params={"treatment": treatment},
        )
        alone = cross_validate(
            SignOfColumn(), X, y, cv=KFold(3), scoring=coverage_scorer
        )
    assert_array_equal(out["test_coverage"], 1.0)
    assert_array_equal(alone["test_score"], 1.0)
    assert (out["test_gain"] > 0.3).all()


def test_grid_search_routes_treatment():
    X, y, treatment = trial()
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(
            make_pipeline(StandardScaler(), SignOfColumn()),
            {"signofcolumn__column": [2, 1, 0]},
            scoring=targeting_gain_scorer,
            cv=KFold(3),
        ).fit(X, y, treatment=treatment)
        assert search.best_params_ == {"signofcolumn__column": 0}
        nested = cross_validate(
            clone(search),
            X,
            y,
            cv=KFold(2),
            scoring=targeting_gain_scorer,
            params={"treatment": treatment},
        )
    assert (nested["test_score"] > 0.3).all()


def test_sample_weight_is_routed_and_requests_can_be_renamed():
    X, y, treatment = trial()
    weight = np.random.default_rng(2).random(len(y))
    with config_context(enable_metadata_routing=True):
        renamed = clone(targeting_gain_scorer).set_score_request(treatment="arm")
        for scorer, name in ((targeting_gain_scorer, "treatment"), (renamed, "arm")):
            out = cross_validate(
                SignOfColumn(),
                X,
                y,
                cv=KFold(2),
                scoring=scorer,
                params={name: treatment, "sample_weight": weight},
            )
            expected = [
                targeting_gain(
                    y[i], np.sign(X[i, 0]), treatment[i], sample_weight=weight[i]
                )
                for _, i in KFold(2).split(X)
            ]
            assert_allclose(out["test_score"], expected)


def test_scoring_without_routing_is_single_arm():
    X, y, _ = trial()
    out = cross_validate(
        SignOfColumn(), X, y, cv=KFold(2), scoring=targeting_gain_scorer
    )
    expected = [targeting_gain(y[i], np.sign(X[i, 0])) for _, i in KFold(2).split(X)]
    assert_allclose(out["test_score"], expected)
