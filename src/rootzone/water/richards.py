"""The Richards column: many soil columns at once, each with its own clock.

Mixed form, node-centred, one linearly implicit step per solve with a conservative update of the
water content (the line of Ross 2003 and Kavetski et al. 2001): the water content is advanced by
linearized fluxes, so the balance closes to round-off in every step; the head follows from the
water content where the soil is unsaturated, and what the linearization missed is carried into the
next step. Steps are controlled by a truncation estimate and by the change of saturation; a
rejected step leaves the column as it was. Columns run side by side in one loop, each at its own
time: a column that is done waits for none.

Depth is positive down. Arrays are (node, column); cm and days.
"""

from enum import IntEnum
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from rootzone.water.retention import SoilHydraulics

_STORAGE = 1e-7  # cm-1, of a saturated node


class Bottom(IntEnum):
    """Lower boundary."""

    FREE_DRAINAGE = 0
    HEAD = 1
    FLUX = 2
    SEEPAGE = 3


class Status(IntEnum):
    """How a column ended."""

    DONE = 0
    STALLED = 1
    """The step fell below its minimum too often: the result ends there."""
    NOT_FINITE = 2


class Grid(NamedTuple):
    """Nodes of a column: depth (node) and the thickness each stands for [cm]."""

    depth: jax.Array
    thickness: jax.Array

    @classmethod
    def of_depths(cls, depth: ArrayLike) -> "Grid":
        """Return the grid of node depths, the first at the surface, the last at the bottom.

        Raises
        ------
        ValueError
            If the depths do not start at zero or do not increase.
        """
        z = np.asarray(depth, dtype=float)
        if z.ndim != 1 or z.size < 3 or z[0] != 0.0 or np.any(np.diff(z) <= 0):
            raise ValueError("node depths must start at 0 and increase, three nodes are the least")
        dz = np.diff(z)
        thickness = 0.5 * np.concatenate([dz[:1], dz[1:] + dz[:-1], dz[-1:]])
        return cls(jnp.asarray(z), jnp.asarray(thickness))


class Boundary(NamedTuple):
    """Boundary conditions; arrays (column) or scalars.

    ``top_head`` None means atmospheric: the potential flux of the forcing, limited by
    ``h_ponding`` above (the excess runs off) and by ``h_dry`` below.
    """

    top_head: ArrayLike | None = None
    h_ponding: ArrayLike = 0.0
    h_dry: ArrayLike = -15000.0
    bottom: Bottom = Bottom.FREE_DRAINAGE
    bottom_value: ArrayLike = 0.0


class Control(eqx.Module):
    """Settings of the step control.

    Attributes
    ----------
    tolerance : float
        Truncation error of the water content allowed in a step [m3 m-3].
    max_change : float
        Change of saturation allowed in a step [1]; a step with twice of it is rejected.
    dt_min, dt_max, dt_start : float
        Steps [d].
    max_steps : int
        Bound on attempts per column and day, so that no column can run for ever.
    """

    tolerance: float = 5e-4
    max_change: float = 0.05
    dt_min: float = 1e-9
    dt_max: float = 1.0
    dt_start: float = 1e-4
    max_steps: int = eqx.field(static=True, default=20000)


class State(NamedTuple):
    """State of the columns: head and water content (node, column)."""

    h: jax.Array
    theta: jax.Array


class Fluxes(NamedTuple):
    """Amounts of each forcing interval (interval, column) [cm], positive down."""

    surface: jax.Array
    """Water that entered the soil, negative when it evaporated."""
    runoff: jax.Array
    drainage: jax.Array
    balance_error: jax.Array


class Run(NamedTuple):
    """Result of a run; ``theta`` is (interval, observation, column) at the ends of intervals."""

    state: State
    theta: jax.Array
    fluxes: Fluxes
    status: jax.Array
    steps: jax.Array
    rejected: jax.Array


class _Linear(NamedTuple):
    """Linearized interface fluxes: value and derivatives to the node above and below."""

    q: jax.Array
    above: jax.Array
    below: jax.Array


def _interfaces(h: jax.Array, K: jax.Array, dK: jax.Array, dz: jax.Array) -> _Linear:
    mean = 0.5 * (K[1:] + K[:-1])
    pull = 1.0 - (h[1:] - h[:-1]) / dz
    conductance = mean / dz
    return _Linear(
        mean * pull,
        conductance + 0.5 * dK[:-1] * pull,
        -conductance + 0.5 * dK[1:] * pull,
    )


