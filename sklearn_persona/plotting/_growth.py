"""`GrowthDisplay`."""

import math

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_persona._claims.limits import POWER, SHARES
from sklearn_persona._designs import DESIGNS
from sklearn_persona._text.figure import COLORS, MUTED, make_axes
from sklearn_persona._text.numbers import percent, plural
from sklearn_persona.inference import detectable_effect

__all__ = ["GrowthDisplay"]

# Rules of the widest search drawn by default.
WIDEST = 10**8
POINTS = 41


class GrowthDisplay:
    """What a larger search costs: the smallest effect found against its size.

    Two ways of testing are compared. If all participants choose and test, the level
    is shared among all rules searched, and each further rule costs. If some
    participants are held out to test the few best rules, the search may be of any
    size, but fewer participants test. Beyond the crossing of two lines of the same
    style, the holdout finds smaller effects.

    Parameters
    ----------
    candidates : ndarray of float, shape (n_points,)
        Rules searched.
    everybody : dict of float to ndarray of shape (n_points,)
        By the persona's share of the units: effect in standard deviations that is
        significant with probability .8 when all units test (Cohen, 1988; the level
        shared by Bonferroni, which requires more than a permutation of the search
        does); NaN where no test is possible.
    holdout : dict of float to float
        By the same shares: that effect when the holdout tests.
    n_tests : int
        Rules that share the level in the holdout.
    n_candidates : int, default=None
        Rules of this search.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    PowerDisplay : The smallest effect against the number of participants.
    sklearn_persona.inference.detectable_effect : One point of a curve.

    Notes
    -----
    The effect is that of one rule, named beforehand. The curves do not count that the
    training half must also find the rule; `inference.simulate_power` simulates the
    whole procedure.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn_persona.plotting import GrowthDisplay
    >>> display = GrowthDisplay.from_sizes(60, 60, n_candidates=80_000)
    >>> round(display.holdout[0.5], 2)
    1.25
    >>> bool(display.everybody[0.5][-1] > display.holdout[0.5])
    True
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(n_samples=120, effect=2.0, random_state=0)
    >>> finder = PersonaDiscoverer(max_variables=1, prognostic=None, random_state=0)
    >>> finder = finder.fit(trial.data, trial.target, treatment=trial.treatment)
    >>> GrowthDisplay.from_estimator(finder).plot().ax_ is not None
    True
    """

    def __init__(self, candidates, everybody, holdout, n_tests, n_candidates=None):
        self.candidates = candidates
        self.everybody = everybody
        self.holdout = holdout
        self.n_tests = n_tests
        self.n_candidates = n_candidates

    @classmethod
    def from_sizes(
        cls,
        n_treated,
        n_control=None,
        *,
        n_candidates=None,
        holdout_size=0.5,
        n_tests=3,
        alpha=0.05,
        paired=False,
        ax=None,
    ):
        """Draw for a trial of a given size.

        Parameters
        ----------
        n_treated, n_control : int
            Participants of each arm. If `paired`, `n_treated` is the number of pairs.
        n_candidates : int, default=None
            Rules of a search to mark.
        holdout_size : float, default=0.5
            Share of the participants to hold out.
        n_tests : int, default=3
            Rules that share the level in the holdout.
        alpha : float, default=0.05
            Two-sided level of all tests together.
        paired : bool, default=False
            Whether the trial is a crossover.
        ax : matplotlib Axes, default=None

        Returns
        -------
        display : GrowthDisplay

        Raises
        ------
        ValueError
            For invalid sizes and shares, and when no test is possible.
        """
        if not 0 < holdout_size < 1:
            raise ValueError(
                f"holdout_size must be between 0 and 1, got {holdout_size!r}."
            )
        for name, n in (("n_tests", n_tests), ("n_candidates", n_candidates)):
            if n is not None and (n < 1 or n != int(n)):
                raise ValueError(f"{name} must be a positive whole number, got {n!r}.")
        arms = (n_treated,) if paired else (n_treated, n_control)
        if any(n is None or n < 1 or n != int(n) for n in arms):
            raise ValueError(
                "n_treated and n_control must be positive whole numbers, got "
                f"{n_treated!r} and {n_control!r}; only pairs need no n_control."
            )

        def sizes(share, part):
            return [round(share * part * n) for n in arms]

        return cls._drawn(sizes, n_candidates, holdout_size, n_tests, alpha, ax)

    @classmethod
    def from_estimator(cls, estimator, *, ax=None):
        """Draw for the participants, the search and the level of a fit.

        Parameters
        ----------
        estimator : PersonaDiscoverer
            Fitted, with any validation: both ways of testing are drawn.
        ax : matplotlib Axes, default=None

        Returns
        -------
        display : GrowthDisplay

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            When the trial is too small for any test.
        """
        check_is_fitted(estimator, "search_")
        halves = [estimator.flow_[half] for half in ("training", "holdout")]
        halves = [half for half in halves if half is not None]

        def total(name):
            return sum(half[name] for half in halves)

        def sizes(share, part):
            if not estimator.two_arm_:
                n = part * total("n_units")
                return [round(share * n), round((1 - share) * n)]
            if DESIGNS[estimator.design_].cases_per_unit > 1:
                return [round(share * part * total("n_units"))]
            arms = ("n_treated", "n_control")
            return [round(share * part * total(arm)) for arm in arms]

        shared = estimator.correction in ("holm", "bh")
        return cls._drawn(
            sizes,
            estimator.search_.n_candidates,
            estimator.holdout_size,
            estimator.n_holdout if shared else 1,
            estimator.alpha,
            ax,
        )

    @classmethod
    def _drawn(cls, sizes, n_candidates, holdout_size, n_tests, alpha, ax):
        widest = max(WIDEST, 10 * (n_candidates or 1))
        candidates = np.rint(np.geomspace(1, widest, POINTS))
        everybody = {
            share: np.array(
                [_smallest(sizes(share, 1.0), int(n), alpha) for n in candidates]
            )
            for share in SHARES
        }
        holdout = {
            share: _smallest(sizes(share, holdout_size), n_tests, alpha)
            for share in SHARES
        }
        if all(np.isnan(curve).all() for curve in everybody.values()):
            raise ValueError("The trial is too small for a test of any persona.")
        return cls(candidates, everybody, holdout, n_tests, n_candidates).plot(ax)

    def plot(self, ax=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        display : GrowthDisplay
            Itself.

        Raises
        ------
        ImportError
            Without matplotlib.
        """
        ax = make_axes(ax, (7, 4.4))
        tests = plural(self.n_tests, "test")
        for share, style in zip(sorted(self.everybody, reverse=True), ("-", "--", ":")):
            members = f"{percent(share)} members"
            ax.plot(
                self.candidates,
                self.everybody[share],
                style,
                color=COLORS["favorable"],
                label=f"everybody tests every rule, {members}",
            )
            if not math.isnan(self.holdout[share]):
                ax.axhline(
                    self.holdout[share],
                    linestyle=style,
                    color=COLORS["unfavorable"],
                    label=f"holdout, {tests}, {members}",
                )
        if self.n_candidates is not None:
            ax.axvline(self.n_candidates, color=MUTED, linewidth=1)
            ax.annotate(
                f"this search: {plural(self.n_candidates, 'rule')}",
                (self.n_candidates, 0.03),
                (4, 0),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                color=MUTED,
            )
        ax.set_xscale("log")
        ax.set_xlim(self.candidates[0], self.candidates[-1])
        ax.set_ylim(bottom=0)
        ax.set_xlabel("rules searched")
        ax.set_ylabel(f"smallest effect found with {percent(POWER)} probability (SD)")
        ax.legend(frameon=False, fontsize="small", loc="upper left")
        # Room for the legend above the curves.
        ax.set_ylim(top=1.45 * ax.get_ylim()[1])
        ax.spines[["top", "right"]].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _smallest(sizes, n_tests, alpha):
    """Effect that a t test of these sizes finds; NaN without a degree of freedom."""
    if 0 in sizes or sum(sizes) < (2 if len(sizes) == 1 else 3):
        return math.nan
    options = {"n_candidates": n_tests, "alpha": alpha, "power": POWER}
    if len(sizes) == 1:
        return detectable_effect(*sizes, None, paired=True, **options)
    return detectable_effect(*sizes, **options)
