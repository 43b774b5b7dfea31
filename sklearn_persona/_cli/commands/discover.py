"""``discover``: from a table to a report; ``report`` from a saved analysis."""

import inspect
import re
import sys
import warnings

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_persona import PersonaDiscoverer, __version__
from sklearn_persona._cli.documents import (
    ANALYSIS,
    PLANNED,
    load_document,
    load_personas,
    make_plan,
    report_of,
    written,
)
from sklearn_persona._cli.errors import InputError, place, unknown_name
from sklearn_persona._cli.options import PARAMETERS
from sklearn_persona._cli.outputs import (
    check_outputs,
    file_sha256,
    report_text,
    say,
    write_outputs,
)
from sklearn_persona._cli.reading.cells import MISSING, Reading
from sklearn_persona._cli.reading.files import read_file
from sklearn_persona._cli.reading.trial import Roles, read_trial
from sklearn_persona._cli.shown import safe_card
from sklearn_persona._text.numbers import (
    count,
    estimate_parts,
    p_text,
    percent,
    plural,
)
from sklearn_persona._text.safe import shown
from sklearn_persona._text.words import rule_text
from sklearn_persona.exceptions import SingleArmWarning
from sklearn_persona.report import PersonaReport

__all__ = ["check_parameters", "discover", "load_trial", "plan", "report", "used_by"]


def discover(options):
    """Find and test personas.

    Parameters
    ----------
    options : dict

    Returns
    -------
    files : list of path-like
        What was written.

    Raises
    ------
    InputError
    """
    outputs = {
        "--output": options["output"],
        "--json": options["json"],
        "--prespecify": options["prespecify"],
    }
    check_outputs(outputs, [options["table"]])
    parameters = _parameters(options)
    # Bad parameters are told before a large file is read.
    check_parameters(PersonaDiscoverer(**parameters))
    table, trial = load_trial(
        options, drop=options["drop"], keep=options["keep"], design=options["design"]
    )
    parameters["control"] = trial.arms[0] if trial.arms else None
    parameters["modalities"] = _modalities(options, table, trial)
    finder = PersonaDiscoverer(**parameters)
    machine = options["json"] == "-"
    out = sys.stderr if machine else sys.stdout
    _print_account(out, table, trial)

    for message in _fit(finder, trial, table):
        say(out, f"  note: {message}")
    report = PersonaReport.from_estimator(
        finder,
        X=trial.X,
        y=trial.y,
        treatment=trial.treatment,
        title=options["title"] or f"Personas in {table.path.name}",
        outcome=_outcome_name(options),
        reading=trial.account.for_report(),
    )
    source = {"file": table.path.name, "sha256": file_sha256(table.path)}
    analysis = _analysis(options, parameters, trial)
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
        texts[options["json"]] = written(document)
    confirmed = [persona for persona in finder.personas_ if persona.confirmed]
    if options["prespecify"] is not None and confirmed:
        texts[options["prespecify"]] = written(
            make_plan(confirmed, analysis, options["seed"], source)
        )
    say(out)
    say(out, _summary(finder))
    if options["prespecify"] is not None and not confirmed:
        say(
            out,
            f"\nNo persona was confirmed, so there is no plan: {options['prespecify']} "
            "was not written.",
        )
    printed = texts.pop("-", None)
    write_outputs(texts)
    if printed is not None:
        sys.stdout.write(printed)
    if texts:
        say(out, f"\nWritten: {', '.join(shown(path, 200) for path in texts)}")
    return list(texts)


def report(options):
    """Write the report of a saved analysis."""
    check_outputs({"--output": options["output"]}, [options["saved"]])
    values = load_document(options["saved"])
    made = report_of(options["saved"], values)
    try:
        text = report_text(made, options["output"])
    except Exception as error:
        # What somebody changed within the file may fail anywhere.
        raise InputError(
            f"{place(options['saved'])}: its report is damaged "
            f"({type(error).__name__}: {shown(error, 200)})."
        ) from None
    write_outputs({options["output"]: text})
    print(f"Written: {shown(options['output'], 200)}")


def plan(options):
    """Write personas as the plan of the next trial."""
    check_outputs({"-o": options["output"]}, [options["saved"]])
    loaded = load_personas(options["saved"], everything=options["all"])
    analysis = dict(loaded.analysis)
    seed = options["seed"]
    source = {"file": str(options["saved"]), "sha256": file_sha256(options["saved"])}
    made = make_plan(loaded.personas, analysis, seed, source)
    write_outputs({options["output"]: written(made)})
    print(f"{plural(len(loaded.personas), 'persona')}, SHA-256 {made['sha256']}")
    print(f"Written: {shown(options['output'], 200)}")


