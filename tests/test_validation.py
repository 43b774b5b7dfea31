"""What may be claimed, recomputed by hand from what a fit reports."""

import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from sklearn_persona import Persona, PersonaDiscoverer
from sklearn_persona._claims.holdout import _choose, _conditional
from sklearn_persona._claims.rule import ClaimRule, Subgroup
from sklearn_persona._designs import make_units, read_cases
from sklearn_persona.inference import (
    floor_from_sizes,
    interaction_test,
    sequence_pvalue,
)

ALPHA, LEAST_D = 0.2, 0.3


def choose(candidates, floors, alpha, n_holdout, correction):
    rule = ClaimRule(alpha, 0.5, "heterogeneity", correction, n_holdout, 1000, 0)
    return _choose(candidates, floors, rule)


def parallel_trial(seed, n=60, effect=1.5, main=0.0):
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((n, 3))
    arm = rng.permutation(np.arange(n) % 2)
    y = rng.standard_normal(n) + arm * (main + effect * (X[:, 0] > 0))
    return X, y, {"treatment": arm}


def crossover_trial(seed, n=40, effect=1.5, main=0.0):
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((n, 3))
    first = rng.permutation(np.arange(n) % 3 == 0)
    group = np.repeat(np.arange(n), 2)
    period = np.tile([1, 2], n)
    arm = np.where(period == 1, first[group], ~first[group]).astype(int)
    y = rng.standard_normal(n)[group] + 0.7 * rng.standard_normal(2 * n)
    y += 0.6 * period + arm * (main + effect * (X[group, 0] > 0))
    return X[group], y, {"treatment": arm, "groups": group, "period": period}


def single_arm(seed, n=60, effect=1.5, main=0.0):
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((n, 3))
    return X, rng.standard_normal(n) + effect * (X[:, 0] > 0), {}


def quick(**options):
    """An estimator with small, exact or short tests."""
    defaults = {
        "max_variables": 2,
        "n_cuts": 3,
        "n_personas": 6,
        "max_overlap": 0.8,
        "alpha": ALPHA,
        "min_effect_size": LEAST_D,
        "n_permutations": 99,
        "n_bootstrap": 0,
        "prognostic": None,
    }
    return PersonaDiscoverer(**defaults | options)


def sign(persona):
    return 1 if persona.direction == "favorable" else -1


def seeds_rule(record, persona):
    return (
        sign(persona) * record.effect > 0
        and record.p_value < ALPHA
        and abs(record.effect_size) > LEAST_D
    )


def in_period1(p_value, in_period1, effect, direction):
    """The larger of a p value and of the one-sided one in the first period."""
    if in_period1 is None:
        return p_value
    return max(
        p_value, in_period1 / 2 if direction * effect > 0 else 1 - in_period1 / 2
    )


def contrast_by_hand(record, persona):
    return in_period1(
        record.p_interaction,
        record.p_interaction_period1,
        record.contrast_period1,
        sign(persona),
    )


def members_by_hand(record):
    return in_period1(
        max(record.p_value, record.p_welch),
        record.p_value_period1,
        record.effect_period1,
        np.sign(record.effect),
    )


def passes(record, persona, criterion, p=None):
    """The thresholds of a claim; in training with the p value of the pairs as it is."""
    if criterion == "effect":
        p = record.p_value if p is None else p
        agrees = sign(persona) * record.effect > 0
    else:
        p = record.p_interaction if p is None else p
        agrees = contrast_agrees(record, persona)
    return agrees and p < ALPHA and sign(persona) * record.effect_size > LEAST_D


def contrast_agrees(record, persona):
    return sign(persona) * (record.effect - record.effect_complement) > 0


def by_hand(p, method):
    """Adjusted p values from their definitions."""
    m = len(p)
    if method is None:
        return list(p)
    if method == "fixed-sequence":
        return [max(p[: i + 1]) for i in range(m)]
    order = sorted(range(m), key=lambda i: p[i])
    ranked = [p[i] for i in order]
    if method == "holm":
        values = [max((m - j) * ranked[j] for j in range(k + 1)) for k in range(m)]
    else:
        values = [min(m / (j + 1) * ranked[j] for j in range(k, m)) for k in range(m)]
    out = [0.0] * m
    for k, i in enumerate(order):
        out[i] = min(1.0, values[k])
    return out


