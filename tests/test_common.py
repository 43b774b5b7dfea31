"""The estimator keeps scikit-learn's protocol; the checks are single-arm."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_persona import PersonaDiscoverer


@pytest.mark.filterwarnings(
    # The checks pass no treatment, and often random numbers or ten rows.
    "ignore::sklearn_persona.exceptions.SingleArmWarning",
    "ignore::sklearn_persona.exceptions.NoPersonaWarning",
)
@parametrize_with_checks([PersonaDiscoverer(), PersonaDiscoverer(validation=None)])
def test_estimator_check(estimator, check):
    check(estimator)
