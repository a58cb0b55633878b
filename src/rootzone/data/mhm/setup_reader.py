"""mhm.nml becomes a set-up and the paths of its files; contradictions are named with their line."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rootzone.core import DataError
from rootzone.data.domain import Cases, Scene, SeriesStep, Setup
from rootzone.data.mhm.namelist import Group, Namelist, read_namelist
from rootzone.data.mhm.options import process_cases, require_known_options, unsupported

_WEATHER_FOLDERS = {
    "pre": "dir_Precipitation",
    "tavg": "dir_Temperature",
    "pet": "dir_ReferenceET",
    "tmin": "dir_MinTemperature",
    "tmax": "dir_MaxTemperature",
    "net_rad": "dir_NetRadiation",
    "eabs": "dir_absVapPressure",
    "windspeed": "dir_windspeed",
}
WEATHER_OF_PET = {
    -1: ("pet",),
    0: ("pet",),
    1: ("tmin", "tmax"),
    2: ("net_rad",),
    3: ("net_rad", "eabs", "windspeed"),
}
"""Weather that each case of potential evapotranspiration needs beside precipitation and
temperature."""
MAX_HORIZONS = 10


@dataclass(frozen=True)
class Paths:
    """Where the parts of a folder lie."""

    namelist: Path
    parameters: Path
    outputs: Path
    tables: Path
    morphology: Path
    land_cover: Path
    latlon: Path
    results: Path
    weather: dict[str, Path]
    weights: dict[str, Path]
    header: Path
    lai: Path | None = None
    restart_in: Path | None = None
    restart_out: Path | None = None
    soil_moisture: Path | None = None
    neutrons: Path | None = None


@dataclass(frozen=True)
class Choices:
    """Everything that mhm.nml says.

    Attributes
    ----------
    title : str
        The project, empty where it is not named.
    setup : Setup
        Choices of the run.
    paths : Paths
        Where the files lie.
    scenes : tuple of Scene
        Land-cover scenes.
    cellsize1 : float
        Cell size of the model.
    geographic : bool
        Whether the grids are in degrees.
    lai_step : SeriesStep or None
        Steps of gridded leaf area, None where classes are used.
    weather_weights : bool
        Whether hourly weights are read.
    weather_bounds : bool
        Whether impossible weather is an error (``bound_error``).
    sm_horizons : int
        Horizons that ``sm.nc`` stands for.
    sm_step : SeriesStep
        Steps of ``sm.nc``.
    unsupported : tuple of str
        A sentence for each option that has no effect here, or another one than in mHM.
    places : dict of str
        File and line of ``cellsize1`` and ``weather_weights``, for errors found later.
    """

    title: str
    setup: Setup
    paths: Paths
    scenes: tuple[Scene, ...]
    cellsize1: float
    geographic: bool
    lai_step: SeriesStep | None
    weather_weights: bool
    weather_bounds: bool
    sm_horizons: int
    sm_step: SeriesStep
    unsupported: tuple[str, ...]
    places: dict[str, str]


def read_choices(folder: Path, *, domain: int = 1, namelist: str = "mhm.nml") -> Choices:
    """Read mhm.nml.

    Parameters
    ----------
    folder : Path
        Folder that mHM is started in; paths in the namelist start there.
    domain : int
        Which domain, from 1.
    namelist : str
        Name of the file.

    Returns
    -------
    Choices
        Set-up, paths, scenes.

    Raises
    ------
    DataError
        For unknown or contradictory options: file, line, and what is wanted.
    """
    nml = read_namelist(folder / namelist)
    notes = require_known_options(nml)
    cases = process_cases(nml["processSelection"])
    notes += unsupported(nml, cases)
    main = nml["mainconfig"]
    count = main.integer("nDomains")
    if not 1 <= domain <= count:
        raise DataError(f"{main.where('nDomains')}: domain {domain} of {count} was asked for")
    system = main.integer("iFlag_cordinate_sys")
    if system not in (0, 1):
        raise DataError(
            f"{main.where('iFlag_cordinate_sys')}: iFlag_cordinate_sys = {system}: 0 (metric) or 1 "
            "(degrees) is wanted"
        )
    cellsize1 = main.real("resolution_Hydrology", (domain,))
    if not cellsize1 > 0:
        raise DataError(
            f"{main.where('resolution_Hydrology')}: resolution_Hydrology = {cellsize1:g}: a "
            "positive cell size is wanted"
        )
    setup = _setup(nml, cases, domain)
    scenes = _scenes(nml["LCover"], setup)
    lai_step = _lai_step(nml["LAI_data_information"])
    horizons, sm_step = _soil_moisture(nml, setup)
    title = nml["project_description"].find("project_details")
    return Choices(
        title="" if title is None else title.text,
        setup=setup,
        paths=_paths(nml, folder, domain, cases[5], lai_step),
        scenes=scenes,
        cellsize1=cellsize1,
        geographic=system == 1,
        lai_step=lai_step,
        weather_weights=nml["nightDayRatio"].logical("read_meteo_weights", default=False),
        weather_bounds=nml["directories_mHM"].logical("bound_error", default=True),
        sm_horizons=horizons,
        sm_step=sm_step,
        unsupported=tuple(notes),
        places={
            "cellsize1": main.where("resolution_Hydrology"),
            "weather_weights": nml["nightDayRatio"].where("read_meteo_weights"),
        },
    )


def _soil_moisture(nml: Namelist, setup: Setup) -> tuple[int, SeriesStep]:
    """Return horizons and steps of ``sm.nc``, one and days where nothing is said."""
    if "optional_data" not in nml:
        return 1, SeriesStep.DAILY
    group = nml["optional_data"]
    horizons = group.integer("nSoilHorizons_sm_input", default=1)
    if not 1 <= horizons <= setup.horizons:
        raise DataError(
            f"{group.where('nSoilHorizons_sm_input')}: nSoilHorizons_sm_input = {horizons}: the "
            f"model has {setup.horizons} horizons"
        )
    step = group.integer("timeStep_sm_input", default=int(SeriesStep.DAILY))
    if step not in (-1, -2, -3):
        raise DataError(
            f"{group.where('timeStep_sm_input')}: timeStep_sm_input = {step}: -1 (days), -2 "
            "(months) or -3 (years) is wanted"
        )
    return horizons, SeriesStep(step)


def _setup(nml: Namelist, cases: dict[int, int], domain: int) -> Setup:
    main, soil, night = nml["mainconfig_mhm_mrm"], nml["soildata"], nml["nightDayRatio"]
    step = main.integer("timestep")
    if step not in (1, 24):
        raise DataError(f"{main.where('timestep')}: timestep = {step}: 1 or 24 h is wanted")
    first, last, warming = _periods(nml["time_periods"], domain)
    flag, depths = _soil_layers(soil)
    tillage = soil.real("tillageDepth")
    if tillage <= 0:
        raise DataError(f"{soil.where('tillageDepth')}: tillageDepth = {tillage:g}: above 0 wanted")
    if flag == 1 and tillage not in depths:
        listed = ", ".join(f"{d:g}" for d in depths)
        raise DataError(
            f"{soil.where('tillageDepth')}: tillageDepth = {tillage:g} must be one of the "
            f"soil_Depth ({listed}) where each horizon has a soil map (iFlag_soilDB = 1)"
        )
    sealed = nml["LCover_MPR"].real("fracSealed_cityArea")
    if not 0 <= sealed <= 1:
        raise DataError(
            f"{nml['LCover_MPR'].where('fracSealed_cityArea')}: fracSealed_cityArea = {sealed:g}: "
            "a fraction from 0 to 1 is wanted"
        )
    setup = Setup(
        cases=Cases(cases[3], cases[5], cases[10]),
        first_day=first,
        last_day=last,
        warming_days=warming,
        horizon_depths=depths,
        soil_maps=flag,
        tillage_depth=tillage,
        sealed_city_fraction=sealed,
        time_step=step,
        night_precipitation=_fractions(night, "fnight_prec"),
        night_pet=_fractions(night, "fnight_pet"),
        night_temperature=night.reals("fnight_temp", 12),
        evap_coefficient=_positive(nml["panEvapo"], "evap_coeff"),
    )
    if setup.cases.neutrons and setup.horizons < 2:
        raise DataError(
            f"{soil.where('nSoilHorizons_mHM')}: neutrons want at least two horizons: the last one "
            "is not seen by the detector"
        )
    return setup


def _soil_layers(soil: Group) -> tuple[int, tuple[float, ...]]:
    flag, count = soil.integer("iFlag_soilDB"), soil.integer("nSoilHorizons_mHM")
    if flag not in (0, 1):
        raise DataError(f"{soil.where('iFlag_soilDB')}: iFlag_soilDB = {flag}: 0 or 1 is wanted")
    if not 1 <= count <= MAX_HORIZONS:
        raise DataError(
            f"{soil.where('nSoilHorizons_mHM')}: nSoilHorizons_mHM = {count}: 1 to {MAX_HORIZONS} "
            "horizons are wanted"
        )
    wanted = count - (flag == 0)
    depths = []
    for i in range(1, wanted + 1):
        if soil.find("soil_Depth", (i,)) is None:
            rest = "; the last horizon ends with the soil" if flag == 0 else ""
            raise DataError(
                f"{soil.where('nSoilHorizons_mHM')}: {count} horizons want soil_Depth(1) to "
                f"soil_Depth({wanted}){rest}; soil_Depth({i}) is not given"
            )
        depths.append(soil.real("soil_Depth", (i,)))
    if any(b <= a for a, b in zip([0.0, *depths], depths, strict=False)):
        raise DataError(
            f"{soil.where('soil_Depth')}: soil_Depth must increase downward from above 0, given "
            f"are {', '.join(f'{d:g}' for d in depths)} mm"
        )
    return flag, tuple(depths)


def _periods(group: Group, domain: int) -> tuple[np.datetime64, np.datetime64, int]:
    days = []
    for end in ("Start", "End"):
        parts = [group.integer("eval_Per", (domain,), f"{letter}{end}") for letter in "ymd"]
        try:
            days.append(np.datetime64("{:04d}-{:02d}-{:02d}".format(*parts), "D"))
        except ValueError:
            given = "-".join(map(str, parts))
            raise DataError(f"{group.where('eval_Per')}: {given} is no date") from None
    first, last = days
    if last < first:
        raise DataError(
            f"{group.where('eval_Per')}: the period ends on {last}, before it starts on {first}"
        )
    warming = group.integer("warming_Days", (domain,))
    if warming < 0:
        raise DataError(f"{group.where('warming_Days')}: warming_Days = {warming}: 0 or more")
    return first, last, warming


def _scenes(group: Group, setup: Setup) -> tuple[Scene, ...]:
    count = group.integer("nLCoverScene")
    if count < 1:
        raise DataError(f"{group.where('nLCoverScene')}: nLCoverScene = {count}: at least 1 wanted")
    scenes = []
    for i in range(1, count + 1):
        start, end = group.integer("LCoverYearStart", (i,)), group.integer("LCoverYearEnd", (i,))
        if end < start:
            raise DataError(
                f"{group.where('LCoverYearEnd')}: scene {i} ends in {end}, before it starts in "
                f"{start}"
            )
        if scenes and start != scenes[-1].last_year + 1:
            raise DataError(
                f"{group.where('LCoverYearStart')}: scene {i} starts in {start}, the one before "
                f"ends in {scenes[-1].last_year}: scenes must follow without gap or overlap"
            )
        scenes.append(Scene(start, end, group.text("LCoverfName", (i,))))
    years = [int(str(day)[:4]) for day in (setup.start_day, setup.last_day)]
    if scenes[0].first_year > years[0] or scenes[-1].last_year < years[1]:
        raise DataError(
            f"{group.where('LCoverYearStart')}: land cover is given for {scenes[0].first_year} to "
            f"{scenes[-1].last_year}, the run with its warm-up needs {years[0]} to {years[1]}"
        )
    return tuple(scenes)


def _lai_step(group: Group) -> SeriesStep | None:
    step = group.integer("timeStep_LAI_input")
    if step == 0:
        return None
    if step not in tuple(SeriesStep):
        raise DataError(
            f"{group.where('timeStep_LAI_input')}: timeStep_LAI_input = {step}: 0 (classes), 1 (12 "
            "months), -1 (days), -2 (months) or -3 (years) is wanted"
        )
    return SeriesStep(step)


def _fractions(group: Group, key: str) -> tuple[float, ...]:
    values = group.reals(key, 12)
    if not all(0 <= v <= 1 for v in values):
        raise DataError(f"{group.where(key)}: {key}: twelve fractions from 0 to 1 are wanted")
    return values


def _positive(group: Group, key: str) -> tuple[float, ...]:
    values = group.reals(key, 12)
    if not all(v > 0 for v in values):
        raise DataError(f"{group.where(key)}: {key}: twelve numbers above 0 are wanted")
    return values


def _paths(
    nml: Namelist, folder: Path, domain: int, pet: int, lai_step: SeriesStep | None
) -> Paths:
    general, meteo, run = (
        nml[name] for name in ("directories_general", "directories_mHM", "mainconfig_mhm_mrm")
    )
    if meteo.text("inputFormat_meteo_forcings") != "nc":
        raise DataError(
            f"{meteo.where('inputFormat_meteo_forcings')}: inputFormat_meteo_forcings must be 'nc'"
        )
    here = (domain,)
    source = (nml["mainconfig"].integer("L0Domain", here, default=domain),)
    weather = {
        name: folder / meteo.text(_WEATHER_FOLDERS[name], here)
        for name in ("pre", "tavg", *WEATHER_OF_PET[pet])
    }
    header = meteo.find("dir_meteo_header", here)
    restart = run.logical("read_restart", default=False)

    def observed(key: str) -> Path | None:
        value = nml["optional_data"].find(key, here) if "optional_data" in nml else None
        return None if value is None else folder / value.text

    out = general.find("mhm_file_RestartOut", here)
    return Paths(
        namelist=nml.path,
        parameters=folder / "mhm_parameter.nml",
        outputs=folder / "mhm_outputs.nml",
        tables=folder / general.text("dirCommonFiles"),
        morphology=folder / general.text("dir_Morpho", source),
        land_cover=folder / general.text("dir_LCover", source),
        latlon=folder / general.text("file_LatLon", here),
        results=folder / general.text("dir_Out", here),
        weather=weather,
        weights={
            name: folder / value.text
            for name in ("pre", "tavg", "pet")
            if (value := meteo.find(_WEATHER_FOLDERS[name], here)) is not None
        },
        header=(folder / header.text if header else weather["pre"]) / "header.txt",
        lai=None
        if lai_step is None
        else folder / nml["directories_MPR"].text("dir_gridded_LAI", here) / "lai.nc",
        restart_in=folder / run.text("mhm_file_RestartIn", here) if restart else None,
        restart_out=folder / out.text if out else None,
        soil_moisture=observed("dir_soil_moisture"),
        neutrons=observed("dir_neutrons"),
    )
