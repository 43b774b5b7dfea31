"""Displays: what they draw, and what they refuse."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from _fits import HOSTILE, KINDS, fitted, with_stability
from matplotlib.patches import Rectangle
from sklearn.exceptions import NotFittedError

from sklearn_persona import Persona, PersonaDiscoverer
from sklearn_persona.inference import detectable_effect
from sklearn_persona.plotting import (
    ForestDisplay,
    GrowthDisplay,
    PersonaDisplay,
    PowerDisplay,
    StabilityDisplay,
)

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def no_window():
    before = plt.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(before)


def lines(ax):
    return [line.get_xydata() for line in ax.lines]


def test_ranges_stand_on_the_data():
    finder, _ = fitted("parallel")
    display = PersonaDisplay.from_estimator(finder, persona=0)
    condition = finder.personas_[0].conditions[0]
    assert condition.levels is None
    width = condition.data_high - condition.data_low
    whole, part = lines(display.ax_)[:2]
    assert whole[:, 0].tolist() == [0, 1]
    low = condition.data_low if condition.low is None else condition.low
    high = condition.data_high if condition.high is None else condition.high
    expected = [(v - condition.data_low) / width for v in (low, high)]
    assert part[:, 0] == pytest.approx(expected)
    assert display.figure_ is display.ax_.figure
    labels = [t.get_text() for t in display.ax_.get_yticklabels()]
    assert labels == [c.label for c in finder.personas_[0].conditions]


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "empty"])
def test_every_fit_can_be_drawn(kind):
    finder, data = fitted(kind)
    for i, persona in enumerate(finder.personas_):
        display = PersonaDisplay.from_estimator(finder, persona=i, X=data["X"])
        assert display.plot() is display
        if sum(c.levels is None for c in persona.conditions) >= 2:
            display.plot(kind="region")
    display = ForestDisplay.from_estimator(finder)
    assert display.plot() is display
    for chosen in (display, PersonaDisplay(finder.personas_[0])):
        chosen.plot()
        chosen.figure_.canvas.draw()


@pytest.mark.parametrize("kind", ["parallel", "crossover"])
def test_hostile_names_are_drawn_as_text(kind):
    finder, data = fitted(kind, hostile=True)
    names = iter([*HOSTILE[:6], *HOSTILE[7:]] * 9)

    def renamed(persona):
        conditions = tuple(replace(c, name=next(names)) for c in persona.conditions)
        return replace(persona, conditions=conditions)

    ForestDisplay.from_estimator(finder).figure_.canvas.draw()
    for persona in finder.personas_:
        for _ in range(6):
            display = PersonaDisplay(renamed(persona)).plot()
            display.figure_.canvas.draw()
            plt.close(display.figure_)
    display = PersonaDisplay.from_estimator(finder, X=data["X"])
    display.figure_.canvas.draw()


def test_region():
    persona = Persona.from_conditions(
        {"a": (0.0, 1.0), "b": (None, 0.5), "c": {"x"}, "d": (-1, None)}
    )
    rng = np.random.default_rng(0)
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(rng.normal(size=(50, 3)), columns=["a", "b", "d"])
    X["c"] = rng.choice(["x", "y"], 50)
    X.loc[0, "a"] = np.nan
    display = PersonaDisplay(persona, X).plot(kind="region", variables=("b", "a"))
    (box,) = [p for p in display.ax_.patches if isinstance(p, Rectangle)]
    assert box.get_y() == 0.0 and box.get_height() == 1.0
    assert box.get_x() == display.ax_.get_xlim()[0] < X["b"].min()
    assert box.get_x() + box.get_width() == 0.5
    dots = {c.get_label(): len(c.get_offsets()) for c in display.ax_.collections}
    assert dots["members"] == persona.covers(X).sum()
    assert sum(dots.values()) == 50
    assert display.ax_.get_xlabel() == "b"
    # The other conditions are said.
    assert any("c x and d > -1" in t.get_text() for t in display.ax_.texts)
    for variables in (("a",), ("a", "a"), ("a", "c"), ("a", "nowhere")):
        with pytest.raises(ValueError, match="two of the persona's variables"):
            display.plot(kind="region", variables=variables)
    with pytest.raises(ValueError, match="pass X"):
        PersonaDisplay(persona).plot(kind="region")
    with pytest.raises(ValueError, match="kind must be"):
        display.plot(kind="pie")
    with pytest.raises(ValueError, match="two of the persona's variables"):
        PersonaDisplay(Persona.from_conditions({"a": (0, 1)}), X).plot(kind="region")


def test_axes_of_the_caller():
    finder, _ = fitted("parallel")
    _, axes = plt.subplots(1, 4)
    assert PersonaDisplay.from_estimator(finder, ax=axes[0]).ax_ is axes[0]
    assert ForestDisplay.from_estimator(finder, ax=axes[1]).ax_ is axes[1]
    assert PowerDisplay.from_estimator(finder, ax=axes[2]).ax_ is axes[2]
    assert GrowthDisplay.from_estimator(finder, ax=axes[3]).ax_ is axes[3]


def test_forest_draws_the_half_that_tests():
    finder, _ = fitted("parallel")
    display = ForestDisplay.from_estimator(finder)
    tested = [p for p in finder.personas_ if p.holdout is not None]
    assert display.effects[: len(tested)] == [p.holdout.effect for p in tested]
    assert display.intervals[0] == finder.personas_[0].holdout.ci_effect
    untested = finder.personas_[-1]
    assert untested.holdout is None
    k = len(finder.personas_) - 1
    assert display.effects[k] == untested.train.effect
    share = f"{untested.train.coverage:.0%}"
    assert display.labels[k] == f"persona{k} (training), {share}"
    assert display.labels[-2:] == ["everyone (training)", "everyone (holdout)"]
    assert display.effects[-1] == finder.flow_["holdout"]["effect"]
    # Color says what was confirmed.
    assert display.colors[0] != display.colors[k]
    with pytest.raises(ValueError, match="found no persona"):
        ForestDisplay.from_estimator(fitted("empty")[0])


def test_personas_that_are_not_there():
    finder, _ = fitted("parallel")
    for display in (PersonaDisplay, StabilityDisplay):
        for persona in (-1, 4, 99):
            with pytest.raises(ValueError, match="expected a position from 0 to 3"):
                display.from_estimator(finder, persona=persona)
        with pytest.raises(ValueError, match="found no persona"):
            display.from_estimator(fitted("empty")[0])
    for display in (
        *(PersonaDisplay, StabilityDisplay, ForestDisplay),
        *(PowerDisplay, GrowthDisplay),
    ):
        with pytest.raises(NotFittedError):
            display.from_estimator(PersonaDiscoverer())


def test_stability():
    persona = fitted("parallel")[0].personas_[0]
    with pytest.raises(ValueError, match="n_resamples > 0"):
        StabilityDisplay.from_estimator(fitted("parallel")[0])
    resampled, _ = fitted("resampled")
    display = StabilityDisplay.from_estimator(resampled)
    held = resampled.personas_[0].stability
    assert display.shares[0] == pytest.approx(held.same_variables)
    assert display.shares[2] == pytest.approx(held.jaccard, abs=1e-4)
    condition = replace(persona.conditions[0], name=HOSTILE[0])
    persona = with_stability(replace(persona, conditions=(condition,)))
    display = StabilityDisplay(persona).plot()
    assert display.shares == [0.5, 0.82, 0.66, 0.9]
    assert display.labels[1] == f"{HOSTILE[0]} in the best rule"
    widths = [patch.get_width() for patch in display.ax_.patches]
    assert widths == [1, 1, 1, 1, 0.5, 0.82, 0.66, 0.9]
    display.figure_.canvas.draw()
    with pytest.raises(ValueError, match="n_resamples > 0"):
        StabilityDisplay(replace(persona, stability=None))


@pytest.mark.parametrize("kind", ["parallel", "crossover", "permutation", "single-arm"])
def test_power(kind):
    finder, _ = fitted(kind)
    display = PowerDisplay.from_estimator(finder)
    half = finder.flow_["holdout"] or finder.flow_["training"]
    assert display.size == half["n_units"]
    for curve in display.effects.values():
        known = curve[~np.isnan(curve)]
        # Arms of whole units make steps.
        assert known[-1] < known[0] and (np.diff(known) <= 1e-9).all()
    if kind == "parallel":
        at = int(np.flatnonzero(display.sizes == display.size)[0])
        tests = sum(p.holdout is not None for p in finder.personas_)
        sizes = [round(0.5 * half[f"n_{arm}"]) for arm in ("treated", "control")]
        assert display.effects[0.5][at] == detectable_effect(*sizes, n_candidates=tests)


@pytest.mark.parametrize("kind", ["not-validated", "repeated"])
def test_power_of_nothing(kind):
    with pytest.raises(ValueError, match="use 'holdout' or 'permutation'"):
        PowerDisplay.from_estimator(fitted(kind)[0])


def test_growth_of_a_planned_trial():
    display = GrowthDisplay.from_sizes(40, 30, n_candidates=5000, n_tests=2, alpha=0.1)
    assert display.plot() is display
    for share, curve in display.everybody.items():
        sizes = [round(40 * share), round(30 * share)]
        for k in (0, 20, -1):
            n = int(display.candidates[k])
            expected = detectable_effect(*sizes, n_candidates=n, alpha=0.1)
            assert curve[k] == expected
        assert (np.diff(curve) > 0).all()
        half = [round(20 * share), round(15 * share)]
        expected = detectable_effect(*half, n_candidates=2, alpha=0.1)
        assert display.holdout[share] == expected
        # One rule is found best by everybody, many by a holdout.
        assert curve[0] < expected < curve[-1]
    drawn = {line.get_label(): line.get_ydata() for line in display.ax_.lines}
    assert drawn["holdout, 2 tests, 50% members"][0] == display.holdout[0.5]
    assert drawn["everybody tests every rule, 25% members"][0] == pytest.approx(
        display.everybody[0.25][0]
    )
    assert any("5,000 rules" in t.get_text() for t in display.ax_.texts)
    pairs = GrowthDisplay.from_sizes(40, paired=True)
    assert pairs.holdout[0.5] == detectable_effect(
        10, None, n_candidates=3, paired=True
    )
    assert not pairs.ax_.texts
    # A holdout of one unit inside tests nothing.
    small = GrowthDisplay.from_sizes(4, 4)
    assert np.isnan(small.holdout[0.25]) and small.everybody[0.5][0] > 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_treated": 0, "n_control": 5}, "positive whole numbers"),
        ({"n_treated": 5}, "only pairs need no n_control"),
        ({"n_treated": 5.5, "n_control": 5}, "positive whole numbers"),
        ({"n_treated": 5, "n_control": 5, "holdout_size": 1}, "holdout_size"),
        ({"n_treated": 5, "n_control": 5, "n_tests": 0}, "n_tests"),
        ({"n_treated": 5, "n_control": 5, "n_candidates": 2.5}, "n_candidates"),
        ({"n_treated": 1, "n_control": 1}, "too small for a test"),
    ],
)
def test_growth_of_no_trial(wrong, message):
    with pytest.raises(ValueError, match=message):
        GrowthDisplay.from_sizes(**wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_growth_of_a_fit(kind):
    finder, _ = fitted(kind)
    display = GrowthDisplay.from_estimator(finder)
    assert display.n_candidates == finder.search_.n_candidates
    assert display.n_tests == (1 if kind == "effect" else 3)
    halves = [h for h in map(finder.flow_.get, ("training", "holdout")) if h]
    n = sum(half["n_units"] for half in halves)
    sizes, options = (round(n / 2), round(n / 2)), {}
    if kind in ("crossover", "no-period"):
        sizes, options = (round(n / 2), None), {"paired": True}
    elif kind != "single-arm":
        arms = ("n_treated", "n_control")
        sizes = [round(sum(half[arm] for half in halves) / 2) for arm in arms]
    assert display.everybody[0.5][0] == detectable_effect(*sizes, **options)
    display.figure_.canvas.draw()


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    finder, _ = fitted("parallel")
    with pytest.raises(ImportError, match=r"sklearn-persona\[plot\]"):
        PersonaDisplay.from_estimator(finder)
