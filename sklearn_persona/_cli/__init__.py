"""The command line."""

import errno
import io
import os
import sys
import traceback

from sklearn_persona._cli.commands import COMMANDS
from sklearn_persona._cli.errors import InputError
from sklearn_persona._cli.parser import parse
from sklearn_persona._text.safe import one_line

__all__ = ["main"]

# Errors of a full disk, or of a file that has reached its size limit.
FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO)


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    code : int
        0 on success, 2 for unusable input or unwritable output, 130 when
        interrupted, 1 for unexpected errors.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal may lack some of the characters of a table.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        command, options = parse(argv, COMMANDS)
        command.run(options)
        sys.stdout.flush()
        return 0
    except InputError as error:
        print(f"sklearn-persona: error: {one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nsklearn-persona: interrupted; nothing was written.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of the output is gone; the interpreter must not flush into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # Errors of other files are InputErrors; this one comes from standard output.
        if error.errno not in FULL:
            return _unexpected(error)
        # The interpreter must not try to flush again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(
            f"sklearn-persona: error: standard output: cannot be written "
            f"({error.strerror}).",
            file=sys.stderr,
        )
        return 2
    except MemoryError:
        print("sklearn-persona: error: not enough memory.", file=sys.stderr)
        return 2
    except Exception as error:
        return _unexpected(error)


def _unexpected(error):
    traceback.print_exc()
    print(
        f"sklearn-persona: unexpected {type(error).__name__}: {one_line(error)}",
        file=sys.stderr,
    )
    return 1
