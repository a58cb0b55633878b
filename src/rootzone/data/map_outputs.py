"""Results of cells as maps: CF NetCDF or Zarr, or with the names of mHM, written day by day.

A store takes one part of the days after the other, so that a run of any length fits in memory; a
NetCDF file stands under its name when it is complete.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import h5netcdf
import numpy as np
import xarray as xr

from rootzone.core import DataError
from rootzone.data.domain import Domain, Setup
from rootzone.water.cell.outputs import NEUTRONS, OUTPUTS
from rootzone.water.cell.types import HORIZON

Daily = Mapping[str, Any]
"""Outputs by name, arrays (day, cell) or (day, horizon, cell)."""

_NODATA = -9999.0
_COUNTS = {"units": "h-1", "long_name": "count rate of cosmic-ray neutrons"}


def to_maps(values: Any, mask: np.ndarray, *, fill: float = np.nan) -> np.ndarray:
    """Return values (..., cell) as maps (..., row, column).

    Raises
    ------
    ValueError
        If the number of cells is not that of the mask.
    """
    values = np.asarray(values)
    if values.shape[-1] != mask.sum():
        raise ValueError(f"{values.shape[-1]} cells, the mask has {int(mask.sum())}")
    full = np.full((*values.shape[:-1], *mask.shape), fill, dtype=values.dtype)
    full[..., mask] = values
    return full


class Layout(Protocol):
    """How outputs become a dataset."""

    def dataset(self, domain: Domain, setup: Setup, daily: Daily, first: int) -> xr.Dataset:
        """Return the days from ``first`` on as a dataset with a dimension ``time``."""
        ...


@dataclass(frozen=True)
class CfLayout:
    """CF conventions: volumetric soil moisture, bounds, cell methods, coordinates.

    Attributes
    ----------
    double : bool
        Whether values are written with 8 bytes.
    """

    double: bool = False

    def dataset(self, domain: Domain, setup: Setup, daily: Daily, first: int) -> xr.Dataset:
        """Return the days from ``first`` on; states are means of the day, fluxes sums."""
        kind = np.float64 if self.double else np.float32
        days = len(next(iter(daily.values())))
        y, x = ("lat", "lon") if domain.geographic else ("y", "x")
        variables = {}
        for name, values in daily.items():
            attrs, per_horizon, is_state = _declared(name)
            attrs["cell_methods"] = f"time: {'mean' if is_state else 'sum'}"
            if not domain.geographic:
                attrs["coordinates"] = "lat lon"
            maps = to_maps(np.asarray(values, dtype=kind), domain.mask1)
            dims = ("time", "horizon", y, x) if per_horizon else ("time", y, x)
            variables[name] = xr.Variable(dims, maps, attrs | {"_FillValue": kind(np.nan)})
        since = f"days since {setup.start_day}"
        starts = np.arange(first, first + days, dtype=float)
        coordinates = _space(domain, y, x) | {
            "time": xr.Variable(
                "time",
                starts,
                {
                    "standard_name": "time",
                    "long_name": "start of the interval (UTC)",
                    "axis": "T",
                    "units": since,
                    "calendar": "standard",
                    "bounds": "time_bnds",
                },
            ),
            "time_bnds": xr.Variable(("time", "bnds"), np.stack([starts, starts + 1], axis=1)),
        }
        if any("horizon" in v.dims for v in variables.values()):
            coordinates |= _horizons(setup)
        attrs = {"Conventions": "CF-1.11", "title": domain.name, "source": "rootzone"}
        return xr.Dataset(variables, coordinates, attrs)


@dataclass(frozen=True)
class MhmLayout:
    """Names, dimensions and missing values of ``mHM_Fluxes_States.nc``.

    Only what mHM knows is written; soil moisture is there as content (SWC) and as degree of
    saturation (SM), both where the run returns them.
    """

    def dataset(self, domain: Domain, setup: Setup, daily: Daily, first: int) -> xr.Dataset:
        """Return the days from ``first`` on, in double precision."""
        days = len(next(iter(daily.values())))
        fill: dict[str, Any] = {"_FillValue": _NODATA, "missing_value": _NODATA}
        if not domain.geographic:
            fill["coordinates"] = "lat lon"
        variables = {}
        for name, values in daily.items():
            attrs, per_horizon, is_state = _declared(name)
            mhm_name = NEUTRONS if name == NEUTRONS else OUTPUTS[name].mhm_name
            if mhm_name is None:
                continue
            if not is_state:
                attrs["units"] = "mm d-1"
            maps = to_maps(np.asarray(values, dtype=float), domain.mask1, fill=_NODATA)
            parts = {mhm_name: maps}
            if per_horizon:
                parts = {f"{mhm_name}_L{h + 1:02d}": maps[:, h] for h in range(maps.shape[1])}
            for part, field in parts.items():
                dims = ("time", "northing", "easting")
                variables[part] = xr.Variable(dims, field, dict(attrs) | fill)
        hours = np.arange(first, first + days, dtype=np.int32) * np.int32(24)
        coordinates = _space(domain, "northing", "easting") | {
            "time": xr.Variable(
                "time", hours, {"units": f"hours since {setup.start_day} 00:00:00", "axis": "T"}
            )
        }
        return xr.Dataset(variables, coordinates, {"title": domain.name})


def _declared(name: str) -> tuple[dict[str, Any], bool, bool]:
    """Return unit and long name, whether there is one per horizon, and whether it is a state."""
    if name == NEUTRONS:
        return dict(_COUNTS), False, True
    if name not in OUTPUTS:
        raise DataError(f"no output '{name}'; known are {', '.join([*OUTPUTS, NEUTRONS])}")
    output = OUTPUTS[name]
    attrs = {"units": output.unit, "long_name": output.long_name}
    return attrs, output.axes == HORIZON, output.is_state


def _space(domain: Domain, y: str, x: str) -> dict[str, xr.Variable]:
    grid = domain.level1
    if domain.geographic:
        lat = {"standard_name": "latitude", "units": "degrees_north", "axis": "Y"}
        lon = {"standard_name": "longitude", "units": "degrees_east", "axis": "X"}
        return {y: xr.Variable(y, grid.y, lat), x: xr.Variable(x, grid.x, lon)}
    coordinates = {
        name: xr.Variable(
            name,
            centers,
            {"standard_name": f"projection_{axis.lower()}_coordinate", "units": "m", "axis": axis},
        )
        for name, centers, axis in ((y, grid.y, "Y"), (x, grid.x, "X"))
    }
    for name, values in (("latitude", domain.latitude1), ("longitude", domain.longitude1)):
        unit = "degrees_north" if name == "latitude" else "degrees_east"
        attrs = {"standard_name": name, "units": unit}
        coordinates[name[:3]] = xr.Variable((y, x), values, attrs)
    return coordinates


def _horizons(setup: Setup) -> dict[str, xr.Variable]:
    """Return number and upper depth of the horizons; the last may end with the soil."""
    upper = np.array([0.0, *setup.horizon_depths])[: setup.horizons]
    number = np.arange(1, setup.horizons + 1)
    depth = {"long_name": "upper depth of the horizon", "units": "mm", "positive": "down"}
    return {
        "horizon": xr.Variable("horizon", number, {"long_name": "soil horizon from the top"}),
        "horizon_top": xr.Variable("horizon", upper, depth),
    }


# --- stores -------------------------------------------------------------------------------


class NetcdfStore:
    """A NetCDF file that grows along time.

    The file has the ending ``.part`` until the store is closed without an error.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self._part = self.path.with_name(self.path.name + ".part")
        self._file: h5netcdf.File | None = None
        self._days = 0

    def append(self, dataset: xr.Dataset) -> None:
        """Append the days of a dataset; all parts have the same variables."""
        count = dataset.sizes["time"]
        if self._file is None:
            self._file = self._begin(dataset)
        stop = self._days + count
        self._file.resize_dimension("time", stop)
        for name, variable in dataset.variables.items():
            if "time" in variable.dims:
                self._file.variables[str(name)][self._days : stop] = variable.values
        self._days = stop

    def _begin(self, dataset: xr.Dataset) -> h5netcdf.File:
        file = h5netcdf.File(self._part, "w")
        file.dimensions = {
            str(name): None if name == "time" else size for name, size in dataset.sizes.items()
        }
        for name, variable in dataset.variables.items():
            in_time = "time" in variable.dims
            new = file.create_variable(
                str(name),
                tuple(map(str, variable.dims)),
                variable.dtype,
                fillvalue=variable.attrs.get("_FillValue"),
                **({"compression": "gzip", "compression_opts": 1} if variable.ndim > 2 else {}),
            )
            for key, value in variable.attrs.items():
                if key != "_FillValue":
                    new.attrs[key] = np.bytes_(value) if isinstance(value, str) else value
            if not in_time:
                new[...] = variable.values
        for key, value in dataset.attrs.items():
            file.attrs[key] = np.bytes_(value) if isinstance(value, str) else value
        return file

    def close(self) -> None:
        """Close the file and give it its name."""
        if self._file is not None:
            self._file.close()
            self._part.replace(self.path)
            self._file = None

    def __enter__(self) -> "NetcdfStore":
        """Return the store."""
        return self

    def __exit__(self, kind: Any, *rest: Any) -> None:
        """Close; after an error the unfinished file is removed."""
        if kind is None:
            self.close()
        elif self._file is not None:
            self._file.close()
            self._part.unlink(missing_ok=True)


class ZarrStore:
    """A Zarr store that grows along time."""

    def __init__(self, path: Path):
        self.path = Path(path)
        self._begun = False

    def append(self, dataset: xr.Dataset) -> None:
        """Append the days of a dataset; all parts have the same variables."""
        for variable in dataset.variables.values():
            if "_FillValue" in variable.attrs:
                variable.encoding["_FillValue"] = variable.attrs.pop("_FillValue")
        if self._begun:
            fixed = [n for n, v in dataset.variables.items() if "time" not in v.dims]
            dataset.drop_vars(fixed).to_zarr(self.path, append_dim="time", consolidated=False)
            return
        dataset.to_zarr(self.path, mode="w", consolidated=False)
        self._begun = True

    def close(self) -> None:
        """Nothing is left to do."""

    def __enter__(self) -> "ZarrStore":
        """Return the store."""
        return self

    def __exit__(self, *error: Any) -> None:
        """Nothing is left to do."""
