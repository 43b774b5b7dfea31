"""A report of a simulated crossover trial: one HTML file to open or to send.

    python examples/report.py [FILE]

writes FILE (default report.html) and prints where.
"""

import sys
import warnings

from sklearn_persona import PersonaDiscoverer
from sklearn_persona.datasets import make_ketamine_crossover
from sklearn_persona.exceptions import IncompleteParticipantWarning
from sklearn_persona.report import PersonaReport


def make_report(n_participants=300, n_columns=40):
    """Fit a simulated ketamine crossover, and report it.

    The three planted variables are among the first columns, the others tell nothing.
    """
    trial = make_ketamine_crossover(
        n_participants=n_participants, effect=(12, 0), random_state=0
    )
    planted = list(next(iter(trial.planted.values())))
    others = [name for name in trial.data if name not in planted]
    X = trial.data[planted + others[: n_columns - len(planted)]]
    finder = PersonaDiscoverer(
        max_variables=2,
        n_personas=4,
        greater_is_better=False,  # MADRS: lower is better
        control="saline",
        modalities={name: trial.modalities[name] for name in X},
        random_state=0,
    )
    with warnings.catch_warnings():
        # Some have one session only; the report counts them.
        warnings.simplefilter("ignore", IncompleteParticipantWarning)
        finder.fit(
            X,
            trial.target,
            treatment=trial.treatment,
            groups=trial.groups,
            period=trial.period,
        )
    return PersonaReport.from_estimator(
        finder,
        X=X,
        y=trial.target,
        treatment=trial.treatment,
        title="Simulated ketamine crossover",
        outcome="MADRS change at day 7",
    )


if __name__ == "__main__":
    path = sys.argv[1] if len(sys.argv) > 1 else "report.html"
    make_report().to_html(path)
    print(f"Written to {path}")
