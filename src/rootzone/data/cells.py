"""From maps to cells: what the models take, as arrays over the active cells of a domain.

Cells are numbered row by row from the north-west, as mHM does.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from scipy.sparse import csr_array

from rootzone.core import DataError
from rootzone.data.domain import Domain, SeriesStep, Setup
from rootzone.data.rasters import Grid, coarse_mask
from rootzone.water.cell import Compat
from rootzone.water.cell.calendar import Calendar
from rootzone.water.cell.compat import STANDARD
from rootzone.water.cell.forcing import AsGiven, DailyStep, DayNight, HourlyWeights
from rootzone.water.cell.forcing import Weather as CellWeather
from rootzone.water.regionalization import (
    Geology,
    LeafAreaTable,
    Maps,
    Processes,
    ProfileDatabase,
    Regionalization,
    SoilLayers,
    nested_cells,
    prepare,
)

_NAMES = {
    "pre": "precipitation",
    "tavg": "temperature",
    "pet": "pet",
    "tmin": "temperature_min",
    "tmax": "temperature_max",
    "net_rad": "net_radiation",
    "eabs": "vapor_pressure",
    "windspeed": "wind_speed",
}


def cell_of(domain: Domain) -> np.ndarray:
    """Return the index of the model cell of each active fine cell."""
    k = domain.level0.factor(domain.cellsize1)
    return nested_cells(domain.mask, k)[0]


def maps_of(domain: Domain) -> Maps:
    """Return the active fine cells as regionalization wants them."""
    mask = domain.mask
    rows, columns = np.nonzero(mask)
    soil = domain.soil[:, mask]
    return Maps(
        cell_of=cell_of(domain),
        soil=soil[0] if isinstance(domain.soils, ProfileDatabase) else soil,
        land_cover=domain.land_cover[:, mask],
        geology=domain.geology[mask],
        slope=domain.slope[mask],
        # flat cells are -1 in many data sets
        aspect=np.maximum(domain.aspect[mask], 0.0),
        latitude=domain.latitude0[mask],
        lai_class=None if domain.lai_class is None else domain.lai_class[mask],
        lai=None if domain.lai is None else domain.lai[:, mask],
        cell_latitude=domain.latitude1[domain.mask1],
        name_cell=lambda i: domain.level0.cell_name(int(rows[i]), int(columns[i])),
    )


def regionalization_of(
    domain: Domain, setup: Setup, *, compat: Compat = STANDARD
) -> Regionalization:
    """Return the regionalization of a domain with the process cases of a set-up.

    Raises
    ------
    DataError, StudyError
        If maps, tables and depths do not fit together.
    """
    leaves, geology = domain.lai_table, domain.geology_table
    return prepare(
        maps_of(domain),
        soil=domain.soils,
        geology=Geology(geology.unit, geology.karstic),
        layers=SoilLayers(setup.horizon_depths, setup.tillage_depth),
        processes=Processes.of_mhm(*setup.cases),
        leaf_area=None if leaves is None else LeafAreaTable(leaves.unit, leaves.values),
        sealed_city_fraction=setup.sealed_city_fraction,
        evap_coefficient=setup.evap_coefficient,
        compat=compat,
    )


def weather_of(domain: Domain, setup: Setup) -> CellWeather:
    """Return the weather of a run, arrays (day, cell), hourly ones (day, hour, cell).

    Weather cells that are finer than model cells are averaged (the active ones), coarser ones
    are repeated, as mHM does.

    Raises
    ------
    DataError
        If the grids of weather and model do not nest, or the weather does not cover the run.
    """
    transfer = _transfer(domain)
    weather, fields = domain.weather, {}
    offset = int((setup.start_day.astype("datetime64[h]") - weather.start).astype(int))
    first, count = offset // weather.hours, setup.days * 24 // weather.hours
    if offset < 0 or offset % weather.hours or first + count > weather.steps:
        days = weather.times[[0, -1]].astype("datetime64[D]")
        raise DataError(
            f"the weather covers {days[0]} to {days[1]}, the run with its warm-up needs "
            f"{setup.start_day} to {setup.last_day}"
        )
    for name, values in weather.fields.items():
        cells = transfer(values[first : first + count])
        if weather.hours == 1:
            cells = cells.reshape(-1, 24, cells.shape[-1])
        fields[_NAMES[name]] = cells
    return CellWeather(**fields)


def calendar_of(domain: Domain, setup: Setup) -> Calendar:
    """Return months, leaf steps and land-cover scenes of the days of a run."""
    scene_of_year = {
        year: number
        for number, scene in enumerate(domain.scenes)
        for year in range(scene.first_year, scene.last_year + 1)
    }
    return Calendar.of(
        setup.start_day,
        setup.days,
        scene_of_year=scene_of_year,
        leaf_step=_leaf_steps(domain, setup),
    )


def disaggregation_of(
    domain: Domain, setup: Setup
) -> DayNight | HourlyWeights | AsGiven | DailyStep:
    """Return how a day is shared out to its steps, as the set-up and the weather say."""
    if domain.weather.hours == 1:
        return AsGiven(24)
    if setup.time_step == 24:
        return DailyStep()
    if domain.weather.weights:
        transfer = _transfer(domain)
        given = domain.weather.weights.items()
        weights = {n: jnp.asarray(np.swapaxes(transfer(w), 0, 1)) for n, w in given}
        return HourlyWeights(weights["pre"], weights["tavg"], weights["pet"])
    tables = (setup.night_precipitation, setup.night_pet, setup.night_temperature)
    return DayNight(*(jnp.asarray(table) for table in tables))


def _leaf_steps(domain: Domain, setup: Setup) -> np.ndarray | None:
    """Return the step of a series of leaf area for every day, None for twelve months."""
    if domain.lai is None or domain.lai_step == SeriesStep.CLIMATE:
        return None
    unit = {SeriesStep.DAILY: "D", SeriesStep.MONTHLY: "M", SeriesStep.YEARLY: "Y"}[domain.lai_step]
    days = (setup.start_day + np.arange(setup.days)).astype(f"datetime64[{unit}]")
    return (days - days[0]).astype(int)


def _transfer(domain: Domain) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function that takes weather (..., row, column) to cells (..., cell)."""
    coarse, fine, mask1 = domain.level1, domain.level2, domain.mask1
    if coarse.cellsize < fine.cellsize:
        k = _ratio(coarse, fine)
        rows, columns = np.nonzero(mask1)
        return lambda values: values[..., rows // k, columns // k]
    k = _ratio(fine, coarse)
    active = coarse_mask(domain.mask, domain.level0, fine)
    rows, columns = np.nonzero(active)
    number = np.cumsum(mask1.ravel()) - 1
    target = number[(rows // k) * coarse.ncols + columns // k]
    count, ones = np.bincount(target), np.ones(len(target))
    total = csr_array((ones, (target, np.arange(len(target)))), shape=(len(count), len(target)))

    def average(values: np.ndarray) -> np.ndarray:
        flat = values[..., rows, columns].reshape(-1, len(target))
        return ((total @ flat.T).T / count).reshape(*values.shape[:-2], len(count))

    return average


def _ratio(fine: Grid, coarse: Grid) -> int:
    try:
        return fine.factor(coarse.cellsize)
    except DataError as error:
        raise DataError(f"weather and model grid: {error}") from None
