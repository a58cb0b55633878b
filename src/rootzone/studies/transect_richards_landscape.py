"""Where the columns of a truth lie: patches of soil and cover, the strip along a track, ballast.

And what a detector on the track sees of them: the radial weights of Schroen et al. (2017).
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import jax
import numpy as np
from scipy.spatial import KDTree

from rootzone.core import DataError, StudyError
from rootzone.data.domain import Domain, Line, Setup
from rootzone.data.rasters import blocks
from rootzone.neutrons import footprint_scale, mean_pressure
from rootzone.neutrons.footprint import radial_share
from rootzone.simulate.scenario_members import Draws
from rootzone.simulate.valley_ground import (
    GRASS,
    PLANTS,
    YARD,
    Ground,
    along_a_track,
    soil_layers,
)
from rootzone.water.regionalization.soil_database import ProfileDatabase

SPACING = 30.0
"""Distance of the points at which counts are reported along the line [m]."""

_COVERS = list(PLANTS)
_OTHER = 0.05  # area of trees and yards in a cell of open ground
_DENSE = 6.0  # mean leaf area index above which a forest is dense
_FOREST, _IMPERVIOUS = 1, 2  # of the land-cover map
_MOIST, _HUMID = 0.25, 8.0  # m3 m-3 and g m-3 at which the radial weights are taken
_HEIGHTS = {"dense forest": 22.0, "open forest": 15.0}  # m; others half a meter
_RINGS, _ANGLES, _ACROSS = 32, 16, 40


class NearField(NamedTuple):
    """What lies along the track; assumptions, lengths in m.

    Attributes
    ----------
    effect : float
        How far the ground of the strip is from that around it: 0 is the same, 1 as described.
    stretch : float
        Length over which the strip is one and the same.
    bed, bed_of_yard : (from, to)
        Half the width of the ballast: one track, several tracks of a yard.
    strip, strip_of_yard : (from, to)
        Distance to which the building of the line changed the ground.
    sealed, sealed_of_strip : (from, to)
        Shares of impervious cover that are sealed, away from the track and beside it.
    patch : float
        Size of a patch of soil in the far field.
    reach : float
        Distance from which neutrons come; what is beyond counts as what is within.
    """

    effect: float = 1.0
    stretch: float = 150.0
    bed: tuple[float, float] = (2.2, 3.2)
    bed_of_yard: tuple[float, float] = (8.0, 16.0)
    strip: tuple[float, float] = (8.0, 25.0)
    strip_of_yard: tuple[float, float] = (20.0, 30.0)
    sealed: tuple[float, float] = (0.3, 0.6)
    sealed_of_strip: tuple[float, float] = (0.15, 0.45)
    patch: float = 100.0
    reach: float = 200.0


class Segments(NamedTuple):
    """Points along the line, arrays (segment)."""

    x: np.ndarray
    y: np.ndarray
    chainage: np.ndarray
    """Distance from the start of the line [m]."""
    cell: np.ndarray
    """Which of the line's cells."""


@dataclass(frozen=True)
class Landscape:
    """All columns around a line, and where they are.

    Attributes
    ----------
    ground : Ground
        Of the columns: far field first, then the strip, then the bed of each stretch.
    sealed : array (column)
        Share of the surface that is sealed and has no soil.
    column_of : array (row, column) of int
        Column of the far field of the fine cells, -1 where there is none.
    line : array (point, 2)
        Points of the line, a meter apart.
    of_point, of_segment : array of int
        Stretch of these points and of the segments.
    strip, bed : array (stretch) of int
        Columns of the stretches.
    width : array (2, stretch)
        Half the width of bed and strip [m].
    """

    ground: Ground
    sealed: np.ndarray
    column_of: np.ndarray
    line: np.ndarray
    of_point: np.ndarray
    of_segment: np.ndarray
    strip: np.ndarray
    bed: np.ndarray
    width: np.ndarray

    def far(self, domain: Domain, xy: np.ndarray) -> np.ndarray:
        """Return the columns of the far field at points (point, 2), -1 where there is none."""
        grid = domain.level0
        rows = np.floor((grid.north - xy[:, 1]) / grid.cellsize).astype(int)
        columns = np.floor((xy[:, 0] - grid.xll) / grid.cellsize).astype(int)
        inside = (rows >= 0) & (rows < grid.nrows) & (columns >= 0) & (columns < grid.ncols)
        return np.where(inside, self.column_of[rows * inside, columns * inside], -1)

    def at(self, domain: Domain, xy: np.ndarray) -> np.ndarray:
        """Return the columns at points (point, 2), -1 where there is none."""
        away, nearest = KDTree(self.line).query(xy)
        stretch = self.of_point[nearest]
        found = self.far(domain, xy)
        found = np.where(away <= self.width[1, stretch], self.strip[stretch], found)
        return np.where(away <= self.width[0, stretch], self.bed[stretch], found)


