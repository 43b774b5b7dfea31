"""What a trial of this size could have shown."""

import math
from dataclasses import dataclass

from sklearn_persona.inference import detectable_effect, floor_from_sizes

__all__ = [
    "POWER",
    "SHARES",
    "Detectable",
    "detectable",
    "n_tests",
    "smallest_p_value",
    "tested_half",
]

POWER = 0.8
SHARES = (0.5, 0.25)


@dataclass(frozen=True)
class Detectable:
    """The smallest true effect that would have been found as a rule.

    Attributes
    ----------
    share : float
        Of the tested units that lie inside.
    n_inside : int
    inside : float
        Effect inside, in standard deviations.
    contrast : float
        Effect inside less effect outside, in standard deviations.
    sd : float or None
        Of the tested units, in outcome units.
    """

    share: float
    n_inside: int
    inside: float
    contrast: float
    sd: float | None


def tested_half(facts):
    """Name of the half that tests; None when nothing was tested."""
    if facts.settings["validation"] is None:
        return None
    return "training" if facts.flow["holdout"] is None else "holdout"


def n_tests(facts):
    """Tests that share the level: personas in the holdout, or candidates searched."""
    if facts.settings["validation"] == "permutation":
        return max(int(facts.search["n_candidates"]), 1)
    if facts.settings["correction"] in ("holm", "bh"):
        return max(sum(persona.holdout is not None for persona in facts.personas), 1)
    return 1


def detectable(facts, scale=1.0):
    """Smallest effects that the tests would have found with probability .8.

    Two-sample and paired t tests stand in for the permutation tests (Cohen, 1988);
    the standard error of a contrast is that of the effect inside over
    ``sqrt(1 - share)`` when the spread is the same on both sides. Candidates of a
    search count as so many tests (Bonferroni), which asks for more than the
    permutation test does.

    Parameters
    ----------
    facts : Facts
    scale : float, default=1.0
        Times as many units as there were.

    Returns
    -------
    effects : list of Detectable
        Infinite where no p value could have reached the level (Tarone, 1990); none
        where no single persona was tested.
    """
    where = tested_half(facts)
    if where is None or facts.settings["validation"] == "repeated":
        return []
    half = facts.flow[where]
    effects = []
    for share in SHARES:
        n_units = scale * half["n_units"]
        n_inside = round(share * n_units)
        options = {
            "n_candidates": n_tests(facts),
            "alpha": facts.settings["alpha"],
            "power": POWER,
        }
        if facts.design == "crossover":
            sizes, options["paired"] = (n_inside, None), True
        elif facts.design == "single-arm":
            sizes = n_inside, round(n_units) - n_inside
        else:
            arms = ("n_treated", "n_control")
            sizes = tuple(round(scale * share * half[arm]) for arm in arms)
        inside = math.inf
        if _reaches_level(facts, sizes):
            inside = detectable_effect(*sizes, **options)
        # Inside against outside is what a single arm compares.
        wider = 1.0 if facts.design == "single-arm" else math.sqrt(1 - share)
        effects.append(
            Detectable(share, n_inside, inside, inside / wider, half.get("sd"))
        )
    return effects


def _reaches_level(facts, sizes):
    """Whether a permutation test of these sizes can be significant at all."""
    # A t test needs a degree of freedom, too.
    if sum(size or 0 for size in sizes) < 3 or 0 in sizes:
        return False
    level = facts.settings["alpha"]
    if facts.settings["validation"] != "permutation":
        level /= n_tests(facts)
    b = facts.settings["n_permutations"]
    return floor_from_sizes(*sizes, n_permutations=b) <= level * (1 + 1e-12)


def smallest_p_value(facts):
    """p floor of a persona of the smallest allowed size; None where it depends on more.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    floor : float or None
    """
    if tested_half(facts) is None or facts.flow["period_known"]:
        return None
    n = facts.min_arm_size
    if facts.design == "single-arm":
        return None
    return floor_from_sizes(
        n,
        None if facts.design == "crossover" else n,
        n_permutations=facts.settings["n_permutations"],
    )
