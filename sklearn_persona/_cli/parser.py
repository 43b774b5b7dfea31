"""Commands, and the parser built from their declarations."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from sklearn_persona import __version__
from sklearn_persona._cli.config import read_config

__all__ = ["Command", "Options", "parse"]


@dataclass(frozen=True)
class Command:
    """A command: its name, help, options and action.

    Attributes
    ----------
    name : str
    help : str
    add_options : callable
        Adds the command's options, with their defaults, to its parser.
    run : callable
        Takes `Options`; raises InputError.
    """

    name: str
    help: str
    add_options: Callable
    run: Callable


class Options(dict):
    """Values of all options of a command.

    Attributes
    ----------
    given : frozenset of str
        Options set by the user, as arguments or in a file.
    """

    def __init__(self, defaults, given):
        super().__init__(defaults | given)
        self.given = frozenset(given)


class _Parser(argparse.ArgumentParser):
    """A parser that accepts no abbreviated options."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)


def parse(arguments, commands):
    """Find the command and its options.

    Parameters
    ----------
    arguments : list of str or None
        If None, the arguments of the process.
    commands : sequence of Command

    Returns
    -------
    command : Command
    options : Options

    Raises
    ------
    InputError
        For an unusable file of options.
    """
    parser = _Parser(
        prog="sklearn-persona",
        description="Find treatment-effect subgroups in a randomized trial.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(dest="command", required=True)
    made = {}
    for command in commands:
        own = subparsers.add_parser(
            command.name, help=command.help, description=command.help
        )
        command.add_options(own)
        made[command.name] = command, own, _take_defaults(own)
    given = vars(parser.parse_args(arguments))
    command, own, defaults = made[given.pop("command")]
    if given.get("config"):
        given = read_config(given["config"], own) | given
    return command, Options(defaults, given)


def _take_defaults(parser):
    """Remove the defaults of a parser, which then returns only given options."""
    defaults = {}
    for action in parser._actions:
        if action.default is not argparse.SUPPRESS:
            defaults[action.dest] = action.default
            action.default = argparse.SUPPRESS
    return defaults
