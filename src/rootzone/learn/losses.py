"""What training makes small; each is a value that scores a distribution at observations."""

from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import logsumexp

from rootzone.learn.distributions import Transformed
from rootzone.learn.mixtures import NormalMixture


class Loss(Protocol):
    """What training asks of a loss."""

    def __call__(self, predicted: Transformed, obs: jax.Array) -> jax.Array:
        """Return the loss (...) of distributions (...) at observations; NaN in gaps."""
        ...


def _slope(predicted: Transformed) -> jax.Array:
    """Return the size of a unit of the network's scale, in the target's: makes losses pure."""
    transform = predicted.transform
    middle = transform.forward(jnp.zeros_like(predicted.base.loc[..., 0]))
    return jnp.exp(transform.log_slope(middle))


class NegativeLogLikelihood(eqx.Module):
    """Minus the log density at the observation [log of the target's unit]."""

    def __call__(self, predicted: Transformed, obs: jax.Array) -> jax.Array:
        """Return the loss at observations."""
        return -predicted.log_prob(obs)


class Crps(eqx.Module):
    """Continuous ranked probability score, over the standard deviation of the target [1]."""

    def __call__(self, predicted: Transformed, obs: jax.Array) -> jax.Array:
        """Return the loss at observations."""
        return predicted.crps(obs) / _slope(predicted)


class SquaredError(eqx.Module):
    """Squared error of the mean, over the variance of the target [1]."""

    def __call__(self, predicted: Transformed, obs: jax.Array) -> jax.Array:
        """Return the loss at observations."""
        return ((predicted.mean() - obs) / _slope(predicted)) ** 2


class ReleasedLikelihood(eqx.Module):
    """The loss as the released code of Bischof et al. (2025) has it, faults included.

    The weights go through a softmax twice, so that no component of three can have more than 58 %
    or less than 21 % of the mass, and each component's density is raised by a floor before its
    logarithm: outliers beyond about six standard deviations have no gradient. For comparison
    with :class:`NegativeLogLikelihood`; in the standardized unit of the target.

    Attributes
    ----------
    floor : float
        Added to the densities; 0 is none.
    double_softmax : bool
        Whether the weights go through a softmax once more.
    """

    floor: float = eqx.field(static=True, default=1e-8)
    double_softmax: bool = eqx.field(static=True, default=True)

    def __call__(self, predicted: Transformed, obs: jax.Array) -> jax.Array:
        """Return the loss at observations."""
        base = predicted.base
        if not isinstance(base, NormalMixture):
            raise TypeError("the released likelihood is one of Gaussian mixtures")
        missing = jnp.isnan(obs)
        z = jnp.where(missing, 0.0, predicted.transform.inverse(obs))
        log_density = base.component_log_prob(z[..., None])
        if self.floor > 0:
            log_density = jnp.log(jnp.exp(log_density) + self.floor)
        weight = base.log_weight
        if self.double_softmax:
            weight = jax.nn.log_softmax(base.weight, axis=-1)
        score = logsumexp(weight + log_density, axis=-1)
        return jnp.where(missing, jnp.nan, -score)
