"""Small fitted discoverers of every kind, each fitted once a test run."""

import functools
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd

from sklearn_persona import PersonaDiscoverer, Stability
from sklearn_persona.exceptions import PersonaWarning

# What a user's file may call its columns and categories.
HOSTILE = (
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    '"><img src=x onerror=alert(1)>',
    "a\nb\r\n3. everyone: yes",
    "'; DROP TABLE trial; --",
    "\u202eevil\u2069",
    "שלום עולם",
    "x" * 10_000,
    "{{ 7 * 7 }}{% raw %}",
    "https://example.org/pixel.png",
    "]]>&amp;<!--",
    "</style><title>",
    "nul\x00l",
    "$\\frac{1}{0}$",
    "| a | b |",
    "+1`rm -rf`",
)
KINDS = (
    "parallel",
    "crossover",
    "no-period",
    "pooled",
    "single-arm",
    "nothing",
    "empty",
    "not-validated",
    "permutation",
    "repeated",
    "response",
    "effect",
    "arrays",
    "unfavorable",
    "resampled",
)


def names_of(hostile):
    """Names of six columns, and three categories."""
    if hostile:
        return list(HOSTILE[:6]), [HOSTILE[0] + "!", HOSTILE[4], "=1+1"]
    return [f"v{j}" for j in range(6)], ["A", "B", "C"]


def make_table(n, seed, hostile=False):
    """Five numbers, some missing, and a category."""
    rng = np.random.default_rng(seed)
    names, levels = names_of(hostile)
    table = pd.DataFrame(rng.normal(size=(n, 5)).round(2), columns=names[:5])
    table[names[5]] = [levels[k] for k in rng.integers(0, 3, n)]
    table.iloc[:3, 1] = np.nan
    return table


def fitted(kind, hostile=False):
    """A fit, and what it was fitted to.

    Returns
    -------
    finder : PersonaDiscoverer
    data : dict
        ``X``, ``y`` and, where there are any, ``treatment``, ``groups``, ``period``.
    """
    return _fitted(kind, hostile)


@functools.cache
def _fitted(kind, hostile):
    rng = np.random.default_rng(7)
    options = {"max_variables": 2, "n_personas": 4, "n_bootstrap": 200}
    options |= {"n_permutations": 199, "random_state": 3}
    if kind != "parallel":
        # The lasso would take most of the time.
        options["prognostic"] = None
    n = 120
    X = make_table(n, 1, hostile)
    arms = ("<b>placebo</b>", "=drug") if hostile else ("placebo", "drug")
    treatment = np.array(arms)[rng.permutation(np.arange(n) % 2)]
    treated = treatment == arms[1]
    gain = np.where(X.iloc[:, 0] > 0, 2.5, -0.3)
    if kind == "nothing":
        # Only rules that divide both training arms evenly.
        gain, options["min_arm_size"] = 0 * gain, 15
        options["min_variables"] = 2
    if kind == "unfavorable":
        gain, options["direction"] = -gain, "unfavorable"
    y = rng.normal(size=n) + treated * gain
    if kind == "empty":
        y = np.ones(n)
    data = {"X": X, "y": y, "treatment": treatment}
    options["control"] = arms[0]
    if kind in ("crossover", "no-period", "pooled"):
        groups = np.repeat(np.arange(n // 2), 2)
        X = X.iloc[::2].loc[lambda t: t.index.repeat(2)].reset_index(drop=True)
        period = np.tile([1, 2], n // 2)
        first = np.repeat(rng.permutation(np.arange(n // 2) % 2), 2)
        treatment = np.array(arms)[(period + first) % 2]
        y = rng.normal(size=n) + 0.3 * period
        y += (treatment == arms[1]) * np.where(X.iloc[:, 0] > 0, 2.5, -0.3)
        data = {"X": X, "y": y, "treatment": treatment, "groups": groups}
        # The last participant has one period only.
        data = {key: value[:-1] for key, value in data.items()}
        if kind == "crossover":
            data["period"] = period[:-1]
        if kind == "pooled":
            options["design"] = "pooled"
    if kind == "single-arm":
        data = {"X": X, "y": y + 2.0 * (X.iloc[:, 0] > 0)}
        options["control"] = None
    if kind == "not-validated":
        options["validation"] = None
    if kind == "permutation":
        options |= {"validation": "permutation", "n_permutations": 99}
    if kind == "repeated":
        options |= {"validation": "repeated", "n_splits": 3}
    if kind == "resampled":
        options |= {"n_resamples": 10, "max_variables": 1, "n_personas": 2}
    if kind == "response":
        options["response_threshold"] = 1.0
    if kind == "effect":
        options |= {"criterion": "effect", "objective": "effect", "correction": None}
    if kind == "arrays":
        data["X"] = X.iloc[:, :5].to_numpy()
        options["n_cuts"] = "all"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersonaWarning)
        return PersonaDiscoverer(**options).fit(**data), data


def with_stability(persona):
    """The persona as if its selection had been repeated on half-samples."""
    values = {
        "n_resamples": 50,
        "jaccard": 0.66,
        "jaccard_quantiles": [0.2, 0.5, 0.7, 0.8, 0.95],
        "same_variables": 0.5,
        "variable_frequencies": [0.82] + [0.25] * (len(persona.conditions) - 1),
        "edges": [
            {
                "variable": c.label,
                "side": side,
                "value": getattr(c, side),
                "low": getattr(c, side) - 0.5,
                "high": getattr(c, side) + 0.25,
                "n": 30,
            }
            for c in persona.conditions
            for side in ("low", "high")
            if getattr(c, side) is not None
        ],
        "n_left_out": 20,
        "left_out_same": 0.9,
        "left_out_jaccard": None,
    }
    return replace(
        persona,
        stability=Stability.from_dict(values),
        effect_corrected=1.25,
        ci_corrected=(0.5, 2.0),
    )
