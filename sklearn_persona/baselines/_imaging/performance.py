"""Agreement of binary predictions with outcomes: metrics, intervals and tests."""

import math
from dataclasses import dataclass, fields, replace

import numpy as np
from scipy import special, stats

from sklearn_persona._designs.splitting import group_strata
from sklearn_persona.baselines._imaging.refitting import shuffled_labels

__all__ = [
    "Predictions",
    "accuracy_intervals",
    "auc_test",
    "balanced_accuracy_test",
    "calibration",
    "delong",
    "delong_within_sites",
    "exact_accuracy_p",
    "net_benefit",
    "reliability",
]

ACCURACY = "label permutation of the balanced accuracy, ties by AUC, one-sided"
RANKS = "label permutation of the AUC, one-sided"

# Number of labels drawn at once.
_BLOCK = 1 << 22


@dataclass(frozen=True)
class Predictions:
    """Predictions for one cohort, with a column per repeat.

    Attributes
    ----------
    positive : ndarray of bool, shape (n,)
        Outcome.
    decision : ndarray of float, shape (n, n_repeats)
        Larger values are more likely positive.
    predicted : ndarray of bool, shape (n, n_repeats)
    probability : ndarray of float, shape (n, n_repeats), or None
    participants : ndarray of int, shape (n,)
        Participant codes.
    sites : ndarray of int, shape (n,)
        Site codes.
    """

    positive: np.ndarray
    decision: np.ndarray
    predicted: np.ndarray
    probability: np.ndarray | None
    participants: np.ndarray
    sites: np.ndarray

    @property
    def one_row_each(self):
        """Whether every participant has one row."""
        return len(np.unique(self.participants)) == len(self.participants)

    def at(self, site):
        """The rows of one site."""
        rows = self.sites == site
        parts = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) is not None
        }
        return replace(self, **{name: values[rows] for name, values in parts.items()})

    @property
    def risk(self):
        """Mean probability of each row, shape (n,)."""
        return self.probability.mean(axis=1)


