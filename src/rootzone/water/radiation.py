"""Sun and radiation: extraterrestrial, clear-sky, net shortwave and net longwave radiation.

All radiation is a mean flux over the step [W m-2], of a day or of an hour; 1 MJ m-2 d-1 is
11.574 W m-2. Hours are UTC and mark the start of the interval; longitude is positive to the east.
Equation numbers are those of FAO-56 (Allen et al. 1998, FAO Irrigation and Drainage Paper 56).
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

MJ_PER_DAY = 0.0864
"""1 W m-2 in MJ m-2 d-1."""

_SOLAR_CONSTANT = 0.0820e6 / 60.0  # W m-2, 0.0820 MJ m-2 min-1 in FAO-56
_STEFAN_BOLTZMANN = 4.903e-9 / MJ_PER_DAY  # W m-2 K-4 from MJ m-2 d-1 K-4
_KELVIN = 273.16  # as FAO-56 writes it in the longwave term
_HOLD_BELOW = 0.3  # rad


def inverse_relative_distance(day_of_year: ArrayLike) -> jax.Array:
    """Return the squared inverse relative distance of earth and sun [1] (FAO-56 eq. 23)."""
    return 1.0 + 0.033 * jnp.cos(2.0 * jnp.pi / 365.0 * jnp.asarray(day_of_year))


def solar_declination(day_of_year: ArrayLike) -> jax.Array:
    """Return the solar declination [rad] of a day of the year, 1 to 366 (FAO-56 eq. 24)."""
    return 0.409 * jnp.sin(2.0 * jnp.pi / 365.0 * jnp.asarray(day_of_year) - 1.39)


def sunset_hour_angle(day_of_year: ArrayLike, latitude: ArrayLike) -> jax.Array:
    r"""Return the hour angle of sunset.

    .. math:: \omega_s = \arccos(-\tan\varphi \tan\delta)

    Parameters
    ----------
    day_of_year : array (...)
        1 to 366.
    latitude : array (...)
        [degrees], north positive.

    Returns
    -------
    array (...)
        [rad]; 0 in the polar night, pi in the polar day.

    Notes
    -----
    Source: FAO-56 eq. 25.
    """
    x = -jnp.tan(jnp.deg2rad(jnp.asarray(latitude))) * jnp.tan(solar_declination(day_of_year))
    rises = jnp.abs(x) < 1.0
    polar = jnp.where(x > 0.0, 0.0, jnp.pi)
    return jnp.where(rises, jnp.arccos(jnp.where(rises, x, 0.0)), polar)


def daylight_hours(day_of_year: ArrayLike, latitude: ArrayLike) -> jax.Array:
    """Return the duration of daylight [h] at a latitude [degrees] (FAO-56 eq. 34)."""
    return 24.0 / jnp.pi * sunset_hour_angle(day_of_year, latitude)


def _between(
    lower: jax.Array, upper: jax.Array, day_of_year: ArrayLike, latitude: ArrayLike
) -> jax.Array:
    """Return the integral over hour angles [rad] of the sine of the sun's elevation."""
    phi, delta = jnp.deg2rad(jnp.asarray(latitude)), solar_declination(day_of_year)
    sines = jnp.sin(phi) * jnp.sin(delta)
    cosines = jnp.cos(phi) * jnp.cos(delta)
    return (upper - lower) * sines + cosines * (jnp.sin(upper) - jnp.sin(lower))


def extraterrestrial_radiation(day_of_year: ArrayLike, latitude: ArrayLike) -> jax.Array:
    r"""Return the daily mean radiation at the top of the atmosphere.

    .. math:: R_a = \frac{G_{sc} d_r}{\pi}\left(\omega_s \sin\varphi \sin\delta
              + \cos\varphi \cos\delta \sin\omega_s\right)

    Parameters
    ----------
    day_of_year : array (...)
        1 to 366.
    latitude : array (...)
        [degrees], north positive.

    Returns
    -------
    array (...)
        [W m-2].

    Notes
    -----
    Source: FAO-56 eq. 21.

    Examples
    --------
    >>> round(float(extraterrestrial_radiation(246, -20.0)) * MJ_PER_DAY, 1)
    32.2
    """
    omega = sunset_hour_angle(day_of_year, latitude)
    share = _between(-omega, omega, day_of_year, latitude) / (2.0 * jnp.pi)
    return _SOLAR_CONSTANT * inverse_relative_distance(day_of_year) * share


