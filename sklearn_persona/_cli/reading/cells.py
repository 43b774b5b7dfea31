"""From cells to numbers or categories, one column at a time."""

import datetime
import re
import types
from collections import Counter
from dataclasses import dataclass, replace
from numbers import Number

import numpy as np
import pandas as pd

from sklearn_persona._cli.errors import InputError, place
from sklearn_persona._text.safe import shown

__all__ = ["MISSING", "Column", "Reading"]

# Cells that stand for a missing value.
MISSING = frozenset(
    "|NA|N/A|n/a|#N/A|<NA>|NaN|nan|NULL|null|.|-".split("|"),
)
# Types of a cell other than text.
SINGLE = (
    Number
    | np.generic
    | datetime.date
    | datetime.time
    | datetime.timedelta
    | type(pd.NA)
    | type(pd.NaT)
)
POINT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
COMMA = re.compile(r"[+-]?(?:[0-9]+,?[0-9]*|,[0-9]+)(?:[eE][+-]?[0-9]+)?")
# A comma before three digits may separate thousands.
THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+")


@dataclass(frozen=True)
class Column:
    """A column of a table, read as numbers, categories or dates.

    Attributes
    ----------
    name : str
    kind : {"number", "category", "date", "empty"}
    values : ndarray
        float64 with NaN; or objects with None.
    missing : Counter
        Count of each cell that stands for a missing value.
    comma : bool
        Whether its numbers have a decimal comma.
    """

    name: str
    kind: str
    values: np.ndarray
    missing: Counter
    comma: bool = False

    @property
    def absent(self):
        """Mask of the missing values."""
        return pd.isna(self.values)

    def rows(self, chosen):
        """The column restricted to some of its rows.

        Parameters
        ----------
        chosen : ndarray of bool

        Returns
        -------
        column : Column
        """
        values = self.values[chosen]
        kind = "empty" if pd.isna(values).all() else self.kind
        return replace(self, kind=kind, values=values)

    def labels(self):
        """Values as text, with whole numbers as integers; None where missing."""
        return np.array(
            [None if pd.isna(v) else label_text(v) for v in self.values], dtype=object
        )


