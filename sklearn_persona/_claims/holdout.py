"""Validation in a holdout: evidence in both halves, and what may be claimed."""

import numpy as np

from sklearn_persona._claims.rule import Verdict
from sklearn_persona._estimates.measure import measure
from sklearn_persona.inference import adjust_pvalues

__all__ = ["adjusted_effect", "describe", "draw_seeds", "validate"]


def draw_seeds(n_personas, rng):
    """Seeds of the training and the holdout evidence of each persona.

    Drawn for all, so that a threshold moves no persona's Monte-Carlo test.
    """
    return rng.randint(np.iinfo(np.int32).max, size=(n_personas, 2)).tolist()


def describe(rule, train, subgroups):
    """Evidence of the data that chose the subgroups.

    Parameters
    ----------
    rule : ClaimRule
    train : Units
    subgroups : list of Subgroup

    Returns
    -------
    fields : list of dict
        Fields of `Verdict`, for each subgroup.
    """
    overall = train.effect(train.everyone) if train.has_arms else 0.0
    out = []
    for subgroup in subgroups:
        record = measure(
            train,
            subgroup.inside,
            n_permutations=rule.n_permutations,
            n_bootstrap=rule.n_bootstrap,
            random_state=subgroup.seeds[0],
        )
        out.append(
            {
                "train": record,
                # Not their product, which small effects would make zero.
                "reversal": bool(np.sign(record.effect) * np.sign(overall) < 0),
                "claim": "not validated",
                "effect_adjusted": adjusted_effect(train, subgroup.inside),
            }
        )
    return out


def adjusted_effect(units, inside):
    """Effect after prognostic adjustment; None without one."""
    if units.prognosis is None:
        return None
    return float(units.effect(inside, units.score))


def validate(rule, train, holdout, subgroups):
    """Test subgroups on units that did not choose them.

    Parameters
    ----------
    rule : ClaimRule
    train : Units
    holdout : Units or None
        None leaves every subgroup untested.
    subgroups : list of Subgroup
        As found, best first.

    Returns
    -------
    verdicts : list of Verdict
    """
    known = describe(rule, train, subgroups)
    if holdout is not None:
        taken = _taken(rule, holdout, subgroups, known)
        _test(rule, holdout, subgroups, taken, known)
    return [Verdict(**fields) for fields in known]


def _taken(rule, holdout, subgroups, known):
    """Positions of the subgroups to be tested; the others get their claim."""
    candidates, floors = [], {}
    for i, (subgroup, fields) in enumerate(zip(subgroups, known)):
        record = fields["train"]
        if not rule.replicates(record, subgroup.sign):
            fields["claim"] = "below the thresholds in training"
        elif not rule.has_direction(record, subgroup.sign):
            fields["claim"] = "no heterogeneity of this direction in training"
        else:
            candidates.append(i)
            floors[i] = holdout.size_floor(
                subgroup.held_out, rule.n_permutations, contrast=rule.needs_contrast
            )
    taken = _choose(candidates, floors, rule)
    for i in candidates:
        if i not in taken:
            small = floors[i] > rule.alpha / max(len(taken), 1)
            known[i]["claim"] = (
                "not testable in the holdout" if small else "not taken to the holdout"
            )
    return taken


def _choose(candidates, floors, rule):
    """The personas to test: the first ones whose floor reaches their share of alpha.

    Sizes alone decide (Tarone, 1990), so the choice costs no error. With fewer
    personas each share is larger, hence the largest number that fills up is taken.
    """
    for m in range(min(rule.n_holdout, len(candidates)), 0, -1):
        share = rule.share(m)
        testable = [i for i in candidates if floors[i] <= share * (1 + 1e-12)]
        if len(testable) >= m:
            return testable[:m]
    return []


def _test(rule, holdout, subgroups, taken, known):
    """Add to the fields of the taken subgroups what the holdout says."""
    records = [
        measure(
            holdout,
            subgroups[i].held_out,
            n_permutations=rule.n_permutations,
            n_bootstrap=rule.n_bootstrap,
            random_state=subgroups[i].seeds[1],
        )
        for i in taken
    ]
    contrast_p = np.array([record.p_interaction for record in records])
    # An empty cell leaves a contrast untested, which confirms nothing.
    contrast_p[np.isnan(contrast_p)] = 1.0
    confirming = np.array([rule.confirming(record) for record in records])
    adjusted = adjust_pvalues(confirming, rule.correction)
    adjusted_contrast = (
        adjusted if rule.needs_contrast else adjust_pvalues(contrast_p, rule.correction)
    )
    earlier = ~holdout.everyone
    for k, i in enumerate(taken):
        sign, inside, record = subgroups[i].sign, subgroups[i].held_out, records[k]
        replicated = rule.replicates(record, sign)
        confirmed = bool(
            replicated and rule.has_direction(record, sign) and adjusted[k] < rule.alpha
        )
        failed = "replicated, not confirmed" if replicated else "not replicated"
        known[i] |= {
            "holdout": record,
            "replicated": replicated,
            "confirmed": confirmed,
            "claim": rule.confirmed if confirmed else failed,
            "p_adjusted": float(adjusted[k]),
            "p_adjusted_interaction": float(adjusted_contrast[k]),
            "p_conditional": _conditional(
                holdout, inside, earlier, rule.n_permutations, subgroups[i].seeds[1]
            ),
            "effect_adjusted": adjusted_effect(holdout, inside),
        }
        if confirmed:
            earlier = earlier | inside


def _conditional(units, members, earlier, n_permutations, seed):
    """Test of the effect among members that no earlier confirmed persona covers."""
    # Members of earlier personas are left out of the comparison on both sides.
    test = units.take(~earlier).effect_test(
        members[~earlier], n_permutations=n_permutations, random_state=seed
    )
    return float("nan") if test is None else test.p_value
