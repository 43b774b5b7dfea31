"""What resampling the selection says, whatever it was asked for."""

import math
from collections.abc import Mapping
from numbers import Real

from sklearn_persona.report._words import between, number, shown

__all__ = ["stability_rows"]


def stability_rows(stability):
    """Rows of the table of stability.

    Parameters
    ----------
    stability : mapping or None
        As in `Persona`: named numbers, intervals, or mappings of these.

    Returns
    -------
    rows : list of dict or None
        ``label``, ``text``, and ``share``: the percentage that is drawn as a bar, or
        None. None when the selection was not resampled.
    """
    return None if stability is None else list(_rows(stability, ""))


def _rows(value, label):
    if isinstance(value, Mapping):
        for key, part in value.items():
            name = shown(str(key).replace("_", " ") if not label else key)
            yield from _rows(part, f"{label}: {name}" if label else name)
        return
    share = None
    if isinstance(value, list | tuple):
        numeric = all(v is None or isinstance(v, Real) for v in value)
        if numeric and len(value) == 2:
            text = between(value)
        elif numeric:
            text = f"{len(value)} values"
        else:
            for k, part in enumerate(value, 1):
                yield from _rows(part, f"{label} {k}")
            return
    elif isinstance(value, Real) and not isinstance(value, bool):
        text = number(float(value))
        if isinstance(value, float) and math.isfinite(value) and 0 <= value <= 1:
            share = round(100 * value, 2)
    else:
        text = "-" if value is None else shown(value)
    yield {"label": label or "value", "text": text, "share": share}
