"""What models of a study `replicates` are held against: readings, their mixture, and a truth."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr

from rootzone.core.errors import DataError
from rootzone.evaluate.answers import LEVELS, MID
from rootzone.evaluate.belts import mixture_of_readings
from rootzone.evaluate.modality import modes_of_readings
from rootzone.evaluate.splits import Fold

ALL = "all"
"""Label of all groups, or of all depths."""

TOLD = np.concatenate([LEVELS[MID], [0.2, 0.8]])
"""Levels at which observed and true distributions are known: the midpoints, then the belt's."""

N_MID = MID.size


class Parts:
    """Groups, depths and their crossings as parts of the series (place, depth).

    Attributes
    ----------
    groups, layers : list of str
        Labels, ``all`` first; it is the only one where no place has a group of its own.
    partitions : list of (array (series), int)
        Part of each series and number of parts: crossings, groups, depths, all, each series.
    """

    def __init__(self, group: Sequence[str] | np.ndarray, depth: Sequence[float] | np.ndarray):
        names = list(dict.fromkeys(str(g) for g in group))
        self.groups = [ALL] if names == [ALL] else [ALL, *names]
        self.layers = [ALL, *(f"{d:g} cm" for d in depth)]
        n, g, k = len(group), len(names), len(depth)
        of_group = np.repeat([names.index(str(x)) for x in group], k)
        of_layer = np.tile(np.arange(k), n)
        self.partitions = [
            (of_group * k + of_layer, g * k),
            (of_group, g),
            (of_layer, k),
            (np.zeros(n * k, int), 1),
            (np.arange(n * k), n * k),
        ]

    def table(self, found: Sequence[np.ndarray]) -> np.ndarray:
        """Return (group, layer) out of values of crossings, groups, depths and all."""
        g, k = len(self.groups) - 1, len(self.layers) - 1
        out = np.full((g + 1, k + 1, *found[0].shape[1:]), np.nan)
        if g:
            out[1:, 1:] = found[0].reshape(g, k, *found[0].shape[1:])
            out[1:, 0] = found[1]
        out[0, 1:], out[0, 0] = found[2], found[3][0]
        return out

    def sums(self, of_series: np.ndarray) -> np.ndarray:
        """Return sums (group, layer, ...) of what each place and depth (place, depth, ...) has."""
        flat = of_series.reshape(-1, *of_series.shape[2:]).astype(float)
        found = []
        for which, size in self.partitions[:4]:
            total = np.zeros((size, *flat.shape[1:]))
            np.add.at(total, which, flat)
            found.append(total)
        return self.table(found)

    def mean_of_series(self, of_series: np.ndarray) -> np.ndarray:
        """Return means (group, layer) over the series (series) that have a value."""
        some = np.isfinite(of_series)
        shape = (len(self.partitions[0][0]), 1)
        total = self.sums(np.where(some, of_series, 0.0).reshape(shape))
        n = self.sums(some.reshape(shape))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(n > 0, total / n, np.nan)


