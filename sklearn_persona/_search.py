"""The search for personas: best rules, greedily distinct, in both directions."""

import time
import warnings
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from sklearn_persona._beam import Pool, beam_search
from sklearn_persona._cost import predicted_seconds
from sklearn_persona._kernel import (
    Column,
    Search,
    count_rows,
    sets_in_order,
    transpose_sets,
    unpack_rows,
)
from sklearn_persona._objectives import OBJECTIVES, pooled_sd
from sklearn_persona._slices import SliceOptions, run_slices, shares_memory
from sklearn_persona.exceptions import SearchCostWarning

__all__ = [
    "Columns",
    "FoundRule",
    "LabelColumn",
    "SearchRecord",
    "SearchSettings",
    "find_rules",
    "objective_of",
]

FAVORABLE, UNFAVORABLE = 1, -1
# A search predicted to take longer than this (seconds) comes with a warning.
LONG = 1800
# A search predicted to take less stays in this process: others take time to start.
SHORT = 2
# Room of a thread for the row sets that a list may be chosen from.
COLLECTED_BYTES = 2**28


@dataclass(frozen=True)
class SearchSettings:
    """What a rule must satisfy and how it is looked for.

    Attributes
    ----------
    objective : str
    min_variables, max_variables, min_modalities : int
    least_arm : int
        Least units of an arm inside, and of an arm in the complement.
    least_members : int
        Least units inside (coverage).
    n_personas : int
    max_overlap : float
    signs : tuple of int
        1 looks for favorable rules, -1 for unfavorable ones.
    exact : bool
    max_time : float or None
        Seconds.
    """

    objective: str
    min_variables: int
    max_variables: int
    min_modalities: int
    least_arm: int
    least_members: int
    n_personas: int
    max_overlap: float
    signs: tuple
    exact: bool
    max_time: float | None


@dataclass(frozen=True)
class LabelColumn:
    """One labeling of the units.

    Attributes
    ----------
    outcome : ndarray of float64, shape (n_units,)
        Oriented: larger is better.
    treated : ndarray of bool, shape (n_units,), or None
        None for one-sample units (pairs, or cases of a single arm).
    """

    outcome: np.ndarray
    treated: np.ndarray | None


@dataclass(frozen=True)
class FoundRule:
    """A rule kept by the search.

    Attributes
    ----------
    selectors : tuple of int
    sign : int
    objective : float
    members : ndarray of bool, shape (n_units,)
    """

    selectors: tuple
    sign: int
    objective: float
    members: np.ndarray


@dataclass(frozen=True)
class SearchRecord:
    """What was searched, and whether the result is proven.

    Attributes
    ----------
    n_candidates : int
        Conjunctions of 1..max_variables conditions on different variables, before
        size limits.
    n_evaluated : int
        Rules whose objective was computed; the others were excluded by bounds.
    proven_optimal : bool
        Whether every step of the greedy list is proven best.
    best_objective : float
        NaN when nothing was found.
    seconds : float
    """

    n_candidates: int
    n_evaluated: int
    proven_optimal: bool
    best_objective: float
    seconds: float


class Columns:
    """Label columns over the same selectors; what no label changes is done once.

    Parameters
    ----------
    selectors : Selectors
    settings : SearchSettings
    """

    def __init__(self, selectors, settings):
        self.selectors, self.settings = selectors, settings
        self.rows = transpose_sets(selectors.bits)

    def make(self, label, sign):
        """The column of a labeling and a direction, or None (see `make_column`)."""
        n = len(self.selectors.bits)
        return _column(
            label,
            sign,
            self.selectors,
            self.settings,
            lambda order: sets_in_order(self.rows, order, n),
        )


def make_column(selectors, label, sign, settings):
    """Order the units by outcome within arms and hand them to the kernel.

    Returns None when the outcome does not vary within arms.
    """
    return _column(
        label, sign, selectors, settings, lambda order: _reorder(selectors.bits, order)
    )


def _column(label, sign, selectors, settings, in_order):
    outcome = sign * np.asarray(label.outcome, dtype=float)
    treated = label.treated
    one_sample = treated is None
    shifted = outcome - _origin(outcome, treated, settings.objective)
    largest = np.abs(shifted).max()
    if largest == 0:
        return None
    exponent = int(np.frexp(largest)[1])
    shifted = np.ldexp(shifted, -exponent)
    sd = pooled_sd(shifted, treated)
    if sd <= 1e-13:
        return None
    arm = np.ones(len(outcome), bool) if one_sample else treated
    order = np.lexsort((np.where(arm, -shifted, shifted), ~arm))
    # |sum| < 2**62 whatever the rows.
    steps = 62 - max(int(np.ceil(np.log2(len(outcome)))), 0) - 1
    fixed = np.rint(np.ldexp(shifted[order], steps)).astype(np.int64)
    n_treated = int(np.count_nonzero(arm))
    n_arms = np.array([n_treated, len(outcome) - n_treated])
    arms = 1 if one_sample else 2
    return Column(
        in_order(order),
        selectors.feature,
        selectors.side,
        selectors.cut,
        selectors.modality,
        fixed,
        float(np.ldexp(1.0, -steps) / sd),
        n_treated,
        objective=settings.objective,
        arms=arms,
        centers=_centers(settings.objective, shifted / sd, treated),
        least=[settings.least_arm] * arms + [0] * (2 - arms),
        most=[*(n_arms[:arms] - settings.least_arm), *[0] * (2 - arms)],
        least_members=settings.least_members,
        min_variables=settings.min_variables,
        max_variables=settings.max_variables,
        min_modalities=settings.min_modalities,
    )


