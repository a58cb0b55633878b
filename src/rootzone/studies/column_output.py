"""Results of the study `column` as CF datasets: amounts in mm, depth in cm, positive down."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from rootzone.config.column import ColumnStudy
from rootzone.data import time_coordinate, variable
from rootzone.simulate import Chunk, Simulated
from rootzone.studies.column_site import operator_names
from rootzone.studies.column_soil import Soils
from rootzone.water.richards import Status

SUMS = {
    "precipitation": "precipitation",
    "potential_evapotranspiration": "potential_evapotranspiration",
    "rain_on_soil": "",
    "infiltration": "infiltration",
    "runoff": "runoff",
    "evaporation": "evaporation",
    "transpiration": "transpiration",
    "interception": "interception_evaporation",
    "drainage": "drainage",
}
"""Fluxes of the simulation, and the quantities that they are."""

ENDS = {
    "storage": "soil_water_storage",
    "pond": "standing_water",
    "snow": "snow_water_equivalent",
    "canopy": "canopy_water",
    "balance_error": "balance_error",
}
"""States of the simulation, and the quantities that they are."""

_POINT = "at the end of the interval"


def _flux(dims: tuple[str, ...], values: np.ndarray, name: str) -> xr.Variable:
    if not name:
        return variable(
            dims,
            values,
            "",
            units="mm",
            long_name="rain, drip and melt water that reach the soil per time step",
            cell_methods="time: sum",
        )
    return variable(dims, values, name, cell_methods="time: sum")


def _layer_coordinates(layers: tuple[float, ...]) -> dict[str, xr.Variable]:
    edges = np.array(layers)
    middle = variable(
        ("layer",),
        0.5 * (edges[1:] + edges[:-1]),
        "depth",
        long_name="middle of the layer",
        positive="down",
        axis="Z",
        bounds="layer_bounds",
    )
    bounds = np.stack([edges[:-1], edges[1:]], axis=1)
    return {
        "layer": middle,
        "layer_bounds": xr.Variable(
            ("layer", "bound"), bounds, {"units": "cm", "long_name": "edges of the layer"}
        ),
    }


def simulated_dataset(study: ColumnStudy, axis: pd.DatetimeIndex, chunk: Chunk) -> xr.Dataset:
    """Return the members of a chunk as a dataset (member, time, ...)."""
    r: Simulated = chunk.result
    last = lambda x: np.moveaxis(np.asarray(x), -1, 0)  # noqa: E731
    d = ("member", "time")
    variables: dict[str, xr.Variable] = {
        "soil_moisture": variable(
            (*d, "layer"),
            last(r.theta),
            "soil_moisture",
            long_name="mean volumetric water content of the layer",
            cell_methods="time: point layer: mean",
            comment=_POINT,
        ),
        "root_zone": variable(
            d,
            last(r.root_zone),
            "root_zone",
            long_name=f"mean water content of 0-{study.output.root_zone:g} cm",
            cell_methods="time: point",
            comment=_POINT,
        ),
    }
    for name, quantity in SUMS.items():
        variables[quantity or name] = _flux(d, last(getattr(r, name)), quantity)
    for name, quantity in ENDS.items():
        variables[quantity] = variable(
            d, last(getattr(r, name)), quantity, cell_methods="time: point", comment=_POINT
        )
    names = operator_names(study)
    if names:
        about = {
            "cell_methods": "time: point",
            "comment": f"of the profile {_POINT}; raw counts of a detector without corrections",
        }
        variables["count_rate"] = variable(
            (*d, "operator"),
            last(r.rate),
            "",
            units="h-1",
            long_name="expected neutron count rate",
            **about,
        )
        if study.neutrons.noise:
            variables["count_rate_counted"] = variable(
                (*d, "operator"),
                last(r.counted),
                "",
                units="h-1",
                long_name="counted neutron rate, with Poisson noise of the output interval",
                **about,
            )
    variables["status"] = xr.Variable(
        ("member",), np.asarray(r.status, np.int8), status_attributes()
    )
    steps = np.asarray(r.steps)
    variables["steps"] = xr.Variable(
        ("member",), steps[0], {"units": "1", "long_name": "time steps of the solver"}
    )
    variables["rejected_steps"] = xr.Variable(
        ("member",), steps[1], {"units": "1", "long_name": "steps that were rejected"}
    )
    coordinates: dict[str, Any] = {
        "member": xr.Variable(("member",), chunk.members, {"long_name": "number of the member"}),
        "time": time_coordinate(axis),
        **_layer_coordinates(study.layers()),
    }
    if names:
        coordinates["operator"] = operator_coordinate(study)
    return xr.Dataset(variables, coords=coordinates)


def operator_coordinate(study: ColumnStudy) -> xr.Variable:
    """Return the names of the operators."""
    names = np.array(operator_names(study), dtype=object)
    return xr.Variable(("operator",), names, {"long_name": "neutron operator"})


def status_attributes() -> dict[str, Any]:
    """Return the CF attributes of the status of members."""
    return {
        "long_name": "how the column ended; after a failure its values are missing",
        "flag_values": np.array([int(s) for s in Status], dtype=np.int8),
        "flag_meanings": " ".join(s.name.lower() for s in Status),
    }


def soil_variables(soils: Soils) -> dict[str, xr.Variable]:
    """Return the soils of all members as variables (horizon, member)."""
    d = ("horizon", "member")
    out: dict[str, xr.Variable] = {
        "horizon_bottom": variable(d, soils.bottom, "depth", long_name="lower end of the horizon")
    }
    quantities = {"l": "pore_connectivity", "air_entry": "pressure_head"}
    words = {"air_entry": {"long_name": "head of air entry"}}
    for name, values in soils.parameters.items():
        out[name] = variable(d, values, quantities.get(name, name), **words.get(name, {}))
    out["bulk_density"] = variable(d, soils.bulk_density, "bulk_density")
    out["lattice_water"] = variable(d, soils.lattice_water, "lattice_water")
    out["organic_water"] = variable(d, soils.organic_water, "organic_water")
    for name, values in soils.extra.items():
        out[name] = variable(("member",), values, name)
    out["member_name"] = xr.Variable(
        ("member",), np.array(soils.names, dtype=object), {"long_name": "name of the soil"}
    )
    return out


def attributes(study: ColumnStudy) -> dict[str, Any]:
    """Return the global attributes of every file."""
    return {
        "Conventions": "CF-1.11",
        "title": study.title or f"Soil column {study.site.name}",
        "station": study.site.name,
        "source": study.site.source or _weather_source(study),
        "license": study.site.license or "not stated",
        "seed": study.seed,
        "precision": study.precision,
    }


def _weather_source(study: ColumnStudy) -> str:
    if study.weather.method == "generator":
        return f"simulated; weather drawn for the climate {study.weather.climate}"
    return "simulated; source of the weather not stated"


# --- what a balance tells ---------------------------------------------------------------

_OUT = ("runoff", "evaporation", "transpiration", "interception_evaporation", "drainage")
_STORES = ("soil_water_storage", "standing_water", "snow_water_equivalent", "canopy_water")


def closure(dataset: xr.Dataset) -> xr.DataArray:
    """Return what precipitation, outflows and all stores miss since the first interval [mm]."""
    water = sum((dataset[name].astype(float) for name in _STORES), xr.zeros_like(dataset["runoff"]))
    net = dataset["precipitation"].astype(float) - sum(dataset[n].astype(float) for n in _OUT)
    return (water - water.isel(time=0)) - (net.cumsum("time") - net.isel(time=0))
