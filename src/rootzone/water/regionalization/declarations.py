"""The declarations of the global parameters: one line for each, in the order of the namelists.

Bounds and defaults are those that mHM 5.13 is shipped with. Several parameters are increments over
another one, which the bounds rely on: sampling the increments keeps forest above pervious soil and
largest above smallest degree-day factors.

(Longer than a page because it is a table.)
"""

from dataclasses import dataclass

GEOLOGY_GROUP = "geoparameter"

_MPR = "Samaniego et al. (2010), doi:10.1029/2008WR007327"
_KUMAR = "Kumar et al. (2013), doi:10.1029/2012WR012195"
_ZACHARIAS = "Zacharias and Wessolek (2007), doi:10.2136/sssaj2006.0098"
_COSBY = "Cosby et al. (1984), doi:10.1029/WR020i006p00682"
_RAWLS = "Rawls (1983), doi:10.1097/00010694-198302000-00007"
_JACKSON = "Jackson et al. (1996), doi:10.1007/BF00333714"
_JARVIS = "Jarvis (1989), doi:10.1016/0022-1694(89)90050-4"
_DEMIREL = "Demirel et al. (2018), doi:10.5194/hess-22-1299-2018"
_ALLEN = "Allen et al. (1998), FAO Irrigation and Drainage Paper 56"
_HARGREAVES = "Hargreaves and Samani (1985), doi:10.13031/2013.26773"
_PRIESTLEY = "Priestley and Taylor (1972), doi:10.1175/1520-0493(1972)100<0081:OTAOSH>2.3.CO;2"
_DESILETS = "Desilets et al. (2010), doi:10.1029/2009WR008726"
_SHUTTLEWORTH = "Shuttleworth et al. (2013), doi:10.5194/hess-17-3205-2013"
_FATIMA = "Fatima et al. (2024), doi:10.5194/hess-28-5419-2024"


@dataclass(frozen=True)
class GlobalParameter:
    """A coefficient of a transfer function.

    Attributes
    ----------
    name : str
        As in the namelist.
    group : str
        Namelist.
    unit : str
        UDUNITS string.
    lower, upper : float
        Bounds of a calibration.
    default : float
        Value where it is not calibrated.
    calibrated : bool
        Whether mHM ships it with the flag of calibration.
    long_name : str
        What it is.
    source : str
        Where the transfer function comes from.
    """

    name: str
    group: str
    unit: str
    lower: float
    upper: float
    default: float
    calibrated: bool
    long_name: str
    source: str


def _group(group: str, *rows: tuple) -> tuple[str, tuple[GlobalParameter, ...]]:
    parameters = []
    for name, unit, (lower, upper, default), calibrated, long_name, source in rows:
        bounds = float(lower), float(upper), float(default)
        parameters.append(
            GlobalParameter(name, group, unit, *bounds, calibrated, long_name, source)
        )
    return group, tuple(parameters)


