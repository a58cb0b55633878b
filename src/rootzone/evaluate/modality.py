"""Modes: how many maxima the density of a plot of columns has, and where distributions bulge.

All modes of an equal mixture of Gaussians of one width lie between its lowest and highest center.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from rootzone.evaluate.belts import in_chunks

_PER_STD = 8  # nodes for a standard deviation
_ROWS = 64  # cells whose (node, center) fit the cache


@partial(jax.jit, static_argnames="nodes")
def _count(centers: jax.Array, std: jax.Array, *, nodes: int) -> jax.Array:
    """Return the number of modes of each row of centers (n, K)."""
    share = jnp.linspace(0.0, 1.0, nodes, dtype=centers.dtype)

    def one(c: jax.Array) -> jax.Array:
        there = ~jnp.isnan(c)
        low, high = jnp.nanmin(c), jnp.nanmax(c)
        x = (low + (high - low) * share)[:, None]
        away = jnp.where(there, (c - x) / std, 0.0)
        # Relative to the nearest center, so that a wide valley does not underflow.
        power = jnp.where(there, -0.5 * away**2, -jnp.inf)
        weight = jnp.exp(power - jnp.max(power, axis=1, keepdims=True))
        rises = jnp.sum(weight * away, axis=1) > 0
        left = jnp.concatenate([jnp.ones(1, bool), rises])
        right = jnp.concatenate([rises, jnp.zeros(1, bool)])
        return jnp.sum(left & ~right)

    return jax.lax.map(one, centers, batch_size=_ROWS)


def modes_of_readings(centers: ArrayLike, std: float) -> np.ndarray:
    r"""Return the number of modes of the equal mixture of :math:`N(c_k, \sigma^2)`.

    Parameters
    ----------
    centers : array (..., K)
        Water of the columns of a plot, or readings [m3 m-3]; NaN where there is none.
    std : float
        Standard deviation common to all [m3 m-3], positive.

    Returns
    -------
    int8 array (...)
        Number of maxima of the density; 0 where no center is given.

    Notes
    -----
    The sign of the slope is followed over nodes an eighth of ``std`` apart between the lowest and
    the highest center, within which all modes lie (Carreira-Perpinan and Williams 2003,
    doi:10.1007/3-540-44935-3_44); two modes closer than a node count as one.

    Examples
    --------
    >>> modes_of_readings([[0.1, 0.3], [0.29, 0.3]], 0.02).tolist()
    [2, 1]
    """
    if not std > 0:
        raise ValueError(f"modes want a positive standard deviation, {std} given")
    centers = np.asarray(centers)
    if not np.issubdtype(centers.dtype, np.floating):
        centers = centers.astype(float)
    flat = centers.reshape(-1, centers.shape[-1])
    some = np.isfinite(flat).any(axis=1)
    found = np.zeros(some.size, np.int8)
    cells = flat[some]
    if len(cells):
        width = float(np.max(np.nanmax(cells, axis=1) - np.nanmin(cells, axis=1)))
        wanted = max(int(np.ceil(_PER_STD * width / std)) + 1, 16)
        nodes = 1 << (wanted - 1).bit_length()  # few sizes, few programs
        kernel = partial(_count, std=cells.dtype.type(std), nodes=nodes)
        found[some] = in_chunks(kernel, cells)
    return found.reshape(centers.shape[:-1])
