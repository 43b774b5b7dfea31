"""Personas: validated treatment-effect subgroups in small randomised trials."""

__version__ = "0.1.dev0"
