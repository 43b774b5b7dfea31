"""Which compiled path a search takes, whatever the cost model and the machine say."""

import contextlib
import functools
from unittest import mock

import numpy as np

import sklearn_persona._search.directions as search_module
import sklearn_persona._search.problem as columns_module


def force_path(path):
    """Search by "bits" or by "cubes"; without effect where cubes are impossible."""
    slower = {"bits": "cube_seconds", "cubes": "quick_seconds"}[path]
    return mock.patch.object(search_module, slower, lambda *_: np.inf)


@contextlib.contextmanager
def force_isa(isa):
    """Use an instruction set other than the best."""
    with contextlib.ExitStack() as stack:
        for module, name in ((columns_module, "Column"), (search_module, "Cubes")):
            forced = functools.partial(getattr(module, name), isa=isa)
            stack.enter_context(mock.patch.object(module, name, forced))
        yield


def expand_in_parts():
    """Expand cubes condition by condition, as if none stayed in cache."""
    parts = functools.partial(search_module.Cubes, most_slots=1)
    return mock.patch.object(search_module, "Cubes", parts)
