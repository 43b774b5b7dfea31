"""Intervals given a claim, contrasts, and plans of the next trial."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import optimize, stats
from sklearn.base import clone

from sklearn_persona import Persona, PersonaDiscoverer
from sklearn_persona.datasets import make_parallel_trial
from sklearn_persona.inference import (
    conditional_interval,
    contrast_interval,
    detectable_effect,
    enrichment_design,
    mean_interval,
    simulate_power,
    welch_interval,
)
from sklearn_persona.inference._power import t_power
from sklearn_persona.inference._simulation import _as_crossover


class TestContrastInterval:
    def test_special_cases(self):
        rng = np.random.RandomState(0)
        a, b = rng.normal(5, 2, 7), rng.normal(1, 1, 4)
        assert_allclose(contrast_interval([a, b], (1, -1)), welch_interval(a, b))
        assert_allclose(contrast_interval([a], (1,)), mean_interval(a))
        assert_allclose(contrast_interval([a], (0.5,)), np.array(mean_interval(a)) / 2)

    def test_four_cells_by_hand(self):
        rng = np.random.RandomState(1)
        cells = [rng.normal(i, 1 + i, 4 + i) for i in range(4)]
        weights = np.array([1, -1, -1, 1])
        terms = np.array([x.var(ddof=1) / len(x) for x in cells])
        df = terms.sum() ** 2 / sum(
            t**2 / (len(x) - 1) for t, x in zip(terms, cells, strict=True)
        )
        center = weights @ [x.mean() for x in cells]
        half = stats.t.ppf(0.95, df) * math.sqrt(terms.sum())
        got = contrast_interval(cells, weights, level=0.9)
        assert_allclose(got, (center - half, center + half))

    @pytest.mark.parametrize("scale", [1e-200, 1e200])
    def test_any_unit(self, scale):
        cells = np.array([[9.0, 8, 7], [1, 2, 3]])
        expected = np.array(contrast_interval(cells, (1, -1))) * scale
        assert_allclose(contrast_interval(cells * scale, (1, -1)), expected)

    def test_refusals(self):
        with pytest.raises(ValueError, match="one number for each of 2"):
            contrast_interval([[1, 2], [3, 4]], (1,))
        with pytest.raises(ValueError, match=r"samples\[1\] must hold at least 1"):
            contrast_interval([[1, 2], []], (1, -1))
        assert np.isnan(contrast_interval([[1, 2], [3]], (1, -1))).all()


class TestConditionalInterval:
    @pytest.mark.parametrize("estimate", [2.0, 2.5, 4.0])
    def test_truncated_normal(self, estimate):
        """Against the distribution function of scipy's truncated normal."""

        def below(mean):
            cut = (1.96 - mean, np.inf)
            return stats.truncnorm.cdf(estimate, *cut, loc=mean)

        got = conditional_interval(estimate, 1.0, threshold=1.96)
        for value, share in zip(got, (0.5, 0.975, 0.025), strict=True):
            if below(-6) <= share:
                # Further out scipy's quotient of tails is not accurate.
                assert value < -6
                continue
            root = optimize.brentq(lambda m, s=share: below(m) - s, -6, 9)
            assert_allclose(value, root, atol=1e-5)

    def test_part_of_the_data_tested_by_integration(self):
        """Against the bivariate normal distribution function."""
        se, tested, threshold, estimate = 0.8, 1.1, 1.5, 1.7
        got = conditional_interval(estimate, se, threshold=threshold, se_tested=tested)
        covariance = [[se**2, -(se**2)], [-(se**2), tested**2]]
        for mean, share in zip(got, (0.5, 0.975, 0.025), strict=True):
            joint = stats.multivariate_normal([mean, -mean], covariance)
            passed = stats.norm.sf(threshold, mean, tested)
            assert_allclose(
                joint.cdf([estimate, -threshold]) / passed, share, atol=2e-4
            )

    def test_without_selection_it_is_the_usual_one(self):
        for tested in (None, 3.0):
            got = conditional_interval(
                5.0, 2.0, threshold=-200, se_tested=tested, level=0.9
            )
            half = 2 * stats.norm.ppf(0.95)
            assert_allclose(got, (5, 5 - half, 5 + half), atol=1e-3)

    def test_units(self):
        one = conditional_interval(2.5, 1.0, threshold=1.96, se_tested=1.5)
        other = conditional_interval(2.5e-9, 1e-9, threshold=1.96e-9, se_tested=1.5e-9)
        assert_allclose(np.array(other) * 1e9, one, rtol=1e-6)

    def test_barely_selected_stays_finite(self):
        center, low, high = conditional_interval(1.96, 1.0, threshold=1.96)
        assert low == 1.96 - 10
        assert low <= center <= high < 4

    def test_covers_among_the_selected_where_the_usual_one_does_not(self):
        rng = np.random.RandomState(0)
        true, n, covered, usual = 0.5, 0, 0, 0
        while n < 100:
            tested, other = true + rng.standard_normal(2)
            if tested <= 1.96:
                continue
            mean, se = (tested + other) / 2, math.sqrt(0.5)
            _, low, high = conditional_interval(mean, se, threshold=1.96, se_tested=1.0)
            n += 1
            covered += low <= true <= high
            usual += abs(tested - true) <= 1.96
        assert covered >= stats.binom.ppf(0.001, n, 0.95)
        assert usual < 0.8 * n

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"se": 0.0}, "0 < se <= se_tested"),
            ({"se_tested": 0.5}, "0 < se <= se_tested"),
            ({"estimate": np.nan}, "must be finite"),
            ({"threshold": np.inf}, "must be finite"),
            ({"threshold": 3.0}, "was not selected"),
            ({"level": 1.0}, "level must lie strictly"),
        ],
    )
    def test_refusals(self, change, message):
        given = {"estimate": 2.5, "se": 1.0, "threshold": 1.96} | change
        with pytest.raises(ValueError, match=message):
            conditional_interval(given.pop("estimate"), given.pop("se"), **given)


