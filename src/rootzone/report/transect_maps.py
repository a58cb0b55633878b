"""The line on the map, and places against days, of the study `transect`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection, QuadMesh
from matplotlib.colors import LightSource, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import MaxNLocator
from scipy.ndimage import distance_transform_edt

from rootzone.report.catchment_maps import _coordinates, _height_to_width, _scale_bar
from rootzone.report.style import figure, time_axis
from rootzone.report.transect_style import (
    DEFAULT_COLOR,
    GAP_COLOR,
    OBSERVED_COLOR,
    RAIN_COLOR,
    Scores,
    columns_for,
    day_edges,
    limits,
    number,
    rain_from_above,
    room_above,
    score,
    section_colors,
    section_mean,
    section_names,
    shortened,
    stretches,
)

OBSERVED_MASS = "observed gravimetric water"
_COVERS = {1: ("forest", "#b7d3ab"), 2: ("impervious", "#c9c4cc"), 3: ("pervious", "#f1e6bd")}
_CONTOUR = "#6b5b4b"
_HALO = [Stroke(linewidth=2.0, foreground="w"), Normal()]


# --- the line ---------------------------------------------------------------------------------


def line_map(data: xr.Dataset, line: xr.Dataset) -> Figure:
    """Draw the places on terrain and land cover, and their mean counts along the line.

    Without a line, places of a single row of cells have coordinates without meaning, and only
    their counts are drawn.

    Parameters
    ----------
    data : Dataset
        Elevation, land cover, line, places and their mean counts.
    line : Dataset
        Series of the places, for how far along the line they are.
    """
    colors = section_colors(section_names(data))
    if "line_x" not in data and data.sizes["y"] == 1:
        fig = figure(9.0, 3.2)
        _profile(fig.subplots(), data, line, colors)
    else:
        ground = _ground(data)
        high = float(np.clip(8.0 * _height_to_width(ground), 1.5, 7.0))
        fig = figure(9.0, high + 3.0)
        top, bottom = fig.subplots(2, 1, height_ratios=[high, 1.7])
        _terrain(top, data)
        _places(top, data, colors)
        _coordinates(top, ground, inner=False)
        _scale_bar(top, ground)
        _profile(bottom, data, line, colors)
        _map_legend(fig, data)
    handles = [Patch(fc=c, ec="k", lw=0.5) for c in colors.values()]
    labels = [shortened(name, 26) for name in colors]
    fig.legend(
        *(handles, labels),
        loc="outside upper center",
        ncols=columns_for(labels),
        title="sections",
        title_fontsize=8,
    )
    return fig


def _ground(data: xr.Dataset) -> xr.Dataset:
    """Return the grid of the map as maps of a catchment have it."""
    x = data["x"].to_numpy()
    size = float(abs(x[1] - x[0])) if len(x) > 1 else float(data.attrs["cell_size"])
    found = data[["elevation"]].assign_attrs(cell_size=size)
    degrees = data["x"].attrs.get("units") == "degrees"
    return found.rename(x="lon", y="lat") if degrees else found


def _extent(data: xr.Dataset) -> tuple[float, float, float, float]:
    x, y = data["x"].to_numpy(), data["y"].to_numpy()
    dx = abs(x[1] - x[0]) if len(x) > 1 else float(data.attrs["cell_size"])
    dy = abs(y[1] - y[0]) if len(y) > 1 else dx
    return x[0] - dx / 2, x[-1] + dx / 2, y[-1] - dy / 2, y[0] + dy / 2


def _terrain(axes: Axes, data: xr.Dataset) -> None:
    """Draw land cover under the light of the terrain, and contours of elevation."""
    elevation = data["elevation"].to_numpy().astype(float)
    cover = np.nan_to_num(data["land_cover"].to_numpy().astype(float), nan=-9999.0)
    inside = np.isfinite(elevation)
    shade = np.ones(elevation.shape)
    if inside.any() and min(elevation.shape) > 1:
        nearest = distance_transform_edt(~inside, return_distances=False, return_indices=True)
        filled = elevation[tuple(np.asarray(nearest))]  # no light on an edge that is none
        left, right, bottom, top = _extent(data)
        step = (right - left) / elevation.shape[1]
        if data["x"].attrs.get("units") == "degrees":
            step *= 111320.0 * np.cos(np.radians(0.5 * (bottom + top)))
        shade = LightSource(azdeg=315, altdeg=45).hillshade(filled, vert_exag=2.0, dx=step, dy=step)
    image = np.ones((*elevation.shape, 4))
    for code, (_, color) in _COVERS.items():
        image[cover == code, :3] = to_rgb(color)
    image[..., :3] *= (0.72 + 0.42 * shade[..., None]).clip(0.0, 1.12)
    image[..., 3] = inside
    extent = _extent(data)
    degrees = data["x"].attrs.get("units") == "degrees"
    aspect = 1.0 / np.cos(np.radians(0.5 * (extent[2] + extent[3]))) if degrees else "equal"
    axes.imshow(
        image.clip(0.0, 1.0), extent=extent, interpolation="nearest", aspect=aspect, zorder=1
    )
    if inside.any() and min(elevation.shape) > 1 and np.ptp(elevation[inside]) > 0:
        lines = axes.contour(
            *(data["x"], data["y"], elevation),
            MaxNLocator(7).tick_values(elevation[inside].min(), elevation[inside].max()),
            colors=_CONTOUR,
            linewidths=0.45,
            zorder=2,
        )
        axes.clabel(lines, fontsize=6, fmt="%g m")


def _map_legend(fig: Figure, data: xr.Dataset) -> None:
    cover = data["land_cover"].to_numpy()
    handles: list[Any] = [
        Patch(fc=color, label=name) for n, (name, color) in _COVERS.items() if (cover == n).any()
    ]
    if "line_x" in data:
        handles.append(Line2D([], [], color="k", lw=1.6, label="line"))
    handles.append(Line2D([], [], color=_CONTOUR, lw=0.6, label="elevation"))
    if "segment_counts" in data:
        label = "mean of a segment"
        handles.append(Line2D([], [], color=OBSERVED_COLOR, marker=".", ls="", label=label))
    handles.append(Patch(color=OBSERVED_COLOR, alpha=0.25, label="5-95 % of the days"))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles))


def _places(axes: Axes, data: xr.Dataset, colors: dict[str, str]) -> None:
    """Draw the cells with the color of their section and their number."""
    size = float(data.attrs["cell_size"])
    names = data["section"].to_numpy().astype(str)
    x, y = data["place_x"].to_numpy(), data["place_y"].to_numpy()
    step = _step(len(x), 30)
    boxes = [Rectangle((a - size / 2, b - size / 2), size, size) for a, b in zip(x, y, strict=True)]
    shades = [(*to_rgb(colors[name]), 0.6) for name in names]
    edge = 0.5 if len(x) <= 60 else 0.0
    cells = PatchCollection(boxes, facecolors=shades, edgecolors="w", linewidths=edge, zorder=3)
    axes.add_collection(cells)
    for n in range(len(x)):
        if n == 0 or (n + 1) % step == 0:
            axes.text(x[n], y[n], str(n + 1), ha="center", va="center", fontsize=6.5, zorder=5).set(
                path_effects=_HALO
            )
    if "line_x" in data:
        axes.plot(data["line_x"], data["line_y"], color="k", lw=1.3, zorder=4)


def _profile(axes: Axes, data: xr.Dataset, line: xr.Dataset, colors: dict[str, str]) -> None:
    """Draw mean counts of places, and of segments where there are any, along the line."""
    counts = data["place_counts"].to_numpy().astype(float)
    has_line = "line_x" in data
    at, edges = _along(data, line)
    if has_line and "segment_counts" in data:
        axes.plot(
            *(data["segment_distance"] / 1000.0, data["segment_counts"]),
            ".",
            ms=2.5,
            color=OBSERVED_COLOR,
            zorder=3.5,
        )
    spread = [_quantile(line["counts_observed"].to_numpy(), q) for q in (0.05, 0.95)]
    shades = [colors[name] for name in data["section"].to_numpy().astype(str)]
    boxes = zip(edges[:-1], np.diff(edges), spread[0], spread[1] - spread[0], strict=True)
    bands = [Rectangle((x, y), w, h) for x, w, y, h in boxes]
    axes.add_collection(PatchCollection(bands, facecolors=shades, alpha=0.25, linewidths=0))
    axes.hlines(counts, edges[:-1], edges[1:], colors=shades, lw=2.2, zorder=3)
    low, high = limits([counts, *spread])
    axes.set_ylim(low, high + 0.08 * (high - low))
    step = _step(len(at), 30)
    shown = [n for n in range(len(at)) if n == 0 or (n + 1) % step == 0]
    axes.set_ylabel("observed count\nrate [h⁻¹]")
    axes.set_xlim(edges[0], edges[-1])
    if has_line:
        axes.set_xlabel("distance along the line [km]; numbers: places")
        for n in shown:
            top = spread[1][n] if np.isfinite(spread[1][n]) else low
            axes.annotate(
                *(str(n + 1), (at[n], top)),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=6.5,
            )
        return
    labels = [shortened(str(p), 20) for p in data["place"].to_numpy()]
    axes.set_xticks(at[shown], [labels[n] for n in shown], rotation=30, ha="right")


def _along(data: xr.Dataset, line: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return middles and edges of the places along the line [km], or their numbers."""
    if "line_x" not in data:
        count = data.sizes["place"]
        return np.arange(1.0, count + 1.0), np.arange(0.5, count + 1.0)
    at = line["distance"].to_numpy().astype(float) / 1000.0
    inner = 0.5 * (at[1:] + at[:-1])
    last = 2.0 * at[-1] - (inner[-1] if len(inner) else 0.0)
    return at, np.concatenate([[0.0], inner, [last]])


