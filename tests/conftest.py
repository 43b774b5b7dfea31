"""Tells at the end of a run how many cases were compared with an oracle."""

from _counted import CASES


def pytest_terminal_summary(terminalreporter):
    for what, n in sorted(CASES.items()):
        terminalreporter.write_line(f"{n:,} {what}")
