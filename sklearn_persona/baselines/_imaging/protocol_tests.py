"""Tests of the published protocol: predictions against exchanged outcomes."""

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from sklearn_persona.baselines._imaging.cohorts import collect, one_repeat
from sklearn_persona.baselines._imaging.performance import (
    auc_test,
    balanced_accuracy_test,
    delong,
)
from sklearn_persona.baselines._imaging.refitting import shuffled_labels

__all__ = ["frozen_tests", "refitted_tests"]

REFITTED = "refitted label permutation, one-sided"


def frozen_tests(predictions, *, n_permutations, rng):
    """Test the predictions of a model that never saw the cohort.

    Returns
    -------
    tests : dict of str to (p_value, name)
        Of "balanced_accuracy" and "auc".
    """
    options = {"n_permutations": n_permutations, "rng": rng}
    return {
        "balanced_accuracy": balanced_accuracy_test(predictions, **options),
        "auc": auc_test(predictions, **options),
    }


def refitted_tests(
    estimator, cohort, labels, classes, n_splits, predictions, seeds, n_jobs
):
    """Test the nested cross-validation against refits to exchanged outcomes.

    Parameters
    ----------
    estimator : classifier
    cohort : Cohort
    labels : ndarray of int, shape (n,)
        0 or 1.
    classes : ndarray of shape (2,)
    n_splits : int
    predictions : Predictions
        Predictions of the observed outcomes.
    seeds : sequence of int
        One per permutation.
    n_jobs : int or None

    Returns
    -------
    tests : dict of str to (p_value, name)
        Of "balanced_accuracy" and "auc".
    """

    def drawn(seed):
        rng = np.random.RandomState(seed)
        return shuffled_labels(labels, cohort.participants, cohort.sites, rng)

    shuffled = [drawn(seed) for seed in seeds]
    parts = Parallel(n_jobs=n_jobs)(
        delayed(one_repeat)(estimator, cohort, codes, classes, n_splits, seed)
        for codes, seed in zip(shuffled, seeds)
    )
    null = [collect(cohort, codes, [part]) for codes, part in zip(shuffled, parts)]
    tests = {}
    for metric, statistic in (
        ("balanced_accuracy", _balanced_accuracy),
        ("auc", lambda found: delong(found)[0]),
    ):
        # Conservative, as the mean over repeats varies less than one repeat.
        observed = statistic(predictions)
        reached = sum(statistic(found) >= observed - 1e-12 for found in null)
        tests[metric] = (1 + reached) / (1 + len(null)), REFITTED
    return tests


def _balanced_accuracy(predictions):
    correct = (predictions.predicted == predictions.positive[:, None]).mean(axis=1)
    return (
        correct[predictions.positive].mean() + correct[~predictions.positive].mean()
    ) / 2
