"""A self-contained HTML page: sections with figures and tables, readable offline."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import jinja2
from matplotlib.figure import Figure

from rootzone.report.style import png_base64


@dataclass
class Table:
    """A table: header, rows of text, caption."""

    header: list[str]
    rows: list[list[str]]
    caption: str = ""


@dataclass
class Section:
    """A section of a page: text, tables, figures with captions."""

    title: str
    text: str = ""
    tables: list[Table] = field(default_factory=list)
    figures: list[tuple[Figure, str]] = field(default_factory=list)


def made_of(summary: Mapping[str, Any]) -> str:
    """Return the sentence that tells when, with what and from which seed a run was made."""
    versions = ", ".join(f"{name} {version}" for name, version in summary["versions"].items())
    how = f"seed {summary['seed']}, {summary['precision']}"
    return f"Made {summary['created']} with {versions}; {how}."


def render(
    *,
    title: str,
    lead: str,
    facts: list[tuple[str, str]],
    warnings: list[str],
    sections: list[Section],
    footer: list[str],
) -> str:
    """Return the page as HTML with all figures inside.

    Everything that comes from a study or a data file is escaped.
    """
    text = (files("rootzone.report") / "page.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    shown = [
        {
            "title": s.title,
            "text": s.text,
            "tables": s.tables,
            "figures": [(png_base64(fig), caption) for fig, caption in s.figures],
        }
        for s in sections
    ]
    return environment.from_string(text).render(
        title=title, lead=lead, facts=facts, warnings=warnings, sections=shown, footer=footer
    )
