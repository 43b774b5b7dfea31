"""A figure without the state of pyplot; matplotlib is imported late."""

__all__ = ["new_figure"]


def new_figure(width, height):
    """Return an empty figure of so many inches.

    Parameters
    ----------
    width, height : float

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
