"""The published protocol on simulated cohorts, over seeds and mechanisms.

Each seed draws new cohorts (discovery 99, external 51 at two sites, saline 49) and runs
10 x 10-fold nested cross-validation, the frozen model on the external and the saline
cohort, and their difference in AUC.
"""

import argparse
import time

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from sklearn_persona.baselines import StructuralMRISVC, published_protocol
from sklearn_persona.datasets import make_structural_mri_cohorts

MECHANISMS = {
    "drug": {"mechanism": "drug"},
    "prognostic": {"mechanism": "prognostic", "saline_response_rate": 0.525},
    "none": {"signal": 0.0},
}


def run(name, seed, n_repeats):
    """The table of one study."""
    study = make_structural_mri_cohorts(random_state=seed, **MECHANISMS[name])
    discovery = study.cohorts["discovery"]
    result = published_protocol(
        StructuralMRISVC(covariates=study.covariates),
        discovery.data,
        discovery.target,
        groups=discovery.groups,
        sites=discovery.site,
        external={"external": study.cohorts["external"]},
        placebo={"saline": study.cohorts["saline"]},
        n_repeats=n_repeats,
        random_state=seed,
    )
    return result.table.assign(seed=seed)


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--signals", nargs="+", default=list(MECHANISMS))
    arguments = parser.parse_args()
    for name in arguments.signals:
        start = time.perf_counter()
        parts = Parallel(arguments.jobs)(
            delayed(run)(name, seed, arguments.repeats)
            for seed in range(arguments.seeds)
        )
        table = pd.concat(parts)
        print(f"\nsignal: {name}, {arguments.seeds} seeds\n")
        print("| cohort | metric | mean | SD | p at most .05 |")
        print("|---|---|---|---|---|")
        order = ["balanced_accuracy", "sensitivity", "specificity", "auc"]
        for cohort in ("discovery", "external", "saline"):
            for metric in order:
                rows = table[(table.cohort == cohort) & (table.metric == metric)]
                small = (rows.p_value <= 0.05).mean()
                shown = "" if rows.p_value.isna().all() else f"{small:.2f}"
                print(
                    f"| {cohort} | {metric} | {rows.estimate.mean():.3f} | "
                    f"{rows.estimate.std():.3f} | {shown} |"
                )
        for cohort in ("discovery - saline", "external - saline"):
            rows = table[table.cohort == cohort]
            zero = np.mean((rows.low <= 0) & (rows.high >= 0))
            print(
                f"| {cohort} | auc_difference | {rows.estimate.mean():.3f} | "
                f"{rows.estimate.std():.3f} | covers zero {zero:.2f} |"
            )
        print(f"\n{time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
