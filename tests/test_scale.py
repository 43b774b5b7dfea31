"""Tables of many rows: memory, float32, and the shortcuts of the statistics."""

import math
import tracemalloc
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.linear_model import LinearRegression

from sklearn_persona import Condition, PersonaDiscoverer
from sklearn_persona._data.table import read_table
from sklearn_persona._selection.baseline_model import BaselineModel
from sklearn_persona.inference import (
    bootstrap_ci,
    floor_from_sizes,
    floor_from_strata,
    permutation_pvalue,
)
from sklearn_persona.inference._arrangements import random_sums
from sklearn_persona.inference._permutation import _extreme


def trial(n, p, dtype, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)).astype(dtype)
    treated = rng.random(n) < 0.5
    y = rng.normal(size=n) + treated * ((X[:, 0] > 0) & (X[:, 1] > -0.5))
    return X, y, treated


def test_memory_of_a_fit_is_below_one_copy_of_the_table():
    X, y, treated = trial(100_000, 60, np.float32)
    finder = PersonaDiscoverer(
        max_variables=2,
        n_cuts=5,
        n_personas=2,
        prognostic=None,
        n_permutations=20,
        n_bootstrap=0,
        random_state=0,
    )
    tracemalloc.start()
    try:
        finder.fit(X, y, treatment=treated)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert finder.search_.proven_optimal
    # Selectors in bits twice, a byte a feature, some columns of units: 270 bytes a row.
    assert peak < 8 * X.size
    assert X.dtype == np.float32


@pytest.mark.parametrize("frame", [False, True])
def test_float32_means_the_numbers_that_it_holds(frame):
    X, y, treated = trial(400, 5, np.float32)
    X[::7, 2] = np.nan
    wide = X.astype(np.float64)
    if frame:
        X, wide = pd.DataFrame(X), pd.DataFrame(wide)
    finders = [
        PersonaDiscoverer(
            max_variables=2, n_cuts="all", n_bootstrap=0, random_state=0
        ).fit(table, y, treatment=treated)
        for table in (X, wide)
    ]
    assert_frame_equal(finders[0].table_, finders[1].table_)
    assert len(finders[0].personas_) > 1
    assert finders[0].search_.best_objective == finders[1].search_.best_objective
    for table in (X, wide):
        for other in finders:
            assert_array_equal(other.transform(table), finders[0].transform(X))


@pytest.mark.parametrize("frame", [False, True])
def test_cuts_are_not_rounded_to_float32(frame):
    value = np.float32(0.1)
    X = np.array([[value]])
    X = pd.DataFrame(X, columns=["x"]) if frame else X
    where = {"name": "x" if frame else None, "position": 0}
    for shift, above in ((-1, True), (1, False)):
        # Nearer to the value than any other float32.
        cut = float(value) + shift * 1e-12
        assert Condition(low=cut, **where).covers(X).tolist() == [above]
        assert Condition(high=cut, **where).covers(X).tolist() == [not above]
        (column,) = read_table(X)
        assert Condition(low=cut, **where).covers_column(column).tolist() == [above]


@pytest.mark.parametrize("k", [1, 40, 6_000, 11_990, 12_000])
def test_subsets_of_many_values_are_uniform(k):
    rng = np.random.default_rng(k)
    x = np.sort(rng.exponential(size=12_000)) - 1
    n, size = len(x), 3_000
    sums, squares = random_sums([(x, k)], size, rng)
    sd = math.sqrt(k * (n - k) / n * x.var(ddof=1))
    assert abs(sums.mean() - k * x.mean()) <= 4.5 * sd / math.sqrt(size) + 1e-9
    assert abs(sums.std() - sd) <= 0.06 * sd + 1e-9
    assert_allclose(squares.mean(), k * np.mean(x**2), rtol=5 / math.sqrt(k * size))


