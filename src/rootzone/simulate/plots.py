"""Plots where the true distribution of soil moisture is known: many Richards columns each.

The columns of a plot are similar media with pockets of another soil; some are reached by
macropores, whose water runs past the matrix into deeper soil. Arrays only::

    plots = draw_plots(SMALL, seed=1)
    weather = draw_weather(SMALL, plots, seed=1)
    run = run_plots(SMALL, plots, weather)
    run.water                                  # (place, depth, column, time)
    sensors = draw_sensors(SMALL, plots, run.water, seed=1)
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rootzone.simulate.plots_columns import (
    Batch,
    grid_of_plots,
    outlet_of,
    run_batch,
    single,
    soil_of,
)
from rootzone.simulate.plots_ground import (
    Plots,
    Survey,
    check_recipe,
    draw_plots,
    horizon_of,
)
from rootzone.simulate.plots_recipe import (
    ATTERT_LIKE,
    GROUPS,
    PLANTS,
    SMALL,
    PlotRecipe,
)
from rootzone.simulate.plots_sensors import Sensors, draw_sensors
from rootzone.simulate.plots_weather import NORTH, Joined, PlotWeather, draw_weather, nearest
from rootzone.simulate.surface import Surface
from rootzone.simulate.weather import Weather
from rootzone.water.canopy import LeafAreaTable
from rootzone.water.pedotransfer import toth_2015_17_K_s, toth_2015_21
from rootzone.water.richards import Grid
from rootzone.water.roots import jackson
from rootzone.water.snow import DegreeDay

__all__ = [
    "ATTERT_LIKE",
    "GROUPS",
    "SMALL",
    "Joined",
    "PlotRecipe",
    "PlotRun",
    "PlotWeather",
    "Plots",
    "Sensors",
    "Survey",
    "check_recipe",
    "draw_plots",
    "draw_sensors",
    "draw_weather",
    "linear_stores",
    "run_plots",
    "run_reference",
]

_SEEN = 3.0  # cm above and below its depth that a sensor sees
_REFERENCE = 4  # stream of randomness
_QUICK, _SLOW = 1.5, 45.0  # d, time constants of the stores
_SNOW = {"threshold": 1.0, "transition": 2.0, "retention": 0.1, "refreezing": 0.05}
_MONTHS = (np.arange(12) + 0.5) * (365.25 / 12.0)  # their middles, days of the year


class PlotRun(NamedTuple):
    """What became of the water, after the warm-up."""

    water: np.ndarray
    """Of the columns at the depths, at the ends of the intervals (place, depth, column, time)
    [m3 m-3], float32; NaN after a failure."""
    quick: np.ndarray
    """Water that runs off or through channels to the bottom, mean of a plot (place, time) [mm]."""
    slow: np.ndarray
    """Water that leaves the columns at the bottom, mean of a plot (place, time) [mm]."""
    evaporation: np.ndarray
    """Of soil and plants, without interception, mean of a plot (place, time) [mm]."""
    balance_error: np.ndarray
    """Gain of the columns over the whole run less what the fluxes brought (place, column) [mm]."""
    status: np.ndarray
    """:class:`~rootzone.water.richards.Status` (place, column)."""


def run_plots(
    recipe: PlotRecipe,
    plots: Plots,
    weather: PlotWeather,
    progress: Callable[[float], None] = lambda share: None,
) -> PlotRun:
    """Run all columns of the plots in float32, on all cores.

    Snow and leaves stand before the soil of a plot. Of the water that reaches a column with a
    channel, what exceeds the threshold of a day enters the channel with a share; at the start of
    the interval it fills the soil between the depths of its outlet up to 0.95 of saturation, and
    what finds no room leaves at the bottom. The rest moves by Richards' equation. Results do not
    depend on the number of cores.

    Parameters
    ----------
    recipe : PlotRecipe
        Interval, depths and macropores.
    plots : Plots
        Of :func:`draw_plots`.
    weather : PlotWeather
        Of :func:`draw_weather`.
    progress : callable, optional
        Told the share of the columns that is done.
    """
    size, count = plots.run_on.shape
    grid = grid_of_plots()
    at = horizon_of(np.asarray(grid.depth))
    flat = lambda x: single(x.reshape(*x.shape[:-2], -1))  # noqa: E731
    soil = (plots.theta_r, plots.theta_s, plots.alpha, plots.n, plots.K_s)
    pores = [recipe.groups[name].macropores for name in plots.group]
    each = lambda values: np.repeat(single(values), count, axis=-1)  # noqa: E731
    plants = [PLANTS[name] for name in plots.land_use]
    batch = Batch(
        np.arange(size * count, dtype=np.int32),
        np.repeat(np.arange(size, dtype=np.int32), count),
        soil_of(*(flat(x[at]) for x in soil)),
        each(_roots(recipe, plots, grid)),
        each(np.array([p.heads for p in plants]).T),
        flat(plots.run_on),
        flat(_uptake(recipe, plots)),
        flat(plots.channel * np.array([p.caught for p in pores])[:, None]),
        each([p.threshold for p in pores]),
        each(np.stack([outlet_of(grid, p.depth) for p in pores], axis=1)),
        _supply(recipe, plots, weather)[..., None],
    )
    depths = np.asarray(recipe.depths)
    edges = np.stack([depths - _SEEN, depths + _SEEN], axis=1)
    out = run_batch(batch, edges, step_hours=recipe.step_hours, progress=progress)
    later = slice(365 * 24 // recipe.step_hours, None)
    mean = lambda x: x[later].reshape(-1, size, count).mean(axis=-1).T  # noqa: E731
    water = out.water[later].reshape(-1, len(depths), size, count)
    return PlotRun(
        np.ascontiguousarray(water.transpose(2, 1, 3, 0)),
        mean(out.quick),
        mean(out.slow),
        mean(out.evaporation),
        np.asarray(out.balance_error).reshape(size, count),
        np.asarray(out.status).reshape(size, count),
    )


def run_reference(
    recipe: PlotRecipe, plots: Plots, weather: PlotWeather, seed: int
) -> tuple[np.ndarray, Joined]:
    """Return what a coarse model says of the water, and how places are joined to it.

    One column for each cell: one soil everywhere, grass, the mean of what the places of the cell
    are told of the weather with errors of the rain of days, layer means, and a bias. The first
    layer answers for the first depth, and so on; depths beyond the layers get the last one.

    Parameters
    ----------
    recipe : PlotRecipe
        The coarse model.
    plots : Plots
        Where the places lie.
    weather : PlotWeather
        Of :func:`draw_weather`.
    seed : int
        Of the errors of its rain.

    Returns
    -------
    water : array (place, depth, time)
        [m3 m-3], float32.
    joined : Joined
        The cells of the places.
    """
    r = recipe.reference
    north = (np.arange(r.cells) + 0.5) * NORTH / r.cells
    middle = np.full(r.cells, float(plots.east.mean()))
    cell, distance = nearest(middle, north, plots)
    used = np.unique(cell)
    average = lambda x: np.stack([x[:, cell == c].mean(axis=1) for c in used], axis=1)  # noqa: E731
    day = weather.day_of_year
    rain, demand = r.rain * average(weather.told_rain), average(weather.told_demand)
    rng, per_day = np.random.default_rng([seed, _REFERENCE]), 24 // recipe.step_hours
    z = rng.standard_normal((len(day) // per_day, r.cells))[:, used]
    rain *= np.repeat(np.exp(r.rain_scatter * z - 0.5 * r.rain_scatter**2), per_day, axis=0)
    supply = _of_plant(recipe, "pasture", day, rain, demand, average(weather.told_temperature))
    grid, size = grid_of_plots(), len(used)
    full = lambda x: np.full((len(grid.depth), size), float(x), np.float32)  # noqa: E731
    found = toth_2015_21(r.sand, r.clay, r.density, r.carbon, 0.0)
    K_s = toth_2015_17_K_s(r.sand, r.clay, 6.0, 0.5 * r.clay + 3.5 * r.carbon, 0.0)
    soil = soil_of(*(full(x) for x in (found.theta_r, found.theta_s, found.alpha, found.n, K_s)))
    plant = PLANTS["pasture"]
    none = np.zeros(size, np.float32)
    batch = Batch(
        np.arange(size, dtype=np.int32),
        np.arange(size, dtype=np.int32),
        soil,
        np.repeat(single(jackson(grid.depth, plant.beta)).T, size, axis=1),
        np.repeat(single(plant.heads)[:, None], size, axis=1),
        none + 1,
        none + 1,
        none,
        none + 1,
        full(0.0),
        single(np.stack(supply, axis=1))[..., None],
    )
    edges = np.stack([r.edges[:-1], r.edges[1:]], axis=1)
    out = run_batch(batch, edges, step_hours=recipe.step_hours)
    water = np.asarray(out.water) + np.float32(r.bias)
    later = slice(365 * 24 // recipe.step_hours, None)
    layer = np.minimum(np.arange(len(recipe.depths)), len(edges) - 1)
    position = np.searchsorted(used, cell)
    joined = Joined("era5_land", tuple(f"cell {c + 1}" for c in cell), distance)
    return np.ascontiguousarray(water[later][:, layer][..., position].transpose(2, 1, 0)), joined


def linear_stores(quick: np.ndarray, slow: np.ndarray, *, days: float) -> np.ndarray:
    r"""Return the discharge of two linear stores [mm per interval].

    .. math:: Q = (S + I)\,(1 - e^{-\Delta t / k})

    with time constants k of 1.5 d for what runs off and 45 d for what seeps (assumptions).

    Parameters
    ----------
    quick, slow : array (time, ...)
        What enters the stores [mm per interval]; they start in balance with its mean.
    days : float
        Interval [d].
    """
    total = np.zeros(np.shape(quick))
    for flow, k in ((quick, _QUICK), (slow, _SLOW)):
        share = -np.expm1(-days / k)
        stored = flow.mean(axis=0) * (1.0 - share) / share
        for t, now in enumerate(np.maximum(flow, 0.0)):
            out = (stored + now) * share
            stored = stored + now - out
            total[t] += out
    return total


# --- before the soil --------------------------------------------------------------------


def _roots(recipe: PlotRecipe, plots: Plots, grid: Grid) -> np.ndarray:
    """Return the density of roots (node, place) [cm-1]."""
    found = [
        jackson(grid.depth, PLANTS[plant].beta, recipe.groups[name].root_depth)[0]
        for plant, name in zip(plots.land_use, plots.group, strict=True)
    ]
    return np.stack([np.asarray(x) for x in found], axis=1)


def _uptake(recipe: PlotRecipe, plots: Plots) -> np.ndarray:
    """Return transpiration asked of a column over that of the plot (place, column), mean one."""
    more = np.array([recipe.groups[name].pocket_uptake for name in plots.group])[:, None]
    share = np.where(plots.pocket, more, 1.0)
    inside = plots.pocket.mean(axis=1, keepdims=True)
    rest = (1.0 - inside * more) / np.maximum(1.0 - inside, 1e-9)
    return np.where(plots.pocket, share, np.maximum(rest, 0.0))


def _supply(recipe: PlotRecipe, plots: Plots, weather: PlotWeather) -> np.ndarray:
    """Return water on the soil, evaporation and transpiration asked (time, 3, place) [mm]."""
    found = np.zeros((len(weather.day_of_year), 3, len(plots.name)), np.float32)
    for name in sorted(set(plots.land_use)):
        its = np.array([x == name for x in plots.land_use])
        series = (weather.rain[:, its], weather.demand[:, its], weather.temperature[:, its])
        parts = _of_plant(recipe, name, weather.day_of_year, *series)
        found[:, :, its] = np.stack(parts, axis=1)
    return found


def _of_plant(
    recipe: PlotRecipe,
    name: str,
    day: np.ndarray,
    rain: np.ndarray,
    demand: np.ndarray,
    temperature: np.ndarray,
) -> list[np.ndarray]:
    """Return water on the soil, evaporation and transpiration asked below a plant (time, place)."""
    plant, interval = PLANTS[name], recipe.step_hours / 24.0
    leaves = LeafAreaTable(_MONTHS, single(plant.leaf_area))
    surface = Surface(DegreeDay(plant.melt, **_SNOW), leaf_area=leaves)
    asked = single(plant.demand * demand)
    series = [jnp.asarray(x) for x in (day, single(rain), asked, single(temperature))]
    weather = Weather(series[0], series[1], series[2], series[3])
    supply = jax.jit(lambda w: surface.supply(w, days=interval))(weather)
    return [np.asarray(x) for x in (supply.rain, supply.evaporation, supply.transpiration)]
