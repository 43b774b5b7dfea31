"""Comparators: what the literature uses beside personas.

Trees of treatment effects take `treatment` and `groups` as the discoverer does.
"""

from sklearn_persona.baselines._arm_classifier import ArmClassifier
from sklearn_persona.baselines._causal_tree import HonestCausalTree
from sklearn_persona.baselines._protocol import ProtocolResult, published_protocol
from sklearn_persona.baselines._residualizer import CovariateResidualizer
from sklearn_persona.baselines._stability import region_stability
from sklearn_persona.baselines._structural_svc import StructuralMRISVC
from sklearn_persona.baselines._virtual_twins import VirtualTwins

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
