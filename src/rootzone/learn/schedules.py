"""Learning rates over the epochs of a training; each is a value."""

from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp


class Schedule(Protocol):
    """What training asks of a learning rate."""

    def __call__(self, epoch: jax.Array) -> jax.Array:
        """Return the learning rate at a time in epochs (2.5: half-way through the third)."""
        ...


class Constant(eqx.Module):
    """The same rate all the time."""

    rate: float = eqx.field(static=True, default=1e-3)

    def __call__(self, epoch: jax.Array) -> jax.Array:
        """Return the rate."""
        return jnp.full_like(epoch, self.rate)


class StepDecay(eqx.Module):
    """A rate that is multiplied by ``factor`` every ``every`` epochs."""

    rate: float = eqx.field(static=True, default=5e-4)
    factor: float = eqx.field(static=True, default=0.5)
    every: int = eqx.field(static=True, default=1)

    def __call__(self, epoch: jax.Array) -> jax.Array:
        """Return the rate."""
        return self.rate * self.factor ** jnp.floor(epoch / self.every)


class Cosine(eqx.Module):
    """A short linear rise, then half a cosine down to ``last`` times the rate.

    Notes
    -----
    Source: Loshchilov and Hutter (2017), arXiv:1608.03983, without restarts.
    """

    epochs: int = eqx.field(static=True, default=30)
    rate: float = eqx.field(static=True, default=3e-3)
    rise: float = eqx.field(static=True, default=0.5)
    last: float = eqx.field(static=True, default=0.01)

    def __call__(self, epoch: jax.Array) -> jax.Array:
        """Return the rate."""
        way = jnp.clip((epoch - self.rise) / max(self.epochs - self.rise, 1e-9), 0, 1)
        down = self.last + (1 - self.last) * 0.5 * (1 + jnp.cos(jnp.pi * way))
        return self.rate * down * jnp.minimum(1.0, (epoch + 1e-3) / max(self.rise, 1e-3))
