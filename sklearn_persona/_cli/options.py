"""What can be typed: commands, options and their help."""

import argparse
import inspect
from pathlib import Path

from sklearn_persona import PersonaDiscoverer, __version__

__all__ = ["DEFAULTS", "NOT_OPTIONS", "PARAMETERS", "make_parser"]


def _either(parse, *words):
    """A parser of numbers that knows some words; ``none`` is None."""

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
    """A parser of yes, no and auto."""
    words = {"yes": True, "true": True, "no": False, "false": False, "auto": "auto"}
    try:
        return words[text.strip().lower()]
    except KeyError:
        raise argparse.ArgumentTypeError(
            f"expected auto, yes or no, got {text!r}"
        ) from None


def _word(*words):
    """A parser of one of some words; ``none`` is None."""

    def read(text):
        if text not in words:
            raise argparse.ArgumentTypeError(
                f"expected {', '.join(words[:-1])} or {words[-1]}, got {text!r}"
            )
        return None if text == "none" else text

    return read


def _pair(text):
    """COLUMN=NAME, divided at the last equals sign."""
    column, sign, name = text.rpartition("=")
    if not (sign and column and name):
        raise argparse.ArgumentTypeError(f"expected COLUMN=NAME, got {text!r}")
    return column, name


DESIGN = _word("auto", "parallel", "crossover", "pooled", "single-arm")
CORRECTION = _word("holm", "fixed-sequence", "bh", "none")
# Parameters of the discoverer that have an option of their name.
PARAMETERS = {
    "min_variables": (_either(int), "fewest variables of a persona"),
    "max_variables": (_either(int), "most variables of a persona, up to 4"),
    "n_cuts": (_either(int, "all"), "cut points of a number"),
    "conditions": (
        _word("auto", "one-sided", "interval"),
        "ranges with one or two ends",
    ),
    "refine_cuts": (_switch, "move the edges of what was found"),
    "min_modalities": (_either(int), "fewest sources that a persona combines"),
    "min_coverage": (_either(float), "smallest share of participants inside"),
    "min_arm_size": (_either(int, "auto"), "fewest of each arm, inside and outside"),
    "objective": (
        _word(
            "auto", "effect", "contrast", "sum-of-squares", "mean-shift", "arm-shift"
        ),
        "what the search maximises",
    ),
    "direction": (_word("both", "favorable", "unfavorable"), "effects to look for"),
    "prognostic": (_word("auto", "none"), "adjust the outcome for its prognosis"),
    "response_threshold": (_either(float, "none"), "analyse the response y >= c"),
    "search": (_word("auto", "exact", "beam"), "with proof, or a heuristic"),
    "max_time": (_either(float, "none"), "seconds after which the best so far counts"),
    "n_personas": (_either(int), "most personas that are kept"),
    "max_overlap": (_either(float), "largest Jaccard index of two personas"),
    "n_alternatives": (_either(int), "other descriptions of each persona"),
    "alpha": (_either(float), "level of all claims"),
    "min_effect_size": (_either(float), "Cohen's d that must be exceeded"),
    "criterion": (_word("heterogeneity", "effect"), "what a claim needs"),
    "validation": (
        _word("holdout", "permutation", "repeated", "none"),
        "how personas are tested",
    ),
    "holdout_size": (_either(float), "share of participants that test"),
    "n_splits": (_either(int), "splits of repeated validation"),
    "n_holdout": (_either(int), "most personas tested in the holdout"),
    "correction": (CORRECTION, "adjustment over the personas tested"),
    "n_permutations": (_either(int), "permutations of a test"),
    "n_bootstrap": (_either(int), "resamples of the intervals by arm"),
    "n_resamples": (_either(int), "refits for stability and corrected effects"),
    "design": (DESIGN, "design of the trial"),
}
# Parameters that have another option, or none.
NOT_OPTIONS = {
    "modalities": "--modality",
    "propensity": "needs an estimator",
    "greater_is_better": "--lower-is-better",
    "memory": "one command has one search",
    "control": "--control",
    "random_state": "--seed",
    "n_jobs": "--jobs",
    "verbose": "--progress",
}
# What holds when neither the command line nor the file of options says otherwise.
DEFAULTS = {
    "outcome": None,
    "treatment": None,
    "groups": None,
    "period": None,
    "strata": None,
    "baseline": None,
    "control": None,
    "treated": None,
    "lower_is_better": False,
    "drop": (),
    "keep": (),
    "category": (),
    "missing": (),
    "modality": (),
    "drop_missing_outcome": False,
    "delimiter": None,
    "encoding": None,
    "decimal": None,
    "sheet": None,
    "output": None,
    "json": None,
    "prespecify": None,
    "title": None,
    "seed": 0,
    "jobs": None,
    "progress": True,
    "all": False,
    "config": None,
}


