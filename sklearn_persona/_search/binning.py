"""From columns to selectors: every condition of a rule, as a row set."""

from dataclasses import dataclass, replace

import numpy as np

from sklearn_persona._data.table import numbers
from sklearn_persona._search._kernel import pack_rows, unpack_rows

__all__ = ["Selectors", "all_places", "column_cuts", "make_selectors"]

# Sides in the order that breaks ties.
AT_MOST, ABOVE, BETWEEN, EQUAL, ONE_OF = range(5)

# Up to this number of levels a categorical column also yields sets of levels: 2**5 - 2
# conditions, about as many as 9 cuts of a number.
MAX_LEVELS_FOR_SETS = 5

# Larger row sets, in total, are refused before they are built.
MAX_BYTES = 6 * 2**30


@dataclass(frozen=True)
class Selectors:
    """Conditions that enough units satisfy, column by column.

    Attributes
    ----------
    bits : ndarray of uint64, shape (n_selectors, n_words)
        Row sets over the units, lowest bit first.
    feature, side, cut, modality : ndarray of int32, shape (n_selectors,)
        Column position, side, rank of the cut within the side, modality code.
    limits : list of tuple
        Per selector ``(low, high)`` for a number (None: open) or a tuple of levels.
    n_conditions : ndarray of int64, shape (n_columns,)
        Conditions of each column before any is dropped for its size.
    n_units : int
    n_intervals : ndarray of int64, shape (n_columns,), or None
        Those of ``n_conditions`` that have two edges; None for none.
    """

    bits: np.ndarray
    feature: np.ndarray
    side: np.ndarray
    cut: np.ndarray
    modality: np.ndarray
    limits: list
    n_conditions: np.ndarray
    n_units: int
    n_intervals: np.ndarray | None = None

    def take(self, chosen):
        """The selectors at some positions."""
        return replace(
            self,
            bits=self.bits[chosen],
            feature=self.feature[chosen],
            side=self.side[chosen],
            cut=self.cut[chosen],
            modality=self.modality[chosen],
            limits=[self.limits[i] for i in chosen] if self.limits else [],
        )

    def among(self, chosen):
        """The same conditions over some of the units, shape (n_units,) of bool."""
        bits = [
            pack_rows(unpack_rows(row[None], self.n_units)[:, chosen])
            for row in self.bits
        ]
        return replace(
            self, bits=np.concatenate(bits), n_units=int(np.count_nonzero(chosen))
        )

    def members(self, rule):
        """Membership of a rule, given by its selectors, of shape (n_units,)."""
        bits = np.bitwise_and.reduce(self.bits[list(rule)], axis=0)
        return unpack_rows(bits[None], self.n_units)[0]

    def without_intervals(self):
        """The selectors that do not have two edges."""
        if self.n_intervals is None or not self.n_intervals.any():
            return self
        part = self.take(np.flatnonzero(self.side != BETWEEN))
        return replace(
            part, n_conditions=self.n_conditions - self.n_intervals, n_intervals=None
        )

    def n_of_size(self, n_variables):
        """Number of conjunctions of this many conditions on different columns."""
        # Elementary symmetric polynomials of the counts, in exact integers.
        e = [1] + [0] * n_variables
        for count in map(int, self.n_conditions):
            for k in range(n_variables, 0, -1):
                e[k] += e[k - 1] * count
        return e[n_variables]

    def n_candidates(self, max_variables, interval_variables=4):
        """Number of conjunctions of 1..max_variables conditions on different columns.

        Those of more than ``interval_variables`` have no condition with two edges.
        """
        plain = self.without_intervals()
        return sum(
            (self if k <= interval_variables else plain).n_of_size(k)
            for k in range(1, max_variables + 1)
        )


def column_cuts(values, n_cuts):
    """Cut points of a numeric column.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        NaN where missing.
    n_cuts : int or "all"
        Number of quantiles, or every midpoint between neighboring values.

    Returns
    -------
    cuts : ndarray of float64
        Increasing; empty when every value is missing.
    """
    values = values[~np.isnan(values)]
    if not len(values):
        return np.empty(0)
    if n_cuts == "all":
        values = np.unique(values)
        low, high = values[:-1], values[1:]
        middle = low / 2 + high / 2
        # Neighbors too close for a number between them: the lower one cuts.
        return np.where((middle >= low) & (middle < high), middle, low)
    return np.unique(np.quantile(values, np.arange(1, n_cuts + 1) / (n_cuts + 1)))


def _numeric_conditions(values, cuts, intervals):
    """Yield (side, rank, low, high, first code, last code) over the cuts.

    A value has code j when it lies above exactly j cuts, so every condition is a
    range of codes.
    """
    n = len(cuts)
    for j, cut in enumerate(cuts):
        yield AT_MOST, j, None, float(cut), 0, j
    for j, cut in enumerate(cuts):
        yield ABOVE, j, float(cut), None, j + 1, n
    if intervals:
        rank = 0
        for i in range(n):
            for j in range(i + 1, n):
                yield BETWEEN, rank, float(cuts[i]), float(cuts[j]), i + 1, j
                rank += 1


def n_level_sets(n_levels):
    """Number of sets of levels that are conditions of a categorical column."""
    return 2**n_levels - 2 if 2 < n_levels <= MAX_LEVELS_FOR_SETS else n_levels