def _quantile(values: np.ndarray, share: float) -> np.ndarray:
    """Return a quantile over the days (day, place) of what is there."""
    columns = (c[np.isfinite(c)] for c in values.T.astype(float))
    return np.array([np.quantile(c, share) if c.size else np.nan for c in columns])


def _step(count: int, most: int) -> int:
    """Return the step of numbers, so that not more than so many are written."""
    return next(s for s in (1, 2, 5, 10, 20, 50, 100, 1000, 10**9) if count <= most * s)


# --- places against days ----------------------------------------------------------------------


def space_time(line: xr.Dataset, scores: Scores) -> Figure:
    """Draw gravimetric water by the counts: section means, and every place on every day.

    Parameters
    ----------
    line : Dataset
        Series along the line.
    scores : mapping
        Scores of the summary, with SPAEF and its components.
    """
    rows = ["observed", "default", "calibrated", *(["true"] if "mass_true" in line else [])]
    values = {row: line[f"mass_{row}"].to_numpy().astype(float) for row in rows}
    core = [values[row] for row in rows if row != "default"]
    sections = section_names(line)
    colors = section_colors(sections)
    means = {r: {s: section_mean(line, f"mass_{r}", s) for s in sections} for r in rows}
    seen = np.concatenate(list(means["observed"].values()))
    seen = seen[np.isfinite(seen)]  # a count close to its limit says any amount of water
    usual = np.quantile(seen, [0.02, 0.98]) if seen.size else seen
    sure = [m for r in rows if r not in ("observed", "default") for m in means[r].values()]
    ends = limits([usual, *sure], list(means["default"].values()))
    low, high = _color_limits(core)
    height = float(np.clip(0.05 * line.sizes["place"] + 0.8, 1.7, 2.6))
    fig = figure(9.0, height * len(rows) + 1.0)
    grid = fig.subplots(len(rows), 2, width_ratios=[1.0, 1.75], squeeze=False)
    mesh = None
    for row, (left, right) in zip(rows, grid, strict=True):
        _series(left, line, means[row], colors, ends, spread=row == "observed")
        mesh = _image(right, line, values[row], (low, high), colors, height)
        right.set_title(_row_title(row, scores), loc="left", fontsize=8.5)
        left.set_title({"true": "truth"}.get(row, row), loc="left", fontweight="bold")
        for axes in (left, right):
            time_axis(axes)
            axes.tick_params(labelbottom=row == rows[-1])
    assert mesh is not None
    bar = fig.colorbar(mesh, ax=grid[:, 1], location="bottom", aspect=45, pad=0.02, extend="both")
    bar.set_label("gravimetric water by the counts [g g⁻¹]; gray: no observation")
    fig.supylabel("gravimetric water, mean of the section [g g⁻¹]", fontsize=9)
    handles: list[Any] = [Line2D([], [], color=c, lw=1.6) for c in colors.values()]
    handles.append(Patch(color=RAIN_COLOR))
    labels = [*(shortened(name, 26) for name in colors), "precipitation"]
    fig.legend(handles, labels, loc="outside upper center", ncols=columns_for(labels))
    return fig


