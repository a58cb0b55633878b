"""The time axis of a NetCDF file as mHM reads it: unit, reference date, calendar, regular steps."""

import re
from pathlib import Path

import numpy as np
import xarray as xr

from rootzone.core import DataError
from rootzone.data.domain import SeriesStep

_SECONDS = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
UNIT_OF = {SeriesStep.DAILY: "D", SeriesStep.MONTHLY: "M", SeriesStep.YEARLY: "Y"}
"""Units of numpy's dates for the steps of a series."""
_CALENDARS = ("standard", "gregorian", "proleptic_gregorian")
_UNITS = re.compile(
    r"(?P<unit>\w+)\s+since\s+(?P<year>\d{1,4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
    r"(?:[T\s]+(?P<hour>\d{1,2})(?::(?P<minute>\d{1,2}))?)?"
)


def read_times(data: xr.Dataset, path: Path) -> np.ndarray:
    """Return the times of a file opened without decoding them, datetime64[s].

    Raises
    ------
    DataError
        For another calendar, an unknown unit, or times that do not increase.
    """
    if "time" not in data.variables:
        raise DataError(f"{path}: no variable 'time'")
    time = data["time"]
    calendar = str(time.attrs.get("calendar", "standard")).lower()
    if calendar not in _CALENDARS:
        raise DataError(
            f"{path}: the calendar of time is '{calendar}', the real one ({_CALENDARS[0]}) is "
            "wanted: convert the dates, days that it lacks would shift the rest"
        )
    units = str(time.attrs.get("units", ""))
    parts = _UNITS.match(units)
    if parts is None or parts["unit"].lower() not in _SECONDS:
        raise DataError(
            f"{path}: time has units '{units}'; days, hours, minutes or seconds since YYYY-MM-DD "
            "are wanted"
        )
    year, month, day = (int(parts[name]) for name in ("year", "month", "day"))
    try:
        reference = np.datetime64(f"{year:04d}-{month:02d}-{day:02d}", "s")
    except ValueError:
        raise DataError(f"{path}: time has units '{units}': there is no such date") from None
    shift = int(parts["hour"] or 0) * 3600 + int(parts["minute"] or 0) * 60
    seconds = np.asarray(time.values, dtype=float) * _SECONDS[parts["unit"].lower()] + shift
    if not np.isfinite(seconds).all():
        raise DataError(f"{path}: time has missing values")
    return reference + np.round(seconds).astype("timedelta64[s]")


def step_hours(times: np.ndarray, path: Path) -> int:
    """Return the step of a regular axis: 24 or 1 hours.

    Raises
    ------
    DataError
        If there are less than two times, or the steps are neither daily nor hourly throughout.
    """
    if len(times) < 2:
        raise DataError(f"{path}: at least two time steps are wanted, {len(times)} found")
    steps = np.diff(times).astype(int)
    hours = 1 if abs(steps[0] - 3600) < 60 else 24
    wrong = np.flatnonzero(np.abs(steps - hours * 3600) >= 60)
    if len(wrong):
        i = int(wrong[0])
        found = steps[i] / 3600.0
        raise DataError(
            f"{path}: after {times[i]} the next time comes {found:g} h later, {hours} h is wanted: "
            "daily or hourly values without gaps"
        )
    return hours


def period_slice(
    times: np.ndarray, hours: int, first: np.datetime64, days: int, path: Path
) -> slice:
    """Return which steps cover a period of days.

    Raises
    ------
    DataError
        If the file does not cover it, naming both periods.
    """
    unit = "h" if hours == 1 else "D"
    start = times[0].astype(f"datetime64[{unit}]")
    offset = int((first.astype(f"datetime64[{unit}]") - start).astype(int))
    count = days * (24 // hours)
    if offset < 0 or offset + count > len(times):
        last = first.astype("datetime64[D]") + (days - 1)
        raise DataError(
            f"{path}: covers {times[0].astype('datetime64[D]')} to "
            f"{times[-1].astype('datetime64[D]')}, the run with its warm-up needs "
            f"{first.astype('datetime64[D]')} to {last}"
        )
    return slice(offset, offset + count)


def series_period(
    times: np.ndarray, step: SeriesStep, first: np.datetime64, last: np.datetime64, path: Path
) -> slice:
    """Return which steps of a daily, monthly or yearly series cover the days first to last.

    Raises
    ------
    DataError
        If steps are left out, or the series does not cover the days.
    """
    unit = UNIT_OF[step]
    axis = times.astype(f"datetime64[{unit}]").astype(int)
    wrong = np.flatnonzero(np.diff(axis) != 1)
    if len(wrong):
        after = times[wrong[0]].astype("datetime64[D]")
        raise DataError(
            f"{path}: after {after} the series does not go on by one step; {step.name.lower()} "
            "values without gaps are wanted"
        )
    start, stop = (int(day.astype(f"datetime64[{unit}]").astype(int)) for day in (first, last))
    if not len(axis) or axis[0] > start or axis[-1] < stop:
        covered = [str(t.astype("datetime64[D]")) for t in times[[0, -1]]] if len(axis) else []
        raise DataError(
            f"{path}: covers {' to '.join(covered) or 'no time'}, {first} to {last} is needed"
        )
    return slice(start - axis[0], stop - axis[0] + 1)
