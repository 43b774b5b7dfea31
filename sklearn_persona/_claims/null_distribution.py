"""The search repeated over permuted labelings: null distribution of the best objective.

Two questions are asked. How many labelings *reach* an observed objective: their search
starts with the observed value as its incumbent and ends at the first rule that has it,
so that most labelings cost a few bounds. And what the *best* objective of each labeling
is: the whole null distribution, at the price of a search for each.
"""

from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils.parallel import Parallel, delayed

from sklearn_persona._data.checks import as_count, as_values
from sklearn_persona._designs.labels import Labels
from sklearn_persona._search._kernel import Search
from sklearn_persona._search.beam import beam_search
from sklearn_persona._search.directions import labels_of, members_of, spaces_of
from sklearn_persona._search.greedy import objective_of
from sklearn_persona._search.objectives import OBJECTIVES
from sklearn_persona._search.problem import Columns
from sklearn_persona._search.refinement import find_refined
from sklearn_persona._selection.checkpoints import Checkpoints

__all__ = ["STOP_AFTER", "ReachCounts", "null_maxima", "reach_counts"]

# A p value that is clearly above alpha need not be known well: after 20 labelings that
# reach the observed value its standard error is a fifth of it. At p = .03 the chance to
# miss .05 is 2 % (8 % with 10), and p = .5 takes 40 labelings instead of 1,000.
STOP_AFTER = 20
# An observed objective counts as reached by one this much smaller: rounding, not luck.
TIE = 1e-9
# Beam of the first incumbent of a labeling. The wide one of the search itself would
# take longer than what it saves.
WIDTH = 20
# Tasks a worker, so that none waits long for the last one.
TASKS = 8
# With a memory the blocks of labelings must not depend on the workers there are: so
# many labelings in each, and rounds as for so many workers.
KEPT_LABELINGS, KEPT_WORKERS = 5, 8


@dataclass(frozen=True)
class ReachCounts:
    """How many permuted labelings reached each observed objective.

    Attributes
    ----------
    p_value : ndarray of float64, shape (n_values,)
        Single-step adjusted for every rule that the search could report.
    n_reached, n_permutations : ndarray of int64, shape (n_values,)
        Labelings that reached the value, of those that were looked at.
    """

    p_value: np.ndarray
    n_reached: np.ndarray
    n_permutations: np.ndarray


class _Halt:
    """Tells the threads of this process to stop; other processes get one of their own.

    Only the main thread sees Ctrl-C.
    """

    def __init__(self):
        self.on = False

    def __reduce__(self):
        return _Halt, ()

    def check(self, share=None):
        if self.on:
            raise RuntimeError("The permutations were interrupted.")


