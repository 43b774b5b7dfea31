"""Growing and pruning of effect trees in numpy.

The criterion of a node is ``n (effect^2 - (1 + r) variance)``: the gain of giving it
an effect of its own minus the cost of estimating that effect, the honest criterion of
Athey and Imbens (2016). ``r`` is the size of the sample that chooses splits over that
of the sample that estimates effects; an adaptive tree has no such cost.
"""

from dataclasses import dataclass

import numpy as np

__all__ = [
    "EffectTree",
    "Sample",
    "arm_sums",
    "grow",
    "node_criterion",
    "prune_path",
    "pruned",
]

# Largest array in the search for a split.
_BLOCK = 2_000_000


@dataclass(frozen=True)
class Sample:
    """Units of a tree.

    Attributes
    ----------
    matrix : ndarray of float, shape (n, p)
        NaN where missing.
    outcome : ndarray of float, shape (n,)
    arms : ndarray of bool, shape (n_arms, n)
        The treated first; one row, all True, for one-sample units.
    """

    matrix: np.ndarray
    outcome: np.ndarray
    arms: np.ndarray

    def __len__(self):
        return len(self.outcome)

    def take(self, rows):
        """The units of some rows."""
        return Sample(self.matrix[rows], self.outcome[rows], self.arms[:, rows])


@dataclass(frozen=True)
class EffectTree:
    """A binary tree as arrays named like those of scikit-learn; node 0 is the root.

    Attributes
    ----------
    children_left, children_right, feature : ndarray of int, shape (n_nodes,)
        -1 at a leaf.
    threshold : ndarray of float, shape (n_nodes,)
        ``x <= threshold`` goes left.
    missing_go_to_left : ndarray of bool, shape (n_nodes,)
    criterion : ndarray of float, shape (n_nodes,)
        Criterion of the node itself, per unit of the whole sample.
    """

    children_left: np.ndarray
    children_right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    missing_go_to_left: np.ndarray
    criterion: np.ndarray

    @property
    def n_leaves(self):
        """Number of leaves."""
        return len(self.leaves())

    def leaves(self):
        """Leaves that can be reached from the root, in depth-first order."""
        return [node for node in self.order() if self.children_left[node] < 0]

    def order(self):
        """Nodes that can be reached from the root, each before its children."""
        out, stack = [], [0]
        while stack:
            node = stack.pop()
            out.append(node)
            if self.children_left[node] >= 0:
                stack += [self.children_right[node], self.children_left[node]]
        return out

    def apply(self, matrix):
        """Leaf of each row of a matrix of shape (n, p)."""
        leaf = np.zeros(len(matrix), dtype=np.intp)
        for node in self.order():
            if self.children_left[node] < 0:
                continue
            rows = np.flatnonzero(leaf == node)
            left = goes_left(
                matrix[rows, self.feature[node]],
                self.threshold[node],
                self.missing_go_to_left[node],
            )
            leaf[rows] = np.where(
                left, self.children_left[node], self.children_right[node]
            )
        return leaf

    def collapsed(self, nodes):
        """The tree with these nodes turned into leaves."""
        nodes = np.asarray(nodes, dtype=np.intp)
        arrays = []
        for values in (self.children_left, self.children_right, self.feature):
            values = values.copy()
            values[nodes] = -1
            arrays.append(values)
        return EffectTree(
            *arrays, self.threshold, self.missing_go_to_left, self.criterion
        )

    def compact(self):
        """The tree without unreachable nodes, renumbered from the root."""
        order = np.array(self.order())
        number = np.full(len(self.feature), -1)
        number[order] = np.arange(len(order))
        children = []
        for values in (self.children_left, self.children_right):
            values = values[order]
            children.append(np.where(values < 0, -1, number[values]))
        return EffectTree(
            *children,
            self.feature[order],
            self.threshold[order],
            self.missing_go_to_left[order],
            self.criterion[order],
        )


def goes_left(values, threshold, missing_left):
    """Which values go to the left of a split."""
    return np.where(np.isnan(values), missing_left, values <= threshold)


def grow(sample, *, min_arm_size, max_depth, ratio):
    """Grow a tree to full size.

    Parameters
    ----------
    sample : Sample
        Its outcomes should have a mean of zero in each arm, so that the effect of a
        leaf is its difference from the overall effect.
    min_arm_size : int
        Smallest number of units of each arm in a leaf.
    max_depth : int or None
    ratio : float or None
        Size of this sample over that of the estimating one; None means no cost.

    Returns
    -------
    tree : EffectTree
    """
    cost = 0.0 if ratio is None else 1.0 + ratio
    nodes, stack = [], [(np.arange(len(sample)), 0, None, 0)]
    while stack:
        rows, depth, parent, side = stack.pop()
        node = len(nodes)
        if parent is not None:
            nodes[parent][side] = node
        criterion = node_criterion(arm_sums(sample, rows), cost)
        split = None
        if max_depth is None or depth < max_depth:
            split = _best_split(sample, rows, min_arm_size, cost)
        if split is None:
            nodes.append([-1, -1, -1, np.nan, False, criterion])
            continue
        feature, threshold, missing_left = split
        nodes.append([-1, -1, feature, threshold, missing_left, criterion])
        left = goes_left(sample.matrix[rows, feature], threshold, missing_left)
        stack.append((rows[~left], depth + 1, node, 1))
        stack.append((rows[left], depth + 1, node, 0))
    columns = list(zip(*nodes, strict=True))
    dtypes = (np.intp, np.intp, np.intp, float, bool, float)
    arrays = [np.array(c, dtype=d) for c, d in zip(columns, dtypes, strict=True)]
    arrays[-1] = arrays[-1] / len(sample)
    return EffectTree(*arrays)


