"""Tests of the data sets."""

import hashlib
import io
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import ndtr
from sklearn.utils import Bunch, check_random_state

from sklearn_persona import datasets
from sklearn_persona.datasets import (
    _nimh,
    fetch_nimh_ketamine,
    make_ketamine_crossover,
    make_parallel_trial,
)
from sklearn_persona.datasets._clinical import SCALES, some_probability
from sklearn_persona.datasets._planting import (
    conjunction_probability,
    meets,
    shift_to_probability,
)

PUBLIC_DATA = Path(__file__).parents[2] / "shared" / "data"
FIELDS = {
    "data",
    "target",
    "treatment",
    "groups",
    "period",
    "feature_names",
    "modalities",
    "DESCR",
}
MAKERS = [make_ketamine_crossover, make_parallel_trial]

needs_public_data = pytest.mark.skipif(
    not (PUBLIC_DATA / "ds005917").is_dir(), reason="the public trial is not at hand"
)


@pytest.fixture(scope="module")
def complete():
    """A large crossover trial without missing values."""
    return make_ketamine_crossover(n_participants=1000, missing=0.0, random_state=0)


def pairs(trial):
    """Targets by participant and treatment, complete participants only."""
    table = pd.DataFrame(
        {"group": trial.groups, "arm": trial.treatment, "y": trial.target}
    )
    return table.pivot(index="group", columns="arm", values="y").dropna()


def assert_same_trial(first, second, *, but=()):
    """All fields equal, apart from those named in ``but``."""
    assert set(first) == set(second)
    for name in set(first) - set(but):
        if isinstance(first[name], pd.DataFrame):
            pd.testing.assert_frame_equal(first[name], second[name])
        else:
            np.testing.assert_equal(first[name], second[name], err_msg=name)


# Both generators


@pytest.mark.parametrize("make", MAKERS)
def test_bunch_has_the_contract_fields(make):
    trial = make(random_state=0)
    assert isinstance(trial, Bunch)
    assert set(trial) >= FIELDS | {"persona", "personas", "planted"}
    n_samples = len(trial.data)
    for name in ("target", "treatment", "groups", "persona"):
        assert trial[name].shape == (n_samples,), name
    assert trial.persona.dtype == bool
    assert list(trial.modalities) == trial.feature_names
    assert set(trial.personas) == set(trial.planted)
    assert not trial.data.columns.duplicated().any()
    assert list(trial.data.columns) == trial.feature_names
    assert set(trial.data.dtypes) == {np.dtype(float)}
    assert np.isfinite(trial.target).all()


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_as_frame_changes_the_container_only(make, missing):
    frame = make(missing=missing, random_state=3)
    array = make(missing=missing, random_state=3, as_frame=False)
    assert isinstance(array.data, np.ndarray)
    assert_array_equal(frame.data.to_numpy(), array.data)
    assert_same_trial(frame, array, but=["data"])


@pytest.mark.parametrize("make", MAKERS)
def test_random_state_reproduces_the_trial(make):
    assert_same_trial(make(random_state=7), make(random_state=7))
    generator = make(random_state=np.random.RandomState(7))
    assert_same_trial(make(random_state=7), generator)
    assert not np.array_equal(make(random_state=7).target, make(random_state=8).target)


def test_values_of_a_seed_stay_the_same():
    # A change here changes every published figure made with these trials.
    trial = make_ketamine_crossover(random_state=0)
    assert trial.target[:8].tolist() == [-6, 0, -3, -14, -8, -8, -14, -16]
    assert trial.data["BDI total"][:7:2].tolist() == [20, 30, 33, 34]
    volume = trial.data["Left Posterior Cingulate WM volume (mm3)"]
    assert_allclose(volume[:6:2], [4712.5, 6165.7, 4980.3], atol=0.11)
    assert trial.persona.sum() == 54
    parallel = make_parallel_trial(random_state=0)
    assert_allclose(parallel.target[:2], [1.7560647295, -0.4151577394], rtol=1e-8)
    assert parallel.persona.sum() == 81


@pytest.mark.parametrize("make", MAKERS)
def test_generators_leave_the_global_random_state_alone(make):
    shared = check_random_state(None)
    state = shared.get_state()[1].copy()
    make(random_state=0)
    assert_array_equal(shared.get_state()[1], state)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    "changes",
    [
        {"effect": 0.0},
        {"main_effect": 2.0},
        {"effect": -3.0, "main_effect": -1.5},
    ],
)
def test_effects_change_the_target_only(make, changes):
    trial = make(missing=0.1, random_state=1)
    other = make(missing=0.1, random_state=1, **changes)
    different = ["target", "effect"]
    if changes.get("effect", 1.0) < 0:
        different.append("persona")
    assert_same_trial(trial, other, but=different)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("missing", [0.0, 0.03, 0.3])
def test_missing_values_hit_all_columns_alike(make, missing):
    size = "n_participants" if make is make_ketamine_crossover else "n_samples"
    trial = make(**{size: 1500}, missing=missing, random_state=0)
    rates = trial.data.isna().to_numpy().mean(axis=0)
    assert_allclose(rates.mean(), missing, atol=0.005)
    # Six standard errors.
    assert np.abs(rates - missing).max() <= 6 * np.sqrt(missing * (1 - missing) / 1500)


