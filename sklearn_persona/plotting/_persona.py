"""`PersonaDisplay`."""

import math

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_persona._data.table import numbers, read_column
from sklearn_persona._text.figure import COLORS, MUTED, TRACK, make_axes, plain
from sklearn_persona._text.numbers import number
from sklearn_persona._text.words import kind_text, range_text

__all__ = ["PersonaDisplay", "chosen_persona"]


def chosen_persona(estimator, persona):
    """A persona of a fitted discoverer by position.

    Raises
    ------
    NotFittedError
        Before `fit`.
    ValueError
        When the position does not exist.
    """
    check_is_fitted(estimator, "personas_")
    found = estimator.personas_
    if not 0 <= persona < len(found):
        raise ValueError(
            f"persona={persona}, but the fit found {len(found)} persona(s); expected a "
            f"position from 0 to {len(found) - 1}."
            if found
            else f"persona={persona}, but the fit found no persona."
        )
    return found[persona]


class PersonaDisplay:
    """The ranges of a persona on those of the data, or its region in two variables.

    Parameters
    ----------
    persona : Persona
        A persona from a fit knows the ranges of the data; one written by hand needs
        `X`.
    X : array-like or DataFrame of shape (n_samples, n_features), default=None
        Cases, shown as dots in the region.

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
    >>> from sklearn_persona.plotting import PersonaDisplay
    >>> trial = make_parallel_trial(n_samples=200, effect=2.0, random_state=0)
    >>> finder = PersonaDiscoverer(max_variables=2, random_state=0)
    >>> finder = finder.fit(trial.data, trial.target, treatment=trial.treatment)
    >>> display = PersonaDisplay.from_estimator(finder, persona=0)
    >>> display.ax_.get_title(loc="left").startswith("favorable")
    True
    >>> PersonaDisplay.from_estimator(finder).plot().ax_ is not None
    True
    """

    def __init__(self, persona, X=None):
        self.persona = persona
        self.X = X

    @classmethod
    def from_estimator(
        cls, estimator, *, persona=0, X=None, kind="ranges", variables=None, ax=None
    ):
        """Draw a persona of a fitted discoverer.

        Parameters
        ----------
        estimator : PersonaDiscoverer
            Fitted.
        persona : int, default=0
            Position in `personas_`.
        X, kind, variables, ax
            As in the class and in `plot`.

        Returns
        -------
        display : PersonaDisplay

        Raises
        ------
        ValueError
            When the position does not exist.
        """
        chosen = chosen_persona(estimator, persona)
        return cls(chosen, X).plot(ax=ax, kind=kind, variables=variables)

    def plot(self, ax=None, *, kind="ranges", variables=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
        kind : {"ranges", "region"}, default="ranges"
            One line per variable, or the region in two of them.
        variables : tuple of str, default=None
            The two variables of a region, by name (``x0``, ``x1``, ... without
            names); by default the first two with numeric ranges.

        Returns
        -------
        display : PersonaDisplay
            Itself.

        Raises
        ------
        ImportError
            Without matplotlib.
        ValueError
            For another `kind`, or when the persona lacks the two variables.
        """
        if kind not in ("ranges", "region"):
            raise ValueError(f"kind must be 'ranges' or 'region', got {kind!r}.")
        if kind == "region":
            self._region(ax, self._pair(variables))
        else:
            n = len(self.persona.conditions)
            self._ranges(make_axes(ax, (8, 1.2 + 0.6 * n)))
        title = f"{kind_text(self.persona)}: {self.persona.claim}"
        self.ax_.set_title(title, loc="left")
        return self

    @property
    def _color(self):
        return COLORS[self.persona.direction]

    def _limits(self, condition):
        """Smallest and largest value of the data."""
        if condition.data_low is not None:
            return condition.data_low, condition.data_high
        if self.X is not None and condition.levels is None:
            values = self._values(condition)
            if not np.isnan(values).all():
                return float(np.nanmin(values)), float(np.nanmax(values))
        return None

    def _values(self, condition):
        column = read_column(self.X, condition.name, condition.position)
        return numbers(column.values)

    def _ranges(self, ax):
        conditions = self.persona.conditions
        for i, condition in enumerate(conditions):
            limits = self._limits(condition)
            text = plain(range_text(condition))
            if condition.levels is not None or limits is None:
                ax.text(0, i, text, va="center", color=self._color)
                continue
            low, high = limits
            width = (high - low) or 1.0
            inside = [
                0.0 if condition.low is None else (condition.low - low) / width,
                1.0 if condition.high is None else (condition.high - low) / width,
            ]
            start, end = np.clip(inside, 0, 1)
            ax.plot([0, 1], [i, i], color=TRACK, linewidth=3, solid_capstyle="butt")
            ax.plot(
                [start, end],
                [i, i],
                color=self._color,
                linewidth=11,
                solid_capstyle="butt",
            )
            ax.text(0, i + 0.36, number(low), va="center", color=MUTED, size="small")
            ax.text(
                1,
                i + 0.36,
                number(high),
                va="center",
                ha="right",
                color=MUTED,
                size="small",
            )
            ax.text(1.03, i, text, va="center", color=self._color)
        ax.set_yticks(range(len(conditions)), [plain(c.label) for c in conditions])
        ax.set_ylim(len(conditions) - 0.4, -0.6)
        ax.set_xlim(-0.02, 1.02)
        ax.set_xticks([])
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
        self.ax_, self.figure_ = ax, ax.figure

    def _pair(self, variables):
        numeric = {c.label: c for c in self.persona.conditions if c.levels is None}
        names = tuple(numeric)[:2] if variables is None else tuple(variables)
        if len(names) != 2 or names[0] == names[1] or not set(names) <= set(numeric):
            raise ValueError(
                "A region needs two of the persona's variables with numeric ranges; "
                f"got {names}, expected two of {list(numeric)}."
            )
        pair = [numeric[name] for name in names]
        for condition in pair:
            if self._limits(condition) is None:
                raise ValueError(
                    f"The range of the data of {condition.label!r} is not known; pass "
                    "X."
                )
        return pair

    def _region(self, ax, pair):
        ax = make_axes(ax, (5.5, 5))
        from matplotlib.patches import Rectangle

        edges = []
        for condition in pair:
            low, high = self._limits(condition)
            margin = 0.05 * ((high - low) or 1.0)
            low, high = low - margin, high + margin
            start = max(low, -math.inf if condition.low is None else condition.low)
            end = min(high, math.inf if condition.high is None else condition.high)
            edges.append((low, high, start, end))
        (x_low, x_high, x0, x1), (y_low, y_high, y0, y1) = edges
        ax.add_patch(
            Rectangle(
                (x0, y0),
                x1 - x0,
                y1 - y0,
                facecolor=self._color,
                edgecolor=self._color,
                alpha=0.18,
                label="persona",
            )
        )
        if self.X is not None:
            inside = self.persona.covers(self.X)
            x, y = (self._values(condition) for condition in pair)
            for chosen, color, name in (
                (~inside, MUTED, "others"),
                (inside, self._color, "members"),
            ):
                ax.scatter(x[chosen], y[chosen], s=14, color=color, label=name)
        ax.set_xlim(x_low, x_high)
        ax.set_ylim(y_low, y_high)
        ax.set_xlabel(plain(pair[0].label))
        ax.set_ylabel(plain(pair[1].label))
        ax.legend(loc="best", framealpha=0.9)
        others = [c for c in self.persona.conditions if c not in pair]
        if others:
            rest = " and ".join(f"{c.label} {range_text(c)}" for c in others)
            ax.annotate(
                plain(f"and {rest}", 70),
                (0, 1),
                (4, -4),
                xycoords="axes fraction",
                textcoords="offset points",
                va="top",
                size="small",
                color=MUTED,
            )
        self.ax_, self.figure_ = ax, ax.figure
