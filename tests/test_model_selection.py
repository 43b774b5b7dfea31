from collections import Counter
from typing import ClassVar
from warnings import catch_warnings, simplefilter

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.model_selection import (
    BaseCrossValidator,
    BaseShuffleSplit,
    GridSearchCV,
    cross_val_predict,
    cross_validate,
)

from sklearn_persona._designs.splitting import (
    encode_labels,
    group_strata,
    stratified_group_folds,
    stratified_group_split,
)
from sklearn_persona.model_selection import (
    ArmStratifiedGroupKFold,
    ArmStratifiedGroupShuffleSplit,
)

SPLITTERS = [
    ArmStratifiedGroupKFold(3),
    ArmStratifiedGroupKFold(3, shuffle=True, random_state=0),
    ArmStratifiedGroupShuffleSplit(4, test_size=0.3, random_state=0),
]


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@st.composite
def trials(draw, binary=True):
    """Arm, outcome and participant of rows in random order."""
    n_groups = draw(st.integers(2, 25))
    rows = []
    for group in range(n_groups):
        for _ in range(draw(st.integers(1, 3))):
            rows.append((draw(st.integers(0, 1)), draw(st.integers(0, 1)), group))
    rows = draw(st.permutations(rows))
    arm, y, groups = np.array(rows).T
    return arm, y if binary else y + np.arange(len(y)) / 7, groups


def quiet_splits(cv, *args, **params):
    """Splits of trials so small that a value may be too rare to be balanced."""
    with catch_warnings():
        simplefilter("ignore", UserWarning)
        return list(cv.split(*args, **params))


def spread(counts):
    return max(counts) - min(counts)


# Labels


@pytest.mark.parametrize(
    "values",
    [
        ["b", "a", "b"],
        np.array(["b", "a", "b"]),
        np.array(["b", "a", "b"], dtype=object),
        pd.Series(["b", "a", "b"], index=[7, 7, 1]),
        pd.Series(["b", "a", "b"], dtype="category"),
        pd.Series(["b", "a", "b"], dtype="string"),
        (2, 1, 2),
        pd.Series([2, 1, 2], dtype="Int64"),
        np.array([[2.0], [1.0], [2.0]]),
        [[2], [1], [2]],
        pd.DataFrame({"arm": [True, False, True]}),
        pd.to_datetime(["2020-01-02", "2020-01-01", "2020-01-02"]),
        ["1", 1, "1"],
    ],
)
def test_encode_labels_takes_any_column(values):
    codes, classes = encode_labels(values, "groups")
    assert codes.tolist() == [1, 0, 1]
    assert len(classes) == 2


def test_encode_labels_takes_polars():
    pl = pytest.importorskip("polars")
    assert encode_labels(pl.Series(["b", "a"]), "groups")[0].tolist() == [1, 0]
    for missing in (pl.Series(["b", None]), pl.Series([1, None])):
        with pytest.raises(ValueError, match="groups is missing in 1 of 2 rows"):
            encode_labels(missing, "groups")


@pytest.mark.parametrize(
    "values",
    [
        [1.0, np.nan],
        ["a", None],
        ["a", np.nan],
        [1, "a", np.nan],
        pd.Series([1, pd.NA], dtype="Int64"),
        pd.Series(["a", None], dtype="category"),
        np.array(["2020-01-01", "NaT"], dtype="datetime64[D]"),
    ],
)
def test_encode_labels_names_missing_values(values):
    expected = f"treatment is missing in 1 of {len(values)} rows.*Drop those rows"
    with pytest.raises(ValueError, match=expected):
        encode_labels(values, "treatment")


def test_encode_labels_refuses_several_columns():
    with pytest.raises(ValueError, match=r"groups has shape \(2, 2\), expected"):
        encode_labels([[1, 2], [3, 4]], "groups")


# Strata of groups


@settings(deadline=None, max_examples=60)
@given(trials())
def test_group_strata_equals_sets(trial):
    arm, y, groups = trial
    for columns in ((), (arm,), (arm, y)):
        strata = group_strata(groups, *columns)
        keys = [
            frozenset(zip(*(c[groups == g] for c in columns), strict=True))
            for g in np.unique(groups)
        ]
        if not columns:
            keys = [frozenset()] * len(strata)
        pairs = set(zip(keys, strata.tolist(), strict=True))
        assert len(pairs) == len(set(keys)) == len(set(strata.tolist()))
        assert sorted(set(strata.tolist())) == list(range(strata.max() + 1))


