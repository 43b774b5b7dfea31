"""
Responder classifiers beside personas in a real ketamine trial
==============================================================

What the literature would fit on the public NIMH crossover (31 participants, age, sex,
BMI and baseline scores): a support vector classifier of response, on the ketamine
sessions or on all of them. Beside it, on the same participants, personas and a tree of
effects. With 29 participants nobody should win, and in the public data nobody does; the
point is how to tell.

The two files are read from the folder that is given as first argument (and downloaded
into it when they are missing), else from scikit-learn's data folder if they are there.
Without them a simulated trial of the same shape takes their place, and the first line
says so. This page has one round of four folds and 50 permutations; ``python
examples/nimh_responders.py DATA_HOME full`` has five rounds and 200, for the figures of
:doc:`comparing fairly <../comparing>`.
"""

import sys
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sklearn_persona import PersonaDiscoverer
from sklearn_persona.baselines import ArmClassifier, HonestCausalTree
from sklearn_persona.datasets import fetch_nimh_ketamine, make_ketamine_crossover
from sklearn_persona.exceptions import IncompleteParticipantWarning
from sklearn_persona.metrics import percent_change
from sklearn_persona.model_selection import (
    ComparisonDisplay,
    compare,
    comparison_differences,
    comparison_paper,
)

FULL = "full" in sys.argv
# Participants who came to one session only are in neither pairs nor contrasts.
warnings.simplefilter("ignore", IncompleteParticipantWarning)


def load():
    """The public trial, or a simulated one with its columns."""
    folder = next((word for word in sys.argv[1:] if word != "full"), None)
    try:
        trial = fetch_nimh_ketamine(
            data_home=folder, download_if_missing=folder is not None
        )
        trial.data["sex"] = (trial.data["sex"] == "F").astype(float)
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
print(origin)

# %%
# Response
# --------
#
# At least 40 % less on the MADRS two days after the infusion.

change = percent_change(trial.baseline, trial.baseline + trial.target)
response = change <= -40
for arm in ("ketamine", "placebo"):
    own = trial.treatment == arm
    print(f"{arm}: {response[own].sum()} of {own.sum()} sessions with a response")

# %%
# The contestants
# ---------------
#
# The classifiers predict response; the others contrast the change between the sessions
# of a participant. A quarter of the participants is left out, and half of the rest is
# too few for a holdout of its own: confirmation is by permutation.
svc = make_pipeline(
    SimpleImputer(), StandardScaler(), SVC(class_weight="balanced", random_state=0)
)
trial_wise = {"greater_is_better": False, "control": "placebo", "random_state": 0}
models = {
    "SVC, ketamine sessions": ArmClassifier(svc, arm="ketamine"),
    "SVC, all sessions": svc,
    "personas, confirmed": PersonaDiscoverer(
        max_variables=2,
        validation="permutation",
        n_permutations=200 if FULL else 50,
        **trial_wise,
    ),
    "personas, unconfirmed": PersonaDiscoverer(
        max_variables=2,
        validation=None,
        n_personas=1,
        direction="favorable",
        **trial_wise,
    ),
    "honest causal tree": HonestCausalTree(min_arm_size=3, **trial_wise),
}
table = compare(
    models,
    trial.data,
    trial.target,
    treatment=trial.treatment,
    groups=trial.groups,
    period=trial.period,
    response=response,
    control="placebo",
    greater_is_better=False,
    cv=4,
    n_repeats=5 if FULL else 1,
    random_state=0,
)


def paper(subset, names):
    """Means and intervals of some metrics, as a results section prints them."""
    metrics = [name for name in names if name != "patients"]
    rows = comparison_paper(table, metrics=metrics, subsets=[subset]).loc[subset]
    return rows[list(names)].rename(columns=names).rename_axis(None)


# %%
# Do they know who responds to ketamine?
# --------------------------------------
#
# In the ketamine sessions. An abstention counts as half right.

names = {"balanced_accuracy": "balanced accuracy", "roc_auc": "AUC"}
print(paper("arm ketamine", names).to_string())

# %%
# Do they know who benefits?
# --------------------------
#
# The effect of ketamine over placebo, in MADRS points, in those called favorable and in
# the rest.

names = {"effect_favorable": "called favorable", "effect_rest": "the rest"}
print(paper("all", names).to_string())

# %%
# What treating by their word would gain.

fig, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
ComparisonDisplay.from_table(table, subsets=["all"]).plot(ax=ax)
ax.set_title("NIMH crossover: gain from targeting")
plt.show()

# %%
# The whole-sample figures of the confirmed personas are those of saying nothing. In the
# patients of the unconfirmed one, everybody is judged anew:

names = {"patients": "patients", "effect_favorable": "called favorable"}
print(paper("explained by personas, unconfirmed", names).to_string())

# %%
# Differences
# -----------
#
# With the variance that shared training patients ask for.

differences = comparison_differences(table, reference="SVC, ketamine sessions").query(
    "metric == 'targeting_gain' and subset == 'all'"
)
shown = ["estimator", "difference", "low", "high", "p_value", "p_adjusted"]
differences[shown].set_index("estimator").round(2)
