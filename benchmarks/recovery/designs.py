"""Simulated trials whose truth is known for every participant, seen or not.

A design knows its population: `features` draws baseline, `effect` and `members` tell
the true effect of treatment and the true persona of any rows, so that a rule can be
judged on fresh participants. Only numpy is needed.
"""

import tomllib
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import NormalDist

import numpy as np

GRID = Path(__file__).with_name("grid.toml")
# Participants by which edges and mean effects are found; their seed is fixed, so that
# a design is the same whenever it is made.
POPULATION = 200_000
CORRELATION = 0.1
# Correlation of the two outcomes of one participant of a crossover.
WITHIN = 0.4
LEVELS = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True)
class Trial:
    """What a method may see.

    Attributes
    ----------
    X : ndarray of shape (n_cases, n_features)
    y : ndarray of shape (n_cases,)
        Larger is better.
    treated : ndarray of bool, shape (n_cases,)
    groups, period : ndarray of int, shape (n_cases,), or None
        Participant and period of each case of a crossover.
    randomized : bool
        False when the arm depends on baseline.
    binary : bool
    """

    X: np.ndarray
    y: np.ndarray
    treated: np.ndarray
    groups: np.ndarray | None = None
    period: np.ndarray | None = None
    randomized: bool = True
    binary: bool = False


@dataclass(frozen=True)
class Design:
    """One cell of the grid: a population, and trials drawn from it.

    Parameters
    ----------
    name : str
        Enters the seeds.
    n, p : int
        Participants and baseline variables.
    """

    name: str
    n: int
    p: int
    repetitions: int = 40
    tier: int = 1
    effect_size: float = 1.0
    main_effect: float = 0.0
    prognostic: float = 0.0
    treated_share: float = 0.5
    outcome: str = "continuous"
    base_risk: float = 0.3
    noise: str = "normal"
    kind: str = "parallel"
    confounding: float = 0.0
    options: dict = field(default_factory=dict)

    correlation = CORRELATION

    # What a family of designs defines ------------------------------------------------

    @property
    def variables(self):
        """Positions of the columns on which the effect depends."""
        raise NotImplementedError

    def effect(self, X):
        """True effect of treatment in each row."""
        raise NotImplementedError

    def targets(self, X):
        """True personas, each a bool array; finding any of them counts."""
        return [self.effect(X) > self.mean_effect]

    def features(self, n, rng, p=None):
        """Baseline of n participants."""
        return equicorrelated(n, self.p if p is None else p, self.correlation, rng)

    def prognosis(self, X):
        """What baseline adds to the outcome of both arms."""
        return np.zeros(len(X))

    def risk(self, X):
        """Probability of a response under control, for a binary outcome."""
        # The slope leaves room for the effects of the grid below 0 and 1.
        return self.base_risk + 0.15 * np.tanh(self.prognosis(X))

    def propensity(self, X):
        """Probability of treatment when it is not randomized."""
        return np.full(len(X), self.treated_share)

    # What all have -------------------------------------------------------------------

    @cached_property
    def mean_effect(self):
        """Mean effect in the population, which is the effect in the null twin."""
        rng = np.random.default_rng(1)
        needed = max(self.variables) + 1
        return float(self.effect(self.features(POPULATION, rng, needed)).mean())

    def rng(self, seed, purpose):
        """Random numbers of one repetition, the same in both twins."""
        return np.random.default_rng([zlib.crc32(self.name.encode()), purpose, seed])

    def true_effect(self, X, null=False):
        """`effect`, or the constant of the null twin."""
        return np.full(len(X), self.mean_effect) if null else self.effect(X)

    def fresh(self, n=4000):
        """Baseline of participants that no trial of the cell contains."""
        return self.features(n, self.rng(0, 1))

    def draw(self, seed, null=False):
        """One trial.

        Parameters
        ----------
        seed : int
        null : bool, default=False
            Whether to draw the null twin: same baseline, arms, prognosis and noise,
            constant effect.

        Returns
        -------
        trial : Trial
        """
        rng = self.rng(seed, 0)
        X = self.features(self.n, rng)
        effect = self.true_effect(X, null)
        if self.kind == "crossover":
            return self._crossover(X, effect, rng)
        treated = self._assign(X, rng)
        y = self._outcome(X, effect, treated, null, rng)
        return Trial(
            X,
            y,
            treated,
            randomized=not self.confounding,
            binary=self.outcome == "binary",
        )

    def _assign(self, X, rng):
        if self.confounding:
            return rng.random(self.n) < self.propensity(X)
        treated = np.arange(self.n) < round(self.treated_share * self.n)
        return rng.permutation(treated)

    def _outcome(self, X, effect, treated, null, rng):
        if self.outcome == "binary":
            risk = self.risk(X)
            if null:
                risk = self.null_risk(risk)
            return (rng.random(self.n) < risk + treated * effect).astype(float)
        return self.prognosis(X) + treated * effect + self._noise(rng, self.n)

    def null_risk(self, risk):
        """Risk under control of the null twin, where a constant is to be added."""
        return risk

    def _noise(self, rng, size):
        if self.noise == "skewed":
            return rng.exponential(size=size) - 1.0
        return rng.standard_normal(size)

    def _crossover(self, X, effect, rng):
        """Two sessions in random order; some participants have one only."""
        n = self.n
        first = rng.permutation(np.arange(n) < n // 2)
        treated = np.column_stack([first, ~first])
        person = np.sqrt(WITHIN) * self._noise(rng, (n, 1))
        y = person + np.sqrt(1.0 - WITHIN) * self._noise(rng, (n, 2))
        y += self.prognosis(X)[:, None] + treated * effect[:, None]
        y[:, 1] += self.options.get("period_effect", 0.0)
        keep = np.ones((n, 2), bool)
        lost = rng.permutation(n)[: self.options.get("incomplete", 0)]
        keep[lost, rng.integers(2, size=len(lost))] = False
        keep = keep.ravel()
        groups = np.repeat(np.arange(n), 2)[keep]
        period = np.tile([1, 2], n)[keep]
        return Trial(X[groups], y.ravel()[keep], treated.ravel()[keep], groups, period)


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

    def propensity(self, X):
        """Rises with the prognosis and with the first variable of the persona."""
        g = self.prognosis(X) / self.prognostic
        return np.clip(expit(self.confounding * (g + 0.5 * X[:, 0])), 0.1, 0.9)


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
    grid = tomllib.loads(Path(path).read_text(encoding="utf-8"))
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


def equicorrelated(n, p, correlation, rng):
    """Standard normals of which every two have the same correlation."""
    shared = rng.standard_normal((n, 1))
    own = rng.standard_normal((n, p))
    return np.sqrt(correlation) * shared + np.sqrt(1.0 - correlation) * own


def meets(X, ranges):
    """Rows with ``low < x_j <= high`` for every j."""
    inside = np.ones(len(X), bool)
    for j, (low, high) in enumerate(ranges):
        inside &= (X[:, j] > low) & (X[:, j] <= high)
    return inside


def expit(x):
    """Logistic function."""
    return 1.0 / (1.0 + np.exp(-x))
