"""Peers that grow one tree: honest causal tree, interaction tree, Virtual Twins."""

import math
import warnings
from statistics import NormalDist

import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LassoCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from benchmarks.recovery.regions import (
    Box,
    Found,
    Units,
    answer,
    boxes_of_tree,
    choose_region,
    everyone,
    make_units,
    transformed_outcome,
)

DEPTH = 3
# Fewest units of an arm (pairs) in a leaf, the smallest size in which two arms can
# differ significantly; the package has the same default.
LEAST_ARM = 4


def least_leaf(n):
    """Fewest units in a leaf: a tenth, as the package, and at least five an arm."""
    return max(math.ceil(0.1 * n), 10)


def causal_tree(trial, seed):
    """Honest causal tree: CART of the transformed outcome on one half of the units.

    Pruned by cross-validated cost complexity within that half. Effects of leaves, and
    the leaf that is reported, come from the other half. Claims a subgroup when the
    honest 95 % interval of the contrast, corrected over the leaves, excludes 0.
    """
    units = make_units(trial)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(units.y))
    if units.treated is not None:
        # Halves with the same share of both arms.
        order = order[np.argsort(units.treated[order], kind="stable")]
    grow, estimate = order[::2], order[1::2]
    z = transformed_outcome(trial, units, seed)
    least = max(least_leaf(len(units.y)) // 2, 5)
    tree = _pruned_tree(units.X[grow], z[grow], least, seed)
    boxes = [box for box, _ in boxes_of_tree(tree.tree_)]
    if len(boxes) < 2:
        return {"causal-tree": everyone()}
    edge = NormalDist().inv_cdf(1 - 0.025 / len(boxes))
    found = answer(boxes, units.take(estimate), lambda z: abs(z) > edge)
    return {"causal-tree": found}


def _pruned_tree(X, z, least, seed):
    """CART of depth 3 whose complexity is chosen by five-fold cross-validation."""
    settings = {"max_depth": DEPTH, "min_samples_leaf": least, "random_state": seed}
    path = DecisionTreeRegressor(**settings).cost_complexity_pruning_path(X, z)
    alphas = np.unique(np.maximum(path.ccp_alphas, 0.0))
    # Geometric means of neighbors, as CART does; beyond the last only the root stays.
    middles = np.append(np.sqrt(alphas[:-1] * alphas[1:]), alphas[-1] * 1.001 + 1e-12)
    folds = np.random.default_rng(seed).permutation(len(z)) % 5
    errors = np.zeros(len(middles))
    for fold in range(5):
        test = folds == fold
        for i, alpha in enumerate(middles):
            tree = DecisionTreeRegressor(ccp_alpha=alpha, **settings)
            tree.fit(X[~test], z[~test])
            errors[i] += ((z[test] - tree.predict(X[test])) ** 2).sum()
    best = middles[np.argmin(errors)]
    return DecisionTreeRegressor(ccp_alpha=best, **settings).fit(X, z)


def interaction_tree(trial, seed):
    """Interaction tree: each split has the largest interaction t of all (Su 2009).

    All cut points of all variables are tried, without pruning. *interaction-tree* has
    depth 2 and reports its most different leaf; *interaction-node* has depth 3 and
    reports its most different node, leaf or not, so that it can stop early. Both claim
    a subgroup when t^2 of the first split exceeds log(n), the penalty recommended for
    pruning.
    """
    leaf, node = _interaction_answers(make_units(trial))
    return {"interaction-tree": leaf, "interaction-node": node}


def adjusted_interaction_tree(trial, seed):
    """The same on residuals of a cross-fitted lasso of the outcome on baseline.

    No published tool: it tells what adjustment alone is worth.
    """
    units = make_units(trial)
    folds = KFold(5, shuffle=True, random_state=seed)
    model = make_pipeline(StandardScaler(), LassoCV(cv=4, alphas=30, max_iter=5000))
    if units.treated is not None:
        y = units.y.copy()
        # Means of the arms are taken out first: the model never sees the arm.
        for arm in (units.treated, ~units.treated):
            y[arm] -= y[arm].mean()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            predicted = cross_val_predict(model, units.X, y, cv=folds)
        units = Units(units.X, units.y - predicted, units.treated)
    return {"interaction-adjusted": _interaction_answers(units)[0]}


def _interaction_answers(units):
    """Most different leaf of depth 2, most different node of depth 3."""
    n = len(units.y)
    least = max(math.ceil(0.1 * n), 1)
    leaves, nodes, first = [], [], 0.0

    def grow(box, depth):
        nonlocal first
        if depth == 1:
            leaves.append(box)
        if box.limits:
            nodes.append(box)
        split = None
        if depth:
            split = _best_split(units.take(np.flatnonzero(box.covers(units.X))), least)
        if split is None:
            if depth > 1:
                leaves.append(box)
            return
        j, cut, t2 = split
        first = first if box.limits else t2
        grow(box.refine(j, high=cut), depth - 1)
        grow(box.refine(j, low=cut), depth - 1)

    grow(Box(), 3)
    claimed = first > math.log(n)
    return [answer(boxes, units, lambda _: claimed) for boxes in (leaves, nodes)]


def _best_split(units, least):
    """Variable, cut and t^2 of the best interaction split; None when there is none."""
    X, y = units.X, units.y
    order = np.argsort(X, axis=0, kind="stable")
    values = np.take_along_axis(X, order, axis=0)
    one = np.ones(len(y), bool)
    arms = [one] if units.treated is None else [units.treated, ~units.treated]
    effects = [0.0, 0.0]
    precision = 0.0
    enough = np.ones((len(y) - 1, X.shape[1]), bool)
    size = np.arange(1, len(y))[:, None]
    enough &= (size >= least) & (len(y) - size >= least)
    squares = 0.0
    for sign, arm in zip((1, -1), arms):
        weight, outcome = arm.astype(float), np.where(arm, y, 0.0)
        count = np.cumsum(weight[order], axis=0)[:-1]
        total = np.cumsum(outcome[order], axis=0)[:-1]
        left, right = count, weight.sum() - count
        enough &= (left >= LEAST_ARM) & (right >= LEAST_ARM)
        left, right = np.maximum(left, 1), np.maximum(right, 1)
        mean_left, mean_right = total / left, (outcome.sum() - total) / right
        effects = [effects[0] + sign * mean_left, effects[1] + sign * mean_right]
        precision = precision + 1 / left + 1 / right
        squares = squares + (
            (outcome**2).sum() - left * mean_left**2 - right * mean_right**2
        )
    enough &= values[1:] > values[:-1]
    if not enough.any():
        return None
    variance = squares / max(len(y) - 2 * len(arms), 1) * precision
    t2 = (effects[0] - effects[1]) ** 2 / np.maximum(variance, 1e-300)
    t2 = np.where(enough, t2, -1.0)
    i, j = np.unravel_index(np.argmax(t2), t2.shape)
    return int(j), float((values[i, j] + values[i + 1, j]) / 2), float(t2[i, j])


def virtual_twins(trial, seed):
    """Virtual Twins (Foster et al. 2011): a forest, then a tree of the difference.

    The forest sees X, T and their products; its own arm is predicted out of bag. The
    subgroups are the leaves whose predicted difference exceeds the mean by .05 for a
    binary outcome, by .1 SD otherwise, and those that fall short of it as much; the
    more different of both is reported and claimed. Pairs enter as cases.
    """
    X, T = trial.X, trial.treated.astype(float)[:, None]
    n = len(T)
    forest = RandomForestRegressor(
        n_estimators=500 if n <= 2000 else 100,
        min_samples_leaf=5 if n <= 2000 else 20,
        max_features=1 / 3,
        max_samples=None if n <= 2000 else 2000,
        oob_score=True,
        random_state=seed,
        n_jobs=1,
    )
    forest.fit(np.hstack([X, T, X * T, X * (1 - T)]), trial.y)
    other = forest.predict(np.hstack([X, 1 - T, X * (1 - T), X * T]))
    own = forest.oob_prediction_
    difference = np.where(trial.treated, own - other, other - own)
    tree = DecisionTreeRegressor(
        max_depth=DEPTH, min_samples_leaf=least_leaf(n), random_state=seed
    )
    tree.fit(X, difference)
    margin = 0.05 if trial.binary else 0.1 * trial.y.std()
    mean = difference.mean()

    def side(value):
        return int(value[0] > mean + margin) - int(value[0] < mean - margin)

    sides = {1: [], 0: [], -1: []}
    for box, value in boxes_of_tree(tree.tree_, side):
        sides[side(value)].append(box)
    unions = [sides[s] for s in (1, -1) if sides[s]]
    return {"virtual-twins": union_answer(unions, make_units(trial))}


def union_answer(sides, units):
    """`Found` for the more different of some unions of boxes."""
    members = [
        np.any([box.covers(units.X) for box in boxes], axis=0) for boxes in sides
    ]
    best, _ = choose_region(members, units)
    if best is None or members[best].all():
        return everyone()
    boxes = sides[best]
    return Found(
        lambda X: np.any([box.covers(X) for box in boxes], axis=0),
        tuple(sorted({j for box in boxes for j in box.variables})),
        True,
        " or ".join(map(str, boxes)),
    )