def test_crossover_completeness_makes_strata():
    groups = ["a", "a", "b", "b", "c", "d", "e", "e"]
    arm = [0, 1, 1, 0, 0, 1, 0, 0]
    a, b, c, d, e = group_strata(groups, arm)
    assert a == b
    assert c == e
    assert len({a, c, d}) == 3


def test_refined_strata_are_neighbors():
    arm = np.array([0, 0, 1, 1])
    y = np.array([0, 1, 0, 1])
    strata = group_strata(range(4), arm, y)
    assert sorted(strata[:2]) == [0, 1]
    assert abs(strata[1] - strata[3]) == 1


def test_group_strata_many_labels():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(50), 40)
    site = rng.integers(0, 1000, 2000)
    assert len(set(group_strata(groups, site))) == 50
    with pytest.raises(ValueError, match="labels have 1999 rows and groups 2000"):
        group_strata(groups, site[1:])


# Split and folds of groups


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=60),
    st.floats(0.01, 0.99),
    st.integers(0, 2**32 - 1),
)
def test_group_split_gives_every_stratum_its_share(strata, size, seed):
    strata = np.array(strata)
    n = len(strata)
    holdout = stratified_group_split(strata, size, np.random.RandomState(seed))
    expected = round(size * n)
    if n >= 2:
        expected = min(max(expected, 1), n - 1)
    assert holdout.dtype == bool
    assert holdout.sum() == expected
    for stratum in np.unique(strata):
        inside = strata == stratum
        assert abs(holdout[inside].sum() - inside.sum() * expected / n) < 1


def test_group_split_is_uniform_and_largest_remainder():
    strata = np.repeat([0, 1, 2], [9, 3, 1])
    rng = np.random.default_rng(0)
    drawn = np.array([stratified_group_split(strata, 0.5, rng) for _ in range(3000)])
    # Shares of 6 groups: 4.15, 1.38, 0.46, so the last group is always rounded up.
    assert set(drawn[:, :9].sum(axis=1)) == {4}
    assert set(drawn[:, 9:12].sum(axis=1)) == {1}
    assert drawn[:, 12].all()
    np.testing.assert_allclose(drawn[:, :9].mean(axis=0), 4 / 9, atol=0.04)
    np.testing.assert_allclose(drawn[:, 9:12].mean(axis=0), 1 / 3, atol=0.04)


def test_group_split_spreads_tied_remainders_over_arms_and_outcomes():
    arm = np.repeat([0, 1], 22)
    y = np.tile(np.repeat([0, 1], 11), 2)
    strata = group_strata(np.arange(44), arm, y)
    rng = np.random.RandomState(0)
    rounded_up = set()
    for _ in range(50):
        holdout = stratified_group_split(strata, 0.5, rng)
        assert np.bincount(arm[holdout]).tolist() == [11, 11]
        assert np.bincount(y[holdout]).tolist() == [11, 11]
        rounded_up.add(tuple(np.bincount(strata[holdout])))
    assert len(rounded_up) == 2


@pytest.mark.parametrize("size", [0, 1, -0.1, 1.5, np.nan])
def test_group_split_refuses_share(size):
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        stratified_group_split([0, 0], size, np.random.RandomState(0))


def test_group_split_of_one_group_and_none():
    rng = np.random.RandomState(0)
    assert stratified_group_split([0], 0.5, rng).tolist() == [False]
    assert stratified_group_split([], 0.5, rng).tolist() == []


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=60),
    st.integers(2, 8),
    st.one_of(st.none(), st.integers(0, 2**32 - 1)),
    st.one_of(st.none(), st.integers(1, 5)),
)
def test_group_folds_differ_by_at_most_one(strata, n_splits, seed, max_size):
    strata = np.array(strata)
    n_splits = min(n_splits, len(strata))
    rng = None if seed is None else np.random.default_rng(seed)
    sizes = None
    if max_size is not None:
        sizes = np.random.default_rng(1).integers(1, max_size + 1, len(strata))
    folds = stratified_group_folds(strata, n_splits, rng, sizes)
    assert spread(np.bincount(folds, minlength=n_splits)) <= 1
    for low in range(5):
        for high in range(low, 5):
            run = folds[(strata >= low) & (strata <= high)]
            assert spread(np.bincount(run, minlength=n_splits)) <= 1


def test_group_folds_balance_rows():
    rng = np.random.default_rng(0)
    strata = rng.integers(0, 3, 200)
    sizes = rng.integers(1, 30, 200)
    rows = {}
    for given_sizes in (None, sizes):
        folds = stratified_group_folds(strata, 5, None, given_sizes)
        rows[given_sizes is None] = spread(np.bincount(folds, weights=sizes))
    assert rows[False] <= 5 < rows[True]


