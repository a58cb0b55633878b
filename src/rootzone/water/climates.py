"""Climates for the weather generator, made of monthly statistics of a named station.

Rain, temperature, radiation, humidity and wind of the months are measured; how wet days differ
from dry ones, how the variables go together from day to day, and how slowly wetness varies was
measured at De Bilt alone and is assumed elsewhere (:data:`DE_BILT_DAYS`). At Drummondville
(Quebec, ERA5 2017 to 2021, wet from 1 mm) the same ratios are 0.80 (range of temperature), 0.57
(clearness), 0.59 (depression of the dew point) and 1.28 (wind), and wet days are over the year
2.7 degC warmer than dry ones instead of 0.5.
All stations lie north of the equator.
"""

from typing import NamedTuple

import numpy as np

from rootzone.water.radiation import clear_sky_radiation, extraterrestrial_radiation
from rootzone.water.weather_generator import (
    CLEARNESS,
    DEPRESSION,
    MONTH_OF_DAY,
    RANGE,
    TEMPERATURE,
    VARIABLES,
    WIND,
    Climate,
    GammaAmounts,
    first_order,
    harmonics,
    wet_fraction,
)

Months = tuple[float, ...]
"""Twelve values, January first."""


class MonthlyNormals(NamedTuple):
    """Monthly statistics of a station, of daily values."""

    latitude: float
    elevation: float
    """[m]"""
    wet_threshold: float
    """Rain from which a day counts as wet [mm]."""
    wet_given_dry: Months
    """Probability of a wet day after a dry one."""
    wet_given_wet: Months
    wet_mean: Months
    """Mean rain of wet days [mm]."""
    wet_deviation: Months
    """Standard deviation of the rain of wet days [mm]."""
    temperature_min: Months
    """[degC]"""
    temperature_max: Months
    deviation_min: Months
    """Standard deviation of daily minima [degC]."""
    deviation_max: Months
    solar_radiation: Months
    """[W m-2]"""
    dew_point: Months
    """[degC]"""
    wind_speed: Months
    """At 2 m [m s-1]."""


class DayStructure(NamedTuple):
    """How days behave within their month."""

    min_max_correlation: float
    """Of the daily minimum and maximum of temperature."""
    warmth_of_wet_days: tuple[float, float]
    """Wet less dry days: annual mean and amplitude of a cosine highest in January [degC]."""
    range_ratio: float
    """Range of temperature, wet over dry days [1]."""
    clearness_ratio: float
    depression_ratio: float
    wind_ratio: float
    logit_deviation: tuple[float, float]
    """Of the logit of clearness, dry and wet days."""
    depression_variation: float
    """Coefficient of variation of the depression of the dew point [1]."""
    wind_variation: float
    slow_spread: float
    slow_days: float
    memory: tuple[tuple[float, ...], ...]
    noise: tuple[tuple[float, ...], ...]


DE_BILT_DAYS = DayStructure(
    min_max_correlation=0.65,
    warmth_of_wet_days=(0.5, 2.4),
    range_ratio=0.76,
    clearness_ratio=0.65,
    depression_ratio=0.75,
    wind_ratio=1.29,
    logit_deviation=(1.17, 0.90),
    depression_variation=0.56,
    wind_variation=0.38,
    slow_spread=0.25,
    slow_days=20.0,
    memory=(
        (0.749, 0.095, -0.026, -0.061, -0.007),
        (-0.051, 0.241, 0.064, 0.094, -0.140),
        (-0.031, 0.130, 0.128, 0.082, 0.020),
        (0.037, 0.130, -0.103, 0.446, 0.143),
        (0.056, 0.039, 0.020, -0.041, 0.484),
    ),
    noise=(
        (0.660, 0.027, 0.003, 0.080, 0.062),
        (0.027, 0.888, 0.269, -0.011, -0.120),
        (0.003, 0.269, 0.898, 0.229, -0.033),
        (0.080, -0.011, 0.229, 0.813, 0.178),
        (0.062, -0.120, -0.033, 0.178, 0.852),
    ),
)
"""Measured at De Bilt, 1990 to 2019 (the correlation: mean of De Bilt 0.64 and Drummondville 0.70;
the slow wetness, 1980 to 2019: chosen so that monthly numbers of wet days vary as measured)."""


