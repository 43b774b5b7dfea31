"""Brute force over every rule of a small table, in plain Python and numpy.

It shares no code with the package. Values are exact rationals, so that a tie is a tie
and an offset of the outcome costs nothing.
"""

import itertools
from fractions import Fraction

import numpy as np

AT_MOST, ABOVE, BETWEEN, EQUAL, ONE_OF = range(5)
# The objective that counts as rounding, squared.
LEAST = Fraction(1, 10**18)


def cuts_of(values, n_cuts):
    """Cut points of the non-missing values."""
    values = sorted(float(v) for v in values if not np.isnan(v))
    if not values:
        return []
    if n_cuts != "all":
        shares = [(i + 1) / (n_cuts + 1) for i in range(n_cuts)]
        return sorted({float(np.quantile(values, share)) for share in shares})
    distinct = sorted(set(values))
    cuts = []
    for low, high in itertools.pairwise(distinct):
        middle = float((Fraction(low) + Fraction(high)) / 2)
        cuts.append(middle if middle < high else low)
    return cuts


def conditions_of(column, rows, n_cuts, intervals):
    """Conditions of a column as (side, rank, limit, members)."""
    x = column.values[rows]
    if column.levels is None:
        cuts = cuts_of(x, n_cuts)
        found = [(AT_MOST, i, (None, c), x <= c) for i, c in enumerate(cuts)]
        found += [(ABOVE, i, (c, None), x > c) for i, c in enumerate(cuts)]
        if intervals:
            pairs = itertools.combinations(cuts, 2)
            found += [
                (BETWEEN, i, (a, b), (x > a) & (x <= b))
                for i, (a, b) in enumerate(pairs)
            ]
        return found
    names = column.levels
    found = [(EQUAL, i, (name,), x == i) for i, name in enumerate(names)]
    if 3 <= len(names) <= 5:
        rank = 0
        for size in range(2, len(names)):
            for codes in itertools.combinations(range(len(names)), size):
                member = np.any([x == code for code in codes], axis=0)
                found.append((ONE_OF, rank, tuple(names[i] for i in codes), member))
                rank += 1
    return found


# Objectives that are reported squared.
SQUARED = ("sum-of-squares", "arm-shift")


class Values:
    """Exact squared objectives of member sets, in the units of the outcome."""

    def __init__(self, objective, outcome, treated, sign):
        fractions = [sign * Fraction(float(y)) for y in outcome]
        common = max(f.denominator for f in fractions)
        self.unit = Fraction(1, common)
        self.y = [int(f * common) for f in fractions]
        self.objective = objective
        n = len(self.y)
        if treated is None:
            self.arms = [list(range(n))]
        else:
            self.arms = [[i for i in range(n) if treated[i] == t] for t in (1, 0)]
        squares = Fraction(0)
        for arm in self.arms:
            total, square = (
                sum(self.y[i] for i in arm),
                sum(self.y[i] ** 2 for i in arm),
            )
            squares += square - Fraction(total * total, len(arm))
        self.variance = squares / n

    def __call__(self, member):
        """Squared value in SD units; 0 where the sign is wrong."""
        inside = [[i for i in arm if member[i]] for arm in self.arms]
        n = [len(arm) for arm in inside]
        s = [sum(self.y[i] for i in arm) for arm in inside]
        size = [len(arm) for arm in self.arms]
        total = [sum(self.y[i] for i in arm) for arm in self.arms]
        return getattr(self, "_" + self.objective.replace("-", "_"))(
            n, s, size, total
        ) / (self.variance)

    @staticmethod
    def _effect(n, s, size, total):
        if len(n) == 1:
            return Fraction(s[0] ** 2, n[0]) if s[0] > 0 else Fraction(0)
        d = Fraction(s[0], n[0]) - Fraction(s[1], n[1])
        return d * d * Fraction(n[0] * n[1], n[0] + n[1]) if d > 0 else Fraction(0)

    @staticmethod
    def _shifts(n, s, size, total):
        shifts = [
            Fraction(b, a) - Fraction(t - b, k - a)
            for a, b, k, t in zip(n, s, size, total)
        ]
        return shifts, [Fraction(a * (k - a), k) for a, k in zip(n, size)]

    def _contrast(self, n, s, size, total):
        u, w = self._shifts(n, s, size, total)
        if len(n) == 1:
            return w[0] * u[0] ** 2 if u[0] > 0 else Fraction(0)
        d = u[0] - u[1]
        return d * d * w[0] * w[1] / (w[0] + w[1]) if d > 0 else Fraction(0)

    def _sum_of_squares(self, n, s, size, total):
        u, w = self._shifts(n, s, size, total)
        if (u[0] - u[1] if len(n) == 2 else u[0]) <= 0:
            return Fraction(0)
        return sum(b * a * a for a, b in zip(u, w))

    def _arm_shift(self, n, s, size, total):
        # Score test of the members of the first arm, by projection: with V = I + A tt'
        # and no intercept in one sample; A is a tenth of the variance within arms.
        a = Fraction(1, 10)
        c = a / (1 + a * size[0])
        x, xx = s[0] - c * n[0] * total[0], n[0] - c * n[0] ** 2
        if len(n) == 2:
            ones = sum(size) - c * size[0] ** 2
            one_x = n[0] * (1 - c * size[0])
            x -= one_x * (sum(total) - c * size[0] * total[0]) / ones
            xx -= one_x**2 / ones
        u, _ = self._shifts(n, s, size, total)
        counted = x > 0 and (u[0] > u[1] if len(u) == 2 else u[0] > 0)
        return x * x / xx if counted else Fraction(0)

    @staticmethod
    def _mean_shift(n, s, size, total):
        k = sum(n)
        x = sum(s) - k * Fraction(sum(total), sum(size))
        return x * x / k if x > 0 else Fraction(0)


