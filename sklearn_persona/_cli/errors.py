"""Input that cannot be used, in one line for the person who gave it."""

from contextlib import contextmanager

from sklearn_persona._data.table import nearest_names
from sklearn_persona._text.safe import shown

__all__ = ["InputError", "input_errors", "place", "some_names", "unknown_name"]

# Packages whose checks speak of the input.
CHECKING = ("sklearn_persona", "sklearn")


class InputError(Exception):
    """A file, column, cell or option that cannot be used; the command exits with 2."""


def place(path, column=None, row=None):
    """Where in a file, as the start of a message.

    Parameters
    ----------
    path : str or path-like
    column : str, optional
    row : int, optional
        As the file counts them.

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
    """The end of a message about a name that is not there: the nearest ones."""
    return nearest_names(name, names) or f"; there are: {some_names(names)}."


@contextmanager
def input_errors(path):
    """Turn errors that checks raise into one of a file; other errors stay.

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
