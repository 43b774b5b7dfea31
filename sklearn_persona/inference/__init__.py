"""Statistics on arrays: tests, intervals, multiplicity and power.

Functions take plain arrays and know nothing of tables or designs; only
`simulate_power` fits an estimator, which the caller supplies.
"""

from sklearn_persona.inference._conditional import conditional_interval
from sklearn_persona.inference._enrichment import EnrichmentDesign, enrichment_design
from sklearn_persona.inference._interaction import InteractionResult, interaction_test
from sklearn_persona.inference._intervals import (
    bootstrap_ci,
    contrast_interval,
    contrast_pvalue,
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
from sklearn_persona.inference._simulation import SimulatedPower, simulate_power

__all__ = [
    "EnrichmentDesign",
    "InteractionResult",
    "PermutationResult",
    "ResampledResult",
    "SimulatedPower",
    "adjust_pvalues",
    "bootstrap_ci",
    "conditional_interval",
    "contrast_interval",
    "contrast_pvalue",
    "corrected_resampled_test",
    "detectable_effect",
    "enrichment_design",
    "floor_from_sequences",
    "floor_from_sizes",
    "floor_from_strata",
    "interaction_test",
    "max_statistic_pvalues",
    "mean_interval",
    "permutation_pvalue",
    "sequence_pvalue",
    "simulate_power",
    "smallest_testable_size",
    "welch_interval",
]