def load_trial(options, *, drop=(), keep=(), design="auto", variables=None):
    """Read the table that options describe.

    Parameters
    ----------
    options : dict
    drop, keep : sequence of str
    design : str
    variables : dict, optional
        As in `read_trial`.

    Returns
    -------
    table : RawTable
    trial : Trial

    Raises
    ------
    InputError
    """
    single = design == "single-arm"
    if options["outcome"] is None:
        raise InputError("--outcome COLUMN is missing.")
    if options["treatment"] is None and not single:
        raise InputError(
            "--treatment COLUMN is missing. A trial without comparison needs --design "
            "single-arm."
        )
    if options["period"] is not None and options["groups"] is None:
        raise InputError(
            "--period COLUMN is of a crossover, which needs --groups COLUMN, the "
            "participant of each row."
        )
    if options["treatment"] is not None and single:
        raise InputError("--design single-arm has no arms; leave --treatment out.")
    names = ("outcome", "treatment", "groups", "period", "strata", "baseline")
    roles = Roles(**{name: options[name] for name in names})
    table = read_file(
        options["table"],
        delimiter=options["delimiter"],
        encoding=options["encoding"],
        sheet=options["sheet"],
        expected=[name for name in vars(roles).values() if name],
    )
    reading = Reading(
        tokens=MISSING | set(options["missing"]),
        decimal=options["decimal"],
        categories=frozenset(options["category"]),
    )
    trial = read_trial(
        table,
        roles,
        reading=reading,
        control=options["control"],
        treated=options["treated"],
        drop=tuple(drop),
        keep=tuple(keep),
        drop_missing_outcome=options["drop_missing_outcome"],
        variables=variables,
    )
    return table, trial


def used_by(error, packages=("sklearn_persona", "sklearn")):
    """Whether an error was raised by checks of these packages.

    Parameters
    ----------
    error : Exception
    packages : tuple of str

    Returns
    -------
    used : bool
    """
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_globals.get("__name__", "").split(".")[0] in packages


def _parameters(options):
    parameters = {name: options[name] for name in PARAMETERS}
    return parameters | {
        "greater_is_better": not options["lower_is_better"],
        "random_state": options["seed"],
        "n_jobs": options["jobs"],
        "verbose": int(options["progress"]),
    }


def check_parameters(finder):
    """Tell of parameters that cannot be used by the names of their options.

    Parameters
    ----------
    finder : PersonaDiscoverer

    Raises
    ------
    InputError
    """
    if finder.n_jobs == 0:
        raise InputError("--jobs must be a number of threads, or -1 for all; got 0.")
    try:
        finder._validate_params()
    except InvalidParameterError as error:
        text = re.sub(
            r"^The '(\w+)' parameter of PersonaDiscoverer",
            lambda found: _option(found[1]),
            str(error),
        )
        raise InputError(shown(text, 300)) from None


def _option(name):
    names = {"random_state": "--seed", "n_jobs": "--jobs"}
    return names.get(name, f"--{name.replace('_', '-')}")


def _modalities(options, table, trial):
    """Source of each variable that is analysed; None when nothing was said."""
    if not options["modality"]:
        return None
    found = {}
    for column, name in options["modality"]:
        if column not in table.cells.columns:
            raise InputError(
                f"{place(table.path)}: has no column '{shown(column)}' (--modality)"
                f"{unknown_name(column, list(table.cells.columns))}"
            )
        if column in trial.X.columns:
            found[column] = name
    return found


def _fit(finder, trial, table):
    """Fit, and return what the search warns of; its errors name the file."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if trial.treatment is None:
            warnings.simplefilter("ignore", SingleArmWarning)
        try:
            finder.fit(trial.X, trial.y, **trial.metadata)
        except (ValueError, TypeError) as error:
            if not used_by(error):
                raise
            raise InputError(f"{place(table.path)}: {shown(error, 400)}") from None
    return list(dict.fromkeys(shown(warning.message, 400) for warning in caught))


def _outcome_name(options):
    if options["baseline"]:
        return f"{options['outcome']}, percent change from {options['baseline']}"
    return options["outcome"]


def _analysis(options, parameters, trial):
    """What another trial would repeat."""
    analysis = {name: options.get(name) for name in PLANNED}
    if trial.arms:
        analysis |= {"control": trial.arms[0], "treated": trial.arms[1]}
    kept = set(inspect.signature(PersonaDiscoverer).parameters) - {"verbose", "n_jobs"}
    settings = {k: v for k, v in parameters.items() if k in kept}
    return analysis | {"parameters": settings}


def _print_account(out, table, trial):
    n = trial.account.n_rows
    say(out, f"{shown(table.path, 200)}: {plural(n, 'row')} analysed")
    for line in trial.account.lines():
        say(out, f"  {line}")


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
        text = (
            f"Explained by what was confirmed: {percent(explained['coverage'])} of "
            f"{plural(int(explained['n_groups'] + rest['n_groups']), 'participant')} "
            "who tested it"
        )
        if not np.isnan(rest["effect"]):
            value, ends = estimate_parts(
                rest["effect"], (rest["ci_low"], rest["ci_high"])
            )
            text += f"; effect in the others {value} (95% CI {ends})"
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
