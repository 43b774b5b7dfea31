"""``evaluate``: existing personas, tested on another trial."""

import sys

from sklearn_persona import __version__
from sklearn_persona._claims.rule import ClaimRule
from sklearn_persona._cli.documents import (
    EVALUATION,
    PLANNED,
    TEST_PERMUTATIONS,
    file_sha256,
    json_text,
)
from sklearn_persona._cli.errors import InputError, input_errors, place
from sklearn_persona._cli.options import (
    add_flag,
    add_parameters,
    add_trial_options,
    check_parameters,
    trial_of,
)
from sklearn_persona._cli.outputs import check_outputs, say, write_outputs
from sklearn_persona._cli.parser import Command
from sklearn_persona._cli.saved import load_personas
from sklearn_persona._cli.shown import reading_lines, record_lines
from sklearn_persona._text.numbers import p_text, plural
from sklearn_persona._text.safe import shown
from sklearn_persona._text.words import rule_text
from sklearn_persona.inference import adjust_pvalues

__all__ = ["COMMAND"]

# Parameters of the discoverer that also apply to a test of given personas.
TESTS = (
    "response_threshold",
    "design",
    "alpha",
    "min_effect_size",
    "criterion",
    "correction",
    "n_permutations",
    "n_bootstrap",
)


def add_options(parser):
    """Declare the options of the command."""
    parser.add_argument("personas", metavar="PERSONAS.json")
    group = add_trial_options(parser)
    add_flag(group, "all", "include personas that were not confirmed")
    group.add_argument("--seed", type=int, default=0, help="default 0")
    # The help states no defaults, because the file of personas may set other values.
    add_parameters(
        parser.add_argument_group("tests"),
        TESTS,
        defaults={"n_permutations": TEST_PERMUTATIONS},
    )


def run(options):
    """Test personas on another trial."""
    check_outputs({"--json": options["json"]}, [options["personas"], options["table"]])
    loaded = load_personas(options["personas"], everything=options["all"])
    given = options.given
    options, deviations = _merged(options, loaded)
    _check(options, given, options["personas"])
    if options["outcome"] is None:
        raise InputError(
            "--outcome COLUMN is required; the file of personas names none."
        )

    trial = trial_of(options, variables=_variables(loaded.personas))
    out = sys.stderr if options["json"] == "-" else sys.stdout
    _print_start(out, trial, loaded, deviations)
    results = _test(loaded.personas, trial, options)
    say(out, _results_text(results, options))
    if options["json"] is None:
        return
    text = _document(options, trial, loaded, deviations, results)
    if options["json"] == "-":
        sys.stdout.write(text)
        return
    write_outputs({options["json"]: text})
    say(out, f"\nWritten: {shown(options['json'], 200)}")


def _merged(options, loaded):
    """Options of the user, else of the file of personas, else the defaults."""
    merged, deviations = dict(options), []
    for name in (*PLANNED, "n_permutations", "seed"):
        planned = loaded.analysis.get(name)
        if name not in options.given:
            if name in loaded.analysis:
                merged[name] = planned
        elif loaded.plan is not None and merged[name] != planned:
            deviations.append({"option": name, "plan": planned, "used": merged[name]})
    return merged, deviations


def _check(options, given, path):
    """Refuse unusable parameters, and name the file if they come from it."""
    parameters = {name: options[name] for name in TESTS}
    parameters["random_state"] = options["seed"]
    names = given | ({"random_state"} if "seed" in given else set())
    check_parameters({name: v for name, v in parameters.items() if name in names})
    try:
        check_parameters(parameters)
    except InputError as error:
        raise InputError(f"{place(path)}: in its analysis, {error}") from None


def _variables(personas):
    """Columns used by the rules, and whether each is a category."""
    variables = {}
    for persona in personas:
        for condition in persona.conditions:
            words = condition.levels is not None and any(
                isinstance(level, str) for level in condition.levels
            )
            variables[condition.label] = variables.get(condition.label, False) or words
    return variables


def _test(personas, trial, options):
    """Evidence for each persona, and p values adjusted over all of them."""
    results = [_tested(persona, trial, options) for persona in personas]
    rule = _claim_rule(options)
    signs = [1 if persona.direction == "favorable" else -1 for persona in personas]
    tested = [result["record"] for result in results]
    p_values = [
        1.0 if record is None else float(rule.confirming(record, sign))
        for record, sign in zip(tested, signs)
    ]
    of_members = [
        1.0 if record is None else rule.of_members(record) for record in tested
    ]
    adjusted = adjust_pvalues(p_values, options["correction"])
    adjusted_members = adjust_pvalues(of_members, options["correction"])
    for i, (result, record) in enumerate(zip(results, tested)):
        result["p_confirming"] = p_values[i]
        result["p_adjusted"] = float(adjusted[i])
        result["supported"] = record is not None and bool(
            adjusted[i] < options["alpha"]
            and rule.is_large(record.effect_size, signs[i])
            and rule.has_direction(record, signs[i])
        )
        result["members_claim"] = "not tested"
        if record is not None and record.has_arms:
            result["members_claim"] = rule.statement(record.effect, adjusted_members[i])
    return results


def _claim_rule(options):
    """The thresholds of a claim, by the options."""
    return ClaimRule(
        alpha=options["alpha"],
        min_effect_size=options["min_effect_size"],
        criterion=options["criterion"],
        correction=options["correction"],
        n_holdout=0,
        n_permutations=options["n_permutations"],
        n_bootstrap=options["n_bootstrap"],
    )


def _tested(persona, trial, options):
    """Evidence for a persona, or the reason for having none."""
    record, problem = None, None
    with input_errors(trial.path):
        inside = persona.covers(trial.X)
        if inside.all() or not inside.any():
            problem = f"{'every' if inside.all() else 'no'} case is inside"
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
    return {"persona": persona, "record": record, "problem": problem}


def _document(options, trial, loaded, deviations, results):
    """Results as JSON."""
    plan = None
    if loaded.plan is not None:
        plan = {"sha256": loaded.plan, "verified": True, "deviations": deviations}
    return json_text(
        {
            "schema": EVALUATION,
            "version": __version__,
            "table": {"file": trial.path.name, "sha256": file_sha256(trial.path)},
            "plan": plan,
            "analysis": {name: options[name] for name in PLANNED}
            | {"n_permutations": options["n_permutations"]},
            "seed": options["seed"],
            "reading": trial.account.to_dict(),
            "personas": [_result_values(result) for result in results],
        }
    )


def _result_values(result):
    persona, record = result["persona"], result["record"]
    evidence = None
    if record is not None:
        # A persona exports its evidence without NaN.
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
        "members_claim": result["members_claim"],
    }


def _print_start(out, trial, loaded, deviations):
    for line in reading_lines(trial):
        say(out, line)
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
        if result["members_claim"] != "not tested":
            more.append(("effect in the members", result["members_claim"]))
        lines += record_lines(persona, result["record"], more)
    return "\n".join(lines)


COMMAND = Command("evaluate", "test personas on another trial", add_options, run)
