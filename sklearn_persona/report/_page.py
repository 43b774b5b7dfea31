"""The report as one HTML page, and as Markdown: its sections in order."""

import functools

from sklearn_persona._text.safe import shown
from sklearn_persona.report._section import escape
from sklearn_persona.report._sections import SECTIONS
from sklearn_persona.report._sections.summary import headline

__all__ = ["markdown", "page"]


def page(data):
    """Fill the templates.

    Parameters
    ----------
    data : ReportData

    Returns
    -------
    html : str

    Raises
    ------
    ImportError
        Without jinja2.
    """
    try:
        import jinja2
    except ImportError as error:
        raise ImportError(
            "The HTML report needs jinja2, which is not installed. Install the extra: "
            "pip install 'sklearn-persona[report]'."
        ) from error
    parts = [section.part(data) for section in SECTIONS]
    return (
        _environment(jinja2)
        .get_template("report.html.j2")
        .render(
            title=_title(data),
            headline=headline(data),
            parts=[part for part in parts if part is not None],
        )
    )


@functools.cache
def _environment(jinja2):
    """Compiled templates."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("sklearn_persona.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def markdown(data):
    """The sections that have a Markdown form.

    Parameters
    ----------
    data : ReportData

    Returns
    -------
    text : str
    """
    lines = [f"# {escape(_title(data))}", "", f"**{escape(headline(data))}**", ""]
    for section in SECTIONS:
        lines += section.lines(data)
    return "\n".join(lines)


def _title(data):
    return shown(data.title or "Personas")
