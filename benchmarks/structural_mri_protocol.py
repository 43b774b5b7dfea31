"""The published protocol on simulated cohorts, over seeds and mechanisms.

Each seed draws new cohorts (discovery 99, external 51 at two sites, saline 49) and runs
nested cross-validation, the frozen model on the external cohort and on two saline
cohorts, and their differences in AUC. A signal of the drug and a prognostic one give
the same patients on ketamine, so that one run serves both: they differ in the outcomes
under saline.

``--null`` looks at the protocol where there is no signal: a leak must show, and p
values of frozen models must be uniform. ``--coverage`` counts how often the interval of
a difference covers zero where the signal is prognostic; C is fixed, which the interval
does not know either way.
"""

import argparse
import dataclasses
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
from sklearn_persona.baselines._imaging.performance import (
    Predictions,
    auc_test,
    balanced_accuracy_test,
    exact_accuracy_p,
)
from sklearn_persona.datasets import make_structural_mri_cohorts

SIGNALS = {"default": {}, "none": {"signal": 0.0}}
SALINE = {
    "saline": {"mechanism": "drug"},
    "saline, prognostic": {"mechanism": "prognostic", "saline_response_rate": 0.525},
}


def protocol(seed, signal, estimator=None, **options):
    """The table of one study, with one row per cohort and metric."""
    study = make_structural_mri_cohorts(random_state=seed, **signal)
    discovery = study.cohorts["discovery"]
    placebo = {}
    for name, mechanism in SALINE.items():
        other = make_structural_mri_cohorts(random_state=seed, **signal, **mechanism)
        placebo[name] = other.cohorts["saline"]
    if estimator is None:
        estimator = StructuralMRISVC(covariates=study.covariates)
    else:
        estimator = estimator(study.covariates)
    result = published_protocol(
        estimator,
        discovery.data,
        discovery.target,
        groups=discovery.groups,
        sites=discovery.site,
        external={"external": study.cohorts["external"]},
        placebo=placebo,
        random_state=seed,
        **options,
    )
    return result.table.assign(seed=seed)


def fixed(covariates):
    """The classifier without the choice of C, which takes most of the time."""
    return StructuralMRISVC(covariates=covariates, C_grid=[0.01], inner_cv=2)


def leaky_accuracy(seed):
    """Discovery accuracy when 15 regions are chosen over all rows before the folds.

    They are those that differ most between outcomes, which are noise.
    """
    study = make_structural_mri_cohorts(random_state=seed, signal=0.0)
    discovery = study.cohorts["discovery"]
    step = CovariateResidualizer(study.covariates)
    adjusted = pd.DataFrame(step.fit_transform(discovery.data))
    strength = adjusted.corrwith(pd.Series(discovery.target)).abs()
    leaky = published_protocol(
        make_pipeline(StandardScaler(), LogisticRegression(C=0.1)),
        adjusted[strength.nlargest(15).index].to_numpy(),
        discovery.target,
        n_splits=5,
        n_repeats=1,
        n_bootstrap=0,
        random_state=seed,
    )
    return leaky.table.estimate.iloc[0]


def frozen_null(seed, n_permutations=999):
    """Three p values of frozen scores that have nothing to do with the outcomes.

    51 patients at two sites. Scores and rates of response differ between sites, so that
    a test that ignores sites sees a signal.
    """
    rng = np.random.default_rng(seed)
    sites = np.repeat([0, 1], [26, 25])
    positive = rng.uniform(size=51) < np.where(sites == 0, 0.65, 0.4)
    decision = rng.standard_normal((51, 1)) + 0.5 - 0.7 * sites[:, None]
    participants = np.arange(51)
    found = Predictions(positive, decision, decision > 0, None, participants, sites)
    blind = dataclasses.replace(found, sites=np.zeros(51, int))
    options = {"n_permutations": n_permutations, "rng": rng}
    return {
        "balanced accuracy, ties by AUC": balanced_accuracy_test(found, **options)[0],
        "balanced accuracy, exact": exact_accuracy_p(found),
        "AUC": auc_test(found, **options)[0],
        "wrong: balanced accuracy, sites ignored": balanced_accuracy_test(
            blind, **options
        )[0],
        "wrong: AUC, sites ignored": auc_test(blind, **options)[0],
    }


def print_uniformity(title, p_values):
    """Rates of small p values with standard errors, and the test of uniformity."""
    print(f"\n{title}: {len(p_values)} p values\n")
    print("| test | at most .01 | .05 | .10 | .50 | Kolmogorov-Smirnov p |")
    print("|---|---|---|---|---|---|")
    for name, p in p_values.items():
        cells = []
        for level in (0.01, 0.05, 0.1, 0.5):
            rate = (p <= level + 1e-12).mean()
            error = np.sqrt(rate * (1 - rate) / len(p))
            cells.append(f"{rate:.3f} ({error:.3f})")
        fit = stats.kstest(p, "uniform").pvalue
        print(f"| {name} | {' | '.join(cells)} | {fit:.2g} |", flush=True)


