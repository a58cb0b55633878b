"""ERA5-Land beside sensors: the nearest grid point of each place, the layer of each depth.

Source: Munoz-Sabater et al. 2021, https://doi.org/10.5194/essd-13-4349-2021. Layers 0-7, 7-28,
28-100, 100-289 cm; grid of 0.1 degrees.
"""

# pyright: reportOperatorIssue=false, reportAttributeAccessIssue=false, reportArgumentType=false
# (pandas types every scalar as "or NaT", which the checks above this code rule out)

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from rootzone.core import DataError, quantity
from rootzone.data.mhm.netcdf import open_netcdf
from rootzone.data.replicates.join import great_circle
from rootzone.data.tables import numbers, time_index
from rootzone.data.text_files import read_raw
from rootzone.data.units import convert

_SPACING = 0.1
"""Spacing of the grid where a table of points does not tell it [degrees]."""
_PAPER = (10.0, 30.0, 50.0)
"""Depths that Bischof et al. (2025) compare with layers 1, 2, 3 [cm]."""
_TIMES = ("valid_time", "time")


class Layer(NamedTuple):
    """A layer: its variable or column, its edges [cm]."""

    name: str
    upper: float
    lower: float


class GridPoints(NamedTuple):
    """Soil moisture of the nearest grid point of each place.

    Attributes
    ----------
    times : DatetimeIndex
        UTC.
    values : array (layer, place, time)
        [m3 m-3].
    distance : array (place,)
        [km].
    """

    times: pd.DatetimeIndex
    values: np.ndarray
    distance: np.ndarray


def layer_of(depth: float, layers: Sequence[Layer], rule: str | Mapping[float, int]) -> int:
    """Return the index of the layer that a depth [cm] is compared with.

    Parameters
    ----------
    depth : float
        [cm].
    layers : sequence of Layer
        From the surface down; an edge belongs to the layer above it.
    rule : 'containing', 'paper' or mapping
        The layer that holds the depth; layers 1, 2, 3 for what is nearest to 10, 30, 50 cm (the
        deeper one of two); or numbers of layers by depth.

    Raises
    ------
    DataError
        If no layer holds the depth, or the mapping lacks it.

    Examples
    --------
    >>> era5 = [Layer("swvl1", 0, 7), Layer("swvl2", 7, 28), Layer("swvl3", 28, 100)]
    >>> [layer_of(d, era5, "containing") + 1 for d in (5, 10, 30, 50)]
    [1, 2, 3, 3]
    >>> [layer_of(d, era5, "paper") + 1 for d in (5, 10, 30, 50)]
    [1, 1, 2, 3]
    """
    if rule == "paper":
        return min(range(3), key=lambda n: (abs(_PAPER[n] - depth), -n))
    if not isinstance(rule, str):
        number = next((n for d, n in rule.items() if abs(d - depth) < 1e-6), None)
        if number is None:
            raise DataError(
                f"data.era5_land.layer_of_depth has no layer for {depth:g} cm: name one"
            )
        return number - 1
    for n, layer in enumerate(layers):
        if layer.upper < depth <= layer.lower:
            return n
    raise DataError(
        f"data.era5_land: no layer holds {depth:g} cm, they end at {layers[-1].lower:g} cm: add "
        "a layer (swvl4: 100 to 289 cm), or set layer_of_depth"
    )


def read_era5_land(
    files: Sequence[Path],
    layers: Sequence[Layer],
    names: Sequence[str],
    latitude: np.ndarray,
    longitude: np.ndarray,
    *,
    units: str,
) -> GridPoints:
    """Read the grid points next to places from NetCDF files or from tables of points.

    Parameters
    ----------
    files : sequence of Path
        All NetCDF, or all tables.
    layers : sequence of Layer
        Variables or columns.
    names : sequence of str
        Places, for messages.
    latitude, longitude : array (place,)
        [degrees].
    units : str
        Unit of tables; NetCDF files tell theirs.

    Raises
    ------
    DataError, UnitError
        If a file cannot be used, a place has no position, or the grid does not reach it.
    """
    lost = next((n for n, lat in zip(names, latitude, strict=True) if np.isnan(lat)), None)
    if lost is not None:
        raise DataError(
            f"place {lost} has no latitude and longitude, its grid point of ERA5-Land is not known"
        )
    grids = [_is_netcdf(path) for path in files]
    if all(grids):
        parts = [_of_grid(path, layers, names, latitude, longitude) for path in files]
    elif not any(grids):
        parts = [_of_table(files, layers, names, latitude, longitude, units)]
    else:
        raise DataError("data.era5_land.files are NetCDF and tables, wanted one of the two")
    times = pd.DatetimeIndex(np.concatenate([p.times.to_numpy() for p in parts]))
    values = np.concatenate([p.values for p in parts], axis=-1)
    order = np.argsort(times.to_numpy(), kind="stable")
    order = order[~times[order].duplicated()]
    distance = np.max([p.distance for p in parts], axis=0)
    return GridPoints(times[order], values[:, :, order], distance)


def _is_netcdf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in (b"\x89HDF", b"CDF\x01", b"CDF\x02", b"CDF\x05")


