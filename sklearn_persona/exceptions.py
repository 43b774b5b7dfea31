"""Warnings raised by sklearn_persona.

All are subclasses of :class:`PersonaWarning`, so that a user can silence or
promote the whole family with one filter.
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
    """Warn about the line, outside this package, that led here.

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
    """Base class of every warning of this package.

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
    """No treatment was given: personas are subgroups with a different outcome.

    Examples
    --------
    >>> import warnings
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(n_samples=40, n_features=3, random_state=0)
    >>> finder = PersonaDiscoverer(max_variables=1, random_state=0)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     finder = finder.fit(trial.data, trial.target)
    >>> caught[0].category.__name__
    'SingleArmWarning'
    """


class NoPersonaWarning(PersonaWarning):
    """The search found no persona; the fitted estimator predicts 0 for everyone.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(n_samples=40, n_features=3, random_state=0)
    >>> finder = PersonaDiscoverer(max_variables=1, random_state=0)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     finder = finder.fit(trial.data, np.zeros(40), treatment=trial.treatment)
    >>> finder.personas_
    []
    >>> caught[0].category.__name__
    'NoPersonaWarning'
    """


class PeriodUnknownWarning(PersonaWarning):
    """A crossover was analysed without the period of each case.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(n_samples=20, n_features=3, random_state=0)
    >>> X = trial.data.loc[np.repeat(trial.data.index, 2)]
    >>> y = np.repeat(trial.target, 2)
    >>> arm, participant = np.tile([0, 1], 20), np.repeat(trial.groups, 2)
    >>> finder = PersonaDiscoverer(max_variables=1, validation=None)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     finder = finder.fit(X, y + arm, treatment=arm, groups=participant)
    >>> caught[0].category.__name__
    'PeriodUnknownWarning'
    """


class IncompleteParticipantWarning(PersonaWarning):
    """Participants without both arms take no part in a crossover analysis.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(n_samples=20, n_features=3, random_state=0)
    >>> X = trial.data.loc[np.repeat(trial.data.index, 2)]
    >>> y = np.repeat(trial.target, 2)
    >>> arm, participant = np.tile([0, 1], 20), np.repeat(trial.groups, 2)
    >>> period = np.tile([1, 2, 2, 1], 10)
    >>> finder = PersonaDiscoverer(max_variables=1, validation=None)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     finder = finder.fit(
    ...         X[1:], (y + arm)[1:], treatment=arm[1:], groups=participant[1:],
    ...         period=period[1:],
    ...     )
    >>> caught[0].category.__name__
    'IncompleteParticipantWarning'
    """


class VaryingBaselineWarning(PersonaWarning):
    """A column differs within a participant; the first row is used.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(n_samples=20, n_features=3, random_state=0)
    >>> X = trial.data.loc[np.repeat(trial.data.index, 2)]
    >>> y = np.repeat(trial.target, 2)
    >>> arm, participant = np.tile([0, 1], 20), np.repeat(trial.groups, 2)
    >>> period = np.tile([1, 2, 2, 1], 10)
    >>> X["weight"] = np.arange(40.0)
    >>> finder = PersonaDiscoverer(max_variables=1, validation=None)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     finder = finder.fit(
    ...         X, y + arm, treatment=arm, groups=participant, period=period
    ...     )
    >>> caught[0].category.__name__
    'VaryingBaselineWarning'
    """


class UnusableColumnWarning(PersonaWarning):
    """A column yields no condition: all its values are missing.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(n_samples=40, n_features=3, random_state=0)
    >>> X = trial.data.assign(never_measured=np.nan)
    >>> finder = PersonaDiscoverer(max_variables=1, random_state=0)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     finder = finder.fit(X, trial.target, treatment=trial.treatment)
    >>> caught[0].category.__name__
    'UnusableColumnWarning'
    """


class SearchCostWarning(PersonaWarning):
    """The exact search is predicted to take very long, or was not tried for that.

    The message has the predicted time, or says that a beam searched instead, and what
    to change. In a job that must end, or must have a proof, make it an error.

    Examples
    --------
    >>> import warnings
    >>> from sklearn_persona import PersonaDiscoverer
    >>> from sklearn_persona.datasets import make_parallel_trial
    >>> trial = make_parallel_trial(n_samples=40, n_features=3, random_state=0)
    >>> finder = PersonaDiscoverer(max_variables=1, random_state=0)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", SearchCostWarning)
    ...     finder = finder.fit(trial.data, trial.target, treatment=trial.treatment)
    >>> finder.search_.proven_optimal
    True
    """