def test_every_value_is_as_likely_in_a_subset():
    # Powers of two tell which values a sum holds.
    x = np.zeros(10_001)
    x[::1000] = 2.0 ** np.arange(11)
    sums, _ = random_sums([(x, 2_500)], 4_000, np.random.default_rng(0))
    inside = (sums.astype(int)[:, None] >> np.arange(11)) & 1
    sd = math.sqrt(0.25 * 0.75 / 4_000)
    assert np.abs(inside.mean(axis=0) - 0.25).max() < 4.5 * sd
    # Pairs, too: no value draws its neighbors in.
    both = inside.T @ inside / 4_000 - 0.0625
    assert np.abs(both[~np.eye(11, dtype=bool)]).max() < 5 * math.sqrt(0.06 / 4_000)


def test_permutation_of_many_values_keeps_its_law():
    rng = np.random.default_rng(1)
    treated, control = rng.normal(size=9_000), rng.normal(size=4_000) - 0.03
    result = permutation_pvalue(treated, control, n_permutations=3_000, random_state=0)
    z = (treated.mean() - control.mean()) / math.sqrt(1 / 9_000 + 1 / 4_000)
    expected = math.erfc(abs(z) / math.sqrt(2))
    assert result.p_value == pytest.approx(expected, abs=0.04)
    again = permutation_pvalue(treated, control, n_permutations=3_000, random_state=0)
    assert again == result


@pytest.mark.parametrize("n", [40, 400, 700, 4_000])
@pytest.mark.parametrize("ones", [1, 3, 17])
def test_floor_of_many_values_equals_that_of_exact_counts(n, ones):
    x = np.zeros(2 * n + 5)
    x[:ones] = 1
    _, floor = _extreme([(x - x.mean(), n)])
    total = math.comb(2 * n + 5, n)
    # The ones in the smaller arm: the larger difference.
    exact = Fraction(math.comb(2 * n + 5 - ones, n - ones), total)
    assert floor == pytest.approx(float(exact), rel=1e-9)
    sizes = floor_from_sizes(n, n + 5), floor_from_strata([(n, n + 5)])
    assert sizes == pytest.approx([float(Fraction(1, total))] * 2, abs=1e-300)


@pytest.mark.parametrize("kind", ["normal", "skewed", "rare"])
def test_bootstrap_of_many_values_equals_resampling(kind):
    rng = np.random.default_rng(2)
    x = {
        "normal": rng.normal(size=10_500),
        "skewed": rng.gamma(2.0, size=10_500),
        "rare": (rng.random(10_500) < 0.02).astype(float),
    }[kind]
    known = bootstrap_ci(x)
    # A function of one's own is resampled.
    drawn = bootstrap_ci(
        x, statistic=lambda s: s.mean(), n_bootstrap=2_000, random_state=0
    )
    assert_allclose(known, drawn, atol=0.15 * x.std() / math.sqrt(len(x)))
    assert bootstrap_ci(x, random_state=1) == known
    assert bootstrap_ci(3 * x + 1) == pytest.approx([3 * v + 1 for v in known])


def test_bootstrap_with_a_dominant_value_is_resampled():
    x = np.zeros(10_500)
    x[0] = 1.0
    low, high = bootstrap_ci(x, n_bootstrap=200, random_state=0)
    # How often the value is drawn is a Poisson number: 0 to 3 in 95 % of resamples.
    assert low == 0
    assert high * len(x) == pytest.approx(3, abs=1)
    assert bootstrap_ci(np.full(10_500, 0.3)) == pytest.approx((0.3, 0.3))


def test_default_prognosis_is_fitted_on_some_of_many_units():
    X, y, _ = trial(3_000, 3, np.float32)
    y = 2.0 * X[:, 0] + 0.01 * y
    rows = np.arange(3_000)
    seen = []

    class Regression(LinearRegression):
        def fit(self, X, y):
            seen.append(len(X))
            return super().fit(X, y)

    prognosis = BaselineModel(Regression(), read_table(X), most_units=500)
    predicted = prognosis.fit_predict(rows, rows, y, np.random.RandomState(0))
    assert seen == [500] * 6
    assert np.abs(predicted - y).max() < 0.1
    assert_allclose(prognosis.predict(rows), y, atol=0.1)
    seen.clear()
    BaselineModel(Regression(), read_table(X)).fit_predict(
        rows, rows, y, np.random.RandomState(0)
    )
    assert seen == [2_400] * 5 + [3_000]
