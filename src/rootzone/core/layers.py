"""Layers of a soil profile: edges, thicknesses and means over depth intervals."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike


def layer_thickness(edges: ArrayLike) -> jax.Array:
    """Return thicknesses (n) of the layers between ``edges`` (n + 1), in their unit."""
    return jnp.diff(jnp.asarray(edges), axis=-1)


def layer_edges(midpoints: ArrayLike) -> np.ndarray:
    """Return edges of layers whose representative depths are ``midpoints``.

    Edges lie half-way between neighboring depths, the first at the surface; the last layer
    reaches as far below its depth as its upper edge lies above it.

    Parameters
    ----------
    midpoints : array (n)
        Increasing depths [cm], positive down.

    Returns
    -------
    array (n + 1)
        Edges [cm].

    Raises
    ------
    ValueError
        If the depths do not increase or are negative.

    Examples
    --------
    >>> layer_edges([5, 10, 20])
    array([ 0. ,  7.5, 15. , 25. ])
    """
    z = np.asarray(midpoints, dtype=float)
    if z.ndim != 1 or z.size == 0 or np.any(z < 0) or np.any(np.diff(z) <= 0):
        raise ValueError(f"depths must be non-negative and increase, got {z.tolist()}")
    inner = 0.5 * (z[1:] + z[:-1])
    last = z[-1] + (z[-1] - (inner[-1] if inner.size else 0.0))
    return np.concatenate([[0.0], inner, [last]])


def interval_mean_weights(edges: ArrayLike, top: float, bottom: float) -> jax.Array:
    """Return weights (n) that turn layer values into the mean between two depths.

    Parameters
    ----------
    edges : array (n + 1)
        Layer edges [cm].
    top, bottom : float
        The interval [cm].

    Returns
    -------
    array (n)
        Overlap of each layer with the interval over the thickness of the interval; they sum
        to one where the layers cover it.

    Examples
    --------
    >>> [round(float(w), 3) for w in interval_mean_weights([0.0, 10.0, 30.0, 60.0], 0.0, 40.0)]
    [0.25, 0.5, 0.25]
    """
    edges = jnp.asarray(edges)
    overlap = jnp.minimum(edges[..., 1:], bottom) - jnp.maximum(edges[..., :-1], top)
    return jnp.maximum(overlap, 0.0) / (bottom - top)
