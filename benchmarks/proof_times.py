"""Time of the default search with proof on noise, by the size of the table.

What ``search="auto"`` knows before it starts, the numbers of units and of candidates,
beside what the search took: seconds of one thread, and the share of all rules that had
to be valued. The constants of `least_bit_seconds` are from here.

``python -m benchmarks.proof_times`` prints the table.
"""

import argparse
import time
import warnings

import numpy as np

from sklearn_persona import PersonaDiscoverer
from sklearn_persona._search.cost import least_bit_seconds
from sklearn_persona.exceptions import PersonaWarning

SIZES = (
    (64, 200),
    (64, 1000),
    (100, 100),
    (100, 360),
    (150, 200),
    (200, 100),
    (200, 360),
    (200, 1000),
    (300, 100),
    (300, 360),
    (500, 100),
    (500, 200),
)
# Two directions, and either arm may carry the shift.
COLUMNS = 4


def main():
    """Print a row a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, default=900.0, help="seconds a search")
    parser.add_argument("--most", type=float, default=np.inf, help="units x variables")
    arguments = parser.parse_args()
    print("| units | variables | candidates | share valued | seconds | by sizes |")
    print("|---|---|---|---|---|---|")
    for n, p in SIZES:
        if n * p > arguments.most:
            continue
        rng = np.random.default_rng([n, p])
        X, y = rng.standard_normal((n, p)), rng.standard_normal(n)
        finder = PersonaDiscoverer(
            search="exact",
            max_time=arguments.limit,
            validation=None,
            prognostic=None,
            n_bootstrap=0,
            n_alternatives=0,
            n_jobs=1,
        )
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PersonaWarning)
            finder.fit(X, y, treatment=rng.permutation(np.arange(n) % 2))
        seconds, record = time.process_time() - start, finder.search_
        rules = COLUMNS * record.n_candidates
        by_sizes = least_bit_seconds(rules, n)
        print(
            f"| {n} | {p} | {record.n_candidates:.2g} | "
            f"{record.n_evaluated / rules:.1g} | {seconds:.1f}"
            f"{'' if record.proven_optimal else ' (cut off)'} | {by_sizes:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
