"""Reports of what was found: one HTML page, a table, Markdown, JSON."""

from sklearn_persona.report._report import PersonaReport

__all__ = ["PersonaReport"]
