"""From found rules to personas: evidence in both halves, and what may be claimed."""

from dataclasses import replace

import numpy as np

from sklearn_persona._designs.splitting import stratified_group_split
from sklearn_persona._estimates.measure import (
    effect_inside,
    effect_test,
    evidence,
    size_floor,
)
from sklearn_persona.inference import adjust_pvalues

__all__ = [
    "draw_seeds",
    "members_in_both",
    "split_units",
    "validate",
    "validate_by_permutation",
]


def draw_seeds(n_personas, rng):
    """Seeds of the training and the holdout evidence of each persona.

    Drawn for all, so that a threshold moves no persona's Monte-Carlo test.
    """
    return rng.randint(np.iinfo(np.int32).max, size=(n_personas, 2)).tolist()


def members_in_both(personas, rules, columns, holdout):
    """Membership of each persona among training and holdout units, None without."""
    return [
        (
            rule.members,
            None if holdout is None else persona.covers_columns(columns)[holdout.rows],
        )
        for persona, rule in zip(personas, rules)
    ]


def split_units(units, holdout_size, rng):
    """Choose the units of the holdout: whole participants, balanced over strata.

    Parameters
    ----------
    units : Units
    holdout_size : float
    rng : numpy.random.RandomState

    Returns
    -------
    holdout : ndarray of bool, shape (n_units,)
    """
    labels, first, codes = np.unique(
        units.groups, return_index=True, return_inverse=True
    )
    if len(labels) < 2:
        return np.zeros(len(units), bool)
    _, strata = np.unique(units.split_strata[first], return_inverse=True)
    return stratified_group_split(strata, holdout_size, rng)[codes]


def _sign(persona):
    return 1 if persona.direction == "favorable" else -1


def _has_direction(record, sign, criterion):
    """Whether effect, and contrast where it counts, point the persona's way."""
    if not sign * record.effect > 0:
        return False
    if criterion == "effect" or np.isnan(record.effect_complement):
        # A single arm has no effect outside: the effect is the contrast.
        return True
    return sign * (record.effect - record.effect_complement) > 0


def _passes(record, sign, alpha, min_effect_size):
    """The published rule in one half."""
    return bool(
        sign * record.effect > 0
        and record.p_value < alpha
        and abs(record.effect_size) > min_effect_size
    )


def _choose(candidates, floors, alpha, n_holdout, correction):
    """The personas to test: the first ones whose floor reaches their share of alpha.

    Sizes alone decide (Tarone, 1990), so the choice costs no error. With fewer
    personas each share is larger, hence the largest number that fills up is taken.
    """
    for m in range(min(n_holdout, len(candidates)), 0, -1):
        share = alpha / m if correction in ("holm", "bh") else alpha
        testable = [i for i in candidates if floors[i] <= share * (1 + 1e-12)]
        if len(testable) >= m:
            return testable[:m]
    return []


def _conditional(units, members, earlier, options, seed):
    """Test of the effect among members that no earlier confirmed persona covers."""
    # Members of earlier personas are left out of the comparison on both sides.
    test = effect_test(
        units.take(~earlier),
        members[~earlier],
        n_permutations=options["n_permutations"],
        random_state=seed,
    )
    return float("nan") if test is None else test.p_value


def _described(personas, train, members, seeds, options):
    """Attach the evidence of the data that chose the personas."""
    everyone = np.ones(len(train), bool)
    overall = (
        0.0
        if train.treated is None and not train.paired
        else effect_inside(train, everyone, train.value)
    )
    done = []
    for persona, inside, (seed, _) in zip(personas, members, seeds):
        record = evidence(train, inside, random_state=seed, **options)
        done.append(
            replace(
                persona,
                train=record,
                # Not their product, which small effects would make zero.
                reversal=bool(np.sign(record.effect) * np.sign(overall) < 0),
                claim="not validated",
                effect_adjusted=_adjusted(train, inside),
            )
        )
    return done


