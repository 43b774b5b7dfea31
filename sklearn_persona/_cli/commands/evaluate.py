"""``evaluate``: personas that stand, tested on another trial's table."""

import sys

import numpy as np

from sklearn_persona import PersonaDiscoverer, __version__
from sklearn_persona._cli.commands.discover import check_parameters, load_trial, used_by
from sklearn_persona._cli.documents import (
    EVALUATION,
    PLANNED,
    TEST_PERMUTATIONS,
    load_personas,
    written,
)
from sklearn_persona._cli.errors import InputError, place
from sklearn_persona._cli.outputs import (
    check_outputs,
    file_sha256,
    say,
    write_outputs,
)
from sklearn_persona._cli.shown import record_lines
from sklearn_persona._text.numbers import p_text, plural
from sklearn_persona._text.safe import shown
from sklearn_persona._text.words import rule_text
from sklearn_persona.inference import adjust_pvalues

__all__ = ["FALLBACKS", "evaluate"]

# Options that neither the user nor the file of personas gave.
FALLBACKS = {
    "response_threshold": None,
    "design": "auto",
    "alpha": 0.05,
    "min_effect_size": 0.5,
    "criterion": "heterogeneity",
    "correction": "holm",
    "n_permutations": TEST_PERMUTATIONS,
    "n_bootstrap": 10_000,
    "seed": 0,
}


def evaluate(options, given):
    """Test personas on another trial.

    Parameters
    ----------
    options : dict
        With defaults.
    given : set of str
        Options that the user gave.

    Raises
    ------
    InputError
    """
    check_outputs({"--json": options["json"]}, [options["personas"], options["table"]])
    loaded = load_personas(options["personas"], everything=options["all"])
    options, deviations = _merged(options, given, loaded)
    _check(options, given, options["personas"])
    if options["outcome"] is None:
        raise InputError(
            "--outcome COLUMN is missing; the file of personas names none."
        )

    variables = _variables(loaded.personas)
    table, trial = load_trial(options, design=options["design"], variables=variables)
    out = sys.stderr if options["json"] == "-" else sys.stdout
    _print_start(out, table, trial, loaded, deviations)
    results = _test(loaded.personas, trial, table, options)
    say(out, _results_text(results, options))
    if options["json"] is None:
        return
    text = written(
        {
            "schema": EVALUATION,
            "version": __version__,
            "table": {"file": table.path.name, "sha256": file_sha256(table.path)},
            "plan": None
            if loaded.plan is None
            else {"sha256": loaded.plan, "verified": True, "deviations": deviations},
            "analysis": {name: options.get(name) for name in PLANNED}
            | {"n_permutations": options["n_permutations"]},
            "seed": options["seed"],
            "reading": trial.account.to_dict(),
            "personas": [_plain(result) for result in results],
        }
    )
    if options["json"] == "-":
        sys.stdout.write(text)
        return
    write_outputs({options["json"]: text})
    say(out, f"\nWritten: {shown(options['json'], 200)}")


def _merged(options, given, loaded):
    """Options of the user, else of the file of personas, else defaults."""
    merged, deviations = dict(options), []
    for name in (*PLANNED, "n_permutations", "seed"):
        planned = loaded.analysis.get(name)
        if name not in given:
            fallback = FALLBACKS.get(name, merged.get(name))
            merged[name] = planned if name in loaded.analysis else fallback
        elif loaded.plan is not None and merged[name] != planned:
            deviations.append({"option": name, "plan": planned, "used": merged[name]})
    for name, value in FALLBACKS.items():
        merged.setdefault(name, value)
    return merged, deviations


def _check(options, given, path):
    """Refuse parameters of tests that are none, and say where they come from."""

    def check(names):
        values = {name: options[name] for name in names if name != "seed"}
        if "seed" in names:
            values["random_state"] = options["seed"]
        check_parameters(PersonaDiscoverer(**values))

    check(set(FALLBACKS) & given)
    try:
        check(set(FALLBACKS))
    except InputError as error:
        raise InputError(f"{place(path)}: of the analysis, {error}") from None


def _variables(personas):
    """Columns that the rules need, and whether each is a category."""
    variables = {}
    for persona in personas:
        for condition in persona.conditions:
            words = condition.levels is not None and any(
                isinstance(level, str) for level in condition.levels
            )
            variables[condition.label] = variables.get(condition.label, False) or words
    return variables


