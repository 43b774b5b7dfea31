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
        )

    @property
    def value(self):
        """Outcomes freed of the period effect of these very units."""
        if self.sequence is None:
            return self.outcome
        means = [
            mean([y for y, s in zip(self.outcome, self.sequence) if s == sign])
            for sign in (1, -1)
        ]
        if None in means:
            return self.outcome
        period = (means[0] - means[1]) / 2
        return [y - s * period for y, s in zip(self.outcome, self.sequence)]


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
    values, arm = units.value, units.arm
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
    x = as_integers(first + second)
    x = x * len(x) - x.sum()
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
    x = as_integers([d for d, m in zip(difference, inside) if m]).astype(object)
    m = len(x)

    def squares(rows):
        first = rows @ x
        a = rows.sum(axis=1).astype(object)
        # (first / a - rest / b)^2 / (1/a + 1/b), over m.
        numerator = (first * m - a * x.sum()) ** 2
        return [
            Fraction(int(t), int(k) * (m - int(k))) if 0 < k < m else Fraction(0)
            for t, k in zip(numerator, a)
        ]

    others = squares(labels)
    seen = squares(own[inside][None])[0]
    top = max(others)
    return (
        sum(s >= seen for s in others) / len(others),
        sum(s == top for s in others) / len(others),
    )


def interaction_test(values, arm, inside, strata):
    """Studentized contrast; labels (the arm, or membership) exchanged within blocks."""
    inside = np.array(inside, bool)
    n = len(values)
    strata = list(strata)
    everyone = np.ones(n, bool)
    if arm is None:
        faces, signs, pools = [(everyone, inside)], [1, -1], [0, 0]
    else:
        arm = np.array(arm, bool)
        faces = [(inside, arm), (~inside, arm)]
        signs, pools = [1, -1, -1, 1], [0, 1, 0, 1]
    x = list(values)
    if arm is not None:
        effect = weight = Fraction(0)
        for rows, label in faces:
            for s in set(strata):
                here = [i for i in range(n) if rows[i] and strata[i] == s]
                t = [values[i] for i in here if label[i]]
                c = [values[i] for i in here if not label[i]]
                if t and c:
                    w = Fraction(len(t) * len(c), len(t) + len(c))
                    effect += w * (mean(t) - mean(c))
                    weight += w
        if weight:
            x = [v - effect / weight if a else v for v, a in zip(x, arm)]
    for rows, _ in faces:
        center = mean([v for v, r in zip(x, rows) if r])
        x = [v - center if r else v for v, r in zip(x, rows)]
    x = as_integers(x).astype(object)
    sizes, blocks = [], []
    for rows, label in faces:
        sizes += [int((rows & label).sum()), int((rows & ~label).sum())]
        part = []
        for s in sorted(set(strata)):
            here = [i for i in range(n) if rows[i] and strata[i] == s]
            if here:
                part.append((x[here], sum(bool(label[i]) for i in here)))
        blocks.append(part)
    total = count_arrangements([(len(v), k) for part in blocks for v, k in part])
    moments = []
    for which, part in enumerate(blocks):
        sums = outer_sums([subset_sums(v, k) for v, k in part])
        squares = outer_sums([subset_sums(v * v, k) for v, k in part])
        others = math.prod(
            math.comb(len(v), k)
            for other, rest in enumerate(blocks)
            if other != which
            for v, k in rest
        )
        if which == 0:
            sums, squares = np.repeat(sums, others), np.repeat(squares, others)
        else:
            sums, squares = np.tile(sums, others), np.tile(squares, others)
        whole = (
            sum(int(v.sum()) for v, _ in part),
            sum(int((v * v).sum()) for v, _ in part),
        )
        moments += [(sums, squares), (whole[0] - sums, whole[1] - squares)]
    own = []
    for rows, label in faces:
        for side in (label, ~label):
            v = x[rows & side]
            own.append((np.array([v.sum()], object), np.array([(v * v).sum()], object)))
    seen = _studentized(own, sizes, signs, pools)[0]
    null = _studentized(moments, sizes, signs, pools)
    reached = seen * (1 - TIE) if np.isfinite(seen) else seen
    assert len(null) == total
    return float(np.mean(null >= reached))


