"""How often the planted persona is recovered, by this package and by its peers.

``grid.toml`` fixes the trials, ``designs`` simulates them, ``methods`` and its
neighbors hold the contestants, ``run`` fills a file of raw results and ``table``
makes the page of it.
"""

import os

# Before numpy is loaded: a fit has one core, whichever method it belongs to.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")
