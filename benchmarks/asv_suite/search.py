"""Time and memory of binning, search and fit on small simulated trials."""

import numpy as np

from sklearn_persona import PersonaDiscoverer
from sklearn_persona._data.table import read_table
from sklearn_persona._designs.labels import Labels
from sklearn_persona._search.binning import make_selectors
from sklearn_persona._search.greedy import SearchSettings, find_rules


def make_trial(n, p, planted):
    """A trial whose effect is confined to three thresholds."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n, p))
    treated = rng.permutation(n) < n // 2
    y = rng.normal(size=n)
    inside = (X[:, 0] > -0.3) & (X[:, 1] > -0.3) & (X[:, 2] > -0.6)
    return X, y + 2.3 * inside * treated * planted, treated


def bin_trial(X, n_cuts, least_members=8):
    """One-sided conditions."""
    return make_selectors(
        read_table(X),
        np.arange(len(X)),
        n_cuts=n_cuts,
        conditions="one-sided",
        modality=np.zeros(X.shape[1], int),
        least_members=least_members,
    )


class Search:
    """The search alone, by objective and size."""

    params = (
        ["effect", "contrast", "sum-of-squares", "mean-shift"],
        ["63 x 100, 9 cuts, 3", "63 x 40, all cuts, 3", "2000 x 20, 9 cuts, 2"],
        ["planted", "null"],
    )
    param_names = ("objective", "case", "trial")
    timeout = 120

    def setup(self, objective, case, trial):
        """Bin apart from the search."""
        size, cuts, variables = case.split(", ")
        n, p = map(int, size.split(" x "))
        n_cuts = "all" if cuts == "all cuts" else int(cuts.split()[0])
        X, y, treated = make_trial(n, p, trial == "planted")
        self.selectors = bin_trial(X, n_cuts)
        self.label = Labels(y, treated)
        self.settings = SearchSettings(
            objective=objective,
            min_variables=1,
            max_variables=int(variables),
            min_modalities=1,
            least_arm=4,
            least_members=int(np.ceil(0.1 * n)),
            n_personas=1,
            max_overlap=0.5,
            signs=(1,),
            exact=True,
            max_time=None,
        )

    def time_exact(self, objective, case, trial):
        """Seconds, one thread."""
        find_rules(self.selectors, self.label, self.settings, n_jobs=1)

    def peakmem_exact(self, objective, case, trial):
        """Peak of the process."""
        find_rules(self.selectors, self.label, self.settings, n_jobs=1)


class Binning:
    """From columns to conditions."""

    params = ([1000, 20_000], [9, "all"])
    param_names = ("rows", "cuts")

    def setup(self, rows, cuts):
        """Every cut point of many rows would be too much."""
        if rows > 1000 and cuts == "all":
            raise NotImplementedError
        self.X = make_trial(rows, 20, False)[0]

    def time_bin(self, rows, cuts):
        """Seconds."""
        bin_trial(self.X, cuts)

    def peakmem_bin(self, rows, cuts):
        """Peak of the process."""
        bin_trial(self.X, cuts)


class Fit:
    """What a user waits for, by validation."""

    params = (["holdout", None],)
    param_names = ("validation",)

    def setup(self, validation):
        """A small trial with a persona."""
        self.X, self.y, self.treated = make_trial(120, 40, True)
        self.discoverer = PersonaDiscoverer(
            max_variables=2, validation=validation, n_bootstrap=1000, random_state=0
        )

    def time_fit(self, validation):
        """Seconds."""
        self.discoverer.fit(self.X, self.y, treatment=self.treated)
