"""
A report in one HTML file
=========================

This example fits a simulated ketamine crossover of 300 participants and 40 columns and
writes its report. From a shell, ``python examples/report.py FILE`` writes the page to
FILE.
"""

# sphinx_gallery_thumbnail_path = 'images/report_desktop.png'
import sys
import warnings

from sklearn_persona import PersonaDiscoverer
from sklearn_persona.datasets import make_ketamine_crossover
from sklearn_persona.exceptions import IncompleteParticipantWarning
from sklearn_persona.report import PersonaReport


def make_report(n_participants=300, n_columns=40):
    """Fit a simulated ketamine crossover and report it.

    The three planted variables are among the first columns; the others are noise.
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
        # Some participants have one session only; the report counts them.
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


# %%
# The page is one file without scripts. :doc:`Reports, figures and exports <../report>`
# shows and describes it. The summary, as Markdown:

if __name__ == "__main__":
    report = make_report()
    if len(sys.argv) > 1:
        report.to_html(sys.argv[1])
        print(f"Written to {sys.argv[1]}")
    else:
        print(report.to_markdown().split("\n## ")[0].rstrip())

# %%
# ``to_frame`` has one row per persona, for a spreadsheet. Those that were tested:

if __name__ == "__main__":
    columns = ["rule", "direction", "confirmed", "holdout_effect", "p_adjusted"]
    for row in report.to_frame()[columns].dropna().itertuples(index=False):
        print(
            f"{row.rule}\n    {row.direction}, "
            f"{'confirmed' if row.confirmed else 'not confirmed'}, effect in the "
            f"holdout {row.holdout_effect:.1f}, adjusted p {row.p_adjusted:.3g}"
        )