@dataclass(frozen=True)
class Reading:
    """How cells are read.

    Attributes
    ----------
    tokens : frozenset of str
        Cells that stand for a missing value.
    decimal : {None, ".", ","}
        None for a point, or a comma where it is unambiguous.
    categories : frozenset of str
        Columns to read as categories whatever they contain.
    """

    tokens: frozenset = MISSING
    decimal: str | None = None
    categories: frozenset = frozenset()

    def column(self, table, name, *, category=None):
        """Read one column of a table.

        Parameters
        ----------
        table : RawTable
        name : str
        category : bool, optional
            Whether to read it as categories; `categories` decides by default.

        Returns
        -------
        column : Column

        Raises
        ------
        InputError
            For numbers mixed with text or dates, and for infinite numbers, naming
            column and row.
        """
        if category is None:
            category = name in self.categories
        series = table.cells[name]
        dtype = series.dtype
        if pd.api.types.is_datetime64_any_dtype(dtype) or isinstance(
            dtype, pd.PeriodDtype
        ):
            return Column(name, "date", series.to_numpy(object), Counter())
        if pd.api.types.is_numeric_dtype(dtype) and not category:
            values = series.to_numpy(np.float64, na_value=np.nan)
            n = int(np.isnan(values).sum())
            return self._numbers(
                table, name, values, Counter({"empty": n} if n else ())
            )
        cells = [
            self._cell(cell, place(table.path, name, row))
            for cell, row in zip(series.tolist(), table.rows)
        ]
        missing = Counter(
            "empty" if cell is None or cell == "" else cell
            for cell, given in zip(cells, map(self._present, cells))
            if not given
        )
        cells = [cell if self._present(cell) else None for cell in cells]
        seen = [cell for cell in cells if cell is not None]
        if not seen:
            return Column(name, "empty", np.full(len(cells), np.nan), missing)
        texts = [cell for cell in seen if isinstance(cell, str)]
        if not texts and not category:
            if all(isinstance(cell, Number) for cell in seen):
                values = [np.nan if cell is None else float(cell) for cell in cells]
                return self._numbers(table, name, np.array(values), missing)
            return self._dates(table, name, cells, missing)
        cells = [c if c is None or isinstance(c, str) else label_text(c) for c in cells]
        if category:
            return Column(name, "category", np.array(cells, dtype=object), missing)
        return self._text(table, name, cells, missing)

    def _cell(self, cell, where):
        if isinstance(cell, bytes):
            try:
                cell = cell.decode("utf-8")
            except UnicodeError:
                raise InputError(
                    f"{where}: contains bytes that are not UTF-8. Save it as text."
                ) from None
        if isinstance(cell, str):
            return cell.strip()
        if not isinstance(cell, SINGLE | types.NoneType):
            raise InputError(
                f"{where}: contains a {type(cell).__name__}, expected a single number, "
                "text or date. Split it into columns, or use --drop."
            )
        if cell is None or cell is pd.NaT or cell is pd.NA or cell != cell:
            return None
        return cell.item() if isinstance(cell, np.generic) else cell

    def _present(self, cell):
        return cell is not None and not (isinstance(cell, str) and cell in self.tokens)

    def _dates(self, table, name, cells, missing):
        """Read dates, which must not be mixed with numbers."""
        seen = [i for i, cell in enumerate(cells) if cell is not None]
        numbers = [i for i in seen if isinstance(cells[i], Number)]
        dates = [i for i in seen if not isinstance(cells[i], Number)]
        if numbers:
            odd, what, column = dates[0], "date", "numbers"
            if len(numbers) < len(dates):
                odd, what, column = numbers[0], "number", "dates"
            raise InputError(
                f"{place(table.path, name, table.rows[odd])}: "
                f"'{shown(cells[odd], 40)}' is a {what} in a column of {column}. "
                "Correct it, or use --drop."
            )
        return Column(name, "date", np.array(cells, dtype=object), missing)

    def _numbers(self, table, name, values, missing, comma=False):
        infinite = np.isinf(values)
        if infinite.any():
            row = table.rows[int(np.argmax(infinite))]
            raise InputError(
                f"{place(table.path, name, row)}: an infinite number. Correct it, or "
                "leave the cell empty."
            )
        if np.isnan(values).all():
            return Column(name, "empty", values, missing)
        return Column(name, "number", values, missing, comma)

    def _text(self, table, name, cells, missing):
        """Read numbers if all cells are, categories if at most half are; else raise."""
        pattern, comma = POINT, False
        if self.decimal == "," or (self.decimal is None and not table.comma_divides):
            with_comma = [c for c in cells if c is not None and "," in c]
            if with_comma and all(COMMA.fullmatch(c) for c in cells if c is not None):
                if self.decimal is None and all(map(THOUSANDS.fullmatch, with_comma)):
                    row = table.rows[cells.index(with_comma[0])]
                    raise InputError(
                        f"{place(table.path, name, row)}: the comma in "
                        f"'{with_comma[0]}' may be decimal or separate thousands. Use "
                        "--decimal comma, or remove the comma."
                    )
                pattern, comma = COMMA, True
        is_number = [c is not None and bool(pattern.fullmatch(c)) for c in cells]
        n_numbers, n_seen = sum(is_number), sum(c is not None for c in cells)
        if n_numbers == n_seen:
            values = [
                np.nan if c is None else float(c.replace(",", ".") if comma else c)
                for c in cells
            ]
            return self._numbers(table, name, np.array(values), missing, comma)
        if 2 * n_numbers > n_seen:
            odd = next(
                i for i, c in enumerate(cells) if c is not None and not is_number[i]
            )
            raise InputError(
                f"{place(table.path, name, table.rows[odd])}: "
                f"'{shown(cells[odd], 40)}' in a column of numbers "
                f"({n_seen - n_numbers} of {n_seen} cells are not numbers). "
                "Correct it, or use --missing, --category or --drop."
            )
        return Column(name, "category", np.array(cells, dtype=object), missing)


def label_text(value):
    """A value as the text of a label, with whole numbers as integers."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)
