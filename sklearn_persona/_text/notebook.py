"""The table of confirmed personas that a notebook shows below the diagram."""

import importlib.metadata
from html import escape

from sklearn_persona._text.evidence import brief_titles, persona_lines
from sklearn_persona._text.numbers import UNKNOWN
from sklearn_persona._text.safe import one_line
from sklearn_persona._text.words import kind_text

__all__ = ["documentation_link", "personas_html"]

# More would fill the screen; all are in `personas_` and in the report.
MOST_SHOWN = 5
LONGEST_RULE = 300
STYLE = "text-align:left;padding:.2em .8em .2em 0"


def documentation_link():
    """Address of the documentation as the installed package declares it, or ""."""
    try:
        given = importlib.metadata.metadata("sklearn-persona")
    except importlib.metadata.PackageNotFoundError:
        return ""
    for line in given.get_all("Project-URL") or ():
        label, _, address = line.partition(",")
        if label.strip().lower() == "documentation":
            # It becomes an attribute and a template.
            address = escape(address.strip()).replace("{", "%7B").replace("}", "%7D")
            return address if address.startswith("https://") else ""
    return ""


def personas_html(personas, validation):
    """Table of the confirmed personas as HTML in which names are only text.

    Parameters
    ----------
    personas : list of Persona
    validation : str or None
        That of the estimator.

    Returns
    -------
    html : str
    """
    confirmed = [persona for persona in personas if persona.confirmed]
    head = f"{len(confirmed)} of {len(personas)} personas confirmed"
    if validation is None:
        head = f"{len(personas)} personas found, none tested"
    rows = [_row(persona) for persona in confirmed[:MOST_SHOWN]]
    if len(confirmed) > MOST_SHOWN:
        rows.append(_cells([f"and {len(confirmed) - MOST_SHOWN} more"]))
    table = ""
    if rows:
        titles = ("persona", "direction", *brief_titles())
        table = f"<table><thead>{_cells(titles, 'th')}</thead><tbody>"
        table += "".join(rows) + "</tbody></table>"
    return f'<div class="sklearn-persona"><p>{escape(head)}</p>{table}</div>'


def _row(persona):
    rule = one_line(persona.rule)
    if len(rule) > LONGEST_RULE:
        rule = rule[:LONGEST_RULE] + " …"
    texts = {line.label: line.texts[-1] for line in persona_lines(persona)}
    brief = [texts.get(title, UNKNOWN) for title in brief_titles()]
    return _cells([rule, kind_text(persona), *brief])


def _cells(texts, tag="td"):
    cells = (
        f'<{tag} style="{STYLE}"><bdi>{escape(text)}</bdi></{tag}>' for text in texts
    )
    return f"<tr>{''.join(cells)}</tr>"
