"""The beam by itself: no exchange of one condition makes its best rule better."""

import numpy as np
import pytest
from test_search import change, selectors_of, table

import sklearn_persona._search.beam as beam_module
from sklearn_persona._designs.labels import Labels
from sklearn_persona._search.beam import beam_search
from sklearn_persona._search.problem import make_problem

BEAM = change(objective="effect", least_arm=4, least_members=8, exact=False)


def small_trial(seed):
    """The conditions of a small trial, and its search problem."""
    X, outcome, treated = table(n=60, p=8, seed=seed)
    selectors = selectors_of(X, n_cuts="all", least_members=BEAM.least_members)
    return selectors, make_problem(selectors, Labels(outcome, treated), 1, BEAM)


def best(selectors, problem, **options):
    pool = beam_search(
        problem,
        selectors,
        min_variables=1,
        max_variables=3,
        min_modalities=1,
        **options,
    )
    assert np.all(np.diff(pool.values) <= 0)
    return pool.values[0], pool.rules[0]


def exchanged(selectors, problem, rule):
    """Largest value of the rules that differ from a rule in one condition."""
    values = []
    for place in range(len(rule)):
        others = [*rule[:place], *rule[place + 1 :]]
        bits = np.bitwise_and.reduce(problem.bits[others], axis=0)
        free = ~np.isin(selectors.feature, selectors.feature[others])
        values += list(problem.evaluate(bits[None])[0][free])
    return max(values)


@pytest.fixture
def narrow_beam(monkeypatch):
    """Ten rules of a length are refined."""
    monkeypatch.setattr(beam_module, "BUDGET", 1.0)


@pytest.mark.parametrize("seed", range(6))
def test_no_exchange_is_better(narrow_beam, seed):
    selectors, problem = small_trial(seed)
    value, rule = best(selectors, problem, exchange=True)
    assert len(rule) == 3
    assert exchanged(selectors, problem, rule) <= value * (1 + 1e-9)


def test_exchange_finds_more(narrow_beam):
    gains = []
    for seed in range(6):
        selectors, problem = small_trial(seed)
        without, rule = best(selectors, problem)
        value, _ = best(selectors, problem, exchange=True)
        assert value >= without
        gains.append(value > without * (1 + 1e-9))
        if len(rule) == 3:
            assert value >= exchanged(selectors, problem, rule) * (1 - 1e-9)
    assert any(gains)


def test_rules_of_one_condition_have_nothing_to_exchange():
    selectors, problem = small_trial(0)
    options = {"min_variables": 1, "max_variables": 1, "min_modalities": 1}
    plain = beam_search(problem, selectors, **options)
    other = beam_search(problem, selectors, exchange=True, **options)
    assert plain.rules == other.rules
    assert plain.n_evaluated == other.n_evaluated
