"""Regions that keep their sign over folds, with a signal and on pure noise."""

import argparse

import numpy as np
import pandas as pd

from sklearn_persona.baselines import StructuralMRISVC, region_stability
from sklearn_persona.datasets import make_structural_mri_cohorts


def run(seed, signal, *, by_lobe, n_permutations):
    """Table of the regions, or lobes, of one discovery cohort; ten folds."""
    study = make_structural_mri_cohorts(random_state=seed, signal=signal)
    discovery = study.cohorts["discovery"]
    return region_stability(
        StructuralMRISVC(covariates=study.covariates, C_grid=[0.01], inner_cv=2),
        discovery.data,
        discovery.target,
        families=study.families if by_lobe else None,
        n_permutations=n_permutations,
        random_state=seed,
    )


def main():
    """Print the shares."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10)
    seeds = range(parser.parse_args().seeds)
    noise = [run(seed, 0.0, by_lobe=False, n_permutations=0) for seed in seeds]
    constant = np.mean([(table.sign_consistency == 1).mean() for table in noise])
    print(f"noise: {constant:.2f} of the regions keep their sign in all folds")
    planted = [run(seed, 2.6, by_lobe=True, n_permutations=39) for seed in seeds]
    lobes = pd.concat(planted).loc[["frontal", "cerebellum"]].groupby(level=0)
    print("signal, mean pattern:", lobes.pattern.mean().round(2).to_dict())
    positive = lobes.pattern.apply(lambda values: (values > 0).mean())
    print("signal, share positive:", positive.to_dict())
    found = lobes.p_pattern.apply(lambda values: (values <= 0.05).mean())
    print("signal, share with p at most .05:", found.to_dict())


if __name__ == "__main__":
    main()
