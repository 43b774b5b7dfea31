"""The content of a report, as plain values that JSON can hold."""

import math
import platform
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from numbers import Integral, Real

import numpy as np
import pandas
import scipy
import sklearn

from sklearn_persona._claims.limits import TrialLimits
from sklearn_persona._discoverer import PersonaDiscoverer
from sklearn_persona._persona.persona import Persona
from sklearn_persona._text.safe import shown
from sklearn_persona._text.words import arm_text
from sklearn_persona._version import __version__
from sklearn_persona.report._baseline import baseline_tables

__all__ = ["SCHEMA", "ReportData", "collect"]

SCHEMA = "sklearn-persona/report/1"
# Parameters that change no result.
NO_RESULT = {"memory", "n_jobs", "verbose"}
LONGEST_SETTING = 200
# Variables, and pairs of them, whose selection frequency is shown.
MOST_FREQUENT = 10


@dataclass(frozen=True)
class ReportData:
    """The content of a report, without values of single participants.

    Attributes
    ----------
    title, outcome : str or None
    design, objective : str
    arms : tuple of str
        Control and treated, several treatments as one; empty for a single arm.
    min_arm_size : int
    n_confirmed : int
    settings : dict
        Parameters of the estimator; text stands for those without a plain value.
    flow, search : dict
    personas : tuple of Persona
    trial_p_value : float or None
        Of repeated splits.
    splits : dict or None
        Spread of their smallest adjusted p values: ``n``, ``quantiles`` (0, 25, 50,
        75, 100 %), ``n_below`` (below the level), ``n_untested`` (those of 1).
    partition : dict
        Rows of `PersonaDiscoverer.partition_` by name.
    selection : dict or None
        The most frequent ``variables`` and ``pairs`` of half-samples; None without
        resamples.
    baseline : list of dict or None
        Tables of inside against outside; None without the baseline data.
    reading : dict or None
        How the table was read: ``notes``, and ``suspects`` by column.
    versions : dict
    """

    title: str | None
    outcome: str | None
    design: str
    objective: str
    arms: tuple
    min_arm_size: int
    n_confirmed: int
    settings: dict
    flow: dict
    search: dict
    personas: tuple
    trial_p_value: float | None
    splits: dict | None
    partition: dict
    selection: dict | None
    baseline: list | None
    reading: dict | None
    versions: dict

    @property
    def comparison(self):
        """What an effect compares, in words."""
        if not self.arms:
            return "inside minus outside"
        control, treated = map(arm_text, self.arms)
        return f"{treated} against {control}"

    @property
    def directions(self):
        """Directions of the search, in words."""
        direction = self.settings["direction"]
        return (
            "both directions" if direction == "both" else f"the {direction} direction"
        )

    @property
    def limits(self):
        """Sizes and settings of the tests."""
        return TrialLimits(
            self.design,
            self.flow,
            self.settings,
            self.min_arm_size,
            self.n_confirmed,
            int(self.search["n_candidates"]),
            sum(persona.holdout is not None for persona in self.personas),
        )

    def to_dict(self):
        """Plain values for JSON, with a schema name.

        Returns
        -------
        values : dict
        """
        out = {"schema": SCHEMA}
        out |= {f.name: getattr(self, f.name) for f in fields(self)}
        out["arms"] = list(self.arms)
        out["personas"] = [persona.to_dict() for persona in self.personas]
        return _plain(out)

    @classmethod
    def from_dict(cls, values):
        """Rebuild from `to_dict`.

        Parameters
        ----------
        values : mapping

        Returns
        -------
        data : ReportData

        Raises
        ------
        ValueError
            For another schema, or when fields are missing or unknown.
        """
        if not isinstance(values, dict):
            raise ValueError(
                "Expected the values of a saved report (a JSON object), got "
                f"{type(values).__name__}."
            )
        values = dict(values)
        schema = values.pop("schema", None)
        if schema != SCHEMA:
            raise ValueError(f"Expected schema {SCHEMA!r}, got {schema!r}.")
        names = {f.name for f in fields(cls)}
        if set(values) != names:
            raise ValueError(
                f"A saved report needs the fields {sorted(names)}; missing "
                f"{sorted(names - set(values))}, unknown {sorted(set(values) - names)}."
            )
        # JSON has lists for tuples.
        plain = {**typing.get_type_hints(cls), "arms": list, "personas": list}
        for name, kind in plain.items():
            if not isinstance(values[name], kind):
                raise ValueError(
                    f"Field {name!r} of a saved report must be {kind}, got "
                    f"{type(values[name]).__name__}."
                )
        values["reading"] = _check_reading(values["reading"])
        values["arms"] = tuple(values["arms"])
        values["personas"] = tuple(Persona.from_dict(p) for p in values["personas"])
        return cls(**values)


def _columns_of_arms(arms):
    """The reference, and all other arms as one; empty for a single arm."""
    control, *others = map(str, arms) if arms else ("",)
    return (control, ", ".join(others)) if others else ()


