"""Trees of treatment effects on planted trials and their null twins.

The planted persona has two conditions, 40 % of the participants and an effect of 1.5
SD; 10 variables, of which three are prognostic where that is said. Rules are judged on
4,000 other participants: Jaccard index of the best leaf with the persona, and targeting
gain.
"""

import argparse

import numpy as np
from joblib import Parallel, delayed

from sklearn_persona.baselines import HonestCausalTree, VirtualTwins
from sklearn_persona.datasets import make_parallel_trial

MODELS = {
    "HonestCausalTree": HonestCausalTree,
    'HonestCausalTree, cv_criterion="prediction"': lambda random_state: (
        HonestCausalTree(cv_criterion="prediction", random_state=random_state)
    ),
    "VirtualTwins": lambda random_state: VirtualTwins(
        n_estimators=50, n_permutations=39, random_state=random_state
    ),
    "VirtualTwins, not tuned": lambda random_state: VirtualTwins(
        n_estimators=50, n_permutations=0, random_state=random_state
    ),
}


def run(name, n, effect, prognostic, seed):
    """Split found, Jaccard index, targeting gain."""
    options = {"effect": effect, "main_effect": 0.5, "prognostic": prognostic}
    trial = make_parallel_trial(n_samples=n, random_state=seed, **options)
    other = make_parallel_trial(n_samples=4000, random_state=10_000 + seed, **options)
    model = MODELS[name](random_state=seed)
    model.fit(trial.data, trial.target, treatment=trial.treatment)
    best = model.predict_persona(other.data) == 1
    either = np.count_nonzero(best | other.persona)
    gain = model.score(other.data, other.target, treatment=other.treatment)
    return len(model.leaves_) > 1, np.count_nonzero(best & other.persona) / either, gain


def main():
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    print("| model | n | prognostic | effect | a split | Jaccard | gain |")
    print("|---|---|---|---|---|---|---|")
    for name in MODELS:
        for n, prognostic, effect in (
            (300, 0.0, 1.5),
            (300, 1.0, 1.5),
            (300, 1.0, 0.0),
        ):
            rows = Parallel(arguments.jobs)(
                delayed(run)(name, n, effect, prognostic, seed)
                for seed in range(arguments.seeds)
            )
            split, jaccard, gain = np.mean(rows, axis=0)
            shown = f"{jaccard:.2f}" if effect else ""
            print(
                f"| {name} | {n} | {'yes' if prognostic else 'no'} | {effect} | "
                f"{split:.2f} | {shown} | {gain:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
