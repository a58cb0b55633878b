"""From days to hours: storms within a wet day, the course of sun and temperature.

Hours count from the start of the day. Solar geometry is that of :mod:`rootzone.water.radiation`:
with longitude 0 the day is one of local solar time, with the true longitude one of UTC.
"""

from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from rootzone.water.radiation import extraterrestrial_radiation_hourly
from rootzone.water.weather_generator import in_chunks

_SLOTS = 16  # most storms of a day
_STREAM = 2**31 - 1  # keeps hours apart from the days that the same key has drawn
_WARMEST = 15.0  # h, local solar time


class HourlyRain(Protocol):
    """How the rain of a day falls on its hours; a value with this method is a choice of it."""

    def __call__(self, key: jax.Array, rain: jax.Array, day_of_year: jax.Array) -> jax.Array:
        """Return the shares (24) of the hours, which sum to one, for one day's rain [mm]."""
        ...


class StormPulses(eqx.Module):
    r"""Storms of random number, start, duration and intensity within the day.

    One storm and a Poisson number with mean a P^b more; they start anywhere in the day and end
    within it; durations and intensities are exponential. Storms are shorter in summer:
    the mean duration is d exp(c cos) with a cosine highest in January.

    The defaults were fitted to the wettest hour and the duration of rain at De Bilt, 1994 to
    2019, days from 1 mm. There the wettest hour has on the mean 0.55 of the rain on days of 1 to
    2 mm and 0.33 on days of 10 to 20 mm; here 0.50 and 0.37. One wettest hour in a hundred has
    13 mm in both, one in a thousand 29 mm there and 21 mm here. Rain is as likely at all hours;
    storms do not cross midnight.

    Attributes
    ----------
    duration : array
        d, mean duration of a storm [h].
    seasonality : array
        c [1]; negative south of the equator.
    number, number_exponent : array
        a [mm^-b] and b [1].
    """

    duration: ArrayLike = 1.5
    seasonality: ArrayLike = 0.28
    number: ArrayLike = 1.0
    number_exponent: ArrayLike = 0.4

    def __call__(self, key: jax.Array, rain: jax.Array, day_of_year: jax.Array) -> jax.Array:
        """Return the shares (24) of the hours for the rain of one day [mm]."""
        count, start, duration, intensity = jax.random.split(key, 4)
        dtype = rain.dtype
        wet = rain > 0.0
        mean = jnp.asarray(self.number) * jnp.where(wet, rain, 1.0) ** self.number_exponent
        falls = jnp.arange(_SLOTS) <= jax.random.poisson(count, mean)
        season = jnp.cos(2.0 * jnp.pi * (day_of_year - 15.0) / 365.0)
        length = jnp.asarray(self.duration) * jnp.exp(self.seasonality * season)
        hours = length * jax.random.exponential(duration, (_SLOTS,), dtype)
        hours = jnp.clip(hours, 0.05, 24.0).astype(dtype)
        begin = jax.random.uniform(start, (_SLOTS,), dtype) * (24.0 - hours)
        depth = hours * jax.random.exponential(intensity, (_SLOTS,), dtype)
        depth = jnp.where(falls, depth, 0.0)
        fallen = (jnp.arange(25.0, dtype=dtype)[:, None] - begin) / hours
        # A sum and no matrix product, which may round differently in another batch.
        course = jnp.sum(jnp.clip(fallen, 0.0, 1.0) * (depth / jnp.sum(depth)), axis=-1)
        return jnp.diff(course)


DE_BILT_STORMS = StormPulses()
"""Storms as at De Bilt."""