def null(n_seeds, n_draws, n_jobs):
    """Print what the protocol does where there is nothing to find."""
    frozen = pd.DataFrame([frozen_null(seed) for seed in range(n_draws)])
    print_uniformity("frozen scores without a signal", frozen)
    tables = Parallel(n_jobs)(
        delayed(protocol)(
            seed,
            {"signal": 0.0},
            fixed,
            n_splits=5,
            n_repeats=1,
            n_bootstrap=0,
            n_permutations=999,
        )
        for seed in range(n_seeds)
    )
    table = pd.concat(tables).set_index(["cohort", "metric"])
    leaky = Parallel(n_jobs)(delayed(leaky_accuracy)(seed) for seed in range(n_seeds))
    honest = table.estimate["discovery", "balanced_accuracy"]
    print(f"\nbalanced accuracy without a signal, {n_seeds} seeds, 1 x 5 folds")
    for name, values in (("honest", honest), ("leaky", np.array(leaky))):
        error = values.std() / np.sqrt(n_seeds)
        print(f"{name}: {values.mean():.3f} (standard error {error:.3f})")
    for cohort in ("external", "saline"):
        found = {
            "balanced accuracy, ties by AUC": ("balanced_accuracy", "p_value"),
            "balanced accuracy, exact": ("balanced_accuracy", "p_exact"),
            "AUC": ("auc", "p_value"),
        }
        p_values = {
            name: table.loc[(cohort, metric), column].to_numpy()
            for name, (metric, column) in found.items()
        }
        print_uniformity(f"whole protocol, {cohort}", pd.DataFrame(p_values))


def print_differences(table):
    """How often the intervals of the differences cover zero."""
    for cohort, rows in table[table.metric == "auc_difference"].groupby("cohort"):
        zero = np.mean((rows.low <= 0) & (rows.high >= 0))
        error = np.sqrt(zero * (1 - zero) / len(rows))
        print(
            f"| {cohort} | {rows.estimate.mean():.3f} | {rows.estimate.std():.3f} | "
            f"{zero:.3f} ({error:.3f}) |"
        )


def coverage(n_seeds, n_jobs):
    """Print how often the intervals of differences cover zero, C fixed."""
    tables = Parallel(n_jobs)(
        delayed(protocol)(seed, {}, fixed, n_repeats=1, n_bootstrap=0, n_permutations=0)
        for seed in range(n_seeds)
    )
    table = pd.concat(tables)
    print(f"\n{n_seeds} seeds, 1 x 10 folds\n")
    print("| AUC within sites | mean | SD | covers zero |\n|---|---|---|---|")
    print_differences(table)
    found = table.set_index(["cohort", "metric", "seed"]).sort_index()
    half = found.estimate - found.low
    unwidened = {"discovery": half["discovery", "auc"] / np.sqrt(1 + 10 / 9)}
    unwidened["external"] = half["external", "auc"]
    print("\n| AUC of all pairs, overlap of folds ignored | mean | covers zero |")
    print("|---|---|---|")
    for cohort, own in unwidened.items():
        for name in SALINE:
            less = found.estimate[cohort, "auc"] - found.estimate[name, "auc"]
            zero = np.mean(abs(less) <= np.hypot(own, half[name, "auc"]))
            print(f"| {cohort} - {name} | {less.mean():.3f} | {zero:.3f} |", flush=True)


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--signals", nargs="+", default=list(SIGNALS))
    parser.add_argument("--null", action="store_true")
    parser.add_argument("--coverage", action="store_true")
    arguments = parser.parse_args()
    if arguments.null:
        null(arguments.seeds, arguments.draws, arguments.jobs)
        return
    if arguments.coverage:
        coverage(arguments.seeds, arguments.jobs)
        return
    for name in arguments.signals:
        start = time.perf_counter()
        parts = Parallel(arguments.jobs)(
            delayed(protocol)(seed, SIGNALS[name], n_repeats=arguments.repeats)
            for seed in range(arguments.seeds)
        )
        table = pd.concat(parts)
        print(f"\nsignal: {name}, {arguments.seeds} seeds, {arguments.repeats} x 10\n")
        print("| cohort | metric | mean | SD | p at most .05 |")
        print("|---|---|---|---|---|")
        metrics = [
            "balanced_accuracy",
            "sensitivity",
            "specificity",
            "auc",
            "auc_within_sites",
        ]
        for cohort in ("discovery", "external", *SALINE):
            for metric in metrics:
                rows = table[(table.cohort == cohort) & (table.metric == metric)]
                if rows.empty:
                    continue
                small = (rows.p_value <= 0.05).mean()
                shown = "" if rows.p_value.isna().all() else f"{small:.2f}"
                print(
                    f"| {cohort} | {metric} | {rows.estimate.mean():.3f} | "
                    f"{rows.estimate.std():.3f} | {shown} |"
                )
        print("\n| AUC within sites | mean | SD | covers zero |\n|---|---|---|---|")
        print_differences(table)
        print(f"\n{time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
