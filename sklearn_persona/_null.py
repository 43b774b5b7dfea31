"""The search repeated over permuted labelings: null distribution of the best objective.

Two questions are asked. How many labelings *reach* an observed objective: their search
starts with the observed value as its incumbent and ends at the first rule that has it,
so that most labelings cost a few bounds. And what the *best* objective of each labeling
is: the whole null distribution, at the price of a search for each.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils.parallel import Parallel, delayed

from sklearn_persona._beam import beam_search
from sklearn_persona._columns import Columns, LabelColumn
from sklearn_persona._kernel import Search
from sklearn_persona._objectives import OBJECTIVES
from sklearn_persona._refinement import find_refined
from sklearn_persona._search import objective_of
from sklearn_persona.inference._checks import as_count, as_values

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
        Objectives of rules found under the observed labeling, all above 0.
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
    if (observed <= 0).any():
        raise ValueError(
            f"observed must be above 0, got {observed.min()}: a rule with no effect in "
            "its direction is not found by a search."
        )
    n_permutations = as_count("n_permutations", n_permutations)
    if stop_after is not None:
        stop_after = as_count("stop_after", stop_after)
    thresholds = observed * (1 - TIE)
    if not OBJECTIVES[settings.objective].squared:
        thresholds = thresholds**2

    n_workers = effective_n_jobs(n_jobs)
    n_reached = np.zeros(len(observed), np.int64)
    n_seen = np.full(len(observed), n_permutations)
    is_open = np.ones(len(observed), bool)
    done = 0
    with Parallel(n_jobs=n_jobs, prefer="threads") as parallel:
        while done < n_permutations and is_open.any():
            size = _round_size(done, n_reached[is_open], stop_after, n_workers)
            size = min(size, n_permutations - done)
            best = _in_chunks(
                parallel,
                n_workers,
                _reach_chunk,
                (selectors, labels, settings, refinement),
                (done, done + size),
                (thresholds[is_open].min(), thresholds[is_open].max()),
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
            if on_poll is not None:
                on_poll(done / n_permutations)
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
        0.0 where no rule was found.

    Raises
    ------
    ValueError
        For a search with a time limit.
    """
    _check_settings(settings)
    n_permutations = as_count("n_permutations", n_permutations)
    with Parallel(n_jobs=n_jobs, prefer="threads") as parallel:
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


def _in_chunks(parallel, n_workers, function, shared, span, options=()):
    """Results of a function of consecutive labelings, on the selected backend."""
    selectors, labels, settings, refinement = shared
    if refinement is None:
        # The words of the conditions are long to send and not needed there.
        selectors = replace(selectors, limits=[])
    start, stop = span
    n_chunks = min(stop - start, TASKS * n_workers if n_workers > 1 else 1)
    edges = np.linspace(start, stop, n_chunks + 1).astype(int).tolist()
    halt = _Halt()
    try:
        parts = parallel(
            delayed(function)(
                selectors, labels, settings, refinement, a, b, halt, *options
            )
            for a, b in pairwise(edges)
        )
    except BaseException:
        halt.on = True
        raise
    return np.concatenate(parts)


def _reach_chunk(
    selectors, labels, settings, refinement, start, stop, halt, low, enough
):
    """Best squared value of each labeling within the limits, 0.0 when below them."""
    if refinement is not None:
        best = _maxima_chunk(selectors, labels, settings, refinement, start, stop, halt)
        return best if OBJECTIVES[settings.objective].squared else best**2
    columns = Columns(selectors, settings)
    out = np.zeros(stop - start)
    for b in range(start, stop):
        halt.check()
        found = _best(columns, LabelColumn(*labels[b]), halt, low, enough)
        if found is not None:
            out[b - start] = found[0]
    return out


def _maxima_chunk(selectors, labels, settings, refinement, start, stop, halt):
    """Best objective of each labeling, as the search reports it."""
    columns = Columns(selectors, settings)
    out = np.zeros(stop - start)
    for b in range(start, stop):
        halt.check()
        label = LabelColumn(*labels[b])
        if refinement is not None:
            rules, _ = find_refined(
                selectors, label, settings, refinement, on_poll=halt.check
            )
            out[b - start] = rules[0].objective if rules else 0.0
            continue
        found = _best(columns, label, halt)
        if found is not None:
            out[b - start] = objective_of(selectors, label, settings, *found[1:])[0]
    return out


def _best(columns, label, halt, low=0.0, enough=np.inf):
    """Best (squared value, rule, sign) at or above low, or the first one with enough.

    A direction starts with what the other one has found, because only the better of
    the two counts.
    """
    settings, selectors = columns.settings, columns.selectors
    if not len(selectors.bits):
        return None
    directions = [(sign, columns.make(label, sign)) for sign in settings.signs]
    directions = [d for d in directions if d[1] is not None]
    found = None
    if not settings.exact or low == 0:
        heads = []
        for sign, column in directions:
            narrow = {"most": WIDTH, "pool_size": 1} if settings.exact else {}
            pool = beam_search(
                column,
                selectors,
                min_variables=settings.min_variables,
                max_variables=settings.max_variables,
                min_modalities=settings.min_modalities,
                **narrow,
            )
            if pool.rules:
                heads.append((float(pool.values[0]), pool.rules[0], sign))
        found = max(heads, key=lambda head: head[0], default=None)
    if not settings.exact:
        return found if found is not None and found[0] >= low else None
    for sign, column in directions:
        search = Search(
            column,
            np.empty((0, column.bits.shape[1]), np.uint64),
            1.0,
            low if found is None else found[0],
            None,
            halt.check,
            enough=enough,
        )
        search.start()
        search.run()
        if search.best is not None and (found is None or search.best[0] > found[0]):
            found = (*search.best, sign)
            if found[0] >= enough:
                break
    return found