def _studentized(moments, sizes, signs, pools):
    """|t| of each arrangement; infinite where nothing varies and effects differ."""
    n = np.array(sizes)
    # Exact integers: sums of squared deviations times the size.
    scatter = [q * k - s * s for (s, q), k in zip(moments, sizes)]
    bits = max(int(abs(v).max()).bit_length() for v in scatter)
    bits = max(bits, *(2 * int(abs(s).max()).bit_length() for s, _ in moments))
    # Too long for a double: in a larger unit.
    half = max(0, bits // 2 - 400)
    scatter = [v >> 2 * half for v in scatter]
    squares = np.array([v.astype(float) / k for v, k in zip(scatter, sizes)])
    df = n - 1
    variances = squares / np.maximum(df, 1)[:, None]
    for groups in (pools, [0] * len(pools)):
        same = np.equal.outer(np.array(groups), np.array(groups)).astype(float)
        borrowed = (same @ squares) / np.maximum(same @ df, 1)[:, None]
        variances = np.where(variances == 0, borrowed, variances)
    common = math.lcm(*sizes)
    d = sum(s * sign * (common // k) for (s, _), sign, k in zip(moments, signs, sizes))
    d = (d / common if not half else d // common >> half).astype(float)
    error = (variances / n[:, None]).sum(axis=0)
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
    if units.paired:
        if units.sequence is not None:
            parts = [
                pick(value, [m and s == sign for m, s in zip(inside, units.sequence)])
                for sign in (1, -1)
            ]
            if all(parts):
                return (mean(parts[0]) + mean(parts[1])) / 2
        return mean(pick(value, inside))
    first, second = sides(units, inside)
    a, b = mean(pick(value, first)), mean(pick(value, second))
    return None if a is None or b is None else a - b


def cells_filled(units, inside):
    arms = [[True] * len(units)]
    if units.arm is not None:
        arms = [units.arm, [not a for a in units.arm]]
    return all(
        any(c and m == side for c, m in zip(chosen, inside))
        for chosen in arms
        for side in (True, False)
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
        first, second = sides(units, inside)
        whole = [list(value)]
        if units.arm is not None:
            whole = [pick(value, units.arm), pick(value, [not a for a in units.arm])]
        attempts = [[pick(value, first), pick(value, second)], whole]
    for parts in attempts:
        dof = sum(map(len, parts)) - len(parts)
        if dof > 0 and all(parts):
            total = sum((v - mean(part)) ** 2 for part in parts for v in part)
            if total:
                return float(effect) / math.sqrt(total / dof)
    return 0.0


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
        "_effect": effect,
        "_complement": complement,
    }


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


def passes(record, sign, settings):
    if record["p_value"] is None:
        raise TooManyError
    return (
        record["_effect"] is not None
        and sign * record["_effect"] > 0
        and record["p_value"] < settings["alpha"]
        and abs(record["effect_size"]) > settings["min_effect_size"]
    )


def directed(record, sign, criterion):
    if record["_effect"] is None or sign * record["_effect"] <= 0:
        return False
    if criterion == "effect" or record["_complement"] is None:
        return True
    return sign * (record["_effect"] - record["_complement"]) > 0


def validate_in_holdout(personas, holdout, settings):
    alpha, method = settings["alpha"], settings["correction"]
    heterogeneity = settings["criterion"] == "heterogeneity"
    candidates = []
    for persona in personas:
        record, sign = persona["train"], persona["sign"]
        if passes(record, sign, settings) and directed(
            record, sign, settings["criterion"]
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
    confirming, contrasts = [], []
    for persona in taken:
        record = evidence(holdout, persona["holdout_members"])
        if None in (record["p_value"], record["p_interaction"]):
            raise TooManyError
        persona["holdout"] = record
        contrast = record["p_interaction"]
        contrast = 1.0 if math.isnan(contrast) else contrast
        contrasts.append(contrast)
        inside = record["p_value"]
        confirming.append(max(inside, contrast) if heterogeneity else inside)
    adjusted = correct(confirming, method)
    adjusted_contrast = adjusted if heterogeneity else correct(contrasts, method)
    earlier = [False] * len(holdout)
    for persona, p, q in zip(taken, adjusted, adjusted_contrast):
        record, sign = persona["holdout"], persona["sign"]
        inside = persona["holdout_members"]
        persona["replicated"] = passes(record, sign, settings)
        persona["confirmed"] = (
            persona["replicated"]
            and directed(record, sign, settings["criterion"])
            and p < alpha
        )
        persona["p_adjusted"], persona["p_adjusted_interaction"] = p, q
        outside = [not e for e in earlier]
        test = effect_test(holdout.take(outside), pick(inside, outside))
        persona["p_conditional"] = NAN if test is None else test[0]
        if persona["confirmed"]:
            earlier = [e or m for e, m in zip(earlier, inside)]


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


def without_arm_means(score, arm):
    score = np.array(score, float)
    arms = (
        [np.ones(len(score), bool)] if arm is None else [np.array(arm), ~np.array(arm)]
    )
    for a in arms:
        score[a] -= score[a].mean()
    return score


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
    alike = without_arm_means([float(v) for v in units.value], arm)
    sparse = False
    if arm is not None and len(set(units.outcome)) <= 2:
        sparse = any(
            sum(1 for y, a in zip(units.outcome, arm) if y == kind and a == side) < 10
            for kind in set(units.outcome)
            for side in (True, False)
        )
    if not sparse:
        contrast_maxima = [
            best_of_labeling(s, a, paired, table, settings) for s, a in next(labelings)
        ]
    arms = (
        [np.ones(len(units), bool)] if arm is None else [np.array(arm), ~np.array(arm)]
    )
    # The spread of the labelings is that of both arms mixed.
    widest = max(alike.var(), *(alike[a].var() for a in arms))
    ratio = math.sqrt(alike.var() / widest) if widest else 1.0
    earlier = np.zeros(len(units), bool)
    for persona in personas:
        sign, inside = persona["sign"], np.array(persona["members"])
        record = persona["train"]
        p = reached_p(persona["objective"], maxima)
        q = NAN
        if not sparse:
            value = objectives_of(
                alike, arm, paired, inside[None], settings["objective"]
            )
            value = max(sign * float(value[0]), 0.0)
            q = reached_p(value * ratio, contrast_maxima)
        persona["p_adjusted"], persona["p_adjusted_interaction"] = p, q
        persona["confirmed"] = (
            p < settings["alpha"]
            and directed(record, sign, settings["criterion"])
            and (settings["criterion"] == "effect" or q < settings["alpha"])
            and sign * record["effect_size"] > settings["min_effect_size"]
        )
        persona["p_conditional"] = NAN
        if persona["confirmed"]:
            persona["p_conditional"] = p
            if earlier.any():
                rest = units.take((~earlier).tolist())
                left = inside[~earlier]
                if cells_filled(rest, left.tolist()):
                    some = distinct((~earlier).tolist())
                    score = [float(v) for v in rest.value]
                    own = objectives_of(
                        score, rest.arm, paired, left[None], settings["objective"]
                    )
                    own = max(sign * float(own[0]), 0.0)
                    persona["p_conditional"] = (
                        reached_p(
                            own,
                            [
                                best_of_labeling(s, a, paired, some, settings)
                                for s, a in next(labelings)
                            ],
                        )
                        if own > 0
                        else 1.0
                    )
                else:
                    persona["p_conditional"] = NAN
            earlier |= inside


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
                    "reversal": not single and record["_effect"] * overall < 0,
                    "replicated": False,
                    "confirmed": False,
                    "p_adjusted": NAN,
                    "p_adjusted_interaction": NAN,
                    "p_conditional": NAN,
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
