"""Placebo specificity: whether a persona tells who profits, or who does well anyway.

What tells who does well without the treatment shows in the control arm too.
"""

import numpy as np

from sklearn_persona.inference import contrast_interval

__all__ = ["arm_contrasts"]

NOT_KNOWN = float("nan")


def arm_contrasts(units, inside):
    """Members against others: their effects, and their outcomes within either arm.

    Parameters
    ----------
    units : Units
    inside : ndarray of bool, shape (n_units,)

    Returns
    -------
    contrasts : dict
        ``contrast``, ``contrast_treated``, ``contrast_control`` and, as ``ci_...``,
        their intervals; empty for a single arm, NaN where somebody is missing.
    """
    names = ("contrast", "contrast_treated", "contrast_control")
    if units.treated is None and not units.paired:
        return {}
    if units.paired:
        treated, control = units.sign * units.by_arm.T
        if units.response_by_arm is not None:
            treated, control = units.response_by_arm.T
        columns = units.outcome, treated, control
        # Sequences weigh the same, so that period effects cancel.
        blocks = [np.ones(len(units), bool)]
        if units.sequence is not None:
            blocks = [units.sequence > 0, units.sequence < 0]
        cells = [(block & side) for block in blocks for side in (inside, ~inside)]
        weights = [s / len(blocks) for _ in blocks for s in (1, -1)]
        found = [_contrast(values, cells, weights) for values in columns]
    else:
        arms = units.treated, ~units.treated
        cells = [arm & side for arm in arms for side in (inside, ~inside)]
        found = [
            _contrast(units.value, cells, (1, -1, -1, 1)),
            _contrast(units.value, cells[:2], (1, -1)),
            _contrast(units.value, cells[2:], (1, -1)),
        ]
    out = {}
    for name, (value, interval) in zip(names, found):
        out |= {name: value, f"ci_{name}": interval}
    return out


def _contrast(values, cells, weights):
    """A linear contrast of the means of cells, and its interval."""
    if not all(cell.any() for cell in cells):
        return NOT_KNOWN, (NOT_KNOWN, NOT_KNOWN)
    samples = [values[cell] for cell in cells]
    value = sum(w * float(x.mean()) for w, x in zip(weights, samples))
    return value, contrast_interval(samples, weights)
