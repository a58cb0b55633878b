"""Figures of an ensemble of the study `column`: one figure is one function of a dataset."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rootzone.report.column_figures import THETA, colored, long_axis, operator_name
from rootzone.report.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    figure,
    source_note,
)


def bands(quantiles: xr.Dataset, members: xr.Dataset) -> Figure:
    """Draw quantiles over the members: root-zone water and counts over time."""
    has_counts = "count_rate" in quantiles
    fig = figure(9.0, 4.6 if has_counts else 2.8)
    rows = fig.subplots(2 if has_counts else 1, 1, sharex=True, squeeze=False)[:, 0]
    t = quantiles["time"].to_numpy()
    n = int((members["status"].to_numpy() == 0).sum())
    zone = quantiles.attrs["root_zone_cm"]
    _fan(rows[0], t, quantiles["root_zone"].to_numpy(), BLUE)
    rows[0].set_ylabel(f"water of 0-{zone:g} cm {THETA}")
    rows[0].set_title(f"a  root zone, quantiles over {n} members", loc="left")
    rows[0].legend(loc="upper right", ncols=3)
    if has_counts:
        name = operator_name(str(quantiles["operator"].to_numpy()[0]))
        _fan(rows[1], t, quantiles["count_rate"].isel(operator=0).to_numpy(), RED)
        rows[1].set_ylabel("counts [h$^{-1}$]")
        rows[1].set_title(f"b  neutron counts, {name}", loc="left")
    long_axis(rows[-1])
    source_note(fig, quantiles)
    return fig


def _fan(axes: Axes, t: np.ndarray, q: np.ndarray, color: str) -> None:
    low, high = float(np.nanmin(q)), float(np.nanmax(q))
    axes.set_ylim(low - 0.05 * (high - low), high + 0.22 * (high - low))
    axes.fill_between(t, q[0], q[4], color=color, alpha=0.18, lw=0, label="5 to 95 %")
    axes.fill_between(t, q[1], q[3], color=color, alpha=0.35, lw=0, label="25 to 75 %")
    axes.plot(t, q[2], color=color, lw=1.1, label="median")


def deviation(cloud: xr.Dataset, operator: int = 0) -> Figure:
    """Draw how far counts lie from those of homogeneous profiles, over all members."""
    fig = figure(9.0, 3.9)
    left, right = fig.subplots(1, 2, width_ratios=[2.1, 1], sharey=True)
    water = cloud["root_zone"].to_numpy().astype(float)
    rate = cloud["count_rate"].isel(operator=operator).to_numpy().astype(float)
    same = cloud["count_rate_homogeneous"].isel(operator=operator).to_numpy().astype(float)
    percent = 100.0 * (rate / same - 1.0)
    excess = cloud["top_layer"].to_numpy() - water
    zone = cloud.attrs["root_zone_cm"]
    colored(left, fig, water, percent, excess, cloud.attrs["first_layer_cm"], f"0-{zone:g}")
    left.axhline(0.0, color="k", lw=1.4)
    left.set_xlabel(f"mean water content of 0-{zone:g} cm {THETA}")
    left.set_ylabel("counts above those of a\nhomogeneous profile [%]")
    name = operator_name(str(cloud["operator"].to_numpy()[operator]))
    left.set_title(f"a  {name}: {percent.size} instants of all members", loc="left")
    right.hist(percent, bins=60, orientation="horizontal", color=BLUE, alpha=0.7, lw=0)
    right.axhline(0.0, color="k", lw=1.4)
    q = np.quantile(percent, [0.05, 0.5, 0.95])
    right.set_xlabel("instants")
    for share, value in (("5 %", q[0]), ("95 %", q[2])):
        right.axhline(value, color=RED, lw=0.8, ls=(0, (4, 2)))
        right.annotate(
            f"{share}: {value:+.1f} %",
            (1.02, value),
            xycoords=("axes fraction", "data"),
            ha="left",
            va="center",
            fontsize=8,
            color=RED,
        )
    right.set_title(f"b  median {q[1]:+.1f} %", loc="left")
    low, high = np.quantile(percent, [0.001, 0.999])
    pad = 0.08 * (high - low) + 0.1
    left.set_ylim(low - pad, high + pad)
    source_note(fig, cloud)
    return fig


_TOTALS = {
    "total_evaporation": ("evaporation", ORANGE),
    "total_transpiration": ("transpiration", GREEN),
    "total_drainage": ("drainage", PURPLE),
    "total_runoff": ("runoff", RED),
}


def distributions(members: xr.Dataset, years: float) -> Figure:
    """Draw the distributions over the members: water, fluxes per year, counts."""
    ended = members.isel(member=members["status"].to_numpy() == 0)
    flows = [k for k in _TOTALS if np.abs(ended[k].to_numpy()).max(initial=0.0) > 1.0]
    has_counts = "mean_count_rate" in ended
    fig = figure(9.0, 3.0)
    panels = fig.subplots(1, 3 if has_counts else 2)
    bins = int(np.clip(2.0 * np.sqrt(ended.sizes["member"]), 8, 60))
    panels[0].hist(ended["mean_root_zone"], bins=bins, color=BLUE, alpha=0.75, lw=0)
    panels[0].set_xlabel(f"0-{members.attrs['root_zone_cm']:g} cm {THETA}")
    panels[0].set_ylabel("members")
    panels[0].set_title("a  mean water", loc="left")
    panels[1].set_title("b  fluxes", loc="left")
    boxes = panels[1].boxplot(
        [ended[k].to_numpy() / years for k in flows],
        orientation="horizontal",
        whis=(5, 95),
        widths=0.6,
        patch_artist=True,
        flierprops={"marker": ".", "ms": 3, "mec": GREY},
        medianprops={"color": "k"},
    )
    for box, key in zip(boxes["boxes"], flows, strict=True):
        box.set(facecolor=_TOTALS[key][1], alpha=0.75)
    panels[1].set_yticks(np.arange(1, len(flows) + 1), [_TOTALS[k][0] for k in flows])
    panels[1].set_xlabel("[mm a$^{-1}$]; whiskers 5 to 95 %")
    if has_counts:
        name = operator_name(str(members["operator"].to_numpy()[0]))
        shown = panels[2].scatter(
            ended["mean_root_zone"],
            ended["mean_count_rate"].isel(operator=0),
            c=ended["bulk_density"].isel(horizon=0),
            s=14,
            lw=0,
            alpha=0.85,
            cmap="viridis",
        )
        fig.colorbar(shown, ax=panels[2], label="bulk density [g cm$^{-3}$]", aspect=28)
        panels[2].set_xlabel(f"0-{members.attrs['root_zone_cm']:g} cm {THETA}")
        panels[2].set_ylabel("mean counts [h$^{-1}$]")
        panels[2].set_title(f"c  {name}", loc="left")
    source_note(fig, members)
    return fig
