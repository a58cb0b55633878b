"""Groups of mhm_parameter.nml and the flags of mhm_outputs.nml, by process case."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

OUTPUT_FLAGS = tuple(range(1, 22))


class ParameterRow(NamedTuple):
    """A line of mhm_parameter.nml."""

    name: str
    lower: float
    upper: float
    value: float
    flag: int


_SOIL = (
    "orgMatterContent_forest 0 20 3.4 1;orgMatterContent_impervious 0 1 0.1 1;"
    "orgMatterContent_pervious 0 4 0.6 1;PTF_lower66_5_constant 0.6462 0.9506 0.76 1;"
    "PTF_lower66_5_clay 0.0001 0.0029 0.0009 1;PTF_lower66_5_Db -0.3727 -0.1871 -0.264 1;"
    "PTF_higher66_5_constant 0.5358 1.1232 0.89 1;PTF_higher66_5_clay -0.0055 0.0049 -0.001 1;"
    "PTF_higher66_5_Db -0.5513 -0.0913 -0.324 1;PTF_Ks_constant -1.2 -0.285 -0.585 1;"
    "PTF_Ks_sand 0.006 0.026 0.0125 1;PTF_Ks_clay 0.003 0.013 0.0063 1;"
    "PTF_Ks_curveSlope 60.96 60.96 60.96 0;"
)
_ROOTS12 = (
    "rootFractionCoefficient_forest 0.9 0.999 0.97 1;"
    "rootFractionCoefficient_impervious 0.9 0.95 0.93 1;"
    "rootFractionCoefficient_pervious 0.001 0.09 0.02 1;infiltrationShapeFactor 1 4 1.75 1"
)
_ROOTS34 = (
    "rootFractionCoefficient_forest 0.97 0.985 0.975 1;"
    "rootFractionCoefficient_impervious 0.97 0.985 0.975 1;"
    "rootFractionCoefficient_pervious 0.97 0.985 0.975 1;infiltrationShapeFactor 1 4 1.75 1;"
    "rootFractionCoefficient_sand 0.001 0.09 0.09 1;rootFractionCoefficient_clay 0.9 0.999 0.98 1;"
    "FCmin_glob 0.1 0.2 0.15 0;FCdelta_glob 0.1 0.4 0.25 0"
)
_JARVIS = ";jarvis_sm_threshold_c1 0 1 0.5 1"
_ASPECT = (
    "minCorrectionFactorPET 0.7 1.3 {} 1;maxCorrectionFactorPET 0 0.2 {} 1;"
    "aspectTresholdPET 160 200 {} 1"
)
_GROUPS = {
    "interception1": "canopyInterceptionFactor 0.15 0.4 0.15 1",
    "snow1": (
        "snowTreshholdTemperature -2 2 1 1;degreeDayFactor_forest 0.0001 4 1.5 1;"
        "degreeDayFactor_impervious 0 1 0.5 1;degreeDayFactor_pervious 0 2 0.5 1;"
        "increaseDegreeDayFactorByPrecip 0.1 0.9 0.5 1;maxDegreeDayFactor_forest 0 8 3 1;"
        "maxDegreeDayFactor_impervious 0 8 3.5 1;maxDegreeDayFactor_pervious 0 8 4 1"
    ),
    "soilmoisture1": _SOIL + _ROOTS12,
    "soilmoisture2": _SOIL + _ROOTS12 + _JARVIS,
    "soilmoisture3": _SOIL + _ROOTS34 + _JARVIS,
    "soilmoisture4": _SOIL + _ROOTS34,
    "directRunoff1": "imperviousStorageCapacity 0 5 0.5 1",
    "PETminus1": (
        "PET_a_forest 0.3 1.3 0.3 1;PET_a_impervious 0.3 1.3 0.8 1;PET_a_pervious 0.3 1.3 1.3 1;"
        "PET_b 0 1.5 1.5 1;PET_c -2 0 -0.7 1"
    ),
    "PET0": _ASPECT.format(0.9, 0.1, 180),
    "PET1": _ASPECT.format(0.93, 0.19, 171) + ";HargreavesSamaniCoeff 0.0016 0.003 0.0023 1",
    "PET2": "PriestleyTaylorCoeff 0.75 1.75 1.19 1;PriestleyTaylorLAIcorr -0.5 0.2 0.058 1",
    "PET3": (
        "canopyheigth_forest 15 40 15 1;canopyheigth_impervious 0.01 0.5 0.02 1;"
        "canopyheigth_pervious 0.1 5 0.11 1;displacementheight_coeff 0.5 0.85 0.64 1;"
        "roughnesslength_momentum_coeff 0.09 0.16 0.095 1;"
        "roughnesslength_heat_coeff 0.07 0.13 0.075 1;stomatal_resistance 10 200 56 1"
    ),
    "interflow1": (
        "interflowStorageCapacityFactor 75 200 85 1;interflowRecession_slope 0 10 7 1;"
        "fastInterflowRecession_forest 1 3 1.5 1;slowInterflowRecession_Ks 1 30 15 1;"
        "exponentSlowInterflow 0.05 0.3 0.125 1"
    ),
    "percolation1": (
        "rechargeCoefficient 0 50 35 1;rechargeFactor_karstic -5 5 -1 1;"
        "gain_loss_GWreservoir_karstic 1 1 1 0"
    ),
    "neutrons1": "Desilets_N0 300 2000 1500 0;Desilets_LW0 0 0.2 0.1783 0;Desilets_LW1 0 0.05 0 0",
    "neutrons2": (
        "COSMIC_N0 300 2000 1500 0;COSMIC_N1 0.01 10 1 0;COSMIC_N2 0.01 10 1 0;"
        "COSMIC_alpha0 0.01 10 1 0;COSMIC_alpha1 0.01 10 1 0;COSMIC_L30 26.56 424.78 106.1942 0;"
        "COSMIC_L31 -118.3 200.28 40.9879 0;COSMIC_LW0 0 0.2 0.1783 0;COSMIC_LW1 0 0.05 0 0"
    ),
}


def default_groups(units: int) -> dict[str, list[ParameterRow]]:
    """Return all parameter groups with their defaults, for a number of geological units."""
    groups = {
        group: [
            ParameterRow(name, float(low), float(high), float(value), int(flag))
            for name, low, high, value, flag in (row.split() for row in text.split(";"))
        ]
        for group, text in _GROUPS.items()
    }
    groups["geoparameter"] = [
        ParameterRow(f"GeoParam({i},:)", 1.0, 1000.0, 100.0, 1) for i in range(1, units + 1)
    ]
    return groups


def with_values(
    groups: Mapping[str, Iterable[ParameterRow]], values: Mapping[str, float]
) -> dict[str, list[ParameterRow]]:
    """Return groups with other values; a name that occurs in several groups changes in all."""
    return {
        group: [row._replace(value=values.get(row.name, row.value)) for row in rows]
        for group, rows in groups.items()
    }
