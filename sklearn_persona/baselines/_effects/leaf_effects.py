"""Base class and table of estimators with a treatment effect in each leaf."""

import math
from typing import ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from sklearn_persona._data.roles import requested
from sklearn_persona._data.routing import require_treatment
from sklearn_persona._designs import make_units, pooled_sd, read_cases, resolve_design
from sklearn_persona.baselines._features import FeatureMatrix, read_features
from sklearn_persona.exceptions import SingleArmWarning, warn_caller
from sklearn_persona.inference import mean_interval, welch_interval
from sklearn_persona.metrics import mean_effect, targeting_gain

__all__ = ["LeafEffects", "leaf_table"]


class LeafEffects(BaseEstimator):
    """Base class of trees whose leaves have treatment effects.

    A subclass defines ``_fit(cases, units, matrix)``, which sets `tree_` and
    `leaf_effects_`, and ``_leaves(matrix)``.
    """

    _parameter_constraints: ClassVar = {
        "output": [StrOptions({"effect", "persona"})],
        "greater_is_better": ["boolean"],
        "control": "no_validation",
        "random_state": ["random_state"],
    }

    __metadata_request__fit: ClassVar = requested("fit")
    __metadata_request__score: ClassVar = requested("score")

    def fit(self, X, y, *, treatment=None, groups=None, period=None, strata=None):
        """Fit the tree.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Baseline variables: numbers, NaN if missing; a DataFrame may also hold
            categories.
        y : array-like of shape (n_samples,)
            Outcome, continuous or binary.
        treatment : array-like of shape (n_samples,), default=None
            Arm of each case, two labels. None: a single arm.
        groups : array-like of shape (n_samples,), default=None
            Participant of each case; participants are kept whole.
        period : array-like of shape (n_samples,), default=None
            Period of each case of a crossover, two values.
        strata : array-like of shape (n_samples,), default=None
            Halves are balanced over strata, and permutations stay within them.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            If the input cannot be analyzed.
        """
        self._validate_params()
        cases, units, matrix = self._read(X, y, treatment, groups, period, strata)
        if not self.two_arm_:
            warn_caller(
                "No treatment was given: the tree describes the outcome, not a "
                "treatment effect.",
                SingleArmWarning,
            )
        self._fit(cases, units, matrix)
        return self

    def predict(self, X):
        """Effect of treatment in the leaf of each case.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)

        Returns
        -------
        prediction : ndarray of shape (n_samples,)
            That of `predict_effect` with ``output="effect"``, that of
            `predict_persona` with ``output="persona"``.
        """
        if self.output == "persona":
            return self.predict_persona(X)
        return self.predict_effect(X)

    def predict_effect(self, X):
        """Effect of treatment in the leaf of each case, in units of the outcome.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)

        Returns
        -------
        effect : ndarray of float, shape (n_samples,)
            Treated minus control, positive for benefit; for a single arm the mean
            outcome, oriented so that larger is better.
        """
        leaf = self.apply(X)
        return self.leaf_effects_[leaf]

    def predict_persona(self, X):
        """Mark the cases in the leaves with the largest and the smallest effect.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)

        Returns
        -------
        prediction : ndarray of int, shape (n_samples,)
            1 in the leaf with the largest effect, -1 in the leaf with the smallest,
            0 elsewhere and in a tree without splits, as in `metrics.targeting_gain`.
        """
        leaf = self.apply(X)
        ids = np.flatnonzero(np.asarray(self.tree_.children_left) < 0)
        effects = self.leaf_effects_[ids]
        prediction = np.zeros(len(leaf), dtype=int)
        if len(ids) > 1 and effects.max() > effects.min():
            prediction[leaf == ids[np.argmax(effects)]] = 1
            prediction[leaf == ids[np.argmin(effects)]] = -1
        return prediction

    def apply(self, X):
        """Leaf of each case.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)

        Returns
        -------
        leaf : ndarray of int, shape (n_samples,)
            Node number, an index of `leaves_`.
        """
        check_is_fitted(self)
        return self._leaves(self.matrix_(read_features(self, X, reset=False)))

    def score(
        self,
        X,
        y,
        *,
        treatment=None,
        groups=None,
        period=None,
        strata=None,
        sample_weight=None,
    ):
        """Targeting gain of `predict_persona`, like `PersonaDiscoverer.score`.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        treatment, groups, period, strata : array-like of shape (n_samples,), optional
            `treatment` is required if the fit had it. The others are only checked;
            the gain compares cases.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of means and shares.

        Returns
        -------
        gain : float
            See `metrics.targeting_gain`.

        Raises
        ------
        ValueError
            If the fit had treatment and this call has none.
        """
        prediction = self.predict_persona(X)
        require_treatment(self, treatment)
        cases = read_cases(
            len(prediction),
            y,
            treatment=treatment if self.two_arm_ else None,
            groups=groups,
            period=period,
            strata=strata,
            control=self.control,
            arms=self.arms_ or None,
            greater_is_better=self.greater_is_better,
        )
        return targeting_gain(
            cases.outcome,
            prediction,
            cases.treated,
            sd=self.outcome_sd_,
            sample_weight=sample_weight,
        )

    def _read(self, X, y, treatment, groups, period, strata):
        """Cases, units and the matrix of the units; sets attributes of the trial."""
        columns = read_features(self, X, reset=True)
        n_rows = len(columns[0].values)
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None. Pass the outcome of each case."
            )
        cases = read_cases(
            n_rows,
            y,
            treatment=treatment,
            groups=groups,
            period=period,
            strata=strata,
            control=self.control,
            greater_is_better=self.greater_is_better,
        )
        units = make_units(resolve_design("auto", cases), cases)
        self.design_ = units.design
        self.two_arm_ = cases.two_arm
        self.arms_ = cases.arms
        self.outcome_sd_ = pooled_sd(cases.outcome, cases.treated)
        self.matrix_ = FeatureMatrix(columns)
        return cases, units, self.matrix_(columns)[units.rows]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags


