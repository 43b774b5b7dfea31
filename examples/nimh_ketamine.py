"""
The trial of the published personas: ketamine in treatment-resistant depression
================================================================================

The public part of trial NCT00088699 (OpenNeuro ds005917) has 31 participants, six
baseline variables and depression scores two days after each infusion. The first
argument is the folder that holds, or will hold, the two files.

Twelve pairs in each half cannot confirm much: six members allow no p value below .043,
so that at most one persona can be tested in the holdout.
"""

import sys
import warnings

from sklearn_persona import Persona, PersonaDiscoverer
from sklearn_persona.datasets import fetch_nimh_ketamine
from sklearn_persona.exceptions import IncompleteParticipantWarning

data_home = sys.argv[1] if len(sys.argv) > 1 else None
trial = fetch_nimh_ketamine(data_home=data_home)
# Five participants came to one session only; the counts below say so.
warnings.simplefilter("ignore", IncompleteParticipantWarning)
metadata = {
    "treatment": trial.treatment,
    "groups": trial.groups,
    "period": trial.period,
}

# %%
# The whole trial first: a persona that holds everyone with a known age.
everyone = Persona.from_conditions({"age": (0, None)})
overall = everyone.evaluate(
    trial.data,
    trial.target,
    **metadata,
    design="crossover",
    greater_is_better=False,
    control="placebo",
)
print(
    f"{overall.n_groups} complete pairs: ketamine is {overall.effect:.2f} MADRS points "
    f"better than placebo, 95 % CI {overall.ci_effect[0]:.1f} to "
    f"{overall.ci_effect[1]:.1f}, p = {overall.p_value:.4f}"
)
print(
    f"period 1 alone {overall.effect_period1:.2f}, period 2 alone "
    f"{overall.effect_period2:.2f}, carry-over p = {overall.p_carryover:.2f}"
)

# %%
# The search, in half of the pairs, and the test in the other half.
finder = PersonaDiscoverer(
    design="crossover",
    greater_is_better=False,
    control="placebo",
    n_personas=3,
    random_state=0,
)
finder.fit(trial.data, trial.target, **metadata)
for persona in finder.personas_:
    print()
    print(persona)

# %%
# A persona written by hand, tested as it stands: no selection, so its p values and
# intervals need no correction.
young = Persona.from_conditions({"age": (None, 35)})
record = young.evaluate(
    trial.data,
    trial.target,
    **metadata,
    design="crossover",
    greater_is_better=False,
    control="placebo",
)
print()
print(
    f"{young.rule}: effect {record.effect:.2f} inside, {record.effect_complement:.2f} "
    f"outside, p for the difference = {record.p_interaction:.3f}"
)
