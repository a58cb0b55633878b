"""Results of the study `catchment` as datasets and as a summary."""

from typing import Any

import numpy as np
import xarray as xr

from rootzone.config.catchment import CatchmentStudy
from rootzone.data.cells import cell_of
from rootzone.data.map_outputs import CfLayout, to_maps
from rootzone.data.mhm import write_restart
from rootzone.studies.catchment import CatchmentResult
from rootzone.studies.catchment_maps import FOLDER
from rootzone.studies.context import Context
from rootzone.water.cell import NEUTRONS, OUTPUTS, CellParameters, declared, of_scene
from rootzone.water.cell.types import HORIZON

_YEAR = 365.25
_COUNTS = ("h-1", "count rate of cosmic-ray neutrons")
_EXTRA = {
    "observed": "observed, mean of the cells with a value",
    "simulated": "simulated in the same cells",
}


def catchment_datasets(
    study: CatchmentStudy, result: CatchmentResult, context: Context
) -> dict[str, xr.Dataset]:
    """Return series, mean maps, balance and effective parameters; write the restart file."""
    found = {
        "series": _series(result),
        "means": _means(result),
        "balance": _balance(result),
        "parameters": _parameters(result),
    }
    kept = result.maps.dataset()
    if kept is not None:
        found["maps"] = kept
    if study.results.restart and context.folder is not None:
        path = context.folder / FOLDER / "mHM_restart.nc"
        path.parent.mkdir(exist_ok=True)
        scenes = range(len(result.inputs.domain.scenes))
        setup = result.inputs.setup
        each = [of_scene(result.parameters, i) for i in scenes]
        write_restart(path, result.inputs.domain, setup, each, result.state)
        context.log.tell(f"restart file {path}")
    title = study.title or f"Catchment {result.inputs.domain.name}"
    for dataset in found.values():
        dataset.attrs |= {
            "Conventions": "CF-1.11",
            "title": title,
            "source": f"rootzone, processes of mHM, compat {study.compat}",
        }
    return found


def _units(name: str) -> tuple[str, str]:
    if name == NEUTRONS:
        return _COUNTS
    return OUTPUTS[name].unit, OUTPUTS[name].long_name


def _has_horizons(name: str) -> bool:
    return name != NEUTRONS and OUTPUTS[name].axes == HORIZON


def _attrs(name: str, what: str) -> dict[str, str]:
    unit, long_name = _units(name)
    return {"units": unit, "long_name": f"{long_name}, {what}"}


# --- series -----------------------------------------------------------------------------------


def _series(result: CatchmentResult) -> xr.Dataset:
    """Return daily means over the catchment, chosen cells, and what was observed."""
    inputs = result.inputs
    days = inputs.setup.first_day + np.arange(result.sums.days)
    time = xr.Variable(
        "time",
        days.astype("datetime64[ns]"),
        {"standard_name": "time", "long_name": "start of the day (UTC)", "axis": "T"},
    )
    variables: dict[str, xr.Variable] = {}
    for name, values in result.series.items():
        dims = ("time", "horizon") if _has_horizons(name) else ("time",)
        variables[name] = xr.Variable(dims, values, _attrs(name, "mean of the catchment"))
    coordinates = {"time": time, "horizon_top": _tops(result)}
    if result.inputs.places or inputs.domain.line is not None:
        coordinates |= _cells(result)
        for name, values in result.at_places.items():
            dims = ("time", "horizon", "cell") if _has_horizons(name) else ("time", "cell")
            variables[f"cell_{name}"] = xr.Variable(dims, values, _attrs(name, "of the cell"))
    dataset = xr.Dataset(variables, coordinates)
    for name, (times, sim, obs) in result.compared.items():
        known = np.isfinite(obs)
        count = np.where(known.any(axis=1), known.sum(axis=1), np.nan)
        step = f"{name}_time"
        dataset[step] = xr.Variable((step,), times.astype("datetime64[ns]"), {})
        unit = "h-1" if name == NEUTRONS else "1"
        for what, values in (("observed", obs), ("simulated", sim)):
            mean = np.where(known, values, 0.0).sum(axis=1) / count
            attrs = {"units": unit, "long_name": _EXTRA[what]}
            dataset[f"{name}_{what}"] = xr.Variable((step,), mean, attrs)
    return dataset


def _tops(result: CatchmentResult) -> xr.Variable:
    setup = result.inputs.setup
    tops = np.array([0.0, *setup.horizon_depths])[: setup.horizons]
    attrs = {"units": "mm", "long_name": "upper depth of the horizon", "positive": "down"}
    return xr.Variable("horizon", tops, attrs)


