"""Weather of plots: what falls on them, and what a few rain pixels and stations tell of it."""

from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from rootzone.simulate.plots_ground import EAST, LATITUDE, LONGITUDE, Draws, Plots
from rootzone.simulate.plots_recipe import PlotRecipe
from rootzone.water.climates import DE_BILT, climate_of_normals
from rootzone.water.hourly_weather import (
    daylight_shares,
    hourly_amounts,
    hourly_rain,
    hourly_temperature,
)
from rootzone.water.radiation import extraterrestrial_radiation, extraterrestrial_radiation_hourly
from rootzone.water.weather_generator import Climate, generate, potential_evapotranspiration

NORTH = 20.0
"""Length of the domain from south to north [km]."""

_HEIGHT = 350.0  # m, that the climate belongs to
_COOLER = 1.5  # degC, than at De Bilt, 350 m lower
_PLACES, _PIXELS, _STATIONS = 21, 22, 23  # streams of randomness
_DOMAIN = 2  # of the keys


class Joined(NamedTuple):
    """Where a quantity of the places was measured."""

    quantity: str
    source: tuple[str, ...]
    """Name of the source (place)."""
    distance: np.ndarray
    """[km] (place)"""


class PlotWeather(NamedTuple):
    """Weather, arrays (time, place) [mm per interval, degC]; the first year is the warm-up."""

    day_of_year: np.ndarray
    """(time)"""
    hour: np.ndarray
    """Start of the interval [h UTC] (time)."""
    rain: np.ndarray
    """What falls on the places."""
    demand: np.ndarray
    """Potential evapotranspiration of the places."""
    temperature: np.ndarray
    told_rain: np.ndarray
    """Of the nearest pixel."""
    told_demand: np.ndarray
    """Of the nearest station."""
    told_temperature: np.ndarray
    """Of a thermometer at the place."""
    radiation: np.ndarray
    """Extraterrestrial radiation [W m-2]."""
    joined: tuple[Joined, ...]


def climate_of_plots() -> Climate:
    """Return the climate: that of De Bilt, brought to 49.8 degrees north and 350 m."""
    cooler = lambda months: tuple(x - _COOLER for x in months)  # noqa: E731
    normals = DE_BILT._replace(
        latitude=49.8,
        elevation=_HEIGHT,
        temperature_min=cooler(DE_BILT.temperature_min),
        temperature_max=cooler(DE_BILT.temperature_max),
        dew_point=cooler(DE_BILT.dew_point),
    )
    return climate_of_normals(normals)


