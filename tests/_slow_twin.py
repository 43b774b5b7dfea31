"""A second, slow implementation of the whole pipeline for small tables.

Written from the documentation, in plain Python and numpy. Nothing of the package is
imported. Rules are enumerated and their objectives are exact rationals, p values come
from enumerated arrangements of integers. What was drawn at random (the split, permuted
labelings) is an argument, because any draw that keeps the rules is as good.
"""

import itertools
import math
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pandas as pd
from scipy import stats

# Up to so many arrangements a test is exact.
MOST_ARRANGEMENTS = 50_000
MOST_SIGN_MEMBERS = 15
TIE = 1e-9
# The objective that counts as rounding, squared.
LEAST = Fraction(1, 10**18)
STOP_AFTER = 20
NAN = float("nan")


class TooManyError(Exception):
    """A test that the package would do by Monte-Carlo."""


# --- the table ------------------------------------------------------------------


def read_column(values):
    """(numbers with NaN, None), or (codes with -1, levels)."""
    series = pd.Series(values)
    if isinstance(series.dtype, pd.CategoricalDtype):
        levels = [v for v in series.dtype.categories if (series == v).any()]
    elif pd.api.types.is_numeric_dtype(series) or all(
        isinstance(v, (int, float, np.number, bool)) for v in series.dropna()
    ):
        return np.array([NAN if pd.isna(v) else float(v) for v in series]), None
    else:
        levels = sorted(set(series.dropna()))
    codes = [-1 if pd.isna(v) else levels.index(v) for v in series]
    return np.array(codes), levels


@dataclass
class Condition:
    """``position`` of the column; side and rank decide ties; ``limit`` is the range."""

    position: int
    side: int
    rank: int
    limit: tuple

    def holds(self, value, level):
        if level is not None or value is None:
            return level in self.limit
        low, high = self.limit
        if math.isnan(value):
            return False
        return (low is None or value > low) and (high is None or value <= high)

    def members(self, column, rows):
        values, levels = column
        if levels is None:
            return np.array([self.holds(values[i], None) for i in rows], bool)
        names = [None if values[i] < 0 else levels[values[i]] for i in rows]
        return np.array(
            [self.holds(None, v) if v is not None else False for v in names]
        )


def conditions_of(position, column, rows, n_cuts, intervals):
    values, levels = column
    found = []
    if levels is not None:
        for i, name in enumerate(levels):
            found.append(Condition(position, 3, i, (name,)))
        if 3 <= len(levels) <= 5:
            sizes = range(2, len(levels))
            sets = [c for k in sizes for c in itertools.combinations(levels, k)]
            found += [Condition(position, 4, i, names) for i, names in enumerate(sets)]
        return found
    x = np.array([values[i] for i in rows if not math.isnan(values[i])])
    if not len(x):
        return []
    if n_cuts == "all":
        distinct = sorted(set(x.tolist()))
        cuts = [(a + b) / 2 for a, b in itertools.pairwise(distinct)]
    else:
        shares = np.arange(1, n_cuts + 1) / (n_cuts + 1)
        cuts = np.unique(np.quantile(x, shares)).tolist()
    found += [Condition(position, 0, i, (None, c)) for i, c in enumerate(cuts)]
    found += [Condition(position, 1, i, (c, None)) for i, c in enumerate(cuts)]
    if intervals:
        pairs = itertools.combinations(cuts, 2)
        found += [Condition(position, 2, i, pair) for i, pair in enumerate(pairs)]
    return found


# --- the analysis units ---------------------------------------------------------


@dataclass
class Units:
    """One entry a unit; outcomes are Fractions, larger is better."""

    rows: list
    groups: list
    strata: list
    outcome: list
    arm: list | None
    paired: bool = False
    sequence: list | None = None
    raw: list = field(default_factory=list)
    # Outcome of both cases of a pair, treated first.
    both: list | None = None

    def __len__(self):
        return len(self.rows)

    def take(self, chosen):
        def some(values):
            return None if values is None else [v for v, c in zip(values, chosen) if c]

        return Units(
            some(self.rows),
            some(self.groups),
            some(self.strata),
            some(self.outcome),
            some(self.arm),
            self.paired,
            some(self.sequence),
            some(self.raw),
            some(self.both),
        )

    @property
    def first_period(self):
        """The first period as a trial of two arms."""
        if self.sequence is None:
            return None
        seen = [t if s > 0 else c for (t, c), s in zip(self.both, self.sequence)]
        arm = [s > 0 for s in self.sequence]
        return Units(self.rows, self.groups, self.strata, seen, arm)

    @property
    def value(self):
        """Outcomes freed of the period effect of these very units, by stratum."""
        if self.sequence is None:
            return self.outcome
        periods, weights = {}, {}
        for code in set(self.strata):
            first, second = (
                [
                    y
                    for y, s, t in zip(self.outcome, self.sequence, self.strata)
                    if s == sign and t == code
                ]
                for sign in (1, -1)
            )
            if first and second:
                periods[code] = (mean(first) - mean(second)) / 2
                weights[code] = least_variance(len(first), len(second))
        if not periods:
            return self.outcome
        common = sum(weights[c] * periods[c] for c in periods) / sum(weights.values())
        return [
            y - s * periods.get(t, common)
            for y, s, t in zip(self.outcome, self.sequence, self.strata)
        ]

    @property
    def score(self):
        """What is searched: the value without the level of each stratum.

        Strata and arm are fitted together.
        """
        if self.paired or len(set(self.strata)) == 1:
            return self.value
        tau = Fraction(0)
        if self.arm is not None:
            parts = [
                (
                    [y for y, t in zip(own, arms) if t],
                    [y for y, t in zip(own, arms) if not t],
                )
                for own, arms in self._strata_with_arms()
            ]
            parts = [(a, b) for a, b in parts if a and b]
            if parts:
                w = [least_variance(len(a), len(b)) for a, b in parts]
                d = [mean(a) - mean(b) for a, b in parts]
                tau = sum(x * y for x, y in zip(w, d)) / sum(w)
        arms = self.arm or [False] * len(self)
        rest = [y - tau * t for y, t in zip(self.value, arms)]
        level = {
            c: mean([r for r, t in zip(rest, self.strata) if t == c])
            for c in set(self.strata)
        }
        lifted = mean([level[t] for t in self.strata])
        return [y - level[t] + lifted for y, t in zip(self.value, self.strata)]

    def _strata_with_arms(self):
        for code in set(self.strata):
            here = [i for i, t in enumerate(self.strata) if t == code]
            yield [self.value[i] for i in here], [self.arm[i] for i in here]


def least_variance(a, b):
    """Weight of a difference between two samples of these sizes."""
    return Fraction(a * b, a + b)


