"""The look of all figures, and how they get into a page."""

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's palette, told apart by color-blind readers too.
BLUE, ORANGE, GREEN, RED, SKY, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#56B4E9",
    "#7f7f7f",
)
PURPLE = "#CC79A7"

_STYLE: dict[str, Any] = {
    "font.size": 9,
    "font.family": "DejaVu Sans",
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.1,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "figure.dpi": 100,
    "savefig.dpi": 160,
    "axes.formatter.useoffset": False,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw with the style of the package, leaving the user's own alone."""
    with mpl.rc_context(_STYLE):  # pyright: ignore[reportArgumentType]
        yield


def figure(width: float, height: float) -> Figure:
    """Return an empty figure [inch] that no window system owns."""
    return Figure(figsize=(width, height), layout="constrained")


def png_base64(fig: Figure) -> str:
    """Return a figure as base64 text of a PNG."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=_STYLE["savefig.dpi"])
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def time_axis(axes: Axes) -> None:
    """Label a time axis briefly and without overlap."""
    locator = mdates.AutoDateLocator(minticks=4, maxticks=10)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))


def source_note(fig: Figure, dataset: xr.Dataset) -> None:
    """Name station and source below a figure."""
    source = dataset.attrs.get("source", "")
    text = f"{dataset.attrs.get('station', '')}. Data: {source}" if source else ""
    if len(text) > 150:
        text = text[:147] + "..."
    fig.supxlabel(text, fontsize=6.5, color="#666666", x=0.01, ha="left")


def thin(dataset: xr.Dataset, dimension: str, limit: int = 12000) -> xr.Dataset:
    """Return every n-th step of a long series, so that a line stays a line."""
    step = max(1, int(np.ceil(dataset.sizes[dimension] / limit)))
    return dataset.isel({dimension: slice(None, None, step)})
