"""Contrasts of members within each arm, and who is explained."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_persona import Persona, PersonaDiscoverer
from sklearn_persona._designs import make_units, read_cases
from sklearn_persona._estimates.measure import arm_contrasts
from sklearn_persona.inference import contrast_interval, welch_interval

RULE = Persona.from_conditions({0: (0.0, None)})


def parallel(seed=0, n=80, effect=2.0, prognostic=0.0):
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((n, 3))
    arm = rng.permutation(np.arange(n) % 2)
    y = rng.standard_normal(n) + (effect * arm + prognostic) * (X[:, 0] > 0)
    return X, y, arm


def crossover(seed=0, n=30, period_effect=5.0):
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((n, 3))
    drug, placebo = rng.standard_normal((2, n))
    drug = drug + 2.0 * (X[:, 0] > 0)
    first = rng.permutation(n) < n // 3
    group = np.tile(np.arange(n), 2)
    arm = np.repeat([1, 0], n)
    period = np.where(np.tile(first, 2) == (arm == 1), 1, 2)
    y = np.concatenate([drug, placebo]) + period_effect * (period == 2)
    return X, y, arm, group, period, drug, placebo, first


class TestContrasts:
    @pytest.mark.parametrize("better", [True, False])
    def test_parallel_by_hand(self, better):
        X, y, arm = parallel()
        record = RULE.evaluate(X, y, treatment=arm, greater_is_better=better)
        s, inside = 1 if better else -1, X[:, 0] > 0
        cells = [s * y[(arm == k) & side] for k in (1, 0) for side in (inside, ~inside)]
        means = [cell.mean() for cell in cells]
        assert_allclose(record.contrast_treated, means[0] - means[1])
        assert_allclose(record.contrast_control, means[2] - means[3])
        assert_allclose(
            record.contrast, record.contrast_treated - record.contrast_control
        )
        assert_allclose(record.contrast, record.effect - record.effect_complement)
        assert_allclose(record.ci_contrast_treated, welch_interval(*cells[:2]))
        assert_allclose(record.ci_contrast_control, welch_interval(*cells[2:]))
        assert_allclose(record.ci_contrast, contrast_interval(cells, (1, -1, -1, 1)))

    def test_tells_prognosis_from_effect(self):
        X, y, arm = parallel(seed=1, n=400, effect=0.0, prognostic=2.0)
        record = RULE.evaluate(X, y, treatment=arm)
        assert record.ci_contrast_control[0] > 1
        assert record.ci_contrast_treated[0] > 1
        assert record.ci_contrast[0] < 0 < record.ci_contrast[1]

    def test_crossover_without_period(self):
        X, y, arm, group, _, drug, placebo, _ = crossover(period_effect=0.0)
        both = np.concatenate([X, X])
        cases = read_cases(60, y, treatment=arm, groups=group)
        with pytest.warns(UserWarning, match="No period"):
            units = make_units("crossover", cases)
        found = arm_contrasts(units, X[:, 0] > 0)
        inside = X[:, 0] > 0
        for name, values in (
            ("contrast_treated", drug),
            ("contrast_control", placebo),
            ("contrast", drug - placebo),
        ):
            one, other = values[inside], values[~inside]
            assert_allclose(found[name], one.mean() - other.mean())
            assert_allclose(found[f"ci_{name}"], welch_interval(one, other))
        assert len(both) == 60

    def test_crossover_is_free_of_the_period(self):
        results = []
        for effect in (0.0, 100.0):
            X, y, arm, group, period, *_ = crossover(period_effect=effect)
            record = RULE.evaluate(
                np.concatenate([X, X]), y, treatment=arm, groups=group, period=period
            )
            results.append(
                [
                    *(record.contrast, record.contrast_treated),
                    *(record.contrast_control, *record.ci_contrast_control),
                ]
            )
            assert_allclose(record.contrast, record.effect - record.effect_complement)
        assert_allclose(results[0], results[1], atol=1e-9)

    def test_response(self):
        X, y, arm = parallel()
        record = RULE.evaluate(X, y, treatment=arm, response_threshold=0.5)
        yes, inside = y >= 0.5, X[:, 0] > 0
        control = arm == 0
        assert_allclose(
            record.contrast_control,
            yes[control & inside].mean() - yes[control & ~inside].mean(),
        )

    def test_single_arm_has_none(self):
        X, y, _ = parallel()
        record = RULE.evaluate(X, y, treatment=None)
        assert record.contrast is None
        assert record.ci_contrast_control is None
        assert json.loads(json.dumps(record.to_dict()))["ci_contrast"] is None

    def test_empty_cell(self):
        X, y, arm = parallel(n=20)
        X[arm == 0, 0] = -1.0
        units = make_units("parallel", read_cases(20, y, treatment=arm))
        found = arm_contrasts(units, X[:, 0] > 0)
        assert np.isnan(found["contrast"])
        assert np.isnan(found["ci_contrast_control"]).all()
        assert np.isfinite(found["contrast_treated"])

    def test_card_and_table(self):
        X, y, arm = parallel()
        finder = PersonaDiscoverer(
            max_variables=1, n_bootstrap=0, prognostic=None, random_state=0
        ).fit(X, y, treatment=arm)
        text = str(finder.personas_[0])
        assert "inside minus outside, treated" in text
        assert "inside minus outside, control" in text
        assert "inside minus outside (95% CI)" in text
        assert "holdout_contrast_control" in finder.table_
        values = json.loads(json.dumps(finder.personas_[0].to_dict(), allow_nan=False))
        assert Persona.from_dict(values).to_dict() == finder.personas_[0].to_dict()
        # Files of earlier versions have no contrasts.
        for half in ("train", "holdout"):
            values[half] = {
                k: v for k, v in values[half].items() if "contrast" not in k
            }
        assert Persona.from_dict(values).train.contrast is None


class TestPartition:
    def test_by_hand(self):
        X, y, arm = parallel(n=300, effect=0.0)
        y = y + 3.0 * arm * ((X[:, 0] > 0.5) * 1.0 - (X[:, 1] > 0.5))
        finder = PersonaDiscoverer(
            max_variables=1,
            n_bootstrap=0,
            n_permutations=200,
            prognostic=None,
            random_state=0,
        ).fit(X, y, treatment=arm)
        assert finder.n_confirmed_ >= 2
        table = finder.partition_
        held = finder.split_ == "holdout"
        predicted = finder.predict(X)
        parts = {
            "favorable": predicted == 1,
            "unfavorable": predicted == -1,
            "explained": predicted != 0,
            "unexplained": predicted == 0,
            "everyone": held,
        }
        assert list(table.index) == list(parts)
        for name, chosen in parts.items():
            chosen = chosen & held
            row = table.loc[name]
            assert row.n == row.n_groups == chosen.sum()
            assert_allclose(row.coverage, chosen.sum() / held.sum())
            arms = y[chosen & (arm == 1)], y[chosen & (arm == 0)]
            assert_allclose(row.effect, arms[0].mean() - arms[1].mean())
            assert_allclose((row.ci_low, row.ci_high), welch_interval(*arms))
        assert table.effect["favorable"] > table.effect["everyone"]
        assert table.effect["unfavorable"] < table.effect["everyone"]

    def test_nothing_claimed(self):
        X, y, arm = parallel(effect=0.0)
        finder = PersonaDiscoverer(
            max_variables=1, n_bootstrap=0, prognostic=None, random_state=0
        ).fit(X, y, treatment=arm)
        table = finder.partition_
        assert table.coverage.to_dict() == {
            "favorable": 0,
            "unfavorable": 0,
            "explained": 0,
            "unexplained": 1,
            "everyone": 1,
        }
        assert np.isnan(table.effect["explained"])
        assert table.effect["unexplained"] == table.effect["everyone"]

    def test_without_a_holdout_it_is_of_everybody(self):
        X, y, arm = parallel()
        finder = PersonaDiscoverer(
            max_variables=1,
            n_bootstrap=0,
            prognostic=None,
            validation=None,
            random_state=0,
        ).fit(X, y, treatment=arm)
        assert finder.partition_.n["everyone"] == 80
        assert finder.partition_.n["explained"] == (finder.predict(X) != 0).sum()
