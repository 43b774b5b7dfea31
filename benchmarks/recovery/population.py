"""Simulated trials whose truth is known for every participant, seen or not.

A design knows its population: `features` draws baseline, `effect` and `members` tell
the true effect of treatment and the true persona of any rows, so that a rule can be
judged on fresh participants. Only numpy is needed.
"""

import zlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

# Participants by which edges and mean effects are found; their seed is fixed, so that
# a design is the same whenever it is made.
POPULATION = 200_000
CORRELATION = 0.1
# Correlation of the two outcomes of one participant of a crossover.
WITHIN = 0.4


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

    @property
    def prognostic_columns(self):
        """Columns without effect modification that are prognostic in the null twin."""
        return []

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
