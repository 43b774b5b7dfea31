"""What the inference functions refuse, word for word: got, expected, what to do."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_persona._data.checks import as_codes, as_generator
from sklearn_persona.inference import (
    adjust_pvalues,
    bootstrap_ci,
    conditional_interval,
    contrast_interval,
    corrected_resampled_test,
    detectable_effect,
    enrichment_design,
    interaction_test,
    max_statistic_pvalues,
    mean_interval,
    permutation_pvalue,
    sequence_pvalue,
    welch_interval,
)
from sklearn_persona.inference._arrangements import random_sign_sums, random_sums

TWO = [0.0, 1.0]
FOUR = [0.0, 1.0, 2.0, 3.0]
ARMS = [0, 1, 0, 1]
HALF = [True, True, False, False]
CALLS = [
    (
        lambda: mean_interval([[1.0]]),
        "x must be one-dimensional, got an array of shape (1, 1).",
    ),
    (lambda: mean_interval([]), "x must hold at least 1 value(s), got 0."),
    (
        lambda: mean_interval([1.0, np.inf, np.nan]),
        "x must be finite, got inf at position 1 (2 such value(s)). Drop or impute "
        "them.",
    ),
    (
        lambda: mean_interval(TWO, level=1),
        "level must lie strictly between 0 and 1, got 1.",
    ),
    (
        lambda: bootstrap_ci(TWO, n_bootstrap=True),
        "n_bootstrap must be an integer >= 1, got True.",
    ),
    (
        lambda: as_codes("strata", ["a", None, "b", None], 4),
        "strata must not be missing, got 2 missing label(s). Drop these rows or give "
        "them a label of their own.",
    ),
    (
        lambda: as_codes("strata", ["a"], 4),
        "strata must have shape (4,), got (1,).",
    ),
    (
        lambda: conditional_interval(1.0, np.nan, threshold=0.5, se_tested=2.0),
        "estimate, se, threshold and se_tested must be finite, got 1.0, nan, 0.5 and "
        "2.0.",
    ),
    (
        lambda: conditional_interval(1.0, 2.0, threshold=0.5, se_tested=1.0),
        "Expected 0 < se <= se_tested, got se=2.0 and se_tested=1.0.",
    ),
    (
        lambda: conditional_interval(1.0, 1.0, threshold=1.5),
        "estimate=1.0 does not exceed threshold=1.5, so it was not selected; give "
        "se_tested if only a part of it was tested.",
    ),
    (
        lambda: enrichment_design(-0.5, 1.0, 0.5),
        "effect must be positive, got -0.5: there is no benefit to plan a trial for. "
        "An unfavorable persona has nothing to enrich.",
    ),
    (lambda: enrichment_design(0.5, 0, 0.5), "sd must be positive, got 0.0."),
    (lambda: enrichment_design("x", 1.0, 0.5), "effect must be a number, got 'x'."),
    (lambda: enrichment_design(1.0, None, 0.5), "sd must be a number, got None."),
    (
        lambda: enrichment_design(1.0, 1.0, np.inf),
        "prevalence must be finite, got inf.",
    ),
    (
        lambda: enrichment_design(1.0, 1.0, 0.5, se=-1),
        "se must be at least 0, got -1.0.",
    ),
    (
        lambda: enrichment_design(1.0, 1.0, 0.5, se_outside=-2),
        "se_outside must be at least 0, got -2.0.",
    ),
    (
        lambda: enrichment_design(1.0, 1.0, 0.5, se_outside="y"),
        "se_outside must be a number, got 'y'.",
    ),
    (
        lambda: enrichment_design(1.0, 1.0, 0.5, effect_outside="z"),
        "effect_outside must be a number, got 'z'.",
    ),
    (
        lambda: enrichment_design(1.0, 1.0, 1.2),
        "prevalence must lie in (0, 1], got 1.2.",
    ),
    (
        lambda: enrichment_design(1.0, 1.0, 0.5, power=2),
        "power must lie strictly between 0 and 1, got 2.",
    ),
    (
        lambda: enrichment_design(1.0, 1.0, 0.5, alpha=0.1, power=0.05),
        "power must exceed alpha / 2 = 0.05, got 0.05: without any effect the test "
        "finds benefit that often.",
    ),
    (
        lambda: enrichment_design(1e-9, 1.0, 0.5),
        "An effect of 1e-09 with an SD of 1.0 needs more than 10000000 cases an arm; "
        "give both in the same units.",
    ),
    (
        lambda: interaction_test(FOUR, ARMS, [True] * 4),
        "Every cell needs at least one unit, got 2 treated members, 2 control members, "
        "0 treated non-members, 0 control non-members.",
    ),
    (
        lambda: interaction_test(FOUR, None, [False] * 4),
        "Every cell needs at least one unit, got 0 members, 4 non-members.",
    ),
    (
        lambda: interaction_test(FOUR, ARMS, HALF, n_permutations=0),
        "n_permutations must be an integer >= 1, got 0.",
    ),
    (
        lambda: interaction_test(FOUR, ARMS, HALF, level=0),
        "level must lie strictly between 0 and 1, got 0.",
    ),
    (
        lambda: interaction_test(FOUR, [0, 1, 2, 3], HALF),
        "treatment must have exactly two labels, got [0, 1, 2, 3].",
    ),
    (
        lambda: enrichment_design(1.0, 1.0, 0.5, se="w"),
        "se must be a number, got 'w'.",
    ),
    (
        lambda: interaction_test(FOUR, ARMS, HALF[:3]),
        "membership must have shape (4,), got (3,).",
    ),
    (
        lambda: interaction_test(FOUR, ARMS, [0, 1, 2, 3]),
        "membership must hold True and False (or 1 and 0) only, got [0, 1, 2, 3].",
    ),
    (
        lambda: interaction_test(FOUR, [0, 1, 2, 1], HALF),
        "treatment must have exactly two labels, got [0, 1, 2].",
    ),
    (
        lambda: contrast_interval([TWO, TWO], (1, -1, 1)),
        "weights must have one number for each of 2 samples, got shape (3,).",
    ),
    (
        lambda: max_statistic_pvalues(1.0, [[1.0]]),
        "null must be one-dimensional, got shape (1, 1).",
    ),
    (
        lambda: max_statistic_pvalues([1.0, np.nan], [1.0]),
        "observed must not hold NaN, got 1 of 2. Leave out statistics that were not "
        "evaluated.",
    ),
    (lambda: adjust_pvalues([0.0, 1.5], "holm"), "p must lie in [0, 1], got 1.5."),
    (
        lambda: adjust_pvalues([0.5], method="hoch"),
        "method must be 'holm', 'fixed-sequence', 'bh' or None, got 'hoch'.",
    ),
    (
        lambda: permutation_pvalue(TWO, FOUR, paired=True),
        "paired=True needs one treated and one control value per pair, got 2 treated "
        "and 4 control values.",
    ),
    (
        lambda: welch_interval(TWO, []),
        "control must hold at least 1 value(s), got 0.",
    ),
    (
        lambda: detectable_effect(0, 5),
        "n_treated must be an integer >= 1, got 0.",
    ),
    (
        lambda: detectable_effect(5, 5, n_candidates=0),
        "n_candidates must be an integer >= 1, got 0.",
    ),
    (
        lambda: detectable_effect(5, 5, power=1.0),
        "power must lie strictly between 0 and 1, got 1.0.",
    ),
    (
        lambda: corrected_resampled_test(TWO, [[0.0]], n_train=4, n_test=2),
        "other must be one-dimensional, got an array of shape (1, 1).",
    ),
    (
        lambda: detectable_effect(4, 5, paired=True),
        "paired=True needs as many control as treated values, got n_treated=4 and "
        "n_control=5.",
    ),
    (
        lambda: detectable_effect(1, 1),
        "A t test needs at least three cases or two pairs, got n_treated=1 and "
        "n_control=1.",
    ),
    (
        lambda: detectable_effect(9, 9, n_candidates=2, power=0.025),
        "power must exceed alpha / n_candidates = 0.025, got 0.025: without any effect "
        "the test rejects that often.",
    ),
    (
        lambda: corrected_resampled_test(TWO, [0.0], n_train=4, n_test=2),
        "other has 1 scores and scores 2, expected one of each a split. Leave out "
        "splits that lack one.",
    ),
    (
        lambda: corrected_resampled_test(TWO, n_train=[4, 4, 4], n_test=2),
        "n_train must be a number or hold 2 of them, one a split, got shape (3,).",
    ),
    (
        lambda: corrected_resampled_test(TWO, n_train=4, n_test=0),
        "n_test must be positive, got 0.",
    ),
    (
        lambda: sequence_pvalue(FOUR, [True, False], HALF),
        "difference, sequence and inside must be equally long, got 4, 2 and 4.",
    ),
    (
        lambda: sequence_pvalue(FOUR, HALF, [False] * 4),
        "inside has no members; there is nothing to test.",
    ),
]


@pytest.mark.parametrize(("call", "message"), CALLS, ids=range(len(CALLS)))
def test_message(call, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()


def test_what_is_just_allowed():
    everyone = enrichment_design(0.5, 1.0, 1.0)
    assert everyone.n_screened == 2 * everyone.n_per_arm == 128
    assert enrichment_design(0.5, 1.0, 0.5, power=0.03).n_per_arm == 2
    assert detectable_effect(9, 9, power=0.06) > 0
    same = conditional_interval(1.0, 0.5, threshold=0.8, se_tested=0.5)
    assert same == conditional_interval(1.0, 0.5, threshold=0.8)


def test_defaults_of_the_plan():
    # Outside there is no effect, and it is known exactly, unless it is given.
    plan = enrichment_design(1.0, 1.0, 0.25)
    given = enrichment_design(
        1.0, 1.0, 0.25, se=0.0, effect_outside=0.0, se_outside=0.0, paired=False
    )
    assert plan == given
    assert plan.effect_everyone == 0.25
    assert plan.assurance_everyone == plan.power_everyone
    wide = enrichment_design(1.0, 1.0, 0.25, se=1.0)
    wider = enrichment_design(1.0, 1.0, 0.25, se=1.0, se_outside=1.0)
    # Uncertainty draws a power above one half towards it, one below it upwards.
    assert wide.power_everyone < 0.5
    assert plan.assurance_everyone < wide.assurance_everyone < wider.assurance_everyone


def test_an_estimate_far_above_the_threshold_needs_no_correction():
    for threshold in (0.0, 20.0):
        center, low, high = conditional_interval(
            threshold + 30.0, 1.0, threshold=threshold, se_tested=2.0
        )
        assert_allclose(
            np.array([center, low, high]) - threshold,
            [30.0, 30.0 - 1.959964, 30.0 + 1.959964],
            # The integral is taken on a grid.
            atol=3e-5,
        )


def test_scores_without_spread_keep_their_counts():
    result = corrected_resampled_test([0.5] * 4, n_train=9, n_test=3)
    assert (result.n_splits, result.df) == (4, 3)
    assert np.isnan([result.p_value, result.statistic]).all() and result.mean == 0.5


def test_bootstrap_of_many_skewed_values_against_the_exact_distribution():
    # Whole numbers: the sum of n draws has a law that a Fourier transform gives.
    rng = np.random.default_rng(0)
    n = 10_001
    x = np.round(rng.exponential(10.0, size=n))
    mean, sd = x.mean(), x.std()
    start, length = int(n * mean - 8_000), 16_384
    shares = np.bincount(x.astype(int)) / n
    # Wrapped round a circle that is wider than the law, so nothing overlaps.
    law = np.fft.irfft(np.fft.rfft(shares, length) ** n, length)
    below = np.cumsum(np.roll(law, -(start % length)))
    exact = start + np.searchsorted(below, [0.025, 0.975])
    plain = n * mean + np.array([-1.959964, 1.959964]) * sd * np.sqrt(n)
    assert (exact - plain > 5).all()
    assert np.abs(n * np.array(bootstrap_ci(x)) - exact).max() < 1.5


def test_truth_values_are_numbers():
    assert mean_interval([True, False, True]) == mean_interval([1.0, 0.0, 1.0])


def test_an_integer_seeds_directly_and_a_random_state_is_drawn_from():
    def first(random_state):
        return as_generator(random_state).integers(2**60)

    assert first(3) == np.random.default_rng(3).integers(2**60)
    assert first(np.random.RandomState(3)) == first(np.random.RandomState(3))
    state = np.random.RandomState(3)
    assert first(state) != first(state)
    with pytest.raises(ValueError, match="cannot be used to seed"):
        as_generator("seed")


@pytest.mark.parametrize("size", [1, 2, 60])
@pytest.mark.parametrize("n", [5, 5_000, 10_500])
def test_every_random_arrangement_is_one(size, n):
    # Over several chunks: none is left out, none is drawn twice.
    rng = np.random.default_rng(n)
    for k in (1, n // 3, n - 1):
        sums, squares = random_sums([(np.ones(n), k)], size, rng)
        assert (sums == k).all() and (squares == k).all()
        sums, _ = random_sums([(np.arange(n) * 1.0, k)], size, rng)
        assert len(set(sums)) > 0.5 * min(size, n)
    sums = random_sign_sums(np.ones(n), size, rng)
    assert (np.abs(sums) <= n).all() and (sums % 2 == n % 2).all()
    assert len({float(random_sign_sums(np.arange(9.0), 1, rng)[0]) for _ in "ten"}) > 1