def accuracy_intervals(predictions, *, level, n_bootstrap, rng):
    """Balanced accuracy, sensitivity and specificity with bootstrap intervals.

    Percentile intervals. Participants are drawn with replacement within strata of
    their outcomes.

    Returns
    -------
    found : dict of str to (estimate, low, high)
    """
    positive = predictions.positive
    correct = (predictions.predicted == positive[:, None]).mean(axis=1)
    _, person = np.unique(predictions.participants, return_inverse=True)
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
    """Area under the ROC curve, averaged over repeats, and its variance.

    The estimator of DeLong, DeLong & Clarke-Pearson (1988), in the form of Obuchowski
    (1997) for clustered data. Both agree with one row per participant. The placement
    values of a row are averaged over repeats, which gives the variance of the mean
    area.

    Returns
    -------
    auc, variance : float
        NaN if a class has no row; the variance is also NaN if a class has only one
        participant.
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
    # For a negative, the share of positives above it.
    placement[~positive] = 1 - placement[~positive]
    auc = float(placement[positive].mean())
    _, person = np.unique(predictions.participants, return_inverse=True)
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


def delong_within_sites(predictions):
    """Area over pairs of a positive and a negative from one site, and its variance.

    Offsets between scanners have no influence. Each pair has the same weight, so the
    area is the mean of the sites' areas weighted by their numbers of pairs, with the
    variance of that mean. A site with only one participant in a class has no variance
    estimate and gets the upper bound ``auc * (1 - auc)`` over the smaller number of
    participants, with the common area (van Dantzig 1951).

    Returns
    -------
    auc, variance : float
        Those of `delong` if there is one site.
    """
    sites = np.unique(predictions.sites)
    if len(sites) == 1:
        return delong(predictions)
    rows = []
    for site in sites:
        part = predictions.at(site)
        n_pairs = int(part.positive.sum()) * int((~part.positive).sum())
        if n_pairs:
            sides = part.positive, ~part.positive
            fewer = min(len(np.unique(part.participants[side])) for side in sides)
            rows.append((n_pairs, fewer, *delong(part)))
    if not rows:
        return math.nan, math.nan
    n_pairs, fewer, areas, variances = np.array(rows, dtype=float).T
    weight = n_pairs / n_pairs.sum()
    auc = float(weight @ areas)
    largest = auc * (1 - auc) / fewer
    variances = np.where(np.isnan(variances), largest, variances)
    return auc, float(weight**2 @ variances)


def balanced_accuracy_test(predictions, *, n_permutations, rng):
    """Test whether frozen predictions agree with outcomes better than by chance.

    The outcomes are exchanged between participants within sites. The balanced accuracy
    takes few values, so many arrangements are tied. Among these, arrangements with a
    smaller AUC within sites are less extreme (Streitberg & Roehmel 1990). The p value
    is then nearly continuous, and uniform under the null hypothesis.

    Returns
    -------
    p_value : float
        1 if all arrangements have the same balanced accuracy, because everyone at a
        site has the same prediction or the same outcome.
    test : str
        Name of the test.
    """
    positive, predicted = predictions.positive, predictions.predicted[:, 0]
    inside = [predictions.sites == site for site in np.unique(predictions.sites)]
    if not any(_varies(predicted[i]) and _varies(positive[i]) for i in inside):
        return 1.0, ACCURACY
    # With fixed margins the balanced accuracy is linear in the number of true
    # positives, and the AUC is linear in the sum of their ranks.
    score = np.zeros(len(positive))
    for rows in inside:
        score[rows] = stats.rankdata(predictions.decision[rows, 0])
    score += predicted * float(len(score)) ** 2
    return _label_permutation(score, predictions, n_permutations, rng), ACCURACY


def exact_accuracy_p(predictions):
    """Exact p value of the balanced accuracy alone, with ties counted against it.

    With one row per participant, the number of true positives is a sum of
    hypergeometric variables over sites; with one site, p is that of Fisher's one-sided
    exact test. It takes few values and is conservative.

    Returns
    -------
    p_value : float
        NaN if a participant has several rows.
    """
    if not predictions.one_row_each:
        return math.nan
    positive, predicted = predictions.positive, predictions.predicted[:, 0]
    mass, found = np.ones(1), 0
    for site in np.unique(predictions.sites):
        inside = predictions.sites == site
        n, k, m = inside.sum(), positive[inside].sum(), predicted[inside].sum()
        mass = np.convolve(mass, stats.hypergeom.pmf(np.arange(k + 1), n, k, m))
        found += int(np.count_nonzero(positive & predicted & inside))
    return float(min(1.0, mass[found:].sum()))


def auc_test(predictions, *, n_permutations, rng):
    """Test whether frozen decisions rank positives above negatives.

    The outcomes are exchanged between participants within sites.

    Returns
    -------
    p_value : float
    test : str
        Name of the test.
    """
    ranks = stats.rankdata(predictions.decision[:, 0])
    return _label_permutation(ranks, predictions, n_permutations, rng), RANKS


def _varies(values):
    return values.any() and not values.all()


def _label_permutation(score, predictions, n_permutations, rng):
    """P value of the sum of scores over positives, by exchange of outcomes.

    Parameters
    ----------
    score : ndarray of float, shape (n,)
        Multiples of one half.
    """
    if not n_permutations:
        return math.nan
    labels = predictions.positive.astype(int)
    reached, left = 0, n_permutations
    while left:
        size = min(left, max(1, _BLOCK // len(labels)))
        if predictions.one_row_each:
            total = np.zeros(size)
            for site in np.unique(predictions.sites):
                inside = predictions.sites == site
                drawn = np.tile(labels[inside], (size, 1))
                total += rng.permuted(drawn, axis=1) @ score[inside]
        else:
            participants, sites = predictions.participants, predictions.sites
            total = np.array(
                [
                    score @ shuffled_labels(labels, participants, sites, rng)
                    for _ in range(size)
                ]
            )
        reached += np.count_nonzero(total > score @ labels - 0.25)
        left -= size
    return float((1 + reached) / (1 + n_permutations))


def calibration(predictions, *, level):
    """Brier score, observed over expected, intercept and slope of recalibration.

    The intercept is that with the slope held at 1 (calibration in the large; Van
    Calster et al. 2016). Intervals are Wald's; Brier score and ratio have none (NaN).

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
    """Net benefit of treating those above a probability, and of treating everyone.

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
