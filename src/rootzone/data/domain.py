"""A catchment as data: fine maps, class tables, weather, and the choices of a model run.

Level 0 is the fine grid of the maps, level 1 the grid of the model, level 2 that of the weather;
blocks of coarse cells are counted from the north-west corner. Maps are (row, column), rows from
north to south; outside the mask real maps are NaN and class maps are -9999.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from rootzone.data.rasters import Grid, coarse_mask
from rootzone.water.regionalization.soil_database import HorizonDatabase, ProfileDatabase

MISSING_CLASS = -9999


class SeriesStep(IntEnum):
    """Steps of a gridded series, with the numbers that mHM gives them."""

    CLIMATE = 1
    """Twelve months, the same every year."""
    DAILY = -1
    MONTHLY = -2
    YEARLY = -3


_NIGHT_PREC = (0.46, 0.50, 0.52, 0.51, 0.48, 0.50, 0.49, 0.48, 0.52, 0.56, 0.50, 0.47)
_NIGHT_TEMP = (-0.76, -1.30, -1.88, -2.38, -2.72, -2.75, -2.74, -3.04, -2.44, -1.60, -0.94, -0.53)
_PAN = (1.30, 1.20, 0.72, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.50)


class Scene(NamedTuple):
    """A land-cover scene and the years it stands for, both included."""

    first_year: int
    last_year: int
    name: str


@dataclass(frozen=True)
class GeologyTable:
    """Geological units in the order of their parameters: id on the map, karstic or not."""

    unit: np.ndarray
    karstic: np.ndarray
    description: tuple[str, ...]


@dataclass(frozen=True)
class LaiTable:
    """Leaf area index of the classes: id on the map, name, values (class, month)."""

    unit: np.ndarray
    name: tuple[str, ...]
    values: np.ndarray


@dataclass(frozen=True)
class Weather:
    """Gridded weather on level 2.

    Attributes
    ----------
    start : datetime64[h]
        Start of the first interval (UTC).
    hours : int
        Length of an interval: 24 or 1.
    fields : mapping of array (time, row, column)
        ``pre`` [mm], ``tavg``, ``tmin``, ``tmax`` [degC], ``pet`` [mm], ``net_rad`` [W m-2],
        ``eabs`` [Pa], ``windspeed`` [m s-1]: what the run needs.
    weights : mapping of array (hour, month, row, column)
        Hourly weights of ``pre``, ``tavg``, ``pet``; empty where night fractions are used.
    """

    start: np.datetime64
    hours: int
    fields: Mapping[str, np.ndarray]
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """Number of intervals."""
        return len(next(iter(self.fields.values())))

    @property
    def times(self) -> np.ndarray:
        """Starts of the intervals."""
        return self.start.astype("datetime64[h]") + np.arange(self.steps) * np.timedelta64(
            self.hours, "h"
        )


@dataclass(frozen=True)
class Line:
    """A line through model cells: a railway, a road, a flight.

    Attributes
    ----------
    x, y : array (vertex)
        Vertices in the coordinates of the grids.
    cells : array (cell, 2) of int
        Row and column of the model cells that the line touches, in their order.
    labels : tuple of str
        Land cover of these cells.
    number : array (vertex) of int
        Which of the cells each vertex lies in.
    """

    x: np.ndarray
    y: np.ndarray
    cells: np.ndarray
    labels: tuple[str, ...]
    number: np.ndarray

    @property
    def distance(self) -> np.ndarray:
        """Distance of the vertices along the line."""
        steps = np.hypot(np.diff(self.x), np.diff(self.y))
        return np.concatenate([[0.0], np.cumsum(steps)])

    @property
    def length(self) -> float:
        """Length of the line."""
        return float(self.distance[-1])

    def positions(self, mask1: np.ndarray) -> np.ndarray:
        """Return the positions of the line's cells among the active cells of the model."""
        order = np.cumsum(mask1.ravel()).reshape(mask1.shape) - 1
        return order[tuple(self.cells.T)]


