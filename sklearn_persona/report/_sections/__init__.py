"""Sections of the report, a file each, in order."""

from sklearn_persona.report._sections import (
    baseline,
    checklist,
    explained,
    flow,
    forest,
    methods,
    personas,
    reading,
    selection,
    settings,
    summary,
)

__all__ = ["SECTIONS"]

SECTIONS = (
    summary.SECTION,
    personas.SECTION,
    forest.SECTION,
    explained.SECTION,
    selection.SECTION,
    flow.SECTION,
    reading.SECTION,
    baseline.SECTION,
    methods.SECTION,
    checklist.SECTION,
    settings.SECTION,
)
