"""Retention and conductivity of soils as closures: van Genuchten, Brooks-Corey, Gardner.

A closure is a value with four elementwise functions of the pressure head h [cm, negative when
unsaturated]: water content ``theta`` [m3 m-3], its slope ``capacity`` [cm-1], conductivity ``K``
[cm d-1] and, back again, ``head`` of a water content. Parameters may carry one value per node.
"""

from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

Parameter = jax.Array | float
"""A parameter of a soil: one value, or one for each node."""


class SoilHydraulics(Protocol):
    """What the Richards column asks of a soil."""

    theta_r: Parameter
    theta_s: Parameter
    K_s: Parameter

    def theta(self, h: ArrayLike) -> jax.Array:
        """Return the water content [m3 m-3]."""
        ...

    def capacity(self, h: ArrayLike) -> jax.Array:
        """Return d theta / d h [cm-1]."""
        ...

    def K(self, h: ArrayLike) -> jax.Array:
        """Return the hydraulic conductivity [cm d-1]."""
        ...

    def head(self, theta: ArrayLike) -> jax.Array:
        """Return the pressure head [cm] of a water content."""
        ...


def _log1p_exp(x: jax.Array) -> jax.Array:
    """Return log(1 + exp(x)) without overflow."""
    return jnp.maximum(x, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


class VanGenuchten(eqx.Module):
    r"""Van Genuchten (1980) retention with Mualem (1976) conductivity, with air entry if wanted.

    .. math::

        \theta = \theta_r + (\theta_m - \theta_r)\left(1 + (\alpha |h|)^n\right)^{-m},\quad
        K = K_s S_e^l \left(\frac{1 - F(S_e)}{1 - F(1)}\right)^2,\quad
        F = \left(1 - S_*^{1/m}\right)^m,\; m = 1 - 1/n

    With ``air_entry`` = 0 this is the plain model (theta_m = theta_s). With an air entry of -2 cm
    (Vogel et al. 2000) the soil is saturated above that head, theta_m follows from theta_s, and
    K(-2 cm) = K_s: the conductivity of fine soils no longer falls off a cliff at saturation. For
    n under about 1.3 the plain model is a trap, see :meth:`is_trap`.

    Attributes
    ----------
    theta_r, theta_s : array
        Residual and saturated water content [m3 m-3].
    alpha : array
        [cm-1].
    n : array
        Shape, above 1 [1].
    K_s : array
        Saturated conductivity [cm d-1].
    l : array
        Pore connectivity [1], 0.5 in Mualem's fit.
    air_entry : array
        Head of air entry [cm], 0 or negative.

    Notes
    -----
    Sources: van Genuchten (1980), doi:10.2136/sssaj1980.03615995004400050002x; Vogel, van
    Genuchten and Cislerova (2000), doi:10.1016/S0309-1708(00)00037-3.

    Examples
    --------
    >>> loam = VanGenuchten(0.078, 0.43, 0.036, 1.56, 24.96)
    >>> round(float(loam.theta(-100.0)), 4)
    0.2421
    """

    theta_r: Parameter
    theta_s: Parameter
    alpha: Parameter
    n: Parameter
    K_s: Parameter
    l: Parameter = 0.5  # noqa: E741 (the symbol of the field)
    air_entry: Parameter = 0.0

    @property
    def m(self) -> jax.Array:
        """Return 1 - 1/n."""
        return 1.0 - 1.0 / jnp.asarray(self.n)

    def is_trap(self) -> jax.Array:
        """Return where plain van Genuchten would break near saturation: n < 1.3, no air entry."""
        return (jnp.asarray(self.n) < 1.3) & (jnp.asarray(self.air_entry) == 0.0)

    def _log_sum(self, h: ArrayLike) -> tuple[jax.Array, jax.Array]:
        """Return x = n log(alpha |h|) and log(1 + e^x), for h below zero."""
        x = self.n * jnp.log(self.alpha * jnp.maximum(-jnp.asarray(h), 1e-30))
        return x, _log1p_exp(x)

    def _theta_span(self) -> jax.Array:
        """Return theta_m - theta_r."""
        span = jnp.asarray(self.theta_s) - self.theta_r
        return span * jnp.exp(self.m * self._log_sum(jnp.minimum(self.air_entry, -1e-30))[1])

    def _saturated(self, h: ArrayLike) -> jax.Array:
        return jnp.asarray(h) >= self.air_entry

    def theta(self, h: ArrayLike) -> jax.Array:
        """Return the water content [m3 m-3] of a head [cm]."""
        dry = self.theta_r + self._theta_span() * jnp.exp(-self.m * self._log_sum(h)[1])
        return jnp.where(self._saturated(h), self.theta_s, dry)

    def capacity(self, h: ArrayLike) -> jax.Array:
        """Return d theta / d h [cm-1], zero where saturated."""
        x, log_sum = self._log_sum(h)
        depth = jnp.maximum(-jnp.asarray(h), 1e-30)
        slope = self._theta_span() * self.m * self.n * jnp.exp(x - (self.m + 1.0) * log_sum) / depth
        return jnp.where(self._saturated(h), 0.0, slope)

    def K(self, h: ArrayLike) -> jax.Array:
        """Return the hydraulic conductivity [cm d-1] of a head [cm]."""
        x, log_sum = self._log_sum(h)
        entry_x, entry_sum = self._log_sum(jnp.minimum(self.air_entry, -1e-30))
        # 1 - F as -expm1(-m log(1 + e^-x)): no cancellation when dry.
        escape = -jnp.expm1(-self.m * _log1p_exp(-x))
        entry = -jnp.expm1(-self.m * _log1p_exp(-entry_x))
        log_se = self.m * (entry_sum - log_sum)
        relative = jnp.exp(self.l * log_se) * (escape / entry) ** 2
        return self.K_s * jnp.where(self._saturated(h), 1.0, relative)

    def head(self, theta: ArrayLike) -> jax.Array:
        """Return the head [cm] of a water content; the air entry at and above saturation."""
        share = (jnp.asarray(theta) - self.theta_r) / self._theta_span()
        log_share = jnp.log(jnp.clip(share, 1e-12, 1.0))
        e = -log_share / self.m
        log_x = e + jnp.log(-jnp.expm1(-jnp.maximum(e, 1e-30)))
        h = -jnp.exp(log_x / self.n) / self.alpha
        return jnp.minimum(h, self.air_entry)


class BrooksCorey(eqx.Module):
    r"""Brooks and Corey (1964).

    .. math:: S_e = (\alpha |h|)^{-\lambda},\; K = K_s S_e^{2/\lambda + l + 2}
              \quad\text{for}\; h < -1/\alpha

    Attributes
    ----------
    theta_r, theta_s : array
        Residual and saturated water content [m3 m-3].
    alpha : array
        Inverse of the air-entry head [cm-1].
    lam : array
        Pore-size index [1].
    K_s : array
        Saturated conductivity [cm d-1].
    l : array
        Pore connectivity [1]; 1 with Mualem's integral as in HYDRUS.
    """

    theta_r: Parameter
    theta_s: Parameter
    alpha: Parameter
    lam: Parameter
    K_s: Parameter
    l: Parameter = 1.0  # noqa: E741

    def _log_saturation(self, h: ArrayLike) -> jax.Array:
        depth = jnp.maximum(-jnp.asarray(h) * self.alpha, 1.0)
        return -self.lam * jnp.log(depth)

    def theta(self, h: ArrayLike) -> jax.Array:
        """Return the water content [m3 m-3] of a head [cm]."""
        span = jnp.asarray(self.theta_s) - self.theta_r
        return self.theta_r + span * jnp.exp(self._log_saturation(h))

    def capacity(self, h: ArrayLike) -> jax.Array:
        """Return d theta / d h [cm-1], zero where saturated."""
        h = jnp.asarray(h)
        span = jnp.asarray(self.theta_s) - self.theta_r
        dry = -h * self.alpha > 1.0
        slope = span * self.lam * jnp.exp(self._log_saturation(h)) / jnp.where(dry, -h, 1.0)
        return jnp.where(dry, slope, 0.0)

    def K(self, h: ArrayLike) -> jax.Array:
        """Return the hydraulic conductivity [cm d-1] of a head [cm]."""
        power = 2.0 / jnp.asarray(self.lam) + self.l + 2.0
        return self.K_s * jnp.exp(power * self._log_saturation(h))

    def head(self, theta: ArrayLike) -> jax.Array:
        """Return the head [cm] of a water content; the air entry at saturation."""
        span = jnp.asarray(self.theta_s) - self.theta_r
        share = jnp.clip((jnp.asarray(theta) - self.theta_r) / span, 1e-12, 1.0)
        return -jnp.exp(-jnp.log(share) / self.lam) / self.alpha


class Gardner(eqx.Module):
    r"""Gardner (1958) exponential soil, for which the Richards equation becomes linear.

    .. math:: \theta = \theta_r + (\theta_s - \theta_r) e^{\alpha h},\quad K = K_s e^{\alpha h}
    """

    theta_r: Parameter
    theta_s: Parameter
    alpha: Parameter
    K_s: Parameter

    def _saturation(self, h: ArrayLike) -> jax.Array:
        return jnp.exp(self.alpha * jnp.minimum(jnp.asarray(h), 0.0))

    def theta(self, h: ArrayLike) -> jax.Array:
        """Return the water content [m3 m-3] of a head [cm]."""
        return self.theta_r + (jnp.asarray(self.theta_s) - self.theta_r) * self._saturation(h)

    def capacity(self, h: ArrayLike) -> jax.Array:
        """Return d theta / d h [cm-1], zero where saturated."""
        span = jnp.asarray(self.theta_s) - self.theta_r
        return jnp.where(jnp.asarray(h) < 0.0, self.alpha * span * self._saturation(h), 0.0)

    def K(self, h: ArrayLike) -> jax.Array:
        """Return the hydraulic conductivity [cm d-1] of a head [cm]."""
        return self.K_s * self._saturation(h)

    def head(self, theta: ArrayLike) -> jax.Array:
        """Return the head [cm] of a water content; 0 at saturation."""
        span = jnp.asarray(self.theta_s) - self.theta_r
        share = jnp.clip((jnp.asarray(theta) - self.theta_r) / span, 1e-12, 1.0)
        return jnp.log(share) / self.alpha
