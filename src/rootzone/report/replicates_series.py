"""Time series of example places of the study `replicates`, and what is read off them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.ndimage import binary_opening, gaussian_filter1d

from rootzone.evaluate.belts import mixture_of_readings
from rootzone.report.replicates_style import (
    ALL,
    DENSITY_UNIT,
    ERA5_COLOR,
    OBSERVED_COLOR,
    REPLICATE_COLORS,
    TRUE_COLOR,
    UNIT,
    drawn_models,
    hide_rest,
    known_models,
    labels,
    legend_above,
    model_handles,
    model_line,
    name_of,
    noise_of,
    picked,
    shortened,
    shown_model,
)
from rootzone.report.style import figure, time_axis

BELT_LEVELS = (0.2, 0.8)
IDLE_COLOR = "#f3eddc"  # of times that are not tested


def example_title(example: xr.Dataset) -> str:
    """Return what the sensors of an example are called."""
    place, layer = (str(example[k].item()) for k in ("place", "layer"))
    group = str(example["group"].item()) if "group" in example.coords else ""
    known = group in ("", ALL) or group in place
    return shortened(f"{place}, {layer}" if known else f"{place} ({group}), {layer}", 60)


def every(example: xr.Dataset, most: int) -> xr.Dataset:
    """Return every n-th time of an example, so that no more than a number of them is left."""
    step = max(1, -(-example.sizes["time"] // most))
    return example.isel(time=slice(None, None, step))


def level_of(example: xr.Dataset, model: str, level: float) -> np.ndarray | None:
    """Return the quantile (time) of a model at a level, None where it is not known."""
    found = example["level"].to_numpy().astype(float)
    nearest = int(np.argmin(np.abs(found - level)))
    values = picked(example.isel(level=nearest), "quantile", model=model)
    return values if abs(found[nearest] - level) < 1e-6 else None


def several_sensors(series: xr.Dataset) -> bool:
    """Return whether any example has readings of two sensors."""
    readings = series["obs"].transpose("example", "replicate", "time").to_numpy()
    return bool((np.isfinite(readings).any(axis=2).sum(axis=1) > 1).any())


def observed_belt(example: xr.Dataset) -> np.ndarray:
    """Return the belt (time) of the readings where all sensors read, NaN elsewhere [m3 m-3].

    The readings are equal parts of a mixture, each a Gaussian of the noise of a sensor. One
    sensor has no belt.
    """
    readings = example["obs"].transpose("time", "replicate").to_numpy().astype(float)
    readings = readings[:, np.isfinite(readings).any(axis=0)]
    if readings.shape[1] < 2:
        return np.full(readings.shape[0], np.nan)
    whole = np.isfinite(readings).all(axis=1)
    readings[~whole] = np.nan
    low, high = mixture_of_readings(readings, noise_of(example), BELT_LEVELS).T
    return high - low


# --- the whole record ---------------------------------------------------------------------------


def belts(series: xr.Dataset) -> Figure:
    """Draw readings, ERA5-Land and the belt of a model over the record of the examples."""
    model = shown_model(series, known_models(series, "quantile"))
    rows = series.sizes["example"]
    fig = figure(9.0, 2.0 * rows + 0.7)
    panels = fig.subplots(rows, 1, squeeze=False, sharex=True)[:, 0]
    replicates = labels(series, "replicate")
    handles: dict[str, Any] = {
        f"belt, {name_of(series, model)}": Patch(color="#b5b5b5", lw=0),
        "its mean": Line2D([], [], color="k", lw=1.2, ls="--"),
    }
    for n, axes in enumerate(panels):
        whole = every(series.isel(example=n), 3000)
        handles |= _belt_panel(axes, whole, model, replicates)
        axes.set_title(example_title(whole), loc="left", fontweight="bold")
    fig.supylabel(f"volumetric water content {UNIT}", fontsize=9)
    legend_above(fig, handles)
    return fig


def _belt_panel(
    axes: Axes, example: xr.Dataset, model: str, replicates: Sequence[str]
) -> dict[str, Any]:
    """Draw one example, and return the handles of what was drawn of it."""
    time, handles = example["time"].to_numpy(), {}
    low, high = (level_of(example, model, p) for p in BELT_LEVELS)
    if low is not None and high is not None:
        axes.fill_between(time, low, high, color="#b5b5b5", lw=0, zorder=1)
    mean = picked(example, "mean", model=model)
    if mean is not None:
        axes.plot(time, mean, color="k", lw=1.0, ls="--", zorder=4)
    for replicate, color in zip(replicates, REPLICATE_COLORS, strict=False):
        values = picked(example, "obs", replicate=replicate)
        if values is not None:
            axes.plot(time, values, color=color, lw=0.9, zorder=3)
            handles[f"sensor {replicate}"] = Line2D([], [], color=color, lw=1.6)
    land = picked(example, "era5_land")
    if land is not None:
        axes.plot(time, land, color=ERA5_COLOR, lw=1.1, ls=(0, (5, 1, 1, 1)), zorder=2)
        handles["ERA5-Land"] = Line2D([], [], color=ERA5_COLOR, lw=1.4, ls=(0, (5, 1, 1, 1)))
    if shade_untested(axes, example):
        handles["not tested"] = Patch(facecolor=IDLE_COLOR, edgecolor="none")
    axes.set_xlim(time[0], time[-1])
    time_axis(axes)
    return handles


def untested(example: xr.Dataset) -> np.ndarray:
    """Return which steps (time) are in stretches that are no part of the test.

    Single lost readings are no stretch: that is longer than a hundredth of the axis.
    """
    if "test" not in example:
        return np.zeros(example.sizes["time"], bool)
    idle = ~example["test"].to_numpy().astype(bool)
    return binary_opening(idle, np.ones(max(1, idle.size // 100), bool))


def shade_untested(axes: Axes, example: xr.Dataset) -> bool:
    """Shade what is no part of the test; return whether there is any."""
    idle, time = untested(example), example["time"].to_numpy()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], idle.astype(int), [0]])))
    for first, end in edges.reshape(-1, 2):
        last = time[min(end, time.size - 1)]
        axes.axvspan(days(time[first]), days(last), color=IDLE_COLOR, lw=0, zorder=0)
    return bool(idle.any())


def days(time: Any) -> float:
    """Return a moment as the number that the axis of time has for it."""
    return float(np.asarray(date2num(time)))


# --- belts of single places -----------------------------------------------------------------------


def place_belts(series: xr.Dataset) -> Figure:
    """Draw how often belts of the examples are how wide: readings, models, truth of a twin.

    All belts of an example are those of the tested times at which the models answer.
    """
    models = drawn_models(series, known_models(series, "quantile"), 3)
    count = series.sizes["example"]
    columns = min(count, 3)
    rows = -(-count // columns)
    wide = 3.0 * columns if columns > 1 else 6.0
    fig = figure(wide, (2.1 if columns > 1 else 2.6) * rows + 0.9)
    grid = fig.subplots(rows, columns, squeeze=False, sharex=True)
    for n, axes in enumerate(grid.ravel()):
        if n >= count:
            break
        example = every(series.isel(example=n), 6000)
        _place_panel(axes, example, models)
        axes.set_title(shortened(example_title(example), 38), loc="left", fontsize=8.5)
    hide_rest(grid, count)
    fig.supxlabel(f"belt: 80 % less 20 % quantile {UNIT}", fontsize=9)
    fig.supylabel(f"density {DENSITY_UNIT}", fontsize=9)
    handles: dict[str, Any] = {"readings": Patch(facecolor=OBSERVED_COLOR, alpha=0.4)}
    handles |= model_handles(series, models)
    if "truth_quantile" in series:
        handles["truth of the twin"] = Line2D([], [], color=TRUE_COLOR, lw=1.4, ls=(0, (1, 1)))
    legend_above(fig, handles, width=wide)
    return fig


def _place_panel(axes: Axes, example: xr.Dataset, models: Sequence[str]) -> None:
    of_model = {m: _width(picked_quantiles(example, m), example) for m in models}
    use = np.any([np.isfinite(v) for v in of_model.values()], axis=0) & ~untested(example)
    observed, true = observed_belt(example), _true_belt(example)
    every_belt = [observed, *([] if true is None else [true]), *of_model.values()]
    drawn = [np.where(use, values, np.nan) for values in every_belt]
    grid = _belt_grid(drawn)
    step = grid[1] - grid[0]
    looks = [
        {"color": OBSERVED_COLOR, "lw": 0.9},
        *([{"color": TRUE_COLOR, "lw": 1.3, "ls": (0, (1, 1))}] if true is not None else []),
        *(model_line(example, m) for m in of_model),
    ]
    for n, (values, look) in enumerate(zip(drawn, looks, strict=True)):
        known = values[np.isfinite(values)]
        if not known.size:
            continue
        counts, _ = np.histogram(known, np.append(grid - 0.5 * step, grid[-1] + 0.5 * step))
        smooth = gaussian_filter1d(counts / (known.size * step), 2.0, mode="constant")
        axes.plot(grid, smooth, **look)
        if n == 0:
            axes.fill_between(grid, 0.0, smooth, color=OBSERVED_COLOR, alpha=0.4, lw=0)
    axes.set_ylim(bottom=0.0)


def picked_quantiles(example: xr.Dataset, model: str) -> np.ndarray | None:
    """Return the quantiles (time, level) of a model, None where they are not known."""
    return picked(example, "quantile", ("time", "level"), model=model)


def _width(quantiles: np.ndarray | None, example: xr.Dataset) -> np.ndarray:
    """Return the belt (time) of quantiles (time, level)."""
    if quantiles is None:
        return np.full(example.sizes["time"], np.nan)
    level = example["level"].to_numpy().astype(float)
    low, high = (quantiles[:, int(np.argmin(np.abs(level - p)))] for p in BELT_LEVELS)
    return high - low


def _true_belt(example: xr.Dataset) -> np.ndarray | None:
    values = picked(example, "truth_quantile", ("time", "level"))
    return None if values is None else _width(values, example)


def _belt_grid(values: Sequence[np.ndarray]) -> np.ndarray:
    known = np.concatenate([v[np.isfinite(v)] for v in values])
    low, high = (known.min(), known.max()) if known.size else (0.0, 0.1)
    pad = max(0.12 * (high - low), 0.006)
    return np.linspace(max(low - pad, 0.0), high + pad, 90)
