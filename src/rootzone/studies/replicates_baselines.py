"""What the networks of a study `replicates` stand beside: Gaussian answers without a network.

All know the training and the validation part of a fold. A series without a record there (of a
place, depth or group that is left out) is answered by the next wider pool that has one: the group
at this depth, all places at this depth, the group, the whole network.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from rootzone.core.errors import DataError, StudyError, nearest
from rootzone.evaluate.answers import Answers, gaussian_answers, put_together
from rootzone.evaluate.splits import Fold
from rootzone.learn.baselines import Climatology
from rootzone.studies.replicates_baselines_task import (
    Made,
    Task,
    fits_of_pools,
    impossible,
)
from rootzone.studies.replicates_baselines_weather import bucket, linear
from rootzone.studies.replicates_splits import readings_of

NAMES = {
    "annual_cycle": "annual cycle of the group",
    "era5_land": "ERA5-Land",
    "era5_land_fitted": "ERA5-Land, fitted by group and depth",
    "persistence": "last reading before the test",
    "linear": "linear, by place and depth",
    "bucket": "bucket, by place and depth",
}
"""What baselines are called."""

_LEADS = (1, 2, 4, 7, 14, 30, 60, 90, 180)  # d, at which the error of persistence is learned


class Baseline(NamedTuple):
    """Answers of a baseline, or None with the reason.

    Attributes
    ----------
    answers : Answers or None
        None where the data do not allow it.
    told : tuple of str
        What a reader should know: assumptions, pools that were used, or why there is none.
    """

    answers: Answers | None
    told: tuple[str, ...]


# --- seasons and reanalysis ------------------------------------------------------------------


def _annual_cycle(task: Task) -> Made:
    """Mean and spread of all readings of a group and depth around each day of the year."""
    day = task.day_of_year

    def fit(pool: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        series = task.known[pool]  # (series, replicate, time)
        target = np.moveaxis(series, 1, 2)[:, :, None]
        cycle = Climatology.fit(target, day)
        return cycle.mean[0, day - 1, 0], cycle.std[0, day - 1, 0]

    fits, told = fits_of_pools(task, 1, fit)
    return Made(*_each(task, fits), told)


def _each(task: Task, fits: dict[tuple[int, int], Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return means and spreads (place, depth, time) of fits that are a pair of series each."""
    shape = (*task.count.shape, task.time.size)
    mean, std = np.full(shape, np.nan, "f4"), np.full(shape, np.nan, "f4")
    for (p, d), (center, spread) in fits.items():
        mean[p, d], std[p, d] = center, spread
    return mean, std


def _era5(task: Task, fitted: bool) -> Made:
    """ERA5-Land as given with its error in the training part, or after a line for each pool."""
    if "era5_land" not in task.network or not np.isfinite(task.network["era5_land"]).any():
        return impossible("the network has no era5_land")
    given = task.network["era5_land"].transpose("place", "depth", "time").to_numpy()
    given = given.astype(float)

    def fit(pool: np.ndarray) -> tuple[float, float, float]:
        x = np.broadcast_to(given[pool][:, None], task.known[pool].shape)
        y = task.known[pool]
        both = np.isfinite(x) & np.isfinite(y)
        if both.sum() < 3:
            return np.nan, np.nan, np.nan
        x, y = x[both], y[both].astype(float)
        a, b = 0.0, 1.0
        if fitted:
            b = np.cov(x, y, ddof=0)[0, 1] / max(x.var(), 1e-9)
            a = y.mean() - b * x.mean()
        return a, b, float(np.sqrt(np.mean((a + b * x - y) ** 2)))

    fits, told = fits_of_pools(task, 3, fit)
    mean, std = np.full(given.shape, np.nan, "f4"), np.full((*given.shape[:2], 1), np.nan, "f4")
    for (p, d), (a, b, error) in fits.items():
        mean[p, d], std[p, d] = a + b * given[p, d], error
    if not np.isfinite(mean).any():
        return impossible("era5_land and the training readings have no step in common")
    return Made(mean, std, told)


# --- persistence -----------------------------------------------------------------------------


def _persistence(task: Task) -> Made:
    """Mean of the last known readings of the sensors; its error grows with their age."""
    steps = np.arange(task.time.size)
    last = np.maximum.accumulate(np.where(np.isfinite(task.mean), steps, -1), axis=2)
    last = np.concatenate([np.full_like(last[..., :1], -1), last[..., :-1]], axis=2)
    answered = last >= 0
    if not (answered & task.fold.test.any(axis=2)).any():
        why = "no tested place and depth has a reading in the training part before the test"
        return impossible(why)
    held = np.take_along_axis(task.mean, np.maximum(last, 0), axis=2)
    held = np.where(answered, held, np.nan)
    age = np.where(answered, steps - last, 0) * task.days
    leads = np.array([n for n in _LEADS if round(n / task.days) >= 1], float)

    def fit(pool: np.ndarray) -> np.ndarray:
        squares = [
            _change(task.known[pool], task.mean[pool], round(lead / task.days)) for lead in leads
        ]
        errors = np.sqrt(np.array(squares))
        # A lead that the record does not have takes the error of the nearest one it has.
        some = np.isfinite(errors)
        return np.interp(leads, leads[some], errors[some]) if some.any() else errors

    fits, told = fits_of_pools(task, 2, fit)
    std = np.full(held.shape, np.nan, "f4")
    for (p, d), errors in fits.items():
        std[p, d] = np.interp(age[p, d], leads, errors)
    told = ("lead: time since the last reading before the tested stretch", *told)
    return Made(held, std, told)


