"""Weather of the study `column`: tables on one axis without gaps, and evapotranspiration."""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportReturnType=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportGeneralTypeIssues=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import pandas as pd

from rootzone.config.column import ColumnStudy
from rootzone.config.column_weather import (
    GeneratedWeather,
    NoSnow,
    Plants,
    RecordedWeather,
    WeatherTable,
)
from rootzone.core import DataError
from rootzone.data import Column, Series, clean_order, column_values, interval_hours, on_axis
from rootzone.simulate import GeneratedWeather as Generator
from rootzone.simulate import RecordedWeather as Record
from rootzone.simulate import WeatherSource
from rootzone.studies.context import Context
from rootzone.studies.station_input import naive_utc
from rootzone.studies.tables import read_table, starts, tell_rows
from rootzone.water import evapotranspiration as et
from rootzone.water import radiation
from rootzone.water.climates import CLIMATES, climate_of_normals
from rootzone.water.hourly_weather import DE_BILT_STORMS

_HOUR, _DAY = pd.Timedelta("1h"), pd.Timedelta("1D")


@dataclass
class ColumnWeather:
    """Weather and the times that belong to it.

    Attributes
    ----------
    source : WeatherSource
        What the simulation asks.
    axis : DatetimeIndex
        Start of each output interval (UTC).
    interval : float
        Length of a weather interval [d].
    every : int
        Weather intervals in an output interval.
    files : list of str
        Names of the data files.
    """

    source: WeatherSource
    axis: pd.DatetimeIndex
    interval: float
    every: int
    files: list[str]


def weather_of(study: ColumnStudy, context: Context) -> ColumnWeather:
    """Return the weather of a study.

    Raises
    ------
    DataError, UnitError
        If a table cannot be used, has gaps, or is shorter than the run.
    """
    if isinstance(study.weather, GeneratedWeather):
        return _generated(study.weather, study)
    return _recorded(study.weather, study, context)


def _output_axis(
    start: pd.Timestamp, days: int, step: pd.Timedelta, study: ColumnStudy
) -> tuple[pd.DatetimeIndex, int]:
    """Return the starts of the output intervals, and weather intervals in each."""
    wanted = {"1h": _HOUR, "1d": _DAY}[study.output.step]
    if step > wanted or wanted % step != pd.Timedelta(0):
        raise DataError(
            f"output.step is {study.output.step}, but the weather comes every {step / _HOUR:g} h: "
            "set output.step to 1d"
        )
    count = int(days * (_DAY / wanted))
    return pd.date_range(start, periods=count, freq=wanted), int(wanted / step)


def _generated(weather: GeneratedWeather, study: ColumnStudy) -> ColumnWeather:
    start, days = naive_utc(weather.start).floor("D"), 365 * weather.years
    hourly = weather.rain_within_day == "storms"
    axis, every = _output_axis(start, days, _HOUR if hourly else _DAY, study)
    source = Generator(
        climate_of_normals(CLIMATES[weather.climate]),
        jax.random.fold_in(jax.random.key(study.seed), 1),
        days=days,
        start_day_of_year=min(int(start.day_of_year), 365),
        storms=DE_BILT_STORMS if hourly else None,
        shared=weather.shared,
    )
    return ColumnWeather(source, axis, 1.0 / 24.0 if hourly else 1.0, every, [])


# --- records ----------------------------------------------------------------------------

_NEEDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "given": (("potential_evapotranspiration",),),
    "penman_monteith": (("relative_humidity", "dew_point"), ("solar_radiation",), ("wind_speed",)),
    "priestley_taylor": (("relative_humidity", "dew_point"), ("solar_radiation",)),
    "hargreaves_samani": (),
}
"""Per method: of each group, one column at least."""


def _series_of(table: WeatherTable, context: Context, where: str) -> list[Series]:
    raw, times = read_table(table, context, where=where)
    keep, _, notes = clean_order(times, raw.name)
    raw.notes += notes
    hours = interval_hours(times, table.interval, raw, where)
    if hours > 24.0:
        raise DataError(
            f"{raw.name}: one row every {hours:g} h, the column wants weather of days or hours"
        )
    stamps = starts(times[keep], table, hours)
    if hours == 24.0:
        stamps = stamps.floor("D")
    given = table.columns.given()
    if not given:
        raise DataError(f"{raw.name}: the study names no column of this table ({where}.columns)")
    found = []
    for name, spec in given.items():
        column = Column(name, tuple(spec.column), spec.units, f"{where}.columns.{name}")
        # Negative rain or a radiation of -50 is a fault of the file, not a gap.
        values = column_values(raw, column, decimal=table.decimal, hours=hours, strict=True)
        found.append(Series(name, stamps, values[keep], hours, raw.name))
    tell_rows(raw, stamps, hours, (s.quantity for s in found), context)
    return found


