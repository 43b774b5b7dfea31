"""
Responder classifiers and personas on a real ketamine trial
===========================================================

On the public NIMH crossover (31 participants, age, sex, BMI and baseline scores), the
usual approach is a support vector classifier of response, fitted on the ketamine
sessions or on all sessions. Here it is compared with personas and a tree of effects on
the same participants. With 29 participants no method should win, and on the public data
none does; the example shows how to tell.

The two files are read from the folder given as the first argument (and downloaded into
it if missing), or else from scikit-learn's data folder. If they are not there, a
simulated trial of the same shape is used instead, and the first line says so. This
page has one round of four folds and 50 permutations; ``python
examples/nimh_responders.py DATA_HOME full`` has five rounds and 200, for the results in
:doc:`comparing estimators <../comparing>`.
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
# Participants with one session only are not used in pairs or contrasts.
warnings.simplefilter("ignore", IncompleteParticipantWarning)


def load():
    """Return the public trial, or a simulated one with the same columns."""
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
# A MADRS score at least 40 % lower two days after the infusion.

change = percent_change(trial.baseline, trial.baseline + trial.target)
response = change <= -40
for arm in ("ketamine", "placebo"):
    own = trial.treatment == arm
    print(f"{arm}: {response[own].sum()} of {own.sum()} sessions with a response")

# %%
# The estimators
# --------------
#
# The classifiers predict response; the others compare the change between the sessions
# of a participant. Each fold leaves out a quarter of the participants, and half of the
# rest is too few for a holdout, so personas are confirmed by permutation.
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
    """Means and intervals of some metrics, as printed in a results section."""
    metrics = [name for name in names if name != "patients"]
    rows = comparison_paper(table, metrics=metrics, subsets=[subset]).loc[subset]
    return rows[list(names)].rename(columns=names).rename_axis(None)


# %%
# Prediction of response to ketamine
# ----------------------------------
#
# In the ketamine sessions. Abstaining counts as half right.

names = {"balanced_accuracy": "balanced accuracy", "roc_auc": "AUC"}
print(paper("arm ketamine", names).to_string())

# %%
# Prediction of benefit
# ---------------------
#
# The effect of ketamine over placebo, in MADRS points, in those called favorable and in
# the rest.

names = {"effect_favorable": "called favorable", "effect_rest": "the rest"}
print(paper("all", names).to_string())

# %%
# The gain from treating by the predictions.

fig, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
ComparisonDisplay.from_table(table, subsets=["all"]).plot(ax=ax)
ax.set_title("NIMH crossover: gain from targeting")
plt.show()

# %%
# The whole-sample results of the confirmed personas are those of abstaining. In the
# patients of the unconfirmed persona, every estimator is judged again:

names = {"patients": "patients", "effect_favorable": "called favorable"}
print(paper("explained by personas, unconfirmed", names).to_string())

# %%
# Differences
# -----------
#
# The variance accounts for the training patients that folds share.

differences = comparison_differences(table, reference="SVC, ketamine sessions").query(
    "metric == 'targeting_gain' and subset == 'all'"
)
shown = ["estimator", "difference", "low", "high", "p_value", "p_adjusted"]
differences[shown].set_index("estimator").round(2)
