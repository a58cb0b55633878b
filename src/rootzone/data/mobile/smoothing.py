"""Moving sums along a track: the rate of a window is its counts over its time."""

import numpy as np
from scipy.sparse import csr_array


def window_matrix(
    position: np.ndarray,
    group: np.ndarray,
    seconds: np.ndarray,
    *,
    length: float | None = None,
    records: int | None = None,
) -> csr_array:
    r"""Return the matrix that takes corrected counts to rates in moving windows.

    .. math:: R_i = \frac{3600 \sum_{j \in W_i} f_j N_j}{\sum_{j \in W_i} t_j}

    The ratio of sums is the rate that makes Poisson counts most likely; the mean of the rates of
    the records is not, where they counted unequal times. A window never leaves its group.

    Parameters
    ----------
    position : array (point)
        Distance along the track [m], in any order.
    group : array (point) of int
        Pass of each point.
    seconds : array (point)
        Counted time, above zero [s].
    length : float, optional
        Window of this length around each point [m].
    records : int, optional
        Window of so many neighboring records, in the order of the points; cut at the ends.

    Returns
    -------
    csr_array (point, point)
        Entries [h-1 per count]; times ``seconds / 3600`` its rows sum to one.
    """
    n = len(position)
    if (length is None) == (records is None):
        raise ValueError("either length or records")
    if records is not None:
        order = np.argsort(group, kind="stable")
        key = np.arange(n, dtype=float)
        before, after = (records - 1) // 2, records // 2
        low, high = key - before, key + after
    else:
        assert length is not None
        order = np.lexsort((position, group))
        key = position[order]
        low, high = key - 0.5 * length, key + 0.5 * length
    g = group[order]
    first = np.searchsorted(g, g, side="left")
    last = np.searchsorted(g, g, side="right")
    if records is not None:
        start = np.maximum(low.astype(int), first)
        stop = np.minimum(high.astype(int) + 1, last)
    else:
        # One search for all groups: positions of the groups are moved apart.
        span = (np.ptp(key) if n else 0.0) + 2.0 * (length or 0.0) + 1.0
        base = np.unique(g, return_inverse=True)[1] * span
        moved = key + base
        start = np.searchsorted(moved, low + base, side="left")
        stop = np.searchsorted(moved, high + base, side="right")
    size = stop - start
    row = np.repeat(np.arange(n), size)
    column = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size) + start[row]
    time = np.concatenate([[0.0], np.cumsum(seconds[order])])
    total = time[stop] - time[start]
    entries = 3600.0 / total[row]
    matrix = csr_array((entries, (order[row], order[column])), shape=(n, n))
    return matrix


def smoothed(
    counts: np.ndarray,
    seconds: np.ndarray,
    factor: np.ndarray,
    position: np.ndarray,
    group: np.ndarray,
    *,
    length: float | None = None,
    records: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Return corrected rates in moving windows along the track, and their standard deviation.

    .. math:: \sigma_i = \frac{3600}{\sum t_j} \sqrt{\sum_j f_j^2 N_j}

    Arguments as in :func:`window_matrix`; ``counts`` and the correction ``factor`` are arrays
    (point).

    Returns
    -------
    rate, sigma : array (point)
        [h-1]; the errors of neighbors are not independent, their windows overlap.
    """
    matrix = window_matrix(position, group, seconds, length=length, records=records)
    variance = matrix.power(2) @ (factor**2 * counts)
    return matrix @ (factor * counts), np.sqrt(variance)
