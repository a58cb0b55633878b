"""Quality flags: what is wrong with a value is written beside it, never deleted."""

from enum import IntFlag

import numpy as np
import pandas as pd


class Flag(IntFlag):
    """Bits of the variable ``quality_flag``; see :data:`EXCLUDED` for their consequence."""

    MISSING_COUNTS = 1
    OUT_OF_RANGE = 2
    IMPOSSIBLE_COUNTS = 4
    SPIKE = 8
    CONSTANT = 16
    INCOMPLETE_INTERVAL = 32
    DUPLICATE_TIME = 64
    MISSING_WEATHER = 128
    INTERPOLATED_WEATHER = 256
    ESTIMATED_HUMIDITY = 512
    ABOVE_DRY_SOIL = 1024
    BELOW_WETTEST = 2048
    SNOW_OR_FROST = 4096


MEANING: dict[Flag, str] = {
    Flag.MISSING_COUNTS: "no counts",
    Flag.OUT_OF_RANGE: "raw count rate outside the plausible range",
    Flag.IMPOSSIBLE_COUNTS: "zero or negative counts",
    Flag.SPIKE: "corrected rate far from its running median",
    Flag.CONSTANT: "counts do not change for hours",
    Flag.INCOMPLETE_INTERVAL: "only a part of the interval was counted (its noise is larger)",
    Flag.DUPLICATE_TIME: "several rows had this time; the first was kept",
    Flag.MISSING_WEATHER: "a weather value that a correction needs is missing",
    Flag.INTERPOLATED_WEATHER: "weather interpolated over a short gap",
    Flag.ESTIMATED_HUMIDITY: "humidity is the seasonal mean of the record",
    Flag.ABOVE_DRY_SOIL: "more counts than over dry soil: too dry for the law",
    Flag.BELOW_WETTEST: "fewer counts than any water explains",
    Flag.SNOW_OR_FROST: "snow cover or frozen soil: counts do not tell liquid soil water",
}

EXCLUDED = (
    Flag.MISSING_COUNTS
    | Flag.OUT_OF_RANGE
    | Flag.IMPOSSIBLE_COUNTS
    | Flag.SPIKE
    | Flag.CONSTANT
    | Flag.MISSING_WEATHER
)
"""Counts with any of these do not enter the moving mean."""


def flag_attributes() -> dict[str, object]:
    """Return the CF attributes of the flag variable."""
    return {
        "long_name": "quality flags",
        "standard_name": "quality_flag",
        "flag_masks": np.array([int(f) for f in Flag], dtype=np.int16),
        "flag_meanings": " ".join(str(f.name).lower() for f in Flag),
        "comment": "; ".join(f"{int(f)}: {MEANING[f]}" for f in Flag),
    }


def count_flags(
    rate: np.ndarray,
    hours: np.ndarray,
    *,
    step_hours: float,
    valid_range: tuple[float, float] | None,
    constant_hours: float,
) -> tuple[np.ndarray, tuple[float, float]]:
    """Return flags that raw counts alone can give, and the range that was used.

    Parameters
    ----------
    rate : array (time)
        Raw count rate [h-1], NaN in gaps.
    hours : array (time)
        Counted time in each step [h].
    step_hours : float
        Length of a step [h].
    valid_range : pair, optional
        Plausible rates [h-1]; without it a fifth of the median to five times the median.
    constant_hours : float
        Equal counts for so long come from a dead logger [h].
    """
    flags = np.zeros(rate.shape, dtype=np.int16)
    missing = np.isnan(rate)
    flags[missing] |= Flag.MISSING_COUNTS
    impossible = ~missing & (rate <= 0)
    flags[impossible] |= Flag.IMPOSSIBLE_COUNTS
    positive = rate[~missing & ~impossible]
    if valid_range is None:
        middle = float(np.median(positive)) if positive.size else 0.0
        valid_range = (middle / 5.0, middle * 5.0)
    with np.errstate(invalid="ignore"):
        outside = ~missing & ~impossible & ((rate < valid_range[0]) | (rate > valid_range[1]))
    flags[outside] |= Flag.OUT_OF_RANGE
    flags[~missing & (hours < 0.999 * step_hours)] |= Flag.INCOMPLETE_INTERVAL

    change = np.concatenate([[True], ~(rate[1:] == rate[:-1])])
    run = np.cumsum(change) - 1
    length = np.bincount(run)[run] * step_hours
    runs = (length >= constant_hours) & (np.bincount(run)[run] >= 3) & ~missing & ~impossible
    flags[runs] |= Flag.CONSTANT
    return flags, valid_range


def spike_flags(
    rate: np.ndarray, sigma: np.ndarray, *, window: int, sigmas: float, relative: float
) -> np.ndarray:
    """Return where a corrected rate is far from its running median.

    A spike is off by more than ``sigmas`` counting deviations *and* by more than ``relative``
    of the median: rain moves the rate of a large detector by many deviations.
    """
    series = pd.Series(rate)
    width = max(3, window | 1)
    median = series.rolling(width, center=True, min_periods=max(3, width // 4)).median().to_numpy()
    with np.errstate(invalid="ignore"):
        off = np.abs(rate - median)
        return (off > sigmas * sigma) & (off > relative * median)
