"""Sphinx configuration of the documentation.

From the root of the repository:

    python -m sphinx -W --keep-going -b html docs docs/_build/html
"""

import re
import sys
import warnings
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PACKAGE = DOCS.parent / "sklearn_persona"
if not [*PACKAGE.glob("_search/_kernel*.so"), *PACKAGE.glob("_search/_kernel*.pyd")]:
    # Not compiled in place: use the installed package, not the source folder.
    sys.path[:] = [path for path in sys.path if Path(path).resolve() != PACKAGE.parent]
sys.path.insert(0, str(DOCS / "_extensions"))

import sklearn_persona  # noqa: E402

project = "sklearn-persona"
author = "The sklearn-persona developers"
copyright = author
version = release = sklearn_persona.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "sphinx_design",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]

# Named roles must find their target if it is part of this package. Names in single
# backticks become links where possible.
nitpicky = True
default_role = "py:obj"
nitpick_ignore_regex = [("py:obj", ".*"), ("py:.*", r"(sklearn|numpy|pandas)\..*")]

# -- Pages -----------------------------------------------------------------------------
myst_enable_extensions = ["attrs_block", "colon_fence", "deflist"]
myst_heading_anchors = 3

# -- API -------------------------------------------------------------------------------
autosummary_generate = True
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

# -- Gallery ---------------------------------------------------------------------------
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    # Run every script.
    "filename_pattern": r"\.py$",
    "within_subsection_order": "gallery_setup.ReadingOrder",
    "doc_module": ("sklearn_persona",),
    "backreferences_dir": "api/examples",
    "reference_url": {"sklearn_persona": None},
    "abort_on_example_error": False,
    "only_warn_on_example_error": False,
    "remove_config_comments": True,
    "show_memory": False,
    "download_all_examples": False,
    "plot_gallery": "True",
    # Show tables, but no other last values.
    "capture_repr": ("_repr_html_",),
    "image_scrapers": ("matplotlib", "gallery_setup"),
    "image_srcset": ["2x"],
    "matplotlib_animations": False,
    "reset_modules": ("matplotlib", "gallery_setup.reset"),
}

# -- HTML ------------------------------------------------------------------------------
html_theme = "pydata_sphinx_theme"
html_title = "sklearn-persona"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {name: [] for name in ("index", "get_started", "glossary", "whats_new")}


def link_pages(app, docname, source):
    """Turn links that work on a code host into links to pages of the site."""
    text = re.sub(r"\]\(\.\./examples/(\w+)\.py\)", r"](gallery/\1.rst)", source[0])
    text = text.replace("](../CONTRIBUTING.md", "](contributing.md")
    source[0] = text.replace("](../benchmarks/README.md)", "](benchmarks.md)")


def skip_foreign(app, what, name, thing, skip, options):
    """Leave out members inherited from other packages."""
    if name.startswith("set_") and name.endswith("_request"):
        return True
    thing = getattr(thing, "fget", None) or getattr(thing, "__func__", thing)
    module = getattr(thing, "__module__", None)
    if callable(thing) and module and not module.startswith("sklearn_persona"):
        return True
    return None


def setup(app):
    """Connect these functions."""
    warnings.filterwarnings("ignore", category=ResourceWarning)
    app.connect("source-read", link_pages)
    app.connect("autodoc-skip-member", skip_foreign)
