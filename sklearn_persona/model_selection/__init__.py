"""Splits that keep participants whole, and comparisons on identical splits."""

from sklearn_persona.model_selection._compare import compare
from sklearn_persona.model_selection._display import ComparisonDisplay
from sklearn_persona.model_selection._splitters import (
    ArmStratifiedGroupKFold,
    ArmStratifiedGroupShuffleSplit,
)
from sklearn_persona.model_selection._summaries import (
    comparison_differences,
    comparison_paper,
    comparison_summary,
)

__all__ = [
    "ArmStratifiedGroupKFold",
    "ArmStratifiedGroupShuffleSplit",
    "ComparisonDisplay",
    "compare",
    "comparison_differences",
    "comparison_paper",
    "comparison_summary",
]
