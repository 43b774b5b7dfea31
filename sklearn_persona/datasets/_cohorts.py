"""Simulated imaging cohorts of a ketamine responder study."""

from math import sqrt

import numpy as np
import pandas as pd
from scipy.special import ndtri
from sklearn.utils import Bunch, check_random_state

from sklearn_persona._data.checks import as_count, as_flag, as_real
from sklearn_persona.datasets._imaging import (
    HEAD_SHARE,
    NETWORK_SHARE,
    PAIR_SHARE,
    gray_matter,
    volume_columns,
    volume_name,
)
from sklearn_persona.datasets._planting import with_missing

AGE, SEX, SITE = "age (years)", "sex", "site"
HEAD = volume_name("Estimated Total Intracranial")

# Difference in head size between the sexes, in standard deviations within a sex.
_SEX_GAP = 1.5
# Loss of gray matter per year of age, in standard deviations of a log volume.
_AGE_SLOPE = 0.025
_MEAN_AGE = 42.0
# Standard deviation of a region's offset between scanners, and the largest noise.
_OFFSET_SD, _SCANNER_NOISE = 0.8, 1.3

_DESCR = """\
Simulated structural-MRI cohorts of a ketamine study
====================================================

One row is one patient before treatment: 86 gray-matter and cerebellar volumes in mm3,
age, sex, site and estimated total intracranial volume. The cohorts are `discovery` and
`external` (ketamine) and `saline` (control). The target is response at 24 hours, 0 or
1.

One model makes all cohorts: a patient responds to ketamine when a latent outcome, part
of which is frontal less cerebellar volume at equal head size, is above its quantile. A
scanner adds to each log volume an offset of its own, shared in part by neighboring
regions, and has a noise of its own. Nothing else differs between cohorts.

frontal and cerebellar    the regions that carry the signal
latent                    the part of the outcome that the volumes explain, in SD
"""


