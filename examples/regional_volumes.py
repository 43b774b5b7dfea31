"""
Real regional volumes: what is left when head size is taken out
===============================================================

The package ``avicortex`` carries FreeSurfer volumes of 68 cortical regions of 42 young
adults (OpenNeuro, one scan each). Men have larger heads, so that any volume tells the
sexes apart. `StructuralMRISVC` and `CovariateResidualizer` take head size and age out
of the regions, inside each fold; a classifier that lives on head size then has less to
go by. Whether somebody uses cannabis is the second question. An AUC well below one
half is no information turned round: with 42 people and balanced folds, what helps in
training by chance tends to mislead in the test fold.

Needs ``pip install avicortex==1.0.0 --no-deps``: only its tables are read.
"""

import sys
from importlib.metadata import PackageNotFoundError, files

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sklearn_persona.baselines import CovariateResidualizer, StructuralMRISVC
from sklearn_persona.model_selection import (
    compare,
    comparison_differences,
    comparison_paper,
)

try:
    paths = {path.name: path.locate() for path in files("avicortex")}
except PackageNotFoundError:
    sys.exit("avicortex is not installed: pip install avicortex==1.0.0 --no-deps")
volumes = pd.read_csv(paths["openneuro_baseline_dktatlas.csv"])
people = pd.read_csv(paths["openneuro_participants.csv"])

# %%
# One table: the regions, with age and head size as covariates.
people.columns = people.columns.str.strip()
people["Subject ID"] = "sub-" + people["participant_id"].astype(str)
table = volumes.merge(people, on="Subject ID", validate="one_to_one")
regions = [name for name in volumes if name.endswith("_volume")]
covariates = ["age", "head size"]
data = table[regions].astype(float)
data["age"] = table["age at baseline"]
data["head size"] = table["EstimatedTotalIntraCranialVol"] / 1000
male = (table["gender"] == "male").astype(int)
user = (table["group"] != "HC").astype(int)
size = data["head size"].groupby(male).mean()
print(
    f"{len(data)} participants, {len(regions)} regions; {male.sum()} men, "
    f"{user.sum()} cannabis users ({(male & user).sum()} of them men)"
)
print(f"head size: women {size[0]:.0f} ml, men {size[1]:.0f} ml\n")

# %%
# Four classifiers on identical folds. The last two adjust inside the fold: in one class
# that also chooses C, and as steps of a pipeline.
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
        CovariateResidualizer(covariates), StandardScaler(), svc
    ),
    "StructuralMRISVC": StructuralMRISVC(covariates=covariates),
}
for title, target in (("Man or woman", male), ("Cannabis user or not", user)):
    found = compare(models, data, target, cv=5, n_repeats=5, random_state=0)
    print(f"{title}, 5 x 5 folds\n")
    shown = ["balanced_accuracy", "sensitivity", "specificity", "roc_auc"]
    print(comparison_paper(found, metrics=shown).loc["all", shown].to_string())
    lost = comparison_differences(found, reference="regions as they are")
    row = lost.query("estimator == 'regions, adjusted' and metric == 'roc_auc'").iloc[0]
    print(
        f"\nAdjustment changes the AUC by {row.difference:+.2f} ({row.low:.2f} to "
        f"{row.high:.2f}, p = {row.p_value:.2f}, corrected resampled t test)\n"
    )
