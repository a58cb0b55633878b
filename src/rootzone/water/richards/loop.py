"""Time: every column has its own clock, its own step and its own error control.

One attempt advances all columns that still have time left in their interval, each by its own
step. A rejected column keeps its state. The driver loops until every column is through; the
differentiable driver takes a fixed number of attempts per interval instead.
"""

from enum import IntEnum
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from rootzone.water.hydraulics import Hydraulics
from rootzone.water.richards.step import Demand, Problem, Step, attempt


class Status(IntEnum):
    """How a column ended."""

    DONE = 0
    STALLED = 1
    """It used up its attempts, or no step was short enough: the result ends there."""
    NOT_FINITE = 2
    """A step led to numbers that are none."""


class Control(eqx.Module):
    """Settings of the step control.

    Attributes
    ----------
    tolerance : float
        Truncation error of the water content allowed in a step [m3 m-3]. One number per column
        as an array is possible, and is no reason to compile again, as a new float is.
    max_change : float
        Change of saturation allowed in a step [1]; a step with twice of it is rejected.
    dt_min, dt_max, dt_start : float
        Steps [d].
    max_steps : int
        Bound on attempts per interval, on average and ten times that in one go, so that no column
        can run for ever.
    """

    tolerance: float = 1.2e-3
    max_change: float = 0.1
    dt_min: float = 1e-9
    dt_max: float = 1.0
    dt_start: float = 1e-4
    max_steps: int = eqx.field(static=True, default=1000)


class Lane(NamedTuple):
    """What the columns carry from attempt to attempt; arrays (node, column) or (column)."""

    theta: jax.Array
    rest: jax.Array
    """What rounding has kept from ``theta`` (compensated sum)."""
    pond: jax.Array
    here: Hydraulics
    dt: jax.Array
    left: jax.Array
    sums: jax.Array
    """Inflow, runoff, evaporation, transpiration, drainage of the interval (5, column) [cm]."""
    status: jax.Array
    steps: jax.Array
    rejected: jax.Array


_NEGATIVE = 20.0  # how much worse it is to take water that a node does not have
_FULL = 2e-3  # m3 m-3 short of saturation, where water may stand on the soil


def start(
    problem: Problem, theta: jax.Array, h: jax.Array, pond: jax.Array, control: Control
) -> Lane:
    """Return the lanes of a state at the beginning of an interval."""
    zeros = jnp.zeros_like(pond)
    count = jnp.zeros(pond.shape, jnp.int32)
    return Lane(
        theta,
        jnp.zeros_like(theta),
        pond,
        problem.soil.of_water(theta, h),
        zeros + control.dt_start,
        zeros,
        jnp.zeros((5, *pond.shape), theta.dtype),
        count,
        count,
        count,
    )


def _select(accept: jax.Array, new, old):
    return jax.tree.map(lambda a, b: jnp.where(accept, a, b), new, old)


