"""What a catchment study starts from: domain, set-up, parameters, operators, observations."""

import csv
import glob
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from rootzone.config.catchment import (
    CatchmentStudy,
    ChosenCell,
    Counts,
    MapFiles,
    MapsSource,
    MhmFolderSource,
    SyntheticSource,
)
from rootzone.core import DataError, StudyError
from rootzone.data.cells import calendar_of, disaggregation_of, regionalization_of, weather_of
from rootzone.data.domain import Cases, Domain, Scene, SeriesStep, Setup
from rootzone.data.mhm import (
    MhmFolder,
    Observed,
    default_parameters,
    read_folder,
    read_observed_counts,
    read_observed_saturation,
    read_restart,
)
from rootzone.data.mhm.tables import (
    read_geology,
    read_leaf_area,
    read_soil_classes,
    read_soil_profiles,
)
from rootzone.data.plain_domain import PlainMaps, Tables, domain_of_maps, open_map
from rootzone.data.plain_weather import weather_of_dataset
from rootzone.data.synthetic_domain import hills, rail_valley
from rootzone.neutrons.cell_counts import CosmicProfile, DesiletsSchroen2017
from rootzone.neutrons.cell_counts_mhm import CosmicMhm513, DesiletsMhm513
from rootzone.simulate.catchment import Catchment, processes_of_mhm
from rootzone.studies.context import Context
from rootzone.water.cell import MHM_5_13, STANDARD, CellState, EveryStep, OnceADay
from rootzone.water.regionalization import GlobalParameter, ParameterTable

_PRESETS = {"hills": hills, "rail_valley": rail_valley}
_COMPAT = {"mhm-5.13": MHM_5_13, "standard": STANDARD}
_OPERATORS = {
    "desilets_mhm": DesiletsMhm513,
    "cosmic_mhm": CosmicMhm513,
    "desilets_schroen_2017": DesiletsSchroen2017,
    "cosmic": CosmicProfile,
}


class Place(NamedTuple):
    """A cell with a name: where it stands among the active cells."""

    name: str
    cell: int


class Saturation(NamedTuple):
    """Observed degree of saturation of the upper horizons."""

    observed: Observed
    horizons: int
    step: SeriesStep


@dataclass
class Inputs:
    """Everything a run wants.

    Attributes
    ----------
    domain, setup : Domain, Setup
        Maps, weather, choices.
    catchment : Catchment
        The same, compiled.
    table : ParameterTable
        Global parameters.
    values : array (parameter)
        Their values.
    places : list of Place
        Cells whose series are kept.
    state : CellState or None
        States to begin with.
    counts, saturation : Observed, Saturation or None
        Observations.
    """

    domain: Domain
    setup: Setup
    catchment: Catchment
    table: ParameterTable
    values: np.ndarray
    places: list[Place]
    state: CellState | None
    counts: Observed | None
    saturation: Saturation | None


def read_inputs(study: CatchmentStudy, context: Context) -> Inputs:
    """Read and check everything that input can be wrong for."""
    context.progress("reading", 0.0)
    folder = None
    if isinstance(study.source, MhmFolderSource):
        folder = _read_mhm(study.source, context)
        domain, setup = folder.domain, _of_period(folder.setup, study)
    elif isinstance(study.source, SyntheticSource):
        domain, setup = _make_synthetic(study, study.source)
    else:
        domain, setup = _read_maps(study, study.source, context)
    case = study.counts.case(setup.cases.neutrons)
    setup = replace(setup, cases=setup.cases._replace(neutrons=case))
    _require_scenes(domain, setup)
    table = _table(setup.cases, domain, folder)
    values = _values(study, table, context)
    context.progress("regionalizing", 0.05)
    compat = _COMPAT[study.compat]
    with jax.enable_x64(True):  # parameters in double precision whatever the run
        regionalization = regionalization_of(domain, setup, compat=compat)
    model, pet = processes_of_mhm(setup.cases.soil_moisture, setup.cases.pet)
    catchment = Catchment(
        regionalization,
        weather_of(domain, setup),
        calendar_of(domain, setup),
        disaggregation_of(domain, setup),
        model,
        pet,
        _counts(study.counts, case, study.compat),
    )
    context.log.tell(
        f"{domain.name}: {domain.cells} cells of {domain.cellsize1:g} from "
        f"{int(domain.mask.sum())} of {domain.level0.cellsize:g}, {setup.horizons} horizons, "
        f"{setup.first_day} to {setup.last_day} after {setup.warming_days} days of warm-up"
    )
    return Inputs(
        domain,
        setup,
        catchment,
        table,
        values,
        _places(study.results.cells, domain),
        _state(study, folder, domain, setup, context),
        *_observations(folder, domain, setup, context),
    )


