"""Responder classifiers on brain imaging, and the published protocol."""
