"""What one node of the Richards column needs of its soil, in one pass.

The public closures (:mod:`rootzone.water.retention`) are written to be read. The solver asks for
head, water content, capacity, conductivity and its slope together, hundreds of thousands of times:
here the van Genuchten model shares its logarithms and exponentials among the five (six
transcendental functions instead of fifteen). Any other closure goes through its public functions.
"""

from typing import NamedTuple, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rootzone.water.retention import SoilHydraulics, VanGenuchten

WET = 0.95
"""Saturation above which the head comes from the linear step, not from the water content."""

NEAR = 1.0
"""Suction beyond air entry [cm] within which the slopes are those at its end.

Below n = 2 the slope of the van Genuchten-Mualem conductivity is infinite at saturation: a linear
step that starts there must not believe it. Slopes steer the step only; the balance is not theirs.
"""


STORAGE = 3e-4
"""Capacity of a saturated node [cm-1]: it damps the head, what it holds is given back at once."""

_TELLING = 4e-3  # cm-1

DRY_CAPACITY = 1e-2
"""Least capacity of a dry node, times its range of water over its suction.

Bone-dry coarse soil has next to none: a linear step would wet it by a drop from -1e5 cm to near
saturation, and its neighbor, which still conducts nothing, would fill and pond.
"""

H_FLOOR = -1e5
"""Driest head [cm]: a node that a step has dried beyond it stays there until water comes back."""


class Hydraulics(NamedTuple):
    """Head [cm], its water content, capacity [cm-1], conductivity [cm d-1] and dK/dh [d-1]."""

    h: jax.Array
    theta: jax.Array
    C: jax.Array
    K: jax.Array
    dK: jax.Array


class SolverForm(Protocol):
    """A soil as the solver sees it."""

    theta_r: jax.Array
    theta_s: jax.Array

    def of_water(self, theta: jax.Array, h: jax.Array) -> Hydraulics:
        """Return the hydraulics of a water content; where the soil is nearly full, of ``h``."""
        ...


class Direct(eqx.Module):
    """Any closure, through its public functions."""

    soil: SoilHydraulics
    theta_r: jax.Array
    theta_s: jax.Array

    def of_water(self, theta: jax.Array, h: jax.Array) -> Hydraulics:
        """Return the hydraulics of a water content; where the soil is nearly full, of ``h``."""
        wet = theta > self.theta_r + WET * (self.theta_s - self.theta_r)
        h = jnp.where(wet, h, jnp.maximum(self.soil.head(theta), H_FLOOR))
        near = jnp.minimum(h, -NEAR)
        # It vanishes toward saturation, where the linear head is good.
        dry = DRY_CAPACITY * (self.theta_s - theta) / -near
        C = self.soil.capacity(h)
        _, dK = jax.jvp(self.soil.K, (near,), (jnp.ones_like(h),))
        unsaturated = C > 0.0
        return Hydraulics(
            h,
            self.soil.theta(h),
            jnp.where(unsaturated, jnp.maximum(self.soil.capacity(near), dry), STORAGE),
            self.soil.K(h),
            jnp.where(unsaturated, dK, 0.0),
        )