@pytest.mark.parametrize("make", MAKERS)
def test_missing_values_leave_the_rest_alone(make):
    full = make(missing=0.0, random_state=5)
    holes = make(missing=0.2, random_state=5)
    assert_same_trial(full, holes, but=["data"])
    known = holes.data.notna()
    pd.testing.assert_frame_equal(full.data.where(known), holes.data)
    fewer = make(missing=0.1, random_state=5)
    assert known.to_numpy()[fewer.data.isna().to_numpy()].sum() == 0


@pytest.mark.parametrize("make", MAKERS)
def test_planted_conditions_describe_the_members(make):
    trial = make(missing=0.0, random_state=2)
    for name, conditions in trial.planted.items():
        inside = np.ones(len(trial.data), dtype=bool)
        for column, (low, high) in conditions.items():
            assert low < high
            assert np.isinf(low) != np.isinf(high)
            inside &= ((trial.data[column] > low) & (trial.data[column] <= high)).values
        assert_array_equal(trial.personas[name], inside)


@pytest.mark.parametrize(
    ("make", "argument", "value", "expected"),
    [
        (make, argument, value, expected)
        for make, argument, values, expected in [
            (make_ketamine_crossover, "n_participants", [1, 2.5, True, "9"], ">= 2"),
            (make_ketamine_crossover, "prevalence", [0, 0.81, None], r"\(0, 0.8\]"),
            (make_ketamine_crossover, "correlation", [-0.1, 1.0], r"\[0, 1\)"),
            (make_ketamine_crossover, "period_effect", [np.inf], r"\(-inf, inf\)"),
            (make_ketamine_crossover, "n_incomplete", [-1, 33, 1.0], "0..32"),
            (make_ketamine_crossover, "n_incomplete", ["all"], '"auto"'),
            (make_ketamine_crossover, "effect", [(1.0,), (1, 2, 3), "x"], "pair"),
            (make_ketamine_crossover, "effect", [(1.0, np.nan)], "finite number"),
            (make_parallel_trial, "n_samples", [1, 10.0], ">= 2"),
            (make_parallel_trial, "n_variables", [0, -1], ">= 1"),
            (make_parallel_trial, "n_features", [1], ">= 2"),
            (make_parallel_trial, "prevalence", [0, 1], r"\(0, 1\)"),
            (make_parallel_trial, "prognostic", [np.nan, "high"], "finite number"),
            (make_parallel_trial, "treated_share", [0, 1.0], r"\(0, 1\)"),
            (make_parallel_trial, "correlation", [0.61, -0.2], r"\[0, 0.6\]"),
            (make_parallel_trial, "effect", [np.inf, (1.0, 2.0)], "finite number"),
            (make_parallel_trial, "binary", [1, "yes"], "True or False"),
            *[
                (make, argument, values, expected)
                for make in MAKERS
                for argument, values, expected in [
                    ("main_effect", [None, np.nan], "finite number"),
                    ("missing", [-0.01, 1.0], r"\[0, 1\)"),
                    ("as_frame", ["pandas", None], "True or False"),
                ]
            ],
        ]
        for value in values
    ],
)
def test_bad_arguments_are_named(make, argument, value, expected):
    with pytest.raises(ValueError, match=rf"^{argument}.* must be .*{expected}.*, got"):
        make(**{argument: value})


def test_bad_random_state():
    with pytest.raises(ValueError, match="seed"):
        make_ketamine_crossover(random_state="now")


@pytest.mark.parametrize("make", MAKERS)
def test_arguments_are_keyword_only(make):
    with pytest.raises(TypeError):
        make(33)


# The crossover


def test_counts_of_the_published_trial():
    trial = make_ketamine_crossover(random_state=0)
    assert trial.data.shape == (63, 400)
    assert Counter(trial.modalities.values()) == {
        "clinical": 175,
        "structural MRI": 185,
        "MEG": 40,
    }
    assert len(set(trial.groups)) == 33
    assert sorted(Counter(trial.groups).values()) == [1] * 3 + [2] * 30
    assert set(trial.treatment) == {"ketamine", "saline"}
    assert set(trial.period) == {1, 2}


def test_published_edges_are_planted():
    planted = make_ketamine_crossover(random_state=0).planted
    assert planted == {
        "persona 1": {
            "Left Posterior Cingulate WM volume (mm3)": (-np.inf, 4533.7),
            "Right Inferior Parietal WM volume (mm3)": (-np.inf, 12663.9),
            "BDI 10 crying": (0.0, np.inf),
        },
        "persona 2": {
            "Left Isthmus Cingulate GM volume (mm3)": (2505.0, np.inf),
            "Right Lingual GM volume (mm3)": (6805.0, np.inf),
            "HAMA cardiovascular": (0.0, np.inf),
        },
    }


