"""Figures: scikit-learn displays, drawn by matplotlib (extra ``plot``)."""

from sklearn_persona.plotting._forest import ForestDisplay
from sklearn_persona.plotting._growth import GrowthDisplay
from sklearn_persona.plotting._persona import PersonaDisplay
from sklearn_persona.plotting._power import PowerDisplay
from sklearn_persona.plotting._stability import StabilityDisplay

__all__ = [
    "ForestDisplay",
    "GrowthDisplay",
    "PersonaDisplay",
    "PowerDisplay",
    "StabilityDisplay",
]
