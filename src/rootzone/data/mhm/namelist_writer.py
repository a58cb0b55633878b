"""mhm.nml, mhm_parameter.nml and mhm_outputs.nml, written from a set-up."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from rootzone.data.domain import Cases, Domain, Setup
from rootzone.data.mhm.output_names import OUTPUT_FLAGS
from rootzone.data.mhm.parameters import parameter_groups_text
from rootzone.water.regionalization.parameters import ParameterTable

_Values = Mapping[str, Any]

_RESULTS = "output/"
_METEO = "input/meteo/"
_WEATHER_FOLDERS = (
    *("dir_Precipitation", "dir_Temperature", "dir_ReferenceET", "dir_MinTemperature"),
    *("dir_MaxTemperature", "dir_NetRadiation", "dir_absVapPressure", "dir_windspeed"),
)
_DIRECTORIES: _Values = {
    "dirConfigOut": _RESULTS,
    "dirCommonFiles": "input/morph/",
    "dir_Morpho(1)": "input/morph/",
    "dir_LCover(1)": "input/luse/",
    "mhm_file_RestartOut(1)": "output/mHM_restart.nc",
    "mrm_file_RestartOut(1)": "output/mRM_restart.nc",
    "dir_Out(1)": _RESULTS,
    "file_LatLon(1)": "input/latlon.nc",
}
_WEATHER: _Values = {
    "inputFormat_meteo_forcings": "nc",
    "bound_error": True,
    **{f"{name}(1)": _METEO for name in _WEATHER_FOLDERS},
    "time_step_model_inputs(1)": 0,
}
_OBSERVATIONS: _Values = {
    "dir_soil_moisture(1)": "input/optional_data/",
    "nSoilHorizons_sm_input": 1,
    "timeStep_sm_input": -1,
    "dir_neutrons(1)": "input/optional_data/",
}
# mHM reads these groups also where nothing is routed.
_ROUTING: tuple[tuple[str, _Values], ...] = (
    (
        "mainconfig_mrm",
        {
            "ALMA_convention": True,
            "varnametotalrunoff": "total_runoff",
            "filenametotalrunoff": "total_runoff",
            "gw_coupling": False,
        },
    ),
    ("directories_mRM", {"dir_Gauges(1)": "input/", "dir_Total_Runoff(1)": _RESULTS}),
    ("evaluation_gauges", {"nGaugesTotal": 0, "NoGauges_domain(1)": 0}),
    ("inflow_gauges", {"nInflowGaugesTotal": 0, "NoInflowGauges_domain(1)": 0}),
)


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
    by_class = domain.lai_class is not None
    leaves = {
        "timeStep_LAI_input": 0 if by_class else int(domain.lai_step),
        "inputFormat_gridded_LAI": "nc",
    }
    night = {
        "read_meteo_weights": bool(domain.weather.weights),
        "fnight_prec": setup.night_precipitation,
        "fnight_pet": setup.night_pet,
        "fnight_temp": setup.night_temperature,
    }
    return namelist_text(
        [
            ("project_description", _project(domain)),
            ("mainconfig", _main(domain)),
            ("mainconfig_mhm_mrm", _run(domain, setup, restart_in)),
            ("directories_general", _DIRECTORIES),
            ("directories_mHM", _WEATHER),
            ("optional_data", _OBSERVATIONS),
            ("processSelection", _processes(setup.cases)),
            ("LCover", _land_cover(domain)),
            ("time_periods", _periods(setup)),
            ("soildata", _soil_data(setup)),
            ("LAI_data_information", leaves),
            ("LCover_MPR", {"fracSealed_cityArea": setup.sealed_city_fraction}),
            ("directories_MPR", {"dir_gridded_LAI(1)": "input/lai/"}),
            ("panEvapo", {"evap_coeff": setup.evap_coefficient}),
            ("nightDayRatio", night),
            ("Optimization", {"nIterations": 1, "seed": 1, "dds_r": 0.2, "sa_temp": -9.0}),
            *_ROUTING,
        ]
    )


def parameter_nml(table: ParameterTable, geology_units: int) -> str:
    """Return the text of mhm_parameter.nml: lower, upper, value, flag, scaling."""
    return namelist_text(parameter_groups_text(table, geology_units))


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


def routing_outputs_nml() -> str:
    """Return the text of mrm_outputs.nml, which mHM reads also where nothing is routed."""
    values = {
        "output_deflate_level_mrm": 1,
        "output_double_precision_mrm": True,
        "output_time_reference_mrm": 0,
        "timeStep_model_outputs_mrm": -1,
    }
    values |= {f"outputFlxState_mrm({i})": False for i in (1, 2)}
    return namelist_text([("NLoutputResults", values)])


def _project(domain: Domain) -> _Values:
    unknown = ("contact", "mHM_details", "history")
    return {
        "project_details": domain.name,
        "setup_description": "written by rootzone",
        "simulation_type": "historical simulation",
        "Conventions": "CF-1.11",
    } | dict.fromkeys(unknown, "not given")


def _main(domain: Domain) -> _Values:
    return {
        "iFlag_cordinate_sys": int(domain.geographic),
        "nDomains": 1,
        "resolution_Hydrology(1)": float(domain.cellsize1),
        "L0Domain(1)": 1,
        "write_restart": True,
        "read_opt_domain_data(1)": 0,
    }


def _run(domain: Domain, setup: Setup, restart_in: str) -> _Values:
    return {
        "mhm_file_RestartIn(1)": restart_in or "restart/mHM_restart.nc",
        "mrm_file_RestartIn(1)": "restart/mRM_restart.nc",
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
    }


def _processes(cases: Cases) -> _Values:
    numbers = dict.fromkeys(range(1, 12), 1)
    numbers |= {3: cases.soil_moisture, 5: cases.pet, 8: 0, 10: cases.neutrons, 11: 0}
    return {f"processCase({i})": case for i, case in numbers.items()}


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
