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

    def no_effect_inside(self, rules):
        """Adjusted p values of the null hypothesis of no effect in the members.

        Parameters
        ----------
        rules : list of FoundRule
            Found by the search.

        Returns
        -------
        p_values : ndarray of float64, shape (n_rules,)
            Two-sided and single-step over all rules. NaN where an arm has no member.

        Notes
        -----
        The statistic of a rule is its effect, against zero, in its members alone. Where
        treatment does nothing to the members of some rules, their statistics have the
        same joint distribution whether or not it does something to the others: labels
        are exchanged at random, and these outcomes do not depend on them. The largest
        one over these rules is at most the largest over all, whose permutations give
        the critical value. So the probability of any false statement is at most alpha
        whatever the effects elsewhere (strong control by subset pivotality; Westfall &
        Young, 1993). Two arms of other spread are allowed for by Welch's standard error
        where it is the larger one.
        """
        settings = replace(
            self.settings,
            objective="effect",
            penalty=0.0,
            either_arm=False,
            signs=(1, -1),
        )
        test = replace(self, settings=settings)
        observed = [test._effect_objective(rule.members) for rule in rules]
        p_values = np.full(len(rules), NOT_KNOWN)
        known = ~np.isnan(observed)
        if known.any():
            p_values[known] = test.no_effect(np.array(observed)[known])
        return p_values

    def _effect_objective(self, members):
        """Size of the effect in some units, in the scale of the objective."""
        label = self.units.labels
        arms = [arm & members for arm in label.arms]
        n = np.array([np.count_nonzero(arm) for arm in arms])
        if not n.all():
            return NOT_KNOWN
        value = max(
            objective_of(label, self.settings, members, sign) for sign in (1, -1)
        )
        if len(arms) == 1 or n.min() < 2:
            return value
        score, _ = rescale(label.outcome)
        own = np.array([score[arm].var(ddof=1) for arm in arms])
        welch = (own / n).sum()
        pooled = ((n - 1) @ own) / (n - 1).sum() * (1 / n).sum()
        return value * min(1.0, np.sqrt(pooled / welch)) if welch > 0 else value

    def in_first_period(self):
        """The same rules searched for a contrast in the first period of a crossover."""
        settings = replace(
            self.settings, objective="contrast", penalty=0.0, either_arm=False
        )
        return replace(self, units=self.units.first_period, settings=settings)

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

    def of_rule(self, rule, *, contrast):
        """Adjusted p value of a rule that was found among more units.

        Of no heterogeneity with `contrast`, else of no effect in the members. NaN where
        nobody is left to compare.
        """
        inside = rule.members if self.chosen is None else rule.members[self.chosen]
        rule = replace(rule, members=inside)
        if contrast or not self.units.has_arms:
            if not self.units.is_divided(inside):
                return NOT_KNOWN
            return float(self.no_heterogeneity([rule])[0])
        return float(self.no_effect_inside([rule])[0])


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
    of_members = _of_members(rule, test, found, contrast)
    first_period = _in_first_period(rule, test, found, contrast)
    earlier = ~units.everyone
    for i, (one, fields) in enumerate(zip(found, known)):
        record = fields["train"]
        confirming = np.maximum(contrast[i], first_period[i])
        if not rule.needs_contrast:
            confirming = of_members[i]
        failed = _failed(rule, record, one.sign, confirming)
        size = record.effect_size if effect_sizes is None else effect_sizes[i]
        if failed is None and not rule.is_large(size, one.sign):
            failed = "effect below min_effect_size"
        conditional = NOT_KNOWN
        if failed is None:
            conditional = float(confirming)
            if earlier.any():
                conditional = test.without(earlier).of_rule(
                    one, contrast=rule.needs_contrast
                )
                if not conditional < rule.alpha:
                    failed = "not distinct from an earlier persona"
        if failed is None:
            earlier |= one.members
        fields |= {
            "confirmed": failed is None,
            "claim": rule.confirmed if failed is None else failed,
            "p_adjusted": float(any_effect[i]),
            "p_adjusted_interaction": float(contrast[i]),
            "p_conditional": conditional,
        }
        shown = None
        if units.has_arms:
            fields["p_adjusted_members"] = float(of_members[i])
            if failed is None:
                shown = rule.statement(record.effect, of_members[i])
                fields["members_claim"] = shown
        fields["reversal"] &= shown in ("benefit", "harm")
    return [Verdict(**fields) for fields in known]


def _failed(rule, record, sign, p_value):
    """Why a rule is not confirmed, or None."""
    if not rule.has_direction(record, sign):
        what = "contrast" if rule.needs_contrast else "effect inside"
        return f"{what} not in the direction of the persona"
    if np.isnan(p_value):
        return "heterogeneity not testable: outcome too rare in an arm"
    if not p_value < rule.alpha:
        return "not significant after adjustment for the search"
    return None


def _of_members(rule, test, found, contrast):
    """p values of the effect in the members; NaN where nothing rests on them."""
    wanted = contrast < rule.alpha
    if not rule.needs_contrast:
        wanted = np.ones(len(found), bool)
    p_values = np.full(len(found), NOT_KNOWN)
    if not wanted.any() or not test.units.has_arms:
        return p_values if rule.needs_contrast else contrast
    rules = [one for one, is_wanted in zip(found, wanted) if is_wanted]
    own = test.no_effect_inside(rules)
    first = test.units.first_period
    if first is not None:
        own = np.maximum(own, test.in_first_period().no_effect_inside(rules))
        same = [
            test.units.effect(one.members) * first.effect(one.members) > 0
            for one in rules
        ]
        own = np.where(same, own, 1.0)
    p_values[wanted] = own
    return p_values


def _in_first_period(rule, test, found, contrast):
    """p values of the contrast in the first period of a crossover; 0 for other trials.

    Carry-over leaves the first period alone.
    """
    p_values = np.zeros(len(found))
    wanted = contrast < rule.alpha
    if test.units.first_period is None or not wanted.any():
        return p_values
    rules = [
        replace(one, penalty=0.0, swapped=False)
        for one, is_wanted in zip(found, wanted)
        if is_wanted
    ]
    p_values[wanted] = test.in_first_period().no_heterogeneity(rules)
    return p_values
