"""JSON files of the command line: analyses, plans, personas."""

import hashlib
import json
from pathlib import Path

from sklearn_persona import __version__
from sklearn_persona._cli.errors import InputError, place
from sklearn_persona._data.roles import ROLES
from sklearn_persona._persona.persona import SCHEMA as PERSONA
from sklearn_persona._text.safe import shown

__all__ = [
    "ANALYSIS",
    "EVALUATION",
    "PERSONA",
    "PLAN",
    "PLANNED",
    "REPORT",
    "TEST_PERMUTATIONS",
    "TEXTS",
    "canonical",
    "digest",
    "file_sha256",
    "json_text",
    "load_document",
    "make_plan",
    "schema_of",
]

ANALYSIS = "sklearn-persona/analysis/1"
EVALUATION = "sklearn-persona/evaluation/1"
PLAN = "sklearn-persona/plan/1"
REPORT = "sklearn-persona/report/1"
# Larger files are refused.
MOST_BYTES = 200_000_000
# Permutations of a test without a search.
TEST_PERMUTATIONS = 10_000
# Entries of an analysis that are text or null.
TEXTS = (
    *("outcome", "treatment", "control", "treated"),
    *(role for role in ROLES if role != "treatment"),
    "baseline",
)
# Entries of an analysis that the next trial repeats.
PLANNED = (
    *TEXTS,
    "lower_is_better",
    "response_threshold",
    "design",
    "alpha",
    "min_effect_size",
    "criterion",
    "correction",
)


def json_text(values):
    """Indented JSON without NaN.

    Parameters
    ----------
    values : dict

    Returns
    -------
    text : str
    """
    return json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def canonical(values):
    """Canonical JSON: sorted keys, no blanks, ASCII.

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


def digest(values):
    """SHA-256 of a plan, computed without its own entry.

    Parameters
    ----------
    values : dict

    Returns
    -------
    digest : str
    """
    return hashlib.sha256(
        canonical({key: v for key, v in values.items() if key != "sha256"})
    ).hexdigest()


def make_plan(personas, analysis, seed, source):
    """A prespecified plan: rules, tests, seed, origin, and a hash of the rest.

    Parameters
    ----------
    personas : list of Persona
    analysis : dict
        The analysis, as in an analysis document.
    seed : int or None
    source : dict
        Origin of the personas.

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
    return plan | {"sha256": digest(plan)}


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
        For unreadable files; syntax errors are named by line and column.
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
            raise InputError(
                f"{place(path)}: contains the name '{shown(twice)}' twice."
            )
        return values

    def no_number(name):
        raise InputError(f"{place(path)}: {name} is not valid JSON; write null.")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=no_number)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{place(path)}, line {error.lineno}, column {error.colno}: is not valid "
            f"JSON ({error.msg})."
        ) from None
    except RecursionError:
        raise InputError(f"{place(path)}: is nested too deeply.") from None


def schema_of(values):
    """The schema that a document names; None if it names none.

    Parameters
    ----------
    values : object

    Returns
    -------
    schema : object
    """
    return values.get("schema") if isinstance(values, dict) else None


def file_sha256(path):
    """SHA-256 of a file, which identifies the data of a result.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    digest : str
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
