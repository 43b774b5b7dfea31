"""
A first persona
===============

This parallel trial compares a drug with placebo in 240 patients with eight baseline
variables. It is simulated: the drug helps the 40 % of the patients who meet two
conditions, and does nothing for the others. The discoverer is not told the conditions.
"""

import matplotlib.pyplot as plt

from sklearn_persona import PersonaDiscoverer
from sklearn_persona.datasets import make_parallel_trial
from sklearn_persona.plotting import ForestDisplay, PersonaDisplay

trial = make_parallel_trial(n_samples=240, n_features=8, effect=1.8, random_state=0)

# Clinical names and units instead of x0 ... x7.
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
# Search and test
# ---------------
#
# One call searches in one half of the patients and tests in the other. ``y`` is the
# outcome; here larger is better.

finder = PersonaDiscoverer(max_variables=2, n_personas=4, random_state=0)
finder.fit(X, trial.target, treatment=trial.treatment)
print(
    f"{finder.search_.n_candidates:,} candidate personas searched in "
    f"{finder.search_.seconds:.1f} s, {finder.n_confirmed_} confirmed"
)

# %%
# The card of the first persona. Read the *holdout* column: its patients did not
# influence the rule. The training p values belong to a rule that was chosen for being
# extreme.

persona = finder.personas_[0]
print(persona)

# %%
# The members
# -----------
#
# The ranges of the persona on the ranges of the trial, then the same as a region. Each
# dot is a patient.

fig, axes = plt.subplots(
    1, 2, figsize=(11, 4), layout="constrained", width_ratios=(3, 2)
)
display = PersonaDisplay.from_estimator(finder, X=X, ax=axes[0])
_ = display.plot(ax=axes[1], kind="region")

# %%
# The effect of the drug
# ----------------------
#
# The effect inside every persona found, next to the effect in everyone.

fig, ax = plt.subplots(figsize=(9, 3.4), layout="constrained")
ForestDisplay.from_estimator(finder, ax=ax)
_ = ax.set_title("Effect of the drug inside each persona, and in everyone")

# %%
# Comparison with the truth
# -------------------------
#
# In a real trial the true members are unknown. Here they are known.

found = persona.covers(X)
both = (found & trial.persona).sum()
print(f"planted {trial.persona.sum()}, found {found.sum()}, in both {both}")

# %%
# ``predict`` returns 1 (favorable), -1 (unfavorable) or 0 (no claim) for each patient.

print(finder.predict(X.head(10)))
