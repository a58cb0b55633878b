"""Potential evapotranspiration of a day: given and corrected, or from temperature and radiation."""

from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp

from rootzone.water.cell.forcing import Weather
from rootzone.water.cell.types import CellParameters
from rootzone.water.radiation import (
    inverse_relative_distance,
    solar_declination,
    sunset_hour_angle,
)

DAY_SECONDS = 86400.0
LATENT_HEAT = 2.45e6
"""Latent heat of vaporization [J kg-1] (FAO-56)."""
PSYCHROMETRIC = 0.0646
"""Psychrometric constant [kPa degC-1] of mHM 5.13."""
SOLAR_CONSTANT = 1367.0
"""[W m-2] of mHM 5.13."""
AIR_DENSITY, AIR_HEAT = 1.225, 1005.0
"""Density [kg m-3] and specific heat [J kg-1 K-1] of air, of mHM 5.13."""


class PotentialEvapotranspiration(Protocol):
    """How the potential evapotranspiration of a day comes about."""

    @property
    def wants_daily_weather(self) -> bool:
        """Whether it holds for daily means only."""
        ...

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the weather it needs besides precipitation and temperature."""
        ...

    def of_day(
        self, weather: Weather, parameters: CellParameters, day_of_year: jax.Array
    ) -> jax.Array:
        """Return [mm d-1] from the weather of one day and the parameters of its month."""
        ...


class PetAsGiven(eqx.Module):
    """Potential evapotranspiration as the weather has it."""

    @property
    def wants_daily_weather(self) -> bool:
        """No."""
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """Pet."""
        return ("pet",)

    def of_day(
        self, weather: Weather, parameters: CellParameters, day_of_year: jax.Array
    ) -> jax.Array:
        """Return [mm d-1]."""
        return _needed(weather.pet, "weather", "pet")


class PetLeafArea(eqx.Module):
    """As given, times a factor of the leaf area (case -1 of mHM)."""

    @property
    def wants_daily_weather(self) -> bool:
        """No."""
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """Pet."""
        return ("pet",)

    def of_day(
        self, weather: Weather, parameters: CellParameters, day_of_year: jax.Array
    ) -> jax.Array:
        """Return [mm d-1]."""
        factor = _needed(parameters.pet_lai_factor, "parameters", "pet_lai_factor")
        return factor * _needed(weather.pet, "weather", "pet")


class PetAspect(eqx.Module):
    """As given, times a factor of the aspect (case 0 of mHM)."""

    @property
    def wants_daily_weather(self) -> bool:
        """No."""
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """Pet."""
        return ("pet",)

    def of_day(
        self, weather: Weather, parameters: CellParameters, day_of_year: jax.Array
    ) -> jax.Array:
        """Return [mm d-1]."""
        factor = _needed(parameters.pet_aspect_factor, "parameters", "pet_aspect_factor")
        return factor * _needed(weather.pet, "weather", "pet")


class HargreavesSamani1985(eqx.Module):
    r"""Hargreaves and Samani (1985) with the factor of the aspect (case 1 of mHM).

    .. math:: E_p = f\,k\,R_a\,(T + 17.8)\,\sqrt{T_{max} - T_{min}}

    Zero where the range of temperature is not positive or T is at or below -17.8 degC. The
    coefficient k carries the unit (0.0023 in the original). Source: doi:10.13031/2013.26773.
    """

    @property
    def wants_daily_weather(self) -> bool:
        """Yes."""
        return True

    @property
    def reads(self) -> tuple[str, ...]:
        """Temperature max, temperature min."""
        return (
            "temperature_max",
            "temperature_min",
        )

    def of_day(
        self, weather: Weather, parameters: CellParameters, day_of_year: jax.Array
    ) -> jax.Array:
        """Return [mm d-1]."""
        latitude = _needed(parameters.latitude, "parameters", "latitude")
        factor = _needed(parameters.pet_aspect_factor, "parameters", "pet_aspect_factor")
        k = _needed(parameters.hargreaves_coefficient, "parameters", "hargreaves_coefficient")
        range_ = _needed(weather.temperature_max, "weather", "temperature_max") - _needed(
            weather.temperature_min, "weather", "temperature_min"
        )
        warmth = weather.temperature + 17.8
        grows = (range_ > 0.0) & (warmth > 0.0)
        root = jnp.sqrt(jnp.where(grows, range_, 1.0))
        pet = factor * k * extraterrestrial_water(day_of_year, latitude) * warmth * root
        return jnp.where(grows, pet, 0.0)


class PriestleyTaylor1972(eqx.Module):
    r"""Priestley and Taylor (1972), the coefficient from the leaf area (case 2 of mHM).

    .. math:: E_p = \alpha\,\frac{\Delta}{\Delta + \gamma}\,\frac{R_n}{\lambda}

    Source: doi:10.1175/1520-0493(1972)100<0081:OTAOSH>2.3.CO;2.
    """

    @property
    def wants_daily_weather(self) -> bool:
        """Yes."""
        return True

    @property
    def reads(self) -> tuple[str, ...]:
        """Net radiation."""
        return ("net_radiation",)

    def of_day(
        self, weather: Weather, parameters: CellParameters, day_of_year: jax.Array
    ) -> jax.Array:
        """Return [mm d-1]."""
        alpha = _needed(parameters.priestley_taylor, "parameters", "priestley_taylor")
        net = jnp.maximum(_needed(weather.net_radiation, "weather", "net_radiation"), 0.0)
        slope = _slope(weather.temperature)
        return alpha * slope / (PSYCHROMETRIC + slope) * (net * DAY_SECONDS / LATENT_HEAT)


class PenmanMonteith(eqx.Module):
    r"""Penman (1948) and Monteith (1965), resistances from the leaf area (case 3 of mHM).

    .. math:: E_p = \frac{1}{\lambda}\,
              \frac{\Delta R_n + \rho c_p (e_s - e)/r_a}{\Delta + \gamma (1 + r_s/r_a)}

    The aerodynamic resistance is the parameter ``aerodynamic_resistance`` over the wind speed.
    Sources: doi:10.1098/rspa.1948.0037; Monteith (1965), Symp. Soc. Exp. Biol. 19, 205-234.
    """

    @property
    def wants_daily_weather(self) -> bool:
        """Yes."""
        return True

    @property
    def reads(self) -> tuple[str, ...]:
        """Net radiation, vapor pressure, wind speed."""
        return (
            "net_radiation",
            "vapor_pressure",
            "wind_speed",
        )

    def of_day(
        self, weather: Weather, parameters: CellParameters, day_of_year: jax.Array
    ) -> jax.Array:
        """Return [mm d-1]."""
        r_wind = _needed(parameters.aerodynamic_resistance, "parameters", "aerodynamic_resistance")
        r_s = _needed(parameters.bulk_resistance, "parameters", "bulk_resistance")
        net = jnp.maximum(_needed(weather.net_radiation, "weather", "net_radiation"), 0.0)
        vapor = _needed(weather.vapor_pressure, "weather", "vapor_pressure") / 1000.0
        conductance = _needed(weather.wind_speed, "weather", "wind_speed") / r_wind
        slope = _slope(weather.temperature)
        deficit = _saturation_vapor_pressure(weather.temperature) - vapor
        energy = slope * net + AIR_DENSITY * AIR_HEAT * deficit * conductance
        resisted = slope + PSYCHROMETRIC * (1.0 + r_s * conductance)
        return DAY_SECONDS / LATENT_HEAT * energy / resisted


def extraterrestrial_water(day_of_year: jax.Array, latitude: jax.Array) -> jax.Array:
    """Return extraterrestrial radiation as evaporated water [mm d-1].

    Parameters
    ----------
    day_of_year : array (...)
        1 to 366.
    latitude : array (...)
        [degrees], north positive.

    Notes
    -----
    FAO-56 eq. 21 with a solar constant of 1367 W m-2.
    """
    phi = jnp.deg2rad(latitude)
    declination = solar_declination(day_of_year)
    omega = sunset_hour_angle(day_of_year, latitude)
    overhead = omega * jnp.sin(phi) * jnp.sin(declination)
    overhead += jnp.cos(phi) * jnp.cos(declination) * jnp.sin(omega)
    scale = DAY_SECONDS / jnp.pi / LATENT_HEAT * SOLAR_CONSTANT
    return scale * inverse_relative_distance(day_of_year) * overhead


def _saturation_vapor_pressure(temperature: jax.Array) -> jax.Array:
    """Return [kPa] over water (FAO-56 eq. 11)."""
    return 0.6108 * jnp.exp(17.27 * temperature / (temperature + 237.3))


def _slope(temperature: jax.Array) -> jax.Array:
    """Return the slope of the saturation vapor pressure [kPa degC-1] (FAO-56 eq. 13)."""
    return 4098.0 * _saturation_vapor_pressure(temperature) / (temperature + 237.3) ** 2


def _needed(value: jax.Array | None, where: str, name: str) -> jax.Array:
    if value is None:
        raise ValueError(
            f"{where} without '{name}', which this potential evapotranspiration needs: give it, "
            "or choose another one"
        )
    return value
