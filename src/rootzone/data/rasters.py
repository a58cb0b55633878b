"""Regular grids that nest, blocks counted from the north-west corner."""

import math
from dataclasses import dataclass

import numpy as np

from rootzone.core import DataError

_KEYS = ("ncols", "nrows", "xllcorner", "yllcorner", "cellsize")


@dataclass(frozen=True)
class Grid:
    """A regular grid; arrays on it are (row, column), rows from north to south.

    Attributes
    ----------
    ncols, nrows : int
        Columns from the west, rows from the north.
    xll, yll : float
        South-west corner (m, or degrees in a geographic grid).
    cellsize : float
        Side of a cell.
    """

    ncols: int
    nrows: int
    xll: float
    yll: float
    cellsize: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.nrows, self.ncols

    @property
    def x(self) -> np.ndarray:
        """Centers of the columns, west to east."""
        return self.xll + (np.arange(self.ncols) + 0.5) * self.cellsize

    @property
    def y(self) -> np.ndarray:
        """Centers of the rows, north to south."""
        return self.yll + (self.nrows - np.arange(self.nrows) - 0.5) * self.cellsize

    @property
    def north(self) -> float:
        """Northern edge."""
        return self.yll + self.nrows * self.cellsize

    def factor(self, cellsize: float) -> int:
        """Return how many cells of this grid fit along a coarser cell.

        Raises
        ------
        DataError
            If they do not nest: the ratio must be a whole number.
        """
        ratio = cellsize / self.cellsize
        if ratio < 1 - 1e-7 or abs(round(ratio) - ratio) > 1e-7:
            raise DataError(
                f"cells of {cellsize:g} do not nest on cells of {self.cellsize:g}: the coarse "
                f"size must be a whole multiple of the fine one, the ratio is {ratio:g}"
            )
        return round(ratio)

    def coarsened(self, cellsize: float) -> "Grid":
        """Return the coarse grid whose blocks are counted from the north-west corner.

        Blocks at the eastern and southern edge may be incomplete; the grid then reaches beyond.

        Examples
        --------
        >>> Grid(5, 4, 0.0, 0.0, 100.0).coarsened(300.0)
        Grid(ncols=2, nrows=2, xll=0.0, yll=-200.0, cellsize=300.0)
        """
        k = self.factor(cellsize)
        ncols, nrows = math.ceil(self.ncols / k), math.ceil(self.nrows / k)
        return Grid(ncols, nrows, self.xll, self.north - nrows * cellsize, float(cellsize))

    def as_mhm_prints(self, fine: "Grid") -> "Grid":
        """Return this coarse grid with the corner that mHM 5.13.4 computes for it.

        With incomplete blocks mHM exchanges the overhangs of x and y; it compares meteo headers
        with that corner and writes its outputs with it.
        """
        over_x = self.ncols * self.cellsize - fine.ncols * fine.cellsize
        over_y = self.nrows * self.cellsize - fine.nrows * fine.cellsize
        return Grid(self.ncols, self.nrows, fine.xll - over_y, fine.yll - over_x, self.cellsize)

    def differences(self, other: "Grid") -> list[str]:
        """Return what differs, e.g. ``["ncols 10 against 12"]``."""
        mine = (self.ncols, self.nrows, self.xll, self.yll, self.cellsize)
        its = (other.ncols, other.nrows, other.xll, other.yll, other.cellsize)
        return [
            f"{key} {a:.10g} against {b:.10g}"
            for key, a, b in zip(_KEYS, mine, its, strict=True)
            if abs(a - b) > 1e-7 * max(1.0, abs(b))
        ]

    def cell_name(self, row: int, column: int) -> str:
        """Return how errors name a cell: row and column from 1, and its center."""
        x, y = self.x[column], self.y[row]
        return f"row {row + 1}, column {column + 1} (x = {x:.10g}, y = {y:.10g})"


def blocks(fine: Grid, coarse: Grid) -> np.ndarray:
    """Return for every cell of the fine grid the flat index of its coarse cell (row, column)."""
    k = fine.factor(coarse.cellsize)
    rows = np.arange(fine.nrows) // k
    cols = np.arange(fine.ncols) // k
    return rows[:, None] * coarse.ncols + cols[None, :]


def coarse_mask(mask: np.ndarray, fine: Grid, coarse: Grid) -> np.ndarray:
    """Return the coarse cells that hold at least one active fine cell."""
    index = blocks(fine, coarse)
    active = np.zeros(coarse.nrows * coarse.ncols, dtype=bool)
    active[index[mask]] = True
    return active.reshape(coarse.shape)


def slope_and_aspect(dem: np.ndarray, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Return slope [%] and aspect [degrees from north, clockwise] by central differences.

    Slopes below 0.01 % and aspects below 1 degree are raised to these, as mHM does.

    Parameters
    ----------
    dem : array (row, column)
        Elevation [m], without gaps.
    grid : Grid
        Its grid, in meters.
    """
    south, east = np.gradient(dem, grid.cellsize)
    slope = 100.0 * np.hypot(south, east)
    aspect = np.degrees(np.arctan2(-east, south)) % 360.0
    return np.maximum(slope, 0.01), np.maximum(aspect, 1.0)


def geographic_coordinates(
    grid: Grid, center: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return latitude and longitude of the cells around a center, on a sphere."""
    latitude, longitude = center
    meters = 6371000.0 * np.pi / 180.0
    y = grid.y - 0.5 * (grid.y[0] + grid.y[-1])
    x = grid.x - 0.5 * (grid.x[0] + grid.x[-1])
    lat = latitude + y[:, None] / meters + 0.0 * x[None, :]
    lon = longitude + x[None, :] / (meters * np.cos(np.radians(lat)))
    return lat, lon
