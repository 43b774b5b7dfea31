"""Force the compiled path of a search, regardless of cost model and machine."""

import contextlib
import functools
from unittest import mock

import numpy as np

import sklearn_persona._search.cubes as cubes_module
import sklearn_persona._search.greedy as greedy_module
import sklearn_persona._search.problem as problem_module


def force_path(path):
    """Search by "bits" or by "cubes"; no effect if cubes are impossible."""
    slower = {"bits": "cube_seconds", "cubes": "quick_seconds"}[path]
    return mock.patch.object(greedy_module, slower, lambda *_: np.inf)


@contextlib.contextmanager
def force_isa(isa):
    """Use an instruction set other than the best."""
    with contextlib.ExitStack() as stack:
        for module, name in ((problem_module, "Problem"), (cubes_module, "Cubes")):
            forced = functools.partial(getattr(module, name), isa=isa)
            stack.enter_context(mock.patch.object(module, name, forced))
        yield


def expand_in_parts():
    """Expand cubes condition by condition, as if none fit in cache."""
    parts = functools.partial(cubes_module.Cubes, most_slots=1)
    return mock.patch.object(cubes_module, "Cubes", parts)