def _upward_elimination(lower, diagonal, upper, right):
    """Eliminate a tridiagonal system from the bottom; rows (node, column).

    Row i reads lower[i] x[i-1] + diagonal[i] x[i] + upper[i] x[i+1] = right[i]. Returns for each
    row the pair (c, d) with x[i] = d[i] + c[i] x[i-1], and the reduced first row.
    """

    def row(carry, this):
        c, d = carry
        low, diag, up, rhs = this
        pivot = diag + up * c
        return (-low / pivot, (rhs - up * d) / pivot), (-low / pivot, (rhs - up * d) / pivot)

    zero = jnp.zeros_like(right[0])
    (c, d), below = jax.lax.scan(
        row, (zero, zero), (lower[1:], diagonal[1:], upper[1:], right[1:]), reverse=True
    )
    return below, diagonal[0] + upper[0] * c, right[0] - upper[0] * d


def _back_substitution(below, first: jax.Array) -> jax.Array:
    def row(x, pair):
        c, d = pair
        x = d + c * x
        return x, x

    _, rest = jax.lax.scan(row, first, below)
    return jnp.concatenate([first[None], rest])


class Richards(eqx.Module):
    """A batch of columns: soil, grid, boundaries and step control.

    Attributes
    ----------
    soil : SoilHydraulics
        Closure whose parameters broadcast against (node, column): layered soils carry one value
        per node.
    grid : Grid
        Nodes.
    boundary : Boundary
        Boundary conditions.
    control : Control
        Step control.
    """

    soil: SoilHydraulics
    grid: Grid
    boundary: Boundary = Boundary()
    control: Control = Control()

    def initial(self, h: ArrayLike, columns: int = 1) -> State:
        """Return the state of heads (node), (column) or (node, column) [cm]."""
        h = jnp.asarray(h)
        h = h[:, None] if h.ndim == 1 else h
        h = jnp.broadcast_to(h, (self.grid.depth.size, columns))
        h = h.astype(jnp.result_type(h, 1.0))
        return State(h, jnp.broadcast_to(self.soil.theta(h), h.shape))

    def run(
        self,
        state: State,
        potential_flux: ArrayLike,
        *,
        interval: float = 1.0,
        observe: ArrayLike | None = None,
    ) -> Run:
        """Advance all columns through a forcing series.

        Parameters
        ----------
        state : State
            Heads and water contents (node, column).
        potential_flux : array (interval, column) or (interval,)
            Rain minus potential evaporation, positive into the soil [cm d-1]; constant within an
            interval.
        interval : float
            Length of an interval [d].
        observe : array (observation, node), optional
            Weights of the nodes; by default every node is observed.

        Returns
        -------
        Run
            Observed water at the ends of the intervals, amounts, status of each column.
        """
        flux = jnp.asarray(potential_flux, state.h.dtype)
        flux = flux[:, None] if flux.ndim == 1 else flux
        flux = jnp.broadcast_to(flux, (flux.shape[0], state.h.shape[1]))
        weights = jnp.eye(state.h.shape[0]) if observe is None else jnp.asarray(observe)
        return _run(
            self,
            state,
            flux,
            jnp.asarray(interval, state.h.dtype),
            weights.astype(state.h.dtype),
        )


