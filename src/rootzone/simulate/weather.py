"""Where the weather of a simulated site comes from: a record, or the weather generator.

A source is a value that gives the weather of members by their numbers, so that member 17 has the
same weather in every chunk.
"""

from typing import NamedTuple, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from rootzone.water.hourly_weather import (
    HourlyRain,
    daylight_shares,
    hourly_amounts,
    hourly_rain,
    hourly_temperature,
)
from rootzone.water.weather_generator import Climate, generate, potential_evapotranspiration


class Weather(NamedTuple):
    """Weather above the canopy, (interval) or (interval, member)."""

    day_of_year: jax.Array
    """1 to 366 (interval)."""
    precipitation: jax.Array
    """[mm per interval]"""
    potential_evapotranspiration: jax.Array
    """[mm per interval]"""
    temperature: jax.Array
    """Mean of the interval [degC]."""


class WeatherSource(Protocol):
    """Where the weather comes from."""

    def __call__(self, members: jax.Array) -> Weather:
        """Return the weather of the members with these numbers (member)."""
        ...


class RecordedWeather(eqx.Module):
    """The same recorded weather for all members.

    Attributes
    ----------
    day_of_year, precipitation, potential_evapotranspiration, temperature : array (interval)
        As in :class:`Weather`; no gaps.
    """

    day_of_year: ArrayLike
    precipitation: ArrayLike
    potential_evapotranspiration: ArrayLike
    temperature: ArrayLike

    def __call__(self, members: jax.Array) -> Weather:
        """Return the weather of the members with these numbers (member)."""
        del members
        return Weather(
            jnp.asarray(self.day_of_year),
            jnp.asarray(self.precipitation),
            jnp.asarray(self.potential_evapotranspiration),
            jnp.asarray(self.temperature),
        )


class GeneratedWeather(eqx.Module):
    """Weather drawn for each member by the generator; days, or hours with storms in them.

    Attributes
    ----------
    climate : Climate
        Parameters of the generator.
    key : jax.Array
        Key of the ensemble; member m uses ``fold_in(key, m)``.
    days : int
        Length [d]; years have 365 days.
    start_day_of_year : int
        1 to 365.
    storms : HourlyRain, optional
        How the rain of a day falls on its hours; left out, intervals are days.
    shared : bool
        Whether all members have the weather of member 0.
    """

    climate: Climate
    key: jax.Array
    days: int = eqx.field(static=True)
    start_day_of_year: int = eqx.field(static=True, default=1)
    storms: HourlyRain | None = None
    shared: bool = eqx.field(static=True, default=False)

    def __call__(self, members: jax.Array) -> Weather:
        """Return the weather of the members with these numbers (member)."""
        numbers = jnp.zeros(1, jnp.int32) if self.shared else members
        drawn = generate(
            self.climate,
            self.key,
            numbers,
            days=self.days,
            start_day_of_year=self.start_day_of_year,
        )
        demand = potential_evapotranspiration(drawn, self.climate)
        temperature = 0.5 * (drawn.temperature_min + drawn.temperature_max)
        day, rain = drawn.day_of_year, drawn.rain
        if self.storms is not None:
            shares = daylight_shares(day, self.climate.latitude).astype(demand.dtype)
            demand = hourly_amounts(demand, shares)
            temperature = hourly_temperature(drawn.temperature_min, drawn.temperature_max)
            rain = hourly_rain(rain, day, self.key, numbers, storms=self.storms)
            day = jnp.repeat(day, 24)
        if self.shared:
            rain, demand, temperature = (x[:, 0] for x in (rain, demand, temperature))
        return Weather(day, rain, demand, temperature)