def reach_counts(
    selectors,
    labels,
    settings,
    observed,
    *,
    n_permutations,
    stop_after=STOP_AFTER,
    refinement=None,
    n_jobs=None,
    on_poll=None,
    memory=None,
):
    """Count the permuted labelings whose best rule reaches each observed objective.

    Parameters
    ----------
    selectors : Selectors
    labels : object
        ``labels[b]`` is the permuted labeling b as ``(outcome, treated)``, for instance
        `Permutations`. It must not depend on which labelings were asked for before.
    settings : SearchSettings
        Of the observed search: the same rules are searched, in the same directions.
    observed : array-like of shape (n_values,)
        Objectives of rules found under the observed labeling, all above 0 unless rules
        have a price.
    n_permutations : int
        Labelings looked at, at most.
    stop_after : int or None
        Labelings are drawn until so many have reached a value (Besag-Clifford); None
        looks at all of them.
    refinement : Refinement or None
        What moved the edges of the observed rules. Each labeling then takes a whole
        search and the refinement of its list.
    n_jobs : int or None
        Tasks at once, of joblib. The result does not depend on it.
    on_poll : callable or None
        Called with the share of the permutations that is done.
    memory : None, str or joblib.Memory
        Where blocks of labelings are kept as soon as they are done.

    Returns
    -------
    counts : ReachCounts

    Raises
    ------
    ValueError
        For observed objectives that no search could have found, or a search with a
        time limit.

    Notes
    -----
    With b of B labelings at or above the observed value, p is (b + 1) / (B + 1). When
    the h-th that reaches it is labeling l, the rest is not looked at and p is h / l,
    which is valid for any h that was fixed beforehand [1]_.

    All values are answered by one search a labeling: its incumbent starts at the
    smallest value that is open, and it ends at a rule that has the largest one.

    References
    ----------
    .. [1] Besag, J., Clifford, P. (1991). Sequential Monte Carlo p-values. Biometrika
       78, 301-304.
    """
    _check_settings(settings)
    observed = as_values("observed", observed, min_size=0)
    if not settings.price and (observed <= 0).any():
        raise ValueError(
            f"observed must be above 0, got {observed.min()}: a rule with no effect in "
            "its direction is not found by a search."
        )
    n_permutations = as_count("n_permutations", n_permutations)
    if stop_after is not None:
        stop_after = as_count("stop_after", stop_after)
    thresholds = observed - TIE * np.abs(observed)
    if not OBJECTIVES[settings.objective].squared:
        thresholds = thresholds**2

    shared = selectors, labels, settings, refinement
    kept = Checkpoints(memory, "reach", *shared)
    n_workers = KEPT_WORKERS if kept.on else effective_n_jobs(n_jobs)
    n_reached = np.zeros(len(observed), np.int64)
    n_seen = np.full(len(observed), n_permutations)
    is_open = np.ones(len(observed), bool)
    done = 0
    with _parallel(n_jobs) as parallel:
        while done < n_permutations and is_open.any():
            size = _round_size(done, n_reached[is_open], stop_after, n_workers)
            size = min(size, n_permutations - done)
            best = _in_chunks(
                parallel,
                n_workers,
                _reach_chunk,
                shared,
                (done, done + size),
                (float(thresholds[is_open].min()), float(thresholds[is_open].max())),
                kept,
                lambda last: on_poll and on_poll(last / n_permutations),
            )
            for i in np.flatnonzero(is_open):
                reached = np.flatnonzero(best >= thresholds[i])
                n_left = np.inf if stop_after is None else stop_after - n_reached[i]
                if len(reached) >= n_left:
                    n_seen[i] = done + reached[n_left - 1] + 1
                    n_reached[i] = stop_after
                    is_open[i] = False
                else:
                    n_reached[i] += len(reached)
            done += size
    p_value = np.where(
        is_open, (n_reached + 1) / (n_permutations + 1), n_reached / n_seen
    )
    return ReachCounts(p_value, n_reached, n_seen)


def null_maxima(
    selectors, labels, settings, *, n_permutations, refinement=None, n_jobs=None
):
    """Best objective of each permuted labeling, over all rules and directions.

    Parameters
    ----------
    selectors : Selectors
    labels, settings, refinement, n_jobs
        As in `reach_counts`.
    n_permutations : int

    Returns
    -------
    maxima : ndarray of float64, shape (n_permutations,)
        Where no rule was found 0.0, or -inf if rules have a price.

    Raises
    ------
    ValueError
        For a search with a time limit.
    """
    _check_settings(settings)
    n_permutations = as_count("n_permutations", n_permutations)
    with _parallel(n_jobs) as parallel:
        return _in_chunks(
            parallel,
            effective_n_jobs(n_jobs),
            _maxima_chunk,
            (selectors, labels, settings, refinement),
            (0, n_permutations),
        )


def _check_settings(settings):
    if settings.max_time is not None:
        raise ValueError(
            f"max_time={settings.max_time} cannot be combined with permutations: a "
            "search that was cut short is not the one that the permutations repeat. "
            "Use max_time=None, or search='beam'."
        )


def _round_size(done, n_reached, stop_after, n_workers):
    """Labelings to look at before values are closed again."""
    if stop_after is None:
        return np.iinfo(np.int64).max
    if not done:
        return max(stop_after, n_workers)
    # Until the next value is expected to be closed.
    expected = (stop_after - n_reached.max()) * done / max(n_reached.max(), 1)
    return max(int(np.ceil(expected)), TASKS * n_workers)


def _parallel(n_jobs):
    """Workers whose results come one by one, in order."""
    return Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")