def nearest(east: np.ndarray, north: np.ndarray, plots: Plots) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest of some points to each place, and its distance [km]."""
    apart = np.hypot(plots.east[:, None] - east, plots.north[:, None] - north)
    chosen = apart.argmin(axis=1)
    return chosen, apart[np.arange(len(chosen)), chosen]


def pixel_grid(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return east and north [km] of the middles of rain pixels, in two columns."""
    rows = -(-count // 2)
    index = np.arange(count)
    return (0.25 + 0.5 * (index % 2)) * EAST, (index // 2 + 0.5) * NORTH / rows


def draw_weather(recipe: PlotRecipe, plots: Plots, seed: int) -> PlotWeather:
    """Return the weather of plots: a year of warm-up, then the years of the recipe.

    The weather generator draws one series for the domain. Rain of pixels differs from it by a
    lognormal factor of each day that near pixels share, and by elevation; rain of a place by a
    smaller one from that of its pixel. Temperature falls with elevation.

    Parameters
    ----------
    recipe : PlotRecipe
        Years, interval and how weather differs.
    plots : Plots
        Where they lie.
    seed : int
        Of everything random.
    """
    w, key = recipe.weather, jax.random.fold_in(jax.random.key(seed), _DOMAIN)
    days, per_day = 365 * (recipe.years + 1), 24 // recipe.step_hours
    day_of_year, rain, demand, temperature = _regional(recipe, key, days)
    hour = np.tile(np.arange(per_day) * float(recipe.step_hours), days)

    east, north = pixel_grid(w.pixels)
    apart = np.hypot(east[:, None] - east, north[:, None] - north)
    root = np.linalg.cholesky(np.exp(-apart / w.rain_range) + 1e-9 * np.eye(w.pixels))
    z = Draws(seed, _PIXELS, np.arange(w.pixels)).noise(days) @ root.T
    factor = np.exp(w.rain_scatter * z - 0.5 * w.rain_scatter**2)
    of_pixel, pixel_distance = nearest(east, north, plots)
    # Of the ground on the mean, so that a pixel's rain does not depend on where plots lie.
    ground = sorted((np.mean(g.north), np.mean(g.elevation)) for g in recipe.groups.values())
    height = np.interp(north, *np.transpose(ground))
    factor = factor * (1.0 + w.rain_with_height * (height - _HEIGHT) / 100.0)
    told_rain = rain[:, None] * np.repeat(factor, per_day, axis=0)[:, of_pixel]
    places = Draws(seed, _PLACES, plots.number)
    own = places.noise(days)
    own = np.exp(w.place_rain * own - 0.5 * w.place_rain**2)

    at = Draws(seed, _STATIONS, np.arange(w.stations))
    s_east, s_north = at.between(0.0, EAST), at.between(0.0, NORTH)
    of_station, station_distance = nearest(s_east, s_north, plots)
    steps = len(demand)
    offset, noise = w.station_offset * at.normal(), w.station_noise * at.noise(steps)
    gauge = (1.0 + offset) * np.maximum(1.0 + noise, 0.0)
    air = temperature[:, None] - w.lapse * (plots.elevation - _HEIGHT) / 100.0
    error = places.noise(steps)
    return PlotWeather(
        day_of_year,
        hour,
        told_rain * np.repeat(own, per_day, axis=0),
        np.repeat(demand[:, None], len(plots.number), axis=1),
        air,
        told_rain,
        demand[:, None] * gauge[:, of_station],
        air + w.temperature_error * error,
        _radiation(day_of_year, hour, recipe.step_hours, plots),
        (
            Joined("precipitation", tuple(f"pixel {p + 1}" for p in of_pixel), pixel_distance),
            Joined(
                "potential_evapotranspiration",
                tuple(f"station {s + 1}" for s in of_station),
                station_distance,
            ),
            Joined("temperature", plots.name, np.zeros(len(plots.name))),
        ),
    )


def _regional(
    recipe: PlotRecipe, key: jax.Array, days: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return day of the year, rain, demand and temperature of the domain (time)."""
    climate, one = climate_of_plots(), np.zeros(1, np.int32)
    start, hours = recipe.weather.start_day_of_year, recipe.step_hours

    def draw(key: jax.Array) -> tuple[jax.Array, ...]:
        drawn = generate(climate, key, one, days=days, start_day_of_year=start, chunk=1)
        demand = potential_evapotranspiration(drawn, climate)
        low, high, rain = drawn.temperature_min, drawn.temperature_max, drawn.rain
        if hours == 24:
            return drawn.day_of_year, rain, demand, 0.5 * (low + high)
        shares = daylight_shares(drawn.day_of_year, LATITUDE, LONGITUDE)
        rain = hourly_rain(rain, drawn.day_of_year, key, one, chunk=1)
        series = (rain, hourly_amounts(demand, shares), hourly_temperature(low, high))
        return drawn.day_of_year, *(x.reshape(-1, hours, 1).sum(axis=1) for x in series)

    day, rain, demand, air = jax.jit(draw)(key)
    rain, demand, air = (np.asarray(x, float)[:, 0] for x in (rain, demand, air))
    return (
        np.repeat(np.asarray(day), 24 // hours),
        rain,
        demand,
        air / (1 if hours == 24 else hours),
    )


def _radiation(day: np.ndarray, hour: np.ndarray, step: int, plots: Plots) -> np.ndarray:
    """Return extraterrestrial radiation (time, place) [W m-2]."""
    latitude = plots.latitude
    if step == 24:
        return np.asarray(jax.jit(extraterrestrial_radiation)(day[:, None], latitude))
    of_parts = jax.jit(partial(extraterrestrial_radiation_hourly, step=float(step)))
    return np.asarray(of_parts(day[:, None], hour[:, None], latitude, plots.longitude))