# --- the domain -------------------------------------------------------------------------------


def _read_mhm(source: MhmFolderSource, context: Context) -> MhmFolder:
    path = context.base / Path(source.folder).expanduser()
    found = read_folder(
        path, domain=source.domain, namelist=source.namelist, keep_texture=source.keep_texture
    )
    for sentence in found.unsupported:
        context.log.warn(sentence)
    return found


def _day(day: date) -> np.datetime64:
    return np.datetime64(day.isoformat(), "D")


def _of_period(setup: Setup, study: CatchmentStudy) -> Setup:
    """Return a set-up with the period of the study where it gives one."""
    p = study.period
    changes: dict[str, Any] = {}
    if p.start is not None:
        changes["first_day"] = _day(p.start)
    if p.end is not None:
        changes["last_day"] = _day(p.end)
    if p.warm_up_days is not None:
        changes["warming_days"] = p.warm_up_days
    changed = replace(setup, **changes)
    if changed.last_day < changed.first_day:
        raise StudyError(
            f"the period ends on {changed.last_day}, before its start on {changed.first_day}"
        )
    return changed


def _make_synthetic(study: CatchmentStudy, source: SyntheticSource) -> tuple[Domain, Setup]:
    size = {} if source.cell_size is None else {"cellsize1": source.cell_size}
    domain = _PRESETS[source.preset](
        study.seed, start=source.start.isoformat(), days=source.days, **size
    )
    warming = study.period.warm_up_days or 0
    first, last = domain.weather.times.astype("datetime64[D]")[[0, -1]]
    setup = _setup_of(source, study.counts, first + warming, last, warming)
    return domain, _of_period(setup, study)


def _setup_of(
    source: SyntheticSource | MapsSource, counts: Counts, first: Any, last: Any, warming: int
) -> Setup:
    choices = source.model
    maps = len(source.soil.files) > 1 if isinstance(source, MapsSource) else False
    return Setup(
        cases=Cases(*choices.cases(counts.case(1))),
        first_day=first,
        last_day=last,
        warming_days=warming,
        horizon_depths=tuple(choices.horizon_depths),
        soil_maps=int(maps),
        tillage_depth=choices.tillage_depth,
        sealed_city_fraction=choices.sealed_city_fraction,
        time_step=24 if choices.step == "day" else 1,
    )


def _read_maps(study: CatchmentStudy, source: MapsSource, context: Context) -> tuple[Domain, Setup]:
    p = study.period
    if p.start is None or p.end is None:
        raise StudyError("period: maps want start and end, no folder gives them")
    setup = _setup_of(source, study.counts, _day(p.start), _day(p.end), p.warm_up_days or 0)

    def path(name: str) -> Path:
        return context.base / Path(name).expanduser()

    def one(given: MapFiles) -> Any:
        if len(given.files) != 1:
            raise StudyError(f"{given.files[0]} and {len(given.files) - 1} more: one map wanted")
        return open_map(path(given.files[0]), variable=given.variable, band=given.band)

    def several(given: MapFiles | None) -> list[Any]:
        if given is None:
            return []
        return [open_map(path(f), variable=given.variable, band=given.band) for f in given.files]

    dem = one(source.dem)
    soils = several(source.soil)
    if setup.soil_maps and len(soils) != setup.horizons:
        raise StudyError(
            f"source.soil has {len(soils)} maps, horizon_depths has {setup.horizons}: one map, or "
            "one for each horizon"
        )
    read_soils = read_soil_classes if setup.soil_maps else read_soil_profiles
    tables = Tables(
        read_soils(path(source.soil_table.path)),
        read_geology(path(source.geology_table.path)),
        None if source.lai_table is None else read_leaf_area(path(source.lai_table.path)),
    )
    optional = {
        name: one(given)
        for name in ("slope", "aspect", "lai_class")
        if (given := getattr(source, name)) is not None
    }
    maps = PlainMaps(
        dem=dem,
        soil=soils,
        geology=one(source.geology),
        land_cover=[
            (Scene(c.first_year, c.last_year, c.files[0]), one(c)) for c in source.land_cover
        ],
        lai=several(source.lai),
        **optional,
    )
    with _open_weather(source.weather.files, context.base) as data:
        weather = weather_of_dataset(
            data,
            dem,
            setup.start_day,
            setup.days,
            names=source.weather_variables or None,
            source=", ".join(source.weather.files),
        )
    domain = domain_of_maps(
        maps,
        tables,
        weather,
        cellsize1=source.cell_size,
        latitude=source.latitude,
        longitude=source.longitude,
        name=study.title or "catchment",
    )
    return domain, setup


