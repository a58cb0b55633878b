"""Sensors in plots: columns that they stand in, what they read too much, and when they do not."""

from typing import NamedTuple

import numpy as np

from rootzone.simulate.plots_ground import Plots
from rootzone.simulate.plots_recipe import PlotRecipe

_STREAM = 3


class Sensors(NamedTuple):
    """Readings of sensors and what stands behind them."""

    reading: np.ndarray
    """(place, depth, replicate, time) [m3 m-3], float32, NaN in gaps."""
    column: np.ndarray
    """Column of a profile, the same at all depths (place, replicate)."""
    bias: np.ndarray
    """What a sensor reads too much at all times (place, depth, replicate) [m3 m-3]."""


def draw_sensors(recipe: PlotRecipe, plots: Plots, water: np.ndarray, seed: int) -> Sensors:
    """Return what the sensors of plots read; a place is the same whatever others there are.

    A profile stands in one column of its plot, drawn without putting back. A sensor adds a bias of
    its own and noise at each time. Profiles start late or end early, single sensors fail for
    a while, few never work (one of a depth at most).

    Parameters
    ----------
    recipe : PlotRecipe
        Sensors, interval.
    plots : Plots
        The places.
    water : array (place, depth, column, time)
        Of the columns [m3 m-3].
    seed : int
        Of everything random.
    """
    s = recipe.sensors
    size, depths, count, steps = water.shape
    reading = np.empty((size, depths, s.replicates, steps), np.float32)
    column = np.empty((size, s.replicates), int)
    bias = np.empty((size, depths, s.replicates))
    for p, number in enumerate(plots.number):
        rng = np.random.default_rng([seed, _STREAM, int(number)])
        column[p] = rng.permutation(count)[: s.replicates]
        bias[p] = s.bias * rng.standard_normal((depths, s.replicates))
        noise = s.noise * rng.standard_normal((depths, s.replicates, steps), np.float32)
        # No sensor shows less than no water.
        reading[p] = np.maximum(water[p][:, column[p]] + bias[p][..., None] + noise, 0.0)
        reading[p][_gaps(recipe, rng, depths, steps)] = np.nan
    return Sensors(reading, column, bias)


def _gaps(recipe: PlotRecipe, rng: np.random.Generator, depths: int, steps: int) -> np.ndarray:
    """Return where sensors of a place read nothing (depth, replicate, time)."""
    s, per_day = recipe.sensors, 24 / recipe.step_hours
    time = np.arange(steps)
    gap = np.zeros((depths, s.replicates, steps), bool)
    for r in range(s.replicates):
        cut, at_start = rng.uniform(0.0, 0.5) * steps, rng.random() < 0.5
        if rng.random() < s.late:
            gap[:, r] |= time < cut if at_start else time >= steps - cut
        for d in range(depths):
            for _ in range(rng.poisson(s.outages * steps / (365.0 * per_day))):
                first = rng.uniform(0.0, steps)
                gap[d, r] |= (time >= first) & (
                    time < first + rng.exponential(s.outage_days) * per_day
                )
    # One of a depth at most: a single sensor would tell nothing of the spread.
    for d in range(depths):
        if rng.random() < s.replicates * s.absent and s.replicates > 1:
            gap[d, rng.integers(s.replicates)] = True
    return gap
