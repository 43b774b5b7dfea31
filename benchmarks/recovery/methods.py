"""The contestants: this package, everyone, and peers written out or called.

A contestant is a function of a trial and a seed; it returns a dict of name to `Found`,
because one fit may give more than one answer. See `regions` for what they share.
"""

import inspect
import warnings

from benchmarks.recovery.external import causal_forest, mob, pysubgroup_beam
from benchmarks.recovery.peeling import prim
from benchmarks.recovery.regions import Found, everyone, nothing
from benchmarks.recovery.trees import (
    adjusted_interaction_tree,
    causal_tree,
    interaction_tree,
    virtual_twins,
)


def run_everyone(trial, seed):
    """The trivial answer, which any method has to beat."""
    return {"everyone": everyone()}


def persona(trial, seed, **options):
    """`PersonaDiscoverer` as it comes, without validation: its first persona."""
    from sklearn_persona import PersonaDiscoverer

    settings = {"validation": None, "n_bootstrap": 0, "random_state": seed, **options}
    known = inspect.signature(PersonaDiscoverer).parameters
    if not trial.randomized and "propensity" in known and "propensity" not in options:
        from sklearn.linear_model import LogisticRegression

        settings["propensity"] = LogisticRegression()
    finder = PersonaDiscoverer(**settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        finder.fit(
            trial.X,
            trial.y,
            treatment=trial.treated.astype(int),
            groups=trial.groups,
            period=trial.period,
        )
    if not finder.personas_:
        return {"persona": nothing()}
    first = finder.personas_[0]
    claimed = None if finder.validation is None else bool(finder.n_confirmed_)
    return {
        "persona": Found(
            first.covers,
            tuple(condition.position for condition in first.conditions),
            claimed,
            " & ".join(map(str, first.conditions)),
            {"direction": first.direction, "confirmed_first": first.confirmed},
        )
    }


def persona_confirmed(trial, seed, **options):
    """The same with the default validation, for what is claimed."""
    found = persona(trial, seed, validation="holdout", **options)["persona"]
    return {"persona-validated": found}


METHODS = {
    "everyone": run_everyone,
    "persona": persona,
    "persona-validated": persona_confirmed,
    "interaction-tree": interaction_tree,
    "interaction-adjusted": adjusted_interaction_tree,
    "causal-tree": causal_tree,
    "virtual-twins": virtual_twins,
    "prim": prim,
    "pysubgroup": pysubgroup_beam,
    "causal-forest": causal_forest,
    "mob": mob,
}
# Names of the answers of a method, where they are not its own name.
ANSWERS = {
    "causal-forest": ("forest-tree", "forest-policy"),
    "interaction-tree": ("interaction-tree", "interaction-node"),
}
OURS = ("persona", "persona-validated")
