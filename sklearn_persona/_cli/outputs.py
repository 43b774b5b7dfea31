"""Files that are written: checked before the work, whole after it."""

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
    """Refuse outputs that could not be written, before anything long is done.

    Parameters
    ----------
    outputs : dict
        Option to path; None where it was not given.
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
                f"{place(path)}: {option} is {taken[_resolved(path)]} too. Choose "
                "another name."
            )
        taken[_resolved(path)] = f"what {option} names"
        try:
            if path.is_dir() or (path.exists() and not path.is_file()):
                raise InputError(f"{place(path)}: {option} names no file.")
            # Whether the folder can be written shows best by writing there.
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
        # A link that leads to itself is a RuntimeError.
        raise InputError(f"{place(path)}: is no name of a file.") from None


def _check_report(path):
    kind = REPORTS.get(path.suffix.lower())
    if kind is None:
        raise InputError(
            f"{place(path)}: cannot tell the format of the report. Expected a name "
            f"that ends with {', '.join(REPORTS)}."
        )
    if kind == "html" and importlib.util.find_spec("jinja2") is None:
        raise InputError(
            f"{place(path)}: an HTML report needs the package jinja2. Install it (pip "
            "install 'sklearn-persona[report]'), or write a report.md."
        )


def report_text(report, path):
    """A report in the format that a file's name asks for.

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
    """Write files, each whole or not at all.

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
    """Print a line; a reader that has left is no reason to lose the files.

    Parameters
    ----------
    out : text stream
    text : str
    """
    try:
        print(text, file=out, flush=True)
    except BrokenPipeError:
        # What is still in the buffer goes there, too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
