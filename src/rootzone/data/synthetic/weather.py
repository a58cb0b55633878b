"""Random daily weather with seasons, wet spells, elevation and a smooth pattern in space."""

import numpy as np

from rootzone.data.domain import Weather
from rootzone.data.synthetic.fields import smooth_field


def daily_weather(
    rng: np.random.Generator,
    elevation: np.ndarray,
    start: np.datetime64,
    days: int,
    *,
    mean_temperature: float = 8.5,
    annual_rain: float = 800.0,
    latitude: float = 51.0,
) -> Weather:
    """Return all fields that any process case needs, for the weather grid.

    Temperature is a season plus a first-order autoregression with a lapse rate of 6.5 K per km;
    rain comes in spells (a two-state Markov chain) with gamma-distributed amounts; radiation
    follows the season and the clouds; PET is that of Hargreaves (1975).

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    elevation : array (row, column)
        Mean elevation of the weather cells [m], no gaps.
    start : datetime64
        First day.
    days : int
        Number of days.
    mean_temperature, annual_rain, latitude : float
        Climate at the mean elevation [degC, mm, degrees].
    """
    day = start.astype("datetime64[D]") + np.arange(days)
    doy = (day - day.astype("datetime64[Y]")).astype(int) + 1
    season = -np.cos(2.0 * np.pi * (doy - 20) / 365.25)
    wet, anomaly = _spells(rng, days), _autoregression(rng, days, 0.75)
    height, shape = elevation - elevation.mean(), elevation.shape
    tavg = mean_temperature + 9.5 * season + 3.2 * anomaly
    tavg = tavg[:, None, None] - 0.0065 * height + 0.3 * _noise(rng, days, shape)
    cloud = np.clip(0.35 + 0.4 * wet + 0.15 * rng.standard_normal(days), 0.05, 1.0)
    half_range = (5.5 - 3.5 * cloud)[:, None, None] + 0.4 * np.abs(_noise(rng, days, shape))
    sun = _extraterrestrial(doy, latitude) * (0.75 - 0.5 * cloud)
    net = 0.77 * sun - (70.0 - 45.0 * cloud)
    # Hargreaves (1975): 28.4 W m-2 evaporate 1 mm a day
    pet = 0.0135 / 28.4 * sun[:, None, None] * np.maximum(tavg + 17.8, 0.0)
    saturated = 610.8 * np.exp(17.27 * tavg / (tavg + 237.3))
    humid = np.clip(0.6 + 0.3 * cloud, 0.3, 1.0)[:, None, None]
    wind = np.maximum(2.8 + 1.1 * rng.standard_normal(days), 0.4)
    wind = wind[:, None, None] * (1.0 + 0.05 * _noise(rng, days, shape))
    fields = {
        "pre": np.round(_rain(rng, wet, season, height, annual_rain), 3),
        "tavg": np.round(tavg, 3),
        "tmin": np.round(tavg - half_range, 3),
        "tmax": np.round(tavg + half_range, 3),
        "pet": np.round(pet, 4),
        "net_rad": np.round(np.broadcast_to(net[:, None, None], tavg.shape), 2),
        "eabs": np.round(saturated * humid, 2),
        "windspeed": np.round(np.maximum(wind, 0.3), 3),
    }
    return Weather(day[0].astype("datetime64[h]"), 24, fields)


def _rain(
    rng: np.random.Generator,
    wet: np.ndarray,
    season: np.ndarray,
    height: np.ndarray,
    annual_rain: float,
) -> np.ndarray:
    """Return rain [mm]: gamma-distributed on wet days, more up the hills, patchy in space."""
    amount = rng.gamma(0.75, 1.0, len(wet)) * wet * (1.0 + 0.25 * season)
    amount *= annual_rain / 365.25 / max(amount.mean(), 1e-6)
    pattern = (1.0 + 0.0004 * height) * np.exp(0.25 * _noise(rng, len(wet), height.shape))
    rain = amount[:, None, None] * pattern
    return np.where(rain > 0.05, rain, 0.0)


def _noise(rng: np.random.Generator, days: int, shape: tuple[int, int]) -> np.ndarray:
    """Return a smooth pattern for each day, mixed from a few base patterns."""
    if min(shape) < 2:
        return np.zeros((days, *shape))
    base = np.stack([smooth_field(rng, shape, 0.25 * max(shape)) for _ in range(6)])
    return np.tensordot(rng.standard_normal((days, 6)) / np.sqrt(6.0), base, axes=1)


def _spells(rng: np.random.Generator, days: int) -> np.ndarray:
    draws, wet, out = rng.random(days), False, np.zeros(days)
    for i, draw in enumerate(draws):
        wet = bool(draw < (0.65 if wet else 0.30))
        out[i] = wet
    return out


def _autoregression(rng: np.random.Generator, days: int, memory: float) -> np.ndarray:
    shocks, value, out = rng.standard_normal(days), 0.0, np.empty(days)
    for i, shock in enumerate(shocks):
        value = memory * value + np.sqrt(1.0 - memory**2) * shock
        out[i] = value
    return out


def _extraterrestrial(doy: np.ndarray, latitude: float) -> np.ndarray:
    """Return the daily mean radiation above the atmosphere [W m-2]."""
    phi = np.radians(latitude)
    declination = 0.409 * np.sin(2.0 * np.pi * doy / 365.0 - 1.39)
    sunset = np.arccos(np.clip(-np.tan(phi) * np.tan(declination), -1.0, 1.0))
    distance = 1.0 + 0.033 * np.cos(2.0 * np.pi * doy / 365.0)
    geometry = sunset * np.sin(phi) * np.sin(declination)
    geometry += np.cos(phi) * np.cos(declination) * np.sin(sunset)
    return 1367.0 / np.pi * distance * geometry
