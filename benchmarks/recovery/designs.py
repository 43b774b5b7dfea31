"""The designs of the grid: planted personas, and those of published comparisons."""

import tomllib
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.recovery.planted import Planted
from benchmarks.recovery.population import POPULATION, Design, expit

GRID = Path(__file__).with_name("grid.toml")


class Quint(Design):
    """Qualitative interaction: benefit in one region, harm in another, else nothing.

    Both regions hold for about a third of the population; either is a right answer.
    """

    @property
    def variables(self):
        return [0, 1, 2]

    def targets(self, X):
        return [
            (X[:, 0] > 0) & (X[:, 1] > -0.5),
            (X[:, 0] <= 0) & (X[:, 2] > -0.5),
        ]

    def effect(self, X):
        benefit, harm = self.targets(X)
        return self.effect_size * (benefit.astype(float) - harm)


class Sides(Design):
    """Three binary modifiers without a mean effect; ten binary, ten normal columns.

    ``y = T * sum_k(I_k - mean(I_k)) + noise``; the target has two of the three.
    """

    correlation = 0.0

    @property
    def variables(self):
        return [0, 1, 2]

    def features(self, n, rng, p=None):
        X = super().features(n, rng, p)
        half = self.p // 2
        X[:, :half] = X[:, :half] > 0
        return X

    def effect(self, X):
        return X[:, :3].sum(axis=1) - 1.5

    def targets(self, X):
        # The mean effect is 0 but for the error of a simulated population.
        return [self.effect(X) > 0]


class StratifiedMedicine(Design):
    """Effect .65, .45, .25 or 0 by the signs of two prognostic variables.

    The mean effect is about .34: the target is the half with a positive first one.
    """

    @property
    def variables(self):
        return [0, 1]

    def effect(self, X):
        a, b = X[:, 0] > 0, X[:, 1] > 0
        return np.where(a, np.where(b, 0.65, 0.45), np.where(b, 0.25, 0.0))

    def prognosis(self, X):
        sums = X[:, 2] + X[:, 4] + X[:, 6]
        return 1.5 + 0.15 * X[:, 0] + 0.20 * X[:, 1] + 0.10 * sums


class FourConditions(Design):
    """Four conditions ``x_j >= -1``, which hold together for half of the population."""

    correlation = 0.0

    @property
    def variables(self):
        return [0, 1, 2, 3]

    def targets(self, X):
        return [(X[:, :4] >= -1).all(axis=1)]

    def effect(self, X):
        return self.effect_size * self.targets(X)[0]


class VirtualTwins(Design):
    """Logistic response; treatment adds .9 on the logit where X1 > 0 and X2 < 0."""

    correlation = 0.0

    @property
    def variables(self):
        return [0, 1]

    def targets(self, X):
        return [(X[:, 0] > 0) & (X[:, 1] < 0)]

    def _logit(self, X):
        main = 0.5 * X[:, 0] + 0.5 * X[:, 1] - 0.5 * X[:, 6]
        return -1 + main + 0.5 * X[:, 1] * X[:, 6]

    def risk(self, X):
        return expit(self._logit(X))

    def effect(self, X):
        logit = self._logit(X)
        return expit(logit + 0.1 + 0.9 * self.targets(X)[0]) - expit(logit)

    @cached_property
    def mean_effect(self):
        X = self.features(POPULATION, np.random.default_rng(1), 7)
        return float(self.effect(X).mean())

    def null_risk(self, risk):
        # Some are almost certain to respond: without this the sum would exceed 1.
        return risk * (1.0 - self.mean_effect)


FAMILIES = {
    "planted": Planted,
    "quint": Quint,
    "sides": Sides,
    "stratified-medicine": StratifiedMedicine,
    "four-conditions": FourConditions,
    "virtual-twins": VirtualTwins,
}
OPTIONS = (
    "variables",
    "kinds",
    "prevalence",
    "columns",
    "prognosis",
    "incomplete",
    "period_effect",
)
RENAMED = {"effect": "effect_size", "design": "kind"}


def read_grid(path=GRID):
    """Designs of a grid file.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    designs : dict of str to Design
    """
    return make_designs(tomllib.loads(Path(path).read_text(encoding="utf-8")))


def make_designs(grid):
    """Designs of a grid.

    Parameters
    ----------
    grid : dict
        ``defaults``, and ``cell``: a list of what differs from them.

    Returns
    -------
    designs : dict of str to Design
    """
    designs = {}
    for cell in grid["cell"]:
        settings = {**grid["defaults"], **cell}
        family = FAMILIES[settings.pop("family")]
        options = {key: settings.pop(key) for key in OPTIONS if key in settings}
        settings = {RENAMED.get(key, key): value for key, value in settings.items()}
        if family is VirtualTwins:
            settings["outcome"] = "binary"
        designs[cell["name"]] = family(options=options, **settings)
    return designs
