"""Strata: what differs between sites biases nothing, in any design."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from sklearn_persona import PersonaDiscoverer
from sklearn_persona._designs import Permutations, make_units, read_cases
from sklearn_persona._designs.strata import stratum_weights, without_strata
from sklearn_persona.inference import contrast_interval

SHARES = np.array([0.8, 0.6, 0.4, 0.2])
QUICK = {
    "max_variables": 1,
    "n_personas": 3,
    "n_permutations": 199,
    "n_bootstrap": 0,
    "n_alternatives": 0,
    "random_state": 0,
}


def sites(seed, n=160, effect=0.0, level=1.5):
    """Four sites with other shares of treated, and other outcomes."""
    rng = np.random.default_rng(seed)
    site = np.arange(n) % 4
    X = rng.normal(size=(n, 4))
    treated = np.zeros(n, int)
    for code in range(4):
        here = np.flatnonzero(site == code)
        treated[rng.permutation(here)[: round(SHARES[code] * len(here))]] = 1
    y = level * site + effect * treated * (X[:, 1] > 0) + rng.normal(size=n)
    return X, y, treated, site


def pairs(seed, n=60, effect=0.0):
    """A crossover in which sites have other shares of sequences."""
    X, _, first, site = sites(seed, n)
    rng = np.random.default_rng([seed, 1])
    person, noise = rng.normal(size=n), rng.normal(size=(2, n))
    gain = effect * (X[:, 1] > 0)
    y = np.concatenate(
        [person + gain * first + noise[0], person + gain * (1 - first) + noise[1]]
    )
    given = {
        "treatment": np.concatenate([first, 1 - first]),
        "groups": np.tile(np.arange(n), 2),
        "period": np.repeat([1, 2], n),
        "strata": np.tile(site, 2),
    }
    return np.vstack([X, X]), y, given


def told(finder):
    """Everything a fit says, as plain values."""
    plain = [persona.to_dict() for persona in finder.personas_]
    for persona in plain:
        for half in ("train", "holdout"):
            record = persona[half] or {}
            for name in ("mean_treated", "mean_control", "ci_treated", "ci_control"):
                record.pop(name, None)
    return plain


def assert_same(one, other, rel=1e-6):
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key], rel)
    elif isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other):
            assert_same(a, b, rel)
    elif isinstance(one, float) and isinstance(other, float):
        assert one == pytest.approx(other, rel=rel, abs=1e-6, nan_ok=True)
    else:
        assert one == other


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"validation": "permutation", "n_permutations": 49},
        {"n_resamples": 4},
        {"design": "pooled"},
        # A rule and its mirror image are one there.
        {"design": "single-arm", "direction": "favorable"},
        {"criterion": "effect", "max_variables": 2},
    ],
)
@pytest.mark.filterwarnings("ignore:No treatment was given")
def test_levels_of_strata_change_nothing(options):
    X, y, treated, site = sites(3, effect=2.0)
    given = {"treatment": treated, "strata": site}
    if options.get("design") == "single-arm":
        del given["treatment"]
    shifted = y + np.array([0.0, 40.0, -17.0, 5.0])[site]
    finders = [
        PersonaDiscoverer(**QUICK | options).fit(X, outcome, **given)
        for outcome in (y, shifted)
    ]
    assert len(finders[0].personas_)
    assert_same(told(finders[0]), told(finders[1]))


def test_period_effects_of_strata_change_nothing():
    X, y, given = pairs(1, effect=2.5)
    shifted = y + np.where(given["period"] == 2, 3.0 * given["strata"] - 4, 0.0)
    finders = [PersonaDiscoverer(**QUICK).fit(X, o, **given) for o in (y, shifted)]
    one, other = map(told, finders)
    for persona in (*one, *other):
        for half in ("train", "holdout"):
            # The second period alone cannot be freed of its own effect.
            (persona[half] or {}).pop("p_carryover", None)
    assert len(one)
    assert_same(one, other)


@pytest.mark.parametrize("validation", ["holdout", "permutation"])
def test_one_stratum_is_none(validation):
    X, y, treated, _ = sites(0, n=80, effect=2.0)
    options = QUICK | {"validation": validation, "n_permutations": 49}
    finders = [
        PersonaDiscoverer(**options).fit(X, y, treatment=treated, strata=strata)
        for strata in (None, np.full(80, "a"))
    ]
    assert told(finders[0]) == told(finders[1])


def by_loops(y, treated, site, inside, spread=True):
    """Effect, its interval, d and p, from their definitions."""
    weights, differences, samples = [], [], [[], []]
    for code in sorted(set(site)):
        one, two = (y[inside & (site == code) & (treated == k)] for k in (1, 0))
        if len(one) and len(two):
            weights.append(len(one) * len(two) / (len(one) + len(two)))
            differences.append(one.mean() - two.mean())
            samples[0].append(one)
            samples[1].append(two)
    share = np.array(weights) / np.sum(weights)
    effect = share @ differences
    if not spread:
        return effect
    variances, dofs, squares = [], [], 0.0
    for own in samples:
        dof = sum(len(x) - 1 for x in own)
        total = sum(((x - x.mean()) ** 2).sum() for x in own)
        squares += total
        dofs.append(dof)
        variances.append(
            total / dof * sum(w**2 / len(x) for w, x in zip(share, own, strict=True))
        )
    df = sum(variances) ** 2 / sum(
        v**2 / k for v, k in zip(variances, dofs, strict=True)
    )
    half = stats.t.ppf(0.975, df) * math.sqrt(sum(variances))
    p_value = 2 * stats.t.sf(abs(effect) / math.sqrt(sum(variances)), df)
    return (
        effect,
        (effect - half, effect + half),
        effect / math.sqrt(squares / sum(dofs)),
        p_value,
    )


@pytest.mark.parametrize("seed", range(5))
def test_evidence_by_loops(seed):
    X, y, treated, site = sites(seed, n=200, effect=1.0)
    finder = PersonaDiscoverer(**QUICK | {"validation": None, "prognostic": None})
    finder.fit(X, y, treatment=treated, strata=site)
    for persona in finder.personas_:
        inside, record = persona.covers(X), persona.train
        effect, interval, d, p_value = by_loops(y, treated, site, inside)
        assert_allclose(record.effect, effect)
        assert_allclose(record.ci_effect, interval)
        assert_allclose(record.effect_size, d)
        assert_allclose(record.p_welch, p_value)
        outside = by_loops(y, treated, site, ~inside, spread=False)
        assert_allclose(record.effect_complement, outside)
        assert_allclose(record.contrast, effect - outside)


def test_least_squares_with_equal_shares():
    """With the same arms in every stratum, all weights that make sense agree."""
    rng = np.random.default_rng(0)
    site, treated = np.repeat([0, 1, 2], 20), np.tile([0, 1], 30)
    y = rng.normal(size=60) + 3 * site + 0.7 * treated
    units = make_units("parallel", read_cases(60, y, treatment=treated, strata=site))
    design = np.column_stack([treated, *(site == s for s in range(3))]).astype(float)
    fit = np.linalg.lstsq(design, y, rcond=None)[0]
    assert_allclose(units.effect(units.everyone), fit[0])
    # What is searched is free of the strata, not of the effect.
    again = np.linalg.lstsq(design, units.score, rcond=None)[0]
    assert_allclose(again[0], fit[0])
    assert_allclose(again[1:], again[1], atol=1e-12)
    assert_allclose(units.score.mean(), y.mean())


def test_the_arm_is_in_the_model():
    """Means of strata with more treated hold some of the effect."""
    _, y, treated, site = sites(0, n=400, effect=0.0, level=0.0)
    y = y + 10.0 * treated
    arms = np.array([treated == 1, treated == 0])
    score = without_strata(y, arms, site)
    effect = score[treated == 1].mean() - score[treated == 0].mean()
    assert effect == pytest.approx(10, abs=0.5)
    # The same in what is searched, and after the arms are drawn again.
    units = make_units("parallel", read_cases(400, y, treatment=treated, strata=site))
    assert_allclose(units.score, score)
    drawn = Permutations(units, 0)[0]
    assert_allclose(drawn[0], without_strata(y, np.array([drawn[1], ~drawn[1]]), site))
    blind = y - np.array([y[site == s].mean() for s in range(4)])[site]
    assert blind[treated == 1].mean() - blind[treated == 0].mean() < 9


def test_weights():
    sizes = np.array([[4, 12], [0, 5], [3, 3]])
    assert_allclose(stratum_weights(sizes, (1.0, -1.0)), np.array([3.0, 0, 1.5]) / 4.5)
    assert np.isnan(stratum_weights(np.array([[0, 5], [2, 0]]), (1.0, -1.0))).all()
    # One sample: every unit counts alike.
    assert_allclose(stratum_weights(np.array([[2], [6]]), (1.0,)), [0.25, 0.75])


def test_strata_of_single_observations_borrow_a_spread():
    samples = [[1.0], [5.0], [2.0, 4.0, 3.0], [6.0, 8.0, 9.0]]
    weights = (0.5, 0.5, -0.5, -0.5)
    low, high = contrast_interval(samples, weights, pools=(0, 0, 1, 1))
    assert low < 0.5 * (1 + 5 - 3 - 23 / 3) < high
    assert np.isnan(contrast_interval([[1.0], [2.0, 3.0]], (1, -1))).all()


def test_strata_that_leave_nothing_are_refused():
    X, y, treated, _ = sites(0, n=60)
    with pytest.raises(
        ValueError, match=r"strata leave nothing.*60|strata leave nothing"
    ):
        PersonaDiscoverer(**QUICK).fit(X, y, treatment=treated, strata=np.arange(60))


@pytest.mark.parametrize("design", ["parallel", "crossover"])
def test_small_strata(design):
    """Blocks of four: some have one arm inside, and nothing breaks."""
    X, y, treated, _ = sites(5, n=80, effect=2.0)
    rng = np.random.default_rng(0)
    blocks = np.repeat(np.arange(20), 4)
    arm = np.concatenate([rng.permutation([0, 0, 1, 1]) for _ in range(20)])
    given = {"treatment": arm, "strata": blocks}
    y = y - 2.0 * treated * (X[:, 1] > 0) + 2.0 * arm * (X[:, 1] > 0)
    if design == "crossover":
        given = {
            "treatment": np.concatenate([arm, 1 - arm]),
            "strata": np.tile(blocks, 2),
            "groups": np.tile(np.arange(80), 2),
            "period": np.repeat([1, 2], 80),
        }
        second = rng.normal(size=80) + 2.0 * (1 - arm) * (X[:, 1] > 0)
        X, y = np.vstack([X, X]), np.concatenate([y, second])
    finder = PersonaDiscoverer(**QUICK).fit(X, y, **given)
    assert str(finder.personas_[0]) and len(finder.table_)
    for persona in finder.personas_:
        record = persona.train
        if np.isnan(record.effect):
            assert np.isnan(record.ci_effect).all() and not persona.confirmed


def test_unequal_sites_are_no_effect():
    effects, covered, wrong = [], [], 0
    for seed in range(30):
        X, y, treated, site = sites(seed)
        finder = PersonaDiscoverer(**QUICK | {"prognostic": None, "random_state": seed})
        finder.fit(X, y, treatment=treated, strata=site)
        wrong += finder.n_confirmed_ > 0
        flow = finder.flow_["holdout"]
        effects.append(flow["effect"])
        covered.append(flow["ci_effect"][0] <= 0 <= flow["ci_effect"][1])
    assert abs(np.mean(effects)) < 0.2
    assert np.mean(covered) > 0.8
    assert wrong <= 5


def test_a_benefit_in_unequal_sites_is_found():
    found = 0
    for seed in range(8):
        X, y, treated, site = sites(seed, effect=2.0)
        finder = PersonaDiscoverer(**QUICK | {"random_state": seed})
        finder.fit(X, y, treatment=treated, strata=site)
        best = finder.personas_[0]
        positions = [c.position for c in best.conditions]
        found += positions == [1] and best.train.effect > 0
    assert found >= 7


def test_sequences_of_unequal_sites():
    X, y, given = pairs(2, n=80)
    cases = read_cases(len(y), y, **given)
    units = make_units("crossover", cases)
    shifted = y + np.where(given["period"] == 2, 3.0 * given["strata"], 0.0)
    other = make_units("crossover", read_cases(len(y), shifted, **given))
    assert_allclose(other.value, units.value)
    assert_array_equal(
        other.period_effects[other.strata == 0], units.period_effects[units.strata == 0]
    )
    inside = X[units.rows, 0] > 0
    assert_allclose(other.effect(inside), units.effect(inside))
    assert_allclose(other.effect_interval(inside), units.effect_interval(inside))
