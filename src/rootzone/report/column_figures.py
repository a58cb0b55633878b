"""Figures of the study `column`: one figure is one function of a dataset."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
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
    source_note,
    thin,
    time_axis,
)

NAMES = {
    "cosmic": "COSMIC",
    "desilets_2010": "Desilets 2010, depth-weighted",
    "koehli_2021": "UTS (Köhli 2021), depth-weighted",
    "koehli_2025": "Köhli 2025, depth-weighted",
}
"""Operators, as a reader knows them."""

THETA = r"$\theta$ [m$^3$ m$^{-3}$]"
_BAND = 1.645  # standard deviations of a 90 % band
_SNOW = 0.1  # mm, from which snow covers the soil
_EQUAL = 0.002  # m3 m-3: profiles whose mean differs by less count as equal


def operator_name(name: str) -> str:
    """Return what an operator is called in a figure."""
    head, _, number = name.partition(" ")
    return NAMES.get(head, head) + (f" ({number})" if number else "")


def bare(dataset: xr.Dataset) -> np.ndarray:
    """Return when no snow lies."""
    return dataset["snow_water_equivalent"].to_numpy() <= _SNOW


def long_axis(axes: Axes) -> None:
    """Label a time axis whose series fill it from side to side."""
    axes.margins(x=0.0)
    time_axis(axes)


def _daily(dataset: xr.Dataset, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return days and daily sums of a flux."""
    t = dataset["time"].to_numpy().astype("datetime64[D]")
    days, where = np.unique(t, return_inverse=True)
    values = dataset[name].to_numpy().astype(float)
    return days, np.bincount(where, np.nan_to_num(values), minlength=days.size)


def _rain(axes: Axes, dataset: xr.Dataset) -> None:
    """Draw daily rain as bars that hang from the top."""
    days, rain = _daily(dataset, "precipitation")
    axes.bar(days, rain, width=np.timedelta64(1, "D"), color=BLUE, lw=0)
    axes.set_ylim(1.05 * max(float(rain.max(initial=0.0)), 1.0), 0.0)
    axes.set_ylabel("rain\n[mm d$^{-1}$]")
    axes.grid(visible=False)


def profile(results: xr.Dataset) -> Figure:
    """Draw the water of the profile over time, with the rain above it."""
    fig = figure(9.0, 4.3)
    top, image = fig.subplots(2, 1, sharex=True, height_ratios=[1, 4.2])
    _rain(top, results)
    shown = thin(results, "time", 3000)
    t = shown["time"].to_numpy()
    edges = np.append(t, t[-1] + (t[-1] - t[-2] if t.size > 1 else np.timedelta64(1, "D")))
    bounds = results["layer_bounds"].to_numpy()
    depth = np.append(bounds[:, 0], bounds[-1, 1])
    theta = np.ma.masked_invalid(shown["soil_moisture"].to_numpy().T)
    mesh = image.pcolormesh(edges, depth, theta, cmap="YlGnBu", rasterized=True)
    image.set_xlim(edges[0], edges[-1])
    image.set_ylim(depth[-1], 0.0)
    # The root zone is where it happens: it gets more room than its share of the depth.
    image.set_yscale("function", functions=(_stretch, _squeeze))
    image.set_yticks([d for d in (0, 5, 10, 20, 30, 50, 70, 100, 150, 200, 300) if d <= depth[-1]])
    image.set_ylabel("depth [cm]")
    image.axhline(results.attrs["root_zone_cm"], color="k", lw=0.7, ls=(0, (4, 3)))
    image.grid(visible=False)
    fig.colorbar(mesh, ax=[top, image], label=THETA, aspect=28, pad=0.015)
    top.set_title(f"Water of the profile, {results.attrs['station']}")
    time_axis(image)
    source_note(fig, results)
    return fig


def _stretch(depth: Any) -> Any:
    return np.sqrt(np.maximum(depth, 0.0) + 4.0)


def _squeeze(root: Any) -> Any:
    return np.asarray(root) ** 2 - 4.0


