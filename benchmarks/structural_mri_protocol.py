"""The published protocol on simulated cohorts, over seeds and mechanisms.

Each seed draws new cohorts (discovery 99, external 51 at two sites, saline 49) and runs
10 x 10-fold nested cross-validation, the frozen model on the external and the saline
cohort, and their difference in AUC. ``--checks`` looks at the protocol itself, without
any signal: a leak must show, and p values of frozen models must be uniform.
"""

import argparse
import time

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_persona.baselines import (
    CovariateResidualizer,
    StructuralMRISVC,
    published_protocol,
)
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


def noise_pair(seed):
    """One study without a signal: the leaky accuracy, the honest one, and p values.

    The leak: the 15 regions that differ most between outcomes, chosen over all rows
    before the folds. The honest twin chooses nothing.
    """
    study = make_structural_mri_cohorts(random_state=seed, signal=0.0)
    discovery = study.cohorts["discovery"]
    step = CovariateResidualizer(study.covariates)
    adjusted = pd.DataFrame(step.fit_transform(discovery.data))
    strength = adjusted.corrwith(pd.Series(discovery.target)).abs()
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
    options = {"n_splits": 5, "n_repeats": 1, "n_bootstrap": 0, "random_state": seed}
    leaky = published_protocol(
        model,
        adjusted[strength.nlargest(15).index].to_numpy(),
        discovery.target,
        **options,
    )
    honest = published_protocol(
        StructuralMRISVC(covariates=study.covariates, C_grid=[0.01], inner_cv=2),
        discovery.data,
        discovery.target,
        external={"external": study.cohorts["external"]},
        placebo={"saline": study.cohorts["saline"]},
        n_permutations=999,
        **options,
    )
    found = honest.table.set_index(["cohort", "metric"])
    row = {
        "leaky": leaky.table.estimate.iloc[0],
        "honest": found.estimate["discovery", "balanced_accuracy"],
    }
    for cohort in ("external", "saline"):
        for metric in ("balanced_accuracy", "auc"):
            row[cohort, metric] = found.p_value[cohort, metric]
    return row


def checks(n_seeds, n_jobs):
    """Print what the protocol does where there is nothing to find."""
    rows = Parallel(n_jobs)(delayed(noise_pair)(seed) for seed in range(n_seeds))
    table = pd.DataFrame(rows)
    print(f"balanced accuracy without a signal, {n_seeds} seeds, 1 x 5 folds")
    for name in ("honest", "leaky"):
        error = table[name].std() / np.sqrt(n_seeds)
        print(f"{name}: {table[name].mean():.3f} (standard error {error:.3f})")
    print("\n| cohort | metric | p <= .05 | <= .10 | <= .25 | <= .50 | uniform, p |")
    print("|---|---|---|---|---|---|---|")
    for cohort, metric in (name for name in table if isinstance(name, tuple)):
        p = table[cohort, metric]
        shares = " | ".join(f"{(p <= c).mean():.2f}" for c in (0.05, 0.1, 0.25, 0.5))
        fit = stats.kstest(p, "uniform").pvalue
        print(f"| {cohort} | {metric} | {shares} | {fit:.2f} |")


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--signals", nargs="+", default=list(MECHANISMS))
    parser.add_argument("--checks", action="store_true")
    arguments = parser.parse_args()
    if arguments.checks:
        checks(arguments.seeds, arguments.jobs)
        return
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
