"""Labels of the units: outcomes and arms, as objectives and searches read them."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Labels", "arm_rows", "pooled_sd", "standardized"]


@dataclass(frozen=True)
class Labels:
    """One labeling of the units, the observed one or a permuted one.

    Attributes
    ----------
    outcome : ndarray of float64, shape (n_units,)
        Oriented: larger is better.
    treated : ndarray of bool, shape (n_units,), or None
        None for one-sample units (pairs, or cases of a single arm).
    """

    outcome: np.ndarray
    treated: np.ndarray | None

    @property
    def n_arms(self):
        """Samples that are compared, 1 or 2."""
        return 1 if self.treated is None else 2

    @property
    def arms(self):
        """Masks of the units by arm, shape (n_arms, n_units), the treated first."""
        return arm_rows(self.treated, len(self.outcome))

    def swapped(self):
        """The same with each arm in the place of the other."""
        return Labels(self.outcome, ~self.treated)


def arm_rows(treated, n_units):
    """Masks of the units by arm, shape (n_arms, n_units), the treated first."""
    if treated is None:
        return np.ones((1, n_units), bool)
    return np.array([treated, ~treated])


def pooled_sd(outcome, treated=None):
    """Standard deviation within arms (ddof=0); around the mean for one sample."""
    residual, exponent = _residual(outcome, treated)
    return float(np.ldexp(np.sqrt(np.mean(residual**2)), exponent))


def standardized(outcome, treated=None):
    """Outcome in standard deviations within arms."""
    residual, exponent = _residual(outcome, treated)
    return np.ldexp(outcome, -exponent) / np.sqrt(np.mean(residual**2))


def _residual(outcome, treated):
    """Outcome less the mean of its arm, times a power of two, and the exponent.

    At most 1 in size, so that no square is too large or too small for a double.
    """
    residual = np.array(outcome, dtype=float)
    for arm in arm_rows(treated, len(residual)):
        residual[arm] -= residual[arm].mean()
    exponent = int(np.frexp(np.abs(residual).max(initial=0.0))[1])
    return np.ldexp(residual, -exponent), exponent
