"""Designs with one planted conjunction, in many variants."""

from functools import cached_property
from statistics import NormalDist

import numpy as np

from benchmarks.recovery.population import POPULATION, Design, expit, meets

LEVELS = (0.2, 0.4, 0.6, 0.8)


class Planted(Design):
    """One persona: a conjunction that holds for a given share of the population.

    Columns are equally correlated standard normals. With ``columns="mixed"`` every
    second of three is cut into five levels and every third into two.
    """

    @property
    def kinds(self):
        """Form of each condition: above, below or between edges."""
        kinds = self.options.get("kinds")
        if kinds is None:
            k = self.options["variables"]
            kinds = [("above", "below")[j % 2] for j in range(k)]
        return kinds

    @property
    def variables(self):
        return list(range(len(self.kinds)))

    def features(self, n, rng, p=None):
        X = super().features(n, rng, p)
        if self.options.get("columns") == "mixed":
            edges = [NormalDist().inv_cdf(q) for q in LEVELS]
            X[:, 1::3] = np.searchsorted(edges, X[:, 1::3])
            X[:, 2::3] = X[:, 2::3] > 0
        return X

    @cached_property
    def ranges(self):
        """(low, high) of each condition, ``low < x <= high``."""
        X = self.features(POPULATION, np.random.default_rng(0), len(self.kinds))
        wanted, low, high = self.options["prevalence"], 0.01, 0.99
        for _ in range(40):
            middle = (low + high) / 2
            if meets(X, self._ranges(middle)).mean() < wanted:
                low = middle
            else:
                high = middle
        return self._ranges((low + high) / 2)

    def _ranges(self, share):
        """Ranges which each hold for this share, of levels as nearly as possible."""
        out = []
        for j, kind in enumerate(self.kinds):
            mixed = self.options.get("columns") == "mixed"
            if mixed and j % 3 == 1:
                level = min(max(round(5 * share), 1), 4)
                above = (4.5 - level, np.inf)
                out.append(above if kind == "above" else (-1, level - 1))
                continue
            inverse = NormalDist().inv_cdf
            if kind == "above":
                out.append((inverse(1 - share), np.inf))
            elif kind == "below":
                out.append((-np.inf, inverse(share)))
            else:
                out.append((inverse((1 - share) / 2), inverse((1 + share) / 2)))
        return out

    def effect(self, X):
        return self.main_effect + self.effect_size * meets(X, self.ranges)

    def targets(self, X):
        return [meets(X, self.ranges)]

    def prognosis(self, X):
        """Last columns outside the persona, or also its own, or curved."""
        k = len(self.kinds)
        shape = self.options.get("prognosis", "linear")
        last = X[:, max(k, X.shape[1] - 3) :]
        if shape == "shared":
            last = np.column_stack([X[:, 0], last[:, -2:]])
        if shape == "curved":
            # A step, a valley and a line, each with variance 1.
            parts = [np.sign(last[:, 0]), (last[:, 1] ** 2 - 1) / np.sqrt(2)]
            return self.prognostic * np.mean([*parts, last[:, 2]], axis=0) * np.sqrt(3)
        return self.prognostic * last.sum(axis=1) / np.sqrt(last.shape[1])

    @property
    def prognostic_columns(self):
        if not self.prognostic:
            return []
        last = list(range(max(len(self.kinds), self.p - 3), self.p))
        if self.options.get("prognosis") == "shared":
            return [0, *last[-2:]]
        return last

    def propensity(self, X):
        """Rises with the prognosis and with the first variable of the persona."""
        g = self.prognosis(X) / self.prognostic
        return np.clip(expit(self.confounding * (g + 0.5 * X[:, 0])), 0.1, 0.9)
