"""Soil water in the report of the study `transect`: of the sections, and at other sites."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from rootzone.report.style import figure, time_axis
from rootzone.report.transect_style import (
    DEFAULT_COLOR,
    DEFAULT_DASHES,
    RAIN_COLOR,
    RUNS,
    TRUE_COLOR,
    Scores,
    both,
    change,
    day_edges,
    limits,
    mostly_inside,
    rain_from_above,
    room_above,
    section_colors,
    section_mean,
    section_names,
    shortened,
    tell_default,
)

# --- soil water of the sections ---------------------------------------------------------------


def soil_water(
    line: xr.Dataset, scores: Scores, sections: Sequence[str], name: str, of: str
) -> Figure:
    """Draw mean soil water of some sections: default, calibrated with band, reference.

    Parameters
    ----------
    line : Dataset
        Series along the line.
    scores : mapping
        Scores of the summary.
    sections : sequence of str
        Which sections, a panel each.
    name : str
        ``root_zone`` with the truth of a twin, or ``water`` with observations.
    of : str
        What the scores are called that stand in the titles.
    """
    reference = f"{name}_true" if f"{name}_true" in line else f"{name}_observed"
    columns = min(2, len(sections))
    rows = -(-len(sections) // columns)
    fig = figure(9.0, 1.8 * rows + 0.7)
    grid = fig.subplots(rows, columns, squeeze=False)
    colors = section_colors(section_names(line))
    time = line["time"].to_numpy()
    for axes in grid.ravel()[len(sections) :]:
        axes.set_visible(False)
    for axes, section in zip(grid.ravel(), sections, strict=False):
        color = colors[section]
        true = section_mean(line, reference, section)
        default, calibrated = (section_mean(line, f"{name}_{run}", section) for run in RUNS)
        band: list[np.ndarray] = []
        if f"{name}_lower" in line:
            low, high = (section_mean(line, f"{name}_{s}", section) for s in ("lower", "upper"))
            axes.fill_between(time, low, high, color=color, alpha=0.28, lw=0, zorder=2)
            band = [low, high]
        axes.plot(time, true, ".", ms=1.8, color=TRUE_COLOR, zorder=2.4)
        axes.plot(time, default, color=DEFAULT_COLOR, lw=0.9, ls=DEFAULT_DASHES, zorder=2.6)
        axes.plot(time, calibrated, color=color, lw=1.2, zorder=3)
        axes.set_ylim(*limits([true, default, calibrated, *band]))
        axes.set_xlim(time[0], day_edges(time)[-1])
        axes.yaxis.set_major_locator(MaxNLocator(4))
        time_axis(axes)
        axes.set_title(shortened(section, 30), loc="left", color=color, fontweight="bold")
        rmse = both(scores, of, section, "rmse")
        if np.isfinite(rmse).all():
            axes.set_title(f"RMSE {change(rmse, '{:.3f}')}", loc="right", fontsize=8.5)
    fig.supylabel("soil water [m³ m⁻³]", fontsize=9)
    handles = [
        Line2D([], [], color=TRUE_COLOR, marker=".", ls="", ms=4),
        Line2D([], [], color=DEFAULT_COLOR, lw=1.0, ls=DEFAULT_DASHES),
        tuple(Line2D([], [], color=colors[s], lw=1.6) for s in list(sections)[:4]),
    ]
    words = "truth" if reference.endswith("true") else "observed"
    fig.legend(
        *(handles, [words, "default", "calibrated"]),
        loc="outside upper center",
        ncols=3,
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0.1)},
    )
    return fig


# --- other sites ------------------------------------------------------------------------------


def transfer(
    data: xr.Dataset, scores: Scores, sites: Sequence[int], colors: Mapping[str, str]
) -> Figure:
    """Draw soil water at other sites: default, calibrated with band, reference, precipitation.

    Parameters
    ----------
    data : Dataset
        Series of the sites.
    scores : mapping
        Scores of the summary.
    sites : sequence of int
        Numbers of the sites to draw, a row each: the wide panel is the mean of the root zone, or
        what was observed.
    colors : mapping
        Colors of the sections.
    """
    rows = [(data.isel(site=n), _depths(data.isel(site=n))) for n in sites]
    columns = max(len(depths) for _, depths in rows)
    fig = figure(9.0, 1.7 * len(rows) + 0.9)
    widths = [2.3, *[1.0] * (columns - 1)]
    grid = fig.subplots(len(rows), columns, width_ratios=widths, squeeze=False)
    for row, (site, depths) in zip(grid, rows, strict=True):
        for axes in row[len(depths) :]:
            axes.set_visible(False)
        color = colors[str(site["section"].item())]
        ends = _site_limits(site, depths)
        for axes, depth in zip(row, depths, strict=False):
            wide = axes is row[0]
            _site_panel(axes, site, depth, color, ends, wide=wide)
            axes.tick_params(labelleft=wide)
            axes.set_title(str(site["depth"].to_numpy()[depth]), loc="right", fontsize=8)
            if wide:
                _site_title(axes, site, depth, scores, color)
    fig.supylabel("soil water [m³ m⁻³]", fontsize=9)
    _sites_legend(fig, data, {str(site["section"].item()): None for site, _ in rows}, colors)
    return fig


def main_depth(site: xr.Dataset) -> int:
    """Return the depth that a site is judged by: the last one with a reference, or the mean."""
    return _depths(site)[0]


def _depths(site: xr.Dataset) -> list[int]:
    """Return the depths with series, the one that the site is judged by first."""
    there = np.isfinite(site["default"].to_numpy()).any(axis=0)
    depths = [int(k) for k in np.flatnonzero(there)]
    known = np.atleast_1d(np.isfinite(site["reference"].to_numpy()).any(axis=0))
    judged = [k for k in depths if known[k]]
    means = [k for k in depths if str(site["depth"].to_numpy()[k]).startswith("mean")]
    first = (judged or means or depths)[-1]
    return [first, *(k for k in depths if k != first)]


def _site_limits(site: xr.Dataset, depths: Sequence[int]) -> tuple[float, float]:
    names = ("calibrated", "lower", "upper", "reference", "default")
    parts = {k: site[k].to_numpy()[:, depths] for k in names}
    core = [parts[k] for k in ("calibrated", "lower", "upper", "reference")]
    return limits(core, [parts["default"]])


def _site_panel(
    axes: Axes, site: xr.Dataset, depth: int, color: str, ends: tuple[float, float], *, wide: bool
) -> None:
    known = np.flatnonzero(np.isfinite(site["default"].to_numpy()[:, depth]))
    shown = site.isel(time=slice(known[0], known[-1] + 1))
    time = shown["time"].to_numpy()
    series = {k: shown[k].to_numpy()[:, depth] for k in ("default", "calibrated", "reference")}
    low, high = (shown[k].to_numpy()[:, depth] for k in ("lower", "upper"))
    axes.fill_between(time, low, high, color=color, alpha=0.28, lw=0, zorder=2)
    axes.plot(time, series["reference"], ".", ms=1.8, color=TRUE_COLOR, zorder=2.4)
    default = series["default"]
    if mostly_inside(default, *ends):
        axes.plot(time, default, color=DEFAULT_COLOR, lw=0.9, ls=DEFAULT_DASHES, zorder=2.6)
    elif wide:
        tell_default(axes, default, series["calibrated"], "{:.2f} m³ m⁻³")
    axes.plot(time, series["calibrated"], color=color, lw=1.2, zorder=3)
    room_above(axes, *ends)
    rain = rain_from_above(axes, time, shown["precipitation"].to_numpy())
    rain.tick_params(labelright=False, right=False)
    axes.set_xlim(time[0], day_edges(time)[-1])
    axes.yaxis.set_major_locator(MaxNLocator(4))
    time_axis(axes)
    if not wide:
        few = AutoDateLocator(minticks=2, maxticks=5)
        axes.xaxis.set_major_locator(few)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(few))
    axes.tick_params(axis="x", labelsize=7)


def _site_title(axes: Axes, site: xr.Dataset, depth: int, scores: Scores, color: str) -> None:
    name, of = str(site["site"].item()), str(site["depth"].to_numpy()[depth])
    axes.set_title(shortened(name, 30), loc="left", color=color, fontweight="bold")
    nse = both(scores, name, of, "nse")
    if np.isfinite(nse[1]):
        axes.text(
            *(0.985, 0.035, f"NSE {change(nse)}"),
            transform=axes.transAxes,
            ha="right",
            fontsize=8,
            bbox={"boxstyle": "round,pad=0.15", "fc": "w", "ec": "none", "alpha": 0.8},
            zorder=5,
        )


def _sites_legend(
    fig: Figure, data: xr.Dataset, shown: Mapping[str, None], colors: Mapping[str, str]
) -> None:
    handles: list[Any] = [
        Line2D([], [], color=DEFAULT_COLOR, lw=1.0, ls=DEFAULT_DASHES),
        *(Line2D([], [], color=colors[s], lw=1.6) for s in list(shown)[:3]),
        Patch(color=RAIN_COLOR),
    ]
    labels = ["default", *(f"sets of {shortened(s, 22)}" for s in list(shown)[:3])]
    labels.append("precipitation")
    if np.isfinite(data["reference"].to_numpy()).any():
        handles.insert(0, Line2D([], [], color=TRUE_COLOR, marker=".", ls="", ms=4))
        labels.insert(0, "reference")
    fig.legend(handles, labels, loc="outside upper center", ncols=len(labels), columnspacing=1.4)