@pytest.mark.parametrize("criterion", ["heterogeneity", "effect"])
@pytest.mark.parametrize("correction", ["holm", "bh", "fixed-sequence", None])
@pytest.mark.parametrize("make", [parallel_trial, crossover_trial])
def test_claims_follow_from_the_records(make, correction, criterion):
    seen = {True: 0, False: 0}
    for seed in range(12):
        X, y, columns = make(seed, effect=[0.0, 1.0, 2.0][seed % 3], main=0.4)
        finder = quick(
            correction=correction, criterion=criterion, random_state=seed
        ).fit(X, y, **columns)
        personas = sorted(finder.personas_, key=lambda p: -p.objective)
        confirmed_first = [p.confirmed for p in finder.personas_]
        assert confirmed_first == sorted(confirmed_first, reverse=True)

        taken = [p for p in personas if p.holdout is not None]
        assert len(taken) <= 3
        for persona in personas:
            if persona.holdout is None:
                assert not (persona.replicated or persona.confirmed)
                assert math.isnan(persona.p_adjusted)
                assert persona.members_claim == "not tested"
                continue
            assert passes(persona.train, persona, criterion)
            assert persona.replicated == (
                seeds_rule(persona.train, persona)
                and seeds_rule(persona.holdout, persona)
            )
        contrast = [contrast_by_hand(q.holdout, q) for q in taken]
        members = [members_by_hand(q.holdout) for q in taken]
        confirming = members if criterion == "effect" else contrast
        adjusted = by_hand(confirming, correction)
        assert_allclose([q.p_adjusted for q in taken], adjusted)
        of_members = by_hand(members, correction)
        assert_allclose([q.p_adjusted_members for q in taken], of_members)
        n_confirmed = 0
        for k, persona in enumerate(taken):
            claimed = passes(persona.holdout, persona, criterion, p=adjusted[k])
            if n_confirmed:
                claimed = claimed and persona.p_conditional < ALPHA
            assert persona.confirmed == claimed
            n_confirmed += claimed
            seen[persona.confirmed] += 1
            said = "not tested"
            if claimed:
                good = "benefit" if persona.holdout.effect > 0 else "harm"
                said = good if of_members[k] < ALPHA else "no effect shown"
            assert persona.members_claim == said
            if persona.confirmed and criterion == "effect":
                assert persona.claim == "effect in subgroup, heterogeneity not shown"
            elif persona.confirmed:
                assert persona.claim == "confirmed"
        assert finder.n_confirmed_ == sum(confirmed_first)
    # Otherwise nothing was tested here.
    assert seen[True] >= 3 and seen[False] >= 3


def test_reversal_is_against_the_whole_trial():
    """Of a persona that was tested only where its members show an effect."""
    kinds = set()
    for seed in range(6):
        X, y, columns = parallel_trial(seed, n=200, effect=-2.5, main=1.8)
        finder = quick(random_state=seed).fit(X, y, **columns)
        train = finder.split_ == "training"
        arm = columns["treatment"][train]
        trial = y[train][arm == 1].mean() - y[train][arm == 0].mean()
        for persona in finder.personas_:
            against = persona.train.effect * trial < 0
            if persona.holdout is not None:
                against = against and persona.members_claim in ("benefit", "harm")
            assert persona.reversal == against
            kinds.add((persona.reversal, persona.holdout is None))
    assert {reversal for reversal, _ in kinds} == {True, False}
    assert (True, False) in kinds


@pytest.mark.parametrize("n_holdout", [1, 2, 5])
def test_n_holdout(n_holdout):
    X, y, columns = parallel_trial(0, n=200, effect=3.0)
    finder = quick(n_holdout=n_holdout, random_state=0).fit(X, y, **columns)
    taken = [p for p in finder.personas_ if p.holdout is not None]
    passed = [p for p in finder.personas_ if passes(p.train, p, "heterogeneity")]
    assert len(passed) > 2
    assert len(taken) == min(n_holdout, len(passed))
    # The best of those that passed are the ones tested.
    left = [p for p in passed if p.holdout is None]
    assert all(p.claim == "not taken to the holdout" for p in left)
    worst = min(p.objective for p in taken)
    assert all(p.objective <= worst for p in left)