def solar_hour_angle(
    day_of_year: ArrayLike, hour: ArrayLike, longitude: ArrayLike, *, step: float = 1.0
) -> jax.Array:
    """Return the hour angle of the sun in the middle of an interval, from -pi to pi.

    Parameters
    ----------
    day_of_year : array (...)
        1 to 366.
    hour : array (...)
        Start of the interval [h UTC].
    longitude : array (...)
        [degrees], east positive.
    step : float
        Length of the interval [h].

    Returns
    -------
    array (...)
        [rad], 0 at solar noon.

    Notes
    -----
    Source: FAO-56 eqs. 31 to 33, written for UTC and eastern longitudes.
    """
    b = 2.0 * jnp.pi * (jnp.asarray(day_of_year) - 81.0) / 364.0
    correction = 0.1645 * jnp.sin(2.0 * b) - 0.1255 * jnp.cos(b) - 0.025 * jnp.sin(b)
    solar_time = jnp.asarray(hour) + 0.5 * step + jnp.asarray(longitude) / 15.0 + correction
    return jnp.pi / 12.0 * (jnp.mod(solar_time, 24.0) - 12.0)


def extraterrestrial_radiation_hourly(
    day_of_year: ArrayLike,
    hour: ArrayLike,
    latitude: ArrayLike,
    longitude: ArrayLike,
    *,
    step: float = 1.0,
) -> jax.Array:
    r"""Return the mean radiation at the top of the atmosphere over an hour or part of a day.

    .. math:: R_a = \frac{G_{sc} d_r}{\omega_2 - \omega_1}
              \int_{\omega_1}^{\omega_2} \max(\sin\beta, 0)\, d\omega

    Parameters
    ----------
    day_of_year : array (...)
        1 to 366.
    hour : array (...)
        Start of the interval [h UTC].
    latitude, longitude : array (...)
        [degrees], north and east positive.
    step : float
        Length of the interval [h].

    Returns
    -------
    array (...)
        [W m-2]; the mean of 24 hours is the daily value.

    Notes
    -----
    Source: FAO-56 eqs. 28 to 30, with the part of an interval before sunrise or after sunset
    left out, also in intervals across midnight.
    """
    middle = solar_hour_angle(day_of_year, hour, longitude, step=step)
    half = jnp.pi / 24.0 * step
    omega = sunset_hour_angle(day_of_year, latitude)
    parts = []
    for shift in (-2.0 * jnp.pi, 0.0, 2.0 * jnp.pi):
        lower = jnp.clip(middle + shift - half, -omega, omega)
        upper = jnp.clip(middle + shift + half, -omega, omega)
        parts.append(_between(lower, upper, day_of_year, latitude))
    # Round-off about the horizon, where the integral is a difference of equal terms.
    received = jnp.maximum(parts[0] + parts[1] + parts[2], 0.0)
    return _SOLAR_CONSTANT * inverse_relative_distance(day_of_year) * received / (2.0 * half)


def solar_elevation(
    day_of_year: ArrayLike,
    hour: ArrayLike,
    latitude: ArrayLike,
    longitude: ArrayLike,
    *,
    step: float = 1.0,
) -> jax.Array:
    """Return the elevation of the sun [rad] in the middle of an interval that starts at ``hour``.

    Arguments as in :func:`extraterrestrial_radiation_hourly`; negative below the horizon.
    """
    phi, delta = jnp.deg2rad(jnp.asarray(latitude)), solar_declination(day_of_year)
    omega = solar_hour_angle(day_of_year, hour, longitude, step=step)
    sine = jnp.sin(phi) * jnp.sin(delta) + jnp.cos(phi) * jnp.cos(delta) * jnp.cos(omega)
    return jnp.arcsin(jnp.clip(sine, -1.0, 1.0))


def clear_sky_radiation(extraterrestrial: ArrayLike, elevation: ArrayLike) -> jax.Array:
    """Return (0.75 + 2e-5 z) R_a [W m-2] for a height z above sea level [m] (FAO-56 eq. 37)."""
    return (0.75 + 2e-5 * jnp.asarray(elevation)) * jnp.asarray(extraterrestrial)


