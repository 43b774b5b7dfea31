"""The greedy list: the best rules in both directions that differ enough."""

import time
from dataclasses import dataclass

import numpy as np

from sklearn_persona._designs.labels import standardized
from sklearn_persona._search.branch_and_bound import Direction
from sklearn_persona._search.cost import cube_seconds, quick_seconds
from sklearn_persona._search.cubes import cell_table, cube_directions
from sklearn_persona._search.objectives import OBJECTIVES
from sklearn_persona._search.problem import origin
from sklearn_persona._search.spaces import parts_of
from sklearn_persona.exceptions import SearchCostWarning, warn_caller

__all__ = [
    "FoundRule",
    "SearchRecord",
    "SearchSettings",
    "find_rules",
    "objective_of",
]

FAVORABLE, UNFAVORABLE = 1, -1
# A search that is predicted to take more seconds than this comes with a warning.
LONG = 1800


@dataclass(frozen=True)
class SearchSettings:
    """The constraints on rules, and how rules are searched.

    Attributes
    ----------
    objective : str
    min_variables, max_variables, min_modalities : int
    least_arm : int
        Least units of each arm inside, and in the complement.
    least_members : int
        Least units inside (coverage).
    n_personas : int
    max_overlap : float
    signs : tuple of int
        1 looks for favorable rules, -1 for unfavorable ones.
    exact : bool
    max_time : float or None
        Seconds.
    penalty : float
        Taken off a rule's objective for each unit by which its length raises the
        logarithm of the number of candidates.
    either_arm : bool
        Whether each arm in turn takes the place of the treated one in the objective.
    interval_variables : int
        Rules of more variables have no condition with two edges.
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
    penalty: float = 0.0
    either_arm: bool = False
    interval_variables: int = 4


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
    penalty : float
        Penalty of its length, already taken off the objective.
    swapped : bool
        Whether the control arm takes the place of the treated one in the objective.
    """

    selectors: tuple
    conditions: tuple
    sign: int
    objective: float
    members: np.ndarray
    penalty: float = 0.0
    swapped: bool = False

    def compares(self, label):
        """The label column and the sign with which the objective sees this rule."""
        if self.swapped:
            return label.swapped(), -self.sign
        return label, self.sign


