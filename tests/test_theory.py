"""Error rates and power by simulation, in sizes that fit continuous integration.

Each null cell has no heterogeneity (a constant additive effect) and is held to a
one-sided 99 % Monte-Carlo bound around alpha. The published rule must fail the same
harness, and each cell has a planted twin that must be confirmed, so that neither
"everything" nor "nothing" passes.
"""

import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from sklearn_persona import PersonaDiscoverer
from sklearn_persona._cli.commands.demo import discover
from sklearn_persona.datasets import (
    fetch_nimh_ketamine,
    make_ketamine_crossover,
    make_parallel_trial,
)
from sklearn_persona.exceptions import PersonaWarning

pytestmark = pytest.mark.slow

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
ALPHA = 0.05
QUICK = {"max_variables": 2, "n_bootstrap": 0, "n_permutations": 400, "n_personas": 5}


def bound(n):
    """Largest number of errors that alpha explains with 99 % probability."""
    return binom.ppf(0.99, n, ALPHA)


def fit(trial, seed, columns=slice(None), **options):
    finder = PersonaDiscoverer(random_state=seed, **{**QUICK, **options})
    X = trial.data.iloc[:, columns]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersonaWarning)
        return finder.fit(
            X,
            trial.target,
            treatment=trial.treatment,
            groups=trial.groups,
            period=trial.period,
        )


PARALLEL = {
    "continuous": {"n_samples": 120},
    "main effect": {"n_samples": 120, "main_effect": 0.8},
    "binary": {"n_samples": 200, "binary": True, "main_effect": 0.3},
    "prognostic": {"n_samples": 120, "prognostic": 1.0, "main_effect": 0.8},
    "unequal arms": {"n_samples": 160, "treated_share": 0.25, "main_effect": 0.8},
    "missing values": {"n_samples": 120, "missing": 0.1, "main_effect": 0.8},
}


def parallel_confirmations(cell, effect, n_trials, **options):
    confirmed = 0
    for seed in range(n_trials):
        trial = make_parallel_trial(
            n_features=6, effect=effect, random_state=seed, **PARALLEL[cell]
        )
        confirmed += fit(trial, seed, **options).n_confirmed_ > 0
    return confirmed


@pytest.mark.parametrize("cell", PARALLEL)
def test_parallel_null_trials_confirm_at_most_alpha(cell):
    assert parallel_confirmations(cell, 0.0, 200) <= bound(200)


@pytest.mark.parametrize("cell", PARALLEL)
def test_parallel_planted_twins_are_confirmed(cell):
    strong = 4.0 if cell in ("binary", "unequal arms") else 3.0
    assert parallel_confirmations(cell, strong, 30) >= 15


def test_published_rule_fails_the_harness():
    published = {"criterion": "effect", "correction": None, "prognostic": None}
    assert parallel_confirmations("main effect", 0.0, 100, **published) > bound(100)


def crossover(seed, effect, main_effect):
    """Sixty participants, twice as many in one sequence, and a period effect."""
    trial = make_ketamine_crossover(
        n_participants=80,
        effect=effect,
        main_effect=main_effect,
        period_effect=5.0,
        random_state=seed,
    )
    first = (trial.period == 1) & (trial.treatment == "ketamine")
    other = np.unique(trial.groups[~np.isin(trial.groups, trial.groups[first])])
    keep = ~np.isin(trial.groups, other[:20])
    for name in ("target", "treatment", "groups", "period", "persona"):
        trial[name] = trial[name][keep]
    # The planted volumes and the symptom item among few others.
    planted = list(next(iter(trial.planted.values())))
    others = [name for name in trial.data.columns if name not in planted][:5]
    trial.data = trial.data.loc[keep, planted + others]
    return trial


CROSSOVER = {"greater_is_better": False, "control": "saline"}


@pytest.mark.parametrize("main_effect", [0.0, 7.0])
def test_crossover_null_trials_confirm_at_most_alpha(main_effect):
    confirmed = sum(
        fit(crossover(seed, 0.0, main_effect), seed, **CROSSOVER).n_confirmed_ > 0
        for seed in range(150)
    )
    assert confirmed <= bound(150)


def test_crossover_planted_twins_are_confirmed():
    confirmed = sum(
        fit(crossover(seed, (20.0, 0.0), 7.0), seed, **CROSSOVER).n_confirmed_ > 0
        for seed in range(30)
    )
    assert confirmed >= 15


def test_period_effect_is_adjusted_away():
    effects = []
    for seed in range(60):
        finder = fit(crossover(seed, 0.0, 7.0), seed, **CROSSOVER, validation=None)
        # Inside and outside together are everybody, whatever was found.
        record = finder.personas_[0].train
        inside = record.coverage
        effects.append(inside * record.effect + (1 - inside) * record.effect_complement)
    # 60 trials of some 55 pairs with an SD of 8: a standard error of .14.
    assert abs(np.mean(effects) - 7.0) < 0.6


@pytest.mark.skipif(not SHARED.exists(), reason="the trial's files are not here")
@pytest.mark.parametrize("with_period", [True, False])
def test_real_trial_with_exchanged_arms_confirms_at_most_alpha(with_period):
    trial = fetch_nimh_ketamine(data_home=SHARED, download_if_missing=False)
    participants, codes = np.unique(trial.groups, return_inverse=True)
    ketamine = trial.treatment == "ketamine"
    if not with_period:
        trial.period = None
    confirmed = 0
    for seed in range(500):
        swap = np.random.RandomState(seed).rand(len(participants)) < 0.5
        trial.treatment = np.where(ketamine ^ swap[codes], "ketamine", "placebo")
        finder = fit(
            trial,
            seed,
            design="crossover",
            control="placebo",
            greater_is_better=False,
            max_variables=3,
        )
        confirmed += finder.n_confirmed_ > 0
    assert confirmed <= 0.05 * 500


def test_demonstration_confirms_the_planted_persona():
    right = 0
    for seed in range(12):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PersonaWarning)
            trial, finder = discover(400, seed)
        for persona in finder.personas_:
            inside = persona.covers(trial.data)
            share = (inside & trial.persona).sum() / (inside | trial.persona).sum()
            if persona.confirmed and share > 0.5:
                right += 1
                break
    assert right >= 10


@pytest.mark.parametrize("validation", ["holdout", None])
def test_corrected_intervals_cover_the_effect_of_what_was_selected(validation):
    """Without heterogeneity every rule has the main effect in the population."""
    n_trials, true, covered, naive, widths = 25, 0.5, 0, 0, []
    for seed in range(n_trials):
        trial = make_parallel_trial(
            n_samples=80, n_features=8, effect=0.0, main_effect=true, random_state=seed
        )
        finder = fit(
            trial, seed, validation=validation, n_resamples=10, prognostic=None
        )
        persona = max(finder.personas_, key=lambda p: p.objective)
        (low, high), record = persona.ci_corrected, persona.train
        covered += low <= true <= high
        naive += record.ci_effect[0] <= true <= record.ci_effect[1]
        # What a t interval of all members would have, had nothing been selected.
        share = record.coverage * 80
        widths.append((high - low) / (2 * 2 * np.sqrt(4 / share)))
    least = binom.ppf(0.01, n_trials, 0.95)
    assert covered >= least
    assert naive < least
    assert np.median(widths) < 1.5
