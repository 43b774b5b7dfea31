"""The crossover's randomisation test against enumeration and simulation."""

from itertools import combinations, permutations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_persona.inference import (
    _sequence,
    floor_from_sequences,
    sequence_pvalue,
)


def standardized(difference, first, strata):
    """Weighted sum of the differences within strata over the root of the weights."""
    total = weight = 0.0
    for stratum in np.unique(strata):
        a, b = (difference[(strata == stratum) & side] for side in (first, ~first))
        if len(a) and len(b):
            w = len(a) * len(b) / (len(a) + len(b))
            total += w * (a.mean() - b.mean())
            weight += w
    return abs(total) / np.sqrt(weight) if weight else 0.0


def arrangements(sequence, strata):
    """Every exchange of labels within strata, duplicates left out."""
    out = [np.zeros(len(sequence), bool)]
    for stratum in np.unique(strata):
        here = np.flatnonzero(strata == stratum)
        more = []
        for chosen in combinations(here, int(sequence[here].sum())):
            for labels in out:
                labels = labels.copy()
                labels[list(chosen)] = True
                more.append(labels)
        out = more
    return out


def by_enumeration(difference, sequence, inside, strata):
    own = standardized(difference[inside], sequence[inside], strata[inside])
    others = np.array(
        [
            standardized(difference[inside], labels[inside], strata[inside])
            for labels in arrangements(sequence, strata)
        ]
    )
    reached = others >= own - 1e-9
    return reached.mean(), (others >= others.max() - 1e-9).mean()


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("n_strata", [1, 2])
def test_equals_enumeration_of_all_pairs(seed, n_strata):
    rng = np.random.default_rng(seed)
    n = 10
    sequence = rng.permutation(n) < rng.integers(2, 8)
    inside = rng.permutation(n) < rng.integers(2, 9)
    strata = rng.integers(0, n_strata, n)
    # Integers, so that ties occur.
    difference = rng.integers(-4, 5, n) + 3 * sequence
    result = sequence_pvalue(difference, sequence, inside, strata=strata)
    p, floor = by_enumeration(difference.astype(float), sequence, inside, strata)
    assert result.exact
    assert_allclose(result.p_value, p, atol=1e-12)
    assert_allclose(result.p_floor, floor, atol=1e-12)


def test_floor_of_sizes_is_reached_and_never_beaten():
    sequence = np.arange(12) % 2 == 0
    for members in (4, 5, 6, 8):
        inside = np.arange(12) < members
        floor = floor_from_sequences(sequence, inside)
        # Separated outcomes reach it.
        result = sequence_pvalue(
            np.where(sequence, 10.0, -10.0) + np.arange(12) ** 2 / 100, sequence, inside
        )
        assert_allclose(result.p_value, floor)
        rng = np.random.default_rng(members)
        for _ in range(50):
            other = sequence_pvalue(rng.normal(size=12), sequence, inside)
            assert other.p_value >= floor * (1 - 1e-12)


def test_period_effect_and_the_others_do_not_matter():
    rng = np.random.default_rng(0)
    sequence = np.arange(14) % 2 == 0
    inside = np.arange(14) < 8
    difference = rng.normal(size=14)
    results = {
        round(sequence_pvalue(d, sequence, inside).p_value, 12)
        for d in (
            difference,
            difference + 100,
            np.where(inside, difference, 50.0 * sequence),
            1e-12 * difference,
            1e12 * difference,
        )
    }
    assert len(results) == 1


def test_order_of_pairs_does_not_matter():
    rng = np.random.default_rng(1)
    sequence = np.arange(10) < 5
    inside = np.arange(10) % 3 != 0
    difference = rng.normal(size=10)
    expected = sequence_pvalue(difference, sequence, inside).p_value
    for order in list(permutations(range(10)))[::500_000]:
        order = list(order)
        got = sequence_pvalue(difference[order], sequence[order], inside[order])
        assert_allclose(got.p_value, expected)


def test_monte_carlo_agrees_with_enumeration():
    rng = np.random.default_rng(2)
    n = 30
    sequence = np.arange(n) % 2 == 0
    difference = rng.normal(size=n) + 1.2 * sequence
    inside = np.arange(n) < 15
    exact = sequence_pvalue(difference, sequence, inside)
    assert exact.exact and exact.n_arrangements == 2**15
    # A sixteenth member without weight in any sum: the mean of the others.
    inside16 = np.arange(n) < 16
    drawn = sequence_pvalue(
        difference, sequence, inside16, n_permutations=20_000, random_state=0
    )
    assert not drawn.exact
    wanted = 0
    for seed in range(4000):
        labels = np.random.default_rng(seed).permutation(sequence)
        wanted += (
            standardized(difference[inside16], labels[inside16], np.zeros(16))
            >= standardized(difference[inside16], sequence[inside16], np.zeros(16))
            - 1e-9
        )
    assert abs(drawn.p_value - wanted / 4000) < 0.03


