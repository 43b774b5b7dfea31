"""Read a file as a table: check its format, size and names."""

import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from sklearn_persona._cli.errors import InputError, place, some_names, unknown_name
from sklearn_persona._cli.reading.delimited import read_delimited
from sklearn_persona._search.memory import available_bytes
from sklearn_persona._text.safe import shown

__all__ = ["RawTable", "read_file"]

# Format by suffix; other files are text.
FORMATS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xls": "old excel",
    ".xpt": "xport",
    ".sas7bdat": "sas7bdat",
}
# First bytes of each format.
STARTS = {
    "parquet": (b"PAR1",),
    "excel": (b"PK\x03\x04",),
    "old excel": (b"\xd0\xcf\x11\xe0",),
    "xport": (b"HEADER RECORD*******LIB",),
    "sas7bdat": (b"\x00" * 12 + b"\xc2\xea\x81\x60",),
}
TITLES = {
    "parquet": "a Parquet file",
    "excel": "an Excel workbook",
    "old excel": "an Excel 97-2003 workbook",
    "xport": "a SAS transport file",
    "sas7bdat": "a SAS data set",
}
# Module and package that read a format, if pandas alone does not.
ENGINES = {
    "parquet": ("pyarrow", "pyarrow"),
    "excel": ("openpyxl", "openpyxl"),
    "old excel": ("xlrd", "xlrd"),
}
# Memory needed for reading, as a multiple of the size of the file.
TEXT_FACTOR = 20
OTHER_FACTOR = 4
PROBES = 64


@dataclass(frozen=True)
class RawTable:
    """Cells as they are in the file.

    Attributes
    ----------
    path : Path
    cells : DataFrame
        Text, or values of the types that the format has.
    rows : ndarray of int
        Row number in the file, for each row of `cells`.
    comma_divides : bool
        Whether commas separate fields, so that they cannot be decimal.
    notes : list of str
        Findings about the file.
    """

    path: Path
    cells: pd.DataFrame
    rows: np.ndarray
    comma_divides: bool
    notes: list = field(default_factory=list)

    def check_column(self, name, what):
        """Refuse the name of a column that does not exist.

        Parameters
        ----------
        name : str
        what : str
            The option that requests it.

        Raises
        ------
        InputError
            Naming the nearest columns that exist.
        """
        if name not in self.cells.columns:
            raise InputError(
                f"{place(self.path)}: has no column '{shown(name)}' (requested by "
                f"{what}){unknown_name(name, list(self.cells.columns))}"
            )


def read_file(path, *, delimiter=None, encoding=None, sheet=None, expected=()):
    """Read a table of trial data.

    Parameters
    ----------
    path : path-like
        Delimited text, Parquet, Excel, SAS transport or SAS data set.
    delimiter, encoding : str, optional
        For text files.
    sheet : str, optional
        Sheet of a workbook; the first by default.
    expected : sequence of str
        Columns that should exist.

    Returns
    -------
    table : RawTable

    Raises
    ------
    InputError
        If the file is missing, too large, damaged, or of another format than its name.
    """
    path = Path(path)
    size = _check_file(path)
    kind = FORMATS.get(path.suffix.lower(), "text")
    _check_start(path, kind)
    _check_memory(path, size, TEXT_FACTOR if kind == "text" else OTHER_FACTOR)
    if kind == "text":
        _check_holes(path, size)
        if delimiter is None and path.suffix.lower() in (".tsv", ".tab"):
            delimiter = "\t"
        cells, rows, delimiter, notes = read_delimited(
            path, delimiter=delimiter, encoding=encoding, expected=expected
        )
        return _named(path, cells, rows, notes, comma_divides=delimiter == ",")
    try:
        if kind in ("excel", "old excel"):
            cells, notes = _read_excel(path, sheet, ENGINES[kind][0])
            rows = np.arange(1, len(cells) + 1)
            return _named(path, cells, rows, notes, comma_divides=False)
        cells = _read_typed(path, kind, encoding)
    except ImportError:
        module, package = ENGINES[kind]
        raise InputError(
            f"{place(path)}: is {TITLES[kind]}, which needs the package {module}. "
            f"Install it (pip install {package}), or save the table as CSV."
        ) from None
    except InputError:
        raise
    except UnicodeError:
        raise InputError(
            f"{place(path)}: contains text that is not {encoding or 'UTF-8'}. Name its "
            "encoding, for example --encoding cp1252."
        ) from None
    except MemoryError:
        raise
    except Exception as error:
        # For damaged files, engines raise errors of many kinds.
        raise InputError(
            f"{place(path)}: cannot be read as {TITLES[kind]} "
            f"({type(error).__name__}: {shown(error, 200)})."
        ) from None
    names = [str(name) for name in cells.columns]
    rows = np.arange(1, len(cells) + 1)
    return _checked(path, cells, names, rows, [], comma_divides=False)