def _origin(outcome, treated, objective):
    """Where outcomes are counted from.

    Only the effect in one sample depends on where zero is; elsewhere it is an outcome
    of the data, so that sums of round numbers stay exact and large offsets cancel.
    """
    if treated is None and objective == "effect":
        return 0.0
    return np.sort(outcome)[len(outcome) // 2]


def _centers(objective, outcome, treated):
    """Constants at which the bounds of two arms are taken apart."""
    if treated is None or objective in ("sum-of-squares", "mean-shift"):
        return [0.0]
    middle = 0.0
    if objective == "effect":
        middle = (outcome[treated].mean() + outcome[~treated].mean()) / 2
    return [middle, middle - 0.4, middle + 0.4]


def _reorder(bits, order):
    """Row sets in another order of their rows, in blocks, so that no copy is large."""
    out = np.empty_like(bits)
    block = 64 * max(1, 2**14 // max(bits.shape[1], 1))
    for start in range(0, len(bits), block):
        part = bits[start : start + block]
        out[start : start + block] = sets_in_order(
            transpose_sets(part), order, len(part)
        )
    return out


class _Direction:
    """The greedy list of one direction, one step at a time."""

    def __init__(self, selectors, label, sign, settings, n_jobs, deadline, on_poll):
        self.selectors, self.settings = selectors, settings
        self.label, self.sign = label, sign
        self.n_jobs, self.deadline, self.on_poll = n_jobs, deadline, on_poll
        self.column = make_column(selectors, label, sign, settings)
        self.proven = settings.exact
        # Every row set with at least this squared value is in the pool.
        self.complete_above = np.inf
        self.exhausted = self.column is None or not len(selectors.bits)
        self.n_evaluated = 0
        if not self.exhausted:
            self.pool = beam_search(
                self.column,
                selectors,
                min_variables=settings.min_variables,
                max_variables=settings.max_variables,
                min_modalities=settings.min_modalities,
            )
            self.n_evaluated += self.pool.n_evaluated
            self.kept_bits = np.empty((0, self.column.bits.shape[1]), np.uint64)
            self.open = np.ones(len(self.pool.rules), bool)

    def next(self):
        """Return (squared value, rule) of the next persona, or None."""
        if self.exhausted:
            return None
        best = self._head()
        if self.proven and (best is None or best[0] < self.complete_above):
            best = self._exact(best)
        if best is None:
            self.exhausted = True
        return best

    def _head(self):
        """Best rule of the pool that overlaps no kept one, or None."""
        if not self.open.any():
            return None
        first = int(np.argmax(self.open))
        return float(self.pool.values[first]), self.pool.rules[first]

    def collect(self, value):
        """Put every row set with at least this squared value into the pool.

        One search at the value of the last persona then serves the whole list. When
        there are too many row sets the pool stays, and each step searches.
        """
        if self.exhausted or not self.proven:
            return
        limit = COLLECTED_BYTES // (8 * self.column.bits.shape[1] + 48)
        search = self._run(value, limit)
        if search.overflowed:
            return
        values, rules, extents = search.collected()
        if search.timed_out:
            # What the beam knew may be missing from an unfinished search.
            self.proven = False
            if not len(values) or values[0] < self.pool.values[0]:
                return
        else:
            self.complete_above = value
        self.pool = Pool(rules, values, extents, self.pool.n_evaluated)
        self.open = np.ones(len(rules), bool)

    def _exact(self, incumbent):
        search = self._run(incumbent[0] if incumbent else 0.0)
        if search.timed_out:
            self.proven = False
        return search.best if search.best is not None else incumbent

    def _run(self, incumbent, limit=0):
        search = Search(
            self.column,
            self.kept_bits,
            self.settings.max_overlap,
            incumbent,
            self.deadline,
            self.on_poll,
            limit,
        )
        search.start()
        if self.n_jobs == 1:
            search.run()
        elif shares_memory():
            self._run_threads(search)
        elif self.predicted_seconds(incumbent) < SHORT:
            search.run()
        else:
            # The words of the conditions would be long to send, and are not needed.
            selectors = replace(self.selectors, limits=[])
            run_slices(
                search,
                partial(make_column, selectors, self.label, self.sign, self.settings),
                SliceOptions(
                    self.kept_bits, self.settings.max_overlap, incumbent, limit
                ),
                n_jobs=self.n_jobs,
                deadline=self.deadline,
                on_poll=self.on_poll,
            )
        self.n_evaluated += search.n_evaluated
        return search

    def _run_threads(self, search):
        with ThreadPoolExecutor(self.n_jobs - 1) as threads:
            try:
                others = [threads.submit(search.run) for _ in range(self.n_jobs - 1)]
                # In this thread too: only the main thread sees Ctrl-C.
                search.run()
                # An endless wait may sleep through Ctrl-C.
                while wait(others, timeout=0.1).not_done:
                    pass
                for other in others:
                    other.result()
            except BaseException:
                search.stop()
                raise

    def predicted_seconds(self, incumbent):
        """Time of a search on one thread, from a probe."""
        return predicted_seconds(self.column, self.selectors, incumbent, self.settings)

    def keep(self, rule):
        """Exclude what overlaps a kept rule from the steps to come."""
        extent = self.column.extents([rule])
        self.kept_bits = np.concatenate([self.kept_bits, extent])
        both = count_rows(self.pool.extents & extent)
        either = count_rows(self.pool.extents | extent)
        overlaps = both / np.maximum(either, 1) > self.settings.max_overlap
        self.open &= ~(overlaps | (both == either))


def objective_of(selectors, label, settings, rule, sign):
    """Reported objective of a rule, and its members."""
    members = unpack_rows(
        np.bitwise_and.reduce(selectors.bits[list(rule)], axis=0)[None],
        selectors.n_units,
    )[0]
    outcome = label.outcome - _origin(label.outcome, label.treated, settings.objective)
    scaled = sign * outcome / pooled_sd(outcome, label.treated)
    objective = OBJECTIVES[settings.objective]
    return float(objective.value(scaled, label.treated, members)), members


def _warn_if_long(directions, selectors, settings, n_jobs):
    steps = (settings.n_personas - 1) / len(directions) + 1
    seconds = sum(
        steps
        * direction.predicted_seconds(
            direction.pool.values[0] if len(direction.pool.values) else 0.0
        )
        for direction in directions
        if not direction.exhausted
    )
    seconds /= n_jobs
    if seconds > LONG:
        n_candidates = selectors.n_candidates(settings.max_variables)
        warnings.warn(
            f"The exact search over {n_candidates:.2g} candidates is predicted to take "
            f"about {seconds / 3600:.1f} hours. Lower max_variables, n_cuts or "
            "n_personas, use conditions='one-sided', set max_time for the best answer "
            "until then, or use search='beam'.",
            SearchCostWarning,
            stacklevel=5,
        )


def _last_value(directions, settings):
    """Squared value of the last persona if the pools were all there is.

    None when the pools do not fill the list.
    """
    heads = []
    for direction in directions:
        if direction.exhausted:
            continue
        before = direction.kept_bits, direction.open.copy()
        for _ in range(settings.n_personas):
            head = direction._head()
            if head is None:
                break
            heads.append(head[0])
            direction.keep(head[1])
        direction.kept_bits, direction.open = before
    heads.sort(reverse=True)
    n = settings.n_personas
    return heads[n - 1] if len(heads) >= n else None


def find_rules(selectors, label, settings, *, n_jobs=1, on_poll=None):
    """Find the greedy list of rules over both directions.

    Each direction has a list of its own, in which a rule overlaps no better one by
    more than ``max_overlap`` (Jaccard index of the units) and has the members of none;
    the lists are merged by objective.

    Parameters
    ----------
    selectors : Selectors
    label : LabelColumn
    settings : SearchSettings
    n_jobs : int
        Threads, or tasks of the joblib backend when one is selected whose workers share
        no memory. The result does not depend on it.
    on_poll : callable or None
        Called during the search with the share of the current step that is done.

    Returns
    -------
    rules : list of FoundRule
        At most ``n_personas``, best first.
    record : SearchRecord
    """
    start = time.monotonic()
    deadline = None if settings.max_time is None else start + settings.max_time
    directions = []
    for sign in settings.signs:
        direction = _Direction(
            selectors, label, sign, settings, n_jobs, deadline, on_poll
        )
        directions.append(direction)
    if settings.exact and deadline is None:
        _warn_if_long(directions, selectors, settings, n_jobs)
    if settings.exact and settings.n_personas > 1:
        value = _last_value(directions, settings)
        for direction in directions:
            if value is not None:
                direction.collect(value)
    waiting = [direction.next() for direction in directions]
    found = []
    # A direction's list falls, so taking the better head each time merges them.
    while len(found) < settings.n_personas and any(waiting):
        values = [head[0] if head else -1.0 for head in waiting]
        i = int(np.argmax(values))
        direction, rule = directions[i], waiting[i][1]
        value, members = objective_of(selectors, label, settings, rule, direction.sign)
        found.append(FoundRule(tuple(rule), direction.sign, value, members))
        direction.keep(rule)
        if len(found) < settings.n_personas:
            waiting[i] = direction.next()
    proven = all(direction.proven for direction in directions)
    record = SearchRecord(
        n_candidates=selectors.n_candidates(settings.max_variables),
        n_evaluated=sum(direction.n_evaluated for direction in directions),
        proven_optimal=proven,
        best_objective=found[0].objective if found else float("nan"),
        seconds=time.monotonic() - start,
    )
    return found, record
