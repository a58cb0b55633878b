r"""Sensors that differ for good: a latent class and a latent effect of each sensor.

A sensor r of a plot belongs to one class k (its soil: matrix, crack, stony pocket) and has one
number u that stays; readings are

.. math:: y_r(t) = m_k(t) + g_k(t)\, u_r + e_r(t), \quad
          u_r \sim N(0, 1), \quad e_r(t) \sim N(0, d_k(t)),\ d_k = \tau_k^2 + s_0^2

with the noise of the instrument s_0. At one time the readings of unknown sensors are the mixture
of N(m_k, g_k^2 + d_k); over a window the readings of one sensor go together. What is constant
(class, effect) and what is not (e) are thus told apart: components no longer stand for sensors.
"""

import math
from typing import NamedTuple, Self

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import logsumexp

from rootzone.learn.distributions import Transformed
from rootzone.learn.mixtures import NormalMixture

_LOG_2PI = math.log(2 * math.pi)


class EffectMixture(NormalMixture):
    """The mixture of Gaussians of one time, with what stays of a sensor kept apart.

    Attributes
    ----------
    effect : array (..., K)
        Standard deviation of what stays, g.
    error : array (..., K)
        Standard deviation of what does not, the root of d; ``scale`` is both together.
    """

    effect: jax.Array
    error: jax.Array

    def moved(self, loc: jax.Array, scale: jax.Array) -> Self:
        """Return the mixture of loc + scale x."""
        at = lambda m: (m.effect, m.error)  # noqa: E731
        return eqx.tree_at(at, super().moved(loc, scale), (scale * self.effect, scale * self.error))


class _Sums(NamedTuple):
    """Of the readings of each sensor under each class, arrays (batch..., K)."""

    log_class: jax.Array
    """Log of the class's weight, averaged over the readings."""
    log_prob: jax.Array
    """Log density of all readings."""
    mean: jax.Array
    """Mean of the effect given the readings."""
    variance: jax.Array


def _sums(base: EffectMixture, z: jax.Array) -> _Sums:
    r"""Return the rank-one solution of every class, time first.

    With :math:`\Sigma = \mathrm{diag}(d) + g g^T` and :math:`a = \sum g^2/d`:
    :math:`\ln|\Sigma| = \sum\ln d + \ln(1 + a)`, the effect is
    :math:`\hat u = \sum (g r/d) / (1 + a)` and
    :math:`r^T\Sigma^{-1}r = \sum (r - g\hat u)^2/d + \hat u^2`, a sum of squares that does not
    cancel.
    """
    present = jnp.isfinite(z)[..., None]
    zero = lambda x: jnp.where(present, x, 0)  # noqa: E731
    away = zero(jnp.where(present, z[..., None], 0) - base.loc)
    precision = zero(base.error**-2 + jnp.zeros_like(away))
    g = base.effect
    a = jnp.sum(g * g * precision, axis=0)
    mean = jnp.sum(g * away * precision, axis=0) / (1 + a)
    rest = away - g * mean
    square = jnp.sum(rest * rest * precision, axis=0) + mean * mean
    log_det = jnp.sum(zero(2 * jnp.log(base.error) + jnp.zeros_like(away)), axis=0) + jnp.log1p(a)
    n = jnp.sum(present, axis=0).astype(away.dtype)
    weights = zero(base.log_weight + jnp.zeros_like(away)) + jnp.where(present, 0.0, -jnp.inf)
    some = jnp.where(n > 0, weights, base.log_weight)
    log_class = logsumexp(some, axis=0) - jnp.log(jnp.where(n > 0, n, len(z)))
    return _Sums(log_class, -0.5 * (n * _LOG_2PI + log_det + square), mean, 1 / (1 + a))


def joint_log_prob(base: EffectMixture, z: jax.Array) -> jax.Array:
    """Return the log density (...) of all readings of each sensor together, in closed form.

    Parameters
    ----------
    base : EffectMixture (time, ..., K)
        At every time, on the scale of the readings.
    z : array (time, ...)
        Readings of one sensor each; NaN in gaps. A sensor without readings has 0.

    Notes
    -----
    Woodbury identity of rank one for each class, then the sum over the classes.
    """
    found = _sums(base, z)
    return logsumexp(found.log_class + found.log_prob, axis=-1)


def known_sensor(base: EffectMixture, z: jax.Array) -> NormalMixture:
    """Return what a sensor reads at every time, given those readings that are known.

    Parameters
    ----------
    base : EffectMixture (time, ..., K)
        What an unknown sensor reads.
    z : array (time, ...)
        Readings of each sensor; NaN where they are asked for. Without any, the answer is that of
        an unknown sensor but for weights averaged over the time.

    Returns
    -------
    NormalMixture (time, ..., K)
        Classes weighted by the readings, shifted by the effect and with what is left of its
        spread. At a time with a reading, the distribution of a second one.
    """
    found = _sums(base, z)
    weight = jax.nn.log_softmax(found.log_class + found.log_prob, axis=-1)
    loc = base.loc + base.effect * found.mean
    scale = jnp.sqrt(base.effect**2 * found.variance + base.error**2)
    return NormalMixture(jnp.broadcast_to(weight, loc.shape), loc, scale)


class SensorLikelihood(eqx.Module):
    """Minus the log density of a sensor's readings in a window together, shared out evenly.

    The loss of a reading is the mean over those of its sensor in the window: summed over all it
    is the likelihood of the sensors. Sees the time axis: distributions (time, batch, target, 1)
    against observations (time, batch, target, replicate).

    Attributes
    ----------
    marginal : float
        Share of the ordinary likelihood of each reading in the loss (a composite likelihood):
        keeps the spread at one time right where errors are not independent in time.
    """

    marginal: float = eqx.field(static=True, default=0.5)

    def __call__(self, predicted: Transformed, obs: jax.Array) -> jax.Array:
        """Return the loss at observations; NaN in gaps."""
        base = predicted.base
        if not isinstance(base, EffectMixture):
            raise TypeError("the likelihood of sensors wants a head with sensor effects")
        missing = jnp.isnan(obs)
        safe = jnp.where(missing, predicted.transform.forward(jnp.zeros_like(obs)), obs)
        z = jnp.where(missing, jnp.nan, predicted.transform.inverse(safe))
        slope = predicted.transform.log_slope(safe)
        n = jnp.maximum(jnp.sum(~missing, axis=0), 1).astype(slope.dtype)
        together = -joint_log_prob(base, z) / n + slope
        alone = -predicted.log_prob(obs) if self.marginal > 0 else 0.0
        mixed = (1 - self.marginal) * together + self.marginal * alone
        return jnp.where(missing, jnp.nan, mixed)
