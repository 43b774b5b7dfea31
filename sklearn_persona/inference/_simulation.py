"""Power by simulation of the whole procedure on trials with a planted persona."""

import math
import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from sklearn_persona._data.checks import as_count, as_generator, as_probability
from sklearn_persona.datasets import make_parallel_trial
from sklearn_persona.exceptions import PersonaWarning

__all__ = ["SimulatedPower", "simulate_power"]


@dataclass(frozen=True)
class SimulatedPower:
    """Result of `simulate_power`.

    Attributes
    ----------
    n_trials : int
    any_confirmed : float
        Share of the trials with a confirmed persona; the error rate if no effect is
        planted.
    power : float
        Share of the trials with a confirmed favorable persona whose Jaccard index with
        the planted one is above .5.
    discovered : float
        Share of the trials in which such a persona was found, confirmed or not.
    standard_error : float
        Monte-Carlo standard error of `power`.

    Examples
    --------
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.inference import simulate_power
    >>> finder = PersonaDiscoverer(max_variables=1, n_bootstrap=0, prognostic=None)
    >>> found = simulate_power(
    ...     finder, n_participants=80, n_features=3, n_variables=1, effect=0.0,
    ...     n_trials=3, random_state=0,
    ... )
    >>> found.any_confirmed
    0.0
    """

    n_trials: int
    any_confirmed: float
    power: float
    discovered: float
    standard_error: float


def simulate_power(
    estimator,
    *,
    n_participants,
    n_features,
    effect,
    main_effect=0.0,
    prevalence=0.4,
    n_variables=2,
    crossover=False,
    treated_share=0.5,
    n_trials=100,
    random_state=None,
    n_jobs=None,
):
    """Estimate the power of a procedure by fitting it to simulated trials.

    The estimator sets cuts, depth, objective, validation and level; the arguments here
    describe the trials. Simulated baseline variables are standard normal with
    correlation .1. Outcomes have normal noise of SD 1 within arms; in a crossover this
    is the SD of the difference within participants.

    Parameters
    ----------
    estimator : PersonaDiscoverer
        Cloned for each trial. Larger outcomes are taken as better.
    n_participants : int
        Total number; when `crossover`, each has both arms.
    n_features : int
        Number of baseline variables.
    effect : float
        Additional effect of treatment inside the planted persona, in SD.
    main_effect : float, default=0.0
        Effect of treatment on everyone, in SD.
    prevalence : float, default=0.4
        Share of participants inside the planted persona.
    n_variables : int, default=2
        Number of conditions of the planted persona.
    crossover : bool, default=False
        Whether the trials are two-period crossovers with known periods.
    treated_share : float, default=0.5
        Share of treated participants; unused when `crossover`.
    n_trials : int, default=100
        With 100 trials the standard error of the power is at most .05.
    random_state : int, RandomState, Generator or None, default=None
        Seeds of the trials and of each fit are drawn from it, so that the result
        does not depend on `n_jobs`.
    n_jobs : int, default=None
        Number of trials fitted at once, in threads.

    Returns
    -------
    SimulatedPower

    Raises
    ------
    ValueError
        If a number is out of range, or the estimator refuses a trial of this size.

    See Also
    --------
    detectable_effect : Formula for a given persona at an adjusted level.

    Examples
    --------
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.inference import simulate_power
    >>> finder = PersonaDiscoverer(max_variables=1, n_bootstrap=0, prognostic=None)
    >>> found = simulate_power(
    ...     finder, n_participants=80, n_features=3, n_variables=1, effect=3.0,
    ...     n_trials=5, random_state=0,
    ... )
    >>> found.n_trials, found.discovered
    (5, 1.0)
    """
    n_participants = as_count("n_participants", n_participants, minimum=2)
    n_trials = as_count("n_trials", n_trials)
    as_probability("prevalence", prevalence)
    plan = {
        "n_samples": n_participants,
        "n_features": n_features,
        "n_variables": n_variables,
        "prevalence": prevalence,
        "effect": float(effect),
        "main_effect": float(main_effect),
        "treated_share": treated_share,
    }
    seeds = as_generator(random_state).integers(0, 2**31 - 1, size=n_trials)
    parallel = Parallel(n_jobs=n_jobs, prefer="threads")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersonaWarning)
        rows = parallel(
            delayed(_trial)(estimator, plan, crossover, int(seed)) for seed in seeds
        )
    anything, power, discovered = np.mean(rows, axis=0).tolist()
    return SimulatedPower(
        n_trials=n_trials,
        any_confirmed=anything,
        power=power,
        discovered=discovered,
        standard_error=math.sqrt(power * (1 - power) / n_trials),
    )


def _trial(estimator, plan, crossover, seed):
    """Whether any persona was confirmed, and the planted one confirmed and found."""
    trial = make_parallel_trial(random_state=seed, **plan)
    X, inside = trial.data, trial.persona
    roles = {"treatment": trial.treatment, "groups": trial.groups}
    y = trial.target
    if crossover:
        X, y, roles = _as_crossover(trial, plan, seed)
    fitted = clone(estimator).set_params(
        control=0, greater_is_better=True, random_state=seed
    )
    fitted.fit(X, y, **roles)
    right = []
    for persona in fitted.personas_:
        members = persona.covers(trial.data)
        shared = np.count_nonzero(members & inside)
        overlap = shared / max(np.count_nonzero(members | inside), 1)
        if overlap > 0.5 and persona.direction == "favorable":
            right.append(persona.confirmed)
    return fitted.n_confirmed_ > 0, any(right), bool(right)


def _as_crossover(trial, plan, seed):
    """Two cases per participant; their difference has the effect and noise of SD 1."""
    rng = np.random.RandomState(seed)
    n = len(trial.data)
    effects = plan["main_effect"] + plan["effect"] * trial.persona
    level = rng.standard_normal(n)
    noise = rng.standard_normal((2, n)) * math.sqrt(0.5)
    first = rng.permutation(n) < n // 2
    X = trial.data.iloc[np.tile(np.arange(n), 2)].reset_index(drop=True)
    y = np.concatenate([level + noise[0], level + effects + noise[1]])
    treatment = np.repeat([0, 1], n)
    roles = {
        "treatment": treatment,
        "groups": np.tile(np.arange(n), 2),
        "period": np.where((treatment == 1) == np.tile(first, 2), 1, 2),
    }
    return X, y, roles
