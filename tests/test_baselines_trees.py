"""Honest causal trees and permutation-tuned virtual twins."""

import itertools

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_persona import TrialFrame
from sklearn_persona._designs.labels import arm_rows
from sklearn_persona.baselines import HonestCausalTree, VirtualTwins
from sklearn_persona.baselines._effects.growing import Sample, grow, prune_path, pruned
from sklearn_persona.datasets import make_parallel_trial
from sklearn_persona.exceptions import PeriodUnknownWarning, SingleArmWarning
from sklearn_persona.metrics import targeting_gain, targeting_gain_scorer
from sklearn_persona.model_selection import ArmStratifiedGroupKFold


@pytest.fixture(scope="module")
def trial():
    return make_parallel_trial(
        n_samples=400, n_features=3, n_variables=1, effect=2.0, random_state=0
    )


def quick_twins(**options):
    defaults = {"n_estimators": 10, "n_permutations": 19, "random_state": 0}
    return VirtualTwins(**defaults | options)


TREES = [HonestCausalTree(random_state=0), quick_twins()]
both = pytest.mark.parametrize("tree", TREES, ids=lambda t: type(t).__name__)


def crossover(seed=0, n=80, effect=3.0):
    rng = np.random.RandomState(seed)
    group = np.repeat(np.arange(n), 2)
    period = np.tile([1, 2], n)
    first = rng.permutation(np.arange(n) % 2 == 0)[group]
    drug = np.where(period == 1, first, ~first)
    a = rng.standard_normal(n)[group]
    person = 2 * rng.standard_normal(n)[group]
    y = person + effect * drug * (a > 0) + (period == 2) + rng.standard_normal(2 * n)
    table = pd.DataFrame({"a": a, "b": rng.standard_normal(n)[group]})
    return table, y, {"treatment": drug, "groups": group, "period": period}


# --- growing -----------------------------------------------------------------


def plain_worth(y, treated, cost):
    arms = [y] if treated is None else [y[treated], y[~treated]]
    effect = arms[0].mean() - (arms[1].mean() if len(arms) == 2 else 0)
    variance = sum(arm.var(ddof=1) / len(arm) for arm in arms)
    return len(y) * (effect**2 - cost * variance)


