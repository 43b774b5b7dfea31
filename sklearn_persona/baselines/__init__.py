"""Comparators from the literature.

Trees of treatment effects take `treatment` and `groups` like `PersonaDiscoverer`.
"""

from sklearn_persona.baselines._arm_classifier import ArmClassifier
from sklearn_persona.baselines._effects.causal_tree import HonestCausalTree
from sklearn_persona.baselines._effects.virtual_twins import VirtualTwins
from sklearn_persona.baselines._imaging.protocol import (
    ProtocolResult,
    published_protocol,
)
from sklearn_persona.baselines._imaging.region_stability import region_stability
from sklearn_persona.baselines._imaging.residualizer import CovariateResidualizer
from sklearn_persona.baselines._imaging.structural_svc import StructuralMRISVC

__all__ = [
    "ArmClassifier",
    "CovariateResidualizer",
    "HonestCausalTree",
    "ProtocolResult",
    "StructuralMRISVC",
    "VirtualTwins",
    "published_protocol",
    "region_stability",
]
