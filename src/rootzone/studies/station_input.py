"""Input of the study `station`: tables become arrays on one time axis, with flags and notes."""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportReturnType=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportGeneralTypeIssues=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

from dataclasses import dataclass, field
from datetime import datetime

import jax
import numpy as np
import pandas as pd

from rootzone.config.station import StationStudy
from rootzone.config.tables import SampleTable
from rootzone.core import DataError
from rootzone.data import (
    CampaignSamples,
    Column,
    Flag,
    Series,
    count_flags,
    interpolate_gaps,
    make_axis,
    on_axis,
    parse_step,
    read_samples,
    seasonal_mean,
)
from rootzone.data.formats import LAYOUTS
from rootzone.neutrons import absolute_humidity, mean_pressure, snow_mask
from rootzone.studies.context import Context
from rootzone.studies.station_series import series_of_table
from rootzone.studies.tables import read_table

_WEATHER = ("pressure", "temperature", "relative_humidity", "absolute_humidity")
_SATURATED = 99.0
"""Relative humidity that may stay the same for days: fog [%]."""
_FITS = 40.0
"""Pressure may be so far from that of the standard atmosphere [hPa]."""


@dataclass
class Sensors:
    """In-situ sensors: depth [cm] and water content (sensor, time) [m3 m-3]."""

    depth: np.ndarray
    labels: list[str]
    theta: np.ndarray


@dataclass
class Observations:
    """Everything measured at the station, on the time axis of the study."""

    axis: pd.DatetimeIndex
    step_hours: float
    rate: np.ndarray
    hours: np.ndarray
    flags: np.ndarray
    humidity: np.ndarray
    humidity_sigma: np.ndarray
    values: dict[str, np.ndarray]
    sensors: Sensors | None
    count_range: tuple[float, float]
    sources: list[str] = field(default_factory=list)

    def get(self, name: str) -> np.ndarray | None:
        """Return a quantity, or None if nothing measured it."""
        return self.values.get(name)


