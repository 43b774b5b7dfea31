"""Splits of a comparison, made once, checked, and shared by all estimators."""

from numbers import Integral

import numpy as np

from sklearn_persona._data.routing import consumed
from sklearn_persona.model_selection._splitters import ArmStratifiedGroupKFold

__all__ = ["make_splits"]


def make_splits(cv, n_repeats, trial, rng, shuffle):
    """Make the training and test sets.

    Parameters
    ----------
    cv : int, splitter, iterable or None
    n_repeats : int
    trial : ComparedTrial
    rng : RandomState
    shuffle : bool
        Whether folds are shuffled even if they are drawn once.

    Returns
    -------
    splits : list of (train, test)
        Arrays of row numbers.

    Raises
    ------
    ValueError
        If a participant is in both sets, an arm is missing in training, a set is
        empty, or an argument is not valid.
    """
    if not isinstance(n_repeats, Integral) or n_repeats < 1:
        raise ValueError(f"n_repeats must be an integer >= 1, got {n_repeats!r}.")
    whole = isinstance(cv, Integral) and not isinstance(cv, bool)
    if n_repeats > 1 and not (cv is None or whole):
        raise ValueError(
            f"n_repeats={n_repeats} repeats the folds of an integer cv, got {cv!r}. "
            "Pass a splitter that repeats, or a number of folds."
        )
    if cv is None or whole:
        n_splits, cvs = 5 if cv is None else int(cv), []
        for _ in range(n_repeats):
            options = {}
            if shuffle or n_repeats > 1:
                seed = int(rng.randint(np.iinfo(np.int32).max))
                options = {"shuffle": True, "random_state": seed}
            cvs.append(ArmStratifiedGroupKFold(n_splits, **options))
    elif hasattr(cv, "split") and not isinstance(cv, str):
        cvs = [cv]
    else:
        return _checked(cv, trial)
    target = trial.y if trial.labels is None else trial.labels
    splits = []
    for splitter in cvs:
        given = consumed("compare", splitter, "split", trial.metadata)
        splits += list(splitter.split(trial.features, target, **given))
    return _checked(splits, trial)


def _checked(splits, trial):
    """Splits as arrays of row numbers that share no participant."""
    arms, groups = trial.cases.arm_masks, trial.cases.groups
    n_rows, checked = len(groups), []
    try:
        pairs = [(np.asarray(train), np.asarray(test)) for train, test in splits]
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"cv must be an integer, a splitter or pairs (train, test) of row numbers, "
            f"got {splits!r:.100}."
        ) from error
    if not pairs:
        raise ValueError("cv has no splits, expected at least one.")
    for i, pair in enumerate(pairs):
        for rows, name in zip(pair, ("training", "test")):
            if rows.ndim != 1 or rows.dtype.kind not in "iu" or not len(rows):
                raise ValueError(
                    f"The {name} set of split {i} must hold row numbers, got an array "
                    f"of {rows.dtype} and shape {rows.shape}."
                )
            if rows.min() < 0 or rows.max() >= n_rows:
                raise ValueError(
                    f"The {name} set of split {i} has row numbers from {rows.min()} to "
                    f"{rows.max()}, expected 0 to {n_rows - 1}."
                )
        train, test = pair
        both = np.intersect1d(groups[train], groups[test])
        if len(both):
            labels = trial.cases.participants[both[:5]].tolist()
            raise ValueError(
                f"Split {i} has {len(both)} participant(s) in both training and test "
                f"set: {labels}. Use a splitter that keeps participants whole, such as "
                "ArmStratifiedGroupKFold."
            )
        if not all(arm[train].any() for arm in arms):
            raise ValueError(
                f"The training set of split {i} has one arm only. Use a splitter that "
                "balances arms, such as ArmStratifiedGroupKFold."
            )
        checked.append((train, test))
    return checked
