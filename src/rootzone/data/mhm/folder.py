"""An existing mHM folder: read whole, checked, in the terms of this package."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rootzone.core import DataError
from rootzone.data.domain import Domain, GeologyTable, LaiTable, SeriesStep, Setup
from rootzone.data.line_file import read_line
from rootzone.data.mhm.maps import (
    RasterMap,
    as_classes,
    read_map,
    require_header,
    require_range,
    require_whole,
)
from rootzone.data.mhm.meteo import read_weather
from rootzone.data.mhm.netcdf import open_netcdf
from rootzone.data.mhm.output_names import OutputChoices, read_output_choices
from rootzone.data.mhm.parameters import read_parameters
from rootzone.data.mhm.setup_reader import Choices, Paths, read_choices
from rootzone.data.mhm.tables import (
    read_geology,
    read_leaf_area,
    read_soil_classes,
    read_soil_profiles,
)
from rootzone.data.mhm.time_axis import read_times, series_period
from rootzone.data.rasters import Grid
from rootzone.water.regionalization.parameters import ParameterTable
from rootzone.water.regionalization.soil_database import HorizonDatabase, ProfileDatabase

LEAF_AREA_RANGE = (1e-10, 30.0)
_COVERS = (1, 2, 3)


@dataclass(frozen=True)
class MhmFolder:
    """What an mHM folder holds.

    Attributes
    ----------
    domain : Domain
        Maps, tables, weather.
    setup : Setup
        Process cases, period, horizons.
    parameters : ParameterTable
        Global parameters of the chosen processes with the bounds, values and flags of the file.
    outputs : OutputChoices
        What mhm_outputs.nml asks for.
    paths : Paths
        Where the files lie (restart files and observations among them).
    sm_horizons : int
        Horizons that ``sm.nc`` stands for.
    sm_step : SeriesStep
        Steps of ``sm.nc``.
    unsupported : tuple of str
        A sentence for each option that has no effect here, or another one than in mHM: routing,
        river temperature, ...
    """

    domain: Domain
    setup: Setup
    parameters: ParameterTable
    outputs: OutputChoices
    paths: Paths
    sm_horizons: int
    sm_step: SeriesStep
    unsupported: tuple[str, ...]


def read_folder(
    folder: Path,
    *,
    domain: int = 1,
    namelist: str = "mhm.nml",
    keep_texture: bool = False,
    adapt: Callable[[Setup], Setup] | None = None,
) -> MhmFolder:
    """Read a folder that mHM 5.13 runs on.

    Parameters
    ----------
    folder : Path
        Folder that mHM is started in.
    domain : int
        Which domain of the namelist, from 1.
    namelist : str
        Name of the main namelist.
    keep_texture : bool
        Whether soils with clay and sand above 100 % are accepted (mHM does).
    adapt : callable, optional
        Changes the set-up of the namelist before weather and parameters are read, for instance
        its period.

    Returns
    -------
    MhmFolder
        Domain, set-up, parameters.

    Raises
    ------
    DataError
        For anything that cannot be right; the message names file, line and cell, and says what
        is wanted.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder")
    choices = read_choices(folder, domain=domain, namelist=namelist)
    if adapt is not None:
        choices = replace(choices, setup=adapt(choices.setup))
    read = _read_domain(choices, folder, keep_texture)
    units = len(read.geology_table.unit)
    return MhmFolder(
        read,
        choices.setup,
        read_parameters(choices.paths.parameters, choices.setup.cases, units),
        read_output_choices(choices.paths.outputs),
        choices.paths,
        choices.sm_horizons,
        choices.sm_step,
        choices.unsupported,
    )


def _read_domain(choices: Choices, folder: Path, keep_texture: bool) -> Domain:
    soils, geology, leaves = _read_tables(choices, keep_texture)
    maps = _Maps(choices)
    level1 = _model_grid(choices, maps)
    level2, weather = read_weather(choices, maps.grid, maps.mask)
    line = folder / "line.csv"
    return Domain(
        level0=maps.grid,
        cellsize1=choices.cellsize1,
        level2=level2,
        dem=maps.dem.values,
        slope=maps.real("slope", 0.0, np.inf, "%"),
        # flat cells have the aspect -1 in many data sets
        aspect=maps.real("aspect", -1.0, 360.0, "degrees"),
        soil=maps.soil(soils, choices.setup),
        geology=maps.classes("geology_class", geology.unit, "geology_classdefinition.txt"),
        land_cover=np.stack([maps.land_cover(scene.name) for scene in choices.scenes]),
        scenes=choices.scenes,
        lai_class=None
        if leaves is None
        else maps.classes("LAI_class", leaves.unit, "LAI_classdefinition.txt"),
        lai=None if choices.lai_step is None else _read_lai(choices, maps.grid, maps.mask),
        lai_step=choices.lai_step or SeriesStep.CLIMATE,
        soils=soils,
        geology_table=geology,
        lai_table=leaves,
        weather=weather,
        name=choices.title or folder.resolve().name,
        geographic=choices.geographic,
        line=read_line(line) if line.is_file() else None,
        **_read_latlon(choices.paths.latlon, maps.grid, level1),
    )


def _read_tables(
    choices: Choices, keep_texture: bool
) -> tuple[ProfileDatabase | HorizonDatabase, GeologyTable, LaiTable | None]:
    folder = choices.paths.tables
    soils: ProfileDatabase | HorizonDatabase
    if choices.setup.soil_maps == 0:
        path = folder / "soil_classdefinition.txt"
        soils = read_soil_profiles(path, keep_texture=keep_texture)
        _require_depths(soils, choices.setup, path)
    else:
        path = folder / "soil_classdefinition_iFlag_soilDB_1.txt"
        soils = read_soil_classes(path, keep_texture=keep_texture)
    geology = read_geology(folder / "geology_classdefinition.txt")
    leaves = None
    if choices.lai_step is None:
        leaves = read_leaf_area(folder / "LAI_classdefinition.txt")
    return soils, geology, leaves