class _Parser(argparse.ArgumentParser):
    """Errors in one line after the usage, without abbreviations of options."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)


def _add_table_options(command):
    """Options of commands that read a table."""
    group = command.add_argument_group("the table")
    add = group.add_argument
    add("--outcome", metavar="COLUMN")
    add("--treatment", metavar="COLUMN", help="two arms")
    add("--groups", metavar="COLUMN", help="participant, when one has several rows")
    add("--period", metavar="COLUMN", help="period of a crossover")
    add("--strata", metavar="COLUMN", help="site or stratum of the randomisation")
    add("--baseline", metavar="COLUMN", help="analyse the percent change from it")
    add("--control", metavar="LABEL", help="the reference arm")
    add(
        "--treated", metavar="LABEL", help="the other arm, when there are more than two"
    )
    _flag(group, "lower-is-better", "small outcomes are good, as of a symptom scale")
    _flag(group, "drop-missing-outcome", "leave out rows without outcome")
    add("--category", metavar="COLUMN", action="append", help="codes, not numbers")
    add("--missing", metavar="CELL", action="append", help="a cell that means missing")
    add("--delimiter", help="of text; found by default", type=_delimiter)
    add("--encoding", help="of text; UTF-8 by default")
    add("--decimal", type=_decimal, metavar="{point,comma}")
    add("--sheet", help="of a workbook; the first by default")
    group = command.add_argument_group("other")
    add = group.add_argument
    add("--config", metavar="FILE.toml", help="options by name; the command line wins")
    add("--json", metavar="FILE", help="results for machines; - is standard output")
    return group


def _flag(group, name, text):
    group.add_argument(
        f"--{name}",
        action=argparse.BooleanOptionalAction,
        help=text,
        default=argparse.SUPPRESS,
    )


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


def make_parser():
    """The parser of all commands; what was not given is not in its result.

    Returns
    -------
    parser : ArgumentParser
    commands : dict
        Name to the parser of each command.
    """
    parser = _Parser(
        prog="sklearn-persona",
        description="Find treatment-effect subgroups of a randomised trial.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(dest="command", required=True)
    made = {}

    def command(name, text):
        made[name] = subparsers.add_parser(
            name, help=text, description=text, argument_default=argparse.SUPPRESS
        )
        return made[name]

    discover = command("discover", "find and test the personas of a trial")
    table = "CSV, TSV, Parquet, Excel, SAS XPT or sas7bdat"
    discover.add_argument("table", metavar="TABLE", help=table)
    discover.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="report: .html, .md or .csv"
    )
    group = _add_table_options(discover)
    group.add_argument("--prespecify", metavar="FILE", help="plan of the next trial")
    group.add_argument("--title", help="of the report")
    group.add_argument("--seed", type=int, help="default 0")
    group.add_argument("--jobs", type=int, help="threads")
    _flag(group, "progress", "show it on standard error (default)")
    group.add_argument("--drop", metavar="COLUMN", action="append", help="no baseline")
    group.add_argument("--keep", metavar="COLUMN", action="append", help="a baseline")
    group.add_argument(
        "--modality",
        metavar="COLUMN=NAME",
        action="append",
        type=_pair,
        help="source of a variable",
    )
    group = discover.add_argument_group("search and tests")
    signature = inspect.signature(PersonaDiscoverer).parameters
    for name, (parse, text) in PARAMETERS.items():
        default = signature[name].default
        group.add_argument(
            f"--{name.replace('_', '-')}",
            type=parse,
            metavar="VALUE",
            help=f"{text} (default {'none' if default is None else default})",
        )

    report = command("report", "write the report of a saved analysis")
    report.add_argument("saved", metavar="SAVED.json", help="from discover --json")
    report.add_argument("-o", "--output", type=Path, metavar="FILE", required=True)

    evaluate = command("evaluate", "test personas on the table of another trial")
    evaluate.add_argument("personas", metavar="PERSONAS.json")
    evaluate.add_argument("table", metavar="TABLE", help=table)
    group = _add_table_options(evaluate)
    _flag(group, "all", "also personas that were not confirmed")
    group.add_argument("--seed", type=int, help="default 0")
    group = evaluate.add_argument_group("tests")
    for name in (
        "response_threshold",
        "design",
        "alpha",
        "min_effect_size",
        "criterion",
        "correction",
        "n_permutations",
        "n_bootstrap",
    ):
        parse, text = PARAMETERS[name]
        group.add_argument(
            f"--{name.replace('_', '-')}", type=parse, metavar="VALUE", help=text
        )

    prespecify = command("prespecify", "write personas as the plan of the next trial")
    prespecify.add_argument("saved", metavar="PERSONAS.json")
    prespecify.add_argument("-o", "--output", type=Path, metavar="FILE", required=True)
    prespecify.add_argument("--all", action="store_true", default=False)
    prespecify.add_argument("--seed", type=int, default=0)

    demo = command("demo", "find the personas of a simulated trial")
    demo.add_argument(
        "-o", "--output", type=Path, help="also write the text there", default=None
    )
    demo.add_argument("--seed", type=int, default=0)
    return parser, made
