"""Callbacks of scikit-learn 1.9 and newer (`sklearn.callback`, experimental there).

Older versions have none: then nothing here does anything.
"""

from contextlib import contextmanager
from threading import Lock

try:
    from sklearn.callback import CallbackSupportMixin
    from sklearn.callback._callback_support import callback_management_context
except ImportError:  # pragma: no cover - scikit-learn before 1.9

    class CallbackSupportMixin:
        """Nothing, where scikit-learn knows no callbacks."""

    callback_management_context = None

__all__ = ["CallbackSupportMixin", "Task", "fit_context", "open_task"]

# Parts in which a bar moves.
TICKS = 50


@contextmanager
def fit_context(estimator, X, y, n_tasks):
    """Tell the callbacks of an estimator that its fit begins and ends.

    Parameters
    ----------
    estimator : estimator
    X, y : object
        As `fit` got them.
    n_tasks : int
        How many tasks `open_task` will open.
    """
    if callback_management_context is None or not getattr(
        estimator, "_skl_callbacks", None
    ):
        yield
        return
    # Tears down whatever happens.
    with callback_management_context(estimator):
        context = estimator._init_callback_context(max_subtasks=n_tasks)
        context.call_on_fit_task_begin(estimator=estimator, X=X, y=y)
        yield
        context.call_on_fit_task_end(estimator=estimator, X=X, y=y)


def open_task(estimator, name):
    """Begin a part of the fit.

    Parameters
    ----------
    estimator : estimator
    name : str

    Returns
    -------
    task : Task or None
        None without callbacks.
    """
    context = getattr(estimator, "_callback_fit_ctx", None)
    return None if context is None else Task(estimator, context, name)


class Task:
    """A part of a fit, made of rounds, each of which is done by shares.

    How many rounds there will be is not known: a search that found a rule may search
    for the next one.

    Parameters
    ----------
    estimator : estimator
    parent : CallbackContext
    name : str
    """

    def __init__(self, estimator, parent, name):
        self.estimator, self.lock = estimator, Lock()
        self.context = parent.subcontext(task_name=name, max_subtasks=None)
        self.context.call_on_fit_task_begin(estimator=estimator)
        self.round, self.n_ticks = None, 0

    def __call__(self, share):
        """Report the share of the round that is done; a smaller one starts another."""
        ticks = int(min(max(share, 0.0), 1.0) * TICKS)
        # Threads of a search may report at once.
        with self.lock:
            if self.round is not None and ticks < self.n_ticks:
                self._end_round()
            if self.round is None:
                self.round = self.context.subcontext("round", max_subtasks=TICKS)
                self.round.call_on_fit_task_begin(estimator=self.estimator)
                self.n_ticks = 0
            for _ in range(ticks - self.n_ticks):
                tick = self.round.subcontext("part")
                tick.call_on_fit_task_begin(estimator=self.estimator)
                tick.call_on_fit_task_end(estimator=self.estimator)
            self.n_ticks = ticks

    def close(self):
        """End the part."""
        if self.round is not None:
            self._end_round()
        self.context.call_on_fit_task_end(estimator=self.estimator)

    def _end_round(self):
        self.round.call_on_fit_task_end(estimator=self.estimator)
        self.round = None
