"""What the ensemble of the study `transect` says of the parameters, and how searches compare."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from rootzone.report.style import BLUE, GREEN, ORANGE, PURPLE, RED, SKY, figure
from rootzone.report.transect_sets import SCORE_WORDS
from rootzone.report.transect_style import columns_for, shortened

INDICES = {
    "first_order": "share of the variance of ranks\n(first order)",
    "pawn": "change of the distribution\n(PAWN)",
    "regional": "distance of the best sets\n(Kolmogorov-Smirnov)",
    "identifiability": "narrowing of the best sets\n",
}
_SEARCHES = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY)


# --- what matters -----------------------------------------------------------------------------


def indices(sets: xr.Dataset) -> list[str]:
    """Return the sensitivity indices that the ensemble was given, the leading one first."""
    return [name for name in INDICES if name in sets]


def sensitivity(sets: xr.Dataset, colors: Mapping[str, str]) -> Figure:
    """Draw sensitivity indices by parameter and selection; gray is what chance reaches.

    Parameters
    ----------
    sets : Dataset
        Indices (selection, parameter) and what chance reaches (selection).
    colors : mapping
        Colors of the sections.
    """
    shown = indices(sets)
    selections = [str(s) for s in sets["selection"].to_numpy()]
    first = sets[shown[0]].to_numpy()
    order = np.argsort(np.nan_to_num(first).max(axis=0), kind="stable")
    names = [str(p) for p in sets["parameter"].to_numpy()]
    rows = np.arange(len(names))
    fig = figure(9.0, 0.225 * len(names) + 1.35)
    grid = np.atleast_1d(np.asarray(fig.subplots(1, len(shown), sharey=True)))
    shifts = np.linspace(0.24, -0.24, len(selections)) if len(selections) > 1 else [0.0]
    for axes, name in zip(grid, shown, strict=True):
        values = sets[name].to_numpy()
        chance = sets[f"{name}_chance"].to_numpy()
        axes.axvspan(min(0.0, float(np.nanmin(values))), np.nanmax(chance), color="#e9e9e9", lw=0)
        for n, selection in enumerate(selections):
            at = values[n][order]
            above = at > chance[n]
            style = {"color": colors[selection], "ls": "", "marker": "o", "ms": 4.2}
            axes.plot(at[above], rows[above] + shifts[n], zorder=3, **style)
            axes.plot(at[~above], rows[~above] + shifts[n], mfc="none", mew=0.6, **style)
        axes.set_xlabel(INDICES[name], fontsize=8)
        low, high = min(0.0, float(np.nanmin(values))), float(np.nanmax(values))
        axes.set_xlim(low - 0.04 * (high - low) * (low < 0), high + 0.05 * (high - low))
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.tick_params(axis="y", length=0)
    grid[0].set_yticks(rows, [shortened(names[k], 36) for k in order], fontsize=7)
    grid[0].set_ylim(-0.6, len(names) - 0.4)
    handles: list[Any] = [
        Line2D([], [], color=colors[s], marker="o", ls="", ms=4.5) for s in selections
    ]
    handles.append(Patch(color="#e9e9e9"))
    labels = [*(shortened(s, 26) for s in selections), "reached by chance"]
    fig.legend(handles, labels, loc="outside upper center", ncols=columns_for(labels))
    return fig


def leading_index(sets: xr.Dataset) -> str:
    """Return the index that says most of what observations inform: that of the best sets."""
    return "regional" if "regional" in sets else indices(sets)[0]


def most_informed(sets: xr.Dataset, name: str, count: int = 3) -> dict[str, list[str]]:
    """Return the parameters with the largest index for each selection, of those beyond chance."""
    names = [str(p) for p in sets["parameter"].to_numpy()]
    chance = sets[f"{name}_chance"].to_numpy()
    found = {}
    for n, selection in enumerate(sets["selection"].to_numpy()):
        values = np.nan_to_num(sets[name].to_numpy()[n], nan=-np.inf)
        best = np.argsort(-values, kind="stable")[:count]
        found[str(selection)] = [names[k] for k in best if values[k] > chance[n]]
    return found


# --- searches ---------------------------------------------------------------------------------


def searches(data: xr.Dataset, objective: str) -> Figure:
    """Draw the best objective of the first n model runs against n, for every search.

    Parameters
    ----------
    data : Dataset
        Curves of the searches.
    objective : str
        What was searched for.
    """
    fig = figure(7.2, 3.6)
    axes = fig.subplots()
    runs, best = data["runs"].to_numpy(), data["best"].to_numpy()
    for n, name in enumerate(data["search"].to_numpy()):
        known = np.isfinite(runs[n]) & np.isfinite(best[n])
        if not known.any():
            continue
        x, y = runs[n][known], best[n][known]
        color = _SEARCHES[n % len(_SEARCHES)]
        dashes = ("-", "--", ":")[n // len(_SEARCHES) % 3]
        axes.plot(x, y, color=color, ls=dashes, lw=1.5, label=shortened(str(name), 30))
        axes.plot(x[-1], y[-1], "o", color=color, ms=4.5)
    axes.set_xscale("log")
    axes.set_ylim(*_search_limits(runs, best))
    axes.set_xlabel("model runs")
    axes.set_ylabel(f"best {SCORE_WORDS.get(objective, objective)} so far")
    axes.legend(loc="lower right")
    return fig


def _search_limits(runs: np.ndarray, best: np.ndarray) -> tuple[float, float]:
    """Return limits that show the last decade of every search, not its first lucky steps."""
    last = [float(np.nanmax(b)) for b in best if np.isfinite(b).any()]
    late = []
    for x, y in zip(runs, best, strict=True):
        known = np.isfinite(x) & np.isfinite(y)
        if known.any():
            x, y = x[known], y[known]
            late.append(float(y[np.searchsorted(x, 0.05 * x[-1])]))
    if not last:
        return 0.0, 1.0
    low, high = min(late), max(last)
    pad = 0.06 * (high - low) or 0.05 * max(abs(high), 0.1)
    return low - pad, high + pad
