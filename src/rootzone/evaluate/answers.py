"""What a model answers for places, depths and times: the arrays that every model is scored by.

A network of sensors, a Gaussian baseline and a bucket answer in the same shape, so that one
evaluation serves them all and knows no model.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

N_MIDPOINTS = 40
_MIDPOINTS = (np.arange(N_MIDPOINTS) + 0.5) / N_MIDPOINTS
_NAMED_LEVELS = np.array([0.05, 0.1, 0.2, 0.25, 0.5, 0.75, 0.8, 0.9, 0.95])

LEVELS = np.sort(np.concatenate([_MIDPOINTS, _NAMED_LEVELS]))
"""Levels of the quantiles of an answer [1]: 40 midpoints and nine named levels, sorted."""

MID = np.searchsorted(LEVELS, _MIDPOINTS)
"""Indices of the 40 midpoints in LEVELS: their mean is an integral over the levels."""

_LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)

FIELDS = ("mean", "std", "quantile", "log_prob", "crps", "pit", "modes")


class Answers(NamedTuple):
    """Predictive distributions of the water at places and depths, told by a few numbers.

    All arrays float32 but ``modes``; NaN where the model gives no answer.

    Attributes
    ----------
    mean, std : array (place, depth, time)
        Mean and standard deviation of the predictive distribution [m3 m-3].
    quantile : array (place, depth, time, level)
        Its quantiles at LEVELS [m3 m-3].
    log_prob, crps, pit : array (place, depth, replicate, time)
        Logarithm of the predictive density at each reading [log(m-3 m3)], continuous ranked
        probability score [m3 m-3] and predictive distribution function at the reading [1];
        NaN where the sensor did not read.
    modes : int8 array (place, depth, time)
        Number of maxima of the predictive density; 0 where unknown.
    """

    mean: np.ndarray
    std: np.ndarray
    quantile: np.ndarray
    log_prob: np.ndarray
    crps: np.ndarray
    pit: np.ndarray
    modes: np.ndarray


def level_index(level: float) -> int:
    """Return the index in LEVELS of one of its levels; ValueError if it is none of them.

    Examples
    --------
    >>> float(LEVELS[level_index(0.8)])
    0.8
    """
    found = np.flatnonzero(np.isclose(LEVELS, level, rtol=0, atol=1e-9))
    if found.size != 1:
        raise ValueError(f"{level} is none of the levels of an answer, see answers.LEVELS")
    return int(found[0])


def empty_answers(places: int, depths: int, replicates: int, times: int) -> Answers:
    """Return answers of the given shape in which nothing is answered yet."""
    cell, reading = (places, depths, times), (places, depths, replicates, times)

    def unknown(shape):
        return np.full(shape, np.nan, np.float32)

    return Answers(
        mean=unknown(cell),
        std=unknown(cell),
        quantile=unknown((*cell, LEVELS.size)),
        log_prob=unknown(reading),
        crps=unknown(reading),
        pit=unknown(reading),
        modes=np.zeros(cell, np.int8),
    )


def check_answers(answers: Answers, shape: tuple[int, int, int, int]) -> None:
    """Raise ValueError unless the arrays fit the readings' (place, depth, replicate, time)."""
    places, depths, replicates, times = shape
    cell, reading = (places, depths, times), (places, depths, replicates, times)
    wanted = {"quantile": (*cell, LEVELS.size), "mean": cell, "std": cell, "modes": cell}
    for name in FIELDS:
        given, want = np.shape(getattr(answers, name)), wanted.get(name, reading)
        if given != want:
            raise ValueError(f"answers: {name} has the shape {given}, {want} wanted")


def select(answers: Answers, keep: np.ndarray) -> Answers:
    """Return the answers only where ``keep`` (place, depth, time) is True; nothing elsewhere."""

    def only(x, mask):
        return np.where(mask, x, np.float32(np.nan))

    of_reading = keep[:, :, None, :]
    return Answers(
        mean=only(answers.mean, keep),
        std=only(answers.std, keep),
        quantile=only(answers.quantile, keep[..., None]),
        log_prob=only(answers.log_prob, of_reading),
        crps=only(answers.crps, of_reading),
        pit=only(answers.pit, of_reading),
        modes=np.where(keep, answers.modes, np.int8(0)),
    )


def put_together(
    parts: Iterable[tuple[Answers, np.ndarray]], shape: tuple[int, int, int, int]
) -> Answers:
    """Return one set of answers out of several folds', each where its mask says so.

    Parameters
    ----------
    parts : iterable of (Answers, bool array (place, depth, replicate, time))
        The answers of each fold with the readings of its test part (views that broadcast are
        fine); taken one after another, so that they may be made on the way. A cell with any
        reading in the test part is taken; a reading that is in no test part keeps no score.
    shape : tuple of int
        Of the readings (place, depth, replicate, time).

    Raises
    ------
    ValueError
        If two folds answer for the same reading.
    """
    whole = empty_answers(*shape)
    taken = np.zeros(shape, bool)
    for answers, mask in parts:
        check_answers(answers, shape)
        mask = np.broadcast_to(mask, shape)
        if np.any(taken & mask):
            raise ValueError("two folds test the same reading: their answers cannot be one")
        taken |= mask
        cell = mask.any(axis=2)
        for name in FIELDS:
            where = mask if name in ("log_prob", "crps", "pit") else cell
            getattr(whole, name)[where] = getattr(answers, name)[where]
    return whole


def gaussian_answers(mean: np.ndarray, std: np.ndarray, obs: np.ndarray) -> Answers:
    """Return the answers of a model that gives one Gaussian for a place, depth and time.

    Parameters
    ----------
    mean, std : array (place, depth, time)
        Mean and standard deviation of what a sensor reads [m3 m-3]; NaN where the model gives
        no answer. ``std`` may be of any shape that broadcasts, and must be positive.
    obs : array (place, depth, replicate, time)
        Readings [m3 m-3], NaN in gaps.

    Notes
    -----
    CRPS: Gneiting et al. (2005), doi:10.1175/MWR2904.1, eq. 5.
    """
    mean = np.asarray(mean, np.float32)
    std = np.broadcast_to(np.asarray(std, np.float32), mean.shape)
    known = np.isfinite(mean) & (std > 0)
    answers = empty_answers(*obs.shape)
    answers.mean[known], answers.std[known] = mean[known], std[known]
    answers.modes[known] = 1
    z = ndtri(LEVELS).astype(np.float32)
    for p in range(len(mean)):  # a place at a time: quantiles of hourly years are large
        center, spread = answers.mean[p], answers.std[p]
        answers.quantile[p] = center[..., None] + spread[..., None] * z
        center, spread = center[:, None, :], spread[:, None, :]
        away = (obs[p] - center) / spread
        below, density = ndtr(away), np.exp(-0.5 * away**2 - _LOG_ROOT_2PI)
        answers.log_prob[p] = -0.5 * away**2 - np.log(spread) - _LOG_ROOT_2PI
        answers.crps[p] = spread * (away * (2 * below - 1) + 2 * density - math.pi**-0.5)
        answers.pit[p] = below
    return answers