@dataclass
class Ground:
    """The network as arrays, with the quantiles of the sensors' mixtures kept once known.

    Attributes
    ----------
    obs : array (place, depth, replicate, time)
        Readings [m3 m-3].
    exists : bool array (place, depth, replicate)
        Whether there is such a sensor.
    truth : array (place, depth, column, time) or None
        Water of the columns of a twin [m3 m-3].
    truth_std : float
        Standard deviation of a new sensor around its column [m3 m-3].
    noise : float
        Noise of a sensor that is added to its readings [m3 m-3].
    """

    places: list[str]
    depths: np.ndarray
    replicates: list[str]
    times: pd.DatetimeIndex
    group: list[str]
    steps_per_day: float
    obs: np.ndarray
    exists: np.ndarray
    era5: np.ndarray | None
    rain: np.ndarray | None
    discharge: np.ndarray | None
    truth: np.ndarray | None
    truth_std: float
    noise: float
    parts: Parts
    _sensors: dict[int, np.ndarray] = field(default_factory=dict, repr=False)
    _true: dict[int, np.ndarray] = field(default_factory=dict, repr=False)
    _true_modes: dict[int, np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def month(self) -> np.ndarray:
        """Return the month (time) of each step, from 0."""
        return self.times.month.to_numpy() - 1

    def sensors(self, p: int) -> np.ndarray:
        """Return quantiles (depth, time, TOLD) of the mixture of a place's readings with noise.

        NaN unless every sensor of the place and depth reads; the belt's levels also where a place
        has one sensor, which has no belt.
        """
        if p not in self._sensors:
            obs = np.moveaxis(self.obs[p], 1, 2)
            whole = (np.isfinite(obs) | ~self.exists[p][:, None]).all(axis=2)
            found = mixture_of_readings(
                np.where(whole[..., None], obs, np.float32(np.nan)), self.noise, TOLD
            )
            found[self.exists[p].sum(axis=1) < 2, :, N_MID:] = np.nan
            self._sensors[p] = found
        return self._sensors[p]

    def true_quantiles(self, p: int, wanted: np.ndarray) -> np.ndarray:
        """Return quantiles (depth, time, TOLD) of the truth, at the wanted cells at least."""
        return self._known(self._true, p, wanted, self._quantiles_of)

    def true_modes(self, p: int, wanted: np.ndarray) -> np.ndarray:
        """Return the number of modes (depth, time) of the truth, at the wanted cells at least."""
        modes = self._known(self._true_modes, p, wanted, self._modes_of)
        return modes[..., 0]

    def _quantiles_of(self, centers: np.ndarray) -> np.ndarray:
        return mixture_of_readings(centers, self.truth_std, TOLD)

    def _modes_of(self, centers: np.ndarray) -> np.ndarray:
        return modes_of_readings(centers, self.truth_std)[:, None].astype(np.float32)

    def _known(self, kept: dict, p: int, wanted: np.ndarray, compute) -> np.ndarray:
        """Return kept values (depth, time, n) of a place, NaN where not yet wanted."""
        assert self.truth is not None
        centers = np.moveaxis(self.truth[p], 1, 2)
        if p not in kept:
            kept[p] = np.full((*wanted.shape, compute(centers[:1, 0]).shape[-1]), np.nan, "f4")
        missing = wanted & ~np.isfinite(kept[p][..., 0])
        if missing.any():
            kept[p][missing] = compute(centers[missing])
        return kept[p]


def ground_of(network: xr.Dataset, noise: float) -> Ground:
    """Return the arrays of a network dataset that models are held against.

    Raises
    ------
    DataError
        If no sensor ever reads, or a truth comes without the errors of its sensors.
    """
    order = ("place", "depth", "replicate", "time")
    obs = network["soil_moisture"].transpose(*order).to_numpy().astype("f4", copy=False)
    exists = np.asarray(np.isfinite(obs).any(axis=3))
    if not exists.any():
        raise DataError("no sensor of the network ever reads: there is nothing to test on")
    truth, std = None, np.nan
    if "true_soil_moisture" in network:
        of = ("place", "depth", "column", "time")
        truth = network["true_soil_moisture"].transpose(*of).to_numpy().astype("f4", copy=False)
        bias, own = (float(network.attrs.get(f"sensor_{x}", np.nan)) for x in ("bias", "noise"))
        std = float(np.hypot(bias, own))
        if not std > 0:
            raise DataError(
                "the network has a true_soil_moisture but no positive attributes sensor_bias and "
                "sensor_noise: what a new sensor would read is not known"
            )

    def series(name: str, *dims: str) -> np.ndarray | None:
        if name not in network or not np.isfinite(network[name]).any():
            return None
        return network[name].transpose(*dims).to_numpy().astype("f4", copy=False)

    return Ground(
        places=[str(p) for p in network["place"].to_numpy()],
        depths=network["depth"].to_numpy().astype(float),
        replicates=[str(r) for r in network["replicate"].to_numpy()],
        times=pd.DatetimeIndex(network["time"].to_numpy()),
        group=[str(g) for g in network["group"].to_numpy()],
        steps_per_day=24.0 / float(network.attrs["step_hours"]),
        obs=obs,
        exists=exists,
        era5=series("era5_land", "place", "depth", "time"),
        rain=series("precipitation", "place", "time"),
        discharge=series("discharge", "place", "time"),
        truth=truth,
        truth_std=std,
        noise=noise,
        parts=Parts(network["group"].to_numpy(), network["depth"].to_numpy()),
    )


@dataclass(frozen=True)
class HeldOut:
    """The test part of a split, all its folds together.

    Attributes
    ----------
    key : str
        Split.
    reading : bool array (place, depth, replicate, time)
        HeldOut readings.
    cell : bool array (place, depth, time)
        Cells in the test part, with readings or not.
    mean : array (place, depth, time)
        Mean of all sensors of a place and depth where all are there and tested [m3 m-3].
    """

    key: str
    reading: np.ndarray
    cell: np.ndarray
    mean: np.ndarray


def of_split(
    ground: Ground, key: str, folds: Sequence[Fold], scored: np.ndarray | None = None
) -> HeldOut:
    """Return what is tested in a split.

    Parameters
    ----------
    ground : Ground
        Readings.
    key : str
        Name of the split.
    folds : sequence of Fold
        Its folds; no reading in two test parts.
    scored : bool array (place, depth, time), optional
        Cells that count, for example those that a model of short windows can answer, so that all
        models are scored on the same ones; all by default.

    Raises
    ------
    DataError
        If no reading is left.
    """
    shape = ground.obs.shape
    test = np.zeros(shape, bool)
    for fold in folds:
        test |= np.broadcast_to(fold.test, shape)
    if scored is not None:
        test &= scored[:, :, None, :]
    reading = test & np.isfinite(ground.obs)
    if not reading.any():
        raise DataError(f"the split {key} has no reading in its test part")
    whole = np.asarray((reading | ~ground.exists[..., None]).all(axis=2))
    whole &= np.asarray(ground.exists.any(axis=2))[..., None]
    count = np.maximum(ground.exists.sum(axis=2), 1)[..., None]
    total = np.where(reading, ground.obs, np.float32(0)).sum(axis=2)
    mean = np.where(whole, total / count, np.nan).astype("f4")
    return HeldOut(key, reading, np.asarray(test.any(axis=2)), mean)


def answerable(block: np.ndarray, window: int) -> np.ndarray:
    """Return where a window of so many steps ends inside one block: bool array of ``block``.

    Parameters
    ----------
    block : int array (..., time)
        Number of the block of each step, -1 outside.
    window : int
        Steps of a window.

    Examples
    --------
    >>> answerable(np.array([0, 0, 0, -1, 1, 1]), 2).astype(int).tolist()
    [0, 1, 1, 0, 0, 1]
    """
    first = np.ones(block.shape, bool)
    first[..., 1:] = block[..., 1:] != block[..., :-1]
    step = np.broadcast_to(np.arange(block.shape[-1]), block.shape)
    begun = np.maximum.accumulate(np.where(first, step, 0), axis=-1)
    return (block >= 0) & (step - begun >= window - 1)
