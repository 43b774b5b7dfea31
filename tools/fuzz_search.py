"""Fuzz the compiled search against brute force in exact rationals.

Coverage-guided by atheris (``pip install atheris``) in the Python part. Each input
draws the shape, the values and the settings of a small trial. A disagreement is saved
in the current folder.

    python tools/fuzz_search.py 60      seconds
"""

import sys
from pathlib import Path

import atheris
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
with atheris.instrument_imports(include=["sklearn_persona"]):
    from _brute_force import Values
    from _paths import force_isa, force_path

    from sklearn_persona._data.table import read_table
    from sklearn_persona._designs.labels import Labels
    from sklearn_persona._search._kernel import available_isas, unpack_rows
    from sklearn_persona._search.binning import make_selectors
    from sklearn_persona._search.greedy import SearchSettings, find_rules

OBJECTIVES = ("effect", "contrast", "sum-of-squares", "mean-shift", "arm-shift")


def best_value(selectors, outcome, treated, settings):
    """Largest exact squared value of rules of one or two conditions."""
    values = Values(settings.objective, outcome, treated, settings.signs[0])
    members = unpack_rows(selectors.bits, len(outcome))
    arms = [np.ones(len(outcome), bool)] if treated is None else [treated, ~treated]
    best, n = 0, len(members)
    for i in range(n):
        for j in range(i, n if settings.max_variables > 1 else i + 1):
            if j > i and selectors.feature[i] == selectors.feature[j]:
                continue
            inside = members[i] & members[j]
            if inside.sum() < settings.least_members or any(
                min((arm & inside).sum(), (arm & ~inside).sum()) < settings.least_arm
                for arm in arms
            ):
                continue
            best = max(best, values(inside))
    return float(best)


def one_search(content):
    """Draw a trial, search it by one path, compare."""
    data = atheris.FuzzedDataProvider(content)
    n = data.ConsumeIntInRange(6, 140)
    p = data.ConsumeIntInRange(1, 3)
    rng = np.random.default_rng(data.ConsumeIntInRange(0, 2**31))
    n_values = data.ConsumeIntInRange(2, 6)
    X = rng.integers(n_values, size=(n, p)).astype(float)
    X[rng.random((n, p)) < data.PickValueInList([0.0, 0.0, 0.2])] = np.nan
    outcome = rng.integers(data.ConsumeIntInRange(2, 50), size=n).astype(float)
    outcome = outcome * data.PickValueInList([1.0, 1.0, 1e-12, 1e12])
    treated = None
    if data.ConsumeBool():
        treated = rng.random(n) < data.PickValueInList([0.5, 0.2, 0.8])
        if not 2 <= treated.sum() <= n - 2:
            return
    settings = SearchSettings(
        objective=data.PickValueInList(list(OBJECTIVES)),
        min_variables=1,
        max_variables=data.ConsumeIntInRange(1, 2),
        min_modalities=1,
        least_arm=data.ConsumeIntInRange(1, 4),
        least_members=data.ConsumeIntInRange(1, 8),
        n_personas=1,
        max_overlap=0.5,
        signs=(data.PickValueInList([1, -1]),),
        exact=True,
        max_time=None,
    )
    selectors = make_selectors(
        read_table(X),
        np.arange(n),
        n_cuts=data.PickValueInList([1, 3, "all"]),
        conditions="one-sided",
        modality=np.zeros(p, int),
        least_members=1,
    )
    outcome -= np.median(outcome)
    arms = [np.ones(n, bool)] if treated is None else [treated, ~treated]
    if all(np.ptp(outcome[arm]) == 0 for arm in arms):
        return
    path = data.PickValueInList(["bits", "cubes"])
    with force_isa(data.PickValueInList(available_isas())), force_path(path):
        rules, _ = find_rules(
            selectors,
            Labels(outcome, treated),
            settings,
            n_jobs=data.ConsumeIntInRange(1, 2),
        )
    expected = best_value(selectors, outcome, treated, settings)
    found = rules[0].objective if rules else 0.0
    if settings.objective not in ("sum-of-squares", "arm-shift"):
        found = found**2
    # At 1e-18 SD^2 a value counts as rounding.
    if not np.isclose(found, expected, rtol=1e-9, atol=2e-18):
        raise AssertionError(f"{found} is not {expected}: {settings}, {path}")


def main():
    """Read the command line."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    options = [f"-max_total_time={int(sys.argv[1])}", "-rss_limit_mb=0"]
    # Short inputs would often draw the same small trial.
    options += ["-max_len=64", "-len_control=0"]
    atheris.Setup([sys.argv[0], *options], one_search)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
