"""Methods text with the numbers that were used."""

from sklearn_persona._text.numbers import count, percent, plural
from sklearn_persona._text.safe import shown
from sklearn_persona.report._section import Section

__all__ = ["SECTION"]

DESIGNS = {
    "parallel": "a parallel-group trial, analysed by {unit}",
    "crossover": "a two-period crossover, analysed by complete pair: the outcome of a "
    "pair is its value under treatment less that under control",
    "pooled": "cases pooled over periods and analysed as if they were independent",
    "single-arm": "a single arm: members are compared with everybody else",
}
OBJECTIVES = {
    "effect": "the effect inside against zero",
    "contrast": "the effect inside against that in the complement",
    "sum-of-squares": "the sum of squares between the groups of arm by membership",
    "mean-shift": "the mean inside, whatever the arm",
    "arm-shift": "the shift of the treated members against everyone else",
}
CORRECTIONS = {
    "holm": "Holm's correction",
    "fixed-sequence": "testing in a fixed sequence",
    "bh": "the correction of Benjamini and Hochberg",
    None: "no correction",
}


def _trial(data):
    flow, settings = data.flow, data.settings
    text = f"The data are {DESIGNS[data.design].format(unit=flow['unit'])}. "
    if data.arms:
        text += f"The effect is that of {data.comparison}. "
    name = "The outcome" if data.outcome is None else shown(data.outcome)
    better = "larger" if settings["greater_is_better"] else "smaller"
    text += f"{name} is better when {better}; effects are positive when they are good. "
    if settings["response_threshold"] is not None:
        sign = "at least" if settings["greater_is_better"] else "at most"
        text += (
            "Analysed is the response, an outcome of "
            f"{sign} {settings['response_threshold']:g}. "
        )
    if data.design == "crossover":
        if flow["period_known"]:
            text += "Differences are freed of the period effect. "
        else:
            text += "Periods were not given, so no period effect was removed. "
    if flow["n_strata"] > 1:
        text += f"Split and tests stay within {count(flow['n_strata'])} strata. "
    prognostic = settings["prognostic"]
    if prognostic is not None and data.design in ("parallel", "pooled"):
        model = "a cross-validated lasso of the variables and their squares"
        model = model if prognostic == "auto" else shown(prognostic)
        text += (
            "Search and tests see the outcome less its prediction from baseline by "
            f"{model}, cross-fitted by participant and without knowledge of the arm. "
        )
    if settings.get("propensity") is not None:
        text += (
            "Arms were not randomised: they are exchanged within strata of the "
            f"propensity score ({shown(settings['propensity'])}), and p values are "
            "approximate. "
        )
    missing = flow["n_columns_missing"]
    text += (
        f"{count(missing)} of {plural(flow['n_columns'], 'baseline variable')} "
        f"{'has' if missing == 1 else 'have'} missing values "
        f"({percent(flow['share_missing'])} of all values); a missing value satisfies "
        "no condition."
    )
    return text


def _space(data):
    settings, search = data.settings, data.search
    cuts = settings["n_cuts"]
    edges = (
        "every midpoint between neighboring training values"
        if cuts == "all"
        else f"{plural(cuts, 'quantile')} of the training values"
    )
    low, high = settings["min_variables"], settings["max_variables"]
    conditions = f"{low} to {high} conditions" if low < high else f"{high} conditions"
    conditions = "1 condition each" if high == 1 else conditions
    kinds = {
        "one-sided": "bounds",
        "interval": "bounds and ranges with two edges",
        "auto": "bounds, in rules of one or two variables also ranges with two edges "
        "(up to 5,000 units and with quantiles as edges),",
    }[settings["conditions"]]
    if settings["conditions"] == "auto" and settings["objective"] != "auto":
        kinds = "bounds"
    text = (
        f"Rules are conjunctions of {conditions} on different variables: {kinds} at "
        f"{edges}, equality or sets of categories. A rule holds at least "
        f"{percent(settings['min_coverage'])} of the training units, and "
        f"{data.min_arm_size} units of each arm lie inside and outside"
        + ("" if data.arms else " (a single arm: inside, and outside)")
    )
    if data.design == "crossover":
        text = text.replace("units of each arm lie", "pairs lie")
    if settings["min_modalities"] > 1:
        text += f"; it combines {settings['min_modalities']} modalities or more"
    text += (
        f". The search maximised {OBJECTIVES[data.objective]}"
        + (", of either arm" if data.objective == "arm-shift" else "")
        + (
            ", less a price of the number of candidates of the rule's length"
            if settings["objective"] == "auto"
            else ""
        )
        + f", in direction {settings['direction']}. "
    )
    # Without a time limit only a beam ends without a proof.
    limited = settings["max_time"] is not None
    if settings["search"] != "beam" and (search["proven_optimal"] or limited):
        how = "by an exact search"
    else:
        how = "by a beam, a heuristic"
    proven = "proven" if search["proven_optimal"] else "not proven"
    text += (
        f"{count(search['n_candidates'])} candidates were searched {how} "
        f"({count(search['n_evaluated'])} evaluations over all steps), the optimum "
        f"{proven}{_time_limit(settings)}. Up to {settings['n_personas']} rules were "
        f"kept, each with a Jaccard index of at most {settings['max_overlap']:g} with "
        "every better one of its direction."
    )
    if settings["refine_cuts"] is True or (
        settings["refine_cuts"] == "auto"
        and settings["objective"] == "auto"
        and cuts != "all"
        and settings["validation"] != "permutation"
    ):
        text += " Their edges were then moved to the best of all places."
    return text


