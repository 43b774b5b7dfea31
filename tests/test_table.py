"""Reading tables of every kind."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from sklearn_persona._data.table import (
    modality_codes,
    nearest_names,
    read_column,
    read_table,
)


def only(values, **options):
    """The column of a one-column frame."""
    (column,) = read_table(pd.DataFrame({"v": pd.Series(values, **options)}))
    assert (column.name, column.position) == ("v", 0)
    return column


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2, 3], "int8"),
        ([1.0, 2.0, 3.0], "float32"),
        ([1, 2, 3], "Int64"),
        ([1.0, 2.0, 3.0], "Float64"),
        ([1, 2, 3], "uint16"),
        ([1, 2.0, np.int8(3)], object),
    ],
)
def test_numbers(values, dtype):
    column = only(values, dtype=dtype)
    assert column.levels is None
    # float32 stays, so that a large table is not copied.
    assert column.values.dtype == ("float32" if dtype == "float32" else "float64")
    assert_array_equal(column.values, [1, 2, 3])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("frame", [False, True])
def test_floats_are_not_copied(dtype, frame):
    X = np.asfortranarray(np.random.default_rng(0).normal(size=(50, 3)), dtype=dtype)
    columns = read_table(pd.DataFrame(X, copy=False) if frame else X)
    assert all(np.shares_memory(column.values, X) for column in columns)
    assert {column.values.dtype for column in columns} == {np.dtype(dtype)}


@pytest.mark.parametrize("dtype", ["bool", "boolean", object])
def test_booleans_are_numbers(dtype):
    column = only([True, False, True], dtype=dtype)
    assert column.levels is None
    assert_array_equal(column.values, [1, 0, 1])


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, None, 3], "Int64"),
        ([1, None, 3], "Float64"),
        ([True, None, False], "boolean"),
        ([1, None, 3.0], object),
        ([1, pd.NA, 3.0], object),
        ([1, np.nan, 3.0], None),
    ],
)
def test_missing_numbers(values, dtype):
    column = only(values, dtype=dtype)
    assert column.levels is None
    assert_array_equal(np.isnan(column.values), [False, True, False])


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
@pytest.mark.parametrize("dtype", [object, "string"])
def test_strings_are_categories(dtype, missing):
    column = only(["b", missing, "a", "b"], dtype=dtype)
    assert column.levels == ("a", "b")
    assert_array_equal(column.values, [1, -1, 0, 1])


def test_categorical_keeps_its_order_and_drops_unused_levels():
    values = pd.Categorical(
        ["low", None, "high"], categories=["none", "low", "high"], ordered=True
    )
    column = only(values)
    assert column.levels == ("low", "high")
    assert_array_equal(column.values, [0, -1, 1])


def test_mixed_objects_are_categories_numbers_first():
    column = only(["b", 3, None, "a"], dtype=object)
    assert column.levels == (3, "a", "b")


def test_all_missing():
    for values in ([None, None], [np.nan, np.nan]):
        column = only(values, dtype=object)
        assert column.levels is None and np.isnan(column.values).all()
    assert only(pd.Categorical([None, None], categories=["a"])).levels == ()


def test_polars():
    table = pl.DataFrame(
        {
            "i": [1, None, 3],
            "f": [0.5, 1.5, None],
            "b": [True, False, None],
            "s": ["y", None, "x"],
            "c": pl.Series(["u", "v", "u"], dtype=pl.Categorical),
        }
    )
    i, f, b, s, c = read_table(table)
    assert_array_equal(i.values, [1, np.nan, 3])
    assert_array_equal(f.values, [0.5, 1.5, np.nan])
    assert_array_equal(b.values, [1, 0, np.nan])
    assert i.levels is f.levels is b.levels is None
    assert (s.levels, s.values.tolist()) == (("x", "y"), [1, -1, 0])
    assert (c.levels, c.values.tolist()) == (("u", "v"), [0, 1, 0])


def test_polars_date():
    table = pl.DataFrame({"d": pl.Series(["2020-01-01"]).str.to_date()})
    with pytest.raises(TypeError, match="'d' has dtype"):
        read_table(table)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (pd.to_datetime(["2020-01-01"]), TypeError, "'v' has dtype datetime64.*an age"),
        (pd.to_timedelta([3], unit="s"), TypeError, "'v' has dtype timedelta64"),
        ([1 + 2j], ValueError, "Complex data not supported: column 'v'"),
        (np.array([1 + 2j], dtype=object), TypeError, "'v' has dtype"),
        ([["a", "b"]], TypeError, "'v' holds a list"),
        ([np.inf], ValueError, "infinity in column 'v', row 0"),
        ([1.0, 2.0, -np.inf], ValueError, "infinity in column 'v', row 2.*by NaN"),
        (np.array([1, np.inf], dtype=object), ValueError, "column 'v', row 1"),
    ],
)
def test_unreadable(values, error, message):
    with pytest.raises(error, match=message):
        only(values)


def test_duplicate_names():
    table = pd.DataFrame(np.zeros((2, 4)), columns=["a", "b", "a", "b"])
    with pytest.raises(ValueError, match=r"unique; got \['a', 'b'\].*Rename or drop"):
        read_table(table)


def test_arrays_have_positions_only():
    first, second = read_table([[1, np.nan], [3, 4]])
    assert first.name is None and second.position == 1
    assert_array_equal(second.values, [np.nan, 4])
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        read_table(sparse.csr_array(np.eye(3)))


def test_read_column_by_name_or_position():
    table = pd.DataFrame({"a": [1.0, 2], "b": ["x", None]})
    assert read_column(table, "b", 0).levels == ("x",)
    assert_array_equal(read_column(table, None, 0).values, [1, 2])
    X = np.array([[1, "u"], [2, None]], dtype=object)
    assert read_column(X, "ignored", 1).levels == ("u",)
    assert_array_equal(read_column(X, "ignored", 0).values, [1, 2])


def test_nearest_names():
    assert nearest_names("madr", ["madrs", "age"]) == "; did you mean 'madrs'?"
    assert nearest_names("zzz", ["madrs", "age"]) == ""


class TestModalities:
    columns = read_table(pd.DataFrame({"age": [1], "volume": [2], "alpha": [3]}))

    def test_none(self):
        codes, labels = modality_codes(None, self.columns)
        assert labels == [] and not codes.any()

    def test_by_name_and_position(self):
        codes, labels = modality_codes({"age": "clinical", 1: "MRI"}, self.columns)
        assert [labels[code] for code in codes] == ["clinical", "MRI", "other"]

    def test_callable(self):
        codes, labels = modality_codes(lambda name: name[0], self.columns)
        assert [labels[code] for code in codes] == ["a", "v", "a"]
        columns = read_table(np.zeros((2, 3)))
        codes, labels = modality_codes(lambda j: "MRI" if j else None, columns)
        assert [labels[code] for code in codes] == ["other", "MRI", "MRI"]

    def test_column_that_is_not_there(self):
        with pytest.raises(ValueError, match=r"1 column\(s\).*'volum'; did you mean"):
            modality_codes({"volum": "MRI"}, self.columns)
        with pytest.raises(ValueError, match="first 3"):
            modality_codes({3: "MRI"}, self.columns)

    def test_wrong_type(self):
        with pytest.raises(TypeError, match="be callable, got list"):
            modality_codes(["MRI"], self.columns)
