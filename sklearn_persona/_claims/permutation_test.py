"""Validation by permutation: the search repeated under permuted labels."""

from dataclasses import dataclass, replace

import numpy as np

from sklearn_persona._claims.holdout import describe
from sklearn_persona._claims.null_distribution import reach_counts
from sklearn_persona._claims.rule import Verdict
from sklearn_persona._data.checks import rescale
from sklearn_persona._designs import Labels, Permutations, ResidualPermutations
from sklearn_persona._search.greedy import objective_of
from sklearn_persona._search.objectives import OBJECTIVES

__all__ = ["PermutationTest", "validate_by_permutation"]

NOT_KNOWN = float("nan")


@dataclass(frozen=True)
class PermutationTest:
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
    seed : int
    n_permutations : int
        At most.
    n_jobs : int or None
    on_poll : callable or None
        Called with the share of the permutations that is done.
    memory : None, str or joblib.Memory
        Where blocks of permutations are kept.
    """

    selectors: object
    settings: object
    units: object
    refinement: object = None
    chosen: object = None
    seed: int = 0
    n_permutations: int = 1000
    n_jobs: int | None = None
    on_poll: object = None
    memory: object = None

    def no_effect(self, objectives):
        """Adjusted p values of the null hypothesis of no effect in anyone.

        Parameters
        ----------
        objectives : array-like of shape (n_rules,)
            Of rules found by the search.

        Returns
        -------
        p_values : ndarray of float64, shape (n_rules,)
            Single-step: the share of permutations whose best rule reaches the
            objective (Westfall & Young, 1993), exact in the search space.
        """
        return self._reached(Permutations(self.units, self.seed), objectives)

    def no_heterogeneity(self, rules):
        """Adjusted p values of the null hypothesis of the same effect in everyone.

        Parameters
        ----------
        rules : list of FoundRule
            Found by the search.

        Returns
        -------
        p_values : ndarray of float64, shape (n_rules,)
            Single-step over the objective of outcomes without the mean of their arm.
            NaN where the outcome is binary and one arm has too few cases of one kind.

        Notes
        -----
        The constant effect is estimated anew in each permutation. Under it the arms
        may still differ in spread, which permutations mix; the observed objective is
        therefore studentized by the variance of the arm that carries the shift (of
        any arm, where both do) when that is the larger one. Asymptotic for two arms.
        """
        if self.units.is_sparse():
            return np.full(len(rules), NOT_KNOWN)
        observed = [self.residual_objective(rule) for rule in rules]
        return self._reached(ResidualPermutations(self.units, self.seed), observed)

    def residual_objective(self, rule):
        """Objective of a rule without the main effect, studentized."""
        treated = self.units.treated
        score = self.units.residuals(self.units.score, treated)
        label, sign = rule.compares(Labels(score, treated))
        value = objective_of(label, self.settings, rule.members, sign)
        objective = OBJECTIVES[self.settings.objective]
        carriers = label.arms[:1] if objective.first_arm else label.arms
        score, _ = rescale(score)
        common = score.var()
        ratio = common / max(common, *(score[arm].var() for arm in carriers))
        if not objective.squared:
            ratio = np.sqrt(ratio)
        return value * ratio - rule.penalty

    def _reached(self, labels, observed):
        observed = np.asarray(observed, dtype=float)
        p_values = np.ones(len(observed))
        # A rule with no effect in its direction is reached by every permutation.
        testable = observed > 0
        if self.settings.penalty:
            testable = np.isfinite(observed)
        if testable.any():
            p_values[testable] = reach_counts(
                self.selectors,
                labels,
                self.settings,
                observed[testable],
                n_permutations=self.n_permutations,
                refinement=self.refinement,
                n_jobs=self.n_jobs,
                on_poll=self.on_poll,
                memory=self.memory,
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

    def of_rule(self, rule):
        """Adjusted p value of a rule that was found among more units.

        NaN where an arm has no unit inside or outside.
        """
        inside = rule.members if self.chosen is None else rule.members[self.chosen]
        if not self.units.is_divided(inside):
            return NOT_KNOWN
        label, sign = rule.compares(self.units.labels)
        value = objective_of(label, self.settings, inside, sign) - rule.penalty
        return float(self.no_effect([value])[0])


def validate_by_permutation(rule, test, found, subgroups, effect_sizes=None):
    """Test rules on the data that chose them, adjusted for the whole search.

    Parameters
    ----------
    rule : ClaimRule
    test : PermutationTest
    found : list of FoundRule
        Best first.
    subgroups : list of Subgroup
        The same, with their seeds.
    effect_sizes : list of float, default=None
        Corrected d of each; None takes that of the data that chose it.

    Returns
    -------
    verdicts : list of Verdict
    """
    units = test.units
    known = describe(rule, units, subgroups)
    if units.has_arms:
        floor = units.size_floor(units.everyone, None, contrast=False)
        if floor >= rule.alpha:
            # Sizes alone decide (Tarone, 1990): no permutation could be significant.
            claim = "not testable: too few arrangements of the arms"
            return [Verdict(**fields | {"claim": claim}) for fields in known]
    any_effect = test.no_effect([one.objective for one in found])
    contrast = test.no_heterogeneity(found)
    earlier = ~units.everyone
    for i, (one, fields) in enumerate(zip(found, known)):
        record = fields["train"]
        failed = _failed(rule, record, one.sign, any_effect[i], contrast[i])
        size = record.effect_size if effect_sizes is None else effect_sizes[i]
        if failed is None and not one.sign * size > rule.min_effect_size:
            failed = "effect below min_effect_size"
        conditional = NOT_KNOWN
        if failed is None:
            conditional = float(any_effect[i])
            if earlier.any():
                conditional = test.without(earlier).of_rule(one)
            earlier |= one.members
        fields |= {
            "confirmed": failed is None,
            "claim": rule.confirmed if failed is None else failed,
            "p_adjusted": float(any_effect[i]),
            "p_adjusted_interaction": float(contrast[i]),
            "p_conditional": conditional,
        }
    return [Verdict(**fields) for fields in known]


def _failed(rule, record, sign, any_effect, contrast):
    """Why a rule is not confirmed, or None."""
    if not any_effect < rule.alpha:
        return "not significant after adjustment for the search"
    if not rule.has_direction(record, sign):
        return "effect inside not in the direction of the persona"
    if rule.needs_contrast:
        if np.isnan(contrast):
            return "heterogeneity not testable: outcome too rare in an arm"
        if not contrast < rule.alpha:
            return "effect in subgroup, heterogeneity not significant"
    return None
