"""
Personas in a pipeline, cross-validated and tuned
=================================================

Arm, participant and period are routed by scikit-learn, so that scaling, grid search
and nested cross-validation work as for any estimator.
"""

import warnings

import numpy as np
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

trial = make_parallel_trial(n_samples=300, effect=2.0, random_state=0)
params = {"treatment": trial.treatment, "groups": np.arange(300)}
folds = ArmStratifiedGroupKFold(n_splits=3, shuffle=True, random_state=0)

# %%
# Cross-validation of a pipeline. The score is the targeting gain, in SD of the outcome.
pipeline = make_pipeline(
    StandardScaler().set_output(transform="pandas"),
    PersonaDiscoverer(max_variables=2, n_personas=3, random_state=0),
)
scores = cross_validate(pipeline, trial.data, trial.target, cv=folds, params=params)
print("targeting gain by fold:", scores["test_score"].round(3))

# %%
# A grid over a threshold inside the folds, and cross-validation around it.
grid = GridSearchCV(
    pipeline, {"personadiscoverer__min_effect_size": [0.2, 0.5, 0.8]}, cv=folds
)
nested = cross_validate(grid, trial.data, trial.target, cv=folds, params=params)
print("nested:", nested["test_score"].round(3))

# %%
# A table that still holds the arm: TrialFrame takes the column out, hides it from the
# preprocessing and routes it.
table = trial.data.assign(arm=trial.treatment)
framed = TrialFrame(pipeline, treatment="arm").fit(table, trial.target)
print("explained:", np.mean(framed.predict(table) != 0).round(3))
