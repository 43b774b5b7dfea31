"""Records (dataclasses) and data frames as plain values that JSON can hold.

The types of a record's fields say how its values are read back and what its JSON
Schema looks like, so a new field needs nothing but itself. Known types are numbers,
text, bool, `Literal`, `Hashable`, records, tuples and unions of these. Metadata
``{"schema": ...}`` of a field replaces what the schema would derive from its type.
"""

import math
import types
import typing
from collections.abc import Hashable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from reprlib import repr as short

import numpy as np
import pandas as pd

__all__ = [
    "array_of",
    "frame_from_plain",
    "frame_to_plain",
    "record_from_plain",
    "record_schema",
    "record_to_plain",
]

# Name in JSON Schema and in errors.
KINDS = {
    bool: ("boolean", "true or false"),
    int: ("integer", "an integer"),
    float: ("number", "a number"),
    str: ("string", "text"),
    tuple: ("array", "a list"),
    # Names of columns: text in most files.
    Hashable: ("string", "a label"),
    types.NoneType: ("null", "null"),
}
# What is read as a value of each kind. A bool is an integer to Python, but not here.
ACCEPTED = {
    bool: (bool, np.bool_),
    int: (int, np.integer),
    float: (int, float, np.integer, np.floating),
    str: (str,),
}
# The key that marks a dict as a frame.
FRAME = "data frame"


def record_to_plain(record, *, schema=None, nan=None):
    """A record as a dict of plain values: lists for tuples, dicts for records.

    Parameters
    ----------
    record : dataclass instance
    schema : str, optional
        Name of the format, written first.
    nan : None or float
        Written for NaN, which JSON does not know.

    Returns
    -------
    values : dict
    """
    head = {} if schema is None else {"schema": schema}
    return head | _written(record, nan)


def _written(value, nan):
    if is_dataclass(value):
        return {key: _written(v, nan) for key, v in vars(value).items()}
    if isinstance(value, tuple | list):
        return [_written(v, nan) for v in value]
    if isinstance(value, float) and math.isnan(value):
        return nan
    return value


def record_from_plain(cls, values, *, schema=None):
    """The record of `record_to_plain`.

    Fields with a default may be left out: files of earlier versions lack the new ones.

    Parameters
    ----------
    cls : dataclass
    values : mapping
    schema : str, optional
        Name that the field ``schema`` must have.

    Returns
    -------
    record : cls

    Raises
    ------
    ValueError
        For another schema, unknown or missing fields, and values of another kind.
    """
    if schema is not None and isinstance(values, Mapping):
        values = dict(values)
        found = values.pop("schema", None)
        if found != schema:
            raise ValueError(f"Expected schema {schema!r}, got {short(found)}.")
    return _read_record(cls, values, "")


def _read_record(cls, values, path):
    place = path or cls.__name__
    if not isinstance(values, Mapping):
        raise ValueError(f"{place} must hold fields by name, got {short(values)}.")
    known = {field.name: field for field in fields(cls)}
    unknown = [name for name in values if name not in known]
    if unknown:
        raise ValueError(f"{place} has no fields {sorted(map(str, unknown))}.")
    missing = [
        name
        for name, field in known.items()
        if name not in values
        and field.default is MISSING
        and field.default_factory is MISSING
    ]
    if missing:
        raise ValueError(f"{place} lacks the fields {missing}.")
    prefix = f"{path}." if path else ""
    return cls(
        **{
            name: _read(known[name].type, value, prefix + name)
            for name, value in values.items()
        }
    )


def _read(kind, value, path):
    """A value of this kind; `path` names it in errors."""
    options = _options(kind)
    if value is None and types.NoneType in options:
        return None
    options = [option for option in options if option is not types.NoneType]
    if len(options) > 1:
        # Null is NaN only where a number is the one thing expected.
        for option in options if value is not None else ():
            try:
                return _read(option, value, path)
            except ValueError:
                continue
        raise _other_kind(options, value, path)
    (kind,) = options
    origin = typing.get_origin(kind)
    if is_dataclass(kind):
        return _read_record(kind, value, path)
    if origin is tuple:
        return _read_tuple(typing.get_args(kind), value, path)
    if origin is typing.Literal:
        allowed = typing.get_args(kind)
        if value not in allowed:
            raise ValueError(f"{path} must be one of {allowed}, got {short(value)}.")
        return value
    if kind is Hashable:
        return _read_label(value, path)
    return _read_scalar(kind, value, path)


def _read_tuple(kinds, value, path):
    if not isinstance(value, list | tuple):
        raise _other_kind([tuple], value, path)
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(value)
    if len(value) != len(kinds):
        raise ValueError(f"{path} must hold {len(kinds)} values, got {short(value)}.")
    return tuple(
        _read(kind, v, f"{path}[{i}]") for i, (kind, v) in enumerate(zip(kinds, value))
    )


