"""A simulated parallel-group trial with one planted persona."""

from math import inf, sqrt

import numpy as np
import pandas as pd
from sklearn.utils import Bunch, check_random_state

from sklearn_persona._data.checks import as_count, as_flag, as_real
from sklearn_persona.datasets._planting import (
    meets,
    shift_to_probability,
    with_missing,
)

# Latent outcome above which the binary outcome is 1; 31 % respond under control.
_RESPONSE_EDGE = 0.5
_MAX_PROGNOSTIC = 3

_DESCR = """\
Simulated parallel-group trial with a planted persona
=====================================================

One row is one participant; treatment 0 is control and 1 is treated. Features are
standard normal and equally correlated. The persona is a conjunction of one-sided
conditions on the first features, above the edge for x0, x2, ... and at or below it
for x1, x3, ... Larger values of the outcome are better.

target     continuous, or 0/1 when a binary outcome was asked for
planted    persona -> column -> (low, high); a condition is low < x <= high
persona    rows that meet it, judged on the values before some were made missing,
           whatever the effect
"""


def make_parallel_trial(
    *,
    n_samples=200,
    n_features=10,
    n_variables=2,
    effect=1.0,
    main_effect=0.0,
    prevalence=0.4,
    prognostic=0.0,
    treated_share=0.5,
    binary=False,
    missing=0.0,
    correlation=0.1,
    random_state=None,
    as_frame=True,
):
    """Simulate a randomized parallel-group trial with one planted persona.

    Standard-normal features x0, x1, ... are equally correlated. The persona is the
    conjunction ``x0 > c``, ``x1 <= -c``, ``x2 > c``, ... over the first
    `n_variables` features, with ``c`` chosen to give it the expected share
    `prevalence`. The outcome is ::

        y = prognostic * g + treated * (main_effect + effect * persona) + noise

    with standard-normal noise and ``g`` the sum of the last features outside the
    persona (at most three), scaled to variance 1.

    Parameters
    ----------
    n_samples : int, default=200
        Number of participants, at least 2.
    n_features : int, default=10
        Number of features, at least `n_variables`.
    n_variables : int, default=2
        Number of conditions of the planted persona, at least 1.
    effect : float, default=1.0
        Effect of treatment inside the persona in addition to `main_effect`, in
        standard deviations of the noise; positive is benefit. 0 gives the null twin:
        the same features, arms and noise, and exactly `main_effect` in everyone.
    main_effect : float, default=0.0
        Effect of treatment on everyone, in standard deviations of the noise.
    prevalence : float, default=0.4
        Expected share of participants in the persona, in (0, 1).
    prognostic : float, default=0.0
        Slope of the outcome on the prognostic sum ``g`` in both arms.
    treated_share : float, default=0.5
        Share of treated participants, in (0, 1). Their number is rounded, with at
        least one participant in each arm.
    binary : bool, default=False
        Whether the outcome is a response: 1 when the continuous outcome above
        exceeds 0.5, else 0. This is a probit model; without effects or prognostic
        features 31 % respond. The twin with ``effect=0`` has a constant effect on
        the latent scale; the response rates of all subgroups then differ by the
        same amount when `main_effect` or `prognostic` is 0 as well.
    missing : float, default=0.0
        Expected share of missing values in each feature, in [0, 1). They are drawn
        after planting and independently of everything else.
    correlation : float, default=0.1
        Correlation of any two features, in [0, 0.6].
    random_state : int, RandomState instance or None, default=None
        Determines all random numbers, which depend on no other arguments than
        `n_samples` and `n_features`.
    as_frame : bool, default=True
        Whether `data` is a DataFrame or an ndarray.

    Returns
    -------
    trial : :class:`~sklearn.utils.Bunch`
        With the following attributes:

        data : DataFrame or ndarray of shape (n_samples, n_features), float
            Baseline, one row per participant.
        target : ndarray of shape (n_samples,), float
            Outcome; larger is better. 0.0 and 1.0 when `binary`.
        treatment : ndarray of shape (n_samples,), int
            1 for treated, 0 for control.
        groups : ndarray of shape (n_samples,), int
            Participant; each row is a different one.
        period : None
            The trial has no periods.
        feature_names : list of str
            Columns of `data`.
        modalities : dict of str to str
            "simulated" for every column.
        persona : ndarray of shape (n_samples,), bool
            Rows that meet the conditions before values were made missing, whatever
            the effect.
        personas : dict of str to ndarray of shape (n_samples,), bool
            ``{"persona 1": persona}``.
        planted : dict of str to dict of str to (float, float)
            ``{"persona 1": {column: (low, high)}}``, meaning ``low < x <= high``.
        effect : dict of str to float
            ``{"persona 1": effect}``.
        DESCR : str
            Description of the data set.

    Raises
    ------
    ValueError
        If an argument is outside its range, or `prognostic` is not 0 and no feature
        is left outside the persona.

    See Also
    --------
    make_ketamine_crossover : Simulates a crossover trial with three modalities.

    References
    ----------
    Loh, Cao & Zhou, "Subgroup identification for precision medicine: a comparative
    review of 13 methods", WIREs Data Mining and Knowledge Discovery, 2019, for the
    kind of design.

    Examples
    --------
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(n_samples=100, random_state=0)
    >>> trial.data.shape
    (100, 10)
    >>> sorted(trial.planted["persona 1"])
    ['x0', 'x1']
    >>> int(trial.treatment.sum())
    50
    """
    n_samples = as_count("n_samples", n_samples, minimum=2)
    n_variables = as_count("n_variables", n_variables, minimum=1)
    n_features = as_count("n_features", n_features, minimum=n_variables)
    effect = as_real("effect", effect)
    main_effect = as_real("main_effect", main_effect)
    prevalence = as_real(
        "prevalence", prevalence, low=0, high=1, open_low=True, open_high=True
    )
    prognostic = as_real("prognostic", prognostic)
    treated_share = as_real(
        "treated_share", treated_share, low=0, high=1, open_low=True, open_high=True
    )
    binary = as_flag("binary", binary)
    missing = as_real("missing", missing, low=0, high=1, open_high=True)
    correlation = as_real("correlation", correlation, low=0, high=0.6)
    as_frame = as_flag("as_frame", as_frame)
    n_prognostic = min(_MAX_PROGNOSTIC, n_features - n_variables)
    if prognostic and not n_prognostic:
        raise ValueError(
            "prognostic must be 0 when every feature belongs to the persona, got "
            f"prognostic={prognostic!r} with n_features={n_features} and "
            f"n_variables={n_variables}. Use more features."
        )
    rng = check_random_state(random_state)

    names = [f"x{j}" for j in range(n_features)]
    common = sqrt(correlation) * rng.standard_normal((n_samples, 1))
    own = sqrt(1.0 - correlation) * rng.standard_normal((n_samples, n_features))
    table = common + own
    conditions = _conditions(names[:n_variables], prevalence, correlation)
    persona = meets(table, names, conditions)

    n_treated = min(max(round(treated_share * n_samples), 1), n_samples - 1)
    treatment = np.zeros(n_samples, dtype=int)
    treatment[rng.permutation(n_samples)[:n_treated]] = 1
    target = rng.standard_normal(n_samples)
    if prognostic:
        target += prognostic * _prognosis(table[:, -n_prognostic:], correlation)
    target = target + treatment * (main_effect + effect * persona)
    if binary:
        target = (target > _RESPONSE_EDGE).astype(float)
    data = with_missing(table, missing, rng)
    return Bunch(
        data=pd.DataFrame(data, columns=names) if as_frame else data,
        target=target,
        treatment=treatment,
        groups=np.arange(n_samples),
        period=None,
        feature_names=names,
        modalities=dict.fromkeys(names, "simulated"),
        persona=persona,
        personas={"persona 1": persona.copy()},
        planted={"persona 1": conditions},
        effect={"persona 1": effect},
        DESCR=_DESCR,
    )


def _conditions(names, prevalence, correlation):
    """Alternately ``x > c`` and ``x <= -c``, with c set by the prevalence."""
    # -x is also standard normal, so "x > c" is "-x < -c": a sign of -1, same edge.
    signs = np.where(np.arange(len(names)) % 2, 1.0, -1.0)
    edges = np.zeros(len(names))
    edge = -shift_to_probability(edges, correlation, prevalence, signs)
    return {
        name: (edge, inf) if sign < 0 else (-inf, -edge)
        for name, sign in zip(names, signs, strict=True)
    }


def _prognosis(columns, correlation):
    """Sum of the columns in units of its standard deviation."""
    k = columns.shape[1]
    return columns.sum(axis=1) / sqrt(k + k * (k - 1) * correlation)
