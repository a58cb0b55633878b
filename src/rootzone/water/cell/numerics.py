"""Guards of the processes of a cell: divisors and powers with finite values and gradients."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

DRY = 2.220446049250313e-16
"""A store with no more than this [mm] counts as empty: the round-off of one millimeter."""
_SMALL = 1e-9  # mm (or 1): keeps a divisor from zero where the quotient is not used


def divisor(x: ArrayLike) -> jax.Array:
    """Return x where it can divide, else a small number."""
    return jnp.maximum(x, _SMALL)


def power(base: jax.Array, exponent: ArrayLike) -> jax.Array:
    """Return base**exponent, zero where the base is not positive, with finite gradients.

    Examples
    --------
    >>> power(jnp.asarray([0.0, 4.0]), 0.5).tolist()
    [0.0, 2.0]
    """
    positive = base > DRY
    return jnp.where(positive, jnp.exp(exponent * jnp.log(jnp.where(positive, base, 1.0))), 0.0)
