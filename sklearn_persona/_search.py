"""The search for personas: best rules, greedily distinct, in both directions."""

import time
import warnings
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from sklearn_persona._beam import Pool, beam_search
from sklearn_persona._columns import fixed_point, make_column, origin, size_limits
from sklearn_persona._cost import cube_seconds, predicted_seconds, quick_seconds
from sklearn_persona._cube import CellTable, Cubes, CubeSearch
from sklearn_persona._kernel import Search, count_rows, unpack_rows
from sklearn_persona._objectives import OBJECTIVES, pooled_sd
from sklearn_persona._slices import SliceOptions, run_slices, shares_memory
from sklearn_persona.exceptions import SearchCostWarning

__all__ = [
    "FoundRule",
    "SearchRecord",
    "SearchSettings",
    "find_rules",
    "objective_of",
    "objective_of_members",
]

FAVORABLE, UNFAVORABLE = 1, -1
# A search predicted to take longer than this (seconds) comes with a warning.
LONG = 1800
# A search predicted to take less stays in this process: others take time to start.
SHORT = 2
# Room of a thread for the row sets that a list may be chosen from.
COLLECTED_BYTES = 2**28
# Tuples that each step of the list visits after the time is up.
LATE_TUPLES = 64


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
class FoundRule:
    """A rule kept by the search.

    Attributes
    ----------
    selectors : tuple of int
    conditions : tuple of tuple
        ``(column position, limits)`` of each condition, limits as in `Selectors`.
    sign : int
    objective : float
    members : ndarray of bool, shape (n_units,)
    """

    selectors: tuple
    conditions: tuple
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


def _run_threads(search, n_jobs):
    """Call ``search.run`` in this thread and n_jobs - 1 others."""
    if n_jobs == 1:
        search.run()
        return
    with ThreadPoolExecutor(n_jobs - 1) as threads:
        try:
            others = [threads.submit(search.run) for _ in range(n_jobs - 1)]
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
        if shares_memory():
            _run_threads(search, self.n_jobs)
        elif self.n_jobs == 1 or self.predicted_seconds(incumbent) < SHORT:
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


class _CubeDirection:
    """The greedy list of one direction, from the cubes.

    The first visit of all tuples serves both directions and leaves the largest value
    of each tuple; a further step visits only tuples whose largest value reaches the
    step's best.
    """

    def __init__(self, cubes, which, sign, settings, n_jobs, deadline, on_poll):
        self.cubes, self.which, self.sign = cubes, which, sign
        self.settings, self.n_jobs = settings, n_jobs
        self.deadline, self.on_poll = deadline, on_poll
        self.exhausted, self.proven, self.n_evaluated = False, True, 0
        self.waiting = None
        self.kept_bits = np.empty((0, cubes.table.bits.shape[1]), np.uint64)

    def next(self):
        """Return (squared value, rule) of the next persona, or None."""
        if self.exhausted:
            return None
        best, self.waiting = self.waiting, None
        if best is None:
            best = self._exact()
        self.exhausted = best is None
        return best

    def _exact(self):
        options = {"deadline": self.deadline}
        if not self.proven:
            # Late already: the best of some promising tuples is what there is time for.
            options = {"most_tuples": LATE_TUPLES}
        search = CubeSearch(
            self.cubes,
            (self.which,),
            self.kept_bits,
            self.settings.max_overlap,
            on_poll=self.on_poll,
            **options,
        )
        _run_threads(search, self.n_jobs)
        self.n_evaluated += search.n_evaluated
        self.proven &= not search.timed_out
        return search.best[0]

    def keep(self, rule):
        """Exclude what overlaps a kept rule from the steps to come."""
        bits = np.asarray(self.cubes.table.bits)
        extent = np.bitwise_and.reduce(bits[list(rule)], axis=0)
        self.kept_bits = np.concatenate([self.kept_bits, extent[None]])


def _cell_table(selectors, label, settings):
    """Sort the units into cells; None when there are too many or nothing varies."""
    table = CellTable(
        selectors.bits,
        selectors.feature,
        selectors.side,
        selectors.cut,
        selectors.modality,
        selectors.n_units,
        arms=1 if label.treated is None else 2,
        min_variables=settings.min_variables,
        max_variables=settings.max_variables,
        min_modalities=settings.min_modalities,
    )
    if not table.eligible or fixed_point(label, settings.objective) is None:
        return None
    return table