def power_of(effect, sd, n, alpha=0.05):
    """Share of benefit found by a t test, from scipy's noncentral t."""
    df = 2 * n - 2
    return stats.nct.sf(
        stats.t.ppf(1 - alpha / 2, df), df, effect / sd * math.sqrt(n / 2)
    )


class TestEnrichmentDesign:
    def test_textbook_size(self):
        """64 an arm for d = .5 (Cohen, 1988, table 2.4.1)."""
        plan = enrichment_design(5.0, 10.0, 0.4)
        assert plan.n_per_arm == 64
        assert plan.n_screened == 320
        assert plan.screened_range == (320, 320)
        assert_allclose(plan.power, power_of(5, 10, 64))
        assert plan.power >= 0.8 > power_of(5, 10, 63)
        # Without uncertainty the expected power is the power.
        assert plan.assurance == plan.power
        assert plan.n_per_arm_assured == 64
        assert_allclose(detectable_effect(64, 64, power=plan.power), 0.5, rtol=1e-4)

    def test_paired(self):
        plan = enrichment_design(0.5, 1.0, 0.5, paired=True)
        assert plan.n_per_arm == 34
        assert plan.n_screened == 68
        df = 33
        expected = stats.nct.sf(stats.t.ppf(0.975, df), df, 0.5 * math.sqrt(34))
        assert_allclose(plan.power, expected)

    def test_everyone(self):
        effect, outside, share, sd = 1.2, 0.2, 0.3, 1.5
        plan = enrichment_design(effect, sd, share, effect_outside=outside)
        diluted = share * effect + (1 - share) * outside
        assert_allclose(plan.effect_everyone, diluted)
        spread = math.sqrt(sd**2 + share * (1 - share) * (effect - outside) ** 2)
        pooled = math.sqrt((spread**2 + sd**2) / 2)
        n = plan.n_per_arm_everyone
        assert power_of(diluted, pooled, n) >= 0.8 > power_of(diluted, pooled, n - 1)
        assert_allclose(plan.power_everyone, power_of(diluted, pooled, plan.n_per_arm))
        assert n > plan.n_per_arm

    def test_no_benefit_for_everyone(self):
        plan = enrichment_design(1.0, 1.0, 0.3, effect_outside=-2.0)
        assert plan.effect_everyone < 0
        assert plan.n_per_arm_everyone is None
        assert plan.power_everyone < 0.025

    def test_assurance_in_closed_form(self):
        """With many cases the t test is a z test, whose assurance is a probit."""
        effect, se, sd = 0.05, 0.03, 1.0
        plan = enrichment_design(effect, sd, 0.5, se=se)
        error = sd * math.sqrt(2 / plan.n_per_arm)
        z = (effect - 1.959964 * error) / math.hypot(error, se)
        assert_allclose(plan.assurance, stats.norm.cdf(z), atol=2e-3)
        assert plan.assurance < plan.power

    def test_assurance_by_simulation(self):
        plan = enrichment_design(1.0, 1.0, 0.5, se=0.4)
        rng = np.random.RandomState(0)
        n, found = plan.n_per_arm, 0
        for effect in rng.normal(1.0, 0.4, size=1500):
            a, b = rng.normal(effect, 1, n), rng.normal(0, 1, n)
            t = stats.ttest_ind(a, b)
            found += t.statistic > 0 and t.pvalue < 0.05
        assert abs(found / 1500 - plan.assurance) < 0.035

    def test_power_beyond_huge_thresholds(self):
        # Two pairs at a strict level: harm is claimed as benefit by no approximation.
        for effect in (-3.0, -0.5, 0.0):
            expected = stats.nct.sf(1273.0, 1, effect)
            found = t_power(effect, 1273.0, 1, benefit_only=True)
            assert found == pytest.approx(expected, abs=3e-4)
        both = t_power(4000.0, 1273.0, 1), t_power(4000.0, 1273.0, 1, benefit_only=True)
        assert both == pytest.approx((stats.chi2.cdf((4000 / 1273) ** 2, 1),) * 2)

    def test_an_effect_that_may_be_absent_cannot_be_assured(self):
        # The effect is positive with probability .69.
        plan = enrichment_design(0.5, 1.0, 0.5, se=1.0)
        assert plan.n_per_arm_assured is None
        assert plan.assurance < 0.69
        sure = enrichment_design(0.5, 1.0, 0.5, se=0.1)
        assert sure.n_per_arm_assured > sure.n_per_arm

    def test_range_of_the_screened(self):
        plan = enrichment_design(0.5, 1.0, 0.25, n_observed=40)
        low, high = stats.beta.ppf([0.025, 0.975], 10.5, 30.5)
        assert plan.screened_range == (math.ceil(128 / high), math.ceil(128 / low))
        assert plan.screened_range[0] < plan.n_screened < plan.screened_range[1]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"effect": -0.5}, "effect must be positive, got -0.5: there is no"),
            ({"effect": "x"}, "effect must be a number"),
            ({"effect": np.nan}, "effect must be finite"),
            ({"effect": 1e-9}, "give both in the same units"),
            ({"sd": 0}, "sd must be positive"),
            ({"prevalence": 0}, r"prevalence must lie in \(0, 1\]"),
            ({"prevalence": 1.2}, r"prevalence must lie in \(0, 1\]"),
            ({"se": -1}, "se must be at least 0"),
            ({"power": 0.02}, "power must exceed"),
            ({"alpha": 0}, "alpha must lie strictly"),
            ({"n_observed": 0}, "n_observed must be an integer"),
        ],
    )
    def test_refusals(self, change, message):
        given = {"effect": 0.5, "sd": 1.0, "prevalence": 0.5} | change
        with pytest.raises(ValueError, match=message):
            enrichment_design(**given)


