"""The commands, one module each, in the order of the help."""

from sklearn_persona._cli.commands import demo, discover, evaluate, prespecify, report

__all__ = ["COMMANDS"]

COMMANDS = (
    discover.COMMAND,
    report.COMMAND,
    evaluate.COMMAND,
    prespecify.COMMAND,
    demo.COMMAND,
)
