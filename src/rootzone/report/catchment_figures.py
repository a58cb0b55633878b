"""Figures of the study `catchment`: one figure is one function of a dataset."""

from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import MaxNLocator

from rootzone.report.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    figure,
    time_axis,
)

HORIZON_COLORS = (SKY, BLUE, GREEN, PURPLE, ORANGE, RED)
_HALO = [Stroke(linewidth=2.2, foreground="w"), Normal()]
_COVER_COLORS = {
    "shunting area": "#9e9e9e",
    "dense forest": "#1b5e20",
    "open forest": "#8bc34a",
    "meadow": "#f2d75c",
}


# --- maps -------------------------------------------------------------------------------------


class Panel(NamedTuple):
    """One map: values (row, column), title, unit, color map, limits where zero is the middle."""

    values: np.ndarray
    title: str
    unit: str
    cmap: str
    middle: float | None = None


def horizon_label(means: xr.Dataset, n: int) -> str:
    """Return the depth range of a horizon, e.g. ``0-5 cm``.

    Parameters
    ----------
    means : Dataset
        With the coordinate ``horizon_top`` [mm].
    n : int
        Number of the horizon from the top, from 0.
    """
    tops = means["horizon_top"].to_numpy() / 10.0
    return f"{tops[n]:g}-{tops[n + 1]:g} cm" if n + 1 < len(tops) else f"below {tops[n]:g} cm"


def water_maps(means: xr.Dataset) -> Figure:
    """Mean soil water of two horizons, its spread, fluxes of a year, snow and counts."""
    theta = means["theta"]
    deepest = means.sizes["horizon"] - 1
    middle = min(1, deepest)
    panels = [
        Panel(theta[0].to_numpy(), f"θ, {horizon_label(means, 0)}", "m³ m⁻³", "YlGnBu"),
        Panel(theta[middle].to_numpy(), f"θ, {horizon_label(means, middle)}", "m³ m⁻³", "YlGnBu"),
        Panel(
            means["theta_deviation"][0].to_numpy(),
            f"standard deviation of daily θ, {horizon_label(means, 0)}",
            "m³ m⁻³",
            "BuPu",
        ),
        Panel(means["evapotranspiration"].to_numpy(), "evapotranspiration", "mm a⁻¹", "YlGn"),
        Panel(means["runoff"].to_numpy(), "total runoff", "mm a⁻¹", "PuBu"),
    ]
    if "neutrons" in means:
        panels.append(Panel(means["neutrons"].to_numpy(), "neutron count rate", "h⁻¹", "YlOrBr"))
    else:
        panels.append(Panel(means["snow_pack"].to_numpy(), "snow water", "mm", "Blues"))
    return _maps(means, panels)


def error_maps(means: xr.Dataset, name: str, title: str, unit: str) -> Figure:
    """Difference of simulation and observations, cell by cell."""
    return _maps(
        means,
        [
            Panel(means[f"{name}_rmse"].to_numpy(), f"{title}: RMSE", unit, "OrRd"),
            Panel(
                means[f"{name}_bias"].to_numpy(),
                f"{title}: simulated less observed",
                unit,
                "RdBu_r",
                0.0,
            ),
        ],
    )


def site_map(means: xr.Dataset, series: xr.Dataset) -> Figure:
    """Elevation with the line of measurements and the cells that have series."""
    fig = figure(7.2, _height(means, 7.2 * 0.78))
    axes = fig.subplots()
    panel = Panel(means["elevation"].to_numpy(), "elevation", "m", "gist_earth")
    _map(fig, axes, means, panel, edges=True, cmap=_terrain())
    if "line_x" in means:
        axes.plot(means["line_x"], means["line_y"], color="k", lw=2.0)
        axes.plot(means["line_x"], means["line_y"], color="w", lw=0.7, label="line")
    if "cell_x" in series:
        own = ~np.isfinite(series["cell_distance"].to_numpy())
        for n in np.flatnonzero(own):
            x, y = float(series["cell_x"][n]), float(series["cell_y"][n])
            axes.plot(x, y, "o", ms=5, mfc=RED, mec="w", mew=0.8)
            axes.annotate(
                str(series["cell_name"].to_numpy()[n]),
                (x, y),
                xytext=(5, 4),
                textcoords="offset points",
                fontsize=7.5,
                bbox={"boxstyle": "round,pad=0.15", "fc": "w", "ec": "none", "alpha": 0.8},
            )
    return fig


