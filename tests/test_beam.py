"""The beam by itself: no exchange of one condition makes its best rule better."""

import numpy as np
import pytest

import sklearn_persona._beam as beam_module
from sklearn_persona._beam import beam_search
from sklearn_persona._binning import make_selectors
from sklearn_persona._columns import LabelColumn, make_column
from sklearn_persona._search import SearchSettings
from sklearn_persona._table import read_table

N, P = 60, 8


def problem(seed):
    """Conditions and label column of a small trial without any persona."""
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((N, P))
    treated = rng.permutation(N) < N // 2
    selectors = make_selectors(
        read_table(X),
        np.arange(N),
        n_cuts="all",
        conditions="one-sided",
        modality=np.zeros(P, int),
        least_members=8,
    )
    settings = SearchSettings(
        objective="effect",
        min_variables=1,
        max_variables=3,
        min_modalities=1,
        least_arm=4,
        least_members=8,
        n_personas=1,
        max_overlap=0.5,
        signs=(1,),
        exact=False,
        max_time=None,
    )
    label = LabelColumn(rng.standard_normal(N), treated)
    return selectors, make_column(selectors, label, 1, settings)


def best(selectors, column, **options):
    pool = beam_search(
        column,
        selectors,
        min_variables=1,
        max_variables=3,
        min_modalities=1,
        **options,
    )
    assert np.all(np.diff(pool.values) <= 0)
    return pool.values[0], pool.rules[0]


def exchanged(selectors, column, rule):
    """Largest value of the rules that differ from a rule in one condition."""
    values = []
    for place in range(len(rule)):
        others = [*rule[:place], *rule[place + 1 :]]
        bits = np.bitwise_and.reduce(column.bits[others], axis=0)
        free = ~np.isin(selectors.feature, selectors.feature[others])
        values += list(column.evaluate(bits[None])[0][free])
    return max(values)


@pytest.fixture
def narrow(monkeypatch):
    """Ten rules of a length are refined."""
    monkeypatch.setattr(beam_module, "BUDGET", 1.0)


@pytest.mark.parametrize("seed", range(6))
def test_no_exchange_is_better(narrow, seed):
    selectors, column = problem(seed)
    value, rule = best(selectors, column, exchange=True)
    assert len(rule) == 3
    assert exchanged(selectors, column, rule) <= value * (1 + 1e-9)


def test_exchange_finds_more(narrow):
    gains = []
    for seed in range(6):
        selectors, column = problem(seed)
        without, rule = best(selectors, column)
        value, _ = best(selectors, column, exchange=True)
        assert value >= without
        gains.append(value > without * (1 + 1e-9))
        assert exchanged(selectors, column, rule) > without or not gains[-1]
    assert any(gains)


def test_rules_of_one_condition_have_nothing_to_exchange():
    selectors, column = problem(0)
    options = {"min_variables": 1, "max_variables": 1, "min_modalities": 1}
    plain = beam_search(column, selectors, **options)
    other = beam_search(column, selectors, exchange=True, **options)
    assert plain.rules == other.rules
    assert plain.n_evaluated == other.n_evaluated
