"""What mHM 5.13 knows in mhm.nml, and what of it is not supported here, in a sentence each."""

from rootzone.core import DataError, nearest
from rootzone.data.mhm.namelist import Group, Namelist

_DIRECTORIES = (
    "dir_meteo_header dir_Precipitation dir_Temperature dir_ReferenceET dir_MinTemperature "
    "dir_MaxTemperature dir_absVapPressure dir_windspeed dir_NetRadiation dir_Radiation"
)
GROUPS: dict[str, tuple[str, ...]] = {
    name: tuple(text.split())
    for name, text in {
        "project_description": (
            "project_details setup_description simulation_type Conventions contact mHM_details "
            "history"
        ),
        "directories_general": (
            "dirConfigOut dirCommonFiles dir_Morpho dir_LCover dir_Out mhm_file_RestartOut "
            "mrm_file_RestartOut file_LatLon"
        ),
        "mainconfig": (
            "iFlag_cordinate_sys resolution_Hydrology nDomains L0Domain write_restart "
            "read_opt_domain_data"
        ),
        "processSelection": "processCase",
        "LCover": "nLcoverScene LCoverYearStart LCoverYearEnd LCoverfName",
        "mainconfig_mhm_mrm": (
            "timestep resolution_Routing optimize optimize_restart opti_method opti_function "
            "read_restart mrm_read_river_network read_old_style_restart_bounds "
            "restart_reset_fluxes_states mhm_file_RestartIn mrm_file_RestartIn"
        ),
        "Optimization": (
            "nIterations seed dds_r sa_temp sce_ngs sce_npg sce_nps mcmc_opti mcmc_error_params"
        ),
        "time_periods": "warming_Days eval_Per",
        "directories_mHM": (
            f"inputFormat_meteo_forcings bound_error {_DIRECTORIES} time_step_model_inputs"
        ),
        "optional_data": (
            "nSoilHorizons_sm_input dir_soil_moisture dir_neutrons dir_evapotranspiration dir_TWS "
            "dir_spf timeStep_sm_input timeStep_neutrons_input timeStep_et_input "
            "timeStep_tws_input timeStep_spf_input weight_for_optional_data "
            "snow_water_equivalent_threshold_for_spf file_TWS"
        ),
        "panEvapo": "evap_coeff",
        "nightDayRatio": (
            "read_meteo_weights fnight_prec fnight_pet fnight_temp fnight_ssrd fnight_strd"
        ),
        "baseflow_config": "BFI_calc BFI_obs",
        "directories_MPR": "dir_gridded_LAI",
        "soildata": "iFlag_soilDB tillageDepth nSoilHorizons_mHM soil_Depth",
        "LAI_data_information": "inputFormat_gridded_LAI timeStep_LAI_input",
        "LCover_MPR": "fracSealed_cityArea",
        "mainconfig_mrm": "ALMA_convention filenameTotalRunoff varnameTotalRunoff gw_coupling",
        "directories_mRM": "dir_Gauges dir_Total_Runoff dir_Bankfull_Runoff",
        "evaluation_gauges": "nGaugesTotal NoGauges_domain Gauge_id Gauge_filename",
        "inflow_gauges": (
            "nInflowGaugesTotal NoInflowGauges_domain InflowGauge_id InflowGauge_filename "
            "InflowGauge_Headwater"
        ),
        "config_riv_temp": (
            "albedo_water pt_a_water emissivity_water turb_heat_ex_coeff max_iter delta_iter "
            "step_iter riv_widths_file riv_widths_name dir_riv_widths"
        ),
        "coupling": (
            "case meteo_timestep meteo_time_ref_endpoint meteo_expect_pre meteo_expect_temp "
            "meteo_expect_pet meteo_expect_tmin meteo_expect_tmax meteo_expect_netrad "
            "meteo_expect_absvappress meteo_expect_windspeed meteo_expect_ssrd meteo_expect_strd "
            "meteo_expect_tann"
        ),
    }.items()
}
"""Groups of mhm.nml and the names in each."""

