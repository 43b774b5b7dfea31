"""`StabilityDisplay`."""

from textwrap import fill

from sklearn_persona._text.figure import COLORS, LONGEST, TRACK, make_axes, plain
from sklearn_persona._text.stability import stability_rows
from sklearn_persona.plotting._persona import chosen_persona

__all__ = ["StabilityDisplay"]

# Characters of a line of a label.
LINE = 34


class StabilityDisplay:
    """How often resampled searches return to the parts of a persona.

    Parameters
    ----------
    persona : Persona
        With `stability`, from a fit with ``n_resamples > 0``.

    Attributes
    ----------
    labels, shares : list
        The bars: every share (0 to 1) in ``persona.stability``.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Raises
    ------
    ValueError
        When the persona has no stability.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn_persona import Persona, PersonaDiscoverer
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> from sklearn_persona.plotting import StabilityDisplay
    >>> trial = make_parallel_trial(n_samples=120, effect=2.0, random_state=0)
    >>> finder = PersonaDiscoverer(
    ...     max_variables=1, n_resamples=4, prognostic=None, random_state=0
    ... )
    >>> finder = finder.fit(trial.data, trial.target, treatment=trial.treatment)
    >>> display = StabilityDisplay.from_estimator(finder)
    >>> display.plot().ax_.get_xlabel()
    'share, or Jaccard index'

    A persona that was not resampled has none.

    >>> persona = Persona.from_conditions({"age": (None, 40)})
    >>> StabilityDisplay(persona)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: This persona has no stability: ...
    """

    def __init__(self, persona):
        rows = stability_rows(persona)
        if rows is None:
            raise ValueError(
                "This persona has no stability: the selection was not resampled. Fit "
                "with n_resamples > 0."
            )
        rows = [row for row in rows if row["share"] is not None]
        self.persona = persona
        self.labels = [row["label"] for row in rows]
        self.shares = [row["share"] / 100 for row in rows]

    @classmethod
    def from_estimator(cls, estimator, *, persona=0, ax=None):
        """Draw the stability of a persona of a fitted discoverer.

        Parameters
        ----------
        estimator : PersonaDiscoverer
            Fitted.
        persona : int, default=0
            Position in `personas_`.
        ax : matplotlib Axes, default=None

        Returns
        -------
        display : StabilityDisplay

        Raises
        ------
        ValueError
            When the position does not exist, or the persona has no stability.
        """
        return cls(chosen_persona(estimator, persona)).plot(ax)

    def plot(self, ax=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        display : StabilityDisplay
            Itself.

        Raises
        ------
        ImportError
            Without matplotlib.
        """
        n = len(self.labels)
        ax = make_axes(ax, (7, 1 + 0.5 * n))
        ax.barh(range(n), [1.0] * n, height=0.5, color=TRACK)
        color = COLORS[self.persona.direction]
        ax.barh(range(n), self.shares, height=0.5, color=color)
        labels = [fill(plain(label, 2 * LONGEST), LINE) for label in self.labels]
        ax.set_yticks(range(n), labels)
        ax.set_ylim(n - 0.4, -0.6)
        ax.set_xlim(0, 1)
        ax.set_xlabel("share, or Jaccard index")
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(axis="y", length=0)
        self.ax_, self.figure_ = ax, ax.figure
        return self