def by_stratum(values, first, second, strata):
    """(weight, values of both samples) of each stratum that has both."""
    out = []
    for code in sorted(set(strata)):
        a, b = (
            [v for v, c, t in zip(values, chosen, strata) if c and t == code]
            for chosen in (first, second)
        )
        if a and b:
            out.append((least_variance(len(a), len(b)), a, b))
    return out


def mean(values):
    return sum(values) / Fraction(len(values)) if len(values) else None


def average_rows(rows, outcome, raw):
    return mean([outcome[i] for i in rows]), mean([raw[i] for i in rows])


def make_units(design, outcome, raw, arm, groups, period, strata):
    """Units of a design; `outcome` and `raw` are Fractions a row."""
    participants = sorted(set(groups))
    rows_of = {g: [i for i, h in enumerate(groups) if h == g] for g in participants}
    if design == "pooled":
        n = len(groups)
        pairs = [(v, None) if a else (None, v) for v, a in zip(raw, arm)]
        return Units(list(range(n)), groups, strata, outcome, arm, raw=pairs)
    out = Units([], [], [], [], [] if design == "parallel" else None)
    if design == "crossover":
        out.paired = True
        out.sequence = [] if period is not None else None
        out.both = []
    for g in participants:
        rows = rows_of[g]
        if design == "crossover":
            by_arm = {arm[i]: i for i in rows}
            if len(by_arm) < 2:
                continue
            t, c = by_arm[True], by_arm[False]
            first = min(t, c)
            if period is not None:
                first = min((t, c), key=lambda i: period[i])
                out.sequence.append(1 if first == t else -1)
            out.outcome.append(outcome[t] - outcome[c])
            out.both.append((outcome[t], outcome[c]))
            out.raw.append((raw[t], raw[c]))
        else:
            first = rows[0]
            y, seen = average_rows(rows, outcome, raw)
            out.outcome.append(y)
            if design == "parallel":
                out.arm.append(arm[first])
                out.raw.append((seen, None) if arm[first] else (None, seen))
            else:
                out.raw.append((seen, None))
        out.rows.append(first)
        out.groups.append(g)
        out.strata.append(strata[first])
    return out


# --- the search -----------------------------------------------------------------


def within_arms(values, arm):
    """Mean square deviation from the mean of the own arm (ddof 0)."""
    arms = [[True] * len(values)] if arm is None else [arm, [not a for a in arm]]
    total = Fraction(0)
    for chosen in arms:
        part = [v for v, c in zip(values, chosen) if c]
        total += sum((v - mean(part)) ** 2 for v in part)
    return total / len(values)


def squared_objective(objective, values, arm, paired, inside, variance):
    """Square of the objective in SD units, with the sign of the effect."""
    single = arm is None and not paired
    if objective == "effect" and single:
        objective = "contrast"
    arms = [[True] * len(values)] if arm is None else [arm, [not a for a in arm]]
    cells = [
        [
            [v for v, c, m in zip(values, chosen, inside) if c and m == side]
            for chosen in arms
        ]
        for side in (True, False)
    ]
    n = [len(part) for part in cells[0]]
    means = [mean(part) for part in cells[0]]
    if objective == "effect":
        if paired:
            d, weight = means[0], Fraction(n[0])
        else:
            d = means[0] - means[1]
            weight = Fraction(n[0] * n[1], n[0] + n[1])
    else:
        rest = [mean(part) for part in cells[1]]
        w = [Fraction(a * len(b), a + len(b)) for a, b in zip(n, cells[1])]
        shifts = [a - b for a, b in zip(means, rest)]
        if arm is None:
            d, weight = shifts[0], w[0]
        else:
            d, weight = shifts[0] - shifts[1], w[0] * w[1] / (w[0] + w[1])
    return (1 if d > 0 else -1 if d < 0 else 0) * d * d * weight / variance


def large_enough(inside, arm, least_arm, least_members):
    if sum(inside) < least_members:
        return False
    arms = [[True] * len(inside)] if arm is None else [arm, [not a for a in arm]]
    for chosen in arms:
        k = sum(1 for m, c in zip(inside, chosen) if m and c)
        if k < least_arm or sum(chosen) - k < least_arm:
            return False
    return True


def enumerate_rules(columns, rows, settings):
    """Every conjunction as (tie key, conditions, members), and their number."""
    lists = [
        conditions_of(j, column, rows, settings["n_cuts"], settings["intervals"])
        for j, column in enumerate(columns)
    ]
    members = {
        id(c): c.members(columns[c.position], rows) for part in lists for c in part
    }
    rules, n_candidates = [], 0
    for size in range(1, settings["max_variables"] + 1):
        for chosen in itertools.combinations(range(len(columns)), size):
            sources = {settings["modality"][j] for j in chosen}
            for conditions in itertools.product(*(lists[j] for j in chosen)):
                n_candidates += 1
                if size < settings["min_variables"]:
                    continue
                if len(sources) < settings["min_modalities"]:
                    continue
                inside = np.logical_and.reduce([members[id(c)] for c in conditions])
                key = (
                    size,
                    chosen,
                    tuple(c.side for c in conditions),
                    tuple(c.rank for c in conditions),
                )
                rules.append((key, conditions, tuple(inside.tolist())))
    return rules, n_candidates


def jaccard(a, b):
    both = sum(1 for x, y in zip(a, b) if x and y)
    return Fraction(both, sum(1 for x, y in zip(a, b) if x or y))


def greedy_list(scored, n_personas, max_overlap):
    kept = []
    for rule in sorted(scored, key=lambda r: (-r[0], r[1])):
        overlaps = [jaccard(rule[3], other[3]) for other in kept]
        if all(o <= Fraction(max_overlap) and o < 1 for o in overlaps):
            kept.append(rule)
            if len(kept) == n_personas:
                break
    return kept


def search(rules, units, settings):
    """Merged list of (squared objective, sign, conditions, members)."""
    values, arm = units.score, units.arm
    variance = within_arms(values, arm)
    if not variance:
        return []
    first = {}
    for key, conditions, inside in rules:
        if inside not in first or key < first[inside][0]:
            first[inside] = (key, conditions)
    signed = {}
    for inside in first:
        if large_enough(inside, arm, settings["least_arm"], settings["least_members"]):
            signed[inside] = squared_objective(
                settings["objective"], values, arm, units.paired, inside, variance
            )
    merged = []
    for place, sign in enumerate(settings["signs"]):
        scored = [
            (sign * value, first[inside][0], first[inside][1], inside)
            for inside, value in signed.items()
            if sign * value > LEAST
        ]
        kept = greedy_list(scored, settings["n_personas"], settings["max_overlap"])
        merged += [(-r[0], place, i, sign, r) for i, r in enumerate(kept)]
    merged.sort(key=lambda r: r[:3])
    return [
        (r[0], sign, r[2], r[3])
        for _, _, _, sign, r in merged[: settings["n_personas"]]
    ]