# --- stations ---------------------------------------------------------------------------

DE_BILT = MonthlyNormals(
    latitude=52.10,
    elevation=2.0,
    wet_threshold=0.3,
    wet_given_dry=(0.33, 0.32, 0.26, 0.24, 0.24, 0.29, 0.31, 0.28, 0.27, 0.29, 0.37, 0.33),
    wet_given_wet=(0.68, 0.68, 0.63, 0.58, 0.61, 0.56, 0.57, 0.62, 0.65, 0.65, 0.71, 0.72),
    wet_mean=(4.47, 4.44, 4.36, 3.89, 5.08, 5.83, 6.43, 6.33, 5.97, 5.64, 4.81, 4.96),
    wet_deviation=(4.62, 4.77, 5.03, 4.12, 5.48, 6.66, 7.77, 6.74, 6.78, 6.49, 5.22, 5.35),
    temperature_min=(0.9, 0.7, 2.4, 4.5, 8.0, 10.8, 13.0, 12.4, 10.0, 7.1, 3.9, 1.5),
    temperature_max=(6.1, 7.1, 10.6, 14.7, 18.4, 20.8, 23.1, 22.8, 19.4, 14.9, 9.8, 6.6),
    deviation_min=(4.5, 4.5, 3.7, 3.6, 3.5, 3.0, 2.8, 2.8, 3.1, 3.9, 4.0, 4.4),
    deviation_max=(4.0, 4.1, 3.8, 4.4, 4.6, 4.1, 4.1, 3.7, 3.3, 3.4, 3.5, 4.0),
    solar_radiation=(27, 53, 99, 163, 202, 211, 207, 175, 120, 71, 32, 20),
    dew_point=(1.7, 1.7, 3.7, 5.9, 9.3, 12.2, 14.4, 14.6, 12.5, 9.2, 5.5, 2.5),
    wind_speed=(3.1, 3.0, 2.9, 2.6, 2.5, 2.3, 2.2, 2.1, 2.2, 2.5, 2.6, 3.0),
)
"""Temperate maritime: De Bilt in the Netherlands, 150 km from Brussels, for lowland Belgium.

Computed from the daily record of the Royal Netherlands Meteorological Institute (station 260),
1990 to 2019; wind of 10 m brought to 2 m by FAO-56 eq. 47, dew point from the mean humidity.
"""

CRETE = MonthlyNormals(
    latitude=40.62,
    elevation=415.0,
    wet_threshold=0.254,
    wet_given_dry=(0.11, 0.12, 0.14, 0.21, 0.28, 0.26, 0.22, 0.21, 0.18, 0.14, 0.11, 0.12),
    wet_given_wet=(0.24, 0.28, 0.39, 0.43, 0.49, 0.43, 0.42, 0.42, 0.42, 0.42, 0.37, 0.34),
    wet_mean=(3.8, 4.1, 7.9, 8.4, 10.7, 11.2, 9.9, 9.1, 10.4, 8.1, 6.9, 4.3),
    wet_deviation=(4.3, 5.3, 10.4, 10.4, 15.0, 15.2, 14.0, 12.7, 15.0, 12.4, 9.9, 6.6),
    temperature_min=(-9.4, -7.0, -1.3, 4.8, 10.8, 16.1, 18.8, 17.6, 12.3, 5.8, -1.4, -7.5),
    temperature_max=(2.1, 5.2, 11.9, 18.5, 23.9, 29.1, 31.6, 30.4, 26.3, 19.9, 10.7, 3.7),
    deviation_min=(6.9, 7.1, 6.3, 5.4, 4.6, 4.0, 3.3, 3.4, 5.2, 5.6, 5.8, 6.6),
    deviation_max=(7.7, 8.4, 7.9, 6.9, 5.1, 4.2, 3.8, 4.1, 5.2, 6.2, 7.1, 7.3),
    solar_radiation=(77, 110, 161, 200, 234, 265, 269, 235, 194, 134, 85, 68),
    dew_point=(-9.2, -7.0, -2.1, 3.4, 9.9, 15.4, 18.0, 17.1, 11.6, 4.3, -2.1, -7.0),
    wind_speed=(2.8, 2.9, 3.5, 3.5, 3.2, 2.8, 2.8, 2.8, 2.9, 2.8, 2.8, 2.8),
)
"""Continental with cold winters: Crete, Nebraska, 1974 to 2013 (CLIGEN station 252020)."""

