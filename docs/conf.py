"""Sphinx configuration; `python docs/generate.py` writes docs/generated first."""

import inspect
import os
import typing

os.environ.setdefault("JAX_PLATFORMS", "cpu")

from pydantic import BaseModel

import rootzone

project = "rootzone"
author = "The rootzone developers"
project_copyright = author
version = release = rootzone.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.napoleon"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 4
exclude_patterns = ["_build", "tables", "**/*.inc.md"]  # tables: parts of the validation page

html_theme = "furo"
html_title = f"rootzone {release}"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_theme_options = {"navigation_with_keys": True}

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # shapes and units stand in the docstrings, types do not add to them
napoleon_numpy_docstring = True
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
suppress_warnings = ["ref.python"]  # the same word names things of several modules, as it should


def _skip(app, what, name, obj, skip, options):
    """Leave out what Python or pydantic wrote: named tuple fields, model machinery."""
    doc = inspect.getdoc(obj) or ""
    if doc.startswith("Alias for field number") or name == "model_config":
        return True
    return None


def _short_signature(app, what, name, obj, options, signature, returns):
    """Show a study model without its long signature; its keys have a page of their own."""
    if inspect.isclass(obj) and issubclass(obj, BaseModel):
        return "", ""
    if inspect.isclass(obj) and typing.is_typeddict(obj):
        return "", ""
    return None


def setup(app):
    app.connect("autodoc-skip-member", _skip)
    app.connect("autodoc-process-signature", _short_signature)
