"""The one bridge from arrays to xarray: names, units and attributes from the declarations."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from rootzone.core import QUANTITIES


def variable(dims: tuple[str, ...], values: Any, name: str, **attrs: Any) -> xr.Variable:
    """Return a variable with the CF attributes of the declared quantity ``name``."""
    base = dict(QUANTITIES[name].attrs()) if name in QUANTITIES else {}
    return xr.Variable(dims, np.asarray(values), base | attrs)


def time_coordinate(axis: pd.DatetimeIndex) -> xr.Variable:
    """Return the time coordinate: UTC, start of the interval."""
    attrs = {
        "standard_name": "time",
        "long_name": "start of the interval (UTC)",
        "axis": "T",
    }
    return xr.Variable(("time",), axis.to_numpy().astype("datetime64[ns]"), attrs)


def daily_mean(
    values: np.ndarray, axis: pd.DatetimeIndex, days: pd.DatetimeIndex, min_count: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return means over UTC days (last axis is time) and the number of values in each."""
    position = ((axis.floor("D") - days[0]) // pd.Timedelta("1D")).to_numpy()
    flat = np.atleast_2d(values)
    means, counts = [], []
    for row in flat:
        valid = ~np.isnan(row)
        n = np.bincount(position[valid], minlength=len(days))
        total = np.bincount(position[valid], row[valid], minlength=len(days))
        with np.errstate(invalid="ignore", divide="ignore"):
            means.append(np.where(n >= max(min_count, 1), total / n, np.nan))
        counts.append(n)
    shape = (*values.shape[:-1], len(days))
    return np.reshape(means, shape), np.reshape(counts, shape)
