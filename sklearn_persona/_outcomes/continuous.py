"""Continuous outcomes, compared by their means; 0/1 outcomes are read the same way."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_array, column_or_1d

from sklearn_persona.inference import (
    bootstrap_ci,
    contrast_interval,
    contrast_pvalue,
)

__all__ = ["Continuous", "mean_of"]

NOT_KNOWN = float("nan")
# The test of no heterogeneity is asymptotic: with a binary outcome it is refused when
# an arm has fewer cases of either kind. A convention; the limit was not simulated.
LEAST_EVENTS = 10


@dataclass(frozen=True)
class Continuous:
    """An outcome whose effect is a difference of means.

    Other kinds derive from this class and override what differs.

    Attributes
    ----------
    sign : int
        1 when larger outcomes are better, else -1.
    """

    sign: int = 1

    def read(self, y):
        """Outcomes in the user's units, one number a case.

        Parameters
        ----------
        y : array-like of shape (n_cases,)

        Returns
        -------
        y : ndarray of float64, shape (n_cases,)

        Raises
        ------
        ValueError
            When they are not numbers, or some are missing.
        """
        return read_numbers(y)

    def response(self, y):
        """Whether each case responded, shape (n_cases,); None without a threshold."""
        return None

    def oriented(self, y):
        """Outcomes with larger values better, shape (n_cases,)."""
        return self.sign * y

    def score(self, value):
        """Number of each unit that the search sees, from its oriented outcome."""
        return value

    def unit_values(self, value):
        """Numbers of the units whose mean in a sample is its estimate."""
        return value

    def residuals(self, score, arms):
        """Scores without the effect of the arms that everyone shares.

        Parameters
        ----------
        score : ndarray of float64, shape (n_units,)
        arms : sequence of ndarray of bool, shape (n_arms, n_units)

        Returns
        -------
        residuals : ndarray of float64, shape (n_units,)
        """
        score = np.array(score, dtype=float)
        for arm in arms:
            score[arm] -= score[arm].mean()
        return score

    def estimate(self, sample, weights=None):
        """Mean of a sample, weighted if asked for; NaN when it is empty."""
        if weights is None or not len(sample):
            return mean_of(sample)
        return float(np.average(sample, weights=weights))

    def interval(self, samples, coefficients, weights=None, pools=None):
        """95 % t interval of a linear contrast of the estimates of samples.

        Parameters
        ----------
        samples : list of ndarray
        coefficients : sequence of float
            One for each sample.
        weights : list of ndarray, optional
            Of the units in each sample.
        pools : sequence of int, optional
            Samples of one pool, the strata of an arm, share a spread.

        Returns
        -------
        low, high : float
            NaN where a sample is empty or the spread is unknown.
        """
        if not all(len(sample) for sample in samples):
            return NOT_KNOWN, NOT_KNOWN
        samples = _as_weighted(samples, weights)
        return contrast_interval(samples, coefficients, pools=pools)

    def p_value(self, samples, coefficients, weights=None, pools=None):
        """Two-sided p value of the test that belongs to `interval`."""
        if not all(len(sample) for sample in samples):
            return NOT_KNOWN
        samples = _as_weighted(samples, weights)
        return contrast_pvalue(samples, coefficients, pools=pools)

    def by_arm(self, units, inside, *, n_bootstrap, random_state):
        """What is reported of the members in each arm.

        Parameters
        ----------
        units : Units
        inside : ndarray of bool, shape (n_units,)
        n_bootstrap : int
        random_state : int

        Returns
        -------
        fields : dict
            Fields of `Evidence`.
        """
        columns = units.columns(units.by_arm, inside)
        intervals = [
            bootstrap_ci(column, n_bootstrap=n_bootstrap, random_state=random_state)
            if len(column) and n_bootstrap
            else (NOT_KNOWN, NOT_KNOWN)
            for column in columns
        ]
        return {
            "n_treated": len(columns[0]),
            "n_control": len(columns[1]),
            "mean_treated": mean_of(columns[0]),
            "mean_control": mean_of(columns[1]),
            "ci_treated": tuple(map(float, intervals[0])),
            "ci_control": tuple(map(float, intervals[1])),
        }

    def is_sparse(self, outcome, arms):
        """Whether the outcome is binary and rare in an arm.

        Parameters
        ----------
        outcome : ndarray of float64, shape (n_units,)
        arms : sequence of ndarray of bool, shape (n_arms, n_units)

        Returns
        -------
        sparse : bool
        """
        kinds = np.unique(outcome)
        return len(kinds) <= 2 and any(
            np.count_nonzero(outcome[arm] == kind) < LEAST_EVENTS
            for arm in arms
            for kind in kinds
        )


def mean_of(values):
    """Mean of an array, NaN when it is empty."""
    return float(values.mean()) if len(values) else NOT_KNOWN


def _as_weighted(samples, weights):
    """Samples whose deviations have the variance of the weighted mean around it."""
    if weights is None:
        return samples
    return [_spread_as_weighted(*pair) for pair in zip(samples, weights)]


def _spread_as_weighted(sample, weights):
    mean = np.average(sample, weights=weights)
    shares = weights / weights.mean()
    return mean + shares * (sample - mean)


def read_numbers(y):
    """Read outcomes that are numbers; see `Continuous.read`."""
    if y is None:
        raise ValueError(
            "This PersonaDiscoverer estimator requires y to be passed, but the target "
            "y is None."
        )
    y = column_or_1d(y, warn=True)
    if y.dtype.kind in "mM":
        raise ValueError(
            f"y must be numeric, got {y.dtype}. Convert it, for example to days."
        )
    if y.dtype.kind not in "biuf":
        missing = pd.isna(y)
        seen = y[~missing]
        text = next((v for v in seen if isinstance(v, str)), None)
        if text is not None:
            raise ValueError(
                f"y must be numeric, got the string {str(text)!r} (unknown label "
                "type). Encode a binary outcome as 0 and 1."
            )
        if y.dtype.kind == "O":
            y = np.where(missing, np.nan, y).astype(np.float64)
    y = check_array(
        y, ensure_2d=False, dtype=np.float64, ensure_all_finite=False, input_name="y"
    )
    missing = np.isnan(y)
    if missing.any():
        raise ValueError(
            f"Input y contains NaN: {np.count_nonzero(missing)} outcomes are missing, "
            f"first in row {int(np.argmax(missing))}. Drop those cases, or impute them "
            "beforehand by a prespecified rule."
        )
    return check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
