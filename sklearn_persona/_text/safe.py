"""Safe text: names as one line, spreadsheet-safe cells, atomic writes."""

import os
import secrets
import unicodedata
from pathlib import Path

__all__ = ["inert", "one_line", "shorten", "shown", "write_atomically"]

LONGEST_NAME = 72
# First strong isolate, and its end: a name written from right to left turns nothing
# but itself.
ISOLATE, END = "\u2068", "\u2069"
# What spreadsheets take for the start of a formula, in either width.
FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
SKIPPED, BREAKS = tuple(" '\""), ("\t", "\r", "\n")
# Joiners that some scripts need; they move nothing else.
JOINERS = "\u200c\u200d"


def one_line(text):
    """Text that stays in its line and place: other characters are escaped.

    Line breaks, control characters and the marks that turn the direction of a line
    become visible (``\\n``, ``\\u202e``).

    Parameters
    ----------
    text : object

    Returns
    -------
    line : str
    """
    return "".join(
        c
        if c.isprintable() or c in JOINERS or unicodedata.category(c) == "Zs"
        else ascii(c)[1:-1]
        for c in str(text)
    )


def shown(text, longest=LONGEST_NAME):
    """A name of the user's as one line of bearable length.

    Parameters
    ----------
    text : object
    longest : int
        What is longer loses its middle, so that names that differ at either end
        still do.

    Returns
    -------
    name : str
    """
    line = shorten(one_line(text), longest)
    if any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in line):
        return f"{ISOLATE}{line}{END}"
    return line


def shorten(line, longest=LONGEST_NAME):
    """A line without its middle, where it is too long."""
    if len(line) <= longest:
        return line
    head = longest * 2 // 3
    return f"{line[:head]} … {line[len(line) - (longest - head - 3) :]}"


def inert(value):
    """A cell that a spreadsheet shows as text, whatever a user's file called it.

    Text that a spreadsheet could take for a formula gets an apostrophe in front.
    Numbers stay as they are.

    Parameters
    ----------
    value : object

    Returns
    -------
    value : object
    """
    if not isinstance(value, str):
        return value
    # Spreadsheets differ in what they skip before a formula.
    start = next((c for c in value if c.isprintable() and c not in SKIPPED), "")
    return "'" + value if start in FORMULA or value.startswith(BREAKS) else value


def write_atomically(path, text):
    """Write a text file as UTF-8; a failure leaves what was there before.

    Parameters
    ----------
    path : str or path-like
    text : str

    Raises
    ------
    OSError
        When the folder is not there or cannot be written.
    """
    path = Path(path)
    # Not `tempfile`: its files are readable by their owner only.
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(6)}")
    data = text.encode("utf-8", errors="replace")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
