"""Figures of the study `station`: one figure is one function of a dataset."""

import numpy as np
import xarray as xr
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

_FACTORS = {
    "pressure": ("pressure", BLUE),
    "humidity": ("humidity", GREEN),
    "incoming": ("incoming intensity", RED),
    "biomass": ("biomass", ORANGE),
    "road": ("road", PURPLE),
}


def counts(results: xr.Dataset) -> Figure:
    """Raw and corrected counts, and what each factor changes."""
    fig = figure(9.0, 5.6)
    top, bottom = fig.subplots(2, 1, sharex=True, height_ratios=[1.35, 1])
    shown = thin(results, "time")
    t = shown["time"].to_numpy()
    top.plot(t, shown["count_rate_raw"], ".", ms=1.2, color=GREY, alpha=0.5, label="raw")
    top.plot(
        t, shown["count_rate_step"], ".", ms=1.2, color=SKY, alpha=0.5, label="corrected, each step"
    )
    window = results.attrs["window_hours"]
    top.plot(t, shown["count_rate"], color=BLUE, label=f"corrected, mean over {window:g} h")
    n0 = results.attrs["N0_per_hour"]
    top.set_ylabel("neutron count rate [h$^{-1}$]")
    good = np.concatenate([shown["count_rate_raw"].to_numpy(), shown["count_rate"].to_numpy()])
    good = good[np.isfinite(good)]
    if good.size:
        low, high = np.quantile(good, [0.001, 0.999])
        pad = 0.12 * (high - low) + 1e-9
        top.set_ylim(max(0.0, low - pad), high + pad)
    top.set_title(f"Neutron counts of {results.attrs['station']} (N$_0$ = {n0:.0f} h$^{{-1}}$)")
    top.legend(loc="upper right", ncols=3, markerscale=6)
    for name, (label, color) in _FACTORS.items():
        factor = shown[f"{name}_factor"].to_numpy()
        if np.nanmax(np.abs(factor - 1.0), initial=0.0) == 0.0:
            continue
        # Against its own mean: a constant factor moves N0, not the water.
        relative = 100.0 * (factor / np.nanmean(factor) - 1.0)
        bottom.plot(t, relative, color=color, lw=0.8, label=label)
    bottom.axhline(0.0, color="k", lw=0.6)
    bottom.set_ylabel("change of counts by\nfactor, against its mean [%]")
    bottom.legend(loc="upper right", ncols=5)
    time_axis(bottom)
    source_note(fig, results)
    return fig


def soil_moisture(daily: xr.Dataset) -> Figure:
    """Soil moisture with bands, rain, root zone and penetration depth, day by day."""
    fig = figure(9.0, 6.4)
    rows = fig.subplots(3, 1, sharex=True, height_ratios=[0.45, 1.6, 0.75])
    rain_axes, axes, depth_axes = rows
    t = daily["day"].to_numpy()
    snow = daily["snow_or_frost"].to_numpy() > 0
    if "precipitation" in daily and bool(np.isfinite(daily["precipitation"]).any()):
        edges = np.append(t, t[-1] + np.timedelta64(1, "D"))
        rain_axes.stairs(np.nan_to_num(daily["precipitation"]), edges, fill=True, color=BLUE)
        rain_axes.set_ylim(bottom=0)
    else:
        rain_axes.text(0.5, 0.5, "no rain given", transform=rain_axes.transAxes, ha="center")
    rain_axes.invert_yaxis()
    rain_axes.set_ylabel("rain\n[mm d$^{-1}$]")
    rain_axes.set_title(f"Soil moisture of {daily.attrs['station']}, daily, {_period(t)}")
    axes.fill_between(
        t,
        daily["soil_moisture_lower"],
        daily["soil_moisture_upper"],
        color=SKY,
        alpha=0.35,
        lw=0,
        label="footprint, 90 % band",
    )
    axes.plot(t, daily["soil_moisture"], color=BLUE, label="footprint (depth-weighted)")
    for n, color in zip(range(daily.sizes["depth"]), (RED, PURPLE, GREEN), strict=False):
        bottom = float(daily["depth"][n])
        mean = daily["root_zone"][n]
        axes.plot(t, mean, color=color, lw=1.0, label=f"root zone 0-{bottom:g} cm")
        if n == 0:
            band = daily["root_zone_lower"][n], daily["root_zone_upper"][n]
            axes.fill_between(t, *band, color=color, alpha=0.12, lw=0)
    upper = daily["soil_moisture_upper"].to_numpy()
    upper = upper[np.isfinite(upper)]
    if upper.size:  # room for the legend above the band
        axes.set_ylim(top=1.25 * float(np.quantile(upper, 0.995)))
    _snow(axes, t, snow)
    axes.set_ylabel(r"soil moisture $\theta$ [m$^3$ m$^{-3}$]")
    axes.set_ylim(bottom=_lowest(daily["soil_moisture"]))
    axes.legend(loc="upper right", ncols=2)
    depth = daily["penetration_depth"].to_numpy()
    depth_axes.fill_between(t, 0.0, depth, color=ORANGE, alpha=0.45, lw=0)
    depth_axes.plot(t, depth, color=ORANGE)
    depth_axes.set_ylim(1.1 * np.nanmax(depth, initial=1.0), 0.0)
    depth_axes.set_ylabel("D$_{86}$ [cm]")
    time_axis(depth_axes)
    source_note(fig, daily)
    return fig