@pytest.fixture(params=[True, False], ids=["exact", "monte-carlo"])
def exact(request, monkeypatch):
    if not request.param:
        monkeypatch.setattr(_sequence, "MAX_EXACT", 0)
    return request.param


def test_result_by_hand(exact):
    sequence = np.array([1, 1, 1, 0, 0, 0, 1, 0, 1, 0], bool)
    inside = np.arange(10) < 7
    difference = np.array([4.0, 6.0, 5.0, 1.0, 2.0, 3.0, 5.0, 0.0, 0.0, 0.0])
    result = sequence_pvalue(difference, sequence.astype(int), inside.astype(int))
    assert result.exact == exact
    assert_allclose(result.statistic, (5.0 - 2.0) / 2)
    visited = 2**7 if exact else 10_000
    assert result.n_arrangements == visited
    # 4 of 5 and 3 of 5 labels inside: C(3, 1) of C(10, 5) ways, and the mirror image.
    wanted = 3 / 252 + 3 / 252
    assert_allclose(result.p_value, wanted, rtol=1e-12 if exact else 0.25)
    assert_allclose(result.p_floor, wanted)
    assert_allclose(floor_from_sequences(sequence.astype(int), inside), wanted)
    constant = sequence_pvalue(np.ones(10), sequence, inside)
    assert constant.p_value == 1.0 and constant.statistic == 0.0


def test_labels_are_exchanged_within_strata(exact):
    rng = np.random.default_rng(3)
    sequence = rng.permutation(12) % 2 == 0
    inside, difference = np.arange(12) < 7, rng.normal(size=12) + 3 * sequence
    # Strata of one sequence each leave nothing to exchange.
    frozen = sequence_pvalue(difference, sequence, inside, strata=sequence)
    assert frozen.p_value == frozen.p_floor == 1.0
    strata = np.arange(12) % 3
    free = sequence_pvalue(difference, sequence, inside, strata=strata, random_state=0)
    p_value, floor = by_enumeration(difference, sequence, inside, strata)
    assert abs(free.p_value - p_value) < (1e-12 if exact else 0.01)
    own = floor_from_sequences(sequence, inside, strata=strata, n_permutations=10_000)
    if not exact:
        assert free.p_floor == own
    assert floor < own + 1e-12 < 1.0


def test_floor_and_count_of_few_random_exchanges(monkeypatch):
    monkeypatch.setattr(_sequence, "MAX_EXACT", 0)
    sequence, inside = np.arange(40) % 2 == 0, np.arange(40) < 20
    result = sequence_pvalue(
        10.0 * sequence, sequence, inside, n_permutations=19, random_state=0
    )
    # The most extreme labels of all: only they themselves count.
    assert result.p_value == result.p_floor == 1 / 20
    assert result.n_arrangements == 19
    with pytest.raises(ValueError, match=r"^n_permutations must be an integer >= 1"):
        sequence_pvalue(10.0 * sequence, sequence, inside, n_permutations=0)
    with pytest.raises(ValueError, match=r"^n_permutations must be an integer >= 1"):
        floor_from_sequences(sequence, inside, n_permutations=0)
    with pytest.raises(ValueError, match=r"^difference must be finite"):
        sequence_pvalue(np.full(40, np.nan), sequence, inside)


def test_one_sequence_inside_is_no_evidence():
    sequence = np.arange(12) < 6
    result = sequence_pvalue(np.arange(12.0), sequence, sequence)
    assert result.p_value == 1.0
    assert floor_from_sequences(sequence, sequence) == 1.0


def test_constant_difference_is_no_evidence():
    sequence = np.arange(12) % 2 == 0
    for value in (0.1, 1e9 + 0.1, 0.0):
        constant = np.full(12, value)
        assert sequence_pvalue(constant, sequence, np.arange(12) < 7).p_value == 1.0


def test_bad_input():
    sequence = np.arange(6) < 3
    with pytest.raises(ValueError, match="equally long, got 6, 6 and 5"):
        sequence_pvalue(np.arange(6.0), sequence, sequence[:5])
    with pytest.raises(ValueError, match="no members"):
        sequence_pvalue(np.arange(6.0), sequence, np.zeros(6, bool))
    with pytest.raises(ValueError, match="finite"):
        sequence_pvalue(np.full(6, np.nan), sequence, sequence)


@pytest.mark.parametrize("n_first", [6, 3])
@pytest.mark.parametrize("outside", [0.0, 3.0])
def test_size_with_a_period_effect(n_first, outside):
    rng = np.random.default_rng(3)
    rejected = 0
    for _ in range(1500):
        sequence = rng.permutation(12) < n_first
        inside = np.arange(12) < 8
        effect = np.where(inside, 0.0, outside)
        difference = rng.exponential(size=12) + 1.5 + effect * (2 * sequence - 1)
        rejected += sequence_pvalue(difference, sequence, inside).p_value <= 0.05
    # 99 % of 1,500 trials at .05 have at most 95 rejections.
    assert 15 < rejected <= 95
