"""Weather of the days, and how a day is shared out to its steps."""

from typing import Any, Protocol, Self

import equinox as eqx
import jax
import jax.numpy as jnp

from rootzone.water.cell.types import CELL, CellForcing, declare, select_cells

KELVIN = 273.15
"""0 degC in Kelvin."""


class Weather(eqx.Module):
    """Weather of the days, arrays (day, cell); what a set-up does not need is None.

    With :class:`AsGiven` the arrays have the steps of the day between: (day, step, cell), amounts
    per step.
    """

    precipitation: jax.Array = declare("mm d-1", CELL, "precipitation")
    temperature: jax.Array = declare("degC", CELL, "mean air temperature")
    pet: jax.Array | None = declare(
        "mm d-1", CELL, "potential evapotranspiration as given", optional=True
    )
    temperature_min: jax.Array | None = declare(
        "degC", CELL, "lowest air temperature", optional=True
    )
    temperature_max: jax.Array | None = declare(
        "degC", CELL, "highest air temperature", optional=True
    )
    net_radiation: jax.Array | None = declare("W m-2", CELL, "net radiation", optional=True)
    vapor_pressure: jax.Array | None = declare("Pa", CELL, "vapor pressure", optional=True)
    wind_speed: jax.Array | None = declare("m s-1", CELL, "wind speed", optional=True)


class Disaggregation(Protocol):
    """How the weather of a day is shared out to its steps."""

    @property
    def steps_per_day(self) -> int:
        """Number of steps of a day."""
        ...

    def of_day(self, weather: Weather, pet: jax.Array, month: jax.Array) -> Any:
        """Return what the steps of one day need (month: 0 for January)."""
        ...

    def of_cells(self, index: Any) -> Self:
        """Return the same for some cells."""
        ...

    def at(self, day: Any, step: jax.Array) -> CellForcing:
        """Return the forcing of one step from what :meth:`of_day` returned."""
        ...


class DayNight(eqx.Module):
    """Twelve equal hours of day, from 7 to 19, and twelve of night.

    Attributes
    ----------
    night_precipitation, night_pet : array (12)
        Share of the night in the daily amount, January to December [1].
    night_temperature : array (12)
        Night temperature less mean temperature [degC]; the day has the opposite.

    Raises
    ------
    ValueError
        If a table does not have twelve months.
    """

    night_precipitation: jax.Array
    night_pet: jax.Array
    night_temperature: jax.Array

    def __check_init__(self) -> None:
        for name in ("night_precipitation", "night_pet", "night_temperature"):
            if jnp.shape(getattr(self, name)) != (12,):
                shape = jnp.shape(getattr(self, name))
                raise ValueError(f"'{name}' wants one value per month (12,), got shape {shape}")

    @property
    def steps_per_day(self) -> int:
        """24."""
        return 24

    def of_cells(self, index: Any) -> Self:
        """Return the same: it knows no cells."""
        return self

    def of_day(self, weather: Weather, pet: jax.Array, month: jax.Array) -> Any:
        """Return the forcing of an hour of night and of an hour of day."""

        def of_half(rain_share: Any, pet_share: Any, shift: Any) -> CellForcing:
            return CellForcing(
                2.0 * weather.precipitation * rain_share / 24.0,
                weather.temperature + shift,
                2.0 * pet * pet_share / 24.0,
            )

        rain, evaporation = self.night_precipitation[month], self.night_pet[month]
        shift = self.night_temperature[month]
        return of_half(rain, evaporation, shift), of_half(1 - rain, 1 - evaporation, -shift)

    def at(self, day: Any, step: jax.Array) -> CellForcing:
        """Return the forcing of an hour."""
        night, bright = day
        is_day = (step > 6) & (step <= 18)
        return jax.tree.map(lambda n, d: jnp.where(is_day, d, n), night, bright)


class HourlyWeights(eqx.Module):
    """Weights of the hours for every month and cell, arrays (12, 24, cell).

    Precipitation and potential evapotranspiration are the daily amount times the weight (the
    weights of a day sum to one); temperature is weighted in Kelvin (weights about one).

    Attributes
    ----------
    precipitation, temperature, pet : array (12, 24, cell)
        Weights [1].
    """

    precipitation: jax.Array
    temperature: jax.Array
    pet: jax.Array

    @property
    def steps_per_day(self) -> int:
        """24."""
        return 24

    def of_cells(self, index: Any) -> Self:
        """Return the weights of some cells."""
        return select_cells(self, index)

    def of_day(self, weather: Weather, pet: jax.Array, month: jax.Array) -> Any:
        """Return daily values and the weights of the month."""
        daily = CellForcing(weather.precipitation, weather.temperature, pet)
        weights = CellForcing(self.precipitation[month], self.temperature[month], self.pet[month])
        return daily, weights

    def at(self, day: Any, step: jax.Array) -> CellForcing:
        """Return the forcing of an hour."""
        daily, weights = day
        weight = jax.tree.map(lambda w: w[step], weights)
        return CellForcing(
            daily.precipitation * weight.precipitation,
            (daily.temperature + KELVIN) * weight.temperature - KELVIN,
            daily.pet * weight.pet,
        )


class AsGiven(eqx.Module):
    """Weather that has the steps of the day already, arrays (day, step, cell).

    Attributes
    ----------
    steps_per_day : int
        Number of steps in the arrays, 24 for hourly weather.
    """

    steps_per_day: int = eqx.field(static=True, default=24)

    def of_cells(self, index: Any) -> Self:
        """Return the same: it knows no cells."""
        return self

    def of_day(self, weather: Weather, pet: jax.Array, month: jax.Array) -> Any:
        """Return the weather of the steps."""
        del month
        return CellForcing(weather.precipitation, weather.temperature, pet)

    def at(self, day: Any, step: jax.Array) -> CellForcing:
        """Return the forcing of a step."""
        return jax.tree.map(lambda x: x[step], day)


class DailyStep(eqx.Module):
    """One step a day with the weather of the day."""

    @property
    def steps_per_day(self) -> int:
        """One."""
        return 1

    def of_cells(self, index: Any) -> Self:
        """Return the same: it knows no cells."""
        return self

    def of_day(self, weather: Weather, pet: jax.Array, month: jax.Array) -> Any:
        """Return the forcing of the day."""
        del month
        return CellForcing(weather.precipitation, weather.temperature, pet)

    def at(self, day: Any, step: jax.Array) -> CellForcing:
        """Return the forcing of the day."""
        del step
        return day
