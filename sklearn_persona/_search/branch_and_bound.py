"""One direction of a part by branch and bound: its greedy list, step by step."""

from dataclasses import replace
from functools import partial

import numpy as np

from sklearn_persona._search._kernel import Search, count_rows, pack_rows
from sklearn_persona._search.beam import Pool, beam_search
from sklearn_persona._search.cost import predicted_seconds
from sklearn_persona._search.problem import make_problem, search_order
from sklearn_persona._search.slices import (
    SliceOptions,
    run_slices,
    run_threads,
    shares_memory,
)

__all__ = ["Direction"]

# A search predicted to take less stays in this process: others take time to start.
SHORT = 2
# Memory of a thread for the row sets that a list may be chosen from.
COLLECTED_BYTES = 2**28


class Direction:
    """The greedy list of one direction by branch and bound, one step at a time.

    Parameters
    ----------
    part : Part
    sign : {1, -1}
    n_jobs : int
    deadline : float or None
        On the monotonic clock.
    on_poll : callable or None
    """

    def __init__(self, part, sign, n_jobs, deadline, on_poll):
        self.part, self.sign = part, sign
        self.selectors, self.settings = part.selectors, part.settings
        self.label = part.label
        selectors, settings = self.selectors, self.settings
        self.n_jobs, self.deadline, self.on_poll = n_jobs, deadline, on_poll
        self.problem = make_problem(selectors, part.label, part.flip * sign, settings)
        self.proven = settings.exact
        # The pool holds every row set with at least this squared value.
        self.complete_above = np.inf
        self.exhausted = self.problem is None or not len(selectors.bits)
        self.n_evaluated = 0
        if not self.exhausted:
            self.pool = beam_search(
                self.problem,
                selectors,
                min_variables=settings.min_variables,
                max_variables=settings.max_variables,
                min_modalities=settings.min_modalities,
                exchange=not settings.exact,
            )
            self.n_evaluated += self.pool.n_evaluated
            self.kept_bits = np.empty((0, self.problem.bits.shape[1]), np.uint64)
            self.open = np.ones(len(self.pool.rules), bool)
            self.order = search_order(part.label, part.flip * sign, settings.objective)

    def next(self, floor=0.0):
        """Return (squared value, rule) of the next persona, or None.

        Below the floor it need not be the best.
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
        """Whether the next persona, below ``complete_above``, takes another search."""
        if self.exhausted or not self.proven or np.isinf(self.complete_above):
            return False
        best = self.head()
        return best is None or best[0] < self.complete_above

    def head(self):
        """Best rule of the pool that does not overlap a kept one, or None."""
        if not self.open.any():
            return None
        first = int(np.argmax(self.open))
        return float(self.pool.values[first]), self.pool.rules[first]

    def collect(self, value):
        """Put every row set with at least this squared value into the pool.

        One search at the value of the last persona then serves the whole list. If there
        are too many row sets, the pool stays as it is and each step searches.
        """
        if self.exhausted or not self.proven:
            return
        limit = COLLECTED_BYTES // (8 * self.problem.bits.shape[1] + 48)
        search = self._run(value, limit)
        if search.overflowed:
            return
        values, rules, extents = search.collected()
        if search.timed_out:
            # An unfinished search may have missed the best rule of the beam.
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
            self.problem,
            self.kept_bits,
            self.settings.max_overlap,
            incumbent,
            self.deadline,
            self.on_poll,
            limit,
        )
        search.start()
        if shares_memory():
            run_threads(search, self.n_jobs)
        elif self.n_jobs == 1 or self.predicted_seconds(incumbent) < SHORT:
            search.run()
        else:
            # Workers do not need the limits of the conditions, which take long to send.
            selectors = replace(self.selectors, limits=[])
            run_slices(
                search,
                partial(
                    make_problem,
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
        """Predicted time of a search on one thread."""
        return predicted_seconds(self.problem, self.selectors, incumbent, self.settings)

    def keep(self, members):
        """Exclude rules that overlap a kept one from later steps."""
        if self.exhausted:
            return
        extent = pack_rows(members[self.order][None])
        self.kept_bits = np.concatenate([self.kept_bits, extent])
        both = count_rows(self.pool.extents & extent)
        either = count_rows(self.pool.extents | extent)
        overlaps = both / np.maximum(either, 1) > self.settings.max_overlap
        self.open &= ~(overlaps | (both == either))
