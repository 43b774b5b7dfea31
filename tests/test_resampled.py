import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from sklearn_persona.inference import corrected_resampled_test

ROOT = Path(__file__).resolve().parents[1]


def by_hand(differences, n_train, n_test, level=0.95):
    """Nadeau & Bengio (2003), eq. 9, in plain numpy."""
    d = np.asarray(differences, float)
    J = len(d)
    variance = ((d - d.sum() / J) ** 2).sum() / (J - 1)
    error = np.sqrt((1 / J + n_test / n_train) * variance)
    t = d.mean() / error
    half = stats.t.ppf((1 + level) / 2, J - 1) * error
    p = 2 * stats.t.sf(abs(t), J - 1)
    return d.mean(), d.mean() - half, d.mean() + half, t, p


@pytest.mark.parametrize("seed", range(4))
def test_by_hand(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, 6 + seed))
    found = corrected_resampled_test(a, b, n_train=70, n_test=13, level=0.9)
    mean, low, high, t, p = by_hand(a - b, 70, 13, 0.9)
    np.testing.assert_allclose(
        [found.mean, *found.ci, found.statistic, found.p_value], [mean, low, high, t, p]
    )
    assert found.df == 5 + seed and found.n_splits == 6 + seed
    # A smaller test set brings it to the ordinary paired test, and no further.
    near = corrected_resampled_test(a, b, n_train=10**9, n_test=1)
    assert near.p_value == pytest.approx(stats.ttest_rel(a, b).pvalue)
    assert found.p_value > near.p_value


def test_one_sample_signs_and_sizes():
    scores = [0.3, 0.1, 0.2, 0.25]
    one = corrected_resampled_test(scores, n_train=[30, 31, 30, 29], n_test=[10] * 4)
    same = corrected_resampled_test(scores, [0] * 4, n_train=30, n_test=10)
    assert one == same
    turned = corrected_resampled_test(np.negative(scores), n_train=30, n_test=10)
    assert turned.ci == (-one.ci[1], -one.ci[0])
    assert turned.p_value == one.p_value


def test_splits_that_agree():
    same = corrected_resampled_test([0.7, 0.6], [0.7, 0.6], n_train=8, n_test=2)
    assert (same.mean, same.ci, same.p_value) == (0.0, (0.0, 0.0), 1.0)
    # Two differences of .1, up to rounding, are no proof.
    constant = corrected_resampled_test([0.7, 0.3], [0.6, 0.2], n_train=8, n_test=2)
    assert constant.mean == pytest.approx(0.1)
    assert math.isnan(constant.p_value) and np.isnan(constant.ci).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0], None, 8, 2), "at least 2 value"),
        (([1.0, np.nan], None, 8, 2), "scores must be finite"),
        (([1.0, 2.0], [1.0, 2.0, 3.0], 8, 2), "other has 3 scores and scores 2"),
        (([1.0, 2.0], None, 0, 2), "n_train must be positive"),
        (([1.0, 2.0], None, 8, -1), "n_test must be positive"),
        (([1.0, 2.0], None, [8, 8, 8], 2), "n_train must be a number or hold 2"),
    ],
)
def test_errors(arguments, message):
    scores, other, n_train, n_test = arguments
    with pytest.raises(ValueError, match=message):
        corrected_resampled_test(scores, other, n_train=n_train, n_test=n_test)
    with pytest.raises(ValueError, match="level"):
        corrected_resampled_test([1.0, 2.0], n_train=8, n_test=2, level=95)


@pytest.mark.parametrize("name", ["random", "folds"])
def test_size(name):
    """At most 5 % for learners that are equally good; the ordinary test is far off."""
    if not (ROOT / "benchmarks").exists():
        pytest.skip("benchmarks are not here")
    spec = importlib.util.spec_from_file_location(
        "resampled_test", ROOT / "benchmarks" / "resampled_test.py"
    )
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    splits = {"random": bench.random_splits(15), "folds": bench.repeated_folds(3)}
    corrected, ordinary = bench.sizes(splits[name], n=60, n_studies=600)
    error = np.sqrt(0.05 * 0.95 / 600)
    assert corrected < 0.05 + 3 * error
    assert ordinary > 0.05 + 6 * error
