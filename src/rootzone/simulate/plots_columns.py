"""Columns of plots: Richards' equation with macropores that run past the matrix.

Water that a channel carries is put into the soil at the start of an interval, the rest moves by
Richards' equation through it (operator splitting): the balance closes to round-off.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rootzone.simulate.ensemble import Chunk, chunk_count, run_ensemble
from rootzone.simulate.plots_recipe import HORIZON_ENDS
from rootzone.simulate.site import of_column, to_column
from rootzone.water.retention import VanGenuchten
from rootzone.water.richards import (
    Atmosphere,
    Control,
    Forcing,
    Grid,
    Richards,
    State,
    Status,
)
from rootzone.water.roots import Feddes, Roots

_NODES, _FIRST = 41, 0.5  # of the grid; cm, its first spacing
_AIR_ENTRY, _FINE = -2.0, 1.3  # cm; n below which plain van Genuchten soils are a trap
_POND = 0.2  # cm
_COMPENSATED = 0.7  # critical stress index of the roots (Jarvis 1989)
_START = -100.0  # cm
_FILLED = 0.95  # saturation up to which a channel gives its water to the soil
_CHUNK = 64  # columns


class Batch(NamedTuple):
    """Columns, the last axis; what all share has one more axis of length one."""

    number: np.ndarray
    place: np.ndarray
    soil: VanGenuchten
    """(node, column)"""
    roots: np.ndarray
    """(node, column)"""
    heads: np.ndarray
    """Feddes' dry limits and wilting (3, column) [cm]."""
    run_on: np.ndarray
    uptake: np.ndarray
    """Transpiration asked of a column over that of the plot (column) [1]."""
    caught: np.ndarray
    """Share of the water above the threshold that enters a channel (column)."""
    threshold: np.ndarray
    """[mm d-1] (column)"""
    outlet: np.ndarray
    """Shares of the nodes in what a channel gives (node, column)."""
    supply: np.ndarray
    """Water on the soil, potential evaporation and transpiration (time, 3, place, 1) [mm]."""


class ColumnRun(NamedTuple):
    """What became of the water, arrays (time, ..., column) [mm]."""

    water: jax.Array
    quick: jax.Array
    slow: jax.Array
    evaporation: jax.Array
    balance_error: jax.Array
    """Gain of soil and pond over all intervals less what the fluxes brought (column)."""
    status: jax.Array
    """(column)"""


def grid_of_plots() -> Grid:
    """Return the nodes of all columns."""
    return Grid.graded(HORIZON_ENDS[-1], _NODES, _FIRST)


def single(values: Any) -> Any:
    """Return values in single precision; numpy stands in for the arrays of parameters."""
    return np.asarray(values, np.float32)


def soil_of(theta_r: Any, theta_s: Any, alpha: Any, n: Any, K_s: Any) -> VanGenuchten:
    """Return the closure of parameters (node, column), with air entry where soils are fine."""
    parts = [single(x) for x in (theta_r, theta_s, alpha, n, K_s)]
    entry = single(np.where(parts[3] < _FINE, _AIR_ENTRY, 0.0))
    half = single(np.full_like(parts[3], 0.5))
    return VanGenuchten(*parts, l=half, air_entry=entry)


def outlet_of(grid: Grid, depth: tuple[float, float]) -> np.ndarray:
    """Return the shares of the nodes in an even outlet between two depths [cm]."""
    edge = np.concatenate([[0.0], np.cumsum(np.asarray(grid.thickness))])
    inside = np.clip(edge[1:], *depth) - np.clip(edge[:-1], *depth)
    return inside / inside.sum()


class _Carry(NamedTuple):
    state: State
    room: jax.Array
    """Water that the matrix still takes before channels do (column) [mm]."""
    status: jax.Array
    error: jax.Array
    """[mm] (column)"""