@dataclass(frozen=True)
class SearchRecord:
    """The size of a search, and whether its result is proven.

    Attributes
    ----------
    n_candidates : int
        Conjunctions of 1..max_variables conditions on different variables, before
        size limits.
    n_evaluated : int
        Rules whose objective was computed; bounds excluded the others.
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


def objective_of(label, settings, members, sign):
    """Reported objective of the rule with these members, without its penalty."""
    outcome = label.outcome - origin(label, settings.objective)
    scaled = sign * standardized(outcome, label.treated)
    return OBJECTIVES[settings.objective].value(scaled, label.treated, members)


def _warn_if_long(seconds, n_candidates):
    if seconds > LONG:
        warn_caller(
            f"The exact search over {n_candidates:.2g} candidates is predicted to take "
            f"about {seconds / 3600:.1f} hours. Lower max_variables, n_cuts or "
            "n_personas, use conditions='one-sided', set max_time for the best answer "
            "until then, or use search='beam'.",
            SearchCostWarning,
        )


def _last_value(directions, settings):
    """Penalized value of the last persona if there were no rules beyond the pools.

    None when the pools do not fill the list.
    """
    live = [direction for direction in directions if not direction.exhausted]
    before = [(direction.kept_bits, direction.open.copy()) for direction in live]
    value = None
    for _ in range(settings.n_personas):
        heads = [(direction.head(), direction) for direction in live]
        heads = [(head, direction) for head, direction in heads if head is not None]
        if not heads:
            value = None
            break
        penalized = [head[0] - direction.part.penalty for head, direction in heads]
        i = int(np.argmax(penalized))
        value, ((_, rule), best) = penalized[i], heads[i]
        members = best.selectors.members(rule)
        for direction in live:
            if direction.sign == best.sign:
                direction.keep(members)
    for direction, (kept, is_open) in zip(live, before):
        direction.kept_bits, direction.open = kept, is_open
    return value


def find_rules(selectors, label, settings, *, n_jobs=1, on_poll=None, on_best=None):
    """Find the greedy list of rules over both directions.

    Each direction has its own list, in which no rule overlaps a better one by more than
    ``max_overlap`` (Jaccard index of the units) or has the same members. The lists are
    merged by objective.

    Parameters
    ----------
    selectors : Selectors
    label : Labels
    settings : SearchSettings
    n_jobs : int
        Threads, or tasks if the selected joblib backend has workers that share no
        memory. The result does not depend on it.
    on_poll : callable or None
        Called during the search with the share of the current step that is done.
    on_best : callable or None
        Called with the best objective so far; a better one may follow.

    Returns
    -------
    rules : list of FoundRule
        At most ``n_personas``, best first.
    record : SearchRecord
    """
    start = time.monotonic()
    deadline = None if settings.max_time is None else start + settings.max_time
    parts = parts_of(selectors, label, settings)
    directions, seconds = [], 0.0
    for part in parts:
        opened, predicted = _open_part(part, n_jobs, deadline, on_poll)
        directions += opened
        seconds += predicted
    n_candidates = selectors.n_candidates(
        settings.max_variables, settings.interval_variables
    )
    _warn_if_long(seconds / n_jobs, n_candidates)

    if on_best is not None and (best := _best_of_beams(directions)) is not None:
        on_best(best)
    floor = _floor(directions, settings)
    heads = [_Head(direction, floor) for direction in directions]
    found = []
    while len(found) < settings.n_personas:
        # Each list is sorted, so taking the best head each time merges them.
        head = heads[int(np.argmax([head.penalized for head in heads]))]
        if head.penalized == -np.inf:
            break
        if head.pending:
            head.resolve()
            continue
        best, inside = head.direction, head.members
        found.append(_found_rule(best.part, head.rule, best.sign, inside))
        if on_best is not None and len(found) == 1:
            on_best(found[0].objective)
        if len(found) == settings.n_personas:
            break
        for head in heads:
            if head.direction.sign == best.sign:
                head.keep(inside, settings.max_overlap)
    proven = all(direction.proven for direction in directions)
    record = SearchRecord(
        n_candidates=n_candidates,
        n_evaluated=sum(direction.n_evaluated for direction in directions),
        proven_optimal=proven,
        best_objective=found[0].objective if found else float("nan"),
        seconds=time.monotonic() - start,
    )
    return found, record


def _bit_seconds(directions):
    """Predicted seconds of one search in each direction, on one thread."""
    return sum(
        direction.predicted_seconds(
            direction.pool.values[0] if len(direction.pool.values) else 0.0
        )
        for direction in directions
        if not direction.exhausted
    )


def _open_part(part, n_jobs, deadline, on_poll):
    """Start the lists of a part by cubes or by branch and bound, whichever is faster.

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
        One per sign, all of the same kind.
    seconds : float
        Predicted time of the whole list on one thread, 0.0 under a deadline.
    """
    selectors, label, settings = part.selectors, part.label, part.settings
    by_cubes, table, seconds = np.inf, None, 0.0
    if settings.exact and len(selectors.bits):
        by_cubes = cube_seconds(selectors, settings)
    if np.isfinite(by_cubes) and by_cubes <= quick_seconds(selectors, settings):
        table = cell_table(selectors, label, settings)
        # Steps after the first take little time.
        seconds = by_cubes
        if table is None:
            by_cubes = np.inf
    if table is None:
        directions = [
            Direction(part, sign, n_jobs, deadline, on_poll) for sign in settings.signs
        ]
        if not settings.exact or deadline is not None:
            return directions, 0.0
        seconds = _bit_seconds(directions)
        if by_cubes < seconds:
            table = cell_table(selectors, label, settings)
        if table is None:
            seconds *= (settings.n_personas - 1) / len(directions) + 1
        else:
            seconds = by_cubes
    if table is not None:
        directions = cube_directions(part, table, n_jobs, deadline, on_poll)
    return directions, 0.0 if deadline is not None else seconds


class _Head:
    """The next persona of a direction, or a bound on its value until it is needed."""

    def __init__(self, direction, floor):
        self.direction, self.members = direction, None
        self._advance(max(floor + direction.part.penalty, 0.0))

    def _advance(self, floor=0.0):
        self.pending = self.direction.pending()
        if self.pending:
            self.rule = self.members = None
            self.penalized = self.direction.complete_above - self.direction.part.penalty
        else:
            self.resolve(floor)

    def resolve(self, floor=0.0):
        self.pending = False
        head = self.direction.next(floor)
        self.penalized = -np.inf
        if head is not None:
            self.penalized, self.rule = head[0] - self.direction.part.penalty, head[1]
            self.members = self.direction.part.selectors.members(self.rule)

    def keep(self, members, max_overlap):
        """Exclude rules that overlap these members too much."""
        if self.penalized == -np.inf:
            return
        self.direction.keep(members)
        if self.pending:
            return
        # A rule that does not overlap is still the best, without another search.
        both = np.count_nonzero(self.members & members)
        either = np.count_nonzero(self.members | members)
        if both == either or both > max_overlap * either:
            self._advance()


def _best_of_beams(directions):
    """Objective of the best rule that a beam found; None without a beam."""
    live = [d for d in directions if hasattr(d, "pool") and d.head() is not None]
    if not live:
        return None
    best = max(live, key=lambda d: d.head()[0] - d.part.penalty)
    rule = best.head()[1]
    members = best.selectors.members(rule)
    return _found_rule(best.part, rule, best.sign, members).objective


def _floor(directions, settings):
    """Least penalized value of the only persona; -inf when the beams do not tell.

    With several personas every direction collects the rules that are at least as good
    as the last of them, so that one search serves all steps.
    """
    on_bits = [direction for direction in directions if hasattr(direction, "pool")]
    if not settings.exact or len(on_bits) < len(directions):
        return -np.inf
    value = _last_value(directions, settings)
    if value is None:
        return -np.inf
    if settings.n_personas == 1:
        return value
    for direction in directions:
        direction.collect(max(value + direction.part.penalty, 0.0))
    return -np.inf


def _found_rule(part, rule, sign, members):
    value = objective_of(part.label, part.settings, members, part.flip * sign)
    selectors = part.selectors
    return FoundRule(
        selectors=tuple(rule),
        conditions=tuple(
            (int(selectors.feature[i]), selectors.limits[i])
            for i in rule
            if len(selectors.limits)
        ),
        sign=sign,
        objective=value - part.penalty,
        members=members,
        penalty=part.penalty,
        swapped=part.swapped,
    )