_ORGANIC = (
    ("orgMatterContent_forest", "%", (0, 20, 3.4), True, "organic matter of forest", _RAWLS),
    ("orgMatterContent_impervious", "%", (0, 1, 0.1), True, "organic matter, sealed", _RAWLS),
    ("orgMatterContent_pervious", "%", (0, 4, 0.6), True, "organic matter, open land", _RAWLS),
)
_LOWER = "saturated water content, sand below 66.5 %: "
_HIGHER = "saturated water content, sand from 66.5 %: "
_TRANSFER = (
    ("PTF_lower66_5_constant", "1", (0.6462, 0.9506, 0.76), True, _LOWER + "constant", _ZACHARIAS),
    ("PTF_lower66_5_clay", "1", (0.0001, 0.0029, 0.0009), True, _LOWER + "per % clay", _ZACHARIAS),
    (
        "PTF_lower66_5_Db",
        "cm3 g-1",
        (-0.3727, -0.1871, -0.264),
        True,
        _LOWER + "per bulk density",
        _ZACHARIAS,
    ),
    (
        "PTF_higher66_5_constant",
        "1",
        (0.5358, 1.1232, 0.89),
        True,
        _HIGHER + "constant",
        _ZACHARIAS,
    ),
    (
        "PTF_higher66_5_clay",
        "1",
        (-0.0055, 0.0049, -0.001),
        True,
        _HIGHER + "per % clay",
        _ZACHARIAS,
    ),
    (
        "PTF_higher66_5_Db",
        "cm3 g-1",
        (-0.5513, -0.0913, -0.324),
        True,
        _HIGHER + "per bulk density",
        _ZACHARIAS,
    ),
    (
        "PTF_Ks_constant",
        "1",
        (-1.2, -0.285, -0.585),
        True,
        "log10 of conductivity: constant",
        _COSBY,
    ),
    ("PTF_Ks_sand", "1", (0.006, 0.026, 0.0125), True, "log10 of conductivity: per % sand", _COSBY),
    (
        "PTF_Ks_clay",
        "1",
        (0.003, 0.013, 0.0063),
        True,
        "log10 of conductivity: per % clay, subtracted",
        _COSBY,
    ),
    (
        "PTF_Ks_curveSlope",
        "cm d-1",
        (60.96, 60.96, 60.96),
        False,
        "conductivity of one inch per hour",
        _COSBY,
    ),
)
_SHAPE = (
    "infiltrationShapeFactor",
    "cm3 g-1",
    (1, 4, 1.75),
    True,
    "exponent of infiltration per bulk density",
    _MPR,
)
_BY_COVER = (
    ("rootFractionCoefficient_forest", "1", (0.9, 0.999, 0.97), True, "roots of forest", _JACKSON),
    ("rootFractionCoefficient_impervious", "1", (0.9, 0.95, 0.93), True, "roots, sealed", _JACKSON),
    (
        "rootFractionCoefficient_pervious",
        "1",
        (0.001, 0.09, 0.02),
        True,
        "roots of forest less those of open land",
        _JACKSON,
    ),
    _SHAPE,
)
_ROOTS = (0.97, 0.985, 0.975)
_BY_CAPACITY = (
    ("rootFractionCoefficient_forest", "1", _ROOTS, True, "roots of forest", _JACKSON),
    ("rootFractionCoefficient_impervious", "1", _ROOTS, True, "roots, sealed", _JACKSON),
    ("rootFractionCoefficient_pervious", "1", _ROOTS, True, "without effect", _DEMIREL),
    _SHAPE,
    (
        "rootFractionCoefficient_sand",
        "1",
        (0.001, 0.09, 0.09),
        True,
        "roots of open land in clay less those in sand",
        _DEMIREL,
    ),
    (
        "rootFractionCoefficient_clay",
        "1",
        (0.9, 0.999, 0.98),
        True,
        "roots of open land in clay",
        _DEMIREL,
    ),
    ("FCmin_glob", "1", (0.1, 0.2, 0.15), False, "field capacity of sand", _DEMIREL),
    (
        "FCdelta_glob",
        "1",
        (0.1, 0.4, 0.25),
        False,
        "field capacity of clay less that of sand",
        _DEMIREL,
    ),
)
_THRESHOLD = (
    "jarvis_sm_threshold_c1",
    "1",
    (0, 1, 0.5),
    True,
    "relative water below which uptake is reduced",
    _JARVIS,
)


def _aspect(smallest: float, increment: float, threshold: float) -> tuple[tuple, ...]:
    return (
        (
            "minCorrectionFactorPET",
            "1",
            (0.7, 1.3, smallest),
            True,
            "smallest correction by aspect",
            _MPR,
        ),
        (
            "maxCorrectionFactorPET",
            "1",
            (0, 0.2, increment),
            True,
            "largest less smallest correction by aspect",
            _MPR,
        ),
        (
            "aspectTresholdPET",
            "degree",
            (160, 200, threshold),
            True,
            "aspect of the largest correction",
            _MPR,
        ),
    )


