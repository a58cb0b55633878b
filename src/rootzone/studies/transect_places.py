"""Where a transect study looks: cells along a line or single sites, and the sections they make."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rootzone.config.transect import LineTable, TransectStudy
from rootzone.core import DataError, StudyError
from rootzone.data.domain import Domain, Line
from rootzone.data.mobile.coordinates import plane_of
from rootzone.studies.context import Context
from rootzone.studies.transect_files import column_names, plain_numbers, read_plain, texts


class Places(NamedTuple):
    """Cells that are looked at, in the order of the line.

    Attributes
    ----------
    cell : array (place) of int
        Position among the active cells.
    name : tuple of str
        Names.
    section : array (place) of int
        Section each belongs to.
    sections : tuple of str
        Names of the sections, in the order of the line.
    distance : array (place)
        Distance of its middle along the line [m]; the number of the place where there is no line.
    x, y : array (place)
        Middle of the cell in the coordinates of the grid.
    """

    cell: np.ndarray
    name: tuple[str, ...]
    section: np.ndarray
    sections: tuple[str, ...]
    distance: np.ndarray
    x: np.ndarray
    y: np.ndarray

    @classmethod
    def of_labels(
        cls, domain: Domain, cells: np.ndarray, labels: tuple[str, ...], distance: np.ndarray
    ) -> "Places":
        """Return places at cells (row, column) of the model grid."""
        sections = tuple(dict.fromkeys(labels))
        order = np.cumsum(domain.mask1.ravel()).reshape(domain.mask1.shape) - 1
        grid = domain.level1
        rows, columns = cells.T
        return cls(
            order[rows, columns],
            tuple(f"cell {n}" for n in range(1, len(cells) + 1)),
            np.array([sections.index(label) for label in labels]),
            sections,
            distance,
            grid.x[columns],
            grid.y[rows],
        )


def with_line(study: TransectStudy, domain: Domain, context: Context) -> Domain:
    """Return the domain with the line of the study, where the study gives one.

    Raises
    ------
    DataError, StudyError
        If the table is none of a line, or the line leaves the domain.
    """
    if study.line is None:
        return domain
    path = context.base / Path(study.line.table.path).expanduser()
    x, y, section, rows = _read_vertices(path, domain, context)
    line = line_of_vertices(x, y, section, study.line, domain, str(path), rows)
    return replace(domain, line=line)


def places_of_line(domain: Domain) -> Places:
    """Return the cells that the line of the domain touches.

    Raises
    ------
    StudyError
        If the domain has no line.
    """
    line = domain.line
    if line is None:
        raise StudyError(
            f"{domain.name} has no line: give line.table, a CSV file with its vertices (x, y)"
        )
    number, distance = line.number, line.distance
    middle = np.array([distance[number == n].mean() for n in range(len(line.cells))])
    return Places.of_labels(domain, line.cells, line.labels, middle)


def line_of_vertices(
    x: np.ndarray,
    y: np.ndarray,
    section: np.ndarray | None,
    settings: LineTable,
    domain: Domain,
    where: str,
    of_vertex: Sequence[str],
) -> Line:
    """Return the line through these vertices, and the cells it touches in their order.

    A cell belongs to the section that most of the line within it belongs to; messages name a vertex
    by its file (``where``) and its row there (``of_vertex``).

    Raises
    ------
    DataError
        If a vertex or a part of the line lies outside the domain, or the line has no length.
    """
    grid = domain.level1
    _require_within(x, y, domain, where, of_vertex)
    xy = _dense(np.stack([x, y], axis=1), 0.02 * grid.cellsize)
    step = np.hypot(*np.diff(xy[:, :2], axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(step)])
    names = _labels(along, xy[:, 2].astype(int), section, settings)
    rows = np.floor((grid.north - xy[:, 1]) / grid.cellsize).astype(int)
    columns = np.floor((xy[:, 0] - grid.xll) / grid.cellsize).astype(int)
    inside = (rows >= 0) & (rows < grid.nrows) & (columns >= 0) & (columns < grid.ncols)
    mask = domain.mask1
    inside[inside] = mask[rows[inside], columns[inside]]
    if not inside.all():
        n = int(np.flatnonzero(~inside)[0])
        share = 100.0 * float(np.mean(~inside))
        raise DataError(
            f"{where}: {share:.0f} % of the line lies outside the domain, first at x = "
            f"{xy[n, 0]:.0f}, y = {xy[n, 1]:.0f}; cut the line or enlarge the domain"
        )
    key = rows * grid.ncols + columns
    first = {k: n for n, k in reversed(list(enumerate(key.tolist())))}
    order = sorted(first, key=lambda k: first[k])
    number = np.array([order.index(k) for k in key.tolist()])
    labels = []
    for n in range(len(order)):
        found, count = np.unique(names[number == n], return_counts=True)
        labels.append(str(found[np.argmax(count)]))
    cells = np.array([divmod(k, grid.ncols) for k in order])
    return Line(xy[:, 0], xy[:, 1], cells, tuple(labels), number)


def _require_within(
    x: np.ndarray, y: np.ndarray, domain: Domain, where: str, rows: Sequence[str]
) -> None:
    """Refuse a vertex off the grid before points are laid along the line to it."""
    grid = domain.level1
    east, south = grid.xll + grid.ncols * grid.cellsize, grid.north - grid.nrows * grid.cellsize
    outside = ~((x >= grid.xll) & (x < east) & (y > south) & (y <= grid.north))
    if outside.any():
        n = int(np.flatnonzero(outside)[0])
        raise DataError(
            f"{where}, {rows[n]}: the vertex x = {x[n]:.10g}, y = {y[n]:.10g} lies outside the "
            f"domain (x {grid.xll:.10g} to {east:.10g}, y {south:.10g} to {grid.north:.10g}); "
            "correct it, cut the line, or enlarge the domain"
        )
    if np.ptp(x) == 0.0 and np.ptp(y) == 0.0:
        raise DataError(
            f"{where}: all {len(x)} vertices lie at x = {x[0]:.10g}, y = {y[0]:.10g}; a line wants "
            "two at different places"
        )


def _dense(xy: np.ndarray, spacing: float) -> np.ndarray:
    """Return points (point, 3) at most a spacing apart: x, y, number of the vertex before."""
    parts = []
    for n, (a, b) in enumerate(itertools.pairwise(xy)):
        share = np.linspace(0.0, 1.0, max(2, int(np.hypot(*(b - a)) / spacing) + 2))[:-1, None]
        parts.append(np.hstack([a + share * (b - a), np.full((len(share), 1), n)]))
    return np.vstack([*parts, [[*xy[-1], len(xy) - 2]]])


def _labels(
    along: np.ndarray,
    vertex: np.ndarray,
    section: np.ndarray | None,
    settings: LineTable,
) -> np.ndarray:
    if settings.sections:
        names = np.full(len(along), "", object)
        for one in settings.sections:
            names[(along >= one.start) & (along <= one.end)] = one.name
        missing = np.flatnonzero(names == "")
        if len(missing):
            raise StudyError(
                f"line.sections leave out the line at {along[missing[0]]:.0f} m of "
                f"{along[-1]:.0f} m: every part wants a section"
            )
        return names
    if section is not None:
        return np.asarray(section, object)[vertex]
    return np.full(len(along), "line", object)


def _read_vertices(
    path: Path, domain: Domain, context: Context
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, list[str]]:
    """Return x, y and section of the vertices of a table, and the row of each in words."""
    raw = read_plain(path, context)
    names = column_names(raw)
    plane = {"x", "y"} <= set(names)
    if not plane and not {"latitude", "longitude"} <= set(names):
        raise DataError(
            f"{path}, line {raw.header_line}: the columns x and y, or latitude and longitude, are "
            f"wanted; found are {', '.join(names)}"
        )
    pair = ("x", "y") if plane else ("latitude", "longitude")
    values = np.stack([plain_numbers(raw, name) for name in pair], axis=1)
    if len(values) < 2 or not np.isfinite(values).all():
        raise DataError(f"{path}: a line wants two vertices or more, all of them finite")
    rows = [raw.place(row) for row in range(len(values))]
    section = np.array(texts(raw, "section")) if "section" in names else None
    if section is not None and (section == "").any():
        n = int(np.flatnonzero(section == "")[0])
        raise DataError(
            f"{path}, {rows[n]}: the section has no name; name it, or leave out the column and "
            "give line.sections"
        )
    if plane:
        return values[:, 0], values[:, 1], section, rows
    x, y = plane_of(domain)(values[:, 0], values[:, 1])
    return x, y, section, rows
