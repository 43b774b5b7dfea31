"""The version."""

__all__ = ["__version__"]

# Read by the build without an import, so it must stay a plain string.
__version__ = "0.1.dev0"
