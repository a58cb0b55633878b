"""NetCDF files to and from mHM: opened with a clear sentence, written as Fortran reads them."""

import warnings
from pathlib import Path

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


def save_netcdf(dataset: xr.Dataset, path: Path) -> None:
    """Write a file that Fortran reads: texts of fixed length, no fill values but the given."""
    for variable in dataset.variables.values():
        variable.attrs = {
            key: np.bytes_(value) if isinstance(value, str) else value
            for key, value in variable.attrs.items()
        }
    encoding = {name: {"_FillValue": None} for name in dataset.variables}
    dataset.to_netcdf(path, engine="h5netcdf", encoding=encoding)
