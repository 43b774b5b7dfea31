"""
Pipelines, cross-validation and grid search
===========================================

scikit-learn routes arm, participant and period, so scaling, grid search and nested
cross-validation work as for any estimator.
"""

import warnings

import matplotlib.pyplot as plt
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
# Finding nothing in a fold is a valid result.
warnings.simplefilter("ignore", NoPersonaWarning)

trial = make_parallel_trial(n_samples=240, n_features=6, effect=2.0, random_state=0)
params = {"treatment": trial.treatment, "groups": trial.groups}
folds = ArmStratifiedGroupKFold(n_splits=3, shuffle=True, random_state=0)

# %%
# Cross-validation of a pipeline
# ------------------------------
#
# The score is the targeting gain, in SD of the outcome; it is 0 without claims.

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
# The grid covers the depth of the search and a threshold of the claim. Parameters of
# the discoverer are tuned like those of any step.

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
results = pd.DataFrame(grid.cv_results_)[list(columns)].rename(columns=columns)
results.round(3)

# %%
# The folds of each cell as dots. Without explained participants the gain is 0.

fig, ax = plt.subplots(figsize=(8, 3), layout="constrained")
for row, scores in enumerate(
    zip(*(grid.cv_results_[f"split{i}_test_score"] for i in range(3)))
):
    ax.plot(scores, [row] * 3, "o", color="0.6")
ax.plot(results["targeting gain"], results.index, "D", color="#0b665c", label="mean")
labels = [
    f"{int(depth)} variable{'s' if depth > 1 else ''}, d above {least:g}"
    for depth, least in zip(results["max_variables"], results["min_effect_size"])
]
ax.set(
    yticks=results.index,
    yticklabels=labels,
    ylim=(len(results) - 0.5, -0.5),
    xlabel="targeting gain (SD of the outcome)",
    title="Grid search over a discoverer",
)
ax.axvline(0, color="0.8", linewidth=1)
ax.legend(frameon=False)
plt.show()

# %%
# The score of the best cell is biased by the choice. An unbiased score needs nested
# cross-validation.

nested = cross_validate(grid, trial.data, trial.target, cv=folds, params=params)
print("targeting gain by fold, tuned inside:", nested["test_score"].round(3))

# %%
# A table that still holds the arm
# --------------------------------
#
# `TrialFrame` removes the column, hides it from the preprocessing and routes it.

table = trial.data.assign(arm=trial.treatment)
framed = TrialFrame(pipeline, treatment="arm").fit(table, trial.target)
print(f"{np.mean(framed.predict(table) != 0):.0%} of the participants are explained")
