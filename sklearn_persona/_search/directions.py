"""Directions of a search: the greedy list of one part of the space, step by step.

The space falls into parts when rules of different lengths have different prices, or
when either arm may carry the shift of the objective. A part has a direction for each
sign.
"""

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from math import log

import numpy as np

from sklearn_persona._designs.labels import Labels
from sklearn_persona._search._cube import CellTable, Cubes, CubeSearch
from sklearn_persona._search._kernel import Search, count_rows, pack_rows, unpack_rows
from sklearn_persona._search.beam import Pool, beam_search
from sklearn_persona._search.cost import (
    cube_seconds,
    least_bit_seconds,
    predicted_seconds,
    quick_seconds,
)
from sklearn_persona._search.problem import (
    fixed_point,
    make_column,
    search_order,
    size_limits,
)
from sklearn_persona._search.slices import SliceOptions, run_slices, shares_memory

__all__ = [
    "Part",
    "is_out_of_reach",
    "labels_of",
    "members_of",
    "open_part",
    "parts_of",
    "spaces_of",
]

# A search predicted to take less stays in this process: others take time to start.
SHORT = 2
# A proof that sizes alone put beyond so many seconds on one thread is out of reach.
PATIENCE = 300
# Room of a thread for the row sets that a list may be chosen from.
COLLECTED_BYTES = 2**28
# Tuples that each step of the list visits after the time is up.
LATE_TUPLES = 64
# A rule that needs an interval costs as much more as this in logarithms of candidates:
# their number alone lets intervals win by chance (benchmarks/objective_choice.py).
INTERVAL_COST = 2.0


@dataclass(frozen=True)
class Part:
    """A part of the space of rules.

    Attributes
    ----------
    selectors : Selectors
    label : Labels
        With the arms exchanged when the control arm carries the shift.
    settings : SearchSettings
    swapped : bool
    price : float
        Taken off the objective.
    """

    selectors: object
    label: Labels
    settings: object
    swapped: bool = False
    price: float = 0.0

    @property
    def flip(self):
        """Sign of the kernel for a favorable rule."""
        return -1 if self.swapped else 1


def spaces_of(selectors, settings):
    """Divide the rules by their length where that has a price.

    Parameters
    ----------
    selectors : Selectors
    settings : SearchSettings

    Returns
    -------
    spaces : list of tuple
        ``(selectors, settings, price)``, shorter rules first. A space with conditions
        of two edges holds the same rules without them too, where they are cheaper.
    """
    if not settings.price and settings.interval_variables >= settings.max_variables:
        return [(selectors, settings, 0.0)]
    plain = selectors.without_intervals()
    spaces, least = [], None
    for k in range(settings.min_variables, settings.max_variables + 1):
        options = replace(settings, min_variables=k, max_variables=k)
        chosen = [plain]
        if plain is not selectors and k <= settings.interval_variables:
            chosen.append(selectors)
        for some in chosen:
            n = some.n_of_size(k)
            if n:
                least = least or n
                cost = log(n / least) + INTERVAL_COST * (some is not plain)
                spaces.append((some, options, settings.price * cost))
    # Columns without so many conditions make no rule, which the search will tell.
    return spaces or [(selectors, settings, 0.0)]


def labels_of(label, settings):
    """The label column as ``(label, swapped)`` for each arm that may be compared."""
    labels = [(label, False)]
    if settings.either_arm and label.n_arms == 2:
        labels.append((label.swapped(), True))
    return labels


def parts_of(selectors, label, settings):
    """All parts of a search, shorter rules first.

    Parameters
    ----------
    selectors : Selectors
    label : Labels
    settings : SearchSettings

    Returns
    -------
    parts : list of Part
    """
    return [
        Part(some, arms, options, swapped, price)
        for some, options, price in spaces_of(selectors, settings)
        for arms, swapped in labels_of(label, settings)
    ]


def is_out_of_reach(selectors, settings, arms):
    """Whether no proof can be expected in reasonable time.

    Parameters
    ----------
    selectors : Selectors
    settings : SearchSettings
    arms : {1, 2}

    Returns
    -------
    out_of_reach : bool

    Notes
    -----
    Sizes of the table decide, never outcomes, labels of the arms or the machine:
    permutations and repetitions of a fit search in the same way.
    """
    n_labels = 2 if settings.either_arm and arms == 2 else 1
    spaces, by_bits = spaces_of(selectors, settings), []
    for some, options, _ in spaces:
        lengths = range(options.min_variables, options.max_variables + 1)
        n_rules = sum(map(some.n_of_size, lengths)) * len(options.signs)
        by_bits.append(least_bit_seconds(n_rules, some.n_units))
    if n_labels * sum(by_bits) <= PATIENCE:
        return False
    total = 0.0
    for (some, options, _), seconds in zip(spaces, by_bits):
        by_cubes = cube_seconds(some, options)
        if (
            by_cubes < seconds
            and len(some.bits)
            and _sorted_into_cells(some, options, arms).eligible
        ):
            seconds = by_cubes
        total += n_labels * seconds
    return total > PATIENCE


