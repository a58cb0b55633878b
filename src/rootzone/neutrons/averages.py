"""Averages as the neutrons weigh them: soil samples of a campaign, sensors of a profile.

Source: Schroen et al. (2017), doi:10.5194/hess-21-5009-2017, section 4.3.
"""

from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from rootzone.neutrons.footprint import (
    depth_weight,
    layer_weight,
    penetration_depth,
    radial_weight,
    radial_weight_simple,
    rescaled_distance,
)


class ProfileSamples(NamedTuple):
    """Soil samples of one campaign, one entry per sample; arrays (n).

    ``profile`` numbers the profile (0 to m - 1) that a sample belongs to, ``distance`` is the
    profile's distance from the detector [m], ``depth`` the sample's mid-depth [cm].
    """

    profile: ArrayLike
    distance: ArrayLike
    depth: ArrayLike
    gravimetric_water: ArrayLike
    bulk_density: ArrayLike
    lattice_water: ArrayLike
    organic_water: ArrayLike


class FootprintMean(NamedTuple):
    """Footprint-weighted means of a campaign and how they came about."""

    theta: jax.Array
    gravimetric_water: jax.Array
    bulk_density: jax.Array
    lattice_water: jax.Array
    organic_water: jax.Array
    bulk_density_error: jax.Array
    lattice_water_error: jax.Array
    organic_water_error: jax.Array
    gravimetric_water_error: jax.Array
    effective_samples: jax.Array
    iterations: int
    converged: bool
    weight: jax.Array


# One compilation each instead of one for every operation in them.
_radial_weight = jax.jit(radial_weight)
_penetration_depth = jax.jit(penetration_depth)
_rescaled_distance = jax.jit(rescaled_distance)


