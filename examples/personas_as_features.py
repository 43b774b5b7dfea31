"""
Personas as features of a responder classifier
==============================================

A classifier of response under a drug usually gets the clinical columns. It can also get
the claim of a persona search about each patient. This example tunes both variants and
an SVC, and compares them by nested cross-validation on the same participants: on a
simulated trial with a persona, and on its twin without one.

This page has three outer and two inner folds and a small grid; ``python
examples/personas_as_features.py full`` has five, three and the whole grid, for the
results in :doc:`comparing estimators <../comparing>`, and takes two minutes.
"""

import sys
import tempfile

import matplotlib.pyplot as plt
import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from sklearn_persona import PersonaDiscoverer
from sklearn_persona.datasets import make_parallel_trial
from sklearn_persona.model_selection import (
    ArmStratifiedGroupKFold,
    ComparisonDisplay,
    compare,
    comparison_differences,
    comparison_paper,
)

sklearn.set_config(enable_metadata_routing=True)
FULL = "full" in sys.argv


class PersonaClaim(PersonaDiscoverer):
    """The claim about a patient as one feature: 1, -1, or 0 for no claim.

    `transform` of `PersonaDiscoverer` has a column for every persona found. Here only
    confirmed personas count, so that `alpha` and `min_effect_size` matter. If there are
    none, the column is constant instead of missing.
    """

    def transform(self, X):
        return self.predict(X).reshape(-1, 1).astype(float)

    def get_feature_names_out(self, input_features=None):
        return np.array(["claim"], dtype=object)


def models(folder):
    """Classifiers of response, each tuned on inner folds of whole participants."""
    inner = ArmStratifiedGroupKFold(3 if FULL else 2)
    scoring = "balanced_accuracy"
    finder = PersonaClaim(
        n_personas=3, n_alternatives=0, n_bootstrap=0, random_state=0, memory=folder
    )
    # The clinical columns pass through, so finding no persona does not cause an error.
    features = FeatureUnion(
        [
            ("clinical", FunctionTransformer(feature_names_out="one-to-one")),
            ("personas", finder),
        ]
    )
    joined = Pipeline(
        [
            ("features", features),
            ("scale", StandardScaler()),
            ("logistic", LogisticRegression(class_weight="balanced")),
        ]
    )
    thresholds = {"max_variables": [2], "min_effect_size": [0.2, 0.5]}
    if FULL:
        thresholds |= {"max_variables": [1, 2], "alpha": [0.05, 0.2]}
    grid = {f"features__personas__{name}": v for name, v in thresholds.items()}
    svc = make_pipeline(StandardScaler(), SVC(class_weight="balanced"))
    logistic = make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced")
    )
    return {
        "clinical + personas": GridSearchCV(joined, grid, cv=inner, scoring=scoring),
        "clinical alone": GridSearchCV(
            logistic,
            {"logisticregression__C": [0.01, 0.1, 1]},
            cv=inner,
            scoring=scoring,
        ),
        "svc": GridSearchCV(svc, {"svc__C": [0.1, 1, 10]}, cv=inner, scoring=scoring),
        "personas alone": GridSearchCV(
            PersonaDiscoverer(
                n_personas=3,
                n_alternatives=0,
                n_bootstrap=0,
                random_state=0,
                memory=folder,
            ),
            thresholds,
            cv=inner,
        ),
    }


def results(title, trial):
    """Print a results section."""
    with tempfile.TemporaryDirectory() as folder:
        table = compare(
            models(folder),
            trial.data,
            trial.target,
            treatment=trial.treatment,
            cv=5 if FULL else 3,
            random_state=0,
        )
    rates = trial.target[trial.treatment == 1], trial.target[trial.treatment == 0]
    print(
        f"{len(trial.data)} patients. Response: {rates[0].mean():.0%} under the drug, "
        f"{rates[1].mean():.0%} under placebo.\n"
    )
    arms = comparison_paper(table, metrics=["roc_auc"], subsets=["arm 1", "arm 0"])
    arms = arms["roc_auc"].unstack(0)[["arm 1", "arm 0"]]
    arms.columns = ["AUC, drug", "AUC, placebo"]
    print(arms.rename_axis(None).to_string())
    _, ax = plt.subplots(figsize=(8, 2.8), layout="constrained")
    ComparisonDisplay.from_table(table, subsets=["all"]).plot(ax=ax)
    ax.set_title(title)
    plt.show()
    difference = comparison_differences(table, reference="svc").query(
        "subset == 'all' and metric == 'targeting_gain'"
    )
    print("\nTargeting gain less that of the SVC, corrected resampled t test:\n")
    columns = ["difference", "low", "high", "p_value", "p_adjusted"]
    rows = difference.set_index("estimator").rename_axis(None)[columns]
    print(rows.round(2).to_string())


# %%
# A trial with a persona
# ----------------------
#
# The drug works in 40 % of the patients, defined by two variables.

results(
    "A trial with a persona",
    make_parallel_trial(
        n_samples=400, n_features=8, effect=2.5, binary=True, random_state=1
    ),
)

# %%
# Its twin without one
# --------------------
#
# There is nothing to find.

results(
    "The twin without one",
    make_parallel_trial(
        n_samples=400, n_features=8, effect=0.0, binary=True, random_state=1
    ),
)
