"""Tables of the published protocol."""

import math

import numpy as np
import pandas as pd
from scipy import special

from sklearn_persona.baselines._imaging.performance import (
    accuracy_intervals,
    calibration,
    delong,
    delong_within_sites,
    exact_accuracy_p,
    net_benefit,
    reliability,
)

__all__ = [
    "calibration_table",
    "curve_table",
    "difference_row",
    "metric_rows",
    "prediction_table",
]

BOOTSTRAP = "participant bootstrap, percentile"
DELONG = "DeLong"


def metric_rows(name, predictions, tests, level, n_bootstrap, rng, widening, *, frozen):
    """Rows of the metrics of one cohort."""
    exact = {"balanced_accuracy": exact_accuracy_p(predictions)} if frozen else {}
    remark = "" if widening == 1 else f", widened {widening:.2f}"
    found = accuracy_intervals(
        predictions, level=level, n_bootstrap=n_bootstrap, rng=rng
    )
    methods = dict.fromkeys(found, BOOTSTRAP + remark)
    areas = {"auc": delong(predictions)}
    if len(np.unique(predictions.sites)) > 1:
        areas["auc_within_sites"] = delong_within_sites(predictions)
    for metric, (auc, variance) in areas.items():
        half = float(special.ndtri((1 + level) / 2)) * math.sqrt(variance)
        found[metric] = auc, auc - half, auc + half
        methods[metric] = DELONG + remark
    for metric, (value, low, high) in found.items():
        ends = value - np.array([value - low, value - high]) * widening
        found[metric] = value, *np.clip(ends, 0.0, 1.0).tolist()
    if predictions.probability is not None:
        more = calibration(predictions, level=level)
        methods |= {
            key: "" if math.isnan(low) else "Wald" for key, (_, low, _) in more.items()
        }
        found |= more
    return [
        {
            "cohort": name,
            "n": len(np.unique(predictions.participants)),
            "n_positive": int(predictions.positive.sum()),
            "metric": metric,
            "estimate": estimate,
            "low": low,
            "high": high,
            "interval": methods[metric],
            "p_value": tests.get(metric, (math.nan, ""))[0],
            "test": tests.get(metric, (math.nan, ""))[1],
            "p_exact": exact.get(metric, math.nan),
        }
        for metric, (estimate, low, high) in found.items()
    ]


def difference_row(found, name, other, level, widening):
    """AUC within sites of a drug cohort minus that of a placebo cohort."""
    (a, var_a), (b, var_b) = (delong_within_sites(found[c]) for c in (name, other))
    error = math.sqrt(widening**2 * var_a + var_b)
    half = float(special.ndtri((1 + level) / 2)) * error
    p_value = math.nan
    if error > 0:
        p_value = float(2 * special.ndtr(-abs(a - b) / error))
    return {
        "cohort": f"{name} - {other}",
        "n": sum(len(np.unique(found[c].participants)) for c in (name, other)),
        "n_positive": sum(int(found[c].positive.sum()) for c in (name, other)),
        "metric": "auc_difference",
        "estimate": a - b,
        "low": a - b - half,
        "high": a - b + half,
        "interval": DELONG if widening == 1 else f"{DELONG}, widened {widening:.2f}",
        "p_value": p_value,
        "test": "DeLong within sites, independent samples, two-sided",
        "p_exact": math.nan,
    }


def prediction_table(found, cohorts):
    """A row per cohort, row and repeat."""
    parts = []
    for cohort in cohorts:
        predictions = found[cohort.name]
        n, n_repeats = predictions.decision.shape
        probability = predictions.probability
        parts.append(
            pd.DataFrame(
                {
                    "cohort": cohort.name,
                    "row": np.repeat(np.arange(n), n_repeats),
                    "group": np.repeat(
                        cohort.group_labels[cohort.participants], n_repeats
                    ),
                    "site": np.repeat(cohort.site_labels[cohort.sites], n_repeats),
                    "repeat": np.tile(np.arange(n_repeats), n),
                    "positive": np.repeat(predictions.positive, n_repeats),
                    "decision": predictions.decision.ravel(),
                    "predicted": predictions.predicted.ravel(),
                    "probability": np.nan
                    if probability is None
                    else probability.ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def calibration_table(found):
    """A row per cohort and fifth of the predicted probabilities."""
    rows = [
        (name, *bin_)
        for name, predictions in found.items()
        if predictions.probability is not None
        for bin_ in reliability(predictions)
    ]
    return pd.DataFrame(rows, columns=["cohort", "n", "predicted", "observed"])


def curve_table(found, thresholds):
    """A row per cohort and threshold."""
    rows = []
    for name, predictions in found.items():
        if predictions.probability is None:
            continue
        model, everybody = net_benefit(predictions, thresholds)
        rows += [(name, *row) for row in zip(thresholds, model, everybody)]
    return pd.DataFrame(rows, columns=["cohort", "threshold", "model", "everybody"])
