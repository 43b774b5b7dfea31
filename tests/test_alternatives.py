"""Other short rules with the members of a persona."""

import json
from dataclasses import FrozenInstanceError
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import sklearn_persona._search.alternatives as module
from sklearn_persona import Alternative, Persona, PersonaDiscoverer
from sklearn_persona._data.table import TableColumn
from sklearn_persona._search._kernel import unpack_rows
from sklearn_persona._search.alternatives import LEAST_JACCARD, AlternativeSearch
from sklearn_persona._search.binning import make_selectors
from sklearn_persona._selection.procedure import Procedure
from sklearn_persona.datasets import make_ketamine_crossover
from sklearn_persona.exceptions import IncompleteParticipantWarning


def conditions_of(X, levels=None, *, n_cuts=9, conditions="interval", least=1):
    columns = [
        TableColumn(None, j, x, None if levels is None else levels[j])
        for j, x in enumerate(X)
    ]
    return make_selectors(
        columns,
        np.arange(len(X[0])),
        n_cuts=n_cuts,
        conditions=conditions,
        modality=np.zeros(len(X), int),
        least_members=least,
    )


def jaccard(a, b):
    return np.count_nonzero(a & b) / np.count_nonzero(a | b)


def length(n, k):
    """Logarithm of the number of sets of k of n units, as if at most half."""
    return sum(np.log((n - i) / (i + 1)) for i in range(min(k, n // 2)))


def brute_force(selectors, members, variables, n_alternatives):
    """All rules of one and two conditions: ranked (columns, jaccard)."""
    n, size = len(members), np.count_nonzero(members)
    rows = unpack_rows(selectors.bits, n)
    named, condition = length(n, min(size, n - size)), np.log(max(len(rows), 1))
    feature = selectors.feature.tolist()
    columns = sorted(set(feature))
    own = {c: [i for i, f in enumerate(feature) if f == c] for c in columns}
    left = {
        c: min(length(n, np.count_nonzero(rows[i] != members)) for i in own[c])
        for c in columns
    }
    rules = [((c,), rows[i]) for c in columns for i in own[c]]
    rules += [
        ((a, b), rows[i] & rows[j])
        for a, b in combinations(columns, 2)
        for i, j in product(own[a], own[b])
    ]
    best = {}
    for chosen, inside in rules:
        differ = length(n, np.count_nonzero(inside != members))
        earned = differ + len(chosen) * condition < named
        if len(chosen) == 2:
            earned &= differ + condition < min(left[c] for c in chosen)
        if earned:
            best[chosen] = max(best.get(chosen, 0.0), jaccard(inside, members))
    ranked = sorted(
        (
            (-value, len(chosen), chosen)
            for chosen, value in best.items()
            if value >= LEAST_JACCARD and not set(variables) <= set(chosen)
        )
    )
    return [(chosen, -value) for value, _, chosen in ranked[:n_alternatives]]


def columns_and_values(found):
    return [
        (tuple(position for position, _ in rule.conditions), rule.jaccard)
        for rule in found
    ]


def members_of(rule, X, levels):
    inside = np.ones(len(X[0]), bool)
    for position, limits in rule.conditions:
        x = X[position]
        if levels[position] is not None:
            inside &= np.isin(x, [levels[position].index(v) for v in limits])
            continue
        low, high = (v if v is not None else s for v, s in zip(limits, (-1e9, 1e9)))
        inside &= (x > low) & (x <= high)
    return inside


@st.composite
def problems(draw):
    """A small table with ties, gaps and categories; members near one of its rules."""
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    n = draw(st.one_of(st.integers(6, 90), st.integers(90, 300)))
    X, levels = [], []
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["number", "ties", "gaps", "copy", "category"]))
        if kind == "category":
            names = tuple("abcd"[: rng.integers(2, 5)])
            X.append(rng.integers(-1, len(names), n))
            levels.append(names)
            continue
        x = rng.normal(size=n)
        if kind == "copy" and X and levels[0] is None:
            x = X[0] + draw(st.sampled_from([0.0, 0.2])) * x
        if kind == "ties":
            x = np.round(x)
        if kind == "gaps":
            x[rng.random(n) < 0.2] = np.nan
        X.append(x)
        levels.append(None)
    selectors = conditions_of(
        X,
        levels,
        n_cuts=draw(st.sampled_from([1, 3, 5])),
        conditions=draw(st.sampled_from(["one-sided", "interval"])),
        least=draw(st.sampled_from([1, n // 5])),
    )
    members = rng.random(n) < 0.4
    if len(selectors.bits):
        near = rng.choice(len(selectors.bits), draw(st.sampled_from([1, 2, 2, 3])))
        rule = unpack_rows(selectors.bits[near], n).all(axis=0)
        if draw(st.booleans()):
            rule ^= rng.random(n) < 0.08
        if rule.any():
            members = rule
    members[draw(st.integers(0, n - 1))] = True
    variables = draw(st.sets(st.integers(0, len(X) - 1), min_size=1, max_size=3))
    return X, levels, selectors, members, variables


class TestBruteForce:
    @settings(max_examples=150, deadline=None)
    @given(problems(), st.integers(1, 5))
    def test_all_rules(self, problem, n_alternatives):
        X, levels, selectors, members, variables = problem
        found = AlternativeSearch(selectors, n_alternatives)(members, variables)
        expected = brute_force(selectors, members, variables, n_alternatives)
        assert columns_and_values(found) == expected
        for rule in found:
            assert jaccard(members_of(rule, X, levels), members) == rule.jaccard

    @settings(max_examples=40, deadline=None)
    @given(problem=problems())
    def test_blocks_and_a_few_first(self, problem):
        *_, selectors, members, variables = problem
        expected = AlternativeSearch(selectors, 3)(members, variables)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "BLOCK_WORDS", 7)
            patch.setattr(module, "FIRST_CONDITIONS", 4)
            found = AlternativeSearch(selectors, 3)(members, variables)
        assert columns_and_values(found) == columns_and_values(expected)

    def test_many_rows(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(4, 700))
        X[2:] = X[:2] + 0.05 * rng.normal(size=(2, 700))
        selectors = conditions_of(X)
        members = (X[0] > 0.1) & (X[1] <= 0.4)
        found = AlternativeSearch(selectors, 5)(members, {0, 1})
        assert columns_and_values(found) == brute_force(selectors, members, {0, 1}, 5)
        assert {c for c, _ in columns_and_values(found)} == {(0, 3), (1, 2), (2, 3)}


class TestRanking:
    def test_copies_come_in_column_order(self):
        rng = np.random.default_rng(1)
        x = rng.normal(size=60)
        X = [rng.normal(size=60), x, x.copy(), -x, x.copy()]
        found = AlternativeSearch(conditions_of(X), 3)(x > np.median(x), {1})
        assert columns_and_values(found) == [((j,), 1.0) for j in (2, 3, 4)]

    def test_a_useless_second_condition_is_not_listed(self):
        rng = np.random.default_rng(2)
        x = rng.normal(size=80)
        X = [x, x + 0.01 * rng.normal(size=80), rng.normal(size=80)]
        found = AlternativeSearch(conditions_of(X), 5)(x > np.median(x), {0})
        assert columns_and_values(found)[0][0] == (1,)
        values = dict(columns_and_values(found))
        assert all(v > values[1,] for c, v in values.items() if len(c) == 2)
        # The persona with something added is no other description of it.
        assert all(0 not in c for c in values)

    def test_chance_is_not_listed(self):
        # At 40 units some pair of 100 columns agrees with any set of members.
        rng = np.random.default_rng(4)
        x = rng.normal(size=40)
        X = [x, *rng.normal(size=(100, 40)), x + 0.1 * rng.normal(size=40)]
        members = x > 0.2
        found = AlternativeSearch(conditions_of(X), 5)(members, {0})
        assert [c for c, _ in columns_and_values(found)] == [(101,)]
        assert AlternativeSearch(conditions_of(X[1:-1]), 5)(members, {200}) == []

    def test_simplest_condition_of_equal_members(self):
        # An interval of the first variable leaves the same members as one side.
        a = np.tile(np.arange(20.0), 10)
        b = np.where((a == 0) | (np.arange(200) % 7 == 0), 0.0, 1.0)
        members = (a <= 9) & (b > 0.5)
        selectors = conditions_of([a, b], n_cuts="all")
        found = AlternativeSearch(selectors, 1)(members, {2})
        assert found[0].jaccard == 1.0
        assert found[0].conditions == ((0, (None, 9.5)), (1, (0.5, None)))

    def test_too_many_pairs(self, monkeypatch):
        rng = np.random.default_rng(3)
        X = rng.normal(size=(6, 300))
        X[3:5] = X[:2] + 0.02 * rng.normal(size=(2, 300))
        selectors = conditions_of(X)
        members = (X[0] > 0) & (X[1] > 0)
        expected = AlternativeSearch(selectors, 3)(members, {0, 1})
        monkeypatch.setattr(module, "MOST_WORDS", 4000)
        found = AlternativeSearch(selectors, 3)(members, {0, 1})
        # The conditions closest to the members hold the best pairs here.
        assert columns_and_values(found) == columns_and_values(expected)
        # Nor do many cuts of one column keep the others out.
        selectors = conditions_of(X, n_cuts="all", conditions="one-sided")
        expected = AlternativeSearch(selectors, 3)(members, {0, 1})
        monkeypatch.setattr(module, "MOST_WORDS", 20_000)
        found = AlternativeSearch(selectors, 3)(members, {0, 1})
        assert [c for c, _ in columns_and_values(found)] == [
            c for c, _ in columns_and_values(expected)
        ]
        monkeypatch.setattr(module, "MOST_WORDS", 1)
        monkeypatch.setattr(module, "FIRST_CONDITIONS", 2)
        for rule in AlternativeSearch(selectors, 3)(members, {0, 1}):
            assert rule.jaccard >= LEAST_JACCARD

    def test_nothing_to_find(self):
        x = np.arange(30.0)
        selectors = conditions_of([x])
        assert AlternativeSearch(selectors, 3)(x > 15, {0}) == []
        assert AlternativeSearch(selectors, 0)(x > 15, {1}) == []
        empty = conditions_of([np.full(30, np.nan)])
        assert AlternativeSearch(empty, 3)(x > 15, {0}) == []


def discover(table, y, treatment, **options):
    options = {"max_variables": 2, "n_bootstrap": 0, "random_state": 0} | options
    finder = PersonaDiscoverer(n_permutations=99, prognostic=None, **options)
    return finder.fit(table, y, treatment=treatment)


@pytest.fixture(scope="module")
def trial():
    rng = np.random.default_rng(0)
    n = 240
    scan = rng.normal(size=n)
    table = pd.DataFrame(
        {
            "age": rng.normal(50, 10, size=n),
            "scan": scan,
            "score": 10 + 3 * scan + 0.1 * rng.normal(size=n),
            "site": rng.choice(["a", "b", "c"], n),
        }
    )
    table.loc[rng.random(n) < 0.05, "age"] = np.nan
    treatment = np.arange(n) % 2
    y = rng.normal(size=n) + 2.5 * treatment * (scan > 0.3)
    return table, y, treatment


@pytest.fixture(scope="module")
def finder(trial):
    return discover(*trial)


class TestPersonas:
    def test_the_correlated_variable_comes_first(self, finder):
        persona = finder.personas_[0]
        (variable,) = {c.name for c in persona.conditions} & {"scan", "score"}
        first = persona.alternatives[0]
        assert isinstance(first, Alternative)
        assert [c.name for c in first.conditions] == (
            ["score"] if variable == "scan" else ["scan"]
        )
        assert first.n_variables == 1 and not first.shares_variable
        assert first.jaccard > 0.8 and first.jaccard_holdout > 0.8

    def test_numbers_are_those_of_the_table(self, trial, finder):
        table, *_ = trial
        assert any(persona.alternatives for persona in finder.personas_)
        for persona in finder.personas_:
            inside = persona.covers(table)
            names = {c.name for c in persona.conditions}
            assert len(persona.alternatives) <= 3
            for other in persona.alternatives:
                for half, value in (
                    ("training", other.jaccard),
                    ("holdout", other.jaccard_holdout),
                ):
                    rows = finder.split_ == half
                    assert jaccard(other.covers(table)[rows], inside[rows]) == value
                used = {c.name for c in other.conditions}
                assert not names <= used
                assert other.shares_variable == bool(names & used)
                assert other.n_variables == len(used) <= 2
                assert other.rule == " and ".join(map(str, other.conditions))

    def test_outcomes_are_not_read(self, trial, monkeypatch):
        # Another outcome, the same members: the same alternatives.
        table, y, treatment = trial
        original, first = Procedure.find, []

        def once(self, *args, **options):
            found = original(self, *args, **options)
            first.append(found)
            return first[0]

        monkeypatch.setattr(Procedure, "find", once)
        lists = []
        for seed in range(3):
            rng = np.random.default_rng(seed)
            shuffled = rng.permutation(y) if seed else y
            other = discover(table, shuffled, treatment)
            lists.append({p.rule: p.alternatives for p in other.personas_})
        assert any(lists[0].values())
        assert lists[0] == lists[1] == lists[2]

    def test_zero_skips(self, trial, finder):
        without = discover(*trial, n_alternatives=0)
        assert [p.rule for p in without.personas_] == [p.rule for p in finder.personas_]
        assert all(p.alternatives == () for p in without.personas_)
        assert "also described by" not in str(without.personas_[0])

    def test_number(self, trial):
        one = discover(*trial, n_alternatives=1)
        assert max(len(p.alternatives) for p in one.personas_) == 1
        with pytest.raises(ValueError, match="'n_alternatives'"):
            discover(*trial, n_alternatives=-1)

    def test_without_holdout(self, trial):
        found = discover(*trial, validation=None).personas_[0].alternatives
        assert found and all(a.jaccard_holdout is None for a in found)

    def test_arrays_have_positions(self, trial):
        table, y, treatment = trial
        X = table[["age", "scan", "score"]].to_numpy()
        found = discover(X, y, treatment).personas_[0].alternatives
        assert found and all(c.name is None for a in found for c in a.conditions)
        assert found[0].covers(X).shape == (240,)

    def test_pairs_of_a_crossover(self):
        trial = make_ketamine_crossover(n_participants=150, random_state=0)
        finder = PersonaDiscoverer(
            max_variables=1, n_bootstrap=0, random_state=0, greater_is_better=False
        )
        with pytest.warns(IncompleteParticipantWarning):
            finder.fit(
                trial.data,
                trial.target,
                treatment=trial.treatment,
                groups=trial.groups,
                period=trial.period,
            )
        found = [a for p in finder.personas_ for a in p.alternatives]
        assert found and all(LEAST_JACCARD <= a.jaccard <= 1 for a in found)

    def test_same_for_any_number_of_threads(self, trial, finder):
        again = discover(*trial, n_jobs=2)
        assert [p.alternatives for p in again.personas_] == [
            p.alternatives for p in finder.personas_
        ]


class TestText:
    def test_card(self, finder):
        persona = finder.personas_[0]
        lines = str(persona).splitlines()
        (line,) = [text for text in lines if "also described by:" in text]
        first = persona.alternatives[0]
        assert f"{first.rule} (Jaccard {first.jaccard:.2f}, holdout" in line
        assert str(persona).count("(Jaccard ") == len(persona.alternatives)

    def test_json(self, trial, finder):
        table, *_ = trial
        for persona in finder.personas_:
            text = json.dumps(persona.to_dict(), allow_nan=False)
            again = Persona.from_dict(json.loads(text))
            assert again.alternatives == persona.alternatives
            assert again.to_dict() == persona.to_dict()
            for one, other in zip(again.alternatives, persona.alternatives):
                assert_array_equal(one.covers(table), other.covers(table))

    def test_older_json(self, finder):
        values = finder.personas_[0].to_dict()
        del values["alternatives"]
        assert Persona.from_dict(values).alternatives == ()
        assert Persona.from_dict(values | {"alternatives": None}).alternatives == ()

    @pytest.mark.parametrize("change", [{"color": 1}, {"conditions": []}])
    def test_damaged_json(self, finder, change):
        values = finder.personas_[0].to_dict()
        values["alternatives"][0].update(change)
        with pytest.raises(ValueError, match=r"needs|has no fields"):
            Persona.from_dict(values)

    def test_frozen(self, finder):
        with pytest.raises(FrozenInstanceError):
            finder.personas_[0].alternatives[0].jaccard = 1.0
