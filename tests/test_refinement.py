"""Edges moved over all cut points, against every combination of places."""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from _brute_force import SQUARED, Values, allowed
from hypothesis import given, settings
from hypothesis import strategies as st

import sklearn_persona._search.refinement as refinement_module
from sklearn_persona import PersonaDiscoverer
from sklearn_persona._claims.null_distribution import null_maxima, reach_counts
from sklearn_persona._data.table import read_table
from sklearn_persona._designs import Permutations, make_units, read_cases
from sklearn_persona._designs.labels import Labels
from sklearn_persona._search.binning import column_cuts, make_selectors
from sklearn_persona._search.greedy import SearchSettings, find_rules
from sklearn_persona._search.refinement import Refinement
from sklearn_persona.datasets import make_parallel_trial

SETTINGS = SearchSettings(
    objective="sum-of-squares",
    min_variables=1,
    max_variables=2,
    min_modalities=1,
    least_arm=2,
    least_members=4,
    n_personas=4,
    max_overlap=0.5,
    signs=(1, -1),
    exact=True,
    max_time=None,
)


def problem(seed, *, n=30, two_arms=True, conditions="one-sided", rounded=False):
    """A small table with a missing value, a category and a tied column."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    X["tied"] = rng.integers(4, size=n).astype(float)
    X["site"] = rng.choice(["x", "y", "z"], size=n)
    X.loc[0, "a"] = np.nan
    y = rng.normal(size=n)
    treated = rng.permutation(n) < n // 2 if two_arms else None
    gain = 1.5 * ((X["b"] > 0.1) & (X["c"] <= 0.6)).to_numpy()
    y += gain * (treated if two_arms else 1)
    if rounded:
        y = np.round(y, 1)
    columns = read_table(X)
    selectors = make_selectors(
        columns,
        np.arange(n),
        n_cuts=3,
        conditions=conditions,
        modality=np.zeros(5, int),
        least_members=4,
    )
    return columns, selectors, Labels(y, treated)


def places(column, limits):
    """Every condition of the same shape, and its members."""
    if column.levels is not None:
        codes = [column.levels.index(level) for level in limits]
        return [(limits, np.isin(column.values, codes))]
    cuts, x = column_cuts(column.values, "all"), column.values
    low, high = limits
    lows = [None] if low is None else cuts
    highs = [None] if high is None else cuts
    out = []
    for a, b in product(lows, highs):
        if a is not None and b is not None and a >= b:
            continue
        member = ~np.isnan(x)
        if a is not None:
            member &= x > a
        if b is not None:
            member &= x <= b
        out.append(((a, b), member))
    return out


def scorer(label, options, sign):
    """Exact reported objective of a member set."""
    squared = Values(options.objective, label.outcome, label.treated, sign)
    if options.objective in SQUARED:
        return lambda member: float(squared(member))
    return lambda member: float(squared(member)) ** 0.5


def best_by_brute_force(rule, columns, label, options):
    score = scorer(label, options, rule.sign)
    extents = {}
    for combination in product(*(places(columns[j], c) for j, c in rule.conditions)):
        member = np.logical_and.reduce([m for _, m in combination])
        extents[member.tobytes()] = member
    return max(
        score(member)
        for member in extents.values()
        if allowed(member, label.treated, options.least_arm, options.least_members)
    )


def members_of(rule, columns):
    member = True
    for j, limits in rule.conditions:
        column = columns[j]
        if column.levels is not None:
            codes = [column.levels.index(level) for level in limits]
            member = member & np.isin(column.values, codes)
            continue
        low, high = limits
        member = member & ~np.isnan(column.values)
        member = member & (low is None or column.values > low)
        member = member & (high is None or column.values <= high)
    return member


def jaccard(a, b):
    return (a & b).sum() / (a | b).sum()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    objective=st.sampled_from(
        ["effect", "contrast", "sum-of-squares", "mean-shift", "arm-shift"]
    ),
    two_arms=st.booleans(),
    conditions=st.sampled_from(["one-sided", "interval"]),
    rounded=st.booleans(),
)
def test_joint_refinement_equals_brute_force(
    seed, objective, two_arms, conditions, rounded
):
    columns, selectors, label = problem(
        seed, n=22, two_arms=two_arms, conditions=conditions, rounded=rounded
    )
    options = replace(SETTINGS, objective=objective)
    rules, _ = find_rules(selectors, label, options)
    refine = Refinement(columns, np.arange(22))
    for rule in rules:
        (refined,) = refine([rule], label, options)
        expected = best_by_brute_force(rule, columns, label, options)
        assert refined.objective == pytest.approx(expected, rel=1e-9)
        assert refined.objective >= rule.objective
        # The reported objective and members are those of the reported limits.
        member = members_of(refined, columns)
        np.testing.assert_array_equal(member, refined.members)
        assert allowed(member, label.treated, 2, 4)
        assert [j for j, _ in refined.conditions] == [j for j, _ in rule.conditions]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    conditions=st.sampled_from(["one-sided", "interval"]),
    two_arms=st.booleans(),
)
def test_edges_in_turn_end_where_no_edge_gains(seed, conditions, two_arms):
    columns, selectors, label = problem(seed, two_arms=two_arms, conditions=conditions)
    rules, _ = find_rules(selectors, label, SETTINGS)
    refine = Refinement(columns, np.arange(30))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refinement_module, "MOST_JOINT", 0)
        refined = [refine([rule], label, SETTINGS)[0] for rule in rules]
    for before, rule in zip(rules, refined):
        assert before.objective <= rule.objective
        np.testing.assert_array_equal(members_of(rule, columns), rule.members)
        score = scorer(label, SETTINGS, rule.sign)
        assert score(rule.members) == pytest.approx(rule.objective, rel=1e-9)
        for i, (j, limits) in enumerate(rule.conditions):
            rest = [c for k, c in enumerate(rule.conditions) if k != i]
            others = members_of(replace(rule, conditions=tuple(rest)), columns)
            for moved, satisfied in places(columns[j], limits):
                if sum(a != b for a, b in zip(moved, limits)) > 1:
                    continue  # both edges moved at once
                member = satisfied & others
                if allowed(member, label.treated, 2, 4):
                    assert score(member) <= rule.objective * (1 + 1e-8)


def test_list_is_sorted_anew_and_keeps_the_overlap_rule():
    changed = 0
    for seed in range(30):
        columns, selectors, label = problem(seed, n=60)
        rules, _ = find_rules(selectors, label, SETTINGS)
        refined = Refinement(columns, np.arange(60))(rules, label, SETTINGS)
        values = [rule.objective for rule in refined]
        assert values == sorted(values, reverse=True)
        for k, rule in enumerate(refined):
            for better in refined[:k]:
                if better.sign == rule.sign:
                    assert jaccard(better.members, rule.members) <= 0.5
        changed += len(refined) < len(rules)
    assert changed  # some rules came to overlap, and were left out


def test_an_edge_lies_in_the_middle_of_the_places_with_its_members():
    x = np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 20, 21, 22, 23, 24, 25, 26, 27])
    other = np.tile([0.0, 1.0], 8)
    # Between 7 and 20 lie places that only units outside `other` could tell apart.
    X = np.column_stack([np.r_[x, 10, 12, 14, 16, 18], np.r_[other, np.zeros(5)]])
    y = np.r_[np.where(x > 10, 5.0, 0.0) * (other > 0), np.zeros(5)]
    y += np.random.default_rng(0).normal(scale=0.01, size=len(y))
    columns, label = read_table(X), Labels(y, None)
    selectors = make_selectors(
        columns,
        np.arange(21),
        n_cuts=2,
        conditions="one-sided",
        modality=np.zeros(2, int),
        least_members=2,
    )
    options = replace(SETTINGS, objective="contrast", signs=(1,), n_personas=1)
    options = replace(options, least_members=2)
    rules, _ = find_rules(selectors, label, options)
    (rule,) = Refinement(columns, np.arange(21))(rules, label, options)
    # Inside `other` the neighbors are 7 and 21; places between them: 9, 11, ... 20.5.
    assert dict(rule.conditions)[0] == (13.0, None) or dict(rule.conditions)[0] == (
        15.0,
        None,
    )


def test_permutations_repeat_the_refinement():
    X = np.random.default_rng(1).normal(size=(40, 4))
    rng = np.random.default_rng(2)
    cases = read_cases(40, rng.normal(size=40), treatment=rng.permutation(40) < 20)
    units = make_units("parallel", cases)
    columns = read_table(X)
    selectors = make_selectors(
        columns,
        np.arange(40),
        n_cuts=3,
        conditions="one-sided",
        modality=np.zeros(4, int),
        least_members=4,
    )
    labels, refine = Permutations(units, 3), Refinement(columns, np.arange(40))
    expected = []
    for b in range(20):
        label = Labels(*labels[b])
        rules, _ = find_rules(selectors, label, SETTINGS)
        expected.append(refine(rules, label, SETTINGS)[0].objective)
    got = null_maxima(
        selectors, labels, SETTINGS, n_permutations=20, refinement=refine, n_jobs=2
    )
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    coarse = null_maxima(selectors, labels, SETTINGS, n_permutations=20)
    assert (got > coarse).sum() > 15
    values = np.quantile(expected, [0.3, 0.8])
    counts = reach_counts(
        selectors,
        labels,
        SETTINGS,
        values,
        n_permutations=20,
        stop_after=None,
        refinement=refine,
    )
    assert counts.n_reached.tolist() == [np.sum(got >= v) for v in values]


def test_refined_personas_of_the_estimator():
    trial = make_parallel_trial(n_samples=200, effect=2.0, random_state=0)
    common = {"max_variables": 2, "validation": None, "random_state": 0}

    def fit(**options):
        finder = PersonaDiscoverer(**common, **options)
        return finder.fit(trial.data, trial.target, treatment=trial.treatment)

    fine, coarse = fit(), fit(refine_cuts=False)
    assert fine.personas_[0].objective > coarse.personas_[0].objective
    assert fine.search_.best_objective == fine.personas_[0].objective
    # A named objective is searched over the stated cut points and nothing else.
    named = fit(objective="sum-of-squares")
    assert (
        named.personas_ == fit(objective="sum-of-squares", refine_cuts=False).personas_
    )
    moved = fit(objective="sum-of-squares", refine_cuts=True)
    assert moved.personas_[0].objective > named.personas_[0].objective


def test_a_finer_search_finds_nothing_that_refinement_lowers():
    """The whole all-cuts optimum bounds what refinement reaches."""
    for seed in range(5):
        columns, selectors, label = problem(seed)
        options = replace(SETTINGS, n_personas=1)
        rules, _ = find_rules(selectors, label, options)
        (refined,) = Refinement(columns, np.arange(30))(rules, label, options)
        every = make_selectors(
            columns,
            np.arange(30),
            n_cuts="all",
            conditions="one-sided",
            modality=np.zeros(5, int),
            least_members=4,
        )
        best = find_rules(every, label, options)[0][0].objective
        assert rules[0].objective <= refined.objective <= best * (1 + 1e-9)
