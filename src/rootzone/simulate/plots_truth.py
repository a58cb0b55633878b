r"""The true distribution of what a sensor would read: an equal mixture of Gaussians.

.. math:: p(y) = \frac{1}{C}\sum_{c=1}^{C} N(y;\, \theta_c, \sigma^2),\quad
          \sigma^2 = \sigma_{bias}^2 + \sigma_{noise}^2

with the water :math:`\theta_c` of all columns of a plot at a depth and a time.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr

from rootzone.core import DataError

_CELLS = 4096  # distributions computed together
_HALVINGS, _NEWTON = 12, 3
_PER_DEVIATION = 6  # points of the density in a deviation of the Gaussians
_MOST_POINTS = 400
_WIDE = 10.0  # deviations beyond the columns, where a distribution has ended


def _in_blocks(
    of_cells: Callable[[jax.Array], jax.Array], water: np.ndarray, deviation: float
) -> np.ndarray:
    """Return a function of distributions (cell, column) for water (..., column, time)."""
    if not deviation > 0.0:
        raise DataError(
            f"the deviation of a reading is {deviation:g} m3 m-3, wanted above 0: the truth of "
            "sensors without any error has no density"
        )
    cells = np.moveaxis(np.asarray(water, np.float32), -2, -1)
    shape, columns = cells.shape[:-1], cells.shape[-1]
    cells = cells.reshape(-1, columns)
    width = min(_CELLS, max(len(cells), 1))
    compiled = jax.jit(of_cells)
    found = []
    with jax.enable_x64(False):
        for start in range(0, len(cells), width):
            block = cells[start : start + width]
            full = np.pad(block, ((0, width - len(block)), (0, 0)), mode="edge")
            found.append(np.asarray(compiled(full))[: len(block)])
    joined = np.concatenate(found)
    return joined.reshape(*shape, *joined.shape[1:])


def true_quantiles(water: np.ndarray, deviation: float, levels: np.ndarray) -> np.ndarray:
    """Return quantiles of the true distribution.

    Halving brackets each quantile, steps of Newton's method within the bracket end it.

    Parameters
    ----------
    water : array (..., column, time)
        [m3 m-3], e.g. ``water`` of :func:`~rootzone.simulate.plots.run_plots`.
    deviation : float
        Of a reading about its column: root of the squares of bias and noise [m3 m-3].
    levels : array (level)
        Between 0 and 1.

    Returns
    -------
    array (..., time, level)
        [m3 m-3], float32, to about 1e-6; NaN where a column has none.

    Raises
    ------
    DataError
        If the deviation is not above zero, or a level is not between 0 and 1.

    Examples
    --------
    >>> water = np.array([[[0.2], [0.4]]])  # one plot, two columns, one time
    >>> [round(float(q), 4) for q in true_quantiles(water, 0.01, np.array([0.25, 0.75]))[0, 0]]
    [0.2, 0.4]
    """
    wanted = np.asarray(levels, np.float32)
    if wanted.size == 0 or np.any((wanted <= 0.0) | (wanted >= 1.0)):
        raise DataError("levels of quantiles must lie between 0 and 1")

    def of_cells(theta: jax.Array) -> jax.Array:
        target = jnp.asarray(wanted)

        def share(x: jax.Array) -> jax.Array:
            return ndtr((x[..., None] - theta[:, None, :]) / deviation).mean(axis=-1)

        def density(x: jax.Array) -> jax.Array:
            z = (x[..., None] - theta[:, None, :]) / deviation
            return jnp.exp(-0.5 * z**2).mean(axis=-1) / (deviation * np.sqrt(2.0 * np.pi))

        shape = (theta.shape[0], wanted.size)
        low = jnp.broadcast_to(theta.min(axis=1)[:, None] - _WIDE * deviation, shape)
        high = jnp.broadcast_to(theta.max(axis=1)[:, None] + _WIDE * deviation, shape)

        def halve(_, ends: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            middle = 0.5 * (ends[0] + ends[1])
            below = share(middle) < target
            return jnp.where(below, middle, ends[0]), jnp.where(below, ends[1], middle)

        low, high = jax.lax.fori_loop(0, _HALVINGS, halve, (low, high))

        def newton(_, x: jax.Array) -> jax.Array:
            moved = x - (share(x) - target) / jnp.maximum(density(x), 1e-6)
            return jnp.clip(moved, low, high)

        return jax.lax.fori_loop(0, _NEWTON, newton, 0.5 * (low + high))

    return _in_blocks(of_cells, water, deviation)


def true_modes(water: np.ndarray, deviation: float) -> np.ndarray:
    """Return how many maxima the density of the true distribution has.

    The sign of its slope is followed over a grid between the driest and the wettest column, outside
    of which there are no maxima; six points for each deviation, up to 400. Two maxima closer than
    a third of a deviation are not told apart; there are none in practice.

    Parameters
    ----------
    water : array (..., column, time)
        [m3 m-3].
    deviation : float
        Of a reading about its column [m3 m-3].

    Returns
    -------
    array (..., time) of int8
        One or more; 0 where a column has no water.

    Raises
    ------
    DataError
        If the deviation is not above zero.

    Examples
    --------
    >>> near, far = np.array([[0.20], [0.22]]), np.array([[0.2], [0.3]])
    >>> int(true_modes(near, 0.02)[0]), int(true_modes(far, 0.02)[0])
    (1, 2)
    """
    known = np.asarray(water)
    with np.errstate(invalid="ignore"):
        reach = float(np.nanmax(np.ptp(known, axis=-2), initial=0.0))
    points = int(np.clip(np.ceil(_PER_DEVIATION * reach / max(deviation, 1e-9)), 16, _MOST_POINTS))

    def of_cells(theta: jax.Array) -> jax.Array:
        low, high = theta.min(axis=1), theta.max(axis=1)
        reach = jnp.maximum(high - low, 0.01 * deviation)
        # A little beyond both ends: the slope is positive before the first maximum.
        x = low[:, None] + reach[:, None] * jnp.linspace(-0.02, 1.02, points)
        z = (theta[:, None, :] - x[..., None]) / deviation
        slope = (z * jnp.exp(-0.5 * z**2)).sum(axis=-1)
        rising = slope > 0.0
        maxima = (rising[:, :-1] & ~rising[:, 1:]).sum(axis=1)
        return jnp.where(jnp.isfinite(low + high), maxima, 0).astype(jnp.int8)

    return _in_blocks(of_cells, water, deviation)


def multimodal_share(modes: np.ndarray, where: np.ndarray | None = None) -> float:
    """Return the share of known distributions with more than one maximum; NaN if none is known.

    Parameters
    ----------
    modes : array (...)
        Of :func:`true_modes`; 0 is unknown.
    where : bool array (...), optional
        The ones that count.
    """
    known = np.asarray(modes) > 0
    known = known if where is None else known & where
    return float(np.mean(np.asarray(modes)[known] > 1)) if known.any() else float("nan")