@pytest.mark.parametrize("n_participants", [2, 3, 33, 34, 99])
@pytest.mark.parametrize("n_incomplete", ["auto", 0, 1])
def test_sequences_are_balanced(n_participants, n_incomplete):
    trial = make_ketamine_crossover(
        n_participants=n_participants, n_incomplete=n_incomplete, random_state=4
    )
    lost = {2: 0, 3: 0, 33: 3, 34: 3, 99: 9}[n_participants]
    lost = lost if n_incomplete == "auto" else n_incomplete
    assert len(trial.target) == 2 * n_participants - lost
    cases = pd.DataFrame(
        {"group": trial.groups, "period": trial.period, "arm": trial.treatment}
    )
    assert not cases.duplicated(["group", "period"]).any()
    assert not cases.duplicated(["group", "arm"]).any()
    first = np.where(
        (cases.arm == "ketamine") == (cases.period == 1), "ketamine", "saline"
    )
    starts = pd.Series(first).groupby(cases.group).agg(["nunique", "first"])
    assert (starts["nunique"] == 1).all()
    assert len(starts) == n_participants
    n_first = (starts["first"] == "ketamine").sum()
    assert n_first in {n_participants // 2, n_participants - n_participants // 2}


def test_odd_participant_and_lost_session_are_random():
    larger, lost = set(), set()
    for seed in range(20):
        trial = make_ketamine_crossover(
            n_participants=3, n_incomplete=1, random_state=seed
        )
        first = (trial.treatment == "ketamine") == (trial.period == 1)
        larger.add(len(set(trial.groups[first])))
        lost.add(Counter(trial.period)[1])
    assert larger == {1, 2}
    assert lost == {2, 3}


def test_rows_are_ordered_and_baseline_is_measured_once():
    trial = make_ketamine_crossover(n_participants=120, random_state=6)
    order = np.lexsort((trial.period, trial.groups))
    assert_array_equal(order, np.arange(len(order)))
    table = trial.data.assign(group=trial.groups, baseline=trial.baseline)
    distinct = table.fillna(-1.0).groupby("group").nunique()
    assert (distinct == 1).to_numpy().all()
    for inside in [trial.persona, *trial.personas.values()]:
        assert (pd.Series(inside).groupby(trial.groups).nunique() == 1).all()


@pytest.mark.parametrize("scale", SCALES)
def test_items_are_integers_in_range_and_sum_to_the_total(complete, scale):
    items = SCALES[scale]
    columns = [f"{scale} {item[0]}" for item in items]
    values = complete.data[columns].to_numpy()
    low, high = np.array([item[1:3] for item in items]).T
    assert_array_equal(values, np.rint(values))
    assert (values >= low).all()
    assert (values <= high).all()
    assert (values.max(axis=0) > values.min(axis=0)).all()
    total = "HAMD-17 total" if scale == "HAMD" else f"{scale} total"
    assert_array_equal(complete.data[total], values.sum(axis=1))


@pytest.mark.parametrize(
    ("scale", "n_items", "highest"),
    [("MADRS", 10, 6), ("HAMA", 14, 4), ("HAMD", 17, 4), ("BDI", 21, 3)],
)
def test_scales_have_their_published_form(scale, n_items, highest):
    assert len(SCALES[scale]) == n_items
    assert max(item[2] for item in SCALES[scale]) == highest
    assert min(item[1] for item in SCALES[scale]) == 0


def test_other_sums_and_ratios_hold(complete):
    x = complete.data

    def parts(prefix, names):
        return x[[f"{prefix} {name}" for name in names]].sum(axis=1)

    assert_array_equal(x["HAMA psychic"] + x["HAMA somatic"], x["HAMA total"])
    assert (x["HAMD-6 total"] <= x["HAMD-17 total"]).all()
    assert_array_equal(parts("TEPS", ["anticipatory", "consummatory"]), x["TEPS total"])
    assert_array_equal(
        parts("PANSS", ["positive", "negative", "general"]), x["PANSS total"]
    )
    bmi = x["Weight (kg)"] / (x["Height (cm)"] / 100) ** 2
    assert_allclose(x["BMI (kg/m2)"], bmi, atol=0.0501)
    assert_array_equal(
        x["Age at onset (years)"] + x["Illness duration (years)"], x["Age (years)"]
    )
    assert x["Age (years)"].between(18, 65).all()
    assert (x["Illness duration (years)"] >= 1).all()


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_global_volumes_are_sums_of_regions(complete, side):
    x = complete.data
    gray = [name for name in x if name.startswith(side) and " GM volume" in name]
    gray.remove(f"{side} Cortex GM volume (mm3)")
    assert len(gray) == 34
    assert_allclose(x[gray].sum(axis=1), x[f"{side} Cortex GM volume (mm3)"], atol=0.06)
    white = [
        name
        for name in x
        if name.startswith(side)
        and " WM volume" in name
        and "Cerebral" not in name
        and "Cerebellum" not in name
    ]
    assert len(white) == 35
    total = x[f"{side} Cerebral WM volume (mm3)"]
    assert_allclose(x[white].sum(axis=1), total, atol=0.06)
    assert (x["Brain volume (mm3)"] > x["Brain Without Ventricles volume (mm3)"]).all()
    assert (x["Brain volume (mm3)"] > x["Supratentorial volume (mm3)"]).all()


def test_volumes_and_powers_are_positive_numbers_with_variation(complete):
    modality = pd.Series(complete.modalities)
    volumes = complete.data[modality.index[modality == "structural MRI"]]
    assert volumes.columns.str.endswith("(mm3)").all()
    assert (volumes > 0).to_numpy().all()
    assert complete.data.notna().to_numpy().all()
    assert (complete.data.nunique() > 1).all()
    assert np.linalg.matrix_rank(volumes.corr().to_numpy()) > 170


def test_correlations_are_those_of_real_tables(complete):
    x = complete.data

    def volume(name):
        return np.log(x[f"{name} volume (mm3)"])

    pair = volume("Left Insula GM").corr(volume("Right Insula GM"))
    network = volume("Left Posterior Cingulate WM").corr(
        volume("Right Inferior Parietal WM")
    )
    distant = volume("Left Posterior Cingulate WM").corr(volume("Left Entorhinal GM"))
    assert_allclose([pair, network, distant], [0.8, 0.6, 0.35], atol=0.08)
    item = x["BDI 10 crying"].corr(x["BDI 1 sadness"])
    other_scale = x["BDI 10 crying"].corr(x["MADRS apparent sadness"])
    assert 0.1 < item < 0.35
    assert 0.02 < other_scale < item
    band = x["Left Frontal MEG Theta power (log10 fT2/Hz)"].corr(
        x["Right Occipital MEG Theta power (log10 fT2/Hz)"]
    )
    assert 0.5 < band < 0.95
    height = x["Height (cm)"].groupby(x["Sex (female)"]).mean()
    brain = volume("Estimated Total Intracranial").groupby(x["Sex (female)"]).mean()
    assert height[0.0] > height[1.0]
    assert brain[0.0] > brain[1.0]


def test_eligibility_and_baseline(complete):
    assert_array_equal(complete.baseline, complete.data["MADRS total"])
    assert complete.baseline.min() == 20
    trial = make_ketamine_crossover(n_participants=300, missing=0.5, random_state=0)
    assert np.isfinite(trial.baseline).all()
    known = trial.data["MADRS total"].notna()
    assert_array_equal(trial.data["MADRS total"][known], trial.baseline[known])


@pytest.mark.parametrize("prevalence", [0.1, 0.25, 0.4, 0.6, 0.8])
def test_prevalence_of_both_personas(prevalence):
    trial = make_ketamine_crossover(
        n_participants=3000, prevalence=prevalence, missing=0.0, random_state=9
    )
    for inside in trial.personas.values():
        share = pd.Series(inside).groupby(trial.groups).first().mean()
        assert_allclose(share, prevalence, atol=0.035)


def test_prevalence_at_the_published_size():
    shares = np.array(
        [
            [
                inside.mean()
                for inside in make_ketamine_crossover(
                    random_state=seed
                ).personas.values()
            ]
            for seed in range(40)
        ]
    )
    assert_allclose(shares.mean(axis=0), 0.4, atol=0.05)
    assert shares.min() > 0.1
    assert shares.max() < 0.75


def test_ranges_are_near_the_published_ones():
    published = {
        "Left Posterior Cingulate WM volume (mm3)": (3375.2, 6573.9),
        "Right Inferior Parietal WM volume (mm3)": (8199.2, 15082.6),
        "Left Isthmus Cingulate GM volume (mm3)": (1824, 3742),
        "Right Lingual GM volume (mm3)": (4454, 9041),
    }
    tables = [make_ketamine_crossover(random_state=seed).data for seed in range(20)]
    for name, (low, high) in published.items():
        assert_allclose(np.median([x[name].min() for x in tables]), low, rtol=0.12)
        assert_allclose(np.median([x[name].max() for x in tables]), high, rtol=0.12)


@pytest.mark.parametrize("main_effect", [0.0, 4.0, -1.25])
def test_null_twin_has_a_constant_effect(main_effect):
    silent = make_ketamine_crossover(effect=0.0, random_state=11)
    twin = make_ketamine_crossover(effect=0.0, main_effect=main_effect, random_state=11)
    ketamine = twin.treatment == "ketamine"
    assert_array_equal(twin.target, silent.target - main_effect * ketamine)
    assert_array_equal(silent.target, np.rint(silent.target))


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        (12.0, (12.0, 6.0)),
        (3, (3.0, 1.5)),
        ((10.0, 0.0), (10.0, 0.0)),
        ([5, 7], (5.0, 7.0)),
        (np.array([8.0, -4.0]), (8.0, -4.0)),
        ((-2.5, -2.5), (-2.5, -2.5)),
    ],
)
@pytest.mark.parametrize("main_effect", [0.0, 2.0])
def test_effect_is_added_to_ketamine_members_only(effect, expected, main_effect):
    settings = dict(n_participants=200, main_effect=main_effect, random_state=12)
    trial = make_ketamine_crossover(effect=effect, **settings)
    twin = make_ketamine_crossover(effect=0, **settings)
    one, two = trial.personas["persona 1"], trial.personas["persona 2"]
    assert (one & two).any()
    assert tuple(trial.effect.values()) == expected
    both = max(expected, key=abs)
    own = np.select([one & two, one, two], [both, *expected], default=0.0)
    own = np.where(trial.treatment == "ketamine", own, 0.0)
    assert_allclose(twin.target - trial.target, own, atol=1e-12)
    favorable = (one & (expected[0] > 0)) | (two & (expected[1] > 0))
    assert_array_equal(trial.persona, favorable)
    assert_array_equal(twin.persona, one | two)


