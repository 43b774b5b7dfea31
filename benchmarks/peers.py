"""Searches of other packages and a numpy brute force, on trials read from a file.

Started by ``compare_search.py``, if need be with another Python: needs numpy and the
package it is asked for, nothing of this project. Prints one line of JSON per trial.
"""

import argparse
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

# Conditions at a time in the brute force: its arrays stay in the second cache level.
BLOCK = 512


def run_pysubgroup(trial, settings):
    """DFS with bitsets over the given conditions; best mean shift."""
    import pandas as pd
    import pysubgroup as ps

    class Representation(ps.BitSetRepresentation):
        """Leaves the bitsets of the conditions out of the search time."""

        def patch_all_selectors(self):
            start = time.perf_counter()
            super().patch_all_selectors()
            self.seconds.append(time.perf_counter() - start)

        seconds = []  # noqa: RUF012

    X, target = trial["X"], trial["target"]
    names = [f"x{j}" for j in range(X.shape[1])]
    data = pd.DataFrame(X, columns=names)
    data["target"] = target
    # Intervals are closed on the left, the conditions on the right.
    space = [
        ps.IntervalSelector(names[j], np.nextafter(low, np.inf), np.inf)
        if low > -np.inf
        else ps.IntervalSelector(names[j], -np.inf, np.nextafter(high, np.inf))
        for j, low, high in zip(trial["feature"], trial["low"], trial["high"])
    ]
    task = ps.SubgroupDiscoveryTask(
        data,
        ps.NumericTarget("target"),
        space,
        ps.StandardQFNumeric(0.5, estimator=settings.get("estimator", "default")),
        result_set_size=1,
        depth=settings["variables"],
        constraints=[ps.MinSupportConstraint(settings["least_members"])],
    )
    start = time.perf_counter()
    result = ps.DFS(Representation).execute(task)
    seconds = time.perf_counter() - start - sum(Representation.seconds)
    return {"seconds": seconds, "value": float(result.results[0][0])}


def run_subdisc(trial, settings):
    """Beam with cut points of each parent's own; best mean shift."""
    import pandas as pd
    import pysubdisc

    X, target = trial["X"], trial["target"]
    data = pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])
    data["target"] = target
    search = pysubdisc.singleNumericTarget(data, "target")
    search.qualityMeasure = "MEAN_TEST"
    search.qualityMeasureMinimum = 0.0
    search.searchStrategy = "BEAM"
    search.searchStrategyWidth = settings["width"]
    search.searchDepth = settings["variables"]
    search.numericStrategy = settings["strategy"]
    search.minimumCoverage = settings["least_members"]
    search.maximumCoverageFraction = 1.0
    search.filterSubgroups = False
    search.nrThreads = settings["threads"]
    start = time.perf_counter()
    search.run(verbose=False)
    seconds = time.perf_counter() - start
    # Its columns are single precision: the value is computed again from the members.
    members = search.getSubgroupMembers(0).to_numpy(dtype=bool)
    value = np.sqrt(members.sum()) * (target[members].mean() - target.mean())
    conditions = str(search.asDataFrame()["Conditions"][0]).split(" AND ")
    names = [condition.split()[0] for condition in conditions]
    return {
        "seconds": seconds,
        "value": float(value),
        "repeats_variable": len(set(names)) < len(names),
    }


