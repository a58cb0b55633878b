"""Shared numerics: the inverse of a monotone function with its gradient."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike


def invert_monotone(
    fn: Callable[[jax.Array], jax.Array],
    target: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    *,
    max_steps: int = 120,
) -> jax.Array:
    """Solve ``fn(x) = target`` for a monotone, differentiable, elementwise ``fn``.

    Newton steps kept inside a shrinking bracket (a step that leaves it is replaced by a
    bisection), until every element has converged to round-off. The result carries the exact
    first derivative with respect to ``target`` and to everything that ``fn`` closes over
    (implicit function theorem, as one differentiable Newton step at the root).

    Parameters
    ----------
    fn : callable
        Elementwise and monotone on the bracket, increasing or decreasing.
    target : array (...)
        Values to reach.
    lower, upper : array (...)
        The bracket. A target outside ``fn`` of the bracket returns the nearer end (with a zero
        gradient there); the caller decides what that means.
    max_steps : int
        Bound on the number of iterations.

    Returns
    -------
    array (...)
        The root; NaN where ``target`` is NaN.
    """
    target = jnp.asarray(target)
    dtype = jnp.result_type(target, jnp.asarray(lower), jnp.asarray(upper), 1.0)
    shape = jnp.broadcast_shapes(target.shape, jnp.shape(lower), jnp.shape(upper))
    target = jnp.broadcast_to(target, shape).astype(dtype)
    lower = jnp.broadcast_to(jnp.asarray(lower, dtype), shape)
    upper = jnp.broadcast_to(jnp.asarray(upper, dtype), shape)
    eps = jnp.finfo(dtype).eps

    def value_and_slope(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jax.jvp(fn, (x,), (jnp.ones_like(x),))

    goal = jax.lax.stop_gradient(target)
    rising = fn(upper) > fn(lower)

    def body(carry):
        lo, hi, x, last, _, step = carry
        value, slope = value_and_slope(x)
        residual = value - goal
        root_is_left = (residual > 0) == rising
        lo = jnp.where(root_is_left, lo, x)
        hi = jnp.where(root_is_left, x, hi)
        newton = x - residual / jnp.where(slope == 0, 1.0, slope)
        # A Newton step must stay inside and at least halve the step before, otherwise bisect:
        # on a flat stretch it would creep along the bracket.
        fine = (newton > lo) & (newton < hi) & (slope != 0)
        fine &= jnp.abs(newton - x) <= 0.5 * jnp.abs(last)
        new = jnp.where(fine, newton, 0.5 * (lo + hi))
        new = jnp.where(residual == 0, x, new)
        done = (jnp.abs(new - x) <= 2 * eps * jnp.abs(x)) | jnp.isnan(residual)
        return lo, hi, new, new - x, done, step + 1

    def unfinished(carry):
        return (carry[5] < max_steps) & ~jnp.all(carry[4])

    width = upper - lower
    start = (lower, upper, 0.5 * (lower + upper), width, jnp.zeros(shape, bool), 0)
    root = jax.lax.stop_gradient(jax.lax.while_loop(unfinished, body, start)[2])

    # One differentiable Newton step: the root does not move, its derivative becomes right.
    slope = jax.lax.stop_gradient(value_and_slope(root)[1])
    value = fn(root)
    outside = (goal - fn(lower)) * (goal - fn(upper)) > 0
    correction = (value - target) / jnp.where(slope == 0, 1.0, slope)
    correction = correction - jax.lax.stop_gradient(correction)
    return jnp.where(jnp.isnan(goal), jnp.nan, jnp.where(outside, root, root - correction))
