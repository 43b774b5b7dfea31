"""Simulated structural-MRI cohorts."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import roc_auc_score

from sklearn_persona.datasets import make_structural_mri_cohorts
from sklearn_persona.datasets._cohorts import AGE, HEAD, SEX, SITE


def test_contents():
    study = make_structural_mri_cohorts(random_state=0)
    assert study.data.shape == (199, 90) and len(study.target) == 199
    assert list(study.data.columns[:4]) == study.covariates == [AGE, SEX, SITE, HEAD]
    assert set(study.modalities) == set(study.feature_names) == set(study.data.columns)
    assert set(study.families) == set(study.feature_names[4:])
    assert len(study.frontal) == 18 and len(study.cerebellar) == 4
    assert set(study.families.values()) >= {"frontal", "cerebellum", "deep", "temporal"}
    assert {n: len(p.target) for n, p in study.cohorts.items()} == {
        "discovery": 99,
        "external": 51,
        "saline": 49,
    }
    assert_array_equal(np.unique(study.cohorts["external"].site), ["B", "C"])
    assert set(study.cohorts["saline"].site) == set(study.cohorts["discovery"].site)
    assert_array_equal(study.treatment == "saline", study.cohort == "saline")
    assert set(study.target) == {0, 1}
    part = study.cohorts["external"]
    rows = study.cohort == "external"
    pd.testing.assert_frame_equal(
        part.data, study.data[rows].reset_index(drop=True), check_exact=True
    )
    assert_array_equal(part.target, study.target[rows])
    again = make_structural_mri_cohorts(random_state=0)
    pd.testing.assert_frame_equal(again.data, study.data)


def test_arguments_change_what_they_should():
    study = make_structural_mri_cohorts(random_state=0)
    null = make_structural_mri_cohorts(signal=0.0, random_state=0)
    pd.testing.assert_frame_equal(null.data, study.data)
    assert_array_equal(null.latent, study.latent)
    prognostic = make_structural_mri_cohorts(mechanism="prognostic", random_state=0)
    drug = study.treatment == "ketamine"
    assert_array_equal(prognostic.target[drug], study.target[drug])
    assert (prognostic.target[~drug] != study.target[~drug]).any()
    still = make_structural_mri_cohorts(site_effect=0.0, random_state=0)
    assert_array_equal(still.target, study.target)
    assert_array_equal(still.data[AGE], study.data[AGE])
    holes = make_structural_mri_cohorts(missing=0.1, random_state=0)
    share = holes.data[list(study.families)].isna().to_numpy().mean()
    assert 0.08 < share < 0.12 and not holes.data[study.covariates].isna().any().any()
    array = make_structural_mri_cohorts(as_frame=False, random_state=0)
    assert array.data.dtype == float and array.covariates == [0, 1, 2, 3]
    assert_array_equal(array.data[:, 4:], study.data.iloc[:, 4:].to_numpy())
    assert len(array.cohorts["saline"].data) == 49
    small = make_structural_mri_cohorts(n_external=(), n_saline=0, random_state=0)
    assert list(small.cohorts) == ["discovery"]


def test_one_model_for_all_cohorts():
    study = make_structural_mri_cohorts(
        n_discovery=6000,
        n_external=(6000, 6000),
        n_saline=6000,
        site_effect=0.0,
        random_state=0,
    )
    assert_allclose(study.latent.var(), 1, atol=0.05)
    assert_allclose(study.latent.mean(), 0, atol=0.05)
    head = study.data[HEAD]
    assert abs(np.corrcoef(study.latent, head)[0, 1]) < 0.08
    assert study.data[HEAD][study.data[SEX] == "male"].mean() > head.mean() * 1.02
    auc = {}
    for name in ("discovery", "external", "saline"):
        rows = study.cohort == name
        auc[name] = roc_auc_score(study.target[rows], study.latent[rows])
        rate = study.target[rows].mean()
        assert_allclose(rate, 0.25 if name == "saline" else 0.525, atol=0.02)
    assert_allclose(auc["discovery"], auc["external"], atol=0.015)
    assert auc["discovery"] > 0.9 and abs(auc["saline"] - 0.5) < 0.02
    # Younger and larger brains have more gray matter.
    total = study.data[list(study.families)].sum(axis=1)
    assert np.corrcoef(total, study.data[AGE])[0, 1] < -0.1
    assert np.corrcoef(total, head)[0, 1] > 0.5


def test_sites_differ():
    study = make_structural_mri_cohorts(
        n_discovery=500, n_external=(500, 500), random_state=1
    )
    log = np.log(study.data[list(study.families)])
    spread = log.groupby(study.site).mean().std().mean() / log.std().mean()
    assert 0.3 < spread < 1.2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_discovery": 0}, "n_discovery must be an integer >= 1"),
        ({"n_external": 51}, r"For one site pass \(51,\)"),
        ({"n_external": (3, 0)}, "n_external must be an integer >= 1"),
        ({"signal": np.nan}, "signal must be a finite number"),
        ({"mechanism": "placebo"}, "mechanism must be 'drug' or 'prognostic'"),
        ({"response_rate": 1.0}, "response_rate must be"),
        ({"site_effect": -1.0}, "site_effect must be"),
        ({"missing": 1.0}, "missing must be"),
        ({"as_frame": "yes"}, "as_frame must be True or False"),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        make_structural_mri_cohorts(**options)
