"""From predictive distributions to the few arrays that every model of a network is scored by.

One table of the distribution function at the quantiles of all components serves the quantiles of
the mixture, its modes, and the integrals that have no closed form; good to about 1e-4 of the
spread and many times faster than a bisection or a quadrature for each.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from scipy.special import ndtr as normal_cdf

from rootzone.evaluate.answers import LEVELS
from rootzone.learn.distributions import Affine, Transformed, spread_out
from rootzone.learn.mixtures import LaplaceMixture, Mixture, NormalMixture, combine
from rootzone.simulate import workers

CELLS = 4096
"""Distributions described together."""

_HALF = np.array([0.4, 0.8, 1.25, 1.7, 2.15, 2.6, 3.1, 3.6, 4.3])
_POINTS = normal_cdf(np.concatenate([-_HALF[::-1], [0.0], _HALF]))
_NEWTON = 4

_x, _w = np.polynomial.hermite_e.hermegauss(20)
_HERMITE = _x, _w / _w.sum()
_LAGUERRE = np.polynomial.laguerre.laggauss(20)


class Described(NamedTuple):
    """What distributions (...) say about readings (..., replicate)."""

    mean: np.ndarray
    std: np.ndarray
    quantile: np.ndarray
    """(..., level), at :data:`rootzone.evaluate.answers.LEVELS`."""
    log_prob: np.ndarray
    """(..., replicate)"""
    crps: np.ndarray
    pit: np.ndarray
    modes: np.ndarray
    """int8; 0 where nothing is answered, and of Laplaces, each of which has a peak by its form."""


def marginal(base: Mixture) -> NormalMixture | LaplaceMixture:
    """Return a mixture as plain Gaussians or Laplaces, whatever else a head knows."""
    if isinstance(base, LaplaceMixture):
        return base
    if isinstance(base, NormalMixture):
        return NormalMixture(base.log_weight, base.loc, base.scale)
    raise TypeError(f"{type(base).__name__} is no mixture of Gaussians or Laplaces")


def in_unit(distribution: Transformed) -> Transformed:
    """Return the same distribution on the unit's own scale, where the transform is affine.

    Raises
    ------
    ValueError
        If the target is bounded.
    """
    one = jnp.ones((), distribution.base.loc.dtype)
    return Transformed(marginal(distribution.in_unit()), Affine(0 * one, one))


def pooled(distributions: Sequence[Transformed]) -> Transformed:
    """Return the equal-weight mixture of Gaussian mixtures with affine transforms.

    Raises
    ------
    ValueError
        If one is bounded or of another family.
    """
    parts = [marginal(d.in_unit()) for d in distributions]
    if not all(isinstance(p, NormalMixture) for p in parts):
        raise ValueError("only Gaussian mixtures can be mixed with each other")
    one = jnp.ones((), parts[0].loc.dtype)
    return Transformed(combine(parts), Affine(0 * one, one))


def over_sensors(base: NormalMixture | LaplaceMixture) -> NormalMixture | LaplaceMixture:
    """Return the equal-weight mixture over the sensors that have an answer.

    Parameters
    ----------
    base : mixture (..., sensor, K)
        NaN where a sensor has none.

    Returns
    -------
    mixture (..., sensor K)
        A sensor without an answer takes no part: weight 0 and a stand-in for its components. NaN
        where no sensor has one.
    """
    there = jnp.all(jnp.isfinite(base.loc), axis=-1)
    n = jnp.sum(there, axis=-1)[..., None, None]
    first = jnp.argmax(there, axis=-1)[..., None, None]

    def fill(a: jax.Array) -> jax.Array:
        other = jnp.take_along_axis(a, first, axis=-2)
        return jnp.where(there[..., None], a, other)

    filled = jax.tree.map(fill, base)
    log_weight = filled.log_weight - jnp.log(jnp.maximum(n, 1).astype(base.loc.dtype))
    log_weight = jnp.where(there[..., None], log_weight, -jnp.inf)
    filled = eqx.tree_at(lambda m: m.log_weight, filled, log_weight)
    return jax.tree.map(lambda a: a.reshape(*a.shape[:-2], -1), filled)


# --- one piece ---------------------------------------------------------------------------


def _slopes(transform, z: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return y, dy/dz and its derivative at z."""
    first = lambda z: jax.jvp(transform.forward, (z,), (jnp.ones_like(z),))[1]  # noqa: E731
    slope, curve = jax.jvp(first, (z,), (jnp.ones_like(z),))
    return transform.forward(z), slope, curve


