"""The JSON files of the command line: an analysis, a plan, personas."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sklearn_persona import Persona, __version__
from sklearn_persona._cli.errors import InputError, place, unknown_name
from sklearn_persona._text.safe import shown
from sklearn_persona.report import PersonaReport

__all__ = [
    "ANALYSIS",
    "EVALUATION",
    "PLAN",
    "TEST_PERMUTATIONS",
    "Loaded",
    "canonical",
    "load_document",
    "load_personas",
    "make_plan",
    "report_of",
    "written",
]

ANALYSIS = "sklearn-persona/analysis/1"
EVALUATION = "sklearn-persona/evaluation/1"
PLAN = "sklearn-persona/plan/1"
REPORT = "sklearn-persona/report/1"
PERSONA = "sklearn-persona/persona/1"
# Larger files hold no personas.
MOST_BYTES = 200_000_000
# Of a test without search.
TEST_PERMUTATIONS = 10_000
# What of an analysis is text, or null.
TEXTS = (
    *("outcome", "treatment", "control", "treated", "groups", "period", "strata"),
    "baseline",
)
# What of an analysis the next trial repeats.
PLANNED = (
    "outcome",
    "treatment",
    "control",
    "treated",
    "groups",
    "period",
    "strata",
    "baseline",
    "lower_is_better",
    "response_threshold",
    "design",
    "alpha",
    "min_effect_size",
    "criterion",
    "correction",
)


@dataclass(frozen=True)
class Loaded:
    """Personas of a file.

    Attributes
    ----------
    personas : list of Persona
    analysis : dict
        What the file says of the analysis; empty when it says nothing.
    plan : str or None
        Hash of a prespecification that was verified.
    n_left_out : int
        Personas of the file that are not confirmed.
    """

    personas: list
    analysis: dict = field(default_factory=dict)
    plan: str | None = None
    n_left_out: int = 0


def written(values):
    """JSON for people and machines alike; no NaN.

    Parameters
    ----------
    values : dict

    Returns
    -------
    text : str
    """
    return json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def canonical(values):
    """One sequence of bytes for one content: sorted keys, no blanks, ASCII.

    Parameters
    ----------
    values : dict

    Returns
    -------
    data : bytes
    """
    return json.dumps(
        values, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode("ascii")


def _digest(values):
    return hashlib.sha256(
        canonical({key: v for key, v in values.items() if key != "sha256"})
    ).hexdigest()


def make_plan(personas, analysis, seed, source):
    """A prespecification: rules, tests and seed, and a hash of them all.

    Parameters
    ----------
    personas : list of Persona
    analysis : dict
        As in an analysis document.
    seed : int or None
    source : dict
        Where the personas come from.

    Returns
    -------
    plan : dict
    """
    plan = {
        "schema": PLAN,
        "personas": [
            {
                "conditions": {
                    c.label: {"levels": list(c.levels)}
                    if c.levels is not None
                    else {"low": c.low, "high": c.high}
                    for c in persona.conditions
                },
                "direction": persona.direction,
                "criteria": persona.to_text(),
            }
            for persona in personas
        ],
        "analysis": {name: analysis.get(name) for name in PLANNED}
        | {"n_permutations": TEST_PERMUTATIONS},
        "seed": seed,
        "source": source | {"sklearn-persona": __version__},
    }
    return plan | {"sha256": _digest(plan)}


def load_document(path):
    """Read a JSON object.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    values : dict or list

    Raises
    ------
    InputError
        With line and column of what is no JSON.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{place(path)}: is too large to be a file of personas.")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(
            f"{place(path)}: cannot be opened ({error.strerror})."
        ) from None
    except (UnicodeError, ValueError):
        raise InputError(f"{place(path)}: is not UTF-8, expected JSON.") from None

    def once(pairs):
        values = dict(pairs)
        if len(values) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f"{place(path)}: has the name '{shown(twice)}' twice.")
        return values

    def no_number(name):
        raise InputError(f"{place(path)}: {name} is no JSON; write null.")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=no_number)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{place(path)}, line {error.lineno}, column {error.colno}: is no JSON "
            f"({error.msg})."
        ) from None
    except RecursionError:
        raise InputError(f"{place(path)}: is nested too deeply.") from None


def _schema(values):
    return values.get("schema") if isinstance(values, dict) else None


def report_of(path, values):
    """The report in a saved analysis, or one that was saved by itself.

    Raises
    ------
    InputError
        For other files.
    """
    if _schema(values) == ANALYSIS:
        values = values.get("report")
    if _schema(values) != REPORT:
        found = _schema(values)
        raise InputError(
            f"{place(path)}: holds no report"
            + (f" but {shown(found)}" if found else "")
            + "; expected what 'discover --json' or PersonaReport.to_dict wrote."
        )
    return _rebuilt(path, PersonaReport.from_dict, values)