DAVIS = MonthlyNormals(
    latitude=38.53,
    elevation=15.0,
    wet_threshold=0.254,
    wet_given_dry=(0.22, 0.22, 0.16, 0.11, 0.06, 0.03, 0.00, 0.01, 0.03, 0.07, 0.16, 0.22),
    wet_given_wet=(0.64, 0.61, 0.60, 0.44, 0.40, 0.33, 0.38, 0.33, 0.31, 0.44, 0.50, 0.58),
    wet_mean=(7.9, 9.1, 8.1, 5.6, 4.6, 4.3, 3.0, 3.3, 5.1, 6.3, 7.1, 7.9),
    wet_deviation=(11.2, 11.2, 9.1, 7.9, 6.9, 5.3, 3.8, 4.8, 7.1, 9.9, 9.7, 11.7),
    temperature_min=(3.0, 4.5, 6.2, 7.5, 10.4, 12.9, 13.6, 13.0, 12.1, 9.3, 5.3, 2.8),
    temperature_max=(12.3, 15.6, 18.5, 22.2, 27.1, 31.3, 33.9, 33.3, 31.6, 26.3, 18.1, 12.7),
    deviation_min=(3.7, 3.5, 3.4, 3.1, 3.2, 3.1, 2.7, 2.5, 2.8, 3.0, 3.5, 3.9),
    deviation_max=(3.6, 3.4, 4.2, 4.9, 5.2, 4.7, 3.8, 3.8, 4.4, 4.9, 4.3, 3.6),
    solar_radiation=(72, 106, 171, 225, 269, 311, 316, 280, 228, 160, 98, 70),
    dew_point=(4.7, 5.8, 7.0, 7.0, 8.6, 10.3, 12.1, 12.1, 10.8, 8.2, 6.1, 3.7),
    wind_speed=(2.4, 2.3, 2.6, 2.5, 2.8, 2.9, 2.7, 2.6, 2.3, 2.0, 1.9, 2.1),
)
"""Mediterranean, dry in summer: Davis, California, 1974 to 2013 (CLIGEN station 042294)."""

AKRON = MonthlyNormals(
    latitude=40.15,
    elevation=1384.0,
    wet_threshold=0.254,
    wet_given_dry=(0.10, 0.11, 0.15, 0.20, 0.23, 0.21, 0.22, 0.21, 0.14, 0.11, 0.11, 0.08),
    wet_given_wet=(0.27, 0.30, 0.30, 0.43, 0.46, 0.42, 0.39, 0.37, 0.38, 0.36, 0.29, 0.31),
    wet_mean=(2.3, 2.5, 4.1, 4.6, 7.4, 6.9, 7.6, 7.6, 4.8, 5.1, 3.6, 2.8),
    wet_deviation=(3.0, 3.3, 6.1, 5.6, 9.9, 8.1, 10.2, 11.2, 7.1, 6.6, 4.6, 4.1),
    temperature_min=(-10.0, -8.0, -4.0, 0.4, 5.9, 11.2, 14.8, 13.6, 8.5, 1.5, -4.6, -9.4),
    temperature_max=(4.3, 6.4, 11.4, 16.2, 21.4, 27.9, 32.2, 30.7, 26.0, 18.6, 10.5, 5.0),
    deviation_min=(6.1, 6.2, 5.0, 4.5, 4.0, 3.4, 2.5, 2.8, 4.3, 4.5, 5.2, 6.1),
    deviation_max=(7.8, 8.2, 8.1, 7.6, 6.5, 5.8, 4.4, 4.6, 6.7, 7.7, 8.2, 8.0),
    solar_radiation=(96, 132, 180, 220, 257, 289, 292, 253, 207, 150, 99, 86),
    dew_point=(-9.5, -7.8, -5.0, -1.7, 4.4, 8.9, 11.6, 11.1, 5.6, -0.5, -5.6, -8.9),
    wind_speed=(4.5, 4.6, 5.2, 5.0, 4.6, 4.2, 4.2, 4.0, 4.2, 4.1, 4.7, 4.7),
)
"""Semi-arid steppe with cold winters: Akron, Colorado, 1974 to 2013 (CLIGEN station 050109)."""

