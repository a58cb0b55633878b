"""Gaps and guards shared by the scores: NaN is masked before the arithmetic, not after.

A masked value is replaced by a harmless one *before* it enters a formula and the result is
selected afterwards (a double ``where``). Selecting alone would keep the value right and turn
the gradient into NaN, because reverse mode multiplies the unused branch by zero.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike


class Pairs(NamedTuple):
    """Simulated and observed values with gaps set to zero, and where both are there."""

    sim: jax.Array
    obs: jax.Array
    valid: jax.Array


def float_arrays(*values: ArrayLike) -> list[jax.Array]:
    """Return the arguments as arrays of one floating-point type (shapes untouched)."""
    arrays = [jnp.asarray(value) for value in values]
    dtype = jnp.result_type(*arrays, 1.0)
    return [array.astype(dtype) for array in arrays]


def pairs(sim: ArrayLike, obs: ArrayLike) -> Pairs:
    """Broadcast ``sim`` and ``obs`` and blank every pair with a NaN in either."""
    sim, obs = jnp.broadcast_arrays(*float_arrays(sim, obs))
    valid = ~(jnp.isnan(sim) | jnp.isnan(obs))
    return Pairs(jnp.where(valid, sim, 0.0), jnp.where(valid, obs, 0.0), valid)


def masked_mean(values: jax.Array, valid: jax.Array) -> jax.Array:
    """Return the mean over the last axis of the valid values; NaN where there is none."""
    n = jnp.sum(valid, axis=-1)
    total = jnp.sum(jnp.where(valid, values, 0.0), axis=-1)
    return jnp.where(n > 0, total / jnp.maximum(n, 1), jnp.nan)


def varies(values: jax.Array, valid: jax.Array) -> jax.Array:
    """Say whether the valid values differ; exact, where a variance is spoiled by round-off."""
    highest = jnp.max(jnp.where(valid, values, -jnp.inf), axis=-1)
    lowest = jnp.min(jnp.where(valid, values, jnp.inf), axis=-1)
    return highest > lowest


def safe_sqrt(x: jax.Array) -> jax.Array:
    """Return the square root, with gradient 0 (not infinity) at exactly 0."""
    zero = x == 0
    return jnp.where(zero, 0.0, jnp.sqrt(jnp.where(zero, 1.0, x)))
