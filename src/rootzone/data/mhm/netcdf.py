"""NetCDF files to and from mHM: opened with a clear sentence, written as Fortran reads them."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from rootzone.core import DataError

_UNREADABLE = (
    OSError,
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    MemoryError,
)
"""What the libraries raise on a damaged file."""


@contextmanager
def open_netcdf(path: Path, *, decode_times: bool = True) -> Iterator[xr.Dataset]:
    """Open a NetCDF file, classic or HDF5, missing values as NaN.

    Raises
    ------
    DataError
        If the file is missing or cannot be read, also later, when its values are asked for.
    """
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    try:
        with path.open("rb") as file:
            engine = "scipy" if file.read(3) == b"CDF" else "h5netcdf"
        if engine == "h5netcdf":  # which would leave a file half open that is no HDF5
            h5py.File(path).close()
        with warnings.catch_warnings():
            # mHM writes its missing value twice, as a number and as a text
            warnings.simplefilter("ignore", xr.SerializationWarning)
            dataset = xr.open_dataset(path, engine=engine, decode_times=decode_times)
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error
    with dataset:
        try:
            yield dataset
        except (OSError, RuntimeError) as error:
            raise _unreadable(path, error) from error


def _unreadable(path: Path, error: BaseException) -> DataError:
    return DataError(f"{path}: cannot be read as NetCDF ({error})")


def load_netcdf(path: Path) -> xr.Dataset:
    """Return a NetCDF file read whole, missing values as NaN.

    The same as ``open_netcdf(path).load()``, in a tenth of the time where many variables share an
    unlimited dimension: h5netcdf asks all of them for its length, over and over.

    Raises
    ------
    DataError
        If the file is missing or cannot be read.
    """
    try:
        with h5py.File(path) as file:
            variables = {
                name: _variable(name, item)
                for name, item in file.items()
                if isinstance(item, h5py.Dataset) and _is_variable(item)
            }
            dataset = xr.Dataset(variables, attrs=_attributes(file))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", xr.SerializationWarning)
            return xr.decode_cf(dataset).load()
    except _UNREADABLE:  # another format, more than mHM writes, or damaged: the general way tells
        with open_netcdf(path) as general:
            return general.load()


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
