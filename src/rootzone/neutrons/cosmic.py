"""COSMIC: the count rate above a layered soil, exact in depth.

Fast neutrons are made in the soil by high-energy neutrons that the soil attenuates, and are
attenuated themselves on their way up at every angle (Shuttleworth et al. 2013,
doi:10.5194/hess-17-3205-2013).
"""

from functools import partial
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from rootzone.core.solve import invert_monotone

Angles = Literal["gauss16", "gauss32", "bickley"]


class CosmicParameters(eqx.Module):
    r"""Coefficients of COSMIC.

    Attributes
    ----------
    N : float
        Scale of the count rate [h-1]: detector and site, to be calibrated.
    L1, L2 : float
        Attenuation of high-energy neutrons by dry soil and by water [g cm-2].
    L3 : float or array
        Attenuation of fast neutrons by dry soil [g cm-2].
    L4 : float
        Attenuation of fast neutrons by water [g cm-2].
    alpha : float or array
        Creation of fast neutrons in soil relative to water [1].

    Notes
    -----
    :meth:`of_bulk_density` gives the regressions on bulk density of the original code
    (alpha = 0.404 - 0.101 rho_s, L3 = -31.65 + 99.29 rho_s, L1 = 162.0, L2 = 129.1,
    L4 = 3.16), :meth:`santa_rita` the fitted set of Santa Rita, Arizona.
    """

    N: ArrayLike = 611.0
    L1: ArrayLike = 162.0
    L2: ArrayLike = 129.1
    L3: ArrayLike = 107.82204562
    L4: ArrayLike = 3.16
    alpha: ArrayLike = 0.2392421548

    @classmethod
    def of_bulk_density(
        cls, bulk_density: ArrayLike, *, N: ArrayLike = 611.0
    ) -> "CosmicParameters":
        """Return the set for a dry bulk density [g cm-3], above 0.319 (where L3 is positive)."""
        rho = jnp.asarray(bulk_density)
        return cls(N=N, L3=-31.65 + 99.29 * rho, alpha=0.404 - 0.101 * rho)

    @classmethod
    def santa_rita(cls) -> "CosmicParameters":
        """Return the set of Santa Rita as carried by mHM (N = 510.51737902)."""
        return cls(510.51737902, 161.98621864, 129.14558985, 107.82204562, 3.1627190566)


