"""Personas: what they hold, how they are built and written."""