def _color_limits(parts: Sequence[np.ndarray]) -> tuple[float, float]:
    flat = np.concatenate([p[np.isfinite(p)] for p in parts])
    low, high = np.quantile(flat, [0.01, 0.99]) if flat.size else (0.0, 1.0)
    return (float(low), float(high)) if high > low else (float(low) - 0.01, float(high) + 0.01)


def _row_title(row: str, scores: Scores) -> str:
    found = [
        score(scores, row, OBSERVED_MASS, "pattern", k) for k in ("spaef", "alpha", "beta", "gamma")
    ]
    if not np.isfinite(found[0]):
        return {"observed": "rows are places, in their order"}.get(row, "")
    spaef, alpha, beta, gamma = (number(v) for v in found)
    return f"SPAEF {spaef} (correlation {alpha}, variation {beta}, histogram {gamma})"


def _series(
    axes: Axes,
    line: xr.Dataset,
    means: dict[str, np.ndarray],
    colors: dict[str, str],
    ends: tuple[float, float],
    *,
    spread: bool,
) -> None:
    time = line["time"].to_numpy()
    for name, mean in means.items():
        inside = np.where(mean <= ends[1], mean, np.nan)  # not across the precipitation
        axes.plot(time, inside, "." if spread else "-", ms=2.0, lw=1.0, color=colors[name])
    room_above(axes, *ends)
    axes.set_xlim(time[0], day_edges(time)[-1])
    axes.yaxis.set_major_locator(MaxNLocator(4))
    rain = rain_from_above(axes, time, line["precipitation"].to_numpy())
    rain.tick_params(labelright=False, right=False)
    shown = np.concatenate(list(means.values()))
    outside = np.isfinite(shown) & ((shown < ends[0]) | (shown > ends[1]))
    if outside.sum() > 0.2 * max(np.isfinite(shown).sum(), 1):
        axes.text(
            *(0.02, 0.03, "partly outside of the panel"),
            transform=axes.transAxes,
            fontsize=7.5,
            color=DEFAULT_COLOR,
        )


