"""Heads: how the raw outputs of a network become a predictive distribution.

A head is a value: its number of raw outputs per target, and the mixture that they stand for.
Scales are exponentials of raw outputs, without a floor; weights are a softmax, taken once.
"""

from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp

from rootzone.learn.effects import EffectMixture
from rootzone.learn.mixtures import LaplaceMixture, Mixture, NormalMixture


class Head(Protocol):
    """What the network asks of a head."""

    @property
    def size(self) -> int:
        """Return the number of raw outputs per target."""
        ...

    def distribution(self, raw: jax.Array) -> Mixture:
        """Return the mixture (...) of raw outputs (..., size), for standardized targets."""
        ...


class Regression(eqx.Module):
    """One value with a spread that is the same everywhere: training is least squares.

    Attributes
    ----------
    spread : float
        Standard deviation of the residuals of the standardized target; 1 in training, set from
        the validation part afterwards.
    """

    spread: float = eqx.field(static=True, default=1.0)

    @property
    def size(self) -> int:
        """Return 1."""
        return 1

    def distribution(self, raw: jax.Array) -> NormalMixture:
        """Return a Gaussian of constant spread."""
        return NormalMixture(jnp.zeros_like(raw), raw, jnp.full_like(raw, self.spread))


class Gaussian(eqx.Module):
    """One Gaussian: mean and log of the standard deviation."""

    @property
    def size(self) -> int:
        """Return 2."""
        return 2

    def distribution(self, raw: jax.Array) -> NormalMixture:
        """Return a mixture of one Gaussian."""
        loc, log_scale = raw[..., :1], raw[..., 1:]
        return NormalMixture(jnp.zeros_like(loc), loc, jnp.exp(log_scale))


class GaussianMixture(eqx.Module):
    """K Gaussians.

    Notes
    -----
    Source: Bishop (1994), Mixture density networks, Aston University NCRG/94/004.
    """

    components: int = eqx.field(static=True, default=3)

    @property
    def size(self) -> int:
        """Return 3 K."""
        return 3 * self.components

    def distribution(self, raw: jax.Array) -> NormalMixture:
        """Return a mixture of K Gaussians."""
        logit, loc, log_scale = jnp.split(raw, 3, axis=-1)
        return NormalMixture(jax.nn.log_softmax(logit, axis=-1), loc, jnp.exp(log_scale))


class AsymmetricLaplaceMixture(eqx.Module):
    """K asymmetric Laplace distributions (CMAL).

    Notes
    -----
    Source: Klotz et al. (2022), doi:10.5194/hess-26-1673-2022.
    """

    components: int = eqx.field(static=True, default=3)

    @property
    def size(self) -> int:
        """Return 4 K."""
        return 4 * self.components

    def distribution(self, raw: jax.Array) -> LaplaceMixture:
        """Return a mixture of K asymmetric Laplace distributions."""
        logit, loc, log_scale, asymmetry = jnp.split(raw, 4, axis=-1)
        return LaplaceMixture(
            jax.nn.log_softmax(logit, axis=-1), loc, jnp.exp(log_scale), asymmetry
        )


class SensorEffect(eqx.Module):
    """K classes of sensors, each with what stays and what does not, see :mod:`.effects`.

    Attributes
    ----------
    components : int
        Number of classes.
    noise : tuple of float
        Standard deviation of the instruments on the network's scale, for each target; empty:
        none besides what is learned.
    """

    components: int = eqx.field(static=True, default=2)
    noise: tuple[float, ...] = eqx.field(static=True, default=())

    @property
    def size(self) -> int:
        """Return 4 K."""
        return 4 * self.components

    def distribution(self, raw: jax.Array) -> EffectMixture:
        """Return the mixture of one time, what stays of a sensor kept apart."""
        logit, loc, log_effect, log_error = jnp.split(raw, 4, axis=-1)
        least = jnp.asarray(self.noise or (0.0,), raw.dtype)[:, None]
        effect, variance = jnp.exp(log_effect), jnp.exp(2 * log_error) + least**2
        return EffectMixture(
            jax.nn.log_softmax(logit, axis=-1),
            loc,
            jnp.sqrt(effect**2 + variance),
            effect,
            jnp.sqrt(variance),
        )