def root_zone(results: xr.Dataset) -> Figure:
    """Draw the mean water of the root zone and of the first layer, and the snow."""
    fig = figure(9.0, 3.2)
    axes = fig.subplots()
    shown = thin(results, "time")
    t = shown["time"].to_numpy()
    bounds = results["layer_bounds"].to_numpy()[0]
    first, zone = f"{bounds[0]:g}-{bounds[1]:g} cm", f"0-{results.attrs['root_zone_cm']:g} cm"
    axes.plot(t, shown["soil_moisture"].isel(layer=0), color=SKY, lw=0.8, label=first)
    axes.plot(t, shown["root_zone"], color="k", lw=1.3, label=zone)
    axes.set_ylabel(f"water content {THETA}")
    axes.set_ylim(0.0, 1.18 * axes.get_ylim()[1])
    _shade_snow(axes, shown)
    axes.legend(loc="upper right", ncols=3)
    axes.set_title(f"Soil water, {results.attrs['station']}")
    long_axis(axes)
    source_note(fig, results)
    return fig


def counts(results: xr.Dataset, hours: float) -> Figure:
    """Draw the count rates of all operators, with the band of counting noise."""
    names = [str(n) for n in results["operator"].to_numpy()]
    fig = figure(9.0, 1.2 + 1.75 * len(names))
    rows = fig.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    shown = thin(results, "time")
    t = shown["time"].to_numpy()
    for n, (axes, name) in enumerate(zip(rows, names, strict=True)):
        rate = shown["count_rate"].isel(operator=n).to_numpy()
        noise = _BAND * np.sqrt(rate / hours)
        if "count_rate_counted" in shown:
            counted = shown["count_rate_counted"].isel(operator=n)
            axes.plot(t, counted, ".", ms=1.6, color=GREY, alpha=0.6, label="counted")
        axes.fill_between(
            t, rate - noise, rate + noise, color=SKY, alpha=0.5, lw=0, label="90 % counting noise"
        )
        axes.plot(t, rate, color=BLUE, lw=0.9, label="expected")
        axes.plot(
            t,
            shown["count_rate_homogeneous"].isel(operator=n),
            color=RED,
            lw=0.8,
            label=f"if the water of 0-{results.attrs['root_zone_cm']:g} cm were everywhere",
        )
        axes.set_ylabel("counts [h$^{-1}$]")
        axes.set_title(operator_name(name))
        _shade_snow(axes, shown)
    top = rows[0]
    low, high = top.get_ylim()
    top.set_ylim(low, high + 0.22 * (high - low))
    top.legend(loc="upper right", ncols=5, markerscale=5)
    long_axis(rows[-1])
    source_note(fig, results)
    return fig


def _shade_snow(axes: Axes, shown: xr.Dataset) -> None:
    """Shade the times of snow cover, as high as the axes are."""
    snow = shown["snow_water_equivalent"].to_numpy() > _SNOW  # nowhere, where it is not known
    if snow.any():
        axes.fill_between(
            shown["time"].to_numpy(),
            0.0,
            1.0,
            where=snow,
            step="post",
            transform=axes.get_xaxis_transform(),
            color="#bbbbbb",
            alpha=0.4,
            lw=0,
            label="snow",
        )


_FLUXES = {
    "precipitation": ("rain and snow", BLUE),
    "evaporation": ("evaporation of the soil", ORANGE),
    "transpiration": ("transpiration", GREEN),
    "interception_evaporation": ("evaporation of leaves", "#8c6d31"),
    "runoff": ("runoff", RED),
    "drainage": ("drainage", PURPLE),
}


