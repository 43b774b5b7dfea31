"""
A first persona
===============

A parallel trial of 240 patients, a drug against placebo, eight baseline variables. The
trial is simulated: the drug helps 40 % of the patients, those who meet two conditions,
and does nothing for the others. Which two, only the simulation knows.
"""

import matplotlib.pyplot as plt

from sklearn_persona import PersonaDiscoverer
from sklearn_persona.datasets import make_parallel_trial
from sklearn_persona.plotting import ForestDisplay, PersonaDisplay

trial = make_parallel_trial(n_samples=240, n_features=8, effect=1.8, random_state=0)

# Names and units of a clinic in place of x0 ... x7.
units = {
    "MADRS": (31, 5),
    "age (years)": (42, 12),
    "episode (months)": (20, 6),
    "BMI (kg/m2)": (27, 4),
    "sleep (hours)": (6.2, 1.1),
    "CRP (mg/l)": (3.1, 0.9),
    "anxiety (HAMA)": (19, 5),
    "anhedonia (SHAPS)": (29, 6),
}
X = trial.data.copy()
X.columns = list(units)
X = X * [sd for _, sd in units.values()] + [mean for mean, _ in units.values()]
X.round(1).head()

# %%
# Search in one half of the patients, test in the other
# -----------------------------------------------------
#
# One call does both. ``y`` is the outcome, here larger is better.

finder = PersonaDiscoverer(max_variables=2, n_personas=4, random_state=0)
finder.fit(X, trial.target, treatment=trial.treatment)
print(
    f"{finder.search_.n_candidates:,} candidate personas searched in "
    f"{finder.search_.seconds:.1f} s, {finder.n_confirmed_} confirmed"
)

# %%
# The card of the first persona. Read the *holdout* column: its patients had no say in
# the rule. The p values of training belong to a rule that was chosen for being extreme.

persona = finder.personas_[0]
print(persona)

# %%
# Who they are
# ------------
#
# The ranges of the persona on the ranges of the trial, then the same as a region: every
# dot is a patient.

fig, axes = plt.subplots(
    1, 2, figsize=(11, 4), layout="constrained", width_ratios=(3, 2)
)
display = PersonaDisplay.from_estimator(finder, X=X, ax=axes[0])
_ = display.plot(ax=axes[1], kind="region")

# %%
# How much better the drug is for them
# ------------------------------------
#
# The effect inside every persona that was found, beside that in everyone.

fig, ax = plt.subplots(figsize=(9, 3.4), layout="constrained")
ForestDisplay.from_estimator(finder, ax=ax)
_ = ax.set_title("Effect of the drug inside each persona, and in everyone")

# %%
# Is it right?
# ------------
#
# In a real trial nobody could tell. Here the planted patients are known.

found = persona.covers(X)
both = (found & trial.persona).sum()
print(f"planted {trial.persona.sum()}, found {found.sum()}, in both {both}")

# %%
# For everyone, ``predict`` says 1 (favorable), -1 (unfavorable) or 0 (nothing is
# claimed).

print(finder.predict(X.head(10)))
