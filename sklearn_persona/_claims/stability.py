"""Stability of a selection when participants are left out."""

from itertools import combinations

import numpy as np
import pandas as pd

from sklearn_persona._persona.stability import Edge, Stability

__all__ = ["selection_table", "summarize"]

QUANTILES = (0.025, 0.25, 0.5, 0.75, 0.975)
NOT_KNOWN = float("nan")


def summarize(conditions, matches, left_out, variables):
    """Summarize the refits for one persona.

    Parameters
    ----------
    conditions : sequence of Condition
        Conditions of the persona.
    matches : list of Match
        One per half-sample.
    left_out : list of Match
        One per participant left out.
    variables : list of tuple of int
        Columns of the best rule in each half-sample, whatever its direction.

    Returns
    -------
    stability : Stability
    """
    jaccard = [match.jaccard for match in matches]
    edges = []
    for condition in conditions:
        for side in ("low", "high"):
            value = getattr(condition, side)
            if value is None:
                continue
            seen = [
                match.edges[condition.position, side]
                for match in matches
                if (condition.position, side) in match.edges
            ]
            low, high = _quantiles(seen, (0.025, 0.975))
            edges.append(Edge(condition.label, side, value, low, high, len(seen)))
    return Stability(
        n_resamples=len(matches),
        jaccard=_mean(jaccard),
        jaccard_quantiles=_quantiles(jaccard, QUANTILES),
        same_variables=_mean([match.same for match in matches]),
        variable_frequencies=tuple(
            _mean([c.position in used for used in variables]) for c in conditions
        ),
        edges=tuple(edges),
        n_left_out=len(left_out),
        left_out_same=_mean([match.same for match in left_out]),
        left_out_jaccard=min((m.jaccard for m in left_out), default=NOT_KNOWN),
    )


def _mean(values):
    return float(np.mean(values)) if values else NOT_KNOWN


def _quantiles(values, shares):
    if not values:
        return (NOT_KNOWN,) * len(shares)
    return tuple(np.quantile(values, shares).tolist())


def selection_table(best, kept, names, size):
    """Compute selection frequencies of variables, or of pairs, over half-samples.

    Parameters
    ----------
    best : list of tuple of int
        Columns of the best rule in each half-sample; empty if there is none.
    kept : list of list of tuple of int
        Columns of each rule kept in each half-sample.
    names : list
        Names of the columns.
    size : {1, 2}
        Single variables or pairs.

    Returns
    -------
    table : DataFrame
        One row per variable or pair in any kept rule, the most frequent first, with
        ``frequency`` (in the best rule), ``frequency_kept`` (in any kept rule) and
        ``false_bound``.

    Notes
    -----
    ``false_bound`` is the bound of Shah & Samworth (2013, theorem 1) on the expected
    number of variables (pairs) with a low selection probability among all that reach
    this frequency f: ``q**2 / (p * (2 f - 1))``, where q is the mean number that a best
    rule uses and p the number available. Low means at most q / p, the probability under
    random choice. The bound needs no assumption about the selection but f > .5; it is
    NaN otherwise, and at most p.
    """
    n_items = len(names) if size == 1 else len(names) * (len(names) - 1) // 2
    in_best, in_kept = {}, {}
    n_used = 0
    for rule, rules in zip(best, kept):
        used = set(combinations(sorted(rule), size))
        n_used += len(used)
        for item in used:
            in_best[item] = in_best.get(item, 0) + 1
        for item in {i for r in rules for i in combinations(sorted(r), size)}:
            in_kept[item] = in_kept.get(item, 0) + 1
    n = max(len(best), 1)
    q = n_used / n
    rows = []
    for item in set(in_best) | set(in_kept):
        frequency = in_best.get(item, 0) / n
        bound = NOT_KNOWN
        if frequency > 0.5:
            bound = min(q**2 / (n_items * (2 * frequency - 1)), float(n_items))
        rows.append((item, frequency, in_kept.get(item, 0) / n, bound))
    rows.sort(key=lambda row: (-row[1], -row[2], row[0]))
    labels = [tuple(names[i] for i in row[0]) for row in rows]
    what = ["variable"] if size == 1 else ["variable", "other"]
    columns = {name: [label[k] for label in labels] for k, name in enumerate(what)}
    columns |= {
        name: np.array([row[k] for row in rows], dtype=float)
        for k, name in enumerate(("frequency", "frequency_kept", "false_bound"), 1)
    }
    return pd.DataFrame(columns)