def _in_chunks(
    parallel, n_workers, function, shared, span, options=(), kept=None, on_done=None
):
    """Results of a function of consecutive labelings, on the selected backend."""
    selectors, labels, settings, refinement = shared
    if refinement is None:
        # The words of the conditions are long to send and not needed there.
        selectors = replace(selectors, limits=[])
    start, stop = span
    n_chunks = min(stop - start, TASKS * n_workers if n_workers > 1 else 1)
    kept = Checkpoints(None) if kept is None else kept
    if kept.on:
        n_chunks = -(-(stop - start) // KEPT_LABELINGS)
    edges = np.linspace(start, stop, n_chunks + 1).astype(int).tolist()
    spans = list(pairwise(edges))
    halt = _Halt()
    parts = []
    try:
        results = kept.results(
            [(*span, *options) for span in spans],
            lambda missing: parallel(
                delayed(function)(
                    selectors, labels, settings, refinement, *spans[i], halt, *options
                )
                for i in missing
            ),
        )
        with closing(results):
            for _, last in spans:
                parts.append(next(results))
                if on_done is not None:
                    on_done(last)
    except BaseException:
        halt.on = True
        raise
    return np.concatenate(parts)


def _reach_chunk(
    selectors, labels, settings, refinement, start, stop, halt, low, enough
):
    """Worth of the best rule of each labeling within the limits, -inf below them."""
    if refinement is not None:
        best = _maxima_chunk(selectors, labels, settings, refinement, start, stop, halt)
        return best if OBJECTIVES[settings.objective].squared else best**2
    spaces = _Spaces(selectors, settings)
    out = np.full(stop - start, -np.inf)
    for b in range(start, stop):
        halt.check()
        found = spaces.best(Labels(*labels[b]), halt, low, enough)
        if found is not None:
            out[b - start] = found.worth
    return out


def _maxima_chunk(selectors, labels, settings, refinement, start, stop, halt):
    """Best objective of each labeling, as the search reports it."""
    spaces = _Spaces(selectors, settings)
    out = np.full(stop - start, -np.inf if settings.price else 0.0)
    for b in range(start, stop):
        halt.check()
        label = Labels(*labels[b])
        if refinement is not None:
            rules, _ = find_refined(
                selectors, label, settings, refinement, on_poll=halt.check
            )
            if rules:
                out[b - start] = rules[0].objective
            continue
        found = spaces.best(label, halt)
        if found is not None:
            out[b - start] = found.objective()
    return out


@dataclass
class _Best:
    """A rule of a permuted labeling; ``worth`` is its squared value less its price."""

    worth: float
    rule: tuple
    task: tuple

    def objective(self):
        columns, label, sign, price = self.task
        members = members_of(columns.selectors, self.rule)
        return objective_of(label, columns.settings, members, sign) - price


class _Spaces:
    """The parts of a search; what no label changes is done once."""

    def __init__(self, selectors, settings):
        self.settings = settings
        self.spaces = [
            (Columns(some, options), price)
            for some, options, price in spaces_of(selectors, settings)
            if len(some.bits)
        ]

    def _tasks(self, label):
        """Yield (columns, label, sign, price) of every part and direction."""
        for columns, price in self.spaces:
            for arms, swapped in labels_of(label, self.settings):
                for sign in self.settings.signs:
                    yield columns, arms, -sign if swapped else sign, price

    def best(self, label, halt, low=-np.inf, enough=np.inf):
        """The best rule worth at least low, or the first one with enough; else None.

        A part starts with what the others have found, because only the best counts.
        """
        tasks = [(task, task[0].make(task[1], task[2])) for task in self._tasks(label)]
        tasks = [(task, column) for task, column in tasks if column is not None]
        found = None
        if not self.settings.exact or low == -np.inf:
            heads = [_beam(column, *task) for task, column in tasks]
            heads = [head for head in heads if head is not None]
            found = max(heads, key=lambda head: head.worth, default=None)
        if not self.settings.exact:
            return found if found is not None and found.worth >= low else None
        for task, column in tasks:
            price = task[-1]
            search = Search(
                column,
                np.empty((0, column.bits.shape[1]), np.uint64),
                1.0,
                max((low if found is None else found.worth) + price, 0.0),
                None,
                halt.check,
                enough=enough + price,
            )
            search.start()
            search.run()
            if search.best is None:
                continue
            value, rule = search.best
            if found is None or value - price > found.worth:
                found = _Best(value - price, rule, task)
                if found.worth >= enough:
                    break
        return found


def _beam(column, columns, label, sign, price):
    settings = columns.settings
    narrow = {"most": WIDTH, "pool_size": 1} if settings.exact else {}
    pool = beam_search(
        column,
        columns.selectors,
        min_variables=settings.min_variables,
        max_variables=settings.max_variables,
        min_modalities=settings.min_modalities,
        exchange=not settings.exact,
        **narrow,
    )
    if not pool.rules:
        return None
    task = columns, label, sign, price
    return _Best(float(pool.values[0]) - price, pool.rules[0], task)