def _require_depths(soils: ProfileDatabase, setup: Setup, path: Path) -> None:
    ends = [(soils.lower[soils.soil == soil].max(), soil) for soil in np.unique(soils.soil)]
    end, soil = min(ends)
    deepest = max(setup.horizon_depths, default=0.0)
    if deepest >= end:
        raise DataError(
            f"{path}: soil type {soil} ends at {end:g} mm, the horizons of mhm.nml reach to "
            f"{deepest:g} mm: the last one must begin above the end of every soil"
        )
    if setup.tillage_depth > end:
        raise DataError(
            f"{path}: soil type {soil} ends at {end:g} mm, above the tillageDepth of "
            f"{setup.tillage_depth:g} mm in mhm.nml"
        )


def _model_grid(choices: Choices, maps: "_Maps") -> Grid:
    try:
        return maps.grid.coarsened(choices.cellsize1)
    except DataError as error:
        raise DataError(
            f"{choices.places['cellsize1']}: resolution_Hydrology on {maps.dem.path}: {error}"
        ) from None


class _Maps:
    """Maps of level 0; the elevation gives grid and mask."""

    def __init__(self, choices: Choices):
        self._folder = choices.paths.morphology
        self._cover = choices.paths.land_cover
        self.dem = read_map(self._folder / "dem.asc")
        self.grid = self.dem.grid
        self.mask = ~np.isnan(self.dem.values)
        if not self.mask.any():
            raise DataError(f"{self.dem.path}: no cell has an elevation")

    def _read(self, path: Path) -> RasterMap:
        found = read_map(path)
        require_header(found, self.dem)
        require_whole(found, self.mask, self.dem.path)
        return found

    def real(self, name: str, low: float, high: float, unit: str) -> np.ndarray:
        found = self._read(self._folder / f"{name}.asc")
        require_range(found, self.mask, low, high, unit)
        return np.where(self.mask, found.values, np.nan)

    def classes(self, name: str, known: np.ndarray, table: str) -> np.ndarray:
        found = self._read(self._folder / f"{name}.asc")
        return as_classes(found, self.mask, known.tolist(), table)

    def soil(self, soils: ProfileDatabase | HorizonDatabase, setup: Setup) -> np.ndarray:
        known = np.unique(soils.soil)
        if setup.soil_maps == 0:
            return self.classes("soil_class", known, "soil_classdefinition.txt")[None]
        names = [f"soil_class_horizon_{i:02d}" for i in range(1, setup.horizons + 1)]
        table = "soil_classdefinition_iFlag_soilDB_1.txt"
        return np.stack([self.classes(name, known, table) for name in names])

    def land_cover(self, name: str) -> np.ndarray:
        found = self._read(self._cover / name)
        return as_classes(found, self.mask, _COVERS, "mHM (1 forest, 2 impervious, 3 pervious)")


def _read_latlon(path: Path, level0: Grid, level1: Grid) -> dict[str, np.ndarray]:
    wanted = {
        "latitude0": ("lat_l0", level0),
        "longitude0": ("lon_l0", level0),
        "latitude1": ("lat", level1),
        "longitude1": ("lon", level1),
    }
    found = {}
    with open_netcdf(path, decode_times=False) as data:
        for own, (name, grid) in wanted.items():
            if name not in data.variables:
                raise DataError(f"{path}: no variable '{name}'")
            values = np.asarray(data[name].values, dtype=float)
            if values.shape != grid.shape:
                raise DataError(
                    f"{path}: {name} has the shape {values.shape}, {grid.shape} (rows, columns) is "
                    f"wanted for cells of {grid.cellsize:g}"
                )
            found[own] = values
    return found


def _read_lai(choices: Choices, grid: Grid, mask: np.ndarray) -> np.ndarray:
    path, step, setup = choices.paths.lai, choices.lai_step, choices.setup
    assert path is not None
    assert step is not None
    with open_netcdf(path, decode_times=False) as data:
        if "lai" not in data:
            raise DataError(f"{path}: no variable 'lai'")
        field = data["lai"]
        if field.ndim != 3 or field.shape[1:] != grid.shape:
            raise DataError(
                f"{path}: lai has the shape {field.shape}, (time, {grid.nrows} rows, "
                f"{grid.ncols} columns) is wanted as in dem.asc"
            )
        if step == SeriesStep.CLIMATE:
            part = slice(0, 12)
            if len(field) != 12:
                raise DataError(f"{path}: {len(field)} steps, 12 months are wanted")
        else:
            times = read_times(data, path)
            part = series_period(times, step, setup.start_day, setup.last_day, path)
        values = np.asarray(field[part].values, dtype=float)
    low, high = LEAF_AREA_RANGE if step != SeriesStep.CLIMATE else (0.0, LEAF_AREA_RANGE[1])
    with np.errstate(invalid="ignore"):
        bad = np.argwhere(mask & ~((values >= low) & (values <= high)))
    if len(bad):
        i, row, column = bad[0]
        raise DataError(
            f"{path}: lai is {values[i, row, column]:g} in step {i + 1} in "
            f"{grid.cell_name(row, column)}, {low:g} to {high:g} is wanted ({len(bad)} such values)"
        )
    return np.where(mask, values, np.nan)
