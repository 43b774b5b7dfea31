"""The search repeated over permutations: null distribution of the best objective.

There are two questions. How many permutations *reach* an observed objective: each
search starts with the observed value as its incumbent and ends at the first rule that
has it, so that most permutations cost a few bounds. And what is the *best* objective of
each permutation: that is the whole null distribution, and it takes a full search each.
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
from sklearn_persona._search.greedy import objective_of
from sklearn_persona._search.objectives import OBJECTIVES
from sklearn_persona._search.problem import ProblemBuilder
from sklearn_persona._search.refinement import find_refined
from sklearn_persona._search.spaces import labels_of, spaces_of
from sklearn_persona._selection.checkpoints import Checkpoints

__all__ = ["STOP_AFTER", "ReachCounts", "null_maxima", "reach_counts"]

# A p value clearly above alpha need not be precise: after 20 permutations that reach
# the observed value its standard error is a fifth of it. At p = .03 the chance to miss
# .05 is 2 % (8 % with 10), and p = .5 takes 40 permutations instead of 1,000.
STOP_AFTER = 20
# An observed objective counts as reached by one this much smaller: rounding, not luck.
TIE = 1e-9
# Width of the beam that finds the first incumbent of a permutation. The wide beam of
# the search itself would take longer than it saves.
WIDTH = 20
# Tasks per worker, so that none waits long for the last one.
TASKS = 8
# With a memory, blocks of permutations must not depend on the number of workers: each
# block has this many permutations, and rounds are those of this many workers.
KEPT_PERMUTATIONS, KEPT_WORKERS = 5, 8


@dataclass(frozen=True)
class ReachCounts:
    """How many permutations reached each observed objective.

    Attributes
    ----------
    p_value : ndarray of float64, shape (n_values,)
        Single-step adjusted for every rule that the search could report.
    n_reached, n_permutations : ndarray of int64, shape (n_values,)
        Permutations that reached the value, and permutations that were searched.
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
    """Count the permutations whose best rule reaches each observed objective.

    Parameters
    ----------
    selectors : Selectors
    labels : object
        ``labels[b]`` is permutation b as ``(outcome, treated)``, for instance
        `Permutations`. It must not depend on which permutations were used before.
    settings : SearchSettings
        Of the observed search: the same rules are searched, in the same directions.
    observed : array-like of shape (n_values,)
        Objectives of rules found with the observed labels, all above 0 unless rules
        have a penalty.
    n_permutations : int
        Most permutations that are searched.
    stop_after : int or None
        Permutations that must reach a value before its count ends (Besag-Clifford);
        None searches all of them.
    refinement : Refinement or None
        The refinement of the observed rules. Each permutation then takes a full search
        and the refinement of its list.
    n_jobs : int or None
        Parallel tasks of joblib. The result does not depend on it.
    on_poll : callable or None
        Called with the share of permutations that is done.
    memory : None, str or joblib.Memory
        Stores each block of permutations when it is done.

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
    With b of B permutations at or above the observed value, p is (b + 1) / (B + 1).
    When the h-th that reaches it is permutation l, the rest is not searched and p is
    h / l, which is valid for any h that was fixed beforehand [1]_.

    One search per permutation answers for all values: its incumbent starts at the
    smallest open value, and it ends at a rule that has the largest one.

    References
    ----------
    .. [1] Besag, J., Clifford, P. (1991). Sequential Monte Carlo p-values. Biometrika
       78, 301-304.
    """
    _check_settings(settings)
    observed = as_values("observed", observed, min_size=0)
    if not settings.penalty and (observed <= 0).any():
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
    """Best objective of each permutation, over all rules and directions.

    Parameters
    ----------
    selectors : Selectors
    labels, settings, refinement, n_jobs
        As in `reach_counts`.
    n_permutations : int

    Returns
    -------
    maxima : ndarray of float64, shape (n_permutations,)
        0.0 where no rule was found, or -inf if rules have a penalty.

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
    """Number of permutations to search before values are closed again."""
    if stop_after is None:
        return np.iinfo(np.int64).max
    if not done:
        return max(stop_after, n_workers)
    # Until the next value is expected to close.
    expected = (stop_after - n_reached.max()) * done / max(n_reached.max(), 1)
    return max(int(np.ceil(expected)), TASKS * n_workers)


def _parallel(n_jobs):
    """Workers whose results come one by one, in order."""
    return Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")


def _in_chunks(
    parallel, n_workers, function, shared, span, options=(), kept=None, on_done=None
):
    """Results of a function of consecutive permutations, on the selected backend."""
    selectors, labels, settings, refinement = shared
    if refinement is None:
        # Workers do not need the limits of the conditions, which take long to send.
        selectors = replace(selectors, limits=[])
    start, stop = span
    n_chunks = min(stop - start, TASKS * n_workers if n_workers > 1 else 1)
    kept = Checkpoints(None) if kept is None else kept
    if kept.on:
        n_chunks = -(-(stop - start) // KEPT_PERMUTATIONS)
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
    """Penalized value of the best rule of each permutation, -inf if it is below low."""
    if refinement is not None:
        best = _maxima_chunk(selectors, labels, settings, refinement, start, stop, halt)
        return best if OBJECTIVES[settings.objective].squared else best**2
    spaces = _Spaces(selectors, settings)
    out = np.full(stop - start, -np.inf)
    for b in range(start, stop):
        halt.check()
        found = spaces.best(Labels(*labels[b]), halt, low, enough)
        if found is not None:
            out[b - start] = found.penalized
    return out


def _maxima_chunk(selectors, labels, settings, refinement, start, stop, halt):
    """Best objective of each permutation, as the search reports it."""
    spaces = _Spaces(selectors, settings)
    out = np.full(stop - start, -np.inf if settings.penalty else 0.0)
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
    """A rule of a permutation; ``penalized`` is its squared value less its penalty."""

    penalized: float
    rule: tuple
    task: tuple

    def objective(self):
        builder, label, sign, penalty = self.task
        members = builder.selectors.members(self.rule)
        return objective_of(label, builder.settings, members, sign) - penalty


class _Spaces:
    """The parts of a search; what does not depend on labels is prepared once."""

    def __init__(self, selectors, settings):
        self.settings = settings
        self.spaces = [
            (ProblemBuilder(some, options), penalty)
            for some, options, penalty in spaces_of(selectors, settings)
            if len(some.bits)
        ]

    def _tasks(self, label):
        """Yield (builder, label, sign, penalty) of every part and direction."""
        for builder, penalty in self.spaces:
            for arms, swapped in labels_of(label, self.settings):
                for sign in self.settings.signs:
                    yield builder, arms, -sign if swapped else sign, penalty

    def best(self, label, halt, low=-np.inf, enough=np.inf):
        """The best rule of at least low, or the first one of at least enough, or None.

        Both are penalized values. A part starts with the best of the parts before it.
        """
        tasks = [(task, task[0].build(task[1], task[2])) for task in self._tasks(label)]
        tasks = [(task, problem) for task, problem in tasks if problem is not None]
        found = None
        if not self.settings.exact or low == -np.inf:
            heads = [_beam(problem, *task) for task, problem in tasks]
            heads = [head for head in heads if head is not None]
            found = max(heads, key=lambda head: head.penalized, default=None)
        if not self.settings.exact:
            return found if found is not None and found.penalized >= low else None
        for task, problem in tasks:
            penalty = task[-1]
            search = Search(
                problem,
                np.empty((0, problem.bits.shape[1]), np.uint64),
                1.0,
                max((low if found is None else found.penalized) + penalty, 0.0),
                None,
                halt.check,
                enough=enough + penalty,
            )
            search.start()
            search.run()
            if search.best is None:
                continue
            value, rule = search.best
            if found is None or value - penalty > found.penalized:
                found = _Best(value - penalty, rule, task)
                if found.penalized >= enough:
                    break
        return found


def _beam(problem, builder, label, sign, penalty):
    settings = builder.settings
    narrow = {"most": WIDTH, "pool_size": 1} if settings.exact else {}
    pool = beam_search(
        problem,
        builder.selectors,
        min_variables=settings.min_variables,
        max_variables=settings.max_variables,
        min_modalities=settings.min_modalities,
        exchange=not settings.exact,
        **narrow,
    )
    if not pool.rules:
        return None
    task = builder, label, sign, penalty
    return _Best(float(pool.values[0]) - penalty, pool.rules[0], task)
