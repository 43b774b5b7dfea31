"""Files that are whole or not there, and cells that are never formulas."""

import os
import secrets
from pathlib import Path

__all__ = ["inert", "write_atomically"]

# What spreadsheets take for the start of a formula, in either width.
FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
SKIPPED, BREAKS = tuple(" '\""), ("\t", "\r", "\n")


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
    # Not `tempfile`, whose files nobody else may read.
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