def collect(
    estimator,
    *,
    X=None,
    y=None,
    treatment=None,
    title=None,
    outcome=None,
    reading=None,
):
    """Read a fitted discoverer.

    Raises
    ------
    TypeError
        For anything but a `PersonaDiscoverer`.
    NotFittedError
        Before `fit`.
    ValueError
        When `X` is not the table of the fit, or `reading` has another form.
    """
    if not isinstance(estimator, PersonaDiscoverer):
        raise TypeError(
            "A report is made from a fitted PersonaDiscoverer, got "
            f"{type(estimator).__name__}. Pass the last step of a Pipeline, "
            "best_estimator_ of a search, or estimator_ of a TrialFrame."
        )
    sklearn.utils.validation.check_is_fitted(estimator)
    baseline = None
    if X is not None:
        baseline = baseline_tables(estimator, X, y, treatment)
    elif y is not None or treatment is not None:
        raise ValueError(
            "y and treatment are rows of the baseline table, which needs X too; got "
            "no X."
        )
    settings = {
        name: _setting(value)
        for name, value in estimator.get_params(deep=False).items()
        if name not in NO_RESULT
    }
    return ReportData(
        title=None if title is None else str(title),
        outcome=None if outcome is None else str(outcome),
        design=estimator.design_,
        objective=estimator.objective_,
        arms=_columns_of_arms(estimator.arms_),
        min_arm_size=int(estimator.min_arm_size_),
        n_confirmed=int(estimator.n_confirmed_),
        settings=settings,
        flow=_plain(estimator.flow_),
        search=_plain(asdict(estimator.search_)),
        personas=tuple(estimator.personas_),
        trial_p_value=_plain(getattr(estimator, "trial_p_value_", None)),
        splits=_splits(estimator),
        partition=_plain(estimator.partition_.to_dict(orient="index")),
        selection=_selection(estimator),
        baseline=baseline,
        reading=_check_reading(reading),
        versions={
            "sklearn-persona": __version__,
            "Python": platform.python_version(),
            "scikit-learn": sklearn.__version__,
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "pandas": pandas.__version__,
        },
    )


def _check_reading(reading):
    """Check how the table was read, and return it as plain values.

    Parameters
    ----------
    reading : mapping or None
        ``notes``, a list of str, and ``suspects``, a mapping of columns to reasons;
        either may be left out.

    Returns
    -------
    reading : dict or None

    Raises
    ------
    ValueError
        For anything else.
    """
    if reading is None:
        return None
    expected = (
        "reading must map 'notes' to a list of text and 'suspects' to a mapping of "
        "columns to reasons"
    )
    if not isinstance(reading, Mapping) or set(reading) - {"notes", "suspects"}:
        got = sorted(map(str, reading)) if isinstance(reading, Mapping) else reading
        raise ValueError(f"{expected}, got {shown(got)}.")
    notes, suspects = reading.get("notes", []), reading.get("suspects", {})
    if not isinstance(notes, list | tuple) or not isinstance(suspects, Mapping):
        raise ValueError(
            f"{expected}, got {type(notes).__name__} and {type(suspects).__name__}."
        )
    return {
        "notes": [str(note) for note in notes],
        "suspects": {str(name): str(reason) for name, reason in suspects.items()},
    }


def _splits(estimator):
    """The spread of the smallest adjusted p values over repeated splits."""
    if estimator.validation != "repeated":
        return None
    p_values = estimator.split_p_values_
    return {
        "n": len(p_values),
        "quantiles": np.quantile(p_values, (0, 0.25, 0.5, 0.75, 1)).tolist(),
        "n_below": int(np.count_nonzero(p_values < estimator.alpha)),
        "n_untested": int(np.count_nonzero(p_values == 1)),
    }


def _selection(estimator):
    """The variables and pairs that half-samples choose most often."""
    if not estimator.n_resamples:
        return None
    found = {
        "variables": (estimator.selection_frequencies_, ["variable"]),
        "pairs": (estimator.pair_frequencies_, ["variable", "other"]),
    }
    return {key: _most_frequent(*given) for key, given in found.items()}


def _most_frequent(table, columns):
    figures = ["frequency", "frequency_kept", "false_bound"]
    top = table.head(MOST_FREQUENT)
    rows = [
        {"names": [_name(v) for v in names]} | dict(zip(figures, _plain(values)))
        for names, values in zip(
            top[columns].to_numpy(object).tolist(), top[figures].to_numpy().tolist()
        )
    ]
    return {"rows": rows, "n_left_out": len(table) - len(top)}


def _name(column):
    """A column by the name that conditions use."""
    return f"x{column}" if isinstance(column, Integral) else str(column)


def _setting(value):
    """A parameter as a plain value, or as short text."""
    if value is None or isinstance(value, bool | np.bool_ | Integral | Real | str):
        return _plain(value)
    if isinstance(value, np.random.RandomState):
        return "a RandomState, whose state is not part of this report"
    if isinstance(value, dict):
        kinds = sorted({str(kind) for kind in value.values()})
        return f"{len(value)} columns: {', '.join(kinds)}"[:LONGEST_SETTING]
    name = getattr(value, "__qualname__", None)
    # The text of a function holds an address in memory.
    return (name if callable(value) and name else repr(value))[:LONGEST_SETTING]


def _plain(value):
    """Values for JSON; None for NaN and infinity."""
    if isinstance(value, dict):
        return {str(key): _plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
