"""`HonestCausalTree`: one half chooses leaves, the other estimates their effects."""

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_persona._designs.splitting import stratified_group_folds
from sklearn_persona.baselines._effects.growing import (
    Sample,
    arm_sums,
    grow,
    node_criterion,
    prune_path,
    pruned,
)
from sklearn_persona.baselines._effects.leaf_effects import LeafEffects, leaf_table
from sklearn_persona.metrics import mean_effect

__all__ = ["HonestCausalTree"]


class HonestCausalTree(LeafEffects):
    """Honest tree of treatment effects: splits and estimates use separate halves.

    Half of the participants choose the splits that maximize the squared effects of
    the leaves minus the cost of estimating them; the complexity is chosen by
    cross-validation within that half. The effects and their intervals come from the
    other half and are valid as if the leaves had been fixed in advance.

    Parameters
    ----------
    max_depth : int or None, default=4
        Largest number of conditions on a path.
    min_arm_size : int, default=5
        Smallest number of units of each arm in a leaf, in either half (complete
        pairs of a crossover, cases of a single arm).
    complexity : "cv" or float, default="cv"
        Smallest gain in the criterion per leaf, in squared units of the outcome;
        ``"cv"`` chooses it by cross-validation.
    cv : int, default=5
        Number of folds of that cross-validation, by participant.
    cv_criterion : {"honest", "prediction"}, default="honest"
        Score of that cross-validation: "honest" is the criterion of the leaves
        estimated anew in the test fold; "prediction" is how well the effects of the
        training folds predict. It prunes more and is always used if ``honest=False``.
    honest : bool, default=True
        False estimates effects on the participants that chose the splits. The effects
        of such an adaptive tree are exaggerated.
    estimation_size : float, default=0.5
        Share of participants used for estimation.
    output : {"effect", "persona"}, default="effect"
        Whether `predict` returns effects, or 1, -1 and 0 as expected by
        `metrics.targeting_gain`.
    greater_is_better : bool, default=True
        Whether larger outcomes are better. Effects are oriented: positive is
        benefit.
    control : label, default=None
        The reference arm; by default the first in sorted order.
    random_state : int, RandomState instance or None, default=None
        Seed of the halves and folds.

    Attributes
    ----------
    leaves_ : DataFrame
        A row per leaf, indexed by node: ``rule``, ``n_treated``, ``n_control``,
        ``effect``, ``ci_low``, ``ci_high`` (95 %, Welch or t), in the estimating half.
    tree_ : EffectTree
        Arrays named like those of scikit-learn's trees.
    leaf_effects_ : ndarray of shape (n_nodes,)
        NaN for inner nodes.
    complexity_ : float
    effect_ : float
        Overall effect in the estimating half.
    split_ : ndarray of str, shape (n_samples,)
        "structure", "estimation", "both" or "not analysed".
    design_ : str
    two_arm_ : bool
    arms_ : tuple
        ``(control, treated)``; empty for a single arm.
    outcome_sd_ : float
        Standard deviation of the outcome within arms, the unit of `score`.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    See Also
    --------
    VirtualTwins : A tree on the predictions of a forest.
    sklearn_persona.PersonaDiscoverer : An exact search whose findings are tested.

    Notes
    -----
    The unit is the participant: several rows of a participant are averaged, and in a
    crossover the outcome is the difference within the pair. Without `treatment` this
    is an honest regression tree. Missing values go to the side with the larger
    criterion; categories become indicators.

    The criterion of a leaf with n units, effect t and estimated variance v of its
    effect is ``n (t^2 - (1 + r) v)``, where r is the ratio of the halves and t is
    measured from the overall effect. Honest cross-validation maximizes the same
    criterion in the test folds, with the ratio of fold and estimating half;
    cross-validation by prediction maximizes ``n (2 t_test t_train - t_train^2)``. The
    tree does not test heterogeneity: with 300 participants and the same effect in
    everyone, 63 % of trees tuned by "honest" and 23 % of those tuned by "prediction"
    had a split (30 seeds). Judge heterogeneity by the intervals of the leaves.

    References
    ----------
    .. [1] Athey, S. & Imbens, G. (2016). Recursive partitioning for heterogeneous
       causal effects. Proceedings of the National Academy of Sciences 113, 7353-7360.

    Examples
    --------
    >>> from sklearn_persona.baselines import HonestCausalTree
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(
    ...     n_samples=600, n_variables=1, effect=2.0, random_state=0
    ... )
    >>> tree = HonestCausalTree(max_depth=1, random_state=0)
    >>> tree = tree.fit(trial.data, trial.target, treatment=trial.treatment)
    >>> tree.leaves_.rule.tolist()
    ['x0 <= 0.195217', 'x0 > 0.195217']
    >>> tree.leaves_.effect.round(2).tolist()
    [0.14, 1.95]
    >>> tree.predict(trial.data[:3]).shape, tree.apply(trial.data[:3]).shape
    ((3,), (3,))
    >>> bool((tree.predict_effect(trial.data) == tree.predict(trial.data)).all())
    True
    >>> sorted(set(tree.predict_persona(trial.data).tolist()))
    [-1, 1]
    >>> tree.score(trial.data, trial.target, treatment=trial.treatment) > 0
    True
    """

    _parameter_constraints: ClassVar = {
        "max_depth": [Interval(Integral, 1, None, closed="left"), None],
        "min_arm_size": [Interval(Integral, 1, None, closed="left")],
        "complexity": [StrOptions({"cv"}), Interval(Real, 0, None, closed="left")],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "cv_criterion": [StrOptions({"honest", "prediction"})],
        "honest": ["boolean"],
        "estimation_size": [Interval(Real, 0, 1, closed="neither")],
        **LeafEffects._parameter_constraints,
    }

    def __init__(
        self,
        *,
        max_depth=4,
        min_arm_size=5,
        complexity="cv",
        cv=5,
        cv_criterion="honest",
        honest=True,
        estimation_size=0.5,
        output="effect",
        greater_is_better=True,
        control=None,
        random_state=None,
    ):
        self.max_depth = max_depth
        self.min_arm_size = min_arm_size
        self.complexity = complexity
        self.cv = cv
        self.cv_criterion = cv_criterion
        self.honest = honest
        self.estimation_size = estimation_size
        self.output = output
        self.greater_is_better = greater_is_better
        self.control = control
        self.random_state = random_state

    def _fit(self, cases, units, matrix):
        """Choose the leaves on one half and estimate their effects on the other."""
        rng = check_random_state(self.random_state)
        chooses = estimates = np.ones(len(units), bool)
        if self.honest and len(units) > 1:
            estimates = units.split(self.estimation_size, rng)
            chooses = ~estimates
        self._check_arms(units, chooses, estimates)
        self.split_ = _split_labels(cases, units, chooses, estimates)

        structure, ratio = units.take(chooses), None
        if self.honest:
            ratio = len(structure) / int(estimates.sum())
        sample = Sample(matrix[chooses], _centered(structure), structure.arms)
        tree = self._choose(sample, structure, ratio, rng)
        estimating = units.take(estimates)
        leaf = tree.apply(matrix[estimates])
        tree = self._estimable(tree, leaf, estimating.arms).compact()
        leaf = tree.apply(matrix[estimates])

        self.tree_ = tree
        self.effect_ = mean_effect(estimating.value, estimating.arms)
        self.leaves_ = leaf_table(
            tree, self.matrix_.names, leaf, estimating.value, estimating.arms
        )
        self.leaf_effects_ = np.full(len(tree.feature), np.nan)
        self.leaf_effects_[self.leaves_.index] = self.leaves_["effect"]

    def _leaves(self, matrix):
        return self.tree_.apply(matrix)

    def _check_arms(self, units, chooses, estimates):
        if units.n_arms == 1:
            return
        for name, half in (("structure", chooses), ("estimation", estimates)):
            n_treated, n_control = np.count_nonzero(units.arms & half, axis=1)
            if min(n_treated, n_control) < 1:
                raise ValueError(
                    f"The {name} half has {n_treated} treated and {n_control} control "
                    "participants, expected at least one of each. Collect more cases, "
                    "change estimation_size, or use honest=False."
                )

    def _choose(self, sample, units, ratio, rng):
        """Grow the tree and prune it by the complexity."""
        options = {
            "min_arm_size": self.min_arm_size,
            "max_depth": self.max_depth,
            "ratio": ratio,
        }
        tree = grow(sample, **options)
        path = prune_path(tree)
        self.complexity_ = self.complexity
        if self.complexity == "cv":
            self.complexity_ = self._tune(sample, units, path[0], options, rng)
        return pruned(tree, self.complexity_, path)

    def _tune(self, sample, units, penalties, options, rng):
        """The largest penalty with the best cross-validated criterion."""
        penalties = np.unique(np.maximum([0.0, *penalties], 0.0))
        if len(sample) < 2 * self.cv:
            return np.inf
        # Midpoints between steps of the path, where one subtree is best; the last
        # candidate prunes everything.
        candidates = np.append(np.sqrt(penalties[:-1] * penalties[1:]), penalties[-1])
        folds = stratified_group_folds(units.split_strata, self.cv, rng)
        gain = np.zeros(len(candidates))
        for fold in range(self.cv):
            train, test = sample.take(folds != fold), sample.take(folds == fold)
            if not (_has_arms(train) and _has_arms(test)):
                continue
            tree = grow(train, **options)
            path = prune_path(tree)
            for i, penalty in enumerate(candidates):
                subtree = pruned(tree, penalty, path)
                if self.cv_criterion == "honest" and self.honest:
                    gain[i] += _honest_criterion(
                        subtree, test, len(sample) / options["ratio"]
                    )
                else:
                    gain[i] += _prediction_criterion(subtree, train, test)
        best = np.flatnonzero(gain >= gain.max() - 1e-12 * max(abs(gain).max(), 1))
        return float(candidates[best[-1]])

    def _estimable(self, tree, leaf, arms):
        """Collapse splits with a child that is too small in the estimating half."""
        n_nodes = len(tree.feature)
        sizes = np.array([np.bincount(leaf[arm], minlength=n_nodes) for arm in arms])
        collapse, order = [], tree.order()
        for node in reversed(order):
            left, right = tree.children_left[node], tree.children_right[node]
            if left < 0:
                continue
            if sizes[:, [left, right]].min() < self.min_arm_size:
                collapse.append(node)
            sizes[:, node] = sizes[:, left] + sizes[:, right]
        return tree.collapsed(collapse) if collapse else tree


