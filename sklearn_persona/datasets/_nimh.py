"""The public NIMH ketamine trial, OpenNeuro ds005917."""

import hashlib
import os
import shutil
import urllib.request
from http.client import HTTPException
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
import pandas as pd
from sklearn.datasets import get_data_home
from sklearn.utils import Bunch

from sklearn_persona._data.checks import as_flag

_FOLDER = "ds005917"
_URL = "https://raw.githubusercontent.com/OpenNeuroDatasets/ds005917/1.0.1/"
_TIMEOUT_SECONDS = 60.0
# File of the data set -> SHA-256 at tag 1.0.1.
_CHECKSUMS = {
    "participants.tsv": (
        "34cdc8adfe06e76ca276216e00ea2dc1ae12c03ce186038d9fa541cb1ae4e592"
    ),
    "phenotype/phenotype.tsv": (
        "5a4c4f92a72cb50070f7ffbd50ce3e5ea34a40c1e0f6245c27d1dc6575084b28"
    ),
}
# Column of the files -> name in `data`.
_SCALES = {
    "MADRS_Total": "MADRS",
    "HAM17_Total": "HAMD-17",
    "HAMD_Bech": "HAMD-6",
}
_MODALITIES = {
    "age": "demographic",
    "sex": "demographic",
    "BMI": "physiological",
    "MADRS": "clinical",
    "HAMD-17": "clinical",
    "HAMD-6": "clinical",
}

_DESCR = """\
NIMH ketamine trial, day 2 (OpenNeuro ds005917, version 1.0.1, CC0)
===================================================================

Randomized double-blind crossover trial of one infusion of ketamine (0.5 mg/kg) and
one of saline in major depression, without medication (NCT00088699). A row is a
participant in one period with a score two days after the infusion. The healthy and
bipolar participants of the data set are left out.

31 participants with major depression had an infusion, six of them one only. 29 have
at least one score at day 2: 27 after ketamine, 26 after placebo, 53 rows in all.
24 participants have both.

data       baseline: age (years), sex (F or M), BMI (kg/m2), MADRS, HAMD-17 and
           HAMD-6 totals
target     change of the MADRS total from baseline to day 2; negative values are
           improvement (pass ``greater_is_better=False``)
treatment  "ketamine" or "placebo" (pass ``control="placebo"``: the first label in
           sorted order is "ketamine")
groups     participant
period     1 or 2, the order of the infusions
baseline   MADRS total at baseline, for percent changes
"""


def fetch_nimh_ketamine(*, data_home=None, download_if_missing=True):
    """Load the NIMH ketamine trial at day 2 (crossover, real data).

    The files ``ds005917/participants.tsv`` and ``ds005917/phenotype/phenotype.tsv``
    are read from `data_home`, to which they are downloaded on the first call. Their
    SHA-256 checksums are verified on every call.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Parent of the folder ``ds005917``. None is scikit-learn's data folder, see
        :func:`sklearn.datasets.get_data_home`.
    download_if_missing : bool, default=True
        Whether to download missing files instead of raising an error.

    Returns
    -------
    trial : :class:`~sklearn.utils.Bunch`
        With the following attributes:

        data : DataFrame of shape (53, 6)
            Baseline: age (years), sex (categorical), BMI (kg/m2) and the totals of
            MADRS, HAMD-17 and HAMD-6. Rows are ordered by participant and period.
        target : ndarray of shape (53,), float
            Change of the MADRS total from baseline at day 2; negative is
            improvement.
        treatment : ndarray of shape (53,), str
            "ketamine" or "placebo".
        groups : ndarray of shape (53,), str
            Participant.
        period : ndarray of shape (53,), int
            1 or 2.
        baseline : ndarray of shape (53,), float
            MADRS total at baseline.
        feature_names : list of str
            Columns of `data`.
        modalities : dict of str to str
            Column to "demographic", "physiological" or "clinical".
        n_participants : int
            31, the participants with major depression and at least one infusion. Two
            of them have no score at day 2 and no row.
        DESCR : str
            Description of the data set.

    Raises
    ------
    OSError
        If a file is missing and must not be downloaded, cannot be downloaded, or does
        not have the expected checksum.
    ValueError
        If `download_if_missing` is neither True nor False.

    See Also
    --------
    make_ketamine_crossover : A similar simulated trial with 400 variables.

    References
    ----------
    Evans, Nugent & Zarate, "NIMH Ketamine Mechanism of Action Study", OpenNeuro
    ds005917, version 1.0.1, 2025. doi:10.18112/openneuro.ds005917.v1.0.1

    Nugent et al., "Ketamine has distinct electrophysiological and behavioral
    effects in depressed and healthy subjects", Molecular Psychiatry, 2019.

    Examples
    --------
    >>> from sklearn_persona.datasets import fetch_nimh_ketamine
    >>> trial = fetch_nimh_ketamine()  # doctest: +SKIP
    >>> trial.data.shape  # doctest: +SKIP
    (53, 6)
    """
    download_if_missing = as_flag("download_if_missing", download_if_missing)
    folder = Path(get_data_home(data_home)) / _FOLDER
    paths = {
        name: _provide(folder / name, name, download_if_missing) for name in _CHECKSUMS
    }
    tables = [
        pd.read_csv(path, sep="\t", na_values=["n/a"], keep_default_na=False)
        for path in paths.values()
    ]
    return _assemble(*tables)


