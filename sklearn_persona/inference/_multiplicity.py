"""P values of many statistics at once."""

import numpy as np
from scipy import stats

from sklearn_persona._data.checks import as_values


def max_statistic_pvalues(observed, null):
    """Single-step p values against the permuted maximum.

    If `null` holds the maximum over all candidates in each permutation, the p values
    are adjusted for the search: the family-wise error rate is controlled for any
    number of candidates and any dependence between them.

    Parameters
    ----------
    observed : float or array-like
        Observed statistics of any shape; larger is more extreme.
    null : array-like of shape (n_permutations,)
        The largest statistic of each permutation. Infinite values are allowed
        (``-inf`` if nothing could be evaluated in a permutation).

    Returns
    -------
    ndarray
        ``(1 + #{null >= observed}) / (n_permutations + 1)`` in the shape of
        `observed`. Values that agree to a relative 1e-9 count as equal.

    Raises
    ------
    ValueError
        If a statistic is NaN or `null` is not one-dimensional.

    References
    ----------
    Westfall, P. H. & Young, S. S. (1993). Resampling-Based Multiple Testing.
    Phipson, B. & Smyth, G. K. (2010). Permutation p-values should never be zero.
    Statistical Applications in Genetics and Molecular Biology 9, 39.

    Examples
    --------
    >>> from sklearn_persona.inference import max_statistic_pvalues
    >>> max_statistic_pvalues([5.0, 2.0], [1.0, 2.0, 3.0])
    array([0.25, 0.75])
    """
    observed = np.asarray(observed, dtype=float)
    null = np.asarray(null, dtype=float)
    if null.ndim != 1:
        raise ValueError(f"null must be one-dimensional, got shape {null.shape}.")
    for name, values in (("observed", observed), ("null", null)):
        if np.isnan(values).any():
            raise ValueError(
                f"{name} must not hold NaN, got {int(np.isnan(values).sum())} of "
                f"{values.size}. Leave out statistics that were not evaluated."
            )
    slack = np.where(np.isfinite(observed), 1e-9 * np.abs(observed), 0.0)
    below = np.searchsorted(np.sort(null), observed - slack, side="left")
    return np.asarray((1 + len(null) - below) / (len(null) + 1))


def adjust_pvalues(p, method):
    """Adjust p values for multiplicity.

    Parameters
    ----------
    p : array-like of shape (m,)
        P values, in [0, 1].
    method : {"holm", "fixed-sequence", "bh", None}
        - "holm": family-wise error rate, step-down Bonferroni;
        - "fixed-sequence": family-wise error rate, tested in the order given until
          the first failure (the adjusted value is the running maximum);
        - "bh": false discovery rate, Benjamini-Hochberg;
        - None: no adjustment.

    Returns
    -------
    ndarray of shape (m,)
        Adjusted p values in the order of `p`, at most 1.

    Raises
    ------
    ValueError
        If a p value is NaN or outside [0, 1], or the method is unknown.

    References
    ----------
    Holm, S. (1979). A simple sequentially rejective multiple test procedure.
    Scandinavian Journal of Statistics 6, 65-70.
    Maurer, W., Hothorn, L. A. & Lehmacher, W. (1995). Multiple comparisons in drug
    clinical trials and preclinical assays: a-priori ordered hypotheses.
    Benjamini, Y. & Hochberg, Y. (1995). Controlling the false discovery rate.
    Journal of the Royal Statistical Society B 57, 289-300.

    Examples
    --------
    >>> from sklearn_persona.inference import adjust_pvalues
    >>> adjust_pvalues([0.01, 0.04, 0.03], "holm")
    array([0.03, 0.06, 0.06])
    >>> adjust_pvalues([0.01, 0.04, 0.03], "fixed-sequence")
    array([0.01, 0.04, 0.04])
    """
    p = as_values("p", p, min_size=0)
    if ((p < 0) | (p > 1)).any():
        raise ValueError(f"p must lie in [0, 1], got {p[(p < 0) | (p > 1)][0]}.")
    if method not in (None, "fixed-sequence", "bh", "holm"):
        raise ValueError(
            f"method must be 'holm', 'fixed-sequence', 'bh' or None, got {method!r}."
        )
    if method is None or not p.size:
        return p.copy()
    if method == "fixed-sequence":
        return np.maximum.accumulate(p)
    if method == "bh":
        return stats.false_discovery_control(p, method="bh")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
