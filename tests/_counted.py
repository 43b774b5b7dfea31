"""How many cases a property is tried on, and how many were compared.

``SKLEARN_PERSONA_EXAMPLES=20`` tries twenty times as many. ``SKLEARN_PERSONA_SEED=7``
draws others than the ones that every ordinary run repeats. ``SKLEARN_PERSONA_SHRINK=0``
leaves a failing case as large as it was found.
"""

import os
from collections import Counter

from hypothesis import HealthCheck, Phase, seed, settings

FACTOR = float(os.environ.get("SKLEARN_PERSONA_EXAMPLES", "1"))
SEED = os.environ.get("SKLEARN_PERSONA_SEED")
SHRINK = os.environ.get("SKLEARN_PERSONA_SHRINK") != "0"
# Cases compared, by what they were compared with.
CASES = Counter()


def profile(max_examples, **options):
    """Settings of a property: the same examples in every ordinary run."""
    if not SHRINK:
        options["phases"] = [Phase.explicit, Phase.generate]
    chosen = settings(
        max_examples=max(1, round(max_examples * FACTOR)),
        deadline=None,
        derandomize=SEED is None,
        database=None,
        suppress_health_check=list(HealthCheck),
        **options,
    )
    if SEED is None:
        return chosen
    return lambda test: seed(int(SEED))(chosen(test))


def count(what, n=1):
    """Note that so many cases were compared."""
    CASES[what] += n
