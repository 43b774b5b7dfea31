"""What must not change a fit: units of the outcome, orders, names, copies."""

import warnings

import numpy as np
import pandas as pd
import pytest

import sklearn_persona._search.binning as binning_module
import sklearn_persona._search.memory as memory_module
from sklearn_persona import PersonaDiscoverer
from sklearn_persona._data.table import TableColumn
from sklearn_persona.exceptions import PersonaWarning

DESIGNS = ("parallel", "crossover", "no period", "pooled", "single-arm")
VALIDATIONS = ("holdout", "permutation", None)
# What a p value may depend on is drawn from the seed in the order of the units.
EXACT = {"n_permutations": 59, "n_bootstrap": 0, "n_alternatives": 0}


def make_trial(design, seed=0, units=48):
    """A trial with a persona, whose units have labels that sort like the rows."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(units, 4)).round(3), columns=list("abcd"))
    X["sex"] = rng.choice(["F", "M", "X"], units)
    first = rng.permutation(np.arange(units) % 2)
    groups = np.arange(units) + 10
    treated, data = first, {"groups": groups}
    if design in ("crossover", "no period", "pooled"):
        X = X.loc[np.repeat(X.index, 2)].reset_index(drop=True)
        period = np.tile([1, 2], units)
        treated = (period + np.repeat(first, 2)) % 2
        data = {"groups": np.repeat(groups, 2)}
        if design != "no period":
            data["period"] = period
    if design != "single-arm":
        data["treatment"] = np.array(["arm 0", "arm 1"])[treated]
    # Multiples of 1/64, so that scaling by a power of two is exact.
    y = np.round(64 * rng.normal(size=len(X))) / 64
    y = y + 4 * (X["a"] > 0).to_numpy() * treated
    return X, y, data


def fit(X, y, data, **options):
    finder = PersonaDiscoverer(
        **{
            "max_variables": 2,
            "n_cuts": 5,
            "n_personas": 3,
            "prognostic": None,
            "random_state": 0,
            **EXACT,
            **options,
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersonaWarning)
        return finder.fit(X, y, **data)


def facts(finder, names=True):
    """What has no unit: rules, flags, p values, effect sizes."""
    out = []
    for p in finder.personas_:
        rules = sorted(
            str(c) if names else (c.low, c.high, c.levels) for c in p.conditions
        )
        records = [p.train, p.holdout]
        numbers = [p.objective, p.p_adjusted, p.p_adjusted_interaction]
        numbers += [p.p_conditional]
        for r in records:
            if r is not None:
                numbers += [r.n, r.coverage, r.effect_size, r.p_value, r.p_floor]
                numbers += [r.p_interaction]
        out.append((rules, p.direction, p.reversal, p.replicated, p.confirmed, numbers))
    assert out
    return out


def assert_same(one, other, *, rel=1e-9, flip=False):
    assert len(one) == len(other)
    for a, b in zip(one, other):
        assert a[0] == b[0]
        assert (a[1] == b[1]) != flip
        assert a[2:5] == b[2:5]
        left, right = np.array(a[5]), np.array(b[5])
        if flip:
            left, right = np.abs(left), np.abs(right)
        np.testing.assert_allclose(left, right, rtol=rel, atol=1e-12)


@pytest.mark.parametrize("validation", VALIDATIONS)
@pytest.mark.parametrize("design", DESIGNS)
def test_units_of_the_outcome(design, validation):
    X, y, data = make_trial(design)
    options = {"validation": validation}
    if design == "single-arm":
        # A rule and its complement tie, favorable and unfavorable.
        options["direction"] = "favorable"
    plain = fit(X, y, data, **options)
    # Powers of two are exact, down to denormal numbers.
    for scale in (2.0**40, 2.0**-40, 2.0**900, 2.0**-600):
        scaled = fit(X, scale * y, data, **options)
        assert_same(facts(plain), facts(scaled))
        for p, q in zip(plain.personas_, scaled.personas_):
            assert q.train.effect == pytest.approx(scale * p.train.effect, rel=1e-9)
    # Denormal numbers have few digits, so an effect or its SD has.
    denormal = fit(X, 2.0**-1060 * y, data, **options)
    assert_same(facts(plain), facts(denormal), rel=1e-2)
    for scale, shift in ((1e12, 0), (1e-12, 0), (1, 1e6), (-1, 3)):
        changed = fit(
            X,
            scale * y + shift,
            data,
            **options,
            greater_is_better=scale > 0,
        )
        assert_same(facts(plain), facts(changed), rel=1e-6)


@pytest.mark.parametrize("validation", ["holdout", None])
@pytest.mark.parametrize("design", DESIGNS)
def test_order_of_rows_and_columns(design, validation):
    X, y, data = make_trial(design)
    rng = np.random.default_rng(1)
    plain = fit(X, y, data, validation=validation)
    order = rng.permutation(len(y))
    if design == "no period":
        # Without period the first row of a participant describes it: both are alike.
        assert X.groupby(data["groups"]).nunique().max().max() == 1
    options = {"validation": validation}
    if design == "pooled":
        # Cases are units; the draws of a Monte-Carlo test follow their order.
        options["n_permutations"] = 20_000
        plain = fit(X, y, data, **options)
    moved = fit(
        X.iloc[order].reset_index(drop=True),
        y[order],
        {name: value[order] for name, value in data.items()},
        **options,
    )
    assert_same(facts(plain), facts(moved), rel=0.2 if design == "pooled" else 1e-9)
    turned = fit(X[list(X.columns[::-1])], y, data, **options)
    assert_same(facts(plain), facts(turned))


@pytest.mark.parametrize("validation", VALIDATIONS)
@pytest.mark.parametrize("design", DESIGNS)
def test_transformed_features(design, validation):
    X, y, data = make_trial(design)
    other = X.assign(
        a=np.exp(X["a"]), b=X["b"] * 1e9 + 1e3, c=np.arctan(X["c"]), d=X["d"] * 1e-300
    )
    plain = fit(X, y, data, validation=validation)
    changed = fit(other, y, data, validation=validation)
    np.testing.assert_array_equal(plain.transform(X), changed.transform(other))
    for p, q in zip(facts(plain), facts(changed)):
        assert p[1:5] == q[1:5]
        np.testing.assert_allclose(p[5], q[5], rtol=1e-9)


@pytest.mark.parametrize("validation", ["holdout", None])
@pytest.mark.parametrize("design", DESIGNS[:-1])
@pytest.mark.parametrize("objective", ["effect", "contrast"])
def test_swapped_arms(objective, design, validation):
    X, y, data = make_trial(design)
    options = {"objective": objective, "validation": validation}
    # The list of one direction: a rule and its complement have the same contrast.
    plain = fit(X, y, data, control="arm 0", direction="favorable", **options)
    swapped = fit(X, y, data, control="arm 1", direction="unfavorable", **options)
    assert plain.personas_
    # Monte-Carlo tests of the training half draw the other arm.
    for p, q in zip(plain.personas_, swapped.personas_):
        assert p.conditions == q.conditions
        assert p.direction != q.direction
        assert p.objective == pytest.approx(q.objective)
        assert p.train.effect == pytest.approx(-q.train.effect)
        assert p.train.effect_size == pytest.approx(-q.train.effect_size)
        assert p.confirmed == q.confirmed
        if p.train.exact:
            assert p.train.p_value == pytest.approx(q.train.p_value)


@pytest.mark.parametrize("design", DESIGNS[:-1])
def test_a_constant_in_one_arm_changes_no_contrast(design):
    X, y, data = make_trial(design)
    treated = data["treatment"] == "arm 1"
    options = {"objective": "contrast", "validation": None}
    plain = fit(X, y, data, **options)
    for shift in (7.0, -1e6):
        moved = fit(X, y + shift * treated, data, **options)
        for p, q in zip(plain.personas_, moved.personas_):
            assert p.conditions == q.conditions
            assert p.direction == q.direction
            assert p.objective == pytest.approx(q.objective, rel=1e-6)
            assert p.train.p_interaction == pytest.approx(q.train.p_interaction)
            assert p.train.contrast == pytest.approx(q.train.contrast, rel=1e-6)
            effect = q.train.effect - q.train.effect_complement
            assert effect == pytest.approx(
                p.train.effect - p.train.effect_complement, rel=1e-6
            )


@pytest.mark.parametrize("validation", VALIDATIONS)
@pytest.mark.parametrize("objective", ["auto", "contrast"])
def test_copies_of_columns(objective, validation):
    X, y, data = make_trial("parallel")
    options = {"validation": validation, "objective": "contrast"}
    plain = fit(X, y, data, **options)
    copied = X.assign(a2=X["a"], sex2=X["sex"], flat=1.0, none=np.nan)
    assert_same(facts(plain), facts(fit(copied, y, data, **options)))


@pytest.mark.parametrize("validation", VALIDATIONS)
@pytest.mark.parametrize("design", ["parallel", "single-arm"])
def test_copies_of_rows_are_averaged(design, validation):
    X, y, data = make_trial(design)
    twice = np.tile(np.arange(len(y)), 2)
    copied = fit(
        X.iloc[twice].reset_index(drop=True),
        y[twice],
        {name: value[twice] for name, value in data.items()},
        validation=validation,
    )
    assert_same(facts(fit(X, y, data, validation=validation)), facts(copied))


@pytest.mark.parametrize("validation", VALIDATIONS)
def test_kinds_of_numbers(validation):
    X, y, data = make_trial("parallel")
    X = pd.DataFrame(
        {
            "a": (X["a"] * 8).round(),
            "b": (X["b"] > 0).astype(float),
            "c": (X["c"] * 8).round() / 8,
        }
    )
    y = np.round(y)
    plain = fit(X, y, data, validation=validation)
    kinds = [
        {"a": "int8", "b": "bool", "c": "float32"},
        {"a": "Int64", "b": "boolean", "c": "Float32"},
        {"a": "float32", "b": "uint8", "c": "object"},
    ]
    for kind in kinds:
        other = X.copy()
        for name, dtype in kind.items():
            other[name] = X[name].astype(dtype)
        for outcome in (y, y.astype(int), y.astype(np.float32), list(y)):
            assert_same(
                facts(plain), facts(fit(other, outcome, data, validation=validation))
            )
    binary = (y > 0).astype(bool)
    assert_same(
        facts(fit(X, binary, data, validation=validation)),
        facts(fit(X, binary.astype(float), data, validation=validation)),
    )


@pytest.mark.parametrize("validation", VALIDATIONS)
@pytest.mark.parametrize("design", DESIGNS)
def test_ties_everywhere(design, validation):
    X, y, data = make_trial(design)
    ones = X.assign(a=(X["a"] > 0) * 1.0, b=0.0, c=(X["a"] > 0) * 1.0)
    finder = fit(
        ones[["a", "b", "c"]], (y > 1) * 1.0, data, validation=validation, n_cuts="all"
    )
    for persona in finder.personas_:
        # The first of the columns that tie.
        assert [c.name for c in persona.conditions] == ["a"]
        assert np.isfinite(persona.train.effect_size)


def test_a_hundred_thousand_categories():
    rng = np.random.default_rng(0)
    n = 100_000
    X = pd.DataFrame({"id": [f"p{i}" for i in range(n)], "a": rng.normal(size=n)})
    treated = np.arange(n) % 2
    y = rng.normal(size=n) + treated * (X["a"] > 0)
    finder = fit(
        X,
        y,
        {"treatment": treated},
        n_cuts=3,
        n_personas=1,
        validation=None,
        max_variables=1,
    )
    assert [c.name for c in finder.personas_[0].conditions] == ["a"]
    # 100,000 equalities, which nobody else shares, and the cuts of a number.
    assert finder.search_.n_candidates >= n


@pytest.mark.parametrize("objective", ["auto", "effect"])
@pytest.mark.parametrize("prognostic", ["auto", None])
def test_a_million_columns_are_refused_with_advice(objective, prognostic, monkeypatch):
    # Views of one column stand for a million, which would take a gigabyte to read.
    calls = []
    monkeypatch.setattr(binning_module, "column_cuts", lambda *_: calls.append(1))
    column = np.random.default_rng(0).normal(size=(40, 1))
    many = [TableColumn(None, j, column[:, 0], None) for j in range(1_000_000)]
    finder = PersonaDiscoverer(objective=objective, prognostic=prognostic)
    monkeypatch.setattr(
        "sklearn_persona._discoverer.PersonaDiscoverer._read_table",
        lambda *_, **__: many,
    )
    with pytest.raises(
        ValueError, match=r"1,000,000 columns.*lower n_cuts.*select columns"
    ):
        finder.fit(column, column[:, 0], treatment=np.arange(40) % 2)
    assert not calls


def test_many_columns_of_few_values_have_room(monkeypatch):
    # Two values make two conditions, however many cuts are asked for.
    monkeypatch.setattr(memory_module, "available_bytes", lambda: 300_000)
    rng = np.random.default_rng(0)
    binary = rng.integers(0, 2, (60, 40)).astype(float)
    data = {"treatment": np.arange(60) % 2}
    finder = fit(binary, rng.normal(size=60), data, n_cuts=50, validation=None)
    assert len(finder.personas_)
    with pytest.raises(ValueError, match="are available"):
        fit(rng.normal(size=(60, 40)), binary[:, 0], data, n_cuts=50)
