"""Stability of a persona when its selection is repeated on fewer participants."""

from sklearn_persona._text.numbers import estimate, number, percent
from sklearn_persona._text.safe import shown

__all__ = ["edge_spread", "stability_rows"]


def stability_rows(persona):
    """Rows of the table of stability.

    Parameters
    ----------
    persona : Persona

    Returns
    -------
    rows : list of dict or None
        ``label``, ``text``, and ``share``: the percentage that is drawn as a bar, or
        None. None when the selection was not resampled.
    """
    held = _values(persona)
    if held is None:
        return None
    n = held["n_resamples"]
    rows = [
        _share_row(f"same variables found in {n} half-samples", held["same_variables"])
    ]
    for condition, share in zip(persona.conditions, held["variable_frequencies"]):
        rows.append(_share_row(f"{shown(condition.label)} in the best rule", share))
    quantiles = held["jaccard_quantiles"]
    rows.append(
        _row(
            "Jaccard index of the best match (95% of half-samples)",
            estimate(held["jaccard"], (quantiles[0], quantiles[-1]), 2),
            held["jaccard"],
        )
    )
    for edge in held["edges"]:
        spread = estimate(edge["value"], (edge["low"], edge["high"]))
        rows.append(
            _row(
                f"{shown(edge['variable'])}, {edge['side']} edge "
                f"(95% of {edge['n']} half-samples)",
                spread,
            )
        )
    if held["n_left_out"]:
        out = f"{held['n_left_out']} fits without one participant"
        rows.append(_share_row(f"same variables found in {out}", held["left_out_same"]))
        rows.append(
            _row(
                f"smallest Jaccard index of the best match in {out}",
                number(held["left_out_jaccard"], 2),
            )
        )
    return rows


def edge_spread(persona, condition):
    """Intervals of the low and the high edge of a condition over half-samples.

    Parameters
    ----------
    persona : Persona
    condition : Condition

    Returns
    -------
    intervals : list of tuple of float
        Of the edges whose spread is known.
    """
    held = _values(persona)
    return [
        (edge["low"], edge["high"])
        for edge in ([] if held is None else held["edges"])
        if edge["variable"] == condition.label
        and edge["low"] is not None
        and edge["high"] is not None
    ]


def _values(persona):
    """Plain values, with None for unknown ones."""
    return persona.to_dict()["stability"]


def _share_row(label, share):
    return _row(label, percent(share), share)


def _row(label, text, share=None):
    place = None if share is None else round(100 * min(max(share, 0.0), 1.0), 2)
    return {"label": label, "text": text, "share": place}
