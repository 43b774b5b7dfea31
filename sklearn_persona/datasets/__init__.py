"""Trials with planted personas, and the public NIMH ketamine trial.

The generators (``make_*``) know the truth: which rows belong to a persona and
how much treatment changes their outcome. ``effect=0`` gives the null twin of a
trial: the same table, arms and noise, and one constant effect for everybody.
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
