"""Which members, cells and days of a catchment are computed together."""

from itertools import pairwise
from typing import Any, NamedTuple

import jax
import numpy as np

from rootzone.core.compiling import LANES


class Tile(NamedTuple):
    """Members and cells that are computed together; the last ones may be repeated.

    Attributes
    ----------
    members, cells : array of int
        Their numbers, filled up to the shape of all tiles.
    kept : tuple of int
        How many members and cells are no fill.
    """

    members: np.ndarray
    cells: np.ndarray
    kept: tuple[int, int]

    @property
    def columns(self) -> int:
        """Return the number of columns: members times cells, whole vectors."""
        return -(-len(self.members) * len(self.cells) // LANES) * LANES

    def trim(self, tree: Any) -> Any:
        """Return arrays (..., column) of one member as numpy arrays (..., cell) without fill."""
        return jax.tree.map(lambda x: np.asarray(x)[..., : self.kept[1]], tree)

    def split(self, values: np.ndarray) -> np.ndarray:
        """Return values (..., column) as (member, ..., cell) without fill."""
        m, c = len(self.members), len(self.cells)
        rows = values[..., : m * c].reshape(*values.shape[:-1], m, c)
        rows = rows[..., : self.kept[0], : self.kept[1]]
        return np.ascontiguousarray(np.moveaxis(rows, -2, 0))


def member_tiles(members: int, cells: int, chunk: int) -> list[Tile]:
    """Return the tiles of an ensemble, all of the same shape, members first.

    Examples
    --------
    >>> tiles = member_tiles(members=100, cells=29, chunk=1024)
    >>> len(tiles), tiles[0].columns, tiles[-1].kept
    (3, 992, (32, 29))
    """
    cell_parts = -(-cells // chunk)
    width = -(-cells // cell_parts)
    together = max(1, min(chunk // width, members))
    parts = -(-members // together)
    together = -(-members // parts)
    tiles = []
    for m in range(0, members, together):
        for c in range(0, cells, width):
            rows, columns = np.arange(m, m + together), np.arange(c, c + width)
            kept = (min(together, members - m), min(width, cells - c))
            tiles.append(Tile(np.minimum(rows, members - 1), np.minimum(columns, cells - 1), kept))
    return tiles


def same_days(days: int, block_days: int) -> tuple[tuple[int, int], ...]:
    """Return blocks of days, as equal as can be: the fewer lengths, the fewer compilations.

    Examples
    --------
    >>> same_days(731, 366)
    ((0, 366), (366, 731))
    """
    count = -(-days // block_days)
    length = -(-days // count)
    return tuple((first, min(first + length, days)) for first in range(0, days, length))


def day_blocks(scene: np.ndarray, block_days: int) -> tuple[tuple[int, int], ...]:
    """Return blocks of at most so many days; a change of scene begins a block.

    Examples
    --------
    >>> day_blocks(np.array([0, 0, 0, 1, 1]), 2)
    ((0, 2), (2, 3), (3, 5))
    """
    edges = [0, *(np.flatnonzero(np.diff(scene)) + 1).tolist(), len(scene)]
    return tuple(
        (first + a, first + b)
        for first, stop in pairwise(edges)
        for a, b in same_days(stop - first, block_days)
    )