def _open_weather(files: Sequence[str], base: Path) -> xr.Dataset:
    parts = []
    for name in files:
        found = sorted(glob.glob(str(base / Path(name).expanduser())))  # noqa: PTH207 (may be absolute)
        if not found:
            raise DataError(f"{base / name}: there is no such file")
        for path in found:
            try:
                parts.append(xr.open_dataset(path, engine="h5netcdf"))
            except (OSError, ValueError) as error:
                raise DataError(f"{path}: cannot be read as NetCDF ({error})") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        try:
            return xr.combine_by_coords(parts, combine_attrs="override")  # pyright: ignore
        except ValueError as error:
            raise DataError(f"{', '.join(files)}: do not fit together ({error})") from None


def _require_scenes(domain: Domain, setup: Setup) -> None:
    years = range(
        int(setup.start_day.astype("datetime64[Y]").astype(int)) + 1970,
        int(setup.last_day.astype("datetime64[Y]").astype(int)) + 1971,
    )
    covered = {y for s in domain.scenes for y in range(s.first_year, s.last_year + 1)}
    missing = [y for y in years if y not in covered]
    if missing:
        known = ", ".join(f"{s.first_year} to {s.last_year}" for s in domain.scenes)
        raise DataError(
            f"no land-cover scene for {', '.join(map(str, missing))}: the scenes stand for "
            f"{known}, "
            "the whole run with its warm-up is wanted"
        )


# --- parameters and operators -----------------------------------------------------------------


def _table(cases: Cases, domain: Domain, folder: MhmFolder | None) -> ParameterTable:
    """Return the parameters of the cases, with what the folder says of them."""
    table = default_parameters(cases, len(domain.geology_table.unit))
    if folder is None:
        return table
    known = {p.name: _row(p) for p in folder.parameters.parameters if p.name in table.names}
    return table.changed(known)


def _row(p: GlobalParameter) -> dict[str, Any]:
    return {
        "lower": p.lower,
        "upper": p.upper,
        "default": p.default,
        "calibrated": p.calibrated,
    }


def _values(study: CatchmentStudy, table: ParameterTable, context: Context) -> np.ndarray:
    """Return the values of the study: folder or defaults, then the table, then single values."""
    chosen: dict[str, float] = {}
    given = study.parameters
    if given.table is not None:
        chosen |= _read_values(context.base / Path(given.table.path).expanduser(), table)
    for name in given.values:
        try:
            table[name]
        except StudyError as error:
            raise StudyError(f"parameters.values: {error}") from None
    chosen |= given.values
    outside = table.outside(chosen)
    if outside and not given.beyond_bounds:
        raise StudyError(f"parameters: {outside[0]}; parameters.beyond_bounds: true accepts it")
    for sentence in outside:
        context.log.warn(f"parameter {sentence}")
    values = table.default.copy()
    for name, value in chosen.items():
        values[table.names.index(name)] = value
    return values


