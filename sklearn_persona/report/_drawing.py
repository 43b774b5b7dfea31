"""Places on an axis, in percent of its length."""

import math
from dataclasses import dataclass

from sklearn_persona._text.numbers import limit_text

__all__ = ["Axis", "make_axis"]


@dataclass(frozen=True)
class Axis:
    """A horizontal axis from `low` to `high`.

    Attributes
    ----------
    low, high : float
    ticks : tuple of float
    """

    low: float
    high: float
    ticks: tuple = ()

    def at(self, value):
        """Percent of the axis at a value; ends of the axis for what lies outside."""
        place = 100 * (value - self.low) / (self.high - self.low)
        return round(min(max(place, 0.0), 100.0), 2)

    @property
    def labels(self):
        """Place and text of the ticks."""
        return [(self.at(tick), limit_text(tick)) for tick in self.ticks]

    def mark(self, value, pair=None):
        """Places of a value and of its interval; None where they are not known."""
        if value is None or not math.isfinite(value):
            return None
        ends = None
        if pair is not None and all(v is not None and math.isfinite(v) for v in pair):
            ends = tuple(self.at(v) for v in pair)
        return {"at": self.at(value), "ends": ends}


def make_axis(values, *, zero=False):
    """An axis that holds some values, with round ticks.

    Parameters
    ----------
    values : iterable of float or None
        Unknown ones are passed over.
    zero : bool, default=False
        Whether zero is on it.

    Returns
    -------
    axis : Axis
    """
    known = [float(v) for v in values if v is not None and math.isfinite(v)]
    if zero or not known:
        known.append(0.0)
    low, high = min(known), max(known)
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        margin = abs(low) / 10 or 1.0
        low, high = low - margin, high + margin
    margin = (high - low) * 0.06
    low, high = low - margin, high + margin
    step = _round_step((high - low) / 4)
    first = math.ceil(low / step)
    ticks = [k * step for k in range(first, math.floor(high / step) + 1)]
    return Axis(low, high, tuple(ticks))


def _round_step(least):
    """The smallest of 1, 2, 5 times a power of ten that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(f * power for f in (1, 2, 5, 10) if f * power >= least * (1 - 1e-9))
