"""Baselines of a study `replicates` that read the weather: a linear model and a bucket."""

import numpy as np
from scipy.signal import lfilter

from rootzone.learn.baselines import Climatology, Linear
from rootzone.learn.bucket import Buckets, Weather, calibrate, melted, simulate
from rootzone.studies.replicates_baselines_task import (
    Made,
    Task,
    error_of,
    fits_of_pools,
    impossible,
)

_LEAST_DAYS = 60  # of a record that a place is fitted on by itself
_MEMORIES = (5.0, 30.0)  # d
RIDGES = (1e-3, 1e-2, 0.1, 1.0)
"""Penalties of the linear model that are tried, as shares of the number of rows."""

_LEAST_SHARE = 0.5  # of the steps, of an input that the linear model reads

# --- linear ----------------------------------------------------------------------------------


def _features(task: Task) -> tuple[np.ndarray, list[str], tuple[str, ...]]:
    """Return inputs, their memories and the season (place, time, feature), without gaps."""
    made, names, told = [], [], []
    for name in map(str, task.network.data_vars):
        if task.network[name].attrs.get("role") != "input":
            continue
        values = task.inputs(name)
        if values is None:
            continue
        gap = ~np.isfinite(values)
        if gap.mean() > 1 - _LEAST_SHARE:
            told.append(f"input {name} is left out: {100 * gap.mean():.0f} % of it is missing")
            continue
        clean = np.where(gap, np.nanmean(values), values)
        parts = [clean, *(_memory(clean, days / task.days) for days in _MEMORIES)]
        if gap.any():
            parts.append(gap.astype(float))
        made += parts
        names.append(name)
    turn = 2 * np.pi * task.day_of_year / 365.25
    shape = (task.known.shape[0], task.time.size)
    made += [np.broadcast_to(np.cos(turn), shape), np.broadcast_to(np.sin(turn), shape)]
    return np.stack(made, axis=-1), names, tuple(told)


def _memory(values: np.ndarray, steps: float) -> np.ndarray:
    """Return exponential means (place, time) over so many steps, begun at the first value."""
    keep = np.exp(-1.0 / steps)
    begun = keep * values[:, :1]
    return lfilter([1 - keep], [1.0, -keep], values, axis=1, zi=begun)[0]


def linear(task: Task, choice: float | None = None) -> Made:
    """Fit least squares on inputs and their memories for each place and depth with a record.

    The penalty is ``choice``, or the one of RIDGES with the least error in the validation part.
    """
    features, names, told = _features(task)
    if not names:
        return impossible("the network has no input that is mostly there", *told)
    rows = 3 * features.shape[-1]
    if task.count.sum() < rows:
        why = f"the training part has {task.count.sum()} steps with readings, {rows} wanted"
        return impossible(why, *told)
    ridges = RIDGES if choice is None else (choice,)
    made = [_linear(task, features, ridge) for ridge in ridges]
    errors = [error_of(_flat(task.validation), _flat(m.mean)) for m in made]
    best = int(np.nanargmin(errors)) if np.isfinite(errors).any() else 0
    return made[best]._replace(told=(*told, *made[best].told), choice=ridges[best])


def _flat(values: np.ndarray | None) -> np.ndarray:
    """Return values (place, depth, ...) as (series, ...)."""
    assert values is not None
    return values.reshape(-1, *values.shape[2:])


def _linear(task: Task, features: np.ndarray, ridge: float) -> Made:
    """Fit all series with one penalty."""
    rows = 3 * features.shape[-1]
    least = max(round(_LEAST_DAYS / task.days), rows)
    mean = np.full((*task.count.shape, task.time.size), np.nan, "f4")
    std = np.full((*task.count.shape, 1), np.nan, "f4")

    def fit(pool: np.ndarray) -> tuple[Linear, float]:
        place = np.nonzero(pool)[0]
        target = task.mean[pool][..., None]
        model = Linear.fit(features[place], target, memories=(), ridge=ridge)
        sim = np.asarray(model.predict(features[place]).mean())[..., 0]
        return model, error_of(task.known[pool], sim)

    own, told = (task.count >= least) & task.wanted, ()
    short = task.wanted & ~own
    fits: dict[tuple[int, int], tuple[Linear, float]] = {}
    if short.any():
        fits, wider = fits_of_pools(task, rows, fit, short)
        told = (_told_short(task, own), *wider)
    for p, d in zip(*np.nonzero(own), strict=True):
        one = np.zeros(own.shape, bool)
        one[p, d] = True
        fits[int(p), int(d)] = fit(one)
    for (p, d), (model, error) in fits.items():
        std[p, d] = error
        mean[p, d] = np.asarray(model.predict(features[p : p + 1]).mean())[0, :, 0]
    return Made(mean, std, tuple(t for t in told if t))