@pytest.mark.parametrize("n_splits", [0, 4])
def test_group_folds_refuse_n_splits(n_splits):
    with pytest.raises(ValueError, match="expected 1 to 3, the number of groups"):
        stratified_group_folds([0, 0, 0], n_splits)


def test_million_rows():
    n = 1_000_000
    rng = np.random.default_rng(0)
    strata = group_strata(np.arange(n), rng.integers(0, 2, n), rng.integers(0, 2, n))
    holdout = stratified_group_split(strata, 0.5, rng)
    assert holdout.sum() == n // 2
    folds = stratified_group_folds(strata, 5, rng, np.ones(n))
    counts = np.bincount(folds * 4 + strata).reshape(5, 4)
    assert (np.ptp(counts, axis=0) <= 1).all()
    assert np.ptp(counts.sum(axis=1)) <= 1


# Splitters


@settings(deadline=None, max_examples=60)
@given(trials(), st.integers(2, 5), st.integers(0, 1000))
def test_participants_are_never_cut(trial, n_splits, seed):
    arm, y, groups = trial
    n_splits = min(n_splits, len(np.unique(groups)))
    X = np.zeros((len(y), 2))
    tested = Counter()
    cv = ArmStratifiedGroupKFold(n_splits, shuffle=True, random_state=seed)
    for train, test in quiet_splits(cv, X, y, groups, arm):
        assert not set(groups[train]) & set(groups[test])
        assert sorted([*train, *test]) == list(range(len(y)))
        assert len(train)
        assert len(test)
        tested.update(test.tolist())
    assert tested == Counter(range(len(y)))
    cv = ArmStratifiedGroupShuffleSplit(3, test_size=0.4, random_state=seed)
    for train, test in quiet_splits(cv, X, y, groups, arm):
        assert not set(groups[train]) & set(groups[test])
        assert sorted([*train, *test]) == list(range(len(y)))
        assert len(train)
        assert len(test)


@settings(deadline=None, max_examples=60)
@given(trials(), st.integers(2, 5), st.booleans())
def test_folds_balance_arms_and_outcomes(trial, n_splits, shuffle):
    arm, y, groups = trial
    n_splits = min(n_splits, len(np.unique(groups)))
    cv = ArmStratifiedGroupKFold(
        n_splits, shuffle=shuffle, random_state=0 if shuffle else None
    )
    by_arms, by_both, n_groups = [], [], []
    for _, test in quiet_splits(cv, np.zeros(len(y)), y, groups, arm):
        held = np.unique(groups[test])
        arms = [frozenset(arm[groups == g]) for g in held]
        both = [frozenset((2 * arm + y)[groups == g]) for g in held]
        by_arms.append(Counter(arms))
        by_both.append(Counter(both))
        n_groups.append(len(held))
    for counters in (by_arms, by_both):
        for stratum in set().union(*counters):
            assert spread([counter[stratum] for counter in counters]) <= 1
    assert spread(n_groups) <= 1


@settings(deadline=None, max_examples=40)
@given(trials(binary=False), st.randoms(use_true_random=False))
def test_balance_ignores_row_order(trial, random):
    arm, y, groups = trial
    order = list(range(len(y)))
    random.shuffle(order)
    for cv in SPLITTERS:
        if len(np.unique(groups)) < 3:
            continue
        found = [
            [sorted(set(g[test].tolist())) for _, test in splits]
            for g, splits in (
                (groups, quiet_splits(cv, y, y, groups, arm)),
                (
                    groups[order],
                    quiet_splits(cv, y, y[order], groups[order], arm[order]),
                ),
            )
        ]
        assert found[0] == found[1]


def test_one_row_groups_are_ordinary_stratification():
    y = np.repeat([0, 1], [40, 20])
    arm = np.tile([0, 1], 30)
    for _, test in ArmStratifiedGroupKFold(5).split(y, y, treatment=arm):
        assert np.bincount(y[test]).tolist() == [8, 4]
        assert np.bincount(arm[test]).tolist() == [6, 6]
    for _, test in ArmStratifiedGroupKFold(5).split(y, y):
        assert np.bincount(y[test]).tolist() == [8, 4]
    cv = ArmStratifiedGroupShuffleSplit(5, test_size=0.25, random_state=1)
    for _, test in cv.split(y, y, None, arm):
        assert np.bincount(y[test]).tolist() == [10, 5]
        assert spread(np.bincount(arm[test])) == 1


