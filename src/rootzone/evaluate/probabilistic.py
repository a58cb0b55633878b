"""Scores of predictive distributions: Gaussian and Gaussian mixture.

Arrays of any batch shape, one distribution per element; the components of a mixture are the
last axis of ``weight``, ``mean`` and ``std``. The weights of an element are non-negative and
sum to one (not checked); a weight of exactly zero means that the component takes no part, with
a gradient of zero. Nothing is floored: far out the log-likelihood keeps falling, and its
gradient keeps pointing home. Where the observation or a parameter is missing, a standard
deviation is not positive or a weight is negative, the element is NaN with gradient zero: average
with ``jnp.nanmean``.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import logsumexp, ndtr, ndtri
from jax.typing import ArrayLike

from rootzone.evaluate._gaps import float_arrays

_LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)


def _pdf(z: jax.Array) -> jax.Array:
    """Return the standard normal density."""
    return jnp.exp(-0.5 * z * z - _LOG_ROOT_2PI)


def _beyond(p: jax.Array) -> jax.Array:
    """Return the quantile where p is not inside (0, 1): -inf at 0, inf at 1, NaN elsewhere."""
    return jnp.where(p == 0, -jnp.inf, jnp.where(p == 1, jnp.inf, jnp.nan))


# --- Gaussian ---------------------------------------------------------------------------


def _gaussian(obs: ArrayLike, mean: ArrayLike, std: ArrayLike):
    """Return z-score, standard deviation and validity, with gaps made harmless."""
    obs, mean, std = jnp.broadcast_arrays(*float_arrays(obs, mean, std))
    valid = ~(jnp.isnan(obs) | jnp.isnan(mean)) & (std > 0)
    std = jnp.where(valid, std, 1.0)
    z = (jnp.where(valid, obs, 0.0) - jnp.where(valid, mean, 0.0)) / std
    return z, std, valid


def gaussian_log_prob(*, obs: ArrayLike, mean: ArrayLike, std: ArrayLike) -> jax.Array:
    r"""Return the log density of a Gaussian at the observation.

    .. math:: \ln p(o) = -\tfrac12 z^2 - \ln\sigma - \tfrac12\ln 2\pi, \quad z = (o-\mu)/\sigma

    Parameters
    ----------
    obs : array (...)
        Observation [any unit].
    mean, std : array (...)
        Mean and standard deviation [unit of ``obs``].

    Returns
    -------
    array (...)
        Log density [log of the inverse unit]; NaN in gaps.

    Examples
    --------
    >>> round(float(gaussian_log_prob(obs=0.0, mean=0.0, std=1.0)), 4)
    -0.9189
    """
    z, std, valid = _gaussian(obs, mean, std)
    return jnp.where(valid, -0.5 * z * z - jnp.log(std) - _LOG_ROOT_2PI, jnp.nan)


def gaussian_cdf(*, obs: ArrayLike, mean: ArrayLike, std: ArrayLike) -> jax.Array:
    r"""Return the distribution function :math:`\Phi((o-\mu)/\sigma)` at the observation.

    At an observation this is the probability integral transform (PIT): uniform on [0, 1] if
    the forecasts are calibrated. Arguments as in :func:`gaussian_log_prob`; [1], NaN in gaps.

    Notes
    -----
    Source: Dawid (1984), doi:10.2307/2981683.
    """
    z, _, valid = _gaussian(obs, mean, std)
    return jnp.where(valid, ndtr(z), jnp.nan)


def gaussian_quantile(p: ArrayLike, *, mean: ArrayLike, std: ArrayLike) -> jax.Array:
    r"""Return the quantile :math:`\mu + \sigma\,\Phi^{-1}(p)`, inverse of :func:`gaussian_cdf`.

    Parameters
    ----------
    p : array (...)
        Probability [1]; 0 and 1 give minus and plus infinity, outside NaN.
    mean, std : array (...)
        Mean and standard deviation [any unit].

    Returns
    -------
    array (...)
        Quantile [unit of ``mean``].
    """
    p, mean, std = jnp.broadcast_arrays(*float_arrays(p, mean, std))
    inside, valid = (p > 0) & (p < 1), (std > 0) & ~jnp.isnan(mean)
    quantile = mean + jnp.where(valid, std, 1.0) * ndtri(jnp.where(inside, p, 0.5))
    return jnp.where(valid, jnp.where(inside, quantile, _beyond(p)), jnp.nan)


def gaussian_crps(*, obs: ArrayLike, mean: ArrayLike, std: ArrayLike) -> jax.Array:
    r"""Return the continuous ranked probability score of a Gaussian.

    .. math:: \mathrm{CRPS} = \sigma\left[z\,(2\Phi(z)-1) + 2\varphi(z) - \pi^{-1/2}\right]

    Arguments as in :func:`gaussian_log_prob`; [unit of ``obs``], 0 at best, NaN in gaps.

    Notes
    -----
    Source: Gneiting et al. (2005), doi:10.1175/MWR2904.1, eq. 5.
    """
    z, std, valid = _gaussian(obs, mean, std)
    crps = std * (z * (2 * ndtr(z) - 1) + 2 * _pdf(z) - 1 / math.sqrt(math.pi))
    return jnp.where(valid, crps, jnp.nan)


# --- Gaussian mixture -------------------------------------------------------------------


class _Mixture(NamedTuple):
    """Components (..., K) with gaps made harmless, and validity (...)."""

    weight: jax.Array
    mean: jax.Array
    std: jax.Array
    valid: jax.Array


def _mixture(weight: ArrayLike, mean: ArrayLike, std: ArrayLike) -> _Mixture:
    weight, mean, std = jnp.broadcast_arrays(*float_arrays(weight, mean, std))
    valid = jnp.all((weight >= 0) & (std > 0) & ~jnp.isnan(mean), axis=-1)
    valid = valid & jnp.any(weight > 0, axis=-1)
    keep = valid[..., None]
    return _Mixture(
        weight=jnp.where(keep, weight, 1 / weight.shape[-1]),
        mean=jnp.where(keep, mean, 0.0),
        std=jnp.where(keep, std, 1.0),
        valid=valid,
    )


def _at(obs: ArrayLike, m: _Mixture) -> tuple[jax.Array, jax.Array]:
    """Return the observation with a component axis, gaps at zero, and validity."""
    obs, _ = float_arrays(obs, m.mean)
    valid = m.valid & ~jnp.isnan(obs)
    return jnp.where(valid, obs, 0.0)[..., None], valid


def _log_terms(x: jax.Array, m: _Mixture) -> jax.Array:
    """Return log(w_k p_k(x)) (..., K); minus infinity for an absent component."""
    z = (x - m.mean) / m.std
    present = m.weight > 0
    log_weight = jnp.log(jnp.where(present, m.weight, 1.0))
    return jnp.where(present, log_weight - 0.5 * z * z - jnp.log(m.std) - _LOG_ROOT_2PI, -jnp.inf)


def _cdf(x: jax.Array, m: _Mixture) -> jax.Array:
    return jnp.sum(m.weight * ndtr((x - m.mean) / m.std), axis=-1)


def mixture_log_prob(
    *, obs: ArrayLike, weight: ArrayLike, mean: ArrayLike, std: ArrayLike
) -> jax.Array:
    r"""Return the log density of a Gaussian mixture at the observation.

    .. math:: \ln p(o) = \ln \sum_k \exp\left(\ln w_k + \ln p_k(o)\right)

    Parameters
    ----------
    obs : array (...)
        Observation [any unit].
    weight : array (..., K)
        Weights of the components [1], non-negative with sum one.
    mean, std : array (..., K)
        Means and standard deviations of the components [unit of ``obs``].

    Returns
    -------
    array (...)
        Log density [log of the inverse unit], summed as log-sum-exp without a floor; NaN in
        gaps.

    Examples
    --------
    >>> round(float(mixture_log_prob(obs=9.0, weight=[1.0, 0.0], mean=[0.0, 9.0], std=[1, 1])), 4)
    -41.4189
    """
    m = _mixture(weight, mean, std)
    x, valid = _at(obs, m)
    return jnp.where(valid, logsumexp(_log_terms(x, m), axis=-1), jnp.nan)


def mixture_cdf(*, obs: ArrayLike, weight: ArrayLike, mean: ArrayLike, std: ArrayLike) -> jax.Array:
    r"""Return the distribution function :math:`\sum_k w_k \Phi((o-\mu_k)/\sigma_k)`.

    At an observation this is its PIT, see :func:`gaussian_cdf`. Arguments as in
    :func:`mixture_log_prob`; [1], NaN in gaps.
    """
    m = _mixture(weight, mean, std)
    x, valid = _at(obs, m)
    return jnp.where(valid, _cdf(x, m), jnp.nan)


def mixture_crps(
    *, obs: ArrayLike, weight: ArrayLike, mean: ArrayLike, std: ArrayLike
) -> jax.Array:
    r"""Return the continuous ranked probability score of a Gaussian mixture, in closed form.

    .. math:: \mathrm{CRPS} = \sum_k w_k A(o-\mu_k, \sigma_k^2)
              - \tfrac12 \sum_{j,k} w_j w_k A(\mu_j-\mu_k, \sigma_j^2+\sigma_k^2), \quad
              A(\mu, \sigma^2) = 2\sigma\varphi(\mu/\sigma) + \mu\,(2\Phi(\mu/\sigma) - 1)

    Arguments as in :func:`mixture_log_prob`; [unit of ``obs``], 0 at best, NaN in gaps.

    Notes
    -----
    Source: Grimit et al. (2006), doi:10.1256/qj.05.235.
    """
    m = _mixture(weight, mean, std)
    x, valid = _at(obs, m)

    def mean_distance(mu, sigma):
        z = mu / sigma
        return 2 * sigma * _pdf(z) + mu * (2 * ndtr(z) - 1)

    to_obs = jnp.sum(m.weight * mean_distance(x - m.mean, m.std), axis=-1)
    left, right = (..., slice(None), None), (..., None, slice(None))
    among = mean_distance(m.mean[left] - m.mean[right], jnp.hypot(m.std[left], m.std[right]))
    among = jnp.sum(m.weight[left] * m.weight[right] * among, axis=(-2, -1))
    return jnp.where(valid, to_obs - 0.5 * among, jnp.nan)


def mixture_mean(*, weight: ArrayLike, mean: ArrayLike) -> jax.Array:
    r"""Return the mean :math:`\sum_k w_k\mu_k` (...) of a mixture [unit of ``mean``].

    Arguments as in :func:`mixture_log_prob`; NaN in gaps.
    """
    m = _mixture(weight, mean, 1.0)
    return jnp.where(m.valid, jnp.sum(m.weight * m.mean, axis=-1), jnp.nan)


def mixture_variance(*, weight: ArrayLike, mean: ArrayLike, std: ArrayLike) -> jax.Array:
    r"""Return the variance of a mixture: within the components plus between them.

    .. math:: \sigma^2 = \sum_k w_k \left[\sigma_k^2 + (\mu_k - \mu)^2\right]

    Arguments as in :func:`mixture_log_prob`; [unit of ``mean`` squared], NaN in gaps.
    """
    m = _mixture(weight, mean, std)
    center = jnp.sum(m.weight * m.mean, axis=-1, keepdims=True)
    variance = jnp.sum(m.weight * (m.std**2 + (m.mean - center) ** 2), axis=-1)
    return jnp.where(m.valid, variance, jnp.nan)


def mixture_quantile(
    p: ArrayLike, *, weight: ArrayLike, mean: ArrayLike, std: ArrayLike
) -> jax.Array:
    r"""Return the quantile of a Gaussian mixture, inverse of :func:`mixture_cdf`.

    Parameters
    ----------
    p : array (...)
        Probability [1], broadcast against the batch shape of the components; 0 and 1 give minus
        and plus infinity, outside NaN.
    weight, mean, std : array (..., K)
        Components, see :func:`mixture_log_prob`.

    Returns
    -------
    array (...)
        Quantile [unit of ``mean``], with its exact first derivative; NaN in gaps.

    Notes
    -----
    The lowest and the highest quantile of the components enclose that of the mixture: bisection
    to round-off, which no shape of a mixture can lead astray. Between components far apart the
    density may vanish and the quantile is not unique: one of its values is returned, with
    gradient zero.
    """
    m = _mixture(weight, mean, std)
    p, _ = float_arrays(p, m.mean)
    inside = (p > 0) & (p < 1)
    goal = jnp.where(inside, p, 0.5)

    root = _bisect_cdf(*jax.lax.stop_gradient((goal, m)))

    # The root does not move, its derivative becomes right (implicit function theorem).
    density = jax.lax.stop_gradient(jnp.exp(logsumexp(_log_terms(root[..., None], m), axis=-1)))
    shift = (_cdf(root[..., None], m) - goal) / jnp.where(density > 0, density, jnp.inf)
    root = root - (shift - jax.lax.stop_gradient(shift))
    return jnp.where(m.valid, jnp.where(inside, root, _beyond(p)), jnp.nan)


@jax.jit  # compiled once: called alone, the loop would be compiled at every call
def _bisect_cdf(p: jax.Array, m: _Mixture) -> jax.Array:
    """Halve the range of the components' quantiles until it is as narrow as round-off."""
    each = m.mean + m.std * ndtri(p)[..., None]
    present = m.weight > 0
    lower = jnp.min(jnp.where(present, each, jnp.inf), axis=-1)
    upper = jnp.max(jnp.where(present, each, -jnp.inf), axis=-1)

    def halve(_, bracket):
        lower, upper = bracket
        middle = lower + 0.5 * (upper - lower)
        right = _cdf(middle[..., None], m) < p
        return jnp.where(right, middle, lower), jnp.where(right, upper, middle)

    n_steps = jnp.finfo(p.dtype).nmant + 4
    lower, upper = jax.lax.fori_loop(0, n_steps, halve, (lower, upper))
    return lower + 0.5 * (upper - lower)


