"""Distributions of the study `replicates`: belts, water, spread by state, honesty."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter

from rootzone.report.replicates_style import (
    ALL,
    DENSITY_UNIT,
    OBSERVED_COLOR,
    TRUE_COLOR,
    UNIT,
    colors_of,
    drawn_models,
    hide_rest,
    is_paper,
    known_models,
    labels,
    legend_above,
    main_models,
    model_handles,
    model_line,
    model_point,
    name_of,
    named_part,
    noise_of,
    parts_of,
    picked,
    score,
    shortened,
    stacked,
)
from rootzone.report.style import figure

_TRUE_DASHES: Any = (0, (1, 1))
_LAYER_DASHES = ("-", "--", ":", "-.")
_MOST_MODELS = 4  # models that a panel of densities can hold


class Kind(NamedTuple):
    """What a grid of densities shows: its variables, its axis, how the axis is called."""

    observed: str
    modeled: str
    true: str
    axis: str
    label: str


WATER = Kind(
    "density_obs", "density_model", "density_truth", "x", f"volumetric water content {UNIT}"
)
BELT = Kind(
    *("belt_density_obs", "belt_density_model", "belt_density_truth", "width"),
    f"belt: 80 % less 20 % quantile {UNIT}",
)


# --- densities of belts and of water ----------------------------------------------------------


def density_grid(
    density: xr.Dataset,
    scores: xr.Dataset | None,
    kind: Kind,
    groups: Sequence[str],
    layers: Sequence[str],
) -> Figure:
    """Draw observed against modeled densities, groups downwards, layers to the right.

    Parameters
    ----------
    density : Dataset
        Densities of a run.
    scores : Dataset or None
        Scores, for the Wasserstein distance in the panels of water.
    kind : Kind
        Belts or water.
    groups, layers : sequence of str
        Which of them.
    """
    models = drawn_models(density, known_models(density, kind.modeled), _MOST_MODELS)
    single = len(groups) * len(layers) == 1
    wide = 6.4 if single else 9.0
    fig = figure(wide, (3.2 if single else 1.95) * len(groups) + 0.8)
    grid = fig.subplots(len(groups), len(layers), squeeze=False, sharex=True)
    for group, row in zip(groups, grid, strict=True):
        for layer, axes in zip(layers, row, strict=True):
            _densities(axes, density, kind, models, {"group": group, "layer": layer})
            title = shortened(named_part(group, layer), 34)
            axes.set_title(title, loc="left", fontweight="bold", fontsize=8.5)
    _limit_axis([*grid.ravel()], density, kind, models)
    if kind is WATER and scores is not None:
        for group, row in zip(groups, grid, strict=True):
            for layer, axes in zip(layers, row, strict=True):
                _tell_distances(axes, density, scores, models, {"group": group, "layer": layer})
    fig.supxlabel(kind.label, fontsize=9)
    fig.supylabel(f"density {DENSITY_UNIT}", fontsize=9)
    handles: dict[str, Any] = {}
    if kind.observed in density:
        handles["observed"] = Patch(facecolor=OBSERVED_COLOR, alpha=0.4, edgecolor=OBSERVED_COLOR)
    handles |= model_handles(density, models)
    if picked(density, kind.true) is not None:
        handles["truth of the twin"] = Line2D([], [], color=TRUE_COLOR, ls=_TRUE_DASHES, lw=1.6)
    legend_above(fig, handles, width=wide)
    return fig


def _densities(
    axes: Axes, density: xr.Dataset, kind: Kind, models: Sequence[str], at: dict[str, str]
) -> None:
    x = density[kind.axis].to_numpy()
    observed = picked(density, kind.observed, **at)
    if observed is not None:
        axes.fill_between(x, 0.0, observed, color=OBSERVED_COLOR, alpha=0.4, lw=0)
        axes.plot(x, observed, color=OBSERVED_COLOR, lw=0.9)
    for model in models:
        modeled = picked(density, kind.modeled, model=model, **at)
        if modeled is not None:
            axes.plot(x, modeled, **model_line(density, model))
    true = picked(density, kind.true, **at)
    if true is not None:
        axes.plot(x, true, color=TRUE_COLOR, ls=_TRUE_DASHES, lw=1.4, zorder=4)
    if observed is not None:  # a spike does not flatten the others
        axes.set_ylim(top=min(axes.get_ylim()[1], 2.5 * float(np.nanmax(observed))))
    axes.set_ylim(bottom=0.0)
    axes.yaxis.set_major_locator(MaxNLocator(4))


def _tell_distances(
    axes: Axes,
    density: xr.Dataset,
    scores: xr.Dataset,
    models: Sequence[str],
    at: dict[str, str],
) -> None:
    """Write the pooled Wasserstein distances into a panel, on the side where there is room."""
    colors, split = colors_of(scores), scores.attrs.get("shown_split")
    told = {m: score(scores, "w1_pooled", split=split, model=m, **at) for m in models}
    known = {m: value for m, value in told.items() if np.isfinite(value)}
    observed, x = picked(density, WATER.observed, **at), density[WATER.axis].to_numpy()
    heavy = 0.0 if observed is None else float(np.average(x, weights=np.nan_to_num(observed)))
    left = heavy > 0.5 * sum(axes.get_xlim())
    for n, (model, value) in enumerate(known.items()):
        axes.text(
            *(0.02 if left else 0.98, 0.97 - 0.12 * n, f"{'W₁ ' if n == 0 else ''}{value:.3f}"),
            transform=axes.transAxes,
            ha="left" if left else "right",
            va="top",
            fontsize=7.5,
            color=colors[model],
        )


def _limit_axis(
    panels: Sequence[Axes], density: xr.Dataset, kind: Kind, models: Sequence[str]
) -> None:
    """End the shared axis where all drawn densities have come down to next to nothing."""
    x, high = density[kind.axis].to_numpy(), np.zeros(density.sizes[kind.axis])
    drawn = [density[n] for n in (kind.observed, kind.true) if n in density]
    if kind.modeled in density:
        drawn.append(density[kind.modeled].sel(model=list(models)))
    for array in drawn:
        values = np.nan_to_num(array.transpose(..., kind.axis).to_numpy())
        peak = np.maximum(values.max(axis=-1, keepdims=True), 1e-12)
        high = np.maximum(high, (values / peak).reshape(-1, x.size).max(axis=0))
    inside = np.flatnonzero(high > 0.01)
    if inside.size:
        for axes in panels:
            axes.set_xlim(
                float(x[max(inside[0] - 1, 0)]), float(x[min(inside[-1] + 1, x.size - 1)])
            )


def aggregated(density: xr.Dataset) -> Figure:
    """Draw the density of all answers against that of all readings."""
    group = ALL if ALL in density["group"].to_numpy() else str(density["group"].to_numpy()[0])
    layer = ALL if ALL in density["layer"].to_numpy() else str(density["layer"].to_numpy()[0])
    models = known_models(density, WATER.modeled, group=group, layer=layer)
    models = drawn_models(density, models, 6)
    fig = figure(7.2, 3.6)
    axes = fig.subplots()
    _densities(axes, density, WATER, models, {"group": group, "layer": layer})
    _limit_axis([axes], density, WATER, models)
    axes.set_xlabel(WATER.label)
    axes.set_ylabel(f"density {DENSITY_UNIT}")
    handles: dict[str, Any] = {}
    if WATER.observed in density:
        handles["readings"] = Patch(facecolor=OBSERVED_COLOR, alpha=0.4)
    handles |= model_handles(density, models)
    axes.legend(handles.values(), handles.keys(), loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return fig


# --- widths of belts ----------------------------------------------------------------------------


def belt_widths(scores: xr.Dataset) -> Figure:
    """Draw mean belts by group and layer: readings, models, and the truth of a twin."""
    split = scores.attrs.get("shown_split")
    models = drawn_models(scores, known_models(scores, "belt_model", split=split), 5)
    rows = [(g, a) for g in parts_of(scores, "group") for a in parts_of(scores, "layer")]
    fig = figure(9.0, 0.27 * len(rows) + 1.4)
    panels = fig.subplots(1, 2, sharey=True)
    kinds = (
        ("", f"with sensor noise of {noise_of(scores):g} m³ m⁻³"),
        ("_clean", "noise taken out in quadrature"),
    )
    for axes, (ending, title) in zip(panels, kinds, strict=True):
        for y, (group, layer) in enumerate(rows):
            at = {"split": split, "group": group, "layer": layer}
            observed = [score(scores, f"belt_obs{ending}", model=m, **at) for m in models]
            seen = [v for v in observed if np.isfinite(v)]
            if seen:
                axes.plot(seen[0], y, "D", ms=6.5, color=OBSERVED_COLOR, zorder=2)
            for model in models:
                modeled = score(scores, f"belt_model{ending}", model=model, **at)
                axes.plot(modeled, y, **model_point(scores, model), ms=4.5, zorder=3)
            if not ending:
                true = [score(scores, "belt_truth", model=m, **at) for m in models]
                true = [v for v in true if np.isfinite(v)]
                if true:
                    axes.plot(true[0], y, "|", ms=11, mew=1.8, color=TRUE_COLOR, zorder=4)
        axes.set_title(title, loc="left")
        axes.set_xlabel(f"mean belt {UNIT}")
    panels[0].set_yticks(range(len(rows)), [shortened(named_part(*row), 26) for row in rows])
    panels[0].invert_yaxis()
    handles: dict[str, Any] = {
        "readings": Line2D([], [], marker="D", ls="", ms=6.5, color=OBSERVED_COLOR)
    }
    for m in models:
        handles[name_of(scores, m)] = Line2D([], [], **model_point(scores, m), ms=4.5)
    if picked(scores, "belt_truth") is not None:
        handles["truth of the twin"] = Line2D(
            [], [], marker="|", ls="", ms=11, mew=1.8, color=TRUE_COLOR
        )
    legend_above(fig, handles)
    return fig


def spread_by_water(spread: xr.Dataset, groups: Sequence[str], layers: Sequence[str]) -> Figure:
    """Draw how wide belts are by how much water there is: readings, models, truth."""
    models = drawn_models(spread, known_models(spread, "spread_model"), _MOST_MODELS)
    single = len(groups) * len(layers) == 1
    wide = 6.4 if single else 9.0
    fig = figure(wide, (3.0 if single else 1.9) * len(groups) + 0.8)
    grid = fig.subplots(len(groups), len(layers), squeeze=False, sharex=True, sharey=True)
    for group, row in zip(groups, grid, strict=True):
        for layer, axes in zip(layers, row, strict=True):
            at = {"group": group, "layer": layer}
            water = _bin_water(spread, at)
            observed = picked(spread, "spread_obs", **at)
            if observed is not None:
                axes.plot(water, observed, "D", ms=4.5, color=OBSERVED_COLOR, zorder=2)
            for model in models:
                modeled = picked(spread, "spread_model", model=model, **at)
                if modeled is not None:
                    axes.plot(water, modeled, **model_line(spread, model), marker=".", ms=4)
            true = picked(spread, "spread_truth", **at)
            if true is not None:
                axes.plot(water, true, color=TRUE_COLOR, ls=_TRUE_DASHES, lw=1.5, zorder=4)
            title = shortened(named_part(group, layer), 34)
            axes.set_title(title, loc="left", fontweight="bold", fontsize=8.5)
    grid[0, 0].set_ylim(bottom=0.0)  # shared, so set after the last line
    fig.supxlabel(f"mean water content of the place {UNIT}", fontsize=9)
    fig.supylabel(f"mean belt {UNIT}", fontsize=9)
    handles: dict[str, Any] = {
        "readings": Line2D([], [], marker="D", ls="", ms=4.5, color=OBSERVED_COLOR)
    }
    handles |= model_handles(spread, models)
    if picked(spread, "spread_truth") is not None:
        handles["truth of the twin"] = Line2D([], [], color=TRUE_COLOR, ls=_TRUE_DASHES, lw=1.6)
    legend_above(fig, handles, width=wide)
    return fig


def _bin_water(spread: xr.Dataset, at: dict[str, str]) -> np.ndarray:
    """Return the mean water of the bins of a panel."""
    values = picked(spread, "water", **at)
    return spread["bin"].to_numpy().astype(float) if values is None else values


# --- honesty of the distributions ---------------------------------------------------------------


def reliability(honest: xr.Dataset) -> Figure:
    """Draw the histogram of the PIT of each model, and nominal against real coverage."""
    split, layer = honest.attrs.get("shown_split"), _all_layers(honest)
    at = {"split": split, "layer": layer}
    models = main_models(honest, known_models(honest, "pit", **at), 8)
    colors = colors_of(honest)
    columns = min(len(models), 4)
    rows = -(-len(models) // columns)
    fig = figure(9.0, 1.65 * rows + 3.1)
    upper, lower = stacked(fig, [1.65 * rows + 0.4, 2.7])
    grid = upper.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    middle = honest["bin"].to_numpy().astype(float)
    for n, axes in enumerate(grid.ravel()):
        if n >= len(models):
            break
        _pit_panel(axes, honest, middle, models[n], split)
        axes.set_title(shortened(name_of(honest, models[n]), 32), loc="left", fontsize=8.5)
    hide_rest(grid, len(models))
    upper.supxlabel("predicted probability of values up to the reading", fontsize=8.5)
    upper.supylabel("density", fontsize=8.5)
    own = [name for name in parts_of(honest, "layer") if name != ALL]
    looks = dict(zip(own, _LAYER_DASHES, strict=False))
    if looks and at["layer"] == ALL:
        handles = {n: Line2D([], [], color="#444444", lw=1.0, ls=d) for n, d in looks.items()}
        legend_above(upper, {"all depths": Patch(color="#b5b5b5"), **handles})
    _coverage_panels(lower, honest, models, colors, at)
    return fig


def _all_layers(dataset: xr.Dataset) -> str:
    names = labels(dataset, "layer")
    return ALL if ALL in names else names[0]


def _pit_panel(axes: Axes, honest: xr.Dataset, middle: np.ndarray, model: str, split: Any) -> None:
    color = colors_of(honest)[model]
    width = 1.0 / middle.size
    values = picked(honest, "pit", split=split, model=model, layer=_all_layers(honest))
    if values is not None:
        axes.bar(middle, values, width=0.94 * width, color=color, alpha=0.55, lw=0)
    for layer, dashes in zip(parts_of(honest, "layer"), _LAYER_DASHES, strict=False):
        own = picked(honest, "pit", split=split, model=model, layer=layer)
        if own is not None and layer != ALL:
            axes.plot(middle, own, color="#444444", lw=0.8, ls=dashes, label=layer)
    axes.axhline(1.0, color="k", lw=0.9)
    axes.set_xlim(0.0, 1.0)


def _coverage_panels(
    fig: FigureBase,
    honest: xr.Dataset,
    models: Sequence[str],
    colors: dict[str, str],
    at: dict[str, Any],
) -> None:
    left, right = fig.subplots(1, 2, width_ratios=[1.0, 1.5])
    nominal = honest["interval"].to_numpy().astype(float)
    place = np.arange(nominal.size)
    step = 0.8 / max(len(models), 1)
    for n, model in enumerate(models):
        inside = picked(honest, "coverage", model=model, **at)
        if inside is None:
            continue
        line = model_line(honest, model, 1.2)
        left.plot(nominal, inside, marker="o", ms=3, **line, label=name_of(honest, model))
        shift = (n - 0.5 * (len(models) - 1)) * step
        right.bar(
            *(place + shift, inside - nominal, 0.9 * step),
            color=colors[model],
            alpha=0.45 if is_paper(honest, model) else 1.0,
        )
    left.plot([0.0, 1.0], [0.0, 1.0], color="k", lw=0.8)
    left.set(xlabel="nominal", ylabel="share of readings inside")
    left.set_xlim(nominal.min() - 0.05, nominal.max() + 0.05)
    left.set_xticks(nominal)
    left.set_title("central intervals", loc="left")
    seen = np.concatenate([line.get_ydata()[:] for line in left.get_lines()[:-1]] + [nominal])
    left.set_ylim(max(float(np.nanmin(seen)) - 0.05, 0.0), min(float(np.nanmax(seen)) + 0.05, 1.0))
    right.axhline(0.0, color="k", lw=0.8)
    right.set_xticks(place, [f"{100 * p:.0f} %" for p in nominal])
    right.set_title("inside less nominal", loc="left")
    right.grid(visible=False, axis="x")
    for axis, decimals in ((left.xaxis, 0), (left.yaxis, 0), (right.yaxis, None)):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=decimals, symbol=" %"))
    handles = {
        name_of(honest, m): Patch(color=colors[m], alpha=0.45 if is_paper(honest, m) else 1.0)
        for m in models
    }
    right.legend(
        handles.values(), handles.keys(), loc="upper left", bbox_to_anchor=(1.0, 1.05), fontsize=7.5
    )