def _lowest(values: xr.DataArray) -> float:
    """Return the lower end of an axis of water contents: 0, or less where values are."""
    known = values.to_numpy()[np.isfinite(values.to_numpy())]
    return min(0.0, float(known.min())) if known.size else 0.0


def _period(t: np.ndarray) -> str:
    first, last = (np.datetime_as_string(t[n], unit="D") for n in (0, -1))
    return f"{first} to {last}"


def _snow(axes, t: np.ndarray, snow: np.ndarray) -> None:
    if snow.any():
        low, high = axes.get_ylim()
        axes.fill_between(
            t,
            low,
            high,
            where=snow,
            step="mid",
            color="#bbbbbb",
            alpha=0.35,
            lw=0,
            label="snow or frost: not soil water",
        )
        axes.set_ylim(low, high)


def steps(results: xr.Dataset) -> Figure:
    """Soil moisture of every step with its band, for records without a full day."""
    fig = figure(9.0, 3.4)
    axes = fig.subplots()
    t = results["time"].to_numpy()
    axes.fill_between(
        t,
        results["soil_moisture_lower"],
        results["soil_moisture_upper"],
        color=SKY,
        alpha=0.35,
        lw=0,
        label="90 % band",
    )
    noise = 1.645 * results["soil_moisture_sigma_counting"]
    axes.fill_between(
        t,
        results["soil_moisture"] - noise,
        results["soil_moisture"] + noise,
        color=BLUE,
        alpha=0.25,
        lw=0,
        label="counting alone, 90 %",
    )
    axes.plot(t, results["soil_moisture"], color=BLUE, label="footprint (depth-weighted)")
    axes.set_ylabel(r"soil moisture $\theta$ [m$^3$ m$^{-3}$]")
    axes.set_title(f"Soil moisture of {results.attrs['station']}, {_period(t)}")
    axes.set_ylim(bottom=_lowest(results["soil_moisture"]))
    axes.legend(loc="upper right", ncols=3)
    time_axis(axes)
    source_note(fig, results)
    return fig


def track(results: xr.Dataset) -> Figure:
    """Soil moisture along the track of a mobile detector."""
    fig = figure(6.4, 5.2)
    axes = fig.subplots()
    lat, lon = results["latitude"].to_numpy(), results["longitude"].to_numpy()
    fixed = np.isfinite(lat) & np.isfinite(lon)
    theta = np.where(fixed, results["soil_moisture"].to_numpy(), np.nan)
    axes.plot(lon[fixed], lat[fixed], color="#cccccc", lw=0.8, zorder=1)
    shown = axes.scatter(lon[fixed], lat[fixed], c=theta[fixed], s=16, cmap="YlGnBu", zorder=2)
    middle = float(np.nanmean(lat[fixed])) if fixed.any() else 0.0
    axes.set_aspect(1.0 / np.cos(np.deg2rad(middle)))
    axes.set_xlabel("longitude as logged [°]")
    axes.set_ylabel("latitude [°]")
    axes.set_title(f"Soil moisture along the track of {results.attrs['station']}")
    fig.colorbar(shown, ax=axes, label=r"$\theta$ [m$^3$ m$^{-3}$]", shrink=0.8)
    source_note(fig, results)
    return fig


