"""Seconds and peak memory of a fit as rows grow, each in a process of its own.

Memory is the peak of the process above what it held once the table was made (Linux).
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import numpy as np

from sklearn_persona import PersonaDiscoverer, _discoverer
from sklearn_persona._selection import procedure as _procedure


def memory(key):
    """Megabytes by the kernel's count: VmRSS now, VmHWM at the peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    raise OSError(f"no {key}")


def run(n, p, dtype, variables, n_jobs):
    """Print a row of the table."""
    rng = np.random.default_rng(0)
    X = np.empty((n, p), dtype)
    for start in range(0, n, 100_000):
        X[start : start + 100_000] = rng.normal(size=X[start : start + 100_000].shape)
    treated = rng.random(n) < 0.5
    y = rng.normal(size=n) + 0.3 * treated * ((X[:, 0] > 0) & (X[:, 1] > -0.5))
    seconds = {}

    def timed(module, name):
        function = getattr(module, name)

        def call(*args, **kwargs):
            start = time.perf_counter()
            out = function(*args, **kwargs)
            seconds[name] = time.perf_counter() - start
            return out

        return mock.patch.object(module, name, call)

    finder = PersonaDiscoverer(max_variables=variables, n_jobs=n_jobs, random_state=0)
    # What making the table took at its peak is not the fit's.
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    start = time.perf_counter()
    with (
        timed(_procedure, "make_selectors"),
        timed(_procedure, "find_refined"),
        timed(_discoverer, "validate"),
    ):
        finder.fit(X, y, treatment=treated)
    total = time.perf_counter() - start
    parts = " | ".join(f"{second:.2f}" for second in seconds.values())
    print(
        f"| {n} | {dtype} | {X.nbytes / 2**20:.0f} | {memory('VmHWM') - before:.0f} | "
        f"{parts} | {total:.1f} |"
    )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="*", default=[10**4, 10**5, 10**6])
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--variables", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--one", nargs=2, metavar=("ROWS", "DTYPE"))
    chosen = parser.parse_args()
    if chosen.one:
        n, dtype = chosen.one
        run(int(n), chosen.columns, dtype, chosen.variables, chosen.jobs)
        return
    print(
        "| rows | dtype | data, MB | peak above, MB | selectors | search | "
        "validation | fit, s |\n|---|---|---|---|---|---|---|---|",
        flush=True,
    )
    options = ["--columns", chosen.columns, "--variables", chosen.variables]
    options += ["--jobs", chosen.jobs]
    for dtype in ("float64", "float32"):
        for n in chosen.rows:
            command = [sys.executable, __file__, "--one", n, dtype, *options]
            subprocess.run(list(map(str, command)), check=True)


if __name__ == "__main__":
    main()
