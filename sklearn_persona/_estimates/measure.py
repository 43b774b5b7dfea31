"""Evidence for a subgroup on one set of units: sizes, effects, tests, intervals."""

import numpy as np

from sklearn_persona._data.checks import rescale
from sklearn_persona._designs.labels import pooled_sd
from sklearn_persona._estimates.evidence import Evidence
from sklearn_persona._estimates.specificity import arm_contrasts
from sklearn_persona.inference import (
    bootstrap_ci,
    floor_from_sequences,
    floor_from_sizes,
    floor_from_strata,
    interaction_test,
    permutation_pvalue,
    sequence_pvalue,
    welch_interval,
)
from sklearn_persona.inference import mean_interval as t_interval

__all__ = ["effect_interval", "evidence", "size_floor"]

NOT_KNOWN = float("nan")


def _sides(units, inside):
    """Masks of the two samples that a test of the effect inside compares.

    Pairs of unknown period are one sample, so the second mask is None.
    """
    if units.treated is not None:
        return inside & units.treated, inside & ~units.treated
    if not units.paired:
        return inside, ~inside
    if units.sequence is None:
        return inside, None
    return inside & (units.sequence > 0), inside & (units.sequence < 0)


def _tested(units, values):
    """What the two samples hold: the values, or period differences of pairs.

    A period difference does not depend on the sequence unless treatment works,
    whatever the period effect; the means of the two sequences differ by twice the
    treatment effect.
    """
    return values if units.sequence is None else units.outcome * units.sequence


def size_floor(units, inside, n_permutations, *, contrast):
    """Smallest p value that sizes alone allow; 1.0 when there is nothing to test.

    With `contrast` the complement must hold every arm too.
    """
    if contrast and not all(_cells(units, inside)):
        return 1.0
    first, second = _sides(units, inside)
    if not first.any() or (second is not None and not second.any()):
        return 1.0
    if second is None:
        return floor_from_sizes(
            int(np.count_nonzero(first)), n_permutations=n_permutations
        )
    if units.sequence is not None:
        return floor_from_sequences(
            units.sequence > 0,
            inside,
            strata=units.strata,
            n_permutations=n_permutations,
        )
    sizes = [
        (int(np.count_nonzero(first & part)), int(np.count_nonzero(second & part)))
        for part in (units.strata == s for s in np.unique(units.strata))
    ]
    return floor_from_strata(sizes, n_permutations=n_permutations)


def effect_test(units, inside, *, n_permutations, random_state):
    """Randomisation test of the effect inside; None when a sample is empty."""
    first, second = _sides(units, inside)
    if not first.any() or (second is not None and not second.any()):
        return None
    options = {"n_permutations": n_permutations, "random_state": random_state}
    if units.sequence is not None:
        return sequence_pvalue(
            _tested(units, units.score),
            units.sequence > 0,
            inside,
            strata=units.strata,
            **options,
        )
    values = units.score
    if second is None:
        signs = np.zeros(np.count_nonzero(first))
        return permutation_pvalue(values[first], signs, paired=True, **options)
    strata = np.concatenate([units.strata[first], units.strata[second]])
    return permutation_pvalue(
        values[first],
        values[second],
        strata=strata if len(np.unique(strata)) > 1 else None,
        **options,
    )


def _cells(units, inside):
    """Numbers of units by arm, inside and outside."""
    if units.treated is None:
        arms = [np.ones(len(units), bool)]
    else:
        arms = [units.treated, ~units.treated]
    return [np.count_nonzero(arm & side) for arm in arms for side in (inside, ~inside)]


def _test_contrast(units, inside, *, n_permutations, random_state):
    """p value of the effect inside against outside; NaN where a cell is empty."""
    if not all(_cells(units, inside)):
        return NOT_KNOWN
    strata = units.strata
    if units.sequence is not None:
        strata = 2 * strata + (units.sequence > 0)
    return interaction_test(
        units.score,
        units.treated,
        inside,
        strata=strata if len(np.unique(strata)) > 1 else None,
        n_permutations=n_permutations,
        random_state=random_state,
    ).p_value


def _effect(units, inside, values):
    """Difference of means of the arms among the chosen units; NaN without one."""
    if units.sequence is not None:
        # Sequences weigh the same, so the period effect of these very pairs cancels;
        # one estimated over everybody would carry in the effect of the others.
        first = values[inside & (units.sequence > 0)]
        second = values[inside & (units.sequence < 0)]
        if len(first) and len(second):
            return float(first.mean() + second.mean()) / 2
    if units.treated is None:
        return _mean(values[inside])
    return _mean(values[inside & units.treated]) - _mean(
        values[inside & ~units.treated]
    )


def effect_inside(units, inside, values):
    """Treated minus control inside, or inside minus outside in a single arm."""
    if units.treated is None and not units.paired:
        return _mean(values[inside]) - _mean(values[~inside])
    return _effect(units, inside, values)


