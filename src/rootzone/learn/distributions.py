"""Predictive distributions in the target's unit: a mixture seen through a transform.

Each has ``log_prob``, ``cdf``, ``quantile``, ``mean``, ``std``, ``crps`` and ``sample``; arrays of
any batch shape, one distribution per element. A missing observation (NaN) scores NaN with gradient
zero.
"""

from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from rootzone.learn.mixtures import Mixture, cdf_at_nodes, panels, quadrature_crps


class Distribution(Protocol):
    """What every predictive distribution answers, elementwise."""

    def log_prob(self, x: ArrayLike) -> jax.Array:
        """Return the log density at x [log of the inverse unit]."""
        ...

    def cdf(self, x: ArrayLike) -> jax.Array:
        """Return the probability of values up to x [1]; at an observation: its PIT."""
        ...

    def quantile(self, p: ArrayLike) -> jax.Array:
        """Return the value that is not exceeded with probability p, inside (0, 1)."""
        ...

    def mean(self) -> jax.Array:
        """Return the mean."""
        ...

    def std(self) -> jax.Array:
        """Return the standard deviation."""
        ...

    def crps(self, x: ArrayLike) -> jax.Array:
        """Return the continuous ranked probability score at x [unit of x], 0 at best."""
        ...

    def sample(self, key: jax.Array, shape: tuple[int, ...] = ()) -> jax.Array:
        """Return draws ``(*shape, ...)``."""
        ...


class Affine(eqx.Module):
    """y = loc + scale z, on the whole axis; ``loc`` and ``scale`` per target."""

    loc: jax.Array
    scale: jax.Array

    def forward(self, z: jax.Array) -> jax.Array:
        """Return y of z."""
        return self.loc + self.scale * z

    def inverse(self, y: jax.Array) -> jax.Array:
        """Return z of y."""
        return (y - self.loc) / self.scale

    def inside(self, y: jax.Array) -> jax.Array:
        """Return where y is possible: everywhere."""
        return jnp.ones(jnp.shape(y), bool)

    def log_slope(self, y: jax.Array) -> jax.Array:
        """Return ln dy/dz at y."""
        return jnp.log(self.scale) + jnp.zeros_like(y)


class Bounded(eqx.Module):
    r"""y between 0 and ``upper`` (the porosity): :math:`y = u\,\sigma(\mathrm{loc} + s z)`."""

    loc: jax.Array
    scale: jax.Array
    upper: jax.Array

    def forward(self, z: jax.Array) -> jax.Array:
        """Return y of z."""
        return self.upper * jax.nn.sigmoid(self.loc + self.scale * z)

    def _safe(self, y: jax.Array) -> jax.Array:
        return jnp.where(self.inside(y), y, 0.5 * self.upper)

    def inverse(self, y: jax.Array) -> jax.Array:
        """Return z of y; of the middle where y is impossible, see :meth:`inside`."""
        y = self._safe(y)
        return (jnp.log(y) - jnp.log(self.upper - y) - self.loc) / self.scale

    def inside(self, y: jax.Array) -> jax.Array:
        """Return where y is possible: strictly between the bounds."""
        return (y > 0) & (y < self.upper)

    def log_slope(self, y: jax.Array) -> jax.Array:
        """Return ln dy/dz at y."""
        y = self._safe(y)
        return jnp.log(y) + jnp.log(self.upper - y) - jnp.log(self.upper) + jnp.log(self.scale)


Transform = Affine | Bounded


def spread_out(transform: Transform) -> Transform:
    """Return the same transform with one more batch axis at the end."""
    return jax.tree.map(lambda a: a[..., None], transform)


class Transformed(eqx.Module):
    """A mixture seen through a transform: the predictive distribution in the target's unit."""

    base: Mixture
    transform: Affine | Bounded

    def log_prob(self, x: ArrayLike) -> jax.Array:
        """Return the log density at x; minus infinity where x is impossible."""
        x, missing = self._given(x)
        inside = self.transform.inside(x)
        log_prob = self.base.log_prob(self.transform.inverse(x)) - self.transform.log_slope(x)
        return jnp.where(missing, jnp.nan, jnp.where(inside, log_prob, -jnp.inf))

    def cdf(self, x: ArrayLike) -> jax.Array:
        """Return the distribution function at x: 0 below and 1 above what is possible."""
        x, missing = self._given(x)
        cdf = self.base.cdf(self.transform.inverse(x))
        cdf = jnp.where(self.transform.inside(x), cdf, (x > 0).astype(cdf.dtype))
        return jnp.where(missing, jnp.nan, cdf)

    def _given(self, x: ArrayLike) -> tuple[jax.Array, jax.Array]:
        """Return x with gaps at an allowed value, and where the gaps are."""
        x = jnp.asarray(x, self.base.loc.dtype)
        missing = jnp.isnan(x)
        return jnp.where(missing, self.transform.forward(jnp.zeros_like(x)), x), missing

    def quantile(self, p: ArrayLike) -> jax.Array:
        """Return the quantile."""
        return self.transform.forward(self.base.quantile(p))

    def _points(self) -> jax.Array:
        """Return break points (..., n) in the target's unit, sorted."""
        points = self.base.break_points()
        points = points.reshape(*points.shape[:-2], -1)
        forward = spread_out(self.transform).forward
        return jnp.sort(forward(points), axis=-1)

    def _moments(self) -> tuple[jax.Array, jax.Array]:
        """Return mean and variance: integrals of 1 - F above the lowest point."""
        points = self._points()
        nodes, weights = panels(points)
        above = weights * (1 - cdf_at_nodes(self, nodes))
        mean = points[..., 0] + jnp.sum(above, axis=(-2, -1))
        away = nodes - mean[..., None, None]
        variance = (points[..., 0] - mean) ** 2 + 2 * jnp.sum(above * away, axis=(-2, -1))
        return mean, variance

    def mean(self) -> jax.Array:
        """Return the mean."""
        if isinstance(self.transform, Affine):
            return self.transform.forward(self.base.mean())
        return self._moments()[0]

    def std(self) -> jax.Array:
        """Return the standard deviation."""
        if isinstance(self.transform, Affine):
            return self.transform.scale * self.base.std()
        variance = self._moments()[1]
        return jnp.sqrt(jnp.maximum(variance, 0.0))  # a round-off below zero at no spread

    def crps(self, x: ArrayLike) -> jax.Array:
        """Return the continuous ranked probability score [unit of x]."""
        x, missing = self._given(x)
        if isinstance(self.transform, Affine):
            crps = self.transform.scale * self.base.crps(self.transform.inverse(x))
        else:
            forward = spread_out(self.transform).forward
            crps = quadrature_crps(self, x, self.base.break_points(), forward)
        return jnp.where(missing, jnp.nan, crps)

    def sample(self, key: jax.Array, shape: tuple[int, ...] = ()) -> jax.Array:
        """Return draws ``(*shape, ...)``."""
        return self.transform.forward(self.base.sample(key, shape))

    def spread_out(self) -> "Transformed":
        """Return the same with one more batch axis at the end, for several observations each."""
        return Transformed(self.base.spread_out(), spread_out(self.transform))

    def in_unit(self) -> Mixture:
        """Return the mixture itself in the target's unit, where the transform is affine.

        Raises
        ------
        ValueError
            If the target is bounded: no mixture of the same family then.
        """
        if not isinstance(self.transform, Affine):
            raise ValueError("a bounded target is no mixture of the same family in its own unit")
        return self.base.moved(self.transform.loc[..., None], self.transform.scale[..., None])