def test_period_effect_is_added_in_both_arms():
    trial = make_ketamine_crossover(period_effect=-1.5, random_state=0)
    plain = make_ketamine_crossover(random_state=0)
    assert_array_equal(trial.target - plain.target, -1.5 * (trial.period == 2))


@pytest.mark.parametrize("correlation", [0.0, 0.4, 0.9])
def test_spread_and_correlation_of_the_outcome(correlation):
    trial = make_ketamine_crossover(
        n_participants=4000, effect=0, correlation=correlation, random_state=1
    )
    wide = pairs(trial)
    assert_allclose(wide.corr().iloc[0, 1], correlation, atol=0.04)
    assert_allclose(wide.std(), 7.0, atol=0.25)
    assert_allclose(wide.mean(), -2.0, atol=0.35)


def test_outcome_at_the_defaults(complete):
    wide = pairs(complete)
    assert_allclose((wide["saline"] - wide["ketamine"]).mean(), 6.5, atol=0.8)
    assert_allclose(wide["saline"].std(), 7.0, atol=0.5)
    assert_allclose(wide["ketamine"].std(), 8.6, atol=0.5)
    final = complete.target + complete.baseline
    assert (final < 0).mean() < 0.01
    assert final.max() <= 60


def test_saline_scores_stay_on_the_scale():
    trial = make_ketamine_crossover(n_participants=4000, effect=0, random_state=3)
    final = trial.target + trial.baseline
    assert final.min() == 0
    assert final.max() <= 60


