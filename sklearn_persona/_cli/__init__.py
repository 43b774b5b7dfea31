"""The command line."""

import inspect
import os
import sys
import traceback

from sklearn_persona import PersonaDiscoverer
from sklearn_persona._cli._config import read_config
from sklearn_persona._cli._demo import demo
from sklearn_persona._cli._discover import discover, plan, report
from sklearn_persona._cli._errors import InputError
from sklearn_persona._cli._evaluate import evaluate
from sklearn_persona._cli._options import DEFAULTS, PARAMETERS, make_parser
from sklearn_persona._export import one_line

__all__ = ["main"]


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    code : int
        0 on success, 2 for input that cannot be used or output that cannot be
        written, 130 when interrupted, 1 for anything that was not expected.
    """
    parser, commands = make_parser()
    given = vars(parser.parse_args(argv))
    command = given.pop("command")
    try:
        code = _run(command, given, commands[command])
        sys.stdout.flush()
        return code
    except InputError as error:
        print(f"sklearn-persona: error: {one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nsklearn-persona: interrupted, nothing was written.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the output has left; the interpreter must not flush into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        print("sklearn-persona: error: not enough memory.", file=sys.stderr)
        return 2
    except Exception as error:
        traceback.print_exc()
        print(
            f"sklearn-persona: unexpected {type(error).__name__}: {one_line(error)}",
            file=sys.stderr,
        )
        return 1


def _run(command, given, parser):
    if command == "demo":
        return demo(given)
    if command == "report":
        report(given)
    elif command == "prespecify":
        plan(given)
    else:
        config = given.get("config")
        given = (read_config(config, parser) if config else {}) | given
        if command == "discover":
            signature = inspect.signature(PersonaDiscoverer).parameters
            parameters = {name: signature[name].default for name in PARAMETERS}
            discover(DEFAULTS | parameters | given)
        else:
            evaluate(DEFAULTS | given, set(given))
    return 0
