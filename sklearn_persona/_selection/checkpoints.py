"""Parts of a long calculation, kept in a folder so that an interrupted one goes on."""

import threading
from contextlib import suppress

import joblib
import numpy as np
import sklearn
from sklearn.utils.validation import check_memory

from sklearn_persona._version import __version__

__all__ = ["Checkpoints"]

_VERSIONS = (__version__, sklearn.__version__, np.__version__)
# joblib writes down the source of a kept function at its first call, not atomically.
_LOCK = threading.Lock()


class _Missing:
    """In place of a result that was to be read, and could not be."""


def _keep(key, result):
    """What joblib stores: the result of a part, by its key alone."""
    if result is _Missing:
        raise LookupError(key)
    return result


class _Stopped(Exception):
    """Nobody takes further results."""


def _give_up(computed):
    """Stop the workers as an error would; joblib warns of closed generators."""
    if hasattr(computed, "throw"):
        with suppress(_Stopped):
            computed.throw(_Stopped)


class Checkpoints:
    """Results of the parts of a calculation, stored as soon as each is there.

    They are read and written by the caller alone; workers need no access to the folder.
    A result that cannot be read, for instance of a write that was cut off, is computed
    again.

    Parameters
    ----------
    memory : None, str or joblib.Memory
        None stores nothing.
    *fixed : object
        What all parts depend on. Versions of the package, of scikit-learn and of numpy
        are added.
    """

    def __init__(self, memory, *fixed):
        self._cached = None
        if memory is None:
            return
        cached = check_memory(memory).cache(_keep, ignore=["result"])
        # Other kinds of memory cannot say what they have.
        if hasattr(cached, "check_call_in_cache"):
            self._cached = cached
            self._key = joblib.hash((_VERSIONS, fixed))

    @property
    def on(self):
        """Whether anything is stored."""
        return self._cached is not None

    def results(self, parts, compute):
        """Yield the results of parts in order, those that are not there from `compute`.

        Parameters
        ----------
        parts : list of tuple
            What tells the parts apart: plain values.
        compute : callable
            Called once with the positions of the missing parts; returns their results
            in this order, best one by one.

        Yields
        ------
        result : object

        Notes
        -----
        To be closed (`contextlib.closing`), so that an error stops the workers.
        """
        found = {i: self._load(part) for i, part in enumerate(parts)}
        missing = [i for i, result in found.items() if result is _Missing]
        computed = compute(missing) if missing else ()
        try:
            following = iter(computed)
            for i, part in enumerate(parts):
                result = found.pop(i)
                if result is _Missing:
                    result = next(following)
                    self._store(part, result)
                yield result
        finally:
            _give_up(computed)

    def _load(self, part):
        if self._cached is None:
            return _Missing
        with _LOCK:
            if not self._cached.check_call_in_cache((self._key, part), _Missing):
                return _Missing
            try:
                return self._cached((self._key, part), _Missing)
            except LookupError:
                return _Missing

    def _store(self, part, result):
        if self._cached is not None:
            with _LOCK:
                self._cached((self._key, part), result)