def make_structural_mri_cohorts(
    *,
    n_discovery=99,
    n_external=(26, 25),
    n_saline=49,
    signal=2.6,
    mechanism="drug",
    response_rate=0.525,
    saline_response_rate=0.25,
    site_effect=1.0,
    missing=0.0,
    random_state=None,
    as_frame=True,
):
    """Simulate discovery, external and saline cohorts of a responder study.

    The sizes and the response rate are those of a study that predicted response to
    ketamine from structural MRI: 99 patients for training, 52 of them responders; 51
    from other sites; 49 with saline. All cohorts have the same generating model. With
    ``signal * s`` from the volumes and standard-normal noise the outcome is ::

        latent = (signal * s + noise) / sqrt(signal**2 + 1)
        response = latent > quantile of the wanted response rate

    where ``s``, with variance 1, is mean frontal less mean cerebellar gray matter at
    equal head size. Scanners add offsets and noise to the true volumes.

    Parameters
    ----------
    n_discovery : int, default=99
        Patients of the discovery cohort, all from site A.
    n_external : tuple of int, default=(26, 25)
        Patients of the external cohort at sites B, C, ...; may be empty.
    n_saline : int, default=49
        Patients with saline, from site A.
    signal : float, default=2.6
        Slope of the outcome on ``s`` in standard deviations of the noise; 0 gives the
        null twin: the same volumes, sites and noise, and a response that does not
        depend on them.
    mechanism : {"drug", "prognostic"}, default="drug"
        Whether the volumes predict response only under ketamine, or also under saline.
    response_rate : float, default=0.525
        Expected share of responders under ketamine, in (0, 1).
    saline_response_rate : float, default=0.25
        Expected share of responders under saline, in (0, 1); not published.
    site_effect : float, default=1.0
        Size of scanner effects, in standard deviations of a log volume. Offsets of a
        region have a standard deviation of 0.8 times this between sites, and half of
        their variance is shared by the lobe. The standard deviation of a scanner's
        noise is uniform between 0 and 1.3 times this.
    missing : float, default=0.0
        Expected share of missing volumes, in [0, 1).
    random_state : int, RandomState instance or None, default=None
        Determines all random numbers, which do not depend on `signal`, `mechanism`,
        the rates, `site_effect` and `missing`.
    as_frame : bool, default=True
        Whether `data` is a DataFrame with sites and sexes as text, or an ndarray with
        both as numbers.

    Returns
    -------
    study : :class:`~sklearn.utils.Bunch`
        With the following attributes:

        data : DataFrame or ndarray of shape (n_samples, 90)
            Age, sex, site, intracranial volume, then 86 regions.
        target : ndarray of shape (n_samples,), int
            1 for responders.
        treatment : ndarray of shape (n_samples,), str
            "ketamine" or "saline".
        cohort : ndarray of shape (n_samples,), str
            "discovery", "external" or "saline".
        site : ndarray of shape (n_samples,), str
            Site, and thus scanner, of the patient.
        groups : ndarray of shape (n_samples,), int
            Patient; each row is a different one.
        period : None
            The study has no periods.
        cohorts : dict of str to :class:`~sklearn.utils.Bunch`
            The rows of each cohort: data, target, treatment, site, groups.
        covariates : list
            Columns to regress out: names, or positions if not `as_frame`.
        feature_names : list of str
            Columns of `data`.
        modalities : dict of str to str
            Column to its source.
        frontal, cerebellar : list of str
            Regions with positive and with negative weight in ``s``.
        families : dict of str to str
            Region to lobe, for :func:`~sklearn_persona.baselines.region_stability`.
        latent : ndarray of shape (n_samples,)
            ``s`` of the true volumes, for any `signal`.
        DESCR : str
            Description of the data set.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    See Also
    --------
    sklearn_persona.baselines.published_protocol : Evaluates such cohorts.

    References
    ----------
    Structural imaging predictors of ketamine response in treatment-resistant
    depression: a machine learning approach. Translational Psychiatry, 2026,
    doi:10.1038/s41398-026-04085-4, for the design.

    Fortin, J.-P. et al. (2018). Harmonization of cortical thickness measurements
    across scanners and sites. NeuroImage 167, 104-120, for effects of sites.

    Examples
    --------
    >>> from sklearn_persona.datasets import make_structural_mri_cohorts
    >>> study = make_structural_mri_cohorts(random_state=0)
    >>> study.data.shape
    (199, 90)
    >>> {name: len(part.target) for name, part in study.cohorts.items()}
    {'discovery': 99, 'external': 51, 'saline': 49}
    >>> study.frontal[0]
    'Left Caudal Middle Frontal GM volume (mm3)'
    """
    n_discovery = as_count("n_discovery", n_discovery, minimum=1)
    n_external = _check_sizes(n_external)
    n_saline = as_count("n_saline", n_saline, minimum=0)
    signal = as_real("signal", signal)
    share = {"low": 0, "high": 1, "open_low": True, "open_high": True}
    rates = {
        "ketamine": as_real("response_rate", response_rate, **share),
        "saline": as_real("saline_response_rate", saline_response_rate, **share),
    }
    site_effect = as_real("site_effect", site_effect, low=0)
    missing = as_real("missing", missing, low=0, high=1, open_high=True)
    as_frame = as_flag("as_frame", as_frame)
    if mechanism not in ("drug", "prognostic"):
        raise ValueError(
            f"mechanism must be 'drug' or 'prognostic', got {mechanism!r}."
        )
    rng = check_random_state(random_state)

    cohort, site = _cohorts_and_sites(n_discovery, n_external, n_saline)
    n = len(cohort)
    treatment = np.where(cohort == "saline", "saline", "ketamine")

    age = np.clip(np.round(_MEAN_AGE + 12.0 * rng.standard_normal(n)), 18, 70)
    male = rng.uniform(size=n) < 0.45
    # Variance 1 over both sexes together.
    head = (rng.standard_normal(n) + _SEX_GAP * (male - 0.45)) / sqrt(
        1 + _SEX_GAP**2 * 0.45 * 0.55
    )
    columns = volume_columns(head, {}, rng)
    lobes, shapes = gray_matter()
    names = list(lobes)
    true = np.column_stack(
        [np.log(columns[name] / shapes[name][0]) / shapes[name][1] for name in names]
    )
    frontal = [name for name in names if lobes[name] == "frontal"]
    cerebellar = [name for name in names if lobes[name] == "cerebellum"]
    latent = _contrast(true, names, frontal, cerebellar, head)
    slope = np.where(
        (treatment == "ketamine") | (mechanism == "prognostic"), signal, 0.0
    )
    target = _responses(latent, slope, treatment, rates, rng)

    measured = true - _AGE_SLOPE * (age - _MEAN_AGE)[:, None]
    measured = measured + _scanners(site, names, lobes, site_effect, rng)
    volumes = with_missing(_in_mm3(measured, names, shapes), missing, rng)
    data = pd.DataFrame(volumes, columns=names)
    data.insert(0, AGE, age)
    data.insert(1, SEX, np.where(male, "male", "female"))
    data.insert(2, SITE, site)
    data.insert(3, HEAD, columns[HEAD])
    covariates = [AGE, SEX, SITE, HEAD]
    feature_names = list(data.columns)
    if not as_frame:
        codes = {SEX: male.astype(float), SITE: pd.factorize(site, sort=True)[0] * 1.0}
        data = data.assign(**codes).to_numpy(dtype=float)
        covariates = list(range(4))
    modalities = dict.fromkeys(feature_names, "structural MRI")
    modalities |= dict.fromkeys([AGE, SEX, SITE], "clinical")
    rows = {
        "target": target,
        "treatment": treatment,
        "site": site,
        "groups": np.arange(n),
    }
    return Bunch(
        data=data,
        **rows,
        cohort=cohort,
        period=None,
        cohorts=_by_cohort(cohort, data, rows),
        covariates=covariates,
        feature_names=feature_names,
        modalities=modalities,
        frontal=frontal,
        cerebellar=cerebellar,
        families=lobes,
        latent=latent,
        DESCR=_DESCR,
    )


