"""Parameters of the estimator, and versions."""

from sklearn_persona._text.safe import shown
from sklearn_persona.report._section import Section, escape

__all__ = ["SECTION"]


def _values(data):
    return {
        "settings": [(k, shown(v)) for k, v in sorted(data.settings.items())],
        "versions": data.versions,
    }


def _markdown(values):
    versions = ", ".join(f"{name} {v}" for name, v in values["versions"].items())
    return ["## Versions", "", escape(versions), ""]


SECTION = Section(
    "settings",
    "Settings and versions",
    _values,
    link="Settings",
    template="settings.html.j2",
    markdown=_markdown,
)
