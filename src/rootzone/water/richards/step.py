"""One linearly implicit step of all columns: assemble, eliminate upward, close the top, update.

The water content is advanced by the linearized fluxes, so the balance closes to round-off in
every step. The head follows from the water content where the soil is unsaturated; what the
linearization missed near saturation is carried into the next right-hand side. The system is
eliminated from the bottom up, so that the choice at the surface costs one scalar equation.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from rootzone.water.hydraulics import Hydraulics, SolverForm
from rootzone.water.richards.boundary import Bottom, FirstNode, Surface, Top
from rootzone.water.richards.grid import Internodal
from rootzone.water.roots import Roots, uptake

_RELAX = 0.005  # d, over which the water that earlier linear steps missed finds its head


class Problem(eqx.Module):
    """A batch of columns as the solver sees it; constants formed once, one precision.

    ``dz`` (node-1, 1) and ``dx`` (node, 1) [cm], ``bottom_depth`` [cm]; water content of the driest
    surface ``driest`` (column) and at the end of root uptake ``wilted`` (node, column).
    """

    soil: SolverForm
    top: Top
    bottom: Bottom
    mean: Internodal
    roots: Roots | None
    dz: jax.Array
    dx: jax.Array
    bottom_depth: jax.Array
    driest: jax.Array
    wilted: jax.Array


class Demand(NamedTuple):
    """What the weather asks for in an interval (column) [cm d-1], and where the roots are."""

    rain: jax.Array
    evaporation: jax.Array
    transpiration: jax.Array
    density: jax.Array | None
    """Root density (node, 1 or column) [cm-1]."""


class Step(NamedTuple):
    """Outcome of an attempted step: change of water (node, column) and rates (column)."""

    change: jax.Array
    h: jax.Array
    surface: Surface
    drainage: jax.Array
    transpiration: jax.Array
    truncation: jax.Array
    """Truncation error of the water content, the largest of all nodes (column) [m3 m-3]."""


class _Rows(NamedTuple):
    """Tridiagonal rows: lower x[i-1] + diagonal x[i] + upper x[i+1] = right."""

    lower: jax.Array
    diagonal: jax.Array
    upper: jax.Array
    right: jax.Array


def _upward_elimination(rows: _Rows) -> tuple[tuple[jax.Array, jax.Array], jax.Array, jax.Array]:
    """Return pairs (c, d) with x[i] = d[i] + c[i] x[i-1], and the reduced first row."""

    def row(carry, this):
        c, d = carry
        low, diag, up, rhs = this
        scale = 1.0 / (diag + up * c)
        pair = (-low * scale, (rhs - up * d) * scale)
        return pair, pair

    zero = jnp.zeros_like(rows.right[0])
    (c, d), below = jax.lax.scan(
        row, (zero, zero), jax.tree.map(lambda a: a[1:], rows), reverse=True
    )
    return below, rows.diagonal[0] + rows.upper[0] * c, rows.right[0] - rows.upper[0] * d


def _back_substitution(below: tuple[jax.Array, jax.Array], first: jax.Array) -> jax.Array:
    def row(x, pair):
        c, d = pair
        x = d + c * x
        return x, x

    _, rest = jax.lax.scan(row, first, below)
    return jnp.concatenate([first[None], rest])


def attempt(
    problem: Problem,
    theta: jax.Array,
    pond: jax.Array,
    here: Hydraulics,
    demand: Demand,
    dt: jax.Array,
) -> Step:
    """Return the outcome of a step of ``dt`` (column) [d].

    Parameters
    ----------
    problem : Problem
        Columns.
    theta : array (node, column)
        Water content at the start of the step.
    pond : array (column)
        Water standing on the soil [cm].
    here : Hydraulics
        Where the fluxes are linearized: the state at the start, or an iterate.
    demand : Demand
        Weather of the interval.
    dt : array (column)
        Step [d].
    """
    h, dx = here.h, problem.dx
    mean, slope_above, slope_below = problem.mean(here.K[:-1], here.K[1:])
    pull = 1.0 - (h[1:] - h[:-1]) / problem.dz
    conductance = mean / problem.dz
    q = mean * pull
    q_above = conductance + slope_above * here.dK[:-1] * pull
    q_below = -conductance + slope_below * here.dK[1:] * pull

    C = here.C
    diagonal = C * dx / dt
    # What earlier steps missed is made up for over some minutes, not within the step: a short step
    # that expels it at once would need absurd heads.
    right = (theta - here.theta) * dx / jnp.maximum(dt, _RELAX)
    if problem.roots is None or demand.density is None:
        sink = None
    else:
        within_reach = (theta - problem.wilted) / dt
        sink = uptake(problem.roots, demand.density, h, demand.transpiration, dx, within_reach)
        diagonal = diagonal + sink.slope * dx
        right = right - sink.S * dx
    # What closes the bottom: an outflow, or a head.
    full = jnp.broadcast_to(problem.soil.theta_s, h.shape)
    residual = jnp.broadcast_to(problem.soil.theta_r, h.shape)
    last = Hydraulics(*(part[-1] for part in here))
    low = problem.bottom.condition(last, full[-1], problem.bottom_depth)
    last_diagonal = diagonal[-1] - q_below[-1]
    last_right = right[-1] + q[-1]
    zero = jnp.zeros_like(q[:1])
    rows = _Rows(
        jnp.concatenate([zero, -q_above[:-1], jnp.where(low.fixed, 0.0, -q_above[-1])[None]]),
        jnp.concatenate(
            [
                (diagonal[0] + q_above[0])[None],
                diagonal[1:-1] + q_above[1:] - q_below[:-1],
                jnp.where(low.fixed, 1.0, last_diagonal + low.slope)[None],
            ]
        ),
        jnp.concatenate([q_below, zero]),
        jnp.concatenate(
            [
                (right[0] - q[0])[None],
                right[1:-1] + q[:-1] - q[1:],
                jnp.where(low.fixed, low.head - h[-1], last_right - low.flux)[None],
            ]
        ),
    )
    below, pivot, reduced = _upward_elimination(rows)
    first = FirstNode(
        pivot, reduced, h[0], here.theta[0], C[0], residual[0], full[0], problem.driest
    )
    surface = problem.top.close(first, demand.rain, demand.evaporation, pond, dt)
    dh = _back_substitution(below, surface.dh)

    flow = q + q_above * dh[:-1] + q_below * dh[1:]
    # With a given head, what the last node does not store has left through the bottom.
    held = last_right - last_diagonal * dh[-1] + q_above[-1] * dh[-2]
    out = jnp.maximum(jnp.where(low.fixed, held, low.flux + low.slope * dh[-1]), low.least)
    net = jnp.concatenate([surface.inflow[None], flow]) - jnp.concatenate([flow, out[None]])
    leaving = jnp.where(low.fixed, out, low.flux)
    before = jnp.concatenate([surface.inflow[None], q]) - jnp.concatenate([q, leaving[None]])
    if sink is None:
        transpired = jnp.zeros_like(out)
    else:
        taken = jnp.clip(sink.S + sink.slope * dh, 0.0, sink.most) * dx
        net = net - taken
        before = before - sink.S * dx
        transpired = jnp.sum(taken, axis=0)
    # Implicit less explicit Euler is twice the truncation error where the step resolves the
    # node; where it relaxes within the step (stiff, dry), the error stays below half its change.
    error = jnp.max(0.5 * jnp.minimum(jnp.abs(net - before), jnp.abs(net)) / dx, axis=0) * dt
    return Step(net * dt / dx, h + dh, surface, out, transpired, error)
