"""Records (dataclasses) and data frames as plain values for JSON.

The types of a record's fields determine how its values are read and how JSON Schema
describes them, so a new field needs no other code. Supported types are bool, int,
float, str, `Literal`, `Hashable`, records, tuples and unions of these. The metadata
``{"schema": ...}`` of a field replaces the description derived from its type.
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

# Names in JSON Schema and in errors.
KINDS = {
    bool: ("boolean", "true or false"),
    int: ("integer", "an integer"),
    float: ("number", "a number"),
    str: ("string", "text"),
    tuple: ("array", "a list"),
    # A column name, usually text.
    Hashable: ("string", "a label"),
    types.NoneType: ("null", "null"),
}
# Types accepted for each kind. A bool is an integer to Python, but not here.
ACCEPTED = {
    bool: (bool, np.bool_),
    int: (int, np.integer),
    float: (int, float, np.integer, np.floating),
    str: (str,),
}
# Key that marks a dict as a data frame.
FRAME = "data frame"


def record_to_plain(record, *, schema=None, nan=None):
    """Convert a record to a dict of plain values, with lists for tuples.

    Parameters
    ----------
    record : dataclass instance
    schema : str, optional
        Name of the format, which becomes the first entry.
    nan : None or float
        Replacement for NaN, which JSON does not support.

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
    """Rebuild a record from the values of `record_to_plain`.

    Fields with a default may be missing, as new fields are in files of older versions.

    Parameters
    ----------
    cls : dataclass
    values : mapping
    schema : str, optional
        Required value of the entry ``schema``.

    Returns
    -------
    record : cls

    Raises
    ------
    ValueError
        For another schema, unknown or missing fields, or values of a wrong kind.
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
    """Read a value of a kind; `path` names it in errors."""
    options = _options(kind)
    if value is None and types.NoneType in options:
        return None
    options = [option for option in options if option is not types.NoneType]
    if len(options) > 1:
        # Null means NaN only where nothing but a number is allowed.
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
    """Members of a union; for any other kind, itself."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        return typing.get_args(kind)
    return (kind,)


def array_of(kind, **limits):
    """Return metadata of a tuple field whose elements the schema should describe.

    Parameters
    ----------
    kind : type
        Kind of the elements.
    **limits
        Further keywords of JSON Schema, such as ``minItems``.

    Returns
    -------
    metadata : dict
    """
    return {"schema": {"type": "array", "items": kind, **limits}}


def record_schema(cls, schema):
    """Describe the values of `record_to_plain` in JSON Schema (2020-12).

    Parameters
    ----------
    cls : dataclass
    schema : str
        Value of the entry ``schema``.

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
        # NaN becomes null.
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
    """Convert a DataFrame to a dict of lists, which can be stored without pickle.

    Parameters
    ----------
    value : object

    Returns
    -------
    value : object
        The same object if it is not a DataFrame.
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
    """Rebuild a DataFrame from the dict of `frame_to_plain`.

    Parameters
    ----------
    value : object

    Returns
    -------
    value : object
        The same object if it is not such a dict.
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
