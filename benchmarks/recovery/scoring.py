"""The score-card of one answer (columns of Loh, Cao & Zhou 2019)."""

import math

import numpy as np
from scipy.special import ndtr

from benchmarks.recovery.regions import make_units

# Fresh participants whose membership is stored, by which stability is computed.
STORED = 512
FIELDS = (
    "jaccard",
    "jaccard_either",
    "recall",
    "precision",
    "n_variables",
    "size",
    "true_effect",
    "naive_effect",
    "bias",
    "naive_p",
    "claimed",
    "variables",
    "rule",
    "members",
)


def jaccard(a, b):
    """Jaccard index of two bool arrays; 0 when either is empty."""
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 0.0


def score(found, design, trial, fresh, null=False):
    """All columns for one answer.

    Parameters
    ----------
    found : Found
    design : Design
    trial : Trial
        The data the answer was found in.
    fresh : ndarray of shape (n_fresh, n_features)
        Participants of the same population.
    null : bool, default=False
        Whether `trial` is the null twin, which has no truth to be recovered.

    Returns
    -------
    row : dict
        NaN where a column does not apply.

        jaccard
            With the true persona, on fresh participants; the largest when there are
            several true ones. Nothing found is 0.
        jaccard_either
            The larger of that and the index with the complement of the truth: what
            would be reached if the other side of the same split counted.
        recall, precision
            Share of the true variables that are used, and of the used that are true.
        size, true_effect
            Share of fresh participants inside, and their mean true effect.
        naive_effect, bias, naive_p
            Estimate in the data of discovery, its excess over the true effect of the
            same rule, and the two-sided normal p value of inside against outside.
        members
            Membership of the first fresh participants, as hexadecimal digits.
    """
    inside = np.asarray(found.covers(fresh), bool)
    effect = design.true_effect(fresh, null)
    used, true = set(found.variables), set(design.variables)
    units = make_units(trial)
    members = np.asarray(found.covers(units.X), bool)
    naive, _ = units.effect(members)
    z = units.contrast(members)
    true_effect = float(effect[inside].mean()) if inside.any() else math.nan
    row = {
        "n_variables": len(used),
        "size": float(inside.mean()),
        "true_effect": true_effect,
        "naive_effect": float(naive),
        "bias": float(naive - true_effect),
        "naive_p": float(2 * ndtr(-abs(z))) if z else math.nan,
        "claimed": "" if found.claimed is None else int(found.claimed),
        "variables": ";".join(map(str, sorted(used))),
        "rule": found.rule,
        "members": np.packbits(inside[:STORED]).tobytes().hex(),
    }
    row.update(jaccard=math.nan, jaccard_either=math.nan)
    row.update(recall=math.nan, precision=math.nan)
    if not null:
        targets = design.targets(fresh)
        sides = targets + [~target for target in targets]
        row["jaccard"] = max(jaccard(inside, target) for target in targets)
        row["jaccard_either"] = max(jaccard(inside, side) for side in sides)
        row["recall"] = len(used & true) / len(true)
        row["precision"] = len(used & true) / len(used) if used else math.nan
    return {name: row[name] for name in FIELDS}


def unpack(members):
    """Bool array from the hexadecimal digits of a row."""
    return np.unpackbits(np.frombuffer(bytes.fromhex(members), np.uint8)).astype(bool)


def stability(members):
    """Mean Jaccard index of answers from different draws of the same design.

    Parameters
    ----------
    members : list of str
        The column of several repetitions; those of nothing count as 0.

    Returns
    -------
    mean : float
        Over all pairs; NaN with fewer than two.
    """
    bits = np.array([unpack(text) for text in members], float)
    if len(bits) < 2:
        return math.nan
    both = bits @ bits.T
    sizes = np.diag(both)
    union = sizes[:, None] + sizes - both
    indices = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
    above = np.triu_indices(len(bits), 1)
    return float(indices[above].mean())
