"""The selection repeated without some of the participants.

A refit leaves out one part of a random partition of the participants: one of two
(complementary half-samples, for stability), one of five (for effects), or one
participant alone. Everything is repeated: adjustment, cuts, search, refinement.
"""

import copy
import math
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from sklearn_persona._claims.corrected import Sums, corrections
from sklearn_persona._claims.stability import selection_table, summarize
from sklearn_persona._designs.splitting import stratified_group_folds
from sklearn_persona._persona.builder import PersonaBuilder
from sklearn_persona._selection.checkpoints import Checkpoints

__all__ = ["Refits", "repeat_selection"]

# Parts of the refits for effects. With ten, the rules of two refits share so many
# participants that their mean is less certain (docs/inference.md).
FOLDS = 5


@dataclass(frozen=True)
class Target:
    """A reported rule that refits are compared with.

    Attributes
    ----------
    sign : int
    variables : tuple of int
        Columns, in increasing order.
    members : ndarray of bool, shape (n_units,)
    place : int
        Rank among the reported rules of its direction, 0 for the best.
    """

    sign: int
    variables: tuple
    members: np.ndarray
    place: int


@dataclass(frozen=True)
class Match:
    """What a refit says of one reported rule.

    Attributes
    ----------
    jaccard : float
        Of the best-matching rule of the same direction, over all units.
    same : bool
        Whether a rule of this direction has the same variables.
    edges : dict
        ``(column, "low" or "high")`` to the edge of the best-matching rule.
    sums : Sums or None
        Outcomes of those left out who satisfy the rule that has the same place among
        the rules of this direction; None without such a rule.
    """

    jaccard: float
    same: bool
    edges: dict
    sums: object


@dataclass(frozen=True)
class Refit:
    """A selection without one part of the participants.

    Attributes
    ----------
    rules : list of tuple of int
        Columns of each kept rule, best rule first.
    matches : list of Match
        One for each reported rule.
    """

    rules: list
    matches: list


@dataclass(frozen=True)
class Refits:
    """All refits of a selection.

    Attributes
    ----------
    units : Units
        That chose the rules; not adjusted.
    members : list of ndarray of bool, shape (n_units,)
        Of each reported rule.
    halves, folds, singles : list of Refit
        Without one half, one fifth, one participant.
    """

    units: object
    members: list
    halves: list
    folds: list
    singles: list

    def stability(self, conditions):
        """Stability of each reported rule, given its conditions.

        Parameters
        ----------
        conditions : list of tuple of Condition
            In the order of the reported rules.

        Returns
        -------
        stability : list of Stability
        """
        best = [refit.rules[0] if refit.rules else () for refit in self.halves]
        return [
            summarize(
                own,
                [refit.matches[i] for refit in self.halves],
                [refit.matches[i] for refit in self.singles],
                best,
            )
            for i, own in enumerate(conditions)
        ]

    def corrections(self):
        """Effects among participants that did not choose them; Nones where unknown."""
        return corrections(self.units, self.members, self.folds)

    def frequencies(self, columns, size):
        """Selection frequencies of variables (size 1) or pairs of them (2)."""
        names = [c.position if c.name is None else c.name for c in columns]
        best = [refit.rules[0] if refit.rules else () for refit in self.halves]
        kept = [refit.rules for refit in self.halves]
        return selection_table(best, kept, names, size)


def targets_of(rules):
    """Reported rules as `Target`, in the order of `rules`."""
    places, out = {}, []
    for rule in rules:
        place = places.get(rule.sign, 0)
        places[rule.sign] = place + 1
        variables = tuple(sorted(position for position, _ in rule.conditions))
        out.append(Target(rule.sign, variables, rule.members, place))
    return out


