"""Safe text: names as one line, spreadsheet-safe cells, atomic writes."""

import os
import secrets
import unicodedata
from pathlib import Path

__all__ = ["inert", "one_line", "shorten", "shown", "write_atomically"]

LONGEST_NAME = 72
# The first strong isolate and its end keep a name written from right to left from
# turning the text around it.
ISOLATE, END = "\u2068", "\u2069"
# Characters that start a formula in a spreadsheet, in either width.
FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
SKIPPED, BREAKS = tuple(" '\""), ("\t", "\r", "\n")
# Joiners that some scripts need; they move nothing else.
JOINERS = "\u200c\u200d"


def one_line(text):
    """Text on one line; characters that would leave it are escaped.

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
    """A user's name as one line of limited length.

    Parameters
    ----------
    text : object
    longest : int
        Longer names lose their middle, so that names that differ at either end stay
        different.

    Returns
    -------
    name : str
    """
    line = shorten(one_line(text), longest)
    if any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in line):
        return f"{ISOLATE}{line}{END}"
    return line


def shorten(line, longest=LONGEST_NAME):
    """A line without its middle if it is too long."""
    if len(line) <= longest:
        return line
    head = longest * 2 // 3
    return f"{line[:head]} … {line[len(line) - (longest - head - 3) :]}"


def inert(value):
    """A cell that a spreadsheet shows as text, never as a formula.

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
    """Write a text file as UTF-8; a failure leaves the old file.

    Parameters
    ----------
    path : str or path-like
    text : str

    Raises
    ------
    OSError
        When the folder does not exist or cannot be written.
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
