"""Series of any step on one regular time axis."""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportReturnType=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportGeneralTypeIssues=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from rootzone.core import DataError

_SUMS = frozenset({"precipitation", "potential_evapotranspiration"})
_SLOW = frozenset({"biomass_water", "dry_biomass"})


@dataclass
class Series:
    """One quantity of one table: UTC times (start of interval), values, interval [h].

    ``counted`` are the hours of each record that were really counted, where the logger says so.
    """

    quantity: str
    times: pd.DatetimeIndex
    values: np.ndarray
    hours: float
    source: str
    depth: float | None = None
    distance: float | None = None
    label: str = ""
    counted: np.ndarray | None = None
    duplicates: pd.DatetimeIndex = field(default_factory=lambda: pd.DatetimeIndex([]))


def clean_order(
    times: pd.DatetimeIndex, source: str
) -> tuple[np.ndarray, pd.DatetimeIndex, list[str]]:
    """Return the rows to keep in time order, the duplicated stamps, and what to tell.

    Rows without time are left out; of rows with the same stamp the first is kept.

    Raises
    ------
    DataError
        If most rows repeat a stamp: the column does not tell the time.
    """
    notes = []
    keep = np.flatnonzero(~times.isna())
    stamps = times[keep]
    if not stamps.is_monotonic_increasing:
        notes.append(f"{source}: rows are not in the order of time and have been sorted")
        keep = keep[np.argsort(stamps.to_numpy(), kind="stable")]
        stamps = times[keep]
    again = stamps.duplicated(keep="first")
    duplicates = stamps[again].unique()
    if again.mean() > 0.5:
        raise DataError(
            f"{source}: {int(again.sum())} of {len(stamps)} rows repeat a time stamp, e.g. "
            f"{stamps[again][0]:%Y-%m-%d %H:%M}: does time.column hold the date only?"
        )
    if again.any():
        notes.append(
            f"{source}: {int(again.sum())} rows repeat a time stamp; the first of each is kept, "
            f"the first at {stamps[again][0]:%Y-%m-%d %H:%M} UTC"
        )
    return keep[~again], duplicates, notes


def parse_step(text: str, where: str) -> pd.Timedelta:
    """Return the step of the time axis.

    Raises
    ------
    DataError
        If the text is no duration, or does not divide a day.
    """
    try:
        step = pd.Timedelta(re.sub(r"d$", "D", text.strip()))  # pandas gives up the small d
    except ValueError:
        raise DataError(f"{where}: '{text}' is no duration, e.g. 30min or 1h") from None
    day = pd.Timedelta("1D")
    if step <= pd.Timedelta(0) or step > day or day % step != pd.Timedelta(0):
        raise DataError(f"{where}: {text} does not divide a day")
    return step


def make_axis(
    counts: list[Series], step: pd.Timedelta, start: pd.Timestamp | None, end: pd.Timestamp | None
) -> pd.DatetimeIndex:
    """Return the regular axis that the counts cover, cut to a period.

    Raises
    ------
    DataError
        If nothing lies in the period, or it is longer than any record can be.
    """
    first = min(s.times.min() for s in counts).floor(step)
    last = max(s.times.max() for s in counts).floor(step)
    if start is not None:
        first = max(first, start.floor(step))
    if end is not None:
        last = min(last, end.floor(step))
    if last < first:
        record = [f(g(s.times) for s in counts) for f, g in ((min, min), (max, max))]
        raise DataError(
            f"no counts between time.start {start or '(not set)'} and time.end "
            f"{end or '(not set)'}: the record runs from {record[0]} to {record[1]} UTC"
        )
    size = int((last - first) / step) + 1
    if size > 20_000_000:
        raise DataError(
            f"the time axis from {first} to {last} has {size} steps: a time stamp must be wrong "
            "(set time.start and time.end)"
        )
    return pd.date_range(first, last, freq=step)