def leaf_table(tree, names, leaf, outcome, arms, level=0.95):
    """Make a table with the rule, sizes, effect and interval of each leaf.

    Parameters
    ----------
    tree : object with children_left, children_right, feature, threshold
        Arrays like those of scikit-learn.
    names : sequence of str
        Names of the matrix columns.
    leaf : ndarray of int, shape (n_units,)
        Leaf of each unit used for estimation.
    outcome : ndarray of float, shape (n_units,)
    arms : ndarray of bool, shape (n_arms, n_units)
        The treated first.
    level : float
        Coverage of the interval.

    Returns
    -------
    leaves : DataFrame
        Indexed by node; columns ``rule``, ``n_treated``, ``n_control``, ``effect``,
        ``ci_low``, ``ci_high``; ``n_control`` is 0 for one-sample units.
    """
    rows, rules = {}, leaf_rules(tree, names)
    for node, rule in rules.items():
        inside = leaf == node
        samples = [outcome[inside & arm] for arm in arms]
        sizes = [len(sample) for sample in samples]
        effect, interval = math.nan, (math.nan, math.nan)
        if min(sizes):
            effect = mean_effect(outcome[inside], arms[:, inside])
            of_means = mean_interval if len(samples) == 1 else welch_interval
            interval = of_means(*samples, level)
        rows[node] = (rule, *(*sizes, 0)[:2], effect, *interval)
    columns = ["rule", "n_treated", "n_control", "effect", "ci_low", "ci_high"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    table.index.name = "leaf"
    return table


def leaf_rules(tree, names):
    """Conditions on the path to each leaf, by node."""
    rules, stack = {}, [(0, ())]
    while stack:
        node, path = stack.pop()
        left = int(tree.children_left[node])
        if left < 0:
            rules[node] = " and ".join(path) or "everyone"
            continue
        name, cut = names[int(tree.feature[node])], float(tree.threshold[node])
        stack.append((int(tree.children_right[node]), (*path, f"{name} > {cut:g}")))
        stack.append((left, (*path, f"{name} <= {cut:g}")))
    return rules
