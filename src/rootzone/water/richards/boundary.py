"""Boundary conditions of the Richards column: each is a value that closes the linear system."""

import math
from typing import NamedTuple, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from rootzone.water.hydraulics import H_FLOOR, WET, Hydraulics

Parameter = jax.Array | float


class BottomCondition(NamedTuple):
    """Outflow ``flux + slope * dh`` of the last node, or, where ``fixed``, its head (column)."""

    flux: jax.Array
    slope: jax.Array
    fixed: jax.Array
    head: jax.Array
    least: float = -math.inf
    """Least outflow [cm d-1]: 0 where water can only leave."""


class Bottom(Protocol):
    """Lower boundary."""

    def condition(
        self, last: Hydraulics, full: jax.Array, bottom_depth: jax.Array
    ) -> BottomCondition:
        """Return the condition for the hydraulics of the last node (column)."""
        ...


def _open(flux: jax.Array, slope: jax.Array) -> BottomCondition:
    return BottomCondition(flux, slope, jnp.zeros(flux.shape, bool), jnp.zeros_like(flux))


class FreeDrainage(eqx.Module):
    """Unit gradient: the outflow is the conductivity of the last node."""

    def condition(
        self, last: Hydraulics, full: jax.Array, bottom_depth: jax.Array
    ) -> BottomCondition:
        """Return the condition."""
        del full, bottom_depth
        return _open(last.K, last.dK)


class BottomHead(eqx.Module):
    """Given pressure head [cm] at the last node."""

    h: Parameter = 0.0

    def condition(
        self, last: Hydraulics, full: jax.Array, bottom_depth: jax.Array
    ) -> BottomCondition:
        """Return the condition."""
        del full, bottom_depth
        zero = jnp.zeros_like(last.h)
        head = jnp.broadcast_to(jnp.asarray(self.h, last.h.dtype), zero.shape)
        return BottomCondition(zero, zero, jnp.ones(zero.shape, bool), head)


class WaterTable(eqx.Module):
    """Water table at a depth [cm]: the last node has the head of the water above it."""

    depth: Parameter

    def condition(
        self, last: Hydraulics, full: jax.Array, bottom_depth: jax.Array
    ) -> BottomCondition:
        """Return the condition."""
        head = bottom_depth - jnp.asarray(self.depth, last.h.dtype)
        return BottomHead(head).condition(last, full, bottom_depth)


class BottomFlux(eqx.Module):
    """Given outflow [cm d-1], positive down; 0 is an impermeable bottom."""

    q: Parameter = 0.0

    def condition(
        self, last: Hydraulics, full: jax.Array, bottom_depth: jax.Array
    ) -> BottomCondition:
        """Return the condition."""
        del full, bottom_depth
        flux = jnp.broadcast_to(jnp.asarray(self.q, last.h.dtype), last.h.shape)
        return _open(flux, jnp.zeros_like(flux))


class SeepageFace(eqx.Module):
    r"""Closed while the last node is unsaturated; water that stands on it leaves into the air.

    .. math:: q = g \max(h, 0)

    An outlet only: nothing enters, however hard the roots pull. The conductance stands for a face
    without resistance: at an outflow of 10 cm d-1 the default leaves 0.1 cm of water on it.

    Attributes
    ----------
    conductance : array
        g of the face [d-1].
    """

    conductance: Parameter = 100.0

    def condition(
        self, last: Hydraulics, full: jax.Array, bottom_depth: jax.Array
    ) -> BottomCondition:
        """Return the condition."""
        del full, bottom_depth
        zero = jnp.zeros_like(last.h)
        g = jnp.broadcast_to(jnp.asarray(self.conductance, last.h.dtype), zero.shape)
        wet = last.h > 0.0
        return BottomCondition(
            jnp.where(wet, g * last.h, zero), jnp.where(wet, g, zero), wet & ~wet, zero, 0.0
        )


class FirstNode(NamedTuple):
    """The system reduced to its first row, ``pivot * dh = reduced + flux`` (column)."""

    pivot: jax.Array
    reduced: jax.Array
    h: jax.Array
    theta: jax.Array
    C: jax.Array
    residual: jax.Array
    full: jax.Array
    driest: jax.Array
    """Water content of the driest surface that the atmosphere can reach."""


class Surface(NamedTuple):
    """What happens at the surface in a step (column); rates [cm d-1]."""

    dh: jax.Array
    inflow: jax.Array
    """Into the soil, negative when it evaporates."""
    pond: jax.Array
    """Water standing on the soil after the step [cm]."""
    runoff: jax.Array
    withheld: jax.Array
    """Potential evaporation that the dry surface did not yield."""
    ponded: jax.Array


class Top(Protocol):
    """Upper boundary."""

    h_dry: Parameter

    def initial(self, h: jax.Array) -> jax.Array:
        """Return the head of the surface at the start (column) [cm]."""
        ...

    def close(
        self,
        first: FirstNode,
        rain: jax.Array,
        evaporation: jax.Array,
        pond: jax.Array,
        dt: jax.Array,
    ) -> Surface:
        """Return what rain, potential evaporation [cm d-1] and standing water [cm] lead to."""
        ...


