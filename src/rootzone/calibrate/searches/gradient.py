"""Ascent along gradients from many starts, through a model that can be differentiated."""

from collections.abc import Generator, Iterator

import jax
import jax.numpy as jnp
import numpy as np
import optax
from scipy.special import expit, logit

from rootzone.calibrate.samplers import latin_hypercube
from rootzone.calibrate.searches.common import (
    Evaluate,
    Evaluated,
    ValueAndGradient,
    ask,
    rank_of,
    require_positive,
)
from rootzone.calibrate.space import Space
from rootzone.core.errors import StudyError

EDGE = 1e-3
"""Starts keep this share of the range from the bounds, where a transformed step is nothing."""
TOO_STEEP = 1e15
"""A gradient beyond it is none: its square is infinite in single precision."""


def ascend(
    value_and_gradient: ValueAndGradient,
    space: Space,
    *,
    starts: int | np.ndarray,
    steps: int,
    learning_rate: optax.ScalarOrSchedule,
    seed: int,
    cost_of_gradient: float,
    evaluate: Evaluate | None = None,
    preselect: int = 0,
) -> Iterator[Evaluated]:
    r"""Climb from many starts side by side, with Adam.

    Positions u in the unit cube are searched as :math:`z = \ln(u / (1 - u))`, so that no step
    leaves the bounds; the gradient of the objective f by z is
    :math:`(\partial f / \partial v) (v_{max} - v_{min}) u (1 - u)` for values v.

    Parameters
    ----------
    value_and_gradient : ValueAndGradient
        The model; asked for all starts at a time that are still climbing.
    space : Space
        Parameters and bounds.
    starts : int or array (start, parameter)
        How many starts of a Latin hypercube, or where to start.
    steps : int
        Gradients of each start.
    learning_rate : float or schedule of optax
        Step of z, at first.
    seed : int
        The same seed gives the same starts.
    cost_of_gradient : float
        Model runs that a value with its gradient costs.
    evaluate : Evaluate, optional
        The model without gradients, for the preselection.
    preselect : int
        Start from the best sets of a Latin hypercube of this size instead of from a hypercube of
        the size of starts; 0 for none.

    Yields
    ------
    Evaluated
        The preselection, and a batch for each step; ``chain`` tells the start (-1 before). A
        start whose objective or gradient is not a number, or a gradient beyond all bounds, ends
        there and ``told`` says so; what it found before counts.

    Raises
    ------
    StudyError
        If the numbers do not make a search, or starts lie outside the bounds.

    Notes
    -----
    Source: Kingma and Ba (2015), arXiv:1412.6980, through optax. Objectives are not smooth
    everywhere; that is why there are many starts, and why the best set is not always the last.
    """
    require_positive(steps=steps)
    if preselect:
        values = yield from _preselected(evaluate, space, starts, preselect, seed)
    elif isinstance(starts, np.ndarray):
        values = _inside(space, starts)
    else:
        require_positive(starts=starts)
        values = latin_hypercube(space, starts, seed)
    z = logit(np.clip(space.to_unit(values), EDGE, 1.0 - EDGE))
    adam = optax.adam(learning_rate)
    state = adam.init(jnp.asarray(z))
    step = jax.jit(adam.update)  # elementwise: starts do not know each other
    climbing = np.ones(len(z), bool)
    width = space.upper - space.lower
    for number in range(steps):
        at = np.flatnonzero(climbing)
        unit = expit(z[at])
        values = np.clip(space.from_unit(unit), space.lower, space.upper)
        objective, slope = _ask(value_and_gradient, values)
        uphill = slope * width * unit * (1.0 - unit)
        usable = (np.abs(uphill) < TOO_STEEP).all(axis=1)  # not if it is not a number
        broken = ~(np.isfinite(objective) & usable)
        climbing[at[broken]] = False
        yield Evaluated(
            values,
            objective,
            np.full(len(at), float(cost_of_gradient)),
            gradient=slope,
            chain=at,
            told=_told(at[broken], len(z), number),
        )
        if not climbing.any():
            return
        descent = np.zeros_like(z)  # optax descends
        descent[at] = -np.where(broken[:, None], 0.0, uphill)
        update, state = step(jnp.asarray(descent), state)
        z = z + np.asarray(update, float)


def steps_of_starts(budget: float, starts: int, cost_of_gradient: float) -> int:
    """Return how many gradients a budget of model runs pays each start.

    Parameters
    ----------
    budget : float
        Model runs.
    starts : int
        Number of starts.
    cost_of_gradient : float
        Model runs that a value with its gradient costs.

    Raises
    ------
    StudyError
        If the budget does not pay one gradient of each start.

    Examples
    --------
    >>> steps_of_starts(1000, starts=32, cost_of_gradient=4.0)
    7
    """
    require_positive(starts=starts)
    steps = int(budget // (starts * cost_of_gradient))
    if steps < 1:
        raise StudyError(
            f"a budget of {budget:g} model runs for {starts} starts: one gradient of each costs "
            f"{starts * cost_of_gradient:g}; take fewer starts or a larger budget"
        )
    return steps


def _ask(function: ValueAndGradient, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    objective, slope = (np.asarray(part, float) for part in function(values.copy()))
    if objective.shape != (len(values),) or slope.shape != values.shape:
        raise ValueError(
            f"{len(values)} sets were asked for, objectives {objective.shape} and gradients "
            f"{slope.shape} came back"
        )
    return objective, slope


def _preselected(
    evaluate: Evaluate | None, space: Space, starts: int | np.ndarray, size: int, seed: int
) -> Generator[Evaluated, None, np.ndarray]:
    """Evaluate a Latin hypercube; return its best sets."""
    if evaluate is None or isinstance(starts, np.ndarray):
        raise StudyError(
            "starts are to be preselected: give their number, and the model without gradients"
        )
    if not 1 <= starts <= size:
        raise StudyError(
            f"{starts} starts are to be the best of {size} sets: between 1 and {size} are wanted"
        )
    values = latin_hypercube(space, size, seed)
    objective = ask(evaluate, values)
    yield Evaluated(values, objective, np.ones(size), chain=np.full(size, -1))
    return values[np.argsort(-rank_of(objective), kind="stable")[:starts]]


def _inside(space: Space, starts: np.ndarray) -> np.ndarray:
    """Return given starts."""
    starts = np.asarray(starts, float)
    if starts.ndim != 2 or starts.shape[1] != len(space) or not len(starts):
        raise StudyError(
            f"starts of shape {starts.shape}: rows of {len(space)} parameters are wanted"
        )
    outside = ~((starts >= space.lower) & (starts <= space.upper))
    if outside.any():
        row, column = np.argwhere(outside)[0]
        raise StudyError(
            f"start {row} lies outside the bounds of '{space.names[column]}' "
            f"({space.lower[column]:g} to {space.upper[column]:g}): move it inside"
        )
    return starts


def _told(broken: np.ndarray, starts: int, step: int) -> str:
    if not broken.size:
        return ""
    return (
        f"{broken.size} of {starts} starts ended at step {step}: their objective or its gradient "
        f"is not a number or without bounds (starts {', '.join(map(str, broken))}); the "
        "best they found counts"
    )
