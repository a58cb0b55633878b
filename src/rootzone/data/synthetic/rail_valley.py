"""A valley crossed by a winding railway: its terrain, soils, rocks, land cover and weather."""

from typing import Any, NamedTuple

import numpy as np
from scipy.spatial import KDTree

from rootzone.data.domain import Domain, LaiTable, Line, Scene
from rootzone.data.rasters import (
    Grid,
    blocks,
    geographic_coordinates,
    slope_and_aspect,
)
from rootzone.data.synthetic.fields import block_means, masked, ranked_classes, smooth_field
from rootzone.data.synthetic.rail_line import (
    DENSE_FOREST,
    MEADOW,
    OPEN_FOREST,
    SHUNTING,
    rail_line,
)
from rootzone.data.synthetic.tables import geology_table, soil_table
from rootzone.data.synthetic.weather import daily_weather

FOREST, IMPERVIOUS, PERVIOUS = 1, 2, 3
_ROWS, _COLUMNS, _FIRST = 16, 28, (10, 2)  # model cells, and the first cell of the line
_CENTER = (51.7, 10.9)
# Of each label: the share of fine cells of its own class, that class, what the others are.
_COVER = {
    SHUNTING: (0.7, IMPERVIOUS, PERVIOUS),
    DENSE_FOREST: (1.0, FOREST, FOREST),
    OPEN_FOREST: (0.6, FOREST, PERVIOUS),
    MEADOW: (1.0, PERVIOUS, PERVIOUS),
}
_ROCKS = geology_table(4)
_LEAVES = {SHUNTING: 5, DENSE_FOREST: 1, OPEN_FOREST: 2, MEADOW: 3}
_FIELDS, _FARM = 4, "fields"


class _Surroundings(NamedTuple):
    """What a fine cell knows of the valley, arrays (row, column)."""

    distance: np.ndarray
    """Distance to the line over the size of a model cell."""
    label: np.ndarray
    """Position in the line's labels, -1 away from the line."""


def rail_valley(
    seed: int = 1,
    *,
    cellsize1: float = 200.0,
    cellsize0: float = 50.0,
    cellsize2: float = 800.0,
    start: str = "2020-01-01",
    days: int = 731,
) -> Domain:
    """Return a valley crossed by a winding railway that touches exactly 29 model cells.

    Three cells are a shunting area, eight dense forest, eleven open forest, seven meadow. The
    line is as long as 45 model cells, 9 km for cells of 200 m: so long a line within 29 cells
    winds in bends of 40 m radius, 20 m where the chain turns. ``domain.line`` is the line.

    Parameters
    ----------
    seed : int
        The same seed gives the same domain.
    cellsize1, cellsize0, cellsize2 : float
        Cells of the model, of the maps and of the weather [m]; they must nest. Everything in
        space follows the model cells, the length of the line too.
    start : str
        First day of the weather.
    days : int
        Number of days.

    Raises
    ------
    DataError
        If the cells do not nest.

    Examples
    --------
    >>> domain = rail_valley(days=2)
    >>> len(domain.line.cells), round(domain.line.length)
    (29, 9000)
    """
    rng = np.random.default_rng(seed)
    coarse = Grid(_COLUMNS, _ROWS, 4380000.0, 3180000.0, float(cellsize1))
    k = Grid(1, 1, 0.0, 0.0, float(cellsize0)).factor(cellsize1)
    grid = Grid(_COLUMNS * k, _ROWS * k, coarse.xll, coarse.yll, float(cellsize0))
    level2 = grid.coarsened(cellsize2)
    line = rail_line(rng, coarse, *_FIRST)
    maps = _maps(rng, grid, k, _surroundings(grid, coarse, line), line)
    elevation = block_means(maps["dem"], grid, level2)
    mask = maps.pop("mask")
    maps: dict[str, Any] = {name: masked(values, mask) for name, values in maps.items()}
    for i, one in enumerate((grid, coarse)):
        maps[f"latitude{i}"], maps[f"longitude{i}"] = geographic_coordinates(one, _CENTER)
    climate = {"annual_rain": 750.0, "latitude": _CENTER[0]}
    return Domain(
        level0=grid,
        cellsize1=float(cellsize1),
        level2=level2,
        **maps,
        scenes=(Scene(1950, 2100, "land_cover.asc"),),
        lai=None,
        soils=soil_table(rng),
        geology_table=_ROCKS,
        lai_table=_leaf_table(),
        weather=daily_weather(rng, elevation, np.datetime64(start), days, **climate),
        name="rail valley",
        line=line,
    )


