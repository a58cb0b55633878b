"""A domain from plain maps: xarray, NetCDF, Zarr, GeoTIFF or ASCII grids."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy.ndimage import distance_transform_edt

from rootzone.core import DataError
from rootzone.data.domain import Domain, GeologyTable, LaiTable, Scene, Weather
from rootzone.data.mhm.ascii_grids import read_ascii_grid
from rootzone.data.mhm.maps import (
    RasterMap,
    as_classes,
    grid_of_axes,
    require_header,
    require_range,
    require_whole,
)
from rootzone.data.mhm.netcdf import open_netcdf
from rootzone.data.optional import require_package
from rootzone.data.rasters import Grid, slope_and_aspect
from rootzone.water.regionalization import HorizonDatabase, ProfileDatabase

_NETCDF = (".nc", ".nc4", ".cdf", ".h5")
_TIFF = (".tif", ".tiff")
_COVERS = (1, 2, 3)
_COVER_NAMES = "1 forest, 2 impervious, 3 pervious"


def open_map(path: Path, *, variable: str | None = None, band: int = 1) -> RasterMap:
    """Read a map; the ending of the file says how.

    Parameters
    ----------
    path : Path
        ``.asc``, ``.nc`` (``.nc4``, ``.cdf``, ``.h5``), ``.zarr`` or ``.tif`` (``.tiff``).
    variable : str, optional
        Variable of a NetCDF or Zarr file; the only one with two dimensions where left out.
    band : int
        Band of a GeoTIFF, from 1.

    Returns
    -------
    RasterMap
        Grid and values, rows from north to south, NaN where there is none.

    Raises
    ------
    DataError
        If the file is missing, of another kind, has no such variable, or is no regular grid.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if not path.exists():
        raise DataError(f"{path}: there is no such file")
    if ending == ".asc":
        return RasterMap(path, *read_ascii_grid(path))
    if ending in _TIFF:
        return map_of(_open_tiff(path, band), path)
    if ending in _NETCDF:
        with open_netcdf(path, decode_times=False) as data:
            return map_of(_only_map(data, variable, path), path)
    if ending == ".zarr":
        with xr.open_zarr(path, decode_times=False, consolidated=False) as data:
            return map_of(_only_map(data, variable, path), path)
    raise DataError(
        f"{path}: maps are read from .asc, .nc, .zarr and .tif, the ending '{ending}' is unknown"
    )


def map_of(field: xr.DataArray, source: Path | str = "map") -> RasterMap:
    """Return a DataArray (y, x) as a map; rows are turned north to south.

    Raises
    ------
    DataError
        If it is not two-dimensional, or its coordinates are no regular grid of squares.
    """
    if field.ndim != 2:
        raise DataError(f"{source}: two dimensions (y, x) are wanted, found {field.dims}")
    grid, from_south = grid_of_axes(field, str(source))
    values = np.asarray(field.values, dtype=float)
    return RasterMap(Path(source), grid, values[::-1] if from_south else values)


@dataclass(frozen=True)
class PlainMaps:
    """Maps of one grid.

    Attributes
    ----------
    dem : RasterMap
        Elevation [m]; where it has no value, the domain ends.
    soil : sequence of RasterMap
        One map of soil types, or one for each model horizon.
    geology : RasterMap
        Geological units.
    land_cover : sequence of (Scene, RasterMap)
        Classes 1 forest, 2 impervious, 3 pervious, and the years they stand for.
    slope, aspect : RasterMap, optional
        Slope [%] and aspect [degrees]; from the elevation where left out.
    lai_class : RasterMap, optional
        Classes of leaf area.
    lai : sequence of 12 RasterMap
        Monthly leaf area instead of classes.
    """

    dem: RasterMap
    soil: Sequence[RasterMap]
    geology: RasterMap
    land_cover: Sequence[tuple[Scene, RasterMap]]
    slope: RasterMap | None = None
    aspect: RasterMap | None = None
    lai_class: RasterMap | None = None
    lai: Sequence[RasterMap] = ()


class Tables(NamedTuple):
    """Class tables: soils, geology, and leaf area where there are classes of it."""

    soils: ProfileDatabase | HorizonDatabase
    geology: GeologyTable
    leaf_area: LaiTable | None = None


def domain_of_maps(
    maps: PlainMaps,
    tables: Tables,
    weather: tuple[Grid, Weather],
    *,
    cellsize1: float,
    latitude: Any,
    longitude: Any,
    name: str = "domain",
    geographic: bool = False,
) -> Domain:
    """Return a domain of plain maps, checked like a folder of mHM.

    Parameters
    ----------
    maps, tables : PlainMaps, Tables
        Maps and what their classes mean.
    weather : (Grid, Weather)
        From `rootzone.data.plain_weather.weather_of_dataset`.
    cellsize1 : float
        Cell size of the model, a whole multiple of the maps'.
    latitude, longitude : float, or (array (row, column) of level 0, the same of level 1)
        Geographic coordinates [degrees]; one number stands for the whole domain.
    name : str
        Name of the domain.
    geographic : bool
        Whether the grids are in degrees.

    Raises
    ------
    DataError
        For grids that do not agree or nest, holes, classes without entry: map, cell, and what is
        wanted.
    """
    dem, checked = maps.dem, _Checked(maps.dem)
    coarse = checked.coarsened(cellsize1)
    slope, aspect = checked.terrain(maps, geographic)
    lai_class, lai = checked.leaf_area(maps, tables.leaf_area)
    coordinates: dict[str, Any] = _coordinates(latitude, "latitude", dem.grid, coarse)
    coordinates |= _coordinates(longitude, "longitude", dem.grid, coarse)
    kinds = np.unique(tables.soils.soil)
    return Domain(
        level0=dem.grid,
        cellsize1=cellsize1,
        level2=weather[0],
        dem=dem.values,
        slope=slope,
        aspect=aspect,
        soil=np.stack([checked.classes(m, kinds, "the soil table") for m in maps.soil]),
        geology=checked.classes(maps.geology, tables.geology.unit, "the geology table"),
        land_cover=np.stack(
            [checked.classes(m, _COVERS, _COVER_NAMES) for _, m in maps.land_cover]
        ),
        scenes=tuple(scene for scene, _ in maps.land_cover),
        lai_class=lai_class,
        lai=lai,
        soils=tables.soils,
        geology_table=tables.geology,
        lai_table=tables.leaf_area,
        weather=weather[1],
        name=name,
        geographic=geographic,
        **coordinates,
    )


