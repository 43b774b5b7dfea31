"""Measure a subgroup on a set of units: sizes, effects, tests, intervals."""

import numpy as np

from sklearn_persona._data.checks import rescale
from sklearn_persona._estimates.evidence import Evidence

__all__ = ["arm_contrasts", "effect_size", "measure"]

NOT_KNOWN = float("nan")


def effect_size(units, inside, effect):
    """Cohen's d: an effect over the sample standard deviation inside.

    That of everyone where the members do not vary; 0.0 where nobody does.
    """
    # By a power of two, so that no square is too large or too small for a double.
    scaled, exponent = rescale(units.kind.unit_values(units.value))
    for chosen in (inside, units.everyone):
        parts = [scaled[sample] for sample in units.spread_samples(chosen)]
        if chosen is not inside:
            parts = [part for part in parts if len(part)]
        dof = sum(len(part) for part in parts) - len(parts)
        if dof > 0 and all(len(part) for part in parts):
            total = sum(float(((part - part.mean()) ** 2).sum()) for part in parts)
            sd = np.sqrt(total / dof)
            # A constant sample has a rounding error for its spread.
            if sd > 1e-13 * np.abs(scaled).max():
                return float(np.ldexp(effect, -exponent) / sd)
    return 0.0


def arm_contrasts(units, inside):
    """Members against others: their effects, and their outcomes within either arm.

    A variable that tells who does well without the treatment shows in the control arm
    too; one that is specific to the treatment does not.

    Parameters
    ----------
    units : Units
    inside : ndarray of bool, shape (n_units,)

    Returns
    -------
    contrasts : dict
        ``contrast``, ``contrast_treated``, ``contrast_control`` and, as ``ci_...``,
        their intervals; empty for a single arm, NaN where a sample is empty.
    """
    if not units.has_arms:
        return {}
    out = {}
    names = ("contrast", "contrast_treated", "contrast_control")
    for name, (values, cells) in zip(names, units.contrasts(inside)):
        out[name] = units.estimate(values, cells)
        out[f"ci_{name}"] = units.interval(values, cells)
    return out


def measure(units, inside, *, n_permutations, n_bootstrap, random_state):
    """Measure a subgroup on a set of units.

    Parameters
    ----------
    units : Units
    inside : ndarray of bool, shape (n_units,)
    n_permutations, n_bootstrap : int
    random_state : int
        Seed of the Monte-Carlo tests and of the bootstrap.

    Returns
    -------
    evidence : Evidence
    """
    seeded = {"n_permutations": n_permutations, "random_state": random_state}
    effect = units.effect(inside)
    size = NOT_KNOWN if np.isnan(effect) else effect_size(units, inside, effect)
    test = units.effect_test(inside, **seeded)
    if units.has_arms:
        contrast = units.contrast_test(inside, **seeded)
        complement = units.effect(~inside)
    else:
        # The contrast with the complement is the effect itself.
        contrast, complement = test, NOT_KNOWN
    members = int(np.count_nonzero(inside))
    return Evidence(
        n=members * units.cases_per_unit,
        n_groups=len(np.unique(units.groups[inside])),
        coverage=members / len(units) if len(units) else NOT_KNOWN,
        effect=effect,
        effect_complement=complement,
        effect_size=size,
        p_value=NOT_KNOWN if test is None else test.p_value,
        p_floor=1.0 if test is None else test.p_floor,
        p_interaction=NOT_KNOWN if contrast is None else contrast.p_value,
        ci_effect=tuple(map(float, units.effect_interval(inside))),
        p_welch=units.p_value(units.interval_values(), units.cells(inside)),
        n_complement=len(units) - members,
        total=units.n_cases,
        exact=test is not None and test.exact,
        design=units.design,
        randomised=units.randomised,
        **units.kind.by_arm(
            units, inside, n_bootstrap=n_bootstrap, random_state=random_state
        ),
        **units.more_evidence(inside, **seeded),
        **arm_contrasts(units, inside),
    )