@pytest.fixture(scope="module")
def fitted():
    trial = make_parallel_trial(n_samples=120, effect=2.5, random_state=0)
    finder = PersonaDiscoverer(
        max_variables=2,
        prognostic=None,
        n_permutations=200,
        n_personas=2,
        random_state=0,
    )
    return finder.fit(trial.data, trial.target, treatment=trial.treatment)


class TestOfPersona:
    def test_takes_the_holdout(self, fitted):
        persona = next(p for p in fitted.personas_ if p.direction == "favorable")
        record = persona.holdout
        plan = persona.enrichment_design(power=0.9)
        half = (record.ci_effect[1] - record.ci_effect[0]) / 2
        both = (record.ci_contrast[1] - record.ci_contrast[0]) / 2
        assert plan == enrichment_design(
            record.effect,
            record.effect / record.effect_size,
            record.coverage,
            se=half / 1.959964,
            effect_outside=record.effect_complement,
            se_outside=math.sqrt(both**2 - half**2) / 1.959964,
            n_observed=60,
            power=0.9,
        )

    def test_prefers_the_corrected_effect(self, fitted):
        persona = next(p for p in fitted.personas_ if p.direction == "favorable")
        smaller = replace(persona, effect_corrected=0.4, ci_corrected=(-0.2, 1.0))
        plan, other = smaller.enrichment_design(), persona.enrichment_design()
        assert plan.n_per_arm > other.n_per_arm
        assert plan.assurance < plan.power

    def test_refusals(self, fitted):
        persona = fitted.personas_[0]
        naive = replace(persona, holdout=None)
        with pytest.raises(ValueError, match="too large to plan with"):
            naive.enrichment_design()
        with pytest.raises(ValueError, match="too large to plan with"):
            Persona.from_conditions({"age": (1, 2)}).enrichment_design()
        harm = replace(persona, effect_corrected=-1.0, ci_corrected=(-2.0, 0.0))
        with pytest.raises(ValueError, match="no benefit"):
            harm.enrichment_design()
        single = replace(persona, holdout=replace(persona.holdout, design="single-arm"))
        with pytest.raises(ValueError, match="single arm"):
            single.enrichment_design()


