"""`VirtualTwins`: a tree on effects that a forest predicts."""

import math
from dataclasses import replace
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.parallel import Parallel, delayed

from sklearn_persona._designs import Permutations
from sklearn_persona._designs.labels import Labels
from sklearn_persona.baselines._effects.leaf_effects import LeafEffects, leaf_table
from sklearn_persona.metrics import mean_effect

__all__ = ["VirtualTwins"]

# scikit-learn's trees compare values in this precision.
_PRECISION = np.float32


class VirtualTwins(LeafEffects):
    """Tree on the effects that a forest predicts, tuned by permutation.

    A random forest of the outcome on X, T and X * T predicts each participant's
    outcome under either arm, out of bag. A tree of the differences describes who
    benefits. Such a tree splits in almost every trial. Its complexity penalty is
    therefore the smallest at which at most a share `alpha` of permuted trials, in
    which everyone has the same effect, get a split.

    Parameters
    ----------
    n_estimators : int, default=100
        Number of trees in the forest.
    min_samples_leaf : int, default=5
        Smallest number of participants in a leaf of the forest's trees.
    max_features : "sqrt", "log2", int, float or None, default=1/3
        Number or share of columns considered at a split of the forest.
    tree : {"regression", "classification"}, default="regression"
        Target of the second tree: the predicted effect, or whether it exceeds the
        overall effect by `margin`.
    margin : float, default=0.0
        In units of the outcome; for ``tree="classification"``.
    max_depth : int or None, default=3
        Largest number of conditions on a path of the second tree.
    min_leaf_size : int, default=20
        Smallest number of participants in a leaf of the second tree.
    alpha : float, default=0.05
        Largest share of permuted trials that get a split.
    n_permutations : int, default=99
        Permuted trials that tune the penalty, each with its own forest: at least
        ``1 / alpha - 1``, or 0 to use `complexity` as the penalty.
    complexity : float, default=0.0
        Penalty per leaf without permutations: smallest reduction of the mean squared
        deviation of predicted effects, in squared units of the outcome.
    output : {"effect", "persona"}, default="effect"
        Whether `predict` returns effects, or 1, -1 and 0 as expected by
        `metrics.targeting_gain`.
    greater_is_better : bool, default=True
        Whether larger outcomes are better. Effects are oriented: positive is
        benefit.
    control : label, default=None
        The reference arm; by default the first in sorted order.
    random_state : int, RandomState instance or None, default=None
        Seed of forests and permutations.
    n_jobs : int, default=None
        Number of permuted trials fitted in parallel. Results do not depend on it.

    Attributes
    ----------
    leaves_ : DataFrame
        A row per leaf, indexed by node: ``rule``, ``n_treated``, ``n_control``,
        ``effect``, ``ci_low``, ``ci_high`` of the raw outcomes, which are optimistic
        because the same participants chose the leaf, and ``predicted`` by the forest.
    tree_ : sklearn.tree.Tree
    leaf_effects_ : ndarray of shape (n_nodes,)
        Mean predicted effect; NaN for inner nodes.
    twin_effects_ : ndarray of shape (n_participants,)
        Predicted effects, out of bag.
    complexity_ : float
        The penalty used.
    p_value_ : float
        ``(b + 1) / (B + 1)``, where b of B permuted trials get a split at the largest
        penalty at which this trial does; NaN without permutations.
    effect_ : float
        Overall effect.
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
    HonestCausalTree : Effects from participants that did not choose the leaves.
    sklearn_persona.PersonaDiscoverer : An exact search whose findings are tested.

    Notes
    -----
    The unit is the participant: several rows of a participant are averaged. In a
    crossover the forest predicts the difference within the pair. Without `treatment`
    the forest predicts the outcome, and outcomes are permuted.

    A permuted trial removes the overall effect, permutes the randomized labels (within
    `strata`), and adds the effect again. With B permuted trials the penalty is the
    ``ceil((1 - alpha) (B + 1))``-th smallest of those at which their trees lose the
    last split. This would bound the error rate exactly at any B if the overall effect
    were known rather than estimated. The penalty is absolute. A penalty relative to
    the variance of the predicted effects, as in rpart, found less (a split in 6 rather
    than 10 of 15 trials with n = 200 and an effect of 1.5 SD in 40 %).

    References
    ----------
    .. [1] Foster, J. C., Taylor, J. M. G. & Ruberg, S. J. (2011). Subgroup
       identification from randomized clinical trial data. Statistics in Medicine 30,
       2867-2880.
    .. [2] Wolf, J. M., Koopmeiners, J. S. & Vock, D. M. (2022). A permutation
       procedure to detect heterogeneous treatment effects in randomized clinical
       trials while controlling the type I error rate. Clinical Trials 19, 512-521.

    Examples
    --------
    >>> from sklearn_persona.baselines import VirtualTwins
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(
    ...     n_samples=300, n_variables=1, n_features=4, effect=2.0, random_state=0
    ... )
    >>> twins = VirtualTwins(
    ...     n_estimators=20, n_permutations=19, max_depth=1, random_state=0
    ... )
    >>> twins = twins.fit(trial.data, trial.target, treatment=trial.treatment)
    >>> twins.p_value_
    0.05
    >>> twins.leaves_.rule.tolist()
    ['x0 <= 0.271056', 'x0 > 0.271056']
    >>> twins.predict(trial.data[:3]).shape, twins.apply(trial.data[:3]).shape
    ((3,), (3,))
    >>> bool((twins.predict_effect(trial.data) == twins.predict(trial.data)).all())
    True
    >>> sorted(set(twins.predict_persona(trial.data).tolist()))
    [-1, 1]
    >>> twins.score(trial.data, trial.target, treatment=trial.treatment) > 0
    True
    """

    _parameter_constraints: ClassVar = {
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "min_samples_leaf": [Interval(Integral, 1, None, closed="left")],
        "max_features": [
            StrOptions({"sqrt", "log2"}),
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="right"),
            None,
        ],
        "tree": [StrOptions({"regression", "classification"})],
        "margin": [Interval(Real, None, None, closed="neither")],
        "max_depth": [Interval(Integral, 1, None, closed="left"), None],
        "min_leaf_size": [Interval(Integral, 1, None, closed="left")],
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "n_permutations": [Interval(Integral, 0, None, closed="left")],
        "complexity": [Interval(Real, 0, None, closed="left")],
        **LeafEffects._parameter_constraints,
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        *,
        n_estimators=100,
        min_samples_leaf=5,
        max_features=1 / 3,
        tree="regression",
        margin=0.0,
        max_depth=3,
        min_leaf_size=20,
        alpha=0.05,
        n_permutations=99,
        complexity=0.0,
        output="effect",
        greater_is_better=True,
        control=None,
        random_state=None,
        n_jobs=None,
    ):
        self.n_estimators = n_estimators
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.tree = tree
        self.margin = margin
        self.max_depth = max_depth
        self.min_leaf_size = min_leaf_size
        self.alpha = alpha
        self.n_permutations = n_permutations
        self.complexity = complexity
        self.output = output
        self.greater_is_better = greater_is_better
        self.control = control
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _fit(self, cases, units, matrix):
        """Predict the twins, tune the penalty, and fit the tree."""
        rank = math.ceil((1 - self.alpha) * (self.n_permutations + 1) - 1e-9)
        if 0 < self.n_permutations < rank:
            raise ValueError(
                f"n_permutations={self.n_permutations} cannot hold alpha={self.alpha}, "
                f"expected at least {math.ceil(1 / self.alpha - 1 - 1e-9)}, or 0 for "
                "no tuning."
            )
        matrix = matrix.astype(_PRECISION)
        rng = check_random_state(self.random_state)
        seeds = rng.randint(np.iinfo(np.int32).max, size=self.n_permutations + 2)
        outcome, arms = units.value, units.arms
        self.effect_ = mean_effect(outcome, arms)
        self.twin_effects_ = self._twins(matrix, outcome, arms, seeds[0])
        self.complexity_, self.p_value_ = self.complexity, math.nan
        if self.n_permutations:
            draws = _NullTrials(units, self.effect_, int(seeds[1]))
            null = Parallel(n_jobs=self.n_jobs)(
                delayed(_last_penalty)(self, matrix, draws, b, seed)
                for b, seed in enumerate(seeds[2:])
            )
            own = self._grow(matrix, self.twin_effects_, self.effect_, 0.0)[1]
            self.complexity_ = float(np.sort(null)[rank - 1])
            reached = np.count_nonzero(np.asarray(null) >= own)
            self.p_value_ = float((1 + reached) / (1 + self.n_permutations))
        tree, _ = self._grow(matrix, self.twin_effects_, self.effect_, self.complexity_)
        self.tree_ = tree.tree_
        leaf = self._leaves(matrix)
        self.leaves_ = leaf_table(self.tree_, self.matrix_.names, leaf, outcome, arms)
        self.leaf_effects_ = np.full(self.tree_.node_count, np.nan)
        for node in self.leaves_.index:
            self.leaf_effects_[node] = self.twin_effects_[leaf == node].mean()
        self.leaves_["predicted"] = self.leaf_effects_[self.leaves_.index]

    def _leaves(self, matrix):
        return self.tree_.apply(np.ascontiguousarray(matrix, dtype=_PRECISION))

    def _twins(self, matrix, outcome, arms, seed):
        """Difference of the predictions under either arm, out of bag."""
        forest = RandomForestRegressor(
            self.n_estimators,
            min_samples_leaf=self.min_samples_leaf,
            max_features=self.max_features,
            random_state=int(seed),
        )
        if len(arms) == 1:
            forest.fit(matrix, outcome)
            return _out_of_bag(forest, [matrix])[0]
        forest.fit(_with_arm(matrix, arms[0]), outcome)
        twins = [_with_arm(matrix, np.full(len(matrix), arm)) for arm in (True, False)]
        drug, control = _out_of_bag(forest, twins)
        return drug - control

    def _grow(self, matrix, effects, overall, penalty):
        """The second tree and the penalty at which it loses its last split."""
        target = effects
        if self.tree == "classification":
            target = (effects > overall + self.margin).astype(float)
        tree = DecisionTreeRegressor(
            max_depth=self.max_depth,
            min_samples_leaf=self.min_leaf_size,
            ccp_alpha=penalty,
            random_state=0,
        )
        tree.fit(matrix, target)
        last = 0.0
        if not penalty:
            last = tree.cost_complexity_pruning_path(matrix, target).ccp_alphas[-1]
        return tree, last