def line_of(domain: Domain) -> Line:
    """Return the line of a domain.

    Raises
    ------
    StudyError
        If it has none.
    """
    if domain.line is None:
        raise StudyError(f"the domain '{domain.name}' has no line to count along")
    return domain.line


def segments_of(domain: Domain, line: Line, spacing: float = SPACING) -> Segments:
    """Return the middles of equal segments of a line, about ``spacing`` m long.

    Raises
    ------
    StudyError
        If a cell of the line has no segment.
    """
    count = max(1, round(line.length / spacing))
    chainage = (np.arange(count) + 0.5) * line.length / count
    x, y = (np.interp(chainage, line.distance, v) for v in (line.x, line.y))
    vertex = np.abs(line.distance[:, None] - chainage).argmin(axis=0)
    number = {(r, c): i for i, (r, c) in enumerate(line.cells.tolist())}
    grid = domain.level1
    rows = np.floor((grid.north - y) / grid.cellsize).astype(int).tolist()
    columns = np.floor((x - grid.xll) / grid.cellsize).astype(int).tolist()
    # A straight piece between two vertices may cut the corner of a cell that is not the line's.
    cell = [
        number.get(place, int(line.number[v]))
        for place, v in zip(zip(rows, columns, strict=True), vertex, strict=True)
    ]
    missing = sorted(set(number.values()) - set(cell))
    if missing:
        raise StudyError(
            f"no segment of {spacing:g} m lies in {len(missing)} of the line's {len(number)} "
            f"cells, the first is number {missing[0] + 1}: take shorter segments"
        )
    return Segments(x, y, chainage, np.array(cell))


# --- the columns --------------------------------------------------------------------------


