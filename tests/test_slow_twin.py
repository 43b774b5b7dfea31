"""The whole pipeline against a slow second implementation, to the last persona."""

import contextlib
import math
import warnings
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from _counted import count, profile
from _slow_twin import SlowTwin, TooManyError
from hypothesis import Phase, given
from hypothesis import strategies as st

import sklearn_persona._claims.permutation_test as selection_module
from sklearn_persona import PersonaDiscoverer
from sklearn_persona.exceptions import PersonaWarning

DESIGNS = ("parallel", "averaged", "crossover", "no period", "pooled", "single-arm")
# Data come from a seed, which does not shrink.
SEEDS = st.integers(0, 2**62)
PHASES = {"phases": [Phase.explicit, Phase.generate]}
PERSONA = (
    "objective p_adjusted p_adjusted_interaction p_adjusted_members p_conditional"
).split()
RECORD = (
    "n n_groups coverage n_treated n_control effect effect_complement effect_size "
    "p_value p_floor p_interaction mean_treated mean_control p_welch"
).split()


def make_column(rng, kind, n):
    """A baseline variable of one of many kinds, as a pandas Series."""
    if kind == "normal":
        return pd.Series(rng.normal(size=n))
    if kind == "float32":
        return pd.Series(rng.normal(size=n).astype(np.float32))
    if kind == "few":
        return pd.Series(rng.integers(0, 4, n))
    if kind == "boolean":
        return pd.Series(rng.random(n) < 0.5)
    if kind == "missing":
        return pd.Series(np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)))
    if kind == "Int64":
        values = pd.array(rng.integers(-5, 6, n), dtype="Int64")
        values[rng.random(n) < 0.15] = pd.NA
        return pd.Series(values)
    if kind == "constant":
        return pd.Series(np.full(n, 2.0))
    if kind == "empty":
        return pd.Series(np.full(n, np.nan))
    n_levels = int(kind[-1])
    names = np.array(list("dbaec")[:n_levels], dtype=object)
    values = names[rng.integers(0, n_levels, n)]
    if kind.startswith("text"):
        values[rng.random(n) < 0.1] = None
        return pd.Series(values, dtype=object)
    dtype = pd.CategoricalDtype(list("ecabdz"), ordered=True)
    return pd.Series(values).astype(dtype)


COLUMNS = [
    *["normal"] * 3,
    *["few"] * 3,
    *["boolean", "missing", "Int64", "float32", "constant", "empty"],
    *["text2", "text3", "text4", "levels3", "levels5"],
]


def make_outcome(rng, kind, n):
    if kind == "binary":
        return rng.integers(0, 2, n).astype(float)
    if kind == "few":
        return rng.integers(-2, 3, n).astype(float)
    if kind == "quarters":
        return rng.integers(-40, 41, n) / 4
    if kind == "one":
        return np.ones(n)
    if kind == "normal":
        return rng.normal(size=n)
    return np.round(1024 * rng.normal(size=n)) / 1024


