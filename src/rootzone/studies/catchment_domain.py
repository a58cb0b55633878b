"""The domain of a catchment study: an mHM folder, synthetic, plain maps and weather, or sites."""

import glob
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from rootzone.config.catchment import (
    Counts,
    MapFiles,
    MapsSource,
    MhmFolderSource,
    ModelStudy,
    SitesSource,
    SyntheticSource,
)
from rootzone.core import DataError, StudyError
from rootzone.data.domain import Cases, Domain, Scene, Setup
from rootzone.data.mhm import MhmFolder, read_folder
from rootzone.data.mhm.meteo import QUANTITIES
from rootzone.data.mhm.netcdf import open_netcdf
from rootzone.data.mhm.setup_reader import WEATHER_OF_PET
from rootzone.data.mhm.tables import (
    read_geology,
    read_leaf_area,
    read_soil_classes,
    read_soil_profiles,
)
from rootzone.data.plain_domain import PlainMaps, Tables, domain_of_maps, open_map
from rootzone.data.plain_weather import weather_of_dataset
from rootzone.data.synthetic_domain import hills, rail_valley
from rootzone.studies.context import Context
from rootzone.studies.sites_input import Sites, read_sites

_PRESETS = {"hills": hills, "rail_valley": rail_valley}


class Read(NamedTuple):
    """Domain and set-up of a study, and the mHM folder or the sites they come from."""

    domain: Domain
    setup: Setup
    folder: MhmFolder | None = None
    sites: Sites | None = None


def read_domain(study: ModelStudy, context: Context) -> Read:
    """Return domain and set-up of a study, and what they come from.

    Raises
    ------
    DataError, StudyError
        For anything in maps, tables, weather and period that cannot be right.
    """
    folder = sites = None
    if isinstance(study.source, MhmFolderSource):
        folder = _read_mhm(study, study.source, context)
        domain, setup = folder.domain, folder.setup
    elif isinstance(study.source, SyntheticSource):
        domain, setup = _make_synthetic(study, study.source)
    elif isinstance(study.source, SitesSource):
        sites = read_sites(study.source, context)
        setup = setup_of_sites(study, study.source, sites)
        domain = sites.domain(setup, study.title or "sites")
    else:
        domain, setup = _read_maps(study, study.source, context)
    _require_scenes(domain, setup)
    return Read(domain, setup, folder, sites)


def _read_mhm(study: ModelStudy, source: MhmFolderSource, context: Context) -> MhmFolder:
    def adapt(setup: Setup) -> Setup:
        case = study.counts.case(setup.cases.neutrons)
        changed = replace(setup, cases=setup.cases._replace(neutrons=case))
        return _of_period(changed, study)

    found = read_folder(
        context.base / Path(source.folder).expanduser(),
        domain=source.domain,
        namelist=source.namelist,
        keep_texture=source.keep_texture,
        adapt=adapt,
    )
    for sentence in found.unsupported:
        context.log.warn(sentence)
    return found


def _day(day: date) -> np.datetime64:
    return np.datetime64(day.isoformat(), "D")


def _of_period(setup: Setup, study: ModelStudy) -> Setup:
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


def _make_synthetic(study: ModelStudy, source: SyntheticSource) -> tuple[Domain, Setup]:
    size = {} if source.cell_size is None else {"cellsize1": source.cell_size}
    domain = _PRESETS[source.preset](
        study.seed, start=source.start.isoformat(), days=source.days, **size
    )
    warming = study.period.warm_up_days or 0
    first, last = domain.weather.times.astype("datetime64[D]")[[0, -1]]
    setup = _setup_of(source, study.counts, first + warming, last, warming)
    kept = {name: domain.weather.fields[name] for name in _wanted_weather(setup)}
    domain = replace(domain, weather=replace(domain.weather, fields=kept))
    return domain, _of_period(setup, study)


def _wanted_weather(setup: Setup) -> tuple[str, ...]:
    return ("pre", "tavg", *WEATHER_OF_PET[setup.cases.pet])


def _setup_of(
    source: SyntheticSource | MapsSource | SitesSource,
    counts: Counts,
    first: Any,
    last: Any,
    warming: int,
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


def setup_of_sites(study: ModelStudy, source: SitesSource, sites: Sites) -> Setup:
    """Return the set-up of sites: by default all that is before the period warms up."""
    warming = int((sites.first - sites.start).astype(int))
    setup = _of_period(_setup_of(source, study.counts, sites.first, sites.last, warming), study)
    if study.period.warm_up_days is None:
        before = int((setup.first_day - sites.start).astype(int))
        setup = replace(setup, warming_days=max(before, 0))
    return setup


def _read_maps(study: ModelStudy, source: MapsSource, context: Context) -> tuple[Domain, Setup]:
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
            names=_weather_names(source, data, setup),
            source=", ".join(source.weather.files),
        )
    if weather[1].hours == 1 and (setup.cases.pet > 0 or setup.time_step == 24):
        what = "model.step: day" if setup.time_step == 24 else f"model.pet: {source.model.pet}"
        raise StudyError(f"source.{what} wants daily weather, {source.weather.files[0]} is hourly")
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


def _weather_names(source: MapsSource, data: xr.Dataset, setup: Setup) -> dict[str, str]:
    """Return the variable of each quantity: as the study says, otherwise of its own name."""
    names = {name: name for name in QUANTITIES if name in data} | source.weather_variables
    for name in _wanted_weather(setup):
        if name not in names:
            found = ", ".join(map(str, data.data_vars))
            raise DataError(
                f"{', '.join(source.weather.files)}: no variable '{name}' "
                f"({QUANTITIES[name].long_name}), wanted with pet: {source.model.pet}; found are "
                f"{found}; source.weather_variables tells other names, e.g. {{{name}: NAME}}"
            )
    return {name: names[name] for name in _wanted_weather(setup)}


@contextmanager
def _open_weather(files: Sequence[str], base: Path) -> Iterator[xr.Dataset]:
    paths: list[str] = []
    for name in files:
        found = sorted(glob.glob(str(base / Path(name).expanduser())))  # noqa: PTH207 (may be absolute)
        if not found:
            raise DataError(f"{base / name}: there is no such file")
        paths += found
    if len(paths) == 1:  # read where it is needed only
        with open_netcdf(Path(paths[0])) as data:
            yield data
        return
    parts = []
    for path in paths:
        with open_netcdf(Path(path)) as data:
            parts.append(data.load())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        try:
            together = xr.combine_by_coords(parts, combine_attrs="override")
        except ValueError as error:
            raise DataError(f"{', '.join(files)}: do not fit together ({error})") from None
    assert isinstance(together, xr.Dataset)
    yield together


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
            f"{known}, the whole run with its warm-up is wanted"
        )
