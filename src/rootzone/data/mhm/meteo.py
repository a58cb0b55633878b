"""Weather of a folder: header.txt and one NetCDF file for each quantity."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr

from rootzone.core import DataError, Quantity
from rootzone.data.domain import Weather
from rootzone.data.mhm.ascii_grids import header_line, read_header
from rootzone.data.mhm.netcdf import open_netcdf
from rootzone.data.mhm.setup_reader import Choices
from rootzone.data.mhm.time_axis import period_slice, read_times, step_hours
from rootzone.data.rasters import Grid, coarse_mask

QUANTITIES = {
    q.name: q
    for q in (
        Quantity("pre", "P", "mm", "precipitation", (0.0, 2000.0)),
        Quantity("tavg", "T", "degC", "mean air temperature", (-100.0, 100.0)),
        Quantity("pet", "PET", "mm", "potential evapotranspiration", (0.0, 1000.0)),
        Quantity("tmin", "T_min", "degC", "lowest air temperature", (-100.0, 100.0)),
        Quantity("tmax", "T_max", "degC", "highest air temperature", (-100.0, 100.0)),
        Quantity("net_rad", "R_n", "W m-2", "net radiation", (-500.0, 1500.0)),
        Quantity("eabs", "e_a", "Pa", "vapor pressure", (0.0, 15000.0)),
        Quantity("windspeed", "u", "m s-1", "wind speed", (0.0, 250.0)),
    )
}
"""Weather by the names of mHM; the bounds are those that mHM insists on."""
_WEIGHTED = ("pre", "tavg", "pet")


def read_weather_grid(path: Path, level0: Grid) -> Grid:
    """Return the grid of the weather from header.txt.

    Corners as mHM 5.13.4 computes them (exchanged overhangs) are accepted as well as the right
    ones.

    Raises
    ------
    DataError
        If it does not nest on the maps, or does not start at their north-west corner.
    """
    given, _ = read_header(path)
    try:
        grid = level0.coarsened(given.cellsize)
    except DataError as error:
        raise DataError(f"{path}, line 5: weather on the maps: {error}") from None
    different = given.differences(grid)
    if different and given.differences(grid.as_mhm_prints(level0)):
        raise DataError(
            f"{path}{header_line(different[0])}: the weather grid does not fit the maps: "
            f"{', '.join(different)}, counted in blocks from the north-west corner of dem.asc"
        )
    return grid


def read_weather(choices: Choices, level0: Grid, mask: np.ndarray) -> tuple[Grid, Weather]:
    """Read the weather that the process cases need, cut to the run.

    Parameters
    ----------
    choices : Choices
        Set-up and paths.
    level0 : Grid
        Grid of the maps.
    mask : array (row, column) of bool
        Active cells of the maps.

    Returns
    -------
    Grid, Weather
        Level 2 and its fields.

    Raises
    ------
    DataError
        For a grid that does not nest, another calendar, gaps, a period that is not covered,
        missing or impossible values: file, date, cell.
    """
    setup, paths = choices.setup, choices.paths
    grid = read_weather_grid(paths.header, level0)
    active = coarse_mask(mask, level0, grid)
    fields, steps = {}, {}
    for name, folder in paths.weather.items():
        fields[name], steps[name] = _read_field(folder / f"{name}.nc", name, grid, active, choices)
    hours = steps["pre"]
    for name, step in steps.items():
        if step != hours:
            raise DataError(
                f"{paths.weather[name] / name}.nc: steps of {step} h, pre.nc has {hours} h: one "
                "step for all is wanted"
            )
    if hours == 1 and setup.cases.pet > 0:
        raise DataError(
            f"{paths.weather['pre'] / 'pre.nc'}: hourly weather, but processCase(5) = "
            f"{setup.cases.pet} computes potential evapotranspiration from daily values"
        )
    if hours == 1 and setup.time_step == 24:
        raise DataError(f"{paths.namelist}: timestep = 24, but the weather is hourly: 1 is wanted")
    weights = {}
    if choices.weather_weights:
        for name in _WEIGHTED:
            if name not in paths.weights:
                raise DataError(
                    f"{choices.places['weather_weights']}: read_meteo_weights = .TRUE. wants the "
                    f"folder of {name}_weight.nc, which &directories_mHM does not give"
                )
            path = paths.weights[name] / f"{name}_weight.nc"
            weights[name] = _read_weights(path, f"{name}_weight", grid, active)
    return grid, Weather(setup.start_day.astype("datetime64[h]"), hours, fields, weights)


def _read_field(
    path: Path, name: str, grid: Grid, active: np.ndarray, choices: Choices
) -> tuple[np.ndarray, int]:
    setup, quantity = choices.setup, QUANTITIES[name]
    if not choices.weather_bounds:
        quantity = replace(quantity, bounds=(-np.inf, np.inf))
    with open_netcdf(path, decode_times=False) as data:
        if name not in data:
            found = ", ".join(map(str, data.data_vars)) or "none"
            raise DataError(f"{path}: no variable '{name}', found: {found}")
        field = data[name]
        if field.ndim != 3 or field.shape[1:] != grid.shape:
            raise DataError(
                f"{path}: {name} has the shape {field.shape}, (time, {grid.nrows} rows, "
                f"{grid.ncols} columns) is wanted as header.txt says"
            )
        require_northern_start(field, grid, path)
        times = read_times(data, path)
        hours = step_hours(times, path)
        part = period_slice(times, hours, setup.start_day, setup.days, path)
        values = np.asarray(field[part].values, dtype=float)
    require_plausible(str(path), values, active, grid, times[part], quantity)
    return values, hours


def require_northern_start(field: xr.DataArray, grid: Grid, path: Path) -> None:
    """Raise where the coordinates of the rows say that they run from the south.

    Raises
    ------
    DataError
        If the rows stand upside down.
    """
    rows = field.dims[-2]
    if rows not in field.coords or grid.nrows < 2:
        return
    y = np.asarray(field[rows].values, dtype=float)
    if np.abs(y - grid.y[::-1]).max() < 0.25 * grid.cellsize:
        raise DataError(
            f"{path}: the rows run from the south ({rows} increases); mHM takes them from the "
            "north: turn them over"
        )


def require_plausible(
    source: str,
    values: np.ndarray,
    active: np.ndarray,
    grid: Grid,
    times: np.ndarray,
    quantity: Quantity,
) -> None:
    """Raise for missing or impossible values inside the mask.

    Raises
    ------
    DataError
        Naming source, date and cell, and how many there are.
    """
    name, (low, high) = quantity.name, quantity.bounds
    missing = np.argwhere(np.isnan(values) & active)
    if len(missing):
        i, row, column = missing[0]
        raise DataError(
            f"{source}: {name} has no value on {_date(times, i)} in {grid.cell_name(row, column)} "
            f"({len(missing)} such values): the weather may have no gaps inside the mask"
        )
    with np.errstate(invalid="ignore"):
        outside = np.argwhere(active & ((values < low) | (values > high)))
    if len(outside):
        i, row, column = outside[0]
        raise DataError(
            f"{source}: {name} is {values[i, row, column]:g} {quantity.unit} on {_date(times, i)} "
            f"in {grid.cell_name(row, column)}, {low:g} to {high:g} is wanted ({len(outside)} such "
            "values)"
        )


def _read_weights(path: Path, name: str, grid: Grid, active: np.ndarray) -> np.ndarray:
    with open_netcdf(path, decode_times=False) as data:
        if name not in data:
            raise DataError(f"{path}: no variable '{name}'")
        values = np.asarray(data[name].values, dtype=float)
    if values.shape != (24, 12, *grid.shape):
        raise DataError(
            f"{path}: {name} has the shape {values.shape}, (24 hours, 12 months, {grid.nrows} "
            f"rows, {grid.ncols} columns) is wanted"
        )
    missing = np.argwhere(np.isnan(values) & active)
    if len(missing):
        hour, month, row, column = missing[0]
        raise DataError(
            f"{path}: {name} has no value for hour {hour} of month {month + 1} in "
            f"{grid.cell_name(row, column)}"
        )
    return values


def _date(times: np.ndarray, i: int) -> str:
    return str(times[i].astype("datetime64[m]")).replace("T", " ").removesuffix(" 00:00")
