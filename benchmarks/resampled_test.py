"""How often tests over shared splits find a difference between equally good learners.

Each of two least-squares learners sees one of two columns that play the same part, so
that on average they are equally good; a study is a fresh data set.
"""

import argparse

import numpy as np
from scipy import stats

from sklearn_persona.inference import corrected_resampled_test


def random_splits(n_splits):
    """So many random fifths as test sets."""

    def splits(rng, n):
        for _ in range(n_splits):
            order = rng.permutation(n)
            yield order[n // 5 :], order[: n // 5]

    return splits


def repeated_folds(n_repeats):
    """Five folds, so many times."""

    def splits(rng, n):
        for _ in range(n_repeats):
            fold = rng.permutation(n) % 5
            for k in range(5):
                yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)

    return splits


def equal_learners(rng, splits, n):
    """Squared errors of both learners in each split, shape (2, n_splits)."""
    X = rng.normal(size=(n, 2))
    y = X.sum(axis=1) * 0.5 + rng.normal(size=n)
    scores = []
    for train, test in splits(rng, n):
        pair = []
        for x in X.T:
            slope = x[train] @ y[train] / (x[train] @ x[train])
            pair.append(np.mean((y[test] - slope * x[test]) ** 2))
        scores.append(pair)
    return np.array(scores).T


def sizes(splits, n, n_studies, seed=0):
    """Shares of studies with p at most .05: corrected, and the ordinary paired test."""
    rng = np.random.default_rng(seed)
    found = np.zeros(2)
    for _ in range(n_studies):
        a, b = equal_learners(rng, splits, n)
        corrected = corrected_resampled_test(a, b, n_train=n * 4 / 5, n_test=n / 5)
        found += corrected.p_value <= 0.05, stats.ttest_rel(a, b).pvalue <= 0.05
    return found / n_studies


def main():
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=4000)
    n_studies = parser.parse_args().studies
    print("| splits | participants | corrected | ordinary t test |")
    print("|---|---|---|---|")
    for title, splits in (
        ("5 folds", repeated_folds(1)),
        ("3 x 5 folds", repeated_folds(3)),
        ("10 x 5 folds", repeated_folds(10)),
        ("15 random", random_splits(15)),
    ):
        for n in (60, 300):
            corrected, ordinary = sizes(splits, n, n_studies)
            print(f"| {title} | {n} | {corrected:.3f} | {ordinary:.3f} |", flush=True)


if __name__ == "__main__":
    main()
