"""Scores, splits, months, learning and answers to rain of the study `replicates`."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter
from scipy.special import ndtr

from rootzone.report.replicates_style import (
    ALL,
    DENSITY_UNIT,
    GROUP_COLORS,
    MONTHS,
    OBSERVED_COLOR,
    TRUE_COLOR,
    UNIT,
    colors_of,
    hide_rest,
    known_models,
    labels,
    legend_above,
    main_models,
    model_handles,
    model_line,
    model_point,
    name_of,
    named_part,
    networks,
    picked,
    score,
    shortened,
)
from rootzone.report.style import BLUE, ORANGE, RED, SKY, figure

_RAIN_COLOR = "#8fb3d3"
_SPLIT_MARKERS = ("o", "s", "D", "^", "v", "P")
_OVERVIEW = {
    "kge_places": "KGE, mean of places",
    "spearman_places": "rank correlation,\nmean of places",
    "rmse": f"RMSE of the site mean\n{UNIT}",
    "crps": f"CRPS of a reading\n{UNIT}",
}
_PERCENT = PercentFormatter(1.0, decimals=0, symbol=" %")


# --- scores -------------------------------------------------------------------------------------


def overview_names(scores: xr.Dataset) -> list[str]:
    """Return the main scores that are known of all sensors."""
    at = {"split": scores.attrs.get("shown_split"), "group": ALL, "layer": ALL}
    return [name for name in _OVERVIEW if picked(scores, name, **at) is not None]


def overview(scores: xr.Dataset) -> Figure:
    """Draw the main scores of all models with both bootstraps, on the split that is shown."""
    at = {"split": scores.attrs.get("shown_split"), "group": ALL, "layer": ALL}
    names = overview_names(scores)
    models = [m for m in labels(scores, "model") if _any_score(scores, m, at)]
    colors = colors_of(scores)
    fig = figure(9.0, 0.25 * len(models) + 1.35)
    panels = np.atleast_1d(np.asarray(fig.subplots(1, len(names), sharey=True)))
    for name, axes in zip(names, panels, strict=True):
        for y, model in enumerate(models):
            value = score(scores, name, model=model, **at)
            for kind, width, alpha in (("block", 1.3, 1.0), ("paper", 4.5, 0.35)):
                ends = [score(scores, f"{name}_{kind}_{e}", model=model, **at) for e in _ENDS]
                if np.isfinite(ends).all():
                    axes.plot(ends, [y, y], color=colors[model], lw=width, alpha=alpha)
            axes.plot(value, y, **model_point(scores, model), ms=5)
        axes.set_xlabel(_OVERVIEW[name])
        axes.xaxis.set_major_locator(MaxNLocator(4, prune="lower"))
    panels[0].set_yticks(range(len(models)), [shortened(name_of(scores, m), 30) for m in models])
    panels[0].invert_yaxis()
    handles: dict[str, Any] = {}
    if picked(scores, "kge_places_block_low") is not None:
        handles["blocks of time"] = Line2D([], [], color="#555555", lw=1.3)
    if picked(scores, "kge_places_paper_low") is not None:
        handles["random subsets, as published"] = Line2D([], [], color="#555555", lw=4.5, alpha=0.4)
    legend_above(fig, handles)
    return fig


_ENDS = ("low", "high")


def _any_score(scores: xr.Dataset, model: str, at: dict[str, Any]) -> bool:
    return any(picked(scores, name, model=model, **at) is not None for name in _OVERVIEW)


def splits(scores: xr.Dataset) -> Figure:
    """Draw the scores of all models on every split beside each other."""
    kinds, colors = labels(scores, "split"), GROUP_COLORS
    at = {"group": ALL, "layer": ALL}
    names = overview_names(scores)
    models = [m for m in labels(scores, "model") if _any_score(scores, m, at)]
    fig = figure(9.0, 0.27 * len(models) + 1.5)
    panels = np.atleast_1d(np.asarray(fig.subplots(1, len(names), sharey=True)))
    for name, axes in zip(names, panels, strict=True):
        for y, model in enumerate(models):
            values = [score(scores, name, split=s, model=model, **at) for s in kinds]
            known = [v for v in values if np.isfinite(v)]
            if known:
                axes.plot([min(known), max(known)], [y, y], color="#cfcfcf", lw=2.2, zorder=1)
            for n, value in enumerate(values):
                mark = _SPLIT_MARKERS[n % len(_SPLIT_MARKERS)]
                axes.plot(value, y, mark, ms=5, color=colors[n % len(colors)], mec="w", mew=0.4)
        axes.set_xlabel(_OVERVIEW[name])
        axes.xaxis.set_major_locator(MaxNLocator(4, prune="lower"))
    panels[0].set_yticks(range(len(models)), [shortened(name_of(scores, m), 30) for m in models])
    panels[0].invert_yaxis()
    handles: dict[str, Any] = {}
    for n, kind in enumerate(kinds):
        mark, color = _SPLIT_MARKERS[n % len(_SPLIT_MARKERS)], colors[n % len(colors)]
        words = name_of(scores, kind, "split_names")
        handles[words] = Line2D([], [], marker=mark, ls="", ms=6, color=color)
    legend_above(fig, handles)
    return fig


# --- months -------------------------------------------------------------------------------------


def multimodal_models(months: xr.Dataset) -> list[str]:
    """Return the few learned models whose distributions have several modes at times."""
    known = networks(known_models(months, "multimodal"))
    some = [m for m in known if np.nanmax(months["multimodal"].sel(model=m).to_numpy()) > 0]
    return main_models(months, some, 4)


def months(data: xr.Dataset, groups: Sequence[str]) -> Figure:
    """Draw how often distributions have several modes in each month, above rain and discharge."""
    models = multimodal_models(data)
    weather = any(picked(data, name) is not None for name in ("rainy_days", "discharge"))
    rows = 2 if weather else 1
    wide = 9.0 if len(groups) > 1 else 6.0
    fig = figure(wide, 2.5 + (1.5 if weather else 0.0) + 0.5)
    grid = fig.subplots(
        rows, len(groups), squeeze=False, sharex=True, height_ratios=[1.6, 1.0][:rows]
    )
    x = data["month"].to_numpy().astype(int)
    top = max([_highest(data, models), 0.05])
    for n, group in enumerate(groups):
        axes = grid[0, n]
        for model in models:
            values = picked(data, "multimodal", model=model, group=group)
            if values is not None:
                axes.plot(x, values, **model_line(data, model), marker="o", ms=3)
        true = picked(data, "truth_multimodal", group=group)
        if true is not None:
            axes.plot(x, true, color=TRUE_COLOR, ls=(0, (1, 1)), lw=1.6, zorder=4)
        axes.set_ylim(0.0, min(1.02, 1.1 * top))
        axes.yaxis.set_major_formatter(_PERCENT)
        axes.set_title(named_part(group, ALL), loc="left", fontweight="bold")
        if weather:
            _weather_panel(grid[1, n], data, group, x, last=n == len(groups) - 1)
        grid[-1, n].set_xticks(range(1, 13), MONTHS)
    grid[0, 0].set_ylabel("answers with\nseveral modes")
    if weather:
        grid[1, 0].set_ylabel("rainy days")
    handles = model_handles(data, models)
    if picked(data, "truth_multimodal") is not None:
        handles["truth of the twin"] = Line2D([], [], color=TRUE_COLOR, ls=(0, (1, 1)), lw=1.6)
    if picked(data, "rainy_days") is not None:
        handles["rainy days"] = Patch(color=_RAIN_COLOR)
    if picked(data, "discharge") is not None:
        handles["discharge"] = Line2D([], [], color=RED, marker=".", lw=1.2)
    legend_above(fig, handles, width=wide)
    return fig


def _highest(data: xr.Dataset, models: Sequence[str]) -> float:
    values = [data["multimodal"].sel(model=list(models)).to_numpy().ravel()]
    true = picked(data, "truth_multimodal")
    values += [true.ravel()] if true is not None else []
    flat = np.concatenate(values)
    flat = flat[np.isfinite(flat)]
    return float(flat.max()) if flat.size else 0.0


def _weather_panel(axes: Axes, data: xr.Dataset, group: str, x: np.ndarray, *, last: bool) -> None:
    rain = picked(data, "rainy_days", group=group)
    if rain is not None:
        axes.bar(x, rain, width=0.8, color=_RAIN_COLOR)
    axes.set_ylim(0.0, 1.0)
    axes.yaxis.set_major_formatter(_PERCENT)
    flow = picked(data, "discharge", group=group)
    if flow is None:
        return
    right = axes.twinx()
    right.plot(x, flow, color=RED, marker=".", lw=1.2)
    right.set_ylim(0.0, 1.15 * float(np.nanmax(flow)) or 1.0)
    right.grid(visible=False)
    right.spines["right"].set_visible(True)
    right.tick_params(colors=RED, labelsize=7.5)
    right.yaxis.set_major_locator(MaxNLocator(3))
    if last:
        units = str(data["discharge"].attrs.get("units", ""))
        right.set_ylabel(f"discharge [{units}]" if units else "discharge", color=RED)


# --- learning -----------------------------------------------------------------------------------


def learning(data: xr.Dataset) -> Figure:
    """Draw the losses of all trainings, one panel for each model, a color for each split."""
    runs = [(n, *_training(t)) for n, t in enumerate(labels(data, "training"))]
    models = list(dict.fromkeys(model for _, model, _ in runs))
    kinds = list(dict.fromkeys(split for _, _, split in runs))
    columns = min(len(models), 4)
    rows = -(-len(models) // columns)
    fig = figure(9.0 if columns > 1 else 5.5, 1.9 * rows + 0.8)
    grid = fig.subplots(rows, columns, squeeze=False, sharex=True)
    epochs = data["epoch"].to_numpy()
    for k, axes in enumerate(grid.ravel()):
        if k >= len(models):
            break
        for n, model, split in runs:
            if model != models[k]:
                continue
            color = GROUP_COLORS[kinds.index(split) % len(GROUP_COLORS)]
            for name, look in (
                ("train_loss", {"lw": 0.7, "ls": ":"}),
                ("valid_loss", {"lw": 1.1, "ls": "-"}),
            ):
                values = picked(data.isel(training=n), name, ("member", "epoch"))
                for row in [] if values is None else np.atleast_2d(values):
                    axes.plot(epochs, row, color=color, alpha=0.75, **look)
        axes.set_title(shortened(name_of(data, models[k]), 30), loc="left", fontsize=8.5)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    hide_rest(grid, len(models))
    fig.supxlabel("epoch", fontsize=9)
    fig.supylabel("negative log-likelihood", fontsize=9)
    handles: dict[str, Any] = {
        "training": Line2D([], [], color="#555555", lw=0.9, ls=":"),
        "validation": Line2D([], [], color="#555555", lw=1.2),
    }
    for n, kind in enumerate(kinds):
        if kind:
            color = GROUP_COLORS[n % len(GROUP_COLORS)]
            handles[name_of(data, kind, "split_names")] = Line2D([], [], color=color, lw=1.8)
    legend_above(fig, handles)
    return fig


def _training(label: str) -> tuple[str, str]:
    """Return model and split of a training.

    >>> _training("3g_paper/place/2"), _training("3g_paper")
    (('3g_paper', 'place'), ('3g_paper', ''))
    """
    parts = label.rsplit("/", 2)  # the name of a model may have a slash
    return parts[0], parts[1] if len(parts) > 1 else ""


# --- answers to rain ------------------------------------------------------------------------------

_ORDERS = {
    "sequential": ("from above downwards", BLUE),
    "non_sequential": ("a deeper sensor first", ORANGE),
    "no_response": ("no answer", "#dddddd"),
}


def response(data: xr.Dataset, groups: Sequence[str]) -> Figure:
    """Draw in which order the sensors of a profile answer to rain, by group and month."""
    wide = 9.0 if len(groups) > 1 else 5.6
    columns = min(len(groups), 3)
    rows = -(-len(groups) // columns)
    fig = figure(wide, 2.2 * rows + 0.6)
    grid = fig.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    x = data["month"].to_numpy().astype(int)
    for n, axes in enumerate(grid.ravel()):
        if n >= len(groups):
            break
        bottom = np.zeros(x.size)
        for name, (_, color) in _ORDERS.items():
            values = picked(data, name, group=groups[n])
            if values is not None:
                height = np.nan_to_num(values)
                axes.bar(x, height, 0.86, bottom=bottom, color=color)
                bottom = bottom + height
        events = picked(data, "events", group=groups[n])
        for at, number in zip(x, [] if events is None else events, strict=False):
            if np.isfinite(number):
                axes.text(at, 1.02, f"{number:.0f}", ha="center", fontsize=6, color="#555555")
        axes.set_ylim(0.0, 1.1)
        axes.set_yticks([0.0, 0.5, 1.0])
        axes.yaxis.set_major_formatter(_PERCENT)
        axes.grid(visible=False, axis="x")
        axes.set_xticks(range(1, 13), MONTHS)
        axes.set_title(named_part(groups[n], ALL), loc="left", fontweight="bold", pad=8)
    hide_rest(grid, len(groups))
    fig.supylabel("share of rain events", fontsize=9)
    legend_above(fig, {text: Patch(color=c) for text, c in _ORDERS.values()}, width=wide)
    return fig


# --- what the metrics tell ----------------------------------------------------------------------


class Example(NamedTuple):
    """A made-up prediction: name, weights, means, standard deviations [m3 m-3]."""

    name: str
    weight: np.ndarray
    mean: np.ndarray
    std: np.ndarray

    def cdf(self, x: np.ndarray) -> np.ndarray:
        """Return the distribution function [1] at values x (m) [m3 m-3]."""
        return ndtr((x[:, None] - self.mean) / self.std) @ self.weight


def _example(name: str, *parts: tuple[float, float, float]) -> Example:
    """Return a prediction out of its parts (weight, mean, standard deviation)."""
    weight, mean, std = np.array(parts).T
    return Example(name, weight, mean, std)


_TRUE = _example("truth", (0.4, 0.22, 0.02), (0.35, 0.30, 0.02), (0.25, 0.37, 0.02))
_EXAMPLES = (
    _TRUE._replace(name="perfect"),
    _example("good", (0.45, 0.23, 0.024), (0.35, 0.31, 0.024), (0.2, 0.36, 0.024)),
    _example("average", (1.0, 0.305, 0.075)),
    _example("bad", (0.6, 0.36, 0.03), (0.4, 0.46, 0.04)),
)


def distances(example: Example, grid: np.ndarray) -> tuple[float, float]:
    r"""Return Wasserstein distance to the truth and mean CRPS of a made-up prediction [m3 m-3].

    .. math:: W_1 = \int |F - G|\,dx, \qquad
        \mathrm{E}\,\mathrm{CRPS} = \int (F - G)^2 + G(1 - G)\,dx

    The mean is over readings that follow the truth G, so that it is not zero for the truth itself.

    Notes
    -----
    Source: Gneiting and Raftery (2007), doi:10.1198/016214506000001437, eq. 20.
    """
    F, G = (e.cdf(grid) for e in (example, _TRUE))
    step = float(grid[1] - grid[0])
    crps = np.sum((F - G) ** 2 + G * (1.0 - G)) * step
    return float(np.sum(np.abs(F - G)) * step), float(crps)


def guide() -> Figure:
    """Draw made-up predictions from perfect to bad with their distances."""
    grid = np.linspace(0.0, 0.75, 1501)
    fig = figure(9.0, 2.3)
    panels = fig.subplots(1, len(_EXAMPLES), sharex=True, sharey=True)
    for axes, example in zip(panels, _EXAMPLES, strict=True):
        for one, look in ((_TRUE, None), (example, SKY)):
            density, middle = np.diff(one.cdf(grid)) / np.diff(grid), 0.5 * (grid[1:] + grid[:-1])
            if look is None:
                axes.fill_between(middle, 0.0, density, color=OBSERVED_COLOR, alpha=0.4, lw=0)
            else:
                axes.plot(middle, density, color=BLUE, lw=1.5)
        w1, crps = distances(example, grid)
        axes.set_title(example.name, loc="left", fontweight="bold")
        axes.text(
            *(0.98, 0.95, f"W₁ {w1:.3f}\nCRPS {crps:.3f}"),
            transform=axes.transAxes,
            ha="right",
            va="top",
            fontsize=8,
        )
        axes.set_xlim(0.1, 0.6)
        axes.set_ylim(bottom=0.0)
    panels[0].set_ylabel(f"density {DENSITY_UNIT}")
    fig.supxlabel(f"volumetric water content {UNIT}", fontsize=9)
    handles: dict[str, Any] = {
        "truth": Patch(facecolor=OBSERVED_COLOR, alpha=0.4),
        "prediction": Line2D([], [], color=BLUE, lw=1.5),
    }
    legend_above(fig, handles)
    return fig