def _cube_directions(table, label, settings, n_jobs, deadline, on_poll):
    """Visit every tuple once, for all directions."""
    values = fixed_point(label, settings.objective)
    cubes = Cubes(
        table,
        values.fixed,
        label.treated,
        values.scale,
        objective=settings.objective,
        signs=settings.signs,
        **size_limits(label, settings),
    )
    search = CubeSearch(
        cubes, range(len(settings.signs)), deadline=deadline, on_poll=on_poll
    )
    _run_threads(search, n_jobs)
    directions = []
    for which, sign in enumerate(settings.signs):
        direction = _CubeDirection(
            cubes, which, sign, settings, n_jobs, deadline, on_poll
        )
        direction.waiting = search.best[which]
        direction.proven = not search.timed_out
        direction.exhausted = direction.waiting is None
        directions.append(direction)
    directions[0].n_evaluated = search.n_evaluated
    return directions


def _bit_seconds(directions):
    """Predicted seconds of one search in each direction, on one thread."""
    return sum(
        direction.predicted_seconds(
            direction.pool.values[0] if len(direction.pool.values) else 0.0
        )
        for direction in directions
        if not direction.exhausted
    )


def objective_of(selectors, label, settings, rule, sign):
    """Reported objective of a rule, and its members."""
    members = unpack_rows(
        np.bitwise_and.reduce(selectors.bits[list(rule)], axis=0)[None],
        selectors.n_units,
    )[0]
    return objective_of_members(label, settings, members, sign), members


def objective_of_members(label, settings, members, sign):
    """Reported objective of the rule with these members."""
    outcome = label.outcome - origin(label.outcome, label.treated, settings.objective)
    scaled = sign * outcome / pooled_sd(outcome, label.treated)
    return OBJECTIVES[settings.objective].value(scaled, label.treated, members)


def _warn_if_long(seconds, selectors, settings):
    if seconds > LONG:
        n_candidates = selectors.n_candidates(settings.max_variables)
        warnings.warn(
            f"The exact search over {n_candidates:.2g} candidates is predicted to take "
            f"about {seconds / 3600:.1f} hours. Lower max_variables, n_cuts or "
            "n_personas, use conditions='one-sided', set max_time for the best answer "
            "until then, or use search='beam'.",
            SearchCostWarning,
            stacklevel=6,
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


def _open(selectors, label, settings, n_jobs, deadline, on_poll):
    """Start the lists of all directions on the path that is predicted to be faster."""
    arguments = label, settings, n_jobs, deadline, on_poll
    by_cubes, table = np.inf, None
    if settings.exact and len(selectors.bits):
        by_cubes = cube_seconds(selectors, settings)
    if np.isfinite(by_cubes) and by_cubes <= quick_seconds(selectors, settings):
        table = _cell_table(selectors, label, settings)
        # The steps after the first take little.
        seconds = by_cubes
        if table is None:
            by_cubes = np.inf
    if table is None:
        directions = [
            _Direction(selectors, label, sign, *arguments[1:])
            for sign in settings.signs
        ]
        if not settings.exact or deadline is not None:
            return directions
        seconds = _bit_seconds(directions)
        if by_cubes < seconds:
            table = _cell_table(selectors, label, settings)
        if table is None:
            seconds *= (settings.n_personas - 1) / len(directions) + 1
        else:
            seconds = by_cubes
    if deadline is None:
        _warn_if_long(seconds / n_jobs, selectors, settings)
    return directions if table is None else _cube_directions(table, *arguments)


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
    directions = _open(selectors, label, settings, n_jobs, deadline, on_poll)
    bits = isinstance(directions[0], _Direction)
    if bits and settings.exact and settings.n_personas > 1:
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
        conditions = tuple(
            (int(selectors.feature[i]), selectors.limits[i]) for i in rule
        )
        found.append(FoundRule(tuple(rule), conditions, direction.sign, value, members))
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
