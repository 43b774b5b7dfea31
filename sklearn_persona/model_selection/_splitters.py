"""Cross-validation that keeps participants whole and the arms balanced."""

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.model_selection import BaseCrossValidator, BaseShuffleSplit
from sklearn.utils import check_random_state
from sklearn.utils.validation import _num_samples

from sklearn_persona._data.labels import encode_labels
from sklearn_persona._data.roles import requested
from sklearn_persona._designs.splitting import (
    group_strata,
    stratified_group_folds,
    stratified_group_split,
)
from sklearn_persona.exceptions import warn_caller

__all__ = ["ArmStratifiedGroupKFold", "ArmStratifiedGroupShuffleSplit"]


class _ArmStratifiedMixin:
    """Reads the labels; a subclass assigns the groups."""

    # Without these, users would have to call set_split_request, which is possible only
    # while routing is enabled.
    __metadata_request__split: ClassVar = requested("split")

    def split(self, X, y=None, groups=None, treatment=None):
        """Generate indices to split data into training and test sets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The cases; only their number is used.
        y : array-like of shape (n_samples,), default=None
            Outcome. Balanced if it has exactly two distinct values, otherwise ignored.
        groups : array-like of shape (n_samples,), default=None
            Participant of each case. None makes each case its own group.
        treatment : array-like of shape (n_samples,), default=None
            Arm of each case. None balances only a binary outcome.

        Returns
        -------
        splits : iterator of (train, test)
            Two sorted index arrays for each split.

        Raises
        ------
        ValueError
            If lengths differ, a label is missing, or there are too few groups.

        Warns
        -----
        UserWarning
            If an arm or outcome occurs in too few groups to be in every part.
        """
        n_samples = _num_samples(X)
        given = {"y": y, "groups": groups, "treatment": treatment}
        for name, values in given.items():
            if values is not None and _num_samples(values) != n_samples:
                raise ValueError(
                    f"{name} has {_num_samples(values)} rows and X has {n_samples}, "
                    f"expected the same number. Pass {name} with one value for every "
                    "row of X, in the same order."
                )
        if groups is None:
            groups = np.arange(n_samples)
        groups, participants = encode_labels(groups, "groups")
        n_groups = len(participants)
        self._check_n_groups(n_groups)

        columns = {}
        if treatment is not None:
            columns["treatment"] = encode_labels(treatment, "treatment")
        if y is not None and not (np.ndim(y) == 2 and np.shape(y)[1] > 1):
            outcome = encode_labels(y, "y")
            if len(outcome[1]) == 2:
                columns["y"] = outcome
        for name, (codes, classes) in columns.items():
            self._warn_if_scarce(name, codes, classes, groups)
        strata = group_strata(groups, *(codes for codes, _ in columns.values()))
        sizes = np.bincount(groups, minlength=n_groups)
        return (
            (np.flatnonzero(~test[groups]), np.flatnonzero(test[groups]))
            for test in self._iter_test_groups(strata, sizes)
        )

    def get_n_splits(self, X=None, y=None, groups=None, treatment=None):
        """Return the number of splits.

        Parameters
        ----------
        X : object
            Always ignored, exists for API compatibility.
        y : object
            Always ignored, exists for API compatibility.
        groups : object
            Always ignored, exists for API compatibility.
        treatment : object
            Always ignored, exists for API compatibility.

        Returns
        -------
        n_splits : int
            The number of splits.
        """
        return self.n_splits

    def _warn_if_scarce(self, name, codes, classes, groups):
        n_classes = len(classes)
        pairs = np.unique(groups * n_classes + codes)
        in_groups = np.bincount(pairs % n_classes, minlength=n_classes)
        rarest = int(np.argmin(in_groups))
        if in_groups[rarest] < self._n_parts:
            warn_caller(
                f"The rarest value of {name}, {classes[rarest]!s}, occurs in "
                f"{in_groups[rarest]} group(s), too few for each of the "
                f"{self._n_parts} parts of a split: some test or training sets lack "
                "it. Ask for fewer splits or add cases.",
                UserWarning,
            )


def _check_n_splits(n_splits, minimum):
    if isinstance(n_splits, bool) or not isinstance(n_splits, Integral):
        raise ValueError(
            f"n_splits is {n_splits!r} of type {type(n_splits).__name__}, expected an "
            f"integer of at least {minimum}."
        )
    if n_splits < minimum:
        raise ValueError(
            f"n_splits={n_splits}, expected an integer of at least {minimum}."
        )


