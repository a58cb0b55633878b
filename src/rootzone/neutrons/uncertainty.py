"""How well a count knows the water: counting noise and its way through the retrieval."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from rootzone.neutrons.count_rate import CountRateLaw, Desilets2010


def counting_sigma(
    count_rate: ArrayLike, *, hours: ArrayLike, factor: ArrayLike = 1.0
) -> jax.Array:
    r"""Return the Poisson standard deviation of a (corrected) count rate.

    .. math:: \sigma_N = f \sqrt{N_{raw} / \Delta t}

    Parameters
    ----------
    count_rate : array (...)
        Raw count rate [h-1].
    hours : array (...)
        Time over which was counted [h].
    factor : array (...)
        Product of the correction factors [1].

    Returns
    -------
    array (...)
        Standard deviation of the corrected rate [h-1].
    """
    return jnp.asarray(factor) * jnp.sqrt(jnp.asarray(count_rate) / hours)


def window_mean(
    values: ArrayLike, *, sigma: ArrayLike, width: int, min_count: int = 1
) -> tuple[jax.Array, jax.Array]:
    """Return the moving mean of a regular series and the standard deviation of that mean.

    The window of step t holds ``width`` steps: from t - (width - 1)//2 to t + width//2, so
    with 12 hourly steps (t - 6 h, t + 6 h]. Errors of the steps are independent.

    Parameters
    ----------
    values : array (time)
        Series with NaN in gaps.
    sigma : array (time)
        Standard deviations of the values.
    width : int
        Number of steps of the window; 1 changes nothing.
    min_count : int
        Fewer valid steps than this give NaN.

    Returns
    -------
    mean, sigma : array (time)
    """
    values, sigma = jnp.asarray(values), jnp.asarray(sigma)
    valid = ~jnp.isnan(values)

    def window_sum(x: jax.Array) -> jax.Array:
        before, after = (width - 1) // 2, width // 2
        padded = jnp.concatenate([jnp.zeros(before, x.dtype), x, jnp.zeros(after, x.dtype)])
        return jnp.convolve(padded, jnp.ones(width, x.dtype), mode="valid")

    count = window_sum(valid.astype(values.dtype))
    enough = count >= max(min_count, 1)
    divisor = jnp.where(enough, count, 1.0)
    mean = window_sum(jnp.where(valid, values, 0.0)) / divisor
    spread = jnp.sqrt(window_sum(jnp.where(valid, sigma, 0.0) ** 2)) / divisor
    return jnp.where(enough, mean, jnp.nan), jnp.where(enough, spread, jnp.nan)


def first_order(
    fn: Callable[..., jax.Array],
    inputs: Mapping[str, ArrayLike],
    sigmas: Mapping[str, ArrayLike],
) -> dict[str, jax.Array]:
    r"""Return each input's share of the standard deviation of an elementwise function.

    .. math:: \sigma_k = \left|\frac{\partial f}{\partial x_k}\right| \sigma_{x_k}

    Parameters
    ----------
    fn : callable
        ``fn(**inputs)``, elementwise.
    inputs : mapping of arrays
        Values; scalars broadcast.
    sigmas : mapping of arrays
        Standard deviations of (some of) the inputs.

    Returns
    -------
    dict of arrays
        One share per entry of ``sigmas``; independent errors add in quadrature.
    """
    arrays = {k: jnp.asarray(v) for k, v in inputs.items()}
    dtype = jnp.result_type(*arrays.values(), 1.0)
    arrays = {k: v.astype(dtype) for k, v in arrays.items()}

    def share(name: str) -> jax.Array:
        def of_one(x: jax.Array) -> jax.Array:
            return fn(**{**arrays, name: x})

        tangent = jnp.ones_like(arrays[name])
        return jnp.abs(jax.jvp(of_one, (arrays[name],), (tangent,))[1]) * jnp.asarray(sigmas[name])

    return {name: share(name) for name in sigmas}


def monte_carlo(
    fn: Callable[..., jax.Array],
    inputs: Mapping[str, ArrayLike],
    sigmas: Mapping[str, ArrayLike],
    *,
    key: jax.Array,
    members: int = 200,
) -> jax.Array:
    """Return an ensemble of an elementwise function under normal errors of its inputs.

    The error of an input has the shape of its sigma: a scalar sigma is one error for the
    whole series (N0, bulk density), a series of sigmas draws one error for each step
    (counting). Member m uses ``fold_in(key, m)``, whatever the number of members.

    Parameters
    ----------
    fn, inputs, sigmas
        As in :func:`first_order`.
    key : jax.Array
        Random key.
    members : int
        Size of the ensemble.

    Returns
    -------
    array (members, ...)
    """
    arrays = {k: jnp.asarray(v) for k, v in inputs.items()}
    dtype = jnp.result_type(*arrays.values(), 1.0)

    def member(number: jax.Array) -> jax.Array:
        keys = jax.random.split(jax.random.fold_in(key, number), len(sigmas))
        drawn = dict(arrays)
        for k, name in zip(keys, sorted(sigmas), strict=True):
            sigma = jnp.asarray(sigmas[name], dtype)
            drawn[name] = arrays[name] + sigma * jax.random.normal(k, sigma.shape, dtype)
        return fn(**drawn)

    return jax.lax.map(member, jnp.arange(members))


def gravimetric_sigma_jakobi_2020(
    count_rate: ArrayLike, *, sigma: ArrayLike, N0: ArrayLike, law: Desilets2010 | None = None
) -> jax.Array:
    r"""Return the standard deviation of gravimetric water to second order in the counts.

    .. math::

        \sigma_{\theta_g} = \sigma_N \frac{a_0 N_0}{(N - a_1 N_0)^4}
        \sqrt{(N - a_1 N_0)^4 + 8\sigma_N^2 (N - a_1 N_0)^2 + 15 \sigma_N^4}

    For hourly counts over wet soil, where the hyperbola bends within the noise and the first
    order is too small.

    Parameters
    ----------
    count_rate, sigma : array (...)
        Corrected count rate and its standard deviation [h-1].
    N0 : array (...)
        Calibration parameter [h-1].
    law : Desilets2010, optional
        The hyperbola with its coefficients.

    Returns
    -------
    array (...)
        Standard deviation [g g-1]; NaN where N <= a1 N0.

    Notes
    -----
    Source: Jakobi et al. (2020), doi:10.3389/frwa.2020.00010, eq. 11.
    """
    law = law or Desilets2010()
    excess = jnp.asarray(count_rate) - law.a1 * jnp.asarray(N0)
    s = jnp.asarray(sigma)
    root = jnp.sqrt(excess**4 + 8.0 * s**2 * excess**2 + 15.0 * s**4)
    return jnp.where(excess > 0, s * law.a0 * N0 / excess**4 * root, jnp.nan)


def soil_moisture(
    law: CountRateLaw,
    *,
    count_rate: ArrayLike,
    N0: ArrayLike,
    bulk_density: ArrayLike,
    lattice_water: ArrayLike = 0.0,
    organic_water: ArrayLike = 0.0,
    humidity: ArrayLike = 0.0,
) -> jax.Array:
    r"""Return the volumetric soil moisture of the footprint for a corrected count rate.

    .. math:: \theta = \rho_s\left(\theta_{g,total}(N/N_0, h) - w_{lat} - w_{org}\right)

    Parameters
    ----------
    law : CountRateLaw
        Law of the count rate.
    count_rate : array (...)
        Corrected count rate [h-1].
    N0 : array (...)
        Calibration parameter [h-1].
    bulk_density : array (...)
        Dry bulk density [g cm-3].
    lattice_water, organic_water : array (...)
        Water equivalents [g g-1].
    humidity : array (...)
        Absolute humidity [g m-3], for laws that need it.

    Returns
    -------
    array (...)
        Volumetric soil moisture [m3 m-3]: may be negative for counts above those of dry soil
        (nothing is clipped), NaN where no water has that count rate.
    """
    total = law.water(jnp.asarray(count_rate) / N0, humidity)
    return (total - lattice_water - organic_water) * bulk_density


def poisson_counts(
    key: jax.Array, expected_rate: ArrayLike, *, hours: ArrayLike = 1.0
) -> jax.Array:
    """Return counted rates [h-1] for expected raw rates: Poisson counts over ``hours``."""
    rate = jnp.asarray(expected_rate)
    return jax.random.poisson(key, rate * hours).astype(jnp.result_type(rate, 1.0)) / hours
