"""From latitude and longitude to the plane coordinates of a model grid, and areas in them."""

import importlib
from typing import NamedTuple

import numpy as np

from rootzone.core import DataError, StudyError
from rootzone.data.domain import Domain

_TRUST = 2.0
"""Beyond so many half-widths of the domain the quadratic terms are left out."""
_TOLERANCE = 0.02
"""The fit may miss a cell center by this part of a model cell."""


class LocalPlane(NamedTuple):
    """A quadratic map from latitude and longitude to x and y, fitted on known positions.

    Attributes
    ----------
    center, width : array (2)
        Middle and half-width of the known longitudes and latitudes [degrees].
    coefficients : array (6, 2)
        Of 1, u, v, u^2, uv, v^2 for x and y, with u and v the scaled longitude and latitude.
    residual : float
        Largest distance between fitted and known positions [m].
    """

    center: np.ndarray
    width: np.ndarray
    coefficients: np.ndarray
    residual: float

    def __call__(self, latitude: np.ndarray, longitude: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return x and y [m]; NaN where a position is NaN."""
        east = (np.asarray(longitude, dtype=float) - self.center[0] + 180.0) % 360.0 - 180.0
        u = east / self.width[0]
        v = (np.asarray(latitude, dtype=float) - self.center[1]) / self.width[1]
        far = (np.abs(u) > _TRUST) | (np.abs(v) > _TRUST)
        terms = _terms(u, v)
        # A parabola folds back far away: a foreign continent must not land in the domain.
        terms[..., 3:] = np.where(far[..., None], 0.0, terms[..., 3:])
        xy = terms @ self.coefficients
        return xy[..., 0], xy[..., 1]


def _terms(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=-1)


def fit_plane(
    latitude: np.ndarray, longitude: np.ndarray, x: np.ndarray, y: np.ndarray
) -> LocalPlane:
    """Return the quadratic map that fits known positions best.

    Parameters
    ----------
    latitude, longitude : array (position)
        Known positions [degrees].
    x, y : array (position)
        The same in the plane [m].

    Raises
    ------
    DataError
        If the positions do not span a plane: at least three rows and columns are wanted.
    """
    low, high = (np.array([f(longitude), f(latitude)], dtype=float) for f in (np.nanmin, np.nanmax))
    center, width = 0.5 * (low + high), 0.5 * (high - low)
    if not (width > 0).all():
        raise DataError("the known positions lie on a line: latitude and longitude must vary")
    terms = _terms((longitude - center[0]) / width[0], (latitude - center[1]) / width[1])
    known = np.stack([x, y], axis=-1)
    middle = known.mean(axis=0)
    fitted, _, rank, _ = np.linalg.lstsq(terms, known - middle, rcond=1e-9)
    if rank < terms.shape[1]:
        raise DataError(
            "too few known positions for a map from latitude and longitude to the grid: at least "
            "three rows and three columns of cells are wanted"
        )
    fitted[0] += middle
    missed = np.hypot(*(terms @ fitted - known).T)
    return LocalPlane(center, width, fitted, float(missed.max()))


def plane_of(domain: Domain) -> LocalPlane:
    """Return the map from latitude and longitude to the coordinates of a domain's grid.

    It is fitted on the coordinates that the domain gives for its cells.

    Raises
    ------
    DataError
        If the grid is in degrees, has too few cells, or a smooth map misses its cells by more
        than 2 % of a model cell.
    """
    require_meters(domain)
    grid = domain.level0
    x, y = np.meshgrid(grid.x, grid.y)
    latitude, longitude = np.asarray(domain.latitude0), np.asarray(domain.longitude0)
    if latitude.shape != grid.shape:
        raise DataError(
            f"latitudes of the fine cells are {latitude.shape}, the grid is {grid.shape}"
        )
    known = (np.abs(latitude) <= 90.0) & (np.abs(longitude) <= 360.0)
    if known.sum() < 9:
        raise DataError(
            "the domain does not know latitude and longitude of its cells: name the coordinate "
            "system of its grid (observations.positions.grid_crs)"
        )
    rows, columns = np.nonzero(known)
    some = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), 20_000)).astype(int))
    rows, columns = rows[some], columns[some]
    try:
        plane = fit_plane(
            latitude[rows, columns], longitude[rows, columns], x[rows, columns], y[rows, columns]
        )
    except DataError as error:
        raise DataError(
            f"{error}; or name the coordinate system of the grid (observations.positions.grid_crs)"
        ) from None
    if plane.residual > _TOLERANCE * domain.cellsize1:
        raise DataError(
            "latitude and longitude of the domain's cells do not fit its grid: a smooth map misses "
            f"them by up to {plane.residual:.1f} m; name the coordinate system of the grid "
            "(observations.positions.grid_crs)"
        )
    return plane


def require_meters(domain: Domain) -> None:
    """Refuse a domain whose grid is in degrees.

    Raises
    ------
    DataError
        Distances along a line and between points are in meters.
    """
    if domain.geographic:
        raise DataError(
            "the grid of the domain is in degrees: counts along a line want a domain on a plane "
            "grid in meters"
        )


def transform(
    first: np.ndarray, second: np.ndarray, *, source: str, target: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return positions in another coordinate system, by pyproj.

    Parameters
    ----------
    first, second : array (...)
        Easting and northing, or longitude and latitude.
    source, target : str
        Coordinate systems as pyproj knows them, e.g. ``EPSG:4326`` and ``EPSG:25832``.

    Returns
    -------
    x, y : array (...)
        NaN where a position is NaN or lies outside of what the system can show.

    Raises
    ------
    StudyError
        If pyproj is not installed, or a coordinate system is not known.
    """
    try:
        pyproj = importlib.import_module("pyproj")
    except ImportError:
        raise StudyError(
            "coordinate systems by name want the package pyproj: pip install 'rootzone[maps]', or "
            "leave observations.positions.grid_crs out"
        ) from None
    try:
        between = pyproj.Transformer.from_crs(source, target, always_xy=True)
    except pyproj.exceptions.ProjError as error:
        words = str(error).splitlines()[0]
        raise StudyError(f"no way from '{source}' to '{target}' (positions): {words}") from None
    x, y = between.transform(np.asarray(first, dtype=float), np.asarray(second, dtype=float))
    known = np.isfinite(x) & np.isfinite(y)
    return np.where(known, x, np.nan), np.where(known, y, np.nan)


def inside_polygon(x: np.ndarray, y: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Return which points lie within a polygon, by the crossings of a ray to the east.

    Parameters
    ----------
    x, y : array (...)
        Points; NaN is never inside.
    polygon : array (vertex, 2)
        Corners in order; the last is joined to the first.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    inside = np.zeros(x.shape, dtype=bool)
    ends = np.roll(polygon, -1, axis=0)
    for (ax, ay), (bx, by) in zip(polygon, ends, strict=True):
        if ay == by:
            continue
        with np.errstate(invalid="ignore"):
            spans = (ay > y) != (by > y)
            inside ^= spans & (x < ax + (y - ay) * (bx - ax) / (by - ay))
    return inside & np.isfinite(x) & np.isfinite(y)
