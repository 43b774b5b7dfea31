"""Errors for unusable input, one line each."""

from contextlib import contextmanager

from sklearn_persona._data.table import nearest_names
from sklearn_persona._text.safe import shown

__all__ = ["InputError", "input_errors", "place", "some_names", "unknown_name"]

# Errors that these packages raise are about the input.
CHECKING = ("sklearn_persona", "sklearn")


class InputError(Exception):
    """An unusable file, column, cell or option; the command exits with 2."""


def place(path, column=None, row=None):
    """A place in a file, as the start of a message.

    Parameters
    ----------
    path : str or path-like
    column : str, optional
    row : int, optional
        Row number in the file.

    Returns
    -------
    text : str
    """
    parts = [shown(path, 200)]
    if column is not None:
        parts.append(f"column '{shown(column)}'")
    if row is not None:
        parts.append(f"row {row}")
    return ", ".join(parts)


def some_names(names, most=6):
    """The first of many names, for a message."""
    names = [shown(name, 40) for name in names]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def unknown_name(name, names):
    """The end of a message about an unknown name: the nearest known names."""
    return nearest_names(name, names) or f"; available: {some_names(names)}."


@contextmanager
def input_errors(path):
    """Turn errors from checks of the input into errors that name its file.

    Other errors pass through.

    Parameters
    ----------
    path : path-like

    Raises
    ------
    InputError
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        trace = error.__traceback__
        while trace.tb_next is not None:
            trace = trace.tb_next
        module = trace.tb_frame.f_globals.get("__name__", "")
        if module.split(".")[0] not in CHECKING:
            raise
        raise InputError(f"{place(path)}: {shown(error, 400)}") from None
