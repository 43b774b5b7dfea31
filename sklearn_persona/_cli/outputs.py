"""Output files: checked before the work, written atomically after it."""

import importlib.util
import os
import tempfile
from pathlib import Path

from sklearn_persona._cli.errors import InputError, place
from sklearn_persona._text.safe import write_atomically

__all__ = [
    "check_outputs",
    "report_text",
    "say",
    "write_outputs",
]

REPORTS = {".html": "html", ".htm": "html", ".md": "markdown", ".csv": "csv"}


def check_outputs(outputs, inputs=()):
    """Refuse unwritable outputs before the long work starts.

    Parameters
    ----------
    outputs : dict
        Option to path, or None.
    inputs : sequence of path-like
        Files that must not be overwritten.

    Raises
    ------
    InputError
    """
    taken = {_resolved(path): "the input" for path in inputs}
    for option, path in outputs.items():
        if path is None or str(path) == "-":
            continue
        path = Path(path)
        if option == "--output":
            _check_report(path)
        if _resolved(path) in taken:
            raise InputError(
                f"{place(path)}: {option} names the same file as "
                f"{taken[_resolved(path)]}. Choose another name."
            )
        taken[_resolved(path)] = option
        try:
            if path.is_dir() or (path.exists() and not path.is_file()):
                raise InputError(f"{place(path)}: {option} must name a file.")
            # The surest test of a writable folder is to write there.
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        except OSError as error:
            raise InputError(
                f"{place(path)}: cannot be written ({error.strerror})."
            ) from None


def _resolved(path):
    try:
        return Path(path).resolve()
    except (OSError, ValueError, RuntimeError):
        # A link to itself raises RuntimeError.
        raise InputError(f"{place(path)}: is not a valid file name.") from None


def _check_report(path):
    kind = REPORTS.get(path.suffix.lower())
    if kind is None:
        raise InputError(
            f"{place(path)}: the format of the report is unknown. Expected a name that "
            f"ends with {', '.join(REPORTS)}."
        )
    if kind == "html" and importlib.util.find_spec("jinja2") is None:
        raise InputError(
            f"{place(path)}: an HTML report needs the package jinja2. Install it (pip "
            "install 'sklearn-persona[report]'), or write a .md file."
        )


def report_text(report, path):
    """A report in the format that matches a file name.

    Parameters
    ----------
    report : PersonaReport
    path : path-like

    Returns
    -------
    text : str
    """
    kind = REPORTS[Path(path).suffix.lower()]
    return {
        "html": report.to_html,
        "markdown": report.to_markdown,
        "csv": report.to_csv,
    }[kind]()


def write_outputs(texts):
    """Write files, each atomically.

    Parameters
    ----------
    texts : dict
        Path to text.

    Raises
    ------
    InputError
    """
    for path, text in texts.items():
        try:
            write_atomically(path, text)
        except OSError as error:
            raise InputError(
                f"{place(path)}: cannot be written ({error.strerror})."
            ) from None


def say(out, text=""):
    """Print a line, and carry on if the reader is gone.

    Parameters
    ----------
    out : text stream
    text : str
    """
    try:
        print(text, file=out, flush=True)
    except BrokenPipeError:
        # The rest of the buffer goes there, too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
