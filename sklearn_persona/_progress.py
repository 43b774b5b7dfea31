"""Progress of long work on standard error, when asked for."""

import math
import sys
import time

__all__ = ["Progress"]


# Characters of the bar.
BAR = 20


class Progress:
    """A line that is overwritten about twice a second.

    Work may have several rounds, such as the searches for the first persona and for
    the next: a share below the last one starts another.

    Parameters
    ----------
    verbose : int
        0 is silent.
    label : str
    task : callable or None
        Is told every share too, and closed with this.
    """

    def __init__(self, verbose, label, task=None):
        self.verbose, self.label, self.task = verbose, label, task
        self.last = self.start = self.round_start = time.monotonic()
        self.n_rounds, self.share, self.width = 1, 0.0, 0
        self.best_objective = None

    def __bool__(self):
        """Whether anybody is to be told."""
        return bool(self.verbose) or self.task is not None

    def __call__(self, share):
        """Report the share of the round that is done, 0 to 1."""
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
        """Note the best objective that is known."""
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
        # What is left of a longer line before is blanked.
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
    """Seconds as a person says them."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
