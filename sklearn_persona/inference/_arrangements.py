"""Sums over the arrangements of a permutation test.

A *block* is a pair ``(x, k)``: values x of shape (n,) of which k are labeled. Labels
move within a block only, so the labeled sum of an arrangement adds up one subset sum
per block.
"""

import math
from functools import lru_cache, reduce
from itertools import chain, combinations

import numpy as np

#: Largest number of arrangements that are all visited; beyond it, a random sample.
MAX_EXACT = 50_000

# With more values, random subsets are drawn byte by byte instead of by shuffling.
_MANY = 10_000

# Elements of a chunk of random arrangements (1 MB of doubles, which stays in cache).
_CHUNK = 1 << 17

# Logarithm of the largest number of arrangements that is counted.
_MOST_COUNTED = 690.0


def log_comb(n, k):
    """Return the logarithm of C(n, k), whose digits take too long for a large n."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def count_choices(sizes):
    """Return the product of C(n, k) over ``(n, k)``: an integer, or infinity."""
    if sum(log_comb(n, k) for n, k in sizes) > _MOST_COUNTED:
        return math.inf
    return math.prod(math.comb(n, k) for n, k in sizes)


def n_arrangements(blocks):
    """Return the number of arrangements of `blocks`: an integer, or infinity."""
    return count_choices([(len(x), k) for x, k in blocks])


@lru_cache(maxsize=32)
def _subsets(n, k):
    """Return the k-subsets of range(n) as the columns of a (k, C(n, k)) array."""
    count = math.comb(n, k)
    flat = np.fromiter(
        chain.from_iterable(combinations(range(n), k)), dtype=np.intp, count=count * k
    )
    table = np.ascontiguousarray(flat.reshape(count, k).T)
    table.flags.writeable = False
    return table


def subset_sums(x, k):
    """Return the sums of all k-subsets of `x`, shape (C(n, k),).

    The smaller side of the split is summed. A subset and its complement have the same
    position, so two calls with the same n and k line up.
    """
    n = len(x)
    if 2 * k > n:
        return x.sum() - subset_sums(x, n - k)
    if k == 0:
        return np.zeros(1)
    table = _subsets(n, k)
    sums = x[table[0]]
    for row in table[1:]:
        sums += x[row]
    return sums


def all_sums(blocks):
    """Return the labeled sum of every arrangement of `blocks`."""
    return reduce(
        lambda sums, more: np.add.outer(sums, more).ravel(),
        (subset_sums(x, k) for x, k in blocks),
    )


def random_sums(blocks, size, rng):
    """Return labeled sums and sums of squares of random arrangements, (2, size)."""
    out = np.zeros((2, size))
    for x, k in blocks:
        n = len(x)
        few, flip = min(k, n - k), 2 * k > n
        part = np.zeros((2, size))
        if few and n > _MANY:
            part = _sums_of_subsets(x, few, size, rng)
        elif few:
            step = max(1, _CHUNK // n)
            for start in range(0, size, step):
                stop = min(start + step, size)
                shuffled = np.broadcast_to(x, (stop - start, n))
                labeled = rng.permuted(shuffled, axis=1)[:, :few]
                part[0, start:stop] = labeled.sum(axis=1)
                part[1, start:stop] = np.einsum("ij,ij->i", labeled, labeled)
        if flip:
            part = np.array([[x.sum()], [x @ x]]) - part
        out += part
    return out


def _sums_of_subsets(x, k, size, rng):
    """Return sums and sums of squares of random k-subsets of many values, (2, size).

    Each value enters with the same probability of about k / n; then random values are
    added or removed until there are k. All subsets are equally likely.
    """
    n = len(x)
    powers = np.stack([x, x * x])
    level = min(max(round(256 * k / n), 1), 255)
    out = np.empty((2, size))
    for i in range(size):
        chosen = np.frombuffer(rng.bytes(n), np.uint8) < level
        surplus = int(np.count_nonzero(chosen)) - k
        pool = np.flatnonzero(chosen if surplus > 0 else ~chosen)
        moved = rng.choice(pool, abs(surplus), replace=False, shuffle=False)
        chosen[moved] = surplus < 0
        out[:, i] = powers @ chosen
    return out


def sign_sums(x):
    """Return the sums of `x` under all sign flips that keep the first sign."""
    sums = x[:1]
    for value in x[1:]:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def random_sign_sums(x, size, rng):
    """Return the sums of `x` under `size` random sign flips."""
    out = np.empty(size)
    step = max(1, _CHUNK // len(x))
    for start in range(0, size, step):
        stop = min(start + step, size)
        plus = rng.integers(0, 2, size=(stop - start, len(x)), dtype=np.int8)
        out[start:stop] = plus @ x
    return 2.0 * out - x.sum()
