"""What all displays share: axes, colors, and names that matplotlib does not read."""

from sklearn.utils.validation import check_is_fitted

from sklearn_persona._persona.languages import one_line
from sklearn_persona.report._words import shorten

__all__ = [
    "COLORS",
    "LONGEST",
    "MUTED",
    "TRACK",
    "chosen_persona",
    "make_axes",
    "plain",
]

COLORS = {"favorable": "#0a655d", "unfavorable": "#9a3a0a"}
MUTED, TRACK = "#525a63", "#c3cad1"
LONGEST = 48


def make_axes(ax, figsize):
    """The axes that were given, or new ones.

    Raises
    ------
    ImportError
        Without matplotlib.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Displays need matplotlib, which is not installed. Install the extra: "
            "pip install 'sklearn-persona[plot]'."
        ) from error
    if ax is None:
        _, ax = plt.subplots(figsize=figsize, layout="constrained")
    return ax


def plain(text, longest=LONGEST):
    """A name as one short line, in which dollars are no mathematics."""
    return shorten(one_line(text), longest).replace("$", r"\$")


def chosen_persona(estimator, persona):
    """A persona of a fitted discoverer by position.

    Raises
    ------
    NotFittedError
        Before `fit`.
    ValueError
        When there is no such persona.
    """
    check_is_fitted(estimator, "personas_")
    found = estimator.personas_
    if not 0 <= persona < len(found):
        raise ValueError(
            f"persona={persona}, but the fit found {len(found)} persona(s); expected a "
            f"position from 0 to {len(found) - 1}."
            if found
            else f"persona={persona}, but the fit found no persona."
        )
    return found[persona]