def test_arguments_share_the_random_numbers():
    plain = make_ketamine_crossover(missing=0.0, random_state=0)
    rare = make_ketamine_crossover(missing=0.0, prevalence=0.2, random_state=0)
    changed = (plain.data != rare.data).any()
    volumes = [
        name
        for conditions in plain.planted.values()
        for name in conditions
        if name.endswith("(mm3)")
    ]
    assert set(volumes) <= set(changed.index[changed])
    sums = ["Cortex", "Cerebral", "Total GM", "Brain", "Supratentorial", "Intracranial"]
    for name in set(changed.index[changed]) - set(volumes):
        assert any(word in name for word in sums), name
    for name in plain.personas:
        assert (plain.personas[name] | ~rare.personas[name]).all()
    assert_array_equal(plain.treatment, rare.treatment)
    fewer = make_ketamine_crossover(missing=0.0, n_incomplete=0, random_state=0)
    kept = pd.MultiIndex.from_arrays([fewer.groups, fewer.period]).isin(
        pd.MultiIndex.from_arrays([plain.groups, plain.period])
    )
    assert_array_equal(fewer.target[kept], plain.target)


def test_groups_sort_in_order_at_any_size():
    trial = make_ketamine_crossover(n_participants=1001, random_state=0)
    assert trial.groups[0] == "P0001"
    assert list(trial.groups) == sorted(trial.groups)


# The parallel trial


@pytest.mark.parametrize("n_variables", [1, 2, 3, 4])
@pytest.mark.parametrize("prevalence", [0.1, 0.4, 0.9])
@pytest.mark.parametrize("correlation", [0.0, 0.1, 0.6])
def test_planted_prevalence(n_variables, prevalence, correlation):
    trial = make_parallel_trial(
        n_samples=20_000,
        n_features=5,
        n_variables=n_variables,
        prevalence=prevalence,
        correlation=correlation,
        random_state=0,
    )
    assert_allclose(trial.persona.mean(), prevalence, atol=0.016)
    assert list(trial.planted["persona 1"]) == [f"x{j}" for j in range(n_variables)]
    corr = np.corrcoef(trial.data.to_numpy().T)
    assert_allclose(corr[np.triu_indices(5, 1)], correlation, atol=0.04)
    assert_allclose(trial.data.std(), 1.0, atol=0.03)
    assert_allclose(trial.data.mean(), 0.0, atol=0.04)


@pytest.mark.parametrize("n_variables", [2, 3])
def test_sides_of_the_conditions_alternate(n_variables):
    planted = make_parallel_trial(n_variables=n_variables, random_state=0).planted
    upper = [np.isinf(high) for _, high in planted["persona 1"].values()]
    assert upper == [True, False, True][:n_variables]


