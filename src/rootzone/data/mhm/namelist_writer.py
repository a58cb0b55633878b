"""mhm.nml, mhm_parameter.nml and mhm_outputs.nml, written from a set-up."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from rootzone.data.domain import Domain, Setup
from rootzone.data.mhm.namelist_groups import OUTPUT_FLAGS, ParameterRow

_Values = Mapping[str, Any]


def namelist_text(groups: Iterable[tuple[str, _Values]]) -> str:
    """Return Fortran namelists: one ``&group`` after the other, a line for each value."""
    lines = []
    for group, values in groups:
        lines.append(f"&{group}")
        lines += [f"  {name} = {_literal(value)}" for name, value in values.items()]
        lines += ["/", ""]
    return "\n".join(lines)


def mhm_nml(domain: Domain, setup: Setup, *, restart_in: str = "") -> str:
    """Return the text of mhm.nml for a folder laid out by :func:`write_folder`."""
    cases = setup.cases
    process = {f"processCase({i})": 1 for i in (1, 2, 4, 6, 7, 9)}
    process |= {"processCase(3)": cases.soil_moisture, "processCase(5)": cases.pet}
    process |= {"processCase(8)": 0, "processCase(10)": cases.neutrons, "processCase(11)": 0}
    process = dict(sorted(process.items(), key=lambda item: int(item[0][12:-1])))
    meteo = "input/meteo/"
    directories = (
        "dir_Precipitation dir_Temperature dir_ReferenceET dir_MinTemperature dir_MaxTemperature "
        "dir_NetRadiation dir_absVapPressure dir_windspeed dir_Radiation"
    ).split()
    groups: list[tuple[str, _Values]] = [
        (
            "project_description",
            {
                "project_details": domain.name,
                "setup_description": "written by rootzone",
                "simulation_type": "historical simulation",
                "Conventions": "CF-1.11",
                "contact": "not given",
                "mHM_details": "not given",
                "history": "not given",
            },
        ),
        (
            "mainconfig",
            {
                "iFlag_cordinate_sys": 0,
                "nDomains": 1,
                "resolution_Hydrology(1)": float(domain.cellsize1),
                "L0Domain(1)": 1,
                "write_restart": True,
                "read_opt_domain_data(1)": 0,
            },
        ),
        (
            "mainconfig_mhm_mrm",
            {
                "mhm_file_RestartIn(1)": restart_in or "restart/mHM_restart_in.nc",
                "mrm_file_RestartIn(1)": "restart/mRM_restart_in.nc",
                "resolution_Routing(1)": float(domain.cellsize1),
                "timestep": setup.time_step,
                "read_restart": bool(restart_in),
                "mrm_read_river_network": False,
                "read_old_style_restart_bounds": False,
                "restart_reset_fluxes_states": False,
                "optimize": False,
                "optimize_restart": False,
                "opti_method": 1,
                "opti_function": 10,
            },
        ),
        (
            "directories_general",
            {
                "dirConfigOut": "output/",
                "dirCommonFiles": "input/morph/",
                "dir_Morpho(1)": "input/morph/",
                "dir_LCover(1)": "input/luse/",
                "mhm_file_RestartOut(1)": "output/mHM_restart.nc",
                "mrm_file_RestartOut(1)": "output/mRM_restart.nc",
                "dir_Out(1)": "output/",
                "file_LatLon(1)": "input/latlon.nc",
            },
        ),
        (
            "directories_mHM",
            {"inputFormat_meteo_forcings": "nc", "bound_error": True}
            | {f"{name}(1)": meteo for name in directories}
            | {"time_step_model_inputs(1)": 0},
        ),
        ("processSelection", process),
        ("LCover", _land_cover(domain)),
        ("time_periods", _periods(setup)),
        ("soildata", _soil_data(setup)),
        (
            "LAI_data_information",
            {
                "timeStep_LAI_input": 0 if domain.lai_class is not None else 1,
                "inputFormat_gridded_LAI": "nc",
            },
        ),
        ("LCover_MPR", {"fracSealed_cityArea": setup.sealed_city_fraction}),
        ("directories_MPR", {"dir_gridded_LAI(1)": "input/lai/"}),
        ("panEvapo", {"evap_coeff": setup.evap_coefficient}),
        (
            "nightDayRatio",
            {
                "read_meteo_weights": bool(domain.weather.weights),
                "fnight_prec": setup.night_precipitation,
                "fnight_pet": setup.night_pet,
                "fnight_temp": setup.night_temperature,
            },
        ),
        ("Optimization", {"nIterations": 1, "seed": 1, "dds_r": 0.2, "sa_temp": -9.0}),
    ]
    return namelist_text(groups)


def parameter_nml(groups: Iterable[tuple[str, Iterable[ParameterRow]]]) -> str:
    """Return the text of mhm_parameter.nml: lower, upper, value, flag, scaling."""
    return namelist_text(
        (
            group,
            {
                row.name: (float(row.lower), float(row.upper), float(row.value), int(row.flag), 1)
                for row in rows
            },
        )
        for group, rows in groups
    )


def outputs_nml(*, every: int = -1, flags: Iterable[int] = OUTPUT_FLAGS) -> str:
    """Return the text of mhm_outputs.nml: interval (-1 daily, 1 hourly) and what is written."""
    wanted = set(flags)
    values: dict[str, Any] = {
        "output_deflate_level": 1,
        "output_double_precision": True,
        "output_time_reference": 0,
        "timeStep_model_outputs": every,
    }
    values |= {f"outputFlxState({i})": i in wanted for i in OUTPUT_FLAGS}
    return namelist_text([("NLoutputResults", values)])


def _land_cover(domain: Domain) -> _Values:
    values: dict[str, Any] = {"nLCoverScene": len(domain.scenes)}
    for i, scene in enumerate(domain.scenes, start=1):
        values[f"LCoverYearStart({i})"] = scene.first_year
        values[f"LCoverYearEnd({i})"] = scene.last_year
        values[f"LCoverfName({i})"] = scene.name
    return values


def _periods(setup: Setup) -> _Values:
    values: dict[str, Any] = {"warming_Days(1)": setup.warming_days}
    for end, day in (("Start", setup.first_day), ("End", setup.last_day)):
        year, month, date = str(day.astype("datetime64[D]")).split("-")
        for letter, number in (("y", year), ("m", month), ("d", date)):
            values[f"eval_Per(1)%{letter}{end}"] = int(number)
    return values


def _soil_data(setup: Setup) -> _Values:
    values: dict[str, Any] = {
        "iFlag_soilDB": setup.soil_maps,
        "tillageDepth": setup.tillage_depth,
        "nSoilHorizons_mHM": setup.horizons,
    }
    for i, depth in enumerate(setup.horizon_depths, start=1):
        values[f"soil_Depth({i})"] = depth
    return values


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bool | np.bool_):
        return ".TRUE." if value else ".FALSE."
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return repr(float(value))
    return ", ".join(_literal(item) for item in value)
