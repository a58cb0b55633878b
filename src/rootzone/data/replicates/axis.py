"""Series of any clock on one regular time axis: snapped, averaged, added up, held or divided."""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportGeneralTypeIssues=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rootzone.core import DataError
from rootzone.data.grid import Series, interpolate_gaps, parse_step
from rootzone.data.replicates.network import InputSeries, PlaceRecord

_HOUR = pd.Timedelta("1h")
_STEPS = 20_000_000


def sensor_axis(
    places: list[PlaceRecord],
    step_text: str,
    start: pd.Timestamp | None,
    end: pd.Timestamp | None,
) -> pd.DatetimeIndex:
    """Return the regular axis that the sensors of all places cover, or the period of the study.

    Raises
    ------
    DataError
        If nothing lies in the period, or it is longer than any record can be.
    """
    step = parse_step(step_text, "data.step")
    ends = []
    for s in (s for place in places for s in place.sensors):
        times = s.times[~np.isnan(s.values)]
        if len(times):
            day, own = times.min().floor("D"), min(s.hours, step / _HOUR)
            for time in (times.min(), times.max()):
                ends.append(day + snapped((time - day) / _HOUR, own) * own * _HOUR)
    if not ends:
        raise DataError("there is no reading of soil moisture in any table")
    record = min(ends).floor(step), max(ends).floor(step)
    first = record[0] if start is None else start.ceil(step)
    last = record[1] if end is None else end.floor(step)
    if last <= first or last < record[0] or first > record[1]:
        raise DataError(
            f"data.start {start or '(not set)'} and data.end {end or '(not set)'} leave nothing of "
            f"the readings, which run from {record[0]} to {record[1]} UTC"
        )
    if (last - first) / step > _STEPS:
        raise DataError(
            f"the time axis from {first} to {last} is too long: a time stamp must be wrong (set "
            "data.start and data.end)"
        )
    return pd.date_range(first, last, freq=step)


def snapped(hours: ArrayLike, own: float) -> Any:
    """Return the nearest multiple of an interval [h]; the middle goes to the earlier one.

    Examples
    --------
    >>> [int(snapped(minute / 60.0, 1.0)) for minute in (0, 7, 30, 59)]
    [0, 0, 0, 1]
    """
    return np.ceil(np.asarray(hours) / own - 0.5 - 1e-9)


def to_axis(
    series: Series, axis: pd.DatetimeIndex, *, amount: bool, complete: float
) -> tuple[np.ndarray, float]:
    r"""Return a series on the axis, and the farthest a stamp was moved [h].

    Stamps go to the nearest multiple of their own interval (of the step, where that is shorter),
    counted from midnight; those in the middle go to the earlier one. Within a step, states are
    averaged and amounts added up if data cover ``complete`` of it. A coarser state is held over its
    interval :math:`H`, an amount divided evenly:

    .. math:: a_i = a \, \Delta t / H

    Parameters
    ----------
    series : Series
        Times (UTC, start of the interval) and values of one quantity.
    axis : DatetimeIndex
        Starts of the steps.
    amount : bool
        Whether values are amounts of an interval.
    complete : float
        Share of a step that finer data must cover [1].

    Returns
    -------
    values : array (time)
        NaN in gaps.
    moved : float
        [h].
    """
    n, step = len(axis), (axis[1] - axis[0]) / _HOUR
    own = min(series.hours, step)
    known = ~np.isnan(series.values)
    values = series.values[known]
    # From midnight, not from the first step: both grids share it.
    hours = ((series.times[known] - axis[0].floor("D")) / _HOUR).to_numpy()
    place = snapped(hours, own)
    moved = float(np.abs(hours - place * own).max()) if len(values) else 0.0
    offset = (axis[0] - axis[0].floor("D")) / _HOUR
    position = np.floor((place * own - offset) / step + 1e-9).astype(np.int64)
    repeat = max(1, round(series.hours / step))
    if repeat > 1:
        position = (position[:, None] + np.arange(repeat)).ravel()
        values = np.repeat(values / repeat if amount else values, repeat)
    inside = (position >= 0) & (position < n)
    position, values = position[inside], values[inside]
    number = np.bincount(position, minlength=n)
    total = np.bincount(position, values, minlength=n)
    with np.errstate(invalid="ignore", divide="ignore"):
        out = total if amount else total / number
    # What a logger of an irregular clock leaves out is no gap: at least one value is wanted.
    enough = number >= max(1.0, complete * step / own - 1e-9)
    return np.where(enough, out, np.nan), moved


def input_on_axis(
    series: InputSeries, axis: pd.DatetimeIndex, complete: float
) -> tuple[np.ndarray, list[str]]:
    """Return an input on the axis with its gaps as the study reads them, and what to tell."""
    notes = []
    step = (axis[1] - axis[0]) / _HOUR
    values, moved = to_axis(series, axis, amount=series.amount, complete=complete)
    if moved > 0.0:
        notes.append(f"{series.source}: {series.quantity}, {moved_text(moved)}")
    if series.hours > 1.5 * step:
        what = "divided evenly among" if series.amount else "held over"
        notes.append(
            f"{series.source}: {series.quantity} of {series.hours:g} h {what} steps of {step:g} h"
        )
    gap = np.isnan(values)
    if series.gaps == "zero":
        values = np.where(gap, 0.0, values)
        notes.append(
            f"{series.source}: {series.quantity} is a table of events, {int(gap.sum())} steps "
            "without one count as zero"
        )
    elif series.gaps == "interpolate":
        values, filled = interpolate_gaps(values, round(series.longest_hours / step))
        notes.append(
            f"{series.source}: {series.quantity} is interpolated at {int(filled.sum())} steps, in "
            f"gaps up to {series.longest_hours / 24.0:g} d"
        )
    return values, notes


def moved_text(hours: float) -> str:
    """Return how far stamps were moved, in words."""
    return f"stamps moved to their interval by up to {60.0 * hours:.0f} min"


def refuse_coarse(series: Series, step_hours: float, where: str) -> None:
    """Refuse readings that are coarser than the step: a mean of a day is no hourly reading.

    Raises
    ------
    DataError
        With both steps.
    """
    if series.hours > 1.1 * step_hours:
        raise DataError(
            f"{where}: {series.source} has a reading every {series.hours:g} h, the step is "
            f"{step_hours:g} h, and a mean is no reading of each step: set data.step: 1d"
            if series.hours <= 24.0
            else f"{where}: {series.source} has a reading every {series.hours:g} h, a day is the "
            "longest that can be used"
        )
