"""All directions of a part by cubes: one pass over the rows serves every rule."""

import numpy as np

from sklearn_persona._search._cube import Cubes, CubeSearch
from sklearn_persona._search._kernel import pack_rows
from sklearn_persona._search.problem import fixed_point, size_limits, sort_into_cells
from sklearn_persona._search.slices import run_threads

__all__ = ["cell_table", "cube_directions"]

# Tuples that each further step of the list visits after the time limit.
LATE_TUPLES = 64


class CubeDirection:
    """The greedy list of one direction by cubes, one step at a time.

    The first visit of all tuples serves both directions and records the largest value
    of each tuple. A later step visits only tuples whose largest value reaches its best.
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
        """Never: a further step takes little time and is not postponed."""
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
            # The time is up: take the best of a few promising tuples.
            options = {"most_tuples": LATE_TUPLES}
        search = CubeSearch(
            self.cubes,
            (self.which,),
            self.kept_bits,
            self.settings.max_overlap,
            on_poll=self.on_poll,
            **options,
        )
        run_threads(search, self.n_jobs)
        self.n_evaluated += search.n_evaluated
        self.proven &= not search.timed_out
        return search.best[0]

    def keep(self, members):
        """Exclude rules that overlap a kept one from later steps."""
        self.kept_bits = np.concatenate([self.kept_bits, pack_rows(members[None])])


def cell_table(selectors, label, settings):
    """Sort the units into cells.

    Returns
    -------
    table : CellTable or None
        None when there are too many cells, or the outcome does not vary.
    """
    table = sort_into_cells(selectors, settings, label.n_arms)
    if not table.eligible or fixed_point(label, settings.objective) is None:
        return None
    return table


def cube_directions(part, table, n_jobs, deadline, on_poll):
    """Visit every tuple of a part once, for all directions.

    Parameters
    ----------
    part : Part
    table : CellTable
    n_jobs : int
    deadline : float or None
        On the monotonic clock.
    on_poll : callable or None

    Returns
    -------
    directions : list of CubeDirection
        One per sign.
    """
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
    run_threads(search, n_jobs)
    directions = []
    for which, sign in enumerate(settings.signs):
        direction = CubeDirection(part, cubes, which, sign, n_jobs, deadline, on_poll)
        direction.waiting = search.best[which]
        direction.proven = not search.timed_out
        direction.exhausted = direction.waiting is None
        directions.append(direction)
    directions[0].n_evaluated = search.n_evaluated
    return directions