class ArmStratifiedGroupKFold(_ArmStratifiedMixin, BaseCrossValidator):
    """K folds of whole participants, with balanced arms and binary outcomes.

    Every participant (group) is in exactly one test set. Participants are stratified
    by the set of arms in which they have cases, so that complete and incomplete
    participants of a crossover are each spread evenly, and then by the values of a
    binary outcome. The numbers of participants in two test sets differ by at most one
    in every stratum, in every set of arms and overall. If participants have different
    numbers of cases, these are balanced as far as this allows.

    Both `groups` and `treatment` are requested by default: with
    ``enable_metadata_routing=True`` it is enough to pass them in ``params`` of
    :func:`~sklearn.model_selection.cross_validate` or to ``fit`` of a grid search.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    shuffle : bool, default=False
        Whether to shuffle the participants within strata. Otherwise they are assigned
        in the sorted order of their labels, whatever the order of the rows.
    random_state : int, RandomState instance or None, default=None
        Seed of the shuffling; must be None unless ``shuffle=True``.

    See Also
    --------
    ArmStratifiedGroupShuffleSplit : Random holdouts of whole participants.
    sklearn.model_selection.StratifiedGroupKFold : Stratifies by the classes of `y`,
        which must not be continuous.

    Notes
    -----
    With one case per participant and no `treatment` this is ordinary stratification.

    Examples
    --------
    A crossover of four participants; the fourth has no second period.

    >>> import numpy as np
    >>> from sklearn_persona.model_selection import ArmStratifiedGroupKFold
    >>> participant = ["p1", "p1", "p2", "p2", "p3", "p3", "p4"]
    >>> arm = [0, 1, 1, 0, 0, 1, 0]
    >>> X = np.zeros((7, 1))
    >>> cv = ArmStratifiedGroupKFold(n_splits=2)
    >>> for train, test in cv.split(X, groups=participant, treatment=arm):
    ...     print(train, test)
    [0 1 4 5] [2 3 6]
    [2 3 6] [0 1 4 5]
    >>> cv.get_n_splits()
    2
    """

    def __init__(self, n_splits=5, *, shuffle=False, random_state=None):
        _check_n_splits(n_splits, 2)
        if not isinstance(shuffle, (bool, np.bool_)):
            raise TypeError(f"shuffle is {shuffle!r}, expected True or False.")
        if not shuffle and random_state is not None:
            raise ValueError(
                f"random_state={random_state!r} has no effect without shuffling. Pass "
                "shuffle=True, or leave random_state at None."
            )
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state

    @property
    def _n_parts(self):
        return self.n_splits

    def _check_n_groups(self, n_groups):
        if self.n_splits > n_groups:
            raise ValueError(
                f"n_splits={self.n_splits} is greater than the number of groups, "
                f"{n_groups}, and a group is never divided. Lower n_splits to "
                f"{n_groups} or less."
            )

    def _iter_test_groups(self, strata, sizes):
        rng = check_random_state(self.random_state) if self.shuffle else None
        folds = stratified_group_folds(strata, self.n_splits, rng, sizes)
        for fold in range(self.n_splits):
            yield folds == fold


class ArmStratifiedGroupShuffleSplit(_ArmStratifiedMixin, BaseShuffleSplit):
    """Random holdouts of whole participants, with balanced arms and binary outcomes.

    Splits are drawn independently. Participants (groups) are stratified by the set of
    arms in which they have cases and by the values of a binary outcome. Each stratum
    contributes its share to the test set, rounded up or down.

    Both `groups` and `treatment` are requested by default: with
    ``enable_metadata_routing=True`` it is enough to pass them in ``params`` of
    :func:`~sklearn.model_selection.cross_validate` or to ``fit`` of a grid search.

    Parameters
    ----------
    n_splits : int, default=10
        Number of random splits.
    test_size : float or int, default=None
        A float is the share of the participants in the test set, strictly between 0
        and 1, and gives at least one but not all of them. An int is their number.
        None is 0.2.
    random_state : int, RandomState instance or None, default=None
        Seed of the draws; an int gives the same splits in every call.

    See Also
    --------
    ArmStratifiedGroupKFold : Tests every participant exactly once.
    sklearn.model_selection.GroupShuffleSplit : The same without stratification.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_persona.model_selection import ArmStratifiedGroupShuffleSplit
    >>> arm = np.repeat(["drug", "placebo"], 10)
    >>> cv = ArmStratifiedGroupShuffleSplit(n_splits=2, test_size=0.4, random_state=0)
    >>> for train, test in cv.split(np.zeros((20, 1)), treatment=arm):
    ...     print(len(train), np.unique(arm[test], return_counts=True)[1])
    12 [4 4]
    12 [4 4]
    >>> cv.get_n_splits()
    2
    """

    def __init__(self, n_splits=10, *, test_size=None, random_state=None):
        _check_n_splits(n_splits, 1)
        self.n_splits = n_splits
        self.test_size = test_size
        self.random_state = random_state

    # Both the test and the training set should hold every arm.
    _n_parts = 2

    def _check_n_groups(self, n_groups):
        if n_groups < 2:
            raise ValueError(
                f"There are {n_groups} groups, expected at least 2: a group is never "
                "divided between training and test set."
            )
        self._share(n_groups)

    def _share(self, n_groups):
        size = 0.2 if self.test_size is None else self.test_size
        if isinstance(size, Integral) and not isinstance(size, bool):
            if 1 <= size < n_groups:
                return size / n_groups
        elif isinstance(size, Real) and not isinstance(size, bool) and 0 < size < 1:
            return float(size)
        raise ValueError(
            f"test_size={size!r}, expected a float strictly between 0 and 1 (a share "
            f"of the groups) or an integer from 1 to {n_groups - 1} (their number; "
            f"there are {n_groups} groups). A quarter, for example, is test_size=0.25."
        )

    def _iter_test_groups(self, strata, sizes):
        rng = check_random_state(self.random_state)
        share = self._share(len(sizes))
        for _ in range(self.n_splits):
            yield stratified_group_split(strata, share, rng)
