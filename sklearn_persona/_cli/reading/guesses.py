"""Guess which columns are not, or may not be, baseline variables."""

import itertools
import re

import numpy as np

from sklearn_persona._text.numbers import percent

__all__ = ["drop_reason", "suspect_reasons"]

IDENTIFIER = re.compile(
    r"^(?:row\s?)?(?:id|ids|rownames?|index|subj|subject|subjid|usubjid|patient|pat|"
    r"patid|participant|pid|ptid|record|mrn|case|key|uuid|no|nr|number|unnamed|column)$"
)
# Words in names of columns that are often measured after treatment began.
AFTERWARDS = frozenset(
    "followup fu post posttest postop change chg delta diff endpoint final last "
    "outcome outcomes response responder responded remission remitted relapse relapsed "
    "recurrence completed completer dropout dropped withdrawal withdrawn discontinued "
    "pod pacu adverse ae sae adherence compliance survival death died event "
    "result".split()
)
TIMES = frozenset(
    "day days d week weeks wk w month months mo m visit year years".split()
)
BEFORE = frozenset("baseline base bl pre screening prior history since age of".split())
# Units only after a name and a number: bdi_2m, but neither m1 nor d2.
SHORT = frozenset("h d w m mo".split())
# A column that explains these shares of the outcome's variance is taken for a copy of
# the outcome, or suspected to be one.
COPY, NEAR = 0.99, 0.9
# Pairs of columns are checked in tables up to this width.
MOST_FOR_PAIRS = 60
# A text column with more levels may contain identifiers or free text.
MOST_LEVELS = 20


def words_of(name):
    """Lower-case words and numbers of a name: ``HAMD_day7`` is hamd, day, 7."""
    name = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    name = re.sub(r"(?i)follow[\s_.-]*up", "followup", name)
    return re.findall(r"[a-z]+|[0-9]+", name.lower())


def drop_reason(column, units):
    """The reason to drop a column that cannot describe a group of participants.

    Parameters
    ----------
    column : Column
    units : ndarray of int
        First row of each participant.

    Returns
    -------
    reason : str or None
    """
    if column.kind == "empty":
        return "no values"
    if column.kind == "date":
        return "dates; use an age or a duration instead"
    absent = column.absent
    seen = column.values[~absent]
    distinct = set(seen.tolist())
    if len(distinct) == 1:
        return "constant"
    own = column.values[units]
    own = own[~absent[units]]
    n_own = len(set(own.tolist()))
    if column.kind == "category":
        if n_own > MOST_LEVELS and 2 * n_own > len(own):
            return f"identifier or free text: {n_own} values in {len(own)} participants"
        return None
    whole = np.all(own == np.round(own))
    if not whole or n_own < len(own) or len(own) < 3:
        return None
    if IDENTIFIER.match(" ".join(words_of(column.name)[:1] or ["unnamed"])):
        return "identifier: named as one, and different for every participant"
    if own.max() - own.min() + 1 == len(own):
        return "identifier: numbers the participants"
    return None


def suspect_reasons(columns, outcome, arm, name):
    """Find columns that may have been measured after treatment began.

    Parameters
    ----------
    columns : list of Column
    outcome : ndarray of float
    arm : ndarray of str or None
    name : str
        Name of the outcome.

    Returns
    -------
    copies : dict
        Reason by column, for columns that copy the outcome or the arm, or that are
        the outcome at another time.
    suspects : dict
        Reason by column, for columns that the user should check.
    """
    copies, suspects = {}, {}
    for column in columns:
        if arm is not None and _same_parts(column, arm):
            copies[column.name] = "duplicates the arm"
            continue
        if _same_but_time(column.name, name):
            copies[column.name] = "the outcome at another time, by its name"
            continue
        share = _explained(column, outcome)
        if share >= COPY:
            copies[column.name] = f"explains {percent(share)} of the outcome's variance"
        elif share >= NEAR:
            suspects[column.name] = (
                f"explains {percent(share, 0)} of the outcome's variance"
            )
        elif reason := _later_by_name(column.name):
            suspects[column.name] = reason
    others = [c for c in columns if c.name not in copies]
    for pair in _pairs_that_give(others, outcome):
        for one, other in (pair, pair[::-1]):
            suspects.setdefault(one, f"determines the outcome together with '{other}'")
    return copies, suspects


def _later_by_name(name):
    words = words_of(name)
    if BEFORE & set(words):
        return None
    for word in words:
        if word in AFTERWARDS:
            return f"'{word}' in its name"
    times = _times(words)
    return f"'{' '.join(times[0])}' in its name" if times else None


def _times(words):
    """Neighboring words such as week 6 or 6 weeks that are later than baseline."""
    found = []
    for first, second in itertools.pairwise(words):
        number, word = (first, second) if first.isdigit() else (second, first)
        if word in SHORT and (not first.isdigit() or len(words) < 3):
            continue
        if word in TIMES and number.isdigit() and int(number) > (word == "visit"):
            found.append((first, second))
    return found


def _same_but_time(name, other):
    """Whether two names differ only in a time after baseline."""
    stems = []
    for words in (words_of(name), words_of(other)):
        times = _times(words)
        if not times:
            return False
        stems.append([word for word in words if word not in times[0]])
    return bool(stems[0]) and stems[0] == stems[1]


def _explained(column, outcome):
    """Share of the outcome's variance explained by a line or by levels."""
    present = ~column.absent
    y = outcome[present]
    if len(y) < 5 or y.max() == y.min():
        return 0.0
    if column.kind == "category":
        _, codes = np.unique(column.values[present].astype(str), return_inverse=True)
        n_levels = codes.max() + 1
        if 2 * n_levels > len(y):
            return 0.0
        means = np.bincount(codes, y) / np.bincount(codes)
        return float(1 - np.sum((y - means[codes]) ** 2) / np.sum((y - y.mean()) ** 2))
    x = column.values[present]
    if x.max() == x.min():
        return 0.0
    return float(np.corrcoef(x, y)[0, 1] ** 2)


def _same_parts(column, arm):
    """Whether a column and the arm divide the rows identically."""
    present = ~column.absent
    pairs = set(zip(column.labels()[present].tolist(), arm[present].tolist()))
    n_levels = len({value for value, _ in pairs})
    n_arms = len({value for _, value in pairs})
    return n_arms > 1 and len(pairs) == n_levels == n_arms


def _pairs_that_give(columns, outcome):
    """Pairs of columns of which the outcome is a sum or difference."""
    columns = [c for c in columns if c.kind == "number" and not c.absent.any()]
    if len(columns) > MOST_FOR_PAIRS or len(outcome) < 10 or np.ptp(outcome) == 0:
        return []
    y = outcome - outcome.mean()
    table = np.stack([c.values - c.values.mean() for c in columns]) if columns else None
    found = []
    for i, one in enumerate(columns):
        for j in range(i):
            pair = table[[i, j]].T
            rest = y - pair @ np.linalg.lstsq(pair, y, rcond=None)[0]
            if rest @ rest < 1e-6 * (y @ y):
                found.append((columns[j].name, one.name))
    return found
