"""Scores of many series at once, pooled over any parts of them, and of weighted cells.

A cell is a place, depth and time with a simulated and an observed value. A partition says which
part each series belongs to: its group, its depth, both, all, or itself. Resampling gives weights
(how often each cell was drawn), so that a bootstrap sorts once and not for every draw; the scores
of weights 0, 1, 2, ... are exactly those of the resampled cells.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

_CENTER = 0.25  # m3 m-3; sums are taken around it, against round-off


class Cells(NamedTuple):
    """Pairs to be scored: only those of which both values are there.

    Attributes
    ----------
    sim, obs : array (cell)
        Simulated and observed values [m3 m-3].
    series : int array (cell)
        Number of the series (place and depth) that a cell belongs to, ascending.
    time : int array (cell)
        Its step.
    n_series : int
        Number of series, with those that have no cell.
    """

    sim: np.ndarray
    obs: np.ndarray
    series: np.ndarray
    time: np.ndarray
    n_series: int


class Partition(NamedTuple):
    """Parts that disjointly cover the series, with the ranks of the cells in each.

    Attributes
    ----------
    of_series : int array (series)
        Part of each series.
    size : int
        Number of parts.
    order_sim, order_obs : int array (cell)
        Place of each value among the different values of its part, parts one after another.
    """

    of_series: np.ndarray
    size: int
    order_sim: np.ndarray
    order_obs: np.ndarray


def cells_of(sim: np.ndarray, obs: np.ndarray) -> Cells:
    """Return the cells of arrays (place, depth, time), both NaN where not meant."""
    place, depth, time = np.nonzero(np.isfinite(sim) & np.isfinite(obs))
    return Cells(
        sim[place, depth, time].astype(float),
        obs[place, depth, time].astype(float),
        place * sim.shape[1] + depth,
        time,
        sim.shape[0] * sim.shape[1],
    )


def thinned(cells: Cells, keep: np.ndarray) -> Cells:
    """Return the cells of the steps that are kept: bool array (time)."""
    some = keep[cells.time]
    return Cells(
        cells.sim[some], cells.obs[some], cells.series[some], cells.time[some], cells.n_series
    )


def partition(cells: Cells, of_series: ArrayLike, size: int) -> Partition:
    """Return the parts of the cells; every series must belong to one."""
    of_series = np.asarray(of_series)
    of_cell = of_series[cells.series]
    of_sim, of_obs = _dense_order(cells.sim, of_cell), _dense_order(cells.obs, of_cell)
    return Partition(of_series, size, of_sim, of_obs)


def _dense_order(values: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Return the number of each (part, value) among the different ones, sorted."""
    order = np.lexsort((values, part))
    new = np.ones(order.size, bool)
    new[1:] = (np.diff(values[order]) != 0) | (np.diff(part[order]) != 0)
    place = np.empty(order.size, int)
    place[order] = np.cumsum(new) - 1
    return place


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(b != 0, a / b, np.nan)


def _by_series(cells: Cells) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that sums values of the cells (cell) over each series (series)."""
    n = np.bincount(cells.series, minlength=cells.n_series)
    some = n > 0
    starts = (np.cumsum(n) - n)[some]

    def sums(values: np.ndarray) -> np.ndarray:
        out = np.zeros(cells.n_series)
        if starts.size:
            out[some] = np.add.reduceat(values, starts)
        return out

    return sums


def _rank_correlation(
    parts: Partition, w: np.ndarray, by_series: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return Pearson's correlation (part) of the ranks of weighted cells; NaN of a constant."""
    a, b = _mid_ranks(parts.order_sim, w), _mid_ranks(parts.order_obs, w)
    wa, wb = w * a, w * b
    sums = [by_series(x) for x in (w, wa, wb, wa * a, wb * b, wa * b)]
    n, *sums = (np.bincount(parts.of_series, x, parts.size) for x in sums)
    a, b, aa, bb, ab = (_ratio(x, n) for x in sums)
    # Ranks are shares of all cells: of a constant only round-off is left.
    var_a, var_b = (np.where(v > 1e-14 * m**2, v, 0.0) for v, m in ((aa - a**2, a), (bb - b**2, b)))
    return np.clip(_ratio(ab - a * b, np.sqrt(var_a * var_b)), -1.0, 1.0)


