"""A stochastic generator of daily weather, seeded by member.

Rain comes and goes as a Markov chain with probabilities of the month (first or second order);
amounts of wet days are gamma or mixed exponential; temperature, its daily range, clearness of the
sky, dew point and wind follow as one autoregressive vector about seasonal means and spreads of
wet and of dry days (Richardson 1981). Instead of clipping, each variable is drawn on a scale on
which it is nearly Gaussian and cannot leave its range: range of temperature, depression of the dew
point and wind as squares, clearness as a logistic function. So the maximum is never below the
minimum, the air is never supersaturated and the sun never brighter than under a clear sky.

A known weakness of the kind: days remember only the day before, so months and years differ less
from each other than in nature. Of the standard deviation of sums of rain at De Bilt, 1990 to 2019,
a first-order chain leaves 0.80 for months and 0.74 for years, a second-order chain 0.83 and 0.76;
long dry spells are too rare. A slow wetness that the days of some weeks share (``slow_spread``)
brings them to 0.90 and 0.93, and the spread of the number of wet days to what was measured. The
standard deviation of monthly means of temperature comes to about 0.8 of the measured one.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm
from jax.typing import ArrayLike

from rootzone.water.evapotranspiration import (
    penman_monteith_daily,
    pressure_of_elevation,
    saturation_vapor_pressure,
)
from rootzone.water.radiation import clear_sky_radiation, extraterrestrial_radiation

DAYS_OF_MONTH = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
# 32 bits: a constant traced in double precision first would stay wide in single precision.
MONTH_OF_DAY = np.repeat(np.arange(12, dtype=np.int32), DAYS_OF_MONTH)
"""Month, 0 to 11, of the days of a year of 365 days."""

TEMPERATURE, RANGE, CLEARNESS, DEPRESSION, WIND = range(5)
"""Places in the vector: daily mean of temperature, square root of its range, logit of the solar
over the clear-sky radiation, square root of the depression of the dew point, and of the wind."""

VARIABLES = 5
T = TypeVar("T")
_WARM_UP = 60  # days before the first, in which the first state is forgotten


def month_of(day_of_year: ArrayLike) -> jax.Array:
    """Return the month, 0 to 11, of days of the year; day 366 is in December."""
    return jnp.asarray(MONTH_OF_DAY)[jnp.minimum(jnp.asarray(day_of_year, int), 365) - 1]


def harmonics(day_of_year: ArrayLike, terms: int) -> jax.Array:
    """Return 1, cos, sin, cos 2, sin 2, ... of the year, (day, terms); ``terms`` is odd."""
    order = jnp.arange(1, terms // 2 + 1)
    angle = 2.0 * jnp.pi * (jnp.asarray(day_of_year)[..., None] - 0.5) / 365.0 * order
    waves = jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=-1)
    waves = waves.reshape((*angle.shape[:-1], -1))
    return jnp.concatenate([jnp.ones((*angle.shape[:-1], 1)), waves], axis=-1)


# --- amounts of wet days ----------------------------------------------------------------


class Amounts(Protocol):
    """Distribution of the rain of a wet day above the threshold [mm], by month."""

    def sample(self, key: jax.Array, month: ArrayLike) -> jax.Array:
        """Return one draw [mm] in a month, 0 to 11."""
        ...

    def mean(self) -> jax.Array:
        """Return the means (12) [mm]."""
        ...


class GammaAmounts(eqx.Module):
    """Gamma distribution: shape [1] and scale [mm] by month (12)."""

    shape: jax.Array = eqx.field(converter=jnp.asarray)
    scale: jax.Array = eqx.field(converter=jnp.asarray)

    @classmethod
    def of_moments(cls, mean: ArrayLike, deviation: ArrayLike) -> "GammaAmounts":
        """Return the distribution of a mean and a standard deviation [mm], each (12)."""
        mean, deviation = jnp.asarray(mean), jnp.asarray(deviation)
        return cls((mean / deviation) ** 2, deviation**2 / mean)

    def sample(self, key: jax.Array, month: ArrayLike) -> jax.Array:
        """Return one draw [mm] in a month, 0 to 11."""
        return jax.random.gamma(key, self.shape[month]) * self.scale[month]

    def mean(self) -> jax.Array:
        """Return the means (12) [mm]."""
        return self.shape * self.scale


class MixedExponentialAmounts(eqx.Module):
    """Two exponentials, a heavier tail than gamma: weight [1] of the smaller, means [mm] (12).

    Source: Woolhiser and Roldan (1982), doi:10.1029/WR018i005p01461.
    """

    weight: jax.Array = eqx.field(converter=jnp.asarray)
    small: jax.Array = eqx.field(converter=jnp.asarray)
    large: jax.Array = eqx.field(converter=jnp.asarray)

    def sample(self, key: jax.Array, month: ArrayLike) -> jax.Array:
        """Return one draw [mm] in a month, 0 to 11."""
        which, size = jax.random.split(key)
        light = jax.random.uniform(which, dtype=self.weight.dtype) < self.weight[month]
        mean = jnp.where(light, self.small[month], self.large[month])
        return mean * jax.random.exponential(size, dtype=self.weight.dtype)

    def mean(self) -> jax.Array:
        """Return the means (12) [mm]."""
        return self.weight * self.small + (1.0 - self.weight) * self.large


# --- climate and weather ----------------------------------------------------------------


class Climate(eqx.Module):
    """Parameters of the generator.

    Attributes
    ----------
    latitude, elevation : array
        [degrees] and [m]; they set the clear-sky radiation and the pressure.
    wet_threshold : array
        Rain from which a day is wet [mm].
    wet_probability : array (12, 2, 2)
        Probability of a wet day by month, by whether it was wet (1) or dry (0) two days ago, and
        yesterday. A chain of first order has equal rows.
    amounts : Amounts
        Rain of wet days above the threshold.
    location, log_spread : array (2, 5, term)
        Coefficients of :func:`harmonics` of the mean and of the logarithm of the standard
        deviation, on dry (0) and wet (1) days, of each variable on its scale.
    memory, noise : array (5, 5)
        A and B of z(t) = A z(t-1) + B e(t), the standardized vector (Matalas 1967).
    slow_spread, slow_days : array
        Spread [1] and memory [d] of a slow wetness s, a Gaussian process that moves the
        probability p to Phi(sqrt(1 + spread^2) Phi^-1(p) + spread s): its mean over s is p.

    Notes
    -----
    Sources: Richardson (1981), doi:10.1029/WR017i001p00182; Matalas (1967),
    doi:10.1029/WR003i004p00937.
    """

    latitude: ArrayLike
    elevation: ArrayLike
    wet_threshold: ArrayLike
    wet_probability: jax.Array = eqx.field(converter=jnp.asarray)
    amounts: Amounts
    location: jax.Array = eqx.field(converter=jnp.asarray)
    log_spread: jax.Array = eqx.field(converter=jnp.asarray)
    memory: jax.Array = eqx.field(converter=jnp.asarray)
    noise: jax.Array = eqx.field(converter=jnp.asarray)
    slow_spread: ArrayLike = 0.0
    slow_days: ArrayLike = 20.0

    def seasons(self, day_of_year: ArrayLike) -> tuple[jax.Array, jax.Array]:
        """Return means and standard deviations (day, 2, 5) of dry and wet days."""
        location = jnp.einsum(
            "...h,svh->...sv", harmonics(day_of_year, self.location.shape[-1]), self.location
        )
        log_spread = jnp.einsum(
            "...h,svh->...sv", harmonics(day_of_year, self.log_spread.shape[-1]), self.log_spread
        )
        return location, jnp.exp(log_spread)

    def clear_sky(self, day_of_year: ArrayLike) -> jax.Array:
        """Return the clear-sky radiation [W m-2]."""
        outside = extraterrestrial_radiation(day_of_year, self.latitude)
        return clear_sky_radiation(outside, self.elevation)


def first_order(wet_given_dry: ArrayLike, wet_given_wet: ArrayLike) -> jax.Array:
    """Return the table (12, 2, 2) of a first-order chain from two probabilities by month (12)."""
    rows = jnp.stack([jnp.asarray(wet_given_dry), jnp.asarray(wet_given_wet)], axis=-1)
    return jnp.stack([rows, rows], axis=-2)


def wet_fraction(wet_probability: ArrayLike) -> jax.Array:
    """Return the share of wet days (12) in the long run of a chain (12, 2, 2).

    The stationary state of the pairs of days, as if the month went on for ever.
    """
    p = jnp.asarray(wet_probability)
    onset, end = p[:, 0, 0], 1.0 - p[:, 1, 1]
    # Flows between the pairs dry-dry, dry-wet, wet-dry and wet-wet balance: with one unit of
    # dry-wet (and so of wet-dry) days, the others follow.
    dry_dry = (1.0 - p[:, 1, 0]) / onset
    wet_wet = p[:, 0, 1] / end
    return (1.0 + wet_wet) / (2.0 + wet_wet + dry_dry)


class Weather(NamedTuple):
    """Daily weather (day, member); ``day_of_year`` is (day)."""

    day_of_year: jax.Array
    rain: jax.Array
    """[mm d-1]"""
    temperature_min: jax.Array
    """[degC]"""
    temperature_max: jax.Array
    """[degC]"""
    solar_radiation: jax.Array
    """Daily mean [W m-2]."""
    dew_point: jax.Array
    """[degC]"""
    wind_speed: jax.Array
    """At 2 m [m s-1]."""


class _Drawn(NamedTuple):
    """State of the generator: was yesterday wet, the day before; slow wetness; the vector."""

    wet: jax.Array
    wet_before: jax.Array
    slow: jax.Array
    z: tuple


class _Day(NamedTuple):
    """What a day gives to all members: number, month, seasons (2, 5), clear-sky radiation."""

    number: jax.Array
    month: jax.Array
    location: jax.Array
    spread: jax.Array
    clear_sky: jax.Array


def _next_day(
    climate: Climate, key: jax.Array, before: _Drawn, day: _Day
) -> tuple[_Drawn, tuple[jax.Array, ...]]:
    """Draw one day of one member."""
    today = jax.random.fold_in(key, day.number)
    dtype = climate.memory.dtype
    e = jax.random.normal(today, (VARIABLES + 2,), dtype)
    fading = jnp.exp(-1.0 / jnp.asarray(climate.slow_days, dtype))
    slow = fading * before.slow + jnp.sqrt(1.0 - fading**2) * e[VARIABLES]
    table = climate.wet_probability[day.month]
    chance = table[before.wet_before.astype(int), before.wet.astype(int)]
    wide = jnp.sqrt(1.0 + jnp.asarray(climate.slow_spread, dtype) ** 2)
    wet = e[VARIABLES + 1] < wide * norm.ppf(chance) + climate.slow_spread * slow
    depth = climate.wet_threshold + climate.amounts.sample(jax.random.fold_in(today, 1), day.month)
    # Written out number by number: in arrays of five, members would be rounded by their place.
    five, a, b = range(VARIABLES), climate.memory, climate.noise
    z = tuple(sum(a[i, j] * before.z[j] + b[i, j] * e[j] for j in five) for i in five)
    dry, rainy = (
        [day.location[s, i] + day.spread[s, i] * jnp.asarray(z[i]) for i in five] for s in (0, 1)
    )
    value = [jnp.where(wet, rainy[i], dry[i]) for i in five]
    mean, half = value[TEMPERATURE], 0.5 * value[RANGE] ** 2
    weather = (
        jnp.where(wet, depth, 0.0).astype(dtype),
        mean - half,
        mean + half,
        jax.nn.sigmoid(value[CLEARNESS]) * day.clear_sky,
        mean - value[DEPRESSION] ** 2,
        value[WIND] ** 2,
    )
    return _Drawn(wet, before.wet, slow, z), weather


def in_chunks(
    draw: Callable[[jax.Array, jax.Array], T], key: jax.Array, members: ArrayLike, *, chunk: int
) -> T:
    """Draw members in groups of one size, so that a member is the same to the last bit.

    A compiled program may round differently when it serves another number of members; here it
    always serves ``chunk``, the last group being filled up.

    Parameters
    ----------
    draw : callable
        ``draw(keys, places) -> arrays (time, chunk)``, from the keys of members and their places
        in ``members``.
    key : jax.Array
        Key of the ensemble; ``fold_in`` makes those of the members.
    members : array (member)
        Numbers of the members.
    chunk : int
        Members drawn together.

    Returns
    -------
    pytree of array (time, member)
    """
    members = jnp.asarray(members)
    count = members.shape[0]
    places = jnp.minimum(jnp.arange(-(-count // chunk) * chunk), count - 1).reshape(-1, chunk)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, members)
    drawn = jax.lax.map(lambda here: draw(keys[here], here), places)
    return jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1).reshape(x.shape[1], -1)[:, :count], drawn)


def generate(
    climate: Climate,
    key: jax.Array,
    members: ArrayLike,
    *,
    days: int,
    start_day_of_year: ArrayLike = 1,
    chunk: int = 64,
) -> Weather:
    """Draw daily weather for members of an ensemble.

    Parameters
    ----------
    climate : Climate
        Parameters; :mod:`rootzone.water.climates` has some, ``fit_climate`` makes others.
    key : jax.Array
        Key of the whole ensemble, ``jax.random.key(seed)``.
    members : array (member)
        Numbers of the members wanted. Member 17 is the same in every batch, and its first year
        the same for every ``days``.
    days : int
        Days to draw; years have 365 days.
    start_day_of_year : int
        1 to 365.
    chunk : int
        Members drawn together; another number may change the last digits.

    Returns
    -------
    Weather
        Arrays (day, member).

    Examples
    --------
    >>> from rootzone.water.climates import DE_BILT, climate_of_normals
    >>> weather = generate(climate_of_normals(DE_BILT), jax.random.key(1), [17, 4], days=90)
    >>> weather.rain.shape, bool((weather.temperature_max >= weather.temperature_min).all())
    ((90, 2), True)
    """
    dtype = climate.memory.dtype
    index = jnp.arange(days + _WARM_UP)
    day_of_year = jnp.mod(start_day_of_year - 1 - _WARM_UP + index, 365) + 1
    series = (*climate.seasons(day_of_year), climate.clear_sky(day_of_year))
    series = _Day(index, month_of(day_of_year), *(x.astype(dtype) for x in series))

    def draw(keys: jax.Array, places: jax.Array) -> tuple[jax.Array, ...]:
        dry = jnp.zeros(places.shape, bool)
        still = jnp.zeros(places.shape, dtype)
        each = jax.vmap(lambda k, before, day: _next_day(climate, k, before, day), (0, 0, None))
        start = _Drawn(dry, dry, still, (still,) * VARIABLES)
        _, drawn = jax.lax.scan(lambda before, day: each(keys, before, day), start, series)
        return jax.tree.map(lambda x: x[_WARM_UP:], drawn)

    return Weather(day_of_year[_WARM_UP:], *in_chunks(draw, key, members, chunk=chunk))


def potential_evapotranspiration(weather: Weather, climate: Climate) -> jax.Array:
    """Return the FAO-56 reference evapotranspiration of generated weather, at least 0.

    Parameters
    ----------
    weather : Weather
        Arrays (day, member).
    climate : Climate
        Where it was: latitude and elevation.

    Returns
    -------
    array (day, member)
        [mm d-1].
    """
    value = penman_monteith_daily(
        temperature_min=weather.temperature_min,
        temperature_max=weather.temperature_max,
        vapor_pressure=saturation_vapor_pressure(weather.dew_point),
        wind_speed=weather.wind_speed,
        solar_radiation=weather.solar_radiation,
        clear_sky_radiation=climate.clear_sky(weather.day_of_year)[:, None],
        pressure=pressure_of_elevation(climate.elevation),
    )
    return jnp.maximum(value, 0.0)