def _level_sets(n_levels):
    """Sets of level codes: singletons, then larger proper subsets."""
    sets = [(EQUAL, code, (code,)) for code in range(n_levels)]
    if 2 < n_levels <= MAX_LEVELS_FOR_SETS:
        masks = range(1, 2**n_levels - 1)
        chosen = [tuple(i for i in range(n_levels) if m >> i & 1) for m in masks]
        larger = sorted((c for c in chosen if len(c) > 1), key=lambda c: (len(c), c))
        sets += [(ONE_OF, rank, codes) for rank, codes in enumerate(larger)]
    return sets


def make_selectors(columns, rows, *, n_cuts, conditions, modality, least_members):
    """Build the conditions of a table over the units of an analysis.

    Parameters
    ----------
    columns : sequence of TableColumn
    rows : ndarray of int, shape (n_units,)
        The row of the table that describes each unit.
    n_cuts : int or "all"
    conditions : {"one-sided", "interval"}
    modality : ndarray of int, shape (n_columns,)
    least_members : int
        Conditions with fewer units are counted but not built.

    Returns
    -------
    selectors : Selectors

    Raises
    ------
    ValueError
        When the row sets would take more memory than is allowed.
    """
    n_units = len(rows)
    least_members = max(int(least_members), 1)
    packed, limits, n_conditions, n_intervals = [], [], [], []
    keys = {name: [] for name in ("feature", "side", "cut")}
    n_bytes = 0

    def add(position, kept, member):
        nonlocal n_bytes
        bits = pack_rows(member)
        n_bytes += bits.nbytes
        if n_bytes > MAX_BYTES:
            raise ValueError(
                f"The conditions of {len(columns)} columns over {n_units} units need "
                f"more than {MAX_BYTES // 2**30} GiB; lower n_cuts, use "
                "conditions='one-sided' or select fewer columns."
            )
        packed.append(bits)
        for side, rank, limit in kept:
            keys["feature"].append(position)
            keys["side"].append(side)
            keys["cut"].append(rank)
            limits.append(limit)

    for column in columns:
        values = column.values[rows]
        if column.levels is None:
            values = numbers(values)
            cuts = column_cuts(values, n_cuts)
            codes = np.searchsorted(cuts, values, side="left")
            codes[np.isnan(values)] = len(cuts) + 1
            below = np.concatenate(
                [[0], np.cumsum(np.bincount(codes, minlength=len(cuts) + 2))]
            )
            intervals = conditions == "interval"
            n = len(cuts)
            n_intervals.append(n * (n - 1) // 2 if intervals else 0)
            n_conditions.append(2 * n + n_intervals[-1])
            kept = [
                (side, rank, (low, high), first, last)
                for side, rank, low, high, first, last in _numeric_conditions(
                    values, cuts, intervals
                )
                if below[last + 1] - below[first] >= least_members
            ]
            # In blocks, so that many rows times many cuts are never unpacked at once.
            block = max(1, 2**26 // max(n_units, 1))
            for start in range(0, len(kept), block):
                part = kept[start : start + block]
                first = np.array([k[3] for k in part])[:, None]
                last = np.array([k[4] for k in part])[:, None]
                add(
                    column.position,
                    [k[:3] for k in part],
                    (codes >= first) & (codes <= last),
                )
        else:
            counts = np.bincount(values + 1, minlength=len(column.levels) + 1)[1:]
            sets = _level_sets(len(column.levels))
            n_intervals.append(0)
            n_conditions.append(len(sets))
            for side, rank, codes in sets:
                if counts[list(codes)].sum() >= least_members:
                    levels = tuple(column.levels[code] for code in codes)
                    add(
                        column.position,
                        [(side, rank, levels)],
                        np.isin(values, codes)[None],
                    )

    feature = np.array(keys["feature"], dtype=np.int32)
    empty = pack_rows(np.zeros((0, n_units), bool))
    return Selectors(
        bits=np.concatenate(packed) if packed else empty,
        feature=feature,
        side=np.array(keys["side"], dtype=np.int32),
        cut=np.array(keys["cut"], dtype=np.int32),
        modality=np.asarray(modality, dtype=np.int32)[feature],
        limits=limits,
        n_conditions=np.array(n_conditions, dtype=np.int64),
        n_units=n_units,
        n_intervals=np.array(n_intervals, dtype=np.int64),
    )


def all_places(columns, limits, rows, *, least_members):
    """Build the conditions that differ from given ones only by the places of edges.

    Parameters
    ----------
    columns : sequence of TableColumn
    limits : sequence of tuple
        Limits of one condition on each column, as in `Selectors`.
    rows : ndarray of int, shape (n_units,)
    least_members : int

    Returns
    -------
    selectors : Selectors
        Edges at every midpoint between neighboring values, open ends open; sets of
        levels as they are.
    """
    parts = []
    for column, given in zip(columns, limits):
        both = column.levels is None and None not in given
        part = make_selectors(
            [column],
            rows,
            n_cuts="all",
            conditions="interval" if both else "one-sided",
            modality=np.zeros(column.position + 1, np.int32),
            least_members=least_members,
        )
        if column.levels is None:
            shape = [end is None for end in given]
            chosen = [[end is None for end in limit] == shape for limit in part.limits]
        else:
            chosen = [limit == given for limit in part.limits]
        parts.append(part.take(np.flatnonzero(chosen)))
    return Selectors(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("bits", "feature", "side", "cut", "modality", "n_conditions")
        },
        limits=[limit for part in parts for limit in part.limits],
        n_units=len(rows),
    )
