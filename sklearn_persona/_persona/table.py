"""Personas as a table: one row each."""

from dataclasses import fields

import pandas as pd

from sklearn_persona._estimates.evidence import Evidence
from sklearn_persona._persona.persona import Persona

__all__ = ["persona_table"]


def persona_table(personas):
    """One row a persona; evidence columns carry the half as a prefix."""
    rows = [_row(persona) for persona in personas]
    index = pd.Index([f"persona{i}" for i in range(len(rows))], name="persona")
    if not rows:
        return pd.DataFrame(columns=list(_row(Persona((), "favorable"))), index=index)
    return pd.DataFrame(rows, index=index)


def _row(persona):
    row = {
        "rule": persona.rule,
        "direction": persona.direction,
        "reversal": persona.reversal,
        "modalities": ", ".join(persona.modalities),
        "replicated": persona.replicated,
        "confirmed": persona.confirmed,
        "claim": persona.claim,
        "objective": persona.objective,
        "p_adjusted": persona.p_adjusted,
        "p_adjusted_interaction": persona.p_adjusted_interaction,
        "p_conditional": persona.p_conditional,
        "effect_corrected": persona.effect_corrected,
        "ci_corrected": persona.ci_corrected,
    }
    for half in ("train", "holdout"):
        record = getattr(persona, half)
        row |= {
            f"{half}_{field.name}": getattr(record, field.name) if record else None
            for field in fields(Evidence)
        }
    return row