# --- tests by enumeration -------------------------------------------------------


def as_integers(values):
    """Fractions times their common denominator."""
    common = math.lcm(*(v.denominator for v in values)) if values else 1
    whole = [int(v * common) for v in values]
    large = max(map(abs, whole), default=0) ** 2 * max(len(whole), 1) ** 3
    return np.array(whole, dtype=object if large >= 2**62 else np.int64)


def subset_sums(x, k):
    """Sums of all k-subsets, always in the same order of subsets."""
    sums = [np.array([0], object)] + [np.array([], object)] * k
    for i, value in enumerate(x):
        # Sums that are too short to be filled up by what follows are left out.
        for j in range(min(k, i + 1), max(0, k - len(x) + i), -1):
            sums[j] = np.concatenate([sums[j], sums[j - 1] + int(value)])
    return sums[k]


def outer_sums(parts):
    total = np.array([0], dtype=object)
    for part in parts:
        total = np.add.outer(total, part.astype(object)).ravel()
    return total


def count_arrangements(sizes):
    total = math.prod(math.comb(n, k) for n, k in sizes)
    if total > MOST_ARRANGEMENTS:
        raise TooManyError(total)
    return total


def shares_reached(statistics, own):
    """p value and floor: shares at least as large as observed, and as the largest."""
    statistics = np.asarray(statistics)
    return (
        float(np.mean([s >= own for s in statistics])),
        float(np.mean([s == statistics.max() for s in statistics])),
    )


def difference_test(first, second, strata):
    """Permutation of the labels within strata; strata hold first, then second."""
    centers = {
        s: mean([v for v, t in zip(first + second, strata) if t == s])
        for s in set(strata)
    }
    x = as_integers([v - centers[t] for v, t in zip(first + second, strata)])
    a = len(first)
    labels = [True] * a + [False] * len(second)
    blocks = []
    for s in sorted(set(strata)):
        here = [i for i, t in enumerate(strata) if t == s]
        blocks.append((x[here], sum(labels[i] for i in here)))
    count_arrangements([(len(part), k) for part, k in blocks])
    sums = np.abs(outer_sums([subset_sums(part, k) for part, k in blocks]))
    return shares_reached(sums, abs(int(x[:a].sum())))


def sign_test(values):
    x = as_integers(values).tolist()
    if 2 ** len(x) > MOST_ARRANGEMENTS:
        raise TooManyError(2 ** len(x))
    sums = [0]
    for v in x:
        sums = [s + v for s in sums] + [s - v for s in sums]
    return shares_reached(np.abs(np.array(sums, dtype=object)), abs(sum(x)))


def every_labeling(labels, strata):
    """All ways to exchange labels within strata, as a bool matrix."""
    count = 1
    for s in set(strata):
        here = [v for v, t in zip(labels, strata) if t == s]
        count *= math.comb(len(here), sum(here))
    if count > 4 * MOST_ARRANGEMENTS:
        raise TooManyError(count)
    out = np.zeros((1, len(labels)), bool)
    for s in sorted(set(strata)):
        here = [i for i, t in enumerate(strata) if t == s]
        k = sum(labels[i] for i in here)
        choices = np.zeros((math.comb(len(here), k), len(labels)), bool)
        for row, chosen in enumerate(itertools.combinations(here, k)):
            choices[row, list(chosen)] = True
        out = (out[:, None] | choices[None]).reshape(-1, len(labels))
    return out


def sequence_test(difference, sequence, inside, strata):
    """All exchanges of the sequences; the statistic is of the members alone."""
    inside = np.array(inside, bool)
    if inside.sum() > MOST_SIGN_MEMBERS:
        raise TooManyError(2 ** inside.sum())
    own = np.array(sequence) > 0
    labels = every_labeling(own.tolist(), strata)[:, inside]
    codes = [t for t, m in zip(strata, inside) if m]
    own_values = [d for d, m in zip(difference, inside) if m]
    centers = {
        c: mean([v for v, t in zip(own_values, codes) if t == c]) for c in set(codes)
    }
    x = as_integers([v - centers[t] for v, t in zip(own_values, codes)]).astype(object)
    blocks = [[i for i, t in enumerate(codes) if t == c] for c in sorted(set(codes))]

    def squares(rows):
        # (sum of w d)^2 / sum of w over strata, with w = a b / (a + b).
        weight = [
            sum(
                Fraction(int(k) * (len(b) - int(k)), len(b))
                for b, k in ((b, row[b].sum()) for b in blocks)
            )
            for row in rows
        ]
        return [
            Fraction(int(t) ** 2) / w if w else Fraction(0)
            for t, w in zip(rows @ x, weight)
        ]

    others = squares(labels)
    seen = squares(own[inside][None])[0]
    top = max(others)
    return (
        sum(s >= seen for s in others) / len(others),
        sum(s == top for s in others) / len(others),
    )


def interaction_test(values, arm, inside, strata):
    """Studentized contrast; labels (the arm, or membership) exchanged within blocks.

    Every arrangement of every block is visited, and the statistic computed from it.
    """
    inside = np.array(inside, bool)
    n = len(values)
    strata = list(strata)
    everyone = np.ones(n, bool)
    if arm is None:
        faces, signs, pools = [(everyone, inside)], [1], [0, 0]
    else:
        arm = np.array(arm, bool)
        faces, signs, pools = [(inside, arm), (~inside, arm)], [1, -1], [0, 1, 0, 1]
    x = list(values)
    if arm is not None:
        effect = weight = Fraction(0)
        for rows, label in faces:
            for w, t, c in by_stratum(values, rows & label, rows & ~label, strata):
                effect += w * (mean(t) - mean(c))
                weight += w
        if weight:
            x = [v - effect / weight if a else v for v, a in zip(x, arm)]
    faces_of = []
    for rows, label in faces:
        blocks = []
        for s in sorted(set(strata)):
            here = [i for i in range(n) if rows[i] and strata[i] == s]
            if here:
                center = mean([x[i] for i in here])
                own = [x[i] - center for i in here]
                blocks.append((own, [bool(label[i]) for i in here]))
        faces_of.append(blocks)
    # One common denominator for all faces.
    flat = as_integers([v for blocks in faces_of for own, _ in blocks for v in own])
    flat = flat.astype(object)
    at = 0
    whole = []
    for blocks in faces_of:
        part = []
        for own, labels in blocks:
            part.append((flat[at : at + len(own)], labels))
            at += len(own)
        whole.append(part)
    total = count_arrangements(
        [(len(v), sum(labels)) for part in whole for v, labels in part]
    )
    drawn = [_face(part, observed=False) for part in whole]
    if len(drawn) == 2:
        sizes = [len(face[0]) for face in drawn]
        drawn = [
            [np.repeat(v, sizes[1]) for v in drawn[0]],
            [np.tile(v, sizes[0]) for v in drawn[1]],
        ]
    about = [_spread_of(part) for part in whole]
    seen = _studentized(
        [_face(part, observed=True) for part in whole], about, signs, pools
    )
    null = _studentized(drawn, about, signs, pools)
    reached = seen[0] * (1 - TIE) if np.isfinite(seen[0]) else seen[0]
    assert len(null) == total
    return float(np.mean(null >= reached))