def _recorded(weather: RecordedWeather, study: ColumnStudy, context: Context) -> ColumnWeather:
    series = [
        s
        for n, table in enumerate(weather.tables)
        for s in _series_of(table, context, f"weather.tables[{n}]")
    ]
    known = {s.quantity for s in series}
    step = _step(series, known)
    _check_columns(weather, study, known, step)
    start, days = _period(weather, series)
    axis = pd.date_range(start, periods=int(days * (_DAY / step)), freq=step)
    values: dict[str, np.ndarray] = {}
    for s in series:
        data, hours, notes = on_axis(s, axis, step)
        for note in notes:
            context.log.tell(note)
        data = np.where(hours < 0.999 * (step / _HOUR), np.nan, data)
        gaps = np.isnan(values[s.quantity]) if s.quantity in values else None
        values[s.quantity] = data if gaps is None else np.where(gaps, data, values[s.quantity])
    for name, data in values.items():
        _refuse_gaps(name, data, axis, series)
    outputs, every = _output_axis(start, days, step, study)
    demand = _evapotranspiration(weather.potential_evapotranspiration, weather, study, values, axis)
    temperature = _mean_temperature(values)
    source = Record(
        axis.day_of_year.to_numpy(),
        values["precipitation"],
        np.maximum(demand, 0.0),
        np.zeros(len(axis)) if temperature is None else temperature,
    )
    files = sorted({s.source for s in series})
    return ColumnWeather(source, outputs, step / _DAY, every, files)


def _step(series: list[Series], known: set[str]) -> pd.Timedelta:
    """Return the step of the weather: that of the rain, an hour at least."""
    if "precipitation" not in known:
        raise DataError("no table names a column for precipitation (weather.tables[0].columns)")
    hours = max(1.0, min(s.hours for s in series if s.quantity == "precipitation"))
    step = pd.Timedelta(hours=hours)
    if _DAY % step != pd.Timedelta(0):
        raise DataError(f"the precipitation comes every {hours:g} h, which does not divide a day")
    return step


def _check_columns(
    weather: RecordedWeather, study: ColumnStudy, known: set[str], step: pd.Timedelta
) -> None:
    """Refuse a method of evapotranspiration whose columns or place are missing."""
    method = weather.potential_evapotranspiration
    where = "weather.tables[].columns"
    for group in _NEEDS[method]:
        if not known & set(group):
            wanted = " or ".join(group)
            other = " or let it be computed" if method == "given" else ""
            raise DataError(
                f"potential_evapotranspiration is {method}, but no table has a column for {wanted} "
                f"({where}): name it{other}"
            )
    daily = {"temperature_min", "temperature_max"} <= known
    if method != "given":
        if study.site.latitude is None:
            raise DataError(f"site.latitude is needed by {method}")
        if step == _DAY and not daily:
            raise DataError(f"{method} of days wants temperature_min and temperature_max ({where})")
        if step != _DAY and method == "hargreaves_samani":
            raise DataError("hargreaves_samani is for daily weather, this one is hourly")
        if step not in (_DAY, _HOUR):
            raise DataError(
                f"{method} is known for days and hours, the weather comes every {step / _HOUR:g} h"
            )
        if step == _HOUR and (study.site.longitude is None or "temperature" not in known):
            raise DataError(f"hourly {method} needs site.longitude and a column for temperature")
    plants = study.vegetation
    if step != _DAY and isinstance(plants, Plants) and plants.interception == "braden":
        raise DataError(
            f"vegetation.interception is braden, which is for daily rain, this one comes every "
            f"{step / _HOUR:g} h: take store"
        )
    if not isinstance(study.snow, NoSnow) and not (daily or "temperature" in known):
        raise DataError(f"snow needs a column for temperature ({where}), or snow.method: none")