def _maps(
    rng: np.random.Generator, grid: Grid, k: int, around: _Surroundings, line: Line
) -> dict[str, Any]:
    """Return the maps and the mask."""
    dem = _terrain(rng, grid, around)
    slope, aspect = slope_and_aspect(dem, grid)
    cover, leaves = _land_cover(rng, grid, k, around, line)
    place = around.distance + 0.4 * smooth_field(rng, grid.shape, 3.0 * k)
    rocks = ranked_classes(place, np.array([3, 4, 4, 3])) - 1
    return {
        "dem": dem,
        "slope": np.round(slope, 4),
        "aspect": np.round(aspect, 3),
        "mask": _outline(rng, grid, around),
        "soil": _soil(rng, grid, k, around, line)[None],
        "geology": _ROCKS.unit[rocks],
        "land_cover": cover[None],
        "lai_class": leaves,
    }


def _surroundings(grid: Grid, coarse: Grid, line: Line) -> _Surroundings:
    x, y = np.meshgrid(grid.x, grid.y)
    tree = KDTree(np.stack([line.x, line.y], axis=1))
    distance = tree.query(np.stack([x.ravel(), y.ravel()], axis=1))[0].reshape(grid.shape)
    label = np.full(coarse.nrows * coarse.ncols, -1)
    label[line.cells[:, 0] * coarse.ncols + line.cells[:, 1]] = np.arange(len(line.cells))
    return _Surroundings(distance / coarse.cellsize, label[blocks(grid, coarse)])


def _terrain(rng: np.random.Generator, grid: Grid, around: _Surroundings) -> np.ndarray:
    """Return the elevation [m]: a floor that climbs eastward by 3 %, sides of up to 160 m."""
    floor = 310.0 + 0.03 * (grid.x - grid.xll)[None, :]
    sides = 160.0 * (1.0 - np.exp(-np.maximum(around.distance - 0.6, 0.0) / 2.5))
    rough = smooth_field(rng, grid.shape, 4.0) + 0.3 * smooth_field(rng, grid.shape, 1.5)
    return np.round(floor + sides + 4.0 * rough, 2)


def _outline(rng: np.random.Generator, grid: Grid, around: _Surroundings) -> np.ndarray:
    k = max(2.0, 0.05 * grid.ncols)
    return around.distance + 0.5 * smooth_field(rng, grid.shape, k) < 5.0


def _land_cover(
    rng: np.random.Generator, grid: Grid, k: int, around: _Surroundings, line: Line
) -> tuple[np.ndarray, np.ndarray]:
    """Return land cover and class of leaf area (row, column)."""
    wild = smooth_field(rng, grid.shape, 2.0 * k) + 0.7 * np.minimum(around.distance - 1.5, 2.0)
    dense = smooth_field(rng, grid.shape, 2.0 * k) > 0.0
    cover = np.where(wild > 0.0, FOREST, PERVIOUS)
    forest = np.where(dense, _LEAVES[DENSE_FOREST], _LEAVES[OPEN_FOREST])
    farmed = np.where(around.distance > 2.0, _FIELDS, _LEAVES[MEADOW])
    leaves = np.where(cover == FOREST, forest, farmed)
    patches = smooth_field(rng, grid.shape, 1.0)
    for i, label in enumerate(line.labels):
        here = around.label == i
        share, own, other = _COVER[label]
        # the share is exact: as many fine cells as come nearest to it
        first = np.argsort(np.argsort(patches[here])) < round(share * here.sum())
        cover[here] = np.where(first, own, other)
        leaves[here] = _LEAVES[label]
    return cover, leaves


def _soil(
    rng: np.random.Generator, grid: Grid, k: int, around: _Surroundings, line: Line
) -> np.ndarray:
    """Return soil types: loams on the floor, sandier and shallower soils up the sides."""
    place = around.distance + 0.6 * smooth_field(rng, grid.shape, 1.5 * k)
    catena = np.array([5, 1, 3, 4, 7, 8, 2])
    soil = catena[ranked_classes(place, np.array([2, 3, 2, 4, 1, 3, 1])) - 1]
    yard = np.isin(around.label, np.flatnonzero(np.array(line.labels) == SHUNTING))
    return np.where(yard, 6, soil)


def _leaf_table() -> LaiTable:
    season = 0.5 - 0.5 * np.cos(2.0 * np.pi * (np.arange(12) - 0.5) / 12.0)
    bounds = ((7.5, 9.5), (2.0, 5.0), (0.9, 3.8), (0.3, 4.0), (0.1, 0.6))
    names = (DENSE_FOREST, OPEN_FOREST, MEADOW, _FARM, SHUNTING)
    values = np.array([low + (high - low) * season**1.3 for low, high in bounds])
    shown = tuple(name.replace(" ", "_") for name in names)
    return LaiTable(np.arange(1, 6), shown, np.round(values, 3))