def _change(readings: np.ndarray, mean: np.ndarray, lead: int) -> float:
    """Return the mean square of readings (series, replicate, time) less the mean a lead before."""
    if lead >= mean.shape[1]:
        return np.nan
    change = readings[..., lead:] - mean[:, None, :-lead]
    there = np.isfinite(change)
    return float(np.square(change[there], dtype=float).mean()) if there.any() else np.nan


# --- all -------------------------------------------------------------------------------------

_AT_80 = 1.2816  # standard deviations of the central 80 %
_LEAST_STD = 0.005  # m3 m-3; below the resolution of sensors

_GIVEN: dict[str, Callable[[Task], Made]] = {
    "annual_cycle": _annual_cycle,
    "era5_land": lambda task: _era5(task, fitted=False),
    "era5_land_fitted": lambda task: _era5(task, fitted=True),
    "persistence": _persistence,
}
_FITTED: dict[str, Callable[..., Made]] = {"linear": linear, "bucket": bucket}


def baseline(name: str, network: xr.Dataset, fold: Fold, seed: int = 0) -> Baseline:
    """Return what a baseline answers on a fold: at all its tested places and depths, at all times.

    All know the training and the validation part. The linear model and the bucket learn from the
    training part first: what the validation part then shows of their errors widens their spread
    (the 80 % quantile of the absolute errors), and chooses the penalty of the linear model.

    Parameters
    ----------
    name : str
        Key of NAMES.
    network : Dataset
        Readings, inputs and, where there is one, the reference ``era5_land``.
    fold : Fold
        Its training and validation parts are learned from.
    seed : int
        Randomness of the bucket's hypercube.

    Raises
    ------
    StudyError
        If there is no such baseline.
    DataError
        If nothing at all may be learned from.
    """
    if name not in NAMES:
        raise StudyError(f"there is no baseline '{name}'{nearest(name, NAMES)}")
    obs = readings_of(network)
    train, both = (np.where(part, obs, np.float32(np.nan)) for part in _parts(fold))
    if not np.isfinite(both).any():
        raise DataError(f"the fold {fold.name} has no reading that a baseline could learn from")
    task, factor, told = Task(network, both, fold, seed), 1.0, ()
    if name in _FITTED:
        fit, choice = _FITTED[name], None
        if np.isfinite(train).any() and np.isfinite(task.validation).any():
            first = fit(Task(network, train, fold, seed))
            choice = first.choice
            if first.mean is not None and first.std is not None:
                factor = _widened(task.validation, first.mean, first.std)
        else:
            told = ("its spread is that of the errors it was fitted to: there is no validation",)
        made = fit(task, choice)
    else:
        made = _GIVEN[name](task)
    if made.mean is None or made.std is None:
        return Baseline(None, made.told)
    std = factor * np.maximum(made.std, _LEAST_STD)
    return Baseline(gaussian_answers(made.mean, std, obs), (*made.told, *told))


def _parts(fold: Fold) -> tuple[np.ndarray, np.ndarray]:
    """Return the training part, and the training and validation parts."""
    return fold.train, fold.train | fold.valid


def _widened(readings: np.ndarray, mean: np.ndarray, std: np.ndarray) -> float:
    """Return by what factor errors of readings not learned from exceed their spread: 1 at least.

    Compares the quantiles of the absolute errors that a Gaussian has at 80 %.
    """
    spread = np.maximum(std, _LEAST_STD)
    away = np.abs((readings - mean[:, :, None]) / spread[:, :, None])
    away = away[np.isfinite(away)]
    return max(float(np.quantile(away, 0.8)) / _AT_80, 1.0) if away.size else 1.0


def baseline_of_split(
    name: str, network: xr.Dataset, folds: Sequence[Fold], seed: int = 0
) -> Baseline:
    """Return what a baseline answers on the test parts of all folds of a split, put together.

    Arguments as in :func:`baseline`. Where a fold does not allow it, that fold's test part is not
    answered; there are no answers where no fold does. Each thing is told once.
    """
    told: dict[str, None] = {}
    some = False

    def parts() -> Iterator[tuple[Answers, np.ndarray]]:
        nonlocal some
        for fold in folds:
            made = baseline(name, network, fold, seed)
            told.update(dict.fromkeys(made.told))
            if made.answers is not None:
                some = True
                yield made.answers, fold.test

    sizes = network.sizes
    shape = (sizes["place"], sizes["depth"], sizes["replicate"], sizes["time"])
    answers = put_together(parts(), shape)
    return Baseline(answers if some else None, tuple(told))