def _cells(result: CatchmentResult) -> dict[str, xr.Variable]:
    """Return names and places of the cells with series: the chosen ones, then those of a line."""
    domain, places = result.inputs.domain, result.inputs.places
    row, column = np.nonzero(domain.mask1)
    number = [p.cell for p in places]
    names = [p.name for p in places]
    along = [np.nan] * len(places)
    if domain.line is not None:
        line = domain.line
        number += line.positions(domain.mask1).tolist()
        names += [f"{label} {i + 1}" for i, label in enumerate(line.labels)]
        along += [float(line.distance[line.number == i].mean()) for i in range(len(line.cells))]
    x, y = domain.level1.x[column[number]], domain.level1.y[row[number]]
    unit = "degrees" if domain.geographic else "m"
    return {
        "cell_name": xr.Variable("cell", np.array(names, dtype=object), {"long_name": "cell"}),
        "cell_x": xr.Variable("cell", x, {"units": unit, "long_name": "center of the cell"}),
        "cell_y": xr.Variable("cell", y, {"units": unit, "long_name": "center of the cell"}),
        "cell_distance": xr.Variable(
            "cell", along, {"units": unit, "long_name": "distance along the line"}
        ),
    }


# --- maps of means ----------------------------------------------------------------------------


def _means(result: CatchmentResult) -> xr.Dataset:
    """Return maps of means: states of the period, fluxes per year."""
    domain, setup, sums = result.inputs.domain, result.inputs.setup, result.sums
    base = CfLayout(double=True).dataset(domain, setup, {"theta": sums.mean("theta")[None]}, 0)
    base = base.isel(time=0, drop=True).drop_vars(["theta", "time_bnds"])
    y, x = ("lat", "lon") if domain.geographic else ("y", "x")
    dims = {True: ("horizon", y, x), False: (y, x)}

    def put(name: str, values: Any, per_horizon: bool, unit: str, long_name: str) -> None:
        maps = to_maps(np.asarray(values, float), domain.mask1)
        attrs = {"units": unit, "long_name": long_name}
        if not domain.geographic:
            attrs["coordinates"] = "lat lon"
        base[name] = xr.Variable(dims[per_horizon], maps, attrs)

    for name in sums.total:
        unit, long_name = _units(name)
        rows = _has_horizons(name)
        if name == NEUTRONS or OUTPUTS[name].is_state:
            put(name, sums.mean(name), rows, unit, f"{long_name}, mean of the period")
        else:
            put(name, _YEAR * sums.mean(name), rows, "mm a-1", f"{long_name}, mean of a year")
    for name in sums.squares:
        unit, long_name = _units(name)
        what = f"{long_name}, standard deviation of daily values"
        put(f"{name}_deviation", sums.deviation(name), _has_horizons(name), unit, what)
    for name, (_, sim, obs) in result.compared.items():
        known = np.isfinite(obs)
        count = np.where(known.any(axis=0), known.sum(axis=0), np.nan)
        rmse = np.sqrt(np.where(known, sim - obs, 0.0).__pow__(2).sum(axis=0) / count)
        bias = np.where(known, sim - obs, 0.0).sum(axis=0) / count
        unit = "h-1" if name == NEUTRONS else "1"
        put(f"{name}_rmse", rmse, False, unit, "root mean square difference to the observations")
        put(f"{name}_bias", bias, False, unit, "simulated less observed, mean")
    fine = domain.dem[domain.mask]
    cells = cell_of(domain)
    height = np.bincount(cells, fine) / np.bincount(cells)
    put("elevation", height, False, "m", "elevation, mean of the cell")
    put("area_share", result.share, False, "1", "share of the cell in the area of the catchment")
    if domain.line is not None:
        line = domain.line
        base["line_x"] = xr.Variable("vertex", line.x, {"long_name": "line of measurements"})
        base["line_y"] = xr.Variable("vertex", line.y, {"long_name": "line of measurements"})
    for variable in base.variables.values():
        variable.attrs.pop("_FillValue", None)
    base.attrs["cell_size"] = domain.cellsize1
    return base