_GROUPS = (
    _group(
        "interception1",
        (
            "canopyInterceptionFactor",
            "mm",
            (0.15, 0.4, 0.15),
            True,
            "interception storage per leaf area",
            _MPR,
        ),
    ),
    _group(
        "snow1",
        (
            "snowTreshholdTemperature",
            "degC",
            (-2, 2, 1),
            True,
            "threshold of snowfall and melt",
            _MPR,
        ),
        (
            "degreeDayFactor_forest",
            "mm d-1 degC-1",
            (0.0001, 4, 1.5),
            True,
            "degree-day factor of forest",
            _MPR,
        ),
        (
            "degreeDayFactor_impervious",
            "mm d-1 degC-1",
            (0, 1, 0.5),
            True,
            "degree-day factor, sealed less open land",
            _MPR,
        ),
        (
            "degreeDayFactor_pervious",
            "mm d-1 degC-1",
            (0, 2, 0.5),
            True,
            "degree-day factor, open land less forest",
            _MPR,
        ),
        (
            "increaseDegreeDayFactorByPrecip",
            "degC-1",
            (0.1, 0.9, 0.5),
            True,
            "increase of the degree-day factor per mm of precipitation of the step",
            _MPR,
        ),
        (
            "maxDegreeDayFactor_forest",
            "mm d-1 degC-1",
            (0, 8, 3),
            True,
            "largest less smallest degree-day factor, forest",
            _MPR,
        ),
        (
            "maxDegreeDayFactor_impervious",
            "mm d-1 degC-1",
            (0, 8, 3.5),
            True,
            "largest less smallest degree-day factor, sealed",
            _MPR,
        ),
        (
            "maxDegreeDayFactor_pervious",
            "mm d-1 degC-1",
            (0, 8, 4),
            True,
            "largest less smallest degree-day factor, open land",
            _MPR,
        ),
    ),
    _group("soilmoisture1", *_ORGANIC, *_TRANSFER, *_BY_COVER),
    _group("soilmoisture2", *_ORGANIC, *_TRANSFER, *_BY_COVER, _THRESHOLD),
    _group("soilmoisture3", *_ORGANIC, *_TRANSFER, *_BY_CAPACITY, _THRESHOLD),
    _group("soilmoisture4", *_ORGANIC, *_TRANSFER, *_BY_CAPACITY),
    _group(
        "directRunoff1",
        ("imperviousStorageCapacity", "mm", (0, 5, 0.5), True, "storage of sealed surfaces", _MPR),
    ),
    _group(
        "PETminus1",
        ("PET_a_forest", "1", (0.3, 1.3, 0.3), True, "correction without leaves, forest", _DEMIREL),
        (
            "PET_a_impervious",
            "1",
            (0.3, 1.3, 0.8),
            True,
            "correction without leaves, sealed",
            _DEMIREL,
        ),
        (
            "PET_a_pervious",
            "1",
            (0.3, 1.3, 1.3),
            True,
            "correction without leaves, open land",
            _DEMIREL,
        ),
        ("PET_b", "1", (0, 1.5, 1.5), True, "largest increase by leaf area", _DEMIREL),
        ("PET_c", "1", (-2, 0, -0.7), True, "exponent of the increase by leaf area", _DEMIREL),
    ),
    _group("PET0", *_aspect(0.9, 0.1, 180)),
    _group(
        "PET1",
        *_aspect(0.93, 0.19, 171),
        (
            "HargreavesSamaniCoeff",
            "degC-1.5",
            (0.0016, 0.003, 0.0023),
            True,
            "coefficient of Hargreaves and Samani",
            _HARGREAVES,
        ),
    ),
    _group(
        "PET2",
        (
            "PriestleyTaylorCoeff",
            "1",
            (0.75, 1.75, 1.19),
            True,
            "coefficient without leaves",
            _PRIESTLEY,
        ),
        (
            "PriestleyTaylorLAIcorr",
            "1",
            (-0.5, 0.2, 0.058),
            True,
            "coefficient per leaf area",
            _PRIESTLEY,
        ),
    ),
    _group(
        "PET3",
        ("canopyheigth_forest", "m", (15, 40, 15), True, "height of forest", _ALLEN),
        ("canopyheigth_impervious", "m", (0.01, 0.5, 0.02), True, "height, sealed", _ALLEN),
        (
            "canopyheigth_pervious",
            "m",
            (0.1, 5, 0.11),
            True,
            "height of open land at its largest leaf area",
            _ALLEN,
        ),
        (
            "displacementheight_coeff",
            "1",
            (0.5, 0.85, 0.64),
            True,
            "zero-plane displacement over height",
            _ALLEN,
        ),
        (
            "roughnesslength_momentum_coeff",
            "1",
            (0.09, 0.16, 0.095),
            True,
            "roughness length of momentum over height",
            _ALLEN,
        ),
        (
            "roughnesslength_heat_coeff",
            "1",
            (0.07, 0.13, 0.075),
            True,
            "roughness length of heat over that of momentum",
            _ALLEN,
        ),
        ("stomatal_resistance", "s m-1", (10, 200, 56), True, "stomatal resistance", _ALLEN),
    ),
    _group(
        "interflow1",
        (
            "interflowStorageCapacityFactor",
            "mm",
            (75, 200, 85),
            True,
            "threshold of fast interflow per air capacity",
            _MPR,
        ),
        ("interflowRecession_slope", "d", (0, 10, 7), True, "recession by slope", _MPR),
        (
            "fastInterflowRecession_forest",
            "1",
            (1, 3, 1.5),
            True,
            "factor of the fast recession in forest",
            _MPR,
        ),
        (
            "slowInterflowRecession_Ks",
            "d",
            (1, 30, 15),
            True,
            "slow recession by conductivity",
            _MPR,
        ),
        (
            "exponentSlowInterflow",
            "1",
            (0.05, 0.3, 0.125),
            True,
            "exponent of slow interflow",
            _MPR,
        ),
    ),
    _group(
        "percolation1",
        ("rechargeCoefficient", "d", (0, 50, 35), True, "recession of percolation", _MPR),
        ("rechargeFactor_karstic", "1", (-5, 5, -1), True, "loss of recharge in karst", _MPR),
        ("gain_loss_GWreservoir_karstic", "1", (1, 1, 1), False, "without effect", _MPR),
    ),
    _group(GEOLOGY_GROUP),
    _group(
        "neutrons1",
        ("Desilets_N0", "h-1", (300, 2000, 1500), False, "count rate over dry soil", _DESILETS),
        ("Desilets_LW0", "1", (0, 0.2, 0.1783), False, "lattice water per share of clay", _FATIMA),
        ("Desilets_LW1", "1", (0, 0.05, 0), False, "lattice water without clay", _FATIMA),
    ),
    _group(
        "neutrons2",
        ("COSMIC_N0", "h-1", (300, 2000, 1500), False, "scale of the count rate", _SHUTTLEWORTH),
        ("COSMIC_N1", "1", (0.01, 10, 1), False, "without effect", _FATIMA),
        ("COSMIC_N2", "1", (0.01, 10, 1), False, "without effect", _FATIMA),
        ("COSMIC_alpha0", "1", (0.01, 10, 1), False, "without effect", _FATIMA),
        ("COSMIC_alpha1", "1", (0.01, 10, 1), False, "without effect", _FATIMA),
        (
            "COSMIC_L30",
            "cm",
            (26.56, 424.78, 106.1942),
            False,
            "attenuation of fast neutrons per bulk density",
            _SHUTTLEWORTH,
        ),
        (
            "COSMIC_L31",
            "g cm-2",
            (-118.3, 200.28, 40.9879),
            False,
            "attenuation of fast neutrons, subtracted",
            _SHUTTLEWORTH,
        ),
        ("COSMIC_LW0", "1", (0, 0.2, 0.1783), False, "lattice water per share of clay", _FATIMA),
        ("COSMIC_LW1", "1", (0, 0.05, 0), False, "lattice water without clay", _FATIMA),
    ),
)
GLOBAL_PARAMETERS: dict[str, tuple[GlobalParameter, ...]] = dict(_GROUPS)
"""All declarations by namelist; the geological units come from :func:`geology_parameters`."""


def geology_parameters(units: int) -> tuple[GlobalParameter, ...]:
    """Return the recession constants of baseflow, one for each geological unit."""
    return tuple(
        GlobalParameter(
            f"GeoParam({i})",
            GEOLOGY_GROUP,
            "d",
            1.0,
            1000.0,
            100.0,
            True,
            f"recession of baseflow in geological unit {i}",
            _MPR,
        )
        for i in range(1, units + 1)
    )
