"""Command line: ``sklearn-persona``, also ``python -m sklearn_persona``."""

import sys

from sklearn_persona._cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