def _test(personas, trial, table, options):
    """Evidence for each persona, and p values adjusted over all of them."""
    results = []
    for persona in personas:
        inside, record, problem = None, None, None
        try:
            inside = persona.covers(trial.X)
            if inside.all() or not inside.any():
                problem = f"{'everybody' if inside.all() else 'nobody'} is inside"
            else:
                record = persona.evaluate(
                    trial.X,
                    trial.y,
                    **trial.metadata,
                    design=options["design"],
                    control=trial.arms[0] if trial.arms else None,
                    greater_is_better=not options["lower_is_better"],
                    response_threshold=options["response_threshold"],
                    n_permutations=options["n_permutations"],
                    n_bootstrap=options["n_bootstrap"],
                    random_state=options["seed"],
                )
        except (ValueError, TypeError) as error:
            if not used_by(error):
                raise
            raise InputError(f"{place(table.path)}: {shown(error, 400)}") from None
        results.append({"persona": persona, "record": record, "problem": problem})
    p_values = [_confirming(result["record"], options) for result in results]
    adjusted = adjust_pvalues(p_values, options["correction"])
    for result, p_value, p_adjusted in zip(results, p_values, adjusted):
        record = result["record"]
        result["p_confirming"] = float(p_value)
        result["p_adjusted"] = float(p_adjusted)
        result["supported"] = record is not None and bool(
            p_adjusted < options["alpha"]
            and abs(record.effect_size) > options["min_effect_size"]
            and _directed(result["persona"], record, options["criterion"])
        )
    return results


def _confirming(record, options):
    """The p value on which a claim rests; 1 where nothing could be tested."""
    if record is None:
        return 1.0
    p_values = [record.p_value]
    if options["criterion"] == "heterogeneity" and record.design != "single-arm":
        p_values.append(record.p_interaction)
    return 1.0 if np.isnan(p_values).any() else float(max(p_values))


def _directed(persona, record, criterion):
    """Whether effect and contrast point where the persona says."""
    sign = 1 if persona.direction == "favorable" else -1
    if not sign * record.effect > 0:
        return False
    if criterion == "effect" or record.design == "single-arm":
        return True
    return bool(sign * (record.effect - record.effect_complement) > 0)


def _plain(result):
    persona, record = result["persona"], result["record"]
    evidence = None
    if record is not None:
        # Through a persona, whose values hold no NaN.
        evidence = type(persona)(
            persona.conditions, persona.direction, holdout=record
        ).to_dict()["holdout"]
    return {
        "rule": persona.rule,
        "direction": persona.direction,
        "evidence": evidence,
        "problem": result["problem"],
        "p_confirming": result["p_confirming"],
        "p_adjusted": result["p_adjusted"],
        "supported": result["supported"],
    }


def _print_start(out, table, trial, loaded, deviations):
    n = trial.account.n_rows
    say(out, f"{shown(table.path, 200)}: {plural(n, 'row')} analysed")
    for line in trial.account.lines():
        say(out, f"  {line}")
    if loaded.n_left_out:
        say(
            out,
            f"  not tested: {plural(loaded.n_left_out, 'persona')} that "
            f"{'was' if loaded.n_left_out == 1 else 'were'} not confirmed (--all)",
        )
    if loaded.plan is not None:
        say(out, f"  plan: SHA-256 {loaded.plan} verified")
        for deviation in deviations:
            say(
                out,
                f"  differs from the plan: --{deviation['option'].replace('_', '-')} "
                f"{shown(deviation['used'])}, planned {shown(deviation['plan'])}",
            )
    say(out)


def _results_text(results, options):
    n = sum(result["supported"] for result in results)
    lines = [f"Supported: {n} of {plural(len(results), 'persona')}."]
    for i, result in enumerate(results, 1):
        persona = result["persona"]
        verdict = "supported" if result["supported"] else "not supported"
        lines += ["", f"Persona {i}: {verdict}"]
        if result["record"] is None:
            lines += [
                f"  {rule_text(persona.conditions)}",
                f"  Not testable: {result['problem']}. Check units and levels.",
            ]
            continue
        correction = options["correction"] or "no correction"
        adjusted = f"{p_text(result['p_adjusted'])} ({correction})"
        more = [("adjusted p value", adjusted)]
        lines += record_lines(persona, result["record"], more)
    return "\n".join(lines)
