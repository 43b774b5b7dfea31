"""A record of how a table was read, including every guess."""

from dataclasses import dataclass, field

import numpy as np

from sklearn_persona._cli.errors import some_names
from sklearn_persona._cli.reading.cells import label_text
from sklearn_persona._text.safe import shown

__all__ = ["Account"]

# Whole numbers with at most this many distinct values may be codes.
FEW_VALUES = 10


@dataclass
class Account:
    """How a table was read, including every guess.

    Attributes
    ----------
    notes : list of str
    numbers : list of str
    categories : dict
        Levels by column.
    codes : dict
        Number of distinct values, by column read as numbers that may be codes.
    dropped, suspects : dict
        Reason by column.
    missing : dict
        Count of each cell that stood for a missing value, by column.
    n_rows : int
        Rows in the analysis.
    """

    notes: list = field(default_factory=list)
    numbers: list = field(default_factory=list)
    categories: dict = field(default_factory=dict)
    codes: dict = field(default_factory=dict)
    dropped: dict = field(default_factory=dict)
    suspects: dict = field(default_factory=dict)
    missing: dict = field(default_factory=dict)
    n_rows: int = 0

    def describe(self, columns):
        """Record how the baseline variables were read.

        Parameters
        ----------
        columns : list of Column
        """
        with_comma = [column.name for column in columns if column.comma]
        if with_comma:
            self.notes.append(f"decimal comma: {some_names(with_comma, 10)}")
        for column in columns:
            values = column.values[~column.absent]
            if column.kind == "category":
                levels = sorted({label_text(v) for v in values})
                self.categories[column.name] = levels
                if len({level.casefold() for level in levels}) < len(levels):
                    self.notes.append(
                        f"{shown(column.name)}: levels that differ only in case count "
                        "as different"
                    )
            else:
                self.numbers.append(column.name)
                n_values = len(np.unique(values))
                whole = np.all(values == np.round(values))
                if whole and 2 < n_values <= FEW_VALUES:
                    self.codes[column.name] = n_values
            if column.missing:
                self.missing[column.name] = dict(column.missing)

    def lines(self):
        """The record as text, one entry per line."""
        lines = list(self.notes)
        lines.append(
            f"baseline variables: {len(self.numbers)} read as numbers, "
            f"{len(self.categories)} as categories"
        )
        for name, levels in self.categories.items():
            lines.append(
                f"category: {shown(name)} ({len(levels)}: {some_names(levels, 5)})"
            )
        if self.codes:
            names = [f"{name} ({n} values)" for name, n in self.codes.items()]
            lines.append(
                f"numbers that may be codes (--category): {some_names(names, 10)}"
            )
        for name, reason in self.dropped.items():
            lines.append(f"dropped: {shown(name)} - {reason}")
        for name, reason in self.suspects.items():
            lines.append(
                f"measured after treatment began? {shown(name)} - {reason}; kept "
                "(--drop leaves it out)"
            )
        for name, cells in self.missing.items():
            counts = [
                f"{n} {'' if c == 'empty' else 'x '}{c}" for c, n in cells.items()
            ]
            lines.append(f"missing: {shown(name)} ({some_names(counts)})")
        return lines

    def for_report(self):
        """The record in the form that a report takes."""
        return {"notes": self.lines(), "suspects": dict(self.suspects)}

    def to_dict(self):
        """The record as plain values for JSON."""
        out = dict(vars(self))
        out["dropped"] = _reasons(self.dropped)
        out["suspects"] = _reasons(self.suspects)
        return out


def _reasons(found):
    return [{"column": name, "reason": reason} for name, reason in found.items()]