def _face(part, observed):
    """Difference and squared deviations of both cells, by arrangement, as Fractions."""
    weights = [
        least_variance(sum(labels), len(v) - sum(labels))
        if 0 < sum(labels) < len(v)
        else Fraction(0)
        for v, labels in part
    ]
    out = [np.array([Fraction(0)], object)] * 3
    for (v, labels), w in zip(part, weights):
        n, k = len(v), sum(labels)
        if observed:
            choices = [[i for i in range(n) if labels[i]]]
        else:
            choices = list(itertools.combinations(range(n), k))
        rows = [[], [], []]
        for chosen in choices:
            one = [int(v[i]) for i in chosen]
            two = [int(v[i]) for i in range(n) if i not in set(chosen)]
            difference = Fraction(0)
            if one and two:
                difference = w / sum(weights) * (mean(one) - mean(two))
            rows[0].append(difference)
            for cell, row in ((one, rows[1]), (two, rows[2])):
                row.append(
                    sum(u * u for u in cell)
                    - Fraction(sum(cell) ** 2, max(len(cell), 1))
                )
        out = [np.add.outer(a, np.array(b, object)).ravel() for a, b in zip(out, rows)]
    return out


def _spread_of(part):
    """(degrees of freedom, variance factor) of both cells."""
    out = []
    weights = [
        least_variance(sum(b), len(b) - sum(b)) for _, b in part if 0 < sum(b) < len(b)
    ]
    for side in (True, False):
        sizes = [sum(1 for u in b if u == side) for _, b in part]
        both = [sum(1 for u in b if u == side) for _, b in part if 0 < sum(b) < len(b)]
        factor = sum((w / sum(weights)) ** 2 / k for w, k in zip(weights, both))
        out.append((sum(max(k - 1, 0) for k in sizes), float(factor)))
    return out


