"""The air above a detector: gravity, mean pressure, atmospheric depth, humidity."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

_AIR_MOLAR_MASS = 0.0289644  # kg mol-1
_GAS_CONSTANT = 8.31432  # J mol-1 K-1, value of the 1976 US standard atmosphere
_LAPSE_RATE = 0.0065  # K m-1
_VAPOUR_GAS_CONSTANT = 461.5  # J kg-1 K-1


def mean_pressure(elevation: ArrayLike) -> jax.Array:
    r"""Return the pressure of the standard atmosphere at a height.

    .. math:: p = 1013.25\,(1 - 2.25577\times10^{-5} z)^{5.25588}

    Parameters
    ----------
    elevation : array (...)
        Height above sea level [m].

    Returns
    -------
    array (...)
        Pressure [hPa].

    Notes
    -----
    Source: ICAO standard atmosphere in the form used by COSMOS data processing.
    """
    return 1013.25 * (1.0 - 2.25577e-5 * jnp.asarray(elevation)) ** 5.25588


def gravity(latitude: ArrayLike, elevation: ArrayLike) -> jax.Array:
    """Return gravity [m s-2] at a latitude [degrees] and height [m].

    International gravity formula with free-air and Bouguer terms, as in McJannet and
    Desilets (2023), doi:10.1029/2022WR033889.
    """
    lat = jnp.deg2rad(jnp.asarray(latitude))
    z = jnp.asarray(elevation)
    normal = 9.780327 * (1.0 + 0.0053024 * jnp.sin(lat) ** 2 - 0.0000058 * jnp.sin(2.0 * lat) ** 2)
    return normal - 3.086e-6 * z + 4.194e-10 * 2670.0 * z


def pressure_at(latitude: ArrayLike, elevation: ArrayLike) -> jax.Array:
    """Return the mean pressure [hPa] with gravity of the place (McJannet and Desilets 2023)."""
    exponent = gravity(latitude, elevation) * _AIR_MOLAR_MASS / (_GAS_CONSTANT * _LAPSE_RATE)
    return 1013.25 * (1.0 - _LAPSE_RATE * jnp.asarray(elevation) / 288.15) ** exponent


def atmospheric_depth(latitude: ArrayLike, elevation: ArrayLike) -> jax.Array:
    """Return the atmospheric depth [g cm-2], 10 p / g (McJannet and Desilets 2023)."""
    return 10.0 * pressure_at(latitude, elevation) / gravity(latitude, elevation)


def atmospheric_depth_of_pressure(latitude: ArrayLike, pressure: ArrayLike) -> jax.Array:
    """Return the atmospheric depth [g cm-2] that belongs to a mean pressure.

    The height that belongs to the pressure comes from a cubic polynomial, gravity from that
    height in milligal; used with the attenuation coefficients of Desilets and Zreda (2003)
    and Desilets (2021).

    Parameters
    ----------
    latitude : array (...)
        Latitude [degrees].
    pressure : array (...)
        Mean pressure [hPa].
    """
    lat = jnp.deg2rad(jnp.asarray(latitude))
    p = jnp.asarray(pressure)
    z = -4.48211e-6 * p**3 + 0.0160234 * p**2 - 27.0977 * p + 15666.1
    milligal = (
        978032.7 * (1.0 + 0.0053024 * jnp.sin(lat) ** 2 - 0.0000058 * jnp.sin(2.0 * lat) ** 2)
        - 0.3087691 * z
        + 2670.0 * z * 4.193e-5
    )
    return p / (milligal * 1e-6)


def saturation_vapour_pressure(temperature: ArrayLike) -> jax.Array:
    r"""Return the saturation vapour pressure over water [hPa].

    .. math:: e_s = 6.112\,\exp\frac{17.67\,T}{243.5 + T}

    Source: Bolton (1980), as used by Rosolem et al. (2013), eq. A1; temperature in degC.
    """
    t = jnp.asarray(temperature)
    return 6.112 * jnp.exp(17.67 * t / (243.5 + t))


def absolute_humidity(temperature: ArrayLike, relative_humidity: ArrayLike) -> jax.Array:
    r"""Return the absolute humidity of the air.

    .. math:: h = 10^5\,\frac{e}{R_v\,(T + 273.15)},\quad e = RH/100\; e_s(T)\;[hPa]

    Parameters
    ----------
    temperature : array (...)
        Air temperature [degC].
    relative_humidity : array (...)
        Relative humidity [%].

    Returns
    -------
    array (...)
        Absolute humidity [g m-3].

    Notes
    -----
    Source: Rosolem et al. (2013), doi:10.1175/JHM-D-12-0120.1, appendix.

    Examples
    --------
    >>> round(float(absolute_humidity(20.0, 60.0)), 3)
    10.364
    """
    t = jnp.asarray(temperature)
    e = jnp.asarray(relative_humidity) / 100.0 * saturation_vapour_pressure(t)
    return 1e5 * e / (_VAPOUR_GAS_CONSTANT * (t + 273.15))


def vapour_pressure_from_dew_point(dew_point: ArrayLike) -> jax.Array:
    """Return the vapour pressure [hPa] at a dew point [degC]: saturation at the dew point."""
    return saturation_vapour_pressure(dew_point)


def relative_humidity_from_dew_point(temperature: ArrayLike, dew_point: ArrayLike) -> jax.Array:
    r"""Return the relative humidity [%] from temperature and dew point [degC].

    .. math:: RH = 100 \exp\left(\frac{17.625\,T_d}{243.04 + T_d}
              - \frac{17.625\,T}{243.04 + T}\right)

    Source: Magnus form with the coefficients of Alduchov and Eskridge (1996).
    """
    t, d = jnp.asarray(temperature), jnp.asarray(dew_point)
    return 100.0 * jnp.exp(17.625 * d / (243.04 + d) - 17.625 * t / (243.04 + t))
