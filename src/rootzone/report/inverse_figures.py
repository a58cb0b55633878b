"""Figures of the study `inverse`; each is a function of the datasets of a run."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rootzone.report.style import BLUE, GREEN, GREY, ORANGE, RED, SKY, figure, time_axis

UNIT = "[m³ m⁻³]"
COLORS = {
    "network": BLUE,
    "homogeneous": ORANGE,
    "filter": RED,
    "columns": GREEN,
}
_WINDOW = 120  # days shown of a season
_SEASONS = ("dry", "wet")


def names(dataset: xr.Dataset, attribute: str) -> dict[str, str]:
    """Return what words of a dataset are called."""
    pairs = (part.split(": ", 1) for part in dataset.attrs[attribute].split("; "))
    return dict(pairs)


def learning(dataset: xr.Dataset) -> Figure:
    """Draw the loss of every network over the epochs, the best epoch marked."""
    splits = dataset["split"].to_numpy()
    fig = figure(9.0, 3.0)
    panels = np.atleast_1d(np.asarray(fig.subplots(1, len(splits), sharey=True)))
    words = names(dataset, "split_names")
    epochs = dataset["epoch"].to_numpy()
    for axes, split in zip(panels, splits, strict=True):
        own = dataset.sel(split=split)
        for k in range(own.sizes["network"]):
            label = ("training", "validation") if k == 0 else (None, None)
            train, valid = (own[n].to_numpy()[:, k] for n in ("train_loss", "valid_loss"))
            axes.plot(epochs, train, color=GREY, lw=0.9, label=label[0])
            axes.plot(epochs, valid, color=BLUE, lw=1.1, label=label[1])
            best = int(own["best_epoch"][k])
            if 1 <= best <= len(valid):
                axes.plot(best, valid[best - 1], "o", color=BLUE, ms=4)
        axes.set_title(words.get(split, split))
        axes.set_xlabel("epoch")
    panels[0].set_ylabel("loss")
    panels[0].legend()
    return fig


def methods(dataset: xr.Dataset, split: str, counts: str) -> Figure:
    """Draw the RMSE of all methods at 0-30 cm by season, with the spread of the bootstrap."""
    rows = dataset.sel(split=split, counts=counts, depth=30)
    words = names(dataset, "method_names")
    known = [m for m in words if m in rows["retrieval"].to_numpy()]
    known = [m for m in known if np.isfinite(rows["rmse"].sel(retrieval=m, subset="all"))]
    order = sorted(known, key=lambda m: float(rows["rmse"].sel(retrieval=m, subset="dry")))
    fig = figure(9.0, 0.42 * len(order) + 1.1)
    axes = fig.subplots()
    shades = {"dry": ORANGE, "wet": SKY, "peaks": BLUE}
    labels = {"dry": "dry season", "wet": "wet season", "peaks": "peaks"}
    height = 0.26
    place = np.arange(len(order))
    for k, (subset, color) in enumerate(shades.items()):
        own = rows.sel(subset=subset)
        at = own[["rmse", "rmse_low", "rmse_high"]].sel(retrieval=order)
        value = at["rmse"].to_numpy()
        ends = np.stack([value - at["rmse_low"].to_numpy(), at["rmse_high"].to_numpy() - value])
        ends = np.where(np.isfinite(ends), np.maximum(ends, 0.0), 0.0)
        axes.barh(
            *(place + (k - 1) * height, value, height),
            color=color,
            xerr=ends,
            error_kw={"lw": 0.8, "ecolor": "#444444"},
            label=labels[subset],
        )
    axes.set_yticks(place, [words[m] for m in order])
    axes.invert_yaxis()
    axes.set_xlabel(f"RMSE of 0-30 cm {UNIT}")
    axes.grid(visible=False, axis="y")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.set_title(f"{names(dataset, 'split_names').get(split, split)}, {counts}")
    return fig


# --- series -----------------------------------------------------------------------------


def _window(example: xr.Dataset, season: str) -> slice:
    """Return the days of the driest or the wettest stretch of an example."""
    balance = example["balance"].to_numpy().astype(float)
    usable = example["tested"].to_numpy().astype(bool) & (example["snow"].to_numpy() < 1.0)
    length = min(_WINDOW, balance.size)
    size = np.convolve(usable, np.ones(length), "valid")
    mean = np.convolve(np.where(usable, balance, 0.0), np.ones(length), "valid") / np.maximum(
        size, 1
    )
    ready = size >= 0.8 * max(size.max(), 1.0)
    mean = np.where(ready, mean, np.inf if season == "dry" else -np.inf)
    start = int(np.argmin(mean) if season == "dry" else np.argmax(mean))
    return slice(start, start + length)


def _draw_series(axes: Axes, shown: xr.Dataset) -> None:
    t = shown["time"].to_numpy()
    quantile = shown["quantile"]
    low, high = (quantile.isel(level=k).to_numpy() for k in (0, -1))
    inner_low, inner_high = (quantile.isel(level=k).to_numpy() for k in (2, 4))
    axes.fill_between(t, low, high, color=BLUE, alpha=0.17, lw=0, label="network, 90 %")
    axes.fill_between(t, inner_low, inner_high, color=BLUE, alpha=0.27, lw=0, label="50 %")
    axes.plot(t, shown["network"], color=BLUE, lw=1.3, label="mean")
    axes.plot(t, shown["homogeneous"], color=ORANGE, lw=0.9, label="homogeneous inversion")
    if "columns" in shown and np.isfinite(shown["columns"]).any():
        axes.plot(t, shown["columns"], color=GREEN, lw=1.0, label="calibrated columns")
    axes.plot(t, shown["truth"], color="k", lw=1.4, label="truth")


def series(dataset: xr.Dataset) -> Figure:
    """Draw truth, network and inversion of the example sites in a dry and in a wet season."""
    sites = dataset.sizes["site"]
    fig = figure(9.0, 2.7 * sites + 0.6)
    grid = fig.subplots(2 * sites, 2, squeeze=False, height_ratios=[1, 3.6] * sites)
    for n in range(sites):
        example = dataset.isel(site=n)
        both = [example.isel(time=_window(example, season)) for season in _SEASONS]
        drawn = ("truth", "quantile", "homogeneous")
        values = np.concatenate([np.ravel(b[k]) for b in both for k in drawn])
        limits = np.nanmin(values) - 0.02, np.nanmax(values) + 0.02
        for k, shown in enumerate(both):
            rain, axes = grid[2 * n, k], grid[2 * n + 1, k]
            day = np.timedelta64(1, "D")
            rain.bar(shown["time"].to_numpy(), shown["rain"], width=day, color=SKY, lw=0)
            rain.set_ylim(max(float(example["rain"].max()) * 0.6, 5.0), 0.0)
            rain.grid(visible=False)
            rain.tick_params(labelbottom=False)
            _draw_series(axes, shown)
            axes.set_ylim(*limits)
            for part in (rain, axes):
                part.set_xlim(shown["time"].to_numpy()[0], shown["time"].to_numpy()[-1])
            time_axis(axes)
            rain.set_title(f"{example['site_name'].item()!s}: {_SEASONS[k]} season")
        grid[2 * n, 0].set_ylabel("rain\n[mm d⁻¹]")
        grid[2 * n + 1, 0].set_ylabel(f"water of 0-30 cm\n{UNIT}")
    named: dict[str, Any] = {}
    for axes in grid[1::2].ravel():
        named |= {text: handle for handle, text in zip(*axes.get_legend_handles_labels())}  # noqa: B905
    fig.legend(named.values(), named.keys(), loc="outside lower center", ncols=6)
    return fig


def scatter(dataset: xr.Dataset) -> Figure:
    """Draw answers against the truth, by method and season."""
    fig = figure(7.2, 6.6)
    grid = fig.subplots(2, 2, sharex=True, sharey=True)
    truth, dry = dataset["truth"].to_numpy(), dataset["dry"].to_numpy().astype(bool)
    low = max(float(np.quantile(truth, 0.001)) - 0.04, 0.0)
    top = float(np.quantile(truth, 0.999)) + 0.04
    for i, name in enumerate(("network", "homogeneous")):
        for k, season in enumerate(_SEASONS):
            axes, here = grid[i, k], dry if season == "dry" else ~dry
            x, y = truth[here], dataset[name].to_numpy()[here]
            axes.hexbin(
                x, y, gridsize=45, extent=(low, top, low, top), mincnt=1, cmap="viridis", bins="log"
            )
            axes.plot([low, top], [low, top], color="k", lw=0.8)
            error = y - x
            text = f"RMSE {np.sqrt(np.mean(error**2)):.3f}\nbias {np.mean(error):+.3f}"
            axes.text(0.04, 0.96, text, transform=axes.transAxes, va="top")
            axes.set_aspect("equal")
            word = "homogeneous inversion" if i else "network"
            axes.set_title(f"{word}, {season} season")
    for axes in grid[1]:
        axes.set_xlabel(f"true water of 0-30 cm {UNIT}")
    for axes in grid[:, 0]:
        axes.set_ylabel(f"answer {UNIT}")
    return fig


# --- honesty ----------------------------------------------------------------------------


def reliability(dataset: xr.Dataset, split: str, counts: str) -> Figure:
    """Draw the histogram of the PIT and the coverage of intervals before and after calibration."""
    own = dataset.sel(split=split, counts=counts)
    fig = figure(9.0, 3.3)
    left, right = fig.subplots(1, 2)
    zone = own.sel(depth=30)
    width = 1.0 / own.sizes["bin"]
    left.bar(own["bin"], zone["pit"], width=0.92 * width, color=SKY)
    left.axhline(1.0, color="k", lw=0.9, ls=(0, (4, 3)))
    left.set_xlabel("probability that the network gave to values up to the truth")
    left.set_ylabel("density")
    left.set_title("0-30 cm, before calibration: flat where honest")
    nominal = own["interval"].to_numpy()
    shades = [BLUE, "k", ORANGE, GREEN, RED]
    for depth, color in zip(own["depth"].to_numpy(), shades, strict=False):
        for name, style in (("coverage", "--"), ("coverage_calibrated", "-")):
            value = own[name].sel(depth=depth)
            label = f"0-{depth:g} cm" if style == "-" else None
            right.plot(nominal, value, style, marker="o", ms=3.5, color=color, label=label)
    right.plot([0.4, 1.0], [0.4, 1.0], color=GREY, lw=0.8)
    right.set_xlim(0.45, 0.95)
    right.set_ylim(min(0.4, right.get_ylim()[0]), 1.0)
    right.set_xticks(nominal, [f"{100 * p:.0f} %" for p in nominal])
    right.set_xlabel("interval")
    right.set_ylabel("share of days inside")
    right.set_title("dashed before, solid after calibration")
    right.legend()
    return fig


# --- what it has learned ----------------------------------------------------------------


def _layers(mean: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Return the water of layers from means down to growing depths."""
    amount = mean * depth
    return np.diff(np.concatenate([[0.0], amount])) / np.diff(np.concatenate([[0.0], depth]))


