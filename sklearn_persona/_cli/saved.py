"""Personas and reports from saved files."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sklearn_persona import Persona
from sklearn_persona._cli.documents import (
    ANALYSIS,
    PERSONA,
    PLAN,
    PLANNED,
    REPORT,
    TEXTS,
    digest,
    load_document,
    schema_of,
)
from sklearn_persona._cli.errors import InputError, place, unknown_name
from sklearn_persona._text.safe import shown
from sklearn_persona.report import PersonaReport

__all__ = ["SavedPersonas", "load_personas", "report_of"]


@dataclass(frozen=True)
class SavedPersonas:
    """Personas from a file.

    Attributes
    ----------
    personas : list of Persona
    analysis : dict
        The analysis described by the file, or empty.
    plan : str or None
        Verified hash of a prespecified plan.
    n_left_out : int
        Unconfirmed personas in the file that were left out.
    """

    personas: list
    analysis: dict = field(default_factory=dict)
    plan: str | None = None
    n_left_out: int = 0


def report_of(path, values):
    """The report in a saved analysis, or a report saved separately.

    Raises
    ------
    InputError
        For other files.
    """
    if schema_of(values) == ANALYSIS:
        values = values.get("report")
    if schema_of(values) != REPORT:
        found = schema_of(values)
        raise InputError(
            f"{place(path)}: contains no report"
            + (f" but {shown(found)}" if found else "")
            + "; expected a file written by 'discover --json' or PersonaReport.to_dict."
        )
    return _rebuilt(path, PersonaReport.from_dict, values)


def load_personas(path, *, everything=False):
    """Load personas from an analysis, a report or a plan, or written by hand.

    Parameters
    ----------
    path : path-like
    everything : bool
        Whether to include unconfirmed personas.

    Returns
    -------
    saved : SavedPersonas

    Raises
    ------
    InputError
        If the file cannot be read, has no personas, or does not match its hash.
    """
    values = load_document(path)
    schema = schema_of(values)
    if schema in (ANALYSIS, REPORT):
        report_of(path, values)
        report = values["report"] if schema == ANALYSIS else values
        found = [_rebuilt(path, Persona.from_dict, p) for p in report["personas"]]
        personas = [p for p in found if p.confirmed or everything]
        if not personas:
            raise InputError(
                f"{place(path)}: contains no confirmed persona"
                + (f", but {len(found)} others (--all)." if found else ".")
            )
        return SavedPersonas(
            personas,
            _analysis_of(path, values, report),
            n_left_out=len(found) - len(personas),
        )
    if schema == PLAN:
        if values.get("sha256") != digest(values):
            raise InputError(
                f"{place(path)}: was changed after it was written: its SHA-256 is "
                f"{digest(values)}, but it states {shown(values.get('sha256'))}."
            )
        analysis = _analysis_of(path, values, None) | {"seed": values.get("seed")}
        return SavedPersonas(
            _by_hand(path, values.get("personas")), analysis, plan=values["sha256"]
        )
    if schema == PERSONA:
        return SavedPersonas([_rebuilt(path, Persona.from_dict, values)])
    if schema is not None:
        raise InputError(f"{place(path)}: contains {shown(schema)}, expected personas.")
    if isinstance(values, dict) and "personas" in values:
        values = values["personas"]
    return SavedPersonas(
        _by_hand(path, values if isinstance(values, list) else [values])
    )


def _analysis_of(path, values, report):
    if schema_of(values) in (ANALYSIS, PLAN):
        analysis = values.get("analysis")
        if not isinstance(analysis, dict):
            raise InputError(f"{place(path)}: does not describe its analysis.")
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
                f"{where}: has no direction, expected favorable or unfavorable."
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
    """A range in the form that `Persona.from_conditions` accepts."""
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


def _rebuilt(path, build, values):
    try:
        return build(values)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else error
        raise InputError(f"{place(path)}: {shown(what, 300)}") from None
