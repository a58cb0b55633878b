r"""What the sensors of a place tell of its distribution: an equal mixture of Gaussians.

Every reading stands for :math:`N(\theta_r, \sigma^2)` with the noise of a sensor; the distribution
of the place is the equal-weight mixture of them. Its quantiles are found to round-off, not drawn,
so that the same readings always give the same belt. The true distribution of a plot of simulated
columns has the same form, with the columns in the place of the readings.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr, ndtri
from numpy.typing import ArrayLike
from scipy.special import ndtri as numpy_ndtri

_CELLS = 8192  # computed together; a fixed number, so that one program serves all sizes
_FEW = 8  # centers up to which the sum is written out


def in_chunks(
    kernel: Callable[..., jax.Array], centers: np.ndarray, *others: np.ndarray, size: int = _CELLS
) -> np.ndarray:
    """Return ``kernel`` of rows (n, ...) computed some at a time; arrays share the first axis.

    The last chunk is filled up with its own last row, so that a kernel is compiled once.
    """
    n, parts = len(centers), []
    for start in range(0, n, size):
        rows = np.minimum(np.arange(start, start + size), n - 1) if n > size else slice(None)
        done = kernel(*(a[rows] for a in (centers, *others)))
        parts.append(np.asarray(done)[: n - start])
    return np.concatenate(parts)


def _rows(centers: ArrayLike) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """Return the cells (n, K) with any center, which they are, and the shape of the batch."""
    centers = np.asarray(centers)
    if not np.issubdtype(centers.dtype, np.floating):
        centers = centers.astype(float)
    batch, flat = centers.shape[:-1], centers.reshape(-1, centers.shape[-1])
    some = np.asarray(np.isfinite(flat).any(axis=1))
    return flat[some], some, batch


def _fill(found: np.ndarray, some: np.ndarray, batch: tuple[int, ...]) -> np.ndarray:
    whole = np.full((some.size, *found.shape[1:]), np.nan, found.dtype)
    whole[some] = found
    return whole.reshape(*batch, *found.shape[1:])


def _positive(std: float) -> float:
    if not std > 0:
        raise ValueError(f"a mixture of readings wants a positive noise, {std} given")
    return float(std)


def _shares(c: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return centers (K, n) without gaps, and their weights: equal, a gap has none."""
    there = ~jnp.isnan(c)
    return jnp.where(there, c, 0.0), there / jnp.sum(there, axis=0)


def _cdf(x: jax.Array, c: jax.Array, share: jax.Array, std: jax.Array) -> jax.Array:
    """Return F (m, n) at x (m, n) of centers and weights (K, n)."""
    if len(c) <= _FEW:
        return sum((s * ndtr((x - one) / std) for one, s in zip(c, share, strict=True)), 0.0 * x)
    each = ndtr((x[:, None] - c) / std)
    return jnp.sum(share * each, axis=1)


@jax.jit
def _quantiles(centers: jax.Array, std: jax.Array, levels: jax.Array) -> jax.Array:
    c = centers.T
    away = (std * ndtri(levels))[:, None]
    lower, upper = jnp.nanmin(c, axis=0) + away, jnp.nanmax(c, axis=0) + away
    c, share = _shares(c)
    goal = levels[:, None]

    def halve(_, bracket):
        lower, upper = bracket
        middle = 0.5 * (lower + upper)
        right = _cdf(middle, c, share, std) < goal
        return jnp.where(right, middle, lower), jnp.where(right, upper, middle)

    steps = 20 if centers.dtype == jnp.float32 else 48
    lower, upper = jax.lax.fori_loop(0, steps, halve, (lower, upper))
    return (0.5 * (lower + upper)).T


def mixture_of_readings(centers: ArrayLike, std: float, levels: ArrayLike) -> np.ndarray:
    r"""Return quantiles of the equal mixture of :math:`N(c_k, \sigma^2)`, by bisection.

    Parameters
    ----------
    centers : array (..., K)
        Readings of the sensors of a place, or water of the columns of a plot [m3 m-3]; NaN
        where there is none. The precision of the answer is that of this array.
    std : float
        Standard deviation common to all [m3 m-3], positive.
    levels : array (level)
        Probabilities inside (0, 1) [1].

    Returns
    -------
    array (..., level)
        Quantiles [m3 m-3]; NaN where no center is given.

    Examples
    --------
    >>> round(float(mixture_of_readings([0.3, 0.3], 0.02, [0.8])[0]), 4)
    0.3168
    """
    cells, some, batch = _rows(centers)
    levels = np.asarray(levels, cells.dtype)
    if not len(cells):
        return np.full((*batch, levels.size), np.nan, cells.dtype)
    kernel = partial(_quantiles, std=cells.dtype.type(_positive(std)), levels=levels)
    return _fill(in_chunks(kernel, cells), some, batch)


@jax.jit
def _cdf_at(centers: jax.Array, x: jax.Array, std: jax.Array) -> jax.Array:
    return _cdf(x.T, *_shares(centers.T), std).T


def cdf_of_readings(x: ArrayLike, centers: ArrayLike, std: float) -> np.ndarray:
    """Return the distribution function of the equal mixture at values x (..., m) [1].

    Arguments as in :func:`mixture_of_readings`; NaN where x or every center is missing.
    """
    cells, some, batch = _rows(centers)
    values = np.broadcast_to(x, (*batch, np.shape(x)[-1])).reshape(some.size, -1)[some]
    if not len(cells):
        return np.full((*batch, values.shape[-1]), np.nan, cells.dtype)
    kernel = partial(_cdf_at, std=cells.dtype.type(_positive(std)))
    return _fill(in_chunks(kernel, cells, values.astype(cells.dtype)), some, batch)


def density_of_readings(x: ArrayLike, centers: ArrayLike, std: float) -> np.ndarray:
    """Return the density (..., m) [m-3 m3] of the equal mixture at values x (m).

    For a few cells: the whole array (..., m, K) is formed.
    """
    centers = np.asarray(centers, float)[..., None, :]
    z = (np.asarray(x, float)[:, None] - centers) / _positive(std)
    each = np.where(np.isnan(z), 0.0, np.exp(-0.5 * z**2)) / (std * np.sqrt(2 * np.pi))
    n = np.isfinite(centers).sum(axis=-1)
    return np.where(n > 0, each.sum(axis=-1) / np.maximum(n, 1), np.nan)


def noise_width(noise: float, low: float = 0.2, high: float = 0.8) -> float:
    """Return the width of a belt that sensor noise alone makes [m3 m-3].

    Examples
    --------
    >>> round(noise_width(0.02), 4)
    0.0337
    """
    return float(noise * (numpy_ndtri(high) - numpy_ndtri(low)))


def without_noise(width: np.ndarray, noise: float) -> np.ndarray:
    r"""Return widths of 80-20 belts with the noise removed in quadrature.

    .. math:: w' = \sqrt{\max(w^2 - w_n^2, 0)}

    Exact for a Gaussian place; a belt narrower than the noise's own becomes 0.
    """
    return np.sqrt(np.maximum(width**2 - noise_width(noise) ** 2, 0.0))


def quantile_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    r"""Return the Wasserstein-1 distance of distributions told by quantiles (..., midpoint).

    .. math:: W_1 = \int_0^1 |Q_a(u) - Q_b(u)|\,du

    by the midpoint rule over equally spaced levels; [m3 m-3], NaN where either is missing.

    Notes
    -----
    Source: Vallender (1974), doi:10.1137/1118101.
    """
    return np.abs(a - b).mean(axis=-1)