class _Checked:
    """Values of maps that fit the elevation."""

    def __init__(self, dem: RasterMap):
        self._dem, self._mask = dem, ~np.isnan(dem.values)
        if not self._mask.any():
            raise DataError(f"{dem.path}: no cell has an elevation")

    def coarsened(self, cellsize: float) -> Grid:
        try:
            return self._dem.grid.coarsened(cellsize)
        except DataError as error:
            raise DataError(f"model cells on {self._dem.path}: {error}") from None

    def classes(self, found: RasterMap, known: Iterable[int], table: str) -> np.ndarray:
        require_header(found, self._dem)
        require_whole(found, self._mask, self._dem.path)
        return as_classes(found, self._mask, [int(k) for k in known], table)

    def real(self, found: RasterMap, low: float, high: float, unit: str) -> np.ndarray:
        require_header(found, self._dem)
        require_whole(found, self._mask, self._dem.path)
        require_range(found, self._mask, low, high, unit)
        return np.where(self._mask, found.values, np.nan)

    def terrain(self, maps: PlainMaps, geographic: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return slope and aspect, from the elevation where they are not given."""
        if maps.slope is not None and maps.aspect is not None:
            slope = self.real(maps.slope, 0.0, np.inf, "%")
            return slope, self.real(maps.aspect, -1.0, 360.0, "degrees")
        slope, aspect = _terrain(self._dem, self._mask, geographic)
        if maps.slope is not None:
            slope = self.real(maps.slope, 0.0, np.inf, "%")
        if maps.aspect is not None:
            aspect = self.real(maps.aspect, -1.0, 360.0, "degrees")
        return slope, aspect

    def leaf_area(
        self, maps: PlainMaps, table: LaiTable | None
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Return classes or values of leaf area."""
        if maps.lai_class is not None and table is not None and not maps.lai:
            return self.classes(maps.lai_class, table.unit, "the table of leaf area"), None
        if maps.lai_class is not None or table is not None or not maps.lai:
            raise DataError("leaf area is wanted once: lai_class with a table, or twelve maps lai")
        if len(maps.lai) != 12:
            raise DataError(f"leaf area wants twelve maps, {len(maps.lai)} given")
        return None, np.stack([self.real(m, 0.0, 30.0, "m2 m-2") for m in maps.lai])


def _terrain(dem: RasterMap, mask: np.ndarray, geographic: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return slope and aspect of the elevation; its edge goes on as its outermost cells."""
    if geographic:
        raise DataError(
            f"{dem.path}: slope and aspect cannot be computed on a grid in degrees: give both"
        )
    nearest = np.asarray(distance_transform_edt(~mask, return_distances=False, return_indices=True))
    filled = dem.values[nearest[0], nearest[1]]
    slope, aspect = slope_and_aspect(filled, dem.grid)
    return np.where(mask, slope, np.nan), np.where(mask, aspect, np.nan)


def _coordinates(given: Any, name: str, fine: Grid, coarse: Grid) -> dict[str, np.ndarray]:
    found = {}
    for i, grid in enumerate((fine, coarse)):
        values = np.full(grid.shape, given) if isinstance(given, int | float) else given[i]
        values = np.asarray(values, dtype=float)
        if values.shape != grid.shape:
            raise DataError(
                f"{name} of level {i} has the shape {values.shape}, {grid.shape} is wanted"
            )
        found[f"{name}{i}"] = values
    return found


def _only_map(data: xr.Dataset, variable: str | None, path: Path) -> xr.DataArray:
    names = [str(n) for n, v in data.data_vars.items() if v.ndim == 2]
    if variable is None and len(names) != 1:
        raise DataError(
            f"{path}: {len(names)} variables have two dimensions ({', '.join(names) or 'none'}): "
            "say which one is the map"
        )
    name = names[0] if variable is None else variable
    if name not in data:
        raise DataError(f"{path}: no variable '{name}', found: {', '.join(map(str, data))}")
    return data[name].load()


def _open_tiff(path: Path, band: int) -> xr.DataArray:
    rioxarray = require_package("rioxarray", path, "give NetCDF or an ASCII grid")
    data = rioxarray.open_rasterio(path, masked=True)
    if not isinstance(data, xr.DataArray) or band not in data["band"].values:
        raise DataError(f"{path}: there is no band {band}")
    return data.sel(band=band, drop=True)
