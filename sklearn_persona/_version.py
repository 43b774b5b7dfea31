"""The version."""

__all__ = ["__version__"]

# The build reads it without importing this module, so it must be a literal.
__version__ = "0.1.dev0"
