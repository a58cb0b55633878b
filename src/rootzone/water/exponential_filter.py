"""From the water of a shallow layer to the water of the root zone by an exponential filter."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike


class FilteredSeries(NamedTuple):
    """Filtered water content and the standard deviation that independent errors leave in it."""

    theta: jax.Array
    sigma: jax.Array


def exponential_filter(
    theta: ArrayLike,
    *,
    time: ArrayLike,
    characteristic_time: ArrayLike,
    sigma: ArrayLike = 0.0,
    memory: float = 3.0,
) -> FilteredSeries:
    r"""Return the soil water of a deeper layer as the fading memory of the layer above.

    .. math::

        \theta_{rz,n} = \theta_{rz,n-1} + K_n\,(\theta_n - \theta_{rz,n-1}), \qquad
        K_n = \frac{K_{n-1}}{K_{n-1} + e^{-(t_n - t_{n-1})/T}}

    starting with :math:`\theta_{rz,1} = \theta_1, K_1 = 1`.

    Parameters
    ----------
    theta : array (time)
        Water content of the shallow layer [m3 m-3]; NaN in gaps.
    time : array (time)
        Time [d], increasing.
    characteristic_time : float
        T, the ratio of the depth of the layer to a pseudo-diffusivity [d], > 0.
    sigma : array (time) or scalar
        Standard deviation of independent errors of ``theta``.
    memory : float
        A gap longer than ``memory`` times T starts the filter anew: the past is forgotten
        then, and a filter that pretends to remember it would be wrong.

    Returns
    -------
    FilteredSeries
        Filtered series (time), NaN in gaps, and its standard deviation.

    Notes
    -----
    Source: Albergel et al. (2008), doi:10.5194/hess-12-1323-2008, eqs. 5 and 6, after Wagner
    et al. (1999).

    Examples
    --------
    >>> out = exponential_filter([0.2, 0.3, 0.3], time=[0.0, 1.0, 2.0], characteristic_time=2.0)
    >>> [round(float(v), 4) for v in out.theta]
    [0.2, 0.2622, 0.2814]
    """
    theta, time = jnp.asarray(theta), jnp.asarray(time)
    dtype = jnp.result_type(theta, 1.0)
    theta = theta.astype(dtype)
    # Days since a common epoch do not fit float32: only differences enter.
    elapsed = (time - time[0]).astype(dtype)
    sigma = jnp.broadcast_to(jnp.asarray(sigma, dtype), theta.shape)
    T = jnp.asarray(characteristic_time, dtype)

    def step(carry, now):
        state, gain, variance, last = carry
        value, error, t = now
        valid = ~jnp.isnan(value)
        gap = t - last
        forgotten = gap > memory * T
        faded = jnp.exp(-jnp.where(forgotten, 0.0, gap) / T)
        new_gain = jnp.where(forgotten, 1.0, gain / (gain + faded))
        safe = jnp.where(valid, value, 0.0)
        new_state = state + new_gain * (safe - state)
        noise = jnp.where(valid, error, 0.0) ** 2
        new_variance = (1.0 - new_gain) ** 2 * variance + new_gain**2 * noise
        carry = jax.tree.map(
            lambda new, old: jnp.where(valid, new, old),
            (new_state, new_gain, new_variance, t),
            carry,
        )
        out = (
            jnp.where(valid, new_state, jnp.nan),
            jnp.where(valid, jnp.sqrt(new_variance), jnp.nan),
        )
        return carry, out

    start = (
        jnp.zeros((), dtype),
        jnp.ones((), dtype),
        jnp.zeros((), dtype),
        -jnp.asarray(jnp.inf, dtype),
    )
    _, (filtered, spread) = jax.lax.scan(step, start, (theta, sigma, elapsed))
    return FilteredSeries(filtered, spread)
