"""The estimators keep scikit-learn's protocol; the checks are single-arm."""

import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_persona import PersonaDiscoverer
from sklearn_persona.baselines import (
    ArmClassifier,
    CovariateResidualizer,
    HonestCausalTree,
    StructuralMRISVC,
    VirtualTwins,
)

ESTIMATORS = [
    PersonaDiscoverer(),
    PersonaDiscoverer(validation=None),
    ArmClassifier(LogisticRegression(), arm=1),
    ArmClassifier(Ridge(), arm=1),
    CovariateResidualizer(),
    HonestCausalTree(),
    StructuralMRISVC(),
    StructuralMRISVC(covariates=[0], pca=2),
    VirtualTwins(n_estimators=5, n_permutations=19),
]


@pytest.mark.filterwarnings(
    # The checks pass no treatment, and often random numbers or ten rows.
    "ignore::sklearn_persona.exceptions.SingleArmWarning",
    "ignore::sklearn_persona.exceptions.NoPersonaWarning",
)
@parametrize_with_checks(ESTIMATORS)
def test_estimator_check(estimator, check):
    check(estimator)