def _provide(path, name, download_if_missing):
    """Return ``path`` once the file exists with the expected checksum."""
    if not path.exists():
        if not download_if_missing:
            raise OSError(
                f"{path} not found. Set download_if_missing=True, or put the file "
                f"{_URL}{name} there."
            )
        _download(path, name)
    else:
        _verify(path, name, f"{path}", "Delete the file to download it again.")
    return path


def _verify(path, name, source, advice):
    """Raise OSError unless the file at ``path`` has the expected checksum."""
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != _CHECKSUMS[name]:
        raise OSError(
            f"{source} has SHA-256 {found}; expected {_CHECKSUMS[name]}. {advice}"
        )


def _download(path, name):
    """Download a file of the data set to ``path`` atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    url = _URL + name
    # In the same folder, so that the final renaming is atomic.
    with NamedTemporaryFile(
        prefix=f"{path.name}.part_", dir=path.parent, delete=False
    ) as file:
        partial = Path(file.name)
    try:
        _save(url, partial, f"Put the file at {path} by hand, or try again.")
        _verify(partial, name, f"The download of {url}", "Nothing was stored.")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _save(url, path, advice):
    """Save the response of ``url`` to ``path``; any failure is an OSError."""
    try:
        with (
            urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response,
            path.open("wb") as file,
        ):
            shutil.copyfileobj(response, file)
    except (OSError, HTTPException) as error:
        raise OSError(f"Downloading {url} failed: {error}. {advice}") from error


def _assemble(participants, scores):
    """Make one row per participant and period with a score at day 2."""
    infused = participants["infusion_1"].notna() & (participants["group"] == "MDD")
    people = participants[infused].set_index("participant_id").sort_index()
    # One healthy participant has a row without a session.
    scores = scores.dropna(subset="session_id").rename(columns=_SCALES)
    visits = scores.set_index(["participant_id", "session_id"])
    baseline = visits.xs("ses-b0", level="session_id")[list(_SCALES.values())]

    parts = []
    for period in (1, 2):
        code = people[f"infusion_{period}"].dropna()
        keys = pd.MultiIndex.from_arrays([code.index, "ses-" + code + "2"])
        score = visits["MADRS"].reindex(keys).to_numpy()
        part = pd.DataFrame({"code": code, "period": period, "score": score})
        parts.append(part.dropna(subset="score"))
    cases = pd.concat(parts).reset_index().sort_values(["participant_id", "period"])

    groups = cases["participant_id"].to_numpy(dtype=str)
    data = people[["age", "sex", "BMI"]].join(baseline).loc[groups]
    data = data.reset_index(drop=True).astype({"sex": "category"})
    return Bunch(
        data=data,
        target=(cases["score"].to_numpy() - data["MADRS"].to_numpy()).astype(float),
        treatment=np.where(cases["code"] == "d", "ketamine", "placebo"),
        groups=groups,
        period=cases["period"].to_numpy(),
        baseline=data["MADRS"].to_numpy(dtype=float),
        feature_names=list(data.columns),
        modalities=dict(_MODALITIES),
        n_participants=len(people),
        DESCR=_DESCR,
    )
