"""Exact search by contingency cubes; see ``native/cubes/cubes.h``.

For many rows: one pass over them serves every rule of a tuple of features, in both
directions. Nothing is pruned by bounds, but the largest value of each tuple is kept,
so that later steps of a greedy list visit few tuples.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

import threading
import time

import numpy as np

from sklearn_persona._search._kernel import LEAST_VALUE, OBJECTIVES, better, variant
from sklearn_persona._search._native cimport (
    MAX_CELLS, MAX_VARIABLES, bits_to_double, cell_table_t, complete_totals, cube_free,
    cube_search, cube_t, double_to_bits, find_cells, problem_t, shared_t, sweep_t,
    worker_t,
)


cdef extern from "native/cubes/cubes.h":
    pass


# Cells of a tuple; a larger cube would not stay in cache.
MOST_CUBE_CELLS = 2**20
# The arm and the cell of all features of a tuple except the last, in two bytes.
MOST_PREFIXES = 2**16
# Sums of a tuple's rules that stay in cache, 32 bytes each.
MOST_SLOTS = 2**15


cdef int poll_cubes(void *context) noexcept nogil:
    with gil:
        (<CubeSearch> context).poll()
    return 0


cdef class CellTable:
    """The cell of every row in every feature, and the tuples of features to visit.

    Rows that satisfy the same conditions of a feature share a cell of it. Arms and
    outcomes do not matter here, so one table serves any number of permutations.

    Parameters
    ----------
    bits : ndarray of uint64, shape (n_selectors, n_words)
        Row sets in the units' own order.
    feature, side, cut, modality : ndarray of int32, shape (n_selectors,)
        ``feature`` never falls.
    n_rows : int
    arms, min_variables, max_variables, min_modalities : int

    Attributes
    ----------
    eligible : bool
        False when some feature has too many cells; the table is then empty.
    n_tuples : int
    """

    cdef cell_table_t c
    cdef object keep_alive
    cdef readonly const uint64_t[:, ::1] bits
    cdef readonly tuple tie_keys
    cdef readonly object modality, tuples, tasks
    cdef readonly int arms, min_variables, max_variables, min_modalities
    cdef readonly bint eligible
    cdef readonly int64_t n_tuples

    def __init__(self, const uint64_t[:, ::1] bits, feature, side, cut, modality,
                 int64_t n_rows, *, int arms, int min_variables, int max_variables,
                 int min_modalities):
        cdef const int32_t[::1] selectors, n_cells, runs
        cdef const int32_t[:, ::1] edges, tuples
        cdef uint8_t[:, ::1] codes
        cdef int64_t[::1] sample = np.empty(MAX_CELLS, np.int64)
        cdef int f, found, first, last, n_words = bits.shape[1]
        if not 1 <= max_variables <= MAX_VARIABLES:
            raise ValueError(f"max_variables={max_variables}")
        if not (len(feature) == len(side) == len(cut) == len(modality) ==
                bits.shape[0]):
            raise ValueError("selector arrays differ in length")
        if not len(feature) or np.any(np.diff(feature) < 0):
            raise ValueError("selectors must be sorted by feature, one or more")
        self.bits = bits
        self.tie_keys = tuple(
            np.ascontiguousarray(key, np.int32) for key in (feature, side, cut)
        )
        self.modality = np.ascontiguousarray(modality, np.int32)
        self.arms = arms
        self.min_variables = min_variables
        self.max_variables = max_variables
        self.min_modalities = min_modalities
        self.eligible = False
        self.n_tuples = 0

        starts = np.flatnonzero(np.diff(self.tie_keys[0], prepend=-1))
        selectors = np.append(starts, len(feature)).astype(np.int32)
        counts = np.empty(len(starts), np.int32)
        codes = np.empty((len(starts), n_rows), np.uint8)
        all_edges, n_runs = [], []
        for f in range(len(starts)):
            first, last = selectors[f], selectors[f + 1]
            with nogil:
                found = find_cells(&bits[first, 0], last - first, n_words, n_rows,
                                   &codes[f, 0], &sample[0])
            if not found:
                return
            counts[f] = found
            rank, edge, n = _runs(np.asarray(bits[first:last]),
                                  np.asarray(sample)[:found])
            own = np.asarray(codes)[f]
            np.take(rank, own, out=own)
            all_edges.append(edge)
            n_runs.append(n)
        widest = np.sort(counts)[::-1][:max_variables].astype(float)
        if (widest.prod() > MOST_CUBE_CELLS or
                arms * widest[:max_variables - 1].prod() > MOST_PREFIXES):
            return
        tuples, self.tasks = _tuples(
            self.modality[starts], min_variables, max_variables, min_modalities
        )
        n_cells = counts
        runs = np.append(0, np.cumsum(np.concatenate(n_runs))).astype(np.int32)
        edges = np.concatenate(all_edges)
        self.tuples = np.asarray(tuples)
        self.n_tuples = tuples.shape[0]
        self.eligible = True
        self.keep_alive = codes, n_cells, selectors, runs, edges, tuples
        self.c.n_rows = n_rows
        self.c.codes = &codes[0, 0]
        self.c.n_cells = &n_cells[0]
        self.c.selectors = &selectors[0]
        self.c.runs = &runs[0]
        self.c.edges = &edges[0, 0]
        self.c.tuples = &tuples[0, 0] if self.n_tuples else NULL


def _runs(bits, sample):
    """Sort the cells of a feature so that its conditions are few runs of them.

    Parameters
    ----------
    bits : ndarray of uint64, shape (n_selectors, n_words)
    sample : ndarray of int64, shape (n_cells,)
        A row of each cell.

    Returns
    -------
    rank : ndarray of uint8, shape (n_cells,)
        New number of each cell.
    edges : ndarray of int32, shape (n_runs, 2)
        First cell and last, exclusive, of each run, selector by selector.
    n_runs : ndarray of int64, shape (n_selectors,)
    """
    shift = (sample % 64).astype(np.uint64)
    member = (bits[:, sample // 64] >> shift & np.uint64(1)).astype(np.int8)
    # Cells with the first condition first, and so on: for cuts, the order of values.
    order = np.lexsort(1 - member[::-1])
    steps = np.diff(member[:, order], axis=1, prepend=0, append=0)
    # A condition without members has one empty run.
    steps = np.concatenate([steps, np.zeros_like(steps[:, :1])], axis=1)
    is_empty = ~member.any(axis=1)
    owner, first = np.nonzero(steps == 1)
    last = np.nonzero(steps == -1)[1]
    owner = np.concatenate([owner, np.flatnonzero(is_empty)])
    zeros = np.zeros(np.count_nonzero(is_empty), np.int64)
    edges = np.stack([np.append(first, zeros), np.append(last, zeros)], axis=1)
    edges = edges[np.argsort(owner, kind="stable")].astype(np.int32)
    rank = np.empty(len(sample), np.uint8)
    rank[order] = np.arange(len(sample))
    return rank, edges, np.bincount(owner, minlength=len(bits))


def _tuples(modality, int min_variables, int max_variables, int min_modalities):
    """List the tuples of features that may make a rule, and the tasks.

    Tuples of few features come first. A task is a run of tuples that differ in the
    last feature only.
    """
    cdef int32_t p = len(modality)
    blocks = []
    heads = [np.zeros(0, np.int64)]
    n = 0
    rows = np.full((1, MAX_VARIABLES), -1, np.int32)
    for size in range(1, max_variables + 1):
        last = rows[:, size - 2] if size > 1 else np.array([-1])
        more = p - 1 - last
        longer = np.repeat(rows, more, axis=0)
        offset = np.arange(len(longer)) - np.repeat(np.cumsum(more) - more, more)
        longer[:, size - 1] = np.repeat(last, more) + 1 + offset
        parent = np.repeat(np.arange(len(rows)), more)
        rows = longer
        codes = np.sort(np.asarray(modality)[rows[:, :size]], axis=1)
        enough = 1 + (np.diff(codes, axis=1) != 0).sum(axis=1) >= min_modalities
        if size >= min_variables:
            blocks.append(rows[enough])
            parent = parent[enough]
            heads.append(n + np.flatnonzero(np.diff(parent, prepend=-1)))
            n += len(parent)
    tuples = np.concatenate(blocks)
    return tuples, np.append(np.concatenate(heads), n)


cdef class Cubes:
    """Outcomes and arms over a table of cells, in one or both directions.

    Parameters
    ----------
    table : CellTable
    fixed : ndarray of int64, shape (n_rows,)
        Outcomes, fixed point.
    treated : ndarray of bool, shape (n_rows,), or None
    scale : float
        SD units of one step of ``fixed``.
    objective : str
    signs : tuple of int
        Directions; -1 takes the outcomes negated.
    least, most : sequence of int
        Units of an arm inside.
    least_members : int
    isa : str
    most_slots : int

    Attributes
    ----------
    largest : ndarray of float64, shape (n_directions, n_tuples)
        Largest squared value of each tuple, infinite until it was visited.
    """

    cdef problem_t problems[2]
    cdef const int64_t[::1] fixed
    cdef const uint8_t[::1] arm
    cdef object keep_alive
    cdef readonly CellTable table
    cdef readonly object largest
    cdef readonly int n_directions
    cdef int objective
    cdef int isa
    cdef int64_t most_slots

    def __init__(self, CellTable table, const int64_t[::1] fixed, treated,
                 double scale, *, str objective, signs, least, most,
                 int64_t least_members, str isa="auto",
                 int64_t most_slots=MOST_SLOTS):
        cdef const int32_t[::1] feature, side, cut, modality
        cdef int a, d
        cdef problem_t *c
        if not table.eligible:
            raise ValueError("the table has too many cells")
        if fixed.shape[0] != table.c.n_rows or (treated is None) != (table.arms == 1):
            raise ValueError("labels do not fit the table")
        self.table = table
        self.fixed = fixed
        self.objective = OBJECTIVES.index(objective)
        self.isa = variant(isa)
        self.most_slots = most_slots
        self.n_directions = len(signs)
        self.largest = np.full((len(signs), table.n_tuples), np.inf)
        feature, side, cut = table.tie_keys
        modality = table.modality
        self.keep_alive = feature, side, cut, modality
        values = np.asarray(fixed)
        n_rows = len(values)
        n_treated, total = n_rows, [int(values.sum()), 0]
        if treated is not None:
            self.arm = (~treated).view(np.uint8)
            n_treated = int(np.count_nonzero(treated))
            total = [int(values[treated].sum()), int(values[~treated].sum())]
        for d in range(self.n_directions):
            c = &self.problems[d]
            memset(c, 0, sizeof(problem_t))
            c.n_words = table.bits.shape[1]
            c.n_selectors = table.bits.shape[0]
            c.bits = &table.bits[0, 0]
            c.feature = &feature[0]
            c.side = &side[0]
            c.cut = &cut[0]
            c.modality = &modality[0]
            c.scale = scale * signs[d]
            c.all.n[0] = n_treated
            c.all.n[1] = n_rows - n_treated
            for a in range(2):
                c.all.s[a] = float(total[a]) * c.scale
                c.least[a] = least[a]
                c.most[a] = most[a]
            c.all.mean = float(sum(total)) * c.scale / n_rows
            complete_totals(&c.all, table.arms)
            c.least_members = least_members
            c.min_variables = table.min_variables
            c.max_variables = table.max_variables
            c.min_modalities = table.min_modalities


cdef class CubeSearch:
    """One search of the cubes for the best rule of each direction.

    ``run`` may be called by several threads at once; it returns when no tuple is
    left, ``stop`` was called or ``deadline`` (``time.monotonic``) passed.

    Parameters
    ----------
    cubes : Cubes
    directions : tuple of int
        Positions of the directions searched. With one direction whose largest
        values are known, tuples are visited best first.
    kept : ndarray of uint64, shape (n_kept, n_words), or None
        Row sets in the units' own order.
    max_overlap : float
        Largest Jaccard index with a kept row set.
    incumbent : float
        Squared value known to be reachable; rules below it are not reported.
    deadline : float or None
    on_poll : callable or None
        Called with the share of the tuples that is done.
    most_tuples : int or None
        Visit so many tuples at most.
    """

    cdef Cubes cubes
    cdef sweep_t sweep
    cdef shared_t shared[2]
    cdef tuple directions
    cdef object keep_alive
    cdef object deadline
    cdef object on_poll
    cdef object error
    cdef object lock
    cdef readonly int64_t n_evaluated
    cdef readonly bint timed_out
    cdef readonly list best

    def __cinit__(self):
        memset(self.shared, 0, sizeof(self.shared))
        memset(&self.sweep, 0, sizeof(sweep_t))

    def __init__(self, Cubes cubes, directions, kept=None, double max_overlap=1.0,
                 double incumbent=0.0, deadline=None, on_poll=None, most_tuples=None):
        cdef const uint64_t[:, ::1] rows
        cdef const int32_t[::1] visit
        cdef const int64_t[::1] tasks
        cdef double[:, ::1] largest = cubes.largest
        cdef int d
        table = cubes.table
        self.cubes = cubes
        self.directions = tuple(directions)
        if kept is None:
            kept = np.empty((0, table.bits.shape[1]), np.uint64)
        rows = kept
        if rows.shape[1] != table.bits.shape[1]:
            raise ValueError("kept row sets have another number of words")
        known = len(self.directions) == 1 and bool(
            np.isfinite(cubes.largest[self.directions[0]]).any()
        )
        if known:
            values = cubes.largest[self.directions[0]]
            visit = np.argsort(-values, kind="stable")[:most_tuples].astype(np.int32)
            tasks = np.arange(len(visit) + 1)
        else:
            visit = np.arange(table.n_tuples, dtype=np.int32)
            tasks = table.tasks
        self.sweep.table = &table.c
        self.sweep.fixed = &cubes.fixed[0]
        self.sweep.arm = &cubes.arm[0] if table.arms == 2 else NULL
        self.sweep.n_tasks = tasks.shape[0] - 1
        if self.sweep.n_tasks:
            self.sweep.visit = &visit[0]
            self.sweep.tasks = &tasks[0]
        self.sweep.n_directions = len(self.directions)
        self.sweep.known = known
        for d in range(self.sweep.n_directions):
            if table.n_tuples:
                self.sweep.largest[d] = &largest[self.directions[d], 0]
            self.shared[d].kept = &rows[0, 0] if rows.shape[0] else NULL
            self.shared[d].n_kept = rows.shape[0]
            self.shared[d].max_overlap = max_overlap
            self.shared[d].enough = INFINITY
            self.shared[d].best = double_to_bits(max(incumbent, LEAST_VALUE))
        self.keep_alive = rows, visit, tasks, largest
        self.deadline = deadline
        self.on_poll = on_poll
        self.lock = threading.Lock()
        self.n_evaluated = 0
        self.timed_out = False
        self.best = [None] * len(self.directions)

    def poll(self):
        """Look at the clock, at signals and at the caller, from inside the search.

        Errors (Ctrl-C among them) stop every thread and are raised by ``run``.
        """
        try:
            PyErr_CheckSignals()
            if self.deadline is not None and time.monotonic() > self.deadline:
                self.timed_out = True
                self.stop()
            if self.on_poll is not None:
                done = self.shared[0].next_root / max(self.sweep.n_tasks, 1)
                self.on_poll(min(done, 1.0))
        except BaseException as error:
            self.error = error
            self.stop()

    def stop(self):
        """Make every thread in ``run`` return soon."""
        self.shared[0].stop = 1

    def run(self):
        """Visit tuples, sharing them with other threads in ``run``."""
        cdef cube_t *cube = <cube_t *> calloc(1, sizeof(cube_t))
        cdef worker_t *workers = <worker_t *> calloc(2, sizeof(worker_t))
        cdef int d, i
        try:
            if cube == NULL or workers == NULL:
                raise MemoryError
            cube.sweep = &self.sweep
            cube.arms = self.cubes.table.arms
            cube.most_slots = self.cubes.most_slots
            for d in range(self.sweep.n_directions):
                workers[d].problem = &self.cubes.problems[<int> self.directions[d]]
                workers[d].shared = &self.shared[d]
                workers[d].threshold = bits_to_double(self.shared[d].best)
                workers[d].value = -1
                workers[d].poll = poll_cubes
                workers[d].context = <void *> self
                cube.workers[d] = &workers[d]
            with nogil:
                cube_search(cube, self.cubes.objective, self.cubes.isa)
            if self.error is not None:
                raise self.error
            if workers[0].failed:
                self.stop()
                raise MemoryError(
                    "The search ran out of memory; lower n_cuts or max_variables."
                )
            with self.lock:
                for d in range(self.sweep.n_directions):
                    self.n_evaluated += workers[d].n_evaluated
                    if workers[d].n_rule:
                        rule = tuple(
                            [workers[d].rule[i] for i in range(workers[d].n_rule)]
                        )
                        self.best[d] = better(self.best[d], workers[d].value, rule,
                                              self.cubes.table.tie_keys)
        finally:
            if cube != NULL:
                cube_free(cube)
            free(cube)
            free(workers)
