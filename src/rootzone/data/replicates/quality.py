"""Which readings of replicate sensors are used: bounds, dead sensors, spikes, copied years."""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.ndimage import median_filter

from rootzone.core import DataError
from rootzone.data.replicates.network import Exclusion

_ALIKE = 0.98
"""Share of equal readings above which two years are one record: sensors never repeat a year."""
_CHANGES = 200
"""Readings that change from step to step, which two years must share to be compared."""


@dataclass(frozen=True)
class Rules:
    """Rules of the readings, see the study; those that are None are not asked.

    ``spike`` [m3 m-3], ``dead_days`` [d], ``frost`` [degC].
    """

    low: float = 0.0
    high: float = 1.0
    dead_days: float | None = 30.0
    spike: float | None = None
    all_replicates: bool = False
    frost: float | None = None


def constant_runs(values: np.ndarray, steps: int) -> np.ndarray:
    """Return where readings stay the same for ``steps`` steps or longer; a gap ends a run.

    Parameters
    ----------
    values : array (time)
        NaN in gaps.
    steps : int
        Shortest run.

    Returns
    -------
    array (time) of bool
    """
    change = np.concatenate([[True], ~(values[1:] == values[:-1])])
    run = np.cumsum(change) - 1
    return (np.bincount(run)[run] >= max(steps, 2)) & ~np.isnan(values)


def spikes(values: np.ndarray, threshold: float) -> np.ndarray:
    """Return where a reading is off the median of the five steps around it.

    Wetting fronts stay: behind them most of the five are wet.

    Parameters
    ----------
    values : array (time)
        NaN in gaps; steps beside a gap are not judged.
    threshold : float
        [m3 m-3].
    """
    if len(values) < 5:
        return np.zeros(values.shape, dtype=bool)
    gap = np.isnan(values)
    near_gap = np.convolve(gap, np.ones(5), mode="same") > 0.5
    near_gap[[0, 1, -2, -1]] = True
    median = median_filter(np.where(gap, 0.0, values), size=5)
    return ~near_gap & (np.abs(values - median) > threshold)


def excluded(
    exclusion: Exclusion,
    axis: pd.DatetimeIndex,
    depths: np.ndarray,
    replicates: list[str],
    where: str,
) -> np.ndarray:
    """Return what an exclusion leaves out (depth, replicate, time).

    Raises
    ------
    DataError
        If a depth or a replicate is not there, or the time lies beside the record.
    """
    for name, asked, known in (
        ("depth", exclusion.depths, depths.tolist()),
        ("replicate", exclusion.replicates, replicates),
    ):
        wrong = next((x for x in asked if x not in known), None)
        if wrong is not None:
            shown = ", ".join(f"{k:g}" if isinstance(k, float) else str(k) for k in known)
            raise DataError(f"{where}.exclude: there is no {name} {wrong}, there are {shown}")
    time = np.ones(len(axis), dtype=bool)
    if exclusion.start is not None:
        time &= axis >= exclusion.start
    if exclusion.end is not None:
        time &= axis < exclusion.end
    depth = np.isin(depths, exclusion.depths) if exclusion.depths else np.ones(len(depths), bool)
    names = np.array(replicates)
    which = np.isin(names, exclusion.replicates) if exclusion.replicates else names == names
    return depth[:, None, None] & which[None, :, None] & time[None, None, :]


def bounded(values: np.ndarray, rules: Rules) -> tuple[np.ndarray, int]:
    """Return readings as logged, impossible ones as gaps, and how many these are.

    Before anything is averaged: a mean of a day hides them.
    """
    with np.errstate(invalid="ignore"):
        bad = (values < rules.low) | (values > rules.high)
    return np.where(bad, np.nan, values), int(bad.sum())


def clean(values: np.ndarray, rules: Rules, step_hours: float) -> tuple[np.ndarray, dict[str, int]]:
    """Return the readings of a place that are used, and how many are not, by reason.

    Bounds come before, see :func:`bounded`.

    Parameters
    ----------
    values : array (depth, replicate, time)
        [m3 m-3], NaN in gaps.
    rules : Rules
        The rules.
    step_hours : float
        [h].
    """
    out = values.copy()
    told: dict[str, int] = {}

    def drop(bad: np.ndarray, reason: str) -> None:
        bad = bad & ~np.isnan(out)
        if bad.any():
            told[reason] = int(bad.sum())
            out[bad] = np.nan

    if rules.spike is not None:
        threshold = rules.spike
        drop(np.apply_along_axis(spikes, -1, out, threshold), f"spikes of {threshold:g}")
    if rules.dead_days is not None:
        steps = round(rules.dead_days * 24.0 / step_hours)
        dead = np.apply_along_axis(constant_runs, -1, out, steps)
        drop(dead, f"constant for {rules.dead_days:g} d")
    if rules.all_replicates:
        exists = ~np.isnan(out).all(axis=-1, keepdims=True)
        whole = (~np.isnan(out) | ~exists).all(axis=1, keepdims=True)
        drop(np.broadcast_to(~whole, out.shape), "without all replicates")
    return out, told


def copied_years(values: np.ndarray, axis: pd.DatetimeIndex) -> list[tuple[int, int]]:
    """Return pairs of years in which all sensors read the same, hour by hour.

    Only readings that differ from the one before are compared, since a dry spell of two years may
    well be constant.

    Parameters
    ----------
    values : array (sensor, time)
        NaN in gaps.
    axis : DatetimeIndex
        Starts of the steps.
    """
    moving = np.zeros(values.shape, dtype=bool)
    moving[:, 1:] = np.abs(np.diff(values, axis=1)) > 0.0
    position = ((axis - axis.to_period("Y").to_timestamp()) // (axis[1] - axis[0])).to_numpy()
    leap = axis.is_leap_year & (axis.month > 2)  # the same date, not the same day of the year
    position = position - leap * int(pd.Timedelta("1D") / (axis[1] - axis[0]))
    years = np.unique(axis.year)
    size = int(position.max()) + 1
    tables = {}
    for year in years:
        mine = np.asarray(axis.year == year)
        table = np.full((len(values), size), np.nan)
        table[:, position[mine]] = np.where(moving[:, mine], values[:, mine], np.nan)
        tables[int(year)] = table
    found = []
    for n, first in enumerate(tables):
        for second in list(tables)[n + 1 :]:
            both = ~np.isnan(tables[first]) & ~np.isnan(tables[second])
            equal = (tables[first] == tables[second]) & both
            if both.sum() >= _CHANGES and equal.sum() >= _ALIKE * both.sum():
                found.append((first, second))
    return found


def frozen(readings: np.ndarray, soil_temperature: np.ndarray | None, limit: float) -> np.ndarray:
    """Return which readings were taken in frost, where a sensor does not see the ice.

    Parameters
    ----------
    readings : array (place, depth, replicate, time)
        [m3 m-3], NaN in gaps.
    soil_temperature : array (place, time) or None
        [degC]; a reading without one is not judged.
    limit : float
        Temperature below which a reading is left out [degC].

    Returns
    -------
    array (place, depth, replicate, time) of bool

    Raises
    ------
    DataError
        If no soil temperature is known where there are readings.
    """
    there = ~np.isnan(readings)
    if soil_temperature is None or not (there.any(axis=(1, 2)) & ~np.isnan(soil_temperature)).any():
        raise DataError(
            f"data.quality.frost: readings below {limit:g} degC cannot be left out, there is no "
            "soil_temperature among the inputs in the time of the sensors: name its column, or "
            "leave frost out"
        )
    with np.errstate(invalid="ignore"):
        return there & (soil_temperature < limit)[:, None, None, :]