@pytest.mark.parametrize(
    ("share", "n_samples", "n_treated"),
    [(0.5, 200, 100), (0.5, 201, 100), (0.2, 50, 10), (0.01, 5, 1), (0.99, 5, 4)],
)
def test_treated_share(share, n_samples, n_treated):
    trial = make_parallel_trial(
        n_samples=n_samples, treated_share=share, random_state=0
    )
    assert trial.treatment.sum() == n_treated
    assert trial.treatment.dtype.kind == "i"
    assert set(trial.treatment) == {0, 1}
    assert trial.period is None
    assert len(set(trial.groups)) == n_samples


@pytest.mark.parametrize("main_effect", [0.0, 0.8])
@pytest.mark.parametrize("effect", [0.0, 1.0, -0.7])
@pytest.mark.parametrize("prognostic", [0.0, 1.5])
def test_parallel_effects_are_exact(main_effect, effect, prognostic):
    settings = dict(prognostic=prognostic, random_state=4)
    trial = make_parallel_trial(effect=effect, main_effect=main_effect, **settings)
    silent = make_parallel_trial(effect=0.0, main_effect=0.0, **settings)
    added = trial.treatment * (main_effect + effect * trial.persona)
    assert_allclose(trial.target - silent.target, added, atol=1e-12)
    assert_array_equal(trial.persona, silent.persona)


@pytest.mark.parametrize("n_features", [3, 4, 10])
def test_prognostic_part_has_unit_variance_and_spares_the_persona(n_features):
    settings = dict(n_samples=20_000, n_features=n_features, random_state=0)
    plain = make_parallel_trial(**settings)
    trial = make_parallel_trial(prognostic=2.0, **settings)
    part = trial.target - plain.target
    assert_allclose(part.std(), 2.0, atol=0.05)
    last = plain.data.iloc[:, -min(3, n_features - 2) :].sum(axis=1)
    assert_allclose(np.corrcoef(part, last)[0, 1], 1.0, atol=1e-9)


def test_prognostic_needs_a_free_feature():
    assert make_parallel_trial(n_features=2, random_state=0).data.shape == (200, 2)
    with pytest.raises(ValueError, match=r"prognostic must be 0 .*got prognostic=1.0"):
        make_parallel_trial(n_features=2, prognostic=1.0)


@pytest.mark.parametrize("prognostic", [0.0, 1.0])
def test_binary_outcome_is_the_dichotomized_trial(prognostic):
    settings = dict(n_samples=20_000, prognostic=prognostic, random_state=0)
    continuous = make_parallel_trial(**settings)
    binary = make_parallel_trial(binary=True, **settings)
    assert_same_trial(continuous, binary, but=["target"])
    assert_array_equal(binary.target, (continuous.target > 0.5).astype(float))
    if not prognostic:
        control = binary.treatment == 0
        inside = ~control & binary.persona
        assert_allclose(binary.target[control].mean(), ndtr(-0.5), atol=0.02)
        assert_allclose(binary.target[inside].mean(), ndtr(0.5), atol=0.03)


# The pieces


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_conjunction_probability_of_two_halves(correlation, sign):
    # Orthant probability of the bivariate normal (Sheppard, 1899).
    expected = 0.25 + np.arcsin(sign * correlation) / (2 * np.pi)
    found = conjunction_probability([0.0, 0.0], correlation, [1.0, sign])
    assert_allclose(found, expected, atol=1e-7)


def test_conjunction_probability_of_one_and_of_independent_variables():
    assert_allclose(conjunction_probability([0.7], 0.6), ndtr(0.7), atol=1e-7)
    upper = np.array([0.7, -0.2, 1.4])
    found = conjunction_probability(upper, 0.0)
    assert_allclose(found, ndtr(upper).prod(), atol=1e-12)


@pytest.mark.parametrize("probability", [1e-4, 0.3, 0.999])
def test_shift_reaches_the_probability(probability):
    upper = np.array([0.3, -1.0])
    shift = shift_to_probability(upper, 0.5, probability)
    assert_allclose(conjunction_probability(upper + shift, 0.5), probability, rtol=1e-6)


@pytest.mark.parametrize("column", ["BDI 10 crying", "HAMA cardiovascular"])
def test_some_probability_is_that_of_the_items(column):
    trial = make_ketamine_crossover(
        n_participants=5000, missing=0.0, n_incomplete=0, random_state=1
    )
    found = (trial.data[column][::2] >= 1).mean()
    assert_allclose(found, some_probability(column), atol=0.02)


def test_missing_values_meet_no_condition():
    table = np.array([[1.0], [np.nan], [2.0], [2.5]])
    assert_array_equal(
        meets(table, ["a"], {"a": (1.0, 2.0)}), [False, False, True, False]
    )
    assert_array_equal(
        meets(table, ["a"], {"a": (-np.inf, np.inf)}), [True, False, True, True]
    )


# The public trial


class Server:
    """Stands in for urlopen: serves bytes by the end of the address."""

    def __init__(self, files):
        self.files = files
        self.requests = []

    def __call__(self, url, timeout=None):
        self.requests.append(url)
        assert timeout is not None
        content = self.files[url.split("/1.0.1/")[1]]
        if isinstance(content, Exception):
            raise content
        return io.BytesIO(content)


