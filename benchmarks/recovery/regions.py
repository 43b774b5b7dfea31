"""What the contestants share: units of analysis, and which region is *the* answer.

Trees and policies give several regions. The same rule chooses among them for every
peer: the region whose effect differs most significantly from the rest, whatever the
sign, so that an unfavorable persona has the chance of a favorable one. Of two regions
that complement each other the one whose effect is farther from the effect in all is
taken; that is the smaller one.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


@dataclass(frozen=True)
class Found:
    """What a method reports.

    Attributes
    ----------
    covers : callable
        Array of shape (n, n_features) to bool array of shape (n,).
    variables : tuple of int
        Columns of the description.
    claimed : bool or None
        Whether a subgroup with another effect is claimed, by the method's own rule;
        None when it has no such rule.
    rule : str
        The description, for reading.
    extra : dict
        Further columns of the raw results.
    """

    covers: Callable
    variables: tuple = ()
    claimed: bool | None = None
    rule: str = ""
    extra: dict = field(default_factory=dict)


def everyone(claimed=False):
    """The answer of a method that finds no subgroup to split off."""
    return Found(lambda X: np.ones(len(X), bool), (), claimed, "everyone")


def nothing():
    """No answer at all."""
    return Found(lambda X: np.zeros(len(X), bool), (), False, "nothing")


@dataclass(frozen=True)
class Units:
    """Units of analysis: cases of two arms, or differences within pairs.

    Attributes
    ----------
    X : ndarray of shape (n, n_features)
    y : ndarray of shape (n,)
        Outcome, or treated minus control adjusted for the period.
    treated : ndarray of bool, shape (n,), or None
        None for pairs.
    """

    X: np.ndarray
    y: np.ndarray
    treated: np.ndarray | None

    def take(self, rows):
        """Some of the units."""
        treated = None if self.treated is None else self.treated[rows]
        return Units(self.X[rows], self.y[rows], treated)

    def effect(self, inside):
        """Effect in a region and the variance of this estimate.

        Both are NaN when the region has fewer than two units of an arm.
        """
        if self.treated is None:
            samples = [self.y[inside]]
        else:
            samples = [self.y[inside & self.treated], self.y[inside & ~self.treated]]
        if min(len(s) for s in samples) < 2:
            return math.nan, math.nan
        means = [s.mean() for s in samples]
        variance = sum(s.var(ddof=1) / len(s) for s in samples)
        return means[0] - (means[1] if len(means) == 2 else 0.0), variance

    def contrast(self, inside):
        """z of the effect inside against the effect outside; 0 when undefined."""
        effect_in, variance_in = self.effect(inside)
        effect_out, variance_out = self.effect(~inside)
        variance = variance_in + variance_out
        if not variance > 0:
            return 0.0
        return (effect_in - effect_out) / math.sqrt(variance)


def make_units(trial):
    """Cases of a parallel trial, complete pairs of a crossover.

    Differences are freed of the period by weighting both sequences alike, the way an
    analyst of any of these methods would prepare the table.
    """
    if trial.groups is None:
        return Units(trial.X, trial.y, trial.treated)
    n = trial.groups.max() + 1
    table = np.full((n, 2), np.nan)
    table[trial.groups, trial.treated.astype(int)] = trial.y
    difference = table[:, 1] - table[:, 0]
    first = np.zeros(n, bool)
    first[trial.groups] = trial.treated ^ (trial.period == 2)
    rows = np.zeros(n, int)
    rows[trial.groups[::-1]] = np.arange(len(trial.y))[::-1]
    complete = ~np.isnan(difference)
    X, difference, first = (
        trial.X[rows][complete],
        difference[complete],
        first[complete],
    )
    gap = difference[first].mean() - difference[~first].mean()
    return Units(X, difference - np.where(first, gap, -gap) / 2, None)


def propensities(trial, units, seed):
    """Probability of treatment: the arm's share, or estimated if not randomized."""
    share = units.treated.mean()
    if trial.randomized:
        return np.full(len(units.y), share)
    model = make_pipeline(
        StandardScaler(),
        LogisticRegressionCV(
            Cs=5,
            cv=4,
            l1_ratios=(0,),
            use_legacy_attributes=False,
            scoring="neg_log_loss",
        ),
    )
    estimated = cross_val_predict(
        model, units.X, units.treated, cv=5, method="predict_proba"
    )[:, 1]
    return np.clip(estimated, 0.05, 0.95)


