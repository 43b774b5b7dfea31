"""
The trial of the published personas: ketamine in treatment-resistant depression
===============================================================================

The public part of trial NCT00088699 (OpenNeuro ds005917) has 31 participants, six
baseline variables and depression scores two days after each infusion.

The two files are read from the folder given as the first argument (and downloaded into
it if missing), or else from scikit-learn's data folder. If they are not there, a
simulated trial of the same shape is used instead, and the first line says so.

Twelve pairs in each half cannot confirm much: with six members, p cannot be below .043,
so at most one persona can be tested in the holdout.
"""

import sys
import warnings

import matplotlib.pyplot as plt
import numpy as np

from sklearn_persona import Persona, PersonaDiscoverer
from sklearn_persona.datasets import fetch_nimh_ketamine, make_ketamine_crossover
from sklearn_persona.exceptions import IncompleteParticipantWarning
from sklearn_persona.plotting import ForestDisplay

# Five participants came to one session only; the counts below show this.
warnings.simplefilter("ignore", IncompleteParticipantWarning)


def load():
    """Return the public trial, or a simulated one with the same columns."""
    folder = sys.argv[1] if len(sys.argv) > 1 else None
    try:
        trial = fetch_nimh_ketamine(
            data_home=folder, download_if_missing=folder is not None
        )
        return trial, "the public data of the trial"
    except OSError:
        if folder is not None:
            raise
    trial = make_ketamine_crossover(
        n_participants=31, n_incomplete=5, effect=0, main_effect=6.75, random_state=0
    )
    columns = {"Age (years)": "age", "MADRS total": "MADRS", "HAMD-17 total": "HAMD17"}
    trial.data = trial.data[list(columns)].rename(columns=columns)
    trial.treatment = np.where(trial.treatment == "saline", "placebo", "ketamine")
    return trial, "SIMULATED data: the files of the public trial are not here"


trial, origin = load()
print(f"{origin}; {len(trial.data)} sessions, {trial.data.shape[1]} variables")
metadata = {
    "treatment": trial.treatment,
    "groups": trial.groups,
    "period": trial.period,
}
setting = {"design": "crossover", "greater_is_better": False, "control": "placebo"}

# %%
# The effect in everyone
# ----------------------
#
# A persona that covers everyone with a known age gives the effect of the whole trial.

everyone = Persona.from_conditions({"age": (0, None)})
overall = everyone.evaluate(trial.data, trial.target, **metadata, **setting)
low, high = overall.ci_effect
print(
    f"{overall.n_groups} complete pairs: ketamine is {overall.effect:.2f} MADRS points "
    f"better,\n95 % CI {low:.1f} to {high:.1f}, p = {overall.p_value:.4f}; "
    f"period 1 alone {overall.effect_period1:.2f},\nperiod 2 alone "
    f"{overall.effect_period2:.2f}, carry-over p = {overall.p_carryover:.2f}"
)

# %%
# The search
# ----------
#
# Half of the pairs choose personas and the other half tests them.

finder = PersonaDiscoverer(**setting, n_personas=3, random_state=0)
finder.fit(trial.data, trial.target, **metadata)
print(f"{finder.n_confirmed_} confirmed of {len(finder.personas_)} found\n")
print(finder.personas_[0])

# %%
# The effects of all three personas. Their intervals come from a dozen pairs at most.

fig, ax = plt.subplots(figsize=(9, 3.2), layout="constrained")
ForestDisplay.from_estimator(finder, ax=ax)
_ = ax.set_title("Effects in MADRS points")

# %%
# A prespecified persona
# ----------------------
#
# No selection takes place here, so the p values and intervals need no correction.

young = Persona.from_conditions({"age": (None, 35)})
record = young.evaluate(trial.data, trial.target, **metadata, **setting)
print(
    f"{young.rule}: effect {record.effect:.2f} inside, {record.effect_complement:.2f} "
    f"outside, p for the difference = {record.p_interaction:.3f}"
)
