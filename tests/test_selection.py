"""validation="permutation" and "repeated": p values adjusted for the search."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_persona import PersonaDiscoverer
from sklearn_persona._claims.permutation_test import PermutationTest
from sklearn_persona._data.table import read_table
from sklearn_persona._designs import ResidualPermutations, make_units, read_cases
from sklearn_persona._outcomes.continuous import LEAST_EVENTS
from sklearn_persona._search.binning import make_selectors
from sklearn_persona._search.greedy import FoundRule, SearchSettings
from sklearn_persona.datasets import make_ketamine_crossover, make_parallel_trial

SETTINGS = SearchSettings(
    objective="arm-shift",
    min_variables=1,
    max_variables=1,
    min_modalities=1,
    least_arm=4,
    least_members=8,
    n_personas=3,
    max_overlap=0.5,
    signs=(1, -1),
    exact=True,
    max_time=None,
    penalty=1.5,
    either_arm=True,
    interval_variables=2,
)


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


def test_near_copies_of_a_persona_are_not_confirmed():
    X, y, arm = trial(2, n=160, effect=3.0)
    X[:, 1] = X[:, 0] + np.random.default_rng(0).normal(scale=0.4, size=160)
    finder = discover(X, y, arm, n_personas=8, max_overlap=0.85, direction="favorable")
    first, *others = finder.personas_
    assert finder.n_confirmed_ == 1 and first.conditions[0].position == 0
    assert first.p_conditional == first.p_adjusted_interaction
    copy = next(p for p in others if p.conditions[0].position == 1)
    # Its members outside the first are too few to tell (NaN), or show nothing.
    assert copy.p_adjusted_interaction < 0.05 and not copy.p_conditional < 0.05
    assert copy.claim == "not distinct from an earlier persona"


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
        "contrast not in the direction of the persona",
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


def selection_of(X, y, arm):
    units = make_units("parallel", read_cases(len(y), y, treatment=arm))
    columns = read_table(X)
    selectors = make_selectors(
        columns,
        np.arange(len(y)),
        n_cuts=5,
        conditions="one-sided",
        modality=np.zeros(X.shape[1], int),
        least_members=8,
    )
    return PermutationTest(selectors, SETTINGS, units)


def test_the_objective_without_main_effect():
    X, y, arm = trial(7, n=300, effect=1.0)
    inside = X[:, 0] > 0
    rule = FoundRule((), (), 1, 0.0, inside, 0.5, False)
    value = selection_of(X, y, arm).residual_objective(rule)
    # The shift of the treated members, in units of the larger variance.
    e = y - np.where(arm == 1, y[arm == 1].mean(), y[arm == 0].mean())
    x, k = e[inside & (arm == 1)].sum(), (inside & (arm == 1)).sum()
    variance = max(e.var(), e[arm == 1].var())
    c = 0.1 / (1 + 0.1 * 150)
    q = c + (1 - 150 * c) ** 2 / (300 - c * 150**2)
    assert_allclose(value, x**2 / (k - q * k**2) / variance - 0.5)
    # No main effect moves it, and a spread of the carrying arm lowers it.
    shifted = selection_of(X, y + 3 * arm, arm).residual_objective(rule)
    assert_allclose(shifted, value)
    wide = selection_of(X, np.where(arm == 1, 4 * e, e) + 4 * (y - e), arm)
    assert_allclose(
        wide.residual_objective(rule), x**2 / (k - q * k**2) / e[arm == 1].var() - 0.5
    )


def test_labelings_without_heterogeneity_keep_the_residuals():
    _, y, arm = trial(8, main=3.0)
    units = make_units("parallel", read_cases(80, y, treatment=arm))
    score, treated = ResidualPermutations(units, 1)[0]
    assert treated.sum() == arm.sum() and (treated != (arm == 1)).any()
    for group in (treated, ~treated):
        assert abs(score[group].mean()) < 1e-12
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
    n_trials, any_confirmed = 60, 0
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
        finder = discover(X, y, arm, max_variables=2, n_permutations=99)
        any_confirmed += finder.n_confirmed_ > 0
    # Binomial(60, .05): more than 8 has probability .003.
    assert any_confirmed <= 8, any_confirmed
