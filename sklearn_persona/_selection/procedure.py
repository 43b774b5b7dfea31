"""From analysis units to rules: everything that a refit on other units repeats."""

import math
from dataclasses import dataclass, replace

import numpy as np
from joblib import effective_n_jobs

from sklearn_persona._search.binning import make_selectors
from sklearn_persona._search.greedy import SearchSettings
from sklearn_persona._search.memory import check_room
from sklearn_persona._search.refinement import Refinement, find_refined
from sklearn_persona._search.spaces import is_out_of_reach
from sklearn_persona._selection.adjustment import Adjustment
from sklearn_persona._selection.checkpoints import Checkpoints
from sklearn_persona.exceptions import (
    SearchCostWarning,
    UnusableColumnWarning,
    warn_caller,
)

__all__ = ["Procedure", "SearchResult"]

# Up to so many training units conditions="auto" has intervals. With more, their row
# sets would take more memory than the table.
MOST_INTERVAL_UNITS = 5000


@dataclass(frozen=True)
class SearchResult:
    """Rules of a search, and what would repeat it.

    Attributes
    ----------
    rules : list of FoundRule
    record : SearchRecord
    selectors : Selectors
    settings : SearchSettings
    units : Units
        All that were searched.
    refinement : Refinement or None
        What moved the edges of the rules.
    """

    rules: list
    record: object
    selectors: object
    settings: SearchSettings
    units: object
    refinement: object


