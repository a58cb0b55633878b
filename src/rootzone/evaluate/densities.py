"""Densities of many values, and of a distribution that is told by quantiles."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtri
from scipy.stats import gaussian_kde

BIN = 5e-4
"""Width of the bins of pooled values [m3 m-3]."""

EDGES = np.round(np.arange(-0.3, 1.3 + BIN / 2, BIN), 6)
"""Edges of the bins of pooled values; what lies outside falls into the outer bins."""

CENTERS = 0.5 * (EDGES[1:] + EDGES[:-1])
_SMOOTH = 4  # bins: of pooled quantiles, which are points where a density is meant


def binned(values: ArrayLike) -> np.ndarray:
    """Return counts (bin) of all values that are there, outer ones in the outer bins."""
    values = np.asarray(values)
    values = values[np.isfinite(values)]
    index = np.clip(((values - EDGES[0]) / BIN).astype(int), 0, CENTERS.size - 1)
    return np.bincount(index, minlength=CENTERS.size).astype(float)


def binned_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the Wasserstein-1 distance [m3 m-3] of two histograms (..., bin) of EDGES.

    The area between the distribution functions at the edges; NaN where either is empty.
    """
    with np.errstate(invalid="ignore"):
        F_a = np.cumsum(a, axis=-1) / a.sum(axis=-1, keepdims=True)
        F_b = np.cumsum(b, axis=-1) / b.sum(axis=-1, keepdims=True)
    return np.abs(F_a - F_b).sum(axis=-1) * BIN


def kernel_density(counts: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the Gaussian kernel density [m-3 m3] at x of values that are counted in bins.

    Scott's bandwidth of the number of values; the bins are far narrower than it. NaN with fewer
    than two different bins.

    Notes
    -----
    Source: Scott (1992), Multivariate Density Estimation, doi:10.1002/9780470316849.
    """
    some = counts > 0
    if some.sum() < 2:
        return np.full(x.shape, np.nan)
    scott = counts.sum() ** (-1 / 5)
    return gaussian_kde(CENTERS[some], bw_method=scott, weights=counts[some])(x)


def pooled_density(counts: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the density [m-3 m3] at x of pooled quantiles that are counted in bins.

    Smoothed over 0.002 m3 m-3 only, for the quantiles already spread as the distributions do.
    """
    total = counts.sum()
    if total == 0:
        return np.full(x.shape, np.nan)
    return np.interp(x, CENTERS, gaussian_filter1d(counts / (total * BIN), _SMOOTH))


def density_from_quantiles(x: np.ndarray, quantile: np.ndarray, levels: np.ndarray) -> np.ndarray:
    r"""Return the density at x of a distribution told by its quantiles.

    .. math:: p(x) = \varphi(z(x))\,z'(x), \qquad z(Q(u)) = \Phi^{-1}(u)

    with a monotone cubic z between the quantiles and a straight one beyond: exact for a Gaussian.

    Parameters
    ----------
    x : array (m)
        Values [m3 m-3].
    quantile, levels : array (level)
        Quantiles [m3 m-3] and their probabilities [1]; a NaN quantile gives a NaN density.
    """
    if not np.isfinite(quantile).all():
        return np.full(x.shape, np.nan)
    order = np.argsort(levels)
    q, z = np.asarray(quantile, float)[order], ndtri(np.asarray(levels, float)[order])
    step = max(1e-7, 1e-7 * abs(q[-1]))
    q = np.maximum.accumulate(q) + step * np.arange(q.size)  # strictly rising
    z_of = PchipInterpolator(q, z)
    slope = z_of.derivative()
    inner = np.clip(x, q[0], q[-1])
    ends = (z[1] - z[0]) / (q[1] - q[0]), (z[-1] - z[-2]) / (q[-1] - q[-2])
    below, above = x < q[0], x > q[-1]
    rate = np.where(below, ends[0], np.where(above, ends[1], slope(inner)))
    score = z_of(inner) + np.where(below | above, rate * (x - inner), 0.0)
    return np.exp(-0.5 * score**2) / np.sqrt(2 * np.pi) * rate
