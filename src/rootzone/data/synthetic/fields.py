"""Random maps: smooth fields, terrain, classes of soil, rock and land cover."""

import numpy as np

from rootzone.data.domain import MISSING_CLASS
from rootzone.data.rasters import Grid


def smooth_field(rng: np.random.Generator, shape: tuple[int, int], length: float) -> np.ndarray:
    """Return a Gaussian random field with mean 0 and standard deviation 1.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    shape : (rows, columns)
        Size of the field.
    length : float
        Length of correlation [cells].
    """
    pad = int(np.ceil(2 * length))
    rows, cols = shape[0] + pad, shape[1] + pad
    noise = np.fft.rfft2(rng.standard_normal((rows, cols)))
    ky, kx = np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(cols)[None, :]
    damp = np.exp(-2.0 * (np.pi * length) ** 2 * (kx**2 + ky**2))
    values = np.fft.irfft2(noise * damp, s=(rows, cols))[: shape[0], : shape[1]]
    return (values - values.mean()) / values.std()


def slope_and_aspect(dem: np.ndarray, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Return slope [%] and aspect [degrees from north, clockwise] by central differences.

    Slopes below 0.01 % and aspects below 1 degree are raised to these, as mHM does.
    """
    south, east = np.gradient(dem, grid.cellsize)
    slope = 100.0 * np.hypot(south, east)
    aspect = np.degrees(np.arctan2(-east, south)) % 360.0
    return np.round(np.maximum(slope, 0.01), 4), np.round(np.maximum(aspect, 1.0), 3)


def ranked_classes(values: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return classes 1, 2, ... of a field, each with its share of the area."""
    edges = np.quantile(values, np.cumsum(shares)[:-1] / np.sum(shares))
    return np.searchsorted(edges, values.ravel()).reshape(values.shape) + 1


def masked(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return a map with its missing value outside the mask."""
    if np.issubdtype(values.dtype, np.integer):
        return np.where(mask, values, MISSING_CLASS)
    return np.where(mask, values, np.nan)


def geographic(grid: Grid, center: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return latitude and longitude of the cells around a center, on a sphere."""
    latitude, longitude = center
    meters = 6371000.0 * np.pi / 180.0
    y = grid.y - 0.5 * (grid.y[0] + grid.y[-1])
    x = grid.x - 0.5 * (grid.x[0] + grid.x[-1])
    lat = latitude + y[:, None] / meters + 0.0 * x[None, :]
    lon = longitude + x[None, :] / (meters * np.cos(np.radians(lat)))
    return lat, lon
