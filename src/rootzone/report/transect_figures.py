"""Series of the study `transect`: counts of the sections, soil water at other sites."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from rootzone.report.style import figure, time_axis
from rootzone.report.transect_style import (
    DEFAULT_COLOR,
    DEFAULT_DASHES,
    OBSERVED_COLOR,
    RAIN_COLOR,
    RUNS,
    TRUE_COLOR,
    Scores,
    both,
    calibration_end,
    change,
    day_edges,
    limits,
    matched_mean,
    members,
    mostly_inside,
    rain_from_above,
    room_above,
    section_colors,
    section_mean,
    section_names,
    section_sigma,
    shortened,
    tell_default,
)

OBSERVED_COUNTS = "observed counts"


# --- counts of the sections -------------------------------------------------------------------


def counts(
    line: xr.Dataset, scores: Scores, sections: Sequence[str], held_out: Sequence[str] = ()
) -> Figure:
    """Draw the mean counts of some sections: observed, default, calibrated, and how they scatter.

    Parameters
    ----------
    line : Dataset
        Series along the line.
    scores : mapping
        Scores of the summary.
    sections : sequence of str
        Which sections, a panel each.
    held_out : sequence of str
        Which of them nothing was calibrated on.
    """
    colors = section_colors(section_names(line))
    fig = figure(9.0, 1.85 * len(sections) + 0.9)
    grid = fig.subplots(len(sections), 2, width_ratios=[4.4, 1.0], squeeze=False)
    time = line["time"].to_numpy()
    for section, (left, right) in zip(sections, grid, strict=True):
        title = _title(line, section) + (", not calibrated on" if section in held_out else "")
        left.set_title(title, loc="left", color=colors[section], fontweight="bold")
        _counts_panel(left, line, section, colors[section], scores)
        _scatter_panel(right, line, section, colors[section], scores)
        left.set_xlim(time[0], day_edges(time)[-1])
        time_axis(left)
        left.tick_params(labelbottom=section == sections[-1])
        right.set_ylabel("simulated")
    grid[-1, 1].set_xlabel("observed")
    fig.supylabel("mean count rate [h⁻¹]", fontsize=9)
    _counts_legend(fig, line, [colors[s] for s in sections])
    return fig


def _counts_panel(axes: Axes, line: xr.Dataset, section: str, color: str, scores: Scores) -> None:
    time = line["time"].to_numpy()
    middle = time + np.timedelta64(12, "h")
    observed, sigma = section_mean(line, "counts_observed", section), section_sigma(line, section)
    core = [observed - sigma, observed + sigma]
    default, calibrated = (section_mean(line, f"counts_{run}", section) for run in RUNS)
    if "counts_true" in line:
        true = section_mean(line, "counts_true", section)
        axes.plot(middle, true, color=TRUE_COLOR, lw=1.9, zorder=2.5)
        core.append(true)
    if "counts_lower" in line:
        low, high = (section_mean(line, f"counts_{side}", section) for side in ("lower", "upper"))
        axes.fill_between(middle, low, high, color=color, alpha=0.3, lw=0, zorder=2)
        core += [low, high]
    axes.errorbar(
        *(middle, observed, sigma),
        fmt=".",
        ms=3.2,
        color=OBSERVED_COLOR,
        ecolor="#d5d5d5",
        elinewidth=1.4,
        zorder=1.9,
    )
    axes.plot(middle, calibrated, color=color, lw=1.2, zorder=3)
    low, high = limits([*core, calibrated], [default])
    room_above(axes, low, high)
    if mostly_inside(default, low, high):
        axes.plot(middle, default, color=DEFAULT_COLOR, lw=0.9, ls=DEFAULT_DASHES, zorder=2.7)
    else:
        tell_default(axes, default, calibrated, "{:,.0f} h⁻¹")
    _mark_unscored(axes, line)
    rain_from_above(axes, time, line["precipitation"].to_numpy()).set_ylabel(
        "mm d⁻¹", fontsize=7, color="#55789a", loc="top"
    )
    axes.yaxis.set_major_locator(MaxNLocator(4))
    told = "   ".join(
        f"{label} {change(both(scores, OBSERVED_COUNTS, section, key))}"
        for label, key in (("NSE", "nse"), ("KGE", "kge_2009"))
    )
    axes.set_title(told, loc="right", fontsize=8.5)


def _title(line: xr.Dataset, section: str) -> str:
    number_of = int(members(line, section).sum())
    unit = "place" if number_of == 1 else "places"
    return f"{shortened(section, 34)} ({number_of} {unit})"


def _mark_unscored(axes: Axes, line: xr.Dataset) -> None:
    """Shade the days that are not scored, as they were calibrated on."""
    time, last = line["time"].to_numpy(), calibration_end(line)
    if last is None:
        return
    ends = float(date2num(time[0])), float(date2num(last + np.timedelta64(1, "D")))
    axes.axvspan(*ends, color="#d9c9a3", alpha=0.28, lw=0, zorder=0)
    axes.annotate(
        "calibration",
        (time[0], 0.02),
        xycoords=("data", "axes fraction"),
        xytext=(4, 1),
        textcoords="offset points",
        fontsize=7.5,
        color="#6b6350",
    )


def _scatter_panel(axes: Axes, line: xr.Dataset, section: str, color: str, scores: Scores) -> None:
    observed = matched_mean(line, "counts_observed", section)
    default, calibrated = (matched_mean(line, f"counts_{run}", section) for run in RUNS)
    ends = limits([observed, calibrated], [default])
    if mostly_inside(default, *ends):
        axes.plot(observed, default, "x", ms=2.5, mew=0.6, color=DEFAULT_COLOR, alpha=0.6)
    axes.plot(observed, calibrated, ".", ms=3, color=color, alpha=0.7)
    axes.plot(ends, ends, color="k", lw=0.7, zorder=1)
    axes.set(xlim=ends, ylim=ends)
    axes.set_box_aspect(1.0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(3))
    axes.tick_params(labelsize=7)
    r2 = both(scores, OBSERVED_COUNTS, section, "r_squared")
    axes.set_title(f"r² {change(r2)}", fontsize=8.5)


def _counts_legend(fig: Figure, line: xr.Dataset, colors: Sequence[str]) -> None:
    several = [Line2D([], [], color=c, lw=1.6) for c in colors[:4]]
    handles: list[Any] = [
        Line2D([], [], color=OBSERVED_COLOR, marker=".", ls="", ms=5),
        Line2D([], [], color=DEFAULT_COLOR, lw=1.0, ls=DEFAULT_DASHES),
        tuple(several),
    ]
    labels = ["observed ± σ", "default", "calibrated"]
    if "counts_lower" in line:
        handles.append(tuple(Patch(color=c, alpha=0.3, lw=0) for c in colors[:4]))
        labels.append("5-95 % of kept sets")
    if "counts_true" in line:
        handles.append(Line2D([], [], color=TRUE_COLOR, lw=2.2))
        labels.append("truth")
    handles.append(Patch(color=RAIN_COLOR))
    labels.append("precipitation")
    fig.legend(
        *(handles, labels),
        loc="outside upper center",
        ncols=len(labels),
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0.1)},
        handlelength=2.4,
        columnspacing=1.4,
    )