def solar_radiation_of_sunshine(
    sunshine: ArrayLike,
    daylight: ArrayLike,
    extraterrestrial: ArrayLike,
    *,
    overcast: ArrayLike = 0.25,
    sunny: ArrayLike = 0.50,
) -> jax.Array:
    """Return solar radiation [W m-2] from hours of sunshine and of daylight [h].

    (``overcast`` + ``sunny`` n/N) R_a, the Angstrom formula with the coefficients recommended
    where none are calibrated (FAO-56 eq. 35).
    """
    share = jnp.asarray(overcast) + sunny * jnp.asarray(sunshine) / jnp.asarray(daylight)
    return share * jnp.asarray(extraterrestrial)


def net_shortwave(solar_radiation: ArrayLike, *, albedo: ArrayLike = 0.23) -> jax.Array:
    """Return the solar radiation [W m-2] that a surface keeps; 0.23 is grass (FAO-56 eq. 38)."""
    return (1.0 - jnp.asarray(albedo)) * jnp.asarray(solar_radiation)


def relative_shortwave(solar_radiation: ArrayLike, clear_sky: ArrayLike) -> jax.Array:
    """Return R_s/R_so between 0.3 and 1, the cloudiness of the longwave term [1].

    The bounds are those of ASCE-EWRI (2005) eq. 18; FAO-56 asks for at most 1. Where the sky is
    dark the ratio is undefined and 1 is returned; see :func:`held_relative_shortwave`.
    """
    clear = jnp.asarray(clear_sky)
    bright = clear > 0.0
    ratio = jnp.asarray(solar_radiation) / jnp.where(bright, clear, 1.0)
    return jnp.where(bright, jnp.clip(ratio, 0.3, 1.0), 1.0)


def held_relative_shortwave(
    solar_radiation: ArrayLike,
    clear_sky: ArrayLike,
    elevation: ArrayLike,
    *,
    first: ArrayLike = 0.6,
) -> jax.Array:
    """Return R_s/R_so of an hourly series, held through the night from the afternoon before.

    Parameters
    ----------
    solar_radiation, clear_sky : array (time, ...)
        [W m-2].
    elevation : array (time, ...)
        Elevation of the sun in the middle of the interval [rad]; below 0.3 rad the ratio of the
        last higher sun is kept.
    first : array (...)
        Ratio before the first high sun [1]: 0.4 to 0.6 in humid, 0.7 to 0.8 in arid climates.

    Returns
    -------
    array (time, ...)
        [1], between 0.3 and 1.

    Notes
    -----
    Source: FAO-56 chapter 4 (hourly time step); the limit of 0.3 rad is that of ASCE-EWRI (2005).
    """
    ratio = relative_shortwave(solar_radiation, clear_sky)
    elevation = jnp.broadcast_to(jnp.asarray(elevation), ratio.shape)
    index = jnp.arange(ratio.shape[0]).reshape((-1,) + (1,) * (ratio.ndim - 1))
    high = (elevation > _HOLD_BELOW) & ~jnp.isnan(ratio)
    last = jax.lax.cummax(jnp.where(high, index, -1), axis=0)
    held = jnp.take_along_axis(ratio, jnp.maximum(last, 0), axis=0)
    return jnp.where(last >= 0, held, first)


def net_longwave(
    temperature_min: ArrayLike,
    temperature_max: ArrayLike,
    vapor_pressure: ArrayLike,
    relative_shortwave: ArrayLike,
) -> jax.Array:
    r"""Return the net longwave radiation that leaves the surface.

    .. math:: R_{nl} = \sigma \frac{T_{max}^4 + T_{min}^4}{2}
              \left(0.34 - 0.14\sqrt{e_a}\right)\left(1.35\frac{R_s}{R_{so}} - 0.35\right)

    Parameters
    ----------
    temperature_min, temperature_max : array (...)
        Air temperature [degC]; for an hour give its mean twice.
    vapor_pressure : array (...)
        Actual vapor pressure [hPa], positive.
    relative_shortwave : array (...)
        R_s/R_so [1].

    Returns
    -------
    array (...)
        [W m-2], positive upward.

    Notes
    -----
    Source: FAO-56 eq. 39.

    Examples
    --------
    >>> round(float(net_longwave(19.1, 25.1, 21.0, 14.5 / 18.8)) * MJ_PER_DAY, 1)
    3.5
    """
    low, high = jnp.asarray(temperature_min) + _KELVIN, jnp.asarray(temperature_max) + _KELVIN
    black = _STEFAN_BOLTZMANN * 0.5 * (low**4 + high**4)
    humid = 0.34 - 0.14 * jnp.sqrt(0.1 * jnp.asarray(vapor_pressure))
    return black * humid * (1.35 * jnp.asarray(relative_shortwave) - 0.35)