def make_trial(seed, validation):
    """Data of a fit, and its parameters."""
    rng = np.random.default_rng(seed)

    def draw(values):
        return values[rng.integers(len(values))]

    design = draw(DESIGNS)
    n = 2 * int(rng.integers(9, 21) if validation == "holdout" else rng.integers(8, 14))
    crossover = design in ("crossover", "no period", "pooled")
    units = n // 2 if crossover or design == "averaged" else n
    if crossover and validation == "holdout":
        units = int(rng.integers(12, 21))
    rows_a_unit = 2 if crossover or design == "averaged" else 1
    kinds = [draw(COLUMNS) for _ in range(rng.integers(1, 5))]
    X = pd.DataFrame({f"v{j}": make_column(rng, k, units) for j, k in enumerate(kinds)})
    if rng.integers(4) == 0:
        X["copy"] = X["v0"]
    n = units * rows_a_unit
    groups = np.repeat(rng.permutation(units) + 100, rows_a_unit)
    first = rng.permutation(np.arange(units) % 2)
    period = np.tile([1, 2], units)
    treated = np.repeat(first, rows_a_unit)
    if crossover:
        treated = (period + np.repeat(first, 2)) % 2
    site = rng.integers(0, 2, units)
    X = X.loc[np.repeat(np.arange(units), rows_a_unit)].reset_index(drop=True)
    y = make_outcome(
        rng,
        draw(["normal", "short", "short", "quarters", "few", "binary", "one"]),
        n,
    )
    # A persona to be found: what else would be confirmed?
    codes = pd.factorize(X["v0"])[0]
    members = codes >= 0
    if pd.api.types.is_numeric_dtype(X["v0"]):
        members = (X["v0"].astype(float) > X["v0"].astype(float).median()).to_numpy()
    size = draw([0, 2, 4, 16]) * draw([1, -1])
    y = y + size * members * (treated if design != "single-arm" else 1)
    y = y + draw([0, 1]) * treated
    if crossover:
        y = y + draw([0, 0.5]) * (period == 2)
    arms = draw([(0, 1), ("drug", "placebo"), (False, True)])
    treatment = np.array([arms[t] for t in treated], dtype=object)
    if arms != ("drug", "placebo"):
        treatment = treatment.astype(type(arms[0]))
    data = {"treatment": treatment}
    if design == "single-arm":
        data = {}
    if rows_a_unit == 2:
        data["groups"] = groups
    if design in ("crossover", "pooled"):
        data["period"] = period
    if rng.integers(3) == 0:
        data["strata"] = np.repeat(site, rows_a_unit)
    order = rng.permutation(n)
    if crossover and bool(rng.integers(2)):
        # Somebody has one case only.
        order = order[:-1]
    X, y = X.iloc[order].reset_index(drop=True), y[order]
    data = {name: value[order] for name, value in data.items()}
    max_variables = draw([1, 2, 2, 3])
    names = list(X.columns)
    parameters = {
        "min_variables": draw([1, 1, max_variables]),
        "max_variables": max_variables,
        "n_cuts": draw([1, 2, 3, 3, "all"]),
        "conditions": draw(["one-sided", "interval"]),
        "modalities": draw([None, None, {names[0]: "clinic", names[-1]: "scanner"}]),
        "min_modalities": 1,
        "min_coverage": draw([0.0, 0.1, 0.25]),
        "min_arm_size": draw([1, 2, 2, 3, "auto"]),
        "objective": draw(["effect", "contrast"]),
        "direction": draw(["both", "both", "favorable", "unfavorable"]),
        "response_threshold": draw([None, None, None, 0.5]),
        "greater_is_better": bool(rng.integers(2)),
        "n_personas": draw([1, 3, 5]),
        "max_overlap": draw([0.0, 0.25, 0.5, 0.75, 1.0]),
        "alpha": draw([0.05, 0.1, 0.3, 0.6]),
        "min_effect_size": draw([0.0, 0.5, 1.0]),
        "criterion": draw(["heterogeneity", "heterogeneity", "effect"]),
        "validation": validation,
        "holdout_size": draw([0.4, 0.5, 0.5, 0.6]),
        "n_holdout": draw([1, 2, 3]),
        "correction": draw(["holm", "fixed-sequence", "bh", None]),
        "n_permutations": draw([39, 60]),
        "design": "pooled" if design == "pooled" else "auto",
        "control": draw([None, arms[1]]) if data else None,
    }
    if "treatment" not in data:
        parameters["control"] = None
    if parameters["modalities"] and len(set(names)) > 1 and max_variables > 1:
        parameters["min_modalities"] = draw([1, 2])
    if len(names) > 3 and parameters["n_cuts"] == "all":
        parameters["n_cuts"] = 2
    return X, y, data, parameters, int(rng.integers(10_000)), draw([1, 2, 3])


@contextlib.contextmanager
def recorded(into):
    """Note the random labelings that a fit draws, whatever they come from."""

    def noting(cls):
        def make(units, seed):
            labels = cls(units, seed)
            into.append(labels)
            return labels

        return make

    with contextlib.ExitStack() as stack:
        for name in ("Permutations", "ResidualPermutations"):
            cls = getattr(selection_module, name)
            stack.enter_context(mock.patch.object(selection_module, name, noting(cls)))
        yield


