"""The harder truth of a transect: Richards columns, COSMIC, and a near field along the track.

The bucket model that is calibrated against it knows one soil, one land cover and one count for
each cell. Here a cell is many columns: patches of soil under each cover, verges, ballast; and a
count is what arrives at a point of the line, most of it from the nearest meters. What the truth
is made of stands in ``docs/harder_twin.md``::

    truth = richards_truth(domain, setup, seed=1, N0=3000.0)
    truth.counts, truth.theta            # (day, cell), (day, horizon, cell)
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from rootzone.core import StudyError
from rootzone.data.cells import weather_of
from rootzone.data.domain import Domain, Setup
from rootzone.neutrons import CosmicParameters, Desilets2010, cosmic_homogeneous
from rootzone.simulate import DepthWeighted, NeutronSoil, Simulated
from rootzone.simulate.valley_columns import Columns, columns_of, run_columns
from rootzone.simulate.valley_ground import DEPTH, Scatter, horizon_shares, layer_means
from rootzone.studies.transect_richards_landscape import (
    Landscape,
    NearField,
    Segments,
    cell_shares,
    footprint_weights,
    landscape_of,
    line_of,
    open_cells,
    segments_of,
)
from rootzone.water.regionalization.soil_database import ProfileDatabase
from rootzone.water.richards import Status

WARM_UP = 730
"""Days of a longer warm-up that are run: the columns have forgotten their start by then."""

_SEALED = (0.08, 2.1)  # water equivalent [m3 m-3] and density [g cm-3] of concrete and asphalt
_NO_SNOW = 0.5  # mm, below which a day is taken for free of snow
_MM = 10.0  # mm per cm


class Truth(NamedTuple):
    """What nature does, at the days that are evaluated; means of days, without any noise."""

    days: np.ndarray
    counts: np.ndarray
    """Mean count rate of the segments of each of the line's cells (day, cell) [h-1]."""
    counts_segment: np.ndarray
    """(day, segment) [h-1]"""
    segments: Segments
    theta: np.ndarray
    """Mean water of the soil in the cells (day, horizon, cell) [m3 m-3]; the horizons are those of
    the set-up and the one from there to the end of the soil."""
    bulk_density: np.ndarray
    """Mean dry bulk density (horizon, cell) [g cm-3]; theta over it is gravimetric water."""
    theta_near: np.ndarray
    """Water of the strip along the track (day, horizon, segment) [m3 m-3]."""
    snow: np.ndarray
    """Mean snow water equivalent of the cells (day, cell) [mm]."""
    N: float
    """Scale of COSMIC [h-1], see :func:`cosmic_scale`."""
    columns: int
    """Columns behind it."""