def _read_values(path: Path, table: ParameterTable) -> Mapping[str, float]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if not {"name", "value"} <= set(reader.fieldnames or ()):
                raise DataError(f"{path}, line 1: the columns name and value are wanted")
            found: dict[str, float] = {}
            for row in reader:
                where = f"{path}, line {reader.line_num}"
                name = (row["name"] or "").strip()
                try:
                    table[name]
                    found[name] = float(row["value"])
                except StudyError as error:
                    raise DataError(f"{where}: {error}") from None
                except (TypeError, ValueError):
                    raise DataError(
                        f"{where}: the value of {name} is {row['value']!r}, a number is wanted"
                    ) from None
                if not np.isfinite(found[name]):
                    raise DataError(f"{where}: the value of {name} is not finite")
            return found
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None


def _counts(counts: Counts, case: int, compat: str) -> EveryStep | OnceADay | None:
    if case == 0:
        return None
    name = counts.operator
    if name == "as_folder":
        own = ("desilets_mhm", "cosmic_mhm")
        better = ("desilets_schroen_2017", "cosmic")
        name = (own if compat == "mhm-5.13" else better)[case - 1]
    operator = _OPERATORS[name]()
    return EveryStep(operator) if counts.when == "every_step" else OnceADay(operator)


# --- cells, states, observations --------------------------------------------------------------


def _places(chosen: Sequence[ChosenCell], domain: Domain) -> list[Place]:
    """Return the positions of the cells chosen by row and column, or by coordinates."""
    grid, mask = domain.level1, domain.mask1
    number = np.cumsum(mask.ravel()).reshape(mask.shape) - 1
    found = []
    for cell in chosen:
        if cell.row is not None and cell.column is not None:
            row, column = cell.row - 1, cell.column - 1
        else:
            assert cell.x is not None
            assert cell.y is not None
            row = int(np.floor((grid.north - cell.y) / grid.cellsize))
            column = int(np.floor((cell.x - grid.xll) / grid.cellsize))
        inside = 0 <= row < grid.nrows and 0 <= column < grid.ncols
        if not inside or not mask[row, column]:
            where = grid.cell_name(row, column) if inside else f"row {row + 1}, column {column + 1}"
            raise StudyError(f"results.cells: '{cell.name}' lies outside the catchment ({where})")
        found.append(Place(cell.name, int(number[row, column])))
    return found


def _state(
    study: CatchmentStudy,
    folder: MhmFolder | None,
    domain: Domain,
    setup: Setup,
    context: Context,
) -> CellState | None:
    path = None if folder is None else folder.paths.restart_in
    if study.restart is not None:
        path = context.base / Path(study.restart.path).expanduser()
    if path is None:
        return None
    found = read_restart(path)
    if found.mask.shape != domain.mask1.shape or not np.array_equal(found.mask, domain.mask1):
        raise DataError(f"{path}: its cells are not those of the domain")
    if found.state is None:
        raise DataError(f"{path}: holds no states, a restart file with states is wanted")
    horizons = np.shape(found.state.soil_moisture)[0]
    if horizons != setup.horizons:
        raise DataError(f"{path}: has {horizons} horizons, the run has {setup.horizons}")
    if found.day is not None and found.day != setup.start_day:
        context.log.warn(
            f"the states of {path} are of {found.day}, the run begins on {setup.start_day}"
        )
    context.log.tell(f"states from {path}; parameters are those of this study, not of that file")
    return found.state


def _observations(
    folder: MhmFolder | None, domain: Domain, setup: Setup, context: Context
) -> tuple[Observed | None, Saturation | None]:
    """Return observed counts and saturation where the folder has the files."""
    if folder is None:
        return None, None
    counts = saturation = None
    path = _file(folder.paths.neutrons, "neutrons.nc")
    if path is not None and setup.cases.neutrons:
        counts = read_observed_counts(path, domain, setup)
        context.log.tell(f"observed counts from {path}")
    path = _file(folder.paths.soil_moisture, "sm.nc")
    if path is not None:
        observed = read_observed_saturation(path, domain, setup, folder.sm_step)
        saturation = Saturation(observed, folder.sm_horizons, folder.sm_step)
        context.log.tell(f"observed degree of saturation from {path}")
    return counts, saturation


def _file(path: Path | None, name: str) -> Path | None:
    if path is None:
        return None
    path = path / name if path.suffix != ".nc" else path
    return path if path.is_file() else None
