"""
A grid search on dask workers
=============================

Everything that goes through joblib can run on dask: cross-validation, grid searches,
permutations, and the branches of one large search. The result is the same as on one
core.

Here the two workers are threads of this process, so the script runs as it is. For
worker processes, leave out ``processes=False`` and put the lines that use the cluster
below ``if __name__ == "__main__":``. For a running cluster, pass its address to
``Client``. Requires ``pip install 'sklearn-persona[dask]'``.
"""

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import sklearn
from distributed import Client, LocalCluster
from sklearn.model_selection import GridSearchCV

from sklearn_persona import PersonaDiscoverer
from sklearn_persona.datasets import make_parallel_trial
from sklearn_persona.model_selection import ArmStratifiedGroupKFold

sklearn.set_config(enable_metadata_routing=True)

trial = make_parallel_trial(n_samples=200, n_features=8, effect=2.0, random_state=0)
grid = GridSearchCV(
    PersonaDiscoverer(
        n_personas=2, n_alternatives=0, n_bootstrap=0, prognostic=None, random_state=0
    ),
    {"max_variables": [1, 2], "min_coverage": [0.1, 0.3]},
    cv=ArmStratifiedGroupKFold(n_splits=3, shuffle=True, random_state=0),
)

# %%
# On the workers
# --------------
#
# A task is the fit of one fold. The table is sent to all workers beforehand.

with (
    LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster,
    Client(cluster),
    joblib.parallel_config(backend="dask", scatter=[trial.data]),
):
    grid.fit(trial.data, trial.target, treatment=trial.treatment)

columns = ["param_max_variables", "param_min_coverage", "mean_test_score"]
on_workers = pd.DataFrame(grid.cv_results_)[columns]
on_workers.round(3)

# %%
# On one core
# -----------
#
# The scores are the same, to the last digit.

grid.fit(trial.data, trial.target, treatment=trial.treatment)
alone = pd.DataFrame(grid.cv_results_)[columns]
print("identical:", alone.equals(on_workers))

fig, ax = plt.subplots(figsize=(7, 2.8), layout="constrained")
for offset, table, name in ((-0.1, on_workers, "workers"), (0.1, alone, "one core")):
    rows = np.arange(len(table)) + offset
    ax.plot(table["mean_test_score"], rows, "o", label=name)
ax.set(
    yticks=range(len(alone)),
    yticklabels=[
        f"{depth} variable{'s' if depth > 1 else ''}, coverage from {share:.0%}"
        for depth, share in zip(
            alone["param_max_variables"], alone["param_min_coverage"]
        )
    ],
    ylim=(len(alone) - 0.5, -0.5),
    xlabel="targeting gain (SD of the outcome)",
    title="The same grid, on two workers and on one core",
)
ax.legend(frameon=False)
plt.show()

# %%
# `Scaling out <../scaling.html>`_ has the same for ray, and lists what is distributed.