def repeat_selection(
    procedure,
    units,
    rules,
    n_resamples,
    rng,
    *,
    kinds=("halves", "folds", "singles"),
    n_jobs=None,
    on_poll=None,
):
    """Repeat a selection without parts of the participants.

    Parameters
    ----------
    procedure : Procedure
    units : Units
        That chose the rules; not adjusted.
    rules : list of FoundRule
    n_resamples : int
        Refits of each of the three kinds: at least so many, for whole partitions; of
        single participants at most so many.
    rng : numpy.random.RandomState
        Only looked at, so that other results do not depend on `n_resamples`.
    kinds : sequence of str
        Which refits; the lists of the others are empty.
    n_jobs : int or None
        Refits at once.
    on_poll : callable or None
        Called with the share of the refits that is done.

    Returns
    -------
    refits : Refits
    """
    targets = targets_of(rules)
    n_groups = len(np.unique(units.groups))
    parts_of = {"halves": 2, "folds": min(FOLDS, n_groups), "singles": n_groups}
    tasks = []
    seeds = _seeds(rng, n_resamples)
    if n_groups >= 2:
        for kind in kinds:
            n_parts = parts_of[kind]
            n_repeats = 1 if kind == "singles" else math.ceil(n_resamples / n_parts)
            parts = [(r, k) for r in range(n_repeats) for k in range(n_parts)]
            if kind == "singles":
                parts = parts[:n_resamples]
            tasks += [(kind, n_parts, seeds[r], k) for r, k in parts]
    parallel = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")
    done = {kind: [] for kind in parts_of}
    # A refit is kept as a whole.
    kept = Checkpoints(procedure.lasting_memory, procedure.plain(), units, targets)
    results = kept.results(
        [task[1:] for task in tasks],
        lambda missing: parallel(
            delayed(_refit)(procedure.plain(), units, targets, *tasks[i][1:])
            for i in missing
        ),
    )
    with closing(results):
        for i, (refit, task) in enumerate(zip(results, tasks), 1):
            done[task[0]].append(refit)
            if on_poll is not None:
                on_poll(i / len(tasks))
    return Refits(units, [rule.members for rule in rules], **done)


def _seeds(rng, n):
    entropy = copy.deepcopy(rng).randint(np.iinfo(np.int32).max, size=4)
    drawn = np.random.SeedSequence(entropy.tolist()).generate_state(n)
    return drawn.tolist()


def _refit(procedure, units, targets, n_parts, seed, part):
    """One refit; without any rule when too few cases are left for one."""
    rng = np.random.RandomState([seed, n_parts])
    codes, strata = units.participants()
    if n_parts == len(strata):
        folds = rng.permutation(n_parts)
    else:
        folds = stratified_group_folds(strata, n_parts, rng)
    left_out = (folds == part)[codes]
    rng = np.random.RandomState([seed, n_parts, part])
    smaller = _for_share(procedure, 1 - 1 / n_parts)
    kept = units.take(~left_out)
    try:
        train, _ = smaller.adjust(kept, np.zeros(len(kept), bool), rng)
    except ValueError:
        return Refit([], [Match(0.0, False, {}, None) for _ in targets])
    found = smaller.find(train, n_jobs=1, quiet=True)
    columns = procedure.columns
    builder = PersonaBuilder(columns, found.rules, train.rows)
    members = [covered[units.rows] for covered in builder.covered()]
    used = [tuple(sorted(p for p, _ in rule.conditions)) for rule in found.rules]
    categories = {c.position for c in columns if c.levels is not None}
    matches = [
        _match(target, found.rules, used, members, units, left_out, categories)
        for target in targets
    ]
    return Refit(used, matches)


def _for_share(procedure, share):
    """The procedure with its smallest sizes for a share of the units.

    As a share of the units a rule may then be as small as before.
    """
    least = procedure.settings.least_arm
    least = min(least, max(2, math.floor(least * share)))
    settings = replace(procedure.settings, least_arm=least)
    return replace(procedure, settings=settings)


def _match(target, rules, used, members, units, left_out, categories):
    same_sign = [i for i, rule in enumerate(rules) if rule.sign == target.sign]
    if not same_sign:
        return Match(0.0, False, {}, None)
    overlap = [_jaccard(members[i], target.members) for i in same_sign]
    best = same_sign[int(np.argmax(overlap))]
    edges = {
        (position, side): edge
        for position, limits in rules[best].conditions
        if position not in categories
        for side, edge in zip(("low", "high"), limits)
        if edge is not None
    }
    sums = None
    if target.place < len(same_sign):
        inside = members[same_sign[target.place]]
        sums = Sums.inside(units, inside, left_out)
    return Match(
        jaccard=float(max(overlap)),
        same=any(used[i] == target.variables for i in same_sign),
        edges=edges,
        sums=sums,
    )


def _jaccard(one, other):
    either = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / either if either else 0.0