def _period(weather: RecordedWeather, series: list[Series]) -> tuple[pd.Timestamp, int]:
    """Return the first day and the number of whole days of the run."""
    first = max(s.times.min() for s in series).ceil("D")
    last = min(s.times.max() + pd.Timedelta(hours=s.hours) for s in series).floor("D")
    start = first if weather.start is None else naive_utc(weather.start).floor("D")
    end = last if weather.end is None else naive_utc(weather.end).floor("D")
    record = f"the weather covers {first:%Y-%m-%d} to {last:%Y-%m-%d} UTC"
    if start < first:
        raise DataError(f"weather.start is {start:%Y-%m-%d}, but {record}: the forcing is shorter")
    if end > last:
        raise DataError(f"weather.end is {end:%Y-%m-%d}, but {record}: the forcing is shorter")
    if end <= start:
        raise DataError(f"no whole day lies between {start:%Y-%m-%d} and {end:%Y-%m-%d}; {record}")
    return start, int((end - start) / _DAY)


def _refuse_gaps(name: str, data: np.ndarray, axis: pd.DatetimeIndex, series: list[Series]) -> None:
    gap = np.isnan(data)
    if not gap.any():
        return
    source = next(s.source for s in series if s.quantity == name)
    days = axis[gap].floor("D").unique()
    when = f"on {days[0]:%Y-%m-%d}"
    if len(days) > 1:
        when = f"on {len(days)} days, the first {days[0]:%Y-%m-%d}"
    raise DataError(
        f"{source}: {name} is missing {when}: the column wants weather without gaps, fill them or "
        "choose another period (weather.start, end)"
    )


# --- evapotranspiration -----------------------------------------------------------------


def _mean_temperature(values: dict[str, np.ndarray]) -> np.ndarray | None:
    if "temperature" in values:
        return values["temperature"]
    if "temperature_min" in values and "temperature_max" in values:
        return 0.5 * (values["temperature_min"] + values["temperature_max"])
    return None


def _evapotranspiration(
    method: str,
    weather: RecordedWeather,
    study: ColumnStudy,
    values: dict[str, np.ndarray],
    axis: pd.DatetimeIndex,
) -> np.ndarray:
    """Return the potential evapotranspiration [mm per interval]."""
    if method == "given":
        return values["potential_evapotranspiration"]
    daily = len(axis) < 2 or axis[1] - axis[0] == _DAY
    names = ("temperature_min", "temperature_max") if daily else ("temperature", "temperature")
    low, high = (values[name] for name in names)
    outside, clear, cloudiness = _sky(study, values, axis, daily=daily)
    if method == "hargreaves_samani":
        return np.asarray(et.hargreaves_samani(low, high, outside), float)
    if "dew_point" in values:
        vapor = et.saturation_vapor_pressure(values["dew_point"])
    else:
        vapor = et.vapor_pressure_of_mean_humidity(low, high, values["relative_humidity"])
    pressure = values.get("pressure", et.pressure_of_elevation(study.site.elevation))
    sun = values["solar_radiation"]
    if method == "priestley_taylor":
        found = et.priestley_taylor(
            temperature=0.5 * (low + high),
            net_radiation=radiation.net_shortwave(sun)
            - radiation.net_longwave(low, high, vapor, cloudiness),
            pressure=pressure,
            hours=24.0 if daily else 1.0,
        )
        return np.asarray(found, float)
    wind = values["wind_speed"]
    if weather.wind_height != 2.0:
        wind = et.wind_speed_at_2m(wind, weather.wind_height)
    shared: dict[str, Any] = {
        "vapor_pressure": vapor,
        "wind_speed": wind,
        "solar_radiation": sun,
        "pressure": pressure,
    }
    if daily:
        found = et.penman_monteith_daily(
            temperature_min=low, temperature_max=high, clear_sky_radiation=clear, **shared
        )
    else:
        found = et.penman_monteith_hourly(temperature=low, relative_shortwave=cloudiness, **shared)
    return np.asarray(found, float)


def _sky(
    study: ColumnStudy, values: dict[str, np.ndarray], axis: pd.DatetimeIndex, *, daily: bool
) -> tuple[jax.Array, jax.Array, jax.Array | None]:
    """Return radiation above the atmosphere, under a clear sky [W m-2], and R_s/R_so [1]."""
    day, latitude = axis.day_of_year.to_numpy(), study.site.latitude
    sun = values.get("solar_radiation")
    if daily:
        outside = radiation.extraterrestrial_radiation(day, latitude)
        clear = radiation.clear_sky_radiation(outside, study.site.elevation)
        return outside, clear, None if sun is None else radiation.relative_shortwave(sun, clear)
    place = (day, axis.hour.to_numpy(), latitude, study.site.longitude)
    outside = radiation.extraterrestrial_radiation_hourly(*place)
    clear = radiation.clear_sky_radiation(outside, study.site.elevation)
    height = radiation.solar_elevation(*place)
    return outside, clear, radiation.held_relative_shortwave(sun, clear, height)
