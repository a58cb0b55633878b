"""Root water uptake: where the roots are, and how drought and wetness hold them back.

A root distribution is a density over depth, normalized on the nodes of a column so that its
integral is one. A stress closure turns heads into a share of the potential uptake. Depth is
positive down, cm; transpiration cm d-1.
"""

from typing import NamedTuple, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

Parameter = jax.Array | float


class Stress(Protocol):
    """Share of the potential uptake that a head allows."""

    @property
    def h_end(self) -> ArrayLike:
        """Return the head [cm] at which uptake has ended."""
        ...

    def __call__(self, h: jax.Array, demand: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the share [1] and its slope [cm-1] at heads (node, column) [cm].

        ``demand`` is the potential transpiration (column) [cm d-1].
        """
        ...


class Feddes(eqx.Module):
    r"""Feddes et al. (1978): a trapezoid of the pressure head.

    Uptake starts at ``h_anaerobic``, is potential from ``h_optimal`` to a dry limit and ends at
    ``h_wilting``. The dry limit moves from ``h_dry_slow`` at a transpiration of ``slow`` to
    ``h_dry_fast`` at ``fast``. Parameters may carry one value per column.

    Attributes
    ----------
    h_anaerobic, h_optimal, h_dry_fast, h_dry_slow, h_wilting : array
        Heads P0, POpt, P2H, P2L and P3 [cm].
    fast, slow : array
        Potential transpiration r2H and r2L [cm d-1].

    Notes
    -----
    Source: Feddes, Kowalik and Zaradny (1978), Simulation of field water use and crop yield. The
    defaults are those of grass after Taylor and Ashcroft as commonly listed.
    """

    h_anaerobic: Parameter = -10.0
    h_optimal: Parameter = -25.0
    h_dry_fast: Parameter = -200.0
    h_dry_slow: Parameter = -800.0
    h_wilting: Parameter = -8000.0
    fast: Parameter = 0.5
    slow: Parameter = 0.1

    @property
    def h_end(self) -> Parameter:
        """Return the head [cm] at which uptake has ended."""
        return self.h_wilting

    def __call__(self, h: jax.Array, demand: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the share [1] and its slope [cm-1]."""
        pace = jnp.clip((self.fast - demand) / (jnp.asarray(self.fast) - self.slow), 0.0, 1.0)
        dry_limit = self.h_dry_fast + pace * (jnp.asarray(self.h_dry_slow) - self.h_dry_fast)
        dry = 1.0 / (dry_limit - self.h_wilting)
        wet = 1.0 / (jnp.asarray(self.h_optimal) - self.h_anaerobic)
        by_drought = (h - self.h_wilting) * dry
        by_wetness = (h - self.h_anaerobic) * wet
        share = jnp.clip(jnp.minimum(by_drought, by_wetness), 0.0, 1.0)
        falling = (by_wetness > 0.0) & (by_wetness < 1.0)
        rising = (by_drought > 0.0) & (by_drought < 1.0)
        return share, jnp.where(rising, dry, jnp.where(falling, wet, 0.0))


class VanGenuchtenStress(eqx.Module):
    r"""Van Genuchten (1987): :math:`a = 1 / (1 + (h / h_{50})^p)`, without oxygen stress.

    Attributes
    ----------
    h50 : array
        Head of half the potential uptake [cm].
    p : array
        Steepness [1], about 3.
    """

    h50: Parameter = -800.0
    p: Parameter = 3.0

    @property
    def h_end(self) -> jax.Array:
        """Return the head [cm] at which a thousandth of the uptake is left."""
        return jnp.asarray(self.h50) * jnp.exp(jnp.log(999.0) / self.p)

    def __call__(self, h: jax.Array, demand: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the share [1] and its slope [cm-1]."""
        del demand
        suction = jnp.maximum(-h, 1e-6)
        power = jnp.exp(self.p * jnp.log(suction / -jnp.asarray(self.h50)))
        share = 1.0 / (1.0 + power)
        return share, jnp.where(h < 0, self.p * power * share**2 / suction, 0.0)


class Roots(eqx.Module):
    r"""Roots of the columns: density, stress and compensation.

    Uptake is :math:`S = T_p\, b(z)\, a(h) / \max(\omega, \omega_c)` with
    :math:`\omega = \int a\, b\, dz` (Jarvis 1989; Simunek and Hopmans 2009): below 1,
    ``critical`` lets wet layers make up for dry ones.

    Attributes
    ----------
    density : array (stage, node) or (stage, node, column)
        Normalized root density [cm-1]; several stages let roots grow, see
        :func:`growing_density`.
    stress : Stress
        Closure of the head.
    critical : array
        Critical stress index omega_c, 1 without compensation.
    """

    density: jax.Array
    stress: Stress = Feddes()
    critical: Parameter = 1.0


class Uptake(NamedTuple):
    """Uptake [d-1] (node, column), its slope with the head, and its ceiling."""

    S: jax.Array
    slope: jax.Array
    most: jax.Array


def uptake(
    roots: Roots,
    density: jax.Array,
    h: jax.Array,
    demand: jax.Array,
    dx: jax.Array,
    within_reach: jax.Array,
) -> Uptake:
    """Return the root water uptake of heads (node, column).

    Parameters
    ----------
    roots : Roots
        Stress and compensation.
    density : array (node, 1 or column)
        Root density of the moment [cm-1].
    h : array (node, column)
        Heads [cm].
    demand : array (column)
        Potential transpiration [cm d-1].
    dx : array (node, 1)
        Thickness of the nodes [cm].
    within_reach : array (node, column)
        Rate that would take all water above the end of uptake within the step [d-1]. Half of it
        is the ceiling (as in HYDRUS-1D): a long step cannot dry a node beyond its roots.

    Returns
    -------
    Uptake
        Sink [d-1] and its slope [cm-1 d-1]; the slope is cut at zero on the wet side, where an
        implicit sink would feed itself.
    """
    share, slope = roots.stress(h, demand)
    omega = jnp.sum(share * density * dx, axis=0)
    critical = jnp.asarray(roots.critical, h.dtype)
    potential = demand / jnp.maximum(jnp.maximum(omega, critical), 1e-6) * density
    ceiling = jnp.minimum(potential, 0.5 * jnp.maximum(within_reach, 0.0))
    free = potential * share <= ceiling
    rising = jnp.where(free, potential * jnp.maximum(slope, 0.0), 0.0)
    return Uptake(jnp.where(free, potential * share, ceiling), rising, ceiling)


def _normalized(density: np.ndarray, depth: np.ndarray) -> np.ndarray:
    dz = np.diff(depth)
    thickness = 0.5 * np.concatenate([dz[:1], dz[1:] + dz[:-1], dz[-1:]])
    # As in HYDRUS, the bottom node carries no roots.
    density = np.where(np.arange(depth.size) == depth.size - 1, 0.0, density)
    total = np.sum(density * thickness, axis=-1, keepdims=True)
    return density / total


def _checked(depth: ArrayLike, root_depth: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    z = np.asarray(depth, float)
    bottom = np.atleast_1d(np.asarray(root_depth, float))
    if np.any(bottom <= 0):
        raise ValueError("the rooting depth must be above 0 cm")
    if np.any(bottom > z[-1]):
        raise ValueError(
            f"roots of {bottom.max():g} cm reach below the profile of {z[-1]:g} cm: "
            "lengthen the profile or shorten the roots"
        )
    return z, bottom[:, None]


def hoffman_van_genuchten(depth: ArrayLike, root_depth: ArrayLike) -> jax.Array:
    """Return the density of Hoffman and van Genuchten (1983): even above, then linear to zero.

    The upper fifth of the rooting depth has the highest density; below it falls linearly to zero
    at the rooting depth.

    Parameters
    ----------
    depth : array (node)
        Node depths [cm].
    root_depth : float or array (stage)
        Rooting depth [cm].

    Returns
    -------
    array (stage, node)
        Density [cm-1], integral one over the nodes.

    Raises
    ------
    ValueError
        If the rooting depth is not positive or reaches below the profile.
    """
    z, bottom = _checked(depth, root_depth)
    density = np.clip((bottom - z) / (0.8 * bottom), 0.0, 1.0)
    return jnp.asarray(_normalized(density, z))


def exponential_roots(depth: ArrayLike, root_depth: ArrayLike, scale: float = 0.5) -> jax.Array:
    """Return an exponential density, ended at the rooting depth.

    Parameters
    ----------
    depth : array (node)
        Node depths [cm].
    root_depth : float or array (stage)
        Rooting depth [cm].
    scale : float
        Depth over which the density falls to 1/e, as a share of the rooting depth [1].

    Returns
    -------
    array (stage, node)
        Density [cm-1], integral one over the nodes.

    Raises
    ------
    ValueError
        If the rooting depth is not positive or reaches below the profile.
    """
    z, bottom = _checked(depth, root_depth)
    density = np.where(z < bottom, np.exp(-z / (scale * bottom)), 0.0)
    return jnp.asarray(_normalized(density, z))


def jackson(depth: ArrayLike, beta: ArrayLike, root_depth: float | None = None) -> jax.Array:
    r"""Return the density of Jackson et al. (1996), :math:`Y = 1 - \beta^z` (z in cm).

    Parameters
    ----------
    depth : array (node)
        Node depths [cm].
    beta : float or array (stage)
        Extinction coefficient: 0.943 temperate grassland, 0.966 temperate deciduous forest, 0.976
        temperate coniferous forest, 0.961 crops.
    root_depth : float, optional
        Depth at which the roots end [cm]; by default the bottom of the profile.

    Returns
    -------
    array (stage, node)
        Density [cm-1], integral one over the nodes.

    Raises
    ------
    ValueError
        If ``beta`` is not between 0 and 1, or roots reach below the profile.

    Notes
    -----
    Source: Jackson et al. (1996), doi:10.1007/BF00333714, Table 1.
    """
    b = np.atleast_1d(np.asarray(beta, float))[:, None]
    if np.any((b <= 0) | (b >= 1)):
        raise ValueError("beta of Jackson's roots must lie between 0 and 1")
    z, bottom = _checked(depth, np.asarray(depth)[-1] if root_depth is None else root_depth)
    # What lies between the edges of a node, over its thickness.
    edge = np.concatenate([z[:1], 0.5 * (z[1:] + z[:-1]), z[-1:]])
    edge = np.minimum(edge, bottom)
    density = (b ** edge[..., :-1] - b ** edge[..., 1:]) / np.diff(
        np.concatenate([z[:1], 0.5 * (z[1:] + z[:-1]), z[-1:]])
    )
    return jnp.asarray(_normalized(density, z))
