"""Close views of example places of the study `replicates`: densities in time, two moments."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.dates import date2num
from matplotlib.figure import Figure, FigureBase
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtr, ndtri

from rootzone.report.replicates_series import (
    BELT_LEVELS,
    IDLE_COLOR,
    days,
    every,
    level_of,
    shade_untested,
    untested,
)
from rootzone.report.replicates_style import (
    DENSITY_UNIT,
    OBSERVED_COLOR,
    UNIT,
    drawn_models,
    known_models,
    labels,
    legend_above,
    model_handles,
    model_line,
    name_of,
    noise_of,
    picked,
    stacked,
)
from rootzone.report.style import RED, figure, time_axis

_COLUMNS = 900  # of an image of densities: no printed page shows more
_STRETCH_DAYS = 240
_SHADES = LinearSegmentedColormap.from_list("density", ["#ffffff", "#c6dbef", "#6baed6", "#2171b5"])
_READING: Any = {"ls": "", "marker": ".", "ms": 2.8, "color": "k", "mew": 0}
_BELT: Any = {"color": RED, "lw": 0.9}


def close_stretch(example: xr.Dataset) -> slice:
    """Return the steps of the stretch with most tested readings, around as many snapshots.

    A snapshot counts as much as a fifth of the stretch.
    """
    time = example["time"].to_numpy()
    hours = float((time[1] - time[0]) / np.timedelta64(1, "h")) if time.size > 1 else 24.0
    length = min(time.size, max(2, round(_STRETCH_DAYS * 24.0 / hours)))
    readings = example["obs"].transpose("replicate", "time").to_numpy()
    use = np.isfinite(readings).sum(axis=0).astype(float)
    use /= max(use.max(), 1.0)
    if "test" in example:
        use *= example["test"].to_numpy().astype(bool)
    if "snapshot_time" in example:
        at = np.searchsorted(time, example["snapshot_time"].to_numpy())
        use[at[at < time.size]] += 0.2 * length
    total = np.convolve(use, np.ones(length), "valid")
    best = np.flatnonzero(total >= total.max() - 1e-9)
    start = int(best[best.size // 2])
    return slice(start, start + length)


def predictive_image(example: xr.Dataset, model: str, grid: np.ndarray) -> np.ndarray:
    r"""Return the predictive density (cell of the grid, time) that quantiles tell [(m3 m-3)-1].

    .. math:: F(x) = \Phi(z(x)), \qquad z(Q(u)) = \Phi^{-1}(u)

    with straight lines for z between the quantiles and beyond, which is exact for a Gaussian. The
    increments of F over the cells are smoothed over one cell; NaN where there is no answer.
    """
    z = ndtri(example["level"].to_numpy().astype(float))
    quantile = picked(example, "quantile", ("time", "level"), model=model)
    out = np.full((grid.size - 1, example.sizes["time"]), np.nan)
    if quantile is None:
        return out
    rising = np.arange(z.size) * 1e-9  # equal quantiles keep their order
    for n in np.flatnonzero(np.isfinite(quantile).all(axis=1)):
        q = quantile[n] + rising
        below = (z[1] - z[0]) / (q[1] - q[0]) * np.minimum(grid - q[0], 0.0)
        above = (z[-1] - z[-2]) / (q[-1] - q[-2]) * np.maximum(grid - q[-1], 0.0)
        out[:, n] = np.diff(ndtr(np.interp(grid, q, z) + below + above)) / np.diff(grid)
    return gaussian_filter1d(out, 1.0, axis=0, mode="constant")


def close_view(example: xr.Dataset) -> Figure:
    """Draw readings over predictive densities of some models, and the densities of two moments."""
    models = drawn_models(example, known_models(example, "quantile"), 3)
    near = every(example.isel(time=close_stretch(example)), _COLUMNS)
    moments = example.sizes.get("snapshot", 0)
    tall = max(1.75 * len(models), 2.6)
    fig = figure(9.0, tall + (2.2 if moments else 0.0) + 0.6)
    *upper, lower = stacked(fig, [*([2.2] if moments else []), tall])
    for part in upper:
        _snapshots(part, example, models)
    panels = lower.subplots(len(models), 1, squeeze=False, sharex=True, sharey=True)[:, 0]
    low, high = _water_limits(near, models)
    grid = np.linspace(low, high, 141)
    # What was learned from is no test of the density.
    images = [
        np.where(untested(near), np.nan, predictive_image(near, model, grid)) for model in models
    ]
    known = np.concatenate([i[np.isfinite(i)] for i in images])
    top = float(np.quantile(known[known > 0], 0.99)) if (known > 0).any() else 1.0
    norm = PowerNorm(0.7, 0.0, top)
    drawn = None
    for model, image, axes in zip(models, images, panels, strict=True):
        drawn = _image_panel(axes, near, model, grid, image, norm)
        axes.set_title(name_of(example, model), loc="left")
    if drawn is not None:
        bar = lower.colorbar(drawn, ax=list(panels), pad=0.01, aspect=32, extend="max")
        bar.set_label(f"predictive density {DENSITY_UNIT}", fontsize=8)
    lower.supylabel(f"volumetric water content {UNIT}", fontsize=9)
    handles: dict[str, Any] = {
        "readings": Line2D([], [], **(_READING | {"ms": 5})),
        "20 and 80 % quantiles": Line2D([], [], **_BELT),
    }
    if untested(near).any():
        handles["not tested"] = Patch(facecolor=IDLE_COLOR, edgecolor="none")
    legend_above(lower, handles)
    return fig


def _water_limits(near: xr.Dataset, models: Sequence[str]) -> tuple[float, float]:
    """Return limits that hold the readings and nine tenths of what the models say."""
    values = [near["obs"].to_numpy().ravel()]
    for model in models:
        for level in (0.05, 0.95):
            found = level_of(near, model, level)
            values += [found] if found is not None else []
    flat = np.concatenate(values)
    flat = flat[np.isfinite(flat)]
    if not flat.size:
        return 0.0, 0.6
    low, high = np.quantile(flat, [0.002, 0.998])
    return max(float(low) - 0.03, 0.0), float(high) + 0.03


def _image_panel(axes: Axes, near: xr.Dataset, model: str, grid: np.ndarray, image, norm) -> Any:
    time = near["time"].to_numpy()
    edges = np.append(time, time[-1] + (time[-1] - time[-2]))
    drawn = axes.pcolormesh(
        date2num(edges), grid, np.ma.masked_invalid(image), cmap=_SHADES, norm=norm, rasterized=True
    )
    for replicate in labels(near, "replicate"):
        values = picked(near, "obs", replicate=replicate)
        if values is not None:
            axes.plot(time, values, **_READING)
    for p in BELT_LEVELS:
        belt = level_of(near, model, p)
        if belt is not None:
            axes.plot(time, np.where(untested(near), np.nan, belt), **_BELT)
    shade_untested(axes, near)
    for n, moment in enumerate(_moments(near)):
        if time[0] <= moment <= time[-1]:
            axes.axvline(days(moment), color="k", lw=0.9, ls=(0, (2, 2)))
            axes.annotate(
                "abcdef"[n % 6],
                (days(moment), 0.98),
                xycoords=("data", "axes fraction"),
                xytext=(3, 0),
                textcoords="offset points",
                va="top",
                fontsize=9,
                fontweight="bold",
            )
    axes.set(ylim=(grid[0], grid[-1]), xlim=(days(edges[0]), days(edges[-1])))
    axes.grid(visible=False)
    time_axis(axes)
    return drawn


def _moments(example: xr.Dataset) -> list[np.datetime64]:
    return list(example["snapshot_time"].to_numpy()) if "snapshot_time" in example else []


def _snapshots(fig: FigureBase, example: xr.Dataset, models: Sequence[str]) -> None:
    """Draw the densities of the moments of an example beside each other."""
    x = example["x"].to_numpy()
    panels = fig.subplots(1, example.sizes["snapshot"], squeeze=False, sharex=True)[0]
    inside = np.zeros(x.size, bool)
    for n, axes in enumerate(panels):
        moment = example.isel(snapshot=n)
        observed = picked(moment, "snapshot_density_obs")
        if observed is not None:
            axes.fill_between(x, 0.0, observed, color=OBSERVED_COLOR, alpha=0.4, lw=0)
            axes.plot(x, observed, color=OBSERVED_COLOR, lw=0.9)
            inside |= observed > 0.005 * np.nanmax(observed)
        for model in models:
            modeled = picked(moment, "snapshot_density_model", model=model)
            if modeled is not None:
                axes.plot(x, modeled, **model_line(example, model))
                inside |= modeled > 0.02 * np.nanmax(modeled)
        when = _when(moment["snapshot_time"].to_numpy(), example)
        axes.set_title(f"{'abcdef'[n % 6]}   {when}", loc="left")
        axes.set_ylim(bottom=0.0)
    at = np.flatnonzero(inside)
    if at.size:
        panels[0].set_xlim(x[at[0]], x[at[-1]])
    panels[0].set_ylabel(f"density {DENSITY_UNIT}")
    fig.supxlabel(f"volumetric water content {UNIT}", fontsize=8.5)
    handles: dict[str, Any] = {
        f"readings, noise {noise_of(example):g}": Patch(facecolor=OBSERVED_COLOR, alpha=0.4),
        **model_handles(example, models),
    }
    panels[-1].legend(
        *(handles.values(), handles.keys()),
        loc="upper left",
        bbox_to_anchor=(1.0, 1.05),
        fontsize=7.5,
    )


def _when(moment: Any, example: xr.Dataset) -> str:
    """Return the day of a moment, with its hour where steps are shorter than a day."""
    time = example["time"].to_numpy()
    daily = time.size < 2 or time[1] - time[0] >= np.timedelta64(1, "D")
    unit = "D" if daily else "m"
    return str(np.datetime_as_string(moment, unit=unit)).replace("T", " ")