def mixture_n_modes(*, weight: ArrayLike, mean: ArrayLike, std: ArrayLike) -> jax.Array:
    r"""Return the number of modes (local maxima of the density) of a Gaussian mixture.

    Parameters
    ----------
    weight, mean, std : array (..., K)
        Components, see :func:`mixture_log_prob`.

    Returns
    -------
    array (...)
        Number of modes [1], from 1 to K, as a float; NaN in gaps. Its gradient is zero.

    Notes
    -----
    All modes lie between the lowest and the highest mean (Carreira-Perpinan and Williams 2003,
    doi:10.1007/3-540-44935-3_44). There the sign of the slope of the log density is followed
    over nodes a tenth of a standard deviation apart around every component; each change from
    rising to falling is a mode. Two modes closer than a node, about to merge, count as one. Takes
    101 K^2 numbers of memory an element: go in chunks over a long series.
    """
    m = jax.lax.stop_gradient(_mixture(weight, mean, std))
    steps = jnp.linspace(-5.0, 5.0, 101, dtype=m.mean.dtype)
    present = m.weight > 0
    lowest = jnp.min(jnp.where(present, m.mean, jnp.inf), axis=-1)[..., None]
    highest = jnp.max(jnp.where(present, m.mean, -jnp.inf), axis=-1)[..., None]
    nodes = m.mean[..., None] + m.std[..., None] * steps  # (..., K, nodes)
    nodes = nodes.reshape(*m.valid.shape, -1)
    x = jnp.sort(jnp.clip(nodes, lowest, highest), axis=-1)[..., None]  # (..., nodes, 1)
    at_nodes = _Mixture(*(part[..., None, :] for part in m[:3]), valid=m.valid)
    share = jax.nn.softmax(_log_terms(x, at_nodes), axis=-1)
    slope = jnp.sum(share * (at_nodes.mean - x) / at_nodes.std**2, axis=-1)
    rises = slope > 0
    edge = jnp.ones((*m.valid.shape, 1), bool)
    left, right = jnp.concatenate([edge, rises], -1), jnp.concatenate([rises, ~edge], -1)
    count = jnp.sum(left & ~right, axis=-1).astype(m.mean.dtype)
    return jnp.where(m.valid, count, jnp.nan)
