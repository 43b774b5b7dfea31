"""A persona as an object: conditions, membership, JSON, text."""

import json
import pickle
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal

from sklearn_persona import Condition, Persona, PersonaDiscoverer
from sklearn_persona._text.numbers import p_text, percent
from sklearn_persona.datasets import make_ketamine_crossover, make_parallel_trial
from sklearn_persona.exceptions import IncompleteParticipantWarning

TABLE = pd.DataFrame(
    {
        "age": [20.0, 30, 40, np.nan, 60],
        "sex": ["F", "M", "F", "F", None],
        "site": pd.Categorical([1, 2, 3, 2, 1]),
        "score": pd.array([1, 5, None, 5, 9], dtype="Int64"),
    }
)


def rule(**conditions):
    return Persona.from_conditions(conditions)


class TestFromConditions:
    @pytest.mark.parametrize(
        ("given", "text", "members"),
        [
            ({"age": (None, 30)}, "age <= 30", [1, 1, 0, 0, 0]),
            ({"age": (30, None)}, "age > 30", [0, 0, 1, 0, 1]),
            ({"age": (20, 40)}, "20 < age <= 40", [0, 1, 1, 0, 0]),
            ({"age": (-np.inf, 30)}, "age <= 30", [1, 1, 0, 0, 0]),
            ({"age": (30, np.inf)}, "age > 30", [0, 0, 1, 0, 1]),
            ({"age": (np.float32(29.5), np.int64(50))}, None, [0, 1, 1, 0, 0]),
            ({"sex": "F"}, "sex = F", [1, 0, 1, 1, 0]),
            ({"sex": {"M", "F"}}, "sex in {F, M}", [1, 1, 1, 1, 0]),
            ({"sex": ["other"]}, "sex = other", [0, 0, 0, 0, 0]),
            ({"site": {1, 3}}, "site in {1, 3}", [1, 0, 1, 0, 1]),
            ({"score": {5}}, "score = 5", [0, 1, 0, 1, 0]),
            ({"age": (None, 40), "sex": {"F"}}, None, [1, 0, 1, 0, 0]),
        ],
    )
    def test_members(self, given, text, members):
        persona = Persona.from_conditions(given)
        inside = persona.covers(TABLE)
        assert inside.dtype == bool
        assert_array_equal(inside, np.array(members, bool))
        if text:
            assert persona.rule == text
        shuffled = TABLE[["score", "sex", "age", "site"]]
        assert_array_equal(persona.covers(shuffled), inside)

    def test_polars(self):
        table = pl.DataFrame(
            {
                "score": [1, 5, None, 5, 9],
                "sex": ["F", "M", "F", "F", None],
                "age": [20.0, 30, 40, None, 60],
            }
        )
        persona = rule(age=(None, 40), sex={"F"}, score=(None, 3))
        assert_array_equal(persona.covers(table), [True, False, False, False, False])

    def test_arrays_by_position(self):
        X = np.array([[1.0, 5], [2, 6], [np.nan, 7]])
        persona = Persona.from_conditions({1: (5, None), 0: (None, 2)})
        assert_array_equal(persona.covers(X), [False, True, False])
        assert str(persona.conditions[0]) == "x1 > 5"
        assert_array_equal(persona.covers(X.tolist()), [False, True, False])

    def test_numpy_position(self):
        persona = Persona.from_conditions({np.int64(1): (5, None)})
        assert_array_equal(persona.covers([[1.0, 5], [2, 6]]), [False, True])

    @pytest.mark.parametrize(
        ("conditions", "message"),
        [
            ({}, "at least one column"),
            ([("age", 3)], "must map"),
            ({"age": (None, None)}, "'age' is open on both sides"),
            ({"age": (5, 5)}, "'age' is empty: 5.0 < x <= 5.0"),
            ({"age": (9, 5)}, "'age' is empty"),
            ({"age": (5, -np.inf)}, "'age' is empty"),
            ({"age": (np.inf, 5)}, "'age' is empty"),
            ({"age": (None, np.nan)}, "'age' has a NaN bound"),
            ({"age": (np.nan, 5)}, "'age' has a NaN bound"),
            ({"age": set()}, "Cannot read the range of 'age'"),
            ({"age": 3}, r"Cannot read the range of 'age': 3. Give \(low, high\)"),
        ],
    )
    def test_errors(self, conditions, message):
        with pytest.raises(ValueError, match=message):
            Persona.from_conditions(conditions)

    def test_direction(self):
        persona = Persona.from_conditions({"a": (0, 1)}, direction="unfavorable")
        assert persona.direction == "unfavorable"
        with pytest.raises(ValueError, match="'favorable' or 'unfavorable', got 'up'"):
            Persona.from_conditions({"a": (0, 1)}, direction="up")


