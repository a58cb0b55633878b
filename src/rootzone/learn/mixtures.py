"""Mixtures of Gaussians or of asymmetric Laplaces, and the equal-weight pool of several.

Each has ``log_prob``, ``cdf``, ``quantile``, ``mean``, ``std``, ``crps`` and ``sample``; arrays of
any batch shape, one distribution per element, components last. Likelihoods are summed as
log-sum-exp without a floor. A missing observation (NaN) scores NaN with gradient zero.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Self, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp, ndtr, ndtri
from jax.typing import ArrayLike

from rootzone.evaluate.probabilistic import mixture_crps, mixture_n_modes, mixture_quantile

M = TypeVar("M", bound="Mixture")

_LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)


class Mixture(eqx.Module):
    """Mixture of K components on the whole axis; the kind of component is the subclass's.

    Attributes
    ----------
    log_weight : array (..., K)
        Logarithm of the weights, which sum to one.
    loc, scale : array (..., K)
        Location and (positive) scale of the components.
    """

    log_weight: jax.Array
    loc: jax.Array
    scale: jax.Array

    # --- of one component, x (..., 1) against (..., K)

    @abstractmethod
    def component_log_prob(self, x: jax.Array) -> jax.Array:
        """Return the log densities (..., K) of the components at x (..., 1)."""

    @abstractmethod
    def component_cdf(self, x: jax.Array) -> jax.Array:
        """Return the distribution functions (..., K) of the components at x (..., 1)."""

    @abstractmethod
    def component_quantile(self, p: jax.Array) -> jax.Array:
        """Return the quantiles (..., K) of the components."""

    @abstractmethod
    def component_moments(self) -> tuple[jax.Array, jax.Array]:
        """Return means and variances (..., K) of the components."""

    @abstractmethod
    def break_points(self) -> jax.Array:
        """Return points (..., K, n) between which each component is smooth; all its mass."""

    # --- of the mixture

    @property
    def weight(self) -> jax.Array:
        """Return the weights (..., K)."""
        return jnp.exp(self.log_weight)

    def log_prob(self, x: ArrayLike) -> jax.Array:
        r"""Return the log density :math:`\ln\sum_k \exp(\ln w_k + \ln p_k(x))`."""
        x, valid = _present(x, self.loc)
        return jnp.where(
            valid, logsumexp(self.log_weight + self.component_log_prob(x), axis=-1), jnp.nan
        )

    def cdf(self, x: ArrayLike) -> jax.Array:
        """Return the distribution function at x."""
        x, valid = _present(x, self.loc)
        return jnp.where(valid, jnp.sum(self.weight * self.component_cdf(x), axis=-1), jnp.nan)

    def quantile(self, p: ArrayLike) -> jax.Array:
        """Return the quantile by bisection between those of the components, to round-off."""
        p = jnp.asarray(p, self.loc.dtype)
        return _bisect(*jax.lax.stop_gradient((self, p)))

    def mean(self) -> jax.Array:
        """Return the mean."""
        return jnp.sum(self.weight * self.component_moments()[0], axis=-1)

    def std(self) -> jax.Array:
        """Return the standard deviation: within the components and between them."""
        mean, variance = self.component_moments()
        center = jnp.sum(self.weight * mean, axis=-1, keepdims=True)
        return jnp.sqrt(jnp.sum(self.weight * (variance + (mean - center) ** 2), axis=-1))

    def crps(self, x: ArrayLike) -> jax.Array:
        """Return the continuous ranked probability score, by quadrature."""
        return quadrature_crps(self, x, self.break_points(), lambda z: z)

    def sample(self, key: jax.Array, shape: tuple[int, ...] = ()) -> jax.Array:
        """Return draws ``(*shape, ...)``."""
        k_component, k_value = jax.random.split(key)
        batch = (*shape, *self.loc.shape[:-1])
        chosen = jax.random.categorical(k_component, self.log_weight, shape=batch)
        inside = jnp.finfo(self.loc.dtype).tiny
        u = jax.random.uniform(k_value, batch, self.loc.dtype, minval=inside)
        each = self.component_quantile(u[..., None])
        return jnp.take_along_axis(each, chosen[..., None], axis=-1)[..., 0]

    def spread_out(self) -> Self:
        """Return the same with one more batch axis at the end, for several observations each."""
        return jax.tree.map(lambda a: a[..., None, :], self)

    def moved(self, loc: jax.Array, scale: jax.Array) -> Self:
        """Return the mixture of loc + scale x, both (..., 1)."""
        at = lambda m: (m.loc, m.scale)  # noqa: E731
        return eqx.tree_at(at, self, (loc + scale * self.loc, scale * self.scale))


class NormalMixture(Mixture):
    """Mixture of K Gaussians; ``loc`` is the mean, ``scale`` the standard deviation."""

    def component_log_prob(self, x: jax.Array) -> jax.Array:
        """Return the log densities of the components."""
        z = (x - self.loc) / self.scale
        return -0.5 * z * z - jnp.log(self.scale) - _LOG_ROOT_2PI

    def component_cdf(self, x: jax.Array) -> jax.Array:
        """Return the distribution functions of the components."""
        return ndtr((x - self.loc) / self.scale)

    def component_quantile(self, p: jax.Array) -> jax.Array:
        """Return the quantiles of the components."""
        return self.loc + self.scale * ndtri(p)

    def component_moments(self) -> tuple[jax.Array, jax.Array]:
        """Return means and variances of the components."""
        return self.loc, self.scale**2

    def break_points(self) -> jax.Array:
        """Return points half to three standard deviations apart."""
        z = np.array([-8.0, -5.0, -3.5, -2.5, -1.5, -0.7, 0.0, 0.7, 1.5, 2.5, 3.5, 5.0, 8.0])
        return self.loc[..., None] + self.scale[..., None] * jnp.asarray(z, self.loc.dtype)

    def quantile(self, p: ArrayLike) -> jax.Array:
        """Return the quantile, see :func:`rootzone.evaluate.mixture_quantile`."""
        return mixture_quantile(p, weight=self.weight, mean=self.loc, std=self.scale)

    def crps(self, x: ArrayLike) -> jax.Array:
        """Return the score in closed form, see :func:`rootzone.evaluate.mixture_crps`."""
        return mixture_crps(obs=x, weight=self.weight, mean=self.loc, std=self.scale)

    def n_modes(self) -> jax.Array:
        """Return the number of modes, see :func:`rootzone.evaluate.mixture_n_modes`."""
        return mixture_n_modes(weight=self.weight, mean=self.loc, std=self.scale)


class LaplaceMixture(Mixture):
    r"""Mixture of K asymmetric Laplace distributions (CMAL).

    .. math:: p(x) = \frac{\tau(1-\tau)}{s}
              \exp\left(-\frac{x-\mu}{s}\left(\tau - 1_{x<\mu}\right)\right)

    Attributes
    ----------
    asymmetry : array (..., K)
        Logit of tau, the share of the mass below ``loc``: 0 is symmetric.

    Notes
    -----
    Source: Klotz et al. (2022), doi:10.5194/hess-26-1673-2022, after Yu and Zhang (2005),
    doi:10.1080/03610920500199018.
    """

    asymmetry: jax.Array

    @property
    def tau(self) -> jax.Array:
        """Return the shares of the mass below the locations."""
        return jax.nn.sigmoid(self.asymmetry)

    def rates(self) -> tuple[jax.Array, jax.Array]:
        """Return the decay below and above the location, per unit."""
        return jax.nn.sigmoid(-self.asymmetry) / self.scale, self.tau / self.scale

    def _log_shares(self) -> tuple[jax.Array, jax.Array]:
        """Return ln tau and ln(1 - tau)."""
        return jax.nn.log_sigmoid(self.asymmetry), jax.nn.log_sigmoid(-self.asymmetry)

    def component_log_prob(self, x: jax.Array) -> jax.Array:
        """Return the log densities of the components."""
        below, above = self.rates()
        away = x - self.loc
        log_tau, log_rest = self._log_shares()
        height = log_tau + log_rest - jnp.log(self.scale)
        return height + jnp.where(away < 0, below * away, -above * away)

    def component_cdf(self, x: jax.Array) -> jax.Array:
        """Return the distribution functions of the components."""
        below, above = self.rates()
        away = x - self.loc
        left = self.tau * jnp.exp(below * jnp.minimum(away, 0))
        right = 1 - jax.nn.sigmoid(-self.asymmetry) * jnp.exp(-above * jnp.maximum(away, 0))
        return jnp.where(away < 0, left, right)

    def component_quantile(self, p: jax.Array) -> jax.Array:
        """Return the quantiles of the components."""
        below, above = self.rates()
        log_tau, log_rest = self._log_shares()
        left = jnp.minimum(jnp.log(p) - log_tau, 0) / below
        right = jnp.maximum(log_rest - jnp.log1p(-p), 0) / above
        return self.loc + left + right

    def component_moments(self) -> tuple[jax.Array, jax.Array]:
        """Return means and variances of the components."""
        below, above = (1 / rate for rate in self.rates())
        return self.loc + above - below, above**2 + below**2

    def break_points(self) -> jax.Array:
        """Return points that double their distance from the location on both sides."""
        steps = jnp.asarray([0.5, 1.0, 2.0, 4.0, 7.0, 11.0, 17.0, 25.0], self.loc.dtype)
        below, above = (1 / rate[..., None] for rate in self.rates())
        loc = self.loc[..., None]
        return jnp.concatenate([loc - below * steps[::-1], loc, loc + above * steps], axis=-1)


def _present(x: ArrayLike, like: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return x (..., 1) with gaps at zero, and where it is present (...)."""
    x = jnp.asarray(x, like.dtype)
    valid = ~jnp.isnan(x)
    return jnp.where(valid, x, 0)[..., None], valid