def _check_file(path):
    try:
        if path.is_dir():
            raise InputError(f"{place(path)}: is a folder, expected a file.")
        size = path.stat().st_size
        if not path.is_file():
            # Opening a pipe might wait forever.
            raise InputError(f"{place(path)}: is not a regular file.")
        with open(path, "rb"):
            pass
    except OSError as error:
        raise InputError(
            f"{place(path)}: cannot be opened ({error.strerror})."
        ) from None
    except ValueError:
        raise InputError(f"{place(path)}: is not a valid file name.") from None
    if size == 0:
        raise InputError(f"{place(path)}: is empty.")
    return size


def _check_start(path, kind):
    with open(path, "rb") as file:
        head = file.read(64)
    found = next(
        (k for k, starts in STARTS.items() if any(map(head.startswith, starts))), None
    )
    if kind != "text" and found != kind:
        is_ = f"it is {TITLES[found]}" if found else "its first bytes differ"
        raise InputError(
            f"{place(path)}: is not {TITLES[kind]}, contrary to its name; {is_}."
        )
    if kind == "text" and found:
        raise InputError(
            f"{place(path)}: is {TITLES[found]}, not text. Rename it to match its "
            "format."
        )


def _check_memory(path, size, factor):
    memory = available_bytes()
    if memory is not None and size * factor > memory:
        raise InputError(
            f"{place(path)}: has {size / 1e9:.1f} GB, too much to read into "
            f"{memory / 1e9:.1f} GB of free memory. Save the columns of the analysis "
            "as Parquet."
        )


def _check_holes(path, size):
    """Refuse files with holes or other zero bytes, without reading all of them."""
    with open(path, "rb") as file:
        head = file.read(4)
        if head.startswith((b"\xff\xfe", b"\xfe\xff")):
            # UTF-16 is half zeros.
            return
        for start in np.linspace(0, max(size - 4096, 0), PROBES).astype(int).tolist():
            file.seek(start)
            if b"\0" in file.read(4096):
                raise InputError(
                    f"{place(path)}: contains zero bytes (near byte {start}), so it "
                    "is damaged or not a text table."
                )


def _read_excel(path, sheet, engine):
    # The engine closes the file itself.
    with pd.ExcelFile(path, engine=engine) as book:
        names = book.sheet_names
        notes = []
        if sheet is None:
            sheet = names[0]
            if len(names) > 1:
                notes.append(
                    f"sheet: '{shown(sheet)}', the first of {len(names)} (--sheet)"
                )
        elif sheet not in names:
            raise InputError(
                f"{place(path)}: has no sheet '{shown(sheet)}'; available: "
                f"{some_names(names)}."
            )
        cells = pd.read_excel(
            book, sheet_name=sheet, header=None, dtype=object, na_filter=False
        )
    return cells, notes


def _read_typed(path, kind, encoding):
    if kind == "parquet":
        return pd.read_parquet(path, engine="pyarrow")
    # Only data sets declare the encoding of their text.
    encoding = encoding or ("infer" if kind == "sas7bdat" else "utf-8")
    with warnings.catch_warnings():
        # For files that are cut off.
        warnings.simplefilter("error", UserWarning)
        return pd.read_sas(path, format=kind, encoding=encoding)


def _named(path, cells, rows, notes, *, comma_divides):
    """Take the names from the first row."""
    if not len(cells):
        raise InputError(f"{place(path)}: has no rows.")
    names, n_unnamed = [], 0
    for j, cell in enumerate(cells.iloc[0].tolist()):
        missing = cell is None or cell != cell or not str(cell).strip()
        n_unnamed += missing
        names.append(f"column {j + 1}" if missing else str(cell).strip())
    if n_unnamed:
        notes = [*notes, f"columns without a name: {n_unnamed}, named by position"]
    body = cells.iloc[1:].reset_index(drop=True)
    return _checked(
        path, body, names, rows[1:], notes, comma_divides=comma_divides, row=rows[0]
    )


def _checked(path, cells, names, rows, notes, *, comma_divides, row=None):
    index = pd.Index(names)
    twice = index[index.duplicated()].unique().tolist()
    if twice:
        columns = [j + 1 for j, name in enumerate(names) if name == twice[0]]
        raise InputError(
            f"{place(path, twice[0], row)}: this name occurs in columns "
            f"{columns}. Names must be unique; rename or remove the others."
        )
    if not len(cells):
        raise InputError(f"{place(path)}: has column names but no rows below them.")
    cells = cells.copy()
    cells.columns = names
    return RawTable(path, cells, rows, comma_divides, notes)
