"""The beam by itself: no exchange of one condition makes its best rule better."""

import numpy as np
import pytest
from test_search import change, selectors_of, table

import sklearn_persona._search.beam as beam_module
from sklearn_persona._designs.labels import Labels
from sklearn_persona._search.beam import beam_search
from sklearn_persona._search.problem import make_column

BEAM = change(objective="effect", least_arm=4, least_members=8, exact=False)


def problem(seed):
    """Conditions and label column of a small trial."""
    X, outcome, treated = table(n=60, p=8, seed=seed)
    selectors = selectors_of(X, n_cuts="all", least_members=BEAM.least_members)
    return selectors, make_column(selectors, Labels(outcome, treated), 1, BEAM)


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
        if len(rule) == 3:
            assert value >= exchanged(selectors, column, rule) * (1 - 1e-9)
    assert any(gains)


def test_rules_of_one_condition_have_nothing_to_exchange():
    selectors, column = problem(0)
    options = {"min_variables": 1, "max_variables": 1, "min_modalities": 1}
    plain = beam_search(column, selectors, **options)
    other = beam_search(column, selectors, exchange=True, **options)
    assert plain.rules == other.rules
    assert plain.n_evaluated == other.n_evaluated
