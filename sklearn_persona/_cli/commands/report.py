"""``report``: the report of a saved analysis."""

from pathlib import Path

from sklearn_persona._cli.documents import load_document
from sklearn_persona._cli.errors import InputError, place
from sklearn_persona._cli.outputs import check_outputs, report_text, write_outputs
from sklearn_persona._cli.parser import Command
from sklearn_persona._cli.saved import report_of
from sklearn_persona._text.safe import shown

__all__ = ["COMMAND"]


def add_options(parser):
    """Declare the options of the command."""
    add = parser.add_argument
    add("saved", metavar="SAVED.json", help="written by discover --json")
    add(
        *("-o", "--output"),
        type=Path,
        metavar="FILE",
        required=True,
        help="report: .html, .md or .csv",
    )


def run(options):
    """Write the report."""
    saved, output = options["saved"], options["output"]
    check_outputs({"--output": output}, [saved])
    report = report_of(saved, load_document(saved))
    try:
        text = report_text(report, output)
    except Exception as error:
        # A file changed by hand may fail anywhere.
        raise InputError(
            f"{place(saved)}: its report is damaged ({type(error).__name__}: "
            f"{shown(error, 200)})."
        ) from None
    write_outputs({output: text})
    print(f"Written: {shown(output, 200)}")


COMMAND = Command("report", "write the report of a saved analysis", add_options, run)
