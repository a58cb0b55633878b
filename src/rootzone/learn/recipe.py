"""How to train, and all that a training needs to go on."""

from enum import IntEnum
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from rootzone.learn.finetune import Trainable, everything
from rootzone.learn.losses import Loss, NegativeLogLikelihood
from rootzone.learn.model import Model
from rootzone.learn.schedules import Cosine, Schedule
from rootzone.learn.windows import WindowRule


class Status(IntEnum):
    """How a member fares."""

    RUNNING = 0
    """Still learning."""
    STOPPED = 1
    """No better for as many epochs as patience allows."""
    NOT_FINITE = 2
    """Its loss or gradient became infinite or not a number; its last good weights stay."""


class Recipe(NamedTuple):
    """How to train.

    Attributes
    ----------
    rule : WindowRule
        How series are cut.
    epochs : int
        Largest number of passes.
    batch : int
        Windows per gradient step.
    micro : int
        Windows computed at once, at most: gradients are added up over a batch. Few keep what a
        backward pass needs in the cache of a CPU; it changes round-off only.
    loss : Loss
        What is made small.
    schedule : Schedule or None
        Learning rate; by default a :class:`Cosine` over the epochs.
    clip : float
        Largest norm of a gradient.
    weight_decay : float
        Decoupled weight decay (AdamW).
    patience : int or None
        Epochs without a better validation loss after which a member stops.
    keep_best : bool
        Whether :func:`finish` takes the weights of the best epoch or of the last.
    drop_last : bool
        Leave out the last batch of an epoch if it is not full.
    complete_inputs : bool
        Leave out windows that miss an input.
    save_every : int or None
        Yield the state every so many steps too, not after epochs alone.
    trainable : callable
        Which weights may move: :func:`everything` or :func:`readout_only`.
    """

    rule: WindowRule
    epochs: int = 30
    batch: int = 32
    micro: int = 8
    loss: Loss = NegativeLogLikelihood()
    schedule: Schedule | None = None
    clip: float = 1.0
    weight_decay: float = 0.0
    patience: int | None = 8
    keep_best: bool = True
    drop_last: bool = False
    complete_inputs: bool = False
    save_every: int | None = None
    trainable: Trainable = everything

    def rate(self, epoch: jax.Array) -> jax.Array:
        """Return the learning rate at a time in epochs."""
        return (self.schedule or Cosine(epochs=self.epochs))(epoch)


class TrainState(NamedTuple):
    """All that training needs to go on; member first. Plain arrays and counters.

    Attributes
    ----------
    parameters, best : pytree
        Weights now and at the best epoch.
    optimizer : pytree
        Moments of the optimizer.
    member : int array (member)
        Number of each member: its randomness.
    epoch, step : int array (member)
        Epochs finished, steps taken in the current one; the same for all.
    loss_sum, loss_count : array (member)
        Training loss of the current epoch so far.
    best_loss : array (member)
        Lowest validation loss.
    best_epoch : int array (member)
        When that was, counted from 1; 0 is never.
    status : int array (member)
        See :class:`Status`.
    """

    parameters: Any
    best: Any
    optimizer: Any
    member: np.ndarray
    epoch: np.ndarray
    step: np.ndarray
    loss_sum: np.ndarray
    loss_count: np.ndarray
    best_loss: np.ndarray
    best_epoch: np.ndarray
    status: np.ndarray


def optimizer_of(recipe: Recipe) -> optax.GradientTransformation:
    """Return clipping, Adam and weight decay; the rate is multiplied afterwards."""
    return optax.chain(
        optax.clip_by_global_norm(recipe.clip),
        optax.scale_by_adam(),
        optax.add_decayed_weights(recipe.weight_decay),
    )


def start_state(model: Model, recipe: Recipe) -> TrainState:
    """Return the state of a training that has not begun."""
    parameters, _ = eqx.partition(model.network, eqx.is_inexact_array)
    n = model.members
    dtype = model.network.readout.dtype
    state = TrainState(
        parameters,
        jax.tree.map(jnp.copy, parameters),
        jax.vmap(optimizer_of(recipe).init)(parameters),
        *(np.arange(n, dtype="i4"), np.zeros(n, "i4"), np.zeros(n, "i4")),
        *(np.zeros(n, dtype), np.zeros(n, "f4")),
        *(np.full(n, np.inf, "f4"), np.zeros(n, "i4"), np.zeros(n, "i4")),
    )
    return jax.tree.map(np.asarray, state)
