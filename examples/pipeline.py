"""
Personas in a pipeline, cross-validated and tuned
=================================================

Arm, participant and period are routed by scikit-learn, so that scaling, grid search
and nested cross-validation work as for any estimator.
"""

import warnings

import numpy as np
import pandas as pd
import sklearn
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_persona import PersonaDiscoverer, TrialFrame
from sklearn_persona.datasets import make_parallel_trial
from sklearn_persona.exceptions import NoPersonaWarning
from sklearn_persona.model_selection import ArmStratifiedGroupKFold

sklearn.set_config(enable_metadata_routing=True)
# Nothing found in a fold is an answer, not a mishap.
warnings.simplefilter("ignore", NoPersonaWarning)

trial = make_parallel_trial(n_samples=240, n_features=6, effect=2.0, random_state=0)
params = {"treatment": trial.treatment, "groups": trial.groups}
folds = ArmStratifiedGroupKFold(n_splits=3, shuffle=True, random_state=0)

# %%
# Cross-validation of a pipeline
# ------------------------------
#
# The score is the targeting gain, in SD of the outcome: 0 for saying nothing.

pipeline = make_pipeline(
    StandardScaler().set_output(transform="pandas"),
    PersonaDiscoverer(
        max_variables=2,
        n_personas=3,
        n_alternatives=0,
        n_bootstrap=0,
        prognostic=None,
        random_state=0,
    ),
)
scores = cross_validate(pipeline, trial.data, trial.target, cv=folds, params=params)
print("targeting gain by fold:", scores["test_score"].round(3))

# %%
# A grid search
# -------------
#
# Over the depth of the search and a threshold of the claim. Parameters of the
# discoverer are tuned like those of any step.

grid = GridSearchCV(
    pipeline,
    {
        "personadiscoverer__max_variables": [1, 2],
        "personadiscoverer__min_effect_size": [0.2, 0.8],
    },
    cv=folds,
)
grid.fit(trial.data, trial.target, **params)
columns = {
    "param_personadiscoverer__max_variables": "max_variables",
    "param_personadiscoverer__min_effect_size": "min_effect_size",
    "mean_test_score": "targeting gain",
    "std_test_score": "SD over folds",
}
pd.DataFrame(grid.cv_results_)[list(columns)].rename(columns=columns).round(3)

# %%
# The score of the best cell is that of a choice. An honest one needs another loop
# around it.

nested = cross_validate(grid, trial.data, trial.target, cv=folds, params=params)
print("targeting gain by fold, tuned inside:", nested["test_score"].round(3))

# %%
# A table that still holds the arm
# --------------------------------
#
# `TrialFrame` takes the column out, hides it from the preprocessing and routes it.

table = trial.data.assign(arm=trial.treatment)
framed = TrialFrame(pipeline, treatment="arm").fit(table, trial.target)
print(f"{np.mean(framed.predict(table) != 0):.0%} of the participants are explained")
