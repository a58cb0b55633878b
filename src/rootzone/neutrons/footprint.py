"""Where the neutrons come from: depth and distance weights of Schroen et al. (2017).

Source of every function here: Schroen et al. (2017), doi:10.5194/hess-21-5009-2017,
equations 1 to 9 and appendix A. Distances in m, depths in cm, theta in m3 m-3, humidity in
g m-3, pressure in hPa, vegetation height in m.

The penetration depth is made by *all* hydrogen. Where lattice and organic water are known,
``theta`` means pores plus lattice plus organic matter; with pore water alone D86 comes out
too deep (with all of it the published COSMOS-Europe depths come back to 0.16 cm).
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from rootzone.core.solve import invert_monotone
from rootzone.neutrons.parameter_sets import SCHROEN_2017

TWO_E_FOLDS = 0.8646647167633873
"""The share 1 - exp(-2) that the field calls 86 %."""


def rescaled_distance(
    distance: ArrayLike,
    *,
    pressure: ArrayLike = 1013.25,
    vegetation_height: ArrayLike = 0.0,
    theta: ArrayLike,
) -> jax.Array:
    r"""Return the distance r* that has the same weight under standard air without plants.

    .. math:: r^* = \frac{r}{F_p F_{veg}},\;
              F_p = \frac{0.4922}{0.86 - e^{-p/1013.25}},\;
              F_{veg} = 1 - 0.17(1 - e^{-0.41 H})(1 + e^{-9.25\theta})

    Thin air makes the footprint larger, so F_p > 1 above sea level and the distance is
    *divided*.

    Parameters
    ----------
    distance : array (...)
        Distance from the detector [m].
    pressure, vegetation_height, theta : array (...)
        Air pressure [hPa], height of the vegetation [m], soil moisture [m3 m-3].

    Returns
    -------
    array (...)
        Rescaled distance [m].
    """
    return jnp.asarray(distance) / footprint_scale(pressure, vegetation_height, theta)


def footprint_scale(
    pressure: ArrayLike, vegetation_height: ArrayLike, theta: ArrayLike
) -> jax.Array:
    """Return F_p * F_veg, by which the footprint is wider than under standard air [1]."""
    f_p = 0.4922 / (0.86 - jnp.exp(-jnp.asarray(pressure) / 1013.25))
    f_veg = 1.0 - 0.17 * (1.0 - jnp.exp(-0.41 * jnp.asarray(vegetation_height))) * (
        1.0 + jnp.exp(-9.25 * jnp.asarray(theta))
    )
    return f_p * f_veg


def penetration_depth(
    theta: ArrayLike, *, bulk_density: ArrayLike, distance: ArrayLike = 1.0
) -> jax.Array:
    r"""Return the depth D86 that holds 86 % of the signal.

    .. math:: D_{86} = \frac{1}{\rho_s}\left(8.321 + 0.14249\,(0.96655 + e^{-r^*/100})
              \frac{20 + \theta}{0.0429 + \theta}\right)

    Parameters
    ----------
    theta : array (...)
        Soil moisture, all water [m3 m-3].
    bulk_density : array (...)
        Dry bulk density [g cm-3].
    distance : array (...)
        Rescaled distance r* [m].

    Returns
    -------
    array (...)
        Depth [cm].

    Examples
    --------
    >>> round(float(penetration_depth(0.2, bulk_density=1.6)), 2)
    19.69
    """
    t = jnp.asarray(theta)
    ratio = (20.0 + t) / (0.0429 + t)
    near = 0.96655 + jnp.exp(-jnp.asarray(distance) / 100.0)
    return (8.321 + 0.14249 * near * ratio) / bulk_density


def depth_weight(depth: ArrayLike, penetration_depth: ArrayLike) -> jax.Array:
    """Return the weight of a depth, exp(-2 d / D86), not normalized [1]."""
    return jnp.exp(-2.0 * jnp.asarray(depth) / penetration_depth)


def layer_weight(edges: ArrayLike, penetration_depth: ArrayLike) -> jax.Array:
    """Return the depth weight integrated over layers, normalized over all layers.

    Parameters
    ----------
    edges : array (n + 1)
        Layer edges [cm].
    penetration_depth : array (...)
        D86 [cm].

    Returns
    -------
    array (..., n)
        Weights that sum to one.
    """
    at_edges = depth_weight(edges, jnp.asarray(penetration_depth)[..., None])
    weight = at_edges[..., :-1] - at_edges[..., 1:]
    return weight / jnp.sum(weight, axis=-1, keepdims=True)


def radial_weight(distance: ArrayLike, *, theta: ArrayLike, humidity: ArrayLike) -> jax.Array:
    """Return the radial weight W_r of a (rescaled) distance, not normalized.

    Parameters
    ----------
    distance : array (...)
        Rescaled distance r* [m].
    theta : array (...)
        Soil moisture [m3 m-3], fitted for 0.02 to 0.50.
    humidity : array (...)
        Absolute humidity [g m-3].

    Returns
    -------
    array (...)
        Weight, proportional to the neutrons from a ring at that distance.
    """
    r = jnp.asarray(distance)
    exp = jnp.exp
    (a0, a1, a2, a3), (b0, b1, b2, b3) = _radial_coefficients(theta, humidity)
    near = a0 * exp(-a1 * r) + a2 * exp(-a3 * r)
    far = b0 * exp(-b1 * r) + b2 * exp(-b3 * r)
    return jnp.where(r <= 1.0, near * (1.0 - exp(-3.7 * r)), jnp.where(r < 50.0, near, far))


def radial_weight_simple(distance: ArrayLike) -> jax.Array:
    """Return the simple radial weight (30 e^(-r/1.6) + e^(-r/100)) (1 - e^(-3.7 r))."""
    r = jnp.asarray(distance)
    return (30.0 * jnp.exp(-r / 1.6) + jnp.exp(-r / 100.0)) * (1.0 - jnp.exp(-3.7 * r))


def _radial_coefficients(
    theta: ArrayLike, humidity: ArrayLike
) -> tuple[tuple[jax.Array, ...], tuple[jax.Array, ...]]:
    """Return (A0, A1, A2, A3) within 50 m and (B0, B1, B2, B3) beyond."""
    t, h = jnp.asarray(theta), jnp.asarray(humidity)
    c = SCHROEN_2017
    exp = jnp.exp
    a0 = (
        c["a00"] * (1 + c["a03"] * h) * exp(-c["a01"] * t)
        + c["a02"] * (1 + c["a05"] * h)
        - c["a04"] * t
    )
    a1 = ((-c["a10"] + c["a14"] * h) * exp(-c["a11"] * t / (1 + c["a15"] * t)) + c["a12"]) * (
        1 + c["a13"] * h
    )
    a2 = c["a20"] * (1 + c["a23"] * h) * exp(-c["a21"] * t) + c["a22"] - c["a24"] * t
    a3 = c["a30"] * exp(-c["a31"] * t) + c["a32"] - c["a33"] * t + c["a34"] * h
    b0 = (
        (c["b00"] - c["b01"] / (c["b02"] * t + h - 0.13)) * (c["b03"] - t) * exp(-c["b04"] * t)
        - c["b05"] * h * t
        + c["b06"]
    )
    b1 = c["b10"] * (h + c["b11"]) + c["b12"] * t
    b2 = (
        c["b20"] * (1 - c["b26"] * h) * exp(-c["b21"] * t * (1 - c["b24"] * h))
        + c["b22"]
        - c["b25"] * t
    ) * (2 + c["b23"] * h)
    b3 = (
        (-c["b30"] + c["b34"] * h) * exp(-c["b31"] * t / (1 + c["b35"] * h + c["b36"] * t))
        + c["b32"]
    ) * (2 + c["b33"] * h)
    return (a0, a1, a2, a3), (b0, b1, b2, b3)


def radial_share(radius: ArrayLike, *, theta: ArrayLike, humidity: ArrayLike) -> jax.Array:
    """Return the share of the signal from within a (rescaled) radius, 0 to 1.

    The weights are sums of exponentials, so their integral from 0 to the radius and to
    infinity is elementary. Arguments as in :func:`radial_weight`.
    """
    (a0, a1, a2, a3), (b0, b1, b2, b3) = _radial_coefficients(theta, humidity)
    r = jnp.asarray(radius)

    def integral(amplitude, rate, start, end):
        return amplitude / rate * (jnp.exp(-rate * start) - jnp.exp(-rate * end))

    near, middle, far = jnp.minimum(r, 1.0), jnp.clip(r, 1.0, 50.0), jnp.maximum(r, 50.0)

    def pieces(near, middle, far_end):
        first = integral(a0, a1, 0.0, near) + integral(a2, a3, 0.0, near)
        first -= integral(a0, a1 + 3.7, 0.0, near) + integral(a2, a3 + 3.7, 0.0, near)
        second = integral(a0, a1, 1.0, middle) + integral(a2, a3, 1.0, middle)
        third = integral(b0, b1, 50.0, far_end) + integral(b2, b3, 50.0, far_end)
        return first + second + third

    return pieces(near, middle, far) / pieces(1.0, 50.0, jnp.inf)


def footprint_radius(
    theta: ArrayLike,
    *,
    humidity: ArrayLike,
    pressure: ArrayLike = 1013.25,
    vegetation_height: ArrayLike = 0.0,
    fraction: float = TWO_E_FOLDS,
) -> jax.Array:
    """Return the radius R86 from within which 86 % of the neutrons come.

    The integral of the radial weights, from zero to infinity, solved for the radius.

    Parameters
    ----------
    theta, humidity, pressure, vegetation_height : array (...)
        Soil moisture [m3 m-3], absolute humidity [g m-3], pressure [hPa], height [m].
    fraction : float
        Share of the signal; "86 %" is two e-folds, 1 - exp(-2) = 0.8647.

    Returns
    -------
    array (...)
        Radius [m].

    Notes
    -----
    The tabulated R86 in circulation (50 rows from theta 0.01, 30 columns from 1 g m-3) comes
    back within 2 m; software that reads its rows from theta 0 and its columns from 0 g m-3 is
    up to 6 m away from it.
    """
    t, h = jnp.broadcast_arrays(jnp.asarray(theta), jnp.asarray(humidity))
    radius = _radius_of_share(t, h, jnp.asarray(fraction, jnp.result_type(t, 1.0)))
    return radius * footprint_scale(pressure, vegetation_height, t)


@jax.jit
def _radius_of_share(theta: jax.Array, humidity: jax.Array, fraction: jax.Array) -> jax.Array:
    share = lambda r: radial_share(r, theta=theta, humidity=humidity)  # noqa: E731
    radius = invert_monotone(share, jnp.broadcast_to(fraction, theta.shape), 1.0, 1000.0)
    return jnp.where(jnp.isnan(theta + humidity), jnp.nan, radius)
