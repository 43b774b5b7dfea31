"""Alternatives: other short rules that describe almost the members of a persona.

They use row sets only, never an outcome or an arm. So they say nothing about effects,
and the search for them has no effect on error rates. Alternative descriptions that
leave out variables of the first one are an idea of Bach [1]_ (package ``csd``). With
one or two conditions the search here is exact and needs no solver.

Among many pairs of conditions some agree with a few members by chance. A condition is
therefore used only if it makes the description shorter [2]_: it must shorten the list
of units in which rule and persona differ, of length ``log C(n_units, n_different)``, by
more than its own length, the logarithm of the number of searched conditions.

References
----------
.. [1] Bach, J. (2024). Using constraints to discover sparse and alternative subgroup
   descriptions. arXiv:2406.01411.
.. [2] Rissanen, J. (1978). Modeling by shortest data description. Automatica 14,
   465-471.
"""

from dataclasses import dataclass
from heapq import nlargest
from math import isqrt, log

import numpy as np

from sklearn_persona._search._kernel import count_rows, pack_rows

__all__ = ["LEAST_JACCARD", "AlternativeSearch", "FoundAlternative"]

# Rules with a smaller Jaccard index describe other members.
LEAST_JACCARD = 0.7
# Most words of pairs of row sets per persona: some hundredths of a second.
MOST_WORDS = 2**21
# Number of conditions, by their own Jaccard index, that are combined first.
FIRST_CONDITIONS = 200
# Number of conditions of each column that precede all others.
FIRST_OF_COLUMN = 16
# Words in memory at once while all conditions are compared with a persona.
BLOCK_WORDS = 2**17


@dataclass(frozen=True)
class FoundAlternative:
    """A rule with almost the members of a persona.

    Attributes
    ----------
    conditions : tuple of tuple
        ``(column position, limits)`` of each condition, limits as in `Selectors`.
    jaccard : float
        Index of its units with the persona's.
    """

    conditions: tuple
    jaccard: float


class AlternativeSearch:
    """Searches rules of one or two conditions with given members.

    Parameters
    ----------
    selectors : Selectors
        The conditions that a rule may have.
    n_alternatives : int
        Most rules returned.
    """

    def __init__(self, selectors, n_alternatives):
        self.selectors = selectors
        self.n_alternatives = n_alternatives
        self.sizes = _counts(selectors.bits) if n_alternatives else None

    def __call__(self, members, variables):
        """Find the best rules that leave out a variable of the persona.

        Each set of variables has one rule, its best. The description by one condition
        must be shorter than the list of members, and by two shorter than by the best
        condition on either variable. If the bounds leave more pairs than
        ``MOST_WORDS`` words, only the conditions with the best Jaccard index of their
        own are combined.

        Parameters
        ----------
        members : ndarray of bool, shape (n_units,)
        variables : collection of int
            Column positions of the persona.

        Returns
        -------
        found : list of FoundAlternative
            By Jaccard index, at least ``LEAST_JACCARD``; ties by fewer variables, then
            by column order.
        """
        if not self.n_alternatives or not len(self.selectors.bits):
            return []
        target = _Target(self, members, frozenset(variables))
        rules = target.of_one()
        # The best of a few raise the threshold for the rest.
        for most in (FIRST_CONDITIONS, None):
            target.add_pairs(rules, self.n_alternatives, most)
        ranked = sorted(
            rules.items(), key=lambda item: (-item[1][0], len(item[0]), item[0])
        )
        return [
            FoundAlternative(self._conditions(rule), jaccard)
            for _, (jaccard, rule) in ranked[: self.n_alternatives]
        ]

    def _conditions(self, rule):
        """Limits of a rule, each the first of its column with the same members."""
        bits, feature = self.selectors.bits, self.selectors.feature
        rule = sorted(rule, key=lambda i: feature[i])
        for place, i in enumerate(rule):
            rest = [j for j in rule if j != i]
            base = bits[rest[0]] if rest else ~np.uint64(0)
            same = np.flatnonzero(feature == feature[i])
            equal = ((bits[same] ^ bits[i]) & base == 0).all(axis=1)
            # One-sided conditions come before intervals, single levels before sets.
            rule[place] = int(same[np.argmax(equal)])
        return tuple((int(feature[i]), self.selectors.limits[i]) for i in rule)