def test_crossover_incomplete_participants_are_spread():
    groups = np.r_[np.repeat(np.arange(30), 2), 30, 31, 32]
    arm = np.r_[np.tile([0, 1], 30), 0, 0, 0]
    y = np.random.default_rng(0).normal(size=63)
    for _, test in ArmStratifiedGroupKFold(3).split(y, y, groups, arm):
        assert len(test) == 21
        assert sum(groups[test] >= 30) == 1


@pytest.mark.parametrize(
    "cv",
    [
        ArmStratifiedGroupKFold(3, shuffle=True, random_state=3),
        ArmStratifiedGroupShuffleSplit(3, random_state=3),
    ],
)
def test_random_state_determines(cv):
    arm = np.tile([0, 1], 30)
    first, second = (
        [test.tolist() for _, test in cv.split(arm, treatment=arm)] for _ in range(2)
    )
    assert first == second
    other = clone(cv, safe=False)
    other.random_state = 4
    assert first != [test.tolist() for _, test in other.split(arm, treatment=arm)]


@pytest.mark.parametrize("size, expected", [(None, 8), (0.25, 10), (7, 7), (0.001, 1)])
def test_size_counts_groups(size, expected):
    groups = np.repeat(np.arange(40), 3)
    cv = ArmStratifiedGroupShuffleSplit(2, test_size=size, random_state=0)
    for _, test in cv.split(groups, groups=groups):
        assert len(np.unique(groups[test])) == expected
    assert cv.get_n_splits(groups, None, groups, None) == 2


def test_repr():
    assert repr(ArmStratifiedGroupKFold(4, shuffle=True)) == (
        "ArmStratifiedGroupKFold(n_splits=4, random_state=None, shuffle=True)"
    )
    assert repr(ArmStratifiedGroupShuffleSplit(test_size=0.5)) == (
        "ArmStratifiedGroupShuffleSplit(n_splits=10, random_state=None, test_size=0.5)"
    )


def test_splitters_are_public_splitters():
    assert isinstance(ArmStratifiedGroupKFold(), BaseCrossValidator)
    assert isinstance(ArmStratifiedGroupShuffleSplit(), BaseShuffleSplit)


# Errors


@pytest.mark.parametrize("cv", SPLITTERS)
@pytest.mark.parametrize("name", ["y", "groups", "treatment"])
def test_lengths_differ(cv, name):
    params = {"y": [0, 1] * 3, "groups": range(6), "treatment": [0, 1] * 3}
    params[name] = list(params[name])[:5]
    with pytest.raises(ValueError, match=f"{name} has 5 rows and X has 6"):
        cv.split(np.zeros((6, 1)), **params)


@pytest.mark.parametrize("cv", SPLITTERS)
@pytest.mark.parametrize("name", ["y", "groups", "treatment"])
def test_missing_labels(cv, name):
    params = {"y": [0.0, 1.0] * 3, "groups": [*range(6)], "treatment": ["a", "b"] * 3}
    params[name][2] = None if name == "treatment" else np.nan
    with pytest.raises(ValueError, match=f"{name} is missing in 1 of 6 rows"):
        cv.split(np.zeros((6, 1)), **params)


def test_too_many_folds():
    with pytest.raises(ValueError, match=r"n_splits=5 is greater.*groups, 4.*Lower"):
        ArmStratifiedGroupKFold().split(np.zeros(8), groups=[1, 1, 2, 2, 3, 3, 4, 4])


@pytest.mark.parametrize("size", [0, 8, -1, 0.0, 1.0, 1.2, np.nan, "a", True, [0.5]])
def test_size_out_of_range(size):
    cv = ArmStratifiedGroupShuffleSplit(test_size=size)
    with pytest.raises(ValueError, match=r"test_size=.*from 1 to 7.*test_size=0.25"):
        cv.split(np.zeros(8))


def test_single_group_cannot_be_split():
    with pytest.raises(ValueError, match="There are 1 groups, expected at least 2"):
        ArmStratifiedGroupShuffleSplit().split(np.zeros(3), groups=[1, 1, 1])


@pytest.mark.parametrize("n_splits", [1, 0, 2.0, True, "5", None])
def test_n_splits_is_checked(n_splits):
    with pytest.raises(ValueError, match="expected an integer of at least 2"):
        ArmStratifiedGroupKFold(n_splits)


