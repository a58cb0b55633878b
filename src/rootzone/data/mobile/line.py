"""A line and positions along it: nearest points, chainage, the model cells that it touches."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.spatial import KDTree

from rootzone.core import DataError
from rootzone.data.domain import Domain, Line
from rootzone.data.rasters import Grid, blocks

_PIECE = 20.0  # m, length of the pieces that candidates are looked for among
_CANDIDATES = 8
_CHUNK = 2_000_000
LAND_COVER = {1: "forest", 2: "impervious", 3: "pervious"}
"""Names of the classes of land cover, for cells of a line that has no labels of its own."""


class Snapped(NamedTuple):
    """Nearest points of a line, arrays (point); NaN where a point is NaN.

    Attributes
    ----------
    chainage : array
        Distance of the nearest point from the start, along the line [m].
    offset : array
        Distance from it [m].
    x, y : array
        The nearest point [m].
    """

    chainage: np.ndarray
    offset: np.ndarray
    x: np.ndarray
    y: np.ndarray


def chainage_of(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the distance of the vertices of a line from its start [m]."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])


def at_chainage(
    x: np.ndarray, y: np.ndarray, chainage: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of a line at distances from its start; its ends beyond them."""
    along = chainage_of(x, y)
    return np.interp(chainage, along, x), np.interp(chainage, along, y)


def snap(x: np.ndarray, y: np.ndarray, line_x: np.ndarray, line_y: np.ndarray) -> Snapped:
    """Return the nearest points of a line.

    The line is cut into pieces of at most 20 m; the exact distance is computed to the 8 pieces
    with the nearest middles, and to all pieces where a farther one could still be nearer.

    Parameters
    ----------
    x, y : array (point)
        Points [m].
    line_x, line_y : array (vertex)
        Vertices of the line [m].

    Raises
    ------
    DataError
        If the line has no length.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    line_x, line_y, _ = densified(line_x, line_y, _PIECE)
    start = np.stack([line_x[:-1], line_y[:-1]], axis=1)
    step = np.diff(np.stack([line_x, line_y], axis=1), axis=0)
    length = np.hypot(*step.T)
    along = np.concatenate([[0.0], np.cumsum(length)])
    known = np.isfinite(x) & np.isfinite(y)
    points = np.stack([x[known], y[known]], axis=1)
    count = min(_CANDIDATES, len(start))
    best, share = np.zeros(len(points), dtype=int), np.zeros(len(points))
    offset = np.zeros(len(points))
    if len(points):
        query = KDTree(start + 0.5 * step).query(points, k=count)
        distance, pieces = (np.reshape(q, (len(points), count)) for q in query)
        best, share, offset = _nearest(points, start, step, length, pieces)
        open_ = distance[:, -1] - 0.5 * length.max() < offset
        doubtful = np.flatnonzero(open_) if count < len(start) else np.array([], dtype=int)
        every = np.arange(len(start))[None, :]
        size = max(1, _CHUNK // len(start))
        for begin in range(0, len(doubtful), size):
            some = doubtful[begin : begin + size]
            best[some], share[some], offset[some] = _nearest(
                points[some], start, step, length, every
            )
    out = np.full((4, len(x)), np.nan)
    place = start[best] + share[:, None] * step[best]
    out[:, known] = along[best] + share * length[best], offset, *place.T
    return Snapped(*out)


def _nearest(
    points: np.ndarray,
    start: np.ndarray,
    step: np.ndarray,
    length: np.ndarray,
    pieces: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the nearest of some pieces of a line, the share of it passed, and the distance."""
    away = points[:, None, :] - start[pieces]
    share = np.sum(away * step[pieces], axis=-1) / length[pieces] ** 2
    share = np.clip(share, 0.0, 1.0)
    missed = away - share[..., None] * step[pieces]
    distance = np.hypot(missed[..., 0], missed[..., 1])
    first = np.argmin(distance, axis=1)
    row = np.arange(len(points))
    best = np.broadcast_to(pieces, distance.shape)[row, first]
    return best, share[row, first], distance[row, first]


