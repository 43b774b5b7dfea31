"""Personas: validated treatment-effect subgroups in small randomised trials."""

from sklearn_persona import (
    baselines,
    datasets,
    exceptions,
    inference,
    metrics,
    model_selection,
    plotting,
    report,
)
from sklearn_persona._discoverer import PersonaDiscoverer
from sklearn_persona._estimates.evidence import Evidence
from sklearn_persona._persona.condition import Alternative, Condition
from sklearn_persona._persona.persona import Persona
from sklearn_persona._persona.stability import Edge, Stability
from sklearn_persona._show_versions import show_versions
from sklearn_persona._trial_frame import TrialFrame
from sklearn_persona._version import __version__

__all__ = [
    "Alternative",
    "Condition",
    "Edge",
    "Evidence",
    "Persona",
    "PersonaDiscoverer",
    "Stability",
    "TrialFrame",
    "__version__",
    "baselines",
    "datasets",
    "exceptions",
    "inference",
    "metrics",
    "model_selection",
    "plotting",
    "report",
    "show_versions",
]
