"""Spatial efficiency: how well a simulated map has the pattern of an observed one."""

from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from rootzone.evaluate._gaps import float_arrays, masked_mean, pairs, safe_sqrt
from rootzone.evaluate.scores import distance_from_one, kge_2012


class SpatialEfficiency(NamedTuple):
    """SPAEF with its components, 1 at best [1], and the number of histogram bins used."""

    spaef: jax.Array
    alpha: jax.Array  # Pearson correlation of the cells
    beta: jax.Array  # ratio of coefficients of variation, simulated to observed
    gamma: jax.Array  # overlap of the two histograms of z-scores
    n_bins: jax.Array


def _counts(
    z: jax.Array, valid: jax.Array, low: jax.Array, high: jax.Array, n_bins: jax.Array, size: int
) -> jax.Array:
    """Count ``z`` in ``n_bins`` equal bins of [low, high], both ends in; ``size`` >= n_bins."""
    step = (high - low) / n_bins

    def edge(i):
        return jnp.where(i == n_bins, high, low + i * step)

    index = jnp.floor((z - low) / jnp.where(step > 0, step, 1.0)).astype(int)
    index = jnp.clip(index, 0, n_bins - 1)  # the last bin owns its upper edge
    index = index - (z < edge(index))  # the quotient was rounded across an edge
    index = index + ((z >= edge(index + 1)) & (index < n_bins - 1))
    inside = valid & (z >= low) & (z <= high)
    return jnp.zeros(size, jnp.int32).at[jnp.where(inside, index, size)].add(1, mode="drop")


@partial(jax.jit, static_argnums=(3, 4))
def _overlap(
    sim: jax.Array, obs: jax.Array, valid: jax.Array, bins: int | str, edges: str
) -> tuple[jax.Array, jax.Array]:
    """Return the overlap of the histograms of one pair of maps, and the number of bins."""
    n = jnp.sum(valid)
    root = jnp.sqrt(n.astype(sim.dtype))
    if isinstance(bins, int):
        n_bins, size = jnp.asarray(bins), bins
    else:
        n_bins = jnp.maximum(jnp.round(root) if bins == "round" else jnp.floor(root), 1)
        n_bins, size = n_bins.astype(int), int(sim.size**0.5) + 1

    def z_score(x):
        anomaly = x - masked_mean(x, valid)
        spread = safe_sqrt(masked_mean(anomaly**2, valid))
        return anomaly / jnp.where(spread > 0, spread, 1.0)

    def limits(z):
        low, high = jnp.where(valid, z, jnp.inf), jnp.where(valid, z, -jnp.inf)
        return jnp.min(low), jnp.max(high)

    z_sim, z_obs = z_score(sim), z_score(obs)
    of_sim, of_obs = limits(z_sim), limits(z_obs)
    if edges == "obs":
        of_sim = of_obs
    elif edges == "common":
        both = jnp.minimum(of_sim[0], of_obs[0]), jnp.maximum(of_sim[1], of_obs[1])
        of_sim = of_obs = both
    shared = jnp.minimum(
        _counts(z_sim, valid, *of_sim, n_bins, size), _counts(z_obs, valid, *of_obs, n_bins, size)
    )
    gamma = jnp.sum(shared) / jnp.maximum(n, 1).astype(sim.dtype)
    return jnp.where(n > 0, gamma, jnp.nan), n_bins


def _check_rules(bins: int | str, edges: str) -> None:
    if not (bins in ("round", "floor") or (isinstance(bins, int) and bins > 0)):
        raise ValueError(f"bins is {bins!r}, 'round', 'floor' or a positive number wanted")
    if edges not in ("own", "common", "obs"):
        raise ValueError(f"edges is {edges!r}, 'own', 'common' or 'obs' wanted")


def _cells_last(x: jax.Array, axis: int | tuple[int, ...] | None) -> jax.Array:
    axes = tuple(range(x.ndim)) if axis is None else (axis,) if isinstance(axis, int) else axis
    x = jnp.moveaxis(x, axes, range(-len(axes), 0))
    return x.reshape(*x.shape[: x.ndim - len(axes)], -1)


def spaef(
    *,
    sim: ArrayLike,
    obs: ArrayLike,
    axis: int | tuple[int, ...] | None = None,
    bins: Literal["round", "floor"] | int = "round",
    edges: Literal["own", "common", "obs"] = "own",
) -> SpatialEfficiency:
    r"""Return the spatial efficiency of a simulated map, with its three components.

    .. math:: \mathrm{SPAEF} = 1 - \sqrt{(\alpha-1)^2 + (\beta-1)^2 + (\gamma-1)^2}

    with :math:`\alpha` the Pearson correlation over the cells, :math:`\beta` the ratio of the
    coefficients of variation and :math:`\gamma = \sum_j \min(K_j, L_j) / \sum_j K_j` the
    overlap of the histograms of the z-scores of the two maps.

    Parameters
    ----------
    sim, obs : array
        Simulated and observed map [any unit with a natural zero]; a cell that is NaN in either
        is left out.
    axis : int, tuple of int or None
        The axes of the cells; the others are batch. None: all axes, one map.
    bins : {"round", "floor"} or int
        Number of histogram bins: the square root of the number of valid cells, rounded half to
        even (authors' Python code) or down (their Matlab and R codes), or a fixed number
        (Koch et al. 2018: 100).
    edges : {"own", "common", "obs"}
        Each histogram over the range of its own map (authors' Python and Matlab codes), both
        over the joint range (what an overlap means), or both over the range of the observed map
        (their R code; simulated cells outside are not counted).

    Returns
    -------
    SpatialEfficiency
        ``spaef, alpha, beta, gamma`` [1] and ``n_bins``, arrays of the batch shape. NaN where a
        map is constant or has the mean zero.

    Notes
    -----
    The defaults are those of version 2 of the authors' Python code, to be comparable with
    published numbers. ``bins`` and ``edges`` change the value by several hundredths: state them
    with it. ``gamma`` is a step function: its gradient is zero, that of the others is exact.
    Source: Koch et al. (2018), doi:10.5194/gmd-11-1873-2018; Demirel et al. (2018),
    doi:10.5194/hess-22-1299-2018.

    Examples
    --------
    >>> efficiency = spaef(sim=[[0.1, 0.2], [0.3, 0.4]], obs=[[0.1, 0.2], [0.3, 0.4]])
    >>> round(float(efficiency.spaef), 4), int(efficiency.n_bins)
    (1.0, 2)
    """
    _check_rules(bins, edges)
    sim, obs = (_cells_last(x, axis) for x in jnp.broadcast_arrays(*float_arrays(sim, obs)))
    overlap = jnp.vectorize(_overlap, excluded=(3, 4), signature="(n),(n),(n)->(),()")
    gamma, n_bins = overlap(*pairs(sim, obs), bins, edges)
    kge = kge_2012(sim=sim, obs=obs)
    parts = kge.r, kge.gamma, gamma
    return SpatialEfficiency(distance_from_one(*parts), *parts, n_bins)
