"""Trials with planted personas, and the public NIMH ketamine trial.

The generators (``make_*``) return the truth: the rows of a persona and the effect of
treatment in them. ``effect=0`` gives the null twin of a trial: the same table, arms
and noise, and one constant effect for everyone.
"""

from sklearn_persona.datasets._cohorts import make_structural_mri_cohorts
from sklearn_persona.datasets._ketamine import make_ketamine_crossover
from sklearn_persona.datasets._nimh import fetch_nimh_ketamine
from sklearn_persona.datasets._parallel import make_parallel_trial

__all__ = [
    "fetch_nimh_ketamine",
    "make_ketamine_crossover",
    "make_parallel_trial",
    "make_structural_mri_cohorts",
]
