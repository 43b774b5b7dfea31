"""Units, signs and sizes of every design on tables small enough to check by eye."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_persona import Persona, PersonaDiscoverer
from sklearn_persona._designs import make_units, read_cases, resolve_design
from sklearn_persona._designs.labels import pooled_sd
from sklearn_persona.exceptions import (
    IncompleteParticipantWarning,
    PeriodUnknownWarning,
    SingleArmWarning,
    VaryingBaselineWarning,
)
from sklearn_persona.inference import floor_from_sequences


def units_of(design, y, *, n_rows=None, **columns):
    cases = read_cases(len(y) if n_rows is None else n_rows, y, **columns)
    return make_units(resolve_design(design, cases), cases)


# Participants a, b, c, d, complete but d; a and b took the drug first.
PARTICIPANT = ["a", "b", "b", "a", "c", "c", "d"]
PERIOD = [1, 1, 2, 2, 2, 1, 1]
ARM = ["drug", "drug", "saline", "saline", "drug", "saline", "drug"]
Y = [10.0, 7.0, 2.0, 4.0, 9.0, 1.0, 100.0]


@pytest.fixture
def crossover():
    with pytest.warns(IncompleteParticipantWarning, match="1 of 4 participants"):
        return units_of(
            "auto",
            Y,
            treatment=ARM,
            groups=PARTICIPANT,
            period=PERIOD,
            control="saline",
        )


class TestCrossover:
    def test_pairs(self, crossover):
        assert crossover.design == "crossover"
        assert crossover.paired and crossover.treated is None
        assert_array_equal(crossover.groups, [0, 1, 2])
        assert_array_equal(crossover.outcome, [6, 5, 8])
        assert_array_equal(crossover.by_arm, [[10, 4], [7, 2], [9, 1]])
        assert crossover.n_cases == 6

    def test_described_by_the_first_period(self, crossover):
        assert_array_equal(crossover.rows, [0, 1, 5])
        assert_array_equal(crossover.sequence, [1, 1, -1])

    def test_period_adjustment(self, crossover):
        # Sequence means of the difference are 5.5 and 8; half their difference is
        # the period effect, whatever the numbers in the sequences.
        assert_array_equal(crossover.period_effects, [(5.5 - 8) / 2] * 3)
        assert_array_equal(crossover.value, [6 + 1.25, 5 + 1.25, 8 - 1.25])

    def test_one_sequence_leaves_the_period_unknown(self, crossover):
        part = crossover.take(np.array([True, True, False]))
        assert_array_equal(part.period_effects, [0.0, 0.0])

    def test_adjusted_anew_in_each_half(self, crossover):
        part = crossover.take(np.array([True, False, True]))
        assert_array_equal(part.period_effects, [(6 - 8) / 2] * 2)

    def test_without_period(self):
        with (
            pytest.warns(PeriodUnknownWarning, match="Pass period="),
            pytest.warns(IncompleteParticipantWarning),
        ):
            units = units_of(
                "crossover", Y, treatment=ARM, groups=PARTICIPANT, control="saline"
            )
        # The first row of the table stands for the participant.
        assert_array_equal(units.rows, [0, 1, 4])
        assert units.sequence is None
        assert_array_equal(units.value, [6, 5, 8])

    def test_two_cases_in_an_arm(self):
        with pytest.raises(ValueError, match=r"'b' has 2 cases in arm 'drug'.*Average"):
            units_of(
                "crossover",
                [1, 2, 3, 4, 5.0],
                treatment=["drug", "saline", "drug", "saline", "drug"],
                groups=["a", "a", "b", "b", "b"],
                control="saline",
            )

    def test_two_cases_in_a_period(self):
        with pytest.raises(ValueError, match="'a' has both cases in the same period"):
            units_of(
                "crossover",
                [1, 2, 3, 4.0],
                treatment=[0, 1, 0, 1],
                groups=["a", "a", "b", "b"],
                period=[1, 1, 1, 2],
            )

    def test_no_complete_pair(self):
        with pytest.raises(ValueError, match=r"none of 3 has.*design='parallel'"):
            units_of("crossover", [1, 2, 3.0], treatment=[0, 1, 0])

    @pytest.mark.parametrize("lower_is_better", [False, True])
    def test_orientation(self, lower_is_better):
        y = np.array([-20.0, -5, -18, -6, -25, -4])
        units = units_of(
            "auto",
            y,
            treatment=[1, 0] * 3,
            groups=[0, 0, 1, 1, 2, 2],
            period=[1, 2, 2, 1, 1, 2],
            greater_is_better=not lower_is_better,
        )
        sign = -1 if lower_is_better else 1
        assert_array_equal(units.outcome, sign * np.array([-15, -12, -21]))
        # Means stay in the user's units.
        assert_array_equal(units.by_arm[:, 0], [-20, -18, -25])

    def test_split_keeps_sequences_balanced(self):
        n = 20
        sequence = np.arange(n) % 4 == 0
        arm = np.column_stack([sequence, ~sequence]).ravel()
        units = units_of(
            "auto",
            np.arange(2.0 * n),
            treatment=arm,
            groups=np.repeat(np.arange(n), 2),
            period=np.tile([1, 2], n),
        )
        for seed in range(20):
            holdout = units.split(0.5, np.random.RandomState(seed))
            assert holdout.sum() == 10
            assert (units.sequence[holdout] > 0).sum() in (2, 3)


def unequal_crossover(seed, n=60, period_effect=3.0, effect=1.0):
    """A crossover in which three quarters took the drug first."""
    rng = np.random.RandomState(seed)
    drug_first = rng.permutation(n) < 3 * n // 4
    table = pd.DataFrame(
        {
            "participant": np.repeat(np.arange(n), 2),
            "period": np.tile([1, 2], n),
            "x": np.repeat(rng.standard_normal(n), 2),
        }
    )
    first = drug_first[table.participant]
    table["arm"] = np.where(table.period == 1, first, ~first).astype(int)
    table["y"] = (
        rng.standard_normal(n)[table.participant]
        + 0.5 * rng.standard_normal(2 * n)
        + period_effect * (table.period == 1)
        + effect * table.arm
    )
    return table


def evaluate(table, persona, **options):
    options = {"n_permutations": 200, "n_bootstrap": 0} | options
    return persona.evaluate(
        table[["x"]],
        table.y,
        treatment=table.arm,
        groups=table.participant,
        **options,
    )


HALF = Persona.from_conditions({"x": (0, None)})


def test_planted_period_effect_is_adjusted_away():
    with_period, without = [], []
    for seed in range(60):
        table = unequal_crossover(seed)
        with_period.append(evaluate(table, HALF, period=table.period).effect)
        with pytest.warns(PeriodUnknownWarning):
            without.append(evaluate(table, HALF).effect)
    error = np.std(with_period) / np.sqrt(len(with_period))
    assert abs(np.mean(with_period) - 1) < 4 * error
    assert error < 0.05
    # Half of them more drug-first by 1/2: the period effect leaks in by 3 / 2.
    assert abs(np.mean(without) - 2.5) < 0.2


def test_effect_test_and_interval_of_a_persona_tell_the_same():
    # Members took the drug first far more often than the others, who have a large
    # effect of the opposite sign: a period effect estimated over everybody would
    # carry their effect into the persona.
    n = 24
    drug_first = np.r_[np.ones(10), np.zeros(2), np.ones(2), np.zeros(10)].astype(bool)
    x = np.repeat([1.0, -1.0], 12)
    participant = np.repeat(np.arange(n), 2)
    period = np.tile([1, 2], n)
    first = drug_first[participant]
    arm = np.where(period == 1, first, ~first).astype(int)
    noise = np.random.RandomState(0).standard_normal(2 * n)
    y = 0.3 * noise + arm * np.where(x > 0, 1.0, -10.0)[participant]
    record = HALF.evaluate(
        pd.DataFrame({"x": x[participant]}),
        y,
        treatment=arm,
        groups=participant,
        period=period,
        n_bootstrap=0,
    )
    assert record.effect_period1 > 0 and record.effect_period2 > 0
    assert record.p_value < 0.05
    assert_allclose(record.effect, 1.0, atol=0.4)
    assert_allclose(record.effect, np.mean(record.ci_effect))
    assert_allclose(record.effect, (record.effect_period1 + record.effect_period2) / 2)


class TestParallel:
    def test_one_row_each(self):
        units = units_of("auto", [3, 1, 2, 5.0], treatment=["b", "a", "b", "a"])
        assert units.design == "parallel" and not units.paired
        assert_array_equal(units.treated, [True, False, True, False])
        assert_array_equal(units.rows, range(4))
        assert_array_equal(units.by_arm[:, 0], [3, np.nan, 2, np.nan])
        assert_array_equal(units.by_arm[:, 1], [np.nan, 1, np.nan, 5])

    def test_several_rows_are_averaged(self):
        units = units_of(
            "parallel",
            [3, 1, 2, 5, 7.0],
            treatment=[1, 0, 1, 0, 1],
            groups=["p", "q", "r", "q", "p"],
        )
        assert_array_equal(units.outcome, [5, 3, 2])
        assert_array_equal(units.treated, [True, False, True])
        assert_array_equal(units.rows, [0, 1, 2])

    def test_both_arms(self):
        with pytest.raises(ValueError, match=r"1 participant.*both arms.*'p'"):
            units_of(
                "parallel", [3, 1, 2.0], treatment=[1, 0, 1], groups=["p", "p", "q"]
            )

    def test_control_label(self):
        arm = ["ketamine", "saline"] * 2
        units = units_of("auto", [1, 2, 3, 4.0], treatment=arm, control="saline")
        assert_array_equal(units.treated, [True, False] * 2)
        units = units_of("auto", [1, 2, 3, 4.0], treatment=arm)
        assert_array_equal(units.treated, [False, True] * 2)

    @pytest.mark.parametrize(
        "arm",
        [
            np.array([0, 1, 1, 0]),
            np.array([False, True, True, False]),
            pd.array([0, 1, 1, 0], dtype="Int64"),
            pd.Series(["a", "b", "b", "a"], dtype="category"),
            [0.0, 1.0, 1.0, 0.0],
        ],
    )
    def test_labels_of_any_kind(self, arm):
        units = units_of("auto", [1, 2, 3, 4.0], treatment=arm)
        assert_array_equal(units.treated, [False, True, True, False])

    def test_split_keeps_arms_and_strata_balanced(self):
        n = 48
        site = np.arange(n) % 3
        arm = np.arange(n) // 3 % 2
        units = units_of("auto", np.arange(float(n)), treatment=arm, strata=site)
        for seed in range(10):
            holdout = units.split(0.5, np.random.RandomState(seed))
            cells = np.bincount(2 * site[holdout] + arm[holdout], minlength=6)
            assert_array_equal(cells, np.full(6, 4))


class TestPooled:
    def test_cases_count_one_by_one(self):
        units = units_of(
            "pooled", Y, treatment=ARM, groups=PARTICIPANT, control="saline"
        )
        assert len(units) == units.n_cases == 7
        assert_array_equal(units.outcome, Y)
        assert_array_equal(units.groups, [0, 1, 1, 0, 2, 2, 3])
        assert_array_equal(units.treated, np.array(ARM) == "drug")

    def test_split_keeps_participants_whole(self):
        n = 30
        units = units_of(
            "pooled",
            np.arange(2.0 * n),
            treatment=np.tile([0, 1], n),
            groups=np.repeat(np.arange(n), 2),
        )
        for seed in range(10):
            holdout = units.split(0.5, np.random.RandomState(seed))
            assert holdout.sum() == n
            assert not set(units.groups[holdout]) & set(units.groups[~holdout])


class TestSingleArm:
    def test_units(self):
        units = units_of("auto", [4, 2, 6.0], groups=["b", "a", "b"])
        assert units.design == "single-arm"
        assert units.treated is None and not units.paired
        assert_array_equal(units.outcome, [2, 5])

    def test_fit_warns_and_compares_inside_with_outside(self):
        rng = np.random.RandomState(0)
        X = rng.standard_normal((60, 2))
        y = rng.standard_normal(60) + 3 * (X[:, 0] > 0)
        finder = PersonaDiscoverer(
            max_variables=1, random_state=0, direction="favorable"
        )
        with pytest.warns(SingleArmWarning, match="No treatment was given"):
            finder.fit(X, y)
        assert finder.design_ == "single-arm" and not finder.two_arm_
        best = finder.personas_[0]
        record = best.holdout
        rows = finder.split_ == "holdout"
        inside = best.covers(X)[rows]
        assert record.effect == pytest.approx(
            y[rows][inside].mean() - y[rows][~inside].mean()
        )
        assert record.n_treated == inside.sum()
        assert record.n_control == (~inside).sum()
        assert record.mean_control == pytest.approx(y[rows][~inside].mean())


class TestResponse:
    @pytest.mark.parametrize(
        ("greater_is_better", "response"),
        [(True, [0, 1, 1, 0]), (False, [1, 1, 0, 1])],
    )
    def test_edge_belongs_to_the_response(self, greater_is_better, response):
        units = units_of(
            "auto",
            [-50, -40, -10, -45.0],
            treatment=[1, 0, 1, 0],
            response_threshold=-40,
            greater_is_better=greater_is_better,
        )
        assert_array_equal(units.outcome, response)
        # Raw outcomes are kept for the card.
        assert_array_equal(units.by_arm[[0, 2], 0], [-50, -10])

    def test_rates_by_arm_in_the_evidence(self):
        X = pd.DataFrame({"x": [1.0] * 8 + [-1] * 4})
        y = [-50, -60, -10, -45, -5, -44, -3, 0, 0, 0, 0, -60]
        record = HALF.evaluate(
            X,
            y,
            treatment=[1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0],
            response_threshold=-40,
            greater_is_better=False,
            n_bootstrap=0,
        )
        assert (record.rate_treated, record.rate_control) == (0.75, 0.25)
        assert record.effect == 0.5
        assert record.effect_complement == -0.5
        assert (record.mean_treated, record.mean_control) == (-41.25, -13)
        # Three responders against one, four a side: 2 * (16 + 1) / 70.
        assert record.p_value == pytest.approx(34 / 70)


@pytest.mark.parametrize("greater_is_better", [True, False])
def test_benefit_is_positive_whatever_the_scale(greater_is_better):
    rng = np.random.RandomState(3)
    n = 120
    X = rng.standard_normal((n, 3))
    arm = np.arange(n) % 2
    gain = 3.0 * arm * (X[:, 0] > 0) + rng.standard_normal(n)
    y = 20 + (gain if greater_is_better else -gain)
    finder = PersonaDiscoverer(
        max_variables=1, greater_is_better=greater_is_better, random_state=0
    ).fit(X, y, treatment=arm)
    best = finder.personas_[0]
    assert best.direction == "favorable" and best.confirmed
    record = best.holdout
    assert record.effect > 0 and record.effect_size > 0
    assert record.ci_effect[0] > 0
    difference = record.mean_treated - record.mean_control
    assert difference == pytest.approx(record.effect * (1 if greater_is_better else -1))
    assert finder.score(X, y, treatment=arm) > 0


@pytest.fixture
def fitted_crossover():
    table = unequal_crossover(5, n=80)
    table["y"] += 4 * table.arm * (table.x > 0)
    # Participants 0 and 1 left after one period.
    table = table[~((table.participant < 2) & (table.period == 2))]
    finder = PersonaDiscoverer(max_variables=1, random_state=0)
    with pytest.warns(IncompleteParticipantWarning, match="2 of 80"):
        finder.fit(
            table[["x"]],
            table.y,
            treatment=table.arm,
            groups=table.participant,
            period=table.period,
        )
    return finder, table


def test_sizes_of_a_crossover_count_pairs(fitted_crossover):
    finder, table = fitted_crossover
    assert finder.design_ == "crossover"
    best = finder.personas_[0]
    for half, record in (("training", best.train), ("holdout", best.holdout)):
        part = table[(finder.split_ == half) & (table.period == 1)]
        inside = best.covers(part[["x"]])
        assert record.n_treated == record.n_control == inside.sum()
        assert record.n_groups == inside.sum()
        assert record.coverage == pytest.approx(inside.mean())
        assert record.n_complement == (~inside).sum()


def test_incomplete_participants_are_not_analyzed(fitted_crossover):
    finder, table = fitted_crossover
    left_out = table.participant[finder.split_ == "not analysed"]
    assert set(left_out) == {0, 1}
    assert (finder.split_ != "not analysed").sum() == 156


def test_automatic_size_of_pairs_is_that_of_sign_flips(fitted_crossover):
    # 2 / 2**6 <= .05 < 2 / 2**5; with the period known three of each sequence among
    # as few as twelve pairs reach .05 too.
    finder, _ = fitted_crossover
    assert finder.min_arm_size_ == 6
    first, inside = np.arange(12) % 2 == 0, np.arange(12) < 6
    assert floor_from_sequences(first, inside) <= 0.05
    assert floor_from_sequences(first, np.arange(12) < 5) > 0.05


def test_varying_baseline_is_named():
    table = unequal_crossover(1, n=40)
    table.loc[7, "x"] += 1
    finder = PersonaDiscoverer(max_variables=1, random_state=0)
    with pytest.warns(VaryingBaselineWarning, match=r"1 column.*\['x'\]"):
        finder.fit(
            table[["x"]],
            table.y,
            treatment=table.arm,
            groups=table.participant,
            period=table.period,
        )


def test_membership_comes_from_the_first_period_row():
    # x is above zero in the first period only, for everybody.
    table = unequal_crossover(1, n=20).sample(frac=1, random_state=0)
    table["x"] = np.where(table.period == 1, 1.0, -1.0)
    record = evaluate(table, HALF, period=table.period)
    assert record.coverage == 1.0 and record.n_groups == 20


def test_objective_effect_of_pairs():
    table = unequal_crossover(2, n=40, effect=2.0)
    options = {
        "treatment": table.arm,
        "groups": table.participant,
        "period": table.period,
    }
    finder = PersonaDiscoverer(
        max_variables=1, objective="effect", validation=None, n_bootstrap=0
    ).fit(table[["x"]], table.y, **options)
    cases = read_cases(len(table), table.y, **options)
    value = make_units("crossover", cases).value
    best = finder.personas_[0]
    inside = best.covers(table[["x"]])[table.period == 1]
    sign = 1 if best.direction == "favorable" else -1
    expected = sign * np.sqrt(inside.sum()) * value[inside].mean() / value.std()
    assert best.objective == pytest.approx(expected)


@pytest.mark.parametrize("design", ["parallel", "crossover", "pooled"])
def test_design_without_treatment(design):
    with pytest.raises(ValueError, match=f"'{design}' needs treatment="):
        units_of(design, [1, 2, 3.0])


def test_single_arm_with_treatment():
    with pytest.raises(ValueError, match="leave treatment out"):
        units_of("single-arm", [1, 2.0], treatment=[0, 1])


def test_pooled_sd_is_within_arms():
    outcome = np.array([1.0, 3, 11, 13])
    treated = np.array([False, False, True, True])
    assert pooled_sd(outcome, treated) == 1.0
    assert pooled_sd(outcome) == pytest.approx(np.std(outcome))


def test_a_period_does_not_matter_outside_a_crossover():
    # All cases of a parallel trial may come from one session.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        units = units_of(
            "auto", [1, 2, 3, 4.0], treatment=[0, 1, 0, 1], period=[1, 1, 1, 1]
        )
    assert units.design == "parallel"
