"""A t test for scores over splits of one data set that share training rows."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from sklearn_persona._data.checks import as_probability, as_values

__all__ = ["ResampledResult", "corrected_resampled_test"]


@dataclass(frozen=True)
class ResampledResult:
    """Result of `corrected_resampled_test`.

    Attributes
    ----------
    mean : float
        Mean over the splits, in the units of the scores.
    ci : tuple of float
        ``(low, high)``, the interval of the mean.
    statistic : float
        The t statistic of the null hypothesis that the mean is zero.
    df : int
        Its degrees of freedom, the number of splits minus one.
    p_value : float
        Two-sided.
    n_splits : int

    Examples
    --------
    >>> from sklearn_persona.inference import corrected_resampled_test
    >>> result = corrected_resampled_test([0.2, 0.1, 0.3], n_train=80, n_test=40)
    >>> result.df, result.n_splits, round(result.mean, 2)
    (2, 3, 0.2)
    """

    mean: float
    ci: tuple
    statistic: float
    df: int
    p_value: float
    n_splits: int


def corrected_resampled_test(scores, other=None, *, n_train, n_test, level=0.95):
    """Compare scores over splits of one data set, allowing for shared training rows.

    Splits of one data set are not independent, so the ordinary paired t test over
    folds finds too many differences. Here the variance of the mean over J splits is
    ``(1 / J + n_test / n_train) * var`` instead of ``var / J``.

    Parameters
    ----------
    scores : array-like of shape (n_splits,)
        One score per split; at least two splits.
    other : array-like of shape (n_splits,), default=None
        Scores of another estimator in the same splits, which are subtracted. None
        tests the mean of `scores` against zero.
    n_train, n_test : int or array-like of shape (n_splits,)
        Participants in the training and the test set of each split; for unequal
        splits the ratio of the sums is used.
    level : float, default=0.95
        Nominal coverage of the interval.

    Returns
    -------
    result : ResampledResult
        With ``mean``, ``ci``, ``statistic``, ``df``, ``p_value`` and ``n_splits``.
        If all splits agree exactly, the variance is unknown: p is 1 for a mean of
        zero, otherwise interval and p are NaN.

    Raises
    ------
    ValueError
        If there are fewer than two splits, lengths differ, a score is missing, or a
        size is not positive.

    Notes
    -----
    The test is a heuristic: it takes the correlation of two splits to be ``n_test /
    (n_train + n_test)``, which was derived for random splits and means over the test
    cases. It is also used for repeated k-fold cross-validation (Bouckaert & Frank
    2004). The hypothesis is about estimators trained on `n_train` cases.

    References
    ----------
    Nadeau, C. & Bengio, Y. (2003). Inference for the generalization error. Machine
    Learning 52, 239-281.
    Bouckaert, R. R. & Frank, E. (2004). Evaluating the replicability of significance
    tests for comparing learning algorithms. PAKDD 2004, 3-12.

    Examples
    --------
    Five folds of 80 and 20 participants:

    >>> from sklearn_persona.inference import corrected_resampled_test
    >>> svc = [0.71, 0.64, 0.69, 0.75, 0.66]
    >>> tree = [0.62, 0.60, 0.61, 0.70, 0.63]
    >>> found = corrected_resampled_test(svc, tree, n_train=80, n_test=20)
    >>> round(found.mean, 3), round(found.p_value, 3)
    (0.058, 0.029)
    >>> [round(end, 3) for end in found.ci]
    [0.01, 0.106]
    """
    values = as_values("scores", scores, min_size=2)
    if other is not None:
        subtracted = as_values("other", other)
        if len(subtracted) != len(values):
            raise ValueError(
                f"other has {len(subtracted)} scores and scores {len(values)}, "
                "expected one of each a split. Leave out splits that lack one."
            )
        values = values - subtracted
    level = as_probability("level", level)
    n_splits = len(values)
    sizes = [
        _total(name, given, n_splits)
        for name, given in (("n_test", n_test), ("n_train", n_train))
    ]
    mean, df = float(values.mean()), n_splits - 1
    spread = float(values.std(ddof=1))
    # Equal differences may differ by rounding.
    largest = max(np.abs(np.asarray(scores, float)).max(), np.abs(values).max())
    if spread <= 1e-12 * largest:
        if abs(mean) <= 1e-12 * largest:
            return ResampledResult(mean, (mean, mean), 0.0, df, 1.0, n_splits)
        nowhere = math.nan, math.nan
        return ResampledResult(mean, nowhere, math.nan, df, math.nan, n_splits)
    error = spread * math.sqrt(1 / n_splits + sizes[0] / sizes[1])
    statistic = mean / error
    half = error * float(special.stdtrit(df, (1 + level) / 2))
    return ResampledResult(
        mean=mean,
        ci=(mean - half, mean + half),
        statistic=statistic,
        df=df,
        p_value=float(2 * special.stdtr(df, -abs(statistic))),
        n_splits=n_splits,
    )


def _total(name, given, n_splits):
    """Sum over the splits of their sizes, or of one size for all of them."""
    sizes = np.asarray(given, dtype=float)
    if sizes.shape not in ((), (n_splits,)):
        raise ValueError(
            f"{name} must be a number or hold {n_splits} of them, one a split, got "
            f"shape {sizes.shape}."
        )
    if not (np.isfinite(sizes) & (sizes > 0)).all():
        raise ValueError(f"{name} must be positive, got {given!r}.")
    return float(np.broadcast_to(sizes, n_splits).sum())
