"""``discover``: personas of a trial, their tests and a report."""

import inspect
import sys
import warnings
from pathlib import Path

import numpy as np

from sklearn_persona import PersonaDiscoverer, __version__
from sklearn_persona._cli.documents import (
    ANALYSIS,
    PLANNED,
    file_sha256,
    json_text,
    make_plan,
)
from sklearn_persona._cli.errors import InputError, input_errors, place, unknown_name
from sklearn_persona._cli.options import (
    PARAMETERS,
    add_flag,
    add_parameters,
    add_repeated,
    add_trial_options,
    check_parameters,
    pair,
    trial_of,
)
from sklearn_persona._cli.outputs import check_outputs, report_text, say, write_outputs
from sklearn_persona._cli.parser import Command
from sklearn_persona._cli.shown import reading_lines, safe_card
from sklearn_persona._text.numbers import (
    count,
    estimate_words,
    p_text,
    percent,
    plural,
)
from sklearn_persona._text.safe import shown
from sklearn_persona._text.words import rule_text
from sklearn_persona.exceptions import SingleArmWarning
from sklearn_persona.report import PersonaReport

__all__ = ["COMMAND"]


def add_options(parser):
    """Declare the options of the command."""
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="report: .html, .md or .csv"
    )
    group = add_trial_options(parser)
    add = group.add_argument
    add("--prespecify", metavar="FILE", help="write a plan for the next trial")
    add("--title", help="title of the report")
    add("--seed", type=int, default=0, help="default 0")
    add("--jobs", type=int, help="number of threads; -1 for all")
    add_flag(group, "progress", "progress on standard error (default)", default=True)
    add_repeated(group, "drop", "COLUMN", "leave this column out")
    add_repeated(group, "keep", "COLUMN", "keep this column")
    add_repeated(group, "modality", "COLUMN=NAME", "source of a variable", parse=pair)
    add_parameters(parser.add_argument_group("search and tests"))


def run(options):
    """Find and test personas, and write the requested files."""
    outputs = {f"--{name}": options[name] for name in ("output", "json", "prespecify")}
    check_outputs(outputs, [options["table"]])
    parameters = _parameters(options)
    # Refuse bad parameters before reading a large file.
    check_parameters(parameters)
    trial = trial_of(options)
    parameters["control"] = trial.arms[0] if trial.arms else None
    parameters["modalities"] = _modalities(options["modality"], trial)
    finder = PersonaDiscoverer(**parameters)
    out = sys.stderr if options["json"] == "-" else sys.stdout
    for line in reading_lines(trial):
        say(out, line)
    for message in _fit(finder, trial):
        say(out, f"  note: {message}")

    analysis = _analysis(options, parameters, trial)
    confirmed = [persona for persona in finder.personas_ if persona.confirmed]
    texts = _texts(options, finder, trial, analysis, confirmed)
    say(out)
    say(out, _summary(finder))
    if options["prespecify"] is not None and not confirmed:
        say(
            out,
            "\nNo persona was confirmed, so there is no plan and "
            f"{options['prespecify']} was not written.",
        )
    printed = texts.pop("-", None)
    write_outputs(texts)
    if printed is not None:
        sys.stdout.write(printed)
    if texts:
        say(out, f"\nWritten: {', '.join(shown(path, 200) for path in texts)}")


def _parameters(options):
    parameters = {name: options[name] for name in PARAMETERS}
    return parameters | {
        "greater_is_better": not options["lower_is_better"],
        "random_state": options["seed"],
        "n_jobs": options["jobs"],
        "verbose": int(options["progress"]),
    }


def _modalities(given, trial):
    """Source of each baseline variable; None if no sources were given."""
    if not given:
        return None
    found = {}
    for column, name in given:
        if column not in trial.columns:
            raise InputError(
                f"{place(trial.path)}: has no column '{shown(column)}' (--modality)"
                f"{unknown_name(column, trial.columns)}"
            )
        if column in trial.X.columns:
            found[column] = name
    return found


def _fit(finder, trial):
    """Fit, and return the warnings; errors name the file."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if trial.treatment is None:
            warnings.simplefilter("ignore", SingleArmWarning)
        with input_errors(trial.path):
            finder.fit(trial.X, trial.y, **trial.metadata)
    return list(dict.fromkeys(shown(warning.message, 400) for warning in caught))


def _analysis(options, parameters, trial):
    """The settings that another trial would repeat."""
    analysis = {name: options.get(name) for name in PLANNED}
    if trial.arms:
        analysis |= {"control": trial.arms[0], "treated": trial.arms[1]}
    kept = set(inspect.signature(PersonaDiscoverer).parameters) - {"verbose", "n_jobs"}
    settings = {k: v for k, v in parameters.items() if k in kept}
    return analysis | {"parameters": settings}


def _texts(options, finder, trial, analysis, confirmed):
    """Text of each requested file."""
    report = PersonaReport.from_estimator(
        finder,
        X=trial.X,
        y=trial.y,
        treatment=trial.treatment,
        title=options["title"] or f"Personas in {trial.path.name}",
        outcome=_outcome_name(options),
        reading=trial.account.for_report(),
    )
    source = {"file": trial.path.name, "sha256": file_sha256(trial.path)}
    texts = {}
    if options["output"] is not None:
        texts[options["output"]] = report_text(report, options["output"])
    if options["json"] is not None:
        document = {
            "schema": ANALYSIS,
            "version": __version__,
            "table": source,
            "analysis": analysis,
            "seed": options["seed"],
            "reading": trial.account.to_dict(),
            "report": report.to_dict(),
        }
        texts[options["json"]] = json_text(document)
    if options["prespecify"] is not None and confirmed:
        plan = make_plan(confirmed, analysis, options["seed"], source)
        texts[options["prespecify"]] = json_text(plan)
    return texts


def _outcome_name(options):
    if options["baseline"]:
        return f"{options['outcome']}, percent change from {options['baseline']}"
    return options["outcome"]


def _summary(finder):
    record, personas = finder.search_, finder.personas_
    lines = [
        f"Searched {count(record.n_candidates)} candidate personas in "
        f"{record.seconds:.1f} s, optimal "
        f"{'proven' if record.proven_optimal else 'not proven'}.",
        f"Confirmed: {finder.n_confirmed_} of {len(personas)} discovered.",
    ]
    explained, rest = (finder.partition_.loc[k] for k in ("explained", "unexplained"))
    if finder.n_confirmed_:
        n_tested = int(explained["n_groups"] + rest["n_groups"])
        text = (
            f"Explained by confirmed personas: {percent(explained['coverage'])} of "
            f"{plural(n_tested, 'test participant')}"
        )
        if not np.isnan(rest["effect"]):
            value, ends = estimate_words(
                rest["effect"], (rest["ci_low"], rest["ci_high"])
            )
            text += f"; effect in the others {value} ({ends})"
        lines.append(f"{text}.")
    if finder.validation == "repeated":
        lines.append(f"p value of the procedure: {p_text(finder.trial_p_value_)}")
    for i, persona in enumerate(personas):
        if persona.confirmed:
            lines += ["", safe_card(persona, f"Persona {i + 1}")]
    others = [(i, p) for i, p in enumerate(personas) if not p.confirmed]
    if others:
        lines += ["", "Not confirmed, for later trials only:"]
    for i, persona in others:
        lines.append(
            f"  {i + 1}. {rule_text(persona.conditions)} ({persona.direction}; "
            f"{persona.claim})"
        )
    return "\n".join(lines)


COMMAND = Command("discover", "find and test the personas of a trial", add_options, run)