@dataclass(frozen=True)
class Procedure:
    """How units of one table become rules.

    Attributes
    ----------
    columns : list of TableColumn
    modality : ndarray of int, shape (n_columns,)
    arms : tuple
        Labels of control and treated arm; empty for a single arm.
    settings : SearchSettings
        ``least_members`` is set for the units that are searched.
    adjustment : Adjustment
    auto : bool
        Whether the objective is the package's choice, with all that goes with it.
    n_cuts : int or "all"
    conditions : str
    refine : bool
    min_coverage : float
    force_exact : bool
        Whether an exact search stays one where the table is too large for a proof.
    memory : None, str or joblib.Memory
    """

    columns: list
    modality: np.ndarray
    arms: tuple
    settings: SearchSettings
    adjustment: Adjustment
    auto: bool
    n_cuts: object
    conditions: str
    refine: bool
    min_coverage: float
    force_exact: bool = True
    memory: object = None

    @property
    def lasting_memory(self):
        """Where results go that another fit may take; None if they could differ."""
        return self.memory if self.settings.max_time is None else None

    def plain(self):
        """The same without a memory."""
        return replace(self, memory=None)

    def as_in(self, found):
        """The same, with the search of a fit on more units, for its refits."""
        settings = replace(self.settings, exact=found.settings.exact)
        return replace(self, settings=settings, force_exact=True)

    def _kind_of_conditions(self, n_units):
        """One-sided or intervals, and the variables of a rule that may have these."""
        if self.conditions != "auto":
            return self.conditions, 4
        some = self.auto and self.n_cuts != "all" and n_units <= MOST_INTERVAL_UNITS
        return "interval" if some else "one-sided", 2

    def check_room(self, units, n_training):
        """Refuse a search of so many training units that would not fit into memory."""
        conditions, _ = self._kind_of_conditions(n_training)
        rows = units.rows[:n_training]
        check_room(self.columns, rows, n_cuts=self.n_cuts, conditions=conditions)

    def adjust(self, units, in_holdout, rng):
        """Divide units and adjust them for what baseline says.

        Parameters
        ----------
        units : Units
        in_holdout : ndarray of bool, shape (n_units,)
        rng : numpy.random.RandomState

        Returns
        -------
        train : Units
        holdout : Units or None
            None when nobody is kept.

        Raises
        ------
        ValueError
            When an arm is too small to be divided by a persona, or not comparable.
        """
        train = units.take(~in_holdout)
        holdout = units.take(in_holdout) if in_holdout.any() else None
        self._check_sizes(train)
        return self.adjustment(train, holdout, rng)

    def _check_sizes(self, train):
        """Refuse arms in which no persona and complement can both be large enough.

        And strata that leave nothing to compare.
        """
        unknown = train.has_arms and np.isnan(train.effect(train.everyone))
        if train.is_stratified and unknown:
            raise ValueError(
                "strata leave nothing to compare: none of the "
                f"{len(np.unique(train.strata))} strata of the training cases holds "
                "both arms. Pass fewer, larger strata (sites rather than blocks), or "
                "none."
            )
        least = self.settings.least_arm
        for what, n in train.arm_sizes(self.arms).items():
            if n < 2 * least:
                raise ValueError(
                    f"Too few cases: {n} training {what}, but at least {2 * least} are "
                    f"needed (min_arm_size={least} inside a persona and as many "
                    "outside). Lower min_arm_size or holdout_size, use "
                    "validation=None, or collect more cases."
                )

    def find(self, train, *, n_jobs=None, progress=None, quiet=False):
        """Search adjusted units.

        Parameters
        ----------
        train : Units
        n_jobs : int or None
            Threads.
        progress : Progress or None
        quiet : bool
            Whether columns without values and a proof out of reach give no warning: in
            a refit, when the fit on all units has said it.

        Returns
        -------
        found : SearchResult
        """
        least_members = max(math.ceil(self.min_coverage * len(train) - 1e-9), 1)
        conditions, interval_variables = self._kind_of_conditions(len(train))
        selectors = make_selectors(
            self.columns,
            train.rows,
            n_cuts=self.n_cuts,
            conditions=conditions,
            modality=self.modality,
            least_members=max(least_members, train.n_arms * self.settings.least_arm),
        )
        if not quiet:
            self._warn_of_empty(selectors)
        settings = replace(
            self.settings,
            least_members=least_members,
            interval_variables=interval_variables,
        )
        if (
            settings.exact
            and not self.force_exact
            and is_out_of_reach(selectors, settings, train.n_arms)
        ):
            settings = replace(settings, exact=False)
            if not quiet:
                _warn_of_beam(selectors, settings)
        refinement = Refinement(self.columns, train.rows) if self.refine else None
        problem = (
            selectors,
            train.labels,
            settings,
            refinement,
        )
        options = {
            "n_jobs": effective_n_jobs(n_jobs),
            "on_poll": progress,
            "on_best": None if progress is None else progress.best,
        }
        kept = Checkpoints(self.lasting_memory, *problem)
        ((rules, record),) = kept.results(
            [("search",)], lambda _: [find_refined(*problem, **options)]
        )
        if self.auto:
            rules = [rule for rule in rules if _has_direction(rule, train)]
        return SearchResult(rules, record, selectors, settings, train, refinement)

    def _warn_of_empty(self, selectors):
        pairs = zip(self.columns, selectors.n_conditions)
        missing = [column for column, n in pairs if n == 0]
        if missing:
            names = [c.position if c.name is None else c.name for c in missing]
            warn_caller(
                f"{len(names)} column(s) have no value in the training cases and yield "
                f"no condition: {names[:5]}.",
                UnusableColumnWarning,
            )


def _has_direction(rule, train):
    """Whether the outcome itself, not adjusted by a prognosis, points the same way."""
    if train.prognosis is None:
        return True
    parts = rule.members, ~rule.members
    effects = [train.effect(part) for part in parts]
    return rule.sign * (effects[0] - effects[1]) > 0


def _warn_of_beam(selectors, settings):
    n_units = selectors.n_units
    n_candidates = selectors.n_candidates(
        settings.max_variables, settings.interval_variables
    )
    warn_caller(
        f"No search of {n_candidates:.2g} candidates among {n_units} training units is "
        "proven in reasonable time, so a beam looks for the best personas. "
        "Lower max_variables or n_cuts for a proof, use search='exact' to insist on "
        "it, max_time for the best of an exact search until then, or search='beam' to "
        "agree without this warning.",
        SearchCostWarning,
    )