_CASES = {
    1: ("interception", (1,)),
    2: ("snow", (1,)),
    3: ("soil moisture", (1, 2, 3, 4)),
    4: ("direct runoff", (1,)),
    5: ("potential evapotranspiration", (-1, 0, 1, 2, 3)),
    6: ("interflow", (1,)),
    7: ("percolation", (1,)),
    8: ("routing", (0, 1, 2, 3)),
    9: ("baseflow", (1,)),
    10: ("neutrons", (0, 1, 2)),
    11: ("river temperature", (0, 1)),
}


def require_known_options(nml: Namelist) -> list[str]:
    """Check the names in mhm.nml; return a note for each group that mHM does not know.

    Raises
    ------
    DataError
        For an option that its group does not have (file, line, nearest name).
    """
    names = {name.lower(): names for name, names in GROUPS.items()}
    notes = []
    for name, group in nml.items():
        if name in names:
            group.require_known(names[name])
        else:
            notes.append(
                f"{nml.path}, line {group.line}: &{name} is no group of mHM and was not read"
                f"{nearest(name, names)}"
            )
    return notes


def process_cases(group: Group) -> dict[int, int]:
    """Return the process cases by number, those not given as zero.

    Raises
    ------
    DataError
        For a case that mHM does not have, or a number outside 1 to 11.
    """
    for key, value in group.values.items():
        if key[2][0] not in _CASES:
            raise DataError(
                f"{group.path}, line {value.line}: processCase({key[2][0]}): there are 11 cases"
            )
    cases = {}
    for number, (what, allowed) in _CASES.items():
        given = group.find("processCase", (number,))
        case = 0 if given is None else group.integer("processCase", (number,))
        if case not in allowed:
            line = group.line if given is None else given.line
            options = ", ".join(map(str, allowed))
            raise DataError(
                f"{group.path}, line {line}: processCase({number}) = {case}: {what} has the "
                f"cases {options}"
            )
        cases[number] = case
    return cases


def unsupported(nml: Namelist, cases: dict[int, int]) -> list[str]:
    """Return a sentence for each option that has no effect here, or another one than in mHM."""
    process, main = nml["processSelection"], nml["mainconfig_mhm_mrm"]
    notes = []
    if cases[8]:
        notes.append(
            f"{_line(process, 'processCase', (8,))}: routing (processCase(8) = {cases[8]}) is not "
            "supported: the runoff of the cells is computed, discharge at gauges is not"
        )
    if cases[11]:
        notes.append(
            f"{_line(process, 'processCase', (11,))}: river temperature (processCase(11) = "
            f"{cases[11]}) is not supported and left out"
        )
    if main.logical("optimize", default=False):
        notes.append(
            f"{main.where('optimize')}: optimize = .TRUE. is not followed: calibration is a study "
            "of its own"
        )
    if main.integer("timestep", default=1) == 24:
        notes.append(
            f"{main.where('timestep')}: timestep = 24: every day has its own weather here, mHM "
            "5.13.4 holds each daily value for 24 days"
        )
    if cases[10] == 2 and nml["soildata"].integer("iFlag_soilDB", default=0) == 1:
        notes.append(
            f"{nml['soildata'].where('iFlag_soilDB')}: COSMIC counts have a meaning here also with "
            "a soil map for each horizon, mHM 5.13.4 has no attenuation lengths then"
        )
    if "mainconfig_mrm" in nml and nml["mainconfig_mrm"].logical("gw_coupling", default=False):
        notes.append(
            f"{nml['mainconfig_mrm'].where('gw_coupling')}: coupling to a groundwater model is "
            "not supported and left out"
        )
    if "coupling" in nml and nml["coupling"].integer("case", default=0) != 0:
        notes.append(
            f"{nml['coupling'].where('case')}: weather from another program (&coupling) is not "
            "supported: the files are read"
        )
    return notes


def _line(group: Group, key: str, index: tuple[int, ...]) -> str:
    value = group.find(key, index)
    return f"{group.path}, line {group.line if value is None else value.line}"
