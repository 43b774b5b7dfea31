"""
Planning the next trial
=======================

A confirmed persona should be tested in another trial. How many members does that trial
need, how many people must be screened, and what would a trial in all comers cost
instead? And what could a trial of a given size find at all?
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklearn_persona import PersonaDiscoverer
from sklearn_persona.datasets import make_parallel_trial
from sklearn_persona.inference import enrichment_design, simulate_power
from sklearn_persona.plotting import PowerDisplay

trial = make_parallel_trial(n_samples=240, n_features=8, effect=1.2, random_state=2)
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
low, high = persona.ci_corrected
print(persona.rule)
print(
    f"corrected effect {persona.effect_corrected:.2f} (95 % CI {low:.2f} to "
    f"{high:.2f}), {persona.holdout.coverage:.0%} of the participants"
)

# %%
# A trial in members only
# -----------------------
#
# The plan uses the corrected effect, not the one that made the rule stand out. *Power*
# takes it as the truth. *Assurance* averages over its uncertainty: it is the chance
# that the trial succeeds.

plan = persona.enrichment_design(power=0.9)
pd.Series(
    {
        "members an arm": plan.n_per_arm,
        "people to screen": plan.n_screened,
        "power": round(plan.power, 2),
        "assurance": round(plan.assurance, 2),
        "members an arm for an assurance of .9": plan.n_per_arm_assured,
        "participants an arm in all comers": plan.n_per_arm_everyone,
    },
    name="next trial",
    dtype=object,
).to_frame()

# %%
# Power and assurance
# -------------------
#
# An effect of half a standard deviation, known with different precision. If the effect
# may well be absent, no number of participants makes success likely.

powers = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99])
fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
for se in (0.0, 0.1, 0.2, 0.3):
    plans = [enrichment_design(0.5, 1.0, 0.3, se=se, power=power) for power in powers]
    ax.plot(
        [plan.n_per_arm for plan in plans],
        [plan.assurance for plan in plans],
        marker="o",
        label=f"standard error {se:g}" if se else "effect known",
    )
ax.set(
    xlabel="members an arm",
    ylabel="chance of success",
    ylim=(0.4, 1),
    title="Assurance of a trial in the members, effect 0.5 SD",
)
ax.legend(frameon=False)
plt.show()

# %%
# Detectable effects
# ------------------
#
# The smallest effect that trials of other sizes would confirm four times in five, with
# the design, level and number of tests of this one.

fig, ax = plt.subplots(figsize=(8, 4.4), layout="constrained")
PowerDisplay.from_estimator(finder, ax=ax)
_ = ax.set_title("What trials of other sizes would find")

# %%
# The formula is for a single rule. Simulation covers the whole procedure, including the
# search: it counts how often a planted persona of 40 % is confirmed. This page uses ten
# trials per size to save time, with a standard error of up to .16; use 200 for a
# protocol.

quick = PersonaDiscoverer(
    max_variables=2, n_personas=3, n_alternatives=0, n_bootstrap=0, prognostic=None
)
rows = []
for n_participants in (100, 200, 300):
    result = simulate_power(
        quick,
        n_participants=n_participants,
        n_features=8,
        effect=1.5,
        n_trials=10,
        random_state=0,
    )
    rows.append((n_participants, result.discovered, result.power))
pd.DataFrame(rows, columns=["participants", "found", "confirmed"]).set_index(
    "participants"
)

# %%
# Criteria for the protocol
# -------------------------
#
# The criteria as text, and for a database.

print(persona.to_text())
print()
print(persona.to_sql())
