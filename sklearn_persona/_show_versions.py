"""Facts about the installation, for bug reports."""

import json
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from joblib import cpu_count

from sklearn_persona._search._kernel import available_isas
from sklearn_persona._search.memory import available_bytes
from sklearn_persona._version import __version__

__all__ = ["show_versions"]

NEEDED = ("scikit-learn", "numpy", "scipy", "pandas", "joblib")
OPTIONAL = ("matplotlib", "jinja2", "distributed", "polars", "pyarrow", "openpyxl")


def _version(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def show_versions(*, as_dict=False):
    """Print the versions and the system, for a bug report.

    Parameters
    ----------
    as_dict : bool, default=False
        Return the values instead of printing them.

    Returns
    -------
    values : dict or None
        ``sklearn_persona`` (version), ``packages`` (name to version, None if not
        installed), ``python``, ``system``, ``instruction_sets`` (those that the search
        can use here; the last one is the default), and ``cpus`` and ``memory_gib``
        (available to this process).

    Examples
    --------
    >>> from sklearn_persona import show_versions
    >>> values = show_versions(as_dict=True)
    >>> values["instruction_sets"][0]
    'portable'
    """
    memory = available_bytes()
    values = {
        "sklearn_persona": __version__,
        "packages": {name: _version(name) for name in (*NEEDED, *OPTIONAL)},
        "python": sys.version.replace("\n", " "),
        "system": platform.platform(),
        "instruction_sets": available_isas(),
        "cpus": cpu_count(),
        "memory_gib": None if memory is None else round(memory / 2**30, 1),
    }
    if as_dict:
        return values
    print(json.dumps(values, indent=2))
    return None
