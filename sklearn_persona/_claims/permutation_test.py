"""p values adjusted for a search: the search repeated under permuted labels."""

from dataclasses import dataclass, replace

import numpy as np

from sklearn_persona._claims.null_distribution import reach_counts
from sklearn_persona._designs import Permutations, ResidualPermutations, residuals
from sklearn_persona._designs.labels import Labels, arm_rows
from sklearn_persona._search.greedy import objective_of
from sklearn_persona._search.objectives import OBJECTIVES
from sklearn_persona.inference._checks import rescale

__all__ = ["Selection"]

# The test of no heterogeneity is asymptotic: with a binary outcome it is refused when
# an arm has fewer cases of either kind. A convention; the limit was not simulated.
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
            ``seed``, ``n_permutations``, ``n_jobs``, ``on_poll``, ``memory``.

        Returns
        -------
        p_values : ndarray of float64, shape (n_rules,)
            Single-step: the share of labelings whose best rule reaches the objective
            (Westfall & Young, 1993), exact in the search space.
        """
        labels = Permutations(self.units, options.pop("seed"))
        return self._reached(labels, self.settings, objectives, options)

    def no_heterogeneity(self, rules, **options):
        """Adjusted p values of the null hypothesis of the same effect in everyone.

        Parameters
        ----------
        rules : list of FoundRule
            Found by the search.
        **options
            As of `no_effect`.

        Returns
        -------
        p_values : ndarray of float64, shape (n_rules,)
            Single-step over the objective of outcomes without the mean of their arm.
            NaN where the outcome is binary and one arm has too few cases of one kind.

        Notes
        -----
        The constant effect is estimated anew in each labeling. Under it the arms may
        still differ in spread, which labelings mix; the observed objective is
        therefore studentized by the variance of the arm that carries the shift (of
        any arm, where both do) when that is the larger one. Asymptotic for two arms.
        """
        if _is_sparse(self.units):
            return np.full(len(rules), np.nan)
        observed = [self.residual_objective(rule) for rule in rules]
        labels = ResidualPermutations(self.units, options.pop("seed"))
        return self._reached(labels, self.settings, observed, options)

    def residual_objective(self, rule):
        """Objective of a rule without the main effect, studentized."""
        treated = self.units.treated
        score = residuals(self.units.score, treated)
        label, sign = rule.compares(Labels(score, treated))
        value = objective_of(label, self.settings, rule.members, sign)
        carriers = arm_rows(label.treated, len(score))
        if self.settings.objective == "arm-shift":
            carriers = carriers[:1]
        score, _ = rescale(score)
        common = score.var()
        ratio = common / max(common, *(score[arm].var() for arm in carriers))
        if not OBJECTIVES[self.settings.objective].squared:
            ratio = np.sqrt(ratio)
        return value * ratio - rule.penalty

    def _reached(self, labels, settings, observed, options):
        observed = np.asarray(observed, dtype=float)
        p_values = np.ones(len(observed))
        # A rule with no effect in its direction is reached by every labeling.
        testable = observed > 0
        if settings.penalty:
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
            refinement=refinement,
        )

    def of_rule(self, rule, **options):
        """Adjusted p value of a rule that was found among more units.

        NaN where an arm has no unit inside or outside.
        """
        label = Labels(self.units.score, self.units.treated)
        inside = rule.members if self.chosen is None else rule.members[self.chosen]
        arms = arm_rows(label.treated, len(inside))
        if not all((arm & part).any() for arm in arms for part in (inside, ~inside)):
            return float("nan")
        label, sign = rule.compares(label)
        value = objective_of(label, self.settings, inside, sign) - rule.penalty
        return float(self.no_effect([value], **options)[0])


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
