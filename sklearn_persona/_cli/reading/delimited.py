"""Read delimited text, and check its encoding, delimiter and rows."""

import csv
import itertools

import numpy as np
import pandas as pd

from sklearn_persona._cli.errors import InputError, place
from sklearn_persona._text.safe import shown

__all__ = ["NAMES", "read_delimited"]

NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
# Rows used to detect the delimiter.
SAMPLE_ROWS = 200
# Byte order marks.
MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}


def read_delimited(path, *, delimiter=None, encoding=None, expected=()):
    """Read a text table without changing its cells.

    Parameters
    ----------
    path : path-like
    delimiter : str, optional
        One character; detected in the first rows by default.
    encoding : str, optional
        UTF-8 by default, or UTF-16 if the file has its mark.
    expected : sequence of str
        Columns that should exist; they help to detect the delimiter.

    Returns
    -------
    cells : DataFrame of str
        The first row contains the names.
    rows : ndarray of int
        Line of the file at which each row starts, including the row of names.
    delimiter : str
    notes : list of str

    Raises
    ------
    InputError
        Naming the row, and the column if it is known.
    """
    notes = []
    if encoding is None:
        encoding = _encoding(path)
        if encoding.startswith("utf-16"):
            notes.append("encoding: UTF-16, by the mark at the start of the file")
    try:
        if delimiter is None:
            delimiter = _find_delimiter(path, encoding, expected)
            if delimiter != ",":
                notes.append(f"delimiter: {NAMES[delimiter]}")
        records, rows = _rows(path, encoding, delimiter)
    except UnicodeError:
        raise InputError(_undecodable(path, encoding, delimiter)) from None
    except LookupError:
        raise InputError(f"--encoding: '{shown(encoding)}' is not known.") from None
    return pd.DataFrame(records, dtype=object), np.array(rows), delimiter, notes


def _encoding(path):
    with open(path, "rb") as file:
        head = file.read(4)
    for mark, name in MARKS.items():
        if head.startswith(mark):
            return name
    return "utf-8"


def _records(file, delimiter):
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    start = 1
    for record in reader:
        yield start, record
        start = reader.line_num + 1


def _find_delimiter(path, encoding, expected):
    """The delimiter with the most expected names, even rows, and the most fields."""
    scores = {}
    for delimiter in NAMES:
        try:
            with open(path, encoding=encoding, newline="") as file:
                sample = itertools.islice(_records(file, delimiter), SAMPLE_ROWS)
                records = [record for _, record in sample if any(record)]
        except csv.Error:
            continue
        if records and len(records[0]) > 1:
            names = {name.strip() for name in records[0]}
            alike = all(len(record) == len(records[0]) for record in records)
            scores[delimiter] = (len(names & set(expected)), alike, len(names))
    # A single column needs no delimiter; missing columns are reported later.
    return max(scores, key=scores.get, default=",")


def _rows(path, encoding, delimiter):
    records, rows = [], []
    try:
        with open(path, encoding=encoding, newline="") as file:
            for row, record in _records(file, delimiter):
                if not record or record == [""]:
                    continue
                if any("\0" in cell for cell in record):
                    raise InputError(
                        f"{place(path, row=row)}: contains a NUL character, so it is "
                        "damaged or not a text table."
                    )
                if records and len(record) != len(records[0]):
                    raise InputError(_ragged(path, row, record, records[0], delimiter))
                records.append(record)
                rows.append(row)
    except csv.Error as error:
        row = rows[-1] + 1 if rows else 1
        raise InputError(
            f"{place(path, row=row)}: cannot be read with delimiter "
            f"'{_name(delimiter)}' ({error}). Check the quotation marks from here on."
        ) from None
    return records, rows


def _name(delimiter):
    return NAMES.get(delimiter, delimiter)


def _ragged(path, row, record, header, delimiter):
    n, expected = len(record), len(header)
    if n < expected:
        where = f"ends before column '{shown(header[n])}'"
    else:
        where = f"goes on after column '{shown(header[-1])}'"
    return (
        f"{place(path, row=row)}: has {n} field{'s' * (n != 1)} for {expected} names; "
        f"it {where}. Expected one field per column, separated by {_name(delimiter)}. "
        "Set another delimiter with --delimiter, or quote fields that contain it."
    )


def _undecodable(path, encoding, delimiter):
    """A message that names the first bytes that cannot be decoded."""
    if encoding.startswith("utf-16"):
        # Its lines cannot be split at single bytes.
        return (
            f"{place(path)}: starts as UTF-16 but cannot be decoded; it may be cut off."
        )
    with open(path, "rb") as file:
        names = None
        for row, line in enumerate(file, 1):
            try:
                text = line.decode(encoding)
            except UnicodeError as error:
                start = getattr(error, "start", 0)
                before = line[:start].decode(encoding, errors="replace")
                column = None
                if names:
                    j = before.count(delimiter)
                    column = names[j] if j < len(names) else None
                byte = line[start]
                return (
                    f"{place(path, column, row)}: byte 0x{byte:02x} is not "
                    f"{encoding.removesuffix('-sig').upper()}. Save the file as UTF-8, "
                    "or name its encoding, for example --encoding cp1252."
                )
            if names is None:
                # Decoding failed before the delimiter was found.
                delimiter = delimiter or max(NAMES, key=text.count)
                names = [name.strip(' "\r\n\ufeff') for name in text.split(delimiter)]
    return f"{place(path)}: is not {encoding}. Name its encoding with --encoding."
