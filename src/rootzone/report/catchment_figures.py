"""Series, line and balance of the study `catchment`: one figure is one function of a dataset."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from rootzone.report.catchment_maps import horizon_label
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

LONG = 2000
"""Days from which on series are drawn with thinner lines and rain as sums of months."""
HORIZON_COLORS = (SKY, BLUE, GREEN, PURPLE, ORANGE, RED)
_COVER_COLORS = {
    "shunting area": "#9e9e9e",
    "dense forest": "#1b5e20",
    "open forest": "#8bc34a",
    "meadow": "#f2d75c",
}


def water_series(series: xr.Dataset) -> Figure:
    """Rain and snow, soil water of the horizons, fluxes and counts, means of the catchment."""
    counts = "neutrons" in series
    heights = [0.75, 1.5, 0.9, *([1.0] if counts else [])]
    fig = figure(9.0, 7.6 if counts else 6.0)
    rows = fig.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    t = series["time"].to_numpy()
    thin = 0.6 if len(t) > LONG else 1.1
    _rain_and_snow(rows[0], series, t)
    for n in range(series.sizes["horizon"]):
        rows[1].plot(
            t,
            series["theta"][:, n],
            color=HORIZON_COLORS[n % len(HORIZON_COLORS)],
            label=horizon_label(series, n),
            lw=thin,
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
        rows[2].plot(t, _running(series[name].to_numpy(), width), color=color, label=label, lw=thin)
    rows[2].set_ylabel(f"fluxes, mean\nof {width} days\n[mm d⁻¹]")
    rows[2].set_ylim(0.0, 1.3 * rows[2].get_ylim()[1])
    rows[2].legend(loc="upper right", ncols=3)
    if counts:
        rows[3].plot(t, series["neutrons"], color=ORANGE, lw=thin)
        rows[3].set_ylabel("neutron\ncount rate [h⁻¹]")
    rows[0].set_xlim(t[0], t[-1] + np.timedelta64(1, "D"))
    time_axis(rows[-1])
    fig.align_ylabels(rows)
    return fig


def _rain_and_snow(axes: Axes, series: xr.Dataset, t: np.ndarray) -> None:
    rain, unit = series["precipitation"].to_numpy(), "mm d⁻¹"
    edges = np.append(t, t[-1] + np.timedelta64(1, "D"))
    if len(t) > LONG:  # bars of days would be thinner than a line
        month = t.astype("datetime64[M]").astype(int)
        first = np.flatnonzero(np.diff(month, prepend=month[0] - 1))
        rain, unit = np.add.reduceat(rain, first), "mm per month"
        edges = np.append(t[first], edges[-1])
    axes.stairs(rain, edges, fill=True, color=BLUE)
    axes.set_ylabel(f"precipitation\n[{unit}]", color=BLUE)
    axes.set_ylim(2.2 * float(rain.max()) + 1e-9, 0.0)
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
    rows[0].set_xlim(t[0], t[-1] + np.timedelta64(1, "D"))
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
    low, high = (both.min(), both.max()) if both.size else (0.0, 1.0)
    pad = 0.03 * (high - low) or 1.0
    limits = (low - pad, high + pad)
    right.plot(limits, limits, color="k", lw=0.8)
    right.set(xlim=limits, ylim=limits, aspect="equal")
    right.xaxis.set_major_locator(MaxNLocator(4))
    right.yaxis.set_major_locator(MaxNLocator(4))
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
        if name == "karst":
            label = "loss in karst" if values.sum() >= 0.0 else "gain in karst (below 0)"
        start = np.where(values >= 0, up, down)
        axes.bar(place + 0.2, values, 0.34, bottom=start, color=color, label=label)
        up, down = up + np.maximum(values, 0.0), down + np.minimum(values, 0.0)
    axes.axhline(0.0, color="k", lw=0.7)
    days = shown["days"].to_numpy()
    ticks = [
        f"{y}" if d >= 365 else f"{y}\n({d:.0f} days)"
        for y, d in zip(shown["year"].to_numpy(), days, strict=True)
    ]
    step = -(-len(ticks) // 12)
    axes.set_xticks(place[::step], ticks[::step])
    axes.set_ylabel("water [mm]")
    axes.grid(False, axis="x")
    fig.legend(loc="outside upper center", ncols=5)
    return fig