def allowed(member, treated, least_arm, least_members):
    """Whether a member set keeps the least sizes, inside and in the complement."""
    if member.sum() < least_members:
        return False
    arms = [np.ones(len(member), bool)] if treated is None else [treated, ~treated]
    return all(
        (member & arm).sum() >= least_arm and (~member & arm).sum() >= least_arm
        for arm in arms
    )


def every_rule(conditions, max_variables):
    """Yield (columns, chosen conditions) of every conjunction."""
    for size in range(1, max_variables + 1):
        for columns in itertools.combinations(range(len(conditions)), size):
            for chosen in itertools.product(*(conditions[c] for c in columns)):
                yield columns, chosen


def best_rules(columns, rows, outcome, treated, options):
    """The greedy list over both directions.

    Returns
    -------
    rules : list of (columns, limits, sign, objective, members)
    n_candidates : int
    """
    conditions = [
        conditions_of(column, rows, options["n_cuts"], options["intervals"])
        for column in columns
    ]
    modality = options["modality"]
    # The first rule by the tie rule stands for every rule with the same members.
    first, n_candidates = {}, 0
    for chosen_columns, chosen in every_rule(conditions, options["max_variables"]):
        n_candidates += 1
        if len(chosen) < options["min_variables"]:
            continue
        if len({modality[c] for c in chosen_columns}) < options["min_modalities"]:
            continue
        member = chosen[0][3]
        for condition in chosen[1:]:
            member = member & condition[3]
        key = (
            len(chosen),
            chosen_columns,
            tuple(c[0] for c in chosen),
            tuple(c[1] for c in chosen),
        )
        mark = member.tobytes()
        if mark not in first:
            enough = allowed(
                member, treated, options["least_arm"], options["least_members"]
            )
            first[mark] = (key, chosen, member) if enough else None
        elif first[mark] is not None and key < first[mark][0]:
            first[mark] = (key, chosen, member)
    candidates = [found for found in first.values() if found is not None]

    lists = []
    for sign in options["signs"]:
        values = Values(options["objective"], outcome, treated, sign)
        scored = []
        if values.variance > 0:
            for key, chosen, member in candidates:
                value = values(member)
                if value > LEAST:
                    scored.append((-value, key, chosen, member))
        scored.sort(key=lambda rule: rule[:2])
        kept = []
        for rule in scored:
            overlaps = (
                (rule[3] & other[3]).sum() / (rule[3] | other[3]).sum()
                for other in kept
            )
            if all(overlap <= options["max_overlap"] for overlap in overlaps):
                kept.append(rule)
                if len(kept) == options["n_personas"]:
                    break
        lists += [(rule[0], place, sign, rule) for place, rule in enumerate(kept)]
    by_sign = {sign: i for i, sign in enumerate(options["signs"])}
    lists.sort(key=lambda found: (found[0], by_sign[found[2]], found[1]))
    rules = []
    for minus_value, _, sign, (_, key, chosen, member) in lists[
        : options["n_personas"]
    ]:
        squared = float(-minus_value)
        objective = squared if options["objective"] in SQUARED else squared**0.5
        rules.append((key[1], tuple(c[2] for c in chosen), sign, objective, member))
    return rules, n_candidates