@dataclass(frozen=True)
class Domain:
    """Maps, tables and weather of a catchment.

    Attributes
    ----------
    level0, level2 : Grid
        Grids of the maps and of the weather.
    cellsize1 : float
        Cell size of the model grid, a whole multiple of the fine one.
    dem, slope, aspect : array (row, column)
        Elevation [m], slope [%], aspect [degrees from north, clockwise]; NaN outside.
    soil : array (horizon or 1, row, column) of int
        Soil type; one map for all depths, or one for each model horizon.
    geology : array (row, column) of int
        Unit of the geology table.
    land_cover : array (scene, row, column) of int
        1 forest, 2 impervious, 3 pervious.
    lai_class : array (row, column) of int or None
        Unit of the table of leaf area.
    lai : array (step, row, column) or None
        Leaf area where no classes are used.
    lai_step : SeriesStep
        Its steps: 12 months of every year, or a series from the first day of the run.
    geographic : bool
        Whether the grids are in degrees.
    line : Line or None
        A line of measurements through the domain.
    latitude0, longitude0, latitude1, longitude1 : array (row, column)
        Coordinates of the cell centers of level 0 and 1 [degrees].
    """

    level0: Grid
    cellsize1: float
    level2: Grid
    dem: np.ndarray
    slope: np.ndarray
    aspect: np.ndarray
    soil: np.ndarray
    geology: np.ndarray
    land_cover: np.ndarray
    scenes: tuple[Scene, ...]
    lai_class: np.ndarray | None
    lai: np.ndarray | None
    soils: ProfileDatabase | HorizonDatabase
    geology_table: GeologyTable
    lai_table: LaiTable | None
    latitude0: np.ndarray
    longitude0: np.ndarray
    latitude1: np.ndarray
    longitude1: np.ndarray
    weather: Weather
    name: str = "domain"
    geographic: bool = False
    lai_step: SeriesStep = SeriesStep.CLIMATE
    line: Line | None = None

    @property
    def mask(self) -> np.ndarray:
        """Active cells of level 0."""
        return ~np.isnan(self.dem)

    @property
    def level1(self) -> Grid:
        """Grid of the model."""
        return self.level0.coarsened(self.cellsize1)

    @property
    def mask1(self) -> np.ndarray:
        """Active cells of level 1: those that hold an active fine cell."""
        return coarse_mask(self.mask, self.level0, self.level1)

    @property
    def cells(self) -> int:
        """Number of active cells of the model."""
        return int(self.mask1.sum())


class Cases(NamedTuple):
    """Process cases that have a choice, with the numbers that mHM gives them."""

    soil_moisture: int = 1
    """1 Feddes, 2 Jarvis, 3 Jarvis and 4 Feddes with roots that follow field capacity."""
    pet: int = 0
    """-1 given, with leaf area; 0 given, with aspect; 1 Hargreaves; 2 Priestley; 3 Penman."""
    neutrons: int = 1
    """0 none, 1 Desilets, 2 COSMIC."""


@dataclass(frozen=True)
class Setup:
    """Choices of a model run.

    Attributes
    ----------
    cases : Cases
        Process cases.
    first_day, last_day : datetime64[D]
        Period that is evaluated, both included.
    warming_days : int
        Days before it.
    horizon_depths : tuple of float
        Lower depths of the horizons [mm]. With one soil map the last horizon reaches to the end
        of the soil and is not listed.
    soil_maps : int
        0: one soil map; 1: a soil map for each horizon (mHM's ``iFlag_soilDB``).
    tillage_depth : float
        Depth of organic matter [mm].
    sealed_city_fraction : float
        Sealed part of the impervious class.
    time_step : int
        Hours of a model step: 1 or 24.
    night_precipitation, night_pet, night_temperature : tuple of 12 float
        Night fractions of rain and evapotranspiration, night offset of temperature [K].
    evap_coefficient : tuple of 12 float
        Divisors of evapotranspiration over free water.
    """

    cases: Cases
    first_day: np.datetime64
    last_day: np.datetime64
    warming_days: int = 0
    horizon_depths: tuple[float, ...] = (50.0, 250.0, 600.0)
    soil_maps: int = 0
    tillage_depth: float = 200.0
    sealed_city_fraction: float = 0.6
    time_step: int = 1
    night_precipitation: tuple[float, ...] = _NIGHT_PREC
    night_pet: tuple[float, ...] = (0.1,) * 12
    night_temperature: tuple[float, ...] = _NIGHT_TEMP
    evap_coefficient: tuple[float, ...] = _PAN

    @property
    def horizons(self) -> int:
        """Number of soil horizons."""
        return len(self.horizon_depths) + (self.soil_maps == 0)

    @property
    def start_day(self) -> np.datetime64:
        """First day of the run, warm-up included."""
        return self.first_day.astype("datetime64[D]") - np.timedelta64(self.warming_days, "D")

    @property
    def days(self) -> int:
        """Days of the run, warm-up included."""
        return int((self.last_day.astype("datetime64[D]") - self.start_day).astype(int)) + 1