def densified(
    x: np.ndarray, y: np.ndarray, longest: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a line with more vertices, no piece longer than ``longest``, and their old numbers.

    Repeated vertices are left out. The number of a new vertex is that of the old one before it.

    Raises
    ------
    DataError
        If the line has no length.
    """
    along = chainage_of(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    keep = np.concatenate([[True], np.diff(along) > 0])
    if keep.sum() < 2 or not np.isfinite(along[-1]):
        raise DataError("a line wants at least two vertices at different places")
    number = np.flatnonzero(keep)
    x, y, along = np.asarray(x, float)[keep], np.asarray(y, float)[keep], along[keep]
    parts = np.maximum(np.ceil(np.diff(along) / longest - 1e-9).astype(int), 1)
    piece = np.repeat(np.arange(len(parts)), parts)
    share = (np.arange(len(piece)) - np.repeat(np.cumsum(parts) - parts, parts)) / parts[piece]
    new = [v[piece] + share * (v[piece + 1] - v[piece]) for v in (x, y)]
    return (
        np.append(new[0], x[-1]),
        np.append(new[1], y[-1]),
        np.append(number[piece], number[-1]),
    )


def cell_at(grid: Grid, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return row and column of the cells that points lie in, -1 outside of the grid."""
    with np.errstate(invalid="ignore"):
        row = np.floor((grid.north - np.asarray(y)) / grid.cellsize)
        column = np.floor((np.asarray(x) - grid.xll) / grid.cellsize)
        inside = (row >= 0) & (row < grid.nrows) & (column >= 0) & (column < grid.ncols)
    return (
        np.where(inside, row, -1).astype(int),
        np.where(inside, column, -1).astype(int),
    )


def in_domain(domain: Domain, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return which points lie in an active model cell."""
    row, column = cell_at(domain.level1, x, y)
    return (row >= 0) & domain.mask1[row, column]


def line_through(
    domain: Domain, x: np.ndarray, y: np.ndarray, labels: Sequence[str] | None = None
) -> Line:
    """Return a line with the active model cells that it touches, in their order.

    Vertices are added so that no cell is missed, those outside of the domain are left out.

    Parameters
    ----------
    domain : Domain
        The domain.
    x, y : array (vertex)
        Vertices in the coordinates of its grid [m].
    labels : sequence of str, optional
        Land cover at the vertices; a cell has the most frequent one along the line. Left out: the
        most frequent class of the cell's map.

    Raises
    ------
    DataError
        If the line has no length, or touches no active cell.
    """
    x, y, old = densified(x, y, domain.cellsize1 / 20.0)
    inside = in_domain(domain, x, y)
    if inside.sum() < 2:
        raise DataError("the line touches no cell of the domain")
    x, y, old = x[inside], y[inside], old[inside]
    row, column = cell_at(domain.level1, x, y)
    flat = row * domain.level1.ncols + column
    _, first, place = np.unique(flat, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    number = order[place]
    ends = np.sort(first)
    cells = np.stack([row[ends], column[ends]], axis=1)
    if labels is None:
        named = _cover_of_cells(domain)[tuple(cells.T)]
    else:
        words, code = np.unique(np.asarray(labels, dtype=str)[old], return_inverse=True)
        seen = np.bincount(number * len(words) + code, minlength=len(cells) * len(words))
        named = words[seen.reshape(len(cells), len(words)).argmax(axis=1)]
    # Vertices are kept where the line bends, where it changes the cell, and at its ends.
    bend = np.concatenate([[True], np.diff(old) != 0])
    change = np.concatenate([[True], np.diff(number) != 0])
    keep = bend | change | np.append(change[1:], True)
    return Line(x[keep], y[keep], cells, tuple(str(n) for n in named), number[keep])


def _cover_of_cells(domain: Domain) -> np.ndarray:
    """Return the name of the most frequent land cover of each model cell (row, column)."""
    coarse, mask = domain.level1, domain.mask
    cell = blocks(domain.level0, coarse)[mask]
    cover = domain.land_cover[-1][mask]
    classes = np.unique(cover)
    count = np.stack(
        [np.bincount(cell[cover == c], minlength=coarse.nrows * coarse.ncols) for c in classes]
    )
    names = np.array([LAND_COVER.get(int(c), f"land cover {c}") for c in classes])
    return names[count.argmax(axis=0)].reshape(coarse.shape)


def thinned(x: np.ndarray, y: np.ndarray, spacing: float) -> np.ndarray:
    """Return the positions of a track that are at least ``spacing`` from the one kept before.

    Parameters
    ----------
    x, y : array (position)
        A track in the order of time [m]; NaN is left out.
    spacing : float
        Least distance [m].

    Returns
    -------
    array of int
        Their numbers.
    """
    kept: list[int] = []
    for n in np.flatnonzero(np.isfinite(x) & np.isfinite(y)):
        if not kept or np.hypot(x[n] - x[kept[-1]], y[n] - y[kept[-1]]) >= spacing:
            kept.append(int(n))
    return np.array(kept, dtype=int)


def usable_line(line: Line, domain: Domain) -> tuple[Line, int]:
    """Return a line without its cells that the model does not run, and how many these are.

    Raises
    ------
    DataError
        If none is left.
    """
    active = domain.mask1[tuple(line.cells.T)]
    if active.all():
        return line, 0
    if not active.any():
        raise DataError("no cell of the line is an active cell of the model")
    keep = active[line.number]
    new = np.cumsum(active) - 1
    labels = tuple(name for name, a in zip(line.labels, active, strict=True) if a)
    number = new[line.number[keep]]
    return Line(line.x[keep], line.y[keep], line.cells[active], labels, number), int(
        (~active).sum()
    )