@pytest.mark.parametrize("two_arm", [True, False])
@pytest.mark.parametrize("ratio", [None, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_best_split_by_enumeration(seed, ratio, two_arm):
    rng = np.random.RandomState(seed)
    n = 24
    matrix = np.round(rng.standard_normal((n, 3)), 1)
    matrix[rng.uniform(size=matrix.shape) < 0.15] = np.nan
    y = rng.standard_normal(n)
    treated = rng.permutation(n) < n // 2 if two_arm else None
    sample = Sample(matrix, y, arm_rows(treated, n))
    tree = grow(sample, min_arm_size=3, max_depth=1, ratio=ratio)
    cost = 0 if ratio is None else 1 + ratio
    best = -np.inf
    for j, missing_left in itertools.product(range(3), (False, True)):
        values = np.unique(matrix[~np.isnan(matrix[:, j]), j])
        for cut in values[:-1]:
            left = np.where(np.isnan(matrix[:, j]), missing_left, matrix[:, j] <= cut)
            sides = [left, ~left]
            if treated is None:
                sizes = [side.sum() for side in sides]
            else:
                sizes = [
                    (side & arm).sum() for side in sides for arm in (treated, ~treated)
                ]
            if min(sizes) < 3:
                continue
            worth = sum(
                plain_worth(y[s], None if treated is None else treated[s], cost)
                for s in sides
            )
            best = max(best, worth)
    assert_allclose(tree.criterion[1:].sum() * n, best)
    assert_allclose(tree.criterion[0] * n, plain_worth(y, treated, cost))


def test_pruning_by_enumeration():
    rng = np.random.RandomState(1)
    arms = arm_rows(np.arange(120) % 2 == 0, 120)
    sample = Sample(rng.standard_normal((120, 2)), rng.standard_normal(120), arms)
    tree = grow(sample, min_arm_size=5, max_depth=3, ratio=1.0)
    inner = [node for node in tree.order() if tree.children_left[node] >= 0]
    assert len(inner) > 3

    def objective(subtree, penalty):
        return tree.criterion[subtree.leaves()].sum() - penalty * subtree.n_leaves

    path = prune_path(tree)
    assert path[0] == sorted(path[0])
    for penalty in (-1.0, 0.0, 0.01, 0.05, 0.1, 1.0):
        best = max(
            objective(tree.collapsed(list(chosen)) if chosen else tree, penalty)
            for k in range(len(inner) + 1)
            for chosen in itertools.combinations(inner, k)
        )
        assert_allclose(objective(pruned(tree, penalty, path), penalty), best)


# --- both trees --------------------------------------------------------------


@both
def test_finds_the_planted_variable(tree, trial):
    tree = clone(tree).fit(trial.data, trial.target, treatment=trial.treatment)
    persona = tree.predict_persona(trial.data) == 1
    assert (persona & trial.persona).sum() / (persona | trial.persona).sum() > 0.7
    assert tree.leaves_.rule.str.contains("x0").all()
    assert tree.two_arm_ and tree.arms_ == (0, 1) and tree.design_ == "parallel"
    assert_array_equal(tree.predict(trial.data), tree.predict_effect(trial.data))
    gain = targeting_gain(
        trial.target,
        tree.predict_persona(trial.data),
        trial.treatment,
        sd=tree.outcome_sd_,
    )
    assert tree.score(trial.data, trial.target, treatment=trial.treatment) == gain > 0.2


@both
def test_orientation_and_reference_arm(tree, trial):
    plain = clone(tree).fit(trial.data, trial.target, treatment=trial.treatment)
    names = np.where(trial.treatment == 1, "active", "placebo")
    turned = clone(tree).set_params(greater_is_better=False, control="placebo")
    turned.fit(trial.data, -trial.target, treatment=names)
    assert turned.arms_ == ("placebo", "active")
    assert_allclose(turned.predict(trial.data), plain.predict(trial.data))
    assert_allclose(
        turned.score(trial.data, -trial.target, treatment=names),
        plain.score(trial.data, trial.target, treatment=trial.treatment),
    )


@both
def test_inside_scikit_learn(tree, trial):
    roles = {"treatment": trial.treatment, "groups": trial.groups}
    with sklearn.config_context(enable_metadata_routing=True):
        result = cross_validate(
            make_pipeline(StandardScaler(), clone(tree)),
            trial.data,
            trial.target,
            params=roles,
            cv=ArmStratifiedGroupKFold(3),
            error_score="raise",
        )
        assert result["test_score"].mean() > 0.1
        grid = GridSearchCV(
            clone(tree).set_params(output="persona"),
            {"max_depth": [1, 2]},
            scoring=targeting_gain_scorer,
            cv=ArmStratifiedGroupKFold(2),
            error_score="raise",
        ).fit(trial.data, trial.target, **roles)
        assert grid.best_score_ > 0.1
    assert set(grid.predict(trial.data)) == {-1, 1}


@both
def test_pipeline_without_routing_and_trial_frame(tree, trial):
    table = trial.data.assign(arm=trial.treatment)
    model = TrialFrame(clone(tree), treatment="arm").fit(table, trial.target)
    assert model.estimator_.two_arm_
    assert model.predict(trial.data).shape == (400,)
    assert model.score(table, trial.target) > 0


@both
def test_without_treatment(tree, trial):
    with pytest.warns(SingleArmWarning, match="No treatment was given"):
        model = clone(tree).fit(trial.data, 5 * (trial.data["x1"] > 0))
    assert not model.two_arm_ and model.arms_ == ()
    assert model.leaves_.rule.str.contains("x1").all()
    assert (model.leaves_.n_control == 0).all()


@both
def test_errors(tree, trial):
    tree = clone(tree)
    fitted = clone(tree).fit(trial.data, trial.target, treatment=trial.treatment)
    with pytest.raises(ValueError, match="score needs treatment="):
        fitted.score(trial.data, trial.target)
    with pytest.raises(ValueError, match="exactly two arms, got 3"):
        tree.fit(trial.data, trial.target, treatment=np.arange(400) % 3)
    with pytest.raises(ValueError, match="requires y"):
        tree.fit(trial.data, None, treatment=trial.treatment)
    with pytest.raises(ValueError, match="treatment has 3 entries"):
        tree.fit(trial.data, trial.target, treatment=[0, 1, 1])
    with pytest.raises(ValueError, match="'max_depth' parameter"):
        tree.set_params(max_depth=0).fit(trial.data, trial.target)


@both
def test_categories_and_missing_values(tree):
    rng = np.random.RandomState(0)
    n = 400
    site = rng.choice(["A", "B", "C"], n).astype(object)
    arm = np.arange(n) % 2
    y = rng.standard_normal(n) + 3.0 * arm * (site == "B")
    x = rng.standard_normal(n)
    x[::7] = np.nan
    site[::50] = None
    table = pd.DataFrame({"x": x, "site": site})
    model = clone(tree).fit(table, y, treatment=arm)
    assert model.leaves_.rule.str.contains("site = B").all()
    other = pd.DataFrame({"x": [np.nan, 0.0, 0.0], "site": ["B", "D", None]})
    effects = model.predict(other)
    assert effects[0] == np.nanmax(model.leaf_effects_) > effects[1]
    unknown = pd.DataFrame({"x": [0.0], "site": [None]})
    assert np.isfinite(model.predict(unknown)).all()
    with pytest.raises(ValueError, match="'site' holds numbers, but held categories"):
        model.predict(pd.DataFrame({"x": [0.0], "site": [1.0]}))
    with pytest.raises(ValueError, match="'x' holds categories, but held numbers"):
        model.predict(pd.DataFrame({"x": ["a"], "site": ["A"]}))


@both
def test_crossover_uses_differences(tree):
    table, y, roles = crossover()
    model = clone(tree).set_params(max_depth=1)
    if isinstance(tree, VirtualTwins):
        model.set_params(min_leaf_size=10)
    model.fit(table, y, **roles)
    assert model.design_ == "crossover"
    assert model.leaves_.rule.str.startswith("a ").all()
    assert (model.leaves_.n_control == 0).all()
    # Differences are free of the period effect and of the person.
    assert_allclose(np.sort(model.leaf_effects_[model.leaves_.index]), [0, 3], atol=0.9)
    roles.pop("period")
    with pytest.warns(PeriodUnknownWarning):
        clone(tree).fit(table, y, **roles)


# --- honest ------------------------------------------------------------------


def test_honest_halves(trial):
    tree = HonestCausalTree(random_state=3)
    tree.fit(trial.data, trial.target, treatment=trial.treatment)
    assert set(tree.split_) == {"structure", "estimation"}
    half = tree.split_ == "estimation"
    leaf = tree.apply(trial.data)
    for node, row in tree.leaves_.iterrows():
        y = trial.target[half & (leaf == node)]
        arm = trial.treatment[half & (leaf == node)]
        assert (row.n_treated, row.n_control) == ((arm == 1).sum(), (arm == 0).sum())
        assert min(row.n_treated, row.n_control) >= tree.min_arm_size
        assert_allclose(row.effect, y[arm == 1].mean() - y[arm == 0].mean())
        assert row.ci_low < row.effect < row.ci_high
    # The outcomes of the estimating half have no say in the leaves.
    y = trial.target.copy()
    y[half] = np.random.RandomState(0).standard_normal(half.sum())
    other = clone(tree).fit(trial.data, y, treatment=trial.treatment)
    assert_array_equal(other.apply(trial.data), leaf)


def test_participants_are_not_split():
    table, y, roles = crossover(seed=1)
    tree = HonestCausalTree(random_state=0).fit(table, y, **roles)
    for _, part in pd.Series(tree.split_).groupby(roles["groups"]):
        assert part.nunique() == 1


def test_adaptive_tree_and_fixed_complexity(trial):
    adaptive = HonestCausalTree(honest=False, complexity=0.0, random_state=0)
    adaptive.fit(trial.data, trial.target, treatment=trial.treatment)
    assert set(adaptive.split_) == {"both"}
    everyone = HonestCausalTree(complexity=1e6, random_state=0)
    everyone.fit(trial.data, trial.target, treatment=trial.treatment)
    assert everyone.leaves_.rule.tolist() == ["everyone"]
    assert everyone.effect_ == everyone.leaves_.effect.iloc[0]
    assert len(adaptive.leaves_) > 2
    assert not everyone.predict_persona(trial.data).any()


def test_what_cross_validation_maximizes(trial):
    """Honestly tuned trees keep more leaves than those tuned for prediction."""
    sizes = {"honest": 0, "prediction": 0}
    for criterion in sizes:
        for seed in range(8):
            noise = np.random.RandomState(seed).standard_normal(400)
            tree = HonestCausalTree(cv_criterion=criterion, random_state=seed)
            tree.fit(trial.data, noise, treatment=trial.treatment)
            sizes[criterion] += len(tree.leaves_)
            tree.fit(trial.data, trial.target, treatment=trial.treatment)
            assert tree.leaves_.rule.str.contains("x0").all()
    assert sizes["honest"] > sizes["prediction"]


def test_a_half_without_an_arm():
    arm = np.r_[1, np.zeros(19, int)]
    with pytest.raises(ValueError, match="expected at least one of each"):
        HonestCausalTree(random_state=0).fit(
            np.arange(20.0)[:, None], arm, treatment=arm
        )


@pytest.mark.slow
def test_honest_intervals_cover():
    """Intervals of leaves chosen by the other half cover the leaf's true effect."""
    covered, total = 0, 0
    for seed in range(150):
        trial = make_parallel_trial(
            n_samples=300, n_features=5, effect=1.0, random_state=seed
        )
        tree = HonestCausalTree(max_depth=2, complexity=0.0, random_state=seed)
        tree.fit(trial.data, trial.target, treatment=trial.treatment)
        big = make_parallel_trial(
            n_samples=4000, n_features=5, effect=1.0, random_state=10_000 + seed
        )
        leaf = tree.apply(big.data)
        for node, row in tree.leaves_.iterrows():
            truth = big.persona[leaf == node].mean()
            covered += row.ci_low <= truth <= row.ci_high
            total += 1
    assert total > 400
    assert abs(covered / total - 0.95) < 4 * np.sqrt(0.95 * 0.05 / total)


# --- twins -------------------------------------------------------------------


def test_twins_do_not_depend_on_n_jobs(trial):
    roles = {"treatment": trial.treatment}
    one = quick_twins(n_jobs=1).fit(trial.data, trial.target, **roles)
    with joblib.parallel_config(backend="threading"):
        two = quick_twins(n_jobs=2).fit(trial.data, trial.target, **roles)
    assert one.complexity_ == two.complexity_ and one.p_value_ == two.p_value_ == 0.05
    assert_array_equal(one.twin_effects_, two.twin_effects_)


def test_twins_are_out_of_bag(trial):
    twins = quick_twins(n_permutations=0, min_samples_leaf=1, max_features=None)
    noise = np.random.RandomState(0).standard_normal(400)
    twins.fit(trial.data, noise, treatment=trial.treatment)
    # In the bag, a fully grown tree would know the noise.
    sign = np.where(trial.treatment == 1, 1, -1)
    assert abs(np.corrcoef(twins.twin_effects_, sign * noise)[0, 1]) < 0.2
    assert np.isnan(twins.p_value_)
    with pytest.raises(ValueError, match="expected at least 19"):
        quick_twins(n_permutations=18).fit(trial.data, noise, treatment=trial.treatment)


def test_twins_by_classification(trial):
    twins = quick_twins(tree="classification", margin=0.5)
    twins.fit(trial.data, trial.target, treatment=trial.treatment)
    assert twins.leaves_.rule.str.contains("x0").all()


@pytest.mark.slow
def test_twins_hold_alpha():
    n_trials, found = 100, 0
    for seed in range(n_trials):
        trial = make_parallel_trial(
            n_samples=80,
            n_features=4,
            effect=0.0,
            main_effect=1.0,
            prognostic=1.0,
            random_state=seed,
        )
        twins = quick_twins(alpha=0.1, random_state=seed, min_leaf_size=10)
        twins.fit(trial.data, trial.target, treatment=trial.treatment)
        found += len(twins.leaves_) > 1
    assert found / n_trials < 0.1 + 2.4 * np.sqrt(0.1 * 0.9 / n_trials)
