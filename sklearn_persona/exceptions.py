"""Warnings raised by sklearn_persona.

All are subclasses of :class:`PersonaWarning`, so one filter silences them all or
turns them all into errors.
"""

import sys
import warnings

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


def warn_caller(message, category):
    """Warn, and name the line outside this package that led here.

    Parameters
    ----------
    message : str
    category : type
        A subclass of `Warning`.
    """
    package = __name__.partition(".")[0]
    frame, stacklevel = sys._getframe(1), 2
    while frame.f_back is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] != package:
            break
        frame, stacklevel = frame.f_back, stacklevel + 1
    warnings.warn(message, category, stacklevel=stacklevel)


class PersonaWarning(UserWarning):
    """Base class of all warnings of this package.

    Examples
    --------
    >>> import warnings
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(n_samples=40, n_features=3, random_state=0)
    >>> finder = PersonaDiscoverer(max_variables=1, random_state=0)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", PersonaWarning)
    ...     finder = finder.fit(trial.data, trial.target)  # no treatment: single arm
    >>> finder.design_
    'single-arm'
    """


class SingleArmWarning(PersonaWarning):
    """No treatment was given: personas are subgroups with a different outcome."""


class NoPersonaWarning(PersonaWarning):
    """The search found no persona; the fitted estimator predicts 0 for everyone."""


class PeriodUnknownWarning(PersonaWarning):
    """A crossover was analyzed without the period of each case."""


class IncompleteParticipantWarning(PersonaWarning):
    """Participants without both arms were left out of a crossover analysis."""


class VaryingBaselineWarning(PersonaWarning):
    """A column differs within a participant; the first row is used."""


class UnusableColumnWarning(PersonaWarning):
    """A column yields no condition, because all its values are missing."""


class SearchCostWarning(PersonaWarning):
    """The exact search is expected to take very long, or was skipped for that reason.

    The message gives the predicted time, or says that a beam search ran instead, and
    suggests a change. Turn it into an error in a job that must finish in time or must
    prove its result.
    """
