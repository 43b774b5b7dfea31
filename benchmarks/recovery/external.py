"""Peers that are packages of their own: pysubgroup, econml, and R's partykit."""

import itertools
import subprocess
import tempfile
import warnings
from pathlib import Path

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LassoCV

from benchmarks.recovery.regions import (
    Box,
    answer,
    boxes_of_tree,
    everyone,
    make_units,
    transformed_outcome,
)
from benchmarks.recovery.trees import DEPTH, least_leaf, union_answer

# Quantile intervals of each column, and width of the beam. 5 and 50 are the settings
# of its authors' examples; more take minutes with hundreds of columns.
BINS, WIDTH = 5, 50
MOB = Path(__file__).with_name("mob.R")


def pysubgroup_beam(trial, seed):
    """Beam search of pysubgroup for the mean of the transformed outcome, depth 3.

    Once upwards and once downwards; the more different of both best rules is reported
    and claimed. Its selectors are quantile intervals of each column and their open
    unions.
    """
    import pandas as pd
    import pysubgroup as ps

    units = make_units(trial)
    z = transformed_outcome(trial, units, seed)
    n, p = units.X.shape
    names = [f"x{j}" for j in range(p)]
    data = pd.DataFrame(units.X, columns=names)
    space = [
        ps.IntervalSelector(names[j], low, high)
        for j in range(p)
        for low, high in _intervals(units.X[:, j])
    ]
    boxes = []
    for sign in (1, -1):
        data["target"] = sign * z
        task = ps.SubgroupDiscoveryTask(
            data,
            ps.NumericTarget("target"),
            space,
            ps.StandardQFNumeric(0.5),
            result_set_size=1,
            depth=DEPTH,
            constraints=[ps.MinSupportConstraint(least_leaf(n))],
        )
        result = ps.BeamSearch(beam_width=WIDTH).execute(task)
        box = Box()
        for selector in result.results[0][1].selectors:
            # Closed on the left there, on the right here.
            low = np.nextafter(selector.lower_bound, -np.inf)
            high = np.nextafter(selector.upper_bound, -np.inf)
            j = names.index(selector.attribute_name)
            box = box.refine(j, float(low), float(high))
        boxes.append(box)
    return {"pysubgroup": answer(boxes, units, lambda _: True)}


def _intervals(x):
    """Below and above each quantile, and between neighbors."""
    cuts = np.unique(np.quantile(x, np.arange(1, BINS) / BINS))
    edges = [-np.inf, *cuts, np.inf]
    out = {(-np.inf, float(c)) for c in cuts} | {(float(c), np.inf) for c in cuts}
    out |= {(float(a), float(b)) for a, b in itertools.pairwise(edges)}
    return sorted(out)


def causal_forest(trial, seed):
    """Causal forest of econml, described by a tree of effects and by a policy tree.

    *forest-tree*: `SingleTreeCateInterpreter` of depth 3, its most different leaf.
    *forest-policy*: `SingleTreePolicyInterpreter` of depth 3, which treats whoever
    gains more than the mean effect; of those and the others the side whose effect is
    farther from the mean. Both claim when the tree splits. Pairs enter as cases.
    """
    from econml.cate_interpreter import (
        SingleTreeCateInterpreter,
        SingleTreePolicyInterpreter,
    )
    from econml.dml import CausalForestDML

    X, n = trial.X, len(trial.y)
    settings = {"n_estimators": 100, "min_samples_leaf": 5, "random_state": seed}
    if trial.binary or n < 200:
        model_y = LassoCV(cv=4, alphas=20)
    else:
        model_y = RandomForestRegressor(max_features=1 / 3, **settings)
    model_t = DummyClassifier()
    if not trial.randomized:
        model_t = RandomForestClassifier(**settings)
    forest = CausalForestDML(
        model_y=model_y,
        model_t=model_t,
        discrete_treatment=True,
        n_estimators=400,
        min_samples_leaf=5,
        max_samples=0.45,
        cv=3,
        random_state=seed,
        n_jobs=1,
    )
    units = make_units(trial)
    least = least_leaf(n)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        forest.fit(trial.y, trial.treated.astype(int), X=X, groups=trial.groups)
        effects = SingleTreeCateInterpreter(
            max_depth=DEPTH, min_samples_leaf=least, random_state=seed
        )
        effects.interpret(forest, X)
        policy = SingleTreePolicyInterpreter(
            max_depth=DEPTH, min_samples_leaf=least, random_state=seed
        )
        cost = float(forest.const_marginal_effect(X).mean())
        policy.interpret(forest, X, sample_treatment_costs=cost)
    boxes = [box for box, _ in boxes_of_tree(effects.tree_model_.tree_)]
    return {
        "forest-tree": answer(boxes, units, lambda _: True),
        "forest-policy": _policy_answer(policy.tree_model_, units),
    }


def _policy_answer(tree, units):
    """Union of the leaves of a policy tree that treat, or that do not."""
    sides = [[], []]
    for box, value in boxes_of_tree(tree.tree_, np.argmax):
        sides[int(np.argmax(value))].append(box)
    if not sides[0] or not sides[1]:
        return everyone()
    return union_answer(sides, units)


def mob(trial, seed):
    """Model-based recursive partitioning (R, partykit) by the treatment coefficient.

    Alpha .05 with Bonferroni correction over the variables, depth 3; a linear model
    also of binary outcomes. Claims when the tree splits; the most different leaf is
    reported. Pairs: the mean of the differences is partitioned.
    """
    units = make_units(trial)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        np.asfortranarray(units.X).T.tofile(folder / "X.bin")
        units.y.tofile(folder / "y.bin")
        treated = np.zeros(len(units.y)) if units.treated is None else units.treated
        treated.astype(float).tofile(folder / "t.bin")
        sizes = [
            *units.X.shape,
            int(units.treated is not None),
            least_leaf(units.X.shape[0]),
        ]
        done = subprocess.run(
            ["Rscript", "--vanilla", MOB, folder, *map(str, sizes)],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    boxes = []
    for line in done.stdout.splitlines():
        box = Box()
        for condition in line.removeprefix("leaf").split(" & "):
            if condition.strip():
                name, side, cut = condition.split()
                edge = {"<=": "high", ">": "low"}[side]
                box = box.refine(int(name[1:]) - 1, **{edge: float(cut)})
        boxes.append(box)
    if len(boxes) < 2:
        return {"mob": everyone()}
    return {"mob": answer(boxes, units, lambda _: True)}
