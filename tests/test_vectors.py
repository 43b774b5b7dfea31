"""The vector loops against the plain ones: every row set at or above a value."""

from dataclasses import replace

import numpy as np
import pytest
from _paths import force_isa

from sklearn_persona._designs.labels import Labels
from sklearn_persona._search._kernel import Search, available_isas, pack_rows, words_for
from sklearn_persona._search.binning import Selectors
from sklearn_persona._search.greedy import SearchSettings
from sklearn_persona._search.problem import make_problem

OBJECTIVES = ("effect", "contrast", "sum-of-squares", "mean-shift")
VECTOR_ISAS = available_isas()[1:]
PLAIN = SearchSettings(
    objective="effect",
    min_variables=1,
    max_variables=3,
    min_modalities=1,
    least_arm=2,
    least_members=4,
    n_personas=1,
    max_overlap=0.5,
    signs=(1,),
    exact=True,
    max_time=None,
)

pytestmark = pytest.mark.skipif(not VECTOR_ISAS, reason="a machine without vectors")


def problem_of(sets, outcome, treated, settings, isa):
    """A problem in which each condition has its own variable."""
    n = len(sets)
    zeros = np.zeros(n, np.int32)
    selectors = Selectors(
        pack_rows(sets),
        np.arange(n, dtype=np.int32),
        zeros,
        zeros,
        zeros,
        [None] * n,
        np.ones(n, int),
        len(outcome),
    )
    with force_isa(isa):
        return make_problem(selectors, Labels(outcome, treated), 1, settings)


def collected(problem, value):
    """Row sets with at least the squared value, with their first rules."""
    kept = np.empty((0, problem.bits.shape[1]), np.uint64)
    search = Search(problem, kept, 0.5, value, limit=10**7)
    search.start()
    search.run()
    assert not search.overflowed
    values, rules, extents = search.collected()
    return values.tolist(), rules, extents.tolist(), search.n_evaluated


def outcomes(rng, n):
    """With long tails, few values, far from zero."""
    yield rng.normal(size=n)
    yield rng.standard_t(1.5, n)
    yield (rng.random(n) < 0.2).astype(float)
    yield rng.integers(0, 4, n) + 1e6


@pytest.mark.parametrize("isa", VECTOR_ISAS)
@pytest.mark.parametrize("share", [None, 0.5, 0.15])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_everything_at_or_above_a_value_is_found(objective, share, isa):
    # 63 rows are the most of a small level; with more only lower levels are.
    rng = np.random.default_rng(7)
    settings = replace(PLAIN, objective=objective)
    for n in (17, 40, 63, 64, 100, 140):
        sets = rng.random((24, n)) < rng.uniform(0.4, 0.95, (24, 1))
        treated = None
        if share is not None:
            treated = rng.permutation(n) < max(4, round(share * n))
        for outcome in outcomes(rng, n):
            plain = problem_of(sets, outcome, treated, settings, "portable")
            vector = problem_of(sets, outcome, treated, settings, isa)
            assert vector.vectors
            values = collected(plain, 0.0)[0]
            assert len(values) > 10
            for nth in (2, len(values) // 8, len(values) - 1):
                expected = collected(plain, values[nth])
                assert len(expected[0]) > nth
                assert collected(vector, values[nth])[:3] == expected[:3]


@pytest.mark.parametrize("isa", VECTOR_ISAS)
@pytest.mark.parametrize(
    "n_sets", [3, 4, 5, 9, 32, 33, 34, 64, 65, 66, 67, 90, 129, 130, 150]
)
def test_every_pair_of_a_list_of_any_length_is_looked_at(n_sets, isa):
    # Nothing is below zero, so the lists of the last level have up to n_sets - 1.
    rng = np.random.default_rng(n_sets)
    n = 60
    settings = replace(PLAIN, objective="mean-shift", least_arm=1, least_members=1)
    sets = rng.random((n_sets, n)) < 0.7
    outcome = np.exp(rng.normal(size=n))
    plain = problem_of(sets, outcome, None, settings, "portable")
    vector = problem_of(sets, outcome, None, settings, isa)
    expected = collected(plain, 0.0)
    found = collected(vector, 0.0)
    assert found[:3] == expected[:3]
    # Each pair once.
    assert found[3] == expected[3]


@pytest.mark.parametrize("isa", VECTOR_ISAS)
@pytest.mark.parametrize("share", [None, 0.5, 0.1])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_joins_of_many_rows(objective, share, isa):
    # Counts of more than 255 rows in an arm, up to the most that vectors take.
    rng = np.random.default_rng(11)
    for n in (256, 300, 511, 1020, 1021, 2040):
        settings = replace(PLAIN, objective=objective, least_members=min(n // 2, 260))
        treated = None if share is None else rng.permutation(n) < share * n
        # The first ones hold nearly all rows, the last ones are too small.
        sets = rng.random((70, n)) < np.linspace(1, 0.3, 70)[:, None]
        parents = pack_rows(rng.random((5, n)) < 0.95)
        # They are rules of selector 0, so that it does not refine them.
        rules = np.zeros((5, 1), np.int32)
        n_found = 0
        for outcome in outcomes(rng, n):
            answers = []
            for name in ("portable", isa):
                problem = problem_of(sets, outcome, treated, settings, name)
                assert parents.shape[1] == words_for(n) == problem.bits.shape[1]
                values, _, extents, _ = problem.expand(rules, parents, 30)
                order = np.lexsort((*extents.T, -values))[:30]
                answers.append((values[order].tolist(), extents[order].tolist()))
            assert answers[0] == answers[1]
            n_found = max(n_found, len(answers[0][0]))
        assert n_found > 10
