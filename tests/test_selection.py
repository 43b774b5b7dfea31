"""validation="permutation" and "repeated": p values adjusted for the search."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_persona import PersonaDiscoverer
from sklearn_persona._designs import ResidualPermutations, make_units, read_cases
from sklearn_persona._selection import LEAST_EVENTS, contrast_statistic
from sklearn_persona.datasets import make_ketamine_crossover, make_parallel_trial
from sklearn_persona.inference import interaction_test


def discover(X, y, arm, **options):
    defaults = {
        "max_variables": 1,
        "n_cuts": 5,
        "prognostic": None,
        "validation": "permutation",
        "n_permutations": 99,
        "n_bootstrap": 0,
        "random_state": 0,
    }
    return PersonaDiscoverer(**defaults | options).fit(X, y, treatment=arm)


def trial(seed, n=80, p=4, effect=0.0, main=0.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    arm = np.arange(n) % 2
    y = rng.normal(size=n) + main * arm + effect * arm * (X[:, 0] > 0)
    return X, y, arm


def test_a_strong_persona_is_confirmed_on_all_data():
    finder = discover(*trial(0, effect=2.5))
    best = finder.personas_[0]
    assert best.confirmed and best.claim == "confirmed"
    assert best.holdout is None and best.replicated is False
    assert best.p_adjusted == 0.01 and best.p_adjusted_interaction <= 0.03
    assert best.p_conditional == best.p_adjusted
    assert set(finder.split_) == {"training"}
    assert finder.predict(trial(0)[0]).any()


def test_a_main_effect_is_not_heterogeneity():
    confirmed = 0
    for seed in range(12):
        finder = discover(*trial(seed, main=2.0))
        if not finder.personas_:
            continue
        best = finder.personas_[0]
        assert best.p_adjusted < 0.05  # there is an effect, in everyone
        confirmed += best.confirmed
    assert confirmed <= 2


def test_criterion_effect_leaves_the_contrast_out():
    finder = discover(*trial(3, main=2.0), criterion="effect")
    assert finder.personas_[0].confirmed
    assert finder.personas_[0].claim == "effect in subgroup, heterogeneity not shown"


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_same_p_values_for_any_n_jobs(n_jobs):
    X, y, arm = trial(1, effect=1.0)
    one = discover(X, y, arm, max_variables=2)
    other = discover(X, y, arm, max_variables=2, n_jobs=n_jobs)
    assert [p.to_dict() for p in one.personas_] == [
        p.to_dict() for p in other.personas_
    ]


def test_near_copies_of_a_persona_are_conditional_on_it():
    X, y, arm = trial(2, n=160, effect=3.0)
    X[:, 1] = X[:, 0] + np.random.default_rng(0).normal(scale=0.8, size=160)
    finder = discover(X, y, arm, n_personas=6, max_overlap=0.7, direction="favorable")
    confirmed = [p for p in finder.personas_ if p.confirmed]
    assert len(confirmed) >= 2
    assert confirmed[0].p_conditional == confirmed[0].p_adjusted
    copy = next(p for p in confirmed if p.conditions[0].position == 1)
    assert confirmed[0].conditions[0].position == 0
    assert copy.p_adjusted < 0.05 < copy.p_conditional


def test_a_rare_outcome_leaves_heterogeneity_untested():
    rng = np.random.default_rng(4)
    X, arm = rng.normal(size=(100, 3)), np.arange(100) % 5 == 0
    y = ((rng.random(100) < 0.3) | (arm & (X[:, 0] > 0))).astype(float)
    assert min(y[arm].sum(), (1 - y[arm]).sum()) < LEAST_EVENTS
    finder = discover(X, y, arm.astype(int))
    assert all(np.isnan(p.p_adjusted_interaction) for p in finder.personas_)
    assert not finder.n_confirmed_
    claims = {p.claim for p in finder.personas_ if p.p_adjusted < 0.05}
    assert claims <= {
        "heterogeneity not testable: outcome too rare in an arm",
        "effect inside not in the direction of the persona",
    }


@pytest.mark.parametrize("period", [True, False])
@pytest.mark.filterwarnings("ignore::sklearn_persona.exceptions.PeriodUnknownWarning")
@pytest.mark.filterwarnings("ignore:.*have only one arm")
def test_crossover(period):
    data = make_ketamine_crossover(effect=4.0, random_state=1)
    finder = PersonaDiscoverer(
        validation="permutation",
        max_variables=1,
        n_permutations=99,
        n_bootstrap=0,
        greater_is_better=False,
        random_state=0,
    ).fit(
        data.data.iloc[:, :20],
        data.target,
        treatment=data.treatment,
        groups=data.groups,
        period=data.period if period else None,
    )
    for persona in finder.personas_:
        assert 0 < persona.p_adjusted <= 1
        assert 0 < persona.p_adjusted_interaction <= 1


@pytest.mark.filterwarnings("ignore::sklearn_persona.exceptions.SingleArmWarning")
def test_single_arm():
    X, y, _ = trial(5)
    finder = discover(X, y + 2.0 * (X[:, 1] > 0.3), None)
    best = finder.personas_[0]
    assert (best.confirmed and "x1" in best.rule) or best.conditions[0].position == 1


def test_a_time_limit_cannot_be_permuted():
    with pytest.raises(ValueError, match="max_time"):
        discover(*trial(0), max_time=5.0)


def test_contrast_statistic_is_the_studentized_contrast():
    X, y, arm = trial(7, n=300, effect=1.0)
    units = make_units("parallel", read_cases(300, y, treatment=arm))
    inside = X[:, 0] > 0
    statistic = contrast_statistic(units, inside)
    # Nearly that of the interaction test, and the same whatever the main effect.
    expected = interaction_test(y, arm, inside, n_permutations=10).statistic
    assert statistic == pytest.approx(expected, rel=0.15)
    shifted = make_units("parallel", read_cases(300, y + 3 * arm, treatment=arm))
    assert_allclose(contrast_statistic(shifted, inside), statistic)
    # The larger of two variances: it never exceeds either studentization.
    y2 = np.where(arm == 1, 5 * y, y)
    spread = make_units("parallel", read_cases(300, y2, treatment=arm))
    cells = [(arm == a) & side for a in (1, 0) for side in (inside, ~inside)]
    means = [y2[c].mean() for c in cells]
    difference = means[0] - means[1] - means[2] + means[3]
    own = sum(
        y2[arm == a].var() * sum(1 / c.sum() for c in cells[2 * i : 2 * i + 2])
        for i, a in enumerate((1, 0))
    )
    assert abs(contrast_statistic(spread, inside)) <= abs(difference) / own**0.5 + 0.1


def test_labelings_without_heterogeneity_keep_the_residuals():
    _, y, arm = trial(8, main=3.0)
    units = make_units("parallel", read_cases(80, y, treatment=arm))
    score, treated = ResidualPermutations(units, 1)[0]
    assert treated.sum() == arm.sum() and (treated != (arm == 1)).any()
    for a in (0, 1):
        assert abs(score[arm == a].mean()) < 1e-12
    again, same = ResidualPermutations(units, 1)[0]
    assert (again == score).all() and (same == treated).all()


def test_repeated_splits_speak_of_the_procedure():
    def fit(data, **options):
        defaults = {"validation": "repeated", "n_splits": 9, "max_variables": 1}
        common = {"n_bootstrap": 0, "n_permutations": 999, "random_state": 0}
        finder = PersonaDiscoverer(**defaults | common | options)
        return finder.fit(data.data, data.target, treatment=data.treatment)

    planted = make_parallel_trial(n_samples=240, effect=3.0, random_state=0)
    finder = fit(planted)
    assert finder.split_p_values_.shape == (9,)
    expected = min(1.0, 2 * np.median(finder.split_p_values_))
    assert finder.trial_p_value_ == expected < 0.05
    # No persona's p value is made of it, and none is confirmed by it.
    assert finder.n_confirmed_ == 0
    assert all(np.isnan(p.p_adjusted) and p.holdout is None for p in finder.personas_)
    assert (fit(planted, n_jobs=2).split_p_values_ == finder.split_p_values_).all()
    null = make_parallel_trial(n_samples=240, effect=0.0, random_state=0)
    assert fit(null).trial_p_value_ > 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    "cell", ["null", "main effect", "unequal arms", "binary", "prognostic", "skewed"]
)
def test_size_of_the_claim(cell):
    """Confirmed personas in at most 5 % of null trials (one-sided 99 % bound)."""
    n_trials, any_confirmed = 150, 0
    for seed in range(n_trials):
        rng = np.random.default_rng([seed, 11])
        n = 60
        X = rng.normal(size=(n, 5))
        arm = (np.arange(n) % (4 if cell == "unequal arms" else 2) == 0).astype(int)
        y = rng.normal(size=n)
        if cell == "main effect":
            y += 1.5 * arm
        elif cell == "prognostic":
            y += 2 * X[:, 0] + arm
        elif cell == "skewed":
            y = np.exp(1.2 * y)
        elif cell == "binary":
            y = (rng.random(n) < 0.35 + 0.3 * arm).astype(float)
        finder = discover(X, y, arm, max_variables=2, n_permutations=199)
        any_confirmed += finder.n_confirmed_ > 0
    # Binomial(150, .05): more than 15 has probability below .01.
    assert any_confirmed <= 15, any_confirmed