def landscape_of(
    domain: Domain, setup: Setup, line: Line, segments: Segments, near: NearField, seed: int
) -> Landscape:
    """Return the columns around a line.

    Raises
    ------
    StudyError
        If the line leaves the active cells.
    DataError
        If no land-cover scene stands for the first evaluated year, or a class is unknown.
    """
    dense = np.arange(0.0, line.length, 1.0)
    points = np.stack([np.interp(dense, line.distance, v) for v in (line.x, line.y)], axis=1)
    far, column_of = _far_field(domain, setup, line, near, points)
    piece = (segments.chainage // near.stretch).astype(int)
    both = piece * len(line.cells) + segments.cell
    found, first, of_segment = np.unique(both, return_index=True, return_inverse=True)
    nearest = np.abs(segments.chainage[:, None] - dense).argmin(axis=0)
    key = jax.random.fold_in(jax.random.key(seed), 21)
    draws = Draws(key, found // len(line.cells))
    size, more = far.place.size, np.arange(found.size)
    land = Landscape(
        ground=far,
        sealed=np.zeros(size),
        column_of=column_of,
        line=points,
        of_point=of_segment[nearest],
        of_segment=of_segment,
        strip=size + more,
        bed=size + found.size + more,
        width=np.zeros((2, found.size)),
    )
    around = land.far(domain, np.stack([segments.x, segments.y], axis=1)[first])
    if np.any(around < 0):
        raise StudyError("the line leaves the active cells of the domain")
    paved = Draws(jax.random.fold_in(key, 1), far.identity[1]).between(*near.sealed)
    paved = np.where(far.cover == YARD, paved, 0.0)
    yard = _yards(domain, setup, line)[found % len(line.cells)]
    width = _widths(draws, yard, near)
    beside = np.where(yard, draws.between(*near.sealed_of_strip), 0.0)
    beside = paved[around] + near.effect * (beside - paved[around])
    strip, bed = along_a_track(far.of(around), found // len(line.cells), yard, draws, near.effect)
    on_bed = (1.0 - near.effect) * paved[around]
    return replace(
        land,
        ground=far.joined(strip, bed),
        sealed=np.concatenate([paved, beside, on_bed]),
        width=width,
    )


def _widths(draws: Draws, yard: np.ndarray, near: NearField) -> np.ndarray:
    """Return half the width of bed and strip (2, stretch) [m]."""
    u, v = draws.uniform(), draws.uniform()
    wide = lambda u, a, b: np.where(yard, b[0] + u * (b[1] - b[0]), a[0] + u * (a[1] - a[0]))  # noqa: E731
    return np.stack([wide(u, near.bed, near.bed_of_yard), wide(v, near.strip, near.strip_of_yard)])


def _far_field(
    domain: Domain, setup: Setup, line: Line, near: NearField, points: np.ndarray
) -> tuple[Ground, np.ndarray]:
    """Return a column for each patch of one soil under one cover, and where they are."""
    assert isinstance(domain.soils, ProfileDatabase)
    assert domain.lai_class is not None
    assert domain.lai_table is not None
    grid, coarse, table = domain.level0, domain.level1, domain.lai_table
    x, y = np.meshgrid(grid.x, grid.y)
    cell = blocks(grid, coarse).ravel()
    close = KDTree(points).query(np.stack([x.ravel(), y.ravel()], axis=1))[0]
    of_line = np.isin(cell, line.cells @ np.array([coarse.ncols, 1]))
    inside = of_line | (close < near.reach + grid.cellsize)
    used = np.flatnonzero(inside & domain.mask.ravel())
    size = max(1, round(near.patch / grid.cellsize))
    patch = (used // grid.ncols // size) * grid.ncols + used % grid.ncols // size
    leaves = _positions(domain.lai_class.ravel()[used], table.unit, "class of leaf area")
    dense = table.values.mean(axis=1)[leaves] > _DENSE
    use = domain.land_cover[_scene(domain, setup)].ravel()[used]
    forest = np.where(dense, _COVERS.index("dense forest"), _COVERS.index("open forest"))
    other = np.where(use == _IMPERVIOUS, YARD, GRASS)
    cover = np.where(use == _FOREST, forest, other)
    soil = domain.soil[0].ravel()[used]
    each = np.stack([cell[used], patch, soil, cover, leaves])
    kinds, column = np.unique(each, axis=1, return_inverse=True)
    column_of = np.full(grid.shape, -1)
    column_of.ravel()[used] = column.ravel()
    active = np.cumsum(domain.mask1.ravel()) - 1
    bottom, end, clay, sand, density, top, carbon = soil_layers(domain.soils, kinds[2])
    zero = np.zeros(kinds.shape[1])
    ground = Ground(
        identity=kinds[[2, 0, 1]],
        place=active[kinds[0]],
        cover=kinds[3],
        leaf_area=table.values[kinds[4]].T,
        bottom=bottom,
        end=end[0],
        sand=sand,
        clay=clay,
        density=density,
        top=top,
        carbon=carbon,
        ballast=np.zeros_like(sand),
        fouling=zero,
        log_K=np.zeros_like(sand),
        run_on=zero + 1.0,
        water_table=zero + np.inf,
        biomass=zero,
    )
    return ground, column_of


def _yards(domain: Domain, setup: Setup, line: Line) -> np.ndarray:
    """Return where a cell of the line is a yard: most of it impervious."""
    use = domain.land_cover[_scene(domain, setup)].ravel()
    cell = blocks(domain.level0, domain.level1).ravel()
    count = np.bincount(cell[use == _IMPERVIOUS], minlength=cell.max() + 1)
    share = count / np.bincount(cell)
    return share[line.cells @ np.array([domain.level1.ncols, 1])] > 0.5


def open_cells(land: Landscape, areas: np.ndarray) -> np.ndarray:
    """Return which cells have neither trees nor yards, or all where every cell has.

    Parameters
    ----------
    land : Landscape
        Columns.
    areas : array (cell, column)
        Of :func:`cell_shares`.
    """
    other = (land.ground.cover < GRASS) | (land.ground.cover == YARD)
    found = areas[:, other].sum(axis=1) < _OTHER
    return found if found.any() else ~found


def _positions(values: np.ndarray, known: np.ndarray, what: str) -> np.ndarray:
    """Return the positions of classes in their table."""
    unknown = sorted(set(values.tolist()) - set(np.asarray(known).tolist()))
    if unknown:
        raise DataError(f"{what} {unknown[0]} is on the map and not in its table")
    order = np.argsort(known)
    return order[np.searchsorted(known, values, sorter=order)]


def _scene(domain: Domain, setup: Setup) -> int:
    year = int(setup.first_day.astype("datetime64[Y]").astype(int)) + 1970
    for number, scene in enumerate(domain.scenes):
        if scene.first_year <= year <= scene.last_year:
            return number
    raise DataError(f"no land-cover scene stands for {year}")


# --- what a detector sees -----------------------------------------------------------------


def footprint_weights(
    domain: Domain, land: Landscape, segments: Segments, near: NearField
) -> np.ndarray:
    """Return the share of each column in the counts at the segments (segment, column).

    Points around a segment: rings of equal shares of the signal (Schroen et al. 2017,
    doi:10.5194/hess-21-5009-2017, at 0.25 m3 m-3, 8 g m-3, the pressure of the elevation and the
    height of the plants), angles at equal distances on each. Shares sum to one; ground without
    columns is left out.
    """
    here = np.stack([segments.x, segments.y], axis=1)
    cover = land.ground.cover[land.far(domain, here)]
    height = np.array([_HEIGHTS.get(name, 0.5) for name in _COVERS])[cover]
    pressure = float(mean_pressure(np.nanmean(domain.dem)))
    wide = np.asarray(footprint_scale(pressure, height, _MOIST))[:, None]
    radius = np.concatenate([[0.0], np.geomspace(0.02, 600.0, 500)])
    share = np.asarray(radial_share(radius, theta=_MOIST, humidity=_HUMID))
    within = np.interp(near.reach / wide, radius, share)
    middle = (np.arange(_RINGS) + 0.5) / _RINGS
    ring = wide * np.interp(within * middle, share, radius)  # (segment, ring)
    turn = np.arange(_RINGS)[:, None] * 0.6180339887  # rings are turned against each other
    angle = 2.0 * np.pi * (np.arange(_ANGLES) + turn) / _ANGLES
    spread = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    xy = here[:, None, None, :] + ring[:, :, None, None] * spread
    return _shares(land, land.at(domain, xy.reshape(-1, 2)).reshape(len(here), -1))


def cell_shares(domain: Domain, land: Landscape, line: Line) -> np.ndarray:
    """Return the share of each column in the soil of the line's cells (cell, column)."""
    grid = domain.level1
    offset = ((np.arange(_ACROSS) + 0.5) / _ACROSS - 0.5) * grid.cellsize
    dx, dy = (d.ravel() for d in np.meshgrid(offset, offset))
    rows, columns = line.cells.T
    xy = np.stack([grid.x[columns][:, None] + dx, grid.y[rows][:, None] + dy], axis=-1)
    found = land.at(domain, xy.reshape(-1, 2)).reshape(len(rows), -1)
    areas = _shares(land, found) * (1.0 - land.sealed)
    return areas / areas.sum(axis=1, keepdims=True)


def _shares(land: Landscape, found: np.ndarray) -> np.ndarray:
    """Return how often each column is found (place, column), over all that are found."""
    size = land.sealed.size
    place = np.arange(len(found))[:, None] * size
    known = found >= 0
    count = np.bincount((place + found)[known], minlength=len(found) * size)
    count = count.reshape(len(found), size).astype(float)
    return count / count.sum(axis=1, keepdims=True)