def members_of(selectors, rule):
    """Membership of a rule among the units."""
    bits = np.bitwise_and.reduce(selectors.bits[list(rule)], axis=0)
    return unpack_rows(bits[None], selectors.n_units)[0]


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

    def __init__(self, part, sign, n_jobs, deadline, on_poll):
        self.part, self.sign = part, sign
        self.selectors, self.settings = part.selectors, part.settings
        self.label = part.label
        selectors, settings = self.selectors, self.settings
        self.n_jobs, self.deadline, self.on_poll = n_jobs, deadline, on_poll
        self.column = make_column(selectors, part.label, part.flip * sign, settings)
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
                exchange=not settings.exact,
            )
            self.n_evaluated += self.pool.n_evaluated
            self.kept_bits = np.empty((0, self.column.bits.shape[1]), np.uint64)
            self.open = np.ones(len(self.pool.rules), bool)
            self.order = search_order(part.label, part.flip * sign, settings.objective)

    def next(self, floor=0.0):
        """Return (squared value, rule) of the next persona, or None.

        One below the floor need not be the best.
        """
        if self.exhausted:
            return None
        best = self.head()
        if self.proven and (best is None or best[0] < self.complete_above):
            best = self._exact(best, floor)
        if best is None:
            self.exhausted = True
        return best

    def pending(self):
        """Whether only another search could tell the next persona.

        It is below ``complete_above``.
        """
        if self.exhausted or not self.proven or np.isinf(self.complete_above):
            return False
        best = self.head()
        return best is None or best[0] < self.complete_above

    def head(self):
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

    def _exact(self, incumbent, floor):
        search = self._run(max(incumbent[0] if incumbent else 0.0, floor))
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
                partial(
                    make_column,
                    selectors,
                    self.label,
                    self.part.flip * self.sign,
                    self.settings,
                ),
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

    def keep(self, members):
        """Exclude what overlaps a kept rule from the steps to come."""
        if self.exhausted:
            return
        extent = pack_rows(members[self.order][None])
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

    def __init__(self, part, cubes, which, sign, n_jobs, deadline, on_poll):
        self.part, self.sign = part, sign
        self.cubes, self.which = cubes, which
        self.settings, self.n_jobs = part.settings, n_jobs
        self.deadline, self.on_poll = deadline, on_poll
        self.exhausted, self.proven, self.n_evaluated = False, True, 0
        self.waiting = None
        self.kept_bits = np.empty((0, cubes.table.bits.shape[1]), np.uint64)

    def pending(self):
        """Whether the next persona needs another search that may be put off."""
        return False

    def next(self, floor=0.0):
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

    def keep(self, members):
        """Exclude what overlaps a kept rule from the steps to come."""
        self.kept_bits = np.concatenate([self.kept_bits, pack_rows(members[None])])


def _sorted_into_cells(selectors, settings, arms):
    return CellTable(
        selectors.bits,
        selectors.feature,
        selectors.side,
        selectors.cut,
        selectors.modality,
        selectors.n_units,
        arms=arms,
        min_variables=settings.min_variables,
        max_variables=settings.max_variables,
        min_modalities=settings.min_modalities,
    )


def _cell_table(selectors, label, settings):
    """Sort the units into cells; None when there are too many or nothing varies."""
    table = _sorted_into_cells(selectors, settings, label.n_arms)
    if not table.eligible or fixed_point(label, settings.objective) is None:
        return None
    return table


def _cube_directions(part, table, n_jobs, deadline, on_poll):
    """Visit every tuple of a part once, for all directions."""
    settings = part.settings
    values = fixed_point(part.label, settings.objective)
    cubes = Cubes(
        table,
        values.fixed,
        part.label.treated,
        values.scale,
        objective=settings.objective,
        signs=tuple(part.flip * sign for sign in settings.signs),
        **size_limits(part.label, settings),
    )
    search = CubeSearch(
        cubes, range(len(settings.signs)), deadline=deadline, on_poll=on_poll
    )
    _run_threads(search, n_jobs)
    directions = []
    for which, sign in enumerate(settings.signs):
        direction = _CubeDirection(part, cubes, which, sign, n_jobs, deadline, on_poll)
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


def open_part(part, n_jobs, deadline, on_poll):
    """Start the lists of a part on the path that is predicted to be faster.

    Parameters
    ----------
    part : Part
    n_jobs : int
    deadline : float or None
        On the monotonic clock.
    on_poll : callable or None

    Returns
    -------
    directions : list
        One a sign, on the same path.
    seconds : float
        Predicted time of the whole list on one thread, 0.0 under a deadline.
    """
    selectors, label, settings = part.selectors, part.label, part.settings
    by_cubes, table, seconds = np.inf, None, 0.0
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
            _Direction(part, sign, n_jobs, deadline, on_poll) for sign in settings.signs
        ]
        if not settings.exact or deadline is not None:
            return directions, 0.0
        seconds = _bit_seconds(directions)
        if by_cubes < seconds:
            table = _cell_table(selectors, label, settings)
        if table is None:
            seconds *= (settings.n_personas - 1) / len(directions) + 1
        else:
            seconds = by_cubes
    if table is not None:
        directions = _cube_directions(part, table, n_jobs, deadline, on_poll)
    return directions, 0.0 if deadline is not None else seconds
