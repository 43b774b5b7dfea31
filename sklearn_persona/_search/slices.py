"""One search shared by threads, or in slices by workers that share no memory."""

import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import pairwise
from zlib import crc32

import numpy as np
from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel, delayed

from sklearn_persona._search._kernel import Search

__all__ = ["SliceOptions", "run_slices", "run_threads", "shares_memory"]

# Slices come in rounds, so that later ones start from the best of the earlier ones.
# Each worker gets two per round, because some end sooner than others.
ROUNDS = 4
SLICES = 2

_DISAGREE = (
    "The workers of this search order its branches differently from this process, so "
    "their slices would not add up. Use workers with the same processor and the same "
    "build of sklearn_persona, or search without them "
    "(joblib.parallel_config(backend='threading'))."
)


@dataclass(frozen=True)
class SliceOptions:
    """The settings of a search besides its problem.

    Arrays travel inside this object and not as arguments: joblib would keep arguments
    on a single worker of a dask cluster, and they would be lost with it.

    Attributes
    ----------
    kept : ndarray of uint64, shape (n_kept, n_words)
    max_overlap : float
    incumbent : float
    limit : int
    """

    kept: np.ndarray
    max_overlap: float
    incumbent: float
    limit: int

    def search(self, problem, deadline=None):
        """A search of the problem, started."""
        search = Search(
            problem,
            self.kept,
            self.max_overlap,
            self.incumbent,
            deadline,
            None,
            self.limit,
        )
        search.start()
        return search


def shares_memory():
    """Whether tasks of the selected joblib backend run in this process."""
    backend, _ = get_active_backend(prefer="threads")
    return getattr(backend, "supports_sharedmem", False)


def run_threads(search, n_jobs):
    """Call ``search.run`` in this thread and n_jobs - 1 others.

    Parameters
    ----------
    search : Search or CubeSearch
    n_jobs : int
    """
    if n_jobs == 1:
        search.run()
        return
    with ThreadPoolExecutor(n_jobs - 1) as threads:
        try:
            others = [threads.submit(search.run) for _ in range(n_jobs - 1)]
            # This thread searches too: only the main thread sees Ctrl-C.
            search.run()
            # A wait without a timeout may not notice Ctrl-C.
            while wait(others, timeout=0.1).not_done:
                pass
            for other in others:
                other.result()
        except BaseException:
            search.stop()
            raise


def run_slices(search, build, options, *, n_jobs, deadline=None, on_poll=None):
    """Run a search that was started as tasks on the selected joblib backend.

    Parameters
    ----------
    search : Search
        Collects the results.
    build : callable
        Returns the problem of the search; it is called in each task.
    options : SliceOptions
        The options of `search`.
    n_jobs : int
        Workers.
    deadline : float or None
        As ``time.monotonic`` here.
    on_poll : callable or None
        Called between rounds with the share that is done.

    Raises
    ------
    RuntimeError
        When the workers do not agree on the order of the roots.
    """
    roots = search.roots()
    # Position i is refined by the i before it, so these slices take about equal work.
    n_slices = ROUNDS * SLICES * n_jobs
    edges = np.sqrt(np.linspace(0, 1, n_slices + 1)) * len(roots)
    ranges = [(a, b) for a, b in pairwise(np.rint(edges).astype(int).tolist()) if a < b]
    size = max(1, SLICES * n_jobs)
    # Clocks of other machines agree on the time of day only.
    end = None if deadline is None else time.time() + deadline - time.monotonic()
    with Parallel(n_jobs=n_jobs, prefer="threads") as parallel:
        for start in range(0, len(ranges), size):
            if end is not None and time.time() > end:
                search.absorb(None, [], 0, True, False)
                return
            best = 0.0 if search.best is None else search.best[0]
            results = parallel(
                delayed(_run_slice)(build, options, first, last, best, end)
                for first, last in ranges[start : start + size]
            )
            for mark, result in results:
                if mark != crc32(roots):
                    raise RuntimeError(_DISAGREE)
                search.absorb(*result)
            if on_poll is not None:
                on_poll(min(start + size, len(ranges)) / len(ranges))


def _run_slice(build, options, first, last, best, end):
    """Search a range of the roots; return a checksum of all roots and the result."""
    deadline = None if end is None else time.monotonic() + end - time.time()
    search = options.search(build(), deadline)
    mark = crc32(search.roots())
    search.restrict(first, last, best)
    search.run()
    return mark, search.result()
