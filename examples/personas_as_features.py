"""
Personas as features of a responder classifier, beside the SVC
==============================================================

A classifier of response under a drug can be given what the literature gives it, the
clinical columns, or also what a search for personas claims of a patient. Both are tuned
and compared here by nested cross-validation on the same participants: on a simulated
trial with a persona, and on its twin without one.

Takes about two minutes on one core.
"""

import tempfile

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
    compare,
    comparison_differences,
    comparison_paper,
)

sklearn.set_config(enable_metadata_routing=True)


class PersonaClaim(PersonaDiscoverer):
    """What is claimed of a patient, as one feature: 1, -1, or 0 for nothing.

    `transform` of `PersonaDiscoverer` has a column for every persona that was found.
    Here a persona must be confirmed to count, so that `alpha` and `min_effect_size`
    matter; and where none is, the column is constant instead of missing.
    """

    def transform(self, X):
        return self.predict(X).reshape(-1, 1).astype(float)

    def get_feature_names_out(self, input_features=None):
        return np.array(["claim"], dtype=object)


def models(folder):
    """Classifiers of response, each tuned on inner folds of whole participants."""
    inner = ArmStratifiedGroupKFold(3)
    scoring = "balanced_accuracy"
    finder = PersonaClaim(
        n_personas=3, n_alternatives=0, n_bootstrap=0, random_state=0, memory=folder
    )
    # The clinical columns pass through, so that finding no persona is no failure.
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
    grid = {
        "features__personas__max_variables": [1, 2],
        "features__personas__min_effect_size": [0.2, 0.5],
        "features__personas__alpha": [0.05, 0.2],
    }
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
            {
                "max_variables": [1, 2],
                "min_effect_size": [0.2, 0.5],
                "alpha": [0.05, 0.2],
            },
            cv=inner,
        ),
    }


def results(title, trial):
    """Print what a results section would say."""
    with tempfile.TemporaryDirectory() as folder:
        table = compare(
            models(folder),
            trial.data,
            trial.target,
            treatment=trial.treatment,
            cv=5,
            random_state=0,
        )
    rates = trial.target[trial.treatment == 1], trial.target[trial.treatment == 0]
    print(f"{title}\n{'-' * len(title)}")
    print(
        f"{len(trial.data)} patients, five outer and three inner folds. Response: "
        f"{rates[0].mean():.0%} under the drug, {rates[1].mean():.0%} under placebo.\n"
    )
    print("Prediction of response, and gain from treating by it, all patients:\n")
    shown = ["balanced_accuracy", "roc_auc", "targeting_gain"]
    paper = comparison_paper(table, metrics=shown, subsets=["all"])
    print(paper.loc["all", shown].to_string())
    print("\nAUC among the treated (arm 1), and among patients on placebo (arm 0):\n")
    arms = comparison_paper(table, metrics=["roc_auc"], subsets=["arm 1", "arm 0"])
    print(arms["roc_auc"].unstack(0)[["arm 1", "arm 0"]].to_string())
    difference = comparison_differences(table, reference="svc").query(
        "subset == 'all' and metric in ['balanced_accuracy', 'targeting_gain']"
    )
    print("\nLess the SVC, corrected resampled t test:\n")
    columns = [
        "estimator",
        "metric",
        "difference",
        "low",
        "high",
        "p_value",
        "p_adjusted",
    ]
    print(difference[columns].round(3).to_string(index=False))
    print()


# %%
# A persona of two variables with 40 % of the patients, in whom the drug works.
results(
    "A trial with a persona",
    make_parallel_trial(
        n_samples=400, n_features=8, effect=2.5, binary=True, random_state=1
    ),
)

# %%
# Its twin: the same drug for everybody, nothing to find.
results(
    "The twin without one",
    make_parallel_trial(
        n_samples=400, n_features=8, effect=0.0, binary=True, random_state=1
    ),
)
