"""Sphinx settings; pictures are drawn anew by every build, so none can go stale."""

from __future__ import annotations

import sys
from pathlib import Path

import quiver

DOCS = Path(__file__).parent

project = "quiver"
author = "The quiver developers"
release = version = quiver.__version__
copyright = author

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
# Tables that tools print are parts of pages.
exclude_patterns = ["_build", "measured_*.md", "algorithm/measured*.md"]
numpydoc_show_class_members = False
autodoc_mock_imports = [  # Of extras that pages do without.
    *("sklearn", "joblib", "langchain_core"),
    *("haystack", "llama_index", "fsspec"),
    *("fastapi", "starlette", "uvicorn"),
]
autodoc_typehints = "none"  # numpydoc's own type lines say shape and unit.

html_theme = "pydata_sphinx_theme"
html_title = f"quiver {release}"
html_show_sourcelink = False
html_theme_options = {
    "secondary_sidebar_items": ["page-toc"],
    "navigation_depth": 2,
    # The front page lists every page; the bar has room for those read first.
    "header_links_before_dropdown": 6,
}

FIGURES = DOCS / "_build" / "figures"
sys.path.insert(0, str(DOCS.parent / "tools"))


def setup(app):
    """Draw the pictures before the pages that show them are read; run the course."""
    app.connect("builder-inited", lambda _: draw_figures())
    app.connect("source-read", show_results)


def draw_figures():
    """Write every picture of the chapters into the build folder."""
    from make_figures import make_figures

    make_figures(FIGURES)


def show_results(_, name, source):
    """Put what the cells of a notebook show behind each of them."""
    from course import NOTEBOOKS, as_page, read, run

    if name in {f"course/{page.stem}" for page in NOTEBOOKS}:
        source[0] = as_page(run(read(source[0])))