class _Target:
    """The members of one persona, and the overlap of every condition with them."""

    def __init__(self, search, members, variables):
        self.bits, self.feature = search.selectors.bits, search.selectors.feature
        self.variables = variables
        self.inside = pack_rows(np.asarray(members, bool)[None])[0]
        self.n_inside = int(np.count_nonzero(members))
        self.n_outside = len(members) - self.n_inside
        self.hits = _counts(self.bits, self.inside)
        self.others = search.sizes - self.hits
        self.alone = self.hits / (self.n_inside + self.others)
        # Description lengths: of a number of units, of a condition, of the members.
        self.length = _lengths(len(members))
        self.of_condition = log(len(self.bits))
        self.of_members = self.length[min(self.n_inside, self.n_outside)]
        # Length of the units that the best condition of each column leaves different.
        left = self.length[self.n_inside - self.hits + self.others]
        self.of_column = np.full(int(self.feature.max()) + 1, np.inf)
        np.minimum.at(self.of_column, self.feature, left)
        # Units that a pair may leave different; -1 when no pair can be short enough.
        pairs = self.length + self.of_condition + self.of_condition
        self.most_different = int(np.count_nonzero(pairs < self.of_members)) - 1
        # Conditions that are rules by themselves.
        self.single = self.alone >= LEAST_JACCARD
        self.single &= left + self.of_condition < self.of_members

    def _allowed(self, columns):
        return not self.variables <= set(columns)

    def of_one(self):
        """Best condition of each column: ``{(column,): (jaccard, (selector,))}``."""
        rules = {}
        for column in np.unique(self.feature[self.single]).tolist():
            if self._allowed((column,)):
                own = np.flatnonzero(self.single & (self.feature == column))
                i = int(own[np.argmax(self.alone[own])])
                rules[(column,)] = (float(self.alone[i]), (i,))
        return rules

    def add_pairs(self, rules, n_alternatives, most=None):
        """Add the best pairs of conditions, of all or of the ``most`` likely.

        A pair shares at most as many units with the members as its smaller condition,
        and has at least ``others[i] + others[j] - n_outside`` units outside.
        """
        least = _last(rules, n_alternatives)
        n_words = self.bits.shape[1]
        if self.most_different < 0:
            return
        chosen = np.flatnonzero(self.hits / self.n_inside >= least)
        chosen, partners = self._partners(self._likely(chosen, most), least)
        if int(partners.sum()) * n_words > MOST_WORDS:
            chosen = self._likely(chosen, max(isqrt(2 * MOST_WORDS // n_words), 2))
            chosen, partners = self._partners(chosen, least)
        sets = self.bits[chosen]
        shared = sets & self.inside
        hits, others = self.hits[chosen], self.others[chosen]
        feature = self.feature[chosen]
        owner = np.repeat(np.arange(len(chosen), dtype=np.int32), partners)
        first = np.cumsum(partners) - partners
        block = max(BLOCK_WORDS // n_words, 1)
        for start in range(0, len(owner), block):
            i = owner[start : start + block]
            j = np.arange(start, start + len(i)) - first[i]
            # By the bounds, then by the shared units, then all units.
            outside = np.maximum(others[i] + others[j] - self.n_outside, 0)
            lesser = np.minimum(hits[i], hits[j])
            good = lesser / (self.n_inside + outside) >= least
            good &= feature[i] != feature[j]
            i, j, outside = i[good], j[good], outside[good]
            both = count_rows(shared[i] & shared[j])
            good = both / (self.n_inside + outside) >= least
            i, j, both = i[good], j[good], both[good]
            outside = count_rows(sets[i] & sets[j]) - both
            jaccard = both / (self.n_inside + outside)
            left = self.length[self.n_inside - both + outside] + self.of_condition
            parts = np.minimum(self.of_column[feature[i]], self.of_column[feature[j]])
            good = (jaccard >= least) & (left < parts)
            good = np.flatnonzero(good & (left + self.of_condition < self.of_members))
            self._add(rules, chosen[i[good]], chosen[j[good]], jaccard[good])
            least = max(least, _last(rules, n_alternatives))

    def _add(self, rules, first, second, jaccard):
        """Keep the pairs that are the best so far of their two columns."""
        for i, j, value in zip(first.tolist(), second.tolist(), jaccard.tolist()):
            columns = tuple(sorted((int(self.feature[i]), int(self.feature[j]))))
            if self._allowed(columns) and value > rules.get(columns, (0.0,))[0]:
                rules[columns] = (value, (i, j))

    def _likely(self, chosen, most):
        """The conditions with the best Jaccard index of their own.

        Many cuts of one column are nearly the same condition, so the best few of every
        column come first.
        """
        if most is None or len(chosen) <= most:
            return chosen
        chosen = chosen[np.lexsort((chosen, -self.alone[chosen], self.feature[chosen]))]
        feature = self.feature[chosen]
        rank = np.arange(len(chosen)) - np.searchsorted(feature, feature)
        order = np.lexsort((chosen, -self.alone[chosen], rank // FIRST_OF_COLUMN))
        return chosen[order[:most]]

    def _partners(self, chosen, least):
        """Sort conditions by their units outside, and count each one's partners.

        The partners of a condition are the first ones, all before it. Conditions
        without a partner are left out.
        """
        chosen = chosen[np.lexsort((chosen, self.others[chosen]))]
        others = self.others[chosen]
        # Rounding must not exclude a pair that reaches ``least`` exactly.
        hits = self.hits[chosen]
        room = np.floor(hits / least - self.n_inside + 1e-6)
        room = np.minimum(room, self.most_different - (self.n_inside - hits))
        n = np.searchsorted(others, self.n_outside + room - others, side="right")
        n[room < 0] = 0
        n = np.minimum(n, np.arange(len(chosen)))
        used = n > 0
        used[: n.max(initial=0)] = True
        return chosen[used], n[used]


def _last(rules, n_alternatives):
    """Jaccard index that a further rule needs to be listed."""
    best = nlargest(n_alternatives, (jaccard for jaccard, _ in rules.values()))
    return best[-1] if len(best) == n_alternatives else LEAST_JACCARD


def _lengths(n_units):
    """Logarithm of the number of sets of 0, 1, ... units, made nondecreasing."""
    k = np.arange(n_units)
    steps = np.log((n_units - k) / (k + 1))
    return np.concatenate([[0.0], np.maximum(steps, 0.0).cumsum()])


def _counts(bits, inside=None):
    """Units of each row set, or those of them that are inside."""
    if inside is None:
        return count_rows(bits)
    block = max(BLOCK_WORDS // bits.shape[1], 1)
    parts = [
        count_rows(bits[start : start + block] & inside)
        for start in range(0, len(bits), block)
    ]
    return np.concatenate(parts)