@jax.jit  # compiled once: called alone, the loop would be compiled at every call
def _bisect(mixture: Mixture, p: jax.Array) -> jax.Array:
    """Halve the range of the components' quantiles until it is as narrow as round-off."""
    each = mixture.component_quantile(p[..., None])
    lower, upper = jnp.min(each, axis=-1), jnp.max(each, axis=-1)

    def halve(_, bracket):
        lower, upper = bracket
        middle = lower + 0.5 * (upper - lower)
        right = mixture.cdf(middle) < p
        return jnp.where(right, middle, lower), jnp.where(right, upper, middle)

    steps = jnp.finfo(lower.dtype).nmant + 4
    lower, upper = jax.lax.fori_loop(0, steps, halve, (lower, upper))
    return lower + 0.5 * (upper - lower)


_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(5)


def panels(points: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return Gauss-Legendre nodes and weights (..., n - 1, 5) between sorted points (..., n)."""
    left, half = points[..., :-1, None], 0.5 * jnp.diff(points, axis=-1)[..., None]
    nodes = left + half * (1 + jnp.asarray(_NODES, points.dtype))
    return nodes, half * jnp.asarray(_NODE_WEIGHTS, points.dtype)


def cdf_at_nodes(distribution, nodes: jax.Array) -> jax.Array:
    """Return the distribution function at nodes (..., panel, node)."""
    return distribution.spread_out().spread_out().cdf(nodes)


def quadrature_crps(distribution, x: ArrayLike, points: jax.Array, forward) -> jax.Array:
    """Return the integral of (F - step at x) squared, exact but for the smooth pieces."""
    points = forward(points.reshape(*points.shape[:-2], -1))
    x = jnp.asarray(x, points.dtype)
    valid = ~jnp.isnan(x)
    x = jnp.where(valid, x, points[..., 0])[..., None]
    shape = jnp.broadcast_shapes(x.shape[:-1], points.shape[:-1])
    x = jnp.broadcast_to(x, (*shape, 1))
    points = jnp.broadcast_to(points, (*shape, points.shape[-1]))
    nodes, weights = panels(jnp.sort(jnp.concatenate([points, x], axis=-1), axis=-1))
    beyond = (nodes > x[..., None]).astype(nodes.dtype)
    return jnp.where(
        valid,
        jnp.sum(weights * (cdf_at_nodes(distribution, nodes) - beyond) ** 2, axis=(-2, -1)),
        jnp.nan,
    )


# --- pooling -----------------------------------------------------------------------------


def combine(distributions: Sequence[Mixture]) -> Mixture:
    """Return the equal-weight mixture of mixtures of one family, of any numbers of components.

    >>> one = NormalMixture(jnp.zeros(1), jnp.zeros(1), jnp.ones(1))
    >>> [round(float(w), 2) for w in combine([one, one]).weight]
    [0.5, 0.5]
    """
    joined = jax.tree.map(lambda *parts: jnp.concatenate(parts, axis=-1), *distributions)
    return eqx.tree_at(
        lambda m: m.log_weight, joined, joined.log_weight - math.log(len(distributions))
    )


def pool(mixture: M) -> M:
    """Return the equal-weight mixture over the first axis (the members of a seed ensemble)."""

    def move(a: jax.Array) -> jax.Array:
        a = jnp.moveaxis(a, 0, -2)
        return a.reshape(*a.shape[:-2], -1)

    members = mixture.loc.shape[0]
    pooled = jax.tree.map(move, mixture)
    return eqx.tree_at(lambda m: m.log_weight, pooled, pooled.log_weight - math.log(members))