def _gauss_angles(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return 1/cos(phi) and weights (2/pi dphi) of Gauss-Legendre on (0, pi/2)."""
    x, w = np.polynomial.legendre.leggauss(n)
    phi = 0.25 * np.pi * (x + 1.0)
    return 1.0 / np.cos(phi), 0.5 * w


def _bickley_angles() -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of the Bickley function Ki_1 by its own integral.

    F(c) = (2/pi) Ki_1(c) = (2/pi) int_0^inf exp(-c cosh t) / cosh t dt: the substitution
    1/cos(phi) = cosh(t) makes the integrand smooth and the trapezoidal rule converges faster
    than any power of the step.
    """
    step = 0.3
    t = np.arange(0.0, 33.0, step)
    cosh = np.cosh(t)
    weight = (2.0 / np.pi) * step / cosh
    weight[0] *= 0.5
    return cosh, weight


def _angles(rule: Angles) -> tuple[np.ndarray, np.ndarray]:
    if rule == "gauss16":
        return _gauss_angles(16)
    if rule == "gauss32":
        return _gauss_angles(32)
    if rule == "bickley":
        return _bickley_angles()
    raise ValueError(f"unknown angle rule '{rule}'; known are gauss16, gauss32, bickley")


def angle_function(c: ArrayLike, *, angles: Angles = "gauss16") -> jax.Array:
    r"""Return the mean attenuation over all angles of escape.

    .. math:: F(c) = \frac{2}{\pi}\int_0^{\pi/2} e^{-c/\cos\varphi}\,d\varphi
              = \frac{2}{\pi} \mathrm{Ki}_1(c)

    Parameters
    ----------
    c : array (...)
        Optical depth along the vertical [1].
    angles : {"gauss16", "gauss32", "bickley"}
        Quadrature.
    """
    secant, weight = _angles(angles)
    c = jnp.asarray(c)
    return jnp.sum(weight * jnp.exp(-c[..., None] * secant), axis=-1)


def cosmic(
    theta: ArrayLike,
    edges: ArrayLike,
    *,
    bulk_density: ArrayLike,
    lattice_water: ArrayLike = 0.0,
    parameters: CosmicParameters,
    angles: Angles = "gauss16",
) -> jax.Array:
    r"""Return the count rate above a soil of piecewise-constant layers.

    .. math::

        N_c = N \int_0^{z_n} e^{-(m_s/L_1 + m_w/L_2)}\,(\alpha\rho_s + \rho_w)\,
              F\!\left(\frac{m_s}{L_3} + \frac{m_w}{L_4}\right) dz

    with the masses of soil and water above, m_s and m_w. Within a layer the integral over
    depth is elementary for each angle, so any thickness is exact.

    Parameters
    ----------
    theta : array (..., n)
        Volumetric water content of the layers [m3 m-3].
    edges : array (n + 1) or (..., n + 1)
        Edges of the layers, from the surface down [cm].
    bulk_density : array (..., n) or scalar
        Dry bulk density [g cm-3].
    lattice_water : array (..., n) or scalar
        Lattice (and organic) water as volumetric content [m3 m-3], added to ``theta``.
    parameters : CosmicParameters
        Coefficients; ``L3`` and ``alpha`` may carry one value per layer.
    angles : {"gauss16", "gauss32", "bickley"}
        16 Gauss-Legendre angles are good to 6e-6 relative, 32 to 3e-7.

    Returns
    -------
    array (...)
        Count rate [h-1]; NaN where L3 is not positive (bulk density under 0.319 g cm-3 with
        the regression).

    Notes
    -----
    Source: Shuttleworth et al. (2013), doi:10.5194/hess-17-3205-2013. A dry top layer gives
    *more* counts than a homogeneous profile of the same mean water.
    """
    theta, edges = jnp.asarray(theta), jnp.asarray(edges)
    thickness = jnp.diff(edges, axis=-1)
    rho_s = jnp.broadcast_to(jnp.asarray(bulk_density), theta.shape)
    rho_w = theta + lattice_water
    p = parameters
    source = p.alpha * rho_s + rho_w
    down = rho_s / p.L1 + rho_w / p.L2  # attenuation per cm of the incoming neutrons
    up = rho_s / p.L3 + rho_w / p.L4  # attenuation per cm of the outgoing ones, vertically

    def above(rate: jax.Array) -> jax.Array:
        amount = rate * thickness
        return jnp.cumsum(amount, axis=-1) - amount

    secant, weight = _angles(angles)
    secant = jnp.asarray(secant, theta.dtype)
    k = down[..., None] + up[..., None] * secant
    optical_depth = above(down)[..., None] + above(up)[..., None] * secant
    absorbed = -jnp.expm1(-k * thickness[..., None]) / k
    per_angle = jnp.sum(source[..., None] * jnp.exp(-optical_depth) * absorbed, axis=-2)
    rate = p.N * jnp.sum(jnp.asarray(weight, theta.dtype) * per_angle, axis=-1)
    positive = jnp.all(jnp.broadcast_to(jnp.asarray(p.L3) > 0, theta.shape), axis=-1)
    return jnp.where(positive, rate, jnp.nan)


def cosmic_homogeneous(
    theta: ArrayLike,
    *,
    bulk_density: ArrayLike,
    lattice_water: ArrayLike = 0.0,
    parameters: CosmicParameters,
    depth: float = 300.0,
    angles: Angles = "gauss16",
) -> jax.Array:
    """Return the count rate above a homogeneous soil of a given depth [cm]; see `cosmic`."""
    theta = jnp.asarray(theta)
    per_layer = lambda x: jnp.asarray(x)[..., None] if jnp.ndim(x) else x  # noqa: E731
    return cosmic(
        theta[..., None],
        jnp.asarray([0.0, depth], theta.dtype),
        bulk_density=per_layer(bulk_density),
        lattice_water=per_layer(lattice_water),
        parameters=jax.tree.map(per_layer, parameters),
        angles=angles,
    )


def cosmic_inverse(
    count_rate: ArrayLike,
    *,
    bulk_density: ArrayLike,
    lattice_water: ArrayLike = 0.0,
    parameters: CosmicParameters,
    depth: float = 300.0,
    porosity: ArrayLike = 1.0,
    angles: Angles = "gauss16",
) -> jax.Array:
    """Return the water content of the homogeneous profile that has a count rate.

    This is the retrieval that reads every count as if the water did not change with depth.

    Parameters
    ----------
    count_rate : array (...)
        Corrected count rate [h-1].
    bulk_density, lattice_water, parameters, depth, angles
        As in :func:`cosmic_homogeneous`.
    porosity : array (...)
        Upper end of the search [m3 m-3].

    Returns
    -------
    array (...)
        Volumetric water content [m3 m-3]; NaN where no content between 0 and ``porosity``
        has that count rate.
    """
    rate = jnp.asarray(count_rate)
    rate = rate.astype(jnp.result_type(rate, 1.0))
    soil = jax.tree.map(
        lambda x: jnp.asarray(x, rate.dtype), (bulk_density, lattice_water, parameters, porosity)
    )
    return _cosmic_inverse(rate, *soil, depth, angles)


@partial(jax.jit, static_argnums=(5, 6))
def _cosmic_inverse(rate, bulk_density, lattice_water, parameters, porosity, depth, angles):
    def forward(theta: jax.Array) -> jax.Array:
        return cosmic_homogeneous(
            jnp.broadcast_to(theta, rate.shape),
            bulk_density=bulk_density,
            lattice_water=lattice_water,
            parameters=parameters,
            depth=depth,
            angles=angles,
        )

    lo = jnp.zeros_like(rate)
    hi = jnp.broadcast_to(porosity, rate.shape)
    inside = (rate <= forward(lo)) & (rate >= forward(hi))
    return jnp.where(inside, invert_monotone(forward, rate, lo, hi), jnp.nan)