def fluxes(results: xr.Dataset) -> Figure:
    """Draw the fluxes, cumulative and of each day."""
    fig = figure(9.0, 5.0)
    total, daily = fig.subplots(2, 1, sharex=True, height_ratios=[1.25, 1])
    for name, (label, color) in _FLUXES.items():
        days, values = _daily(results, name)
        if np.abs(values).max(initial=0.0) < 1e-3:
            continue
        sum_ = float(values.sum())
        total.plot(days, np.cumsum(values), color=color, label=f"{label}, {sum_:.0f} mm")
        if name != "precipitation":
            daily.plot(days, values, color=color, lw=0.7)
    days, demand = _daily(results, "potential_evapotranspiration")
    label = f"potential evapotranspiration, {demand.sum():.0f} mm"
    total.plot(days, np.cumsum(demand), color=GREY, ls=(0, (4, 2)), lw=0.9, label=label)
    total.set_ylabel("since the start [mm]")
    total.set_title(f"Fluxes, {results.attrs['station']}")
    total.legend(loc="upper left")
    daily.set_ylabel("of each day [mm d$^{-1}$]")
    long_axis(daily)
    source_note(fig, results)
    return fig


def balance(results: xr.Dataset) -> Figure:
    """Draw the change of all stores, and what the balance misses."""
    fig = figure(9.0, 3.4)
    stores, error = fig.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    shown = thin(results, "time")
    t = shown["time"].to_numpy()
    labels = {
        "soil_water_storage": ("soil, less its first value", "k"),
        "snow_water_equivalent": ("snow", SKY),
        "canopy_water": ("leaves", GREEN),
        "standing_water": ("standing water", BLUE),
    }
    for name, (label, color) in labels.items():
        values = shown[name].to_numpy().astype(float)
        if name == "soil_water_storage":
            values = values - values[0]
        elif np.nanmax(np.abs(values), initial=0.0) < 1e-3:
            continue
        stores.plot(t, values, color=color, label=label)
    stores.set_ylabel("water [mm]")
    stores.set_title(f"Stores and balance error, {results.attrs['station']}")
    low, high = stores.get_ylim()
    stores.set_ylim(low, high + 0.2 * (high - low))
    stores.legend(loc="upper right", ncols=4)
    error.plot(t, shown["balance_error"], color=RED, lw=0.8, label="column")
    if "closure" in shown:
        error.plot(t, shown["closure"], color=GREY, lw=0.8, label="column, snow and leaves")
    error.set_ylabel("error [mm]")
    error.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
    low, high = error.get_ylim()
    error.set_ylim(low, high + 0.5 * (high - low))
    error.legend(loc="upper left", ncols=2)
    long_axis(error)
    source_note(fig, results)
    return fig


# --- counts against water ---------------------------------------------------------------


def _equal_pair(water: np.ndarray, rate: np.ndarray, usable: np.ndarray) -> tuple[int, int] | None:
    """Return two instants with equal mean water and the most different counts."""
    good = np.flatnonzero(usable & np.isfinite(water) & np.isfinite(rate))
    if good.size < 2:
        return None
    best: tuple[float, int, int] | None = None
    for shift in (0.0, 0.5):  # half a bin apart, so that no pair falls between two bins
        bins = np.floor(water[good] / _EQUAL + shift).astype(int)
        order = np.lexsort((rate[good], bins))
        starts = np.flatnonzero(np.diff(bins[order], prepend=bins[order][0] - 1))
        ends = np.append(starts[1:], order.size) - 1
        few, many = good[order[starts]], good[order[ends]]
        gap = (rate[many] - rate[few]) / rate[few]
        n = int(np.argmax(gap))
        if best is None or gap[n] > best[0]:
            best = (float(gap[n]), int(many[n]), int(few[n]))
    return None if best is None or best[1] == best[2] else best[1:]


