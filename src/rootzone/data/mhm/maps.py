"""Maps of level 0 read from a folder: one header for all, no holes, every class in its table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from rootzone.core import DataError
from rootzone.data.domain import MISSING_CLASS
from rootzone.data.mhm.ascii_grids import header_line, read_ascii_grid
from rootzone.data.mhm.netcdf import open_netcdf
from rootzone.data.rasters import Grid


@dataclass(frozen=True)
class RasterMap:
    """A map and the file it came from; ``first_line`` is that of its values in a text file."""

    path: Path
    grid: Grid
    values: np.ndarray
    first_line: int | None = None

    def where(self, row: int, column: int) -> str:
        """Return file, line and cell for the head of an error."""
        line = "" if self.first_line is None else f", line {self.first_line + row}"
        return f"{self.path}{line}: {self.grid.cell_name(row, column)}"


def read_map(path: Path) -> RasterMap:
    """Read a map: the ASCII grid, or the NetCDF file of the same name where there is one.

    Raises
    ------
    DataError
        If the file cannot be read as a grid.
    """
    netcdf = path.with_suffix(".nc")
    if netcdf.is_file():
        return RasterMap(netcdf, *read_netcdf_grid(netcdf))
    return RasterMap(path, *read_ascii_grid(path))


def read_netcdf_grid(path: Path) -> tuple[Grid, np.ndarray]:
    """Return grid and values of the map in a NetCDF file; rows are turned north to south.

    The variable is the only one with two dimensions, or that of the name of the file, or
    ``data``.

    Raises
    ------
    DataError
        If there is no such variable, or its coordinates are not regular with square cells.
    """
    with open_netcdf(path, decode_times=False) as data:
        names = [str(name) for name, v in data.data_vars.items() if v.ndim >= 2]
        chosen = names if len(names) == 1 else [n for n in names if n in (path.stem, "data")]
        if not chosen:
            found = ", ".join(names) or "none"
            raise DataError(
                f"{path}: a map named '{path.stem}' or 'data' is wanted, found: {found}"
            )
        field = data[chosen[0]]
        values = np.asarray(field.values[(0,) * (field.ndim - 2)], dtype=float)
        grid, flipped = grid_of_axes(field, str(path))
    return grid, values[::-1] if flipped else values


def grid_of_axes(field: xr.DataArray, source: str) -> tuple[Grid, bool]:
    """Return the grid of the last two axes (y, x), and whether y runs from south to north.

    Raises
    ------
    DataError
        If an axis has no coordinates or uneven steps, or cells are not square.
    """
    steps, starts = [], []
    for name in field.dims[-2:]:
        axis = np.asarray(field[name].values, dtype=float) if name in field.coords else None
        if axis is None or len(axis) < 2:
            raise DataError(f"{source}: the axis '{name}' needs at least two coordinates")
        step = (axis[-1] - axis[0]) / (len(axis) - 1)
        if step == 0 or np.abs(np.diff(axis) - step).max() > 1e-6 * abs(step):
            raise DataError(
                f"{source}: the axis '{name}' has uneven steps, a regular one is wanted"
            )
        steps.append(step)
        starts.append(axis.min() - 0.5 * abs(step))
    height, width = np.abs(steps)
    if abs(height - width) > 1e-6 * width:
        raise DataError(f"{source}: cells are {width:g} wide and {height:g} high, squares wanted")
    if steps[1] < 0:
        raise DataError(f"{source}: x runs from east to west, west to east is wanted")
    rows, columns = field.shape[-2:]
    size = float(round(width, 9))
    return Grid(columns, rows, float(starts[1]), float(starts[0]), size), steps[0] > 0


def require_header(found: RasterMap, reference: RasterMap) -> None:
    """Raise where the header of a map disagrees with the elevation's.

    Raises
    ------
    DataError
        Naming both files and what differs.
    """
    different = found.grid.differences(reference.grid)
    if different:
        line = "" if found.first_line is None else header_line(different[0])
        raise DataError(
            f"{found.path}{line}: the header disagrees with {reference.path}: "
            f"{', '.join(different)}"
        )


def require_whole(found: RasterMap, mask: np.ndarray, reference: Path) -> None:
    """Raise for a cell without value inside the mask.

    Raises
    ------
    DataError
        Naming file, line, cell, and how many there are.
    """
    holes = np.argwhere(mask & np.isnan(found.values))
    if len(holes):
        raise DataError(
            f"{found.where(*holes[0])} has no value, but {reference.name} has one there "
            f"({len(holes)} such cells): fill them, or take them out of {reference.name}"
        )


def as_classes(found: RasterMap, mask: np.ndarray, known: Sequence[int], table: str) -> np.ndarray:
    """Return a class map of whole numbers, -9999 outside the mask.

    Raises
    ------
    DataError
        For values that are no whole numbers or not in the table: file, line, cell.
    """
    inside = np.where(mask, found.values, 0.0)
    broken = np.argwhere(inside != np.round(inside))
    if len(broken):
        row, column = broken[0]
        raise DataError(
            f"{found.where(row, column)} is {found.values[row, column]:g}: classes are whole "
            "numbers"
        )
    classes = np.where(mask, inside, MISSING_CLASS).astype(int)
    unknown = np.argwhere(mask & ~np.isin(classes, known))
    if len(unknown):
        row, column = unknown[0]
        listed = ", ".join(map(str, sorted(known)[:10])) + (", ..." if len(known) > 10 else "")
        raise DataError(
            f"{found.where(row, column)} has class {classes[row, column]}, which {table} does not "
            f"list ({listed}); {len(unknown)} such cells"
        )
    return classes


def require_range(found: RasterMap, mask: np.ndarray, low: float, high: float, unit: str) -> None:
    """Raise for a value outside a range inside the mask.

    Raises
    ------
    DataError
        Naming file, line, cell and value.
    """
    with np.errstate(invalid="ignore"):
        outside = np.argwhere(mask & ~((found.values >= low) & (found.values <= high)))
    if len(outside):
        row, column = outside[0]
        raise DataError(
            f"{found.where(row, column)} is {found.values[row, column]:g} {unit}, {low:g} to "
            f"{high:g} is wanted ({len(outside)} such cells)"
        )
