"""Training: gradient steps for all members side by side, epoch by epoch, stopped and resumed.

:func:`train` is a generator: it yields the state of training after every epoch (and in between if
asked), as plain numpy arrays. Whoever calls it may store the state, stop, and give it back later:
the weights will be the same to the bit. It opens no files.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rootzone.core.errors import DataError
from rootzone.learn.batches import Batches, batches_of
from rootzone.learn.model import Model
from rootzone.learn.recipe import Recipe, Status, TrainState, start_state
from rootzone.learn.sequences import Sequences
from rootzone.learn.steps import Fixed, frame_of, mean_loss, take_steps
from rootzone.learn.windows import epoch_order


class Progress(NamedTuple):
    """What training tells.

    Attributes
    ----------
    epoch, step : int
        Epochs finished, and steps of the current one.
    train_loss : array (member)
        Mean loss of the epoch (so far) in training.
    valid_loss : array (member) or None
        Mean loss of the validation part, after an epoch.
    status : array (member)
        See :class:`Status`.
    state : TrainState
        To store and to go on from, plain numpy arrays.
    done : bool
        Whether training has ended.
    """

    epoch: int
    step: int
    train_loss: np.ndarray
    valid_loss: np.ndarray | None
    status: np.ndarray
    state: TrainState
    done: bool


def told(status: np.ndarray) -> str:
    """Return one sentence on members that broke, or nothing.

    >>> told(np.array([0, 2]))
    'the loss of 1 of 2 networks became infinite or not a number (members 1): their last good \
weights stay; lower the learning rate or look for impossible targets'
    """
    broken = np.flatnonzero(status == Status.NOT_FINITE)
    if not broken.size:
        return ""
    return (
        f"the loss of {broken.size} of {status.size} networks became infinite or not a number "
        f"(members {', '.join(map(str, broken))}): their last good weights stay; lower the "
        "learning rate or look for impossible targets"
    )


def _orders(n_windows: int, recipe: Recipe, members: int, seed: int, epoch: int) -> np.ndarray:
    """Return window numbers (step, member, batch) of an epoch."""
    each = [
        epoch_order(n_windows, recipe.batch, seed=seed, member=m, epoch=epoch)
        for m in range(members)
    ]
    orders = np.stack(each, axis=1)
    if recipe.drop_last and len(orders) > 1 and (orders[-1] < 0).any():
        orders = orders[:-1]
    return orders


def train(
    model: Model,
    training: Sequences | Callable[[int], Sequences],
    validation: Sequences | None,
    recipe: Recipe,
    *,
    seed: int = 0,
    state: TrainState | None = None,
) -> Iterator[Progress]:
    """Train a model; yield after every epoch, and within as the recipe says.

    Parameters
    ----------
    model : Model
        Where to start.
    training : Sequences or callable
        What to learn from; or a function that returns it for the number of an epoch, as with
        noise that is drawn anew. Then the windows of all epochs are the same in number.
    validation : Sequences, optional
        What decides on the best epoch and on stopping; without it all epochs are run and the
        last weights stay.
    recipe : Recipe
        How to train.
    seed : int
        Randomness of order and dropout.
    state : TrainState, optional
        Go on from here instead of from the start.

    Raises
    ------
    DataError
        If no window holds a target, epochs differ in their windows, or see
        :meth:`Model.prepare`.
    """
    of_epoch = training if callable(training) else None
    ready = lambda data: batches_of(  # noqa: E731
        model, data, recipe.rule, complete_inputs=recipe.complete_inputs
    )
    now = start_state(model, recipe) if state is None else state
    batches = ready(training(int(now.epoch[0])) if callable(training) else training)
    if len(now.status) != model.members:
        raise DataError(
            f"the stored training has {len(now.status)} networks, the model {model.members}"
        )
    steps = len(_orders(batches.n_windows, recipe, 1, seed, 0))
    key = jax.random.key(seed)
    fixed = Fixed(frame_of(model), recipe, batches, key, jnp.asarray(float(steps)))
    held = None
    if validation is not None:
        held = fixed._replace(batches=ready(validation))
    while not _ended(now, recipe):
        orders = _orders(batches.n_windows, recipe, model.members, seed, int(now.epoch[0]))
        while int(now.step[0]) < steps:
            stop = min(steps, int(now.step[0]) + (recipe.save_every or steps))
            now = take_steps(fixed, orders[int(now.step[0]) : stop], now)
            if stop < steps:
                yield _progress(now, None, _mean(now), recipe)
        train_loss = _mean(now)
        valid_loss = None if held is None else mean_loss(held, now.parameters)
        now = _end_epoch(now, valid_loss, recipe)
        yield _progress(now, valid_loss, train_loss, recipe)
        if of_epoch is not None and not _ended(now, recipe):
            fixed = fixed._replace(batches=_alike(ready(of_epoch(int(now.epoch[0]))), fixed))


def _alike(batches: Batches, before: Fixed) -> Batches:
    """Return batches of an epoch that are of the same form as those of the one before."""
    if batches.n_windows != before.batches.n_windows:
        raise DataError(
            f"the epochs have {before.batches.n_windows} and {batches.n_windows} windows with "
            "targets: the same number is wanted"
        )
    return batches


def _ended(state: TrainState, recipe: Recipe) -> bool:
    """Return whether all epochs are done or no member is learning."""
    return int(state.epoch[0]) >= recipe.epochs or not (state.status == Status.RUNNING).any()


def _mean(state: TrainState) -> np.ndarray:
    """Return the training loss so far; NaN for a member that took no step."""
    count = state.loss_count
    return np.where(count > 0, state.loss_sum / np.maximum(count, 1), np.nan)


def _end_epoch(state: TrainState, valid_loss: np.ndarray | None, recipe: Recipe) -> TrainState:
    """Return the state with the best weights so far, at the start of the next epoch."""
    epoch = int(state.epoch[0]) + 1
    running = state.status == Status.RUNNING
    better, status, best_loss = running, state.status, state.best_loss
    if valid_loss is not None:
        better = running & (valid_loss < state.best_loss)
        best_loss = np.where(better, valid_loss, state.best_loss)
        if recipe.patience is not None:
            tired = running & ~better & (epoch - state.best_epoch >= recipe.patience)
            status = np.where(tired, Status.STOPPED, status).astype("i4")
    pick = lambda new, old: np.where(  # noqa: E731
        better.reshape(-1, *[1] * (new.ndim - 1)), new, old
    )
    return state._replace(
        best=jax.tree.map(pick, state.parameters, state.best),
        epoch=np.full_like(state.epoch, epoch),
        step=np.zeros_like(state.step),
        loss_sum=np.zeros_like(state.loss_sum),
        loss_count=np.zeros_like(state.loss_count),
        best_loss=best_loss,
        best_epoch=np.where(better, epoch, state.best_epoch).astype("i4"),
        status=status,
    )


def _progress(state: TrainState, valid_loss, train_loss, recipe: Recipe) -> Progress:
    """Return what to tell."""
    return Progress(
        epoch=int(state.epoch[0]),
        step=int(state.step[0]),
        train_loss=train_loss,
        valid_loss=valid_loss,
        status=state.status,
        state=state,
        done=_ended(state, recipe),
    )


def finish(model: Model, state: TrainState, recipe: Recipe) -> Model:
    """Return the trained model: the best weights of every member, or the last."""
    parameters = state.best if recipe.keep_best else state.parameters
    _, static_part = eqx.partition(model.network, eqx.is_inexact_array)
    network = eqx.combine(jax.tree.map(jnp.asarray, parameters), static_part)
    return eqx.tree_at(lambda m: m.network, model, network)
