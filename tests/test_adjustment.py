"""What baseline says of the outcome, and that the arm is not asked."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.linear_model import LinearRegression, LogisticRegression

from sklearn_persona import Persona, PersonaDiscoverer
from sklearn_persona._data.table import read_table
from sklearn_persona._designs import Permutations, make_units, read_cases
from sklearn_persona._selection.adjustment import (
    Adjustment,
    _edges,
    default_prognostic_model,
)
from sklearn_persona._selection.baseline_model import BaselineModel
from sklearn_persona.datasets import make_parallel_trial


class Recorder(RegressorMixin, BaseEstimator):
    """Predicts the mean of what it saw, and remembers what it saw."""

    seen = []  # noqa: RUF012

    def fit(self, X, y):
        self.mean_ = np.mean(y)
        self.seen.append((X.copy(), np.array(y)))
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


@pytest.fixture
def recorder():
    Recorder.seen.clear()
    return Recorder()


@pytest.fixture
def table():
    rng = np.random.RandomState(0)
    return pd.DataFrame(
        {
            "a": rng.standard_normal(60),
            "c": np.array(["u", "v", "w"])[np.arange(60) % 3],
            "b": np.where(np.arange(60) % 7 == 0, np.nan, rng.standard_normal(60)),
        }
    )


def test_cross_fitted_by_group(recorder, table):
    groups = np.repeat(np.arange(30), 2)
    y = groups.astype(float)
    prognosis = BaselineModel(recorder, read_table(table))
    predicted = prognosis.fit_predict(
        np.arange(60), groups, y, np.random.RandomState(0)
    )
    *folds, (_, everything) = recorder.seen
    assert len(folds) == 5
    assert_array_equal(everything, y)
    for group in range(30):
        mine = predicted[groups == group]
        assert mine[0] == mine[1]
        # The model that predicts a participant has not seen it.
        models = [seen for _, seen in folds if np.isclose(seen.mean(), mine[0])]
        assert any(group not in seen for seen in models)
    without = [set(range(30)) - set(seen.astype(int)) for _, seen in folds]
    assert set.union(*without) == set(range(30))
    assert sum(map(len, without)) == 30


def test_design_matrix(recorder, table):
    prognosis = BaselineModel(recorder, read_table(table))
    rows = np.arange(40)
    prognosis.fit_predict(rows, rows, np.zeros(40), np.random.RandomState(0))
    X = recorder.seen[-1][0]
    # A number, three levels, a number with its training median where missing.
    assert X.shape == (40, 5)
    assert_array_equal(X[:, 0], table.a[:40])
    assert_array_equal(X[:, 1:4], np.eye(3)[np.arange(40) % 3])
    median = np.nanmedian(table.b[:40])
    assert_array_equal(X[:, 4], table.b[:40].fillna(median))


def test_holdout_uses_training_medians(table):
    model = LinearRegression()
    prognosis = BaselineModel(model, read_table(table[["b"]]))
    train, test = np.arange(40), np.arange(40, 60)
    y = np.nan_to_num(table.b.to_numpy()[:40], nan=np.nanmedian(table.b[:40])) * 2 + 1
    prognosis.fit_predict(train, train, y, np.random.RandomState(0))
    expected = table.b[40:].fillna(np.nanmedian(table.b[:40])) * 2 + 1
    assert_allclose(prognosis.predict(test), expected)
    assert not hasattr(model, "coef_")


def test_too_few_participants_take_the_mean(recorder, table):
    prognosis = BaselineModel(recorder, read_table(table))
    rows = np.arange(9)
    predicted = prognosis.fit_predict(
        rows, rows, np.arange(9.0), np.random.RandomState(0)
    )
    assert_array_equal(predicted, np.full(9, 4.0))
    assert_array_equal(prognosis.predict(np.arange(3)), np.full(3, 4.0))
    assert not recorder.seen


def test_all_missing_column(recorder, table):
    columns = read_table(table.assign(z=np.nan))
    rows = np.arange(60)
    BaselineModel(recorder, columns).fit_predict(
        rows, rows, np.zeros(60), np.random.RandomState(0)
    )
    assert np.isfinite(recorder.seen[-1][0]).all()


def test_default_finds_a_prognostic_variable(table):
    rows = np.arange(60)
    y = 3 * table.a.to_numpy() + np.random.RandomState(1).standard_normal(60)
    prognosis = BaselineModel(default_prognostic_model(), read_table(table))
    predicted = prognosis.fit_predict(rows, rows, y, np.random.RandomState(0))
    assert np.corrcoef(predicted, y)[0, 1] > 0.9


def test_default_finds_what_is_best_in_the_middle(table):
    rows = np.arange(60)
    valley = table.a.to_numpy() ** 2
    y = 3 * valley + np.random.RandomState(1).standard_normal(60)
    prognosis = BaselineModel(default_prognostic_model(), read_table(table))
    predicted = prognosis.fit_predict(rows, rows, y, np.random.RandomState(0))
    assert np.corrcoef(predicted, y)[0, 1] > 0.9


def test_default_survives_an_outlier(table):
    rows = np.arange(60)
    y = 3 * table.a.to_numpy() + np.random.RandomState(1).standard_normal(60)
    table.loc[7, "a"] = 1e6
    prognosis = BaselineModel(default_prognostic_model(), read_table(table))
    predicted = prognosis.fit_predict(rows, rows, y, np.random.RandomState(0))
    # A slope of 3, and an outlier that counts as 3 SD.
    assert np.abs(predicted).max() < 12


def test_sees_training_outcomes_only_and_never_the_arm(recorder):
    trial = make_parallel_trial(n_samples=80, n_features=3, effect=2.0, random_state=0)
    options = {"max_variables": 1, "n_bootstrap": 0, "n_permutations": 99}
    finder = PersonaDiscoverer(prognostic=recorder, random_state=0, **options).fit(
        trial.data, trial.target, treatment=trial.treatment
    )
    train = finder.split_ == "training"
    assert recorder.seen
    allowed = set(trial.target[train])
    for X, y in recorder.seen:
        assert set(y) <= allowed
        assert X.shape[1] == 3


def test_a_prognostic_variable_is_taken_out():
    found = {}
    for prognostic in ("auto", None):
        hits = 0
        for seed in range(8):
            trial = make_parallel_trial(
                n_samples=160,
                n_features=8,
                n_variables=1,
                effect=1.5,
                prognostic=3.0,
                random_state=seed,
            )
            finder = PersonaDiscoverer(
                max_variables=1,
                prognostic=prognostic,
                validation=None,
                n_bootstrap=0,
                n_permutations=9,
                random_state=0,
                n_personas=1,
            ).fit(trial.data, trial.target, treatment=trial.treatment)
            hits += finder.personas_[0].conditions[0].name == "x0"
        found[prognostic] = hits
    assert found["auto"] >= 6 > 3 >= found[None]


def test_evidence_stays_in_raw_units():
    trial = make_parallel_trial(
        n_samples=120, n_features=3, effect=2.0, prognostic=2.0, random_state=0
    )
    options = {"max_variables": 1, "n_bootstrap": 0, "n_permutations": 99}
    finder = PersonaDiscoverer(validation=None, random_state=0, **options).fit(
        trial.data, trial.target, treatment=trial.treatment
    )
    best = finder.personas_[0]
    again = best.evaluate(
        trial.data, trial.target, treatment=trial.treatment, n_bootstrap=0
    )
    assert best.train.effect == again.effect
    assert best.train.effect_size == again.effect_size
    assert best.train.ci_effect == again.ci_effect
    assert best.effect_adjusted != best.train.effect


class TestPropensity:
    """Arms that were not drawn by lot."""

    @staticmethod
    def confounded(seed, n=240, effect=0.0):
        """Patients above 0 on x0 do better and are treated more often."""
        rng = np.random.RandomState(seed)
        X = rng.standard_normal((n, 4))
        treated = rng.random_sample(n) < 1 / (1 + np.exp(-2 * X[:, 0]))
        # Steep on one side only: untreated, the arms differ more there than elsewhere.
        y = 4 * np.maximum(X[:, 0], 0) + rng.standard_normal(n)
        y += effect * treated * (X[:, 1] > 0)
        return X, y, treated

    @staticmethod
    def finder(**options):
        settings = {
            "max_variables": 1,
            "prognostic": None,
            "propensity": LogisticRegression(),
            "n_bootstrap": 0,
            "n_permutations": 400,
            "random_state": 0,
        }
        return PersonaDiscoverer(**{**settings, **options})

    def test_confounding_is_not_taken_for_an_effect(self):
        rates = {}
        for name, propensity in (("with", LogisticRegression()), ("without", None)):
            rates[name] = 0
            for seed in range(20):
                X, y, treated = self.confounded(seed)
                finder = self.finder(propensity=propensity, criterion="effect")
                finder.fit(X, y, treatment=treated)
                rates[name] += finder.n_confirmed_ > 0
        assert rates["with"] <= 3 < 10 <= rates["without"]

    def test_an_effect_is_found(self):
        hits = 0
        for seed in range(10):
            X, y, treated = self.confounded(seed, effect=3.0)
            finder = self.finder().fit(X, y, treatment=treated)
            first = finder.personas_[0]
            hits += first.confirmed and first.conditions[0].position == 1
        assert hits >= 8

    def test_effect_is_closer_to_the_truth(self):
        """Within strata of the propensity, than the difference of the arms."""
        errors = []
        for seed in range(10):
            X, y, treated = self.confounded(seed, n=400, effect=3.0)
            finder = self.finder(validation=None).fit(X, y, treatment=treated)
            first = finder.personas_[0]
            truth = 3.0 * np.mean(X[first.covers(X), 1] > 0)
            inside = first.covers(X)
            raw = y[inside & treated].mean() - y[inside & ~treated].mean()
            errors.append((abs(first.train.effect - truth), abs(raw - truth)))
        adjusted, raw = np.mean(errors, axis=0)
        assert adjusted < 0.5 < 2 * adjusted < raw

    def test_evidence_is_marked(self):
        X, y, treated = self.confounded(0, effect=3.0)
        marked = self.finder().fit(X, y, treatment=treated).personas_[0]
        assert not marked.train.randomised
        assert not marked.holdout.randomised
        assert "Not randomized" in str(marked)
        again = Persona.from_dict(marked.to_dict())
        assert not again.train.randomised
        plain = self.finder(propensity=None).fit(X, y, treatment=treated).personas_[0]
        assert plain.train.randomised
        assert "Not randomised" not in str(plain)

    def test_the_outcome_is_not_asked(self):
        X, y, treated = self.confounded(0)
        Recorder.seen.clear()

        class Share(ClassifierMixin, Recorder):
            def predict_proba(self, X):
                share = self.predict(X)
                return np.column_stack([1 - share, share])

        finder = self.finder(propensity=Share()).fit(X, y, treatment=treated)
        train = finder.split_ == "training"
        assert len(Recorder.seen) == 6
        for _, target in Recorder.seen:
            assert set(target) == {False, True}
        assert_array_equal(Recorder.seen[-1][1], treated[train])

    @given(
        st.lists(st.integers(0, 9), min_size=4, max_size=40),
        st.integers(0, 2**31 - 1),
    )
    def test_strata_hold_both_arms(self, levels, seed):
        propensity = np.array(levels) / 10
        treated = np.random.RandomState(seed).random_sample(len(levels)) < propensity
        if treated.all() or not treated.any():
            return
        apart = propensity[treated].min() > propensity[~treated].max()
        if apart:
            with pytest.raises(ValueError, match="do not overlap"):
                _edges(propensity, treated)
            return
        edges = _edges(propensity, treated)
        codes = np.searchsorted(edges, propensity, side="right")
        assert len(edges) <= 4
        for code in range(len(edges) + 1):
            assert len(set(treated[codes == code])) == 2

    def test_labelings_stay_within_strata(self):
        X, y, treated = self.confounded(3)
        columns = read_table(X)
        units = make_units("parallel", read_cases(len(X), y, treatment=treated))
        adjust = Adjustment(columns, None, LogisticRegression())
        adjusted, holdout = adjust(units, None, np.random.RandomState(0))
        assert holdout is None
        strata = adjusted.strata
        assert len(np.unique(strata)) == 5
        for b in range(5):
            _, drawn = Permutations(adjusted, 0)[b]
            assert_array_equal(np.bincount(strata, drawn), np.bincount(strata, treated))
            assert (drawn != treated).any()
        # What is compared has the same level in each stratum, beside one effect.
        arms = np.column_stack([np.ones(len(X)), treated])
        sites = (strata[:, None] == np.arange(5)).astype(float)
        fit = np.linalg.lstsq(np.hstack([arms, sites]), adjusted.score, rcond=None)[0]
        assert_allclose(fit[2:], fit[2], atol=1e-9)

    def test_refused(self):
        X, y, treated = self.confounded(0)
        groups = np.repeat(np.arange(len(X) // 2), 2)
        arms = np.tile([0, 1], len(X) // 2)
        with pytest.raises(ValueError, match=r"propensity=Logistic.*None"):
            self.finder().fit(X[groups], y, treatment=arms, groups=groups, period=arms)
        with pytest.raises(ValueError, match="'propensity' parameter"):
            self.finder(propensity=LinearRegression()).fit(X, y, treatment=treated)
        X[:, 0] = treated + 0.01 * X[:, 0]
        with pytest.raises(ValueError, match="The arms do not overlap"):
            self.finder(propensity=LogisticRegression(C=1e6)).fit(
                X, y, treatment=treated
            )
