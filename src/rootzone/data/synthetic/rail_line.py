"""A winding railway through a chain of model cells.

The line meanders (a sine-generated curve, Langbein and Leopold 1966, doi:10.3133/pp422H) around
a center line through the middles of the cells; its amplitude is set so that the line has the
length that is wanted, and stays within the chain.
"""

import numpy as np

from rootzone.data.domain import Line
from rootzone.data.rasters import Grid

SHUNTING, DENSE_FOREST, OPEN_FOREST, MEADOW = (
    "shunting area",
    "dense forest",
    "open forest",
    "meadow",
)

_STEPS = "EEEEEENEEEEEEENNEEEEEEENEEEE"
_SECTIONS = (
    (SHUNTING, 3),
    (MEADOW, 3),
    (OPEN_FOREST, 4),
    (DENSE_FOREST, 4),
    (OPEN_FOREST, 3),
    (MEADOW, 2),
    (DENSE_FOREST, 4),
    (OPEN_FOREST, 4),
    (MEADOW, 2),
)
LABELS = tuple(label for label, count in _SECTIONS for _ in range(count))
"""Land cover of the 29 cells along the line."""
_MOVES = {"E": (0, 1), "N": (-1, 0), "S": (1, 0)}
_DIRECTION = {"E": (1.0, 0.0), "N": (0.0, 1.0), "S": (0.0, -1.0)}
_LENGTH = 45.0
"""Length of the line over the size of a model cell: 9 km for cells of 200 m."""
_MARGIN = 0.06  # of a cell, between the ends of the line and the edges of the chain


def chain_of_cells(row: int, column: int) -> np.ndarray:
    """Return the cells (cell, 2) that the line passes, from a first row and column on."""
    moves = np.array([(0, 0), *(_MOVES[step] for step in _STEPS)])
    return np.array([row, column]) + np.cumsum(moves, axis=0)


def rail_line(rng: np.random.Generator, grid: Grid, row: int, column: int) -> Line:
    """Return a line through the 29 cells of a model grid, its first cell given.

    Parameters
    ----------
    rng : Generator
        Source of randomness: phase and size of the bends.
    grid : Grid
        The model grid.
    row, column : int
        The first cell.
    """
    cells = chain_of_cells(row, column)
    size = grid.cellsize
    waves = rng.uniform(1.2, 1.35, 30)  # lengths of the meanders along the center, in cells
    wanted = _LENGTH * size

    def line(angle: float) -> np.ndarray:
        along, offset = _meanders(waves, angle)
        return _placed(along, _damped(along, offset)) * size + _origin(grid, cells[0])

    low, high = 0.1, 1.5
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _length(line(middle)) < wanted else (low, middle)
    xy = np.round(line(0.5 * (low + high)), 2)
    visited = _cells_of(grid, xy)
    number = np.array([np.flatnonzero((cells == cell).all(axis=1))[0] for cell in visited])
    return Line(xy[:, 0], xy[:, 1], cells, LABELS, number)


def _origin(grid: Grid, first: np.ndarray) -> np.ndarray:
    """Return the middle of the western edge of the first cell."""
    return np.array([grid.x[first[1]] - 0.5 * grid.cellsize, grid.y[first[0]]])


def _meanders(waves: np.ndarray, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Return positions along the center line and offsets to its left, in cells.

    A sine-generated curve: its direction swings by ``angle`` around that of the center.
    """
    phase = np.linspace(0.0, 2.0 * np.pi, 64, endpoint=False)
    ahead, aside = np.cos(angle * np.cos(phase)), np.sin(angle * np.cos(phase))
    unit = waves[:, None] / ahead.sum()
    starts = np.cumsum(waves) - waves
    along = (starts[:, None] + unit * (np.cumsum(ahead) - ahead)).ravel() + _MARGIN
    offset = (unit * (np.cumsum(aside) - aside)).ravel()
    inside = along <= _center_length() - _MARGIN
    return along[inside], offset[inside]


def _damped(along: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Return smaller offsets where the chain turns, so that no bend becomes too tight."""
    start, factor = 0.0, np.ones_like(along)
    for _, length, turn in _turns():
        if turn:
            factor -= 0.55 * np.exp(-(((along - start - 0.5 * length) / 0.7) ** 2))
        start += length
    return offset * np.maximum(factor, 0.3)


def _turns() -> list[tuple[str, float, int]]:
    """Return for each cell its way in, length of the center line and turn (1 left, -1 right)."""
    parts = []
    way_in = "E"
    for i in range(len(_STEPS) + 1):
        way_out = _STEPS[i] if i < len(_STEPS) else way_in
        (ax, ay), (bx, by) = _DIRECTION[way_in], _DIRECTION[way_out]
        turn = round(ax * by - ay * bx)
        parts.append((way_in, 1.0 if turn == 0 else 0.25 * np.pi, turn))
        way_in = way_out
    return parts


def _center_length() -> float:
    return float(sum(length for _, length, _ in _turns()))


def _placed(along: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Return x and y in cells, from the middle of the western edge of the first cell.

    The center line is straight where a cell is passed, a quarter circle where the chain turns.
    """
    xy = np.empty((len(along), 2))
    position, start = np.zeros(2), 0.0
    for way_in, length, turn in _turns():
        here = (along >= start) & (along <= start + length)
        s, n = along[here] - start, offset[here]
        ahead = np.array(_DIRECTION[way_in])
        left = np.array([-ahead[1], ahead[0]])
        if turn == 0:
            xy[here] = position + s[:, None] * ahead + n[:, None] * left
            position = position + ahead
        else:
            pivot = position + 0.5 * turn * left
            angle, radius = s / 0.5, 0.5 - turn * n
            out = np.cos(angle)[:, None] * (-turn * left) + np.sin(angle)[:, None] * ahead
            xy[here] = pivot + radius[:, None] * out
            position = pivot + 0.5 * ahead
        start += length
    return xy


def _length(xy: np.ndarray) -> float:
    return float(np.hypot(*np.diff(xy, axis=0).T).sum())


def _cells_of(grid: Grid, xy: np.ndarray) -> np.ndarray:
    """Return row and column (vertex, 2) of the cells that vertices lie in."""
    rows = np.floor((grid.north - xy[:, 1]) / grid.cellsize).astype(int)
    columns = np.floor((xy[:, 0] - grid.xll) / grid.cellsize).astype(int)
    return np.stack([rows, columns], axis=1)
