"""Options from a TOML file, named as on the command line."""

import argparse
import tomllib
from pathlib import Path

from sklearn_persona._cli.errors import InputError, place, unknown_name
from sklearn_persona._text.safe import shown

__all__ = ["read_config"]

# Options that a file cannot set.
NOT_THERE = ("help", "config")


def read_config(path, parser):
    """Read options from a file as if they had been typed.

    Parameters
    ----------
    path : path-like
    parser : ArgumentParser
        The parser of the command.

    Returns
    -------
    values : dict

    Raises
    ------
    InputError
        For unknown options, with the nearest known ones, and for unusable values.
    """
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(
            f"{place(path)}: cannot be opened ({error.strerror})."
        ) from None
    except ValueError as error:
        raise InputError(
            f"{place(path)}: is not valid TOML ({shown(error, 200)})."
        ) from None
    actions = {
        a.dest: a
        for a in parser._actions
        if a.option_strings and a.dest not in NOT_THERE
    }
    out = {}
    for key, value in values.items():
        name = key.replace("-", "_")
        if name not in actions:
            known = [dest.replace("_", "-") for dest in actions]
            raise InputError(
                f"{place(path)}: option '{shown(key)}' is not known"
                f"{unknown_name(key.replace('_', '-'), known)}"
            )
        if name in out:
            raise InputError(f"{place(path)}: option '{shown(key)}' is given twice.")
        try:
            out[name] = _value(actions[name], value)
        except (argparse.ArgumentTypeError, ValueError, TypeError) as error:
            raise InputError(
                f"{place(path)}: option '{shown(key)}': {shown(error, 200)}."
            ) from None
    return out


def _value(action, value):
    if isinstance(action, argparse.BooleanOptionalAction | argparse._StoreTrueAction):
        if not isinstance(value, bool):
            raise TypeError(f"expected true or false, got {value!r}")
        return value
    if isinstance(action, argparse._AppendAction):
        if isinstance(value, dict) and action.metavar == "COLUMN=NAME":
            value = [f"{name}={given}" for name, given in value.items()]
        if not isinstance(value, list):
            value = [value]
        return [_one(action, item) for item in value]
    return _one(action, value)


def _one(action, value):
    if isinstance(value, bool):
        if action.type is None or action.type is Path:
            raise TypeError(f"expected text, got {str(value).lower()}")
        value = "yes" if value else "no"
    if isinstance(value, list | dict):
        raise TypeError(f"expected one value, got {value!r}")
    return str(value) if action.type is None else action.type(str(value))
