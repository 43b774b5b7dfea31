"""Statistics on arrays: tests, intervals, multiplicity and power.

Nothing here knows personas, tables or designs.
"""

from sklearn_persona.inference._interaction import InteractionResult, interaction_test
from sklearn_persona.inference._intervals import (
    bootstrap_ci,
    mean_interval,
    welch_interval,
)
from sklearn_persona.inference._multiplicity import (
    adjust_pvalues,
    max_statistic_pvalues,
)
from sklearn_persona.inference._permutation import (
    PermutationResult,
    floor_from_sizes,
    floor_from_strata,
    permutation_pvalue,
    smallest_testable_size,
)
from sklearn_persona.inference._power import detectable_effect
from sklearn_persona.inference._resampled import (
    ResampledResult,
    corrected_resampled_test,
)
from sklearn_persona.inference._sequence import floor_from_sequences, sequence_pvalue

__all__ = [
    "InteractionResult",
    "PermutationResult",
    "ResampledResult",
    "adjust_pvalues",
    "bootstrap_ci",
    "corrected_resampled_test",
    "detectable_effect",
    "floor_from_sequences",
    "floor_from_sizes",
    "floor_from_strata",
    "interaction_test",
    "max_statistic_pvalues",
    "mean_interval",
    "permutation_pvalue",
    "sequence_pvalue",
    "smallest_testable_size",
    "welch_interval",
]