class TestTarone:
    """Personas whose sizes cannot reach their share of alpha stay out."""

    def test_share_of_alpha(self):
        floors = {0: 0.0286, 1: 0.0001, 2: 0.0286, 3: 0.0001}
        assert choose([0, 1, 2, 3], floors, 0.05, 3, "holm") == [1, 3]
        # Alone, the first can reach alpha.
        assert choose([0, 2], floors, 0.05, 3, "holm") == [0]
        assert choose([0, 1, 2, 3], floors, 0.05, 1, "holm") == [0]
        assert choose([0, 1, 2, 3], floors, 0.01, 4, "holm") == [1, 3]
        assert choose([0, 2], floors, 0.01, 3, "holm") == []
        assert choose([], floors, 0.05, 3, "holm") == []

    def test_without_a_share_every_floor_below_alpha_counts(self):
        floors = {0: 0.04, 1: 0.06, 2: 0.05}
        assert choose([0, 1, 2], floors, 0.05, 3, None) == [0, 2]
        assert choose([0, 1, 2], floors, 0.05, 3, "fixed-sequence") == [0, 2]

    def test_decided_by_sizes_alone(self):
        reported = 0
        for seed in range(8):
            X, y, columns = parallel_trial(seed, n=36, effect=4.0)
            finder = quick(alpha=0.05, min_arm_size=3, random_state=seed).fit(
                X, y, **columns
            )
            holdout = finder.split_ == "holdout"
            arm = columns["treatment"][holdout]
            taken = sum(p.holdout is not None for p in finder.personas_)
            for persona in finder.personas_:
                inside = persona.covers(X)[holdout]
                sizes = (inside & (arm == 1)).sum(), (inside & (arm == 0)).sum()
                outside = (~inside & (arm == 1)).sum(), (~inside & (arm == 0)).sum()
                whole = min(*sizes, *outside) > 0
                floor = floor_from_sizes(*sizes) if whole else 1.0
                if persona.holdout is not None:
                    assert floor <= 0.05 / taken
                elif persona.claim == "not testable in the holdout":
                    assert floor > 0.05 / max(taken, 1)
                    reported += 1
        assert reported

    def test_strata_count(self):
        # Six sites with one member an arm each: only 2**6 arrangements.
        n = 24
        x = np.repeat([1.0, -1.0], n // 2)
        arm = np.tile([0, 1], n // 2)
        site = np.arange(n) // 2
        y = 5.0 * arm * (x > 0) + np.arange(n) / 100
        persona = Persona.from_conditions({0: (0, None)})
        record = persona.evaluate(
            x[:, None], y, treatment=arm, strata=site, n_bootstrap=0
        )
        assert record.n_treated == record.n_control == 6
        assert record.p_floor == 2 / 2**6
        assert record.p_value >= record.p_floor
        # A choice by sizes must know it: nothing here can reach .05 / 3.
        units = make_units("parallel", read_cases(n, y, treatment=arm, strata=site))
        assert units.size_floor(x > 0, 1000, contrast=True) == 2 / 2**6
        # Nobody outside leaves no contrast to test.
        everyone = np.ones(n, bool)
        assert units.size_floor(everyone, 1000, contrast=True) == 1.0
        assert units.size_floor(everyone, 1000, contrast=False) < 1.0


@pytest.mark.parametrize("make", [parallel_trial, crossover_trial])
def test_no_participant_in_both_halves(make):
    for seed in range(10):
        X, y, columns = make(seed)
        finder = quick(random_state=seed).fit(X, y, **columns)
        groups = columns.get("groups", np.arange(len(y)))
        train = set(groups[finder.split_ == "training"])
        holdout = set(groups[finder.split_ == "holdout"])
        assert not train & holdout
        assert len(train) + len(holdout) == len(set(groups))
        assert abs(len(train) - len(holdout)) <= 1


@pytest.mark.parametrize("share", [0.25, 0.4])
def test_holdout_size(share):
    X, y, columns = parallel_trial(0, n=80)
    finder = quick(holdout_size=share, random_state=0).fit(X, y, **columns)
    holdout = finder.split_ == "holdout"
    assert holdout.sum() == 80 * share
    assert columns["treatment"][holdout].sum() == 40 * share


def test_sequences_and_arms_are_balanced():
    X, y, columns = crossover_trial(1, n=48)
    finder = quick(random_state=1).fit(X, y, **columns)
    drug_first = (columns["period"] == 1) & (columns["treatment"] == 1)
    assert drug_first[finder.split_ == "training"].sum() == 8
    assert drug_first[finder.split_ == "holdout"].sum() == 8


def share_that_claims(criterion, n_seeds=60):
    claims = 0
    for seed in range(n_seeds):
        X, y, columns = parallel_trial(seed, n=140, effect=0.0, main=0.8)
        finder = quick(
            alpha=0.05,
            min_effect_size=0.5,
            criterion=criterion,
            direction="favorable",
            random_state=seed,
        ).fit(X, y, **columns)
        claims += finder.n_confirmed_ > 0
    return claims / n_seeds


def test_a_drug_that_works_in_everyone_is_not_a_persona():
    # 60 trials at a rate of .05: more than 9 claims in one of 2,500 runs.
    assert share_that_claims("heterogeneity") <= 9 / 60


def test_effect_criterion_claims_it():
    assert share_that_claims("effect") >= 0.3


def evaluated(X, y, **options):
    persona = Persona.from_conditions({0: (0, None)})
    return persona.evaluate(X, y, **{"n_bootstrap": 0} | options)


def absolute_difference(a, b, axis=-1):
    return abs(a.mean(axis=axis) - b.mean(axis=axis))


class TestEvidence:
    def test_parallel(self):
        rng = np.random.RandomState(0)
        X = np.r_[np.ones(11), -np.ones(12)][:, None]
        arm = np.r_[np.ones(5), np.zeros(6), np.ones(7), np.zeros(5)].astype(int)
        y = rng.standard_normal(23) + 1.2 * arm * (X[:, 0] > 0)
        record = evaluated(X, y, treatment=arm)
        a, b = y[:5], y[5:11]
        assert (record.n, record.n_groups, record.total) == (11, 11, 23)
        assert (record.n_treated, record.n_control) == (5, 6)
        assert record.n_complement == 12
        assert record.coverage == 11 / 23
        assert record.effect == pytest.approx(a.mean() - b.mean())
        assert record.effect_complement == pytest.approx(
            y[11:18].mean() - y[18:].mean()
        )
        assert (record.mean_treated, record.mean_control) == (a.mean(), b.mean())
        variance = (4 * a.var(ddof=1) + 5 * b.var(ddof=1)) / 9
        assert record.effect_size == pytest.approx(record.effect / variance**0.5)
        expected = stats.permutation_test(
            (a, b),
            absolute_difference,
            vectorized=True,
            n_resamples=np.inf,
            alternative="greater",
        )
        assert record.exact
        assert record.p_value == pytest.approx(expected.pvalue)
        assert record.p_floor == pytest.approx(1 / math.comb(11, 5))
        welch = stats.ttest_ind(a, b, equal_var=False).confidence_interval()
        assert_allclose(record.ci_effect, welch)
        contrast = interaction_test(y, arm, X[:, 0] > 0, random_state=0)
        assert record.p_interaction == contrast.p_value

    def test_single_arm(self):
        rng = np.random.RandomState(1)
        X = np.r_[np.ones(6), -np.ones(7)][:, None]
        y = rng.standard_normal(13) + (X[:, 0] > 0)
        record = evaluated(X, y, treatment=None)
        a, b = y[:6], y[6:]
        assert (record.n_treated, record.n_control, record.n) == (6, 7, 6)
        assert record.effect == pytest.approx(a.mean() - b.mean())
        assert math.isnan(record.effect_complement)
        expected = stats.permutation_test(
            (a, b),
            absolute_difference,
            vectorized=True,
            n_resamples=np.inf,
            alternative="greater",
        )
        assert record.p_value == pytest.approx(expected.pvalue)
        assert record.p_interaction == record.p_value
        assert_allclose(
            record.ci_effect,
            stats.ttest_ind(a, b, equal_var=False).confidence_interval(),
        )

    @pytest.mark.filterwarnings(
        # The period is left out on purpose.
        "ignore::sklearn_persona.exceptions.PeriodUnknownWarning"
    )
    def test_crossover_without_period(self):
        rng = np.random.RandomState(2)
        n = 18
        group = np.repeat(np.arange(n), 2)
        X = np.where(group < 9, 1.0, -1.0)[:, None]
        arm = np.tile([1, 0], n)
        y = rng.standard_normal(2 * n) + 0.8 * arm
        record = evaluated(X, y, treatment=arm, groups=group)
        difference = (y[::2] - y[1::2])[:9]
        assert record.n_treated == record.n_control == record.n_groups == 9
        assert record.coverage == 0.5
        assert record.effect == pytest.approx(difference.mean())
        d = difference.mean() / difference.std(ddof=1)
        assert record.effect_size == pytest.approx(d)
        expected = stats.permutation_test(
            (difference,),
            lambda x, axis=-1: abs(x.mean(axis=axis)),
            permutation_type="samples",
            vectorized=True,
            n_resamples=np.inf,
            alternative="greater",
        )
        assert record.p_value == pytest.approx(expected.pvalue)
        assert record.p_floor == 2 / 2**9
        t = stats.ttest_1samp(difference, 0).confidence_interval()
        assert_allclose(record.ci_effect, t)
        assert record.effect_period1 is None and record.p_carryover is None

    def test_crossover_with_period(self):
        X, y, columns = crossover_trial(3, n=24)
        inside = X[::2, 0] > 0
        record = evaluated(X, y, **columns)
        first_period, second_period = y[::2], y[1::2]
        drug_first = columns["treatment"][::2] == 1
        step = first_period - second_period
        a, b = step[inside & drug_first], step[inside & ~drug_first]
        # Sequences are exchanged among all pairs, exact whatever the period effect is.
        expected = sequence_pvalue(step, drug_first, inside)
        assert expected.exact
        assert record.p_value == pytest.approx(expected.p_value)
        low, high = stats.ttest_ind(a, b, equal_var=False).confidence_interval()
        assert_allclose(record.ci_effect, (low / 2, high / 2))
        p1, p2 = first_period[inside], second_period[inside]
        own = drug_first[inside]
        assert record.effect_period1 == pytest.approx(p1[own].mean() - p1[~own].mean())
        assert record.effect_period2 == pytest.approx(p2[~own].mean() - p2[own].mean())
        total = p1 + p2
        expected = stats.permutation_test(
            (total[own], total[~own]),
            absolute_difference,
            vectorized=True,
            n_resamples=np.inf,
            alternative="greater",
        )
        assert record.p_carryover == pytest.approx(expected.pvalue)

    def test_a_period_effect_moves_no_test(self):
        X, y, columns = crossover_trial(4, n=24)
        record = evaluated(X, y, **columns)
        shifted = evaluated(X, y + 50.0 * (columns["period"] == 1), **columns)
        for name in ("p_value", "p_interaction", "effect", "effect_size", "ci_effect"):
            assert_allclose(getattr(shifted, name), getattr(record, name), rtol=1e-9)

    def test_constant_inside_takes_the_spread_of_the_half(self):
        X = np.r_[np.ones(8), -np.ones(8)][:, None]
        arm = np.tile([0, 1], 8)
        y = np.where(X[:, 0] > 0, 1.0 * arm, [0, 0, 4, 4] * 4)
        record = evaluated(X, y, treatment=arm)
        a, b = y[arm == 1], y[arm == 0]
        sd = ((7 * a.var(ddof=1) + 7 * b.var(ddof=1)) / 14) ** 0.5
        assert record.effect == 1.0
        assert record.effect_size == pytest.approx(1 / sd)
        assert evaluated(X, np.full(16, 3.0), treatment=arm).effect_size == 0.0

    def test_an_arm_that_is_missing_inside(self):
        X = np.r_[np.ones(3), -np.ones(7)][:, None]
        record = evaluated(X, np.arange(10.0), treatment=[1, 1, 1] + [0, 1] * 3 + [0])
        assert math.isnan(record.effect) and math.isnan(record.p_value)
        assert record.p_floor == 1.0 and math.isnan(record.p_interaction)
        assert record.n_control == 0


def test_published_card():
    X = pd.DataFrame({"region": [1.0] * 8 + [-1.0] * 4})
    change = [-28, -17, -14, -11, -9, -6, -2, 6, 0, 1, 2, 3]
    arm = ["ketamine"] * 4 + ["placebo"] * 4 + ["ketamine", "placebo"] * 2
    record = Persona.from_conditions({"region": (0, None)}).evaluate(
        X, change, treatment=arm, control="placebo", greater_is_better=False
    )
    assert round(record.effect_size, 4) == 2.1153
    assert record.p_value == record.p_floor == pytest.approx(2 / 70)
    assert record.ci_treated == (-24.5, -12.5)
    assert record.ci_control == (-7.5, 3.0)
    assert (record.mean_treated, record.mean_control) == (-17.5, -2.75)
    assert record.effect == 14.75
    raw = Persona.from_conditions({"region": (0, None)}).evaluate(
        X, change, treatment=arm, control="placebo"
    )
    assert round(raw.effect_size, 4) == -2.1153


def test_conditional_p_of_the_second_persona_leaves_out_the_first():
    checked = 0
    for seed in range(6):
        X, y, columns = parallel_trial(seed, n=160, effect=3.0)
        finder = quick(random_state=seed, n_permutations=999).fit(X, y, **columns)
        rows = finder.split_ == "holdout"
        arm = columns["treatment"][rows]
        earlier = np.zeros(rows.sum(), bool)
        taken = [p for p in finder.personas_ if p.holdout is not None]
        for persona in sorted(taken, key=lambda p: -p.objective):
            rest, inside = ~earlier, persona.covers(X)[rows]
            cells = [
                y[rows][rest & (inside == side) & (arm == k)]
                for side in (True, False)
                for k in (1, 0)
            ]
            if not all(map(len, cells)):
                assert math.isnan(persona.p_conditional)
            elif earlier.any():
                a, b, c, d = (cell.mean() for cell in cells)
                expected = 1.0
                if sign(persona) * (a - b - c + d) > 0:
                    expected = interaction_test(
                        y[rows][rest],
                        arm[rest],
                        inside[rest],
                        n_permutations=9999,
                        random_state=1,
                    ).p_value
                assert persona.p_conditional == pytest.approx(expected, abs=0.06)
                checked += 1
            if persona.confirmed:
                earlier |= persona.covers(X)[rows]
    assert checked


def test_conditional_p_of_a_single_arm_leaves_the_first_out_of_the_rest():
    # Nothing is special about the members that only the second persona has, but the
    # first one's members do better than everybody.
    small = 0
    for seed in range(40):
        rng = np.random.RandomState(seed)
        x = rng.standard_normal(80)
        y = rng.standard_normal(80) + 2 * (x > 0)
        units = make_units("single-arm", read_cases(80, y))
        rule = ClaimRule(0.05, "auto", "heterogeneity", "holm", 3, 99, 0)
        given = Subgroup(1, x > -0.7, x > -0.7)
        p = _conditional(rule, units, given, x > 0)
        small += p < 0.05
    # 40 tests at .05: more than 8 below in one of 2,500 runs.
    assert small <= 8


def test_single_arm_is_confirmed_by_the_rest():
    with pytest.warns(UserWarning, match="No treatment"):
        finder = quick(random_state=0, alpha=0.05).fit(*single_arm(0, n=120)[:2])
    best = finder.personas_[0]
    assert best.confirmed and not best.reversal
    assert best.holdout.p_interaction == best.holdout.p_value


def test_without_validation_nothing_is_claimed():
    X, y, columns = parallel_trial(0, effect=4.0)
    finder = quick(validation=None).fit(X, y, **columns)
    assert finder.personas_ and finder.n_confirmed_ == 0
    for persona in finder.personas_:
        assert persona.holdout is None and not persona.replicated
        assert math.isnan(persona.p_adjusted)
        assert persona.train.total == 60
        assert 0 < persona.train.p_value <= 1
    assert_array_equal(finder.split_, "training")


def test_adjusted_effect_stands_beside_the_raw_one():
    X, y, columns = parallel_trial(0, n=160, effect=3.0)
    y = y + 3 * X[:, 1]
    raw = quick(random_state=0, n_personas=1).fit(X, y, **columns).personas_[0]
    finder = quick(random_state=0, prognostic="auto", n_personas=1).fit(X, y, **columns)
    adjusted = finder.personas_[0]
    assert raw.effect_adjusted is None
    rows = finder.split_ == "holdout"
    inside, arm = adjusted.covers(X)[rows], columns["treatment"][rows]
    effect = y[rows][inside & (arm == 1)].mean() - y[rows][inside & (arm == 0)].mean()
    # Evidence stays in raw units.
    assert adjusted.holdout.effect == pytest.approx(effect)
    assert adjusted.effect_adjusted != pytest.approx(effect)
