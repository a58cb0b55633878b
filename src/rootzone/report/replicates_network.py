"""Figures of the network of the study `replicates`: where, when, how far replicates differ."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rootzone.report.replicates_series import every, example_title
from rootzone.report.replicates_style import (
    ALL,
    REPLICATE_COLORS,
    UNIT,
    group_colors,
    labels,
    legend_above,
    picked,
    shortened,
)
from rootzone.report.style import figure, time_axis

_KM_PER_DEGREE = 111.2
_SHARES = ListedColormap(["#ffffff", "#d0e3f0", "#9fc6e0", "#5a9fc9", "#1f6fa8"])
_MOST_NAMES = 24  # places that a map can name


def located(network: xr.Dataset | None) -> bool:
    """Return whether the places of the network have coordinates, and not all the same ones."""
    latitude, longitude = (picked(network, name) for name in ("latitude", "longitude"))
    if latitude is None or longitude is None:
        return False
    known = np.isfinite(latitude) & np.isfinite(longitude)
    return len({*zip(latitude[known], longitude[known], strict=True)}) > 1


def network_map(network: xr.Dataset) -> Figure:
    """Draw the places by group and, where readings are given, when how many sensors read."""
    groups = _groups(network)
    colors = group_colors(sorted(set(groups)))
    records = "soil_moisture" in network
    on_map = located(network)
    places = network.sizes["place"]
    high = max(3.6, 0.13 * places + 1.4) if records else 3.6
    fig = figure(9.0 if on_map and records else 6.4, min(high, 8.5))
    wanted = ([1.0] if on_map else []) + ([1.5] if records else [])
    panels = list(np.atleast_1d(fig.subplots(1, len(wanted), width_ratios=wanted)))
    if on_map:
        _map_panel(panels[0], network, groups, colors)
    if records:
        _records_panel(panels[-1], network, groups, colors)
    if len(colors) > 1 or (on_map and ALL not in colors):
        legend_above(
            fig,
            {g: Line2D([], [], marker="o", ls="", color=c, ms=6) for g, c in colors.items()},
        )
    return fig


def _groups(network: xr.Dataset) -> list[str]:
    if "group" not in network.coords:
        return ["places"] * network.sizes["place"]
    return [str(g) for g in network["group"].to_numpy()]


def _map_panel(
    axes: Axes, network: xr.Dataset, groups: Sequence[str], colors: dict[str, str]
) -> None:
    """Draw the places in kilometers, east and north of their middle."""
    latitude, longitude = (network[k].to_numpy().astype(float) for k in ("latitude", "longitude"))
    known = np.isfinite(latitude) & np.isfinite(longitude)
    middle = 0.5 * (latitude[known].min() + latitude[known].max())
    east = (longitude - 0.5 * (longitude[known].min() + longitude[known].max())) * _KM_PER_DEGREE
    east = east * np.cos(np.radians(middle))
    north = (latitude - middle) * _KM_PER_DEGREE
    for n in np.flatnonzero(known):
        axes.plot(east[n], north[n], "o", ms=6, color=colors[groups[int(n)]], mec="w", mew=0.6)
    if known.sum() <= _MOST_NAMES:
        for n in np.flatnonzero(known):
            axes.annotate(
                shortened(str(network["place"].to_numpy()[n]), 16),
                (east[n], north[n]),
                xytext=(4, 3),
                textcoords="offset points",
                fontsize=6.5,
                color="#444444",
            )
    axes.margins(0.14)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set(xlabel="east [km]", ylabel="north [km]")
    where = f"{abs(middle):.2f}° {'N' if middle >= 0 else 'S'}"
    axes.set_title(f"places around {where}", loc="left")


def _records_panel(
    axes: Axes, network: xr.Dataset, groups: Sequence[str], colors: dict[str, str]
) -> None:
    """Draw by place and stretch of time which share of the sensors read, groups together."""
    order = sorted(range(len(groups)), key=lambda n: (groups[n], n))
    edges, known = record_shares(network)
    axes.pcolormesh(
        date2num(edges), np.arange(len(order) + 1), known[order], cmap=_SHARES, vmin=0, vmax=1
    )
    axes.invert_yaxis()
    names = [shortened(str(network["place"].to_numpy()[n]), 18) for n in order]
    small = 7.5 if len(order) <= 26 else 5.5
    axes.set_yticks(np.arange(len(order)) + 0.5, names, fontsize=small)
    for n, tick in zip(order, axes.get_yticklabels(), strict=True):
        tick.set_color(colors[groups[int(n)]])
    axes.grid(visible=False)
    axes.set_title("share of sensors that read (darkest: more than 80 %)", loc="left")
    time_axis(axes)


def record_shares(network: xr.Dataset, most: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """Return edges of stretches of time, and the share (place, stretch) of readings there.

    The readings of a place are counted against all its sensors that ever read.
    """
    time = network["time"].to_numpy()
    readings = network["soil_moisture"].transpose("place", "depth", "replicate", "time")
    length = max(1, -(-time.size // most))
    starts = np.arange(0, time.size, length)
    shares = np.zeros((readings.sizes["place"], starts.size))
    for n in range(readings.sizes["place"]):  # one place after the other: readings may be hourly
        there = np.isfinite(readings[n].to_numpy()).reshape(-1, time.size)
        sensors = max(int(there.any(axis=1).sum()), 1)
        counts = np.add.reduceat(there.sum(axis=0), starts)
        shares[n] = counts / (sensors * np.diff(np.append(starts, time.size)))
    step = time[-1] - time[-2] if time.size > 1 else np.timedelta64(1, "D")
    return np.append(time[starts], time[-1] + step), shares


def replicate_spread(series: xr.Dataset) -> int:
    """Return the example whose sensors differ most in their means; there must be one with two."""
    readings = series["obs"].transpose("example", "replicate", "time").to_numpy().astype(float)
    known = np.isfinite(readings)
    mean = np.where(known, readings, 0.0).sum(axis=2) / np.maximum(known.sum(axis=2), 1)
    read = known.any(axis=2)
    highest = np.where(read, mean, -np.inf).max(axis=1)
    lowest = np.where(read, mean, np.inf).min(axis=1)
    return int(np.argmax(np.where(read.sum(axis=1) > 1, highest - lowest, -np.inf)))


def replicates(series: xr.Dataset, number: int) -> Figure:
    """Draw the sensors of one place and depth, and how far they are apart."""
    example = every(series.isel(example=number), 4000)
    time = example["time"].to_numpy()
    fig = figure(9.0, 2.7)
    axes = fig.subplots()
    readings = example["obs"].transpose("replicate", "time").to_numpy().astype(float)
    all_there = np.isfinite(readings).any(axis=0)
    low = np.where(np.isfinite(readings), readings, np.inf).min(axis=0)
    high = np.where(np.isfinite(readings), readings, -np.inf).max(axis=0)
    axes.fill_between(time, low, high, where=all_there, color="#e2e2e2", lw=0)
    for name, color, values in zip(
        labels(series, "replicate"), REPLICATE_COLORS, readings, strict=False
    ):
        if np.isfinite(values).any():
            axes.plot(time, values, color=color, lw=1.0, label=f"sensor {name}")
    axes.set_title(example_title(example), loc="left", fontweight="bold")
    axes.set_ylabel(f"volumetric water\ncontent {UNIT}")
    axes.set_xlim(time[0], time[-1])
    axes.legend(ncols=4, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)
    time_axis(axes)
    return fig