def _studentized(faces, about, signs, pools):
    """|t| of each arrangement; infinite where nothing varies and effects differ."""
    d = sum(sign * face[0] for face, sign in zip(faces, signs))
    scatter = [v for face in faces for v in face[1:]]
    # Too long for a double: in a larger unit.
    largest = max(int(abs(v).max()).bit_length() for v in [d * d, *scatter])
    half = max(0, largest // 2 - 400)
    unit = Fraction(2**half)
    squares = np.array([(v / unit**2).astype(float) for v in scatter])
    df = np.array([f for face in about for f, _ in face])
    factors = np.array([f for face in about for _, f in face])
    variances = squares / np.maximum(df, 1)[:, None]
    for groups in (pools, [0] * len(pools)):
        same = np.equal.outer(np.array(groups), np.array(groups)).astype(float)
        borrowed = (same @ squares) / np.maximum(same @ df, 1)[:, None]
        variances = np.where(variances == 0, borrowed, variances)
    d = (d / unit).astype(float)
    error = factors @ variances
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(d) / np.sqrt(error)
    return np.where(error == 0, np.where(d == 0, 0.0, np.inf), t)


# --- evidence -------------------------------------------------------------------


def sides(units, inside):
    """The two samples that the test of the effect compares; None for sign flips."""
    if units.arm is not None:
        first = [m and a for m, a in zip(inside, units.arm)]
        return first, [m and not a for m, a in zip(inside, units.arm)]
    if not units.paired:
        return list(inside), [not m for m in inside]
    if units.sequence is None:
        return list(inside), None
    first = [m and s > 0 for m, s in zip(inside, units.sequence)]
    return first, [m and s < 0 for m, s in zip(inside, units.sequence)]


def pick(values, chosen):
    return [v for v, c in zip(values, chosen) if c]


def effect_of(units, inside):
    """Treated minus control inside; inside minus outside with a single arm."""
    value = units.value
    if units.paired and units.sequence is None:
        return mean(pick(value, inside))
    parts = by_stratum(value, *sides(units, inside), units.strata)
    if not parts:
        return mean(pick(value, inside)) if units.paired else None
    whole = sum(w for w, _, _ in parts)
    if units.paired:
        return sum(w * (mean(a) + mean(b)) / 2 for w, a, b in parts) / whole
    return sum(w * (mean(a) - mean(b)) for w, a, b in parts) / whole


def cells_filled(units, inside):
    """Whether some stratum lets the arms, or members and others, be compared."""
    outside = [not m for m in inside]
    if units.arm is None:
        strata = units.strata
        if units.sequence is not None:
            strata = list(zip(units.strata, units.sequence))
        return bool(set(pick(strata, inside)) & set(pick(strata, outside)))
    return all(
        by_stratum(units.value, *sides(units, chosen), units.strata)
        for chosen in (inside, outside)
    )


def effect_test(units, inside):
    """(p, floor) or None when a sample is empty."""
    first, second = sides(units, inside)
    if not any(first) or (second is not None and not any(second)):
        return None
    if units.sequence is not None:
        difference = [s * y for s, y in zip(units.sequence, units.outcome)]
        return sequence_test(difference, units.sequence, inside, units.strata)
    if second is None:
        return sign_test(pick(units.value, inside))
    strata = pick(units.strata, first) + pick(units.strata, second)
    return difference_test(pick(units.value, first), pick(units.value, second), strata)


def floor_without_outcomes(units, inside, contrast):
    """Smallest p value that these sizes and labels could give to any outcomes."""
    if contrast and not cells_filled(units, inside):
        return Fraction(1)
    first, second = sides(units, inside)
    if not any(first) or (second is not None and not any(second)):
        return Fraction(1)
    if second is None:
        return Fraction(2, 2 ** sum(first))
    if units.sequence is not None:
        own = [s > 0 for s in units.sequence]
        labels = every_labeling(own, units.strata)[:, np.array(inside, bool)]
        own = np.array(own)[np.array(inside, bool)]
        hits = ((labels == own).all(axis=1) | (labels == ~own).all(axis=1)).sum()
        return Fraction(int(hits), len(labels))
    sizes = []
    for s in set(units.strata):
        here = [t == s for t in units.strata]
        sizes.append(
            (
                sum(1 for h, c in zip(here, first) if h and c),
                sum(1 for h, c in zip(here, second) if h and c),
            )
        )
    total = math.prod(math.comb(a + b, a) for a, b in sizes)
    return min(Fraction(1), Fraction(2 if all(a == b for a, b in sizes) else 1, total))


def standardized(units, inside, effect):
    """Cohen's d; without spread inside that of everyone, without any 0.0."""
    value = units.value
    if units.paired:
        attempts = [[pick(value, inside)], [list(value)]]
    else:
        everyone = [True] * len(units)
        attempts = []
        for chosen in (inside, everyone):
            parts = by_stratum(value, *sides(units, chosen), units.strata)
            attempts.append([v for _, a, b in parts for v in (a, b)])
        if units.arm is None:
            own = {
                t: [v for v, s in zip(value, units.strata) if s == t]
                for t in units.strata
            }
            attempts[1] = list(own.values())
    for parts in attempts:
        dof = sum(map(len, parts)) - len(parts)
        if dof > 0 and all(parts):
            total = sum((v - mean(part)) ** 2 for part in parts for v in part)
            if total:
                return float(effect) / math.sqrt(total / dof)
    return 0.0


def welch(units, inside):
    """p value of the t test of the effect inside; NaN without spread."""
    value = units.outcome if units.paired else units.value
    if units.paired and units.sequence is None:
        parts = [(Fraction(1), pick(value, inside), None)]
    else:
        parts = by_stratum(value, *sides(units, inside), units.strata)
    if not parts:
        return NAN
    scale = Fraction(1, 2) if units.paired and units.sequence is not None else 1
    whole = sum(w for w, _, _ in parts)
    center, terms = Fraction(0), []
    for k in (1, 2):
        if parts[0][k] is None:
            continue
        sign = -1 if k == 2 and not units.paired else 1
        center += sum(
            sign * scale * w / whole * mean(part[k]) for part in parts for w in part[:1]
        )
        df = sum(len(part[k]) - 1 for part in parts)
        squares = sum((v - mean(part[k])) ** 2 for part in parts for v in part[k])
        if not df and len(parts) > 1:
            # Single observations of a sequence or arm borrow the spread of all.
            cells = [part[j] for part in parts for j in (1, 2)]
            df = sum(len(cell) - 1 for cell in cells)
            squares = sum((v - mean(cell)) ** 2 for cell in cells for v in cell)
        if not df:
            return NAN
        factor = sum((scale * part[0] / whole) ** 2 / len(part[k]) for part in parts)
        terms.append((float(factor * squares / df), df))
    total = sum(v for v, _ in terms)
    if not total:
        return NAN
    df = total**2 / sum(v**2 / k for v, k in terms)
    return float(2 * stats.t.sf(abs(float(center)) / math.sqrt(total), df))


def number(value):
    return NAN if value is None else float(value)


def evidence(units, inside, *, exact=True):
    """What a half says of a subgroup; p values are None where there are too many."""
    effect = effect_of(units, inside)
    single = units.arm is None and not units.paired
    outside = [not m for m in inside]
    try:
        test = effect_test(units, inside)
        p, floor = (NAN, 1.0) if test is None else test
    except TooManyError:
        p = floor = None
    if single:
        contrast, complement = p, None
    else:
        complement = effect_of(units, outside)
        contrast = NAN
        if cells_filled(units, inside):
            strata = units.strata
            if units.sequence is not None:
                strata = list(zip(units.strata, units.sequence))
            try:
                contrast = interaction_test(units.value, units.arm, inside, strata)
            except TooManyError:
                contrast = None
    if single:
        one = [r[0] for r, m in zip(units.raw, inside) if m]
        two = [r[0] for r, m in zip(units.raw, inside) if not m]
    else:
        chosen = pick(units.raw, inside)
        one = [a for a, _ in chosen if a is not None]
        two = [b for _, b in chosen if b is not None]
    return {
        "n": sum(inside) * (2 if units.paired else 1),
        "n_groups": len(set(pick(units.groups, inside))),
        "coverage": sum(inside) / len(units),
        "n_treated": len(one),
        "n_control": len(two),
        "effect": number(effect),
        "effect_complement": number(complement),
        "effect_size": NAN if effect is None else standardized(units, inside, effect),
        "p_value": p,
        "p_floor": floor,
        "p_interaction": contrast,
        "mean_treated": number(mean(one)),
        "mean_control": number(mean(two)),
        "p_welch": welch(units, inside),
        "_effect": effect,
        "_complement": complement,
        "_period1": first_period_of(units, inside),
    }


def first_period_of(units, inside):
    """Evidence in the first period of a crossover; None in other trials."""
    first = units.first_period
    if first is None or effect_test(units, inside) is None:
        return None
    return evidence(first, inside)


# --- what may be claimed --------------------------------------------------------


def correct(p, method):
    m = len(p)
    if method == "holm":
        order = sorted(range(m), key=lambda i: p[i])
        out, running = [0.0] * m, 0.0
        for step, i in enumerate(order):
            running = max(running, min(1.0, (m - step) * p[i]))
            out[i] = running
        return out
    if method == "fixed-sequence":
        return list(itertools.accumulate(p, max))
    if method == "bh":
        order = sorted(range(m), key=lambda i: p[i], reverse=True)
        out, running = [0.0] * m, 1.0
        for step, i in enumerate(order):
            running = min(running, p[i] * m / (m - step))
            out[i] = running
        return out
    return list(p)


def replicates(record, sign, settings):
    """The published rule."""
    if record["p_value"] is None:
        raise TooManyError
    return (
        record["_effect"] is not None
        and sign * record["_effect"] > 0
        and record["p_value"] < settings["alpha"]
        and abs(record["effect_size"]) > settings["min_effect_size"]
    )


def directed(record, sign, criterion):
    if record["_effect"] is None:
        return False
    if criterion == "effect" or record["_complement"] is None:
        # A single arm has nothing outside to compare its effect with.
        single = record["_complement"] is None and criterion != "effect"
        if single and not math.isnan(record["effect_complement"]):
            return False
        return sign * record["_effect"] > 0
    return sign * (record["_effect"] - record["_complement"]) > 0


def large(size, sign, settings):
    least = settings["min_effect_size"]
    return not least or sign * size > least


def guarded(p, period1, direction, name):
    """With the one-sided p value in the first period, where there is one."""
    if math.isnan(p):
        return 1.0
    if period1 is None:
        return p
    if period1[name] is None:
        raise TooManyError
    effect = period1["_effect"]
    if name == "p_interaction" and effect is not None:
        outside = period1["_complement"]
        effect = None if outside is None else effect - outside
    if effect is None or math.isnan(period1[name]):
        return 1.0
    half = period1[name] / 2
    return max(p, half if direction * effect > 0 else 1 - half)


def of_members(record):
    """p value of the effect in the members, and its sign."""
    sign = 1 if record["_effect"] is not None and record["_effect"] > 0 else -1
    p = record["p_value"]
    if not math.isnan(record["p_welch"]):
        p = max(p, record["p_welch"])
    return guarded(p, record["_period1"], sign, "p_value")


def statement(record, p, settings):
    if not p < settings["alpha"]:
        return "no effect shown"
    return "benefit" if record["_effect"] > 0 else "harm"


def validate_in_holdout(personas, holdout, settings):
    alpha, method = settings["alpha"], settings["correction"]
    heterogeneity = settings["criterion"] == "heterogeneity"
    candidates = []
    for persona in personas:
        record, sign = persona["train"], persona["sign"]
        naive = record["p_interaction"] if heterogeneity else record["p_value"]
        if naive is None:
            raise TooManyError
        if (
            directed(record, sign, settings["criterion"])
            and naive < alpha
            and large(record["effect_size"], sign, settings)
        ):
            inside = persona["holdout_members"]
            floor = floor_without_outcomes(holdout, inside, heterogeneity)
            candidates.append((persona, floor))
    taken = []
    for m in range(min(settings["n_holdout"], len(candidates)), 0, -1):
        share = alpha / m if method in ("holm", "bh") else alpha
        able = [p for p, floor in candidates if float(floor) <= share * (1 + 1e-12)]
        if len(able) >= m:
            taken = able[:m]
            break
    confirming, contrasts, members = [], [], []
    single = holdout.arm is None and not holdout.paired
    for persona in taken:
        record = evidence(holdout, persona["holdout_members"])
        if None in (record["p_value"], record["p_interaction"]):
            raise TooManyError
        persona["holdout"] = record
        contrast = record["p_interaction"]
        contrast = 1.0 if math.isnan(contrast) else contrast
        contrasts.append(contrast)
        members.append(of_members(record))
        if heterogeneity:
            own = record["p_interaction"], record["_period1"], persona["sign"]
            confirming.append(guarded(*own, "p_interaction"))
        else:
            confirming.append(members[-1])
    adjusted = correct(confirming, method)
    adjusted_contrast = adjusted if heterogeneity else correct(contrasts, method)
    adjusted_members = correct(members, method)
    earlier = [False] * len(holdout)
    for persona, p, q, r in zip(taken, adjusted, adjusted_contrast, adjusted_members):
        record, sign = persona["holdout"], persona["sign"]
        inside = persona["holdout_members"]
        outside = [not e for e in earlier]
        alone = conditional(
            holdout.take(outside), pick(inside, outside), sign, settings
        )
        persona["replicated"] = replicates(
            persona["train"], sign, settings
        ) and replicates(record, sign, settings)
        persona["confirmed"] = bool(
            directed(record, sign, settings["criterion"])
            and large(record["effect_size"], sign, settings)
            and p < alpha
            and (not any(earlier) or alone < alpha)
        )
        persona["p_adjusted"], persona["p_adjusted_interaction"] = p, q
        persona["p_conditional"] = alone
        if not single:
            persona["p_adjusted_members"] = r
            if persona["confirmed"]:
                persona["members_claim"] = statement(record, r, settings)
        if persona["members_claim"] not in ("benefit", "harm"):
            persona["reversal"] = False
        if persona["confirmed"]:
            earlier = [e or m for e, m in zip(earlier, inside)]


def conditional(rest, members, sign, settings):
    """The test of the claim among those whom no earlier persona covers."""
    single = rest.arm is None and not rest.paired
    effect = effect_of(rest, members) if any(members) else None
    if settings["criterion"] == "effect" or single:
        test = effect_test(rest, members)
        if test is None:
            return NAN
        p = test[0]
    else:
        if not cells_filled(rest, members):
            return NAN
        strata = rest.strata
        if rest.sequence is not None:
            strata = list(zip(rest.strata, rest.sequence))
        p = interaction_test(rest.value, rest.arm, members, strata)
        effect = effect - effect_of(rest, [not m for m in members])
    return p if effect is not None and sign * effect > 0 else 1.0


def best_of_labeling(score, arm, paired, table, settings):
    """Largest objective over rules and directions, in floating point."""
    # Whether a rule is large enough in either arm depends on the labeling.
    some = table[fit_sizes(table, arm, settings)]
    if not len(some) or np.ptp(score) == 0:
        return 0.0
    signed = objectives_of(score, arm, paired, some, settings["objective"])
    return max(0.0, *(float((sign * signed).max()) for sign in settings["signs"]))


def fit_sizes(table, arm, settings):
    good = table.sum(axis=1) >= settings["least_members"]
    arms = [np.ones(table.shape[1], bool)] if arm is None else [np.array(arm)]
    if arm is not None:
        arms.append(~arms[0])
    for a in arms:
        k = (table & a).sum(axis=1)
        good &= (k >= settings["least_arm"]) & (a.sum() - k >= settings["least_arm"])
    return good


def objectives_of(score, arm, paired, table, objective):
    """Signed objectives of member sets (rows of a bool matrix)."""
    score = np.asarray(score, float)
    arms = (
        [np.ones(len(score), bool)] if arm is None else [np.array(arm), ~np.array(arm)]
    )
    if objective == "effect" and arm is None and not paired:
        objective = "contrast"
    if objective != "effect":
        score = score - score.mean()
    total = sum(((score[a] - score[a].mean()) ** 2).sum() for a in arms)
    sd = math.sqrt(total / len(score))
    k = [(table & a).sum(axis=1) for a in arms]
    means = [(table & a) @ score / n for a, n in zip(arms, k)]
    if objective == "effect":
        if paired:
            return np.sqrt(k[0]) * means[0] / sd
        return np.sqrt(k[0] * k[1] / (k[0] + k[1])) * (means[0] - means[1]) / sd
    size = [a.sum() for a in arms]
    rest = [(~table & a) @ score / (K - n) for a, n, K in zip(arms, k, size)]
    w = [n * (K - n) / K for n, K in zip(k, size)]
    d = [a - b for a, b in zip(means, rest)]
    if arm is None:
        return np.sqrt(w[0]) * d[0] / sd
    return np.sqrt(w[0] * w[1] / (w[0] + w[1])) * (d[0] - d[1]) / sd


def reached_p(observed, maxima):
    """Besag and Clifford: at most 20 labelings that reach the observed value."""
    if not observed > 0:
        return 1.0
    hits = 0
    for seen, best in enumerate(maxima, start=1):
        hits += best >= observed - TIE * abs(observed)
        if hits == STOP_AFTER:
            return hits / seen
    return (hits + 1) / (len(maxima) + 1)


def residuals_of(units):
    """Scores without the effect that everyone shares: dummies of arm and stratum."""
    y = np.array([float(v) for v in units.score])
    dummies = [np.ones(len(y))]
    if units.arm is not None:
        dummies.append(np.array(units.arm, float))
    if not units.paired:
        own = np.array(units.strata)
        dummies += [(own == s).astype(float) for s in sorted(set(units.strata))]
    A = np.column_stack(dummies)
    return y - A @ np.linalg.lstsq(A, y, rcond=None)[0]


def validate_by_permutation(personas, rules, units, labelings, settings):
    """`labelings`: lists of (score, arm) for each null hypothesis, in order of use."""
    arm, paired = units.arm, units.paired
    exchanged = arm is not None or paired
    least = floor_without_outcomes(units, [True] * len(units), False)
    if exchanged and float(least) >= settings["alpha"]:
        # No labeling could be significant.
        return

    def distinct(chosen):
        found = {
            tuple(itertools.compress(inside, chosen))
            for _, conditions, inside in rules
            if all(settings["kept"](c) for c in conditions)
        }
        return np.array(sorted(found), bool).reshape(len(found), sum(chosen))

    everyone = [True] * len(units)
    table = distinct(everyone)
    labelings = iter(labelings)
    maxima = [
        best_of_labeling(s, a, paired, table, settings) for s, a in next(labelings)
    ]
    sparse = is_sparse(units)
    if not sparse:
        contrast_maxima = [
            best_of_labeling(s, a, paired, table, settings) for s, a in next(labelings)
        ]
    alpha, heterogeneity = settings["alpha"], settings["criterion"] == "heterogeneity"
    contrast = [NAN] * len(personas)
    if not sparse:
        contrast = heterogeneity_of(units, personas, contrast_maxima, settings)
    members = [NAN] * len(personas)
    wanted = [
        i for i in range(len(personas)) if not heterogeneity or contrast[i] < alpha
    ]
    if exchanged and wanted:
        drawn = next(labelings)
        first = None if units.first_period is None else next(labelings)
        for i in wanted:
            members[i] = members_of(
                units, personas[i]["members"], drawn, table, settings
            )
            if first is not None:
                early = units.first_period
                own = members_of(early, personas[i]["members"], first, table, settings)
                effects = [effect_of(u, personas[i]["members"]) for u in (units, early)]
                same = None not in effects and effects[0] * effects[1] > 0
                members[i] = max(members[i], own) if same else 1.0
    elif not heterogeneity:
        members = list(contrast)
    guard = [0.0] * len(personas)
    found = [i for i in range(len(personas)) if contrast[i] < alpha]
    if units.first_period is not None and found:
        options = dict(settings, objective="contrast")
        early = units.first_period
        sparse_early = is_sparse(early)
        early_maxima = None
        if not sparse_early:
            early_maxima = [
                best_of_labeling(s, a, False, table, options)
                for s, a in next(labelings)
            ]
        some = [personas[i] for i in found]
        values = [NAN] * len(found)
        if not sparse_early:
            values = heterogeneity_of(early, some, early_maxima, options)
        for i, value in zip(found, values):
            guard[i] = value
    earlier = np.zeros(len(units), bool)
    for i, persona in enumerate(personas):
        sign, inside = persona["sign"], np.array(persona["members"])
        record = persona["train"]
        persona["p_adjusted"] = reached_p(persona["objective"], maxima)
        persona["p_adjusted_interaction"] = contrast[i]
        confirming = NAN if math.isnan(guard[i]) else max(contrast[i], guard[i])
        if not heterogeneity:
            confirming = members[i]
        claimed = bool(
            directed(record, sign, settings["criterion"])
            and confirming < alpha
            and large(record["effect_size"], sign, settings)
        )
        persona["p_conditional"] = NAN
        if claimed:
            alone = confirming
            if earlier.any():
                rest = units.take((~earlier).tolist())
                left = inside[~earlier]
                some = distinct((~earlier).tolist())
                alone = NAN
                if not heterogeneity and exchanged:
                    if left.any():
                        alone = members_of(
                            rest, left.tolist(), next(labelings), some, settings
                        )
                elif cells_filled(rest, left.tolist()) and not is_sparse(rest):
                    drawn = [
                        best_of_labeling(s, a, paired, some, settings)
                        for s, a in next(labelings)
                    ]
                    own = [{"sign": sign, "members": left.tolist()}]
                    (alone,) = heterogeneity_of(rest, own, drawn, settings)
                claimed = bool(alone < alpha)
            persona["p_conditional"] = alone
        persona["confirmed"] = claimed
        if exchanged:
            persona["p_adjusted_members"] = members[i]
            if claimed:
                persona["members_claim"] = statement(record, members[i], settings)
        if persona["members_claim"] not in ("benefit", "harm"):
            persona["reversal"] = False
        if claimed:
            earlier |= inside


def is_sparse(units):
    if units.arm is None or len(set(units.outcome)) > 2:
        return False
    return any(
        sum(1 for y, a in zip(units.outcome, units.arm) if y == kind and a == side) < 10
        for kind in set(units.outcome)
        for side in (True, False)
    )


def heterogeneity_of(units, personas, maxima, settings):
    """Adjusted p values of the same effect in everyone."""
    alike, arm = residuals_of(units), units.arm
    arms = (
        [np.ones(len(units), bool)] if arm is None else [np.array(arm), ~np.array(arm)]
    )
    # The spread of the labelings is that of both arms mixed.
    widest = max(alike.var(), *(alike[a].var() for a in arms))
    ratio = math.sqrt(alike.var() / widest) if widest else 1.0
    out = []
    for persona in personas:
        inside = np.array(persona["members"])
        value = objectives_of(
            alike, arm, units.paired, inside[None], settings["objective"]
        )
        out.append(
            reached_p(max(persona["sign"] * float(value[0]), 0.0) * ratio, maxima)
        )
    return out


def members_of(units, members, labelings, table, settings):
    """Adjusted p value of no effect in the members."""
    options = dict(settings, objective="effect", signs=(1, -1))
    inside = np.array(members, bool)
    score = np.array([float(v) for v in units.score])
    arms = [inside]
    if units.arm is not None:
        arms = [inside & np.array(units.arm), inside & ~np.array(units.arm)]
    if not all(a.any() for a in arms):
        return NAN
    value = objectives_of(score, units.arm, units.paired, inside[None], "effect")
    value = abs(float(value[0]))
    if len(arms) == 2 and min(a.sum() for a in arms) > 1:
        n = [a.sum() for a in arms]
        own = [score[a].var(ddof=1) for a in arms]
        real = own[0] / n[0] + own[1] / n[1]
        mixed = ((n[0] - 1) * own[0] + (n[1] - 1) * own[1]) / (sum(n) - 2)
        mixed *= 1 / n[0] + 1 / n[1]
        if real > 0:
            value *= min(1.0, math.sqrt(mixed / real))
    maxima = [
        best_of_labeling(s, a, units.paired, table, options) for s, a in labelings
    ]
    return reached_p(value, maxima)


def against(effect, overall):
    return None not in (effect, overall) and effect * overall < 0


def smallest_size(alpha, paired):
    k = 1
    while (2 / 2**k if paired else 2 / math.comb(2 * k, k)) > alpha:
        k += 1
    return k


class SlowTwin:
    """The estimator with a named objective and no adjustment, by enumeration.

    Parameters are those of the estimator, of which each must be given.
    """

    def __init__(self, **parameters):
        self.parameters = parameters

    def fit(
        self,
        X,
        y,
        *,
        treatment=None,
        groups=None,
        period=None,
        strata=None,
        split=None,
        labelings=(),
    ):
        """`split` tells of each row whether it is "training" or "holdout"."""
        given = self.parameters
        names = list(X.columns)
        columns = [read_column(X[name]) for name in names]
        n = len(y)
        better = given["greater_is_better"]
        raw = [Fraction(float(v)) for v in y]
        threshold = given["response_threshold"]
        if threshold is not None:
            hits = [v >= threshold if better else v <= threshold for v in y]
            outcome = [Fraction(int(h)) for h in hits]
        else:
            outcome = raw if better else [-v for v in raw]
        arm = None
        if treatment is not None:
            labels = sorted(set(treatment))
            control = labels[0] if given["control"] is None else given["control"]
            arm = [v != control for v in treatment]
        groups = list(range(n)) if groups is None else list(groups)
        strata = [0] * n if strata is None else list(strata)
        period = None if period is None else list(period)
        design = given["design"]
        if design == "auto":
            seen = {g: {a for h, a in zip(groups, arm or []) if h == g} for g in groups}
            two = any(len(arms) == 2 for arms in seen.values())
            design = "single-arm" if arm is None else "crossover" if two else "parallel"
        self.design = design
        units = make_units(design, outcome, raw, arm, groups, period, strata)
        part_of = dict(zip(groups, split))
        in_training = [part_of[g] == "training" for g in units.groups]
        train = units.take(in_training)
        holdout = units.take([not t for t in in_training])
        least_arm = given["min_arm_size"]
        if least_arm == "auto":
            least_arm = smallest_size(given["alpha"], units.paired)
        self.min_arm_size = least_arm
        if arm is not None:
            sizes = [len(train)]
            if not units.paired:
                sizes = [sum(train.arm), len(train) - sum(train.arm)]
            if min(sizes) < 2 * least_arm:
                raise ValueError("Too few cases")
        share = Fraction(str(given["min_coverage"]))
        least_members = max(math.ceil(share * len(train)), 1)
        modality = [0] * len(names)
        if given["modalities"] is not None:
            modality = [given["modalities"].get(name, "other") for name in names]
        signs = {"both": (1, -1), "favorable": (1,), "unfavorable": (-1,)}
        n_arms = 1 if train.arm is None else 2
        fewest = max(least_members, n_arms * least_arm)

        def kept(condition):
            # A rule is no larger than its conditions.
            return (
                sum(condition.members(columns[condition.position], train.rows))
                >= fewest
            )

        settings = dict(
            given,
            intervals=given["conditions"] == "interval",
            modality=modality,
            least_arm=least_arm,
            least_members=least_members,
            signs=signs[given["direction"]],
            max_variables=min(given["max_variables"], len(names)),
            kept=kept,
        )
        rules, self.n_candidates = enumerate_rules(columns, train.rows, settings)
        overall = effect_of(train, [True] * len(train))
        personas = []
        for squared, sign, conditions, inside in search(rules, train, settings):
            record = evidence(train, inside)
            tested = [c.members(columns[c.position], holdout.rows) for c in conditions]
            single = train.arm is None and not train.paired
            personas.append(
                {
                    "sign": sign,
                    "direction": "favorable" if sign > 0 else "unfavorable",
                    "conditions": conditions,
                    "objective": math.sqrt(squared),
                    "members": inside,
                    "holdout_members": np.logical_and.reduce(tested).tolist(),
                    "train": record,
                    "holdout": None,
                    "reversal": not single and against(record["_effect"], overall),
                    "replicated": False,
                    "confirmed": False,
                    "p_adjusted": NAN,
                    "p_adjusted_interaction": NAN,
                    "p_adjusted_members": NAN,
                    "p_conditional": NAN,
                    "members_claim": "not tested",
                }
            )
        if given["validation"] == "permutation":
            validate_by_permutation(personas, rules, train, labelings, settings)
        elif given["validation"] == "holdout" and len(holdout):
            validate_in_holdout(personas, holdout, settings)
        self.personas = sorted(personas, key=lambda p: not p["confirmed"])
        self.sd = math.sqrt(within_arms(outcome, arm))
        return self

    def transform(self, X):
        columns = [read_column(X[name]) for name in X.columns]
        rows = range(len(X))
        out = np.zeros((len(X), len(self.personas)))
        for j, persona in enumerate(self.personas):
            parts = [
                c.members(columns[c.position], rows) for c in persona["conditions"]
            ]
            out[:, j] = np.logical_and.reduce(parts)
        return out

    def predict(self, X):
        inside = self.transform(X)
        out = []
        for i in range(len(X)):
            out.append(0)
            for j, persona in enumerate(self.personas):
                used = persona["confirmed"] or self.parameters["validation"] is None
                if used and inside[i, j]:
                    out[-1] = persona["sign"]
                    break
        return out

    def score(self, X, y, treatment=None):
        given, said = self.parameters, self.predict(X)
        y, threshold = np.asarray(y, float), given["response_threshold"]
        if threshold is not None:
            y = (y >= threshold if given["greater_is_better"] else y <= threshold) * 1.0
        elif not given["greater_is_better"]:
            y = -y
        arm = None
        if treatment is not None:
            control = given["control"]
            control = sorted(set(treatment))[0] if control is None else control
            arm = [v != control for v in treatment]

        def effect(chosen):
            parts = [[v for v, c in zip(y, chosen) if c]]
            if arm is not None:
                parts = [
                    [v for v, c, a in zip(y, chosen, arm) if c and a == side]
                    for side in (True, False)
                ]
            if not all(parts):
                return None
            means = [sum(p) / len(p) for p in parts]
            return means[0] if arm is None else means[0] - means[1]

        everyone = effect([True] * len(y))
        gain = 0.0
        for sign in (1, -1):
            chosen = [s == sign for s in said]
            inside = effect(chosen)
            if inside is not None and everyone is not None:
                gain += sum(chosen) / len(y) * sign * (inside - everyone)
        return gain / self.sd if self.sd else 0.0