def profiles(dataset: xr.Dataset) -> Figure:
    """Draw two profiles of equal mean and what was said of them, and errors by the profile."""
    fig = figure(9.0, 3.6)
    left, middle, right = fig.subplots(1, 3, width_ratios=[1, 1.1, 1.9])
    depth = dataset["mean_depth"].to_numpy().astype(float)
    shown = depth <= 30
    shades = {"wetting": BLUE, "drying": ORANGE}
    for n, name in enumerate(("wetting", "drying")):
        water = _layers(dataset["pair_mean_water"].to_numpy()[n], depth)[shown]
        edges = np.concatenate([[0.0], depth[shown]])
        left.stairs(
            water,
            edges,
            orientation="horizontal",
            baseline=None,
            color=shades[name],
            lw=2.0,
            label=name,
        )
        rate = float(dataset["pair_relative_rate"][n])
        answers = [float(dataset["pair_answer"].sel(retrieval=m)[n]) for m in _PAIR]
        middle.plot(
            range(3),
            [float(dataset["pair_truth"][n]), *answers],
            "o-",
            color=shades[name],
            label=f"N/N0 = {rate:.2f}",
        )
    left.axvline(float(dataset["pair_truth"].mean()), color="k", lw=0.9, ls=(0, (4, 3)))
    left.set_ylim(30.0, 0.0)
    left.set_xlabel(f"water content {UNIT}")
    left.set_ylabel("depth [cm]")
    left.legend(loc="lower right")
    left.set_title("two days, equal means")
    middle.set_xticks(range(3), ["truth", "network", "inversion"])
    middle.set_xlim(-0.3, 2.4)
    middle.set_ylabel(f"water of 0-30 cm {UNIT}")
    middle.legend()
    middle.set_title("what is said of them")
    x = dataset["excess"].to_numpy()
    for name, label in (("homogeneous", "homogeneous inversion"), ("network", "network")):
        low, mid, high = (dataset["error"].sel(retrieval=name).to_numpy()[:, k] for k in range(3))
        right.fill_between(x, low, high, color=COLORS[name], alpha=0.22, lw=0)
        right.plot(x, mid, color=COLORS[name], lw=1.5, label=label)
    right.axhline(0.0, color="k", lw=0.8)
    known = np.isfinite(dataset["error"].to_numpy()).any(axis=(0, 2))
    right.set_xlim(x[known].min() - 0.01, x[known].max() + 0.01)
    right.locator_params(axis="x", nbins=6)
    right.set_xlabel(f"water of 0-5 cm less that of 0-30 cm {UNIT}")
    right.set_ylabel(f"error of 0-30 cm {UNIT}")
    right.legend()
    right.set_title("all test days: median, 80 % of errors")
    return fig


_PAIR = ("network", "homogeneous")


def importance(dataset: xr.Dataset) -> Figure:
    """Draw the RMSE at 0-30 cm when a group of inputs or attributes is withheld."""
    rows = dataset["rmse"].sel(depth=30)
    whole = float(rows.sel(withheld="nothing"))
    words = [w for w in rows["withheld"].to_numpy() if w != "nothing"]
    values = np.array([float(rows.sel(withheld=w)) for w in words])
    order = np.argsort(values)
    fig = figure(7.2, 0.27 * len(words) + 1.0)
    axes = fig.subplots()
    axes.barh(range(len(words)), values[order], color=SKY)
    axes.axvline(whole, color="k", lw=1.0, label="with everything")
    axes.set_yticks(range(len(words)), [words[k] for k in order])
    axes.set_xlabel(f"RMSE of 0-30 cm without it {UNIT}")
    axes.grid(visible=False, axis="y")
    axes.legend(loc="lower right")
    return fig


def text_of(value: Any, form: str = "{:.3f}") -> str:
    """Return a number as text; nothing where it is missing."""
    return form.format(float(value)) if np.isfinite(float(value)) else ""
