"""Series and snapshots of a study `replicates` that are shown, and readings for densities."""

from math import lcm

import numpy as np
import xarray as xr

from rootzone.config.replicates_evaluation import Evaluation
from rootzone.evaluate.answers import LEVELS, Answers
from rootzone.evaluate.belts import density_of_readings, mixture_of_readings
from rootzone.evaluate.densities import CENTERS, binned, density_from_quantiles
from rootzone.studies.replicates_ground import Ground, HeldOut

_MOST_STEPS = 9000  # of a series: a year of hours
_SNAPSHOTS = (0.15, 0.85)  # quantiles of the mean water of the steps that are looked at closely


class Shown:
    """What is kept of the split that is shown: the answers at a few places and depths.

    Attributes
    ----------
    readings : array (place, depth, bin)
        HeldOut readings where all sensors read, counted in bins of water.
    """

    def __init__(self, ground: Ground, tested: HeldOut, settings: Evaluation):
        self.ground, self.tested = ground, tested
        shape = ground.obs.shape
        self.readings = np.zeros((*shape[:2], CENTERS.size))
        whole = np.isfinite(tested.mean)
        for p, d in zip(*np.nonzero(whole.any(axis=2)), strict=True):
            self.readings[p, d] = binned(ground.obs[p, d][:, whole[p, d]])
        self.where = _examples(ground, whole, settings.examples)
        self.steps = self._stretch(whole, settings)
        self.snapshots = np.array([self._at(p, d) for p, d in self.where], int).reshape(-1, 2)
        obs = tested.mean[np.isfinite(tested.mean)]
        low, high = (float(np.min(obs)), float(np.max(obs))) if obs.size else (0.0, 0.6)
        self.x = np.linspace(max(low - 0.15, 0.0), high + 0.15, 241)
        self.mean: dict[str, np.ndarray] = {}
        self.quantile: dict[str, np.ndarray] = {}
        self.density: dict[str, np.ndarray] = {}

    def _stretch(self, whole: np.ndarray, settings: Evaluation) -> slice:
        """Return the steps that are shown: those with most tested cells of the examples."""
        most = int(settings.example_days * self.ground.steps_per_day)
        length = min(most, _MOST_STEPS, whole.shape[2])
        count = sum((whole[p, d] for p, d in self.where), np.zeros(whole.shape[2], int))
        total = np.concatenate([[0], np.cumsum(count)])
        inside = total[length:] - total[:-length]
        first = int(np.argmax(inside))
        return slice(first, first + length)

    def _at(self, p: int, d: int) -> tuple[int, int]:
        """Return a rather dry and a rather wet step with all sensors, earlier one first."""
        mean = self.tested.mean[p, d]
        inside = np.zeros(mean.size, bool)
        inside[self.steps] = True
        steps = np.flatnonzero(np.isfinite(mean) & inside)
        if not steps.size:
            steps = np.flatnonzero(np.isfinite(mean))
        order = steps[np.argsort(mean[steps])]
        chosen = sorted(int(order[int(q * (order.size - 1))]) for q in _SNAPSHOTS)
        return chosen[0], chosen[1]

    def add(self, model: str, answers: Answers) -> None:
        """Keep what a model answers for the examples."""
        p, d = self.where[:, 0], self.where[:, 1]
        self.mean[model] = answers.mean[p, d, self.steps].copy()
        self.quantile[model] = answers.quantile[p, d, self.steps].copy()
        density = np.full((len(p), 2, self.x.size), np.nan, "f4")
        for n, at in enumerate(self.snapshots):
            for k, t in enumerate(at):
                q = answers.quantile[p[n], d[n], t]
                density[n, k] = density_from_quantiles(self.x, q, LEVELS)
        self.density[model] = density

    def dataset(self, models: list[str]) -> xr.Dataset:
        """Return the series (example, time) with the answers of these models."""
        g, (p, d) = self.ground, self.where.T
        obs = g.obs[p, d][..., self.steps]
        reading = np.asarray(self.tested.reading[p, d].any(axis=1))
        of = ("example", "model", "time")
        unit = {"units": "m3 m-3"}
        snapshots = np.array(
            [
                density_of_readings(self.x, g.obs[p[n], d[n]][:, at].T, g.noise)
                for n, at in enumerate(self.snapshots)
            ]
        ).reshape(len(p), 2, self.x.size)
        stack = lambda kept, axis: np.stack([kept[m] for m in models], axis)  # noqa: E731
        data = {
            "obs": (("example", "replicate", "time"), obs, unit),
            "mean": (of, stack(self.mean, 1), unit),
            "quantile": ((*of, "level"), stack(self.quantile, 1), unit),
            "test": (("example", "time"), reading[:, self.steps]),
            "snapshot_time": (("example", "snapshot"), g.times.to_numpy()[self.snapshots]),
            "snapshot_density_obs": (("example", "snapshot", "x"), snapshots, {"units": "m-3 m3"}),
            "snapshot_density_model": (
                ("example", "snapshot", "model", "x"),
                stack(self.density, 2),
                {"units": "m-3 m3"},
            ),
        }
        if g.era5 is not None:
            data["era5_land"] = (("example", "time"), g.era5[p, d][:, self.steps], unit)
        if g.truth is not None and len(p):
            columns = np.moveaxis(g.truth[p, d][..., self.steps], 1, 2)
            true = mixture_of_readings(columns, g.truth_std, LEVELS)
            data["truth_quantile"] = (("example", "time", "level"), true, unit)
        coords = {
            "time": g.times[self.steps],
            "replicate": g.replicates,
            "model": models,
            "level": LEVELS,
            "x": ("x", self.x, unit),
            "place": ("example", [g.places[n] for n in p]),
            "layer": ("example", [g.parts.layers[1 + n] for n in d]),
            "group": ("example", [g.group[n] for n in p]),
        }
        return xr.Dataset(data, coords)


def _examples(ground: Ground, whole: np.ndarray, number: int) -> np.ndarray:
    """Return (example, 2) places and depths with most tested cells, groups and depths in turn."""
    count = whole.sum(axis=2)
    groups, depths = list(dict.fromkeys(ground.group)), len(ground.depths)
    # Along the diagonals, so that few examples already have all groups and all depths.
    turns = [
        (groups[n % len(groups)], (n + n // lcm(len(groups), depths)) % depths)
        for n in range(len(groups) * depths)
    ]
    chosen: list[tuple[int, int]] = []
    while len(chosen) < number:
        before = len(chosen)
        for group, d in turns:
            free = [
                p
                for p, own in enumerate(ground.group)
                if own == group and count[p, d] > 1 and (p, d) not in chosen
            ]
            if free and len(chosen) < number:
                chosen.append((max(free, key=lambda p: count[p, d]), d))
        if len(chosen) == before:
            break
    return np.array(chosen, int).reshape(-1, 2)
