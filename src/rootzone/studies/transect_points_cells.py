"""From segments of a line to model cells, and from model cells to what is counted at segments."""

import numpy as np
from scipy.sparse import csr_array

from rootzone.config.transect_points import PointsObservations, SegmentsObservations
from rootzone.config.transect_points_parts import CellMean, InverseDistance, Kriging, Upscaling
from rootzone.core import DataError
from rootzone.data.domain import Domain, Line
from rootzone.data.mobile import (
    Aggregated,
    Variogram,
    cell_at,
    cell_means,
    inverse_distance,
    krige,
    upscaled,
    variogram_of,
)
from rootzone.neutrons.near_field import near_field, ring_radii
from rootzone.studies.context import Context

_MUCH = 0.05  # share of footprints outside of the model that is warned of


def _centers(domain: Domain, line: Line) -> tuple[np.ndarray, np.ndarray]:
    grid = domain.level1
    return grid.x[line.cells[:, 1]], grid.y[line.cells[:, 0]]


def _variogram(chosen: Kriging, rate: np.ndarray, sigma: np.ndarray) -> Variogram:
    return variogram_of(
        rate,
        sigma,
        model=chosen.model,
        range=chosen.range,
        sill=chosen.sill,
        nugget=chosen.nugget,
    )


def _weights(
    chosen: InverseDistance | CellMean,
    domain: Domain,
    line: Line,
    place: tuple[np.ndarray, np.ndarray],
    present: np.ndarray,
    seconds: np.ndarray | None,
) -> csr_array:
    """Return the weights of segments for the cells of the line (day * cell, day * segment)."""
    grid, (x, y) = domain.level1, place
    time = seconds if chosen.by_time else None
    if isinstance(chosen, CellMean):
        row, column = cell_at(grid, x, y)
        number = np.full(grid.shape, -1)
        number[tuple(line.cells.T)] = np.arange(len(line.cells))
        cell = np.where(row >= 0, number[row, column], -1)
        return cell_means(cell, present, cells=len(line.cells), seconds=time)
    return inverse_distance(
        *_centers(domain, line),
        x,
        y,
        present,
        power=chosen.power,
        radius=chosen.radius if chosen.radius is not None else grid.cellsize,
        neighbors=chosen.neighbors,
        seconds=time,
    )


def to_cells(
    chosen: Upscaling,
    domain: Domain,
    line: Line,
    place: tuple[np.ndarray, np.ndarray],
    values: tuple[np.ndarray, np.ndarray],
    context: Context,
    *,
    seconds: np.ndarray | None = None,
    operator: csr_array | None = None,
    noise: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return daily values of the cells of a line and their standard deviations.

    Parameters
    ----------
    chosen : Upscaling
        How.
    domain : Domain
        The domain.
    line : Line
        The line.
    place : pair of array (segment)
        x and y of the segments [m].
    values : pair of array (day, segment)
        Rates and their standard deviations [h-1].
    context : Context
        For the log.
    seconds : array (day, segment), optional
        Counted time [s].
    operator, noise : optional
        As in :func:`~rootzone.data.mobile.upscaling.upscaled`.

    Returns
    -------
    rate, sigma : array (day, cell)

    Raises
    ------
    DataError
        If no cell has a value.
    """
    rate, sigma = values
    if isinstance(chosen, Kriging):
        variogram = _variogram(chosen, rate, sigma)
        context.log.tell(
            f"kriging: {variogram.model}, partial sill {variogram.sill:.4g} h-2, range "
            f"{variogram.range:g} m, nugget {variogram.nugget:.4g} h-2"
        )
        out = krige(*place, rate, *_centers(domain, line), variogram, neighbors=chosen.neighbors)
    else:
        weights = _weights(chosen, domain, line, place, ~np.isnan(rate), seconds)
        if isinstance(chosen, InverseDistance) and chosen.radius is None:
            context.log.tell(
                f"segments within {domain.level1.cellsize:g} m of the center of a cell count for "
                "it: the size of a cell, as observations.upscaling.radius is not set"
            )
        out = upscaled(weights, rate, sigma, operator=operator, noise=noise)
    empty = np.all(np.isnan(out[0]), axis=0)
    if empty.all():
        raise DataError(
            "no cell of the line has a segment with counts (observations.upscaling.radius)"
        )
    if empty.any():
        row, column = line.cells[np.flatnonzero(empty)[0]]
        context.log.warn(
            f"{int(empty.sum())} of {len(empty)} cells of the line have no counts on any day, the "
            f"first is {domain.level1.cell_name(row, column)}"
        )
    return out


def model_weights(
    settings: PointsObservations | SegmentsObservations,
    domain: Domain,
    found: Aggregated,
    context: Context,
) -> np.ndarray:
    """Return the shares of model cells in the value of each cell of the line (cell, active cell).

    The model is sampled at the segments with the weights of the footprint, and what a detector
    would count there is brought to the cells as the observations were, as if every segment that
    ever had counts had them every day.

    Returns
    -------
    array (cell, active cell)
        Rows sum to one; that of a cell of the line without any segment is the cell itself.
    """
    chosen, line = settings.upscaling, found.line
    place = found.segment_x, found.segment_y
    ever = np.any(~np.isnan(found.segment_rate), axis=0)
    if isinstance(chosen, Kriging):
        # Kriging is linear: kriged unit vectors are its weights.
        unit = np.where(ever, np.eye(len(ever)), np.nan)[ever]
        variogram = _variogram(chosen, found.segment_rate, found.segment_sigma)
        up = np.zeros((len(line.cells), len(ever)))
        kriged = krige(*place, unit, *_centers(domain, line), variogram, neighbors=chosen.neighbors)
        up[:, ever] = kriged[0].T
    else:
        seconds = np.nansum(found.segment_seconds, axis=0)[None]
        up = _weights(chosen, domain, line, place, ever[None], seconds).toarray()
    cells, weights = _seen(settings, domain, place, context)
    out = np.zeros((len(line.cells), domain.cells))
    out[:, cells] = up @ weights
    lonely = np.flatnonzero(~up.any(axis=1))
    out[lonely, found.cells[lonely]] = 1.0
    return out


def _seen(
    settings: PointsObservations | SegmentsObservations,
    domain: Domain,
    place: tuple[np.ndarray, np.ndarray],
    context: Context,
) -> tuple[np.ndarray, np.ndarray]:
    """Return which active cells are seen from the segments, and their weights (segment, cell)."""
    f, grid, mask = settings.footprint, domain.level1, domain.mask1
    radii = ring_radii(
        f.rings,
        theta=f.soil_moisture,
        humidity=f.humidity,
        pressure=f.pressure,
        vegetation_height=f.vegetation_height,
    )
    seen = near_field(
        *place,
        number=np.where(mask, np.cumsum(mask).reshape(mask.shape) - 1, -1),
        west=grid.xll,
        north=grid.north,
        cellsize=grid.cellsize,
        radii=radii,
        azimuths=f.azimuths,
    )
    outside = float(seen.outside.mean())
    tell = context.log.warn if outside > _MUCH else context.log.tell
    tell(
        f"{100 * outside:.1f} % of the footprints along the line lie outside the model's cells; "
        "the cells within stand for them"
    )
    return seen.cells, seen.weights