def _centered(units):
    """Outcomes minus the mean of their arm; effects are then relative to overall."""
    outcome = units.value.astype(float)
    for arm in units.arms:
        outcome = np.where(arm, outcome - outcome[arm].mean(), outcome)
    return outcome


def _has_arms(sample):
    return bool(sample.arms.any(axis=1).all())


def _honest_criterion(tree, test, n_estimating):
    """Criterion of the leaves in the units of a test fold."""
    leaf, total = tree.apply(test.matrix), 0.0
    for node in tree.leaves():
        arms = arm_sums(test, np.flatnonzero(leaf == node))
        if min(arm[0] for arm in arms) >= 2:
            total += float(node_criterion(arms, 1 + len(test) / n_estimating))
    return total


def _prediction_criterion(tree, train, test):
    """How well the effects of training units predict, summed over test units."""
    in_train, in_test = tree.apply(train.matrix), tree.apply(test.matrix)
    gain = 0.0
    for node in tree.leaves():
        inside = test.take(in_test == node)
        effect = _effect(train.take(in_train == node))
        # A leaf that cannot be tested counts as if it had no effect of its own.
        seen = _effect(inside) if _has_arms(inside) else 0.0
        gain += len(inside) * (2 * seen * effect - effect**2)
    return gain


def _effect(sample):
    return mean_effect(sample.outcome, sample.arms)


def _split_labels(cases, units, chooses, estimates):
    """Half to which the rows of each participant belong."""
    out = np.full(len(cases.y), "not analysed", dtype="<U12")
    names = np.array(["not analysed", "structure", "estimation", "both"])
    half = names[chooses + 2 * estimates]
    for name in names[1:]:
        out[np.isin(cases.groups, units.groups[half == name])] = name
    return out