def test_other_constructor_errors():
    with pytest.raises(ValueError, match="expected an integer of at least 1"):
        ArmStratifiedGroupShuffleSplit(0)
    with pytest.raises(TypeError, match="shuffle is 1, expected True or False"):
        ArmStratifiedGroupKFold(shuffle=1)
    with pytest.raises(ValueError, match="random_state=0 has no effect"):
        ArmStratifiedGroupKFold(random_state=0)


def test_scarce_values_are_named():
    arm = ["drug"] * 9 + ["placebo"] * 3
    with pytest.warns(UserWarning, match="treatment, placebo, occurs in 3 group"):
        ArmStratifiedGroupKFold(4).split(arm, treatment=arm)
    with pytest.warns(UserWarning, match="y, 1, occurs in 1 group"):
        ArmStratifiedGroupShuffleSplit().split(arm, [0] * 11 + [1])
    # In a crossover three participants with both arms are enough for three folds.
    ArmStratifiedGroupKFold(3).split(
        range(6), groups=[1, 1, 2, 2, 3, 3], treatment=[0, 1] * 3
    )


# Inside scikit-learn


class Recorder(RegressorMixin, BaseEstimator):
    """Consumes treatment and groups and keeps what it was given."""

    __metadata_request__fit: ClassVar = {"treatment": True, "groups": True}
    __metadata_request__score: ClassVar = {"treatment": True, "groups": True}

    def __init__(self, offset=0.0):
        self.offset = offset

    def fit(self, X, y, *, treatment=None, groups=None):
        self.fit_ = (np.array(X), np.array(treatment), np.array(groups))
        self.mean_ = np.mean(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_ + self.offset)

    def score(self, X, y, *, treatment=None, groups=None, sample_weight=None):
        self.score_ = (np.array(X), np.array(treatment), np.array(groups))
        return -abs(self.offset)


def crossover(n=12):
    groups = np.repeat([f"p{i:02d}" for i in range(n)], 2)
    arm = np.tile(["drug", "saline"], n)
    order = np.random.default_rng(0).permutation(2 * n)
    # The first column says which row of groups and treatment belongs to a case.
    X = np.c_[np.arange(2 * n), np.ones(2 * n)]
    return X, np.arange(2.0 * n), groups[order], arm[order]


@pytest.mark.parametrize("cv", SPLITTERS)
def test_cross_validate_routes(routing, cv):
    X, y, groups, arm = crossover()
    result = cross_validate(
        Recorder(),
        X,
        y,
        cv=cv,
        params={"treatment": arm, "groups": groups},
        return_estimator=True,
        return_indices=True,
    )
    assert len(result["estimator"]) == cv.get_n_splits()
    for recorder, train, test in zip(
        result["estimator"], *result["indices"].values(), strict=True
    ):
        assert not set(groups[train]) & set(groups[test])
        assert set(Counter(arm[test]).values()) == {len(test) // 2}
        for (seen, treatment, group), rows in (
            (recorder.fit_, train),
            (recorder.score_, test),
        ):
            assert seen[:, 0].astype(int).tolist() == rows.tolist()
            assert treatment.tolist() == arm[rows].tolist()
            assert group.tolist() == groups[rows].tolist()


def test_grid_search_routes(routing):
    X, y, groups, arm = crossover()
    search = GridSearchCV(Recorder(), {"offset": [2.0, 1.0]}, cv=SPLITTERS[1])
    search.fit(X, y, treatment=arm, groups=groups)
    assert search.best_params_ == {"offset": 1.0}
    assert search.best_estimator_.fit_[1].tolist() == arm.tolist()


def test_cross_val_predict_takes_folds(routing):
    X, y, groups, arm = crossover()
    predicted = cross_val_predict(
        Recorder(), X, y, cv=SPLITTERS[0], params={"treatment": arm, "groups": groups}
    )
    for participant in np.unique(groups):
        assert len(set(predicted[groups == participant])) == 1


def test_requests_can_be_changed(routing):
    X, y, groups, _ = crossover()
    cv = ArmStratifiedGroupKFold(3).set_split_request(treatment=False, groups="who")
    plain = Recorder().set_fit_request(treatment=False, groups=False)
    plain.set_score_request(treatment=False, groups=False)
    result = cross_validate(
        plain, X, y, cv=cv, params={"who": groups}, return_indices=True
    )
    for test in result["indices"]["test"]:
        assert set(Counter(groups[test]).values()) == {2}


def test_groups_without_routing():
    X, y, groups, _ = crossover()
    predicted = cross_val_predict(Recorder(), X, y, groups=groups, cv=SPLITTERS[0])
    for participant in np.unique(groups):
        assert len(set(predicted[groups == participant])) == 1
