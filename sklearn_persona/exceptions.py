"""Warnings raised by sklearn_persona.

All are subclasses of :class:`PersonaWarning`, so that a user can silence or
promote the whole family with one filter.
"""

__all__ = [
    "IncompleteParticipantWarning",
    "NoPersonaWarning",
    "PeriodUnknownWarning",
    "PersonaWarning",
    "SearchCostWarning",
    "SingleArmWarning",
    "UnusableColumnWarning",
    "VaryingBaselineWarning",
]


class PersonaWarning(UserWarning):
    """Base class of every warning of this package."""


class SingleArmWarning(PersonaWarning):
    """No treatment was given: personas are subgroups with a different outcome."""


class NoPersonaWarning(PersonaWarning):
    """The search found no persona; the fitted estimator predicts 0 for everyone."""


class PeriodUnknownWarning(PersonaWarning):
    """A crossover was analysed without the period of each case."""


class IncompleteParticipantWarning(PersonaWarning):
    """Participants without both arms take no part in a crossover analysis."""


class VaryingBaselineWarning(PersonaWarning):
    """A column differs within a participant; the first row is used."""


class UnusableColumnWarning(PersonaWarning):
    """A column yields no condition: all its values are missing."""


class SearchCostWarning(PersonaWarning):
    """The exact search is predicted to take very long."""