def calibration(daily: xr.Dataset, curve: dict[str, np.ndarray]) -> Figure:
    """Draw the calibrated law with the campaigns on it, and the soil samples of the campaigns.

    ``curve`` holds ``water`` (total gravimetric) and ``rate`` of the law.
    """
    samples = "sample_depth" in daily
    fig = figure(9.0 if samples else 5.6, 3.8)
    panels = fig.subplots(1, 2) if samples else [fig.subplots()]
    axes = panels[0]
    axes.plot(curve["water"], curve["rate"], color=BLUE, label=f"{daily.attrs['law']}, calibrated")
    n0, sigma = daily.attrs["N0_per_hour"], daily.attrs["N0_sigma_per_hour"]
    scale = 1.645 * sigma / n0
    axes.fill_between(
        curve["water"],
        curve["rate"] * (1 - scale),
        curve["rate"] * (1 + scale),
        color=SKY,
        alpha=0.35,
        lw=0,
        label="90 % band of N$_0$",
    )
    rates = daily["count_rate"].to_numpy()
    rates = rates[np.isfinite(rates)]
    if rates.size:
        low, high = np.quantile(rates, [0.01, 0.99])
        axes.axhspan(low, high, color=GREY, alpha=0.12, lw=0, label="98 % of the daily counts")
        axes.set_ylim(0.9 * low, 1.15 * max(high, float(np.nanmax(curve["rate"][20:]))))
    if "campaign_N0" in daily:
        total = daily["campaign_gravimetric_water"] + daily["campaign_added_water"]
        axes.errorbar(
            total,
            daily["campaign_count_rate"],
            xerr=daily["campaign_gravimetric_water_sigma"],
            yerr=daily["campaign_count_rate_sigma"],
            fmt="o",
            ms=5,
            color=RED,
            capsize=2,
            label="campaigns (1 sd)",
        )
    axes.set_xlabel("total gravimetric water: pores, lattice, organic [g g$^{-1}$]")
    axes.set_ylabel("corrected count rate [h$^{-1}$]")
    axes.set_title(f"N$_0$ = {n0:.1f} ± {sigma:.1f} h$^{{-1}}$")
    axes.legend(loc="upper right")
    if samples:
        _samples(panels[1], daily)
    source_note(fig, daily)
    return fig


def _samples(axes, daily: xr.Dataset) -> None:
    colors = (BLUE, RED, GREEN, PURPLE, ORANGE)
    number = daily["sample_campaign"].to_numpy()
    theta = (daily["sample_gravimetric_water"] * daily["sample_bulk_density"]).to_numpy()
    depth, weight = daily["sample_depth"].to_numpy(), daily["sample_weight"].to_numpy()
    for n in np.unique(number):
        of = number == n
        day = np.datetime_as_string(daily["campaign_time"].to_numpy()[n], unit="D")
        color = colors[int(n) % len(colors)]
        size = 4.0 + 160.0 * weight[of] / weight[of].max() * 0.4
        axes.scatter(theta[of], depth[of], s=size, color=color, alpha=0.45, lw=0, label=day)
        for z in np.unique(depth[of]):
            layer = of & (depth == z)
            axes.plot(theta[layer].mean(), z, "|", ms=12, mew=2, color=color)
    axes.invert_yaxis()
    axes.set_xlabel(r"water of the samples [m$^3$ m$^{-3}$]")
    axes.set_ylabel("depth [cm]")
    axes.set_title("Soil samples; area: weight in the footprint, bar: mean")
    axes.legend(loc="lower right")


def comparison(daily: xr.Dataset, scores: dict[str, dict[str, float]]) -> Figure:
    """Draw retrieved against measured: series and scatter, one row for each comparison."""
    keys = [
        (str(daily[v].attrs["comparison"]), str(v).removesuffix("_retrieved"))
        for v in daily
        if str(v).startswith("compare_") and str(v).endswith("_retrieved")
    ]
    keys = [(name, key) for name, key in keys if name in scores and "footprint as" not in name]
    fig = figure(9.0, max(2.6, 2.5 * len(keys)))
    rows = fig.subplots(len(keys), 2, width_ratios=[2.6, 1], squeeze=False)
    t = daily["day"].to_numpy()
    for (name, key), (series, scatter) in zip(keys, rows, strict=True):
        found = daily[f"{key}_retrieved"].to_numpy()
        truth = daily[f"{key}_sensors"].to_numpy()
        used = daily[f"{key}_used"].to_numpy() > 0
        unused = np.where(used, np.nan, found)
        series.plot(
            t,
            unused,
            color=SKY,
            lw=0.9,
            label="from neutrons, not scored (snow, frost or no sensor)",
        )
        series.plot(t, np.where(used, found, np.nan), color=BLUE, label="from neutrons")
        series.plot(t, truth, color="k", lw=1.0, label="sensors in the ground")
        series.set_ylabel(r"$\theta$ [m$^3$ m$^{-3}$]")
        series.set_title(name if name != "footprint" else "footprint (sensors weighted by depth)")
        high = np.nanmax(np.concatenate([found[used], truth[used]]), initial=0.1)
        series.set_ylim(min(0.0, np.nanmin(found[used], initial=0.0)), 1.4 * high)
        time_axis(series)
        scatter.plot([0, 1.1 * high], [0, 1.1 * high], color=GREY, lw=0.8)
        scatter.scatter(truth[used], found[used], s=5, color=BLUE, alpha=0.4, lw=0)
        s = scores[name]
        scatter.set_title(
            f"n {s['n']:.0f}, RMSE {s['rmse']:.3f}, ubRMSE {s['ubrmse']:.3f}\n"
            f"bias {s['bias']:+.3f}, r {s['r']:.2f}, KGE {s['kge_2012']:.2f}",
            fontsize=8,
        )
        scatter.set_xlabel(r"sensors [m$^3$ m$^{-3}$]")
        scatter.set_ylabel(r"neutrons [m$^3$ m$^{-3}$]")
        scatter.set_xlim(0, 1.1 * high)
        scatter.set_ylim(min(0.0, np.nanmin(found[used], initial=0.0)), 1.1 * high)
        for axes in (series, scatter):
            axes.yaxis.set_major_locator(MaxNLocator(5))
        scatter.xaxis.set_major_locator(MaxNLocator(4))
    rows[0, 0].legend(loc="upper right", ncols=3, fontsize=7)
    source_note(fig, daily)
    return fig