class TestCoversErrors:
    def test_missing_column(self):
        with pytest.raises(ValueError, match=r"no column 'agee'; did you mean 'age'"):
            rule(agee=(None, 3)).covers(TABLE)

    def test_name_needs_a_frame(self):
        with pytest.raises(ValueError, match="must be a DataFrame with that column"):
            rule(age=(None, 3)).covers(np.zeros((3, 2)))

    def test_position_out_of_range(self):
        with pytest.raises(ValueError, match="has 2 columns, need column 5"):
            Persona.from_conditions({5: (None, 3)}).covers(np.zeros((3, 2)))

    def test_one_dimension(self):
        with pytest.raises(ValueError, match="two dimensions"):
            Persona.from_conditions({0: (None, 3)}).covers([1, 2])

    def test_range_on_categories(self):
        with pytest.raises(ValueError, match=r"sex <= 3 needs numbers.*categories"):
            rule(sex=(None, 3)).covers(TABLE)


class TestEvaluate:
    def test_nobody_inside(self):
        with pytest.raises(ValueError, match="No analyzed case satisfies age > 99"):
            rule(age=(99, None)).evaluate(TABLE, range(5), treatment=[0, 1, 0, 1, 0])

    def test_lengths(self):
        with pytest.raises(ValueError, match="y has 4 entries but X has 5 rows"):
            rule(age=(9, None)).evaluate(TABLE, range(4), treatment=[0, 1, 0, 1, 0])

    def test_treatment_is_asked_for(self):
        # A forgotten arm would turn the test of an effect into one of outcomes.
        with pytest.raises(TypeError, match="treatment"):
            rule(age=(25, None)).evaluate(TABLE, range(5))

    def test_same_seed_same_evidence(self):
        trial = make_parallel_trial(n_samples=120, random_state=0)
        persona = rule(x0=(0, None))
        records = [
            persona.evaluate(
                trial.data,
                trial.target,
                treatment=trial.treatment,
                n_permutations=200,
                n_bootstrap=200,
                random_state=seed,
            )
            for seed in (1, 1, 2)
        ]
        assert records[0] == records[1]
        assert not records[0].exact
        assert records[0] != records[2]


@pytest.fixture(scope="module")
def fitted():
    trial = make_parallel_trial(n_samples=160, effect=2.5, random_state=0)
    table = trial.data.assign(
        sex=np.where(np.arange(160) % 3 == 0, "F", "M"),
        site=pd.Categorical(np.arange(160) % 4),
        flag=np.arange(160) % 2 == 0,
    )
    finder = PersonaDiscoverer(
        max_variables=2,
        modalities=lambda name: "clinical" if name in ("sex", "site") else "simulated",
        n_bootstrap=100,
        random_state=0,
    )
    return finder.fit(table, trial.target, treatment=trial.treatment), table


def plain(value):
    if isinstance(value, dict):
        return all(type(k) is str and plain(v) for k, v in value.items())
    if isinstance(value, list):
        return all(map(plain, value))
    return value is None or type(value) in (str, int, float, bool)


class TestJson:
    def test_round_trip(self, fitted):
        finder, table = fitted
        assert len(finder.personas_) > 3
        for persona in finder.personas_:
            values = persona.to_dict()
            assert plain(values)
            text = json.dumps(values, allow_nan=False)
            again = Persona.from_dict(json.loads(text))
            assert again.to_dict() == values
            assert str(again) == str(persona)
            assert again.conditions == persona.conditions
            assert_array_equal(again.covers(table), persona.covers(table))

    def test_undefined_numbers_come_back(self):
        again = Persona.from_dict(rule(age=(None, 3)).to_dict())
        assert np.isnan(again.p_adjusted) and np.isnan(again.objective)
        assert again.train is None and again.effect_adjusted is None

    def test_mixed_levels_are_plain(self):
        values = ["a", np.int64(3), np.float64(2.5), np.str_("b")] * 10
        X = pd.DataFrame({"x": np.array(values, dtype=object)})
        y = np.where(X.x.astype(str) == "3", 5.0, 0) + np.arange(40) % 7
        with pytest.warns(UserWarning, match="No treatment"):
            finder = PersonaDiscoverer(validation=None, n_bootstrap=0).fit(X, y)
        assert finder.personas_
        for persona in finder.personas_:
            assert plain(persona.to_dict())
            json.dumps(persona.to_dict(), allow_nan=False)

    def test_schema(self):
        with pytest.raises(ValueError, match="Expected schema 'sklearn-persona"):
            Persona.from_dict({"conditions": []})

    def test_unknown_fields(self):
        values = rule(age=(None, 3)).to_dict()
        with pytest.raises(ValueError, match=r"no fields \['color'\]"):
            Persona.from_dict(values | {"color": 1})

    @pytest.mark.parametrize("conditions", [None, [{"nme": "age", "low": 3}]])
    def test_damaged_conditions(self, conditions):
        values = rule(age=(None, 3)).to_dict()
        del values["conditions"]
        if conditions is not None:
            values["conditions"] = conditions
        with pytest.raises(ValueError, match="condition"):
            Persona.from_dict(values)


