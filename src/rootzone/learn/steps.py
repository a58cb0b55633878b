"""Gradient steps: gradients added up in small parts, members on threads or together."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rootzone.learn.batches import Batches, gather
from rootzone.learn.model import Model
from rootzone.learn.recipe import Recipe, Status, TrainState, optimizer_of
from rootzone.simulate import workers


class Fixed(NamedTuple):
    """What a gradient step reads and does not change."""

    frame: Model
    """The model without the weights that are trained."""
    recipe: Recipe
    batches: Batches
    key: jax.Array
    steps: jax.Array
    """Steps of an epoch."""


def frame_of(model: Model) -> Model:
    """Return a model without its weights."""
    bare = eqx.partition(model.network, eqx.is_inexact_array)[1]
    return eqx.tree_at(lambda m: m.network, model, bare)


def _sum_loss(parameters, fixed: Fixed, chosen: jax.Array, key: jax.Array | None):
    """Return the sum of the loss over all present targets of some windows, and their number."""
    model, recipe = fixed.frame, fixed.recipe
    network = eqx.combine(parameters, model.network)
    inputs, target, static, upper = gather(
        fixed.batches.data, fixed.batches.windows, chosen, recipe.rule
    )
    raw, _ = network(inputs, static, key=key, skip=recipe.rule.warm_up)
    predicted = model.distribution(raw, upper).spread_out()
    present = jnp.isfinite(target)
    value = jnp.where(present, recipe.loss(predicted, target), 0)
    return jnp.sum(value), jnp.sum(present).astype(value.dtype)


def _gradient(parameters, fixed: Fixed, chosen: jax.Array, key: jax.Array):
    """Return loss sum, number of targets and gradient of their mean, for one member."""
    micro = min(fixed.recipe.micro, fixed.recipe.batch)
    parts = jnp.concatenate([chosen, jnp.full(-len(chosen) % micro, -1, chosen.dtype)])
    parts = parts.reshape(-1, micro)

    def one(total, part):
        (value, count), slope = jax.value_and_grad(_sum_loss, has_aux=True)(
            parameters, fixed, *part
        )
        return jax.tree.map(jnp.add, total, (value, count, slope)), None

    zero = jnp.zeros((), fixed.batches.data.inputs.dtype)
    total = (zero, zero, jax.tree.map(jnp.zeros_like, parameters))
    keys = jax.random.split(key, len(parts))
    (value, count, slope), _ = jax.lax.scan(one, total, (parts, keys))
    return value, count, jax.tree.map(lambda g: g / jnp.maximum(count, 1), slope)


def _freeze(tree, recipe: Recipe, network):
    """Return gradients or updates with zeros for the weights that may not move."""
    free = jax.tree.map(bool, recipe.trainable(network))
    return jax.tree.map(lambda x, flag: x if flag else jnp.zeros_like(x), tree, free)


def _step(fixed: Fixed, chosen: jax.Array, state: TrainState) -> TrainState:
    """Return the state of one member after a step on chosen windows (batch)."""
    recipe, parameters = fixed.recipe, state.parameters
    at_epoch = jax.random.fold_in(jax.random.fold_in(fixed.key, state.member), state.epoch)
    value, count, slope = _gradient(
        parameters, fixed, chosen, jax.random.fold_in(at_epoch, state.step)
    )
    slope = _freeze(slope, recipe, parameters)
    update, moments = optimizer_of(recipe).update(slope, state.optimizer, parameters)
    update = _freeze(update, recipe, parameters)
    epoch = jnp.asarray(state.epoch + state.step / fixed.steps, value.dtype)
    rate = recipe.rate(epoch).astype(value.dtype)
    moved = jax.tree.map(lambda p, u: p - rate * u, parameters, update)
    finite = jax.tree.map(lambda g: jnp.all(jnp.isfinite(g)), slope)
    fine = jnp.isfinite(value) & jnp.all(jnp.stack(jax.tree.leaves(finite)))
    broken = (state.status == Status.RUNNING) & ~fine
    status = jnp.where(broken, Status.NOT_FINITE, state.status).astype("i4")
    go = status == Status.RUNNING
    keep = lambda new, old: jnp.where(go, new, old)  # noqa: E731
    return state._replace(
        parameters=jax.tree.map(keep, moved, parameters),
        optimizer=jax.tree.map(keep, moments, state.optimizer),
        status=status,
        step=state.step + 1,
        loss_sum=state.loss_sum + jnp.where(fine, value, 0),
        loss_count=state.loss_count + jnp.where(fine, count, 0),
    )


@eqx.filter_jit(donate="all-except-first")
def _one_step(fixed: Fixed, chosen: jax.Array, state: TrainState) -> TrainState:
    """Take a step; compiled once for each shape and recipe, whatever the data."""
    return _step(fixed, chosen, state)


@eqx.filter_jit(donate="all-except-first")
def _all_step(fixed: Fixed, chosen: jax.Array, state: TrainState) -> TrainState:
    """Take a step of all members together, ``chosen`` (member, batch)."""
    return jax.vmap(lambda chosen, state: _step(fixed, chosen, state))(chosen, state)


def take_steps(fixed: Fixed, orders: np.ndarray, state: TrainState) -> TrainState:
    """Return the state after steps on windows (step, member, batch), as numpy arrays.

    On a CPU every member goes its own way, on as many threads as there are cores: the same
    program for each, so that a member's numbers are the same to the bit whoever trains beside it.
    On an accelerator members are computed together.
    """
    if jax.default_backend() != "cpu":
        moving = jax.tree.map(jnp.asarray, state)
        for chosen in orders:
            moving = _all_step(fixed, jnp.asarray(chosen), moving)
        return jax.tree.map(np.array, moving)

    def one(m: int) -> TrainState:
        moving = jax.tree.map(lambda a: jnp.asarray(a[m]), state)
        if state.status[m] != Status.RUNNING:
            return moving._replace(step=moving.step + len(orders))
        for chosen in orders[:, m]:
            moving = _one_step(fixed, jnp.asarray(chosen), moving)
        return jax.tree.map(np.asarray, moving)

    return jax.tree.map(lambda *a: np.stack(a), *_threaded(one, len(state.member)))


def _threaded(call: Callable[[int], Any], members: int) -> list:
    """Return the results of a call for every member, on as many threads as there are cores."""
    with ThreadPoolExecutor(min(members, len(workers()))) as pool:
        return list(pool.map(call, range(members)))


@eqx.filter_jit
def _window_loss(fixed: Fixed, parameters, chosen: jax.Array):
    """Return loss sum and target count of some windows for one member, nothing dropped."""
    return _sum_loss(parameters, fixed, chosen, None)


def mean_loss(fixed: Fixed, parameters) -> np.ndarray:
    """Return the mean loss (member) over all windows."""
    width, n_windows = fixed.recipe.micro, fixed.batches.n_windows

    def one(m: int) -> np.ndarray:
        total = np.zeros(2)
        mine = jax.tree.map(lambda a: jnp.asarray(a[m]), parameters)
        for begin in range(0, n_windows, width):
            chosen = np.arange(begin, begin + width, dtype="i4")
            chosen[chosen >= n_windows] = -1
            total += np.asarray(_window_loss(fixed, mine, jnp.asarray(chosen)), float)
        return total[0] / max(total[1], 1)

    members = len(jax.tree.leaves(parameters)[0])
    return np.asarray(_threaded(one, members), "f4")
