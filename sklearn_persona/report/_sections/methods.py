"""The methods, with the numbers that were used."""

from sklearn_persona._designs import DESIGNS
from sklearn_persona._search.objectives import OBJECTIVES
from sklearn_persona._text.numbers import count, percent, plural
from sklearn_persona._text.safe import shown
from sklearn_persona.report._section import Section

__all__ = ["SECTION"]

CORRECTIONS = {
    "holm": "Holm's correction",
    "fixed-sequence": "testing in a fixed sequence",
    "bh": "the correction of Benjamini and Hochberg",
    None: "no correction",
}


def _trial(data):
    flow, settings, design = data.flow, data.settings, DESIGNS[data.design]
    text = f"The data are {design.description.format(unit=flow['unit'])}. "
    if data.arms:
        text += f"The effect is that of {data.comparison}. "
    name = "The outcome"
    if data.outcome is not None:
        name += f" ({shown(data.outcome)})"
    better = "larger" if settings["greater_is_better"] else "smaller"
    text += f"{name} is better when {better}; positive effects are favorable. "
    if settings["response_threshold"] is not None:
        sign = "at least" if settings["greater_is_better"] else "at most"
        text += (
            "The response is analyzed: an outcome of "
            f"{sign} {settings['response_threshold']:g}. "
        )
    if design.cases_per_unit > 1:
        if flow["period_known"]:
            text += "Differences are corrected for the period effect. "
        else:
            text += "Periods were not given, so no period effect was removed. "
    if flow["n_strata"] > 1:
        text += (
            f"The split and the tests stay within {count(flow['n_strata'])} strata. "
        )
    prognostic = settings["prognostic"]
    if prognostic is not None and design.adjustable:
        model = "a cross-validated lasso of the variables and their squares"
        model = model if prognostic == "auto" else shown(prognostic)
        text += (
            "The search and the tests use the outcome minus its prediction from "
            f"baseline by {model}, cross-fitted by participant without the arm. "
        )
    if settings.get("propensity") is not None:
        text += (
            "The arms were not randomized: they are exchanged within strata of the "
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
    conditions = "A rule has 1 condition"
    if high > 1:
        number = f"{low} to {high}" if low < high else f"{high}"
        conditions = f"A rule joins {number} conditions on different variables"
    kinds = {
        "one-sided": "bounds",
        "interval": "bounds and two-sided ranges",
        "auto": "bounds, and in rules of one or two variables also two-sided ranges "
        "(up to 5,000 units and with quantiles as edges)",
    }[settings["conditions"]]
    if settings["conditions"] == "auto" and settings["objective"] != "auto":
        kinds = "bounds"
    units = "units of each arm" if data.arms else "units"
    if DESIGNS[data.design].cases_per_unit > 1:
        units = "pairs"
    text = (
        f"{conditions}. Conditions on numbers are {kinds}; their edges are {edges}. "
        "Conditions on categories are equality or membership in a set. A rule holds "
        f"at least {percent(settings['min_coverage'])} of the training units, with at "
        f"least {data.min_arm_size} {units} inside and as many outside"
    )
    if settings["min_modalities"] > 1:
        text += f"; it combines {settings['min_modalities']} modalities or more"
    text += f". The search maximized {OBJECTIVES[data.objective].description}"
    if data.objective == "arm-shift":
        text += ", of either arm"
    if settings["objective"] == "auto":
        text += ", minus a penalty for the number of candidates of the rule's length"
    text += f", in {data.directions}. "
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
        "every better rule of its direction."
    )
    if settings["refine_cuts"] is True or (
        settings["refine_cuts"] == "auto"
        and settings["objective"] == "auto"
        and cuts != "all"
        and settings["validation"] != "permutation"
    ):
        text += " Their edges were then moved to the best possible values."
    return text


def _time_limit(settings):
    if settings["max_time"] is None:
        return ""
    return f", with a limit of {settings['max_time']:g} seconds"


def _inference(data):
    settings, flow = data.settings, data.flow
    validation, alpha = settings["validation"], settings["alpha"]
    heterogeneity = settings["criterion"] == "heterogeneity"
    enough = _enough(settings)
    if validation is None:
        text = "Nothing was held out or adjusted; the p values are naive. "
    elif validation == "permutation":
        text = (
            "All units chose and tested. The whole search was repeated under up to "
            f"{count(settings['n_permutations'])} permutations of the arms; p values "
            "are single-step over every rule that could be reported (Westfall and "
            "Young, 1993), for no effect in anyone, for the same effect in everyone, "
            "and for no effect in the members. A persona is confirmed with "
            + ("the contrast with the complement" if heterogeneity else "the effect")
            + f" in its direction{enough} and the "
            + ("second" if heterogeneity else "third")
            + f" p value below {alpha:g}. "
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
            f"{settings['n_holdout']} personas were tested there: those with "
            f"p < {alpha:g}{enough} in training, whose smallest possible p value "
            "allows it (Tarone, 1990). A persona is confirmed with "
            + ("the contrast with the complement" if heterogeneity else "the effect")
            + f" in its direction{enough} and its p value below {alpha:g} after "
            f"{CORRECTIONS[settings['correction']]}. "
        )
        if validation == "repeated":
            text += (
                f"This was repeated over {settings['n_splits']} splits; the p value of "
                "the trial is twice the median of their smallest adjusted p values "
                "(Meinshausen, Meier and Buehlmann, 2009). "
            )
    if not heterogeneity:
        text += "The contrast with the complement was not required. "
    if validation is not None and validation != "repeated":
        text += (
            "From the second persona on, the same must hold among participants that no "
            "earlier confirmed persona covers. "
        )
        text += _of_members(data)
    return text.strip()


def _enough(settings):
    """The effect size that a claim asks for, as a part of a list; "" for none."""
    size = settings["min_effect_size"]
    if size == "auto":
        size = 0.5 if settings["criterion"] == "effect" else 0
    return f", |d| above {size:g}" if size else ""


def _of_members(data):
    """How statements about the members themselves are controlled."""
    if not data.arms:
        return ""
    text = (
        "Benefit or harm of the members is a statement of its own, with its own p "
        "value, adjusted in the same way: in at most "
        f"{percent(data.settings['alpha'])} of such trials is any of these false. "
    )
    if data.flow["period_known"]:
        text += (
            "Carry-over can change the difference between periods: every claim and "
            "statement must also hold in the first period (one-sided). "
        )
    return text


def _figures(data):
    settings = data.settings
    exchange = "the arms"
    if DESIGNS[data.design].cases_per_unit > 1:
        exchange = (
            "the sequences"
            if data.flow["period_known"]
            else "the signs of the differences"
        )
    elif not DESIGNS[data.design].has_arms:
        exchange = "membership"
    text = ""
    if data.flow["n_strata"] > 1:
        text = (
            "Effects are compared within strata and averaged with weights "
            "n_t n_c / (n_t + n_c), those of least variance. "
        )
    text += (
        f"The p values are from two-sided permutation tests that exchange {exchange}: "
        "all arrangements up to 50,000, else "
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
