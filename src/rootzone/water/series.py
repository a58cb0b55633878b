"""A step over a series: the scan that snow, canopy and other stores in front of a column share."""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp

State = TypeVar("State")
Forcing = TypeVar("Forcing")
Fluxes = TypeVar("Fluxes")


def run_series(
    step: Callable[[State, Forcing], tuple[State, Fluxes]], state: State, forcing: Forcing
) -> tuple[State, Fluxes]:
    """Advance a state through a series and collect the fluxes.

    Parameters
    ----------
    step : callable
        ``step(state, forcing) -> (state, fluxes)`` of one interval, parameters bound.
    state : pytree of array (...)
        Before the first interval; broadcast to the shape and precision of what a step returns, so
        that scalars start many columns.
    forcing : pytree of array (time, ...)
        Time comes first in every array.

    Returns
    -------
    state
        After the last interval.
    fluxes : pytree of array (time, ...)
        Of every interval.
    """
    first = jax.tree.map(lambda x: x[0], forcing)
    shapes, _ = jax.eval_shape(step, state, first)
    start = jax.tree.map(
        lambda x, like: jnp.broadcast_to(jnp.asarray(x), like.shape).astype(like.dtype),
        state,
        shapes,
    )
    return jax.lax.scan(step, start, forcing)
