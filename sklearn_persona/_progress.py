"""Progress of a fit: a line on standard error, and callbacks of scikit-learn.

scikit-learn has callbacks since version 1.9 (`sklearn.callback`, experimental). With
older versions, `fit_context` and `open_task` do nothing.
"""

import math
import sys
import time
from contextlib import contextmanager
from threading import Lock

try:
    from sklearn.callback import CallbackSupportMixin
    from sklearn.callback._callback_support import callback_management_context
except ImportError:  # pragma: no cover - scikit-learn before 1.9

    class CallbackSupportMixin:
        """Stand-in for versions of scikit-learn without callbacks."""

    callback_management_context = None

__all__ = ["CallbackSupportMixin", "Progress", "Task", "fit_context", "open_task"]

# Width of the bar in characters.
BAR = 20
# Steps of a round that callbacks are told of.
TICKS = 50


class Progress:
    """A line on standard error that is updated about twice a second.

    Work may have several rounds, such as the searches for the first persona and for
    the next one. A share smaller than the last one starts a new round.

    Parameters
    ----------
    verbose : int
        0 prints nothing.
    label : str
    task : Task or None
        Receives each share, too, and is closed together with this object.
    """

    def __init__(self, verbose, label, task=None):
        self.verbose, self.label, self.task = verbose, label, task
        self.last = self.start = self.round_start = time.monotonic()
        self.n_rounds, self.share, self.width = 1, 0.0, 0
        self.best_objective = None

    def __bool__(self):
        """Whether there is any output."""
        return bool(self.verbose) or self.task is not None

    def __call__(self, share):
        """Report the completed share of the round, 0 to 1."""
        if self.task is not None:
            self.task(share)
        now = time.monotonic()
        if share < self.share:
            self.n_rounds += 1
            self.round_start = self.last
        self.share = share
        if not self.verbose or now - self.last < 0.5:
            return
        self.last = now
        self._write(self._line(now))

    def best(self, objective):
        """Set the best objective so far."""
        self.best_objective = objective

    def _line(self, now):
        share = min(self.share, 1.0)
        bar = "#" * round(BAR * share)
        parts = [f"{self.label}: [{bar:.<{BAR}}] {share:6.1%}"]
        if self.n_rounds > 1:
            parts[0] += f" of round {self.n_rounds}"
        if share > 0:
            left = (now - self.round_start) * (1 - share) / share
            parts.append(f"about {_duration(left)} left")
        if self.best_objective is not None and math.isfinite(self.best_objective):
            parts.append(f"best objective {self.best_objective:.3g}")
        parts.append(f"{_duration(now - self.start)} so far")
        return ", ".join(parts)

    def _write(self, line):
        # Blanks cover the rest of a longer line.
        sys.stderr.write(f"\r{line:<{self.width}}")
        sys.stderr.flush()
        self.width = len(line)

    def close(self):
        """End the line."""
        if self.task is not None:
            self.task.close()
        if self.width:
            sys.stderr.write("\n")


def _duration(seconds):
    """Seconds in a unit that is easy to read."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


@contextmanager
def fit_context(estimator, X, y, n_tasks):
    """Report the begin and the end of a fit to the callbacks of the estimator.

    Parameters
    ----------
    estimator : estimator
    X, y : object
        Arguments of `fit`.
    n_tasks : int
        Number of tasks that `open_task` will open.
    """
    if callback_management_context is None or not getattr(
        estimator, "_skl_callbacks", None
    ):
        yield
        return
    # Tears the callbacks down even after an error.
    with callback_management_context(estimator):
        context = estimator._init_callback_context(max_subtasks=n_tasks)
        context.call_on_fit_task_begin(estimator=estimator, X=X, y=y)
        yield
        context.call_on_fit_task_end(estimator=estimator, X=X, y=y)


def open_task(estimator, name):
    """Begin a part of a fit.

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
    """A part of a fit, which consists of rounds; each round is reported in shares.

    The number of rounds is not known beforehand: a search that found a rule may search
    for another one.

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
        """Report the completed share; one smaller than the last starts a round."""
        ticks = int(min(max(share, 0.0), 1.0) * TICKS)
        # Threads of a search may report at the same time.
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