def _judge(
    problem: Problem, control: Control, lane: Lane, step: Step, theta: jax.Array, new: Hydraulics
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return whether a step is finite, whether it is sound, and its error over what is allowed."""
    full, residual = problem.soil.theta_s, problem.soil.theta_r
    moved = jnp.max(jnp.abs(step.change) / (full - residual), axis=0)
    # What was missed before is not this step's fault, and no shorter step would mend it.
    inherited = jnp.abs(lane.theta - lane.here.theta)
    beyond = jnp.where(theta < residual, _NEGATIVE, 1.0)
    missed = jnp.max(beyond * (jnp.abs(theta - new.theta) - inherited), axis=0)
    finite = jnp.isfinite(moved + missed + jnp.sum(new.h + new.K, axis=0))
    # Ponding is true only where the water itself, not just the linear head, fills the surface.
    believed = lane.here.theta[0] + step.change[0]
    filled = believed > jnp.broadcast_to(full, theta.shape)[0] - _FULL
    sound = finite & (filled | ~step.surface.ponded)
    measure = jnp.maximum(
        jnp.maximum(moved / control.max_change, missed / (2.0 * control.tolerance)),
        jnp.sqrt(step.truncation / control.tolerance),
    )
    return finite, sound, jnp.where(sound, measure, 10.0)


def advance(
    problem: Problem, control: Control, lane: Lane, demand: Demand, going: jax.Array
) -> tuple[Lane, jax.Array]:
    """Return the lanes after one attempt, and which of them reached the end of their interval."""
    # The last step of an interval takes exactly what is left of it.
    last = lane.dt >= lane.left
    dt = jnp.where(last, lane.left, jnp.where(lane.dt > 0.5 * lane.left, 0.5 * lane.left, lane.dt))
    dt = jnp.where(going, dt, 1.0)
    step = attempt(problem, lane.theta, lane.pond, lane.here, demand, dt)

    gained = step.change + lane.rest
    theta = lane.theta + gained
    rest = gained - (theta - lane.theta)
    new = problem.soil.of_water(theta, step.h)
    finite, sound, measure = _judge(problem, control, lane, step, theta, new)

    at_floor = dt <= control.dt_min
    good = sound & ((measure <= 2.0) | (at_floor & (measure < 20.0)))
    accept = going & good
    growth = jnp.clip(0.9 / jnp.maximum(measure, 1e-6), 0.2, 1.8)
    # A step cut short by the end of an interval says nothing against the long one.
    kept = jnp.where(last & (growth >= 1), lane.dt, 0.0)
    wanted = jnp.where(
        good,
        jnp.maximum(dt * growth, kept),
        dt * jnp.minimum(growth, 0.5),
    )
    next_dt = jnp.where(going, jnp.clip(wanted, control.dt_min, control.dt_max), lane.dt)

    left = jnp.where(accept, jnp.where(last, 0.0, lane.left - dt), lane.left)
    rates = jnp.stack(
        [
            step.surface.inflow,
            step.surface.runoff,
            demand.evaporation - step.surface.withheld,
            step.transpiration,
            step.drainage,
        ]
    )
    stuck = going & ~good & at_floor
    return (
        Lane(
            jnp.where(accept, theta, lane.theta),
            jnp.where(accept, rest, lane.rest),
            jnp.where(accept, step.surface.pond, lane.pond),
            _select(accept, new, lane.here),
            next_dt.astype(theta.dtype),
            left,
            jnp.where(accept, lane.sums + rates * dt, lane.sums),
            jnp.where(stuck, jnp.where(finite, Status.STALLED, Status.NOT_FINITE), lane.status),
            lane.steps + accept,
            lane.rejected + (going & ~accept),
        ),
        accept & (left == 0.0),
    )


class Record(NamedTuple):
    """What a run writes: water (interval, observation, column), sums (interval, 5, column)."""

    theta: jax.Array
    sums: jax.Array
    storage: jax.Array
    """Water in the soil at the end of each interval (interval, column) [cm]."""
    pond: jax.Array
    """Water on the soil at the end of each interval (interval, column) [cm]."""


def storage(problem: Problem, theta: jax.Array, rest: jax.Array) -> jax.Array:
    """Return the water in the soil [cm] (column)."""
    return jnp.sum(theta * problem.dx, axis=0) + jnp.sum(rest * problem.dx, axis=0)


class Series(NamedTuple):
    """Forcing as the drivers read it."""

    rates: jax.Array
    """Rain, evaporation, transpiration (interval, 3, column) [cm d-1]."""
    stage: jax.Array | None
    """Which root density holds in each interval (interval) or None."""
    interval: jax.Array
    """Length [d]."""


def _demand(problem: Problem, series: Series, index: jax.Array, lanes: jax.Array) -> Demand:
    rain, evaporation, transpiration = jnp.moveaxis(series.rates[index, :, lanes], -1, 0)
    density = None
    if problem.roots is not None:
        table = problem.roots.density
        if table.shape[0] == 1 or series.stage is None:
            density = table[0] if table.ndim == 3 else table[0][:, None]
        elif table.ndim == 2:
            density = table[series.stage[index]].T
        else:
            density = table[series.stage[index], :, lanes].T
    return Demand(rain, evaporation, transpiration, density)


@eqx.filter_jit
def drive(
    problem: Problem,
    control: Control,
    lane: Lane,
    series: Series,
    observe: jax.Array | None,
    every: int,
) -> tuple[Lane, Record]:
    """Advance every column through the series, each at its own pace."""
    intervals, columns = series.rates.shape[0], series.rates.shape[2]
    lanes = jnp.arange(columns)
    rows = intervals // every
    watched = lane.theta.shape[0] if observe is None else observe.shape[0]
    dtype = lane.theta.dtype

    def active(index: jax.Array, lane: Lane) -> jax.Array:
        return (index < intervals) & (lane.status == Status.DONE)

    def body(carry):
        index, lane, record = carry
        going = active(index, lane)
        demand = _demand(problem, series, jnp.minimum(index, intervals - 1), lanes)
        lane, ended = advance(problem, control, lane, demand, going)
        index = index + ended
        writes = ended & (index % every == 0)
        row = jnp.where(writes, index // every - 1, rows)
        seen = lane.theta if observe is None else observe @ lane.theta
        record = Record(
            record.theta.at[row, :, lanes].set(seen.T, mode="drop"),
            record.sums.at[row, :, lanes].set(lane.sums.T, mode="drop"),
            record.storage.at[row, lanes].set(storage(problem, lane.theta, lane.rest), mode="drop"),
            record.pond.at[row, lanes].set(lane.pond, mode="drop"),
        )
        spent = lane.steps + lane.rejected >= control.max_steps * (index + 10)
        lane = lane._replace(
            left=jnp.where(ended, series.interval, lane.left),
            sums=jnp.where(writes, 0.0, lane.sums),
            status=jnp.where(going & spent, jnp.int32(Status.STALLED), lane.status),
        )
        return index, lane, record

    record = Record(
        jnp.full((rows, watched, columns), jnp.nan, dtype),
        jnp.full((rows, 5, columns), jnp.nan, dtype),
        jnp.full((rows, columns), jnp.nan, dtype),
        jnp.full((rows, columns), jnp.nan, dtype),
    )
    lane = lane._replace(left=jnp.full(columns, series.interval, dtype))
    _, lane, record = jax.lax.while_loop(
        lambda c: jnp.any(active(c[0], c[1])),
        body,
        (jnp.zeros(columns, jnp.int32), lane, record),
    )
    return lane, record


@eqx.filter_jit
def drive_differentiable(
    problem: Problem,
    control: Control,
    lane: Lane,
    series: Series,
    observe: jax.Array | None,
    attempts: int,
) -> tuple[Lane, Record]:
    """Advance through the series with a fixed number of attempts per interval, for gradients."""
    columns = series.rates.shape[2]
    lanes = jnp.arange(columns)

    def one(carry, _):
        lane, demand = carry
        going = (lane.left > 0.0) & (lane.status == Status.DONE)
        # Steps are chosen, not differentiated.
        lane = lane._replace(dt=jax.lax.stop_gradient(lane.dt))
        lane, _ = advance(problem, control, lane, demand, going)
        return (lane, demand), None

    @jax.checkpoint
    def interval(lane: Lane, index: jax.Array):
        demand = _demand(problem, series, jnp.full(columns, index), lanes)
        lane = lane._replace(
            left=jnp.full(columns, series.interval, lane.theta.dtype),
            sums=jnp.zeros_like(lane.sums),
        )
        (lane, _), _ = jax.lax.scan(jax.checkpoint(one), (lane, demand), None, length=attempts)
        late = (lane.left > 0.0) & (lane.status == Status.DONE)
        lane = lane._replace(status=jnp.where(late, jnp.int32(Status.STALLED), lane.status))
        seen = lane.theta if observe is None else observe @ lane.theta
        return lane, Record(seen, lane.sums, storage(problem, lane.theta, lane.rest), lane.pond)

    return jax.lax.scan(interval, lane, jnp.arange(series.rates.shape[0]))