class _Table(NamedTuple):
    """The distribution function at sorted nodes (cell, node) on the network's scale."""

    wide: Transformed
    """The distributions with one more axis."""
    z: jax.Array
    cdf: jax.Array
    density: jax.Array
    """Per unit of z."""

    @property
    def base(self) -> Mixture:
        """Return the mixtures with one more axis."""
        return self.wide.base


def _table(distribution: Transformed) -> _Table:
    base = distribution.base
    points = jnp.asarray(_POINTS, base.loc.dtype)
    each = jax.vmap(lambda p: base.component_quantile(jnp.broadcast_to(p, (1,))), out_axes=-1)(
        points
    )
    nodes = each.reshape(*each.shape[:-2], -1)
    if isinstance(base, LaplaceMixture):  # where the density has an edge
        nodes = jnp.concatenate([nodes, base.loc], axis=-1)
    z = jnp.sort(nodes, axis=-1)
    wide = distribution.spread_out()
    return _Table(wide, z, wide.base.cdf(z), jnp.exp(wide.base.log_prob(z)))


def _quantiles(table: _Table, levels: np.ndarray) -> jax.Array:
    """Return quantiles (cell, level) on the network's scale: a bracket, then guarded Newton."""
    p = jnp.asarray(levels, table.z.dtype)
    below = lambda f: jnp.searchsorted(f, p, method="compare_all")  # noqa: E731
    right = jnp.clip(jax.vmap(below)(table.cdf), 1, table.z.shape[-1] - 1)
    take = lambda a, i: jnp.take_along_axis(a, i, axis=-1)  # noqa: E731
    low, high = take(table.z, right - 1), take(table.z, right)
    f_low, f_high = take(table.cdf, right - 1), take(table.cdf, right)
    share = (p - f_low) / jnp.maximum(f_high - f_low, jnp.finfo(p.dtype).tiny)
    start = low + jnp.clip(share, 0, 1) * (high - low)

    def step(_, state):
        z, low, high = state
        away = table.base.cdf(z) - p
        low, high = jnp.where(away < 0, z, low), jnp.where(away < 0, high, z)
        density = jnp.exp(table.base.log_prob(z))
        newton = z - away / jnp.maximum(density, jnp.finfo(p.dtype).tiny)
        inside = (newton >= low) & (newton <= high)
        return jnp.where(inside, newton, 0.5 * (low + high)), low, high

    return jax.lax.fori_loop(0, _NEWTON, step, (start, low, high))[0]


def _panels(z: jax.Array, value: jax.Array, slope: jax.Array) -> jax.Array:
    """Return integrals between neighboring nodes, by the trapezoid rule corrected at its ends."""
    h = jnp.diff(z, axis=-1)
    mean = 0.5 * (value[..., 1:] + value[..., :-1])
    return h * mean + h * h / 12 * (slope[..., :-1] - slope[..., 1:])


def _moments(distribution: Transformed) -> tuple[jax.Array, jax.Array]:
    """Return mean and standard deviation; of a bounded target by quadrature in each component."""
    if isinstance(distribution.transform, Affine):
        return distribution.mean(), distribution.std()
    base, dtype = distribution.base, distribution.base.loc.dtype
    if isinstance(base, LaplaceMixture):  # an exponential on each side of the location
        rates, shares = base.rates(), (base.tau, 1 - base.tau)
        sides = [
            (sign / rate[..., None] * jnp.asarray(_LAGUERRE[0], dtype), share)
            for sign, rate, share in zip((-1, 1), rates, shares, strict=True)
        ]
        away = jnp.concatenate([step for step, _ in sides], axis=-1)
        weight = [share[..., None] * jnp.asarray(_LAGUERRE[1], dtype) for _, share in sides]
        weight = jnp.concatenate(weight, axis=-1)
    else:
        away = base.scale[..., None] * jnp.asarray(_HERMITE[0], dtype)
        weight = jnp.broadcast_to(jnp.asarray(_HERMITE[1], dtype), away.shape)
    flat = lambda a: a.reshape(*a.shape[:-2], -1)  # noqa: E731
    weight = flat(weight * base.weight[..., None])
    y = spread_out(distribution.transform).forward(flat(base.loc[..., None] + away))
    mean = jnp.sum(weight * y, axis=-1)
    return mean, jnp.sqrt(jnp.sum(weight * (y - mean[..., None]) ** 2, axis=-1))


