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
        fields["claim"] = _failed(rule, fields["train"], subgroup.sign)
        if fields["claim"] is None:
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


def _failed(rule, record, sign):
    """Why a subgroup does not pass the thresholds in training, or None."""
    p_value = record.p_interaction if rule.needs_contrast else record.p_value
    if not rule.has_direction(record, sign) or not p_value < rule.alpha:
        what = "heterogeneity" if rule.needs_contrast else "effect"
        return f"no {what} of this direction in training"
    if not rule.is_large(record.effect_size, sign):
        return "effect below min_effect_size in training"
    return None


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
    signs = [subgroups[i].sign for i in taken]
    adjusted = _adjusted(rule, map(rule.confirming, records, signs))
    adjusted_contrast = adjusted
    if not rule.needs_contrast:
        # An empty cell leaves a contrast untested, which shows nothing.
        contrasts = np.nan_to_num([r.p_interaction for r in records], nan=1.0)
        adjusted_contrast = _adjusted(rule, contrasts)
    of_members = _adjusted(rule, map(rule.of_members, records))
    earlier = ~holdout.everyone
    for k, i in enumerate(taken):
        sign, inside, record = subgroups[i].sign, subgroups[i].held_out, records[k]
        conditional = _conditional(rule, holdout, subgroups[i], earlier)
        claim = _claim(rule, record, sign, adjusted[k], conditional, earlier.any())
        known[i] |= {
            "holdout": record,
            "replicated": rule.replicates(known[i]["train"], sign)
            and rule.replicates(record, sign),
            "confirmed": claim == rule.confirmed,
            "claim": claim,
            "p_adjusted": float(adjusted[k]),
            "p_adjusted_interaction": float(adjusted_contrast[k]),
            "p_conditional": conditional,
            "effect_adjusted": adjusted_effect(holdout, inside),
        }
        shown = None
        if holdout.has_arms:
            known[i]["p_adjusted_members"] = float(of_members[k])
        if known[i]["confirmed"]:
            earlier = earlier | inside
            if holdout.has_arms:
                shown = rule.statement(record.effect, of_members[k])
                known[i]["members_claim"] = shown
        known[i]["reversal"] &= shown in ("benefit", "harm")


def _adjusted(rule, p_values):
    return adjust_pvalues(np.array(list(p_values)), rule.correction)


def _claim(rule, record, sign, p_value, conditional, has_earlier):
    """What is claimed of a subgroup that the holdout tested."""
    if not rule.has_direction(record, sign):
        return "not confirmed: other direction in the holdout"
    if not rule.is_large(record.effect_size, sign):
        return "not confirmed: effect below min_effect_size in the holdout"
    if not p_value < rule.alpha:
        return "not confirmed: not significant in the holdout"
    if has_earlier and not conditional < rule.alpha:
        return "not distinct from an earlier persona"
    return rule.confirmed


def _conditional(rule, units, subgroup, earlier):
    """Test of a claim among units that no earlier confirmed persona covers.

    NaN when nobody is left to compare; 1.0 in the other direction.
    """
    rest, members = units.take(~earlier), subgroup.held_out[~earlier]
    options = {
        "n_permutations": rule.n_permutations,
        "random_state": subgroup.seeds[1],
    }
    if not rule.needs_contrast or not units.has_arms:
        test, effect = rest.effect_test(members, **options), rest.effect(members)
    else:
        test = rest.contrast_test(members, **options)
        effect = rest.effect(members) - rest.effect(~members)
    if test is None:
        return float("nan")
    return float(test.p_value) if subgroup.sign * effect > 0 else 1.0
