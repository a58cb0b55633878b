"""Gridded weather of any make (xarray) as the models take it: checked, cut, in their units."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from rootzone.core import DataError, Quantity, UnitError
from rootzone.data.domain import Weather
from rootzone.data.mhm.maps import RasterMap, grid_of_axes
from rootzone.data.mhm.meteo import QUANTITIES, require_plausible
from rootzone.data.mhm.time_axis import period_slice
from rootzone.data.rasters import Grid, coarse_mask
from rootzone.data.units import convert

_CALENDARS = ("standard", "gregorian", "proleptic_gregorian")


def weather_of_dataset(
    data: xr.Dataset,
    dem: RasterMap,
    start: np.datetime64,
    days: int,
    *,
    names: Mapping[str, str] | None = None,
    source: str = "weather",
) -> tuple[Grid, Weather]:
    """Return gridded daily or hourly weather, cut to a run and in the units of the model.

    Parameters
    ----------
    data : Dataset
        Variables (time, y, x) with the attribute ``units``; rates per day or hour become amounts.
    dem : RasterMap
        Elevation; the weather grid must nest with its grid, from the north-west corner.
    start : datetime64
        First day of the run, warm-up included.
    days : int
        Number of days.
    names : mapping, optional
        Name of the variable for each of ``pre``, ``tavg``, ``pet``, ``tmin``, ``tmax``,
        ``net_rad``, ``eabs``, ``windspeed``; by default those that are there under these names.
    source : str
        How errors name the data.

    Raises
    ------
    DataError, UnitError
        For grids that do not nest, other calendars, gaps, periods that are not covered, missing
        units, missing or impossible values.
    """
    chosen = dict(names) if names else {name: name for name in QUANTITIES if name in data}
    if "pre" not in chosen or "tavg" not in chosen:
        raise DataError(f"{source}: precipitation (pre) and temperature (tavg) are wanted")
    times, hours = _regular_times(data, source)
    part = period_slice(times, hours, start, days, Path(source))
    missing = [variable for variable in chosen.values() if variable not in data]
    if missing:
        raise DataError(f"{source}: no variable '{missing[0]}'")
    fields = {}
    rain = data[chosen["pre"]].transpose("time", ...)
    grid = _nested(grid_of_axes(rain, source)[0], dem, source)
    active = coarse_mask(~np.isnan(dem.values), dem.grid, grid)
    for name, variable in chosen.items():
        field = data[variable].transpose("time", ...)[part]
        found, from_south = grid_of_axes(field, f"{source}: {variable}")
        _require_same(found, grid, f"{source}: {variable}")
        values = np.asarray(field.values, dtype=float)
        values = _in_units(values, field, QUANTITIES[name], hours, f"{source}: {variable}")
        fields[name] = values[:, ::-1] if from_south else values
        require_plausible(source, fields[name], active, grid, times[part], QUANTITIES[name])
    return grid, Weather(start.astype("datetime64[h]"), hours, fields)


def _nested(found: Grid, dem: RasterMap, source: str) -> Grid:
    try:
        grid = dem.grid.coarsened(found.cellsize)
    except DataError as error:
        raise DataError(f"{source} on {dem.path}: {error}") from None
    _require_same(found, grid, f"{source} on {dem.path}")
    return grid


def _require_same(found: Grid, grid: Grid, source: str) -> None:
    different = found.differences(grid)
    if different:
        raise DataError(
            f"{source}: the grid does not fit: {', '.join(different)}, counted in blocks from the "
            "north-west corner of the elevation"
        )


def _regular_times(data: xr.Dataset, source: str) -> tuple[np.ndarray, int]:
    if "time" not in data.coords:
        raise DataError(f"{source}: no coordinate 'time'")
    time = data["time"]
    calendar = str(time.encoding.get("calendar", time.attrs.get("calendar", "standard")))
    if calendar not in _CALENDARS or not np.issubdtype(time.dtype, np.datetime64):
        raise DataError(
            f"{source}: time has the calendar '{calendar}', dates of the real one are wanted"
        )
    times = time.values.astype("datetime64[h]")
    steps = np.diff(times).astype(int)
    if not len(steps) or steps[0] not in (1, 24) or np.any(steps != steps[0]):
        wrong = np.flatnonzero(steps != steps[0]) if len(steps) else []
        where = f" (after {times[wrong[0]]})" if len(wrong) else ""
        raise DataError(f"{source}: daily or hourly steps without gaps are wanted{where}")
    return times, int(steps[0])


def _in_units(
    values: np.ndarray, field: xr.DataArray, quantity: Quantity, hours: int, where: str
) -> np.ndarray:
    units = str(field.attrs.get("units", ""))
    if not units:
        raise UnitError(f"{where}: no attribute 'units', {quantity.unit} or the like is wanted")
    if quantity.unit != "mm":
        return convert(values, units, quantity, where)
    water = units.replace("kg m-2", "mm").replace("kg m**-2", "mm").replace("kg/m2", "mm")
    try:
        return convert(values, water, quantity, where)
    except UnitError:
        rate = Quantity(quantity.name, quantity.symbol, "mm h-1", quantity.long_name)
        return hours * convert(values, water, rate, where)