def _gaussian_crps(distribution: Transformed, obs: jax.Array) -> jax.Array:
    """Return the closed form; what the components are from each other is found once a cell."""
    base = distribution.in_unit()
    w, mean, std = base.weight, base.loc, base.scale

    def distance(mu, sigma):
        t = mu / sigma
        density = jnp.exp(-0.5 * t * t) * (2 / np.sqrt(2 * np.pi))
        return sigma * density + mu * (2 * ndtr(t) - 1)

    k, among = mean.shape[-1], 0.0
    for shift in range(1, k // 2 + 1):  # every pair once
        r = lambda a, n=shift: jnp.roll(a, n, axis=-1)  # noqa: E731
        part = w * r(w) * distance(mean - r(mean), jnp.hypot(std, r(std)))
        half = 0.5 if 2 * shift == k else 1.0
        among = among + half * jnp.sum(part, axis=-1)
    own = jnp.sum(w * w * std, axis=-1) / np.sqrt(np.pi)
    wide = jax.tree.map(lambda a: a[..., None, :], (w, mean, std))
    to_obs = jnp.sum(wide[0] * distance(obs[..., None] - wide[1], wide[2]), axis=-1)
    return to_obs - (among + own)[..., None]


def _table_crps(distribution: Transformed, table: _Table, obs: jax.Array) -> jax.Array:
    """Return the integral of the squared difference from a step at the reading, by panels."""
    transform = table.wide.transform
    missing = jnp.isnan(obs)
    ends = table.z[..., :1], table.z[..., -1:]
    safe = jnp.where(missing, transform.forward(jnp.zeros_like(obs)), obs)
    z = jnp.where(transform.inside(safe), transform.inverse(safe), jnp.where(safe > 0, *ends[::-1]))
    z = jnp.clip(z, *ends)
    _, slope, curve = _slopes(transform, table.z)
    y_obs, slope_obs, curve_obs = _slopes(transform, z)
    f_obs, density_obs = table.base.cdf(z), jnp.exp(table.base.log_prob(z))

    def square(f, density, slope, curve):
        return f * f * slope, 2 * f * density * slope + f * f * curve

    right = jax.vmap(lambda nodes, x: jnp.searchsorted(nodes, x, method="compare_all"))(table.z, z)
    left = jnp.clip(right - 1, 0, table.z.shape[-1] - 2)
    total = 0.0
    for sign in (1.0, -1.0):  # below the reading F, above it 1 - F
        f = table.cdf if sign > 0 else 1 - table.cdf
        f_here = f_obs if sign > 0 else 1 - f_obs
        value, change = square(f, sign * table.density, slope, curve)
        whole = jnp.cumsum(_panels(table.z, value, change), axis=-1)
        whole = jnp.concatenate([jnp.zeros_like(whole[..., :1]), whole], axis=-1)
        take = lambda a: jnp.take_along_axis(a, left, axis=-1)  # noqa: E731
        here, slope_here = square(f_here, sign * density_obs, slope_obs, curve_obs)
        pair = lambda a, b: jnp.stack([a, b], axis=-1)  # noqa: E731
        part = _panels(
            pair(take(table.z), z), pair(take(value), here), pair(take(change), slope_here)
        )[..., 0]
        upto = take(whole) + part
        total = total + (upto if sign > 0 else whole[..., -1:] - upto)
    return jnp.where(missing, jnp.nan, total + jnp.abs(safe - y_obs))


def _modes(table: _Table) -> jax.Array:
    """Return the number of changes of the density, in the target's unit, from rise to fall."""
    z = table.z
    slope = jax.jvp(table.base.log_prob, (z,), (jnp.ones_like(z),))[1]
    if not isinstance(table.wide.transform, Affine):
        _, first, second = _slopes(table.wide.transform, z)
        slope = slope - second / first
    rises = slope > 0
    edge = jnp.ones((*z.shape[:-1], 1), bool)
    left, right = jnp.concatenate([edge, rises], -1), jnp.concatenate([rises, ~edge], -1)
    return jnp.sum(left & ~right, axis=-1)


@eqx.filter_jit
def _describe(distribution: Transformed, obs: jax.Array, n_modes: bool) -> Described:
    """Return all that is asked of distributions (cell) and readings (cell, replicate)."""
    table = _table(distribution)
    answered = jnp.all(jnp.isfinite(distribution.base.loc), axis=-1)
    mean, std = _moments(distribution)
    quantile = table.wide.transform.forward(_quantiles(table, LEVELS))
    wide = table.wide
    affine = isinstance(distribution.transform, Affine)
    if affine and isinstance(distribution.base, NormalMixture):
        crps = _gaussian_crps(distribution, obs)
    else:
        crps = _table_crps(distribution, table, obs)
    laplace = isinstance(distribution.base, LaplaceMixture)
    modes = _modes(table) if n_modes and not laplace else jnp.zeros(answered.shape, int)
    there = answered[..., None] & ~jnp.isnan(obs)
    nan = lambda x, where: jnp.where(where, x, jnp.nan)  # noqa: E731
    parts: list[Any] = [
        nan(mean, answered),
        nan(std, answered),
        nan(quantile, answered[..., None]),
        nan(wide.log_prob(obs), there),
        nan(crps, there),
        nan(wide.cdf(obs), there),
        jnp.where(answered, modes, 0).astype("i1"),
    ]
    return Described(*parts)


def describe(
    distribution: Transformed, obs: np.ndarray, *, n_modes: bool = True, cells: int = CELLS
) -> Described:
    """Return mean, spread, quantiles, modes, and the scores of readings.

    Parameters
    ----------
    distribution : Transformed
        A mixture of Gaussians or Laplaces of batch shape (...), its transform of any shape that
        broadcasts against it; NaN where nothing is answered.
    obs : array (..., replicate)
        Readings; NaN in gaps.
    n_modes : bool
        Whether modes are counted; otherwise, and of Laplaces, they are 0.
    cells : int
        Distributions described together: memory and speed depend on it, the numbers do not.

    Returns
    -------
    Described
        numpy arrays; scores are NaN in gaps.
    """
    shape = np.shape(distribution.base.loc)[:-1]
    n, replicates = int(np.prod(shape)), np.shape(obs)[-1]
    obs = np.asarray(obs).reshape(n, replicates)
    base = jax.tree.map(lambda a: np.asarray(a).reshape(n, -1), marginal(distribution.base))
    flat = lambda a: np.broadcast_to(np.asarray(a), shape).reshape(n)  # noqa: E731
    scalar = all(np.ndim(a) == 0 for a in jax.tree.leaves(distribution.transform))
    transform = distribution.transform if scalar else jax.tree.map(flat, distribution.transform)
    whole = (base, obs) if scalar else (base, obs, transform)
    width = min(cells, 1 << (n - 1).bit_length())  # few sizes: each is compiled

    def piece(begin: int) -> Described:
        at = np.minimum(np.arange(begin, begin + width), n - 1)
        some = jax.tree.map(lambda a: jnp.asarray(a[at]), whole)
        way = transform if scalar else some[2]
        found = _describe(Transformed(some[0], way), some[1], n_modes)
        return jax.tree.map(lambda a: np.asarray(a)[: n - begin], found)

    with ThreadPoolExecutor(len(workers())) as threads:
        parts = list(threads.map(piece, range(0, n, width)))
    joined = jax.tree.map(lambda *a: np.concatenate(a), *parts)
    return jax.tree.map(lambda a: a.reshape(*shape, *a.shape[1:]), joined)
