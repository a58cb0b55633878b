"""Parameters of the weather generator from a daily record, gaps allowed.

Plain numpy: a record is fitted once. What a record lacks (humidity, wind) can be taken from a
climate that is known.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rootzone.water.radiation import extraterrestrial_radiation
from rootzone.water.weather_generator import (
    CLEARNESS,
    DAYS_OF_MONTH,
    DEPRESSION,
    MONTH_OF_DAY,
    RANGE,
    TEMPERATURE,
    VARIABLES,
    WIND,
    Amounts,
    Climate,
    GammaAmounts,
    MixedExponentialAmounts,
    first_order,
    harmonics,
)

_NAMES = ("temperature", "range of temperature", "solar radiation", "dew point", "wind speed")
_FEWEST_WET_DAYS = 60
_FEWEST_VALUES = 120  # of a variable, among dry and among wet days


class DailyRecord(NamedTuple):
    """Measured weather of consecutive days (day), NaN where missing.

    Rain mm d-1, temperatures and dew point degC, solar radiation the daily mean W m-2, wind at
    2 m m s-1.
    """

    day_of_year: ArrayLike
    rain: ArrayLike
    temperature_min: ArrayLike
    temperature_max: ArrayLike
    solar_radiation: ArrayLike
    dew_point: ArrayLike
    wind_speed: ArrayLike


# --- occurrence and amounts -------------------------------------------------------------


def _chances(wet: np.ndarray, month: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return the chance of a wet day by month (12), among days after ``before`` is true.

    One day with the chance of the whole year is added to each month, so that a month without
    such days has a chance all the same.
    """
    overall = np.nanmean(wet[before]) if np.any(before & ~np.isnan(wet)) else 0.5
    seen = before & ~np.isnan(wet)
    count = np.bincount(month[seen], minlength=12)
    hits = np.bincount(month[seen], weights=wet[seen], minlength=12)
    return (hits + overall) / (count + 1.0)


def fit_occurrence(wet: ArrayLike, month: ArrayLike, *, order: int = 1) -> np.ndarray:
    """Return the probabilities of a chain (12, 2, 2) from wet (1), dry (0) and missing (NaN) days.

    Parameters
    ----------
    wet : array (day)
        Consecutive days.
    month : array (day)
        0 to 11.
    order : int
        1 or 2: how many days the chain remembers.

    Raises
    ------
    ValueError
        If the order is another one.
    """
    if order not in (1, 2):
        raise ValueError(f"order of the chain is {order}, 1 or 2 is known")
    wet, month = np.asarray(wet, float), np.asarray(month)
    yesterday = np.concatenate([[np.nan], wet[:-1]])
    earlier = np.concatenate([[np.nan, np.nan], wet[:-2]])
    if order == 1:
        rows = [_chances(wet, month, yesterday == state) for state in (0, 1)]
        return np.asarray(first_order(rows[0], rows[1]))
    out = np.empty((12, 2, 2))
    for a in (0, 1):
        for b in (0, 1):
            out[:, a, b] = _chances(wet, month, (earlier == a) & (yesterday == b))
    return out


