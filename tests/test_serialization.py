"""Records and data frames as plain values."""

import json
import math
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Literal

import jsonschema
import numpy as np
import pandas as pd
import pytest

from sklearn_persona._data.serialization import (
    array_of,
    frame_from_plain,
    frame_to_plain,
    record_from_plain,
    record_schema,
    record_to_plain,
)


@dataclass(frozen=True)
class Inner:
    side: Literal["low", "high"]
    value: float = math.nan


@dataclass(frozen=True)
class Outer:
    n: int
    interval: tuple[float, float]
    name: Hashable | None = None
    text: str = "none"
    flag: bool = False
    size: float | None = None
    levels: tuple[str | bool | int | float, ...] | None = None
    inner: Inner | None = None
    parts: tuple[Inner, ...] = field(default=(), metadata=array_of(Inner, minItems=1))


FULL = Outer(
    n=3,
    interval=(0.5, math.nan),
    name=("a", 1),
    text="t",
    flag=True,
    size=2.5,
    levels=("a", True, 2, 2.0),
    inner=Inner("low"),
    parts=(Inner("high", 1.0), Inner("low", -1e300)),
)


def through_json(values):
    return json.loads(json.dumps(values, allow_nan=False))


@pytest.mark.parametrize("record", [FULL, Outer(0, (1.0, 2.0))])
def test_round_trip(record):
    values = record_to_plain(record, schema="outer/1")
    assert values["schema"] == "outer/1"
    again = record_from_plain(Outer, through_json(values), schema="outer/1")
    assert repr(again) == repr(record)


def test_nan_is_null_where_it_is_not_kept():
    assert record_to_plain(FULL)["interval"] == [0.5, None]
    assert math.isnan(record_to_plain(FULL, nan=math.nan)["inner"]["value"])


def test_values_of_numpy_are_read_as_plain_ones():
    values = {
        "n": np.int64(3),
        "interval": [np.float32(0.5), 1],
        "flag": np.bool_(True),
        "text": np.str_("t"),
    }
    record = record_from_plain(Outer, values)
    assert record == Outer(3, (0.5, 1.0), flag=True, text="t")
    kinds = map(type, (record.n, *record.interval, record.flag, record.text))
    assert list(kinds) == [int, float, float, bool, str]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n": 1.5}, "n must be an integer, got 1.5"),
        ({"n": True}, "n must be an integer, got True"),
        ({"n": None}, "n must be an integer, got None"),
        ({"interval": [1]}, r"interval must hold 2 values, got \[1\]"),
        ({"interval": "ab"}, "interval must be a list, got 'ab'"),
        ({"interval": [1, "b"]}, r"interval\[1\] must be a number, got 'b'"),
        ({"interval": [1, False]}, r"interval\[1\] must be a number, got False"),
        ({"size": 10**400}, "size is too large for a number"),
        ({"text": 3}, "text must be text, got 3"),
        ({"flag": 0}, "flag must be true or false, got 0"),
        ({"name": {}}, "name must be a label"),
        ({"name": [[]]}, "name must be a label"),
        ({"levels": [None]}, "text, true or false, an integer or a number, got None"),
        ({"inner": []}, r"inner must hold fields by name, got \[\]"),
        ({"inner": {}}, r"inner lacks the fields \['side'\]"),
        ({"inner": {"side": "top"}}, r"inner.side must be one of \('low', 'high'\)"),
        ({"parts": [{"side": "low", "x": 1}]}, r"parts\[0\] has no fields \['x'\]"),
        ({"more": 1, 2: 3}, r"Outer has no fields \['2', 'more'\]"),
    ],
)
def test_errors_name_the_place(changed, message):
    values = {"n": 1, "interval": [1, 2]}
    with pytest.raises(ValueError, match=message):
        record_from_plain(Outer, values | changed)


@pytest.mark.parametrize("values", [None, [], "text", {"interval": [1, 2]}])
def test_no_record(values):
    with pytest.raises(ValueError, match=r"Outer (must hold|lacks the) fields"):
        record_from_plain(Outer, values)


@pytest.mark.parametrize("schema", ["outer/2", None, [1], {"a": 1}])
def test_another_schema(schema):
    values = record_to_plain(FULL) | {"schema": schema}
    with pytest.raises(ValueError, match="Expected schema 'outer/1', got"):
        record_from_plain(Outer, values, schema="outer/1")


def test_schema_describes_what_is_written():
    schema = record_schema(Outer, "outer/1")
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    values = record_to_plain(Outer(1, (1.0, 2.0), name="a"), schema="outer/1")
    assert validator.is_valid(through_json(values | {"parts": [{"side": "low"}]})) is (
        False
    )
    values["parts"] = [{"side": "low", "value": None}]
    assert validator.is_valid(through_json(values))
    for wrong in (
        {"parts": []},
        {"interval": [1, 2, 3]},
        {"n": "1"},
        {"inner": {"side": "top", "value": 1}},
        {"schema": "outer/2"},
    ):
        assert not validator.is_valid(through_json(values | wrong))
    assert set(schema["$defs"]) == {"Inner"}


@pytest.mark.parametrize(
    "index", [None, pd.Index(["a", "b"], name="rows"), pd.Index([3, 0])]
)
def test_frames(index):
    frame = pd.DataFrame({"x": [1.5, np.nan], "n": [1, 2], "text": ["a", None]})
    if index is not None:
        frame.index = index
    again = frame_from_plain(frame_to_plain(frame))
    pd.testing.assert_frame_equal(again, frame)
    for other in (3, "x", {"a": 1}, None):
        assert frame_to_plain(other) is other
        assert frame_from_plain(other) is other