def uncertainty(daily: xr.Dataset) -> Figure:
    """Where the uncertainty comes from: shares of the variance against time and wetness."""
    share = daily["soil_moisture_share"]
    variance = share.to_numpy() ** 2
    names = [str(s) for s in daily["source"].to_numpy()]
    present = [n for n in range(len(names)) if np.nanmax(variance[n], initial=0.0) > 0.0]
    colors = [SKY, BLUE, ORANGE, GREEN, "#8c6d31", PURPLE, RED, GREY]
    fig = figure(9.0, 3.4)
    left, right = fig.subplots(1, 2, width_ratios=[2.2, 1])
    t = daily["day"].to_numpy()
    theta = daily["soil_moisture"].to_numpy()
    order = np.argsort(theta)
    order = order[np.isfinite(theta[order])]
    for n in present:
        left.plot(t, share.to_numpy()[n], color=colors[n], lw=0.9, label=names[n])
        right.plot(theta[order], share.to_numpy()[n][order], ".", ms=2, color=colors[n])
    left.plot(t, daily["soil_moisture_sigma"], color="k", lw=1.3, label="together")
    right.plot(theta[order], daily["soil_moisture_sigma"].to_numpy()[order], ".", ms=2, color="k")
    top = np.nanquantile(daily["soil_moisture_sigma"], 0.99) if order.size else 0.1
    for axes in (left, right):
        axes.set_ylim(0.0, 1.5 * float(top))
        axes.set_ylabel(r"standard deviation [m$^3$ m$^{-3}$]")
    right.set_xlabel(r"soil moisture [m$^3$ m$^{-3}$]")
    left.set_title("Standard deviation of daily soil moisture, by source")
    left.legend(loc="upper right", ncols=3)
    time_axis(left)
    source_note(fig, daily)
    return fig


def flags(results: xr.Dataset) -> Figure:
    """Quality flags over time: share of the steps of each day."""
    values = results["quality_flag"].to_numpy()
    masks = np.atleast_1d(results["quality_flag"].attrs["flag_masks"])
    names = results["quality_flag"].attrs["flag_meanings"].split()
    t = results["time"].to_numpy()
    day = (t - t[0].astype("datetime64[D]")).astype("timedelta64[D]").astype(int)
    present = [(m, n) for m, n in zip(masks, names, strict=True) if (values & m).any()]
    fig = figure(9.0, 1.2 + 0.28 * max(len(present), 1))
    axes = fig.subplots()
    size = day[-1] + 1
    steps = np.maximum(np.bincount(day, minlength=size), 1)
    edges = t[0].astype("datetime64[D]") + np.arange(size + 1)
    table = np.stack(
        [np.bincount(day, (values & m) > 0, minlength=size) / steps for m, _ in present]
        or [np.zeros(size)]
    )
    image = axes.pcolormesh(
        edges, np.arange(len(table) + 1), 100.0 * table, cmap="Reds", vmin=0.0, vmax=100.0
    )
    labels = [f"{n.replace('_', ' ')} ({int(((values & m) > 0).sum())})" for m, n in present]
    axes.set_yticks(np.arange(len(table)) + 0.5, labels or ["no flag was set"])
    axes.grid(visible=False)
    axes.set_title(f"Quality flags of {len(values)} steps (in brackets: flagged steps)")
    fig.colorbar(image, ax=axes, label="share of the day [%]", aspect=12)
    time_axis(axes)
    source_note(fig, results)
    return fig
