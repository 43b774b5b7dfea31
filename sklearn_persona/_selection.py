"""p values adjusted for a search: the search repeated under permuted labels."""

from dataclasses import dataclass, replace

import numpy as np

from sklearn_persona._columns import LabelColumn
from sklearn_persona._designs import Permutations, ResidualPermutations, residuals
from sklearn_persona._null import reach_counts
from sklearn_persona._objectives import arm_rows
from sklearn_persona._search import objective_of

__all__ = ["Selection", "contrast_statistic"]

# The test of no heterogeneity is asymptotic. With a binary outcome it needs so many
# cases of the rarer outcome in each arm; with fewer its size is out of bounds where the
# arms are unequal (tests/test_theory.py).
LEAST_EVENTS = 10


@dataclass(frozen=True)
class Selection:
    """A search whose rules are to be tested on the data that chose them.

    Attributes
    ----------
    selectors : Selectors
    settings : SearchSettings
    units : Units
        All that were searched.
    refinement : Refinement or None
        What moved the edges of the rules.
    chosen : ndarray of bool or None
        Which units of an earlier search these are; None for all.
    """

    selectors: object
    settings: object
    units: object
    refinement: object = None
    chosen: object = None

    def no_effect(self, objectives, **options):
        """Adjusted p values of the null hypothesis of no effect in anyone.

        Parameters
        ----------
        objectives : array-like of shape (n_rules,)
            Of rules found by the search.
        **options
            ``seed``, ``n_permutations``, ``n_jobs``, ``on_poll``.

        Returns
        -------
        p_values : ndarray of float64, shape (n_rules,)
            Single-step: the share of labelings whose best rule reaches the objective
            (Westfall & Young, 1993), exact in the search space.
        """
        labels = Permutations(self.units, options.pop("seed"))
        return self._reached(labels, self.settings, objectives, options)

    def no_heterogeneity(self, members, signs, **options):
        """Adjusted p values of the null hypothesis of the same effect in everyone.

        Parameters
        ----------
        members : list of ndarray of bool, shape (n_units,)
        signs : list of int
            1 for favorable rules, -1 for unfavorable ones.
        **options
            As of `no_effect`.

        Returns
        -------
        p_values : ndarray of float64, shape (n_rules,)
            Single-step over the largest contrast of a rule with its complement. NaN
            where the outcome is binary and one arm has too few cases of one kind.

        Notes
        -----
        A constant additive effect is estimated and taken out in each labeling; the
        observed contrast is studentized by the variances of the arms or by the common
        one, whichever makes it smaller. Asymptotic for two arms.
        """
        if _is_sparse(self.units):
            return np.full(len(members), np.nan)
        settings = replace(
            self.settings, objective="contrast", price=0.0, either_arm=False
        )
        observed = [
            sign * contrast_statistic(self.units, inside)
            for inside, sign in zip(members, signs)
        ]
        labels = ResidualPermutations(self.units, options.pop("seed"))
        return self._reached(labels, settings, observed, options)

    def _reached(self, labels, settings, observed, options):
        observed = np.asarray(observed, dtype=float)
        p_values = np.ones(len(observed))
        # A rule with no effect in its direction is reached by every labeling.
        testable = observed > 0
        if settings.price:
            testable = np.isfinite(observed)
        if testable.any():
            p_values[testable] = reach_counts(
                self.selectors,
                labels,
                settings,
                observed[testable],
                refinement=self.refinement,
                **options,
            ).p_value
        return p_values

    def without(self, covered):
        """The same search among the units that are not covered."""
        chosen, refinement = ~covered, self.refinement
        if refinement is not None:
            refinement = refinement.among(chosen)
        return replace(
            self,
            selectors=self.selectors.among(chosen),
            units=self.units.take(chosen),
            chosen=chosen,
            refinement=None
            if self.refinement is None
            else self.refinement.among(chosen),
        )

    def of_rule(self, rule, **options):
        """Adjusted p value of a rule that was found among more units.

        NaN where an arm has no unit inside or outside.
        """
        label, sign = LabelColumn(self.units.score, self.units.treated), rule.sign
        inside = rule.members if self.chosen is None else rule.members[self.chosen]
        if contrast_statistic(self.units, inside) == 0.0:
            return float("nan")
        if rule.swapped:
            label, sign = LabelColumn(label.outcome, ~label.treated), -sign
        value = objective_of(label, self.settings, inside, sign) - rule.price
        return float(self.no_effect([value], **options)[0])


def contrast_statistic(units, inside):
    """Contrast of a rule with its complement, studentized conservatively.

    Parameters
    ----------
    units : Units
    inside : ndarray of bool, shape (n_units,)

    Returns
    -------
    statistic : float
        0.0 where a cell is empty or nothing varies.
    """
    arms = arm_rows(units.treated, len(units))
    if not all((arm & part).any() for arm in arms for part in (inside, ~inside)):
        return 0.0
    score = residuals(units)
    weights, shifts, variances = [], [], []
    for arm in arms:
        some, others = score[arm & inside], score[arm & ~inside]
        weights.append(1 / len(some) + 1 / len(others))
        shifts.append(some.mean() - others.mean())
        variances.append(score[arm].var())
    sizes = [np.count_nonzero(arm) for arm in arms]
    common = np.average(variances, weights=sizes)
    variance = max(np.dot(weights, variances), sum(weights) * common)
    difference = shifts[0] - (shifts[1] if len(arms) == 2 else 0.0)
    return float(difference / np.sqrt(variance)) if variance > 0 else 0.0


def _is_sparse(units):
    """Whether the outcome is binary and rare in an arm."""
    kinds = np.unique(units.outcome)
    if units.treated is None or len(kinds) > 2:
        return False
    return any(
        np.count_nonzero(units.outcome[arm] == kind) < LEAST_EVENTS
        for arm in (units.treated, ~units.treated)
        for kind in kinds
    )