def _terrain() -> Colormap:
    """Return the land part of a relief color map."""
    return ListedColormap(mpl.colormaps["gist_earth"](np.linspace(0.32, 0.95, 256)))


def _axes_names(means: xr.Dataset) -> tuple[str, str]:
    return ("lat", "lon") if "lat" in means.dims else ("y", "x")


def _extent(means: xr.Dataset) -> tuple[float, float, float, float, float]:
    """Return left, right, bottom, top of the grid, and the size of a cell."""
    yn, xn = _axes_names(means)
    x, y = means[xn].to_numpy(), means[yn].to_numpy()
    d = abs(x[1] - x[0]) if len(x) > 1 else abs(y[1] - y[0]) if len(y) > 1 else 1.0
    return x[0] - d / 2, x[-1] + d / 2, y[-1] - d / 2, y[0] + d / 2, d


def _height(means: xr.Dataset, width: float) -> float:
    left, right, bottom, top, _ = _extent(means)
    return float(np.clip(width * (top - bottom) / (right - left), 1.8, 9.0)) + 0.8


def _maps(means: xr.Dataset, panels: list[Panel]) -> Figure:
    left, right, bottom, top, _ = _extent(means)
    columns = 2 if (right - left) > 1.1 * (top - bottom) or len(panels) < 3 else 3
    rows = -(-len(panels) // columns)
    width = 9.0
    one = (width / columns - 1.1) * (top - bottom) / (right - left)
    fig = figure(width, rows * (float(np.clip(one, 1.4, 5.0)) + 0.32) + 0.35)
    grid = np.atleast_2d(fig.subplots(rows, columns, sharex=True, sharey=True, squeeze=False))
    for n, axes in enumerate(grid.ravel()):
        if n >= len(panels):
            axes.set_visible(False)
            continue
        _map(fig, axes, means, panels[n], edges=True, inner=True)
        axes.text(
            0.012,
            0.985,
            f"({chr(97 + n)})",
            transform=axes.transAxes,
            va="top",
            fontsize=8.5,
            fontweight="bold",
        )
    return fig


def _map(
    fig: Figure,
    axes: Axes,
    means: xr.Dataset,
    panel: Panel,
    *,
    edges: bool,
    inner: bool = False,
    cmap: Colormap | None = None,
) -> None:
    left, right, bottom, top, cell = _extent(means)
    kilometers = "lat" not in means.dims
    scale = 1000.0 if kilometers else 1.0
    known = panel.values[np.isfinite(panel.values)]
    low, high = np.quantile(known, [0.01, 0.99]) if known.size else (0.0, 1.0)
    if panel.middle is not None:
        reach = max(abs(low - panel.middle), abs(high - panel.middle), 1e-12)
        low, high = panel.middle - reach, panel.middle + reach
    elif high - low < 1e-9 * max(abs(high), 1e-9):
        low, high = low - 0.5 * abs(low) - 1e-9, high + 0.5 * abs(high) + 1e-9
    image = axes.imshow(
        panel.values,
        extent=(left, right, bottom, top),
        cmap=cmap if cmap is not None else panel.cmap,
        vmin=float(low),
        vmax=float(high),
        interpolation="nearest",
        aspect="equal" if kilometers else 1.0 / np.cos(np.radians(0.5 * (bottom + top))),
        zorder=2,
    )
    inside = np.isfinite(means["elevation"].to_numpy())
    blank = np.where(inside & ~np.isfinite(panel.values), 0.0, np.nan)
    if np.isfinite(blank).any():
        gray = ListedColormap(["#dddddd"])
        axes.imshow(
            blank,
            extent=(left, right, bottom, top),
            cmap=gray,
            zorder=1.9,
            interpolation="nearest",
            aspect=axes.get_aspect(),
        )
    _outline(axes, inside, left, top, cell)
    outside = (
        "both"
        if (known < low).any() and (known > high).any()
        else ("min" if (known < low).any() else "max" if (known > high).any() else "neither")
    )
    bar = fig.colorbar(image, ax=axes, shrink=0.9, pad=0.02, extend=outside, aspect=18)
    bar.set_label(panel.unit)
    bar.ax.yaxis.set_major_locator(MaxNLocator(5))
    bar.outline.set_linewidth(0.6)  # pyright: ignore[reportCallIssue]
    axes.set_title(panel.title)
    axes.grid(True, color="#d9d9d9", lw=0.5, zorder=0)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    if kilometers:
        form = "{:.0f}" if cell >= 1000.0 or (right - left) > 20000.0 else "{:.1f}"
        axes.xaxis.set_major_formatter(lambda v, _: form.format(v / scale))
        axes.yaxis.set_major_formatter(lambda v, _: form.format(v / scale))
        names = ("easting [km]", "northing [km]")
    else:
        names = ("longitude [°E]", "latitude [°N]")
    position = axes.get_subplotspec()
    first = position is None or position.is_first_col()
    last = position is None or position.is_last_row()
    if last or not inner:
        axes.set_xlabel(names[0])
    if first or not inner:
        axes.set_ylabel(names[1])
    for side in axes.spines.values():
        side.set_visible(True)
        side.set_linewidth(0.6)
    if edges:
        _scale_bar(axes, left, right, bottom, top, kilometers)


def _outline(axes: Axes, mask: np.ndarray, left: float, top: float, cell: float) -> None:
    """Draw the border of the catchment along the edges of its cells."""
    padded = np.pad(mask, 1)
    lines = []
    for row, column in np.argwhere(padded[:, 1:] != padded[:, :-1]):
        x, y = left + column * cell, top - (row - 1) * cell
        lines.append([(x, y), (x, y - cell)])
    for row, column in np.argwhere(padded[1:] != padded[:-1]):
        x, y = left + (column - 1) * cell, top - row * cell
        lines.append([(x, y), (x + cell, y)])
    axes.add_collection(LineCollection(lines, colors="#404040", linewidths=0.6, zorder=3))


def _scale_bar(
    axes: Axes, left: float, right: float, bottom: float, top: float, kilometers: bool
) -> None:
    """Draw a scale bar in the lower right corner, and an arrow to the north above it."""
    degree = 1.0 if kilometers else 111320.0 * np.cos(np.radians(0.5 * (bottom + top)))
    wide = (right - left) * degree
    power = 10.0 ** np.floor(np.log10(0.3 * wide))
    length = max(m * power for m in (1.0, 2.0, 5.0) if m * power <= 0.3 * wide)
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    share = length / wide
    x1, y = 0.965, 0.06
    line = {"transform": axes.transAxes, "color": "k", "solid_capstyle": "butt", "zorder": 5}
    axes.plot([x1 - share, x1], [y, y], lw=4.0, path_effects=_HALO, **line)
    axes.plot(
        [x1 - share / 2, x1 - 0.004],
        [y, y],
        lw=2.4,
        **(line | {"color": "w"}),  # pyright: ignore[reportArgumentType]
    )
    axes.text(
        x1 - share / 2,
        y + 0.025,
        text,
        transform=axes.transAxes,
        ha="center",
        va="bottom",
        fontsize=7.5,
        zorder=5,
        path_effects=_HALO,
    )
    axes.annotate(
        "N",
        (0.965, 0.97),
        (0.965, 0.80),
        xycoords="axes fraction",
        ha="center",
        va="center",
        fontsize=7.5,
        arrowprops={"arrowstyle": "-|>", "lw": 0.8, "color": "k"},
        zorder=5,
        path_effects=_HALO,
    )


# --- series -----------------------------------------------------------------------------------


def water_series(series: xr.Dataset) -> Figure:
    """Rain and snow, soil water of the horizons, fluxes and counts, means of the catchment."""
    counts = "neutrons" in series
    heights = [0.75, 1.5, 0.9, *([1.0] if counts else [])]
    fig = figure(9.0, 7.6 if counts else 6.0)
    rows = fig.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    t = series["time"].to_numpy()
    _rain_and_snow(rows[0], series, t)
    for n in range(series.sizes["horizon"]):
        rows[1].plot(
            t,
            series["theta"][:, n],
            color=HORIZON_COLORS[n % len(HORIZON_COLORS)],
            label=horizon_label(series, n),
        )
    rows[1].set_ylabel("θ [m³ m⁻³]")
    low, high = rows[1].get_ylim()
    rows[1].set_ylim(low, high + 0.18 * (high - low))
    rows[1].legend(loc="upper right", ncols=6)
    width = min(30, max(1, len(t) // 4))
    for name, label, color in (
        ("precipitation", "precipitation", SKY),
        ("evapotranspiration", "evapotranspiration", GREEN),
        ("runoff", "runoff", BLUE),
    ):
        rows[2].plot(t, _running(series[name].to_numpy(), width), color=color, label=label)
    rows[2].set_ylabel(f"fluxes, mean\nof {width} days\n[mm d⁻¹]")
    rows[2].set_ylim(0.0, 1.3 * rows[2].get_ylim()[1])
    rows[2].legend(loc="upper right", ncols=3)
    if counts:
        rows[3].plot(t, series["neutrons"], color=ORANGE, label="simulated")
        if "neutrons_observed" in series:
            rows[3].plot(
                series["neutrons_time"],
                series["neutrons_observed"],
                ".",
                ms=2.5,
                color=GREY,
                label="observed cells",
            )
            rows[3].plot(
                series["neutrons_time"],
                series["neutrons_simulated"],
                color=RED,
                lw=0.8,
                label="simulated, observed cells",
            )
            rows[3].legend(loc="upper right", ncols=3)
        rows[3].set_ylabel("neutron\ncount rate [h⁻¹]")
    time_axis(rows[-1])
    fig.align_ylabels(rows)
    return fig


def _rain_and_snow(axes: Axes, series: xr.Dataset, t: np.ndarray) -> None:
    edges = np.append(t, t[-1] + np.timedelta64(1, "D"))
    axes.stairs(series["precipitation"].to_numpy(), edges, fill=True, color=BLUE)
    axes.set_ylabel("precipitation\n[mm d⁻¹]", color=BLUE)
    axes.set_ylim(2.2 * float(series["precipitation"].max()) + 1e-9, 0.0)
    twin = axes.twinx()
    twin.fill_between(t, 0.0, series["snow_pack"], color="#9ecae1", lw=0)
    twin.plot(t, series["snow_pack"], color="#4a90b8", lw=0.7)
    twin.set_ylim(0.0, 2.0 * max(float(series["snow_pack"].max()), 1.0))
    twin.set_ylabel("snow [mm]", color="#4a90b8")
    twin.spines["right"].set_visible(True)
    twin.grid(False)


def _running(values: np.ndarray, width: int) -> np.ndarray:
    """Return centered running means; shorter windows at the ends."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    n = len(values)
    first = np.maximum(np.arange(n) - width // 2, 0)
    last = np.minimum(first + width, n)
    first = np.maximum(last - width, 0)
    return (total[last] - total[first]) / (last - first)


def cell_series(series: xr.Dataset) -> Figure:
    """Soil water and counts of the chosen cells."""
    own = np.flatnonzero(~np.isfinite(series["cell_distance"].to_numpy()))
    counts = "cell_neutrons" in series
    fig = figure(9.0, 4.6 if counts else 3.2)
    rows = np.atleast_1d(fig.subplots(2 if counts else 1, 1, sharex=True))
    colors = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY)
    t = series["time"].to_numpy()
    for k, n in enumerate(own):
        style = {"color": colors[k % 7], "ls": ("-", "--", ":")[(k // 7) % 3]}
        name = str(series["cell_name"].to_numpy()[n])
        rows[0].plot(t, series["cell_theta"][:, 0, n], label=name, **style)
        if counts:
            rows[1].plot(t, series["cell_neutrons"][:, n], label=name, **style)
    rows[0].set_ylabel(f"θ, {horizon_label(series, 0)}\n[m³ m⁻³]")
    low, high = rows[0].get_ylim()
    rows[0].set_ylim(low, high + 0.2 * (high - low))
    rows[0].legend(loc="upper right", ncols=min(4, len(own)))
    if counts:
        rows[1].set_ylabel("neutron\ncount rate [h⁻¹]")
    time_axis(rows[-1])
    fig.align_ylabels(rows)
    return fig


def along_line(series: xr.Dataset) -> Figure:
    """Soil water and counts along the line, over distance and time."""
    on = np.flatnonzero(np.isfinite(series["cell_distance"].to_numpy()))
    counts = "cell_neutrons" in series
    parts = [
        (series["cell_theta"][:, 0, on], f"θ, {horizon_label(series, 0)} [m³ m⁻³]", "YlGnBu"),
        *(
            [(series["cell_neutrons"][:, on], "neutron count rate [h⁻¹]", "YlOrBr")]
            if counts
            else []
        ),
    ]
    fig = figure(9.0, 3.0 * len(parts) + 0.5)
    grid = fig.subplots(
        len(parts), 2, sharey=True, width_ratios=[0.05, 1.0], squeeze=False, sharex="col"
    )
    t = series["time"].to_numpy()
    edges_t = np.append(t, t[-1] + np.timedelta64(1, "D"))
    labels = [str(v).rsplit(" ", 1)[0] for v in series["cell_name"].to_numpy()[on]]
    kinds = list(dict.fromkeys(labels))
    free = iter([c for c in (SKY, PURPLE, ORANGE, BLUE, RED) for _ in range(9)])
    colors = {kind: _COVER_COLORS.get(kind) or next(free) for kind in kinds}
    cells = np.arange(len(on) + 1)
    for (values, text, cmap), (strip, axes) in zip(parts, grid, strict=True):
        low, high = np.nanquantile(values, [0.005, 0.995])
        image = axes.pcolormesh(
            edges_t, cells, values.to_numpy().T, cmap=cmap, vmin=low, vmax=high, rasterized=True
        )
        fig.colorbar(image, ax=axes, pad=0.01, aspect=22, extend="both").set_label(text)
        axes.grid(False)
        axes.tick_params(labelleft=False)
        for n, label in enumerate(labels):
            strip.barh(n + 0.5, 1.0, 1.0, color=colors[label], lw=0)
        strip.set_xlim(0.0, 1.0)
        strip.set_xticks([])
        strip.grid(False)
        strip.set_ylabel("cell along the line")
        strip.set_ylim(len(on), 0)
        numbers = [n for n in range(len(on)) if n == 0 or (n + 1) % _every(len(on)) == 0]
        strip.set_yticks([n + 0.5 for n in numbers], [str(n + 1) for n in numbers])
    handles = [Patch(color=colors[k], label=k) for k in kinds]
    fig.legend(handles=handles, loc="outside upper center", ncols=len(kinds))
    time_axis(grid[-1][1])
    return fig


def _every(cells: int) -> int:
    """Return the step of the numbers of so many cells along an axis."""
    return next(step for step in (1, 2, 5, 10, 20, 50, 100, 10**9) if cells <= 8 * step)


def comparison(series: xr.Dataset, name: str, label: str, unit: str) -> Figure:
    """Draw simulated against observed means of the observed cells."""
    fig = figure(9.0, 3.2)
    left, right = fig.subplots(1, 2, width_ratios=[2.3, 1.0])
    t = series[f"{name}_time"].to_numpy()
    obs, sim = (series[f"{name}_{k}"].to_numpy() for k in ("observed", "simulated"))
    left.plot(t, obs, ".", ms=3, color=GREY, label="observed")
    left.plot(t, sim, color=BLUE, label="simulated")
    left.set_ylabel(f"{label} [{unit}]")
    low, high = left.get_ylim()
    left.set_ylim(low, high + 0.15 * (high - low))
    left.legend(loc="upper right", ncols=2)
    time_axis(left)
    right.plot(obs, sim, ".", ms=3, color=BLUE, alpha=0.5)
    both = np.concatenate([obs, sim])
    both = both[np.isfinite(both)]
    limits = (both.min(), both.max()) if both.size else (0.0, 1.0)
    right.plot(limits, limits, color="k", lw=0.8)
    right.set_aspect("equal")
    right.set_xlabel(f"observed [{unit}]")
    right.set_ylabel(f"simulated [{unit}]")
    return fig


def balance(data: xr.Dataset) -> Figure:
    """Where the precipitation of every year went."""
    shown = data.isel(part=np.flatnonzero(data["evaluated"].to_numpy() > 0))
    fig = figure(7.2, 3.2)
    axes = fig.subplots()
    place = np.arange(shown.sizes["part"], dtype=float)
    axes.bar(place - 0.2, shown["precipitation"], 0.34, color=SKY, label="precipitation")
    up, down = np.zeros(len(place)), np.zeros(len(place))
    for name, label, color in (
        ("evapotranspiration", "evapotranspiration", GREEN),
        ("runoff", "runoff", BLUE),
        ("karst", "karst", PURPLE),
        ("storage_change", "storage change", ORANGE),
    ):
        values = shown[name].to_numpy()
        if np.abs(values).max(initial=0.0) < 1e-6:
            continue
        start = np.where(values >= 0, up, down)
        axes.bar(place + 0.2, values, 0.34, bottom=start, color=color, label=label)
        up, down = up + np.maximum(values, 0.0), down + np.minimum(values, 0.0)
    axes.axhline(0.0, color="k", lw=0.7)
    days = shown["days"].to_numpy()
    ticks = [
        f"{y}" if d >= 365 else f"{y}\n({d:.0f} days)"
        for y, d in zip(shown["year"].to_numpy(), days, strict=True)
    ]
    axes.set_xticks(place, ticks)
    axes.set_ylabel("water [mm]")
    axes.grid(False, axis="x")
    axes.set_ylim(top=1.22 * float(max(up.max(), shown["precipitation"].max())))
    axes.legend(loc="upper center", ncols=5)
    return fig