def _check_sizes(sizes):
    if not isinstance(sizes, tuple | list):
        raise ValueError(
            f"n_external must be a tuple of sizes, one a site, got {sizes!r}. For one "
            "site pass (51,)."
        )
    return tuple(as_count("n_external", size, minimum=1) for size in sizes)


def _cohorts_and_sites(n_discovery, n_external, n_saline):
    """Cohort and site of each patient."""
    parts = [("discovery", "A", n_discovery)]
    parts += [
        ("external", chr(ord("B") + i), size) for i, size in enumerate(n_external)
    ]
    parts.append(("saline", "A", n_saline))
    cohorts, sites, sizes = zip(*parts, strict=True)
    return np.repeat(cohorts, sizes), np.repeat(sites, sizes)


def _contrast(true, names, frontal, cerebellar, head):
    """Frontal less cerebellar volume at equal head size, with variance 1."""
    own = true - sqrt(HEAD_SHARE) * head[:, None]
    difference, variance = 0.0, 0.0
    for sign, regions in ((1, frontal), (-1, cerebellar)):
        chosen = [names.index(name) for name in regions]
        difference = difference + sign * own[:, chosen].mean(axis=1)
        # Variance of the mean over pairs that share a network.
        unshared = 1 - HEAD_SHARE - NETWORK_SHARE - PAIR_SHARE
        variance += NETWORK_SHARE + (2 * PAIR_SHARE + unshared) / len(regions)
    return difference / sqrt(variance)


def _responses(latent, slope, treatment, rates, rng):
    """Response of each patient, 0 or 1, at the wanted rate of the treatment."""
    noise = rng.standard_normal(len(latent))
    outcome = (slope * latent + noise) / np.sqrt(slope**2 + 1)
    edge = np.array([-ndtri(rates[arm]) for arm in ("ketamine", "saline")])
    return (outcome > edge[(treatment == "saline").astype(int)]).astype(int)


def _scanners(site, names, lobes, size, rng):
    """Offset and noise from the scanner of each patient, in SD of a log volume."""
    families = sorted(set(lobes.values()))
    added = np.zeros((len(site), len(names)))
    noise = rng.standard_normal(added.shape)
    for place in np.unique(site):
        lobe = rng.standard_normal(len(families))
        own = rng.standard_normal(len(names))
        shared = lobe[[families.index(lobes[name]) for name in names]]
        spread = _SCANNER_NOISE * rng.uniform()
        rows = site == place
        added[rows] = _OFFSET_SD * sqrt(0.5) * (shared + own) + spread * noise[rows]
    return size * added


def _in_mm3(measured, names, shapes):
    """Volumes, shape (n_patients, n_regions), of log volumes in SD."""
    return np.column_stack(
        [
            np.round(shapes[name][0] * np.exp(shapes[name][1] * values), 1)
            for name, values in zip(names, measured.T, strict=True)
        ]
    )


def _by_cohort(cohort, data, rows):
    """The rows of each cohort."""
    parts = {}
    for name in dict.fromkeys(cohort.tolist()):
        chosen = cohort == name
        part = data[chosen]
        if isinstance(part, pd.DataFrame):
            part = part.reset_index(drop=True)
        own = {key: values[chosen] for key, values in rows.items()}
        parts[name] = Bunch(data=part, **own)
    return parts
