"""Figures: axes, colors, and labels; matplotlib is imported late."""

from sklearn_persona._text.safe import one_line, shorten

__all__ = ["COLORS", "LONGEST", "MUTED", "TRACK", "make_axes", "new_figure", "plain"]

COLORS = {"favorable": "#0a655d", "unfavorable": "#9a3a0a"}
MUTED, TRACK = "#525a63", "#c3cad1"
LONGEST = 48


def new_figure(width, height):
    """Return an empty figure without the state of pyplot.

    Parameters
    ----------
    width, height : float
        In inches.

    Returns
    -------
    figure : matplotlib.figure.Figure

    Raises
    ------
    ImportError
        Without matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "The figure needs matplotlib, which is not installed. Install it, for "
            "example with: pip install matplotlib"
        ) from error
    return Figure(figsize=(width, height), layout="constrained")


def make_axes(ax, figsize):
    """Return the given axes, or new ones of pyplot.

    Parameters
    ----------
    ax : matplotlib Axes or None
    figsize : tuple of float

    Returns
    -------
    ax : matplotlib Axes

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
    """Return a name as one short line in which dollar signs start no formula."""
    return shorten(one_line(text), longest).replace("$", r"\$")
