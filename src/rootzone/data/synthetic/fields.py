"""Random maps: smooth fields, terrain, classes of soil, rock and land cover."""

import numpy as np

from rootzone.data.domain import MISSING_CLASS
from rootzone.data.rasters import Grid, blocks


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


def ranked_classes(values: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return classes 1, 2, ... of a field, each with its share of the area."""
    edges = np.quantile(values, np.cumsum(shares)[:-1] / np.sum(shares))
    return np.searchsorted(edges, values.ravel()).reshape(values.shape) + 1


def masked(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return a map with its missing value outside the mask."""
    if np.issubdtype(values.dtype, np.integer):
        return np.where(mask, values, MISSING_CLASS)
    return np.where(mask, values, np.nan)


def block_means(values: np.ndarray, fine: Grid, coarse: Grid) -> np.ndarray:
    """Return means of all fine cells in each coarse cell."""
    index = blocks(fine, coarse).ravel()
    size = coarse.nrows * coarse.ncols
    count = np.bincount(index, minlength=size)
    return (np.bincount(index, values.ravel(), minlength=size) / count).reshape(coarse.shape)
