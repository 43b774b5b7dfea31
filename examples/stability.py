"""
Stability and corrected effects
===============================

A search selects the rule that looks best in the participants that chose it. Two
questions follow. Would other participants have led to the same rule? And how large is
the effect after correction for selection? ``n_resamples`` answers both: the whole
selection is repeated on halves, on four fifths, and without single participants.

The trial is simulated, so the true effect is known: 1.5 standard deviations inside.
This page uses 20 resamples to save time; 100 are better.
"""

import matplotlib.pyplot as plt
import pandas as pd

from sklearn_persona import PersonaDiscoverer
from sklearn_persona.datasets import make_parallel_trial
from sklearn_persona.plotting import StabilityDisplay

trial = make_parallel_trial(n_samples=240, n_features=10, effect=1.5, random_state=0)
finder = PersonaDiscoverer(
    max_variables=2,
    n_personas=2,
    n_alternatives=0,
    n_resamples=20,
    prognostic=None,  # no variable affects both arms here
    random_state=0,
)
finder.fit(trial.data, trial.target, treatment=trial.treatment)
persona = finder.personas_[0]
print(f"{persona.rule} ({'confirmed' if persona.confirmed else 'not confirmed'})")

# %%
# Stability
# ---------
#
# Over the half-samples: how often the best rule uses each variable of the persona, and
# all of them, and how well the members agree.

fig, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
StabilityDisplay.from_estimator(finder, ax=ax)
_ = ax.set_title("What refits on other participants come back to")

# %%
# Frequencies of variables in the best rule of a half-sample. ``false_bound`` bounds
# the expected number of variables that are as frequent by chance.

finder.selection_frequencies_.head().round(2)

# %%
# The corrected effect
# --------------------
#
# The naive effect is that in the participants who chose the rule. The holdout did not
# choose it, but a confirmed persona was selected by passing there. The corrected effect
# combines both and accounts for the selection.

train, holdout = persona.train, persona.holdout
inside = persona.covers(trial.data)
truth = 1.5 * trial.persona[inside].mean()
effects = pd.DataFrame(
    {
        "effect": [train.effect, holdout.effect, persona.effect_corrected, truth],
        "low": [
            train.ci_effect[0],
            holdout.ci_effect[0],
            persona.ci_corrected[0],
            None,
        ],
        "high": [
            train.ci_effect[1],
            holdout.ci_effect[1],
            persona.ci_corrected[1],
            None,
        ],
    },
    index=["training (naive)", "holdout", "corrected", "truth, of this rule"],
)
effects.astype(float).round(2)

# %%
# The same as a figure.

fig, ax = plt.subplots(figsize=(8, 2.8), layout="constrained")
shown = effects.iloc[:3].astype(float)
ax.errorbar(
    shown["effect"],
    range(3),
    xerr=[shown["effect"] - shown["low"], shown["high"] - shown["effect"]],
    fmt="o",
    capsize=4,
)
ax.axvline(truth, color="0.4", linestyle="--", label="truth")
ax.axvline(0, color="0.8", linewidth=1)
ax.set(
    yticks=range(3),
    yticklabels=shown.index,
    xlabel="effect inside, in units of the outcome",
    ylim=(2.5, -0.5),
    title="The effect of the first persona, three times",
)
ax.legend(loc="upper left", bbox_to_anchor=(0.02, 0.98), frameon=False)
plt.show()
