"""Stations of a scenario ensemble: the climates of the weather generator, and others near by."""

import equinox as eqx
import jax
import numpy as np

from rootzone.simulate.scenario_members import Draws, Recipe
from rootzone.water.climates import CLIMATES, climate_of_normals
from rootzone.water.weather_generator import (
    CLEARNESS,
    TEMPERATURE,
    WIND,
    Climate,
    GammaAmounts,
)


def _near(climate: Climate, z: np.ndarray) -> Climate:
    """Return a station near by, moved by five standard normal numbers."""
    wet, rain, warmth, sun, wind = (float(x) for x in z)
    p = np.clip(np.asarray(climate.wet_probability), 1e-6, 1.0 - 1e-6)
    odds = p / (1.0 - p) * np.exp(0.2 * wet)
    location = np.array(climate.location)
    log_spread = np.array(climate.log_spread)
    location[:, TEMPERATURE, 0] += 1.5 * warmth
    location[:, CLEARNESS, 0] += 0.15 * sun
    location[:, WIND] *= np.exp(0.075 * wind)  # its square root
    log_spread[:, WIND, 0] += 0.075 * wind
    amounts = climate.amounts
    assert isinstance(amounts, GammaAmounts)
    return eqx.tree_at(
        lambda c: (c.wet_probability, c.amounts.scale, c.location, c.log_spread),
        climate,
        (
            odds / (1.0 + odds),
            np.asarray(amounts.scale) * np.exp(0.15 * rain),
            location,
            log_spread,
        ),
    )


def draw_stations(recipe: Recipe, key: jax.Array) -> Climate:
    """Return the climates of the stations, stacked on the first axis of every array.

    Station k has the climate ``k % len(recipe.climates)``; the first of each climate is the
    measured one. Others differ by 0.2 of the log odds of a wet day, 15 % of the rain of wet days,
    1.5 degC, 0.15 of the logit of the clearness and 15 % of the wind (standard deviations, an
    assumption); latitude, seasons and the depression of the dew point stay.
    """
    kinds = len(recipe.climates)
    first = [climate_of_normals(CLIMATES[name]) for name in recipe.climates]
    numbers = np.arange(recipe.stations * kinds)
    draws = Draws(key, numbers)
    z = np.stack([draws.normal() for _ in range(5)], axis=1) * (numbers >= kinds)[:, None]
    found = [_near(first[k % kinds], z[k]) for k in numbers]
    return jax.tree.map(lambda *x: np.stack([np.asarray(v) for v in x]), *found)