def _mid_ranks(order: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return ranks of the drawn cells as shares, ties at their average; shifted in each part."""
    drawn = np.bincount(order, w)
    return ((np.cumsum(drawn) - 0.5 * drawn) / max(drawn.sum(), 1.0))[order]


def series_scores(
    cells: Cells,
    partitions: Sequence[Partition],
    weight: np.ndarray | None = None,
    *,
    ranks: bool = True,
) -> list[dict[str, np.ndarray]]:
    r"""Return scores (part) of the cells of each part, one series out of all of them.

    .. math:: \mathrm{KGE} = 1 - \sqrt{(r-1)^2 + (\sigma_s/\sigma_o-1)^2 + (\mu_s/\mu_o-1)^2}

    Parameters
    ----------
    cells : Cells
        Pairs.
    partitions : sequence of Partition
        Parts of the cells, in several ways.
    weight : array (cell), optional
        How often each cell counts; once by default.
    ranks : bool
        Whether the rank correlation is wanted.

    Returns
    -------
    list of dict of array (part)
        For each partition ``n`` (weight of the cells), ``kge``, ``spearman``, ``bias`` (simulated
        minus observed), ``mse``, ``rmse``, ``ubrmse``; NaN where undefined: no cells, or a
        constant series.

    Notes
    -----
    Source: Gupta et al. (2009), doi:10.1016/j.jhydrol.2009.08.003, eqs. 9 and 10.
    """
    w = np.ones(cells.sim.size) if weight is None else np.asarray(weight, float)
    sim, obs = cells.sim - _CENTER, cells.obs - _CENTER
    terms = (w, w * sim, w * obs, w * sim**2, w * obs**2, w * sim * obs)
    by_series = _by_series(cells)
    sums = [by_series(x) for x in terms]
    found = []
    for parts in partitions:
        scores = _from_sums([np.bincount(parts.of_series, x, parts.size) for x in sums])
        if ranks:
            scores["spearman"] = _rank_correlation(parts, w, by_series)
        found.append(scores)
    return found


def _from_sums(sums: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Return scores (part) from the sums of 1, s, o, s s, o o, s o of the cells."""
    n = sums[0]
    s, o, ss, oo, so = (_ratio(x, n) for x in sums[1:])
    # Round-off of a constant series is no variance.
    var_s, var_o = (np.where(v > 1e-15, v, 0.0) for v in (ss - s**2, oo - o**2))
    r = _ratio(so - s * o, np.sqrt(var_s * var_o))
    alpha, beta = np.sqrt(_ratio(var_s, var_o)), _ratio(s + _CENTER, o + _CENTER)
    mse = np.maximum(ss - 2 * so + oo, 0.0)
    return {
        "n": n,
        "kge": 1 - np.sqrt((r - 1) ** 2 + (alpha - 1) ** 2 + (beta - 1) ** 2),
        "bias": s - o,
        "mse": mse,
        "rmse": np.sqrt(mse),
        "ubrmse": np.sqrt(np.maximum(mse - (s - o) ** 2, 0.0)),
    }


def pooled_mean(
    total: np.ndarray, count: np.ndarray, of_cell: np.ndarray, size: int, weight: ArrayLike = 1.0
) -> np.ndarray:
    """Return the mean (part) of readings whose sums and numbers (cell) are given; NaN of none."""
    weight = np.broadcast_to(weight, total.shape)
    sums, n = (np.bincount(of_cell, weight * x, size) for x in (total, count))
    return _ratio(sums, n)


# --- resampling --------------------------------------------------------------------------


def subset_weight(
    rng: np.random.Generator, n: int, share: float, *, replace: bool = False
) -> np.ndarray:
    """Return how often each of n cells is in a random subset of a share of them.

    Without replacement every cell is in with this probability, with replacement a Poisson number
    of times of this mean: the subset's size is right on average, and cells of any part of the
    whole are drawn as in a subset of that part.
    """
    if replace:
        return rng.poisson(share, n).astype(float)
    return (rng.random(n) < share).astype(float)


def step_weights(rows: np.ndarray, steps: int) -> np.ndarray:
    """Return how often each step is among resampled rows (draw, size): array (draw, step)."""
    return np.stack([np.bincount(one, minlength=steps) for one in np.asarray(rows)]).astype(float)
