"""Refinement: the edges of found rules move over all cut points.

The search uses a few quantiles of each variable. Here each rule keeps its variables and
the sides of its conditions, and its edges move over every midpoint between neighboring
values. If several places of an edge give the same members, it takes the middle one.
"""

from dataclasses import replace
from math import prod

import numpy as np

from sklearn_persona._data.table import numbers
from sklearn_persona._search.binning import all_places, column_cuts
from sklearn_persona._search.greedy import find_rules, objective_of
from sklearn_persona._search.objectives import OBJECTIVES
from sklearn_persona._search.problem import fixed_point, size_limits

__all__ = ["Refinement", "find_refined"]

# Up to this number of combinations of edges are searched jointly, in some tenths of a
# second at most. With more, each edge in turn takes its best place until none moves.
MOST_JOINT = 10**7
# Room for the row sets of a joint search, in bits.
MOST_BITS = 2**28
# A gain smaller than this is rounding.
GAIN = 1e-9
LOW, HIGH = 0, 1


class Refinement:
    """Moves the edges of rules over all cut points.

    Parameters
    ----------
    columns : list of TableColumn
    rows : ndarray of int, shape (n_units,)
        The row of the table that describes each unit.
    """

    def __init__(self, columns, rows):
        self.columns = {column.position: column for column in columns}
        self.rows = rows

    def among(self, chosen):
        """The same for some of the units, shape (n_units,) of bool."""
        return Refinement(self.columns.values(), self.rows[chosen])

    def __call__(self, rules, label, settings):
        """Refine the rules of a list and sort it again.

        Parameters
        ----------
        rules : list of FoundRule
            As found with these labels.
        label : Labels
        settings : SearchSettings

        Returns
        -------
        rules : list of FoundRule
            Best first. No objective is lower than before. A refined rule that overlaps
            a better one of its direction by more than ``max_overlap``, or has its
            members, is kept as it was found; if that overlaps too, it is left out.
        """
        pairs = [(self._refine(rule, label, settings), rule) for rule in rules]
        pairs.sort(key=lambda pair: -pair[0].objective)
        kept = []
        for pair in pairs:
            apart = [rule for rule in pair if _is_apart(rule, kept, settings)]
            kept += apart[:1]
        return sorted(kept, key=lambda rule: -rule.objective)

    def _refine(self, rule, label, settings):
        label, sign = rule.compares(label)
        settings = replace(settings, signs=(sign,), penalty=0.0, either_arm=False)
        n_places = [self._n_places(*condition) for condition in rule.conditions]
        joint = (
            prod(n_places) <= MOST_JOINT and sum(n_places) * len(self.rows) <= MOST_BITS
        )
        move = self._jointly if joint else self._in_turn
        conditions = move(rule, label, settings)
        members = np.logical_and.reduce([self._satisfies(*c) for c in conditions])
        if np.array_equal(members, rule.members):
            return replace(rule, conditions=tuple(conditions))
        return replace(
            rule,
            conditions=tuple(conditions),
            objective=objective_of(label, settings, members, sign) - rule.penalty,
            members=members,
        )

    def _values(self, position):
        """Numbers of a column for the units; None for a categorical column."""
        column = self.columns[position]
        return None if column.levels is not None else numbers(column.values[self.rows])

    def _satisfies(self, position, limits):
        values = self._values(position)
        if values is None:
            column = self.columns[position]
            codes = [column.levels.index(level) for level in limits]
            return np.isin(column.values[self.rows], codes)
        low, high = limits
        inside = ~np.isnan(values)
        if low is not None:
            inside &= values > low
        if high is not None:
            inside &= values <= high
        return inside

    def _n_places(self, position, limits):
        """Number of places of the edges of a condition."""
        values = self._values(position)
        if values is None:
            return 1
        n = len(column_cuts(values, "all"))
        return n * (n - 1) // 2 if None not in limits else n

    def _jointly(self, rule, label, settings):
        """Best conditions over all combinations of places."""
        alone = replace(
            settings,
            min_variables=len(rule.conditions),
            max_variables=len(rule.conditions),
            min_modalities=1,
            n_personas=1,
            exact=True,
            max_time=None,
        )
        selectors = all_places(
            [self.columns[position] for position, _ in rule.conditions],
            [limits for _, limits in rule.conditions],
            self.rows,
            least_members=settings.least_members,
        )
        found, _ = find_rules(selectors, label, alone)
        conditions = rule.conditions
        if found and found[0].objective > (rule.objective + rule.penalty) * (1 + GAIN):
            conditions = found[0].conditions
        return self._centered(conditions)

    def _in_turn(self, rule, label, settings):
        """Conditions in which no single edge has a better place."""
        sums = _Sums(label, settings)
        conditions = self._centered(rule.conditions)
        best = rule.objective + rule.penalty
        edges = [
            (i, edge)
            for i, (position, limits) in enumerate(conditions)
            if self._values(position) is not None
            for edge in (LOW, HIGH)
            if limits[edge] is not None
        ]
        gained = True
        while gained:
            gained = False
            for i, edge in edges:
                base, cuts, counts, _ = self._base(conditions, i, edge)
                if not len(cuts):
                    continue
                values = sums.of_places(base, counts, from_top=edge == LOW)
                place = int(np.argmax(values))
                if values[place] > best * (1 + GAIN):
                    best, gained = values[place], True
                    conditions[i] = _moved(conditions[i], edge, cuts[place])
            if gained:
                conditions = self._centered(conditions)
        return conditions

    def _base(self, conditions, i, edge):
        """Units that everything but one edge leaves inside, in order of its variable.

        Returns their positions, the places of the edge, how many of them lie at or
        below each place, and how many at or below the present one.
        """
        position, limits = conditions[i]
        values = self._values(position)
        cuts = column_cuts(values, "all")
        other = limits[1 - edge]
        if other is not None:
            cuts = cuts[cuts < other] if edge == LOW else cuts[cuts > other]
        rest = [c for j, c in enumerate(conditions) if j != i]
        free = (None, other) if edge == LOW else (other, None)
        inside = np.logical_and.reduce(
            [self._satisfies(*c) for c in [*rest, (position, free)]]
        )
        base = np.flatnonzero(inside)
        base = base[np.argsort(values[base], kind="stable")]
        below = np.searchsorted(values[base], [*cuts, limits[edge]], side="right")
        return base, cuts, below[:-1], below[-1]

    def _centered(self, conditions):
        """Each edge in the middle of the places with the same members."""
        conditions = list(conditions)
        for i, (position, limits) in enumerate(conditions):
            if self._values(position) is None:
                continue
            for edge in (LOW, HIGH):
                if limits[edge] is None:
                    continue
                _, cuts, counts, here = self._base(conditions, i, edge)
                same = cuts[counts == here]
                if len(same):
                    conditions[i] = _moved(conditions[i], edge, same[len(same) // 2])
        return conditions


class _Sums:
    """Objectives of all places of an edge at once, from exact sums of outcomes."""

    def __init__(self, label, settings):
        values = fixed_point(label, settings.objective)
        self.arms = label.arms
        (sign,) = settings.signs
        self.fixed = sign * values.fixed * self.arms
        self.scale = values.scale
        self.limits = size_limits(label, settings)
        self.score = OBJECTIVES[settings.objective].score
        self.N, self.S = self._float(
            self.arms.sum(axis=1)[:, None], self.fixed.sum(axis=1)[:, None]
        )

    def _float(self, n, s):
        return n.astype(float), s * self.scale

    def of_places(self, base, counts, *, from_top):
        """Objectives when the first units of the base are inside, or all but them."""
        n, s = (
            np.concatenate(
                [np.zeros((len(x), 1), x.dtype), x[:, base].cumsum(axis=1)], axis=1
            )
            for x in (self.arms.astype(int), self.fixed)
        )
        n, s = (x[:, -1:] - x[:, counts] if from_top else x[:, counts] for x in (n, s))
        allowed = n.sum(axis=0) >= self.limits["least_members"]
        for arm, size in enumerate(n):
            allowed &= size >= self.limits["least"][arm]
            allowed &= size <= self.limits["most"][arm]
        with np.errstate(divide="ignore", invalid="ignore"):
            values = self.score(*self._float(n, s), self.N, self.S)
        return np.where(allowed, values, 0.0)


def _moved(condition, edge, cut):
    position, limits = condition
    low, high = limits
    return position, (float(cut), high) if edge == LOW else (low, float(cut))


def _is_apart(rule, kept, settings):
    """Whether a rule overlaps no kept one of its direction too much."""
    for other in kept:
        if other.sign == rule.sign:
            both = np.count_nonzero(rule.members & other.members)
            either = np.count_nonzero(rule.members | other.members)
            if both == either or both > settings.max_overlap * either:
                return False
    return True


def find_refined(
    selectors,
    label,
    settings,
    refinement=None,
    *,
    n_jobs=1,
    on_poll=None,
    on_best=None,
):
    """Find the greedy list of rules and refine it.

    Parameters
    ----------
    selectors, label, settings, n_jobs, on_poll, on_best
        As in `find_rules`.
    refinement : Refinement or None
        None keeps the rules as they were found.

    Returns
    -------
    rules : list of FoundRule
    record : SearchRecord
    """
    rules, record = find_rules(
        selectors, label, settings, n_jobs=n_jobs, on_poll=on_poll, on_best=on_best
    )
    if refinement is not None and rules:
        rules = refinement(rules, label, settings)
        record = replace(record, best_objective=rules[0].objective)
    return rules, record