SMALL_FILES = {
    "participants.tsv": (
        b"participant_id\tage\tsex\tBMI\tgroup\tinfusion_1\tinfusion_2\n"
        b"sub-2\t30\tF\t21.5\tMDD\tp\td\n"
        b"sub-1\t40\tM\tn/a\tMDD\td\tp\n"
        b"sub-3\t50\tM\t25\tMDD\td\tn/a\n"
        b"sub-4\t50\tM\t25\tMDD\td\tn/a\n"
        b"sub-5\t50\tM\t25\tMDD\tn/a\tn/a\n"
        b"sub-6\t50\tM\t25\tHC\td\tp\n"
    ),
    "phenotype/phenotype.tsv": (
        b"participant_id\tsession_id\tMADRS_Total\tHAMD_Bech\tHAM17_Total\n"
        b"sub-1\tses-b0\t30\t12\t20\n"
        b"sub-1\tses-p2\t29\t12\t20\n"
        b"sub-1\tses-d2\t10\t6\t8\n"
        b"sub-1\tses-d10\t1\t1\t1\n"
        b"sub-2\tses-b0\t36\t13\t22\n"
        b"sub-2\tses-p2\tn/a\t13\t22\n"
        b"sub-2\tses-d2\t40\t13\t22\n"
        b"sub-3\tses-b0\t25\t10\t15\n"
        b"sub-3\tses-d2\t20\t10\t15\n"
        b"sub-4\tses-b0\t25\t10\t15\n"
        b"sub-5\tses-b0\t25\t10\t15\n"
        b"sub-6\tses-b0\t0\t0\t0\n"
        b"sub-6\tses-d2\t1\t0\t0\n"
        b"sub-7\tn/a\tn/a\tn/a\tn/a\n"
        b"sub-8\tn/a\tn/a\tn/a\tn/a\n"
    ),
}


@pytest.fixture
def server(monkeypatch):
    """A small trial behind urlopen, with matching checksums."""
    server = Server(dict(SMALL_FILES))
    sums = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in SMALL_FILES.items()
    }
    monkeypatch.setattr(_nimh, "_CHECKSUMS", sums)
    monkeypatch.setattr(urllib.request, "urlopen", server)
    return server


