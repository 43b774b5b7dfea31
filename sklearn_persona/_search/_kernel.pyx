"""Exact search by branch and bound; see ``native/core/search_template.h``.

The kernel knows row sets and outcomes in SD units. It does not know names, designs
or directions, and always looks for the largest value.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

import threading
import time

import numpy as np

from sklearn_persona._search._native cimport (
    BYTE_ARM, MAX_ARM, MAX_CENTERS, MAX_LANES, MAX_VARIABLES, N_OBJECTIVES,
    bits_to_double, canonical, collection_free, collection_t, complete_totals,
    double_to_bits, find_kernel, find_simd, has_isa, kernel_t, level_bounds, level_free,
    level_joins, level_layout, level_reserve, level_scans, level_slice, level_t,
    objective_names, packed_make, packed_t, padded_words, popcount64, problem_t,
    rows_to_sets, sets_to_rows, shape_t, shared_t, simd_t, worker_free, worker_t,
)


cdef extern from "native/core/kernels.h":
    pass
cdef extern from "native/core/transpose.h":
    pass


# Objectives by their number in the C code.
OBJECTIVES = tuple([objective_names[i].decode() for i in range(N_OBJECTIVES)])
LEAST_VALUE = 1e-18
# Instruction sets that the search is compiled for, from the plainest to the fastest.
ISAS = ("portable", "avx2", "avx512")


def round_value(double value):
    """Round a squared value as the kernel does before it compares two of them."""
    return canonical(value)


def tie_key(keys, rule):
    """Sort key of the tie rule: number, columns, sides, cuts.

    Parameters
    ----------
    keys : tuple of ndarray
        Column, side and cut of each selector.
    rule : tuple of int
        Selectors.
    """
    chosen = sorted(rule, key=lambda i: keys[0][i])
    return len(chosen), *([key[i] for i in chosen] for key in keys)


def better(best, double value, tuple rule, keys):
    """The better of two results ``(value, rule)``; the first one may be None.

    Parameters
    ----------
    best : tuple or None
    value : float
    rule : tuple of int
    keys : tuple of ndarray
        As in `tie_key`.
    """
    if best is not None:
        if value < best[0]:
            return best
        if value == best[0] and tie_key(keys, rule) >= tie_key(keys, best[1]):
            return best
    return value, rule


def available_isas():
    """Instruction sets that this machine runs, the fastest last."""
    return [isa for i, isa in enumerate(ISAS) if has_isa(i)]


def variant(isa):
    """Number of an instruction set; "auto" is the fastest."""
    available = available_isas()
    if isa == "auto":
        return ISAS.index(available.pop())
    if isa not in available:
        raise ValueError(f"isa={isa!r}; this machine runs {available}")
    return ISAS.index(isa)


cdef int poll_workers(void *context) noexcept nogil:
    with gil:
        (<Search> context).poll()
    return 0


cdef class Problem:
    """Conditions and outcomes of one search, with rows in the order of the outcomes.

    Parameters
    ----------
    bits : ndarray of uint64, shape (n_selectors, n_words)
        Row sets in search order, padded to ``words_for(n_rows)`` words.
    feature, side, cut, modality : ndarray of int32, shape (n_selectors,)
    fixed : ndarray of int64, shape (n_rows,)
        Outcomes in search order, fixed point.
    scale : float
        SD units of one step of ``fixed``.
    n_treated : int
        Rows of arm 0, which come first; ``n_rows`` for one-sample units.
    objective : str
    arms : {1, 2}
    centers : sequence of float
        Constants of the bound, in SD units.
    least, most : sequence of int
        Units of an arm inside.
    least_members, min_variables, max_variables, min_modalities : int
    isa : str
    """

    cdef problem_t c
    cdef shape_t shape
    cdef const kernel_t *kernel
    cdef const simd_t *joins
    cdef packed_t *packed
    cdef list keep_alive
    cdef readonly object bits
    cdef readonly tuple tie_keys
    cdef readonly bint vectors

    def __init__(self, const uint64_t[:, ::1] bits, const int32_t[::1] feature,
                 const int32_t[::1] side, const int32_t[::1] cut,
                 const int32_t[::1] modality, const int64_t[::1] fixed,
                 double scale, int n_treated, *, str objective, int arms, centers,
                 least, most, int64_t least_members, int min_variables,
                 int max_variables, int min_modalities, str isa="auto"):
        if bits.shape[1] != words_for(fixed.shape[0]):
            raise ValueError(f"{bits.shape[1]} words for {fixed.shape[0]} rows")
        if not 1 <= max_variables <= MAX_VARIABLES:
            raise ValueError(f"max_variables={max_variables}")
        if not 1 <= len(centers) <= MAX_CENTERS:
            raise ValueError(f"{len(centers)} centers")
        if not (feature.shape[0] == side.shape[0] == cut.shape[0] ==
                modality.shape[0] == bits.shape[0]):
            raise ValueError("selector arrays differ in length")
        memset(&self.c, 0, sizeof(problem_t))
        self.keep_alive = []
        self._set_selectors(bits, feature, side, cut, modality)
        self._set_outcomes(fixed, scale, n_treated, arms)
        self.c.n_centers = len(centers)
        for i in range(len(centers)):
            self.c.centers[i] = centers[i]
        for i in range(2):
            self.c.least[i] = least[i]
            self.c.most[i] = most[i]
        self.c.least_members = least_members
        self.c.min_variables = min_variables
        self.c.max_variables = max_variables
        self.c.min_modalities = min_modalities
        self._choose_loops(OBJECTIVES.index(objective), variant(isa))

    cdef _set_selectors(self, const uint64_t[:, ::1] bits, const int32_t[::1] feature,
                        const int32_t[::1] side, const int32_t[::1] cut,
                        const int32_t[::1] modality):
        self.bits = np.asarray(bits)
        self.tie_keys = np.asarray(feature), np.asarray(side), np.asarray(cut)
        self.keep_alive += [bits, feature, side, cut, modality]
        self.c.n_words = bits.shape[1]
        self.c.n_selectors = bits.shape[0]
        if bits.shape[0]:
            self.c.bits = &bits[0, 0]
            self.c.feature = &feature[0]
            self.c.side = &side[0]
            self.c.cut = &cut[0]
            self.c.modality = &modality[0]

    cdef _set_outcomes(self, const int64_t[::1] fixed, double scale, int n_treated,
                       int arms):
        cdef int n_rows = fixed.shape[0]
        cdef const double[::1] outcome
        cdef const int64_t[:, ::1] table
        cdef const uint64_t[:, ::1] masks
        fixed_array = np.asarray(fixed)
        outcome = fixed_array * scale
        is_treated = np.arange(n_rows) < n_treated
        masks = pack_rows(np.stack([is_treated, ~is_treated, np.ones(n_rows, bool)]))
        if self.c.n_words <= 16:
            table = byte_table(fixed_array, n_treated, arms, self.c.n_words)
            self.c.table = &table[0, 0]
            self.keep_alive.append(table)
        self.keep_alive += [fixed, outcome, masks]
        self.c.n_rows = n_rows
        self.c.n_arms = arms
        self.c.mask[0] = &masks[0, 0]
        self.c.mask[1] = &masks[1, 0]
        self.c.rows = &masks[2, 0]
        self.c.first[0] = 0
        self.c.last[0] = (n_treated + 63) // 64
        self.c.first[1] = n_treated // 64
        self.c.last[1] = (n_rows + 63) // 64
        self.c.fixed = &fixed[0]
        self.c.outcome = &outcome[0]
        self.c.scale = scale
        self.c.all.n[0] = n_treated
        self.c.all.n[1] = n_rows - n_treated
        # Sums are exact, so that all paths agree.
        halves = fixed_array[:n_treated], fixed_array[n_treated:]
        totals = [int(half.sum()) for half in halves]
        self.c.all.s[0] = float(totals[0]) * scale
        self.c.all.s[1] = float(totals[1]) * scale
        self.c.all.mean = float(sum(totals)) * scale / n_rows
        complete_totals(&self.c.all, arms)

    cdef _choose_loops(self, int objective, int isa):
        cdef int64_t n_treated = <int64_t> self.c.all.n[0]
        self.kernel = find_kernel(objective, self.c.n_arms, self.c.n_words, isa)
        self.kernel.describe(&self.c.all, &self.shape)
        self.c.shape = &self.shape
        # For wide arms only joins are vectorized.
        largest = max(n_treated, self.c.n_rows - n_treated)
        if largest <= MAX_ARM:
            self.joins = find_simd(isa)
        if largest <= BYTE_ARM:
            self.c.simd = self.joins
        self.vectors = self.c.simd != NULL
        if self.c.n_words == 1 and not self.vectors:
            free(self.packed)
            self.packed = <packed_t *> malloc(sizeof(packed_t))
            if self.packed == NULL:
                raise MemoryError
            packed_make(self.packed, &self.c)
            self.c.packed = self.packed

    def __dealloc__(self):
        free(self.packed)

    def evaluate(self, const uint64_t[:, ::1] parents):
        """Squared values of each parent row set joined with each selector.

        Parameters
        ----------
        parents : ndarray of uint64, shape (n_parents, n_words)

        Returns
        -------
        values : ndarray of float64, shape (n_parents, n_selectors)
            -2 where an arm or the coverage is too small, -1 where the complement is
            or the sign is wrong.
        """
        # The row after the parents is scratch space of the kernel.
        cdef uint64_t[:, ::1] rows = np.vstack([parents, np.asarray(parents)[:1]])
        cdef int64_t n = parents.shape[0]
        cdef double[:, ::1] out = np.empty((n, self.c.n_selectors))
        if n and self.c.n_selectors:
            with nogil:
                self.kernel.evaluate(&self.c, &rows[0, 0], n, &out[0, 0])
        return np.asarray(out)

    def expand(self, const int32_t[:, ::1] rules, const uint64_t[:, ::1] extents,
               int64_t keep):
        """The best refinements of some rules by one more condition.

        Parameters
        ----------
        rules : ndarray of int32, shape (n_rules, length)
        extents : ndarray of uint64, shape (n_rules, n_words)
        keep : int
            At least this many different row sets are returned, if there are.

        Returns
        -------
        values : ndarray of float64, shape (n,)
        rules : ndarray of int32, shape (n, length + 1)
        extents : ndarray of uint64, shape (n, n_words)
            All different.
        n_evaluated : int
        """
        cdef int64_t n = extents.shape[0], n_selectors = self.c.n_selectors
        cdef size_t row = self.c.n_words * sizeof(uint64_t)
        cdef int length = rules.shape[1]
        cdef const int32_t *first = &rules[0, 0] if n and length else NULL
        cdef level_t level
        cdef worker_t worker
        cdef shared_t shared
        cdef collection_t collection
        cdef problem_t problem = self.c
        problem.simd = self.joins
        memset(&level, 0, sizeof(level_t))
        memset(&worker, 0, sizeof(worker_t))
        memset(&shared, 0, sizeof(shared_t))
        memset(&collection, 0, sizeof(collection_t))
        collection.limit = 2**40
        worker.problem = &problem
        worker.shared = &shared
        worker.collection = &collection
        worker.threshold = LEAST_VALUE
        try:
            if not level_reserve(&level, &problem, n_selectors + n + 1):
                raise MemoryError
            if n and n_selectors:
                with nogil:
                    memcpy(level.extents, self.c.bits, n_selectors * row)
                    memcpy(level.extents + n_selectors * self.c.n_words,
                           &extents[0, 0], n * row)
                    level.n = n_selectors + n
                    if problem.simd != NULL:
                        level_layout(&level, &problem, problem.rows)
                        level_joins(&level, &problem, problem.rows)
                    self.kernel.expand(&worker, &level, first, n, length, keep)
            if worker.failed:
                raise MemoryError
            values, found, rows = copy_collection(&collection, self.c.n_words)
        finally:
            collection_free(&collection)
            level_free(&level)
        return values, found[:, 1:length + 2], rows, worker.n_evaluated

    def bound(self, const uint64_t[:, ::1] extents):
        """Upper bound of the squared value over all subsets of each row set."""
        cdef int64_t n = extents.shape[0]
        cdef double[::1] out = np.empty(n)
        if n:
            with nogil:
                self.kernel.bounds(&self.c, &extents[0, 0], n, &out[0])
        return np.asarray(out)

    def vector_bound(self, const uint64_t[::1] universe,
                     const uint64_t[:, ::1] extents, bint exact):
        """As ``bound``, by the vector loops; the universe contains the extents."""
        cdef int64_t n = extents.shape[0]
        cdef float[::1] out = np.empty(n + MAX_LANES, np.float32)
        cdef level_t level
        if self.c.simd == NULL:
            raise ValueError("No vector loop for this machine or number of rows.")
        memset(&level, 0, sizeof(level_t))
        try:
            if not level_reserve(&level, &self.c, max(n, 1)):
                raise MemoryError
            if n:
                memcpy(level.extents, &extents[0, 0],
                       n * self.c.n_words * sizeof(uint64_t))
                level.n = n
                level_layout(&level, &self.c, &universe[0])
                level_scans(&level, &self.c)
                level_slice(&level, &self.c, &universe[0])
                level_bounds(&level, &self.c, exact, 0, n, &out[0])
        finally:
            level_free(&level)
        return np.asarray(out)[:n].astype(float)

    def extents(self, rules):
        """Row sets of rules given as tuples of selectors, shape (n, n_words)."""
        out = np.empty((len(rules), self.c.n_words), np.uint64)
        for i, rule in enumerate(rules):
            out[i] = np.bitwise_and.reduce(self.bits[list(rule)], axis=0)
        return out


cdef class Search:
    """One exact search of a problem.

    It finds the best rule that overlaps no kept one or, with ``limit``, every row set
    whose value is at least the incumbent's.

    ``run`` may be called by several threads at once; it returns when nothing is
    left to search, ``stop`` was called or ``deadline`` (``time.monotonic``) passed.

    Parameters
    ----------
    problem : Problem
    kept : ndarray of uint64, shape (n_kept, n_words)
    max_overlap : float
        Largest Jaccard index with a kept row set.
    incumbent : float
        Squared value that some rule is known to have; smaller ones are not reported.
    deadline : float or None
    on_poll : callable or None
        Called with the share of the top level that is done.
    limit : int
        0, or the most row sets that a thread collects.
    enough : float
        Squared value at which the search ends, at the first rule that has it.
    """

    cdef Problem problem
    cdef shared_t shared
    cdef object keep_alive
    cdef object deadline
    cdef object on_poll
    cdef object error
    cdef object lock
    cdef readonly int64_t n_evaluated
    cdef readonly bint timed_out
    cdef readonly object best
    cdef readonly bint overflowed
    cdef readonly list parts
    cdef int64_t limit

    def __cinit__(self):
        memset(&self.shared, 0, sizeof(shared_t))

    def __init__(self, Problem problem, const uint64_t[:, ::1] kept,
                 double max_overlap, double incumbent=0.0, deadline=None, on_poll=None,
                 int64_t limit=0, double enough=INFINITY):
        if kept.shape[0] and kept.shape[1] != problem.c.n_words:
            raise ValueError("kept row sets have another number of words")
        self.problem = problem
        self.keep_alive = kept
        self.shared.kept = &kept[0, 0] if kept.shape[0] else NULL
        self.shared.n_kept = kept.shape[0]
        self.shared.max_overlap = max_overlap
        self.shared.enough = enough
        self.shared.best = double_to_bits(max(incumbent, LEAST_VALUE))
        self.deadline = deadline
        self.on_poll = on_poll
        self.best = None
        self.lock = threading.Lock()
        self.n_evaluated = 0
        self.timed_out = False
        self.overflowed = False
        self.parts = []
        self.limit = limit

    def __dealloc__(self):
        level_free(&self.shared.roots)

    def poll(self):
        """Check the clock, signals and the caller from inside the search.

        Errors (Ctrl-C among them) stop every thread and are raised by ``run``.
        """
        try:
            PyErr_CheckSignals()
            if self.deadline is not None and time.monotonic() > self.deadline:
                self.timed_out = True
                self.shared.stop = 1
            if self.on_poll is not None:
                self.on_poll(self.shared.next_root / max(self.shared.roots.n, 1))
        except BaseException as error:
            self.error = error
            self.shared.stop = 1

    def stop(self):
        """Make every thread in ``run`` return soon."""
        self.shared.stop = 1

    def start(self):
        """Evaluate the rules of one condition; must return before ``run``."""
        self._work(True)

    def run(self):
        """Search the refinements, sharing them with other threads in ``run``."""
        self._work(False)

    def roots(self):
        """Selectors whose refinements `run` searches, in this order.

        Each is refined by those before it, so any partition of the positions into
        ranges is a partition of the search.

        Returns
        -------
        selectors : ndarray of int32, shape (n_roots,)
        """
        cdef int64_t i
        cdef int32_t[::1] out = np.empty(self.shared.roots.n, np.int32)
        for i in range(self.shared.roots.n):
            out[i] = self.shared.roots.items[i].selector
        return np.asarray(out)

    def restrict(self, int64_t first, int64_t last, double value=0.0):
        """Restrict `run` to the roots first..last-1; call it after `start`.

        The list of roots depends on the incumbent of `start`, so the best value that
        other ranges have found since is passed here.
        """
        self.shared.next_root = first
        self.shared.roots.n = min(last, self.shared.roots.n)
        self.shared.best = max(self.shared.best, double_to_bits(value))

    def result(self):
        """Everything that `absorb` needs, in plain values."""
        return (self.best, self.parts, self.n_evaluated, self.timed_out,
                self.overflowed)

    def absorb(self, best, list parts, int64_t n_evaluated, bint timed_out,
               bint overflowed):
        """Add the result of another search of the same problem."""
        if best is not None:
            self.best = better(self.best, *best, self.problem.tie_keys)
        self.parts += parts
        self.n_evaluated += n_evaluated
        self.timed_out |= timed_out
        self.overflowed |= overflowed

    cdef _work(self, bint first):
        cdef worker_t *worker = <worker_t *> calloc(1, sizeof(worker_t))
        cdef collection_t collection
        if worker == NULL:
            raise MemoryError
        memset(&collection, 0, sizeof(collection_t))
        collection.limit = self.limit
        if self.limit:
            worker.collection = &collection
        worker.problem = &self.problem.c
        worker.shared = &self.shared
        worker.threshold = bits_to_double(self.shared.best)
        worker.value = -1
        worker.poll = poll_workers
        worker.context = <void *> self
        try:
            with nogil:
                if first:
                    self.problem.kernel.roots(worker)
                else:
                    self.problem.kernel.search(worker)
            if self.error is not None:
                raise self.error
            if worker.failed:
                self.shared.stop = 1
                raise MemoryError(
                    "The search ran out of memory; lower n_cuts or max_variables."
                )
            rule = tuple([worker.rule[i] for i in range(worker.n_rule)])
            with self.lock:
                self.n_evaluated += worker.n_evaluated
                if rule:
                    self.best = better(self.best, worker.value, rule,
                                       self.problem.tie_keys)
                if self.limit:
                    self.overflowed |= collection.full
                    self.parts.append(copy_collection(&collection,
                                                      self.problem.c.n_words))
        finally:
            collection_free(&collection)
            worker_free(worker)
            free(worker)

    def collected(self):
        """The row sets that all threads collected.

        Returns
        -------
        values : ndarray of float64, shape (n,)
        rules : list of tuple of int
        extents : ndarray of uint64, shape (n, n_words)
            In the order of the list: best value first, then by the tie rule.
        """
        values, rules, extents = (np.concatenate(part) for part in zip(*self.parts))
        lengths, selectors = rules[:, 0], rules[:, 1:]
        used = np.arange(MAX_VARIABLES) < lengths[:, None]
        # Padding sorts first, but only rules of equal length are compared by it.
        keys = [np.where(used, key[np.where(used, selectors, 0)], -1)
                for key in self.problem.tie_keys]
        order = np.lexsort([*np.concatenate(keys, axis=1).T[::-1], lengths, -values])
        # Threads may have found the same row set by different rules; the first counts.
        _, first = np.unique(extents[order], axis=0, return_index=True)
        order = order[np.sort(first)]
        rules = [tuple(row[1:1 + row[0]]) for row in rules[order].tolist()]
        return values[order], rules, extents[order]


cdef copy_collection(collection_t *collection, int n_words):
    cdef int64_t n = collection.n
    if n == 0:
        return (np.empty(0), np.empty((0, 1 + MAX_VARIABLES), np.int32),
                np.empty((0, n_words), np.uint64))
    return (np.array(<double[:n]> collection.values),
            np.array(<int32_t[:n, :1 + MAX_VARIABLES]> collection.rules),
            np.array(<uint64_t[:n, :n_words]> collection.extents))


def words_for(int64_t n_rows):
    """Words of a row set: the number needed, padded to a compiled width."""
    return padded_words(<int> max((n_rows + 63) // 64, 1))


def pack_rows(member):
    """Pack membership into words, lowest bit first.

    Parameters
    ----------
    member : ndarray of bool, shape (n_sets, n_rows)

    Returns
    -------
    bits : ndarray of uint64, shape (n_sets, words_for(n_rows))
    """
    packed = np.packbits(member, axis=1, bitorder="little")
    out = np.zeros((len(packed), 8 * words_for(member.shape[1])), np.uint8)
    out[:, :packed.shape[1]] = packed
    return out.view("<u8").astype(np.uint64, copy=False)


def unpack_rows(bits, int64_t n_rows):
    """Membership of packed row sets, bool of shape (n_sets, n_rows)."""
    as_bytes = np.ascontiguousarray(bits).astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(as_bytes, axis=1, count=n_rows, bitorder="little").view(bool)


def transpose_sets(const uint64_t[:, ::1] bits):
    """Transposed row sets: for each row, words of up to 64 sets.

    Parameters
    ----------
    bits : ndarray of uint64, shape (n_sets, n_words)

    Returns
    -------
    rows : ndarray of uint64, shape (ceil(n_sets / 64), 64 * n_words)
    """
    cdef int64_t n_sets = bits.shape[0], n_words = bits.shape[1], block
    cdef int64_t n_blocks = (n_sets + 63) // 64
    cdef uint64_t[:, ::1] rows = np.empty((n_blocks, 64 * n_words), np.uint64)
    with nogil:
        for block in range(n_blocks):
            sets_to_rows(&bits[64 * block, 0], n_words,
                         <int> min(64, n_sets - 64 * block), &rows[block, 0])
    return np.asarray(rows)


def sets_in_order(const uint64_t[:, ::1] rows, const int64_t[::1] order,
                  int64_t n_sets):
    """Row sets with their rows in another order.

    Parameters
    ----------
    rows : ndarray of uint64, shape (ceil(n_sets / 64), 64 * n_words)
        From `transpose_sets`.
    order : ndarray of int64, shape (n_rows,)
        The row that comes first, second, ...
    n_sets : int

    Returns
    -------
    bits : ndarray of uint64, shape (n_sets, n_words)
    """
    cdef int64_t n_words = rows.shape[1] // 64, n_rows = order.shape[0], block
    cdef uint64_t[:, ::1] bits = np.empty((n_sets, n_words), np.uint64)
    with nogil:
        for block in range(rows.shape[0]):
            rows_to_sets(&rows[block, 0], &order[0], n_rows, n_words,
                         <int> min(64, n_sets - 64 * block), &bits[64 * block, 0])
    return np.asarray(bits)


def count_rows(const uint64_t[:, ::1] bits):
    """Number of rows in each packed row set."""
    cdef int64_t[::1] out = np.zeros(bits.shape[0], np.int64)
    cdef Py_ssize_t i, w
    with nogil:
        for i in range(bits.shape[0]):
            for w in range(bits.shape[1]):
                out[i] += popcount64(bits[i, w])
    return np.asarray(out)


cdef byte_table(fixed, int n_treated, int arms, int n_words):
    """Sum of the outcomes by arm for every value of every byte of a row set."""
    padded = np.zeros((arms, 64 * n_words), np.int64)
    if arms == 1:
        padded[0, :len(fixed)] = fixed
    else:
        padded[0, :n_treated] = fixed[:n_treated]
        padded[1, n_treated:len(fixed)] = fixed[n_treated:]
    in_byte = (np.arange(256)[:, None] >> np.arange(8)) & 1
    table = np.einsum("vb,akb->kva", in_byte, padded.reshape(arms, -1, 8))
    return np.ascontiguousarray(table.reshape(-1, arms))
