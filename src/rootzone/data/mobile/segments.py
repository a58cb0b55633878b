"""Repeated passes become daily means of segments of a line, with their errors."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from rootzone.data.domain import Line


class Segments(NamedTuple):
    """Daily values of the segments of a line.

    Attributes
    ----------
    rate, sigma : array (day, segment)
        Corrected count rate and its standard deviation [h-1], NaN where nothing was counted.
    counts : array (day, segment)
        Raw counts behind it.
    seconds : array (day, segment)
        Counted time, the weight of a mean over days or segments [s].
    passes : array (day, segment) of int
        Passes of the day.
    operator : csr_array (day * segment, point)
        Takes corrected counts of the points to the rates.
    noise : array (point)
        Variances of the corrected counts of the points.
    """

    rate: np.ndarray
    sigma: np.ndarray
    counts: np.ndarray
    seconds: np.ndarray
    passes: np.ndarray
    operator: csr_array
    noise: np.ndarray


class Aggregated(NamedTuple):
    """Daily counts of model cells along a line, and those of the segments they were made of.

    Attributes
    ----------
    days : array (day) of datetime64[D]
        Every day of the period, in UTC.
    cells : array (cell) of int
        Positions among the active cells of the model, in their order along the line.
    rate, sigma : array (day, cell)
        Corrected count rate and its standard deviation [h-1]; NaN where there is none.
    segment_chainage, segment_x, segment_y : array (segment)
        Middles of the segments: along the line, and in the coordinates of the grid [m].
    segment_rate, segment_sigma : array (day, segment)
        Corrected count rate and its standard deviation [h-1]; NaN where there is none.
    segment_seconds : array (day, segment)
        Counted time [s]; NaN where a table of daily values does not tell it.
    segment_passes : array (day, segment) of int
        Passes, or values of a table, that a daily value was made of.
    line : Line
        The line and the cells it touches.
    flags : dict of int
        How many records were left out for which reason; ``records`` are all, ``used`` the rest.
    """

    days: np.ndarray
    cells: np.ndarray
    rate: np.ndarray
    sigma: np.ndarray
    segment_chainage: np.ndarray
    segment_x: np.ndarray
    segment_y: np.ndarray
    segment_rate: np.ndarray
    segment_sigma: np.ndarray
    segment_seconds: np.ndarray
    segment_passes: np.ndarray
    line: Line
    flags: dict[str, int]


def segment_middles(length: float, segment: float) -> np.ndarray:
    """Return the chainages of the middles of the segments of a line [m].

    All segments are as long as each other: ``segment``, or the next length that divides the line.

    Examples
    --------
    >>> segment_middles(90.0, 31.0).tolist()
    [15.0, 45.0, 75.0]
    """
    count = max(1, round(length / segment))
    return (np.arange(count) + 0.5) * length / count


def daily_segments(
    day: np.ndarray,
    segment: np.ndarray,
    passes: np.ndarray,
    counts: np.ndarray,
    seconds: np.ndarray,
    factor: np.ndarray,
    *,
    days: int,
    segments: int,
    errors: str = "expected",
    windows: csr_array | None = None,
) -> Segments:
    r"""Return daily mean rates of segments: sums of counts over sums of time.

    .. math:: R_{ds} = \frac{3600\sum f_i N_i}{\sum t_i},\quad
              \sigma_{ds} = \frac{3600}{\sum t_i}\sqrt{\sum f_i^2\,\mathrm{E} N_i}

    Parameters
    ----------
    day, segment, passes : array (point) of int
        Day and segment from 0, and the number of the pass.
    counts, seconds, factor : array (point)
        Raw counts, counted time above zero [s] and correction factor [1].
    days, segments : int
        Numbers of days and segments.
    errors : {"expected", "counts"}
        The variance of counts is their expectation: estimated by :func:`expected_counts`, or the
        counts themselves, which calls low counts too certain.
    windows : csr_array (point, point), optional
        Smoothing from :func:`~rootzone.data.mobile.smoothing.window_matrix`, done before.

    Returns
    -------
    Segments
    """
    place = day * segments + segment
    size, shape = days * segments, (days, segments)
    time = np.bincount(place, seconds, minlength=size)
    share = seconds / time[place]
    rows = csr_array((share, (place, np.arange(len(place)))), shape=(size, len(place)))
    operator = rows @ windows if windows is not None else rows * (3600.0 / seconds)
    operator = csr_array(operator)
    total = np.bincount(place, counts, minlength=size).reshape(shape)
    rate = operator @ (factor * counts)
    if errors == "counts":
        # No count at all does not mean no error: that of one count stands in.
        expected = np.where(total.ravel()[place] > 0, counts, share)
    else:
        expected = expected_counts(total, time.reshape(shape)).ravel()[place] * share
    noise = factor**2 * expected
    variance = operator.power(2) @ noise
    empty = time == 0
    rate[empty], variance[empty] = np.nan, np.nan
    runs = np.unique(np.stack([place, passes]), axis=1)[0] if len(place) else place
    return Segments(
        rate.reshape(shape),
        np.sqrt(variance).reshape(shape),
        total,
        time.reshape(shape),
        np.bincount(runs, minlength=size).reshape(shape),
        operator,
        noise,
    )


def expected_counts(counts: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    r"""Return the counts to be expected of each day and segment: rate of the day times segment's.

    .. math:: \mathrm{E} N_{ds} = a_d\, b_s\, t_{ds},\quad
              a_d = \frac{\sum_s N}{\sum_s t},\;
              b_s = \frac{\sum_d N}{\sum_d a_d t}

    One measured count is a poor estimate of its own variance: low counts seem certain, and a mean
    that is weighted with such errors is too low. Where nothing was ever counted, one count is
    expected: none would mean no error.

    Parameters
    ----------
    counts, seconds : array (day, segment)
        Sums; zero where nothing was counted.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        of_day = np.nan_to_num(counts.sum(axis=1) / seconds.sum(axis=1))
        of_segment = np.nan_to_num(counts.sum(axis=0) / (of_day[:, None] * seconds).sum(axis=0))
    expected = of_day[:, None] * of_segment * seconds
    return np.where(seconds > 0, np.where(expected > 0, expected, 1.0), 0.0)


def sparse_days(
    counts: np.ndarray, day: np.ndarray, days: int, *, points: int, least: float
) -> np.ndarray:
    """Return days with too little: fewer records than ``points``, or fewer counts than ``least``.

    Parameters
    ----------
    counts : array (point)
        Raw counts.
    day : array (point) of int
        Day of each record.
    days : int
        Number of days.

    Returns
    -------
    array (day) of bool
        Days without any record are not among them.
    """
    number = np.bincount(day, minlength=days)
    total = np.bincount(day, counts, minlength=days)
    return (number > 0) & ((number < points) | (total < least))
