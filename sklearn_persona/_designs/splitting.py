"""Assigns whole groups to parts that are balanced within strata.

Everything here knows integer arrays with one entry per group. A group's stratum
says which labels its rows carry; the numbering of the strata matters only in that
neighbors are similar, which lets the margins (an arm, an outcome) stay balanced
where a single stratum leaves a remainder.
"""

import numpy as np

from sklearn_persona._data.labels import encode_labels

__all__ = [
    "group_strata",
    "stratified_group_folds",
    "stratified_group_split",
]


def group_strata(groups, *labels):
    """Find the stratum of every group from the labels of its rows.

    A group's stratum is the set of distinct labels among its rows: in a crossover,
    participants with both arms share one stratum, those who left after the control
    period another. Further label columns refine the strata jointly.

    Parameters
    ----------
    groups : array-like of shape (n_samples,)
        The group of every row.
    *labels : array-like of shape (n_samples,)
        Label columns, the most important one first (arm, then outcome or site).
        Without any, all groups are in one stratum.

    Returns
    -------
    strata : ndarray of shape (n_groups,), dtype=intp
        Strata numbered from 0 without gaps, by group in the sorted order of the
        distinct groups. The groups that agree in the first columns have consecutive
        numbers.

    Raises
    ------
    ValueError
        If a group or a label is missing or lengths differ.

    Examples
    --------
    >>> from sklearn_persona._designs.splitting import group_strata
    >>> participant = [1, 1, 2, 2, 3, 4]
    >>> arm = ["k", "s", "s", "k", "s", "k"]
    >>> group_strata(participant, arm).tolist()
    [1, 1, 2, 0]
    """
    groups, distinct = encode_labels(groups, "groups")
    strata = np.zeros(len(distinct), dtype=np.intp)
    joint = np.zeros(len(groups), dtype=np.intp)
    for column in labels:
        codes, classes = encode_labels(column, "labels")
        if len(codes) != len(groups):
            raise ValueError(
                f"labels have {len(codes)} rows and groups {len(groups)}, expected "
                "the same number. Pass one label a row."
            )
        joint = _renumber(joint * len(classes) + codes)
        sets = _label_sets(groups, joint, len(distinct))
        n_sets = sets.max(initial=-1) + 1
        # Every other stratum counts its refinements backwards (A0, A1, B1, B0), so
        # that equal values of the second column also sit next to each other.
        refined = np.where(strata % 2 == 1, n_sets - 1 - sets, sets)
        strata = _renumber(strata * n_sets + refined)
    return strata


def _renumber(keys):
    return np.unique(keys, return_inverse=True)[1]


def _label_sets(groups, labels, n_groups):
    """Number the distinct sets of labels that the groups' rows carry."""
    n_labels = labels.max(initial=-1) + 1
    owner, label = np.divmod(np.unique(groups * n_labels + labels), max(n_labels, 1))
    size = np.bincount(owner, minlength=n_groups)
    start = np.cumsum(size) - size
    sets = np.zeros(n_groups, dtype=np.intp)
    for position in range(size.max(initial=0)):
        more = np.flatnonzero(size > position)
        key = sets * (n_labels + 1)
        key[more] += label[start[more] + position] + 1
        sets = _renumber(key)
    return sets


def _order_by_stratum(strata, rng):
    """Positions of the groups sorted by stratum, at random inside a stratum."""
    if rng is None:
        return np.argsort(strata, kind="stable")
    shuffled = rng.permutation(len(strata))
    return shuffled[np.argsort(strata[shuffled], kind="stable")]


