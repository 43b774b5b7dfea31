"""What the tests of a trial of this size could have shown."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sklearn_persona._designs import DESIGNS
from sklearn_persona.inference import detectable_effect, floor_from_sizes

__all__ = [
    "POWER",
    "SHARES",
    "Detectable",
    "LowestP",
    "TrialLimits",
    "detectable",
    "lowest_p_value",
    "n_tests",
    "smallest_p_value",
    "tested_half",
]

POWER = 0.8
SHARES = (0.5, 0.25)


@dataclass(frozen=True)
class TrialLimits:
    """The sizes and settings that limit what tests can show, whatever the outcomes.

    Attributes
    ----------
    design : str
    flow : dict
        As `PersonaDiscoverer.flow_`.
    settings : mapping
        Parameters of the estimator; ``validation``, ``alpha``, ``criterion``,
        ``correction`` and ``n_permutations`` are read.
    min_arm_size : int
    n_confirmed : int
    n_candidates : int
        Rules searched.
    n_held_out : int
        Personas that were tested in the holdout.
    """

    design: str
    flow: dict
    settings: Mapping
    min_arm_size: int
    n_confirmed: int
    n_candidates: int
    n_held_out: int

    @property
    def tests_pairs(self):
        """Whether units are pairs, tested by one sample of differences."""
        return DESIGNS[self.design].cases_per_unit > 1

    @property
    def has_arms(self):
        """Whether treatments are compared, rather than members with others."""
        return DESIGNS[self.design].has_arms

    @classmethod
    def from_estimator(cls, estimator):
        """Read a fitted discoverer.

        Parameters
        ----------
        estimator : PersonaDiscoverer

        Returns
        -------
        limits : TrialLimits
        """
        return cls(
            estimator.design_,
            estimator.flow_,
            estimator.get_params(deep=False),
            estimator.min_arm_size_,
            estimator.n_confirmed_,
            estimator.search_.n_candidates,
            sum(persona.holdout is not None for persona in estimator.personas_),
        )


@dataclass(frozen=True)
class Detectable:
    """The smallest true effect that the tests would have found as a rule.

    Attributes
    ----------
    share : float
        Of the tested units that lie inside.
    n_inside : int
    inside : float
        Effect inside, in standard deviations.
    contrast : float
        Effect inside minus effect outside, in standard deviations.
    sd : float or None
        Of the tested units, in outcome units.
    """

    share: float
    n_inside: int
    inside: float
    contrast: float
    sd: float | None


@dataclass(frozen=True)
class LowestP:
    """The smallest p value that any persona could have had.

    Attributes
    ----------
    value : float
    reason : {"arrangements", "permutations"}
        Too few arrangements of the arms exist, or were drawn.
    half : {"training", "holdout", None}
        Where; None in all units.
    """

    value: float
    reason: str
    half: str | None


def lowest_p_value(limits):
    """The smallest p value that a claim could rest on, if it misses the level.

    It depends on sizes alone (Tarone, 1990): those of the largest persona that leaves
    enough units of each arm outside.

    Parameters
    ----------
    limits : TrialLimits

    Returns
    -------
    lowest : LowestP or None
        None when the level could be reached, or nothing was tested.
    """
    settings, flow = limits.settings, limits.flow
    alpha, validation = settings["alpha"], settings["validation"]
    if limits.n_confirmed:
        return None
    if validation == "permutation":
        found = [LowestP(_floor(limits, "training", 0), "arrangements", None)]
        # Permutations of the whole search are never enumerated.
        drawn = 1 / (settings["n_permutations"] + 1)
        found.append(LowestP(drawn, "permutations", None))
    elif validation == "holdout" and flow["holdout"] is not None:
        outside = int(settings["criterion"] == "heterogeneity")
        least = {"training": limits.min_arm_size, "holdout": outside}
        found = [
            LowestP(_floor(limits, half, n), "arrangements", half)
            for half, n in least.items()
        ]
    else:
        return None
    lowest = max(found, key=lambda each: each.value)
    # A claim needs a p value below the level.
    return lowest if lowest.value >= alpha else None


def _floor(limits, half, outside):
    """Smallest p value within a half, with `outside` units of each arm left out."""
    record = limits.flow[half]
    if not limits.has_arms:
        n = record["n_units"]
        return floor_from_sizes(n // 2, n - n // 2) if n > 1 else 1.0
    if limits.tests_pairs:
        sizes = (record["n_units"] - outside, None)
    else:
        sizes = tuple(record[arm] - outside for arm in ("n_treated", "n_control"))
    if any(size is not None and size < 1 for size in sizes):
        return 1.0
    return max(floor_from_sizes(*sizes), record["p_floor"])


def tested_half(limits):
    """Name of the half that tests; None when nothing was tested."""
    if limits.settings["validation"] is None:
        return None
    return "training" if limits.flow["holdout"] is None else "holdout"


def n_tests(limits):
    """Tests that share the level: personas in the holdout, or candidates searched."""
    if limits.settings["validation"] == "permutation":
        return max(limits.n_candidates, 1)
    if limits.settings["correction"] in ("holm", "bh"):
        return max(limits.n_held_out, 1)
    return 1


def detectable(limits, scale=1.0):
    """Smallest effects that the tests would have found with probability .8.

    Two-sample and paired t tests stand in for the permutation tests (Cohen, 1988);
    the standard error of a contrast is that of the effect inside over
    ``sqrt(1 - share)`` if the spread is the same on both sides. Each candidate of a
    search counts as a test (Bonferroni), which requires more than the permutation
    test does.

    Parameters
    ----------
    limits : TrialLimits
    scale : float, default=1.0
        Factor on the number of units.

    Returns
    -------
    effects : list of Detectable
        Infinite where no p value could have reached the level (Tarone, 1990); empty
        where single personas were not tested.
    """
    where = tested_half(limits)
    if where is None or limits.settings["validation"] == "repeated":
        return []
    half = limits.flow[where]
    effects = []
    for share in SHARES:
        n_units = scale * half["n_units"]
        n_inside = round(share * n_units)
        options = {
            "n_candidates": n_tests(limits),
            "alpha": limits.settings["alpha"],
            "power": POWER,
        }
        if limits.tests_pairs:
            sizes, options["paired"] = (n_inside, None), True
        elif not limits.has_arms:
            sizes = n_inside, round(n_units) - n_inside
        else:
            arms = ("n_treated", "n_control")
            sizes = tuple(round(scale * share * half[arm]) for arm in arms)
        inside = math.inf
        if _reaches_level(limits, sizes):
            inside = detectable_effect(*sizes, **options)
        # Inside against outside is what a single arm compares.
        wider = 1.0 if not limits.has_arms else math.sqrt(1 - share)
        effects.append(
            Detectable(share, n_inside, inside, inside / wider, half.get("sd"))
        )
    return effects


def _reaches_level(limits, sizes):
    """Whether a permutation test of these sizes can be significant."""
    # A t test needs a degree of freedom, too.
    if sum(size or 0 for size in sizes) < 3 or 0 in sizes:
        return False
    if limits.settings["validation"] == "permutation":
        # It exchanges the arms of all units: `lowest_p_value`.
        return True
    level = limits.settings["alpha"] / n_tests(limits)
    b = limits.settings["n_permutations"]
    return floor_from_sizes(*sizes, n_permutations=b) <= level * (1 + 1e-12)


def smallest_p_value(limits):
    """p floor of the smallest allowed persona; None if it depends on more than size.

    Parameters
    ----------
    limits : TrialLimits

    Returns
    -------
    floor : float or None
    """
    where = tested_half(limits)
    if where is None or limits.flow["period_known"] or limits.flow["n_strata"] > 1:
        return None
    n = limits.min_arm_size
    if not limits.has_arms or limits.settings["validation"] == "permutation":
        return None
    return floor_from_sizes(
        n,
        None if limits.tests_pairs else n,
        n_permutations=limits.settings["n_permutations"],
    )
