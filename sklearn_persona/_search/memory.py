"""Check, before a search, that it fits into memory."""

import os
from pathlib import Path

import numpy as np

from sklearn_persona._data.table import numbers
from sklearn_persona._search.binning import column_cuts, n_level_sets

__all__ = ["available_bytes", "check_room"]

# More conditions are refused on any machine.
MOST_CONDITIONS = 10**7
# Peak memory per condition, measured as the resident size of fits with 1,000 to 20,000
# columns: bytes for its words and keys, and copies of its row set (fewer in tables with
# many rows).
CONDITION_BYTES = 350
COPIES, COPIES_OF_MANY_ROWS, MANY_ROWS = 4, 2, 5000
# Values used to estimate the number of conditions, from at most 200 columns.
MOST_VALUES = 2 * 10**6
GROUP = Path("/sys/fs/cgroup")


def _number(path):
    """Integer in a file; None if there is none."""
    try:
        return int(Path(path).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _free():
    """Memory that Linux can provide without swapping."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return 1024 * int(line.split()[1])
    return None


def _left_of_group():
    """Memory left by a container or batch system (control groups, version 1 or 2)."""
    for limit, used, cache in (
        ("memory.max", "memory.current", "inactive_file "),
        (
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
            "total_inactive_file ",
        ),
    ):
        most, now = _number(GROUP / limit), _number(GROUP / used)
        if most is None or now is None:
            continue
        try:
            stat = (GROUP / limit).with_name("memory.stat").read_text(encoding="ascii")
        except OSError:
            stat = ""
        lines = [line for line in stat.splitlines() if line.startswith(cache)]
        reclaimable = int(lines[0].split()[1]) if lines else 0
        return max(most - now + reclaimable, 0)
    return None


def _left_of_process():
    """Memory left by a limit of the address space (``ulimit -v``)."""
    try:
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        if most == resource.RLIM_INFINITY:
            return None
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        return max(most - pages * resource.getpagesize(), 0)
    except (ImportError, OSError, ValueError):
        return None


def _installed():
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def available_bytes():
    """Memory that this process may still allocate.

    Returns
    -------
    n_bytes : int or None
        The smallest of the memory that is free, the memory left by control groups and
        the memory left by the limit of the process; None if all are unknown.
    """
    known = [_free(), _left_of_group(), _left_of_process(), _installed()]
    return min((n for n in known if n is not None), default=None)


def _n_conditions(columns, rows, n_cuts, intervals):
    """Number of conditions, estimated from evenly spaced columns."""
    n_seen = int(np.clip(MOST_VALUES // max(len(rows), 1), 5, 200))
    places = np.linspace(0, len(columns) - 1, min(n_seen, len(columns)))
    total = 0
    places = np.unique(places.astype(int))
    for place in places:
        column = columns[place]
        if column.levels is not None:
            total += n_level_sets(len(column.levels))
            continue
        n = len(column_cuts(numbers(column.values[rows]), n_cuts))
        total += 2 * n + (n * (n - 1) // 2 if intervals else 0)
    return int(total / len(places) * len(columns))


def check_room(columns, rows, *, n_cuts, conditions):
    """Raise an error if a search would not fit into memory.

    Parameters
    ----------
    columns : sequence of TableColumn
    rows : ndarray of int, shape (n_units,)
        Row of the table that describes each unit.
    n_cuts : int or "all"
    conditions : {"one-sided", "interval"}

    Raises
    ------
    ValueError
        If there are too many conditions, or the predicted peak exceeds the available
        memory.
    """
    intervals = conditions == "interval"
    n = _n_conditions(columns, rows, n_cuts, intervals)
    copies = COPIES if len(rows) <= MANY_ROWS else COPIES_OF_MANY_ROWS
    needed = n * (CONDITION_BYTES + copies * (len(rows) + 7) // 8)
    advice = "select columns beforehand, by a rule that does not see the outcome"
    if n_cuts == "all" or n_cuts > 1:
        advice = f"lower n_cuts={n_cuts!r}, or {advice}"
    if intervals:
        advice = f"use conditions='one-sided', {advice}"
    what = (
        f"{len(columns):,} columns over {len(rows):,} units make about {n:,} conditions"
    )
    if n > MOST_CONDITIONS:
        raise ValueError(
            f"{what}, and at most {MOST_CONDITIONS:,} are searched: {advice}."
        )
    room = available_bytes()
    if room is not None and needed > room:
        raise ValueError(
            f"{what}, which need about {needed / 2**30:.2g} GiB of memory; "
            f"{room / 2**30:.2g} GiB are available: {advice}."
        )
