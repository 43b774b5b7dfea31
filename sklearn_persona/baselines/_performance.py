"""How well binary predictions agree with outcomes, with intervals and tests."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from sklearn_persona._splitting import group_strata
from sklearn_persona.baselines._null_labels import shuffled_labels

__all__ = [
    "Predictions",
    "accuracy_intervals",
    "auc_test",
    "balanced_accuracy_test",
    "calibration",
    "delong",
    "net_benefit",
    "reliability",
]

EXACT = "exact label permutation of the balanced accuracy, one-sided"
MONTE_CARLO = "label permutation of the balanced accuracy, one-sided"
RANKS = "label permutation of the AUC, one-sided"


@dataclass(frozen=True)
class Predictions:
    """Predictions for one cohort; several columns where each row was predicted often.

    Attributes
    ----------
    positive : ndarray of bool, shape (n,)
        The outcome.
    decision : ndarray of float, shape (n, n_repeats)
        Larger: more likely positive.
    predicted : ndarray of bool, shape (n, n_repeats)
    probability : ndarray of float, shape (n, n_repeats), or None
    people : ndarray of int, shape (n,)
        Participant codes.
    places : ndarray of int, shape (n,)
        Site codes.
    """

    positive: np.ndarray
    decision: np.ndarray
    predicted: np.ndarray
    probability: np.ndarray | None
    people: np.ndarray
    places: np.ndarray

    @property
    def one_row_each(self):
        """Whether every participant has one row."""
        return len(np.unique(self.people)) == len(self.people)

    @property
    def risk(self):
        """Mean probability of each row, shape (n,)."""
        return self.probability.mean(axis=1)


def accuracy_intervals(predictions, *, level, n_bootstrap, rng):
    """Balanced accuracy, sensitivity and specificity with bootstrap intervals.

    Participants are drawn with replacement, as many of each kind of outcome as there
    are; percentiles.

    Returns
    -------
    found : dict of str to (estimate, low, high)
    """
    positive = predictions.positive
    correct = (predictions.predicted == positive[:, None]).mean(axis=1)
    _, person = np.unique(predictions.people, return_inverse=True)
    n = person.max() + 1
    sums = np.column_stack(
        [
            np.bincount(person, weights=weights, minlength=n)
            for weights in (
                positive * correct,
                positive * 1.0,
                ~positive * correct,
                ~positive * 1.0,
            )
        ]
    )

    def rates(totals):
        with np.errstate(invalid="ignore", divide="ignore"):
            sensitivity = totals[..., 0] / totals[..., 1]
            specificity = totals[..., 2] / totals[..., 3]
        return (sensitivity + specificity) / 2, sensitivity, specificity

    strata = group_strata(person, positive.astype(int))
    drawn = np.zeros((n_bootstrap, 4))
    for kind in range(strata.max() + 1):
        members = np.flatnonzero(strata == kind)
        share = np.full(len(members), 1 / len(members))
        drawn += rng.multinomial(len(members), share, size=n_bootstrap) @ sums[members]
    tails = [(1 - level) / 2, (1 + level) / 2]
    names = ("balanced_accuracy", "sensitivity", "specificity")
    found = {}
    for name, value, resampled in zip(names, rates(sums.sum(axis=0)), rates(drawn)):
        low, high = np.quantile(resampled, tails) if n_bootstrap else (np.nan, np.nan)
        found[name] = float(value), float(low), float(high)
    return found


def delong(predictions):
    """Area under the ROC curve, mean over repeats, and its variance.

    The estimator of DeLong, DeLong & Clarke-Pearson (1988) in the form for clustered
    data of Obuchowski (1997), to which it reduces with one row a participant. The
    placement values of a row are averaged over repeats, which gives the variance of
    the mean area.

    Returns
    -------
    auc, variance : float
        NaN where a class has no row; the variance where it has one participant.
    """
    positive = predictions.positive
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if not n_positive or not n_negative:
        return math.nan, math.nan
    placement = np.zeros(len(positive))
    for decision in predictions.decision.T:
        everyone = stats.rankdata(decision)
        for side, others in ((positive, n_negative), (~positive, n_positive)):
            below = (everyone[side] - stats.rankdata(decision[side])) / others
            placement[side] += below
    placement /= predictions.decision.shape[1]
    # Of a negative: the share of positives above it.
    placement[~positive] = 1 - placement[~positive]
    auc = float(placement[positive].mean())
    _, person = np.unique(predictions.people, return_inverse=True)
    n = person.max() + 1

    def excess(side):
        total = np.bincount(person[side], weights=placement[side], minlength=n)
        return total - auc * np.bincount(person[side], minlength=n)

    parts = []
    for side in (positive, ~positive):
        carriers = len(np.unique(person[side]))
        if carriers < 2:
            return auc, math.nan
        size = int(side.sum())
        square = (excess(side) ** 2).sum() * carriers / ((carriers - 1) * size)
        parts.append(square / size)
    shared = (excess(positive) * excess(~positive)).sum() * n / (n - 1)
    variance = sum(parts) + 2 * shared / (n_positive * n_negative)
    return auc, float(max(variance, 0.0))


def balanced_accuracy_test(predictions, *, n_permutations, rng):
    """Do frozen predictions agree with the outcomes better than by chance?

    The outcomes are exchanged between participants within sites. With one row a
    participant the number of correctly predicted positives is then a sum of
    hypergeometric numbers, and p is exact; with one site it is that of Fisher's
    one-sided exact test.

    Returns
    -------
    p_value : float
    test : str
        Its name.
    """
    positive, predicted = predictions.positive, predictions.predicted[:, 0]
    if predictions.one_row_each:
        mass, found = np.ones(1), 0
        for place in np.unique(predictions.places):
            inside = predictions.places == place
            n, k, m = inside.sum(), positive[inside].sum(), predicted[inside].sum()
            mass = np.convolve(mass, stats.hypergeom.pmf(np.arange(k + 1), n, k, m))
            found += int(np.count_nonzero(positive & predicted & inside))
        return float(min(1.0, mass[found:].sum())), EXACT

    def accuracy(labels):
        rates = [np.mean(predicted[labels == 1]), np.mean(~predicted[labels == 0])]
        return np.mean(rates)

    return _monte_carlo(accuracy, predictions, n_permutations, rng), MONTE_CARLO


def auc_test(predictions, *, n_permutations, rng):
    """Do frozen decisions rank positives above negatives better than by chance?

    Returns
    -------
    p_value : float
    test : str
        Its name.
    """
    ranks = stats.rankdata(predictions.decision[:, 0])
    labels = predictions.positive.astype(int)
    if not predictions.one_row_each or not n_permutations:
        # At fixed numbers the area is a linear function of the sum of ranks.
        p_value = _monte_carlo(
            lambda drawn: ranks @ drawn, predictions, n_permutations, rng
        )
        return p_value, RANKS
    total = np.zeros(n_permutations)
    for place in np.unique(predictions.places):
        inside = predictions.places == place
        drawn = np.tile(labels[inside], (n_permutations, 1))
        total += rng.permuted(drawn, axis=1) @ ranks[inside]
    reached = np.count_nonzero(total >= ranks @ labels - 1e-6)
    return float((1 + reached) / (1 + n_permutations)), RANKS


def _monte_carlo(statistic, predictions, n_permutations, rng):
    if not n_permutations:
        return math.nan
    labels = predictions.positive.astype(int)
    observed = statistic(labels)
    reached = 0
    for _ in range(n_permutations):
        drawn = shuffled_labels(labels, predictions.people, predictions.places, rng)
        reached += statistic(drawn) >= observed - 1e-9 * max(abs(observed), 1.0)
    return float((1 + reached) / (1 + n_permutations))


def calibration(predictions, *, level):
    """Brier score, observed over expected, intercept and slope of recalibration.

    Intercept: with the slope held at 1 (calibration in the large). Wald intervals;
    Brier score and ratio have none (NaN). Van Calster et al. (2016).

    Returns
    -------
    found : dict of str to (estimate, low, high)
    """
    y = predictions.positive.astype(float)
    risk = np.clip(predictions.risk, 1e-9, 1 - 1e-9)
    logit = special.logit(risk)
    none = (math.nan, math.nan)
    found = {
        "brier": (float(np.mean((risk - y) ** 2)), *none),
        "observed_expected": (float(y.mean() / risk.mean()), *none),
    }
    z = float(special.ndtri((1 + level) / 2))
    ones = np.ones((len(y), 1))
    fits = {
        "calibration_intercept": _logistic(ones, y, logit, 0),
        "calibration_slope": _logistic(np.column_stack([ones, logit]), y, 0.0, 1),
    }
    for name, (value, error) in fits.items():
        found[name] = value, value - z * error, value + z * error
    return found


def _logistic(design, y, offset, wanted):
    """Coefficient and standard error of an unpenalized logistic regression."""
    beta = np.zeros(design.shape[1])
    for _ in range(50):
        p = special.expit(design @ beta + offset)
        information = design.T @ (design * (p * (1 - p))[:, None])
        try:
            step = np.linalg.solve(information, design.T @ (y - p))
        except np.linalg.LinAlgError:
            return math.nan, math.nan
        beta = beta + step
        if not np.isfinite(beta).all() or np.abs(beta).max() > 1e4:
            return math.nan, math.nan
        if np.abs(step).max() < 1e-10:
            error = math.sqrt(np.linalg.inv(information)[wanted, wanted])
            return float(beta[wanted]), error
    return math.nan, math.nan


def reliability(predictions, n_bins=5):
    """Mean predicted and observed share of positives in bins of equal size.

    Returns
    -------
    bins : list of (n, predicted, observed)
    """
    order = np.argsort(predictions.risk, kind="stable")
    bins = [part for part in np.array_split(order, n_bins) if len(part)]
    return [
        (
            len(part),
            float(predictions.risk[part].mean()),
            float(predictions.positive[part].mean()),
        )
        for part in bins
    ]


def net_benefit(predictions, thresholds):
    """Net benefit of treating those above a probability, and of treating everybody.

    ``tp / n - fp / n * t / (1 - t)`` at a threshold t (Vickers & Elkin 2006).

    Returns
    -------
    model, everybody : ndarray of shape (n_thresholds,)
    """
    odds = thresholds / (1 - thresholds)
    positive = predictions.positive
    chosen = predictions.risk[:, None] >= thresholds
    model = (
        np.mean(chosen & positive[:, None], axis=0)
        - np.mean(chosen & ~positive[:, None], axis=0) * odds
    )
    everybody = positive.mean() - (1 - positive.mean()) * odds
    return model, everybody
