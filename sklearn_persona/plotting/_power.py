"""`PowerDisplay`."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_persona._claims.limits import POWER, TrialLimits, detectable, tested_half
from sklearn_persona._text.figure import COLORS, MUTED, make_axes
from sklearn_persona._text.numbers import percent

__all__ = ["PowerDisplay"]


class PowerDisplay:
    """The smallest effect that trials of other sizes would find.

    Parameters
    ----------
    sizes : ndarray of int, shape (n_sizes,)
        Units that test a persona.
    effects : dict of float to ndarray of shape (n_sizes,)
        By the persona's share of these units: effect in standard deviations that is
        significant with probability .8 (Cohen, 1988); NaN where no test is possible.
    size : int
        Units of this trial.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    sklearn_persona.inference.detectable_effect : One point of a curve.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> from sklearn_persona.plotting import PowerDisplay
    >>> trial = make_parallel_trial(n_samples=200, effect=2.0, random_state=0)
    >>> finder = PersonaDiscoverer(max_variables=2, random_state=0)
    >>> finder = finder.fit(trial.data, trial.target, treatment=trial.treatment)
    >>> display = PowerDisplay.from_estimator(finder)
    >>> display.size
    100
    >>> PowerDisplay.from_estimator(finder).plot().ax_ is not None
    True
    """

    def __init__(self, sizes, effects, size):
        self.sizes = sizes
        self.effects = effects
        self.size = size

    @classmethod
    def from_estimator(cls, estimator, *, ax=None):
        """Draw for the design, arms, level and number of tests of a fit.

        Parameters
        ----------
        estimator : PersonaDiscoverer
            Fitted with ``validation="holdout"`` or ``"permutation"``.
        ax : matplotlib Axes, default=None

        Returns
        -------
        display : PowerDisplay

        Raises
        ------
        ValueError
            When the fit tested no single persona, or is too small for any curve.
        """
        check_is_fitted(estimator, "search_")
        limits = TrialLimits.from_estimator(estimator)
        where = tested_half(limits)
        if where is None or limits.settings["validation"] == "repeated":
            raise ValueError(
                "Power is that of the tests of personas, but the fit had validation="
                f"{limits.settings['validation']!r}; use 'holdout' or 'permutation'."
            )
        scales = np.geomspace(0.25, 8, 41)
        curves = {}
        for k, scale in enumerate(scales):
            for effect in detectable(limits, scale):
                curve = curves.setdefault(effect.share, np.full(len(scales), np.nan))
                if np.isfinite(effect.inside):
                    curve[k] = effect.inside
        if all(np.isnan(curve).all() for curve in curves.values()):
            raise ValueError("The trial is too small for a test of any persona.")
        size = limits.flow[where]["n_units"]
        sizes = np.rint(scales * size).astype(int)
        return cls(sizes, curves, size).plot(ax)

    def plot(self, ax=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        display : PowerDisplay
            Itself.

        Raises
        ------
        ImportError
            Without matplotlib.
        """
        ax = make_axes(ax, (6.5, 4))
        from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

        styles = ("-", "--", ":")
        for (share, curve), style in zip(sorted(self.effects.items()), styles):
            ax.plot(
                self.sizes,
                curve,
                style,
                color=COLORS["favorable"],
                label=f"{percent(share)} of the units are members",
            )
        ax.axvline(self.size, color=MUTED, linewidth=1)
        ax.annotate(
            "this trial",
            (self.size, 0.97),
            (4, 0),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            va="top",
            color=MUTED,
        )
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set_ylim(bottom=0)
        ax.set_xlabel("units that test a persona")
        ax.set_ylabel(f"smallest effect found with {percent(POWER)} probability (SD)")
        ax.legend(frameon=False)
        ax.spines[["top", "right"]].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