def _effect_size(units, inside, effect):
    # By a power of two, so that no square is too large or too small for a double.
    scaled, exponent = rescale(units.value)
    if units.paired:
        samples, whole = [scaled[inside]], [scaled]
    else:
        first, second = _sides(units, inside)
        samples = [scaled[first], scaled[second]]
        arms = [units.treated, ~units.treated] if units.treated is not None else [...]
        whole = [scaled[arm] for arm in arms]
    for parts in (samples, whole):
        dof = sum(len(part) for part in parts) - len(parts)
        if dof > 0 and all(len(part) for part in parts):
            total = sum(float(((part - part.mean()) ** 2).sum()) for part in parts)
            sd = np.sqrt(total / dof)
            # A constant sample has a rounding error for its spread.
            if sd > 1e-13 * np.abs(scaled).max():
                return np.ldexp(effect, -exponent) / sd
    return 0.0


def effect_interval(units, inside):
    """95 % t interval of the effect inside; NaN where the spread is unknown."""
    first, second = _sides(units, inside)
    if second is None:
        return t_interval(units.value[first])
    if not first.any() or not second.any():
        return NOT_KNOWN, NOT_KNOWN
    values = _tested(units, units.value)
    low, high = welch_interval(values[first], values[second])
    return (low / 2, high / 2) if units.paired else (low, high)


def _arm_columns(units, inside):
    """Outcomes in the user's units of the two columns of a card."""
    table = units.by_arm
    if units.treated is None and not units.paired:
        return table[inside, 0], table[~inside, 0]
    first, second = table[inside, 0], table[inside, 1]
    return first[~np.isnan(first)], second[~np.isnan(second)]


def _rates(units, inside):
    if units.response_by_arm is None:
        return None, None
    table = units.response_by_arm
    if units.treated is None and not units.paired:
        columns = table[inside, 0], table[~inside, 0]
    else:
        columns = table[inside, 0], table[inside, 1]
    return tuple(_mean(column[~np.isnan(column)]) for column in columns)


def _mean(values):
    return float(values.mean()) if len(values) else NOT_KNOWN


def _by_period(units, inside):
    """Effect in each period and the carry-over test; Nones where they are unknown."""
    if units.sequence is None:
        return None, None, None
    treated, control = units.sign * units.by_arm.T
    if units.response_by_arm is not None:
        treated, control = units.response_by_arm.T
    first, second = inside & (units.sequence > 0), inside & (units.sequence < 0)
    if not first.any() or not second.any():
        return None, None, None
    total = treated + control
    carryover = permutation_pvalue(
        total[first], total[second], n_permutations=1000, random_state=0
    )
    return (
        float(treated[first].mean() - control[second].mean()),
        float(treated[second].mean() - control[first].mean()),
        carryover.p_value,
    )


def evidence(units, inside, *, n_permutations, n_bootstrap, random_state):
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
    effect = effect_inside(units, inside, units.value)
    test = effect_test(
        units, inside, n_permutations=n_permutations, random_state=random_state
    )
    single_arm = units.treated is None and not units.paired
    if single_arm:
        # The contrast with the complement is the effect itself.
        p_interaction = NOT_KNOWN if test is None else test.p_value
        complement = NOT_KNOWN
    else:
        p_interaction = _test_contrast(
            units, inside, n_permutations=n_permutations, random_state=random_state
        )
        complement = _effect(units, ~inside, units.value)
    columns = _arm_columns(units, inside)
    intervals = [
        bootstrap_ci(column, n_bootstrap=n_bootstrap, random_state=random_state)
        if len(column) and n_bootstrap
        else (NOT_KNOWN, NOT_KNOWN)
        for column in columns
    ]
    rates = _rates(units, inside)
    period1, period2, carryover = _by_period(units, inside)
    members = int(np.count_nonzero(inside))
    return Evidence(
        n=members * (2 if units.paired else 1),
        n_groups=len(np.unique(units.groups[inside])),
        coverage=members / len(units) if len(units) else NOT_KNOWN,
        n_treated=len(columns[0]),
        n_control=len(columns[1]),
        effect=effect,
        effect_complement=complement,
        effect_size=NOT_KNOWN
        if np.isnan(effect)
        else float(_effect_size(units, inside, effect)),
        p_value=NOT_KNOWN if test is None else test.p_value,
        p_floor=1.0 if test is None else test.p_floor,
        p_interaction=p_interaction,
        mean_treated=_mean(columns[0]),
        mean_control=_mean(columns[1]),
        ci_treated=tuple(map(float, intervals[0])),
        ci_control=tuple(map(float, intervals[1])),
        ci_effect=tuple(map(float, effect_interval(units, inside))),
        n_complement=len(units) - members,
        total=units.n_cases,
        exact=test is not None and test.exact,
        design=units.design,
        rate_treated=rates[0],
        rate_control=rates[1],
        effect_period1=period1,
        effect_period2=period2,
        p_carryover=carryover,
        randomised=units.randomised,
        **arm_contrasts(units, inside),
    )


def outcome_sd(cases):
    """Standard deviation (ddof=0) of the oriented outcome within arms, over cases."""
    return pooled_sd(cases.outcome, cases.treated)
