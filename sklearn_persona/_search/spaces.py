"""Spaces of rules: the parts of a search, and which searches are out of reach.

The space of all rules falls into parts when rules of different lengths are penalized
differently, or when either arm may carry the shift of the objective.
"""

from dataclasses import dataclass, replace
from math import log

from sklearn_persona._designs.labels import Labels
from sklearn_persona._search.cost import cube_seconds, least_bit_seconds
from sklearn_persona._search.problem import sort_into_cells

__all__ = ["Part", "is_out_of_reach", "labels_of", "parts_of", "spaces_of"]

# A proof that is out of reach takes more seconds than this on one thread, by the sizes
# of the table alone.
PATIENCE = 300
# A rule with an interval is penalized as if it had exp(2) times as many competitors:
# with their number alone intervals win by chance (benchmarks/objective_choice.py).
INTERVAL_COST = 2.0


@dataclass(frozen=True)
class Part:
    """A part of the space of rules.

    Attributes
    ----------
    selectors : Selectors
    label : Labels
        With the arms exchanged if the control arm carries the shift.
    settings : SearchSettings
    swapped : bool
    penalty : float
        Taken off the objective.
    """

    selectors: object
    label: Labels
    settings: object
    swapped: bool = False
    penalty: float = 0.0

    @property
    def flip(self):
        """Sign of the kernel for a favorable rule."""
        return -1 if self.swapped else 1


def spaces_of(selectors, settings):
    """Divide the rules by their length if it is penalized.

    Parameters
    ----------
    selectors : Selectors
    settings : SearchSettings

    Returns
    -------
    spaces : list of tuple
        ``(selectors, settings, penalty)``, shorter rules first. A space with intervals
        also contains the rules without them, which another space penalizes less.
    """
    if not settings.penalty and settings.interval_variables >= settings.max_variables:
        return [(selectors, settings, 0.0)]
    plain = selectors.without_intervals()
    spaces, least = [], None
    for k in range(settings.min_variables, settings.max_variables + 1):
        options = replace(settings, min_variables=k, max_variables=k)
        chosen = [plain]
        if plain is not selectors and k <= settings.interval_variables:
            chosen.append(selectors)
        for some in chosen:
            n = some.n_of_size(k)
            if n:
                least = least or n
                cost = log(n / least) + INTERVAL_COST * (some is not plain)
                spaces.append((some, options, settings.penalty * cost))
    # With too few columns there is no rule, as the search will find.
    return spaces or [(selectors, settings, 0.0)]


def labels_of(label, settings):
    """Labels as ``(label, swapped)``, once for each arm that may carry the shift."""
    labels = [(label, False)]
    if settings.either_arm and label.n_arms == 2:
        labels.append((label.swapped(), True))
    return labels


def parts_of(selectors, label, settings):
    """All parts of a search, shorter rules first.

    Parameters
    ----------
    selectors : Selectors
    label : Labels
    settings : SearchSettings

    Returns
    -------
    parts : list of Part
    """
    return [
        Part(some, arms, options, swapped, penalty)
        for some, options, penalty in spaces_of(selectors, settings)
        for arms, swapped in labels_of(label, settings)
    ]


def is_out_of_reach(selectors, settings, arms):
    """Whether a proof would take unreasonably long.

    Parameters
    ----------
    selectors : Selectors
    settings : SearchSettings
    arms : {1, 2}

    Returns
    -------
    out_of_reach : bool

    Notes
    -----
    Only the sizes of the table decide, not outcomes, arms or the machine, so that
    permutations and repetitions of a fit search in the same way.
    """
    n_labels = 2 if settings.either_arm and arms == 2 else 1
    spaces, by_bits = spaces_of(selectors, settings), []
    for some, options, _ in spaces:
        lengths = range(options.min_variables, options.max_variables + 1)
        n_rules = sum(map(some.n_of_size, lengths)) * len(options.signs)
        by_bits.append(least_bit_seconds(n_rules, some.n_units))
    if n_labels * sum(by_bits) <= PATIENCE:
        return False
    total = 0.0
    for (some, options, _), seconds in zip(spaces, by_bits):
        by_cubes = cube_seconds(some, options)
        if (
            by_cubes < seconds
            and len(some.bits)
            and sort_into_cells(some, options, arms).eligible
        ):
            seconds = by_cubes
        total += n_labels * seconds
    return total > PATIENCE
