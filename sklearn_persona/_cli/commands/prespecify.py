"""``prespecify``: a plan for the next trial from saved personas."""

from pathlib import Path

from sklearn_persona._cli.documents import file_sha256, json_text, make_plan
from sklearn_persona._cli.outputs import check_outputs, write_outputs
from sklearn_persona._cli.parser import Command
from sklearn_persona._cli.saved import load_personas
from sklearn_persona._text.numbers import plural
from sklearn_persona._text.safe import shown

__all__ = ["COMMAND"]


def add_options(parser):
    """Declare the options of the command."""
    add = parser.add_argument
    add("saved", metavar="PERSONAS.json")
    add("-o", "--output", type=Path, metavar="FILE", required=True, help="the plan")
    add("--all", action="store_true", help="include unconfirmed personas")
    add("--seed", type=int, default=0, help="default 0")


def run(options):
    """Write the plan, and print its hash."""
    saved, output = options["saved"], options["output"]
    check_outputs({"-o": output}, [saved])
    loaded = load_personas(saved, everything=options["all"])
    source = {"file": str(saved), "sha256": file_sha256(saved)}
    plan = make_plan(loaded.personas, loaded.analysis, options["seed"], source)
    write_outputs({output: json_text(plan)})
    print(f"{plural(len(loaded.personas), 'persona')}, SHA-256 {plan['sha256']}")
    print(f"Written: {shown(output, 200)}")


COMMAND = Command(
    "prespecify", "write personas as a plan for the next trial", add_options, run
)
