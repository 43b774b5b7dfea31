"""Options shared by several commands, and parsers of their values."""

import argparse
import inspect
import re

from sklearn.utils._param_validation import InvalidParameterError

from sklearn_persona import PersonaDiscoverer
from sklearn_persona._cli.errors import InputError
from sklearn_persona._cli.reading.trial import read_trial
from sklearn_persona._designs import DESIGNS
from sklearn_persona._search.objectives import OBJECTIVES
from sklearn_persona._text.safe import shown

__all__ = [
    "NOT_OPTIONS",
    "PARAMETERS",
    "add_flag",
    "add_parameters",
    "add_repeated",
    "add_trial_options",
    "check_parameters",
    "pair",
    "trial_of",
]


def _either(parse, *words):
    """A parser of numbers and some words; ``none`` becomes None."""

    def read(text):
        word = text.strip().lower()
        if word in words:
            return None if word == "none" else word
        try:
            return parse(text)
        except ValueError:
            kind = "a whole number" if parse is int else "a number"
            raise argparse.ArgumentTypeError(
                f"expected {' or '.join([kind, *words])}, got {text!r}"
            ) from None

    return read


def _switch(text):
    """The value of yes, no or auto."""
    words = {"yes": True, "true": True, "no": False, "false": False, "auto": "auto"}
    try:
        return words[text.strip().lower()]
    except KeyError:
        raise argparse.ArgumentTypeError(
            f"expected auto, yes or no, got {text!r}"
        ) from None


def _word(*words):
    """A parser of given words; ``none`` becomes None."""

    def read(text):
        if text not in words:
            raise argparse.ArgumentTypeError(
                f"expected {', '.join(words[:-1])} or {words[-1]}, got {text!r}"
            )
        return None if text == "none" else text

    return read


def pair(text):
    """Split COLUMN=NAME at the last equals sign."""
    column, sign, name = text.rpartition("=")
    if not (sign and column and name):
        raise argparse.ArgumentTypeError(f"expected COLUMN=NAME, got {text!r}")
    return column, name


def _delimiter(text):
    words = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "bar": "|"}
    text = words.get(text, text)
    if len(text) != 1 or text in '"\r\n\0' or text.isalnum():
        raise argparse.ArgumentTypeError(
            f"expected one character, or comma, semicolon, tab or bar; got {text!r}"
        )
    return text


def _decimal(text):
    words = {"point": ".", "comma": ",", ".": ".", ",": ","}
    if text not in words:
        raise argparse.ArgumentTypeError(f"expected point or comma, got {text!r}")
    return words[text]


# Parameters of the discoverer with an option of the same name.
PARAMETERS = {
    "min_variables": (_either(int), "fewest variables in a persona"),
    "max_variables": (_either(int), "most variables in a persona, up to 4"),
    "n_cuts": (_either(int, "all"), "cut points per numeric variable"),
    "conditions": (
        _word("auto", "one-sided", "interval"),
        "ranges with one or two ends",
    ),
    "refine_cuts": (_switch, "refine the cut points of the personas found"),
    "min_modalities": (_either(int), "fewest data sources in a persona"),
    "min_coverage": (_either(float), "smallest share of participants inside"),
    "min_arm_size": (_either(int, "auto"), "fewest cases per arm, inside and outside"),
    "objective": (
        _word("auto", *OBJECTIVES),
        "what the search maximizes",
    ),
    "direction": (_word("both", "favorable", "unfavorable"), "effects to look for"),
    "prognostic": (_word("auto", "none"), "adjust the outcome for prognosis"),
    "response_threshold": (_either(float, "none"), "analyze the response y >= VALUE"),
    "search": (_word("auto", "exact", "beam"), "exact with proof, or a heuristic"),
    "max_time": (
        _either(float, "none"),
        "seconds until the search returns its best so far",
    ),
    "n_personas": (_either(int), "most personas to keep"),
    "max_overlap": (_either(float), "largest Jaccard index between two personas"),
    "n_alternatives": (_either(int), "alternative descriptions per persona"),
    "alpha": (_either(float), "significance level of all claims"),
    "min_effect_size": (
        _either(float, "auto"),
        "Cohen's d that a claim must exceed",
    ),
    "criterion": (_word("heterogeneity", "effect"), "what a claim must show"),
    "validation": (
        _word("holdout", "permutation", "repeated", "none"),
        "how personas are tested",
    ),
    "holdout_size": (_either(float), "share of participants held out for tests"),
    "n_splits": (_either(int), "splits of repeated validation"),
    "n_holdout": (_either(int), "most personas tested in the holdout"),
    "correction": (
        _word("holm", "fixed-sequence", "bh", "none"),
        "adjustment for the number of personas tested",
    ),
    "n_permutations": (_either(int), "permutations per test"),
    "n_bootstrap": (_either(int), "bootstrap resamples for intervals by arm"),
    "n_resamples": (_either(int), "refits for stability and corrected effects"),
    "design": (
        _word("auto", *DESIGNS),
        "design of the trial",
    ),
}
# Other parameters: their option, or the reason for having none.
NOT_OPTIONS = {
    "modalities": "--modality",
    "propensity": "needs an estimator",
    "greater_is_better": "--lower-is-better",
    "memory": "a command runs a single search",
    "control": "--control",
    "random_state": "--seed",
    "n_jobs": "--jobs",
    "verbose": "--progress",
}