def _nearest(
    path: str,
    names: Sequence[str],
    at: tuple[np.ndarray, np.ndarray],
    points: tuple[np.ndarray, np.ndarray],
    spacing: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest point of each place and its distance [km]; a cell's diagonal at most."""
    distances = great_circle(at[0][:, None], at[1][:, None], points[0][None], points[1][None])
    index = np.argmin(distances, axis=1)
    nearest = distances[np.arange(len(index)), index]
    reach = great_circle(0.0, 0.0, spacing, spacing)
    for name, km in zip(names, nearest, strict=True):
        if km > reach:
            raise DataError(
                f"{path}: the grid does not reach place {name}: its nearest point with values lies "
                f"{km:.0f} km away, a cell is {spacing:g} degrees wide"
            )
    return index, nearest


def _of_grid(
    path: Path,
    layers: Sequence[Layer],
    names: Sequence[str],
    latitude: np.ndarray,
    longitude: np.ndarray,
) -> GridPoints:
    with open_netcdf(path) as ds:
        for wanted in [layer.name for layer in layers]:
            if wanted not in ds.variables:
                known = ", ".join(str(v) for v in ds.data_vars)
                raise DataError(f"{path}: no variable {wanted}, there are {known}")
        time = next((t for t in _TIMES if t in ds.dims), None)
        flat = all(n in ds.dims and ds[n].ndim == 1 for n in ("latitude", "longitude"))
        if time is None or not flat:
            raise DataError(
                f"{path}: {layers[0].name} is of {', '.join(map(str, ds[layers[0].name].dims))}, "
                "wanted time (or valid_time), latitude and longitude of a regular grid"
            )
        first = _plain(ds[layers[0].name].isel({time: 0}), time)
        valid = np.argwhere(np.isfinite(first.transpose("latitude", "longitude").to_numpy()))
        if not len(valid):
            raise DataError(f"{path}: {layers[0].name} has no value at its first time")
        lat, lon = (ds[n].to_numpy().astype(float) for n in ("latitude", "longitude"))
        steps = [np.abs(np.diff(x)).max() for x in (lat, lon) if len(x) > 1]
        points = lat[valid[:, 0]], lon[valid[:, 1]]
        spacing = float(max(steps)) if steps else _SPACING
        index, km = _nearest(path.name, names, (latitude, longitude), points, spacing)
        at = {
            n: xr.DataArray(valid[index, axis], dims="point")
            for axis, n in enumerate(("latitude", "longitude"))
        }
        times = pd.DatetimeIndex(ds[time].to_numpy())
        values = []
        for layer in layers:
            variable = _plain(ds[layer.name].isel(at), time).transpose("point", time)
            if "units" not in variable.attrs:
                raise DataError(f"{path}: {layer.name} has no attribute units, m3 m-3 is wanted")
            values.append(
                convert(
                    variable.to_numpy().astype(float),
                    str(variable.attrs["units"]),
                    quantity("in_situ_soil_moisture"),
                    f"{path.name}, variable {layer.name}",
                )
            )
    return GridPoints(times, np.stack(values), km)


def _plain(variable: xr.DataArray, time: str) -> xr.DataArray:
    """Return a variable without the dimensions that hold the release or the member."""
    attrs = variable.attrs
    others = [d for d in variable.dims if d not in (time, "latitude", "longitude", "point")]
    out = variable.mean(others) if others else variable
    out.attrs = attrs
    return out


def _of_table(
    files: Sequence[Path],
    layers: Sequence[Layer],
    names: Sequence[str],
    latitude: np.ndarray,
    longitude: np.ndarray,
    units: str,
) -> GridPoints:
    where = "data.era5_land"
    raw = read_raw(list(files), layout="csv", separator=None, missing=[])
    stamp = next((t for t in _TIMES if t in raw.names), None)
    if stamp is None:
        raise DataError(f"{raw.name}: no column valid_time or time ({where}.files)")
    times = time_index(
        raw,
        layout="csv",
        column=stamp,
        time_format=None,
        day_first=None,
        timezone="UTC",
        where=where,
    )
    lat, lon = (numbers(raw, n, decimal=".", where=where) for n in ("latitude", "longitude"))
    theta = np.stack(
        [
            convert(
                numbers(raw, layer.name, decimal=".", where=where),
                units,
                quantity("in_situ_soil_moisture"),
                f"{raw.name}, column '{layer.name}' ({where}.units)",
            )
            for layer in layers
        ]
    )
    usable = np.isfinite(lat) & np.isfinite(lon) & np.isfinite(theta[0]) & ~np.asarray(times.isna())
    points = np.unique(np.stack([lat[usable], lon[usable]], axis=1), axis=0)
    if not len(points):
        raise DataError(f"{raw.name}: no row has a time, a position and {layers[0].name}")
    steps = [np.diff(np.unique(x)) for x in points.T]
    spacing = float(min(max(s.min(), 0.01) if s.size else _SPACING for s in steps))
    index, km = _nearest(
        raw.name,
        names,
        (latitude, longitude),
        (points[:, 0], points[:, 1]),
        max(spacing, _SPACING),
    )
    axis = pd.DatetimeIndex(np.unique(times[usable].to_numpy()))
    values = np.full((len(layers), len(names), len(axis)), np.nan)
    for n, point in enumerate(points[index]):
        rows = usable & (lat == point[0]) & (lon == point[1])
        values[:, n, axis.get_indexer(times[rows])] = theta[:, rows]
    return GridPoints(axis, values, km)
