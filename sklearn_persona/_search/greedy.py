"""The search for personas: best rules, greedily distinct, in both directions."""

import time
from dataclasses import dataclass

import numpy as np

from sklearn_persona._designs.labels import standardized
from sklearn_persona._search.directions import members_of, open_part, parts_of
from sklearn_persona._search.objectives import OBJECTIVES
from sklearn_persona._search.problem import origin
from sklearn_persona.exceptions import SearchCostWarning, warn_caller

__all__ = [
    "FoundRule",
    "SearchRecord",
    "SearchSettings",
    "find_rules",
    "objective_of",
]

FAVORABLE, UNFAVORABLE = 1, -1
# A search predicted to take longer than this (seconds) comes with a warning.
LONG = 1800


@dataclass(frozen=True)
class SearchSettings:
    """What a rule must satisfy and how it is looked for.

    Attributes
    ----------
    objective : str
    min_variables, max_variables, min_modalities : int
    least_arm : int
        Least units of an arm inside, and of an arm in the complement.
    least_members : int
        Least units inside (coverage).
    n_personas : int
    max_overlap : float
    signs : tuple of int
        1 looks for favorable rules, -1 for unfavorable ones.
    exact : bool
    max_time : float or None
        Seconds.
    price : float
        For each unit by which a rule's length raises the logarithm of the number of
        candidates of that length, so much is taken off its objective.
    either_arm : bool
        Each arm in turn is the one that the objective compares.
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
    price: float = 0.0
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
    price : float
        Of its length, already taken off the objective.
    swapped : bool
        Whether the control arm takes the place of the treated one in the objective.
    """

    selectors: tuple
    conditions: tuple
    sign: int
    objective: float
    members: np.ndarray
    price: float = 0.0
    swapped: bool = False

    def compares(self, label):
        """The label column and the sign with which the objective sees this rule."""
        if self.swapped:
            return label.swapped(), -self.sign
        return label, self.sign


@dataclass(frozen=True)
class SearchRecord:
    """What was searched, and whether the result is proven.

    Attributes
    ----------
    n_candidates : int
        Conjunctions of 1..max_variables conditions on different variables, before
        size limits.
    n_evaluated : int
        Rules whose objective was computed; the others were excluded by bounds.
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
    """Reported objective of the rule with these members, without its price."""
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
    """What the last persona would be worth if the pools were all there is.

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
        worths = [head[0] - direction.part.price for head, direction in heads]
        i = int(np.argmax(worths))
        value, ((_, rule), best) = worths[i], heads[i]
        members = members_of(best.selectors, rule)
        for direction in live:
            if direction.sign == best.sign:
                direction.keep(members)
    for direction, (kept, is_open) in zip(live, before):
        direction.kept_bits, direction.open = kept, is_open
    return value


def find_rules(selectors, label, settings, *, n_jobs=1, on_poll=None, on_best=None):
    """Find the greedy list of rules over both directions.

    Each direction has a list of its own, in which a rule overlaps no better one by
    more than ``max_overlap`` (Jaccard index of the units) and has the members of none;
    the lists are merged by objective.

    Parameters
    ----------
    selectors : Selectors
    label : Labels
    settings : SearchSettings
    n_jobs : int
        Threads, or tasks of the joblib backend when one is selected whose workers share
        no memory. The result does not depend on it.
    on_poll : callable or None
        Called during the search with the share of the current step that is done.
    on_best : callable or None
        Called with the best objective that is known, which may not be the best yet.

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
        opened, predicted = open_part(part, n_jobs, deadline, on_poll)
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
        # Each list falls, so taking the best head each time merges them.
        head = heads[int(np.argmax([head.worth for head in heads]))]
        if head.worth == -np.inf:
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


class _Head:
    """The next persona of a direction, or a bound of its worth until it is needed."""

    def __init__(self, direction, floor):
        self.direction, self.members = direction, None
        self._advance(max(floor + direction.part.price, 0.0))

    def _advance(self, floor=0.0):
        self.pending = self.direction.pending()
        if self.pending:
            self.rule = self.members = None
            self.worth = self.direction.complete_above - self.direction.part.price
        else:
            self.resolve(floor)

    def resolve(self, floor=0.0):
        self.pending = False
        head = self.direction.next(floor)
        self.worth = -np.inf
        if head is not None:
            self.worth, self.rule = head[0] - self.direction.part.price, head[1]
            self.members = members_of(self.direction.part.selectors, self.rule)

    def keep(self, members, max_overlap):
        """Exclude what overlaps these members too much."""
        if self.worth == -np.inf:
            return
        self.direction.keep(members)
        if self.pending:
            return
        # What stays apart is still the best, without another search.
        both = np.count_nonzero(self.members & members)
        either = np.count_nonzero(self.members | members)
        if both == either or both > max_overlap * either:
            self._advance()


def _best_of_beams(directions):
    """Objective of the best rule that a beam found; None when there was no beam."""
    live = [d for d in directions if hasattr(d, "pool") and d.head() is not None]
    if not live:
        return None
    best = max(live, key=lambda d: d.head()[0] - d.part.price)
    rule = best.head()[1]
    members = members_of(best.selectors, rule)
    return _found_rule(best.part, rule, best.sign, members).objective


def _floor(directions, settings):
    """Worth that the only persona has at least; -inf when the beams cannot tell.

    With several personas every direction collects what is worth as much as the last
    of them, so that one search serves all steps.
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
        direction.collect(max(value + direction.part.price, 0.0))
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
        objective=value - part.price,
        members=members,
        price=part.price,
        swapped=part.swapped,
    )
