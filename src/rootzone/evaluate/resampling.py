"""Bootstrap: the spread of a score over resampled times.

Drawing the row numbers and computing the score are two steps, so that the same rows serve every
score and rows drawn elsewhere can be repeated. Replicate 17 has the same rows whatever the
number of replicates and the precision of the program.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

Seed = int | jax.Array | np.random.Generator


def _replicate_keys(key: jax.Array, replicates: int) -> jax.Array:
    return jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(replicates))


@partial(jax.jit, static_argnames=("replicates", "size"))
def _integers(key: jax.Array, below: int, *, replicates: int, size: int) -> jax.Array:
    # int32 whatever the precision of the program: another type would draw other numbers.
    draw = jax.vmap(lambda key: jax.random.randint(key, (size,), 0, below, jnp.int32))
    return draw(_replicate_keys(key, replicates))


@partial(jax.jit, static_argnames=("n", "replicates", "size"))
def _subsets(key: jax.Array, n: int, *, replicates: int, size: int) -> jax.Array:
    draw = jax.vmap(lambda key: jax.random.permutation(key, n)[:size])
    return draw(_replicate_keys(key, replicates))


def _as_key(seed: int | jax.Array) -> jax.Array:
    return jax.random.key(seed) if isinstance(seed, int) else seed


def bootstrap_indices(
    seed: Seed, *, n: int, replicates: int, size: int | None = None, replace: bool = True
) -> jax.Array:
    """Draw row numbers for a bootstrap of independent times.

    Parameters
    ----------
    seed : int, jax.random key or numpy Generator
        Source of randomness.
    n : int
        Length of the series.
    replicates : int
        Number of replicates.
    size : int, optional
        Rows in each replicate, default ``n``; needed without replacement.
    replace : bool
        With replacement, or without (subsampling: ``size`` distinct rows).

    Returns
    -------
    array of int (replicates, size)
        Row numbers from 0.

    Notes
    -----
    Source: Efron (1979), doi:10.1214/aos/1176344552; without replacement Politis and Romano
    (1994), doi:10.1214/aos/1176325770. Neither respects autocorrelation: see
    :func:`block_indices`.

    Examples
    --------
    >>> bootstrap_indices(np.random.default_rng(1), n=4, replicates=2).tolist()
    [[1, 2, 3, 3], [0, 0, 3, 3]]
    """
    if size is None and not replace:
        raise ValueError("size is missing: without replacement all n rows are always the same")
    size = n if size is None else size
    if not replace and size > n:
        raise ValueError(f"size is {size}, at most n = {n} wanted without replacement")
    if isinstance(seed, np.random.Generator):
        rows = [seed.choice(n, size, replace=replace) for _ in range(replicates)]
        return jnp.asarray(np.stack(rows))
    draw = _integers if replace else _subsets
    return draw(_as_key(seed), n, replicates=replicates, size=size)


def block_indices(
    seed: Seed,
    *,
    n: int,
    replicates: int,
    block: int,
    size: int | None = None,
    circular: bool = True,
) -> jax.Array:
    """Draw row numbers for a block bootstrap: runs of times, so that autocorrelation survives.

    Parameters
    ----------
    seed : int, jax.random key or numpy Generator
        Source of randomness.
    n : int
        Length of the series.
    replicates : int
        Number of replicates.
    block : int
        Length of a run; longer than the memory of the series, much shorter than the series.
    size : int, optional
        Rows in each replicate, default ``n``; the last run is cut.
    circular : bool
        Runs may go over the end and start again at row 0, so that every row is drawn equally
        often; otherwise all runs lie inside (moving blocks).

    Returns
    -------
    array of int (replicates, size)
        Row numbers from 0.

    Notes
    -----
    Source: moving blocks Kunsch (1989), doi:10.1214/aos/1176347265; circular Politis and Romano
    (1992), in LePage and Billard (eds), Exploring the Limits of Bootstrap.

    Examples
    --------
    >>> rows = block_indices(np.random.default_rng(1), n=10, replicates=2, block=4)
    >>> rows.tolist()
    [[4, 5, 6, 7, 5, 6, 7, 8, 7, 8], [9, 0, 1, 2, 0, 1, 2, 3, 1, 2]]
    """
    if not 1 <= block <= n:
        raise ValueError(f"block is {block}, from 1 to n = {n} wanted")
    size = n if size is None else size
    n_blocks = -(-size // block)
    n_starts = n if circular else n - block + 1
    if isinstance(seed, np.random.Generator):
        starts = jnp.asarray(seed.integers(n_starts, size=(replicates, n_blocks)))
    else:
        starts = _integers(_as_key(seed), n_starts, replicates=replicates, size=n_blocks)
    rows = (starts[..., None] + jnp.arange(block)) % n
    return rows.reshape(replicates, -1)[:, :size]


def bootstrap(
    score: Callable[..., Any], *, sim: ArrayLike, obs: ArrayLike, indices: ArrayLike
) -> Any:
    """Return the values of a score over resampled times.

    Parameters
    ----------
    score : callable
        ``score(sim=, obs=)``, for example :func:`rootzone.evaluate.kge_2009`.
    sim, obs : array (..., time)
        Simulated and observed values; pairs stay together, gaps may be resampled too.
    indices : array of int (replicates, size)
        Row numbers, see :func:`bootstrap_indices` and :func:`block_indices`.

    Returns
    -------
    array (replicates, ...) or named tuple of these
        What ``score`` returns, with the replicates as first axis. Quantiles of it are the
        percentile interval.

    Examples
    --------
    >>> from rootzone.evaluate import bias
    >>> values = bootstrap(bias, sim=[1.0, 2.0], obs=[0.0, 0.0], indices=[[0, 0], [0, 1]])
    >>> [round(float(value), 4) for value in values]
    [1.0, 1.5]
    """
    sim, obs = jnp.asarray(sim), jnp.asarray(obs)
    return jax.vmap(lambda rows: score(sim=sim[..., rows], obs=obs[..., rows]))(
        jnp.asarray(indices)
    )