def add_trial_options(parser):
    """Add the table of a trial and the options for reading it.

    Parameters
    ----------
    parser : ArgumentParser

    Returns
    -------
    group : argument group
        The group for other options of the command.
    """
    parser.add_argument(
        "table", metavar="TABLE", help="CSV, TSV, Parquet, Excel, SAS XPT or sas7bdat"
    )
    group = parser.add_argument_group("table")
    add = group.add_argument
    add("--outcome", metavar="COLUMN", help="the outcome, a number")
    add("--treatment", metavar="COLUMN", help="the arm, one of two")
    add("--groups", metavar="COLUMN", help="participant, if one has several rows")
    add("--period", metavar="COLUMN", help="period of a crossover")
    add("--strata", metavar="COLUMN", help="site or stratum of the randomization")
    add("--baseline", metavar="COLUMN", help="analyze the percent change from it")
    add("--control", metavar="LABEL", help="the reference arm")
    add("--treated", metavar="LABEL", help="the other arm, if there are more than two")
    add_flag(group, "lower-is-better", "low outcomes are good, as on a symptom scale")
    add_flag(group, "drop-missing-outcome", "leave out rows without an outcome")
    add_repeated(group, "category", "COLUMN", "read as categories, not numbers")
    add_repeated(group, "missing", "CELL", "a cell that stands for missing")
    add("--delimiter", help="of text files; detected by default", type=_delimiter)
    add("--encoding", help="of text files; UTF-8 by default")
    add(
        "--decimal",
        type=_decimal,
        metavar="{point,comma}",
        help="detected by default",
    )
    add("--sheet", help="of a workbook; the first by default")
    group = parser.add_argument_group("other")
    add = group.add_argument
    add(
        "--config",
        metavar="FILE.toml",
        help="options by name; the command line overrides them",
    )
    add("--json", metavar="FILE", help="results as JSON; - for standard output")
    return group


def trial_of(options, **more):
    """Read the trial described by options.

    Parameters
    ----------
    options : dict
    **more
        Other arguments of `read_trial`.

    Returns
    -------
    trial : Trial

    Raises
    ------
    InputError
    """
    known = inspect.signature(read_trial).parameters
    given = {name: value for name, value in options.items() if name in known}
    return read_trial(options["table"], **given, **more)


def add_flag(group, name, text, *, default=False):
    """Add an option that can be turned on and off.

    Parameters
    ----------
    group : argument group
    name : str
    text : str
        Help.
    default : bool
    """
    action = group.add_argument(
        f"--{name}",
        action=argparse.BooleanOptionalAction,
        help=text,
        default=argparse.SUPPRESS,
    )
    # If set earlier, argparse would add it to the help.
    action.default = default


def add_repeated(group, name, metavar, text, *, parse=None):
    """Add an option that can be given several times.

    Parameters
    ----------
    group : argument group
    name : str
    metavar : str
    text : str
        Help.
    parse : callable, optional
        From text to a value.
    """
    group.add_argument(
        f"--{name}",
        metavar=metavar,
        action="append",
        default=(),
        type=parse,
        help=text,
    )


def add_parameters(group, names=tuple(PARAMETERS), defaults=None):
    """Add options for parameters of the discoverer.

    Parameters
    ----------
    group : argument group
    names : sequence of str
    defaults : dict, optional
        Defaults that differ from those of the discoverer. If omitted, none differ, and
        the help states them.
    """
    signature = inspect.signature(PersonaDiscoverer).parameters
    for name in names:
        parse, text = PARAMETERS[name]
        default = signature[name].default
        if defaults is None:
            text += f" (default {'none' if default is None else default})"
        else:
            default = defaults.get(name, default)
        group.add_argument(
            f"--{name.replace('_', '-')}",
            type=parse,
            metavar="VALUE",
            default=default,
            help=text,
        )


def check_parameters(parameters):
    """Refuse unusable parameters, named as options.

    Parameters
    ----------
    parameters : dict
        Parameters of the discoverer.

    Raises
    ------
    InputError
    """
    finder = PersonaDiscoverer(**parameters)
    if finder.n_jobs == 0:
        raise InputError("--jobs must be a number of threads, or -1 for all; got 0.")
    try:
        finder._validate_params()
    except InvalidParameterError as error:
        text = re.sub(
            r"^The '(\w+)' parameter of PersonaDiscoverer",
            lambda found: NOT_OPTIONS.get(found[1], f"--{found[1].replace('_', '-')}"),
            str(error),
        )
        raise InputError(shown(text, 300)) from None