QUICK = PersonaDiscoverer(
    max_variables=1, prognostic=None, n_bootstrap=0, n_permutations=200, n_personas=3
)


class TestSimulatePower:
    @pytest.mark.parametrize("crossover", [False, True])
    def test_finds_what_is_large_and_nothing_else(self, crossover):
        size = {"n_participants": 100, "n_features": 3, "n_variables": 1}
        options = {"n_trials": 12, "random_state": 1, "crossover": crossover}
        large = simulate_power(QUICK, effect=3.0, **size, **options)
        assert large.power >= 0.75
        assert large.discovered == 1.0
        null = simulate_power(QUICK, effect=0.0, main_effect=1.0, **size, **options)
        assert null.any_confirmed <= 0.25
        assert large.n_trials == 12
        assert large.any_confirmed >= large.power
        # Nothing is planted, so what is found seldom covers the same members.
        assert null.discovered < 1.0
        share = large.power
        assert_allclose(large.standard_error, math.sqrt(share * (1 - share) / 12))

    def test_crossover_has_the_effects_of_the_plan(self):
        n = 3_001
        plan = {"effect": 2.0, "main_effect": 0.5}
        trial = make_parallel_trial(
            n_samples=n, n_features=3, n_variables=1, random_state=0
        )
        X, y, roles = _as_crossover(trial, plan, 7)
        assert len(X) == len(y) == 2 * n
        cases = pd.DataFrame(roles | {"y": y})
        table = cases.pivot(index="groups", columns="treatment", values="y")
        difference = (table[1] - table[0]).to_numpy()
        inside = trial.persona
        for members, effect in ((inside, 2.5), (~inside, 0.5)):
            own = difference[members]
            assert abs(own.mean() - effect) < 4.5 / math.sqrt(len(own))
            assert abs(own.std() - 1.0) < 4 / math.sqrt(2 * len(own))
        # A participant's level is in both cases, and noise of one half in each.
        assert abs(np.corrcoef(table[0], table[1] - 2 * inside)[0, 1] - 2 / 3) < 0.05
        assert abs(table[0].var() - 1.5) < 0.2
        periods = cases.pivot(index="groups", columns="treatment", values="period")
        assert (periods.sum(axis=1) == 3).all()
        assert (periods[1] == 1).sum() == n // 2
        assert (X.iloc[:n].to_numpy() == X.iloc[n:].to_numpy()).all()

    def test_designs_differ(self):
        size = {"n_participants": 60, "n_features": 3, "n_variables": 1, "effect": 1.0}
        options = {"n_trials": 8, "random_state": 0}
        parallel = simulate_power(QUICK, **size, **options)
        crossover = simulate_power(QUICK, **size, **options, crossover=True)
        # Pairs of the same number find more; claims rest on the first period too.
        assert crossover.discovered > parallel.discovered

    def test_one_persona_is_enough(self):
        finder = clone(QUICK).set_params(n_personas=1)
        found = simulate_power(
            finder,
            n_participants=100,
            n_features=2,
            n_variables=1,
            effect=3.0,
            n_trials=6,
            random_state=0,
        )
        assert found.any_confirmed >= found.power > 0.5

    def test_does_not_depend_on_jobs(self):
        size = {"n_participants": 60, "n_features": 3, "n_variables": 1, "effect": 2.0}
        one, two = (
            simulate_power(QUICK, **size, n_trials=6, random_state=0, n_jobs=n_jobs)
            for n_jobs in (1, 2)
        )
        assert one == two

    def test_leaves_the_estimator_alone(self):
        before = QUICK.get_params()
        simulate_power(
            QUICK,
            n_participants=60,
            n_features=2,
            n_variables=1,
            effect=1.0,
            n_trials=1,
            random_state=0,
        )
        assert QUICK.get_params() == before
        assert not hasattr(QUICK, "personas_")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"n_participants": 1}, "n_participants must be an integer >= 2"),
            ({"n_trials": 0}, "n_trials must be an integer >= 1"),
            ({"prevalence": 1.0}, "prevalence must lie strictly"),
            ({"effect": np.nan}, "effect"),
            ({"n_features": 1, "n_variables": 2}, "n_features"),
            ({"n_participants": 10}, "Too few cases"),
        ],
    )
    def test_refusals(self, change, message):
        given = {"n_participants": 60, "n_features": 3, "effect": 1.0} | change
        with pytest.raises(ValueError, match=message):
            simulate_power(QUICK, **{"random_state": 0, "n_trials": 1} | given)
