"""Stability of the weights of a classifier over refits."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state
from sklearn.utils.parallel import Parallel, delayed

from sklearn_persona._data.checks import as_count
from sklearn_persona._data.labels import encode_labels
from sklearn_persona.baselines._imaging.refitting import (
    fit_clone,
    folds_of_rows,
    shuffled_labels,
)
from sklearn_persona.inference import max_statistic_pvalues

__all__ = ["region_stability"]


def region_stability(
    estimator,
    X,
    y,
    *,
    groups=None,
    sites=None,
    families=None,
    n_splits=10,
    n_repeats=1,
    n_permutations=200,
    random_state=None,
    n_jobs=None,
):
    """Test the weights of regions over folds by permutation of the outcome.

    The classifier is refitted on the training part of each fold, including its choice
    of parameters. Folds share most of their cases, so many weights keep their sign
    even in noise. Refits to permuted outcomes show how much consistency is due to
    chance.

    Parameters
    ----------
    estimator : StructuralMRISVC or similar
        Its fits have ``coef_`` of shape (1, n_regions), ``patterns_`` and
        ``region_names_``.
    X : array-like or DataFrame of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
        Two classes.
    groups : array-like of shape (n_samples,), default=None
        Participant of each row; participants are kept whole.
    sites : array-like of shape (n_samples,), default=None
        Site of each row. Sites are balanced over folds; outcomes are permuted within
        sites.
    families : mapping or callable, default=None
        Maps the name of a region to its family, such as a lobe; regions that are
        missing or map to None are left out. The table then has the mean weights of
        families.
    n_splits, n_repeats : int, default=10, 1
        Number of folds and of repeats with newly drawn folds.
    n_permutations : int, default=200
        Permutations, each with ``n_splits * n_repeats`` fits; 0 skips the tests.
    random_state : int, RandomState instance or None, default=None
    n_jobs : int, default=None
        Number of permutations in parallel. Results do not depend on it.

    Returns
    -------
    table : DataFrame
        A row per region or family:

        weight : float
            Mean over folds of the weights, scaled to length 1.
        pattern : float
            Mean over folds of the patterns (Haufe et al. 2014), -1 to 1.
        sign_consistency : float
            Share of folds with the sign of the mean pattern.
        p_weight, p_pattern, p_consistency : float
            Two-sided and family-wise over the rows, by the largest statistic in each
            permutation. Weights and patterns are in units of their root mean square
            over the permutations.

    Raises
    ------
    ValueError
        If y does not have two classes or a count is not positive.

    Notes
    -----
    The tests ask which regions contribute more to the classifier than others. If all
    regions carry the signal equally, none stands out; use `families`, or look at the
    balanced accuracy.

    References
    ----------
    .. [1] Nichols, T. E. & Holmes, A. P. (2002). Nonparametric permutation tests for
       functional neuroimaging: a primer with examples. Human Brain Mapping 15, 1-25.

    Examples
    --------
    >>> from sklearn_persona.baselines import StructuralMRISVC, region_stability
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(
    ...     n_samples=300, binary=True, effect=0, prognostic=3.0, random_state=0
    ... )
    >>> table = region_stability(
    ...     StructuralMRISVC(C_grid=[0.01], inner_cv=2), trial.data, trial.target,
    ...     n_splits=3, n_permutations=19, random_state=0,
    ... )
    >>> sorted(table.pattern.nlargest(3).index)
    ['x7', 'x8', 'x9']
    """
    for name, value, least in (
        ("n_splits", n_splits, 2),
        ("n_repeats", n_repeats, 1),
        ("n_permutations", n_permutations, 0),
    ):
        as_count(name, value, minimum=least)
    codes, classes = encode_labels(y, "y")
    if len(classes) != 2:
        raise ValueError(f"y must have two classes, got {len(classes)}.")
    participants = np.arange(len(codes))
    if groups is not None:
        participants, _ = encode_labels(groups, "groups")
    site_codes = np.zeros(len(codes), int)
    if sites is not None:
        site_codes, _ = encode_labels(sites, "sites")
    rng = check_random_state(random_state)
    seeds = rng.randint(np.iinfo(np.int32).max, size=n_permutations + 1)

    def outcomes(b):
        if b == 0:
            return classes[codes]
        rng = np.random.RandomState(seeds[b])
        return classes[shuffled_labels(codes, participants, site_codes, rng)]

    # Folds are balanced by the permuted outcomes, like those of the observed ones.
    fits = Parallel(n_jobs=n_jobs)(
        delayed(_refit)(
            estimator,
            X,
            outcomes(b),
            participants,
            site_codes,
            n_splits,
            n_repeats,
            seed,
        )
        for b, seed in enumerate(seeds)
    )
    rows, average = _families(fits[0][-1], families)
    statistics = [_statistics(w @ average, p @ average) for w, p, _ in fits]
    table = pd.DataFrame(statistics[0], index=pd.Index(rows, name="region"))
    for name, p_name in (
        ("weight", "p_weight"),
        ("pattern", "p_pattern"),
        ("sign_consistency", "p_consistency"),
    ):
        table[p_name] = np.nan
        if n_permutations:
            values = np.array([s[name] for s in statistics])
            if name != "sign_consistency":
                values = _studentized(values)
            null = values[1:].max(axis=1)
            table[p_name] = max_statistic_pvalues(values[0], null)
    return table


def _refit(estimator, X, y, participants, site_codes, n_splits, n_repeats, seed):
    """Weights and patterns of every fold, each (n_fits, n_regions), and names."""
    rng = np.random.RandomState(seed)
    weights, patterns = [], []
    for _ in range(n_repeats):
        fold = folds_of_rows(y, participants, site_codes, n_splits, rng)
        for k in range(fold.max() + 1):
            train = np.flatnonzero(fold != k)
            model = fit_clone(estimator, X, y, participants, train, rng)
            length = np.linalg.norm(model.coef_[0])
            weights.append(model.coef_[0] / (length if length > 0 else 1.0))
            patterns.append(model.patterns_)
    return np.array(weights), np.array(patterns), model.region_names_


def _families(names, families):
    """Names of the rows and the matrix that averages regions into them."""
    if families is None:
        return list(names), np.eye(len(names))
    if isinstance(families, Mapping):
        families = families.get
    elif not callable(families):
        raise TypeError(
            "families must map region names to families or be callable, got "
            f"{type(families).__name__}."
        )
    found = [families(name) for name in names]
    rows = sorted({family for family in found if family is not None})
    if not rows:
        raise ValueError(
            f"families has none of the {len(names)} regions, first {names[0]!r}. Use "
            "column names."
        )
    member = np.array([[f == row for row in rows] for f in found], dtype=float)
    return rows, member / member.sum(axis=0)


def _statistics(weights, patterns):
    pattern = patterns.mean(axis=0)
    return {
        "weight": weights.mean(axis=0),
        "pattern": pattern,
        "sign_consistency": (np.sign(patterns) == np.sign(pattern)).mean(axis=0),
    }


def _studentized(values):
    """Absolute values in units of their root mean square over all rows."""
    spread = np.sqrt((values**2).mean(axis=0))
    return np.abs(values) / np.where(spread > 0, spread, np.inf)