def _balance(result: CatchmentResult) -> xr.Dataset:
    """Return the water balance of the calendar years, warm-up apart."""
    blocks = result.balance
    year = np.array([b.first.astype("datetime64[Y]").astype(int) + 1970 for b in blocks])
    key = [(int(y), b.evaluated) for y, b in zip(year, blocks, strict=True)]
    keys = list(dict.fromkeys(key))
    texts = {
        "days": "days of the year in the run",
        "precipitation": "precipitation",
        "evapotranspiration": "evapotranspiration",
        "runoff": "total runoff",
        "karst": "percolation that left the cells below ground",
        "storage_change": "water stored at the end less at the beginning",
        "land_cover_change": "change of water per area with that of the sealed share",
        "error": "precipitation less evapotranspiration, runoff, karst and storage change",
    }
    variables = {}
    for name, text in texts.items():
        values = [
            sum(getattr(b, name) for b, k in zip(blocks, key, strict=True) if k == one)
            for one in keys
        ]
        unit = "d" if name == "days" else "mm"
        variables[name] = xr.Variable("part", values, {"units": unit, "long_name": text})
    variables["largest_error"] = xr.Variable(
        "part",
        [max(b.largest_error for b, k in zip(blocks, key, strict=True) if k == o) for o in keys],
        {"units": "mm", "long_name": "largest error of a cell in a block of days"},
    )
    variables["evaluated"] = xr.Variable(
        "part", np.array([k[1] for k in keys], np.int8), {"long_name": "0 in the warm-up"}
    )
    years = xr.Variable("part", [k[0] for k in keys], {"long_name": "calendar year"})
    return xr.Dataset(variables, {"year": years})


def _parameters(result: CatchmentResult) -> xr.Dataset:
    """Return maps of the effective parameters of all scenes."""
    domain = result.inputs.domain
    y, x = ("lat", "lon") if domain.geographic else ("y", "x")
    p, cells = result.parameters, domain.cells
    variables = {}
    for name, what in declared(CellParameters).items():
        values = getattr(p, name)
        if values is None:
            continue
        values = np.asarray(values, float)
        full = np.broadcast_to(values, (*values.shape[:-1], cells))
        dims = ("scene", *what.axes[:-1], y, x)
        attrs = {"units": what.unit, "long_name": what.long_name}
        variables[name] = xr.Variable(dims, to_maps(full, domain.mask1), attrs)
    years = [s.first_year for s in domain.scenes]
    coordinates = {
        y: xr.Variable(y, domain.level1.y, {"axis": "Y"}),
        x: xr.Variable(x, domain.level1.x, {"axis": "X"}),
        "first_year": xr.Variable("scene", years, {"long_name": "first year of the scene"}),
    }
    return xr.Dataset(variables, coordinates)


# --- summary ----------------------------------------------------------------------------------


def catchment_summary(study: CatchmentStudy, result: CatchmentResult) -> dict[str, Any]:
    """Return the catchment's own keys of ``summary.json``."""
    inputs, domain, setup = result.inputs, result.inputs.domain, result.inputs.setup
    counts = inputs.catchment.counts
    evaluated = [b for b in result.balance if b.evaluated]
    years = sum(b.days for b in evaluated) / _YEAR
    per_year = {
        name: sum(getattr(b, name) for b in evaluated) / years
        for name in ("precipitation", "evapotranspiration", "runoff", "karst", "storage_change")
    }
    means = {
        name: (values.mean(axis=0).tolist() if values.ndim > 1 else float(values.mean()))
        for name, values in result.series.items()
        if name == NEUTRONS or OUTPUTS[name].is_state
    }
    return {
        "period": [str(setup.first_day), str(setup.last_day)],
        "warm_up_days": setup.warming_days,
        "domain": {
            "name": domain.name,
            "cells": domain.cells,
            "cell_size": domain.cellsize1,
            "fine_cells": int(domain.mask.sum()),
            "fine_cell_size": domain.level0.cellsize,
            "geographic": domain.geographic,
            "horizon_depths_mm": list(setup.horizon_depths),
            "horizons": setup.horizons,
            "land_cover_scenes": [[s.first_year, s.last_year] for s in domain.scenes],
            "line_cells": 0 if domain.line is None else len(domain.line.cells),
        },
        "settings": {
            "compat": study.compat,
            "soil_moisture_case": setup.cases.soil_moisture,
            "pet_case": setup.cases.pet,
            "neutron_case": setup.cases.neutrons,
            "operator": "none" if counts is None else type(counts.operator).__name__,
            "counts": "none" if counts is None else study.counts.when,
            "step": "day" if setup.time_step == 24 else "hour",
            "tillage_depth_mm": setup.tillage_depth,
            "sealed_city_fraction": setup.sealed_city_fraction,
        },
        "parameter_values": dict(zip(inputs.table.names, inputs.values.tolist(), strict=True)),
        "balance_mm_per_year": per_year,
        "balance_largest_error_mm": max(b.largest_error for b in result.balance),
        "means": means,
        "maps": None if result.maps.path is None else f"{FOLDER}/{result.maps.path.name}",
    }