def arm_sums(sample, rows):
    """Number, sum and sum of squares of the outcomes in each arm."""
    y = sample.outcome[rows]
    return [
        (arm.sum(), y[arm].sum(), (y[arm] ** 2).sum()) for arm in sample.arms[:, rows]
    ]


def node_criterion(arms, cost):
    """Criterion from the sums of each arm, which may be arrays of any shape."""
    effect, variance, size = 0.0, 0.0, 0
    with np.errstate(invalid="ignore", divide="ignore"):
        for sign, (n, total, squares) in zip((1, -1), arms):
            mean = total / n
            spread = np.maximum(squares - total * mean, 0.0) / np.maximum(n - 1, 1)
            effect = effect + sign * mean
            variance = variance + spread / n
            size = size + n
        return size * (effect**2 - cost * variance)


def _best_split(sample, rows, min_arm_size, cost):
    """Best (feature, threshold, missing_left), or None if no split is allowed."""
    p = sample.matrix.shape[1]
    block = max(1, _BLOCK // max(len(rows), 1))
    best, found = -np.inf, None
    for start in range(0, p, block):
        values = sample.matrix[rows, start : start + block]
        criterion, where = _scan(sample, rows, values, min_arm_size, cost)
        if criterion > best:
            j, threshold, missing_left = where
            best, found = criterion, (start + j, threshold, missing_left)
    return found


def _scan(sample, rows, values, min_arm_size, cost):
    """Largest sum of the children's criteria over splits of columns, and where."""
    order = np.argsort(values, axis=0, kind="stable")  # NaN last
    ranked = np.take_along_axis(values, order, axis=0)
    y = sample.outcome[rows]
    below = [
        [np.cumsum(column[order], axis=0) for column in (arm, arm * y, arm * y * y)]
        for arm in sample.arms[:, rows] * 1.0
    ]
    known = np.count_nonzero(~np.isnan(values), axis=0)
    last = np.maximum(known - 1, 0)[None, :]
    # A split lies between two different values; comparisons with NaN are false.
    possible = ranked[:-1] < ranked[1:]
    if not possible.any():
        return -np.inf, None
    best, where = -np.inf, None
    for missing_left in (False, True):
        if missing_left:
            incomplete = known < len(rows)
            if not incomplete.any():
                break
        left, right, allowed = [], [], possible.copy()
        for sums in below:
            inside, outside = [], []
            for total in sums:
                part = total[:-1]
                if missing_left:
                    part = part + total[-1:] - np.take_along_axis(total, last, axis=0)
                inside.append(part)
                outside.append(total[-1:] - part)
            allowed &= (inside[0] >= min_arm_size - 0.5) & (
                outside[0] >= min_arm_size - 0.5
            )
            left.append(inside)
            right.append(outside)
        if missing_left:
            allowed &= incomplete[None, :]
        if not allowed.any():
            continue
        criterion = node_criterion(left, cost) + node_criterion(right, cost)
        criterion = np.where(allowed, criterion, -np.inf).T
        j, i = np.unravel_index(np.argmax(criterion), criterion.shape)
        if criterion[j, i] > best:
            best = criterion[j, i]
            low, high = ranked[i, j], ranked[i + 1, j]
            middle = low + (high - low) / 2
            where = (int(j), float(middle if middle < high else low), missing_left)
    return best, where


def prune_path(tree):
    """Prune at the weakest link (Breiman et al. 1984) until the root is left.

    Returns
    -------
    penalties : list of float
        Increasing penalties per leaf at which the next smaller subtree becomes best.
    collapses : list of int
        Node that becomes a leaf at each penalty.
    """
    penalties, collapses = [], []
    while tree.n_leaves > 1:
        order = tree.order()
        criterion = dict.fromkeys(order, 0.0)
        leaves = dict.fromkeys(order, 1)
        for node in reversed(order):
            left, right = tree.children_left[node], tree.children_right[node]
            if left < 0:
                criterion[node] = tree.criterion[node]
            else:
                criterion[node] = criterion[left] + criterion[right]
                leaves[node] = leaves[left] + leaves[right]
        inner = [node for node in order if tree.children_left[node] >= 0]
        gain = [(criterion[n] - tree.criterion[n]) / (leaves[n] - 1) for n in inner]
        weakest = int(np.argmin(gain))
        penalties.append(max(gain[weakest], penalties[-1] if penalties else -np.inf))
        collapses.append(inner[weakest])
        tree = tree.collapsed([inner[weakest]])
    return penalties, collapses


def pruned(tree, penalty, path=None):
    """The best subtree at a penalty per leaf."""
    penalties, collapses = prune_path(tree) if path is None else path
    nodes = [node for p, node in zip(penalties, collapses) if p <= penalty]
    return tree.collapsed(nodes) if nodes else tree