def _image(
    axes: Axes,
    line: xr.Dataset,
    values: np.ndarray,
    ends: tuple[float, float],
    colors: dict[str, str],
    height: float,
) -> QuadMesh:
    time, places = line["time"].to_numpy(), line.sizes["place"]
    axes.set_facecolor(GAP_COLOR)
    axes.grid(visible=False)
    mesh = axes.pcolormesh(
        *(day_edges(time), np.arange(places + 1.0), np.ma.masked_invalid(values.T)),
        cmap="YlGnBu",
        vmin=ends[0],
        vmax=ends[1],
        rasterized=True,
    )
    axes.set_ylim(places, 0)
    runs = stretches(line["section"].to_numpy().astype(str).tolist())
    per_place = 72.0 * 0.8 * height / places  # points
    ticks, labels, shades = [], [], []
    for run in runs:
        if run.first:
            axes.axhline(run.first, color="k", lw=0.7)
        strip = Rectangle(
            (-0.022, run.first),
            0.016,
            run.end - run.first,
            transform=axes.get_yaxis_transform(),
            clip_on=False,
            fc=colors[run.section],
            lw=0,
        )
        axes.add_patch(strip)
        if (run.end - run.first) * per_place >= 7.0:
            span = f"{run.first + 1}" + (f"-{run.end}" if run.end > run.first + 1 else "")
            ticks.append(0.5 * (run.first + run.end))
            single = str(line["place"].to_numpy()[run.first]) == run.section
            name = shortened(run.section, 16)
            labels.append(name if single else f"{name}, {span}")
            shades.append(colors[run.section])
    axes.set_yticks(ticks, labels, fontsize=6.5)
    axes.tick_params(axis="y", length=0, pad=9)
    return mesh