UNION_SPRINGS = MonthlyNormals(
    latitude=32.13,
    elevation=149.0,
    wet_threshold=0.254,
    wet_given_dry=(0.23, 0.21, 0.20, 0.18, 0.19, 0.21, 0.27, 0.21, 0.16, 0.12, 0.18, 0.20),
    wet_given_wet=(0.42, 0.36, 0.40, 0.35, 0.35, 0.44, 0.47, 0.42, 0.46, 0.37, 0.35, 0.34),
    wet_mean=(14.0, 15.7, 20.3, 16.3, 15.2, 15.2, 14.5, 13.0, 15.5, 14.7, 18.0, 15.2),
    wet_deviation=(14.7, 16.8, 22.6, 18.8, 17.3, 17.5, 15.5, 17.0, 17.8, 19.8, 19.8, 16.8),
    temperature_min=(1.0, 2.3, 6.0, 9.3, 14.3, 19.0, 20.9, 20.4, 17.4, 10.5, 5.5, 2.0),
    temperature_max=(13.9, 16.2, 20.6, 24.3, 28.1, 31.4, 32.5, 32.1, 29.7, 24.8, 20.1, 15.2),
    deviation_min=(6.5, 6.0, 5.6, 4.9, 4.1, 2.5, 1.6, 1.9, 3.7, 5.6, 6.1, 6.2),
    deviation_max=(6.2, 6.1, 5.7, 4.3, 3.3, 2.8, 2.4, 2.6, 3.4, 4.2, 5.1, 6.0),
    solar_radiation=(104, 136, 180, 226, 250, 241, 249, 227, 192, 160, 119, 99),
    dew_point=(2.7, 4.0, 7.1, 11.0, 16.0, 19.7, 21.7, 21.5, 18.6, 12.3, 7.9, 4.4),
    wind_speed=(2.4, 2.5, 2.6, 2.3, 1.9, 1.8, 1.6, 1.5, 1.8, 1.8, 2.0, 2.2),
)
"""Humid subtropical: Union Springs, Alabama, 1974 to 2013 (CLIGEN station 018438)."""

CLIMATES: dict[str, MonthlyNormals] = {
    "temperate maritime": DE_BILT,
    "continental": CRETE,
    "Mediterranean": DAVIS,
    "semi-arid": AKRON,
    "humid subtropical": UNION_SPRINGS,
}
"""The stations by climate.

Stations of the United States: parameter files of the CLIGEN station database of 2015 (USDA
Agricultural Research Service, 40 years to 2013) in SI units, a wet day having 0.01 inch. Radiation,
dew point and wind there are interpolated from neighbors of the station; the mean wind is that of
the wind rose, taken as measured at 10 m and brought to 2 m by FAO-56 eq. 47.
"""


# --- from normals to the generator ------------------------------------------------------


def _seasonal(monthly: np.ndarray, terms: int) -> np.ndarray:
    """Return the coefficients whose monthly means come nearest to twelve values."""
    daily = np.asarray(harmonics(np.arange(1, 366), terms))
    basis = np.stack([daily[m == MONTH_OF_DAY].mean(axis=0) for m in range(12)])
    return np.linalg.lstsq(basis, monthly, rcond=None)[0]