def read_observations(study: StationStudy, context: Context) -> Observations:
    """Read all tables of a station onto one axis, flag the counts, fill short weather gaps.

    Raises
    ------
    DataError, UnitError
        If a file, column, unit or time cannot be used; before anything is computed.
    """
    series = [
        s
        for n, table in enumerate(study.tables)
        for s in series_of_table(table, context, f"tables[{n}]")
    ]
    counts = [s for s in series if s.quantity == "counts"]
    if not counts:
        presets = [LAYOUTS[t.format].columns.get("counts", ("",))[0] for t in study.tables]
        wanted = f", nor has any the column '{presets[0]}' of its format" if presets[0] else ""
        raise DataError(f"no table names a column for counts (tables[0].columns.counts){wanted}")
    if all(np.isnan(s.values).all() for s in counts):
        raise DataError(f"{counts[0].source}: the column of counts holds no number")
    native = pd.Timedelta(hours=min(s.hours for s in counts))
    divides = pd.Timedelta("1D") % native == pd.Timedelta(0)
    step_text = study.time.step or (f"{int(native.total_seconds())}s" if divides else "1h")
    step = parse_step(step_text, "time.step")
    _possible_times(study, step, native)
    limits = [None if t is None else naive_utc(t) for t in (study.time.start, study.time.end)]
    axis = make_axis(counts, step, *limits)
    if len(axis) < 2:
        raise DataError(f"{counts[0].source}: one row is no time series, two are the least")

    values: dict[str, np.ndarray] = {}
    intervals: dict[str, float] = {}
    hours = np.zeros(len(axis))
    sensors: list[tuple[Series, np.ndarray]] = []
    for s in series:
        data, counted, notes = on_axis(s, axis, step)
        for note in notes:
            context.log.tell(note)
        intervals[s.quantity] = max(s.hours, intervals.get(s.quantity, 0.0))
        if s.quantity == "soil_moisture":
            sensors.append((s, data))
        elif s.quantity in values:
            gap = np.isnan(values[s.quantity])
            values[s.quantity] = np.where(gap, data, values[s.quantity])
            hours = np.where(gap, counted, hours) if s.quantity == "counts" else hours
            context.log.tell(f"{s.source}: {s.quantity} fills gaps of the tables before")
        else:
            values[s.quantity] = data
            hours = counted if s.quantity == "counts" else hours

    step_hours = step / pd.Timedelta("1h")
    rate = values.pop("counts")
    flags, used = count_flags(
        rate,
        hours,
        step_hours=step_hours,
        valid_range=study.quality.count_range,
        constant_hours=study.quality.constant_hours,
    )
    _usable_counts(counts[0].source, flags, used)
    _tell_long_gaps(counts[0].source, rate, axis, context)
    for s in counts:
        again = ((s.duplicates.floor(step) - axis[0]) // step).to_numpy()
        flags[again[(again >= 0) & (again < len(axis))]] |= Flag.DUPLICATE_TIME
    observations = Observations(
        axis=axis,
        step_hours=step_hours,
        rate=rate,
        hours=np.where(hours > 0, hours, step_hours),
        flags=flags,
        humidity=np.full(len(axis), np.nan),
        humidity_sigma=np.full(len(axis), study.uncertainty.humidity),
        values=values,
        sensors=_sensors(sensors, context),
        count_range=used,
        sources=sorted({s.source for s in series}),
    )
    _clean_weather(observations, intervals, study, context)
    _humidity(observations, study, context)
    _frost(observations, study, context)
    return observations


def _possible_times(study: StationStudy, step: pd.Timedelta, native: pd.Timedelta) -> None:
    """Refuse a step that is shorter than the counts', and a window that is shorter than a step.

    Shorter by less than a tenth is the irregular clock of a logger.
    """
    if study.time.step is not None and step < 0.9 * native:
        raise DataError(
            f"time.step is {study.time.step}, the counts are of {native / pd.Timedelta('1min'):g} "
            "min each: a shorter step tells no more, leave time.step out or give a longer one"
        )
    window = study.time.window_hours
    if window < 0.9 * (step_hours := step / pd.Timedelta("1h")):
        raise DataError(
            f"time.window_hours is {window:g} h, the step of the results {step_hours:g} h: one "
            "step at least is wanted, which averages nothing"
        )


def _usable_counts(source: str, flags: np.ndarray, used: tuple[float, float]) -> None:
    """Refuse counts that are all flagged, in words."""
    bad = int(Flag.MISSING_COUNTS | Flag.IMPOSSIBLE_COUNTS | Flag.OUT_OF_RANGE | Flag.CONSTANT)
    if not (flags & bad > 0).all():
        return
    what = {
        Flag.IMPOSSIBLE_COUNTS: "are zero or negative",
        Flag.CONSTANT: "do not change for hours (quality.constant_hours)",
        Flag.OUT_OF_RANGE: f"lie outside {used[0]:.4g} to {used[1]:.4g} h-1 (quality.count_range)",
        Flag.MISSING_COUNTS: "are missing",
    }
    found = [f"{n} {text}" for f, text in what.items() if (n := int((flags & f > 0).sum()))]
    raise DataError(f"{source}: of {len(flags)} counts none can be used: {', '.join(found)}")


def daily_sum(obs: Observations, days: pd.DatetimeIndex, name: str) -> np.ndarray:
    """Return the sums of days (day) of an amount; NaN without any value."""
    values = obs.values[name]
    position = ((obs.axis.floor("D") - days[0]) // pd.Timedelta("1D")).to_numpy()
    valid = ~np.isnan(values)
    total = np.bincount(position[valid], values[valid], minlength=len(days))
    number = np.bincount(position[valid], minlength=len(days))
    return np.where(number > 0, total, np.nan)


def naive_utc(time: datetime) -> pd.Timestamp:
    """Return a time as the package keeps it: UTC without zone."""
    stamp = pd.Timestamp(time)
    return stamp.tz_convert("UTC").tz_localize(None) if stamp.tz is not None else stamp


def _tell_long_gaps(
    source: str, rate: np.ndarray, axis: pd.DatetimeIndex, context: Context
) -> None:
    times = axis[~np.isnan(rate)]
    steps = np.diff(times.to_numpy())
    longest = int(np.argmax(steps)) if steps.size else 0
    days = steps[longest] / np.timedelta64(1, "D") if steps.size else 0.0
    if days > 30:
        context.log.warn(f"{source}: no counts for {days:.0f} days after {times[longest]:%Y-%m-%d}")


def _sensors(found: list[tuple[Series, np.ndarray]], context: Context) -> Sensors | None:
    if not found:
        return None
    found = sorted(found, key=lambda f: (f[0].depth or 0.0, f[0].label))
    theta = np.stack([data for _, data in found])
    for (s, _), row in zip(found, theta, strict=True):
        known = row[~np.isnan(row)]
        if known.size > 48 and np.ptp(known) == 0:
            context.log.warn(
                f"{s.source}: sensor {s.label} has the constant value {known[0]:g}; left out"
            )
            row[:] = np.nan
    return Sensors(np.array([s.depth for s, _ in found]), [s.label for s, _ in found], theta)


def _constant(values: np.ndarray, steps: int) -> np.ndarray:
    change = np.concatenate([[True], ~(values[1:] == values[:-1])])
    run = np.cumsum(change) - 1
    return (np.bincount(run)[run] >= max(steps, 3)) & ~np.isnan(values)


def _clean_weather(
    obs: Observations, intervals: dict[str, float], study: StationStudy, context: Context
) -> None:
    """Take out dead weather sensors and interpolate short gaps, telling both."""
    quality = study.quality
    limit = round(quality.interpolate_hours / obs.step_hours)
    needed = study.corrections.pressure.method != "none"
    for name in (*_WEATHER, "incoming_intensity"):
        values = obs.get(name)
        if values is None:
            continue
        bad = np.zeros(len(values), dtype=bool)
        if name in _WEATHER:
            # Values of a day are equal in all its hours; a few days of them are not.
            hours = max(quality.constant_weather_hours, 3.0 * intervals[name])
            bad |= _constant(values, round(hours / obs.step_hours))
        if name == "relative_humidity":
            bad &= values < _SATURATED
        if name == "pressure":
            with np.errstate(invalid="ignore"):
                bad |= np.abs(values - np.nanmedian(values)) > quality.pressure_deviation
            _tell_sea_level(values, study, context)
        if name == "incoming_intensity":
            bad |= values <= 0
        if bad.any():
            context.log.warn(
                f"{name}: {int(bad.sum())} values are stuck or far off and count as missing"
            )
        values, filled = interpolate_gaps(np.where(bad, np.nan, values), limit)
        if name == "pressure" and needed and np.isnan(values).all():
            raise DataError(
                "pressure: no value is left, all are stuck or far off "
                "(quality.constant_weather_hours, quality.pressure_deviation)"
            )
        obs.flags[filled] |= Flag.INTERPOLATED_WEATHER
        obs.values[name] = values


def _tell_sea_level(pressure: np.ndarray, study: StationStudy, context: Context) -> None:
    """Tell if the pressure does not fit the elevation."""
    middle, elevation = float(np.nanmedian(pressure)), study.station.elevation
    standard = float(mean_pressure(elevation))
    if abs(middle - standard) > _FITS:
        context.log.warn(
            f"pressure around {middle:.0f} hPa does not fit station.elevation {elevation:g} m "
            f"({standard:.0f} hPa): is it reduced to sea level, or the elevation not in m?"
        )


def _humidity(obs: Observations, study: StationStudy, context: Context) -> None:
    humidity = obs.get("absolute_humidity")
    temperature, relative = obs.get("temperature"), obs.get("relative_humidity")
    if humidity is None and temperature is not None and relative is not None:
        humidity = np.asarray(jax.jit(absolute_humidity)(temperature, relative), dtype=float)
    needed = study.corrections.humidity.method != "none" or study.law.build().needs_humidity
    if humidity is None:
        if needed:
            raise DataError(
                "humidity is needed, but no table has columns with values for relative_humidity "
                "and temperature (or absolute_humidity): name them or set "
                "corrections.humidity.method: none"
            )
        return
    gap = np.isnan(humidity)
    if needed and gap.all():
        raise DataError(
            "humidity: no value is left, all of relative_humidity or temperature are missing or "
            "stuck (quality.constant_weather_hours)"
        )
    if gap.any() and study.quality.humidity_gaps == "seasonal":
        seasonal, spread = seasonal_mean(humidity, obs.axis)
        humidity = np.where(gap, seasonal, humidity)
        obs.humidity_sigma = np.where(gap, spread, obs.humidity_sigma)
        estimated = gap & ~np.isnan(seasonal)
        obs.flags[estimated] |= Flag.ESTIMATED_HUMIDITY
        share = estimated.mean()
        if share > 0.005:
            context.log.warn(
                f"humidity is missing in {100 * share:.1f} % of the time; its seasonal mean "
                f"stands in, with a standard deviation of {spread:.1f} g m-3"
            )
    obs.humidity = humidity


def _frost(obs: Observations, study: StationStudy, context: Context) -> None:
    quality = study.quality
    mask = snow_mask(
        snow_water_equivalent=obs.get("snow_water_equivalent"),
        snow_depth=obs.get("snow_depth"),
        soil_temperature=obs.get("soil_temperature"),
        swe_limit=quality.snow_water_equivalent,
        depth_limit=quality.snow_depth,
        temperature_limit=quality.frozen_below,
    )
    if mask is None:
        context.log.warn(
            "neither snow nor soil temperature is given: snow and frost cannot be told from water"
        )
    else:
        obs.flags[np.asarray(mask)] |= Flag.SNOW_OR_FROST


def read_campaigns(
    table: SampleTable, study: StationStudy, context: Context
) -> list[CampaignSamples]:
    """Read the soil samples of a station."""
    where = "calibration.table"
    raw, times = read_table(table, context, where=where)
    columns = {}
    for name in type(table.columns).model_fields:
        spec = getattr(table.columns, name)
        if name != "profile" and spec is not None:
            columns[name] = Column(name, tuple(spec.column), spec.units, f"{where}.columns.{name}")
    site = study.station
    campaigns = read_samples(
        raw,
        times,
        profile=table.columns.profile,
        columns=columns,
        decimal=table.decimal,
        bulk_density=site.bulk_density.value if site.bulk_density else None,
        lattice_water=site.lattice_water.value if site.lattice_water else None,
        soil_organic_carbon=site.soil_organic_carbon.value if site.soil_organic_carbon else None,
    )
    for note in raw.warnings:
        context.log.warn(note)
    for note in raw.notes:
        context.log.tell(note)
    return campaigns
