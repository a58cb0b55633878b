"""Scores of samples and intervals: ensembles, distance of distributions, coverage.

The members of an ensemble, the values of a sample, and the times of an interval series are the
last axis; everything before it is batch.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from rootzone.evaluate._gaps import float_arrays, masked_mean


def ensemble_crps(*, sim: ArrayLike, obs: ArrayLike, fair: bool = False) -> jax.Array:
    r"""Return the continuous ranked probability score of an ensemble.

    .. math:: \mathrm{CRPS} = \frac1M \sum_i |s_i - o|
              - \frac{1}{2 M^2} \sum_{i,j} |s_i - s_j|

    Parameters
    ----------
    sim : array (..., member)
        Ensemble [any unit]; members that are NaN are left out.
    obs : array (...)
        Observation [unit of ``sim``].
    fair : bool
        Divide the second sum by :math:`2M(M-1)`: the score that the members' own distribution
        would have, whatever their number.

    Returns
    -------
    array (...)
        CRPS [unit of ``obs``], 0 at best; NaN without observation or members (fair: fewer than
        two members).

    Notes
    -----
    Source: Gneiting and Raftery (2007), doi:10.1198/016214506000001437, eq. 21; fair: Ferro
    (2014), doi:10.1002/qj.2270. The double sum is taken over the sorted members,
    :math:`\sum_{i,j}|s_i-s_j| = 2\sum_i (2i-M-1)\,s_{(i)}`.

    Examples
    --------
    >>> round(float(ensemble_crps(sim=[0.0, 2.0], obs=1.0)), 4)
    0.5
    """
    sim, obs = float_arrays(sim, obs)
    there = ~(jnp.isnan(sim) | jnp.isnan(obs)[..., None])
    error = jnp.where(there, sim, 0.0) - jnp.where(jnp.isnan(obs), 0.0, obs)[..., None]
    n = jnp.sum(there, axis=-1)
    count = n[..., None].astype(sim.dtype)
    ordered = jnp.sort(jnp.where(there, error, jnp.inf), axis=-1)
    i = jnp.arange(1, sim.shape[-1] + 1)
    ordered = jnp.where(i <= count, ordered, 0.0)  # the gaps were sorted behind the members
    distance = masked_mean(jnp.abs(error), there)
    spread = jnp.sum(jnp.where(i <= count, 2 * i - count - 1, 0.0) * ordered, axis=-1)
    pair_count = n * (n - 1) if fair else n * n
    crps = distance - spread / jnp.maximum(pair_count, 1).astype(sim.dtype)
    return jnp.where(pair_count > 0, crps, jnp.nan)


def _shares(values: jax.Array, weights: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return which values count, their weights with sum one, and whether there is any."""
    valid = ~(jnp.isnan(values) | jnp.isnan(weights))
    weights = jnp.where(valid, weights, 0.0)
    total = jnp.sum(weights)
    return valid, weights / jnp.where(total > 0, total, 1.0), total > 0


@jax.jit
def _area_between_cdfs(
    sim: jax.Array, obs: jax.Array, sim_weight: jax.Array, obs_weight: jax.Array
) -> jax.Array:
    valid_sim, share_sim, some_sim = _shares(sim, sim_weight)
    valid_obs, share_obs, some_obs = _shares(obs, obs_weight)
    values = jnp.concatenate([sim, obs])
    valid = jnp.concatenate([valid_sim, valid_obs])
    # A gap has no weight; it sits at the lowest value, where it opens no interval.
    lowest = jax.lax.stop_gradient(jnp.min(jnp.where(valid, values, jnp.inf)))
    values = jnp.where(valid, values, jnp.where(jnp.isfinite(lowest), lowest, 0.0))
    order = jnp.argsort(values)
    difference = jnp.cumsum(jnp.concatenate([share_sim, -share_obs])[order])[:-1]
    area = jnp.sum(jnp.abs(difference) * jnp.diff(values[order]))
    return jnp.where(some_sim & some_obs, area, jnp.nan)


def wasserstein_1(
    *,
    sim: ArrayLike,
    obs: ArrayLike,
    sim_weight: ArrayLike | None = None,
    obs_weight: ArrayLike | None = None,
) -> jax.Array:
    r"""Return the Wasserstein-1 distance of two samples.

    .. math:: W_1 = \int |F_s(x) - F_o(x)|\,dx

    Parameters
    ----------
    sim : array (..., n)
        One sample [any unit].
    obs : array (..., m)
        The other sample [unit of ``sim``], of any size.
    sim_weight, obs_weight : array (..., n), array (..., m), optional
        Weights of the values [1], non-negative, of any sum; equal by default.

    Returns
    -------
    array (...)
        Distance [unit of ``sim``]; NaN where a sample is empty. The samples are not pairs: a NaN
        removes the value it stands for only, and a weight of NaN counts as a gap too.

    Notes
    -----
    Source: Vallender (1974), doi:10.1137/1118101: in one dimension the optimal transport is the
    area between the distribution functions.

    Examples
    --------
    >>> round(float(wasserstein_1(sim=[0.0, 1.0], obs=[2.0, 3.0, 2.0, 3.0])), 4)
    2.0
    """
    sim_weight = jnp.ones_like(jnp.asarray(sim)) if sim_weight is None else sim_weight
    obs_weight = jnp.ones_like(jnp.asarray(obs)) if obs_weight is None else obs_weight
    arrays = float_arrays(sim, obs, sim_weight, obs_weight)
    distance = jnp.vectorize(_area_between_cdfs, signature="(n),(m),(n),(m)->()")
    return distance(*arrays)


def interval_coverage(*, obs: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> jax.Array:
    """Return the share of observations inside their interval, both ends included.

    Parameters
    ----------
    obs, lower, upper : array (..., time)
        Observations and ends of the intervals [any unit, the same]; a time with a NaN in any of
        them is left out.

    Returns
    -------
    array (...)
        Coverage [1], for a calibrated central 80 % interval 0.8; NaN without a valid time. Its
        gradient is zero.

    Examples
    --------
    >>> round(float(interval_coverage(obs=[1.0, 2.0, 9.0, float("nan")], lower=0.0, upper=2.0)), 4)
    0.6667
    """
    obs, lower, upper = jnp.broadcast_arrays(*float_arrays(obs, lower, upper))
    valid = ~(jnp.isnan(obs) | jnp.isnan(lower) | jnp.isnan(upper))
    return masked_mean(((obs >= lower) & (obs <= upper)).astype(obs.dtype), valid)


def interval_width(*, lower: ArrayLike, upper: ArrayLike) -> jax.Array:
    """Return the mean width of intervals (..., time), upper minus lower [unit of the ends].

    A time with a NaN in either end is left out; NaN without a valid time.
    """
    lower, upper = jnp.broadcast_arrays(*float_arrays(lower, upper))
    valid = ~(jnp.isnan(lower) | jnp.isnan(upper))
    return masked_mean(jnp.where(valid, upper, 0.0) - jnp.where(valid, lower, 0.0), valid)
