"""What a notebook shows of a fitted discoverer."""

import importlib.metadata
from dataclasses import replace
from email.message import Message
from html.parser import HTMLParser

import pytest
import sklearn
from _fits import HOSTILE, fitted
from sklearn.pipeline import make_pipeline

from sklearn_persona import PersonaDiscoverer
from sklearn_persona._text.notebook import MOST_SHOWN, documentation_link, personas_html


class Elements(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, [name for name, _ in attrs]))

    def handle_data(self, data):
        self.text += data


def test_confirmed_personas_are_shown():
    finder, _ = fitted("parallel")
    html = finder._repr_html_()
    assert (
        "sk-" in html and "sklearn-persona" in finder._repr_mimebundle_()["text/html"]
    )
    text = Elements(html).text
    assert "1 of 4 personas confirmed" in text
    for persona in finder.personas_:
        shown = f"{persona.rule}{persona.direction}"
        assert (shown in text) == persona.confirmed


def test_nothing_confirmed():
    assert "0 of 4 personas confirmed" in fitted("nothing")[0]._repr_html_()
    assert "4 personas found, none tested" in fitted("not-validated")[0]._repr_html_()
    assert "sklearn-persona" not in PersonaDiscoverer()._repr_html_()


def test_text_display_has_no_html():
    with sklearn.config_context(display="text"):
        finder, _ = fitted("parallel")
        assert not hasattr(finder, "_repr_html_")
        assert "text/html" not in finder._repr_mimebundle_()


@pytest.mark.parametrize("kind", ["parallel", "crossover"])
def test_hostile_names_are_inert(kind):
    finder, _ = fitted(kind, hostile=True)
    assert finder.n_confirmed_
    plain, _ = fitted(kind)
    for wrap in (lambda one: one, make_pipeline):
        html = wrap(finder)._repr_html_()
        for name in (HOSTILE[0], HOSTILE[2], HOSTILE[11], "<b>placebo"):
            assert name not in html
        assert Elements(html).tags == Elements(wrap(plain)._repr_html_()).tags


def test_table_with_any_name():
    finder, _ = fitted("parallel")
    chosen = finder.personas_[0]

    def named(name):
        return replace(chosen, conditions=(replace(chosen.conditions[0], name=name),))

    plain = Elements(personas_html([named("v")] * len(HOSTILE), "holdout"))
    hostile = Elements(personas_html([named(n) for n in HOSTILE], "holdout"))
    assert plain.tags == hostile.tags
    assert f"and {len(HOSTILE) - MOST_SHOWN} more" in hostile.text
    assert not set("\u202e\0\n") & set(personas_html([named(n) for n in HOSTILE], None))


def test_documentation_link(monkeypatch):
    def declare(*urls):
        message = Message()
        for url in urls:
            message["Project-URL"] = url
        monkeypatch.setattr(importlib.metadata, "metadata", lambda name: message)

    declare("Source, https://example.org/source")
    assert documentation_link() == ""
    declare("Source, https://example.org/a", "Documentation, https://example.org/docs/")
    assert documentation_link() == "https://example.org/docs/"
    finder, _ = fitted("parallel")
    assert finder._get_doc_link() == "https://example.org/docs/"
    assert 'href="https://example.org/docs/' in finder._repr_html_()
    declare('Documentation, https://example.org/{x}"><script>')
    assert not set('"{}<>') & set(documentation_link())
    assert finder._get_doc_link().startswith("https://example.org/%7Bx%7D")
    declare("Documentation, javascript:alert(1)")
    assert documentation_link() == ""

    def missing(name):
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "metadata", missing)
    assert documentation_link() == ""
