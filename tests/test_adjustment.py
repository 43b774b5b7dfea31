"""What baseline says of the outcome, and that the arm is not asked."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression

from sklearn_persona import PersonaDiscoverer
from sklearn_persona._adjustment import default_prognostic_model
from sklearn_persona._baseline_model import BaselineModel
from sklearn_persona._table import read_table
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