class _NullTrials:
    """Permuted trials in which everyone has the same effect.

    Parameters
    ----------
    units : Units
    effect : float
        Overall effect.
    seed : int
    """

    def __init__(self, units, effect, seed):
        self.effect, self.has_arms = effect, units.has_arms
        outcome = units.outcome
        if self.has_arms:
            outcome = outcome - effect * units.arms[0]
        self.permutations = Permutations(replace(units, outcome=outcome), seed)

    def __getitem__(self, b):
        """Outcomes and arms of trial `b`."""
        labels = Labels(*self.permutations[b])
        outcome, arms = labels.outcome, labels.arms
        if self.has_arms:
            outcome = outcome + self.effect * arms[0]
        return outcome, arms


def _last_penalty(estimator, matrix, draws, b, seed):
    """Penalty at which the tree of a permuted trial loses its last split."""
    outcome, arms = draws[b]
    effects = estimator._twins(matrix, outcome, arms, seed)
    return estimator._grow(matrix, effects, mean_effect(outcome, arms), 0.0)[1]


def _with_arm(matrix, treated):
    """Columns X, T and X * T."""
    arm = np.asarray(treated, dtype=matrix.dtype)[:, None]
    return np.hstack([matrix, arm, matrix * arm])


def _out_of_bag(forest, tables):
    """Predictions for each table, of each row by the trees that did not see it."""
    n = len(tables[0])
    seen = np.zeros(n)
    total = np.zeros((len(tables), n))
    everywhere = np.zeros_like(total)
    for tree, chosen in zip(forest.estimators_, forest.estimators_samples_):
        out = np.ones(n, bool)
        out[chosen] = False
        seen += out
        for i, table in enumerate(tables):
            predicted = tree.tree_.predict(table)[:, 0]
            everywhere[i] += predicted
            total[i, out] += predicted[out]
    # With few trees some rows were seen by all of them.
    everywhere /= len(forest.estimators_)
    return np.where(seen > 0, total / np.maximum(seen, 1), everywhere)