def _read_label(value, path):
    value = tuple(value) if isinstance(value, list) else value
    try:
        hash(value)
    except TypeError:
        raise ValueError(f"{path} must be a label, got {short(value)}.") from None
    return value


def _read_scalar(kind, value, path):
    if kind is float and value is None:
        return math.nan
    fits = isinstance(value, ACCEPTED[kind])
    if isinstance(value, bool):
        fits = kind is bool
    if not fits:
        raise _other_kind([kind], value, path)
    try:
        return kind(value)
    except OverflowError:
        raise ValueError(f"{path} is too large for a number.") from None


def _other_kind(kinds, value, path):
    *words, last = (KINDS[kind][1] for kind in kinds)
    expected = f"{', '.join(words)} or {last}" if words else last
    return ValueError(f"{path} must be {expected}, got {short(value)}.")


def _options(kind):
    """The kinds of a union, or the one kind."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        return typing.get_args(kind)
    return (kind,)


def array_of(kind, **limits):
    """Metadata of a field that holds a tuple whose elements the schema describes.

    Parameters
    ----------
    kind : type
        Of the elements.
    **limits
        Such as ``minItems``.

    Returns
    -------
    metadata : dict
    """
    return {"schema": {"type": "array", "items": kind, **limits}}


def record_schema(cls, schema):
    """JSON Schema (2020-12) of what `record_to_plain` writes.

    Parameters
    ----------
    cls : dataclass
    schema : str
        Value of the field ``schema``.

    Returns
    -------
    schema : dict
    """
    definitions = {}
    described = _described(cls, definitions, schema={"const": schema})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": cls.__name__,
        **described,
        "$defs": definitions,
    }


def _described(cls, definitions, **more):
    properties = more | {f.name: _field_schema(f, definitions) for f in fields(cls)}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _reference(cls, definitions):
    if cls.__name__ not in definitions:
        definitions[cls.__name__] = {}
        definitions[cls.__name__] |= _described(cls, definitions)
    return {"$ref": f"#/$defs/{cls.__name__}"}


def _field_schema(field, definitions):
    given = field.metadata.get("schema")
    if given is None:
        return _kind_schema(field.type, definitions)
    kind = given.get("items")
    if is_dataclass(kind):
        return given | {"items": _reference(kind, definitions)}
    if isinstance(kind, type):
        return given | {"items": {"type": KINDS[kind][0]}}
    return given


def _kind_schema(kind, definitions):
    options = _options(kind)
    if typing.get_origin(kind) is typing.Literal:
        return {"enum": list(typing.get_args(kind))}
    records = [option for option in options if is_dataclass(option)]
    names = {
        KINDS[typing.get_origin(option) or option][0]
        for option in options
        if option not in records
    }
    if float in options:
        # NaN is written as null.
        names.add("null")
    plain = {"type": sorted(names)}
    for option in options:
        elements = typing.get_args(option)
        if elements and elements[-1] is not Ellipsis:
            first = [KINDS[elements[0]][0], *["null"] * (elements[0] is float)]
            plain |= {"items": {"type": first}}
            plain |= {"minItems": len(elements), "maxItems": len(elements)}
    if not records:
        return plain
    return {"anyOf": [*(_reference(r, definitions) for r in records), plain]}


def frame_to_plain(value):
    """A DataFrame as a dict of lists, so that no pickle is needed to store it.

    Parameters
    ----------
    value : object
        Anything but a DataFrame stays as it is.

    Returns
    -------
    value : object
    """
    if not isinstance(value, pd.DataFrame):
        return value
    return {
        FRAME: [list(value.columns), value.index.name],
        "index": _listed(value.index),
        "columns": [_listed(value[name]) for name in value.columns],
    }


def _listed(values):
    return [str(values.dtype), values.tolist()]


def frame_from_plain(value):
    """The DataFrame of `frame_to_plain`; anything else as it is.

    Parameters
    ----------
    value : object

    Returns
    -------
    value : object
    """
    if not (isinstance(value, dict) and FRAME in value):
        return value
    names, title = value[FRAME]
    dtype, labels = value["index"]
    index = pd.Index(labels, dtype=dtype, name=title)
    if dtype == "int64" and labels == list(range(len(labels))) and title is None:
        index = pd.RangeIndex(len(labels))
    columns = {
        name: pd.Series(items, index=index, dtype=dtype)
        for name, (dtype, items) in zip(names, value["columns"])
    }
    return pd.DataFrame(columns, index=index, columns=names)