def _by_month(
    excess: np.ndarray, month: np.ndarray, fit: Callable[[np.ndarray], tuple[float, ...]]
) -> np.ndarray:
    """Return what ``fit`` makes of each month (12, parameter); a month of few days uses all."""
    rows = [excess[month == m] for m in range(12)]
    return np.array([fit(x if x.size >= _FEWEST_WET_DAYS // 3 else excess) for x in rows])


def fit_gamma(excess: np.ndarray, month: np.ndarray) -> GammaAmounts:
    """Return gamma amounts with the mean and variance of the rain above the threshold [mm].

    Moments and not likelihood: the likelihood of records rounded to 0.1 mm follows the drizzle,
    while the variance of sums, which soil moisture sees, follows the large amounts.
    """
    moments = _by_month(excess, month, lambda x: (x.mean(), x.std(ddof=1)))
    return GammaAmounts.of_moments(moments[:, 0], moments[:, 1])


def _two_exponentials(x: np.ndarray, *, rounds: int = 300) -> tuple[float, float, float]:
    """Return weight and means of two exponentials by expectation-maximization."""
    mean = x.mean()
    weight, small, large = 0.5, 0.4 * mean, 1.6 * mean
    for _ in range(rounds):
        near = weight / small * np.exp(-x / small)
        far = (1.0 - weight) / large * np.exp(-x / large)
        share = near / (near + far)
        weight = float(np.clip(share.mean(), 0.02, 0.98))
        small = max(float((share * x).sum() / share.sum()), 1e-3 * mean)
        large = float(((1.0 - share) * x).sum() / (1.0 - share).sum())
    return weight, small, large


def fit_mixed_exponential(excess: np.ndarray, month: np.ndarray) -> MixedExponentialAmounts:
    """Return mixed exponential amounts by maximum likelihood; means of months are kept."""
    p = _by_month(excess, month, _two_exponentials)
    return MixedExponentialAmounts(p[:, 0], p[:, 1], p[:, 2])


# --- temperature, radiation, humidity, wind ---------------------------------------------


def _on_scale(record: DailyRecord, latitude: float, elevation: float) -> np.ndarray:
    """Return the variables on their nearly Gaussian scales (day, 5)."""
    low, high = np.asarray(record.temperature_min, float), np.asarray(record.temperature_max, float)
    day = np.asarray(record.day_of_year)
    clear = (0.75 + 2e-5 * elevation) * np.asarray(extraterrestrial_radiation(day, latitude))
    dark = clear < 1.0
    share = np.asarray(record.solar_radiation, float) / np.where(dark, np.nan, clear)
    share = np.clip(share, 0.01, 0.99)
    mean = 0.5 * (low + high)
    out = np.empty((day.size, VARIABLES))
    out[:, TEMPERATURE] = mean
    out[:, RANGE] = np.sqrt(np.maximum(high - low, 0.0))
    out[:, CLEARNESS] = np.log(share / (1.0 - share))
    out[:, DEPRESSION] = np.sqrt(np.maximum(mean - np.asarray(record.dew_point, float), 0.0))
    out[:, WIND] = np.sqrt(np.maximum(np.asarray(record.wind_speed, float), 0.0))
    return out


def _waves(day: np.ndarray, terms: int) -> np.ndarray:
    """Return the harmonics (day, terms) of days of the year, 366 included."""
    return np.asarray(harmonics(np.arange(1, 367), terms))[day - 1]


def _seasons(value: np.ndarray, day: np.ndarray, terms: int) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients of the mean and of the log standard deviation of a variable."""
    basis = _waves(day, terms)
    mean, *_ = np.linalg.lstsq(basis, value, rcond=None)
    residual = value - basis @ mean
    month = MONTH_OF_DAY[np.minimum(day, 365) - 1]
    count = np.bincount(month, minlength=12)
    variance = np.bincount(month, weights=residual**2, minlength=12) / np.maximum(count, 1)
    # Months lend each other strength: a handful of days says little about a spread.
    variance = (count * variance + 5.0 * residual.var()) / (count + 5.0)
    few = min(terms, 5)
    middle = _waves(np.cumsum(DAYS_OF_MONTH) - DAYS_OF_MONTH // 2, few)
    weight = np.sqrt(count + 5.0)[:, None]
    spread = np.zeros(terms)
    spread[:few] = np.linalg.lstsq(
        weight * middle, weight[:, 0] * 0.5 * np.log(variance), rcond=None
    )[0]
    return mean, spread


def _padded(coefficients: np.ndarray, terms: int) -> np.ndarray:
    """Return coefficients cut or filled with zeros to a number of terms."""
    out = np.zeros(terms)
    n = min(terms, coefficients.size)
    out[:n] = coefficients[:n]
    return out


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the mean products (5, 5) of standardized columns over days that have both."""
    both = ~np.isnan(a)[:, :, None] & ~np.isnan(b)[:, None, :]
    product = np.nan_to_num(a)[:, :, None] * np.nan_to_num(b)[:, None, :] * both
    return product.sum(0) / np.maximum(both.sum(0), 1)


def _autoregression(z: np.ndarray, lent: np.ndarray, memory: np.ndarray) -> tuple:
    """Return A and B of the vector (day, 5); ``lent`` variables keep their own memory."""
    m0, m1 = _correlation(z, z), _correlation(z[1:], z[:-1])
    for j in np.flatnonzero(lent):
        m0[j, :] = m0[:, j] = m1[j, :] = m1[:, j] = 0.0
        m0[j, j], m1[j, j] = 1.0, memory[j, j]
    values, vectors = np.linalg.eigh(m0)
    m0 = (vectors * np.maximum(values, 1e-3)) @ vectors.T
    a = m1 @ np.linalg.inv(m0)
    values, vectors = np.linalg.eigh(m0 - a @ m1.T)
    return a, (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


def _fit_variable(
    value: np.ndarray, wet: np.ndarray, day: np.ndarray, terms: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Return seasons of mean and log spread (2, term) and the standardized variable (day).

    None where too few dry or wet days have a value.
    """
    seen = [(wet == state) & ~np.isnan(value) for state in (0, 1)]
    if min(s.sum() for s in seen) < _FEWEST_VALUES:
        return None
    location, log_spread = np.empty((2, terms)), np.empty((2, terms))
    z = np.full(value.shape, np.nan)
    for state, days in enumerate(seen):
        location[state], log_spread[state] = _seasons(value[days], day[days], terms)
        basis = _waves(day[days], terms)
        z[days] = (value[days] - basis @ location[state]) / np.exp(basis @ log_spread[state])
    return location, log_spread, z


def _fit_variables(
    value: np.ndarray, wet: np.ndarray, day: np.ndarray, terms: int, fallback: Climate | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return seasons (2, 5, term) twice and A and B (5, 5) of the variables (day, 5)."""
    location, log_spread = np.zeros((2, VARIABLES, terms)), np.zeros((2, VARIABLES, terms))
    lent, z = np.zeros(VARIABLES, bool), np.full(value.shape, np.nan)
    for j in range(VARIABLES):
        fitted = _fit_variable(value[:, j], wet, day, terms)
        if fitted is not None:
            location[:, j], log_spread[:, j], z[:, j] = fitted
            continue
        if fallback is None:
            raise ValueError(
                f"the record has too little {_NAMES[j]} to fit: give a fallback climate"
            )
        lent[j] = True
        for state in (0, 1):
            location[state, j] = _padded(np.asarray(fallback.location)[state, j], terms)
            log_spread[state, j] = _padded(np.asarray(fallback.log_spread)[state, j], terms)
    own = np.zeros((VARIABLES, VARIABLES)) if fallback is None else np.asarray(fallback.memory)
    return location, log_spread, *_autoregression(z, lent, own)


def fit_climate(
    record: DailyRecord,
    *,
    latitude: float,
    elevation: float,
    wet_threshold: float = 0.3,
    order: int = 1,
    amounts: Callable[[np.ndarray, np.ndarray], Amounts] = fit_mixed_exponential,
    waves: int = 2,
    fallback: Climate | None = None,
) -> Climate:
    """Return the parameters of the weather generator that a record shows.

    Parameters
    ----------
    record : DailyRecord
        Consecutive days, NaN where missing; a few years at least.
    latitude, elevation : float
        [degrees] and [m].
    wet_threshold : float
        Rain from which a day is wet [mm], not under the resolution of the gauge.
    order : int
        Order of the chain of wet days, 1 or 2.
    amounts : callable
        ``fit_mixed_exponential`` or ``fit_gamma``.
    waves : int
        Harmonics of the seasonal means; two at most for the spreads.
    fallback : Climate, optional
        Lends the variables that the record lacks, uncorrelated with the others.

    Returns
    -------
    Climate

    Raises
    ------
    ValueError
        If the record has too few wet days, or lacks a variable and there is no fallback.
    """
    day, rain = np.asarray(record.day_of_year), np.asarray(record.rain, float)
    month = MONTH_OF_DAY[np.minimum(day, 365) - 1]
    wet = np.where(np.isnan(rain), np.nan, rain >= wet_threshold)
    if np.nansum(wet) < _FEWEST_WET_DAYS:
        raise ValueError(
            f"the record has {int(np.nansum(wet))} days with {wet_threshold} mm of rain, "
            f"{_FEWEST_WET_DAYS} at least are wanted: give a longer record or a lower threshold"
        )
    value = _on_scale(record, latitude, elevation)
    rainy = wet == 1.0
    return Climate(
        latitude,
        elevation,
        wet_threshold,
        fit_occurrence(wet, month, order=order),
        amounts(rain[rainy] - wet_threshold, month[rainy]),
        *_fit_variables(value, wet, day, 1 + 2 * waves, fallback),
    )
