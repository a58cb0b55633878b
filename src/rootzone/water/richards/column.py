"""The Richards column: many soil columns at once, each with its own clock.

Mixed form, node-centered, linearly implicit with a conservative update (the line of Ross 2003 and
Kavetski et al. 2001), own step and error control per column; see :mod:`~.step` and :mod:`~.loop`.
Depth is positive down. Arrays are (node, column); cm and days.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from rootzone.water.hydraulics import H_FLOOR, Hydraulics, solver_form
from rootzone.water.retention import SoilHydraulics
from rootzone.water.richards.boundary import Atmosphere, Bottom, FreeDrainage, Top
from rootzone.water.richards.grid import ArithmeticMean, Grid, Internodal
from rootzone.water.richards.loop import (
    Control,
    Lane,
    Record,
    Series,
    drive,
    drive_differentiable,
    start,
    storage,
)
from rootzone.water.richards.step import Problem
from rootzone.water.roots import Roots


class State(NamedTuple):
    """State of the columns: head and water content (node, column), standing water (column)."""

    h: jax.Array
    theta: jax.Array
    pond: jax.Array


class Forcing(NamedTuple):
    """Weather at the surface: arrays (interval) or (interval, column) [cm d-1].

    ``stage`` (interval) says which root density of :class:`Roots` holds, where roots grow.
    """

    rain: ArrayLike
    evaporation: ArrayLike = 0.0
    transpiration: ArrayLike = 0.0
    stage: ArrayLike | None = None


class Fluxes(NamedTuple):
    """Amounts of each output interval (interval, column) [cm]."""

    infiltration: jax.Array
    """Water that entered the soil through its surface, negative when it dries."""
    runoff: jax.Array
    evaporation: jax.Array
    """Actual evaporation of soil and standing water."""
    transpiration: jax.Array
    """Root water uptake."""
    drainage: jax.Array
    """Outflow at the bottom, negative when water rises."""


class Run(NamedTuple):
    """Result of a run.

    ``theta`` (interval, observation, column) at the ends of the output intervals, ``storage``
    and ``pond`` (interval, column): water in the soil and on it [cm]; ``balance_error`` (interval,
    column) [cm]: what the soil has gained since the start less what the fluxes have brought.
    """

    state: State
    theta: jax.Array
    fluxes: Fluxes
    storage: jax.Array
    pond: jax.Array
    balance_error: jax.Array
    status: jax.Array
    steps: jax.Array
    rejected: jax.Array


class Richards(eqx.Module):
    """A batch of columns: soil, grid, boundaries, roots and step control.

    Attributes
    ----------
    soil : SoilHydraulics
        Closure whose parameters broadcast against (node, column): layered soils carry one value
        per node.
    grid : Grid
        Nodes.
    top : Top
        Upper boundary.
    bottom : Bottom
        Lower boundary.
    roots : Roots, optional
        Root water uptake.
    mean : Internodal
        Conductivity between nodes.
    control : Control
        Step control.
    """

    soil: SoilHydraulics
    grid: Grid
    top: Top = Atmosphere()
    bottom: Bottom = FreeDrainage()
    roots: Roots | None = None
    mean: Internodal = ArithmeticMean()
    control: Control = Control()

    def initial(self, h: ArrayLike, columns: int = 1) -> State:
        """Return the state of heads (node), (column) or (node, column) [cm]."""
        h = jnp.asarray(h)
        h = h[:, None] if h.ndim == 1 else h
        h = jnp.broadcast_to(h, (self.grid.depth.size, columns))
        h = h.astype(jnp.result_type(h, 1.0))
        theta = jnp.broadcast_to(self.soil.theta(h), h.shape).astype(h.dtype)
        return State(h, theta, jnp.zeros(columns, h.dtype))

    def run(
        self,
        state: State,
        forcing: Forcing,
        *,
        interval: float = 1.0,
        observe: ArrayLike | None = None,
        every: int = 1,
    ) -> Run:
        """Advance all columns through a forcing series.

        Parameters
        ----------
        state : State
            Heads and water contents (node, column); its precision is that of the run.
        forcing : Forcing
            Rain, potential evaporation and transpiration, constant within an interval.
        interval : float
            Length of an interval [d].
        observe : array (observation, node), optional
            Weights of the nodes; by default every node is observed.
        every : int
            Intervals per output: 24 for daily output of hourly forcing.

        Returns
        -------
        Run
            Observed water at the ends of the output intervals, amounts, status of each column.

        Raises
        ------
        ValueError
            If the forcing has no whole number of output intervals.
        """
        problem, lane, series, weights = self._prepare(state, forcing, interval, observe)
        if series.rates.shape[0] % every:
            raise ValueError(
                f"{series.rates.shape[0]} forcing intervals are no multiple of every={every}"
            )
        before = storage(problem, lane.theta, lane.rest)
        return _result(before, *drive(problem, self.control, lane, series, weights, every))

    def run_differentiable(
        self,
        state: State,
        forcing: Forcing,
        *,
        interval: float = 1.0,
        observe: ArrayLike | None = None,
        attempts: int = 64,
    ) -> Run:
        """Advance all columns with a fixed number of attempts per interval: reverse mode works.

        The same steps as :meth:`run` as long as ``attempts`` suffices; a column that needs more
        ends as stalled. Step lengths are chosen, not differentiated. Memory grows with the
        number of intervals, not of attempts (both levels are checkpointed).

        Parameters
        ----------
        state, forcing, interval, observe
            As in :meth:`run`.
        attempts : int
            Attempted steps per interval.
        """
        problem, lane, series, weights = self._prepare(state, forcing, interval, observe)
        before = storage(problem, lane.theta, lane.rest)
        return _result(
            before, *drive_differentiable(problem, self.control, lane, series, weights, attempts)
        )

    def _prepare(
        self, state: State, forcing: Forcing, interval: float, observe: ArrayLike | None
    ) -> tuple[Problem, Lane, Series, jax.Array | None]:
        dtype, columns = state.h.dtype, state.h.shape[1]
        cast = lambda tree: jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), tree)  # noqa: E731
        depth = jnp.asarray(self.grid.depth)
        soil = solver_form(self.soil, dtype)
        at = lambda h: jnp.broadcast_to(self.soil.theta(jnp.asarray(h)), state.h.shape)  # noqa: E731
        problem = Problem(
            soil,
            cast(self.top),
            cast(self.bottom),
            cast(self.mean),
            cast(self.roots),
            jnp.diff(depth).astype(dtype)[:, None],
            jnp.asarray(self.grid.thickness, dtype)[:, None],
            depth[-1].astype(dtype),
            at(jnp.maximum(self.top.h_dry, H_FLOOR))[0].astype(dtype),
            at(-1e6 if self.roots is None else self.roots.stress.h_end).astype(dtype),
        )
        rates = [jnp.asarray(part, dtype) for part in forcing[:3]]
        length = max(part.shape[0] for part in rates if part.ndim)
        full = [
            jnp.broadcast_to(part[:, None] if part.ndim == 1 else part, (length, columns))
            for part in rates
        ]
        series = Series(
            jnp.stack(full, axis=1),
            None if forcing.stage is None else jnp.asarray(forcing.stage, jnp.int32),
            jnp.asarray(interval, dtype),
        )
        weights = None if observe is None else jnp.asarray(observe, dtype)
        h, theta = self._with_given_heads(problem, state)
        return problem, start(problem, theta, h, state.pond, self.control), series, weights

    def _with_given_heads(self, problem: Problem, state: State) -> tuple[jax.Array, jax.Array]:
        """Return the state with the heads that the ends demand: their first jump is no flux."""
        last = Hydraulics(*(part[-1] for part in problem.soil.of_water(state.theta, state.h)))
        full = jnp.broadcast_to(problem.soil.theta_s, state.h.shape)
        low = problem.bottom.condition(last, full[-1], problem.bottom_depth)
        h = state.h.at[-1].set(jnp.where(low.fixed, low.head, state.h[-1]))
        h = h.at[0].set(problem.top.initial(h[0]))
        at = jnp.broadcast_to(self.soil.theta(h), h.shape).astype(h.dtype)
        return h, jnp.where(h == state.h, state.theta, at)


def _result(before: jax.Array, lane: Lane, record: Record) -> Run:
    fluxes = Fluxes(*(record.sums[:, n] for n in range(5)))
    brought = fluxes.infiltration - fluxes.drainage - fluxes.transpiration
    return Run(
        State(lane.here.h, lane.theta, lane.pond),
        record.theta,
        fluxes,
        record.storage,
        record.pond,
        record.storage - before - jnp.cumsum(brought, axis=0),
        lane.status,
        lane.steps,
        lane.rejected,
    )