def _told_short(task: Task, own: np.ndarray) -> str:
    n = int((task.tested & ~own).sum())
    return f"{n} tested series without a training record answered by their pool" if n else ""


# --- bucket ----------------------------------------------------------------------------------


def bucket(task: Task, choice: float | None = None) -> Made:
    """Calibrate a bucket for each place and depth with a record; others take their pool's."""
    rain, pet = task.inputs("precipitation"), task.inputs("potential_evapotranspiration")
    if rain is None or pet is None:
        lacks = "precipitation" if rain is None else "potential_evapotranspiration"
        return impossible(f"the network has no {lacks}, which a bucket wants")
    told = []
    gaps = [float((~np.isfinite(x)).mean()) for x in (rain, pet)]
    if gaps[0]:
        told.append(f"{100 * gaps[0]:.1f} % of the rain is missing and taken as none")
    if gaps[1]:
        told.append(f"{100 * gaps[1]:.1f} % of the evapotranspiration is missing: seasonal mean")
    rain = np.maximum(np.nan_to_num(rain), 0.0)
    pet = np.maximum(_filled(pet, task.day_of_year), 0.0)
    water = melted(rain, task.inputs("temperature"), task.days)
    weather = Weather(water, pet)
    del choice  # nothing is chosen by the validation part
    own = (task.count >= round(_LEAST_DAYS / task.days)) & task.wanted
    short = task.wanted & ~own
    pools, of_series = _pools(task, short)
    daily = _Daily(task)
    found, of_pools = calibrate(
        Weather(daily.sums(water), daily.sums(pet)),
        daily.means(task.mean),
        own,
        pools,
        days=daily.days,
        seed=task.seed,
    )
    mean = np.full((*own.shape, task.time.size), np.nan, "f4")
    std = np.full((*own.shape, 1), np.nan, "f4")
    place, depth = np.nonzero(own)
    if place.size:
        mean[place, depth] = simulate(found, _at(weather, place), days=task.days)
    place, depth = np.nonzero(short)
    if place.size:
        which = [of_series[int(p), int(d)] for p, d in zip(place, depth, strict=True)]
        chosen = Buckets(*(a[which] for a in of_pools))
        mean[place, depth] = simulate(chosen, _at(weather, place), days=task.days)
    for p, d in zip(*np.nonzero(own), strict=True):
        std[p, d] = error_of(task.known[p, d][None], mean[p, d][None])
    for (p, d), k in of_series.items():
        place = np.nonzero(pools[k])[0]
        same = simulate(
            Buckets(*(np.repeat(a[k : k + 1], place.size, axis=0) for a in of_pools)),
            _at(weather, place),
            days=task.days,
        )
        std[p, d] = error_of(task.known[pools[k]], same)
    told.append(_told_short(task, own))
    return Made(mean, std, tuple(t for t in told if t))


def _pools(task: Task, short: np.ndarray) -> tuple[list[np.ndarray], dict[tuple[int, int], int]]:
    """Return the different pools, and which one answers for each series without a record."""
    pools: list[np.ndarray] = []
    of_series = {}
    least = min(round(_LEAST_DAYS / task.days), int(task.count.sum()))
    for p, d in zip(*np.nonzero(short), strict=True):
        pool = task.pool(int(p), int(d), least)[0]
        same = [k for k, one in enumerate(pools) if (one == pool).all()]
        of_series[int(p), int(d)] = same[0] if same else len(pools)
        if not same:
            pools.append(pool)
    return pools, of_series


def _at(weather: Weather, place: np.ndarray) -> Weather:
    return Weather(*(a[place] for a in weather))


def _filled(values: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Return values (place, time) with gaps at the mean of that time of the year, of all places."""
    if np.isfinite(values).all():
        return values
    cycle = Climatology.fit(values[..., None], day).mean[0, :, 0]
    cycle = np.where(np.isfinite(cycle), cycle, np.nanmean(values))
    return np.where(np.isfinite(values), values, cycle[day - 1])


class _Daily:
    """Sums and means over days, on which a bucket is calibrated; longer steps stay as they are."""

    def __init__(self, task: Task):
        self.per_day = max(int(np.floor(1 / task.days + 1e-6)), 1)
        self.days = self.per_day * task.days

    def _cut(self, values: np.ndarray) -> np.ndarray:
        n = values.shape[-1] // self.per_day * self.per_day
        return values[..., :n].reshape(*values.shape[:-1], -1, self.per_day)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Return sums (..., day)."""
        return self._cut(values).sum(axis=-1)

    def means(self, values: np.ndarray) -> np.ndarray:
        """Return means (..., day) of what is there."""
        parts = self._cut(values)
        there = np.isfinite(parts)
        n = there.sum(axis=-1)
        total = np.where(there, parts, 0.0).sum(axis=-1)
        return np.where(n > 0, total / np.maximum(n, 1), np.nan)