class FusedVanGenuchten(eqx.Module):
    r"""Van Genuchten-Mualem with its transcendental functions shared.

    With :math:`X = (\alpha|h|)^n`, :math:`S = (1+X)^{-m}` and :math:`d = \ln(1 + 1/X)`,

    .. math::

        C = \Delta\theta\, m n S \frac{X}{1+X} / |h|,\quad
        K \propto S^l (1 - e^{-m d})^2,\quad
        \frac{d \ln K}{d h} = \frac{m n}{|h|}
            \left(l \frac{X}{1+X} + \frac{2 e^{-md}}{(1 - e^{-md}) (1+X)}\right)
    """

    theta_r: jax.Array
    theta_s: jax.Array
    span: jax.Array
    alpha: jax.Array
    log_alpha: jax.Array
    n: jax.Array
    m: jax.Array
    l: jax.Array  # noqa: E741
    K_s: jax.Array
    K_scale: jax.Array
    entry_log: jax.Array
    air_entry: jax.Array
    C_near: jax.Array
    dK_near: jax.Array
    share_floor: jax.Array
    wet_theta: jax.Array

    @classmethod
    def of(cls, soil: VanGenuchten, dtype: jnp.dtype) -> "FusedVanGenuchten":
        """Return the solver's form of a soil; constants are formed once."""
        entry = jnp.minimum(soil.air_entry, -1e-30)
        x = soil.n * jnp.log(soil.alpha * -entry)
        entry_log = soil.m * (jnp.maximum(x, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(x))))
        distance = jnp.maximum(-x, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(x)))
        escape = -jnp.expm1(-soil.m * distance)
        # In logarithms: in single precision the water at the floor is the residual one.
        floor_x = soil.n * jnp.log(soil.alpha * -H_FLOOR)
        near = jnp.asarray(soil.air_entry) - NEAR
        shape = jnp.broadcast_shapes(near.shape, *(jnp.shape(p) for p in jax.tree.leaves(soil)))
        near = jnp.broadcast_to(near, shape)
        _, dK_near = jax.jvp(soil.K, (near,), (jnp.ones_like(near),))
        # Where water still tells the head well (coarse soil), it does so closer to saturation.
        span = jnp.asarray(soil.theta_s) - soil.theta_r
        wet_theta = jnp.broadcast_to(soil.theta_r + WET * span, shape)
        for suction in (8.0, 5.0, 3.0, 2.0, 1.0):
            there = jnp.broadcast_to(jnp.asarray(soil.air_entry) - suction, shape)
            tells = soil.capacity(there) >= _TELLING
            wet_theta = jnp.where(tells, jnp.maximum(wet_theta, soil.theta(there)), wet_theta)
        parts = (
            soil.theta_r,
            soil.theta_s,
            (jnp.asarray(soil.theta_s) - soil.theta_r) * jnp.exp(entry_log),
            soil.alpha,
            jnp.log(soil.alpha),
            soil.n,
            soil.m,
            soil.l,
            soil.K_s,
            jnp.asarray(soil.K_s) / escape**2,
            entry_log,
            soil.air_entry,
            soil.capacity(near),
            dK_near,
            jnp.exp(-soil.m * (floor_x + jnp.log1p(jnp.exp(-floor_x)))),
            wet_theta,
        )
        return cls(*(jnp.asarray(part, dtype) for part in parts))

    def of_water(self, theta: jax.Array, h: jax.Array) -> Hydraulics:
        """Return the hydraulics of a water content; where the soil is nearly full, of ``h``."""
        wet = theta > self.wet_theta
        saturated = wet & (h >= self.air_entry)
        tiny = float(np.finfo(theta.dtype).tiny) * 1e8
        suction = jnp.where(saturated, 1.0, jnp.maximum(-h, tiny))
        share = jnp.clip((theta - self.theta_r) / self.span, self.share_floor, 1.0)
        log_share = jnp.log(jnp.where(wet, suction, share))
        # Wet: x = ln X from the head. Dry: e = ln(1 + X) from the water content.
        x_wet = self.n * (self.log_alpha + log_share)
        e_dry = -log_share / self.m
        t = jnp.exp(jnp.where(wet, -jnp.abs(x_wet), -e_dry))
        g = jnp.log1p(jnp.where(wet, t, jnp.maximum(-t, -1.0 + 1e-7)))
        e = jnp.where(wet, g + jnp.maximum(x_wet, 0.0), e_dry)
        d = jnp.where(wet, g + jnp.maximum(-x_wet, 0.0), -g)
        u = jnp.exp(jnp.where(wet, -self.m * e, (e - d) / self.n))
        S = jnp.where(wet, u, share)
        suction = jnp.where(wet, suction, u / self.alpha)
        # 1 / (1 + X), X / (1 + X) without another exponential.
        full_part = jnp.where(wet, jnp.where(x_wet < 0, 1.0, t) / (1.0 + t), t)
        dry_part = jnp.where(wet, jnp.where(x_wet < 0, t, 1.0) / (1.0 + t), 1.0 - t)
        escape = -jnp.expm1(-self.m * d)
        slope = self.m * self.n / suction
        steep = jnp.maximum(S * self.m * self.n, DRY_CAPACITY)
        C = self.span * steep * dry_part / suction
        log_se = self.entry_log + jnp.where(wet, -self.m * e, log_share)
        K = self.K_scale * jnp.exp(self.l * log_se) * escape**2
        dK = K * slope * (self.l * dry_part + 2.0 * (1.0 - escape) * full_part / escape)
        zero = jnp.zeros_like(theta)
        close = h > self.air_entry - NEAR
        C = jnp.where(wet & close, self.C_near, C)
        dK = jnp.where(wet & close, self.dK_near, dK)
        return Hydraulics(
            jnp.where(wet, h, -suction),
            jnp.where(saturated, self.theta_s, self.theta_r + self.span * S),
            jnp.where(saturated, STORAGE, C),
            jnp.where(saturated, self.K_s, K),
            jnp.where(saturated, zero, dK),
        )


def solver_form(soil: SoilHydraulics, dtype: jnp.dtype) -> SolverForm:
    """Return a soil as the solver sees it, its parameters in one precision."""
    if isinstance(soil, VanGenuchten):
        return FusedVanGenuchten.of(soil, dtype)
    same = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), soil)
    return Direct(same, jnp.asarray(soil.theta_r, dtype), jnp.asarray(soil.theta_s, dtype))