def _dry_and_wet(mean: np.ndarray, ratio: float, wet: np.ndarray) -> np.ndarray:
    """Return means of dry and of wet days (2, 12) that have a ratio and keep the overall mean."""
    dry = mean / (1.0 - wet * (1.0 - ratio))
    return np.stack([dry, ratio * dry])


def _root_scale(mean: np.ndarray, variation: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation of y when y^2 has a mean and a coefficient of variation.

    For Gaussian y with mean m and deviation s, y^2 has mean m^2 + s^2 and variance
    4 m^2 s^2 + 2 s^4.
    """
    variance = mean * (1.0 - np.sqrt(1.0 - 0.5 * np.minimum(variation, 1.2) ** 2))
    return np.sqrt(mean - variance), np.sqrt(variance)


def _logit_scale(mean: np.ndarray, deviation: float) -> np.ndarray:
    """Return the locations whose logistic function has given means under a Gaussian deviation."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    weights = weights / weights.sum()
    low, high = np.full_like(mean, -12.0), np.full_like(mean, 12.0)
    for _ in range(60):
        middle = 0.5 * (low + high)
        value = (weights / (1.0 + np.exp(-middle[:, None] - deviation * nodes))).sum(axis=1)
        low, high = np.where(value < mean, middle, low), np.where(value < mean, high, middle)
    return 0.5 * (low + high)


def _clearness(normals: MonthlyNormals) -> np.ndarray:
    """Return the share of the clear-sky radiation by month (12)."""
    outside = extraterrestrial_radiation(np.arange(1, 366), normals.latitude)
    clear = np.asarray(clear_sky_radiation(outside, normals.elevation))
    mean = np.array([clear[m == MONTH_OF_DAY].mean() for m in range(12)])
    return np.asarray(normals.solar_radiation) / mean


def _temperatures(normals: MonthlyNormals, days: DayStructure, wet: np.ndarray) -> tuple:
    """Return locations and spreads (2, 12) of the mean temperature and of its range."""
    low, high = np.asarray(normals.temperature_min), np.asarray(normals.temperature_max)
    s_low, s_high = np.asarray(normals.deviation_min), np.asarray(normals.deviation_max)
    together = 2.0 * days.min_max_correlation * s_low * s_high
    mixture = wet * (1.0 - wet)

    yearly, winter = days.warmth_of_wet_days
    warmth = yearly + winter * np.cos(2.0 * np.pi * (np.arange(12) + 0.5) / 12.0)
    mean = 0.5 * (low + high)
    means = np.stack([mean - wet * warmth, mean + (1.0 - wet) * warmth])
    total = 0.25 * (s_low**2 + s_high**2 + together)
    # A quarter of the variance is left at least, however far apart wet and dry days are.
    within = np.maximum(total - mixture * warmth**2, 0.25 * total)
    deviations = np.stack([np.sqrt(within)] * 2)

    ranges = _dry_and_wet(high - low, days.range_ratio, wet)
    total = s_low**2 + s_high**2 - together
    within = np.maximum(total - mixture * (ranges[0] - ranges[1]) ** 2, 0.25 * total)
    squares = (1.0 - wet) * ranges[0] ** 2 + wet * ranges[1] ** 2
    return means, deviations, *_root_scale(ranges, np.sqrt(within / squares))


def _scales(normals: MonthlyNormals, days: DayStructure, wet: np.ndarray) -> tuple:
    """Return locations and spreads (2, 5, 12) of the variables on their scales.

    Raises
    ------
    ValueError
        If the dew point is above the mean temperature, or the sun brighter than a clear sky.
    """
    mean = 0.5 * (np.asarray(normals.temperature_min) + np.asarray(normals.temperature_max))
    depression, share = mean - np.asarray(normals.dew_point), _clearness(normals)
    if np.any(depression <= 0.0) or np.any(share >= 1.0):
        raise ValueError(
            "a month has a dew point above its mean temperature or more sun than a clear sky: "
            "check dew_point [degC] and solar_radiation [W m-2] of the normals"
        )
    location, spread = np.empty((2, VARIABLES, 12)), np.empty((2, VARIABLES, 12))
    warmth, warmth_deviation, span, span_deviation = _temperatures(normals, days, wet)
    location[:, TEMPERATURE], spread[:, TEMPERATURE] = warmth, warmth_deviation
    location[:, RANGE], spread[:, RANGE] = span, span_deviation
    clear = np.minimum(_dry_and_wet(share, days.clearness_ratio, wet), 0.98)
    for state in (0, 1):
        location[state, CLEARNESS] = _logit_scale(clear[state], days.logit_deviation[state])
        spread[state, CLEARNESS] = days.logit_deviation[state]
    moist = _dry_and_wet(depression, days.depression_ratio, wet)
    location[:, DEPRESSION], spread[:, DEPRESSION] = _root_scale(moist, days.depression_variation)
    wind = _dry_and_wet(np.asarray(normals.wind_speed), days.wind_ratio, wet)
    location[:, WIND], spread[:, WIND] = _root_scale(wind, days.wind_variation)
    return location, spread


def _noise(normals: MonthlyNormals, days: DayStructure) -> np.ndarray:
    """Return B of a vector whose temperature and range go together as at the station.

    Where maxima vary more than minima, warm days are days of a wide range: the covariance of mean
    and range is half the difference of the variances. The other correlations are those of A and B.
    """
    a, b = np.asarray(days.memory), np.asarray(days.noise)
    together = b @ b.T
    for _ in range(200):
        together = a @ together @ a.T + b @ b.T
    s_low, s_high = np.asarray(normals.deviation_min), np.asarray(normals.deviation_max)
    cross, squares = 2.0 * days.min_max_correlation * s_low * s_high, s_low**2 + s_high**2
    correlation = (s_high**2 - s_low**2) / np.sqrt((squares + cross) * (squares - cross))
    scale = np.sqrt(together[TEMPERATURE, TEMPERATURE] * together[RANGE, RANGE])
    together[TEMPERATURE, RANGE] = together[RANGE, TEMPERATURE] = scale * correlation.mean()
    values, vectors = np.linalg.eigh(together - a @ together @ a.T)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


def climate_of_normals(
    normals: MonthlyNormals, *, days: DayStructure = DE_BILT_DAYS, waves: int = 3
) -> Climate:
    """Return the parameters of the weather generator that belong to monthly statistics.

    Means of the months, of all days together, are kept up to what ``waves`` harmonics can follow;
    variances are split into what separates wet from dry days and what is left within each.

    Parameters
    ----------
    normals : MonthlyNormals
        Statistics of a station.
    days : DayStructure
        What monthly statistics do not tell.
    waves : int
        Harmonics of the seasonal means.

    Returns
    -------
    Climate

    Raises
    ------
    ValueError
        If the dew point is above the mean temperature, or the sun brighter than a clear sky.

    Examples
    --------
    >>> climate = climate_of_normals(DAVIS)
    >>> [round(float(p), 2) for p in wet_fraction(climate.wet_probability)[:3]]
    [0.38, 0.36, 0.29]
    """
    chain = first_order(np.asarray(normals.wet_given_dry), np.asarray(normals.wet_given_wet))
    wet = np.asarray(wet_fraction(chain))
    location, spread = _scales(normals, days, wet)
    terms = 1 + 2 * waves
    excess = np.asarray(normals.wet_mean) - normals.wet_threshold
    return Climate(
        normals.latitude,
        normals.elevation,
        normals.wet_threshold,
        chain,
        GammaAmounts.of_moments(excess, np.asarray(normals.wet_deviation)),
        np.stack([[_seasonal(x, terms) for x in state] for state in location]),
        np.stack([[_seasonal(np.log(x), 5) for x in state] for state in spread]),
        np.asarray(days.memory),
        _noise(normals, days),
        days.slow_spread,
        days.slow_days,
    )
