"""Reading of HTML pages as strictly as a reviewer would."""

import re
from html.parser import HTMLParser

VOID = {"br", "hr", "img", "input", "link", "meta"}
# SVG shapes that close themselves.
SHAPES = {"line", "path", "rect"}
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


class Page(HTMLParser):
    """Elements, texts and what is wrong with them."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.problems, self.open = [], []
        self.structure, self.headings, self.ids = [], [], []
        self.texts, self.attributes, self.svgs = [], [], []
        self.feed(html)
        self.close()
        if self.open:
            self.problems.append(f"not closed: {self.open}")
        self._check()

    def handle_starttag(self, tag, attrs):
        self.structure.append((tag, tuple(sorted(name for name, _ in attrs))))
        for name, value in attrs:
            self.attributes.append((tag, name, value or ""))
            if name == "id":
                self.ids.append(value)
        if tag in HEADINGS:
            self.headings.append(int(tag[1]))
        if tag == "svg":
            self.svgs.append({"attrs": dict(attrs), "title": None})
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()
            if tag not in SHAPES:
                self.problems.append(f"<{tag}/> is no empty element")

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.problems.append(f"</{tag}> closes {self.open[-1:]}")
        else:
            self.open.pop()

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else None, data))
        if self.open[-2:] == ["svg", "title"]:
            self.svgs[-1]["title"] = (self.svgs[-1]["title"] or "") + data

    def handle_comment(self, data):
        self.problems.append(f"a comment: {data[:40]}")

    def _check(self):
        tags = [tag for tag, _ in self.structure]
        for tag in ("script", "iframe", "object", "embed", "img", "form", "base"):
            if tag in tags:
                self.problems.append(f"<{tag}>")
        for tag, name, value in self.attributes:
            if name.startswith("on"):
                self.problems.append(f"<{tag} {name}>")
            link = name in ("href", "src", "action", "xlink:href", "srcset")
            if link and not value.startswith(("#", "data:,")):
                self.problems.append(f"<{tag} {name}={value!r}>")
            if name.startswith("xmlns") or re.search(r"url\s*\(|expression", value):
                self.problems.append(f"<{tag} {name}={value!r}>")
            if name == "href" and value.startswith("#") and value[1:] not in self.ids:
                self.problems.append(f"no place {value}")
            if name == "aria-labelledby" and value not in self.ids:
                self.problems.append(f"no label {value}")
        for parent, text in self.texts:
            if parent == "style" and re.search(r"url\s*\(|@import|https?:", text):
                self.problems.append("a style that loads")
        if len(set(self.ids)) < len(self.ids):
            self.problems.append("an id twice")
        if self.headings[:1] != [1] or self.headings.count(1) != 1:
            self.problems.append(f"headings {self.headings}")
        for one, next_ in zip(self.headings, self.headings[1:]):
            if next_ > one + 1:
                self.problems.append(f"heading {next_} below {one}")
        for svg in self.svgs:
            if svg["attrs"].get("role") != "img" or not (svg["title"] or "").strip():
                self.problems.append("a picture without a name")

    @property
    def text(self):
        """What is read, without styles."""
        return "\n".join(text for parent, text in self.texts if parent != "style")


def luminance(color):
    """Relative luminance (WCAG 2.2) of ``#rrggbb``."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
    ]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear))


def contrast(one, other):
    """Contrast ratio (WCAG 2.2) of two colors."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