def validate(
    personas,
    train,
    holdout,
    members,
    *,
    alpha,
    min_effect_size,
    criterion,
    n_holdout,
    correction,
    n_permutations,
    n_bootstrap,
    seeds,
):
    """Attach the evidence of both halves to personas and decide what is claimed.

    Parameters
    ----------
    personas : list of Persona
        As found, best first.
    train : Units
    holdout : Units or None
        None leaves every persona untested.
    members : list of tuple of ndarray
        Membership of each persona among the training and the holdout units.
    alpha, min_effect_size, criterion, n_holdout, correction
        As in the estimator.
    n_permutations, n_bootstrap : int
    seeds : list of tuple of int
        Seeds of each persona's training and holdout evidence.

    Returns
    -------
    personas : list of Persona
        Confirmed ones first.
    """
    options = {"n_permutations": n_permutations, "n_bootstrap": n_bootstrap}
    done = _described(
        personas, train, [inside for inside, _ in members], seeds, options
    )
    if holdout is None:
        return done

    candidates, floors = [], {}
    for i, persona in enumerate(done):
        passed = _passes(persona.train, _sign(persona), alpha, min_effect_size)
        directed = _has_direction(persona.train, _sign(persona), criterion)
        if not (passed and directed):
            claim = (
                "no heterogeneity of this direction in training"
                if passed
                else "below the thresholds in training"
            )
            done[i] = replace(persona, claim=claim)
            continue
        floors[i] = size_floor(
            holdout,
            members[i][1],
            n_permutations,
            contrast=criterion == "heterogeneity",
        )
        candidates.append(i)
    taken = _choose(candidates, floors, alpha, n_holdout, correction)
    for i in candidates:
        if i not in taken:
            small = floors[i] > alpha / max(len(taken), 1)
            claim = (
                "not testable in the holdout" if small else "not taken to the holdout"
            )
            done[i] = replace(done[i], claim=claim)

    records = {
        i: evidence(holdout, members[i][1], random_state=seeds[i][1], **options)
        for i in taken
    }
    inside_p = np.array([records[i].p_value for i in taken])
    contrast_p = np.array([records[i].p_interaction for i in taken])
    # An empty cell leaves a contrast untested, which confirms nothing.
    contrast_p[np.isnan(contrast_p)] = 1.0
    both_p = np.maximum(inside_p, contrast_p)
    confirming = inside_p if criterion == "effect" else both_p
    adjusted = adjust_pvalues(confirming, correction)
    adjusted_contrast = (
        adjusted
        if criterion == "heterogeneity"
        else adjust_pvalues(contrast_p, correction)
    )
    earlier = np.zeros(len(holdout), bool)
    for k, i in enumerate(taken):
        persona, record, inside = done[i], records[i], members[i][1]
        sign = _sign(persona)
        replicated = _passes(record, sign, alpha, min_effect_size)
        confirmed = bool(
            replicated
            and _has_direction(record, sign, criterion)
            and adjusted[k] < alpha
        )
        conditional = _conditional(holdout, inside, earlier, options, seeds[i][1])
        if confirmed:
            earlier = earlier | inside
        done[i] = replace(
            persona,
            holdout=record,
            replicated=replicated,
            confirmed=confirmed,
            claim=_claim(replicated, confirmed, criterion),
            p_adjusted=float(adjusted[k]),
            p_adjusted_interaction=float(adjusted_contrast[k]),
            p_conditional=conditional,
            effect_adjusted=_adjusted(holdout, inside),
        )
    return sorted(done, key=lambda persona: not persona.confirmed)


def _adjusted(units, inside):
    if units.prognosis is None:
        return None
    return float(effect_inside(units, inside, units.score))


def _claim(replicated, confirmed, criterion):
    if confirmed:
        if criterion == "effect":
            return "effect in subgroup, heterogeneity not shown"
        return "confirmed"
    return "replicated, not confirmed" if replicated else "not replicated"


def validate_by_permutation(
    personas,
    rules,
    selection,
    *,
    alpha,
    min_effect_size,
    criterion,
    n_permutations,
    n_bootstrap,
    n_jobs,
    seeds,
    seed,
    on_poll=None,
    effect_sizes=None,
    memory=None,
):
    """Test personas on the data that chose them, adjusted for the whole search.

    Parameters
    ----------
    personas : list of Persona
        As found, best first.
    rules : list of FoundRule
        Of the personas.
    selection : Selection
    alpha, min_effect_size, criterion
        As in the estimator.
    n_permutations, n_bootstrap, n_jobs : int
    seeds : list of tuple of int
        Seeds of each persona's evidence.
    seed : int
        Seed of the permuted searches.
    on_poll : callable or None
        Called with the share of the permutations that is done.
    effect_sizes : list of float, default=None
        Corrected d of each persona; None takes that of the data that chose it.
    memory : None, str or joblib.Memory
        Where blocks of permutations are kept.

    Returns
    -------
    personas : list of Persona
        Confirmed ones first.
    """
    units, members = selection.units, [rule.members for rule in rules]
    described = {"n_permutations": n_permutations, "n_bootstrap": n_bootstrap}
    done = _described(personas, units, members, seeds, described)
    options = {
        "seed": seed,
        "n_permutations": n_permutations,
        "n_jobs": n_jobs,
        "on_poll": on_poll,
        "memory": memory,
    }
    everyone = np.ones(len(units), bool)
    exchanged = units.treated is not None or units.paired
    if exchanged and size_floor(units, everyone, None, contrast=False) >= alpha:
        # Sizes alone decide (Tarone, 1990): no labeling could be significant.
        claim = "not testable: too few arrangements of the arms"
        return [replace(persona, claim=claim) for persona in done]
    any_effect = selection.no_effect([rule.objective for rule in rules], **options)
    contrast = selection.no_heterogeneity(rules, **options)
    earlier = np.zeros(len(units), bool)
    for i, rule in enumerate(rules):
        persona, sign = done[i], rule.sign
        claim = _permutation_claim(
            persona.train, sign, any_effect[i], contrast[i], alpha, criterion
        )
        size = persona.train.effect_size if effect_sizes is None else effect_sizes[i]
        if claim == "confirmed" and not sign * size > min_effect_size:
            claim = "effect below min_effect_size"
        confirmed = claim == "confirmed"
        conditional = float("nan")
        if confirmed:
            conditional = float(any_effect[i])
            if earlier.any():
                conditional = selection.without(earlier).of_rule(rule, **options)
            earlier |= rule.members
            claim = _claim(True, True, criterion)
        done[i] = replace(
            persona,
            confirmed=confirmed,
            claim=claim,
            p_adjusted=float(any_effect[i]),
            p_adjusted_interaction=float(contrast[i]),
            p_conditional=conditional,
        )
    return sorted(done, key=lambda persona: not persona.confirmed)


def _permutation_claim(record, sign, any_effect, contrast, alpha, criterion):
    if not any_effect < alpha:
        return "not significant after adjustment for the search"
    if not _has_direction(record, sign, criterion):
        return "effect inside not in the direction of the persona"
    if criterion == "heterogeneity":
        if np.isnan(contrast):
            return "heterogeneity not testable: outcome too rare in an arm"
        if not contrast < alpha:
            return "effect in subgroup, heterogeneity not significant"
    return "confirmed"