def _time_limit(settings):
    if settings["max_time"] is None:
        return ""
    return f", with a limit of {settings['max_time']:g} seconds"


def _inference(data):
    settings, flow = data.settings, data.flow
    validation, alpha = settings["validation"], settings["alpha"]
    enough = f"|d| above {settings['min_effect_size']:g}"
    heterogeneity = settings["criterion"] == "heterogeneity"
    if validation is None:
        text = "Nothing was held out or adjusted; p values are naive. "
    elif validation == "permutation":
        text = (
            "All units chose and tested. The whole search was repeated under up to "
            f"{count(settings['n_permutations'])} permutations of the arms; p values "
            "are single-step over every rule that could be reported (Westfall and "
            "Young, 1993), for no effect in anyone and for the same effect in "
            f"everyone. A persona is confirmed with {enough} and "
            + ("both p values" if heterogeneity else "the first p value")
            + f" below {alpha:g}. "
        )
    else:
        half = flow["holdout"]
        sizes = ""
        if half is not None:
            sizes = (
                f" ({half['n_units']} of "
                f"{half['n_units'] + flow['training']['n_units']} {flow['unit']}s)"
            )
        text = (
            f"{percent(settings['holdout_size'])} of the participants{sizes} were held "
            "out at random; no participant is in both halves. At most "
            f"{settings['n_holdout']} personas with p < {alpha:g} and {enough} in "
            "training, whose p floor allows it (Tarone, 1990), were tested there. A "
            f"persona is confirmed with {enough}, the effect "
            + ("and the contrast with the complement " if heterogeneity else "")
            + "in its direction, and "
            + ("the larger of the two p values" if heterogeneity else "its p value")
            + f" below {alpha:g} after {CORRECTIONS[settings['correction']]}. "
        )
        if validation == "repeated":
            text += (
                f"This was repeated over {settings['n_splits']} splits; the p value of "
                "the trial is twice the median of their smallest adjusted p values "
                "(Meinshausen, Meier and Buehlmann, 2009). "
            )
    if not heterogeneity:
        text += "The contrast with the complement was not asked for. "
    return text.strip()


def _figures(data):
    settings = data.settings
    exchange = "the arms"
    if data.design == "crossover":
        exchange = (
            "the sequences"
            if data.flow["period_known"]
            else "the signs of the differences"
        )
    elif data.design == "single-arm":
        exchange = "membership"
    text = (
        f"p values are two-sided permutation tests that exchange {exchange}, "
        "enumerated up to 50,000 arrangements, else from "
        f"{count(settings['n_permutations'])} random ones. Intervals of effects "
        "are 95% t intervals (Welch). "
    )
    if settings["n_bootstrap"]:
        text += (
            "Intervals of means are 95% percentile bootstrap intervals from "
            f"{count(settings['n_bootstrap'])} resamples, which cover too little below "
            "about 12 units. "
        )
    seed = settings["random_state"]
    if seed is None:
        text += "No seed was set, so the figures cannot be reproduced exactly."
    else:
        text += f"The seed is {shown(seed)}."
    return text


def _values(data):
    return {
        "paragraphs": [_trial(data), _space(data), _inference(data), _figures(data)]
    }


SECTION = Section("methods", "Methods", _values)