def transformed_outcome(trial, units, seed):
    """A number per unit whose mean in any region is the effect there.

    Modified outcome, centered at the mean of both arms, which lowers the variance;
    of pairs the difference itself.
    """
    if units.treated is None:
        return units.y
    e = propensities(trial, units, seed)
    arms = [units.y[units.treated].mean(), units.y[~units.treated].mean()]
    return (units.y - np.mean(arms)) * (units.treated - e) / (e * (1 - e))


def choose_region(regions, units):
    """Position of the answer among regions, and its z.

    Parameters
    ----------
    regions : list of ndarray of bool
        Membership of the units.
    units : Units

    Returns
    -------
    best : int or None
        None when no region has a defined contrast.
    z : float
    """
    overall, _ = units.effect(np.ones(len(units.y), bool))
    best, best_key, best_z = None, (0.0, 0.0), 0.0
    for i, inside in enumerate(regions):
        z = units.contrast(inside)
        if z == 0.0:
            continue
        # Rounded: complementary regions have the same |z| up to the last digits.
        key = (round(abs(z), 9), abs(units.effect(inside)[0] - overall))
        if key > best_key:
            best, best_key, best_z = i, key, z
    return best, best_z


@dataclass(frozen=True)
class Box:
    """A conjunction of conditions ``low < x_j <= high``."""

    limits: tuple = ()

    def refine(self, j, low=-math.inf, high=math.inf):
        """The same with one more condition, merged with those on the variable."""
        limits = dict(self.limits)
        old_low, old_high = limits.get(j, (-math.inf, math.inf))
        limits[j] = (max(low, old_low), min(high, old_high))
        return Box(tuple(sorted(limits.items())))

    def covers(self, X):
        """Rows inside."""
        inside = np.ones(len(X), bool)
        for j, (low, high) in self.limits:
            inside &= (X[:, j] > low) & (X[:, j] <= high)
        return inside

    @property
    def variables(self):
        """Columns with a condition."""
        return tuple(j for j, _ in self.limits)

    def __str__(self):
        return " & ".join(
            (f"{low:.3g}<" if abs(low) < 1e300 else "")
            + f"x{j}"
            + (f"<={high:.3g}" if abs(high) < 1e300 else "")
            for j, (low, high) in self.limits
        )


def boxes_of_tree(tree, side=None):
    """Leaves of a fitted scikit-learn tree as boxes, with their values.

    Parameters
    ----------
    tree : Tree
        Attribute ``tree_`` of an estimator.
    side : callable, default=None
        Maps a leaf's value to what is to be told apart: a node whose leaves are all on
        the same side is given as one box.

    Returns
    -------
    boxes : list of (Box, ndarray)
    """

    def visit(node, box):
        value = tree.value[node].ravel()
        if tree.children_left[node] == -1:
            return [(box, value)]
        j, cut = int(tree.feature[node]), float(tree.threshold[node])
        below = visit(tree.children_left[node], box.refine(j, high=cut))
        below += visit(tree.children_right[node], box.refine(j, low=cut))
        if side is not None and len({side(v) for _, v in below}) == 1:
            return [(box, below[0][1])]
        return below

    return visit(0, Box())


def answer(boxes, units, claim):
    """`Found` for the most different of some boxes.

    Parameters
    ----------
    boxes : list of Box
    units : Units
        By which the region is chosen.
    claim : callable
        z to bool: the method's rule for a claim.

    Returns
    -------
    found : Found
        Everyone, when there is nothing to choose from.
    """
    best, z = choose_region([box.covers(units.X) for box in boxes], units)
    if best is None or not boxes[best].limits:
        return everyone()
    box = boxes[best]
    return Found(box.covers, box.variables, bool(claim(z)), str(box))
