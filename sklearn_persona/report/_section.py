"""A section of the report: its values, its part of the page, and its Markdown."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

__all__ = ["Section", "escape", "table_lines"]

DEFAULT = "text.html.j2"
# Characters that begin markup within a line.
RUNNING = re.compile(r"([\\`*_\[\]<>|~&@$^#])")


@dataclass(frozen=True)
class Section:
    """A section of the report.

    Attributes
    ----------
    name : str
        Anchor on the page.
    title : str
    values : callable
        Takes the `ReportData` and returns a dict for the template and the Markdown,
        or None to leave the section out.
    link : str, optional
        Text in the navigation; the title by default.
    template : str
        File in ``templates`` that shows `part`, which has the values as attributes.
        The default shows ``paragraphs``, ``bullets`` and a table of ``head`` and
        ``rows``, each of them optional.
    markdown : callable, optional
        Takes the values and returns lines. By default those of the default template;
        none for a section with a template of its own.
    """

    name: str
    title: str
    values: Callable
    link: str | None = None
    template: str = DEFAULT
    markdown: Callable | None = None

    def part(self, data):
        """The values for the template; None when the section is left out.

        Parameters
        ----------
        data : ReportData

        Returns
        -------
        part : SimpleNamespace or None
        """
        values = self.values(data)
        if values is None:
            return None
        return SimpleNamespace(
            name=self.name,
            title=self.title,
            link=self.link or self.title,
            template=self.template,
            **values,
        )

    def lines(self, data):
        """Lines of Markdown.

        Parameters
        ----------
        data : ReportData

        Returns
        -------
        lines : list of str
        """
        if self.markdown is None and self.template != DEFAULT:
            return []
        values = self.values(data)
        if values is None:
            return []
        if self.markdown is not None:
            return self.markdown(values)
        lines = [f"## {self.title}", ""]
        for paragraph in values.get("paragraphs", ()):
            lines += [escape(paragraph), ""]
        if "bullets" in values:
            lines += [*(f"* {escape(text)}" for text in values["bullets"]), ""]
        if "rows" in values:
            lines += table_lines(values["head"], values["rows"])
        return lines


def escape(text):
    """Text without markup, HTML included."""
    text = RUNNING.sub(r"\\\1", str(text).replace("\n", " "))
    # A bare address would become a link.
    return re.sub(r"(?i)(https?|ftp|www|mailto)([:.])", r"\1&#8203;\2", text)


def table_lines(head, rows):
    """A table in Markdown.

    Parameters
    ----------
    head : sequence of str
    rows : sequence of sequence of str

    Returns
    -------
    lines : list of str
    """
    lines = [
        "| " + " | ".join(escape(cell) for cell in row) + " |" for row in (head, *rows)
    ]
    lines.insert(1, "|" + "---|" * len(head))
    return [*lines, ""]
