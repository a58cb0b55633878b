"""Maps of the study `catchment`: cells with scale bar, coordinates and the border around them."""

from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import MaxNLocator

from rootzone.report.style import RED, figure

_HALO = [Stroke(linewidth=2.2, foreground="w"), Normal()]
_BOX = {"boxstyle": "round,pad=0.15", "fc": "w", "ec": "none", "alpha": 0.8}


class Panel(NamedTuple):
    """One map: values (row, column), title, unit, color map, and the middle of two-sided ones."""

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


# --- figures ----------------------------------------------------------------------------------


def water_maps(means: xr.Dataset) -> Figure:
    """Mean soil water of two horizons, its spread, fluxes of a year, snow or counts."""
    theta = means["theta"]
    deepest = means.sizes["horizon"] - 1
    lower = min(2, max(deepest - 1, 0))  # the last one ends with the soil: unlike in every cell
    panels = [
        Panel(theta[n].to_numpy(), f"mean θ, {horizon_label(means, n)}", "m³ m⁻³", "YlGnBu")
        for n in (0, lower)
    ]
    panels += [
        Panel(
            means["theta_deviation"][0].to_numpy(),
            f"standard deviation of θ, {horizon_label(means, 0)}",
            "m³ m⁻³",
            "BuPu",
        ),
        Panel(means["evapotranspiration"].to_numpy(), "evapotranspiration", "mm a⁻¹", "YlGn"),
        Panel(means["runoff"].to_numpy(), "total runoff", "mm a⁻¹", "PuBu"),
    ]
    if "neutrons" in means:
        panels.append(
            Panel(means["neutrons"].to_numpy(), "mean neutron count rate", "h⁻¹", "YlOrBr")
        )
    else:
        panels.append(Panel(means["snow_pack"].to_numpy(), "mean snow water", "mm", "Blues"))
    return _maps(means, panels)


def error_maps(means: xr.Dataset, name: str, title: str, unit: str) -> Figure:
    """Difference of simulation and observations, cell by cell."""
    rmse, bias = (means[f"{name}_{k}"].to_numpy() for k in ("rmse", "bias"))
    return _maps(
        means,
        [
            Panel(rmse, f"{title}: RMSE", unit, "OrRd"),
            Panel(bias, f"{title}: simulated less observed", unit, "RdBu_r", 0.0),
        ],
    )


def site_map(means: xr.Dataset, series: xr.Dataset) -> Figure:
    """Elevation with the line of measurements and the cells that have series."""
    left, right, *_ = _extent(means)
    fig = figure(7.2, float(np.clip(5.6 * _height_to_width(means), 1.2, 9.0)) + 0.8)
    axes = fig.subplots()
    panel = Panel(means["elevation"].to_numpy(), "elevation", "m", "gist_earth")
    _map(fig, axes, means, panel, cmap=_part("gist_earth", 0.34, 0.88))
    if "line_x" in means:
        axes.plot(means["line_x"], means["line_y"], color="k", lw=2.0)
        axes.plot(means["line_x"], means["line_y"], color="w", lw=0.7)
    if "cell_x" in series:
        own = ~np.isfinite(series["cell_distance"].to_numpy())
        for n in np.flatnonzero(own):
            x, y = float(series["cell_x"][n]), float(series["cell_y"][n])
            leftward = x > left + 0.45 * (right - left)  # names stay inside, and clear of the arrow
            axes.plot(x, y, "o", ms=5, mfc=RED, mec="w", mew=0.8)
            axes.annotate(
                str(series["cell_name"].to_numpy()[n]),
                (x, y),
                xytext=(-6 if leftward else 6, 4),
                textcoords="offset points",
                ha="right" if leftward else "left",
                fontsize=7.5,
                bbox=_BOX,
            )
    return fig