def hourly_rain(
    rain: ArrayLike,
    day_of_year: ArrayLike,
    key: jax.Array,
    members: ArrayLike,
    *,
    storms: HourlyRain = DE_BILT_STORMS,
    chunk: int = 64,
) -> jax.Array:
    """Return hourly rain whose daily sums are the given ones.

    Parameters
    ----------
    rain : array (day, member)
        [mm d-1].
    day_of_year : array (day)
        1 to 366.
    key : jax.Array
        Key of the whole ensemble; that of the days may be used again.
    members : array (member)
        Numbers of the members: the storms of member 17 are the same in every batch.
    storms : HourlyRain
        How a day's rain falls.
    chunk : int
        Members drawn together; another number may change the last digits.

    Returns
    -------
    array (day * 24, member)
        [mm h-1].

    Examples
    --------
    >>> hours = hourly_rain([[0.0], [12.0]], [10, 11], jax.random.key(3), [17])
    >>> hours.shape, round(float(hours[24:].sum()), 6)
    ((48, 1), 12.0)
    """
    rain, day_of_year = jnp.asarray(rain), jnp.asarray(day_of_year)
    index = jnp.arange(rain.shape[0])

    def draw(keys: jax.Array, places: jax.Array) -> jax.Array:
        def of_day(day: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
            number, amounts, season = day
            today = jax.vmap(jax.random.fold_in, (0, None))(keys, number)
            shares = jax.vmap(storms, (0, 0, None))(today, amounts, season)
            return (amounts[:, None] * shares).T

        hours = jax.lax.map(of_day, (index, rain[:, places], day_of_year))
        return hours.reshape(-1, places.shape[0])

    return in_chunks(draw, jax.random.fold_in(key, _STREAM), members, chunk=chunk)


def daylight_shares(
    day_of_year: ArrayLike, latitude: ArrayLike, longitude: ArrayLike = 0.0
) -> jax.Array:
    """Return the share of each hour in the radiation of a clear day outside the atmosphere.

    The sine of the sun's elevation integrated over the hour; in the polar night all hours have
    the same share.

    Parameters
    ----------
    day_of_year : array (day)
        1 to 366.
    latitude, longitude : array
        [degrees], north and east positive.

    Returns
    -------
    array (day, 24)
        [1], summing to one.
    """
    hour = jnp.arange(24.0)
    day = jnp.asarray(day_of_year)[..., None]
    course = extraterrestrial_radiation_hourly(day, hour, latitude, longitude)
    total = jnp.sum(course, axis=-1, keepdims=True)
    light = total > 0.0
    return jnp.where(light, course / jnp.where(light, total, 1.0), 1.0 / 24.0)


def hourly_amounts(daily: ArrayLike, shares: ArrayLike) -> jax.Array:
    """Return hourly amounts of daily ones, such as potential evapotranspiration.

    Parameters
    ----------
    daily : array (day, ...)
        Amount of the day [mm d-1]; for a mean flux [W m-2] multiply the result by 24.
    shares : array (day, 24)
        From :func:`daylight_shares`.

    Returns
    -------
    array (day * 24, ...)
        [mm h-1]; daily sums are kept.
    """
    daily, shares = jnp.asarray(daily), jnp.asarray(shares)
    spread = shares.reshape(shares.shape + (1,) * (daily.ndim - 1)) * daily[:, None]
    return spread.reshape(-1, *daily.shape[1:])


def hourly_temperature(temperature_min: ArrayLike, temperature_max: ArrayLike) -> jax.Array:
    """Return hourly temperature: a cosine about the daily mean, warmest at 15 h solar time.

    Parameters
    ----------
    temperature_min, temperature_max : array (day, ...)
        [degC].

    Returns
    -------
    array (day * 24, ...)
        [degC]; the mean of a day is (min + max) / 2, steps at midnight are left as they are.
    """
    low, high = jnp.asarray(temperature_min), jnp.asarray(temperature_max)
    wave = jnp.cos(2.0 * jnp.pi * (jnp.arange(24.0) + 0.5 - _WARMEST) / 24.0)
    wave = wave.reshape((1, 24) + (1,) * (low.ndim - 1)).astype(jnp.result_type(low, 1.0))
    course = (0.5 * (low + high))[:, None] + (0.5 * (high - low))[:, None] * wave
    return course.reshape(-1, *low.shape[1:])
