"""NetCDF files to and from mHM: opened with a clear sentence, written as Fortran reads them."""

import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from rootzone.core import DataError


def open_netcdf(path: Path, *, decode_times: bool = True) -> xr.Dataset:
    """Return a NetCDF file, missing values as NaN.

    Raises
    ------
    DataError
        If the file is missing or cannot be read.
    """
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    with path.open("rb") as file:
        engine = "scipy" if file.read(3) == b"CDF" else "h5netcdf"
    try:
        with warnings.catch_warnings():
            # mHM writes its missing value twice, as a number and as a text
            warnings.simplefilter("ignore", xr.SerializationWarning)
            return xr.open_dataset(path, engine=engine, decode_times=decode_times)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as NetCDF ({error})") from error


def load_netcdf(path: Path) -> xr.Dataset:
    """Return a NetCDF file read whole, missing values as NaN.

    The same as ``open_netcdf(path).load()``, in a tenth of the time where many variables share an
    unlimited dimension: h5netcdf asks all of them for its length, over and over.

    Raises
    ------
    DataError
        If the file is missing or cannot be read.
    """
    if not path.is_file() or not h5py.is_hdf5(path):
        return open_netcdf(path).load()
    try:
        with h5py.File(path) as file:
            variables = {
                name: _variable(name, item)
                for name, item in file.items()
                if isinstance(item, h5py.Dataset) and _is_variable(item)
            }
            dataset = xr.Dataset(variables, attrs=_attributes(file))
    except (OSError, ValueError, LookupError):  # more than mHM writes: the general way
        return open_netcdf(path).load()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xr.SerializationWarning)
        return xr.decode_cf(dataset).load()


_OF_THE_FORMAT = (
    "CLASS",
    "NAME",
    "DIMENSION_LIST",
    "REFERENCE_LIST",
    "DIMENSION_LABELS",
    "_Netcdf4Dimid",
    "_Netcdf4Coordinates",
    "_NCProperties",
    "_nc3_strict",
)
_NO_VARIABLE = b"This is a netCDF dimension but not a netCDF variable"


def _is_variable(item: h5py.Dataset) -> bool:
    return not bytes(item.attrs.get("NAME", b"")).startswith(_NO_VARIABLE)


def _variable(name: str, item: h5py.Dataset) -> xr.Variable:
    dims = [name] if item.is_scale else [str(axis[0].name).rpartition("/")[2] for axis in item.dims]
    return xr.Variable(dims, item[()], _attributes(item))


def _attributes(item: h5py.Dataset | h5py.File) -> dict[str, Any]:
    found = {}
    for key, value in item.attrs.items():
        if key in _OF_THE_FORMAT:
            continue
        if isinstance(value, np.ndarray) and value.size == 1:
            value = value.item() if value.dtype.kind in "SO" else value.ravel()[0]
        found[key] = value.decode() if isinstance(value, bytes) else value
    return found


def save_netcdf(dataset: xr.Dataset, path: Path) -> None:
    """Write a file that Fortran reads: texts of fixed length, no fill values but the given."""
    for variable in dataset.variables.values():
        variable.attrs = {
            key: np.bytes_(value) if isinstance(value, str) else value
            for key, value in variable.attrs.items()
        }
    encoding = {name: {"_FillValue": None} for name in dataset.variables}
    dataset.to_netcdf(path, engine="h5netcdf", encoding=encoding)