def _maps(means: xr.Dataset, panels: list[Panel]) -> Figure:
    high = _height_to_width(means)
    columns = 2 if high < 0.9 or len(panels) < 3 else 3
    rows = -(-len(panels) // columns)
    width = 9.0
    one = (width / columns - 1.1) * high
    fig = figure(width, rows * (float(np.clip(one, 0.8, 5.0)) + 0.32) + 0.35)
    grid = np.atleast_2d(fig.subplots(rows, columns, sharex=True, sharey=True, squeeze=False))
    for n, axes in enumerate(grid.ravel()):
        if n >= len(panels):
            axes.set_visible(False)
            continue
        _map(fig, axes, means, panels[n], inner=True)
        axes.text(
            0.015,
            0.98,
            f"({chr(97 + n)})",
            transform=axes.transAxes,
            va="top",
            fontsize=8.5,
            fontweight="bold",
            path_effects=_HALO,
            zorder=5,
        )
    return fig


# --- one map ----------------------------------------------------------------------------------


def _extent(means: xr.Dataset) -> tuple[float, float, float, float, float]:
    """Return left, right, bottom, top of the grid, and the size of a cell."""
    yn, xn = ("lat", "lon") if "lat" in means.dims else ("y", "x")
    x, y = means[xn].to_numpy(), means[yn].to_numpy()
    d = float(means.attrs["cell_size"])
    return x[0] - d / 2, x[-1] + d / 2, y[-1] - d / 2, y[0] + d / 2, d


def _meters_per_unit(means: xr.Dataset) -> float:
    """Return meters per unit of easting; a degree of longitude shrinks with the latitude."""
    _, _, bottom, top, _ = _extent(means)
    return 111320.0 * np.cos(np.radians(0.5 * (bottom + top))) if "lat" in means.dims else 1.0


def _height_to_width(means: xr.Dataset) -> float:
    """Return the height of the map over its width, on the ground."""
    left, right, bottom, top, _ = _extent(means)
    upright = 111320.0 if "lat" in means.dims else 1.0
    return (top - bottom) * upright / ((right - left) * _meters_per_unit(means))


def _part(name: str, low: float, high: float) -> Colormap:
    """Return a part of a color map."""
    return ListedColormap(mpl.colormaps[name](np.linspace(low, high, 256)))


def _map(
    fig: Figure,
    axes: Axes,
    means: xr.Dataset,
    panel: Panel,
    *,
    inner: bool = False,
    cmap: Colormap | None = None,
) -> None:
    """Draw one map; ``inner`` labels only the outer axes of a figure."""
    if cmap is None:  # the palest colors of one-sided maps look like no value
        cmap = _part(panel.cmap, 0.12, 1.0) if panel.middle is None else mpl.colormaps[panel.cmap]
    left, right, bottom, top, cell = _extent(means)
    known = panel.values[np.isfinite(panel.values)]
    low, high = _limits(known, panel.middle)
    inside = np.isfinite(means["elevation"].to_numpy())
    degrees = "lat" in means.dims
    image = axes.imshow(
        panel.values,
        extent=(left, right, bottom, top),
        cmap=cmap,
        vmin=low,
        vmax=high,
        interpolation="nearest",
        aspect=1.0 / np.cos(np.radians(0.5 * (bottom + top))) if degrees else "equal",
        zorder=2,
    )
    blank = np.where(inside & ~np.isfinite(panel.values), 0.0, np.nan)
    if np.isfinite(blank).any():
        axes.imshow(
            blank,
            extent=(left, right, bottom, top),
            cmap=ListedColormap(["#dddddd"]),
            zorder=1.9,
            interpolation="nearest",
            aspect=axes.get_aspect(),
        )
    _outline(axes, inside, left, top, cell)
    _color_bar(fig, axes, image, panel.unit, known)
    axes.set_title(panel.title)
    _coordinates(axes, means, inner)
    _scale_bar(axes, means)


def _limits(known: np.ndarray, middle: float | None) -> tuple[float, float]:
    """Return the limits of the colors: quantiles of 1 and 99 %."""
    low, high = np.quantile(known, [0.01, 0.99]) if known.size else (0.0, 1.0)
    if middle is not None:
        reach = max(abs(low - middle), abs(high - middle), 1e-12)
        return float(middle - reach), float(middle + reach)
    if high - low < 1e-9 * max(abs(high), 1e-9):
        return float(low - 0.5 * abs(low) - 1e-9), float(high + 0.5 * abs(high) + 1e-9)
    return float(low), float(high)


def _color_bar(fig: Figure, axes: Axes, image: AxesImage, unit: str, known: np.ndarray) -> None:
    low, high = image.get_clim()
    below, above = bool((known < low).any()), bool((known > high).any())
    extend = {(True, True): "both", (True, False): "min", (False, True): "max"}
    bar = fig.colorbar(
        image,
        ax=axes,
        shrink=0.9,
        pad=0.02,
        extend=extend.get((below, above), "neither"),
        aspect=18,
    )
    bar.set_label(unit)
    bar.ax.yaxis.set_major_locator(MaxNLocator(5))
    bar.outline.set_linewidth(0.6)  # pyright: ignore[reportCallIssue]


def _coordinates(axes: Axes, means: xr.Dataset, inner: bool) -> None:
    """Label the axes in kilometers or degrees."""
    flat = _height_to_width(means) < 0.3
    axes.grid(True, color="#d9d9d9", lw=0.5, zorder=0)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(1 if flat else 4, steps=[1, 2, 5, 10]))
    names = ("longitude [°E]", "latitude [°N]")
    if "lat" not in means.dims:
        names = ("easting [km]", "northing [km]")
        axes.xaxis.set_major_formatter(lambda v, _: f"{v / 1000.0:.10g}")
        axes.yaxis.set_major_formatter(lambda v, _: f"{v / 1000.0:.10g}")
    position = axes.get_subplotspec()
    if not inner or position is None or position.is_last_row():
        axes.set_xlabel(names[0])
    if not inner or position is None or position.is_first_col():
        axes.set_ylabel(names[1])
    for side in axes.spines.values():
        side.set_visible(True)
        side.set_linewidth(0.6)


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


def _scale_bar(axes: Axes, means: xr.Dataset) -> None:
    """Draw a scale bar in the lower right corner, and an arrow to the north in the upper one."""
    left, right, *_ = _extent(means)
    wide = (right - left) * _meters_per_unit(means)
    power = 10.0 ** np.floor(np.log10(0.3 * wide))
    length = max(m * power for m in (1.0, 2.0, 5.0) if m * power <= 0.3 * wide)
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    share = length / wide
    x1, y = 0.965, 0.06
    line = {"transform": axes.transAxes, "solid_capstyle": "butt", "zorder": 5}
    axes.plot([x1 - share, x1], [y, y], color="k", lw=4.0, path_effects=_HALO, **line)
    axes.plot([x1 - share / 2, x1 - 0.004], [y, y], color="w", lw=2.4, **line)
    axes.annotate(
        text,
        (x1 - share / 2, y),
        xycoords="axes fraction",
        xytext=(0, 4),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=7.5,
        bbox=_BOX,
        zorder=4,
    )
    if _height_to_width(means) < 0.3:
        return  # a strip has no room for the arrow; its coordinates tell where north is
    axes.annotate(
        "N",
        (x1, 0.98),
        xycoords="axes fraction",
        xytext=(0, -26),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=7.5,
        arrowprops={"arrowstyle": "-|>", "lw": 0.9, "color": "k", "shrinkB": 0},
        bbox=_BOX,
        zorder=5,
    )
