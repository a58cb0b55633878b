"""Observations in a folder: daily neutron counts and soil moisture on the model grid."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from rootzone.core import DataError
from rootzone.data.domain import Domain, SeriesStep, Setup
from rootzone.data.mhm.meteo import require_northern_start
from rootzone.data.mhm.netcdf import open_netcdf, save_netcdf
from rootzone.data.mhm.time_axis import UNIT_OF, read_times, series_period

_NODATA = -9999.0


class Observed(NamedTuple):
    """Observations of the evaluation period: starts of the steps, values (step, cell) with NaN."""

    times: np.ndarray
    values: np.ndarray


def read_observed_counts(path: Path, domain: Domain, setup: Setup) -> Observed:
    """Read ``neutrons.nc``: daily counts [h-1] of the evaluation period; gaps are NaN.

    A file that covers a part of the period is fine (mHM wants the whole).

    Raises
    ------
    DataError
        If the file does not fit the model grid, has no day of the period, or counts are negative.
    """
    return _read(path, "neutrons", SeriesStep.DAILY, domain, setup, (0.0, np.inf))


def read_observed_saturation(
    path: Path, domain: Domain, setup: Setup, step: SeriesStep
) -> Observed:
    """Read ``sm.nc``: degree of saturation of the upper horizons [1]; gaps are NaN.

    Raises
    ------
    DataError
        If the file does not fit the model grid, has no step of the period, or values lie outside
        0 to 1.
    """
    return _read(path, "sm", step, domain, setup, (0.0, 1.0))


def write_observed_counts(path: Path, domain: Domain, observed: Observed) -> None:
    """Write ``neutrons.nc`` as mHM reads it."""
    mask, days = domain.mask1, observed.times.astype("datetime64[D]")
    full = np.full((len(days), *mask.shape), _NODATA)
    full[:, mask] = np.where(np.isnan(observed.values), _NODATA, observed.values)
    attrs = {"units": "h-1", "missing_value": _NODATA, "_FillValue": _NODATA}
    numbers = (days - days[0]).astype("int32")
    time = xr.Variable("time", numbers, {"units": f"days since {days[0]}", "calendar": "standard"})
    field = xr.Variable(("time", "yc", "xc"), full, attrs)
    save_netcdf(xr.Dataset({"neutrons": field}, {"time": time}), path)


def _read(
    path: Path,
    name: str,
    step: SeriesStep,
    domain: Domain,
    setup: Setup,
    bounds: tuple[float, float],
) -> Observed:
    grid, mask = domain.level1, domain.mask1
    with open_netcdf(path, decode_times=False) as data:
        if name not in data:
            found = ", ".join(map(str, data.data_vars)) or "none"
            raise DataError(f"{path}: no variable '{name}', found: {found}")
        field = data[name]
        if field.ndim != 3 or field.shape[1:] != grid.shape:
            raise DataError(
                f"{path}: {name} has the shape {field.shape}, (time, {grid.nrows} rows, "
                f"{grid.ncols} columns) is wanted: the grid of the model cells"
            )
        require_northern_start(field, grid, path)
        times = read_times(data, path)
        part = _part(times, step, setup, path)
        values = np.asarray(field[part].values, dtype=float)[:, mask]
    low, high = bounds
    with np.errstate(invalid="ignore"):
        outside = np.argwhere((values < low) | (values > high))
    if len(outside):
        i, cell = outside[0]
        row, column = np.argwhere(mask)[cell]
        raise DataError(
            f"{path}: {name} is {values[i, cell]:g} on {times[part][i].astype('datetime64[D]')} in "
            f"{grid.cell_name(row, column)}, {low:g} to {high:g} is wanted ({len(outside)} such "
            "values)"
        )
    return _filled(times[part], values, step, setup)


def _part(times: np.ndarray, step: SeriesStep, setup: Setup, path: Path) -> slice:
    """Return the steps of the period; a series that covers only a part of it is fine."""
    unit = f"datetime64[{UNIT_OF[step]}]"
    if not len(times):
        raise DataError(f"{path}: time has no values")
    begin = times[0].astype(unit).astype("datetime64[D]")
    end = (times[-1].astype(unit) + 1).astype("datetime64[D]") - 1
    first, last = max(setup.first_day, begin), min(setup.last_day, end)
    if first > last:
        first, last = setup.first_day, setup.last_day  # nothing in common: an error names both
    return series_period(times, step, first, last, path)


def _filled(times: np.ndarray, values: np.ndarray, step: SeriesStep, setup: Setup) -> Observed:
    """Return the observations of the whole period, NaN where the series does not reach."""
    unit = f"datetime64[{UNIT_OF[step]}]"
    axis = np.arange(setup.first_day.astype(unit), setup.last_day.astype(unit) + 1)
    full = np.full((len(axis), values.shape[1]), np.nan)
    full[np.searchsorted(axis, times.astype(unit))] = values
    return Observed(axis.astype("datetime64[D]"), full)
