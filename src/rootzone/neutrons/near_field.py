"""What a detector sees of model cells: footprint weights of the cells around points.

A detector sees the nearest ground best: a third of its neutrons starts within 5 m and half within
about 30 m, while 86 % come from within 180 m (soil moisture 0.2 m3 m-3). The radial weights of
Schroen et al. (2017), doi:10.5194/hess-21-5009-2017, are integrated by a quadrature of rings that
hold equal shares of the signal, each with as many points in all directions.
"""

from typing import NamedTuple

import numpy as np
from jax.typing import ArrayLike

from rootzone.neutrons.footprint import footprint_scale, radial_share

_GOLDEN = np.pi * (3.0 - np.sqrt(5.0))  # turns the rings against each other [rad]


class NearField(NamedTuple):
    """Weights of cells for points.

    Attributes
    ----------
    cells : array (cell) of int
        Numbers of the cells that any point sees, ascending.
    weights : array (point, cell)
        Their weights; rows sum to one, or are zero where a point sees no cell at all.
    outside : array (point)
        Share of the footprint that lies outside of the cells, before the rows were normalized.
    """

    cells: np.ndarray
    weights: np.ndarray
    outside: np.ndarray


def ring_radii(
    rings: int,
    *,
    theta: float = 0.2,
    humidity: float = 5.0,
    pressure: float = 1013.25,
    vegetation_height: float = 0.0,
) -> np.ndarray:
    """Return the radii of rings that hold equal shares of the signal.

    Ring k of n stands at the radius within which the share (k + 1/2) / n of the neutrons starts;
    shares are interpolated between 20000 radii from 1 mm to 3 km.

    Parameters
    ----------
    rings : int
        Number of rings.
    theta, humidity, pressure, vegetation_height : float
        State of the footprint as in :func:`~rootzone.neutrons.footprint.rescaled_distance`
        [m3 m-3, g m-3, hPa, m].

    Returns
    -------
    array (ring)
        Radii [m].
    """
    shares = (np.arange(rings) + 0.5) / rings
    radii = np.concatenate([[0.0], np.geomspace(1e-3, 3e3, 20_000)])
    known = np.asarray(radial_share(radii, theta=theta, humidity=humidity))
    scale = float(footprint_scale(pressure, vegetation_height, theta))
    return scale * np.interp(shares, known, radii)


def near_field(
    x: np.ndarray,
    y: np.ndarray,
    *,
    number: np.ndarray,
    west: float,
    north: float,
    cellsize: float,
    radii: ArrayLike,
    azimuths: int = 12,
) -> NearField:
    r"""Return the weights of the cells of a grid for detectors at points.

    .. math:: w_{pc} = \frac{1}{n_p}\,\#\{(k, a):\ \mathbf{x}_p + r_k \mathbf{e}_{ka} \in c\}

    with the n_p of the points (ring k, direction a) that lie in any cell.

    Parameters
    ----------
    x, y : array (point)
        Positions of the detector [m].
    number : array (row, column) of int
        Number of each cell of the grid, -1 where it does not count; rows from north to south.
        Any grid will do: that of the model, or a finer one.
    west, north : float
        Western and northern edge of the grid [m].
    cellsize : float
        Side of a cell [m].
    radii : array (ring)
        Radii of equal shares, from :func:`ring_radii` [m].
    azimuths : int
        Directions of each ring.

    Returns
    -------
    NearField
    """
    radii = np.asarray(radii, dtype=float)
    turn = _GOLDEN * np.arange(len(radii))[:, None]
    angle = turn + 2.0 * np.pi * np.arange(azimuths) / azimuths
    dx, dy = (radii[:, None] * np.sin(angle)).ravel(), (radii[:, None] * np.cos(angle)).ravel()
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    column = np.floor((x[:, None] + dx - west) / cellsize)
    row = np.floor((north - y[:, None] - dy) / cellsize)
    rows, columns = number.shape
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    found = np.full(inside.shape, -1)
    found[inside] = number[row[inside].astype(int), column[inside].astype(int)]
    seen = found >= 0
    cells, place = np.unique(found[seen], return_inverse=True)
    point = np.nonzero(seen)[0]
    hits = np.bincount(point * max(len(cells), 1) + place, minlength=len(x) * len(cells))
    total = seen.sum(axis=1)
    weights = hits.reshape(len(x), len(cells)) / np.maximum(total, 1)[:, None]
    return NearField(cells, weights, 1.0 - total / len(dx))
