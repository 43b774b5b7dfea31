"""`ComparisonDisplay`: means, intervals and splits of a comparison."""

from sklearn_persona._text.figure import new_figure
from sklearn_persona._text.numbers import percent
from sklearn_persona.model_selection._summaries import check_table, comparison_summary

__all__ = ["ComparisonDisplay"]

_TITLES = {
    "targeting_gain": "targeting gain (SD of the outcome)",
    "favorable_share": "share called favorable",
    "effect_favorable": "effect in those called favorable",
    "effect_rest": "effect in the rest",
    "effect_contrast": "effect in those called favorable less that in the rest",
    "balanced_accuracy": "balanced accuracy",
    "roc_auc": "area under the ROC curve",
}
_NEUTRAL = {
    "targeting_gain": 0.0,
    "effect_favorable": 0.0,
    "effect_rest": 0.0,
    "effect_contrast": 0.0,
    "balanced_accuracy": 0.5,
    "roc_auc": 0.5,
}


class ComparisonDisplay:
    """Plot one metric: the mean, interval and splits of each estimator.

    Subsets are drawn below each other and labeled with their share of the patients,
    so that results in few patients are not mistaken for results in all.

    Parameters
    ----------
    summary : DataFrame
        Rows of `comparison_summary` to draw.
    splits : DataFrame
        Rows of `compare` to draw.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    See Also
    --------
    compare : Makes the table.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_persona.model_selection import ComparisonDisplay
    >>> table = pd.DataFrame({
    ...     "estimator": ["svc"] * 4 + ["tree"] * 4, "split": [0, 1, 2, 3] * 2,
    ...     "subset": "all", "metric": "roc_auc",
    ...     "value": [0.7, 0.6, 0.8, 0.7, 0.6, 0.6, 0.7, 0.5], "coverage": 1.0,
    ...     "n_train": 75, "n_test": 25, "seconds": 0.1, "error": "",
    ... })
    >>> display = ComparisonDisplay.from_table(table, metric="roc_auc").plot()
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['svc', 'tree']
    """

    def __init__(self, *, summary, splits):
        self.summary = summary
        self.splits = splits

    @classmethod
    def from_table(cls, table, *, metric="targeting_gain", subsets=None, level=0.95):
        """Select a metric and subsets of a table.

        Parameters
        ----------
        table : DataFrame
            Result of `compare`.
        metric : str, default="targeting_gain"
        subsets : list of str, default=None
            None: all subsets of the metric except single arms.
        level : float, default=0.95
            Nominal coverage of the intervals.

        Returns
        -------
        display : ComparisonDisplay

        Raises
        ------
        ValueError
            If the table has no such metric or subset.
        """
        check_table(table)
        rows = table[table["metric"] == metric]
        if rows.empty:
            raise ValueError(
                f"metric={metric!r} is not in the table: "
                f"{list(dict.fromkeys(table['metric']))}."
            )
        known = list(dict.fromkeys(rows["subset"]))
        if subsets is None:
            subsets = [subset for subset in known if not subset.startswith("arm ")]
        unknown = [subset for subset in subsets if subset not in known]
        if unknown:
            raise ValueError(f"subsets {unknown} are not in the table: {known}.")
        rows = rows[rows["subset"].isin(list(subsets))]
        return cls(summary=comparison_summary(rows, level=level), splits=rows)

    def plot(self, ax=None):
        """Draw the metric.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            None makes a new figure without changing the state of pyplot.

        Returns
        -------
        self : ComparisonDisplay

        Raises
        ------
        ImportError
            If matplotlib, which is imported here, is not installed.
        """
        summary = self.summary
        names = list(dict.fromkeys(summary["estimator"]))
        subsets = list(dict.fromkeys(summary["subset"]))
        if ax is None:
            height = 1.2 + 0.22 * len(names) * (len(subsets) + 1)
            ax = new_figure(7, height).subplots()
        step = 0.8 / len(subsets)
        for i, subset in enumerate(subsets):
            color, label = f"C{i}", subset
            for row in summary[summary["subset"] == subset].itertuples():
                height = names.index(row.estimator) + (i + 0.5) * step - 0.4
                own = self.splits[
                    (self.splits["subset"] == subset)
                    & (self.splits["estimator"] == row.estimator)
                ]
                ax.plot(own["value"], [height] * len(own), "|", color=color, alpha=0.35)
                ax.plot([row.low, row.high], [height] * 2, color=color)
                ax.plot([row.mean], [height], "o", color=color, label=label)
                label = None
                if row.coverage < 1:
                    ax.annotate(
                        f"{percent(row.coverage, 0)} of patients",
                        (1.01, height),
                        xycoords=ax.get_yaxis_transform(),
                        verticalalignment="center",
                        fontsize="x-small",
                        color=color,
                    )
        metric = summary["metric"].iloc[0]
        if metric in _NEUTRAL:
            ax.axvline(_NEUTRAL[metric], color="0.7", linewidth=1, zorder=0)
        ax.set_yticks(range(len(names)), names)
        ax.set_ylim(len(names) - 0.5, -0.5)
        ax.set_xlabel(_TITLES.get(metric, metric))
        if len(subsets) > 1:
            ax.legend(
                loc="lower left",
                bbox_to_anchor=(0, 1),
                ncols=2,
                frameon=False,
                fontsize="small",
            )
        self.ax_, self.figure_ = ax, ax.figure
        return self