def _attempt(model: Richards, state: State, q_top: jax.Array, dt: jax.Array):
    """Return the state after ``dt`` (column), the change of water, and fluxes at both ends."""
    soil, grid, boundary = model.soil, model.grid, model.boundary
    dtype = state.h.dtype
    dz = jnp.diff(grid.depth).astype(dtype)[:, None]
    dx = grid.thickness.astype(dtype)[:, None]
    h, theta = state
    K, dK = jax.jvp(soil.K, (h,), (jnp.ones_like(h),))
    C = soil.capacity(h)
    residual, full = _range(soil, h)
    q = _interfaces(h, K, dK, dz)

    # Rows: C dx/dt dh - d(q_in) + d(q_out) = dx/dt (theta - theta(h)) + q_in - q_out.
    # A trace of storage where the soil is saturated keeps a fully saturated column solvable.
    C = jnp.where(h > -1.0, jnp.maximum(C, _STORAGE), C)
    storage = C * dx / dt
    defect = (theta - soil.theta(h)) * dx / dt
    zero = jnp.zeros_like(h[:1])
    lower = jnp.concatenate([zero, -q.above])
    upper = jnp.concatenate([q.below, zero])
    diagonal = storage + jnp.concatenate([q.above, zero]) - jnp.concatenate([zero, q.below])
    right = defect + jnp.concatenate([-q.q, zero]) + jnp.concatenate([zero, q.q])

    value = jnp.broadcast_to(jnp.asarray(boundary.bottom_value, dtype), h.shape[1:])
    if boundary.bottom == Bottom.FREE_DRAINAGE:
        diagonal = diagonal.at[-1].add(dK[-1])
        right = right.at[-1].add(-K[-1])
    elif boundary.bottom == Bottom.FLUX:
        right = right.at[-1].add(-value)
    fixed = jnp.zeros(h.shape[1:], bool)
    if boundary.bottom == Bottom.HEAD:
        fixed = jnp.ones_like(fixed)
    elif boundary.bottom == Bottom.SEEPAGE:
        # Closed while the node is unsaturated, at head zero when water stands on it.
        fixed = (h[-1] >= 0.0) | (theta[-1] >= full[-1])
        value = jnp.zeros_like(value)
    last_diagonal, last_right = diagonal[-1], right[-1]
    diagonal = diagonal.at[-1].set(jnp.where(fixed, 1.0, last_diagonal))
    lower_last = lower[-1]
    lower = lower.at[-1].set(jnp.where(fixed, 0.0, lower_last))
    right = right.at[-1].set(jnp.where(fixed, value - h[-1], last_right))

    below, pivot, reduced = _upward_elimination(lower, diagonal, upper, right)

    # The top in closed form: flux, or one of the limiting heads, whichever is consistent.
    by_flux = (reduced + q_top) / pivot
    if boundary.top_head is not None:
        first = jnp.broadcast_to(jnp.asarray(boundary.top_head, dtype), q_top.shape) - h[0]
        top = pivot * first - reduced
    else:
        h_new = h[0] + by_flux
        linear_theta = theta[0] + C[0] * by_flux
        pond = jnp.asarray(boundary.h_ponding, dtype)
        dry = jnp.asarray(boundary.h_dry, dtype)
        # Very dry soil has next to no capacity: any rain would lift h + dh above zero.
        nearly_full = linear_theta > residual[0] + 0.95 * (full[0] - residual[0])
        ponded = (h_new > pond) & nearly_full
        # The driest top is a water content: a linear step in head would overshoot by far.
        to_dry = (soil.theta(jnp.broadcast_to(dry, h.shape))[0] - soil.theta(h)[0]) / C[0]
        parched = (by_flux < to_dry) & (q_top < 0)
        first = jnp.where(ponded, pond - h[0], jnp.where(parched, to_dry, by_flux))
        top = jnp.where(ponded | parched, pivot * first - reduced, q_top)
        # The limited flux never exceeds the potential one, nor changes its direction.
        back = (ponded & (top > q_top)) | (parched & (top < q_top))
        first, top = jnp.where(back, by_flux, first), jnp.where(back, q_top, top)
    dh = _back_substitution(below, first)

    flow = q.q + q.above * dh[:-1] + q.below * dh[1:]
    if boundary.bottom == Bottom.FREE_DRAINAGE:
        bottom = K[-1] + dK[-1] * dh[-1]
    elif boundary.bottom == Bottom.FLUX:
        bottom = value
    else:
        # What the last row does not store has left through the bottom.
        bottom = jnp.where(fixed, -(last_diagonal * dh[-1] + lower_last * dh[-2] - last_right), 0.0)
    inflow = jnp.concatenate([top[None], flow])
    outflow = jnp.concatenate([flow, bottom[None]])
    change = (inflow - outflow) * dt / dx
    new_theta = theta + change
    # The head follows from the water where that tells it, from the linear step where not.
    saturation = (new_theta - residual) / (full - residual)
    new_h = jnp.where(saturation < 0.95, soil.head(new_theta), h + dh)
    return State(new_h, new_theta), change, top, bottom


