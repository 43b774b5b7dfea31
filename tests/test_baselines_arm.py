"""`ArmClassifier`: a model of one arm."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.metadata_routing import get_routing_for_object

from sklearn_persona import PersonaDiscoverer, TrialFrame
from sklearn_persona.baselines import ArmClassifier
from sklearn_persona.datasets import make_parallel_trial
from sklearn_persona.exceptions import SingleArmWarning
from sklearn_persona.model_selection import ArmStratifiedGroupKFold


@pytest.fixture(scope="module")
def trial():
    return make_parallel_trial(
        n_samples=160, n_features=3, effect=3.0, binary=True, random_state=0
    )


def model(**options):
    return ArmClassifier(LogisticRegression(**options), arm=1)


def test_fits_the_arm_alone(trial):
    treated = trial.treatment == 1
    plain = LogisticRegression().fit(trial.data[treated], trial.target[treated])
    fitted = model().fit(trial.data, trial.target, treatment=trial.treatment)
    assert fitted.n_cases_ == treated.sum() and fitted.two_arm_
    for method in ("predict", "predict_proba", "predict_log_proba"):
        assert_array_equal(
            getattr(fitted, method)(trial.data), getattr(plain, method)(trial.data)
        )
    assert_array_equal(
        fitted.decision_function(trial.data), plain.decision_function(trial.data)
    )
    assert fitted.score(
        trial.data, trial.target, treatment=trial.treatment
    ) == plain.score(trial.data[treated], trial.target[treated])
    assert_array_equal(fitted.classes_, [0, 1])
    assert_array_equal(fitted.feature_names_in_, ["x0", "x1", "x2"])
    assert fitted.n_features_in_ == 3
    assert is_classifier(fitted) and not is_regressor(fitted)
    assert is_regressor(ArmClassifier(Ridge(), arm=1))
    assert not hasattr(ArmClassifier(Ridge(), arm=1), "predict_proba")


def test_labels_of_any_kind(trial):
    names = np.where(trial.treatment == 1, "ketamine", "saline")
    expected = model().fit(trial.data, trial.target, treatment=trial.treatment)
    for labels in (names, pd.Series(names).astype("category"), names.tolist()):
        fitted = clone(expected).set_params(arm="ketamine")
        fitted.fit(trial.data, trial.target, treatment=labels)
        assert_array_equal(fitted.estimator_.coef_, expected.estimator_.coef_)


def test_errors(trial):
    names = np.where(trial.treatment == 1, "ketamine", "saline")
    with pytest.raises(ValueError, match="did you mean 'ketamine'"):
        model().set_params(arm="Ketamine").fit(
            trial.data, trial.target, treatment=names
        )
    with pytest.raises(
        ValueError, match=r"No case has arm=2: treatment holds \[0, 1\]"
    ):
        model().set_params(arm=2).fit(
            trial.data, trial.target, treatment=trial.treatment
        )
    with pytest.raises(ValueError, match="treatment has 3 entries but X has 160"):
        model().fit(trial.data, trial.target, treatment=[0, 1, 1])
    with pytest.raises(ValueError, match="treatment is missing in 1 of 160"):
        model().fit(trial.data, trial.target, treatment=[None, *trial.treatment[1:]])
    with pytest.raises(NotFittedError):
        model().predict(trial.data)
    assert not hasattr(model(), "n_features_in_")
    fitted = model().fit(trial.data, trial.target, treatment=trial.treatment)
    with pytest.raises(ValueError, match="score needs treatment="):
        fitted.score(trial.data, trial.target)
    with pytest.raises(ValueError, match="No case has arm=1"):
        fitted.score(trial.data, trial.target, treatment=np.zeros(160, int))


def test_without_treatment(trial):
    with pytest.warns(SingleArmWarning, match="all cases are fitted"):
        fitted = model().fit(trial.data, trial.target)
    assert fitted.n_cases_ == 160 and not fitted.two_arm_
    plain = LogisticRegression().fit(trial.data, trial.target)
    score = plain.score(trial.data, trial.target)
    assert fitted.score(trial.data, trial.target) == score
    # What the fit did not have is not used in the score either.
    same = fitted.score(trial.data, trial.target, treatment=trial.treatment)
    assert same == score


def test_sample_weight(trial):
    weight = np.random.RandomState(0).uniform(0.5, 2, 160)
    treated = trial.treatment == 1
    plain = LogisticRegression().fit(
        trial.data[treated], trial.target[treated], sample_weight=weight[treated]
    )
    roles = {"treatment": trial.treatment}
    off = model().fit(trial.data, trial.target, sample_weight=weight, **roles)
    assert_allclose(off.estimator_.coef_, plain.coef_)
    expected = plain.score(
        trial.data[treated], trial.target[treated], sample_weight=weight[treated]
    )
    assert_allclose(
        off.score(trial.data, trial.target, sample_weight=weight, **roles), expected
    )
    with pytest.raises(TypeError):
        model().fit(trial.data, trial.target, nothing=weight, **roles)
    with sklearn.config_context(enable_metadata_routing=True):
        with pytest.raises(UnsetMetadataPassedError):
            model().fit(trial.data, trial.target, sample_weight=weight, **roles)
        asking = LogisticRegression().set_fit_request(sample_weight=True)
        on = ArmClassifier(asking, arm=1)
        on.fit(trial.data, trial.target, sample_weight=weight, **roles)
        assert_allclose(on.estimator_.coef_, plain.coef_)
        assert get_routing_for_object(on).consumes("fit", ["sample_weight"])


def test_groups_reach_an_inner_search(trial):
    groups = np.arange(160) // 2
    treatment = np.repeat(np.arange(80) % 2, 2)
    seen = []

    class Watching(GroupKFold):
        def split(self, X, y=None, groups=None):
            seen.append(np.asarray(groups))
            return super().split(X, y, groups)

    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=Watching(3))
    roles = {"treatment": treatment, "groups": groups}
    ArmClassifier(search, arm=0).fit(trial.data, trial.target, **roles)
    with sklearn.config_context(enable_metadata_routing=True):
        pipe = make_pipeline(StandardScaler(), ArmClassifier(search, arm=0))
        cross_validate(
            pipe,
            trial.data,
            trial.target,
            params=roles,
            cv=ArmStratifiedGroupKFold(2),
            error_score="raise",
        )
    assert_array_equal(seen[0], groups[treatment == 0])
    assert len(seen) == 3 and {len(g) for g in seen[1:]} == {40}


def test_in_grids_and_frames(trial):
    roles = {"treatment": trial.treatment, "groups": trial.groups}
    with sklearn.config_context(enable_metadata_routing=True):
        grid = GridSearchCV(
            make_pipeline(StandardScaler(), ArmClassifier(SVC(), arm=1)),
            {
                "armclassifier__estimator": [SVC(), LogisticRegression()],
                "armclassifier__arm": [0, 1],
            },
            cv=ArmStratifiedGroupKFold(2),
            error_score="raise",
        ).fit(trial.data, trial.target, **roles)
        assert len(grid.cv_results_["params"]) == 4
        assert grid.score(trial.data, trial.target, **roles) > 0.5
    table = trial.data.assign(arm=trial.treatment)
    framed = TrialFrame(model(), treatment="arm").fit(table, trial.target)
    assert framed.estimator_.n_cases_ == (trial.treatment == 1).sum()


def test_an_estimator_that_would_take_the_arm_does_not_get_it(trial):
    finder = PersonaDiscoverer(validation=None, max_variables=1, n_bootstrap=0)
    with pytest.warns(SingleArmWarning, match="No treatment"):
        fitted = ArmClassifier(finder, arm=1).fit(
            trial.data, trial.target, treatment=trial.treatment
        )
    assert not fitted.estimator_.two_arm_