class Atmosphere(eqx.Module):
    """Rain and potential evaporation, limited by what the soil can take and give.

    When rain exceeds what the soil takes, water stands on it up to ``pond_max``; the rest runs
    off at once. When evaporation exceeds what the soil gives, the surface stays at ``h_dry``.
    Whichever condition is consistent is chosen within the step.

    Attributes
    ----------
    pond_max : array
        Depth of water that can stand on the soil [cm]; 0 is instant runoff.
    h_dry : array
        Head of the air-dry surface [cm].

    Raises
    ------
    ValueError
        If ``h_dry`` is below the driest head that the column resolves.
    """

    pond_max: Parameter = 0.0
    h_dry: Parameter = -15000.0

    def __check_init__(self) -> None:
        if not isinstance(self.h_dry, Tracer) and np.any(np.asarray(self.h_dry) < H_FLOOR):
            raise ValueError(
                f"h_dry is {np.min(np.asarray(self.h_dry)):g} cm, the column resolves heads down "
                f"to {H_FLOOR:g} cm: take one above"
            )

    def initial(self, h: jax.Array) -> jax.Array:
        """Return the head of the surface at the start (column) [cm]."""
        return h

    def close(
        self,
        first: FirstNode,
        rain: jax.Array,
        evaporation: jax.Array,
        pond: jax.Array,
        dt: jax.Array,
    ) -> Surface:
        """Return what happens at the surface in a step."""
        available = rain - evaporation + pond / dt
        by_flux = (first.reduced + available) / first.pivot
        linear = first.theta + first.C * by_flux
        # Very dry soil has next to no capacity: any rain would lift h + dh above zero.
        nearly_full = linear > first.residual + WET * (first.full - first.residual)
        ponded = (first.h + by_flux > 0.0) & nearly_full
        most = jnp.asarray(self.pond_max, rain.dtype)
        # Standing water is the head of the surface: both follow from one linear equation.
        level = (available * dt + (first.pivot * first.h + first.reduced) * dt) / (
            1.0 + first.pivot * dt
        )
        level = jnp.clip(level, 0.0, most)
        dh_pond = level - first.h
        into = first.pivot * dh_pond - first.reduced
        ponded &= into < available
        # The driest surface is a water content: a linear step in head would overshoot by far.
        safe = jnp.maximum(first.C, jnp.finfo(rain.dtype).tiny * 1e6)
        dh_dry = (first.driest - first.theta) / safe
        from_dry = first.pivot * dh_dry - first.reduced
        parched = (by_flux < dh_dry) & (available < 0.0) & (from_dry > available)
        # A dry surface may withhold evaporation, never make water.
        withheld = jnp.where(parched, jnp.minimum(from_dry - available, evaporation), 0.0)
        dh_free = (first.reduced + available + withheld) / first.pivot
        left = jnp.where(ponded, level, 0.0)
        return Surface(
            jnp.where(ponded, dh_pond, dh_free),
            jnp.where(ponded, into, available + withheld),
            left,
            jnp.where(ponded, jnp.maximum(available - into - left / dt, 0.0), 0.0),
            jnp.where(ponded, 0.0, withheld),
            ponded,
        )


class TopHead(eqx.Module):
    """Given pressure head [cm] at the surface; rain and evaporation are ignored."""

    h: Parameter
    h_dry: Parameter = -15000.0

    def initial(self, h: jax.Array) -> jax.Array:
        """Return the head of the surface at the start (column) [cm]."""
        return jnp.broadcast_to(jnp.asarray(self.h, h.dtype), h.shape)

    def close(
        self,
        first: FirstNode,
        rain: jax.Array,
        evaporation: jax.Array,
        pond: jax.Array,
        dt: jax.Array,
    ) -> Surface:
        """Return what happens at the surface in a step."""
        del dt
        dh = jnp.broadcast_to(jnp.asarray(self.h, rain.dtype), rain.shape) - first.h
        zero = jnp.zeros_like(dh)
        inflow = first.pivot * dh - first.reduced
        return Surface(dh, inflow, pond, zero, evaporation, zero > 1.0)


class TopFlux(eqx.Module):
    """Given flux, rain minus evaporation of the forcing, without limits."""

    h_dry: Parameter = -15000.0

    def initial(self, h: jax.Array) -> jax.Array:
        """Return the head of the surface at the start (column) [cm]."""
        return h

    def close(
        self,
        first: FirstNode,
        rain: jax.Array,
        evaporation: jax.Array,
        pond: jax.Array,
        dt: jax.Array,
    ) -> Surface:
        """Return what happens at the surface in a step."""
        del dt
        supply = rain - evaporation
        zero = jnp.zeros_like(supply)
        dh = (first.reduced + supply) / first.pivot
        return Surface(dh, supply, pond, zero, zero, zero > 1.0)
