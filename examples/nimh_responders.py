"""
Responder classifiers beside personas in a real ketamine trial
==============================================================

What the literature would fit on the public NIMH crossover (31 participants, age, sex,
BMI and baseline scores): a support vector classifier of response, on the ketamine
sessions or on all of them. Beside it, on the same participants, personas and a tree of
effects. The first argument is the folder that holds, or will hold, the two files.

With 29 participants nobody should win, and nobody does; the point is how to tell.
"""

import sys
import warnings

from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sklearn_persona import PersonaDiscoverer
from sklearn_persona.baselines import ArmClassifier, HonestCausalTree
from sklearn_persona.datasets import fetch_nimh_ketamine
from sklearn_persona.exceptions import IncompleteParticipantWarning
from sklearn_persona.metrics import percent_change
from sklearn_persona.model_selection import (
    compare,
    comparison_differences,
    comparison_paper,
)

trial = fetch_nimh_ketamine(data_home=sys.argv[1] if len(sys.argv) > 1 else None)
# Participants who came to one session only are in neither pairs nor contrasts.
warnings.simplefilter("ignore", IncompleteParticipantWarning)

# %%
# Response: at least 40 % less on the MADRS two days after the infusion.
change = percent_change(trial.baseline, trial.baseline + trial.target)
response = change <= -40
for arm in ("ketamine", "placebo"):
    own = trial.treatment == arm
    print(f"{arm}: {response[own].sum()} of {own.sum()} sessions with a response")
data = trial.data.assign(sex=(trial.data["sex"] == "F").astype(float))

# %%
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
        max_variables=2, validation="permutation", n_permutations=200, **trial_wise
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
    data,
    trial.target,
    treatment=trial.treatment,
    groups=trial.groups,
    period=trial.period,
    response=response,
    control="placebo",
    greater_is_better=False,
    cv=4,
    n_repeats=5,
    random_state=0,
)

# %%
# Do they know who responds to ketamine? An abstention counts as half right.
print("\nResponse in the ketamine sessions, 5 x 4 folds\n")
shown = ["balanced_accuracy", "roc_auc"]
arms = comparison_paper(table, metrics=shown, subsets=["arm ketamine"])
print(arms.loc["arm ketamine", shown].to_string())

# %%
# Do they know who benefits? The effect of ketamine over placebo, in MADRS points, in
# those called favorable and in the rest.
print("\nEffect of ketamine, MADRS points\n")
shown = ["favorable_share", "effect_favorable", "effect_rest", "targeting_gain"]
print(
    comparison_paper(table, metrics=shown, subsets=["all"])
    .loc["all", shown]
    .to_string()
)

# %%
# The whole-sample figures of the confirmed personas are those of saying nothing. In the
# patients of the unconfirmed one, everybody is judged anew:
subset = "explained by personas, unconfirmed"
shown = ["patients", "balanced_accuracy", "effect_favorable"]
print("\nIn the patients of the unconfirmed persona alone\n")
print(
    comparison_paper(table, metrics=shown[1:], subsets=[subset])
    .loc[subset, shown]
    .to_string()
)

# %%
# Differences, with the variance that shared training patients ask for.
differences = comparison_differences(table, reference="SVC, ketamine sessions").query(
    "metric == 'targeting_gain' and subset == 'all'"
)
print("\nTargeting gain less that of the SVC on ketamine sessions\n")
shown = ["estimator", "difference", "low", "high", "p_value", "p_adjusted"]
print(differences[shown].round(2).to_string(index=False))
