"""Restart files that mHM 5.13 goes on from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from rootzone.data.domain import Domain, Setup
from rootzone.data.mhm.netcdf import save_netcdf
from rootzone.data.mhm.restart import CELL_DIMS, LEAF, PARAMETERS, SCENE, SOIL, STATES
from rootzone.data.rasters import Grid
from rootzone.water.cell import CellParameters, CellState, declared
from rootzone.water.regionalization import ProfileDatabase

_NODATA = -9999.0
_SCENELESS = frozenset(
    {
        "interception_capacity",
        "sealed_capacity",
        "interflow_threshold",
        "karstic_loss",
        "jarvis_threshold",
        "latitude",
        "pet_aspect_factor",
        "hargreaves_coefficient",
        "priestley_taylor",
        "bulk_resistance",
        "N0",
    }
)
# Fluxes of the last step: mHM reads them, its next step does not use them.
_FLUXES = (
    *("L1_aETCanopy", "L1_aETSealed", "L1_baseflow", "L1_fastRunoff", "L1_percol", "L1_melt"),
    *("L1_preEffect", "L1_rain", "L1_runoffSeal", "L1_slowRunoff", "L1_snow"),
    *("L1_Throughfall", "L1_total_runoff"),
)
_SOIL_FLUXES = ("L1_aETSoil", "L1_infilSoil")
_EARTH_RADIUS = 6371228.0  # m, as in mHM


def write_restart(
    path: Path,
    domain: Domain,
    setup: Setup,
    parameters: Sequence[CellParameters],
    state: CellState,
) -> None:
    """Write a restart file from which mHM, or this package, goes on.

    Parameters
    ----------
    path : Path
        The file.
    domain, setup : Domain, Setup
        Grids, scenes, horizons.
    parameters : sequence of CellParameters
        One for each land-cover scene; fields that are None are left out, mHM asks for those of
        its process cases.
    state : CellState
        States at the end of a day.
    """
    mask = domain.mask1
    variables = _grid_info(domain.level1, mask, "1", _areas(domain), domain)
    fine = domain.level0
    area = np.broadcast_to(_cell_areas(fine, domain.geographic)[:, None], fine.shape)
    variables |= _grid_info(fine, domain.mask, "0", area, domain)
    leaf = parameters[0].interception_capacity.shape[-2]
    coordinates = _bounds(SOIL, _soil_bounds(domain, setup), at_end=True)
    years = [scene.first_year for scene in domain.scenes] + [domain.scenes[-1].last_year + 1]
    coordinates |= _bounds(SCENE, np.array(years, dtype=float), at_end=False)
    coordinates |= _bounds(LEAF, np.arange(1.0, leaf + 2), at_end=False)
    for own, name in STATES.items():
        variables[name] = _field(np.asarray(getattr(state, own)), mask)
    soil_zeros = np.zeros((setup.horizons, int(mask.sum())))
    variables |= {name: _field(soil_zeros[0], mask) for name in _FLUXES}
    variables |= {name: _field(soil_zeros, mask) for name in _SOIL_FLUXES}
    axes = declared(CellParameters)
    for own, name in PARAMETERS.items():
        if own == "latitude" or getattr(parameters[0], own) is None:
            continue
        given = [_full(getattr(p, own), axes[own].axes, p, leaf) for p in parameters]
        values = given[0] if own in _SCENELESS else np.stack(given)
        variables[name] = _field(values, mask, leading=_leading(own, axes[own].axes))
    scenes = np.zeros((len(parameters), int(mask.sum())))
    variables["L1_degDay"] = _field(scenes, mask, leading=(SCENE,))
    attrs: dict[str, Any] = {}
    for level, grid, active in (("1", domain.level1, mask), ("0", fine, domain.mask)):
        attrs |= _grid_attrs(level, grid, int(active.sum()))
    attrs["time"] = np.bytes_(str(setup.last_day + np.timedelta64(1, "D")))
    save_netcdf(xr.Dataset(variables, coordinates, attrs), path)


def _leading(own: str, axes: tuple[str, ...]) -> tuple[str, ...]:
    middle = {"horizon": (SOIL,), "leaf": (LEAF,)}.get(axes[0], ())
    return middle if own in _SCENELESS else (SCENE, *middle)


def _full(values: Any, axes: tuple[str, ...], p: CellParameters, leaf: int) -> np.ndarray:
    """Return a parameter with all its cells: shared values are repeated."""
    lengths = {"horizon": p.horizons, "leaf": leaf, "cell": p.cells}
    return np.broadcast_to(np.asarray(values), tuple(lengths[axis] for axis in axes))


def _field(values: np.ndarray, mask: np.ndarray, leading: tuple[str, ...] | None = None):
    if leading is None:
        leading = (SOIL,) if values.ndim == 2 else ()
    full = np.full((*values.shape[:-1], *mask.shape), _NODATA)
    full[..., mask] = values
    return xr.Variable((*leading, *CELL_DIMS), full, {"_FillValue": _NODATA})


def _bounds(name: str, edges: np.ndarray, *, at_end: bool) -> dict[str, xr.Variable]:
    bounds = np.stack([edges[:-1], edges[1:]], axis=1)
    attrs = {"bounds": f"{name}_bnds"}
    return {
        name: xr.Variable(name, bounds[:, int(at_end)], attrs),
        f"{name}_bnds": xr.Variable((name, "bnds"), bounds),
    }


def _soil_bounds(domain: Domain, setup: Setup) -> np.ndarray:
    edges = [0.0, *setup.horizon_depths]
    if isinstance(domain.soils, ProfileDatabase):
        soils = domain.soils
        edges.append(min(soils.lower[soils.soil == s].max() for s in np.unique(soils.soil)))
    return np.array(edges)


def _grid_info(
    grid: Grid, mask: np.ndarray, level: str, area: np.ndarray, domain: Domain
) -> dict[str, xr.Variable]:
    dims = tuple(name[:-1] + level for name in CELL_DIMS)
    latitude, longitude = (
        (domain.latitude1, domain.longitude1)
        if level == "1"
        else (domain.latitude0, domain.longitude0)
    )
    del grid
    fill = {"_FillValue": _NODATA}
    return {
        f"L{level}_domain_mask": xr.Variable(
            dims, mask.astype("int32"), {"_FillValue": np.int32(_NODATA)}
        ),
        f"L{level}_domain_lat": xr.Variable(dims, latitude, fill),
        f"L{level}_domain_lon": xr.Variable(dims, longitude, fill),
        f"L{level}_domain_cellarea": xr.Variable(dims, np.where(mask, 1e-6 * area, _NODATA), fill),
    }


def _grid_attrs(level: str, grid: Grid, cells: int) -> dict[str, Any]:
    return {
        f"xllcorner_L{level}": grid.xll,
        f"yllcorner_L{level}": grid.yll,
        f"cellsize_L{level}": grid.cellsize,
        f"nrows_L{level}": np.int32(grid.ncols),  # mHM's rows are our columns
        f"ncols_L{level}": np.int32(grid.nrows),
        f"nCells_L{level}": np.int32(cells),
    }


def _cell_areas(grid: Grid, geographic: bool) -> np.ndarray:
    """Return the area of a cell in each row [m2]."""
    if not geographic:
        return np.full(grid.nrows, grid.cellsize**2)
    side = np.radians(grid.cellsize) * _EARTH_RADIUS
    return side**2 * np.cos(np.radians(grid.y))


def _areas(domain: Domain) -> np.ndarray:
    """Return the active area of the model cells [m2]."""
    rows = _cell_areas(domain.level0, domain.geographic)
    fine = np.where(domain.mask, rows[:, None], 0.0)
    k, (ny, nx) = domain.level0.factor(domain.cellsize1), domain.level1.shape
    padded = np.zeros((ny * k, nx * k))
    padded[: fine.shape[0], : fine.shape[1]] = fine
    return padded.reshape(ny, k, nx, k).sum(axis=(1, 3))
