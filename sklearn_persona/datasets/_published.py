"""The two published personas, and volumes that give them a wanted prevalence."""

from math import inf

import numpy as np

from sklearn_persona.datasets._clinical import (
    CARDIOVASCULAR,
    CRYING,
    some_probability,
)
from sklearn_persona.datasets._imaging import NETWORK_CORRELATION, volume_name
from sklearn_persona.datasets._planting import shift_to_probability

# Persona -> (symptom item, side of the volumes, volume -> (published edge, minimum and
# maximum in mm3)). The symptom must be present.
PERSONAS = {
    "persona 1": (
        CRYING,
        "small",
        {
            "Left Posterior Cingulate WM": (4533.7, 3375.2, 6573.9),
            "Right Inferior Parietal WM": (12663.9, 8199.2, 15082.6),
        },
    ),
    "persona 2": (
        CARDIOVASCULAR,
        "large",
        {
            "Left Isthmus Cingulate GM": (2505.0, 1824.0, 3742.0),
            "Right Lingual GM": (6805.0, 4454.0, 9041.0),
        },
    ),
}
# Converts a published range into a standard deviation: a normal sample of the size of
# the published trial (33) spans about 4.1 standard deviations.
_EXPECTED_SPAN = 4.1


def conditions_of(persona):
    """Return column -> (low, high) of a persona, meaning low < x <= high."""
    item, side, volumes = PERSONAS[persona]
    conditions = {}
    for structure, (edge, _, _) in volumes.items():
        span = (-inf, edge) if side == "small" else (edge, inf)
        conditions[volume_name(structure)] = span
    return conditions | {item: (0.0, inf)}


def planted_volumes(prevalence):
    """Choose medians of volumes that give each persona the wanted prevalence.

    The published edge and range of a volume determine the edge on the standard-normal
    scale. Both medians of a persona are then shifted by the same number of standard
    deviations until the conjunction with the symptom has the wanted probability.

    Parameters
    ----------
    prevalence : float
        Wanted probability of each persona.

    Returns
    -------
    dict of str to (float, float)
        Column -> (median in mm3, log standard deviation).
    """
    volumes = {}
    for item, side, ranges in PERSONAS.values():
        edge, low, high = np.array(list(ranges.values())).T
        log_sd = np.log(high / low) / _EXPECTED_SPAN
        z = np.log(edge / np.sqrt(low * high)) / log_sd
        sign = 1.0 if side == "small" else -1.0
        wanted = prevalence / some_probability(item)
        shift = shift_to_probability(sign * z, NETWORK_CORRELATION, wanted)
        medians = edge * np.exp(-log_sd * (z + sign * shift))
        for structure, median, spread in zip(ranges, medians, log_sd, strict=True):
            volumes[volume_name(structure)] = (median, spread)
    return volumes
