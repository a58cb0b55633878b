"""Potential evapotranspiration of a reference surface from weather.

Penman-Monteith as in FAO-56 for days and hours, Priestley-Taylor, Hargreaves-Samani. Amounts are
mm per step; temperature degC, pressure and vapor pressure hPa, wind m s-1, radiation the mean
flux over the step [W m-2] (:mod:`rootzone.water.radiation`). Equation numbers are those of FAO-56
(Allen et al. 1998, FAO Irrigation and Drainage Paper 56), which writes kPa and MJ m-2.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from rootzone.water.radiation import MJ_PER_DAY, net_longwave, net_shortwave, relative_shortwave

_EVAPORATION_PER_MJ = 0.408  # mm per MJ m-2, the inverse of 2.45 MJ kg-1 (FAO-56 eq. 20)


# --- the air ----------------------------------------------------------------------------


def saturation_vapor_pressure(temperature: ArrayLike) -> jax.Array:
    r"""Return the saturation vapor pressure over water [hPa] at a temperature [degC].

    .. math:: e^\circ = 6.108 \exp\frac{17.27\,T}{T + 237.3}

    At the dew point it is the actual vapor pressure (eq. 14). Source: FAO-56 eq. 11.

    Examples
    --------
    >>> round(float(saturation_vapor_pressure(24.5)), 2)
    30.75
    """
    t = jnp.asarray(temperature)
    return 6.108 * jnp.exp(17.27 * t / (t + 237.3))


def dew_point(vapor_pressure: ArrayLike) -> jax.Array:
    """Return the dew point [degC] of a vapor pressure [hPa], the inverse of FAO-56 eq. 11."""
    x = jnp.log(jnp.asarray(vapor_pressure) / 6.108)
    return 237.3 * x / (17.27 - x)


def saturation_vapor_pressure_slope(temperature: ArrayLike) -> jax.Array:
    """Return the slope of the saturation vapor pressure [hPa degC-1] (FAO-56 eq. 13)."""
    t = jnp.asarray(temperature)
    return 4098.0 * saturation_vapor_pressure(t) / (t + 237.3) ** 2


def mean_saturation_vapor_pressure(
    temperature_min: ArrayLike, temperature_max: ArrayLike
) -> jax.Array:
    """Return the mean saturation vapor pressure of a day [hPa] (FAO-56 eq. 12)."""
    low = saturation_vapor_pressure(temperature_min)
    return 0.5 * (low + saturation_vapor_pressure(temperature_max))


def vapor_pressure_of_humidity_range(
    temperature_min: ArrayLike,
    temperature_max: ArrayLike,
    relative_humidity_min: ArrayLike,
    relative_humidity_max: ArrayLike,
) -> jax.Array:
    """Return the actual vapor pressure of a day [hPa] from the extremes of humidity [%].

    The highest humidity goes with the lowest temperature [degC] and the other way round
    (FAO-56 eq. 17).
    """
    moist = saturation_vapor_pressure(temperature_min) * jnp.asarray(relative_humidity_max)
    dry = saturation_vapor_pressure(temperature_max) * jnp.asarray(relative_humidity_min)
    return 0.005 * (moist + dry)


def vapor_pressure_of_mean_humidity(
    temperature_min: ArrayLike, temperature_max: ArrayLike, relative_humidity: ArrayLike
) -> jax.Array:
    """Return the actual vapor pressure of a day [hPa] from its mean humidity [%] (FAO-56 eq. 19).

    With an hourly temperature given twice this is the vapor pressure of an hour (eq. 54).
    """
    saturated = mean_saturation_vapor_pressure(temperature_min, temperature_max)
    return 0.01 * jnp.asarray(relative_humidity) * saturated


def pressure_of_elevation(elevation: ArrayLike) -> jax.Array:
    """Return the mean air pressure [hPa] at a height above sea level [m] (FAO-56 eq. 7)."""
    return 1013.0 * ((293.0 - 0.0065 * jnp.asarray(elevation)) / 293.0) ** 5.26


def psychrometric_constant(pressure: ArrayLike) -> jax.Array:
    """Return the psychrometric constant [hPa degC-1] at a pressure [hPa] (FAO-56 eq. 8)."""
    return 0.665e-3 * jnp.asarray(pressure)


def wind_speed_at_2m(wind_speed: ArrayLike, height: ArrayLike) -> jax.Array:
    """Return the wind speed at 2 m [m s-1] from that at another height [m] over short grass.

    Source: FAO-56 eq. 47, for heights above about 0.1 m.

    Examples
    --------
    >>> round(float(wind_speed_at_2m(3.2, 10.0)), 1)
    2.4
    """
    return jnp.asarray(wind_speed) * 4.87 / jnp.log(67.8 * jnp.asarray(height) - 5.42)


# --- evapotranspiration -----------------------------------------------------------------


class ReferenceSurface(eqx.Module):
    """The reference grass of a Penman-Monteith equation, for one length of step.

    Attributes
    ----------
    aerodynamic : float
        Numerator of the aerodynamic term [K mm s3 Mg-1 per step].
    resistance_day, resistance_night : float
        Factor of the wind speed in the denominator [s m-1].
    soil_heat_day, soil_heat_night : float
        Soil heat flux over net radiation [1].
    hours : float
        The step [h].
    """

    aerodynamic: float
    resistance_day: float
    resistance_night: float
    soil_heat_day: float
    soil_heat_night: float
    hours: float


FAO56_DAILY = ReferenceSurface(900.0, 0.34, 0.34, 0.0, 0.0, 24.0)
"""Short grass, steps of a day: FAO-56 eqs. 6 and 42."""

FAO56_HOURLY = ReferenceSurface(37.0, 0.34, 0.34, 0.1, 0.5, 1.0)
"""Short grass, steps of an hour: FAO-56 eqs. 45, 46 and 53."""

ASCE_SHORT_HOURLY = ReferenceSurface(37.0, 0.24, 0.96, 0.1, 0.5, 1.0)
"""Short grass with the surface resistance of day and night, ASCE-EWRI (2005) table 1."""


def penman_monteith(
    *,
    temperature: ArrayLike,
    vapor_pressure_deficit: ArrayLike,
    wind_speed: ArrayLike,
    net_radiation: ArrayLike,
    pressure: ArrayLike,
    surface: ReferenceSurface = FAO56_DAILY,
    soil_heat_flux: ArrayLike | None = None,
) -> jax.Array:
    r"""Return the reference evapotranspiration of Penman-Monteith from net radiation.

    .. math:: ET_0 = \frac{0.408\,\Delta (R_n - G) + \gamma \frac{C_n}{T + 273} u_2 (e_s - e_a)}
              {\Delta + \gamma (1 + C_d u_2)}

    Parameters
    ----------
    temperature : array (...)
        Mean air temperature of the step [degC].
    vapor_pressure_deficit : array (...)
        e_s - e_a [hPa].
    wind_speed : array (...)
        At 2 m [m s-1].
    net_radiation : array (...)
        [W m-2]; day is where it is positive.
    pressure : array (...)
        Air pressure [hPa].
    surface : ReferenceSurface
        ``FAO56_DAILY``, ``FAO56_HOURLY`` or ``ASCE_SHORT_HOURLY``.
    soil_heat_flux : array (...), optional
        [W m-2], positive downward; left out, the share of net radiation of the surface.

    Returns
    -------
    array (...)
        [mm per step of the surface]; slightly negative in nights with dew.

    Notes
    -----
    Source: FAO-56 eq. 6 (day) and 53 (hour).
    """
    t, rn = jnp.asarray(temperature), jnp.asarray(net_radiation)
    day = rn > 0.0
    resistance = jnp.where(day, surface.resistance_day, surface.resistance_night)
    share = jnp.where(day, surface.soil_heat_day, surface.soil_heat_night)
    heat = share * rn if soil_heat_flux is None else jnp.asarray(soil_heat_flux)
    energy = (rn - heat) * MJ_PER_DAY / 24.0 * surface.hours
    slope, gamma = saturation_vapor_pressure_slope(t), psychrometric_constant(pressure)
    deficit = 0.1 * jnp.asarray(vapor_pressure_deficit)  # kPa, as in the constant C_n
    wind = jnp.asarray(wind_speed)
    drying = gamma * surface.aerodynamic / (t + 273.0) * wind * deficit
    demand = _EVAPORATION_PER_MJ * slope * energy + drying
    return demand / (slope + gamma * (1.0 + resistance * wind))


def penman_monteith_daily(
    *,
    temperature_min: ArrayLike,
    temperature_max: ArrayLike,
    vapor_pressure: ArrayLike,
    wind_speed: ArrayLike,
    solar_radiation: ArrayLike,
    clear_sky_radiation: ArrayLike,
    pressure: ArrayLike,
    albedo: ArrayLike = 0.23,
    soil_heat_flux: ArrayLike = 0.0,
) -> jax.Array:
    """Return the FAO-56 reference evapotranspiration of days from daily weather.

    Parameters
    ----------
    temperature_min, temperature_max : array (...)
        [degC].
    vapor_pressure : array (...)
        Actual vapor pressure [hPa].
    wind_speed : array (...)
        At 2 m [m s-1].
    solar_radiation, clear_sky_radiation : array (...)
        Daily means [W m-2].
    pressure : array (...)
        Air pressure [hPa].
    albedo, soil_heat_flux : array (...)
        [1] and [W m-2], near zero for a day.

    Returns
    -------
    array (...)
        [mm d-1].

    Notes
    -----
    Source: FAO-56 eqs. 6, 9, 12, 38 to 40.

    Examples
    --------
    >>> et = penman_monteith_daily(
    ...     temperature_min=12.3, temperature_max=21.5, vapor_pressure=14.09, wind_speed=2.078,
    ...     solar_radiation=22.07 / 0.0864, clear_sky_radiation=30.90 / 0.0864, pressure=1001.0)
    >>> round(float(et), 1)
    3.9
    """
    cloudiness = relative_shortwave(solar_radiation, clear_sky_radiation)
    shortwave = net_shortwave(solar_radiation, albedo=albedo)
    longwave = net_longwave(temperature_min, temperature_max, vapor_pressure, cloudiness)
    saturated = mean_saturation_vapor_pressure(temperature_min, temperature_max)
    return penman_monteith(
        temperature=0.5 * (jnp.asarray(temperature_min) + jnp.asarray(temperature_max)),
        vapor_pressure_deficit=saturated - vapor_pressure,
        wind_speed=wind_speed,
        net_radiation=shortwave - longwave,
        pressure=pressure,
        surface=FAO56_DAILY,
        soil_heat_flux=soil_heat_flux,
    )


def penman_monteith_hourly(
    *,
    temperature: ArrayLike,
    vapor_pressure: ArrayLike,
    wind_speed: ArrayLike,
    solar_radiation: ArrayLike,
    relative_shortwave: ArrayLike,
    pressure: ArrayLike,
    albedo: ArrayLike = 0.23,
    surface: ReferenceSurface = FAO56_HOURLY,
) -> jax.Array:
    """Return the reference evapotranspiration of hours from hourly weather.

    Parameters
    ----------
    temperature : array (...)
        Mean of the hour [degC].
    vapor_pressure : array (...)
        Actual vapor pressure [hPa].
    wind_speed : array (...)
        At 2 m [m s-1].
    solar_radiation : array (...)
        Mean of the hour [W m-2].
    relative_shortwave : array (...)
        R_s/R_so [1], kept through the night: see
        :func:`rootzone.water.radiation.held_relative_shortwave`.
    pressure : array (...)
        Air pressure [hPa].
    albedo : array (...)
        [1].
    surface : ReferenceSurface
        ``FAO56_HOURLY`` or ``ASCE_SHORT_HOURLY``.

    Returns
    -------
    array (...)
        [mm h-1]; slightly negative in nights with dew.

    Notes
    -----
    Source: FAO-56 eqs. 53 and 54.
    """
    longwave = net_longwave(temperature, temperature, vapor_pressure, relative_shortwave)
    return penman_monteith(
        temperature=temperature,
        vapor_pressure_deficit=saturation_vapor_pressure(temperature) - vapor_pressure,
        wind_speed=wind_speed,
        net_radiation=net_shortwave(solar_radiation, albedo=albedo) - longwave,
        pressure=pressure,
        surface=surface,
    )


def priestley_taylor(
    *,
    temperature: ArrayLike,
    net_radiation: ArrayLike,
    pressure: ArrayLike,
    soil_heat_flux: ArrayLike = 0.0,
    alpha: ArrayLike = 1.26,
    hours: float = 24.0,
) -> jax.Array:
    r"""Return the potential evaporation of Priestley and Taylor.

    .. math:: E = \alpha \frac{\Delta}{\Delta + \gamma} \frac{R_n - G}{\lambda},\quad
              \lambda = 2.501 - 0.002361\,T

    Parameters
    ----------
    temperature : array (...)
        [degC].
    net_radiation, soil_heat_flux : array (...)
        [W m-2].
    pressure : array (...)
        [hPa].
    alpha : array (...)
        [1], 1.26 over wet surfaces without advection.
    hours : float
        The step [h].

    Returns
    -------
    array (...)
        [mm per step].

    Notes
    -----
    Sources: Priestley and Taylor (1972), doi:10.1175/1520-0493(1972)100<0081:OTAOSH>2.3.CO;2;
    latent heat [MJ kg-1] FAO-56 annex 3, eq. 3-1.
    """
    t = jnp.asarray(temperature)
    slope, gamma = saturation_vapor_pressure_slope(t), psychrometric_constant(pressure)
    energy = (jnp.asarray(net_radiation) - soil_heat_flux) * MJ_PER_DAY / 24.0 * hours
    return jnp.asarray(alpha) * slope / (slope + gamma) * energy / (2.501 - 0.002361 * t)


def hargreaves_samani(
    temperature_min: ArrayLike, temperature_max: ArrayLike, extraterrestrial: ArrayLike
) -> jax.Array:
    r"""Return the reference evapotranspiration of Hargreaves and Samani from temperature alone.

    .. math:: ET_0 = 0.0023 \left(\bar T + 17.8\right) \sqrt{T_{max} - T_{min}}\; 0.408\,R_a

    Parameters
    ----------
    temperature_min, temperature_max : array (...)
        [degC].
    extraterrestrial : array (...)
        Daily mean [W m-2].

    Returns
    -------
    array (...)
        [mm d-1], at least 0; meant for means of five days and more.

    Notes
    -----
    Sources: Hargreaves and Samani (1985), doi:10.13031/2013.26773; FAO-56 eq. 52.

    Examples
    --------
    >>> round(float(hargreaves_samani(14.8, 26.6, 40.55 / 0.0864)), 1)
    5.0
    """
    low, high = jnp.asarray(temperature_min), jnp.asarray(temperature_max)
    # The root of a range of zero has no slope; below 1e-6 K the range is noise.
    swing = jnp.sqrt(jnp.maximum(high - low, 1e-6))
    water = _EVAPORATION_PER_MJ * MJ_PER_DAY * jnp.asarray(extraterrestrial)
    return jnp.maximum(0.0023 * (0.5 * (low + high) + 17.8) * swing * water, 0.0)