def on_axis(
    series: Series, axis: pd.DatetimeIndex, step: pd.Timedelta
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return values on the axis, the hours of data in each step, and what to tell.

    Finer data are averaged (rain: added up); coarser data are held over their interval (rain:
    spread evenly). Slow quantities (biomass) are interpolated between their dates.
    """
    notes: list[str] = []
    n, step_hours = len(axis), step / pd.Timedelta("1h")
    valid = ~np.isnan(series.values)
    times, values = series.times[valid], series.values[valid]
    if series.quantity in _SLOW:
        if not len(times):
            return np.full(n, np.nan), np.zeros(n), notes
        x = times.to_numpy().astype("datetime64[s]").astype(float)
        at = axis.to_numpy().astype("datetime64[s]").astype(float)
        notes.append(f"{series.source}: {series.quantity} interpolated between {len(times)} dates")
        return np.interp(at, x, values), np.full(n, step_hours), notes
    repeat = max(1, round(series.hours / step_hours))
    if repeat > 1:
        what = "spread evenly over" if series.quantity in _SUMS else "held over"
        notes.append(
            f"{series.source}: {series.quantity} of {series.hours:g} h {what} steps of "
            f"{step_hours:g} h"
        )
    position = ((times.floor(step) - axis[0]) // step).to_numpy()
    position = (position[:, None] + np.arange(repeat)).ravel()
    share = 1.0 / repeat if series.quantity in _SUMS else 1.0
    values = np.repeat(values * share, repeat)
    inside = (position >= 0) & (position < n)
    position, values = position[inside], values[inside]
    number = np.bincount(position, minlength=n)
    total = np.bincount(position, values, minlength=n)
    with np.errstate(invalid="ignore", divide="ignore"):
        out = total if series.quantity in _SUMS else total / number
    hours = number * min(series.hours, step_hours)
    if series.counted is not None and repeat == 1:
        # A rate of records of unequal length weighs them by the time they counted.
        weight = series.counted[valid][inside]
        hours = np.bincount(position, weight, minlength=n)
        with np.errstate(invalid="ignore", divide="ignore"):
            out = np.bincount(position, values * weight, minlength=n) / hours
    return np.where(number > 0, out, np.nan), hours, notes


def interpolate_gaps(values: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Return values with gaps of up to ``limit`` steps interpolated linearly, and where."""
    gap = np.isnan(values)
    if limit <= 0 or not gap.any() or gap.all():
        return values, np.zeros_like(gap)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], gap.astype(np.int8), [0]])))
    starts, ends = edges[::2], edges[1::2]
    fill = np.zeros_like(gap)
    for start, end in zip(starts, ends, strict=True):
        if end - start <= limit and start > 0 and end < len(values):
            fill[start:end] = True
    out = values.copy()
    known = np.flatnonzero(~gap)
    out[fill] = np.interp(np.flatnonzero(fill), known, values[known])
    return out, fill


def seasonal_mean(values: np.ndarray, axis: pd.DatetimeIndex) -> tuple[np.ndarray, float]:
    """Return the seasonal mean of a series and the standard deviation around it.

    Two annual harmonics where the values cover ten months of the calendar, otherwise the mean.
    """
    valid = ~np.isnan(values)
    if valid.sum() < 24:
        return np.full(len(values), np.nan), np.nan
    phase = 2.0 * np.pi * (axis.day_of_year.to_numpy() / 365.25)
    design = [np.ones(len(values))]
    if len(np.unique(axis.month[valid])) >= 10:
        for k in (1, 2):
            design += [np.cos(k * phase), np.sin(k * phase)]
    matrix = np.stack(design, axis=1)
    weights = np.linalg.lstsq(matrix[valid], values[valid], rcond=None)[0]
    fitted = matrix @ weights
    spread = float(np.std(values[valid] - fitted[valid]))
    return np.maximum(fitted, float(np.nanmin(values))), spread
