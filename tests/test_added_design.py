"""A sixth design is one class: three arms, unit weights, an outcome of two fields."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from sklearn_persona import PersonaDiscoverer
from sklearn_persona._designs import DESIGN_NAMES, DESIGNS, Units, arm_rows
from sklearn_persona._outcomes import Continuous
from sklearn_persona.report import PersonaReport


@dataclass(frozen=True)
class Rate(Continuous):
    """Events over time: the outcome has two fields."""

    def score(self, value):
        rate = value["events"].sum() / value["time"].sum()
        return value["events"] - rate * value["time"]

    def unit_values(self, value):
        return value["events"] / value["time"]

    def estimate(self, sample, weights=None):
        if not len(sample):
            return float("nan")
        return float(
            np.sum(weights * sample["events"]) / np.sum(weights * sample["time"])
        )

    def interval(self, samples, coefficients, weights=None, pools=None):
        if not all(len(sample) for sample in samples):
            return float("nan"), float("nan")
        parts = list(zip(samples, coefficients, weights, strict=True))
        center = sum(c * self.estimate(x, w) for x, c, w in parts)
        variance = sum(
            c**2 * np.sum(w**2 * x["events"]) / np.sum(w * x["time"]) ** 2
            for x, c, w in parts
        )
        return center - 1.96 * np.sqrt(variance), center + 1.96 * np.sqrt(variance)

    def p_value(self, samples, coefficients, weights=None, pools=None):
        low, high = self.interval(samples, coefficients, weights, pools)
        return float(2 * stats.norm.sf(1.96 * abs(high + low) / (high - low)))


@pytest.fixture
def doses():
    """Two doses against placebo, exposed for as many years as the stratum says."""

    @dataclass(frozen=True)
    class Doses(Units):
        design: ClassVar[str] = "doses"
        n_labels: ClassVar[int] = 3

        arm: np.ndarray | None = None

        @classmethod
        def from_cases(cls, cases):
            n = len(cases.y)
            outcome = np.empty(n, [("events", float), ("time", float)])
            outcome["events"], outcome["time"] = cases.outcome, cases.strata + 1.0
            by_arm = np.full((n, 2), np.nan)
            by_arm[np.arange(n), (cases.arm == 0).astype(int)] = cases.y
            return cls(
                rows=np.arange(n),
                groups=cases.groups,
                strata=cases.strata,
                split_strata=3 * cases.strata + cases.arm,
                outcome=outcome,
                treated=cases.treated,
                by_arm=by_arm,
                kind=Rate(cases.sign),
                weights=1.0 + np.arange(n) % 2,
                arm=cases.arm,
            )

        def blocks(self):
            weights = (-1.0, 0.5, 0.5)
            return [(self.arm == k, weight) for k, weight in enumerate(weights)]

    yield Doses
    del DESIGNS["doses"]
    DESIGN_NAMES.remove("doses")


@pytest.fixture
def trial():
    rng = np.random.default_rng(0)
    n = 300
    X = rng.standard_normal((n, 3))
    arm = rng.permutation(np.arange(n) % 3)
    time = 1.0 + rng.integers(0, 2, n)
    rate = np.where((X[:, 0] > 0) & (arm > 0), 4.0, 1.0)
    y = rng.poisson(rate * time).astype(float)
    return X, y, np.array(["placebo", "10 mg", "20 mg"])[arm], time, arm


OPTIONS = {
    "design": "doses",
    "control": "placebo",
    "max_variables": 1,
    "n_personas": 2,
    "n_bootstrap": 0,
    "n_permutations": 99,
    "prognostic": None,
    "random_state": 0,
}


def fit(trial, **options):
    X, y, treatment, time, _ = trial
    finder = PersonaDiscoverer(**OPTIONS | options)
    return finder.fit(X, y, treatment=treatment, strata=time)


def by_hand(trial, inside):
    """Mean of the rates under the doses less that under placebo, within strata."""
    _, y, _, time, arm = trial
    weight = 1.0 + np.arange(len(y)) % 2
    effects, shares = [], []
    for stratum in (1, 2):
        arms = [inside & (arm == k) & (time == stratum) for k in range(3)]
        rates = [(weight * y)[a].sum() / (weight * time)[a].sum() for a in arms]
        effects.append((rates[1] + rates[2]) / 2 - rates[0])
        n = [a.sum() for a in arms]
        shares.append(1 / (1 / n[0] + 0.25 / n[1] + 0.25 / n[2]))
    return np.average(effects, weights=shares)


def test_found_and_confirmed(doses, trial):
    finder = fit(trial)
    assert finder.design_ == "doses"
    assert finder.arms_ == ("placebo", "10 mg", "20 mg")
    best = finder.personas_[0]
    assert best.confirmed and [c.position for c in best.conditions] == [0]
    assert best.conditions[0].low == pytest.approx(0, abs=0.3)
    inside = best.covers(trial[0])
    for half, record in (("training", best.train), ("holdout", best.holdout)):
        chosen = finder.split_ == half
        assert_allclose(record.effect, by_hand(trial, inside & chosen))
        assert_allclose(record.effect_complement, by_hand(trial, ~inside & chosen))
        assert_allclose(record.contrast, record.effect - record.effect_complement)
        assert record.ci_effect[0] < record.effect < record.ci_effect[1]
        assert record.design == "doses" and record.n == (inside & chosen).sum()
    # Each arm is divided in equal parts within strata.
    arms = [trial[4][finder.split_ == half] for half in ("training", "holdout")]
    assert abs(np.bincount(arms[0]) - np.bincount(arms[1])).max() <= 2


def test_tested_by_permutation_and_refitted(doses, trial):
    finder = fit(trial, validation="permutation", n_resamples=4)
    best = finder.personas_[0]
    assert best.confirmed and best.p_adjusted <= 0.05
    assert np.isfinite(best.effect_corrected)
    assert best.ci_corrected[0] < best.effect_corrected < best.ci_corrected[1]
    assert best.stability.n_resamples == 4


def test_told_and_tested_again(doses, trial):
    X, y, treatment, time, _ = trial
    finder = fit(trial)
    best = finder.personas_[0]
    assert "cases" in str(best)
    report = PersonaReport.from_estimator(finder, X=X, title="Doses")
    assert "Doses" in report.to_html()
    assert "10 mg, 20 mg" in report.to_markdown()
    evidence = best.evaluate(
        X, y, treatment=treatment, strata=time, design="doses", control="placebo",
        n_permutations=99, n_bootstrap=0,
    )  # fmt: skip
    assert_allclose(evidence.effect, by_hand(trial, best.covers(X)))


def test_arms_and_weights_of_the_units(doses, trial):
    X, y, _, time, arm = trial
    finder = fit(trial, validation=None)
    assert finder.partition_.loc["everyone", "n"] == len(y)
    with pytest.raises(ValueError, match="exactly 3 arms, got 2"):
        fit((X, y, np.where(arm > 0, "drug", "placebo"), time, arm))
    rows = arm_rows(np.array([True, False]), 2)
    assert_array_equal(rows, [[True, False], [False, True]])


def test_an_unknown_design_is_refused(trial):
    with pytest.raises(ValueError, match="'design' parameter"):
        fit(trial)