def stored(folder):
    """Files below a folder."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    )


def test_download_stores_the_files_once(server, tmp_path):
    trial = fetch_nimh_ketamine(data_home=tmp_path)
    base = "https://raw.githubusercontent.com/OpenNeuroDatasets/ds005917/1.0.1/"
    assert server.requests == [
        base + "participants.tsv",
        base + "phenotype/phenotype.tsv",
    ]
    assert stored(tmp_path) == [f"ds005917/{name}" for name in sorted(SMALL_FILES)]
    again = fetch_nimh_ketamine(data_home=str(tmp_path), download_if_missing=False)
    assert len(server.requests) == 2
    assert_same_trial(trial, again)


def test_rows_of_the_public_trial(server, tmp_path):
    trial = fetch_nimh_ketamine(data_home=tmp_path)
    assert list(trial.groups) == ["sub-1", "sub-1", "sub-2", "sub-3"]
    assert list(trial.period) == [1, 2, 2, 1]
    assert list(trial.treatment) == ["ketamine", "placebo", "ketamine", "ketamine"]
    assert list(trial.target) == [-20.0, -1.0, 4.0, -5.0]
    assert list(trial.baseline) == [30.0, 30.0, 36.0, 25.0]
    assert list(trial.data["HAMD-17"]) == [20.0, 20.0, 22.0, 15.0]
    assert list(trial.data["HAMD-6"]) == [12.0, 12.0, 13.0, 10.0]
    assert list(trial.data["sex"]) == ["M", "M", "F", "M"]
    assert_array_equal(trial.data["BMI"], [np.nan, np.nan, 21.5, 25.0])
    assert trial.n_participants == 4


def test_default_data_home(server, tmp_path, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "home"))
    fetch_nimh_ketamine()
    assert (tmp_path / "home" / "ds005917" / "participants.tsv").is_file()


def test_missing_file_without_download(server, tmp_path):
    with pytest.raises(OSError, match=r"participants\.tsv not found.*download_if_miss"):
        fetch_nimh_ketamine(data_home=tmp_path, download_if_missing=False)
    assert server.requests == []


@pytest.mark.parametrize("name", list(SMALL_FILES))
def test_changed_file_is_refused(server, tmp_path, name):
    fetch_nimh_ketamine(data_home=tmp_path)
    path = tmp_path / "ds005917" / name
    path.write_bytes(path.read_bytes() + b"\n")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(OSError, match=rf"SHA-256 {found}; expected .*Delete the file"):
        fetch_nimh_ketamine(data_home=tmp_path)
    assert len(server.requests) == 2


@pytest.mark.parametrize("name", list(SMALL_FILES))
def test_changed_download_is_not_stored(server, tmp_path, name):
    server.files[name] = b"<html>not the file</html>"
    with pytest.raises(OSError, match=r"The download of https.*expected.*Nothing was"):
        fetch_nimh_ketamine(data_home=tmp_path)
    assert f"ds005917/{name}" not in stored(tmp_path)
    assert not [path for path in stored(tmp_path) if "part" in Path(path).suffix]


@pytest.mark.parametrize("name", list(SMALL_FILES))
def test_failed_download_leaves_nothing_behind(server, tmp_path, name):
    server.files[name] = urllib.error.URLError("no route to host")
    with pytest.raises(OSError, match=r"Downloading https.*no route.*try again"):
        fetch_nimh_ketamine(data_home=tmp_path)
    done = [] if name == "participants.tsv" else ["ds005917/participants.tsv"]
    assert stored(tmp_path) == done
    server.files[name] = SMALL_FILES[name]
    assert len(fetch_nimh_ketamine(data_home=tmp_path).target) == 4


def test_interrupted_download_leaves_nothing_behind(server, tmp_path, monkeypatch):
    def interrupt(source, target):
        target.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(_nimh.shutil, "copyfileobj", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch_nimh_ketamine(data_home=tmp_path)
    assert stored(tmp_path) == []


def test_file_appears_by_renaming_within_the_folder(server, tmp_path, monkeypatch):
    moves = []
    replace = _nimh.os.replace

    def record(source, target):
        moves.append((Path(source), Path(target)))
        replace(source, target)

    monkeypatch.setattr(_nimh.os, "replace", record)
    fetch_nimh_ketamine(data_home=tmp_path)
    assert len(moves) == 2
    assert all(source.parent == target.parent for source, target in moves)


def test_fetch_checks_its_flag(tmp_path):
    with pytest.raises(ValueError, match=r"download_if_missing must be .*got 'no'"):
        fetch_nimh_ketamine(data_home=tmp_path, download_if_missing="no")


def test_nothing_is_fetched_at_import():
    code = (
        "import socket, sys\n"
        "def refuse(*args, **kwargs): raise SystemExit('a socket was opened')\n"
        "socket.socket.connect = socket.create_connection = refuse\n"
        "socket.getaddrinfo = refuse\n"
        "import sklearn_persona.datasets as d\n"
        "d.make_ketamine_crossover(n_participants=4); d.make_parallel_trial()\n"
    )
    environment_path = [path for path in sys.path if path]
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path[:0] = {environment_path}\n{code}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_checksums_of_the_published_version():
    assert {name: value[:8] for name, value in _nimh._CHECKSUMS.items()} == {
        "participants.tsv": "34cdc8ad",
        "phenotype/phenotype.tsv": "5a4c4f92",
    }
    assert {len(value) for value in _nimh._CHECKSUMS.values()} == {64}


@needs_public_data
def test_public_trial_reproduces_its_facts():
    trial = fetch_nimh_ketamine(data_home=PUBLIC_DATA, download_if_missing=False)
    assert trial.n_participants == 31
    assert trial.data.shape == (53, 6)
    assert len(set(trial.groups)) == 29
    assert Counter(trial.treatment) == {"ketamine": 27, "placebo": 26}
    wide = pairs(trial)
    assert len(wide) == 24
    difference = wide["ketamine"] - wide["placebo"]
    assert difference.mean() == -6.75
    assert_allclose(difference.mean() / difference.std(), -0.71, atol=0.005)
    assert_allclose(wide.corr().iloc[0, 1], 0.39, atol=0.005)
    response = trial.target <= -0.4 * trial.baseline
    responders = {
        arm: int(response[trial.treatment == arm].sum())
        for arm in ("ketamine", "placebo")
    }
    assert responders == {"ketamine": 8, "placebo": 1}


@needs_public_data
def test_public_trial_columns():
    trial = fetch_nimh_ketamine(data_home=PUBLIC_DATA, download_if_missing=False)
    assert set(trial) >= FIELDS
    names = ["age", "sex", "BMI", "MADRS", "HAMD-17", "HAMD-6"]
    assert list(trial.data.columns) == trial.feature_names == names
    assert list(trial.modalities) == names
    assert isinstance(trial.data["sex"].dtype, pd.CategoricalDtype)
    assert list(trial.data["sex"].cat.categories) == ["F", "M"]
    assert trial.data.notna().to_numpy().all()
    assert set(trial.period) == {1, 2}
    assert_array_equal(trial.data["MADRS"], trial.baseline)
    assert trial.baseline.min() >= 20
    assert (trial.data["HAMD-6"] < trial.data["HAMD-17"]).all()
    order = np.lexsort((trial.period, trial.groups))
    assert_array_equal(order, np.arange(len(order)))


def test_public_names_are_documented():
    for name in datasets.__all__:
        function = getattr(datasets, name)
        for section in ("Parameters", "Returns", "Raises", "References", "Examples"):
            assert f"    {section}\n    ---" in function.__doc__, (name, section)
    assert sorted(datasets.__all__) == datasets.__all__


def test_descriptions_say_how_to_orient_the_outcome():
    descr = make_ketamine_crossover(random_state=0).DESCR
    assert "greater_is_better=False" in descr
    assert 'control="saline"' in descr
