"""Figure of the published protocol."""

import numpy as np
from sklearn.metrics import roc_curve

from sklearn_persona._text.figure import new_figure
from sklearn_persona._text.numbers import number

__all__ = ["draw"]


def draw(result):
    """Draw ROC curves, accuracies, calibration and decision curves.

    Parameters
    ----------
    result : ProtocolResult

    Returns
    -------
    figure : matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    figure = new_figure(9, 8)
    axes = figure.subplots(2, 2)
    single = result.table[result.table.metric != "auc_difference"]
    cohorts = list(dict.fromkeys(single.cohort))
    colors = {name: f"C{i}" for i, name in enumerate(cohorts)}
    _roc(axes[0, 0], result, single, colors)
    _accuracy(axes[0, 1], single, cohorts, colors)
    _calibration(axes[1, 0], result, colors)
    _decision(axes[1, 1], result, colors)
    return figure


def _roc(axes, result, single, colors):
    aucs = single[single.metric == "auc"].set_index("cohort").estimate
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for name, part in result.predictions.groupby("cohort", sort=False):
        grid = np.linspace(0, 1, 201)
        curves = []
        for _, repeat in part.groupby("repeat"):
            false, true, _ = roc_curve(repeat.positive, repeat.decision)
            curves.append(np.interp(grid, false, true))
        label = f"{name}, AUC {number(aucs[name], 2)}"
        mean = np.mean(curves, axis=0)
        axes.plot(np.r_[0, grid], np.r_[0, mean], color=colors[name], label=label)
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", title="ROC curves")
    axes.legend(loc="lower right", frameon=False, fontsize="small")


def _accuracy(axes, single, cohorts, colors):
    rows = single[single.metric == "balanced_accuracy"].set_index("cohort")
    for i, name in enumerate(cohorts):
        row = rows.loc[name]
        axes.plot([row.low, row.high], [i, i], color=colors[name])
        axes.plot(row.estimate, i, "o", color=colors[name])
    axes.axvline(0.5, color="0.7", linewidth=1)
    axes.set_yticks(range(len(cohorts)), cohorts)
    axes.set_ylim(len(cohorts) - 0.5, -0.5)
    axes.set(xlabel="balanced accuracy", xlim=(0, 1), title="Accuracy with interval")


def _calibration(axes, result, colors):
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for name, part in result.calibration.groupby("cohort", sort=False):
        axes.plot(part.predicted, part.observed, "o-", color=colors[name], label=name)
    axes.set(xlabel="predicted probability", ylabel="observed share of responders")
    axes.set(xlim=(0, 1), ylim=(0, 1), title="Calibration")


def _decision(axes, result, colors):
    axes.axhline(0, color="0.7", linewidth=1)
    lowest, highest = 0.0, 0.1
    for name, part in result.decision_curve.groupby("cohort", sort=False):
        axes.plot(part.threshold, part.model, color=colors[name], label=name)
        axes.plot(part.threshold, part.everybody, ":", color=colors[name])
        lowest = min(lowest, part.model.min())
        highest = max(highest, part.model.max(), part.everybody.max())
    axes.set(xlabel="threshold probability", ylabel="net benefit")
    axes.set(title="Decision curves (dotted: treat everybody)")
    axes.set_ylim(max(lowest, -0.5) - 0.02, highest + 0.05)