def counts_against_water(results: xr.Dataset, operator: int = 0) -> Figure:
    """Draw counts against mean water: a line if homogeneous, a cloud if real; two profiles.

    The color tells whether the surface is wetter or drier than the mean of the root zone.
    """
    fig = figure(9.0, 4.2)
    cloud, pair = fig.subplots(1, 2, width_ratios=[1.45, 1])
    zone = results.attrs["root_zone_cm"]
    water = results["root_zone"].to_numpy().astype(float)
    rate = results["count_rate"].isel(operator=operator).to_numpy().astype(float)
    usable = bare(results)
    bounds = results["layer_bounds"].to_numpy()
    excess = results["soil_moisture"].isel(layer=0).to_numpy() - water
    colored(
        cloud,
        fig,
        water[usable],
        rate[usable],
        excess[usable],
        f"0-{bounds[0, 1]:g}",
        f"0-{zone:g}",
    )
    line = results["line_water"].to_numpy()
    cloud.plot(
        line,
        results["line_rate"].isel(operator=operator),
        color="k",
        lw=1.6,
        label="homogeneous profiles",
    )
    known = np.isfinite(water)
    span = float(np.ptp(water[known])) if known.any() else 0.1
    low = float(water[known].min()) if known.any() else 0.0
    cloud.set_xlim(low - 0.08 * span, low + 1.08 * span)
    shown = rate[usable & known]
    if shown.size:
        pad = 0.12 * float(np.ptp(shown)) + 1.0
        cloud.set_ylim(float(shown.min()) - pad, float(shown.max()) + 2.0 * pad)
    cloud.set_xlabel(f"mean water content of 0-{zone:g} cm {THETA}")
    name = operator_name(str(results["operator"].to_numpy()[operator]))
    cloud.set_ylabel("neutron count rate [h$^{-1}$]")
    cloud.set_title(f"a  {name}: one mean, many counts", loc="left")
    found = _equal_pair(water, rate, usable)
    if found is not None:
        t = results["time"].to_numpy()
        for letter, when, color in zip("12", found, (ORANGE, BLUE), strict=True):
            day = np.datetime_as_string(t[when], unit="D")
            cloud.plot(
                water[when],
                rate[when],
                "o",
                ms=8,
                mfc=color,
                mec="k",
                mew=1.0,
                zorder=5,
                ls="none",
                label=f"{letter}: {day}, mean {water[when]:.3f}, {rate[when]:.0f} h$^{{-1}}$",
            )
        _two_profiles(pair, results, found, rate)
    else:
        pair.set_axis_off()
    cloud.legend(loc="upper right")
    source_note(fig, results)
    return fig


def colored(
    axes: Axes, fig: Figure, water: Any, rate: Any, excess: Any, top: str, zone: str
) -> None:
    """Draw points colored by how much wetter the top is than the whole."""
    most = float(np.nanquantile(np.abs(excess), 0.99)) if np.isfinite(excess).any() else 0.1
    shown = axes.scatter(
        water,
        rate,
        c=excess,
        s=7,
        lw=0,
        alpha=0.85,
        cmap="BrBG",
        norm=TwoSlopeNorm(0.0, -max(most, 1e-3), max(most, 1e-3)),
        rasterized=True,
    )
    bar = fig.colorbar(shown, ax=axes, aspect=30, pad=0.02)
    bar.set_label(f"water of {top} cm less that of {zone} cm [m$^3$ m$^{{-3}}$]", fontsize=8)


def _two_profiles(axes: Axes, results: xr.Dataset, pair: tuple[int, int], rate: np.ndarray) -> None:
    """Draw two profiles over depth, with their means and counts."""
    bounds = results["layer_bounds"].to_numpy()
    zone = results.attrs["root_zone_cm"]
    deepest = min(2.0 * zone, bounds[-1, 1])
    edges = np.append(bounds[:, 0], bounds[-1, 1])
    for letter, when, color in zip("12", pair, (ORANGE, BLUE), strict=True):
        theta = results["soil_moisture"].isel(time=when).to_numpy()
        axes.stairs(
            theta,
            edges,
            orientation="horizontal",
            baseline=None,
            color=color,
            lw=2.2,
        )
        axes.annotate(
            letter,
            (theta[0], 0.0),
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            color=color,
            weight="bold",
        )
    axes.axhline(zone, color="k", lw=0.7, ls=(0, (4, 3)))
    axes.set_ylim(deepest, 0.0)
    axes.set_xlabel(THETA)
    axes.set_ylabel("depth [cm]")
    more = 100.0 * (rate[pair[0]] / rate[pair[1]] - 1.0)
    axes.set_title(f"b  equal means, {more:.1f} % more counts", loc="left", pad=16)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.margins(x=0.08)