def test_frozen_and_picklable(fitted):
    persona = fitted[0].personas_[0]
    with pytest.raises(FrozenInstanceError):
        persona.confirmed = True
    assert str(pickle.loads(pickle.dumps(persona))) == str(persona)


def test_ranges_of_the_data_are_those_of_the_training_cases(fitted):
    finder, table = fitted
    train = table[finder.split_ == "training"]
    conditions = [c for p in finder.personas_ for c in p.conditions if c.levels is None]
    assert conditions
    for condition in conditions:
        assert condition.data_low == train[condition.name].min()
        assert condition.data_high == train[condition.name].max()


def test_modalities(fitted):
    finder, _ = fitted
    for persona in finder.personas_:
        found = {
            "clinical" if c.name in ("sex", "site") else "simulated"
            for c in persona.conditions
        }
        assert persona.modalities == tuple(sorted(found))


def test_text_of_a_card(fitted):
    persona = fitted[0].personas_[0]
    assert persona.confirmed
    text = str(persona)
    record = persona.holdout
    for condition in persona.conditions:
        assert condition.name in text
    for part in (
        "favorable",
        "confirmed",
        "persona range",
        "data range",
        "training",
        "holdout",
        f"{record.n} of {record.total}",
        f"{record.n_treated} / {record.n_control}",
        percent(record.coverage),
        p_text(record.p_value),
        p_text(record.p_floor),
        p_text(record.p_interaction),
        p_text(persona.p_adjusted),
        "Cohen's d",
        "95% CI",
        "effect outside",
    ):
        assert part in text, part
    assert max(map(len, text.splitlines())) <= 100


def test_text_without_evidence():
    text = str(rule(age=(None, 40.5), sex={"F"}))
    assert "not tested" in text
    assert "<= 40.5" in text and "= F" in text
    assert "holdout" not in text


def test_text_never_rounds_a_p_value_to_zero():
    trial = make_parallel_trial(n_samples=400, effect=3.0, random_state=0)
    record = rule(x0=(0, None)).evaluate(
        trial.data,
        trial.target,
        treatment=trial.treatment,
        n_permutations=50_000,
        n_bootstrap=0,
    )
    assert record.p_value < 1e-4
    text = str(replace(rule(x0=(0, None)), train=record))
    assert "< 0.0001" in text and "0.0000" not in text
    assert "nan" not in text


def test_condition_text():
    assert str(Condition("a", 0, low=0.1 + 0.2)) == "a > 0.3"
    assert str(Condition("a", 0, high=12345678.0)) == "a <= 12345678"
    assert str(Condition(None, 3, low=-1.0, high=2.0)) == "-1 < x3 <= 2"


@pytest.mark.parametrize("which", [0, 1])
def test_published_personas_on_a_trial_of_the_published_size(which):
    # Planted with the shape of the published ones, written by hand here.
    trial = make_ketamine_crossover(effect=(14.0, -14.0), random_state=1)
    name = list(trial.planted)[which]
    direction = "favorable" if trial.effect[name] > 0 else "unfavorable"
    persona = Persona.from_conditions(trial.planted[name], direction=direction)
    first = trial.data.groupby(trial.groups).transform("first")
    with pytest.warns(IncompleteParticipantWarning, match="3 of 33"):
        record = persona.evaluate(
            first,
            trial.target,
            treatment=trial.treatment,
            groups=trial.groups,
            period=trial.period,
            control="saline",
            greater_is_better=False,
            n_bootstrap=100,
        )
    assert record.total == 60
    assert record.n_groups == record.n_treated == record.n_control
    sign = 1 if direction == "favorable" else -1
    assert sign * (record.effect - record.effect_complement) > 0
    assert record.mean_treated < 5