def stratified_group_split(strata, size, rng):
    """Draw a holdout of whole groups, each stratum giving its share.

    Parameters
    ----------
    strata : array-like of int of shape (n_groups,)
        The stratum of every group; see :func:`group_strata`.
    size : float
        Share of the groups in the holdout, between 0 and 1.
    rng : numpy.random.RandomState or numpy.random.Generator
        Source of the random draws.

    Returns
    -------
    holdout : ndarray of shape (n_groups,), dtype=bool
        True for ``round(size * n_groups)`` groups, at least one and not all if there
        are two groups or more. A stratum's count is its share rounded up or down, by
        largest remainder. Of strata with equal remainders a random, evenly spaced
        choice is rounded up, so that they do not all lie in one arm.

    Raises
    ------
    ValueError
        If `size` is not strictly between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_persona._designs.splitting import stratified_group_split
    >>> strata = np.array([0, 0, 0, 0, 1, 1])
    >>> holdout = stratified_group_split(strata, 0.5, np.random.RandomState(0))
    >>> np.bincount(strata[holdout]).tolist()
    [2, 1]
    """
    if not 0 < size < 1:
        raise ValueError(
            f"The holdout's share is {size!r}, expected a number strictly between 0 "
            "and 1, e.g. 0.5."
        )
    strata = _renumber(np.asarray(strata))
    n_groups = len(strata)
    n_holdout = round(size * n_groups)
    if n_groups >= 2:
        n_holdout = min(max(n_holdout, 1), n_groups - 1)
    if n_holdout == 0:
        return np.zeros(n_groups, dtype=bool)

    # Integers, so that equal remainders are equal.
    in_stratum = np.bincount(strata)
    quota, remainder = np.divmod(in_stratum * n_holdout, n_groups)
    n_left = n_holdout - int(quota.sum())
    if n_left:
        threshold = np.sort(remainder)[-n_left]
        quota[remainder > threshold] += 1
        tied = np.flatnonzero(remainder == threshold)
        n_left = n_holdout - int(quota.sum())
        steps = (np.arange(n_left) + rng.random()) * len(tied) / n_left
        quota[tied[np.minimum(steps.astype(np.intp), len(tied) - 1)]] += 1

    order = _order_by_stratum(strata, rng)
    start = np.cumsum(in_stratum) - in_stratum
    sorted_strata = strata[order]
    position = np.arange(n_groups) - start[sorted_strata]
    holdout = np.zeros(n_groups, dtype=bool)
    holdout[order] = position < quota[sorted_strata]
    return holdout


def stratified_group_folds(strata, n_splits, rng=None, sizes=None):
    """Assign whole groups to folds, each stratum spread evenly.

    Parameters
    ----------
    strata : array-like of int of shape (n_groups,)
        The stratum of every group; see :func:`group_strata`.
    n_splits : int
        Number of folds, from 1 to the number of groups.
    rng : numpy.random.RandomState, numpy.random.Generator or None, default=None
        Source of the random draws. None keeps the order of the groups.
    sizes : array-like of shape (n_groups,), default=None
        Rows of every group. If given, the numbers of rows are balanced as well, as
        far as the strata allow; larger groups are dealt first.

    Returns
    -------
    folds : ndarray of shape (n_groups,), dtype=intp
        Fold of every group. The numbers of groups in two folds differ by at most one
        in every stratum, in every run of consecutive strata and overall.

    Raises
    ------
    ValueError
        If `n_splits` is below 1 or above the number of groups.

    Examples
    --------
    >>> from sklearn_persona._designs.splitting import stratified_group_folds
    >>> stratified_group_folds([0, 0, 0, 1, 1, 1], 3).tolist()
    [0, 1, 2, 0, 1, 2]
    """
    strata = np.asarray(strata)
    n_groups = len(strata)
    if not 1 <= n_splits <= n_groups:
        raise ValueError(
            f"n_splits={n_splits} folds were asked for, expected 1 to {n_groups}, the "
            "number of groups. Lower n_splits."
        )
    order = _order_by_stratum(strata, rng)
    # Dealing in turn through all strata bounds every run of consecutive strata; a
    # restart at each stratum would pile the remainders onto the first folds.
    turn = np.arange(n_groups) % n_splits
    folds = np.empty(n_groups, dtype=np.intp)
    folds[order] = turn
    if sizes is not None:
        _balance_rows(folds, strata, order, turn, n_splits, np.asarray(sizes))
    if rng is not None:
        folds = rng.permutation(n_splits)[folds]
    return folds


def _balance_rows(folds, strata, order, turn, n_splits, sizes):
    """Deal anew inside every stratum, the largest group to the lightest fold.

    The number of groups that each fold gets from a stratum stays as in `turn`.
    """
    load = np.zeros(n_splits)
    edges = np.flatnonzero(np.diff(strata[order])) + 1
    for start, stop in zip(
        np.concatenate([[0], edges]), np.concatenate([edges, [len(order)]]), strict=True
    ):
        members = order[start:stop]
        weight = sizes[members]
        if weight.min() == weight.max():
            load += weight[0] * np.bincount(turn[start:stop], minlength=n_splits)
            continue
        members = members[np.argsort(-weight, kind="stable")]
        full = len(members) - len(members) % n_splits
        for block in members[:full].reshape(-1, n_splits):
            lightest = np.argsort(load, kind="stable")
            folds[block] = lightest
            load[lightest] += sizes[block]
        rest = members[full:]
        extra = turn[start : start + len(rest)]
        extra = extra[np.argsort(load[extra], kind="stable")]
        folds[rest] = extra
        load[extra] += sizes[rest]
