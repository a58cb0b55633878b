"""Parameter sets of the study `transect`: scores of all, spread of the kept, what matters."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, MaxNLocator

from rootzone.report.style import figure
from rootzone.report.transect_style import (
    DEFAULT_COLOR,
    Scores,
    score,
    shortened,
)

SCORE_WORDS = {
    "nse": "NSE",
    "kge_2009": "KGE (2009)",
    "kge_2012": "KGE (2012)",
    "r_squared": "r²",
    "pbias": "PBIAS [%], simulated − observed",
    "spaef": "SPAEF of the counts",
    "rmse": "−RMSE [h⁻¹]",
    "log_likelihood": "log likelihood",
}
_TOGETHER = "all"


# --- scores of all sets -----------------------------------------------------------------------


def distributions(sets: xr.Dataset, scores: Scores | None, colors: Mapping[str, str]) -> Figure:
    """Draw which share of the sets reaches which score, a line for each section.

    Parameters
    ----------
    sets : Dataset
        Quantiles of the scores over all sets, and the kept sets.
    scores : mapping or None
        Scores of the summary, for those of the default parameters; None where they are of other
        days.
    colors : mapping
        Colors of the sections.
    """
    groups = [str(g) for g in sets["group"].to_numpy()]
    fig = figure(9.0, 5.0)
    grid = fig.subplots(2, 3, sharey=True)
    names = ("nse", "kge_2009", "r_squared", "pbias", "spaef")
    for axes, name in zip(grid.ravel(), names, strict=False):
        _distribution(axes, sets, name, groups, colors, scores)
    grid[0, 0].set_ylabel("share of the sets")
    grid[1, 0].set_ylabel("share of the sets")
    last = grid[1, 2]
    last.set_axis_off()
    handles = [
        Line2D([], [], color=colors[g], lw=1.4, ls="--" if g == _TOGETHER else "-") for g in groups
    ]
    labels = ["all places" if g == _TOGETHER else shortened(g, 24) for g in groups]
    handles.append(Line2D([], [], color=DEFAULT_COLOR, marker="o", ls="", ms=4))
    labels.append("kept sets")
    if scores is not None:
        handles.append(Line2D([], [], color=DEFAULT_COLOR, marker="o", mfc="w", ls="", ms=5))
        labels.append("default (where inside)")
    columns = 1 if len(handles) <= 11 else 2
    last.legend(handles, labels, loc="center left", ncols=columns)
    return fig


def _distribution(
    axes: Axes,
    sets: xr.Dataset,
    name: str,
    groups: list[str],
    colors: Mapping[str, str],
    scores: Scores | None,
) -> None:
    share = sets["share"].to_numpy()
    values = sets[f"cdf_{name}"].to_numpy()
    axes.set_xlabel(SCORE_WORDS[name])
    axes.set_ylim(0.0, 1.02)
    if name == "spaef":
        values, groups = values[:, None], [_TOGETHER]
    low, high = _score_limits(name, values)
    for n, group in enumerate(groups):
        dashes = "--" if group == _TOGETHER else "-"
        axes.plot(values[:, n], share, ls=dashes, color=colors[group], lw=1.3)
        of = "pattern" if name == "spaef" else group
        at = score(scores or {}, "default", "observed counts", of, name)
        if low <= at <= high and np.isfinite(values[:, n]).all():
            y = float(np.interp(at, values[:, n], share))
            axes.plot(at, y, "o", ms=5, mfc="w", color=colors[group], zorder=4)
        kept = _kept(sets, name, group)
        if kept.size and np.isfinite(values[:, n]).all():
            y = np.interp(kept, values[:, n], share)
            axes.plot(kept, y, "o", ms=3.2, color=colors[group], zorder=4, alpha=0.8)
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))


def _kept(sets: xr.Dataset, name: str, group: str) -> np.ndarray:
    """Return a score of the kept sets of a group: known where it is what was searched for."""
    selections = [str(s) for s in sets["selection"].to_numpy()]
    if name != sets.attrs["objective"] or group not in selections:
        return np.empty(0)
    found = sets["objective"].to_numpy()[selections.index(group)]
    return found[np.isfinite(found)]


def _score_limits(name: str, values: np.ndarray) -> tuple[float, float]:
    """Return the limits of a score: its tail of bad sets is long and says little."""
    if name == "r_squared":
        return -0.02, 1.02
    flat = values[np.isfinite(values)]
    if not flat.size:
        return 0.0, 1.0
    if name == "pbias":
        low, high = np.quantile(flat, [0.05, 0.95])
        return float(np.clip(low, -100.0, -1.0)), float(np.clip(high, 1.0, 100.0))
    good = [np.quantile(v[np.isfinite(v)], 0.9) for v in values.T if np.isfinite(v).any()]
    return float(np.clip(np.median(good) - 1.0, -10.0, -1.0)), 1.02


# --- parameters before and after --------------------------------------------------------------


class _Column(NamedTuple):
    """One panel of parameters: title, color, samples (set, parameter) between 0 and 1."""

    title: str
    color: str
    samples: np.ndarray
    dots: bool


def parameters(
    sets: xr.Dataset,
    searches: xr.Dataset | None,
    selections: Sequence[str],
    colors: Mapping[str, str],
) -> Figure:
    """Draw where kept sets lie between the bounds, beside the default and the true values.

    Parameters
    ----------
    sets : Dataset
        Kept sets, bounds, default, truth if there is one.
    searches : Dataset or None
        Other searches; posteriors become panels beside the selection they are for.
    selections : sequence of str
        Which selections, a panel each.
    colors : mapping
        Colors of the sections.
    """
    columns = _columns(sets, searches, selections, colors)
    lower, upper = sets["lower"].to_numpy(), sets["upper"].to_numpy()
    order = np.argsort(mean_narrowing(sets), kind="stable")  # the most narrowed on top
    names = [str(p) for p in sets["parameter"].to_numpy()]
    units = [str(u) for u in sets["units"].to_numpy()]
    fig = figure(9.0, 0.225 * len(names) + 1.25)
    grid = np.atleast_1d(np.asarray(fig.subplots(1, len(columns), sharey=True)))
    rows = np.arange(len(names))
    for axes, column in zip(grid, columns, strict=True):
        axes.barh(rows, 1.0, 0.62, color="#ededed", zorder=1)
        _spread(axes, column, order)
        _marks(axes, rows, ((sets["default"].to_numpy() - lower) / (upper - lower))[order], "|")
        if "true" in sets:
            true = (sets["true"].to_numpy() - lower) / (upper - lower)
            _marks(axes, rows, true[order], "D")
        axes.set_title(column.title, fontsize=8, color=column.color, fontweight="bold")
        axes.set_xlim(-0.03, 1.03)
        axes.xaxis.set_major_locator(FixedLocator([0.0, 0.5, 1.0]))
        axes.set_xticklabels(["lower", "", "upper"])
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False)
        axes.spines["left"].set_visible(False)
    grid[0].set_yticks(rows, [shortened(names[k], 36) for k in order], fontsize=7)
    grid[0].set_ylim(-0.6, len(names) - 0.4)
    right = grid[-1].secondary_yaxis("right")
    bounds = [f"{lower[k]:.3g} to {upper[k]:.3g} {_unit(units[k])}" for k in order]
    right.set_yticks(rows, bounds, fontsize=6.5)
    right.tick_params(length=0)
    right.spines["right"].set_visible(False)
    _parameter_legend(fig, "true" in sets)
    return fig


def mean_narrowing(sets: xr.Dataset) -> np.ndarray:
    """Return the mean over the selections of how much narrower (parameter) kept sets are."""
    return np.nan_to_num(sets["narrowing"].to_numpy()).mean(axis=0)


def _columns(
    sets: xr.Dataset,
    searches: xr.Dataset | None,
    selections: Sequence[str],
    colors: Mapping[str, str],
) -> list[_Column]:
    lower, upper = sets["lower"].to_numpy(), sets["upper"].to_numpy()
    every = [str(s) for s in sets["selection"].to_numpy()]
    limit = 34 if len(selections) < 3 else 18
    found = []
    for name in selections:
        values = sets["value"].to_numpy()[every.index(name)]
        values = values[np.isfinite(values).all(axis=1)]
        title = f"{shortened(name, limit)}\n{len(values)} kept"
        unit = (values - lower) / (upper - lower)
        found.append(_Column(title, colors[name], unit, len(values) <= 50))
    if searches is None or searches.attrs["selection"] not in selections:
        return found
    names = [str(p) for p in sets["parameter"].to_numpy()]
    target = searches.attrs["selection"]
    for key in searches.data_vars:
        if not str(key).startswith("posterior_"):
            continue
        short = str(key).removeprefix("posterior_")
        draws = np.full((searches[key].shape[0], len(names)), np.nan)
        for n, parameter in enumerate(searches[f"parameter_{short}"].to_numpy()):
            draws[:, names.index(str(parameter))] = searches[key].to_numpy()[:, n]
        title = f"{shortened(target, limit)}\nposterior, {short.replace('_', '-')}"
        at = 1 + next(
            n for n, c in enumerate(found) if c.title.startswith(shortened(target, limit))
        )
        unit = (draws - lower) / (upper - lower)
        found.insert(at, _Column(title, colors[target], unit, False))
    return found


def _spread(axes: Axes, column: _Column, order: np.ndarray) -> None:
    """Draw quantiles of the samples, and the samples themselves where they are few."""
    for row, k in enumerate(order):
        own = column.samples[:, k]
        own = own[np.isfinite(own)]
        if not own.size:
            continue
        q = np.quantile(own, [0.05, 0.25, 0.5, 0.75, 0.95])
        axes.plot(q[[0, 4]], [row, row], color=column.color, lw=1.1, zorder=2)
        axes.plot(
            q[[1, 3]],
            [row, row],
            color=column.color,
            lw=5.0,
            alpha=0.55,
            zorder=2,
            solid_capstyle="butt",
        )
        if column.dots:
            axes.plot(own, np.full(own.size, row), ".", ms=3.0, color=column.color, zorder=3)


def _marks(axes: Axes, rows: np.ndarray, at: np.ndarray, marker: str) -> None:
    style = {"|": {"ms": 9, "mew": 1.4}, "D": {"ms": 3.6, "mfc": "w", "mew": 0.9}}[marker]
    axes.plot(at, rows, marker, color="k", ls="", zorder=4, clip_on=False, **style)


def _parameter_legend(fig: Figure, twin: bool) -> None:
    handles: list[Any] = [
        Patch(color="#ededed"),
        Line2D([], [], color=DEFAULT_COLOR, lw=1.1),
        Line2D([], [], color=DEFAULT_COLOR, lw=5.0, alpha=0.55),
        Line2D([], [], color=DEFAULT_COLOR, marker=".", ls="", ms=5),
        Line2D([], [], color="k", marker="|", ls="", ms=9, mew=1.4),
    ]
    labels = ["before: between the bounds", "after: 5-95 %", "25-75 %", "kept set", "default"]
    if twin:
        handles.append(Line2D([], [], color="k", marker="D", mfc="w", ls="", ms=4))
        labels.append("truth")
    fig.legend(handles, labels, loc="outside upper center", ncols=len(labels), columnspacing=1.3)


def _unit(text: str) -> str:
    plain = text.replace("-1", "⁻¹").replace("cm3", "cm³").replace("degC", "°C")
    return "" if text == "1" else plain
