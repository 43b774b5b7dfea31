"""`ForestDisplay`."""

import math

from sklearn.utils.validation import check_is_fitted

from sklearn_persona._text.evidence import tested_record
from sklearn_persona._text.figure import COLORS, MUTED, make_axes, plain
from sklearn_persona._text.numbers import percent

__all__ = ["ForestDisplay"]

MOST_ROWS = 40


class ForestDisplay:
    """Effects inside all personas with their intervals, and in everyone.

    Effects are oriented: right of zero is benefit of treatment (with a single arm: a
    better outcome inside).

    Parameters
    ----------
    labels : list of str
    effects : list of float
    intervals : list of tuple of float, or None
        NaN where not known.
    colors : list of str
    rules : list of str
        Shown below the labels; "" for none.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> from sklearn_persona.plotting import ForestDisplay
    >>> trial = make_parallel_trial(n_samples=200, effect=2.0, random_state=0)
    >>> finder = PersonaDiscoverer(max_variables=2, random_state=0)
    >>> finder = finder.fit(trial.data, trial.target, treatment=trial.treatment)
    >>> ForestDisplay.from_estimator(finder).labels[-1]
    'everyone (holdout)'
    >>> ForestDisplay.from_estimator(finder).plot().ax_ is not None
    True
    """

    def __init__(self, labels, effects, intervals, colors, rules):
        self.labels = labels
        self.effects = effects
        self.intervals = intervals
        self.colors = colors
        self.rules = rules

    @classmethod
    def from_estimator(cls, estimator, *, ax=None):
        """Draw the personas of a fitted discoverer, each in the half that tests it.

        Personas that were not tested show their training effect, in gray. Labels give
        the share of the units that a persona covers.

        Parameters
        ----------
        estimator : PersonaDiscoverer
            Fitted.
        ax : matplotlib Axes, default=None

        Returns
        -------
        display : ForestDisplay

        Raises
        ------
        ValueError
            When the fit found no persona.
        """
        check_is_fitted(estimator, "personas_")
        if not estimator.personas_:
            raise ValueError("The fit found no persona, so there is no effect to draw.")
        rows = []
        for i, persona in enumerate(estimator.personas_[:MOST_ROWS]):
            half = "training" if persona.holdout is None else "holdout"
            record = tested_record(persona)
            color = COLORS[persona.direction] if persona.confirmed else MUTED
            label = f"persona{i} ({half}), {percent(record.coverage, 0)}"
            rows.append((label, record.effect, record.ci_effect, color, persona.rule))
        for half in ("training", "holdout"):
            whole = estimator.flow_[half]
            if whole is not None and whole["effect"] is not None:
                pair = whole["ci_effect"] or (math.nan, math.nan)
                label = f"everyone ({half})"
                rows.append((label, whole["effect"], tuple(pair), "black", ""))
        return cls(*map(list, zip(*rows))).plot(ax)

    def plot(self, ax=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        display : ForestDisplay
            Itself.

        Raises
        ------
        ImportError
            Without matplotlib.
        """
        ax = make_axes(ax, (9, 1 + 0.5 * len(self.labels)))
        ax.axvline(0, color=MUTED, linestyle="--", linewidth=1)
        for i, (effect, pair, color) in enumerate(
            zip(self.effects, self.intervals, self.colors)
        ):
            ax.plot(pair, (i, i), color=color, linewidth=2)
            ax.plot([effect], [i], "o", color=color)
        labels = [
            "\n".join(filter(None, (plain(label), plain(rule, 64))))
            for label, rule in zip(self.labels, self.rules)
        ]
        ax.set_yticks(range(len(labels)), labels)
        ax.set_ylim(len(labels) - 0.5, -0.5)
        ax.set_xlabel("effect with 95% CI (right of zero: benefit)")
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(axis="y", length=0)
        self.ax_, self.figure_ = ax, ax.figure
        return self