class _Program:
    """What :func:`run_ensemble` calls: columns in, their run out."""

    def __init__(self, interval: float, edges: np.ndarray):
        self.grid, self.interval = grid_of_plots(), interval
        weights = [self.grid.layer_weights(pair)[0] for pair in np.asarray(edges)]
        self.observe = np.stack([single(w) for w in weights])

    def simulate(self, batch: Batch) -> ColumnRun:
        """Return the run of a chunk; traceable."""
        b = jax.tree.map(jnp.asarray, batch)
        dry = dict(zip(("h_dry_fast", "h_dry_slow", "h_wilting"), b.heads, strict=True))
        days = self.interval
        column = Richards(
            b.soil,
            self.grid,
            top=Atmosphere(pond_max=_POND),
            roots=Roots(b.roots[None], Feddes(**dry), critical=_COMPENSATED),
            control=Control(dt_start=min(0.02, 0.5 * days)),
        )
        size = b.number.shape[0]
        start = column.initial(jnp.full((1, size), _START, jnp.float32), size)
        thickness = jnp.asarray(self.grid.thickness, jnp.float32)[:, None]
        most = b.soil.theta_r + _FILLED * (jnp.asarray(b.soil.theta_s) - b.soil.theta_r)

        def step(carry: _Carry, now: jax.Array) -> tuple[_Carry, tuple[jax.Array, ...]]:
            rain, evaporation, transpiration = now[:, b.place, 0]
            reaches = rain * b.run_on
            excess = b.caught * jnp.maximum(reaches - carry.room, 0.0)
            room = jnp.maximum(carry.room - reaches, 0.0)
            room = jnp.minimum(room + b.threshold * days, b.threshold)
            state, theta = carry.state, carry.state.theta
            free = jnp.maximum(most - theta, 0.0) * thickness
            taken = jnp.minimum(excess / 10.0 * b.outlet, free)
            theta = theta + taken / thickness
            h = jnp.where(taken > 0.0, b.soil.head(theta), state.h)
            left = excess - of_column(taken.sum(axis=0))
            asked = (reaches - excess, evaporation, b.uptake * transpiration)
            rates = [to_column(x, days=days)[None] for x in asked]
            run = column.run(
                State(h, theta, state.pond),
                Forcing(rates[0], rates[1], rates[2]),
                interval=days,
                observe=self.observe,
            )
            status = jnp.where(carry.status == Status.DONE, run.status, carry.status)
            failed = status != Status.DONE
            # A failed column is put back to its start, so that it cannot hold up the others.
            state = jax.tree.map(lambda new, old: jnp.where(failed, old, new), run.state, start)
            flux = jax.tree.map(lambda x: of_column(jnp.where(failed, jnp.nan, x[0])), run.fluxes)
            out = (
                jnp.where(failed, jnp.nan, run.theta[0]),
                flux.runoff + left,
                flux.drainage,
                flux.evaporation + flux.transpiration,
            )
            spent = sum(out[1:])
            before = jnp.sum(carry.state.theta * thickness, axis=0) + carry.state.pond
            gained = of_column(run.storage[0] + run.pond[0] - before)
            error = jnp.where(failed, 0.0, gained - (reaches - spent))
            return _Carry(state, room, status, carry.error + error), out

        none = jnp.zeros(size, jnp.float32)
        carry = _Carry(start, b.threshold, jnp.zeros(size, jnp.int32), none)
        carry, series = jax.lax.scan(step, carry, b.supply)
        water, quick, slow, evaporation = series
        return ColumnRun(water, quick, slow, evaporation, carry.error, carry.status)


def run_batch(
    batch: Batch,
    edges: np.ndarray,
    *,
    step_hours: int,
    progress: Callable[[float], None] = lambda share: None,
) -> ColumnRun:
    """Run columns chunk by chunk in float32, on all cores, and return them in order.

    Parameters
    ----------
    batch : Batch
        Columns and what reaches their soil.
    edges : array (depth, 2)
        Between which the water is averaged [cm].
    step_hours : int
        Length of the intervals [h].
    progress : callable, optional
        Told the share of the chunks that is done.
    """
    program = _Program(step_hours / 24.0, edges)
    chunks: list[Chunk] = []
    count = chunk_count(batch.number.size, _CHUNK)
    with jax.enable_x64(False):
        for chunk in run_ensemble(program, batch, chunk=_CHUNK):  # pyright: ignore[reportArgumentType]
            chunks.append(chunk)
            progress(len(chunks) / count)
    parts: list[Any] = [c.result for c in sorted(chunks, key=lambda chunk: chunk.number)]
    return jax.tree.map(lambda *x: np.concatenate(x, axis=-1), *parts)