def same(got, expected, what, rel=1e-9):
    if expected is None and what in ("p_value", "p_floor", "p_interaction"):
        # Too many arrangements to enumerate.
        return
    got = math.nan if got is None else got
    if isinstance(expected, float) and math.isnan(expected):
        assert math.isnan(got), (what, got, expected)
    else:
        assert got == pytest.approx(expected, rel=rel, abs=1e-9), (what, got, expected)


def compare(finder, twin, X, y, data):
    """Every persona, number and flag."""
    assert finder.search_.n_candidates == twin.n_candidates
    assert finder.search_.proven_optimal
    assert finder.min_arm_size_ == twin.min_arm_size
    assert len(finder.personas_) == len(twin.personas)
    for got, expected in zip(finder.personas_, twin.personas):
        assert [
            (c.position, (c.low, c.high) if c.levels is None else c.levels)
            for c in got.conditions
        ] == [(c.position, c.limit) for c in expected["conditions"]]
        for name in (
            *("direction", "reversal", "replicated", "confirmed", "members_claim"),
        ):
            assert getattr(got, name) == expected[name], name
        for name in PERSONA:
            same(getattr(got, name), expected[name], name)
        for part in ("train", "holdout"):
            record, values = getattr(got, part), expected[part]
            assert (record is None) == (values is None), part
            for name in RECORD if values is not None else ():
                same(getattr(record, name), values[name], name)
    count("personas equal to those of the slow twin", len(twin.personas))
    confirmed = sum(p["confirmed"] for p in twin.personas)
    assert finder.n_confirmed_ == confirmed
    count("of these confirmed", confirmed)
    np.testing.assert_array_equal(finder.transform(X), twin.transform(X))
    np.testing.assert_array_equal(finder.predict(X), twin.predict(X))
    same(finder.score(X, y, **data), twin.score(X, y, data.get("treatment")), "score")


def check_split(finder, twin, data):
    """The documented properties of the random split, whoever drew it."""
    groups = data.get("groups")
    if groups is not None:
        for g in np.unique(groups):
            assert len(set(finder.split_[groups == g])) == 1
    else:
        groups = np.arange(len(finder.split_))
    used = finder.split_ != "not analysed"
    sizes = [
        len(np.unique(groups[used & (finder.split_ == part)]))
        for part in ("training", "holdout")
    ]
    assert sizes[1] == min(
        max(round(finder.holdout_size * sum(sizes)), 1), sum(sizes) - 1
    )


def check(trial):
    X, y, data, parameters, seed, n_jobs = trial
    finder = PersonaDiscoverer(
        prognostic=None,
        n_bootstrap=0,
        n_alternatives=0,
        random_state=seed,
        n_jobs=n_jobs,
        **parameters,
    )
    labels = []
    with warnings.catch_warnings(), recorded(labels):
        warnings.simplefilter("ignore", PersonaWarning)
        try:
            finder.fit(X, y, **data)
        except ValueError as error:
            finder = error
    if isinstance(finder, ValueError):
        # The only thing that these trials may be refused for.
        assert "Too few cases" in str(finder) or "crossover" in str(finder), finder
        count("trials refused by the package for their size")
        return
    labelings = [
        [one[b] for b in range(parameters["n_permutations"])] for one in labels
    ]
    twin = SlowTwin(**parameters)
    try:
        twin.fit(X, y, split=finder.split_, labelings=labelings, **data)
    except TooManyError:
        count("trials left out: too many arrangements to enumerate")
        return
    compare(finder, twin, X, y, data)
    if parameters["validation"] == "holdout":
        check_split(finder, twin, data)
    count("fits equal to those of the slow twin")


@profile(40, **PHASES)
@given(SEEDS)
def test_holdout_equals_the_slow_twin(seed):
    check(make_trial(seed, "holdout"))


@profile(15, **PHASES)
@given(SEEDS)
def test_discovery_equals_the_slow_twin(seed):
    check(make_trial(seed, None))


@profile(25, **PHASES)
@given(SEEDS)
def test_permutation_equals_the_slow_twin(seed):
    check(make_trial(seed, "permutation"))