def _range(soil: SoilHydraulics, h: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return residual and saturated water content at every node of ``h``."""
    low, high = jnp.asarray(soil.theta_r, h.dtype), jnp.asarray(soil.theta_s, h.dtype)
    return jnp.broadcast_to(low, h.shape), jnp.broadcast_to(high, h.shape)


class _Loop(NamedTuple):
    state: State
    rate: jax.Array
    dt: jax.Array
    left: jax.Array
    day: jax.Array
    sums: jax.Array
    observed: jax.Array
    fluxes: jax.Array
    status: jax.Array
    steps: jax.Array
    rejected: jax.Array


@eqx.filter_jit
def _run(
    model: Richards, state: State, flux: jax.Array, interval: jax.Array, weights: jax.Array
) -> Run:
    days, columns = flux.shape
    dtype, control = state.h.dtype, model.control
    dx = model.grid.thickness.astype(dtype)[:, None]
    residual, full = _range(model.soil, state.h)
    lane = jnp.arange(columns)
    limit = control.max_steps * days

    def active(c: _Loop) -> jax.Array:
        return (c.day < days) & (c.status == Status.DONE)

    def body(c: _Loop) -> _Loop:
        going = active(c)
        q_top = flux[jnp.minimum(c.day, days - 1), lane]
        # The last step of an interval takes exactly what is left of it.
        last = c.dt >= c.left
        dt = jnp.where(last, c.left, jnp.where(c.dt > 0.5 * c.left, 0.5 * c.left, c.dt))
        new, change, top, bottom = _attempt(model, c.state, q_top, dt)
        rate = change / dt
        moved = jnp.max(jnp.abs(change) / (full - residual), axis=0)
        truncation = jnp.max(0.5 * dt * jnp.abs(rate - c.rate), axis=0)
        missed = jnp.max(jnp.abs(new.theta - model.soil.theta(new.h)), axis=0)
        finite = jnp.isfinite(moved) & jnp.all(jnp.isfinite(new.h), axis=0)
        measure = jnp.maximum(
            moved / control.max_change,
            jnp.maximum(jnp.sqrt(truncation / control.tolerance), missed / (4 * control.tolerance)),
        )
        measure = jnp.where(finite, measure, 10.0)
        good = finite & ((measure <= 2.0) | (dt <= control.dt_min))
        accept = going & good
        growth = jnp.clip(0.9 / jnp.maximum(measure, 1e-6), 0.2, 1.8)
        # A step cut short by the end of an interval says nothing against the long one.
        wanted = jnp.where(
            good,
            jnp.maximum(dt * growth, jnp.where(last & (growth >= 1), c.dt, 0.0)),
            dt * jnp.minimum(growth, 0.5),
        )
        next_dt = jnp.where(going, jnp.clip(wanted, control.dt_min, control.dt_max), c.dt)
        keep = lambda a, b: jnp.where(accept, a, b)  # noqa: E731
        left = keep(jnp.where(last, 0.0, c.left - dt), c.left)
        runoff = (
            jnp.maximum(q_top - top, 0.0)
            if model.boundary.top_head is None
            else jnp.zeros_like(top)
        )
        gained = jnp.sum(change * dx, axis=0) - (top - bottom) * dt
        sums = keep(c.sums + jnp.stack([top * dt, runoff * dt, bottom * dt, gained]), c.sums)
        finished = accept & (left == 0.0)
        row = jnp.where(finished, c.day, days)
        state = State(keep(new.h, c.state.h), keep(new.theta, c.state.theta))
        observed = c.observed.at[row, :, lane].set((weights @ state.theta).T, mode="drop")
        fluxes = c.fluxes.at[row, :, lane].set(sums.T, mode="drop")
        stuck = going & ((~finite & (dt <= control.dt_min)) | (c.steps + c.rejected >= limit))
        status = jnp.where(stuck, jnp.where(finite, Status.STALLED, Status.NOT_FINITE), c.status)
        return _Loop(
            state,
            keep(rate, c.rate),
            next_dt,
            jnp.where(finished, interval, left),
            c.day + finished,
            jnp.where(finished, 0.0, sums),
            observed,
            fluxes,
            status,
            c.steps + accept,
            c.rejected + (going & ~accept),
        )

    zeros = jnp.zeros(columns, dtype)
    count = jnp.zeros(columns, jnp.int32)
    start = _Loop(
        state,
        jnp.zeros_like(state.theta),
        zeros + control.dt_start,
        zeros + interval,
        count,
        jnp.zeros((4, columns), dtype),
        jnp.full((days, weights.shape[0], columns), jnp.nan, dtype),
        jnp.full((days, 4, columns), jnp.nan, dtype),
        count,
        count,
        count,
    )
    end = jax.lax.while_loop(lambda c: jnp.any(active(c)), body, start)
    surface, runoff, drainage, error = (end.fluxes[:, n] for n in range(4))
    return Run(
        end.state,
        end.observed,
        Fluxes(surface, runoff, drainage, error),
        end.status,
        end.steps,
        end.rejected,
    )
