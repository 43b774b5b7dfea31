"""``demo``: personas in simulated trials."""

import warnings
from pathlib import Path

import numpy as np

from sklearn_persona import PersonaDiscoverer
from sklearn_persona._cli.outputs import check_outputs, write_outputs
from sklearn_persona._cli.parser import Command
from sklearn_persona._text.card import card
from sklearn_persona._text.numbers import count, number
from sklearn_persona.datasets import make_ketamine_crossover
from sklearn_persona.exceptions import IncompleteParticipantWarning

__all__ = ["COMMAND", "demonstrate", "discover"]

# Participants: a trial that is usually large enough to confirm the planted persona,
# and one of the published size, which is not.
LARGE, PUBLISHED = 300, 33
# Advantage of ketamine in MADRS points inside each of two regions: one persona.
EFFECT = (12.0, 0.0)
# With half of 300 participants, three of 400 variables cannot be identified.
MAX_VARIABLES = 2


def discover(n_participants, seed, effect=EFFECT):
    """Simulate a ketamine crossover and fit a discoverer to it.

    Parameters
    ----------
    n_participants : int
    seed : int
    effect : float or tuple of float
        As in `make_ketamine_crossover`.

    Returns
    -------
    trial : Bunch
    finder : PersonaDiscoverer
        Fitted.
    """
    trial = make_ketamine_crossover(
        n_participants=n_participants, effect=effect, random_state=seed
    )
    finder = PersonaDiscoverer(
        max_variables=MAX_VARIABLES,
        modalities=trial.modalities,
        greater_is_better=False,
        control="saline",
        n_personas=3,
        random_state=seed,
    )
    with warnings.catch_warnings():
        # Three of 33 are incomplete by design, as the text reports.
        warnings.simplefilter("ignore", IncompleteParticipantWarning)
        finder.fit(
            trial.data,
            trial.target,
            treatment=trial.treatment,
            groups=trial.groups,
            period=trial.period,
        )
    return trial, finder


def demonstrate(n_participants, seed):
    """Find the personas of a simulated trial and describe them.

    Parameters
    ----------
    n_participants : int
    seed : int

    Returns
    -------
    text : str
        Cards of the personas, and the planted rule.
    """
    trial, finder = discover(n_participants, seed)
    n_pairs = {
        part: int((finder.split_ == part).sum()) // 2
        for part in ("training", "holdout")
    }
    record = finder.search_
    lines = [
        f"Simulated crossover, {n_participants} participants, "
        f"{trial.data.shape[1]} baseline variables, seed {seed}",
        f"  pairs: {n_pairs['training']} training, {n_pairs['holdout']} holdout, "
        f"{n_participants - sum(n_pairs.values())} participants incomplete",
        f"  searched: {count(record.n_candidates)} candidate personas in "
        f"{record.seconds:.1f} s, optimal "
        f"{'proven' if record.proven_optimal else 'not proven'}",
        f"  confirmed: {finder.n_confirmed_} of {len(finder.personas_)} discovered",
        f"  planted: {_planted(trial)}",
    ]
    for i, persona in enumerate(finder.personas_):
        inside = persona.covers(trial.data)
        shared = (inside & trial.persona).sum() / (inside | trial.persona).sum()
        lines += [
            "",
            card(persona, title=f"Persona {i}"),
            f"  Jaccard index with the planted persona: {number(shared, 2)}",
        ]
    return "\n".join(lines)


def _planted(trial):
    conditions = next(iter(trial.planted.values()))
    parts = []
    for column, (low, high) in conditions.items():
        parts.append(
            f"{column} <= {high:g}" if np.isinf(low) else f"{column} > {low:g}"
        )
    return f"{' and '.join(parts)}; {EFFECT[0]:g} MADRS points better inside"


def add_options(parser):
    """Declare the options of the command."""
    parser.add_argument(
        "-o", "--output", type=Path, help="also write the text to this file"
    )
    parser.add_argument("--seed", type=int, default=0, help="default 0")


def run(options):
    """Print the personas of a large and a small trial."""
    output, seed = options["output"], options["seed"]
    check_outputs({"-o": output})
    text = "\n\n\n".join(demonstrate(n, seed) for n in (LARGE, PUBLISHED))
    print(text)
    if output is not None:
        write_outputs({output: text + "\n"})
        print(f"\nWritten to {output}")


COMMAND = Command("demo", "find the personas of two simulated trials", add_options, run)
