"""What a baseline of a study `replicates` is handed, and what it answers with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from rootzone.core.errors import DataError
from rootzone.evaluate.splits import Fold
from rootzone.studies.replicates_splits import readings_of

OWN = "group and depth"
"""What the narrowest pool is called."""


class Made(NamedTuple):
    """What a baseline makes of its task.

    Attributes
    ----------
    mean : array (place, depth, time) or None
        [m3 m-3]; None where the data do not allow the baseline.
    std : array that broadcasts to ``mean``, or None
        Standard deviation of a reading [m3 m-3].
    told : tuple of str
        What a reader should know: assumptions, pools that were used, or why there is none.
    choice : float, optional
        What was chosen by the validation part.
    """

    mean: np.ndarray | None
    std: np.ndarray | None
    told: tuple[str, ...]
    choice: float | None = None


def impossible(*why: str) -> Made:
    """Return that a baseline is not possible, and why."""
    return Made(None, None, why)


@dataclass
class Task:
    """The network as arrays, with the readings that may be learned from.

    Attributes
    ----------
    network : Dataset
        Inputs and reference.
    known : array (place, depth, replicate, time)
        Readings to learn from, NaN elsewhere.
    fold : Fold
        Parts of the record.
    seed : int
        Randomness.
    mean : array (place, depth, time)
        Mean of the known readings of the sensors that are there.
    count : int array (place, depth)
        Number of its steps.
    """

    network: xr.Dataset
    known: np.ndarray
    fold: Fold
    seed: int

    def __post_init__(self):
        self.days = float(self.network.attrs["step_hours"]) / 24.0
        self.time = pd.DatetimeIndex(self.network["time"].to_numpy())
        names = [str(g) for g in self.network["group"].to_numpy()]
        groups = list(dict.fromkeys(names))
        self.group = np.array([groups.index(g) for g in names])
        there = np.isfinite(self.known)
        n = there.sum(axis=2)
        total = np.where(there, self.known, 0.0).sum(axis=2)
        self.mean = np.where(n > 0, total / np.maximum(n, 1), np.nan)  # of the sensors there
        self.count = np.isfinite(self.mean).sum(axis=2)  # steps (place, depth)

    @property
    def validation(self) -> np.ndarray:
        """Return the readings of the validation part (place, depth, replicate, time)."""
        obs = readings_of(self.network)
        return np.where(self.fold.valid, obs, np.float32(np.nan))

    @property
    def wanted(self) -> np.ndarray:
        """Return which series (place, depth) are tested or validated on."""
        parts = self.fold.test | self.fold.valid
        return np.asarray(parts.any(axis=(2, 3)))

    @property
    def tested(self) -> np.ndarray:
        """Return which series (place, depth) are tested."""
        return np.asarray(self.fold.test.any(axis=(2, 3)))

    def inputs(self, name: str) -> np.ndarray | None:
        """Return an input (place, time), or None without any value."""
        if name not in self.network or not np.isfinite(self.network[name]).any():
            return None
        return self.network[name].transpose("place", "time").to_numpy().astype(float)

    @property
    def day_of_year(self) -> np.ndarray:
        """Return the day of the year (time), from 1."""
        return self.time.day_of_year.to_numpy()

    def pool(self, p: int, d: int, least: int) -> tuple[np.ndarray, str]:
        """Return which series (place, depth) answer for a series, and what they are.

        ``least`` steps are wanted of the pool.
        """
        shape = self.count.shape
        own, depth, whole = np.zeros(shape, bool), np.zeros(shape, bool), np.ones(shape, bool)
        own[self.group == self.group[p]] = True
        depth[:, d] = True
        for pool, words in (
            (own & depth, OWN),
            (depth, "depth, all groups"),
            (own, "group, all depths"),
            (whole, "whole network"),
        ):
            if self.count[pool].sum() >= least:
                return pool, words
        raise DataError("the training part has no reading that a baseline could learn from")


def fits_of_pools(
    task: Task, least: int, fit: Callable[[np.ndarray], Any], which: np.ndarray | None = None
) -> tuple[dict[tuple[int, int], Any], tuple[str, ...]]:
    """Return what ``fit`` makes of the pool of each series, and what is to be told of it.

    A pool is fitted once; ``which`` (place, depth) are the series, all by default.
    """
    done: dict[bytes, Any] = {}
    found, wider = {}, {}
    chosen = np.ones(task.count.shape, bool) if which is None else which
    for p, d in zip(*np.nonzero(chosen), strict=True):
        pool, words = task.pool(int(p), int(d), least)
        key = pool.tobytes()
        if key not in done:
            done[key] = fit(pool)
        found[int(p), int(d)] = done[key]
        if words != OWN and task.tested[p, d]:
            wider[words] = wider.get(words, 0) + 1
    told = tuple(f"{n} tested series answered by the pool '{w}'" for w, n in wider.items())
    return found, told


def error_of(readings: np.ndarray, sim: np.ndarray) -> float:
    """Return the root mean square of readings (series, replicate, time) less sim (series, time)."""
    away = readings - sim[:, None]
    there = np.isfinite(away)
    return float(np.sqrt(np.square(away[there], dtype=float).mean())) if there.any() else np.nan