def richards_truth(
    domain: Domain,
    setup: Setup,
    seed: int,
    *,
    N0: float,
    days_out: slice | int | None = None,
    near: NearField | None = None,
    scatter: Scatter | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Truth:
    """Return counts and water of a line whose soils are Richards columns.

    Parameters
    ----------
    domain : Domain
        With a line, soil types with horizons of their own, and classes of leaf area.
    setup : Setup
        Period and horizons; of a warm-up longer than ``WARM_UP`` only its last days are run.
    seed : int
        Of soils, plants and the near field.
    N0 : float
        Scale of the law of Desilets et al. (2010) [h-1], as soil samples along the line would
        give it, see :func:`cosmic_scale`.
    days_out : slice or int, optional
        Days of the run (warm-up included) that are returned, or the first of them; by default
        those after the warm-up.
    near : NearField, optional
        The near field.
    scatter : Scatter, optional
        How soils differ.
    progress : callable, optional
        Told a stage and the share that is done.

    Raises
    ------
    StudyError
        If the domain lacks something, or a column did not finish.
    DataError
        If the weather does not cover the run.
    """
    tell = progress or (lambda stage, share: None)
    with jax.enable_x64(False):  # the same truth whatever the precision of the study
        return _truth(domain, setup, seed, N0, days_out, near or NearField(), scatter, tell)


def _truth(
    domain: Domain,
    setup: Setup,
    seed: int,
    N0: float,
    days_out: slice | int | None,
    near: NearField,
    scatter: Scatter | None,
    tell: Callable[[str, float], None],
) -> Truth:
    _require(domain, setup)
    wanted = _wanted_days(setup, days_out)
    run_setup = replace(setup, warming_days=min(setup.warming_days, WARM_UP))
    line = line_of(domain)
    segments = segments_of(domain, line)
    tell("truth", 0.0)
    land = landscape_of(domain, run_setup, line, segments, near, seed)
    edges, shares = _layers(setup, land)
    days = run_setup.start_day + np.arange(run_setup.days)
    columns = _columns(domain, run_setup, land, days, seed, scatter)
    run = run_columns(columns, tuple(edges.tolist()), lambda x: tell("truth", 0.05 + 0.9 * x))
    _require_done(run, seed)
    skipped = setup.days - run_setup.days
    out = slice(wanted.start - skipped, wanted.stop - skipped)
    theta = np.einsum("dlc,hlc->dhc", _daily_means(run.theta), shares)
    rate = (1.0 - land.sealed) * _daily_means(run.rate[:, 0]) + land.sealed * _sealed_rate()
    counts = rate @ footprint_weights(domain, land, segments, near).T
    cells = np.arange(len(line.cells))
    of_cell = np.equal.outer(cells, segments.cell) / np.bincount(segments.cell)[:, None]
    areas = cell_shares(domain, land, line)
    density, bound = _horizon_soil(columns, edges, shares)
    snow = _daily_means(run.snow) @ areas.T
    water = _CellWater(theta @ areas.T, density @ areas.T, bound @ areas.T, snow)
    evaluated = slice(run_setup.warming_days, None)  # N is the same whatever days are returned
    known = water._replace(theta=water.theta[evaluated], snow=snow[evaluated])
    relative = counts[evaluated] @ of_cell.T
    scale = cosmic_scale(N0, relative, known, setup, open_cells(land, areas))
    counts = scale * counts[out]
    inner, outer = land.width[:, land.of_segment]
    strip, track = (theta[out][..., x[land.of_segment]] for x in (land.strip, land.bed))
    tell("truth", 1.0)
    return Truth(
        days[out],
        counts @ of_cell.T,
        counts,
        segments,
        water.theta[out],
        water.density,
        strip + (track - strip) * inner / outer,
        snow[out],
        scale,
        land.sealed.size,
    )


class _CellWater(NamedTuple):
    """Water and soil of the cells, arrays ([day,] horizon, cell), snow (day, cell)."""

    theta: np.ndarray
    density: np.ndarray
    bound: np.ndarray
    """Lattice and organic water [m3 m-3]."""
    snow: np.ndarray


def cosmic_scale(
    N0: float, relative: np.ndarray, water: _CellWater, setup: Setup, where: np.ndarray
) -> float:
    """Return the N of COSMIC [h-1] for which N0 is what soil samples find.

    On days without snow, the law of Desilets et al. (2010) with the weights of Schroen et al.
    (2017) gives the mean of the counts of open cells from the true water of these cells. A
    period that is all snow is taken with its snow.

    Parameters
    ----------
    N0 : float
        Scale of the law [h-1].
    relative : array (day, cell)
        Counts for N = 1.
    water : _CellWater
        True water and soil of the cells.
    setup : Setup
        Horizons.
    where : array (cell) of bool
        Cells where samples are taken.
    """
    edges = jnp.asarray([0.0, *setup.horizon_depths, _MM * DEPTH]) / _MM
    soil = NeutronSoil(
        jnp.asarray(water.density[:, where]), jnp.asarray((water.bound / water.density)[:, where])
    )
    law = DepthWeighted(N0, Desilets2010())
    none = jnp.zeros(int(where.sum()))

    def of_day(theta: jax.Array) -> jax.Array:
        return law(theta, edges, none, soil)

    found = np.asarray(jax.lax.map(of_day, jnp.asarray(water.theta[..., where])))
    free = water.snow[:, where] < _NO_SNOW
    free = free if free.any() else ~free
    return float(found[free].mean() / relative[:, where][free].mean())


def _layers(setup: Setup, land: Landscape) -> tuple[np.ndarray, np.ndarray]:
    """Return edges of the layers that are kept [cm], and their shares in the model horizons."""
    depths, end = np.array(setup.horizon_depths) / _MM, land.ground.end
    if depths[-1] >= end.min():
        raise StudyError(
            f"model horizons reach to {_MM * depths[-1]:g} mm, the shallowest soil along the line "
            f"ends at {_MM * end.min():g} mm"
        )
    edges = np.unique(np.concatenate([[0.0], depths, end]))
    return edges, horizon_shares(edges, depths, end)


def _horizon_soil(
    columns: Columns, edges: np.ndarray, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return bulk density [g cm-3] and bound water [m3 m-3] (horizon, column)."""
    soil = columns.neutrons
    density = np.asarray(soil.bulk_density)
    both = (density, density * np.asarray(soil.lattice_water))
    mean = [layer_means(columns.bottom, x, edges) for x in both]
    of_density, of_bound = (np.einsum("lc,hlc->hc", x, shares) for x in mean)
    return of_density, of_bound


def _columns(
    domain: Domain,
    setup: Setup,
    land: Landscape,
    days: np.ndarray,
    seed: int,
    scatter: Scatter | None,
) -> Columns:
    """Return the columns under the weather of a run."""
    weather = weather_of(domain, setup)
    if weather.pet is None:
        raise StudyError("the weather has no 'pet', which the Richards columns of a truth want")
    return columns_of(
        land.ground,
        (days - days.astype("datetime64[Y]")).astype(int) + 1,
        _of_day(weather.precipitation, np.sum),
        _of_day(weather.pet, np.sum),
        _of_day(weather.temperature, np.mean),
        seed=seed,
        scatter=scatter,
    )


def _of_day(values: ArrayLike, how: Any) -> np.ndarray:
    """Return values (day, cell) of days or of their hours (day, hour, cell)."""
    values = np.asarray(values)
    return how(values, axis=1) if values.ndim == 3 else values


def _daily_means(ends: ArrayLike) -> np.ndarray:
    """Return means of days from values at their ends: halfway between two ends."""
    ends = np.asarray(ends, float)
    return 0.5 * (ends + np.concatenate([ends[:1], ends[:-1]]))


def _sealed_rate() -> float:
    """Return the count rate above a sealed surface for N = 1, the same on all days."""
    water, density = _SEALED
    parameters = CosmicParameters.of_bulk_density(density, N=1.0)
    return float(cosmic_homogeneous(water, bulk_density=density, parameters=parameters))


# --- bad input ----------------------------------------------------------------------------


def _require(domain: Domain, setup: Setup) -> None:
    """Refuse domains and set-ups that a truth cannot be made of."""
    if not isinstance(domain.soils, ProfileDatabase):
        raise StudyError("a truth of Richards columns wants soil types with horizons of their own")
    if domain.lai_class is None or domain.lai_table is None:
        raise StudyError("a truth of Richards columns wants classes of leaf area, not maps")


def _wanted_days(setup: Setup, days_out: slice | int | None) -> slice:
    """Return the first and last day (exclusive) of the whole run that are returned."""
    first = setup.warming_days if days_out is None else days_out
    chosen = first if isinstance(first, slice) else slice(first, None)
    start, stop, step = chosen.indices(setup.days)
    earliest = max(0, setup.warming_days - WARM_UP)
    if step != 1 or stop <= start or start < earliest:
        raise StudyError(
            f"days {start} to {stop} in steps of {step} are no days of this truth: it has days "
            f"{earliest} to {setup.days} of the run"
        )
    return slice(start, stop)


def _require_done(run: Simulated, seed: int) -> None:
    failed = int(np.sum(np.asarray(run.status) != Status.DONE))
    if failed:
        raise StudyError(
            f"{failed} of {run.status.size} Richards columns of the truth with seed {seed} did "
            "not finish: take another seed"
        )