def footprint_mean(
    samples: ProfileSamples,
    *,
    humidity: float,
    pressure: float,
    site_bulk_density: float,
    vegetation_height: float = 0.0,
    radial: Literal["schroen_2017", "simple", "equal"] = "schroen_2017",
    tolerance: float = 0.01,
    max_iterations: int = 20,
) -> FootprintMean:
    """Return the mean of soil samples as the neutrons would weigh them.

    Horizontally first: samples of a profile are averaged with the depth weights, profiles
    with the radial weights; both depend on the mean soil moisture, so the average is iterated
    until it changes by less than ``tolerance``.

    Parameters
    ----------
    samples : ProfileSamples
        The samples of one campaign; none of them NaN.
    humidity, pressure : float
        Absolute humidity [g m-3] and air pressure [hPa] of the campaign.
    site_bulk_density : float
        Bulk density of the site [g cm-3], for D86.
    vegetation_height : float
        Height of the vegetation [m].
    radial : {"schroen_2017", "simple", "equal"}
        Weights of the profiles.
    tolerance : float
        Relative change of theta at which the iteration ends (1 % in the paper).
    max_iterations : int
        Bound on the number of iterations.

    Returns
    -------
    FootprintMean
        Weighted means, their standard errors from the spread over the samples and Kish's
        effective number of samples, and the weight of each sample.

    Notes
    -----
    Source: Schroen et al. (2017), section 4.3. Runs outside jit (a handful of numbers).
    """
    arrays = [np.asarray(a, dtype=float) for a in samples]
    profile = arrays[0].astype(int)
    distance, depth, water, density, lattice, organic = arrays[1:]
    theta = water * density
    count = profile.max() + 1

    def by_profile(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
        total = np.bincount(profile, weights, count)
        return np.bincount(profile, values * weights, count) / total

    estimate, converged, iterations = float(theta.mean()), False, 0
    weight = np.full(theta.shape, 1.0 / theta.size)
    while not converged and iterations < max_iterations:
        iterations += 1
        r_star = np.asarray(
            _rescaled_distance(
                distance, pressure=pressure, vegetation_height=vegetation_height, theta=estimate
            )
        )
        d86 = _penetration_depth(estimate, bulk_density=site_bulk_density, distance=r_star)
        vertical = np.asarray(depth_weight(depth, d86))
        profile_theta = by_profile(theta, vertical)
        r_profile = by_profile(r_star, np.ones_like(r_star))
        if radial == "schroen_2017":
            horizontal = np.asarray(
                _radial_weight(r_profile, theta=profile_theta, humidity=humidity)
            )
        elif radial == "simple":
            horizontal = np.asarray(radial_weight_simple(r_profile))
        else:
            horizontal = np.ones(count)
        if not horizontal.sum() > 0:  # all profiles at the detector itself
            horizontal = np.ones(count)
        weight = vertical / np.bincount(profile, vertical, count)[profile]
        weight = weight * (horizontal / horizontal.sum())[profile]
        mean = float(np.sum(weight * theta))
        converged = abs(mean - estimate) / max(mean, 1e-12) < tolerance
        estimate = mean

    effective = 1.0 / np.sum(weight**2)

    def mean_and_error(values: np.ndarray) -> tuple[float, float]:
        mean = float(np.sum(weight * values))
        return mean, float(np.sqrt(np.sum(weight * (values - mean) ** 2) / effective))

    (w, w_err), (rho, rho_err), (lat, lat_err), (org, org_err) = (
        mean_and_error(v) for v in (water, density, lattice, organic)
    )
    return FootprintMean(
        theta=jnp.asarray(estimate),
        gravimetric_water=jnp.asarray(w),
        bulk_density=jnp.asarray(rho),
        lattice_water=jnp.asarray(lat),
        organic_water=jnp.asarray(org),
        bulk_density_error=jnp.asarray(rho_err),
        lattice_water_error=jnp.asarray(lat_err),
        organic_water_error=jnp.asarray(org_err),
        gravimetric_water_error=jnp.asarray(w_err),
        effective_samples=jnp.asarray(effective),
        iterations=iterations,
        converged=bool(converged),
        weight=jnp.asarray(weight),
    )


def profile_mean(
    theta: ArrayLike,
    edges: ArrayLike,
    *,
    bulk_density: ArrayLike,
    added_water: ArrayLike = 0.0,
    distance: ArrayLike = 1.0,
    iterations: int = 40,
) -> tuple[jax.Array, jax.Array]:
    """Return the depth-weighted mean of water profiles and D86, iterated together.

    Parameters
    ----------
    theta : array (..., n)
        Water content of the layers [m3 m-3]; layers with NaN are left out, a profile without
        any layer gives NaN.
    edges : array (n + 1)
        Layer edges [cm].
    bulk_density : array (...)
        Dry bulk density [g cm-3].
    added_water : array (...)
        Lattice and organic water as volume [m3 m-3]; shortens D86, not part of the mean.
    distance : array (...)
        Rescaled distance for D86 [m].
    iterations : int
        Fixed number of iterations; each at least halves the error for realistic profiles.

    Returns
    -------
    mean, penetration_depth : array (...)
        Mean water content [m3 m-3] and D86 [cm].
    """
    return _profile_mean(
        jnp.asarray(theta),
        jnp.asarray(edges),
        jnp.asarray(bulk_density),
        jnp.asarray(added_water),
        jnp.asarray(distance),
        iterations,
    )


@partial(jax.jit, static_argnums=5)
def _profile_mean(theta, edges, bulk_density, added_water, distance, iterations):
    valid = ~jnp.isnan(theta)
    filled = jnp.where(valid, theta, 0.0)
    some = jnp.any(valid, axis=-1)

    def weighted(weight: jax.Array) -> jax.Array:
        weight = jnp.where(valid, weight, 0.0)
        total = jnp.where(some, jnp.sum(weight, axis=-1), 1.0)
        return jnp.sum(weight * filled, axis=-1) / total

    def depth_of(mean: jax.Array) -> jax.Array:
        return penetration_depth(mean + added_water, bulk_density=bulk_density, distance=distance)

    mean = weighted(jnp.ones_like(theta))
    mean = jax.lax.fori_loop(
        0, iterations, lambda _, m: weighted(layer_weight(edges, depth_of(m))), mean
    )
    return jnp.where(some, mean, jnp.nan), jnp.where(some, depth_of(mean), jnp.nan)
