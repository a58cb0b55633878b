"""From segments of a line to the cells of a model: inverse distances, means within cells."""

import numpy as np
from scipy.sparse import csr_array

_NEAREST = 1e-3
"""Distances below a millimeter count as a millimeter: the weight there is as good as all [m]."""


def inverse_distance(
    cell_x: np.ndarray,
    cell_y: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    present: np.ndarray,
    *,
    power: float,
    radius: float,
    neighbors: int,
    seconds: np.ndarray | None = None,
) -> csr_array:
    r"""Return the weights of segments for cells by inverse distances, for every day.

    .. math:: w_{cs} = \frac{d_{cs}^{-p}}{\sum_{s' \in S_c} d_{cs'}^{-p}}

    with the set S_c of the ``neighbors`` nearest segments within ``radius`` that have a value on
    the day.

    Parameters
    ----------
    cell_x, cell_y : array (cell)
        Centers of the cells [m].
    x, y : array (segment)
        Middles of the segments [m].
    present : array (day, segment) of bool
        Where there are values.
    power : float
        Exponent p.
    radius : float
        Farthest segment [m].
    neighbors : int
        Largest number of segments.
    seconds : array (day, segment), optional
        Counted time; given, the weights are multiplied with it.

    Returns
    -------
    csr_array (day * cell, day * segment)
        Rows sum to one; the rows of a cell and day without any segment are empty.

    Notes
    -----
    Source: Shepard (1968), doi:10.1145/800186.810616; with his weights of distance, not those of
    direction and slope.
    """
    days, segments = present.shape
    cells = len(cell_x)
    distance = np.hypot(cell_x[:, None] - x, cell_y[:, None] - y)
    width = max(int((distance <= radius).sum(axis=1).max(initial=0)), 1)
    order = np.argsort(distance, axis=1, kind="stable")[:, :width]
    near = np.take_along_axis(distance, order, axis=1)
    # (day, cell, candidate): candidates are sorted, so the first that are there are the nearest.
    there = present[:, order] & (near <= radius)
    taken = there & (np.cumsum(there, axis=2) <= neighbors)
    weight = np.where(taken, np.maximum(near, _NEAREST) ** -power, 0.0)
    if seconds is not None:
        weight = weight * np.where(taken, seconds[:, order], 0.0)
    d, c, k = np.nonzero(taken)
    total = weight.sum(axis=2)
    return csr_array(
        (weight[d, c, k] / total[d, c], (d * cells + c, d * segments + order[c, k])),
        shape=(days * cells, days * segments),
    )


def cell_means(
    cell: np.ndarray, present: np.ndarray, *, cells: int, seconds: np.ndarray | None = None
) -> csr_array:
    """Return the weights of segments for the cells that they lie in, for every day.

    Parameters
    ----------
    cell : array (segment) of int
        Cell of each segment, -1 for none.
    present : array (day, segment) of bool
        Where there are values.
    cells : int
        Number of cells.
    seconds : array (day, segment), optional
        Counted time; given, it weighs the segments, and the mean is one of sums.

    Returns
    -------
    csr_array (day * cell, day * segment)
        Rows sum to one, or are empty.
    """
    days, segments = present.shape
    d, s = np.nonzero(present & (cell >= 0))
    row = d * cells + cell[s]
    weight = np.ones(len(d)) if seconds is None else seconds[d, s]
    total = np.bincount(row, weight, minlength=days * cells)
    return csr_array(
        (weight / total[row], (row, d * segments + s)), shape=(days * cells, days * segments)
    )


def upscaled(
    weights: csr_array,
    rate: np.ndarray,
    sigma: np.ndarray,
    *,
    operator: csr_array | None = None,
    noise: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Return daily values of cells and their standard deviations.

    .. math:: R_c = \sum_s w_{cs} R_s,\quad \sigma_c^2 = \sum_s w_{cs}^2 \sigma_s^2
              \quad\text{or}\quad
              \sigma_c^2 = \sum_i \Big(\sum_s w_{cs} A_{si}\Big)^2 \sigma_i^2

    Parameters
    ----------
    weights : csr_array (day * cell, day * segment)
        From :func:`inverse_distance` or :func:`cell_means`.
    rate, sigma : array (day, segment)
        Values of the segments and their standard deviations.
    operator, noise : csr_array (day * segment, point), array (point), optional
        How the segments A were made of points, and the variances of the points: the second form,
        for segments whose errors are not independent because they were smoothed.

    Returns
    -------
    rate, sigma : array (day, cell)
        NaN where no segment counts.
    """
    days = rate.shape[0]
    used = np.where(np.isnan(rate), 0.0, rate).ravel()
    values = weights @ used
    if operator is None or noise is None:
        variance = weights.power(2) @ np.where(np.isnan(rate), 0.0, sigma**2).ravel()
    else:
        variance = csr_array(weights @ operator).power(2) @ noise
    empty = np.diff(weights.indptr) == 0
    out = np.where(empty, np.nan, values), np.where(empty, np.nan, np.sqrt(variance))
    return out[0].reshape(days, -1), out[1].reshape(days, -1)