def run_numpy(trial, settings):
    """Every rule of 1..3 variables by matrix products; best effect.

    Counts and sums by arm of a block of pairs joined with a block of conditions are
    four products; squared values follow element by element, in single precision. The
    sizes of what seems to reach the best are looked at afterwards, and its value is
    computed again in double precision. BLAS should run one thread: there are
    ``threads`` blocks at a time.
    """
    member, feature = trial["member"], trial["feature"]
    treated, outcome = trial["treated"], trial["target"]
    least, coverage = settings["least_arm"], settings["least_members"]
    n_rows = len(outcome)
    arms = [np.flatnonzero(treated), np.flatnonzero(~treated)]
    means = [outcome[arm].mean() for arm in arms]
    outcome = outcome - np.mean(means)
    residual = outcome - np.where(treated, *(m - np.mean(means) for m in means))
    columns = [np.ascontiguousarray(member[:, arm].T, np.float32) for arm in arms]
    y = [outcome[arm].astype(np.float32) for arm in arms]
    lock = threading.Lock()
    best = 0.0

    def exact(inside):
        a, b = inside & treated, inside & ~treated
        n0, n1 = a.sum(), b.sum()
        d = outcome[a].mean() - outcome[b].mean()
        return d * abs(d) * n0 * n1 / (n0 + n1)

    def update(parents, first):
        """Raise ``best`` by every parent joined with every condition from first on."""
        nonlocal best
        left = [parents[:, arm].astype(np.float32) for arm in arms]
        sums = [part * values for part, values in zip(left, y)]
        for start in range(first, len(member), BLOCK):
            block = slice(start, start + BLOCK)
            n0, n1 = (part @ c[:, block] for part, c in zip(left, columns))
            d, other = (part @ c[:, block] for part, c in zip(sums, columns))
            # value = (s0 n1 - s1 n0)^2 / (n0 n1 (n0 + n1))
            d *= n1
            other *= n0
            d -= other
            np.square(d, out=d)
            np.add(n0, n1, out=other)
            other *= n0
            other *= n1
            other *= np.float32(best * (1 - 1e-5))
            hit = np.flatnonzero(d > other)
            if not len(hit):
                continue
            k0, k1 = n0.ravel()[hit], n1.ravel()[hit]
            enough = (k0 >= least) & (k1 >= least) & (k0 + k1 >= coverage)
            enough &= (len(arms[0]) - k0 >= least) & (len(arms[1]) - k1 >= least)
            hit = hit[enough]
            values = d.ravel()[hit] / (k0 * k1 * (k0 + k1))[enough]
            for i in np.argsort(-values):
                if values[i] < best * (1 - 1e-5):
                    break
                p, c = divmod(int(hit[i]), d.shape[1])
                value = exact(parents[p] & member[start + c])
                with lock:
                    best = max(best, value)

    n_features = int(feature.max()) + 1
    bounds = np.searchsorted(feature, np.arange(n_features + 1))

    def start_from(f):
        """Rules whose first condition is on feature f."""
        one = member[bounds[f] : bounds[f + 1]]
        update(one, bounds[f + 1])
        if settings["variables"] == 2:
            return
        for g in range(f + 1, n_features - 1):
            two = member[bounds[g] : bounds[g + 1]]
            pairs = (one[:, None] & two[None]).reshape(-1, n_rows)
            sizes = [pairs[:, arm].sum(axis=1) for arm in arms]
            update(pairs[np.minimum(*sizes) >= least], bounds[g + 1])

    start = time.perf_counter()
    update(np.ones((1, n_rows), bool), 0)
    with ThreadPoolExecutor(settings["threads"]) as pool:
        list(pool.map(start_from, range(n_features)))
    seconds = time.perf_counter() - start
    value = np.sqrt(best / np.mean(residual**2))
    return {"seconds": seconds, "value": float(value)}


PEERS = {"pysubgroup": run_pysubgroup, "subdisc": run_subdisc, "numpy": run_numpy}


def main():
    """Run one peer on every trial of a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("trials", help="npz file: arrays named <trial>/<array>")
    parser.add_argument("settings", type=json.loads)
    arguments = parser.parse_args()
    stored = np.load(arguments.trials)
    trials = {}
    for name in stored.files:
        trial, array = name.split("/")
        trials.setdefault(int(trial), {})[array] = stored[name]
    for _ in range(arguments.settings.get("warm_up", 0)):
        PEERS[arguments.peer](trials[0], arguments.settings)
    for i in sorted(trials):
        print(json.dumps(PEERS[arguments.peer](trials[i], arguments.settings)))
        # One line at a time: what was done before a time-out counts.
        print(end="", flush=True)


if __name__ == "__main__":
    main()