def _rebuilt(path, build, values):
    try:
        return build(values)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else error
        raise InputError(f"{place(path)}: {shown(what, 300)}") from None


def load_personas(path, *, everything=False):
    """Personas of a saved analysis or report, of a plan, or written by hand.

    Parameters
    ----------
    path : path-like
    everything : bool
        Whether those that were not confirmed count too.

    Returns
    -------
    loaded : Loaded

    Raises
    ------
    InputError
        When the file holds none, cannot be read, or was changed after its hash.
    """
    values = load_document(path)
    schema = _schema(values)
    if schema in (ANALYSIS, REPORT):
        report_of(path, values)
        report = values["report"] if schema == ANALYSIS else values
        found = [_rebuilt(path, Persona.from_dict, p) for p in report["personas"]]
        personas = [p for p in found if p.confirmed or everything]
        if not personas:
            raise InputError(
                f"{place(path)}: holds no confirmed persona, but {len(found)} others"
                + (" (--all takes them)." if found else ".")
            )
        return Loaded(
            personas,
            _analysis_of(path, values, report),
            n_left_out=len(found) - len(personas),
        )
    if schema == PLAN:
        if values.get("sha256") != _digest(values):
            raise InputError(
                f"{place(path)}: was changed after it was written: its SHA-256 is "
                f"{_digest(values)}, but it says {shown(values.get('sha256'))}."
            )
        analysis = _analysis_of(path, values, None) | {"seed": values.get("seed")}
        return Loaded(
            _by_hand(path, values.get("personas")), analysis, plan=values["sha256"]
        )
    if schema == PERSONA:
        return Loaded([_rebuilt(path, Persona.from_dict, values)])
    if schema is not None:
        raise InputError(f"{place(path)}: holds {shown(schema)}, expected personas.")
    if isinstance(values, dict) and "personas" in values:
        values = values["personas"]
    return Loaded(_by_hand(path, values if isinstance(values, list) else [values]))


def _analysis_of(path, values, report):
    if _schema(values) in (ANALYSIS, PLAN):
        analysis = values.get("analysis")
        if not isinstance(analysis, dict):
            raise InputError(f"{place(path)}: says nothing of its analysis.")
        for name in TEXTS:
            if not isinstance(analysis.get(name), str | None):
                raise InputError(
                    f"{place(path)}: '{name}' of the analysis must be text, got "
                    f"{shown(analysis[name])}."
                )
        if not isinstance(analysis.get("lower_is_better", False), bool):
            raise InputError(
                f"{place(path)}: 'lower_is_better' of the analysis must be true or "
                f"false, got {shown(analysis['lower_is_better'])}."
            )
        return dict(analysis)
    settings = report["settings"]
    analysis = {k: settings[k] for k in PLANNED if k in settings}
    if report["arms"]:
        analysis |= {"control": report["arms"][0], "treated": report["arms"][1]}
    return analysis | {"lower_is_better": not settings["greater_is_better"]}


def _by_hand(path, values):
    if not isinstance(values, list) or not values:
        raise InputError(
            f"{place(path)}: expected a list of personas, each with conditions such as "
            '{"age": [null, 40], "sex": "F"} and a direction.'
        )
    personas = []
    for i, given in enumerate(values, 1):
        where = f"{place(path)}, persona {i}"
        if isinstance(given, dict) and given.get("schema") == PERSONA:
            personas.append(_rebuilt(path, Persona.from_dict, given))
            continue
        if not isinstance(given, dict) or not isinstance(
            given.get("conditions"), Mapping
        ):
            raise InputError(
                f"{where}: expected an object with conditions, which map columns to "
                'ranges, such as {"age": [null, 40], "sex": "F"}.'
            )
        known = ["conditions", "direction", "criteria"]
        for name in given:
            if name not in known:
                raise InputError(
                    f"{where}: '{shown(name)}' is not known{unknown_name(name, known)}"
                )
        if "direction" not in given:
            raise InputError(
                f"{where}: says no direction, expected favorable or unfavorable."
            )
        ranges = {name: _range(v) for name, v in given["conditions"].items()}
        try:
            personas.append(
                Persona.from_conditions(ranges, direction=given["direction"])
            )
        except (ValueError, TypeError) as error:
            raise InputError(f"{where}: {shown(error, 300)}") from None
    return personas


def _range(value):
    """A range as `Persona.from_conditions` takes it."""
    if isinstance(value, dict):
        if set(value) == {"levels"} and isinstance(value["levels"], list):
            return set(value["levels"])
        if value and set(value) <= {"low", "high"}:
            return value.get("low"), value.get("high")
        return value
    if isinstance(value, list):
        if len(value) == 2 and not any(isinstance(v, str | bool) for v in value):
            return tuple(value)
        return set(value) if all(isinstance(v, str) for v in value) else value
    return value
