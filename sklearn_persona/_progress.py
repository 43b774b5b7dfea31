"""Progress of long work on standard error, when asked for."""

import sys
import time

__all__ = ["Progress"]


class Progress:
    """A line that is overwritten about twice a second.

    Parameters
    ----------
    verbose : int
        0 is silent.
    label : str
    """

    def __init__(self, verbose, label):
        self.verbose, self.label = verbose, label
        self.last = self.start = time.monotonic()
        self.shown = False

    def __call__(self, share):
        """Report the share that is done, 0 to 1."""
        now = time.monotonic()
        if not self.verbose or now - self.last < 0.5:
            return
        self.last, self.shown = now, True
        sys.stderr.write(
            f"\r{self.label}: {min(share, 1):6.1%} of the current step, "
            f"{now - self.start:.0f} s"
        )
        sys.stderr.flush()

    def close(self):
        """End the line."""
        if self.shown:
            sys.stderr.write("\n")
